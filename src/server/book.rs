//! The central book: the union of all books, each line once, in the order of arrival.

use std::time::Duration;

use ed25519_dalek::{SigningKey, VerifyingKey};

use crate::event::{BODY_MAX, Body, Decision, LineRef, Ruling};
use crate::hex::{Hex, HexBytes};
use crate::ledger::chain::{self, BookId, Line, Seal};
use crate::quantity::Moment;
use crate::server::catalog;
use crate::server::database::{DatabaseError, Tx};
use crate::server::lines;
use crate::server::stored::{self, Cursor, Stored, line_id, line_ref};
use crate::sync::records::{Content, Record};
use crate::sync::wire::SignedRecord;

/// Records in one page of the downlink at most; each is a few hundred bytes.
pub const DOWN_MAX: usize = 1_000;

/// The key with which the server signs its own book, receipts and records.
#[derive(Clone)]
pub struct ServerKey {
    pub signing: SigningKey,
}

impl ServerKey {
    /// The key of this database; made, with the server's first book, when the database is new. Load it in a writing
    /// transaction before anything else.
    ///
    /// # Errors
    /// What the database says.
    pub fn load(tx: &mut Tx) -> Result<ServerKey, DatabaseError> {
        if let Some(key) = ServerKey::stored(tx)? {
            return Ok(key);
        }
        let secret = Hex(stored::random::<32>()?);
        tx.execute("INSERT INTO server_identity (one, secret) VALUES (1, ?1)", &[secret.into()])?;
        own_book(tx)?;
        Ok(ServerKey { signing: SigningKey::from_bytes(&secret.0) })
    }

    /// The key of this database; `None` when it holds none.
    pub(crate) fn stored(tx: &mut Tx) -> Result<Option<ServerKey>, DatabaseError> {
        let row = tx.query_opt("SELECT secret FROM server_identity WHERE one = 1", &[])?;
        row.map(|row| Ok(ServerKey { signing: SigningKey::from_bytes(&row.hex::<32>(0)?.0) })).transpose()
    }

    pub fn public(&self) -> VerifyingKey {
        self.signing.verifying_key()
    }
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

/// Lines after which the server's own book is sealed, and the quiet after which it is sealed with fewer.
const SEAL_LINES: u64 = 1_000;
const SEAL_QUIET: Duration = Duration::from_secs(5);

/// The book that the server writes, and what is added to its line numbers to make record cursors.
fn own_book(tx: &mut Tx) -> Result<(BookId, u64), DatabaseError> {
    let latest = "SELECT epoch, cursor_base FROM server_book ORDER BY ordinal DESC LIMIT 1";
    if let Some(row) = tx.query_opt(latest, &[])? {
        return Ok((BookId { terminal: 0, epoch: row.hex(0)? }, row.count(1)?));
    }
    begin_book(tx, 0)
}

fn begin_book(tx: &mut Tx, base: u64) -> Result<(BookId, u64), DatabaseError> {
    let epoch = Hex(stored::random::<16>()?);
    let ordinal = match tx.query_opt("SELECT max(ordinal) FROM server_book", &[])? {
        Some(row) => row.opt_int(0)?.unwrap_or(0) + 1,
        None => 1,
    };
    tx.execute(
        "INSERT INTO server_book (ordinal, epoch, cursor_base) VALUES (?1, ?2, ?3)",
        &[ordinal.into(), epoch.into(), base.into()],
    )?;
    Ok((BookId { terminal: 0, epoch }, base))
}

/// Changes when the server was restored from a backup: the epoch of the book that it writes.
///
/// # Errors
/// What the database says.
pub fn server_epoch(tx: &mut Tx) -> Result<Hex<16>, DatabaseError> {
    Ok(own_book(tx)?.0.epoch)
}

/// Whether the server was ever restored from a backup and knows of it: it has begun a second book then.
///
/// # Errors
/// What the database says.
pub fn was_restored(tx: &mut Tx) -> Result<bool, DatabaseError> {
    Ok(tx.query_opt("SELECT 1 FROM server_book WHERE ordinal > 1 LIMIT 1", &[])?.is_some())
}

/// Highest record cursor that was given out.
///
/// # Errors
/// What the database says.
pub fn down_cursor(tx: &mut Tx) -> Result<u64, DatabaseError> {
    let row = tx.query_opt("SELECT max(cursor) FROM record", &[])?;
    Ok(row.map(|row| row.opt_int(0)).transpose()?.flatten().and_then(|cursor| u64::try_from(cursor).ok()).unwrap_or(0))
}

/// After the database was restored from a backup: the server goes on in a new book, so that no line or cursor that
/// others may have seen is ever given to something else. `seen` is the highest record cursor known to be given out.
///
/// # Errors
/// What the database says.
pub fn begin_anew(tx: &mut Tx, seen: u64) -> Result<Hex<16>, DatabaseError> {
    let (book, base) = own_book(tx)?;
    let next = lines::cursor(tx, book)?.map_or(1, |cursor| cursor.next);
    Ok(begin_book(tx, seen.max(base + next - 1))?.0.epoch)
}

/// Carries out a command of a person, or of the server by a rule (`person` is `None`): one line in the server's own book.
///
/// # Errors
/// [`DecideError`]; nothing is stored then.
pub fn decide(
    tx: &mut Tx,
    server: &ServerKey,
    command: Hex<16>,
    person: Option<u32>,
    ruling: Ruling,
    at: Moment,
) -> Result<Decided, DecideError> {
    let body = Body::Decision(Decision { command, person, ruling });
    let content = body.encode();
    if let Some(decided) = repeated(tx, command, &content)? {
        return Ok(decided);
    }
    let Body::Decision(Decision { ruling, .. }) = &body else {
        return Err(DecideError::Record { why: "no decision was made".into() });
    };
    check(tx, ruling)?;
    if BODY_MAX < content.len() {
        return Err(DecideError::Record { why: format!("{} bytes are too long for one line", content.len()) });
    }
    let (book, _) = own_book(tx)?;
    let mut cursor = lines::open(tx, book, at)?;
    let mut line = Line {
        seq: cursor.next,
        at,
        zone_min: 0,
        // Decisions are not timed against each other; the server's replicas have no boot in common.
        mono_us: 0,
        kind: body.kind(),
        schema: body.schema(),
        body: HexBytes(content.clone()),
        hash: cursor.head,
    };
    line.hash = chain::link(cursor.head, &line);
    let reference = LineRef { terminal: 0, epoch: book.epoch, seq: line.seq };
    let position = lines::append(tx, &mut cursor, vec![line], at)?;
    tx.execute(
        "INSERT INTO command (command, content, line, position) VALUES (?1, ?2, ?3, ?4)",
        &[command.into(), Hex(*blake3::hash(&content).as_bytes()).into(), line_id(reference).into(), position.into()],
    )?;
    if SEAL_LINES <= cursor.next - 1 - cursor.sealed {
        seal(tx, server, &mut cursor, at)?;
    }
    Ok(Decided { line: reference, position, repeated: false })
}

/// Decides a new version of a record, one above the present one. `since` matters for bindings: from when the code stands
/// for the unit.
///
/// # Errors
/// [`DecideError`]
#[expect(clippy::too_many_arguments, reason = "each is one column of the decision")]
pub fn put(
    tx: &mut Tx,
    server: &ServerKey,
    command: Hex<16>,
    person: Option<u32>,
    content: Content,
    withdrawn: bool,
    since: Moment,
    at: Moment,
) -> Result<Decided, DecideError> {
    // A command sent twice says the same content, but finds another present version: the first answer stands.
    if let Some(decided) = repeated_put(tx, command, &content, withdrawn, since)? {
        return Ok(decided);
    }
    let version = catalog::store::version(tx, content.kind(), &content.key())? + 1;
    let record = Record { version, withdrawn, since, content };
    let body = serde_json::to_vec(&record).map_err(|error| DecideError::Record { why: error.to_string() })?;
    decide(tx, server, command, person, Ruling::Put { record: HexBytes(body) }, at)
}

/// The reply that a command got before.
fn repeated(tx: &mut Tx, command: Hex<16>, content: &[u8]) -> Result<Option<Decided>, DecideError> {
    let sql = "SELECT content, line, position FROM command WHERE command = ?1";
    let Some(row) = tx.query_opt(sql, &[command.into()])? else { return Ok(None) };
    if row.blob(0)? != blake3::hash(content).as_bytes() {
        return Err(DecideError::CommandReused { command });
    }
    Ok(Some(Decided { line: line_ref(row.blob(1)?)?, position: row.count(2)?, repeated: true }))
}

/// The reply that putting this content under this command got before, whatever version it made then.
fn repeated_put(
    tx: &mut Tx,
    command: Hex<16>,
    content: &Content,
    withdrawn: bool,
    since: Moment,
) -> Result<Option<Decided>, DecideError> {
    let Some(row) = tx.query_opt("SELECT line, position FROM command WHERE command = ?1", &[command.into()])? else {
        return Ok(None);
    };
    let reference = line_ref(row.blob(0)?)?;
    let stored = line(tx, reference)?;
    let body = stored.and_then(|stored| Body::decode(stored.line.kind, stored.line.schema, &stored.line.body.0).ok());
    if let Some(Body::Decision(Decision { ruling: Ruling::Put { record }, .. })) = body
        && let Ok(record) = catalog::store::parse(&record.0)
        && record.content == *content
        && record.withdrawn == withdrawn
        && record.since == since
    {
        return Ok(Some(Decided { line: reference, position: row.count(1)?, repeated: true }));
    }
    Err(DecideError::CommandReused { command })
}

/// Whether a ruling can be carried out now.
fn check(tx: &mut Tx, ruling: &Ruling) -> Result<(), DecideError> {
    match ruling {
        Ruling::Put { record } => {
            let record: Record =
                serde_json::from_slice(&record.0).map_err(|error| DecideError::Record { why: error.to_string() })?;
            if let Some(why) = catalog::store::flaw(&record) {
                return Err(DecideError::Record { why });
            }
            let (kind, key) = (record.content.kind(), record.content.key());
            let present = catalog::store::version(tx, kind, &key)?;
            match record.version <= present {
                true => Err(DecideError::Older { kind, key, present }),
                false => Ok(()),
            }
        }
        Ruling::Settle { line, reason, code, note } => {
            if !stored::is_key(reason) || !stored::is_key(code) || note.contains('\0') {
                return Err(DecideError::Record { why: "the settlement holds a text that cannot be stored".into() });
            }
            let values = [line_id(*line).into(), reason.into(), code.into()];
            let open = "SELECT 1 FROM exception e WHERE e.line = ?1 AND e.reason = ?2 AND e.code = ?3 AND NOT EXISTS \
                 (SELECT 1 FROM settlement s WHERE s.line = e.line AND s.reason = e.reason AND s.code = e.code)";
            if tx.query_opt(open, &values)?.is_some() || is_flagged(tx, *line, reason, code)? {
                return Ok(());
            }
            Err(DecideError::NothingToSettle { reason: reason.clone() })
        }
        Ruling::Enrol { terminal, name, key: _ } => {
            if *terminal == 0 || catalog::terminals::terminal(tx, *terminal)?.is_some() {
                return Err(DecideError::TerminalTaken { terminal: *terminal });
            }
            match stored::is_key(name) {
                true => Ok(()),
                false => Err(DecideError::Record { why: "the name of the terminal is too long".into() }),
            }
        }
        Ruling::Revoke { terminal } => match catalog::terminals::terminal(tx, *terminal)? {
            Some(_) => Ok(()),
            None => Err(DecideError::UnknownTerminal { terminal: *terminal }),
        },
    }
}

/// Whether a terminal's book bears a flag that nobody settled.
fn is_flagged(tx: &mut Tx, line: LineRef, what: &str, code: &str) -> Result<bool, DatabaseError> {
    let sql = "SELECT 1 FROM flag f WHERE f.terminal_no = ?1 AND f.epoch = ?2 AND f.what = ?3 AND f.seq = ?4 AND NOT EXISTS \
               (SELECT 1 FROM settlement s WHERE s.line = ?5 AND s.reason = ?3 AND s.code = '')";
    let values = [line.terminal.into(), line.epoch.into(), what.into(), line.seq.into(), line_id(line).into()];
    Ok(code.is_empty() && tx.query_opt(sql, &values)?.is_some())
}

/// Seals the server's own book when its lines are many or have been quiet; whether it did. Call it every second or so.
///
/// # Errors
/// What the database says.
pub fn seal_due(tx: &mut Tx, server: &ServerKey, at: Moment) -> Result<bool, DatabaseError> {
    let (book, _) = own_book(tx)?;
    let Some(mut cursor) = lines::cursor(tx, book)? else { return Ok(false) };
    let unsealed = cursor.next - 1 - cursor.sealed;
    let due = SEAL_LINES <= unsealed || SEAL_QUIET <= at.since(cursor.clock.corrected);
    if unsealed == 0 || !due {
        return Ok(false);
    }
    seal(tx, server, &mut cursor, at)?;
    Ok(true)
}

/// Seals whatever has no seal yet, for the end of the program; whether there was anything.
///
/// # Errors
/// What the database says.
pub fn seal_rest(tx: &mut Tx, server: &ServerKey, at: Moment) -> Result<bool, DatabaseError> {
    let (book, _) = own_book(tx)?;
    let Some(mut cursor) = lines::cursor(tx, book)? else { return Ok(false) };
    if cursor.sealed + 1 == cursor.next {
        return Ok(false);
    }
    seal(tx, server, &mut cursor, at)?;
    Ok(true)
}

fn seal(tx: &mut Tx, server: &ServerKey, cursor: &mut Cursor, at: Moment) -> Result<(), DatabaseError> {
    let (first, last) = (cursor.sealed + 1, cursor.next - 1);
    let blank = Seal { number: cursor.next_seal, first, last, head: cursor.head, at, signature: Seal::BEFORE_FIRST };
    let seal = blank.sign(cursor.book, cursor.seal_signature, &server.signing);
    lines::append_seal(tx, cursor, &seal)
}

/// The downlink: the latest version of every record with a cursor above `cursor`, oldest first.
///
/// # Errors
/// What the database says.
pub fn records_after(
    tx: &mut Tx,
    server: &ServerKey,
    cursor: u64,
    limit: usize,
) -> Result<Vec<SignedRecord>, DatabaseError> {
    let sql = "SELECT r.cursor, r.body FROM record r WHERE r.cursor > ?1 AND NOT EXISTS \
               (SELECT 1 FROM record n WHERE n.kind = r.kind AND n.name = r.name AND n.version > r.version) \
               ORDER BY r.cursor LIMIT ?2";
    tx.query(sql, &[cursor.into(), limit.min(DOWN_MAX).into()])?
        .iter()
        .map(|row| Ok(SignedRecord::sign(row.count(0)?, row.blob(1)?.to_vec(), &server.signing)))
        .collect()
}

/// Takes records back from a terminal after the server was restored; how many were newer than its own. Only what the
/// server itself signed counts. A cursor that it does not remember giving out proves that it was restored: it begins a
/// new book then.
///
/// # Errors
/// [`DecideError`]
pub fn take_back(tx: &mut Tx, server: &ServerKey, records: &[SignedRecord], at: Moment) -> Result<u32, DecideError> {
    let own: Vec<&SignedRecord> = records.iter().filter(|record| record.holds(&server.public())).collect();
    let (book, base) = own_book(tx)?;
    let given = base + lines::cursor(tx, book)?.map_or(1, |cursor| cursor.next) - 1;
    if let Some(seen) = own.iter().map(|record| record.cursor).max().filter(|seen| given < *seen) {
        begin_anew(tx, seen)?;
    }
    let mut taken = 0;
    for returned in own {
        let Ok(record) = serde_json::from_slice::<Record>(&returned.body.0) else { continue };
        let (kind, key) = (record.content.kind(), record.content.key());
        let present = catalog::store::version(tx, kind, &key)?;
        let mut ours = None;
        if record.version == present {
            ours = catalog::store::record(tx, kind, &key)?.filter(|ours| *ours != record);
        }
        let record = match ours {
            // Decided anew since the restore: that stands, above the version that terminals hold.
            Some(ours) => Record { version: present + 1, ..ours },
            None if present < record.version => {
                taken += 1;
                record
            }
            None => continue,
        };
        let body = serde_json::to_vec(&record).map_err(|error| DecideError::Record { why: error.to_string() })?;
        let mark = blake3::derive_key("gatebook returned record v1", &body);
        let command = Hex(*mark.first_chunk::<16>().expect("a derived key has 32 bytes"));
        decide(tx, server, command, None, Ruling::Put { record: HexBytes(body) }, at)?;
    }
    Ok(taken)
}

/// One line.
///
/// # Errors
/// What the database says.
pub fn line(tx: &mut Tx, line: LineRef) -> Result<Option<Stored>, DatabaseError> {
    let sql = format!("SELECT {} FROM line WHERE id = ?1", lines::COLUMNS);
    tx.query_opt(&sql, &[line_id(line).into()])?.as_ref().map(lines::read).transpose()
}
