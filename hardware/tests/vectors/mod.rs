//! Reads the vector files under `tests/data`.

use serde_json::Value;

/// The vectors of a file that do `op`, at least one.
pub fn of(file: &str, op: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(file).unwrap();
    let all = file["vectors"].as_array().unwrap();
    let found: Vec<Value> = all.iter().filter(|vector| vector["op"] == op).cloned().collect();
    assert!(!found.is_empty(), "no vector does {op}");
    found
}

pub fn hex(value: &Value) -> Vec<u8> {
    unhex(value.as_str().unwrap())
}

pub fn unhex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}
