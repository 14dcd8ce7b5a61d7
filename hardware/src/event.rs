//! What a device reported, in the device's own terms. No business meaning yet.

use std::time::Duration;

/// One report of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The device answered and is ready to read; `model` is what it said of itself.
    Ready { model: String },
    /// Something was read.
    Read(Read),
    /// A sound message that says that something is wrong; the session goes on.
    Fault { text: String },
    /// The session is over: the device fell silent, refused the session or closed it. The link must be opened anew.
    Lost { reason: String },
    /// Bytes that belong to no message. A rising count means a bad cable or a wrong baud rate.
    Noise { bytes: usize },
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// A printed symbol.
    Symbol(Symbol),
    /// A radio tag answered.
    Tag(Tag),
}

/// The text of a printed symbol, byte for byte as the scanner sent it (GS, RS, NUL and UTF-8 included).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// The AIM identifier `]cm` when the scanner sent one: code character and modifier.
    pub aim: Option<Aim>,
    /// Payload without prefix, suffix and AIM identifier.
    pub bytes: Vec<u8>,
}

/// An ISO/IEC 15424 symbology identifier: `]` + code character + modifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aim {
    pub code: u8,
    pub modifier: u8,
}

/// One answer of one UHF tag. The same tag answers many times a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The EPC memory as read, most significant byte first.
    pub epc: Vec<u8>,
    /// Number of the antenna, from 1; 0 where the device has one antenna and does not say.
    pub antenna: u16,
    /// Signal strength in dBm, where the device says it.
    pub rssi_dbm: Option<i16>,
    /// How many answers this report stands for, at least 1.
    pub count: u16,
    /// How long before the arrival of the report the tag was last seen (the reader's own clock may be wrong, so
    /// only differences of its stamps are used).
    pub age: Duration,
}
