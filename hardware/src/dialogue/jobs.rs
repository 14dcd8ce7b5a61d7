//! The commands that wait, the one that is carried out, and the outputs that are to be switched back.

use std::collections::VecDeque;
use std::time::Duration;

use crate::command::{Answer, Command, Unable};
use crate::dialogue::plan::{Job, Plan};
use crate::event::Event;

/// Commands that may wait.
const WAITING_MAX: usize = 16;

#[derive(Clone, Debug)]
pub(crate) struct Jobs<R> {
    job: Option<Job<R>>,
    waiting: VecDeque<Job<R>>,
    /// Outputs that are to be switched back, at most one entry for each.
    back: Vec<Back>,
    /// The one that is being switched back.
    switching: Option<Back>,
    /// Of the commands that switch an output for a time: what is to follow, and after which time.
    follows: VecDeque<(u32, Back, Duration)>,
}

/// When an output is to be switched, and to what.
#[derive(Clone, Copy, Debug)]
struct Back {
    at: Duration,
    line: u16,
    on: bool,
}

impl<R> Default for Jobs<R> {
    fn default() -> Self {
        let (waiting, follows) = (VecDeque::new(), VecDeque::new());
        Self { job: None, waiting, back: Vec::new(), switching: None, follows }
    }
}

impl<R> Jobs<R> {
    /// Lets a command wait for its turn; gives its answer when it cannot.
    pub(crate) fn ask(&mut self, number: u32, command: &Command, plan: Plan<R>) -> Option<Event> {
        if WAITING_MAX <= self.waiting.len() {
            return Some(refused(number, "too much was asked of the reader at once; wait for its answers"));
        }
        if let &Command::Output { line, on, lasts } = command {
            self.back.retain(|back| back.line != line);
            self.follows.retain(|(_, back, _)| back.line != line);
            if let Some(lasts) = lasts {
                self.follows.push_back((number, Back { at: Duration::MAX, line, on: !on }, lasts));
            }
        }
        self.waiting.push_back(Job::new(Some(number), plan));
        None
    }

    /// What is being carried out.
    pub(crate) fn job(&mut self) -> Option<&mut Job<R>> {
        self.job.as_mut()
    }

    /// Takes up what is due next, an output first; false when nothing is.
    pub(crate) fn begin(&mut self, now: Duration, plan: impl Fn(&Command) -> Result<Plan<R>, Unable>) -> bool {
        if let Some(place) = self.back.iter().position(|back| back.at <= now) {
            let back = self.back.swap_remove(place);
            let command = Command::Output { line: back.line, on: back.on, lasts: None };
            if let Ok(plan) = plan(&command) {
                self.switching = Some(back);
                self.job = Some(Job::new(None, plan));
                return true;
            }
        }
        self.job = self.waiting.pop_front();
        self.job.is_some()
    }

    /// The job is done: its answer, where somebody waits for one.
    pub(crate) fn finish(&mut self, now: Duration) -> Option<Event> {
        let job = self.job.take()?;
        let number = job.number;
        let answer = job.answer();
        let Some(number) = number else {
            self.switching = None;
            let Answer::Refused { reason } = answer else { return None };
            return Some(Event::Fault { text: format!("an output could not be switched back: {reason}") });
        };
        let place = self.follows.iter().position(|(of, ..)| *of == number);
        if let Some((_, back, lasts)) = place.and_then(|place| self.follows.remove(place))
            && answer == Answer::Done
        {
            self.back.push(Back { at: now.saturating_add(lasts), ..back });
        }
        Some(Event::Answer { number, answer })
    }

    /// The job was not answered: an output that it was to switch back still is to be.
    pub(crate) fn given_up(&mut self) {
        self.back.extend(self.switching.take());
    }

    /// Nothing more can be asked: the answers to all that was. An output that is to be switched back, or may have been
    /// switched, is so when the reader is there again.
    pub(crate) fn cut_off(&mut self) -> Vec<Event> {
        self.given_up();
        if let Some(number) = self.job.as_ref().and_then(|job| job.number) {
            let begun = self.follows.iter().filter(|(of, ..)| *of == number);
            self.back.extend(begun.map(|&(_, back, _)| Back { at: Duration::ZERO, ..back }));
        }
        self.follows.clear();
        let jobs = self.job.take().into_iter().chain(std::mem::take(&mut self.waiting));
        let answer = |mut job: Job<R>| {
            job.cut_off();
            job.number.map(|number| Event::Answer { number, answer: job.answer() })
        };
        jobs.filter_map(answer).collect()
    }

    /// When something is due, if nothing is asked.
    pub(crate) fn wake(&self) -> Option<Duration> {
        let back = self.back.iter().map(|back| back.at).min();
        if self.waiting.is_empty() { back } else { Some(Duration::ZERO) }
    }
}

pub(crate) fn refused(number: u32, reason: &str) -> Event {
    Event::Answer { number, answer: Answer::Refused { reason: reason.into() } }
}
