//! `gatebook decode epc`: what the EPC of a tag says in every way of writing it, and what to write on a tag for a key.

use clap::Args;
use serde_json::{Map, Value, json};

use super::{each_line, print};
use crate::commands::Stop;
use crate::epc::elements::Element;
use crate::epc::fault::Fault;
use crate::epc::key::Key;
use crate::epc::plan::plan;
use crate::epc::scheme::{PREFIX_DIGITS_MAX, PREFIX_DIGITS_MIN, Scheme};
use crate::epc::uri::{Written, parse};
use crate::epc::{Epc, Memory, of_memory};
use crate::hex;

#[derive(Args)]
pub struct Options {
    /// EPCs in hex, EPC URIs (tag, id, raw), GS1 Digital Links or elements with their AIs in brackets; without any, one a
    /// line on stdin
    items: Vec<String>,
    /// Digits of the company prefix, which a GS1 key does not tell: without it a key is written in a "+" scheme
    #[arg(long, value_name = "N", value_parser = prefix_length)]
    prefix_length: Option<usize>,
    /// Filter value for a key that is to be written
    #[arg(long, value_name = "N", default_value_t = 0)]
    filter: u8,
    /// Scheme for a key that is to be written, such as sgtin-198; by itself the first that carries the key
    #[arg(long, value_name = "NAME")]
    scheme: Option<String>,
    /// Bits that the EPC memory of the tag has room for
    #[arg(long, value_name = "N")]
    bits: Option<usize>,
}

fn prefix_length(text: &str) -> Result<usize, String> {
    let digits = text.parse().ok().filter(|digits| (PREFIX_DIGITS_MIN..=PREFIX_DIGITS_MAX).contains(digits));
    digits.ok_or_else(|| format!("a company prefix has {PREFIX_DIGITS_MIN} to {PREFIX_DIGITS_MAX} digits"))
}

pub fn run(options: &Options, as_json: bool) -> Result<(), Stop> {
    let scheme = match &options.scheme {
        Some(name) => Some(Scheme::named(name).ok_or_else(|| unknown(name))?),
        None => None,
    };
    let answer = |item: &str| print(&said(item, options, scheme), as_json);
    if !options.items.is_empty() {
        return options.items.iter().try_for_each(|item| answer(item.trim()));
    }
    each_line(|line| match String::from_utf8_lossy(line).trim() {
        "" => Ok(()),
        item => answer(item),
    })
}

fn unknown(name: &str) -> Stop {
    let names: Vec<&str> = Scheme::all().map(Scheme::name).collect();
    Stop::fault(format!("`{name}` is no EPC scheme; write one of {}", names.join(", ")))
}

/// What one item says, as an object.
fn said(item: &str, options: &Options, scheme: Option<Scheme>) -> Value {
    let compact: String = item.chars().filter(|c| !c.is_whitespace()).collect();
    // Readers print hex in groups; every other text has its blanks for a reason.
    let hex_digits = compact.bytes().all(|byte| byte.is_ascii_hexdigit());
    match parse(if hex_digits { &compact } else { item }) {
        Ok(Written::Epc(epc)) => told(&epc, None),
        Ok(Written::Bits { bits, bytes, afi }) => match of_memory(&bytes, bits, afi) {
            Memory::Epc(epc) => told(&epc, hex_digits.then(|| compact.to_uppercase())),
            Memory::Raw(raw) => refused(&raw.why, &raw.uri()),
        },
        Ok(Written::Key { key, prefix_len, data }) => {
            match written(&key, data, options, scheme, prefix_len.or(options.prefix_length)) {
                Ok(epc) => told(&epc, None),
                Err(error) => json!({"ok": false, "error": error}),
            }
        }
        Err(error) => json!({"ok": false, "error": error.to_string()}),
    }
}

fn written(
    key: &Key,
    data: Vec<Element>,
    options: &Options,
    scheme: Option<Scheme>,
    prefix_len: Option<usize>,
) -> Result<Epc, String> {
    match scheme {
        None => plan(key, &data, options.filter, prefix_len, options.bits).map_err(|error| error.to_string()),
        Some(scheme) => {
            let epc = Epc::new(scheme, options.filter, *key, prefix_len, data).map_err(|error| error.to_string())?;
            epc.within(options.bits).map_err(|error| error.to_string())
        }
    }
}

/// An EPC in every way of writing it; what it cannot be written as is left out.
fn told(epc: &Epc, given: Option<String>) -> Value {
    let words = epc.words();
    let mut fields = json!({
        "ok": true,
        "hex": given.unwrap_or_else(|| hex::encode(&words).to_uppercase()),
        "scheme": epc.scheme().name(),
        "tag_uri": epc.tag_uri(),
        "pure_identity": epc.pure_identity(),
        "raw_uri": epc.raw_uri(),
        "filter": epc.filter(),
        "filter_meaning": epc.scheme().kind().filter_meaning(epc.filter()),
        "partition": epc.partition(),
        "element_string": epc.element_string(),
        "digital_link": epc.digital_link(),
        "bits": epc.bits(),
        "unread": epc.unread().map(|unread| unread.why.to_string()),
    });
    if let Some(fields) = fields.as_object_mut() {
        if epc.scheme().is_plus() {
            let values = epc.elements().into_iter().map(|element| (element.ai, element.value.into()));
            fields.insert("ai_json".into(), Value::Object(Map::from_iter(values)));
        }
        fields.retain(|_, value| !value.is_null());
    }
    fields
}

fn refused(why: &Fault, uri: &str) -> Value {
    match why.at() {
        Some(at) => json!({"ok": false, "error": why.to_string(), "at_bit": at, "raw_uri": uri}),
        None => json!({"ok": false, "error": why.to_string(), "raw_uri": uri}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(prefix_length: Option<usize>, bits: Option<usize>) -> Options {
        Options { items: Vec::new(), prefix_length, filter: 3, scheme: None, bits }
    }

    #[test]
    fn an_item_is_told_in_every_way() {
        let vectors: Value = serde_json::from_str(include_str!("../../../tests/data/epc/vectors.json")).unwrap();
        for group in ["vectors", "plus_vectors"] {
            for vector in vectors[group].as_array().unwrap() {
                let found = said(vector["hex"].as_str().unwrap(), &options(None, None), None);
                for name in [
                    "hex",
                    "scheme",
                    "tag_uri",
                    "pure_identity",
                    "filter",
                    "partition",
                    "element_string",
                    "digital_link",
                ]
                .into_iter()
                .chain(["ai_json", "bits"])
                .filter(|name| vector.get(name).is_some())
                {
                    assert_eq!(found[name], vector[name], "{name} of {vector}");
                }
            }
        }
    }

    #[test]
    fn a_key_is_told_as_it_would_be_written() {
        let (ring, long) = ("(01)80614141123458(21)6789", "(01)80614141123458(21)a/b");
        for (item, prefix_length, bits, scheme, hex) in [
            (ring, Some(7), None, None, json!("3074257BF7194E4000001A85")),
            (ring, None, None, None, json!("F7380614141123458046A140")),
            (
                ring,
                Some(7),
                None,
                Some(Scheme::Sgtin198),
                json!("3674257BF7194E5B3770E4000000000000000000000000000000"),
            ),
            ("urn:epc:id:sgtin:0614141.812345.6789", None, None, None, json!("3074257BF7194E4000001A85")),
            (
                "https://id.gs1.org/01/80614141123458/21/a%2Fb",
                Some(7),
                Some(128),
                None,
                json!("F738061414112345883C2BF10000"),
            ),
            (long, Some(7), Some(64), None, Value::Null),
            (long, Some(7), Some(64), Some(Scheme::Sgtin198), Value::Null),
            ("30 74 25 7b f7 19 4e 40 00 00 1a 85", None, None, None, json!("3074257BF7194E4000001A85")),
            ("no EPC", None, None, None, Value::Null),
        ] {
            let found = said(item, &options(prefix_length, bits), scheme);
            assert_eq!((&found["hex"], &found["ok"]), (&hex, &json!(!hex.is_null())), "{item}: {found}");
            assert_eq!(found["error"].is_string(), hex.is_null());
        }
        for (digits, sound) in [("5", false), ("6", true), ("12", true), ("13", false), ("seven", false)] {
            assert_eq!(super::prefix_length(digits).is_ok(), sound, "{digits}");
        }
        let broken = said("301C257BF7194E4000001A85", &options(None, None), None);
        let uri = "urn:epc:raw:96.x301C257BF7194E4000001A85";
        let error = "partition 7 at bit 11 does not exist";
        assert_eq!(broken, json!({"ok": false, "error": error, "at_bit": 11, "raw_uri": uri}));
    }
}
