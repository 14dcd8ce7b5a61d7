//! The identification keys of GS1 in their parts, as elements state them. Their check digits hold: elements are only
//! built from values that do.
//!
//! Source: GS1 General Specifications, section 3.

use crate::gs1::{Element, Elements};

/// A key with what makes one single thing of it, where that was read too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// (01) trade item, 14 digits; (22) consumer variant, (10) lot, (21) serial, (235) serial of a third party.
    Gtin {
        gtin: String,
        variant: Option<String>,
        lot: Option<String>,
        serial: Option<String>,
        third_party_serial: Option<String>,
    },
    /// (00) logistic unit, 18 digits.
    Sscc { sscc: String },
    /// (414) place, 13 digits, and (254) what is within it.
    Gln { gln: String, extension: Option<String> },
    /// (417) organization.
    Party { gln: String },
    /// (8003) returnable asset, 13 digits without the zero in front, and its serial.
    Grai { grai: String, serial: Option<String> },
    /// (8004) single asset.
    Giai { giai: String },
    /// (8018) who receives a service, 18 digits, and (8019) which time.
    Gsrn { gsrn: String, instance: Option<String> },
    /// (8017) who provides a service.
    Gsrnp { gsrn: String, instance: Option<String> },
    /// (253) kind of document, 13 digits, and its serial.
    Gdti { gdti: String, serial: Option<String> },
    /// (255) coupon, 13 digits, and its serial.
    Gcn { gcn: String, serial: Option<String> },
    /// (8010) component or part, and (8011) its serial.
    Cpid { cpid: String, serial: Option<String> },
    /// (8006) piece of a trade item, with the trade item's GTIN.
    Itip { gtin: String, piece: u8, total: u8, lot: Option<String>, serial: Option<String> },
    /// (401) consignment, (402) shipment, (8013) model, (415) where to pay: keys without a type of their own here.
    Other { ai: &'static str, value: String },
}

impl Key {
    /// The key from which on the company prefix counts: without indicator, extension digit or leading zero.
    pub fn company_digits(&self) -> &str {
        match self {
            Key::Gtin { gtin, .. } | Key::Itip { gtin, .. } => gtin.get(1..).unwrap_or_default(),
            Key::Sscc { sscc } => sscc.get(1..).unwrap_or_default(),
            Key::Gln { gln, .. } | Key::Party { gln } => gln,
            Key::Grai { grai, .. } => grai,
            Key::Giai { giai } => giai,
            Key::Gsrn { gsrn, .. } | Key::Gsrnp { gsrn, .. } => gsrn,
            Key::Gdti { gdti, .. } => gdti,
            Key::Gcn { gcn, .. } => gcn,
            Key::Cpid { cpid, .. } => cpid,
            Key::Other { value, .. } => value,
        }
    }
}

/// The keys among elements, in their order.
pub fn keys(elements: &Elements) -> Vec<Key> {
    elements.iter().filter_map(|element| key(element, elements)).collect()
}

fn key(element: &Element, elements: &Elements) -> Option<Key> {
    let row = element.ai.row().filter(|row| row.qualifiers.is_some())?;
    let value = element.value.as_str();
    let qualifier = |ai| elements.get(ai).map(str::to_owned);
    let parted = |at| {
        let (head, serial) = value.split_at_checked(at)?;
        Some((head.to_owned(), Some(serial.to_owned()).filter(|serial| !serial.is_empty())))
    };
    Some(match row.ai.as_str() {
        "00" => Key::Sscc { sscc: value.to_owned() },
        "01" => Key::Gtin {
            gtin: value.to_owned(),
            variant: qualifier("22"),
            lot: qualifier("10"),
            serial: qualifier("21"),
            third_party_serial: qualifier("235"),
        },
        "253" => {
            let (gdti, serial) = parted(13)?;
            Key::Gdti { gdti, serial }
        }
        "255" => {
            let (gcn, serial) = parted(13)?;
            Key::Gcn { gcn, serial }
        }
        "414" => Key::Gln { gln: value.to_owned(), extension: qualifier("254") },
        "417" => Key::Party { gln: value.to_owned() },
        "8003" => {
            let (grai, serial) = parted(14)?;
            Key::Grai { grai: grai.get(1..)?.to_owned(), serial }
        }
        "8004" => Key::Giai { giai: value.to_owned() },
        "8006" => {
            let (gtin, pieces) = value.split_at_checked(14)?;
            let (piece, total) = pieces.split_at_checked(2)?;
            Key::Itip {
                gtin: gtin.to_owned(),
                piece: piece.parse().ok()?,
                total: total.parse().ok()?,
                lot: qualifier("10"),
                serial: qualifier("21"),
            }
        }
        "8010" => Key::Cpid { cpid: value.to_owned(), serial: qualifier("8011") },
        "8017" => Key::Gsrnp { gsrn: value.to_owned(), instance: qualifier("8019") },
        "8018" => Key::Gsrn { gsrn: value.to_owned(), instance: qualifier("8019") },
        _ => Key::Other { ai: &row.ai, value: value.to_owned() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gs1::bracketed;

    #[test]
    fn every_key_in_its_parts() {
        let text = |text: &str| Some(text.to_owned());
        for (bracketed, want, company) in [
            ("(00)095201234567891235", Key::Sscc { sscc: "095201234567891235".into() }, "95201234567891235"),
            (
                "(414)9521234543213(254)DOOR3",
                Key::Gln { gln: "9521234543213".into(), extension: text("DOOR3") },
                "9521234543213",
            ),
            ("(417)9521234543213", Key::Party { gln: "9521234543213".into() }, "9521234543213"),
            ("(8003)09521234543213A9", Key::Grai { grai: "9521234543213".into(), serial: text("A9") }, "9521234543213"),
            ("(8003)09521234543213", Key::Grai { grai: "9521234543213".into(), serial: None }, "9521234543213"),
            ("(8004)9521234A", Key::Giai { giai: "9521234A".into() }, "9521234A"),
            ("(253)9521234543213D", Key::Gdti { gdti: "9521234543213".into(), serial: text("D") }, "9521234543213"),
            ("(255)95212345432131", Key::Gcn { gcn: "9521234543213".into(), serial: text("1") }, "9521234543213"),
            ("(8010)9521234A-1(8011)7", Key::Cpid { cpid: "9521234A-1".into(), serial: text("7") }, "9521234A-1"),
            (
                "(8017)123456789012345675",
                Key::Gsrnp { gsrn: "123456789012345675".into(), instance: None },
                "123456789012345675",
            ),
            (
                "(8018)123456789012345675(8019)3",
                Key::Gsrn { gsrn: "123456789012345675".into(), instance: text("3") },
                "123456789012345675",
            ),
            ("(401)9521X", Key::Other { ai: "401", value: "9521X".into() }, "9521X"),
        ] {
            let elements = bracketed::parse(bracketed).unwrap_or_else(|error| panic!("{bracketed}: {error}"));
            let keys = keys(&elements);
            assert_eq!(keys, [want], "{bracketed}");
            assert_eq!(keys[0].company_digits(), company);
        }
        let ring = bracketed::parse("(10)L(01)09521234543213(21)7").unwrap();
        let Some(Key::Gtin { gtin, lot, serial, variant: None, third_party_serial: None }) = keys(&ring).pop() else {
            panic!()
        };
        assert_eq!((gtin.as_str(), lot, serial), ("09521234543213", text("L"), text("7")));
        let piece = bracketed::parse("(8006)095212345432130203(21)7").unwrap();
        assert!(matches!(&keys(&piece)[..], [Key::Itip { piece: 2, total: 3, .. }]));
    }
}
