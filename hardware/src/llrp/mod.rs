//! LLRP 1.0.1 and 1.1: how fixed UHF readers speak over TCP port 5084.
//!
//! [`frame`] cuts the stream, [`fields`] is the table of layouts, [`message`] turns any message into a tree and back,
//! [`report`] reads tag reports at full speed. [`session`] is the client: `capabilities` knows what its reader can,
//! `program` what it is asked to do, `access` the work on the memory of a tag.

mod access;
mod capabilities;
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
    reads: &[Reads::Tags, Reads::Contacts],
    link: Link::Tcp { port: 5084 },
    usb_ids: &[],
    description: "fixed UHF reader with LLRP 1.0.1 or 1.1 on the network (Impinj, Zebra and others)",
    settings: SETTINGS,
    session: |settings| Ok(Box::new(session::Llrp::new(settings::Settings::of(settings)?))),
    simulator: |settings, script, seed| {
        Box::new(simulator::llrp::LlrpReader::new(simulator::llrp::Make::of(settings), script, seed))
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
        name: "antenna_power_dbm",
        form: Form::Wholes { from: 0, to: 33 },
        says: "Sending power in dBm of each of `antennas`, in their order, where they differ; empty for `power_dbm` at all.",
    },
    Setting {
        name: "less_sensitive_db",
        form: Form::Whole { default: 0, from: 0, to: 128 },
        says: "Decibels by which the reader hears less than it could, to leave out weak tags far away; 0 leaves the \
               reader's own setting.",
    },
    Setting {
        name: "channel_khz",
        form: Form::Whole { default: 0, from: 0, to: 960_000 },
        says: "Frequency in kHz where the region has fixed channels, as in Europe; 0 for the first. Readers of other \
               regions hop over all channels by themselves.",
    },
    Setting {
        name: "reader_mode",
        form: Form::Text(""),
        says: "Radio mode: \"fastest\" or \"steadiest\" of the reader's own list, or the number of a mode there; \"\" \
               leaves what the reader has.",
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
        name: "search",
        form: Form::Word(&["own", "dual", "single", "suppressed"]),
        says: "How an Impinj reader goes about tags that have answered: \"dual\" again and again, \"single\" once until the \
               session lets them speak, \"suppressed\" keeps them quiet; \"own\" leaves it to the reader.",
    },
    Setting {
        name: "population",
        form: Form::Whole { default: 32, from: 1, to: 32_767 },
        says: "Tags expected in the field at once: the reader tunes its first round to it.",
    },
    Setting {
        name: "only_epc_prefixes",
        form: Form::Texts(&[]),
        says: "Only tags whose EPC begins with one of these hex digits; empty for every tag.",
    },
    Setting {
        name: "start_input",
        form: Form::Whole { default: 0, from: 0, to: 255 },
        says: "Input of the photo-eye that starts the reading when it is interrupted (its contact closes); 0 reads all \
               the time.",
    },
    Setting {
        name: "stop_input",
        form: Form::Whole { default: 0, from: 0, to: 255 },
        says: "Input of the photo-eye that ends the reading; 0 reads until `read_at_most_s` is over.",
    },
    Setting {
        name: "read_at_most_s",
        form: Form::Whole { default: 10, from: 1, to: 3600 },
        says: "Seconds after which a reading that a photo-eye started ends in any case.",
    },
    Setting {
        name: "inputs",
        form: Form::Word(&["closed_is_high", "closed_is_low", "ignored"]),
        says: "What the level of an input says of the contact behind it; \"ignored\" reports no contacts.",
    },
    Setting {
        name: "good_output",
        form: Form::Whole { default: 0, from: 0, to: 255 },
        says: "Output of the lamp or buzzer that says that an act was recorded; 0 for none.",
    },
    Setting {
        name: "bad_output",
        form: Form::Whole { default: 0, from: 0, to: 255 },
        says: "Output of the lamp or buzzer that says that a person must look; 0 for none.",
    },
    Setting {
        name: "signal_ms",
        form: Form::Whole { default: 1000, from: 50, to: 60_000 },
        says: "Milliseconds for which such an output is switched on.",
    },
    Setting {
        name: "report_every",
        form: Form::Whole { default: 1, from: 1, to: 1000 },
        says: "Tags in one report of the reader; 1 is quickest. What waits for a fuller report is fetched once a second.",
    },
    Setting {
        name: "hold",
        form: Form::Flag(true),
        says: "Whether the reader keeps what it reads while the network is down, where it can.",
    },
    Setting {
        name: "keepalive_s",
        form: Form::Whole { default: 3, from: 1, to: 8 },
        says: "Seconds between the reader's signs of life; after two and a half times as long without one it counts as lost.",
    },
    Setting {
        name: "version",
        form: Form::Word(&["1.0.1", "1.1"]),
        says: "Version of LLRP: \"1.0.1\" speaks every reader; \"1.1\" is tried, and left where the reader refuses it.",
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
