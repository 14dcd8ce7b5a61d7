//! From the codewords of a Data Matrix symbol to its payload (ISO/IEC 16022, section 5.2).
//!
//! rxing corrects errors and gives the codewords; it says GS1 of symbols that are none and loses the bytes, so what they
//! stand for is read here.

/// Payload and modifier of the AIM identifier: 1 plain, 2 GS1, 3 an industry's format, 4 to 6 the same with ECI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::camera) struct Payload {
    pub(in crate::camera) bytes: Vec<u8>,
    pub(in crate::camera) modifier: u8,
    /// Number of the character set, when the symbol states one.
    pub(in crate::camera) eci: Option<u32>,
}

const GS: u8 = 0x1D;

/// The trailer of the macros 05 and 06.
const MACRO_END: [u8; 2] = [0x1E, 0x04];

const C40: [&[u8]; 2] = [b" 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"`abcdefghijklmnopqrstuvwxyz{|}~\x7F"];
const TEXT: [&[u8]; 2] = [b" 0123456789abcdefghijklmnopqrstuvwxyz", b"`ABCDEFGHIJKLMNOPQRSTUVWXYZ{|}~\x7F"];
const SHIFT_2: &[u8] = b"!\"#$%&'()*+,-./:;<=>?@[\\]^_";

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Ascii,
    C40,
    Text,
    X12,
    Edifact,
}

#[derive(Default)]
struct Reader {
    bytes: Vec<u8>,
    fnc1: Option<u8>,
    eci: Option<u32>,
    upper: bool,
    macro_open: bool,
}

/// The payload of `codewords`; `None` when they break the rules of the symbology.
pub(in crate::camera) fn payload(codewords: &[u8]) -> Option<Payload> {
    let mut reader = Reader::default();
    let mut rest = codewords;
    let mut mode = Mode::Ascii;
    while let &[first, ref after @ ..] = rest {
        match mode {
            Mode::Ascii => match first {
                129 => break,
                231 => rest = reader.base_256(codewords.len() - after.len(), after)?,
                _ => (mode, rest) = reader.ascii(codewords.len() - rest.len(), first, after)?,
            },
            Mode::C40 | Mode::Text | Mode::X12 => {
                rest = reader.triplets(mode, rest)?;
                mode = Mode::Ascii;
            }
            Mode::Edifact => {
                rest = reader.edifact(rest)?;
                mode = Mode::Ascii;
            }
        }
    }
    if reader.macro_open {
        reader.bytes.extend(MACRO_END);
    }
    let modifier = match (reader.fnc1, reader.eci.is_some()) {
        (Some(modifier), false) => modifier,
        (Some(modifier), true) => modifier + 3,
        (None, false) => b'1',
        (None, true) => b'4',
    };
    Some(Payload { bytes: reader.bytes, modifier, eci: reader.eci })
}

impl Reader {
    fn push(&mut self, byte: u8) {
        self.bytes.push(if self.upper { byte | 0x80 } else { byte });
        self.upper = false;
    }

    /// FNC1 first says GS1; behind one letter or two digits an industry's format; elsewhere it separates.
    fn fnc1(&mut self, place: usize) {
        let industry = match self.bytes.as_slice() {
            [letter] => letter.is_ascii_alphabetic(),
            [one, two] => one.is_ascii_digit() && two.is_ascii_digit(),
            _ => false,
        };
        match self.fnc1 {
            None if self.bytes.is_empty() && place <= 5 => self.fnc1 = Some(b'2'),
            None if industry => self.fnc1 = Some(b'3'),
            _ => self.bytes.push(GS),
        }
    }

    fn ascii<'a>(&mut self, place: usize, value: u8, rest: &'a [u8]) -> Option<(Mode, &'a [u8])> {
        let mode = match value {
            1..=128 => {
                self.push(value - 1);
                Mode::Ascii
            }
            130..=229 => {
                let pair = value - 130;
                self.bytes.extend([b'0' + pair / 10, b'0' + pair % 10]);
                Mode::Ascii
            }
            230 => Mode::C40,
            232 => {
                self.fnc1(place);
                Mode::Ascii
            }
            // Structured append: place among its kin and file number, three codewords. Each symbol is its own read.
            233 => return Some((Mode::Ascii, rest.get(3..)?)),
            // For the settings of a scanner.
            234 => return None,
            235 => {
                self.upper = true;
                Mode::Ascii
            }
            236 | 237 => {
                self.bytes.extend(if value == 236 { b"[)>\x1E05\x1D" } else { b"[)>\x1E06\x1D" });
                self.macro_open = true;
                Mode::Ascii
            }
            238 => Mode::X12,
            239 => Mode::Text,
            240 => Mode::Edifact,
            241 => return Some((Mode::Ascii, self.eci(rest)?)),
            // Some writers latch back to where they are.
            254 => Mode::Ascii,
            _ => return None,
        };
        Some((mode, rest))
    }

    fn eci<'a>(&mut self, rest: &'a [u8]) -> Option<&'a [u8]> {
        let (number, rest) = match *rest {
            [one @ 1..=127, ref rest @ ..] => (u32::from(one) - 1, rest),
            [one @ 128..=191, two, ref rest @ ..] => {
                ((u32::from(one) - 128) * 254 + 127 + u32::from(two).checked_sub(1)?, rest)
            }
            [one @ 192..=207, two, three, ref rest @ ..] => {
                let [two, three] = [two, three].map(|byte| u32::from(byte).checked_sub(1));
                ((u32::from(one) - 192) * 64_516 + 16_383 + two? * 254 + three?, rest)
            }
            _ => return None,
        };
        self.eci.get_or_insert(number);
        Some(rest)
    }

    /// C40, Text and ANSI X12: three values in two codewords, until codeword 254.
    fn triplets<'a>(&mut self, mode: Mode, mut rest: &'a [u8]) -> Option<&'a [u8]> {
        let mut shift = 0;
        loop {
            let (one, two) = match *rest {
                [254, ref rest @ ..] => return Some(rest),
                [one, two, ref after @ ..] => {
                    rest = after;
                    (one, two)
                }
                // A codeword alone at the end is ASCII.
                _ => return Some(rest),
            };
            let packed = (u32::from(one) << 8 | u32::from(two)).checked_sub(1)?;
            for value in [packed / 1600, packed / 40 % 40, packed % 40] {
                let value = u8::try_from(value).ok()?;
                match mode {
                    Mode::X12 => self.bytes.push(x12(value)?),
                    _ => self.c40(mode, value, &mut shift)?,
                }
            }
        }
    }

    fn c40(&mut self, mode: Mode, value: u8, shift: &mut u8) -> Option<()> {
        let [basic, shift_3] = if mode == Mode::Text { TEXT } else { C40 };
        match std::mem::take(shift) {
            0 if value < 3 => *shift = value + 1,
            0 => self.push(*basic.get(usize::from(value) - 3)?),
            1 => self.push(value),
            2 => match value {
                27 => self.fnc1(usize::MAX),
                30 => self.upper = true,
                value => self.push(*SHIFT_2.get(usize::from(value))?),
            },
            _ => self.push(*shift_3.get(usize::from(value))?),
        }
        Some(())
    }

    /// Four values of six bits in three codewords; 31 goes back to ASCII at the next codeword.
    fn edifact<'a>(&mut self, mut rest: &'a [u8]) -> Option<&'a [u8]> {
        loop {
            // Two codewords or fewer at the end are ASCII.
            let &[one, two, three, ref after @ ..] = rest else { return Some(rest) };
            let packed = u32::from(one) << 16 | u32::from(two) << 8 | u32::from(three);
            for (number, shift) in [18, 12, 6, 0].into_iter().enumerate() {
                let value = u8::try_from(packed >> shift & 0x3F).ok()?;
                if value == 31 {
                    // What is left of the codeword in which it stands is padding.
                    return rest.get(number + 1..).or(Some(&[])).map(|rest| if number == 3 { after } else { rest });
                }
                self.push(if value < 32 { value | 0x40 } else { value });
            }
            rest = after;
        }
    }

    /// A length and bytes, each hidden by a number that depends on its place, counted from 1. `place` is that of the
    /// first of them.
    fn base_256<'a>(&mut self, place: usize, rest: &'a [u8]) -> Option<&'a [u8]> {
        let shown = |number: usize, byte: u8| byte.wrapping_sub(((149 * (place + number + 1) % 255) + 1) as u8);
        let &[first, ..] = rest else { return None };
        let (length, from) = match usize::from(shown(0, first)) {
            0 => (rest.len() - 1, 1),
            length @ 1..=249 => (length, 1),
            high => ((high - 249) * 250 + usize::from(shown(1, *rest.get(1)?)), 2),
        };
        let hidden = rest.get(from..from + length)?;
        self.bytes.extend(hidden.iter().enumerate().map(|(number, &byte)| shown(from + number, byte)));
        rest.get(from + length..)
    }
}

fn x12(value: u8) -> Option<u8> {
    Some(match value {
        0 => b'\r',
        1 => b'*',
        2 => b'>',
        3 => b' ',
        4..=13 => b'0' + value - 4,
        14..=39 => b'A' + value - 14,
        _ => return None,
    })
}
