//! UHF reader modules of the M100, YRM100 and R200 kind on a serial line (115200 8N1).
//!
//! Two dialects share all payloads: `BB .. 7E` (M100, YRM100) and `AA .. DD` (R200 boards).
//! Source: R200 user protocol V2.3.3, sections 1 to 3; the M100 command set as in anteploon/yrm100lib.

pub mod command;
mod doing;
pub mod frame;
pub mod message;
mod plan;
pub mod session;

use crate::device::{Codec, Cut, Dialect as Named, Family, Link, Reads, Serial};
use crate::r200::frame::{Dialect, FrameError, Kind};
use crate::r200::message::Message;
use crate::settings::{Form, Setting};
use crate::{hex, simulator};
use serde_json::{Value, json};

pub static FAMILY: Family = Family {
    name: "r200",
    reads: &[Reads::Tags],
    link: Link::Serial(Serial::of(115_200)),
    // CH340, CH9102, CP210x.
    usb_ids: &[(0x1A86, 0x7523), (0x1A86, 0x55D4), (0x10C4, 0xEA60)],
    description: "UHF reader module R200, M100 or YRM100 on a serial line",
    settings: SETTINGS,
    session: |settings| Ok(Box::new(session::R200::new(session::Settings::of(settings)))),
    simulator: |settings, script, seed| Box::new(simulator::r200::Module::set(settings, script, seed)),
    codec: Codec { dialects: &["m100", "r200"], cut, decode },
};

const SETTINGS: &[Setting] = &[
    Setting {
        name: "dialect",
        form: Form::Word(&["auto", "m100", "r200"]),
        says: "How its frames begin: BB with \"m100\", AA with \"r200\"; \"auto\" tries both.",
    },
    Setting {
        name: "region",
        form: Form::Word(&["module", "china_900", "china_800", "us", "europe", "korea"]),
        says: "Radio rules of the country; \"module\" leaves what the module has.",
    },
    Setting {
        name: "power_dbm",
        form: Form::Whole { default: 15, from: 0, to: 33 },
        says: "Sending power in dBm; 0 leaves the module's own. Low on a pad, so that it reads what lies on it and nothing \
               beside it.",
    },
    Setting {
        name: "session",
        form: Form::Word(&["module", "0", "1", "2", "3"]),
        says: "Gen2 session. In 0 a tag answers again and again while it is in the field, in 1 it is silent for half a \
               second to five seconds after each answer, in 2 and 3 for longer; \"module\" leaves what the module has.",
    },
    Setting {
        name: "q",
        form: Form::Whole { default: -1, from: -1, to: 15 },
        says: "Slots of a round as a power of two: 4 is right for some 16 tags at once; -1 leaves the module's own.",
    },
];

fn dialect(named: Named) -> Option<Dialect> {
    match named {
        Some("m100") => Some(Dialect::M100),
        Some(_) => Some(Dialect::R200),
        None => None,
    }
}

fn cut(bytes: &[u8], named: Named) -> Cut {
    let only = dialect(named);
    let begins = |byte: &u8| Dialect::of_header(*byte).is_some_and(|found| only.is_none_or(|only| only == found));
    match bytes.iter().position(begins) {
        None if bytes.is_empty() => Cut::Incomplete,
        None => Cut::Noise(bytes.len()),
        Some(0) => match frame::parse(bytes, only) {
            Ok((_, used)) => Cut::Message(used),
            Err(FrameError::Incomplete { .. }) => Cut::Incomplete,
            Err(_) => Cut::Noise(1),
        },
        Some(noise) => Cut::Noise(noise),
    }
}

fn decode(bytes: &[u8], named: Named) -> Result<Value, String> {
    let (frame, used) = frame::parse(bytes, dialect(named)).map_err(|error| error.to_string())?;
    if used < bytes.len() {
        return Err(format!("{} bytes follow the frame", bytes.len() - used));
    }
    let message = message::message(&frame).map_err(|error| error.to_string())?;
    let mut fields = json!({
        "dialect": if frame.dialect == Dialect::M100 { "m100" } else { "r200" },
        "type": match frame.kind {
            Kind::Command => "command",
            Kind::Response => "response",
            Kind::Notification => "notification",
        },
        "cmd": frame.command,
    });
    let more = match message {
        Message::Tag { rssi_dbm, pc, epc, crc, crc_ok } => json!({
            "rssi_dbm": rssi_dbm, "pc": pc, "epc": hex::encode(&epc), "epc_crc": crc, "epc_crc_ok": crc_ok,
        }),
        Message::Failure { fault, tag } => json!({
            "error": fault.0, "error_name": fault.name(), "meaning": fault.to_string(),
            "pc": tag.as_ref().map(|tag| tag.pc), "epc": tag.map(|tag| hex::encode(&tag.epc)),
        }),
        Message::ModuleInfo { what, text } => json!({"info_type": what, "text": text}),
        Message::Memory { tag, data } => {
            json!({"pc": tag.pc, "epc": hex::encode(&tag.epc), "data": hex::encode(&data)})
        }
        Message::Written { tag, status, .. } => json!({"pc": tag.pc, "epc": hex::encode(&tag.epc), "status": status}),
        Message::Done { status, .. } => json!({"status": status}),
        Message::Query(query) => json!({
            "dr": u8::from(query.divide), "m": query.coding, "trext": u8::from(query.pilot), "sel": query.selected,
            "session": query.session, "target": if query.target_b { "B" } else { "A" }, "q": query.q,
        }),
        Message::Power { centi_dbm } => json!({"dbm": f64::from(centi_dbm) / 100.0}),
        Message::Region(region) => json!({"region": region}),
        Message::Channel(channel) => json!({"channel": channel}),
        Message::Demodulator { mixer, amplifier, threshold } => {
            json!({"mixer_gain": mixer, "if_gain": amplifier, "threshold": threshold})
        }
        Message::Strengths { first, last, dbm, .. } => {
            json!({"first_channel": first, "last_channel": last, "dbm": dbm})
        }
        Message::Pin { operation, pin, value } => json!({"operation": operation, "pin": pin, "value": value}),
        Message::Other { parameters, .. } | Message::Command { parameters, .. } => {
            json!({"params_hex": hex::encode(&parameters)})
        }
    };
    if let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), more) {
        fields.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
    }
    Ok(fields)
}
