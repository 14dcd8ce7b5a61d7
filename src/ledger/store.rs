//! The file of a book: its schema, how it is opened, and the SQL of its rows. Decides nothing.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Params, Row, params};

use crate::identity::hex::{Hex, HexBytes};
use crate::ledger::book::{StoreError, StoredRecord};
use crate::ledger::chain::{BookId, Line, Seal};
use crate::quantity::Moment;

/// `GBOK`, in the header of the file: tells a book from any other SQLite file.
pub const APPLICATION_ID: i32 = 0x4742_4f4b;

/// SQLite before 3.51.3 could lose committed pages when two connections met at a checkpoint (the WAL-reset race).
pub const SQLITE_OLDEST: i32 = 3_051_003;

/// Schema of the file, one text per version; `user_version` in the header counts those that ran.
///
/// Lines and seals cover themselves by hash and signature, `book` by its signature; the other rows carry a checksum, so
/// that a changed bit anywhere is found. No index beside the keys: an index costs a third of the disk.
const MIGRATIONS: [&str; 1] = ["
CREATE TABLE book (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    terminal INTEGER NOT NULL CHECK (terminal BETWEEN 0 AND 4294967295),
    epoch BLOB NOT NULL CHECK (length(epoch) = 16),
    machine BLOB NOT NULL CHECK (length(machine) = 32),
    inode INTEGER NOT NULL,
    made_us INTEGER NOT NULL,
    signature BLOB NOT NULL CHECK (length(signature) = 64)
) STRICT;
CREATE TABLE sealing_key (
    from_seal INTEGER PRIMARY KEY CHECK (0 < from_seal),
    public BLOB NOT NULL CHECK (length(public) = 32)
) STRICT;
CREATE TABLE line (
    seq INTEGER PRIMARY KEY CHECK (0 < seq),
    at_us INTEGER NOT NULL,
    zone_min INTEGER NOT NULL CHECK (zone_min BETWEEN -32768 AND 32767),
    mono_us INTEGER NOT NULL,
    kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 255),
    schema INTEGER NOT NULL CHECK (schema BETWEEN 0 AND 65535),
    body BLOB NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TABLE seal (
    number INTEGER PRIMARY KEY CHECK (0 < number),
    first INTEGER NOT NULL CHECK (0 < first),
    last INTEGER NOT NULL CHECK (first <= last),
    head BLOB NOT NULL CHECK (length(head) = 32),
    at_us INTEGER NOT NULL,
    signature BLOB NOT NULL CHECK (length(signature) = 64)
) STRICT;
-- Where acknowledged history was given up: the oldest seal kept, and the signature before it.
CREATE TABLE cut (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    number INTEGER NOT NULL CHECK (0 < number),
    previous BLOB NOT NULL CHECK (length(previous) = 64)
) STRICT;
-- The server's counter-signature over the last line that it confirmed.
CREATE TABLE receipt (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    server_epoch BLOB NOT NULL CHECK (length(server_epoch) = 16),
    last INTEGER NOT NULL CHECK (0 <= last),
    head BLOB NOT NULL CHECK (length(head) = 32),
    signature BLOB NOT NULL CHECK (length(signature) = 64),
    checksum BLOB NOT NULL CHECK (length(checksum) = 16)
) STRICT;
-- Where the next page of the downlink begins.
CREATE TABLE inbox (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    cursor INTEGER NOT NULL CHECK (0 <= cursor),
    checksum BLOB NOT NULL CHECK (length(checksum) = 16)
) STRICT;
CREATE TABLE record (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (0 <= version),
    cursor INTEGER NOT NULL CHECK (0 <= cursor),
    body BLOB NOT NULL,
    signature BLOB NOT NULL CHECK (length(signature) = 64),
    checksum BLOB NOT NULL CHECK (length(checksum) = 16),
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE mark (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    checksum BLOB NOT NULL CHECK (length(checksum) = 16)
) STRICT, WITHOUT ROWID;
"];

/// Version of the schema that this program writes.
pub const VERSION: i32 = MIGRATIONS.len() as i32;

const PAGE_BYTES: i64 = 4096;

/// The row that says whose book this is.
#[derive(Clone, Debug)]
pub struct Title {
    pub id: BookId,
    /// BLAKE3 of the machine's id; zeros where it has none.
    pub machine: Hex<32>,
    pub inode: i64,
    pub made: Moment,
    pub signature: Hex<64>,
}

impl Title {
    pub fn sign(id: BookId, machine: Hex<32>, inode: i64, made: Moment, key: &SigningKey) -> Title {
        let mut title = Title { id, machine, inode, made, signature: Hex([0; 64]) };
        title.signature = Hex(key.sign(&title.signed_bytes(&key.verifying_key())).to_bytes());
        title
    }

    pub fn holds(&self, key: &VerifyingKey) -> bool {
        key.verify_strict(&self.signed_bytes(key), &Signature::from_bytes(&self.signature.0)).is_ok()
    }

    fn signed_bytes(&self, key: &VerifyingKey) -> Vec<u8> {
        let mut bytes = b"gatebook title v1".to_vec();
        bytes.extend_from_slice(&self.id.terminal.to_le_bytes());
        bytes.extend_from_slice(&self.id.epoch.0);
        bytes.extend_from_slice(&self.machine.0);
        bytes.extend_from_slice(&self.inode.to_le_bytes());
        bytes.extend_from_slice(&self.made.0.to_le_bytes());
        bytes.extend_from_slice(key.as_bytes());
        bytes
    }
}

/// The row of the server's counter-signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipted {
    pub server_epoch: Hex<16>,
    pub last: u64,
    pub head: Hex<32>,
    pub signature: Hex<64>,
}

/// Makes a complete, empty book at `path`, which must not exist; it appears there in one step.
///
/// Created and switched to WAL under `synchronous=EXTRA`: with FULL a power cut may bring back the rollback journal of
/// the switch and roll the file back to empty, because the journal's unlink is durable only after a directory fsync.
pub fn create(path: &Path, title: impl FnOnce(i64) -> Title, public: &VerifyingKey) -> Result<(), StoreError> {
    let draft = sibling(path, "new");
    for suffix in ["", "-wal", "-shm", "-journal"] {
        remove_if_there(&with_suffix(&draft, suffix))?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(&draft, flags)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "synchronous", "EXTRA")?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", (), |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::Io(std::io::Error::other(format!(
            "the file system has no WAL mode, SQLite chose {mode}"
        ))));
    }
    let inode = std::fs::metadata(&draft)?.ino().cast_signed();
    migrate(&mut connection)?;
    let tx = connection.transaction()?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    put_title(&tx, &title(inode))?;
    put_key(&tx, 1, public)?;
    tx.commit()?;
    connection.close().map_err(|(_, error)| error)?;
    File::open(&draft)?.sync_all()?;
    std::fs::rename(&draft, path)?;
    sync_directory(path)?;
    Ok(())
}

/// Runs the schema texts that the file has not seen. The caller made sure that it is not newer than this program.
pub fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (number, sql) in (1..).zip(MIGRATIONS).skip(usize::try_from(version).unwrap_or(0)) {
        let tx = connection.transaction()?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", number)?;
        tx.commit()?;
    }
    Ok(())
}

/// The one connection that writes.
pub fn connect(path: &Path, limit_bytes: u64) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    guard(&connection)?;
    let quarter = i64::try_from(limit_bytes / 4).unwrap_or(i64::MAX);
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", (quarter / PAGE_BYTES).clamp(16, 1000))?;
    connection.pragma_update(None, "journal_size_limit", quarter.clamp(16 * PAGE_BYTES, 64 << 20))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// A connection that cannot write.
pub fn connect_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    guard(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// What keeps a damaged or foreign file from doing harm; without a memory map an I/O error is a code, not a SIGBUS.
fn guard(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "mmap_size", 0)
}

pub fn application_id(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "application_id", |row| row.get(0))
}

pub fn version(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// The texts of all tables, as this program would make them.
pub fn schema_texts() -> rusqlite::Result<Vec<String>> {
    let mut fresh = Connection::open_in_memory()?;
    migrate(&mut fresh)?;
    stored_schema_texts(&fresh)
}

pub fn stored_schema_texts(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    all(connection, "SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name", (), |row| row.get(0))
}

pub fn title(connection: &Connection) -> rusqlite::Result<Title> {
    let sql = "SELECT terminal, epoch, machine, inode, made_us, signature FROM book WHERE one = 1";
    connection.query_row(sql, (), |row| {
        Ok(Title {
            id: BookId { terminal: row.get(0)?, epoch: Hex(row.get(1)?) },
            machine: Hex(row.get(2)?),
            inode: row.get(3)?,
            made: Moment(row.get(4)?),
            signature: Hex(row.get(5)?),
        })
    })
}

pub fn put_title(connection: &Connection, title: &Title) -> rusqlite::Result<()> {
    let sql =
        "INSERT INTO book (one, terminal, epoch, machine, inode, made_us, signature) VALUES (1, ?, ?, ?, ?, ?, ?)";
    let row =
        params![title.id.terminal, title.id.epoch.0, title.machine.0, title.inode, title.made.0, title.signature.0];
    connection.execute(sql, row).map(drop)
}

/// Public keys and the seal from which on each of them signs, oldest first.
pub fn keys(connection: &Connection) -> rusqlite::Result<Vec<(u64, Hex<32>)>> {
    let sql = "SELECT from_seal, public FROM sealing_key ORDER BY from_seal";
    all(connection, sql, (), |row| Ok((count(row, 0)?, Hex(row.get(1)?))))
}

pub fn put_key(connection: &Connection, from_seal: u64, public: &VerifyingKey) -> rusqlite::Result<()> {
    let sql = "INSERT INTO sealing_key (from_seal, public) VALUES (?, ?)";
    connection.execute(sql, params![int(from_seal), public.as_bytes()]).map(drop)
}

pub const LINE_COLUMNS: [&str; 8] = ["seq", "at_us", "zone_min", "mono_us", "kind", "schema", "body", "hash"];
pub const SELECT_LINE: &str = "SELECT seq, at_us, zone_min, mono_us, kind, schema, body, hash FROM line";

pub fn line(row: &Row) -> rusqlite::Result<Line> {
    Ok(Line {
        seq: count(row, 0)?,
        at: Moment(row.get(1)?),
        zone_min: row.get(2)?,
        mono_us: row.get(3)?,
        kind: row.get(4)?,
        schema: row.get(5)?,
        body: HexBytes(row.get(6)?),
        hash: Hex(row.get(7)?),
    })
}

pub fn put_line(connection: &Connection, line: &Line) -> rusqlite::Result<()> {
    let sql =
        "INSERT INTO line (seq, at_us, zone_min, mono_us, kind, schema, body, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let row = params![
        int(line.seq),
        line.at.0,
        line.zone_min,
        line.mono_us,
        line.kind,
        line.schema,
        line.body.0,
        line.hash.0
    ];
    connection.prepare_cached(sql)?.execute(row).map(drop)
}

pub const SEAL_COLUMNS: [&str; 6] = ["number", "first", "last", "head", "at_us", "signature"];
pub const SELECT_SEAL: &str = "SELECT number, first, last, head, at_us, signature FROM seal";

pub fn seal(row: &Row) -> rusqlite::Result<Seal> {
    Ok(Seal {
        number: count(row, 0)?,
        first: count(row, 1)?,
        last: count(row, 2)?,
        head: Hex(row.get(3)?),
        at: Moment(row.get(4)?),
        signature: Hex(row.get(5)?),
    })
}

pub fn put_seal(connection: &Connection, seal: &Seal) -> rusqlite::Result<()> {
    let sql = "INSERT INTO seal (number, first, last, head, at_us, signature) VALUES (?, ?, ?, ?, ?, ?)";
    let row = params![int(seal.number), int(seal.first), int(seal.last), seal.head.0, seal.at.0, seal.signature.0];
    connection.execute(sql, row).map(drop)
}

/// Number of the oldest seal kept and the signature before it, once history was given up.
pub fn cut(connection: &Connection) -> rusqlite::Result<Option<(u64, Hex<64>)>> {
    let sql = "SELECT number, previous FROM cut WHERE one = 1";
    connection.query_row(sql, (), |row| Ok((count(row, 0)?, Hex(row.get(1)?)))).optional()
}

pub fn put_cut(connection: &Connection, number: u64, previous: Hex<64>) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO cut (one, number, previous) VALUES (1, ?, ?)";
    connection.execute(sql, params![int(number), previous.0]).map(drop)
}

/// The receipt and whether its checksum is right.
pub fn receipt(connection: &Connection) -> rusqlite::Result<Option<(Receipted, bool)>> {
    let sql = "SELECT server_epoch, last, head, signature, checksum FROM receipt WHERE one = 1";
    let read = |row: &Row| {
        let receipt = Receipted {
            server_epoch: Hex(row.get(0)?),
            last: count(row, 1)?,
            head: Hex(row.get(2)?),
            signature: Hex(row.get(3)?),
        };
        Ok((receipt, row.get::<_, [u8; 16]>(4)? == receipt_checksum(&receipt)))
    };
    connection.query_row(sql, (), read).optional()
}

pub fn put_receipt(connection: &Connection, receipt: &Receipted) -> rusqlite::Result<()> {
    let sql =
        "INSERT OR REPLACE INTO receipt (one, server_epoch, last, head, signature, checksum) VALUES (1, ?, ?, ?, ?, ?)";
    let row = params![
        receipt.server_epoch.0,
        int(receipt.last),
        receipt.head.0,
        receipt.signature.0,
        receipt_checksum(receipt)
    ];
    connection.execute(sql, row).map(drop)
}

fn receipt_checksum(receipt: &Receipted) -> [u8; 16] {
    checksum(&[b"receipt", &receipt.server_epoch.0, &receipt.last.to_le_bytes(), &receipt.head.0, &receipt.signature.0])
}

/// The downlink cursor and whether its checksum is right; 0 before the first page.
pub fn cursor(connection: &Connection) -> rusqlite::Result<(u64, bool)> {
    let sql = "SELECT cursor, checksum FROM inbox WHERE one = 1";
    let read = |row: &Row| {
        let cursor = count(row, 0)?;
        Ok((cursor, row.get::<_, [u8; 16]>(1)? == checksum(&[b"inbox", &cursor.to_le_bytes()])))
    };
    Ok(connection.query_row(sql, (), read).optional()?.unwrap_or((0, true)))
}

pub fn put_cursor(connection: &Connection, cursor: u64) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO inbox (one, cursor, checksum) VALUES (1, ?, ?)";
    connection.execute(sql, params![int(cursor), checksum(&[b"inbox", &cursor.to_le_bytes()])]).map(drop)
}

pub const SELECT_RECORD: &str =
    "SELECT kind, key, version, cursor, body, signature, checksum FROM record ORDER BY kind, key";

/// A record and whether its checksum is right.
pub fn record(row: &Row) -> rusqlite::Result<(StoredRecord, bool)> {
    let record = StoredRecord {
        kind: row.get(0)?,
        key: row.get(1)?,
        version: count(row, 2)?,
        cursor: count(row, 3)?,
        body: row.get(4)?,
        signature: Hex(row.get(5)?),
    };
    let right = row.get::<_, [u8; 16]>(6)? == record_checksum(&record);
    Ok((record, right))
}

/// Stores `record` unless a newer version is there. The same version under a later cursor (the server took it back
/// after a restore) replaces too, so that body, cursor and signature stay one.
pub fn put_record(connection: &Connection, record: &StoredRecord) -> rusqlite::Result<()> {
    let sql = "INSERT INTO record (kind, key, version, cursor, body, signature, checksum) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (kind, key) DO UPDATE SET version = excluded.version, cursor = excluded.cursor,
            body = excluded.body, signature = excluded.signature, checksum = excluded.checksum
        WHERE (version, cursor) < (excluded.version, excluded.cursor)";
    let row = params![
        record.kind,
        record.key,
        int(record.version),
        int(record.cursor),
        record.body,
        record.signature.0,
        record_checksum(record)
    ];
    connection.prepare_cached(sql)?.execute(row).map(drop)
}

fn record_checksum(record: &StoredRecord) -> [u8; 16] {
    checksum(&[
        b"record",
        record.kind.as_bytes(),
        record.key.as_bytes(),
        &record.version.to_le_bytes(),
        &record.cursor.to_le_bytes(),
        &record.body,
        &record.signature.0,
    ])
}

pub const SELECT_MARK: &str = "SELECT key, value, checksum FROM mark";

/// A mark and whether its checksum is right.
pub fn mark(row: &Row) -> rusqlite::Result<(String, Vec<u8>, bool)> {
    let (key, value): (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
    let right = row.get::<_, [u8; 16]>(2)? == mark_checksum(&key, &value);
    Ok((key, value, right))
}

pub fn put_mark(connection: &Connection, key: &str, value: Option<&[u8]>) -> rusqlite::Result<()> {
    match value {
        Some(value) => {
            let sql = "INSERT OR REPLACE INTO mark (key, value, checksum) VALUES (?, ?, ?)";
            connection.prepare_cached(sql)?.execute(params![key, value, mark_checksum(key, value)]).map(drop)
        }
        None => connection.prepare_cached("DELETE FROM mark WHERE key = ?")?.execute([key]).map(drop),
    }
}

fn mark_checksum(key: &str, value: &[u8]) -> [u8; 16] {
    checksum(&[b"mark", key.as_bytes(), value])
}

/// Finds rot, not malice: what carries it is state that the terminal may lose and get again.
fn checksum(parts: &[&[u8]]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut short = [0; 16];
    hasher.finalize_xof().fill(&mut short);
    short
}

/// All rows of a query.
pub fn all<T>(
    connection: &Connection,
    sql: &str,
    with: impl Params,
    read: impl FnMut(&Row) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare(sql)?.query_map(with, read)?.collect()
}

/// A number that the schema keeps above or at zero.
pub fn count(row: &Row, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

/// SQLite's integers end at 2^63 - 1; no book gets there, and a question from beyond finds nothing.
pub fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// `dir/door.db` and `lock` give `dir/door.lock`.
pub fn sibling(path: &Path, extension: &str) -> PathBuf {
    path.with_extension(extension)
}

/// `dir/door.db` and `-wal` give `dir/door.db-wal`.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

pub fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes names in the folder of `path` durable.
pub fn sync_directory(path: &Path) -> std::io::Result<()> {
    File::open(folder(path))?.sync_all()
}

pub fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// What an error of SQLite asks of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ailment {
    /// No room on the disk.
    Full,
    /// The file's content is wrong.
    Damaged,
    /// The disk or the file system failed: what was written may or may not be there.
    Disk,
    Other,
}

pub fn ailment(error: &rusqlite::Error) -> Ailment {
    use rusqlite::ErrorCode;
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DiskFull => Ailment::Full,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Ailment::Damaged,
            ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::FileLockingProtocolFailed => Ailment::Disk,
            _ => Ailment::Other,
        },
        rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::Utf8Error(..)
        | rusqlite::Error::QueryReturnedNoRows => Ailment::Damaged,
        _ => Ailment::Other,
    }
}
