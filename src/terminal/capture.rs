//! From what a device reported to the identity it states. A barcode and a tag of one ring become the same identifier here.

use std::time::Duration;

use hardware::event::{Read, Symbol};

use crate::identity::Identifier;

/// One read as a station takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capture {
    /// Someone held a printed code before a scanner: one act of one person.
    Scan { identifier: Identifier },
    /// A radio tag answered: nobody meant anything by it yet.
    Sighting { identifier: Identifier, antenna: u16, rssi_dbm: Option<i16>, reads: u16, age: Duration },
    /// Weight, air or a contact: no identity.
    Sensed,
}

/// What `read` says.
pub fn capture(read: &Read) -> Capture {
    match read {
        Read::Symbol(symbol) => Capture::Scan { identifier: identifier(symbol) },
        Read::Tag(tag) => Capture::Sighting {
            identifier: Identifier::of_tag(&tag.epc),
            antenna: tag.antenna,
            rssi_dbm: tag.rssi_dbm,
            reads: tag.count.max(1),
            age: tag.age,
        },
        Read::Card(card) => Capture::Scan { identifier: Identifier::of_tag(&card.number) },
        Read::Weight(_) | Read::Climate(_) | Read::Contact(_) => Capture::Sensed,
    }
}

/// What a printed symbol says.
pub fn identifier(symbol: &Symbol) -> Identifier {
    Identifier::of_symbol(symbol.aim.map(|aim| (aim.code, aim.modifier)), &symbol.bytes)
}

/// What a text from a keyboard, a wedge scanner or a hand says: an AIM identifier in front (`]d2`) is understood.
pub fn typed(text: &str) -> Identifier {
    match text.as_bytes() {
        &[b']', code, modifier, ref rest @ ..] if code.is_ascii_alphabetic() && modifier.is_ascii_alphanumeric() => {
            Identifier::of_symbol(Some((code, modifier)), rest)
        }
        bytes => Identifier::of_symbol(None, bytes),
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
        let Capture::Scan { identifier } = capture(&label) else { panic!("a symbol is a scan") };
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
        assert_eq!(typed("]d20109521234543213214711").to_string(), ring);
        assert_eq!(typed("]").to_string(), "own/]");
    }
}
