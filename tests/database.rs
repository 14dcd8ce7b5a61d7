//! The store: one text for both engines, and clear words when it cannot be used.

use std::time::Duration;

use gatebook::server::database::{Database, DatabaseError, Value};

use crate::central::{at, on_every_engine, own, sqlite};
use gatebook::event::Act;

#[test]
fn one_text_serves_both_engines() {
    on_every_engine(async |central| {
        let wrote = central
            .database
            .write(|tx| {
                tx.execute("CREATE TABLE scratch_pad (a INTEGER PRIMARY KEY, b TEXT, c BLOB)", &[])?;
                let insert = "INSERT INTO scratch_pad (a, b, c) VALUES (?1, ?2, ?3) ON CONFLICT (a) DO UPDATE SET b = excluded.b";
                let row = |n: i64| vec![n.into(), format!("t{n}").into(), Value::Blob(vec![n as u8])];
                tx.execute_many(insert, &(0..25_000).map(row).collect::<Vec<_>>())?;
                tx.execute_many(insert, &[vec![3_i64.into(), Value::Null, Value::Null]])?;
                let rows = [vec![1_i64.into(), "one".into()], vec![2_i64.into(), "two".into()]];
                tx.execute_many("UPDATE scratch_pad SET b = ?2 WHERE a = ?1", &rows)?;
                tx.execute_many("DELETE FROM scratch_pad WHERE a = ?1", &[vec![5_i64.into()], vec![6_i64.into()]])
            })
            .await;
        wrote.unwrap();
        let rows = central
            .read(|tx| {
                let mut rows =
                    tx.query_many("SELECT a, b FROM scratch_pad WHERE a = ?1", &[1, 2, 3, 5].map(Value::Int))?;
                rows.sort_by_key(|row| row.int(0).unwrap());
                let count = tx.query("SELECT count(*), CAST(sum(a) AS INTEGER) FROM scratch_pad", &[])?;
                let last = tx.query_opt("SELECT b FROM scratch_pad ORDER BY a DESC LIMIT ?1", &[1_i64.into()])?;
                let values = |rows: &[gatebook::server::database::Row]| -> Vec<Value> {
                    rows.iter().flat_map(|row| row.values().to_vec()).collect()
                };
                Ok((values(&rows), values(&count), last.unwrap().text(0)?.to_owned()))
            })
            .await;
        let want = [Value::Int(1), "one".into(), Value::Int(2), "two".into(), Value::Int(3), Value::Null];
        assert_eq!(rows.0, want, "{}", central.engine);
        assert_eq!(rows.1, [Value::Int(24_998), Value::Int(24_999 * 25_000 / 2 - 11)], "{}", central.engine);
        assert_eq!(rows.2, "t24999");
    });
}

#[test]
fn what_fails_leaves_nothing_and_readers_cannot_write() {
    on_every_engine(async |central| {
        let failed: Result<(), DatabaseError> = central
            .database
            .write(|tx| {
                tx.execute("INSERT INTO enrolment_code (hash, until_us) VALUES (?1, 1)", &[vec![1].into()])?;
                Err(DatabaseError::Statement("the caller changed its mind".into()))
            })
            .await;
        assert!(failed.is_err());
        let broke: Result<(), DatabaseError> = central
            .database
            .write(|tx| {
                tx.execute("INSERT INTO enrolment_code (hash, until_us) VALUES (?1, 1)", &[vec![2].into()])?;
                panic!("a fault of the program, made on purpose by this test")
            })
            .await;
        assert!(matches!(broke, Err(DatabaseError::BrokeOff)));
        assert_eq!(central.number("SELECT count(*) FROM enrolment_code").await, 0);
        let sneaked = central.database.read(|tx| tx.execute("DELETE FROM enrolment_code", &[])).await;
        assert!(sneaked.is_err(), "{}: a reader wrote", central.engine);
        let wrong = central.read(|tx| Ok(tx.query("SELECT 'text' AS shape", &[])?[0].int(0).unwrap_err())).await;
        assert_eq!(wrong.to_string(), "column 0 (shape) holds a text where an integer is due");
    });
}

#[test]
fn who_listens_hears_of_new_lines_on_every_replica() {
    on_every_engine(async |central| {
        let replica = match central.engine {
            "SQLite" => central.database.clone(),
            _ => Database::open(&central.url).await.unwrap(),
        };
        let mut ear = replica.subscribe();
        // The replica's ear needs a moment until it is at the channel.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut door = central.enrol(1).await;
        door.act(at(1), Act::Receive, &[&own("R-1")], Some("V1"), None);
        central.take(door.whole()).await;
        let heard = async { ear.wait_for(|change| change.position == 2).await.map(|change| change.position) };
        assert_eq!(tokio::time::timeout(Duration::from_secs(10), heard).await.unwrap().unwrap(), 2);
    });
}

#[test]
fn a_lost_connection_is_made_again() {
    on_every_engine(async |central| {
        if central.engine != "PostgreSQL" {
            return;
        }
        central.number("SELECT count(*) FROM line").await;
        let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let gone = central.database.write(move |tx| tx.query(cut, &[])?[0].int(0)).await;
        assert!(2 <= gone.unwrap(), "the reader and the listener");
        tokio::time::sleep(Duration::from_millis(200)).await;
        central.number("SELECT count(*) FROM line").await;
        let mut ear = central.database.subscribe();
        let mut door = central.enrol(1).await;
        door.act(at(1), Act::Receive, &[&own("R-1")], Some("V1"), None);
        central.take(door.whole()).await;
        assert_eq!(ear.wait_for(|change| change.position == 2).await.unwrap().position, 2);
    });
}

#[test]
fn what_was_missed_while_the_line_was_cut_is_heard_of() {
    on_every_engine(async |central| {
        if central.engine != "PostgreSQL" {
            return;
        }
        let replica = Database::open(&central.url).await.unwrap();
        let mut ear = replica.subscribe();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        central.database.write(move |tx| tx.query(cut, &[])?[0].int(0)).await.unwrap();
        // The replica's ear is deaf for 2 s.
        central.enrol(1).await;
        let heard = async { ear.wait_for(|change| change.position == 1).await.map(|change| change.position) };
        assert_eq!(tokio::time::timeout(Duration::from_secs(20), heard).await.unwrap().unwrap(), 1);
    });
}

#[test]
fn thirty_two_writers_lose_nothing() {
    on_every_engine(async |central| {
        let writers = (0..32_u8).map(|n| {
            central.database.write(move |tx| {
                let next = tx.query_opt("SELECT count(*) FROM enrolment_code", &[])?.map_or(Ok(0), |row| row.int(0))?;
                tx.execute(
                    "INSERT INTO enrolment_code (hash, until_us) VALUES (?1, ?2)",
                    &[vec![n].into(), next.into()],
                )
            })
        });
        for done in futures_util::future::join_all(writers).await {
            done.unwrap();
        }
        assert_eq!(central.number("SELECT count(DISTINCT until_us) FROM enrolment_code").await, 32);
    });
}

#[test]
fn a_store_that_is_not_ours_is_left_alone() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(file("text"), "this is a diary, and it is long enough to be looked at as a database".repeat(20))
            .unwrap();
        let foreign = rusqlite::Connection::open(file("foreign")).unwrap();
        foreign.execute_batch("CREATE TABLE diary (day TEXT)").unwrap();
        let other = rusqlite::Connection::open(file("other")).unwrap();
        other.execute_batch("PRAGMA application_id = 77; CREATE TABLE diary (day TEXT)").unwrap();
        for (url, told) in [
            (file("text"), "is not a Gatebook server database"),
            (file("foreign"), "it already holds `diary`"),
            (file("other"), "application id"),
            (file("no/such/folder/x"), "cannot be opened"),
            ("mysql://localhost/x".into(), "only postgres:// and sqlite:"),
            (":memory:".into(), "name a file"),
            ("postgres://localhost/x?sslmode=require".into(), "TLS"),
            ("postgres://user:secret@127.0.0.1:9/x".into(), "postgres://…@127.0.0.1:9/x"),
        ] {
            let error = Database::open(&url).await.err().unwrap().to_string();
            assert!(error.contains(told) && !error.contains("secret"), "{url}: {error}");
        }
        let central = sqlite().await;
        central.tamper("UPDATE schema_step SET checksum = x'00' WHERE number = 2").await;
        let error = Database::open(&central.url).await.err().unwrap();
        assert!(matches!(error, DatabaseError::Changed { number: 2 }), "{error}");
        central.tamper("UPDATE schema_step SET number = 99 WHERE number = 2").await;
        let error = Database::open(&central.url).await.err().unwrap();
        assert!(matches!(error, DatabaseError::Newer { found: 99, .. }), "{error}");
    });
}
