//! The central book: the union of all books, each line once, in the order of arrival.

use ed25519_dalek::{SigningKey, VerifyingKey};

use crate::event::{LineRef, Ruling};
use crate::identity::hex::Hex;
use crate::ledger::chain::{self, BookId, Line};
use crate::quantity::Moment;
use crate::server::database::{Change, DatabaseError, Row, Tx, Value};
use crate::server::kernel;

/// Lines in one answer at most.
pub const PAGE_MAX: usize = 200;

/// The key with which the server signs its own book, receipts and records.
#[derive(Clone)]
pub struct ServerKey {
    pub signing: SigningKey,
}

impl ServerKey {
    /// The key of this database; made when the database is new.
    ///
    /// # Errors
    /// What the database says.
    pub fn load(tx: &mut Tx) -> Result<ServerKey, DatabaseError> {
        if let Some(row) = tx.query_opt("SELECT secret FROM server_identity WHERE one = 1", &[])? {
            return Ok(ServerKey { signing: SigningKey::from_bytes(&row.hex::<32>(0)?.0) });
        }
        let secret = Hex(random::<32>()?);
        tx.execute("INSERT INTO server_identity (one, secret) VALUES (1, ?1)", &[secret.into()])?;
        Ok(ServerKey { signing: SigningKey::from_bytes(&secret.0) })
    }

    pub fn public(&self) -> VerifyingKey {
        self.signing.verifying_key()
    }
}

/// Bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], DatabaseError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| DatabaseError::Damaged { what: "the system's random numbers", why: error.to_string() })?;
    Ok(bytes)
}

/// The id of a line in tables: terminal (4 bytes, big-endian), epoch (16), seq (8, big-endian).
pub fn line_id(line: LineRef) -> Vec<u8> {
    let mut id = Vec::with_capacity(28);
    id.extend_from_slice(&line.terminal.to_be_bytes());
    id.extend_from_slice(&line.epoch.0);
    id.extend_from_slice(&line.seq.to_be_bytes());
    id
}

/// Reads an id back.
///
/// # Errors
/// The bytes are not 28.
pub fn line_ref(id: &[u8]) -> Result<LineRef, DatabaseError> {
    let damaged = || DatabaseError::Damaged { what: "a line id", why: format!("{} bytes where 28 are due", id.len()) };
    let (terminal, rest) = id.split_first_chunk::<4>().ok_or_else(damaged)?;
    let (epoch, rest) = rest.split_first_chunk::<16>().ok_or_else(damaged)?;
    let seq: &[u8; 8] = rest.try_into().map_err(|_| damaged())?;
    Ok(LineRef { terminal: u32::from_be_bytes(*terminal), epoch: Hex(*epoch), seq: u64::from_be_bytes(*seq) })
}

/// A line as it stands in the central book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Arrival, from 1.
    pub position: u64,
    pub book: BookId,
    pub line: Line,
    /// When it happened, by the server's clock as well as it can be told.
    pub corrected: Moment,
    pub received: Moment,
}

impl Stored {
    pub fn reference(&self) -> LineRef {
        LineRef { terminal: self.book.terminal, epoch: self.book.epoch, seq: self.line.seq }
    }
}

/// Where the server stands in one book.
#[derive(Clone, Debug)]
pub struct Cursor {
    pub book: BookId,
    pub next: u64,
    pub head: Hex<32>,
    pub next_seal: u64,
    /// Last line under a seal.
    pub sealed: u64,
    /// Signature of the last seal.
    pub seal_signature: Hex<64>,
    /// Corrected time of the last line.
    pub corrected: Moment,
    /// Offset of the book's clock in force after the last line.
    pub offset_us: i64,
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    pub line: LineRef,
    /// Arrival position of the decision.
    pub position: u64,
    /// The command had been carried out before; this is the reply it got then.
    pub repeated: bool,
}

/// Why a decision was not taken.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("command {command} was used before for something else")]
    CommandReused { command: Hex<16> },
    #[error("the record cannot be taken: {why}")]
    Record { why: String },
    #[error("{kind} {key} is at version {present} by now")]
    Older { kind: &'static str, key: String, present: u64 },
    #[error("no exception `{reason}` is open at that line")]
    NothingToSettle { reason: String },
    #[error("terminal {terminal} is not known")]
    UnknownTerminal { terminal: u32 },
    #[error("terminal {terminal} is already in the house")]
    TerminalTaken { terminal: u32 },
}

impl DecideError {
    /// What a person can do about it.
    pub fn help(&self) -> &'static str {
        match self {
            DecideError::Database(_) => "Try again; if it happens again, look at the server's log.",
            DecideError::CommandReused { .. } => "Draw a new command number for a new command.",
            DecideError::Record { .. } => "Correct the record and send it again.",
            DecideError::Older { .. } => "Load the record again and repeat the change.",
            DecideError::NothingToSettle { .. } => "Load the list of exceptions again; someone may have settled it.",
            DecideError::UnknownTerminal { .. } => "Look up the number in the list of terminals.",
            DecideError::TerminalTaken { .. } => "Choose the next free number.",
        }
    }
}

pub fn server_epoch(_tx: &mut Tx) -> Result<Hex<16>, DatabaseError> { todo!() }
pub fn decide(_tx: &mut Tx, _server: &ServerKey, _command: Hex<16>, _person: Option<u32>, _ruling: Ruling, _at: Moment) -> Result<Decided, DecideError> { todo!() }
/// Seals the server's own book when 1000 lines or `QUIET` have passed; whether it did.
pub fn seal_due(_tx: &mut Tx, _server: &ServerKey, _at: Moment) -> Result<bool, DatabaseError> { todo!() }
pub fn records_after(_tx: &mut Tx, _server: &ServerKey, _cursor: u64, _limit: usize) -> Result<Vec<crate::sync::wire::SignedRecord>, DatabaseError> { todo!() }
/// How many were taken.
pub fn take_back(_tx: &mut Tx, _server: &ServerKey, _records: &[crate::sync::wire::SignedRecord], _at: Moment) -> Result<u32, DecideError> { todo!() }
pub fn lines_after(_tx: &mut Tx, _position: u64, _limit: usize) -> Result<Vec<Stored>, DatabaseError> { todo!() }
pub fn line(_tx: &mut Tx, _line: LineRef) -> Result<Option<Stored>, DatabaseError> { todo!() }
