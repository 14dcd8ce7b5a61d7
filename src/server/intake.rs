//! Takes in what terminals send: each line once, in the order of its book, or not at all.

use ed25519_dalek::VerifyingKey;

use crate::event::{BODY_MAX, LineRef};
use crate::hex::Hex;
use crate::ledger::chain::{self, BookId, Line, Seal};
use crate::quantity::Moment;
use crate::server::book::{self, ServerKey};
use crate::server::catalog::terminals::{self, Terminal};
use crate::server::database::{DatabaseError, Tx};
use crate::server::lines;
use crate::server::numbering::{leases, registrations};
use crate::server::stored::{Cursor, line_id};
use crate::sync::wire::{BATCH_BYTES_MAX, BATCH_LINES_MAX, Batch, BatchReply, Hello, HelloReply, Receipt, VERSIONS};

/// What became of a batch. A refusal is no error of the transaction: what it leaves in quarantine has to be stored.
#[derive(Clone, Debug)]
pub enum Intake {
    Taken(BatchReply),
    Refused(Refused),
}

/// Why a batch was not taken. Nothing of it stands in the book.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("terminal {terminal} is not known here")]
    UnknownTerminal { terminal: u32 },
    #[error("terminal {terminal} is no longer trusted; its lines were put aside")]
    Revoked { terminal: u32 },
    #[error("line {first} was sent where line {next} is due")]
    Gap { first: u64, next: u64, head: Hex<32> },
    #[error("line {seq} is here already with another content: the book was copied or changed")]
    Fork { seq: u64, next: u64, head: Hex<32> },
    #[error("the hash of line {seq} does not follow from the line before it")]
    Unlinked { seq: u64, next: u64, head: Hex<32> },
    #[error("the batch cannot be read: {why}")]
    Malformed { why: String },
}

impl Refused {
    /// HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Refused::UnknownTerminal { .. } => 401,
            Refused::Revoked { .. } => 403,
            Refused::Gap { .. } | Refused::Fork { .. } => 409,
            Refused::Unlinked { .. } | Refused::Malformed { .. } => 422,
        }
    }

    pub fn help(&self) -> &'static str {
        match self {
            Refused::UnknownTerminal { .. } => "Enrol the terminal again with a new code.",
            Refused::Revoked { .. } => "Ask the administrator whether this terminal should be trusted again.",
            Refused::Gap { .. } => "Send from the line that is due.",
            Refused::Fork { .. } => "Start a new book on the terminal; a person looks at both versions on the server.",
            Refused::Unlinked { .. } => "Run `gatebook verify` on the terminal.",
            Refused::Malformed { .. } => "Compare the sender with the description of the sync protocol.",
        }
    }

    /// Where the server stands, where the answer tells it.
    pub fn cursor(&self) -> Option<(u64, Hex<32>)> {
        match *self {
            Refused::Gap { next, head, .. }
            | Refused::Fork { next, head, .. }
            | Refused::Unlinked { next, head, .. } => Some((next, head)),
            Refused::UnknownTerminal { .. } | Refused::Revoked { .. } | Refused::Malformed { .. } => None,
        }
    }
}

/// Something is wrong with a terminal's book.
#[derive(Clone, Debug)]
pub struct Flag {
    /// The book and the line; settle it by this line and `what`, with an empty code.
    pub line: LineRef,
    /// `fork`, `unlinked`, `bad_seal`, `revoked`, `tail_cut`
    pub what: String,
    pub detail: String,
    pub since: Moment,
    pub last: Moment,
    pub times: u64,
    pub settled: bool,
}

/// Batches of one terminal kept in quarantine at most; more are only counted.
const QUARANTINE_MAX: i64 = 50;

/// Flags in one answer at most.
const FLAGS_MAX: usize = 200;

/// Longest list of troubles that is kept of a terminal, in bytes.
const TROUBLES_MAX: usize = 4_096;

/// Takes in a batch, in one transaction: appended, projected and receipted, or refused. `terminal` of the batch's book
/// is the one that signed the request; the caller has checked that.
///
/// # Errors
/// What the database says; nothing is stored then.
pub fn take_in(tx: &mut Tx, server: &ServerKey, batch: &Batch, received: Moment) -> Result<Intake, DatabaseError> {
    let book = batch.book;
    let terminal = match trusted(tx, book)? {
        Ok(terminal) => terminal,
        Err(refused @ Refused::Revoked { .. }) => {
            set_aside(tx, batch, "revoked", 0, "the terminal was revoked", received)?;
            return Ok(Intake::Refused(refused));
        }
        Err(refused) => return Ok(Intake::Refused(refused)),
    };
    if let Some(why) = malformed(batch) {
        return Ok(Intake::Refused(Refused::Malformed { why }));
    }
    let mut cursor = lines::open(tx, book, received)?;
    let (next, head) = (cursor.next, cursor.head);
    let first = batch.lines.first().map_or(next, |line| line.seq);
    if next < first {
        return Ok(Intake::Refused(Refused::Gap { first, next, head }));
    }
    if let Some(seq) = forks(tx, batch, &cursor)? {
        let detail = format!("line {seq} came again with another content");
        set_aside(tx, batch, "fork", seq, &detail, received)?;
        return Ok(Intake::Refused(Refused::Fork { seq, next, head }));
    }
    let fresh: Vec<Line> = batch.lines.iter().filter(|line| next <= line.seq).cloned().collect();
    let mut previous = head;
    for line in &fresh {
        if chain::link(previous, line) != line.hash {
            set_aside(tx, batch, "unlinked", line.seq, "its hash does not follow from the line before it", received)?;
            return Ok(Intake::Refused(Refused::Unlinked { seq: line.seq, next, head }));
        }
        previous = line.hash;
    }
    if !fresh.is_empty() {
        let decides = fresh.iter().any(|line| registrations::KINDS.contains(&line.kind));
        lines::append(tx, &mut cursor, fresh, received)?;
        if decides {
            registrations::follow(tx, server, book, (next, cursor.next - 1), received)?;
        }
    }
    for seal in &batch.seals {
        take_seal(tx, &mut cursor, terminal.key, seal, received)?;
    }
    tx.execute(
        "UPDATE liveness SET seen_us = ?2, clock_us = ?3, waiting = ?4 WHERE terminal_no = ?1",
        &[book.terminal.into(), received.into(), batch.at.into(), batch.waiting.into()],
    )?;
    let receipt = receipt(tx, server, &cursor)?;
    Ok(Intake::Taken(BatchReply { next: cursor.next, head: cursor.head, next_seal: cursor.next_seal, receipt }))
}

/// The terminal of a book, when its lines may come in.
fn trusted(tx: &mut Tx, book: BookId) -> Result<Result<Terminal, Refused>, DatabaseError> {
    // Number 0 is the server: nobody sends lines of its books.
    let found = if book.terminal == 0 { None } else { terminals::terminal(tx, book.terminal)? };
    Ok(match found {
        None => Err(Refused::UnknownTerminal { terminal: book.terminal }),
        Some(Terminal { revoked: Some(_), .. }) => Err(Refused::Revoked { terminal: book.terminal }),
        Some(terminal) => Ok(terminal),
    })
}

/// What makes a batch no batch.
fn malformed(batch: &Batch) -> Option<String> {
    if BATCH_LINES_MAX < batch.lines.len() {
        return Some(format!("{} lines are more than {BATCH_LINES_MAX}", batch.lines.len()));
    }
    let first = batch.lines.first().map_or(1, |line| line.seq);
    if first == 0 {
        return Some("lines count from 1".into());
    }
    for (due, line) in (first..).zip(&batch.lines) {
        if line.seq != due {
            return Some(format!("line {} stands where line {due} is due", line.seq));
        }
        if i64::try_from(line.seq).is_err() {
            return Some(format!("line {} is out of range", line.seq));
        }
        if BODY_MAX < line.body.0.len() {
            return Some(format!(
                "the body of line {} has {} bytes, {BODY_MAX} are the most",
                line.seq,
                line.body.0.len()
            ));
        }
    }
    None
}

/// The first line of the batch that is here already with another content.
fn forks(tx: &mut Tx, batch: &Batch, cursor: &Cursor) -> Result<Option<u64>, DatabaseError> {
    let Some(first) = batch.lines.first().map(|line| line.seq) else { return Ok(None) };
    let before = match first - 1 {
        0 => chain::genesis(batch.book),
        last if last + 1 == cursor.next => cursor.head,
        last => match lines::hashes(tx, batch.book, last, last)?.first() {
            Some(hash) => *hash,
            None => return Ok(None),
        },
    };
    if batch.previous != before {
        return Ok(Some(first.saturating_sub(1).max(1)));
    }
    let last = batch.lines.last().map_or(first, |line| line.seq).min(cursor.next - 1);
    let known = lines::hashes(tx, batch.book, first, last)?;
    let differs = batch.lines.iter().zip(&known).find(|(line, hash)| line.hash != **hash);
    if differs.is_some() {
        return Ok(differs.map(|(line, _)| line.seq));
    }
    // The hash alone could be copied: what is sent again has to be what it says, or it is no proof of anything.
    let mut previous = batch.previous;
    for (line, _) in batch.lines.iter().zip(&known) {
        if chain::link(previous, line) != line.hash {
            return Ok(Some(line.seq));
        }
        previous = line.hash;
    }
    Ok(None)
}

/// Takes the seal that is due. One that was taken before is passed over; one whose lines are not here yet will come
/// again, since the reply names the seal that is due.
fn take_seal(
    tx: &mut Tx,
    cursor: &mut Cursor,
    enrolled: Hex<32>,
    seal: &Seal,
    received: Moment,
) -> Result<(), DatabaseError> {
    if seal.number != cursor.next_seal || cursor.next <= seal.last {
        return Ok(());
    }
    let book = cursor.book;
    let key = key_at(tx, book, enrolled, seal.last)?;
    let in_place = seal.first == cursor.sealed + 1 && seal.first <= seal.last;
    let head = lines::hashes(tx, book, seal.last, seal.last)?;
    let signed = VerifyingKey::from_bytes(&key.0).is_ok_and(|key| seal.holds(book, cursor.seal_signature, &key));
    if in_place && head.first() == Some(&seal.head) && signed {
        return lines::append_seal(tx, cursor, seal);
    }
    let detail = format!("seal {} over the lines {} to {} does not hold", seal.number, seal.first, seal.last);
    flag(tx, book, "bad_seal", cursor.sealed + 1, &detail, received)
}

/// The key in force for a seal that ends with line `last`: the latest that the book changed to, or the enrolled one.
pub(crate) fn key_at(tx: &mut Tx, book: BookId, enrolled: Hex<32>, last: u64) -> Result<Hex<32>, DatabaseError> {
    let sql = "SELECT public_key FROM book_key WHERE terminal_no = ?1 AND epoch = ?2 AND from_seq <= ?3 \
               ORDER BY from_seq DESC LIMIT 1";
    match tx.query_opt(sql, &[book.terminal.into(), book.epoch.into(), last.into()])? {
        Some(row) => row.hex(0),
        None => Ok(enrolled),
    }
}

/// Signs that the book is stored up to its cursor, and remembers the receipt.
fn receipt(tx: &mut Tx, server: &ServerKey, cursor: &Cursor) -> Result<Receipt, DatabaseError> {
    let receipt = Receipt::sign(cursor.book, cursor.next - 1, cursor.head, &server.signing);
    tx.execute(
        "UPDATE book SET receipt_last = ?3, receipt_head = ?4, receipt_signature = ?5 \
         WHERE terminal_no = ?1 AND epoch = ?2",
        &[
            cursor.book.terminal.into(),
            cursor.book.epoch.into(),
            receipt.last.into(),
            receipt.head.into(),
            receipt.signature.into(),
        ],
    )?;
    Ok(receipt)
}

/// Keeps a batch that cannot stand in the book, once, and flags the terminal.
fn set_aside(
    tx: &mut Tx,
    batch: &Batch,
    what: &str,
    seq: u64,
    detail: &str,
    received: Moment,
) -> Result<(), DatabaseError> {
    let book = batch.book;
    let kept = tx.query_opt("SELECT count(*) FROM quarantine WHERE terminal_no = ?1", &[book.terminal.into()])?;
    if kept.map(|row| row.int(0)).transpose()?.unwrap_or(0) < QUARANTINE_MAX {
        let bytes = postcard::to_stdvec(&(&batch.lines, &batch.seals)).expect("plain structs in memory always encode");
        tx.execute(
            "INSERT INTO quarantine (hash, terminal_no, epoch, first_seq, why, received_us, batch) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (hash) DO NOTHING",
            &[
                Hex(*blake3::hash(&bytes).as_bytes()).into(),
                book.terminal.into(),
                book.epoch.into(),
                batch.lines.first().map_or(0, |line| line.seq).into(),
                what.into(),
                received.into(),
                bytes.into(),
            ],
        )?;
    }
    tracing::error!(terminal = book.terminal, seq, "terminal {}: {what} at line {seq}: {detail}", book.terminal);
    flag(tx, book, what, seq, detail, received)
}

fn flag(tx: &mut Tx, book: BookId, what: &str, seq: u64, detail: &str, at: Moment) -> Result<(), DatabaseError> {
    tx.execute(
        "INSERT INTO flag (terminal_no, epoch, what, seq, detail, since_us, last_us, times) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 1) ON CONFLICT (terminal_no, epoch, what, seq) \
         DO UPDATE SET last_us = excluded.last_us, times = flag.times + 1, detail = excluded.detail",
        &[book.terminal.into(), book.epoch.into(), what.into(), seq.into(), detail.into(), at.into()],
    )
    .map(drop)
}

fn has_flag(tx: &mut Tx, book: BookId, what: &str) -> Result<bool, DatabaseError> {
    let sql = "SELECT 1 FROM flag WHERE terminal_no = ?1 AND epoch = ?2 AND what = ?3 LIMIT 1";
    Ok(tx.query_opt(sql, &[book.terminal.into(), book.epoch.into(), what.into()])?.is_some())
}

/// The first word of a connection: where the server stands in the terminal's book, and how the terminal is. `terminal`
/// is the one that signed the request. The caller sets `answered` when the reply goes out.
///
/// # Errors
/// What the database says.
pub fn hello(
    tx: &mut Tx,
    server: &ServerKey,
    terminal: u32,
    hello: &Hello,
    received: Moment,
) -> Result<Result<HelloReply, Refused>, DatabaseError> {
    let book = hello.book;
    if let Err(refused) = trusted(tx, book)? {
        return Ok(Err(refused));
    }
    if terminal != book.terminal {
        let why = format!("terminal {terminal} spoke for terminal {}", book.terminal);
        return Ok(Err(Refused::Malformed { why }));
    }
    let (oldest, newest) = hello.versions;
    if newest < VERSIONS.0 || VERSIONS.1 < oldest {
        let why = format!(
            "the terminal speaks the versions {oldest} to {newest}, the server {} to {}; update the older one",
            VERSIONS.0, VERSIONS.1
        );
        return Ok(Err(Refused::Malformed { why }));
    }
    let cursor = lines::open(tx, book, received)?;
    let cut = hello.last + 1 < cursor.next && !has_flag(tx, book, "tail_cut")?;
    compare_tails(tx, hello, &cursor, received)?;
    if cut {
        leases::withdraw(tx, server, book, received)?;
    }
    let troubles = serde_json::to_string(&hello.troubles).expect("a list of texts always becomes JSON");
    let troubles = match troubles.len() <= TROUBLES_MAX {
        true => troubles,
        false => format!("[\"{} troubles, too many to keep\"]", hello.troubles.len()),
    };
    let program: String = hello.program.chars().filter(|c| !c.is_control()).take(100).collect();
    tx.execute(
        "INSERT INTO liveness (terminal_no, epoch, program, seen_us, clock_us, waiting, down_cursor, troubles) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (terminal_no) DO UPDATE SET epoch = excluded.epoch, \
         program = excluded.program, seen_us = excluded.seen_us, clock_us = excluded.clock_us, \
         waiting = excluded.waiting, down_cursor = excluded.down_cursor, troubles = excluded.troubles",
        &[
            terminal.into(),
            book.epoch.into(),
            program.into(),
            received.into(),
            hello.at.into(),
            hello.waiting.into(),
            hello.down_cursor.into(),
            troubles.into(),
        ],
    )?;
    let down_cursor = book::down_cursor(tx)?;
    // A terminal that has seen more than this server remembers shows that it was restored: what it leased is not known.
    if hello.down_cursor <= down_cursor {
        leases::refill(tx, server, book, received)?;
    }
    Ok(Ok(HelloReply {
        version: newest.min(VERSIONS.1),
        server_epoch: book::server_epoch(tx)?,
        next: cursor.next,
        head: cursor.head,
        next_seal: cursor.next_seal,
        down_cursor,
        batch_lines_max: u32::try_from(BATCH_LINES_MAX).unwrap_or(u32::MAX),
        batch_bytes_max: u32::try_from(BATCH_BYTES_MAX).unwrap_or(u32::MAX),
        received,
        answered: received,
    }))
}

/// A book that ends before what the server has of it was cut or restored; one that ends differently was copied.
fn compare_tails(tx: &mut Tx, hello: &Hello, cursor: &Cursor, received: Moment) -> Result<(), DatabaseError> {
    let stored = cursor.next - 1;
    if hello.last < stored {
        let detail = format!("the terminal's book ends at line {}, the server has {stored}", hello.last);
        return flag(tx, hello.book, "tail_cut", hello.last.saturating_add(1), &detail, received);
    }
    if hello.last == stored && hello.head != cursor.head {
        let detail = format!("the terminal has another line {stored} than the server");
        return flag(tx, hello.book, "fork", stored, &detail, received);
    }
    Ok(())
}

/// What is wrong with the terminals' books, newest first.
///
/// # Errors
/// What the database says.
pub fn flags(tx: &mut Tx) -> Result<Vec<Flag>, DatabaseError> {
    let sql = "SELECT terminal_no, epoch, what, seq, detail, since_us, last_us, times FROM flag \
               ORDER BY last_us DESC, terminal_no, epoch, what, seq LIMIT ?1";
    let rows = tx.query(sql, &[FLAGS_MAX.into()])?;
    let mut flags = Vec::with_capacity(rows.len());
    for row in rows {
        let line = LineRef { terminal: row.number(0)?, epoch: row.hex(1)?, seq: row.count(3)? };
        let what = row.text(2)?.to_owned();
        flags.push(Flag {
            settled: settled(tx, line, &what)?,
            line,
            what,
            detail: row.text(4)?.to_owned(),
            since: row.moment(5)?,
            last: row.moment(6)?,
            times: row.count(7)?,
        });
    }
    Ok(flags)
}

fn settled(tx: &mut Tx, line: LineRef, what: &str) -> Result<bool, DatabaseError> {
    let sql = "SELECT 1 FROM settlement WHERE line = ?1 AND reason = ?2 AND code = ''";
    Ok(tx.query_opt(sql, &[line_id(line).into(), what.into()])?.is_some())
}
