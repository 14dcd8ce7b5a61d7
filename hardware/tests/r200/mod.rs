//! UHF modules of the M100 and R200 kind: every printed frame is understood, a misheard tag is never a read, and
//! the session keeps the module reading or says that it is lost.

mod access;

use std::time::Duration;

use gatebook_hardware::checksum;
use gatebook_hardware::device::Session;
use gatebook_hardware::event::{Event, Read};
use gatebook_hardware::r200::FAMILY;
use gatebook_hardware::r200::command::{Command, Region};
use gatebook_hardware::r200::frame::{self, Dialect, FRAME_MAX, FrameError, Kind};
use gatebook_hardware::r200::message::{self, DecodeError, Fault, Message};
use gatebook_hardware::r200::session::{R200, Settings};
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::r200 as simulated;
use gatebook_hardware::simulator::script::{Mix, Presentation, Random, Script, SentWhat};
use serde_json::Value;

use crate::vectors::{self, hex, unhex};

const VECTORS: &str = include_str!("../data/uhf_m100_r200.json");

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn dialect(vector: &Value) -> Dialect {
    match vector["dialect"].as_str().unwrap() {
        "m100" => Dialect::M100,
        "r200" => Dialect::R200,
        other => panic!("no dialect {other}"),
    }
}

/// A message in the words of the vectors.
fn json(bytes: &[u8]) -> Value {
    (FAMILY.codec.decode)(bytes, None).unwrap()
}

/// Checks that `found` says all that `want` says.
fn assert_says(found: &Value, want: &Value, id: &str) {
    for (field, value) in want.as_object().unwrap() {
        assert_eq!(&found[field], value, "{id}: {field}");
    }
}

#[test]
fn every_printed_command_is_encoded() {
    for vector in vectors::of(VECTORS, "encode") {
        let (id, dialect, fields) = (&vector["id"], dialect(&vector), &vector["fields"]);
        let number = |name: &str| fields[name].as_u64().unwrap_or_else(|| panic!("{id}: {name}"));
        let access = || hex(&fields["access"]).try_into().unwrap();
        let command = match vector["command"].as_str().unwrap() {
            "set_power" => Command::Power { centi_dbm: (fields["dbm"].as_f64().unwrap() * 100.0).round() as u16 },
            "set_region" => {
                let region = Region::ALL.into_iter().find(|region| u64::from(region.number()) == number("region"));
                Command::Region(region.unwrap())
            }
            "multi_poll" => Command::MultiPoll { count: number("count") as u16 },
            "set_select_epc" => Command::SelectEpc { epc: hex(&fields["epc"]) },
            "read" => Command::Read {
                access: access(),
                bank: number("bank") as u8,
                word: number("word_ptr") as u16,
                words: number("words") as u16,
            },
            "write" => Command::Write {
                access: access(),
                bank: number("bank") as u8,
                word: number("word_ptr") as u16,
                data: hex(&fields["data"]),
            },
            _ => {
                let (code, parameters) = (number("cmd") as u8, hex(&fields["params_hex"]));
                let bytes = frame::encode(dialect, Kind::Command, code, &parameters);
                assert_eq!(bytes, hex(&vector["expect_hex"]), "{id}");
                let (_, kind, message) = message::decode(None, &bytes).unwrap();
                assert_eq!((kind, message), (Kind::Command, Message::Command { command: code, parameters }), "{id}");
                continue;
            }
        };
        assert_eq!(command.encode(dialect), hex(&vector["expect_hex"]), "{id}");
    }
    let info = Command::ModuleInfo.encode(Dialect::M100);
    assert_eq!(info, unhex("bb0003000100047e"));
    assert_eq!(Command::Stop.encode(Dialect::R200), unhex("aa002800 0028dd"));
}

#[test]
fn every_printed_answer_is_understood() {
    for vector in vectors::of(VECTORS, "decode") {
        let id = vector["id"].as_str().unwrap();
        let input = hex(&vector["input_hex"]);
        let (found, ..) = message::decode(None, &input).unwrap();
        assert_eq!(found, dialect(&vector), "{id}");
        assert_says(&json(&input), &vector["expect"], id);
        assert!(message::decode(Some(found), &input).is_ok(), "{id}");
        for cut in 0..input.len() {
            let error = message::decode(None, &input[..cut]).unwrap_err();
            assert!(matches!(error, DecodeError::Frame(FrameError::Incomplete { .. })), "{id}, {cut} bytes: {error}");
        }
    }
}

#[test]
fn unsound_frames_are_refused() {
    for vector in vectors::of(VECTORS, "reject") {
        let id = vector["id"].as_str().unwrap();
        let error = message::decode(Some(dialect(&vector)), &hex(&vector["input_hex"])).unwrap_err();
        match vector["error"].as_str().unwrap() {
            "checksum" => assert!(matches!(error, DecodeError::Frame(FrameError::Checksum { .. })), "{id}: {error}"),
            "incomplete" => {
                assert!(matches!(error, DecodeError::Frame(FrameError::Incomplete { .. })), "{id}: {error}");
            }
            "bad_frame" => (),
            other => panic!("{id}: no class {other}"),
        }
    }
    for (bytes, says) in [
        ("", "cut short: 0 of at least 7"),
        ("00", "byte 0 is 00"),
        ("aa07", "byte 1 is 07"),
        ("aa0222ffff", "claim 65535 bytes"),
        ("aa01280001002add00", "1 bytes follow"),
        ("aa01280001002a7e", "ends with 7E"),
        ("aa02220001c9eedd", "1 bytes of parameters do not fit an answer to command 22"),
    ] {
        let error = message::decode(None, &unhex(bytes)).unwrap_err().to_string();
        assert!(error.contains(says), "{bytes}: {error}");
    }
}

/// A session that has found the module and polls; what it sent and said so far is thrown away.
fn polling(dialect: Dialect) -> R200 {
    let mut session = R200::new(Settings::default());
    session.opened(ms(0));
    session.receive(&frame::encode(dialect, Kind::Response, 3, b"\0M100"), ms(1));
    while session.transmit().is_some() {}
    assert_eq!(session.poll(), Some(Event::Ready { model: "M100".into() }));
    session
}

fn events(session: &mut R200) -> Vec<Event> {
    std::iter::from_fn(|| session.poll()).collect()
}

fn sent(session: &mut R200) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| session.transmit()).collect()
}

fn epcs(events: &[Event]) -> Vec<Vec<u8>> {
    let epc = |event: &Event| match event {
        Event::Read(Read::Tag(tag)) => Some(tag.epc.clone()),
        _ => None,
    };
    events.iter().filter_map(epc).collect()
}

fn noise(events: &[Event]) -> usize {
    let bytes = |event: &Event| {
        if let Event::Noise { bytes } = event { *bytes } else { 0 }
    };
    events.iter().map(bytes).sum()
}

#[test]
fn the_split_of_the_bytes_changes_nothing() {
    for vector in vectors::of(VECTORS, "stream") {
        let id = vector["id"].as_str().unwrap();
        let dialect = dialect(&vector);
        let bytes: Vec<u8> = vector["chunks_hex"].as_array().unwrap().iter().flat_map(hex).collect();
        let frames = vector["expect_frames"].as_array().unwrap();
        let want: Vec<Vec<u8>> = frames.iter().filter_map(|frame| frame.get("epc")).map(hex).collect();
        // The frames themselves, skipping a byte where none begins.
        let mut left = bytes.as_slice();
        let mut found = Vec::new();
        while !left.is_empty() {
            match frame::parse(left, Some(dialect)) {
                Ok((_, length)) => {
                    found.push(json(&left[..length]));
                    left = &left[length..];
                }
                Err(_) => left = &left[1..],
            }
        }
        assert_eq!(found.len(), frames.len(), "{id}");
        found.iter().zip(frames).for_each(|(found, want)| assert_says(found, want, id));
        // And the session, at every split and byte by byte.
        for split in 0..=bytes.len() {
            let mut session = polling(dialect);
            session.receive(&bytes[..split], ms(5));
            session.receive(&bytes[split..], ms(6));
            let all = events(&mut session);
            assert_eq!((epcs(&all), noise(&all)), (want.clone(), 2), "{id} at {split}");
        }
        let mut session = polling(dialect);
        bytes.iter().for_each(|&byte| session.receive(&[byte], ms(5)));
        assert_eq!(epcs(&events(&mut session)), want, "{id} byte by byte");
    }
}

#[test]
fn a_misheard_tag_is_noise() {
    let (pc, epc) = (0x3000, unhex("3036452148350c4000000001"));
    let tag = |crc: u16, epc: &[u8]| {
        let parameters = [&[0xC9], &u16::to_be_bytes(pc)[..], epc, &crc.to_be_bytes()].concat();
        frame::encode(Dialect::R200, Kind::Notification, 0x22, &parameters)
    };
    let right = checksum::tag_crc(pc, &epc);
    assert_eq!(right, 0x64D1);
    let mut session = polling(Dialect::R200);
    session.receive(&tag(right ^ 1, &epc), ms(2));
    assert_eq!(events(&mut session), [Event::Noise { bytes: 24 }]);
    session.receive(&tag(checksum::tag_crc(pc, &[]), &[]), ms(3));
    assert_eq!(events(&mut session), [Event::Noise { bytes: 12 }], "a tag without EPC has no name");
    session.receive(&tag(right, &epc), ms(4));
    let [Event::Read(Read::Tag(tag))] = &events(&mut session)[..] else { panic!("the sound tag is read") };
    assert_eq!((tag.epc.clone(), tag.rssi_dbm, tag.antenna, tag.count), (epc, Some(-55), 0, 1));
}

#[test]
fn half_a_frame_cut_off_by_an_unplug_is_noise() {
    let tag = unhex("aa02220011c930003036452148350c400000000164d1f9dd");
    let mut session = polling(Dialect::R200);
    session.receive(&tag[..10], ms(2));
    session.opened(ms(3));
    session.receive(&tag[10..], ms(4));
    session.tick(ms(200));
    let all = events(&mut session);
    assert_eq!(all.first(), Some(&Event::Noise { bytes: 10 }));
    assert_eq!((epcs(&all).len(), noise(&all)), (0, 24));
}

#[test]
fn a_broken_frame_costs_no_frame_behind_it() {
    let tag = unhex("aa02220011c930003036452148350c400000000164d1f9dd");
    for cut in 1..tag.len() {
        let mut session = polling(Dialect::R200);
        session.receive(&[&tag[..cut], &tag].concat(), ms(2));
        session.tick(ms(300));
        let all = events(&mut session);
        assert_eq!(epcs(&all).len(), 1, "cut at {cut}");
        assert_eq!(noise(&all), cut, "cut at {cut}");
    }
}

#[test]
fn failures_are_told_in_words_and_no_tag_is_not_one() {
    let mut session = polling(Dialect::M100);
    session.receive(&unhex("bb01ff000115167e bb01ff000117187e bb01ff0001a3a47e"), ms(2));
    let want = [
        "the module does not know the command or its parameter (code 17)",
        "the tag refused reading: it has no such memory (code A3)",
    ];
    assert_eq!(events(&mut session), want.map(|text| Event::Fault { text: text.into() }));
    let mut names: Vec<String> = (0..=255).map(|code| Fault(code).to_string()).collect();
    assert!(names.iter().all(|words| words.contains("(code ")));
    names.dedup();
    assert_eq!(names.len(), 256);
}

#[test]
fn a_module_that_never_answers_is_lost_after_both_dialects_were_tried() {
    let mut session = R200::new(Settings::default());
    session.opened(ms(0));
    let mut asked = sent(&mut session);
    while let Some(wake) = session.wake() {
        session.tick(wake);
        asked.extend(sent(&mut session));
        assert!(wake <= ms(1800), "the bound is 6 times 300 ms");
    }
    assert!(asked.contains(&unhex("aa000300010004dd")) && asked.contains(&unhex("bb0003000100047e")));
    let [Event::Lost { reason }] = &events(&mut session)[..] else { panic!("it is lost") };
    assert!(reason.contains("check cable and power"), "{reason}");
    assert!(session.closed());
}

#[test]
fn a_dialect_that_is_set_is_the_only_one_tried() {
    let mut session = R200::new(Settings { dialect: Some(Dialect::M100), ..Settings::default() });
    session.opened(ms(0));
    let mut asked = sent(&mut session);
    while let Some(wake) = session.wake() {
        session.tick(wake);
        asked.extend(sent(&mut session));
    }
    assert_eq!(asked.len(), 12);
    assert!(asked.iter().all(|bytes| bytes[0] == 0xBB));
}

#[test]
fn a_line_that_echoes_is_no_module() {
    let mut session = R200::new(Settings::default());
    session.opened(ms(0));
    let mut headers = Vec::new();
    while let Some(wake) = session.wake() {
        for bytes in sent(&mut session) {
            headers.push(bytes[0]);
            session.receive(&bytes, wake);
        }
        session.tick(session.wake().unwrap());
    }
    assert!(headers.contains(&0xAA) && headers.contains(&0xBB), "an echo does not fix the dialect");
    assert!(matches!(events(&mut session).last(), Some(Event::Lost { .. })));
}

#[test]
fn region_and_power_are_set_before_the_first_poll() {
    let settings =
        Settings { region: Some(Region::Europe), power_centi_dbm: Some(2600), polls: 100, ..Settings::default() };
    let mut session = R200::new(settings);
    session.opened(ms(0));
    sent(&mut session);
    session.receive(&unhex("aa0103000500 4d313030 e7 dd"), ms(10));
    assert_eq!(sent(&mut session), [unhex("aa00070001030bdd")]);
    session.receive(&unhex("aa01070001 00 09dd"), ms(20));
    assert_eq!(sent(&mut session), [unhex("aa00b600020a28eadd")]);
    session.tick(ms(320));
    assert_eq!(sent(&mut session), [unhex("aa00b600020a28eadd")], "repeated when not acknowledged");
    assert_eq!(events(&mut session), []);
    session.receive(&unhex("aa01b600010 0 b8dd"), ms(330));
    assert_eq!(sent(&mut session), [unhex("aa002700032200 64 b0dd")]);
    assert_eq!(events(&mut session), [Event::Ready { model: "M100".into() }]);
}

#[test]
fn a_module_that_may_have_lost_its_power_is_told_its_region_again() {
    let settings = Settings { region: Some(Region::Europe), ..Settings::default() };
    let mut session = R200::new(settings);
    session.opened(ms(0));
    session.receive(&frame::encode(Dialect::R200, Kind::Response, 3, b"\0M100"), ms(10));
    session.receive(&unhex("aa010700010009dd"), ms(20));
    sent(&mut session);
    session.tick(ms(320));
    assert_eq!(sent(&mut session), [unhex("aa00070001030bdd")]);
    session.receive(&unhex("aa010700010009dd"), ms(330));
    assert_eq!(sent(&mut session), [unhex("aa00270003222710 83dd")]);
    assert_eq!(events(&mut session), [Event::Ready { model: "M100".into() }], "told once");
    while let Some(wake) = session.wake() {
        session.tick(wake);
        assert!(wake <= ms(330 + 1200), "300 ms of silence and three attempts");
    }
    let all = events(&mut session);
    assert!(matches!(&all[..], [Event::Lost { reason }] if reason.contains("region eu")), "{all:?}");
}

#[test]
fn an_echo_is_no_sign_of_life() {
    let mut session = polling(Dialect::R200);
    while let Some(wake) = session.wake() {
        session.tick(wake);
        for bytes in sent(&mut session) {
            session.receive(&bytes, wake);
        }
        assert!(wake <= ms(3300));
    }
    assert!(matches!(events(&mut session).last(), Some(Event::Lost { .. })));
}

#[test]
fn a_refused_region_ends_the_session_and_a_refused_power_does_not() {
    let refusal = unhex("aa01ff00011718dd");
    let info = frame::encode(Dialect::R200, Kind::Response, 3, b"\0M100");
    let open = |settings| {
        let mut session = R200::new(settings);
        session.opened(ms(0));
        session.receive(&info, ms(10));
        session.receive(&refusal, ms(20));
        events(&mut session)
    };
    let all = open(Settings { region: Some(Region::Us), ..Settings::default() });
    assert!(matches!(&all[..], [Event::Lost { reason }] if reason.contains("region us")), "{all:?}");
    let all = open(Settings { power_centi_dbm: Some(9000), ..Settings::default() });
    let [Event::Fault { text }, Event::Ready { .. }] = &all[..] else { panic!("{all:?}") };
    assert!(text.contains("power 90.00 dBm"), "{text}");
}

#[test]
fn a_module_that_falls_silent_is_asked_and_then_lost() {
    let mut session = polling(Dialect::R200);
    let mut last = ms(1);
    let mut asked = 0;
    while let Some(wake) = session.wake() {
        assert!(last < wake || asked == 0, "time goes on");
        session.tick(wake);
        asked += sent(&mut session).iter().filter(|bytes| bytes[2] == 3).count();
        last = wake;
    }
    assert_eq!(asked, 3);
    assert_eq!(last, ms(1) + ms(3200), "the stated bound");
    assert!(matches!(&events(&mut session)[..], [Event::Lost { reason }] if reason.contains("fell silent")));
    session.receive(&unhex("aa02220011c930003036452148350c400000000164d1f9dd"), ms(9000));
    assert_eq!(events(&mut session), [], "a lost session hears nothing until it is opened anew");
    session.opened(ms(9100));
    assert!(!sent(&mut session).is_empty());
}

/// A simulated module, a session and what passed between them, in steps of 1 ms.
struct Bench {
    module: simulated::Module,
    session: R200,
    now: Duration,
    reopen: Option<Duration>,
    all: Vec<Event>,
}

impl Bench {
    fn new(module: simulated::Module, settings: Settings) -> Self {
        Self { module, session: R200::new(settings), now: ms(0), reopen: Some(ms(0)), all: Vec::new() }
    }

    /// Runs until `until`; a cut link, or one over which the session was lost, is opened again after 200 ms.
    fn run(&mut self, until: Duration) {
        while self.now < until {
            if self.reopen.is_some_and(|at| at <= self.now) {
                self.reopen = None;
                self.module.opened(self.now);
                self.session.opened(self.now);
            }
            self.module.tick(self.now);
            if self.reopen.is_none() {
                self.session.tick(self.now);
                while let Some(bytes) = self.session.transmit() {
                    self.module.receive(&bytes, self.now);
                }
                while let Some(bytes) = self.module.transmit() {
                    self.session.receive(&bytes, self.now);
                }
                let before = self.all.len();
                self.all.extend(std::iter::from_fn(|| self.session.poll()));
                let lost = self.all[before..].iter().any(|event| matches!(event, Event::Lost { .. }));
                if self.module.take_disconnect() || lost {
                    self.reopen = Some(self.now + ms(200));
                }
            }
            self.now += ms(1);
        }
    }

    fn sent_tags(&self) -> Vec<Vec<u8>> {
        let epc = |what: &SentWhat| {
            if let SentWhat::Tag { epc, .. } = what { Some(epc.clone()) } else { None }
        };
        self.module.log().iter().filter_map(|entry| epc(&entry.what)).collect()
    }
}

fn module(dialect: Dialect, script: Script, seed: u64) -> simulated::Module {
    simulated::Module::new(simulated::Settings { dialect, ..simulated::Settings::default() }, script, seed)
}

#[test]
fn a_simulated_module_of_either_dialect_is_found_configured_and_read() {
    for dialect in Dialect::ALL {
        let epc = unhex("3036452148350c4000000001");
        let script = Script::new().tag(ms(3000), ms(4000), &epc, 1);
        let settings = Settings { region: Some(Region::Europe), power_centi_dbm: Some(2000), ..Settings::default() };
        let mut bench = Bench::new(module(dialect, script, 1), settings);
        bench.run(ms(5000));
        assert_eq!(bench.all[0], Event::Ready { model: "M100 26dBm V1.0".into() });
        assert_eq!(bench.module.radio(), (3, 2000));
        let read = epcs(&bench.all);
        assert_eq!(read, bench.sent_tags());
        assert!((30..=35).contains(&read.len()), "once a round for a second: {}", read.len());
        assert_eq!(bench.all.len(), 1 + read.len(), "nothing else: {:?}", bench.all);
        bench.session.close(bench.now);
        assert!(!bench.session.closed());
        let until = bench.now + ms(50);
        bench.run(until);
        assert!(bench.session.closed() && !bench.module.polling(), "the orderly end stops the polls");
    }
}

#[test]
fn the_polls_begin_again_when_they_end() {
    let mut bench = Bench::new(module(Dialect::R200, Script::new(), 1), Settings { polls: 10, ..Settings::default() });
    bench.run(ms(10_000));
    let rounds = bench.module.multi_polls();
    assert!((15..=20).contains(&rounds), "10 rounds of 30 ms and 300 ms of silence: {rounds}");
    assert_eq!(bench.all.len(), 1, "and nobody was told: {:?}", bench.all);
}

#[test]
fn a_module_that_polled_for_a_host_that_died_is_taken_over() {
    let mut first = Bench::new(module(Dialect::M100, Script::new(), 1), Settings::default());
    first.run(ms(2000));
    assert!(first.module.polling());
    let mut second = Bench::new(first.module, Settings { region: Some(Region::Korea), ..Settings::default() });
    second.now = ms(2500);
    second.run(ms(4000));
    assert_eq!(second.module.radio().0, 6);
    assert!(second.module.polling());
}

#[test]
fn what_a_simulated_module_sent_is_what_is_read_through_every_fault() {
    let tags: Vec<Vec<u8>> =
        (0..40u8).map(|n| [&[0xE2, 0x80, 0xAA, 0xBB, 0xDD, 0x7E], [n; 6].as_slice()].concat()).collect();
    for seed in 1..=6 {
        let dialect = Dialect::ALL[seed as usize % 2];
        let mix = Mix { lasts: ms(20_000), symbols: vec![], tags: tags.clone(), antennas: 1, faults: 30 };
        let mut bench = Bench::new(module(dialect, Script::random(seed, &mix), seed), Settings::default());
        bench.run(ms(30_000));
        assert!(bench.module.finished(bench.now), "seed {seed}");
        let (read, sent) = (epcs(&bench.all), bench.sent_tags());
        assert!(500 < sent.len(), "seed {seed}: {}", sent.len());
        // Whatever was handed over whole is read, in its order; nothing else is.
        assert_eq!(read, sent, "seed {seed}");
        assert!(0 < noise(&bench.all), "seed {seed}");
        let opened = bench.all.iter().filter(|event| matches!(event, Event::Ready { .. })).count();
        assert!(1 < opened, "seed {seed}: the link was cut and opened again");
    }
}

#[test]
fn a_silent_simulated_module_is_lost_and_found() {
    let script = Script::new().then(ms(1000), Presentation::Silence { lasts: ms(4000) });
    let mut bench = Bench::new(module(Dialect::R200, script, 1), Settings::default());
    bench.run(ms(9000));
    let shape: Vec<&str> = bench
        .all
        .iter()
        .map(|event| match event {
            Event::Ready { .. } => "ready",
            Event::Lost { .. } => "lost",
            _ => "other",
        })
        .collect();
    assert_eq!(shape, ["ready", "lost", "ready"]);
}

#[test]
fn the_simulated_module_answers_as_the_protocol_says() {
    let mut module = module(Dialect::R200, Script::new(), 1);
    module.opened(ms(0));
    let mut ask = |command: &str| {
        module.receive(&unhex(command), ms(1));
        std::iter::from_fn(|| module.transmit()).flatten().collect::<Vec<u8>>()
    };
    for (name, command, want) in [
        ("region asked", "aa0008000008dd", "aa01080001010bdd"),
        ("power asked", "aa00b70000b7dd", "aa01b700020a28ecdd"),
        ("a power that is too high", "aa00b600021388 53dd", "aa01ff00011718dd"),
        ("query asked", "aa000d00000ddd", "aa010d0002102040dd"),
        ("an unknown command", "aa00990000 99dd", "aa01ff00011718dd"),
        ("one poll of an empty field", "aa002200 0022dd", "aa01ff00011516dd"),
        ("a wrong checksum", "aa0008000009dd", ""),
        ("the other dialect", "bb0008000008 7e", ""),
        ("stop", "aa0028000028dd", "aa01280001002add"),
    ] {
        assert_eq!(ask(command), unhex(want), "{name}");
    }
}

#[test]
fn only_selected_tags_answer_in_select_mode_0() {
    let (wanted, other) = (unhex("3036452148350c400000002a"), unhex("3036452148350c400000002b"));
    let mut module = module(Dialect::R200, Script::new(), 1);
    module.opened(ms(0));
    module.tag_enters(&wanted, 1, ms(0));
    module.tag_enters(&other, 1, ms(0));
    module.receive(&Command::SelectEpc { epc: wanted.clone() }.encode(Dialect::R200), ms(1000));
    module.receive(&frame::encode(Dialect::R200, Kind::Command, 0x12, &[0]), ms(1000));
    module.receive(&frame::encode(Dialect::R200, Kind::Command, 0x22, &[]), ms(1000));
    let last = std::iter::from_fn(|| module.transmit()).last().unwrap();
    let (_, _, message) = message::decode(None, &last).unwrap();
    assert!(matches!(message, Message::Tag { epc, rssi_dbm: -45, crc_ok: true, .. } if epc == wanted));
    assert_eq!(module.log().len(), 1);
    module.tag_leaves(&wanted, ms(1100));
    module.receive(&frame::encode(Dialect::R200, Kind::Command, 0x22, &[]), ms(1100));
    assert_eq!(module.transmit(), Some(unhex("aa01ff00011516dd")));
}

#[test]
fn random_and_mutated_bytes_give_no_false_tag_and_the_next_good_frame_is_read() {
    let seed = 0x0200;
    let mut random = Random::new(seed);
    let good = unhex("aa02220011c930003036452148350c400000000164d1f9dd");
    let mut session = polling(Dialect::R200);
    let mut now = ms(10);
    let mut fed = 0;
    let mut reads = 0;
    while fed < 300_000 {
        let mut bytes = match random.below(3) {
            0 => {
                let count = random.below(200) as usize;
                random.bytes(count)
            }
            // Headers and kinds that are right, so that the parser goes deep.
            1 => {
                (0..random.below(100)).map(|_| [0xAA, 0x02, 0x22, 0x00, 0x11, 0xDD][random.below(6) as usize]).collect()
            }
            _ => good.repeat(3),
        };
        let mutated = bytes.len() == good.len() * 3;
        if mutated {
            // One bit wrong in each of the three.
            for third in 0..3 {
                let place = third * good.len() + random.below(good.len() as u64) as usize;
                bytes[place] ^= 1 << random.below(8);
            }
        }
        fed += bytes.len();
        session.receive(&bytes, now);
        now += ms(20);
        session.tick(now);
        for event in events(&mut session) {
            match event {
                Event::Read(Read::Tag(tag)) => {
                    panic!("seed {seed}: {:02X?} was never sent whole", tag.epc)
                }
                Event::Lost { .. } => session = polling(Dialect::R200),
                _ => (),
            }
        }
        sent(&mut session);
        if random.below(20) == 0 {
            // A good frame, then a pause longer than any within a frame.
            session.receive(&good, now);
            now += ms(150);
            session.tick(now);
            reads += epcs(&events(&mut session)).len();
            assert_eq!(reads, 1, "seed {seed}: the good frame after {fed} bytes is read");
            reads = 0;
        }
    }
}

#[test]
fn parsing_is_total_and_never_reaches_beyond_the_longest_frame() {
    let seed = 0xF00D;
    let mut random = Random::new(seed);
    for _ in 0..20_000 {
        let count = random.below(300) as usize;
        let mut bytes = random.bytes(count);
        bytes.splice(0..0, [Dialect::ALL[random.below(2) as usize].header(), random.below(3) as u8, 0x22, 0]);
        match frame::parse(&bytes, None) {
            Ok((_, length)) => assert!(length <= bytes.len() && length <= FRAME_MAX, "seed {seed}"),
            Err(FrameError::Incomplete { need, .. }) => {
                assert!(bytes.len() < need && need <= FRAME_MAX, "seed {seed}");
            }
            Err(_) => (),
        }
        let _ = message::decode(None, &bytes);
    }
}
