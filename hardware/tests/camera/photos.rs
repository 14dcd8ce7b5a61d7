//! Photos of every symbology with the texts that are in them, and photos without a code.

use std::path::PathBuf;

use gatebook_hardware::camera::{self, Code, Format, Search};
use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/camera/photos")
}

/// Without what is written differently: zeros before a number, brackets round AIs, separators and line ends.
fn plain(text: &str) -> String {
    let kept: String = text.chars().filter(|c| !matches!(c, '\r' | '\n' | '\u{1d}' | '(' | ')')).collect();
    let kept = kept.trim();
    match 6 <= kept.len() && kept.bytes().all(|byte| byte.is_ascii_digit()) {
        true => kept.trim_start_matches('0').to_owned(),
        false => kept.to_owned(),
    }
}

fn says(code: &Code, text: &str) -> bool {
    let read = [code.text.clone(), String::from_utf8_lossy(&code.bytes).into_owned()];
    let want = plain(text);
    // DataBar carries the AI 01 before its GTIN; Codabar is listed with the letters round it.
    let bare = want.trim_start_matches(['A', 'B', 'C', 'D']).trim_end_matches(['A', 'B', 'C', 'D']).to_owned();
    read.iter().map(|read| plain(read)).any(|read| {
        read == want
            || code.format == Format::DataBar && read.strip_prefix('1').map(plain).as_deref() == Some(&want)
            || code.format == Format::Codabar && read == bare
    })
}

#[test]
fn photos_of_every_symbology_are_read_and_nothing_else_is_read_from_them() {
    let manifest = std::fs::read(folder().join("manifest.json")).unwrap();
    let pictures: serde_json::Map<String, Value> = serde_json::from_slice(&manifest).unwrap();
    let mut faults = Vec::new();
    for (name, told) in &pictures {
        let bytes = std::fs::read(folder().join(name)).unwrap();
        let codes = camera::decode(&bytes).unwrap();
        let also = told["also_present"].as_array().unwrap();
        let texts: Vec<&str> = told["text"].as_str().into_iter().chain(also.iter().filter_map(Value::as_str)).collect();
        let right = told["text"].is_null() && codes.is_empty()
            || codes.iter().any(|code| says(code, told["text"].as_str().unwrap_or_default()));
        let wrong = codes.iter().any(|code| !texts.iter().any(|text| says(code, text)));
        if !right || wrong {
            faults.push(format!("{name}: {texts:?} read as {codes:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(pictures.len(), 60);
}

#[test]
fn only_what_is_asked_for_is_looked_for() {
    let bytes = std::fs::read(folder().join("../gs1/ean13.png")).unwrap();
    let only = |formats: &[Format]| camera::decode_with(&bytes, &Search { formats, ..Search::default() }).unwrap();
    assert_eq!(only(&[Format::QrCode, Format::Code128]), vec![]);
    assert_eq!(only(&[Format::Ean13]).len(), 1);
}
