//! The frame: `length | address | command | status | data | CRC-16/MCRF4XX, low byte first`; the host sends no status.
//!
//! The length counts the bytes behind itself. There is no head byte, so only the command, the checksum and the pause
//! behind a frame tell one from noise. Bridges to TCP send a heartbeat `56 00 00 00 00 00` in between.

use crate::checksum;

/// The address that every reader obeys; none answers with it.
pub const BROADCAST: u8 = 0xFF;

/// What a bridge sends every half minute.
pub const HEARTBEAT: [u8; 6] = [0x56, 0, 0, 0, 0, 0];

/// Longest data of a command: its length is at most 60.
pub const DATA_MAX: usize = 0x60 - 4;

/// A sound frame of a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    pub address: u8,
    pub command: u8,
    pub status: u8,
    pub data: &'a [u8],
}

/// What stands at the front of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    Frame(Frame<'a>),
    /// A frame without status and data: a command, as an echoing line brings it back.
    Bare {
        address: u8,
        command: u8,
    },
    Heartbeat,
}

/// Why no frame stands at the front of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The frame goes on: `need` bytes in all, as far as is known.
    Incomplete {
        have: usize,
        need: usize,
    },
    Length {
        claimed: u8,
    },
    Command {
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
            Self::Length { claimed } => {
                write!(f, "byte 0 claims {claimed} bytes: every frame has at least 4 behind it")
            }
            Self::Command { found } => write!(f, "byte 2 is {found:02X}, no command of these readers"),
            Self::Crc { found, right } => write!(f, "the CRC is {found:04X}, and {right:04X} would be right"),
        }
    }
}

impl std::error::Error for FrameError {}

/// The bytes of a command; of data longer than [`DATA_MAX`] the first bytes, which no request of this crate has.
pub fn encode(address: u8, command: u8, data: &[u8]) -> Vec<u8> {
    let data = data.get(..DATA_MAX).unwrap_or(data);
    let length = u8::try_from(data.len() + 4).unwrap_or(u8::MAX);
    close([&[length, address, command], data].concat())
}

/// The bytes of an answer.
pub fn encode_answer(address: u8, command: u8, status: u8, data: &[u8]) -> Vec<u8> {
    let data = data.get(..usize::from(u8::MAX) - 5).unwrap_or(data);
    let length = u8::try_from(data.len() + 5).unwrap_or(u8::MAX);
    close([&[length, address, command, status], data].concat())
}

fn close(mut bytes: Vec<u8>) -> Vec<u8> {
    let crc = checksum::crc16_mcrf4xx(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// What stands at the front of `bytes`, and its length.
///
/// # Errors
/// [`FrameError::Incomplete`] when more bytes may complete it, any other when none will.
pub fn parse(bytes: &[u8]) -> Result<(Found<'_>, usize), FrameError> {
    let &[claimed, ref rest @ ..] = bytes else { return Err(FrameError::Incomplete { have: 0, need: 5 }) };
    let length = usize::from(claimed);
    let incomplete = Err(FrameError::Incomplete { have: bytes.len(), need: length + 1 });
    if length < 4 {
        return Err(FrameError::Length { claimed });
    }
    if HEARTBEAT.starts_with(bytes) && bytes.len() < HEARTBEAT.len() {
        return incomplete;
    }
    let heart = bytes.starts_with(&HEARTBEAT);
    match rest.get(1) {
        _ if heart => (),
        None => return incomplete,
        Some(&command) if known(command, claimed) => (),
        Some(&command) => return Err(FrameError::Command { found: command }),
    }
    let whole = bytes.split_at_checked(length - 1).and_then(|(body, rest)| match *rest {
        [low, high, ..] => Some((body, u16::from_le_bytes([low, high]))),
        _ => None,
    });
    match whole {
        // Its length would be that of a frame, and its checksum is not.
        _ if heart && whole.is_none_or(|(body, found)| checksum::crc16_mcrf4xx(body) != found) => {
            Ok((Found::Heartbeat, HEARTBEAT.len()))
        }
        None => incomplete,
        Some((body, found)) => {
            let right = checksum::crc16_mcrf4xx(body);
            if found != right {
                return Err(FrameError::Crc { found, right });
            }
            match *body {
                [_, address, command, status, ref data @ ..] => {
                    Ok((Found::Frame(Frame { address, command, status, data }), length + 1))
                }
                [_, address, command] => Ok((Found::Bare { address, command }, length + 1)),
                _ => Err(FrameError::Length { claimed }),
            }
        }
    }
}

/// Whether a frame of this length can have this command. 00 stands in for a command that the reader did not understand.
fn known(command: u8, length: u8) -> bool {
    match command {
        0x00 => length == 5,
        0x01..=0x1F | 0x21..=0x2F | 0x33..=0x3F | 0x50..=0x55 | 0xEE => true,
        _ => false,
    }
}
