//! What a device reported, in the device's own terms. No business meaning yet.

use std::time::Duration;

use crate::command::Answer;

/// One report of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The device answered and is ready to read; `model` is what it said of itself.
    Ready { model: String },
    /// Something was read.
    Read(Read),
    /// How a command ended; `number` is the one it was given with.
    Answer { number: u32, answer: Answer },
    /// A printer says how it is, whenever that changed.
    Printer(Printer),
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
    /// A card was held before the reader.
    Card(Card),
    /// Something lies on the scale.
    Weight(Weight),
    /// The air of a room.
    Climate(Climate),
    /// A contact opened or closed.
    Contact(Contact),
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

/// An LF or HF card or fob, such as a badge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    pub kind: CardKind,
    /// Its unique number, most significant byte first.
    pub number: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardKind {
    /// 125 kHz, read only, five bytes.
    Em4100,
    /// 13.56 MHz, four, seven or ten bytes.
    Iso14443a,
}

/// What a scale shows, exactly as it shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weight {
    /// The digits without their point: 3.420 is 3420 with 3 places.
    pub digits: i64,
    pub places: u8,
    pub unit: WeightUnit,
    pub steady: Steady,
    /// Whether a container's weight was taken off.
    pub net: bool,
    /// The line as it came.
    pub text: Vec<u8>,
}

/// Whether a weight still moves. One that does is never the weight of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steady {
    Yes,
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightUnit {
    Milligram,
    Gram,
    Kilogram,
    Tonne,
    Carat,
    TroyOunce,
    Ounce,
    Pound,
    Pennyweight,
    Grain,
    Momme,
}

/// The air of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Climate {
    pub temperature_millicelsius: Option<i32>,
    /// Relative humidity in thousandths of a percent.
    pub humidity_millipercent: Option<i32>,
}

/// A contact opened or closed. The first report after the link was opened says how it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Number of the input, from 1.
    pub line: u16,
    pub closed: bool,
}

/// How a printer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Printer {
    pub paper_out: bool,
    pub ribbon_out: bool,
    pub head_open: bool,
    pub paused: bool,
    /// Any other trouble: a jam, heat, a cutter.
    pub fault: bool,
    /// Labels that it has yet to print, where it says so.
    pub waiting: Option<u32>,
}
