//! The client of one LLRP reader: from its greeting to tags, and an orderly goodbye.
//!
//! One request is under way at a time. The order: the reader's ConnectionAttemptEvent, the version where asked for,
//! capabilities, the maker's extensions, configuration and how antennas and inputs stand, our ROSpec in place of all
//! others, enabled and seen to run. Everything is applied anew on every connection, since a reader may or may not have
//! kept it. What is asked of the reader beside reading never stops the reading. Sources: LLRP 1.0.1 sections 10 to 13
//! and 20.

mod errand;
mod news;
mod steps;
mod wire;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use self::errand::{Access, Errand, SwitchBack};
use crate::command::{Answer, Command, Unable};
use crate::device::Session;
use crate::event::{Event, Read};
use crate::llrp::frame;
use crate::llrp::message::Parameter;
use crate::llrp::program::{self, Fit};
use crate::llrp::report::{Stamps, TagReports};
use crate::llrp::settings::Settings;

/// Longest wait for the reader's greeting, for an answer, and for the end of a message that has begun.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// Longest wait for an answer about the version: readers that speak only 1.0.1 may say nothing at all.
const VERSION_WAIT: Duration = Duration::from_secs(3);

/// Longest time that an orderly goodbye takes.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// How often waiting tags are fetched where a report holds more than one.
const FETCH_EVERY: Duration = Duration::from_secs(1);

/// The session with one reader. Give it what arrived and the time, send what it says, take its events.
#[derive(Clone, Debug)]
pub struct Llrp {
    settings: Settings,
    fit: Fit,
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
    /// What the reader answered last, in words: when it then falls silent, it tells a person where to look.
    last_answer: Option<String>,
    /// How the inputs stood before the session was ready: line and whether its contact is closed.
    contacts: BTreeMap<u16, bool>,
    /// What waits to be asked beside reading.
    errands: VecDeque<Errand>,
    /// The work on a tag that is under way.
    access: Option<Access>,
    /// Outputs that go back by themselves, one entry a line; they do so after a reconnect too.
    switch_back: Vec<SwitchBack>,
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
    /// IMPINJ_ENABLE_EXTENSIONS.
    Extend,
    Configure,
    /// GET_READER_CONFIG: which antennas are plugged in, how do the inputs stand?
    State,
    /// Work on tags that an earlier connection left.
    DeleteWork,
    DeleteOthers,
    Add,
    Enable,
    /// GET_ROSPECS: does our program run?
    Look,
    Start,
    Reading,
    /// It reads, and is asked something beside.
    Errand(errand::Stage),
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

#[derive(Clone, Debug)]
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
            fit: Fit::default(),
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
            last_answer: None,
            contacts: BTreeMap::new(),
            errands: VecDeque::new(),
            access: None,
            switch_back: Vec::new(),
            greeted: None,
            catching_up: true,
            acks: VecDeque::new(),
            requests: VecDeque::new(),
            events: VecDeque::new(),
        }
    }
}

impl Session for Llrp {
    /// The TCP connection stands. A session may be opened again after it was lost: it starts from the beginning and
    /// keeps only the events that were not taken yet.
    fn opened(&mut self, now: Duration) {
        self.end();
        let (events, switch_back) = (std::mem::take(&mut self.events), std::mem::take(&mut self.switch_back));
        *self = Llrp { events, switch_back, ..Llrp::new(self.settings.clone()) };
        self.heard = now;
        self.step = Step::Greeting;
        self.deadline = Some(now + ANSWER_WAIT);
    }

    /// Takes what the connection delivered, in any split.
    fn receive(&mut self, bytes: &[u8], now: Duration) {
        if bytes.is_empty() || self.closed() {
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
    fn tick(&mut self, now: Duration) {
        if self.closed() {
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
        if self.fetch_at.is_some_and(|at| at <= now) && self.reads() {
            self.send(Parameter::new("GET_REPORT"));
            self.fetch_at = Some(now + FETCH_EVERY);
        }
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.overdue(now);
        }
        self.switch_back(now);
        self.next_errand(now);
    }

    /// The next whole message to send. Acknowledgements come first.
    fn transmit(&mut self) -> Option<Vec<u8>> {
        self.acks.pop_front().or_else(|| self.requests.pop_front())
    }

    /// The next event.
    fn poll(&mut self) -> Option<Event> {
        loop {
            let Queued::Report { body, at, newest, waited } = self.events.front_mut()? else {
                let Some(Queued::Event(event)) = self.events.pop_front() else {
                    continue;
                };
                return Some(event);
            };
            let mut tags = TagReports::new(body, *at);
            match tags.next() {
                Some(Ok(tag)) => {
                    *at = tags.at();
                    if !self.settings.wants(tag.epc) {
                        continue;
                    }
                    let tag = tag.tag(*newest, *waited);
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
    fn wake(&self) -> Option<Duration> {
        if self.closed() {
            return None;
        }
        let fetch_at = self.fetch_at.filter(|_| self.reads());
        let back_at = self.switch_back.iter().map(|output| output.at).min().filter(|_| self.step == Step::Reading);
        [self.deadline, self.close_by, fetch_at, back_at, self.silent_at(), self.stuck_at()].into_iter().flatten().min()
    }

    /// Begins an orderly goodbye: reading ends, our ROSpec goes, the reader is told. Takes at most 2 s;
    /// [`Llrp::closed`] then says so.
    fn close(&mut self, now: Duration) {
        match self.step {
            Step::Over | Step::Disable | Step::Delete | Step::Goodbye => (),
            Step::Unopened | Step::Greeting | Step::SupportedVersion | Step::AgreeVersion => self.end(),
            _ => {
                self.requests.clear();
                self.drop_errands("the session with the reader was ended");
                for output in std::mem::take(&mut self.switch_back) {
                    self.send(output.request());
                }
                self.fetch_at = None;
                self.close_by = Some(now + CLOSE_WAIT);
                self.ask(Step::Disable, program::about_rospec("DISABLE_ROSPEC"), now);
            }
        }
    }

    /// Whether the session is over: it was never opened, was lost, or its orderly end is done. What is left to poll
    /// stays.
    fn closed(&self) -> bool {
        matches!(self.step, Step::Unopened | Step::Over)
    }

    fn command(&mut self, number: u32, command: &Command, now: Duration) -> Result<(), Unable> {
        self.take_errand(number, command, now)
    }
}

impl Llrp {
    /// Whether our program runs, as far as the session knows.
    fn reads(&self) -> bool {
        matches!(self.step, Step::Reading | Step::Errand(_))
    }

    fn silent_at(&self) -> Option<Duration> {
        self.guarded.then(|| self.heard + self.settings.keepalive_period().saturating_mul(5) / 2)
    }

    fn stuck_at(&self) -> Option<Duration> {
        self.incomplete_since.map(|since| since + ANSWER_WAIT)
    }

    fn fault(&mut self, text: String) {
        self.tell(Event::Fault { text });
    }

    fn answered(&mut self, number: u32, answer: Answer) {
        self.tell(Event::Answer { number, answer });
    }

    fn tell(&mut self, event: Event) {
        self.events.push_back(Queued::Event(event));
    }

    fn lose_framing(&mut self, bytes: usize, reason: &str) {
        self.tell(Event::Noise { bytes });
        self.lose(format!("{reason}; check that address and port belong to an LLRP reader"));
    }

    fn lose(&mut self, reason: String) {
        let ended = self.step == Step::Over;
        self.end();
        if !ended {
            self.tell(Event::Lost { reason });
        }
    }

    /// Nothing more is sent or heard; events that were not taken stay.
    fn end(&mut self) {
        self.drop_errands("the connection to the reader was lost");
        self.step = Step::Over;
        self.asked = None;
        self.deadline = None;
        self.received = Vec::new();
        self.acks.clear();
        self.requests.clear();
    }
}
