//! The one place where labels write GS1 element strings and Digital Links.
//!
//! Sources: GS1 General Specifications, sections 3 (application identifiers) and 7.8 (element strings); GS1 Digital Link
//! Standard, URI Syntax, section 4 (percent-encoding).

use crate::gs1;

/// What a value behind an application identifier may be: AI, fewest and most characters, digits only.
///
/// Only what labels of the house write; every AI whose length is predefined is a row with equal bounds.
const WRITTEN: &[(&str, usize, usize, bool)] = &[
    ("00", 18, 18, true),
    ("01", 14, 14, true),
    ("02", 14, 14, true),
    ("10", 1, 20, false),
    ("11", 6, 6, true),
    ("12", 6, 6, true),
    ("13", 6, 6, true),
    ("15", 6, 6, true),
    ("16", 6, 6, true),
    ("17", 6, 6, true),
    ("20", 2, 2, true),
    ("21", 1, 20, false),
    ("22", 1, 20, false),
    ("240", 1, 30, false),
    ("241", 1, 30, false),
    ("250", 1, 30, false),
    ("254", 1, 20, false),
    ("30", 1, 8, true),
    ("310", 6, 6, true),
    ("37", 1, 8, true),
    ("400", 1, 30, false),
    ("410", 13, 13, true),
    ("414", 13, 13, true),
    ("8004", 1, 30, false),
    ("91", 1, 90, false),
    ("92", 1, 90, false),
];

/// Why an element cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWritable {
    #[error("({0}) is no application identifier that labels write")]
    Ai(String),
    #[error("({ai}) takes {min} to {max} {what}, and `{value}` is none such")]
    Value { ai: String, value: String, min: usize, max: usize, what: &'static str },
    #[error("the check digit of ({ai}) {value} must be {right}")]
    CheckDigit { ai: String, value: String, right: u8 },
}

/// The row of an AI; the fourth digit of a 310n says how many of its six digits are decimals.
fn row(ai: &str) -> Option<&'static (&'static str, usize, usize, bool)> {
    let weight = ai.strip_prefix("310").is_some_and(|decimals| matches!(decimals, "0" | "1" | "2" | "3" | "4" | "5"));
    WRITTEN.iter().find(|row| row.0 == if weight { "310" } else { ai } && (ai != "310"))
}

/// Whether labels can write this application identifier.
pub fn is_written(ai: &str) -> bool {
    row(ai).is_some()
}

/// Whether nothing needs to end the value, because its length is predefined. Source: General Specifications, figure 7.8.5-2.
fn predefined(ai: &str) -> bool {
    matches!(ai, "00" | "01" | "02" | "11" | "12" | "13" | "15" | "16" | "17" | "20" | "410" | "414")
        || ai.starts_with("310")
}

/// The element string of `elements` as a scanner transmits it, without AIM identifier: those of predefined length first, FNC1
/// (here 1D) only between a value of variable length and what follows it. The FNC1 in first position is the symbol's part.
///
/// # Errors
/// The first element that is none.
pub fn write(elements: &[(String, String)]) -> Result<String, NotWritable> {
    for (ai, value) in elements {
        check(ai, value)?;
    }
    let (fixed, variable): (Vec<_>, Vec<_>) = elements.iter().partition(|(ai, _)| predefined(ai));
    let mut message: String = fixed.iter().map(|(ai, value)| format!("{ai}{value}")).collect();
    let variable: Vec<String> = variable.iter().map(|(ai, value)| format!("{ai}{value}")).collect();
    message += &variable.join(&char::from(gs1::GROUP_SEPARATOR).to_string());
    Ok(message)
}

fn check(ai: &str, value: &str) -> Result<(), NotWritable> {
    let Some(&(_, min, max, digits)) = row(ai) else { return Err(NotWritable::Ai(ai.to_owned())) };
    let sound = |byte: u8| if digits { byte.is_ascii_digit() } else { gs1::is_cset_82(byte) };
    if value.len() < min || max < value.len() || !value.bytes().all(sound) {
        let what = if digits { "digits" } else { "letters, digits and !\"%&'()*+,-./:;<=>?_" };
        return Err(NotWritable::Value { ai: ai.to_owned(), value: value.to_owned(), min, max, what });
    }
    let (body, last) = value.split_at(value.len() - 1);
    match gs1::check_digit(body) {
        Some(right) if matches!(ai, "00" | "01" | "02" | "410" | "414") && last != right.to_string() => {
            Err(NotWritable::CheckDigit { ai: ai.to_owned(), value: value.to_owned(), right })
        }
        _ => Ok(()),
    }
}

/// How a person reads the elements: the identifiers in brackets, in the order of the symbol.
pub fn readable(elements: &[(String, String)]) -> String {
    let (fixed, variable): (Vec<_>, Vec<_>) = elements.iter().partition(|(ai, _)| predefined(ai));
    fixed.iter().chain(&variable).map(|(ai, value)| format!("({ai}){value}")).collect()
}

/// A value as a part of a web address: all but the unreserved characters of RFC 3986 as %XX.
pub fn percent_encoded(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ => text += &format!("%{byte:02X}"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(ai, value)| (ai.to_string(), value.to_string())).collect()
    }

    #[test]
    fn separators_stand_only_where_they_are_needed() {
        for (elements, message) in [
            (&[("21", "R7"), ("01", "09521234543213")][..], "010952123454321321R7"),
            (&[("01", "09521234543213"), ("10", "L7"), ("30", "12")], "010952123454321310L7\u{1d}3012"),
            (&[("01", "09521234543213"), ("3103", "000195"), ("17", "261231")], "0109521234543213310300019517261231"),
            (&[("10", "L7"), ("21", "9"), ("00", "095201234567891235")], "0009520123456789123510L7\u{1d}219"),
        ] {
            let elements = pairs(elements);
            let written = write(&elements).unwrap();
            assert_eq!(written, message);
            let read = gs1::parse(written.as_bytes()).unwrap();
            for element in read {
                assert!(elements.contains(&(element.ai.clone(), element.value.clone())), "{element:?}");
            }
        }
        assert_eq!(readable(&pairs(&[("21", "R7"), ("01", "09521234543213")])), "(01)09521234543213(21)R7");
    }

    #[test]
    fn what_is_no_element_is_told() {
        for (ai, value, told) in [
            ("99", "x", "(99) is no application identifier that labels write"),
            ("310", "000195", "(310) is no application identifier that labels write"),
            ("01", "0952", "(01) takes 14 to 14 digits, and `0952` is none such"),
            ("01", "09521234543214", "the check digit of (01) 09521234543214 must be 3"),
            ("21", "", "(21) takes 1 to 20 letters, digits and !\"%&'()*+,-./:;<=>?_, and `` is none such"),
            ("10", "红", "(10) takes 1 to 20 letters, digits and !\"%&'()*+,-./:;<=>?_, and `红` is none such"),
        ] {
            assert_eq!(write(&pairs(&[(ai, value)])).unwrap_err().to_string(), told);
        }
    }

    #[test]
    fn addresses_are_escaped() {
        assert_eq!(percent_encoded("L/7 红+~"), "L%2F7%20%E7%BA%A2%2B~");
    }
}
