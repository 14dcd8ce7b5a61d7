//! Scanners that type: a USB or Bluetooth scanner in keyboard mode, read from its device file (evdev).
//!
//! What is typed counts as a scan when its end is seen, it is long enough and it comes faster than a hand types. All
//! else on the same device, a hand at a keyboard too, is noise and never a code.
//!
//! The port must hold the device alone (EVIOCGRAB), else every code is typed into the console as well.

pub mod keyboard;
pub mod layout;
pub mod line;
pub mod record;
pub mod session;

use serde_json::{Value, json};

use crate::aim::AimMode;
use crate::device::{Codec, Cut, Dialect, Family, Link, Reads};
use crate::settings::{Form, Setting};
use crate::wedge::keyboard::key;
use crate::wedge::layout::Layout;
use crate::wedge::line::{Pace, Terminator, line};
use crate::wedge::record::{PRESSED, RECORD, RELEASED, Record, RecordError, kind};
use crate::wedge::session::Wedge;
use crate::{hex, simulator};

pub static FAMILY: Family = Family {
    name: "wedge",
    reads: &[Reads::Symbols],
    link: Link::File,
    // A wedge of Winbond, Newland.
    usb_ids: &[(0x0416, 0xC141), (0x1EAB, 0x8306)],
    description: "bar code scanner in keyboard mode (evdev)",
    settings: SETTINGS,
    session: |settings| Ok(Box::new(Wedge::new(session::Settings::of(settings)))),
    simulator: |settings, script, seed| Box::new(simulator::wedge::Scanner::set(settings, script, seed)),
    codec: Codec { dialects: Layout::WORDS, cut, decode },
};

const SETTINGS: &[Setting] = &[
    Setting {
        name: "layout",
        form: Form::Word(Layout::WORDS),
        says: "The country of the keyboard that the scanner is set to. US is the surest: it has a key for GS.",
    },
    Setting {
        name: "ends",
        form: Form::Word(&["enter", "tab", "enter_or_tab", "pause"]),
        says: "The key that the scanner presses behind each code; \"pause\" for one that presses none.",
    },
    Setting {
        name: "gs_key",
        form: Form::Word(&["ctrl", "f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "f10", "f11", "f12"]),
        says: "The key that stands for GS, the separator of GS1 codes: Ctrl and ], which is always understood, or a \
               function key beside it.",
    },
    Setting {
        name: "min_len",
        form: Form::Whole { default: 4, from: 1, to: 100 },
        says: "Shortest code in characters; what is shorter may be a hand.",
    },
    Setting {
        name: "gap_ms",
        form: Form::Whole { default: 35, from: 5, to: 200 },
        says: "Longest time between two keys of a code, on the average, in milliseconds. Scanners need 1 to 15, hands more \
               than 60.",
    },
    Setting {
        name: "idle_ms",
        form: Form::Whole { default: 120, from: 20, to: 2000 },
        says: "A pause of so many milliseconds ends what was typed without an end.",
    },
    Setting {
        name: "aim",
        form: Form::Word(AimMode::WORDS),
        says: "AIM identifier in front of the code (]d2 and such). Switch it on in the scanner: it tells a GS1 code from \
               a text that looks alike.",
    },
];

/// Records that a message of a captured stream has at most: six for each character of the longest code.
const MESSAGE_MAX: usize = 65_536;

/// A line of a captured stream: all up to the release of its Enter, with the report behind it.
fn cut(bytes: &[u8], _: Dialect) -> Cut {
    let mut ended = false;
    let mut released = false;
    for (number, start) in (0..bytes.len()).step_by(RECORD).enumerate() {
        let rest = bytes.get(start..).unwrap_or_default();
        let record = match Record::parse(rest) {
            Ok(record) => record,
            Err(RecordError::Incomplete { .. }) if number < MESSAGE_MAX => return Cut::Incomplete,
            Err(_) => return Cut::Noise(start.max(1)),
        };
        let enter = record.kind == kind::KEY && matches!(record.code, key::ENTER | key::KEYPAD_ENTER);
        match record.kind {
            kind::KEY if record.value == PRESSED && ended => return Cut::Message(start),
            kind::KEY if enter && record.value == PRESSED => ended = true,
            kind::KEY if enter && record.value == RELEASED && ended => released = true,
            kind::SYN if released => return Cut::Message(start + RECORD),
            _ => (),
        }
    }
    Cut::Incomplete
}

/// What was typed, and whether a scanner did it.
fn decode(bytes: &[u8], named: Dialect) -> Result<Value, String> {
    let mut records = Vec::new();
    let mut left = bytes;
    while !left.is_empty() {
        let at = bytes.len() - left.len();
        records.push(Record::parse(left).map_err(|error| format!("record at byte {at}: {error}"))?);
        left = left.get(RECORD..).unwrap_or_default();
    }
    let line = line(&records, Layout::of(named.unwrap_or_default()));
    Ok(json!({
        "text_hex": hex::encode(&line.text),
        "terminator": line.terminator.map(|terminator| match terminator {
            Terminator::Enter => "enter",
            Terminator::Tab => "tab",
        }),
        "is_scan": line.terminator.is_some() && line.is_scan(&Pace::default()),
    }))
}
