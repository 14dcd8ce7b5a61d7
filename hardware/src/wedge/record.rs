//! One event of an input device: `struct input_event` of linux/input.h on a machine of 64 bits, little endian:
//! seconds 8 bytes, microseconds 8, kind 2, code 2, value 4.

use std::time::Duration;

/// Bytes of a record.
pub const RECORD: usize = 24;

/// Kinds of events (linux/input-event-codes.h).
pub mod kind {
    pub const SYN: u16 = 0x00;
    pub const KEY: u16 = 0x01;
    pub const MSC: u16 = 0x04;
    pub const LED: u16 = 0x11;
    pub const MAX: u16 = 0x1F;
}

pub const SYN_REPORT: u16 = 0;
/// The kernel's queue ran over: events are missing before this one.
pub const SYN_DROPPED: u16 = 3;
pub const MSC_SCAN: u16 = 4;
pub const LED_CAPSLOCK: u16 = 1;
const KEY_MAX: u16 = 0x2FF;

/// Values of a key.
pub const RELEASED: i32 = 0;
pub const PRESSED: i32 = 1;
/// Held down; comes again and again and is no stroke of a scanner.
pub const REPEATED: i32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// On the clock of the kernel: only differences mean something.
    pub at: Duration,
    pub kind: u16,
    pub code: u16,
    pub value: i32,
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    Incomplete { missing: usize },
    Time,
    Kind { kind: u16 },
    Code { code: u16 },
    Value { value: i32 },
}

impl std::fmt::Display for RecordError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Incomplete { missing } => write!(f, "incomplete: {missing} of {RECORD} bytes are missing at the end"),
            Self::Time => write!(f, "bytes 0 to 15 are no time in seconds and microseconds"),
            Self::Kind { kind } => write!(f, "the kind {kind:04X} in byte 16 is none of the kernel's"),
            Self::Code { code } => write!(f, "the code {code:04X} in byte 18 is no key"),
            Self::Value { value } => write!(f, "the value {value} in byte 20 is none that a key has"),
        }
    }
}

impl Record {
    /// The record at the front of `bytes`.
    ///
    /// # Errors
    /// [`RecordError::Incomplete`] while it may still become one.
    pub fn parse(bytes: &[u8]) -> Result<Record, RecordError> {
        let missing = RecordError::Incomplete { missing: RECORD.saturating_sub(bytes.len()) };
        let (seconds, rest) = bytes.split_first_chunk().ok_or(missing)?;
        let (micros, rest) = rest.split_first_chunk().ok_or(missing)?;
        let (kind, rest) = rest.split_first_chunk().ok_or(missing)?;
        let (code, rest) = rest.split_first_chunk().ok_or(missing)?;
        let value = i32::from_le_bytes(*rest.first_chunk().ok_or(missing)?);
        let (seconds, micros) = (u64::from_le_bytes(*seconds), u64::from_le_bytes(*micros));
        let (kind, code) = (u16::from_le_bytes(*kind), u16::from_le_bytes(*code));
        let nanos = u32::try_from(micros).ok().filter(|micros| *micros < 1_000_000).ok_or(RecordError::Time)? * 1000;
        // Some 35,000 years: a clock says less, and sums of such times do not run over.
        if 1 << 40 <= seconds {
            return Err(RecordError::Time);
        }
        if kind::MAX < kind {
            return Err(RecordError::Kind { kind });
        }
        if kind == kind::KEY && KEY_MAX < code {
            return Err(RecordError::Code { code });
        }
        if kind == kind::KEY && !(RELEASED..=REPEATED).contains(&value) {
            return Err(RecordError::Value { value });
        }
        Ok(Record { at: Duration::new(seconds, nanos), kind, code, value })
    }

    /// The bytes as the kernel writes them.
    pub fn encode(&self) -> [u8; RECORD] {
        let mut bytes = [0; RECORD];
        let parts: [&[u8]; 5] = [
            &self.at.as_secs().to_le_bytes(),
            &u64::from(self.at.subsec_micros()).to_le_bytes(),
            &self.kind.to_le_bytes(),
            &self.code.to_le_bytes(),
            &self.value.to_le_bytes(),
        ];
        bytes.iter_mut().zip(parts.concat()).for_each(|(place, byte)| *place = byte);
        bytes
    }
}
