//! The server's own book: decisions, records, enrolment, and the proof that nothing was changed.

use gatebook::event::{Act, Ruling};
use gatebook::hex::{Hex, HexBytes};
use gatebook::server::book::{self, DecideError};
use gatebook::server::catalog::{store, terminals};
use gatebook::server::enrolment;
use gatebook::server::kernel;
use gatebook::server::verify::{Fault, verify};
use gatebook::sync::records::{
    Binding, Certificate, Content, Hold, Item, Name, Pass, Person, Place, PlaceKind, Task, Tracking, Unit,
};
use gatebook::sync::wire::Enrol;

use crate::central::{Central, Door, at, on_every_engine, own};

fn person(number: u32, name: &str) -> Content {
    Content::Person(Person {
        number,
        name: Name { zh: name.into(), en: name.into() },
        department: Name::default(),
        badge: None,
    })
}

#[test]
fn a_command_sent_twice_is_carried_out_once() {
    on_every_engine(async |central| {
        let server = central.server.clone();
        let put = move |name: &'static str| {
            let (server, content) = (server.clone(), person(7, name));
            central
                .database
                .write(move |tx| book::put(tx, &server, Hex([3; 16]), Some(1), content, false, at(1), at(2)))
        };
        let first = put("Mei").await.unwrap();
        let again = put("Mei").await.unwrap();
        assert_eq!((again.line, again.position, again.repeated), (first.line, first.position, true));
        assert!(matches!(put("Li").await, Err(DecideError::CommandReused { .. })));
        let found = central.read(|tx| store::record(tx, "person", "7")).await.unwrap();
        assert_eq!((found.version, &found.content), (1, &person(7, "Mei")));
        let record = Ruling::Put { record: HexBytes(serde_json::to_vec(&found).unwrap()) };
        assert!(matches!(central.try_decide(50, record.clone(), at(3)).await, Err(DecideError::Older { .. })));
        assert_eq!(central.number("SELECT count(*) FROM line").await, 1);
    });
}

#[test]
fn terminals_get_the_latest_of_every_record() {
    on_every_engine(async |central| {
        central.put(person(7, "Mei"), false, at(1)).await;
        central.put(person(8, "Li"), false, at(2)).await;
        let last = central.put(person(7, "Mei Lin"), false, at(3)).await;
        central.put(person(8, "Li"), true, at(4)).await;
        let server = central.server.clone();
        let down = |cursor, limit| {
            let server = server.clone();
            central.read(move |tx| book::records_after(tx, &server, cursor, limit))
        };
        let records = down(0, 100).await;
        let public = central.server.public();
        assert!(records.iter().all(|record| record.holds(&public)));
        let cursors: Vec<u64> = records.iter().map(|record| record.cursor).collect();
        assert_eq!(cursors, [last.line.seq, last.line.seq + 1], "older versions are not sent");
        assert_eq!(down(0, 1).await.len(), 1);
        assert!(down(last.line.seq + 1, 100).await.is_empty());
    });
}

#[test]
fn a_restored_server_gets_back_what_terminals_hold() {
    on_every_engine(async |central| {
        central.put(person(7, "Mei"), false, at(1)).await;
        let server = central.server.clone();
        let epoch = central.read(book::server_epoch).await;
        // What the server signed after the backup was taken: it is gone here, but the terminals have it.
        let record = |version, cursor, content| {
            let record = gatebook::sync::records::Record { version, withdrawn: false, since: at(5), content };
            let body = serde_json::to_vec(&record).unwrap();
            gatebook::sync::wire::SignedRecord::sign(cursor, body, &server.signing)
        };
        let (renamed, hired) = (record(2, 40, person(7, "Mei Lin")), record(1, 41, person(9, "Wu")));
        let mut forged = record(9, 42, person(7, "Intruder"));
        forged.signature.0[0] ^= 1;
        let returned = vec![renamed, hired, forged];
        let give = |records: Vec<gatebook::sync::wire::SignedRecord>| {
            let server = central.server.clone();
            central.database.write(move |tx| book::take_back(tx, &server, &records, at(9)))
        };
        assert_eq!(give(returned.clone()).await.unwrap(), 2);
        assert_eq!(give(returned).await.unwrap(), 0, "once");
        assert_ne!(central.read(book::server_epoch).await, epoch, "the lost lines' numbers are never used again");
        let found = central.read(|tx| store::record(tx, "person", "7")).await.unwrap();
        assert_eq!(found.content, person(7, "Mei Lin"));
        let server = central.server.clone();
        let down = central.read(move |tx| book::records_after(tx, &server, 42, 10)).await;
        assert!(down.iter().all(|record| 42 < record.cursor) && !down.is_empty(), "cursors only rise");
        let digest = central.digest().await;
        assert_eq!(central.rebuild().await, digest);
        // Decided differently since: the server's word stands, above the version that the terminal has.
        let other = record(1, 44, person(9, "Wu Min"));
        assert_eq!(give(vec![other]).await.unwrap(), 0);
        let found = central.read(|tx| store::record(tx, "person", "9")).await.unwrap();
        assert_eq!((found.version, found.content), (2, person(9, "Wu")));
        let report = central.read(verify).await;
        assert!(report.faults.is_empty(), "{:?}", report.faults);
    });
}

#[test]
fn a_terminal_is_enrolled_once_by_its_code() {
    on_every_engine(async |central| {
        let code = central.database.write(|tx| enrolment::make_enrolment_code(tx, Some(1), at(0))).await.unwrap();
        let late = central.database.write(|tx| enrolment::make_enrolment_code(tx, Some(1), at(0))).await.unwrap();
        let enrol = |code: &str, terminal: u32, seconds| {
            let key = Hex(Door::new(terminal, 1).key.verifying_key().to_bytes());
            let (enrol, server) = (Enrol { code: code.into(), name: "gate".into(), key }, central.server.clone());
            central.database.write(move |tx| enrolment::enrol(tx, &server, &enrol, at(seconds)))
        };
        let typed = code.to_lowercase().replace('-', " ");
        let first = enrol(&typed, 1, 60).await.unwrap();
        assert_eq!(first.terminal, 1);
        assert_eq!(first.server_key, Hex(central.server.public().to_bytes()));
        assert_eq!(enrol(&code, 1, 120).await.unwrap().terminal, 1, "the answer was lost: the same again");
        assert!(enrol(&code, 2, 120).await.is_err(), "used by another");
        assert!(enrol("AAAA-BBBB-CCCC", 2, 120).await.is_err());
        assert!(enrol(&late, 2, 15 * 60).await.is_err(), "too old");
        assert_eq!(central.read(terminals::terminals).await.len(), 1);
        let codes = central.number("SELECT count(*) FROM enrolment_code WHERE length(hash) = 32").await;
        assert_eq!(codes, 2, "only hashes are kept");
    });
}

#[test]
fn a_thousand_decisions_are_sealed_at_once() {
    on_every_engine(async |central| {
        let server = central.server.clone();
        let decided = central.database.write(move |tx| {
            for number in 0..1_001_u32 {
                let mut command = [9; 16];
                command[..4].copy_from_slice(&number.to_be_bytes());
                book::put(tx, &server, Hex(command), None, person(number, "Mei"), false, at(1), at(1))?;
            }
            Ok::<_, DecideError>(())
        });
        decided.await.unwrap();
        let report = central.read(verify).await;
        assert_eq!((report.lines, report.seals, report.unsealed, report.faults.len()), (1_001, 1, 1, 0));
        let due = |seconds| {
            let server = central.server.clone();
            central.database.write(move |tx| book::seal_due(tx, &server, at(seconds)))
        };
        assert!(!due(3).await.unwrap(), "not quiet for long enough");
        assert!(due(6).await.unwrap());
        assert!(!due(60).await.unwrap(), "nothing is left to seal");
        let page = central.read(|tx| store::records(tx, "person", Some("998"), 10)).await;
        assert_eq!(page.len(), 1, "999 is the last as text");
    });
}

#[test]
fn every_kind_of_record_has_its_table() {
    on_every_engine(async |central| {
        let name = |zh: &str, en: &str| Name { zh: zh.into(), en: en.into() };
        let gram = gatebook::quantity::Quantity { amount: 3_420_000, unit: gatebook::quantity::Unit::Mass };
        let records = [
            Content::Item(Item {
                code: "RING".into(),
                name: name("戒指", "ring"),
                gtin: Some("09521234543213".into()),
                tracking: Tracking::Serial,
            }),
            Content::Unit(Unit {
                number: "R-1".into(),
                item: "RING".into(),
                tracking: Tracking::Serial,
                name: name("红宝石", "ruby"),
                home: Some("V1".into()),
                quantity: Some(gram),
            }),
            Content::Binding(Binding { code: "tag/e280".into(), unit: "R-1".into() }),
            Content::Place(Place {
                code: "V1".into(),
                parent: Some("SITE".into()),
                kind: PlaceKind::Vault,
                name: name("金库", "vault"),
            }),
            person(7, "Mei"),
            Content::Pass(Pass {
                number: "DB-1".into(),
                units: vec!["R-1".into(), "R-2".into()],
                person: 7,
                purpose: name("展会", "fair"),
                from: at(1),
                until: at(2),
                due: at(3),
                approved_by: 1,
            }),
            Content::Task(Task {
                number: "T-1".into(),
                act: Act::Count,
                title: name("盘点", "count"),
                units: vec!["R-1".into()],
                document: None,
            }),
            Content::Hold(Hold { number: "H-1".into(), unit: "R-1".into(), reason: name("封存", "sealed") }),
            Content::Certificate(Certificate { number: "C-1".into(), person: 7, act: Act::CheckOut, until: at(9) }),
        ];
        for content in records.clone() {
            central.put(content, false, at(1)).await;
        }
        for content in records {
            let (kind, key) = (content.kind(), content.key());
            let found = central.read(move |tx| store::record(tx, kind, &key)).await.unwrap();
            assert_eq!((found.version, found.content), (1, content.clone()), "{kind}");
            assert_eq!(central.number(format!("SELECT count(*) FROM {kind}")).await, 1, "{kind}");
        }
        assert_eq!(central.number("SELECT count(*) FROM pass_unit WHERE pass = 'DB-1'").await, 2);
        assert_eq!(central.number("SELECT amount FROM unit WHERE unit = 'own/R-1'").await, 3_420_000);
        let view = central.read(|tx| kernel::queries::unit(tx, "R-1", at(5))).await.unwrap();
        assert_eq!((view.holds, view.item.map(|item| item.code)), (vec!["H-1".to_owned()], Some("RING".into())));
        let digest = central.digest().await;
        assert_eq!(central.rebuild().await, digest);
        let long = central.server.clone();
        let refused = central
            .database
            .write(move |tx| book::put(tx, &long, Hex([1; 16]), None, person(7, "Mei\0"), false, at(1), at(1)));
        assert!(matches!(refused.await, Err(DecideError::Record { .. })));
    });
}

async fn two_books(central: &Central) {
    let mut door = central.enrol(1).await;
    for number in 0..20 {
        door.act(at(number), Act::Receive, &[&own(&format!("R-{number}"))], Some("V1"), None);
        if number % 5 == 4 {
            door.seal();
        }
    }
    central.take(door.whole()).await;
    central.register("R-1", Tracking::Serial).await;
    let reason = Name { zh: "封存".into(), en: "sealed".into() };
    central.put(Content::Hold(Hold { number: "H-1".into(), unit: "R-1".into(), reason }), false, at(4)).await;
    let server = central.server.clone();
    let sealed = central.database.write(move |tx| book::seal_due(tx, &server, at(60))).await;
    assert!(sealed.unwrap());
}

#[test]
fn every_change_of_the_stored_book_is_found_and_named() {
    let line = |seq: u64| format!("line {seq} of terminal 1 ");
    let cases = [
        ("UPDATE line SET at_us = at_us + 1 WHERE position = 4", line(3) + "changed"),
        ("UPDATE line SET body = hash WHERE position = 5", line(4) + "changed"),
        ("UPDATE line SET zone_min = 479 WHERE position = 6", line(5) + "changed"),
        ("UPDATE line SET zone_min = 400000 WHERE position = 6", line(5) + "changed"),
        ("UPDATE line SET hash = (SELECT hash FROM line WHERE position = 3) WHERE position = 7", line(6) + "changed"),
        ("DELETE FROM line WHERE position = 8", line(7) + "missing"),
        ("DELETE FROM line WHERE position = 21", "cursor of terminal 1 ".to_owned()),
        (
            "UPDATE seal SET signature = (SELECT seal_signature FROM book WHERE terminal_no = 1) WHERE number = 2",
            "seal 2 of terminal 1 ".into(),
        ),
        ("UPDATE seal SET at_us = at_us + 1 WHERE number = 3", "seal 3 of terminal 1 ".into()),
        ("UPDATE book SET receipt_last = 19 WHERE terminal_no = 1", "receipt given to terminal 1 ".into()),
        ("DELETE FROM book WHERE terminal_no = 1", "20 lines belong to no book".into()),
        ("UPDATE line SET mono_us = 1 WHERE position = 22", "line 2 of terminal 0 changed".into()),
        ("UPDATE line SET corrected_us = corrected_us - 1 WHERE position = 9", line(8) + "changed"),
        ("UPDATE line SET received_us = corrected_us - 1 WHERE position = 9", line(8) + "changed"),
        ("UPDATE line SET position = 500 WHERE position = 10", line(9) + "changed"),
        ("UPDATE line SET kind = -5 WHERE position = 21", line(20) + "changed"),
        ("UPDATE seal SET first_seq = -5 WHERE number = 2", "seal 2 of terminal 1 ".into()),
        ("UPDATE seal SET head = signature WHERE number = 2", "seal 2 of terminal 1 ".into()),
        ("UPDATE book SET next_seal = next_seal + 1 WHERE terminal_no = 1", "cursor of terminal 1 ".into()),
        ("UPDATE book SET seal_signature = receipt_signature WHERE terminal_no = 1", "cursor of terminal 1 ".into()),
        ("UPDATE book SET offset_us = 7 WHERE terminal_no = 1", "cursor of terminal 1 ".into()),
        (
            "UPDATE server_book SET ordinal = 9, epoch = (SELECT epoch FROM book WHERE terminal_no = 1)",
            "cursor of terminal 0 ".into(),
        ),
        ("DELETE FROM server_identity", "the server's key cannot be read".into()),
    ];
    for (sql, named) in cases {
        on_every_engine(async |central| {
            two_books(central).await;
            let report = central.read(verify).await;
            assert!(report.faults.is_empty(), "{:?}", report.faults);
            assert_eq!((report.books, report.lines, report.seals, report.unsealed), (2, 23, 5, 0));
            central.tamper(sql).await;
            let faults = central.read(verify).await.faults;
            let told = |fault: &Fault| {
                let text = fault.to_string();
                let parts = named.split(' ').filter(|part| !part.is_empty());
                parts.clone().count() != 0 && parts.into_iter().all(|part| text.contains(part))
            };
            assert!(faults.iter().any(told), "{}: {sql}: {faults:?}", central.engine);
        });
    }
}
