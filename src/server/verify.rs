//! Recomputes every chain and seal of the central book.

use ed25519_dalek::VerifyingKey;

use crate::event::LineRef;
use crate::identity::hex::Hex;
use crate::ledger::chain::{self, BookId, Seal};
use crate::server::book::ServerKey;
use crate::server::catalog::terminals;
use crate::server::database::{DatabaseError, Row, Tx};
use crate::server::intake;
use crate::server::lines;
use crate::server::stored::{line_id, line_ref};
use crate::sync::wire::Receipt;

/// Lines read at a time.
const LINES: usize = 2_000;

/// Faults after which a book is not read on: more would not tell more.
const FAULTS_MAX: usize = 1_000;

/// What was checked and what is wrong.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub books: u64,
    pub lines: u64,
    pub seals: u64,
    /// Lines that no seal covers yet.
    pub unsealed: u64,
    pub faults: Vec<Fault>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("line {seq} of terminal {} epoch {} was changed", .book.terminal, .book.epoch)]
    Changed { book: BookId, seq: u64 },
    #[error("line {seq} of terminal {} epoch {} is missing", .book.terminal, .book.epoch)]
    Missing { book: BookId, seq: u64 },
    #[error("seal {number} of terminal {} epoch {} does not hold", .book.terminal, .book.epoch)]
    Seal { book: BookId, number: u64 },
    #[error("the cursor of terminal {} epoch {} does not fit its lines: {why}", .book.terminal, .book.epoch)]
    Cursor { book: BookId, why: String },
    #[error("the receipt given to terminal {} epoch {} does not fit line {last}", .book.terminal, .book.epoch)]
    Receipt { book: BookId, last: u64 },
    #[error("{lines} lines belong to no book that the server knows")]
    Stray { lines: u64 },
}

/// Checks every book from its first line: chain, seals, cursor and receipt. Goes on after a fault with the stored hash,
/// so that one changed line is one fault.
///
/// # Errors
/// What the database says; a fault of the book is no error.
pub fn verify(tx: &mut Tx) -> Result<Report, DatabaseError> {
    let server = ServerKey::load(tx)?;
    let mut report = Report::default();
    let sql = "SELECT terminal_no, epoch, receipt_last, receipt_head, receipt_signature FROM book \
               ORDER BY terminal_no, epoch";
    for row in tx.query(sql, &[])? {
        let book = BookId { terminal: row.number(0)?, epoch: row.hex(1)? };
        let receipt = match row.opt_hex::<64>(4)? {
            Some(signature) => Some(Receipt { last: row.count(2)?, head: row.hex(3)?, signature }),
            None => None,
        };
        report.books += 1;
        verify_book(tx, &server, book, receipt, &mut report)?;
    }
    let stored = tx.query_opt("SELECT count(*) FROM line", &[])?.map(|row| row.count(0)).transpose()?.unwrap_or(0);
    if report.lines < stored && report.faults.len() < FAULTS_MAX {
        report.faults.push(Fault::Stray { lines: stored - report.lines });
    }
    Ok(report)
}

fn verify_book(
    tx: &mut Tx,
    server: &ServerKey,
    book: BookId,
    receipt: Option<Receipt>,
    report: &mut Report,
) -> Result<(), DatabaseError> {
    let seals = seals(tx, book)?;
    let mut due_seals = seals.iter().peekable();
    let mut sealed = 0;
    let mut previous_seal = Seal::BEFORE_FIRST;
    let mut previous = chain::genesis(book);
    let mut due = 1;
    let mut received_head = (receipt.as_ref().map(|receipt| receipt.last) == Some(0)).then_some(previous);
    let enrolled = match book.terminal {
        0 => Some(Hex(server.public().to_bytes())),
        terminal => terminals::terminal(tx, terminal)?.map(|terminal| terminal.key),
    };
    let id = |seq| line_id(LineRef { terminal: book.terminal, epoch: book.epoch, seq });
    let sql = format!("SELECT {} FROM line WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3", lines::COLUMNS);
    loop {
        let rows = tx.query(&sql, &[id(due).into(), id(u64::MAX).into(), LINES.into()])?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            let line = match lines::read(row) {
                Ok(stored) => stored.line,
                // A number that no line can hold was written over.
                Err(_) => {
                    let seq = line_ref(row.blob(1)?)?.seq;
                    report.lines += 1;
                    report.faults.push(Fault::Changed { book, seq });
                    previous = row.hex(8)?;
                    due = seq + 1;
                    continue;
                }
            };
            report.faults.extend((due..line.seq).take(FAULTS_MAX).map(|seq| Fault::Missing { book, seq }));
            report.lines += 1;
            if line.seq == due && chain::link(previous, &line) != line.hash {
                report.faults.push(Fault::Changed { book, seq: line.seq });
            }
            previous = line.hash;
            due = line.seq + 1;
            if receipt.as_ref().is_some_and(|receipt| receipt.last == line.seq) {
                received_head = Some(line.hash);
            }
            while let Some(seal) = due_seals.next_if(|seal| seal.last <= line.seq) {
                let key = match enrolled {
                    Some(enrolled) => VerifyingKey::from_bytes(&intake::key_at(tx, book, enrolled, seal.last)?.0).ok(),
                    None => None,
                };
                let holds = seal.first == sealed + 1
                    && seal.last == line.seq
                    && seal.head == line.hash
                    && key.is_some_and(|key| seal.holds(book, previous_seal, &key));
                report.seals += 1;
                if !holds {
                    report.faults.push(Fault::Seal { book, number: seal.number });
                }
                sealed = seal.last;
                previous_seal = seal.signature;
            }
        }
        if FAULTS_MAX < report.faults.len() {
            return Ok(());
        }
    }
    report.faults.extend(due_seals.map(|seal| Fault::Seal { book, number: seal.number }));
    report.unsealed += (due - 1).saturating_sub(sealed);
    if let Some(cursor) = lines::cursor(tx, book)? {
        let why = match () {
            () if cursor.next != due => format!("it is at line {}, the last one stored is {}", cursor.next, due - 1),
            () if cursor.head != previous => "its head is not the hash of the last line".into(),
            () if cursor.sealed != sealed => format!("it is sealed to {}, the seals end at {sealed}", cursor.sealed),
            () => String::new(),
        };
        if !why.is_empty() {
            report.faults.push(Fault::Cursor { book, why });
        }
    }
    if let Some(receipt) = receipt
        && (received_head != Some(receipt.head) || !receipt.holds(book, &server.public()))
    {
        report.faults.push(Fault::Receipt { book, last: receipt.last });
    }
    Ok(())
}

fn seals(tx: &mut Tx, book: BookId) -> Result<Vec<Seal>, DatabaseError> {
    let sql = "SELECT number, first_seq, last_seq, head, at_us, signature FROM seal \
               WHERE terminal_no = ?1 AND epoch = ?2 ORDER BY number";
    let read = |row: &Row| {
        Ok(Seal {
            number: row.count(0)?,
            first: row.count(1)?,
            last: row.count(2)?,
            head: row.hex(3)?,
            at: row.moment(4)?,
            signature: row.hex(5)?,
        })
    };
    tx.query(sql, &[book.terminal.into(), book.epoch.into()])?.iter().map(read).collect()
}
