//! What a host asks of the module.

use crate::hex;
use crate::mercury::frame;

/// Opcodes of the protocol.
pub mod code {
    pub const VERSION: u8 = 0x03;
    pub const BAUD: u8 = 0x06;
    pub const REPORT: u8 = 0x22;
    pub const WRITE_EPC: u8 = 0x23;
    pub const WRITE: u8 = 0x24;
    pub const LOCK: u8 = 0x25;
    pub const KILL: u8 = 0x26;
    pub const READ: u8 = 0x28;
    pub const MULTI: u8 = 0x2F;
    pub const READ_POWER_ASKED: u8 = 0x62;
    pub const WRITE_POWER_ASKED: u8 = 0x64;
    pub const INPUTS: u8 = 0x66;
    pub const ANTENNA: u8 = 0x91;
    pub const READ_POWER: u8 = 0x92;
    pub const PROTOCOL: u8 = 0x93;
    pub const WRITE_POWER: u8 = 0x94;
    pub const OUTPUT: u8 = 0x96;
    pub const REGION: u8 = 0x97;
    pub const OPTION: u8 = 0x9A;
}

/// The Gen2 air protocol.
pub const GEN2: u8 = 5;

/// How long the module tries to find a tag that it is to read or write.
pub const TAG_MS: u16 = 1000;

/// Option of a tag operation: by the EPC that follows the password.
const SELECT_EPC: u8 = 0x01;

/// Option of a tag operation: only the password follows.
const PASSWORD_ONLY: u8 = 0x05;

/// Option of a tag operation: flags for what is told beside the words follow, and come back with them.
const METADATA: u8 = 0x10;

/// What a continuous read reports: all that there is.
pub const METADATA_ALL: u16 = 0x01FF;

/// Radio rules under which the module sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    NorthAmerica,
    India,
    Japan,
    China,
    Europe,
    Korea,
    Australia,
    NewZealand,
    NorthAmerica2,
    NorthAmerica3,
    Open,
}

impl Region {
    pub const ALL: [Self; 11] = [
        Self::NorthAmerica,
        Self::India,
        Self::Japan,
        Self::China,
        Self::Europe,
        Self::Korea,
        Self::Australia,
        Self::NewZealand,
        Self::NorthAmerica2,
        Self::NorthAmerica3,
        Self::Open,
    ];

    /// The number in the protocol.
    pub fn number(self) -> u8 {
        match self {
            Self::NorthAmerica => 0x01,
            Self::India => 0x04,
            Self::Japan => 0x05,
            Self::China => 0x06,
            Self::Europe => 0x08,
            Self::Korea => 0x09,
            Self::Australia => 0x0B,
            Self::NewZealand => 0x0C,
            Self::NorthAmerica2 => 0x0D,
            Self::NorthAmerica3 => 0x0E,
            Self::Open => 0xFF,
        }
    }

    /// The name in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::NorthAmerica => "us",
            Self::India => "india",
            Self::Japan => "japan",
            Self::China => "china_900",
            Self::Europe => "europe",
            Self::Korea => "korea",
            Self::Australia => "australia",
            Self::NewZealand => "new_zealand",
            Self::NorthAmerica2 => "us_2",
            Self::NorthAmerica3 => "us_3",
            Self::Open => "open",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|region| region.name() == name)
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Version,
    Baud(u32),
    Protocol(u8),
    Region(Region),
    /// One antenna for sending and hearing, from 1.
    Antenna(u8),
    /// Several, read in turn.
    Antennas(Vec<u8>),
    /// In hundredths of a dBm.
    ReadPower(u16),
    WritePower(u16),
    ReadPowerAsked,
    /// Reads until told to stop, each tag as often as it answers.
    Start,
    Stop,
    /// Each answer of a tag is reported, not each tag once.
    NoFilter,
    /// Without an EPC of whatever tag is there; 0 words are all of the bank.
    Read {
        epc: Option<Vec<u8>>,
        bank: u8,
        word: u32,
        words: u8,
        password: u32,
    },
    /// `data` in whole words.
    Write {
        epc: Option<Vec<u8>>,
        bank: u8,
        word: u32,
        data: Vec<u8>,
        password: u32,
    },
    /// Makes a pin an output.
    OutputPin(u8),
    Output {
        pin: u8,
        high: bool,
    },
}

impl Request {
    pub fn encode(&self) -> Vec<u8> {
        let (code, data) = self.parts();
        frame::encode(code, &data)
    }

    pub fn code(&self) -> u8 {
        self.parts().0
    }

    fn parts(&self) -> (u8, Vec<u8>) {
        match self {
            Self::Version => (code::VERSION, vec![]),
            Self::Baud(baud) => (code::BAUD, baud.to_be_bytes().to_vec()),
            Self::Protocol(protocol) => (code::PROTOCOL, vec![0, *protocol]),
            Self::Region(region) => (code::REGION, vec![region.number()]),
            Self::Antenna(antenna) => (code::ANTENNA, vec![*antenna, *antenna]),
            Self::Antennas(antennas) => {
                let pairs = antennas.iter().flat_map(|&antenna| [antenna, antenna]);
                (code::ANTENNA, std::iter::once(2).chain(pairs).collect())
            }
            Self::ReadPower(centi_dbm) => (code::READ_POWER, centi_dbm.to_be_bytes().to_vec()),
            Self::WritePower(centi_dbm) => (code::WRITE_POWER, centi_dbm.to_be_bytes().to_vec()),
            Self::ReadPowerAsked => (code::READ_POWER_ASKED, vec![0]),
            Self::Start => (code::MULTI, start()),
            Self::Stop => (code::MULTI, vec![0, 0, 2]),
            Self::NoFilter => (code::OPTION, vec![1, 0x0C, 0]),
            Self::Read { epc, bank, word, words, password } => {
                let (option, select) = selection(epc.as_deref(), *password);
                let timeout = TAG_MS.to_be_bytes();
                let head = [timeout.as_slice(), &[METADATA | option, 0, 0, *bank], &word.to_be_bytes(), &[*words]];
                (code::READ, [head.concat(), select].concat())
            }
            Self::Write { epc, bank, word, data, password } => {
                let (option, select) = selection(epc.as_deref(), *password);
                let timeout = TAG_MS.to_be_bytes();
                let head = [timeout.as_slice(), &[option], &word.to_be_bytes(), &[*bank]];
                (code::WRITE, [head.concat().as_slice(), &select, data].concat())
            }
            Self::OutputPin(pin) => (code::OUTPUT, vec![1, *pin, 1, 0]),
            Self::Output { pin, high } => (code::OUTPUT, vec![*pin, u8::from(*high)]),
        }
    }
}

/// Without end, option 1 "continuous"; within it the opcode of a read of many tags of the Gen2 protocol, with flags for
/// streaming and everything that it can tell.
fn start() -> Vec<u8> {
    let [high, low] = METADATA_ALL.to_be_bytes();
    let read = [code::REPORT, METADATA, 0x00, 0x1B, 0x03, 0xE8, high, low];
    let length = u8::try_from(read.len() - 1).unwrap_or(0);
    [&[0, 0, 1, code::REPORT, 0, 0, GEN2, length], read.as_slice()].concat()
}

/// Which tag: the bits of the option, and `password | length in bits | EPC`.
fn selection(epc: Option<&[u8]>, password: u32) -> (u8, Vec<u8>) {
    match (epc, password) {
        (Some(epc), _) => {
            let bits = u8::try_from(8 * epc.len()).unwrap_or(u8::MAX);
            (SELECT_EPC, [password.to_be_bytes().as_slice(), &[bits], epc].concat())
        }
        (None, 0) => (0, Vec::new()),
        (None, password) => (PASSWORD_ONLY, password.to_be_bytes().to_vec()),
    }
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Version => write!(f, "version"),
            Self::Baud(baud) => write!(f, "{baud} baud"),
            Self::Protocol(protocol) => write!(f, "air protocol {protocol}"),
            Self::Region(region) => write!(f, "region {}", region.name()),
            Self::Antenna(antenna) => write!(f, "antenna {antenna}"),
            Self::Antennas(antennas) => {
                let antennas: Vec<_> = antennas.iter().map(u8::to_string).collect();
                write!(f, "antennas {}", antennas.join(", "))
            }
            Self::ReadPower(centi_dbm) => write!(f, "power {}.{:02} dBm", centi_dbm / 100, centi_dbm % 100),
            Self::WritePower(centi_dbm) => {
                write!(f, "power {}.{:02} dBm for writing", centi_dbm / 100, centi_dbm % 100)
            }
            Self::ReadPowerAsked => write!(f, "which power"),
            Self::Start => write!(f, "begin to read"),
            Self::Stop => write!(f, "stop reading"),
            Self::NoFilter => write!(f, "report every answer"),
            Self::Read { bank, word, words, .. } => write!(f, "read {words} words of bank {bank} from word {word}"),
            Self::Write { bank, word, data, .. } => {
                write!(f, "write {} to bank {bank} from word {word}", hex::encode(data))
            }
            Self::OutputPin(pin) => write!(f, "pin {pin} as output"),
            Self::Output { pin, high } => write!(f, "pin {pin} {}", if *high { "high" } else { "low" }),
        }
    }
}
