//! Takes in what terminals send: each line once, in the order of its book, or not at all.

use crate::event::LineRef;
use crate::identity::hex::Hex;
use crate::quantity::Moment;
use crate::server::book::ServerKey;
use crate::server::database::{DatabaseError, Tx};
use crate::sync::wire::{Batch, BatchReply, Hello, HelloReply};

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
            Refused::Gap { next, head, .. } | Refused::Fork { next, head, .. } | Refused::Unlinked { next, head, .. } => {
                Some((next, head))
            }
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
pub fn take_in(_tx: &mut Tx, _server: &ServerKey, _batch: &Batch, _received: Moment) -> Result<Intake, DatabaseError> { todo!() }
/// `terminal` is the one that signed the request. `Err` inside: unknown or revoked terminal, or another terminal's book.
pub fn hello(_tx: &mut Tx, _server: &ServerKey, _terminal: u32, _hello: &Hello, _received: Moment) -> Result<Result<HelloReply, Refused>, DatabaseError> { todo!() }
pub fn flags(_tx: &mut Tx) -> Result<Vec<Flag>, DatabaseError> { todo!() }
