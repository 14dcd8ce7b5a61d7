//! How much room the book has, and what is given up for more: acknowledged lines past their time first, then the
//! reserve file, never a line that the server has not confirmed.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

use crate::hex::Hex;
use crate::ledger::book::Settings;
use crate::ledger::chain::Seal;
use crate::ledger::file;
use crate::ledger::opening::Tail;
use crate::ledger::store;
use crate::quantity::Moment;

/// Lines given up in one transaction: short enough for a scan to wait behind it.
const CHUNK_LINES: u64 = 10_000;
/// Below this share of the limit the book is tight.
const TIGHT_PERCENT: u64 = 15;
/// Below this many bytes beside twice the reserve, the disk is tight.
const TIGHT_DISK_BYTES: u64 = 16 << 20;

pub(super) struct Room {
    path: PathBuf,
    reserve: PathBuf,
    limit_bytes: u64,
    reserve_bytes: u64,
    /// Of the file when it was opened; `None` where there was none yet.
    inode: Option<u64>,
}

/// Bytes that may still be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Headroom {
    /// Until the book's limit.
    pub of_limit: u64,
    /// Until the disk is full.
    pub of_disk: u64,
}

impl Headroom {
    pub fn free(self) -> u64 {
        self.of_limit.min(self.of_disk)
    }
}

impl Room {
    pub fn new(settings: &Settings) -> Room {
        Room {
            path: settings.path.clone(),
            reserve: file::sibling(&settings.path, "reserve"),
            limit_bytes: settings.limit_bytes,
            reserve_bytes: settings.reserve_bytes,
            inode: std::fs::metadata(&settings.path).ok().map(|found| found.ino()),
        }
    }

    /// How much may still be written.
    ///
    /// # Errors
    /// When the disk does not answer, or another file stands at the path: SQLite would go on writing into the one that
    /// no name leads to any more.
    pub fn headroom(&self) -> std::io::Result<Headroom> {
        let book = std::fs::metadata(&self.path).ok();
        if self.inode.is_some() && book.as_ref().map(|found| found.ino()) != self.inode {
            let path = self.path.display();
            return Err(std::io::Error::other(format!(
                "{path} was removed or replaced while in use; bring the file back"
            )));
        }
        let length = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
        let beside = length(&file::with_suffix(&self.path, "-wal")) + length(&self.reserve);
        let used = book.map_or(0, |found| found.len()) + beside;
        Ok(Headroom { of_limit: self.limit_bytes.saturating_sub(used), of_disk: free_on_disk(&self.path)? })
    }

    pub fn is_tight(&self, headroom: Headroom) -> bool {
        headroom.of_limit < self.limit_bytes / 100 * TIGHT_PERCENT
            || headroom.of_disk < self.reserve_bytes.saturating_mul(2).saturating_add(TIGHT_DISK_BYTES)
    }

    /// Gives the reserve file up; whether there was one.
    pub fn release_reserve(&self) -> bool {
        let there = std::fs::remove_file(&self.reserve).is_ok();
        if there {
            tracing::warn!("the disk is full: the reserve file {} was given up", self.reserve.display());
        }
        there
    }

    /// Lays the reserve file in again when there is ample room.
    pub fn restore_reserve(&self, headroom: Headroom) {
        let after = Headroom {
            of_limit: headroom.of_limit.saturating_sub(self.reserve_bytes),
            of_disk: headroom.of_disk.saturating_sub(self.reserve_bytes),
        };
        if self.reserve_bytes == 0 || self.reserve.exists() || self.is_tight(after) {
            return;
        }
        if let Err(error) = fill(&self.reserve, self.reserve_bytes) {
            tracing::warn!("the reserve file {} cannot be made: {error}", self.reserve.display());
            let _ = std::fs::remove_file(&self.reserve);
        }
    }

    /// Why there is no room, for people.
    pub fn why(&self, headroom: Headroom) -> String {
        if headroom.of_limit <= headroom.of_disk {
            let limit = self.limit_bytes >> 20;
            format!("the book fills its limit of {limit} MiB; every line left is unconfirmed or still within its time")
        } else {
            format!("the disk of {} has {} KiB left", self.path.display(), headroom.of_disk >> 10)
        }
    }
}

/// Bytes that the file system of `path` has left for us.
pub(super) fn free_on_disk(path: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(file::folder(path))?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Real blocks, not a hole: a hole would free nothing when it is given up.
fn fill(path: &Path, bytes: u64) -> std::io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).open(path)?;
    let zeros = vec![0; 1 << 16];
    let mut left = bytes;
    while 0 < left {
        let piece = usize::try_from(left).unwrap_or(usize::MAX).min(zeros.len());
        file.write_all(zeros.get(..piece).unwrap_or(&zeros))?;
        left -= piece as u64;
    }
    file.sync_all()
}

/// Gives up the oldest acknowledged lines that the clock of the terminal showed before `horizon`, at most one chunk,
/// up to a seal: the seal stays, so that the chain begins at a signed head. The newest line always stays. Returns how
/// many lines went.
pub(super) fn give_up(connection: &mut Connection, tail: &mut Tail, horizon: Moment) -> rusqlite::Result<u64> {
    let tx = connection.transaction()?;
    let Some(seal) = cut_at(&tx, tail, horizon)? else { return Ok(0) };
    let previous = match seal.number {
        1 => Seal::BEFORE_FIRST,
        number => {
            Hex(tx
                .query_row("SELECT signature FROM seal WHERE number = ?", [store::int(number - 1)], |row| row.get(0))?)
        }
    };
    let lines = tx.execute("DELETE FROM line WHERE seq <= ?", [store::int(seal.last)])?;
    tx.execute("DELETE FROM seal WHERE number < ?", [store::int(seal.number)])?;
    store::put_cut(&tx, seal.number, previous)?;
    tx.commit()?;
    tail.first = seal.last + 1;
    // The pages are free for new lines whether or not the file gets shorter.
    if let Err(error) = shrink(connection) {
        tracing::warn!("the file of the book cannot be made shorter: {error}");
    }
    Ok(lines as u64)
}

fn cut_at(connection: &Connection, tail: &Tail, horizon: Moment) -> rusqlite::Result<Option<Seal>> {
    let sql = format!("{} WHERE ? <= last AND last <= ? ORDER BY number", store::SELECT_SEAL);
    let mut statement = connection.prepare_cached(&sql)?;
    let end = tail.acknowledged.min(tail.last.saturating_sub(1));
    let mut seals = statement.query((store::int(tail.first), store::int(end)))?;
    let mut found = None;
    while let Some(row) = seals.next()? {
        let seal = store::seal(row)?;
        let sql = "SELECT at_us FROM line WHERE seq = ?";
        let at: Option<i64> =
            connection.prepare_cached(sql)?.query_row([store::int(seal.last)], |row| row.get(0)).optional()?;
        if at.is_none_or(|at| horizon.0 <= at) {
            break;
        }
        let enough = CHUNK_LINES <= seal.last.saturating_sub(tail.first);
        found = Some(seal);
        if enough {
            break;
        }
    }
    Ok(found)
}

/// Hands freed pages back to the file system.
fn shrink(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("PRAGMA incremental_vacuum")?;
    let mut rows = statement.query(())?;
    // One step frees one page.
    while rows.next()?.is_some() {}
    drop(rows);
    drop(statement);
    empty_log(connection)
}

/// Moves the write-ahead log into the file and cuts it to nothing, as far as readers let us: nobody waits for them.
pub(super) fn empty_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::ZERO)?;
    let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()));
    connection.busy_timeout(file::BUSY)?;
    emptied
}
