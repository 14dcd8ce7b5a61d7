//! Values of keys without a heap: digits whose leading zeros count, and short texts.

use std::fmt;

pub(super) use crate::gs1::lint::is_cset_82;

/// Longest text that a key can hold: the part number of an ADI has 32 characters.
const TEXT_MAX: usize = 32;

/// Longest run of digits: an SSCC, a GSRN.
const DIGITS_MAX: usize = 18;

/// Digits whose leading zeros count: a company prefix, a GTIN, an SSCC. 18 at most.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digits {
    len: u8,
    value: u64,
}

impl Digits {
    /// `None` when the value needs more than `len` digits, or `len` is more than 18.
    pub fn new(value: u64, len: usize) -> Option<Digits> {
        let fits = len <= DIGITS_MAX && value < power(len);
        fits.then_some(Digits { len: len as u8, value })
    }

    /// `None` when the text has more than 18 characters or one that is no digit.
    pub fn parse(text: &str) -> Option<Digits> {
        let digit = |value: u64, byte: u8| byte.is_ascii_digit().then(|| value * 10 + u64::from(byte - b'0'));
        if DIGITS_MAX < text.len() {
            return None;
        }
        Digits::new(text.bytes().try_fold(0, digit)?, text.len())
    }

    pub fn value(self) -> u64 {
        self.value
    }

    pub fn len(self) -> usize {
        usize::from(self.len)
    }

    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The same digits and behind them their check digit (weights 3, 1, 3 from the right). What `gs1::check_digit` says of
    /// a text, without making one: a reader decodes thousands of tags a second.
    pub(super) fn checked(self) -> Option<Digits> {
        let (mut rest, mut sum) = (self.value, 0);
        while rest != 0 {
            sum += rest % 10 * 3 + rest / 10 % 10;
            rest /= 100;
        }
        Digits::new(self.value * 10 + (10 - sum % 10) % 10, self.len() + 1)
    }

    /// Whether the last digit is the check digit of those before it.
    pub(super) fn check_holds(self) -> bool {
        let body = self.len().checked_sub(1).and_then(|len| Digits::new(self.value / 10, len));
        body.and_then(Digits::checked) == Some(self)
    }
}

/// 10 to the power of `digits`, 18 at most.
pub(super) fn power(digits: usize) -> u64 {
    const POWERS: [u64; DIGITS_MAX + 1] = {
        let mut powers = [1; DIGITS_MAX + 1];
        let mut at = 1;
        while at <= DIGITS_MAX {
            powers[at] = powers[at - 1] * 10;
            at += 1;
        }
        powers
    };
    POWERS.get(digits).copied().unwrap_or(u64::MAX)
}

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.len() {
            0 => Ok(()),
            len => write!(f, "{:0len$}", self.value),
        }
    }
}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A text of 32 printable ASCII characters at most: a serial number, an asset reference.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text {
    /// Zeros behind the characters, so that texts compare as their bytes do.
    bytes: [u8; TEXT_MAX],
    len: u8,
}

impl Text {
    pub(super) const EMPTY: Text = Text { bytes: [0; TEXT_MAX], len: 0 };

    /// `None` when the text is longer than 32 characters or one of them is not printable ASCII.
    pub fn parse(text: &str) -> Option<Text> {
        let mut parsed = Text::EMPTY;
        text.bytes().try_for_each(|byte| parsed.push(byte)).map(|()| parsed)
    }

    /// A number without leading zeros.
    pub(super) fn of_number(value: u64) -> Text {
        let mut text = Text::EMPTY;
        let len = value.checked_ilog10().unwrap_or_default() as usize + 1;
        let mut rest = value;
        for byte in text.bytes.iter_mut().take(len).rev() {
            // A remainder of ten is a digit.
            *byte = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        text.len = len as u8;
        text
    }

    /// `None` when there is no room left or the character is not printable ASCII.
    pub(super) fn push(&mut self, byte: u8) -> Option<()> {
        if !byte.is_ascii_graphic() {
            return None;
        }
        *self.bytes.get_mut(usize::from(self.len))? = byte;
        self.len += 1;
        Some(())
    }

    pub fn as_str(&self) -> &str {
        // Only ASCII was ever pushed.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// GS1 AI encodable character set 39: what a component part number may have. Source: General Specifications, figure 7.11-2.
pub(super) fn is_cset_39(byte: u8) -> bool {
    byte.is_ascii_digit() || byte.is_ascii_uppercase() || b"#-/".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gs1;

    #[test]
    fn check_digits_are_those_of_gs1() {
        for body in ["", "0", "9638507", "03600029145", "400638133393", "0950600013435", "99999999999999999", "1"] {
            let whole = Digits::parse(body).and_then(Digits::checked).unwrap();
            assert_eq!(Some(whole.value() % 10), gs1::check_digit(body).map(u64::from), "{body}");
            assert!(whole.check_holds());
            let wrong = whole.value() / 10 * 10 + (whole.value() + 1) % 10;
            assert!(!Digits::new(wrong, whole.len()).unwrap().check_holds(), "{body}");
        }
        assert_eq!(Digits::new(999_999_999_999_999_999, 18).and_then(Digits::checked), None, "19 digits");
    }

    #[test]
    fn leading_zeros_count() {
        assert_ne!(Digits::parse("01"), Digits::parse("1"));
        assert_eq!(Digits::parse("007").unwrap().to_string(), "007");
        assert_eq!(Digits::parse("").unwrap().to_string(), "");
        for wrong in ["1a", "+1", "1234567890123456789", "１"] {
            assert_eq!(Digits::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Digits::new(1_000, 3), None);
        for value in [0, 7, 10, 274_877_906_943, u64::MAX] {
            assert_eq!(Text::of_number(value).as_str(), value.to_string());
        }
        assert!(Text::parse(&"x".repeat(32)).is_some() && Text::parse(&"x".repeat(33)).is_none());
        assert_eq!((Text::parse("a b"), Text::parse("é")), (None, None));
    }
}
