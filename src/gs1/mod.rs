//! GS1 keys and element strings, as far as the first stations need them: GTIN, serial, lot, dates, SSCC.
//!
//! Source: GS1 General Specifications, sections 3 and 7.8 (element strings), 7.9 (check digits).

/// One application identifier with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    pub ai: String,
    pub value: String,
}

/// Why bytes are not an element string.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnElementString {
    #[error("unknown application identifier at byte {at}")]
    UnknownAi { at: usize },
    #[error("the value of ({ai}) at byte {at} has the wrong length or characters")]
    Value { ai: String, at: usize },
    #[error("the check digit of ({ai}) at byte {at} is wrong")]
    CheckDigit { ai: String, at: usize },
}

/// FNC1 as scanners transmit it between elements.
pub const GROUP_SEPARATOR: u8 = 0x1d;

/// AI, characters of the value (minimum, maximum), digits only, ends without separator ("predefined length"), has a check digit.
const TABLE: &[(&str, usize, usize, bool, bool, bool)] = &[
    ("00", 18, 18, true, true, true),
    ("01", 14, 14, true, true, true),
    ("02", 14, 14, true, true, true),
    ("10", 1, 20, false, false, false),
    ("11", 6, 6, true, true, false),
    ("13", 6, 6, true, true, false),
    ("15", 6, 6, true, true, false),
    ("17", 6, 6, true, true, false),
    ("21", 1, 20, false, false, false),
    ("30", 1, 8, true, false, false),
    ("37", 1, 8, true, false, false),
    ("240", 1, 30, false, false, false),
    ("400", 1, 30, false, false, false),
];

/// Characters of an element that needs no separator behind it, AI and value together, by the first two digits of its AI.
/// Source: GS1 General Specifications, figure 7.8.5-2.
fn predefined_length(ai: [u8; 2]) -> Option<usize> {
    Some(match &ai {
        b"00" => 20,
        b"01" | b"02" | b"03" | b"41" => 16,
        b"04" => 18,
        b"20" => 4,
        [b'1', b'1'..=b'9'] => 8,
        [b'3', b'1'..=b'6'] => 10,
        _ => return None,
    })
}

/// Reads an element string without its AIM identifier. An AI that no station needs is stepped over: a weight beside the
/// serial number must not hide it.
///
/// # Errors
/// The first element that cannot be read, with its byte position.
pub fn parse(bytes: &[u8]) -> Result<Vec<Element>, NotAnElementString> {
    let mut elements = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(&(ai, min, max, digits, predefined, check)) =
            TABLE.iter().find(|row| rest.starts_with(row.0.as_bytes()))
        else {
            at += stepped_over(rest).ok_or(NotAnElementString::UnknownAi { at })?;
            continue;
        };
        let body = rest.get(ai.len()..).unwrap_or_default();
        let len = match predefined {
            true => min.min(body.len()),
            false => body.iter().position(|&byte| byte == GROUP_SEPARATOR).unwrap_or(body.len()),
        };
        let value = body.get(..len).unwrap_or_default();
        let sound = |byte: &u8| if digits { byte.is_ascii_digit() } else { is_cset_82(*byte) };
        if len < min || max < len || !value.iter().all(sound) {
            return Err(NotAnElementString::Value { ai: ai.to_owned(), at });
        }
        let value = String::from_utf8_lossy(value).into_owned();
        if check && !check_digit_holds(&value) {
            return Err(NotAnElementString::CheckDigit { ai: ai.to_owned(), at });
        }
        elements.push(Element { ai: ai.to_owned(), value });
        at += ai.len() + len;
        // A separator after a predefined length is tolerated.
        if bytes.get(at) == Some(&GROUP_SEPARATOR) {
            at += 1;
        }
    }
    Ok(elements)
}

/// Length of the element at the front of `rest`, its separator included; `None` when it is none.
fn stepped_over(rest: &[u8]) -> Option<usize> {
    let &[first @ b'0'..=b'9', second @ b'0'..=b'9', ..] = rest else { return None };
    let len = match predefined_length([first, second]) {
        Some(len) => len,
        None => rest.iter().position(|&byte| byte == GROUP_SEPARATOR).unwrap_or(rest.len()),
    };
    // Two digits alone are no element.
    let element =
        rest.get(..len).filter(|element| 2 < element.len() && element.iter().all(|byte| is_cset_82(*byte)))?;
    Some(element.len() + usize::from(rest.get(len) == Some(&GROUP_SEPARATOR)))
}

/// GS1 AI encodable character set 82.
pub(crate) fn is_cset_82(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!\"%&'()*+,-./:;<=>?_".contains(&byte)
}

/// The modulo-10 check digit of `digits` (without it): weights 3, 1, 3 from the right.
pub fn check_digit(digits: &str) -> Option<u8> {
    let sum =
        digits.bytes().rev().zip([3, 1].into_iter().cycle()).try_fold(0_u32, |sum, (byte, weight)| {
            byte.is_ascii_digit().then(|| sum + u32::from(byte - b'0') * weight)
        })?;
    u8::try_from((10 - sum % 10) % 10).ok()
}

/// Whether the last digit is the check digit of those before it.
pub fn check_digit_holds(digits: &str) -> bool {
    let Some((body, last)) = digits.len().checked_sub(1).and_then(|at| digits.split_at_checked(at)) else {
        return false;
    };
    check_digit(body).is_some_and(|digit| last.as_bytes() == [b'0' + digit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn element_strings() {
        let pairs = |bytes: &[u8]| -> Result<Vec<(String, String)>, NotAnElementString> {
            Ok(parse(bytes)?.into_iter().map(|element| (element.ai, element.value)).collect())
        };
        let of = |list: &[(&str, &str)]| list.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect::<Vec<_>>();
        assert_eq!(pairs(b"010952123454321321ABC-1"), Ok(of(&[("01", "09521234543213"), ("21", "ABC-1")])));
        assert_eq!(pairs(b"10L7\x1d0109521234543213"), Ok(of(&[("10", "L7"), ("01", "09521234543213")])));
        assert_eq!(pairs(b"00095201234567891235"), Ok(of(&[("00", "095201234567891235")])));
        assert_eq!(pairs(b"0109521234543214"), Err(NotAnElementString::CheckDigit { ai: "01".into(), at: 0 }));
        let serial = of(&[("01", "09521234543213"), ("21", "R7")]);
        assert_eq!(
            pairs(b"0109521234543213310300342021R7"),
            Ok(serial.clone()),
            "net weight, six digits behind its AI"
        );
        assert_eq!(pairs(b"010952123454321399abc\x1d21R7"), Ok(serial.clone()), "a company's own words");
        assert_eq!(pairs(b"01095212345432132001\x1d21R7\x1d8020X"), Ok(serial), "variant and a payment slip");
        for wrong in [&b"99"[..], b"XX12", b"9", b"31030", b"99 a\x01"] {
            assert_eq!(pairs(wrong), Err(NotAnElementString::UnknownAi { at: 0 }), "{wrong:?}");
        }
        assert_eq!(pairs(b"01095212"), Err(NotAnElementString::Value { ai: "01".into(), at: 0 }));
    }
}
