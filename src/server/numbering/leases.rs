//! Which book may give which counters.
//!
//! No request asks for them: from the lines that came in the server knows what a book has left, and leases the next block
//! before the half of one is used. What it leased comes down as a record, so no lost answer can lose or double a block. A
//! book that ended takes the rest of its counters with it.

use crate::event::{Body, Decision, Ruling};
use crate::hex::Hex;
use crate::ledger::chain::BookId;
use crate::quantity::Moment;
use crate::server::book::{self, DecideError, ServerKey};
use crate::server::catalog::store;
use crate::server::database::{DatabaseError, Tx};
use crate::server::numbering;
use crate::server::stored::line_ref;
use crate::sync::records::{Content, Lease, Series};

/// Numbers that the server gives for one request at most.
pub const GIVEN_MAX: u32 = 1_000;

/// A restored server leaves out one counter in so many: what was leased after its backup is not known to it.
const GAP: u64 = 100;

/// Why the server gave no numbers.
#[derive(Debug, thiserror::Error)]
pub enum GiveError {
    #[error(transparent)]
    Decide(#[from] DecideError),
    #[error("there is no series `{code}`")]
    NoSeries { code: String },
    #[error("the series `{code}` is used up")]
    UsedUp { code: String },
}

impl From<DatabaseError> for GiveError {
    fn from(error: DatabaseError) -> GiveError {
        GiveError::Decide(error.into())
    }
}

impl GiveError {
    /// What to do.
    pub fn help(&self) -> &'static str {
        match self {
            GiveError::Decide(error) => error.help(),
            GiveError::NoSeries { .. } => {
                "`GET /api/v1/numbers` lists the series; the server's configuration makes them."
            }
            GiveError::UsedUp { .. } => "Make a new series with another prefix in the server's configuration.",
        }
    }
}

/// Whether any counter of the series was ever leased.
pub(super) fn any(tx: &mut Tx, code: &str) -> Result<bool, DatabaseError> {
    Ok(tx.query_opt("SELECT 1 FROM lease WHERE series = ?1 LIMIT 1", &[code.into()])?.is_some())
}

/// Leases the next block of every series of which this book has less than half a block left.
///
/// # Errors
/// What the database says.
pub fn refill(tx: &mut Tx, server: &ServerKey, book: BookId, at: Moment) -> Result<(), DatabaseError> {
    for series in store::series(tx)? {
        let block = u64::from(series.block);
        if block <= left(tx, book, &series.numbers.code)? * 2 {
            continue;
        }
        let Some(lease) = next(tx, &series, book, block)? else {
            tracing::warn!("the series `{}` is used up; make a new one with another prefix", series.numbers.code);
            continue;
        };
        match numbering::put(tx, server, Content::Lease(lease), false, at, at) {
            Ok(()) => (),
            Err(DecideError::Database(error)) => return Err(error),
            // A terminal is heard all the same; it gives numbers of its own.
            Err(error) => tracing::error!("no numbers of `{}` could be leased: {error}", series.numbers.code),
        }
    }
    Ok(())
}

/// Takes all counters from a book that lost its tail: what it gave of them since, it does not know any more.
///
/// # Errors
/// What the database says.
pub fn withdraw(tx: &mut Tx, server: &ServerKey, book: BookId, at: Moment) -> Result<(), DatabaseError> {
    let sql = "SELECT series, first_no FROM lease WHERE terminal_no = ?1 AND epoch = ?2 AND withdrawn = 0";
    for row in tx.query(sql, &[book.terminal.into(), book.epoch.into()])? {
        let key = format!("{}/{}", row.text(0)?, row.count(1)?);
        let Some(lease) = store::record(tx, "lease", &key)? else { continue };
        match numbering::put(tx, server, lease.content, true, lease.since, at) {
            Ok(()) => (),
            Err(DecideError::Database(error)) => return Err(error),
            Err(error) => tracing::error!("the lease {key} could not be withdrawn: {error}"),
        }
    }
    Ok(())
}

/// Counters that a book has left, as far as its lines have come in. It gives them in their order.
fn left(tx: &mut Tx, book: BookId, series: &str) -> Result<u64, DatabaseError> {
    let of_book = [book.terminal.into(), book.epoch.into(), series.into()];
    let given = "SELECT max(counter) FROM registration WHERE terminal_no = ?1 AND epoch = ?2 AND series = ?3";
    let given = tx.query_opt(given, &of_book)?.map(|row| row.opt_int(0)).transpose()?.flatten().unwrap_or(0);
    let leases = "SELECT first_no, last_no FROM lease \
                  WHERE terminal_no = ?1 AND epoch = ?2 AND series = ?3 AND withdrawn = 0";
    let mut left = 0;
    for row in tx.query(leases, &of_book)? {
        left += u64::try_from(row.int(1)? - given.max(row.int(0)? - 1)).unwrap_or(0);
    }
    Ok(left)
}

/// The next `count` counters of a series, or as many as it still has; `None` when that is none.
fn next(tx: &mut Tx, series: &Series, book: BookId, count: u64) -> Result<Option<Lease>, DatabaseError> {
    let numbers = &series.numbers;
    let by = book::server_epoch(tx)?;
    let newest = tx.query_opt("SELECT max(last_no) FROM lease WHERE series = ?1", &[(&numbers.code).into()])?;
    let newest = newest.map(|row| row.opt_int(0)).transpose()?.flatten().unwrap_or(0);
    let own = "SELECT 1 FROM lease WHERE series = ?1 AND leased_by = ?2 LIMIT 1";
    let first_of_epoch = tx.query_opt(own, &[(&numbers.code).into(), by.into()])?.is_none();
    let gap = if first_of_epoch && book::was_restored(tx)? { numbers.last() / GAP } else { 0 };
    let first = u64::try_from(newest).unwrap_or(0) + 1 + gap;
    let last = (first + count - 1).min(numbers.last());
    let (terminal, epoch) = (book.terminal, book.epoch);
    Ok((first <= last).then(|| Lease { series: numbers.code.clone(), terminal, epoch, first, last, by }))
}

/// Gives numbers at the server itself, for labels of trays, places, badges and papers. The same command gets the same
/// numbers again.
///
/// # Errors
/// [`GiveError`]; nothing is given then.
pub fn give(
    tx: &mut Tx,
    server: &ServerKey,
    command: Hex<16>,
    person: Option<u32>,
    code: &str,
    count: u32,
    at: Moment,
) -> Result<Vec<String>, GiveError> {
    let known = store::series(tx)?;
    let series = known.into_iter().find(|series| series.numbers.code == code);
    let series = series.ok_or_else(|| GiveError::NoSeries { code: code.to_owned() })?;
    if let Some(lease) = leased_before(tx, command)? {
        return match lease.series == code {
            true => Ok(written(&series, &lease, count)),
            false => Err(DecideError::CommandReused { command }.into()),
        };
    }
    let book = BookId { terminal: 0, epoch: book::server_epoch(tx)? };
    let mut lease = next(tx, &series, book, 1)?.ok_or_else(|| GiveError::UsedUp { code: code.to_owned() })?;
    let count = count.clamp(1, GIVEN_MAX);
    // Up to the counter of the last number: those that are passed over are leased too.
    let mut counters =
        (lease.first..=series.numbers.last()).filter(|counter| series.numbers.number(*counter).is_some());
    lease.last = counters.nth(usize::try_from(count - 1).unwrap_or(0)).unwrap_or(series.numbers.last());
    let numbers = written(&series, &lease, count);
    book::put(tx, server, command, person, Content::Lease(lease), false, at, at)?;
    Ok(numbers)
}

fn written(series: &Series, lease: &Lease, count: u32) -> Vec<String> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    (lease.first..=lease.last).filter_map(|counter| series.numbers.number(counter)).take(count).collect()
}

/// What this command leased when it came first.
fn leased_before(tx: &mut Tx, command: Hex<16>) -> Result<Option<Lease>, GiveError> {
    let Some(row) = tx.query_opt("SELECT line FROM command WHERE command = ?1", &[command.into()])? else {
        return Ok(None);
    };
    let stored = book::line(tx, line_ref(row.blob(0)?)?)?;
    let body = stored.and_then(|stored| Body::decode(stored.line.kind, stored.line.schema, &stored.line.body.0).ok());
    if let Some(Body::Decision(Decision { ruling: Ruling::Put { record }, .. })) = body
        && let Content::Lease(lease) = store::parse(&record.0)?.content
    {
        return Ok(Some(lease));
    }
    Err(DecideError::CommandReused { command }.into())
}
