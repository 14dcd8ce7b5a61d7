//! The frames: `FF | length | opcode | data | CRC` from the host, and with a status of two bytes behind the opcode from the
//! module.
//!
//! The length counts the data only; the CRC is that of [`checksum::crc16_mercury`] over all behind the head, high byte first.

use crate::checksum;

pub const HEAD: u8 = 0xFF;

/// Longest data: its length is one byte, and the module has no room for more.
pub const DATA_MAX: usize = 248;

/// Bytes of a module's frame around its data.
const AROUND: usize = 7;

/// A sound frame of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    pub opcode: u8,
    pub status: u16,
    pub data: &'a [u8],
}

/// A sound frame of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command<'a> {
    pub opcode: u8,
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
    Opcode {
        found: u8,
    },
    Crc {
        found: u16,
        right: u16,
    },
}

impl std::fmt::Display for FrameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Incomplete { have, need } => write!(f, "the frame is cut short: {have} of at least {need} bytes"),
            Self::Head { found } => write!(f, "byte 0 is {found:02X}, no head: a frame begins with FF"),
            Self::Length { claimed } => write!(f, "byte 1 claims {claimed} bytes: no frame has more than {DATA_MAX}"),
            Self::Opcode { found } => write!(f, "byte 2 is {found:02X}, no opcode of these modules"),
            Self::Crc { found, right } => write!(f, "the CRC is {found:04X}, and {right:04X} would be right"),
        }
    }
}

impl std::error::Error for FrameError {}

/// The bytes of a command; of data longer than [`DATA_MAX`] the first bytes, which no request of this crate has.
pub fn encode(opcode: u8, data: &[u8]) -> Vec<u8> {
    build(opcode, &[], data)
}

/// The bytes of a module's answer.
pub fn encode_answer(opcode: u8, status: u16, data: &[u8]) -> Vec<u8> {
    build(opcode, &status.to_be_bytes(), data)
}

fn build(opcode: u8, status: &[u8], data: &[u8]) -> Vec<u8> {
    let data = data.get(..DATA_MAX).unwrap_or(data);
    let mut bytes = Vec::with_capacity(data.len() + AROUND);
    bytes.extend_from_slice(&[HEAD, u8::try_from(data.len()).unwrap_or(u8::MAX), opcode]);
    bytes.extend_from_slice(status);
    bytes.extend_from_slice(data);
    let crc = checksum::crc16_mercury(bytes.get(1..).unwrap_or_default());
    bytes.extend_from_slice(&crc.to_be_bytes());
    bytes
}

/// The module's frame at the front of `bytes`, and its length.
///
/// # Errors
/// [`FrameError::Incomplete`] when more bytes may complete it, any other when none will.
pub fn parse(bytes: &[u8]) -> Result<(Frame<'_>, usize), FrameError> {
    let (opcode, body, used) = checked(bytes, AROUND)?;
    match *body {
        [high, low, ref data @ ..] => Ok((Frame { opcode, status: u16::from_be_bytes([high, low]), data }, used)),
        _ => Err(FrameError::Incomplete { have: bytes.len(), need: AROUND }),
    }
}

/// The host's frame at the front of `bytes`, and its length.
///
/// # Errors
/// As [`parse`].
pub fn parse_command(bytes: &[u8]) -> Result<(Command<'_>, usize), FrameError> {
    let (opcode, data, used) = checked(bytes, AROUND - 2)?;
    Ok((Command { opcode, data }, used))
}

/// Opcode, what is between it and the CRC, and the length of a frame with `around` bytes around its data.
fn checked(bytes: &[u8], around: usize) -> Result<(u8, &[u8], usize), FrameError> {
    let incomplete = |need| FrameError::Incomplete { have: bytes.len(), need };
    let &[head, ref framed @ ..] = bytes else { return Err(incomplete(around)) };
    if head != HEAD {
        return Err(FrameError::Head { found: head });
    }
    let &[claimed, ref rest @ ..] = framed else { return Err(incomplete(around)) };
    let length = usize::from(claimed);
    if DATA_MAX < length {
        return Err(FrameError::Length { claimed });
    }
    let &[opcode, ..] = rest else { return Err(incomplete(length + around)) };
    if !matches!(opcode, 0x03..=0x10 | 0x14 | 0x20..=0x2F | 0x50 | 0x60..=0x72 | 0x90..=0x9F | 0xC1..=0xC3) {
        return Err(FrameError::Opcode { found: opcode });
    }
    let Some((body, &[high, low, ..])) = framed.split_at_checked(length + around - 3) else {
        return Err(incomplete(length + around));
    };
    let (found, right) = (u16::from_be_bytes([high, low]), checksum::crc16_mercury(body));
    if found != right {
        return Err(FrameError::Crc { found, right });
    }
    Ok((opcode, body.get(2..).unwrap_or_default(), length + around))
}
