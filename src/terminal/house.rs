//! What all stations of this terminal share: the book, the reference data, what it remembers, its clock and its answers.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::{broadcast, watch};

use crate::event::{Body, LineRef, Reason, System};
use crate::hex::Hex;
use crate::ledger::book::{Book, CannotRecord, Entry, Marks, ReadError};
use crate::quantity::Moment;
use crate::sync::link::Link;
use crate::sync::records::Record;
use crate::terminal::answer::Answer;
use crate::terminal::counters::Counters;
use crate::terminal::door::Tick;
use crate::terminal::reference::Reference;
use crate::terminal::remembered::{self, Mark, Remembered};
use crate::terminal::rules::{Circumstances, Policy, World};

/// Answers that a slow reader of the stream may lag behind before it loses the oldest.
const ANSWERS_KEPT: usize = 4096;

/// Wall clock and steady clock may part by so much between two looks without being called a jump: a time service slews
/// by less.
const JUMP: Duration = Duration::from_secs(2);

/// Lines read from the book at a time for the self-check.
const PAGE_LINES: usize = 1000;
const PAGE_BYTES: usize = 4 << 20;

/// A durable line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub line: LineRef,
    pub hash: Hex<32>,
}

/// An answer that a station gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Counts the answers since the start: a screen plays each sound once.
    pub number: u64,
    pub station: Arc<str>,
    pub at: Moment,
    pub answer: Answer,
    /// The line behind it; `None` where nothing was recorded.
    pub line: Option<Recorded>,
}

impl Given {
    /// The object of the stream of answers.
    pub fn to_json(&self) -> serde_json::Value {
        let line = self.line.map(|recorded| {
            serde_json::json!({
                "terminal": recorded.line.terminal,
                "epoch": recorded.line.epoch,
                "seq": recorded.line.seq,
                "hash": recorded.hash,
            })
        });
        serde_json::json!({
            "number": self.number,
            "station": &*self.station,
            "at_us": self.at,
            "tone": self.answer.outcome.word(),
            "word": self.answer.say.word(),
            "code": self.answer.code,
            "unit": self.answer.unit,
            "line": line,
        })
    }
}

/// What the last self-check found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct SelfCheck {
    pub at_us: Moment,
    /// Answers shown with a line.
    pub shown: u64,
    /// Lines of the same span in the book.
    pub written: u64,
}

struct Shown {
    /// Numbers of the lines that were shown since `from`.
    lines: BTreeSet<u64>,
    /// Last line of the span before.
    from: u64,
    last: Option<SelfCheck>,
    number: u64,
}

struct Clock {
    at: Moment,
    steady: Duration,
    jumped: bool,
}

pub struct House {
    pub name: String,
    pub zone: TimeZone,
    pub book: Book,
    pub link: watch::Receiver<Link>,
    /// Cursor of the downlink when the reference data were read: what came later has to be taken in.
    pub known_to: u64,
    /// Held from the choice of a number until its line is durable: two stations would choose the same one.
    pub counters: Arc<tokio::sync::Mutex<Counters>>,
    policy: Policy,
    reference: RwLock<Reference>,
    remembered: RwLock<Remembered>,
    clock: Mutex<Clock>,
    shown: Mutex<Shown>,
    answers: broadcast::Sender<Arc<Given>>,
}

/// Time since the machine started, suspended time included.
pub fn steady() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

impl House {
    /// Reads the reference data and the marks from the book. Blocks.
    ///
    /// # Errors
    /// When the book cannot be read.
    pub fn open(
        name: String,
        zone: TimeZone,
        policy: Policy,
        book: Book,
        link: watch::Receiver<Link>,
        counters: Counters,
    ) -> Result<House, ReadError> {
        let known_to = book.state().cursor;
        let records = book.records()?.into_iter().filter_map(|stored| record(&stored.body));
        let mut reference = Reference::for_book(book.id(), records);
        let marks = book.marks(remembered::PREFIX)?;
        let marks: Vec<Mark> = marks.iter().filter_map(|(_, value)| Mark::parse(value)).collect();
        marks.iter().for_each(|mark| reference.take_mark(mark));
        let remembered = Remembered::of(marks.into_iter().chain(counters.marks().iter().cloned()));
        let from = book.state().last;
        Ok(House {
            name,
            zone,
            book,
            link,
            known_to,
            counters: Arc::new(tokio::sync::Mutex::new(counters)),
            policy,
            reference: RwLock::new(reference),
            remembered: RwLock::new(remembered),
            clock: Mutex::new(Clock { at: Moment::now(), steady: steady(), jumped: false }),
            shown: Mutex::new(Shown { lines: BTreeSet::new(), from, last: None, number: 0 }),
            answers: broadcast::channel(ANSWERS_KEPT).0,
        })
    }

    /// This moment on both clocks.
    pub fn now(&self) -> Tick {
        Tick { mono: steady(), at: Moment::now() }
    }

    /// Hands the decisions what they stand on at `now`.
    pub fn decide<T>(&self, now: Tick, decision: impl FnOnce(World<'_>) -> T) -> T {
        let reference = self.reference.read().unwrap_or_else(PoisonError::into_inner);
        let remembered = self.remembered.read().unwrap_or_else(PoisonError::into_inner);
        let data_age = self.link.borrow().data_age(now.at);
        let now = Circumstances { at: now.at, data_age, clock_jumped: self.clock().jumped };
        decision(World { reference: &reference, remembered: &remembered, policy: &self.policy, now })
    }

    /// Takes in what came down from the server.
    pub fn take(&self, records: impl IntoIterator<Item = Record>) {
        let mut reference = self.reference.write().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            reference.take(record);
        }
    }

    /// Writes one line with its marks, and returns once it is durable.
    ///
    /// # Errors
    /// [`CannotRecord`]: nothing may be called ok.
    pub async fn record(&self, at: Moment, body: Body, marks: Vec<Mark>) -> Result<Recorded, CannotRecord> {
        let names_jump = exceptions(&body).contains(&Reason::ClockJumped);
        let entry = Entry { at, zone_min: self.zone_min(at), body, marks: stored(&marks) };
        let written = match self.book.append(vec![entry]).await {
            Ok(written) => written,
            Err(error) => {
                // A commit that was reported as failed may have reached the disk: its number is not given again.
                self.take_marks(marks.into_iter().filter(|mark| matches!(mark, Mark::Given { .. })).collect());
                return Err(error);
            }
        };
        if names_jump {
            self.clock().jumped = false;
        }
        self.take_marks(marks);
        let id = self.book.id();
        let line = LineRef { terminal: id.terminal, epoch: id.epoch, seq: written.last };
        Ok(Recorded { line, hash: written.head })
    }

    /// Keeps what changed without a line, and returns once it is durable.
    ///
    /// # Errors
    /// [`CannotRecord`]: a restart would not know of it.
    pub async fn remember(&self, marks: Vec<Mark>) -> Result<(), CannotRecord> {
        if marks.is_empty() {
            return Ok(());
        }
        self.book.set_marks(stored(&marks)).await?;
        self.take_marks(marks);
        Ok(())
    }

    /// Forgets what was registered and relabelled here and has come back from the server.
    ///
    /// # Errors
    /// [`CannotRecord`]: it is forgotten the next time.
    pub async fn forget_what_came_back(&self) -> Result<(), CannotRecord> {
        let marks = self.reference.read().unwrap_or_else(PoisonError::into_inner).sent_back();
        self.remember(marks).await
    }

    fn take_marks(&self, marks: Vec<Mark>) {
        if marks.iter().any(|mark| matches!(mark, Mark::Registered { .. } | Mark::Relabelled { .. })) {
            let mut reference = self.reference.write().unwrap_or_else(PoisonError::into_inner);
            marks.iter().for_each(|mark| reference.take_mark(mark));
        }
        let mut remembered = self.remembered.write().unwrap_or_else(PoisonError::into_inner);
        marks.into_iter().for_each(|mark| remembered.take(mark));
    }

    /// Writes what the terminal says of itself. What cannot be written is logged: nobody waits for it.
    pub async fn say(&self, system: System) {
        if let Err(error) = self.record(Moment::now(), Body::System(system), Vec::new()).await {
            tracing::warn!("a report of the terminal itself was not recorded: {error}");
        }
    }

    /// Shows an answer to whoever listens. Called after the line of the answer is durable.
    pub fn give(&self, station: &Arc<str>, at: Moment, answer: Answer, line: Option<Recorded>) -> Arc<Given> {
        let mut shown = self.shown();
        shown.number += 1;
        if let Some(recorded) = line {
            shown.lines.insert(recorded.line.seq);
        }
        let given = Arc::new(Given { number: shown.number, station: station.clone(), at, answer, line });
        drop(shown);
        // No listener is no fault: the screen may be off.
        drop(self.answers.send(given.clone()));
        given
    }

    /// Every answer from now on.
    pub fn answers(&self) -> broadcast::Receiver<Arc<Given>> {
        self.answers.subscribe()
    }

    /// Compares the wall clock with the steady one. Returns by how much it jumped, when it did; the next fact names it.
    pub fn look_at_clock(&self) -> Option<Duration> {
        let (at, steady) = (Moment::now(), steady());
        let mut clock = self.clock();
        let expected = clock.at.plus(steady.saturating_sub(clock.steady));
        let off = at.since(expected).max(expected.since(at));
        (clock.at, clock.steady) = (at, steady);
        let jumped = JUMP < off;
        clock.jumped |= jumped;
        jumped.then_some(off)
    }

    /// Counts the answers shown since the last check against the lines that the book really has. Blocks.
    ///
    /// # Errors
    /// When the book cannot be read.
    pub fn check(&self) -> Result<SelfCheck, ReadError> {
        let last = self.book.state().last;
        // Answers of lines that became durable a moment ago are still on their way.
        std::thread::sleep(Duration::from_millis(300));
        let from = self.shown().from;
        let mut written = 0_u64;
        let mut next = from + 1;
        while next <= last {
            let lines = self.book.lines(next, PAGE_LINES, PAGE_BYTES)?;
            let Some(end) = lines.last() else { break };
            next = end.seq + 1;
            // Facts and corrections are answered at a station; a decision or a system line is not.
            let answered = |kind: u8| kind == 4 || Body::FACTS.contains(&kind);
            written += lines.iter().filter(|line| line.seq <= last && answered(line.kind)).count() as u64;
        }
        let mut shown = self.shown();
        let later = shown.lines.split_off(&(last + 1));
        let count = shown.lines.len() as u64;
        let check = SelfCheck { at_us: Moment::now(), shown: count, written };
        (shown.lines, shown.from, shown.last) = (later, last, Some(check));
        Ok(check)
    }

    pub fn last_check(&self) -> Option<SelfCheck> {
        self.shown().last
    }

    /// Local offset from UTC in minutes at `at`.
    pub fn zone_min(&self, at: Moment) -> i16 {
        let Ok(stamp) = Timestamp::from_microsecond(at.0) else { return 0 };
        i16::try_from(self.zone.to_offset(stamp).seconds() / 60).unwrap_or(0)
    }

    fn clock(&self) -> MutexGuard<'_, Clock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The marks as the book keeps them.
fn stored(marks: &[Mark]) -> Marks {
    marks.iter().map(|mark| (mark.key(), mark.value())).collect()
}

/// Reads the body of a stored record. One that a newer server wrote in another shape is left out and named in the log.
pub fn record(body: &[u8]) -> Option<Record> {
    match serde_json::from_slice(body) {
        Ok(record) => Some(record),
        Err(error) => {
            tracing::warn!("a record of the server cannot be read by this version and is left out: {error}");
            None
        }
    }
}

fn exceptions(body: &Body) -> &[Reason] {
    match body {
        Body::Movement(movement) => &movement.exceptions,
        Body::Passage(passage) => &passage.exceptions,
        Body::Registration(registration) => &registration.exceptions,
        Body::Relabelling(relabelling) => &relabelling.exceptions,
        Body::Attempt(_) | Body::Correction(_) | Body::Decision(_) | Body::System(_) => &[],
    }
}
