//! Numbers that are given once, with or without a network, whatever dies in between.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use gatebook::demo::network::Network;
use gatebook::event::{Body, Piece, Registration};
use gatebook::hex::Hex;
use gatebook::ledger::chain::BookId;
use gatebook::numbers::{self, Purpose};
use gatebook::quantity::{Moment, Quantity};
use gatebook::server::database::Tx;
use gatebook::server::numbering::{self, leases};
use gatebook::server::{book, intake};
use gatebook::sync::records::{Name, Series};
use gatebook::sync::wire::Hello;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::central::{Central, Door, at, handling, on_every_engine, sqlite};
use crate::rig::{self, Dice, Engine, Server, Terminal, engines, wait_for};

const BENCH: &str =
    "[[station]]\nname = \"bench\"\nkind = \"bench\"\ndevices = []\nplace = \"IN\"\ndefault_act = \"\"\n";

pub fn ring(server: &Server) {
    server.put_record(&json!({
        "kind": "item", "code": "RING", "name": { "zh": "戒指", "en": "Ring" }, "tracking": "serial",
    }));
}

/// Touches or scans at the screen of a terminal; the answer, or `None` when the terminal died before it.
pub fn touch(screen: SocketAddr, path: &str, form: &str) -> Option<Value> {
    let header = "content-type: application/x-www-form-urlencoded\r\n";
    let (status, body) = rig::request(screen, "POST", path, header, form.as_bytes())?;
    assert_eq!(status, 200, "{path} {form}: {}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).ok()
}

/// Waits until the terminal has the item and at least so many numbers.
pub fn wait_for_numbers(terminal: &Terminal, at_least: u64) {
    wait_for("numbers came down", || {
        (at_least <= terminal.status()?["numbers_left"]["sample"].as_u64()?).then_some(())
    });
    wait_for("the item came down", || {
        touch(terminal.screen, "/act", "act=register")?;
        (touch(terminal.screen, "/item", "item=RING")?["word"] == "prepared").then_some(())
    });
}

/// The numbers of every unit at the server.
fn numbers_at(server: &Server) -> BTreeSet<String> {
    let mut numbers = BTreeSet::new();
    let mut after = String::new();
    loop {
        let page = server.api(&format!("/api/v1/units?limit=500{after}")).unwrap();
        let units = page["items"].as_array().unwrap().iter();
        numbers.extend(units.map(|unit| unit["number"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return numbers,
        }
    }
}

/// Registers one piece with this label; its number.
pub fn register(terminal: &Terminal, label: &str) -> String {
    let prepared = touch(terminal.screen, "/scan", &format!("code={label}")).unwrap();
    assert_eq!(prepared["word"], "prepared", "{label}: {prepared}");
    let given = touch(terminal.screen, "/confirm", "").unwrap();
    assert_eq!((&given["tone"], &given["word"]), (&json!("ok"), &json!("registered")), "{label}: {given}");
    assert!(given["line"]["seq"].is_u64(), "shown before it was durable: {given}");
    given["unit"].as_str().unwrap().to_owned()
}

/// Requirements T-02 and S-04: network off, 50 samples on two terminals in the same seconds, network on.
#[test]
fn fifty_samples_registered_on_two_terminals_without_a_network() {
    for engine in engines() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), engine);
        ring(&server);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let network = runtime.block_on(Network::to(server.address)).unwrap();
        let mut terminals = ["north", "south"].map(|name| Terminal::start(&server, network.address, name, BENCH));
        terminals.iter().for_each(|terminal| wait_for_numbers(terminal, 100));
        network.cut(true);
        let shown: Vec<(String, String)> = std::thread::scope(|scope| {
            let work = terminals.iter().enumerate().map(|(at, terminal)| {
                scope.spawn(move || {
                    let labels = (0..25).map(|number| format!("LABEL-{at}-{number}"));
                    labels.map(|label| (register(terminal, &label), label)).collect::<Vec<_>>()
                })
            });
            work.collect::<Vec<_>>().into_iter().flat_map(|work| work.join().unwrap()).collect()
        });
        let numbers: BTreeSet<&String> = shown.iter().map(|(number, _)| number).collect();
        assert_eq!(numbers.len(), 50, "two pieces have one number: {shown:?}");
        network.cut(false);
        terminals.iter().for_each(Terminal::wait_until_sent);

        assert_eq!(numbers_at(&server).iter().collect::<BTreeSet<_>>(), numbers, "renumbered");
        for (number, label) in &shown {
            let unit = server.api(&format!("/api/v1/units/{label}")).unwrap();
            assert_eq!(unit["unit"]["number"], json!(number), "{label}");
            assert_eq!((&unit["place"], &unit["item"]["code"]), (&json!("IN"), &json!("RING")));
        }
        // Each terminal comes to know the pieces of the other.
        for (at, terminal) in terminals.iter().enumerate() {
            touch(terminal.screen, "/act", "act=").unwrap();
            let (number, label) = &shown[(1 - at) * 25];
            wait_for("the other's pieces come down", || {
                (touch(terminal.screen, "/scan", &format!("code={label}"))?["unit"] == json!(number)).then_some(())
            });
            // However a person types it.
            let typed = number.replace('-', "").to_lowercase();
            let found = touch(terminal.screen, "/scan", &format!("code={typed}")).unwrap();
            assert_eq!(found["unit"], json!(number), "{typed}");
            let check = if typed.ends_with('a') { 'b' } else { 'a' };
            let slip = format!("{}{check}", &typed[..typed.len() - 1]);
            let told = touch(terminal.screen, "/scan", &format!("code={slip}")).unwrap();
            assert_eq!((&told["word"], &told["line"]), (&json!("wrong_number"), &Value::Null), "{slip}");
        }
        let exceptions = server.api("/api/v1/exceptions").unwrap();
        assert_eq!(exceptions["items"], json!([]), "{engine:?}");
        the_screen_shows_it(&terminals[0]);
        // A terminal that speaks may be leased numbers between the two digests.
        terminals.iter_mut().for_each(Terminal::kill);
        let (standing, rebuilt) = server.digests();
        assert_eq!(standing, rebuilt, "{engine:?}: the projections differ from a rebuild");
    }
}

/// The item to choose, the button, and the number where everybody sees it, in both languages.
fn the_screen_shows_it(terminal: &Terminal) {
    let page = |language: &str| {
        let page = rig::get(terminal.screen, "/s/bench", &format!("cookie: gatebook_lang={language}\r\n"));
        String::from_utf8(page.unwrap()).unwrap()
    };
    let words = [
        (
            "en",
            [
                "What is it?",
                "Ring",
                "Register it",
                "Register another",
                "Write or print it on the label.",
                "The check digit of (01)",
            ],
        ),
        ("zh-CN", ["是什么物料？", "戒指", "确认登记", "再登记一件", "请写在或打印在标签上", "(01) 的校验位不符"]),
    ];
    for (language, [which, name, confirm, another, hint, doubt]) in words {
        // A code that is cut or misread is told before it stands for a piece.
        touch(terminal.screen, "/act", "act=").unwrap();
        touch(terminal.screen, "/act", "act=register").unwrap();
        let doubtful = touch(terminal.screen, "/scan", "code=]d2010952123454321421R7").unwrap();
        assert_eq!((&doubtful["tone"], &doubtful["word"]), (&json!("look"), &json!("prepared")), "{doubtful}");
        assert!(page(language).contains(doubt), "{language}: no doubt");
        touch(terminal.screen, "/act", "act=").unwrap();
        touch(terminal.screen, "/act", "act=register").unwrap();
        let choosing = page(language);
        assert!(choosing.contains(which) && choosing.contains(name), "{language}: {choosing}");
        touch(terminal.screen, "/item", "item=RING").unwrap();
        assert!(page(language).contains(&format!(">{confirm}</button>")), "{language}: no button");
        let number = touch(terminal.screen, "/confirm", "").unwrap()["unit"].as_str().unwrap().to_owned();
        let given = page(language);
        assert!(given.contains(&format!(">{another}</button>")), "{language}: no second piece");
        assert!(
            given.contains(&format!("<p class=\"given\">{number}</p>")) && given.contains(hint),
            "{language}: {given}"
        );
    }
}

/// Numbers in the lines of a terminal's book.
fn numbers_in(book: &Path) -> Vec<String> {
    let book = Connection::open_with_flags(book, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut lines = book.prepare("SELECT schema, body FROM line WHERE kind = 7 ORDER BY seq").unwrap();
    let lines = lines.query_map([], |row| Ok((row.get::<_, u16>(0)?, row.get::<_, Vec<u8>>(1)?))).unwrap();
    let number = |(schema, body): (u16, Vec<u8>)| match Body::decode(7, schema, &body) {
        Ok(Body::Registration(registration)) => registration.what.code.trim_start_matches("own/").to_owned(),
        other => panic!("{other:?}"),
    };
    lines.map(Result::unwrap).map(number).collect()
}

/// Kills at any moment, also when the leased numbers end and the terminal goes on by itself.
#[test]
fn a_terminal_that_dies_gives_no_number_twice() {
    let folder = tempfile::tempdir().unwrap();
    let series = "[[series]]\ncode = \"sample\"\nblock = 20\n";
    let server = Server::start_with(folder.path(), Engine::Sqlite, series);
    ring(&server);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let network = runtime.block_on(Network::to(server.address)).unwrap();
    let mut terminal = Terminal::start(&server, network.address, "bench", BENCH);
    wait_for_numbers(&terminal, 20);
    network.cut(true);
    let mut dice = Dice(5);
    let mut shown = Vec::new();
    let mut label = 0;
    for _ in 0..12 {
        let life = Duration::from_millis(60 + dice.below(150));
        let seen: Vec<String> = std::thread::scope(|scope| {
            let bench = terminal.screen;
            let from = label;
            let worker = scope.spawn(move || {
                let mut seen = Vec::new();
                for label in from.. {
                    let alive = touch(bench, "/act", "act=register")
                        .and_then(|_| touch(bench, "/item", "item=RING"))
                        .and_then(|_| touch(bench, "/scan", &format!("code=L-{label}")))
                        .and_then(|_| touch(bench, "/confirm", ""));
                    let Some(given) = alive else { break };
                    assert_eq!(given["word"], "registered", "{given}");
                    seen.push(given["unit"].as_str().unwrap().to_owned());
                }
                seen
            });
            std::thread::sleep(life);
            terminal.kill();
            worker.join().unwrap()
        });
        label += seen.len() + 1;
        shown.extend(seen);
        terminal.run();
    }
    let written = numbers_in(&terminal.book());
    let distinct: BTreeSet<&String> = written.iter().collect();
    assert_eq!(distinct.len(), written.len(), "a number was given twice: {written:?}");
    assert!(shown.iter().all(|number| distinct.contains(number)), "a number was shown and is not in the book");
    let own = written.iter().filter(|number| numbers::leased_counter(number).is_none()).count();
    assert!(0 < own && own < written.len(), "{own} of {} are the terminal's own: {written:?}", written.len());
    network.cut(false);
    terminal.wait_until_sent();
    assert_eq!(numbers_at(&server).iter().collect::<BTreeSet<_>>(), distinct);
    terminal.kill();
    let (standing, rebuilt) = server.digests();
    assert_eq!(standing, rebuilt);
    eprintln!("{} numbers given, {} shown, {own} of the terminal's own, 12 deaths", written.len(), shown.len());
}

fn sample(block: u32) -> Series {
    let purpose = Purpose::Sample;
    let numbers = numbers::Series { code: "sample".into(), prefix: "S".into(), width: 7, purpose };
    Series { numbers, name: Name::default(), block }
}

async fn configure(central: &Central, series: Vec<Series>) {
    let server = central.server.clone();
    let configured = move |tx: &mut Tx| numbering::configure(tx, &server, &series, at(1));
    central.database.write(configured).await.unwrap();
}

async fn hello(central: &Central, door: &Door) {
    let server = central.server.clone();
    let hello = Hello {
        versions: (1, 1),
        program: "test".into(),
        book: door.book,
        first_kept: 1,
        last: door.lines.len() as u64,
        head: door.head(),
        at: at(5),
        down_cursor: 0,
        waiting: 0,
        troubles: Vec::new(),
    };
    let terminal = door.book.terminal;
    central.database.write(move |tx| intake::hello(tx, &server, terminal, &hello, at(6))).await.unwrap().unwrap();
}

/// Leases as `first-last`, in their order.
async fn leased(central: &Central, book: BookId) -> Vec<String> {
    central
        .read(move |tx| {
            let sql = "SELECT first_no, last_no, withdrawn FROM lease WHERE terminal_no = ?1 AND epoch = ?2 \
                       ORDER BY first_no";
            let rows = tx.query(sql, &[book.terminal.into(), book.epoch.into()])?;
            let gone = |flag: bool| if flag { " gone" } else { "" };
            rows.iter().map(|row| Ok(format!("{}-{}{}", row.int(0)?, row.int(1)?, gone(row.flag(2)?)))).collect()
        })
        .await
}

fn give(door: &mut Door, when: Moment, counter: u64) -> bool {
    let Some(number) = sample(0).numbers.number(counter) else { return false };
    door.write(
        when,
        Body::Registration(Registration {
            series: "sample".into(),
            what: Piece { code: format!("own/{number}"), quantity: Quantity::ONE_PIECE },
            item: "RING".into(),
            bind: None,
            to: None,
            handling: handling("IN", Some(7)),
            exceptions: Vec::new(),
        }),
    );
    true
}

#[test]
fn a_block_is_leased_once_and_the_next_before_half_is_used() {
    on_every_engine(async |central| {
        configure(central, vec![sample(100)]).await;
        let mut one = central.enrol(1).await;
        let other = central.enrol(2).await;
        // However often it asks, and whatever answer was lost.
        for _ in 0..3 {
            hello(central, &one).await;
        }
        hello(central, &other).await;
        assert_eq!(leased(central, one.book).await, ["1-100"]);
        assert_eq!(leased(central, other.book).await, ["101-200"]);
        let given = (1..=50).filter(|&counter| give(&mut one, at(10), counter)).count();
        assert!(45 < given);
        central.take(one.whole()).await;
        hello(central, &one).await;
        assert_eq!(leased(central, one.book).await, ["1-100"], "half is left");
        assert!(give(&mut one, at(11), 51) || give(&mut one, at(11), 52));
        central.take(one.whole()).await;
        hello(central, &one).await;
        assert_eq!(leased(central, one.book).await, ["1-100", "201-300"]);
        // A new book gets counters of its own; what the old one had left is nobody's.
        let fresh = Door::new(1, 2);
        hello(central, &fresh).await;
        assert_eq!(leased(central, fresh.book).await, ["301-400"]);
        // Neither does a book that lost its tail keep them: it has forgotten what it gave.
        let mut cut = one.clone();
        cut.lines.truncate(20);
        for _ in 0..3 {
            hello(central, &cut).await;
        }
        assert_eq!(leased(central, one.book).await, ["1-100 gone", "201-300 gone", "401-500"]);
        let units = central.number("SELECT count(*) FROM unit").await;
        assert_eq!(units, given as i64 + 1);
        let digest = central.digest().await;
        assert_eq!(central.rebuild().await, digest, "{}", central.engine);
        hello(central, &fresh).await;
        assert_eq!(leased(central, fresh.book).await, ["301-400"], "leases survive a rebuild");
    });
}

#[test]
fn a_restored_server_leases_nothing_that_it_may_have_leased_before() {
    on_every_engine(async |central| {
        configure(central, vec![sample(100)]).await;
        let door = central.enrol(1).await;
        hello(central, &door).await;
        central.database.write(|tx| book::begin_anew(tx, 1_000)).await.unwrap();
        let fresh = Door::new(1, 2);
        hello(central, &fresh).await;
        // A hundredth of the series lies between: what was leased after the backup is in there.
        assert_eq!(leased(central, fresh.book).await, ["100100-100199"]);
        hello(central, &Door::new(1, 3)).await;
        assert_eq!(leased(central, Door::new(1, 3).book).await, ["100200-100299"], "once for each restore");
    });
}

#[test]
fn a_lease_that_the_server_lost_comes_back_from_a_terminal() {
    on_every_engine(async |central| {
        configure(central, vec![sample(100)]).await;
        let door = central.enrol(1).await;
        hello(central, &door).await;
        let server = central.server.clone();
        let mut records = central.read(move |tx| book::records_after(tx, &server, 0, 100)).await;
        records.retain(|record| String::from_utf8_lossy(&record.body.0).contains("\"kind\":\"lease\""));
        assert_eq!(records.len(), 1);
        // The same server, restored from a backup of before the lease.
        let mut restored = sqlite().await;
        restored.become_twin_of(central).await;
        configure(&restored, vec![sample(100)]).await;
        restored.enrol(1).await;
        assert!(leased(&restored, door.book).await.is_empty());
        let server = restored.server.clone();
        let taken = restored.database.write(move |tx| book::take_back(tx, &server, &records, at(9))).await.unwrap();
        assert_eq!((taken, leased(&restored, door.book).await), (1, vec!["1-100".to_owned()]));
        hello(&restored, &Door::new(1, 2)).await;
        let next = leased(&restored, Door::new(1, 2).book).await;
        assert!(next == ["101-200"] || next == ["100100-100199"], "{next:?}");
        let digest = restored.digest().await;
        assert_eq!(restored.rebuild().await, digest);
    });
}

/// An older copy of the book is put back. As a new file it is recognised and a new book begins; written over the old file
/// it is not, until the server is heard, and the terminal goes on in it.
#[test]
fn a_terminal_that_was_put_back_from_a_copy_gives_no_number_twice() {
    for in_place in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), Engine::Sqlite);
        ring(&server);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let network = runtime.block_on(Network::to(server.address)).unwrap();
        let mut terminal = Terminal::start(&server, network.address, "bench", BENCH);
        wait_for_numbers(&terminal, 100);
        let mut shown: Vec<String> = (0..3).map(|label| register(&terminal, &format!("A-{label}"))).collect();
        terminal.wait_until_sent();
        terminal.kill();
        let copy = folder.path().join("copy.sqlite");
        let whole = Connection::open(terminal.book()).unwrap();
        whole.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
        drop(whole);
        terminal.run();
        shown.extend((0..10).map(|label| register(&terminal, &format!("B-{label}"))));
        terminal.wait_until_sent();
        terminal.kill();
        for tail in ["-wal", "-shm"] {
            drop(std::fs::remove_file(format!("{}{tail}", terminal.book().display())));
        }
        match in_place {
            true => std::fs::write(terminal.book(), std::fs::read(&copy).unwrap()).unwrap(),
            false => std::fs::rename(&copy, terminal.book()).unwrap(),
        }
        network.cut(true);
        terminal.run();
        touch(terminal.screen, "/act", "act=register").unwrap();
        touch(terminal.screen, "/item", "item=RING").unwrap();
        shown.extend((0..5).map(|label| register(&terminal, &format!("C-{label}"))));
        network.cut(false);
        // The rest of the old block is gone, whichever way the terminal came to know.
        wait_for_numbers(&terminal, 195);
        shown.extend((0..10).map(|label| register(&terminal, &format!("D-{label}"))));
        let distinct: BTreeSet<&String> = shown.iter().collect();
        assert_eq!(distinct.len(), shown.len(), "in place: {in_place}; a number was given twice: {shown:?}");
        let counters: Vec<u64> = shown.iter().skip(18).filter_map(|number| numbers::leased_counter(number)).collect();
        assert!(counters.len() == 10 && counters.iter().all(|counter| 200 < *counter), "{shown:?}");
        if !in_place {
            terminal.wait_until_sent();
            assert_eq!(numbers_at(&server).iter().collect::<BTreeSet<_>>(), distinct);
        }
    }
}

#[test]
fn two_benches_of_one_terminal_never_choose_the_same_number() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Engine::Sqlite);
    ring(&server);
    let benches = format!("{BENCH}{}", BENCH.replace("\"bench\"\nkind", "\"other\"\nkind"));
    let terminal = Terminal::start(&server, server.address, "pair", &benches);
    let screen = terminal.screen;
    let at_both = ["bench", "other"];
    wait_for("the item came down", || {
        let ready = at_both.map(|station| {
            touch(screen, "/act", &format!("station={station}&act=register"))?;
            let item = touch(screen, "/item", &format!("station={station}&item=RING"))?;
            (item["word"] == "prepared").then_some(())
        });
        ready.into_iter().collect::<Option<Vec<_>>>()
    });
    let shown: Vec<String> = std::thread::scope(|scope| {
        let confirm = |station: &'static str| {
            move || {
                let given = (0..60).map(|_| touch(screen, "/confirm", &format!("station={station}")).unwrap());
                given.map(|given| given["unit"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
            }
        };
        let work = at_both.map(|station| scope.spawn(confirm(station)));
        work.into_iter().flat_map(|work| work.join().unwrap()).collect()
    });
    let distinct: BTreeSet<&String> = shown.iter().collect();
    assert_eq!((shown.len(), distinct.len()), (120, 120), "{shown:?}");
}

#[test]
fn the_server_gives_numbers_of_its_own_once_for_each_command() {
    on_every_engine(async |central| {
        let place = Purpose::Place;
        let shelf = numbers::Series { code: "place".into(), prefix: "L".into(), width: 5, purpose: place };
        let shelf = Series { numbers: shelf, name: Name::default(), block: 0 };
        configure(central, vec![sample(100), shelf]).await;
        let ask = async |command: u8, code: &'static str, count: u32| {
            let server = central.server.clone();
            let give = move |tx: &mut Tx| leases::give(tx, &server, Hex([command; 16]), Some(7), code, count, at(3));
            central.database.write(give).await.map_err(|error| error.to_string())
        };
        let first = ask(1, "place", 50).await.unwrap();
        assert_eq!(first.len(), 50);
        assert_eq!(ask(1, "place", 50).await.unwrap(), first, "the same command");
        let second = ask(2, "place", 50).await.unwrap();
        let all: BTreeSet<&String> = first.iter().chain(&second).collect();
        assert_eq!(all.len(), 100);
        assert!(ask(1, "sample", 50).await.unwrap_err().contains("used before"));
        assert_eq!(ask(3, "badge", 1).await.unwrap_err(), "there is no series `badge`");
        // No terminal gets any of them.
        let door = central.enrol(1).await;
        hello(central, &door).await;
        assert_eq!(leased(central, door.book).await, ["1-100"], "of the samples alone");
        // 99,999 counters, one of 37 passed over: the last request gets what is left, the next nothing.
        let mut given = 100;
        let mut command = 10;
        while let Ok(numbers) = ask(command, "place", 1_000).await {
            (given, command) = (given + numbers.len(), command + 1);
        }
        assert!((96_000..99_999).contains(&given), "{given}");
        assert_eq!(ask(200, "place", 1).await.unwrap_err(), "the series `place` is used up");
    });
}

#[test]
fn a_series_in_use_keeps_its_form() {
    on_every_engine(async |central| {
        configure(central, vec![sample(100)]).await;
        let wider = |width| {
            let mut series = sample(50);
            series.numbers.width = width;
            series
        };
        configure(central, vec![wider(8)]).await;
        let door = central.enrol(1).await;
        hello(central, &door).await;
        let server = central.server.clone();
        let wanted = vec![wider(9)];
        let refused = central.database.write(move |tx| numbering::configure(tx, &server, &wanted, at(2))).await;
        let why = refused.unwrap_err().to_string();
        assert!(why.contains("S-00000000-X") && why.contains("S-000000000-X"), "{why}");
        configure(central, vec![]).await;
        hello(central, &Door::new(1, 2)).await;
        assert!(leased(central, Door::new(1, 2).book).await.is_empty(), "withdrawn, it is given no more");
    });
}
