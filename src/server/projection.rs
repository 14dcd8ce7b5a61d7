//! From the book to everything that is derived from it: the one place that sends a line to the room it belongs to.

use std::collections::BTreeSet;

use crate::event::{Body, Decision, LineRef, Reason, Ruling};
use crate::server::catalog;
use crate::server::database::{DatabaseError, Tx};
use crate::server::kernel::{self, Entry};
use crate::server::stored::line_id;

/// Projects lines that stand in the book by now. Lines of one book come in its order.
pub(crate) fn project(tx: &mut Tx, entries: &[Entry]) -> Result<(), DatabaseError> {
    // Only the server decides: a decision in a terminal's book is an unreadable line like any other.
    let decides = |entry: &Entry| entry.at.book.terminal == 0 && matches!(entry.body, Ok(Body::Decision(_)));
    for run in entries.chunk_by(|a, b| !decides(a) && !decides(b)) {
        match run {
            [entry] if decides(entry) => {
                if let Ok(Body::Decision(decision)) = &entry.body {
                    carry_out(tx, entry, decision)?;
                }
            }
            run => kernel::project::project(tx, run)?,
        }
    }
    Ok(())
}

fn carry_out(tx: &mut Tx, entry: &Entry, decision: &Decision) -> Result<(), DatabaseError> {
    let line = entry.at.reference();
    let at = entry.at.corrected;
    match &decision.ruling {
        Ruling::Put { record } => put(tx, entry, &record.0),
        Ruling::Settle { line: settled, reason, code, note } => tx
            .execute(
                "INSERT INTO settlement (line, reason, code, note, person_no, settled_us, by_line) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (line, reason, code) DO NOTHING",
                &[
                    line_id(*settled).into(),
                    reason.into(),
                    code.into(),
                    note.into(),
                    decision.person.into(),
                    at.into(),
                    line_id(line).into(),
                ],
            )
            .map(drop),
        Ruling::Enrol { terminal, name, key } => catalog::terminals::enrolled(tx, *terminal, name, *key, at),
        Ruling::Revoke { terminal } => catalog::terminals::revoked(tx, *terminal, at),
    }
}

/// The cursor of the record that a line of the server's own books puts.
fn record_cursor(tx: &mut Tx, line: LineRef) -> Result<u64, DatabaseError> {
    let row = tx.query_opt("SELECT cursor_base FROM server_book WHERE epoch = ?1", &[line.epoch.into()])?;
    let base = row.map(|row| row.count(0)).transpose()?.unwrap_or(0);
    Ok(base.saturating_add(line.seq))
}

fn put(tx: &mut Tx, entry: &Entry, record: &[u8]) -> Result<(), DatabaseError> {
    let line = entry.at.reference();
    let cursor = record_cursor(tx, line)?;
    match catalog::store::apply(tx, line, cursor, record)? {
        catalog::store::Applied::Nothing => Ok(()),
        catalog::store::Applied::Unreadable => kernel::project::raise(tx, &entry.at, Reason::Unreadable),
        catalog::store::Applied::Unit(unit) => kernel::project::refold(tx, &BTreeSet::from([unit])),
        catalog::store::Applied::Binding { code, twice } => {
            if twice {
                kernel::project::raise(tx, &entry.at, Reason::BoundTwice)?;
            }
            kernel::registrations::raise_clashes(tx, &code)?;
            kernel::project::rebind(tx, &code)
        }
        catalog::store::Applied::Codes(codes) => {
            for code in &codes {
                kernel::registrations::raise_clashes(tx, code)?;
                kernel::project::rebind(tx, code)?;
            }
            Ok(())
        }
    }
}
