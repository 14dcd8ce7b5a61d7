//! What the module's frames say.

use crate::checksum;
use crate::r200::command::{Query, code};
use crate::r200::frame;
use crate::r200::frame::{Dialect, Frame, FrameError, Kind};

/// What a sound frame means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A tag answered a poll.
    Tag {
        rssi_dbm: i8,
        pc: u16,
        epc: Vec<u8>,
        crc: u16,
        crc_ok: bool,
    },
    /// The module could not do what it was told; it may name the tag.
    Failure {
        fault: Fault,
        tag: Option<TagName>,
    },
    /// What the module says of itself; `what` is 0 hardware, 1 software, 2 maker.
    ModuleInfo {
        what: u8,
        text: String,
    },
    /// Words read from a tag.
    Memory {
        tag: TagName,
        data: Vec<u8>,
    },
    /// A tag was written, locked or killed; 0 is success.
    Written {
        command: u8,
        tag: TagName,
        status: u8,
    },
    /// A setting was taken, or the polls stopped; 0 is success.
    Done {
        command: u8,
        status: u8,
    },
    /// How the module asks the field.
    Query(Query),
    /// Its sending power.
    Power {
        centi_dbm: u16,
    },
    /// The number of its region.
    Region(u8),
    Channel(u8),
    Demodulator {
        mixer: u8,
        amplifier: u8,
        threshold: u16,
    },
    /// The strength of what is heard on each channel from `first`, or of what jams it.
    Strengths {
        command: u8,
        first: u8,
        last: u8,
        dbm: Vec<i8>,
    },
    /// A pin was set (operations 0 and 1, 1 is success) or read (2).
    Pin {
        operation: u8,
        pin: u8,
        value: u8,
    },
    /// Any other response or notification.
    Other {
        command: u8,
        parameters: Vec<u8>,
    },
    /// A command, as the host sends it.
    Command {
        command: u8,
        parameters: Vec<u8>,
    },
}

/// PC and EPC by which an answer names its tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagName {
    pub pc: u16,
    pub epc: Vec<u8>,
}

/// The failure code of a response `FF`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault(pub u8);

impl Fault {
    /// No tag answered, or its answer was garbled.
    pub const NO_TAG: Self = Self(0x15);
    /// The module does not know the command, or a parameter is out of its range.
    pub const COMMAND: Self = Self(0x17);

    /// A name for programs.
    pub fn name(self) -> &'static str {
        match self.0 {
            0x09 => "read_fail",
            0x10 => "write_fail",
            0x12 => "kill_fail",
            0x13 => "lock_fail",
            0x14 => "permalock_fail",
            0x15 => "inventory_fail_no_tag",
            0x16 => "access_password",
            0x17 => "command_error",
            0x20 => "fhss_fail",
            code => match code >> 4 {
                0xA => "read_refused",
                0xB => "write_refused",
                0xC => "lock_refused",
                0xD => "kill_refused",
                0xE => "permalock_refused",
                _ => "unknown",
            },
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = match self.0 {
            0x09 => "the tag could not be read",
            0x10 => "the tag could not be written",
            0x12 => "the tag could not be killed",
            0x13 => "the tag could not be locked",
            0x14 => "the blocks of the tag could not be locked for good",
            0x15 => "no tag answered",
            0x16 => "the access password of the tag is another one",
            0x17 => "the module does not know the command or its parameter",
            0x20 => "every radio channel is taken",
            code => return refused(f, code),
        };
        write!(f, "{words} (code {:02X})", self.0)
    }
}

/// The codes Ax to Ex: a tag refused with the Gen2 error code in the low digit.
fn refused(f: &mut std::fmt::Formatter<'_>, code: u8) -> std::fmt::Result {
    let what = match code >> 4 {
        0xA => "reading",
        0xB => "writing",
        0xC => "locking",
        0xD => "killing",
        0xE => "locking for good",
        _ => {
            return write!(f, "a failure that the protocol does not name (code {code:02X})");
        }
    };
    let why = match code & 0x0F {
        0x3 => "it has no such memory",
        0x4 => "its memory is locked",
        0xB => "it has too little power; bring it nearer",
        _ => "it gave no reason",
    };
    write!(f, "the tag refused {what}: {why} (code {code:02X})")
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    Frame(FrameError),
    /// The frame is sound, its parameters do not fit its command.
    Parameters {
        command: u8,
        length: usize,
    },
    /// Bytes behind the frame.
    Trailing {
        bytes: usize,
    },
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Frame(error) => error.fmt(f),
            Self::Parameters { command, length } => {
                write!(f, "{length} bytes of parameters do not fit an answer to command {command:02X}")
            }
            Self::Trailing { bytes } => write!(f, "{bytes} bytes follow the frame: give one frame at a time"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// One whole frame of either dialect, or of the one that `only` names.
///
/// # Errors
/// A [`DecodeError`] that names the first byte that is wrong.
pub fn decode(only: Option<Dialect>, bytes: &[u8]) -> Result<(Dialect, Kind, Message), DecodeError> {
    let (frame, length) = frame::parse(bytes, only).map_err(DecodeError::Frame)?;
    if length < bytes.len() {
        return Err(DecodeError::Trailing { bytes: bytes.len() - length });
    }
    Ok((frame.dialect, frame.kind, message(&frame)?))
}

/// What a sound frame means.
///
/// # Errors
/// [`DecodeError::Parameters`] when the parameters do not fit the command.
pub fn message(frame: &Frame<'_>) -> Result<Message, DecodeError> {
    let &Frame { kind, command, parameters, .. } = frame;
    let wrong = DecodeError::Parameters { command, length: parameters.len() };
    if kind == Kind::Command {
        return Ok(Message::Command { command, parameters: parameters.to_vec() });
    }
    match (command, parameters) {
        (code::POLL, &[rssi, pc_high, pc_low, ref epc @ .., crc_high, crc_low]) => {
            let pc = u16::from_be_bytes([pc_high, pc_low]);
            let crc = u16::from_be_bytes([crc_high, crc_low]);
            let crc_ok = crc == checksum::tag_crc(pc, epc);
            Ok(Message::Tag { rssi_dbm: rssi.cast_signed(), pc, epc: epc.to_vec(), crc, crc_ok })
        }
        (code::FAILURE, &[fault, ref tag @ ..]) => {
            let tag = tag_name(tag).map(|(tag, _)| tag);
            Ok(Message::Failure { fault: Fault(fault), tag })
        }
        (code::MODULE_INFO, &[what, ref text @ ..]) => {
            let text = String::from_utf8_lossy(text).chars().filter(|c| !c.is_control()).collect();
            Ok(Message::ModuleInfo { what, text })
        }
        (code::READ, answer) => {
            let (tag, data) = tag_name(answer).ok_or(wrong)?;
            Ok(Message::Memory { tag, data: data.to_vec() })
        }
        (code::WRITE | code::LOCK | code::KILL, answer) => match tag_name(answer) {
            Some((tag, &[status])) => Ok(Message::Written { command, tag, status }),
            _ => Err(wrong),
        },
        (code::STOP_MISPRINTED, &[status]) => Ok(Message::Done { command: code::STOP, status }),
        (
            code::STOP
            | code::REGION
            | code::SELECT
            | code::SELECT_MODE
            | code::QUERY
            | code::POWER
            | code::CHANNEL
            | code::HOPPING
            | code::CARRIER
            | code::DEMODULATOR
            | code::PIN
            | code::SLEEP
            | code::IDLE_SLEEP
            | code::IDLE,
            &[status],
        ) => Ok(Message::Done { command, status }),
        (code::QUERY_ASKED, &[high, low]) => Ok(Message::Query(Query::of([high, low]))),
        (code::POWER_ASKED, &[high, low]) => Ok(Message::Power { centi_dbm: u16::from_be_bytes([high, low]) }),
        (code::REGION_ASKED, &[number]) => Ok(Message::Region(number)),
        (code::CHANNEL_ASKED, &[channel]) => Ok(Message::Channel(channel)),
        (code::DEMODULATOR_ASKED, &[mixer, amplifier, high, low]) => {
            Ok(Message::Demodulator { mixer, amplifier, threshold: u16::from_be_bytes([high, low]) })
        }
        (code::STRENGTH | code::JAMMING, &[first, last, ref strengths @ ..]) => {
            let dbm = strengths.iter().map(|strength| strength.cast_signed()).collect();
            Ok(Message::Strengths { command, first, last, dbm })
        }
        (code::PIN, &[operation, pin, value]) => Ok(Message::Pin { operation, pin, value }),
        (code::POLL | code::FAILURE | code::MODULE_INFO, _) => Err(wrong),
        _ => Ok(Message::Other { command, parameters: parameters.to_vec() }),
    }
}

/// `length | PC | EPC`, where the length counts PC and EPC, and what follows it.
fn tag_name(bytes: &[u8]) -> Option<(TagName, &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(length.into())?;
    let &[high, low, ref epc @ ..] = name else {
        return None;
    };
    Some((TagName { pc: u16::from_be_bytes([high, low]), epc: epc.to_vec() }, rest))
}
