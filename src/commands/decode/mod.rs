//! `gatebook decode`: what bytes or pictures mean. One hex frame a line on stdin, one answer a line on stdout; what cannot
//! be read is answered too, so the exit code is 0 when every line has its answer.

use std::io::BufRead;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::commands::{Stop, tell};

mod epc;
mod frames;
mod gs1;
mod image;

#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    what: What,
    /// Answer as JSON, one object a line
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum What {
    /// Codes in pictures: QR, Data Matrix, Aztec, PDF417 and the one-dimensional ones
    Image { files: Vec<PathBuf> },
    /// GS1 codes: element strings, bracketed text, Digital Links, GTINs; as arguments or one a line on stdin
    Gs1 { text: Vec<String> },
    /// EPCs of tags, and keys to write on them
    Epc(epc::Options),
    #[command(flatten)]
    Frames(frames::Frames),
}

pub fn run(options: &Options) -> Result<(), Stop> {
    match &options.what {
        What::Image { files } => image::run(files, options.json),
        What::Gs1 { text } => gs1::run(text, options.json),
        What::Epc(epc) => epc::run(epc, options.json),
        What::Frames(frames) => frames.run(options.json),
    }
}

/// Every line of stdin as it came, whatever its bytes are: one that is no text is answered like any other.
fn each_line(mut answer: impl FnMut(&[u8]) -> Result<(), Stop>) -> Result<(), Stop> {
    for line in std::io::stdin().lock().split(b'\n') {
        let line = line.map_err(|error| Stop::fault(format!("stdin: {error}")))?;
        answer(line.strip_suffix(b"\r").unwrap_or(&line))?;
    }
    Ok(())
}

fn object(answer: Result<Value, String>) -> Value {
    match answer {
        Ok(Value::Object(mut fields)) => {
            // A device's own word of failure stands, although the frame is sound.
            fields.entry("ok").or_insert(true.into());
            Value::Object(fields)
        }
        Ok(other) => json!({"ok": true, "value": other}),
        Err(error) => json!({"ok": false, "error": error}),
    }
}

fn print(value: &Value, as_json: bool) -> Result<(), Stop> {
    match (as_json, value) {
        (false, Value::Object(fields)) => {
            let words: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
            tell(words.join("  "))
        }
        _ => tell(value),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_the_device_stands() {
        assert_eq!(object(Ok(json!({"sw": 36864})))["ok"], true);
        assert_eq!(object(Ok(json!({"sw": 25344, "ok": false})))["ok"], false, "a sound frame that says no");
        assert_eq!(object(Err("broken".into())), json!({"ok": false, "error": "broken"}));
    }
}
