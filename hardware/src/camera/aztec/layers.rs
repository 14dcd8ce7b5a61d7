//! The mode message and the spiral of layers round the bull's eye of an Aztec symbol, with their error correction.

use rxing::common::reedsolomon::{PredefinedGenericGF, ReedSolomonDecoder};

/// What the mode message says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mode {
    pub(super) layers: usize,
    words: usize,
}

/// Modules to a side, the lines of the reference grid included.
pub(super) fn dimension(compact: bool, layers: usize) -> usize {
    match compact {
        true => 11 + 4 * layers,
        false => 15 + 4 * layers + 2 * ((2 * layers + 6) / 15),
    }
}

/// Reads the mode message, 28 or 40 modules; `dark` says which are dark.
pub(super) fn mode(compact: bool, dark: impl Fn(usize) -> bool) -> Option<Mode> {
    let (all, data) = if compact { (7, 2) } else { (10, 4) };
    let mut words: Vec<i32> =
        (0..all).map(|word| (0..4).fold(0, |value, bit| value << 1 | i32::from(dark(4 * word + bit)))).collect();
    ReedSolomonDecoder::new(PredefinedGenericGF::AztecParam.into()).decode(&mut words, all as i32 - data).ok()?;
    let value = words.iter().take(data as usize).fold(0, |value, word| value << 4 | *word as usize);
    Some(match compact {
        true => Mode { layers: (value >> 6) + 1, words: (value & 0x3F) + 1 },
        false => Mode { layers: (value >> 11) + 1, words: (value & 0x7FF) + 1 },
    })
}

/// The bits of the data, corrected and without the bits that were stuffed in; `dark` takes modules counted from the
/// middle.
pub(super) fn bits(compact: bool, mode: &Mode, dark: impl Fn(i32, i32) -> bool) -> Option<Vec<bool>> {
    let raw = spiral(compact, mode.layers, dark);
    let (size, field) = match mode.layers {
        ..=2 => (6, PredefinedGenericGF::AztecData6),
        3..=8 => (8, PredefinedGenericGF::AztecData8),
        9..=22 => (10, PredefinedGenericGF::AztecData10),
        _ => (12, PredefinedGenericGF::AztecData12),
    };
    let count = raw.len() / size;
    // More words than there is room for are a mark: settings for a scanner, whose number of words stands below it.
    let mark = if compact { 0x20 } else { 0x400 };
    let data = if mode.words < count { mode.words } else { ((mode.words - 1) & !mark) + 1 };
    let check = count.checked_sub(data).filter(|check| 0 < *check)?;
    let mut words: Vec<i32> = raw
        .get(raw.len() % size..)?
        .chunks_exact(size)
        .map(|bits| bits.iter().fold(0, |word, &bit| word << 1 | i32::from(bit)))
        .collect();
    ReedSolomonDecoder::new(field.into()).decode(&mut words, check as i32).ok()?;
    let full = (1 << size) - 1;
    let mut bits = Vec::with_capacity(data * size);
    for &word in words.iter().take(data) {
        // Words of one colour are not written: the last bit of such a one is stuffed in with the other.
        if word == 0 || word == full {
            return None;
        }
        let (word, size) = if word == 1 || word == full - 1 { (word >> 1, size - 1) } else { (word, size) };
        bits.extend((0..size).rev().map(|bit| word >> bit & 1 == 1));
    }
    Some(bits)
}

/// The modules of all layers, outermost first, each counterclockwise from its top left corner in columns and rows of two.
fn spiral(compact: bool, layers: usize, dark: impl Fn(i32, i32) -> bool) -> Vec<bool> {
    let (core, inner) = if compact { (11, 9) } else { (14, 12) };
    let base = core + 4 * layers;
    let half = (base / 2) as i32;
    // From modules without the reference grid to modules counted from the middle.
    let at = |place: usize| -> i32 {
        let place = place as i32;
        if compact {
            return place - half;
        }
        // Lines of the grid lie on the axes and 16 modules apart.
        if place < half {
            let out = half - 1 - place;
            -(out + out / 15 + 1)
        } else {
            let out = place - half;
            out + out / 15 + 1
        }
    };
    let mut raw = Vec::new();
    for layer in 0..layers {
        let row = 4 * (layers - layer) + inner;
        let (low, high) = (2 * layer, base - 1 - 2 * layer);
        let sides: [&dyn Fn(usize, usize) -> (usize, usize); 4] =
            [&|j, k| (low + k, low + j), &|j, k| (low + j, high - k), &|j, k| (high - k, high - j), &|j, k| {
                (high - j, low + k)
            }];
        for side in sides {
            for j in 0..row {
                for k in 0..2 {
                    let (x, y) = side(j, k);
                    raw.push(dark(at(x), at(y)));
                }
            }
        }
    }
    raw
}
