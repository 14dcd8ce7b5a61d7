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
mod tests;
