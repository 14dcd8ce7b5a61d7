//! From what a device reported to the identity it states. A barcode and a tag of one ring become the same identifier here.

use std::time::Duration;

use hardware::event::{Read, Steady, Symbol};

use crate::event::Sensed;
use crate::identity::{Doubt, Identifier};

/// One read as a station takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capture {
    /// Someone held a printed code before a scanner: one act of one person.
    Scan {
        identifier: Identifier,
        /// What speaks against the code, where it was meant to be another.
        doubt: Option<Doubt>,
    },
    /// A radio tag answered: nobody meant anything by it yet.
    Sighting {
        identifier: Identifier,
        doubt: Option<Doubt>,
        antenna: u16,
        rssi_dbm: Option<i16>,
        reads: u16,
        age: Duration,
    },
    /// Weight, air or a contact: no identity.
    Sensed(Sensed),
    /// A weight that still moves, or is nothing: never the weight of a thing.
    Unsettled,
}

/// What `read` says.
pub fn capture(read: &Read) -> Capture {
    match read {
        Read::Symbol(symbol) => {
            let (identifier, doubt) = identifier(symbol);
            Capture::Scan { identifier, doubt }
        }
        Read::Tag(tag) => {
            let (identifier, doubt) = Identifier::read_tag(&tag.epc);
            let (antenna, rssi_dbm, reads, age) = (tag.antenna, tag.rssi_dbm, tag.count.max(1), tag.age);
            Capture::Sighting { identifier, doubt, antenna, rssi_dbm, reads, age }
        }
        Read::Card(card) => Capture::Scan { identifier: Identifier::of_tag(&card.number), doubt: None },
        Read::Weight(weight) => match weight.micrograms_rounded() {
            Some(micrograms) if weight.steady == Steady::Yes && 0 < micrograms => {
                let text = String::from_utf8_lossy(&weight.text).trim().to_owned();
                Capture::Sensed(Sensed::Weight { micrograms, net: weight.net, text })
            }
            Some(_) | None => Capture::Unsettled,
        },
        Read::Climate(air) => Capture::Sensed(Sensed::Climate {
            temperature_millicelsius: air.temperature_millicelsius,
            humidity_millipercent: air.humidity_millipercent,
        }),
        Read::Contact(contact) => Capture::Sensed(Sensed::Contact { line: contact.line, closed: contact.closed }),
    }
}

/// What a printed symbol says.
pub fn identifier(symbol: &Symbol) -> (Identifier, Option<Doubt>) {
    Identifier::read_symbol(symbol.aim.map(|aim| (aim.code, aim.modifier)), &symbol.bytes)
}

/// What a text from a keyboard, a wedge scanner or a hand says: an AIM identifier in front (`]d2`) is understood.
pub fn typed(text: &str) -> (Identifier, Option<Doubt>) {
    match text.as_bytes() {
        &[b']', code, modifier, ref rest @ ..] if code.is_ascii_alphabetic() && modifier.is_ascii_alphanumeric() => {
            Identifier::read_symbol(Some((code, modifier)), rest)
        }
        bytes => Identifier::read_symbol(None, bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hardware::event::{Aim, Tag};

    #[test]
    fn the_label_and_the_tag_of_a_ring_are_one() {
        let ring = "01/09521234543213/21/4711";
        let label = Read::Symbol(Symbol {
            aim: Some(Aim { code: b'd', modifier: b'2' }),
            bytes: b"0109521234543213214711".to_vec(),
        });
        let Capture::Scan { identifier, .. } = capture(&label) else { panic!("a symbol is a scan") };
        assert_eq!(identifier.to_string(), ring);
        let epc = crate::epc::sgtin_96(1, "09521234543213", 7, 4711).unwrap();
        let tag = Read::Tag(Tag {
            epc: epc.to_vec(),
            antenna: 2,
            rssi_dbm: Some(-60),
            count: 0,
            age: Duration::from_millis(40),
        });
        let Capture::Sighting { identifier, reads, .. } = capture(&tag) else { panic!("a tag is a sighting") };
        assert_eq!((identifier.to_string().as_str(), reads), (ring, 1));
        assert_eq!(typed("]d20109521234543213214711").0.to_string(), ring);
        assert_eq!(typed("]").0.to_string(), "own/]");
    }
}
