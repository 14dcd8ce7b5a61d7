//! What a host asks of the reader.

use crate::hex;
use crate::r2000::frame;

/// Command bytes of the protocol.
pub mod code {
    pub const GPIO_READ: u8 = 0x60;
    pub const GPIO: u8 = 0x61;
    pub const DETECTOR: u8 = 0x62;
    pub const DETECTOR_ASKED: u8 = 0x63;
    pub const PASSING_POWER: u8 = 0x66;
    pub const RESET: u8 = 0x70;
    pub const BAUD: u8 = 0x71;
    pub const FIRMWARE: u8 = 0x72;
    pub const ADDRESS: u8 = 0x73;
    pub const ANTENNA: u8 = 0x74;
    pub const ANTENNA_ASKED: u8 = 0x75;
    pub const POWER: u8 = 0x76;
    pub const POWER_ASKED: u8 = 0x77;
    pub const REGION: u8 = 0x78;
    pub const REGION_ASKED: u8 = 0x79;
    pub const BEEPER: u8 = 0x7A;
    pub const TEMPERATURE: u8 = 0x7B;
    pub const RETURN_LOSS: u8 = 0x7E;
    pub const INVENTORY: u8 = 0x80;
    pub const READ: u8 = 0x81;
    pub const WRITE: u8 = 0x82;
    pub const LOCK: u8 = 0x83;
    pub const KILL: u8 = 0x84;
    pub const MATCH: u8 = 0x85;
    pub const MATCH_ASKED: u8 = 0x86;
    pub const REAL_TIME: u8 = 0x89;
    pub const FAST_SWITCH: u8 = 0x8A;
    pub const SESSION: u8 = 0x8B;
    pub const BUFFER: u8 = 0x90;
    pub const BUFFER_RESET: u8 = 0x91;
    pub const COUNT: u8 = 0x92;
    pub const CLEAR: u8 = 0x93;
    pub const BLOCK_WRITE: u8 = 0x94;
}

/// Whether the answer to a command is a result and nothing else.
pub fn sets(command: u8) -> bool {
    matches!(
        command,
        code::GPIO
            | code::DETECTOR
            | code::PASSING_POWER
            | code::RESET
            | code::BAUD
            | code::ADDRESS
            | code::ANTENNA
            | code::POWER
            | code::REGION
            | code::BEEPER
            | code::MATCH
            | code::CLEAR
    )
}

/// Radio rules under which the reader sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    Us,
    Europe,
    China900,
}

impl Region {
    /// Number of the region, first and last channel: 902 to 928, 865 to 868, 920 to 925 MHz.
    pub fn channels(self) -> [u8; 3] {
        match self {
            Self::Us => [1, 7, 59],
            Self::Europe => [2, 0, 6],
            Self::China900 => [3, 43, 53],
        }
    }

    /// The name in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::Europe => "europe",
            Self::China900 => "china_900",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Us, Self::Europe, Self::China900].into_iter().find(|region| region.name() == name)
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Reset,
    /// 38400 or 115200.
    Baud(u32),
    Firmware,
    Address(u8),
    /// The antenna to work with, from 1.
    Antenna(u8),
    AntennaAsked,
    /// Sending power in dBm: one for all antennas, or one for each.
    Power(Vec<u8>),
    /// The same until the power goes; it wears no memory.
    PassingPower(u8),
    PowerAsked,
    Region(Region),
    RegionAsked,
    /// 0 silent, 1 after each round, 2 at each tag.
    Beeper(u8),
    Temperature,
    /// Return loss in dB on a channel.
    ReturnLoss(u8),
    /// Return loss in dB below which an antenna counts as missing; 0 for never.
    Detector(u8),
    DetectorAsked,
    /// A round into the buffer.
    Inventory {
        repeat: u8,
    },
    RealTime {
        repeat: u8,
    },
    Session {
        session: u8,
        target_b: bool,
        repeat: u8,
    },
    /// Antennas from 1 with the rounds on each; 4 slots, or 8.
    FastSwitch {
        slots: Vec<Option<(u8, u8)>>,
        interval_ms: u8,
        repeat: u8,
    },
    Buffer,
    BufferReset,
    Count,
    Clear,
    Read {
        bank: u8,
        word: u8,
        words: u8,
        access: [u8; 4],
    },
    /// `data` in whole words.
    Write {
        access: [u8; 4],
        bank: u8,
        word: u8,
        data: Vec<u8>,
    },
    /// The same with the block command of the tag.
    BlockWrite {
        access: [u8; 4],
        bank: u8,
        word: u8,
        data: Vec<u8>,
    },
    /// Region 1 user, 2 TID, 3 EPC, 4 access password, 5 kill password; kind 0 open, 1 lock, 2 open for good, 3 lock for
    /// good.
    Lock {
        access: [u8; 4],
        region: u8,
        kind: u8,
    },
    Kill {
        password: [u8; 4],
    },
    /// Only the tag with this EPC is read and written; `None` for any.
    Match(Option<Vec<u8>>),
    MatchAsked,
    GpioRead,
    /// Pins 3 and 4.
    Gpio {
        pin: u8,
        high: bool,
    },
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
        let written = |access: &[u8; 4], bank: u8, word: u8, data: &[u8]| {
            let words = u8::try_from(data.len() / 2).unwrap_or(u8::MAX);
            [access.as_slice(), &[bank, word, words], data].concat()
        };
        match self {
            Self::Reset => (code::RESET, vec![]),
            Self::Baud(baud) => (code::BAUD, vec![if *baud == 38_400 { 3 } else { 4 }]),
            Self::Firmware => (code::FIRMWARE, vec![]),
            Self::Address(address) => (code::ADDRESS, vec![*address]),
            Self::Antenna(antenna) => (code::ANTENNA, vec![antenna.saturating_sub(1)]),
            Self::AntennaAsked => (code::ANTENNA_ASKED, vec![]),
            Self::Power(dbm) => (code::POWER, dbm.clone()),
            Self::PassingPower(dbm) => (code::PASSING_POWER, vec![*dbm]),
            Self::PowerAsked => (code::POWER_ASKED, vec![]),
            Self::Region(region) => (code::REGION, region.channels().to_vec()),
            Self::RegionAsked => (code::REGION_ASKED, vec![]),
            Self::Beeper(mode) => (code::BEEPER, vec![*mode]),
            Self::Temperature => (code::TEMPERATURE, vec![]),
            Self::ReturnLoss(channel) => (code::RETURN_LOSS, vec![*channel]),
            Self::Detector(db) => (code::DETECTOR, vec![*db]),
            Self::DetectorAsked => (code::DETECTOR_ASKED, vec![]),
            Self::Inventory { repeat } => (code::INVENTORY, vec![*repeat]),
            Self::RealTime { repeat } => (code::REAL_TIME, vec![*repeat]),
            Self::Session { session, target_b, repeat } => {
                (code::SESSION, vec![*session, u8::from(*target_b), *repeat])
            }
            Self::FastSwitch { slots, interval_ms, repeat } => {
                let slot = |slot: &Option<(u8, u8)>| match *slot {
                    Some((antenna, rounds)) => [antenna.saturating_sub(1), rounds],
                    None => [0xFF, 1],
                };
                let slots = slots.iter().flat_map(slot).chain([*interval_ms, *repeat]);
                (code::FAST_SWITCH, slots.collect())
            }
            Self::Buffer => (code::BUFFER, vec![]),
            Self::BufferReset => (code::BUFFER_RESET, vec![]),
            Self::Count => (code::COUNT, vec![]),
            Self::Clear => (code::CLEAR, vec![]),
            Self::Read { bank, word, words, access } => {
                (code::READ, [[*bank, *word, *words].as_slice(), access].concat())
            }
            Self::Write { access, bank, word, data } => (code::WRITE, written(access, *bank, *word, data)),
            Self::BlockWrite { access, bank, word, data } => (code::BLOCK_WRITE, written(access, *bank, *word, data)),
            Self::Lock { access, region, kind } => (code::LOCK, [access.as_slice(), &[*region, *kind]].concat()),
            Self::Kill { password } => (code::KILL, password.to_vec()),
            Self::Match(Some(epc)) => {
                let length = u8::try_from(epc.len()).unwrap_or(u8::MAX);
                (code::MATCH, [[0, length].as_slice(), epc].concat())
            }
            Self::Match(None) => (code::MATCH, vec![1]),
            Self::MatchAsked => (code::MATCH_ASKED, vec![]),
            Self::GpioRead => (code::GPIO_READ, vec![]),
            Self::Gpio { pin, high } => (code::GPIO, vec![*pin, u8::from(*high)]),
        }
    }
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reset => write!(f, "restart"),
            Self::Baud(baud) => write!(f, "{baud} baud"),
            Self::Firmware => write!(f, "firmware version"),
            Self::Address(address) => write!(f, "address {address}"),
            Self::Antenna(antenna) => write!(f, "work with antenna {antenna}"),
            Self::AntennaAsked => write!(f, "which antenna"),
            Self::Power(dbm) => {
                let dbm: Vec<_> = dbm.iter().map(u8::to_string).collect();
                write!(f, "power {} dBm", dbm.join(", "))
            }
            Self::PassingPower(dbm) => write!(f, "power {dbm} dBm for now"),
            Self::PowerAsked => write!(f, "which power"),
            Self::Region(region) => write!(f, "region {}", region.name()),
            Self::RegionAsked => write!(f, "which region"),
            Self::Beeper(mode) => write!(f, "beeper mode {mode}"),
            Self::Temperature => write!(f, "temperature"),
            Self::ReturnLoss(channel) => write!(f, "return loss on channel {channel}"),
            Self::Detector(db) => write!(f, "antenna detector at {db} dB"),
            Self::DetectorAsked => write!(f, "how the antenna detector stands"),
            Self::Inventory { .. } | Self::RealTime { .. } | Self::Session { .. } => write!(f, "look for tags"),
            Self::FastSwitch { .. } => write!(f, "look for tags on several antennas"),
            Self::Buffer | Self::BufferReset => write!(f, "the tags of the buffer"),
            Self::Count => write!(f, "how many tags are in the buffer"),
            Self::Clear => write!(f, "empty the buffer"),
            Self::Read { bank, word, words, .. } => write!(f, "read {words} words of bank {bank} from word {word}"),
            Self::Write { bank, word, data, .. } | Self::BlockWrite { bank, word, data, .. } => {
                write!(f, "write {} words to bank {bank} from word {word}", data.len() / 2)
            }
            Self::Lock { region, kind, .. } => write!(f, "lock {kind} of region {region}"),
            Self::Kill { .. } => write!(f, "kill the tag"),
            Self::Match(Some(epc)) => write!(f, "only the tag {}", hex::encode(epc)),
            Self::Match(None) => write!(f, "any tag"),
            Self::MatchAsked => write!(f, "which tag"),
            Self::GpioRead => write!(f, "how the inputs stand"),
            Self::Gpio { pin, high } => write!(f, "pin {pin} {}", if *high { "high" } else { "low" }),
        }
    }
}
