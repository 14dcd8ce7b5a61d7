//! How a scanner marks the beginning and the end of a code.

use std::time::Duration;

use crate::aim::AimMode;
use crate::settings::Settings;

/// Longest code accepted when nothing else is set, in bytes: the largest QR symbol holds 7,089 digits.
pub const LENGTH_MAX: usize = 8192;

/// How a scanner marks the beginning and the end of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framing {
    /// Bytes before each code; empty for none. What comes before them is not part of a code.
    pub prefix: Vec<u8>,
    /// Byte strings of which each ends a code; the longest that fits counts.
    pub terminators: Vec<Vec<u8>>,
    /// A pause this long ends a code too.
    pub idle: Option<Duration>,
    /// Longest code accepted, in bytes. A longer line is dropped up to its end.
    pub max_len: usize,
    /// Clears the top bit of each byte: the scanner sends 7 bits with parity over a line set to 8 bits.
    pub strip_parity: bool,
    pub aim: AimMode,
}

impl Default for Framing {
    /// What most scanners are set to: CR, LF or both behind each code.
    fn default() -> Self {
        Self {
            prefix: Vec::new(),
            terminators: vec![vec![b'\r'], vec![b'\n']],
            idle: None,
            max_len: LENGTH_MAX,
            strip_parity: false,
            aim: AimMode::WhenSent,
        }
    }
}

/// Why a framing cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramingError {
    /// Neither a terminator nor a pause ends a code.
    Endless,
    /// A terminator without a byte.
    EmptyTerminator,
    /// The longest code would be no code at all, or larger than [`Framing::MAX_LEN`].
    Length { max_len: usize },
}

impl std::fmt::Display for FramingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Endless => write!(f, "nothing ends a code: name a terminator, or a pause of some 50 ms"),
            Self::EmptyTerminator => {
                write!(f, "a terminator is empty: remove it or name its bytes")
            }
            Self::Length { max_len } => {
                write!(f, "the longest code is {max_len} bytes: it must be from 1 to {}", Framing::MAX_LEN)
            }
        }
    }
}

impl std::error::Error for FramingError {}

impl Framing {
    /// Largest `max_len`: no symbol comes near it, and it bounds what a scanner can make the door hold.
    pub const MAX_LEN: usize = 65_536;

    pub(super) fn of(settings: &Settings) -> Framing {
        let idle_ms: u64 = settings.whole("idle_ms");
        Framing {
            prefix: settings.text("prefix").into_bytes(),
            terminators: settings.texts("terminators").into_iter().map(String::into_bytes).collect(),
            idle: (0 < idle_ms).then(|| Duration::from_millis(idle_ms)),
            max_len: settings.whole("max_len"),
            strip_parity: settings.flag("strip_parity"),
            aim: AimMode::of(&settings.text("aim")),
        }
    }

    pub(super) fn check(&self) -> Result<(), FramingError> {
        if self.terminators.is_empty() && self.idle.is_none() {
            return Err(FramingError::Endless);
        }
        if self.terminators.iter().any(Vec::is_empty) {
            return Err(FramingError::EmptyTerminator);
        }
        if !(1..=Self::MAX_LEN).contains(&self.max_len) {
            return Err(FramingError::Length { max_len: self.max_len });
        }
        Ok(())
    }

    /// Bytes of the longest terminator that `line` ends with.
    pub(super) fn ending(&self, line: &[u8]) -> Option<usize> {
        self.terminators.iter().filter(|end| line.ends_with(end)).map(Vec::len).max()
    }

    pub(super) fn terminator_max(&self) -> usize {
        self.terminators.iter().map(Vec::len).max().unwrap_or(0)
    }
}
