//! A session with a reader that pushes: nothing is asked of it, so it is ready as soon as the link stands.

use std::collections::VecDeque;
use std::time::Duration;

use crate::device::{Cut, Session};
use crate::event::{Event, Read, Tag};
use crate::push::{Said, VALUE_MAX, cut, read};
use crate::settings::Settings;

/// Event numbers may start again; only a small step forward means that some were lost.
const GAP_MAX: u64 = 100_000;

/// Holds at most one JSON value that is not complete ([`VALUE_MAX`]), and the events not yet polled.
#[derive(Debug)]
pub struct Push {
    silent: Option<Duration>,
    received: Vec<u8>,
    /// Bytes of `received` in which no value ended: they need not be looked at again until a bracket comes.
    searched: usize,
    heard: Duration,
    last_number: Option<u64>,
    noise: usize,
    open: bool,
    events: VecDeque<Event>,
}

impl Push {
    pub fn new(settings: &Settings) -> Push {
        let silent_s: u64 = settings.whole("silent_s");
        Push {
            silent: (0 < silent_s).then(|| Duration::from_secs(silent_s)),
            received: Vec::new(),
            searched: 0,
            heard: Duration::ZERO,
            last_number: None,
            noise: 0,
            open: false,
            events: VecDeque::new(),
        }
    }

    fn take(&mut self) {
        let (mut front, mut said) = (0, Vec::new());
        while let Some(rest) = self.received.get(front..).filter(|rest| !rest.is_empty()) {
            front += match cut(rest, None) {
                Cut::Message(len) => {
                    let value = rest.get(..len).and_then(|bytes| serde_json::from_slice(bytes).ok());
                    match value {
                        Some(value) => said.push(read::said(&value)),
                        None => self.noise += len,
                    }
                    len
                }
                Cut::Noise(len) => {
                    self.noise += len;
                    len
                }
                Cut::Blank(len) => len,
                Cut::Incomplete => break,
            };
        }
        self.received.drain(..front.min(self.received.len()));
        self.heed(said);
        self.searched = self.received.len();
        self.report_noise();
    }

    fn heed(&mut self, said: Vec<Said>) {
        let newest = said.iter().filter_map(|said| if let Said::Tag(tag) = said { tag.seen_us } else { None }).max();
        for said in said {
            match said {
                Said::Tag(tag) => {
                    self.count(tag.number);
                    // The reader's clock may be wrong, so only differences within what came together count.
                    let late = newest.zip(tag.seen_us).map_or(0, |(newest, seen)| newest.saturating_sub(seen));
                    self.events.push_back(Event::Read(Read::Tag(Tag {
                        epc: tag.epc,
                        antenna: tag.antenna,
                        rssi_dbm: tag.rssi_centi_dbm.and_then(|centi| i16::try_from(centi.div_euclid(100)).ok()),
                        count: tag.count.max(1),
                        age: Duration::from_micros(u64::try_from(late).unwrap_or(0)),
                    })));
                }
                Said::Heartbeat | Said::Other(_) => (),
                Said::Unclear(why) => {
                    self.events
                        .push_back(Event::Fault { text: format!("the reader sent an object that is no read: {why}") });
                }
            }
        }
    }

    /// Tells of events that were lost on the way.
    fn count(&mut self, number: Option<u64>) {
        let Some(number) = number else { return };
        let last = self.last_number.replace(number);
        let missed = last.and_then(|last| number.checked_sub(last + 1)).filter(|missed| (1..GAP_MAX).contains(missed));
        if let Some(missed) = missed {
            let text = format!("{missed} reads of this reader were lost on the way; check the network and the broker");
            self.events.push_back(Event::Fault { text });
        }
    }

    fn report_noise(&mut self) {
        let bytes = std::mem::take(&mut self.noise);
        if 0 < bytes {
            self.events.push_back(Event::Noise { bytes });
        }
    }
}

impl Session for Push {
    fn opened(&mut self, now: Duration) {
        self.noise += self.received.len();
        self.received.clear();
        self.searched = 0;
        self.last_number = None;
        self.report_noise();
        self.heard = now;
        self.open = true;
        self.events.push_back(Event::Ready { model: String::new() });
    }

    fn receive(&mut self, bytes: &[u8], now: Duration) {
        if !self.open || bytes.is_empty() {
            return;
        }
        self.heard = now;
        self.received.extend_from_slice(bytes);
        let new = self.received.get(self.searched..).unwrap_or_default();
        let ends = new.contains(&b'}');
        if ends || VALUE_MAX < self.received.len() || self.searched == 0 {
            self.take();
        } else {
            self.searched = self.received.len();
        }
    }

    fn tick(&mut self, now: Duration) {
        if self.wake().is_some_and(|at| at <= now) {
            let silent = now.saturating_sub(self.heard).as_secs();
            self.open = false;
            let reason =
                format!("no word from the reader for {silent} s; check its power, its network and where it sends to");
            self.events.push_back(Event::Lost { reason });
        }
    }

    /// A reader that pushes is told nothing.
    fn transmit(&mut self) -> Option<Vec<u8>> {
        None
    }

    fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn wake(&self) -> Option<Duration> {
        self.silent.filter(|_| self.open).map(|silent| self.heard.saturating_add(silent))
    }

    fn close(&mut self, _now: Duration) {
        self.open = false;
    }

    fn closed(&self) -> bool {
        !self.open
    }
}
