//! Readers with the "CT" head: several tags in a report, polled or unasked, and a relay.

use std::time::Duration;

use gatebook_hardware::command::{Answer, Bank, Command, Unable};
use gatebook_hardware::event::Event;
use gatebook_hardware::settings::Value as Set;
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::module::Module;
use gatebook_hardware::simulator::script::Script;
use gatebook_hardware::simulator::swct::{Reader, Settings};
use gatebook_hardware::swct::FAMILY;
use gatebook_hardware::swct::frame;
use gatebook_hardware::swct::message::{Region, Request, code};
use serde_json::json;

use crate::vectors::{self, hex, unhex};
use crate::wire::{self, Bench, epc, ms, says, session, word};

const VECTORS: &str = include_str!("../data/uhf_swct.json");

/// The examples of the manual's items 18 and 24.
const ACTIVE: &str =
    "4354002c004501 c4dd938e170123 02 0f0102e20020756010018204 80e06433 0f0103e3002075601001820480e06434 07";
const ROUND: &str = "43540036000101 0003 0f0102e200206755160270127 0920f49 0f0102e2002075601001862510 16a348 \
                     0f0102e200207560100185010101014d e4";

fn reader(settings: Settings, script: Script, seed: u64) -> Module<Reader> {
    Module::of(Reader::new(settings), script, seed)
}

fn bench(settings: Settings, set: &[(&str, Set)]) -> Bench<Module<Reader>> {
    Bench::new(reader(settings, Script::new(), 1), session(&FAMILY, set))
}

#[test]
fn every_vector_is_understood_or_refused() {
    wire::the_vectors_hold(&FAMILY, VECTORS);
    let one = [&[0, 1, 15, 1, 2], epc(1).as_slice(), &[60]].concat();
    wire::a_broken_message_costs_no_other(&FAMILY, &frame::encode_answer(0, code::INVENTORY, 1, &one));
    wire::noise_gives_no_tag(&FAMILY, &frame::encode_answer(0, code::INVENTORY, 1, &one));
}

#[test]
fn every_vector_is_encoded() {
    for vector in vectors::of(VECTORS, "encode") {
        let (id, fields) = (&vector["id"], &vector["fields"]);
        let number = |name: &str| fields[name].as_u64().unwrap_or_else(|| panic!("{id}: {name}")) as u8;
        let request = match vector["command"].as_str().unwrap() {
            "start_read" => Request::Start,
            "stop_read" => Request::Stop,
            "set_param" => Request::Set { parameter: number("param"), value: number("value") },
            "relay_close" => Request::Relay { on: true },
            "relay_release" => Request::Relay { on: false },
            other => panic!("{id}: no command {other}"),
        };
        assert_eq!(request.encode(frame::BROADCAST), hex(&vector["expect_hex"]), "{id}");
    }
    let us = Request::Frequency(Region::Us).encode(frame::BROADCAST);
    assert_eq!(us, unhex("53570005ff3f318062"), "as the manual prints it");
}

#[test]
fn the_examples_of_the_manual_are_understood() {
    let tag = |antenna: u8, epc: &str, rssi: u8| json!({"type": 1, "antenna": antenna, "epc": epc, "rssi": rssi, "rssi_dbm": -i16::from(rssi)});
    for (title, bytes, want) in [
        (
            "reported by itself",
            ACTIVE,
            json!({"cmd": 0x45, "serial": "c4dd938e170123", "tags": [
                tag(2, "e2002075601001820480e064", 0x33), tag(3, "e3002075601001820480e064", 0x34),
            ]}),
        ),
        (
            "a round",
            ROUND,
            json!({"cmd": 1, "status": 1, "tags": [
                tag(2, "e2002067551602701270920f", 0x49), tag(2, "e20020756010018625 1016a3".replace(' ', "").as_str(), 0x48),
                tag(2, "e20020756010018501010101", 0x4D),
            ]}),
        ),
        ("a heartbeat", "4354000b01ff0123010203040506 25", json!({"kind": "heartbeat", "serial": "23010203040506"})),
        ("a setting", "4354000600230105 1e1c", json!({"cmd": 0x23, "status": 1, "data": "051e"})),
        ("a command", "53570003ff0153", json!({"kind": "command", "cmd": 1})),
    ] {
        says(&(FAMILY.codec.decode)(&unhex(bytes), None).unwrap(), &want, title);
    }
    // Item 19 of the manual claims a byte more than it prints.
    assert!((FAMILY.codec.decode)(&unhex("4354000501e00182"), None).unwrap_err().contains("cut short"));
    let signed = [&[0, 1, 15, 1, 2], epc(1).as_slice(), &[0xC4]].concat();
    let found = (FAMILY.codec.decode)(&frame::encode_answer(0, 1, 1, &signed), None).unwrap();
    assert_eq!(found["tags"][0]["rssi_dbm"], -60, "with its sign");
    let wrong = frame::encode_answer(0, 1, 1, &[0, 2, 15, 1, 2]);
    assert!((FAMILY.codec.decode)(&wrong, None).unwrap_err().contains("lengths"));
    // Half a report and the head of the next one, with a checksum that is right by chance.
    let spliced = [&[0, 1, 15, 0x43, 0x54], epc(1).as_slice(), &[60]].concat();
    assert!((FAMILY.codec.decode)(&frame::encode_answer(0, 1, 1, &spliced), None).unwrap_err().contains("antennas"));
}

#[test]
fn the_split_of_the_bytes_changes_nothing() {
    let bytes = [unhex("0043"), unhex(ACTIVE), unhex(ROUND)].concat();
    assert_eq!(wire::walk(&FAMILY, &bytes).len(), 2);
    for split in 0..=bytes.len() {
        let mut session = session(&FAMILY, &[]);
        session.opened(ms(0));
        session.receive(&bytes[..split], ms(1));
        session.receive(&bytes[split..], ms(2));
        let all: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
        let read: Vec<_> = wire::tags(&all).iter().map(|tag| (tag.antenna, tag.rssi_dbm)).collect();
        assert_eq!(
            read,
            [(2, Some(-51)), (3, Some(-52)), (2, Some(-73)), (2, Some(-72)), (2, Some(-77))],
            "at {split}"
        );
    }
}

#[test]
fn a_reader_is_configured_once_and_polled() {
    let set = [("region", word("europe")), ("power_dbm", Set::Whole(18))];
    let mut bench = bench(Settings::default(), &set);
    for number in 0..100 {
        bench.device.tag_enters(&epc(number), 1 + u16::from(number % 4), ms(0));
    }
    bench.run(ms(3000));
    let model = "firmware 1.4, hardware 1.1, serial c3dd938e170123".into();
    assert!(bench.all.contains(&Event::Ready { model }));
    let reader = &bench.device.manner;
    assert_eq!((reader.frequency, reader.parameters[5], reader.parameters[2]), ([0x4E, 0], 18, 0));
    assert_eq!((reader.stored, reader.reporting()), (3, false));
    let tags = bench.tags();
    assert_eq!(wire::epcs(&tags), bench.told());
    assert!(500 < tags.len());
    assert!(tags.iter().all(|tag| tag.antenna == 1 + u16::from(tag.epc[11] % 4) && tag.count == 1));
    assert_eq!(tags.last().unwrap().rssi_dbm, Some(-45));
    bench.session = session(&FAMILY, &set);
    bench.session.opened(bench.now);
    bench.run(ms(1000));
    assert_eq!(bench.device.manner.stored, 3, "what is set is not stored again");
}

#[test]
fn a_reader_that_reports_by_itself_is_started_and_stopped() {
    let settings = Settings { heartbeat: Some(ms(10_000)), signed: true, ..Settings::default() };
    let mut bench = bench(settings, &[("mode", word("active"))]);
    bench.run(ms(60_000));
    assert_eq!(bench.shape(), ["ready"], "an empty field is no loss");
    bench.device.tag_enters(&epc(1), 3, bench.now);
    bench.run(ms(2000));
    assert!(30 < bench.tags().len());
    assert_eq!((bench.tags().last().unwrap().antenna, bench.tags().last().unwrap().rssi_dbm), (3, Some(-45)));
    assert_eq!(wire::epcs(&bench.tags()), bench.told());
    bench.session.close(bench.now);
    bench.run(ms(100));
    assert!(bench.session.closed() && !bench.device.manner.reporting());
}

#[test]
fn the_relay_is_switched_and_switched_back() {
    for mode in ["polled", "active"] {
        let mut bench = bench(Settings::default(), &[("mode", word(mode))]);
        bench.run(ms(1000));
        assert_eq!(bench.ask(&Command::Output { line: 1, on: true, lasts: Some(ms(500)) }), Answer::Done);
        assert!(bench.device.manner.relay, "{mode}");
        bench.run(ms(700));
        assert!(!bench.device.manner.relay, "{mode}");
        let on = |line| Command::Output { line, on: true, lasts: None };
        assert_eq!(bench.session.command(1, &on(2), bench.now), Err(Unable));
        // It cannot be told which tag, so it is not told at all.
        let (epc, bank) = (epc(1), Bank::Tid);
        let read = Command::ReadMemory { epc, bank, from_word: 0, words: 1, password: 0 };
        assert_eq!(bench.session.command(2, &read, bench.now), Err(Unable));
    }
}

#[test]
fn a_power_that_is_too_high_is_told_and_it_reads_on() {
    let mut bench = bench(Settings::default(), &[("power_dbm", Set::Whole(30))]);
    bench.run(ms(1000));
    let [fault] = &bench.faults()[..] else { panic!("{:?}", bench.faults()) };
    assert!(fault.contains("power 30 dBm") && fault.contains("keeps its own"), "{fault}");
    assert_eq!(bench.shape(), ["ready"]);
}

#[test]
fn what_is_told_is_read_through_every_fault() {
    for mode in ["polled", "active"] {
        wire::what_is_told_is_read(
            4,
            |script, seed| reader(Settings::default(), script, seed).in_parts(ms(7)),
            || session(&FAMILY, &[("mode", word(mode))]),
        );
    }
}

#[test]
fn a_silent_reader_is_lost_and_found() {
    for mode in ["polled", "active"] {
        let make = |script| reader(Settings::default(), script, 1);
        let session = session(&FAMILY, &[("mode", word(mode))]);
        wire::a_silent_reader_is_lost_and_found(Duration::from_secs(10), make, session);
    }
    wire::nobody_there_is_said(&mut *session(&FAMILY, &[]), ms(2000));
}

#[test]
fn the_simulated_reader_answers_as_the_protocol_says() {
    let mut reader = reader(Settings::default(), Script::new(), 1);
    reader.opened(ms(0));
    let mut ask = |bytes: &str| {
        reader.receive(&unhex(bytes), ms(1));
        std::iter::from_fn(|| reader.transmit()).flatten().collect::<Vec<u8>>()
    };
    for (name, request, want) in [
        ("stop", "53570003ff4014", "43540004004001 24"),
        ("start", "53570003ff4113", "4354000400410123"),
        ("relay", "53570003ff85cf", "43540004008501df"),
        ("system", "53570003ff1044", "4354000d00100114 11c3dd938e1701232a"),
        ("too much power", "53570005ff24051e0b", "4354000400240041"),
        ("nobody to read", "5357000aff0201020600000000 42", "4354000400020063"),
        ("a wrong checksum", "53570003ff4015", ""),
    ] {
        assert_eq!(ask(request), unhex(want), "{name}");
    }
}
