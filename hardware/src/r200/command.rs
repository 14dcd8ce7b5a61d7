//! What the host asks of the module.

use crate::hex;
use crate::r200::frame::{self, Dialect, Kind};

/// Command bytes of the protocol.
pub mod code {
    /// Some firmware answers a stop under this number, and the manual prints it so.
    pub const STOP_MISPRINTED: u8 = 0x02;
    pub const MODULE_INFO: u8 = 0x03;
    pub const IDLE: u8 = 0x04;
    pub const REGION: u8 = 0x07;
    pub const REGION_ASKED: u8 = 0x08;
    pub const SELECT_ASKED: u8 = 0x0B;
    pub const SELECT: u8 = 0x0C;
    pub const QUERY_ASKED: u8 = 0x0D;
    pub const QUERY: u8 = 0x0E;
    pub const BAUD: u8 = 0x11;
    pub const SELECT_MODE: u8 = 0x12;
    pub const SLEEP: u8 = 0x17;
    pub const PIN: u8 = 0x1A;
    pub const IDLE_SLEEP: u8 = 0x1D;
    pub const POLL: u8 = 0x22;
    pub const MULTI_POLL: u8 = 0x27;
    pub const STOP: u8 = 0x28;
    pub const READ: u8 = 0x39;
    pub const WRITE: u8 = 0x49;
    pub const KILL: u8 = 0x65;
    pub const LOCK: u8 = 0x82;
    pub const CHANNEL_ASKED: u8 = 0xAA;
    pub const CHANNEL: u8 = 0xAB;
    pub const HOPPING: u8 = 0xAD;
    pub const CARRIER: u8 = 0xB0;
    pub const POWER: u8 = 0xB6;
    pub const POWER_ASKED: u8 = 0xB7;
    pub const DEMODULATOR: u8 = 0xF0;
    pub const DEMODULATOR_ASKED: u8 = 0xF1;
    pub const JAMMING: u8 = 0xF2;
    pub const STRENGTH: u8 = 0xF3;
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
            Self::China900 => "china_900",
            Self::Us => "us",
            Self::Europe => "europe",
            Self::China800 => "china_800",
            Self::Korea => "korea",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|region| region.name() == name)
    }
}

/// How the module asks the field in a Gen2 round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// The division ratio is 64/3 instead of 8.
    pub divide: bool,
    /// 0 FM0, 1 to 3 Miller 2, 4 and 8.
    pub coding: u8,
    pub pilot: bool,
    /// 0 and 1 all tags, 2 those that are not selected, 3 those that are.
    pub selected: u8,
    /// 0 to 3.
    pub session: u8,
    pub target_b: bool,
    /// There are 2 to the power of Q slots in a round, Q from 0 to 15.
    pub q: u8,
}

impl Query {
    pub fn of([high, low]: [u8; 2]) -> Query {
        Query {
            divide: high & 0x80 != 0,
            coding: (high >> 5) & 3,
            pilot: high & 0x10 != 0,
            selected: (high >> 2) & 3,
            session: high & 3,
            target_b: low & 0x80 != 0,
            q: (low >> 3) & 0x0F,
        }
    }

    pub fn bytes(self) -> [u8; 2] {
        let high = (u8::from(self.divide) << 7)
            | ((self.coding & 3) << 5)
            | (u8::from(self.pilot) << 4)
            | ((self.selected & 3) << 2)
            | (self.session & 3);
        [high, (u8::from(self.target_b) << 7) | ((self.q & 0x0F) << 3)]
    }
}

/// What the host asks of the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The hardware version: the name by which the module calls itself.
    ModuleInfo,
    /// Looks for tags once.
    Poll,
    /// Looks for tags `count` times.
    MultiPoll {
        count: u16,
    },
    Stop,
    Region(Region),
    RegionAsked,
    /// A fixed channel of the region.
    Channel(u8),
    ChannelAsked,
    /// Changes the channel by itself.
    Hopping {
        on: bool,
    },
    /// Sending power in hundredths of a dBm.
    Power {
        centi_dbm: u16,
    },
    PowerAsked,
    /// A continuous carrier, for measurements.
    Carrier {
        on: bool,
    },
    /// Gain of mixer and amplifier, and the threshold.
    Demodulator {
        mixer: u8,
        amplifier: u8,
        threshold: u16,
    },
    DemodulatorAsked,
    /// How much jams each channel.
    JammingAsked,
    /// How strong each channel is.
    StrengthAsked,
    Query(Query),
    QueryAsked,
    /// Only tags with this EPC are to answer; at most 31 bytes, the mask length is one byte of bits.
    SelectEpc {
        epc: Vec<u8>,
    },
    SelectAsked,
    /// When the selection counts: 0 always, 1 never, 2 for all but the polls.
    SelectMode(u8),
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
    /// The 20 bits of a Gen2 lock, mask and action, in three bytes.
    Lock {
        access: [u8; 4],
        payload: [u8; 3],
    },
    Kill {
        password: [u8; 4],
    },
    /// Makes a pin an output.
    OutputPin(u8),
    Output {
        pin: u8,
        high: bool,
    },
    PinAsked(u8),
    Sleep,
    /// Minutes without a command after which it sleeps; 0 for never.
    IdleSleep(u8),
    /// Saves power for so many minutes.
    Idle {
        on: bool,
        minutes: u8,
    },
    /// Not answered; a whole number of hundreds.
    Baud(u32),
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
        let switched = |on: bool| vec![if on { 0xFF } else { 0 }];
        match self {
            Self::ModuleInfo => (code::MODULE_INFO, vec![0]),
            Self::Poll => (code::POLL, vec![]),
            Self::MultiPoll { count } => (code::MULTI_POLL, [&[0x22], count.to_be_bytes().as_slice()].concat()),
            Self::Stop => (code::STOP, vec![]),
            Self::Region(region) => (code::REGION, vec![region.number()]),
            Self::RegionAsked => (code::REGION_ASKED, vec![]),
            Self::Channel(channel) => (code::CHANNEL, vec![*channel]),
            Self::ChannelAsked => (code::CHANNEL_ASKED, vec![]),
            Self::Hopping { on } => (code::HOPPING, switched(*on)),
            Self::Power { centi_dbm } => (code::POWER, centi_dbm.to_be_bytes().to_vec()),
            Self::PowerAsked => (code::POWER_ASKED, vec![]),
            Self::Carrier { on } => (code::CARRIER, switched(*on)),
            Self::Demodulator { mixer, amplifier, threshold } => {
                (code::DEMODULATOR, [[*mixer, *amplifier], threshold.to_be_bytes()].concat())
            }
            Self::DemodulatorAsked => (code::DEMODULATOR_ASKED, vec![]),
            Self::JammingAsked => (code::JAMMING, vec![]),
            Self::StrengthAsked => (code::STRENGTH, vec![]),
            Self::Query(query) => (code::QUERY, query.bytes().to_vec()),
            Self::QueryAsked => (code::QUERY_ASKED, vec![]),
            Self::SelectEpc { epc } => {
                // Target and action 0, bank 1 (EPC); behind CRC and PC the EPC begins at bit 0x20; no truncation.
                let epc = epc.get(..31).unwrap_or(epc);
                let bits = u8::try_from(epc.len() * 8).unwrap_or(u8::MAX);
                (code::SELECT, [[1, 0, 0, 0, 0x20, bits, 0].as_slice(), epc].concat())
            }
            Self::SelectAsked => (code::SELECT_ASKED, vec![]),
            Self::SelectMode(mode) => (code::SELECT_MODE, vec![*mode]),
            Self::Read { access, bank, word, words } => {
                let parts = [access.as_slice(), &[*bank], &word.to_be_bytes(), &words.to_be_bytes()];
                (code::READ, parts.concat())
            }
            Self::Write { access, bank, word, data } => {
                let words = u16::try_from(data.len() / 2).unwrap_or(u16::MAX);
                let parts = [access.as_slice(), &[*bank], &word.to_be_bytes(), &words.to_be_bytes(), data];
                (code::WRITE, parts.concat())
            }
            Self::Lock { access, payload } => (code::LOCK, [access.as_slice(), payload].concat()),
            Self::Kill { password } => (code::KILL, password.to_vec()),
            Self::OutputPin(pin) => (code::PIN, vec![0, *pin, 1]),
            Self::Output { pin, high } => (code::PIN, vec![1, *pin, u8::from(*high)]),
            Self::PinAsked(pin) => (code::PIN, vec![2, *pin, 0]),
            Self::Sleep => (code::SLEEP, vec![]),
            Self::IdleSleep(minutes) => (code::IDLE_SLEEP, vec![*minutes]),
            Self::Idle { on, minutes } => (code::IDLE, vec![u8::from(*on), 1, *minutes]),
            Self::Baud(baud) => {
                let hundreds = u16::try_from(baud / 100).unwrap_or(u16::MAX);
                (code::BAUD, hundreds.to_be_bytes().to_vec())
            }
        }
    }
}

impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let on_off = |on: bool| if on { "on" } else { "off" };
        match self {
            Self::ModuleInfo => write!(f, "module info"),
            Self::Poll => write!(f, "poll once"),
            Self::MultiPoll { count } => write!(f, "poll {count} times"),
            Self::Stop => write!(f, "stop polling"),
            Self::Region(region) => write!(f, "region {}", region.name()),
            Self::RegionAsked => write!(f, "which region"),
            Self::Channel(channel) => write!(f, "channel {channel}"),
            Self::ChannelAsked => write!(f, "which channel"),
            Self::Hopping { on } => write!(f, "change of channels {}", on_off(*on)),
            Self::Power { centi_dbm } => {
                write!(f, "power {}.{:02} dBm", centi_dbm / 100, centi_dbm % 100)
            }
            Self::PowerAsked => write!(f, "which power"),
            Self::Carrier { on } => write!(f, "carrier {}", on_off(*on)),
            Self::Demodulator { mixer, amplifier, threshold } => {
                write!(f, "demodulator with mixer {mixer}, amplifier {amplifier}, threshold {threshold}")
            }
            Self::DemodulatorAsked => write!(f, "how the demodulator is set"),
            Self::JammingAsked => write!(f, "what jams the channels"),
            Self::StrengthAsked => write!(f, "how strong the channels are"),
            Self::Query(query) => write!(f, "session {} and Q {}", query.session, query.q),
            Self::QueryAsked => write!(f, "which session and Q"),
            Self::SelectEpc { epc } => write!(f, "select the EPC {}", hex::encode(epc)),
            Self::SelectAsked => write!(f, "which selection"),
            Self::SelectMode(mode) => write!(f, "select mode {mode}"),
            Self::Read { bank, word, words, .. } => write!(f, "read {words} words of bank {bank} from word {word}"),
            Self::Write { bank, word, data, .. } => {
                write!(f, "write {} words to bank {bank} from word {word}", data.len() / 2)
            }
            Self::Lock { .. } => write!(f, "lock the tag"),
            Self::Kill { .. } => write!(f, "kill the tag"),
            Self::OutputPin(pin) => write!(f, "pin {pin} as output"),
            Self::Output { pin, high } => write!(f, "pin {pin} {}", if *high { "high" } else { "low" }),
            Self::PinAsked(pin) => write!(f, "how pin {pin} stands"),
            Self::Sleep => write!(f, "sleep"),
            Self::IdleSleep(minutes) => write!(f, "sleep after {minutes} min"),
            Self::Idle { on, .. } => write!(f, "idle mode {}", on_off(*on)),
            Self::Baud(baud) => write!(f, "{baud} baud"),
        }
    }
}
