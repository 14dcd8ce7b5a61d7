//! A session with one board of relays and inputs on a bus.
//!
//! Inputs are asked for again and again; what changed is told. A relay that was to be switched back while the board was
//! away is switched back when it is there again, and the end of the session switches back what runs.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::command::{Answer, Command, Unable};
use crate::device::Session;
use crate::event::{Contact, Event, Read};
use crate::modbus::bus::{Bus, Outcome};
use crate::modbus::frame::{Reply, Request, Table};
use crate::modbus::light::{self, Light};
use crate::modbus::{bus, unanswered};

/// A board without inputs is asked this often whether it is there.
const ALIVE: Duration = Duration::from_secs(1);

/// Orders that may wait.
const ORDERS_MAX: usize = 64;

/// How long an orderly end may take.
const CLOSES: Duration = Duration::from_millis(800);

/// How a board is switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A coil per relay, from address 0 (Waveshare and most).
    Coils,
    /// A holding register per relay, from address 1: 0100 on, 0200 off.
    Registers,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub bus: bus::Settings,
    pub kind: Kind,
    pub outputs: u16,
    pub inputs: u16,
    /// Pause between two looks at the inputs.
    pub poll: Duration,
    pub light: light::Settings,
}

impl Settings {
    pub(super) fn of(settings: &crate::settings::Settings) -> Result<Settings, String> {
        let own = Settings {
            bus: bus::Settings::of(settings),
            kind: if settings.text("board") == "registers" { Kind::Registers } else { Kind::Coils },
            outputs: settings.whole("outputs"),
            inputs: settings.whole("inputs"),
            poll: Duration::from_millis(settings.whole("poll_ms")),
            light: light::Settings::of(settings),
        };
        if own.kind == Kind::Registers && own.inputs != 0 {
            return Err("a board with `board = \"registers\"` has no inputs that are known; set `inputs = 0`".into());
        }
        if let Some(line) = own.light.lines().find(|line| own.outputs < *line) {
            return Err(format!("a lamp is on relay {line}, and the board has {} of them (`outputs`)", own.outputs));
        }
        let mut lines: Vec<u16> = own.light.lines().collect();
        lines.sort_unstable();
        if lines.windows(2).any(|two| matches!(two, [a, b] if a == b)) {
            return Err("two lamps are on one relay; give green, amber, red and buzzer each its own".into());
        }
        Ok(own)
    }

    fn outputs_request(&self) -> Request {
        match self.kind {
            Kind::Coils => Request::Read { table: Table::Coils, address: 0, count: self.outputs },
            Kind::Registers => Request::Read { table: Table::Holding, address: 1, count: self.outputs },
        }
    }

    fn write_request(&self, line: u16, on: bool) -> Request {
        match self.kind {
            Kind::Coils => Request::WriteCoil { address: line.saturating_sub(1), value: if on { 0xFF00 } else { 0 } },
            Kind::Registers => Request::WriteRegister { address: line, value: if on { 0x0100 } else { 0x0200 } },
        }
    }
}

/// A session with one board.
#[derive(Clone, Debug)]
pub struct Board {
    settings: Settings,
    bus: Bus,
    phase: Phase,
    asked: Asked,
    writes: VecDeque<Write>,
    light: Light,
    /// How the lines of the light were told to stand.
    lamps: BTreeMap<u16, bool>,
    /// Relays that are to be switched back, and when.
    back: BTreeMap<u16, Duration>,
    /// How the inputs stood last; empty before they were told.
    inputs: Vec<bool>,
    next_poll: Duration,
    fault: Option<String>,
    events: VecDeque<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Over,
    Meeting,
    Working,
    Closing { until: Duration },
}

/// What the request on the bus is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// Whether the board is there.
    Presence,
    Inputs,
    Write(Write),
}

/// A relay to be switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Write {
    line: u16,
    on: bool,
    /// The command to be answered.
    number: Option<u32>,
    lasts: Option<Duration>,
    /// Part of the light: a later signal takes its place.
    lamp: bool,
}

impl Board {
    pub fn new(settings: Settings) -> Board {
        Board {
            bus: Bus::new(settings.bus),
            light: Light::new(settings.light.clone()),
            settings,
            phase: Phase::Over,
            asked: Asked::Presence,
            writes: VecDeque::new(),
            lamps: BTreeMap::new(),
            back: BTreeMap::new(),
            inputs: Vec::new(),
            next_poll: Duration::ZERO,
            fault: None,
            events: VecDeque::new(),
        }
    }

    fn answer(&mut self, number: Option<u32>, answer: Answer) {
        if let Some(number) = number {
            self.events.push_back(Event::Answer { number, answer });
        }
    }

    fn refuse(&mut self, number: Option<u32>, reason: &str) {
        self.answer(number, Answer::Refused { reason: reason.to_owned() });
    }

    fn refuse_waiting(&mut self, reason: &str) {
        let asked = match std::mem::replace(&mut self.asked, Asked::Presence) {
            Asked::Write(write) => Some(write),
            Asked::Presence | Asked::Inputs => None,
        };
        for write in asked.into_iter().chain(std::mem::take(&mut self.writes)) {
            self.refuse(write.number, reason);
        }
    }

    /// Lets the light stand as it should; gives the number of writes that takes.
    fn update_light(&mut self, now: Duration) -> usize {
        let mut news = 0;
        for (line, on) in self.light.lines(now) {
            if self.lamps.insert(line, on) == Some(on) {
                continue;
            }
            let replaced: Vec<Write> =
                self.writes.iter().copied().filter(|write| write.lamp && write.line == line).collect();
            self.writes.retain(|write| !(write.lamp && write.line == line));
            for write in replaced {
                self.refuse(write.number, "a later signal took its place");
            }
            self.writes.push_back(Write { line, on, number: None, lasts: None, lamp: true });
            news += 1;
        }
        news
    }

    fn ended(&mut self, outcome: Option<Outcome>, now: Duration) {
        let Some(outcome) = outcome else { return };
        let asked = std::mem::replace(&mut self.asked, Asked::Presence);
        match (outcome, asked) {
            (Outcome::Unanswered(_), asked) => {
                self.asked = asked;
                self.lost(unanswered(self.settings.bus.unit));
            }
            (Outcome::Replied(_, Reply::Exception(exception)), asked) => {
                let text = format!("unit {} refuses: {exception}", self.settings.bus.unit);
                match (asked, self.phase) {
                    (Asked::Write(write), _) => {
                        if write.lasts.is_some() {
                            self.back.remove(&write.line);
                        }
                        let of = if write.number.is_none() { Some(text.clone()) } else { None };
                        self.refuse(write.number, &text);
                        of.into_iter().for_each(|text| self.fault(text));
                    }
                    (Asked::Presence | Asked::Inputs, Phase::Meeting) => self.lost(text),
                    (Asked::Presence | Asked::Inputs, _) => self.fault(text),
                }
            }
            (Outcome::Replied(_, Reply::Bits(bits)), Asked::Inputs) => {
                self.fault = None;
                self.tell(&bits);
            }
            (Outcome::Replied(_, Reply::Written { .. }), Asked::Write(write)) => {
                if let Some(lasts) = write.lasts {
                    self.back.insert(write.line, now.saturating_add(lasts));
                }
                self.answer(write.number, Answer::Done);
            }
            (Outcome::Replied(..), _) if self.phase == Phase::Meeting => {
                self.events.push_back(Event::Ready { model: String::new() });
                self.phase = Phase::Working;
                self.update_light(now);
            }
            (Outcome::Replied(..), _) => self.fault = None,
        }
    }

    /// Tells the inputs that changed; the first time all of them.
    fn tell(&mut self, bits: &[bool]) {
        let bits = bits.get(..self.settings.inputs.into()).unwrap_or(bits);
        for (line, (at, &closed)) in (1u16..).zip(bits.iter().enumerate()) {
            if self.inputs.get(at) != Some(&closed) {
                self.events.push_back(Event::Read(Read::Contact(Contact { line, closed })));
            }
        }
        self.inputs = bits.to_vec();
    }

    fn fault(&mut self, text: String) {
        if self.fault.as_ref() != Some(&text) {
            self.fault = Some(text.clone());
            self.events.push_back(Event::Fault { text });
        }
    }

    fn lost(&mut self, reason: String) {
        self.report_noise();
        self.phase = Phase::Over;
        self.refuse_waiting("the relay board was lost; see whether the relay stands as it should");
        self.events.push_back(Event::Lost { reason });
    }

    /// Asks what is due.
    fn act(&mut self, now: Duration) {
        if matches!(self.phase, Phase::Working) {
            self.update_light(now);
            let due: Vec<u16> = self.back.iter().filter(|(_, at)| **at <= now).map(|(line, _)| *line).collect();
            for line in due {
                self.back.remove(&line);
                self.writes.push_front(Write { line, on: false, number: None, lasts: None, lamp: false });
            }
        }
        if !self.bus.is_free(now) {
            return;
        }
        let late = self.next_poll.saturating_add(self.settings.poll * 3) <= now;
        match self.phase {
            Phase::Over => (),
            Phase::Meeting => {
                self.asked = Asked::Presence;
                self.bus.ask(self.settings.outputs_request(), now);
            }
            Phase::Working if late => self.look(now),
            Phase::Working | Phase::Closing { .. } => match self.writes.pop_front() {
                Some(write) => {
                    // Noted before the reply: one that is lost on the way must not leave a door open.
                    if let Some(lasts) = write.lasts {
                        self.back.insert(write.line, now.saturating_add(lasts));
                    }
                    self.asked = Asked::Write(write);
                    self.bus.ask(self.settings.write_request(write.line, write.on), now);
                }
                None if matches!(self.phase, Phase::Closing { .. }) => self.phase = Phase::Over,
                None if self.next_poll <= now => self.look(now),
                None => (),
            },
        }
    }

    /// Looks at the inputs, or at the board where it has none.
    fn look(&mut self, now: Duration) {
        if self.settings.inputs == 0 {
            self.next_poll = now.saturating_add(ALIVE);
            self.asked = Asked::Presence;
            return self.bus.ask(self.settings.outputs_request(), now);
        }
        self.next_poll = now.saturating_add(self.settings.poll);
        self.asked = Asked::Inputs;
        self.bus.ask(Request::Read { table: Table::Inputs, address: 0, count: self.settings.inputs }, now);
    }

    fn order(&mut self, number: u32, line: u16, on: bool, lasts: Option<Duration>) {
        if !(1..=self.settings.outputs).contains(&line) {
            let reason = format!("the board has relays 1 to {}, and no relay {line}", self.settings.outputs);
            return self.refuse(Some(number), &reason);
        }
        if ORDERS_MAX <= self.writes.len() {
            return self.refuse(Some(number), "too many relays wait to be switched already; wait a moment");
        }
        self.back.remove(&line);
        let lasts = lasts.filter(|_| on);
        self.writes.push_back(Write { line, on, number: Some(number), lasts, lamp: false });
    }

    fn report_noise(&mut self) {
        let bytes = self.bus.take_noise();
        if 0 < bytes {
            self.events.push_back(Event::Noise { bytes });
        }
    }
}

impl Session for Board {
    fn opened(&mut self, now: Duration) {
        self.bus.reset(now);
        self.report_noise();
        self.refuse_waiting("the relay board was connected anew; see whether the relay stands as it should");
        self.lamps.clear();
        self.inputs.clear();
        self.fault = None;
        self.next_poll = now;
        self.phase = Phase::Meeting;
        self.act(now);
    }

    fn receive(&mut self, bytes: &[u8], now: Duration) {
        if self.phase == Phase::Over {
            return;
        }
        let outcome = self.bus.receive(bytes, now);
        self.report_noise();
        self.ended(outcome, now);
        self.tick(now);
    }

    fn tick(&mut self, now: Duration) {
        if self.phase == Phase::Over {
            return;
        }
        let outcome = self.bus.tick(now);
        self.report_noise();
        self.ended(outcome, now);
        if matches!(self.phase, Phase::Closing { until } if until <= now) {
            self.phase = Phase::Over;
        }
        self.act(now);
    }

    fn transmit(&mut self) -> Option<Vec<u8>> {
        if self.phase == Phase::Over { None } else { self.bus.transmit() }
    }

    fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn wake(&self) -> Option<Duration> {
        let bus = self.bus.wake();
        match self.phase {
            Phase::Over => None,
            Phase::Meeting | Phase::Closing { .. } => Some(bus),
            Phase::Working if !self.writes.is_empty() || !self.bus.is_free(bus.max(self.next_poll)) => Some(bus),
            Phase::Working => {
                let back = self.back.values().copied().min();
                [Some(self.next_poll.max(bus)), self.light.wake(), back].into_iter().flatten().min()
            }
        }
    }

    /// Switches back what runs and darkens the light.
    fn close(&mut self, now: Duration) {
        if self.phase != Phase::Working {
            self.phase = Phase::Over;
        }
        self.refuse_waiting("the line to the relay board was closed");
        if self.phase == Phase::Over {
            return;
        }
        let back = std::mem::take(&mut self.back).into_keys().map(|line| (line, false));
        let off = |(line, on)| Write { line, on, number: None, lasts: None, lamp: false };
        self.writes.extend(back.chain(self.light.lines_off()).map(off));
        self.phase = Phase::Closing { until: now.saturating_add(CLOSES) };
        self.act(now);
    }

    fn closed(&self) -> bool {
        self.phase == Phase::Over
    }

    fn command(&mut self, number: u32, command: &Command, now: Duration) -> Result<(), Unable> {
        match *command {
            Command::Output { .. } | Command::Signal(_) if self.phase != Phase::Working => {
                self.refuse(Some(number), "the relay board is not connected");
            }
            Command::Output { line, on, lasts } => self.order(number, line, on, lasts),
            Command::Signal(signal) if self.light.exists() => {
                self.light.show(signal, now);
                let news = self.update_light(now);
                match self.writes.iter_mut().rev().find(|write| write.lamp) {
                    Some(last) if 0 < news => last.number = Some(number),
                    Some(_) | None => self.answer(Some(number), Answer::Done),
                }
            }
            _ => return Err(Unable),
        }
        self.act(now);
        Ok(())
    }
}
