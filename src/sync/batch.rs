//! One batch: lines from where the server stands, with the seals over them, packed to what the way carries.

use std::sync::Arc;

use crate::hex::Hex;
use crate::ledger::book::{Book, ReadError};
use crate::ledger::chain::{self, BookId, Line, Seal};
use crate::ledger::earlier::Earlier;
use crate::quantity::Moment;
use crate::sync::plan::Standing;
use crate::sync::transport::Failure;
use crate::sync::wire::{self, Batch};

/// Bodies of one batch before they are packed.
const BODIES_MAX: usize = 4 * 1024 * 1024;

/// Where lines come from.
#[derive(Clone)]
pub(super) enum Source {
    Own(Book),
    Earlier(Arc<Earlier>),
}

impl Source {
    pub fn id(&self) -> BookId {
        match self {
            Source::Own(book) => book.id(),
            Source::Earlier(book) => book.id(),
        }
    }

    pub fn lines(&self, from: u64, lines: usize) -> Result<Vec<Line>, ReadError> {
        match self {
            Source::Own(book) => book.lines(from, lines, BODIES_MAX),
            Source::Earlier(book) => book.lines(from, lines, BODIES_MAX),
        }
    }

    pub fn seals(&self, from: u64) -> Result<Vec<Seal>, ReadError> {
        match self {
            Source::Own(book) => book.seals(from, wire::BATCH_LINES_MAX),
            Source::Earlier(book) => book.seals(from, wire::BATCH_LINES_MAX),
        }
    }

    pub fn hash_at(&self, seq: u64) -> Result<Option<Hex<32>>, ReadError> {
        match self {
            Source::Own(book) => book.hash_at(seq),
            Source::Earlier(book) => book.hash_at(seq),
        }
    }
}

/// Reads the book outside of the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(read) => read.map_err(|error| Failure::Book(format!("{error}; run `gatebook verify`"))),
        Err(error) => Err(Failure::Book(format!("reading the book broke off: {error}"))),
    }
}

/// The batch from line `from` on, or one of seals only, and its packed bytes. `last` is the last line of the terminal's own
/// book: what is behind the batch is waiting.
///
/// # Errors
/// [`Failure::Book`] when the book cannot be read, or a line does not fit the chain.
pub(super) async fn pack(
    source: Source,
    from: Option<u64>,
    standing: Standing,
    (lines_max, packed_max): (usize, usize),
    last: u64,
) -> Result<(Batch, Vec<u8>), Failure> {
    let work = move || {
        let mut lines = match from {
            Some(from) => source.lines(from, lines_max)?,
            None => Vec::new(),
        };
        let seals = source.seals(standing.next_seal)?;
        loop {
            let end = lines.last().map_or(standing.next - 1, |line| line.seq);
            let batch = Batch {
                book: source.id(),
                previous: standing.head,
                lines,
                seals: seals.iter().take_while(|seal| seal.last <= end).cloned().collect(),
                at: Moment::now(),
                waiting: last.saturating_sub(end),
            };
            let packed = wire::compress(&postcard::to_stdvec(&batch).expect("plain structs in memory always encode"));
            if packed.len() <= packed_max || batch.lines.len() <= 1 {
                return Ok((batch, packed));
            }
            lines = batch.lines;
            lines.truncate(lines.len() / 2);
        }
    };
    let (batch, packed) = blocking(work).await?;
    let mut previous = batch.previous;
    for line in &batch.lines {
        if chain::link(previous, line) != line.hash {
            let what = format!("line {} of this book was altered on the disk; run `gatebook verify`", line.seq);
            return Err(Failure::Book(what));
        }
        previous = line.hash;
    }
    Ok((batch, packed))
}
