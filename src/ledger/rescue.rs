//! A book that cannot be continued: its file is moved aside, what can be read is saved, nothing is deleted.
//!
//! Beside `door.db` there may stand `door.corrupt-<epoch>-<n>.db` (a damaged file as it was found),
//! `door.salvage-<epoch>-<n>.db` (its readable lines) and `door.earlier-<epoch>-<n>.db` (a sound book that was copied
//! here). Lines of the last two still go to the server, see [`crate::ledger::earlier`]; then `.done` joins the name.

use std::path::{Path, PathBuf};

use ed25519_dalek::VerifyingKey;
use rusqlite::Connection;

use crate::hex::Hex;
use crate::ledger::book::{Cause, Rescue, StoreError, StoredRecord};
use crate::ledger::chain::{self, BookId, Line, Seal};
use crate::ledger::file;
use crate::ledger::store::{self, Title};

/// Gap in the middle of a damaged file that is searched line by line; the shorter one where its end is not known.
const GAP_MAX: u64 = 1_000_000;
const OPEN_GAP_MAX: u64 = 10_000;

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
    if let Err(error) = std::fs::write(file::sibling(path, "damaged"), why).and_then(|()| file::sync_directory(path)) {
        tracing::error!("the damage of {} cannot be noted: {error}", path.display());
    }
}

/// Why the book was condemned.
pub(super) fn condemned(path: &Path) -> Option<String> {
    std::fs::read_to_string(file::sibling(path, "damaged")).ok()
}

/// Whether the damaged file has the tables of a book, or at least our mark in its header (byte 68 of a SQLite file).
pub(super) fn looks_like_a_book(path: &Path) -> bool {
    use std::os::unix::fs::FileExt;
    let mut mark = [0; 4];
    let marked = std::fs::File::open(path).and_then(|file| file.read_exact_at(&mut mark, 68)).is_ok();
    let tables = || file::connect_reader(path).and_then(|connection| store::title(&connection)).is_ok();
    (marked && mark == file::APPLICATION_ID.to_be_bytes()) || tables()
}

/// Moves the file, its log and its shared memory aside; copies out what can be read.
pub(super) fn set_aside(path: &Path, cause: Cause, why: String) -> Result<(Rescue, Kept), StoreError> {
    let title = file::connect_reader(path).and_then(|connection| store::title(&connection)).ok();
    // Should the power go between two renames, the rest must not be taken for a whole book.
    condemn(path, &why);
    let epoch = title.as_ref().map_or("unknown".to_owned(), |title| title.id.epoch.to_string());
    let word = match cause {
        Cause::Damaged => "corrupt",
        Cause::Copied => "earlier",
    };
    let (number, moved_to) = free_name(path, word, &epoch);
    for suffix in ["-wal", "-shm", ""] {
        let from = file::with_suffix(path, suffix);
        if from.exists() {
            std::fs::rename(from, file::with_suffix(&moved_to, suffix))?;
        }
    }
    file::sync_directory(path)?;
    let mut rescue = Rescue { cause, why, moved_to, salvage: None, lines: 0, chained: 0 };
    let mut kept = Kept::default();
    if let Ok(damaged) = file::connect_reader(&rescue.moved_to) {
        kept = Kept::read(&damaged);
        let salvage = match (cause, &title) {
            (Cause::Damaged, Some(title)) => Some((beside(path, &format!("salvage-{epoch}-{number}")), title)),
            _ => None,
        };
        match save(&damaged, title.as_ref().map(|title| title.id), salvage.as_ref()) {
            Ok((lines, chained)) => {
                (rescue.lines, rescue.chained) = (lines, chained);
                rescue.salvage = salvage.map(|(path, _)| path);
            }
            // The door comes first: the moved file still has the lines, a person can save them later.
            Err(error) => rescue.why = format!("{}; its lines could not be saved: {error}", rescue.why),
        }
    }
    Ok((rescue, kept))
}

/// The new book stands: the next start may continue it.
pub(super) fn acquit(path: &Path) -> std::io::Result<()> {
    file::remove_if_there(&file::sibling(path, "damaged"))?;
    file::sync_directory(path)
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
    for entry in std::fs::read_dir(file::folder(path))? {
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
        .find(|(_, name)| !name.exists() && !file::with_suffix(name, "-wal").exists())
        .expect("the numbers do not end")
}

impl Kept {
    fn read(connection: &Connection) -> Kept {
        let (records, all) = rows(connection, store::SELECT_RECORD, store::record);
        let whole = all && records.iter().all(|(_, right)| *right);
        let (marks, _) = rows(connection, store::SELECT_MARK, store::mark);
        Kept {
            records: records.into_iter().filter(|(_, right)| *right).map(|(record, _)| record).collect(),
            cursor: store::cursor(connection).ok().filter(|(_, right)| *right && whole).map(|(cursor, _)| cursor),
            marks: marks.into_iter().filter(|(_, _, right)| *right).map(|(key, value, _)| (key, value)).collect(),
        }
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

/// Hands out every readable line: from the front up to the damage, inside of it one by one, then from the back.
fn lines(connection: &Connection, mut take: impl FnMut(Line) -> rusqlite::Result<()>) -> rusqlite::Result<()> {
    let mut last = 0;
    let sql = format!("{} ORDER BY seq", store::SELECT_LINE);
    let Stopped::Damage = stream(connection, &sql, |line| {
        last = line.seq;
        take(line)
    })?
    else {
        return Ok(());
    };
    let front = last;
    let mut end = None;
    let sql = format!("{} WHERE {front} < seq ORDER BY seq DESC", store::SELECT_LINE);
    stream(connection, &sql, |line| {
        end = Some(line.seq);
        take(line)
    })?;
    let one = format!("{} WHERE seq = ?", store::SELECT_LINE);
    let end = end.map_or(front + OPEN_GAP_MAX, |end| end.min(front + GAP_MAX));
    for seq in front + 1..end {
        if let Ok(line) = connection.query_row(&one, [store::int(seq)], store::line) {
            take(line)?;
        }
    }
    Ok(())
}

enum Stopped {
    End,
    Damage,
}

/// The rows up to the first that cannot be read; fails only when `take` does.
fn stream(
    connection: &Connection,
    sql: &str,
    mut take: impl FnMut(Line) -> rusqlite::Result<()>,
) -> rusqlite::Result<Stopped> {
    let Ok(mut statement) = connection.prepare(sql) else { return Ok(Stopped::Damage) };
    let Ok(mut rows) = statement.query(()) else { return Ok(Stopped::Damage) };
    loop {
        match rows.next().and_then(|row| row.map(store::line).transpose()) {
            Ok(Some(line)) => take(line)?,
            Ok(None) => return Ok(Stopped::End),
            Err(_) => return Ok(Stopped::Damage),
        }
    }
}

/// How many lines a file gives, and how many of them stand in an unbroken chain from the first that can be checked.
struct Tally {
    lines: u64,
    chained: u64,
    /// Line and hash that the next one has to follow; `None` after the break.
    tip: Option<(u64, Hex<32>)>,
}

impl Tally {
    fn count(&mut self, line: &Line) {
        self.lines += 1;
        self.tip = self.tip.filter(|(seq, head)| line.seq == seq + 1 && chain::link(*head, line) == line.hash);
        if self.tip.is_some() {
            self.tip = Some((line.seq, line.hash));
            self.chained += 1;
        }
    }
}

/// Counts the lines of a damaged file, and copies them with their seals into `salvage`, a book of the same identity.
fn save(
    damaged: &Connection,
    id: Option<BookId>,
    salvage: Option<&(PathBuf, &Title)>,
) -> Result<(u64, u64), StoreError> {
    let (seals, _) = rows(damaged, &format!("{} ORDER BY number", store::SELECT_SEAL), store::seal);
    let cut = store::cut(damaged).ok().flatten();
    let under = seals.first().filter(|seal| cut.is_some_and(|(number, _)| number == seal.number));
    let mut tally = Tally { lines: 0, chained: 0, tip: id.map(|id| origin(id, under)) };
    let Some((path, title)) = salvage else {
        lines(damaged, |line| {
            tally.count(&line);
            Ok(())
        })?;
        return Ok((tally.lines, tally.chained));
    };
    for suffix in ["", "-wal", "-shm", "-journal"] {
        file::remove_if_there(&file::with_suffix(path, suffix))?;
    }
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "synchronous", "EXTRA")?;
    file::migrate(&mut connection)?;
    let tx = connection.transaction()?;
    tx.pragma_update(None, "application_id", file::APPLICATION_ID)?;
    store::put_title(&tx, title)?;
    for (from_seal, public) in store::keys(damaged).unwrap_or_default() {
        if let Ok(public) = VerifyingKey::from_bytes(&public.0) {
            store::put_key(&tx, from_seal, &public)?;
        }
    }
    lines(damaged, |line| {
        tally.count(&line);
        store::put_line(&tx, &line)
    })?;
    for seal in &seals {
        store::put_seal(&tx, seal)?;
    }
    if let Some((number, previous)) = cut {
        store::put_cut(&tx, number, previous)?;
    }
    if let Ok(Some((receipt, true))) = store::receipt(damaged) {
        store::put_receipt(&tx, &receipt)?;
    }
    tx.commit()?;
    connection.close().map_err(|(_, error)| error)?;
    file::sync_directory(path)?;
    Ok((tally.lines, tally.chained))
}

/// Where the chain of a book begins: at the seal under its cut, else at its genesis.
pub(super) fn origin(id: BookId, cut: Option<&Seal>) -> (u64, Hex<32>) {
    cut.map_or((0, chain::genesis(id)), |seal| (seal.last, seal.head))
}
