//! How the "+" schemes write the value of an application identifier in bits.
//!
//! Source: GS1 EPC Tag Data Standard 2.2, section 14.5, whose numbers stand beside each way; tables B and E.

use std::fmt::Write as _;

use super::alphanumeric::{alphanumeric, integer, integer_bits, length, push_alphanumeric, push_integer, take};
use super::bits::{Reader, Writer};
use super::fault::BadValue;

/// A way to write a value, or the first or second part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// 14.5.2: one number of so many digits in so many bits.
    Integer { digits: usize, bits: usize },
    /// 14.5.4: four bits a digit.
    Nibbles { digits: usize },
    /// 14.5.5: four bits a digit up to the first that is none, then as 14.5.6.
    Delimited { length_bits: usize, most: usize },
    /// 14.5.6: three bits say how, then the length, then the fewest bits that do.
    Alphanumeric { length_bits: usize, most: usize },
    /// 14.5.7: 0 or 1.
    Bit,
    /// 14.5.8: YYMMDD.
    Date,
    /// 14.5.9: YYMMDDhhmm.
    DateTime,
    /// 14.5.10: YYMMDD or YYMMDDYYMMDD.
    DateOrRange,
    /// 14.5.11: YYMMDD, and as much as is known of hhmmss.
    PreciseTime,
    /// 14.5.12: two letters.
    Country,
    /// 14.5.13: the length, then one number.
    Number { length_bits: usize, most: usize },
    /// 14.5.14: `-` or nothing.
    Minus,
    /// 14.5.15: piece and total, `1/3`.
    Sequence,
}

/// Widths of year, month, day, hour, minute, second.
const TIMES: [usize; 6] = [7, 4, 5, 5, 6, 6];

impl Coding {
    /// Characters of the value, where they are always as many.
    pub(super) fn characters(self) -> Option<usize> {
        match self {
            Coding::Integer { digits, .. } | Coding::Nibbles { digits } => Some(digits),
            Coding::Bit => Some(1),
            Coding::Date => Some(6),
            Coding::DateTime => Some(10),
            Coding::Country => Some(2),
            Coding::Sequence => Some(3),
            Coding::Delimited { .. } | Coding::Alphanumeric { .. } | Coding::Number { .. } => None,
            Coding::DateOrRange | Coding::PreciseTime | Coding::Minus => None,
        }
    }

    /// Reads a value behind what `text` has already.
    pub(super) fn read(self, reader: &mut Reader, text: &mut String) -> Result<(), BadValue> {
        match self {
            Coding::Integer { digits, bits } => integer(reader, bits, digits, text),
            Coding::Nibbles { digits } => (0..digits).try_for_each(|_| match take(reader, 4)? {
                digit @ 0..=9 => push_digit(text, digit),
                code => Err(BadValue::Code(code)),
            }),
            Coding::Delimited { length_bits, most } => {
                let start = text.len();
                loop {
                    match take(reader, 4)? {
                        digit @ 0..=9 => push_digit(text, digit)?,
                        14 => break alphanumeric(reader, length_bits, most, text)?,
                        15 => break,
                        code => return Err(BadValue::Code(code)),
                    }
                }
                match text.len() - start {
                    0 => Err(BadValue::Empty),
                    len if most < len => Err(BadValue::Length { len, most }),
                    _ => Ok(()),
                }
            }
            Coding::Alphanumeric { length_bits, most } => alphanumeric(reader, length_bits, most, text),
            Coding::Bit => push_digit(text, take(reader, 1)?),
            Coding::Date => times(reader, 3, text),
            Coding::DateTime => times(reader, 5, text),
            Coding::DateOrRange => match take(reader, 1)? {
                0 => times(reader, 3, text),
                _ => times(reader, 3, text).and_then(|()| times(reader, 3, text)),
            },
            Coding::PreciseTime => match take(reader, 2)? {
                0 => times(reader, 4, text),
                1 => times(reader, 5, text),
                2 => times(reader, 6, text),
                _ => times(reader, 3, text),
            },
            Coding::Country => (0..2).try_for_each(|_| match take(reader, 6)? {
                letter @ 0..=25 => {
                    text.push(char::from(b'A' + letter as u8));
                    Ok(())
                }
                code => Err(BadValue::Code(code)),
            }),
            Coding::Number { length_bits, most } => {
                let digits = length(reader, length_bits, most)?;
                integer(reader, integer_bits(digits), digits, text)
            }
            Coding::Minus => {
                if take(reader, 1)? == 1 {
                    text.push('-');
                }
                Ok(())
            }
            Coding::Sequence => {
                let (piece, total) = (take(reader, 4)?, take(reader, 4)?);
                push_digit(text, piece)?;
                text.push('/');
                push_digit(text, total)
            }
        }
    }

    /// Writes a value.
    pub(super) fn write(self, writer: &mut Writer, text: &str) -> Result<(), BadValue> {
        match self.characters() {
            Some(count) if text.len() != count => return Err(BadValue::Exactly(count)),
            _ => (),
        }
        match self {
            Coding::Integer { bits, .. } => push_integer(writer, text, bits),
            Coding::Nibbles { .. } => text.chars().try_for_each(|c| push_nibble(writer, c)),
            Coding::Delimited { length_bits, most } => {
                if text.is_empty() || most < text.len() {
                    return Err(BadValue::Length { len: text.len(), most });
                }
                let (digits, rest) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
                digits.chars().try_for_each(|c| push_nibble(writer, c))?;
                writer.push(if rest.is_empty() { 15 } else { 14 }, 4);
                if rest.is_empty() { Ok(()) } else { push_alphanumeric(writer, rest, length_bits, most) }
            }
            Coding::Alphanumeric { length_bits, most } => push_alphanumeric(writer, text, length_bits, most),
            Coding::Bit => match text {
                "0" | "1" => push_integer(writer, text, 1),
                _ => Err(BadValue::Character(text.chars().next().unwrap_or('?'))),
            },
            Coding::Date | Coding::DateTime => push_times(writer, text),
            Coding::DateOrRange => match (text.len(), text.split_at_checked(6)) {
                (6, _) => {
                    writer.push(0, 1);
                    push_times(writer, text)
                }
                (12, Some((from, to))) => {
                    writer.push(1, 1);
                    push_times(writer, from)?;
                    push_times(writer, to)
                }
                _ => Err(BadValue::Date),
            },
            Coding::PreciseTime => {
                let precision = match text.len() {
                    8 => 0,
                    10 => 1,
                    12 => 2,
                    6 => 3,
                    _ => return Err(BadValue::Date),
                };
                writer.push(precision, 2);
                push_times(writer, text)
            }
            Coding::Country => text.chars().try_for_each(|c| match c {
                'A'..='Z' => push_code(writer, c as u32 - 'A' as u32, 6),
                c => Err(BadValue::Character(c)),
            }),
            Coding::Number { length_bits, most } => {
                if most < text.len() {
                    return Err(BadValue::Length { len: text.len(), most });
                }
                writer.push(text.len() as u128, length_bits);
                push_integer(writer, text, integer_bits(text.len()))
            }
            Coding::Minus => match text {
                "" => push_code(writer, 0, 1),
                "-" => push_code(writer, 1, 1),
                _ => Err(BadValue::Character(text.chars().next().unwrap_or('?'))),
            },
            Coding::Sequence => {
                let mut signs = text.chars();
                let (piece, stroke, total) = (signs.next(), signs.next(), signs.next());
                if stroke != Some('/') {
                    return Err(BadValue::Character(stroke.unwrap_or('?')));
                }
                [piece, total].into_iter().flatten().try_for_each(|c| push_nibble(writer, c))
            }
        }
    }
}

fn push_digit(text: &mut String, digit: u32) -> Result<(), BadValue> {
    text.push(char::from_digit(digit, 10).ok_or(BadValue::Code(digit))?);
    Ok(())
}

fn push_code(writer: &mut Writer, code: u32, width: usize) -> Result<(), BadValue> {
    writer.push(u128::from(code), width);
    Ok(())
}

fn push_nibble(writer: &mut Writer, c: char) -> Result<(), BadValue> {
    push_code(writer, c.to_digit(10).ok_or(BadValue::Digit(c))?, 4)
}

fn times(reader: &mut Reader, parts: usize, text: &mut String) -> Result<(), BadValue> {
    for (part, &width) in TIMES.iter().enumerate().take(parts) {
        let value = take(reader, width)?;
        if !sound_time(part, value) {
            return Err(BadValue::Date);
        }
        let _ = write!(text, "{value:02}");
    }
    Ok(())
}

fn push_times(writer: &mut Writer, text: &str) -> Result<(), BadValue> {
    for (part, pair) in text.as_bytes().chunks(2).enumerate() {
        let value = match *pair {
            [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => u32::from(tens - b'0') * 10 + u32::from(ones - b'0'),
            _ => return Err(BadValue::Date),
        };
        let width = *TIMES.get(part).filter(|_| sound_time(part, value)).ok_or(BadValue::Date)?;
        push_code(writer, value, width)?;
    }
    Ok(())
}

/// Day 00 is a month without its day; hour 24 ends a day. Source: General Specifications, section 3.4.
fn sound_time(part: usize, value: u32) -> bool {
    match part {
        0 => value <= 99,
        1 => (1..=12).contains(&value),
        2 => value <= 31,
        3 => value <= 24,
        _ => value <= 59,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERIAL: Coding = Coding::Alphanumeric { length_bits: 7, most: 90 };

    fn turned(coding: Coding, text: &str) -> Result<(String, usize), BadValue> {
        let mut writer = Writer::default();
        coding.write(&mut writer, text)?;
        let bits = writer.bits();
        let words = writer.words();
        let mut reader = Reader::new(&words, bits).unwrap();
        let mut back = String::new();
        coding.read(&mut reader, &mut back)?;
        assert_eq!(reader.left(), 0, "{text}");
        Ok((back, bits))
    }

    #[test]
    fn a_text_takes_the_fewest_bits() {
        for (text, bits) in [
            ("", 0),
            ("7", 4),
            ("00042", 17),
            ("12345678901234567890", 67),
            ("00DEADBEEF", 40),
            ("00deadbeef", 40),
            ("AB-C:1", 32),
            ("AB-C", 24),
            ("aB_9", 24),
            ("32a/b", 35),
            ("ABC.DEFGH", 48),
        ] {
            assert_eq!(turned(SERIAL, text), Ok((text.to_owned(), 10 + bits)), "{text}");
        }
        let long = "9".repeat(90);
        assert_eq!(turned(SERIAL, &long), Ok((long.clone(), 10 + 299)));
        let zeros = format!("{}1", "0".repeat(60));
        assert_eq!(turned(SERIAL, &zeros), Ok((zeros.clone(), 10 + 203)));
    }

    /// Table B, a few rows of the column for integers.
    #[test]
    fn integers_have_the_bits_of_the_table() {
        for (digits, bits) in [(0, 0), (1, 4), (3, 10), (6, 20), (12, 40), (20, 67), (28, 94), (30, 100), (90, 299)] {
            assert_eq!(integer_bits(digits), bits);
        }
        for digits in 1..=90_u32 {
            let bits = integer_bits(digits as usize);
            // 10^digits - 1 needs that many bits and not one fewer.
            let exact = (f64::from(digits) * 10_f64.log2()).ceil() as usize;
            assert_eq!(bits, exact, "{digits} digits");
        }
    }

    #[test]
    fn every_way_gives_its_value_back() {
        for (coding, text, bits) in [
            (Coding::Integer { digits: 6, bits: 20 }, "000042", 20),
            (Coding::Integer { digits: 20, bits: 67 }, "99999999999999999999", 67),
            (Coding::Nibbles { digits: 13 }, "0614141123452", 52),
            (Coding::Delimited { length_bits: 5, most: 30 }, "06141411ABc/D", 32 + 4 + 8 + 35),
            (Coding::Delimited { length_bits: 5, most: 30 }, "95211411234", 48),
            (Coding::Delimited { length_bits: 5, most: 30 }, "A", 4 + 8 + 4),
            (Coding::Bit, "1", 1),
            (Coding::Date, "261200", 16),
            (Coding::DateTime, "2612312459", 27),
            (Coding::DateOrRange, "261231", 17),
            (Coding::DateOrRange, "261231270101", 33),
            (Coding::PreciseTime, "261231", 18),
            (Coding::PreciseTime, "26123123", 23),
            (Coding::PreciseTime, "2612312359", 29),
            (Coding::PreciseTime, "261231235958", 35),
            (Coding::Country, "CN", 12),
            (Coding::Number { length_bits: 4, most: 12 }, "04711", 21),
            (Coding::Minus, "-", 1),
            (Coding::Minus, "", 1),
            (Coding::Sequence, "1/3", 8),
        ] {
            assert_eq!(turned(coding, text), Ok((text.to_owned(), bits)), "{coding:?} {text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_told() {
        for (coding, text, why) in [
            (Coding::Nibbles { digits: 2 }, "1", BadValue::Exactly(2)),
            (Coding::Nibbles { digits: 2 }, "1x", BadValue::Digit('x')),
            (Coding::Date, "261301", BadValue::Date),
            (Coding::PreciseTime, "2612312", BadValue::Date),
            (Coding::Country, "cn", BadValue::Character('c')),
            (Coding::Number { length_bits: 4, most: 8 }, "123456789", BadValue::Length { len: 9, most: 8 }),
            (SERIAL, "a b", BadValue::Character(' ')),
            (SERIAL, "é", BadValue::Character('é')),
            (Coding::Sequence, "123", BadValue::Character('2')),
            (Coding::Bit, "2", BadValue::Character('2')),
        ] {
            assert_eq!(turned(coding, text), Err(why), "{text}");
        }
        for (coding, bits, width, why) in [
            (Coding::Integer { digits: 2, bits: 7 }, 100, 7, BadValue::Overflow { digits: 2 }),
            (Coding::Nibbles { digits: 1 }, 10, 4, BadValue::Code(10)),
            (SERIAL, 6 << 7 | 1, 10, BadValue::Indicator(6)),
            (SERIAL, (4 << 7 | 1) << 7 | 0x20, 17, BadValue::Code(0x20)),
            (SERIAL, (5 << 7 | 1) << 16, 26, BadValue::Code(0)),
            (SERIAL, (5 << 7 | 1) << 16 | 1602, 26, BadValue::Code(1602)),
            (SERIAL, 4 << 7 | 2, 10, BadValue::Cut),
            (SERIAL, 4 << 7 | 91, 10, BadValue::Length { len: 91, most: 90 }),
            (Coding::Delimited { length_bits: 5, most: 30 }, 15, 4, BadValue::Empty),
            (Coding::Date, 0, 16, BadValue::Date),
        ] {
            let mut writer = Writer::default();
            writer.push(bits, width);
            let words = writer.words();
            let mut reader = Reader::new(&words, width).unwrap();
            assert_eq!(coding.read(&mut reader, &mut String::new()), Err(why), "{coding:?}");
        }
    }
}
