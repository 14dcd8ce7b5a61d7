//! Units, places, moves, custody and balances, folded from the book. Samples and stock both stand on it.

pub mod digest;
pub mod fold;
pub mod labels;
pub mod project;
pub mod queries;
pub mod registrations;
mod store;

use crate::event::{Body, Handling, Piece, Registration, Relabelling, Unreadable};
use crate::identity::Identifier;
use crate::server::stored::{KEY_MAX, Stored, is_key};
use crate::sync::records::Tracking;

/// A line of the central book, read.
#[derive(Clone, Debug)]
pub struct Entry {
    pub at: Stored,
    pub body: Result<Body, Unreadable>,
}

impl Entry {
    pub fn read(at: Stored) -> Entry {
        let body = Body::decode(at.line.kind, at.line.schema, &at.line.body.0).and_then(|body| match flaw(&body) {
            None => Ok(body),
            Some(why) => Err(Unreadable::Damaged { kind: at.line.kind, schema: at.line.schema, why }),
        });
        Entry { at, body }
    }
}

/// Codes that one line may bind and release: a label and a tag, and those that they replace.
const CODES_MAX: usize = 16;

/// What makes a body unfit for tables, though it can be read.
fn flaw(body: &Body) -> Option<String> {
    if let Some(label) = labels::of(body) {
        return labels::flaw(label);
    }
    let (what, handling) = fold::pieces(body)?;
    let Handling { station, read_point, device, person: _, document } = handling;
    // Places and codes are keys of their own, where an empty one would mean nowhere.
    let mut named: Vec<&String> = what.iter().map(|piece| &piece.code).chain([read_point]).collect();
    match body {
        Body::Movement(movement) => named.extend(movement.from.iter().chain(&movement.to)),
        Body::Passage(passage) => named.extend([&passage.inside, &passage.outside]),
        Body::Registration(registration) => {
            named.extend(
                registration.bind.iter().chain(&registration.to).chain([&registration.item, &registration.series]),
            );
        }
        Body::Relabelling(relabelling) => named.extend(relabelling.bind.iter().chain(&relabelling.release)),
        Body::Attempt(_) | Body::Correction(_) | Body::Decision(_) | Body::System(_) => (),
    }
    if let Body::Registration(Registration { what, .. }) | Body::Relabelling(Relabelling { what, .. }) = body
        && number_of(what).is_none()
    {
        return Some("what it names is no number of the house".into());
    }
    if CODES_MAX < named.len().saturating_sub(what.len()) {
        return Some(format!("more than {CODES_MAX} codes"));
    }
    if named.iter().any(|text| text.is_empty()) {
        return Some("a code or place is empty".into());
    }
    let bad = named.into_iter().chain([station, device]).chain(document).find(|text| !is_key(text))?;
    Some(format!("a text of {} bytes is longer than {KEY_MAX} or holds a zero byte", bad.len()))
}

/// The house's number that a piece names.
pub(crate) fn number_of(piece: &Piece) -> Option<String> {
    match Identifier::parse(&piece.code)? {
        Identifier::Own { code } if !code.is_empty() => Some(code),
        _ => None,
    }
}

/// How a unit is told apart that nobody registered: what a GTIN or a lot names is many, everything else is one.
fn tracking_of(key: &str) -> Tracking {
    match Identifier::parse(key) {
        Some(Identifier::Gtin { .. } | Identifier::Lgtin { .. }) => Tracking::Lot,
        Some(
            Identifier::Sgtin { .. }
            | Identifier::Sscc { .. }
            | Identifier::Key { .. }
            | Identifier::Epc { .. }
            | Identifier::Own { .. }
            | Identifier::Tag { .. }
            | Identifier::Raw { .. },
        )
        | None => Tracking::Serial,
    }
}
