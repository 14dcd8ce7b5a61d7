//! The file of a book: its schema, how it is made and opened, its name and its neighbours.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ed25519_dalek::VerifyingKey;
use rusqlite::{Connection, OpenFlags};

use crate::ledger::book::StoreError;
use crate::ledger::store::{self, Title};

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

/// How long a connection waits for another one that recovers the log.
pub const BUSY: Duration = Duration::from_secs(5);

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
    store::put_title(&tx, &title(inode))?;
    store::put_key(&tx, 1, public)?;
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
    connection.busy_timeout(BUSY)?;
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
    store::all(connection, "SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name", (), |row| row.get(0))
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
