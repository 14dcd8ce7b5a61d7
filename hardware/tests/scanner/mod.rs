//! A scanner: what it read is reported byte for byte, and what it did not read is not.

use std::time::Duration;

use gatebook_hardware::aim::{self, AimMode};
use gatebook_hardware::device::Session;
use gatebook_hardware::event::{Aim, Event, Read, Symbol};
use gatebook_hardware::scanner::framing::{Framing, FramingError};
use gatebook_hardware::scanner::session::Scanner;
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::scanner as simulated;
use gatebook_hardware::simulator::script::{Mix, Presentation, Random, Script, SentWhat};
use serde_json::Value;

use crate::vectors::{self, hex};

const FRAMING: &str = include_str!("../data/scanner_framing.json");
const AIM: &str = include_str!("../data/aim_symbology.json");

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn open(framing: Framing) -> Scanner {
    let mut scanner = Scanner::new(framing).unwrap();
    scanner.opened(Duration::ZERO);
    assert_eq!(scanner.poll(), Some(Event::Ready { model: String::new() }));
    scanner
}

fn events(scanner: &mut Scanner) -> Vec<Event> {
    std::iter::from_fn(|| scanner.poll()).collect()
}

fn texts(events: &[Event]) -> Vec<Vec<u8>> {
    let text = |event: &Event| match event {
        Event::Read(Read::Symbol(symbol)) => Some(symbol.bytes.clone()),
        _ => None,
    };
    events.iter().filter_map(text).collect()
}

fn noise(events: &[Event]) -> usize {
    let bytes = |event: &Event| {
        if let Event::Noise { bytes } = event { *bytes } else { 0 }
    };
    events.iter().map(bytes).sum()
}

/// All that comes when `bytes` arrive at once.
fn drive(framing: &Framing, bytes: &[u8]) -> Vec<Event> {
    let mut scanner = open(framing.clone());
    scanner.receive(bytes, ms(1));
    events(&mut scanner)
}

fn framing(config: &Value) -> Framing {
    Framing {
        prefix: config.get("prefix").map(hex).unwrap_or_default(),
        terminators: config["terminators"].as_array().unwrap().iter().map(hex).collect(),
        idle: config.get("idle_ms").map(|idle| ms(idle.as_u64().unwrap())),
        max_len: config.get("max_len").map_or(8192, |len| len.as_u64().unwrap() as usize),
        strip_parity: false,
        aim: AimMode::Absent,
    }
}

#[test]
fn every_framing_vector_gives_its_codes() {
    for vector in vectors::of(FRAMING, "stream") {
        let id = vector["id"].as_str().unwrap();
        let chunks = vector["chunks_hex"].as_array().unwrap();
        let gaps = vector["gap_ms_after"].as_array().unwrap();
        let want: Vec<Vec<u8>> = vector["expect_frames_hex"].as_array().unwrap().iter().map(hex).collect();
        // With the timer and without it: a pause also shows in the time of the next bytes.
        for ticks in [true, false] {
            let mut scanner = open(framing(&vector["config"]));
            let mut now = Duration::ZERO;
            for (chunk, gap) in chunks.iter().zip(gaps) {
                scanner.receive(&hex(chunk), now);
                now += ms(gap.as_u64().unwrap());
                if ticks && scanner.wake().is_some_and(|wake| wake <= now) {
                    scanner.tick(now);
                }
            }
            let pending = scanner.pending().to_vec();
            assert_eq!(pending, vector.get("expect_pending_hex").map(hex).unwrap_or(pending.clone()), "{id}");
            if !ticks {
                scanner.tick(now);
            }
            let all = events(&mut scanner);
            assert_eq!(texts(&all), want, "{id}");
            let overlong = all.iter().any(|event| matches!(event, Event::Fault { text } if text.contains("dropped")));
            assert_eq!(overlong, vector.get("expect_errors").is_some(), "{id}");
        }
        if gaps.iter().all(|gap| gap == 0) {
            let whole: Vec<u8> = chunks.iter().flat_map(hex).collect();
            let mut single = open(framing(&vector["config"]));
            whole.iter().for_each(|&byte| single.receive(&[byte], ms(1)));
            assert_eq!(texts(&events(&mut single)), want, "{id}, byte by byte");
        }
    }
}

#[test]
fn every_aim_vector_names_its_symbology() {
    for vector in vectors::of(AIM, "decode") {
        let id = vector["id"].as_str().unwrap();
        let input = hex(&vector["input_hex"]);
        let want = &vector["expect"];
        let found = aim::split(&input);
        assert_eq!(found.is_some(), want["present"], "{id}");
        let payload = found.map_or(input.as_slice(), |(_, payload)| payload);
        assert_eq!(payload, hex(&want["payload_hex"]), "{id}");
        if let Some((aim, _)) = found {
            let letter = |byte: u8| char::from(byte).to_string();
            assert_eq!(letter(aim.code), want["code"], "{id}");
            assert_eq!(letter(aim.modifier), want["modifier"], "{id}");
            assert_eq!(aim.symbology().unwrap(), want["symbology"], "{id}");
            assert_eq!(aim.gs1(), want["gs1"], "{id}");
        }
    }
}

#[test]
fn the_gs1_identifiers_are_these_and_no_others() {
    let mut found = Vec::new();
    for code in 0..=255u8 {
        for modifier in 0..=255u8 {
            if (Aim { code, modifier }).gs1() {
                found.push((Aim { code, modifier }).to_string());
            }
        }
    }
    found.sort();
    assert_eq!(found, ["]C1", "]J1", "]J4", "]Q3", "]Q4", "]d2", "]d5", "]e0"]);
}

#[test]
fn a_code_is_reported_byte_for_byte() {
    let gs1 = b"]d201095212345432131\x1d21A\x1d";
    let iso15434 = b"[)>\x1e06\x1dP123\x1e\x04";
    for (name, wire, aim, bytes) in [
        ("GS1 Data Matrix", [gs1.as_slice(), b"\r"].concat(), Some((b'd', b'2')), gs1[3..].to_vec()),
        ("ISO 15434", [iso15434.as_slice(), b"\r\n"].concat(), None, iso15434.to_vec()),
        ("spaces stay", b"  A 1 \r".to_vec(), None, b"  A 1 ".to_vec()),
        ("UTF-8", "Größe 7\r".into(), None, "Größe 7".into()),
        ("Latin-1", b"Gr\xf6\xdfe\n".to_vec(), None, b"Gr\xf6\xdfe".to_vec()),
        ("NUL inside", b"A\0B\r".to_vec(), None, b"A\0B".to_vec()),
        ("a bracket that is text", b"]\r".to_vec(), None, b"]".to_vec()),
    ] {
        let aim = aim.map(|(code, modifier)| Aim { code, modifier });
        let want = vec![Event::Read(Read::Symbol(Symbol { aim, bytes }))];
        assert_eq!(drive(&Framing::default(), &wire), want, "{name}");
    }
}

#[test]
fn noise_is_never_a_code() {
    let line = Framing::default();
    let stx = Framing { prefix: vec![2], terminators: vec![vec![3]], ..Framing::default() };
    for (name, framing, wire, noisy, codes) in [
        ("a break, then a code", &line, &b"\0A1\rA2\r"[..], 3, &[&b"A2"[..]][..]),
        ("bytes of a wrong speed", &line, b"\x18\xf0A1\r", 4, &[]),
        ("DEL", &line, b"A\x7f1\rB\r", 3, &[b"B"]),
        ("between framed codes", &stx, b"zz\x02A\x03\r\nyy\x02B\x03", 4, &[b"A", b"B"]),
        ("binary between STX and ETX", &stx, b"\x02\0\x01\x7f\x03", 0, &[b"\0\x01\x7f"]),
        ("a cut code and a whole one", &stx, b"\x02CUT\x02WHOLE\x03", 4, &[b"WHOLE"]),
    ] {
        let all = drive(framing, wire);
        assert_eq!(texts(&all), codes, "{name}");
        assert_eq!(noise(&all), noisy, "{name}");
    }
}

#[test]
fn half_a_code_cut_off_by_an_unplug_is_noise() {
    let mut scanner = open(Framing { idle: Some(ms(50)), ..Framing::default() });
    scanner.receive(b"HALF-A-CO", ms(10));
    scanner.opened(ms(20));
    scanner.receive(b"WHOLE\r", ms(30));
    let all = events(&mut scanner);
    assert_eq!(all.first(), Some(&Event::Noise { bytes: 9 }));
    assert_eq!(texts(&all), [b"WHOLE"]);

    scanner.receive(b"HALF", ms(40));
    scanner.close(ms(41));
    assert!(scanner.closed());
    assert_eq!(events(&mut scanner), [Event::Noise { bytes: 4 }]);
    scanner.receive(b"LATE\r", ms(42));
    assert_eq!(events(&mut scanner), [], "nothing is read from a closed scanner");
}

#[test]
fn a_line_feed_after_a_carriage_return_belongs_to_it() {
    let framing = Framing { terminators: vec![b"\r".to_vec()], ..Framing::default() };
    let mut scanner = open(framing);
    scanner.receive(b"A\r", ms(1));
    scanner.receive(b"\nB\r", ms(2));
    assert_eq!(texts(&events(&mut scanner)), [b"A", b"B"]);
}

#[test]
fn a_line_without_end_holds_no_memory_and_is_told_once() {
    let framing = Framing { max_len: 100, ..Framing::default() };
    let mut scanner = open(framing);
    let mut all = Vec::new();
    for step in 0..1000 {
        scanner.receive(&[b'X'; 1000], ms(step));
        assert!(scanner.pending().len() <= 101);
        all.append(&mut events(&mut scanner));
    }
    scanner.receive(b"\rGOOD\r", ms(2000));
    all.append(&mut events(&mut scanner));
    assert_eq!(all.iter().filter(|event| matches!(event, Event::Fault { .. })).count(), 1);
    assert_eq!(noise(&all), 1_000_001, "every dropped byte is counted, its end too");
    assert_eq!(texts(&all), [b"GOOD"]);
}

#[test]
fn a_scanner_that_must_send_identifiers_is_held_to_it() {
    let framing = Framing { aim: AimMode::Required, ..Framing::default() };
    let all = drive(&framing, b"2345\r]E04006381333931\r");
    assert!(matches!(&all[0], Event::Fault { text } if text.contains("\"2345\"")), "{all:?}");
    assert_eq!(texts(&all), [b"4006381333931"]);
}

#[test]
fn parity_is_stripped_when_set() {
    let framing = Framing { strip_parity: true, ..Framing::default() };
    assert_eq!(texts(&drive(&framing, &[0xC1, 0x31, 0x8D])), [b"A1"]);
}

#[test]
fn a_framing_that_cannot_work_says_why() {
    let cases = [
        (Framing { terminators: vec![], ..Framing::default() }, FramingError::Endless),
        (Framing { terminators: vec![vec![]], ..Framing::default() }, FramingError::EmptyTerminator),
        (Framing { max_len: 0, ..Framing::default() }, FramingError::Length { max_len: 0 }),
        (Framing { max_len: 1 << 30, ..Framing::default() }, FramingError::Length { max_len: 1 << 30 }),
    ];
    for (framing, want) in cases {
        let error = Scanner::new(framing).unwrap_err();
        assert_eq!(error, want);
        assert!(error.to_string().contains(':'), "says how to mend it: {error}");
    }
}

/// Runs a simulated scanner against a session, reconnecting 200 ms after each cut, until the script is over.
fn play(mut device: simulated::Scanner, mut session: Scanner, until: Duration) -> (Vec<Event>, simulated::Scanner) {
    let mut all = Vec::new();
    let mut reopen = Some(Duration::ZERO);
    let mut now = Duration::ZERO;
    while now < until {
        if reopen.is_some_and(|at| at <= now) {
            reopen = None;
            session.opened(now);
            device.opened(now);
        }
        device.tick(now);
        session.tick(now);
        while let Some(bytes) = device.transmit() {
            session.receive(&bytes, now);
        }
        if device.take_disconnect() {
            reopen = Some(now + ms(200));
        }
        all.extend(std::iter::from_fn(|| session.poll()));
        now += ms(5);
    }
    (all, device)
}

#[test]
fn what_a_simulated_scanner_sent_is_what_is_read() {
    let symbols: Vec<Vec<u8>> = (0..300).map(|n| format!("SAMPLE-{n:05}").into_bytes()).collect();
    let stx = (vec![2], vec![3]);
    let cr = (vec![], b"\r".to_vec());
    let crlf = (vec![], b"\r\n".to_vec());
    for (seed, (prefix, suffix)) in (1..=12).zip([stx, cr, crlf].into_iter().cycle()) {
        let mix = Mix { lasts: ms(20_000), symbols: symbols.clone(), tags: vec![], antennas: 1, faults: 40 };
        let settings =
            simulated::Settings { prefix: prefix.clone(), suffix: suffix.clone(), split: true, ..Default::default() };
        let device = simulated::Scanner::new(settings, Script::random(seed, &mix), seed);
        let session = Scanner::new(Framing { prefix, terminators: vec![suffix], ..Framing::default() }).unwrap();
        let (all, device) = play(device, session, ms(60_000));
        assert!(device.finished(ms(60_000)), "seed {seed}");
        let sent = |what: &SentWhat| {
            if let SentWhat::Symbol { bytes } = what { Some(bytes.clone()) } else { None }
        };
        let sent: Vec<Vec<u8>> = device.log().iter().filter_map(|entry| sent(&entry.what)).collect();
        assert_eq!(texts(&all), sent, "seed {seed}");
        let mut sorted = sent;
        sorted.sort();
        assert_eq!(sorted, symbols, "seed {seed}: each symbol was sent once");
        let cuts = device.log().iter().filter(|entry| entry.what == SentWhat::Disconnect).count();
        assert!(0 < cuts && 0 < noise(&all), "seed {seed}: the script had faults");
    }
}

#[test]
fn a_simulated_scanner_can_be_used_live() {
    let mut device = simulated::Scanner::new(simulated::Settings::default(), Script::new(), 7);
    device.opened(ms(0));
    device.scan(b"NOW", ms(5));
    let aim = Some(Aim { code: b'Q', modifier: b'1' });
    device.show(Presentation::Symbol { aim, bytes: b"QR".to_vec() }, ms(6));
    assert_eq!(device.transmit(), Some(b"NOW\r".to_vec()));
    assert_eq!(device.log().len(), 1, "only what was handed over is logged");
    assert_eq!(device.transmit(), Some(b"]Q1QR\r".to_vec()));
    device.show(Presentation::Disconnect, ms(8));
    assert_eq!(device.transmit(), None);
    assert!(device.take_disconnect());
    device.scan(b"AWAY", ms(9));
    assert_eq!(device.transmit(), None, "nothing is said over a cut cable");
    device.opened(ms(20));
    assert_eq!(device.transmit(), Some(b"AWAY\r".to_vec()));

    device.scan(b"LOST", ms(30));
    device.disconnected(ms(31));
    device.scan(b"WAITS", ms(32));
    device.opened(ms(40));
    assert_eq!(device.transmit(), Some(b"WAITS\r".to_vec()));
    assert_eq!(device.log().len(), 5, "what was lost in the port was never handed over: {:?}", device.log());
}

#[test]
fn a_burst_takes_the_time_that_a_scanner_needs() {
    let codes: Vec<Vec<u8>> = (0..5).map(|n| vec![b'A' + n]).collect();
    let settings = simulated::Settings { pause: ms(100), ..Default::default() };
    let script = Script::new().burst(ms(50), ms(10), &codes);
    let session = Scanner::new(Framing::default()).unwrap();
    let (all, device) = play(simulated::Scanner::new(settings, script, 1), session, ms(1000));
    assert_eq!(texts(&all), codes);
    let at: Vec<Duration> = device.log().iter().map(|entry| entry.at).collect();
    assert_eq!(at, [50, 150, 250, 350, 450].map(ms));
}

#[test]
fn random_bytes_cost_no_memory_and_the_next_code_is_read() {
    let seed = 0x5CA7;
    let mut random = Random::new(seed);
    let framings = [
        Framing { max_len: 64, ..Framing::default() },
        Framing { prefix: vec![2], terminators: vec![vec![3]], max_len: 64, ..Framing::default() },
        Framing { terminators: vec![b"\r\n".to_vec()], max_len: 64, aim: AimMode::Required, ..Framing::default() },
        Framing { terminators: vec![], idle: Some(ms(3)), max_len: 64, ..Framing::default() },
    ];
    for framing in framings {
        let mut scanner = open(framing.clone());
        let mut now = Duration::ZERO;
        for _ in 0..1500 {
            now += ms(random.below(6));
            let count = random.below(100) as usize;
            scanner.receive(&random.bytes(count), now);
            assert!(scanner.pending().len() <= 66, "seed {seed}");
            for event in events(&mut scanner) {
                if let Event::Read(Read::Symbol(symbol)) = event {
                    assert!((1..=64).contains(&symbol.bytes.len()), "seed {seed}");
                }
            }
        }
        // The end of whatever was pending, then one sound code.
        let end = framing.terminators.first().cloned().unwrap_or_default();
        scanner.receive(&end, now);
        now += ms(10);
        scanner.tick(now);
        events(&mut scanner);
        scanner.receive(&[&framing.prefix, b"]A0GOOD".as_slice(), &end].concat(), now);
        scanner.tick(now + ms(10));
        assert_eq!(texts(&events(&mut scanner)), [b"GOOD"], "seed {seed}: {framing:?}");
    }
}

mod commands;
