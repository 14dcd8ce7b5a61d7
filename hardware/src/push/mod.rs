//! Readers that push: JSON over whatever carries it (an HTTP webhook, an HTTP stream, MQTT).
//!
//! Three shapes are understood and told apart by themselves: the Impinj reader interface (R700), the Zebra IoT connector and
//! Impinj Speedway Connect. Objects may come one a line, glued without a separator, or as an array. Sources: the vendors'
//! interfaces as public consumers of them read them (impinj-iot-device-interface samples, Zebra IoT connector payload
//! references).

mod read;
mod session;

use serde_json::Value;

use crate::device::{Codec, Cut, Dialect, Family, Link, Reads};
use crate::settings::{Form, Setting};
use crate::simulator;

pub use read::Said;
pub use session::Push;

/// Longest object, in bytes. Those of the readers have some hundred.
pub const VALUE_MAX: usize = 64 * 1024;

pub static FAMILY: Family = Family {
    name: "push",
    reads: &[Reads::Tags],
    link: Link::Push,
    usb_ids: &[],
    description: "UHF readers that push JSON: Impinj R700, Zebra IoT connector, Speedway Connect",
    settings: SETTINGS,
    session: |settings| Ok(Box::new(Push::new(settings))),
    simulator: |settings, script, seed| Box::new(simulator::push::Reader::new(settings, script, seed)),
    codec: Codec { dialects: &[], cut, decode },
};

const SETTINGS: &[Setting] = &[
    Setting {
        name: "silent_s",
        form: Form::Whole { default: 0, from: 0, to: 86_400 },
        says: "Seconds without a word after which the reader counts as lost; 0 for never. Set it to some three heartbeats of \
               a reader that sends them: most say nothing while nothing passes.",
    },
    Setting {
        name: "user",
        form: Form::Text(""),
        says: "The user that an HTTP stream or a broker asks for; empty for none.",
    },
    Setting {
        name: "password",
        form: Form::Secret,
        says: "The password of that user; for a webhook the token that the reader must send as \"Authorization: Bearer\".",
    },
    Setting {
        name: "pin",
        form: Form::Text(""),
        says: "\"sha256:\" and the hex digits of the CA certificate of the reader or broker; needed where TLS is spoken.",
    },
    Setting {
        name: "shape",
        form: Form::Word(&["auto", "impinj", "zebra", "speedway"]),
        says: "The shape of the objects; \"auto\" tells them apart. A simulated reader speaks Impinj's then.",
    },
];

/// Objects stand one after the other; blanks, commas and the brackets of an array may stand between them.
fn cut(bytes: &[u8], _: Dialect) -> Cut {
    let between = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b'[' | b']');
    match bytes.iter().position(|byte| !between(byte)) {
        None if bytes.is_empty() => return Cut::Incomplete,
        None => return Cut::Blank(bytes.len()),
        Some(start) if 0 < start => return Cut::Blank(start),
        Some(_) => (),
    }
    match bytes.iter().position(|&byte| byte == b'{') {
        None => Cut::Noise(bytes.len()),
        Some(0) => object(bytes),
        Some(noise) => Cut::Noise(noise),
    }
}

/// Deepest nesting; the readers' objects have two levels.
const DEPTH_MAX: u32 = 32;

/// The object at the front of `bytes`, by its brackets. What JSON cannot continue with is noise at once: a message that
/// broke off must not swallow the next.
fn object(bytes: &[u8]) -> Cut {
    // One bit a level: whether it is an object.
    let (mut levels, mut depth) = (0_u32, 0_u32);
    let (mut in_string, mut escaped) = (false, false);
    let mut before = b':';
    for (at, &byte) in bytes.iter().enumerate() {
        if VALUE_MAX < at {
            return Cut::Noise(at);
        }
        if in_string {
            match (escaped, byte) {
                (_, 0..0x20) => return Cut::Noise(1),
                (true, _) => escaped = false,
                (false, b'\\') => escaped = true,
                (false, b'"') => in_string = false,
                (false, _) => (),
            }
            continue;
        }
        let in_object = levels & 1 == 1;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            b'{' | b'[' => {
                let value_follows = before == b':' || (!in_object && matches!(before, b'[' | b','));
                if !value_follows || depth == DEPTH_MAX {
                    return Cut::Noise(1);
                }
                (levels, depth) = (levels << 1 | u32::from(byte == b'{'), depth + 1);
            }
            b'}' | b']' => {
                if in_object != (byte == b'}') {
                    return Cut::Noise(1);
                }
                (levels, depth) = (levels >> 1, depth - 1);
                if depth == 0 {
                    return Cut::Message(at + 1);
                }
            }
            b'"' => in_string = true,
            b':' | b',' | b'+' | b'-' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'E' => (),
            _ => return Cut::Noise(1),
        }
        before = byte;
    }
    Cut::Incomplete
}

/// What an object says.
fn decode(bytes: &[u8], _: Dialect) -> Result<Value, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("this is not JSON: {error}"))?;
    Ok(read::said(&value).json())
}
