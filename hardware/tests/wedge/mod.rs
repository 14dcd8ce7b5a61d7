//! Scanners in keyboard mode: what a scanner types is read, what a hand types is not.

use std::time::Duration;

use gatebook_hardware::aim::AimMode;
use gatebook_hardware::device::{Cut, Session, by_name};
use gatebook_hardware::event::{Aim, Event, Read};
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::script::{Mix, Presentation, Random, Script, SentWhat};
use gatebook_hardware::simulator::wedge as simulated;
use gatebook_hardware::wedge::keyboard::key;
use gatebook_hardware::wedge::layout::{Layout, Level, Stroke};
use gatebook_hardware::wedge::record::{RECORD, Record, RecordError, SYN_DROPPED, SYN_REPORT, kind};
use gatebook_hardware::wedge::session::{Ends, Settings, Wedge};
use serde_json::Value;

use crate::vectors::{self, hex};

const VECTORS: &str = include_str!("../data/evdev_wedge.json");

const LAYOUTS: [Layout; 4] = [Layout::Us, Layout::Uk, Layout::German, Layout::French];

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn syn(at: u64) -> Record {
    Record { at: ms(at), kind: kind::SYN, code: SYN_REPORT, value: 0 }
}

/// Records as the kernel writes them: each key with its report behind it.
fn records(keys: &[(u64, u16, i32)]) -> Vec<u8> {
    let both = |&(at, code, value): &(u64, u16, i32)| {
        [Record { at: ms(at), kind: kind::KEY, code, value }.encode(), syn(at).encode()].concat()
    };
    keys.iter().flat_map(both).collect()
}

/// Strokes of whole keys, so many milliseconds apart.
fn strokes(codes: &[u16], from: u64, apart: u64) -> Vec<(u64, u16, i32)> {
    let both = |(number, &code): (usize, &u16)| {
        let at = from + number as u64 * apart;
        [(at, code, 1), (at + 1, code, 0)]
    };
    codes.iter().enumerate().flat_map(both).collect()
}

fn open(settings: Settings) -> Wedge {
    let mut session = Wedge::new(settings);
    session.opened(ms(0));
    assert_eq!(session.poll(), Some(Event::Ready { model: String::new() }));
    session
}

fn events(session: &mut Wedge) -> Vec<Event> {
    std::iter::from_fn(|| session.poll()).collect()
}

fn texts(events: &[Event]) -> Vec<Vec<u8>> {
    let text = |event: &Event| match event {
        Event::Read(Read::Symbol(symbol)) => Some(symbol.bytes.clone()),
        _ => None,
    };
    events.iter().filter_map(text).collect()
}

/// What is read of `keys`, and a second of silence behind them.
fn read(settings: Settings, keys: &[(u64, u16, i32)]) -> Vec<Event> {
    let mut session = open(settings);
    session.receive(&records(keys), ms(1));
    session.tick(ms(1000));
    events(&mut session)
}

/// The keys 1 to 6.
const DIGITS: [u16; 6] = [2, 3, 4, 5, 6, 7];

#[test]
fn every_vector_is_decoded() {
    let codec = by_name("wedge").unwrap().codec;
    for vector in vectors::of(VECTORS, "decode") {
        let id = vector["id"].as_str().unwrap();
        let part = |value: &Value| value.as_u64().unwrap();
        let keys: Vec<(u64, u16, i32)> = vector["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| (part(&event[0]), part(&event[1]) as u16, part(&event[2]) as i32))
            .collect();
        let bytes = records(&keys);
        let want = &vector["expect"];
        assert_eq!(&(codec.decode)(&bytes, None).unwrap(), want, "{id}");
        assert_eq!((codec.cut)(&bytes, None), Cut::Message(bytes.len()), "{id}");
        let scan = want["is_scan"] == true;
        let mut text = hex(&want["text_hex"]);
        if text.starts_with(b"]d2") {
            text.drain(..3);
        }
        for split in 0..=bytes.len() {
            let mut session = open(Settings::default());
            session.receive(&bytes[..split], ms(1));
            session.receive(&bytes[split..], ms(2));
            let all = events(&mut session);
            assert_eq!(texts(&all), if scan { vec![text.clone()] } else { vec![] }, "{id} split at {split}");
            let noisy = all.iter().any(|event| matches!(event, Event::Noise { .. }));
            assert_eq!(noisy, !scan, "{id}: what a hand types is noise");
        }
    }
}

#[test]
fn a_record_is_what_the_kernel_writes() {
    let record = Record { at: Duration::new(1_767_225_600, 123_456_000), kind: 1, code: 30, value: 1 };
    let bytes = record.encode();
    assert_eq!(bytes[..], vectors::unhex("00b9556900000000 40e2010000000000 0100 1e00 01000000"));
    assert_eq!(Record::parse(&bytes), Ok(record));
    for end in 0..RECORD {
        assert_eq!(Record::parse(&bytes[..end]), Err(RecordError::Incomplete { missing: RECORD - end }));
    }
    for (at, value, want) in [
        (11, 0x10, RecordError::Time),
        (7, 0x80, RecordError::Time),
        (17, 0x01, RecordError::Kind { kind: 0x101 }),
        (19, 0x03, RecordError::Code { code: 0x31E }),
        (20, 0x03, RecordError::Value { value: 3 }),
    ] {
        let mut wrong = bytes;
        wrong[at] = value;
        assert_eq!(Record::parse(&wrong), Err(want));
    }
}

#[test]
fn a_hand_is_no_scanner() {
    for (name, codes, apart, ends, want) in [
        ("a scanner", &DIGITS[..], 6, true, 1),
        ("the slowest scanner", &DIGITS, 35, true, 1),
        ("a fast hand", &DIGITS, 60, true, 0),
        ("three keys", &DIGITS[..3], 6, true, 0),
        ("four keys", &DIGITS[..4], 6, true, 1),
        ("no end", &DIGITS, 6, false, 0),
    ] {
        let mut keys = strokes(codes, 0, apart);
        if ends {
            keys.extend(strokes(&[key::ENTER], codes.len() as u64 * apart, 1));
        }
        assert_eq!(texts(&read(Settings::default(), &keys)).len(), want, "{name}");
    }
    // A hand, then a scanner: the pause between them parts them.
    let mut keys = strokes(&[30, 31], 0, 90);
    keys.extend(strokes(&[2, 3, 4, 5, key::ENTER], 400, 5));
    assert_eq!(texts(&read(Settings::default(), &keys)), [b"1234"]);
    // A key held down types again and again, and a scanner's does not.
    let mut keys = strokes(&DIGITS, 0, 5);
    keys.splice(1..1, (0..30).map(|_| (0, 2, 2)));
    keys.extend(strokes(&[key::ENTER], 40, 1));
    assert_eq!(texts(&read(Settings::default(), &keys)), [b"123456"]);
}

#[test]
fn the_clock_of_the_events_counts_not_that_of_their_arrival() {
    // A busy terminal gets a minute of typing at once: it stays typing.
    let mut keys = strokes(&DIGITS, 0, 100);
    keys.extend(strokes(&[key::ENTER], 600, 1));
    assert!(texts(&read(Settings::default(), &keys)).is_empty());
    // And a scan that comes in two reads with a delay of 100 ms between them is a scan.
    let mut keys = strokes(&DIGITS, 0, 5);
    keys.extend(strokes(&[key::ENTER], 30, 1));
    let bytes = records(&keys);
    let mut session = open(Settings::default());
    let (one, two) = bytes.split_at(100);
    session.receive(one, ms(10));
    session.tick(ms(50));
    session.receive(two, ms(100));
    assert_eq!(texts(&events(&mut session)), [b"123456"]);
}

#[test]
fn ends_are_as_set() {
    let with = |end: &[u16]| [strokes(&DIGITS, 0, 5), strokes(end, 30, 1)].concat();
    let set = |ends| Settings { ends, ..Settings::default() };
    for (ends, end, want) in [
        (Ends::Enter, &[key::ENTER][..], &["123456"][..]),
        (Ends::Enter, &[key::TAB], &[]),
        (Ends::Tab, &[key::TAB], &["123456"]),
        (Ends::Tab, &[key::ENTER, key::TAB], &["123456\\r"]),
        (Ends::EnterOrTab, &[key::TAB], &["123456"]),
        (Ends::EnterOrTab, &[key::ENTER], &["123456"]),
        (Ends::Enter, &[key::TAB, key::ENTER], &["123456\\t"]),
        (Ends::Pause, &[], &["123456"]),
        (Ends::Pause, &[key::ENTER], &["123456"]),
    ] {
        let found: Vec<String> =
            texts(&read(set(ends), &with(end))).iter().map(|text| text.escape_ascii().to_string()).collect();
        assert_eq!(found, want, "{ends:?} {end:?}");
    }
    // A hand makes pauses too.
    assert!(texts(&read(set(Ends::Pause), &strokes(&DIGITS, 0, 70))).is_empty());
}

#[test]
fn gs_comes_in_the_ways_that_scanners_have() {
    let ctrl = [(10, key::LEFT_CTRL, 1), (10, 27, 1), (11, 27, 0), (11, key::LEFT_CTRL, 0)];
    let right = [(10, key::RIGHT_CTRL, 1), (10, 27, 1), (11, 27, 0), (11, key::RIGHT_CTRL, 0)];
    // Alt and 029, Alt and 29 on the keypad.
    let mut alt = vec![(10, key::LEFT_ALT, 1)];
    alt.extend([82, 80, 73].map(|code| [(10, code, 1), (10, code, 0)]).concat());
    alt.push((11, key::LEFT_ALT, 0));
    let f8 = [(10, 66, 1), (11, 66, 0)];
    for (name, gs, gs_key, layout) in [
        ("Ctrl and ]", &ctrl[..], None, Layout::Us),
        ("the right Ctrl", &right, None, Layout::Us),
        ("the place of ] on another keyboard", &ctrl, None, Layout::German),
        ("Alt and its number", &alt, None, Layout::French),
        ("F8 where it is set", &f8, key::function(8), Layout::Us),
        ("Ctrl and ] beside F8", &ctrl, key::function(8), Layout::Us),
    ] {
        let keys = [strokes(&[48, 18], 0, 5), gs.to_vec(), strokes(&[49, 18, key::ENTER], 15, 5)].concat();
        let settings = Settings { layout, gs_key, ..Settings::default() };
        assert_eq!(texts(&read(settings, &keys)), [b"be\x1Dne"], "{name}");
    }
    // Where nobody said what F8 means, the code is not read without its GS.
    let keys = [strokes(&[2, 3, 4, 5], 0, 5), f8.map(|(_, code, value)| (20, code, value)).to_vec()].concat();
    let keys = [keys, strokes(&[2, 3, key::ENTER], 25, 5)].concat();
    let all = read(Settings::default(), &keys);
    assert!(texts(&all).is_empty());
    assert!(all.iter().any(|event| matches!(event, Event::Fault { text } if text.contains("gs_key"))), "{all:?}");
    assert_eq!((key::function(8), key::function(11), key::function(13)), (Some(66), Some(87), None));
}

#[test]
fn numbers_behind_alt_are_characters() {
    for (digits, want) in [("65", "A"), ("0233", "é"), ("130", "é"), ("0029", "\x1D"), ("225", "ß"), ("0223", "ß")]
    {
        let mut keys = strokes(&[2, 3, 4], 0, 5);
        keys.push((15, key::LEFT_ALT, 1));
        for digit in digits.bytes() {
            let code = [82, 79, 80, 81, 75, 76, 77, 71, 72, 73][usize::from(digit - b'0')];
            keys.extend([(15, code, 1), (15, code, 0)]);
        }
        keys.push((16, key::LEFT_ALT, 0));
        keys.extend(strokes(&[key::ENTER], 20, 5));
        assert_eq!(texts(&read(Settings::default(), &keys)), [format!("123{want}").into_bytes()], "{digits}");
    }
}

#[test]
fn caps_lock_turns_letters_and_follows_the_lamp() {
    let word = strokes(&[30, 48, 46, 2, key::ENTER], 10, 5);
    let caps = strokes(&[key::CAPS_LOCK], 0, 1);
    assert_eq!(texts(&read(Settings::default(), &[caps.clone(), word.clone()].concat())), [b"ABC1"]);
    assert_eq!(texts(&read(Settings::default(), &[caps.clone(), caps, word.clone()].concat())), [b"abc1"]);
    let lamp = Record { at: ms(0), kind: kind::LED, code: 1, value: 1 };
    let mut session = open(Settings::default());
    session.receive(&[lamp.encode().as_slice(), &records(&word)].concat(), ms(1));
    assert_eq!(texts(&events(&mut session)), [b"ABC1"]);
}

/// The rows of the keyboards, as they are printed on them, and the accents.
#[test]
fn each_country_has_its_keys() {
    let plain = |code| Stroke { code, level: Level::Plain };
    let shift = |code| Stroke { code, level: Level::Shift };
    let third = |code| Stroke { code, level: Level::AltGr };
    for (layout, stroke, want) in [
        (Layout::Us, shift(3), '@'),
        (Layout::Uk, shift(3), '"'),
        (Layout::Uk, shift(40), '@'),
        (Layout::Uk, plain(86), '\\'),
        (Layout::German, plain(21), 'z'),
        (Layout::German, plain(44), 'y'),
        (Layout::German, plain(53), '-'),
        (Layout::German, shift(8), '/'),
        (Layout::German, third(9), '['),
        (Layout::German, third(16), '@'),
        (Layout::French, plain(16), 'a'),
        (Layout::French, shift(2), '1'),
        (Layout::French, plain(7), '-'),
        (Layout::French, third(12), ']'),
        (Layout::French, plain(39), 'm'),
    ] {
        assert_eq!(layout.character(stroke), Some(want), "{layout:?} {stroke:?}");
    }
    for layout in LAYOUTS {
        for character in (' '..='~').chain('à'..='ü') {
            if let Some(stroke) = layout.stroke(character) {
                assert_eq!(layout.character(stroke), Some(character), "{layout:?}");
            } else {
                assert!(!character.is_ascii(), "{layout:?} has no key for {character}");
            }
        }
        for code in [0, 1, 14, 28, 29, 42, 55, 58, 59, 200] {
            assert_eq!(layout.character(plain(code)), None, "{layout:?} {code}");
        }
    }
    let accent = |layout, keys: &[u16]| {
        let keys = [strokes(&[2, 3, 4, 5], 0, 5), strokes(keys, 20, 5), strokes(&[key::ENTER], 50, 1)].concat();
        let all = read(Settings { layout, ..Settings::default() }, &keys);
        String::from_utf8(texts(&all).pop().unwrap()).unwrap()
    };
    assert_eq!(accent(Layout::German, &[41, 57]), "1234^");
    assert_eq!(accent(Layout::German, &[41, 30]), "1234â");
    assert_eq!(accent(Layout::German, &[13, 50]), "1234´m");
    assert_eq!(accent(Layout::French, &[26, 18]), "&é\"'ê");
}

/// All of ASCII and what of Latin-1 has a key, typed by a simulated scanner and read again.
#[test]
fn what_can_be_typed_is_read_byte_for_byte() {
    let printable: String = (' '..='~').collect();
    let gs1 = "]d201095212345432132110\x1D17A\x1E\x04";
    for layout in LAYOUTS {
        for (numbers, caps_lock, gs_key) in [
            (false, false, None),
            (true, false, None),
            (false, true, key::function(8)),
            (false, false, key::function(2)),
        ] {
            let own = simulated::Settings { layout, numbers, caps_lock, gs_key, ..Default::default() };
            let mut device = simulated::Scanner::new(own, Script::new(), 3);
            let mut session = open(Settings { layout, gs_key, ..Settings::default() });
            device.opened(ms(0));
            for text in [printable.as_str(), gs1, "Größe é µ"] {
                device.scan(text.as_bytes(), ms(0));
            }
            let mut all = Vec::new();
            for now in (0..3000).map(ms) {
                device.tick(now);
                session.tick(now);
                while let Some(bytes) = device.transmit() {
                    session.receive(&bytes, now);
                }
                all.extend(events(&mut session));
            }
            let want = [printable.as_bytes(), &gs1.as_bytes()[3..], "Größe é µ".as_bytes()];
            assert_eq!(texts(&all), want, "{layout:?} {numbers} {caps_lock}");
            let aims: Vec<Option<Aim>> = all
                .iter()
                .filter_map(|event| if let Event::Read(Read::Symbol(symbol)) = event { Some(symbol.aim) } else { None })
                .collect();
            assert_eq!(aims, [None, Some(Aim { code: b'd', modifier: b'2' }), None]);
        }
    }
}

#[test]
fn what_was_missed_is_never_half_read() {
    let code = [strokes(&DIGITS, 0, 5), strokes(&[key::ENTER], 30, 1)].concat();
    // The link was opened in the middle of a code: it begins with the release of a key.
    let late = code[1..].to_vec();
    assert!(texts(&read(Settings::default(), &late)).is_empty());
    let next: Vec<_> = code.iter().map(|&(at, code, value)| (at + 50, code, value)).collect();
    assert_eq!(texts(&read(Settings::default(), &[late, next.clone()].concat())), [b"123456"]);
    // It began behind the code, with the release of its Enter.
    assert_eq!(texts(&read(Settings::default(), &[vec![(0, key::ENTER, 0)], next.clone()].concat())), [b"123456"]);

    // The kernel's queue ran over in the middle.
    let bytes = records(&code);
    let lost = Record { at: ms(10), kind: kind::SYN, code: SYN_DROPPED, value: 0 }.encode();
    let mut session = open(Settings::default());
    session.receive(&[&bytes[..96], &lost, &bytes[144..], &records(&next)].concat(), ms(1));
    let all = events(&mut session);
    assert_eq!(texts(&all), [b"123456"], "the next code, and no half of the first");
    assert!(
        all.iter().any(|event| matches!(event, Event::Fault { text } if text.contains("scan the last code again")))
    );

    // Half a code when the plug was pulled.
    let mut session = open(Settings::default());
    session.receive(&bytes[..240], ms(1));
    session.opened(ms(50));
    session.receive(&records(&next), ms(60));
    let all = events(&mut session);
    assert_eq!(texts(&all), [b"123456"]);
    assert_eq!(all[0], Event::Noise { bytes: 240 });
}

#[test]
fn lines_without_end_hold_no_memory() {
    let mut session = open(Settings::default());
    let mut faults = 0;
    for round in 0..40 {
        let keys = strokes(&[30; 1000], round * 2000, 2);
        session.receive(&records(&keys), ms(round * 2000));
        faults += events(&mut session).iter().filter(|event| matches!(event, Event::Fault { .. })).count();
    }
    assert!((1..=5).contains(&faults), "told when it happens, and not again and again: {faults}");
    let keys = [strokes(&DIGITS, 100_000, 5), strokes(&[key::ENTER], 100_030, 1)].concat();
    session.receive(&records(&keys), ms(100_000));
    assert_eq!(texts(&events(&mut session)), [b"123456"]);
}

#[test]
fn identifiers_are_required_when_set() {
    let keys = [strokes(&DIGITS, 0, 5), strokes(&[key::ENTER], 30, 1)].concat();
    let all = read(Settings { aim: AimMode::Required, ..Settings::default() }, &keys);
    assert!(matches!(&all[..], [Event::Fault { text }] if text.contains("123456")), "{all:?}");
}

#[test]
fn what_a_simulated_scanner_typed_is_read_exactly_once() {
    for seed in 1..=40 {
        let mut random = Random::new(seed);
        let symbols: Vec<Vec<u8>> = (0..80)
            .map(|n| {
                let tail = (0..random.below(20)).map(|_| b' ' + random.below(95) as u8);
                let gs = if n % 3 == 0 { &b"\x1D21"[..] } else { b"" };
                [format!("S-{n:05}-").as_bytes(), gs, &tail.collect::<Vec<u8>>()].concat()
            })
            .collect();
        let mix = Mix { lasts: ms(30_000), symbols: symbols.clone(), tags: vec![], antennas: 1, faults: 25 };
        let layout = LAYOUTS[seed as usize % 4];
        let ends = [Ends::Enter, Ends::Tab, Ends::EnterOrTab, Ends::Pause][(seed / 4) as usize % 4];
        let own = simulated::Settings { layout, ends, caps_lock: seed % 5 == 0, ..Default::default() };
        let mut device = simulated::Scanner::new(own, Script::random(seed, &mix), seed);
        let mut session = Wedge::new(Settings { layout, ends, ..Settings::default() });
        let (mut all, mut reopen) = (Vec::new(), Some(ms(0)));
        for now in (0..120_000).step_by(5).map(ms) {
            if reopen.is_some_and(|at| at <= now) {
                reopen = None;
                session.opened(now);
                device.opened(now);
            }
            device.tick(now);
            if reopen.is_none() {
                session.tick(now);
            }
            while let Some(bytes) = device.transmit() {
                let at = random.below(bytes.len() as u64 + 1) as usize;
                session.receive(&bytes[..at], now);
                session.receive(&bytes[at..], now);
            }
            if device.take_disconnect() {
                reopen = Some(now + ms(200));
            }
            all.extend(events(&mut session));
        }
        assert!(device.finished(ms(120_000)), "seed {seed}");
        let sent = |what: &SentWhat| if let SentWhat::Symbol { bytes } = what { Some(bytes.clone()) } else { None };
        let sent: Vec<Vec<u8>> = device.log().iter().filter_map(|entry| sent(&entry.what)).collect();
        let read = texts(&all);
        let differs =
            read.iter().zip(&sent).position(|(read, sent)| read != sent).unwrap_or(read.len().min(sent.len()));
        let near = |all: &[Vec<u8>]| all.get(differs).map(|text| text.escape_ascii().to_string());
        assert!(read == sent, "seed {seed} {layout:?} {ends:?}: read {:?}, sent {:?}", near(&read), near(&sent));
        assert_eq!(sent.len(), symbols.len(), "seed {seed}");
    }
}

#[test]
fn a_code_that_no_key_gives_is_not_typed() {
    let mut device = simulated::Scanner::new(simulated::Settings::default(), Script::new(), 1);
    device.opened(ms(0));
    device.show(Presentation::Symbol { aim: None, bytes: "样品7".into() }, ms(1));
    device.tick(ms(5000));
    assert_eq!((device.transmit(), device.log().len()), (None, 0));
}

/// Keys in any order, held and let go, in every country: no panic, nothing grows, and the next code is read.
#[test]
fn a_cat_on_the_keyboard_harms_nothing() {
    for (seed, layout) in (1..=8).zip(LAYOUTS.into_iter().cycle()) {
        let mut random = Random::new(seed);
        let ends = [Ends::Enter, Ends::Tab, Ends::EnterOrTab, Ends::Pause][seed as usize % 4];
        let mut session = open(Settings { layout, ends, gs_key: key::function(8), ..Settings::default() });
        let mut at = 0;
        for _ in 0..20_000 {
            at += random.below(20);
            let kind = [kind::KEY, kind::KEY, kind::KEY, kind::SYN, kind::MSC, kind::LED][random.below(6) as usize];
            let (code, value) = (random.below(130) as u16, random.below(3) as i32);
            session.receive(&Record { at: ms(at), kind, code, value }.encode(), ms(at));
            session.tick(ms(at));
            while session.poll().is_some() {}
            let small = random.below(40) != 0 || format!("{session:?}").len() < 100_000;
            assert!(small, "seed {seed}");
        }
        // Everything is let go, CapsLock is off, and a pause.
        let held = (0..130).map(|code| (at, code, 0)).collect::<Vec<_>>();
        session.receive(&records(&held), ms(at));
        let lamp = Record { at: ms(at), kind: kind::LED, code: 1, value: 0 };
        session.receive(&[lamp.encode(), syn(at).encode()].concat(), ms(at));
        session.receive(&records(&strokes(&[57], at + 500, 1)), ms(at + 500));
        session.tick(ms(at + 900));
        while session.poll().is_some() {}
        let end = if ends == Ends::Tab { key::TAB } else { key::ENTER };
        session.receive(&records(&strokes(&[32, 33, 34, 35, end], at + 1000, 5)), ms(at + 1000));
        assert_eq!(texts(&events(&mut session)), [b"dfgh"], "seed {seed} {layout:?}");
    }
}
