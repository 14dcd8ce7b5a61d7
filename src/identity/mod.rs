//! What a read says about identity. One canonical form per identity, so that the barcode and the tag of one ring are equal.

use std::fmt;

use crate::epc::{self, Epc, Memory};
use crate::gs1::key::Key;
use crate::gs1::{self, Carrier, Elements, ReadError};
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
/// company-prefix length; what is not GS1 has a scheme word in front (`own/18K-0042-7`, `tag/e28011…`, `raw/…`). Equal
/// texts are equal identities, whatever carried them.
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
    /// Any other key of GS1: a place, an asset, a document, a component, a party.
    Key { key: Keyed, value: String, qualifier: Option<String> },
    /// A tag of a scheme without a GS1 key (GID, USDOD, ADI): its pure identity without `urn:epc:id:`.
    Epc { identity: String },
    /// A number of the house: sample, place, badge, command card, slip.
    Own { code: String },
    /// The EPC memory of a tag that is no known EPC scheme.
    Tag { epc: Vec<u8> },
    /// A symbol that holds no number a person could have meant: as it came, or of more than 96 bytes the first 64 and
    /// the BLAKE3 hash of all.
    Raw { bytes: Vec<u8> },
}

/// The keys of GS1 beside GTIN and SSCC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keyed {
    /// A place (414), and what is within it (254).
    Gln,
    /// An organization (417).
    Party,
    /// A returnable asset (8003), with its serial in the value.
    Grai,
    /// A single asset (8004).
    Giai,
    /// Who receives a service (8018).
    Gsrn,
    /// Who provides a service (8017).
    Gsrnp,
    /// A document (253), with its serial in the value.
    Gdti,
    /// A coupon (255), with its serial in the value.
    Gcn,
    /// A component or part (8010), and its serial (8011).
    Cpid,
    /// A piece of a trade item that comes in several (8006), and its serial (21).
    Itip,
    /// A consignment (401).
    Ginc,
    /// A shipment (402).
    Gsin,
    /// A model (8013).
    Gmn,
}

impl Keyed {
    const ALL: [Keyed; 13] = [
        Keyed::Gln,
        Keyed::Party,
        Keyed::Grai,
        Keyed::Giai,
        Keyed::Gsrn,
        Keyed::Gsrnp,
        Keyed::Gdti,
        Keyed::Gcn,
        Keyed::Cpid,
        Keyed::Itip,
        Keyed::Ginc,
        Keyed::Gsin,
        Keyed::Gmn,
    ];

    /// Its application identifier.
    pub fn ai(self) -> &'static str {
        match self {
            Keyed::Gln => "414",
            Keyed::Party => "417",
            Keyed::Grai => "8003",
            Keyed::Giai => "8004",
            Keyed::Gsrn => "8018",
            Keyed::Gsrnp => "8017",
            Keyed::Gdti => "253",
            Keyed::Gcn => "255",
            Keyed::Cpid => "8010",
            Keyed::Itip => "8006",
            Keyed::Ginc => "401",
            Keyed::Gsin => "402",
            Keyed::Gmn => "8013",
        }
    }

    /// The application identifier that tells one from another of the same key.
    fn qualifier(self) -> Option<&'static str> {
        match self {
            Keyed::Gln => Some("254"),
            Keyed::Cpid => Some("8011"),
            Keyed::Itip => Some("21"),
            Keyed::Party
            | Keyed::Grai
            | Keyed::Giai
            | Keyed::Gsrn
            | Keyed::Gsrnp
            | Keyed::Gdti
            | Keyed::Gcn
            | Keyed::Ginc
            | Keyed::Gsin
            | Keyed::Gmn => None,
        }
    }
}

/// What a code was meant to be, as it seems, and why it is not. The read stands all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    #[error(transparent)]
    Code(#[from] ReadError),
    #[error(transparent)]
    Tag(#[from] epc::fault::Fault),
}

impl Identifier {
    /// What a printed symbol says. `aim` is the code character and modifier of its AIM identifier, where the scanner sent one.
    pub fn of_symbol(aim: Option<(u8, u8)>, bytes: &[u8]) -> Identifier {
        Identifier::read_symbol(aim, bytes).0
    }

    /// The same, and what speaks against it.
    pub fn read_symbol(aim: Option<(u8, u8)>, bytes: &[u8]) -> (Identifier, Option<Doubt>) {
        let carrier = match aim {
            // Bracketed text in a plain symbol was meant for people, and says the same.
            Some((code, modifier)) if !bytes.starts_with(b"(") => Carrier::Symbol { code, modifier },
            Some(_) | None => Carrier::Unknown,
        };
        if let Some(identifier) = gs1::read_lenient(bytes, carrier).ok().as_ref().and_then(of_elements) {
            return (identifier, None);
        }
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        let readable =
            !text.trim().is_empty() && text.chars().count() <= OWN_CODE_MAX && !text.chars().any(char::is_control);
        let own = Identifier::own(text);
        let identifier = match readable && own.to_string().len() <= CANONICAL_MAX {
            true => own,
            false => Identifier::Raw { bytes: kept(bytes) },
        };
        let error = gs1::read(bytes, carrier).err().filter(|error| meant_as_gs1(error, bytes));
        (identifier, error.map(Doubt::Code))
    }

    /// What the EPC memory of a tag says.
    pub fn of_tag(epc: &[u8]) -> Identifier {
        Identifier::read_tag(epc).0
    }

    /// The same, and why it is no EPC.
    pub fn read_tag(bytes: &[u8]) -> (Identifier, Option<Doubt>) {
        let raw = || Identifier::Tag { epc: kept(bytes) };
        match epc::of_tag_memory(None, bytes) {
            Memory::Epc(epc) => (of_epc(&epc).unwrap_or_else(raw), None),
            Memory::Raw(found) => (raw(), Some(Doubt::Tag(found.why))),
        }
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
            | Identifier::Key { .. }
            | Identifier::Epc { .. }
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
            "epc" => Identifier::Epc { identity: owned(rest) },
            "own" => Identifier::Own { code: owned(rest) },
            "tag" => Identifier::Tag { epc: hex::decode(rest)? },
            "raw" => Identifier::Raw { bytes: hex::decode(rest)? },
            ai => {
                let key = Keyed::ALL.into_iter().find(|key| key.ai() == ai)?;
                // A value may hold a slash of its own; a part number is followed by digits alone, so the last one counts.
                let parted = key.qualifier().and_then(|qualifier| rest.rsplit_once(&format!("/{qualifier}/")));
                let (value, qualifier) = parted.map_or((rest, None), |(value, of)| (value, Some(owned(of))));
                Identifier::Key { key, value: owned(value), qualifier }
            }
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
            Identifier::Key { key, value, qualifier } => match (key.qualifier(), qualifier) {
                (Some(ai), Some(qualifier)) => format!("({}){value}({ai}){qualifier}", key.ai()),
                (_, _) => format!("({}){value}", key.ai()),
            },
            Identifier::Epc { identity } => identity.clone(),
            Identifier::Own { code } => code.clone(),
            Identifier::Tag { epc } => hex::encode(epc).to_uppercase(),
            Identifier::Raw { bytes } => hex::encode(bytes),
        }
    }

    /// The word of its kind in message keys.
    pub fn kind(&self) -> &'static str {
        match self {
            Identifier::Gtin { .. } => "gtin",
            Identifier::Sgtin { .. } => "sgtin",
            Identifier::Lgtin { .. } => "lgtin",
            Identifier::Sscc { .. } => "sscc",
            Identifier::Key { key, .. } => match key {
                Keyed::Gln => "gln",
                Keyed::Party => "party",
                Keyed::Grai => "grai",
                Keyed::Giai => "giai",
                Keyed::Gsrn => "gsrn",
                Keyed::Gsrnp => "gsrnp",
                Keyed::Gdti => "gdti",
                Keyed::Gcn => "gcn",
                Keyed::Cpid => "cpid",
                Keyed::Itip => "itip",
                Keyed::Ginc => "ginc",
                Keyed::Gsin => "gsin",
                Keyed::Gmn => "gmn",
            },
            Identifier::Epc { .. } => "epc",
            Identifier::Own { .. } => "own",
            Identifier::Tag { .. } => "tag",
            Identifier::Raw { .. } => "raw",
        }
    }

    /// The elements that name it, for a symbol, a link or a tag; none for what is not GS1's.
    pub fn elements(&self) -> Option<Elements> {
        let pairs: Vec<(&str, &str)> = match self {
            Identifier::Gtin { gtin } => vec![("01", gtin)],
            Identifier::Sgtin { gtin, serial } => vec![("01", gtin), ("21", serial)],
            Identifier::Lgtin { gtin, lot } => vec![("01", gtin), ("10", lot)],
            Identifier::Sscc { sscc } => vec![("00", sscc)],
            Identifier::Key { key, value, qualifier } => {
                let more = key.qualifier().zip(qualifier.as_deref());
                [Some((key.ai(), value.as_str())), more].into_iter().flatten().collect()
            }
            Identifier::Epc { .. } | Identifier::Own { .. } | Identifier::Tag { .. } | Identifier::Raw { .. } => {
                return None;
            }
        };
        Elements::of(pairs).ok()
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
            Identifier::Key { key, value, qualifier } => {
                write!(f, "{}/{value}", key.ai())?;
                match (key.qualifier(), qualifier) {
                    (Some(ai), Some(qualifier)) => write!(f, "/{ai}/{qualifier}"),
                    (_, _) => Ok(()),
                }
            }
            Identifier::Epc { identity } => write!(f, "epc/{identity}"),
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

/// The identity that elements name. A logistic unit before what it holds, a piece before its whole, a trade item before
/// places and documents beside it; of a trade item the serial before the lot.
fn of_elements(elements: &Elements) -> Option<Identifier> {
    let keys = gs1::key::keys(elements);
    let rank = |key: &&Key| match key {
        Key::Sscc { .. } => 0,
        Key::Itip { .. } => 1,
        Key::Gtin { .. } => 2,
        _ => 3,
    };
    let keyed = |key, value: String, qualifier| Some(Identifier::Key { key, value, qualifier });
    match keys.iter().min_by_key(rank)?.clone() {
        Key::Sscc { sscc } => Some(Identifier::Sscc { sscc }),
        Key::Gtin { gtin, serial: Some(serial), .. } => Some(Identifier::Sgtin { gtin, serial }),
        Key::Gtin { gtin, lot: Some(lot), .. } => Some(Identifier::Lgtin { gtin, lot }),
        Key::Gtin { gtin, .. } => Some(Identifier::Gtin { gtin }),
        // Extension 0 is the place as a whole (Tag Data Standard, section 6.3.3).
        Key::Gln { gln, extension } => keyed(Keyed::Gln, gln, extension.filter(|extension| extension != "0")),
        Key::Party { gln } => keyed(Keyed::Party, gln, None),
        Key::Grai { grai, serial } => keyed(Keyed::Grai, format!("0{grai}{}", serial.unwrap_or_default()), None),
        Key::Giai { giai } => keyed(Keyed::Giai, giai, None),
        Key::Gsrn { gsrn, .. } => keyed(Keyed::Gsrn, gsrn, None),
        Key::Gsrnp { gsrn, .. } => keyed(Keyed::Gsrnp, gsrn, None),
        Key::Gdti { gdti, serial } => keyed(Keyed::Gdti, gdti + &serial.unwrap_or_default(), None),
        Key::Gcn { gcn, serial } => keyed(Keyed::Gcn, gcn + &serial.unwrap_or_default(), None),
        Key::Cpid { cpid, serial } => keyed(Keyed::Cpid, cpid, serial),
        Key::Itip { gtin, piece, total, serial, .. } => {
            keyed(Keyed::Itip, format!("{gtin}{piece:02}{total:02}"), serial)
        }
        Key::Other { ai, value } => {
            let key = Keyed::ALL.into_iter().find(|key| key.ai() == ai)?;
            keyed(key, value, None)
        }
    }
}

/// The identity of a tag: its GS1 key by the same rules as on a label.
fn of_epc(epc: &Epc) -> Option<Identifier> {
    let elements = epc.key().elements();
    if elements.is_empty() {
        let uri = epc.pure_identity()?;
        let identity = Identifier::Epc { identity: uri.strip_prefix("urn:epc:id:")?.to_owned() };
        return (identity.to_string().len() <= CANONICAL_MAX).then_some(identity);
    }
    let elements = Elements::of(elements.iter().map(|element| (element.ai.as_str(), element.value.as_str())));
    of_elements(&elements.ok()?)
}

/// Whether a code that is not GS1's was meant to be: only then does the reason help anyone.
fn meant_as_gs1(error: &ReadError, bytes: &[u8]) -> bool {
    match error {
        ReadError::Empty
        | ReadError::NotGs1
        | ReadError::Symbology { .. }
        | ReadError::Scheme
        | ReadError::Domain { .. }
        | ReadError::NoKey => false,
        // Bracketed text, an address or a symbol that announced it.
        ReadError::TooLong { .. }
        | ReadError::TooMany { .. }
        | ReadError::UnknownAi { .. }
        | ReadError::Value { .. }
        | ReadError::Bracket { .. }
        | ReadError::Unequal { .. }
        | ReadError::Excluded { .. }
        | ReadError::NoSerial { .. }
        | ReadError::Character { .. }
        | ReadError::Order { .. }
        | ReadError::Twice { .. }
        | ReadError::NotAttribute { .. }
        | ReadError::InPath { .. } => true,
        // A bare number may be anybody's.
        ReadError::Gtin { .. } => matches!(bytes.len(), 12..=14),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epc::scheme::Scheme;

    #[test]
    fn one_identity_whatever_carries_it() {
        let ring = "01/09521234543213/21/4711";
        assert_eq!(Identifier::of_symbol(Some((b'd', b'2')), b"0109521234543213214711").to_string(), ring);
        assert_eq!(Identifier::of_symbol(Some((b'C', b'1')), b"214711\x1d0109521234543213").to_string(), ring);
        let tag = crate::epc::sgtin_96(1, "09521234543213", 7, 4711).unwrap();
        assert_eq!(Identifier::of_tag(&tag).to_string(), ring);
        let key = epc::key::Key::sgtin("09521234543213", "4711").unwrap();
        for (scheme, prefix_len) in [(Scheme::Sgtin198, Some(7)), (Scheme::Sgtin96, Some(9)), (Scheme::SgtinPlus, None)]
        {
            let epc = Epc::new(scheme, 0, key, prefix_len, Vec::new()).unwrap();
            assert_eq!(Identifier::of_tag(&epc.words()).to_string(), ring, "{}", scheme.name());
        }
        let pallet = [0x31, 0x74, 0x25, 0x7b, 0xf4, 0x49, 0x96, 0x02, 0xd2, 0, 0, 0];
        assert_eq!(Identifier::of_tag(&pallet).to_string(), "00/106141412345678908");
    }

    #[test]
    fn what_speaks_against_a_code_is_said_and_the_read_stands() {
        for (aim, bytes, canonical, doubt) in [
            (Some((b'd', b'2')), "010952123454321421R7", "own/010952123454321421R7", Some("check digit is wrong, 3")),
            (None, "(01)09521234543214(21)R7", "own/(01)09521234543214(21)R7", Some("check digit")),
            (Some((b'C', b'1')), "9x12", "own/9X12", Some("no application identifier")),
            (None, "9521234543214", "own/9521234543214", Some("check digit")),
            (None, "https://id.gs1.org/01/09521234543214", "own/HTTPS://ID.GS1.ORG/01/09521234543214", Some("(01)")),
            (None, "https://shop.example/ring", "own/HTTPS://SHOP.EXAMPLE/RING", None),
            (None, "18K-0042-7", "own/18K-0042-7", None),
            (None, "12345678", "own/12345678", None),
        ] {
            let (identifier, why) = Identifier::read_symbol(aim, bytes.as_bytes());
            assert_eq!(identifier.to_string(), canonical, "{bytes}");
            let why = why.map(|why| why.to_string());
            let fits = match (doubt, &why) {
                (Some(words), Some(why)) => why.contains(words),
                (None, None) => true,
                (_, _) => false,
            };
            assert!(fits, "{bytes}: {why:?}");
        }
        for (tag, canonical, doubt) in [
            ("e2801160600002045a5b6c7d", "tag/e2801160600002045a5b6c7d", Some("TID")),
            ("301c257bf7194e4000001a85", "tag/301c257bf7194e4000001a85", Some("partition 7")),
            ("35000001100000100000000f", "epc/gid:17.1.15", None),
            ("3074257bf7194e4000001a85", "01/80614141123458/21/6789", None),
        ] {
            let (identifier, why) = Identifier::read_tag(&hex::decode(tag).unwrap());
            assert_eq!(identifier.to_string(), canonical);
            assert_eq!(
                why.map(|why| why.to_string().contains(doubt.unwrap_or("nothing"))),
                doubt.map(|_| true),
                "{tag}"
            );
            assert_eq!(Identifier::parse(canonical), Some(identifier), "{canonical}");
        }
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
            // What a person types, and what a plain symbol holds for people.
            (None, "(01)09521234543213(21)R7", "01/09521234543213/21/R7"),
            (Some((b'Q', b'1')), "(01)09521234543213(21)R7", "01/09521234543213/21/R7"),
            (None, "^010952123454321321R7", "01/09521234543213/21/R7"),
            (Some((b'C', b'1')), "4149521234543213254V1-03", "414/9521234543213/254/V1-03"),
            (Some((b'C', b'1')), "41495212345432132540", "414/9521234543213"),
            (Some((b'd', b'2')), "8004952123AB/1", "8004/952123AB/1"),
            (Some((b'd', b'2')), "80030952123454321377", "8003/0952123454321377"),
            (Some((b'd', b'2')), "8010952123#A/-1\u{1d}801142", "8010/952123#A/-1/8011/42"),
            (Some((b'd', b'2')), "8006095212345432130102\u{1d}2142", "8006/095212345432130102/21/42"),
            (Some((b'd', b'2')), "2539521234543213A-1", "253/9521234543213A-1"),
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
