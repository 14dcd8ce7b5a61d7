//! A serial bar code scanner: bytes in, symbols out.
//!
//! A scanner has no protocol to speak of: it sends the text of a symbol between a prefix and a suffix, and what
//! these are is a setting of the scanner. [`Framing`] is the same setting on this side. Scanners of three vendors can
//! be told a few things ([`host`]).
//!
//! Nothing protects the text on the line, so the rules are strict where noise could pass for a code:
//! - Without a prefix a line that begins with NUL (a break on the wire) or holds a control byte which no printed
//!   label uses is noise. NUL, TAB, LF, CR, EOT, FS, GS, RS and US are used (ISO/IEC 15434, GS1). With a prefix the
//!   code is framed on both sides and may hold any byte; a scanner that reads binary symbols needs one.
//! - What was pending when the link was opened anew is noise: half a code is never a read.

pub mod framing;
pub mod host;
pub mod session;

use serde_json::{Value, json};

use crate::aim::AimMode;
use crate::device::{Codec, Cut, Dialect, Family, Link, Reads, Serial};
use crate::event::Aim;
use crate::scanner::framing::{Framing, LENGTH_MAX};
use crate::scanner::host::Host;
use crate::scanner::session::Scanner;
use crate::settings::{Form, Setting};
use crate::{aim, hex, simulator};

pub static FAMILY: Family = Family {
    name: "scanner",
    reads: &[Reads::Symbols],
    link: Link::Serial(Serial::of(9600)),
    // Zebra, Newland.
    usb_ids: &[(0x05E0, 0x1701), (0x1EAB, 0x0C06)],
    description: "bar code scanner on a serial line (USB-CDC or RS-232)",
    settings: SETTINGS,
    session: |settings| match Scanner::new(Framing::of(settings)) {
        Ok(scanner) => Ok(Box::new(scanner.commanded(Host::of(&settings.text("commands"))))),
        Err(error) => Err(error.to_string()),
    },
    simulator: |settings, script, seed| Box::new(simulator::scanner::Scanner::set(settings, script, seed)),
    codec: Codec { dialects: &[], cut, decode },
};

const SETTINGS: &[Setting] = &[
    Setting {
        name: "prefix",
        form: Form::Text(""),
        says: "What the scanner sends before each code; \"\" for nothing.",
    },
    Setting {
        name: "terminators",
        form: Form::Texts(&["\r", "\n"]),
        says: "What ends a code; the longest that fits counts. An LF behind a CR belongs to it.",
    },
    Setting {
        name: "idle_ms",
        form: Form::Whole { default: 0, from: 0, to: 5000 },
        says: "A pause of so many milliseconds ends a code too; 0 for never. For scanners without a suffix: 50 over USB, \
               more over 9600 baud.",
    },
    Setting {
        name: "max_len",
        form: Form::Whole { default: 8192, from: 1, to: 65_536 },
        says: "Longest code in bytes; a longer one is noise. The largest QR code holds 7089.",
    },
    Setting {
        name: "strip_parity",
        form: Form::Flag(false),
        says: "true for a scanner that sends 7 bits with parity over a line set to 8.",
    },
    Setting {
        name: "aim",
        form: Form::Word(AimMode::WORDS),
        says: "AIM identifier in front of the code (]d2 and such). Switch it on in the scanner: it tells a GS1 code from \
               a text that looks alike.",
    },
    Setting {
        name: "commands",
        form: Form::Word(Host::WORDS),
        says: "Whose commands the scanner understands, so that it can be told to beep and asked who it is; \"none\" sends it \
               nothing.",
    },
];

/// A line of a captured stream with its end, or a reply of the scanner.
fn cut(bytes: &[u8], _: Dialect) -> Cut {
    let ends = |byte: &u8| matches!(byte, b'\r' | b'\n');
    if let Some(&first) = bytes.first()
        && ends(&first)
    {
        return Cut::Noise(1);
    }
    if bytes.starts_with(&[1, 2]) {
        return match bytes.windows(2).position(|pair| pair == [3, 4]) {
            Some(end) => Cut::Message(end + 2),
            None if host::REPLY_MAX < bytes.len() => Cut::Noise(1),
            None => Cut::Incomplete,
        };
    }
    let line = bytes.split(ends).next().unwrap_or(bytes);
    if let Some(end) = (2..=line.len()).find(|&end| line.get(..end).is_some_and(host::ends_reply)) {
        return Cut::Message(end);
    }
    match bytes.iter().position(ends) {
        Some(end) if bytes.get(end..end + 2) == Some(b"\r\n") => Cut::Message(end + 2),
        Some(end) => Cut::Message(end + 1),
        None if LENGTH_MAX < bytes.len() => Cut::Noise(bytes.len()),
        None => Cut::Incomplete,
    }
}

/// What a scanner sent: a reply, or a code with its AIM identifier apart.
fn decode(bytes: &[u8], _: Dialect) -> Result<Value, String> {
    if let Some(replies) = host::replies(bytes) {
        let replies: Vec<Value> =
            replies.iter().map(|(command, status)| json!({"cmd": command, "status": status.name()})).collect();
        return Ok(json!({"vendor": "honeywell", "replies": replies}));
    }
    if let Some(Some(text)) = host::framed(bytes) {
        return Ok(json!({"vendor": "datalogic", "text": String::from_utf8_lossy(text)}));
    }
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let (found, payload) = match aim::split(bytes) {
        Some((found, payload)) => (Some(found), payload),
        None => (None, bytes),
    };
    Ok(json!({
        "present": found.is_some(),
        "code": found.map(|aim| char::from(aim.code).to_string()),
        "modifier": found.map(|aim| char::from(aim.modifier).to_string()),
        "symbology": found.and_then(Aim::symbology),
        "gs1": found.is_some_and(Aim::gs1),
        "payload_hex": hex::encode(payload),
    }))
}
