//! LLRP 1.0.1 and 1.1: how fixed UHF readers speak over TCP port 5084.
//!
//! [`frame`] cuts the stream, [`fields`] is the table of layouts, [`message`] turns any message into a tree and back,
//! [`report`] reads tag reports at full speed, [`session`] is the client.

pub mod fields;
pub mod frame;
mod json;
pub mod message;
mod program;
pub mod report;
pub mod session;
pub mod settings;
pub mod status;

use serde_json::Value;

use crate::device::{Codec, Cut, Dialect, Family, Link, Reads};
use crate::settings::{Form, Setting};
use crate::simulator;

pub static FAMILY: Family = Family {
    name: "llrp",
    reads: &[Reads::Tags],
    link: Link::Tcp { port: 5084 },
    usb_ids: &[],
    description: "fixed UHF reader with LLRP 1.0.1 or 1.1 on the network (Impinj, Zebra and others)",
    settings: SETTINGS,
    session: |settings| Ok(Box::new(session::Llrp::new(settings::Settings::of(settings)))),
    simulator: |_, script, seed| {
        Box::new(simulator::llrp::LlrpReader::new(simulator::llrp::Make::default(), script, seed))
    },
    codec: Codec { dialects: &[], cut, decode },
};

const SETTINGS: &[Setting] = &[
    Setting {
        name: "antennas",
        form: Form::Wholes { from: 1, to: 255 },
        says: "Numbers of the antennas to use; empty for all that the reader has.",
    },
    Setting {
        name: "power_dbm",
        form: Form::Whole { default: 27, from: 0, to: 33 },
        says: "Sending power in dBm; 0 leaves the reader's own setting. More power is not better: it reads what lies \
               behind the wall.",
    },
    Setting {
        name: "session",
        form: Form::Whole { default: 0, from: 0, to: 3 },
        says: "Gen2 session. 0 reads a tag again and again while it is in the field: right for a door, which tells the way \
               of a thing from when each row of antennas saw it, and believes a row only after two reads. In 1 a tag is \
               silent for half a second to five seconds after each read, in 2 and 3 for longer: for counting a crowd that \
               stands still.",
    },
    Setting {
        name: "keepalive_s",
        form: Form::Whole { default: 3, from: 1, to: 8 },
        says: "Seconds between the reader's signs of life; after two and a half times as long without one it counts as lost.",
    },
    Setting {
        name: "population",
        form: Form::Whole { default: 32, from: 1, to: 32_767 },
        says: "Tags expected in the field at once: the reader tunes its first round to it.",
    },
];

fn cut(bytes: &[u8], _: Dialect) -> Cut {
    match frame::cut(bytes) {
        Ok(Some(frame)) => Cut::Message(frame.len()),
        Ok(None) => Cut::Incomplete,
        Err(_) => Cut::Noise(1),
    }
}

fn decode(bytes: &[u8], _: Dialect) -> Result<Value, String> {
    let frame = frame::cut(bytes).map_err(|error| error.to_string())?;
    let frame = frame.ok_or("the message is longer than the line")?;
    if frame.len() < bytes.len() {
        return Err(format!("{} bytes follow the message", bytes.len() - frame.len()));
    }
    let message = message::Message::decode(&frame).map_err(|error| error.to_string())?;
    serde_json::from_str(&message.json()).map_err(|error| error.to_string())
}
