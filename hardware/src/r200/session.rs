//! A session with one module: find its dialect, configure it, keep it polling, notice when it is gone.
//!
//! The polls end after the count they were asked for and the module does not say so. While it polls it answers
//! every round, with a tag or with "no tag", so silence means that the polls ended (they are begun again after
//! [`REARM`]) or that the module is gone (it is asked after [`ASK`], and lost after [`ASKS`] unanswered questions).
//! A module that lost its power for a moment looks the same and has forgotten its region, so the settings are sent
//! again before the polls are; a module that does not acknowledge them is lost earlier.
//!
//! What a station asks in between interrupts the polls: they are stopped, the tag is selected, read or written, and they
//! are begun again.

use std::collections::VecDeque;
use std::time::Duration;

use crate::command as asked;
use crate::command::Unable;
use crate::device::Session;
use crate::dialogue::jobs::{self, Jobs};
use crate::dialogue::plan::Outcome;
use crate::event::{Event, Read, Tag};
use crate::r200::command::{Command, Query, Region, code};
use crate::r200::doing::{other_tag, taken};
use crate::r200::frame;
use crate::r200::frame::{Dialect, FRAME_MAX, FrameError, Kind};
use crate::r200::message::{self, DecodeError, Fault, Message};
use crate::r200::plan::plan;

/// How long an answer to a command may take. The slowest, a change of the region, takes some 100 ms.
pub const ANSWER: Duration = Duration::from_millis(300);

/// Silence after which the polls are begun again: several rounds of some 25 ms.
pub const REARM: Duration = Duration::from_millis(300);

/// Silence after which the module is asked whether it is there, and the time between two questions.
pub const ASK: Duration = Duration::from_millis(800);

/// Unanswered questions after which the module is lost: with [`ASK`] this is 3.2 s after its last word.
pub const ASKS: u8 = 3;

/// Pause in the middle of a frame after which the rest will not come. At 115200 baud a byte takes 0.1 ms; USB
/// adapters deliver in parcels up to 16 ms apart.
pub const GAP: Duration = Duration::from_millis(100);

/// Attempts to learn the dialect, in turn; 6 of them take 1.8 s.
const ATTEMPTS: u8 = 6;

/// Attempts to have one setting acknowledged.
pub(super) const TRIES: u8 = 3;

/// What the module is told before it polls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The dialect, when it is known; otherwise both are tried.
    pub dialect: Option<Dialect>,
    /// The radio rules of the place; the module keeps its own when none is given. A module that refuses them is
    /// not used: it would send where it may not.
    pub region: Option<Region>,
    /// Sending power in hundredths of a dBm; the module keeps its own when none is given.
    pub power_centi_dbm: Option<u16>,
    /// Gen2 session, 0 to 3; the module keeps its own when none is given.
    pub session: Option<u8>,
    /// Slots of a round as a power of two, 0 to 15; the module keeps its own when none is given.
    pub q: Option<u8>,
    /// Rounds per command, from 1.
    pub polls: u16,
}

impl Settings {
    pub(super) fn of(settings: &crate::settings::Settings) -> Settings {
        let power_dbm: u16 = settings.whole("power_dbm");
        Settings {
            dialect: match settings.text("dialect").as_str() {
                "m100" => Some(Dialect::M100),
                "r200" => Some(Dialect::R200),
                _ => None,
            },
            region: Region::by_name(&settings.text("region")),
            power_centi_dbm: (power_dbm != 0).then_some(power_dbm * 100),
            session: settings.text("session").parse().ok(),
            q: u8::try_from(settings.whole::<i8>("q")).ok(),
            ..Settings::default()
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { dialect: None, region: None, power_centi_dbm: None, session: None, q: None, polls: 10_000 }
    }
}

/// A session with one module. Holds at most one frame that is not complete, and the events not yet polled.
#[derive(Clone, Debug)]
pub struct R200 {
    settings: Settings,
    dialect: Option<Dialect>,
    model: String,
    /// [`Event::Ready`] was reported since the link was opened.
    ready: bool,
    pub(super) phase: Phase,
    pub(super) jobs: Jobs<Command>,
    /// The tag that was selected last.
    pub(super) selected: Vec<u8>,
    received: Vec<u8>,
    /// When the last byte came.
    heard: Duration,
    noise: usize,
    out: VecDeque<Vec<u8>>,
    pub(super) events: VecDeque<Event>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Before `opened`, after `close`, and after the module was lost.
    Over,
    /// Asking who is there; `attempts` were made, the last until `until`.
    Asking { attempts: u8, until: Duration },
    /// Waiting for the acknowledgement of the first of `todo`.
    Setting { todo: VecDeque<Command>, tries: u8, until: Duration },
    /// Reading. `sound` is when the last sound frame came.
    Polling { sound: Duration, rearmed: bool, asks: u8, asked: Duration },
    /// Carrying out what a station asked: waiting for the answer to its present step.
    Doing { tries: u8, until: Duration },
    /// Waiting for the polls to stop.
    Stopping { tries: u8, until: Duration },
}

impl R200 {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            dialect: None,
            model: String::new(),
            ready: false,
            phase: Phase::Over,
            jobs: Jobs::default(),
            selected: Vec::new(),
            received: Vec::new(),
            heard: Duration::ZERO,
            noise: 0,
            out: VecDeque::new(),
            events: VecDeque::new(),
        }
    }
}

impl Session for R200 {
    /// The link was just opened: asks who is there.
    fn opened(&mut self, now: Duration) {
        if matches!(self.phase, Phase::Polling { .. } | Phase::Doing { .. }) {
            // What stands whole behind a frame that will not be completed.
            self.take_frames(Rest::Lost, now);
        }
        self.noise += self.received.len();
        self.report_noise();
        self.received.clear();
        self.out.clear();
        self.events.extend(self.jobs.cut_off());
        self.dialect = self.settings.dialect;
        self.ready = false;
        self.ask(0, now);
    }

    /// Takes what the port just delivered, in any split.
    fn receive(&mut self, bytes: &[u8], now: Duration) {
        if self.phase == Phase::Over || bytes.is_empty() {
            return;
        }
        self.heard = now;
        self.received.extend_from_slice(bytes);
        self.take_frames(Rest::Comes, now);
        self.tick(now);
    }

    /// Acts on the time: repeats, begins the polls anew, gives up.
    fn tick(&mut self, now: Duration) {
        if !self.received.is_empty() && self.heard.saturating_add(GAP) <= now {
            self.take_frames(Rest::Lost, now);
        }
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Over => (),
            Phase::Asking { attempts, until } if until <= now => {
                if ATTEMPTS <= attempts {
                    return self.lost(
                        "the module did not say who it is; check cable and power, and that the speed is right".into(),
                    );
                }
                self.ask(attempts, now);
            }
            Phase::Setting { todo, tries, until } if until <= now => {
                if let Some(command) = todo.front().filter(|_| TRIES <= tries) {
                    return self.lost(format!("the module did not answer to: {command}"));
                }
                self.set(todo, tries, now);
            }
            Phase::Polling { sound, asks, asked, .. } if asked.max(sound).saturating_add(ASK) <= now => {
                if ASKS <= asks {
                    return self.lost("the module fell silent; check its cable and power".into());
                }
                self.send(&[Command::Stop, Command::ModuleInfo]);
                self.phase = Phase::Polling { sound, rearmed: true, asks: asks + 1, asked: now };
            }
            Phase::Polling { sound, rearmed: false, asks, asked } if sound.saturating_add(REARM) <= now => {
                let todo = self.to_set();
                if !todo.is_empty() {
                    return self.set(todo, 0, now);
                }
                self.send(&[self.multi_poll()]);
                self.phase = Phase::Polling { sound, rearmed: true, asks, asked };
            }
            Phase::Doing { tries, until } if until <= now => return self.not_done(tries, now),
            Phase::Stopping { tries, until } if until <= now => {
                if tries < TRIES {
                    self.send(&[Command::Stop]);
                    self.phase = Phase::Stopping { tries: tries + 1, until: now.saturating_add(ANSWER) };
                }
            }
            waiting => self.phase = waiting,
        }
        if let Phase::Polling { .. } = self.phase
            && self.jobs.begin(now, plan)
        {
            self.step(0, now);
        }
    }

    /// What is to be sent next; call until `None` after each of the calls above.
    fn transmit(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    /// The next event; call until `None` after each of the calls above.
    fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call `tick` if nothing arrives.
    fn wake(&self) -> Option<Duration> {
        let phase = match &self.phase {
            Phase::Over => return None,
            Phase::Asking { until, .. }
            | Phase::Setting { until, .. }
            | Phase::Doing { until, .. }
            | Phase::Stopping { until, .. } => *until,
            Phase::Polling { sound, rearmed: false, .. } => sound.saturating_add(REARM),
            Phase::Polling { sound, asked, .. } => asked.max(sound).saturating_add(ASK),
        };
        let gap = (!self.received.is_empty()).then(|| self.heard.saturating_add(GAP));
        let job = self.jobs.wake().filter(|_| matches!(self.phase, Phase::Polling { .. }));
        gap.into_iter().chain(job).chain([phase]).min()
    }

    /// Ends the polls; [`Session::closed`] when the module said so, or after three requests of 300 ms each.
    fn close(&mut self, now: Duration) {
        match self.phase {
            Phase::Over | Phase::Stopping { .. } => (),
            Phase::Asking { .. } | Phase::Setting { .. } | Phase::Polling { .. } | Phase::Doing { .. } => {
                self.events.extend(self.jobs.cut_off());
                self.send(&[Command::Stop]);
                // Without a dialect nobody has answered and nobody will.
                self.phase = match self.dialect {
                    Some(_) => Phase::Stopping { tries: 1, until: now.saturating_add(ANSWER) },
                    None => Phase::Over,
                };
            }
        }
    }

    fn closed(&self) -> bool {
        self.phase == Phase::Over
    }

    fn command(&mut self, number: u32, command: &asked::Command, now: Duration) -> Result<(), Unable> {
        let plan = plan(command)?;
        match self.phase {
            Phase::Over | Phase::Stopping { .. } => {
                let reason = "the module is not connected; try again when it is back";
                self.events.push_back(jobs::refused(number, reason));
            }
            Phase::Asking { .. } | Phase::Setting { .. } | Phase::Polling { .. } | Phase::Doing { .. } => {
                self.events.extend(self.jobs.ask(number, command, plan));
                self.tick(now);
            }
        }
        Ok(())
    }
}

impl R200 {
    fn take_frames(&mut self, rest: Rest, now: Duration) {
        let received = std::mem::take(&mut self.received);
        let mut left = received.as_slice();
        while !left.is_empty() && self.phase != Phase::Over {
            let used = match frame::parse(left, self.dialect) {
                Ok((frame, length)) => {
                    // Only the module's words tell its dialect: a line that echoes returns ours.
                    if frame.kind != Kind::Command {
                        self.dialect = Some(frame.dialect);
                    }
                    match message::message(&frame) {
                        Ok(message) => self.heed(message, length, now),
                        Err(DecodeError::Parameters { .. } | DecodeError::Frame(_) | DecodeError::Trailing { .. }) => {
                            self.noise += length;
                        }
                    }
                    length
                }
                Err(FrameError::Incomplete { .. }) if rest == Rest::Comes => break,
                // One byte and no more: the next true frame may begin right behind it.
                Err(_) => {
                    self.noise += 1;
                    1
                }
            };
            left = left.get(used..).unwrap_or_default();
        }
        debug_assert!(left.len() < FRAME_MAX, "an incomplete frame is shorter than the longest");
        if self.phase != Phase::Over {
            self.received = left.to_vec();
        }
        self.report_noise();
    }

    /// Acts on one message; `length` is that of its frame in bytes.
    fn heed(&mut self, message: Message, length: usize, now: Duration) {
        if let Message::Command { .. } = message {
            // The host's own words came back: the line echoes, and that is no sign of life.
            self.noise += length;
            return;
        }
        if let Phase::Polling { sound, rearmed, asks, .. } = &mut self.phase {
            (*sound, *rearmed, *asks) = (now, false, 0);
        }
        match message {
            // A tag whose own checksum is wrong was misheard, and one without EPC has no name.
            Message::Tag { crc_ok: false, .. } => self.noise += length,
            Message::Tag { epc, .. } if epc.is_empty() => self.noise += length,
            Message::Tag { rssi_dbm, epc, .. } => {
                let tag = Tag { epc, antenna: 0, rssi_dbm: Some(rssi_dbm.into()), count: 1, age: Duration::ZERO };
                self.report_noise();
                self.events.push_back(Event::Read(Read::Tag(tag)));
            }
            // What the last of the polls brought, or nothing to speak of.
            Message::Failure { fault: Fault::NO_TAG, .. } if !self.accesses() => (),
            Message::Failure { fault, .. } => self.refused(fault, now),
            Message::ModuleInfo { text, .. } => self.introduced(text, now),
            Message::Done { command, status } => self.done(command, status, now),
            Message::Query(query) => self.asks_so(query, now),
            Message::Memory { tag, data } => {
                let outcome = if tag.epc == self.selected { Outcome::Memory(data) } else { other_tag(&tag.epc) };
                self.stepped(code::READ, outcome, now);
            }
            // Under which name the tag was written is looked up behind it.
            Message::Written { command, status, .. } => self.stepped(command, taken(status), now),
            // An operation other than a read tells with 1 that it worked.
            Message::Pin { operation: 0 | 1, value: 0, .. } => {
                self.stepped(code::PIN, Outcome::Refused("the pin could not be switched".into()), now);
            }
            Message::Pin { .. } => self.stepped(code::PIN, Outcome::Done, now),
            Message::Power { .. }
            | Message::Region(_)
            | Message::Channel(_)
            | Message::Demodulator { .. }
            | Message::Strengths { .. }
            | Message::Other { .. }
            | Message::Command { .. } => (),
        }
    }

    fn introduced(&mut self, model: String, now: Duration) {
        match &self.phase {
            Phase::Asking { .. } => {
                self.model = model;
                self.set(self.to_set(), 0, now);
            }
            // It is there and was told to stop.
            Phase::Polling { .. } => self.set(self.to_set(), 0, now),
            Phase::Over | Phase::Setting { .. } | Phase::Doing { .. } | Phase::Stopping { .. } => (),
        }
    }

    /// The settings that the module is told. Session and Q share a command with others, so it is asked for those first.
    fn to_set(&self) -> VecDeque<Command> {
        let region = self.settings.region.map(Command::Region);
        let power = self.settings.power_centi_dbm.map(|centi_dbm| Command::Power { centi_dbm });
        let query = self.settings.session.or(self.settings.q).map(|_| Command::QueryAsked);
        region.into_iter().chain(power).chain(query).collect()
    }

    /// The module said how it asks the field: session and Q are changed where others are set.
    fn asks_so(&mut self, has: Query, now: Duration) {
        let Phase::Setting { todo, .. } = &mut self.phase else { return };
        if todo.front() != Some(&Command::QueryAsked) {
            return;
        }
        let query =
            Query { session: self.settings.session.unwrap_or(has.session), q: self.settings.q.unwrap_or(has.q), ..has };
        let mut todo = std::mem::take(todo);
        todo.pop_front();
        if query != has {
            todo.push_front(Command::Query(query));
        }
        self.set(todo, 0, now);
    }

    fn done(&mut self, command: u8, status: u8, now: Duration) {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Setting { todo, .. } if todo.front().is_some_and(|first| first.code() == command) => {
                self.acknowledged(todo, (status != 0).then(|| format!("status {status:02X}")), now);
            }
            Phase::Stopping { .. } if command == code::STOP => (),
            other => {
                self.phase = other;
                self.stepped(command, taken(status), now);
            }
        }
    }

    fn refused(&mut self, fault: Fault, now: Duration) {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Setting { todo, .. } => self.acknowledged(todo, Some(fault.to_string()), now),
            // A module that was not polling may refuse to stop.
            Phase::Asking { attempts, until } => self.phase = Phase::Asking { attempts, until },
            Phase::Doing { tries, until } => {
                self.phase = Phase::Doing { tries, until };
                let Some(request) = self.jobs.job().and_then(|job| job.request()) else { return };
                let (command, stops) = (request.code(), *request == Command::Stop);
                let outcome = if stops { Outcome::Done } else { Outcome::Refused(fault.to_string()) };
                self.stepped(command, outcome, now);
            }
            other => {
                self.phase = other;
                self.events.push_back(Event::Fault { text: fault.to_string() });
            }
        }
    }

    /// The first setting of `todo` was taken, or refused for a reason.
    fn acknowledged(&mut self, mut todo: VecDeque<Command>, refusal: Option<String>, now: Duration) {
        match (todo.pop_front(), refusal) {
            (Some(Command::Region(region)), Some(why)) => {
                return self.lost(format!(
                    "the module refused the region {}: {why}; use a module made for this region",
                    region.name()
                ));
            }
            (Some(command), Some(why)) => {
                let text = format!("the module refused \"{command}\" and keeps its own setting: {why}");
                self.events.push_back(Event::Fault { text });
            }
            (_, None) | (None, _) => (),
        }
        self.set(todo, 0, now);
    }

    /// Asks who is there, in the dialect that is known or in each in turn. A module that still polls from a former
    /// session hears nothing but a stop.
    fn ask(&mut self, attempts: u8, now: Duration) {
        let dialect = self.dialect.unwrap_or(Dialect::ALL[usize::from(attempts) % Dialect::ALL.len()]);
        for command in [Command::Stop, Command::ModuleInfo] {
            self.out.push_back(command.encode(dialect));
        }
        self.phase = Phase::Asking { attempts: attempts + 1, until: now.saturating_add(ANSWER) };
    }

    /// Sends the first setting of `todo`, or begins to read when all are taken.
    fn set(&mut self, todo: VecDeque<Command>, tries: u8, now: Duration) {
        match todo.front().cloned() {
            Some(command) => {
                self.send(&[command]);
                self.phase = Phase::Setting { todo, tries: tries + 1, until: now.saturating_add(ANSWER) };
            }
            None => {
                if !std::mem::replace(&mut self.ready, true) {
                    let model = self.model.clone();
                    self.events.push_back(Event::Ready { model });
                }
                self.begin_polls(now);
            }
        }
    }

    pub(super) fn begin_polls(&mut self, now: Duration) {
        self.send(&[self.multi_poll()]);
        self.phase = Phase::Polling { sound: now, rearmed: false, asks: 0, asked: Duration::ZERO };
    }

    fn multi_poll(&self) -> Command {
        Command::MultiPoll { count: self.settings.polls.max(1) }
    }

    pub(super) fn send(&mut self, commands: &[Command]) {
        if let Some(dialect) = self.dialect {
            self.out.extend(commands.iter().map(|command| command.encode(dialect)));
        }
    }

    fn lost(&mut self, reason: String) {
        self.noise += self.received.len();
        self.received.clear();
        self.report_noise();
        self.out.clear();
        self.phase = Phase::Over;
        self.events.extend(self.jobs.cut_off());
        self.events.push_back(Event::Lost { reason });
    }

    pub(super) fn report_noise(&mut self) {
        let bytes = std::mem::take(&mut self.noise);
        if 0 < bytes {
            self.events.push_back(Event::Noise { bytes });
        }
    }
}

/// Whether an incomplete frame at the end can still be completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Comes,
    Lost,
}
