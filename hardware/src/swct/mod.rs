//! UHF readers with the "SW" and "CT" heads (`53 57` and `43 54`), on a serial line (115200 8N1) or on TCP.
//!
//! Source: UHF RFID Reader User's Manual V2.0, sections 3 and 4.

pub mod frame;
pub mod message;
mod session;

use serde_json::{Value, json};

use crate::device::{Codec, Cut, Family, Link, Reads, Serial};
use crate::dialogue::Dialogue;
use crate::settings::{Form, Setting};
use crate::swct::frame::FrameError;
use crate::swct::message::{Message, Record, Records};
use crate::{hex, simulator};

pub static FAMILY: Family = Family {
    name: "swct",
    reads: &[Reads::Tags],
    link: Link::Serial(Serial::of(115_200)),
    // CH340, CP210x.
    usb_ids: &[(0x1A86, 0x7523), (0x10C4, 0xEA60)],
    description: "UHF reader whose frames begin with \"CT\" (43 54), 1 to 16 antennas, with a relay",
    settings: SETTINGS,
    session: |settings| Ok(Box::new(Dialogue::new(session::Swct::set(settings)))),
    simulator: |settings, script, seed| Box::new(simulator::swct::set(settings, script, seed)),
    codec: Codec { dialects: &[], cut: |bytes, _| cut(bytes), decode: |bytes, _| decode(bytes) },
};

const SETTINGS: &[Setting] = &[
    Setting {
        name: "mode",
        form: Form::Word(&["polled", "active"]),
        says: "\"polled\" asks for each round; \"active\" lets the reader report by itself.",
    },
    Setting {
        name: "region",
        form: Form::Word(&[
            "module",
            "china_900",
            "us",
            "europe",
            "korea",
            "australia",
            "singapore",
            "taiwan",
            "brazil",
            "israel",
            "south_africa",
            "malaysia",
        ]),
        says: "Radio rules of the country; \"module\" leaves what the reader has.",
    },
    Setting {
        name: "power_dbm",
        form: Form::Whole { default: 0, from: 0, to: 30 },
        says: "Sending power in dBm; 0 leaves the reader's own. It is stored in the reader, and only written when it differs.",
    },
    Setting {
        name: "address",
        form: Form::Whole { default: 255, from: 0, to: 255 },
        says: "Address of the reader on a line with several; 255 asks whoever is there.",
    },
];

/// Both what a reader says and what a host says.
fn cut(bytes: &[u8]) -> Cut {
    match bytes.first() {
        Some(&first) if first == frame::HOST[0] => match frame::parse_command(bytes) {
            Ok((_, used)) => Cut::Message(used),
            Err(FrameError::Incomplete { .. }) => Cut::Incomplete,
            Err(_) => Cut::Noise(1),
        },
        _ => heard(bytes),
    }
}

/// What a reader says.
fn heard(bytes: &[u8]) -> Cut {
    match bytes.iter().position(|&byte| byte == frame::READER[0] || byte == frame::HOST[0]) {
        None if bytes.is_empty() => Cut::Incomplete,
        None => Cut::Noise(bytes.len()),
        Some(0) => match frame::parse(bytes) {
            Ok((_, used)) => Cut::Message(used),
            Err(FrameError::Incomplete { .. }) => Cut::Incomplete,
            Err(_) => Cut::Noise(1),
        },
        Some(noise) => Cut::Noise(noise),
    }
}

fn decode(bytes: &[u8]) -> Result<Value, String> {
    if let Ok((command, used)) = frame::parse_command(bytes)
        && used == bytes.len()
    {
        let (address, data) = (command.address, hex::encode(command.data));
        return Ok(json!({"kind": "command", "address": address, "cmd": command.command, "data": data}));
    }
    let (frame, used) = frame::parse(bytes).map_err(|error| error.to_string())?;
    if used < bytes.len() {
        return Err(format!("{} bytes follow the frame", bytes.len() - used));
    }
    let message = message::message(&frame).ok_or("the lengths or antennas of the tags are impossible".to_owned())?;
    let mut fields = json!({"address": frame.address, "cmd": frame.command, "status": frame.status});
    let more = match message {
        Message::Round(tags) => json!({"tags": described(tags)}),
        Message::Active { serial, tags } => json!({"serial": hex::encode(serial), "tags": described(tags)}),
        Message::Heartbeat { serial } => json!({"kind": "heartbeat", "serial": hex::encode(serial)}),
        Message::Answer { data, .. } => json!({"data": hex::encode(data)}),
    };
    if let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), more) {
        fields.extend(more);
    }
    Ok(fields)
}

fn described(tags: Records<'_>) -> Vec<Value> {
    let one = |tag: Record<'_>| {
        json!({
            "type": tag.kind, "antenna": tag.antenna, "epc": hex::encode(tag.epc), "rssi": tag.rssi,
            "rssi_dbm": tag.rssi_dbm(),
        })
    };
    tags.map(one).collect()
}
