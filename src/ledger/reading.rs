//! Reads a book beside its writer: a few read-only connections, each call one snapshot.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension};

use crate::hex::Hex;
use crate::ledger::book::{ReadError, StoredRecord};
use crate::ledger::chain::{BookId, Line, Seal};
use crate::ledger::file;
use crate::ledger::opening;
use crate::ledger::store;

/// Idle connections kept for the next reader: uplink, screen and one command line.
const IDLE_MAX: usize = 3;

pub(super) struct Reader {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Reader {
    pub fn new(path: &Path) -> Reader {
        Reader { path: path.to_owned(), idle: Mutex::new(Vec::new()) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lines from `from` in order, without a gap: at most `max_lines`, and no line after `max_bytes` of bodies are
    /// reached. Empty behind the last line.
    pub fn lines(&self, from: u64, max_lines: usize, max_bytes: usize) -> Result<Vec<Line>, ReadError> {
        self.read(|connection| {
            let sql = format!("{} WHERE ? <= seq ORDER BY seq LIMIT ?", store::SELECT_LINE);
            let mut statement = connection.prepare_cached(&sql)?;
            let limit = i64::try_from(max_lines).unwrap_or(i64::MAX);
            let mut rows = statement.query((store::int(from), limit))?;
            let (mut lines, mut bytes) = (Vec::new(), 0);
            while let Some(row) = rows.next()? {
                let line = store::line(row)?;
                bytes += line.body.0.len();
                if !lines.is_empty() && max_bytes < bytes {
                    break;
                }
                lines.push(line);
            }
            Ok(lines)
        })
        .and_then(|lines| {
            for (line, due) in lines.iter().zip(from.max(1)..) {
                if line.seq != due && due == from.max(1) {
                    return Err(ReadError::Gone { asked: due, first: line.seq });
                }
                if line.seq != due {
                    return Err(ReadError::Damaged { at: format!("line {due}, which is missing") });
                }
            }
            Ok(lines)
        })
    }

    pub fn seals(&self, from_number: u64, max: usize) -> Result<Vec<Seal>, ReadError> {
        let sql = format!("{} WHERE ? <= number ORDER BY number LIMIT ?", store::SELECT_SEAL);
        let limit = i64::try_from(max).unwrap_or(i64::MAX);
        self.read(|connection| store::all(connection, &sql, (store::int(from_number), limit), store::seal))
    }

    /// Hash of line `seq`; 0 is the genesis. Of lines given up, only the one under the oldest seal is still known.
    pub fn hash_at(&self, id: BookId, seq: u64) -> Result<Option<Hex<32>>, ReadError> {
        self.read(|connection| opening::hash_at(connection, id, seq))
    }

    /// Records whose checksum is right; a rotten one is left out, the server has it.
    pub fn records(&self) -> Result<Vec<StoredRecord>, ReadError> {
        let rows = self.read(|connection| store::all(connection, store::SELECT_RECORD, (), store::record))?;
        let mut records = Vec::with_capacity(rows.len());
        for (record, right) in rows {
            if right {
                records.push(record);
            } else {
                tracing::warn!("record {} {} is damaged and not used; run `gatebook verify`", record.kind, record.key);
            }
        }
        Ok(records)
    }

    pub fn cursor(&self) -> Result<u64, ReadError> {
        let (cursor, right) = self.read(store::cursor)?;
        // From the beginning rather than from a wrong place: records come again and harm nobody.
        Ok(if right { cursor } else { 0 })
    }

    pub fn mark(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let sql = format!("{} WHERE key = ?", store::SELECT_MARK);
        match self.read(|connection| connection.query_row(&sql, [key], store::mark).optional())? {
            Some((_, _, false)) => Err(ReadError::Damaged { at: format!("mark {key}") }),
            found => Ok(found.map(|(_, value, _)| value)),
        }
    }

    pub fn marks(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, ReadError> {
        let sql = format!("{} WHERE ? <= key ORDER BY key", store::SELECT_MARK);
        let rows = self.read(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query([prefix])?;
            let mut marks = Vec::new();
            while let Some(row) = rows.next()? {
                let mark = store::mark(row)?;
                if !mark.0.starts_with(prefix) {
                    break;
                }
                marks.push(mark);
            }
            Ok(marks)
        })?;
        rows.into_iter()
            .map(|(key, value, right)| match right {
                true => Ok((key, value)),
                false => Err(ReadError::Damaged { at: format!("mark {key}") }),
            })
            .collect()
    }

    pub fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, ReadError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => file::connect_reader(&self.path).map_err(|error| self.error(error))?,
        };
        // A connection that failed is dropped: the next reader starts with a fresh one.
        let answer = work(&connection).map_err(|error| self.error(error))?;
        let mut idle = idle();
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
        Ok(answer)
    }

    fn error(&self, error: rusqlite::Error) -> ReadError {
        match file::ailment(&error) {
            file::Ailment::Damaged => ReadError::Damaged { at: format!("{}: {error}", self.path.display()) },
            _ => ReadError::Store { path: self.path.display().to_string(), cause: error.into() },
        }
    }
}
