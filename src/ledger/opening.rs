//! Opens the book's file: one process only, tail verified, and what cannot be continued moved aside.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ed25519_dalek::{SigningKey, VerifyingKey};
use rusqlite::{Connection, OptionalExtension};

use crate::hex::Hex;
use crate::ledger::book::{Cause, Disk, OpenError, Rescue, Settings, State, StoreError};
use crate::ledger::chain::{self, BookId, Seal};
use crate::ledger::file::{self, Ailment};
use crate::ledger::rescue;
use crate::ledger::retention::{self, Room};
use crate::ledger::store::{self, Title};
use crate::ledger::work::NEED;
use crate::quantity::Moment;

/// Where a book stands, as its writer keeps it in memory.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    pub first: u64,
    pub last: u64,
    pub head: Hex<32>,
    pub at: Option<Moment>,
    pub zone_min: i16,
    /// Number, last line and signature of the newest seal.
    pub seals: u64,
    pub sealed: u64,
    pub seal_signature: Hex<64>,
    pub acknowledged: u64,
    pub server_epoch: Option<Hex<16>>,
    pub cursor: u64,
}

impl Tail {
    pub fn state(&self, id: BookId, disk: Disk) -> State {
        State {
            id,
            first: self.first,
            last: self.last,
            head: self.head,
            at: self.at,
            acknowledged: self.acknowledged,
            server_epoch: self.server_epoch,
            waiting: self.last.saturating_sub(self.acknowledged),
            sealed: self.sealed,
            seals: self.seals,
            cursor: self.cursor,
            disk,
        }
    }
}

pub(super) struct Ready {
    pub id: BookId,
    pub connection: Connection,
    pub tail: Tail,
    pub lock: File,
    pub rescued: Option<Rescue>,
}

/// Why a tail is not as it was written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsound {
    #[error("{0}")]
    Broken(String),
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
}

/// What stands at the path.
enum Found {
    Sound(BookId, Connection, Box<Tail>),
    Nothing,
    /// To be moved aside.
    Unfit(Cause, String),
}

pub(super) fn open(settings: &Settings, key: &SigningKey) -> Result<Ready, OpenError> {
    let path = &settings.path;
    if rusqlite::version_number() < file::SQLITE_OLDEST {
        return Err(OpenError::OldSqlite { found: rusqlite::version() });
    }
    std::fs::create_dir_all(file::folder(path)).map_err(|error| refusal(path, error.into()))?;
    let (lock, was_ours) = lock(path)?;
    // The reserve is there for exactly this: what the last run left in the log needs room to be read back.
    let room = Room::new(settings);
    if room.headroom().is_ok_and(|headroom| headroom.of_disk < NEED) {
        room.release_reserve();
    }
    let found = inspect(settings, key, was_ours)?;
    let (id, connection, tail, rescued) = match found {
        Found::Sound(id, connection, tail) => (id, connection, *tail, None),
        Found::Nothing => {
            let (id, connection, tail) = start(settings, key).map_err(|error| refusal(path, error))?;
            (id, connection, tail, None)
        }
        Found::Unfit(cause, why) => {
            tracing::error!("the book {} cannot be continued: {why}; it is moved aside", path.display());
            let (rescue, kept) = rescue::set_aside(path, cause, why).map_err(|error| refusal(path, error))?;
            let (id, connection, _) = start(settings, key).map_err(|error| refusal(path, error))?;
            let tail = rescue::carry_over(&connection, &kept)
                .map_err(Unsound::from)
                .and_then(|()| tail(&connection, id))
                .map_err(|error| refusal(path, StoreError::Io(std::io::Error::other(error.to_string()))))?;
            rescue::acquit(path).map_err(|error| refusal(path, error.into()))?;
            (id, connection, tail, Some(rescue))
        }
    };
    Ok(Ready { id, connection, tail, lock, rescued })
}

/// Takes the lock beside the book, and says whether it had been there: then what stands at the path was a book once.
fn lock(path: &Path) -> Result<(File, bool), OpenError> {
    let lock_path = file::sibling(path, "lock");
    let was_ours = lock_path.exists();
    let work = || -> std::io::Result<Result<File, Option<u32>>> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&lock_path)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                file.write_all(std::process::id().to_string().as_bytes())?;
                Ok(Ok(file))
            }
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.rewind()?;
                let _ = file.take(20).read_to_string(&mut holder);
                Ok(Err(holder.trim().parse().ok()))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    };
    match work().map_err(|error| refusal(path, error.into()))? {
        Ok(file) => Ok((file, was_ours)),
        Err(pid) => Err(OpenError::Locked { path: path.display().to_string(), pid }),
    }
}

fn inspect(settings: &Settings, key: &SigningKey, was_ours: bool) -> Result<Found, OpenError> {
    let path = &settings.path;
    if let Some(why) = rescue::condemned(path) {
        return Ok(Found::Unfit(Cause::Damaged, why));
    }
    let length = match std::fs::metadata(path) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // A log without its file: it must not be replayed into the new one.
            let orphan = file::with_suffix(path, "-wal").exists();
            return Ok(if orphan { Found::Unfit(Cause::Damaged, "its file is gone".into()) } else { Found::Nothing });
        }
        Err(error) => return Err(refusal(path, error.into())),
    };
    if length == 0 && was_ours {
        return Ok(Found::Unfit(Cause::Damaged, "its file is empty".into()));
    }
    let not_ours = || OpenError::NotOurFile { path: path.display().to_string() };
    let read = || -> Result<(Title, Tail), Unsound> {
        // Looked at without writing: a damaged file is to stay as it was found, and closing a writer would move its
        // log into it.
        let reader = file::connect_reader(path)?;
        let version = file::version(&reader)?;
        if file::application_id(&reader)? != file::APPLICATION_ID || version < 1 || file::VERSION < version {
            return Err(Unsound::Broken("the header of its file is not that of a book".into()));
        }
        let title = store::title(&reader)?;
        let tail = tail(&reader, title.id)?;
        Ok((title, tail))
    };
    let trouble = match read() {
        Ok((title, tail)) => return take_up(settings, key, &title, tail),
        Err(trouble) => trouble,
    };
    match trouble {
        Unsound::Broken(why) => header(path, was_ours).unwrap_or(Ok(Found::Unfit(Cause::Damaged, why))),
        Unsound::Sql(error) => match file::ailment(&error) {
            Ailment::Damaged if !was_ours && !rescue::looks_like_a_book(path) => Err(not_ours()),
            Ailment::Damaged => Ok(Found::Unfit(Cause::Damaged, error.to_string())),
            Ailment::Full | Ailment::Disk | Ailment::Other => Err(refusal(path, error.into())),
        },
    }
}

/// Continues a sound book, if it is the one that was made here for this terminal and key.
fn take_up(settings: &Settings, key: &SigningKey, title: &Title, tail: Tail) -> Result<Found, OpenError> {
    let path = &settings.path;
    if title.id.terminal != settings.terminal {
        let (found, wanted) = (title.id.terminal, settings.terminal);
        return Err(OpenError::OtherTerminal { path: path.display().to_string(), found, wanted });
    }
    if let Some(why) = copied(path, title).map_err(|error| refusal(path, error.into()))? {
        return Ok(Found::Unfit(Cause::Copied, why));
    }
    let work = || -> rusqlite::Result<_> {
        let mut connection = file::connect(path, settings.limit_bytes)?;
        file::migrate(&mut connection)?;
        Ok((store::keys(&connection)?.pop(), connection))
    };
    match work().map_err(|error| refusal(path, error.into()))? {
        (Some((_, public)), connection) if public.0 == key.verifying_key().to_bytes() => {
            Ok(Found::Sound(title.id, connection, Box::new(tail)))
        }
        (Some((_, public)), _) => Err(OpenError::OtherKey { path: path.display().to_string(), public }),
        (None, _) => Ok(Found::Unfit(Cause::Damaged, "its sealing key is missing".into())),
    }
}

/// Tells a foreign or newer file from a damaged one, where the header of a sound SQLite file is the trouble.
fn header(path: &Path, was_ours: bool) -> Option<Result<Found, OpenError>> {
    let connection = file::connect_reader(path).ok()?;
    let (application_id, found) = (file::application_id(&connection).ok()?, file::version(&connection).ok()?);
    let path_text = path.display().to_string();
    let ours = application_id == file::APPLICATION_ID;
    // One flipped bit must not pass for a later version: those come one by one.
    if ours && file::VERSION < found && found < file::VERSION + 1000 {
        return Some(Err(OpenError::NewerVersion { path: path_text, found, known: file::VERSION }));
    }
    (!ours && !was_ours && !rescue::looks_like_a_book(path)).then_some(Err(OpenError::NotOurFile { path: path_text }))
}

/// Why the file cannot be the one that was made here; `None` when it is.
fn copied(path: &Path, title: &Title) -> std::io::Result<Option<String>> {
    let (here, unknown) = (machine(), Hex([0; 32]));
    if title.machine != unknown && here != unknown && title.machine != here {
        return Ok(Some("its file was made on another machine".into()));
    }
    let inode = std::fs::metadata(path)?.ino().cast_signed();
    Ok((inode != title.inode).then(|| "its file is a copy, or was brought back from a backup".into()))
}

/// BLAKE3 of the machine's id (machine-id(5) asks not to store the id itself); zeros where it has none.
fn machine() -> Hex<32> {
    match std::fs::read("/etc/machine-id") {
        Ok(id) if !id.trim_ascii().is_empty() => {
            Hex(blake3::derive_key("gatebook 2026 machine of a book", id.trim_ascii()))
        }
        _ => Hex([0; 32]),
    }
}

/// A new, empty book with an epoch of its own.
fn start(settings: &Settings, key: &SigningKey) -> Result<(BookId, Connection, Tail), StoreError> {
    let mut epoch = [0; 16];
    getrandom::fill(&mut epoch).map_err(|error| std::io::Error::other(error.to_string()))?;
    let id = BookId { terminal: settings.terminal, epoch: Hex(epoch) };
    file::remove_if_there(&file::with_suffix(&settings.path, "-shm"))?;
    let title = |inode| Title::sign(id, machine(), inode, Moment::now(), key);
    file::create(&settings.path, title, &key.verifying_key())?;
    let connection = file::connect(&settings.path, settings.limit_bytes)?;
    let tail = tail(&connection, id).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok((id, connection, tail))
}

/// Reads where the book stands, and verifies from the last seal but one to the end.
pub(super) fn tail(connection: &Connection, id: BookId) -> Result<Tail, Unsound> {
    let broken = |why: String| Err(Unsound::Broken(why));
    let sql = format!("{} ORDER BY number DESC LIMIT 2", store::SELECT_SEAL);
    let mut newest = store::all(connection, &sql, (), store::seal)?.into_iter();
    let (seal, before) = (newest.next(), newest.next());
    let cut = store::cut(connection)?;
    let genesis = chain::genesis(id);

    // From here on the chain is walked: line number and hash.
    let (mut last, mut head) = match (&seal, &before) {
        (_, Some(before)) => (before.last, before.head),
        (Some(seal), None) if cut.is_some_and(|(number, _)| number == seal.number) => (seal.last, seal.head),
        _ => (0, genesis),
    };
    if let Some(seal) = &seal {
        let previous = match (&before, cut) {
            (Some(before), _) if before.number + 1 == seal.number && before.last + 1 == seal.first => before.signature,
            (None, Some((number, previous))) if number == seal.number => previous,
            (None, None) if seal.number == 1 && seal.first == 1 => Seal::BEFORE_FIRST,
            _ => return broken(format!("the seal before seal {} is missing", seal.number)),
        };
        let sql = "SELECT public FROM sealing_key WHERE from_seal <= ? ORDER BY from_seal DESC LIMIT 1";
        let public: Option<[u8; 32]> =
            connection.query_row(sql, [store::int(seal.number)], |row| row.get(0)).optional()?;
        let holds = public
            .and_then(|public| VerifyingKey::from_bytes(&public).ok())
            .is_some_and(|key| seal.holds(id, previous, &key));
        if !holds {
            return broken(format!("seal {} does not hold", seal.number));
        }
    }

    let (mut at, mut zone_min) = (seal.as_ref().map(|seal| seal.at), 0);
    let sql = format!("{} WHERE ? < seq ORDER BY seq", store::SELECT_LINE);
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([store::int(last)])?;
    while let Some(row) = rows.next()? {
        let line = store::line(row)?;
        if line.seq != last + 1 {
            return broken(format!("line {} is missing", last + 1));
        }
        if chain::link(head, &line) != line.hash {
            return broken(format!("line {} is not what was written", line.seq));
        }
        if seal.as_ref().is_some_and(|seal| seal.last == line.seq && seal.head != line.hash) {
            return broken(format!("line {} is not the one that was sealed", line.seq));
        }
        (last, head, at, zone_min) = (line.seq, line.hash, Some(line.at), line.zone_min);
    }
    if let Some(seal) = &seal
        && last < seal.last
    {
        return broken(format!("it ends at line {last}, but line {} was sealed", seal.last));
    }
    let receipt = store::receipt(connection)?.filter(|(_, right)| *right).map(|(receipt, _)| receipt);
    let acknowledged = receipt.map_or(0, |receipt| receipt.last);
    if last < acknowledged {
        return broken(format!("it ends at line {last}, but the server confirmed line {acknowledged}"));
    }
    if let Some(receipt) = receipt
        && hash_at(connection, id, receipt.last)?.is_some_and(|ours| ours != receipt.head)
    {
        return broken(format!("line {acknowledged} is not the one that the server confirmed"));
    }
    let first: Option<i64> = connection.query_row("SELECT min(seq) FROM line", (), |row| row.get(0))?;
    let (cursor, cursor_right) = store::cursor(connection)?;
    Ok(Tail {
        first: first.and_then(|first| u64::try_from(first).ok()).unwrap_or(last + 1),
        last,
        head,
        at,
        zone_min,
        seals: seal.as_ref().map_or(0, |seal| seal.number),
        sealed: seal.as_ref().map_or(0, |seal| seal.last),
        seal_signature: seal.map_or(Seal::BEFORE_FIRST, |seal| seal.signature),
        acknowledged,
        server_epoch: receipt.map(|receipt| receipt.server_epoch),
        cursor: if cursor_right { cursor } else { 0 },
    })
}

/// Hash of line `seq`; 0 is the genesis. Of lines given up, only the one under the oldest seal is still known.
pub(super) fn hash_at(connection: &Connection, id: BookId, seq: u64) -> rusqlite::Result<Option<Hex<32>>> {
    if seq == 0 {
        return Ok(Some(chain::genesis(id)));
    }
    for sql in ["SELECT hash FROM line WHERE seq = ?", "SELECT head FROM seal WHERE last = ?"] {
        let hash = connection.prepare_cached(sql)?.query_row([store::int(seq)], |row| row.get(0)).optional()?;
        if hash.is_some() {
            return Ok(hash.map(Hex));
        }
    }
    Ok(None)
}

pub(super) fn refusal(path: &Path, cause: StoreError) -> OpenError {
    // SQLite calls a missing page of shared memory an I/O error, also where only room is missing.
    let full = match &cause {
        StoreError::Sql(error) => match file::ailment(error) {
            Ailment::Full => true,
            Ailment::Disk => retention::free_on_disk(path).is_ok_and(|free| free < NEED),
            Ailment::Damaged | Ailment::Other => false,
        },
        StoreError::Io(error) => error.kind() == std::io::ErrorKind::StorageFull,
    };
    let path = path.display().to_string();
    match full {
        true => OpenError::NoRoom { path, why: cause.to_string() },
        false => OpenError::Store { path, cause },
    }
}
