//! Which code stands for what, from when to when, and who said so: nothing of it is ever overwritten.

use std::time::Duration;

use gatebook::demo::network::Network;
use gatebook::event::{Body, LineRef, Piece, Registration, Relabelling, Ruling};
use gatebook::quantity::{Moment, Quantity};
use gatebook::server::access::Role;
use gatebook::server::kernel::queries;
use gatebook::sync::records::{Content, Item, Name, Tracking};
use serde_json::{Value, json};

use crate::central::{Central, Dice, Door, at, handling, on_every_engine, own, sqlite};
use crate::numbers::{register, ring, touch, wait_for_numbers};
use crate::rig::{Server, Terminal, engines, wait_for};
use crate::web_house::{story, to};

const TAG: &str = "tag/e2801160600002091234abcd";
const NEW_TAG: &str = "tag/e2801160600002099999abcd";

fn what(number: &str) -> Piece {
    Piece { code: own(number), quantity: Quantity::ONE_PIECE }
}

fn new_piece(door: &mut Door, when: Moment, number: &str, code: Option<&str>, person: u32) -> LineRef {
    door.write(
        when,
        Body::Registration(Registration {
            series: "sample".into(),
            what: what(number),
            item: "RING".into(),
            bind: code.map(str::to_owned),
            to: Some("V1".into()),
            handling: handling("V1", Some(person)),
            exceptions: Vec::new(),
        }),
    )
}

fn relabel(door: &mut Door, when: Moment, number: &str, bind: &[&str], release: &[&str], person: u32) -> LineRef {
    let texts = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect();
    door.write(
        when,
        Body::Relabelling(Relabelling {
            what: what(number),
            bind: texts(bind),
            release: texts(release),
            handling: handling("V1", Some(person)),
            exceptions: Vec::new(),
        }),
    )
}

/// The claims of a unit as `code since-until by`, with `?` for one that is not in force and `~` for a replaced one.
async fn codes(central: &Central, number: &'static str) -> Vec<String> {
    let view = central.read(move |tx| queries::unit(tx, number, at(900_000))).await;
    let seconds = |moment: Moment| (moment.0 - at(0).0) / 1_000_000;
    let told = |bound: queries::Bound| {
        let until = bound.until.map_or_else(String::new, |until| seconds(until).to_string());
        let person = bound.person.map_or_else(|| "-".to_owned(), |person| person.to_string());
        let force = if bound.in_force.is_none() { "?" } else { "" };
        let replaced = if bound.replaced { "~" } else { "" };
        format!("{force}{replaced}{} {}-{until} {person}", bound.code, seconds(bound.since))
    };
    view.map(|view| view.codes.into_iter().map(told).collect()).unwrap_or_default()
}

async fn leads_to(central: &Central, code: &'static str) -> Option<String> {
    central.read(move |tx| queries::unit(tx, code, at(900_000))).await.map(|view| view.key)
}

async fn rebuilt_alike(central: &Central) {
    let digest = central.digest().await;
    assert_eq!(central.rebuild().await, digest, "{}: the rebuild differs", central.engine);
}

#[test]
fn a_registration_makes_the_unit_and_a_replaced_tag_leads_to_the_same_file() {
    on_every_engine(async |central| {
        let name = Name { zh: "戒指".into(), en: "Ring".into() };
        let item = Item { code: "RING".into(), name: name.clone(), gtin: None, tracking: Tracking::Lot };
        central.put(Content::Item(item), false, at(0)).await;
        let mut door = central.enrol(1).await;
        // Received by its tag before anybody had registered it.
        door.act(at(5), gatebook::event::Act::Receive, &[TAG], Some("IN"), Some(2));
        new_piece(&mut door, at(10), "S-1", Some(TAG), 7);
        central.take(door.whole()).await;
        let view = central.read(|tx| queries::unit(tx, TAG, at(900_000))).await.unwrap();
        let unit = view.record.unwrap();
        assert_eq!((unit.number.as_str(), unit.name, unit.tracking), ("S-1", name, Tracking::Serial));
        // What was done with the tag before it was bound stays with the tag.
        assert_eq!((view.place.as_deref(), view.seen.map(|seen| seen.1)), (Some("V1"), Some(at(10))));
        relabel(&mut door, at(20), "S-1", &[NEW_TAG], &[TAG], 8);
        door.act(at(30), gatebook::event::Act::Move, &[NEW_TAG], Some("V2"), Some(2));
        door.act(at(31), gatebook::event::Act::Move, &[TAG], Some("V3"), Some(2));
        central.take(door.whole()).await;
        assert_eq!(codes(central, "S-1").await, [format!("~{TAG} 10-20 7"), format!("{NEW_TAG} 20- 8")]);
        assert_eq!(leads_to(central, TAG).await.as_deref(), Some("own/S-1"), "the old label");
        assert_eq!(central.place("S-1").await.as_deref(), Some("V3"));
        rebuilt_alike(central).await;
        // Taken off: it leads to the file in a search, and is nothing's label any more.
        relabel(&mut door, at(40), "S-1", &[], &[NEW_TAG], 8);
        door.act(at(50), gatebook::event::Act::Move, &[NEW_TAG], Some("V9"), Some(2));
        central.take(door.whole()).await;
        assert_eq!(central.place("S-1").await.as_deref(), Some("V3"));
        assert_eq!(central.open().await, [format!("unknown_code {TAG}"), format!("unknown_code {NEW_TAG}")]);
        rebuilt_alike(central).await;
    });
}

#[test]
fn a_code_that_two_claim_stands_for_the_first_until_a_person_decides() {
    on_every_engine(async |central| {
        let (mut north, mut south) = (central.enrol(1).await, central.enrol(2).await);
        new_piece(&mut north, at(10), "S-1", Some(TAG), 7);
        let second = new_piece(&mut south, at(20), "S-2", Some(TAG), 8);
        // The later one arrives first and is in force until the earlier is known.
        central.take(south.whole()).await;
        assert_eq!(leads_to(central, TAG).await.as_deref(), Some("own/S-2"));
        assert!(central.open().await.is_empty());
        central.take(north.whole()).await;
        assert_eq!(leads_to(central, TAG).await.as_deref(), Some("own/S-1"));
        assert_eq!(codes(central, "S-1").await, [format!("{TAG} 10- 7")]);
        assert_eq!(codes(central, "S-2").await, [format!("?{TAG} 20- 8")], "both claims are seen");
        assert_eq!(central.open().await, [format!("bound_twice {TAG}")]);
        rebuilt_alike(central).await;
        // A person goes and looks: it is on the second piece.
        central.bind(TAG, "S-2", at(20)).await;
        let (reason, note) = ("bound_twice".to_owned(), "looked at both".to_owned());
        central.decide(Ruling::Settle { line: second, reason, code: TAG.to_owned(), note }, at(60)).await;
        assert_eq!(leads_to(central, TAG).await.as_deref(), Some("own/S-2"));
        assert!(central.open().await.is_empty(), "{:?}", central.open().await);
        assert_eq!(codes(central, "S-1").await, [format!("{TAG} 10-20 7")]);
        assert_eq!(codes(central, "S-2").await, [format!("{TAG} 20- 1"), format!("?{TAG} 20-20 8")]);
        rebuilt_alike(central).await;
    });
}

#[test]
fn what_was_taken_back_was_never_bound_and_its_number_stays_given() {
    on_every_engine(async |central| {
        let mut door = central.enrol(1).await;
        let wrong = new_piece(&mut door, at(10), "S-1", Some(TAG), 7);
        door.correct(at(11), wrong);
        let right = new_piece(&mut door, at(12), "S-2", Some(TAG), 7);
        central.take(door.batch(1, 1)).await;
        central.take(door.batch(2, 3)).await;
        assert_eq!(leads_to(central, TAG).await.as_deref(), Some("own/S-2"));
        assert!(central.open().await.is_empty(), "{:?}", central.open().await);
        assert_eq!(central.number("SELECT count(*) FROM unit WHERE withdrawn = 1").await, 1);
        let change = relabel(&mut door, at(20), "S-2", &[NEW_TAG], &[TAG], 7);
        door.correct(at(21), change);
        central.take(door.whole()).await;
        assert_eq!(codes(central, "S-2").await, [format!("{TAG} 12- 7")]);
        // The same number again, from a book that forgot: the first keeps it, and a person looks at the second.
        let mut forgetful = Door::new(1, 2);
        new_piece(&mut forgetful, at(30), "S-2", None, 7);
        central.take(forgetful.whole()).await;
        assert_eq!(central.open().await, ["number_twice own/S-2"]);
        door.correct(at(31), right);
        central.take(door.whole()).await;
        assert!(central.open().await.is_empty(), "one has it now");
        let withdrawn = central.number("SELECT count(*) FROM unit WHERE withdrawn = 1").await;
        assert_eq!(withdrawn, 1, "the other registration of S-2 stands");
        rebuilt_alike(central).await;
    });
}

#[test]
fn a_store_of_before_keeps_the_history_of_its_codes() {
    on_every_engine(async |central| {
        for (unit, since) in [("S-1", 10), ("S-2", 20), ("S-1", 30)] {
            central.bind(TAG, unit, at(since)).await;
        }
        central.bind(NEW_TAG, "S-2", at(5)).await;
        let claims = "SELECT code, line, unit, since_us, until_us, in_force_us, clashed, replaced FROM claim";
        let read = |tx: &mut gatebook::server::database::Tx| {
            let mut rows: Vec<_> = tx.query(claims, &[])?.iter().map(|row| format!("{:?}", row.values())).collect();
            rows.sort();
            Ok(rows)
        };
        let known = central.read(read).await;
        assert_eq!(known.len(), 4);
        central.tamper("DELETE FROM claim").await;
        let step = include_str!("../src/server/schema/0012_numbers.sql");
        let (_, carried_over) = step.split_once("INSERT INTO claim").unwrap();
        let sql: &'static str =
            Box::leak(format!("INSERT INTO claim{}", carried_over.trim_end().trim_end_matches(';')).into());
        central.tamper(sql).await;
        assert_eq!(central.read(read).await, known, "{}", central.engine);
    });
}

/// What people and programs see of codes, units and exceptions: all but the order in which the server decided.
async fn state(central: &Central) -> Vec<String> {
    const SEEN: [&str; 8] = [
        "binding: code, since_us, until_us, unit",
        "claim: code, line, unit, since_us, until_us, in_force_us, clashed, replaced",
        "relabelled: line, code, unit, since_us, bound, replaced",
        "registration: line, unit, corrected_us, terminal_no, epoch, series, counter",
        "unit: unit, number, item, tracking, name_zh, name_en, home, amount, measure, withdrawn",
        "unit_state: unit, place, checked_out, seen_place, last_us, last_line, last_piece",
        "exception: line, reason, code, unit, corrected_us",
        "touch: unit, corrected_us, line, piece, code, act, person_no",
    ];
    let read = |tx: &mut gatebook::server::database::Tx| {
        let mut rows = Vec::new();
        for (table, columns) in SEEN.iter().filter_map(|seen| seen.split_once(": ")) {
            for row in tx.query(&format!("SELECT {columns} FROM {table}"), &[])? {
                rows.push(format!("{table} {:?}", row.values()));
            }
        }
        rows.sort();
        Ok(rows)
    };
    central.read(read).await
}

#[test]
fn any_order_of_arrival_gives_one_history_of_the_codes() {
    for seed in [3, 11, 2026] {
        on_every_engine(async |central| {
            let mut dice = Dice(seed);
            let mut doors: Vec<Door> = (1..=3).map(|terminal| Door::new(terminal, 1)).collect();
            let tags = [TAG, NEW_TAG, "own/LABEL-1", "own/LABEL-2"];
            for step in 0..90_i64 {
                let which = dice.below(3) as usize;
                let number = format!("S-{}", dice.below(6));
                let (code, other) = (*dice.one(&tags), *dice.one(&tags));
                let when = at(step * 50 + dice.below(400) as i64);
                let door = &mut doors[which];
                let lines = door.lines.len() as u64;
                match dice.below(10) {
                    0 | 1 => drop(new_piece(door, when, &number, Some(code), 7)),
                    2 => drop(new_piece(door, when, &number, None, 7)),
                    3 | 4 => drop(relabel(door, when, &number, &[code], &[other], 8)),
                    5 => drop(relabel(door, when, &number, &[], &[code], 8)),
                    6 if 0 < lines => {
                        let seq = dice.below(lines) + 1;
                        let (terminal, epoch) = (door.book.terminal, door.book.epoch);
                        door.correct(when, LineRef { terminal, epoch, seq });
                    }
                    7 => drop(door.act(when, gatebook::event::Act::Move, &[&own(&number)], Some("V2"), None)),
                    _ => drop(door.act(when, gatebook::event::Act::Move, &[code], Some("V3"), None)),
                }
            }
            let other = sqlite().await;
            let mut states = Vec::new();
            for (central, order) in [(central, 1), (&other, 2)] {
                for terminal in 1..=3 {
                    central.enrol(terminal).await;
                }
                let mut dice = Dice(seed + order);
                let mut sent = [0_u64; 3];
                while doors.iter().zip(&sent).any(|(door, sent)| *sent < door.lines.len() as u64) {
                    let which = dice.below(3) as usize;
                    let all = doors[which].lines.len() as u64;
                    let last = (sent[which] + 1 + dice.below(15)).min(all);
                    if sent[which] < last {
                        central.take(doors[which].batch(sent[which] + 1, last)).await;
                        sent[which] = last;
                    }
                }
                let digest = central.digest().await;
                states.push(state(central).await);
                assert_eq!(central.rebuild().await, digest, "seed {seed}, {} order {order}", central.engine);
                assert_eq!(state(central).await, states[states.len() - 1]);
            }
            assert!(central.open().await.iter().any(|open| open.starts_with("bound_twice")), "seed {seed}: no clash");
            for (one, other) in states[0].iter().zip(&states[1]) {
                assert_eq!(one, other, "seed {seed}, {}", central.engine);
            }
            assert_eq!(states[0].len(), states[1].len());
        });
    }
}

/// Requirement S-04 at the handheld, without a network, and what the server makes of it.
#[test]
fn a_tag_is_replaced_at_a_terminal_without_a_network() {
    for engine in engines() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), engine);
        ring(&server);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let network = runtime.block_on(Network::to(server.address)).unwrap();
        let bench =
            "[[station]]\nname = \"bench\"\nkind = \"bench\"\ndevices = []\nplace = \"IN\"\ndefault_act = \"\"\n";
        let mut terminal = Terminal::start(&server, network.address, "bench", bench);
        wait_for_numbers(&terminal, 100);
        network.cut(true);
        let screen = terminal.screen;
        let (first, second) = (register(&terminal, "OLD-1"), register(&terminal, "OLD-2"));
        let scan = |code: &str| {
            let given = touch(screen, "/scan", &format!("code={code}")).unwrap();
            let line = if given["line"].is_null() { "" } else { " +line" };
            format!("{} {}{line}", given["tone"].as_str().unwrap(), given["word"].as_str().unwrap())
        };
        let confirm = || touch(screen, "/confirm", "").unwrap()["word"].as_str().unwrap().to_owned();
        for (step, code, want) in [
            ("the number of a piece is no label", first.as_str(), "again registered_before"),
            ("a label of this very act", "OLD-1", "again already_scanned"),
            ("a new act", "GB-ACT-REGISTER", "note started"),
            ("a label that is taken", "OLD-1", "look code_taken"),
            ("the card of the act", "GB-ACT-RELABEL", "note started"),
            ("no piece yet", "NEW-1", "ask piece_first"),
            ("the piece", "OLD-1", "note relabel"),
            ("its new label", "NEW-1", "ok relabelled +line"),
            ("scanned twice", "NEW-1", "again already_scanned"),
            ("the next by its number", second.as_str(), "note relabel"),
            ("on another piece, as far as is known", "NEW-1", "look code_taken"),
            ("a new label now is for no piece", "NEW-2", "ask piece_first"),
            ("the piece again", second.as_str(), "note relabel"),
            ("and the label that is taken", "NEW-1", "look code_taken"),
            ("and it is claimed all the same", "GB-CONFIRM", "look relabelled +line"),
            ("taken back", "GB-UNDO", "ok taken_back +line"),
            ("the other act", "GB-ACT-MOVE", "note started"),
        ] {
            assert_eq!(scan(code), want, "{engine:?}: {step}");
        }
        assert_eq!(confirm(), "nothing_prepared");
        let unit_of = |code: &str| touch(screen, "/scan", &format!("code={code}")).unwrap()["unit"].clone();
        assert_eq!((unit_of("OLD-1"), unit_of("NEW-1")), (json!(first), json!(first)));
        // A restart in between loses nothing of it.
        terminal.kill();
        terminal.run();
        assert_eq!((unit_of("OLD-1"), unit_of("NEW-1")), (json!(first), json!(first)));
        server.put_record(&json!({
            "kind": "place", "code": "V1", "place_kind": "vault", "name": { "zh": "库", "en": "Vault" },
        }));
        network.cut(false);
        terminal.wait_until_sent();
        wait_for("the place came down", || (scan("V1") == "note place").then_some(()));
        assert_eq!(scan("OLD-1"), "look recorded +line", "the old label is told");
        assert_eq!(scan("OLD-2"), "ok recorded +line");
        terminal.wait_until_sent();
        let unit = server.api("/api/v1/units/OLD-1").unwrap();
        assert_eq!((&unit["unit"]["number"], &unit["place"]), (&json!(first), &json!("V1")));
        let codes: Vec<(&str, bool, bool)> = unit["codes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|code| (code["code"].as_str().unwrap(), code["until_us"].is_null(), code["replaced"] == true))
            .collect();
        assert_eq!(codes, [("own/OLD-1", false, true), ("own/NEW-1", true, false)], "{engine:?}");
        let exceptions = server.api("/api/v1/exceptions").unwrap();
        let reasons: Vec<&Value> = exceptions["items"].as_array().unwrap().iter().map(|one| &one["reason"]).collect();
        assert_eq!(reasons, ["code_replaced"], "{engine:?}: what was taken back claims nothing");
        terminal.kill();
        let (standing, rebuilt) = server.digests();
        assert_eq!(standing, rebuilt);
    }
}

#[test]
fn people_see_the_history_of_the_codes_and_find_by_an_old_one() {
    story(async |house| {
        let chen = house.come_in("chen", &[Role::Keeper]).await;
        let root = house.come_in("root", &[Role::Administrator]).await;
        let mut terminal = house.enrol(&root, "bench-1").await;
        let now = Moment::now();
        let registered = Body::Registration(Registration {
            series: "sample".into(),
            what: what("S-1"),
            item: "RING".into(),
            bind: Some(TAG.into()),
            to: None,
            handling: handling("V1", None),
            exceptions: Vec::new(),
        });
        let relabelled = Body::Relabelling(Relabelling {
            what: what("S-1"),
            bind: vec![NEW_TAG.into()],
            release: vec![TAG.into()],
            handling: handling("V1", None),
            exceptions: Vec::new(),
        });
        let batch = terminal.batch(now.minus(Duration::from_secs(60)), &[registered, relabelled]);
        assert_eq!(terminal.send(&house, &batch).await.status(), 200);
        for (q, address) in [(TAG, "/units/S-1"), ("E2801160600002091234ABCD", "/units/S-1"), ("s-1", "/units/S-1")] {
            let found = house.get(&format!("/search?q={q}"), &chen).await;
            assert_eq!((found.status().as_u16(), to(&found)), (303, address), "{q}");
        }
        for (language, words) in [("en", ["Code", "Until", "replaced"]), ("zh-CN", ["标签码", "止", "已更换"])] {
            let page = house.get("/units/S-1", &format!("{chen}; gatebook-lang={language}")).await;
            let page = page.text().await.unwrap();
            for word in words.iter().chain(&["E2801160600002091234ABCD", "E2801160600002099999ABCD"]) {
                assert!(page.contains(word), "{language}: no {word} on the page");
            }
        }
        let wrong = house.get("/search?q=s0004217a", &format!("{chen}; gatebook-lang=en")).await;
        let wrong = wrong.text().await.unwrap();
        assert!(wrong.contains("check character of S-0004217-A does not fit"), "{wrong}");

        let key = "00000000000000000000000000000001";
        let asked = json!({ "series": "tray", "count": 3 });
        let first = house.post_json("/api/v1/numbers", &root, key, &asked).await;
        assert_eq!(first.status(), 201);
        let first: Value = serde_json::from_slice(&first.bytes().await.unwrap()).unwrap();
        let again = house.post_json("/api/v1/numbers", &root, key, &asked).await;
        assert_eq!(serde_json::from_slice::<Value>(&again.bytes().await.unwrap()).unwrap(), first);
        assert_eq!(first["items"].as_array().unwrap().len(), 3);
        let lease = json!({ "kind": "lease", "series": "sample", "terminal": 1, "epoch": "00".repeat(16), "first": 1,
            "last": 9, "by": "00".repeat(16) });
        let refused = house.post_json("/api/v1/records", &root, "00000000000000000000000000000002", &lease).await;
        assert_eq!(refused.status(), 422);
        house.running.stop().await;
    });
}
