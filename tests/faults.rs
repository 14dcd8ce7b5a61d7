//! Disks fill, files rot, servers fail and cables hum: the door says what is wrong in words, goes on by itself, and loses
//! nothing that it confirmed. Real processes, real files, real ports.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gatebook::demo::wire::Wire;
use gatebook::epc;
use hardware::simulator::r200;
use hardware::simulator::script::{Presentation, Script};
use rusqlite::Connection;
use rustix::process::{Pid, Resource, Rlimit, Signal};
use serde_json::{Value, json};

use crate::checker::{self, Acknowledged};
use crate::rig::{Engine, Server, Terminal, get, request, wait_for};

/// A bench without devices: the tests scan at its screen.
const BENCH: &str =
    "[[station]]\nname = \"bench\"\nkind = \"bench\"\ndevices = []\nplace = \"B-1\"\ndefault_act = \"receive\"\n";

/// Scans at the screen; the answer as `tone word`, with the number of its line where there is one.
fn scan(terminal: &Terminal, code: &str) -> (String, Option<u64>) {
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let body = format!("station=bench&code={code}");
    let (status, answer) = request(terminal.screen, "POST", "/scan", form, body.as_bytes()).expect("an answer");
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let said = format!("{} {}", answer["tone"].as_str().unwrap(), answer["word"].as_str().unwrap());
    (said, answer["line"]["seq"].as_u64())
}

/// Scans something new that must be recorded. Nobody knows the code, so the screen asks; the line is there.
fn record(terminal: &Terminal, code: &str) -> u64 {
    let (said, line) = scan(terminal, code);
    assert_eq!(said, "ask unknown_code");
    line.unwrap_or_else(|| panic!("{code} was not recorded"))
}

fn page(terminal: &Terminal, path: &str) -> String {
    String::from_utf8(get(terminal.screen, path, "cookie: gatebook_lang=en\r\n").expect("a page")).unwrap()
}

fn troubles(terminal: &Terminal) -> Vec<String> {
    let status = terminal.status().unwrap_or_default();
    status["troubles"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn disk(terminal: &Terminal) -> String {
    terminal
        .status()
        .map_or_else(String::new, |status| status["book"]["disk"]["state"].as_str().unwrap_or_default().to_owned())
}

/// The process that holds the book.
fn pid(terminal: &Terminal) -> Pid {
    let written = std::fs::read_to_string(terminal.folder.join("book.lock")).unwrap();
    Pid::from_raw(written.trim().parse().unwrap()).unwrap()
}

/// An orderly end.
fn stop(terminal: &mut Terminal) {
    rustix::process::kill_process(pid(terminal), Signal::TERM).unwrap();
    wait_for("the terminal stopped", || TcpStream::connect(terminal.screen).is_err().then_some(()));
    let log = terminal.folder.join("terminal.log");
    wait_for("its last word", || std::fs::read_to_string(&log).unwrap().contains("the terminal stopped").then_some(()));
    terminal.kill();
}

/// A start that must fail; what it said.
fn fails_to_start(config: &Path) -> String {
    let Output { status, stderr, .. } =
        Command::new(env!("CARGO_BIN_EXE_gatebook")).args(["terminal", "--config"]).arg(config).output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{said}");
    said
}

/// All that was confirmed is in the book and at the server, once.
fn settle(server: &Server, terminal: &Terminal, at_least: usize) {
    terminal.wait_until_sent();
    let acknowledged = terminal.acknowledged();
    assert!(at_least <= acknowledged.len(), "only {} lines were confirmed", acknowledged.len());
    checker::check(&acknowledged, &terminal.book(), &server.stored());
}

/// A small file system of its own; `None` where this user may not mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &Path, size: &str) -> Option<SmallDisk> {
        std::fs::create_dir_all(folder).unwrap();
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(folder).output();
        done.is_ok_and(|done| done.status.success()).then(|| SmallDisk(folder.to_owned()))
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut ballast = std::fs::File::options().append(true).create(true).open(self.0.join("ballast")).unwrap();
        for piece in [1 << 20, 1 << 12, 1] {
            while ballast.write_all(&vec![0; piece]).is_ok() {}
        }
    }

    fn empty(&self) {
        std::fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[test]
fn a_full_disk_is_told_in_red_and_recording_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Engine::Sqlite);
    let Some(small) = SmallDisk::mount(&folder.path().join("t1"), "24m") else {
        return eprintln!("this user may not mount a small disk: a_file_that_may_not_grow tells half of this story");
    };
    let terminal = Terminal::start(&server, server.address, "t1", BENCH);
    for number in 0..20 {
        record(&terminal, &format!("BEFORE-{number}"));
    }
    for round in 0..3 {
        small.fill();
        let (said, line) = scan(&terminal, &format!("FULL-{round}"));
        assert_eq!((said.as_str(), line), ("stop cannot_record", None), "no ok without a line");
        wait_for("the screen says so", || page(&terminal, "/s/bench").contains("CANNOT RECORD").then_some(()));
        assert!(page(&terminal, "/s/bench").contains("Stop working here"));
        assert!(page(&terminal, "/health").contains("Cannot record"));
        assert_eq!(disk(&terminal), "cannot_record");
        let told = troubles(&terminal);
        assert!(told.iter().any(|told| told.starts_with("nothing can be recorded: the disk of ")), "{told:?}");
        wait_for("the server shows it", || {
            let fleet = server.api("/api/v1/terminals")?.to_string();
            fleet.contains("nothing can be recorded: the disk of ").then_some(())
        });
        small.empty();
        wait_for("room again", || (disk(&terminal) != "cannot_record").then_some(()));
        for number in 0..20 {
            record(&terminal, &format!("AFTER-{round}-{number}"));
        }
        assert!(!page(&terminal, "/s/bench").contains("CANNOT RECORD"), "the next answer takes its place");
    }
    settle(&server, &terminal, 80);
    drop(terminal);
    drop(small);
}

/// SQLite is not told `disk full` here but a failed write, which asks for another way: the file is closed, opened again
/// and compared with what was confirmed.
#[test]
fn a_file_that_may_not_grow_is_told_in_red_and_recording_goes_on_when_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Engine::Sqlite);
    let mut terminal = Terminal::start(&server, server.address, "t1", BENCH);
    record(&terminal, "FIRST");
    terminal.kill();
    // The signal that the kernel sends at the limit would end the process before it can tell anybody.
    let config = terminal.folder.with_extension("toml");
    let command = "trap '' XFSZ; exec \"$0\" terminal --config \"$1\" 2>>\"$2\"";
    let log = terminal.folder.join("limited.log");
    let mut limited =
        Command::new("sh").args(["-c", command, env!("CARGO_BIN_EXE_gatebook")]).arg(config).arg(&log).spawn().unwrap();
    wait_for("the terminal is back", || terminal.status());
    for number in 0..20 {
        record(&terminal, &format!("BEFORE-{number}"));
    }
    let limit = |bytes| {
        let process = Pid::from_child(&limited);
        rustix::process::prlimit(Some(process), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
    };
    limit(Some(4096));
    let refused = wait_for("a scan is refused", || {
        let (said, line) = scan(&terminal, "LIMIT");
        assert_eq!(said == "stop cannot_record", line.is_none(), "{said}");
        line.is_none().then_some(said)
    });
    assert_eq!(refused, "stop cannot_record");
    let told = wait_for("it is told", || troubles(&terminal).into_iter().find(|told| told.contains("recorded")));
    assert!(told.starts_with("nothing can be recorded: "), "{told}");
    assert!(page(&terminal, "/s/bench").contains("CANNOT RECORD"));
    limit(None);
    wait_for("the file may grow", || (disk(&terminal) == "fine").then_some(()));
    let last = record(&terminal, "AFTER");
    terminal.wait_until_sent();
    let (_, _, lines) = checker::terminal_book(&terminal.book());
    assert!(lines.contains_key(&last), "line {last} is not in the book");
    limited.kill().unwrap();
    limited.wait().unwrap();
}

#[test]
fn a_file_that_is_no_book_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Engine::Sqlite);
    let mut terminal = Terminal::start(&server, server.address, "t1", BENCH);
    record(&terminal, "ONE");
    stop(&mut terminal);
    let book = terminal.book();
    let kept = std::fs::read(&book).unwrap();
    let newer = |path: &Path| {
        std::fs::write(path, &kept).unwrap();
        Connection::open(path).unwrap().pragma_update(None, "user_version", 2).unwrap();
    };
    let foreign = |path: &Path| {
        Connection::open(path)
            .unwrap()
            .execute_batch("CREATE TABLE price (ring, yuan); INSERT INTO price VALUES (1, 2)")
            .unwrap();
    };
    let text = |path: &Path| std::fs::write(path, "rings: 12, boxes: 3, and so on for a while. ".repeat(40)).unwrap();
    type Put<'a> = &'a dyn Fn(&Path);
    let cases: [(&str, Put, &str, &str); 3] = [
        (
            "a text",
            &text,
            "book.sqlite is not a book of Gatebook",
            "Give the book another path, or move that file away.",
        ),
        ("the database of another program", &foreign, "book.sqlite is not a book of Gatebook", "move that file away"),
        (
            "the book of a newer version",
            &newer,
            "was written by a newer Gatebook (schema 2, this one knows 1)",
            "Install the newer version again",
        ),
    ];
    for (name, put, wanted, help) in cases {
        // A folder in which no book was opened before: else the file counts as a damaged book, see below.
        for gone in ["book.sqlite", "book.lock", "book.sqlite-wal", "book.sqlite-shm"] {
            let _ = std::fs::remove_file(terminal.folder.join(gone));
        }
        put(&book);
        let before = std::fs::read(&book).unwrap();
        let said = fails_to_start(&terminal.folder.with_extension("toml"));
        assert!(said.contains(wanted) && said.contains(help), "{name}: {said}");
        assert_eq!(std::fs::read(&book).unwrap(), before, "{name}: it was changed");
    }

    // Where a book was, a stranger's file does not keep the door shut: it is moved aside, and somebody is told.
    let _ = std::fs::remove_file(&book);
    foreign(&book);
    terminal.run();
    wait_for("the terminal tells it", || {
        troubles(&terminal).into_iter().find(|told| told.starts_with("the old book was moved to "))
    });
    record(&terminal, "TWO");
}

#[test]
fn a_damaged_book_is_moved_aside_and_its_lines_reach_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), Engine::Sqlite);
    let mut terminal = Terminal::start(&server, server.address, "t1", BENCH);
    record(&terminal, "SENT");
    terminal.wait_until_sent();
    server.kill();
    let numbers: Vec<u64> = (0..30).map(|number| record(&terminal, &format!("WAITS-{number:02}"))).collect();
    let epoch = terminal.status().unwrap()["book"]["epoch"].as_str().unwrap().to_owned();
    let confirmed = terminal.acknowledged();
    stop(&mut terminal);

    // A bad sector in the middle of a line that the server has not seen.
    let damaged = "own/WAITS-25";
    let mut bytes = std::fs::read(terminal.book()).unwrap();
    let at =
        bytes.windows(damaged.len()).position(|window| window == damaged.as_bytes()).expect("the line in the file");
    bytes[at..at + damaged.len()].fill(0xe5);
    std::fs::File::options().write(true).open(terminal.book()).unwrap().write_all(&bytes).unwrap();

    terminal.run();
    let told = wait_for("the terminal tells it", || {
        troubles(&terminal).into_iter().find(|told| told.starts_with("the old book was moved to "))
    });
    assert!(
        told.contains(&format!("book.corrupt-{epoch}-1.db: line {} is not what was written", numbers[25])),
        "{told}"
    );
    assert!(told.ends_with("can be read go to the server, this is a new book"), "{told}");
    let now = terminal.status().unwrap()["book"]["epoch"].as_str().unwrap().to_owned();
    assert_ne!(now, epoch, "a new epoch: no number is used twice");
    let first = record(&terminal, "THE-DOOR-GOES-ON");
    assert!(first < 10, "line {first} of a new book");

    server.run();
    let before: BTreeSet<u64> = numbers.iter().copied().filter(|&number| number < numbers[25]).collect();
    let wanted: Vec<&Acknowledged> =
        confirmed.iter().filter(|line| line.epoch == epoch && before.contains(&line.seq)).collect();
    assert_eq!(wanted.len(), 25);
    wait_for("the lines before the damage are at the server", || {
        let stored = server.stored();
        wanted.iter().all(|line| stored.iter().filter(|stored| stored == line).count() == 1).then_some(())
    });
    terminal.wait_until_sent();
    let kept = terminal.folder.join(format!("book.corrupt-{epoch}-1.db"));
    assert_eq!(std::fs::read(kept).unwrap(), bytes, "the damaged file stays as it was found");
}

#[test]
fn rot_in_an_old_line_is_found_while_the_door_works() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Engine::Sqlite);
    let mut terminal = Terminal::start(&server, server.address, "t1", BENCH);
    let rotten = record(&terminal, "LONG-AGO");
    // The start verifies from the last seal but one: the line must lie before it.
    for number in 0..3 {
        record(&terminal, &format!("LATER-{number}"));
        wait_for("a seal", || {
            let status = terminal.status()?;
            (status["book"]["sealed"] == status["book"]["last"]).then_some(())
        });
    }
    terminal.wait_until_sent();
    let epoch = terminal.status().unwrap()["book"]["epoch"].clone();
    stop(&mut terminal);
    let mut bytes = std::fs::read(terminal.book()).unwrap();
    let at = bytes.windows(12).position(|window| window == b"own/LONG-AGO").expect("the line in the file");
    bytes[at + 4..at + 12].copy_from_slice(b"LONG-AGE");
    std::fs::File::options().write(true).open(terminal.book()).unwrap().write_all(&bytes).unwrap();

    terminal.run();
    record(&terminal, "ON");
    let told = wait_for("it is found", || troubles(&terminal).into_iter().find(|told| told.contains("written")));
    assert!(told.starts_with(&format!("the book does not stand as it was written: line {rotten}: ")), "{told}");
    assert_eq!(terminal.status().unwrap()["book"]["epoch"], epoch, "the book goes on: the server has that line");
    record(&terminal, "AND-ON");
    terminal.wait_until_sent();
    wait_for("the server shows it", || server.api("/api/v1/terminals")?.to_string().contains(&told).then_some(()));
}

/// What stands between the terminal and its server does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Passes,
    /// Reads the request and says this.
    Says(&'static str),
    /// Reads and says nothing.
    Hangs,
    Cuts,
}

/// A proxy whose mood changes; every change cuts what is open.
struct Proxy {
    address: SocketAddr,
    mood: Arc<Mutex<(Mood, u64)>>,
}

impl Proxy {
    fn to(server: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mood = Arc::new(Mutex::new((Mood::Passes, 0)));
        let shared = mood.clone();
        // Ends with the process of the tests: nobody waits for it.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                std::thread::spawn(move || serve(stream, server, &shared));
            }
        });
        Proxy { address, mood }
    }

    fn set(&self, mood: Mood) {
        let mut now = self.mood.lock().unwrap();
        *now = (mood, now.1 + 1);
    }
}

fn serve(mut stream: TcpStream, server: SocketAddr, shared: &Mutex<(Mood, u64)>) {
    let (mood, number) = *shared.lock().unwrap();
    let holds = || shared.lock().unwrap().1 == number;
    match mood {
        Mood::Passes => {
            let Ok(onward) = TcpStream::connect(server) else { return };
            std::thread::scope(|scope| {
                scope.spawn(|| carry(&stream, &onward, &holds));
                carry(&onward, &stream, &holds);
            });
        }
        Mood::Says(words) => {
            let mut buffer = [0; 65536];
            stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            while stream.read(&mut buffer).is_ok_and(|count| 0 < count) {}
            let _ = stream.write_all(words.as_bytes());
        }
        Mood::Hangs => {
            while holds() {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Mood::Cuts => (),
    }
}

fn carry(mut from: &TcpStream, mut to: &TcpStream, holds: &dyn Fn() -> bool) {
    from.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut buffer = [0; 65536];
    while holds() {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                if to.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => (),
            Err(_) => break,
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

#[test]
fn a_server_that_fails_is_told_in_words_and_gets_everything_later() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Engine::Sqlite);
    let proxy = Proxy::to(server.address);
    let terminal = Terminal::start(&server, proxy.address, "t1", BENCH);
    let trouble = || Some(terminal.status()?["link"]["trouble"].as_str()?.to_owned());
    for (round, (mood, wanted)) in [
        (Mood::Says("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n"), "the server failed with 500; its log says why"),
        (
            Mood::Says("HTTP/1.1 413 Too Big\r\ncontent-length: 0\r\n\r\n"),
            "the server, or a proxy before it, finds the message too large",
        ),
        (
            Mood::Says("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\r\n<h1>Log in</h1>"),
            "what answers is not a Gatebook server of this version: it answers in text/html",
        ),
        (
            Mood::Says("HTTP/1.1 200 OK\r\ncontent-type: application/vnd.gatebook.sync+postcard\r\ncontent-length: 9\r\n\r\nnonsense!"),
            "what answers is not a Gatebook server of this version: ",
        ),
        (Mood::Says("SSH-2.0-OpenSSH_9.9\r\n"), "what answers is not a Gatebook server of this version: invalid HTTP"),
        (Mood::Says("HTTP/1.1 503 Later\r\nretry-after: 1\r\ncontent-length: 4\r\n\r\nbusy"), "the server is busy"),
        (
            Mood::Says("HTTP/1.1 403 No\r\ncontent-length: 21\r\n\r\nblocked by a firewall"),
            "the server does not accept this terminal: blocked by a firewall",
        ),
        (Mood::Hangs, "the server does not answer: no answer in time; check the network and whether the server runs"),
        (Mood::Cuts, "the server does not answer: "),
    ]
    .into_iter()
    .enumerate()
    {
        wait_for("all is well", || {
            let status = terminal.status()?;
            (status["link"]["online"] == true && status["link"]["trouble"].is_null()).then_some(())
        });
        proxy.set(mood);
        for number in 0..5 {
            record(&terminal, &format!("R{round}-{number}"));
        }
        let began = std::time::Instant::now();
        let mut last = None;
        while !last.as_ref().is_some_and(|told: &String| told.contains(wanted)) {
            assert!(began.elapsed() < crate::rig::PATIENCE, "{mood:?}: {last:?}, wanted {wanted}");
            last = trouble();
            std::thread::sleep(Duration::from_millis(50));
        }
        // Whatever the server does, the door works.
        for number in 5..10 {
            record(&terminal, &format!("R{round}-{number}"));
        }
        assert!(troubles(&terminal).is_empty(), "the terminal itself is well: {:?}", troubles(&terminal));
        proxy.set(Mood::Passes);
    }
    settle(&server, &terminal, 90);
}

#[test]
fn noise_on_the_wire_is_counted_and_makes_no_line() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Engine::Sqlite);
    let module = r200::Module::new(r200::Settings::default(), Script::new(), 11);
    let wire = Wire::serial(Box::new(module), &folder.path().join("pad")).unwrap();
    let parts = format!(
        "[[device]]\nname = \"pad\"\ndriver = \"r200\"\nport = {:?}\n\
         [[station]]\nname = \"bench\"\nkind = \"bench\"\ndevices = [\"pad\"]\nplace = \"B-1\"\ndefault_act = \"receive\"\n",
        wire.port
    );
    let terminal = Terminal::start(&server, server.address, "t1", &parts);
    let pad = || terminal.status().map(|status| status["devices"]["pad"].clone()).unwrap_or_default();
    wait_for("the module is up", || (pad()["up"] == true).then_some(()));
    for round in 1..=5_u64 {
        let before = pad()["noise_bytes"].as_u64().unwrap();
        wire.show(Presentation::Garbage { bytes: 300 });
        wait_for("the noise is counted", || (before < pad()["noise_bytes"].as_u64()?).then_some(()));
        wire.show(Presentation::Truncation);
        let tag = epc::sgtin_96(1, "09521234543213", 7, round).unwrap().to_vec();
        wire.show(Presentation::TagEnters { epc: tag.clone(), antenna: 0, peak_dbm: -40 });
        wait_for("the tag is read all the same", || (terminal.acknowledged().len() as u64 == round).then_some(()));
        wire.show(Presentation::TagLeaves { epc: tag });
    }
    assert!(page(&terminal, "/health").contains("pad"), "the health page names the device");
    terminal.wait_until_sent();
    let lines = server.lines();
    let codes: BTreeSet<String> = lines
        .iter()
        .filter(|line| line["kind"] == "movement")
        .flat_map(|line| line["body"]["what"].as_array().cloned().unwrap_or_default())
        .filter_map(|piece| piece["code"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(codes, (1..=5).map(|number| format!("01/09521234543213/21/{number}")).collect(), "{lines:#?}");
}

#[test]
fn a_terminal_at_a_server_without_any_record_has_fresh_data() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Engine::Sqlite);
    let terminal = Terminal::start(&server, server.address, "t1", BENCH);
    let age = wait_for("the age of the data", || terminal.status()?["link"]["data_age_s"].as_u64());
    assert!(age < 30, "{age} s");
}

#[test]
fn an_act_that_was_chosen_survives_a_kill_before_its_first_piece() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Engine::Sqlite);
    let name = json!({"zh": "保险库", "en": "Vault 2"});
    server.put_record(&json!({"kind": "place", "code": "V2", "place_kind": "storage", "name": name, "since_us": 0}));
    let mut terminal = Terminal::start(&server, server.address, "t1", &BENCH.replace("receive", ""));
    wait_for("the record is here", || {
        let (said, _) = scan(&terminal, "V2");
        (said == "note place").then_some(())
    });
    scan(&terminal, "GB-ACT-COUNT");
    scan(&terminal, "V2");
    terminal.kill();
    terminal.run();
    assert!(page(&terminal, "/s/bench").contains("Going on where you stopped"), "{}", page(&terminal, "/s/bench"));
    let line = record(&terminal, "PIECE");
    terminal.wait_until_sent();
    let lines = server.lines();
    let counted = lines.iter().find(|found| found["terminal"] == 1 && found["seq"] == line).expect("the line");
    assert_eq!((&counted["body"]["act"], &counted["body"]["to"]), (&json!("count"), &json!("V2")), "{counted}");

    // The end of an act is kept like its beginning.
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    request(terminal.screen, "POST", "/act", form, b"station=bench&act=").expect("the act is ended");
    terminal.kill();
    terminal.run();
    assert_eq!(scan(&terminal, "PIECE").0, "ask unknown_code");
    assert!(!page(&terminal, "/s/bench").contains("Going on where you stopped"));
}

#[test]
fn storage_that_is_not_encrypted_is_refused_where_it_must_be() {
    if !Path::new("/dev/shm").is_dir() {
        return eprintln!("this machine has no /dev/shm: not tried");
    }
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let server = Server::start(folder.path(), Engine::Sqlite);
    let mut terminal = Terminal::start(&server, server.address, "t1", BENCH);
    record(&terminal, "ONE");
    terminal.kill();
    let config = terminal.folder.with_extension("toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("[book]", "[book]\nrequire_encrypted_storage = true")).unwrap();
    let said = fails_to_start(&terminal.folder.with_extension("toml"));
    let wanted = format!(
        "error: `require_encrypted_storage` is true, but the folder {} is not safe: it lies on tmpfs (tmpfs), which is on no \
         disk of this machine\nhelp: Put `data` on a LUKS volume",
        terminal.folder.display()
    );
    assert!(said.contains(&wanted), "{said}");
}

#[test]
fn a_start_that_cannot_be_says_what_and_how_to_mend_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Engine::Sqlite);
    let mut terminal = Terminal::start(&server, server.address, "t1", BENCH);
    record(&terminal, "ONE");
    let held = fails_to_start(&terminal.folder.with_extension("toml"));
    assert!(held.contains(&format!("is in use by another process ({})", pid(&terminal).as_raw_nonzero())), "{held}");
    terminal.kill();

    let taken = TcpListener::bind(terminal.screen).unwrap();
    let said = fails_to_start(&terminal.folder.with_extension("toml"));
    assert!(said.contains(&format!("the screen cannot listen on {}: ", terminal.screen)), "{said}");
    assert!(said.contains("Give the screen another address, or stop the program that uses this one."), "{said}");
    drop(taken);

    let (key, card) = (terminal.folder.join("terminal.key"), terminal.folder.join("terminal.json"));
    let aside = |path: &Path, text: &str, wanted: &str| {
        let kept = path.with_extension("kept");
        std::fs::rename(path, &kept).unwrap();
        if !text.is_empty() {
            std::fs::write(path, text).unwrap();
            std::fs::set_permissions(path, std::fs::metadata(&kept).unwrap().permissions()).unwrap();
        }
        let said = fails_to_start(&terminal.folder.with_extension("toml"));
        assert!(said.contains(wanted), "{said}");
        assert_eq!(path.exists(), !text.is_empty(), "{} was made anew", path.display());
        std::fs::rename(&kept, path).unwrap();
    };
    aside(&key, "", "terminal.key is gone, but the book that it seals is there\nhelp: Bring it back from a backup.");
    aside(&key, "no key", "terminal.key does not hold 64 hex digits\nhelp: Bring the key back from a backup");
    aside(&card, "{", "terminal.json cannot be read: ");
    // The code in the file was used by this terminal; no other one gets in with it.
    let text = std::fs::read_to_string(terminal.folder.with_extension("toml")).unwrap();
    let second = folder.path().join("t2.toml");
    std::fs::write(&second, text.replace("/t1\"", "/t2\"")).unwrap();
    let said = fails_to_start(&second);
    let wanted = format!(
        "error: the server http://{} did not take this terminal in: the server does not accept this terminal: the code is \
         wrong, used or too old; ",
        server.address
    );
    assert!(said.contains(&wanted) && said.contains("write the new one as enrolment_code in [server]"), "{said}");
    std::fs::write(&second, text.replace("/t1\"", "/t2\"").replace("enrolment_code", "#")).unwrap();
    let said = fails_to_start(&second);
    assert!(said.contains("this terminal was never enrolled: ") && said.contains("enrolment-code`"), "{said}");
    let nobody = text.replace("/t1\"", "/t3\"").replace(&server.address.to_string(), "127.0.0.1:1");
    std::fs::write(&second, nobody).unwrap();
    let said = fails_to_start(&second);
    assert!(said.contains("the server does not answer: Connection refused"), "{said}");
    assert!(said.contains("The first start needs the server, later ones do not."), "{said}");
    std::fs::write(&second, text.replace("/t1\"", "/t1.toml\"")).unwrap();
    let said = fails_to_start(&second);
    assert!(said.contains("t1.toml cannot be used: a file of that name is in its place"), "{said}");
}

#[test]
fn a_terminal_that_is_no_longer_trusted_says_so_and_goes_on_recording() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Engine::Sqlite);
    let terminal = Terminal::start(&server, server.address, "t1", BENCH);
    record(&terminal, "ONE");
    terminal.wait_until_sent();
    let token = server.tool(&["add-token", "--name", "revoker", "--role", "administrator"]);
    let header = format!("authorization: Bearer {token}\r\nidempotency-key: {}\r\n", "5".repeat(32));
    let (status, said) = request(server.address, "POST", "/api/v1/terminals/1/revoke", &header, b"").unwrap();
    assert!((200..300).contains(&status), "{status}: {}", String::from_utf8_lossy(&said));
    let told = wait_for("it is told", || Some(terminal.status()?["link"]["trouble"].as_str()?.to_owned()));
    assert_eq!(
        told,
        "the server does not accept this terminal: terminal 1 is no longer trusted; Ask the administrator whether this \
         terminal should be trusted again."
    );
    record(&terminal, "TWO");
    assert!(page(&terminal, "/health").contains("terminal 1 is no longer trusted"));
}

#[test]
fn a_stop_waits_for_nobody_who_only_holds_a_connection_open() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Engine::Sqlite);
    // An address that swallows everything: a connection to it is tried for seconds.
    let parts = format!(
        "[[device]]\nname = \"portal\"\ndriver = \"llrp\"\nport = \"tcp:192.0.2.1:5084\"\n{}",
        BENCH.replace("devices = []", "devices = [\"portal\"]")
    );
    let mut terminal = Terminal::start(&server, server.address, "t1", &parts);
    let line = record(&terminal, "ONE");
    let host = format!("host: {}\r\n", terminal.screen);
    let held: Vec<TcpStream> = [
        String::new(),
        "GET /hea".to_owned(),
        format!("GET /s/bench/events HTTP/1.1\r\n{host}\r\n"),
        format!("GET /answers HTTP/1.1\r\n{host}\r\n"),
        format!("GET /status.json HTTP/1.1\r\n{host}\r\n"),
        format!("POST /scan HTTP/1.1\r\n{host}content-length: 100\r\n\r\nhalf"),
    ]
    .into_iter()
    .map(|said| {
        let mut stream = TcpStream::connect(terminal.screen).unwrap();
        stream.write_all(said.as_bytes()).unwrap();
        stream
    })
    .collect();
    std::thread::sleep(Duration::from_millis(500));
    stop(&mut terminal);
    drop(held);
    let (_, _, lines) = checker::terminal_book(&terminal.book());
    assert!(lines.contains_key(&line));
    let book = Connection::open(terminal.book()).unwrap();
    let (last, sealed): (i64, i64) = book
        .query_row("SELECT (SELECT max(seq) FROM line), (SELECT max(last) FROM seal)", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(last, sealed, "an orderly end seals the last line");
}
