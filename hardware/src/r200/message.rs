//! What the frames say: commands to the module, and its answers.

use crate::checksum;
use crate::r200::frame;
use crate::r200::frame::{Dialect, Frame, FrameError, Kind};

/// Command bytes of the protocol.
pub mod code {
    pub const MODULE_INFO: u8 = 0x03;
    pub const REGION: u8 = 0x07;
    pub const REGION_ASKED: u8 = 0x08;
    pub const SELECT_ASKED: u8 = 0x0B;
    pub const SELECT: u8 = 0x0C;
    pub const QUERY_ASKED: u8 = 0x0D;
    pub const QUERY: u8 = 0x0E;
    pub const SELECT_MODE: u8 = 0x12;
    pub const POLL: u8 = 0x22;
    pub const MULTI_POLL: u8 = 0x27;
    pub const STOP: u8 = 0x28;
    pub const READ: u8 = 0x39;
    pub const WRITE: u8 = 0x49;
    pub const POWER: u8 = 0xB6;
    pub const POWER_ASKED: u8 = 0xB7;
    /// The response that refuses any command.
    pub const FAILURE: u8 = 0xFF;
}

/// Radio rules under which the module sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    China900,
    Us,
    Europe,
    China800,
    Korea,
}

impl Region {
    pub const ALL: [Self; 5] = [Self::China900, Self::Us, Self::Europe, Self::China800, Self::Korea];

    /// The number in the protocol.
    pub fn number(self) -> u8 {
        match self {
            Self::China900 => 1,
            Self::Us => 2,
            Self::Europe => 3,
            Self::China800 => 4,
            Self::Korea => 6,
        }
    }

    /// The name in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::China900 => "china-900",
            Self::Us => "us",
            Self::Europe => "eu",
            Self::China800 => "china-800",
            Self::Korea => "korea",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|region| region.name() == name)
    }
}

/// What the host asks of the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The hardware version: the name by which the module calls itself.
    ModuleInfo,
    /// Looks for tags `count` times.
    MultiPoll {
        count: u16,
    },
    Stop,
    Region(Region),
    /// Sending power in hundredths of a dBm.
    Power {
        centi_dbm: u16,
    },
    /// Only tags with this EPC are to answer; at most 31 bytes, the mask length is one byte of bits.
    SelectEpc {
        epc: Vec<u8>,
    },
    Read {
        access: [u8; 4],
        bank: u8,
        word: u16,
        words: u16,
    },
    /// `data` in whole words.
    Write {
        access: [u8; 4],
        bank: u8,
        word: u16,
        data: Vec<u8>,
    },
}

impl Command {
    /// The frame of this command.
    pub fn encode(&self, dialect: Dialect) -> Vec<u8> {
        let (code, parameters) = self.parts();
        frame::encode(dialect, Kind::Command, code, &parameters)
    }

    pub fn code(&self) -> u8 {
        self.parts().0
    }

    fn parts(&self) -> (u8, Vec<u8>) {
        match self {
            Self::ModuleInfo => (code::MODULE_INFO, vec![0]),
            Self::MultiPoll { count } => (code::MULTI_POLL, [&[0x22], count.to_be_bytes().as_slice()].concat()),
            Self::Stop => (code::STOP, Vec::new()),
            Self::Region(region) => (code::REGION, vec![region.number()]),
            Self::Power { centi_dbm } => (code::POWER, centi_dbm.to_be_bytes().to_vec()),
            Self::SelectEpc { epc } => {
                // Target and action 0, bank 1 (EPC); behind CRC and PC the EPC begins at bit 0x20; no truncation.
                let epc = epc.get(..31).unwrap_or(epc);
                let bits = u8::try_from(epc.len() * 8).unwrap_or(u8::MAX);
                (code::SELECT, [[1, 0, 0, 0, 0x20, bits, 0].as_slice(), epc].concat())
            }
            Self::Read { access, bank, word, words } => {
                let parts = [access.as_slice(), &[*bank], &word.to_be_bytes(), &words.to_be_bytes()];
                (code::READ, parts.concat())
            }
            Self::Write { access, bank, word, data } => {
                let words = u16::try_from(data.len() / 2).unwrap_or(u16::MAX);
                let parts = [access.as_slice(), &[*bank], &word.to_be_bytes(), &words.to_be_bytes(), data];
                (code::WRITE, parts.concat())
            }
        }
    }
}

impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ModuleInfo => write!(f, "module info"),
            Self::MultiPoll { count } => write!(f, "poll {count} times"),
            Self::Stop => write!(f, "stop polling"),
            Self::Region(region) => write!(f, "region {}", region.name()),
            Self::Power { centi_dbm } => {
                write!(f, "power {}.{:02} dBm", centi_dbm / 100, centi_dbm % 100)
            }
            Self::SelectEpc { epc } => write!(f, "select the EPC {}", Hex(epc)),
            Self::Read { bank, word, words, .. } => write!(f, "read {words} words of bank {bank} from word {word}"),
            Self::Write { bank, word, data, .. } => {
                write!(f, "write {} words to bank {bank} from word {word}", data.len() / 2)
            }
        }
    }
}

/// What a sound frame means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A tag answered a poll.
    Tag { rssi_dbm: i8, pc: u16, epc: Vec<u8>, crc: u16, crc_ok: bool },
    /// The module could not do what it was told; it may name the tag.
    Failure { fault: Fault, tag: Option<TagName> },
    /// What the module says of itself; `what` is 0 hardware, 1 software, 2 maker.
    ModuleInfo { what: u8, text: String },
    /// Words read from a tag.
    Memory { tag: TagName, data: Vec<u8> },
    /// Words were written to a tag; 0 is success.
    Written { tag: TagName, status: u8 },
    /// A setting was taken, or the polls stopped; 0 is success.
    Done { command: u8, status: u8 },
    /// Any other response or notification.
    Other { command: u8, parameters: Vec<u8> },
    /// A command, as the host sends it.
    Command { command: u8, parameters: Vec<u8> },
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
        (code::WRITE, answer) => match tag_name(answer) {
            Some((tag, &[status])) => Ok(Message::Written { tag, status }),
            _ => Err(wrong),
        },
        (code::STOP | code::REGION | code::SELECT | code::SELECT_MODE | code::QUERY | code::POWER, &[status]) => {
            Ok(Message::Done { command, status })
        }
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

/// Bytes as hexadecimal digits.
struct Hex<'a>(&'a [u8]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}
