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

/// Longest JSON value, in bytes. Readers send batches of some kilobytes; a webhook posts at most some hundred tags.
pub const VALUE_MAX: usize = 512 * 1024;

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

fn cut(bytes: &[u8], _: Dialect) -> Cut {
    let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == b',';
    let begins = |byte: &u8| matches!(byte, b'{' | b'[');
    match bytes.iter().position(|byte| !blank(byte)) {
        // Blanks between two values are part of neither.
        Some(start) if 0 < start => return Cut::Blank(start),
        None if !bytes.is_empty() => return Cut::Blank(bytes.len()),
        Some(_) | None => (),
    }
    match bytes.iter().position(begins) {
        None if bytes.is_empty() => Cut::Incomplete,
        None => Cut::Noise(bytes.len()),
        Some(0) => value(bytes),
        Some(noise) => Cut::Noise(noise),
    }
}

/// The JSON value at the front of `bytes`, which begin with one.
fn value(bytes: &[u8]) -> Cut {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<serde::de::IgnoredAny>();
    match values.next() {
        Some(Ok(_)) if values.byte_offset() <= VALUE_MAX => Cut::Message(values.byte_offset()),
        Some(Err(error)) if error.is_eof() && bytes.len() <= VALUE_MAX => Cut::Incomplete,
        Some(_) | None => Cut::Noise(1),
    }
}

/// What a value says: its tags, heartbeats and whatever else.
fn decode(bytes: &[u8], _: Dialect) -> Result<Value, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("this is not JSON: {error}"))?;
    let said: Vec<Value> = read::all(&value).iter().map(Said::json).collect();
    Ok(match <[Value; 1]>::try_from(said) {
        Ok([one]) => one,
        Err(many) => serde_json::json!({"kind": "batch", "events": many}),
    })
}
