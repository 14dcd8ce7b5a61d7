//! A session and a simulated reader on a wire that loses nothing but what the script cuts, and what every such pair
//! promises.

use std::time::Duration;

use gatebook_hardware::command::{Answer, Command};
use gatebook_hardware::device::{Cut, Family, Session};
use gatebook_hardware::event::{Event, Read, Tag};
use gatebook_hardware::settings::{Settings, Value as Set};
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::script::{Mix, Presentation, Random, Script, SentWhat};
use serde_json::Value;

use crate::vectors::{self, hex};

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The EPC of a test, with the heads of several protocols in it.
pub fn epc(number: u8) -> Vec<u8> {
    vec![0xE2, 0x80, 0xAA, 0xBB, 0xA0, 0x7E, 0xFF, 0x43, 0x54, 0x89, 0x03, number]
}

pub fn settings(family: &Family, set: &[(&str, Set)]) -> Settings {
    let mut settings = Settings::of(family.settings);
    for (name, value) in set {
        settings.set(name, value.clone()).unwrap();
    }
    settings
}

pub fn session(family: &Family, set: &[(&str, Set)]) -> Box<dyn Session> {
    (family.session)(&settings(family, set)).unwrap()
}

pub fn word(word: &str) -> Set {
    Set::Text(word.into())
}

/// A reader, a session and what passed between them, in steps of 1 ms.
pub struct Bench<D> {
    pub device: D,
    pub session: Box<dyn Session>,
    pub now: Duration,
    pub all: Vec<Event>,
    /// What the session sent.
    pub sent: Vec<Vec<u8>>,
    reopen: Option<Duration>,
    asked: u32,
}

impl<D: Simulator> Bench<D> {
    pub fn new(device: D, session: Box<dyn Session>) -> Self {
        Self { device, session, now: ms(0), all: vec![], sent: vec![], reopen: Some(ms(0)), asked: 0 }
    }

    /// Runs for a while; a cut link, or one over which the session was lost, is opened again after 200 ms.
    pub fn run(&mut self, span: Duration) {
        let until = self.now + span;
        while self.now < until {
            self.step();
        }
    }

    fn step(&mut self) {
        if self.reopen.is_some_and(|at| at <= self.now) {
            self.reopen = None;
            self.device.opened(self.now);
            self.session.opened(self.now);
        }
        self.device.tick(self.now);
        if self.reopen.is_none() {
            self.session.tick(self.now);
            while let Some(bytes) = self.session.transmit() {
                self.device.receive(&bytes, self.now);
                self.sent.push(bytes);
            }
            while let Some(bytes) = self.device.transmit() {
                self.session.receive(&bytes, self.now);
            }
            let before = self.all.len();
            self.all.extend(std::iter::from_fn(|| self.session.poll()));
            let lost = self.all[before..].iter().any(|event| matches!(event, Event::Lost { .. }));
            if self.device.take_disconnect() || lost {
                self.reopen = Some(self.now + ms(200));
            }
        }
        self.now += ms(1);
    }

    /// Asks something and waits for its answer.
    pub fn ask(&mut self, command: &Command) -> Answer {
        self.asked += 1;
        let number = self.asked;
        self.session.command(number, command, self.now).unwrap();
        for _ in 0..20_000 {
            self.step();
            for event in &self.all {
                match event {
                    Event::Answer { number: answered, answer } if *answered == number => return answer.clone(),
                    _ => (),
                }
            }
        }
        panic!("{command:?} was never answered: {:?}", self.all.last());
    }

    pub fn tags(&self) -> Vec<Tag> {
        tags(&self.all)
    }

    /// The EPCs that the reader handed over.
    pub fn told(&self) -> Vec<Vec<u8>> {
        let epc = |what: &SentWhat| {
            if let SentWhat::Tag { epc, .. } = what { Some(epc.clone()) } else { None }
        };
        self.device.log().iter().filter_map(|entry| epc(&entry.what)).collect()
    }

    pub fn faults(&self) -> Vec<String> {
        let text = |event: &Event| {
            if let Event::Fault { text } = event { Some(text.clone()) } else { None }
        };
        self.all.iter().filter_map(text).collect()
    }

    pub fn shape(&self) -> Vec<&'static str> {
        let shape = |event: &Event| match event {
            Event::Ready { .. } => Some("ready"),
            Event::Lost { .. } => Some("lost"),
            _ => None,
        };
        self.all.iter().filter_map(shape).collect()
    }
}

pub fn tags(events: &[Event]) -> Vec<Tag> {
    let tag = |event: &Event| {
        if let Event::Read(Read::Tag(tag)) = event { Some(tag.clone()) } else { None }
    };
    events.iter().filter_map(tag).collect()
}

pub fn epcs(tags: &[Tag]) -> Vec<Vec<u8>> {
    tags.iter().map(|tag| tag.epc.clone()).collect()
}

/// Seeds of the stories with faults; GATEBOOK_TEST_SEEDS asks for more.
fn seeds() -> u64 {
    std::env::var("GATEBOOK_TEST_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(6)
}

/// Whatever is handed over whole is read once and in its order, and nothing else is, through noise, broken messages,
/// silence and pulled cables.
pub fn what_is_told_is_read<D: Simulator>(
    antennas: u16,
    reader: impl Fn(Script, u64) -> D,
    session: impl Fn() -> Box<dyn Session>,
) {
    for seed in 1..=seeds() {
        let tags = (0..40).map(epc).collect();
        let mix = Mix { lasts: ms(20_000), symbols: vec![], tags, antennas, faults: 30 };
        let mut bench = Bench::new(reader(Script::random(seed, &mix), seed), session());
        bench.run(ms(40_000));
        assert!(bench.device.finished(bench.now), "seed {seed}");
        let (read, told) = (epcs(&bench.tags()), bench.told());
        assert!(20 < told.len(), "seed {seed}: {}", told.len());
        let differs = read.iter().zip(&told).position(|(read, told)| read != told);
        assert_eq!((differs, read.len()), (None, told.len()), "seed {seed}");
        assert!(bench.all.iter().any(|event| matches!(event, Event::Noise { .. })), "seed {seed}");
        assert!(1 < bench.shape().len(), "seed {seed}: the link was cut and opened again");
    }
}

/// A reader that falls silent is lost, and is found when it is there again.
pub fn a_silent_reader_is_lost_and_found<D: Simulator>(
    lasts: Duration,
    reader: impl Fn(Script) -> D,
    session: Box<dyn Session>,
) {
    let script = Script::new().then(ms(1000), Presentation::Silence { lasts });
    let mut bench = Bench::new(reader(script), session);
    bench.run(lasts + ms(5000));
    let shape = bench.shape();
    assert_eq!((shape.first(), shape.last()), (Some(&"ready"), Some(&"ready")), "{shape:?}");
    assert!(shape.contains(&"lost"), "{shape:?}");
}

/// A reader that never answers is lost within `bound`, with a sentence that says where to look.
pub fn nobody_there_is_said(session: &mut dyn Session, bound: Duration) {
    session.opened(ms(0));
    while let Some(wake) = session.wake() {
        assert!(wake <= bound, "{wake:?}");
        session.tick(wake);
        while session.transmit().is_some() {}
    }
    assert!(session.closed());
    let Some(Event::Lost { reason }) = session.poll() else { panic!("it is lost") };
    assert!(reason.contains("check cable and power"), "{reason}");
    session.receive(&[0; 100], bound);
    assert_eq!(session.poll(), None, "a lost session hears nothing until it is opened anew");
}

/// Every vector that the family decodes or refuses, and every stream, in one piece and at every split.
pub fn the_vectors_hold(family: &'static Family, file: &str) {
    for vector in vectors::of(file, "decode") {
        let (id, input) = (vector["id"].as_str().unwrap(), hex(&vector["input_hex"]));
        assert_eq!((family.codec.cut)(&input, None), Cut::Message(input.len()), "{id}");
        let found = (family.codec.decode)(&input, None).unwrap_or_else(|error| panic!("{id}: {error}"));
        says(&found, &vector["expect"], id);
        for cut in 0..input.len() {
            let front = &input[..cut];
            assert_eq!((family.codec.cut)(front, None), Cut::Incomplete, "{id}, {cut} bytes");
            assert!((family.codec.decode)(front, None).is_err(), "{id}, {cut} bytes");
        }
    }
    for vector in vectors::of(file, "reject") {
        let (id, input) = (vector["id"].as_str().unwrap(), hex(&vector["input_hex"]));
        let error = (family.codec.decode)(&input, None).unwrap_err();
        let cut = (family.codec.cut)(&input, None);
        match vector["error"].as_str().unwrap() {
            "incomplete" => assert_eq!((cut, error.contains("cut short")), (Cut::Incomplete, true), "{id}: {error}"),
            "checksum" => assert_eq!((cut, error.contains("checksum")), (Cut::Noise(1), true), "{id}: {error}"),
            "length" => assert_eq!((cut, error.contains("claims")), (Cut::Noise(1), true), "{id}: {error}"),
            other => panic!("{id}: no class {other}"),
        }
    }
}

/// The streams of the vectors: cut and decoded as a whole, and heard by a session at every split.
pub fn the_streams_hold(family: &'static Family, file: &str) {
    for vector in vectors::of(file, "stream") {
        let id = vector["id"].as_str().unwrap();
        let bytes: Vec<u8> = vector["chunks_hex"].as_array().unwrap().iter().flat_map(hex).collect();
        let frames = vector["expect_frames"].as_array().unwrap();
        let found = walk(family, &bytes);
        assert_eq!(found.len(), frames.len(), "{id}: {found:?}");
        found.iter().zip(frames).for_each(|(found, want)| says(found, want, id));
        let hear = |parts: &[&[u8]]| {
            let mut session = session(family, &[]);
            session.opened(ms(0));
            parts.iter().for_each(|part| session.receive(part, ms(1)));
            session.tick(ms(150));
            std::iter::from_fn(|| session.poll()).collect::<Vec<_>>()
        };
        let whole = hear(&[&bytes]);
        for split in 0..=bytes.len() {
            assert_eq!(tags(&hear(&[&bytes[..split], &bytes[split..]])), tags(&whole), "{id} at {split}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(tags(&hear(&single)), tags(&whole), "{id} byte by byte");
        let named = frames.iter().filter(|frame| frame.get("epc").is_some()).count();
        assert!(named <= tags(&whole).len(), "{id}: {whole:?}");
    }
}

/// What `bytes` hold, as the tools show it.
pub fn walk(family: &'static Family, bytes: &[u8]) -> Vec<Value> {
    let (mut at, mut found) = (0, Vec::new());
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        at += match (family.codec.cut)(rest, None) {
            Cut::Message(length) => {
                found.push((family.codec.decode)(&rest[..length], None).unwrap());
                length
            }
            Cut::Noise(length) | Cut::Blank(length) => length,
            Cut::Incomplete => break,
        };
    }
    found
}

/// Checks that `found` says all that `want` says.
pub fn says(found: &Value, want: &Value, id: &str) {
    for (field, value) in want.as_object().unwrap() {
        assert_eq!(&found[field], value, "{id}: {field} of {found}");
    }
}

/// A broken message in front of a good one costs no more than itself.
pub fn a_broken_message_costs_no_other(family: &'static Family, good: &[u8]) {
    for cut in 1..good.len() {
        let mut session = session(family, &[]);
        session.opened(ms(0));
        session.receive(&[&good[..cut], good].concat(), ms(1));
        session.tick(ms(150));
        let all: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
        assert_eq!(tags(&all).len(), 1, "cut at {cut}: {all:?}");
        let noise = |event: &Event| {
            if let Event::Noise { bytes } = event { *bytes } else { 0 }
        };
        assert_eq!(all.iter().map(noise).sum::<usize>(), cut, "cut at {cut}");
    }
}

/// Random bytes, and true messages with one bit wrong in each, give no tag; the true message behind them does.
pub fn noise_gives_no_tag(family: &'static Family, good: &[u8]) {
    let seed = 0x0E9C;
    let mut random = Random::new(seed);
    let mut session = session(family, &[]);
    let mut now = ms(0);
    session.opened(now);
    let mut hear = |bytes: &[u8], now: Duration| {
        session.receive(bytes, now);
        // Longer than any pause within a message.
        session.tick(now + ms(150));
        let all: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
        while session.transmit().is_some() {}
        if session.closed() {
            session.opened(now + ms(150));
        }
        tags(&all)
    };
    for round in 0..3000 {
        let mut bytes = match random.below(2) {
            0 => {
                let count = random.below(300) as usize;
                random.bytes(count)
            }
            _ => good.repeat(3),
        };
        if bytes.len() == 3 * good.len() {
            for third in 0..3 {
                let place = third * good.len() + random.below(good.len() as u64) as usize;
                bytes[place] ^= 1 << random.below(8);
            }
        }
        assert_eq!(hear(&bytes, now), [], "seed {seed}, round {round}: {bytes:02x?}");
        now += ms(200);
        if random.below(20) == 0 {
            assert_eq!(hear(good, now).len(), 1, "seed {seed}, round {round}: the good one is read");
            now += ms(200);
        }
    }
}
