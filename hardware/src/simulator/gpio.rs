//! Simulated contacts on GPIO lines: they bounce, and the kernel tells each edge.

use std::time::Duration;

use crate::event::{Contact, Read};
use crate::gpio::{self, Edge, Event};
use crate::simulator::Played;
use crate::simulator::outbox::Outbox;
use crate::simulator::script::{Act, Script, SentWhat, Stage};

/// Time between two edges of a bouncing contact.
const BOUNCES_EVERY: Duration = Duration::from_micros(700);

/// Simulated lines.
#[derive(Clone, Debug)]
pub struct Lines {
    settings: gpio::Settings,
    stage: Stage,
    outbox: Outbox,
    /// How the contacts stand, the first one first, and how many edges each had.
    contacts: Vec<(bool, u32)>,
    seqno: u32,
}

impl Lines {
    /// Lines that a session with these settings understands; with an empty list the first sixteen of a chip.
    pub fn set(settings: &crate::settings::Settings, script: Script, seed: u64) -> Lines {
        let settings = gpio::Settings::of(settings).unwrap_or(gpio::Settings {
            lines: Vec::new(),
            closed_is: Edge::Falling,
            debounce: Duration::ZERO,
        });
        let count = if settings.lines.is_empty() { 16 } else { settings.lines.len() };
        Lines {
            settings,
            stage: Stage::new(script, seed),
            outbox: Outbox::default(),
            contacts: vec![(false, 0); count],
            seqno: 0,
        }
    }

    /// One edge of a contact; the log names it when it is the last.
    fn edge(&mut self, contact: u16, closed: bool, seqno: u32, at: Duration, last: bool) {
        let Some(offset) = self.settings.offset(contact) else { return };
        let Some((_, edges)) = self.contacts.get_mut(usize::from(contact).wrapping_sub(1)) else { return };
        let edge = match (closed, self.settings.closed_is) {
            (true, edge) => edge,
            (false, Edge::Rising) => Edge::Falling,
            (false, Edge::Falling) => Edge::Rising,
        };
        *edges = edges.wrapping_add(u32::from(seqno != 0));
        let timestamp_ns = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        let bytes = Event { timestamp_ns, edge, offset, seqno, line_seqno: *edges }.encode();
        if self.stage.take_truncation() {
            let half = bytes.get(..bytes.len() / 2).unwrap_or(&bytes).to_vec();
            let n = half.len();
            return self.outbox.say_logged(half, at, SentWhat::Garbage { n });
        }
        match last {
            true => {
                self.outbox.say_logged(bytes, at, SentWhat::Report(Read::Contact(Contact { line: contact, closed })))
            }
            false => self.outbox.say(bytes),
        }
    }

    /// A contact changes: it closes and opens a few times before it stands.
    fn change(&mut self, Contact { line, closed }: Contact, now: Duration) {
        match self.contacts.get_mut(usize::from(line).wrapping_sub(1)) {
            Some((stood, _)) if *stood != closed => *stood = closed,
            Some(_) | None => return,
        }
        let bounces = u32::try_from(2 * self.stage.random.below(4)).unwrap_or(0);
        for bounce in 0..=bounces {
            self.seqno = self.seqno.wrapping_add(1).max(1);
            let level = if bounce % 2 == 0 { closed } else { !closed };
            self.edge(line, level, self.seqno, now + BOUNCES_EVERY * bounce, bounce == bounces);
        }
    }
}

impl Played for Lines {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn ends(&mut self) -> (&mut Stage, &mut Outbox) {
        (&mut self.stage, &mut self.outbox)
    }

    /// The lines are requested anew: the events count from 1 again.
    fn opened(&mut self, now: Duration) {
        self.outbox.clear();
        self.seqno = 0;
        self.stage.opened(now);
        let stand: Vec<(u16, bool)> = (1..).zip(self.contacts.iter().map(|(closed, _)| *closed)).collect();
        for (contact, closed) in stand {
            self.edge(contact, closed, 0, now, true);
        }
        self.tick(now);
    }

    /// A line request takes nothing.
    fn receive(&mut self, _bytes: &[u8], now: Duration) {
        self.tick(now);
    }

    fn tick(&mut self, now: Duration) {
        while let Some(act) = self.stage.next(now) {
            match act {
                Act::Contact(contact) => self.change(contact, now),
                Act::Symbol { .. } | Act::Card { .. } | Act::Weight(_) | Act::Climate(_) => (),
                Act::Garbage { bytes } => {
                    let n = bytes.len();
                    self.outbox.say_logged(bytes, now, SentWhat::Garbage { n });
                }
                Act::Disconnect => self.outbox.cut(now),
            }
        }
    }
}
