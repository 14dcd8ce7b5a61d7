//! How the "+" schemes write the value of an application identifier in bits.
//!
//! Source: GS1 EPC Tag Data Standard 2.2, section 14.5, whose numbers stand beside each way; tables B and E.

use std::fmt::Write as _;

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
                letter @ 0..=25 => push(text, b'A' + letter as u8),
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
            Coding::Integer { digits, bits } => {
                // So many digits always fit where the standard gives their bits.
                push_integer(writer, text, bits.max(integer_bits(digits)))
            }
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

/// Table B, column "variable-length integer": the bits that any number of so many digits fits in.
fn integer_bits(digits: usize) -> usize {
    // log2(10) from below by less than a millionth: exact for the 90 digits that a value has at most.
    (digits * 3_321_928).div_ceil(1_000_000)
}

fn take(reader: &mut Reader, width: usize) -> Result<u32, BadValue> {
    reader.take(width).and_then(|value| u32::try_from(value).ok()).ok_or(BadValue::Cut)
}

fn push(text: &mut String, byte: u8) -> Result<(), BadValue> {
    text.push(char::from(byte));
    Ok(())
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

fn length(reader: &mut Reader, width: usize, most: usize) -> Result<usize, BadValue> {
    match take(reader, width)? as usize {
        len if len <= most => Ok(len),
        len => Err(BadValue::Length { len, most }),
    }
}

/// A number of any width with leading zeros to so many digits.
fn integer(reader: &mut Reader, bits: usize, digits: usize, text: &mut String) -> Result<(), BadValue> {
    if bits <= 64 {
        let value = reader.take(bits).ok_or(BadValue::Cut)?;
        let start = text.len();
        // Nothing is printed for no digits, whose number has no bits either.
        if digits != 0 {
            let _ = write!(text, "{value:0digits$}");
        }
        return if text.len() - start == digits { Ok(()) } else { Err(BadValue::Overflow { digits }) };
    }
    // Double and add, a decimal digit each, the lowest first: up to 90 digits in 299 bits.
    let mut decimal = vec![0_u8; digits];
    for _ in 0..bits {
        let mut carry = take(reader, 1)? as u8;
        for digit in &mut decimal {
            let doubled = *digit * 2 + carry;
            (*digit, carry) = (doubled % 10, doubled / 10);
        }
        if carry != 0 {
            return Err(BadValue::Overflow { digits });
        }
    }
    text.extend(decimal.iter().rev().map(|&digit| char::from(b'0' + digit)));
    Ok(())
}

fn push_integer(writer: &mut Writer, text: &str, width: usize) -> Result<(), BadValue> {
    let mut decimal = Vec::with_capacity(text.len());
    for c in text.chars() {
        decimal.push(c.to_digit(10).ok_or(BadValue::Digit(c))? as u8);
    }
    // Halve and keep the remainders, the lowest bit first.
    let mut bits = vec![0_u8; width];
    for bit in bits.iter_mut().rev() {
        let mut rest = 0;
        for digit in &mut decimal {
            let value = rest * 10 + *digit;
            (*digit, rest) = (value / 2, value % 2);
        }
        *bit = rest;
    }
    if decimal.iter().any(|&digit| digit != 0) {
        return Err(BadValue::Overflow { digits: text.len() });
    }
    bits.iter().for_each(|&bit| writer.push(u128::from(bit), 1));
    Ok(())
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

const BASE_64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// The blank fills up the last group of three and is no character of a value.
const CODE_40: &[u8; 40] = b" ABCDEFGHIJKLMNOPQRSTUVWXYZ-.:0123456789";

/// Ways to write a text by their indicator, table E: bits of `count` characters, `None` where a character does not go.
fn text_bits(indicator: u8, text: &str) -> Option<usize> {
    let count = text.len();
    let all = |sound: fn(&u8) -> bool| text.as_bytes().iter().all(sound);
    let (fits, bits) = match indicator {
        0 => (all(u8::is_ascii_digit), integer_bits(count)),
        1 => (all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F')), count * 4),
        2 => (all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), count * 4),
        3 => (all(|b| BASE_64.contains(b)), count * 6),
        4 => (all(u8::is_ascii_graphic), count * 7),
        5 => (all(|b| *b != b' ' && CODE_40.contains(b)), count.div_ceil(3) * 16),
        _ => (false, 0),
    };
    fits.then_some(bits)
}

fn push_alphanumeric(writer: &mut Writer, text: &str, length_bits: usize, most: usize) -> Result<(), BadValue> {
    if most < text.len() {
        return Err(BadValue::Length { len: text.len(), most });
    }
    let ways = (0..=5).filter_map(|indicator| text_bits(indicator, text).map(|bits| (bits, indicator)));
    let Some((bits, indicator)) = ways.min() else {
        let wrong = text.chars().find(|c| !c.is_ascii_graphic());
        return Err(BadValue::Character(wrong.unwrap_or('?')));
    };
    writer.push(u128::from(indicator), 3);
    writer.push(text.len() as u128, length_bits);
    let place = |set: &[u8], byte: u8| set.iter().position(|&of| of == byte).unwrap_or_default() as u128;
    match indicator {
        0 => push_integer(writer, text, bits)?,
        1 | 2 => text.chars().for_each(|c| writer.push(u128::from(c.to_digit(16).unwrap_or_default()), 4)),
        3 => text.bytes().for_each(|byte| writer.push(place(BASE_64, byte), 6)),
        4 => text.bytes().for_each(|byte| writer.push(u128::from(byte), 7)),
        _ => text.as_bytes().chunks(3).for_each(|three| {
            let of = |at: usize| place(CODE_40, three.get(at).copied().unwrap_or(b' '));
            writer.push(1600 * of(0) + 40 * of(1) + of(2) + 1, 16);
        }),
    }
    Ok(())
}

fn alphanumeric(reader: &mut Reader, length_bits: usize, most: usize, text: &mut String) -> Result<(), BadValue> {
    let indicator = take(reader, 3)? as u8;
    let count = length(reader, length_bits, most)?;
    match indicator {
        0 => integer(reader, integer_bits(count), count, text),
        1 | 2 => (0..count).try_for_each(|_| {
            let c = char::from_digit(take(reader, 4)?, 16).unwrap_or('?');
            text.push(if indicator == 1 { c.to_ascii_uppercase() } else { c });
            Ok(())
        }),
        3 => (0..count).try_for_each(|_| {
            let code = take(reader, 6)?;
            push(text, *BASE_64.get(code as usize).ok_or(BadValue::Code(code))?)
        }),
        4 => (0..count).try_for_each(|_| match take(reader, 7)? {
            code @ 0x21..=0x7e => push(text, code as u8),
            code => Err(BadValue::Code(code)),
        }),
        5 => (0..count).step_by(3).try_for_each(|from| {
            let code = take(reader, 16)?;
            let three = code.checked_sub(1).filter(|three| *three < 64_000).ok_or(BadValue::Code(code))?;
            for (at, place) in [three / 1600, three / 40 % 40, three % 40].into_iter().enumerate() {
                // Blanks behind the last character, and nowhere else.
                if (place == 0) != (count <= from + at) {
                    return Err(BadValue::Code(code));
                }
                if place != 0 {
                    push(text, *CODE_40.get(place as usize).ok_or(BadValue::Code(code))?)?;
                }
            }
            Ok(())
        }),
        other => Err(BadValue::Indicator(other)),
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
        let mut reader = Reader::new(&writer.words(), bits).unwrap();
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
            let mut reader = Reader::new(&writer.words(), width).unwrap();
            assert_eq!(coding.read(&mut reader, &mut String::new()), Err(why), "{coding:?}");
        }
    }
}
