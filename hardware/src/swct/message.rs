//! What the frames say: requests of the host, and the reader's answers.

use crate::swct::frame::{self, Frame};

/// Command bytes of the protocol.
pub mod code {
    pub const INVENTORY: u8 = 0x01;
    pub const READ: u8 = 0x02;
    pub const WRITE: u8 = 0x03;
    pub const SYSTEM: u8 = 0x10;
    pub const GET: u8 = 0x23;
    pub const SET: u8 = 0x24;
    pub const FREQUENCY_ASKED: u8 = 0x3E;
    pub const FREQUENCY: u8 = 0x3F;
    pub const STOP: u8 = 0x40;
    pub const START: u8 = 0x41;
    pub const ACTIVE: u8 = 0x45;
    pub const RELAY_ON: u8 = 0x85;
    pub const RELAY_OFF: u8 = 0x86;
    pub const MODULE: u8 = 0xE0;
    pub const ANTENNAS: u8 = 0xE1;
    pub const HEARTBEAT: u8 = 0xFF;
}

/// Settings of the reader by their number.
pub mod parameter {
    /// 0 on request, 1 by itself, 2 by a trigger.
    pub const MODE: u8 = 2;
    pub const POWER: u8 = 5;
    pub const BEEP: u8 = 6;
}

/// Radio rules under which the reader sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    China900,
    Us,
    Europe,
    Korea,
    Australia,
    Singapore,
    Taiwan,
    Brazil,
    Israel,
    SouthAfrica,
    Malaysia,
}

impl Region {
    pub const ALL: [Self; 11] = [
        Self::China900,
        Self::Us,
        Self::Europe,
        Self::Korea,
        Self::Australia,
        Self::Singapore,
        Self::Taiwan,
        Self::Brazil,
        Self::Israel,
        Self::SouthAfrica,
        Self::Malaysia,
    ];

    /// The two bytes of the manual's table.
    pub fn bytes(self) -> [u8; 2] {
        match self {
            Self::China900 => [0x2C, 0xA3],
            Self::Us => [0x31, 0x80],
            Self::Europe => [0x4E, 0x00],
            Self::Korea => [0x29, 0x9D],
            Self::Australia => [0x2E, 0x9F],
            Self::Singapore => [0x2C, 0x81],
            Self::Taiwan => [0x31, 0xA7],
            Self::Brazil => [0x31, 0x99],
            Self::Israel => [0x1C, 0x99],
            Self::SouthAfrica => [0x24, 0x9D],
            Self::Malaysia => [0x28, 0xA1],
        }
    }

    /// The name in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::China900 => "china_900",
            Self::Us => "us",
            Self::Europe => "europe",
            Self::Korea => "korea",
            Self::Australia => "australia",
            Self::Singapore => "singapore",
            Self::Taiwan => "taiwan",
            Self::Brazil => "brazil",
            Self::Israel => "israel",
            Self::SouthAfrica => "south_africa",
            Self::Malaysia => "malaysia",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|region| region.name() == name)
    }
}

/// Sockets of the largest of these readers.
const ANTENNA_MAX: u8 = 16;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Inventory,
    System,
    Get(u8),
    Set { parameter: u8, value: u8 },
    FrequencyAsked,
    Frequency(Region),
    Stop,
    Start,
    Relay { on: bool },
    AntennasAsked,
}

impl Request {
    pub fn encode(&self, address: u8) -> Vec<u8> {
        let data = match self {
            Self::Inventory
            | Self::System
            | Self::FrequencyAsked
            | Self::Stop
            | Self::Start
            | Self::Relay { .. }
            | Self::AntennasAsked => vec![],
            Self::Get(parameter) => vec![*parameter],
            Self::Set { parameter, value } => vec![*parameter, *value],
            Self::Frequency(region) => region.bytes().to_vec(),
        };
        frame::encode(address, self.code(), &data)
    }

    pub fn code(&self) -> u8 {
        match self {
            Self::Inventory => code::INVENTORY,
            Self::System => code::SYSTEM,
            Self::Get(_) => code::GET,
            Self::Set { .. } => code::SET,
            Self::FrequencyAsked => code::FREQUENCY_ASKED,
            Self::Frequency(_) => code::FREQUENCY,
            Self::Stop => code::STOP,
            Self::Start => code::START,
            Self::Relay { on: true } => code::RELAY_ON,
            Self::Relay { on: false } => code::RELAY_OFF,
            Self::AntennasAsked => code::ANTENNAS,
        }
    }
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inventory => write!(f, "look for tags"),
            Self::System => write!(f, "version and serial number"),
            Self::Get(parameter::POWER) => write!(f, "which power"),
            Self::Get(parameter::MODE) => write!(f, "which working mode"),
            Self::Get(parameter) => write!(f, "setting {parameter}"),
            Self::Set { parameter: parameter::POWER, value } => write!(f, "power {value} dBm"),
            Self::Set { parameter: parameter::MODE, value: 0 } => write!(f, "read on request"),
            Self::Set { parameter: parameter::MODE, value: _ } => write!(f, "read by itself"),
            Self::Set { parameter, value } => write!(f, "setting {parameter} to {value}"),
            Self::FrequencyAsked => write!(f, "which region"),
            Self::Frequency(region) => write!(f, "region {}", region.name()),
            Self::Stop => write!(f, "stop reading"),
            Self::Start => write!(f, "begin to read"),
            Self::Relay { on } => write!(f, "relay {}", if *on { "on" } else { "off" }),
            Self::AntennasAsked => write!(f, "which antennas"),
        }
    }
}

/// One tag of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    pub kind: u8,
    /// From 1.
    pub antenna: u8,
    pub epc: &'a [u8],
    /// As it was sent.
    pub rssi: u8,
}

impl Record<'_> {
    /// The manual gives no unit. Its examples (51 to 77) can only be dBm without their sign; a byte above 7F is one with it.
    pub fn rssi_dbm(&self) -> i16 {
        match self.rssi.cast_signed() {
            negative @ ..0 => negative.into(),
            bare => -i16::from(bare),
        }
    }
}

/// Tags one after the other, `length | kind | antenna | EPC | strength` each.
#[derive(Clone, Copy, Debug)]
pub struct Records<'a> {
    left: u16,
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    /// `count` of them; `None` when their lengths do not fit the bytes, or no reader has such an antenna.
    fn of(count: u16, rest: &'a [u8]) -> Option<Records<'a>> {
        let all = Records { left: count, rest };
        let mut check = all;
        (check.by_ref().count() == usize::from(count) && check.rest.is_empty()).then_some(all)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        self.left = self.left.checked_sub(1)?;
        let (&length, rest) = self.rest.split_first()?;
        let (record, rest) = rest.split_at_checked(length.into())?;
        // The checksum is one byte: a report that broke off and the next one pass for a report now and then, and show it here.
        let &[kind, antenna @ ..=ANTENNA_MAX, ref epc @ .., rssi] = record else { return None };
        self.rest = rest;
        Some(Record { kind, antenna, epc, rssi })
    }
}

/// What a sound frame means.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    /// The tags of a round; none with status 0.
    Round(Records<'a>),
    /// Tags that the reader reports by itself, under its serial number.
    Active {
        serial: &'a [u8],
        tags: Records<'a>,
    },
    /// It is there, on a network.
    Heartbeat {
        serial: &'a [u8],
    },
    Answer {
        status: u8,
        data: &'a [u8],
    },
}

/// What a sound frame means; `None` when its data do not fit its command.
pub fn message<'a>(frame: &Frame<'a>) -> Option<Message<'a>> {
    let &Frame { command, status, data, .. } = frame;
    match (command, data) {
        (code::INVENTORY, []) => Some(Message::Round(Records { left: 0, rest: &[] })),
        (code::INVENTORY, &[high, low, ref tags @ ..]) => {
            Records::of(u16::from_be_bytes([high, low]), tags).map(Message::Round)
        }
        (code::ACTIVE, data) => {
            let (serial, rest) = data.split_at_checked(7)?;
            let (&count, tags) = rest.split_first()?;
            let tags = Records::of(count.into(), tags)?;
            Some(Message::Active { serial, tags })
        }
        (code::HEARTBEAT, serial) => Some(Message::Heartbeat { serial }),
        (code::INVENTORY, _) => None,
        _ => Some(Message::Answer { status, data }),
    }
}
