//! EPCs as URNs: pure identity, tag and raw.
//!
//! Source: GS1 EPC Tag Data Standard 2.2, sections 6 (pure identity), 12 (tag and raw), 5.4 and table I.3.1-1 (escapes).

use super::elements::{escaped, of_brackets, of_link, unescaped};
use super::fault::{NotWritten, Unfit};
use super::key::{Key, Values, element, joined};
use super::scheme::{Body, Kind, PREFIX_DIGITS_MAX, PREFIX_DIGITS_MIN, Reference, Scheme};
use super::text::{Digits, Text};
use super::{Epc, bits, elements};
use crate::hex;

/// What a text says: an EPC as a tag has it, bits that may be one, or a key that no scheme was chosen for yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// `urn:epc:tag:`.
    Epc(Epc),
    /// `urn:epc:raw:` and hex digits. `afi`: the raw URI says that the tag follows ISO.
    Bits { bits: usize, bytes: Vec<u8>, afi: Option<u8> },
    /// `urn:epc:id:` (which tells the length of the company prefix), a Digital Link, AIs in brackets.
    Key { key: Key, prefix_len: Option<usize>, data: Vec<elements::Element> },
}

/// Longest text that is read: 496 bits hold no value that needs more, and web addresses end at about as many.
const TEXT_MAX: usize = 2_000;

/// Reads any of the ways in which an EPC or its key is written as text.
///
/// # Errors
/// When it is none of them, or one that breaks its rules.
pub fn parse(text: &str) -> Result<Written, NotWritten> {
    if TEXT_MAX < text.len() {
        return Err(NotWritten::TooLong { len: text.len(), most: TEXT_MAX });
    }
    if let Some(rest) = stripped(text, "urn:epc:tag:") {
        return of_tag(rest).map(Written::Epc);
    }
    if let Some(rest) = stripped(text, "urn:epc:id:") {
        let (name, rest) = rest.split_once(':').ok_or(NotWritten::Unknown)?;
        let kind = Kind::named(&name.to_ascii_lowercase()).ok_or(NotWritten::Scheme { name: name.to_owned() })?;
        let (key, prefix_len) = of_values(kind, rest)?;
        return Ok(Written::Key { key, prefix_len, data: Vec::new() });
    }
    if let Some(rest) = stripped(text, "urn:epc:raw:") {
        return of_raw(rest).ok_or(NotWritten::Value { what: "raw EPC", value: rest.to_owned() });
    }
    let elements = match of_link(text) {
        Some(elements) => Some(elements?),
        None if text.starts_with('(') => Some(of_brackets(text)?),
        None => None,
    };
    match elements {
        Some(elements) => {
            let (key, data) = Key::of_elements(&elements)?;
            Ok(Written::Key { key, prefix_len: None, data })
        }
        None => {
            let most = bits::BITS_MAX / 4;
            if most < text.len() && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(NotWritten::TooLong { len: text.len(), most });
            }
            let bytes = nibbles(text).ok_or(NotWritten::Unknown)?;
            Ok(Written::Bits { bits: text.len() * 4, bytes, afi: None })
        }
    }
}

fn stripped<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Hex digits, an odd one at the end too: that of the high bits of a byte.
fn nibbles(text: &str) -> Option<Vec<u8>> {
    let even = if text.len().is_multiple_of(2) { text.to_owned() } else { format!("{text}0") };
    hex::decode(&even).filter(|_| !text.is_empty() && text.len() * 4 <= bits::BITS_MAX)
}

/// `96.x3074…`, or with the application family of ISO `96.xA1.x3074…`.
fn of_raw(text: &str) -> Option<Written> {
    let (bits, value) = text.split_once(".x")?;
    let bits: usize = bits.parse().ok().filter(|bits| (1..=bits::BITS_MAX).contains(bits))?;
    let (afi, value) = match value.split_once(".x") {
        Some((afi, value)) => (Some(<[u8; 1]>::try_from(hex::decode(afi)?).ok()?[0]), value),
        None => (None, value),
    };
    // The digits are one number: that of fewer bits than four times the digits has zeros in front.
    let spare = (value.len() * 4).checked_sub(bits).filter(|spare| *spare < 4)?;
    let given = nibbles(value)?;
    let mut reader = bits::Reader::new(&given, value.len() * 4)?;
    if reader.take(spare)? != 0 {
        return None;
    }
    let mut writer = bits::Writer::default();
    while let Some(bit) = reader.take(1) {
        writer.push(u128::from(bit), 1);
    }
    let mut bytes = writer.words();
    bytes.truncate(bits.div_ceil(8));
    Some(Written::Bits { bits, bytes, afi })
}

/// The raw URI of these bits.
pub(super) fn raw(bytes: &[u8], bits: usize, afi: Option<u8>) -> String {
    let digits = bits.div_ceil(4);
    let mut value = String::with_capacity(digits);
    // The digits are one number: zeros in front where the bits are no multiple of four.
    let first = (bits % 4 + 3) % 4 + 1;
    let mut from = 0;
    for width in std::iter::once(first.min(bits)).chain(std::iter::repeat(4)).take(digits) {
        let bit = |at: usize| u32::from(bytes.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1));
        let digit = (from..from + width).fold(0, |digit, at| digit << 1 | bit(at));
        value.push(char::from_digit(digit, 16).unwrap_or('0').to_ascii_uppercase());
        from += width;
    }
    match afi {
        Some(afi) => format!("urn:epc:raw:{bits}.x{afi:02X}.x{value}"),
        None => format!("urn:epc:raw:{bits}.x{value}"),
    }
}

/// Characters that stand as they are in a URN.
fn is_plain(byte: u8) -> bool {
    !b"\"#%&/<>?".contains(&byte)
}

fn dotted(key: &Key, prefix_len: usize) -> Option<String> {
    let Values(values) = Values::of_key(key, prefix_len)?;
    Some(values.iter().map(|value| escaped(value, is_plain)).collect::<Vec<_>>().join("."))
}

/// `urn:epc:id:sgtin:0614141.812345.6789`; `None` when the key cannot have a company prefix of that length.
pub(super) fn identity(key: &Key, prefix_len: usize) -> Option<String> {
    Some(format!("urn:epc:id:{}:{}", key.kind().name(), dotted(key, prefix_len)?))
}

/// `urn:epc:tag:sgtin-96:3.0614141.812345.6789`.
pub(super) fn tag(scheme: Scheme, filter: u8, key: &Key, prefix_len: usize) -> Option<String> {
    let (name, values) = (scheme.name(), dotted(key, prefix_len)?);
    Some(match scheme {
        Scheme::Gid96 => format!("urn:epc:tag:{name}:{values}"),
        _ => format!("urn:epc:tag:{name}:{filter}.{values}"),
    })
}

fn of_tag(text: &str) -> Result<Epc, NotWritten> {
    let (name, rest) = text.split_once(':').ok_or(NotWritten::Unknown)?;
    let scheme = Scheme::named(name).filter(|scheme| !scheme.is_plus());
    let scheme = scheme.ok_or_else(|| NotWritten::Scheme { name: name.to_owned() })?;
    let (filter, rest) = match scheme {
        Scheme::Gid96 => (0, rest),
        _ => {
            let (filter, rest) = rest.split_once('.').unwrap_or((rest, ""));
            let wrong = || NotWritten::Value { what: "filter value", value: filter.to_owned() };
            (number(filter).and_then(|filter| u8::try_from(filter).ok()).ok_or_else(wrong)?, rest)
        }
    };
    let (key, prefix_len) = of_values(scheme.kind(), rest)?;
    Ok(Epc::new(scheme, filter, key, prefix_len, Vec::new())?)
}

/// A number as URIs write it: no sign, no leading zeros.
fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// The values between the dots, and how long the company prefix is where there is one.
fn of_values(kind: Kind, text: &str) -> Result<(Key, Option<usize>), NotWritten> {
    let wanted = Values::count(kind);
    let mut values = Vec::with_capacity(wanted);
    // Only the last value may have dots of its own.
    for value in text.splitn(wanted, '.') {
        if value.bytes().any(|byte| byte != b'%' && !is_plain(byte)) {
            return Err(NotWritten::Escape(value.to_owned()));
        }
        values.push(unescaped(value)?);
    }
    let found = values.len();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let bad = |what, value: &str| NotWritten::Value { what, value: value.to_owned() };
    let text = |what, value: &str| Text::parse(value).ok_or_else(|| bad(what, value));
    let bits =
        |what, value: &str, width: u32| number(value).filter(|n| n >> width == 0).ok_or_else(|| bad(what, value));
    let prefix = values.first().copied().unwrap_or_default();
    match (kind, values.as_slice()) {
        (Kind::Gid, [manager, class, serial]) => {
            let (manager, class) = (bits("general manager", manager, 28)?, bits("object class", class, 24)?);
            // Both fit 28 bits.
            Ok((
                Key::Gid { manager: manager as u32, class: class as u32, serial: bits("serial number", serial, 36)? },
                None,
            ))
        }
        (Kind::Usdod, [supplier, serial]) => {
            Ok((Key::Usdod { supplier: text("supplier", supplier)?, serial: bits("serial number", serial, 36)? }, None))
        }
        (Kind::Adi, [supplier, part, serial]) => {
            let (supplier, part) = (text("supplier", supplier)?, text("part number", part)?);
            Ok((Key::Adi { supplier, part, serial: text("serial number", serial)? }, None))
        }
        (Kind::Gid | Kind::Usdod | Kind::Adi, _) => Err(NotWritten::Values { name: kind.name(), wanted, found }),
        (_, [_, reference, rest @ ..]) if found == wanted => {
            let len = prefix.len();
            if !(PREFIX_DIGITS_MIN..=PREFIX_DIGITS_MAX).contains(&len) {
                return Err(NotWritten::Unfit(Unfit::PrefixLength { len }));
            }
            let prefix = Digits::parse(prefix).ok_or_else(|| bad("company prefix", prefix))?;
            let elements = elements_of(kind, prefix, reference, rest).ok_or_else(|| bad("reference", reference))?;
            Ok((Key::of_elements(&elements)?.0, Some(len)))
        }
        _ => Err(NotWritten::Values { name: kind.name(), wanted, found }),
    }
}

fn elements_of(kind: Kind, prefix: Digits, reference: &str, rest: &[&str]) -> Option<Vec<elements::Element>> {
    let first = usize::from(matches!(kind, Kind::Sgtin | Kind::Sscc | Kind::Itip));
    let whole = || {
        let due = PREFIX_DIGITS_MAX - prefix.len() + least_digits(kind);
        let digits = Digits::parse(reference).filter(|digits| digits.len() == due)?;
        joined(prefix, digits, first)
    };
    let serial = rest.last().copied().unwrap_or_default();
    Some(match kind {
        Kind::Sgtin => vec![element("01", whole()?), element("21", serial)],
        Kind::Sscc => vec![element("00", whole()?)],
        Kind::Sgln => vec![element("414", whole()?), element("254", serial)],
        Kind::Grai => vec![element("8003", format!("0{}{serial}", whole()?))],
        Kind::Giai if !reference.is_empty() => vec![element("8004", format!("{prefix}{reference}"))],
        Kind::Gsrn => vec![element("8018", whole()?)],
        Kind::Gsrnp => vec![element("8017", whole()?)],
        Kind::Gdti => vec![element("253", format!("{}{serial}", whole()?))],
        Kind::Sgcn => vec![element("255", format!("{}{serial}", whole()?))],
        Kind::Itip => match rest {
            [piece, total, serial] if piece.len() == 2 && total.len() == 2 => {
                vec![element("8006", format!("{}{piece}{total}", whole()?)), element("21", serial)]
            }
            _ => return None,
        },
        Kind::Cpi if !reference.is_empty() => {
            vec![element("8010", format!("{prefix}{reference}")), element("8011", serial)]
        }
        Kind::Giai | Kind::Cpi | Kind::Gid | Kind::Usdod | Kind::Adi => return None,
    })
}

/// Digits of the reference behind a company prefix of twelve.
fn least_digits(kind: Kind) -> usize {
    let of = |scheme: Scheme| match (scheme.kind() == kind, &scheme.row().body) {
        (true, Body::Partitioned(Reference::Padded { digits, .. }, _)) => Some(*digits),
        _ => None,
    };
    Scheme::all().find_map(of).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_uris_are_one_number() {
        for (bytes, bits, afi, uri) in [
            (&[0x30, 0x74][..], 16, None, "urn:epc:raw:16.x3074"),
            (&[0x30, 0x74], 16, Some(0xa1), "urn:epc:raw:16.xA1.x3074"),
            (&[0b1010_0000], 3, None, "urn:epc:raw:3.x5"),
            (&[0b1010_0110], 7, None, "urn:epc:raw:7.x53"),
            (&[0b1010_0110, 0x80], 9, None, "urn:epc:raw:9.x14D"),
        ] {
            assert_eq!(raw(bytes, bits, afi), uri);
            assert_eq!(parse(uri), Ok(Written::Bits { bits, bytes: bytes.to_vec(), afi }), "{uri}");
        }
        for wrong in ["96.x30", "16.x", "0.x", "3.xF", "x", "16.xA.x3074", "16.x30g4", "497.x0", "16.x30740"] {
            assert!(parse(&format!("urn:epc:raw:{wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_uri_is_told() {
        for (text, told) in [
            ("3".repeat(2_001).as_str(), "it has 2001 characters, 2000 are the most"),
            ("", "it is neither hex digits, an EPC URI, a GS1 Digital Link nor elements with their AIs in brackets"),
            ("urn:epc:tag:sgtin-97:0.0614141.812345.1", "`sgtin-97` is no EPC scheme with such URIs"),
            ("urn:epc:tag:SGTIN+:0.0614141.812345.1", "`SGTIN+` is no EPC scheme with such URIs"),
            ("urn:epc:id:lgtin:0614141.812345.1", "`lgtin` is no EPC scheme with such URIs"),
            ("urn:epc:tag:sgtin-96:8.0614141.812345.1", "sgtin-96 has filter values up to 7, not 8"),
            ("urn:epc:tag:sgtin-96:07.0614141.812345.1", "the filter value `07` is none"),
            (
                "urn:epc:tag:sgtin-96:0.0614141.812345.01",
                "sgtin-96: the serial number `01` is no number without leading zeros",
            ),
            (
                "urn:epc:tag:sgtin-96:0.0614141.812345.274877906944",
                "sgtin-96: the serial number 274877906944 is too large",
            ),
            ("urn:epc:id:sgtin:0614141.81234.1", "the reference `81234` is none"),
            ("urn:epc:id:sgtin:06141.81234567.1", "a company prefix has 6 to 12 digits, not 5"),
            ("urn:epc:id:sgtin:0614141.812345", "a sgtin has 3 values between dots, not 2"),
            (
                "urn:epc:id:sgtin:0614141.812345.a/b",
                "`a/b` is a character that a URI writes with a percent sign, or a percent sign without two hex digits",
            ),
            (&"3".repeat(125), "it has 125 characters, 124 are the most"),
            ("urn:epc:id:gid:1.2.68719476736", "the serial number `68719476736` is none"),
        ] {
            assert_eq!(parse(text).map_err(|error| error.to_string()), Err(told.to_owned()), "{text}");
        }
    }
}
