//! The frames: `53 57 | length u16 BE | address | command | data | checksum` from the host, `43 54 | length | address |
//! command | status | data | checksum` from the reader.
//!
//! The length counts the bytes behind itself; the checksum makes the sum of all bytes, the head included, a multiple of 256.

use crate::checksum;

/// "SW": what a host begins with.
pub const HOST: [u8; 2] = [0x53, 0x57];

/// "CT": what a reader begins with.
pub const READER: [u8; 2] = [0x43, 0x54];

/// The address that every reader obeys.
pub const BROADCAST: u8 = 0xFF;

/// Most bytes behind the length that a frame has.
pub const LENGTH_MAX: usize = 1024;

/// A sound frame of a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    pub address: u8,
    pub command: u8,
    /// 1 is success.
    pub status: u8,
    pub data: &'a [u8],
}

/// A sound frame of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command<'a> {
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
    Head,
    Length {
        claimed: usize,
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
            Self::Head => write!(f, "bytes 0 and 1 are no head: a reader begins with 43 54, a host with 53 57"),
            Self::Length { claimed } => {
                write!(
                    f,
                    "bytes 2 and 3 claim {claimed} bytes: a frame has 3 to {LENGTH_MAX} behind them, a reader's 4"
                )
            }
            Self::Checksum { found, right } => write!(f, "the checksum is {found:02X}, and {right:02X} would be right"),
        }
    }
}

impl std::error::Error for FrameError {}

/// The bytes of a command; of data that no frame can hold the first bytes, which no request of this crate has.
pub fn encode(address: u8, command: u8, data: &[u8]) -> Vec<u8> {
    build(HOST, &[address, command], data)
}

/// The bytes of a reader's frame.
pub fn encode_answer(address: u8, command: u8, status: u8, data: &[u8]) -> Vec<u8> {
    build(READER, &[address, command, status], data)
}

fn build(head: [u8; 2], about: &[u8], data: &[u8]) -> Vec<u8> {
    let data = data.get(..LENGTH_MAX - 4).unwrap_or(data);
    let length = u16::try_from(about.len() + data.len() + 1).unwrap_or(u16::MAX);
    let mut bytes = [head.as_slice(), &length.to_be_bytes(), about, data].concat();
    bytes.push(checksum::neg_sum8(&bytes));
    bytes
}

/// The reader's frame at the front of `bytes`, and its length.
///
/// # Errors
/// [`FrameError::Incomplete`] when more bytes may complete it, any other when none will.
pub fn parse(bytes: &[u8]) -> Result<(Frame<'_>, usize), FrameError> {
    let (body, used) = checked(bytes, READER, 4)?;
    match *body {
        [address, command, status, ref data @ ..] => Ok((Frame { address, command, status, data }, used)),
        _ => Err(FrameError::Length { claimed: body.len() + 1 }),
    }
}

/// The host's frame at the front of `bytes`, and its length.
///
/// # Errors
/// As [`parse`].
pub fn parse_command(bytes: &[u8]) -> Result<(Command<'_>, usize), FrameError> {
    let (body, used) = checked(bytes, HOST, 3)?;
    match *body {
        [address, command, ref data @ ..] => Ok((Command { address, command, data }, used)),
        _ => Err(FrameError::Length { claimed: body.len() + 1 }),
    }
}

/// What is between the length and the checksum, and the length of the frame.
fn checked(bytes: &[u8], head: [u8; 2], least: usize) -> Result<(&[u8], usize), FrameError> {
    let incomplete = |need| FrameError::Incomplete { have: bytes.len(), need };
    let Some((found, rest)) = bytes.split_first_chunk::<2>() else {
        return Err(if head.starts_with(bytes) { incomplete(4 + least) } else { FrameError::Head });
    };
    if *found != head {
        return Err(FrameError::Head);
    }
    let Some((length, rest)) = rest.split_first_chunk::<2>() else { return Err(incomplete(4 + least)) };
    let claimed = usize::from(u16::from_be_bytes(*length));
    if !(least..=LENGTH_MAX).contains(&claimed) {
        return Err(FrameError::Length { claimed });
    }
    let Some((body, &[found, ..])) = rest.split_at_checked(claimed - 1) else { return Err(incomplete(4 + claimed)) };
    let before = checksum::sum8(&head).wrapping_add(checksum::sum8(length));
    let right = before.wrapping_add(checksum::sum8(body)).wrapping_neg();
    if found != right {
        return Err(FrameError::Checksum { found, right });
    }
    Ok((body, 4 + claimed))
}
