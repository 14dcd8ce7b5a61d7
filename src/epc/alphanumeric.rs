//! Text in the fewest bits, and whole numbers of any length: what most of the ways to write a value are made of.
//!
//! Source: GS1 EPC Tag Data Standard 2.2, section 14.5.6; tables B and E.

use std::fmt::Write as _;

use super::bits::{Reader, Writer};
use super::fault::BadValue;
use super::text::{is_cset_39, is_cset_82};

const BASE_64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// The blank fills up the last group of three and is no character of a value.
const CODE_40: &[u8; 40] = b" ABCDEFGHIJKLMNOPQRSTUVWXYZ-.:0123456789";

/// Either character set of GS1: 82 has all characters of 39 but `#`.
fn is_seven(byte: &u8) -> bool {
    is_cset_82(*byte) || is_cset_39(*byte)
}

/// Ways to write a text by their indicator, table E: bits of `count` characters, `None` where a character does not go.
fn text_bits(indicator: u8, text: &str) -> Option<usize> {
    let count = text.len();
    let all = |sound: fn(&u8) -> bool| text.as_bytes().iter().all(sound);
    let (fits, bits) = match indicator {
        0 => (all(u8::is_ascii_digit), integer_bits(count)),
        1 => (all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F')), count * 4),
        2 => (all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), count * 4),
        3 => (all(|b| BASE_64.contains(b)), count * 6),
        4 => (all(is_seven), count * 7),
        5 => (all(|b| *b != b' ' && CODE_40.contains(b)), count.div_ceil(3) * 16),
        _ => (false, 0),
    };
    fits.then_some(bits)
}

pub(super) fn push_alphanumeric(
    writer: &mut Writer,
    text: &str,
    length_bits: usize,
    most: usize,
) -> Result<(), BadValue> {
    if most < text.len() {
        return Err(BadValue::Length { len: text.len(), most });
    }
    let ways = (0..=5).filter_map(|indicator| text_bits(indicator, text).map(|bits| (bits, indicator)));
    let Some((bits, indicator)) = ways.min() else {
        let wrong = text.chars().find(|c| !u8::try_from(*c).is_ok_and(|byte| is_seven(&byte)));
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

pub(super) fn alphanumeric(
    reader: &mut Reader,
    length_bits: usize,
    most: usize,
    text: &mut String,
) -> Result<(), BadValue> {
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
            code if is_seven(&(code as u8)) => push(text, code as u8),
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

/// Table B, column "variable-length integer": the bits that any number of so many digits fits in.
pub(super) fn integer_bits(digits: usize) -> usize {
    // log2(10) from below by less than a millionth: exact for the 90 digits that a value has at most.
    (digits * 3_321_928).div_ceil(1_000_000)
}

pub(super) fn length(reader: &mut Reader, width: usize, most: usize) -> Result<usize, BadValue> {
    match take(reader, width)? as usize {
        len if len <= most => Ok(len),
        len => Err(BadValue::Length { len, most }),
    }
}

/// A number of any width with leading zeros to so many digits.
pub(super) fn integer(reader: &mut Reader, bits: usize, digits: usize, text: &mut String) -> Result<(), BadValue> {
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

pub(super) fn push_integer(writer: &mut Writer, text: &str, width: usize) -> Result<(), BadValue> {
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

pub(super) fn take(reader: &mut Reader, width: usize) -> Result<u32, BadValue> {
    reader.take(width).and_then(|value| u32::try_from(value).ok()).ok_or(BadValue::Cut)
}

fn push(text: &mut String, byte: u8) -> Result<(), BadValue> {
    text.push(char::from(byte));
    Ok(())
}
