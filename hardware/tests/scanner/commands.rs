//! What a scanner is told, and its replies: none of them is a code.

use std::time::Duration;

use gatebook_hardware::command::{Command, Signal, Unable};
use gatebook_hardware::device::{Cut, Session, by_name};
use gatebook_hardware::event::{Event, Read};
use gatebook_hardware::scanner::framing::Framing;
use gatebook_hardware::scanner::host::{Host, cipherlab, datalogic, honeywell};
use gatebook_hardware::scanner::session::Scanner;
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::scanner as simulated;
use gatebook_hardware::simulator::script::{Mix, Random, Script, SentWhat};

use crate::vectors::{self, hex};

const COMMANDS: &str = include_str!("../data/scanner_commands.json");

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn framings() -> [Framing; 2] {
    [Framing::default(), Framing { prefix: vec![2], terminators: vec![vec![3]], ..Framing::default() }]
}

#[test]
fn every_command_vector_is_encoded() {
    for vector in vectors::of(COMMANDS, "encode") {
        let command = vector["command"].as_str().unwrap();
        let bytes = match command {
            "honeywell.trigger_on" => honeywell::TRIGGER_ON.to_vec(),
            "honeywell.trigger_off" => honeywell::TRIGGER_OFF.to_vec(),
            "honeywell.menu" => honeywell::menu(vector["fields"]["command"].as_str().unwrap()),
            "honeywell.hid.trigger_on" => gatebook_hardware::hid_pos::report::output(honeywell::TRIGGER_ON),
            "datalogic.enable" => datalogic::ENABLE.to_vec(),
            "datalogic.disable" => datalogic::DISABLE.to_vec(),
            "datalogic.reset" => datalogic::RESET.to_vec(),
            "datalogic.good_read_beep" => datalogic::GOOD_READ_BEEP.to_vec(),
            "datalogic.force_beep" => datalogic::FORCE_BEEP.to_vec(),
            "datalogic.health" => datalogic::HEALTH.to_vec(),
            "cipherlab.beep" => cipherlab::BEEP.to_vec(),
            other => panic!("{other}: no such command"),
        };
        assert_eq!(bytes, hex(&vector["expect_hex"]), "{command}");
    }
}

#[test]
fn every_reply_vector_is_decoded() {
    let codec = by_name("scanner").unwrap().codec;
    for vector in vectors::of(COMMANDS, "decode") {
        let bytes = hex(&vector["input_hex"]);
        assert_eq!((codec.cut)(&bytes, None), Cut::Message(bytes.len()));
        assert_eq!((codec.decode)(&bytes, None).unwrap(), vector["expect"]);
    }
    // The other two of the three replies, several parts, and the reply of Datalogic.
    for (bytes, want) in [
        (&b"232BAD9\x06."[..], r#"{"vendor":"honeywell","replies":[{"cmd":"232BAD9","status":"ack"}]}"#),
        (b"QQQ\x05!", r#"{"vendor":"honeywell","replies":[{"cmd":"QQQ","status":"enq"}]}"#),
        (
            b"CBRENA1\x06,SSX0\x15.",
            r#"{"vendor":"honeywell","replies":[{"cmd":"CBRENA1","status":"ack"},{"cmd":"SSX0","status":"nak"}]}"#,
        ),
        (b"\x01\x02QD2430\x03\x04", r#"{"vendor":"datalogic","text":"QD2430"}"#),
    ] {
        let want: serde_json::Value = serde_json::from_str(want).unwrap();
        assert_eq!((codec.decode)(bytes, None).unwrap(), want, "{}", bytes.escape_ascii());
    }
    assert_eq!((codec.cut)(b"\x01\x02AB\x03\x04X", None), Cut::Message(6));
    assert_eq!((codec.cut)(b"\x01\x02AB", None), Cut::Incomplete);
}

fn open(framing: Framing, host: Host) -> Scanner {
    let mut scanner = Scanner::new(framing).unwrap().commanded(Some(host));
    scanner.opened(ms(0));
    scanner
}

/// What the session reports when `wire` comes byte by byte.
fn hear(scanner: &mut Scanner, wire: &[u8], at: Duration) -> Vec<Event> {
    wire.iter().for_each(|&byte| scanner.receive(&[byte], at));
    std::iter::from_fn(|| scanner.poll()).collect()
}

fn told(events: &[Event]) -> (Vec<String>, Vec<String>, usize) {
    let (mut codes, mut models, mut noise) = (Vec::new(), Vec::new(), 0);
    for event in events {
        match event {
            Event::Read(Read::Symbol(symbol)) => codes.push(symbol.bytes.escape_ascii().to_string()),
            Event::Ready { model } => models.push(model.clone()),
            Event::Noise { bytes } => noise += bytes,
            other => panic!("{other:?}"),
        }
    }
    (codes, models, noise)
}

#[test]
fn replies_are_told_apart_from_codes() {
    for framing in framings() {
        let end: &[u8] = framing.terminators.first().unwrap();
        let code = |text: &str| [&framing.prefix, text.as_bytes(), end].concat();

        let mut scanner = open(framing.clone(), Host::Honeywell);
        assert_eq!(scanner.transmit().unwrap(), b"\x16M\rREVINF.");
        let about = b"Product Name: Voyager 1602g\r\nBoot Revision: : 8992\r\nREVINF\x06.";
        let wire = [code("BEFORE"), about.to_vec(), code("AFTER.!")].concat();
        let want = (vec!["BEFORE".to_owned(), "AFTER.!".to_owned()], vec!["Voyager 1602g".to_owned()], 0);
        assert_eq!(told(&hear(&mut scanner, &wire, ms(10))), want, "{framing:?}");
        // Nobody asks any more: such a text is a code.
        assert_eq!(told(&hear(&mut scanner, &code("Lot: 7"), ms(20))).0, ["Lot: 7"]);

        let mut scanner = open(framing.clone(), Host::Datalogic);
        assert_eq!(scanner.transmit().unwrap(), b"i");
        let wire = [code("BEFORE"), b"\x01\x02QD2430 v6\r\n\x03\x04".to_vec(), code("AFTER")].concat();
        let want = (vec!["BEFORE".to_owned(), "AFTER".to_owned()], vec!["QD2430 v6".to_owned()], 0);
        assert_eq!(told(&hear(&mut scanner, &wire, ms(10))), want, "{framing:?}");
        // A reply that breaks off costs its head and no code.
        let events = hear(&mut scanner, &[b"\x01\x02".to_vec(), code("WHOLE")].concat(), ms(20));
        assert_eq!(told(&events).0, Vec::<String>::new());
        scanner.tick(scanner.wake().unwrap());
        let (codes, ..) = told(&std::iter::from_fn(|| scanner.poll()).collect::<Vec<_>>());
        assert_eq!(codes, ["WHOLE"]);
        assert_eq!(told(&hear(&mut scanner, &code("NEXT"), ms(5000))).0, ["NEXT"]);
    }
}

/// With a TAB or a pause behind codes the lines of an answer are one.
#[test]
fn an_answer_is_told_apart_whatever_ends_a_code() {
    let about = b"Product Name: Voyager 1602g\r\nBoot Revision: : 8992\r\nREVINF\x06.";
    let tab = Framing { terminators: vec![b"\t".to_vec()], ..Framing::default() };
    let mut scanner = open(tab, Host::Honeywell);
    let wire = [b"BEFORE\t".as_slice(), about, b"AFTER\t"].concat();
    let want = (vec!["BEFORE".to_owned(), "AFTER".to_owned()], vec!["Voyager 1602g".to_owned()], 0);
    assert_eq!(told(&hear(&mut scanner, &wire, ms(10))), want);

    let pause = Framing { terminators: vec![], idle: Some(ms(50)), ..Framing::default() };
    for split in [0, 20, about.len() - 3] {
        let mut scanner = open(pause.clone(), Host::Honeywell);
        let mut all = hear(&mut scanner, &about[..split], ms(10));
        all.extend(hear(&mut scanner, &about[split..], ms(100)));
        all.extend(hear(&mut scanner, b"AFTER", ms(200)));
        scanner.tick(ms(300));
        all.extend(std::iter::from_fn(|| scanner.poll()));
        let (codes, models, _) = told(&all);
        assert_eq!((codes, models.len()), (vec!["AFTER".to_owned()], 1), "split at {split}");
    }
}

#[test]
fn a_scanner_that_does_not_say_who_it_is_is_ready_all_the_same() {
    let mut scanner = open(Framing::default(), Host::Honeywell);
    assert_eq!(scanner.poll(), None);
    scanner.tick(ms(999));
    assert_eq!(scanner.poll(), None);
    scanner.tick(ms(1000));
    assert_eq!(scanner.poll(), Some(Event::Ready { model: String::new() }));
}

#[test]
fn commands_become_the_bytes_of_the_vendor() {
    let sent = |host: Option<Host>, command: &Command| {
        let mut scanner = Scanner::new(Framing::default()).unwrap().commanded(host);
        scanner.opened(ms(0));
        while scanner.transmit().is_some() {}
        scanner.command(1, command, ms(0))?;
        let mut sent = Vec::new();
        for at in 0..2000 {
            scanner.tick(ms(at));
            while let Some(bytes) = scanner.transmit() {
                sent.push((at, bytes));
            }
        }
        Ok::<_, Unable>(sent)
    };
    let good = Command::Signal(Signal::Good);
    let bad = Command::Signal(Signal::Bad);
    let beep = |at| (at, b"\x16\x07\r".to_vec());
    assert_eq!(sent(Some(Host::Honeywell), &good), Ok(vec![beep(0)]));
    assert_eq!(sent(Some(Host::Honeywell), &bad), Ok(vec![beep(0), beep(250), beep(500)]));
    let pull = Command::Trigger { pulled: true };
    assert_eq!(sent(Some(Host::Honeywell), &pull), Ok(vec![(0, b"\x16T\r".to_vec())]));
    assert_eq!(sent(Some(Host::Datalogic), &pull), Ok(vec![(0, b"T".to_vec())]));
    assert_eq!(sent(Some(Host::Datalogic), &bad), Ok(vec![(0, b"F".to_vec()), (1000, b"E".to_vec())]));
    assert_eq!(sent(Some(Host::CipherLab), &Command::Reading { on: false }), Ok(vec![(0, b"D".to_vec())]));
    assert_eq!(sent(Some(Host::CipherLab), &pull), Err(Unable));
    assert_eq!(sent(Some(Host::Honeywell), &Command::AimLight { on: true }), Err(Unable));
    assert_eq!(sent(None, &good), Err(Unable), "nobody said whose commands it understands");
}

/// A simulated scanner and a session, with a signal after each read, as a station gives it.
#[test]
fn a_scanner_that_is_talked_to_loses_no_code() {
    for (seed, host) in (1..=12).zip([Host::Honeywell, Host::Datalogic, Host::CipherLab].into_iter().cycle()) {
        for framing in framings() {
            let symbols: Vec<Vec<u8>> = (0..60).map(|n| format!("S-{n:03}").into_bytes()).collect();
            let mix = Mix { lasts: ms(20_000), symbols, tags: vec![], antennas: 1, faults: 12 };
            let settings = simulated::Settings {
                prefix: framing.prefix.clone(),
                suffix: framing.terminators[0].clone(),
                split: true,
                host: Some(host),
                ..Default::default()
            };
            let mut device = simulated::Scanner::new(settings, Script::random(seed, &mix), seed);
            let mut session = Scanner::new(framing).unwrap().commanded(Some(host));
            let (mut events, mut reopen) = (Vec::new(), Some(ms(0)));
            for now in (0..90_000).step_by(5).map(ms) {
                if reopen.is_some_and(|at| at <= now) {
                    reopen = None;
                    session.opened(now);
                    device.opened(now);
                }
                device.tick(now);
                session.tick(now);
                while let Some(bytes) = session.transmit() {
                    device.receive(&bytes, now);
                }
                while let Some(bytes) = device.transmit() {
                    session.receive(&bytes, now);
                }
                if device.take_disconnect() {
                    reopen = Some(now + ms(200));
                }
                while let Some(event) = session.poll() {
                    if let Event::Read(_) = event {
                        let signal = if seed % 2 == 0 { Signal::Good } else { Signal::Bad };
                        session.command(1, &Command::Signal(signal), now).unwrap();
                    }
                    events.push(event);
                }
            }
            let read: Vec<Vec<u8>> = events
                .iter()
                .filter_map(|event| match event {
                    Event::Read(Read::Symbol(symbol)) => Some(symbol.bytes.clone()),
                    _ => None,
                })
                .collect();
            let sent =
                |entry: &SentWhat| if let SentWhat::Symbol { bytes } = entry { Some(bytes.clone()) } else { None };
            let sent: Vec<Vec<u8>> = device.log().iter().filter_map(|entry| sent(&entry.what)).collect();
            assert_eq!(read, sent, "seed {seed}, {host:?}");
            assert_eq!(sent.len(), 60, "seed {seed}, {host:?}");
            assert!(30 < device.obeyed().len(), "seed {seed}, {host:?}: it heard the signals");
        }
    }
}

/// Bytes that look like replies, in any order and at any time: nothing grows, and the next code is read.
#[test]
fn hostile_replies_cost_no_memory_and_the_next_code_is_read() {
    let alphabet = b"\x01\x02\x03\x04\x05\x06\x15.!,;: AZaz09]\r\nProduct Name: X";
    for (seed, host) in (1..=9).zip([Host::Honeywell, Host::Datalogic, Host::CipherLab].into_iter().cycle()) {
        for framing in framings() {
            let mut random = Random::new(seed);
            let mut scanner = open(Framing { max_len: 64, ..framing.clone() }, host);
            let mut now = ms(0);
            for _ in 0..3000 {
                now += ms(random.below(30));
                let count = random.below(60);
                let bytes: Vec<u8> =
                    (0..count).map(|_| alphabet[random.below(alphabet.len() as u64) as usize]).collect();
                scanner.receive(&bytes, now);
                scanner.tick(now);
                while scanner.poll().is_some() {}
                let small = random.below(40) != 0 || format!("{scanner:?}").len() < 10_000;
                assert!(small, "seed {seed}");
            }
            now += ms(3000);
            scanner.tick(now);
            let end = framing.terminators[0].as_slice();
            scanner.receive(end, now);
            while scanner.poll().is_some() {}
            let (codes, ..) = told(&hear(&mut scanner, &[&framing.prefix, b"GOOD".as_slice(), end].concat(), now));
            assert_eq!(codes, ["GOOD"], "seed {seed}, {host:?}");
        }
    }
}
