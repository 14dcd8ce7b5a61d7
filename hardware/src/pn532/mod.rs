//! PN532: a reader of 13.56 MHz cards on a serial line (HSU, 115200 8N1).

pub mod frame;
pub mod session;

use serde_json::{Value, json};

use crate::device::{Codec, Cut, Dialect, Family, Link, Reads, Serial};
use crate::pn532::frame::{Frame, FrameError, Side};
use crate::settings::{Form, Setting};
use crate::{hex, simulator};

pub static FAMILY: Family = Family {
    name: "pn532",
    reads: &[Reads::Cards],
    link: Link::Serial(Serial::of(115_200)),
    // CH340, CP210x and FTDI adapters.
    usb_ids: &[(0x1A86, 0x7523), (0x10C4, 0xEA60), (0x0403, 0x6001)],
    description: "reader PN532 of 13.56 MHz cards (MIFARE, NTAG, DESFire) on a serial line",
    settings: &[
        Setting {
            name: "poll_ms",
            form: Form::Whole { default: 100, from: 20, to: 5000 },
            says: "Pause between two looks for a card, in milliseconds.",
        },
        Setting {
            name: "gone_ms",
            form: Form::Whole { default: 500, from: 100, to: 10_000 },
            says: "A card that was not seen for so many milliseconds is gone; held again it is read again. Longer than a look, \
                   which takes some 100 ms.",
        },
    ],
    session: |settings| Ok(Box::new(session::Pn532::new(session::Settings::of(settings)))),
    simulator: |_, script, seed| Box::new(simulator::pn532::Reader::new(script, seed)),
    codec: Codec { dialects: &[], cut, decode },
};

/// The commands that are used.
pub mod code {
    pub const FIRMWARE: u8 = 0x02;
    pub const BAUD_RATE: u8 = 0x10;
    pub const SAM_CONFIGURATION: u8 = 0x14;
    pub const RF_CONFIGURATION: u8 = 0x32;
    pub const IN_DATA_EXCHANGE: u8 = 0x40;
    pub const IN_LIST_PASSIVE_TARGET: u8 = 0x4A;
    pub const IN_RELEASE: u8 = 0x52;
}

/// A card of ISO/IEC 14443 type A, as the chip lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub number: u8,
    pub atqa: u16,
    pub sak: u8,
    pub uid: Vec<u8>,
}

impl Target {
    /// What such a card probably is (NXP AN10833).
    pub fn hint(&self) -> Option<&'static str> {
        match self.sak {
            0x08 | 0x88 => Some("MIFARE Classic 1K"),
            0x18 => Some("MIFARE Classic 4K"),
            0x09 => Some("MIFARE Mini"),
            0x00 => Some("NTAG/Ultralight"),
            sak if sak & 0x20 != 0 => Some("ISO14443-4 (DESFire)"),
            _ => None,
        }
    }
}

/// The cards in the answer to InListPassiveTarget for 106 kbit/s type A; `None` when it is none.
pub fn targets(data: &[u8]) -> Option<Vec<Target>> {
    let (&count, mut rest) = data.split_first()?;
    let mut found = Vec::new();
    for _ in 0..count.min(2) {
        let &[number, a, b, sak, length, ref behind @ ..] = rest else { return None };
        let (uid, behind) = behind.split_at_checked(length.into()).filter(|_| matches!(length, 4 | 7 | 10))?;
        found.push(Target { number, atqa: u16::from_be_bytes([a, b]), sak, uid: uid.to_vec() });
        // A card with protocol adds its ATS, whose first byte is its length.
        let ats = behind.first().filter(|_| sak & 0x20 != 0).map_or(0, |&length| usize::from(length));
        rest = behind.get(ats..)?;
    }
    Some(found)
}

fn cut(bytes: &[u8], _: Dialect) -> Cut {
    match frame::parse(bytes) {
        Ok((_, len)) => Cut::Message(len),
        Err(FrameError::Incomplete) => Cut::Incomplete,
        Err(_) => Cut::Noise(1),
    }
}

fn decode(bytes: &[u8], _: Dialect) -> Result<Value, String> {
    let (frame, len) = frame::parse(bytes).map_err(|error| error.to_string())?;
    if len < bytes.len() {
        return Err(format!("{} bytes follow the frame", bytes.len() - len));
    }
    Ok(match frame {
        Frame::Ack => json!({"kind": "ack"}),
        Frame::Nack => json!({"kind": "nack"}),
        Frame::Error => json!({"kind": "error"}),
        Frame::Data { from: Side::Host, code, data } => {
            json!({"kind": "command", "cmd": code, "data": hex::encode(data)})
        }
        Frame::Data { from: Side::Chip, code, data } => response(code.wrapping_sub(1), data),
    })
}

fn response(command: u8, data: &[u8]) -> Value {
    let listed = if command == code::IN_LIST_PASSIVE_TARGET { targets(data) } else { None };
    match (command, data) {
        (code::FIRMWARE, &[ic, version, revision, support]) => json!({
            "kind": "response", "cmd": command, "ic": ic, "version": version, "revision": revision, "support": support,
        }),
        (code::IN_DATA_EXCHANGE, [status, data @ ..]) => json!({
            "kind": "response", "cmd": command, "status": status, "data": hex::encode(data),
        }),
        _ => match listed {
            Some(targets) => {
                let target = |target: Target| {
                    json!({
                        "tg": target.number, "atqa": target.atqa, "sak": target.sak, "uid": hex::encode(&target.uid),
                        "type_hint": target.hint(),
                    })
                };
                json!({
                    "kind": "response", "cmd": command, "targets": targets.into_iter().map(target).collect::<Vec<_>>(),
                })
            }
            None => json!({"kind": "response", "cmd": command, "data": hex::encode(data)}),
        },
    }
}
