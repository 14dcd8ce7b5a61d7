//! A simulated LLRP reader: capabilities, ROSpecs, inventory rounds, reports, keepalives, and what goes wrong.
//!
//! It answers strictly in order, since some clients take the next message as the answer; it answers nothing to
//! KEEPALIVE_ACK and ENABLE_EVENTS_AND_REPORTS. The radio field has a fixed strength: transmit power is checked against
//! the table but changes no read. The reader lives on between connections, and so do its ROSpecs and its clock.

mod answers;
mod inventory;
mod make;
mod ports;
mod report;
mod requests;
mod rospec;
mod tags;
mod triggers;

use std::collections::VecDeque;
use std::time::Duration;

pub use self::make::{Clock, Delivery, Level, Make, Powers, Refuses, Region, Speaks, Vendor};
use self::ports::Input;
pub use self::ports::Switched;
use self::report::{Entry, ReportSpec};
use self::rospec::{RoSpec, State};
use self::tags::{AccessSpec, Memories};
use super::script::{Act, Heard, Presentation, Random, Script, Sent, SentWhat, Stage};
use crate::llrp::frame;
use crate::llrp::message::{Message, Parameter};
use crate::simulator::Simulator;

/// Report entries kept while no client listens, and entries that wait for their report. Beyond it the oldest is
/// dropped and the client is told of an overflow.
const BUFFER_MAX: usize = 20_000;

/// Keepalives without acknowledgement after which the reader gives the connection up.
const MISSED_MAX: u32 = 4;

/// Messages that wait for a client that does not take them; beyond it the reader hangs up.
const OUT_MAX: usize = 20_000;

/// Where the reader's own message ids begin: some clients take any message with the id of their request for its answer,
/// and their requests count from 1.
const OWN_IDS: u32 = 1 << 31;

/// Rounds made up for when time jumps, at most.
const CATCH_UP: Duration = Duration::from_secs(10);

/// How long a tag that leaves is still heard, fainter and fainter.
const FADE: Duration = Duration::from_millis(400);

/// Signal strength at the rim of the field, in dBm.
const RIM_DBM: i16 = -74;

/// A status other than success.
#[derive(Clone, Copy, Debug)]
struct Refusal {
    code: u16,
    text: &'static str,
}

/// Bytes on their way to the client, and what the log says once the last of them is handed over.
#[derive(Clone, Debug)]
struct Outgoing {
    bytes: Vec<u8>,
    sent: Vec<SentWhat>,
}

/// A tag on its way out of the field.
#[derive(Clone, Debug)]
struct Fading {
    heard: Heard,
    since: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Down,
    Open,
    /// The client said goodbye: what is queued goes out, then the reader hangs up.
    Closing,
    /// The reader hung up and the caller has not asked yet.
    Cut,
}

/// One simulated reader.
#[derive(Clone, Debug)]
pub struct LlrpReader {
    make: Make,
    stage: Stage,
    now: Duration,
    link: Link,
    received: Vec<u8>,
    out: VecDeque<Outgoing>,
    version: u8,
    last_id: u32,
    rospecs: Vec<RoSpec>,
    access_specs: Vec<AccessSpec>,
    memories: Memories,
    inputs: Vec<Input>,
    input_events: bool,
    switched: Vec<Switched>,
    /// Whether this connection may use the maker's own parameters.
    extended: bool,
    /// When a reader that does so sends its next empty report.
    empty_at: Duration,
    default_report: ReportSpec,
    keepalive: Option<Duration>,
    keepalive_at: Duration,
    unacknowledged: u32,
    /// Whether reports are kept from a lost connection until ENABLE_EVENTS_AND_REPORTS of the next.
    hold: bool,
    holding: bool,
    rospec_events: bool,
    round_at: Duration,
    fading: Vec<Fading>,
    /// Entries of the report in the making.
    pending: Vec<Entry>,
    /// Reports that wait for the client to come back.
    held: VecDeque<(Parameter, SentWhat)>,
    overflowed: bool,
}

impl LlrpReader {
    /// A reader that has just started. The same seed gives the same bytes at the same times.
    pub fn new(make: Make, script: Script, seed: u64) -> LlrpReader {
        LlrpReader {
            make,
            stage: Stage::new(script, seed),
            now: Duration::ZERO,
            link: Link::Down,
            received: Vec::new(),
            out: VecDeque::new(),
            version: 1,
            last_id: OWN_IDS,
            rospecs: Vec::new(),
            access_specs: Vec::new(),
            memories: Memories::default(),
            inputs: Input::all(make),
            input_events: false,
            switched: Vec::new(),
            extended: false,
            empty_at: Duration::ZERO,
            default_report: ReportSpec::factory(),
            keepalive: None,
            keepalive_at: Duration::ZERO,
            unacknowledged: 0,
            hold: false,
            holding: false,
            rospec_events: false,
            round_at: Duration::ZERO,
            fading: Vec::new(),
            pending: Vec::new(),
            held: VecDeque::new(),
            overflowed: false,
        }
    }
}

impl Simulator for LlrpReader {
    /// A client's connection was accepted: the reader greets.
    fn opened(&mut self, now: Duration) {
        self.tick(now);
        self.stage.opened(now);
        self.link = Link::Open;
        self.received.clear();
        self.out.clear();
        self.version = 1;
        self.extended = false;
        self.unacknowledged = 0;
        self.keepalive_at = now + self.keepalive.unwrap_or_default();
        self.holding = self.hold;
        self.event(Parameter::new("ConnectionAttemptEvent"));
    }

    /// The connection ended from the client's side, or the network's.
    fn disconnected(&mut self, now: Duration) {
        self.tick(now);
        self.link = Link::Down;
        self.stage.cut();
        self.received.clear();
        self.out.clear();
    }

    /// What a second client is told before its connection is closed; the first one is told of the attempt.
    fn second_client(&mut self, now: Duration) -> Vec<u8> {
        self.now = self.now.max(now);
        if self.link == Link::Open {
            self.event(Parameter::new("ConnectionAttemptEvent").set("Status", 4u16));
        }
        let refusal = Parameter::new("ConnectionAttemptEvent").set("Status", 2u16);
        let body = notification(self.make.clock.stamp(self.now), refusal);
        Message { version: 1, id: 0, body }.encode().expect("an event has 32 octets")
    }

    /// Takes what the client said, in any split.
    fn receive(&mut self, bytes: &[u8], now: Duration) {
        self.tick(now);
        if self.link != Link::Open || self.stage.silent(now) {
            return;
        }
        self.received.extend_from_slice(bytes);
        let mut received = std::mem::take(&mut self.received);
        let mut used = 0;
        while self.link == Link::Open {
            match frame::cut(received.get(used..).unwrap_or_default()) {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    used += frame.len();
                    self.request(&frame);
                }
                Err(_) => return self.cut(),
            }
        }
        received.drain(..used);
        self.received = received;
    }

    /// Lets time pass: inventory rounds, keepalives, the script.
    fn tick(&mut self, now: Duration) {
        self.now = self.now.max(now);
        let now = self.now;
        self.round_at = self.round_at.max(now.saturating_sub(CATCH_UP));
        while self.round_at <= now {
            let at = self.round_at;
            self.round(at);
            self.round_at = at + Duration::from_millis(20 + self.stage.random.below(21));
        }
        while let Some(act) = self.stage.next(now) {
            match act {
                // A reader of tags sees and feels nothing else.
                Act::Symbol { .. } | Act::Card { .. } | Act::Weight(_) | Act::Climate(_) => (),
                Act::Contact(contact) => self.contact(contact),
                Act::Garbage { .. } if self.link != Link::Open => (),
                Act::Garbage { bytes } => {
                    let sent = vec![SentWhat::Garbage { n: bytes.len() }];
                    self.out.push_back(Outgoing { bytes, sent });
                }
                Act::Disconnect => self.cut(),
            }
        }
        if OUT_MAX < self.out.len() {
            self.cut();
        }
        if let (Some(period), Link::Open) = (self.keepalive, self.link)
            && self.keepalive_at <= now
        {
            self.keepalive_at = now + period;
            if !self.stage.silent(now) {
                self.unacknowledged += 1;
                match self.unacknowledged {
                    0..=MISSED_MAX => self.say(Parameter::new("KEEPALIVE")),
                    _ => self.cut(),
                }
            }
        }
    }

    /// The next bytes for the client.
    fn transmit(&mut self) -> Option<Vec<u8>> {
        if !self.out.is_empty() && self.stage.take_truncation() {
            // On TCP a message breaks off only with its connection.
            self.out.truncate(1);
            self.link = Link::Closing;
            for Outgoing { bytes, sent } in &mut self.out {
                bytes.truncate(bytes.len().div_ceil(2));
                *sent = vec![SentWhat::Garbage { n: bytes.len() }];
            }
        }
        let front = self.out.front()?;
        let piece = match self.make.delivery {
            Delivery::Whole => front.bytes.len(),
            Delivery::Glued => self.out.iter().take(8).map(|message| message.bytes.len()).sum(),
            Delivery::Bytewise => 1,
            Delivery::Split => {
                let length = front.bytes.len() as u64;
                1 + self.stage.random.below(length) as usize
            }
        };
        let mut bytes = Vec::with_capacity(piece);
        while let Some(front) = self.out.front_mut() {
            let part = front.bytes.len().min(piece - bytes.len());
            bytes.extend(front.bytes.drain(..part));
            if !front.bytes.is_empty() {
                break;
            }
            let whole = self.out.pop_front();
            for what in whole.into_iter().flat_map(|message| message.sent) {
                self.stage.sent(self.now, what);
            }
            if bytes.len() == piece {
                break;
            }
        }
        Some(bytes)
    }

    /// Whether the reader hangs up now; asking uses it up. Empty [`LlrpReader::transmit`] first.
    fn take_disconnect(&mut self) -> bool {
        match self.link {
            Link::Cut => (),
            Link::Closing if self.out.is_empty() => (),
            Link::Down | Link::Open | Link::Closing => return false,
        }
        self.link = Link::Down;
        self.stage.cut();
        self.received.clear();
        self.stage.sent(self.now, SentWhat::Disconnect);
        true
    }

    /// When [`LlrpReader::tick`] has something to do if nothing arrives before.
    fn wake(&self) -> Option<Duration> {
        let listening = self.link == Link::Open || self.hold;
        let reading = listening && self.rospecs.iter().any(|spec| spec.state == State::Active);
        let keepalive = self.keepalive.filter(|_| self.link == Link::Open).map(|_| self.keepalive_at);
        [reading.then_some(self.round_at), keepalive, self.stage.wake()].into_iter().flatten().min()
    }

    /// Anything that happens to a reader: tags, contacts, silence, garbage, a message that breaks off, a cut.
    fn show(&mut self, what: Presentation, now: Duration) {
        match what {
            Presentation::TagLeaves { epc } => self.tag_leaves(&epc, now),
            other => {
                self.tick(now);
                self.stage.show(other, now);
            }
        }
    }

    /// Whether the script is played out and all it brought is gone.
    fn finished(&self, now: Duration) -> bool {
        self.stage.finished(now) && self.fading.iter().all(|tag| tag.since + FADE <= now)
    }

    /// What was handed over, oldest first. A report that waits in the reader is not in it.
    fn log(&self) -> &[Sent] {
        self.stage.log()
    }

    /// How many older entries the log no longer holds.
    fn forgotten(&self) -> u64 {
        self.stage.forgotten()
    }

    /// A tag comes before an antenna and stays until [`LlrpReader::tag_leaves`]. Its signal rises.
    fn tag_enters(&mut self, epc: &[u8], antenna: u16, now: Duration) {
        self.tick(now);
        let epc = &self.memories.origin(epc);
        self.fading.retain(|tag| tag.heard.epc != *epc);
        let peak_dbm = -45 - self.stage.random.below(10) as i16;
        self.stage.show(Presentation::TagEnters { epc: epc.to_vec(), antenna, peak_dbm }, now);
    }

    /// A tag leaves all antennas. Its signal falls and is gone soon after.
    fn tag_leaves(&mut self, epc: &[u8], now: Duration) {
        self.tick(now);
        let epc = &self.memories.origin(epc);
        let leaving = self.stage.tags(now).into_iter().filter(|heard| heard.epc == *epc);
        self.fading.extend(leaving.map(|heard| Fading { heard, since: now }));
        self.stage.show(Presentation::TagLeaves { epc: epc.to_vec() }, now);
    }
}

impl LlrpReader {
    fn error(&mut self, id: u32, Refusal { code, text }: Refusal) {
        let body = Parameter::new("ERROR_MESSAGE").with(answers::status(code, text));
        self.answer_in(self.version, id, body);
    }

    fn event(&mut self, event: Parameter) {
        self.event_of(event, Vec::new());
    }

    /// An event that the log names.
    fn event_of(&mut self, event: Parameter, sent: Vec<SentWhat>) {
        self.queue(notification(self.make.clock.stamp(self.now), event), sent);
    }

    fn say(&mut self, body: Parameter) {
        self.queue(body, Vec::new());
    }

    fn queue(&mut self, body: Parameter, sent: Vec<SentWhat>) {
        self.last_id = self.last_id.wrapping_add(1);
        let message = Message { version: self.version, id: self.last_id, body };
        let bytes = message.encode().expect("each parameter of the simulator is far below 65,535 octets");
        self.out.push_back(Outgoing { bytes, sent });
    }

    fn answer_in(&mut self, version: u8, id: u32, body: Parameter) {
        let bytes = Message { version, id, body }.encode().expect("a client's ROSpec came in 65,535 octets");
        self.out.push_back(Outgoing { bytes, sent: Vec::new() });
    }

    /// The connection breaks: nothing that is queued arrives.
    fn cut(&mut self) {
        if matches!(self.link, Link::Open | Link::Closing) {
            self.link = Link::Cut;
            self.stage.cut();
            self.out.clear();
            self.received.clear();
        }
    }
}

fn notification(stamp: Parameter, event: Parameter) -> Parameter {
    let told = Parameter::new("ReaderEventNotificationData").with(stamp).with(event);
    Parameter::new("READER_EVENT_NOTIFICATION").with(told)
}
