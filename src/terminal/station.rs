//! The shells around the pure stations: one queue, one order, one answer after the other, each after its line.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, mpsc, oneshot, watch};
use tokio::time::{self, MissedTickBehavior};

use crate::event::{Body, LineRef, Sensed, System};
use crate::ledger::book::{CannotRecord, ReadError};
use crate::quantity::{Moment, Quantity, Unit};
use crate::terminal::answer::{Answer, Outcome, Say};
use crate::terminal::capture::{self, Capture};
use crate::terminal::counters::Counters;
use crate::terminal::door::{self, Door, Draft, Sighting, Tick, View};
use crate::terminal::handheld::{self, Handheld, Input, State};
use crate::terminal::house::{Given, House};
use crate::terminal::port::Report;
use crate::terminal::reference::Meaning;
use crate::terminal::remembered::Mark;
use crate::terminal::rules::World;
use crate::terminal::senses::Senses;
use crate::terminal::watching::ended;

/// Reads and orders that may wait at a station. A reader that fills it is held back at its port.
pub const QUEUE: usize = 4096;

/// A tag that lies on a bench is one scan until it was away for this long.
const TAG_AWAY: Duration = Duration::from_secs(3);
/// Tags whose last sight is remembered for that; the oldest are forgotten first.
const TAGS_MAX: usize = 1000;

/// How often a door looks at the time.
const DOOR_TICK: Duration = Duration::from_millis(50);
/// How often a door tries again to write what it could not.
const WRITE_AGAIN: Duration = Duration::from_secs(1);
/// Passages that wait for room in the book; with the disk full for longer the oldest are given up, loudly.
const UNWRITTEN_MAX: usize = 10_000;

/// What the screen asks of a station.
#[derive(Debug)]
pub enum Order {
    /// Something a person did; the answer comes back.
    Input { input: Input, reply: oneshot::Sender<Arc<Given>> },
    /// No code was found in a picture that a person sent.
    Unreadable { reply: oneshot::Sender<Arc<Given>> },
    /// A person at the screen ends the alarm of a door.
    Acknowledge { reply: oneshot::Sender<bool> },
}

/// What a handheld shows.
#[derive(Clone, Debug, Default)]
pub struct DeskShown {
    pub state: State,
    pub last: Option<Arc<Given>>,
}

/// What a door shows.
#[derive(Clone, Debug)]
pub struct DoorShown {
    pub view: View,
    pub last: Option<Arc<Given>>,
    /// Passages that could not be written yet.
    pub unwritten: usize,
    /// Codes of the zones inside and outside.
    pub inside: String,
    pub outside: String,
}

/// What a station shows.
#[derive(Clone, Debug)]
pub enum Shown {
    Desk(watch::Receiver<DeskShown>),
    Door(watch::Receiver<DoorShown>),
}

/// A running station.
#[derive(Clone, Debug)]
pub struct Station {
    pub name: Arc<str>,
    /// Code of the place where it stands.
    pub place: String,
    pub orders: mpsc::Sender<Order>,
    pub shown: Shown,
}

/// Takes up a handheld where a restart left it. Blocks.
///
/// # Errors
/// When the book cannot be read.
pub fn resume(house: &House, settings: handheld::Settings) -> Result<(Handheld, Option<Moment>), ReadError> {
    let now = house.now();
    let kept = house.decide(now, |world| world.remembered.act_of(&settings.station).map(str::to_owned));
    let Some(after) = kept.as_deref().and_then(Handheld::resumes_after) else {
        return Ok((Handheld::new(settings), None));
    };
    let id = house.book.id();
    let mut lines = Vec::new();
    let mut next = (after + 1).max(house.book.state().first);
    loop {
        let page = house.book.lines(next, 1000, 4 << 20)?;
        let Some(end) = page.last() else { break };
        next = end.seq + 1;
        for line in &page {
            // A line of a later version is of no act that this one could go on with.
            if let Ok(body) = Body::decode(line.kind, line.schema, &line.body.0) {
                lines.push((LineRef { terminal: id.terminal, epoch: id.epoch, seq: line.seq }, line.at, body));
            }
        }
    }
    let lines = lines.iter().map(|(line, at, body)| (*line, *at, body));
    let resumed = kept.and_then(|kept| Handheld::resume(settings.clone(), &kept, lines));
    let Some(mut handheld) = resumed else { return Ok((Handheld::new(settings), None)) };
    house.decide(now, |world| handheld.name_units(world.reference));
    let since = handheld.state().going.as_ref().map(|going| going.began);
    Ok((handheld, since))
}

/// Writes what a sensor said, where it is worth a line.
async fn note(house: &House, senses: &mut Senses, read_point: String, device: &str, sensed: &Sensed) {
    if senses.worth_a_line(device, sensed, house.now().mono) {
        house.say(System::Sensed { read_point, device: device.to_owned(), sensed: sensed.clone() }).await;
    }
}

/// A handheld or bench at work.
pub struct Desk {
    house: Arc<House>,
    station: Arc<str>,
    handheld: Handheld,
    tags: HashMap<String, Duration>,
    senses: Senses,
    shown: watch::Sender<DeskShown>,
}

impl Desk {
    pub fn new(house: Arc<House>, handheld: Handheld, since: Option<Moment>) -> (Desk, watch::Receiver<DeskShown>) {
        let station: Arc<str> = handheld.settings().station.as_str().into();
        let going_on = since.map(|since| {
            let answer = Answer::bare(Outcome::Note, Say::GoingOn { since });
            house.give(&station, Moment::now(), answer, None)
        });
        let first = DeskShown { state: handheld.state().clone(), last: going_on };
        let (shown, watch) = watch::channel(first);
        (Desk { house, station, handheld, tags: HashMap::new(), senses: Senses::default(), shown }, watch)
    }

    /// Works until both queues are closed, or until `stop` becomes true and nothing waits in them: a screen or a port that
    /// lingers must not hold the end up.
    pub async fn run(
        mut self,
        mut reports: mpsc::Receiver<Report>,
        mut orders: mpsc::Receiver<Order>,
        mut stop: watch::Receiver<bool>,
    ) {
        let (mut reading, mut ordering) = (true, true);
        while reading || ordering {
            tokio::select! {
                report = reports.recv(), if reading => match report {
                    Some(report) => self.take(report).await,
                    None => reading = false,
                },
                order = orders.recv(), if ordering => match order {
                    Some(order) => self.obey(order).await,
                    None => ordering = false,
                },
                () = ended(&mut stop), if reports.is_empty() && orders.is_empty() => return,
            }
        }
    }

    async fn take(&mut self, report: Report) {
        let (identifier, doubt) = match capture::capture(&report.read) {
            Capture::Scan { identifier, doubt } => (identifier, doubt),
            Capture::Sighting { identifier, doubt, .. } => {
                let now = self.house.now().mono;
                let before = self.tags.insert(identifier.to_string(), now);
                if TAGS_MAX < self.tags.len() {
                    self.tags.retain(|_, seen| now.saturating_sub(*seen) < TAG_AWAY);
                }
                if before.is_some_and(|seen| now.saturating_sub(seen) < TAG_AWAY) {
                    return;
                }
                (identifier, doubt)
            }
            Capture::Sensed(sensed) => return self.sense(&report.device, sensed).await,
            Capture::Unsettled => return,
        };
        let device = report.device.to_string();
        let given = self.answer(&Input::Scan { identifier, device, doubt }).await;
        if let Some(done) = report.done {
            let recorded = !matches!(given.answer.say, Say::CannotRecord { .. });
            // The picture folder may have stopped waiting.
            let _ = done.send(recorded);
        }
    }

    /// Writes what a sensor said; a weight is what the next piece of a lot stands for.
    async fn sense(&mut self, device: &str, sensed: Sensed) {
        let read_point = self.handheld.settings().read_point.clone();
        note(&self.house, &mut self.senses, read_point, device, &sensed).await;
        // An empty pan and a tare taken off say nothing of the next piece: what was weighed before still stands.
        if let Sensed::Weight { micrograms, .. } = sensed
            && 0 < micrograms
        {
            self.answer(&Input::Amount(Quantity { amount: micrograms, unit: Unit::Mass })).await;
        }
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Input { input, reply } => {
                let _ = reply.send(self.answer(&input).await);
            }
            Order::Unreadable { reply } => {
                let answer = Answer::bare(Outcome::Ask, Say::Unreadable);
                let given = self.house.give(&self.station, Moment::now(), answer, None);
                self.show(given.clone());
                let _ = reply.send(given);
            }
            Order::Acknowledge { reply } => {
                let _ = reply.send(false);
            }
        }
    }

    /// Decides, writes, and only then answers.
    async fn answer(&mut self, input: &Input) -> Arc<Given> {
        let now = self.house.now();
        // Another station may not choose the same number before this one is written.
        let counters = self.house.counters.clone();
        let turn = if self.handheld.gives_numbers() { Some(counters.lock_owned().await) } else { None };
        let last_seq = self.house.book.state().last;
        let plan = self.house.decide(now, |world| self.handheld.plan(input, world, last_seq));
        let kept = match turn {
            Some(turn) => keep(turn, plan.marks.clone()).await.map(Some),
            None => Ok(None),
        };
        let written = match (&kept, plan.body.clone()) {
            (Err(why), _) => Err(CannotRecord::Store { why: why.to_string() }),
            (Ok(_), None) => self.house.remember(plan.marks.clone()).await.map(|()| None),
            (Ok(_), Some(body)) => self.house.record(now.at, body, plan.marks.clone()).await.map(Some),
        };
        drop(kept);
        let line = match written {
            Ok(line) => line,
            Err(error) => {
                let why = format!("{error}. {}", error.help());
                let answer = Answer { outcome: Outcome::Stop, say: Say::CannotRecord { why }, ..plan.answer };
                let given = self.house.give(&self.station, now.at, answer, None);
                self.show(given.clone());
                return given;
            }
        };
        let answer = plan.answer.clone();
        self.handheld.carry_out(plan, line.map(|recorded| recorded.line));
        let given = self.house.give(&self.station, now.at, answer, line);
        self.show(given.clone());
        given
    }

    fn show(&self, given: Arc<Given>) {
        self.shown.send_replace(DeskShown { state: self.handheld.state().clone(), last: Some(given) });
    }
}

/// A door at work.
pub struct Gate {
    house: Arc<House>,
    station: Arc<str>,
    door: Door,
    /// Sightings weaker than this come from beyond the door.
    weakest_rssi_dbm: i16,
    unwritten: VecDeque<(Tick, Draft)>,
    write_after: Duration,
    senses: Senses,
    shown: watch::Sender<DoorShown>,
}

impl Gate {
    pub fn new(
        house: Arc<House>,
        settings: door::Settings,
        weakest_rssi_dbm: i16,
    ) -> (Gate, watch::Receiver<DoorShown>) {
        let (inside, outside) = (settings.inside.clone(), settings.outside.clone());
        let (shown, watch) = watch::channel(DoorShown { view: View::Idle, last: None, unwritten: 0, inside, outside });
        let station: Arc<str> = settings.station.as_str().into();
        let alarm = house.decide(house.now(), |world| world.remembered.alarm_of(&settings.station));
        let door = Door::new(settings, alarm);
        let (unwritten, write_after, senses) = (VecDeque::new(), Duration::ZERO, Senses::default());
        (Gate { house, station, door, weakest_rssi_dbm, unwritten, write_after, senses, shown }, watch)
    }

    /// Works as [`Desk::run`] does; at the end what is still in the field is written as it stands.
    pub async fn run(
        mut self,
        mut reports: mpsc::Receiver<Report>,
        mut orders: mpsc::Receiver<Order>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut ticks = time::interval(DOOR_TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut reading, mut ordering) = (true, true);
        while reading || ordering {
            tokio::select! {
                report = reports.recv(), if reading => match report {
                    Some(report) => self.take(report).await,
                    None => reading = false,
                },
                order = orders.recv(), if ordering => match order {
                    Some(order) => self.obey(order).await,
                    None => ordering = false,
                },
                () = ended(&mut stop), if reports.is_empty() && orders.is_empty() => break,
                _ = ticks.tick() => self.tick().await,
            }
        }
        let now = self.house.now();
        let drafts = self.house.decide(now, |world| self.door.finish(world, now));
        self.write(drafts, now).await;
    }

    async fn take(&mut self, report: Report) {
        let now = self.house.now();
        let device = report.device.to_string();
        let sighting = match capture::capture(&report.read) {
            Capture::Sighting { rssi_dbm: Some(rssi_dbm), .. } if rssi_dbm < self.weakest_rssi_dbm => return,
            Capture::Sighting { identifier, antenna, rssi_dbm, reads, age, .. } => {
                Sighting { identifier, device, antenna, rssi_dbm, reads, age }
            }
            Capture::Sensed(sensed) => {
                let read_point = self.door.settings().read_point.clone();
                return note(&self.house, &mut self.senses, read_point, &device, &sensed).await;
            }
            Capture::Unsettled => return,
            // A badge, or a piece that the antennas cannot read and a person scans by hand.
            Capture::Scan { identifier, .. } => {
                let meaning = self.house.decide(now, |world| world.reference.look_up(&identifier));
                if let Meaning::Person(person) = meaning {
                    self.door.badge(person, now);
                    self.show(None, now);
                    return;
                }
                Sighting { identifier, device, antenna: 0, rssi_dbm: None, reads: 1, age: Duration::ZERO }
            }
        };
        let drafts = self.house.decide(now, |world| self.door.see(in_house(sighting, world), world, now));
        self.write(drafts, now).await;
        self.show(None, now);
        if let Some(done) = report.done {
            let _ = done.send(self.unwritten.is_empty());
        }
    }

    async fn obey(&mut self, order: Order) {
        let now = self.house.now();
        match order {
            Order::Input { input: Input::Scan { identifier, device, .. }, reply } => {
                let bytes = identifier.to_string();
                let meaning = self.house.decide(now, |world| world.reference.look_up(&identifier));
                let unit = match &meaning {
                    Meaning::Unit(number) => Some(number.clone()),
                    _ => None,
                };
                let say = match meaning {
                    Meaning::Person(person) => {
                        self.door.badge(person, now);
                        Say::Person { person, takes: true }
                    }
                    _ => {
                        let sighting =
                            Sighting { identifier, device, antenna: 0, rssi_dbm: None, reads: 1, age: Duration::ZERO };
                        let drafts =
                            self.house.decide(now, |world| self.door.see(in_house(sighting, world), world, now));
                        self.write(drafts, now).await;
                        Say::Seen
                    }
                };
                let answer = Answer { outcome: Outcome::Note, say, code: Some(bytes), unit };
                let _ = reply.send(self.house.give(&self.station, now.at, answer, None));
            }
            Order::Input { reply, .. } => {
                let answer = Answer::bare(Outcome::Note, Say::NotAtADoor);
                let _ = reply.send(self.house.give(&self.station, now.at, answer, None));
            }
            Order::Unreadable { reply } => {
                let answer = Answer::bare(Outcome::Ask, Say::Unreadable);
                let _ = reply.send(self.house.give(&self.station, now.at, answer, None));
            }
            Order::Acknowledge { reply } => {
                let ended = self.door.acknowledge();
                if ended {
                    let text = "the alarm was ended by a person at the terminal's screen".to_owned();
                    let body = Body::System(System::Health { subject: self.station.to_string(), ok: true, text });
                    if let Err(error) = self.house.record(now.at, body, vec![self.door.alarm()]).await {
                        tracing::warn!("the end of an alarm was not recorded: {error}");
                    }
                }
                let _ = reply.send(ended);
            }
        }
        self.show(None, now);
    }

    async fn tick(&mut self) {
        let now = self.house.now();
        let drafts = self.house.decide(now, |world| self.door.tick(world, now));
        self.write(drafts, now).await;
        self.show(None, now);
    }

    /// Writes the lines in their order. What cannot be written waits: a passage is never dropped while there is memory.
    async fn write(&mut self, drafts: Vec<Draft>, now: Tick) {
        self.unwritten.extend(drafts.into_iter().map(|draft| (now, draft)));
        while UNWRITTEN_MAX < self.unwritten.len() {
            self.unwritten.pop_front();
            tracing::error!(station = %self.station, "{}: a passage is lost, nothing can be recorded for too long", self.station);
        }
        if now.mono < self.write_after {
            return;
        }
        while let Some((seen, draft)) = self.unwritten.front() {
            match self.house.record(seen.at, draft.body.clone(), draft.marks.clone()).await {
                Ok(recorded) => {
                    let Some((seen, draft)) = self.unwritten.pop_front() else { return };
                    self.door.written(&draft, now);
                    let given = self.house.give(&self.station, seen.at, draft.answer, Some(recorded));
                    self.show(Some(given), now);
                }
                Err(error) => {
                    if self.unwritten.len() == 1 {
                        tracing::error!(station = %self.station, "{}: a passage waits to be recorded: {error}", self.station);
                    }
                    self.write_after = now.mono + WRITE_AGAIN;
                    return;
                }
            }
        }
    }

    fn show(&self, given: Option<Arc<Given>>, now: Tick) {
        let view = self.house.decide(now, |world| self.door.view(world, now));
        let unwritten = self.unwritten.len();
        self.shown.send_if_modified(|shown| {
            let news = shown.view != view || shown.unwritten != unwritten || given.is_some();
            shown.view = view;
            shown.unwritten = unwritten;
            if given.is_some() {
                shown.last = given;
            }
            news
        });
    }
}

/// Keeps what is about to be given. The turn goes on until the line is written.
async fn keep(mut turn: OwnedMutexGuard<Counters>, marks: Vec<Mark>) -> io::Result<OwnedMutexGuard<Counters>> {
    let kept = tokio::task::spawn_blocking(move || turn.keep(&marks).map(|()| turn)).await;
    kept.map_err(io::Error::other)?
}

/// A sighting whose code, when it is a number of the house, stands as on its label.
fn in_house(sighting: Sighting, world: World<'_>) -> Sighting {
    let identifier = sighting.identifier.in_house(world.reference.numbering().readers());
    Sighting { identifier, ..sighting }
}
