//! A session and a simulated device on a wire that loses nothing, in steps of a few milliseconds.

use std::time::Duration;

use gatebook_hardware::command::{Answer, Command};
use gatebook_hardware::device::{Cut, Family, Session};
use gatebook_hardware::event::{Event, Read};
use gatebook_hardware::settings::{self, Settings};
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::script::Presentation;
use serde_json::Value;

const STEP: Duration = Duration::from_millis(5);

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The settings of a family with some of them set.
pub fn settings(family: &'static Family, set: &[(&str, settings::Value)]) -> Settings {
    let mut settings = Settings::of(family.settings);
    for (name, value) in set {
        settings.set(name, value.clone()).unwrap();
    }
    settings
}

pub fn word(word: &str) -> settings::Value {
    settings::Value::Text(word.to_owned())
}

pub struct Pair<D: ?Sized> {
    pub session: Box<dyn Session>,
    pub device: Box<D>,
    pub now: Duration,
    pub events: Vec<Event>,
    /// What the session sent.
    pub asked: Vec<u8>,
    /// Steps in a row in which the session wanted to be woken.
    woken: u32,
}

impl<D: Simulator + ?Sized> Pair<D> {
    pub fn new(session: Box<dyn Session>, device: Box<D>) -> Pair<D> {
        let mut pair = Pair { session, device, now: Duration::ZERO, events: Vec::new(), asked: Vec::new(), woken: 0 };
        pair.open();
        pair
    }

    pub fn open(&mut self) {
        self.device.opened(self.now);
        self.session.opened(self.now);
    }

    pub fn run(&mut self, span: Duration) {
        let until = self.now + span;
        while self.now < until {
            self.step();
        }
    }

    /// One step; a link that was cut is opened again at once.
    fn step(&mut self) {
        while let Some(bytes) = self.session.transmit() {
            self.device.receive(&bytes, self.now);
            self.asked.extend_from_slice(&bytes);
        }
        while let Some(bytes) = self.device.transmit() {
            self.session.receive(&bytes, self.now);
        }
        self.events.extend(std::iter::from_fn(|| self.session.poll()));
        if self.device.take_disconnect() || self.session.closed() {
            self.device.disconnected(self.now);
            self.open();
        }
        self.now += STEP;
        self.device.tick(self.now);
        // A session that does not say when it wants to be woken is not woken.
        // One that wants it again and again without a reason would keep a processor busy.
        let due = self.session.wake().is_some_and(|wake| wake <= self.now);
        self.woken = if due { self.woken + 1 } else { 0 };
        assert!(self.woken < 20, "the session wants to be woken without end");
        if due {
            self.session.tick(self.now);
        }
    }

    /// Runs until an event is as wanted, no longer than `span`; gives the events since the call.
    #[track_caller]
    pub fn until(&mut self, span: Duration, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
        let from = self.events.len();
        let until = self.now + span;
        while self.now < until {
            self.step();
            if self.events[from..].iter().any(&wanted) {
                return self.events.split_off(from);
            }
        }
        panic!("it did not come in {span:?}: {:?}", &self.events[from..]);
    }

    pub fn show(&mut self, what: Presentation) {
        self.device.show(what, self.now);
    }

    /// Gives a command and runs until it is answered.
    #[track_caller]
    pub fn told(&mut self, number: u32, command: &Command) -> Answer {
        self.session.command(number, command, self.now).unwrap();
        let answers =
            self.until(ms(10_000), |event| matches!(event, Event::Answer { number: of, .. } if *of == number));
        answers
            .into_iter()
            .find_map(|event| if let Event::Answer { answer, .. } = event { Some(answer) } else { None })
            .unwrap()
    }

    pub fn faults(&self) -> Vec<String> {
        let fault = |event: &Event| if let Event::Fault { text } = event { Some(text.clone()) } else { None };
        self.events.iter().filter_map(fault).collect()
    }
}

pub fn reads(events: &[Event]) -> Vec<Read> {
    events.iter().filter_map(|event| if let Event::Read(read) = event { Some(read.clone()) } else { None }).collect()
}

/// Cuts a stream as the tools do: the messages, and how many bytes belong to none. What is incomplete stays out.
pub fn cut(cut: impl Fn(&[u8]) -> Cut, bytes: &[u8]) -> (Vec<Vec<u8>>, usize) {
    let (mut at, mut messages, mut noise) = (0, Vec::new(), 0);
    while at < bytes.len() {
        match cut(&bytes[at..]) {
            Cut::Message(len) => {
                messages.push(bytes[at..at + len].to_vec());
                at += len;
            }
            Cut::Noise(len) => {
                noise += len;
                at += len;
            }
            Cut::Blank(len) => at += len,
            Cut::Incomplete => break,
        }
    }
    (messages, noise)
}

/// What the messages of a stream say that arrives in parts.
fn say(family: &Family, parts: &[&[u8]]) -> Vec<Value> {
    let (mut waits, mut said) = (Vec::new(), Vec::new());
    for part in parts {
        waits.extend_from_slice(part);
        loop {
            let used = match (family.codec.cut)(&waits, None) {
                Cut::Message(len) => {
                    said.push((family.codec.decode)(&waits[..len], None).unwrap());
                    len
                }
                Cut::Noise(len) | Cut::Blank(len) => len,
                Cut::Incomplete => break,
            };
            waits.drain(..used);
        }
    }
    said
}

/// Checks that `found` says all that `want` says.
#[track_caller]
pub fn assert_says(found: &Value, want: &Value, id: &Value) {
    match (want, found) {
        (Value::Object(want), _) => want.iter().for_each(|(field, want)| assert_says(&found[field], want, id)),
        (Value::Array(want), Value::Array(all)) if want.len() == all.len() => {
            all.iter().zip(want).for_each(|(found, want)| assert_says(found, want, id));
        }
        _ => assert_eq!(found, want, "{id}"),
    }
}

/// Passes the vectors of one family: what decodes, what is rejected, what comes in a stream however it is split.
pub fn pass(family: &'static Family, file: &str) {
    for vector in crate::vectors::of(file, "decode") {
        let input = crate::vectors::hex(&vector["input_hex"]);
        let fields = (family.codec.decode)(&input, None).unwrap_or_else(|error| panic!("{}: {error}", vector["id"]));
        assert_says(&fields, &vector["expect"], &vector["id"]);
        assert_eq!((family.codec.cut)(&input, None), Cut::Message(input.len()), "{}", vector["id"]);
        // Cut short anywhere, it is never the whole message.
        for end in 1..input.len() {
            let found = (family.codec.cut)(&input[..end], None);
            assert!(!matches!(found, Cut::Message(len) if len == input.len()), "{}: {end}", vector["id"]);
        }
    }
    let all: Value = serde_json::from_str(file).unwrap();
    let vectors = |op: &'static str| all["vectors"].as_array().unwrap().iter().filter(move |vector| vector["op"] == op);
    for vector in vectors("reject") {
        let input = crate::vectors::hex(&vector["input_hex"]);
        assert!((family.codec.decode)(&input, None).is_err(), "{}", vector["id"]);
        match vector["error"].as_str() {
            Some("incomplete") => assert_eq!((family.codec.cut)(&input, None), Cut::Incomplete, "{}", vector["id"]),
            _ => assert!(!matches!((family.codec.cut)(&input, None), Cut::Message(_)), "{}", vector["id"]),
        }
    }
    for vector in vectors("stream") {
        let stream: Vec<u8> = vector["chunks_hex"].as_array().unwrap().iter().flat_map(crate::vectors::hex).collect();
        let want = vector["expect_frames"].as_array().unwrap();
        let (messages, _) = cut(|bytes| (family.codec.cut)(bytes, None), &stream);
        assert_eq!(messages.len(), want.len(), "{}", vector["id"]);
        for (message, want) in messages.iter().zip(want) {
            assert_says(&(family.codec.decode)(message, None).unwrap(), want, &vector["id"]);
        }
        for split in 0..=stream.len() {
            let (a, b) = stream.split_at(split);
            assert_eq!(say(family, &[a, b]), say(family, &[&stream]), "{}: split at {split}", vector["id"]);
        }
    }
    // All printed messages in one stream, with noise before each that begins none.
    let inputs = || vectors("decode").map(|vector| crate::vectors::hex(&vector["input_hex"]));
    let stream: Vec<u8> = inputs().flat_map(|input| [&[0xFF], input.as_slice()].concat()).collect();
    let whole = say(family, &[&stream]);
    for split in 0..=stream.len() {
        let (a, b) = stream.split_at(split);
        assert_eq!(say(family, &[a, b]), whole, "split at {split}");
    }
    assert_eq!(say(family, &stream.chunks(1).collect::<Vec<_>>()), whole);
}
