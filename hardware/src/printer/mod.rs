//! Label printers: two languages, one session.
//!
//! A label goes through as it is, in pieces; between labels, and never inside one, the printer is asked how it is. What this
//! crate knows of the languages is what a printer answers, and the pieces of a label that carry identity.

mod job;
pub mod session;
pub mod tspl;
pub mod zpl;

use crate::device::{Codec, Cut, Family, Link, Reads, Serial};
use crate::event::Printer;
use crate::printer::session::Labels;
use crate::settings::{Form, Setting};
use crate::simulator;

pub static ZPL_FAMILY: Family = Family {
    name: "zpl",
    reads: &[Reads::Prints],
    link: Link::Serial(Serial::of(9600)),
    usb_ids: &[],
    description: "label printer that speaks ZPL (Zebra and others), by network or serial line",
    settings: &[DPI, STATUS_MS, SILENCE_S],
    session: |settings| Ok(Box::new(Labels::new(Language::Zpl, session::Settings::of(settings)))),
    simulator: |_, script, seed| Box::new(simulator::printer::Printer::new(Language::Zpl, script, seed)),
    codec: Codec {
        dialects: &[],
        cut: |bytes, _| zpl::cut(bytes),
        decode: |bytes, _| zpl::parse(bytes).map(|message| message.fields()),
    },
};

pub static TSPL_FAMILY: Family = Family {
    name: "tspl",
    reads: &[Reads::Prints],
    link: Link::Serial(Serial::of(9600)),
    usb_ids: &[],
    description: "label printer that speaks TSPL (TSC, Gprinter and others), by network or serial line",
    settings: &[
        DPI,
        STATUS_MS,
        SILENCE_S,
        Setting {
            name: "status",
            form: Form::Word(&["byte", "line"]),
            says: "How it is asked: \"byte\" (ESC ! ?, which most know) or \"line\" (ESC ! S, which tells more on TSC's own printers).",
        },
    ],
    session: |settings| {
        let language = match settings.text("status").as_str() {
            "line" => Language::TsplLine,
            _ => Language::TsplByte,
        };
        Ok(Box::new(Labels::new(language, session::Settings::of(settings))))
    },
    simulator: |_, script, seed| Box::new(simulator::printer::Printer::new(Language::TsplByte, script, seed)),
    codec: Codec { dialects: &["byte", "line"], cut: tspl::cut, decode: tspl::decode },
};

/// What labels are drawn for; the session itself does not need it.
const DPI: Setting = Setting {
    name: "dpi",
    form: Form::Word(&["203", "300", "600"]),
    says: "Dots per inch of its print head, as its data sheet says: labels are drawn for it.",
};

const STATUS_MS: Setting = Setting {
    name: "status_ms",
    form: Form::Whole { default: 2000, from: 200, to: 60_000 },
    says: "Pause between two looks at the printer while it has nothing to do, in milliseconds.",
};

const SILENCE_S: Setting = Setting {
    name: "silence_s",
    form: Form::Whole { default: 120, from: 10, to: 86_400 },
    says: "A printer that answers nothing for so many seconds is lost, and its labels are given up. Some answer nothing while paper \
           or ribbon is out or the head is open, so leave people time to mend that.",
};

/// What a printer speaks, and how it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Zpl,
    TsplByte,
    TsplLine,
}

/// What a printer said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Status(Status),
    Model(String),
    /// What was read from a tag.
    ReadBack(Vec<u8>),
}

/// How a printer is, whatever it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    pub printer: Printer,
    /// It has something to print, or prints.
    pub busy: bool,
    /// It waits for the end of a label.
    pub half: bool,
}

impl Status {
    /// Whether it prints what it is sent.
    pub fn ready(&self) -> bool {
        let Printer { paper_out, ribbon_out, head_open, paused, fault, waiting: _ } = self.printer;
        !(paper_out || ribbon_out || head_open || paused || fault)
    }
}

impl Language {
    pub(crate) fn status_question(self) -> &'static [u8] {
        match self {
            Language::Zpl => zpl::STATUS,
            Language::TsplByte => tspl::STATUS_BYTE,
            Language::TsplLine => tspl::STATUS_LINE,
        }
    }

    /// Asks for the model, where the language can and every printer understands it.
    fn model_question(self) -> Option<&'static [u8]> {
        match self {
            Language::Zpl => Some(zpl::IDENTITY),
            Language::TsplByte | Language::TsplLine => None,
        }
    }

    /// Makes the printer forget a label that broke off. `half`: it says that it waits for the end of one.
    fn afresh(self, half: bool) -> Option<&'static [u8]> {
        match self {
            Language::Zpl if half => Some(zpl::CANCEL_ALL),
            Language::Zpl => None,
            Language::TsplByte | Language::TsplLine => Some(tspl::AFRESH),
        }
    }

    fn cut(self, bytes: &[u8]) -> Cut {
        match self {
            Language::Zpl => zpl::cut(bytes),
            Language::TsplByte => tspl::cut(bytes, Some("byte")),
            Language::TsplLine => tspl::cut(bytes, Some("line")),
        }
    }

    fn hear(self, message: &[u8]) -> Option<Heard> {
        match self {
            Language::Zpl => zpl::parse(message).ok().map(zpl::Message::heard),
            Language::TsplByte => message.first().map(|&flags| tspl::Flags(flags).heard()),
            Language::TsplLine => tspl::Line::parse(message).ok().map(tspl::Line::heard),
        }
    }

    fn check(self, label: &[u8]) -> Result<(), String> {
        match self {
            Language::Zpl => zpl::check(label),
            Language::TsplByte | Language::TsplLine => tspl::check(label),
        }
    }

    /// How many tags a label lets the printer read back.
    fn read_backs(self, label: &[u8]) -> usize {
        match self {
            Language::Zpl => zpl::read_backs(label),
            Language::TsplByte | Language::TsplLine => 0,
        }
    }
}
