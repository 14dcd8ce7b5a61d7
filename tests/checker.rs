//! The independent checker: it knows the written format of a book (docs/sync.md) and nothing of the program. It opens the
//! files, computes every hash anew, and compares what was acknowledged with what is there.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// A line that somebody saw confirmed: epoch, number, hash (hex).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acknowledged {
    pub terminal: u32,
    pub epoch: String,
    pub seq: u64,
    pub hash: String,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One row with everything that the hash covers.
struct Row {
    seq: i64,
    at_us: i64,
    zone_min: i64,
    mono_us: i64,
    kind: i64,
    schema: i64,
    body: Vec<u8>,
    hash: Vec<u8>,
}

/// The chain of docs/sync.md, written a second time on purpose.
fn recompute(terminal: u32, epoch: &[u8], rows: &[Row], name: &str) {
    let mut first = blake3::Hasher::new();
    first.update(b"gatebook book v1").update(&terminal.to_le_bytes()).update(epoch);
    let mut previous = *first.finalize().as_bytes();
    for (row, due) in rows.iter().zip(1..) {
        assert_eq!(row.seq, due, "{name}: a line is missing or doubled");
        let mut hasher = blake3::Hasher::new();
        hasher.update(&previous);
        hasher.update(&(row.seq as u64).to_le_bytes());
        hasher.update(&row.at_us.to_le_bytes());
        hasher.update(&(row.zone_min as i16).to_le_bytes());
        hasher.update(&row.mono_us.to_le_bytes());
        hasher.update(&[row.kind as u8]);
        hasher.update(&(row.schema as u16).to_le_bytes());
        hasher.update(&(row.body.len() as u32).to_le_bytes());
        hasher.update(&row.body);
        previous = *hasher.finalize().as_bytes();
        assert_eq!(row.hash, previous, "{name}: line {due} does not fit the chain");
    }
}

/// Lines of a terminal's book by number. Panics when the chain is broken.
pub fn terminal_book(path: &Path) -> (u32, String, BTreeMap<u64, String>) {
    let name = path.display().to_string();
    let book = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let sound: String = book.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok", "{name}");
    let (terminal, epoch): (u32, Vec<u8>) =
        book.query_row("SELECT terminal, epoch FROM book", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let mut lines =
        book.prepare("SELECT seq, at_us, zone_min, mono_us, kind, schema, body, hash FROM line ORDER BY seq").unwrap();
    let rows: Vec<Row> = lines
        .query_map([], |row| {
            Ok(Row {
                seq: row.get(0)?,
                at_us: row.get(1)?,
                zone_min: row.get(2)?,
                mono_us: row.get(3)?,
                kind: row.get(4)?,
                schema: row.get(5)?,
                body: row.get(6)?,
                hash: row.get(7)?,
            })
        })
        .unwrap()
        .map(Result::unwrap)
        .collect();
    recompute(terminal, &epoch, &rows, &name);
    (terminal, hex(&epoch), rows.iter().map(|row| (row.seq as u64, hex(&row.hash))).collect())
}

/// Every acknowledged line stands in the terminal's book as it was acknowledged, and exactly once at the server; and the
/// server has the whole book. `central` is what the REST interface returned: (terminal, epoch, seq, hash) per line.
pub fn check(acknowledged: &[Acknowledged], book: &Path, central: &[Acknowledged]) {
    let (terminal, epoch, lines) = terminal_book(book);
    for line in acknowledged {
        assert_eq!((line.terminal, &line.epoch), (terminal, &epoch), "acknowledged under another book");
        assert_eq!(
            lines.get(&line.seq),
            Some(&line.hash),
            "line {} was acknowledged and is not in {} as it was",
            line.seq,
            book.display()
        );
    }
    let mut times: BTreeMap<(u64, &str), u32> = BTreeMap::new();
    for line in central.iter().filter(|line| line.terminal == terminal && line.epoch == epoch) {
        *times.entry((line.seq, &line.hash)).or_default() += 1;
    }
    for (seq, hash) in &lines {
        assert_eq!(times.remove(&(*seq, hash.as_str())), Some(1), "line {seq} of terminal {terminal} at the server");
    }
    assert!(times.is_empty(), "the server has lines of terminal {terminal} that its book lacks: {times:?}");
}
