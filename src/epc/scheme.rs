//! The schemes of the Tag Data Standard as tables that a person can compare with it.
//!
//! Source: GS1 EPC Tag Data Standard 2.2, table 14-1 (headers), sections 10 (filter values), 14.2 (partition tables), 14.6
//! and 14.7 (layouts), 15 ("+" schemes); headers of the "++" schemes from 2.3.

/// How an EPC is written on a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    Gdti96,
    Gsrn96,
    Gsrnp96,
    Usdod96,
    Sgtin96,
    Sscc96,
    Sgln96,
    Grai96,
    Giai96,
    Gid96,
    Sgtin198,
    Grai170,
    Giai202,
    Sgln195,
    Gdti113,
    AdiVar,
    Cpi96,
    CpiVar,
    Gdti174,
    Sgcn96,
    Itip110,
    Itip212,
    CpiPlus,
    GraiPlus,
    SglnPlus,
    ItipPlus,
    GsrnPlus,
    GsrnpPlus,
    GdtiPlus,
    SgtinPlus,
    SgcnPlus,
    SsccPlus,
    GiaiPlus,
    DsgtinPlus,
}

/// What is named, whichever scheme writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Sgtin,
    Sscc,
    Sgln,
    Grai,
    Giai,
    Gsrn,
    Gsrnp,
    Gdti,
    Sgcn,
    Itip,
    Cpi,
    Gid,
    Usdod,
    Adi,
}

/// One scheme: its header, its name in URIs, what it names, its bits (`None`: they depend on the value) and what they hold.
pub(super) struct Row {
    pub scheme: Scheme,
    pub header: u8,
    pub name: &'static str,
    pub kind: Kind,
    pub bits: Option<usize>,
    pub body: Body,
}

pub(super) enum Body {
    /// Filter 3 bits, partition 3, company prefix, reference, what follows.
    Partitioned(Reference, Tail),
    /// General manager 28 bits, object class 24, serial 36.
    Gid,
    /// Filter 4 bits, CAGE code or DoDAAC of six 8-bit characters, serial 36.
    Usdod,
    /// Filter 6 bits, CAGE code or DoDAAC of six 6-bit characters, part number and serial ended by six zeros each.
    Adi,
    /// Toggle 1 bit, filter 3, with `dated` a date of 4 + 16 bits, then the values of these AIs.
    Elements { dated: bool, ais: &'static [&'static str] },
}

/// The number behind the company prefix, its bits by partition; its digits grow by one with every partition.
#[derive(Clone, Copy)]
pub(super) enum Reference {
    /// All its digits, leading zeros too; `digits` at partition 0.
    Padded { bits: [usize; 7], digits: usize },
    /// Without leading zeros, at most so many digits.
    Number { bits: [usize; 7], digits: usize },
    /// At most so many 7-bit characters, zeros behind them.
    Characters { bits: [usize; 7], most: usize },
    /// At most so many 6-bit characters, ended by six zeros.
    SixBit { most: usize },
}

#[derive(Clone, Copy)]
pub(super) enum Tail {
    Nothing,
    Zeros(usize),
    /// A number without leading zeros of so many bits and at most so many digits.
    Number {
        bits: usize,
        digits: usize,
    },
    /// A 1 and behind it the digits, so that leading zeros survive.
    Marked {
        bits: usize,
    },
    /// 7-bit characters, zeros behind them.
    Characters {
        most: usize,
    },
    /// Piece and total of 7 bits each, then as above.
    PiecesNumber {
        bits: usize,
        digits: usize,
    },
    PiecesCharacters {
        most: usize,
    },
}

/// Bits of the company prefix by partition; it has `12 - partition` digits.
pub(super) const PREFIX_BITS: [usize; 7] = [40, 37, 34, 30, 27, 24, 20];

/// Digits of the company prefix at partition 0.
pub(crate) const PREFIX_DIGITS_MAX: usize = 12;

/// Digits of the company prefix at partition 6.
pub(crate) const PREFIX_DIGITS_MIN: usize = 6;

/// Digit or digits with the indicator in front: SGTIN, ITIP.
const ITEM: Reference = Reference::Padded { bits: [4, 7, 10, 14, 17, 20, 24], digits: 1 };
/// The extension digit in front: SSCC; the same for service relations.
const LOGISTIC_UNIT: Reference = Reference::Padded { bits: [18, 21, 24, 28, 31, 34, 38], digits: 5 };
/// SGLN, GDTI, SGCN.
const LOCATION: Reference = Reference::Padded { bits: [1, 4, 7, 11, 14, 17, 21], digits: 0 };
const ASSET_TYPE: Reference = Reference::Padded { bits: [4, 7, 10, 14, 17, 20, 24], digits: 0 };
const ASSET: Reference = Reference::Number { bits: [42, 45, 48, 52, 55, 58, 62], digits: 13 };
const ASSET_TEXT: Reference = Reference::Characters { bits: [148, 151, 154, 158, 161, 164, 168], most: 18 };
const PART: Reference = Reference::Number { bits: [11, 14, 17, 21, 24, 27, 31], digits: 3 };
const PART_TEXT: Reference = Reference::SixBit { most: 18 };

const SERIAL_38: Tail = Tail::Number { bits: 38, digits: 12 };
const SERIAL_41: Tail = Tail::Number { bits: 41, digits: 13 };

use self::Body::{Elements, Partitioned};

/// In the order of [`Scheme`], which is that of the headers.
#[rustfmt::skip]
pub(super) static TABLE: [Row; 34] = [
    row(Scheme::Gdti96, 0x2c, "gdti-96", Kind::Gdti, Some(96), Partitioned(LOCATION, SERIAL_41)),
    row(Scheme::Gsrn96, 0x2d, "gsrn-96", Kind::Gsrn, Some(96), Partitioned(LOGISTIC_UNIT, Tail::Zeros(24))),
    row(Scheme::Gsrnp96, 0x2e, "gsrnp-96", Kind::Gsrnp, Some(96), Partitioned(LOGISTIC_UNIT, Tail::Zeros(24))),
    row(Scheme::Usdod96, 0x2f, "usdod-96", Kind::Usdod, Some(96), Body::Usdod),
    row(Scheme::Sgtin96, 0x30, "sgtin-96", Kind::Sgtin, Some(96), Partitioned(ITEM, SERIAL_38)),
    row(Scheme::Sscc96, 0x31, "sscc-96", Kind::Sscc, Some(96), Partitioned(LOGISTIC_UNIT, Tail::Zeros(24))),
    row(Scheme::Sgln96, 0x32, "sgln-96", Kind::Sgln, Some(96), Partitioned(LOCATION, SERIAL_41)),
    row(Scheme::Grai96, 0x33, "grai-96", Kind::Grai, Some(96), Partitioned(ASSET_TYPE, SERIAL_38)),
    row(Scheme::Giai96, 0x34, "giai-96", Kind::Giai, Some(96), Partitioned(ASSET, Tail::Nothing)),
    row(Scheme::Gid96, 0x35, "gid-96", Kind::Gid, Some(96), Body::Gid),
    row(Scheme::Sgtin198, 0x36, "sgtin-198", Kind::Sgtin, Some(198), Partitioned(ITEM, Tail::Characters { most: 20 })),
    row(Scheme::Grai170, 0x37, "grai-170", Kind::Grai, Some(170), Partitioned(ASSET_TYPE, Tail::Characters { most: 16 })),
    row(Scheme::Giai202, 0x38, "giai-202", Kind::Giai, Some(202), Partitioned(ASSET_TEXT, Tail::Nothing)),
    row(Scheme::Sgln195, 0x39, "sgln-195", Kind::Sgln, Some(195), Partitioned(LOCATION, Tail::Characters { most: 20 })),
    row(Scheme::Gdti113, 0x3a, "gdti-113", Kind::Gdti, Some(113), Partitioned(LOCATION, Tail::Number { bits: 58, digits: 17 })),
    row(Scheme::AdiVar, 0x3b, "adi-var", Kind::Adi, None, Body::Adi),
    row(Scheme::Cpi96, 0x3c, "cpi-96", Kind::Cpi, Some(96), Partitioned(PART, Tail::Number { bits: 31, digits: 12 })),
    row(Scheme::CpiVar, 0x3d, "cpi-var", Kind::Cpi, None, Partitioned(PART_TEXT, Tail::Number { bits: 40, digits: 12 })),
    row(Scheme::Gdti174, 0x3e, "gdti-174", Kind::Gdti, Some(174), Partitioned(LOCATION, Tail::Characters { most: 17 })),
    row(Scheme::Sgcn96, 0x3f, "sgcn-96", Kind::Sgcn, Some(96), Partitioned(LOCATION, Tail::Marked { bits: 41 })),
    row(Scheme::Itip110, 0x40, "itip-110", Kind::Itip, Some(110), Partitioned(ITEM, Tail::PiecesNumber { bits: 38, digits: 12 })),
    row(Scheme::Itip212, 0x41, "itip-212", Kind::Itip, Some(212), Partitioned(ITEM, Tail::PiecesCharacters { most: 20 })),
    row(Scheme::CpiPlus, 0xf0, "CPI+", Kind::Cpi, None, plus(&["8010", "8011"])),
    row(Scheme::GraiPlus, 0xf1, "GRAI+", Kind::Grai, None, plus(&["8003"])),
    row(Scheme::SglnPlus, 0xf2, "SGLN+", Kind::Sgln, None, plus(&["414", "254"])),
    row(Scheme::ItipPlus, 0xf3, "ITIP+", Kind::Itip, None, plus(&["8006", "21"])),
    row(Scheme::GsrnPlus, 0xf4, "GSRN+", Kind::Gsrn, None, plus(&["8018"])),
    row(Scheme::GsrnpPlus, 0xf5, "GSRNP+", Kind::Gsrnp, None, plus(&["8017"])),
    row(Scheme::GdtiPlus, 0xf6, "GDTI+", Kind::Gdti, None, plus(&["253"])),
    row(Scheme::SgtinPlus, 0xf7, "SGTIN+", Kind::Sgtin, None, plus(&["01", "21"])),
    row(Scheme::SgcnPlus, 0xf8, "SGCN+", Kind::Sgcn, None, plus(&["255"])),
    row(Scheme::SsccPlus, 0xf9, "SSCC+", Kind::Sscc, None, plus(&["00"])),
    row(Scheme::GiaiPlus, 0xfa, "GIAI+", Kind::Giai, None, plus(&["8004"])),
    row(Scheme::DsgtinPlus, 0xfb, "DSGTIN+", Kind::Sgtin, None, Elements { dated: true, ais: &["01", "21"] }),
];

const fn row(scheme: Scheme, header: u8, name: &'static str, kind: Kind, bits: Option<usize>, body: Body) -> Row {
    Row { scheme, header, name, kind, bits, body }
}

const fn plus(ais: &'static [&'static str]) -> Body {
    Elements { dated: false, ais }
}

/// Headers of Tag Data Standard 2.3: as the "+" schemes, and a host name behind the serial number.
pub(super) const PLUS_PLUS: [(u8, &str); 12] = [
    (0xe6, "CPI++"),
    (0xe7, "GSRN++"),
    (0xe8, "GSRNP++"),
    (0xe9, "SGLN++"),
    (0xea, "GDTI++"),
    (0xeb, "GRAI++"),
    (0xec, "SGCN++"),
    (0xed, "ITIP++"),
    (0xee, "GIAI++"),
    (0xef, "SSCC++"),
    (0xfc, "DSGTIN++"),
    (0xfd, "SGTIN++"),
];

/// Place in [`TABLE`] by header, plus one.
const PLACES: [u8; 256] = {
    let mut places = [0; 256];
    let mut at = 0;
    while at < TABLE.len() {
        places[TABLE[at].header as usize] = at as u8 + 1;
        at += 1;
    }
    places
};

impl Scheme {
    pub(super) fn row(self) -> &'static Row {
        // A test holds the order of the table against that of the enum.
        &TABLE[self as usize]
    }

    pub fn of_header(header: u8) -> Option<Scheme> {
        let place = usize::from(*PLACES.get(usize::from(header))?).checked_sub(1)?;
        TABLE.get(place).map(|row| row.scheme)
    }

    /// By its name in URIs, `sgtin-96`, whatever the case of its letters.
    pub fn named(name: &str) -> Option<Scheme> {
        TABLE.iter().find(|row| row.name.eq_ignore_ascii_case(name)).map(|row| row.scheme)
    }

    /// Every scheme, in the order of the headers.
    pub fn all() -> impl Iterator<Item = Scheme> {
        TABLE.iter().map(|row| row.scheme)
    }

    /// As tag URIs write it (`sgtin-96`); a "+" scheme, which has no tag URI, as the standard does (`SGTIN+`).
    pub fn name(self) -> &'static str {
        self.row().name
    }

    pub fn kind(self) -> Kind {
        self.row().kind
    }

    pub fn header(self) -> u8 {
        self.row().header
    }

    /// Bits of its EPCs, where they do not depend on the value.
    pub fn bits(self) -> Option<usize> {
        self.row().bits
    }

    /// Whether it is a scheme of Tag Data Standard 2: application identifiers in place of partitions.
    pub fn is_plus(self) -> bool {
        matches!(self.row().body, Elements { .. })
    }

    /// Greatest filter value; a GID has none but 0.
    pub fn filter_max(self) -> u8 {
        match self.row().body {
            Body::Gid => 0,
            Body::Usdod => 15,
            Body::Adi => 63,
            Partitioned(..) | Elements { .. } => 7,
        }
    }
}

impl Kind {
    /// As URIs write it: `sgtin`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Sgtin => "sgtin",
            Kind::Sscc => "sscc",
            Kind::Sgln => "sgln",
            Kind::Grai => "grai",
            Kind::Giai => "giai",
            Kind::Gsrn => "gsrn",
            Kind::Gsrnp => "gsrnp",
            Kind::Gdti => "gdti",
            Kind::Sgcn => "sgcn",
            Kind::Itip => "itip",
            Kind::Cpi => "cpi",
            Kind::Gid => "gid",
            Kind::Usdod => "usdod",
            Kind::Adi => "adi",
        }
    }

    pub(super) fn named(name: &str) -> Option<Kind> {
        TABLE.iter().map(|row| row.kind).find(|kind| kind.name() == name)
    }

    /// What a filter value says of the tagged thing; `None` when it is reserved.
    pub fn filter_meaning(self, filter: u8) -> Option<&'static str> {
        Some(match (self, filter) {
            (Kind::Gid, _) => return None,
            (Kind::Usdod, 0) => "pallet",
            (Kind::Usdod, 1) => "case",
            (Kind::Usdod, 2) => "unit pack",
            (_, 0) => "all others",
            (Kind::Sgtin, 1) => "point of sale item",
            (Kind::Sgtin, 2) => "full case for transport",
            (Kind::Sgtin, 4) => "inner pack for handling",
            (Kind::Sgtin, 6) => "unit load",
            (Kind::Sgtin, 7) => "unit inside a trade item",
            (Kind::Sscc, 2) => "full case for transport",
            (Kind::Sscc, 6) => "unit load",
            (Kind::Giai, 1) => "rail vehicle",
            (Kind::Gdti, 1) => "travel document",
            (Kind::Adi, 1) => "item, other than an item to which filter values 8 through 63 apply",
            (Kind::Adi, 2) => "carton",
            (Kind::Adi, 6) => "pallet",
            (Kind::Adi, 8) => "seat cushions",
            (Kind::Adi, 9) => "seat covers",
            (Kind::Adi, 10) => "seat belts",
            (Kind::Adi, 11) => "galley equipment",
            (Kind::Adi, 12) => "unit load devices, cargo containers",
            (Kind::Adi, 13) => "aircraft security items",
            (Kind::Adi, 14) => "life vests",
            (Kind::Adi, 15) => "oxygen generators",
            (Kind::Adi, 16) => "engine components",
            (Kind::Adi, 17) => "avionics",
            (Kind::Adi, 18) => "experimental equipment",
            (Kind::Adi, 19) => "other emergency equipment",
            (Kind::Adi, 20) => "other rotables",
            (Kind::Adi, 21) => "other repairables",
            (Kind::Adi, 22) => "other cabin interior",
            (Kind::Adi, 23) => "other repair",
            (Kind::Adi, 24) => "passenger seats",
            (Kind::Adi, 25) => "in-flight entertainment",
            (Kind::Adi, 56) => "location identifier",
            (Kind::Adi, 57) => "documentation",
            (Kind::Adi, 58) => "tools",
            (Kind::Adi, 59) => "ground support equipment",
            (Kind::Adi, 60) => "other non-flyable equipment",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_scheme_in_its_place() {
        for (place, row) in TABLE.iter().enumerate() {
            assert_eq!(row.scheme as usize, place, "{}", row.name);
            assert_eq!(Scheme::of_header(row.header), Some(row.scheme));
            assert_eq!(Scheme::named(row.name), Some(row.scheme));
            assert_eq!(row.scheme.row().name, row.name);
            // The name states the bits.
            let stated = row.name.split_once('-').and_then(|(_, bits)| bits.parse().ok());
            assert_eq!(row.bits, stated, "{}", row.name);
        }
        assert_eq!(Scheme::of_header(0xe2), None);
        assert!(PLUS_PLUS.iter().all(|&(header, _)| Scheme::of_header(header).is_none()));
    }

    /// Every column of the partition tables adds up to the bits in the name, and has room for its digits.
    #[test]
    fn the_partitions_add_up() {
        for row in &TABLE {
            let Partitioned(reference, tail) = row.body else { continue };
            let tail = match tail {
                Tail::Nothing => 0,
                Tail::Zeros(bits) | Tail::Number { bits, .. } | Tail::Marked { bits } => bits,
                Tail::Characters { most } => most * 7,
                Tail::PiecesNumber { bits, .. } => 14 + bits,
                Tail::PiecesCharacters { most } => 14 + most * 7,
            };
            for (partition, prefix) in PREFIX_BITS.iter().enumerate() {
                assert!(10_u128.pow(12 - partition as u32) <= 1 << prefix);
                let reference = match reference {
                    Reference::SixBit { .. } => continue,
                    Reference::Padded { bits, digits } => {
                        assert!(10_u128.pow((digits + partition) as u32) <= 1 << bits[partition], "{}", row.name);
                        bits[partition]
                    }
                    Reference::Number { bits, .. } => bits[partition],
                    Reference::Characters { bits, most } => {
                        assert!((most + partition) * 7 <= bits[partition]);
                        bits[partition]
                    }
                };
                assert_eq!(Some(14 + prefix + reference + tail), row.bits, "{} partition {partition}", row.name);
            }
        }
    }
}
