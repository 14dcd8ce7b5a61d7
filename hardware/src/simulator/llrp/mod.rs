//! A simulated LLRP reader: capabilities, ROSpecs, inventory rounds, reports, keepalives, and what goes wrong.
//!
//! It answers strictly in order, since some clients take the next message as the answer; it answers nothing to
//! KEEPALIVE_ACK and ENABLE_EVENTS_AND_REPORTS. The radio field has a fixed strength: transmit power is checked against
//! the table but changes no read. The reader lives on between connections, and so do its ROSpecs and its clock.

mod answers;
mod rospec;

use std::collections::VecDeque;
use std::time::Duration;

use self::rospec::{Entry, ReportSpec, RoSpec, State};
use super::script::{Act, Heard, Presentation, Script, Sent, SentWhat, Stage};
use crate::llrp::fields;
use crate::llrp::frame::{self, Frame};
use crate::llrp::message::{Message, Parameter};

/// Report entries kept while no client listens, and entries that wait for their report. Beyond it the oldest is
/// dropped and the client is told of an overflow.
const BUFFER_MAX: usize = 20_000;

/// Keepalives without acknowledgement after which the reader gives the connection up.
const MISSED_MAX: u32 = 4;

/// Rounds made up for when time jumps, at most.
const CATCH_UP: Duration = Duration::from_secs(10);

/// How long a tag that leaves is still heard, fainter and fainter.
const FADE: Duration = Duration::from_millis(400);

/// Signal strength at the rim of the field, in dBm.
const RIM_DBM: i16 = -74;

/// What kind of reader is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Make {
    /// Number of antennas, from 1.
    pub antennas: u16,
    pub clock: Clock,
    pub speaks: Speaks,
    pub delivery: Delivery,
    pub vendor: Vendor,
}

/// The reader's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Microseconds since 1970 at time zero of the caller's monotonic time; it may be wrong.
    Utc { origin_micros: u64 },
    /// The reader has no calendar: it counts from its start.
    UptimeOnly,
}

/// The highest version that the reader speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// LLRP 1.0.1: a 1.1 message gets M_UnsupportedVersion.
    One,
    /// LLRP 1.1.
    Two,
}

/// How the network cuts what the reader says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// One message at a time.
    Whole,
    /// Each message in seeded pieces.
    Split,
    /// Several messages in one piece.
    Glued,
    /// One byte at a time.
    Bytewise,
}

/// Whether the reader adds parameters that nobody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    Plain,
    /// Capabilities and each tag carry an unknown vendor's parameter, as Zebra readers do.
    UnknownParameters,
}

impl Default for Make {
    /// Four antennas, a right clock at 2026-03-15T10:00:00Z, LLRP 1.0.1, whole messages.
    fn default() -> Make {
        let clock = Clock::Utc { origin_micros: 1_773_568_800_000_000 };
        Make { antennas: 4, clock, speaks: Speaks::One, delivery: Delivery::Whole, vendor: Vendor::Plain }
    }
}

impl Clock {
    fn micros(self, at: Duration) -> u64 {
        let since = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
        match self {
            Clock::Utc { origin_micros } => origin_micros.saturating_add(since),
            Clock::UptimeOnly => since,
        }
    }

    fn stamp(self, at: Duration) -> Parameter {
        let name = match self {
            Clock::Utc { .. } => "UTCTimestamp",
            Clock::UptimeOnly => "Uptime",
        };
        Parameter::new(name).set("Microseconds", self.micros(at))
    }
}

/// A status other than success.
#[derive(Clone, Copy, Debug)]
struct Refusal {
    code: u16,
    text: &'static str,
}

/// Bytes on their way to the client, and what the log says once the last of them is handed over.
#[derive(Debug)]
struct Outgoing {
    bytes: Vec<u8>,
    sent: Vec<SentWhat>,
}

/// A tag on its way out of the field.
#[derive(Debug)]
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
#[derive(Debug)]
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
            last_id: 0,
            rospecs: Vec::new(),
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

    /// A client's connection was accepted: the reader greets.
    pub fn opened(&mut self, now: Duration) {
        self.tick(now);
        self.stage.opened(now);
        self.link = Link::Open;
        self.received.clear();
        self.out.clear();
        self.version = 1;
        self.unacknowledged = 0;
        self.keepalive_at = now + self.keepalive.unwrap_or_default();
        self.holding = self.hold;
        self.event(Parameter::new("ConnectionAttemptEvent"));
    }

    /// The connection ended from the client's side, or the network's.
    pub fn disconnected(&mut self, now: Duration) {
        self.tick(now);
        self.link = Link::Down;
        self.received.clear();
        self.out.clear();
    }

    /// What a second client is told before its connection is closed; the first one is told of the attempt.
    pub fn second_client(&mut self, now: Duration) -> Vec<u8> {
        self.now = self.now.max(now);
        if self.link == Link::Open {
            self.event(Parameter::new("ConnectionAttemptEvent").set("Status", 4u16));
        }
        let refusal = Parameter::new("ConnectionAttemptEvent").set("Status", 2u16);
        let body = notification(self.make.clock.stamp(self.now), refusal);
        Message { version: 1, id: 0, body }.encode().expect("an event has 32 octets")
    }

    /// Takes what the client said, in any split.
    pub fn receive(&mut self, bytes: &[u8], now: Duration) {
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
    pub fn tick(&mut self, now: Duration) {
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
                // A reader of tags does not see print.
                Act::Symbol { .. } => (),
                Act::Garbage { .. } if self.link != Link::Open => (),
                Act::Garbage { bytes } => {
                    let sent = vec![SentWhat::Garbage { n: bytes.len() }];
                    self.out.push_back(Outgoing { bytes, sent });
                }
                Act::Disconnect => self.cut(),
            }
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
    pub fn transmit(&mut self) -> Option<Vec<u8>> {
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
    pub fn take_disconnect(&mut self) -> bool {
        match self.link {
            Link::Cut => (),
            Link::Closing if self.out.is_empty() => (),
            Link::Down | Link::Open | Link::Closing => return false,
        }
        self.link = Link::Down;
        self.received.clear();
        self.stage.sent(self.now, SentWhat::Disconnect);
        true
    }

    /// When [`LlrpReader::tick`] has something to do if nothing arrives before.
    pub fn wake(&self) -> Option<Duration> {
        let listening = self.link == Link::Open || self.hold;
        let reading = listening && self.rospecs.iter().any(|spec| spec.state == State::Active);
        let keepalive = self.keepalive.filter(|_| self.link == Link::Open).map(|_| self.keepalive_at);
        [reading.then_some(self.round_at), keepalive, self.stage.wake()].into_iter().flatten().min()
    }

    /// A tag comes before an antenna and stays until [`LlrpReader::tag_leaves`]. Its signal rises.
    pub fn tag_enters(&mut self, epc: &[u8], antenna: u16, now: Duration) {
        self.tick(now);
        self.fading.retain(|tag| tag.heard.epc != epc);
        let peak_dbm = -45 - self.stage.random.below(10) as i16;
        self.stage.show(Presentation::TagEnters { epc: epc.to_vec(), antenna, peak_dbm }, now);
    }

    /// A tag leaves all antennas. Its signal falls and is gone soon after.
    pub fn tag_leaves(&mut self, epc: &[u8], now: Duration) {
        self.tick(now);
        let leaving = self.stage.tags(now).into_iter().filter(|heard| heard.epc == epc);
        self.fading.extend(leaving.map(|heard| Fading { heard, since: now }));
        self.stage.show(Presentation::TagLeaves { epc: epc.to_vec() }, now);
    }

    /// Anything else that happens to a reader: silence, garbage, a message that breaks off, a cut.
    pub fn show(&mut self, what: Presentation, now: Duration) {
        self.tick(now);
        self.stage.show(what, now);
    }

    /// What was handed over, oldest first. A report that waits in the reader is not in it.
    pub fn log(&self) -> &[Sent] {
        self.stage.log()
    }

    /// Whether the script is played out.
    pub fn finished(&self, now: Duration) -> bool {
        self.stage.finished(now)
    }

    /// How many older entries the log no longer holds.
    pub fn forgotten(&self) -> u64 {
        self.stage.forgotten()
    }

    /// One inventory round: most tags in the field answer.
    fn round(&mut self, at: Duration) {
        let mut heard = self.stage.tags(at);
        self.fading.retain(|tag| at < tag.since + FADE);
        if self.stage.silent(at) {
            return;
        }
        for place in 0..self.rospecs.len() {
            if self.rospecs.get(place).is_some_and(|spec| spec.ends_at.is_some_and(|ends| ends <= at)) {
                self.stop(place);
            }
        }
        heard.extend(self.fading.iter().map(|tag| {
            let left = 1.0 - at.saturating_sub(tag.since).as_secs_f64() / FADE.as_secs_f64();
            let above = f64::from(tag.heard.rssi_dbm - RIM_DBM) * left;
            Heard { rssi_dbm: RIM_DBM + above as i16, ..tag.heard.clone() }
        }));
        let Some(active) = self.rospecs.iter().position(|spec| spec.state == State::Active) else { return };
        for Heard { epc, antenna, rssi_dbm } in heard {
            let answers = self.stage.random.below(100) < 85;
            let rssi_dbm = rssi_dbm + self.stage.random.below(5) as i16 - 2;
            if answers && self.rospecs.get(active).is_some_and(|spec| spec.reads_at(antenna)) {
                self.read(Entry { epc, antenna, rssi_dbm, first: at, last: at, count: 1 }, active);
            }
        }
    }

    /// A read joins the entry of its tag and antenna, or makes a new one.
    fn read(&mut self, read: Entry, active: usize) {
        let same = |entry: &&mut Entry| entry.antenna == read.antenna && entry.epc == read.epc;
        match self.pending.iter_mut().find(same) {
            Some(entry) => {
                entry.last = read.last;
                entry.count = entry.count.saturating_add(1);
                entry.rssi_dbm = entry.rssi_dbm.max(read.rssi_dbm);
            }
            None => self.pending.push(read),
        }
        if BUFFER_MAX < self.pending.len() {
            self.pending.remove(0);
            self.overflowed = true;
        }
        let Some(RoSpec { report, .. }) = self.rospecs.get(active) else { return };
        if !report.fetched && report.every != 0 && usize::from(report.every) <= self.pending.len() {
            self.report(active);
        }
    }

    /// Makes a report of all entries: sent, held for a client that will return, or lost with nobody to hear it.
    fn report(&mut self, place: usize) {
        let Some(RoSpec { id, report, .. }) = self.rospecs.get(place) else { return };
        let mut made = Vec::with_capacity(self.pending.len());
        for entry in self.pending.drain(..) {
            let mut tag = report.tag_report_data(&entry, *id, self.make.clock);
            if self.make.vendor == Vendor::UnknownParameters {
                tag = tag.with(stranger());
            }
            let Entry { epc, antenna, rssi_dbm, .. } = entry;
            made.push((tag, SentWhat::Tag { epc, antenna, rssi_dbm }));
        }
        match (self.link, self.holding || self.hold && self.link != Link::Open) {
            (_, true) => {
                self.held.extend(made);
                let excess = self.held.len().saturating_sub(BUFFER_MAX);
                self.overflowed |= 0 < excess;
                self.held.drain(..excess);
            }
            (Link::Open, false) => self.say_report(made),
            (Link::Down | Link::Closing | Link::Cut, false) => (),
        }
        if self.link == Link::Open && !self.holding && std::mem::take(&mut self.overflowed) {
            self.event(Parameter::new("ReportBufferOverflowErrorEvent"));
        }
    }

    fn say_report(&mut self, made: Vec<(Parameter, SentWhat)>) {
        let (tags, sent): (Vec<_>, Vec<_>) = made.into_iter().unzip();
        self.queue(Parameter::new("RO_ACCESS_REPORT").with_all(tags), sent);
    }

    fn request(&mut self, frame: &Frame<'_>) {
        if frame.version == 2 && self.make.speaks == Speaks::One {
            return self.error(frame.id, Refusal { code: 110, text: "LLRP 1.0.1 only" });
        }
        let Ok(Message { body: request, .. }) = Message::decode(frame) else {
            let code = if fields::message_layout(frame.number).is_some() { 100 } else { 109 };
            return self.error(frame.id, Refusal { code, text: "not understood" });
        };
        let before = self.out.len();
        let success = |name| Parameter::new(name).with(answers::status(0, ""));
        let answer = match request.name() {
            "GET_READER_CAPABILITIES" => {
                let requested = request.number("RequestedData").unwrap_or_default();
                let answer = answers::capabilities(requested, self.make.antennas, self.make.clock);
                match self.make.vendor {
                    Vendor::Plain => answer,
                    Vendor::UnknownParameters => answer.with(stranger()),
                }
            }
            "GET_READER_CONFIG" => {
                let requested = request.number("RequestedData").unwrap_or_default();
                answers::configuration(requested, self.make.antennas, &self.told_configuration())
            }
            "SET_READER_CONFIG" => self.done("SET_READER_CONFIG_RESPONSE", Self::configure, &request),
            "ADD_ROSPEC" => self.done("ADD_ROSPEC_RESPONSE", Self::add, &request),
            "DELETE_ROSPEC" => self.done("DELETE_ROSPEC_RESPONSE", Self::delete, &request),
            "START_ROSPEC" => self.done("START_ROSPEC_RESPONSE", Self::start_request, &request),
            "STOP_ROSPEC" => self.done("STOP_ROSPEC_RESPONSE", Self::stop_request, &request),
            "ENABLE_ROSPEC" => self.done("ENABLE_ROSPEC_RESPONSE", Self::enable, &request),
            "DISABLE_ROSPEC" => self.done("DISABLE_ROSPEC_RESPONSE", Self::disable, &request),
            "GET_ROSPECS" => success("GET_ROSPECS_RESPONSE").with_all(self.rospecs.iter().map(RoSpec::told)),
            "ADD_ACCESSSPEC" => {
                let full = answers::status(105, "the reader keeps no AccessSpecs");
                Parameter::new("ADD_ACCESSSPEC_RESPONSE").with(full)
            }
            "DELETE_ACCESSSPEC" => self.done("DELETE_ACCESSSPEC_RESPONSE", Self::no_access_spec, &request),
            "ENABLE_ACCESSSPEC" => self.done("ENABLE_ACCESSSPEC_RESPONSE", Self::no_access_spec, &request),
            "DISABLE_ACCESSSPEC" => self.done("DISABLE_ACCESSSPEC_RESPONSE", Self::no_access_spec, &request),
            "GET_ACCESSSPECS" => success("GET_ACCESSSPECS_RESPONSE"),
            "GET_SUPPORTED_VERSION" if self.make.speaks == Speaks::Two => {
                let answer = success("GET_SUPPORTED_VERSION_RESPONSE");
                self.answer_in(2, frame.id, answer.set("CurrentVersion", self.version).set("SupportedVersion", 2u8));
                return;
            }
            "SET_PROTOCOL_VERSION" if self.make.speaks == Speaks::Two => {
                if let Some(version @ 1..=2) = request.number("ProtocolVersion") {
                    self.version = version as u8;
                }
                self.answer_in(2, frame.id, success("SET_PROTOCOL_VERSION_RESPONSE"));
                return;
            }
            "CLOSE_CONNECTION" => {
                self.answer_in(self.version, frame.id, success("CLOSE_CONNECTION_RESPONSE"));
                self.link = Link::Closing;
                return;
            }
            "GET_REPORT" => return self.get_report(),
            "ENABLE_EVENTS_AND_REPORTS" => return self.release(),
            "KEEPALIVE_ACK" => {
                self.unacknowledged = 0;
                return;
            }
            _ => return self.error(frame.id, Refusal { code: 109, text: "unsupported message" }),
        };
        // The answer goes ahead of the events and reports that carrying the request out has queued.
        self.answer_in(self.version, frame.id, answer);
        if let Some(answer) = self.out.pop_back() {
            self.out.insert(before.min(self.out.len()), answer);
        }
    }

    /// Carries a request out and builds its answer.
    fn done(
        &mut self,
        answer: &str,
        act: fn(&mut LlrpReader, &Parameter) -> Result<(), Refusal>,
        request: &Parameter,
    ) -> Parameter {
        let status = match act(self, request) {
            Ok(()) => answers::status(0, ""),
            Err(Refusal { code, text }) => answers::status(code, text),
        };
        Parameter::new(answer).with(status)
    }

    fn configure(&mut self, request: &Parameter) -> Result<(), Refusal> {
        let report = request.find("ROReportSpec").map(ReportSpec::accept).transpose()?;
        if request.number("ResetToFactoryDefault") == Some(1) {
            self.rospecs.clear();
            self.pending.clear();
            self.default_report = ReportSpec::factory();
            (self.keepalive, self.hold, self.rospec_events) = (None, false, false);
        }
        if let Some(report) = report {
            self.default_report = report;
        }
        if let Some(spec) = request.find("KeepaliveSpec") {
            let period = spec.number("PeriodicTriggerValue").unwrap_or_default().max(1);
            self.keepalive = (spec.number("KeepaliveTriggerType") == Some(1)).then(|| Duration::from_millis(period));
            self.keepalive_at = self.now + Duration::from_millis(period);
            self.unacknowledged = 0;
        }
        if let Some(spec) = request.find("EventsAndReports") {
            self.hold = spec.number("HoldEventsAndReportsUponReconnect") == Some(1);
        }
        if let Some(spec) = request.find("ReaderEventNotificationSpec") {
            for state in spec.all("EventNotificationState").filter(|state| state.number("EventType") == Some(2)) {
                self.rospec_events = state.number("NotificationState") == Some(1);
            }
        }
        Ok(())
    }

    fn told_configuration(&self) -> Vec<(u64, Parameter)> {
        let period = self.keepalive.map_or(0, |period| period.as_millis() as u32);
        let keepalive = Parameter::new("KeepaliveSpec")
            .set("KeepaliveTriggerType", self.keepalive.is_some())
            .set("PeriodicTriggerValue", period);
        let rospec = Parameter::new("EventNotificationState")
            .set("EventType", 2u16)
            .set("NotificationState", self.rospec_events);
        vec![
            (4, self.default_report.told()),
            (5, Parameter::new("ReaderEventNotificationSpec").with(rospec)),
            (7, Parameter::new("LLRPConfigurationStateValue")),
            (8, keepalive),
            (11, Parameter::new("EventsAndReports").set("HoldEventsAndReportsUponReconnect", self.hold)),
        ]
    }

    fn add(&mut self, request: &Parameter) -> Result<(), Refusal> {
        let spec = request.find("ROSpec").ok_or(Refusal { code: 103, text: "ADD_ROSPEC lacks its ROSpec" })?;
        let spec = RoSpec::accept(spec, &self.default_report, self.make.antennas)?;
        if self.rospecs.iter().any(|other| other.id == spec.id) {
            return Err(Refusal { code: 300, text: "a ROSpec with this id exists" });
        }
        if answers::ROSPECS_MAX <= self.rospecs.len() {
            return Err(Refusal { code: 105, text: "no room for another ROSpec" });
        }
        self.rospecs.push(spec);
        Ok(())
    }

    /// Places of the ROSpec that a request names; 0 names all.
    fn named(&self, request: &Parameter) -> Result<Vec<usize>, Refusal> {
        let id = request.number("ROSpecID").unwrap_or_default();
        let specs = self.rospecs.iter().enumerate();
        let places: Vec<_> =
            specs.filter(|(_, spec)| id == 0 || id == spec.id.into()).map(|(place, _)| place).collect();
        match id != 0 && places.is_empty() {
            true => Err(Refusal { code: 300, text: "no ROSpec with this id" }),
            false => Ok(places),
        }
    }

    fn delete(&mut self, request: &Parameter) -> Result<(), Refusal> {
        for place in self.named(request)?.into_iter().rev() {
            self.stop(place);
            self.rospecs.remove(place);
        }
        Ok(())
    }

    fn enable(&mut self, request: &Parameter) -> Result<(), Refusal> {
        for place in self.named(request)? {
            let Some(spec) = self.rospecs.get_mut(place) else { continue };
            if spec.state == State::Disabled {
                spec.state = State::Inactive;
                if spec.immediate {
                    self.start(place);
                }
            }
        }
        Ok(())
    }

    fn disable(&mut self, request: &Parameter) -> Result<(), Refusal> {
        for place in self.named(request)? {
            self.stop(place);
            if let Some(spec) = self.rospecs.get_mut(place) {
                spec.state = State::Disabled;
            }
        }
        Ok(())
    }

    fn start_request(&mut self, request: &Parameter) -> Result<(), Refusal> {
        for place in self.named(request)? {
            match self.rospecs.get(place).map(|spec| spec.state) {
                Some(State::Inactive) => self.start(place),
                Some(State::Disabled) => return Err(Refusal { code: 300, text: "the ROSpec is disabled" }),
                Some(State::Active) | None => (),
            }
        }
        Ok(())
    }

    fn stop_request(&mut self, request: &Parameter) -> Result<(), Refusal> {
        for place in self.named(request)? {
            self.stop(place);
        }
        Ok(())
    }

    /// The reader keeps none, so only "all" (0) exists.
    fn no_access_spec(&mut self, request: &Parameter) -> Result<(), Refusal> {
        match request.number("AccessSpecID") {
            Some(0) => Ok(()),
            _ => Err(Refusal { code: 300, text: "no AccessSpec with this id" }),
        }
    }

    fn start(&mut self, place: usize) {
        let now = self.now;
        let Some(spec) = self.rospecs.get_mut(place) else { return };
        spec.state = State::Active;
        spec.ends_at = spec.lasts.map(|lasts| now + lasts);
        self.rospec_event(0, place);
    }

    /// An active ROSpec ends: what is pending is reported, unless reports are fetched.
    fn stop(&mut self, place: usize) {
        let Some(spec) = self.rospecs.get_mut(place) else { return };
        if spec.state != State::Active {
            return;
        }
        (spec.state, spec.ends_at) = (State::Inactive, None);
        if !spec.report.fetched && !self.pending.is_empty() {
            self.report(place);
        }
        self.rospec_event(1, place);
    }

    fn rospec_event(&mut self, kind: u8, place: usize) {
        let Some(id) = self.rospecs.get(place).map(|spec| spec.id) else { return };
        if self.rospec_events && self.link == Link::Open && !self.holding {
            self.event(Parameter::new("ROSpecEvent").set("EventType", kind).set("ROSpecID", id));
        }
    }

    /// GET_REPORT: what is pending now; nothing is said when nothing is.
    fn get_report(&mut self) {
        let place = self.rospecs.iter().position(|spec| spec.state == State::Active).unwrap_or_default();
        if !self.pending.is_empty() {
            self.report(place);
        }
    }

    /// ENABLE_EVENTS_AND_REPORTS: what was held goes out.
    fn release(&mut self) {
        self.holding = false;
        if !self.held.is_empty() {
            let held = std::mem::take(&mut self.held).into();
            self.say_report(held);
        }
        if std::mem::take(&mut self.overflowed) {
            self.event(Parameter::new("ReportBufferOverflowErrorEvent"));
        }
    }

    fn error(&mut self, id: u32, Refusal { code, text }: Refusal) {
        let body = Parameter::new("ERROR_MESSAGE").with(answers::status(code, text));
        self.answer_in(self.version, id, body);
    }

    fn event(&mut self, event: Parameter) {
        self.say(notification(self.make.clock.stamp(self.now), event));
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
            self.out.clear();
            self.received.clear();
        }
    }
}

fn notification(stamp: Parameter, event: Parameter) -> Parameter {
    let told = Parameter::new("ReaderEventNotificationData").with(stamp).with(event);
    Parameter::new("READER_EVENT_NOTIFICATION").with(told)
}

/// A parameter of a vendor that nobody knows.
fn stranger() -> Parameter {
    Parameter::new("Custom")
        .set("VendorIdentifier", 99_999u32)
        .set("ParameterSubtype", 7u32)
        .set("Data", [0xDEu8, 0xAD, 0xBE, 0xEF].as_slice())
}
