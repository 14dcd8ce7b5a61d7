//! Units, places, moves, custody and balances, folded from the book. Samples and stock both stand on it.

pub mod digest;
pub mod fold;
pub mod project;
pub mod queries;
mod store;

use crate::event::{Body, Handling, Unreadable};
use crate::identity::Identifier;
use crate::server::book::Stored;
use crate::sync::records::Tracking;

/// A line of the central book, read.
#[derive(Clone, Debug)]
pub struct Entry {
    pub at: Stored,
    pub body: Result<Body, Unreadable>,
}

/// Longest code, place or number that is used as a key, in bytes; PostgreSQL cannot index much more.
pub const KEY_MAX: usize = 200;

impl Entry {
    pub fn read(at: Stored) -> Entry {
        let body = Body::decode(at.line.kind, at.line.schema, &at.line.body.0).and_then(|body| match flaw(&body) {
            None => Ok(body),
            Some(why) => Err(Unreadable::Damaged { kind: at.line.kind, schema: at.line.schema, why }),
        });
        Entry { at, body }
    }
}

/// Whether a text can be a key on every engine.
pub fn is_key(text: &str) -> bool {
    text.len() <= KEY_MAX && !text.contains('\0')
}

/// What makes a body unfit for tables, though it can be read.
fn flaw(body: &Body) -> Option<String> {
    let (what, handling) = fold::pieces(body)?;
    let Handling { station, read_point, device, person: _, document } = handling;
    let codes = what.iter().map(|piece| &piece.code);
    let mut texts: Vec<&String> = codes.chain([station, read_point, device]).chain(document).collect();
    match body {
        Body::Movement(movement) => texts.extend(movement.from.iter().chain(&movement.to)),
        Body::Passage(passage) => texts.extend([&passage.inside, &passage.outside]),
        Body::Attempt(_) | Body::Correction(_) | Body::Decision(_) | Body::System(_) => (),
    }
    let bad = texts.into_iter().find(|text| !is_key(text))?;
    Some(format!("a text of {} bytes is longer than {KEY_MAX} or holds a zero byte", bad.len()))
}

/// The kernel's name of a unit with this house number.
pub fn unit_key(number: &str) -> String {
    Identifier::own(number).to_string()
}

/// How a unit is told apart that nobody registered: what a GTIN or a lot names is many, everything else is one.
fn tracking_of(key: &str) -> Tracking {
    match Identifier::parse(key) {
        Some(Identifier::Gtin { .. } | Identifier::Lgtin { .. }) => Tracking::Lot,
        Some(
            Identifier::Sgtin { .. }
            | Identifier::Sscc { .. }
            | Identifier::Own { .. }
            | Identifier::Tag { .. }
            | Identifier::Raw { .. },
        )
        | None => Tracking::Serial,
    }
}
