//! The server's store: one SQLite file or one PostgreSQL database, behind one kind of transaction.
//!
//! SQL is written once, in SQLite's words (`?1`, `INTEGER`, `BLOB`, `STRICT`); `rewrite` turns it into PostgreSQL's.
//! Transactions are plain synchronous functions over [`Tx`] on a blocking thread, so that a decision reads top to bottom.
//!
//! One writer at a time, on both engines: the arrival position of a line must become visible in its order, or a reader
//! that follows the book by position would step over a line that commits late. It also makes every write see all writes
//! before it, so that nothing has to be tried twice: a transaction is run once and either stands or failed.

mod migrations;
mod postgres;
mod rewrite;
mod sqlite;
mod value;

use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use crate::server::database::postgres::Session;
use crate::server::database::sqlite::File;
pub use crate::server::database::value::{Row, Value};

/// Readers at a time. PostgreSQL's default allows 100 connections for all replicas together.
const READERS: usize = 8;

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("the database {url} cannot be opened: {why}")]
    Open { url: String, why: String },
    #[error(
        "the database address asks for TLS (sslmode), which this program does not speak to PostgreSQL; use a Unix socket, a private network or a tunnel and write sslmode=disable"
    )]
    TlsNotBuiltIn,
    #[error("{what} is not a Gatebook server database: {why}; name another one in `database`")]
    NotOurs { what: String, why: String },
    #[error(
        "the database was written by a newer version (schema {found}, this program knows {known}); install that version or restore an older backup"
    )]
    Newer { found: i64, known: i64 },
    #[error("schema step {number} in the database is not the one of this program; it was changed after it was applied")]
    Changed { number: i64 },
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("PostgreSQL: {}", postgres::sentence(.0))]
    Postgres(#[from] tokio_postgres::Error),
    #[error("column {index} ({name}) holds {found} where {wanted} is due")]
    Column { index: usize, name: String, wanted: &'static str, found: &'static str },
    #[error("what is stored in {what} cannot be read back: {why}")]
    Damaged { what: &'static str, why: String },
    #[error("no statement for many rows can be made of `{0}`")]
    Statement(String),
    #[error("the transaction broke off; nothing of it was stored")]
    BrokeOff,
}

/// What became true with a commit: the newest arrival position in the central book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Highest position, 0 for an empty book.
    pub position: u64,
}

/// A handle on the store; cheap to clone.
#[derive(Clone)]
pub struct Database {
    writers: Arc<Lane>,
    readers: Arc<Lane>,
    changes: Arc<watch::Sender<Change>>,
}

/// A transaction that is open.
pub struct Tx {
    engine: Engine,
    announced: Option<Change>,
}

enum Engine {
    Sqlite(File),
    Postgres(Box<Session>),
}

/// Where connections come from.
enum Source {
    Sqlite(std::path::PathBuf),
    Postgres { config: Box<tokio_postgres::Config>, runtime: Handle },
}

/// Connections of one kind: so many at a time, first come first served.
struct Lane {
    source: Arc<Source>,
    write: bool,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Tx>>,
}

impl Database {
    /// Opens the store and brings its schema up to date. `url` is `postgres://…`, `sqlite:PATH` or a path.
    ///
    /// # Errors
    /// A sentence for the administrator: unreachable, not ours, or newer than this program.
    pub async fn open(url: &str) -> Result<Database, DatabaseError> {
        let source = Arc::new(source(url)?);
        let lane = |write, count| {
            let permits = Arc::new(Semaphore::new(count));
            Arc::new(Lane { source: Arc::clone(&source), write, permits, idle: Mutex::new(Vec::new()) })
        };
        let (changes, _) = watch::channel(Change::default());
        let database = Database { writers: lane(true, 1), readers: lane(false, READERS), changes: Arc::new(changes) };
        let first = Arc::clone(&database.writers);
        let name = shown(url);
        let setup = tokio::task::spawn_blocking(move || {
            let mut tx = first.connect().map_err(|error| opening(&name, error))?;
            migrations::run(&mut tx, &name)?;
            let position = tx.begin(true).and_then(|()| tx.query("SELECT max(position) FROM line", &[]))?;
            tx.commit()?;
            first.give_back(tx);
            Ok::<_, DatabaseError>(position.first().map(|row| row.opt_int(0)).transpose()?.flatten().unwrap_or(0))
        });
        let position = setup.await.map_err(|_| DatabaseError::BrokeOff)??;
        database.hear(Change { position: u64::try_from(position).unwrap_or(0) });
        if let Source::Postgres { config, .. } = &*source {
            // Ends by itself when the last handle on the store is gone.
            tokio::spawn(postgres::listen(config.as_ref().clone(), Arc::downgrade(&database.changes)));
        }
        Ok(database)
    }

    /// Runs `work` in a transaction that may write. Commits when it gives `Ok`, rolls back when it gives `Err`.
    ///
    /// # Errors
    /// That of `work`, or a [`DatabaseError`]. When PostgreSQL is lost during the commit the outcome is unknown; every
    /// command carries an identity that makes doing it again safe.
    pub async fn write<T, E>(&self, work: impl FnOnce(&mut Tx) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        let (out, change) = run(&self.writers, work).await?;
        if let Some(change) = change {
            self.hear(change);
        }
        Ok(out)
    }

    /// Runs `work` over one unchanging view of the store; it cannot write.
    ///
    /// # Errors
    /// That of `work`, or a [`DatabaseError`].
    pub async fn read<T, E>(&self, work: impl FnOnce(&mut Tx) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        Ok(run(&self.readers, work).await?.0)
    }

    /// Tells of new lines in the central book, those of other replicas too. A hint: read the book from your own position.
    pub fn subscribe(&self) -> watch::Receiver<Change> {
        self.changes.subscribe()
    }

    fn hear(&self, change: Change) {
        hear(&self.changes, change);
    }
}

fn hear(changes: &watch::Sender<Change>, change: Change) {
    changes.send_if_modified(|known| {
        let newer = known.position < change.position;
        if newer {
            *known = change;
        }
        newer
    });
}

async fn run<T, E>(
    lane: &Arc<Lane>,
    work: impl FnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
) -> Result<(T, Option<Change>), E>
where
    T: Send + 'static,
    E: From<DatabaseError> + Send + 'static,
{
    let permit = Arc::clone(&lane.permits).acquire_owned().await.map_err(|_| DatabaseError::BrokeOff)?;
    let lane = Arc::clone(lane);
    let done = tokio::task::spawn_blocking(move || {
        // Held until the thread is done, even when the caller stopped waiting.
        let _permit = permit;
        let mut tx = lane.take()?;
        match work(&mut tx) {
            Ok(out) => {
                tx.commit()?;
                let change = tx.announced.take();
                lane.give_back(tx);
                Ok((out, change))
            }
            Err(error) => {
                // A connection that cannot even roll back is dropped, which rolls back too.
                if tx.rollback().is_ok() {
                    lane.give_back(tx);
                }
                Err(error)
            }
        }
    });
    // A panic in `work` dropped its connection, and with it the transaction.
    done.await.unwrap_or_else(|_| Err(DatabaseError::BrokeOff.into()))
}

impl Lane {
    fn connect(&self) -> Result<Tx, DatabaseError> {
        let engine = match &*self.source {
            Source::Sqlite(path) => Engine::Sqlite(File::open(path, self.write)?),
            Source::Postgres { config, runtime } => Engine::Postgres(Box::new(Session::open(config, runtime.clone())?)),
        };
        Ok(Tx { engine, announced: None })
    }

    /// A connection with an open transaction. One that broke while idle is replaced before any work is done on it.
    fn take(&self) -> Result<Tx, DatabaseError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(mut tx) = idle
            && tx.begin(self.write).is_ok()
        {
            return Ok(tx);
        }
        let mut tx = self.connect()?;
        tx.begin(self.write)?;
        Ok(tx)
    }

    fn give_back(&self, mut tx: Tx) {
        tx.announced = None;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(tx);
    }
}

impl Tx {
    /// All rows of a query.
    ///
    /// # Errors
    /// What the engine says.
    pub fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        let mut rows = Vec::new();
        self.each(sql, values, |row| {
            rows.push(row);
            Ok::<_, DatabaseError>(())
        })?;
        Ok(rows)
    }

    /// The first row of a query.
    ///
    /// # Errors
    /// What the engine says.
    pub fn query_opt(&mut self, sql: &str, values: &[Value]) -> Result<Option<Row>, DatabaseError> {
        Ok(self.query(sql, values)?.into_iter().next())
    }

    /// Hands over row after row, for results that need not fit into memory.
    ///
    /// # Errors
    /// What the engine or `take` says.
    pub fn each<E: From<DatabaseError>>(
        &mut self,
        sql: &str,
        values: &[Value],
        take: impl FnMut(Row) -> Result<(), E>,
    ) -> Result<(), E> {
        match &mut self.engine {
            Engine::Sqlite(file) => file.each(sql, values, take),
            Engine::Postgres(session) => session.each(sql, values, take),
        }
    }

    /// Rows for many keys at once: `sql` compares with `= ?1` and has no other parameter. Rows come in no stated order,
    /// so the query selects the key too.
    ///
    /// # Errors
    /// What the engine says.
    pub fn query_many(&mut self, sql: &str, keys: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        match &mut self.engine {
            Engine::Sqlite(file) => file.query_many(sql, keys),
            Engine::Postgres(session) => session.query_many(sql, keys),
        }
    }

    /// Carries out a statement; the number of rows it touched.
    ///
    /// # Errors
    /// What the engine says.
    pub fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, DatabaseError> {
        match &mut self.engine {
            Engine::Sqlite(file) => file.execute(sql, values),
            Engine::Postgres(session) => session.execute(sql, values),
        }
    }

    /// Carries out one `INSERT … VALUES (?1, …)`, `UPDATE … WHERE` or `DELETE … WHERE` for many rows of values. On
    /// PostgreSQL this is one statement: no row may touch what another row of the same call touches.
    ///
    /// # Errors
    /// What the engine says.
    pub fn execute_many(&mut self, sql: &str, rows: &[Vec<Value>]) -> Result<(), DatabaseError> {
        match &mut self.engine {
            Engine::Sqlite(file) => file.execute_many(sql, rows),
            // A statement's arrays are held in memory at both ends.
            Engine::Postgres(session) => rows.chunks(10_000).try_for_each(|rows| session.execute_many(sql, rows)),
        }
    }

    /// Tells all who listen, once this transaction stands, that the book reaches up to `change`.
    ///
    /// # Errors
    /// What the engine says.
    pub fn announce(&mut self, change: Change) -> Result<(), DatabaseError> {
        if let Engine::Postgres(session) = &mut self.engine {
            session.notify(change)?;
        }
        self.announced = Some(change);
        Ok(())
    }

    fn begin(&mut self, write: bool) -> Result<(), DatabaseError> {
        match &mut self.engine {
            Engine::Sqlite(file) => file.batch(if write { "BEGIN IMMEDIATE" } else { "BEGIN" }),
            Engine::Postgres(session) => session.begin(write),
        }
    }

    fn commit(&mut self) -> Result<(), DatabaseError> {
        self.batch("COMMIT")
    }

    fn rollback(&mut self) -> Result<(), DatabaseError> {
        self.batch("ROLLBACK")
    }

    /// Statements as they are, in the engine's own words.
    fn batch(&mut self, sql: &str) -> Result<(), DatabaseError> {
        match &mut self.engine {
            Engine::Sqlite(file) => file.batch(sql),
            Engine::Postgres(session) => session.batch(sql),
        }
    }
}

fn source(url: &str) -> Result<Source, DatabaseError> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Source::Postgres { config: Box::new(postgres::config(url)?), runtime: Handle::current() });
    }
    let path = url.strip_prefix("sqlite:").unwrap_or(url);
    let why = match path {
        "" => "the path is empty",
        ":memory:" => "a book in memory is lost with the process; name a file",
        path if path.contains("://") => "only postgres:// and sqlite: addresses are known",
        path => return Ok(Source::Sqlite(path.into())),
    };
    Err(DatabaseError::Open { url: shown(url), why: why.into() })
}

/// The address without its password.
fn shown(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        _ => url.to_owned(),
    }
}

fn opening(name: &str, error: DatabaseError) -> DatabaseError {
    match error {
        DatabaseError::Sqlite(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            DatabaseError::NotOurs { what: name.into(), why: "the file is not SQLite".into() }
        }
        DatabaseError::Sqlite(error) => DatabaseError::Open { url: name.into(), why: error.to_string() },
        DatabaseError::Postgres(error) => DatabaseError::Open { url: name.into(), why: postgres::sentence(&error) },
        other => other,
    }
}
