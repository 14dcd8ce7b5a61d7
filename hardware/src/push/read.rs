//! One JSON object of a reader that pushes, whichever shape it has.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::hex;

/// What one object says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Tag(Tag),
    /// A sign of life.
    Heartbeat,
    /// An event that is no read: an antenna, an inventory state, an error. Its kind as the reader calls it.
    Other(String),
    /// An object that should be a read and lacks its EPC, or another shape altogether.
    Unclear(String),
}

/// A read of one tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    pub epc: Vec<u8>,
    pub tid: Option<Vec<u8>>,
    pub antenna: u16,
    pub rssi_centi_dbm: Option<i32>,
    pub count: u16,
    /// Microseconds since 1970 by the reader's clock, where it says so.
    pub seen_us: Option<i64>,
    /// A running number by which lost events are told.
    pub number: Option<u64>,
}

impl Said {
    pub fn json(&self) -> Value {
        match self {
            Said::Tag(tag) => json!({
                "kind": "tag", "epc": hex::encode(&tag.epc), "tid": tag.tid.as_deref().map(hex::encode),
                "antenna": tag.antenna, "rssi_cdbm": tag.rssi_centi_dbm, "count": tag.count, "seen_us": tag.seen_us,
                "number": tag.number,
            }),
            Said::Heartbeat => json!({"kind": "heartbeat"}),
            Said::Other(what) => json!({"kind": "other", "event": what}),
            Said::Unclear(why) => json!({"kind": "unclear", "why": why}),
        }
    }
}

/// What an object says.
pub fn said(value: &Value) -> Said {
    let Some(object) = value.as_object() else { return Said::Unclear("not an object".into()) };
    if let Some(event) = object.get("tagInventoryEvent") {
        return impinj(event, value.get("timestamp"));
    }
    if let Some(data) = object.get("data").filter(|_| object.contains_key("type")) {
        return zebra(data, value);
    }
    if object.get("isHeartBeat").and_then(Value::as_bool) == Some(true) {
        return Said::Heartbeat;
    }
    if object.contains_key("epc") {
        return speedway(value);
    }
    match object.get("eventType").or_else(|| object.get("type")).and_then(Value::as_str) {
        Some(kind) if kind.to_ascii_lowercase().contains("heartbeat") => Said::Heartbeat,
        Some(kind) => Said::Other(kind.to_owned()),
        None => Said::Unclear("neither a tag nor an event of a reader that is known here".into()),
    }
}

fn impinj(event: &Value, stamp: Option<&Value>) -> Said {
    // Which of the two is there is a setting of the reader.
    let bytes = |plain: &str, hexed: &str| match text(event, hexed) {
        Some(digits) => unhex(digits),
        None => STANDARD.decode(text(event, plain)?).ok(),
    };
    let Some(epc) = bytes("epc", "epcHex") else {
        return Said::Unclear(
            "a tag without epc and epcHex: switch one of them on in the reader's inventory preset".into(),
        );
    };
    Said::Tag(Tag {
        epc,
        tid: bytes("tid", "tidHex"),
        antenna: number(event, "antennaPort"),
        rssi_centi_dbm: centi(event.get("peakRssiCdbm"), 1),
        count: 1,
        seen_us: text(event, "lastSeenTime").or_else(|| stamp?.as_str()).and_then(micros),
        number: None,
    })
}

fn zebra(data: &Value, whole: &Value) -> Said {
    let kind = text(whole, "type").unwrap_or_default();
    let Some(epc) = text(data, "idHex").and_then(unhex) else {
        return match kind.to_ascii_lowercase().contains("heartbeat") {
            true => Said::Heartbeat,
            false => Said::Other(kind.to_owned()),
        };
    };
    Said::Tag(Tag {
        epc,
        tid: text(data, "TID").and_then(unhex),
        antenna: number(data, "antenna"),
        rssi_centi_dbm: centi(data.get("peakRssi"), 100),
        count: number::<u16>(data, "reads").max(1),
        seen_us: text(whole, "timestamp").and_then(micros),
        number: data.get("eventNum").and_then(Value::as_u64),
    })
}

fn speedway(value: &Value) -> Said {
    let Some(epc) = text(value, "epc").and_then(unhex) else { return Said::Unclear("its epc is not hex".into()) };
    Said::Tag(Tag {
        epc,
        tid: text(value, "tid").and_then(unhex).filter(|tid| !tid.is_empty()),
        antenna: number(value, "antennaPort"),
        rssi_centi_dbm: centi(value.get("peakRssi"), 100),
        count: 1,
        seen_us: text(value, "firstSeenTimestamp").and_then(micros),
        number: None,
    })
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

fn number<T: TryFrom<u64> + Default>(value: &Value, name: &str) -> T {
    value.get(name).and_then(Value::as_u64).and_then(|number| T::try_from(number).ok()).unwrap_or_default()
}

/// A signal strength in hundredths of a dBm.
fn centi(value: Option<&Value>, scale: i32) -> Option<i32> {
    let dbm = value?.as_f64()?;
    // Beyond these no receiver measures.
    let scaled = dbm * f64::from(scale);
    (-20_000.0..=5_000.0).contains(&scaled).then(|| scaled.round() as i32)
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let compact: Vec<u8> = digits.bytes().filter(|byte| !matches!(byte, b' ' | b'-')).collect();
    let (pairs, []) = compact.as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

/// ISO 8601 as readers write it: `2026-03-15T10:00:00.000+0000` or with a Z.
fn micros(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(|stamp| stamp.as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::micros;

    #[test]
    fn stamps_of_every_reader_are_read() {
        for (text, us) in [
            ("2026-03-15T10:00:00Z", Some(1_773_568_800_000_000)),
            ("2026-03-15T10:00:00.000+0000", Some(1_773_568_800_000_000)),
            ("2026-03-15T18:00:00.25+08:00", Some(1_773_568_800_250_000)),
            ("2026-03-15T10:00:00.123456789Z", Some(1_773_568_800_123_456)),
            ("soon", None),
        ] {
            assert_eq!(micros(text), us, "{text}");
        }
    }
}
