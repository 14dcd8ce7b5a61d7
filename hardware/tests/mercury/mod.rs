//! ThingMagic modules: a stream with its own clock, its complaints, and commands that interrupt it.

use std::time::Duration;

use gatebook_hardware::command::{Answer, Bank, Command};
use gatebook_hardware::event::Event;
use gatebook_hardware::mercury::FAMILY;
use gatebook_hardware::mercury::frame;
use gatebook_hardware::mercury::message::Status;
use gatebook_hardware::mercury::request::{Region, Request, code};
use gatebook_hardware::settings::Value as Set;
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::mercury::{Reader, Settings};
use gatebook_hardware::simulator::module::{Manner, Module};
use gatebook_hardware::simulator::script::{Presentation, Script};
use serde_json::json;

use crate::vectors::{self, hex, unhex};
use crate::wire::{self, Bench, epc, ms, says, session, word};

const VECTORS: &str = include_str!("../data/uhf_mercury.json");

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
    let tag = "ff2822000010001b01ff0101c4110e16400000012700000500000f00803000000000000000000000001545e94a561d";
    wire::a_broken_message_costs_no_other(&FAMILY, &unhex(tag));
    wire::noise_gives_no_tag(&FAMILY, &unhex(tag));
}

#[test]
fn every_vector_is_encoded() {
    for vector in vectors::of(VECTORS, "encode") {
        let (id, fields) = (&vector["id"], &vector["fields"]);
        let number = |name: &str| fields[name].as_u64().unwrap_or_else(|| panic!("{id}: {name}"));
        let request = match vector["command"].as_str().unwrap() {
            "set_baud" => Request::Baud(number("baud") as u32),
            "set_region" => Request::Region(match fields["region"].as_str().unwrap() {
                "europe" => Region::Europe,
                "north_america2" => Region::NorthAmerica2,
                other => panic!("{id}: no region {other}"),
            }),
            "set_tag_protocol_gen2" => Request::Protocol(number("protocol") as u8),
            "set_read_power" => Request::ReadPower(number("centi_dbm") as u16),
            other => panic!("{id}: no command {other}"),
        };
        assert_eq!(request.encode(), hex(&vector["expect_hex"]), "{id}");
    }
}

/// Frames that the SparkFun library and a user of its filters print. Of two the CRC is not printed, or not of these bytes.
#[test]
fn commands_are_those_that_others_captured() {
    let write = |epc: Option<&str>, data: &str| Request::Write {
        epc: epc.map(unhex),
        bank: 3,
        word: 0,
        data: unhex(data),
        password: 0,
    };
    let epc = Some(unhex("9812ab32ff00020605e401f6"));
    for (name, request, want, crc) in [
        ("version", Request::Version, "ff0003", "1d0c"),
        ("write of any tag", write(None, "00ee"), "ff0a2403e8000000000003 00ee", "589d"),
        (
            "write of one tag",
            write(Some("aabbccddeeff"), "ccff"),
            "ff152403e8010000000003 00000000 30 aabbccddeeff ccff",
            "",
        ),
        (
            "read of one tag",
            Request::Read { epc, bank: 2, word: 0, words: 0, password: 0 },
            "ff1c2803e811000002 00000000 00 00000000 60 9812ab32ff00020605e401f6",
            "0148",
        ),
        ("begin", Request::Start, "ff102f 0000012200000507 2210001b03e801ff", ""),
    ] {
        let want = unhex(&[want, crc].concat());
        assert_eq!(request.encode()[..want.len()], want, "{name}");
    }
}

#[test]
fn messages_beyond_the_vectors_are_understood() {
    for (title, bytes, want) in [
        ("too hot", frame::encode_answer(0x22, 0x0504, &[]), json!({"kind": "thermal_throttle"})),
        ("how warm", frame::encode_answer(0x22, 0, &[0; 10]), json!({"kind": "temperature"})),
        ("a refusal", frame::encode_answer(0x97, 0x010B, &[]), json!({"kind": "response", "status": 0x010B})),
        ("a command", Request::Stop.encode(), json!({"kind": "command", "opcode": 0x2F, "data": "000002"})),
    ] {
        says(&(FAMILY.codec.decode)(&bytes, None).unwrap(), &want, title);
    }
    let error = (FAMILY.codec.decode)(&frame::encode_answer(0x22, 0, &[0x10; 20]), None).unwrap_err();
    assert!(error.contains("no tag record"), "{error}");
}

#[test]
fn a_module_is_configured_and_streams() {
    let set = [("region", word("europe")), ("power_dbm", Set::Whole(20)), ("antennas", Set::Wholes(vec![1, 3]))];
    let mut bench = bench(Settings::default(), &set);
    bench.device.tag_enters(&epc(1), 1, ms(0));
    bench.device.tag_enters(&epc(3), 3, ms(0));
    bench.device.tag_enters(&epc(2), 2, ms(0));
    bench.run(ms(4000));
    assert_eq!(bench.all[0], Event::Ready { model: "M6E Nano 1.B.0.2".into() });
    let reader = &bench.device.manner;
    assert_eq!((reader.region, reader.read_power, reader.write_power, reader.begun), (Some(8), 2000, 2000, 1));
    let tags = bench.tags();
    assert_eq!(wire::epcs(&tags), bench.told());
    assert!(40 < tags.iter().filter(|tag| tag.epc == epc(3) && tag.antenna == 3).count());
    assert!(tags.iter().all(|tag| tag.epc != epc(2) && tag.count == 1));
    let last = tags.last().unwrap();
    assert_eq!((last.rssi_dbm, last.age), (Some(-45), ms(0)));
    bench.session.close(bench.now);
    bench.run(ms(50));
    assert!(bench.session.closed() && !bench.device.manner.streaming(), "the orderly end stops the stream");
}

/// The stamp of a record counts from the last sign of life, which tells how late the record is.
#[test]
fn a_late_record_is_as_old_as_it_is() {
    let mut session = session(&FAMILY, &[]);
    session.opened(ms(0));
    session.receive(&unhex("ff0022040084e0"), ms(1000));
    let tag = "ff2822000010001b01ff0101c4110e16400000012700000500000f00803000000000000000000000001545e94a561d";
    session.receive(&unhex(tag), ms(1500));
    let all: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
    let tags = wire::tags(&all);
    assert_eq!((tags[0].age, tags[0].rssi_dbm, tags[0].antenna), (ms(500 - 295), Some(-60), 1));
}

#[test]
fn a_misheard_tag_is_noise() {
    let mut data = unhex("10001b01ff0101c4110e16400000012700000500000f00803000000000000000000000001545e94a");
    let last = data.len() - 1;
    data[last] ^= 1;
    let mut session = session(&FAMILY, &[]);
    session.opened(ms(0));
    let bytes = frame::encode_answer(0x22, 0, &data);
    session.receive(&bytes, ms(1));
    assert_eq!(session.poll(), Some(Event::Noise { bytes: bytes.len() }));
}

#[test]
fn its_complaints_are_told_once_a_minute() {
    for (complaint, says) in [(Status::HOT, "too hot"), (Status::RETURN_LOSS, "check antenna and cable")] {
        let mut bench = bench(Settings { complaint: Some(complaint), ..Settings::default() }, &[]);
        bench.run(ms(30_000));
        let [fault] = &bench.faults()[..] else { panic!("{:?}", bench.faults()) };
        assert!(fault.contains(says), "{fault}");
        assert_eq!(bench.shape(), ["ready"]);
    }
}

#[test]
fn a_module_without_region_is_not_guessed_one() {
    let mut bench = bench(Settings { region: None, ..Settings::default() }, &[]);
    bench.run(ms(1000));
    let lost = bench.all.iter().find_map(|event| if let Event::Lost { reason } = event { Some(reason) } else { None });
    assert!(lost.unwrap().contains("set the region"), "{lost:?}");
    assert_eq!(bench.device.manner.region, None);
    let wrong = bench_of_power(33);
    let [fault] = &wrong[..] else { panic!("{wrong:?}") };
    assert!(fault.contains("keeps its own setting") && fault.contains("lower the setting"), "{fault}");
}

fn bench_of_power(dbm: i64) -> Vec<String> {
    // More than the Nano sends, less than the setting takes.
    let mut bench =
        bench(Settings { power_max: 2700, ..Settings::default() }, &[("power_dbm", Set::Whole(dbm.min(31)))]);
    bench.run(ms(500));
    assert_eq!(bench.shape(), ["ready"]);
    bench.faults().into_iter().filter(|fault| !fault.contains("for writing")).collect()
}

#[test]
fn a_module_that_lost_its_power_is_configured_anew() {
    let mut bench = bench(Settings::default(), &[("region", word("korea")), ("power_dbm", Set::Whole(15))]);
    bench.device.tag_enters(&epc(1), 1, ms(0));
    bench.run(ms(2500));
    bench.device.manner.power_lost();
    bench.run(ms(5000));
    let reader = &bench.device.manner;
    assert_eq!((reader.region, reader.read_power, reader.begun), (Some(9), 1500, 2));
    assert_eq!(bench.shape(), ["ready"], "and nobody was told");
    assert_eq!(wire::epcs(&bench.tags()), bench.told());
}

#[test]
fn a_module_that_streamed_for_a_host_that_died_is_taken_over() {
    let mut first = bench(Settings::default(), &[]);
    first.run(ms(2000));
    assert!(first.device.manner.streaming());
    let mut second = Bench::new(first.device, session(&FAMILY, &[("region", word("japan"))]));
    second.now = ms(2500);
    second.run(ms(2500));
    assert_eq!((second.device.manner.region, second.device.manner.streaming()), (Some(5), true));
}

#[test]
fn three_seconds_without_a_sign_of_life_are_the_end_of_the_stream() {
    let mut session = session(&FAMILY, &[]);
    session.opened(ms(0));
    let mut now = ms(0);
    let mut answered = true;
    let mut events = Vec::new();
    loop {
        while let Some(bytes) = session.transmit() {
            if answered {
                let data = if bytes[2] == code::VERSION { vec![0x30; 20] } else { vec![] };
                session.receive(&frame::encode_answer(bytes[2], 0, &data), now);
                answered = bytes[2] != code::MULTI || bytes[3..6] != [0, 0, 1];
            }
        }
        events.extend(std::iter::from_fn(|| session.poll()));
        let Some(wake) = session.wake() else { break };
        session.tick(wake);
        now = wake;
    }
    assert!(matches!(&events[..], [Event::Ready { .. }, Event::Lost { .. }]), "{events:?}");
    // Three seconds of silence, a stop, and three questions of half a second.
    assert_eq!(now, ms(3000 + 500 + 1500));
}

#[test]
fn a_tag_is_read_and_written_between_the_reports() {
    let mut bench = bench(Settings::default(), &[]);
    bench.device.tag_enters(&epc(1), 1, ms(0));
    bench.device.tag_enters(&epc(2), 1, ms(0));
    bench.run(ms(1000));
    let read = |bank, words| Command::ReadMemory { epc: epc(2), bank, from_word: 0, words, password: 0 };
    let Answer::Memory { bytes } = bench.ask(&read(Bank::Tid, 6)) else { panic!("a TID") };
    assert_eq!(bytes[..4], unhex("e2801160"));
    assert_eq!(bench.ask(&Command::WriteEpc { epc: epc(2), to: epc(77), password: 0 }), Answer::Done);
    let Answer::Refused { reason } = bench.ask(&read(Bank::User, 2)) else { panic!("it is no more") };
    assert!(reason.contains("no such tag answered"), "{reason}");
    let before = bench.all.len();
    bench.run(ms(1000));
    let now = wire::epcs(&wire::tags(&bench.all[before..]));
    assert!(now.contains(&epc(77)) && now.contains(&epc(1)) && !now.contains(&epc(2)), "it reads on: {now:?}");
    assert_eq!(wire::epcs(&bench.tags()), bench.told());
    assert_eq!((bench.shape(), bench.device.manner.begun), (vec!["ready"], 4));
}

#[test]
fn pins_are_switched() {
    let mut bench = bench(Settings::default(), &[]);
    bench.run(ms(1000));
    let on = Command::Output { line: 2, on: true, lasts: Some(ms(200)) };
    assert_eq!(bench.ask(&on), Answer::Done);
    assert_eq!(bench.device.manner.pins, [None, Some(true), None, None]);
    bench.run(ms(300));
    assert_eq!(bench.device.manner.pins, [None, Some(false), None, None]);
    assert!(bench.device.manner.streaming());
}

#[test]
fn what_is_told_is_read_through_every_fault() {
    wire::what_is_told_is_read(1, |script, seed| reader(Settings::default(), script, seed), || session(&FAMILY, &[]));
    let set = [("antennas", Set::Wholes(vec![1, 2, 3, 4]))];
    wire::what_is_told_is_read(
        4,
        |script, seed| reader(Settings::default(), script, seed).in_parts(ms(5)),
        || session(&FAMILY, &set),
    );
}

#[test]
fn a_silent_reader_is_lost_and_found() {
    let make = |script| reader(Settings::default(), script, 1);
    wire::a_silent_reader_is_lost_and_found(Duration::from_secs(9), make, session(&FAMILY, &[]));
    wire::nobody_there_is_said(&mut *session(&FAMILY, &[]), ms(2000));
}

#[test]
fn the_simulated_module_answers_as_the_protocol_says() {
    let mut reader = reader(Settings { region: None, ..Settings::default() }, Script::new(), 1);
    reader.opened(ms(0));
    let mut ask = |bytes: Vec<u8>| {
        reader.receive(&bytes, ms(1));
        std::iter::from_fn(|| reader.transmit()).flatten().collect::<Vec<u8>>()
    };
    let any = |bank| Request::Read { epc: None, bank, word: 0, words: 1, password: 0 };
    for (name, request, want) in [
        ("no protocol yet", Request::Start.encode(), frame::encode_answer(code::MULTI, 0x0401, &[])),
        ("protocol", Request::Protocol(5).encode(), frame::encode_answer(code::PROTOCOL, 0, &[])),
        ("no region yet", Request::Start.encode(), frame::encode_answer(code::MULTI, 0x0405, &[])),
        ("region", Request::Region(Region::Open).encode(), frame::encode_answer(code::REGION, 0, &[])),
        ("nobody there", any(3).encode(), frame::encode_answer(code::READ, 0x0400, &[])),
        ("no antenna 9", Request::Antenna(9).encode(), frame::encode_answer(code::ANTENNA, 0x0507, &[])),
        ("too much power", Request::ReadPower(3000).encode(), frame::encode_answer(code::READ_POWER, 0x0103, &[])),
        ("an unknown opcode", frame::encode(0x70, &[]), frame::encode_answer(0x70, 0x0101, &[])),
    ] {
        assert_eq!(ask(request), want, "{name}");
    }
    reader.show(Presentation::Garbage { bytes: 3 }, ms(2));
    assert_eq!(reader.transmit().map(|bytes| bytes.len()), Some(3));
}
