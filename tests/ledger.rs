//! The book keeps what it confirmed, says so when it cannot, and every change of it is found and named.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use gatebook::event::{BODY_MAX, Body, System};
use gatebook::hex::Hex;
use gatebook::ledger::book::{Book, CannotRecord, Cause, Disk, Entry, OpenError, ReadError, Settings, StoredRecord};
use gatebook::ledger::chain;
use gatebook::ledger::earlier::Earlier;
use gatebook::ledger::keys;
use gatebook::ledger::verify::{self, Place, Report, Server};
use gatebook::quantity::Moment;
use rusqlite::Connection;
use rusqlite::types::Value;

const MIB: u64 = 1 << 20;
const START: Moment = Moment(1_795_000_000_000_000);

fn key() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

fn settings(folder: &Path) -> Settings {
    Settings {
        path: folder.join("door.db"),
        terminal: 3,
        limit_bytes: 64 * MIB,
        reserve_bytes: 0,
        keep: Duration::from_secs(60),
        seal_every: 7,
        seal_quiet: Duration::from_secs(3600),
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn open(settings: Settings) -> Book {
    let (book, opening) = Book::open(settings, key()).unwrap();
    assert_eq!(opening.rescued, None);
    book
}

fn said(text: &str) -> Entry {
    let body = Body::System(System::Health { subject: "scale".into(), ok: true, text: text.into() });
    Entry { at: START, zone_min: 480, body, marks: Vec::new() }
}

fn record(key: &str, version: u64, cursor: u64, body: &str) -> StoredRecord {
    let (kind, key, body) = ("unit".to_owned(), key.to_owned(), body.as_bytes().to_vec());
    StoredRecord { kind, key, version, cursor, body, signature: Hex([8; 64]) }
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn acknowledge(book: &Book, last: u64) {
    let head = book.hash_at(last).unwrap().unwrap();
    wait(book.acknowledge(Hex([9; 16]), last, head, Hex([1; 64]))).unwrap();
}

fn verified(path: &Path) -> Report {
    verify::verify(path, Some(&key().verifying_key())).unwrap()
}

fn sound(path: &Path) -> Report {
    let report = verified(path);
    assert_eq!(report.findings, [], "{}", path.display());
    report
}

fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// SplitMix64: the same numbers for the same seed, everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// A book with lines, seals, a cut, a changed key, a receipt, records and marks: every table has rows.
fn furnished(folder: &Path) -> PathBuf {
    let settings = Settings { keep: Duration::ZERO, limit_bytes: 4 * MIB, ..settings(folder) };
    let book = open(settings.clone());
    // Enough old, acknowledged bulk that the limit makes the book give some of it up.
    let bulk = "x".repeat(30_000);
    for _ in 0..20 {
        book.append_blocking((0..7).map(|_| said(&bulk)).collect()).unwrap();
        acknowledge(&book, book.state().last);
    }
    assert!(1 < book.state().first, "nothing was given up");
    for number in 0..10 {
        book.append_blocking(vec![Entry {
            marks: vec![(format!("pass/{number}"), Some(vec![number]))],
            ..said("used")
        }])
        .unwrap();
    }
    wait(book.rotate_key(SigningKey::from_bytes(&[6; 32]))).unwrap();
    acknowledge(&book, book.state().last);
    for _ in 0..10 {
        book.append_blocking(vec![said("later")]).unwrap();
    }
    wait(book.store_records(vec![record("K-1", 1, 4, "one"), record("K-2", 7, 5, "two")], 5)).unwrap();
    book.close();
    settings.path
}

type Rows = Vec<Vec<Value>>;

/// All values of all tables.
fn contents(path: &Path) -> Result<Vec<(String, Rows)>, rusqlite::Error> {
    let connection = Connection::open(path)?;
    let tables = ["book", "sealing_key", "line", "seal", "cut", "receipt", "inbox", "record", "mark"];
    let mut all = Vec::new();
    for table in tables {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2"))?;
        let columns = statement.column_count();
        let rows = statement.query_map((), |row| (0..columns).map(|column| row.get(column)).collect())?;
        all.push((table.to_owned(), rows.collect::<Result<_, _>>()?));
    }
    Ok(all)
}

#[test]
fn a_book_answers_like_a_plain_list() {
    for seed in 0..6 {
        println!("seed {seed}");
        let mut random = Random(seed);
        let folder = folder();
        let settings = settings(folder.path());
        let mut book = open(settings.clone());
        let mut lines: Vec<Vec<u8>> = Vec::new();
        let mut marks: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut records: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let (mut acknowledged, mut cursor) = (0, 0);
        for _ in 0..120 {
            match random.below(8) {
                0..4 => {
                    let entries: Vec<Entry> = (0..random.below(20))
                        .map(|_| {
                            let mut entry = said(&"t".repeat(random.below(300) as usize));
                            let name = format!("m{}", random.below(5));
                            entry.marks = match random.below(4) {
                                0 => vec![(name, None)],
                                1 => vec![(name, Some(vec![random.below(250) as u8]))],
                                _ => Vec::new(),
                            };
                            entry
                        })
                        .collect();
                    for entry in &entries {
                        lines.push(entry.body.encode());
                        for (name, value) in &entry.marks {
                            match value {
                                Some(value) => drop(marks.insert(name.clone(), value.clone())),
                                None => drop(marks.remove(name)),
                            }
                        }
                    }
                    let (count, before) = (entries.len() as u64, lines.len() as u64 - entries.len() as u64);
                    let written = wait(book.append(entries)).unwrap();
                    assert_eq!((written.first, written.last), (before + 1, before + count));
                    assert_eq!(book.hash_at(written.last).unwrap(), Some(written.head));
                }
                4 => {
                    let last = random.below(lines.len() as u64 + 1);
                    acknowledge(&book, last);
                    acknowledged = acknowledged.max(last);
                }
                5 => {
                    let (name, version) = (format!("K-{}", random.below(4)), random.below(6));
                    cursor += 1;
                    wait(book.store_records(vec![record(&name, version, cursor, "r")], cursor)).unwrap();
                    let held = records.entry(name).or_insert((version, cursor));
                    *held = (*held).max((version, cursor));
                }
                6 => {
                    book.close();
                    book = open(settings.clone());
                }
                _ => {
                    let from = random.below(lines.len() as u64 + 3).max(1);
                    let (most, bytes) = (random.below(30) as usize + 1, random.below(2000) as usize);
                    let got = book.lines(from, most, bytes).unwrap();
                    let mut left = bytes;
                    let mut want = Vec::new();
                    for body in lines.iter().skip(from as usize - 1).take(most) {
                        if !want.is_empty() && left < body.len() {
                            break;
                        }
                        left = left.saturating_sub(body.len());
                        want.push(body.clone());
                    }
                    let first = got.first().map(|line| line.seq);
                    assert_eq!(got.into_iter().map(|line| line.body.0).collect::<Vec<_>>(), want, "from {from}");
                    assert!(first.is_none_or(|first| first == from));
                }
            }
            let state = book.state();
            assert_eq!((state.last, state.acknowledged, state.cursor), (lines.len() as u64, acknowledged, cursor));
            assert_eq!(state.waiting, lines.len() as u64 - acknowledged);
            assert!(state.last - state.sealed < 7, "a seal is due after 7 lines");
        }
        assert_eq!(book.marks("m").unwrap(), marks.clone().into_iter().collect::<Vec<_>>());
        assert_eq!(book.mark("m1").unwrap(), marks.get("m1").cloned());
        let got: Vec<_> =
            book.records().unwrap().into_iter().map(|held| (held.key, (held.version, held.cursor))).collect();
        assert_eq!(got, records.into_iter().collect::<Vec<_>>());
        assert_eq!(book.cursor().unwrap(), cursor);
        book.close();
        let report = sound(&settings.path);
        assert_eq!((report.lines, report.unsealed), (lines.len() as u64, 0));
    }
}

#[test]
fn lines_of_many_callers_are_dense_and_each_is_there_once() {
    let folder = folder();
    let settings = settings(folder.path());
    let book = open(settings.clone());
    let mut spans: Vec<(u64, u64)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let book = book.clone();
                scope.spawn(move || {
                    let write = |_| book.append_blocking(vec![said("a"), said("b")]).unwrap();
                    (0..25).map(write).map(|written| (written.first, written.last)).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    spans.sort_unstable();
    let want: Vec<_> = (0..200).map(|number| (2 * number + 1, 2 * number + 2)).collect();
    assert_eq!(spans, want);
    drop(book);
    assert_eq!(sound(&settings.path).lines, 400);
}

#[test]
fn what_was_confirmed_is_there_after_the_process_is_gone_without_a_word() {
    let folder = folder();
    let settings = settings(folder.path());
    let path = settings.path.clone();
    let log = path.with_extension("db-wal");
    let book = open(settings.clone());
    let written = book.append_blocking((0..10).map(|_| said("kept")).collect()).unwrap();
    // The two files as a killed process leaves them; written back in place, so that the file stays the same file.
    let (file_bytes, log_bytes) = (std::fs::read(&path).unwrap(), std::fs::read(&log).unwrap());
    assert!(!log_bytes.is_empty());
    book.close();
    std::fs::write(&path, &file_bytes).unwrap();
    std::fs::write(&log, &log_bytes).unwrap();
    let book = open(settings.clone());
    assert_eq!((book.state().last, book.state().head), (written.last, written.head));
    book.close();
    // A log torn in its last frame loses only what was never confirmed.
    std::fs::write(&path, &file_bytes).unwrap();
    std::fs::write(&log, [log_bytes.as_slice(), &[7; 3000]].concat()).unwrap();
    let book = open(settings);
    assert_eq!(book.state().last, written.last);
}

#[test]
fn a_quiet_book_is_sealed() {
    let folder = folder();
    let settings = Settings { seal_quiet: Duration::from_millis(50), ..settings(folder.path()) };
    let book = open(settings.clone());
    book.append_blocking(vec![said("one"), said("two")]).unwrap();
    until("the seal", || book.state().sealed == 2);
    let seals = book.seals(1, 10).unwrap();
    assert_eq!(seals.iter().map(|seal| (seal.number, seal.first, seal.last)).collect::<Vec<_>>(), [(1, 1, 2)]);
    assert!(seals[0].holds(book.id(), chain::Seal::BEFORE_FIRST, &key().verifying_key()));
}

#[test]
fn a_changed_bit_in_any_value_is_found_and_named() {
    let folder = folder();
    let path = furnished(folder.path());
    let whole = std::fs::read(&path).unwrap();
    let copy = folder.path().join("copy.db");
    sound(&path);
    for (table, rows) in contents(&path).unwrap() {
        assert!(!rows.is_empty(), "{table} has no row to change");
        let connection = Connection::open(&path).unwrap();
        let statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        drop(statement);
        // The first, a middle and the last row.
        for row in [0, rows.len() / 2, rows.len() - 1] {
            for (column, name) in columns.iter().enumerate() {
                if name == "one" {
                    continue;
                }
                let changed = match &rows[row][column] {
                    Value::Integer(number) => Value::Integer(number ^ 1),
                    Value::Blob(bytes) => {
                        let mut bytes = bytes.clone();
                        let middle = bytes.len() / 2;
                        bytes[middle] ^= 4;
                        Value::Blob(bytes)
                    }
                    Value::Text(text) => Value::Text(format!("{}!", &text[1..])),
                    other => panic!("{other:?}"),
                };
                std::fs::write(&copy, &whole).unwrap();
                let connection = Connection::open(&copy).unwrap();
                connection.pragma_update(None, "ignore_check_constraints", true).unwrap();
                // A neighbour with the same number would refuse the change: it makes room.
                let keys: Vec<&str> =
                    columns.iter().take(if table == "record" { 2 } else { 1 }).map(String::as_str).collect();
                let same = keys.iter().map(|key| format!("{key} = ?")).collect::<Vec<_>>().join(" AND ");
                let sql = format!("UPDATE OR REPLACE {table} SET {name} = ? WHERE {same}");
                let values = std::iter::once(changed).chain(rows[row].iter().take(keys.len()).cloned());
                let updated = connection.execute(&sql, rusqlite::params_from_iter(values)).unwrap();
                assert_eq!(updated, 1);
                connection.close().unwrap();

                let report = verify::verify(&copy, None).unwrap();
                let number = |value: &Value| match value {
                    Value::Integer(number) => *number as u64,
                    other => panic!("{other:?}"),
                };
                let place = match table.as_str() {
                    "line" => Place::Line(number(&rows[row][0])),
                    "seal" => Place::Seal(number(&rows[row][0])),
                    _ => {
                        assert!(!report.is_sound(), "{table}.{name} of row {row} was changed and not found");
                        continue;
                    }
                };
                let named = report.findings.iter().any(|finding| finding.place == place);
                assert!(named, "{table}.{name} of row {row}: {place} is not among {:?}", report.findings);
                if table == "line" && name != "seq" {
                    let lines: Vec<_> =
                        report.findings.iter().filter(|finding| matches!(finding.place, Place::Line(_))).collect();
                    assert_eq!(lines.len(), 1, "{name}: only the changed line is to blame: {lines:?}");
                }
            }
        }
    }
}

#[test]
fn a_flipped_bit_anywhere_in_the_file_is_found_or_changed_nothing() {
    let folder = folder();
    let path = furnished(folder.path());
    let whole = std::fs::read(&path).unwrap();
    let before = contents(&path).unwrap();
    let copy = folder.path().join("copy.db");
    let mut found = 0;
    for seed in 0..400 {
        let mut random = Random(1000 + seed);
        let mut bytes = whole.clone();
        let at = match seed % 4 {
            // Small structures are hit more often than the bulk of the bodies.
            0 => random.below(4096),
            1 => random.below(bytes.len() as u64 / 4096) * 4096 + random.below(16),
            2 => random.below(40 * 4096),
            _ => random.below(bytes.len() as u64),
        } as usize;
        bytes[at] ^= 1 << random.below(8);
        std::fs::write(&copy, &bytes).unwrap();
        match verify::verify(&copy, None) {
            Ok(report) if report.is_sound() => {
                assert_eq!(
                    contents(&copy).ok(),
                    Some(before.clone()),
                    "seed {seed}, byte {at}: a change was not found"
                );
            }
            Ok(_) | Err(_) => found += 1,
        }
        for suffix in ["db-wal", "db-shm"] {
            let _ = std::fs::remove_file(copy.with_extension(suffix));
        }
    }
    assert!(100 < found, "only {found} of 400 flips were noticed at all");
}

#[test]
fn missing_lines_swapped_lines_and_a_cut_tail_are_found() {
    let folder = folder();
    let settings = settings(folder.path());
    let book = open(settings.clone());
    book.append_blocking((0..20).map(|number| said(&number.to_string())).collect()).unwrap();
    book.append_blocking((0..3).map(|_| said("tail")).collect()).unwrap();
    acknowledge(&book, 22);
    book.close();
    let whole = std::fs::read(&settings.path).unwrap();
    let copy = folder.path().join("copy.db");
    for (sql, want) in [
        ("DELETE FROM line WHERE seq = 5", "line 5: it is missing"),
        (
            "DELETE FROM line WHERE seq BETWEEN 5 AND 8",
            "line 5: it is missing, and the lines up to 8 with it (4 in all)",
        ),
        (
            "UPDATE line SET seq = CASE seq WHEN 5 THEN -6 ELSE -5 END WHERE seq IN (5, 6); UPDATE line SET seq = -seq WHERE seq < 0",
            "line 5: ",
        ),
        ("DELETE FROM line WHERE seq = 23", "line 23: it is missing: seal 2 covers up to line 23"),
        (
            "DELETE FROM line WHERE 20 < seq; DELETE FROM seal WHERE number = 2",
            "the server's receipt: the server confirmed line 22, but the book ends at line 20",
        ),
        ("DELETE FROM seal WHERE number = 1", "seal 1: it is missing before seal 2"),
        ("DELETE FROM mark; DELETE FROM sealing_key", "the key from seal 1 on: it is missing"),
        ("CREATE TABLE other (a)", "the file: its tables are not as they were made"),
    ] {
        std::fs::write(&copy, &whole).unwrap();
        let connection = Connection::open(&copy).unwrap();
        connection.pragma_update(None, "ignore_check_constraints", true).unwrap();
        connection.execute_batch(sql).unwrap();
        connection.close().unwrap();
        let findings: Vec<String> = verified(&copy).findings.iter().map(ToString::to_string).collect();
        assert!(findings.iter().any(|finding| finding.starts_with(want)), "{sql}: {findings:?}");
    }
}

#[test]
fn a_book_that_someone_made_anew_with_another_key_is_found_with_the_key_from_elsewhere() {
    let folder = folder();
    let path = settings(folder.path()).path;
    let (book, _) = Book::open(settings(folder.path()), SigningKey::from_bytes(&[66; 32])).unwrap();
    book.append_blocking(vec![said("false")]).unwrap();
    book.close();
    let alone = verify::verify(&path, None).unwrap();
    assert!(alone.is_sound() && !alone.key_given, "the file alone vouches for itself and says so");
    assert_eq!(verified(&path).findings[0].to_string(), "the file: the key given never sealed this book");
    let none = verify::verify(&folder.path().join("none.db"), None);
    assert!(matches!(none, Err(verify::VerifyError::Store { .. })));
}

#[test]
fn the_servers_signatures_are_checked_when_its_key_is_at_hand() {
    let folder = folder();
    let path = furnished(folder.path());
    let server = Server {
        receipt_holds: &|id, _, _, signature| id.terminal == 3 && signature == Hex([2; 64]),
        record_holds: &|record| record.key != "K-2",
    };
    let report = verify::verify_with_server(&path, None, Some(&server)).unwrap();
    let places: Vec<_> = report.findings.iter().map(|finding| finding.place.clone()).collect();
    assert_eq!(places, [Place::Receipt, Place::Record { kind: "unit".into(), key: "K-2".into() }]);
}

#[test]
fn a_changed_key_is_announced_under_the_old_one_and_opens_the_book_alone() {
    let folder = folder();
    let settings = settings(folder.path());
    let (key_path, new) = (folder.path().join("key"), SigningKey::from_bytes(&[6; 32]));
    let (book, _, old) = keys::open_with(settings.clone(), &key_path).unwrap();
    book.append_blocking(vec![said("before")]).unwrap();
    keys::prepare(&key_path, &new).unwrap();
    let written = wait(book.rotate_key(new.clone())).unwrap();
    assert_eq!((written.last, book.state().sealed), (2, 2));
    book.append_blocking(vec![said("after")]).unwrap();
    book.close();
    let seals = {
        let (book, _) = Book::open(settings.clone(), new.clone()).unwrap();
        let refused = book
            .append_blocking(vec![Entry { body: Body::System(System::KeyChanged { key: Hex([1; 32]) }), ..said("") }]);
        assert_eq!(refused, Err(CannotRecord::KeyChange));
        (book.id(), book.seals(1, 10).unwrap())
    };
    assert!(seals.1[0].holds(seals.0, chain::Seal::BEFORE_FIRST, &old.verifying_key()));
    assert!(seals.1[1].holds(seals.0, seals.1[0].signature, &new.verifying_key()));
    for key in [&old, &new] {
        assert!(verify::verify(&settings.path, Some(&key.verifying_key())).unwrap().is_sound());
    }
    assert!(matches!(Book::open(settings.clone(), old), Err(OpenError::OtherKey { .. })));
    // The power went before `adopt`: the key file still holds the old key, the new one lies beside it.
    let (book, _, found) = keys::open_with(settings, &key_path).unwrap();
    assert_eq!(found.to_bytes(), new.to_bytes());
    assert_eq!(keys::load(&key_path).unwrap().to_bytes(), new.to_bytes());
    drop(book);
}

#[test]
fn a_key_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let path = folder.path().join("keys/terminal.key");
    let key = keys::load_or_create(&path).unwrap();
    assert_eq!(keys::load_or_create(&path).unwrap().to_bytes(), key.to_bytes());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    assert!(matches!(keys::load(&path), Err(keys::KeyError::Open { mode: 0o640, .. })));
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::write(&path, "no key").unwrap();
    assert!(
        matches!(keys::load_or_create(&path), Err(keys::KeyError::NotAKey { .. })),
        "a damaged key is never replaced"
    );
}

#[test]
fn a_full_book_gives_up_acknowledged_lines_only_and_goes_on_by_itself() {
    let folder = folder();
    let settings =
        Settings { limit_bytes: 2 * MIB, reserve_bytes: 256 << 10, keep: Duration::ZERO, ..settings(folder.path()) };
    let book = open(settings.clone());
    let bulk = "x".repeat(20_000);
    let mut written = 0;
    let refused = loop {
        match book.append_blocking(vec![said(&bulk)]) {
            Ok(answer) => written = answer.last,
            Err(error) => break error,
        }
        assert!(written < 1000, "the limit does not hold");
    };
    assert!(matches!(&refused, CannotRecord::NoRoom { why } if why.contains("2 MiB")), "{refused}");
    assert!(matches!(book.state().disk, Disk::CannotRecord { .. }));
    assert!(!settings.path.with_extension("reserve").exists(), "the reserve is used up before the book gives up");
    assert_eq!((book.state().first, book.state().last), (1, written), "no unacknowledged line goes");
    assert_eq!(book.lines(1, 1000, usize::MAX).unwrap().len() as u64, written);
    let used =
        |extension: &str| std::fs::metadata(settings.path.with_extension(extension)).map_or(0, |file| file.len());
    assert!(used("db") + used("db-wal") <= 2 * MIB);

    // The server confirms half of it; recording goes on without anybody's help.
    acknowledge(&book, written / 2);
    until("room again", || !matches!(book.state().disk, Disk::CannotRecord { .. }));
    book.append_blocking(vec![said("again")]).unwrap();
    let state = book.state();
    assert!(1 < state.first && state.first <= written / 2 + 1, "{state:?}");
    assert!(matches!(book.lines(1, 10, 1000), Err(ReadError::Gone { asked: 1, first }) if first == state.first));
    assert_eq!(book.lines(state.first, 1000, usize::MAX).unwrap().len() as u64, state.last + 1 - state.first);
    assert!(book.hash_at(state.first - 1).unwrap().is_some(), "the head at the cut stays known");
    book.close();
    let report = sound(&settings.path);
    assert_eq!((report.first, report.last), (state.first, state.last));
    let book = open(settings);
    assert_eq!((book.state().first, book.state().last, book.state().head), (state.first, state.last, state.head));
}

#[test]
fn lines_within_their_time_are_kept_though_acknowledged() {
    let folder = folder();
    let settings = Settings { limit_bytes: MIB, keep: Duration::from_secs(3600), ..settings(folder.path()) };
    let book = open(settings);
    let bulk = "x".repeat(20_000);
    while let Ok(written) = book.append_blocking(vec![Entry { at: Moment::now(), ..said(&bulk) }]) {
        acknowledge(&book, written.last);
    }
    assert_eq!(book.state().first, 1);
}

/// Runs this test binary again for one test, with a bound on the size of files that the kernel enforces: a disk that
/// fails at the write, without root.
#[test]
fn a_failing_disk_loses_no_confirmed_line_and_recording_goes_on_by_itself() {
    const CHILD: &str = "GATEBOOK_TEST_SMALL_FILES";
    if std::env::var_os(CHILD).is_none() {
        let this = std::env::current_exe().unwrap();
        let name = "ledger::a_failing_disk_loses_no_confirmed_line_and_recording_goes_on_by_itself";
        let script = "trap '' XFSZ; ulimit -S -f 1000; exec \"$0\" --exact \"$1\" --nocapture";
        let status = Command::new("bash").args(["-c", script]).arg(this).arg(name).env(CHILD, "1").status().unwrap();
        assert!(status.success());
        return;
    }
    let folder = folder();
    let settings = settings(folder.path());
    let book = open(settings.clone());
    let bulk = "x".repeat(20_000);
    let mut written = 0;
    let refused = loop {
        match book.append_blocking(vec![said(&bulk)]) {
            Ok(answer) => written = answer.last,
            Err(error) => break error,
        }
        assert!(written < 1000, "the bound does not hold");
    };
    assert!(matches!(refused, CannotRecord::Store { .. } | CannotRecord::NoRoom { .. }), "{refused}");
    assert_eq!(book.state().last, written);
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Fsize, raised).unwrap();
    until("the disk again", || book.append_blocking(vec![said("again")]).is_ok());
    assert!(!matches!(book.state().disk, Disk::CannotRecord { .. }));
    assert!(written < book.state().last);
    book.close();
    let report = sound(&settings.path);
    assert_eq!(report.first, 1);
    assert!(written < report.last);
}

#[test]
fn a_mark_without_a_line_is_there_after_the_process_is_gone_and_changes_no_line() {
    let folder = folder();
    let settings = settings(folder.path());
    let book = open(settings.clone());
    book.append_blocking(vec![said("one")]).unwrap();
    let before = book.state();
    wait(book.set_marks(vec![("act".into(), Some(b"receive".to_vec())), ("old".into(), Some(vec![1]))])).unwrap();
    wait(book.set_marks(vec![("old".into(), None)])).unwrap();
    assert_eq!(book.state(), before, "no line came of it");
    // What a kill leaves behind: the files as they are now, without the orderly end.
    let left = folder.path().join("left");
    std::fs::create_dir(&left).unwrap();
    for name in ["door.db", "door.db-wal"] {
        std::fs::copy(folder.path().join(name), left.join(name)).unwrap();
    }
    let (after, _) = Book::open(Settings { path: left.join("door.db"), ..settings.clone() }, key()).unwrap();
    assert_eq!(after.mark("act").unwrap(), Some(b"receive".to_vec()));
    assert_eq!(after.mark("old").unwrap(), None);
    let error = wait(book.set_marks(vec![("long".into(), Some(vec![0; 65 * 1024]))])).unwrap_err();
    assert!(matches!(&error, CannotRecord::MarkTooLong { key, .. } if key == "long"), "{error}");
    let flood = (0..300).map(|n| (format!("m/{n}"), Some(vec![0; 60 * 1024]))).collect();
    assert!(matches!(wait(book.set_marks(flood)), Err(CannotRecord::TooMuch { .. })));
    book.close();
    sound(&settings.path);
}

#[test]
fn a_damaged_book_is_moved_aside_and_its_lines_are_saved() {
    for (sql, saved, chained) in [
        ("UPDATE line SET body = x'00' WHERE seq = 23", 23, 22),
        ("DELETE FROM line WHERE 20 < seq; DELETE FROM seal WHERE number = 2", 20, 20),
        ("UPDATE seal SET head = zeroblob(32) WHERE number = 2", 23, 23),
        ("DELETE FROM book", 23, 0),
    ] {
        let folder = folder();
        let settings = settings(folder.path());
        let book = open(settings.clone());
        let marked = Entry { marks: vec![("pass/1".into(), Some(vec![1]))], ..said("marked") };
        book.append_blocking((0..20).map(|_| marked.clone()).collect()).unwrap();
        book.append_blocking((0..3).map(|_| said("tail")).collect()).unwrap();
        wait(book.store_records(vec![record("K-1", 1, 4, "one")], 4)).unwrap();
        acknowledge(&book, 22);
        let id = book.id();
        book.close();
        Connection::open(&settings.path).unwrap().execute_batch(sql).unwrap();
        let damaged = std::fs::read(&settings.path).unwrap();

        let (book, opening) = Book::open(settings.clone(), key()).unwrap();
        let rescue = opening.rescued.expect(sql);
        assert_eq!((rescue.cause, rescue.lines, rescue.chained), (Cause::Damaged, saved, chained), "{sql}");
        assert_eq!(std::fs::read(&rescue.moved_to).unwrap(), damaged, "the damaged file stays as it was found");
        assert_ne!(book.id().epoch, id.epoch, "a new epoch: no number is used twice");
        assert_eq!(book.state().last, 0);
        assert_eq!(book.mark("pass/1").unwrap(), Some(vec![1]), "the terminal's own state goes on");
        assert_eq!((book.records().unwrap().len(), book.cursor().unwrap()), (1, 4));
        book.append_blocking(vec![said("the door keeps working")]).unwrap();

        let waiting = book.earlier().unwrap();
        if sql == "DELETE FROM book" {
            assert_eq!(waiting, [] as [PathBuf; 0], "nobody can say whose lines these are");
            continue;
        }
        assert_eq!(waiting, [rescue.salvage.unwrap()]);
        let earlier = Earlier::open(&waiting[0]).unwrap();
        assert_eq!((earlier.id(), earlier.first(), earlier.last()), (id, 1, chained));
        assert_eq!(earlier.lines(1, 1000, usize::MAX).unwrap().len() as u64, chained);
        earlier.finish().unwrap();
        assert_eq!(book.earlier().unwrap(), [] as [PathBuf; 0]);
        drop(book);
        let again = open(settings);
        assert_eq!(again.state().last, 1, "the new book opens as any other");
    }
}

#[test]
fn a_destroyed_file_an_emptied_file_and_an_orphaned_log_do_not_stop_the_door() {
    let wreck: [fn(&Path); 4] = [
        |path| std::fs::write(path, vec![0xa5; 40_000]).unwrap(),
        |path| std::fs::write(path, b"").unwrap(),
        |path| std::fs::rename(path, path.with_extension("db-wal")).unwrap(),
        |path| {
            let bytes = std::fs::read(path).unwrap();
            std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        },
    ];
    for (number, wreck) in wreck.iter().enumerate() {
        let folder = folder();
        let settings = settings(folder.path());
        let book = open(settings.clone());
        book.append_blocking((0..2000).map(|number| said(&number.to_string())).collect()).unwrap();
        book.close();
        wreck(&settings.path);
        let (book, opening) = Book::open(settings.clone(), key()).unwrap();
        assert!(opening.rescued.is_some(), "wreck {number}");
        book.append_blocking(vec![said("on")]).unwrap();
        book.close();
        assert_eq!(sound(&settings.path).lines, 1);
    }
}

#[test]
fn a_copied_book_starts_an_epoch_of_its_own_and_its_lines_still_reach_the_server() {
    let folder = folder();
    let settings = settings(folder.path());
    let book = open(settings.clone());
    book.append_blocking((0..9).map(|_| Entry { marks: vec![("m".into(), Some(vec![2]))], ..said("x") }).collect())
        .unwrap();
    let (id, head) = (book.id(), book.state().head);
    book.close();
    // Brought back from a backup: the same bytes in another file.
    let backup = folder.path().join("backup");
    std::fs::copy(&settings.path, &backup).unwrap();
    std::fs::rename(&backup, &settings.path).unwrap();
    let (book, opening) = Book::open(settings.clone(), key()).unwrap();
    assert_eq!(opening.rescued.map(|rescue| (rescue.cause, rescue.chained)), Some((Cause::Copied, 9)));
    assert_ne!(book.id(), id);
    assert_eq!(book.mark("m").unwrap(), Some(vec![2]));
    let earlier = Earlier::open(&book.earlier().unwrap()[0]).unwrap();
    assert_eq!((earlier.id(), earlier.last(), earlier.head()), (id, 9, head));
    assert_eq!(earlier.seals(1, 10).unwrap().last().map(|seal| seal.last), Some(9));
    book.close();
    open(settings);
}

#[test]
fn a_file_that_is_not_ours_to_continue_is_left_alone() {
    let folder = folder();
    let settings = settings(folder.path());
    let path = &settings.path;
    let refuse = |settings: &Settings| Book::open(settings.clone(), key()).map(|_| ()).unwrap_err();

    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "shopping: rings, boxes, and a text longer than a hundred bytes".repeat(5)).unwrap();
    let error = refuse(&Settings { path: text.clone(), ..settings.clone() });
    assert!(matches!(error, OpenError::NotOurFile { .. }), "{error}");
    let other = folder.path().join("other.sqlite");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1)").unwrap();
    let error = refuse(&Settings { path: other.clone(), ..settings.clone() });
    assert!(matches!(error, OpenError::NotOurFile { .. }), "{error}");
    assert!(text.exists() && other.exists());

    let book = open(settings.clone());
    let error = refuse(&settings);
    assert!(matches!(error, OpenError::Locked { pid: Some(pid), .. } if pid == std::process::id()), "{error}");
    book.close();

    let error = refuse(&Settings { terminal: 4, ..settings.clone() });
    assert!(matches!(error, OpenError::OtherTerminal { found: 3, wanted: 4, .. }), "{error}");
    Connection::open(path).unwrap().pragma_update(None, "user_version", 2).unwrap();
    let error = refuse(&settings);
    assert!(matches!(error, OpenError::NewerVersion { found: 2, known: 1, .. }), "{error}");
    Connection::open(path).unwrap().pragma_update(None, "user_version", 1).unwrap();
    open(settings);
}

#[test]
fn what_cannot_become_a_line_is_refused_with_its_reason() {
    let folder = folder();
    let book = open(settings(folder.path()));
    let long = book.append_blocking(vec![said("short"), said(&"x".repeat(BODY_MAX))]).unwrap_err();
    assert!(matches!(long, CannotRecord::TooLong { index: 1, bytes } if BODY_MAX < bytes), "{long}");
    let mark = Entry { marks: vec![("k".repeat(300), None)], ..said("") };
    assert!(matches!(book.append_blocking(vec![mark]), Err(CannotRecord::MarkTooLong { bytes: 300, .. })));
    let many = book.append_blocking(vec![said(""); 10_001]);
    assert_eq!(many, Err(CannotRecord::TooMany { entries: 10_001 }));
    let much = book.append_blocking(vec![said(&"x".repeat(60_000)); 300]);
    assert!(matches!(much, Err(CannotRecord::TooMuch { .. })));
    assert_eq!(book.state().last, 0, "nothing of a refused call is recorded");
    let wrong = wait(book.acknowledge(Hex([1; 16]), 0, Hex([1; 32]), Hex([1; 64])));
    assert_eq!(wrong, Err(CannotRecord::OtherHead { last: 0 }));
    let other = book.clone();
    book.close();
    assert_eq!(other.append_blocking(vec![said("late")]), Err(CannotRecord::Closed));
}

#[test]
fn a_restored_server_takes_its_place_back_and_the_same_server_never_does() {
    let folder = folder();
    let book = open(settings(folder.path()));
    book.append_blocking((0..9).map(|_| said("x")).collect()).unwrap();
    let receipt = |epoch: u8, last: u64| {
        let head = book.hash_at(last).unwrap().unwrap();
        wait(book.acknowledge(Hex([epoch; 16]), last, head, Hex([1; 64]))).unwrap();
        (book.state().acknowledged, book.state().waiting)
    };
    assert_eq!(receipt(1, 8), (8, 1));
    assert_eq!(receipt(1, 5), (8, 1), "an answer that came late");
    assert_eq!(receipt(2, 5), (5, 4), "the server was restored from a backup");
}

#[test]
fn a_book_found_damaged_while_it_ran_is_not_continued_at_the_next_start() {
    let folder = folder();
    let settings = settings(folder.path());
    let book = open(settings.clone());
    book.append_blocking(vec![said("one"), said("two")]).unwrap();
    let id = book.id();
    book.close();
    std::fs::write(settings.path.with_extension("damaged"), "the disk lost lines").unwrap();
    let (book, opening) = Book::open(settings.clone(), key()).unwrap();
    let rescue = opening.rescued.unwrap();
    assert_eq!((rescue.why.as_str(), rescue.lines), ("the disk lost lines", 2));
    assert_ne!(book.id(), id);
    book.close();
    open(settings);
}

#[test]
fn the_terminal_keeps_recording_while_its_book_is_verified() {
    let folder = folder();
    let settings = settings(folder.path());
    let book = open(settings.clone());
    std::thread::scope(|scope| {
        let verifier = scope.spawn(|| (0..20).map(|_| sound(&settings.path).last).collect::<Vec<_>>());
        for _ in 0..100 {
            book.append_blocking(vec![said("meanwhile")]).unwrap();
        }
        assert!(verifier.join().unwrap().is_sorted(), "each look sees one moment of the book");
    });
}

#[test]
fn nothing_is_confirmed_into_a_file_that_no_name_leads_to() {
    let folder = folder();
    let settings = settings(folder.path());
    let book = open(settings.clone());
    book.append_blocking(vec![said("one")]).unwrap();
    let elsewhere = folder.path().join("elsewhere");
    std::fs::rename(&settings.path, &elsewhere).unwrap();
    let refused = book.append_blocking(vec![said("two")]).unwrap_err();
    assert!(refused.to_string().contains("removed or replaced"), "{refused}");
    std::fs::rename(&elsewhere, &settings.path).unwrap();
    book.append_blocking(vec![said("two")]).unwrap();
    book.close();
    assert_eq!(sound(&settings.path).last, 2);
}
