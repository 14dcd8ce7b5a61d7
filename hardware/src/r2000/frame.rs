//! The frame: `A0 | length | address | command | data | checksum`.
//!
//! The length counts the bytes behind itself; the checksum makes the sum of all bytes, the head included, a multiple of
//! 256. Host and reader frame alike.

use crate::checksum;

pub const HEAD: u8 = 0xA0;

/// The address that every reader obeys; it answers with its own.
pub const BROADCAST: u8 = 0xFF;

/// Bytes of a frame around its data.
const AROUND: usize = 5;

/// Longest data that a frame can hold: its length is one byte.
pub const DATA_MAX: usize = 255 - 3;

/// A sound frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    pub address: u8,
    pub command: u8,
    pub data: &'a [u8],
}

/// Why no frame stands at the front of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The frame goes on: `need` bytes in all, as far as is known.
    Incomplete {
        have: usize,
        need: usize,
    },
    Head {
        found: u8,
    },
    Length {
        claimed: u8,
    },
    Command {
        found: u8,
    },
    Checksum {
        found: u8,
        right: u8,
    },
}

impl std::fmt::Display for FrameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Incomplete { have, need } => write!(f, "the frame is cut short: {have} of at least {need} bytes"),
            Self::Head { found } => write!(f, "byte 0 is {found:02X}, no head: a frame begins with A0"),
            Self::Length { claimed } => {
                write!(f, "byte 1 claims {claimed} bytes: every frame has at least 3 behind it")
            }
            Self::Command { found } => write!(f, "byte 3 is {found:02X}: commands are 60 to 9F and B0 to B4"),
            Self::Checksum { found, right } => write!(f, "the checksum is {found:02X}, and {right:02X} would be right"),
        }
    }
}

impl std::error::Error for FrameError {}

/// The bytes of a frame; of data longer than [`DATA_MAX`] the first bytes, which no request of this crate has.
pub fn encode(address: u8, command: u8, data: &[u8]) -> Vec<u8> {
    let data = data.get(..DATA_MAX).unwrap_or(data);
    let length = u8::try_from(data.len() + 3).unwrap_or(u8::MAX);
    let mut bytes = Vec::with_capacity(data.len() + AROUND);
    bytes.extend_from_slice(&[HEAD, length, address, command]);
    bytes.extend_from_slice(data);
    bytes.push(checksum::neg_sum8(&bytes));
    bytes
}

/// The frame at the front of `bytes` and its length.
///
/// # Errors
/// [`FrameError::Incomplete`] when more bytes may complete it, any other when none will. An impossible command is seen
/// before the end of the frame: a stray A0 does not hold back the frame behind it.
pub fn parse(bytes: &[u8]) -> Result<(Frame<'_>, usize), FrameError> {
    let incomplete = |need| FrameError::Incomplete { have: bytes.len(), need };
    let &[head, ref rest @ ..] = bytes else { return Err(incomplete(AROUND)) };
    if head != HEAD {
        return Err(FrameError::Head { found: head });
    }
    let &[claimed, ref rest @ ..] = rest else { return Err(incomplete(AROUND)) };
    let Some(length) = usize::from(claimed).checked_sub(3) else { return Err(FrameError::Length { claimed }) };
    let &[address, command, ref rest @ ..] = rest else { return Err(incomplete(length + AROUND)) };
    if !matches!(command, 0x60..=0x9F | 0xB0..=0xB4) {
        return Err(FrameError::Command { found: command });
    }
    let Some((data, &[found, ..])) = rest.split_at_checked(length) else { return Err(incomplete(length + AROUND)) };
    let around = HEAD.wrapping_add(claimed).wrapping_add(address).wrapping_add(command);
    let right = around.wrapping_add(checksum::sum8(data)).wrapping_neg();
    if found != right {
        return Err(FrameError::Checksum { found, right });
    }
    Ok((Frame { address, command, data }, length + AROUND))
}
