//! What an EPC names: a GS1 key with its serial number, or a number of one of the three schemes without GS1.
//!
//! A key is the same whichever scheme, filter value or company prefix length wrote it: compare keys, never bits. Source: GS1
//! General Specifications, sections 2 and 3; Tag Data Standard 2.2, section 7.

use super::elements::Element;
use super::fault::NotAKey;
use super::scheme::Kind;
use super::text::{Digits, Text, is_cset_39, is_cset_82, power};

/// What is named. Digits include their check digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// One thing of a kind: GTIN-14 and serial number.
    Sgtin { gtin: Digits, serial: Text },
    /// A logistic unit.
    Sscc { sscc: Digits },
    /// A place; without extension the whole of what its GLN names.
    Sgln { gln: Digits, extension: Option<Text> },
    /// A returnable asset: the 13 digits behind the leading 0 of its AI, and serial number.
    Grai { grai: Digits, serial: Text },
    /// An individual asset: company prefix and asset reference.
    Giai { giai: Text },
    /// Who receives a service.
    Gsrn { gsrn: Digits },
    /// Who gives a service.
    Gsrnp { gsrn: Digits },
    /// A document: 13 digits and serial number.
    Gdti { gdti: Digits, serial: Text },
    /// A coupon: 13 digits and serial number.
    Sgcn { gcn: Digits, serial: Digits },
    /// A piece of a trade item that comes in several: GTIN-14, piece and total of two digits each, serial number.
    Itip { gtin: Digits, piece: Digits, total: Digits, serial: Text },
    /// A component or part: company prefix and part reference, serial number.
    Cpi { cpi: Text, serial: Digits },
    /// General manager (28 bits), object class (24), serial (36).
    Gid { manager: u32, class: u32, serial: u64 },
    /// CAGE code or DoDAAC of a supplier to the US Department of Defense, serial number (36 bits).
    Usdod { supplier: Text, serial: u64 },
    /// Aircraft part: CAGE code or DoDAAC, part number (may be empty), serial number (`#` in front: unique without the part).
    Adi { supplier: Text, part: Text, serial: Text },
}

impl Key {
    pub fn kind(&self) -> Kind {
        match self {
            Key::Sgtin { .. } => Kind::Sgtin,
            Key::Sscc { .. } => Kind::Sscc,
            Key::Sgln { .. } => Kind::Sgln,
            Key::Grai { .. } => Kind::Grai,
            Key::Giai { .. } => Kind::Giai,
            Key::Gsrn { .. } => Kind::Gsrn,
            Key::Gsrnp { .. } => Kind::Gsrnp,
            Key::Gdti { .. } => Kind::Gdti,
            Key::Sgcn { .. } => Kind::Sgcn,
            Key::Itip { .. } => Kind::Itip,
            Key::Cpi { .. } => Kind::Cpi,
            Key::Gid { .. } => Kind::Gid,
            Key::Usdod { .. } => Kind::Usdod,
            Key::Adi { .. } => Kind::Adi,
        }
    }

    /// The application identifiers with their values, as a label prints them; none for GID, USDOD and ADI. A place without
    /// extension has no (254).
    pub fn elements(&self) -> Vec<Element> {
        match self {
            Key::Sgtin { gtin, serial } => vec![element("01", gtin), element("21", serial)],
            Key::Sscc { sscc } => vec![element("00", sscc)],
            Key::Sgln { gln, extension } => {
                [Some(element("414", gln)), extension.map(|text| element("254", text))].into_iter().flatten().collect()
            }
            Key::Grai { grai, serial } => vec![element("8003", format!("0{grai}{serial}"))],
            Key::Giai { giai } => vec![element("8004", giai)],
            Key::Gsrn { gsrn } => vec![element("8018", gsrn)],
            Key::Gsrnp { gsrn } => vec![element("8017", gsrn)],
            Key::Gdti { gdti, serial } => vec![element("253", format!("{gdti}{serial}"))],
            Key::Sgcn { gcn, serial } => vec![element("255", format!("{gcn}{serial}"))],
            Key::Itip { gtin, piece, total, serial } => {
                vec![element("8006", format!("{gtin}{piece}{total}")), element("21", serial)]
            }
            Key::Cpi { cpi, serial } => vec![element("8010", cpi), element("8011", serial)],
            Key::Gid { .. } | Key::Usdod { .. } | Key::Adi { .. } => Vec::new(),
        }
    }

    /// The key that the elements name, and the elements beside it. A GTIN may have 8, 12, 13 or 14 digits.
    ///
    /// # Errors
    /// When none of them begins a key, or the values of a key are not sound.
    pub fn of_elements(elements: &[Element]) -> Result<(Key, Vec<Element>), NotAKey> {
        let value = |ai: &str| elements.iter().find(|element| element.ai == ai).map(|element| element.value.as_str());
        let needed = |ai, wanted| value(wanted).ok_or(NotAKey::Missing { ai, wanted });
        let first = elements.iter().find_map(|element| KEYS.iter().find(|key| key.0 == element.ai));
        let (ai, more) = *first.ok_or(NotAKey::NoKey)?;
        let stated = value(ai).unwrap_or_default();
        let key = match ai {
            "00" => Key::Sscc { sscc: checked(ai, stated, 18)? },
            "01" => {
                let padded = matches!(stated.len(), 8 | 12 | 13).then(|| format!("{stated:0>14}"));
                let gtin = checked(ai, padded.as_deref().unwrap_or(stated), 14)?;
                Key::Sgtin { gtin, serial: serial("21", needed(ai, "21")?, 20)? }
            }
            "253" => {
                let (gdti, rest) = split(ai, stated, 13)?;
                Key::Gdti { gdti, serial: serial(ai, rest, 17)? }
            }
            "255" => {
                let (gcn, rest) = split(ai, stated, 13)?;
                Key::Sgcn { gcn, serial: number(ai, rest, 12)? }
            }
            "414" => {
                let extension = value("254").map(|text| serial("254", text, 20)).transpose()?;
                Key::Sgln { gln: checked(ai, stated, 13)?, extension: extension.filter(|text| text.as_str() != "0") }
            }
            "8003" => {
                let (grai, rest) = split(ai, stated.strip_prefix('0').ok_or(NotAKey::Zero { ai })?, 13)?;
                Key::Grai { grai, serial: serial(ai, rest, 16)? }
            }
            "8004" => Key::Giai { giai: serial(ai, stated, 30)? },
            "8006" => {
                let length = NotAKey::Length { ai, wanted: "18 digits", len: stated.len() };
                let (gtin, pieces) = stated.split_at_checked(14).filter(|(_, rest)| rest.len() == 4).ok_or(length)?;
                let (piece, total) = pieces.split_at_checked(2).unwrap_or_default();
                Key::Itip {
                    gtin: checked(ai, gtin, 14)?,
                    piece: digits(ai, piece)?,
                    total: digits(ai, total)?,
                    serial: serial("21", needed(ai, "21")?, 20)?,
                }
            }
            "8010" => {
                let cpi = text(ai, stated, 30, is_cset_39)?;
                Key::Cpi { cpi, serial: number("8011", needed(ai, "8011")?, 12)? }
            }
            "8017" => Key::Gsrnp { gsrn: checked(ai, stated, 18)? },
            "8018" => Key::Gsrn { gsrn: checked(ai, stated, 18)? },
            _ => return Err(NotAKey::NoKey),
        };
        let beside = elements.iter().filter(|element| element.ai != ai && more != Some(element.ai.as_str()));
        Ok((key, beside.cloned().collect()))
    }

    /// One thing of a kind.
    ///
    /// # Errors
    /// When the GTIN is not 14 digits (or 8, 12, 13) with a right check digit, or the serial number not 1 to 20 characters.
    pub fn sgtin(gtin: &str, serial: &str) -> Result<Key, NotAKey> {
        Key::of_elements(&[element("01", gtin), element("21", serial)]).map(|(key, _)| key)
    }
}

/// AI that begins a key, and the one that completes it.
const KEYS: [(&str, Option<&str>); 11] = [
    ("00", None),
    ("8006", Some("21")),
    ("01", Some("21")),
    ("253", None),
    ("255", None),
    ("414", Some("254")),
    ("8003", None),
    ("8004", None),
    ("8010", Some("8011")),
    ("8017", None),
    ("8018", None),
];

pub(super) fn element(ai: &str, value: impl ToString) -> Element {
    Element { ai: ai.to_owned(), value: value.to_string() }
}

fn digits(ai: &'static str, value: &str) -> Result<Digits, NotAKey> {
    Digits::parse(value).ok_or_else(|| NotAKey::Digits { ai, value: value.to_owned() })
}

/// Digits of exactly that length, the last one their check digit.
fn checked(ai: &'static str, value: &str, len: usize) -> Result<Digits, NotAKey> {
    let wanted = match len {
        13 => "13 digits",
        14 => "14 digits",
        _ => "18 digits",
    };
    if value.len() != len {
        return Err(NotAKey::Length { ai, wanted, len: value.len() });
    }
    let digits = digits(ai, value)?;
    match digits.check_holds() {
        true => Ok(digits),
        false => Err(NotAKey::CheckDigit { ai, value: value.to_owned() }),
    }
}

/// A number with a check digit, and the serial number behind it.
fn split<'a>(ai: &'static str, value: &'a str, len: usize) -> Result<(Digits, &'a str), NotAKey> {
    let short = NotAKey::Length { ai, wanted: "13 digits and a serial number", len: value.len() };
    let (number, rest) = value.split_at_checked(len).ok_or(short)?;
    Ok((checked(ai, number, len)?, rest))
}

fn serial(ai: &'static str, value: &str, most: usize) -> Result<Text, NotAKey> {
    text(ai, value, most, is_cset_82)
}

fn text(ai: &'static str, value: &str, most: usize, sound: fn(u8) -> bool) -> Result<Text, NotAKey> {
    if let Some(character) = value.chars().find(|&c| !u8::try_from(c).is_ok_and(sound)) {
        return Err(NotAKey::Character { ai, character });
    }
    let wanted = match most {
        16 => "1 to 16 characters as its serial number",
        17 => "1 to 17 characters as its serial number",
        20 => "1 to 20",
        _ => "1 to 30",
    };
    let fits = (1..=most).contains(&value.len());
    Text::parse(value).filter(|_| fits).ok_or(NotAKey::Length { ai, wanted, len: value.len() })
}

fn number(ai: &'static str, value: &str, most: usize) -> Result<Digits, NotAKey> {
    if !(1..=most).contains(&value.len()) {
        return Err(NotAKey::Length { ai, wanted: "1 to 12 digits as serial number", len: value.len() });
    }
    digits(ai, value)
}

/// A key as its URIs write it: the values between the dots, the company prefix first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Values(pub Vec<String>);

impl Values {
    /// `None` when the key cannot have a company prefix of `prefix_len` digits. GID, USDOD and ADI have none.
    pub(super) fn of_key(key: &Key, prefix_len: usize) -> Option<Values> {
        // A first digit that stands before the company prefix goes behind it, the check digit away.
        let turned = |digits: &Digits| {
            let text = digits.to_string();
            let (first, rest) = text.split_at_checked(1)?;
            let (prefix, rest) = rest.get(..rest.len().checked_sub(1)?)?.split_at_checked(prefix_len)?;
            Some([prefix.to_owned(), format!("{first}{rest}")])
        };
        let plain = |digits: &Digits| {
            let text = digits.to_string();
            let (prefix, rest) = text.get(..text.len().checked_sub(1)?)?.split_at_checked(prefix_len)?;
            Some([prefix.to_owned(), rest.to_owned()])
        };
        let open = |text: &Text| {
            let (prefix, rest) = text.as_str().split_at_checked(prefix_len)?;
            (!rest.is_empty() && Digits::parse(prefix).is_some()).then(|| [prefix.to_owned(), rest.to_owned()])
        };
        let (start, more): (Vec<String>, Vec<String>) = match key {
            Key::Sgtin { gtin, serial } => (turned(gtin)?.into(), vec![serial.to_string()]),
            Key::Sscc { sscc } => (turned(sscc)?.into(), vec![]),
            Key::Sgln { gln, extension } => {
                (plain(gln)?.into(), vec![extension.map_or("0".to_owned(), |text| text.to_string())])
            }
            Key::Grai { grai, serial } => (plain(grai)?.into(), vec![serial.to_string()]),
            Key::Giai { giai } => (open(giai)?.into(), vec![]),
            Key::Gsrn { gsrn } | Key::Gsrnp { gsrn } => (plain(gsrn)?.into(), vec![]),
            Key::Gdti { gdti, serial } => (plain(gdti)?.into(), vec![serial.to_string()]),
            Key::Sgcn { gcn, serial } => (plain(gcn)?.into(), vec![serial.to_string()]),
            Key::Itip { gtin, piece, total, serial } => {
                (turned(gtin)?.into(), vec![piece.to_string(), total.to_string(), serial.to_string()])
            }
            Key::Cpi { cpi, serial } => (open(cpi)?.into(), vec![serial.to_string()]),
            Key::Gid { manager, class, serial } => {
                (vec![manager.to_string(), class.to_string()], vec![serial.to_string()])
            }
            Key::Usdod { supplier, serial } => (vec![supplier.to_string()], vec![serial.to_string()]),
            Key::Adi { supplier, part, serial } => {
                (vec![supplier.to_string()], vec![part.to_string(), serial.to_string()])
            }
        };
        Some(Values([start, more].concat()))
    }

    /// How many values a key of this kind has.
    pub(super) fn count(kind: Kind) -> usize {
        match kind {
            Kind::Sscc | Kind::Giai | Kind::Gsrn | Kind::Gsrnp | Kind::Usdod => 2,
            Kind::Sgtin | Kind::Sgln | Kind::Grai | Kind::Gdti | Kind::Sgcn | Kind::Cpi | Kind::Gid | Kind::Adi => 3,
            Kind::Itip => 5,
        }
    }
}

/// Company prefix and the number behind it as one with a check digit: `first` digits of the reference stand in front.
pub(super) fn joined(prefix: Digits, reference: Digits, first: usize) -> Option<Digits> {
    let rest = reference.len().checked_sub(first)?;
    let (front, behind) = (reference.value() / power(rest), reference.value() % power(rest));
    let len = prefix.len() + reference.len();
    let front = front.checked_mul(power(prefix.len() + rest))?;
    let value = prefix.value().checked_mul(power(rest))?.checked_add(behind)?.checked_add(front)?;
    Digits::new(value, len)?.checked()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(list: &[(&str, &str)]) -> Result<(Key, Vec<Element>), NotAKey> {
        Key::of_elements(&list.iter().map(|(ai, value)| element(ai, value)).collect::<Vec<_>>())
    }

    #[test]
    fn elements_name_a_key_and_a_key_its_elements() {
        for list in [
            &[("01", "80614141123458"), ("21", "32a/b")][..],
            &[("00", "106141412345678908")],
            &[("414", "0614141123452"), ("254", "5678")],
            &[("414", "0614141123452")],
            &[("8003", "00614141123452ABCD1234/")],
            &[("8004", "06141411ABc/D")],
            &[("8018", "012345678901012342")],
            &[("8017", "061414112345678902")],
            &[("253", "06141411234522199023255551")],
            &[("255", "401234567890101")],
            &[("8006", "806141411234580102"), ("21", "987")],
            &[("8010", "0614141#12-3/A"), ("8011", "0")],
        ] {
            let (key, beside) = of(list).unwrap();
            assert!(beside.is_empty());
            let back = key.elements();
            assert_eq!(back.iter().map(|e| (e.ai.as_str(), e.value.as_str())).collect::<Vec<_>>(), list);
        }
        assert_eq!(of(&[("01", "9521234543213"), ("21", "1")]), of(&[("01", "09521234543213"), ("21", "1")]));
        assert_eq!(of(&[("414", "0614141123452"), ("254", "0")]), of(&[("414", "0614141123452")]), "no extension");
        let (_, beside) = of(&[("10", "L7"), ("01", "09521234543213"), ("21", "1")]).unwrap();
        assert_eq!(beside, [element("10", "L7")]);
    }

    #[test]
    fn what_is_no_key_is_told() {
        for (list, told) in [
            (&[("10", "L7")][..], "there is no value of a key"),
            (&[("01", "80614141123458")], "(01) needs (21) beside it"),
            (&[("01", "80614141123459"), ("21", "1")], "(01) 80614141123459 has a wrong check digit"),
            (&[("01", "8061414112345"), ("21", "")], "(01) 08061414112345 has a wrong check digit"),
            (&[("01", "80614141123458"), ("21", "")], "(21) must have 1 to 20, not 0 characters"),
            (&[("01", "80614141123458"), ("21", "a b")], "(21) may not have the character ` `"),
            (&[("00", "1061414123456789０")], "(00) must have 18 digits, not 19 characters"),
            (&[("00", "10614141234567890x")], "(00) must have digits at that place, not `10614141234567890x`"),
            (&[("8003", "10614141123452A")], "(8003) must begin with 0"),
            (&[("8010", "0614141a"), ("8011", "0")], "(8010) may not have the character `a`"),
            (&[("255", "4012345678901")], "(255) must have 1 to 12 digits as serial number, not 0 characters"),
        ] {
            assert_eq!(of(list).map_err(|error| error.to_string()), Err(told.to_owned()));
        }
    }

    #[test]
    fn a_prefix_and_a_reference_join() {
        let digits = |text| Digits::parse(text).unwrap();
        for (prefix, reference, first, whole) in [
            ("0614141", "812345", 1, "80614141123458"),
            ("0614141", "1234567890", 1, "106141412345678908"),
            ("061411123456", "", 0, "0614111234560"),
            ("999999", "99999999999", 0, "999999999999999995"),
        ] {
            assert_eq!(joined(digits(prefix), digits(reference), first), Some(digits(whole)));
        }
    }
}
