//! Fixed UHF readers and modules on the Impinj R2000 chip that speak the "A0" protocol, on a serial line (115200 8N1) or
//! on TCP.
//!
//! Source: hex-in/pyImpinj (protocol.py, enums.py); the layouts of 8 antennas as public parsers of such readers have them.

pub mod frame;
pub mod message;
pub mod request;
mod session;

use serde_json::{Value, json};

use crate::device::{Codec, Cut, Dialect, Family, Link, Reads, Serial};
use crate::dialogue::Dialogue;
use crate::r2000::frame::{Frame, FrameError};
use crate::r2000::message::{Air, Fault, Message, Named, Ports};
use crate::settings::{Form, Setting};
use crate::{hex, simulator};

pub static FAMILY: Family = Family {
    name: "r2000",
    reads: &[Reads::Tags],
    link: Link::Serial(Serial::of(115_200)),
    // CP210x, CH340, FT232.
    usb_ids: &[(0x10C4, 0xEA60), (0x1A86, 0x7523), (0x0403, 0x6001)],
    description: "UHF reader on the Impinj R2000 chip with the \"A0\" protocol, 1 to 8 antennas",
    settings: SETTINGS,
    session: |settings| Ok(Box::new(Dialogue::new(session::R2000::set(settings)?))),
    simulator: |settings, script, seed| Box::new(simulator::r2000::set(settings, script, seed)),
    codec: Codec { dialects: &["4-port", "8-port"], cut: |bytes, _| cut(bytes), decode },
};

const SETTINGS: &[Setting] = &[
    Setting {
        name: "antennas",
        form: Form::Wholes { from: 1, to: 8 },
        says: "Numbers of the antennas to use; empty for the one that the reader works with. Several are read in turn.",
    },
    Setting {
        name: "ports",
        form: Form::Word(&["4", "8"]),
        says: "Antenna sockets that the firmware counts. With the wrong number antennas and signal strengths are wrong.",
    },
    Setting {
        name: "region",
        form: Form::Word(&["module", "china_900", "us", "europe"]),
        says: "Radio rules of the country; \"module\" leaves what the reader has.",
    },
    Setting {
        name: "power_dbm",
        form: Form::Whole { default: 0, from: 0, to: 33 },
        says: "Sending power in dBm on every antenna; 0 leaves the reader's own. It is stored in the reader, and only written \
               when it differs.",
    },
    Setting {
        name: "session",
        form: Form::Whole { default: 0, from: 0, to: 3 },
        says: "Gen2 session, with one antenna. 0 reads a tag again and again while it is in the field; in 1 it is silent for \
               half a second to five seconds after each read, in 2 and 3 for longer.",
    },
    Setting {
        name: "address",
        form: Form::Whole { default: 255, from: 0, to: 255 },
        says: "Address of the reader on a line with several; 255 asks whoever is there.",
    },
];

pub(crate) fn cut(bytes: &[u8]) -> Cut {
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

fn decode(bytes: &[u8], dialect: Dialect) -> Result<Value, String> {
    let (frame, used) = frame::parse(bytes).map_err(|error| error.to_string())?;
    if used < bytes.len() {
        return Err(format!("{} bytes follow the frame", bytes.len() - used));
    }
    let ports = if dialect == Some("8-port") { Ports::Eight } else { Ports::Four };
    let message = message::message(&frame, ports).ok_or_else(|| {
        format!("{} bytes of data do not fit an answer to command {:02X}", frame.data.len(), frame.command)
    })?;
    let mut fields = json!({"cmd": frame.command, "address": frame.address});
    if let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), describe(&frame, &message)) {
        fields.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
    }
    Ok(fields)
}

fn describe(frame: &Frame<'_>, message: &Message<'_>) -> Value {
    match *message {
        Message::Tag { air, pc, epc } => json!({
            "kind": "tag", "antenna": air.antenna, "freq_index": air.channel, "freq_mhz": mhz(air),
            "pc": pc, "epc": hex::encode(epc), "rssi_dbm": air.rssi_dbm,
        }),
        Message::Round { antenna, tags_per_second, reads } => {
            json!({"kind": "done", "antenna": antenna, "read_rate": tags_per_second, "total_read": reads})
        }
        Message::FastRound { reads, duration_ms } => {
            json!({"kind": "done", "total_read": reads, "duration_ms": duration_ms})
        }
        Message::Kept { antenna, tags, tags_per_second, reads } => json!({
            "kind": "done", "antenna": antenna, "tag_count": tags, "read_rate": tags_per_second, "total_read": reads,
        }),
        Message::Buffered { tag, air, reads } => {
            let mut fields = described(&tag, air);
            fields["rssi_dbm"] = air.rssi_dbm.into();
            fields["read_count"] = reads.into();
            fields
        }
        Message::Memory { tag, air, reads } => {
            let mut fields = described(&tag, air);
            fields["data"] = hex::encode(tag.data).into();
            fields["read_count"] = reads.into();
            fields
        }
        Message::Changed { tag, result, air, times } => {
            let mut fields = described(&tag, air);
            fields["error"] = result.0.into();
            fields["error_name"] = result.name().into();
            fields["write_count"] = times.into();
            fields
        }
        Message::Failed { fault, antenna } => json!({
            "kind": "error", "error": fault.0, "error_name": fault.name(), "meaning": fault.to_string(),
            "antenna": antenna,
        }),
        Message::Data(data) => {
            let result = match *data {
                [code] if request::sets(frame.command) => Some(Fault(code).name()),
                _ => None,
            };
            json!({"kind": "data", "data": hex::encode(data), "result": result})
        }
    }
}

/// The fields of a tag that was kept, read or written.
fn described(tag: &Named<'_>, air: Air) -> Value {
    json!({
        "kind": "tag", "tag_count": tag.tags, "pc": tag.pc, "epc": hex::encode(tag.epc), "epc_crc": tag.crc,
        "epc_crc_ok": tag.crc_ok, "antenna": air.antenna, "freq_index": air.channel, "freq_mhz": mhz(air),
    })
}

fn mhz(air: Air) -> f64 {
    f64::from(air.frequency_khz()) / 1000.0
}
