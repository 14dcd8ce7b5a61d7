//! The schema, step by step and forward only.

use crate::server::database::{DatabaseError, Engine, Tx, Value, rewrite};

/// `PRAGMA application_id` of the server's file: "GtbS" in ASCII.
const APPLICATION: i64 = 0x4774_6253;

/// The series. A step that any database has seen is never edited: add one.
const STEPS: &[(i64, &str)] = &[
    (1, include_str!("../schema/0001_book.sql")),
    (2, include_str!("../schema/0002_catalog.sql")),
    (3, include_str!("../schema/0003_kernel.sql")),
    (10, include_str!("../schema/0010_access.sql")),
    (11, include_str!("../schema/0011_pages.sql")),
    (12, include_str!("../schema/0012_numbers.sql")),
];

pub(super) fn run(tx: &mut Tx, name: &str) -> Result<(), DatabaseError> {
    tx.begin(true)?;
    match apply(tx, name) {
        Ok(()) => tx.commit(),
        Err(error) => {
            // The first error is the one that tells.
            let _ = tx.rollback();
            Err(error)
        }
    }
}

fn apply(tx: &mut Tx, name: &str) -> Result<(), DatabaseError> {
    recognise(tx, name)?;
    let applied = tx.query("SELECT number, checksum FROM schema_step ORDER BY number", &[])?;
    let known = STEPS.last().map_or(0, |step| step.0);
    let mut present = Vec::with_capacity(applied.len());
    for row in &applied {
        let number = row.int(0)?;
        present.push(number);
        let Some((_, sql)) = STEPS.iter().find(|step| step.0 == number) else {
            return Err(DatabaseError::Newer { found: number, known });
        };
        if row.blob(1)? != blake3::hash(sql.as_bytes()).as_bytes() {
            return Err(DatabaseError::Changed { number });
        }
    }
    for (number, sql) in STEPS.iter().filter(|step| !present.contains(&step.0)) {
        match tx.engine {
            Engine::Sqlite(_) => tx.batch(sql)?,
            Engine::Postgres(_) => tx.batch(&rewrite::schema(sql))?,
        }
        let checksum = blake3::hash(sql.as_bytes()).as_bytes().to_vec();
        tx.execute(
            "INSERT INTO schema_step (number, checksum) VALUES (?1, ?2)",
            &[Value::Int(*number), Value::Blob(checksum)],
        )?;
    }
    Ok(())
}

/// Makes sure that the database is ours, or empty and ours from now on.
fn recognise(tx: &mut Tx, name: &str) -> Result<(), DatabaseError> {
    let foreign = |why: String| DatabaseError::NotOurs { what: name.into(), why };
    let table = "CREATE TABLE schema_step (number INTEGER PRIMARY KEY, checksum BLOB NOT NULL) STRICT";
    if let Engine::Sqlite(_) = tx.engine {
        let id = match tx.query_opt("PRAGMA application_id", &[])? {
            Some(row) => row.int(0)?,
            None => 0,
        };
        if id == APPLICATION {
            return Ok(());
        }
        if id != 0 {
            return Err(foreign(format!("its application id is {id:#010x}, not {APPLICATION:#010x}")));
        }
        if let Some(row) = tx.query_opt("SELECT name FROM sqlite_schema LIMIT 1", &[])? {
            return Err(foreign(format!("it already holds `{}`", row.text(0)?)));
        }
        tx.batch(&format!("PRAGMA application_id = {APPLICATION}; {table}"))?;
        return Ok(());
    }
    let tables = tx.query(
        "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = current_schema()",
        &[],
    )?;
    let mut first = None;
    for row in &tables {
        if row.text(0)? == "schema_step" {
            return Ok(());
        }
        first = Some(row.text(0)?);
    }
    match first {
        Some(first) => Err(foreign(format!("its schema already holds the table `{first}`"))),
        None => tx.batch(&rewrite::schema(table)),
    }
}
