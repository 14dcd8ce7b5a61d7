//! Appending to the central book: cursors, arrival positions, corrected time.

use crate::event::{Body, System};
use crate::hex::{Hex, HexBytes};
use crate::ledger::chain::{self, BookId, Line, Seal};
use crate::quantity::Moment;
use crate::server::database::{Change, DatabaseError, Row, Tx, Value};
use crate::server::kernel::Entry;
use crate::server::projection;
use crate::server::stored::{Clock, Cursor, Stored, line_id, line_ref};

/// Columns of a [`Stored`], in the order that [`read`] takes them.
pub(crate) const COLUMNS: &str =
    "position, id, at_us, zone_min, mono_us, kind, schema_no, body, hash, corrected_us, received_us";

pub(crate) fn read(row: &Row) -> Result<Stored, DatabaseError> {
    let id = line_ref(row.blob(1)?)?;
    let wrong = || DatabaseError::Damaged { what: "a line", why: "a number is out of its range".into() };
    Ok(Stored {
        position: row.count(0)?,
        book: BookId { terminal: id.terminal, epoch: id.epoch },
        line: Line {
            seq: id.seq,
            at: row.moment(2)?,
            zone_min: row.int(3)?.try_into().map_err(|_| wrong())?,
            mono_us: row.int(4)?,
            kind: row.int(5)?.try_into().map_err(|_| wrong())?,
            schema: row.int(6)?.try_into().map_err(|_| wrong())?,
            body: HexBytes(row.blob(7)?.to_vec()),
            hash: row.hex(8)?,
        },
        corrected: row.moment(9)?,
        received: row.moment(10)?,
    })
}

/// Where the server stands in a book; `None` when it never saw it.
pub(crate) fn cursor(tx: &mut Tx, book: BookId) -> Result<Option<Cursor>, DatabaseError> {
    let sql = "SELECT next_seq, head, next_seal, sealed_seq, seal_signature, corrected_us, offset_us FROM book \
               WHERE terminal_no = ?1 AND epoch = ?2";
    let Some(row) = tx.query_opt(sql, &[book.terminal.into(), book.epoch.into()])? else { return Ok(None) };
    Ok(Some(Cursor {
        book,
        next: row.count(0)?,
        head: row.hex(1)?,
        next_seal: row.count(2)?,
        sealed: row.count(3)?,
        seal_signature: row.hex(4)?,
        clock: Clock { corrected: row.moment(5)?, offset_us: row.int(6)? },
    }))
}

/// The cursor of a book, which is written down when it is new.
pub(crate) fn open(tx: &mut Tx, book: BookId, now: Moment) -> Result<Cursor, DatabaseError> {
    if let Some(cursor) = cursor(tx, book)? {
        return Ok(cursor);
    }
    let cursor = Cursor {
        book,
        next: 1,
        head: chain::genesis(book),
        next_seal: 1,
        sealed: 0,
        seal_signature: Seal::BEFORE_FIRST,
        clock: Clock::BEFORE_FIRST,
    };
    tx.execute(
        "INSERT INTO book (terminal_no, epoch, next_seq, head, next_seal, sealed_seq, seal_signature, corrected_us, \
         offset_us, receipt_last, receipt_head, since_us) VALUES (?1, ?2, 1, ?3, 1, 0, ?4, ?5, 0, 0, ?3, ?6)",
        &[
            book.terminal.into(),
            book.epoch.into(),
            cursor.head.into(),
            cursor.seal_signature.into(),
            cursor.clock.corrected.into(),
            now.into(),
        ],
    )?;
    Ok(cursor)
}

/// Writes a cursor that moved forward.
pub(crate) fn save(tx: &mut Tx, cursor: &Cursor) -> Result<(), DatabaseError> {
    tx.execute(
        "UPDATE book SET next_seq = ?3, head = ?4, next_seal = ?5, sealed_seq = ?6, seal_signature = ?7, \
         corrected_us = ?8, offset_us = ?9 WHERE terminal_no = ?1 AND epoch = ?2",
        &[
            cursor.book.terminal.into(),
            cursor.book.epoch.into(),
            cursor.next.into(),
            cursor.head.into(),
            cursor.next_seal.into(),
            cursor.sealed.into(),
            cursor.seal_signature.into(),
            cursor.clock.corrected.into(),
            cursor.clock.offset_us.into(),
        ],
    )
    .map(drop)
}

/// Appends lines that follow the cursor and whose chain was checked, projects them and moves the cursor. Gives back
/// their arrival positions' end.
pub(crate) fn append(
    tx: &mut Tx,
    cursor: &mut Cursor,
    lines: Vec<Line>,
    received: Moment,
) -> Result<u64, DatabaseError> {
    let last = tx.query_opt("SELECT max(position) FROM line", &[])?;
    let mut position = match last {
        Some(row) => u64::try_from(row.opt_int(0)?.unwrap_or(0)).unwrap_or(0),
        None => 0,
    };
    let book = cursor.book;
    let mut entries = Vec::with_capacity(lines.len());
    let mut rows = Vec::with_capacity(lines.len());
    let mut keys = Vec::new();
    for line in lines {
        position += 1;
        cursor.next = line.seq + 1;
        cursor.head = line.hash;
        let stored = Stored { position, book, line, corrected: Moment(0), received };
        let mut entry = Entry::read(stored);
        if let Ok(Body::System(System::KeyChanged { key })) = &entry.body {
            keys.push(vec![book.terminal.into(), book.epoch.into(), entry.at.line.seq.into(), (*key).into()]);
        }
        let line = &entry.at.line;
        let corrected = cursor.clock.pass(line, entry.body.as_ref().ok(), received);
        rows.push(vec![
            position.into(),
            line_id(entry.at.reference()).into(),
            line.at.into(),
            Value::Int(i64::from(line.zone_min)),
            line.mono_us.into(),
            Value::Int(i64::from(line.kind)),
            Value::Int(i64::from(line.schema)),
            Value::Blob(line.body.0.clone()),
            line.hash.into(),
            corrected.into(),
            received.into(),
        ]);
        entry.at.corrected = corrected;
        entries.push(entry);
    }
    tx.execute_many(
        "INSERT INTO line (position, id, at_us, zone_min, mono_us, kind, schema_no, body, hash, corrected_us, received_us) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        &rows,
    )?;
    tx.execute_many("INSERT INTO book_key (terminal_no, epoch, from_seq, public_key) VALUES (?1, ?2, ?3, ?4)", &keys)?;
    save(tx, cursor)?;
    projection::project(tx, &entries)?;
    tx.announce(Change { position })?;
    Ok(position)
}

/// Stores a seal that holds and moves the cursor past it.
pub(crate) fn append_seal(tx: &mut Tx, cursor: &mut Cursor, seal: &Seal) -> Result<(), DatabaseError> {
    tx.execute(
        "INSERT INTO seal (terminal_no, epoch, number, first_seq, last_seq, head, at_us, signature) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &[
            cursor.book.terminal.into(),
            cursor.book.epoch.into(),
            seal.number.into(),
            seal.first.into(),
            seal.last.into(),
            seal.head.into(),
            seal.at.into(),
            seal.signature.into(),
        ],
    )?;
    cursor.next_seal = seal.number + 1;
    cursor.sealed = seal.last;
    cursor.seal_signature = seal.signature;
    save(tx, cursor)
}

/// Hashes of the lines `first..=last` of a book, in their order.
pub(crate) fn hashes(tx: &mut Tx, book: BookId, first: u64, last: u64) -> Result<Vec<Hex<32>>, DatabaseError> {
    let id = |seq| Value::from(line_id(crate::event::LineRef { terminal: book.terminal, epoch: book.epoch, seq }));
    tx.query("SELECT hash FROM line WHERE id BETWEEN ?1 AND ?2 ORDER BY id", &[id(first), id(last)])?
        .iter()
        .map(|row| row.hex(0))
        .collect()
}
