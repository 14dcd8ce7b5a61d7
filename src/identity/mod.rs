//! What a read says about identity. One canonical form per identity, so that the barcode and the tag of one ring are equal.

pub mod epc;
mod link;

use std::fmt;

use crate::gs1;
use crate::hex;
use crate::numbers::{self, Reading, Series};

/// Longest own code, in characters; a longer text is no number that a person could have meant.
const OWN_CODE_MAX: usize = 64;

/// Longest canonical text, in bytes: the server's tables have it as a key, and a line with a longer one could not be
/// projected.
pub const CANONICAL_MAX: usize = 200;

/// Bytes that a raw code or the code of a tag keeps at most; with its scheme word and in hex they fit.
const KEPT_MAX: usize = 96;

/// An identity as a code states it.
///
/// The canonical text is the path of a GS1 Digital Link without its domain (`01/09521234543213/21/7`), because it needs no
/// company-prefix length; what is not GS1 has a scheme word in front (`own/18K-0042-7`, `tag/e28011…`, `raw/…`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identifier {
    /// GTIN-14 alone: a kind of thing, not a single one.
    Gtin { gtin: String },
    /// GTIN-14 and serial: a single thing.
    Sgtin { gtin: String, serial: String },
    /// GTIN-14 and lot.
    Lgtin { gtin: String, lot: String },
    /// A logistic unit.
    Sscc { sscc: String },
    /// A number of the house: sample, place, badge, command card, slip.
    Own { code: String },
    /// The EPC memory of a tag that is no known EPC scheme.
    Tag { epc: Vec<u8> },
    /// A symbol that holds no number a person could have meant: as it came, or of more than 96 bytes the first 64 and
    /// the BLAKE3 hash of all.
    Raw { bytes: Vec<u8> },
}

impl Identifier {
    /// What a printed symbol says. `aim` is the code character and modifier of its AIM identifier, where the scanner sent one.
    pub fn of_symbol(aim: Option<(u8, u8)>, bytes: &[u8]) -> Identifier {
        let gs1_carrier = matches!(
            aim,
            Some(
                (b'C', b'1') | (b'e', b'0') | (b'd', b'2') | (b'd', b'5') | (b'Q', b'3') | (b'Q', b'4') | (b'J', b'1')
            )
        );
        if gs1_carrier && let Some(identifier) = of_element_string(bytes) {
            return identifier;
        }
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        if let Some(identifier) = link::parse(text) {
            return identifier;
        }
        let bare = !gs1_carrier && matches!(text.len(), 8 | 12 | 13 | 14) && gs1::check_digit_holds(text);
        // Without an AIM identifier only EAN/UPC lengths with a right check digit are believed to be a GTIN.
        if bare && matches!(aim, None | Some((b'E' | b'I', _))) {
            return Identifier::Gtin { gtin: format!("{text:0>14}") };
        }
        let readable =
            !text.trim().is_empty() && text.chars().count() <= OWN_CODE_MAX && !text.chars().any(char::is_control);
        let own = Identifier::own(text);
        match readable && own.to_string().len() <= CANONICAL_MAX {
            true => own,
            false => Identifier::Raw { bytes: kept(bytes) },
        }
    }

    /// What the EPC memory of a tag says.
    pub fn of_tag(epc: &[u8]) -> Identifier {
        epc::decode(epc).unwrap_or_else(|| Identifier::Tag { epc: kept(epc) })
    }

    /// A number of the house: blanks around it do not count, letters count as capitals.
    pub fn own(code: &str) -> Identifier {
        Identifier::Own { code: code.trim().to_uppercase() }
    }

    /// One of the house's numbers as its label has it, however it was typed; anything else as it is.
    pub fn in_house(self, series: &[Series]) -> Identifier {
        match &self {
            Identifier::Own { code } => match numbers::read(code, series) {
                Reading::Right(number) => Identifier::Own { code: number.text },
                Reading::NotOurs | Reading::Wrong(_) => self,
            },
            Identifier::Gtin { .. }
            | Identifier::Sgtin { .. }
            | Identifier::Lgtin { .. }
            | Identifier::Sscc { .. }
            | Identifier::Tag { .. }
            | Identifier::Raw { .. } => self,
        }
    }

    /// Reads the canonical text back; `None` when it is not one.
    pub fn parse(text: &str) -> Option<Identifier> {
        let (scheme, rest) = text.split_once('/')?;
        let owned = str::to_owned;
        let found = match scheme {
            "00" => Identifier::Sscc { sscc: owned(rest) },
            "01" => match rest.split_once('/') {
                None => Identifier::Gtin { gtin: owned(rest) },
                Some((gtin, tail)) => match tail.split_once('/')? {
                    ("21", serial) => Identifier::Sgtin { gtin: owned(gtin), serial: owned(serial) },
                    ("10", lot) => Identifier::Lgtin { gtin: owned(gtin), lot: owned(lot) },
                    _ => return None,
                },
            },
            "own" => Identifier::Own { code: owned(rest) },
            "tag" => Identifier::Tag { epc: hex::decode(rest)? },
            "raw" => Identifier::Raw { bytes: hex::decode(rest)? },
            _ => return None,
        };
        (found.to_string() == text).then_some(found)
    }

    /// How a person reads it: the house's own number bare, GS1 keys with their AIs in brackets.
    pub fn shown(&self) -> String {
        match self {
            Identifier::Gtin { gtin } => format!("(01){gtin}"),
            Identifier::Sgtin { gtin, serial } => format!("(01){gtin}(21){serial}"),
            Identifier::Lgtin { gtin, lot } => format!("(01){gtin}(10){lot}"),
            Identifier::Sscc { sscc } => format!("(00){sscc}"),
            Identifier::Own { code } => code.clone(),
            Identifier::Tag { epc } => hex::encode(epc).to_uppercase(),
            Identifier::Raw { bytes } => hex::encode(bytes),
        }
    }
}

/// The canonical text.
impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Identifier::Gtin { gtin } => write!(f, "01/{gtin}"),
            Identifier::Sgtin { gtin, serial } => write!(f, "01/{gtin}/21/{serial}"),
            Identifier::Lgtin { gtin, lot } => write!(f, "01/{gtin}/10/{lot}"),
            Identifier::Sscc { sscc } => write!(f, "00/{sscc}"),
            Identifier::Own { code } => write!(f, "own/{code}"),
            Identifier::Tag { epc } => write!(f, "tag/{}", hex::encode(epc)),
            Identifier::Raw { bytes } => write!(f, "raw/{}", hex::encode(bytes)),
        }
    }
}

/// What stands for these bytes in a key.
fn kept(bytes: &[u8]) -> Vec<u8> {
    match bytes.get(..64).filter(|_| KEPT_MAX < bytes.len()) {
        Some(start) => [start, blake3::hash(bytes).as_bytes()].concat(),
        None => bytes.to_vec(),
    }
}

/// The identity that an element string names: serial before lot before the bare GTIN.
fn of_element_string(bytes: &[u8]) -> Option<Identifier> {
    let elements = gs1::parse(bytes).ok()?;
    let value = |ai: &str| elements.iter().find(|element| element.ai == ai).map(|element| element.value.clone());
    if let Some(sscc) = value("00") {
        return Some(Identifier::Sscc { sscc });
    }
    let gtin = value("01")?;
    Some(match (value("21"), value("10")) {
        (Some(serial), _) => Identifier::Sgtin { gtin, serial },
        (None, Some(lot)) => Identifier::Lgtin { gtin, lot },
        (None, None) => Identifier::Gtin { gtin },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_identity_whatever_carries_it() {
        let ring = "01/09521234543213/21/4711";
        assert_eq!(Identifier::of_symbol(Some((b'd', b'2')), b"0109521234543213214711").to_string(), ring);
        assert_eq!(Identifier::of_symbol(Some((b'C', b'1')), b"214711\x1d0109521234543213").to_string(), ring);
        let tag = epc::sgtin_96(1, "09521234543213", 7, 4711).unwrap();
        assert_eq!(Identifier::of_tag(&tag).to_string(), ring);
    }

    #[test]
    fn a_number_of_the_house_is_one_however_it_is_typed() {
        let purpose = numbers::Purpose::Sample;
        let series = [Series { code: "sample".into(), prefix: "S".into(), width: 7, purpose }];
        let number = series[0].number(4217).unwrap();
        let typed = number.to_lowercase().replace('-', "");
        let read = |text: &str| Identifier::of_symbol(None, text.as_bytes()).in_house(&series);
        assert_eq!(read(&typed), read(&number));
        assert_eq!(read(&number).to_string(), format!("own/{number}"));
        assert_eq!(read("18k-0042-7").to_string(), "own/18K-0042-7");
        assert_eq!(read("9521234543213").to_string(), "01/09521234543213");
    }

    #[test]
    fn a_code_keeps_its_meaning() {
        for (aim, bytes, canonical) in [
            (None, "18k-0042-7", "own/18K-0042-7"),
            (None, "9521234543213", "01/09521234543213"),
            (Some((b'C', b'0')), "9521234543213", "own/9521234543213"),
            (Some((b'E', b'0')), "9521234543213", "01/09521234543213"),
            (Some((b'Q', b'1')), "https://id.gs1.org/01/09521234543213/21/R7", "01/09521234543213/21/R7"),
            (None, "9521234543214", "own/9521234543214"),
            (Some((b'C', b'1')), "00095201234567891235", "00/095201234567891235"),
            (None, "红宝石-7", "own/红宝石-7"),
            (None, "a\u{0}b", "raw/610062"),
            (None, "  ", "raw/2020"),
            // Weight and a company's own words beside the identity do not hide it.
            (Some((b'd', b'2')), "0109521234543213310300342021R7\u{1d}99x", "01/09521234543213/21/R7"),
        ] {
            let identifier = Identifier::of_symbol(aim, bytes.as_bytes());
            assert_eq!(identifier.to_string(), canonical, "{bytes}");
            assert_eq!(Identifier::parse(canonical), Some(identifier), "{canonical}");
        }
        for (long, also) in [("x", "y"), ("\u{1F48D}", "\u{1F48E}")] {
            let [one, other] =
                [long, also].map(|end| Identifier::of_symbol(None, format!("{}{end}", long.repeat(60)).as_bytes()));
            let [many, more] =
                [long, also].map(|end| Identifier::of_symbol(None, format!("{}{end}", long.repeat(6_000)).as_bytes()));
            for identifier in [&one, &other, &many, &more] {
                let text = identifier.to_string();
                assert!(text.len() <= CANONICAL_MAX, "{} bytes: {text}", text.len());
                assert_eq!(Identifier::parse(&text).as_ref(), Some(identifier));
            }
            assert!(one != other && many != more, "two codes that differ in their last letter are two");
        }
        assert!(Identifier::of_tag(&[0x77; 8_000]).to_string().len() <= CANONICAL_MAX);
        assert_eq!(Identifier::of_tag(&[0xe2, 0x80]).to_string(), "tag/e280");
        assert_eq!(Identifier::parse("own"), None);
        assert_eq!(Identifier::parse("tag/E2"), None, "only the canonical form is accepted");
    }
}
