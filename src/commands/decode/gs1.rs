//! `gatebook decode gs1`: what GS1 codes mean. Texts as arguments or one a line on stdin; `^` stands for FNC1.

use serde_json::{Map, Value, json};

use super::{each_line, print};
use crate::commands::{Stop, put};
use crate::gs1::meaning::meaning;
use crate::gs1::{self, Carrier, Form, ReadError, Reading, bracketed, link, pairs};
use crate::hex;

pub fn run(texts: &[String], as_json: bool) -> Result<(), Stop> {
    let today = jiff::Zoned::now().date();
    let answer = |text: &[u8]| {
        let read = gs1::scan(text, Carrier::Unknown);
        match as_json {
            true => print(&object(&read), true),
            false => put(readable(text, &read, today.year()).as_bytes()),
        }
    };
    if !texts.is_empty() {
        return texts.iter().try_for_each(|text| answer(text.as_bytes()));
    }
    each_line(answer)
}

fn object(read: &Result<Reading, ReadError>) -> Value {
    let reading = match read {
        Ok(reading) => reading,
        Err(error) => {
            return json!({
                "valid": false, "valid_with_requisite_ais": false,
                "error": error.to_string(), "at": error.at(), "help": error.help(),
            });
        }
    };
    // Of the element string alone, as GS1's own engine judges; the readable form counts the EAN beside it too.
    let missing = pairs::missing(&reading.elements);
    let mut fields = Map::new();
    fields.insert("valid".into(), true.into());
    fields.insert("valid_with_requisite_ais".into(), missing.is_empty().into());
    if let Some(gtin) = &reading.gtin {
        fields.insert("gtin".into(), gtin.as_str().into());
    }
    let elements = &reading.elements;
    if !elements.is_empty() {
        let ais = elements.iter().map(|element| json!({"ai": element.ai.digits(), "value": element.value}));
        fields.insert("ais".into(), ais.collect());
        fields.insert("ai_bracketed".into(), bracketed::write(elements).into());
        if let Some(payload) = &reading.payload {
            fields.insert("element_string_hex".into(), hex::encode(payload).into());
        }
        if let Ok(link) = link::write(elements) {
            fields.insert("canonical_digital_link".into(), link.into());
        }
    }
    if !missing.is_empty() {
        fields.insert("missing".into(), missing.iter().map(ToString::to_string).collect());
    }
    Value::Object(fields)
}

/// The notation, then a line for each element with its title and meaning.
fn readable(text: &[u8], read: &Result<Reading, ReadError>, this_year: i16) -> String {
    // A person's letters stay readable, what no screen shows does not.
    let shown = match std::str::from_utf8(text) {
        Ok(text) => {
            text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.into() }).collect()
        }
        Err(_) => text.escape_ascii().to_string(),
    };
    let reading = match read {
        Ok(reading) => reading,
        Err(error) => return format!("{shown}: {error}\n  {}\n", error.help()),
    };
    let form = match reading.form {
        Form::ElementString => "element string",
        Form::Bracketed => "bracketed text",
        Form::Link => "Digital Link",
        Form::Gtin => "GTIN",
        Form::Plain => "no GS1 data",
    };
    let mut lines = format!("{shown}: {form}\n");
    for element in &reading.clone().into_elements() {
        let title = element.ai.row().map_or("", |row| row.title.as_str());
        let meaning = meaning(element, this_year).map(|meaning| format!("  = {meaning}")).unwrap_or_default();
        lines.push_str(&format!("  {:<6} {title:<26} {}{meaning}\n", format!("({})", element.ai), element.value));
    }
    for missing in reading.missing() {
        lines.push_str(&format!("  warning: {missing}\n"));
    }
    lines
}
