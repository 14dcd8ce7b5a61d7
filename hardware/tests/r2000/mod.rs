//! Readers on the R2000 chip: antennas, strengths and faults are told as they are, and no setting is written twice.

use std::time::Duration;

use gatebook_hardware::checksum;
use gatebook_hardware::command::{Answer, Bank, Command, Unable};
use gatebook_hardware::event::Event;
use gatebook_hardware::r2000::FAMILY;
use gatebook_hardware::r2000::frame::{self, BROADCAST};
use gatebook_hardware::r2000::message::{Fault, Ports};
use gatebook_hardware::r2000::request::{Request, code};
use gatebook_hardware::settings::Value as Set;
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::module::Module;
use gatebook_hardware::simulator::r2000::{Reader, Settings};
use gatebook_hardware::simulator::script::Script;
use serde_json::{Value, json};

use crate::vectors::{self, hex, unhex};
use crate::wire::{self, Bench, epc, ms, says, session, word};

const VECTORS: &str = include_str!("../data/uhf_r2000_a0.json");

fn reader(settings: Settings, script: Script, seed: u64) -> Module<Reader> {
    Module::of(Reader::new(settings), script, seed)
}

fn bench(settings: Settings, set: &[(&str, Set)]) -> Bench<Module<Reader>> {
    Bench::new(reader(settings, Script::new(), 1), session(&FAMILY, set))
}

#[test]
fn every_vector_is_understood_or_refused() {
    wire::the_vectors_hold(&FAMILY, VECTORS);
    wire::the_streams_hold(&FAMILY, VECTORS);
    wire::a_broken_message_costs_no_other(&FAMILY, &unhex("a01301891c30003036452148350c40000000014b96"));
    wire::noise_gives_no_tag(&FAMILY, &unhex("a01301891c30003036452148350c40000000014b96"));
}

#[test]
fn every_vector_is_encoded() {
    for vector in vectors::of(VECTORS, "encode") {
        let (id, fields) = (&vector["id"], &vector["fields"]);
        let number = |name: &str| fields[name].as_u64().unwrap_or_else(|| panic!("{id}: {name}")) as u8;
        let numbers = |value: &Value| value.as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as u8).collect();
        let request = match vector["command"].as_str().unwrap() {
            "set_rf_power" => Request::Power(numbers(&fields["dbm"])),
            "set_beeper_mode" => Request::Beeper(number("mode")),
            "real_time_inventory" => Request::RealTime { repeat: number("repeat") },
            "session_inventory" => Request::Session {
                session: fields["session"].as_str().unwrap()[1..].parse().unwrap(),
                target_b: fields["target"] == "B",
                repeat: number("repeat"),
            },
            "fast_switch_ant" => {
                let slot =
                    |slot: &Value| (!slot.is_null()).then(|| numbers(slot)).map(|both: Vec<u8>| (both[0], both[1]));
                let slots = fields["slots"].as_array().unwrap().iter().map(slot).collect();
                Request::FastSwitch { slots, interval_ms: number("interval_ms"), repeat: number("repeat") }
            }
            "get_inventory_buffer" => Request::Buffer,
            "get_temperature" => Request::Temperature,
            "read_tag" => Request::Read {
                bank: number("bank"),
                word: number("word_ptr"),
                words: number("words"),
                access: hex(&fields["access"]).try_into().unwrap(),
            },
            "set_access_epc_match" => Request::Match(Some(hex(&fields["epc"]))),
            other => panic!("{id}: no command {other}"),
        };
        assert_eq!(request.encode(number("address")), hex(&vector["expect_hex"]), "{id}");
    }
}

/// Layouts that no vector has: eight ports, phases, the buffer, and what became of a tag.
#[test]
fn layouts_beyond_the_vectors_are_understood() {
    let tag = unhex("3000 3036452148350c4000000001");
    let crc = checksum::tag_crc(0x3000, &tag[2..]).to_be_bytes();
    let name = [tag.as_slice(), &crc].concat();
    let about = |command: u8, data: &[u8], after: &[u8]| {
        let length = [0, 1, (name.len() + data.len()) as u8];
        frame::encode(1, command, &[&length, name.as_slice(), data, after].concat())
    };
    for (title, dialect, bytes, want) in [
        (
            "antenna 6 of 8",
            Some("8-port"),
            frame::encode(1, code::SESSION, &[&[0x1D], tag.as_slice(), &[0xCB]].concat()),
            json!({"kind": "tag", "antenna": 6, "rssi_dbm": -54, "freq_mhz": 902.0}),
        ),
        (
            "a phase behind the strength",
            None,
            frame::encode(1, code::SESSION, &[&[0x1C], tag.as_slice(), &[0x4B, 0, 90]].concat()),
            json!({"kind": "tag", "epc": "3036452148350c4000000001", "rssi_dbm": -54}),
        ),
        (
            "from the buffer",
            None,
            about(code::BUFFER, &[], &[0x4B, 0x1D, 7]),
            json!({"kind": "tag", "tag_count": 1, "epc_crc_ok": true, "rssi_dbm": -54, "antenna": 2, "read_count": 7}),
        ),
        (
            "words of a tag",
            None,
            about(code::READ, &unhex("e2801160"), &[4, 0x1C, 1]),
            json!({"kind": "tag", "data": "e2801160", "antenna": 1}),
        ),
        (
            "written",
            None,
            about(code::WRITE, &[], &[0x10, 0x1C, 1]),
            json!({"error": 16, "error_name": "success", "write_count": 1}),
        ),
        ("a setting", None, frame::encode(1, code::POWER, &[0x10]), json!({"kind": "data", "result": "success"})),
        ("no antenna 3", None, frame::encode(1, code::FAST_SWITCH, &[2, 0x22]), json!({"error": 34, "antenna": 3})),
    ] {
        says(&(FAMILY.codec.decode)(&bytes, dialect).unwrap(), &want, title);
    }
    let short = frame::encode(1, code::SESSION, &[0x1C, 0x30, 0, 0xE2, 0x80, 0x4B]);
    let error = (FAMILY.codec.decode)(&short, None).unwrap_err();
    assert!(error.contains("6 bytes of data do not fit"), "{error}");
    let names: std::collections::BTreeSet<_> = (0..=255).map(|code| Fault(code).to_string()).collect();
    assert_eq!(names.len(), 256, "each fault has its code");
}

#[test]
fn a_reader_is_configured_and_reads() {
    let set = [
        ("region", word("europe")),
        ("power_dbm", Set::Whole(24)),
        ("antennas", Set::Wholes(vec![2])),
        ("session", Set::Whole(1)),
    ];
    let mut bench = bench(Settings::default(), &set);
    bench.device.tag_enters(&epc(1), 2, ms(0));
    bench.device.tag_enters(&epc(2), 1, ms(0));
    bench.run(ms(2000));
    assert_eq!(bench.all[0], Event::Ready { model: "R2000 8.3".into() });
    let reader = &bench.device.manner;
    assert_eq!(
        (reader.region.as_slice(), reader.power_dbm.as_slice(), reader.antenna),
        (&[2, 0, 6][..], &[24; 4][..], 1)
    );
    let tags = bench.tags();
    assert!(40 < tags.len() && tags.iter().all(|tag| tag.epc == epc(1) && tag.antenna == 2 && tag.count == 1));
    assert_eq!(tags.last().unwrap().rssi_dbm, Some(-45));
    assert!(bench.sent.contains(&Request::Session { session: 1, target_b: false, repeat: 1 }.encode(BROADCAST)));
    assert!(bench.faults().is_empty(), "{:?}", bench.faults());
    bench.session.close(bench.now);
    assert!(bench.session.closed(), "without a request it makes no further round");
}

#[test]
fn what_is_set_already_is_not_stored_again() {
    let set = [("region", word("us")), ("power_dbm", Set::Whole(30))];
    let mut bench = bench(Settings::default(), &set);
    bench.run(ms(1000));
    assert_eq!((bench.shape(), bench.device.manner.stored), (vec!["ready"], 0));
    let set = [("region", word("china_900")), ("power_dbm", Set::Whole(20))];
    bench.session = session(&FAMILY, &set);
    bench.session.opened(bench.now);
    bench.run(ms(1000));
    assert_eq!(bench.device.manner.stored, 2);
}

#[test]
fn several_antennas_are_read_in_turn_with_four_and_with_eight_ports() {
    for (ports, word_of, antennas) in [(Ports::Four, "4", vec![1, 2, 4]), (Ports::Eight, "8", vec![1, 4, 5, 8])] {
        let set = [("ports", word(word_of)), ("antennas", Set::Wholes(antennas.clone()))];
        let settings = Settings { ports, phase: ports == Ports::Eight, ..Settings::default() };
        let mut bench = bench(settings, &set);
        for &antenna in &antennas {
            bench.device.tag_enters(&epc(antenna as u8), antenna as u16, ms(0));
        }
        bench.run(ms(2000));
        for &antenna in &antennas {
            let heard = |tag: &&_| -> bool { wire::epcs(std::slice::from_ref(*tag)) == [epc(antenna as u8)] };
            let tags = bench.tags();
            let of: Vec<_> = tags.iter().filter(heard).collect();
            assert!(5 < of.len(), "antenna {antenna} of {word_of}");
            assert!(of.iter().all(|tag| i64::from(tag.antenna) == antenna), "antenna {antenna} of {word_of}");
            assert_eq!(of.last().unwrap().rssi_dbm, Some(-45), "antenna {antenna} of {word_of}");
        }
    }
    let wrong = wire::settings(&FAMILY, &[("antennas", Set::Wholes(vec![5]))]);
    assert!((FAMILY.session)(&wrong).unwrap_err().contains("antenna 5"));
}

#[test]
fn a_missing_antenna_is_told_once_and_the_others_read_on() {
    let settings = Settings { connected: vec![1], ..Settings::default() };
    let mut bench = bench(settings, &[("antennas", Set::Wholes(vec![1, 3]))]);
    bench.device.tag_enters(&epc(1), 1, ms(0));
    bench.run(ms(5000));
    let [fault] = &bench.faults()[..] else { panic!("{:?}", bench.faults()) };
    assert!(fault.starts_with("antenna 3:") && fault.contains("check its cable"), "{fault}");
    assert!(20 < bench.tags().len());
    bench.run(ms(60_000));
    assert_eq!(bench.faults().len(), 2, "and told again after a minute");
}

#[test]
fn a_single_antenna_without_cable_is_told_and_asked_for_calmly() {
    let mut bench = bench(Settings { connected: vec![], ..Settings::default() }, &[]);
    bench.run(ms(5000));
    assert_eq!((bench.shape(), bench.faults().len()), (vec!["ready"], 1));
    assert!(bench.sent.len() < 20, "{} requests in 5 s", bench.sent.len());
}

#[test]
fn a_hot_reader_says_so() {
    let mut bench = bench(Settings { celsius: 75, ..Settings::default() }, &[]);
    bench.run(ms(70_000));
    assert!(bench.faults().iter().any(|fault| fault.contains("75 °C")), "{:?}", bench.faults());
}

#[test]
fn what_a_reader_cannot_is_refused_in_words() {
    let mut bench = bench(Settings::default(), &[("power_dbm", Set::Whole(33)), ("region", word("us"))]);
    bench.run(ms(500));
    assert!(bench.faults().is_empty());
    let mut session = session(&FAMILY, &[("region", word("europe"))]);
    session.opened(ms(0));
    session.receive(&frame::encode(1, code::FIRMWARE, &[8, 3]), ms(10));
    session.receive(&frame::encode(1, code::REGION_ASKED, &[1, 7, 59]), ms(20));
    session.receive(&frame::encode(1, code::REGION, &[0x49]), ms(30));
    let Some(Event::Lost { reason }) = session.poll() else { panic!("a refused region ends the session") };
    assert!(reason.contains("region europe") && reason.contains("not made for this region"), "{reason}");
}

#[test]
fn a_tag_is_read_and_written_by_its_name() {
    let mut bench = bench(Settings::default(), &[]);
    bench.device.tag_enters(&epc(1), 1, ms(0));
    bench.device.tag_enters(&epc(2), 1, ms(0));
    bench.run(ms(1000));
    let read = |epc: Vec<u8>, bank, from_word, words| Command::ReadMemory { epc, bank, from_word, words, password: 0 };
    let Answer::Memory { bytes } = bench.ask(&read(epc(2), Bank::Tid, 0, 6)) else { panic!("a TID") };
    assert_eq!(bytes[..4], unhex("e2801160"));
    let write = Command::WriteEpc { epc: epc(2), to: epc(77), password: 0 };
    assert_eq!(bench.ask(&write), Answer::Done);
    let before = bench.all.len();
    bench.run(ms(1000));
    let now = wire::epcs(&wire::tags(&bench.all[before..]));
    assert!(now.contains(&epc(77)) && now.contains(&epc(1)) && !now.contains(&epc(2)), "{now:?}");
    assert_eq!(wire::epcs(&bench.tags()), bench.told(), "and no read is lost on the way");
    let Answer::Refused { reason } = bench.ask(&read(epc(2), Bank::User, 0, 2)) else { panic!("it is no more") };
    assert!(reason.contains("no such tag answered"), "{reason}");
    let odd = Command::WriteEpc { epc: epc(1), to: vec![1, 2, 3], password: 0 };
    let Answer::Refused { reason } = bench.ask(&odd) else { panic!("half words") };
    assert!(reason.contains("whole words"), "{reason}");
    let long = Command::WriteEpc { epc: epc(1), to: vec![7; 32], password: 0 };
    assert_eq!(bench.ask(&long), Answer::Done, "a longer EPC, with its length in the PC");
    bench.run(ms(500));
    assert!(3 < bench.tags().iter().filter(|tag| tag.epc == [7; 32]).count());
}

#[test]
fn an_output_is_switched_and_switched_back() {
    let mut bench = bench(Settings::default(), &[]);
    bench.run(ms(500));
    let on = |lasts| Command::Output { line: 2, on: true, lasts };
    assert_eq!(bench.ask(&on(Some(ms(700)))), Answer::Done);
    assert_eq!(bench.device.manner.pins, [false, true]);
    bench.run(ms(600));
    assert_eq!(bench.device.manner.pins, [false, true]);
    bench.run(ms(300));
    assert_eq!(bench.device.manner.pins, [false, false]);
    assert_eq!(bench.session.command(9, &Command::Output { line: 3, on: true, lasts: None }, bench.now), Err(Unable));
    assert_eq!(bench.session.command(9, &Command::Zero, bench.now), Err(Unable));
    for number in 100..120 {
        bench.session.command(number, &on(None), bench.now).unwrap();
    }
    bench.run(ms(2000));
    let answers: Vec<_> = (100..120)
        .map(|asked| {
            let all = bench.all.iter();
            all.filter(|event| matches!(event, Event::Answer { number, .. } if *number == asked)).count()
        })
        .collect();
    assert_eq!(answers, [1; 20], "each is answered once, also what was too much");
}

/// What was asked when the cable is pulled is refused, and an output is switched back when the reader is there again.
#[test]
fn an_output_is_switched_back_behind_a_pulled_cable() {
    use gatebook_hardware::simulator::script::Presentation;
    let mut bench = bench(Settings::default(), &[]);
    bench.run(ms(500));
    let on = Command::Output { line: 1, on: true, lasts: Some(ms(300)) };
    assert_eq!(bench.ask(&on), Answer::Done);
    bench.device.show(Presentation::Silence { lasts: ms(3000) }, bench.now);
    bench.run(ms(500));
    assert_eq!(bench.device.manner.pins, [true, false], "nobody could switch it");
    let Answer::Refused { .. } = bench.ask(&Command::Output { line: 2, on: true, lasts: None }) else {
        panic!("it is not there")
    };
    bench.run(ms(3000));
    assert_eq!(bench.device.manner.pins, [false, false]);
}

#[test]
fn a_reader_of_another_address_is_not_ours() {
    let mut bench = bench(Settings::default(), &[("address", Set::Whole(7))]);
    bench.device.tag_enters(&epc(1), 1, ms(0));
    bench.run(ms(3000));
    assert!(!bench.shape().contains(&"ready") && bench.tags().is_empty());
}

#[test]
fn what_is_told_is_read_through_every_fault() {
    wire::what_is_told_is_read(1, |script, seed| reader(Settings::default(), script, seed), || session(&FAMILY, &[]));
    let eight = Settings { ports: Ports::Eight, ..Settings::default() };
    let set = [("ports", word("8")), ("antennas", Set::Wholes(vec![1, 2, 7, 8]))];
    wire::what_is_told_is_read(
        8,
        |script, seed| reader(eight.clone(), script, seed).in_parts(ms(0)),
        || session(&FAMILY, &set),
    );
}

#[test]
fn a_silent_reader_is_lost_and_found() {
    let make = |script| reader(Settings::default(), script, 1);
    wire::a_silent_reader_is_lost_and_found(Duration::from_secs(5), make, session(&FAMILY, &[]));
    wire::nobody_there_is_said(&mut *session(&FAMILY, &[]), ms(900));
}

#[test]
fn a_reader_that_lost_its_power_is_told_its_antenna_again() {
    use gatebook_hardware::simulator::module::Manner;
    let mut bench = bench(Settings::default(), &[("antennas", Set::Wholes(vec![3]))]);
    bench.device.tag_enters(&epc(3), 3, ms(0));
    bench.run(ms(1000));
    // For a moment, and the adapter stays: the round is never answered.
    bench.device.manner.power_lost();
    assert_eq!(bench.device.manner.antenna, 0);
    bench.run(ms(3000));
    assert_eq!((bench.device.manner.antenna, bench.shape()), (2, vec!["ready"]));
    assert_eq!(wire::epcs(&bench.tags()), bench.told());
}

#[test]
fn the_simulated_reader_answers_as_the_protocol_says() {
    let mut reader = reader(Settings::default(), Script::new(), 1);
    reader.opened(ms(0));
    let mut ask = |request: Request| {
        reader.receive(&request.encode(BROADCAST), ms(1));
        std::iter::from_fn(|| reader.transmit()).flatten().collect::<Vec<u8>>()
    };
    for (name, request, want) in [
        ("firmware", Request::Firmware, frame::encode(1, code::FIRMWARE, &[8, 3])),
        ("antenna 5 of 4", Request::Antenna(5), frame::encode(1, code::ANTENNA, &[0x47])),
        ("too much power", Request::Power(vec![40]), frame::encode(1, code::POWER, &[0x48])),
        ("power", Request::PowerAsked, frame::encode(1, code::POWER_ASKED, &[30])),
        ("temperature", Request::Temperature, frame::encode(1, code::TEMPERATURE, &[1, 38])),
        ("return loss", Request::ReturnLoss(7), frame::encode(1, code::RETURN_LOSS, &[18])),
        ("an empty buffer", Request::Buffer, frame::encode(1, code::BUFFER, &[0x38])),
        ("nobody to kill", Request::Kill { password: [0; 4] }, frame::encode(1, code::KILL, &[0x36])),
        ("any tag", Request::MatchAsked, frame::encode(1, code::MATCH_ASKED, &[1])),
        ("what it does not have", Request::Baud(115_200), frame::encode(1, code::BAUD, &[0x11])),
    ] {
        assert_eq!(ask(request), want, "{name}");
    }
}

/// A round into the buffer, which is then asked for and emptied.
#[test]
fn what_is_buffered_is_told_later() {
    let mut reader = reader(Settings::default(), Script::new(), 1);
    reader.opened(ms(0));
    reader.tag_enters(&epc(1), 1, ms(0));
    for round in 1..=3 {
        reader.receive(&Request::Inventory { repeat: 1 }.encode(BROADCAST), ms(1000 * round));
        reader.tick(ms(1000 * round + 100));
    }
    while reader.transmit().is_some() {}
    reader.receive(&Request::BufferReset.encode(BROADCAST), ms(4000));
    let bytes: Vec<u8> = std::iter::from_fn(|| reader.transmit()).flatten().collect();
    let want = json!({"kind": "tag", "epc_crc_ok": true, "antenna": 1, "rssi_dbm": -45, "read_count": 3});
    says(&wire::walk(&FAMILY, &bytes)[0], &want, "the buffer");
    reader.receive(&Request::Count.encode(BROADCAST), ms(4001));
    assert_eq!(reader.transmit(), Some(frame::encode(1, code::COUNT, &[0, 0])));
    let mut session = session(&FAMILY, &[]);
    session.opened(ms(0));
    session.receive(&bytes, ms(1));
    let all: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
    assert_eq!(wire::tags(&all)[0].count, 3, "a session that meets such a record reads it");
}
