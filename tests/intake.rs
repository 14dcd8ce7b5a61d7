//! Each line once, in the order of its book, or not at all.

use gatebook::event::{Act, Body, LineRef, Ruling, System};
use gatebook::hex::Hex;
use gatebook::quantity::Moment;
use gatebook::server::catalog::terminals;
use gatebook::server::intake::{self, Intake, Refused};
use gatebook::sync::wire::Hello;

use crate::central::{Central, Door, at, on_every_engine, own};

fn ten_lines(door: &mut Door) {
    for number in 0..10 {
        door.act(at(number), Act::Receive, &[&own(&format!("R-{number}"))], Some("V1"), None);
    }
}

async fn flags(central: &Central) -> Vec<String> {
    let flags = central.read(intake::flags).await;
    flags.into_iter().map(|flag| format!("{} {} {}x", flag.what, flag.line.seq, flag.times)).collect()
}

async fn refused(central: &Central, batch: gatebook::sync::wire::Batch) -> Refused {
    match central.send(batch).await {
        Intake::Refused(refused) => refused,
        Intake::Taken(reply) => panic!("{}: taken up to {}", central.engine, reply.next),
    }
}

#[test]
fn what_is_sent_twice_is_stored_once_and_receipted_twice() {
    on_every_engine(async |central| {
        let mut door = central.enrol(1).await;
        ten_lines(&mut door);
        door.seal();
        let first = central.take(door.batch(1, 6)).await;
        assert_eq!((first.next, first.next_seal), (7, 1), "the seal's last line is not here yet");
        let digest = central.digest().await;
        let again = central.take(door.batch(1, 6)).await;
        assert_eq!((again.next, again.receipt.clone()), (7, first.receipt));
        assert_eq!(central.digest().await, digest);
        let whole = central.take(door.whole()).await;
        assert_eq!((whole.next, whole.head, whole.next_seal), (11, door.head(), 2));
        assert!(whole.receipt.holds(door.book, &central.server.public()));
        assert_eq!(central.number("SELECT count(*) FROM line WHERE kind = 1").await, 10);
        assert_eq!(central.number("SELECT count(*) FROM seal").await, 1);
        let empty = central.take(door.batch(11, 10)).await;
        assert_eq!(empty.next, 11);
    });
}

#[test]
fn a_gap_is_named_and_nothing_is_stored() {
    on_every_engine(async |central| {
        let mut door = central.enrol(1).await;
        ten_lines(&mut door);
        let reply = central.take(door.batch(1, 3)).await;
        let gap = refused(central, door.batch(6, 10)).await;
        assert_eq!(gap, Refused::Gap { first: 6, next: 4, head: reply.head });
        assert_eq!((gap.status(), gap.cursor()), (409, Some((4, reply.head))));
        assert_eq!(central.number("SELECT count(*) FROM line WHERE kind = 1").await, 3);
        assert_eq!(central.number("SELECT count(*) FROM quarantine").await, 0);
        central.take(door.batch(4, 10)).await;
    });
}

#[test]
fn a_copied_book_is_put_aside_loudly() {
    on_every_engine(async |central| {
        let mut door = central.enrol(1).await;
        ten_lines(&mut door);
        let mut copy = door.clone();
        copy.lines.truncate(8);
        copy.act(at(500), Act::Receive, &["own/OTHER"], Some("V9"), None);
        copy.act(at(501), Act::Receive, &["own/OTHER-2"], Some("V9"), None);
        copy.act(at(502), Act::Receive, &["own/OTHER-3"], Some("V9"), None);
        central.take(door.whole()).await;
        let digest = central.digest().await;
        for _ in 0..2 {
            let fork = refused(central, copy.batch(7, 10)).await;
            assert!(matches!(fork, Refused::Fork { seq: 9, next: 11, .. }), "{fork:?}");
        }
        let onward = refused(central, copy.batch(11, 11)).await;
        assert!(matches!(onward, Refused::Fork { seq: 10, .. }), "{onward:?}");
        assert_eq!(central.digest().await, digest);
        assert_eq!(central.number("SELECT count(*) FROM quarantine").await, 2, "kept once each");
        let mut raised = flags(central).await;
        raised.sort();
        assert_eq!(raised, ["fork 10 1x", "fork 9 2x"]);
        let line = LineRef { terminal: 1, epoch: door.book.epoch, seq: 9 };
        let (reason, code, note) = ("fork".to_owned(), String::new(), "disk was cloned".to_owned());
        central.decide(Ruling::Settle { line, reason, code, note }, at(9_000)).await;
        let open = central.read(intake::flags).await.into_iter().filter(|flag| !flag.settled).count();
        assert_eq!(open, 1);
    });
}

#[test]
fn a_changed_line_does_not_come_in() {
    on_every_engine(async |central| {
        let mut door = central.enrol(1).await;
        ten_lines(&mut door);
        let mut batch = door.whole();
        batch.lines[4].body.0[3] ^= 1;
        let unlinked = refused(central, batch).await;
        assert!(matches!(unlinked, Refused::Unlinked { seq: 5, next: 1, .. }), "{unlinked:?}");
        assert_eq!(flags(central).await, ["unlinked 5 1x"]);
        central.take(door.whole()).await;
        let mut again = door.whole();
        again.lines[4].body.0[3] ^= 1;
        let fork = refused(central, again).await;
        assert!(matches!(fork, Refused::Fork { seq: 5, .. }), "a right hash over a wrong body: {fork:?}");
    });
}

#[test]
fn what_cannot_be_read_stands_and_is_raised() {
    on_every_engine(async |central| {
        let mut door = central.enrol(1).await;
        door.write_raw(at(1), 77, 1, b"from a later version".to_vec());
        door.write_raw(at(2), 1, 1, vec![255; 40]);
        door.write_raw(at(3), 1, 9, b"a later schema".to_vec());
        door.act(at(4), Act::Receive, &["own/with\0zero"], Some("V1"), None);
        door.act(at(5), Act::Receive, &[&format!("own/{}", "X".repeat(5_000))], Some("V1"), None);
        // A terminal cannot decide for the server.
        let decision = gatebook::event::Decision {
            command: Hex([1; 16]),
            person: None,
            ruling: Ruling::Enrol { terminal: 9, name: "intruder".into(), key: Hex([9; 32]) },
        };
        door.write(at(6), Body::Decision(decision));
        door.act(at(7), Act::Receive, &["own/R-1"], Some("V1"), None);
        let reply = central.take(door.whole()).await;
        assert_eq!(reply.next, 8);
        let open = central.open().await;
        assert_eq!(open.iter().filter(|open| *open == "unreadable ").count(), 6, "{open:?}");
        assert_eq!(central.place("R-1").await.as_deref(), Some("V1"));
        assert!(central.read(|tx| terminals::terminal(tx, 9)).await.is_none());
        let digest = central.digest().await;
        assert_eq!(central.rebuild().await, digest);
    });
}

#[test]
fn only_trusted_terminals_write() {
    on_every_engine(async |central| {
        let mut stranger = Door::new(5, 1);
        ten_lines(&mut stranger);
        assert_eq!(refused(central, stranger.whole()).await, Refused::UnknownTerminal { terminal: 5 });
        let mut server = Door::new(0, 1);
        ten_lines(&mut server);
        assert_eq!(refused(central, server.whole()).await, Refused::UnknownTerminal { terminal: 0 });
        assert_eq!(central.number("SELECT count(*) FROM quarantine").await, 0, "strangers cannot fill the disk");
        let mut door = central.enrol(1).await;
        ten_lines(&mut door);
        central.decide(Ruling::Revoke { terminal: 1 }, at(5)).await;
        assert_eq!(refused(central, door.whole()).await, Refused::Revoked { terminal: 1 });
        assert_eq!(central.number("SELECT count(*) FROM quarantine").await, 1);
        assert_eq!(central.number("SELECT count(*) FROM line WHERE kind = 1").await, 0);
    });
}

#[test]
fn a_seal_that_does_not_hold_is_flagged_and_the_lines_stay() {
    on_every_engine(async |central| {
        let mut door = central.enrol(1).await;
        ten_lines(&mut door);
        door.seal();
        let sound = door.seals[0].clone();
        door.seals[0].signature.0[5] ^= 1;
        let reply = central.take(door.whole()).await;
        assert_eq!((reply.next, reply.next_seal), (11, 1));
        assert_eq!(flags(central).await, ["bad_seal 1 1x"]);
        door.seals[0] = sound;
        // From here on the terminal has another key, and says so in its book.
        let key = ed25519_dalek::SigningKey::from_bytes(&[99; 32]);
        door.write(at(50), Body::System(System::KeyChanged { key: Hex(key.verifying_key().to_bytes()) }));
        door.key = key;
        door.act(at(51), Act::Receive, &["own/R-99"], Some("V1"), None);
        door.seal();
        let reply = central.take(door.batch(11, 12)).await;
        assert_eq!((reply.next, reply.next_seal), (13, 3));
        let report = central.read(gatebook::server::verify::verify).await;
        assert!(report.faults.is_empty(), "{:?}", report.faults);
    });
}

fn hello(door: &Door, last: u64) -> Hello {
    Hello {
        versions: (1, 1),
        program: "gatebook 0.1.0".into(),
        book: door.book,
        first_kept: 1,
        last,
        head: door.lines.get(last as usize - 1).map_or(door.head(), |line| line.hash),
        at: Moment(5),
        down_cursor: 0,
        waiting: 3,
        troubles: vec!["scanner: no byte for 30 s".into()],
    }
}

#[test]
fn a_terminal_that_comes_back_learns_where_it_stands() {
    on_every_engine(async |central| {
        let mut door = central.enrol(1).await;
        ten_lines(&mut door);
        central.take(door.batch(1, 7)).await;
        let ask = |hello: Hello| async move {
            let server = central.server.clone();
            central.database.write(move |tx| intake::hello(tx, &server, 1, &hello, at(2_000))).await.unwrap()
        };
        let reply = ask(hello(&door, 10)).await.unwrap();
        assert_eq!((reply.next, reply.head), (8, door.lines[6].hash));
        assert!(flags(central).await.is_empty());
        let known = central.read(|tx| terminals::terminal(tx, 1)).await.unwrap().liveness.unwrap();
        assert_eq!((known.waiting, known.seen, known.troubles.len()), (3, at(2_000), 1));
        // Restored from a picture of yesterday: its book ends before what the server has.
        ask(hello(&door, 4)).await.unwrap();
        assert_eq!(flags(central).await, ["tail_cut 5 1x"]);
        // It begins a new book, which the server has not seen yet.
        let fresh = Door::new(1, 2);
        let reply =
            ask(Hello { first_kept: 1, last: 0, head: fresh.head(), book: fresh.book, ..hello(&door, 1) }).await;
        assert_eq!(reply.unwrap().next, 1);
        let too_new = Hello { versions: (7, 9), ..hello(&door, 10) };
        assert!(matches!(ask(too_new).await, Err(Refused::Malformed { .. })));
    });
}
