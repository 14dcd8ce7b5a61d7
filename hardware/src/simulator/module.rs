//! What simulated readers on a line have in common: they hear whole messages, answer, make rounds, and lose their memory
//! with their power.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::time::Duration;

use crate::device::Cut;
use crate::simulator::Played;
use crate::simulator::memory::{Memories, Refusal};
use crate::simulator::outbox::Outbox;
use crate::simulator::script::{Act, Heard, Script, SentWhat, Stage};

/// Things that are made up for when nobody called `tick` for long; more would only flood the port.
const LATE_MAX: u32 = 50;

/// What a reader of one family does.
pub trait Manner: Debug + Send {
    fn cut(&self, bytes: &[u8]) -> Cut;

    /// Obeys one message of the host.
    fn obey(&mut self, message: &[u8], desk: &mut Desk, now: Duration);

    /// When it next does something by itself.
    fn due(&self) -> Option<Duration>;

    /// Does it.
    fn act(&mut self, desk: &mut Desk, at: Duration);

    /// Its power went: what it was told and did not store is gone.
    fn power_lost(&mut self);
}

/// What a reader works with: the stage before it, the memory of the tags, and what it says.
#[derive(Clone, Debug)]
pub struct Desk {
    stage: Stage,
    outbox: Outbox,
    memories: Memories,
    /// Messages are handed over in parts, split at seeded places, with this pause between them.
    parts: Option<Duration>,
    /// Parts whose time has not come.
    late: VecDeque<Part>,
    now: Duration,
    /// Nobody hears what it says now.
    mute: bool,
}

/// A part of a message, and what the message told where this is its last.
#[derive(Clone, Debug)]
struct Part {
    due: Duration,
    bytes: Vec<u8>,
    at: Duration,
    told: Vec<SentWhat>,
}

impl Desk {
    /// Says what the log does not name.
    pub(super) fn say(&mut self, bytes: Vec<u8>) {
        if self.mute {
            return;
        }
        self.hand_over(bytes, self.now, Vec::new());
    }

    /// Says a message that reports these tags; it breaks off where the script says so.
    pub(super) fn report(&mut self, bytes: Vec<u8>, at: Duration, tags: &[Heard]) {
        if self.mute {
            return;
        }
        if self.stage.take_truncation() {
            let half = bytes.get(..bytes.len() / 2).unwrap_or(&bytes).to_vec();
            let n = half.len();
            return self.hand_over(half, at, vec![SentWhat::Garbage { n }]);
        }
        let sent = |tag: &Heard| SentWhat::Tag { epc: tag.epc.clone(), antenna: tag.antenna, rssi_dbm: tag.rssi_dbm };
        self.hand_over(bytes, at, tags.iter().map(sent).collect());
    }

    /// The tags that are heard, by the EPC that they have now.
    pub(super) fn tags(&mut self, at: Duration) -> Vec<Heard> {
        let heard = self.stage.tags(at);
        heard.into_iter().map(|tag| self.memories.heard(tag)).collect()
    }

    /// The first tag that is heard and fits.
    pub(super) fn tag(&mut self, at: Duration, fits: impl Fn(&Heard) -> bool) -> Option<Heard> {
        self.tags(at).into_iter().find(fits)
    }

    pub(super) fn read(&mut self, tag: &Heard, bank: u8, word: usize, words: usize) -> Result<Vec<u8>, Refusal> {
        self.memories.read(tag, bank, word, words)
    }

    pub(super) fn write(
        &mut self,
        tag: &Heard,
        bank: u8,
        word: usize,
        data: &[u8],
        access: &[u8],
    ) -> Result<(), Refusal> {
        self.memories.write(tag, bank, word, data, access)
    }

    /// A message on its way, in parts where it goes in parts.
    fn hand_over(&mut self, bytes: Vec<u8>, at: Duration, told: Vec<SentWhat>) {
        let Some(pause) = self.parts else { return self.outbox.say_all_logged(bytes, at, told) };
        let mut due = self.late.back().map_or(self.now, |last| last.due.saturating_add(pause).max(self.now));
        let mut rest = bytes;
        while 1 < rest.len() {
            let most = u64::try_from(rest.len()).unwrap_or(u64::MAX);
            let length = usize::try_from(1 + self.stage.random.below(most)).unwrap_or(1);
            if rest.len() <= length {
                break;
            }
            let behind = rest.split_off(length);
            let part = std::mem::replace(&mut rest, behind);
            self.late.push_back(Part { due, bytes: part, at, told: Vec::new() });
            due = due.saturating_add(pause);
        }
        self.late.push_back(Part { due, bytes: rest, at, told });
        self.release();
    }

    /// Hands over the parts whose time has come.
    fn release(&mut self) {
        while self.late.front().is_some_and(|part| part.due <= self.now) {
            let Some(Part { bytes, at, told, .. }) = self.late.pop_front() else { return };
            self.outbox.say_all_logged(bytes, at, told);
        }
    }
}

/// A simulated reader of one family.
#[derive(Clone, Debug)]
pub struct Module<M> {
    pub manner: M,
    desk: Desk,
    received: Vec<u8>,
}

impl<M: Manner> Module<M> {
    pub fn of(manner: M, script: Script, seed: u64) -> Self {
        let (outbox, memories) = (Outbox::default(), Memories::default());
        let desk = Desk {
            stage: Stage::new(script, seed),
            outbox,
            memories,
            parts: None,
            late: VecDeque::new(),
            now: Duration::ZERO,
            mute: false,
        };
        Self { manner, desk, received: Vec::new() }
    }

    /// Hands its messages over in parts, as a slow line does, with a pause between them.
    pub fn in_parts(mut self, pause: Duration) -> Self {
        self.desk.parts = Some(pause);
        self
    }
}

impl<M: Manner> Played for Module<M> {
    fn stage(&self) -> &Stage {
        &self.desk.stage
    }

    fn ends(&mut self) -> (&mut Stage, &mut Outbox) {
        (&mut self.desk.stage, &mut self.desk.outbox)
    }

    /// Somebody opened the port. A reader that was reading for a host that died reads on.
    fn opened(&mut self, now: Duration) {
        self.desk.outbox.clear();
        self.desk.late.clear();
        self.received.clear();
        self.desk.stage.opened(now);
        self.tick(now);
    }

    fn disconnected(&mut self, now: Duration) {
        self.tick(now);
        self.desk.outbox.clear();
        self.desk.late.clear();
        self.desk.stage.cut();
    }

    /// Takes what the host sent, in any split. What comes while the reader is silent is not heard.
    fn receive(&mut self, bytes: &[u8], now: Duration) {
        self.tick(now);
        if self.desk.stage.silent(now) {
            self.received.clear();
            return;
        }
        let mut received = std::mem::take(&mut self.received);
        received.extend_from_slice(bytes);
        let mut used = 0;
        while let Some(left) = received.get(used..).filter(|left| !left.is_empty()) {
            used += match self.manner.cut(left) {
                Cut::Message(length) => {
                    self.manner.obey(left.get(..length).unwrap_or(left), &mut self.desk, now);
                    length
                }
                Cut::Noise(length) | Cut::Blank(length) => length,
                Cut::Incomplete => break,
            };
        }
        received.drain(..used);
        self.received = received;
    }

    fn tick(&mut self, now: Duration) {
        self.desk.now = now;
        self.desk.release();
        while let Some(act) = self.desk.stage.next(now) {
            match act {
                // A reader of tags sees and feels nothing else.
                Act::Symbol { .. } | Act::Card { .. } | Act::Weight(_) | Act::Climate(_) | Act::Contact(_) => (),
                Act::Garbage { bytes } => {
                    let n = bytes.len();
                    self.desk.hand_over(bytes, now, vec![SentWhat::Garbage { n }]);
                }
                Act::Disconnect => {
                    // The cable carries its power, too.
                    self.manner.power_lost();
                    self.desk.late.clear();
                    self.desk.outbox.cut(now);
                }
            }
        }
        let mut late = 0;
        while let Some(at) = self.manner.due().filter(|&at| at <= now) {
            late += 1;
            let at = if LATE_MAX < late { now } else { at };
            self.desk.mute = !self.desk.stage.linked() || self.desk.stage.silent(at);
            self.manner.act(&mut self.desk, at);
            self.desk.mute = false;
        }
    }

    fn wake(&self) -> Option<Duration> {
        let part = self.desk.late.front().map(|part| part.due);
        self.desk.stage.wake().into_iter().chain(self.manner.due()).chain(part).min()
    }
}
