//! What happens in front of a simulated device, and the record of what the device then said.
//!
//! A [`Script`] is written beforehand or drawn from a seed; a [`Stage`] plays it for one simulator, takes live
//! presentations as well, and keeps the log. The same seed gives the same bytes at the same times.

use std::collections::VecDeque;
use std::time::Duration;

use crate::event::{Aim, Card, Climate, Contact, Read, Weight};

/// Entries of the log that are kept. A tag in the field makes some 30 entries a second; at the bound the older
/// half is forgotten and counted, so a demonstration may run for weeks.
pub const LOG_MAX: usize = 500_000;

/// Presentations that may wait at once. A caller that shows faster than a link takes is refused nothing, the
/// oldest that waits is dropped.
const WAITING_MAX: usize = 100_000;

/// Signal strength at the rim of the field, in dBm: what a reader barely hears.
const RIM_DBM: i16 = -74;

/// How long a tag that stays takes from the rim of the field to its full strength.
const RISE: Duration = Duration::from_millis(400);

/// One thing that happens in front of, or to, a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presentation {
    /// A printed symbol comes before the scanner: `bytes` is its text, `aim` what the scanner calls its kind.
    Symbol { aim: Option<Aim>, bytes: Vec<u8> },
    /// A tag comes into the field of an antenna, passes and leaves after `stays`, loudest (`peak_dbm`) half way.
    Tag { epc: Vec<u8>, antenna: u16, peak_dbm: i16, stays: Duration },
    /// A tag comes into the field and stays until [`Presentation::TagLeaves`].
    TagEnters { epc: Vec<u8>, antenna: u16, peak_dbm: i16 },
    /// Every tag with this EPC leaves the field.
    TagLeaves { epc: Vec<u8> },
    /// A card is held before the reader for a while.
    Card { card: Card, stays: Duration },
    /// Something is put on the scale, or taken off it; the scale shows this from now on.
    Weight(Weight),
    /// The air changes.
    Climate(Climate),
    /// A contact opens or closes.
    Contact(Contact),
    /// Seeded bytes that belong to no message.
    Garbage { bytes: usize },
    /// The next message breaks off half way.
    Truncation,
    /// The device says nothing and hears nothing for a while.
    Silence { lasts: Duration },
    /// The cable is pulled, or the connection is reset.
    Disconnect,
}

/// A presentation and its time since the link was opened for the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub at: Duration,
    pub what: Presentation,
}

/// What happens, in the order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    steps: Vec<Step>,
}

/// What a random script is drawn from.
#[derive(Clone, Debug)]
pub struct Mix {
    /// Time over which the presentations are spread.
    pub lasts: Duration,
    /// The text of each symbol, each presented once.
    pub symbols: Vec<Vec<u8>>,
    /// The EPC of each tag; each passes once.
    pub tags: Vec<Vec<u8>>,
    /// Number of antennas, from 1.
    pub antennas: u16,
    /// How many faults (garbage, truncation, silence, disconnect) happen on the way.
    pub faults: usize,
}

impl Script {
    /// A script in which nothing happens: the simulator then only does what it is shown live.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one step.
    pub fn then(mut self, at: Duration, what: Presentation) -> Self {
        self.add(at, what);
        self
    }

    /// Adds one symbol without AIM identifier.
    pub fn symbol(self, at: Duration, bytes: &[u8]) -> Self {
        self.then(at, Presentation::Symbol { aim: None, bytes: bytes.to_vec() })
    }

    /// Adds a row of symbols, `gap` apart.
    pub fn burst(mut self, at: Duration, gap: Duration, symbols: &[Vec<u8>]) -> Self {
        let mut when = at;
        for bytes in symbols {
            self.add(when, Presentation::Symbol { aim: None, bytes: bytes.clone() });
            when = when.saturating_add(gap);
        }
        self
    }

    /// Adds a tag that is in the field of `antenna` from `from` to `until`.
    pub fn tag(self, from: Duration, until: Duration, epc: &[u8], antenna: u16) -> Self {
        let stays = until.saturating_sub(from);
        self.then(from, Presentation::Tag { epc: epc.to_vec(), antenna, peak_dbm: -45, stays })
    }

    /// A script drawn from `seed`: every symbol and tag of `mix` once, and its faults, at seeded times.
    pub fn random(seed: u64, mix: &Mix) -> Self {
        let mut random = Random::new(seed);
        let mut script = Self::new();
        let lasts = mix.lasts.as_millis().try_into().unwrap_or(u64::MAX);
        for bytes in &mix.symbols {
            let at = Duration::from_millis(random.below(lasts));
            script.add(at, Presentation::Symbol { aim: None, bytes: bytes.clone() });
        }
        for epc in &mix.tags {
            let at = Duration::from_millis(random.below(lasts));
            let antenna = 1 + u16::try_from(random.below(mix.antennas.max(1).into())).unwrap_or(0);
            let peak_dbm = -60 + i16::try_from(random.below(25)).unwrap_or(0);
            let stays = Duration::from_millis(600 + random.below(2400));
            script.add(at, Presentation::Tag { epc: epc.clone(), antenna, peak_dbm, stays });
        }
        for _ in 0..mix.faults {
            let at = Duration::from_millis(random.below(lasts));
            let what = match random.below(4) {
                0 => Presentation::Garbage { bytes: 1 + usize::try_from(random.below(64)).unwrap_or(0) },
                1 => Presentation::Truncation,
                2 => Presentation::Silence { lasts: Duration::from_millis(100 + random.below(900)) },
                _ => Presentation::Disconnect,
            };
            script.add(at, what);
        }
        script
    }

    /// The steps, earliest first; steps of one time in the order in which they were added.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    fn add(&mut self, at: Duration, what: Presentation) {
        let place = self.steps.partition_point(|step| step.at <= at);
        self.steps.insert(place, Step { at, what });
    }
}

/// What a device really handed over, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub at: Duration,
    pub what: SentWhat,
}

/// One thing that a device handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SentWhat {
    /// A whole symbol; `bytes` is its text without AIM identifier, prefix and suffix.
    Symbol { bytes: Vec<u8> },
    /// A whole report of one answer of a tag.
    Tag { epc: Vec<u8>, antenna: u16, rssi_dbm: i16 },
    /// A whole report of anything else.
    Report(Read),
    /// A label came out: what was sent for it, and the EPC that its tag now has.
    Label { bytes: Vec<u8>, epc: Option<Vec<u8>> },
    /// `n` bytes that are no whole message: garbage, or the first part of a message that broke off.
    Garbage { n: usize },
    /// The link was cut.
    Disconnect,
}

/// What a simulator has to act on itself; tags, silence and truncation the stage keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    Symbol { aim: Option<Aim>, bytes: Vec<u8> },
    Card { card: Card, stays: Duration },
    Weight(Weight),
    Climate(Climate),
    Contact(Contact),
    Garbage { bytes: Vec<u8> },
    Disconnect,
}

/// A tag that the reader hears at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub epc: Vec<u8>,
    pub antenna: u16,
    pub rssi_dbm: i16,
}

/// A tag on its way through the field; times as given to the stage.
#[derive(Clone, Debug)]
struct Passage {
    epc: Vec<u8>,
    antenna: u16,
    peak_dbm: i16,
    from: Duration,
    until: Option<Duration>,
}

impl Passage {
    /// Strength at `now`, `None` outside the field. A passing tag rises and falls along a parabola.
    fn rssi_dbm(&self, now: Duration) -> Option<i16> {
        if now < self.from || self.until.is_some_and(|until| until <= now) {
            return None;
        }
        let since = now - self.from;
        let (part, whole) = match self.until {
            Some(until) => (since, until - self.from),
            None => (since.min(RISE), RISE * 2),
        };
        // 0 at the rim, 1 half way.
        let x = part.as_secs_f64() / whole.as_secs_f64().max(f64::EPSILON);
        let height = 4.0 * x * (1.0 - x);
        let span = f64::from(self.peak_dbm.saturating_sub(RIM_DBM));
        let above = (span * height).round() as i16;
        Some(RIM_DBM.saturating_add(above))
    }
}

/// Plays a script for one simulator and keeps its log.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Seeded random numbers for everything that the simulator leaves to chance.
    pub random: Random,
    script: VecDeque<Step>,
    /// When the link was opened for the first time; the script counts from here.
    started: Option<Duration>,
    link: Link,
    due: VecDeque<Presentation>,
    field: Vec<Passage>,
    silent_until: Option<Duration>,
    truncate: bool,
    log: Vec<Sent>,
    forgotten: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Open,
    Cut,
}

impl Stage {
    pub fn new(script: Script, seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            script: script.steps.into(),
            started: None,
            link: Link::Cut,
            due: VecDeque::new(),
            field: Vec::new(),
            silent_until: None,
            truncate: false,
            log: Vec::new(),
            forgotten: 0,
        }
    }

    /// The link was opened. Symbols and cards that came while it was cut are presented now (people try again), and so
    /// is how scale, air and contacts stand since; garbage, truncations and cuts of that time fell on nobody. Tags pass at their time whether or not anybody listens.
    pub fn opened(&mut self, now: Duration) {
        self.started.get_or_insert(now);
        self.advance(now);
        self.due.retain(|what| !matches!(what, Presentation::Garbage { .. } | Presentation::Disconnect));
        self.truncate = false;
        self.link = Link::Open;
    }

    /// Presents `what` at `now`, beside the script.
    pub fn show(&mut self, what: Presentation, now: Duration) {
        self.present(what, now);
    }

    /// The next thing to act on at `now`; call until `None`. Nothing while the link is cut; while the device is
    /// silent only a cut.
    pub fn next(&mut self, now: Duration) -> Option<Act> {
        self.advance(now);
        if self.link == Link::Cut {
            return None;
        }
        let place = match self.silent(now) {
            true => self.due.iter().position(|what| *what == Presentation::Disconnect)?,
            false => 0,
        };
        match self.due.remove(place)? {
            Presentation::Symbol { aim, bytes } => Some(Act::Symbol { aim, bytes }),
            Presentation::Card { card, stays } => Some(Act::Card { card, stays }),
            Presentation::Weight(weight) => Some(Act::Weight(weight)),
            Presentation::Climate(climate) => Some(Act::Climate(climate)),
            Presentation::Contact(contact) => Some(Act::Contact(contact)),
            Presentation::Garbage { bytes } => Some(Act::Garbage { bytes: self.random.bytes(bytes) }),
            Presentation::Disconnect => {
                self.link = Link::Cut;
                Some(Act::Disconnect)
            }
            // `present` has acted on these and never lets them wait.
            Presentation::Tag { .. }
            | Presentation::TagEnters { .. }
            | Presentation::TagLeaves { .. }
            | Presentation::Truncation
            | Presentation::Silence { .. } => None,
        }
    }

    /// The tags that the reader hears at `now`; none while it is silent.
    pub fn tags(&mut self, now: Duration) -> Vec<Heard> {
        self.advance(now);
        if self.silent(now) {
            return Vec::new();
        }
        let heard = |pass: &Passage| {
            let rssi_dbm = pass.rssi_dbm(now)?;
            Some(Heard { epc: pass.epc.clone(), antenna: pass.antenna, rssi_dbm })
        };
        self.field.iter().filter_map(heard).collect()
    }

    /// Whether the device neither speaks nor hears at `now`.
    pub fn silent(&self, now: Duration) -> bool {
        self.silent_until.is_some_and(|until| now < until)
    }

    /// Cuts the link at once, without a step of the script.
    pub fn cut(&mut self) {
        self.link = Link::Cut;
    }

    /// Whether the link is open.
    pub fn linked(&self) -> bool {
        self.link == Link::Open
    }

    /// Whether the message that is about to be sent breaks off; asking uses it up.
    pub fn take_truncation(&mut self) -> bool {
        std::mem::take(&mut self.truncate)
    }

    /// When the stage next has something new, if nothing else happens. `None` when the script is played out.
    pub fn wake(&self) -> Option<Duration> {
        let start = self.started?;
        let step = self.script.front().map(|step| start.saturating_add(step.at));
        let waiting = match self.due.is_empty() || self.link == Link::Cut {
            true => None,
            false => Some(self.silent_until.unwrap_or(start)),
        };
        step.into_iter().chain(waiting).min()
    }

    /// Whether the script is played out: nothing waits and no passing tag is in the field.
    pub fn finished(&self, now: Duration) -> bool {
        let passing = |pass: &Passage| pass.until.is_some_and(|until| now < until);
        self.script.is_empty() && self.due.is_empty() && !self.field.iter().any(passing)
    }

    /// Writes into the log what was handed over.
    pub fn sent(&mut self, at: Duration, what: SentWhat) {
        if self.log.len() == LOG_MAX {
            self.log.drain(..LOG_MAX / 2);
            self.forgotten += (LOG_MAX / 2) as u64;
        }
        self.log.push(Sent { at, what });
    }

    /// What was handed over, oldest first.
    pub fn log(&self) -> &[Sent] {
        &self.log
    }

    /// How many older entries the log no longer holds.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn advance(&mut self, now: Duration) {
        let Some(start) = self.started else { return };
        while self.script.front().is_some_and(|step| start.saturating_add(step.at) <= now) {
            let Some(step) = self.script.pop_front() else {
                break;
            };
            self.present(step.what, start.saturating_add(step.at));
        }
        self.field.retain(|pass| pass.until.is_none_or(|until| now < until));
    }

    fn present(&mut self, what: Presentation, at: Duration) {
        match what {
            Presentation::Tag { epc, antenna, peak_dbm, stays } => {
                self.field.push(Passage { epc, antenna, peak_dbm, from: at, until: Some(at.saturating_add(stays)) });
            }
            Presentation::TagEnters { epc, antenna, peak_dbm } => {
                self.field.retain(|pass| pass.epc != epc || pass.antenna != antenna);
                self.field.push(Passage { epc, antenna, peak_dbm, from: at, until: None });
            }
            Presentation::TagLeaves { epc } => self.field.retain(|pass| pass.epc != epc),
            Presentation::Truncation => self.truncate = true,
            Presentation::Silence { lasts } => {
                let until = at.saturating_add(lasts);
                self.silent_until = Some(self.silent_until.map_or(until, |other| other.max(until)));
            }
            Presentation::Symbol { .. }
            | Presentation::Card { .. }
            | Presentation::Weight(_)
            | Presentation::Climate(_)
            | Presentation::Contact(_)
            | Presentation::Garbage { .. }
            | Presentation::Disconnect => {
                if self.due.len() == WAITING_MAX {
                    self.due.pop_front();
                }
                self.due.push_back(what);
            }
        }
    }
}

/// Seeded random numbers (splitmix64, Steele, Lea and Flood 2014): small, and the same on every machine.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to `bound - 1`; 0 when `bound` is 0. The slight bias of the remainder is of no matter here.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits().checked_rem(bound).unwrap_or(0)
    }

    /// `count` random bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.bits().to_be_bytes()[0]).collect()
    }
}
