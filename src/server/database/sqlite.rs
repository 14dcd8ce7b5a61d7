//! SQLite: one file, write-ahead log, every commit on disk before it is answered.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, params_from_iter};

use crate::server::database::DatabaseError;
use crate::server::database::value::{Row, Value};

/// Prepared statements kept per connection; the program has fewer texts than this.
const STATEMENTS: usize = 256;

pub(super) struct File {
    connection: Connection,
}

impl File {
    pub(super) fn open(path: &Path, write: bool) -> Result<File, DatabaseError> {
        if write {
            // The server's key and everybody's password hash are in it. SQLite gives its side files the same rights.
            let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            if let Err(why) = made
                && why.kind() != ErrorKind::AlreadyExists
            {
                return Err(DatabaseError::Open { url: path.display().to_string(), why: why.to_string() });
            }
        }
        let connection =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // Another process (a backup, the administrator's shell) may hold the lock for a moment.
        connection.busy_timeout(std::time::Duration::from_secs(10))?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // In KiB. The writer keeps the states of a batch's units in memory; readers are many.
        connection.pragma_update(None, "cache_size", if write { -32_768 } else { -8_192 })?;
        if write {
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "synchronous", "full")?;
        } else {
            connection.pragma_update(None, "query_only", true)?;
        }
        Ok(File { connection })
    }

    pub(super) fn each<E: From<DatabaseError>>(
        &mut self,
        sql: &str,
        values: &[Value],
        mut take: impl FnMut(Row) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut statement = self.connection.prepare_cached(sql).map_err(DatabaseError::from)?;
        let names: Arc<[String]> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query(params_from_iter(values)).map_err(DatabaseError::from)?;
        while let Some(row) = rows.next().map_err(DatabaseError::from)? {
            take(read(row, &names)?)?;
        }
        Ok(())
    }

    pub(super) fn query_many(&mut self, sql: &str, keys: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let names: Arc<[String]> = statement.column_names().map(str::to_owned).collect();
        let mut found = Vec::new();
        for key in keys {
            let mut rows = statement.query([key])?;
            while let Some(row) = rows.next()? {
                found.push(read(row, &names)?);
            }
        }
        Ok(found)
    }

    pub(super) fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, DatabaseError> {
        Ok(self.connection.prepare_cached(sql)?.execute(params_from_iter(values))? as u64)
    }

    pub(super) fn execute_many(&mut self, sql: &str, rows: &[Vec<Value>]) -> Result<(), DatabaseError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        for row in rows {
            statement.execute(params_from_iter(row))?;
        }
        Ok(())
    }

    pub(super) fn batch(&mut self, sql: &str) -> Result<(), DatabaseError> {
        Ok(self.connection.execute_batch(sql)?)
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn read(row: &rusqlite::Row<'_>, names: &Arc<[String]>) -> Result<Row, DatabaseError> {
    let mut values = Vec::with_capacity(names.len());
    for index in 0..names.len() {
        values.push(match row.get_ref(index)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Int(number),
            ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
            ValueRef::Real(_) => {
                let name = names.get(index).cloned().unwrap_or_default();
                return Err(DatabaseError::Column { index, name, wanted: "an integer", found: "a fraction" });
            }
        });
    }
    Ok(Row::new(Arc::clone(names), values))
}
