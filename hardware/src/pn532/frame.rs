//! The frames of a PN532 on a serial line.
//!
//! `00 | 00 FF | length | its complement | D4 or D5 | data | checksum | 00`; length and data, each with its checksum, sum up
//! to 0 mod 256. Longer ones: `00 | 00 FF | FF FF | length u16 | checksum | ..`. Acknowledged by `00 00 FF 00 FF 00`, asked for again
//! by `00 00 FF FF 00 00`; a command that cannot be read gives the frame of the single byte 7F.
//! Source: NXP PN532 user manual UM0701-02, 6.2.1; nfc-tools/libnfc pn53x.c; WMT-GmbH/pn532.

use crate::checksum::neg_sum8;

/// Longest data of a frame with its direction byte: 262 for an exchange with a card, and 2 around it.
pub const DATA_MAX: usize = 265;

/// Longest frame, in bytes.
pub const FRAME_MAX: usize = DATA_MAX + 10;

pub const ACK: [u8; 6] = [0, 0, 0xFF, 0, 0xFF, 0];
pub const NACK: [u8; 6] = [0, 0, 0xFF, 0xFF, 0, 0];

/// Wakes a sleeping chip: two bytes that it notices, and time to come up.
pub const WAKE: [u8; 16] = [0x55, 0x55, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// D4
    Host,
    /// D5
    Chip,
}

/// A sound frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    Ack,
    Nack,
    /// The chip could not read the command.
    Error,
    /// A command, or the answer to it: the code of an answer is one more than that of its command.
    Data {
        from: Side,
        code: u8,
        data: &'a [u8],
    },
}

/// Why no frame stands at the front of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    Incomplete,
    /// No `00 FF` stands there.
    Start,
    /// The length and its checksum do not fit: `lcs`.
    Length,
    /// A longer frame than any.
    Long {
        claimed: usize,
    },
    /// The data and its checksum do not fit: `dcs`.
    Checksum,
    /// Neither D4 nor D5, or nothing behind it.
    Direction,
}

impl std::fmt::Display for FrameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Incomplete => write!(f, "the frame is cut short"),
            Self::Start => write!(f, "a frame begins with 00 00 FF"),
            Self::Length => write!(f, "the length and its checksum (lcs) do not fit"),
            Self::Long { claimed } => {
                write!(f, "the frame claims {claimed} bytes of data: none has more than {DATA_MAX}")
            }
            Self::Checksum => write!(f, "the data and its checksum (dcs) do not fit"),
            Self::Direction => write!(f, "the data begins with neither D4 nor D5 and a code"),
        }
    }
}

impl std::error::Error for FrameError {}

/// A frame of the host or the chip. Data longer than a frame holds is cut, which nothing in this crate sends.
pub fn encode(from: Side, code: u8, data: &[u8]) -> Vec<u8> {
    let data = data.get(..DATA_MAX - 2).unwrap_or(data);
    let direction = if from == Side::Host { 0xD4 } else { 0xD5 };
    let body = [&[direction, code], data].concat();
    let mut frame = vec![0, 0, 0xFF];
    match u8::try_from(body.len()) {
        Ok(length) if length < 0xFF => frame.extend_from_slice(&[length, length.wrapping_neg()]),
        _ => {
            let [high, low] = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
            frame.extend_from_slice(&[0xFF, 0xFF, high, low, high.wrapping_add(low).wrapping_neg()]);
        }
    }
    frame.extend_from_slice(&body);
    frame.extend_from_slice(&[neg_sum8(&body), 0]);
    frame
}

/// The frame at the front and its length. The first zero of a frame may be missing: the chip's serial port swallows it.
///
/// # Errors
/// [`FrameError::Incomplete`] when more bytes may complete it, any other when none will.
pub fn parse(bytes: &[u8]) -> Result<(Frame<'_>, usize), FrameError> {
    let (rest, before) = match bytes {
        [0, 0, 0xFF, rest @ ..] => (rest, 3),
        [0, 0xFF, rest @ ..] => (rest, 2),
        [] | [0] | [0, 0] => return Err(FrameError::Incomplete),
        _ => return Err(FrameError::Start),
    };
    let (length, body, head) = match *rest {
        [0, 0xFF, ref end @ ..] => return short(Frame::Ack, end, before + 2),
        [0xFF, 0, ref end @ ..] => return short(Frame::Nack, end, before + 2),
        [0xFF, 0xFF, high, low, lcs, ref body @ ..] => {
            if high.wrapping_add(low).wrapping_add(lcs) != 0 {
                return Err(FrameError::Length);
            }
            (usize::from(u16::from_be_bytes([high, low])), body, before + 5)
        }
        [] | [_] | [0xFF, 0xFF, ..] => return Err(FrameError::Incomplete),
        [length, lcs, ref body @ ..] => {
            if length.wrapping_add(lcs) != 0 {
                return Err(FrameError::Length);
            }
            (usize::from(length), body, before + 2)
        }
    };
    if DATA_MAX < length {
        return Err(FrameError::Long { claimed: length });
    }
    let (body, end) = body.split_at_checked(length).ok_or(FrameError::Incomplete)?;
    let &[dcs, ref end @ ..] = end else { return Err(FrameError::Incomplete) };
    if neg_sum8(body) != dcs {
        return Err(FrameError::Checksum);
    }
    let frame = match *body {
        [0x7F] => Frame::Error,
        [0xD4, code, ref data @ ..] => Frame::Data { from: Side::Host, code, data },
        [0xD5, code, ref data @ ..] => Frame::Data { from: Side::Chip, code, data },
        _ => return Err(FrameError::Direction),
    };
    short(frame, end, head + length + 1)
}

/// A frame that wants its last zero; a byte that is none begins the next frame.
fn short<'a>(frame: Frame<'a>, end: &[u8], len: usize) -> Result<(Frame<'a>, usize), FrameError> {
    match end {
        [] => Err(FrameError::Incomplete),
        [0, ..] => Ok((frame, len + 1)),
        _ => Ok((frame, len)),
    }
}
