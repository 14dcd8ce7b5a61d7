//! UHFReader18 and what Chafon and others sell with its protocol, on a serial line (57600 8N1) or behind a bridge to TCP.
//!
//! Source: UHFReader18 user's manual V2.0, sections 3 to 8, as in xynogen/uhfreader18; heartbeat and active reports
//! after the captures there and in the Tasmota driver of L. Myravjev.

pub mod frame;
pub mod message;
mod session;

use serde_json::{Value, json};

use crate::device::{Codec, Cut, Family, Link, Reads, Serial};
use crate::dialogue::Dialogue;
use crate::reader18::frame::{Found, Frame, FrameError};
use crate::reader18::message::{Info, Status, code};
use crate::settings::{Form, Setting};
use crate::{hex, simulator};

pub static FAMILY: Family = Family {
    name: "chafon",
    reads: &[Reads::Tags],
    link: Link::Serial(Serial::of(57_600)),
    // CP210x, CH340, FT232.
    usb_ids: &[(0x10C4, 0xEA60), (0x1A86, 0x7523), (0x0403, 0x6001)],
    description: "UHF reader with the protocol of UHFReader18 (Chafon, HopeLand, Hw-Vx and others)",
    settings: SETTINGS,
    session: |settings| Ok(Box::new(Dialogue::new(session::Reader18::set(settings)))),
    simulator: |settings, script, seed| Box::new(simulator::reader18::set(settings, script, seed)),
    codec: Codec { dialects: &[], cut: |bytes, _| cut(bytes), decode: |bytes, _| decode(bytes) },
};

const SETTINGS: &[Setting] = &[
    Setting {
        name: "mode",
        form: Form::Word(&["polled", "active"]),
        says: "\"polled\" asks for each round; \"active\" lets the reader report by itself, as readers that push over TCP do.",
    },
    Setting {
        name: "region",
        form: Form::Word(&["module", "china_900", "us", "korea"]),
        says: "Radio rules of the country; \"module\" leaves what the reader has.",
    },
    Setting {
        name: "power_dbm",
        form: Form::Whole { default: 0, from: 0, to: 30 },
        says: "Sending power in dBm; 0 leaves the reader's own. It is stored in the reader, and only written when it differs.",
    },
    Setting {
        name: "scan_time_ms",
        form: Form::Whole { default: 300, from: 300, to: 25_500 },
        says: "Longest time of one round in steps of 100 ms. Longer finds more of many tags, and later.",
    },
    Setting {
        name: "address",
        form: Form::Whole { default: 255, from: 0, to: 255 },
        says: "Address of the reader on a line with several; 255 asks whoever is there.",
    },
];

pub(crate) fn cut(bytes: &[u8]) -> Cut {
    match frame::parse(bytes) {
        Ok((_, used)) => Cut::Message(used),
        Err(FrameError::Incomplete { .. }) => Cut::Incomplete,
        Err(_) => Cut::Noise(1),
    }
}

fn decode(bytes: &[u8]) -> Result<Value, String> {
    let (found, used) = frame::parse(bytes).map_err(|error| error.to_string())?;
    if used < bytes.len() {
        return Err(format!("{} bytes follow the frame", bytes.len() - used));
    }
    match found {
        Found::Heartbeat => Ok(json!({"kind": "heartbeat"})),
        Found::Bare { address, command } => Ok(json!({"kind": "command", "address": address, "cmd": command})),
        Found::Frame(frame) => answer(&frame),
    }
}

fn answer(&Frame { address, command, status, data }: &Frame<'_>) -> Result<Value, String> {
    let mut fields =
        json!({"address": address, "cmd": command, "status": status, "status_name": Status(status).name()});
    match command {
        code::INVENTORY | code::SINGLE => {
            let epcs = match (Status(status).brings_tags(), message::epcs(data)) {
                (true, Some(epcs)) => epcs.map(hex::encode).collect(),
                (true, None) => return Err("the lengths of the EPCs do not fit the frame".into()),
                (false, _) => Vec::new(),
            };
            fields["epcs"] = epcs.into();
        }
        code::INFO => {
            fields["data"] = hex::encode(data).into();
            if let Some(info) = Info::of(data) {
                let [major, minor] = info.version;
                fields["version"] = format!("{major}.{minor}").into();
                fields["type"] = info.kind.into();
                fields["protocol"] = info.protocols.into();
                fields["max_freq"] = info.channels[0].into();
                fields["min_freq"] = info.channels[1].into();
                fields["power"] = info.power_dbm.into();
                fields["scan_time"] = info.scan_time.into();
            }
        }
        _ => {
            fields["data"] = hex::encode(data).into();
            if let (Status::TAG_ERROR, &[code]) = (Status(status), data) {
                fields["tag_error"] = code.into();
                fields["meaning"] = message::tag_error(code).into();
            }
        }
    }
    Ok(fields)
}
