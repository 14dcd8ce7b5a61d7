//! Scan engines and scanners of Zebra, once Symbol, that speak the Simple Serial Interface (9600 8N1).
//!
//! Every message is acknowledged and repeated until it is, so nothing that was read is lost on the line, and a repeated
//! message is not taken for a second read.
//!
//! Sources: Zebra, Simple Serial Interface Programmer's Guide 72E-40451; the frames in enioka-Haute-Couture/enioka_scan.

pub mod frame;
pub mod orders;
mod requests;
pub mod session;
pub mod symbology;
mod texts;

use serde_json::{Value, json};

use crate::device::{Codec, Cut, Dialect, Family, Link, Reads, Serial};
use crate::settings::{Form, Setting};
use crate::ssi::frame::{FrameError, opcode};
use crate::{hex, simulator};

pub static FAMILY: Family = Family {
    name: "ssi",
    reads: &[Reads::Symbols],
    link: Link::Serial(Serial::of(9600)),
    usb_ids: &[],
    description: "Zebra or Symbol scanner and scan engine with the Simple Serial Interface",
    settings: SETTINGS,
    session: |settings| Ok(Box::new(session::Ssi::new(orders::Settings::of(settings)))),
    simulator: |settings, script, seed| Box::new(simulator::ssi::Engine::set(settings, script, seed)),
    codec: Codec { dialects: &[], cut, decode },
};

const SETTINGS: &[Setting] = &[
    Setting {
        name: "aim",
        form: Form::Word(&["ask", "absent", "required"]),
        says: "\"ask\" tells the scanner to send AIM identifiers (]d2 and such), which tell a GS1 code from a text that \
               looks alike, and goes by the kind of symbol where none comes; \"absent\" leaves the scanner as it is and \
               takes a ] for text; \"required\" is \"ask\" and takes no code without one.",
    },
    Setting {
        name: "trigger",
        form: Form::Word(&["scanner", "host"]),
        says: "Who pulls the trigger: a hand at the scanner, or the terminal by command.",
    },
    Setting {
        name: "configure",
        form: Form::Flag(true),
        says: "Whether the scanner is told its settings when the link opens; they are gone with its power. false for one \
               that keeps its own.",
    },
    Setting {
        name: "repeat_ms",
        form: Form::Whole { default: 500, from: 0, to: 5000 },
        says: "The same code again within so many milliseconds is the same message once more, also where the scanner \
               does not say so. Less than the time that it itself waits before it reads one symbol again (600).",
    },
];

/// What stands at the front of a stream. A lone 00 wakes the decoder and is a message of the host.
fn cut(bytes: &[u8], _: Dialect) -> Cut {
    match frame::parse(bytes) {
        Ok((_, used)) => Cut::Message(used),
        Err(FrameError::Incomplete { .. }) => Cut::Incomplete,
        Err(_) => Cut::Noise(1),
    }
}

fn decode(bytes: &[u8], _: Dialect) -> Result<Value, String> {
    let (frame, used) = frame::parse(bytes).map_err(|error| error.to_string())?;
    if used < bytes.len() {
        return Err(format!("{} bytes follow the frame", bytes.len() - used));
    }
    let mut fields = json!({
        "opcode": frame.opcode,
        "name": opcode::name(frame.opcode),
        "source": frame.source,
        "status": frame.status,
        "must_ack": opcode::must_ack(frame.opcode),
        "data_hex": hex::encode(frame.data),
    });
    if let (opcode::DECODE_DATA, [code, text @ ..], Some(fields)) = (frame.opcode, frame.data, fields.as_object_mut()) {
        fields.insert("symbology_code".into(), (*code).into());
        fields.insert("symbology".into(), symbology::name(*code).into());
        fields.insert("payload_hex".into(), hex::encode(text).into());
    }
    Ok(fields)
}
