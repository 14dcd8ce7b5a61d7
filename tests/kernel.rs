//! Where things are, whatever the order in which the books arrive.

use gatebook::event::{Act, Body, Direction, LabelPrinted, LabelWhy, LineRef, Movement, Reason, Ruling, System};
use gatebook::server::kernel::queries::{self, Which};
use gatebook::server::verify::verify;
use gatebook::sync::records::Tracking;

use crate::central::{Central, Dice, Door, at, handling, movement, on_every_engine, own, piece};

/// What the central book must hold whatever happened (I1, I2, I4 of the domain model).
async fn check_invariants(central: &Central, story: &str) {
    let sums = "SELECT count(*) FROM (SELECT unit FROM balance GROUP BY unit, measure HAVING sum(amount) <> 0) AS odd";
    assert_eq!(central.number(sums).await, 0, "{story}: a unit is not conserved");
    let doubled = "SELECT count(*) FROM (SELECT b.unit FROM balance b JOIN unit_state s ON s.unit = b.unit \
                   WHERE s.place <> '' AND b.amount > 0 GROUP BY b.unit HAVING sum(b.amount) > 1) AS odd";
    assert_eq!(central.number(doubled).await, 0, "{story}: one thing is in two places");
    let orphans = "SELECT count(*) FROM move m WHERE NOT EXISTS (SELECT 1 FROM line l WHERE l.id = m.line)";
    assert_eq!(central.number(orphans).await, 0, "{story}: a move has no origin");
    let moved = "SELECT count(*) FROM (SELECT unit, place, measure, sum(amount) AS total FROM \
                 (SELECT unit, to_place AS place, measure, amount FROM move \
                  UNION ALL SELECT unit, from_place, measure, -amount FROM move) AS legs \
                 GROUP BY unit, place, measure HAVING sum(amount) <> 0) AS m \
                 LEFT JOIN balance b ON b.unit = m.unit AND b.place = m.place AND b.measure = m.measure \
                 WHERE b.amount IS NULL OR b.amount <> m.total";
    assert_eq!(central.number(moved).await, 0, "{story}: a balance is not the sum of its moves");
}

const SERIALS: [&str; 5] = ["own/R-1", "own/R-2", "tag/e2801160", "01/09521234543213/21/7", "own/R-3"];
const LOT: &str = "01/09521234543213/10/L7";
/// Also what no careful terminal sends.
const PLACES: [&str; 8] = ["V1", "V2", "V1", "BENCH", "scrap", "person:2", "person:02", ""];

/// A label that came out of a printer: it is history, and moves nothing.
fn label(code: &str, person: Option<u32>) -> Body {
    Body::System(System::LabelPrinted(LabelPrinted {
        code: code.to_owned(),
        template: "sample".to_owned(),
        copy: 1,
        why: LabelWhy::First,
        job: 1,
        epc: None,
        handling: handling("V1", person),
    }))
}

/// A random line at a random terminal.
fn scribble(dice: &mut Dice, door: &mut Door, seconds: i64) {
    let when = at(seconds);
    let lines = door.lines.len() as u64;
    if lines == 0 || dice.below(20) == 0 {
        let offset = dice.below(600) as i64 - 300;
        door.offset(when, offset);
        return;
    }
    let code = *dice.one(&SERIALS);
    let person = Some(dice.below(3) as u32 + 1);
    let place = Some(*dice.one(&PLACES));
    let act = *dice.one(&Act::ALL);
    match dice.below(11) {
        10 => {
            door.write(when, label(code, person));
        }
        0 => {
            let seq = dice.below(lines) + 1;
            door.correct(when, LineRef { terminal: door.book.terminal, epoch: door.book.epoch, seq });
        }
        1 | 2 => {
            let direction = *dice.one(&[Direction::In, Direction::Out, Direction::Unknown]);
            let person = person.filter(|_| dice.below(2) == 0);
            door.pass(when, direction, code, person);
        }
        3..=5 => {
            let from = Some(*dice.one(&PLACES)).filter(|_| dice.below(2) == 0);
            let amount = dice.below(40) as i64;
            door.write(when, movement(act, vec![piece(LOT, amount)], from, place, person));
        }
        6 => {
            door.act(when, act, &[code, *dice.one(&SERIALS)], place, person);
        }
        7 => {
            door.write_raw(when, dice.below(9) as u8, 1 + dice.below(2) as u16, vec![1, 2, 3]);
        }
        _ => {
            door.act(when, act, &[code], place, person);
        }
    }
}

/// Sends the books in random pieces and order, with pieces sent twice; decisions come in between.
async fn deliver(central: &Central, dice: &mut Dice, doors: &[Door], decisions: &[Ruling], first_decision: u32) {
    let mut sent: Vec<u64> = vec![0; doors.len()];
    let mut decided = 0;
    while decided < decisions.len() || doors.iter().zip(&sent).any(|(door, sent)| *sent < door.lines.len() as u64) {
        if decided < decisions.len() && dice.below(4) == 0 {
            let ruling = decisions[decided].clone();
            central.try_decide(first_decision + decided as u32, ruling, at(500 * decided as i64)).await.unwrap();
            decided += 1;
        }
        let at = dice.below(doors.len() as u64) as usize;
        let (door, have) = (&doors[at], sent[at]);
        let all = door.lines.len() as u64;
        // Up to five lines that are here already come again.
        let first = have.saturating_sub(dice.below(6)) + 1;
        let last = (have + dice.below(12)).min(all);
        if last < first {
            continue;
        }
        let reply = central.take(door.batch(first, last)).await;
        assert_eq!(reply.next, last.max(have) + 1);
        sent[at] = last.max(have);
    }
}

#[test]
fn any_order_of_arrival_gives_one_state() {
    for seed in [1, 7, 42] {
        on_every_engine(async |central| story(central, seed).await);
    }
}

/// The same history in three orders on three stores, and rebuilt.
async fn story(central: &Central, seed: u64) {
    let mut dice = Dice(seed);
    let mut doors: Vec<Door> = (1..=3).map(|terminal| Door::new(terminal, 1)).collect();
    // A terminal that began a second book.
    doors.push(Door::new(1, 2));
    for step in 0..160 {
        let at = dice.below(doors.len() as u64) as usize;
        let seconds = step * 60 + dice.below(900) as i64;
        scribble(&mut dice, &mut doors[at], seconds);
    }
    doors.iter_mut().for_each(Door::seal);
    let put = |number: u64, content| {
        let record = gatebook::sync::records::Record {
            version: number,
            withdrawn: false,
            since: at(1_000 * number as i64),
            content,
        };
        Ruling::Put { record: gatebook::hex::HexBytes(serde_json::to_vec(&record).unwrap()) }
    };
    let bind = |number, unit: &str| {
        let binding = gatebook::sync::records::Binding { code: SERIALS[2].into(), unit: unit.into() };
        put(number, gatebook::sync::records::Content::Binding(binding))
    };
    let decisions = vec![bind(1, "R-1"), bind(2, "R-2"), bind(5, "R-1"), bind(6, "R-9")];

    let mut other = crate::central::sqlite().await;
    other.become_twin_of(central).await;
    let mut digests = Vec::new();
    for (central, order) in [(central, 1), (&other, 2)] {
        let story = format!("seed {seed}, {}, order {order}", central.engine);
        for terminal in 1..=3 {
            central.enrol(terminal).await;
        }
        deliver(central, &mut Dice(seed + order), &doors, &decisions, 900).await;
        check_invariants(central, &story).await;
        let digest = central.digest().await;
        assert_eq!(central.rebuild().await, digest, "{story}: the rebuild differs");
        check_invariants(central, &story).await;
        let moves = central.number("SELECT count(*) FROM move").await;
        assert!(50 < moves, "{story}: the history moved next to nothing");
        digests.push(digest);
    }
    assert_eq!(digests[0], digests[1], "seed {seed}: {} and SQLite in another order differ", central.engine);
}

#[test]
fn a_ring_goes_out_and_comes_back() {
    on_every_engine(async |central| {
        let mut door = central.enrol(1).await;
        central.register("R-1", Tracking::Serial).await;
        let ring = own("R-1");
        let expected = [
            (door.act(at(10), Act::Receive, &[&ring], Some("V1"), Some(2)), "V1"),
            (door.act(at(20), Act::CheckOut, &[&ring], None, Some(7)), "person:7"),
            (door.pass(at(30), Direction::Out, &ring, None), "person:7"),
            (door.act(at(40), Act::Return, &[&ring], Some("V2"), Some(7)), "V2"),
            (door.pass(at(50), Direction::Out, &ring, Some(8)), "person:8"),
            (door.pass(at(60), Direction::In, &ring, None), "VAULT"),
            (door.act(at(70), Act::Count, &[&ring], Some("VAULT"), None), "VAULT"),
        ];
        for (line, place) in expected {
            central.take(door.batch(line.seq, line.seq)).await;
            assert_eq!(central.place("R-1").await.as_deref(), Some(place), "{} line {}", central.engine, line.seq);
        }
        assert!(central.open().await.is_empty(), "{:?}", central.open().await);
        let held = central.number("SELECT count(*) FROM custody WHERE until_line IS NOT NULL").await;
        assert_eq!(held, 2, "{}", central.engine);
        let history = central.read(|tx| queries::history(tx, "own/R-1", None, 3)).await;
        let acts: Vec<&str> = history.rows.iter().map(|row| row.act.as_str()).collect();
        assert_eq!(acts, ["count", "in", "out"]);
        assert_eq!(history.rows[1].moves[0].to, "VAULT");
        let next = history.next.unwrap();
        let rest = central.read(move |tx| queries::history(tx, "own/R-1", Some(&next), 200)).await;
        assert_eq!((rest.rows.len(), rest.next), (4, None));
    });
}

#[test]
fn what_breaks_a_rule_stands_and_is_raised() {
    on_every_engine(async |central| {
        let mut door = central.enrol(1).await;
        for number in ["A", "B", "C", "D", "E"] {
            central.register(number, Tracking::Serial).await;
        }
        central.register("L", Tracking::Lot).await;
        let (a, b, c, d, e, lot) = (own("A"), own("B"), own("C"), own("D"), own("E"), own("L"));
        let all = [a.as_str(), &b, &c, &d, &e];
        door.act(at(1), Act::Receive, &all, Some("V1"), None);
        door.act(at(2), Act::Receive, &[&a], Some("V2"), None);
        door.act(at(3), Act::CheckOut, &[&b], None, Some(1));
        door.act(at(4), Act::CheckOut, &[&b], None, Some(2));
        door.act(at(5), Act::Return, &[&c], Some("V1"), None);
        door.write(at(6), movement(Act::Move, vec![piece(&d, 1)], Some("V9"), Some("V3"), None));
        door.pass(at(7), Direction::Unknown, &e, None);
        door.act(at(8), Act::Count, &[&e], Some("V4"), None);
        door.act(at(9), Act::PutAway, &["tag/e200"], Some("V1"), None);
        door.write(at(10), movement(Act::Receive, vec![piece(&lot, 10)], None, Some("V1"), None));
        door.write(at(11), movement(Act::Move, vec![piece(&lot, 15)], Some("V1"), Some("V2"), None));
        door.write(at(12), movement(Act::Count, vec![piece(&lot, 12)], None, Some("V2"), None));
        door.write(at(13), movement(Act::CheckOut, vec![piece(&lot, 2)], None, None, None));
        door.write(at(14), movement(Act::Receive, vec![piece(&lot, -4)], None, Some("V1"), None));
        central.take(door.whole()).await;
        let mut want = vec![
            format!("already_received {a}"),
            format!("already_out {b}"),
            format!("not_out {c}"),
            format!("wrong_place {d}"),
            format!("direction_unknown {e}"),
            format!("count_variance {e}"),
            "unknown_code tag/e200".to_owned(),
            format!("short {lot}"),
            format!("count_variance {lot}"),
            format!("no_person {lot}"),
            format!("unreadable {lot}"),
        ];
        want.sort();
        assert_eq!(central.open().await, want, "{}", central.engine);
        for (code, place) in [("A", "V2"), ("B", "person:1"), ("C", "V1"), ("D", "V3"), ("E", "V4"), ("tag/e200", "V1")]
        {
            assert_eq!(central.place(code).await.as_deref(), Some(place), "{} {code}", central.engine);
        }
        let amounts = central.read(|tx| Ok(queries::unit(tx, "L", at(100))?.unwrap().balances)).await;
        let amounts: Vec<String> =
            amounts.iter().map(|held| format!("{} {}", held.place, held.quantity.amount)).collect();
        assert_eq!(amounts, ["V2 10", "count_loss 3", "holder_unknown 2", "supplier -10", "suspense -5"]);
        check_invariants(central, central.engine).await;
    });
}

#[test]
fn the_first_of_two_doors_that_hand_out_one_thing_has_it() {
    on_every_engine(async |central| {
        let (mut north, mut south) = (central.enrol(1).await, central.enrol(2).await);
        central.register("R-1", Tracking::Serial).await;
        let ring = own("R-1");
        north.act(at(10), Act::Receive, &[&ring], Some("V1"), None);
        south.act(at(20), Act::CheckOut, &[&ring], None, Some(2));
        north.act(at(30), Act::CheckOut, &[&ring], None, Some(1));
        central.take(north.whole()).await;
        assert_eq!(central.place("R-1").await.as_deref(), Some("person:1"));
        central.take(south.whole()).await;
        assert_eq!(central.place("R-1").await.as_deref(), Some("person:2"), "the earlier one");
        assert_eq!(central.open().await, [format!("already_out {ring}")]);
        let late = LineRef { terminal: 1, epoch: north.book.epoch, seq: 2 };
        let (reason, note) = ("already_out".to_owned(), "asked both".to_owned());
        let settle = Ruling::Settle { line: late, reason, code: ring.clone(), note };
        central.decide(settle.clone(), at(40)).await;
        assert!(central.open().await.is_empty());
        assert!(central.try_decide(77, settle, at(41)).await.is_err(), "settled once");
        let all = central.read(|tx| queries::exceptions(tx, Which::All, None, 10)).await;
        assert_eq!(all.rows[0].settled.as_ref().map(|settled| settled.note.as_str()), Some("asked both"));
    });
}

#[test]
fn a_late_line_touches_only_the_rows_of_its_unit() {
    on_every_engine(async |central| {
        let (mut quick, mut late) = (central.enrol(1).await, central.enrol(2).await);
        for number in 0..30 {
            let code = own(&format!("R-{number}"));
            quick.act(at(100 + number), Act::Receive, &[&code], Some("V1"), None);
            quick.act(at(200 + number), Act::CheckOut, &[&code], None, Some(3));
        }
        central.take(quick.whole()).await;
        // Which rows a statement wrote is seen by what differs after all others were marked.
        central.tamper("UPDATE move SET to_place = 'MARK' WHERE to_place = 'V1'").await;
        late.act(at(50), Act::Receive, &[&own("R-4")], Some("V0"), None);
        central.take(late.whole()).await;
        assert_eq!(central.number("SELECT count(*) FROM move WHERE to_place = 'MARK'").await, 29);
        assert_eq!(central.number("SELECT count(*) FROM move WHERE unit = 'own/R-4'").await, 3);
        central.rebuild().await;
        assert_eq!(central.number("SELECT count(*) FROM move WHERE to_place = 'MARK'").await, 0);
    });
}

#[test]
fn a_binding_moves_the_history_of_its_code() {
    on_every_engine(async |central| {
        let mut door = central.enrol(1).await;
        let tag = "tag/e2801160";
        door.act(at(10), Act::Receive, &[tag], Some("V1"), None);
        door.act(at(20), Act::Move, &[tag], Some("V2"), None);
        door.act(at(30), Act::Move, &[tag], Some("V3"), None);
        central.take(door.whole()).await;
        assert_eq!(central.place(tag).await.as_deref(), Some("V3"));
        assert_eq!(central.open().await.len(), 3, "nobody knows the code");
        central.register("R-1", Tracking::Serial).await;
        central.register("R-2", Tracking::Serial).await;
        central.bind(tag, "R-1", at(0)).await;
        assert_eq!(central.place("R-1").await.as_deref(), Some("V3"));
        assert!(central.open().await.is_empty(), "{:?}", central.open().await);
        assert_eq!(
            central.number("SELECT count(*) FROM unit_state").await,
            1,
            "the code is no unit of its own any more"
        );
        // From 25 s on it was another ring: the tag was moved over without saying so.
        central.bind(tag, "R-2", at(25)).await;
        assert_eq!(central.place("R-1").await.as_deref(), Some("V2"));
        assert_eq!(central.place("R-2").await.as_deref(), Some("V3"));
        assert_eq!(central.open().await, ["bound_twice "]);
        let before = central.digest().await;
        assert_eq!(central.rebuild().await, before);
    });
}

#[test]
fn what_was_taken_back_has_no_effect_and_only_once() {
    on_every_engine(async |central| {
        let mut door = central.enrol(1).await;
        central.register("R-1", Tracking::Serial).await;
        let ring = own("R-1");
        door.act(at(10), Act::Receive, &[&ring], Some("V1"), None);
        let wrong = door.act(at(20), Act::Receive, &[&ring], Some("V2"), None);
        central.take(door.whole()).await;
        assert_eq!(central.open().await, [format!("already_received {ring}")]);
        let first = door.correct(at(30), wrong);
        door.correct(at(31), wrong);
        door.correct(at(32), first);
        door.correct(at(33), LineRef { terminal: 1, epoch: door.book.epoch, seq: 99 });
        central.take(door.batch(3, 6)).await;
        assert_eq!(central.place("R-1").await.as_deref(), Some("V1"));
        assert_eq!(central.open().await, ["not_correctable ", "not_correctable ", "not_correctable "]);
        let history = central.read(|tx| queries::history(tx, "own/R-1", None, 10)).await;
        assert_eq!(history.rows[0].corrected_by, Some(first));
        let before = central.digest().await;
        assert_eq!(central.rebuild().await, before);
    });
}

#[test]
fn a_clock_that_was_wrong_is_put_right_from_the_book_alone() {
    on_every_engine(async |central| {
        let (mut right, mut slow) = (central.enrol(1).await, central.enrol(2).await);
        central.register("R-1", Tracking::Serial).await;
        let ring = own("R-1");
        right.act(at(1_000), Act::Receive, &[&ring], Some("V1"), None);
        // One hour slow: what it calls 0 s is 3600 s.
        slow.offset(at(0), 3_600);
        slow.act(at(1), Act::Move, &[&ring], Some("V2"), None);
        // Then set back two hours; within a book time does not run back.
        slow.act(at(-7_200), Act::Move, &[&ring], Some("V3"), None);
        central.take(slow.whole()).await;
        central.take(right.whole()).await;
        assert_eq!(central.place("R-1").await.as_deref(), Some("V3"));
        let history = central.read(|tx| queries::history(tx, "own/R-1", None, 10)).await;
        let times: Vec<_> = history.rows.iter().map(|row| row.at).collect();
        assert_eq!(times, [at(3_601), at(3_601), at(1_000)]);
        assert!(central.open().await.is_empty());
    });
}

#[test]
fn the_label_and_the_tag_of_one_ring_are_one_ring() {
    on_every_engine(async |central| {
        let mut door = central.enrol(1).await;
        central.register("R-1", Tracking::Serial).await;
        central.bind("tag/e2801160", "R-1", at(0)).await;
        let ring = own("R-1");
        door.act(at(1), Act::Receive, &[&ring, "tag/e2801160"], Some("V1"), None);
        door.act(at(2), Act::Move, &[&ring], Some("person:2"), None);
        central.take(door.whole()).await;
        assert!(central.open().await.is_empty(), "{:?}", central.open().await);
        let view = central.read(|tx| queries::unit(tx, "tag/e2801160", at(9))).await.unwrap();
        assert_eq!((view.key, view.holder, view.checked_out), (ring, Some(2), true), "handed over to a person");
        assert_eq!(view.codes[0].code, "tag/e2801160");
        assert!(central.read(|tx| queries::unit(tx, "R-77", at(9))).await.is_none());
    });
}

#[test]
fn a_withdrawn_unit_keeps_its_past() {
    on_every_engine(async |central| {
        let mut door = central.enrol(1).await;
        let ring = own("R-1");
        let Body::Movement(mut scan) = movement(Act::Receive, vec![piece(&ring, 1)], None, Some("V1"), None) else {
            unreachable!()
        };
        // The terminal's data were old; the server knows the ring.
        scan.exceptions = vec![Reason::UnknownCode];
        door.write(at(1), Body::Movement(scan));
        central.take(door.whole()).await;
        assert_eq!(central.open().await, [format!("unknown_code {ring}")]);
        central.register("R-1", Tracking::Serial).await;
        assert!(central.open().await.is_empty());
        let Some(known) = central.read(|tx| gatebook::server::catalog::store::record(tx, "unit", "R-1")).await else {
            panic!("registered")
        };
        central.put(known.content, true, at(9)).await;
        assert!(central.open().await.is_empty());
        assert_eq!(central.place("R-1").await.as_deref(), Some("V1"));
        let held = central.read(|tx| queries::balances(tx, Some("V1"), None, 1)).await;
        assert_eq!((held.rows.len(), held.rows[0].quantity.amount, held.next), (1, 1, None));
    });
}

#[test]
fn lists_come_in_pages() {
    on_every_engine(async |central| {
        let mut door = central.enrol(1).await;
        for number in 10..22 {
            let code = own(&format!("R-{number}"));
            door.act(at(number), Act::CheckOut, &[&code], None, Some(number as u32 % 2));
        }
        central.take(door.whole()).await;
        let (mut after, mut units, mut pages) = (None, Vec::new(), 0);
        loop {
            let page = central.read(move |tx| queries::custody(tx, None, after.as_deref(), 5)).await;
            units.extend(page.rows.iter().map(|held| (held.person, held.unit.clone())));
            pages += 1;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!((pages, units.len()), (3, 12));
        assert!(units.is_sorted() && units.iter().filter(|(person, _)| *person == 1).count() == 6);
        let of_one = central.read(|tx| queries::custody(tx, Some(1), None, 200)).await;
        assert_eq!(of_one.rows.len(), 6);
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let page = central.read(move |tx| queries::exceptions(tx, Which::Open, after.as_deref(), 5)).await;
            seen.extend(page.rows.iter().map(|row| row.code.clone()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!((seen.len(), seen[0].as_str(), seen[11].as_str()), (12, "own/R-21", "own/R-10"), "newest first");
        let (mut after, mut places) = (None, Vec::new());
        loop {
            let page = central.read(move |tx| queries::balances(tx, None, after.as_deref(), 7)).await;
            places.extend(page.rows.iter().map(|row| (row.place.clone(), row.unit.clone())));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert!(places.len() == 24 && places.is_sorted(), "{places:?}");
        let first = central.read(|tx| queries::recent(tx, None, 4)).await;
        let rest = central.read(move |tx| queries::recent(tx, first.next.as_deref(), 200)).await;
        assert_eq!((rest.rows.len(), rest.rows[0].unit.as_str()), (8, "own/R-17"));
        let garbled = central.read(|tx| queries::recent(tx, Some("no such key"), 3)).await;
        assert_eq!(garbled.rows[0].unit, "own/R-21");
    });
}

#[test]
fn a_crowd_with_a_stated_reason_is_one_exception() {
    on_every_engine(async |central| {
        let mut door = central.enrol(1).await;
        for number in ["A", "B"] {
            central.register(number, Tracking::Serial).await;
        }
        let Body::Movement(mut crowd) =
            movement(Act::CheckOut, vec![piece(&own("A"), 1), piece(&own("B"), 1)], None, None, Some(4))
        else {
            unreachable!()
        };
        crowd.exceptions = vec![Reason::NoPass, Reason::NoPass];
        let line = door.write(at(1), Body::Movement(crowd));
        let alone = gatebook::event::Attempt {
            act: Act::CheckOut,
            what: vec![piece(&own("A"), 1)],
            handling: handling("V1", Some(4)),
            reason: Reason::OnHold,
        };
        door.write(at(2), Body::Attempt(alone));
        central.take(door.whole()).await;
        assert_eq!(central.open().await, ["no_pass ".to_owned(), format!("on_hold {}", own("A"))]);
        door.correct(at(3), line);
        central.take(door.batch(3, 3)).await;
        assert_eq!(central.open().await, [format!("on_hold {}", own("A"))]);
        assert_eq!(central.place("A").await, None, "an attempt moves nothing");
    });
}

#[test]
fn a_correction_says_the_same_in_one_batch_and_in_two() {
    on_every_engine(async |central| {
        let mut door = central.enrol(1).await;
        let exceptions = vec![Reason::DataStale];
        for seconds in [10, 20] {
            let Body::Movement(two) =
                movement(Act::Receive, vec![piece("own/A", 1), piece("own/B", 1)], None, None, None)
            else {
                panic!("a movement")
            };
            let line = door.write(at(seconds), Body::Movement(Movement { exceptions: exceptions.clone(), ..two }));
            door.correct(at(seconds + 1), line);
        }
        central.take(door.batch(1, 2)).await;
        central.take(door.batch(3, 3)).await;
        central.take(door.batch(4, 4)).await;
        assert!(central.open().await.is_empty(), "{}: {:?}", central.engine, central.open().await);
        let digest = central.digest().await;
        assert_eq!(central.rebuild().await, digest, "{}", central.engine);
    });
}

#[test]
fn a_clock_that_was_years_ahead_does_not_hold_its_book_there() {
    on_every_engine(async |central| {
        let (mut ahead, mut sound) = (central.enrol(1).await, central.enrol(2).await);
        central.register("R-1", Tracking::Serial).await;
        let ring = own("R-1");
        ahead.act(at(3_000_000_000), Act::Receive, &[&ring], Some("V1"), None);
        central.take(ahead.whole()).await;
        ahead.offset(at(3_000_000_010), -1_999_000_000);
        ahead.act(at(3_000_000_020), Act::Move, &[&ring], Some("V2"), None);
        central.take(ahead.batch(2, 3)).await;
        sound.act(at(1_000_001), Act::Move, &[&ring], Some("V3"), None);
        central.take_at(sound.whole(), at(1_000_002)).await;
        assert_eq!(central.place("R-1").await.as_deref(), Some("V3"), "{}: the latest act counts", central.engine);
        assert!(central.read(verify).await.faults.is_empty());
        let digest = central.digest().await;
        assert_eq!(central.rebuild().await, digest, "{}", central.engine);
    });
}
