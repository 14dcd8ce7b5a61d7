//! Books of earlier epochs: moved aside, read-only, and still on their way to the server.

use std::path::{Path, PathBuf};

use crate::hex::Hex;
use crate::ledger::book::ReadError;
use crate::ledger::chain::{self, BookId, Line, Seal};
use crate::ledger::file;
use crate::ledger::reading::Reader;
use crate::ledger::rescue;
use crate::ledger::store;

/// Bytes of bodies that the walk over the chain holds at once.
const STEP_BYTES: usize = 4 << 20;

/// An earlier book, as far as its chain is unbroken: the server takes no line behind a break.
pub struct Earlier {
    reader: Reader,
    id: BookId,
    first: u64,
    last: u64,
    head: Hex<32>,
}

impl Earlier {
    /// Opens a file of [`crate::ledger::book::Book::earlier`] and walks its chain. Blocks, for as long as reading the
    /// whole file takes.
    ///
    /// # Errors
    /// [`ReadError`] when it is no book that can be read.
    pub fn open(path: &Path) -> Result<Earlier, ReadError> {
        let reader = Reader::new(path);
        let id = reader.read(store::title)?.id;
        let cut = reader.read(store::cut)?;
        let oldest = reader.seals(0, 1)?.into_iter().find(|seal| cut.is_some_and(|(number, _)| number == seal.number));
        let (before, mut head) = rescue::origin(id, oldest.as_ref());
        let mut last = before;
        'walk: loop {
            let lines = match reader.lines(last + 1, 1000, STEP_BYTES) {
                Ok(lines) => lines,
                Err(ReadError::Store { path, cause }) => return Err(ReadError::Store { path, cause }),
                Err(ReadError::Gone { .. } | ReadError::Damaged { .. }) => break,
            };
            if lines.is_empty() {
                break;
            }
            for line in lines {
                if chain::link(head, &line) != line.hash {
                    break 'walk;
                }
                (last, head) = (line.seq, line.hash);
            }
        }
        Ok(Earlier { reader, id, first: before + 1, last, head })
    }

    pub fn id(&self) -> BookId {
        self.id
    }

    /// First line kept; `last + 1` when no line can be sent.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Last line of the unbroken chain.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Hash of [`Earlier::last`].
    pub fn head(&self) -> Hex<32> {
        self.head
    }

    /// As [`crate::ledger::book::Book::lines`], up to [`Earlier::last`].
    ///
    /// # Errors
    /// [`ReadError`] when the file cannot be read.
    pub fn lines(&self, from: u64, max_lines: usize, max_bytes: usize) -> Result<Vec<Line>, ReadError> {
        if self.last < from {
            return Ok(Vec::new());
        }
        let most = usize::try_from(self.last - from.max(1) + 1).unwrap_or(usize::MAX);
        self.reader.lines(from, max_lines.min(most), max_bytes)
    }

    /// As [`crate::ledger::book::Book::seals`], up to [`Earlier::last`].
    ///
    /// # Errors
    /// [`ReadError`] when the file cannot be read.
    pub fn seals(&self, from_number: u64, max: usize) -> Result<Vec<Seal>, ReadError> {
        let mut seals = self.reader.seals(from_number, max)?;
        seals.retain(|seal| seal.last <= self.last);
        Ok(seals)
    }

    /// As [`crate::ledger::book::Book::hash_at`].
    ///
    /// # Errors
    /// [`ReadError`] when the file cannot be read.
    pub fn hash_at(&self, seq: u64) -> Result<Option<Hex<32>>, ReadError> {
        self.reader.hash_at(self.id, seq)
    }

    /// The server has all of it: renames the file to `….done.db`, so that it is not asked for again. It stays.
    ///
    /// # Errors
    /// When the file cannot be renamed.
    pub fn finish(self) -> std::io::Result<PathBuf> {
        let path = self.reader.path().to_owned();
        drop(self.reader);
        let done = path.with_extension("done.db");
        for suffix in ["-wal", "-shm", ""] {
            let from = file::with_suffix(&path, suffix);
            if from.exists() {
                std::fs::rename(from, file::with_suffix(&done, suffix))?;
            }
        }
        file::sync_directory(&done)?;
        Ok(done)
    }
}
