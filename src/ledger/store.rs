//! The rows of a book: SQL and nothing else.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::hex::{Hex, HexBytes};
use crate::ledger::book::StoredRecord;
use crate::ledger::chain::{BookId, Line, Seal};
use crate::quantity::Moment;

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
