//! ThingMagic modules M6E, M7E and their kin with the serial Mercury protocol (115200 8N1).
//!
//! Source: sparkfun/SparkFun_Simultaneous_RFID_Tag_Reader_Library, and the names of the Mercury API that it quotes
//! (serial_reader_imp.h).

pub mod frame;
pub mod message;
pub mod request;
mod session;

use serde_json::{Value, json};

use crate::device::{Codec, Cut, Family, Link, Reads, Serial};
use crate::dialogue::Dialogue;
use crate::mercury::frame::FrameError;
use crate::mercury::message::{Message, Record};
use crate::settings::{Form, Setting};
use crate::{hex, simulator};

pub static FAMILY: Family = Family {
    name: "mercury",
    reads: &[Reads::Tags],
    link: Link::Serial(Serial::of(115_200)),
    // CH340, CP210x, FT232.
    usb_ids: &[(0x1A86, 0x7523), (0x10C4, 0xEA60), (0x0403, 0x6001)],
    description: "UHF reader module ThingMagic M6E or M7E (SparkFun Simultaneous RFID Reader and others)",
    settings: SETTINGS,
    session: |settings| Ok(Box::new(Dialogue::new(session::Mercury::set(settings)))),
    simulator: |settings, script, seed| Box::new(simulator::mercury::set(settings, script, seed)),
    codec: Codec { dialects: &[], cut: |bytes, _| cut(bytes), decode: |bytes, _| decode(bytes) },
};

const SETTINGS: &[Setting] = &[
    Setting {
        name: "region",
        form: Form::Word(&[
            "module",
            "china_900",
            "us",
            "us_2",
            "us_3",
            "europe",
            "korea",
            "japan",
            "india",
            "australia",
            "new_zealand",
            "open",
        ]),
        says: "Radio rules of the country; \"module\" leaves what the module has, and most have none until they are told. \
               A Nano knows North America as \"us_2\" and \"us_3\".",
    },
    Setting {
        name: "antennas",
        form: Form::Wholes { from: 1, to: 15 },
        says: "Numbers of the antennas to use; empty for the first. Several are read in turn.",
    },
    Setting {
        name: "power_dbm",
        form: Form::Whole { default: 0, from: 0, to: 31 },
        says: "Sending power in dBm for reading and writing; 0 leaves the module's own. A module on USB power alone needs 20 \
               or less.",
    },
];

/// Both what a module says and what a host says; the module first, for that is what a host hears.
fn cut(bytes: &[u8]) -> Cut {
    match heard(bytes) {
        Cut::Noise(1) => frame::parse_command(bytes).map_or(Cut::Noise(1), |(_, used)| Cut::Message(used)),
        cut => cut,
    }
}

/// What a module says.
fn heard(bytes: &[u8]) -> Cut {
    match bytes.iter().position(|&byte| byte == frame::HEAD) {
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
    let (frame, used) = match (frame::parse(bytes), frame::parse_command(bytes)) {
        (Ok(found), _) => found,
        (Err(_), Ok((command, used))) if used == bytes.len() => {
            return Ok(json!({"kind": "command", "opcode": command.opcode, "data": hex::encode(command.data)}));
        }
        (Err(error), _) => return Err(error.to_string()),
    };
    if used < bytes.len() {
        return Err(format!("{} bytes follow the frame", bytes.len() - used));
    }
    let message =
        message::message(&frame).ok_or_else(|| format!("{} bytes of data are no tag record", frame.data.len()))?;
    let mut fields = json!({"opcode": frame.opcode, "status": frame.status});
    if let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), describe(&message)) {
        fields.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
    }
    Ok(fields)
}

fn describe(message: &Message<'_>) -> Value {
    match *message {
        Message::Tag(Record {
            count,
            rssi_dbm,
            antenna: [tx, rx],
            frequency_khz,
            since,
            phase_degrees,
            protocol,
            data,
            pc,
            epc,
            crc,
            crc_ok,
        }) => json!({
            "kind": "tag", "read_count": count, "rssi_dbm": rssi_dbm, "antenna_tx": tx, "antenna_rx": rx,
            "freq_khz": frequency_khz, "timestamp_ms": since, "phase": phase_degrees, "protocol": protocol,
            "embedded_data": hex::encode(data), "pc": pc, "epc": hex::encode(epc), "epc_crc": crc, "epc_crc_ok": crc_ok,
        }),
        Message::KeepAlive => json!({"kind": "keepalive"}),
        Message::Hot => json!({"kind": "thermal_throttle"}),
        Message::ReturnLoss => json!({"kind": "high_return_loss"}),
        Message::Temperature(data) => json!({"kind": "temperature", "data": hex::encode(data)}),
        Message::Answer { status, data } => json!({
            "kind": "response", "data": hex::encode(data),
            "meaning": (status.0 != 0).then(|| status.to_string()),
        }),
    }
}
