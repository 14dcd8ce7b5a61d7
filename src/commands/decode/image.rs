//! `gatebook decode image`: one line a picture. One that cannot be read says why in its line, and the run goes on.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hardware::camera::{self, Code, Search};
use serde_json::{Value, json};

use super::print;
use crate::commands::Stop;
use crate::hex;

/// How long a picture is searched; a still has time.
const DEADLINE: Duration = Duration::from_millis(300);

pub(super) fn run(files: &[PathBuf], as_json: bool) -> Result<(), Stop> {
    if files.is_empty() {
        return Err(Stop::fault("no picture was named: gatebook decode image FILE..."));
    }
    files.iter().try_for_each(|file| print(&picture(file), as_json))
}

fn picture(file: &Path) -> Value {
    let began = Instant::now();
    let late = || DEADLINE <= began.elapsed();
    let found = bytes(file).and_then(|bytes| {
        camera::decode_with(&bytes, &Search { late: &late, ..Search::default() }).map_err(|error| error.to_string())
    });
    let ms = began.elapsed().as_secs_f64() * 1000.0;
    let ms = (ms * 1000.0).round() / 1000.0;
    match found {
        Ok(codes) => {
            let codes: Vec<Value> = codes.iter().map(code).collect();
            json!({"file": file.display().to_string(), "codes": codes, "ms": ms})
        }
        Err(error) => json!({"file": file.display().to_string(), "error": error, "ms": ms}),
    }
}

/// The bytes of a picture, of a larger file than is searched one too many: a device that never ends must not fill memory.
fn bytes(file: &Path) -> Result<Vec<u8>, String> {
    if file.is_dir() {
        return Err("this is a folder; name the pictures in it".to_owned());
    }
    let most = u64::try_from(camera::FILE_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|file| file.take(most).read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|error| error.to_string())
}

fn code(code: &Code) -> Value {
    json!({
        "format": code.format.name(),
        "text": code.text,
        "aim": code.aim.to_string(),
        "payload_hex": hex::encode(&code.bytes),
        "position": code.position,
    })
}
