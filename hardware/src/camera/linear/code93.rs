//! Code 93 (AIM USS-93): characters of nine modules in six elements, two check characters.

use super::edges::Edges;
use super::{Reading, quiet};
use crate::camera::Format;

const ALPHABET: &[u8; 47] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%abcd";

/// Dark modules as ones, of the characters in the order of the alphabet.
const CHARACTERS: [u16; 47] = [
    0x114, 0x148, 0x144, 0x142, 0x128, 0x124, 0x122, 0x150, 0x112, 0x10A, 0x1A8, 0x1A4, 0x1A2, 0x194, 0x192, 0x18A,
    0x168, 0x164, 0x162, 0x134, 0x11A, 0x158, 0x14C, 0x146, 0x12C, 0x116, 0x1B4, 0x1B2, 0x1AC, 0x1A6, 0x196, 0x19A,
    0x16C, 0x166, 0x136, 0x13A, 0x12E, 0x1D4, 0x1D2, 0x1CA, 0x16E, 0x176, 0x1AE, 0x126, 0x1DA, 0x1D6, 0x132,
];

/// The character at both ends; behind the last one stands a bar of one module.
const ENDS: u16 = 0x15E;

const MODULES: f32 = 9.0;

/// Quiet zone asked for, in modules; the standard prints 10.
const QUIET: f32 = 4.5;

const CHARACTERS_MAX: usize = 100;

pub(super) fn read(edges: &Edges, start: usize) -> Option<Reading> {
    let (first, module) = character(edges, start)?;
    if first != ENDS || !quiet::before(edges, start, QUIET * module) {
        return None;
    }
    let mut values = Vec::new();
    let (mut place, mut module) = (start + 6, module);
    loop {
        let (pattern, width) = character(edges, place)?;
        if !(0.75..1.34).contains(&(width / module)) {
            return None;
        }
        module = width;
        if pattern == ENDS {
            break;
        }
        values.push(CHARACTERS.iter().position(|&known| known == pattern)?);
        if CHARACTERS_MAX < values.len() {
            return None;
        }
        place += 6;
    }
    let last = (edges.at.get(place + 7)? - edges.at.get(place + 6)?) / module;
    if !(0.4..2.0).contains(&last) || !quiet::behind(edges, place + 7, QUIET * module) {
        return None;
    }
    let (body, checks) = values.split_at_checked(values.len().checked_sub(2)?)?;
    let &[c, k] = checks else { return None };
    let with_c: Vec<usize> = body.iter().copied().chain([c]).collect();
    if check(body, 20) != c || check(&with_c, 15) != k {
        return None;
    }
    let bytes = payload(body)?;
    Some(Reading {
        format: Format::Code93,
        bytes,
        text: None,
        modifier: b'0',
        span: (*edges.at.get(start)?, *edges.at.get(place + 7)?),
        lines: 2,
    })
}

/// The dark modules of the character at `place` and the width of a module.
fn character(edges: &Edges, place: usize) -> Option<(u16, f32)> {
    let at = edges.at.get(place..place + 7)?;
    let (&first, &last) = (at.first()?, at.last()?);
    let module = (last - first) / MODULES;
    let (mut pattern, mut used) = (0_u16, 0);
    for (number, pair) in at.windows(2).enumerate() {
        let &[one, two] = pair else { return None };
        let modules = ((two - one) / module).round() as u32;
        if !(1..=4).contains(&modules) {
            return None;
        }
        used += modules;
        pattern = pattern << modules | if number % 2 == 0 { (1 << modules) - 1 } else { 0 };
    }
    (used == 9).then_some((pattern, module))
}

/// Weights from the right, 1 to `most` and again.
fn check(values: &[usize], most: usize) -> usize {
    values.iter().rev().zip((1..=most).cycle()).map(|(value, weight)| value * weight).sum::<usize>() % 47
}

/// Characters a to d stand for the shifts ($) (%) (/) (+) of the full ASCII set.
fn payload(values: &[usize]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(values.len());
    let mut values = values.iter();
    while let Some(&value) = values.next() {
        let byte = *ALPHABET.get(value)?;
        if !byte.is_ascii_lowercase() {
            bytes.push(byte);
            continue;
        }
        let next = *ALPHABET.get(*values.next()?)?;
        bytes.push(match (byte, next) {
            (b'a', b'A'..=b'Z') => next - 64,
            (b'b', b'A'..=b'E') => next - 38,
            (b'b', b'F'..=b'J') => next - 11,
            (b'b', b'K'..=b'O') => next + 16,
            (b'b', b'P'..=b'T') => next + 43,
            (b'b', b'U') => 0,
            (b'b', b'V') => b'@',
            (b'b', b'W') => b'`',
            (b'b', b'X'..=b'Z') => 127,
            (b'c', b'A'..=b'O') => next - 32,
            (b'c', b'Z') => b':',
            (b'd', b'A'..=b'Z') => next + 32,
            _ => return None,
        });
    }
    (!bytes.is_empty()).then_some(bytes)
}
