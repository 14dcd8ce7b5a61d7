//! Numbers that were given, and codes that two units claim: what a person has to settle about them.

use std::collections::BTreeSet;

use crate::event::{Body, Reason};
use crate::numbers;
use crate::server::database::{DatabaseError, Tx, Value};
use crate::server::kernel::{Entry, number_of, store};
use crate::server::stored::line_id;

/// Writes down which lines gave a number; the units concerned.
pub(super) fn take(tx: &mut Tx, entries: &[Entry]) -> Result<BTreeSet<String>, DatabaseError> {
    let mut units = BTreeSet::new();
    let mut rows: Vec<Vec<Value>> = Vec::new();
    for entry in entries {
        let Ok(Body::Registration(registration)) = &entry.body else { continue };
        let line = entry.at.reference();
        let counter = number_of(&registration.what).and_then(|number| numbers::leased_counter(&number));
        // What does not fit into the column was leased to nobody.
        let counter = counter.and_then(|counter| i64::try_from(counter).ok());
        units.insert(registration.what.code.clone());
        rows.push(vec![
            line_id(line).into(),
            (&registration.what.code).into(),
            entry.at.corrected.into(),
            line.terminal.into(),
            line.epoch.into(),
            (&registration.series).into(),
            counter.into(),
        ]);
    }
    tx.execute_many(
        "INSERT INTO registration (line, unit, corrected_us, terminal_no, epoch, series, counter) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &rows,
    )?;
    Ok(units)
}

/// The first line that gave a number has given it; the others are raised.
pub(super) fn raise_twice(tx: &mut Tx, units: &BTreeSet<String>) -> Result<(), DatabaseError> {
    let sql = "SELECT r.line, r.corrected_us FROM registration r LEFT JOIN correction c ON c.line = r.line \
               WHERE c.line IS NULL AND r.unit = ?1 ORDER BY r.corrected_us, r.line";
    for unit in units {
        let given = tx.query(sql, &[unit.into()])?;
        let later = given.iter().skip(1).map(|row| Ok((row.blob(0)?.to_vec(), row.moment(1)?.into())));
        raise_about(tx, Reason::NumberTwice, unit, later.collect::<Result<_, DatabaseError>>()?)?;
    }
    Ok(())
}

/// Raises the lines that claimed a code while another unit held it.
///
/// # Errors
/// What the database says.
pub fn raise_clashes(tx: &mut Tx, code: &str) -> Result<(), DatabaseError> {
    let sql = "SELECT line, since_us FROM claim WHERE clashed = 1 AND code = ?1";
    let clashes = tx.query(sql, &[code.into()])?;
    let lines = clashes.iter().map(|row| Ok((row.blob(0)?.to_vec(), row.moment(1)?.into())));
    raise_about(tx, Reason::BoundTwice, code, lines.collect::<Result<_, DatabaseError>>()?)
}

/// Raises `reason` about `code` at these lines with their times, and no longer at any other.
fn raise_about(tx: &mut Tx, reason: Reason, code: &str, lines: Vec<(Vec<u8>, Value)>) -> Result<(), DatabaseError> {
    let about = [reason.word().into(), code.into()];
    tx.execute("DELETE FROM exception WHERE unit = '' AND reason = ?1 AND code = ?2", &about)?;
    let row = |(line, at): (Vec<u8>, Value)| vec![line.into(), reason.word().into(), code.into(), "".into(), at];
    store::raise(tx, &lines.into_iter().map(row).collect::<Vec<_>>())
}
