//! Lines taken in by the server per second, with everything that is derived from them, beside a bare bulk insert of the
//! same rows.

use std::path::Path;
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;

use super::Figure;
use crate::event::{Act, Body, Handling, Movement, Piece};
use crate::hex::{Hex, HexBytes};
use crate::ledger::chain::{BookId, Line, genesis, link};
use crate::quantity::{Moment, Quantity};
use crate::server::book::{ServerKey, decide};
use crate::server::database::{Database, DatabaseError, Value};
use crate::server::intake::{Intake, take_in};
use crate::sync::wire::Batch;

/// Lines in one batch, as terminals send them after an outage.
const BATCH: u64 = 1_000;
const BATCHES: u64 = 12;
/// Things that the lines move about.
const UNITS: u64 = 5_000;

const SEED: [u8; 32] = [9; 32];
const TERMINAL: u32 = 1;

/// Scans of things that go from place to place.
fn line(seq: u64, previous: Hex<32>) -> Line {
    let handling = Handling {
        station: "bench".into(),
        read_point: "BENCH".into(),
        device: "scanner".into(),
        person: Some(1),
        document: None,
    };
    let unit = seq.wrapping_mul(2_654_435_761) % UNITS;
    let body = Body::Movement(Movement {
        act: Act::Move,
        what: vec![Piece { code: format!("own/UNIT-{unit:06}"), quantity: Quantity::ONE_PIECE }],
        from: None,
        to: Some(format!("P-{:02}", seq % 40)),
        to_person: None,
        handling,
        exceptions: Vec::new(),
    });
    let mut line = Line {
        seq,
        at: Moment(1_795_000_000_000_000 + i64::try_from(seq).unwrap_or(i64::MAX) * 1_000),
        zone_min: 480,
        mono_us: 0,
        kind: body.kind(),
        schema: body.schema(),
        body: HexBytes(body.encode()),
        hash: Hex([0; 32]),
    };
    line.hash = link(previous, &line);
    line
}

fn batches() -> Vec<Batch> {
    let book = BookId { terminal: TERMINAL, epoch: Hex([3; 16]) };
    let mut head = genesis(book);
    let mut batches = Vec::new();
    for number in 0..BATCHES {
        let previous = head;
        let lines: Vec<Line> = (number * BATCH + 1..=(number + 1) * BATCH)
            .map(|seq| {
                let line = line(seq, head);
                head = line.hash;
                line
            })
            .collect();
        batches.push(Batch { book, previous, lines, seals: Vec::new(), at: Moment::now(), waiting: 0 });
    }
    batches
}

/// # Errors
/// When a database cannot be used.
pub async fn measure(folder: &Path, postgres: Option<&str>) -> Result<Vec<Figure>, String> {
    let sqlite = folder.join("bench-server.db").display().to_string();
    let mut figures = vec![engine("SQLite", &sqlite).await?];
    if let Some(url) = postgres {
        figures.push(engine("PostgreSQL", url).await?);
    }
    Ok(figures)
}

async fn engine(name: &str, url: &str) -> Result<Figure, String> {
    let words = |error: DatabaseError| error.to_string();
    let database = Database::open(url).await.map_err(words)?;
    let server = database.write(ServerKey::load).await.map_err(words)?;
    let public = Hex(SigningKey::from_bytes(&SEED).verifying_key().to_bytes());
    let key = server.clone();
    let enrolled = database.write(move |tx| {
        let ruling = crate::event::Ruling::Enrol { terminal: TERMINAL, name: "bench".into(), key: public };
        decide(tx, &key, Hex([1; 16]), None, ruling, Moment::now())
    });
    enrolled.await.map_err(|error| format!("{error}; name an empty database with --postgres"))?;
    let (mut ours, mut bare) = (Duration::ZERO, Duration::ZERO);
    bare_table(&database).await.map_err(words)?;
    // Taken in turns, so that both meet the same moments of a noisy machine.
    for batch in batches() {
        let rows: Vec<Vec<Value>> = batch.lines.iter().map(row).collect();
        let key = server.clone();
        let began = Instant::now();
        let taken = database.write(move |tx| take_in(tx, &key, &batch, Moment::now())).await.map_err(words)?;
        ours += began.elapsed();
        if let Intake::Refused(refused) = taken {
            return Err(refused.to_string());
        }
        let began = Instant::now();
        let insert = database.write(move |tx| {
            tx.execute_many(
                "INSERT INTO bench_bare (seq, body, hash) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                &rows,
            )
        });
        insert.await.map_err(words)?;
        bare += began.elapsed();
    }
    database.write(|tx| tx.execute("DROP TABLE bench_bare", &[])).await.map_err(words)?;
    let per_second = |time: Duration| (BATCH * BATCHES) as f64 / time.as_secs_f64();
    let peer = if name == "SQLite" { "bare prepared insert" } else { "bare unnest" };
    Ok(Figure::new(format!("server intake with projections, {name}"), per_second(ours), "lines/s")
        .beside(peer, per_second(bare)))
}

async fn bare_table(database: &Database) -> Result<u64, DatabaseError> {
    let table = "CREATE TABLE bench_bare (seq INTEGER PRIMARY KEY, body BLOB NOT NULL, hash BLOB NOT NULL) STRICT";
    database.write(|tx| tx.execute(table, &[])).await
}

fn row(line: &Line) -> Vec<Value> {
    vec![line.seq.into(), line.body.0.clone().into(), line.hash.into()]
}
