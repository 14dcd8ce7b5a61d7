//! A line of what was typed, and whether a scanner did it.

use std::time::Duration;

use crate::wedge::keyboard::{Keyboard, Typed};
use crate::wedge::layout::Layout;
use crate::wedge::record::{Record, kind};

/// What tells a scan from a hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Shortest code, in characters.
    pub min_len: usize,
    /// Longest time between two keys, on the average.
    pub gap: Duration,
    /// A pause that ends what was typed.
    pub idle: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { min_len: 4, gap: Duration::from_millis(35), idle: Duration::from_millis(120) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminator {
    Enter,
    Tab,
}

/// What was typed since the last end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// As UTF-8, control characters as they are.
    pub text: Vec<u8>,
    pub terminator: Option<Terminator>,
    /// Keys that gave a character or ended it.
    pub(super) strokes: u32,
    pub(super) characters: usize,
    first: Duration,
    pub(super) last: Duration,
    /// A key without a meaning was among them: a character is missing.
    pub(super) unknown: Option<u16>,
    /// Bytes of the records.
    pub(super) bytes: usize,
}

impl Line {
    pub(super) fn stroke(&mut self, at: Duration) {
        if self.strokes == 0 {
            self.first = at;
        }
        self.last = at;
        self.strokes = self.strokes.saturating_add(1);
    }

    pub(super) fn push(&mut self, character: char) {
        self.characters += 1;
        self.text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// Whether it is long enough and came faster than a hand types.
    pub fn is_scan(&self, pace: &Pace) -> bool {
        let gaps = self.strokes.saturating_sub(1).max(1);
        pace.min_len <= self.characters && self.last.saturating_sub(self.first) <= pace.gap.saturating_mul(gaps)
    }
}

/// All that `records` type, up to the first Enter.
pub fn line(records: &[Record], layout: Layout) -> Line {
    let mut keyboard = Keyboard::new(layout, None);
    let mut line = Line::default();
    for record in records.iter().filter(|record| record.kind == kind::KEY) {
        match keyboard.key(record.code, record.value) {
            Typed::Nothing | Typed::Unknown(_) => (),
            Typed::Character(character) => {
                line.stroke(record.at);
                line.push(character);
            }
            Typed::Characters(accent, character) => {
                line.stroke(record.at);
                line.push(accent);
                line.push(character);
            }
            Typed::Tab => {
                line.stroke(record.at);
                line.push('\t');
            }
            Typed::Enter => {
                line.stroke(record.at);
                line.terminator = Some(Terminator::Enter);
                break;
            }
        }
    }
    line
}
