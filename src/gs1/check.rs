//! Check characters: modulo 10 for numeric keys, the pair of characters for GMN and MUDI, modulo 97 for an IBAN.
//!
//! Source: GS1 General Specifications, sections 7.9.1 (modulo 10) and 7.9.5 (check character pair); ISO 13616 (IBAN).

/// The modulo-10 check digit of `digits` (without it): weights 3, 1, 3 from the right. `None` when one is no digit.
pub fn digit(digits: &str) -> Option<u8> {
    digit_of(digits.as_bytes())
}

/// Whether the last digit is the check digit of those before it.
pub fn holds(digits: &str) -> bool {
    match digits.as_bytes() {
        [body @ .., last] => digit_of(body).is_some_and(|digit| *last == b'0' + digit),
        [] => false,
    }
}

pub(super) fn digit_of(digits: &[u8]) -> Option<u8> {
    let sum =
        digits.iter().rev().zip([3, 1].into_iter().cycle()).try_fold(0_u64, |sum, (byte, weight)| {
            byte.is_ascii_digit().then(|| sum + u64::from(byte - b'0') * weight)
        })?;
    u8::try_from((10 - sum % 10) % 10).ok()
}

/// Weights of the check pair: the primes, the first one beside the last character.
const PRIMES: [u32; 97] = [
    2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197, 199, 211, 223, 227, 229, 233, 239,
    241, 251, 257, 263, 269, 271, 277, 281, 283, 293, 307, 311, 313, 317, 331, 337, 347, 349, 353, 359, 367, 373, 379,
    383, 389, 397, 401, 409, 419, 421, 431, 433, 439, 443, 449, 457, 461, 463, 467, 479, 487, 491, 499, 503, 509,
];

/// Character set 82 in its order; the place of a character is its value in the check pair.
const SET_82: &[u8] = b"!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";

/// What the two characters of a pair are written with.
const SET_32: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// The check pair of `text` (without it). `None` when a character has no value or the text is longer than 97.
pub fn pair(text: &[u8]) -> Option<[u8; 2]> {
    if PRIMES.len() < text.len() {
        return None;
    }
    let mut sum = 0_u32;
    for (byte, prime) in text.iter().rev().zip(PRIMES) {
        let value = SET_82.iter().position(|known| known == byte)?;
        sum += u32::try_from(value).ok()? * prime;
    }
    let sum = sum % 1021;
    let written = |value: u32| SET_32.get(usize::try_from(value).ok()?).copied();
    Some([written(sum >> 5)?, written(sum & 31)?])
}

/// The remainder of an IBAN modulo 97, letters counting 10 to 35 and the first four characters last; 1 when it is
/// right, `None` when it has other characters than digits and capitals.
pub(super) fn iban_remainder(iban: &[u8]) -> Option<u32> {
    let (head, body) = iban.split_at_checked(4)?;
    body.iter().chain(head).try_fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => Some((rest * 10 + u32::from(byte - b'0')) % 97),
        b'A'..=b'Z' => Some((rest * 100 + u32::from(byte - b'A') + 10) % 97),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits() {
        assert_eq!(digit("0952123454321"), Some(3));
        assert!(holds("095201234567891235") && holds("02345673") && holds("2112345678900"));
        for wrong in ["", "09521234543214", "0952123454321x", "x"] {
            assert!(!holds(wrong), "{wrong}");
        }
    }

    #[test]
    fn check_pairs_and_ibans() {
        assert_eq!(pair(b"1987654Ad4X4bL5ttr2310c"), Some(*b"2K"));
        assert_eq!(pair(b""), Some(*b"22"));
        assert_eq!(pair(b"~"), None);
        assert_eq!(iban_remainder(b"GB82WEST12345698765432"), Some(1));
        assert_eq!(iban_remainder(b"GB82WEST12345698765433"), Some(28));
        assert_eq!(iban_remainder(b"GB8"), None);
    }
}
