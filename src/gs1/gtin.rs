//! GTINs as EAN, UPC and ITF symbols carry them, all of them kept with 14 digits.
//!
//! Source: GS1 General Specifications, sections 3.3.2 and 5.2 (UPC-E).

use crate::gs1::check;
use crate::gs1::fault::{Fault, Wrong};
use crate::gs1::lint;

/// A GTIN of 8, 12, 13 or 14 digits with its check digit, filled up to 14.
///
/// # Errors
/// Another length, a character that is no digit, or a wrong check digit; with its place.
pub fn fill(digits: &str) -> Result<String, Wrong> {
    lint::digits(digits.as_bytes())?;
    let fault = match digits.len() {
        8 | 12 | 13 | 14 => match check::digit(digits.get(..digits.len() - 1).unwrap_or_default()) {
            Some(_) if check::holds(digits) => return Ok(format!("{digits:0>14}")),
            Some(want) => Fault::CheckDigit { want },
            None => Fault::Digit,
        },
        0 => Fault::Missing,
        15.. => Fault::Long,
        _ => Fault::Short,
    };
    Err(Wrong { at: digits.len().saturating_sub(1), fault })
}

/// The twelve digits of UPC-A that a UPC-E of eight digits (number system 0 or 1, six digits, check digit) stands for;
/// `None` when it is none.
///
/// Eight digits can also be an EAN-8, and one in ten is right as both: scanners that send symbology identifiers send
/// UPC-E already expanded.
pub fn expand_upc_e(digits: &str) -> Option<String> {
    let &[system @ (b'0' | b'1'), a, b, c, d, e, last, sum] = digits.as_bytes() else { return None };
    let zero = b'0';
    let expanded = match last {
        b'0'..=b'2' => [system, a, b, last, zero, zero, zero, zero, c, d, e, sum],
        b'3' => [system, a, b, c, zero, zero, zero, zero, zero, d, e, sum],
        b'4' => [system, a, b, c, d, zero, zero, zero, zero, zero, e, sum],
        _ => [system, a, b, c, d, e, zero, zero, zero, zero, last, sum],
    };
    let upc = String::from_utf8(expanded.to_vec()).ok()?;
    check::holds(&upc).then_some(upc)
}

/// The shortest form in which a symbol carries a GTIN-14: 8, 12 or 13 digits behind zeros, or all 14.
pub fn shortest(gtin: &str) -> &str {
    let without = |zeros: &str| gtin.strip_prefix(zeros).filter(|_| gtin.len() == 14);
    without("000000").or_else(|| without("00")).or_else(|| without("0")).unwrap_or(gtin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_becomes_fourteen_digits() {
        for (digits, gtin) in [
            ("02345673", "00000002345673"),
            ("416000336108", "00416000336108"),
            ("2112345678900", "02112345678900"),
            ("09521234543213", "09521234543213"),
        ] {
            assert_eq!(fill(digits).as_deref(), Ok(gtin));
            assert_eq!(fill(shortest(gtin)).as_deref(), Ok(gtin));
        }
        for (wrong, at, fault) in [
            ("", 0, Fault::Missing),
            ("123", 2, Fault::Short),
            ("123456789012345", 14, Fault::Long),
            ("02345674", 7, Fault::CheckDigit { want: 3 }),
            ("0234x673", 4, Fault::Digit),
        ] {
            assert_eq!(fill(wrong), Err(Wrong { at, fault }), "{wrong}");
        }
    }

    #[test]
    fn upc_e_is_expanded() {
        for (short, long) in [
            ("04252614", "042100005264"),
            ("01234505", "012000003450"),
            ("06543217", "065100004327"),
            ("01234565", "012345000065"),
            ("01234531", "012300000451"),
            ("01234543", "012340000053"),
        ] {
            let check = check::digit(&long[..11]).unwrap();
            let short = format!("{}{check}", &short[..7]);
            assert_eq!(expand_upc_e(&short), Some(format!("{}{check}", &long[..11])), "{short}");
        }
        assert_eq!(expand_upc_e("04252614").as_deref(), Some("042100005264"));
        for none in ["24252614", "04252615", "0425261", "0425261x"] {
            assert_eq!(expand_upc_e(none), None, "{none}");
        }
    }
}
