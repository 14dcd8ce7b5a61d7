//! Bits of a tag in the order of the air: the first bit is the highest of the first byte.

/// Longest EPC that the five length bits of a PC word can state: 31 words.
pub(super) const BITS_MAX: usize = 31 * 16;

/// Most bits that one window gives: 16 bytes less those that stand before its first bit.
const WINDOW_MAX: usize = 120;

/// Reads values of any width, one after the other.
#[derive(Clone)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    /// The first 128 bits, zeros behind the last: nearly every EPC whole.
    head: u128,
    bits: usize,
    at: usize,
}

impl Reader<'_> {
    /// `None` when `bits` are more than an EPC can have or than `bytes` hold.
    pub(super) fn new(bytes: &[u8], bits: usize) -> Option<Reader<'_>> {
        let bytes = bytes.get(..bits.div_ceil(8)).filter(|_| bits <= BITS_MAX)?;
        let head = match <&[u8; 12]>::try_from(bytes) {
            // The length that nine tags of ten have is read as two numbers.
            Ok(&[a, b, c, d, e, f, g, h, i, j, k, l]) => {
                let (high, low) = (u64::from_be_bytes([a, b, c, d, e, f, g, h]), u32::from_be_bytes([i, j, k, l]));
                u128::from(high) << 64 | u128::from(low) << 32
            }
            Err(_) => u128::from_be_bytes(sixteen(bytes)),
        };
        Some(Reader { bytes, head, bits, at: 0 })
    }

    /// The bit that is read next.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn left(&self) -> usize {
        self.bits - self.at
    }

    /// The next `width` bits as a number. `None` when fewer are left, or for more than 120.
    pub(super) fn window(&mut self, width: usize) -> Option<u128> {
        if self.left() < width || WINDOW_MAX < width {
            return None;
        }
        let value = match (width, self.at + width) {
            (0, _) => 0,
            (_, end) if end <= 128 => self.head << self.at >> (128 - width),
            _ => u128::from_be_bytes(sixteen(self.bytes.get(self.at / 8..)?)) << (self.at % 8) >> (128 - width),
        };
        self.at += width;
        Some(value)
    }

    /// The next `width` bits, 64 at most.
    pub(super) fn take(&mut self, width: usize) -> Option<u64> {
        if 64 < width {
            return None;
        }
        // No more than 64 bits: nothing is lost.
        self.window(width).map(|value| value as u64)
    }

    /// Position of the first 1 among the next `width` bits, and steps over them; nothing when all are 0.
    pub(super) fn first_one(&mut self, width: usize) -> Option<usize> {
        let end = self.bits.min(self.at + width);
        let mut found = None;
        while self.at < end && found.is_none() {
            let (from, step) = (self.at, WINDOW_MAX.min(end - self.at));
            let value = self.window(step)?;
            // The window stands in the low bits of the 128.
            found = (value != 0).then(|| from + step - (128 - value.leading_zeros() as usize));
        }
        self.at = end;
        found
    }
}

/// The first sixteen bytes, zeros where there are none.
fn sixteen(bytes: &[u8]) -> [u8; 16] {
    let mut all = [0; 16];
    all.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    all
}

/// Writes values of any width, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    bits: usize,
}

impl Writer {
    pub(super) fn bits(&self) -> usize {
        self.bits
    }

    /// The low `width` bits of `value`.
    pub(super) fn push(&mut self, value: u128, width: usize) {
        for at in (0..width).rev() {
            let bit = u8::from(at < 128 && value >> at & 1 == 1);
            match self.bytes.last_mut() {
                Some(last) if !self.bits.is_multiple_of(8) => *last |= bit << (7 - self.bits % 8),
                _ => self.bytes.push(bit << 7),
            }
            self.bits += 1;
        }
    }

    /// The bits of another writer.
    pub(super) fn append(&mut self, other: &Writer) {
        let mut left = other.bits;
        for &byte in &other.bytes {
            let width = left.min(8);
            self.push(u128::from(byte >> (8 - width)), width);
            left -= width;
        }
    }

    /// Filled up with zeros to whole words of 16 bits, as tags are written.
    pub(super) fn words(mut self) -> Vec<u8> {
        self.bytes.resize(self.bits.div_ceil(16) * 2, 0);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::default();
        let values = [(0x30_u128, 8), (5, 3), (0, 0), (0x1ff_ffff_ffff, 41), (1, 1), (0, 90), ((1 << 119) | 1, 120)];
        values.iter().for_each(|&(value, width)| writer.push(value, width));
        let bits = writer.bits();
        let mut twice = Writer::default();
        twice.push(1, 1);
        twice.append(&writer);
        let words = twice.words();
        let mut reader = Reader::new(&words, bits + 1).unwrap();
        assert_eq!(reader.take(1), Some(1));
        for (value, width) in values {
            assert_eq!(reader.window(width), Some(value), "{width} bits");
        }
        assert_eq!((reader.left(), reader.take(1)), (0, None));
    }

    #[test]
    fn the_first_one_is_found() {
        for at in [0_usize, 1, 7, 8, 119, 120, 121, 247, 300] {
            let mut writer = Writer::default();
            writer.push(0, at);
            writer.push(1, 1);
            writer.push(u128::MAX, 20);
            let words = writer.words();
            let mut reader = Reader::new(&words, at + 21).unwrap();
            assert_eq!(reader.clone().first_one(500), Some(at));
            assert_eq!((reader.first_one(at), reader.at()), (None, at));
        }
        assert!(Reader::new(&[0; 62], 496).is_some());
        assert!(Reader::new(&[0; 63], 504).is_none() && Reader::new(&[0; 2], 17).is_none());
    }
}
