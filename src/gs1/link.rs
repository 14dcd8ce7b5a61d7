//! GS1 Digital Link: the web address in a QR code that names a thing, uncompressed, both ways.
//!
//! `https://domain/maybe/a/folder/KEY/value/QUALIFIER/value?AI=value#fragment`: the rightmost key of the path counts, its
//! qualifiers follow in the order of the dictionary, everything else stands behind the question mark. Source: GS1 Digital
//! Link Standard, URI Syntax, sections 4 and 5.

use crate::gs1::fault::Wrong;
use crate::gs1::lint::Charset;
use crate::gs1::table::{self, Row};
use crate::gs1::{Ai, Element, Elements, ReadError, Rule, TEXT_MAX, pairs};

/// Where canonical links live.
pub const CANONICAL_STEM: &str = "https://id.gs1.org";

/// Reads a Digital Link and holds it to every rule. A GTIN of 8, 12 or 13 digits is filled up to 14.
///
/// # Errors
/// The first rule that is broken, with the byte.
pub fn parse(text: &str) -> Result<Elements, ReadError> {
    parse_by(text, Rule::Strict)
}

/// Reads a Digital Link for the identity in its path: what stands elsewhere or does not hold is kept as doubtful.
///
/// # Errors
/// No web address, or none with a sound key in its path.
pub fn parse_lenient(text: &str) -> Result<Elements, ReadError> {
    parse_by(text, Rule::Lenient)
}

/// Whether a text begins as a Digital Link must. The scheme is written in small or in capital letters, never mixed.
pub(super) fn is_web_address(text: &str) -> bool {
    ["https://", "HTTPS://", "http://", "HTTP://"].iter().any(|scheme| text.starts_with(scheme))
}

/// A piece of an address and where it stands in it.
#[derive(Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    at: usize,
}

/// An AI with its value, as they stand in an address.
#[derive(Clone, Copy)]
struct Pair<'a> {
    ai: Piece<'a>,
    value: Piece<'a>,
}

pub(super) fn parse_by(text: &str, rule: Rule) -> Result<Elements, ReadError> {
    let (path, query) = parts(text, rule)?;
    let found = match rule {
        Rule::Strict => key_of_pairs(&path),
        Rule::Lenient => sound_key(&path),
    };
    let mut pairs = Pairs { rule, elements: Elements::default(), places: Vec::new() };
    for pair in found.ok_or(ReadError::NoKey)? {
        pairs.in_path(pair)?;
    }
    pairs.elements.path = pairs.elements.len();
    for pair in query {
        pairs.in_query(pair)?;
    }
    pairs.end()
}

/// The pieces of the path, and the AIs with values of the query.
fn parts(text: &str, rule: Rule) -> Result<(Vec<Piece<'_>>, Vec<Pair<'_>>), ReadError> {
    if TEXT_MAX < text.len() {
        return Err(ReadError::TooLong { len: text.len() });
    }
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(byte);
    if let (Rule::Strict, Some(at)) = (rule, text.bytes().position(|byte| !legal(&byte))) {
        return Err(ReadError::Character { at });
    }
    let (scheme, rest) = text.split_once("://").ok_or(ReadError::Scheme)?;
    let sound = match rule {
        Rule::Strict => is_web_address(text),
        Rule::Lenient => scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http"),
    };
    if !sound {
        return Err(ReadError::Scheme);
    }
    let start = scheme.len() + 3;
    let (domain, path) = rest.split_once('/').ok_or(ReadError::Domain { at: start })?;
    // Whose domain it is says nothing about the thing.
    if rule == Rule::Strict {
        let wrong = domain.find(|c| "_~?#@!$&'()*+,;=%".contains(c));
        if let Some(at) = wrong.or(domain.is_empty().then_some(0)) {
            return Err(ReadError::Domain { at: start + at });
        }
    }
    let start = start + domain.len() + 1;
    let before_fragment = path.split('#').next().unwrap_or_default();
    let (path, query) = before_fragment.split_once('?').unwrap_or((before_fragment, ""));
    let query = pieces(query, '&', start + path.len() + 1).filter_map(|piece| {
        let (ai, value) = piece.text.split_once('=')?;
        let ai = Piece { text: ai, at: piece.at };
        // Other words of an address are none of ours; a value without a word is a mistake.
        let ours = ai.text.bytes().all(|byte| byte.is_ascii_digit());
        ours.then_some(Pair { ai, value: Piece { text: value, at: piece.at + ai.text.len() + 1 } })
    });
    Ok((pieces(path, '/', start).collect(), query.collect()))
}

fn pieces(text: &str, separator: char, start: usize) -> impl Iterator<Item = Piece<'_>> {
    let mut at = start;
    text.split(separator).map(move |text| {
        let piece = Piece { text, at };
        at += text.len() + separator.len_utf8();
        piece
    })
}

/// The pairs from the rightmost key on, as long as there are only AIs behind it.
fn key_of_pairs<'a>(path: &[Piece<'a>]) -> Option<Vec<Pair<'a>>> {
    let mut pairs = Vec::new();
    for pair in path.rchunks_exact(2) {
        let &[ai, value] = pair else { return None };
        let row = table::row(ai.text.as_bytes())?;
        pairs.push(Pair { ai, value });
        if row.qualifiers.is_some() {
            pairs.reverse();
            return Some(pairs);
        }
    }
    None
}

/// The rightmost key whose value holds, whatever stands behind it.
fn sound_key<'a>(path: &[Piece<'a>]) -> Option<Vec<Pair<'a>>> {
    let sound = |at: &usize| match path.get(*at..) {
        Some([ai, value, ..]) => table::row(ai.text.as_bytes())
            .is_some_and(|row| row.qualifiers.is_some() && row.check(&decoded(row, value.text, Place::Path)).is_ok()),
        _ => false,
    };
    let key = (0..path.len()).rev().find(sound)?;
    let pairs = path.get(key..)?.as_chunks::<2>().0;
    Some(pairs.iter().map(|&[ai, value]| Pair { ai, value }).collect())
}

/// Where in an address a value stands: `+` is itself in a path and a blank in a query.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Path,
    Query,
}

/// What is gathered from an address.
struct Pairs {
    rule: Rule,
    elements: Elements,
    places: Vec<usize>,
}

impl Pairs {
    fn in_path(&mut self, pair: Pair<'_>) -> Result<(), ReadError> {
        let Some(row) = table::row(pair.ai.text.as_bytes()) else { return self.unknown(pair) };
        let mut path: Vec<&Row> = self.elements.list.iter().filter_map(|element| element.ai.row()).collect();
        path.push(row);
        let ordered = follows(&path);
        match self.rule {
            Rule::Strict if !ordered => Err(ReadError::Order { ai: row.ai.clone(), at: pair.ai.at }),
            Rule::Strict | Rule::Lenient => self.take(row, pair, Place::Path, ordered || self.rule == Rule::Lenient),
        }
    }

    fn in_query(&mut self, pair: Pair<'_>) -> Result<(), ReadError> {
        let Some(row) = table::row(pair.ai.text.as_bytes()) else { return self.unknown(pair) };
        let (ai, at) = (row.ai.clone(), pair.ai.at);
        let path: Vec<&Row> =
            self.elements.list.iter().take(self.elements.path).filter_map(|element| element.ai.row()).collect();
        let belongs = (1..=path.len()).any(|place| {
            let mut path = path.clone();
            path.insert(place, row);
            follows(&path)
        });
        let twice = self.elements.list.iter().any(|element| element.ai.digits() == ai);
        let fault = match () {
            () if twice => Some(ReadError::Twice { ai, at }),
            () if belongs => Some(ReadError::InPath { ai, at }),
            () if !row.attribute => Some(ReadError::NotAttribute { ai, at }),
            () => None,
        };
        match (fault, self.rule) {
            (Some(fault), Rule::Strict) => Err(fault),
            (fault, _) => self.take(row, pair, Place::Query, fault.is_none()),
        }
    }

    fn take(&mut self, row: &'static Row, pair: Pair<'_>, place: Place, placed: bool) -> Result<(), ReadError> {
        let value = decoded(row, pair.value.text, place);
        let ai = match (row.check(&value), self.rule) {
            (Ok(()), _) if placed => Ai::Known(row),
            (Err(wrong), Rule::Strict) => {
                let raw = Wrong { at: raw_place(row, pair.value.text, wrong.at), ..wrong };
                return Err(ReadError::value(&row.ai, pair.value.at, raw));
            }
            (Ok(()) | Err(_), _) => Ai::Doubtful(row),
        };
        self.push(ai, &value, pair.ai.at)
    }

    /// An AI that the dictionary does not have.
    fn unknown(&mut self, pair: Pair<'_>) -> Result<(), ReadError> {
        let ai = pair.ai.text.as_bytes();
        if self.rule == Rule::Strict {
            return Err(ReadError::unknown_ai(pair.ai.at, ai));
        }
        let value = unescaped(pair.value.text, Place::Query);
        let sound =
            (2..=4).contains(&ai.len()) && Charset::Digits.check(ai).is_ok() && Charset::Set82.check(&value).is_ok();
        match sound {
            true => self.push(Ai::unknown(ai), &value, pair.ai.at),
            false => Ok(()),
        }
    }

    fn push(&mut self, ai: Ai, value: &[u8], at: usize) -> Result<(), ReadError> {
        self.places.push(at);
        self.elements.push(ai, value, at)
    }

    fn end(self) -> Result<Elements, ReadError> {
        if self.rule == Rule::Strict {
            pairs::check(&self.elements, |index| self.places.get(index).copied().unwrap_or_default())?;
        }
        Ok(self.elements)
    }
}

/// Whether a key and what stands behind it in a path are in one of the orders of that key.
fn follows(path: &[&Row]) -> bool {
    let [key, rest @ ..] = path else { return false };
    let Some(sequences) = &key.qualifiers else { return false };
    let within = |sequence: &Vec<String>| {
        let mut open = sequence.iter();
        rest.iter().all(|row| open.any(|ai| *ai == row.ai))
    };
    rest.is_empty() || sequences.iter().any(within)
}

/// A value without its percent-encoding, a short GTIN filled up.
fn decoded(row: &Row, raw: &str, place: Place) -> Vec<u8> {
    let value = unescaped(raw, place);
    match zeros_missing(row, value.len()) {
        0 => value,
        zeros => [&vec![b'0'; zeros], &value[..]].concat(),
    }
}

fn zeros_missing(row: &Row, len: usize) -> usize {
    if row.ai == "01" && matches!(len, 8 | 12 | 13) { 14 - len } else { 0 }
}

fn unescaped(raw: &str, place: Place) -> Vec<u8> {
    let blank = |byte, len| byte == b'+' && len == 1 && place == Place::Query;
    escapes(raw).map(|(byte, len)| if blank(byte, len) { b' ' } else { byte }).collect()
}

/// Each byte of a text and how many it takes there; a percent sign without two hexadecimal digits is itself.
fn escapes(raw: &str) -> impl Iterator<Item = (u8, usize)> {
    let mut rest = raw.as_bytes();
    std::iter::from_fn(move || {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (byte, len) = match *rest {
            [b'%', high, low, ..] => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => (high << 4 | low, 3),
                _ => (b'%', 1),
            },
            [byte, ..] => (byte, 1),
            [] => return None,
        };
        rest = rest.get(len..).unwrap_or_default();
        Some((byte, len))
    })
}

/// Where in the address the byte at `at` of a decoded value stands.
fn raw_place(row: &Row, raw: &str, at: usize) -> usize {
    let len = escapes(raw).count();
    escapes(raw).take(at.saturating_sub(zeros_missing(row, len))).map(|(_, len)| len).sum()
}

/// Text as it stands in a path or query: what is no letter, digit, hyphen, point, underscore or tilde is written as `%2F`.
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Why elements cannot be written as a Digital Link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLink {
    #[error("no key is among the elements")]
    NoKey,
    #[error("({ai}) has no place in a Digital Link with this key")]
    NoPlace { ai: String },
    #[error("({ai}) is unknown or in doubt")]
    Doubtful { ai: String },
}

/// The canonical Digital Link of these elements, at id.gs1.org.
///
/// # Errors
/// No element is a key, or one has no place beside that key.
pub fn write(elements: &Elements) -> Result<String, NoLink> {
    write_on(CANONICAL_STEM, elements)
}

/// The Digital Link of these elements under an address of one's own, as `https://shop.example/rings`.
///
/// # Errors
/// As [`write`].
pub fn write_on(stem: &str, elements: &Elements) -> Result<String, NoLink> {
    if let Some(element) = elements.iter().find(|element| element.ai.row().is_none()) {
        return Err(NoLink::Doubtful { ai: element.ai.to_string() });
    }
    let path = path_of(elements)?;
    let mut link = stem.trim_end_matches('/').to_owned();
    for element in &path {
        link.push_str(&format!("/{}/{}", element.ai, percent_encode(&element.value)));
    }
    let mut written: Vec<Ai> = path.iter().map(|element| element.ai).collect();
    let mut separator = '?';
    for predefined in [true, false] {
        for element in elements {
            let Ai::Known(row) = element.ai else { continue };
            if row.predefined != predefined || written.contains(&element.ai) {
                continue;
            }
            if !row.attribute {
                return Err(NoLink::NoPlace { ai: row.ai.clone() });
            }
            link.push_str(&format!("{separator}{}={}", row.ai, percent_encode(&element.value)));
            separator = '&';
            written.push(element.ai);
        }
    }
    Ok(link)
}

/// The key and as many of its qualifiers as one of its sequences takes.
fn path_of(elements: &Elements) -> Result<Vec<&Element>, NoLink> {
    if let Some(path) = elements.list.get(..elements.path).filter(|path| !path.is_empty()) {
        return Ok(path.iter().collect());
    }
    let key = elements.key().ok_or(NoLink::NoKey)?;
    let sequences = key.ai.row().and_then(|row| row.qualifiers.as_deref()).unwrap_or_default();
    let present = |sequence: &Vec<String>| -> Vec<&Element> {
        sequence.iter().filter_map(|ai| elements.iter().find(|element| element.ai.digits() == ai)).collect()
    };
    let mut best = Vec::new();
    for qualifiers in sequences.iter().map(present) {
        if best.len() < qualifiers.len() {
            best = qualifiers;
        }
    }
    best.insert(0, key);
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gs1::bracketed;

    #[test]
    fn lenient_reading_names_what_other_carriers_name() {
        for (address, want) in [
            ("https://id.gs1.org/01/09521234543213/21/4711", "(01)09521234543213(21)4711"),
            (
                "hTTPs://a/rings/01/9521234543213/22/2A/10/L7/21/47%2F11?17=261231#x",
                "(01)09521234543213(22)2A(10)L7(21)47/11(17)261231",
            ),
            ("https://a/01/09521234543213?21=4711&17=263131&89=x&y=1", "(01)09521234543213"),
            ("https://my_host/01/09521234543213/10/L7/21", "(01)09521234543213(10)L7"),
            ("https://a/01/09521234543213/21/ABCDEFGHIJKLMNOPQRSTU", "(01)09521234543213"),
            ("https://a/01/09521234543213/21/戒指", "(01)09521234543213"),
        ] {
            let elements = parse_lenient(address).unwrap_or_else(|error| panic!("{address}: {error}"));
            let known: Vec<_> = elements.iter().filter(|element| element.ai.row().is_some()).collect();
            let shown: String = known.iter().map(|element| format!("({}){}", element.ai, element.value)).collect();
            assert_eq!(shown, want, "{address}");
        }
        for wrong in ["ftp://a/01/09521234543213", "/01/09521234543213", "https://", "https://a/01/2026", "https://a/b"]
        {
            assert!(parse_lenient(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_fault_is_found_in_the_address() {
        for (address, error) in [
            ("https://a/01/09521234543213/10/A%2FB%20C", "(10) at byte 36: the character is none of GS1"),
            ("https://a/01/9521234543214", "(01) at byte 25: the check digit is wrong, 3 would be right"),
            ("https://a/01/09521234543213/21/A/10/B", "(10) at byte 33 does not stand in the right place"),
            ("https://a/01/09521234543213?17=261231&17=261231", "(17) stands a second time, at byte 38"),
            ("https://a/01/09521234543213?21=A", "(21) at byte 28 stands behind the question mark"),
            ("https://a/01/09521234543213?7041=A", "(7041) at byte 28 must not stand behind"),
            ("https://a/01/09521234543213?x=1&=2", "`` at byte 32 is no application identifier"),
            ("https://a$/01/09521234543213", "the web address has no sound domain and path, at byte 9"),
        ] {
            let found = parse(address).unwrap_err().to_string();
            assert!(found.starts_with(error), "{address}: {found}");
        }
    }

    #[test]
    fn links_under_an_address_of_ones_own() {
        let ring = bracketed::parse("(21)R/7").unwrap();
        assert_eq!(write(&ring), Err(NoLink::NoKey));
        let ring = bracketed::parse("(21)R/7(01)09521234543213(99)A").unwrap();
        assert_eq!(write_on("https://a/b/", &ring).unwrap(), "https://a/b/01/09521234543213/21/R%2F7?99=A");
        let both = bracketed::parse("(01)09521234543213(235)XYZ(10)ABC").unwrap();
        assert_eq!(write(&both), Err(NoLink::NoPlace { ai: "235".into() }));
    }
}
