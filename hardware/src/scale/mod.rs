//! Scales: six protocols, one session, exact weights.
//!
//! A weight is digits, places and a unit, never a floating number, and says whether it still moves. Protocols that lack a
//! checksum are read strictly: a line that lost a byte is noise wherever its form allows to see that.

pub mod and;
pub mod exact;
pub(crate) mod lines;
pub mod message;
pub mod mt_sics;
pub mod ohaus;
pub mod sbi;
pub mod session;
pub mod toledo_8217;
pub mod toledo_continuous;
mod trouble;

use std::time::Duration;

use serde_json::Value;

use crate::device::{Codec, Cut, Dialect, Family, Link, Parity, Reads, Serial, Session};
use crate::event::WeightUnit;
use crate::scale::message::Message;
use crate::scale::session::Scale;
use crate::settings::{Form, Setting, Settings};
use crate::simulator;

pub use lines::command;

/// What a session needs to know of a protocol.
#[derive(Debug)]
pub(crate) struct Protocol {
    /// What stands at the front of a stream.
    pub cut: fn(&[u8]) -> Cut,
    /// One message that `cut` found.
    pub parse: fn(&[u8]) -> Result<Message, String>,
    /// The questions and commands; empty where there is none.
    pub model: &'static [u8],
    pub weigh: &'static [u8],
    pub zero: &'static [u8],
    pub tare: &'static [u8],
    /// Bytes that arrive sooner after the opening of the line may be the end of a line that began before it; zero where
    /// messages have a head that tells.
    pub line_time: Duration,
    /// All weights of one unit come in lines of one length, whatever their digits.
    pub one_length: bool,
}

const MT_SICS: Protocol = Protocol {
    cut: mt_sics::cut,
    parse: mt_sics::parse,
    model: b"I2\r\n",
    weigh: b"SI\r\n",
    zero: b"Z\r\n",
    tare: b"T\r\n",
    line_time: Duration::ZERO,
    one_length: true,
};

const AND: Protocol = Protocol {
    cut: and::cut,
    parse: and::parse,
    model: b"",
    weigh: b"Q\r\n",
    zero: b"Z\r\n",
    tare: b"T\r\n",
    line_time: Duration::ZERO,
    one_length: true,
};

const OHAUS: Protocol = Protocol {
    cut: ohaus::cut,
    parse: ohaus::parse,
    model: b"",
    weigh: b"IP\r\n",
    zero: b"Z\r\n",
    tare: b"T\r\n",
    line_time: Duration::from_millis(100),
    one_length: false,
};

const SBI: Protocol = Protocol {
    cut: sbi::cut,
    parse: sbi::parse,
    model: b"",
    weigh: sbi::PRINT,
    zero: sbi::ZERO,
    tare: sbi::TARE,
    line_time: Duration::ZERO,
    one_length: false,
};

const TOLEDO_8217: Protocol = Protocol {
    cut: toledo_8217::cut,
    parse: toledo_8217::parse,
    model: b"",
    weigh: toledo_8217::WEIGH,
    zero: toledo_8217::ZERO,
    tare: toledo_8217::TARE,
    line_time: Duration::ZERO,
    one_length: false,
};

const CONTINUOUS: Protocol = Protocol {
    cut: toledo_continuous::cut,
    parse: toledo_continuous::parse,
    model: b"",
    weigh: b"",
    zero: toledo_continuous::ZERO,
    tare: toledo_continuous::TARE,
    line_time: Duration::ZERO,
    one_length: false,
};

const CONTINUOUS_CHECKED: Protocol = Protocol { cut: toledo_continuous::cut_checked, ..CONTINUOUS };

// CH340, PL2303, FTDI and CP210x adapters: scales have RS-232.
const USB_IDS: &[(u16, u16)] = &[(0x1A86, 0x7523), (0x067B, 0x2303), (0x0403, 0x6001), (0x10C4, 0xEA60)];

pub static MT_SICS_FAMILY: Family = Family {
    name: "mt_sics",
    reads: &[Reads::Weights],
    link: Link::Serial(Serial::of(9600)),
    usb_ids: USB_IDS,
    description: "balance of Mettler-Toledo, or another that speaks MT-SICS",
    settings: &[MODE, POLL_MS, SILENCE_S],
    session: |settings| Ok(balance(&MT_SICS, settings, None)),
    simulator: |settings, script, seed| Box::new(simulator::scale::mt_sics(settings, script, seed)),
    codec: Codec { dialects: &[], cut: |bytes, _| mt_sics::cut(bytes), decode: |line, _| fields(mt_sics::parse(line)) },
};

pub static AND_FAMILY: Family = Family {
    name: "and",
    reads: &[Reads::Weights],
    link: Link::Serial(Serial::seven_even(2400)),
    usb_ids: USB_IDS,
    description: "balance of A&D, or an indicator with its comma lines (ST,GS,..)",
    settings: &[MODE, POLL_MS, SILENCE_S, UNIT],
    session: |settings| Ok(balance(&AND, settings, unit(settings))),
    simulator: |settings, script, seed| Box::new(simulator::scale::and(settings, script, seed)),
    codec: Codec { dialects: &[], cut: |bytes, _| and::cut(bytes), decode: |line, _| fields(and::parse(line)) },
};

pub static OHAUS_FAMILY: Family = Family {
    name: "ohaus",
    reads: &[Reads::Weights],
    link: Link::Serial(Serial::of(9600)),
    usb_ids: USB_IDS,
    description: "balance of OHAUS",
    settings: &[MODE, POLL_MS, SILENCE_S, UNIT],
    session: |settings| Ok(balance(&OHAUS, settings, unit(settings))),
    simulator: |settings, script, seed| Box::new(simulator::scale::ohaus(settings, script, seed)),
    codec: Codec { dialects: &[], cut: |bytes, _| ohaus::cut(bytes), decode: |line, _| fields(ohaus::parse(line)) },
};

pub static SBI_FAMILY: Family = Family {
    name: "sbi",
    reads: &[Reads::Weights],
    link: Link::Serial(Serial { baud: 1200, data_bits: 7, parity: Parity::Odd, stop_bits: 1 }),
    usb_ids: USB_IDS,
    description: "balance of Sartorius with its SBI lines of 16 or 22 characters",
    settings: &[MODE, POLL_MS, SILENCE_S],
    session: |settings| Ok(balance(&SBI, settings, None)),
    simulator: |settings, script, seed| Box::new(simulator::scale::sbi(settings, script, seed)),
    codec: Codec { dialects: &[], cut: |bytes, _| sbi::cut(bytes), decode: |line, _| fields(sbi::parse(line)) },
};

pub static TOLEDO_8217_FAMILY: Family = Family {
    name: "toledo_8217",
    reads: &[Reads::Weights],
    link: Link::Serial(Serial::seven_even(9600)),
    usb_ids: USB_IDS,
    description: "shop counter scale that speaks Toledo 8217",
    settings: &[POLL_MS, UNIT_UNSAID],
    session: |settings| {
        let settings = session::Settings { poll: Some(pause(settings)), silence: None, unit: unit(settings) };
        Ok(Box::new(Scale::new(&TOLEDO_8217, settings)))
    },
    simulator: |settings, script, seed| Box::new(simulator::scale::toledo_8217(settings, script, seed)),
    codec: Codec {
        dialects: &[],
        cut: |bytes, _| toledo_8217::cut(bytes),
        decode: |line, _| fields(toledo_8217::parse(line)),
    },
};

pub static TOLEDO_CONTINUOUS_FAMILY: Family = Family {
    name: "toledo_continuous",
    reads: &[Reads::Weights],
    link: Link::Serial(Serial::seven_even(9600)),
    usb_ids: USB_IDS,
    description: "weighbridge or floor scale with Toledo continuous output",
    settings: &[STREAM_SILENCE_S, CHECKSUM],
    session: |settings| {
        let protocol = if settings.flag("checksum") { &CONTINUOUS_CHECKED } else { &CONTINUOUS };
        Ok(Box::new(Scale::new(protocol, session::Settings { poll: None, silence: silence(settings), unit: None })))
    },
    simulator: |settings, script, seed| Box::new(simulator::scale::toledo_continuous(settings, script, seed)),
    codec: Codec { dialects: &[], cut: |bytes, _| toledo_continuous::cut(bytes), decode: decode_continuous },
};

const MODE: Setting = Setting {
    name: "mode",
    form: Form::Word(&["poll", "listen"]),
    says: "\"poll\" asks the scale again and again; \"listen\" waits for what it sends by itself, on a key press or in a \
           stream.",
};

const POLL_MS: Setting = Setting {
    name: "poll_ms",
    form: Form::Whole { default: 200, from: 20, to: 60_000 },
    says: "Pause between an answer and the next question, in milliseconds, where the scale is asked.",
};

const SILENCE_S: Setting = Setting {
    name: "silence_s",
    form: Form::Whole { default: 0, from: 0, to: 3600 },
    says: "With mode = \"listen\": the scale is lost after so many seconds without a word; 0 for never, for a scale that \
           sends on a key press.",
};

const STREAM_SILENCE_S: Setting = Setting {
    name: "silence_s",
    form: Form::Whole { default: 5, from: 1, to: 3600 },
    says: "The scale is lost after so many seconds without a word.",
};

const CHECKSUM: Setting = Setting {
    name: "checksum",
    form: Form::Flag(false),
    says: "true for an indicator that ends each frame with a checksum; a frame with a wrong one is then no weight.",
};

const UNIT: Setting = Setting {
    name: "unit",
    form: Form::Word(&["wire", "g", "kg", "mg", "ct", "t", "lb", "oz", "ozt", "dwt", "gn", "mom"]),
    says: "The unit of a line that names none; with \"wire\" such a line is no weight.",
};

const UNIT_UNSAID: Setting = Setting {
    name: "unit",
    form: Form::Word(&["kg", "lb", "g", "oz"]),
    says: "The unit that the scale is built for: this protocol does not say it.",
};

/// A session with a balance that can be asked or listened to.
fn balance(protocol: &'static Protocol, settings: &Settings, unit: Option<WeightUnit>) -> Box<dyn Session> {
    let listens = settings.text("mode") == "listen";
    let settings = session::Settings {
        poll: (!listens).then(|| pause(settings)),
        silence: if listens { silence(settings) } else { None },
        unit,
    };
    Box::new(Scale::new(protocol, settings))
}

fn pause(settings: &Settings) -> Duration {
    Duration::from_millis(settings.whole("poll_ms"))
}

fn unit(settings: &Settings) -> Option<WeightUnit> {
    WeightUnit::of_symbol(&settings.text("unit"))
}

fn silence(settings: &Settings) -> Option<Duration> {
    let seconds: u64 = settings.whole("silence_s");
    (0 < seconds).then(|| Duration::from_secs(seconds))
}

fn fields(message: Result<Message, String>) -> Result<Value, String> {
    message.map(|message| message.fields())
}

fn decode_continuous(bytes: &[u8], _: Dialect) -> Result<Value, String> {
    toledo_continuous::decode(bytes).map(|frame| frame.fields())
}
