//! Element strings as symbols carry them: AIs and values one behind the other, FNC1 (transmitted as GS) behind a value
//! whose length is not known beforehand.
//!
//! Source: GS1 General Specifications, section 7.8.

use crate::gs1::lint::is_cset_82;
use crate::gs1::table::{self, Row};
use crate::gs1::{Ai, Element, Elements, GROUP_SEPARATOR, ReadError, Rule, TEXT_MAX, pairs};

/// Reads an element string without its symbology identifier and holds it to every rule.
///
/// # Errors
/// The first rule that is broken, with the byte.
pub fn parse(bytes: &[u8]) -> Result<Elements, ReadError> {
    parse_by(bytes, Rule::Strict)
}

/// Reads an element string for the identity in it: what no identity rests on may be unknown or wrong and is kept as such.
/// A weight beside the serial number must not hide it.
///
/// # Errors
/// An element whose end cannot be known, or a wrong qualifier of the key, without which it would be another thing.
pub fn parse_lenient(bytes: &[u8]) -> Result<Elements, ReadError> {
    parse_by(bytes, Rule::Lenient)
}

pub(super) fn parse_by(bytes: &[u8], rule: Rule) -> Result<Elements, ReadError> {
    if bytes.is_empty() {
        return Err(ReadError::Empty);
    }
    if TEXT_MAX < bytes.len() {
        return Err(ReadError::TooLong { len: bytes.len() });
    }
    let mut elements = Elements::default();
    let mut places = Vec::new();
    let mut doubts = Vec::new();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let (ai, value) = match (table::row_at_front(rest), rule) {
            (Some(row), Rule::Strict) => (Ai::Known(row), sound(row, rest, at)?),
            (Some(row), Rule::Lenient) => match sound(row, rest, at) {
                Ok(value) => (Ai::Known(row), value),
                Err(error) => {
                    let value = kept(rest, row.ai.len()).ok_or_else(|| error.clone())?;
                    doubts.push((row, error));
                    (Ai::Doubtful(row), value)
                }
            },
            (None, Rule::Strict) => return Err(ReadError::unknown_ai(at, rest)),
            (None, Rule::Lenient) => unknown(rest).ok_or_else(|| ReadError::unknown_ai(at, rest))?,
        };
        elements.push(ai, value, at)?;
        places.push(at);
        at += ai.digits().len() + value.len();
        // A separator behind a predefined length is tolerated.
        at += usize::from(bytes.get(at) == Some(&GROUP_SEPARATOR));
    }
    if rule == Rule::Strict {
        pairs::check(&elements, |index| places.get(index).copied().unwrap_or_default())?;
    }
    match doubts.into_iter().find(|(row, _)| qualifies(row, &elements)) {
        Some((_, error)) => Err(error),
        None => Ok(elements),
    }
}

/// Whether an element of this row makes another thing of the key that is there. Of a trade item these are serial and lot:
/// a wrong variant does not hide them.
fn qualifies(row: &Row, elements: &Elements) -> bool {
    if elements.get("01").or(elements.get("00")).is_some() {
        return matches!(row.ai.as_str(), "10" | "21");
    }
    let keys = elements.iter().filter_map(|element| element.ai.row()?.qualifiers.as_ref());
    keys.flatten().flatten().any(|ai| *ai == row.ai)
}

/// The value behind the AI of `row` at the front of `rest`, checked.
fn sound<'a>(row: &Row, rest: &'a [u8], at: usize) -> Result<&'a [u8], ReadError> {
    let body = rest.get(row.ai.len()..).unwrap_or_default();
    let value = up_to_separator(body);
    let value = match row.predefined {
        true => value.get(..row.max()).unwrap_or(value),
        false => value,
    };
    let fault = |wrong| ReadError::value(&row.ai, at + row.ai.len(), wrong);
    row.check(value).map_err(fault)?;
    Ok(value)
}

/// An element whose AI the dictionary does not have. The first two digits of an AI mostly tell how many it has.
fn unknown(rest: &[u8]) -> Option<(Ai, &[u8])> {
    [table::ai_len(rest).unwrap_or(2), 2].into_iter().find_map(|len| {
        let ai = rest.get(..len).filter(|ai| ai.iter().all(u8::is_ascii_digit))?;
        Some((Ai::unknown(ai), kept(rest, len)?))
    })
}

/// The value of an element that is not understood, behind an AI of `ai_len` digits. Two digits alone are no element.
fn kept(rest: &[u8], ai_len: usize) -> Option<&[u8]> {
    let element = match rest {
        &[first, second, ..] => match predefined_len([first, second]) {
            Some(len) => rest.get(..len)?,
            None => up_to_separator(rest),
        },
        _ => return None,
    };
    let value = element.get(ai_len..)?;
    (2 < element.len() && value.iter().all(|byte| is_cset_82(*byte))).then_some(value)
}

fn up_to_separator(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == GROUP_SEPARATOR).next().unwrap_or_default()
}

/// Characters of an element that needs no separator behind it, AI and value together, by the first two digits of its AI:
/// they also hold for AIs that are not given out yet. Source: GS1 General Specifications, figure 7.8.5-2.
fn predefined_len(ai: [u8; 2]) -> Option<usize> {
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

/// The shortest element string of these elements: those of predefined length first, a separator only behind another one
/// that something follows.
pub fn write(elements: &Elements) -> Vec<u8> {
    let predefined = |element: &&Element| element.ai.row().is_some_and(|row| row.predefined);
    let first = elements.iter().filter(predefined);
    joined(first.chain(elements.iter().filter(|element| !predefined(element))))
}

/// The element string of these elements in their own order.
pub fn write_in_order(elements: &Elements) -> Vec<u8> {
    joined(elements.iter())
}

fn joined<'a>(elements: impl Iterator<Item = &'a Element>) -> Vec<u8> {
    let mut written = Vec::new();
    let mut open = false;
    for element in elements {
        if open {
            written.push(GROUP_SEPARATOR);
        }
        written.extend_from_slice(element.ai.digits().as_bytes());
        written.extend_from_slice(element.value.as_bytes());
        open = !element.ai.row().is_some_and(|row| row.predefined);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lenient_reading_keeps_and_marks_what_it_does_not_understand() {
        let shown = |bytes: &[u8]| -> Result<Vec<String>, ReadError> {
            let word = |ai: &Ai| match ai {
                Ai::Known(_) => "",
                Ai::Doubtful(_) => "?",
                Ai::Unknown(_) => "!",
            };
            Ok(parse_lenient(bytes)?.iter().map(|e| format!("({}{}){}", e.ai, word(&e.ai), e.value)).collect())
        };
        for (bytes, want) in [
            (&b"0109521234543213310300342021R7"[..], &["(01)09521234543213", "(3103)003420", "(21)R7"][..]),
            (b"010952123454321399abc\x1d21R7", &["(01)09521234543213", "(99)abc", "(21)R7"]),
            (b"01095212345432132001\x1d21R7\x1d8020X", &["(01)09521234543213", "(20)01", "(21)R7", "(8020)X"]),
            (b"0109521234543213310900342021R7", &["(01)09521234543213", "(3109!)003420", "(21)R7"]),
            (b"010952123454321389abc\x1d21R7", &["(01)09521234543213", "(89!)abc", "(21)R7"]),
            (b"01095212345432131726133121R7", &["(01)09521234543213", "(17?)261331", "(21)R7"]),
            (b"010952123454321339321234567\x1d21R7", &["(01)09521234543213", "(3932?)1234567", "(21)R7"]),
            (b"010952123454321370401AB%\x1d21R7", &["(01)09521234543213", "(7040?)1AB%", "(21)R7"]),
            (b"01095212345432141726123121R7", &["(01?)09521234543214", "(17)261231", "(21)R7"]),
        ] {
            let text = bytes.escape_ascii();
            assert_eq!(shown(bytes).unwrap_or_else(|error| panic!("{text}: {error}")), want, "{text}");
        }
        for wrong in [&b"89"[..], b"XX12", b"9", b"31030", b"99 a\x01", b"01095212", b"", b"\x1d21R7"] {
            assert!(parse_lenient(wrong).is_err(), "{}", wrong.escape_ascii());
        }
        let serial = parse_lenient(b"010952123454321321ABCDEFGHIJKLMNOPQRSTU").unwrap_err();
        assert_eq!(serial.to_string(), "(21) at byte 38: the value is too long", "a serial number must not be dropped");
        assert_eq!(parse_lenient(b"0109521234543214").unwrap().get("01"), None, "a wrong key is not given out");
    }

    #[test]
    fn the_shortest_form_is_written() {
        let elements = Elements::of([("21", "7"), ("01", "09521234543213"), ("10", "L"), ("17", "261231")]).unwrap();
        assert_eq!(write(&elements), b"010952123454321317261231217\x1d10L");
        assert_eq!(write_in_order(&elements), b"217\x1d010952123454321310L\x1d17261231");
    }
}
