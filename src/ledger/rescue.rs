//! A book that cannot be continued: its file is moved aside, what can be read is saved, nothing is deleted.
//!
//! Beside `door.db` there may stand `door.corrupt-<epoch>-<n>.db` (a damaged file as it was found),
//! `door.salvage-<epoch>-<n>.db` (its readable lines) and `door.earlier-<epoch>-<n>.db` (a sound book that was copied
//! here). Lines of the last two still go to the server, see [`crate::ledger::earlier`]; then `.done` joins the name.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::identity::hex::Hex;
use crate::ledger::book::{Cause, Rescue, StoreError, StoredRecord};
use crate::ledger::chain::{self, BookId, Line, Seal};
use crate::ledger::store::{self, Receipted, Title};

/// Gap in the middle of a damaged file that is searched line by line.
const GAP_MAX: u64 = 1_000_000;

/// State that goes on in the new book.
#[derive(Default)]
pub(super) struct Kept {
    records: Vec<StoredRecord>,
    /// `None` when a record was lost: the downlink then begins again.
    cursor: Option<u64>,
    marks: Vec<(String, Vec<u8>)>,
}

/// Notes beside a book that the next start must not continue it.
pub(super) fn condemn(path: &Path, why: &str) {
    if let Err(error) = std::fs::write(store::sibling(path, "damaged"), why).and_then(|()| store::sync_directory(path))
    {
        tracing::error!("the damage of {} cannot be noted: {error}", path.display());
    }
}

/// Why the book was condemned.
pub(super) fn condemned(path: &Path) -> Option<String> {
    std::fs::read_to_string(store::sibling(path, "damaged")).ok()
}

/// Whether the damaged file has the tables of a book, or at least our mark in its header (byte 68 of a SQLite file).
pub(super) fn looks_like_a_book(path: &Path) -> bool {
    use std::os::unix::fs::FileExt;
    let mut mark = [0; 4];
    let marked = std::fs::File::open(path).and_then(|file| file.read_exact_at(&mut mark, 68)).is_ok();
    let tables = || store::connect_reader(path).and_then(|connection| store::title(&connection)).is_ok();
    (marked && mark == store::APPLICATION_ID.to_be_bytes()) || tables()
}

/// Moves the file, its log and its shared memory aside; copies out what can be read.
pub(super) fn set_aside(path: &Path, cause: Cause, why: String) -> Result<(Rescue, Kept), StoreError> {
    let title = store::connect_reader(path).and_then(|connection| store::title(&connection)).ok();
    let epoch = title.as_ref().map_or("unknown".to_owned(), |title| title.id.epoch.to_string());
    let word = match cause {
        Cause::Damaged => "corrupt",
        Cause::Copied => "earlier",
    };
    let (number, moved_to) = free_name(path, word, &epoch);
    for suffix in ["-wal", "-shm", ""] {
        let from = store::with_suffix(path, suffix);
        if from.exists() {
            std::fs::rename(from, store::with_suffix(&moved_to, suffix))?;
        }
    }
    store::sync_directory(path)?;
    let found = read_out(&moved_to);
    let chained = title.as_ref().map_or(0, |title| chained(title.id, &found));
    let lines = found.lines.len() as u64;
    let salvage = match (cause, &title) {
        (Cause::Damaged, Some(title)) if moved_to.exists() => {
            let salvage = beside(path, &format!("salvage-{epoch}-{number}"));
            write_salvage(&salvage, title, &found)?;
            Some(salvage)
        }
        _ => None,
    };
    store::remove_if_there(&store::sibling(path, "damaged"))?;
    store::sync_directory(path)?;
    Ok((Rescue { cause, why, moved_to, salvage, lines, chained }, found.kept))
}

/// Puts records, cursor and marks of the old book into the new one.
pub(super) fn carry_over(connection: &Connection, kept: &Kept) -> rusqlite::Result<()> {
    let tx = connection.unchecked_transaction()?;
    for record in &kept.records {
        store::put_record(&tx, record)?;
    }
    if let Some(cursor) = kept.cursor {
        store::put_cursor(&tx, cursor)?;
    }
    for (key, value) in &kept.marks {
        store::put_mark(&tx, key, Some(value))?;
    }
    tx.commit()
}

/// Books beside `path` whose lines the server may still lack.
pub(super) fn unfinished(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (earlier, salvage, unknown) = (format!("{stem}.earlier-"), format!("{stem}.salvage-"), "-unknown-");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(store::folder(path))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = name.starts_with(&earlier) || name.starts_with(&salvage);
        if ours && name.ends_with(".db") && !name.ends_with(".done.db") && !name.contains(unknown) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn beside(path: &Path, word: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}.{word}.db"))
}

fn free_name(path: &Path, word: &str, epoch: &str) -> (u32, PathBuf) {
    (1..)
        .map(|number| (number, beside(path, &format!("{word}-{epoch}-{number}"))))
        .find(|(_, name)| !name.exists() && !store::with_suffix(name, "-wal").exists())
        .expect("the numbers do not end")
}

/// What a damaged file still gives.
#[derive(Default)]
struct Found {
    lines: Vec<Line>,
    seals: Vec<Seal>,
    keys: Vec<(u64, Hex<32>)>,
    cut: Option<(u64, Hex<64>)>,
    receipt: Option<Receipted>,
    kept: Kept,
}

fn read_out(path: &Path) -> Found {
    let Ok(connection) = store::connect_reader(path) else { return Found::default() };
    let records = rows(&connection, store::SELECT_RECORD, store::record);
    let whole = records.1 && records.0.iter().all(|(_, right)| *right);
    let cursor = store::cursor(&connection).ok().filter(|(_, right)| *right && whole).map(|(cursor, _)| cursor);
    let marks = rows(&connection, store::SELECT_MARK, store::mark).0;
    Found {
        lines: lines(&connection),
        seals: rows(&connection, &format!("{} ORDER BY number", store::SELECT_SEAL), store::seal).0,
        keys: store::keys(&connection).unwrap_or_default(),
        cut: store::cut(&connection).ok().flatten(),
        receipt: store::receipt(&connection).ok().flatten().filter(|(_, right)| *right).map(|(receipt, _)| receipt),
        kept: Kept {
            records: records.0.into_iter().filter(|(_, right)| *right).map(|(record, _)| record).collect(),
            cursor,
            marks: marks.into_iter().filter(|(_, _, right)| *right).map(|(key, value, _)| (key, value)).collect(),
        },
    }
}

/// All rows up to the first that cannot be read, and whether that was all.
fn rows<T>(
    connection: &Connection,
    sql: &str,
    mut read: impl FnMut(&rusqlite::Row) -> rusqlite::Result<T>,
) -> (Vec<T>, bool) {
    let mut found = Vec::new();
    let mut work = || -> rusqlite::Result<()> {
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            found.push(read(row)?);
        }
        Ok(())
    };
    let all = work().is_ok();
    (found, all)
}

/// Lines from both ends up to the damage, then one by one inside of it.
fn lines(connection: &Connection) -> Vec<Line> {
    let (mut found, whole) = rows(connection, &format!("{} ORDER BY seq", store::SELECT_LINE), store::line);
    if whole {
        return found;
    }
    let front = found.last().map_or(0, |line| line.seq);
    let sql = format!("{} WHERE {front} < seq ORDER BY seq DESC", store::SELECT_LINE);
    let mut back = rows(connection, &sql, store::line).0;
    back.reverse();
    let end = back.first().map_or(front, |line| line.seq);
    let one = format!("{} WHERE seq = ?", store::SELECT_LINE);
    for seq in front + 1..end.min(front.saturating_add(GAP_MAX)) {
        if let Ok(line) = connection.query_row(&one, [store::int(seq)], store::line) {
            found.push(line);
        }
    }
    found.extend(back);
    found
}

/// How many of the lines stand in an unbroken chain from the first one that can be checked.
fn chained(id: BookId, found: &Found) -> u64 {
    let (mut seq, mut head) =
        origin(id, found.seals.first().filter(|seal| found.cut.is_some_and(|cut| cut.0 == seal.number)));
    let mut count = 0;
    for line in &found.lines {
        if line.seq != seq + 1 || chain::link(head, line) != line.hash {
            break;
        }
        (seq, head, count) = (line.seq, line.hash, count + 1);
    }
    count
}

/// Where the chain of a book begins: at the seal under its cut, else at its genesis.
pub(super) fn origin(id: BookId, cut: Option<&Seal>) -> (u64, Hex<32>) {
    cut.map_or((0, chain::genesis(id)), |seal| (seal.last, seal.head))
}

fn write_salvage(path: &Path, title: &Title, found: &Found) -> Result<(), StoreError> {
    for suffix in ["", "-wal", "-shm"] {
        store::remove_if_there(&store::with_suffix(path, suffix))?;
    }
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "synchronous", "EXTRA")?;
    store::migrate(&mut connection)?;
    let tx = connection.transaction()?;
    tx.pragma_update(None, "application_id", store::APPLICATION_ID)?;
    store::put_title(&tx, title)?;
    for (from_seal, public) in &found.keys {
        if let Ok(public) = ed25519_dalek::VerifyingKey::from_bytes(&public.0) {
            store::put_key(&tx, *from_seal, &public)?;
        }
    }
    for line in &found.lines {
        store::put_line(&tx, line)?;
    }
    for seal in &found.seals {
        store::put_seal(&tx, seal)?;
    }
    if let Some((number, previous)) = found.cut {
        store::put_cut(&tx, number, previous)?;
    }
    if let Some(receipt) = &found.receipt {
        store::put_receipt(&tx, receipt)?;
    }
    tx.commit()?;
    connection.close().map_err(|(_, error)| error)?;
    store::sync_directory(path)?;
    Ok(())
}
