//! GS1 Digital Link: the web address in a QR code that names a thing.
//!
//! Only the path counts: `https://any.example/maybe/a/folder/01/09521234543213/10/L7/21/4711?17=261231`. Source: GS1
//! Digital Link Standard, URI Syntax, section 4 (primary keys, key qualifiers, percent-encoding).

use crate::gs1;
use crate::identity::Identifier;

/// The identity that an address names; `None` when it names none.
pub(super) fn parse(text: &str) -> Option<Identifier> {
    let (scheme, rest) = text.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let mut tails = (0..segments.len()).filter_map(|at| segments.get(at..));
    tails.find_map(|tail| match *tail {
        ["00", sscc, ..] if sscc.len() == 18 && gs1::check_digit_holds(sscc) => {
            Some(Identifier::Sscc { sscc: sscc.to_owned() })
        }
        ["01", gtin, ref qualifiers @ ..] if matches!(gtin.len(), 8 | 12 | 13 | 14) && gs1::check_digit_holds(gtin) => {
            let gtin = format!("{gtin:0>14}");
            let value = |ai| {
                let mut pairs = qualifiers.as_chunks::<2>().0.iter();
                pairs.find_map(|[of, value]| (*of == ai).then(|| decoded(value)).flatten())
            };
            Some(match (value("21"), value("10")) {
                (Some(serial), _) => Identifier::Sgtin { gtin, serial },
                (None, Some(lot)) => Identifier::Lgtin { gtin, lot },
                (None, None) => Identifier::Gtin { gtin },
            })
        }
        _ => None,
    })
}

/// A serial number or lot without its percent-encoding; `None` when it can be neither.
fn decoded(text: &str) -> Option<String> {
    let mut value = String::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let (byte, after) = match (first, after) {
            (b'%', &[high, low, ref after @ ..]) => {
                let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                (digit(high)? << 4 | digit(low)?, after)
            }
            _ => (first, after),
        };
        if !gs1::is_cset_82(byte) {
            return None;
        }
        value.push(char::from(byte));
        rest = after;
    }
    (1..=20).contains(&value.len()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_what_the_other_carriers_name() {
        for (address, canonical) in [
            ("https://id.gs1.org/01/09521234543213/21/4711", Some("01/09521234543213/21/4711")),
            (
                "HTTP://shop.example/rings/01/9521234543213/22/2A/10/L7/21/47%2F11?17=261231#x",
                Some("01/09521234543213/21/47/11"),
            ),
            ("https://id.gs1.org/01/09521234543213/10/L7", Some("01/09521234543213/10/L7")),
            ("https://id.gs1.org/01/09521234543213?21=4711", Some("01/09521234543213")),
            ("https://id.gs1.org/00/095201234567891235", Some("00/095201234567891235")),
            ("https://id.gs1.org/01/09521234543214/21/4711", None),
            ("https://shop.example/item/4711", None),
            ("https://shop.example/01/2026", None),
            ("ftp://id.gs1.org/01/09521234543213", None),
            ("/01/09521234543213", None),
            ("https://", None),
            ("https://id.gs1.org/01/红宝石戒指01", None),
        ] {
            let found = parse(address).map(|identifier| identifier.to_string());
            assert_eq!(found.as_deref(), canonical, "{address}");
        }
        assert_eq!(decoded("%4"), Some("%4".to_owned()), "a percent sign of its own");
        for wrong in ["", "%zz", "%00", "123456789012345678901"] {
            assert_eq!(decoded(wrong), None, "{wrong}");
        }
    }
}
