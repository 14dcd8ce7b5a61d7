//! `gatebook verify`: looks at every value of a book and names what is wrong.
//!
//! What it finds: any changed, missing or reordered line or seal, a tail cut below what a seal or the server's receipt
//! names, and rot in every other row. What no file can show: lines after the last seal and above the last receipt that
//! were cut off together; [`Report::unsealed`] says how many lines stand there.

use std::fmt;
use std::path::Path;

use ed25519_dalek::VerifyingKey;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::event::{Body, System};
use crate::hex::Hex;
use crate::ledger::book::{StoreError, StoredRecord};
use crate::ledger::chain::{self, BookId, Seal};
use crate::ledger::file;
use crate::ledger::opening;
use crate::ledger::rescue;
use crate::ledger::store;

/// Findings listed; more are counted.
const LISTED_MAX: usize = 1000;

/// How the server's signatures are checked: the ledger does not know their form, who calls does.
pub struct Server<'a> {
    /// Whether the server signed (book, last line, its hash).
    pub receipt_holds: &'a dyn Fn(BookId, u64, Hex<32>, Hex<64>) -> bool,
    /// Whether the server signed this record.
    pub record_holds: &'a dyn Fn(&StoredRecord) -> bool,
}

/// Where something is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole: its header, tables and pages.
    File,
    /// The row that says whose book it is.
    Title,
    Line(u64),
    Seal(u64),
    /// The sealing key in force from this seal on.
    Key(u64),
    /// The place where older lines were given up.
    Cut,
    Receipt,
    /// Where the downlink goes on.
    Cursor,
    Record {
        kind: String,
        key: String,
    },
    Mark(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File => f.write_str("the file"),
            Place::Title => f.write_str("the title"),
            Place::Line(seq) => write!(f, "line {seq}"),
            Place::Seal(number) => write!(f, "seal {number}"),
            Place::Key(from_seal) => write!(f, "the key from seal {from_seal} on"),
            Place::Cut => f.write_str("the cut"),
            Place::Receipt => f.write_str("the server's receipt"),
            Place::Cursor => f.write_str("the downlink's cursor"),
            Place::Record { kind, key } => write!(f, "record {kind} {key}"),
            Place::Mark(key) => write!(f, "mark {key}"),
        }
    }
}

/// One thing that is wrong: `line 7: a value was changed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub place: Place,
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

#[derive(Clone, Debug)]
pub struct Report {
    pub id: BookId,
    /// First and last line kept; `first` is `last + 1` when there is none.
    pub first: u64,
    pub last: u64,
    pub lines: u64,
    pub seals: u64,
    /// Lines behind the last seal: chained, but not signed yet.
    pub unsealed: u64,
    /// Last line that the server confirmed.
    pub receipted: Option<u64>,
    /// Whether the seals were checked against a key from elsewhere. Without one, the file vouches for itself: rot is
    /// found, a file that someone made anew with another key is not.
    pub key_given: bool,
    /// Whether the server's signatures were checked.
    pub server_given: bool,
    /// At most 1000.
    pub findings: Vec<Finding>,
    pub findings_left_out: u64,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, place: Place, what: impl Into<String>) {
        match self.findings.len() < LISTED_MAX {
            true => self.findings.push(Finding { place, what: what.into() }),
            false => self.findings_left_out += 1,
        }
    }
}

/// Why a file could not be verified at all.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("{path} is not a book of Gatebook, or its first page is destroyed: {cause}")]
    NotABook { path: String, cause: String },
    #[error("{path} cannot be read: {cause}")]
    Store { path: String, cause: StoreError },
}

/// Verifies the book at `path`, also while it is written. `key` is the terminal's public key as the server knows it;
/// without it the key in the file is used, and the report says so. Blocks for as long as reading the file takes.
///
/// # Errors
/// [`VerifyError`] when the file is no book or cannot be read; what is wrong inside of a book is a finding.
pub fn verify(path: &Path, key: Option<&VerifyingKey>) -> Result<Report, VerifyError> {
    verify_with_server(path, key, None)
}

/// [`verify`], and the signatures of the server over receipt and records.
///
/// # Errors
/// As [`verify`].
pub fn verify_with_server(
    path: &Path,
    key: Option<&VerifyingKey>,
    server: Option<&Server>,
) -> Result<Report, VerifyError> {
    let name = || path.display().to_string();
    std::fs::metadata(path).map_err(|error| VerifyError::Store { path: name(), cause: error.into() })?;
    let connection = file::connect_reader(path).map_err(|error| not_a_book(path, error))?;
    // One snapshot for all that follows.
    let snapshot = connection.unchecked_transaction().map_err(|error| not_a_book(path, error))?;
    let title = store::title(&snapshot).map_err(|error| not_a_book(path, error))?;
    let mut report = Report {
        id: title.id,
        first: 1,
        last: 0,
        lines: 0,
        seals: 0,
        unsealed: 0,
        receipted: None,
        key_given: key.is_some(),
        server_given: server.is_some(),
        findings: Vec::new(),
        findings_left_out: 0,
    };
    // A page that cannot be read ends the part that needed it, not the report.
    let mut attempt = |part: &str, work: &mut dyn FnMut(&mut Report) -> rusqlite::Result<()>| {
        if let Err(error) = work(&mut report) {
            report.find(Place::File, format!("{part} cannot be read to the end: {error}"));
        }
    };
    let mut keys = Keys::default();
    attempt("the pages", &mut |report| pages(&snapshot, report));
    attempt("the keys", &mut |report| {
        keys = Keys::read(&snapshot, report)?;
        if !keys.rows.first().is_some_and(|(_, key)| key.is_some_and(|key| title.holds(&key))) {
            report.find(Place::Title, "it does not hold with the key that the book began with");
        }
        Ok(())
    });
    attempt("the lines", &mut |report| lines(&snapshot, report, &mut keys));
    attempt("the seals", &mut |report| seals(&snapshot, report, &mut keys));
    attempt("the keys", &mut |report| key_changes(&snapshot, report, &keys));
    attempt("the receipt", &mut |report| receipt(&snapshot, report, server));
    attempt("the records", &mut |report| records(&snapshot, report, server));
    attempt("the marks", &mut |report| marks(&snapshot, report));
    if let Some(key) = key {
        vouch(&mut report, &keys, key);
    }
    Ok(report)
}

fn not_a_book(path: &Path, error: rusqlite::Error) -> VerifyError {
    let path = path.display().to_string();
    match file::ailment(&error) {
        file::Ailment::Disk => VerifyError::Store { path, cause: error.into() },
        _ => VerifyError::NotABook { path, cause: error.to_string() },
    }
}

#[derive(Default)]
struct Keys {
    /// From which seal on, and the key; `None` when the bytes are no key.
    rows: Vec<(u64, Option<VerifyingKey>)>,
    /// Lines that say that the key changed.
    changes: Vec<(u64, Hex<32>)>,
    /// Seals that hold with the key of that row.
    held: Vec<u64>,
}

impl Keys {
    fn read(connection: &Connection, report: &mut Report) -> rusqlite::Result<Keys> {
        let mut keys = Keys::default();
        for (from_seal, public) in store::keys(connection)? {
            let key = VerifyingKey::from_bytes(&public.0).ok();
            if key.is_none() {
                report.find(Place::Key(from_seal), "it is not a public key");
            }
            keys.rows.push((from_seal, key));
        }
        if keys.rows.first().is_none_or(|(from_seal, _)| *from_seal != 1) {
            report.find(Place::Key(1), "it is missing");
        }
        keys.held = vec![0; keys.rows.len()];
        Ok(keys)
    }

    /// Index of the key that signs seal `number`.
    fn at(&self, number: u64) -> Option<usize> {
        self.rows.iter().rposition(|(from_seal, _)| *from_seal <= number)
    }
}

fn pages(connection: &Connection, report: &mut Report) -> rusqlite::Result<()> {
    for trouble in store::all(connection, "PRAGMA integrity_check", (), |row| row.get::<_, String>(0))? {
        if trouble != "ok" {
            report.find(Place::File, trouble);
        }
    }
    if file::application_id(connection)? != file::APPLICATION_ID {
        report.find(Place::File, "its header does not say that it is a book");
    }
    let version = file::version(connection)?;
    if version != file::VERSION {
        report.find(Place::File, format!("its schema is version {version}, this program knows {}", file::VERSION));
    } else if file::stored_schema_texts(connection)? != file::schema_texts()? {
        report.find(Place::File, "its tables are not as they were made");
    }
    Ok(())
}

/// Hashes that the next line may follow. Two after a line that does not fit: either its hash or another value changed.
enum Before {
    Known(Hex<32>),
    Either {
        stored: Hex<32>,
        computed: Hex<32>,
        seq: u64,
    },
    /// The line before is missing or unreadable, which is a finding already.
    Unknown,
}

fn lines(connection: &Connection, report: &mut Report, keys: &mut Keys) -> rusqlite::Result<()> {
    let cut = store::cut(connection)?;
    let oldest = format!("{} ORDER BY number LIMIT 1", store::SELECT_SEAL);
    let oldest = connection.query_row(&oldest, (), store::seal).optional()?;
    let under = oldest.as_ref().filter(|seal| cut.is_some_and(|(number, _)| number == seal.number));
    if cut.is_some() && under.is_none() {
        report.find(Place::Cut, "the seal that it names is not the oldest one");
    }
    let (start, head) = rescue::origin(report.id, under);
    let (mut due, mut before) = (start + 1, Before::Known(head));
    report.first = due;
    report.last = start;

    let mut statement = connection.prepare(&format!("{} ORDER BY seq", store::SELECT_LINE))?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        report.lines += 1;
        let Ok(seq) = store::count(row, 0) else {
            report.find(Place::File, "a line has a number below 1");
            continue;
        };
        if seq < due {
            report.find(Place::Line(seq), "it stands where no line was kept");
            continue;
        }
        if due < seq {
            let what = match seq - due {
                1 => "it is missing".to_owned(),
                gap => format!("it is missing, and the lines up to {} with it ({gap} in all)", seq - 1),
            };
            close_suspicion(report, &before);
            report.find(Place::Line(due), what);
            before = Before::Unknown;
        }
        before = match store::line(row) {
            Ok(line) => {
                let fits = |head: Hex<32>| chain::link(head, &line) == line.hash;
                if let Ok(Body::System(System::KeyChanged { key })) = Body::decode(line.kind, line.schema, &line.body.0)
                {
                    keys.changes.push((seq, key));
                }
                match before {
                    Before::Known(head) if fits(head) => Before::Known(line.hash),
                    Before::Known(head) => {
                        Before::Either { stored: line.hash, computed: chain::link(head, &line), seq }
                    }
                    Before::Either { stored, seq: suspect, .. } if fits(stored) => {
                        report.find(Place::Line(suspect), "a value of it was changed: its hash does not fit");
                        Before::Known(line.hash)
                    }
                    Before::Either { computed, seq: suspect, .. } if fits(computed) => {
                        report.find(Place::Line(suspect), "its hash was changed");
                        Before::Known(line.hash)
                    }
                    Before::Either { stored, .. } => {
                        close_suspicion(report, &before);
                        Before::Either { stored: line.hash, computed: chain::link(stored, &line), seq }
                    }
                    Before::Unknown => Before::Known(line.hash),
                }
            }
            Err(error) => {
                close_suspicion(report, &before);
                report.find(Place::Line(seq), unreadable(&error, &store::LINE_COLUMNS));
                Before::Unknown
            }
        };
        report.last = seq;
        due = seq + 1;
    }
    close_suspicion(report, &before);
    Ok(())
}

fn close_suspicion(report: &mut Report, before: &Before) {
    if let Before::Either { seq, .. } = before {
        report.find(Place::Line(*seq), "it does not fit the line before: a value of it or its hash was changed");
    }
}

fn seals(connection: &Connection, report: &mut Report, keys: &mut Keys) -> rusqlite::Result<()> {
    let cut = store::cut(connection)?;
    // Number, last line and signature of the seal before; the line is unknown at the cut.
    let (mut number, mut last, mut previous) = match cut {
        Some((number, previous)) => (number.saturating_sub(1), None, previous),
        None => (0, Some(0), Seal::BEFORE_FIRST),
    };
    let mut statement = connection.prepare(&format!("{} ORDER BY number", store::SELECT_SEAL))?;
    let mut rows = statement.query(())?;
    let mut sealed = 0;
    while let Some(row) = rows.next()? {
        report.seals += 1;
        let seal = match store::seal(row) {
            Ok(seal) => seal,
            Err(error) => {
                let place = store::count(row, 0).map_or(Place::File, Place::Seal);
                report.find(place, unreadable(&error, &store::SEAL_COLUMNS));
                continue;
            }
        };
        let place = || Place::Seal(seal.number);
        if seal.number != number + 1 {
            report.find(Place::Seal(number + 1), format!("it is missing before seal {}", seal.number));
        } else if last.is_some_and(|last: u64| seal.first != last + 1) {
            report.find(place(), format!("it begins at line {}, not behind the seal before", seal.first));
        }
        match keys.at(seal.number).and_then(|index| Some((index, keys.rows.get(index)?.1?))) {
            Some((index, key)) if seal.holds(report.id, previous, &key) => {
                if let Some(held) = keys.held.get_mut(index) {
                    *held += 1;
                }
            }
            Some(_) => {
                report.find(place(), "its signature does not hold: a value of it, or the seal before, was changed")
            }
            None => report.find(place(), "there is no key to check it with"),
        }
        if report.last < seal.last {
            let what = format!("it is missing: seal {} covers up to line {}", seal.number, seal.last);
            report.find(Place::Line(report.last + 1), what);
        } else if opening::hash_at(connection, report.id, seal.last)?.is_some_and(|hash| hash != seal.head) {
            report.find(place(), format!("its head is not the hash of line {}", seal.last));
        }
        (number, last, previous, sealed) = (seal.number, Some(seal.last), seal.signature, seal.last);
    }
    report.unsealed = report.last.saturating_sub(sealed);
    Ok(())
}

/// Every key but the first stands in a line that the key before sealed.
fn key_changes(connection: &Connection, report: &mut Report, keys: &Keys) -> rusqlite::Result<()> {
    let mut announced = Vec::new();
    for (from_seal, key) in keys.rows.iter().skip(1) {
        let sql = "SELECT last FROM seal WHERE number = ?";
        let end: Option<i64> =
            connection.query_row(sql, [store::int(from_seal.saturating_sub(1))], |row| row.get(0)).optional()?;
        let line = end.and_then(|end| u64::try_from(end).ok());
        // Lines before the cut are gone; the seals that hold with the key stand for it.
        if line.is_some_and(|line| line < report.first) || (line.is_none() && store::cut(connection)?.is_some()) {
            continue;
        }
        let said = keys.changes.iter().find(|(seq, _)| Some(*seq) == line);
        if said.map(|(_, said)| said.0) != key.map(|key| key.to_bytes()) {
            report.find(Place::Key(*from_seal), "no line under the seal before announces it");
        }
        announced.extend(said.map(|(seq, _)| *seq));
    }
    for (seq, _) in &keys.changes {
        if !announced.contains(seq) {
            report.find(Place::Line(*seq), "it announces a key that is not among the keys of the book");
        }
    }
    Ok(())
}

fn receipt(connection: &Connection, report: &mut Report, server: Option<&Server>) -> rusqlite::Result<()> {
    if let Some((receipt, right)) = store::receipt(connection)? {
        report.receipted = Some(receipt.last);
        if !right {
            report.find(Place::Receipt, "a value of it was changed");
        }
        if report.last < receipt.last {
            let (confirmed, last) = (receipt.last, report.last);
            report.find(
                Place::Receipt,
                format!("the server confirmed line {confirmed}, but the book ends at line {last}"),
            );
        } else if opening::hash_at(connection, report.id, receipt.last)?.is_some_and(|hash| hash != receipt.head) {
            report.find(Place::Receipt, format!("line {} is not the one that the server confirmed", receipt.last));
        }
        if let Some(server) = server
            && !(server.receipt_holds)(report.id, receipt.last, receipt.head, receipt.signature)
        {
            report.find(Place::Receipt, "the server's signature does not hold");
        }
    }
    if !store::cursor(connection)?.1 {
        report.find(Place::Cursor, "its value was changed");
    }
    Ok(())
}

fn records(connection: &Connection, report: &mut Report, server: Option<&Server>) -> rusqlite::Result<()> {
    each(connection, store::SELECT_RECORD, |row| match store::record(row) {
        Ok((record, right)) => {
            let place = || Place::Record { kind: record.kind.clone(), key: record.key.clone() };
            if !right {
                report.find(place(), "a value of it was changed");
            }
            if server.is_some_and(|server| !(server.record_holds)(&record)) {
                report.find(place(), "the server's signature does not hold");
            }
        }
        Err(error) => report.find(Place::File, format!("a record cannot be read: {error}")),
    })
}

fn marks(connection: &Connection, report: &mut Report) -> rusqlite::Result<()> {
    each(connection, store::SELECT_MARK, |row| match store::mark(row) {
        Ok((_, _, true)) => {}
        Ok((key, _, false)) => report.find(Place::Mark(key), "its key or value was changed"),
        Err(error) => report.find(Place::File, format!("a mark cannot be read: {error}")),
    })
}

fn each(connection: &Connection, sql: &str, mut look: impl FnMut(&Row)) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        look(row);
    }
    Ok(())
}

/// The key from elsewhere must have sealed this book: as its first key it vouches for those after it, as a later one
/// by a seal, which covers every line before.
fn vouch(report: &mut Report, keys: &Keys, given: &VerifyingKey) {
    let row = keys.rows.iter().position(|(_, key)| key.as_ref() == Some(given));
    match row {
        Some(0) => {}
        Some(row) if keys.held.get(row).is_some_and(|held| 0 < *held) => {}
        Some(_) => report.find(Place::File, "no seal holds with the key given"),
        None => report.find(Place::File, "the key given never sealed this book"),
    }
}

fn unreadable(error: &rusqlite::Error, columns: &[&str]) -> String {
    let column = match error {
        rusqlite::Error::IntegralValueOutOfRange(index, _)
        | rusqlite::Error::FromSqlConversionFailure(index, _, _)
        | rusqlite::Error::InvalidColumnType(index, _, _) => columns.get(*index),
        _ => None,
    };
    match column {
        Some(column) => format!("its {column} has a value that cannot be: {error}"),
        None => format!("it cannot be read: {error}"),
    }
}
