//! PostgreSQL from a blocking thread: a session is one connection with its prepared statements.

use std::collections::HashMap;
use std::error::Error as _;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, SimpleQueryMessage, Statement};

use crate::server::database::value::{Row, Value};
use crate::server::database::{Change, DatabaseError, hear, rewrite};

/// Key of the advisory lock that all writers of one database share: "gatebook" in ASCII.
const WRITER_LOCK: i64 = i64::from_be_bytes(*b"gatebook");

/// Name of the channel that tells of new lines.
const CHANNEL: &str = "gatebook_change";

/// Prepared statements kept per session; the program has fewer texts than this.
const STATEMENTS: usize = 512;

type Problem = Box<dyn std::error::Error + Sync + Send>;

pub(super) struct Session {
    client: Client,
    runtime: Handle,
    prepared: HashMap<String, Statement>,
}

/// Reads the address.
pub(super) fn config(url: &str) -> Result<Config, DatabaseError> {
    let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| DatabaseError::Open {
        url: super::shown(url),
        why: sentence(&error),
    })?;
    if config.get_ssl_mode() == SslMode::Require {
        return Err(DatabaseError::TlsNotBuiltIn);
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_secs(10));
    }
    config.application_name("gatebook");
    Ok(config)
}

/// What PostgreSQL says, with its detail; tokio-postgres alone says "db error".
pub(super) fn sentence(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        let detail = said.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
        return format!("{}{detail} [{}]", said.message(), said.code().code());
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// Listens for the changes of other replicas until the store is dropped; comes back after a lost connection.
pub(super) async fn listen(config: Config, changes: Weak<watch::Sender<Change>>) {
    while changes.strong_count() != 0 {
        // The replica's own commits are heard without this; a fault here only makes pages of others' changes late.
        let Err(error) = listen_once(&config, &changes).await else { return };
        tracing::warn!("PostgreSQL notifications are interrupted: {}; trying again in 2 s", sentence(&error));
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

async fn listen_once(config: &Config, changes: &Weak<watch::Sender<Change>>) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = config.connect(NoTls).await?;
    // What came between the last word and this one is asked for: the next may be hours away.
    let begin = "LISTEN gatebook_change; SELECT max(position) FROM line";
    let mut listening = pin!(client.simple_query(begin));
    let mut listens = false;
    loop {
        if !listens {
            // The connection has to be driven while the command is under way.
            tokio::select! {
                done = &mut listening => {
                    for answer in done? {
                        if let SimpleQueryMessage::Row(row) = answer
                            && let Some(Ok(position)) = row.get(0).map(str::parse)
                            && let Some(changes) = changes.upgrade()
                        {
                            hear(&changes, Change { position });
                        }
                    }
                    listens = true;
                }
                message = poll_fn(|context| connection.poll_message(context)) => if message.transpose()?.is_none() {
                    return Ok(());
                },
            }
            continue;
        }
        let wait = tokio::time::timeout(Duration::from_secs(5), poll_fn(|context| connection.poll_message(context)));
        let message = match wait.await {
            Ok(Some(message)) => message?,
            Ok(None) => break,
            Err(_) if changes.strong_count() == 0 => return Ok(()),
            Err(_) => continue,
        };
        let AsyncMessage::Notification(told) = message else { continue };
        let Some(changes) = changes.upgrade() else { return Ok(()) };
        if let Ok(position) = told.payload().parse() {
            hear(&changes, Change { position });
        }
    }
    // The other end closed the connection: a command on it gives the error that says so.
    client.batch_execute("SELECT 1").await
}

impl Session {
    pub(super) fn open(config: &Config, runtime: Handle) -> Result<Session, DatabaseError> {
        let (client, connection) = runtime.block_on(config.connect(NoTls))?;
        runtime.spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!("a connection to PostgreSQL ended: {}", sentence(&error));
            }
        });
        // A writer of another replica that hangs must not hang this one for ever.
        runtime.block_on(client.batch_execute("SET lock_timeout = '30s'; SET client_min_messages = warning"))?;
        Ok(Session { client, runtime, prepared: HashMap::new() })
    }

    pub(super) fn begin(&mut self, write: bool) -> Result<(), DatabaseError> {
        match write {
            true => self.batch(&format!("BEGIN; SELECT pg_advisory_xact_lock({WRITER_LOCK})")),
            false => self.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
        }
    }

    pub(super) fn batch(&mut self, sql: &str) -> Result<(), DatabaseError> {
        Ok(self.runtime.block_on(self.client.batch_execute(sql))?)
    }

    pub(super) fn notify(&mut self, change: Change) -> Result<(), DatabaseError> {
        self.execute("SELECT pg_notify(?1, ?2)", &[CHANNEL.into(), change.position.to_string().into()]).map(drop)
    }

    fn prepare(
        &mut self,
        name: &str,
        sql: impl FnOnce() -> Result<String, DatabaseError>,
    ) -> Result<Statement, DatabaseError> {
        if let Some(statement) = self.prepared.get(name) {
            return Ok(statement.clone());
        }
        let statement = self.runtime.block_on(self.client.prepare(&sql()?))?;
        if STATEMENTS <= self.prepared.len() {
            self.prepared.clear();
        }
        self.prepared.insert(name.to_owned(), statement.clone());
        Ok(statement)
    }

    pub(super) fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, DatabaseError> {
        let statement = self.prepare(sql, || Ok(rewrite::statement(sql)))?;
        Ok(self.runtime.block_on(self.client.execute_raw(&statement, values))?)
    }

    pub(super) fn each<E: From<DatabaseError>>(
        &mut self,
        sql: &str,
        values: &[Value],
        mut take: impl FnMut(Row) -> Result<(), E>,
    ) -> Result<(), E> {
        let statement = self.prepare(sql, || Ok(rewrite::statement(sql)))?;
        let names = names(&statement);
        let rows = self.runtime.block_on(self.client.query_raw(&statement, values)).map_err(DatabaseError::from)?;
        let mut rows = pin!(rows);
        while let Some(row) = self.runtime.block_on(rows.try_next()).map_err(DatabaseError::from)? {
            take(read(&row, &names)?)?;
        }
        Ok(())
    }

    pub(super) fn query_many(&mut self, sql: &str, keys: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        let statement = self.prepare(&format!("keys of {sql}"), || rewrite::many_keys(sql))?;
        let names = names(&statement);
        let mut found = Vec::new();
        for keys in keys.chunks(10_000) {
            let array = [Column(keys.iter().collect())];
            let rows = self
                .runtime
                .block_on(async { self.client.query_raw(&statement, &array).await?.try_collect::<Vec<_>>().await })?;
            for row in &rows {
                found.push(read(row, &names)?);
            }
        }
        Ok(found)
    }

    pub(super) fn execute_many(&mut self, sql: &str, rows: &[Vec<Value>]) -> Result<(), DatabaseError> {
        let Some(first) = rows.first() else { return Ok(()) };
        let width = first.len();
        let name = format!("rows of {sql}");
        let statement = match self.prepared.get(&name) {
            Some(statement) => statement.clone(),
            None => {
                // The statement for one row tells the types that the arrays must have.
                let one = self.prepare(sql, || Ok(rewrite::statement(sql)))?;
                let types: Vec<&str> = one.params().iter().map(Type::name).collect();
                let many = rewrite::many_rows(sql, &types)?;
                self.prepare(&name, || Ok(many))?
            }
        };
        let columns: Vec<Column<'_>> =
            (0..width).map(|at| Column(rows.iter().map(|row| row.get(at).unwrap_or(&Value::Null)).collect())).collect();
        self.runtime.block_on(self.client.execute_raw(&statement, &columns))?;
        Ok(())
    }
}

fn names(statement: &Statement) -> Arc<[String]> {
    statement.columns().iter().map(|column| column.name().to_owned()).collect()
}

fn read(row: &tokio_postgres::Row, names: &Arc<[String]>) -> Result<Row, DatabaseError> {
    let mut values = Vec::with_capacity(row.len());
    for (index, column) in row.columns().iter().enumerate() {
        values.push(match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(index)?.map_or(Value::Null, Value::Int),
            Type::INT4 => Value::from(row.try_get::<_, Option<i32>>(index)?.map(i64::from)),
            Type::BOOL => Value::from(row.try_get::<_, Option<bool>>(index)?),
            Type::TEXT | Type::VARCHAR | Type::NAME | Type::UNKNOWN => {
                row.try_get::<_, Option<String>>(index)?.map_or(Value::Null, Value::Text)
            }
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(index)?.map_or(Value::Null, Value::Blob),
            Type::VOID => Value::Null,
            _ => {
                let name = column.name().to_owned();
                return Err(DatabaseError::Column {
                    index,
                    name,
                    wanted: "an integer, text or bytes",
                    found: "another type",
                });
            }
        });
    }
    Ok(Row::new(Arc::clone(names), values))
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Problem> {
        match (self, kind) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Int(number), &Type::INT8) => number.to_sql(kind, out),
            (Value::Int(number), &Type::INT4) => i32::try_from(*number)?.to_sql(kind, out),
            (Value::Int(number), &Type::BOOL) => (*number != 0).to_sql(kind, out),
            (Value::Text(text), &(Type::TEXT | Type::VARCHAR | Type::NAME | Type::UNKNOWN)) => text.to_sql(kind, out),
            (Value::Blob(bytes), &Type::BYTEA) => bytes.to_sql(kind, out),
            (value, kind) => Err(format!("{} where PostgreSQL takes {kind}; write a CAST", value.word()).into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// One column of many rows.
#[derive(Debug)]
struct Column<'a>(Vec<&'a Value>);

impl ToSql for Column<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Problem> {
        self.0.to_sql(kind, out)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
