//! Recomputes every chain and seal of the central book.
use crate::event::LineRef;
use crate::ledger::chain::BookId;
use crate::server::database::{DatabaseError, Tx};

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
}
pub fn verify(_tx: &mut Tx) -> Result<Report, DatabaseError> { todo!() }
