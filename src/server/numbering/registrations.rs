//! What the server decides because a terminal registered or relabelled something: the unit and what its codes say become
//! records, which flow down to every terminal.

use crate::event::{Body, Correction, Decision, LineRef, Registration, Relabelling};
use crate::ledger::chain::BookId;
use crate::quantity::{Moment, Quantity};
use crate::server::book::{self, DecideError, ServerKey};
use crate::server::catalog::store;
use crate::server::database::{DatabaseError, Tx};
use crate::server::kernel::{Entry, number_of};
use crate::server::lines;
use crate::server::numbering::put;
use crate::server::stored::{Stored, line_id, line_ref, unit_key};
use crate::sync::records::{Content, Name, Record, Relabelled, Tracking, Unit};

/// Kinds of lines that the server decides about: those that take back, register and relabel.
pub(crate) const KINDS: [u8; 3] = [4, 7, 8];

/// Decides about the lines `first..=last` of a book, which stand in the central book by now.
///
/// # Errors
/// What the database says.
pub(crate) fn follow(
    tx: &mut Tx,
    server: &ServerKey,
    book: BookId,
    (first, last): (u64, u64),
    at: Moment,
) -> Result<(), DatabaseError> {
    let id = |seq| line_id(LineRef { terminal: book.terminal, epoch: book.epoch, seq }).into();
    let sql =
        format!("SELECT {} FROM line WHERE id BETWEEN ?1 AND ?2 AND kind IN (4, 7, 8) ORDER BY id", lines::COLUMNS);
    let stored = tx.query(&sql, &[id(first), id(last)])?.iter().map(lines::read).collect::<Result<Vec<_>, _>>()?;
    for stored in stored {
        let Entry { at: stored, body } = Entry::read(stored);
        let decided = match body {
            Ok(Body::Registration(registration)) => registered(tx, server, &stored, &registration, at),
            Ok(Body::Relabelling(relabelling)) => relabelled(tx, server, &stored, &relabelling, at),
            Ok(Body::Correction(correction)) => taken_back(tx, server, &stored, &correction, at),
            Ok(Body::Movement(_) | Body::Attempt(_) | Body::Passage(_) | Body::Decision(_) | Body::System(_))
            | Err(_) => Ok(()),
        };
        match decided {
            Ok(()) => (),
            Err(DecideError::Database(error)) => return Err(error),
            // The line stands whatever the rest of the server can make of it.
            Err(error) => tracing::error!(
                line = stored.line.seq,
                "a line of terminal {} changed no record: {error}",
                book.terminal
            ),
        }
    }
    Ok(())
}

fn registered(
    tx: &mut Tx,
    server: &ServerKey,
    stored: &Stored,
    registration: &Registration,
    at: Moment,
) -> Result<(), DecideError> {
    let Some(number) = number_of(&registration.what) else { return Ok(()) };
    // Whoever gave the number first has the unit; the kernel raises the others. One that was withdrawn because its line
    // was taken back is there again.
    let free = match store::record(tx, "unit", &number)? {
        None => true,
        Some(record) => record.withdrawn && by_rule(tx, &number)?,
    };
    if free {
        let unit = unit(tx, &number, registration)?;
        put(tx, server, Content::Unit(unit), false, stored.corrected, at)?;
    }
    let bind: Vec<String> = registration.bind.iter().cloned().collect();
    if bind.is_empty() {
        return Ok(());
    }
    let said = Relabelled { line: stored.reference(), unit: number, bind, release: Vec::new() };
    put(tx, server, Content::Relabelled(said), false, stored.corrected, at)
}

/// Whether the unit's newest version was decided here, and not by a person.
fn by_rule(tx: &mut Tx, number: &str) -> Result<bool, DatabaseError> {
    let sql = "SELECT line FROM record WHERE kind = 'unit' AND name = ?1 ORDER BY version DESC LIMIT 1";
    let Some(row) = tx.query_opt(sql, &[number.into()])? else { return Ok(false) };
    let decision = book::line(tx, line_ref(row.blob(0)?)?)?.map(|stored| Entry::read(stored).body);
    Ok(matches!(decision, Some(Ok(Body::Decision(Decision { person: None, .. })))))
}

/// The unit's record, named like its item.
fn unit(tx: &mut Tx, number: &str, registration: &Registration) -> Result<Unit, DatabaseError> {
    let item = store::item(tx, &registration.item)?;
    let quantity = Some(registration.what.quantity).filter(|quantity| *quantity != Quantity::ONE_PIECE);
    let unit = Unit {
        number: number.to_owned(),
        item: registration.item.clone(),
        // A number of its own is what tells it apart, whatever its item does.
        tracking: Tracking::Serial,
        name: item.map(|item| item.name).unwrap_or_default(),
        home: None,
        quantity,
    };
    let record =
        |unit: &Unit| Record { version: 1, withdrawn: false, since: Moment(0), content: Content::Unit(unit.clone()) };
    // A name too long for another record beside it stays with the item.
    Ok(match store::flaw(&record(&unit)) {
        None => unit,
        Some(_) => Unit { name: Name::default(), ..unit },
    })
}

fn relabelled(
    tx: &mut Tx,
    server: &ServerKey,
    stored: &Stored,
    relabelling: &Relabelling,
    at: Moment,
) -> Result<(), DecideError> {
    let Some(unit) = number_of(&relabelling.what) else { return Ok(()) };
    let (bind, release) = (relabelling.bind.clone(), relabelling.release.clone());
    let said = Relabelled { line: stored.reference(), unit, bind, release };
    put(tx, server, Content::Relabelled(said), false, stored.corrected, at)
}

/// What the line said is withdrawn. The number stays given.
fn taken_back(
    tx: &mut Tx,
    server: &ServerKey,
    stored: &Stored,
    correction: &Correction,
    at: Moment,
) -> Result<(), DecideError> {
    let target = correction.corrects;
    let by = [line_id(target).into(), line_id(stored.reference()).into()];
    if tx.query_opt("SELECT 1 FROM correction WHERE line = ?1 AND by_line = ?2", &by)?.is_none() {
        return Ok(());
    }
    let Some(taken) = book::line(tx, target)? else { return Ok(()) };
    let number = match Entry::read(taken).body {
        Ok(Body::Registration(registration)) => number_of(&registration.what),
        Ok(Body::Relabelling(_)) => None,
        _ => return Ok(()),
    };
    let name = format!("{}.{}.{}", target.terminal, target.epoch, target.seq);
    if let Some(said) = store::record(tx, "relabelled", &name)? {
        put(tx, server, said.content, true, said.since, at)?;
    }
    let Some(number) = number else { return Ok(()) };
    let others = "SELECT 1 FROM registration r LEFT JOIN correction c ON c.line = r.line \
                  WHERE c.line IS NULL AND r.unit = ?1 LIMIT 1";
    if tx.query_opt(others, &[unit_key(&number).into()])?.is_some() {
        return Ok(());
    }
    match store::record(tx, "unit", &number)? {
        Some(Record { withdrawn: false, content, since, .. }) => put(tx, server, content, true, since, at),
        Some(_) | None => Ok(()),
    }
}
