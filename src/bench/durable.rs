//! Read to durable line to ok: one line at a time, and in groups.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use rusqlite::Connection;

use super::{Figure, micros, percentile};
use crate::event::{Act, Body, Handling, Movement, Piece};
use crate::identity::Identifier;
use crate::ledger::book::{Book, Entry, Settings};
use crate::quantity::{Moment, Quantity};

const SINGLES: usize = 1_000;
const GROUP: usize = 256;
const GROUPS: usize = 40;

/// What a scanned code becomes.
fn entry(number: usize) -> Entry {
    let code = Identifier::of_symbol(None, format!("BENCH-{number:08}").as_bytes()).to_string();
    let handling = Handling {
        station: "bench".into(),
        read_point: "BENCH".into(),
        device: "scanner".into(),
        person: Some(1),
        document: None,
    };
    let body = Body::Movement(Movement {
        act: Act::Receive,
        what: vec![Piece { code, quantity: Quantity::ONE_PIECE }],
        from: None,
        to: Some("BENCH".into()),
        to_person: None,
        handling,
        exceptions: Vec::new(),
    });
    Entry { at: Moment::now(), zone_min: 0, body, marks: Vec::new() }
}

/// # Errors
/// When a book or file cannot be made in `folder`.
pub fn measure(folder: &Path) -> Result<Vec<Figure>, String> {
    let settings = Settings {
        path: folder.join("bench-book.db"),
        terminal: 1,
        limit_bytes: 1 << 30,
        reserve_bytes: 0,
        keep: Duration::from_secs(3600),
        seal_every: 1_000,
        seal_quiet: Duration::from_secs(5),
    };
    let (book, _) = Book::open(settings, SigningKey::from_bytes(&[7; 32])).map_err(|error| error.to_string())?;
    let mut log = File::create(folder.join("bench-log")).map_err(|error| error.to_string())?;
    let payload = entry(0).body.encode();
    // Taken in turns, so that both meet the same moments of a noisy machine.
    let (mut lines, mut syncs) = (Vec::with_capacity(SINGLES), Vec::with_capacity(SINGLES));
    for number in 0..SINGLES {
        let began = Instant::now();
        book.append_blocking(vec![entry(number)]).map_err(|error| error.to_string())?;
        lines.push(began.elapsed());
        let began = Instant::now();
        log.write_all(&payload).and_then(|()| log.sync_data()).map_err(|error| error.to_string())?;
        syncs.push(began.elapsed());
    }
    lines.sort();
    syncs.sort();
    let single = |share, name| {
        Figure::new(name, micros(percentile(&lines, share)), "us")
            .beside("bare file + fdatasync", micros(percentile(&syncs, share)))
    };
    let mut figures = vec![
        single(0.5, "read to durable line to ok, single, p50"),
        single(0.99, "read to durable line to ok, single, p99"),
    ];

    let mut bare = Connection::open(folder.join("bench-bare.db")).map_err(|error| error.to_string())?;
    bare.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE line (seq INTEGER PRIMARY KEY, body BLOB) STRICT;",
    )
    .map_err(|error| error.to_string())?;
    let (mut book_time, mut bare_time) = (Duration::ZERO, Duration::ZERO);
    for group in 0..GROUPS {
        let entries: Vec<Entry> = (0..GROUP).map(|number| entry(group * GROUP + number)).collect();
        let bodies: Vec<Vec<u8>> = entries.iter().map(|entry| entry.body.encode()).collect();
        let began = Instant::now();
        book.append_blocking(entries).map_err(|error| error.to_string())?;
        book_time += began.elapsed();
        let began = Instant::now();
        insert(&mut bare, &bodies).map_err(|error| error.to_string())?;
        bare_time += began.elapsed();
    }
    book.close();
    let per_second = |time: Duration| (GROUP * GROUPS) as f64 / time.as_secs_f64();
    figures.push(
        Figure::new(format!("durable lines in groups of {GROUP}"), per_second(book_time), "lines/s")
            .beside("bare SQLite, same groups", per_second(bare_time)),
    );
    Ok(figures)
}

fn insert(bare: &mut Connection, bodies: &[Vec<u8>]) -> rusqlite::Result<()> {
    let tx = bare.transaction()?;
    {
        let mut insert = tx.prepare_cached("INSERT INTO line (body) VALUES (?1)")?;
        for body in bodies {
            insert.execute([body])?;
        }
    }
    tx.commit()
}
