//! EPC memory to identity, as far as the first stations need it: SGTIN-96 and SSCC-96.
//!
//! Source: GS1 EPC Tag Data Standard 2.x, sections 14.6.1 (SGTIN-96) and 14.6.2 (SSCC-96): header 8 bits, filter 3,
//! partition 3, company prefix, then indicator + item reference and serial (38), or serial reference and 24 zero bits.

use crate::gs1;
use crate::identity::Identifier;

const SGTIN_96: u8 = 0x30;
const SSCC_96: u8 = 0x31;

/// Bits of the company prefix by partition; it has `12 - partition` digits.
const PREFIX_BITS: [u32; 7] = [40, 37, 34, 30, 27, 24, 20];

/// The identity in a 96-bit EPC; `None` when it is of another scheme or breaks its rules.
pub fn decode(epc: &[u8]) -> Option<Identifier> {
    let epc: &[u8; 12] = epc.try_into().ok()?;
    let mut wide = [0; 16];
    wide[4..].copy_from_slice(epc);
    let bits = u128::from_be_bytes(wide);
    let take = |from: u32, len: u32| -> u64 {
        // The 96 bits stand in the low part of the 128.
        u64::try_from(bits >> (96 - from - len) & ((1_u128 << len) - 1)).unwrap_or(u64::MAX)
    };
    let partition = usize::try_from(take(11, 3)).ok()?;
    let prefix_bits = *PREFIX_BITS.get(partition)?;
    let prefix_digits = 12 - partition;
    let prefix = digits(take(14, prefix_bits), prefix_digits)?;
    match epc.first() {
        Some(&SGTIN_96) => {
            let item = digits(take(14 + prefix_bits, 44 - prefix_bits), 13 - prefix_digits)?;
            let (indicator, reference) = item.split_at_checked(1)?;
            let body = format!("{indicator}{prefix}{reference}");
            let gtin = format!("{body}{}", gs1::check_digit(&body)?);
            Some(Identifier::Sgtin { gtin, serial: take(58, 38).to_string() })
        }
        Some(&SSCC_96) => {
            let item = digits(take(14 + prefix_bits, 58 - prefix_bits), 17 - prefix_digits)?;
            let (extension, reference) = item.split_at_checked(1)?;
            let body = format!("{extension}{prefix}{reference}");
            (take(72, 24) == 0).then_some(())?;
            Some(Identifier::Sscc { sscc: format!("{body}{}", gs1::check_digit(&body)?) })
        }
        _ => None,
    }
}

/// The EPC of one serialised item. `None` when the prefix length is not 6 to 12, the GTIN is not 14 sound digits or the
/// serial needs more than 38 bits.
pub fn sgtin_96(filter: u8, gtin: &str, prefix_digits: usize, serial: u64) -> Option<[u8; 12]> {
    let partition = 12_usize.checked_sub(prefix_digits)?;
    let prefix_bits = *PREFIX_BITS.get(partition)?;
    if gtin.len() != 14 || !gs1::check_digit_holds(gtin) || 1 << 38 <= serial {
        return None;
    }
    let number = |text: &str| text.parse::<u128>().ok();
    let prefix = number(gtin.get(1..1 + prefix_digits)?)?;
    let item = number(&format!("{}{}", gtin.get(..1)?, gtin.get(1 + prefix_digits..13)?))?;
    let mut bits = u128::from(SGTIN_96);
    for (value, len) in [
        (u128::from(filter & 7), 3),
        (u128::try_from(partition).ok()?, 3),
        (prefix, prefix_bits),
        (item, 44 - prefix_bits),
        (u128::from(serial), 38),
    ] {
        bits = bits << len | value;
    }
    bits.to_be_bytes().last_chunk::<12>().copied()
}

/// `value` with leading zeros; `None` when it needs more than `len` digits.
fn digits(value: u64, len: usize) -> Option<String> {
    let text = format!("{value:0len$}");
    (text.len() == len).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    #[test]
    fn tags_of_the_standard() {
        for (epc, canonical) in [
            // Tag Data Standard, section E.3: urn:epc:tag:sgtin-96:3.0614141.812345.6789
            ("3074257bf7194e4000001a85", Some("01/80614141123458/21/6789")),
            // urn:epc:tag:sscc-96:3.0614141.1234567890
            ("3174257bf4499602d2000000", Some("00/106141412345678908")),
            ("3074257bf7194e4000001a", None),
            ("e28011606000020412345678", None),
            ("307c257bf7194e4000001a85", None),
        ] {
            let bytes = hex::decode(epc).unwrap();
            assert_eq!(decode(&bytes).map(|found| found.to_string()).as_deref(), canonical, "{epc}");
        }
        assert_eq!(
            sgtin_96(3, "80614141123458", 7, 6789).map(|epc| hex::encode(&epc)),
            Some("3074257bf7194e4000001a85".into())
        );
    }
}
