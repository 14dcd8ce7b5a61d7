//! The house's numbers at the server: which series there are, who may give which counters, and what becomes of the lines
//! that gave them.
//!
//! Leases and units are decisions, lines of the server's own book: a rebuild reads them there, terminals get them as signed
//! records and give them back to a server that was restored from a backup.

pub mod leases;
pub(crate) mod registrations;

use crate::hex::Hex;
use crate::quantity::Moment;
use crate::server::book::{self, DecideError, ServerKey};
use crate::server::catalog::store;
use crate::server::database::{DatabaseError, Tx};
use crate::server::stored;
use crate::sync::records::{Content, Series};

/// Series that the configuration ever named, at most.
const SERIES_MAX: usize = 500;

/// Why the series of the configuration were not taken.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    #[error(transparent)]
    Decide(#[from] DecideError),
    #[error("numbers of the series {code:?} were given as {was}; it cannot become {is}")]
    InUse { code: String, was: String, is: String },
}

impl From<DatabaseError> for SeriesError {
    fn from(error: DatabaseError) -> SeriesError {
        SeriesError::Decide(error.into())
    }
}

/// Makes the records say what the configuration says; a series that it no longer names is withdrawn, and its numbers stay.
///
/// # Errors
/// [`SeriesError`]; nothing is changed then.
pub fn configure(tx: &mut Tx, server: &ServerKey, wanted: &[Series], at: Moment) -> Result<(), SeriesError> {
    let known = store::records(tx, "series", None, SERIES_MAX)?;
    for series in wanted {
        let record = known.iter().find(|record| record.content.key() == series.numbers.code);
        let content = Content::Series(series.clone());
        match record.map(|record| (&record.content, record.withdrawn)) {
            Some((stands, false)) if *stands == content => continue,
            Some((Content::Series(before), _)) => {
                let (was, is) = (before.numbers.shape(), series.numbers.shape());
                if was != is && leases::any(tx, &series.numbers.code)? {
                    return Err(SeriesError::InUse { code: series.numbers.code.clone(), was, is });
                }
            }
            Some(_) | None => (),
        }
        put(tx, server, content, false, at, at)?;
    }
    for record in known.into_iter().filter(|record| !record.withdrawn) {
        if !wanted.iter().any(|series| series.numbers.code == record.content.key()) {
            put(tx, server, record.content, true, at, at)?;
        }
    }
    Ok(())
}

/// A decision of the server by its own rule.
fn put(
    tx: &mut Tx,
    server: &ServerKey,
    content: Content,
    withdrawn: bool,
    since: Moment,
    at: Moment,
) -> Result<(), DecideError> {
    let command = Hex(stored::random::<16>()?);
    book::put(tx, server, command, None, content, withdrawn, since, at).map(drop)
}
