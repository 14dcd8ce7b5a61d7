//! Contacts on the GPIO lines of the machine itself: doors, photo-eyes, buttons.
//!
//! The bytes are those that the Linux kernel gives to whoever reads a line request: `struct gpio_v2_line_event`, 48 bytes in the
//! machine's own byte order: `timestamp_ns u64 | id u32 | offset u32 | seqno u32 | line_seqno u32 | padding 6 × u32`. Id 1 is a
//! rising edge, 2 a falling one; `seqno` counts the events of the request from 1. The kernel tells changes only, so whoever opens the
//! request asks it for the values once and puts an event of the same form with `seqno` 0 in front for each line.
//! Source: linux/gpio.h, uAPI v2.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use crate::device::{Codec, Cut, Dialect, Family, Link, Reads, Session};
use crate::event::{Contact, Event as Told, Read};
use crate::settings::{Form, Setting};
use crate::simulator;

pub static FAMILY: Family = Family {
    name: "gpio",
    reads: &[Reads::Contacts],
    link: Link::Gpio,
    usb_ids: &[],
    description: "contacts on the GPIO lines of the machine itself (Raspberry Pi and industrial PCs)",
    settings: &[
        Setting {
            name: "lines",
            form: Form::Wholes { from: 0, to: OFFSET_MAX as i64 },
            says: "The offsets of the lines on their chip, in the order of contacts 1, 2, ..; an empty list takes offset 0 as \
                   contact 1 and so on.",
        },
        Setting {
            name: "closed_is",
            form: Form::Word(&["low", "high"]),
            says: "The level while a contact is closed: \"low\" for one that pulls to ground against a pull-up, \"high\" for one that \
                   pulls up.",
        },
        Setting {
            name: "debounce_ms",
            form: Form::Whole { default: 20, from: 0, to: 5000 },
            says: "A contact must stand so long before its change is told, in milliseconds: contacts bounce for 5 to 20.",
        },
    ],
    session: |settings| Settings::of(settings).map(|settings| Box::new(Gpio::new(settings)) as Box<dyn Session>),
    simulator: |settings, script, seed| Box::new(simulator::gpio::Lines::set(settings, script, seed)),
    codec: Codec { dialects: &[], cut, decode },
};

/// Bytes of one event.
pub const EVENT: usize = 48;

/// Highest offset accepted: no chip has more lines.
const OFFSET_MAX: u16 = 4095;

/// Lines that one request can hold (GPIO_V2_LINES_MAX).
pub const LINES_MAX: usize = 64;

/// Pause in an event after which the rest will not come: the kernel hands over whole ones.
pub const GAP: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    Rising,
    Falling,
}

/// One change of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The kernel's own clock.
    pub timestamp_ns: u64,
    pub edge: Edge,
    pub offset: u16,
    /// Number of the event in its request, from 1; 0 says how the line stood at first.
    pub seqno: u32,
    /// Number among the events of its line.
    pub line_seqno: u32,
}

impl Event {
    /// The event in these 48 bytes; `None` when no kernel writes them.
    pub fn parse(bytes: &[u8]) -> Option<Event> {
        let (timestamp, rest) = bytes.split_first_chunk::<8>()?;
        let mut words = rest.chunks_exact(4).map(|word| word.try_into().map(u32::from_ne_bytes).unwrap_or(u32::MAX));
        let edge = match words.next()? {
            1 => Edge::Rising,
            2 => Edge::Falling,
            _ => return None,
        };
        let offset = u16::try_from(words.next()?).ok().filter(|&offset| offset <= OFFSET_MAX)?;
        let (seqno, line_seqno) = (words.next()?, words.next()?);
        let padded = bytes.len() == EVENT && words.all(|word| word == 0);
        padded.then_some(Event { timestamp_ns: u64::from_ne_bytes(*timestamp), edge, offset, seqno, line_seqno })
    }

    pub fn encode(&self) -> Vec<u8> {
        let id: u32 = if self.edge == Edge::Rising { 1 } else { 2 };
        let mut bytes = self.timestamp_ns.to_ne_bytes().to_vec();
        for word in [id, self.offset.into(), self.seqno, self.line_seqno] {
            bytes.extend_from_slice(&word.to_ne_bytes());
        }
        bytes.resize(EVENT, 0);
        bytes
    }
}

fn cut(bytes: &[u8], _: Dialect) -> Cut {
    match bytes.get(..EVENT).map(Event::parse) {
        Some(Some(_)) => Cut::Message(EVENT),
        Some(None) => Cut::Noise(1),
        None => Cut::Incomplete,
    }
}

fn decode(bytes: &[u8], _: Dialect) -> Result<Value, String> {
    let event = Event::parse(bytes).ok_or_else(|| {
        format!(
            "no line event: that has {EVENT} bytes, here are {}; at byte 8 the id 1 or 2, from byte 24 zeros",
            bytes.len()
        )
    })?;
    Ok(json!({
        "timestamp_ns": event.timestamp_ns, "edge": if event.edge == Edge::Rising { "rising" } else { "falling" },
        "offset": event.offset, "seqno": event.seqno, "line_seqno": event.line_seqno,
    }))
}

/// Which line is which contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Offsets in the order of contacts; empty: offset 0 is contact 1.
    pub lines: Vec<u16>,
    pub closed_is: Edge,
    pub debounce: Duration,
}

impl Settings {
    pub(crate) fn of(settings: &crate::settings::Settings) -> Result<Settings, String> {
        let lines: Vec<u16> = settings.wholes("lines");
        if LINES_MAX < lines.len() {
            return Err(format!("`lines` names {} lines: one request holds {LINES_MAX}", lines.len()));
        }
        if let Some(twice) = lines.iter().find(|line| 1 < lines.iter().filter(|other| other == line).count()) {
            return Err(format!("`lines` names offset {twice} twice; a line is one contact"));
        }
        Ok(Settings {
            lines,
            closed_is: if settings.text("closed_is") == "high" { Edge::Rising } else { Edge::Falling },
            debounce: Duration::from_millis(settings.whole("debounce_ms")),
        })
    }

    /// The contact of a line, from 1.
    fn contact(&self, offset: u16) -> Option<u16> {
        if self.lines.is_empty() {
            return Some(offset + 1).filter(|&contact| usize::from(contact) <= LINES_MAX);
        }
        let at = self.lines.iter().position(|&line| line == offset)?;
        u16::try_from(at + 1).ok()
    }

    /// The line of a contact.
    pub(crate) fn offset(&self, contact: u16) -> Option<u16> {
        let at = contact.checked_sub(1)?;
        if self.lines.is_empty() {
            return Some(at).filter(|&at| usize::from(at) < LINES_MAX);
        }
        self.lines.get(usize::from(at)).copied()
    }
}

/// A session with one line request. Holds one event that is not complete and how at most 64 lines stand.
#[derive(Clone, Debug)]
pub struct Gpio {
    settings: Settings,
    received: Vec<u8>,
    heard: Duration,
    lines: BTreeMap<u16, Line>,
    /// The number of the last event.
    seqno: u32,
    stray_told: bool,
    noise: usize,
    events: VecDeque<Told>,
    closed: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Line {
    /// What was told last.
    told: Option<bool>,
    /// What its last edge made of it, when by the kernel's clock, and until when it must stand to be told.
    pending: Option<Pending>,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    closed: bool,
    timestamp_ns: u64,
    until: Duration,
}

impl Gpio {
    pub fn new(settings: Settings) -> Gpio {
        Gpio {
            settings,
            received: Vec::new(),
            heard: Duration::ZERO,
            lines: BTreeMap::new(),
            seqno: 0,
            stray_told: false,
            noise: 0,
            events: VecDeque::new(),
            closed: true,
        }
    }

    fn heed(&mut self, event: Event, now: Duration) {
        self.report_noise();
        if event.seqno != 0 {
            let missed = event.seqno.wrapping_sub(self.seqno).wrapping_sub(1);
            // A number that goes back is another request, whose events were put here.
            if 0 < missed && missed < u32::MAX / 2 && self.seqno != 0 {
                let text = format!(
                    "{missed} changes of contacts came faster than they were read and are lost; look for a loose wire"
                );
                self.events.push_back(Told::Fault { text });
            }
            self.seqno = event.seqno;
        }
        let Some(contact) = self.settings.contact(event.offset) else {
            if !std::mem::replace(&mut self.stray_told, true) {
                let text =
                    format!("the line with offset {} is not in `lines`; add it or do not request it", event.offset);
                self.events.push_back(Told::Fault { text });
            }
            return;
        };
        let closed = event.edge == self.settings.closed_is;
        let debounce = self.settings.debounce;
        let mut line = self.lines.get(&contact).copied().unwrap_or_default();
        // How it stood before, if it stood long enough by the kernel's clock: events may be read late, and at once.
        if let Some(before) = line.pending.take() {
            let stood = Duration::from_nanos(event.timestamp_ns.saturating_sub(before.timestamp_ns));
            if debounce <= stood {
                self.tell(contact, &mut line, before.closed);
            }
        }
        if event.seqno == 0 || debounce.is_zero() {
            self.tell(contact, &mut line, closed);
        } else {
            let until = now.saturating_add(debounce);
            line.pending = Some(Pending { closed, timestamp_ns: event.timestamp_ns, until });
        }
        self.lines.insert(contact, line);
    }

    fn tell(&mut self, contact: u16, line: &mut Line, closed: bool) {
        if line.told.replace(closed) != Some(closed) {
            self.events.push_back(Told::Read(Read::Contact(Contact { line: contact, closed })));
        }
    }

    fn report_noise(&mut self) {
        let bytes = std::mem::take(&mut self.noise);
        if 0 < bytes {
            self.events.push_back(Told::Noise { bytes });
        }
    }
}

impl Session for Gpio {
    /// The lines were requested, so they are there.
    fn opened(&mut self, _now: Duration) {
        self.noise += self.received.len();
        self.report_noise();
        self.received.clear();
        self.lines.clear();
        (self.seqno, self.stray_told) = (0, false);
        self.closed = false;
        self.events.push_back(Told::Ready { model: String::new() });
    }

    fn receive(&mut self, bytes: &[u8], now: Duration) {
        if self.closed || bytes.is_empty() {
            return;
        }
        self.tick(now);
        self.heard = now;
        let received = [std::mem::take(&mut self.received).as_slice(), bytes].concat();
        let mut left = received.as_slice();
        while let Some(front) = left.get(..EVENT) {
            let used = match Event::parse(front) {
                Some(event) => {
                    self.heed(event, now);
                    EVENT
                }
                None => {
                    self.noise += 1;
                    1
                }
            };
            left = left.get(used..).unwrap_or_default();
        }
        self.received = left.to_vec();
        self.report_noise();
    }

    /// Tells the contacts that stood long enough.
    fn tick(&mut self, now: Duration) {
        if !self.received.is_empty() && self.heard.saturating_add(GAP) <= now {
            self.noise += self.received.len();
            self.received.clear();
            self.report_noise();
        }
        let due = |line: &Line| line.pending.is_some_and(|pending| pending.until <= now);
        let contacts: Vec<u16> = self.lines.iter().filter(|(_, line)| due(line)).map(|(contact, _)| *contact).collect();
        for contact in contacts {
            let Some(mut line) = self.lines.remove(&contact) else { continue };
            if let Some(pending) = line.pending.take() {
                self.tell(contact, &mut line, pending.closed);
            }
            self.lines.insert(contact, line);
        }
    }

    /// A line request is sent nothing.
    fn transmit(&mut self) -> Option<Vec<u8>> {
        None
    }

    fn poll(&mut self) -> Option<Told> {
        self.events.pop_front()
    }

    fn wake(&self) -> Option<Duration> {
        if self.closed {
            return None;
        }
        let half = (!self.received.is_empty()).then(|| self.heard.saturating_add(GAP));
        let pending = self.lines.values().filter_map(|line| line.pending).map(|pending| pending.until);
        pending.chain(half).min()
    }

    fn close(&mut self, _now: Duration) {
        self.closed = true;
    }

    fn closed(&self) -> bool {
        self.closed
    }
}
