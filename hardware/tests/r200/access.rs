//! What a station asks of a module between its polls, and the commands of the table that a session does not need.

use gatebook_hardware::command::{Answer, Bank, Command as Ask, Unable};
use gatebook_hardware::event::Event;
use gatebook_hardware::r200::FAMILY;
use gatebook_hardware::r200::command::{Command, Query, code};
use gatebook_hardware::r200::frame::{self, Dialect, Kind};
use gatebook_hardware::settings::Value as Set;
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::r200 as simulated;
use gatebook_hardware::simulator::script::Script;
use serde_json::json;

use crate::vectors::unhex;
use crate::wire::{self, Bench, epc, ms, says, session, word};

fn bench(settings: simulated::Settings, set: &[(&str, Set)]) -> Bench<simulated::Module> {
    Bench::new(simulated::Module::new(settings, Script::new(), 1), session(&FAMILY, set))
}

fn read(epc: Vec<u8>, bank: Bank, from_word: u32, words: u8) -> Ask {
    Ask::ReadMemory { epc, bank, from_word, words, password: 0 }
}

#[test]
fn a_tag_is_read_and_written_between_the_polls() {
    for dialect in Dialect::ALL {
        let mut bench = bench(simulated::Settings { dialect, ..simulated::Settings::default() }, &[]);
        bench.device.tag_enters(&epc(1), 1, ms(0));
        bench.device.tag_enters(&epc(2), 1, ms(0));
        bench.run(ms(1000));
        let Answer::Memory { bytes } = bench.ask(&read(epc(2), Bank::Tid, 0, 6)) else { panic!("a TID") };
        assert_eq!(bytes[..4], unhex("e2801160"));
        assert_eq!(bench.ask(&Ask::WriteEpc { epc: epc(2), to: epc(77), password: 0 }), Answer::Done);
        let before = bench.all.len();
        bench.run(ms(1000));
        let now = wire::epcs(&wire::tags(&bench.all[before..]));
        assert!(now.contains(&epc(77)) && now.contains(&epc(1)) && !now.contains(&epc(2)), "all are polled: {now:?}");
        assert_eq!(wire::epcs(&bench.tags()), bench.told(), "and no read is lost on the way");
        for (what, says) in [
            (read(epc(2), Bank::Tid, 0, 6), "could not be read"),
            (read(epc(1), Bank::User, 500, 2), "no such memory"),
            (read(epc(1), Bank::User, 0, 33), "1 to 32 words"),
            (Ask::WriteEpc { epc: epc(1), to: vec![1; 3], password: 0 }, "whole words"),
            (Ask::WriteEpc { epc: vec![1; 32], to: epc(3), password: 0 }, "at most 15 words"),
        ] {
            let Answer::Refused { reason } = bench.ask(&what) else { panic!("{what:?}") };
            assert!(reason.contains(says), "{reason}");
        }
        bench.run(ms(500));
        assert!(bench.device.polling() && bench.shape() == ["ready"]);
    }
}

/// The write is not answered, and did happen: the look behind it finds the new EPC.
#[test]
fn a_write_whose_answer_is_lost_is_looked_up() {
    let mut session = session(&FAMILY, &[("dialect", word("r200")), ("power_dbm", Set::Whole(0))]);
    let answer = |command, parameters: &[u8]| frame::encode(Dialect::R200, Kind::Response, command, parameters);
    session.opened(ms(0));
    session.receive(&answer(code::MODULE_INFO, b"\0M100"), ms(1));
    session.command(5, &Ask::WriteEpc { epc: epc(1), to: epc(2), password: 0 }, ms(2)).unwrap();
    let mut now = ms(2);
    let mut writes = 0;
    let mut events = Vec::new();
    for _ in 0..20 {
        while let Some(bytes) = session.transmit() {
            let name = [&[14, 0x30, 0], epc(2).as_slice()].concat();
            match bytes[2] {
                code::WRITE => writes += 1,
                code::READ => {
                    let told = [name.as_slice(), &[0x30, 0], &epc(2)].concat();
                    session.receive(&answer(code::READ, &told), now);
                }
                code::MULTI_POLL | code::MODULE_INFO => (),
                command => session.receive(&answer(command, &[0]), now),
            }
        }
        events.extend(std::iter::from_fn(|| session.poll()));
        if let Some(wake) = session.wake() {
            now = wake;
            session.tick(now);
        }
    }
    assert_eq!(writes, 1, "a write is never repeated blindly");
    assert!(events.contains(&Event::Answer { number: 5, answer: Answer::Done }), "{events:?}");
}

#[test]
fn an_output_is_switched_and_switched_back() {
    let mut bench = bench(simulated::Settings::default(), &[]);
    bench.run(ms(1000));
    assert_eq!(bench.ask(&Ask::Output { line: 3, on: true, lasts: Some(ms(500)) }), Answer::Done);
    assert_eq!(bench.device.pins(), [None, None, Some(true), None]);
    bench.run(ms(600));
    assert_eq!(bench.device.pins(), [None, None, Some(false), None]);
    assert!(bench.device.polling());
    assert_eq!(bench.session.command(9, &Ask::Output { line: 5, on: true, lasts: None }, bench.now), Err(Unable));
    assert_eq!(bench.session.command(9, &Ask::Tare, bench.now), Err(Unable));
}

#[test]
fn what_cannot_be_asked_now_is_refused() {
    let mut session = session(&FAMILY, &[]);
    session.command(1, &read(epc(1), Bank::Tid, 0, 1), ms(0)).unwrap();
    let Some(Event::Answer { number: 1, answer: Answer::Refused { reason } }) = session.poll() else {
        panic!("closed")
    };
    assert!(reason.contains("not connected"), "{reason}");
    session.opened(ms(0));
    session.command(2, &read(epc(1), Bank::Tid, 0, 1), ms(1)).unwrap();
    while let Some(wake) = session.wake() {
        session.tick(wake);
    }
    let all: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
    let [Event::Answer { number: 2, answer: Answer::Refused { .. } }, Event::Lost { .. }] = &all[..] else {
        panic!("{all:?}")
    };
}

#[test]
fn session_and_q_are_set_and_the_rest_of_the_query_stays() {
    let mut bench = bench(simulated::Settings::default(), &[("session", word("1")), ("q", Set::Whole(7))]);
    bench.run(ms(1000));
    assert_eq!((bench.device.query(), bench.shape()), ([0x11, 0x38], vec!["ready"]));
    let query = Query::of([0x11, 0x38]);
    assert_eq!((query.pilot, query.session, query.q, query.bytes()), (true, 1, 7, [0x11, 0x38]));
    for high in 0..=255u8 {
        let bytes = [high, high & 0xF8];
        assert_eq!(Query::of(bytes).bytes(), bytes);
    }
    // One of both, and nothing at all.
    let mut bench = self::bench(simulated::Settings::default(), &[("session", word("2"))]);
    bench.run(ms(1000));
    assert_eq!(bench.device.query(), [0x12, 0x20]);
    let mut bench = self::bench(simulated::Settings::default(), &[]);
    bench.run(ms(1000));
    assert_eq!(bench.device.query(), [0x10, 0x20]);
    let asks = |bytes: &Vec<u8>| matches!(bytes[2], code::REGION | code::QUERY | code::QUERY_ASKED);
    assert!(!bench.sent.iter().any(asks), "nothing that was not set is touched, the region least of all");
}

/// Some firmware answers a stop as the manual prints it.
#[test]
fn a_misprinted_stop_is_taken_for_one() {
    let settings = simulated::Settings { misprinted_stop: true, ..simulated::Settings::default() };
    let mut bench = bench(settings, &[]);
    bench.device.tag_enters(&epc(1), 1, ms(0));
    bench.run(ms(1000));
    assert!(matches!(bench.ask(&read(epc(1), Bank::Tid, 0, 2)), Answer::Memory { .. }));
    bench.session.close(bench.now);
    bench.run(ms(20));
    assert!(bench.session.closed() && !bench.device.polling());
}

#[test]
fn every_command_of_the_table_is_written() {
    let access = [0, 0, 0xFF, 0xFF];
    for (name, command, want) in [
        ("poll", Command::Poll, "bb00220000227e"),
        // The published example lacks a byte of its length; so does that of the query.
        ("kill", Command::Kill { password: access }, "bb006500040000ffff677e"),
        ("query asked", Command::QueryAsked, "bb000d00000d7e"),
        ("query", Command::Query(Query::of([0x10, 0x20])), "bb000e00021020407e"),
        ("lock", Command::Lock { access, payload: [0x02, 0x00, 0x80] }, "bb008200070000ffff02008009 7e"),
        ("channel", Command::Channel(1), "bb00ab000101ad7e"),
        ("hopping", Command::Hopping { on: true }, "bb00ad0001ffad7e"),
        ("carrier", Command::Carrier { on: true }, "bb00b00001ffb07e"),
        ("demodulator", Command::Demodulator { mixer: 3, amplifier: 6, threshold: 0x1B0 }, "bb00f00004030601b0ae7e"),
        ("demodulator asked", Command::DemodulatorAsked, "bb00f10000f17e"),
        ("jamming", Command::JammingAsked, "bb00f20000f27e"),
        ("strength", Command::StrengthAsked, "bb00f30000f37e"),
        ("pin as output", Command::OutputPin(4), "bb001a0003000401227e"),
        ("sleep", Command::Sleep, "bb00170000177e"),
        ("sleep later", Command::IdleSleep(2), "bb001d000102207e"),
        ("idle", Command::Idle { on: true, minutes: 3 }, "bb000400030101030c7e"),
        ("speed", Command::Baud(115_200), "bb001100020480977e"),
        ("select mode", Command::SelectMode(2), "bb0012000102157e"),
        ("select asked", Command::SelectAsked, "bb000b00000b7e"),
        ("region asked", Command::RegionAsked, "bb00080000087e"),
        ("power asked", Command::PowerAsked, "bb00b70000b77e"),
        ("channel asked", Command::ChannelAsked, "bb00aa0000aa7e"),
    ] {
        assert_eq!(command.encode(Dialect::M100), unhex(want), "{name}");
        assert!(!command.to_string().is_empty(), "{name}");
    }
}

/// The simulated module answers every command of the table, and the codec says what the answer means.
#[test]
fn every_answer_of_the_table_is_understood() {
    let mut module = simulated::Module::new(simulated::Settings::default(), Script::new(), 1);
    module.opened(ms(0));
    module.tag_enters(&epc(1), 1, ms(0));
    let mut ask = |command: Command| {
        module.receive(&command.encode(Dialect::R200), ms(1000));
        let bytes: Vec<u8> = std::iter::from_fn(|| module.transmit()).flatten().collect();
        (FAMILY.codec.decode)(&bytes, None).unwrap()
    };
    let access = [0; 4];
    for (name, command, want) in [
        ("query", Command::QueryAsked, json!({"session": 0, "q": 4, "trext": 1, "target": "A"})),
        ("power", Command::PowerAsked, json!({"dbm": 26.0})),
        ("region", Command::RegionAsked, json!({"region": 1})),
        ("channel", Command::Channel(7), json!({"status": 0})),
        ("channel asked", Command::ChannelAsked, json!({"channel": 7})),
        ("hopping", Command::Hopping { on: true }, json!({"status": 0})),
        ("carrier", Command::Carrier { on: false }, json!({"status": 0})),
        ("demodulator", Command::DemodulatorAsked, json!({"mixer_gain": 3, "if_gain": 6, "threshold": 0x1B0})),
        ("strength", Command::StrengthAsked, json!({"first_channel": 0, "last_channel": 19})),
        ("pin", Command::OutputPin(2), json!({"pin": 2, "value": 1})),
        ("pin high", Command::Output { pin: 2, high: true }, json!({"operation": 1, "value": 1})),
        ("pin asked", Command::PinAsked(2), json!({"operation": 2, "value": 1})),
        ("sleep", Command::IdleSleep(3), json!({"status": 0})),
        ("lock", Command::Lock { access, payload: [2, 0, 0x80] }, json!({"cmd": 0x82, "status": 0})),
        ("kill", Command::Kill { password: access }, json!({"error": 0x12, "error_name": "kill_fail"})),
        ("poll", Command::Poll, json!({"epc": "e280aabba07eff4354890301", "rssi_dbm": -45})),
        ("a channel too high", Command::Channel(99), json!({"error": 0x17})),
    ] {
        says(&ask(command), &want, name);
    }
}

/// Whole frames that stand behind a false beginning when the cable is pulled were handed over, and are read.
#[test]
fn what_waits_behind_a_false_beginning_is_read_when_the_cable_is_pulled() {
    let tag = unhex("aa02220011c930003036452148350c400000000164d1f9dd");
    let mut session = session(&FAMILY, &[("power_dbm", Set::Whole(0))]);
    session.opened(ms(0));
    session.receive(&frame::encode(Dialect::R200, Kind::Response, 3, b"\0M100"), ms(1));
    session.receive(&[&unhex("aa02220080")[..], &tag].concat(), ms(2));
    session.opened(ms(3));
    let all: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
    assert_eq!(wire::tags(&all).len(), 1, "{all:?}");
}
