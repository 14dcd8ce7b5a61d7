//! The terminal's own book: what the rest of the program holds of it.
//!
//! `append` answers only after the lines are on disk. Lines of all callers that wait at the same moment share one
//! commit, so a flood of reads costs one disk flush per group and not one per read.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use tokio::sync::{mpsc, oneshot, watch};

use crate::event::{BODY_MAX, Body, System};
use crate::hex::Hex;
use crate::ledger::chain::{BookId, Line, Seal};
use crate::ledger::opening;
use crate::ledger::reading::Reader;
use crate::ledger::rescue;
use crate::ledger::retention::Room;
use crate::ledger::store::Receipted;
use crate::ledger::verify::{self, Report, VerifyError};
use crate::ledger::work::{Command, Draft, Work};
use crate::ledger::writer::Writer;
use crate::quantity::Moment;

/// Calls that may wait for the writer; the next one waits outside.
const QUEUE: usize = 1024;
/// Most entries in one call: more would hold everybody else's lines back too long.
pub const ENTRIES_MAX: usize = 10_000;
/// Most bytes of bodies and marks in one call.
pub const CALL_BYTES_MAX: usize = 16 << 20;
/// Longest key and value of a mark in bytes.
pub const MARK_KEY_MAX: usize = 256;
pub const MARK_VALUE_MAX: usize = 64 * 1024;

#[derive(Clone, Debug)]
pub struct Settings {
    pub path: PathBuf,
    /// 0 is the server.
    pub terminal: u32,
    /// Most bytes that the book with its write-ahead log and reserve file may take.
    pub limit_bytes: u64,
    /// Size of the file that is given up when the disk is full, so that the last lines still go through.
    pub reserve_bytes: u64,
    /// Acknowledged lines are kept at least this long: the server's backup horizon.
    pub keep: Duration,
    /// A seal is made after this many lines, ...
    pub seal_every: u64,
    /// ... or when no line came for this long.
    pub seal_quiet: Duration,
}

/// State of this terminal by key; `None` deletes.
pub type Marks = Vec<(String, Option<Vec<u8>>)>;

/// What is to become a line.
#[derive(Clone, Debug)]
pub struct Entry {
    pub at: Moment,
    pub zone_min: i16,
    pub body: Body,
    /// What changes with the line, in the same transaction.
    pub marks: Marks,
}

/// Where the entries of one call stand now. Of a call without entries, `last` is the book's last line and `first` the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    pub first: u64,
    pub last: u64,
    /// Hash of line `last`.
    pub head: Hex<32>,
}

/// A version of a downlink record as the server signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    pub kind: String,
    pub key: String,
    pub version: u64,
    /// Line of the server's own book that holds this version.
    pub cursor: u64,
    pub body: Vec<u8>,
    pub signature: Hex<64>,
}

/// Whether there is room to record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disk {
    Fine,
    /// Records, but someone should make room soon.
    Tight {
        free_bytes: u64,
    },
    /// No line can be written: nothing may be called ok. Ends by itself as soon as a line can be written again.
    CannotRecord {
        why: String,
    },
}

/// The book at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub id: BookId,
    /// First line still kept; `last + 1` in an empty book.
    pub first: u64,
    /// 0 in an empty book.
    pub last: u64,
    /// Hash of line `last`.
    pub head: Hex<32>,
    /// What the clock said at the last line.
    pub at: Option<Moment>,
    /// Last line that the server confirmed, and the server's epoch then.
    pub acknowledged: u64,
    pub server_epoch: Option<Hex<16>>,
    /// Lines that the server has not confirmed.
    pub waiting: u64,
    /// Last line under a seal, and the number of that seal.
    pub sealed: u64,
    pub seals: u64,
    /// Where the next page of the downlink begins.
    pub cursor: u64,
    pub disk: Disk,
}

/// What was found when the book was opened.
#[derive(Debug)]
pub struct Opening {
    pub state: State,
    /// The file that stood there could not be continued and was moved aside; this is a new book.
    pub rescued: Option<Rescue>,
}

/// A file that was moved aside. Nothing of it is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rescue {
    pub cause: Cause,
    /// In words, for the screen and the log.
    pub why: String,
    /// Where the file is now.
    pub moved_to: PathBuf,
    /// Where the readable lines of a damaged file were copied to.
    pub salvage: Option<PathBuf>,
    /// Lines that could be read, and how many of them stand in an unbroken chain from the first: those the server takes.
    pub lines: u64,
    pub chained: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The file is broken, or lost lines that were confirmed.
    Damaged,
    /// The file was copied here from another machine or brought back from a backup: lines that were written elsewhere
    /// under its epoch must not be written a second time with other content.
    Copied,
}

/// Why a book was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{path} is not a book of Gatebook")]
    NotOurFile { path: String },
    #[error("{path} was written by a newer Gatebook (schema {found}, this one knows {known})")]
    NewerVersion { path: String, found: i32, known: i32 },
    #[error("{path} is in use by another process{}", .pid.map(|pid| format!(" ({pid})")).unwrap_or_default())]
    Locked { path: String, pid: Option<u32> },
    #[error("{path} belongs to terminal {found}, not to terminal {wanted}")]
    OtherTerminal { path: String, found: u32, wanted: u32 },
    #[error("{path} is sealed with the key {public}, not with the one given")]
    OtherKey { path: String, public: Hex<32> },
    #[error("there is no room to open {path}: {why}")]
    NoRoom { path: String, why: String },
    #[error("SQLite {found} can lose committed lines; 3.51.3 is the oldest that does not")]
    OldSqlite { found: &'static str },
    #[error("{path} cannot be opened: {cause}")]
    Store { path: String, cause: StoreError },
}

impl OpenError {
    /// What to do.
    pub fn help(&self) -> &'static str {
        match self {
            OpenError::NotOurFile { .. } => "Give the book another path, or move that file away.",
            OpenError::NewerVersion { .. } => "Install the newer version again; a book is never turned back.",
            OpenError::Locked { .. } => "Only one process may write a book; stop the other one first.",
            OpenError::OtherTerminal { .. } => "Mend the terminal number, or give this terminal a book of its own.",
            OpenError::OtherKey { .. } => {
                "Bring back the key file that belongs to this book, or give the terminal a new book."
            }
            OpenError::NoRoom { .. } => "Make room on the disk, then start again.",
            OpenError::OldSqlite { .. } => "Build Gatebook with its bundled SQLite.",
            OpenError::Store { .. } => "Check the path, its permissions and the disk.",
        }
    }
}

/// What the file system or SQLite said.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Why a book gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("line {asked} is no longer kept; the book begins at line {first}")]
    Gone { asked: u64, first: u64 },
    #[error("the book is damaged at {at}; run `gatebook verify` on it")]
    Damaged { at: String },
    #[error("the book {path} cannot be read: {cause}")]
    Store { path: String, cause: StoreError },
}

/// Why nothing was recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotRecord {
    #[error("the body of entry {index} has {bytes} bytes, a line takes {BODY_MAX}")]
    TooLong { index: usize, bytes: usize },
    #[error("{entries} entries in one call, a call takes {ENTRIES_MAX}")]
    TooMany { entries: usize },
    #[error("{bytes} bytes in one call, a call takes {CALL_BYTES_MAX}")]
    TooMuch { bytes: usize },
    #[error("the mark {key:?} has {bytes} bytes; a mark takes {MARK_VALUE_MAX}, its key {MARK_KEY_MAX}")]
    MarkTooLong { key: String, bytes: usize },
    #[error("a key change is not an ordinary entry")]
    KeyChange,
    #[error("the server's receipt names line {last} with another hash than this book has")]
    OtherHead { last: u64 },
    #[error("there is no room for another line: {why}")]
    NoRoom { why: String },
    #[error("the book cannot be written: {why}")]
    Store { why: String },
    #[error("the book is closed")]
    Closed,
}

impl CannotRecord {
    /// What to do.
    pub fn help(&self) -> &'static str {
        match self {
            CannotRecord::TooLong { .. } => "Record a large crowd as several lines.",
            CannotRecord::TooMany { .. } | CannotRecord::TooMuch { .. } => "Record the entries in several calls.",
            CannotRecord::MarkTooLong { .. } => "Keep large state elsewhere.",
            CannotRecord::KeyChange => "Change the key with `rotate_key`, so that the old key seals the change.",
            CannotRecord::OtherHead { .. } => {
                "Say hello to the server again; if it stays, run `gatebook verify` on both sides."
            }
            CannotRecord::NoRoom { .. } => "Make room on the disk or connect the network; recording goes on by itself.",
            CannotRecord::Store { .. } => "Check the disk; the terminal keeps trying every second.",
            CannotRecord::Closed => "The terminal is stopping; scan again when it has started.",
        }
    }
}

/// Handle on the book. The last handle that goes seals the book and ends its writer.
#[derive(Clone)]
pub struct Book {
    inner: Arc<Inner>,
}

struct Inner {
    id: BookId,
    commands: Mutex<Option<mpsc::Sender<Command>>>,
    state: watch::Receiver<State>,
    reader: Reader,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Book {
    /// Opens the book, or makes a new one where there is none. Blocks. The tail is verified; a damaged file is moved
    /// aside and a new book started, see [`Opening::rescued`].
    ///
    /// # Errors
    /// [`OpenError`] when the file is not ours to continue, or the disk does not let us.
    pub fn open(settings: Settings, key: SigningKey) -> Result<(Book, Opening), OpenError> {
        let ready = opening::open(&settings, &key)?;
        let (id, rescued) = (ready.id, ready.rescued);
        let room = Room::new(&settings);
        let reader = Reader::new(&settings.path);
        let (commands, queue) = mpsc::channel(QUEUE);
        let writer = Writer::new(settings, id, ready.connection, ready.tail, ready.lock, key, room);
        let state = writer.watch();
        let thread = std::thread::Builder::new()
            .name("book".into())
            .spawn(move || writer.run(queue))
            .map_err(|error| opening::refusal(reader.path(), error.into()))?;
        let opening = Opening { state: state.borrow().clone(), rescued };
        let inner = Inner { id, commands: Mutex::new(Some(commands)), state, reader, thread: Mutex::new(Some(thread)) };
        Ok((Book { inner: Arc::new(inner) }, opening))
    }

    /// Records all entries in one transaction and answers once they are on disk.
    ///
    /// # Errors
    /// [`CannotRecord`]: none of the entries is recorded, nothing may be called ok.
    pub async fn append(&self, entries: Vec<Entry>) -> Result<Written, CannotRecord> {
        self.ask(Work::Append(drafts(entries)?)).await
    }

    /// [`Book::append`] for threads outside of the async runtime; panics inside of it.
    ///
    /// # Errors
    /// As [`Book::append`].
    pub fn append_blocking(&self, entries: Vec<Entry>) -> Result<Written, CannotRecord> {
        let work = Work::Append(drafts(entries)?);
        let (reply, answer) = oneshot::channel();
        let commands = self.commands().ok_or(CannotRecord::Closed)?;
        commands.blocking_send(Command { work, reply }).map_err(|_| CannotRecord::Closed)?;
        drop(commands);
        answer.blocking_recv().map_err(|_| CannotRecord::Closed)?
    }

    /// Changes marks that no line goes with, all or none, and answers once they are on disk. `None` deletes.
    ///
    /// # Errors
    /// [`CannotRecord`]: every mark is as it was.
    pub async fn set_marks(&self, marks: Marks) -> Result<(), CannotRecord> {
        check_marks(&marks)?;
        match marks_size(&marks) {
            bytes if CALL_BYTES_MAX < bytes => Err(CannotRecord::TooMuch { bytes }),
            _ => self.ask(Work::Marks(marks)).await.map(drop),
        }
    }

    pub fn id(&self) -> BookId {
        self.inner.id
    }

    pub fn state(&self) -> State {
        self.inner.state.borrow().clone()
    }

    /// Wakes at every change of [`Book::state`].
    pub fn watch(&self) -> watch::Receiver<State> {
        self.inner.state.clone()
    }

    /// Lines from `from` in order: at most `max_lines`, at most `max_bytes` of bodies but at least one line. Blocks.
    ///
    /// # Errors
    /// [`ReadError::Gone`] when `from` is no longer kept.
    pub fn lines(&self, from: u64, max_lines: usize, max_bytes: usize) -> Result<Vec<Line>, ReadError> {
        let first = self.inner.state.borrow().first;
        if from < first && 1 < first {
            return Err(ReadError::Gone { asked: from, first });
        }
        self.inner.reader.lines(from, max_lines, max_bytes)
    }

    /// Seals from number `from_number` in order. Blocks.
    ///
    /// # Errors
    /// [`ReadError`] when the file cannot be read.
    pub fn seals(&self, from_number: u64, max: usize) -> Result<Vec<Seal>, ReadError> {
        self.inner.reader.seals(from_number, max)
    }

    /// Hash of line `seq`; 0 is the genesis. `None` behind the last line, and before the cut. Blocks.
    ///
    /// # Errors
    /// [`ReadError`] when the file cannot be read.
    pub fn hash_at(&self, seq: u64) -> Result<Option<Hex<32>>, ReadError> {
        self.inner.reader.hash_at(self.inner.id, seq)
    }

    /// Remembers the server's receipt over `last`; the caller has checked its signature. Under one server epoch the
    /// acknowledged line never goes back, under a new one it may: the server was restored from a backup.
    ///
    /// # Errors
    /// [`CannotRecord::OtherHead`] when this book has another hash there.
    pub async fn acknowledge(
        &self,
        server_epoch: Hex<16>,
        last: u64,
        head: Hex<32>,
        signature: Hex<64>,
    ) -> Result<(), CannotRecord> {
        self.ask(Work::Acknowledge(Receipted { server_epoch, last, head, signature })).await.map(drop)
    }

    /// Takes in a page of the downlink and where the next one begins, in one transaction. A lower version never
    /// replaces a higher one.
    ///
    /// # Errors
    /// [`CannotRecord`]: nothing of the page is stored.
    pub async fn store_records(&self, records: Vec<StoredRecord>, cursor: u64) -> Result<(), CannotRecord> {
        self.ask(Work::Records(records, cursor)).await.map(drop)
    }

    /// All records of the downlink, by kind and key. Blocks.
    ///
    /// # Errors
    /// [`ReadError`] when the file cannot be read.
    pub fn records(&self) -> Result<Vec<StoredRecord>, ReadError> {
        self.inner.reader.records()
    }

    /// Where the next page of the downlink begins. Blocks.
    ///
    /// # Errors
    /// [`ReadError`] when the file cannot be read.
    pub fn cursor(&self) -> Result<u64, ReadError> {
        self.inner.reader.cursor()
    }

    /// Value of one mark. Blocks.
    ///
    /// # Errors
    /// [`ReadError`] when the file cannot be read or the mark is damaged.
    pub fn mark(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.inner.reader.mark(key)
    }

    /// Marks whose key begins with `prefix`, in the order of their keys. Blocks.
    ///
    /// # Errors
    /// [`ReadError`] when the file cannot be read or a mark is damaged.
    pub fn marks(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, ReadError> {
        self.inner.reader.marks(prefix)
    }

    /// Records the change to `new`, lets the old key seal it, and seals with `new` from then on. The caller has `new`
    /// on disk before (see [`crate::ledger::keys`]): a book opens with its newest key only.
    ///
    /// # Errors
    /// [`CannotRecord`]: the old key stays.
    pub async fn rotate_key(&self, new: SigningKey) -> Result<Written, CannotRecord> {
        self.ask(Work::RotateKey(Box::new(new))).await
    }

    /// Checks every line and seal of the file against the keys in it, beside the writer. Blocks for as long as reading the
    /// whole file takes.
    ///
    /// # Errors
    /// [`VerifyError`] when it cannot be read; what is wrong inside is a finding.
    pub fn verify(&self) -> Result<Report, VerifyError> {
        verify::verify(self.inner.reader.path(), None)
    }

    /// Files beside the book that hold lines of earlier epochs which the server may not have yet; open them with
    /// [`crate::ledger::earlier::Earlier`].
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn earlier(&self) -> std::io::Result<Vec<PathBuf>> {
        rescue::unfinished(self.inner.reader.path())
    }

    /// Final seal, checkpoint, and the end of the writer; other handles can read but not record from here on. Blocks.
    pub fn close(self) {
        self.inner.stop();
    }

    fn commands(&self) -> Option<mpsc::Sender<Command>> {
        self.inner.commands.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn ask(&self, work: Work) -> Result<Written, CannotRecord> {
        let (reply, answer) = oneshot::channel();
        let commands = self.commands().ok_or(CannotRecord::Closed)?;
        commands.send(Command { work, reply }).await.map_err(|_| CannotRecord::Closed)?;
        drop(commands);
        answer.await.map_err(|_| CannotRecord::Closed)?
    }
}

impl Inner {
    /// What was sent before is still written.
    fn stop(&self) {
        drop(self.commands.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the writer of the book ended in a panic; what it confirmed is on disk");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Encodes the bodies, in the caller's thread, and holds them to their bounds.
fn drafts(entries: Vec<Entry>) -> Result<Vec<Draft>, CannotRecord> {
    if ENTRIES_MAX < entries.len() {
        return Err(CannotRecord::TooMany { entries: entries.len() });
    }
    let draft = |(index, entry): (usize, Entry)| {
        if matches!(entry.body, Body::System(System::KeyChanged { .. })) {
            return Err(CannotRecord::KeyChange);
        }
        check_marks(&entry.marks)?;
        let Entry { at, zone_min, body, marks } = entry;
        let (kind, schema, body) = (body.kind(), body.schema(), body.encode());
        match body.len() {
            bytes if BODY_MAX < bytes => Err(CannotRecord::TooLong { index, bytes }),
            _ => Ok(Draft { at, zone_min, kind, schema, body, marks }),
        }
    };
    let drafts: Vec<Draft> = entries.into_iter().enumerate().map(draft).collect::<Result<_, _>>()?;
    let size = |draft: &Draft| draft.body.len() + marks_size(&draft.marks);
    match drafts.iter().map(size).sum() {
        bytes if CALL_BYTES_MAX < bytes => Err(CannotRecord::TooMuch { bytes }),
        _ => Ok(drafts),
    }
}

fn check_marks(marks: &Marks) -> Result<(), CannotRecord> {
    for (key, value) in marks {
        let bytes = value.as_ref().map_or(0, Vec::len);
        if MARK_KEY_MAX < key.len() || MARK_VALUE_MAX < bytes {
            let bytes = bytes.max(key.len());
            return Err(CannotRecord::MarkTooLong { key: key.chars().take(40).collect(), bytes });
        }
    }
    Ok(())
}

fn marks_size(marks: &Marks) -> usize {
    marks.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum()
}
