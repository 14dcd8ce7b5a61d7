//! Codes whose elements are narrow or wide: Code 39 (ISO/IEC 16388), Interleaved 2 of 5 (ISO/IEC 16390), Codabar.
//!
//! None has a check character that must be there, so more lines than elsewhere have to agree on them, and narrow must
//! stand well apart from wide.

use super::edges::Edges;
use super::{Reading, quiet};
use crate::camera::Format;

const ALPHABET_39: &[u8; 44] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%*";

/// Wide elements as ones, first element in the highest of nine bits.
const CHARACTERS_39: [u16; 44] = [
    0x034, 0x121, 0x061, 0x160, 0x031, 0x130, 0x070, 0x025, 0x124, 0x064, 0x109, 0x049, 0x148, 0x019, 0x118, 0x058,
    0x00D, 0x10C, 0x04C, 0x01C, 0x103, 0x043, 0x142, 0x013, 0x112, 0x052, 0x007, 0x106, 0x046, 0x016, 0x181, 0x0C1,
    0x1C0, 0x091, 0x190, 0x0D0, 0x085, 0x184, 0x0C4, 0x0A8, 0x0A2, 0x08A, 0x02A, 0x094,
];

const ALPHABET_CODABAR: &[u8; 20] = b"0123456789-$:/.+ABCD";

/// Wide elements as ones, first element in the highest of seven bits.
const CHARACTERS_CODABAR: [u16; 20] = [
    0x03, 0x06, 0x09, 0x60, 0x12, 0x42, 0x21, 0x24, 0x30, 0x48, 0x0C, 0x18, 0x45, 0x51, 0x54, 0x15, 0x1A, 0x29, 0x0B,
    0x0E,
];

/// Wide elements of the digits of 2 of 5.
const DIGITS: [u8; 10] = [0b00110, 0b10001, 0b01001, 0b11000, 0b00101, 0b10100, 0b01100, 0b00011, 0b10010, 0b01010];

const CHARACTERS_MAX: usize = 100;

/// Lines that must agree.
const LINES: usize = 3;

/// Shortest ITF: two digits can be found in the middle of nearly anything.
const ITF_MIN: usize = 4;

/// Bars of the first and last character of Code 39 are as wide as printed, or grown; spaces shrink by as much.
fn widths<const N: usize>(edges: &Edges, place: usize) -> Option<[f32; N]> {
    let at = edges.at.get(place..place + N + 1)?;
    let mut widths = [0.0; N];
    for (width, pair) in widths.iter_mut().zip(at.windows(2)) {
        let &[one, two] = pair else { return None };
        *width = two - one;
    }
    Some(widths)
}

/// Which of `widths` are wide: those above the middle between the narrowest and the widest, bars and spaces apart
/// where both kinds are among them. `None` when some width is neither.
fn wide(widths: &[f32], narrow: f32, ratio: f32) -> Option<u16> {
    let middle = narrow * (1.0 + ratio) / 2.0;
    let mut bits = 0;
    for &width in widths {
        if width < 0.35 * narrow || 1.9 * ratio * narrow < width {
            return None;
        }
        bits = bits << 1 | u16::from(middle < width);
    }
    Some(bits)
}

/// Narrow width and the ratio of wide to narrow of nine elements with three wide ones.
fn scale_39(widths: &[f32; 9]) -> Option<(f32, f32)> {
    let mut sorted = *widths;
    sorted.sort_by(f32::total_cmp);
    let narrow = sorted[..6].iter().sum::<f32>() / 6.0;
    let wide = sorted[6..].iter().sum::<f32>() / 3.0;
    let apart = sorted[6] - sorted[5];
    (1.5 * narrow < wide && 0.2 * (wide - narrow) < apart).then_some((narrow, wide / narrow))
}

pub(super) fn code39(edges: &Edges, start: usize) -> Option<Reading> {
    let first = balanced(&widths::<9>(edges, start)?);
    let (narrow, _) = scale_39(&first)?;
    let module = first.iter().sum::<f32>();
    if character_39(&first)? != b'*' || !quiet::before(edges, start, 4.5 * narrow) {
        return None;
    }
    let mut bytes = Vec::new();
    let (mut place, mut before) = (start + 10, module);
    loop {
        let gap = edges.at.get(place)? - edges.at.get(place - 1)?;
        let widths = balanced(&widths::<9>(edges, place)?);
        let width = widths.iter().sum::<f32>();
        if !(0.75..1.34).contains(&(width / before)) || 0.45 * width < gap {
            return None;
        }
        before = width;
        match character_39(&widths)? {
            b'*' => break,
            byte => bytes.push(byte),
        }
        if CHARACTERS_MAX < bytes.len() {
            return None;
        }
        place += 10;
    }
    let end = place + 9;
    if bytes.is_empty() || !quiet::behind(edges, end, 4.5 * narrow) {
        return None;
    }
    let span = (*edges.at.get(start)?, *edges.at.get(end)?);
    Some(Reading { format: Format::Code39, bytes, text: None, modifier: b'0', span, lines: LINES })
}

/// Bars and spaces brought to the same mean narrow width: what ink took from one it gave to the other.
fn balanced(widths: &[f32; 9]) -> [f32; 9] {
    let narrowest = |from: usize| widths.iter().skip(from).step_by(2).copied().fold(f32::MAX, f32::min);
    let growth = (narrowest(0) - narrowest(1)) / 2.0;
    std::array::from_fn(|place| if place % 2 == 0 { widths[place] - growth } else { widths[place] + growth })
}

fn character_39(widths: &[f32; 9]) -> Option<u8> {
    let (narrow, ratio) = scale_39(widths)?;
    let bits = wide(widths, narrow, ratio)?;
    let place = CHARACTERS_39.iter().position(|&known| known == bits)?;
    ALPHABET_39.get(place).copied()
}

pub(super) fn itf(edges: &Edges, start: usize) -> Option<Reading> {
    let guard = widths::<4>(edges, start)?;
    let narrow = guard.iter().sum::<f32>() / 4.0;
    if guard.iter().any(|width| !(0.5 * narrow..1.6 * narrow).contains(width))
        || !quiet::before(edges, start, 6.0 * narrow)
    {
        return None;
    }
    let mut bytes = Vec::new();
    let mut place = start + 4;
    let mut before = None;
    while let Some(pair) = widths::<10>(edges, place) {
        let width = pair.iter().sum::<f32>();
        if before.is_some_and(|before: f32| !(0.75..1.34).contains(&(width / before))) {
            break;
        }
        let (Some(one), Some(two)) = (digit(&pair, 0), digit(&pair, 1)) else { break };
        bytes.extend([one, two]);
        if CHARACTERS_MAX < bytes.len() {
            return None;
        }
        before = Some(width);
        place += 10;
    }
    // A pair of digits is 4 wide and 6 narrow elements; the stop is wide, narrow, narrow.
    let narrow = before? / (6.0 + 4.0 * 2.5);
    let [one, two, three] = widths::<3>(edges, place)?;
    let stop = 1.5 * two < one && 1.5 * three < one && one < 6.0 * narrow && two < 2.0 * narrow;
    if bytes.len() < ITF_MIN || !stop || !quiet::behind(edges, place + 3, 6.0 * narrow) {
        return None;
    }
    let span = (*edges.at.get(start)?, *edges.at.get(place + 3)?);
    // Short ones need more witnesses: half a longer code can look like one.
    let lines = if bytes.len() < 6 { 2 * LINES } else { LINES };
    Some(Reading { format: Format::Itf, bytes, text: None, modifier: b'0', span, lines })
}

/// The digit in the bars (`from` 0) or in the spaces (1) of a pair: two of five are wide, well apart from the rest.
fn digit(pair: &[f32; 10], from: usize) -> Option<u8> {
    let mut own = [0.0; 5];
    own.iter_mut().zip(pair.iter().skip(from).step_by(2)).for_each(|(own, width)| *own = *width);
    let mut sorted = own;
    sorted.sort_by(f32::total_cmp);
    let [_, _, narrow, wide, _] = sorted;
    if wide < 1.3 * narrow {
        return None;
    }
    let middle = (narrow + wide) / 2.0;
    let bits = own.iter().fold(0_u8, |bits, &width| bits << 1 | u8::from(middle < width));
    DIGITS.iter().zip(b'0'..).find_map(|(&known, digit)| (known == bits).then_some(digit))
}

pub(super) fn codabar(edges: &Edges, start: usize) -> Option<Reading> {
    let first = widths::<7>(edges, start)?;
    let narrow = first.iter().copied().fold(f32::MAX, f32::min);
    if !character_codabar(&first)?.is_ascii_alphabetic() || !quiet::before(edges, start, 4.5 * narrow) {
        return None;
    }
    let mut bytes = Vec::new();
    let (mut place, mut before) = (start + 8, first.iter().sum::<f32>());
    loop {
        let gap = edges.at.get(place)? - edges.at.get(place - 1)?;
        let widths = widths::<7>(edges, place)?;
        let width = widths.iter().sum::<f32>();
        // Characters have two or three wide elements, so their widths differ.
        if !(0.6..1.67).contains(&(width / before)) || 0.6 * width < gap {
            return None;
        }
        before = width;
        match character_codabar(&widths)? {
            byte if byte.is_ascii_alphabetic() => break,
            byte => bytes.push(byte),
        }
        if CHARACTERS_MAX < bytes.len() {
            return None;
        }
        place += 8;
    }
    let end = place + 7;
    if bytes.len() < 3 || !quiet::behind(edges, end, 4.5 * narrow) {
        return None;
    }
    let span = (*edges.at.get(start)?, *edges.at.get(end)?);
    Some(Reading { format: Format::Codabar, bytes, text: None, modifier: b'0', span, lines: LINES })
}

/// Four bars and three spaces; each kind is judged against its own narrowest and widest.
fn character_codabar(widths: &[f32; 7]) -> Option<u8> {
    let kind = |from: usize| {
        let of = || widths.iter().skip(from).step_by(2).copied();
        (of().fold(f32::MAX, f32::min), of().fold(0.0, f32::max))
    };
    let ((dark_low, dark_high), (light_low, light_high)) = (kind(0), kind(1));
    let mut bits = 0_u16;
    for (place, &width) in widths.iter().enumerate() {
        let (low, high) = if place % 2 == 0 { (dark_low, dark_high) } else { (light_low, light_high) };
        // Where all of a kind are alike they are all narrow, or for the spaces of `:/.+` all wide bars.
        let middle = if high < 1.5 * low { f32::MAX } else { (low + high) / 2.0 };
        bits = bits << 1 | u16::from(middle < width);
    }
    let place = CHARACTERS_CODABAR.iter().position(|&known| known == bits)?;
    ALPHABET_CODABAR.get(place).copied()
}
