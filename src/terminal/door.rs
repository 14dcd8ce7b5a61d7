//! A door: from reads of radio tags to passages. Sightings and moments in, lines and a view out.
//!
//! A tag in the field answers many times a second; a passage is one line. Each thing has a presence, from its first
//! sighting until it stays unseen for [`Settings::gone_after`]. Presences that overlap are one group, and when all of
//! the group are gone its passages are written, one line per direction.
//!
//! A thing that stays in the field longer than [`Settings::stay_max`] is no passage but a stray, such as a pallet left
//! beside the door. It is reported once, and counts again only after it was unseen for [`STRAY_GONE`] times as long or
//! its signal rose and walked from one row of antennas to the other.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::terminal::NeverSeen;
use crate::event::{BODY_MAX, Body, Direction, Evidence, Handling, Passage, Piece, Reason};
use crate::identity::Identifier;
use crate::quantity::{Moment, Quantity};
use crate::terminal::answer::{Answer, Outcome, Say};
use crate::terminal::reference::Meaning;
use crate::terminal::remembered::{Mark, Stopped, Use};
use crate::terminal::rules::{Ruling, World};

/// Most pieces in one line; a larger crowd is several lines.
pub const PIECES_MAX: usize = 300;

/// Most things in the field at once: a bound on memory. More than that closes the group early, which loses nothing.
const PRESENT_MAX: usize = 2_000;

/// A stray must be unseen so many times longer than anything else before it can pass again: at the edge of the field a
/// parked tag comes and goes.
const STRAY_GONE: u32 = 10;

/// How fast old sightings of a stray lose their weight, in seconds.
const STRAY_FADE_S: f64 = 3.0;

/// A stray that is carried away comes nearer to an antenna than it lay: so many dB, and so shortly before it was gone.
const STRAY_RISE_DB: i16 = 6;
const STRAY_ROSE_WITHIN: Duration = Duration::from_secs(10);

/// Sightings that each row of antennas needs before its time is believed.
const ROW_READS_MIN: u32 = 2;

/// How long the answer of a closed passage stands on the screen.
const RELEASED_FOR: Duration = Duration::from_secs(3);
const LOOK_FOR: Duration = Duration::from_secs(10);

/// How a door tells the direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Telling {
    /// From two rows of antennas: which row saw the thing later, by at least `gap`.
    Rows { inner: Vec<u16>, outer: Vec<u16>, gap: Duration },
    /// From where the thing was before: inside, so it goes out.
    Book(NeverSeen),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub station: String,
    /// Code of the door as a place.
    pub read_point: String,
    /// Codes of the zones on both sides.
    pub inside: String,
    pub outside: String,
    pub telling: Telling,
    pub gone_after: Duration,
    pub stay_max: Duration,
    /// How long a badge read at the door names the person who passes.
    pub badge_for: Duration,
}

/// A moment on both clocks: the steady one for spans, the wall clock for the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Time since any fixed origin.
    pub mono: Duration,
    pub at: Moment,
}

impl Tick {
    /// What the wall clock would have said at `mono`, going by today's setting.
    fn moment(self, mono: Duration) -> Moment {
        self.at.minus(self.mono.saturating_sub(mono))
    }
}

/// One answer of one tag, as the door takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub identifier: Identifier,
    pub device: String,
    pub antenna: u16,
    pub rssi_dbm: Option<i16>,
    pub reads: u16,
    /// How long before now it happened.
    pub age: Duration,
}

/// Signal-weighted time of one row of antennas.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    reads: u32,
    weight: f64,
    weighted_s: f64,
}

impl Row {
    fn add(&mut self, at_s: f64, rssi_dbm: Option<i16>, reads: u16) {
        // Linear power: ten times nearer in dB counts ten times more. Without a signal strength all count alike.
        let power = rssi_dbm.map_or(1.0, |dbm| 10_f64.powf(f64::from(dbm.clamp(-120, 0) + 120) / 10.0));
        let weight = power * f64::from(reads);
        self.reads = self.reads.saturating_add(u32::from(reads));
        self.weight += weight;
        self.weighted_s += weight * at_s;
    }

    fn fade(&mut self, span_s: f64) {
        let factor = (-span_s / STRAY_FADE_S).exp();
        self.weight *= factor;
        self.weighted_s *= factor;
    }

    /// Mean time in seconds; `None` until there are enough sightings to believe it.
    fn time_s(&self) -> Option<f64> {
        (ROW_READS_MIN <= self.reads && 0.0 < self.weight).then(|| self.weighted_s / self.weight)
    }
}

#[derive(Clone, Debug)]
struct Presence {
    identifier: Identifier,
    unit: Option<String>,
    device: String,
    first: Duration,
    last: Duration,
    reads: u32,
    rssi_dbm: Option<i16>,
    inner: Row,
    outer: Row,
    stray: Option<Stray>,
}

/// A thing that lies in the field.
#[derive(Clone, Copy, Debug)]
struct Stray {
    /// Strongest signal while it lay still.
    usual_dbm: Option<i16>,
    /// When it last was clearly stronger than that.
    rose: Option<Duration>,
}

/// What the door shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    Idle,
    Reading { pieces: usize },
    Released { pieces: usize, direction: Direction, pass: Option<String>, person: Option<u32> },
    Stop { pieces: Vec<Stopped>, person: Option<u32> },
    Look { pieces: usize, direction: Direction, reasons: Vec<Reason> },
}

/// A line that the door wants written; the answer is given once it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub body: Body,
    pub marks: Vec<Mark>,
    pub answer: Answer,
    after: View,
}

#[derive(Debug)]
pub struct Door {
    settings: Settings,
    /// By code: what a code stands for may change while it is in the field.
    present: BTreeMap<String, Presence>,
    began: Option<Duration>,
    badge: Option<(u32, Duration)>,
    /// Things that went out without leave and are not known to be back.
    alarm: Vec<Stopped>,
    /// What stands on the screen after the last passage, and until when.
    after: Option<(View, Duration)>,
}

impl Door {
    /// `alarm` is what it stood for when the terminal stopped.
    pub fn new(settings: Settings, alarm: Vec<Stopped>) -> Door {
        Door { settings, present: BTreeMap::new(), began: None, badge: None, alarm, after: None }
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A badge was read at the door.
    pub fn badge(&mut self, person: u32, now: Tick) {
        self.badge = Some((person, now.mono));
    }

    /// A person with the right to it ended the alarm. Returns whether there was one.
    pub fn acknowledge(&mut self) -> bool {
        !std::mem::take(&mut self.alarm).is_empty()
    }

    /// The alarm as it is to be kept over a restart.
    pub fn alarm(&self) -> Mark {
        Mark::Alarm { station: self.settings.station.clone(), stopped: self.alarm.clone() }
    }

    /// The person whose badge was read here a moment ago.
    pub fn person(&self, now: Tick) -> Option<u32> {
        let (person, at) = self.badge?;
        (now.mono.saturating_sub(at) <= self.settings.badge_for).then_some(person)
    }

    /// Takes one answer of one tag. Lines come out when the field is so full that the group has to be closed early.
    pub fn see(&mut self, sighting: Sighting, world: World<'_>, now: Tick) -> Vec<Draft> {
        let unit = match world.reference.look_up(&sighting.identifier) {
            Meaning::Person(person) => {
                self.badge(person, now);
                return Vec::new();
            }
            Meaning::Unit(number) => Some(number),
            _ => None,
        };
        // By its code, not its unit: what a code stands for may come down from the server while the tag is in the field.
        let key = sighting.identifier.to_string();
        let seen = now.mono.saturating_sub(sighting.age);
        let mut drafts = Vec::new();
        if PRESENT_MAX <= self.present.len() && !self.present.contains_key(&key) {
            drafts = self.close(world, now, true);
        }
        let presence = self.present.entry(key).or_insert_with(|| Presence {
            identifier: sighting.identifier,
            unit: None,
            device: sighting.device,
            first: seen,
            last: seen,
            reads: 0,
            rssi_dbm: None,
            inner: Row::default(),
            outer: Row::default(),
            stray: None,
        });
        presence.unit = unit.or(presence.unit.take());
        if let Some(stray) = &mut presence.stray {
            let usual = stray.usual_dbm.map(|usual| usual.saturating_add(STRAY_RISE_DB));
            if usual.zip(sighting.rssi_dbm).is_some_and(|(usual, now)| usual <= now) {
                stray.rose = Some(seen);
            }
            let span_s = seen.saturating_sub(presence.last).as_secs_f64();
            presence.inner.fade(span_s);
            presence.outer.fade(span_s);
        } else if self.began.is_none() {
            self.began = Some(seen);
        }
        presence.first = presence.first.min(seen);
        presence.last = presence.last.max(seen);
        presence.reads = presence.reads.saturating_add(u32::from(sighting.reads));
        presence.rssi_dbm = presence.rssi_dbm.max(sighting.rssi_dbm);
        if let Telling::Rows { inner, outer, .. } = &self.settings.telling {
            let at_s = seen.as_secs_f64();
            if inner.contains(&sighting.antenna) {
                presence.inner.add(at_s, sighting.rssi_dbm, sighting.reads);
            }
            if outer.contains(&sighting.antenna) {
                presence.outer.add(at_s, sighting.rssi_dbm, sighting.reads);
            }
        }
        drafts
    }

    /// Time passed: closes what is over.
    pub fn tick(&mut self, world: World<'_>, now: Tick) -> Vec<Draft> {
        if self.after.as_ref().is_some_and(|(_, until)| *until <= now.mono) {
            self.after = None;
        }
        // A pass approved meanwhile, or the right badge, ends the alarm for its things.
        let person = self.person(now);
        self.alarm.retain(|stopped| {
            let leave = stopped.unit.as_ref().map(|unit| world.may_leave(unit, person, Use::Passage));
            !matches!(leave, Some(Ruling::Released { .. }))
        });
        let unseen = |presence: &Presence| now.mono.saturating_sub(presence.last);
        let gone_after = self.settings.gone_after;
        let group = || self.present.values().filter(|presence| presence.stray.is_none());
        let over = self.began.is_some() && group().all(|presence| gone_after <= unseen(presence));
        let too_long = self.began.is_some_and(|began| self.settings.stay_max <= now.mono.saturating_sub(began));
        let mut drafts = if over || too_long { self.close(world, now, false) } else { Vec::new() };
        drafts.extend(self.strays_gone(world, now));
        drafts
    }

    /// The terminal stops: whatever is in the field is written as far as it was seen.
    pub fn finish(&mut self, world: World<'_>, now: Tick) -> Vec<Draft> {
        let group = std::mem::take(&mut self.present);
        self.began = None;
        let ended = group.into_values().filter(|presence| presence.stray.is_none());
        let ended = ended.map(|presence| (self.direction(&presence, world), presence)).collect();
        self.write(ended, world, now)
    }

    /// Writes the passages of the group. What is still in the field stays present, as a stray when it was there too long
    /// or when `all` must go.
    fn close(&mut self, world: World<'_>, now: Tick, all: bool) -> Vec<Draft> {
        let Settings { gone_after, stay_max, .. } = self.settings;
        let mut ended: Vec<(Direction, Presence)> = Vec::new();
        let mut began: Option<Duration> = None;
        let mut kept = BTreeMap::new();
        for (key, mut presence) in std::mem::take(&mut self.present) {
            // What it stands for may have come down after its last read.
            if let (None, Meaning::Unit(number)) = (&presence.unit, world.reference.look_up(&presence.identifier)) {
                presence.unit = Some(number);
            }
            let gone = gone_after <= now.mono.saturating_sub(presence.last);
            let stayed = stay_max <= now.mono.saturating_sub(presence.first);
            if presence.stray.is_some() {
                kept.insert(key, presence);
            } else if gone {
                ended.push((self.direction(&presence, world), presence));
            } else if stayed || all {
                // Whatever it looked like so far, it did not pass.
                ended.push((Direction::Unknown, presence.clone()));
                presence.stray = Some(Stray { usual_dbm: presence.rssi_dbm, rose: None });
                (presence.inner, presence.outer) = (Row::default(), Row::default());
                kept.insert(key, presence);
            } else {
                began = Some(began.map_or(presence.first, |began| began.min(presence.first)));
                kept.insert(key, presence);
            }
        }
        self.present = kept;
        self.began = began;
        self.write(ended, world, now)
    }

    /// Strays that left: a line only when the rows of antennas saw which way, since the stay itself is in the book.
    fn strays_gone(&mut self, world: World<'_>, now: Tick) -> Vec<Draft> {
        let (gone_after, long) = (self.settings.gone_after, self.settings.gone_after * STRAY_GONE);
        let mut ended = Vec::new();
        let mut gone = Vec::new();
        for (key, presence) in &self.present {
            let Some(stray) = presence.stray else { continue };
            let unseen = now.mono.saturating_sub(presence.last);
            let rose = stray.rose.is_some_and(|rose| presence.last.saturating_sub(rose) < STRAY_ROSE_WITHIN);
            let walked = match self.settings.telling {
                Telling::Rows { .. } if rose => self.direction(presence, world),
                Telling::Rows { .. } | Telling::Book(_) => Direction::Unknown,
            };
            if gone_after <= unseen && walked != Direction::Unknown {
                ended.push((walked, presence.clone()));
                gone.push(key.clone());
            } else if long <= unseen {
                gone.push(key.clone());
            }
        }
        for key in gone {
            self.present.remove(&key);
        }
        self.write(ended, world, now)
    }

    fn direction(&self, presence: &Presence, world: World<'_>) -> Direction {
        match &self.settings.telling {
            Telling::Rows { gap, .. } => match (presence.inner.time_s(), presence.outer.time_s()) {
                (Some(inner), Some(outer)) if gap.as_secs_f64() < outer - inner => Direction::Out,
                (Some(inner), Some(outer)) if gap.as_secs_f64() < inner - outer => Direction::In,
                _ => Direction::Unknown,
            },
            Telling::Book(never_seen) => {
                let Some(unit) = &presence.unit else { return Direction::Unknown };
                let home = || world.reference.unit(unit).and_then(|unit| unit.home.as_deref());
                let place = match (world.remembered.place_of(unit), never_seen) {
                    (Some(place), _) => place,
                    (None, NeverSeen::In) => return Direction::In,
                    (None, NeverSeen::Ask) => return Direction::Unknown,
                    (None, NeverSeen::Home) => match home() {
                        Some(home) => home,
                        None => return Direction::Unknown,
                    },
                };
                if world.reference.lies_in(place, &self.settings.inside) {
                    Direction::Out
                } else if world.reference.lies_in(place, &self.settings.outside) {
                    Direction::In
                } else {
                    Direction::Unknown
                }
            }
        }
    }

    /// One line per direction and crowd.
    fn write(&mut self, ended: Vec<(Direction, Presence)>, world: World<'_>, now: Tick) -> Vec<Draft> {
        let mut drafts = Vec::new();
        for direction in [Direction::Out, Direction::In, Direction::Unknown] {
            let mut crowd: Vec<&Presence> =
                ended.iter().filter(|(way, _)| *way == direction).map(|(_, presence)| presence).collect();
            crowd.sort_by_key(|presence| presence.first);
            for pieces in crowd.chunks(PIECES_MAX) {
                self.write_crowd(direction, pieces, world, now, &mut drafts);
            }
        }
        drafts
    }

    fn write_crowd(
        &mut self,
        direction: Direction,
        crowd: &[&Presence],
        world: World<'_>,
        now: Tick,
        drafts: &mut Vec<Draft>,
    ) {
        let Some(first) = crowd.first() else { return };
        let person = self.person(now);
        let mut exceptions: Vec<Reason> = world.now.clock_exceptions().collect();
        let mut marks = Vec::new();
        let mut passes: Vec<(String, u32)> = Vec::new();
        let mut stopped = Vec::new();
        if direction == Direction::Unknown {
            exceptions.push(Reason::DirectionUnknown);
        }
        let side = match direction {
            Direction::Out => Some(&self.settings.outside),
            Direction::In => Some(&self.settings.inside),
            Direction::Unknown => None,
        };
        for presence in crowd {
            let Some(unit) = &presence.unit else {
                exceptions.push(Reason::UnknownCode);
                continue;
            };
            if let Some(side) = side {
                marks.push(Mark::At { unit: unit.clone(), place: Some(side.clone()) });
            }
            if direction == Direction::In {
                self.alarm.retain(|stopped| stopped.unit.as_ref() != Some(unit));
            }
            if direction != Direction::Out {
                continue;
            }
            match world.may_leave(unit, person, Use::Passage) {
                Ruling::Released { pass, remarks } => {
                    let (pass, holder) = (pass.number.clone(), pass.person);
                    marks.push(Mark::Used { way: Use::Passage, pass: pass.clone(), unit: unit.clone(), used: true });
                    exceptions.extend(remarks);
                    if !passes.iter().any(|(known, _)| *known == pass) {
                        passes.push((pass, holder));
                    }
                }
                Ruling::Refused { reasons } => {
                    exceptions.extend(&reasons);
                    let code = presence.identifier.to_string();
                    stopped.push(Stopped { code, unit: Some(unit.clone()), reasons });
                }
            }
        }
        exceptions.sort();
        exceptions.dedup();
        let pass = match passes.as_slice() {
            [(pass, _)] => Some(pass.clone()),
            _ => None,
        };
        let passage = Passage {
            direction,
            what: crowd
                .iter()
                .map(|presence| Piece { code: presence.identifier.to_string(), quantity: Quantity::ONE_PIECE })
                .collect(),
            evidence: crowd
                .iter()
                .map(|presence| Evidence {
                    first: now.moment(presence.first),
                    last: now.moment(presence.last),
                    reads: presence.reads,
                    rssi_dbm: presence.rssi_dbm,
                })
                .collect(),
            inside: self.settings.inside.clone(),
            outside: self.settings.outside.clone(),
            handling: Handling {
                station: self.settings.station.clone(),
                read_point: self.settings.read_point.clone(),
                device: first.device.clone(),
                person,
                document: pass.clone(),
            },
            exceptions: exceptions.clone(),
        };
        let body = Body::Passage(passage);
        // Long codes: halve the crowd until the line fits. One piece always does, whatever its code.
        if BODY_MAX < body.encode().len() && 1 < crowd.len() {
            let (left, right) = crowd.split_at(crowd.len() / 2);
            self.write_crowd(direction, left, world, now, drafts);
            self.write_crowd(direction, right, world, now, drafts);
            return;
        }
        let (outcome, after) = if !stopped.is_empty() {
            for piece in stopped {
                if !self.alarm.iter().any(|known| known.unit == piece.unit) {
                    self.alarm.push(piece);
                }
            }
            (Outcome::Stop, View::Idle)
        } else if exceptions.is_empty() {
            let holder = person.or(passes.first().map(|(_, holder)| *holder));
            (Outcome::Ok, View::Released { pieces: crowd.len(), direction, pass, person: holder })
        } else {
            (Outcome::Look, View::Look { pieces: crowd.len(), direction, reasons: exceptions.clone() })
        };
        let single = match crowd {
            [one] => Some(one),
            _ => None,
        };
        marks.push(self.alarm());
        let answer = Answer {
            outcome,
            say: Say::Passed { pieces: crowd.len(), direction, exceptions },
            code: single.map(|presence| presence.identifier.to_string()),
            unit: single.and_then(|presence| presence.unit.clone()),
        };
        drafts.push(Draft { body, marks, answer, after });
    }

    /// The line of `draft` is durable: its answer may be seen.
    pub fn written(&mut self, draft: &Draft, now: Tick) {
        let stand = match draft.after {
            View::Released { .. } => RELEASED_FOR,
            View::Look { .. } => LOOK_FOR,
            View::Idle | View::Reading { .. } | View::Stop { .. } => return,
        };
        self.after = Some((draft.after.clone(), now.mono + stand));
    }

    /// What the door shows now. An outgoing thing without leave is shown at once, not when its passage is over.
    pub fn view(&self, world: World<'_>, now: Tick) -> View {
        let person = self.person(now);
        let mut stopped = self.alarm.clone();
        let here = || self.present.values().filter(|presence| presence.stray.is_none());
        for presence in here() {
            let Some(unit) = &presence.unit else { continue };
            // Whoever comes back in ends the alarm for this thing when the passage closes; until then it stands.
            if stopped.iter().any(|known| known.unit.as_ref() == Some(unit)) {
                continue;
            }
            if self.direction(presence, world) == Direction::Out
                && let Ruling::Refused { reasons } = world.may_leave(unit, person, Use::Passage)
            {
                stopped.push(Stopped { code: presence.identifier.to_string(), unit: Some(unit.clone()), reasons });
            }
        }
        if !stopped.is_empty() {
            return View::Stop { pieces: stopped, person };
        }
        match here().count() {
            0 => self.after.as_ref().map_or(View::Idle, |(view, _)| view.clone()),
            pieces => View::Reading { pieces },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::records::{Binding, Content, Hold, Name, Pass, Place, PlaceKind, Record, Tracking, Unit};
    use crate::terminal::reference::Reference;
    use crate::terminal::remembered::Remembered;
    use crate::terminal::rules::{Circumstances, Policy};

    const NOON: Moment = Moment(1_795_000_000_000_000);
    const MS: Duration = Duration::from_millis(1);

    /// A house with a vault V, a hall H, and `units` rings R-0.. with tags `tag/00NN`; those below `passes` have a pass
    /// for person 7.
    struct House {
        reference: Reference,
        remembered: Remembered,
        policy: Policy,
    }

    fn name() -> Name {
        Name::default()
    }

    fn house(units: u16, passes: u16) -> House {
        let place = |code: &str, parent: Option<&str>| {
            Content::Place(Place {
                code: code.into(),
                parent: parent.map(Into::into),
                kind: PlaceKind::Zone,
                name: name(),
            })
        };
        let mut records = vec![place("V", None), place("V-1", Some("V")), place("H", None)];
        for n in 0..units {
            records.push(Content::Unit(Unit {
                number: format!("R-{n}"),
                item: "RG".into(),
                tracking: Tracking::Serial,
                name: name(),
                home: Some("V-1".into()),
                quantity: None,
            }));
            records.push(Content::Binding(Binding { code: format!("tag/{n:04x}"), unit: format!("R-{n}") }));
        }
        records.push(Content::Pass(Pass {
            number: "DB-1".into(),
            units: (0..passes).map(|n| format!("R-{n}")).collect(),
            person: 7,
            purpose: name(),
            from: NOON.minus(Duration::from_secs(3600)),
            until: NOON.plus(Duration::from_secs(36_000)),
            due: NOON,
            approved_by: 1,
        }));
        let record = |content| Record { version: 1, withdrawn: false, since: NOON, content };
        House {
            reference: Reference::of(records.into_iter().map(record)),
            remembered: Remembered::default(),
            policy: Policy { certificate_for: Vec::new(), pass_data_max_age: Duration::from_secs(3600) },
        }
    }

    impl House {
        fn world(&self, now: Tick) -> World<'_> {
            let now = Circumstances { at: now.at, data_age: Some(Duration::ZERO), clock_jumped: false };
            World { reference: &self.reference, remembered: &self.remembered, policy: &self.policy, now }
        }
    }

    fn door(telling: Telling) -> Door {
        Door::new(
            Settings {
                station: "vault-door".into(),
                read_point: "D-1".into(),
                inside: "V".into(),
                outside: "H".into(),
                telling,
                gone_after: 2000 * MS,
                stay_max: 60_000 * MS,
                badge_for: 30_000 * MS,
            },
            Vec::new(),
        )
    }

    fn rows() -> Telling {
        Telling::Rows { inner: vec![1], outer: vec![2], gap: 150 * MS }
    }

    fn tick(ms: u64) -> Tick {
        let mono = Duration::from_millis(ms);
        Tick { mono, at: NOON.plus(mono) }
    }

    fn sighting(n: u16, antenna: u16, rssi_dbm: i16) -> Sighting {
        Sighting {
            identifier: Identifier::Tag { epc: n.to_be_bytes().to_vec() },
            device: "portal".into(),
            antenna,
            rssi_dbm: Some(rssi_dbm),
            reads: 1,
            age: Duration::ZERO,
        }
    }

    /// Plays `reads` of (ms, ring, antenna, dBm) and ticks every 100 ms until `end_ms`; what was written is remembered.
    fn play(door: &mut Door, house: &mut House, reads: &[(u64, u16, u16, i16)], end_ms: u64) -> Vec<Passage> {
        let mut reads: Vec<_> = reads.to_vec();
        reads.sort_by_key(|read| read.0);
        let mut reads = reads.into_iter().peekable();
        let mut passages = Vec::new();
        for ms in 0..=end_ms {
            let mut drafts = Vec::new();
            while let Some((_, n, antenna, rssi)) = reads.next_if(|read| read.0 <= ms) {
                drafts.extend(door.see(sighting(n, antenna, rssi), house.world(tick(ms)), tick(ms)));
            }
            if ms % 100 == 0 {
                drafts.extend(door.tick(house.world(tick(ms)), tick(ms)));
            }
            for draft in drafts {
                door.written(&draft, tick(ms));
                draft.marks.iter().for_each(|mark| house.remembered.take(mark.clone()));
                let Body::Passage(passage) = draft.body else { panic!("a door writes passages") };
                passages.push(passage);
            }
        }
        passages
    }

    fn told(passage: &Passage) -> String {
        let codes: Vec<&str> = passage.what.iter().map(|piece| piece.code.as_str()).collect();
        let reasons: Vec<&str> = passage.exceptions.iter().map(|reason| reason.word()).collect();
        let person = passage.handling.person.map_or(String::new(), |person| format!(" by {person}"));
        format!("{} {}{person} {}", passage.direction.word(), codes.join("+"), reasons.join("+")).trim().to_owned()
    }

    /// A tag carried past both rows in about a second, near row `a` first.
    fn walk(n: u16, start: u64, a: u16, b: u16) -> Vec<(u64, u16, u16, i16)> {
        let near = |ms: u64, peak: u64| -40 - i16::try_from(ms.abs_diff(peak) / 20).unwrap();
        (0..10u64)
            .flat_map(|k| [(k * 100, a, near(k * 100, 250)), (k * 100 + 50, b, near(k * 100 + 50, 750))])
            .map(|(ms, antenna, dbm)| (start + ms, n, antenna, dbm))
            .collect()
    }

    #[test]
    fn the_rows_of_antennas_tell_the_way() {
        let still: Vec<_> = (0..20).map(|k| (k * 50, 0, 1 + u16::try_from(k % 2).unwrap(), -50)).collect();
        let one_row: Vec<_> = (0..20).map(|k| (k * 50, 0, 1, -50)).collect();
        let once_each = vec![(0, 0, 1, -50), (900, 0, 2, -50)];
        for (name, reads, want) in [
            ("outwards with a pass", walk(0, 0, 1, 2), "out tag/0000"),
            ("outwards without", walk(1, 0, 1, 2), "out tag/0001 no_pass"),
            ("inwards nobody asks", walk(1, 0, 2, 1), "in tag/0001"),
            ("seen by both alike", still, "unknown tag/0000 direction_unknown"),
            ("seen by one row only", one_row, "unknown tag/0000 direction_unknown"),
            ("one read a row is too few", once_each, "unknown tag/0000 direction_unknown"),
            ("nobody knows this tag", walk(9, 0, 1, 2), "out tag/0009 unknown_code"),
        ] {
            let mut house = house(3, 1);
            let passages = play(&mut door(rows()), &mut house, &reads, 5_000);
            assert_eq!(passages.iter().map(told).collect::<Vec<_>>(), [want], "{name}");
        }
    }

    #[test]
    fn pieces_carried_together_are_one_line_and_each_way_has_its_own() {
        let mut house = house(5, 3);
        let reads: Vec<_> = [walk(0, 0, 1, 2), walk(1, 400, 1, 2), walk(4, 600, 2, 1), walk(2, 9_000, 1, 2)].concat();
        let passages = play(&mut door(rows()), &mut house, &reads, 14_000);
        let told: Vec<String> = passages.iter().map(told).collect();
        assert_eq!(told, ["out tag/0000+tag/0001", "in tag/0004", "out tag/0002"]);
        assert_eq!(passages[0].handling.document.as_deref(), Some("DB-1"));
        let evidence = &passages[0].evidence[1];
        assert_eq!((evidence.first, evidence.reads, evidence.rssi_dbm), (NOON.plus(400 * MS), 20, Some(-40)));
    }

    #[test]
    fn the_book_tells_the_way_at_a_door_with_one_antenna() {
        let mut house = house(2, 2);
        let mut door = door(Telling::Book(NeverSeen::Home));
        let reads: Vec<_> = [0, 10_000, 20_000].map(|ms| (ms, 0, 1, -50)).into();
        let passages = play(&mut door, &mut house, &reads, 25_000);
        let told: Vec<String> = passages.iter().map(told).collect();
        assert_eq!(told, ["out tag/0000", "in tag/0000", "out tag/0000 pass_used_up"]);
    }

    #[test]
    fn what_a_door_never_saw_goes_the_way_that_was_configured() {
        for (never_seen, want) in [
            (NeverSeen::Home, "out tag/0000 no_pass"),
            (NeverSeen::In, "in tag/0000"),
            (NeverSeen::Ask, "unknown tag/0000 direction_unknown"),
        ] {
            let mut house = house(1, 0);
            let mut door = door(Telling::Book(never_seen));
            let passages = play(&mut door, &mut house, &[(0, 0, 1, -50)], 5_000);
            assert_eq!(passages.iter().map(told).collect::<Vec<_>>(), [want], "{never_seen:?}");
        }
    }

    #[test]
    fn a_record_that_arrives_while_a_tag_is_in_the_field_does_not_split_its_presence() {
        // In the middle of the walk, and after the last read of it.
        for swap_at in [500, 3_000] {
            let (mut house, mut known) = (self::house(0, 0), self::house(1, 1));
            let mut door = door(rows());
            let mut swap = |house: &mut House, from: u64, to: u64| {
                if (from..to).contains(&swap_at) {
                    std::mem::swap(&mut house.reference, &mut known.reference);
                }
            };
            let mut last = 0;
            for (ms, n, antenna, dbm) in walk(0, 0, 1, 2) {
                swap(&mut house, last, ms);
                last = ms;
                assert_eq!(door.see(sighting(n, antenna, dbm), house.world(tick(ms)), tick(ms)), []);
            }
            swap(&mut house, last, 5_000);
            let drafts = door.tick(house.world(tick(5_000)), tick(5_000));
            let passages: Vec<&Passage> = drafts
                .iter()
                .map(|draft| match &draft.body {
                    Body::Passage(passage) => passage,
                    _ => panic!("a door writes passages"),
                })
                .collect();
            // All twenty reads in one passage, judged by what is known at its end.
            let [passage] = passages.as_slice() else { panic!("{passages:?}") };
            assert_eq!((told(passage).as_str(), passage.evidence[0].reads), ("out tag/0000", 20), "{swap_at}");
            assert!(door.present.is_empty());
        }
    }

    #[test]
    fn the_alarm_stands_before_the_line_and_until_the_thing_is_back() {
        let mut house = house(2, 0);
        let mut door = door(Telling::Book(NeverSeen::Home));
        door.see(sighting(0, 1, -50), house.world(tick(0)), tick(0));
        let stop = |door: &Door, house: &House, ms| match door.view(house.world(tick(ms)), tick(ms)) {
            View::Stop { pieces, .. } => pieces.len(),
            View::Idle | View::Reading { .. } | View::Released { .. } | View::Look { .. } => 0,
        };
        assert_eq!(stop(&door, &house, 1), 1, "at once");
        let passages = play(&mut door, &mut house, &[], 3_000);
        assert_eq!(passages.iter().map(told).collect::<Vec<_>>(), ["out tag/0000 no_pass"]);
        assert_eq!(stop(&door, &house, 60_000), 1, "no time ends an alarm");
        let back = play(&mut door, &mut house, &[(0, 0, 1, -50)], 3_000);
        assert_eq!(back.iter().map(told).collect::<Vec<_>>(), ["in tag/0000"]);
        assert_eq!(stop(&door, &house, 60_000), 0);
    }

    #[test]
    fn a_badge_at_the_door_names_who_passes() {
        for (person, ms, want) in [(7, 0, "out tag/0000 by 7"), (8, 0, "out tag/0000 by 8 pass_for_another")] {
            let mut house = house(1, 1);
            let mut door = door(rows());
            door.badge(person, tick(ms));
            let passages = play(&mut door, &mut house, &walk(0, 0, 1, 2), 5_000);
            assert_eq!(passages.iter().map(told).collect::<Vec<_>>(), [want]);
        }
    }

    #[test]
    fn a_parked_tag_is_reported_once_and_disturbs_nobody() {
        let mut house = house(3, 3);
        let mut door = door(rows());
        // R-2 lies beside the door for ten minutes and fades in and out of the field; R-0 is carried past it.
        let mut reads: Vec<_> = (0..600).filter(|s| s % 7 != 3).map(|s| (s * 1000, 2, 1, -68)).collect();
        reads.extend((0..600).filter(|s| s % 7 != 4).map(|s| (s * 1000 + 30, 2, 2, -68)));
        reads.extend(walk(0, 300_000, 1, 2));
        let passages = play(&mut door, &mut house, &reads, 640_000);
        let told: Vec<String> = passages.iter().map(told).collect();
        assert_eq!(told, ["unknown tag/0002 direction_unknown", "out tag/0000"]);
        // It is carried out at last: long after, and it counts again.
        let passages = play(&mut door, &mut house, &walk(2, 0, 1, 2), 5_000);
        assert_eq!(passages.len(), 1);
    }

    #[test]
    fn a_stray_that_is_carried_out_is_seen() {
        let mut house = house(1, 0);
        let mut door = door(rows());
        let mut reads: Vec<_> = (0..900).map(|k| (k * 100, 0, 1, -60)).collect();
        reads.extend((0..900).map(|k| (k * 100 + 50, 0, 2, -60)));
        reads.extend(walk(0, 90_000, 1, 2));
        let passages = play(&mut door, &mut house, &reads, 100_000);
        let told: Vec<String> = passages.iter().map(told).collect();
        assert_eq!(told, ["unknown tag/0000 direction_unknown", "out tag/0000 no_pass"]);
    }

    #[test]
    fn a_crowd_is_cut_into_lines_that_a_book_takes() {
        let mut house = house(0, 0);
        let mut door = door(Telling::Book(NeverSeen::Home));
        let reads: Vec<_> = (0..2_500).map(|n| (u64::from(n / 10), n, 1, -50)).collect();
        let passages = play(&mut door, &mut house, &reads, 30_000);
        assert!(passages.iter().all(|passage| passage.what.len() <= PIECES_MAX));
        assert!(passages.iter().all(|passage| passage.what.len() == passage.evidence.len()));
        assert_eq!(passages.iter().map(|passage| passage.what.len()).sum::<usize>(), 2_500);
        assert!(door.present.len() <= PRESENT_MAX);
    }

    #[test]
    fn random_reads_make_one_passage_per_presence() {
        for seed in 1..=40u64 {
            let mut state = seed;
            let mut random = |below: u64| {
                // xorshift64
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state % below
            };
            let mut house = house(12, 12);
            let mut reads = Vec::new();
            let mut presences = vec![0_u32; 12];
            for n in 0..12 {
                let mut ms = random(20_000);
                for _ in 0..=random(3) {
                    presences[usize::from(n)] += 1;
                    // A presence: reads with pauses well under the 2 s, then a silence well over it.
                    for _ in 0..=random(30) {
                        reads.push((
                            ms,
                            n,
                            1 + u16::try_from(random(2)).unwrap(),
                            -40 - i16::try_from(random(30)).unwrap(),
                        ));
                        ms += random(1_500);
                    }
                    // Longer than any overlap of others can keep the group open.
                    ms += 4_000 + random(5_000);
                }
            }
            let mut door = door(rows());
            // Groups close when the whole crowd is gone: keep the crowd of this test from chaining for ever.
            door.settings.stay_max = 400_000 * MS;
            let total = reads.len();
            let passages = play(&mut door, &mut house, &reads, 300_000);
            let mut counted = vec![0_u32; 12];
            let mut seen = 0;
            for (piece, evidence) in passages.iter().flat_map(|passage| passage.what.iter().zip(&passage.evidence)) {
                counted[usize::from_str_radix(&piece.code[4..], 16).unwrap()] += 1;
                seen += evidence.reads as usize;
            }
            assert_eq!(seen, total, "seed {seed}: every read is in the evidence of exactly one passage");
            for n in 0..12 {
                // Two presences of one thing inside one crowd are one passage; never more passages than presences.
                assert!(0 < counted[n] && counted[n] <= presences[n], "seed {seed}: R-{n} {counted:?} {presences:?}");
            }
            assert!(door.present.is_empty(), "seed {seed}");
        }
    }

    #[test]
    fn a_thing_on_hold_never_leaves_quietly() {
        let mut house = house(1, 1);
        let hold = Content::Hold(Hold { number: "H-1".into(), unit: "R-0".into(), reason: name() });
        house.reference.take(Record { version: 1, withdrawn: false, since: NOON, content: hold });
        let passages = play(&mut door(rows()), &mut house, &walk(0, 0, 1, 2), 5_000);
        assert_eq!(passages.iter().map(told).collect::<Vec<_>>(), ["out tag/0000 on_hold"]);
    }
}
