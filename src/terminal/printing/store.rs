//! The queue's own file: a job is in it before anyone hears that it is queued, and its state before a label goes out.
//!
//! Beside the book and not in it: the book has what happened (a label came out), the file what is still to be done.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::hex::{Hex, HexBytes};
use crate::quantity::Moment;
use crate::terminal::printing::job::{Cause, Job, Order, State};

/// Name of the file in the terminal's folder.
pub const FILE: &str = "printing.sqlite";

/// `GBPQ`, in the header of the file.
const APPLICATION_ID: i32 = 0x4742_5051;

/// Schema of the file, one text per version.
const MIGRATIONS: [&str; 1] = ["
CREATE TABLE job (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Made with the form: a form that is sent twice is one job.
    token TEXT NOT NULL UNIQUE,
    printer TEXT NOT NULL,
    template TEXT NOT NULL,
    fields TEXT NOT NULL,
    language TEXT NOT NULL,
    code TEXT NOT NULL,
    unit TEXT,
    epc BLOB,
    copies INTEGER NOT NULL CHECK (0 < copies),
    person INTEGER,
    asked_us INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sending', 'printed', 'failed', 'unsure', 'cancelled')),
    printed INTEGER NOT NULL CHECK (printed BETWEEN 0 AND copies),
    attempts INTEGER NOT NULL,
    why TEXT NOT NULL,
    -- Where the book stood when the printer got the label: its line, if any, is behind.
    epoch BLOB,
    after_seq INTEGER
) STRICT;
CREATE INDEX job_state ON job (state, printer, number);
-- How many labels with a code this terminal has printed.
CREATE TABLE label (code TEXT PRIMARY KEY, printed INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"];

/// Jobs that may wait, be unsure or failed; a terminal with more has no printer.
pub const OPEN_MAX: u32 = 1_000;

/// Jobs that are over and still shown; older ones are forgotten. The book has their labels.
const OVER_KEPT: u32 = 500;

const BUSY: Duration = Duration::from_secs(5);

/// Why the queue cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the file of print jobs failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("the file is of a later version of this program")]
    Newer,
    #[error("it is another program's file")]
    Foreign,
    #[error("{0} print jobs are open, which is the most; cancel some")]
    Full(u32),
}

pub struct Store(Mutex<Connection>);

/// Where the book stood: its epoch and last line.
pub type Stand = (Hex<16>, u64);

impl Store {
    /// Opens the file, or makes it. Blocks, as everything here does.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn open(path: &Path) -> Result<Store, StoreError> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if id != APPLICATION_ID && (id != 0 || version != 0) {
            return Err(StoreError::Foreign);
        }
        let version = usize::try_from(version).unwrap_or(usize::MAX);
        if MIGRATIONS.len() < version {
            return Err(StoreError::Newer);
        }
        connection.query_row("PRAGMA journal_mode = WAL", (), |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        for (number, sql) in (1..).zip(MIGRATIONS).skip(version) {
            let tx = connection.transaction()?;
            tx.execute_batch(sql)?;
            tx.pragma_update(None, "application_id", APPLICATION_ID)?;
            tx.pragma_update(None, "user_version", number)?;
            tx.commit()?;
        }
        Ok(Store(Mutex::new(connection)))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a new job; its number. The same token gives the same job.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn add(&self, order: &Order, token: &str, asked: Moment) -> Result<u32, StoreError> {
        let mut connection = self.connection();
        let tx = connection.transaction()?;
        let known: Option<u32> =
            tx.query_row("SELECT number FROM job WHERE token = ?1", [token], |row| row.get(0)).optional()?;
        if let Some(number) = known {
            return Ok(number);
        }
        let sql = "SELECT count(*) FROM job WHERE state NOT IN ('printed', 'cancelled')";
        let open: u32 = tx.query_row(sql, (), |row| row.get(0))?;
        if OPEN_MAX <= open {
            return Err(StoreError::Full(open));
        }
        let sql = "DELETE FROM job WHERE state IN ('printed', 'cancelled') AND number <= \
                   (SELECT max(number) FROM job) - ?1";
        tx.execute(sql, [OVER_KEPT])?;
        let fields = serde_json::to_string(&order.values).expect("texts with text keys always become JSON");
        let sql = "INSERT INTO job (token, printer, template, fields, language, code, unit, epc, copies, person, asked_us, \
                   state, printed, attempts, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'waiting', 0, 0, ?12)";
        tx.execute(
            sql,
            params![
                token,
                order.printer,
                order.template,
                fields,
                order.language,
                order.code,
                order.unit,
                order.epc.as_ref().map(|epc| &epc.0),
                order.copies,
                order.person,
                asked.0,
                why(&Cause::None),
            ],
        )?;
        let number = tx.last_insert_rowid();
        tx.commit()?;
        u32::try_from(number).map_err(|_| StoreError::Full(u32::MAX))
    }

    /// The oldest job that waits for `printer`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn next(&self, printer: &str) -> Result<Option<Job>, StoreError> {
        let sql = format!("{JOB} WHERE state = 'waiting' AND printer = ?1 ORDER BY number LIMIT 1");
        Ok(self.connection().query_row(&sql, [printer], job).optional()?)
    }

    /// # Errors
    /// [`StoreError`]
    pub fn job(&self, number: u32) -> Result<Option<Job>, StoreError> {
        Ok(self.connection().query_row(&format!("{JOB} WHERE number = ?1"), [number], job).optional()?)
    }

    /// Jobs that somebody may still have to do with, oldest first, then those that are over, newest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn shown(&self, over: usize) -> Result<Vec<Job>, StoreError> {
        let connection = self.connection();
        let open = format!("{JOB} WHERE state NOT IN ('printed', 'cancelled') ORDER BY number LIMIT ?1");
        let mut jobs = connection.prepare(&open)?.query_map([OPEN_MAX], job)?.collect::<Result<Vec<_>, _>>()?;
        let done = format!("{JOB} WHERE state IN ('printed', 'cancelled') ORDER BY number DESC LIMIT ?1");
        for found in connection.prepare(&done)?.query_map([u32::try_from(over).unwrap_or(u32::MAX)], job)? {
            jobs.push(found?);
        }
        Ok(jobs)
    }

    /// The printer is about to get a label of this job that waits, or a person says that the unsure one came out: from now
    /// on the book behind `stand` knows. `false`: the job is not in the state `from`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn begin(&self, number: u32, from: State, (epoch, seq): Stand) -> Result<bool, StoreError> {
        let sql = "UPDATE job SET state = 'sending', attempts = attempts + CASE state WHEN 'waiting' THEN 1 ELSE 0 END, \
                   epoch = ?2, after_seq = ?3, why = ?4 WHERE number = ?1 AND state = ?5";
        let values = params![number, epoch.0, seq.cast_signed(), why(&Cause::None), from.word()];
        Ok(0 < self.connection().execute(sql, values)?)
    }

    /// Which label with `code` the next one is.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn copy(&self, code: &str) -> Result<u32, StoreError> {
        let sql = "SELECT printed FROM label WHERE code = ?1";
        let printed: Option<u32> = self.connection().query_row(sql, [code], |row| row.get(0)).optional()?;
        Ok(printed.unwrap_or(0).saturating_add(1))
    }

    /// A label of this job is out, and its line is in the book.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn out(&self, number: u32) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let tx = connection.transaction()?;
        let sql = "UPDATE job SET printed = printed + 1, why = ?2, \
                   state = CASE WHEN printed + 1 < copies THEN 'waiting' ELSE 'printed' END \
                   WHERE number = ?1 AND state = 'sending' RETURNING code";
        let cause = why(&Cause::None);
        let code: Option<String> = tx.query_row(sql, params![number, cause], |row| row.get(0)).optional()?;
        if let Some(code) = code {
            let sql = "INSERT INTO label (code, printed) VALUES (?1, 1) ON CONFLICT (code) DO UPDATE SET printed = printed + 1";
            tx.execute(sql, [code])?;
        }
        Ok(tx.commit()?)
    }

    /// Brings a job from one of `from` to `to`. `false`: it is in none of them.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn set(&self, number: u32, from: &[State], to: State, cause: &Cause) -> Result<bool, StoreError> {
        let mut connection = self.connection();
        let tx = connection.transaction()?;
        let sql = "SELECT state FROM job WHERE number = ?1";
        let state: Option<String> = tx.query_row(sql, [number], |row| row.get(0)).optional()?;
        if !state.and_then(|state| State::from_word(&state)).is_some_and(|state| from.contains(&state)) {
            return Ok(false);
        }
        tx.execute("UPDATE job SET state = ?2, why = ?3 WHERE number = ?1", params![number, to.word(), why(cause)])?;
        tx.commit()?;
        Ok(true)
    }

    /// Jobs of which a printer had a label when the last run ended, each with where the book stood before.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn broken_off(&self) -> Result<Vec<(Job, Option<Stand>)>, StoreError> {
        let connection = self.connection();
        let sql = format!("{JOB} WHERE state = 'sending' ORDER BY number");
        let jobs = connection.prepare(&sql)?.query_map((), job)?.collect::<Result<Vec<_>, _>>()?;
        let stand = |number: u32| {
            let sql = "SELECT epoch, after_seq FROM job WHERE number = ?1";
            let row: (Option<[u8; 16]>, Option<i64>) =
                connection.query_row(sql, [number], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok::<_, StoreError>(row.0.map(Hex).zip(row.1.map(i64::cast_unsigned)))
        };
        jobs.into_iter().map(|job| Ok((job.clone(), stand(job.number)?))).collect()
    }
}

const JOB: &str = "SELECT number, printer, template, fields, language, code, unit, epc, copies, person, asked_us, state, \
                   printed, attempts, why FROM job";

fn why(cause: &Cause) -> String {
    serde_json::to_string(cause).expect("an enum of texts always becomes JSON")
}

fn job(row: &Row) -> rusqlite::Result<Job> {
    let strange = |index: usize| rusqlite::Error::InvalidColumnType(index, "job".into(), rusqlite::types::Type::Text);
    let epc: Option<Vec<u8>> = row.get(7)?;
    Ok(Job {
        number: row.get(0)?,
        order: Order {
            printer: row.get(1)?,
            template: row.get(2)?,
            values: serde_json::from_str(&row.get::<_, String>(3)?).map_err(|_| strange(3))?,
            language: row.get(4)?,
            code: row.get(5)?,
            unit: row.get(6)?,
            epc: epc.map(HexBytes),
            copies: row.get(8)?,
            person: row.get(9)?,
        },
        asked: Moment(row.get(10)?),
        state: State::from_word(&row.get::<_, String>(11)?).ok_or_else(|| strange(11))?,
        printed: row.get(12)?,
        attempts: row.get(13)?,
        why: serde_json::from_str(&row.get::<_, String>(14)?).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn order(copies: u32) -> Order {
        Order {
            printer: "p".into(),
            template: "sample".into(),
            values: BTreeMap::from([("number".to_owned(), "R-1".to_owned())]),
            language: "zh-CN".into(),
            code: "own/R-1".into(),
            unit: None,
            epc: Some(HexBytes(vec![0x30, 0x14])),
            copies,
            person: Some(7),
        }
    }

    const STAND: Stand = (Hex([7; 16]), 41);

    #[test]
    fn a_job_goes_its_way_and_outlives_the_file_being_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let store = Store::open(&path).unwrap();
        let number = store.add(&order(2), "a", Moment(5)).unwrap();
        assert_eq!(store.add(&order(2), "a", Moment(6)).unwrap(), number, "sent twice");
        assert!(store.next("another").unwrap().is_none());
        let job = store.next("p").unwrap().unwrap();
        assert_eq!((job.order, job.asked, job.state), (order(2), Moment(5), State::Waiting));
        assert!(store.begin(number, State::Waiting, STAND).unwrap());
        assert!(!store.begin(number, State::Waiting, STAND).unwrap(), "one label at a time");
        store.out(number).unwrap();
        store.out(number).unwrap();
        let job = store.job(number).unwrap().unwrap();
        assert_eq!((job.printed, job.state), (1, State::Waiting), "only what was at the printer came out");
        assert!(store.begin(number, State::Waiting, STAND).unwrap());
        drop(store);
        let store = Store::open(&path).unwrap();
        let (job, stand) = store.broken_off().unwrap().pop().unwrap();
        assert_eq!((job.number, job.attempts, stand), (number, 2, Some(STAND)));
        assert!(store.set(number, &[State::Sending], State::Unsure, &Cause::Restarted).unwrap());
        assert!(!store.set(number, &[State::Waiting], State::Cancelled, &Cause::None).unwrap());
        assert!(store.begin(number, State::Unsure, STAND).unwrap());
        store.out(number).unwrap();
        let job = store.job(number).unwrap().unwrap();
        assert_eq!((job.printed, job.attempts, job.state, job.why), (2, 2, State::Printed, Cause::None));
        assert_eq!(store.copy("own/R-1").unwrap(), 3);
        assert_eq!(store.copy("own/R-2").unwrap(), 1);
    }

    #[test]
    fn the_queue_has_an_end_and_forgets_what_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join(FILE)).unwrap();
        store.connection().pragma_update(None, "synchronous", "OFF").unwrap();
        for number in 0..OPEN_MAX {
            store.add(&order(1), &number.to_string(), Moment(0)).unwrap();
        }
        assert!(matches!(store.add(&order(1), "more", Moment(0)), Err(StoreError::Full(OPEN_MAX))));
        for number in 1..=OPEN_MAX {
            assert!(store.set(number, &[State::Waiting], State::Cancelled, &Cause::None).unwrap());
        }
        store.add(&order(1), "more", Moment(0)).unwrap();
        assert_eq!(store.shown(usize::MAX).unwrap().len(), OVER_KEPT as usize + 1);
    }

    #[test]
    fn files_of_others_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let file = Connection::open(&path).unwrap();
        file.pragma_update(None, "application_id", 1).unwrap();
        assert!(matches!(Store::open(&path), Err(StoreError::Foreign)));
        file.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        file.pragma_update(None, "user_version", 2).unwrap();
        assert!(matches!(Store::open(&path), Err(StoreError::Newer)));
    }
}
