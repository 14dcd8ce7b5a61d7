//! Zebra's Simple Serial Interface: every message is acknowledged, repeated messages are read once.

use std::time::Duration;

use gatebook_hardware::aim::AimMode;
use gatebook_hardware::command::{Answer, Command, Signal, Unable};
use gatebook_hardware::device::{Cut, Session, by_name};
use gatebook_hardware::event::{Aim, Event, Read, Symbol};
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::script::{Mix, Presentation, Random, Script, SentWhat};
use gatebook_hardware::simulator::ssi as simulated;
use gatebook_hardware::ssi::frame::{self, Frame, FrameError, opcode, status};
use gatebook_hardware::ssi::orders::Settings;
use gatebook_hardware::ssi::session::Ssi;
use gatebook_hardware::ssi::symbology;
use serde_json::Value;

use crate::vectors::{self, hex, unhex};

const VECTORS: &str = include_str!("../data/ssi_zebra.json");

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn settings() -> Settings {
    Settings { aim: AimMode::WhenSent, host_trigger: false, configure: true, repeat: ms(500) }
}

fn matches(want: &Value, fields: &Value) {
    for (name, value) in want.as_object().unwrap() {
        assert_eq!(&fields[name], value, "{name} of {fields}");
    }
}

#[test]
fn every_vector_is_decoded_and_encoded() {
    let codec = by_name("ssi").unwrap().codec;
    for vector in vectors::of(VECTORS, "decode") {
        let bytes = hex(&vector["input_hex"]);
        matches(&vector["expect"], &(codec.decode)(&bytes, None).unwrap());
        assert_eq!((codec.cut)(&bytes, None), Cut::Message(bytes.len()));
        for end in 0..bytes.len() {
            assert!(matches!(frame::parse(&bytes[..end]), Err(FrameError::Incomplete { .. })), "{}", vector["id"]);
        }
    }
    for vector in vectors::of(VECTORS, "encode") {
        let name = vector["command"].as_str().unwrap();
        let fields = &vector["fields"];
        let data = match fields.get("data_hex") {
            Some(data) => hex(data),
            None => vec![fields.get("beep_code").or(fields.get("led")).unwrap().as_u64().unwrap() as u8],
        };
        assert_eq!(frame::host(opcode::number(name).unwrap(), &data), hex(&vector["expect_hex"]), "{name}");
    }
    for vector in vectors::of(VECTORS, "reject") {
        let bytes = hex(&vector["input_hex"]);
        let error = (codec.decode)(&bytes, None).unwrap_err();
        assert!(error.contains(vector["error"].as_str().unwrap()), "{error}");
        let mut session = ready();
        session.receive(&bytes, ms(1000));
        assert_eq!(said(&mut session), [hex(&vector["expect_reply_hex"])]);
    }
}

#[test]
fn every_stream_gives_its_frames_at_every_split() {
    let codec = by_name("ssi").unwrap().codec;
    for vector in vectors::of(VECTORS, "stream") {
        let whole: Vec<u8> = vector["chunks_hex"].as_array().unwrap().iter().flat_map(hex).collect();
        let mut left = whole.as_slice();
        for want in vector["expect_frames"].as_array().unwrap() {
            let Cut::Message(length) = (codec.cut)(left, None) else { panic!("{}", vector["id"]) };
            matches(want, &(codec.decode)(&left[..length], None).unwrap());
            left = &left[length..];
        }
        assert!(left.is_empty());
        let read = |chunks: &[&[u8]]| {
            let mut session = ready();
            chunks.iter().for_each(|chunk| session.receive(chunk, ms(1000)));
            events(&mut session)
        };
        let want = read(&[&whole]);
        assert_eq!(texts(&want).len(), 1);
        for split in 0..=whole.len() {
            assert_eq!(read(&[&whole[..split], &whole[split..]]), want, "split at {split}");
        }
    }
}

/// A session whose decoder acknowledged everything.
fn ready() -> Ssi {
    ready_with(settings())
}

fn ready_with(settings: Settings) -> Ssi {
    let mut session = Ssi::new(settings);
    session.opened(ms(0));
    for at in (0..800).step_by(10) {
        session.tick(ms(at));
        while let Some(bytes) = session.transmit() {
            let reply = match bytes.get(1) {
                Some(&opcode::REQUEST_REVISION) => decoder(opcode::REPLY_REVISION, 0, b"SE4750"),
                Some(&opcode::CAPABILITIES_REQUEST) => decoder(opcode::CAPABILITIES_REPLY, 0, &[7, 255, 60, 7]),
                Some(_) => decoder(opcode::CMD_ACK, 0, b""),
                None => continue,
            };
            session.receive(&reply, ms(at));
        }
    }
    assert_eq!(events(&mut session), [Event::Ready { model: "SE4750".into() }]);
    session
}

fn decoder(opcode: u8, status: u8, data: &[u8]) -> Vec<u8> {
    Frame { opcode, source: frame::DECODER, status, data }.encode()
}

fn events(session: &mut Ssi) -> Vec<Event> {
    std::iter::from_fn(|| session.poll()).collect()
}

fn said(session: &mut Ssi) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| session.transmit()).collect()
}

fn texts(events: &[Event]) -> Vec<Vec<u8>> {
    let text = |event: &Event| match event {
        Event::Read(Read::Symbol(symbol)) => Some(symbol.bytes.clone()),
        _ => None,
    };
    events.iter().filter_map(text).collect()
}

/// What is read of decoder frames that come one after the other at these times.
fn heard(session: &mut Ssi, frames: &[(u64, Vec<u8>)]) -> Vec<String> {
    for (at, frame) in frames {
        session.tick(ms(*at));
        session.receive(frame, ms(*at));
    }
    texts(&events(session)).iter().map(|text| text.escape_ascii().to_string()).collect()
}

const ACK: &[u8] = &[0x04, 0xD0, 0x04, 0x00, 0xFF, 0x28];

#[test]
fn the_handshake_wakes_asks_sets_and_enables() {
    let mut session = Ssi::new(settings());
    session.opened(ms(0));
    assert_eq!(said(&mut session), [vec![0]], "a sleeping decoder loses the first byte");
    session.tick(ms(50));
    assert_eq!(said(&mut session), [unhex("04a30400ff55")]);
    session.receive(&decoder(opcode::REPLY_REVISION, 0x80, b"PAABLS00 SE4750\0"), ms(60));
    assert_eq!(said(&mut session), [unhex("04d30400ff25")]);
    // It knows parameters and enabling, and no beeper.
    let known = [7, 255, 60, 7, opcode::PARAM_SEND, opcode::SCAN_ENABLE];
    session.receive(&decoder(opcode::CAPABILITIES_REPLY, 0x80, &known), ms(70));
    let parameters = [0xFF, 0xEE, 0x01, 0x2D, 0x01];
    assert_eq!(said(&mut session), [frame::host(opcode::PARAM_SEND, &parameters)]);
    session.receive(&decoder(opcode::CMD_ACK, 0x80, b""), ms(80));
    assert_eq!(said(&mut session), [unhex("04e90400ff0f")]);
    assert_eq!(events(&mut session), []);
    session.receive(&decoder(opcode::CMD_ACK, 0x80, b""), ms(90));
    assert_eq!(events(&mut session), [Event::Ready { model: "PAABLS00 SE4750".into() }]);
    assert_eq!(session.command(1, &Command::Signal(Signal::Good), ms(100)), Err(Unable), "it said that it has none");

    // A decoder whose power failed has forgotten its settings.
    session.receive(&decoder(opcode::EVENT, 0, &[0x03]), ms(200));
    assert_eq!(said(&mut session), [ACK.to_vec(), frame::host(opcode::PARAM_SEND, &parameters)]);
}

#[test]
fn settings_that_are_refused_are_told_and_reading_goes_on() {
    let mut session = Ssi::new(settings());
    session.opened(ms(0));
    session.tick(ms(50));
    session.receive(&decoder(opcode::REPLY_REVISION, 0, b"SE950"), ms(60));
    session.receive(&decoder(opcode::CMD_NAK, 0, &[2]), ms(70));
    session.receive(&decoder(opcode::CMD_NAK, 0, &[6]), ms(80));
    session.receive(&decoder(opcode::CMD_ACK, 0, b""), ms(90));
    let events = events(&mut session);
    assert!(matches!(&events[0], Event::Fault { text } if text.contains("its settings are locked")), "{events:?}");
    assert_eq!(events[1], Event::Ready { model: "SE950".into() });
}

#[test]
fn silence_is_lost_after_three_questions() {
    let mut session = Ssi::new(settings());
    session.opened(ms(0));
    let mut asked = 0;
    while !session.closed() {
        let now = session.wake().unwrap();
        session.tick(now);
        asked += said(&mut session).iter().filter(|bytes| 1 < bytes.len()).count();
        assert!(now < ms(4000));
    }
    assert_eq!(asked, 3);
    assert!(matches!(&events(&mut session)[..], [Event::Lost { reason }] if reason.contains("set to SSI")));

    let mut session = ready();
    let mut now = ms(800);
    let mut repeats = Vec::new();
    while !session.closed() {
        now = session.wake().unwrap();
        session.tick(now);
        repeats.extend(said(&mut session).iter().filter_map(|bytes| bytes.get(3).copied()));
    }
    assert!(ms(12_000) < now && now < ms(15_000), "{now:?}");
    assert_eq!(repeats, [0, status::RETRANSMIT, status::RETRANSMIT], "what is sent again says so");
    assert!(matches!(&events(&mut session)[..], [Event::Lost { reason }] if reason.contains("fell silent")));
    session.opened(ms(20_000));
    assert_eq!(said(&mut session), [vec![0]]);
}

#[test]
fn what_is_repeated_is_read_once() {
    let data = |text: &str| [b"\x03", text.as_bytes()].concat();
    let new = |at, text| (at, decoder(opcode::DECODE_DATA, 0, &data(text)));
    let marked = |at, text| (at, decoder(opcode::DECODE_DATA, status::RETRANSMIT, &data(text)));
    let garbled = |at, text: &str| {
        let mut frame = decoder(opcode::DECODE_DATA, 0, &data(text));
        frame[5] ^= 1;
        (at, frame)
    };
    for (name, frames, want) in [
        ("an acknowledgement was lost", vec![new(1000, "A1"), marked(3000, "A1"), marked(5000, "A1")], vec!["A1"]),
        ("the first was not heard at all", vec![new(1000, "A1"), marked(3000, "B2")], vec!["A1", "B2"]),
        ("the same label twice", vec![new(1000, "A1"), new(1600, "A1")], vec!["A1", "A1"]),
        ("sooner than any scanner reads again", vec![new(1000, "A1"), new(1400, "A1")], vec!["A1"]),
        (
            "the same label again, garbled at first",
            vec![new(1000, "A1"), garbled(3000, "A1"), marked(3100, "A1")],
            vec!["A1", "A1"],
        ),
    ] {
        let mut session = ready();
        assert_eq!(heard(&mut session, &frames), want, "{name}");
        let acks = said(&mut session).iter().filter(|bytes| *bytes == ACK).count();
        let sound = frames.iter().filter(|(_, frame)| frame::parse(frame).is_ok()).count();
        assert_eq!(acks, sound, "{name}: each is acknowledged, also when it is not read");
    }
    // Noise that looked like a message crossed with a true one: its repetition comes at once.
    let mut session = ready();
    let frames = [garbled(1000, "??"), new(1005, "A1"), marked(1010, "A1"), new(1015, "B2"), marked(3015, "B2")];
    assert_eq!(heard(&mut session, &frames), ["A1", "B2"]);
    assert_eq!(said(&mut session).iter().filter(|bytes| *bytes == ACK).count(), 3, "A1 is acknowledged once");
    // Also when the link was cut between the two.
    let mut session = ready();
    assert_eq!(heard(&mut session, &[new(1000, "A1")]), ["A1"]);
    session.opened(ms(2000));
    assert_eq!(heard(&mut session, &[marked(2100, "A1"), new(4000, "A1")]), ["A1"]);
}

#[test]
fn long_texts_come_in_parts() {
    let long: Vec<u8> = (0..700).map(|n| b'A' + (n % 26) as u8).collect();
    let packet = |part: &[u8], marks| decoder(opcode::DECODE_DATA, marks, &[b"\x1C", part].concat());
    let parts: Vec<&[u8]> = long.chunks(250).collect();
    let more = status::CONTINUES;
    let again = status::RETRANSMIT;
    let mut session = ready();
    let frames = [
        (1000, packet(parts[0], more)),
        (1100, packet(parts[1], more)),
        (3100, packet(parts[1], more | again)),
        (3200, packet(parts[2], 0)),
        (5200, packet(parts[2], again)),
    ];
    assert_eq!(heard(&mut session, &frames), [String::from_utf8(long.clone()).unwrap()]);

    // The link is cut in the middle: a repetition goes on, a new code does not.
    let mut session = ready();
    assert!(heard(&mut session, &[(1000, packet(parts[0], more))]).is_empty());
    session.opened(ms(1500));
    let rest = [(1600, packet(parts[1], more | again)), (1700, packet(parts[2], 0))];
    assert_eq!(heard(&mut session, &rest).len(), 1);
    assert!(heard(&mut session, &[(2000, packet(parts[0], more))]).is_empty());
    session.opened(ms(2500));
    assert_eq!(heard(&mut session, &[(2600, packet(b"NEW", 0))]), ["NEW"]);

    // A decoder that gave a text up and reads another begins it unmarked, two seconds later at the earliest.
    let mut session = ready();
    assert!(heard(&mut session, &[(1000, packet(parts[0], more)), (3000, packet(parts[0], more | again))]).is_empty());
    assert_eq!(heard(&mut session, &[(5000, packet(b"NEW", 0))]), ["NEW"]);

    // The rest comes when it was given up: half a code is never read.
    let mut session = ready();
    assert!(heard(&mut session, &[(1000, packet(parts[0], more))]).is_empty());
    session.tick(ms(31_001));
    session.receive(&packet(parts[2], again), ms(31_100));
    let all = events(&mut session);
    assert!(texts(&all).is_empty());
    assert!(
        all.iter().any(|event| matches!(event, Event::Fault { text } if text.contains("scan it again"))),
        "{all:?}"
    );
}

/// 500 times the same character in three segments, as in the tests of enioka_scan.
#[test]
fn numbered_segments_are_put_together() {
    let z = |count: usize| vec![b'Z'; count];
    let first = [&unhex("ff7302000 0f3000001f71c0101f4"), &z(241)[..], &unhex("a6d5")].concat();
    let second = [&unhex("ff73000001"), &z(250)[..], &unhex("a6a9")].concat();
    let third = [&unhex("0e73000002"), &z(9)[..], &unhex("fc53")].concat();
    let mut session = ready();
    let again = heard(&mut session, &[(1000, first.clone()), (1100, second.clone()), (1200, second), (1300, third)]);
    assert_eq!(again, ["Z".repeat(500)]);
    let ack = frame::host(opcode::MULTIPACKET_ACK, &[]);
    assert_eq!(said(&mut session), [ack.clone(), ack.clone(), ack, ACK.to_vec()]);
    let first = frame::parse(&first).unwrap().0;
    let head = frame::first_segment(first.data).unwrap();
    assert_eq!((head.symbology, head.length, head.text.len()), (0x1C, 500, 241));

    // The beginning is gone: the decoder is let go on, and nothing is read.
    let segment = |number: u8, text: &[u8]| decoder(opcode::MULTIPACKET_SEGMENT, 0, &[&[number], text].concat());
    let mut session = ready();
    session.receive(&[segment(1, &z(250)), segment(2, &z(9))].concat(), ms(1000));
    assert_eq!(said(&mut session), [frame::host(opcode::MULTIPACKET_ACK, &[]), ACK.to_vec()]);
    let all = events(&mut session);
    assert!(texts(&all).is_empty() && all.iter().any(|event| matches!(event, Event::Fault { .. })), "{all:?}");
}

#[test]
fn an_identifier_is_named_where_it_is_exact() {
    let gs1 = "0109521234543213";
    for (code, text, aim, payload) in [
        (0x03, "JWL-1", Some("]C0"), "JWL-1"),
        (0x0F, gs1, Some("]C1"), gs1),
        (0x0F, "]C10109521234543213", Some("]C1"), gs1),
        (0x0A, "95212340", Some("]E4"), "95212340"),
        (0x0B, "9521234543213", Some("]E0"), "9521234543213"),
        (0x08, "012345678905", None, "012345678905"),
        (0x32, gs1, Some("]e0"), gs1),
        (0x30, gs1, Some("]e0"), gs1),
        (0x30, "09521234543213", None, "09521234543213"),
        (0x1B, gs1, None, gs1),
        (0x1B, "]d20109521234543213", Some("]d2"), gs1),
        (0x1C, "]Q1https://x", Some("]Q1"), "https://x"),
        // An identifier of another kind is text.
        (0x03, "]d2AB", Some("]C0"), "]d2AB"),
        (0x01, "R-7", None, "R-7"),
    ] {
        let mut session = ready();
        session.receive(&decoder(opcode::DECODE_DATA, 0, &[&[code], text.as_bytes()].concat()), ms(1000));
        let aim = aim.map(|aim| Aim { code: aim.as_bytes()[1], modifier: aim.as_bytes()[2] });
        let want = Event::Read(Read::Symbol(Symbol { aim, bytes: payload.into() }));
        assert_eq!(events(&mut session), [want], "{code:02X} {text}");
    }
    for code in 0..=255u8 {
        if let Some(aim) = symbology::aim(code, gs1.as_bytes()) {
            assert_eq!(symbology::aim_code(code), Some(aim.code));
            assert!(aim.symbology().is_some() && symbology::name(code).is_some());
        }
    }
    let mut session = ready_with(Settings { aim: AimMode::Required, ..settings() });
    session.receive(&decoder(opcode::DECODE_DATA, 0, b"\x1B0109521234543213"), ms(1000));
    assert!(matches!(&events(&mut session)[..], [Event::Fault { .. }]));
}

#[test]
fn commands_are_carried_out_and_answered() {
    let mut device = simulated::Engine::new(simulated::Settings::default(), Script::new(), 5);
    let mut session = Ssi::new(settings());
    let mut run = Run::new(&mut session, &mut device);
    run.until(1000);
    let commands = [
        (Command::Signal(Signal::Good), opcode::BEEP),
        (Command::Signal(Signal::Bad), opcode::BEEP),
        (Command::AimLight { on: true }, opcode::AIM_ON),
        (Command::AimLight { on: false }, opcode::AIM_OFF),
        (Command::Reading { on: false }, opcode::SCAN_DISABLE),
        (Command::Reading { on: true }, opcode::SCAN_ENABLE),
        (Command::Trigger { pulled: true }, opcode::START_SESSION),
        (Command::Trigger { pulled: false }, opcode::STOP_SESSION),
        (Command::Output { line: 2, on: true, lasts: Some(ms(1500)) }, opcode::LED_ON),
    ];
    for (number, (command, _)) in (1..).zip(&commands) {
        run.session.command(number, command, run.now).unwrap();
    }
    run.until(2000);
    let mut want: Vec<u8> = vec![opcode::PARAM_SEND, opcode::SCAN_ENABLE];
    want.extend(commands.iter().map(|(_, opcode)| *opcode));
    assert_eq!(run.device.obeyed(), want);
    let answers: Vec<_> = run.events.iter().filter(|event| matches!(event, Event::Answer { .. })).collect();
    let done: Vec<_> = (1..=9).map(|number| Event::Answer { number, answer: Answer::Done }).collect();
    assert_eq!(answers, done.iter().collect::<Vec<_>>());
    run.until(4000);
    assert_eq!(run.device.obeyed().last(), Some(&opcode::LED_OFF), "the lamp goes out by itself");
    assert_eq!(run.session.command(20, &Command::Zero, run.now), Err(Unable));

    // One that does not answer is told of.
    run.device.show(Presentation::Silence { lasts: ms(5000) }, run.now);
    run.session.command(21, &Command::Signal(Signal::Good), run.now).unwrap();
    run.until(9000);
    let told = |event: &Event| matches!(event, Event::Answer { number: 21, answer: Answer::Refused { reason } } if reason.contains("BEEP"));
    assert!(run.events.iter().any(told), "{:?}", run.events.last());
    for number in 0..100 {
        run.session.command(number, &Command::Signal(Signal::Good), run.now).unwrap();
    }
    let all = std::iter::from_fn(|| run.session.poll());
    let refused = all.filter(|event| matches!(event, Event::Answer { answer: Answer::Refused { .. }, .. })).count();
    assert_eq!(refused, 68, "what waits has a bound");
}

#[test]
fn the_terminal_can_pull_the_trigger() {
    let mut device = simulated::Engine::new(simulated::Settings::default(), Script::new(), 5);
    let mut session = Ssi::new(Settings { host_trigger: true, ..settings() });
    let mut run = Run::new(&mut session, &mut device);
    run.until(1000);
    run.device.scan(b"HELD-BEFORE-IT", run.now);
    run.until(2000);
    assert!(texts(&run.events).is_empty());
    run.session.command(1, &Command::Trigger { pulled: true }, run.now).unwrap();
    run.until(3000);
    assert_eq!(texts(&run.events), [b"HELD-BEFORE-IT"]);
}

/// A session and a simulated decoder on a line, opened anew 200 ms after each cut.
struct Run<'a> {
    session: &'a mut Ssi,
    device: &'a mut simulated::Engine,
    now: Duration,
    reopen: Option<Duration>,
    events: Vec<Event>,
}

impl<'a> Run<'a> {
    fn new(session: &'a mut Ssi, device: &'a mut simulated::Engine) -> Self {
        Self { session, device, now: ms(0), reopen: Some(ms(0)), events: Vec::new() }
    }

    fn until(&mut self, until: u64) {
        while self.now < ms(until) {
            let now = self.now;
            if self.reopen.is_some_and(|at| at <= now) {
                self.reopen = None;
                self.session.opened(now);
                self.device.opened(now);
            }
            self.device.tick(now);
            self.session.tick(now);
            while let Some(bytes) = self.session.transmit() {
                if self.reopen.is_none() {
                    self.device.receive(&bytes, now);
                }
            }
            while let Some(bytes) = self.device.transmit() {
                self.session.receive(&bytes, now);
            }
            let cut = self.device.take_disconnect();
            self.events.extend(std::iter::from_fn(|| self.session.poll()));
            if cut || (self.session.closed() && self.reopen.is_none()) {
                self.reopen = Some(now + ms(200));
                self.device.disconnected(now);
            }
            self.now += ms(5);
        }
    }
}

/// Cuts, garbage, broken frames, silence, garbled frames and lost acknowledgements: what was handed over is read, once.
#[test]
fn what_a_simulated_decoder_handed_over_is_read_exactly_once() {
    for seed in 1..=40 {
        let mut random = Random::new(seed);
        let symbols: Vec<Vec<u8>> = (0..60)
            .map(|n| {
                let more = if n % 7 == 0 { random.below(1500) } else { random.below(20) };
                let tail = (0..more).map(|_| b'A' + random.below(26) as u8);
                format!("SAMPLE-{n:05}-").into_bytes().into_iter().chain(tail).collect()
            })
            .collect();
        let mix = Mix { lasts: ms(60_000), symbols: symbols.clone(), tags: vec![], antennas: 1, faults: 25 };
        let own = simulated::Settings {
            // One that was never set sends bare text until it is told: nobody can know where that ends.
            configured: true,
            segments: seed % 2 == 0,
            lost_acks: random.below(15),
            garbled: random.below(15),
            ..simulated::Settings::default()
        };
        let mut device = simulated::Engine::new(own, Script::random(seed, &mix), seed);
        let mut session = Ssi::new(settings());
        let mut run = Run::new(&mut session, &mut device);
        run.until(400_000);
        assert!(run.device.finished(run.now), "seed {seed}");
        let sent = |what: &SentWhat| if let SentWhat::Symbol { bytes } = what { Some(bytes.clone()) } else { None };
        let sent: Vec<Vec<u8>> = run.device.log().iter().filter_map(|entry| sent(&entry.what)).collect();
        let name = |text: &Vec<u8>| String::from_utf8_lossy(text.get(..13).unwrap_or(text)).into_owned();
        let read = texts(&run.events);
        let differs =
            read.iter().zip(&sent).position(|(read, sent)| read != sent).unwrap_or(read.len().min(sent.len()));
        let near = |all: &[Vec<u8>]| all.iter().skip(differs.saturating_sub(1)).take(4).map(name).collect::<Vec<_>>();
        assert!(read == sent, "seed {seed}: read {:?}, handed over {:?}", near(&read), near(&sent));
        let (mut sent, mut symbols) = (sent, symbols);
        sent.sort();
        symbols.sort();
        assert!(sent == symbols, "seed {seed}: a symbol was not handed over");
    }
}
