//! LLRP: every vector both ways, every split, the client against the simulated reader, and hostile bytes.

use gatebook_hardware::event::Read;
use gatebook_hardware::simulator::script::{Sent, SentWhat};

mod codec;
mod complaints;
mod door;
mod errands;
mod fuzz;
mod session;
mod simulator;

/// Bytes of hex text.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// `data/llrp.json`. Each vector names its origin and licence: captures of the LLRP Toolkit and of EdgeX Foundry's
/// device-rfid-llrp-go (both Apache-2.0), the others composed from the standard and checked with three decoders.
fn vectors() -> serde_json::Value {
    serde_json::from_str(include_str!("../data/llrp.json")).unwrap()
}

/// A vector's bytes.
fn vector(id: &str) -> Vec<u8> {
    let all = vectors();
    let found = all["vectors"].as_array().unwrap().iter().find(|vector| vector["id"] == id);
    hex(found.unwrap_or_else(|| panic!("no vector {id}"))["hex"].as_str().unwrap())
}

/// EPC, antenna and dBm of every tag that the simulator handed over.
fn sent_tags(log: &[Sent]) -> Vec<(Vec<u8>, u16, i16)> {
    let tag = |sent: &Sent| match &sent.what {
        SentWhat::Tag { epc, antenna, rssi_dbm } => Some((epc.clone(), *antenna, *rssi_dbm)),
        _ => None,
    };
    log.iter().filter_map(tag).collect()
}

/// The same of a tag that the client heard; nothing of a contact.
fn tag_of(read: &Read) -> Option<(Vec<u8>, u16, i16)> {
    match read {
        Read::Tag(tag) => Some((tag.epc.clone(), tag.antenna, tag.rssi_dbm.unwrap())),
        Read::Contact(_) => None,
        other => panic!("an LLRP reader read {other:?}"),
    }
}
