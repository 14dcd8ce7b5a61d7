//! The client of one LLRP reader: from its greeting to tags, and an orderly goodbye.
//!
//! One request is under way at a time. The order: the reader's ConnectionAttemptEvent, the version where asked for,
//! capabilities, configuration, our ROSpec in place of all others, enabled and seen to run. Everything is applied anew on every connection,
//! since a reader may or may not have kept it. Sources: LLRP 1.0.1 sections 10 to 13 and 20.

use std::collections::VecDeque;
use std::time::Duration;

use super::frame::{self, Frame};
use super::message::{Message, Parameter};
use super::program::{self, Capabilities, Extent, ROSPEC};
use super::report::{RO_ACCESS_REPORT, Stamps, TagReports};
use super::settings::{Hold, Settings, Version};
use super::status::Status;
use crate::event::{Event, Read};

/// Longest wait for the reader's greeting, for an answer, and for the end of a message that has begun.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// Longest wait for an answer about the version: readers that speak only 1.0.1 may say nothing at all.
const VERSION_WAIT: Duration = Duration::from_secs(3);

/// Longest time that an orderly goodbye takes.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// How often waiting tags are fetched where a report holds more than one.
const FETCH_EVERY: Duration = Duration::from_secs(1);

/// Acknowledgements that wait at once. A reader asks once in seconds; more have no use.
const ACKS_MAX: usize = 5;

/// Longest message besides a tag report that is looked into, in octets. Real ones end near 2,000.
const CONTROL_MAX: usize = 256 << 10;

const KEEPALIVE: u16 = 62;
const READER_EVENT_NOTIFICATION: u16 = 63;
const ERROR_MESSAGE: u16 = 100;

/// The session with one reader. Give it what arrived and the time, send what it says, take its events.
#[derive(Debug)]
pub struct Llrp {
    settings: Settings,
    reader: Capabilities,
    step: Step,
    /// The request under way.
    asked: Option<Asked>,
    /// When the present step has taken too long.
    deadline: Option<Duration>,
    /// When an orderly goodbye has taken too long.
    close_by: Option<Duration>,
    /// When waiting tags are fetched next.
    fetch_at: Option<Duration>,
    version: u8,
    last_id: u32,
    received: Vec<u8>,
    /// Since when the message at the front of `received` is incomplete.
    incomplete_since: Option<Duration>,
    heard: Duration,
    /// Whether the reader agreed to send signs of life, so that silence means something.
    guarded: bool,
    told_ready: bool,
    /// The reader's clock when the connection came up, and when that was.
    greeted: Option<(Stamps, Duration)>,
    /// Whether reports may still be from before this connection.
    catching_up: bool,
    acks: VecDeque<Vec<u8>>,
    requests: VecDeque<Vec<u8>>,
    events: VecDeque<Queued>,
}

/// What the session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Unopened,
    Greeting,
    SupportedVersion,
    AgreeVersion,
    Capabilities,
    Configure(Extent),
    DeleteOthers,
    Add(Extent),
    Enable,
    /// GET_ROSPECS: does our program run?
    Look,
    Start,
    Reading,
    Disable,
    Delete,
    Goodbye,
    Over,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    id: u32,
    answer: u16,
    request: &'static str,
}

#[derive(Debug)]
enum Queued {
    Event(Event),
    /// A report, read as far as `at`; its newest stamp was `waited` ago.
    Report {
        body: Vec<u8>,
        at: usize,
        newest: Stamps,
        waited: Duration,
    },
}

impl Llrp {
    /// A session that waits for its connection.
    pub fn new(settings: Settings) -> Llrp {
        Llrp {
            settings,
            reader: Capabilities::default(),
            step: Step::Unopened,
            asked: None,
            deadline: None,
            close_by: None,
            fetch_at: None,
            version: 1,
            last_id: 0,
            received: Vec::new(),
            incomplete_since: None,
            heard: Duration::ZERO,
            guarded: false,
            told_ready: false,
            greeted: None,
            catching_up: true,
            acks: VecDeque::new(),
            requests: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// The TCP connection stands. A session may be opened again after it was lost: it starts from the beginning and
    /// keeps only the events that were not taken yet.
    pub fn opened(&mut self, now: Duration) {
        let events = std::mem::take(&mut self.events);
        *self = Llrp { events, ..Llrp::new(self.settings.clone()) };
        self.heard = now;
        self.step = Step::Greeting;
        self.deadline = Some(now + ANSWER_WAIT);
    }

    /// Takes what the connection delivered, in any split.
    pub fn receive(&mut self, bytes: &[u8], now: Duration) {
        if bytes.is_empty() || matches!(self.step, Step::Unopened | Step::Over) {
            return;
        }
        self.heard = now;
        self.received.extend_from_slice(bytes);
        let mut received = std::mem::take(&mut self.received);
        let mut used = 0;
        while let Some(rest @ [first, ..]) = received.get(used..) {
            let version = first >> 2 & 0x07;
            if !matches!(version, 1 | 2) {
                let reason = format!("a message has protocol version {version}, not LLRP 1.0.1 or 1.1");
                return self.lose_framing(rest.len(), &reason);
            }
            match frame::cut(rest) {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    used += frame.len();
                    self.frame(&frame, now);
                }
                Err(lost) => return self.lose_framing(rest.len(), &lost.to_string()),
            }
            if self.step == Step::Over {
                return;
            }
        }
        received.drain(..used);
        self.incomplete_since = match received.is_empty() {
            true => None,
            false if 0 < used => Some(now),
            false => self.incomplete_since.or(Some(now)),
        };
        self.received = received;
    }

    /// Lets time pass: finds silence and overdue answers.
    pub fn tick(&mut self, now: Duration) {
        if matches!(self.step, Step::Unopened | Step::Over) {
            return;
        }
        if self.close_by.is_some_and(|by| by <= now) {
            return self.end();
        }
        if self.silent_at().is_some_and(|at| at <= now) {
            let silent = now.saturating_sub(self.heard).as_millis();
            return self.lose(format!(
                "no byte from the reader for {silent} ms; check its power and network, the connection is made anew"
            ));
        }
        if self.stuck_at().is_some_and(|at| at <= now) {
            return self.lose(format!(
                "a message from the reader did not end within {} s; the connection is made anew",
                ANSWER_WAIT.as_secs()
            ));
        }
        if self.fetch_at.is_some_and(|at| at <= now) && self.step == Step::Reading {
            self.send(Parameter::new("GET_REPORT"));
            self.fetch_at = Some(now + FETCH_EVERY);
        }
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.overdue(now);
        }
    }

    /// The next whole message to send. Acknowledgements come first.
    pub fn transmit(&mut self) -> Option<Vec<u8>> {
        self.acks.pop_front().or_else(|| self.requests.pop_front())
    }

    /// The next event.
    pub fn poll(&mut self) -> Option<Event> {
        loop {
            let Queued::Report { body, at, newest, waited } = self.events.front_mut()? else {
                let Some(Queued::Event(event)) = self.events.pop_front() else { continue };
                return Some(event);
            };
            let mut tags = TagReports::new(body, *at);
            match tags.next() {
                Some(Ok(tag)) => {
                    let tag = tag.tag(*newest, *waited);
                    *at = tags.at();
                    return Some(Event::Read(Read::Tag(tag)));
                }
                Some(Err(malformed)) => {
                    self.events.pop_front();
                    let text =
                        format!("the reader sent a malformed tag report: {malformed}; the tags before it are kept");
                    return Some(Event::Fault { text });
                }
                None => self.events.pop_front(),
            };
        }
    }

    /// When [`Llrp::tick`] has something to do if nothing arrives before.
    pub fn wake(&self) -> Option<Duration> {
        if matches!(self.step, Step::Unopened | Step::Over) {
            return None;
        }
        let fetch_at = self.fetch_at.filter(|_| self.step == Step::Reading);
        [self.deadline, self.close_by, fetch_at, self.silent_at(), self.stuck_at()].into_iter().flatten().min()
    }

    /// Begins an orderly goodbye: reading ends, our ROSpec goes, the reader is told. Takes at most 2 s;
    /// [`Llrp::closed`] then says so.
    pub fn close(&mut self, now: Duration) {
        match self.step {
            Step::Over | Step::Disable | Step::Delete | Step::Goodbye => (),
            Step::Unopened | Step::Greeting | Step::SupportedVersion | Step::AgreeVersion => self.end(),
            _ => {
                self.requests.clear();
                self.fetch_at = None;
                self.close_by = Some(now + CLOSE_WAIT);
                self.ask(Step::Disable, program::about_rospec("DISABLE_ROSPEC"), now);
            }
        }
    }

    /// Whether the session is over, lost or closed. What is left to poll stays.
    pub fn closed(&self) -> bool {
        self.step == Step::Over
    }

    fn silent_at(&self) -> Option<Duration> {
        self.guarded.then(|| self.heard + self.settings.keepalive_period().saturating_mul(5) / 2)
    }

    fn stuck_at(&self) -> Option<Duration> {
        self.incomplete_since.map(|since| since + ANSWER_WAIT)
    }

    fn frame(&mut self, frame: &Frame<'_>, now: Duration) {
        match frame.number {
            RO_ACCESS_REPORT => return self.report(frame.body, now),
            KEEPALIVE if self.step != Step::Greeting => return self.acknowledge(frame.id),
            _ => (),
        }
        let decoded = match frame.body.len() {
            0..=CONTROL_MAX => Message::decode(frame).map_err(|malformed| malformed.to_string()),
            length => Err(format!("it has {length} bytes, {CONTROL_MAX} are the bound")),
        };
        let message = match decoded {
            Ok(message) => message,
            Err(why) => {
                return self.fault(format!("message {} from the reader is not understood: {why}", frame.number));
            }
        };
        if frame.number == READER_EVENT_NOTIFICATION {
            return self.reader_event(&message.body, now);
        }
        let fits = |asked: &Asked| match frame.number {
            ERROR_MESSAGE => asked.id == frame.id || self.step == Step::SupportedVersion,
            number => asked.id == frame.id && asked.answer == number,
        };
        match self.asked {
            Some(asked) if fits(&asked) => {
                self.asked = None;
                self.deadline = None;
                self.answer(asked.request, &message.body, now);
            }
            // A late answer to a request that was given up is of no use.
            _ if frame.number != ERROR_MESSAGE => (),
            _ => self.fault(format!("the reader did not take a message: {}", Status::of(&message.body))),
        }
    }

    /// The one place where a session moves on: an answer has come.
    fn answer(&mut self, request: &'static str, answer: &Parameter, now: Duration) {
        let status = Status::of(answer);
        let refused = || format!("the reader refused {request}: {status}");
        match (self.step, status.is_success()) {
            (Step::SupportedVersion, true) if answer.number("CurrentVersion") == Some(2) => {
                self.version = 2;
                self.capabilities(now);
            }
            (Step::SupportedVersion, true) if Some(2) <= answer.number("SupportedVersion") => {
                let request = Parameter::new("SET_PROTOCOL_VERSION").set("ProtocolVersion", 2u8);
                self.version = 2;
                self.ask(Step::AgreeVersion, request, now);
            }
            (Step::AgreeVersion, true) => self.capabilities(now),
            (Step::SupportedVersion | Step::AgreeVersion, _) => {
                self.version = 1;
                self.capabilities(now);
            }
            (Step::Capabilities, success) => {
                if !success {
                    self.fault(refused());
                }
                self.reader = Capabilities::of(answer);
                for text in self.reader.shortcomings(&self.settings) {
                    self.fault(text);
                }
                if self.reader.holds && self.settings.hold == Hold::UntilReconnect {
                    // What was held comes now, before the program that it belongs to is deleted.
                    self.send(Parameter::new("ENABLE_EVENTS_AND_REPORTS"));
                }
                self.configure(Extent::Full, now);
            }
            (Step::Configure(_), true) => {
                self.guarded = true;
                self.delete_others(now);
            }
            (Step::Configure(Extent::Full), false) => {
                self.fault(refused());
                self.configure(Extent::Bare, now);
            }
            (Step::Configure(Extent::Bare), false) => {
                self.fault(format!("{}; a silent loss of the reader will be noticed late", refused()));
                self.delete_others(now);
            }
            // Some readers refuse to delete when there is nothing; ADD_ROSPEC tells whether it matters.
            (Step::DeleteOthers, _) => self.add(Extent::Full, now),
            (Step::Add(_), true) => self.ask(Step::Enable, program::about_rospec("ENABLE_ROSPEC"), now),
            (Step::Add(Extent::Full), false) => {
                self.fault(format!("{}; it reads with its own power and session", refused()));
                self.add(Extent::Bare, now);
            }
            (Step::Enable, true) => self.look(now),
            (Step::Add(Extent::Bare) | Step::Enable, false) => self.lose(refused()),
            (Step::Look, success) => {
                let ours = answer.all("ROSpec").find(|spec| spec.number("ROSpecID") == Some(ROSPEC.into()));
                match ours.and_then(|spec| spec.number("CurrentState")) {
                    // Disabled, or gone: somebody else works on this reader.
                    Some(0) => self.lose("another program disabled our ROSpec on the reader".to_owned()),
                    None if success => self.lose("another program deleted our ROSpec on the reader".to_owned()),
                    Some(1) => self.ask(Step::Start, program::about_rospec("START_ROSPEC"), now),
                    _ => self.reading(now),
                }
            }
            (Step::Start, success) => {
                if !success {
                    self.fault(refused());
                }
                self.reading(now);
            }
            (Step::Disable, _) => self.ask(Step::Delete, program::about_rospec("DELETE_ROSPEC"), now),
            (Step::Delete, _) => self.ask(Step::Goodbye, Parameter::new("CLOSE_CONNECTION"), now),
            (Step::Goodbye, _) => self.end(),
            (Step::Unopened | Step::Greeting | Step::Reading | Step::Over, _) => (),
        }
    }

    fn overdue(&mut self, now: Duration) {
        self.deadline = None;
        let asked = self.asked.take();
        match (self.step, asked) {
            (Step::SupportedVersion | Step::AgreeVersion, _) => {
                self.version = 1;
                self.capabilities(now);
            }
            (_, Some(Asked { request, .. })) => self.lose(format!(
                "the reader did not answer {request} within {} s; the connection is made anew",
                ANSWER_WAIT.as_secs()
            )),
            (_, None) => self.lose(format!(
                "the reader did not greet within {} s; check that address and port belong to an LLRP reader",
                ANSWER_WAIT.as_secs()
            )),
        }
    }

    fn capabilities(&mut self, now: Duration) {
        self.ask(Step::Capabilities, Parameter::new("GET_READER_CAPABILITIES"), now);
    }

    fn configure(&mut self, extent: Extent, now: Duration) {
        let request = program::configuration(&self.settings, &self.reader, extent);
        self.ask(Step::Configure(extent), request, now);
    }

    fn delete_others(&mut self, now: Duration) {
        self.ask(Step::DeleteOthers, Parameter::new("DELETE_ROSPEC"), now);
    }

    fn add(&mut self, extent: Extent, now: Duration) {
        let Some(antennas) = self.reader.antennas(&self.settings) else {
            let count = self.reader.antennas.unwrap_or_default();
            return self.lose(format!(
                "the reader has none of the configured antennas {:?}; it has 1 to {count}",
                self.settings.antennas
            ));
        };
        let request = program::reading(&self.settings, &self.reader, &antennas, extent);
        self.ask(Step::Add(extent), request, now);
    }

    /// Whether our program runs is asked, not assumed: some readers wait for START_ROSPEC.
    fn look(&mut self, now: Duration) {
        self.ask(Step::Look, Parameter::new("GET_ROSPECS"), now);
    }

    fn reading(&mut self, now: Duration) {
        self.step = Step::Reading;
        if 1 < self.settings.report_every {
            self.fetch_at = Some(now + FETCH_EVERY);
        }
        if !self.told_ready {
            self.told_ready = true;
            self.send(Parameter::new("ENABLE_EVENTS_AND_REPORTS"));
            self.events.push_back(Queued::Event(Event::Ready { model: self.reader.model.clone() }));
        }
    }

    fn report(&mut self, body: &[u8], now: Duration) {
        if body.is_empty() {
            return;
        }
        let newest = TagReports::new(body, 0).newest();
        let mut waited = Duration::ZERO;
        if let (true, Some((stamps, greeted_at))) = (self.catching_up, self.greeted) {
            match stamps.since(newest) {
                // Seen before this connection, by the reader's own clock: it was held.
                Some(before) if before != Duration::ZERO => waited = before + now.saturating_sub(greeted_at),
                _ => self.catching_up = false,
            }
        }
        self.events.push_back(Queued::Report { body: body.to_vec(), at: 0, newest, waited });
    }

    fn reader_event(&mut self, body: &Parameter, now: Duration) {
        let Some(event) = body.find("ReaderEventNotificationData") else { return };
        if let Some(attempt) = event.find("ConnectionAttemptEvent") {
            let status = attempt.number("Status").unwrap_or_default();
            match (self.step, status) {
                (Step::Greeting, 0) => {
                    let clock = |name| event.find(name).and_then(|stamp| stamp.number("Microseconds"));
                    self.greeted = Some((Stamps { utc: clock("UTCTimestamp"), uptime: clock("Uptime") }, now));
                    match self.settings.version {
                        Version::One => self.capabilities(now),
                        Version::TryTwo => self.probe(now),
                    }
                }
                (Step::Greeting, 1) => self.lose(
                    "the reader is held by a connection that it opened itself; switch that off on the reader".to_owned(),
                ),
                (Step::Greeting, 2) => self.lose(
                    "the reader is held by another client, or has not yet noticed that our last connection ended; it is tried again"
                        .to_owned(),
                ),
                (Step::Greeting, other) => {
                    self.lose(format!("the reader refused the connection (status {other}); restart the reader"));
                }
                (_, 4) => self.fault(
                    "another program tried to connect to this reader; a reader serves one, stop the other".to_owned(),
                ),
                _ => (),
            }
        }
        if self.step == Step::Greeting {
            return;
        }
        let number = |inner: &Parameter, field| inner.number(field).unwrap_or_default();
        for inner in &event.parameters {
            match inner.name() {
                "AntennaEvent" if inner.number("EventType") == Some(0) => {
                    let antenna = number(inner, "AntennaID");
                    self.fault(format!("antenna {antenna} is disconnected; check its cable"));
                }
                "ReportBufferLevelWarningEvent" => {
                    let full = number(inner, "ReportBufferPercentageFull");
                    self.fault(format!("the reader's report buffer is {full} % full; the network may be too slow"));
                }
                "ReportBufferOverflowErrorEvent" => self.fault(
                    "the reader's report buffer overflowed: tags were read and not reported; count again by hand"
                        .to_owned(),
                ),
                "ReaderExceptionEvent" => {
                    let text = inner.text("Message").escape_debug().to_string();
                    let at = inner.find("AntennaID").and_then(|antenna| antenna.number("AntennaID"));
                    let at = at.map(|antenna| format!(" at antenna {antenna}")).unwrap_or_default();
                    self.fault(format!("the reader reports a fault{at}: {text}"));
                }
                "ROSpecEvent" if self.step == Step::Reading => self.program_event(inner, now),
                "ConnectionCloseEvent" if matches!(self.step, Step::Disable | Step::Delete | Step::Goodbye) => {
                    self.end()
                }
                "ConnectionCloseEvent" => self.lose("the reader closed the connection".to_owned()),
                _ => (),
            }
        }
    }

    /// Our program was ended (1) or pushed aside (2): have a look, and start it again where it stands still.
    fn program_event(&mut self, event: &Parameter, now: Duration) {
        let ours = |field| event.number(field) == Some(ROSPEC.into());
        match event.number("EventType") {
            Some(1) if ours("ROSpecID") => {
                self.fault("the reader stopped reading by itself; it is started again".to_owned());
            }
            Some(2) if ours("ROSpecID") || ours("PreemptingROSpecID") => {
                self.fault("another program on the reader pushes ours aside; stop the other program".to_owned());
            }
            _ => return,
        }
        self.look(now);
    }

    /// GET_SUPPORTED_VERSION goes out as 1.1 whatever is spoken later (LLRP 1.1 section 10.1.1).
    fn probe(&mut self, now: Duration) {
        self.version = 2;
        self.ask(Step::SupportedVersion, Parameter::new("GET_SUPPORTED_VERSION"), now);
        self.deadline = Some(now + VERSION_WAIT);
    }

    fn ask(&mut self, step: Step, request: Parameter, now: Duration) {
        let name = request.name();
        let Some((id, number)) = self.send(request) else { return };
        let answer = if number == 14 { 4 } else { number + 10 };
        self.asked = Some(Asked { id, answer, request: name });
        self.deadline = Some(now + ANSWER_WAIT);
        self.step = step;
    }

    /// Queues a message; its id and type, or `None` when the session is lost because the message cannot be built.
    fn send(&mut self, body: Parameter) -> Option<(u32, u16)> {
        self.last_id = self.last_id.wrapping_add(1);
        let message = Message { version: self.version, id: self.last_id, body };
        match message.encode() {
            Ok(bytes) => {
                self.requests.push_back(bytes);
                Some((message.id, message.number()))
            }
            Err(too_long) => {
                self.lose(format!("{too_long}; configure fewer antennas"));
                None
            }
        }
    }

    /// KEEPALIVE_ACK with the id of its KEEPALIVE, ahead of all requests.
    fn acknowledge(&mut self, id: u32) {
        let message = Message { version: self.version, id, body: Parameter::new("KEEPALIVE_ACK") };
        if let (Ok(bytes), true) = (message.encode(), self.acks.len() < ACKS_MAX) {
            self.acks.push_back(bytes);
        }
    }

    fn fault(&mut self, text: String) {
        self.events.push_back(Queued::Event(Event::Fault { text }));
    }

    fn lose_framing(&mut self, bytes: usize, reason: &str) {
        self.events.push_back(Queued::Event(Event::Noise { bytes }));
        self.lose(format!("{reason}; check that address and port belong to an LLRP reader"));
    }

    fn lose(&mut self, reason: String) {
        if self.step != Step::Over {
            self.events.push_back(Queued::Event(Event::Lost { reason }));
        }
        self.end();
    }

    /// Nothing more is sent or heard; events that were not taken stay.
    fn end(&mut self) {
        self.step = Step::Over;
        self.asked = None;
        self.deadline = None;
        self.received = Vec::new();
        self.acks.clear();
        self.requests.clear();
    }
}
