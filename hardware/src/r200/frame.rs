//! The frame: `header | kind | command | length u16 BE | parameters | checksum | tail`.
//!
//! The checksum is the low byte of the sum from `kind` to the last parameter. The end of a frame is found by its
//! length and never by its tail, which an EPC may well contain.

use crate::checksum;

/// Longest parameter block accepted, in bytes. A longer claim is line noise: waiting for it would hold back every
/// true frame behind it. The longest true one answers a read of 32 words: length 1, PC 2, EPC 62, data 64.
pub const PARAMETERS_MAX: usize = 129;

/// Bytes of a frame around its parameters.
const AROUND: usize = 7;

/// Longest frame accepted, in bytes.
pub const FRAME_MAX: usize = PARAMETERS_MAX + AROUND;

/// Which header and tail a module speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `BB .. 7E`
    M100,
    /// `AA .. DD`
    R200,
}

impl Dialect {
    pub const ALL: [Self; 2] = [Self::R200, Self::M100];

    pub fn header(self) -> u8 {
        match self {
            Self::M100 => 0xBB,
            Self::R200 => 0xAA,
        }
    }

    pub fn tail(self) -> u8 {
        match self {
            Self::M100 => 0x7E,
            Self::R200 => 0xDD,
        }
    }

    pub(super) fn of_header(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.header() == byte)
    }
}

/// Who speaks and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// From the host.
    Command,
    /// The answer to a command.
    Response,
    /// Sent by the module of itself: a tag.
    Notification,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Self::Command => 0,
            Self::Response => 1,
            Self::Notification => 2,
        }
    }

    fn of_byte(byte: u8) -> Option<Self> {
        [Self::Command, Self::Response, Self::Notification].into_iter().find(|kind| kind.byte() == byte)
    }
}

/// A sound frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    pub dialect: Dialect,
    pub kind: Kind,
    pub command: u8,
    pub parameters: &'a [u8],
}

/// Why no frame stands at the front of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The frame goes on: `need` bytes in all, as far as is known.
    Incomplete {
        have: usize,
        need: usize,
    },
    Header {
        found: u8,
    },
    Kind {
        found: u8,
    },
    Length {
        claimed: usize,
    },
    Checksum {
        found: u8,
        right: u8,
    },
    Tail {
        found: u8,
    },
}

impl std::fmt::Display for FrameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Incomplete { have, need } => {
                write!(f, "the frame is cut short: {have} of at least {need} bytes")
            }
            Self::Header { found } => write!(f, "byte 0 is {found:02X}, no header: a frame begins with BB or AA"),
            Self::Kind { found } => write!(f, "byte 1 is {found:02X}: the kind of a frame is 00, 01 or 02"),
            Self::Length { claimed } => {
                write!(f, "bytes 3 and 4 claim {claimed} bytes of parameters: no frame has more than {PARAMETERS_MAX}")
            }
            Self::Checksum { found, right } => {
                write!(f, "the checksum is {found:02X}, the bytes sum up to {right:02X}")
            }
            Self::Tail { found } => write!(f, "the frame ends with {found:02X}, which is not the tail of its header"),
        }
    }
}

impl std::error::Error for FrameError {}

/// The bytes of a frame.
///
/// # Panics
/// Never: parameters longer than a frame can name are cut, which no command of this crate has.
pub fn encode(dialect: Dialect, kind: Kind, command: u8, parameters: &[u8]) -> Vec<u8> {
    let length = u16::try_from(parameters.len()).unwrap_or(u16::MAX);
    let parameters = parameters.get(..usize::from(length)).unwrap_or(parameters);
    let mut bytes = vec![dialect.header(), kind.byte(), command];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(parameters);
    let sum = checksum::sum8(bytes.get(1..).unwrap_or_default());
    bytes.extend_from_slice(&[sum, dialect.tail()]);
    bytes
}

/// The frame at the front of `bytes` and its length. `only` names the one dialect to accept.
///
/// # Errors
/// [`FrameError::Incomplete`] when more bytes may complete it, any other when none will.
pub fn parse(bytes: &[u8], only: Option<Dialect>) -> Result<(Frame<'_>, usize), FrameError> {
    let incomplete = |need| FrameError::Incomplete { have: bytes.len(), need };
    let &[header, ref rest @ ..] = bytes else {
        return Err(incomplete(AROUND));
    };
    let dialect = Dialect::of_header(header)
        .filter(|&dialect| only.is_none_or(|only| only == dialect))
        .ok_or(FrameError::Header { found: header })?;
    let &[kind, ref rest @ ..] = rest else {
        return Err(incomplete(AROUND));
    };
    let kind = Kind::of_byte(kind).ok_or(FrameError::Kind { found: kind })?;
    let &[command, high, low, ref rest @ ..] = rest else {
        return Err(incomplete(AROUND));
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if PARAMETERS_MAX < length {
        return Err(FrameError::Length { claimed: length });
    }
    let Some((parameters, &[checksum, tail, ..])) = rest.split_at_checked(length) else {
        return Err(incomplete(length + AROUND));
    };
    let head = checksum::sum8(&[kind.byte(), command, high, low]);
    let right = head.wrapping_add(checksum::sum8(parameters));
    if checksum != right {
        return Err(FrameError::Checksum { found: checksum, right });
    }
    if tail != dialect.tail() {
        return Err(FrameError::Tail { found: tail });
    }
    Ok((Frame { dialect, kind, command, parameters }, length + AROUND))
}
