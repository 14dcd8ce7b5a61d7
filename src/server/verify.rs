//! Recomputes every chain and seal of the central book.

use std::collections::VecDeque;

use ed25519_dalek::VerifyingKey;

use crate::event::{Body, LineRef, System};
use crate::hex::Hex;
use crate::ledger::chain::{self, BookId, Seal};
use crate::server::book::ServerKey;
use crate::server::database::{DatabaseError, Row, Tx, Value};
use crate::server::intake;
use crate::server::kernel::Entry;
use crate::server::lines;
use crate::server::stored::{Clock, line_id, line_ref};
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
    #[error("{what} cannot be read: {why}")]
    Unreadable { what: &'static str, why: String },
}

/// Checks every book from its first line: chain, seals, times, order of arrival, cursor and receipt. Goes on after a
/// fault with what is stored, so that one changed line is one fault.
///
/// When a line was received is the one value that only this server knows: of it no more can be told than that it is not
/// before the line's corrected time.
///
/// # Errors
/// What the database says; a fault of the book is no error.
pub fn verify(tx: &mut Tx) -> Result<Report, DatabaseError> {
    let mut report = Report::default();
    let server = match ServerKey::stored(tx) {
        Ok(Some(key)) => Some(key.public()),
        Ok(None) => {
            report.faults.push(Fault::Unreadable { what: "the server's key", why: "there is none".into() });
            None
        }
        Err(error) => {
            report.faults.push(Fault::Unreadable { what: "the server's key", why: error.to_string() });
            None
        }
    };
    let own: Vec<Value> =
        tx.query("SELECT epoch FROM server_book", &[])?.into_iter().flat_map(|row| row.values().to_vec()).collect();
    let stored = tx.query_opt("SELECT count(*) FROM line", &[])?.map_or(Ok(0), |row| row.count(0))?;
    let sql = "SELECT terminal_no, epoch, receipt_last, receipt_head, receipt_signature FROM book \
               ORDER BY terminal_no, epoch";
    for row in tx.query(sql, &[])? {
        report.books += 1;
        let (book, receipt) = match book_of(&row) {
            Ok(book) => book,
            Err(error) => {
                report.faults.push(Fault::Unreadable { what: "a book's row", why: error.to_string() });
                continue;
            }
        };
        if book.terminal == 0 && !own.contains(&book.epoch.into()) {
            let why = "the server does not know it as its own".into();
            report.faults.push(Fault::Cursor { book, why });
        }
        let walk = Walk {
            book,
            server,
            enrolled: match book.terminal {
                0 => server.map(|key| Hex(key.to_bytes())),
                terminal => enrolled(tx, terminal)?,
            },
            receipt,
            stored,
            seals: VecDeque::new(),
            due: 1,
            previous: chain::genesis(book),
            position: 0,
            clock: Some(Clock::BEFORE_FIRST),
            next_seal: 1,
            sealed: 0,
            seal_signature: Seal::BEFORE_FIRST,
            received_head: None,
        };
        walk.run(tx, &mut report)?;
    }
    if report.lines < stored && report.faults.len() < FAULTS_MAX {
        report.faults.push(Fault::Stray { lines: stored - report.lines });
    }
    Ok(report)
}

fn book_of(row: &Row) -> Result<(BookId, Option<Receipt>), DatabaseError> {
    let book = BookId { terminal: row.number(0)?, epoch: row.hex(1)? };
    let receipt = match row.opt_hex::<64>(4)? {
        Some(signature) => Some(Receipt { last: row.count(2)?, head: row.hex(3)?, signature }),
        None => None,
    };
    Ok((book, receipt))
}

/// The key that a terminal was enrolled with; `None` when there is none that can be read.
fn enrolled(tx: &mut Tx, terminal: u32) -> Result<Option<Hex<32>>, DatabaseError> {
    let row = tx.query_opt("SELECT public_key FROM terminal WHERE number = ?1", &[terminal.into()])?;
    Ok(row.and_then(|row| row.hex(0).ok()))
}

/// One book on the way from its first line to its last.
struct Walk {
    book: BookId,
    server: Option<VerifyingKey>,
    enrolled: Option<Hex<32>>,
    receipt: Option<Receipt>,
    /// Lines of all books: no arrival is above it.
    stored: u64,
    /// Those still ahead.
    seals: VecDeque<Seal>,
    /// The line that comes next.
    due: u64,
    /// Hash of the line before it.
    previous: Hex<32>,
    /// Arrival of the line before it.
    position: u64,
    /// Not known after a line that was changed or is missing, until one tells the offset again.
    clock: Option<Clock>,
    next_seal: u64,
    sealed: u64,
    seal_signature: Hex<64>,
    /// Hash of the line that the receipt names.
    received_head: Option<Hex<32>>,
}

impl Walk {
    fn run(mut self, tx: &mut Tx, report: &mut Report) -> Result<(), DatabaseError> {
        let book = self.book;
        self.seals = seals(tx, book, report)?;
        self.hear_of(0, self.previous);
        let id = |seq| line_id(LineRef { terminal: book.terminal, epoch: book.epoch, seq });
        let sql = format!("SELECT {} FROM line WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3", lines::COLUMNS);
        loop {
            let rows = tx.query(&sql, &[id(self.due).into(), id(u64::MAX).into(), LINES.into()])?;
            for row in &rows {
                let seq = line_ref(row.blob(1)?)?.seq;
                report.faults.extend((self.due..seq).take(FAULTS_MAX).map(|seq| Fault::Missing { book, seq }));
                report.lines += 1;
                if !self.holds(row, seq) {
                    report.faults.push(Fault::Changed { book, seq });
                }
                self.due = seq + 1;
                // A hash that cannot even be read breaks the link to the next line, as any other change of it does.
                self.previous = row.hex(8).unwrap_or(Hex([0; 32]));
                self.hear_of(seq, self.previous);
                self.check_seals(tx, seq, report)?;
            }
            if rows.is_empty() {
                break;
            }
            if FAULTS_MAX < report.faults.len() {
                return Ok(());
            }
        }
        let (next_seal, sealed) = (self.next_seal, self.sealed);
        report.faults.extend(self.seals.drain(..).map(|seal| Fault::Seal { book, number: seal.number }));
        report.unsealed += (self.due - 1).saturating_sub(sealed);
        match lines::cursor(tx, book) {
            Ok(Some(cursor)) => {
                let last = self.due - 1;
                let why = match () {
                    () if cursor.next != self.due => {
                        format!("it is at line {}, the last one stored is {last}", cursor.next)
                    }
                    () if cursor.head != self.previous => "its head is not the hash of the last line".into(),
                    () if cursor.sealed != sealed => {
                        format!("it is sealed to {}, the seals end at {sealed}", cursor.sealed)
                    }
                    () if cursor.next_seal != next_seal => {
                        format!("seal {} is due by it, seal {next_seal} by the seals", cursor.next_seal)
                    }
                    () if cursor.seal_signature != self.seal_signature => "its seal is not the last one".into(),
                    () if self.clock.is_some_and(|clock| clock != cursor.clock) => {
                        "its clock is not that of the lines".into()
                    }
                    () => String::new(),
                };
                if !why.is_empty() {
                    report.faults.push(Fault::Cursor { book, why });
                }
            }
            Ok(None) => (),
            Err(error @ DatabaseError::Column { .. }) => {
                report.faults.push(Fault::Cursor { book, why: error.to_string() });
            }
            Err(error) => return Err(error),
        }
        if let Some(receipt) = &self.receipt {
            let signed = self.server.is_some_and(|server| receipt.holds(book, &server));
            if self.received_head != Some(receipt.head) || !signed {
                report.faults.push(Fault::Receipt { book, last: receipt.last });
            }
        }
        Ok(())
    }

    fn hear_of(&mut self, seq: u64, hash: Hex<32>) {
        if self.receipt.as_ref().is_some_and(|receipt| receipt.last == seq) {
            self.received_head = Some(hash);
        }
    }

    /// Whether every value of a stored line is what it has to be. A number that no line can hold was written over.
    fn holds(&mut self, row: &Row, seq: u64) -> bool {
        let Ok(stored) = lines::read(row) else {
            self.clock = None;
            return false;
        };
        let entry = Entry::read(stored);
        let line = &entry.at.line;
        let follows = chain::link(self.previous, line) == line.hash;
        let linked = follows || seq != self.due;
        let corrected = entry.at.corrected;
        self.clock = match (self.clock.filter(|_| follows), &entry.body) {
            (Some(clock), _) => Some(clock),
            (None, Ok(Body::System(System::ClockOffset { offset_us, .. }))) if follows => {
                Some(Clock { corrected, offset_us: *offset_us })
            }
            (None, _) => None,
        };
        let mut timed = true;
        if let Some(clock) = &mut self.clock {
            timed = clock.pass(line, entry.body.as_ref().ok(), entry.at.received) == corrected;
            clock.corrected = corrected;
        }
        let arrived = self.position < entry.at.position && entry.at.position <= self.stored;
        if arrived {
            self.position = entry.at.position;
        }
        linked && timed && arrived
    }

    /// Checks the seals that end at or before line `seq`, the last one walked over.
    fn check_seals(&mut self, tx: &mut Tx, seq: u64, report: &mut Report) -> Result<(), DatabaseError> {
        while self.seals.front().is_some_and(|seal| seal.last <= seq)
            && let Some(seal) = self.seals.pop_front()
        {
            let key = match self.enrolled.map(|enrolled| intake::key_at(tx, self.book, enrolled, seal.last)) {
                Some(Ok(key)) => VerifyingKey::from_bytes(&key.0).ok(),
                // What stands there is no key.
                None | Some(Err(DatabaseError::Column { .. })) => None,
                Some(Err(error)) => return Err(error),
            };
            let holds = seal.number == self.next_seal
                && seal.first == self.sealed + 1
                && seal.last == seq
                && seal.head == self.previous
                && key.is_some_and(|key| seal.holds(self.book, self.seal_signature, &key));
            report.seals += 1;
            if !holds {
                report.faults.push(Fault::Seal { book: self.book, number: seal.number });
            }
            self.next_seal = seal.number.saturating_add(1);
            self.sealed = seal.last;
            self.seal_signature = seal.signature;
        }
        Ok(())
    }
}

/// The seals of a book by number; one that cannot be read is a fault.
fn seals(tx: &mut Tx, book: BookId, report: &mut Report) -> Result<VecDeque<Seal>, DatabaseError> {
    let sql = "SELECT number, first_seq, last_seq, head, at_us, signature FROM seal \
               WHERE terminal_no = ?1 AND epoch = ?2 ORDER BY number";
    let read = |row: &Row| {
        Ok::<_, DatabaseError>(Seal {
            number: row.count(0)?,
            first: row.count(1)?,
            last: row.count(2)?,
            head: row.hex(3)?,
            at: row.moment(4)?,
            signature: row.hex(5)?,
        })
    };
    let mut seals = VecDeque::new();
    for row in tx.query(sql, &[book.terminal.into(), book.epoch.into()])? {
        match read(&row) {
            Ok(seal) => seals.push_back(seal),
            Err(_) => report.faults.push(Fault::Seal { book, number: row.count(0).unwrap_or(0) }),
        }
    }
    Ok(seals)
}
