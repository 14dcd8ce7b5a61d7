//! `gatebook decode`: what bytes or pictures mean. One hex frame a line on stdin, one answer a line on stdout; what cannot
//! be read is answered too, so the exit code is 0 when every line has its answer.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use hardware::camera;
use hardware::device::FAMILIES;
use serde_json::{Value, json};

use crate::commands::Stop;

mod frames;

#[derive(Args)]
pub struct Options {
    /// What to read: image, or a family of devices (`gatebook devices --families` lists them)
    what: String,
    /// Pictures, for image
    input: Vec<String>,
    /// Answer as JSON, one object a line
    #[arg(long)]
    json: bool,
    /// Take only this dialect of the family
    #[arg(long)]
    dialect: Option<String>,
    /// Read a captured byte stream instead of lines of hex digits
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
}

pub fn run(options: &Options) -> Result<(), Stop> {
    let files: Vec<PathBuf> = options.input.iter().map(PathBuf::from).collect();
    match options.what.as_str() {
        "image" => images(&files, options.json),
        name => match hardware::device::by_name(name) {
            Some(family) => frames::run(family, options),
            None => {
                let names: Vec<_> = FAMILIES.iter().map(|family| family.name).collect();
                Err(Stop::fault(format!("there is nothing called `{name}` to decode: image, {}", names.join(", "))))
            }
        },
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

fn images(files: &[PathBuf], as_json: bool) -> Result<(), Stop> {
    if files.is_empty() {
        return Err(Stop::fault("no picture was named: gatebook decode image FILE..."));
    }
    for file in files {
        let began = Instant::now();
        let found = std::fs::read(file)
            .map_err(|error| error.to_string())
            .and_then(|bytes| camera::decode(&bytes).map_err(|error| error.to_string()));
        let ms = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX) as f64 / 1000.0;
        let value = match found {
            Ok(codes) => {
                let codes: Vec<Value> = codes
                    .iter()
                    .map(|code| {
                        json!({
                            "format": code.format,
                            "text": String::from_utf8_lossy(&code.bytes),
                            "position": code.position,
                        })
                    })
                    .collect();
                json!({"file": file.display().to_string(), "codes": codes, "ms": ms})
            }
            Err(error) => json!({"file": file.display().to_string(), "error": error, "ms": ms}),
        };
        print(&value, as_json)?;
    }
    Ok(())
}
