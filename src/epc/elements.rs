//! Keys as people and web pages write them: AIs in brackets, GS1 Digital Link.
//!
//! Not by the GS1 room: a tag may hold what GS1's linters refuse (a component's serial 0, piece 50 of 0), and is shown and
//! written back all the same.
//!
//! Source: GS1 General Specifications, section 4.14 (human readable interpretation); GS1 Digital Link Standard, URI Syntax,
//! sections 4 and 5 (keys, qualifiers, percent-encoding).

use super::fault::NotWritten;
use super::table_f::codings;

/// One application identifier with its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Element {
    pub ai: String,
    pub value: String,
}

/// Where keys are looked up when nobody says otherwise.
const DOMAIN: &str = "https://id.gs1.org";

/// AIs that begin the path of a Digital Link, as far as EPCs name them.
const KEYS: [&str; 11] = ["00", "01", "253", "255", "414", "8003", "8004", "8006", "8010", "8017", "8018"];

/// AIs that narrow a key and stand behind it in the path, in that order.
const QUALIFIERS: [(&str, &[&str]); 4] =
    [("01", &["22", "10", "21"]), ("8006", &["22", "10", "21"]), ("414", &["254", "7040"]), ("8010", &["8011"])];

/// `(01)80614141123458(21)a\(1`: a bracket in a value has a backslash in front, which no value has itself.
pub(super) fn bracketed(elements: &[Element]) -> String {
    elements.iter().map(|element| format!("({}){}", element.ai, element.value.replace('(', "\\("))).collect()
}

/// Key and qualifiers in the path, the rest behind a question mark.
pub(super) fn digital_link(elements: &[Element]) -> Option<String> {
    let key = elements.iter().find(|element| KEYS.contains(&element.ai.as_str()))?;
    let behind = QUALIFIERS.iter().find(|(ai, _)| *ai == key.ai).map_or(&[][..], |(_, behind)| behind);
    let qualifiers = behind.iter().filter_map(|ai| elements.iter().find(|element| element.ai == *ai));
    let mut link = DOMAIN.to_owned();
    for element in std::iter::once(key).chain(qualifiers) {
        link.push_str(&format!("/{}/{}", element.ai, escaped(&element.value, is_unreserved)));
    }
    let rest = elements.iter().filter(|of| *of != key && !behind.contains(&of.ai.as_str()));
    for (at, element) in rest.enumerate() {
        let sign = if at == 0 { '?' } else { '&' };
        link.push_str(&format!("{sign}{}={}", element.ai, escaped(&element.value, is_unreserved)));
    }
    Some(link)
}

/// Reads what [`bracketed`] writes.
pub(super) fn of_brackets(text: &str) -> Result<Vec<Element>, NotWritten> {
    let mut elements = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let wrong = || NotWritten::Brackets(rest.to_owned());
        let (ai, behind) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).ok_or_else(wrong)?;
        if codings(ai).is_none() {
            return Err(wrong());
        }
        let mut end = behind.len();
        for (at, _) in behind.match_indices('(') {
            if !behind.get(..at).is_some_and(|before| before.ends_with('\\')) {
                end = at;
                break;
            }
        }
        let (value, next) = behind.split_at_checked(end).ok_or_else(wrong)?;
        elements.push(Element { ai: ai.to_owned(), value: value.replace("\\(", "(") });
        rest = next;
    }
    Ok(elements)
}

/// Reads the path of a web address from the first AI that begins a key, and the AIs of its query. `None` when there is no key.
pub(super) fn of_link(text: &str) -> Option<Result<Vec<Element>, NotWritten>> {
    let (scheme, rest) = text.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    let whole = rest.split('#').next().unwrap_or_default();
    let (path, query) = whole.split_once('?').unwrap_or((whole, ""));
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let start = segments.iter().position(|segment| KEYS.contains(segment))?;
    let pairs = segments.get(start..)?.as_chunks::<2>().0.iter().map(|[ai, value]| (*ai, *value));
    let asked = query.split(['&', ';']).filter_map(|pair| pair.split_once('='));
    // A query may say anything; what is no AI is not for us.
    let known = pairs.chain(asked).filter(|(ai, _)| codings(ai).is_some());
    Some(known.map(|(ai, value)| Ok(Element { ai: ai.to_owned(), value: unescaped(value)? })).collect())
}

/// Characters of a Digital Link that need no percent sign.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// The text with a percent sign and two hex digits for every byte that is not `plain`.
pub(super) fn escaped(text: &str, plain: fn(u8) -> bool) -> String {
    let mut written = String::with_capacity(text.len());
    for byte in text.bytes() {
        match plain(byte) {
            true => written.push(char::from(byte)),
            false => written.push_str(&format!("%{byte:02X}")),
        }
    }
    written
}

pub(super) fn unescaped(text: &str) -> Result<String, NotWritten> {
    let wrong = || NotWritten::Escape(text.to_owned());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        match (first, after) {
            (b'%', &[high, low, ref after @ ..]) => {
                let digit = |byte: u8| char::from(byte).to_digit(16).ok_or_else(wrong);
                // Two hex digits are a byte.
                bytes.push((digit(high)? << 4 | digit(low)?) as u8);
                rest = after;
            }
            (b'%', _) => return Err(wrong()),
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(list: &[(&str, &str)]) -> Vec<Element> {
        list.iter().map(|(ai, value)| Element { ai: (*ai).to_owned(), value: (*value).to_owned() }).collect()
    }

    #[test]
    fn brackets_and_links_are_read_as_written() {
        for (list, brackets, link) in [
            (
                &[("01", "85071219236581"), ("21", ".%:.13&")][..],
                "(01)85071219236581(21).%:.13&",
                "https://id.gs1.org/01/85071219236581/21/.%25%3A.13%26",
            ),
            (
                &[("01", "85071219236581"), ("21", "!'()*;=+,"), ("10", "L/7"), ("17", "261231"), ("3103", "000042")],
                "(01)85071219236581(21)!'\\()*;=+,(10)L/7(17)261231(3103)000042",
                "https://id.gs1.org/01/85071219236581/10/L%2F7/21/%21%27%28%29%2A%3B%3D%2B%2C?17=261231&3103=000042",
            ),
            (&[("00", "106141412345678908")], "(00)106141412345678908", "https://id.gs1.org/00/106141412345678908"),
        ] {
            let elements = of(list);
            assert_eq!(bracketed(&elements), brackets);
            assert_eq!(of_brackets(brackets).unwrap(), elements);
            assert_eq!(digital_link(&elements).as_deref(), Some(link));
            let mut back = of_link(link).unwrap().unwrap();
            let mut wanted = elements;
            back.sort();
            wanted.sort();
            assert_eq!(back, wanted);
        }
        let shop =
            of_link("HTTP://shop.example/rings/01/9521234543213/21/47%2F11?utm=x&17=261231#top").unwrap().unwrap();
        assert_eq!(shop, of(&[("01", "9521234543213"), ("21", "47/11"), ("17", "261231")]));
        for none in ["https://shop.example/item/4711", "ftp://id.gs1.org/01/2", "01/2", ""] {
            assert_eq!(of_link(none), None, "{none}");
        }
        assert!(of_link("https://id.gs1.org/01/1/21/%4").unwrap().is_err());
        for wrong in ["01)1", "(01", "(0x)1", "(9999)1", "(01)1(", "x"] {
            assert!(of_brackets(wrong).is_err(), "{wrong}");
        }
    }
}
