//! Readers of the UHFReader18 kind: a frame without a head is told from noise, and one that only pushes is heard.

use std::time::Duration;

use gatebook_hardware::command::{Answer, Bank, Command, Signal, Unable};
use gatebook_hardware::device::Cut;
use gatebook_hardware::event::Event;
use gatebook_hardware::reader18::FAMILY;
use gatebook_hardware::reader18::frame::{self, BROADCAST, HEARTBEAT};
use gatebook_hardware::reader18::message::{Region, Request, Status, code};
use gatebook_hardware::settings::Value as Set;
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::module::Module;
use gatebook_hardware::simulator::reader18::{Reader, Settings};
use gatebook_hardware::simulator::script::Script;
use serde_json::json;

use crate::vectors::{self, hex, unhex};
use crate::wire::{self, Bench, epc, ms, says, session, word};

const VECTORS: &str = include_str!("../data/uhf_reader18.json");

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
    wire::a_broken_message_costs_no_other(&FAMILY, &unhex("1100ee002000708c2b380b2d00000000e056"));
    wire::noise_gives_no_tag(&FAMILY, &unhex("1100ee002000708c2b380b2d00000000e056"));
}

#[test]
fn every_vector_is_encoded() {
    for vector in vectors::of(VECTORS, "encode") {
        let (id, fields) = (&vector["id"], &vector["fields"]);
        let number = |name: &str| fields[name].as_u64().unwrap_or_else(|| panic!("{id}: {name}"));
        let password = || hex(&fields["password"]).try_into().unwrap();
        let request = match vector["command"].as_str().unwrap() {
            "inventory" => Request::Inventory,
            "inventory_single" => Request::Single,
            "get_reader_info" => Request::Info,
            "set_power" => Request::Power(number("dbm") as u8),
            "set_baud" => Request::Baud(number("baud") as u32),
            "set_address" => Request::Address(number("new_address") as u8),
            "get_work_mode" => Request::ModeAsked,
            "buzzer" => Request::Buzzer(number("value") as u8),
            "read" => Request::Read {
                epc: hex(&fields["epc"]),
                bank: number("bank") as u8,
                word: number("word_ptr") as u8,
                words: number("words") as u8,
                password: password(),
            },
            "write_epc" => Request::WriteEpc { password: password(), epc: hex(&fields["epc"]) },
            other => panic!("{id}: no command {other}"),
        };
        assert_eq!(request.encode(number("address") as u8), hex(&vector["expect_hex"]), "{id}");
    }
    // 920.125 to 924.875, 902.75 to 927.25 and 917.1 to 923.3 MHz in the bits of the manual's section 8.4.2.
    for (region, channels) in
        [(Region::China900, [0x13, 0x40]), (Region::Us, [0x31, 0x80]), (Region::Korea, [0x1F, 0xC0])]
    {
        assert_eq!(region.channels(), channels);
    }
}

#[test]
fn a_heartbeat_is_told_from_a_frame_of_its_length() {
    let cut = |bytes: &[u8]| (FAMILY.codec.cut)(bytes, None);
    assert_eq!(cut(&HEARTBEAT), Cut::Message(6));
    assert_eq!((FAMILY.codec.decode)(&HEARTBEAT, None).unwrap(), json!({"kind": "heartbeat"}));
    for n in 0..6 {
        assert_eq!(cut(&HEARTBEAT[..n]), Cut::Incomplete);
    }
    assert_eq!(cut(&[HEARTBEAT.as_slice(), &[9; 100]].concat()), Cut::Message(6));
    let frame = frame::encode_answer(0, code::REPORT, 0, &[0; 81]);
    assert_eq!((frame[0], cut(&frame)), (0x56, Cut::Message(87)));
}

#[test]
fn statuses_and_tags_are_told_apart() {
    let two = [&[2, 12], epc(1).as_slice(), &[12], epc(2).as_slice()].concat();
    for (title, bytes, want) in [
        (
            "status 04 brings tags",
            frame::encode_answer(0, 1, 4, &two),
            json!({"status_name": "buffer_full", "epcs": ["e280aabba07eff4354890301", "e280aabba07eff4354890302"]}),
        ),
        ("status 00 brings none", frame::encode_answer(0, 1, 0, &two), json!({"status_name": "ok", "epcs": []})),
        (
            "what the tag says",
            frame::encode_answer(0, 3, 0xFC, &[4]),
            json!({"status_name": "tag_error", "tag_error": 4, "meaning": "its memory is locked"}),
        ),
        (
            "a reader of itself",
            frame::encode_answer(0, 0x21, 0, &[2, 36, 9, 3, 49, 0x80, 30, 10]),
            json!({"version": "2.36", "type": 9, "power": 30, "scan_time": 10, "max_freq": 49, "min_freq": 128}),
        ),
    ] {
        says(&(FAMILY.codec.decode)(&bytes, None).unwrap(), &want, title);
    }
    for wrong in [&two[..25], &[two.as_slice(), &[0]].concat(), &[3, 1, 1], &[]] {
        let error = (FAMILY.codec.decode)(&frame::encode_answer(0, 1, 1, wrong), None).unwrap_err();
        assert!(error.contains("lengths"), "{error}");
        let mut session = session(&FAMILY, &[]);
        session.opened(ms(0));
        session.receive(&frame::encode_answer(0, 1, 1, wrong), ms(1));
        assert!(matches!(session.poll(), Some(Event::Noise { .. })), "nothing of it is read");
    }
    let names: std::collections::BTreeSet<_> = (0..=255).map(|code| Status(code).to_string()).collect();
    assert_eq!(names.len(), 256, "each status has its number");
}

#[test]
fn a_reader_is_configured_once_and_reads() {
    let set = [("region", word("china_900")), ("power_dbm", Set::Whole(20)), ("scan_time_ms", Set::Whole(500))];
    let mut bench = bench(Settings { active: true, ..Settings::default() }, &set);
    for number in 0..20 {
        bench.device.tag_enters(&epc(number), 1, ms(0));
    }
    bench.run(ms(3000));
    assert_eq!(
        bench.all.iter().find(|event| matches!(event, Event::Ready { .. })),
        Some(&Event::Ready { model: "UHFReader18 2.36".into() })
    );
    let reader = &bench.device.manner;
    assert_eq!((reader.info.channels, reader.info.power_dbm, reader.info.scan_time), ([0x13, 0x40], 20, 5));
    assert_eq!((reader.mode[4], reader.stored), (0, 4), "and it no longer reports by itself");
    let last = bench.tags().len();
    assert!(400 < last, "20 tags in frames of six: {last}");
    assert_eq!(wire::epcs(&bench.tags()), bench.told());
    assert!(bench.tags().iter().all(|tag| (tag.antenna, tag.rssi_dbm, tag.count) == (0, None, 1)));
    bench.session = session(&FAMILY, &set);
    bench.session.opened(bench.now);
    bench.run(ms(1000));
    assert_eq!(bench.device.manner.stored, 4, "what is set is not stored again");
}

/// One command at a time: nothing is sent before the answer to what was sent.
#[test]
fn one_command_at_a_time() {
    let mut session = session(&FAMILY, &[]);
    session.opened(ms(0));
    let mut sent = 0;
    for step in 0..2000 {
        let out: Vec<_> = std::iter::from_fn(|| session.transmit()).collect();
        sent += out.len();
        assert!(out.len() <= 1);
        if let Some(request) = out.first() {
            let data: &[u8] = match request[2] {
                code::INFO => &[2, 36, 9, 3, 49, 0x80, 30, 3],
                code::MODE_ASKED => &[0; 12],
                _ => &[],
            };
            let status = if request[2] == code::INVENTORY { 0xFB } else { 0 };
            session.receive(&frame::encode_answer(0, request[2], status, data), ms(step));
        }
        session.tick(ms(step));
    }
    assert!(1000 < sent);
}

#[test]
fn a_reader_that_only_pushes_is_heard() {
    for (title, settings) in [
        ("behind a bridge", Settings { heartbeat: Some(Duration::from_secs(30)), ..Settings::default() }),
        ("that answers", Settings::default()),
    ] {
        let deaf = settings.heartbeat.is_some();
        let settings = Settings { active: true, deaf, ..settings };
        let mut bench = bench(settings, &[("mode", word("active"))]);
        bench.run(ms(40_000));
        assert_eq!(bench.shape(), ["ready"], "{title}");
        bench.device.tag_enters(&epc(1), 1, bench.now);
        bench.run(ms(2000));
        bench.device.tag_leaves(&epc(1), bench.now);
        bench.run(ms(300_000));
        assert_eq!(bench.shape(), ["ready"], "{title}: it stays");
        assert!(20 < bench.tags().len(), "{title}");
        assert_eq!(wire::epcs(&bench.tags()), bench.told(), "{title}");
    }
    // With a tag before it, and no heartbeat.
    let mut bench = bench(Settings { active: true, deaf: true, ..Settings::default() }, &[("mode", word("active"))]);
    bench.device.tag_enters(&epc(1), 1, ms(0));
    bench.run(ms(3000));
    assert_eq!(bench.shape(), ["ready"]);
}

#[test]
fn a_pushing_reader_that_falls_silent_is_lost() {
    let settings =
        Settings { active: true, deaf: true, heartbeat: Some(Duration::from_secs(30)), ..Settings::default() };
    let make = |script| reader(settings.clone(), script, 1);
    let mut silent = Bench::new(make(Script::new()), session(&FAMILY, &[("mode", word("active"))]));
    silent.run(ms(40_000));
    let for_good = gatebook_hardware::simulator::script::Presentation::Silence { lasts: ms(1_000_000) };
    silent.device.show(for_good, silent.now);
    silent.run(ms(130_000));
    assert_eq!(silent.shape()[..2], ["ready", "lost"]);
}

#[test]
fn it_beeps() {
    let mut bench = bench(Settings::default(), &[]);
    bench.run(ms(1000));
    assert_eq!(bench.ask(&Command::Signal(Signal::Good)), Answer::Done);
    assert_eq!(bench.ask(&Command::Signal(Signal::Bad)), Answer::Done);
    assert_eq!(bench.device.manner.beeped, [[2, 1, 1], [2, 2, 3]]);
    assert_eq!(bench.session.command(9, &Command::Output { line: 1, on: true, lasts: None }, bench.now), Err(Unable));
}

#[test]
fn a_tag_is_read_and_written_by_its_name() {
    let mut bench = bench(Settings::default(), &[]);
    bench.device.tag_enters(&epc(1), 1, ms(0));
    bench.device.tag_enters(&epc(2), 1, ms(0));
    bench.run(ms(1000));
    let read = |bank, from_word, words| Command::ReadMemory { epc: epc(2), bank, from_word, words, password: 0 };
    let Answer::Memory { bytes } = bench.ask(&read(Bank::Tid, 0, 6)) else { panic!("a TID") };
    assert_eq!(bytes[..4], unhex("e2801160"));
    let Answer::Refused { reason } = bench.ask(&read(Bank::User, 200, 6)) else { panic!("no such words") };
    assert!(reason.contains("no such memory"), "{reason}");
    let Answer::Refused { reason } = bench.ask(&read(Bank::User, 0, 120)) else { panic!("too many") };
    assert!(reason.contains("1 to 119 words"), "{reason}");
    assert_eq!(bench.ask(&Command::WriteEpc { epc: epc(2), to: epc(77), password: 0 }), Answer::Done);
    let before = bench.all.len();
    bench.run(ms(1000));
    let now = wire::epcs(&wire::tags(&bench.all[before..]));
    assert!(now.contains(&epc(77)) && now.contains(&epc(1)) && !now.contains(&epc(2)), "{now:?}");
    assert_eq!(wire::epcs(&bench.tags()), bench.told());
    let Answer::Refused { reason } = bench.ask(&read(Bank::Tid, 0, 6)) else { panic!("it is no more") };
    assert!(reason.contains("no such tag answered"), "{reason}");
}

#[test]
fn what_is_told_is_read_through_every_fault() {
    wire::what_is_told_is_read(1, |script, seed| reader(Settings::default(), script, seed), || session(&FAMILY, &[]));
    let active = Settings { active: true, heartbeat: Some(ms(700)), ..Settings::default() };
    wire::what_is_told_is_read(
        1,
        |script, seed| reader(active.clone(), script, seed).in_parts(ms(14)),
        || session(&FAMILY, &[("mode", word("active"))]),
    );
}

#[test]
fn a_silent_reader_is_lost_and_found() {
    let make = |script| reader(Settings::default(), script, 1);
    wire::a_silent_reader_is_lost_and_found(Duration::from_secs(6), make, session(&FAMILY, &[]));
    wire::nobody_there_is_said(&mut *session(&FAMILY, &[]), ms(1500));
}

#[test]
fn the_simulated_reader_answers_as_the_protocol_says() {
    let mut reader = reader(Settings::default(), Script::new(), 1);
    reader.opened(ms(0));
    let mut ask = |bytes: Vec<u8>| {
        reader.receive(&bytes, ms(1));
        std::iter::from_fn(|| reader.transmit()).flatten().collect::<Vec<u8>>()
    };
    for (name, request, want) in [
        ("too much power", Request::Power(31).encode(BROADCAST), frame::encode_answer(0, code::POWER, 0xFF, &[])),
        (
            "a read of nobody",
            Request::Read { epc: vec![], bank: 3, word: 0, words: 1, password: [0; 4] }.encode(0),
            frame::encode_answer(0, code::READ, 0xFB, &[]),
        ),
        ("an unknown command", frame::encode(0, 0x3C, &[]), frame::encode_answer(0, 0, 0xFE, &[])),
        ("a wrong length", frame::encode(0, code::INFO, &[1]), frame::encode_answer(0, code::INFO, 0xFD, &[])),
        ("another address", Request::Info.encode(3), vec![]),
        (
            "the working mode",
            Request::ModeAsked.encode(0),
            frame::encode_answer(0, code::MODE_ASKED, 0, &[0, 30, 10, 15, 0, 2, 4, 0, 1, 0, 8, 0]),
        ),
    ] {
        assert_eq!(ask(request), want, "{name}");
    }
}
