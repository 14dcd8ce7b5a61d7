//! What an operator is promised of the link: nothing lost, nothing doubled, and the screen says what is wrong.

use std::time::Duration;

use ed25519_dalek::SigningKey;
use jiff::tz::TimeZone;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::event::{Body, System};
use crate::hex::Hex;
use crate::ledger::book::{Book, Entry, Settings as BookSettings};
use crate::ledger::chain::Line;
use crate::quantity::Moment;
use crate::sync::client::{EnrolError, Settings, Uplink, enrol};
use crate::sync::fake_server::{Fake, Fault};
use crate::sync::link::Link;
use crate::sync::transport::{Failure, Server};
use crate::sync::wire::SignedRecord;

/// A terminal with its book, and its link while `stop` is kept.
struct Terminal {
    book: Book,
    link: watch::Receiver<Link>,
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
    folder: TempDir,
}

fn terminal_key() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

fn book_settings(folder: &TempDir) -> BookSettings {
    BookSettings {
        path: folder.path().join("book.db"),
        terminal: 7,
        limit_bytes: 64 << 20,
        reserve_bytes: 4096,
        keep: Duration::from_secs(86_400),
        seal_every: 10,
        seal_quiet: Duration::from_millis(200),
    }
}

fn server(address: &str) -> Server {
    Server { url: format!("http://{address}"), pin: None, allow_plain_http: false, timeout: Duration::from_millis(800) }
}

fn entry(number: usize) -> Entry {
    let body = Body::System(System::Health { subject: format!("line {number}"), ok: true, text: String::new() });
    Entry { at: Moment::now(), zone_min: 480, body, marks: Vec::new() }
}

impl Terminal {
    fn start(fake: &Fake, address: &str) -> Terminal {
        let folder = tempfile::tempdir().unwrap();
        Terminal::start_in(folder, fake, address)
    }

    fn start_in(folder: TempDir, fake: &Fake, address: &str) -> Terminal {
        let (book, _) = Book::open(book_settings(&folder), terminal_key()).unwrap();
        Terminal::link_up(folder, book, fake, address)
    }

    fn link_up(folder: TempDir, book: Book, fake: &Fake, address: &str) -> Terminal {
        fake.with(|inside| inside.terminal_key = Some(terminal_key().verifying_key()));
        let settings = Settings {
            server: server(address),
            server_key: Hex(fake.key.verifying_key().to_bytes()),
            heartbeat: Duration::from_millis(300),
            program: "gatebook test".into(),
            zone: TimeZone::UTC,
            note: folder.path().join("data-as-of"),
        };
        let (_, troubles) = watch::channel(vec!["scanner: no answer".to_owned()]);
        let (uplink, link) = Uplink::new(book.clone(), terminal_key(), settings, troubles).unwrap();
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(uplink.run(stopped));
        Terminal { book, link, stop, running, folder }
    }

    async fn record(&self, count: usize) {
        for number in 0..count {
            self.book.append(vec![entry(number)]).await.unwrap();
        }
    }

    async fn until(&self, what: &str, mut holds: impl FnMut(&Terminal) -> bool) {
        for _ in 0..1_200 {
            if holds(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{what} did not come; the link: {:?}, the book: {:?}", *self.link.borrow(), self.book.state());
    }

    /// Until the server has every line and seal, and the book knows it.
    async fn until_all_is_there(&self, what: &str) {
        self.until(what, |terminal| {
            let state = terminal.book.state();
            state.waiting == 0 && 0 < state.last && state.sealed == state.last && self.link.borrow().trouble.is_none()
        })
        .await;
    }

    fn lines(&self) -> Vec<Line> {
        self.book.lines(1, 100_000, usize::MAX).unwrap()
    }

    async fn stop(self) -> TempDir {
        self.stop.send(true).unwrap();
        self.running.await.unwrap();
        let book = self.book;
        tokio::task::spawn_blocking(move || book.close()).await.unwrap();
        self.folder
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_whatever_becomes_of_a_batch() {
    use Fault::*;
    let scripts: [&[Fault]; 11] = [
        &[],
        &[Fails, Fails],
        &[TooLarge, TooLarge, TooLarge],
        &[Busy],
        &[Garbage],
        &[OtherKey],
        &[Hangs],
        &[CutAfterCommit, CutAfterCommit],
        &[HangsAfterCommit],
        &[Elsewhere, Elsewhere],
        &[CutAfterCommit, Fails, TooLarge, Elsewhere, HangsAfterCommit, Garbage],
    ];
    let runs = scripts.into_iter().map(|faults| async move {
        let fake = Fake::new();
        fake.with(|inside| inside.faults.extend(faults));
        let address = fake.serve("127.0.0.1:0").await.to_string();
        let terminal = Terminal::start(&fake, &address);
        terminal.record(60).await;
        let what = format!("all lines after {faults:?}");
        terminal.until(&what, |_| fake.with(|inside| inside.faults.is_empty())).await;
        terminal.record(5).await;
        terminal.until_all_is_there(&what).await;
        let own = terminal.lines();
        fake.with(|inside| {
            assert_eq!(inside.books.len(), 1, "{what}");
            assert_eq!(inside.books[0].lines, own, "{what}");
        });
        terminal.stop().await;
    });
    futures_util::future::join_all(runs).await;
}

/// The program is killed again and again while a bad network fails at random: the link holds nothing that is not in the book.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_killed_at_any_moment_goes_on_from_where_the_server_is() {
    use Fault::*;
    let runs = [11_u64, 12, 13].into_iter().map(|seed| async move {
        // A linear congruence (Knuth): the same seed gives the same faults.
        let mut random = seed;
        let mut draw = move |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        let fake = Fake::new();
        let faults = [CutAfterCommit, HangsAfterCommit, Fails, TooLarge, Elsewhere, Hangs, Garbage];
        let address = fake.serve("127.0.0.1:0").await.to_string();
        let mut terminal = Terminal::start(&fake, &address);
        for _ in 0..12 {
            fake.with(|inside| inside.faults.push_back(faults[draw(7) as usize]));
            terminal.record(draw(20) as usize).await;
            tokio::time::sleep(Duration::from_millis(draw(300))).await;
            terminal.running.abort();
            let Terminal { book, folder, .. } = terminal;
            terminal = Terminal::link_up(folder, book, &fake, &address);
        }
        fake.with(|inside| inside.faults.clear());
        terminal.record(1).await;
        terminal.until_all_is_there(&format!("the lines with seed {seed}")).await;
        fake.with(|inside| assert_eq!(inside.books[0].lines, terminal.lines(), "seed {seed}"));
        terminal.stop().await;
    });
    futures_util::future::join_all(runs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_later_gets_what_was_recorded_without_it() {
    let fake = Fake::new();
    let address = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().to_string()
    };
    let terminal = Terminal::start(&fake, &address);
    terminal.record(3).await;
    terminal
        .until("the outage on the screen", |terminal| terminal.link.borrow().trouble_key == Some("no_answer"))
        .await;
    assert!(!terminal.link.borrow().online);
    fake.serve(&address).await;
    // No new line comes: the timer alone must find the server.
    terminal.until_all_is_there("the lines of the outage").await;
    assert!(terminal.link.borrow().online);
    let hellos = fake.with(|inside| inside.hellos.len());
    terminal.until("signs of life in quiet times", |_| hellos + 3 < fake.with(|inside| inside.hellos.len())).await;
    fake.with(|inside| assert_eq!(inside.hellos.last().unwrap().troubles, ["scanner: no answer"]));
    terminal.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_is_loud_and_keeps_every_line() {
    let fake = Fake::new();
    let address = fake.serve("127.0.0.1:0").await.to_string();
    let terminal = Terminal::start(&fake, &address);
    terminal.record(5).await;
    terminal.until_all_is_there("the first lines").await;
    let before = fake.with(|inside| {
        let last = inside.books[0].lines.last_mut().unwrap();
        last.hash = Hex([3; 32]);
        inside.books[0].lines.clone()
    });
    terminal.until("the fork on the screen", |terminal| terminal.link.borrow().trouble_key == Some("forked")).await;
    terminal.record(5).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    fake.with(|inside| assert_eq!(inside.books[0].lines, before, "a forked book is not sent on"));
    let link = terminal.link.borrow().clone();
    assert!(link.online && link.trouble.unwrap().contains("all lines are kept here"));
    assert!(terminal.book.state().waiting >= 5);
    terminal.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_another_version_is_named_and_recording_goes_on() {
    let fake = Fake::new();
    fake.with(|inside| inside.version = 2);
    let address = fake.serve("127.0.0.1:0").await.to_string();
    let terminal = Terminal::start(&fake, &address);
    terminal.until("the version on the screen", |terminal| terminal.link.borrow().trouble_key == Some("version")).await;
    assert!(terminal.link.borrow().trouble.as_deref().unwrap().contains("update the older of the two"));
    terminal.record(5).await;
    fake.with(|inside| inside.version = 1);
    terminal.until_all_is_there("the lines after the update").await;
    terminal.stop().await;
}

fn record(cursor: u64, body: &str, key: &SigningKey) -> SignedRecord {
    SignedRecord::sign(cursor, body.as_bytes().to_vec(), key)
}

fn place(cursor: u64, code: &str, key: &SigningKey) -> SignedRecord {
    let body = format!(
        r#"{{"version":{cursor},"since_us":0,"kind":"place","code":"{code}","kind_of":"x","name":{{"zh":"","en":""}}}}"#
    );
    record(cursor, &body, key)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_come_down_signed_and_in_order() {
    let fake = Fake::new();
    let hold = |cursor: u64, number: &str| {
        let body = format!(
            r#"{{"version":{cursor},"since_us":0,"kind":"hold","number":"{number}","unit":"R-1","reason":{{"zh":"","en":""}}}}"#
        );
        record(cursor, &body, &fake.key)
    };
    fake.with(|inside| {
        inside.records = vec![hold(4, "H-1"), hold(9, "H-2"), place(11, "V1", &fake.key), hold(12, "H-1")];
    });
    let address = fake.serve("127.0.0.1:0").await.to_string();
    let terminal = Terminal::start(&fake, &address);
    terminal.until("the records", |terminal| terminal.book.state().cursor == 12).await;
    terminal.until("their age", |terminal| terminal.link.borrow().data_as_of.is_some()).await;
    let names: Vec<_> = terminal.book.records().unwrap().into_iter().map(|r| (r.kind, r.key, r.version)).collect();
    let named = |kind: &str, key: &str, version| (kind.to_owned(), key.to_owned(), version);
    // The place has a shape of a later version: kept under its cursor.
    assert_eq!(names, [named("hold", "H-1", 12), named("hold", "H-2", 9), named("place", "?11", 11)]);
    let stranger = SigningKey::from_bytes(&[2; 32]);
    fake.with(|inside| inside.records.push(place(20, "V2", &stranger)));
    terminal
        .until("the stranger's record refused", |terminal| terminal.link.borrow().trouble_key == Some("garbage"))
        .await;
    assert_eq!(terminal.book.state().cursor, 12);
    let folder = terminal.stop().await;
    let offline = Terminal::start_in(folder, &Fake::new(), "127.0.0.1:9");
    assert!(
        offline.link.borrow().data_as_of.is_some(),
        "the age of the data is known after a restart without a server"
    );
    offline.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_any_record_makes_the_data_fresh_at_the_first_answer() {
    let fake = Fake::new();
    let address = fake.serve("127.0.0.1:0").await.to_string();
    let terminal = Terminal::start(&fake, &address);
    terminal.until("the age of nothing", |terminal| terminal.link.borrow().data_as_of.is_some()).await;
    terminal.until("a second question", |_| fake.with(|inside| 2 <= inside.waits_s.len())).await;
    let waits = fake.with(|inside| inside.waits_s.clone());
    assert_eq!(waits.get(..2), Some([0, 25].as_slice()), "first what there is, then what comes");
    let first = terminal.link.borrow().data_as_of;
    terminal.until("a later empty answer", |terminal| first < terminal.link.borrow().data_as_of).await;
    terminal.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_restored_from_a_backup_gets_lines_and_records_again() {
    let fake = Fake::new();
    let hold = |cursor: u64| {
        let body = format!(
            r#"{{"version":{cursor},"since_us":0,"kind":"hold","number":"H-{cursor}","unit":"R-1","reason":{{"zh":"","en":""}}}}"#
        );
        record(cursor, &body, &fake.key)
    };
    let lost = vec![hold(7), hold(8)];
    fake.with(|inside| inside.records = [vec![hold(3)], lost.clone()].concat());
    let address = fake.serve("127.0.0.1:0").await.to_string();
    let terminal = Terminal::start(&fake, &address);
    terminal.record(25).await;
    terminal.until("the records", |terminal| terminal.book.state().cursor == 8).await;
    terminal.until_all_is_there("the lines").await;
    fake.with(|inside| {
        inside.epoch = Hex([2; 16]);
        inside.records.truncate(1);
        inside.books[0].lines.truncate(8);
        inside.books[0].seals.retain(|seal| seal.last <= 8);
    });
    let all = |terminal: &Terminal| fake.with(|inside| inside.books[0].lines.len()) == terminal.lines().len();
    terminal.until("the lines again", all).await;
    terminal.until("the new epoch in the book", |t| t.book.state().server_epoch == Some(Hex([2; 16]))).await;
    fake.with(|inside| assert_eq!(inside.returned, lost));
    fake.with(|inside| inside.records.push(hold(4)));
    terminal.until("what the restored server decides now", |terminal| terminal.book.state().cursor == 4).await;
    terminal.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_offset_of_the_clock_becomes_a_line_once() {
    let fake = Fake::new();
    fake.with(|inside| inside.ahead = Duration::from_secs(3600));
    let address = fake.serve("127.0.0.1:0").await.to_string();
    let terminal = Terminal::start(&fake, &address);
    terminal.until("some hellos", |_| 4 < fake.with(|inside| inside.hellos.len())).await;
    let offsets: Vec<_> = terminal
        .lines()
        .iter()
        .filter_map(|line| match Body::decode(line.kind, line.schema, &line.body.0) {
            Ok(Body::System(System::ClockOffset { offset_us, error_us })) => Some((offset_us, error_us)),
            _ => None,
        })
        .collect();
    let [(offset, error)] = offsets.as_slice() else { panic!("{offsets:?}") };
    assert!((offset - 3_600_000_000).abs() <= error + 1, "{offset} ± {error}");
    assert!(terminal.link.borrow().offset_us.is_some());
    terminal.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_makes_a_terminal() {
    let fake = Fake::new();
    let address = fake.serve("127.0.0.1:0").await.to_string();
    let enrolled = enrol(&server(&address), "K7Q2", "door-1", &terminal_key()).await.unwrap();
    assert_eq!((enrolled.terminal, enrolled.server_key), (7, Hex(fake.key.verifying_key().to_bytes())));
    let refused = enrol(&server(&address), "wrong", "door-1", &terminal_key()).await.unwrap_err();
    assert!(matches!(refused, EnrolError::Failure(Failure::NotAccepted(_))), "{refused}");
}

/// A book that could not be continued was moved aside; its sound lines must reach the server all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lines_of_an_earlier_book_arrive_too() {
    let fake = Fake::new();
    let folder = tempfile::tempdir().unwrap();
    let path = book_settings(&folder).path;
    let (book, _) = Book::open(book_settings(&folder), terminal_key()).unwrap();
    for number in 0..30 {
        book.append(vec![entry(number)]).await.unwrap();
    }
    let own = book.lines(1, 1000, usize::MAX).unwrap();
    tokio::task::spawn_blocking(move || book.close()).await.unwrap();
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute_batch("UPDATE line SET body = x'00' WHERE seq = 25").unwrap();
    drop(file);
    let address = fake.serve("127.0.0.1:0").await.to_string();
    let terminal = Terminal::start_in(folder, &fake, &address);
    assert_eq!(terminal.book.earlier().unwrap().len(), 1);
    terminal.record(3).await;
    terminal.until_all_is_there("the new lines").await;
    terminal.until("the earlier file done", |terminal| terminal.book.earlier().unwrap().is_empty()).await;
    fake.with(|inside| {
        let earlier = inside.books.iter().find(|kept| kept.id != Some(terminal.book.id())).unwrap();
        assert_eq!(earlier.lines, own[..24]);
        assert_eq!(earlier.seals.len(), 2, "seals up to the break");
    });
    terminal.stop().await;
}
