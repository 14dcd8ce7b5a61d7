//! Sessions with readers that take one request at a time: who is there, configure, read, answer what is asked in
//! between, notice when nobody is there any more.
//!
//! A [`Tongue`] says what a family speaks; everything that has to do with time stands here. A request that is not
//! answered in its time is sent again, up to [`TRIES`]. A reader that leaves a round or its stream unanswered may have
//! lost its power for a moment and forgotten all that it was told: it is greeted and configured anew, silently where it
//! answers, and is lost where it does not.

pub(crate) mod jobs;
pub(crate) mod line;
pub(crate) mod plan;
pub(crate) mod tongue;

use std::collections::VecDeque;
use std::fmt::Debug;
use std::time::Duration;

use crate::command::{Command, Unable};
use crate::device::{Cut, Session};
use crate::event::Event;

use jobs::Jobs;
use line::Line;
use plan::{Job, Outcome};
use tongue::{Heard, Need, Reading, Tongue};

/// Attempts to have a request answered.
pub(crate) const TRIES: u8 = 3;

/// Pause in the middle of a message after which the rest will not come. Readers pause 15 ms at most; USB adapters deliver
/// in parcels up to 16 ms apart, bridges on a network somewhat later.
pub(crate) const GAP: Duration = Duration::from_millis(100);

/// Pause behind a round that the reader refused.
const REFUSED_PAUSE: Duration = Duration::from_millis(500);

/// A session with one reader of any such family.
#[derive(Debug)]
pub(crate) struct Dialogue<T: Tongue> {
    tongue: T,
    line: Line,
    phase: Phase<T::Request>,
    asked: Option<Asked<T::Request>>,
    /// [`Event::Ready`] was reported since the link was opened.
    ready: bool,
    /// When the last sound message came.
    sound: Duration,
    next_round: Duration,
    next_chore: Duration,
    jobs: Jobs<T::Request>,
}

#[derive(Clone, Debug)]
enum Phase<R> {
    /// Before `opened`, after `close`, and after the reader was lost.
    Over,
    Greeting(VecDeque<(Need, R)>),
    Reading {
        /// The stream was begun.
        begun: bool,
    },
    Closing,
}

#[derive(Clone, Debug)]
struct Asked<R> {
    request: R,
    why: Why,
    tries: u8,
    until: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Greeting(Need),
    Round,
    Begin,
    Probe,
    Chore,
    Job,
    Farewell,
}

/// Whether an incomplete message at the end can still be completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Comes,
    Lost,
}

impl<T: Tongue> Dialogue<T> {
    pub(crate) fn new(tongue: T) -> Self {
        Self {
            tongue,
            line: Line::default(),
            phase: Phase::Over,
            asked: None,
            ready: false,
            sound: Duration::ZERO,
            next_round: Duration::ZERO,
            next_chore: Duration::ZERO,
            jobs: Jobs::default(),
        }
    }
}

impl<T: Tongue> Session for Dialogue<T> {
    fn opened(&mut self, now: Duration) {
        self.salvage(now);
        self.line.out.clear();
        self.line.told.clear();
        self.line.events.extend(self.jobs.cut_off());
        self.ready = false;
        self.asked = None;
        self.sound = now;
        self.greet(now);
    }

    fn receive(&mut self, bytes: &[u8], now: Duration) {
        if self.closed() || bytes.is_empty() {
            return;
        }
        self.line.heard = now;
        self.line.received.extend_from_slice(bytes);
        self.take_messages(Rest::Comes, now);
        self.tick(now);
    }

    fn tick(&mut self, now: Duration) {
        if !self.line.received.is_empty() && self.line.heard.saturating_add(GAP) <= now {
            self.take_messages(Rest::Lost, now);
        }
        if self.asked.as_ref().is_some_and(|asked| asked.until <= now) {
            self.overdue(now);
        }
        self.proceed(now);
    }

    fn transmit(&mut self) -> Option<Vec<u8>> {
        self.line.out.pop_front()
    }

    fn poll(&mut self) -> Option<Event> {
        self.line.events.pop_front()
    }

    fn wake(&self) -> Option<Duration> {
        let next = match (&self.phase, &self.asked) {
            (Phase::Over, _) => return None,
            (_, Some(asked)) => Some(asked.until),
            (Phase::Reading { .. }, None) => Some(self.next_turn()),
            (Phase::Greeting(_) | Phase::Closing, None) => None,
        };
        let gap = (!self.line.received.is_empty()).then(|| self.line.heard.saturating_add(GAP));
        gap.into_iter().chain(next).min()
    }

    /// Ends the reading; [`Session::closed`] when the reader said so, or did not within its tries.
    fn close(&mut self, now: Duration) {
        match self.phase {
            Phase::Over | Phase::Closing => return,
            // Nobody has answered, and nobody will.
            Phase::Greeting(_) if !self.ready => return self.over(),
            Phase::Greeting(_) | Phase::Reading { .. } => (),
        }
        self.line.events.extend(self.jobs.cut_off());
        self.asked = None;
        match self.tongue.farewell() {
            Some(request) => {
                self.phase = Phase::Closing;
                self.ask(request, Why::Farewell, now);
            }
            None => self.over(),
        }
    }

    fn closed(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    fn command(&mut self, number: u32, command: &Command, now: Duration) -> Result<(), Unable> {
        let plan = self.tongue.plan(command)?;
        if self.closed() || matches!(self.phase, Phase::Closing) {
            let reason = "the reader is not connected; try again when it is back";
            self.line.events.push_back(jobs::refused(number, reason));
            return Ok(());
        }
        self.line.events.extend(self.jobs.ask(number, command, plan));
        self.proceed(now);
        Ok(())
    }
}

impl<T: Tongue> Dialogue<T> {
    fn take_messages(&mut self, rest: Rest, now: Duration) {
        let mut received = std::mem::take(&mut self.line.received);
        let mut used = 0;
        while let Some(left) = received.get(used..).filter(|left| !left.is_empty()) {
            if self.closed() {
                break;
            }
            used += match self.tongue.cut(left) {
                Cut::Message(length) => self.heed(left.get(..length).unwrap_or(left), now),
                Cut::Noise(length) => {
                    self.line.noise += length;
                    length
                }
                Cut::Blank(length) => length,
                Cut::Incomplete if rest == Rest::Comes => break,
                // One byte and no more: the next true message may begin right behind it.
                Cut::Incomplete => {
                    self.line.noise += 1;
                    1
                }
            };
        }
        if self.closed() {
            received.clear();
        } else {
            received.drain(..used);
        }
        self.line.received = received;
        self.line.report_noise();
    }

    /// The link is gone: reads what stands whole behind a message that will not be completed.
    fn salvage(&mut self, now: Duration) {
        let received = std::mem::take(&mut self.line.received);
        let mut left = received.as_slice();
        while !left.is_empty() {
            let (used, sound) = match self.tongue.cut(left) {
                Cut::Message(length) => {
                    let message = left.get(..length).unwrap_or(left);
                    match self.tongue.hear(message, None, now, &mut self.line) {
                        Heard::Chance => (1, false),
                        Heard::Noise => (length, false),
                        Heard::Answer(_) | Heard::More | Heard::Again | Heard::Aside => (length, true),
                    }
                }
                Cut::Noise(length) => (length, false),
                Cut::Blank(length) => (length, true),
                Cut::Incomplete => (1, false),
            };
            if !sound {
                self.line.noise += used;
            }
            left = left.get(used..).unwrap_or_default();
        }
        self.line.report_noise();
    }

    /// Acts on what was cut as a message; how many bytes it was.
    fn heed(&mut self, message: &[u8], now: Duration) -> usize {
        let asked = self.asked.as_ref().map(|asked| &asked.request);
        let heard = self.tongue.hear(message, asked, now, &mut self.line);
        let noise = match heard {
            Heard::Noise => message.len(),
            Heard::Chance => 1,
            Heard::Answer(_) | Heard::More | Heard::Again | Heard::Aside => 0,
        };
        if 0 < noise {
            self.line.noise += noise;
            return noise;
        }
        self.sound = now;
        if let Some(asked) = &mut self.asked {
            match heard {
                Heard::Answer(outcome) => self.answered(outcome, now),
                Heard::More => asked.until = now.saturating_add(self.tongue.patience(&asked.request)),
                Heard::Again => asked.until = now,
                Heard::Aside | Heard::Noise | Heard::Chance => (),
            }
        }
        message.len()
    }

    fn answered(&mut self, outcome: Outcome, now: Duration) {
        let Some(Asked { request, why, .. }) = self.asked.take() else { return };
        match (why, outcome) {
            (Why::Greeting(Need::Must), Outcome::Refused(reason)) => {
                return self.lost(format!("the reader refused \"{request}\": {reason}"));
            }
            (Why::Greeting(Need::May), Outcome::Refused(reason)) => {
                let text = format!("the reader refused \"{request}\" and keeps its own setting: {reason}");
                self.line.fault(text, now);
            }
            (Why::Greeting(_), _) | (Why::Probe | Why::Chore, _) => (),
            (Why::Round, outcome) => {
                self.next_round = now;
                if let Outcome::Refused(reason) = outcome {
                    self.line.fault(format!("the reader could not look for tags: {reason}"), now);
                    self.next_round = now.saturating_add(REFUSED_PAUSE);
                }
            }
            (Why::Begin, Outcome::Refused(reason)) => {
                return self.lost(format!("the reader would not begin to read: {reason}"));
            }
            (Why::Begin, Outcome::Done | Outcome::Memory(_)) => self.phase = Phase::Reading { begun: true },
            (Why::Job, outcome) => {
                if let Some(job) = self.jobs.job() {
                    job.answered(outcome);
                }
            }
            (Why::Farewell, _) => return self.over(),
        }
        self.proceed(now);
    }

    /// The request was not answered in its time.
    fn overdue(&mut self, now: Duration) {
        let Some(Asked { request, why, tries, .. }) = self.asked.take() else { return };
        let once = match why {
            Why::Greeting(need) => need == Need::Try,
            Why::Round | Why::Probe => true,
            Why::Begin | Why::Chore | Why::Farewell => false,
            Why::Job => self.jobs.job().is_some_and(|job| !job.again()),
        };
        if !once && tries < TRIES {
            self.line.out.push_back(self.tongue.encode(&request));
            let until = now.saturating_add(self.tongue.patience(&request));
            self.asked = Some(Asked { request, why, tries: tries + 1, until });
            return;
        }
        match why {
            Why::Greeting(Need::Try) => (),
            Why::Greeting(Need::Must | Need::May) => self.lost(match (&self.phase, self.ready) {
                (_, true) => "the reader fell silent; check its cable and power".into(),
                (_, false) if self.tongue.model().is_empty() => {
                    "the reader did not say who it is; check cable and power, and that the speed is right".into()
                }
                (_, false) => format!("the reader did not answer to \"{request}\"; check its cable and power"),
            }),
            Why::Round | Why::Begin | Why::Probe | Why::Chore => self.greet(now),
            Why::Job => {
                if !self.jobs.job().is_some_and(Job::unanswered) {
                    self.jobs.given_up();
                    self.finish_job(now);
                    self.greet(now);
                }
            }
            Why::Farewell => self.over(),
        }
    }

    /// Goes on when nothing waits for an answer.
    fn proceed(&mut self, now: Duration) {
        while self.asked.is_none() {
            match &mut self.phase {
                Phase::Over | Phase::Closing => return,
                Phase::Greeting(todo) => match todo.pop_front() {
                    Some((_, request)) if self.tongue.needless(&request) => (),
                    Some((need, request)) => self.ask(request, Why::Greeting(need), now),
                    None => self.begin_reading(now),
                },
                Phase::Reading { begun } => {
                    let begun = *begun;
                    if !self.turn(begun, now) {
                        return;
                    }
                }
            }
        }
    }

    /// What is next while it reads; false when nothing is due.
    fn turn(&mut self, begun: bool, now: Duration) -> bool {
        if let Some(job) = self.jobs.job() {
            match job.request().cloned() {
                Some(request) => self.ask(request, Why::Job, now),
                None => self.finish_job(now),
            }
            return true;
        }
        if self.jobs.begin(now, |command| self.tongue.plan(command)) {
            return true;
        }
        if let Some((every, request)) = self.tongue.chore().filter(|_| self.next_chore <= now) {
            self.next_chore = now.saturating_add(every);
            self.ask(request, Why::Chore, now);
            return true;
        }
        match self.tongue.reading() {
            Reading::Rounds { round } if self.next_round <= now => self.ask(round, Why::Round, now),
            Reading::Rounds { .. } => return false,
            Reading::Stream { begin: Some(begin), .. } if !begun => self.ask(begin, Why::Begin, now),
            Reading::Stream { silence, probe, .. } if self.sound.saturating_add(silence) <= now => match probe {
                Some(probe) => self.ask(probe, Why::Probe, now),
                None => self.greet(now),
            },
            Reading::Stream { .. } => return false,
        }
        true
    }

    /// When [`Dialogue::turn`] next has something to do, if nothing comes.
    fn next_turn(&self) -> Duration {
        let reading = match self.tongue.reading() {
            Reading::Rounds { .. } => self.next_round,
            Reading::Stream { silence, .. } => self.sound.saturating_add(silence),
        };
        let chore = self.tongue.chore().map(|_| self.next_chore);
        chore.into_iter().chain(self.jobs.wake()).fold(reading, Duration::min)
    }

    fn greet(&mut self, now: Duration) {
        self.asked = None;
        self.phase = Phase::Greeting(self.tongue.greeting().into());
        self.proceed(now);
    }

    fn begin_reading(&mut self, now: Duration) {
        if !std::mem::replace(&mut self.ready, true) {
            let model = self.tongue.model();
            self.line.report_noise();
            self.line.events.push_back(Event::Ready { model });
        }
        self.sound = now;
        self.next_round = now;
        if let Some((every, _)) = self.tongue.chore() {
            self.next_chore = now.saturating_add(every);
        }
        self.phase = Phase::Reading { begun: false };
    }

    fn ask(&mut self, request: T::Request, why: Why, now: Duration) {
        self.line.out.push_back(self.tongue.encode(&request));
        let until = now.saturating_add(self.tongue.patience(&request));
        self.asked = Some(Asked { request, why, tries: 1, until });
    }

    fn finish_job(&mut self, now: Duration) {
        self.line.report_noise();
        self.line.events.extend(self.jobs.finish(now));
    }

    fn over(&mut self) {
        self.asked = None;
        self.phase = Phase::Over;
        self.salvage(self.line.heard);
        self.line.events.extend(self.jobs.cut_off());
    }

    fn lost(&mut self, reason: String) {
        self.line.out.clear();
        self.over();
        self.line.events.push_back(Event::Lost { reason });
    }
}
