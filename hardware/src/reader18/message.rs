//! What the frames say: requests of the host, and the readers' answers.

use crate::hex;
use crate::reader18::frame;

/// Command bytes of the protocol.
pub mod code {
    /// Stands in an answer for a command that was not understood.
    pub const UNKNOWN: u8 = 0x00;
    pub const INVENTORY: u8 = 0x01;
    pub const READ: u8 = 0x02;
    pub const WRITE: u8 = 0x03;
    pub const WRITE_EPC: u8 = 0x04;
    pub const KILL: u8 = 0x05;
    pub const LOCK: u8 = 0x06;
    pub const SINGLE: u8 = 0x0F;
    pub const INFO: u8 = 0x21;
    pub const REGION: u8 = 0x22;
    pub const ADDRESS: u8 = 0x24;
    pub const SCAN_TIME: u8 = 0x25;
    pub const BAUD: u8 = 0x28;
    pub const POWER: u8 = 0x2F;
    pub const SIGNAL: u8 = 0x33;
    pub const WIEGAND: u8 = 0x34;
    pub const MODE: u8 = 0x35;
    pub const MODE_ASKED: u8 = 0x36;
    pub const REPORT: u8 = 0xEE;
}

/// Radio rules under which the reader sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// 920.125 to 924.875 MHz.
    China900,
    /// 902.75 to 927.25 MHz.
    Us,
    /// 917.1 to 923.3 MHz.
    Korea,
}

impl Region {
    /// Highest and lowest channel. The top two bits of both together are the band.
    pub fn channels(self) -> [u8; 2] {
        let (band, last) = match self {
            Self::China900 => (1, 19),
            Self::Us => (2, 49),
            Self::Korea => (3, 31),
        };
        [last, band << 6]
    }

    /// The name in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::China900 => "china_900",
            Self::Us => "us",
            Self::Korea => "korea",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        [Self::China900, Self::Us, Self::Korea].into_iter().find(|region| region.name() == name)
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Inventory,
    /// The TIDs instead: first word and number of words.
    InventoryTid {
        word: u8,
        words: u8,
    },
    Single,
    /// An empty EPC means any tag.
    Read {
        epc: Vec<u8>,
        bank: u8,
        word: u8,
        words: u8,
        password: [u8; 4],
    },
    /// `data` in whole words.
    Write {
        epc: Vec<u8>,
        bank: u8,
        word: u8,
        data: Vec<u8>,
        password: [u8; 4],
    },
    /// Of whatever tag is there.
    WriteEpc {
        password: [u8; 4],
        epc: Vec<u8>,
    },
    Kill {
        epc: Vec<u8>,
        password: [u8; 4],
    },
    /// What 0 kill password, 1 access password, 2 EPC, 3 TID, 4 user; how 0 open, 1 open for good, 2 with password, 3 never.
    Lock {
        epc: Vec<u8>,
        what: u8,
        how: u8,
        password: [u8; 4],
    },
    Info,
    Region(Region),
    Address(u8),
    /// In steps of 100 ms.
    ScanTime(u8),
    Baud(u32),
    Power(u8),
    /// Light and buzzer: on and off in steps of 50 ms, how often.
    Signal {
        on: u8,
        off: u8,
        times: u8,
    },
    /// The one-byte form of 35 that some readers take as a beep; on the others 35 is the working mode.
    Buzzer(u8),
    /// Mode (0 on request, 1 by itself), state, what is reported, from which word, how many, how often.
    Mode([u8; 6]),
    ModeAsked,
}

impl Request {
    pub fn encode(&self, address: u8) -> Vec<u8> {
        let (code, data) = self.parts();
        frame::encode(address, code, &data)
    }

    pub fn code(&self) -> u8 {
        self.parts().0
    }

    fn parts(&self) -> (u8, Vec<u8>) {
        let words = |bytes: &[u8]| u8::try_from(bytes.len() / 2).unwrap_or(u8::MAX);
        match self {
            Self::Inventory => (code::INVENTORY, vec![]),
            Self::InventoryTid { word, words } => (code::INVENTORY, vec![*word, *words]),
            Self::Single => (code::SINGLE, vec![]),
            Self::Read { epc, bank, word, words: count, password } => {
                (code::READ, [&[words(epc)], epc.as_slice(), &[*bank, *word, *count], password].concat())
            }
            Self::Write { epc, bank, word, data, password } => {
                let parts = [&[words(data), words(epc)], epc.as_slice(), &[*bank, *word], data, password];
                (code::WRITE, parts.concat())
            }
            Self::WriteEpc { password, epc } => (code::WRITE_EPC, [&[words(epc)], password.as_slice(), epc].concat()),
            Self::Kill { epc, password } => (code::KILL, [&[words(epc)], epc.as_slice(), password].concat()),
            Self::Lock { epc, what, how, password } => {
                (code::LOCK, [&[words(epc)], epc.as_slice(), &[*what, *how], password].concat())
            }
            Self::Info => (code::INFO, vec![]),
            Self::Region(region) => (code::REGION, region.channels().to_vec()),
            Self::Address(address) => (code::ADDRESS, vec![*address]),
            Self::ScanTime(steps) => (code::SCAN_TIME, vec![*steps]),
            Self::Baud(baud) => (code::BAUD, vec![baud_number(*baud)]),
            Self::Power(dbm) => (code::POWER, vec![*dbm]),
            Self::Signal { on, off, times } => (code::SIGNAL, vec![*on, *off, *times]),
            Self::Buzzer(value) => (code::MODE, vec![*value]),
            Self::Mode(mode) => (code::MODE, mode.to_vec()),
            Self::ModeAsked => (code::MODE_ASKED, vec![]),
        }
    }
}

/// The number of a speed; that of 57600, which the readers leave the factory with, for any that they do not know.
fn baud_number(baud: u32) -> u8 {
    match baud {
        9600 => 0,
        19_200 => 1,
        38_400 => 2,
        115_200 => 6,
        _ => 5,
    }
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inventory | Self::InventoryTid { .. } | Self::Single => write!(f, "look for tags"),
            Self::Read { bank, word, words, .. } => write!(f, "read {words} words of bank {bank} from word {word}"),
            Self::Write { bank, word, data, .. } => {
                write!(f, "write {} words to bank {bank} from word {word}", data.len() / 2)
            }
            Self::WriteEpc { epc, .. } => write!(f, "write the EPC {}", hex::encode(epc)),
            Self::Kill { epc, .. } => write!(f, "kill the tag {}", hex::encode(epc)),
            Self::Lock { epc, .. } => write!(f, "lock the tag {}", hex::encode(epc)),
            Self::Info => write!(f, "reader information"),
            Self::Region(region) => write!(f, "region {}", region.name()),
            Self::Address(address) => write!(f, "address {address}"),
            Self::ScanTime(steps) => write!(f, "scan time {} ms", u32::from(*steps) * 100),
            Self::Baud(baud) => write!(f, "{baud} baud"),
            Self::Power(dbm) => write!(f, "power {dbm} dBm"),
            Self::Signal { .. } | Self::Buzzer(_) => write!(f, "light and buzzer"),
            Self::Mode([0, ..]) => write!(f, "read on request"),
            Self::Mode(_) => write!(f, "read by itself"),
            Self::ModeAsked => write!(f, "which working mode"),
        }
    }
}

/// The status of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u8);

impl Status {
    pub const OK: Self = Self(0x00);
    /// All tags were found.
    pub const FINISHED: Self = Self(0x01);
    /// The scan time ended first.
    pub const TIME_UP: Self = Self(0x02);
    /// More frames of this answer follow.
    pub const MORE: Self = Self(0x03);
    /// The reader could not keep more tags.
    pub const FULL: Self = Self(0x04);
    pub const PASSWORD: Self = Self(0x05);
    pub const POOR_LINK: Self = Self(0xFA);
    pub const NO_TAG: Self = Self(0xFB);
    /// The tag says why not, in one byte of data.
    pub const TAG_ERROR: Self = Self(0xFC);
    pub const LENGTH: Self = Self(0xFD);
    pub const ILLEGAL: Self = Self(0xFE);
    pub const PARAMETER: Self = Self(0xFF);

    /// Whether an inventory with this status brings tags.
    pub fn brings_tags(self) -> bool {
        (0x01..=0x04).contains(&self.0)
    }

    /// A name for programs, and words.
    fn says(self) -> (&'static str, &'static str) {
        match self.0 {
            0x00 => ("ok", "done"),
            0x01 => ("inventory_finished", "all tags were found"),
            0x02 => ("scan_time_overflow", "its scan time ended before all tags were found"),
            0x03 => ("more_data", "more follows"),
            0x04 => ("buffer_full", "it cannot keep more tags"),
            0x05 => ("access_password", "the access password of the tag is another one"),
            0x09 => ("kill_failed", "the tag could not be killed"),
            0x0A => ("kill_password_zero", "a tag without kill password cannot be killed"),
            0x0B => ("unsupported_by_tag", "the tag does not know this command"),
            0x0C => ("access_password_zero", "the tag has no access password, and this needs one"),
            0x0D => ("tag_protected", "the tag is protected already"),
            0x0E => ("tag_unprotected", "the tag is not protected"),
            0x10 => ("bytes_locked", "some bytes of the tag are locked"),
            0x11 => ("cannot_lock", "the tag cannot be locked"),
            0x12 => ("already_locked", "the tag is locked already"),
            0x13 => ("save_failed", "it could not store the setting, which holds until its power goes"),
            0x14 => ("cannot_adjust_power", "its power cannot be set"),
            0xF9 => ("execute_error", "it could not carry this out"),
            0xFA => ("poor_link", "the tag was heard and then not reached; hold it still and nearer"),
            0xFB => ("no_tag", "no such tag answered; hold it before the antenna"),
            0xFC => ("tag_error", "the tag refused"),
            0xFD => ("length", "it does not take this command with so many bytes"),
            0xFE => ("illegal_command", "it does not know the command, or heard it garbled"),
            0xFF => ("parameter", "a value is out of its range"),
            _ => ("unknown", "a status that the protocol does not name"),
        }
    }

    pub fn name(self) -> &'static str {
        self.says().0
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (status {:02X})", self.says().1, self.0)
    }
}

/// Why a tag refused, by its Gen2 error code.
pub fn tag_error(code: u8) -> &'static str {
    match code {
        0x03 => "it has no such memory",
        0x04 => "its memory is locked",
        0x0B => "it has too little power; bring it nearer",
        _ => "it gave no reason",
    }
}

/// What a reader says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    pub version: [u8; 2],
    pub kind: u8,
    pub protocols: u8,
    /// Highest and lowest channel, with the band in the top bits.
    pub channels: [u8; 2],
    pub power_dbm: u8,
    pub scan_time: u8,
}

impl Info {
    pub fn of(data: &[u8]) -> Option<Info> {
        let &[major, minor, kind, protocols, highest, lowest, power_dbm, scan_time] = data else { return None };
        let (version, channels) = ([major, minor], [highest, lowest]);
        Some(Info { version, kind, protocols, channels, power_dbm, scan_time })
    }
}

/// The EPCs of an inventory, `count | (length EPC)…`; `None` when the lengths do not fit.
pub fn epcs(data: &[u8]) -> Option<Epcs<'_>> {
    let (&count, rest) = data.split_first()?;
    let all = Epcs { left: count, rest };
    let mut check = all;
    if check.by_ref().count() != usize::from(count) || !check.rest.is_empty() {
        return None;
    }
    Some(all)
}

/// EPCs one after the other, each behind its length.
#[derive(Clone, Copy, Debug)]
pub struct Epcs<'a> {
    left: u8,
    rest: &'a [u8],
}

impl<'a> Iterator for Epcs<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        let (&length, rest) = self.rest.split_first()?;
        let (epc, rest) = rest.split_at_checked(length.into())?;
        self.rest = rest;
        Some(epc)
    }
}
