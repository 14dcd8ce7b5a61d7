//! `gatebook decode`: what bytes or pictures mean. One hex frame a line on stdin, one answer a line on stdout; what cannot
//! be read is answered too, so the exit code is 0 when every line has its answer.

mod image;

use std::io::{BufRead, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use hardware::event::Aim;
use hardware::r200::frame::{Dialect, Kind};
use hardware::r200::message::Message;
use hardware::{aim, llrp, r200};
use serde_json::{Value, json};

use crate::commands::Stop;
use crate::hex;
use crate::identity::Identifier;

#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    family: Family,
    /// Answer as JSON, one object a line
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Family {
    /// Codes in pictures: QR, Data Matrix, Aztec, PDF417 and the one-dimensional ones
    Image { files: Vec<PathBuf> },
    /// What a scanner sent, with or without AIM identifier
    Scanner,
    /// Frames of M100 and R200 modules
    R200 {
        /// Take only frames of this dialect: m100 (BB..7E) or r200 (AA..DD)
        #[arg(long)]
        dialect: Option<String>,
    },
    /// LLRP messages
    Llrp,
}

/// What one line of bytes means, or why nothing.
type Answer = dyn Fn(&[u8]) -> Result<Value, String>;

pub fn run(options: &Options) -> Result<(), Stop> {
    let answer: Box<Answer> = match &options.family {
        Family::Image { files } => return image::run(files, options.json),
        Family::Scanner => Box::new(|bytes| Ok(scanned(bytes))),
        Family::R200 { dialect } => {
            let dialect = dialect.as_deref().map(dialect_named).transpose()?;
            Box::new(move |bytes| module_frame(bytes, dialect))
        }
        Family::Llrp => Box::new(llrp_message),
    };
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| Stop::fault(format!("stdin: {error}")))?;
        let compact: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        if compact.is_empty() {
            continue;
        }
        let answer = match hex::decode(&compact) {
            Some(bytes) => answer(&bytes),
            None => Err("not a line of hex digit pairs".to_owned()),
        };
        print(&object(answer), options.json)?;
    }
    Ok(())
}

fn dialect_named(name: &str) -> Result<Dialect, Stop> {
    match name {
        "m100" => Ok(Dialect::M100),
        "r200" => Ok(Dialect::R200),
        _ => Err(Stop::fault(format!("`{name}` is no dialect; write m100 or r200"))),
    }
}

fn object(answer: Result<Value, String>) -> Value {
    match answer {
        Ok(Value::Object(mut fields)) => {
            fields.insert("ok".into(), true.into());
            Value::Object(fields)
        }
        Ok(other) => json!({"ok": true, "value": other}),
        Err(error) => json!({"ok": false, "error": error}),
    }
}

fn print(value: &Value, as_json: bool) -> Result<(), Stop> {
    let mut out = std::io::stdout().lock();
    let written = match (as_json, value) {
        (false, Value::Object(fields)) => {
            let words: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
            writeln!(out, "{}", words.join("  "))
        }
        _ => writeln!(out, "{value}"),
    };
    match written {
        // A reader that has seen enough is no error.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => other.map_err(|error| Stop::fault(format!("stdout: {error}"))),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A scanner's payload: the AIM identifier apart, and the identity that the terminal would see.
fn scanned(bytes: &[u8]) -> Value {
    let (found, payload) = match aim::split(bytes) {
        Some((found, payload)) => (Some(found), payload),
        None => (None, bytes),
    };
    let identifier = Identifier::of_symbol(found.map(|aim| (aim.code, aim.modifier)), payload);
    json!({
        "present": found.is_some(),
        "code": found.map(|aim| char::from(aim.code).to_string()),
        "modifier": found.map(|aim| char::from(aim.modifier).to_string()),
        "symbology": found.and_then(Aim::symbology),
        "gs1": found.is_some_and(Aim::gs1),
        "payload_hex": hex::encode(payload),
        "identifier": identifier.to_string(),
    })
}

fn module_frame(bytes: &[u8], dialect: Option<Dialect>) -> Result<Value, String> {
    let (frame, used) = r200::frame::parse(bytes, dialect).map_err(|error| error.to_string())?;
    if used < bytes.len() {
        return Err(format!("{} bytes follow the frame", bytes.len() - used));
    }
    let message = r200::message::message(&frame).map_err(|error| error.to_string())?;
    let mut fields = json!({
        "dialect": if frame.dialect == Dialect::M100 { "m100" } else { "r200" },
        "type": kind_word(frame.kind),
        "cmd": frame.command,
    });
    let more = match message {
        Message::Tag { rssi_dbm, pc, epc, crc, crc_ok } => json!({
            "rssi_dbm": rssi_dbm, "pc": pc, "epc": hex::encode(&epc), "epc_crc": crc, "epc_crc_ok": crc_ok,
            "identifier": Identifier::of_tag(&epc).to_string(),
        }),
        Message::Failure { fault, tag } => json!({
            "error": fault.0, "error_name": fault.name(), "meaning": fault.to_string(),
            "pc": tag.as_ref().map(|tag| tag.pc), "epc": tag.map(|tag| hex::encode(&tag.epc)),
        }),
        Message::ModuleInfo { what, text } => json!({"info_type": what, "text": text}),
        Message::Memory { tag, data } => {
            json!({"pc": tag.pc, "epc": hex::encode(&tag.epc), "data": hex::encode(&data)})
        }
        Message::Written { tag, status } => json!({"pc": tag.pc, "epc": hex::encode(&tag.epc), "result": status}),
        Message::Done { status, .. } => json!({"result": status}),
        Message::Other { parameters, .. } | Message::Command { parameters, .. } => {
            json!({"params_hex": hex::encode(&parameters)})
        }
    };
    if let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), more) {
        fields.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
    }
    Ok(fields)
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Command => "command",
        Kind::Response => "response",
        Kind::Notification => "notification",
    }
}

fn llrp_message(bytes: &[u8]) -> Result<Value, String> {
    let frame = llrp::frame::cut(bytes).map_err(|error| error.to_string())?;
    let frame = frame.ok_or("the message is longer than the line")?;
    if frame.len() < bytes.len() {
        return Err(format!("{} bytes follow the message", bytes.len() - frame.len()));
    }
    let message = llrp::message::Message::decode(&frame).map_err(|error| error.to_string())?;
    serde_json::from_str(&message.json()).map_err(|error| error.to_string())
}
