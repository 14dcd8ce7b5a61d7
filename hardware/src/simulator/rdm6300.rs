//! A simulated reader of 125 kHz badges: repeats the number of the badge while it is held.

use std::time::Duration;

use crate::event::{Card, CardKind, Read};
use crate::rdm6300;
use crate::simulator::Played;
use crate::simulator::outbox::Outbox;
use crate::simulator::script::{Act, Script, SentWhat, Stage};

/// Time between two frames.
const REPEAT: Duration = Duration::from_millis(65);

/// A simulated reader.
#[derive(Clone, Debug)]
pub struct Reader {
    stage: Stage,
    outbox: Outbox,
    held: Option<Held>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    number: [u8; 5],
    until: Duration,
    next: Duration,
}

impl Reader {
    pub fn new(script: Script, seed: u64) -> Reader {
        Reader { stage: Stage::new(script, seed), outbox: Outbox::default(), held: None }
    }

    fn say(&mut self, number: [u8; 5], now: Duration) {
        let bytes = rdm6300::encode(number);
        if self.stage.take_truncation() {
            let half = bytes.get(..bytes.len() / 2).unwrap_or(&bytes).to_vec();
            let n = half.len();
            return self.outbox.say_logged(half, now, SentWhat::Garbage { n });
        }
        let card = Card { kind: CardKind::Em4100, number: number.to_vec() };
        self.outbox.say_logged(bytes, now, SentWhat::Report(Read::Card(card)));
    }
}

impl Played for Reader {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn ends(&mut self) -> (&mut Stage, &mut Outbox) {
        (&mut self.stage, &mut self.outbox)
    }

    fn opened(&mut self, now: Duration) {
        self.outbox.clear();
        self.stage.opened(now);
        self.tick(now);
    }

    /// The reader hears nothing.
    fn receive(&mut self, _bytes: &[u8], now: Duration) {
        self.tick(now);
    }

    fn tick(&mut self, now: Duration) {
        while let Some(act) = self.stage.next(now) {
            match act {
                // A badge has five bytes: of a longer number it carries the last, a shorter one gets zeros in front.
                Act::Card { card, stays } => {
                    let mut number = [0; 5];
                    number.iter_mut().rev().zip(card.number.iter().rev()).for_each(|(to, from)| *to = *from);
                    self.held = Some(Held { number, until: now.saturating_add(stays), next: now });
                }
                Act::Symbol { .. } | Act::Weight(_) | Act::Climate(_) | Act::Contact(_) => (),
                Act::Garbage { bytes } => {
                    let n = bytes.len();
                    self.outbox.say_logged(bytes, now, SentWhat::Garbage { n });
                }
                Act::Disconnect => self.outbox.cut(now),
            }
        }
        self.held = self.held.filter(|held| now < held.until);
        if let Some(held) = self.held.filter(|held| held.next <= now) {
            if self.stage.linked() && !self.stage.silent(now) {
                self.say(held.number, now);
            }
            self.held = Some(Held { next: now.saturating_add(REPEAT), ..held });
        }
    }

    fn wake(&self) -> Option<Duration> {
        self.stage.wake().into_iter().chain(self.held.map(|held| held.next)).min()
    }

    fn finished(&self, now: Duration) -> bool {
        self.held.is_none() && self.stage.finished(now)
    }
}
