//! USB scanners in HID point-of-sale mode: reports in, symbols out, whatever the reads are split into.

use std::time::Duration;

use gatebook_hardware::aim::AimMode;
use gatebook_hardware::command::{Command, Signal, Unable};
use gatebook_hardware::device::{Cut, Session, by_name};
use gatebook_hardware::event::{Aim, Event, Read};
use gatebook_hardware::hid_pos::report::{HONEYWELL, Layout, ReportError};
use gatebook_hardware::hid_pos::session::{HidPos, Settings};
use gatebook_hardware::settings;
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::hid_pos as simulated;
use gatebook_hardware::simulator::script::{Mix, Random, Script, SentWhat};
use serde_json::Value;

use crate::vectors::{self, hex};

const VECTORS: &str = include_str!("../data/hid_pos.json");

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn settings(layout: Option<Layout>) -> Settings {
    Settings { layout, idle: ms(100), aim: AimMode::WhenSent, commands: false }
}

fn open(settings: Settings) -> HidPos {
    let mut session = HidPos::new(settings).unwrap();
    session.opened(ms(0));
    session
}

fn events(session: &mut HidPos) -> Vec<Event> {
    std::iter::from_fn(|| session.poll()).collect()
}

/// AIM identifier and text of what was read.
fn codes(events: &[Event]) -> Vec<(String, Vec<u8>)> {
    let code = |event: &Event| match event {
        Event::Read(Read::Symbol(symbol)) => {
            Some((symbol.aim.map(|aim| aim.to_string()).unwrap_or_default(), symbol.bytes.clone()))
        }
        _ => None,
    };
    events.iter().filter_map(code).collect()
}

fn texts(events: &[Event]) -> Vec<Vec<u8>> {
    codes(events).into_iter().map(|(_, text)| text).collect()
}

fn wanted(frame: &Value) -> (String, Vec<u8>) {
    (frame["aim"].as_str().unwrap().to_owned(), hex(&frame["payload_hex"]))
}

#[test]
fn every_vector_is_decoded_encoded_and_refused() {
    let codec = by_name("hid_pos").unwrap().codec;
    for vector in vectors::of(VECTORS, "decode") {
        let bytes = hex(&vector["input_hex"]);
        let want = &vector["expect"];
        assert_eq!(&(codec.decode)(&bytes, None).unwrap(), want, "{}", vector["id"]);
        assert_eq!((codec.cut)(&bytes, None), Cut::Message(64));
        let aim = want["aim"].as_str().unwrap().as_bytes().try_into().unwrap();
        let code_id = want["code_id"].as_str().unwrap().as_bytes()[0];
        let again = HONEYWELL.encode(Some(aim), &hex(&want["payload_hex"]), want["more"] == true, code_id);
        assert_eq!(again, bytes, "{}", vector["id"]);
        for split in 0..=64 {
            let mut session = open(settings(Some(HONEYWELL)));
            session.receive(&bytes[..split], ms(1));
            session.receive(&bytes[split..], ms(2));
            assert_eq!(codes(&events(&mut session)), [wanted(want)], "{} split at {split}", vector["id"]);
            let parsed = HONEYWELL.parse(&bytes[..split]);
            assert_eq!(matches!(parsed, Err(ReportError::Incomplete { .. })), split < 64);
        }
    }
    for vector in vectors::of(VECTORS, "reject") {
        let bytes = hex(&vector["input_hex"]);
        let error = (codec.decode)(&bytes, None).unwrap_err();
        assert!(error.contains(vector["error"].as_str().unwrap()), "{error}");
        let mut session = open(settings(Some(HONEYWELL)));
        session.receive(&bytes, ms(1));
        session.tick(ms(1000));
        assert!(codes(&events(&mut session)).is_empty());
    }
}

#[test]
fn every_stream_gives_its_symbols_at_every_split() {
    for vector in vectors::of(VECTORS, "stream") {
        let whole: Vec<u8> = vector["chunks_hex"].as_array().unwrap().iter().flat_map(hex).collect();
        let want: Vec<_> = vector["expect_frames"].as_array().unwrap().iter().map(wanted).collect();
        for split in 0..=whole.len() {
            let mut session = open(settings(Some(HONEYWELL)));
            session.receive(&whole[..split], ms(1));
            session.receive(&whole[split..], ms(2));
            assert_eq!(codes(&events(&mut session)), want, "split at {split}");
        }
    }
}

#[test]
fn a_symbol_of_several_reports_is_put_together() {
    let text: Vec<u8> = (0..150).map(|n| b'a' + n % 26).collect();
    let report = |part: &[u8], more| HONEYWELL.encode(Some(*b"]Q1"), part, more, b's');
    let mut session = open(settings(Some(HONEYWELL)));
    for (at, (part, more)) in [(&text[..56], true), (&text[56..112], true), (&text[112..], false)].iter().enumerate() {
        session.receive(&report(part, *more), ms(at as u64));
    }
    assert_eq!(codes(&events(&mut session)), [("]Q1".to_owned(), text.clone())]);

    // The rest does not come, or another symbol does: what came is not taken for a code.
    for next in [None, Some(HONEYWELL.encode(Some(*b"]C0"), b"NEXT", false, b'j'))] {
        let mut session = open(settings(Some(HONEYWELL)));
        session.receive(&report(&text[..56], true), ms(10));
        if let Some(next) = &next {
            session.receive(next, ms(20));
        }
        session.tick(ms(2000));
        let all = events(&mut session);
        assert_eq!(codes(&all).len(), usize::from(next.is_some()), "{all:?}");
        assert!(all.iter().any(|event| matches!(event, Event::Fault { text } if text.contains("scan it again"))));
        assert!(all.contains(&Event::Noise { bytes: 56 }));
    }
}

/// What a Voyager 1602g answers to `REVINF.` (HenkVanAsselt/python_hon_usbhid), shortened to two of its reports.
#[test]
fn what_a_scanner_says_of_itself_is_no_code() {
    let about = b"Product Name: Voyager 1602g\r\nBoot Revision: : 8992\r\nSoft";
    let reports = [
        HONEYWELL.encode(Some(*b"]X0"), about, true, b'?'),
        HONEYWELL.encode(Some(*b"]X0"), b"ware Part Number: CW00082BBA\r\n", false, b'?'),
        HONEYWELL.encode(Some(*b"]C0"), b"BETWEEN", false, b'j'),
        HONEYWELL.encode(Some(*b"]Z6"), b"REVINF\x06.", false, b'6'),
    ];
    let mut session = open(Settings { commands: true, ..settings(Some(HONEYWELL)) });
    assert_eq!(session.transmit().unwrap(), b"\xFD\x0F\x16M\rREVINF.");
    assert_eq!(session.poll(), None);
    session.receive(&reports.concat(), ms(30));
    let all = events(&mut session);
    assert_eq!(texts(&all), [b"BETWEEN"]);
    assert_eq!(all.last(), Some(&Event::Ready { model: "Voyager 1602g".into() }));

    // One that does not answer is ready all the same; one that nobody asked says nothing that is read.
    let mut session = open(Settings { commands: true, ..settings(Some(HONEYWELL)) });
    session.tick(ms(1000));
    assert_eq!(events(&mut session), [Event::Ready { model: String::new() }]);
    let mut session = open(settings(Some(HONEYWELL)));
    session.receive(&reports.concat(), ms(30));
    assert_eq!(texts(&events(&mut session)), [b"BETWEEN"]);
}

#[test]
fn commands_are_output_reports() {
    let mut session = open(Settings { commands: true, ..settings(Some(HONEYWELL)) });
    while session.transmit().is_some() {}
    let mut sent = |command: Command| {
        session.command(1, &command, ms(0))?;
        let mut sent = Vec::new();
        for at in 0..1000 {
            session.tick(ms(at));
            sent.extend(std::iter::from_fn(|| session.transmit()));
        }
        Ok::<_, Unable>(sent)
    };
    assert_eq!(sent(Command::Trigger { pulled: true }), Ok(vec![b"\xFD\x03\x16T\r".to_vec()]));
    assert_eq!(sent(Command::Trigger { pulled: false }), Ok(vec![b"\xFD\x03\x16U\r".to_vec()]));
    assert_eq!(sent(Command::Signal(Signal::Good)), Ok(vec![b"\xFD\x03\x16\x07\r".to_vec()]));
    assert_eq!(sent(Command::Signal(Signal::Bad)), Ok(vec![b"\xFD\x03\x16\x07\r".to_vec(); 3]));
    assert_eq!(sent(Command::Reading { on: false }), Err(Unable));
    let mut silent = open(settings(Some(HONEYWELL)));
    assert_eq!(silent.command(1, &Command::Signal(Signal::Good), ms(0)), Err(Unable));
}

#[test]
fn chunks_end_with_a_pause() {
    let mut session = open(settings(None));
    let chunk = |text: &[u8]| [&[text.len() as u8], text].concat();
    let long = [b'L'; 63];
    // Filled up with zeros or not, glued or not.
    session.receive(&[chunk(&long), chunk(b"REST\r")].concat(), ms(0));
    session.tick(ms(99));
    assert_eq!(texts(&events(&mut session)), Vec::<Vec<u8>>::new());
    session.tick(ms(100));
    assert_eq!(texts(&events(&mut session)), [[&long[..], b"REST"].concat()]);
    session.receive(&[chunk(b"]C0A1"), vec![0; 58]].concat(), ms(300));
    session.receive(&chunk(b"B2\r\n"), ms(500));
    session.tick(ms(700));
    let want = [("]C0".to_owned(), b"A1".to_vec()), (String::new(), b"B2".to_vec())];
    assert_eq!(codes(&events(&mut session)), want);
    // A chunk that breaks off is nothing, though its digits could pass for lengths.
    session.receive(&chunk(&[b'0'; 63])[..60], ms(1000));
    session.tick(ms(2000));
    assert_eq!(events(&mut session), [Event::Noise { bytes: 60 }]);
}

/// The terminal was busy for two seconds and reads late what the scanner sent in time.
#[test]
fn a_busy_terminal_cuts_no_code() {
    let chunk = |text: &[u8]| [&[text.len() as u8], text].concat();
    let mut session = open(settings(None));
    session.receive(&chunk(&[b'L'; 63]), ms(0));
    session.receive(&chunk(b"REST"), ms(2000));
    session.tick(ms(2100));
    assert_eq!(texts(&events(&mut session)), [[&[b'L'; 63][..], b"REST"].concat()]);
    let mut session = open(settings(Some(HONEYWELL)));
    session.receive(&HONEYWELL.encode(None, &[b'L'; 56], true, 0), ms(0));
    session.receive(&HONEYWELL.encode(None, b"REST", false, 0), ms(2000));
    assert_eq!(texts(&events(&mut session)), [[&[b'L'; 56][..], b"REST"].concat()]);
}

#[test]
fn offsets_from_a_report_descriptor_are_settings() {
    let family = by_name("hid_pos").unwrap();
    let with = |pairs: &[(&str, i64)]| {
        let mut set = settings::Settings::of(family.settings);
        set.set("layout", settings::Value::Text("offsets".into())).unwrap();
        for (name, number) in pairs {
            set.set(name, settings::Value::Whole(*number)).unwrap();
        }
        set
    };
    // No report number, no identifier, no byte for more: 4 bytes of data behind their length.
    let set = with(&[("report_bytes", 5), ("report_id", 0), ("length_at", 0), ("aim_at", 0), ("data_at", 1)]);
    let mut set = set;
    set.set("data_bytes", settings::Value::Whole(4)).unwrap();
    set.set("more_at", settings::Value::Whole(0)).unwrap();
    let mut session = (family.session)(&set).unwrap();
    session.opened(ms(0));
    for (at, report) in [(0, b"\x04ABCD"), (1, b"\x02EF\0\0"), (10, b"\x04WXYZ")] {
        session.receive(report, ms(at));
    }
    session.tick(ms(200));
    let all: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
    assert_eq!(texts(&all), [b"ABCDEF".to_vec(), b"WXYZ".to_vec()]);

    for (pairs, want) in [
        (&[("report_bytes", 32)][..], "data_bytes"),
        (&[("length_at", 3)], "length_at and aim_at"),
        (&[("more_at", 60)], "data_at and more_at"),
        (&[("length_at", 0)], "report_id and length_at"),
        (&[("more_at", 64)], "more_at lies behind"),
    ] {
        let error = (family.session)(&with(pairs)).unwrap_err();
        assert!(error.contains(want), "{error}");
    }
    let mut set = settings::Settings::of(family.settings);
    set.set("layout", settings::Value::Text("chunks".into())).unwrap();
    set.set("commands", settings::Value::Text("honeywell".into())).unwrap();
    assert!((family.session)(&set).unwrap_err().contains("commands = \"none\""));
}

#[test]
fn identifiers_are_required_when_set() {
    let mut session = open(Settings { aim: AimMode::Required, ..settings(Some(HONEYWELL)) });
    session.receive(&HONEYWELL.encode(None, b"BARE", false, 0), ms(1));
    session.receive(&HONEYWELL.encode(Some(*b"]C0"), b"NAMED", false, 0), ms(2));
    let all = events(&mut session);
    assert!(all.iter().any(|event| matches!(event, Event::Fault { text } if text.contains("BARE"))), "{all:?}");
    assert_eq!(texts(&all), [b"NAMED"]);
}

#[test]
fn what_a_simulated_scanner_sent_is_what_is_read() {
    let generic = Layout {
        bytes: 32,
        id: None,
        length_at: 0,
        aim_at: None,
        data_at: 1,
        data_bytes: 30,
        more_at: Some(31),
        code_at: None,
    };
    for seed in 1..=60 {
        let mut random = Random::new(seed);
        let layout = [Some(HONEYWELL), None, Some(generic)][seed as usize % 3];
        let symbols: Vec<Vec<u8>> = (0..80)
            .map(|n| {
                let more = if n % 5 == 0 { random.below(400) } else { random.below(10) };
                let tail = (0..more).map(|_| b'A' + random.below(26) as u8);
                format!("S-{n:05}-").into_bytes().into_iter().chain(tail).collect()
            })
            .collect();
        let mut mix = Mix { lasts: ms(30_000), symbols: symbols.clone(), tags: vec![], antennas: 1, faults: 20 };
        if layout == Some(generic) {
            // Reports without a number or an identifier give no hold to find their beginning again.
            mix.faults = 0;
        }
        let own =
            simulated::Settings { layout, split: true, commands: layout == Some(HONEYWELL), ..Default::default() };
        let commands = own.commands;
        let mut device = simulated::Scanner::new(own, Script::random(seed, &mix), seed);
        let mut session = HidPos::new(Settings { commands, ..settings(layout) }).unwrap();
        let (mut all, mut reopen) = (Vec::new(), Some(ms(0)));
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
            all.extend(events(&mut session));
        }
        assert!(device.finished(ms(90_000)), "seed {seed}");
        let sent = |what: &SentWhat| if let SentWhat::Symbol { bytes } = what { Some(bytes.clone()) } else { None };
        let sent: Vec<Vec<u8>> = device.log().iter().filter_map(|entry| sent(&entry.what)).collect();
        let read = texts(&all);
        let differs =
            read.iter().zip(&sent).position(|(read, sent)| read != sent).unwrap_or(read.len().min(sent.len()));
        let near = |all: &[Vec<u8>]| all.get(differs).map(|text| text.escape_ascii().to_string());
        assert!(read == sent, "seed {seed}: read {:?}, sent {:?}", near(&read), near(&sent));
        assert_eq!(sent.len(), symbols.len(), "seed {seed}");
        if commands {
            assert!(all.contains(&Event::Ready { model: "Voyager 1602g".into() }), "seed {seed}");
        }
    }
}

#[test]
fn an_identifier_that_is_none_of_the_standard_is_left_out() {
    let mut session = open(settings(Some(HONEYWELL)));
    session.receive(&HONEYWELL.encode(Some(*b"]k0"), b"TEXT", false, 0), ms(1));
    session.receive(&HONEYWELL.encode(Some(*b"]d2"), b"01", false, 0), ms(2));
    let all = events(&mut session);
    assert_eq!(codes(&all)[0], (String::new(), b"TEXT".to_vec()));
    assert_eq!(codes(&all)[1].0, Aim { code: b'd', modifier: b'2' }.to_string());
}

/// Random bytes, and reports with bits flipped and parts missing: nothing grows, and the next code is read.
#[test]
fn hostile_reports_cost_no_memory_and_the_next_code_is_read() {
    for (seed, layout) in (1..=8).zip([Some(HONEYWELL), None].into_iter().cycle()) {
        let mut random = Random::new(seed);
        let mut session = open(settings(layout));
        let mut now = ms(0);
        for _ in 0..3000 {
            now += ms(random.below(60));
            let mut bytes = HONEYWELL.encode(Some(*b"]C0"), b"SOMETHING", random.below(2) == 0, b'j');
            match random.below(3) {
                0 => bytes = random.bytes(64),
                1 => bytes[random.below(64) as usize] ^= 1 << random.below(8),
                _ => bytes.truncate(random.below(64) as usize),
            }
            session.receive(&bytes, now);
            session.tick(now);
            while session.poll().is_some() {}
            let small = random.below(40) != 0 || format!("{session:?}").len() < 100_000;
            assert!(small, "seed {seed}");
        }
        now += ms(2000);
        session.tick(now);
        while session.poll().is_some() {}
        let good = if layout.is_some() { HONEYWELL.encode(None, b"GOOD", false, 0) } else { b"\x04GOOD".to_vec() };
        session.receive(&good, now);
        session.tick(now + ms(200));
        assert_eq!(texts(&events(&mut session)), [b"GOOD"], "seed {seed}");
    }
}
