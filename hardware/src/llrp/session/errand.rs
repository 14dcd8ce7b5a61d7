//! What is asked of a reader beside reading: outputs, and work on the memory of a tag. One at a time, in order, while
//! the reading goes on.

use std::time::Duration;

use super::{ANSWER_WAIT, Llrp, Step};
use crate::command::{Answer, Command, Signal, Unable};
use crate::llrp::access::{Outcome, Work};
use crate::llrp::message::Parameter;
use crate::llrp::program;
use crate::llrp::report::TagReports;
use crate::llrp::status::Status;

/// Longest wait for a tag to take what is done to it: it must come before an antenna and hold still.
const WORK_WAIT: Duration = Duration::from_secs(5);

/// Errands that wait at once; a station asks for a few.
const WAITING_MAX: usize = 64;

/// Something to ask of the reader.
#[derive(Clone, Debug)]
pub(super) enum Errand {
    /// Does our program run?
    Look,
    Output {
        /// `None`: an output goes back by itself.
        number: Option<u32>,
        line: u16,
        on: bool,
        lasts: Option<Duration>,
    },
    Work {
        number: u32,
        work: Work,
    },
}

/// What an errand waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Output {
        number: Option<u32>,
        line: u16,
        on: bool,
        lasts: Option<Duration>,
    },
    AddWork,
    EnableWork,
    /// The tag.
    Tag,
    DeleteWork,
}

/// Work on a tag that is under way.
#[derive(Clone, Debug)]
pub(super) struct Access {
    id: u32,
    number: u32,
    work: Work,
    /// What the last attempt came to.
    trouble: Option<&'static str>,
}

/// An output that goes back to `on` by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct SwitchBack {
    pub at: Duration,
    line: u16,
    on: bool,
}

impl SwitchBack {
    pub(super) fn request(self) -> Parameter {
        program::output(self.line, self.on)
    }
}

impl Llrp {
    pub(super) fn take_errand(&mut self, number: u32, command: &Command, now: Duration) -> Result<(), Unable> {
        let lamp = |line: Option<u16>| {
            let lasts = Some(self.settings.lamps.lasts);
            line.map(|line| Ok(Errand::Output { number: Some(number), line, on: true, lasts })).ok_or(Unable)
        };
        let errand = match command {
            Command::Signal(Signal::Good) => lamp(self.settings.lamps.good)?,
            Command::Signal(Signal::Bad) => lamp(self.settings.lamps.bad)?,
            Command::Output { line, on, lasts } => {
                Ok(Errand::Output { number: Some(number), line: *line, on: *on, lasts: *lasts })
            }
            Command::ReadMemory { epc, bank, from_word, words, password } => {
                Work::read(epc, *bank, *from_word, *words, *password).map(|work| Errand::Work { number, work })
            }
            Command::WriteEpc { epc, to, password } => {
                Work::write(epc, to, *password).map(|work| Errand::Work { number, work })
            }
            Command::Trigger { .. }
            | Command::AimLight { .. }
            | Command::Reading { .. }
            | Command::Zero
            | Command::Tare
            | Command::Print { .. } => return Err(Unable),
        };
        match errand {
            Err(reason) => self.answered(number, Answer::Refused { reason }),
            Ok(_)
                if !self.told_ready
                    || matches!(self.step, Step::Over | Step::Disable | Step::Delete | Step::Goodbye) =>
            {
                self.refuse(number, "the reader is not connected; ask again when it is");
            }
            Ok(_) if WAITING_MAX <= self.errands.len() => {
                self.refuse(number, "too many requests wait for the reader; ask again later");
            }
            Ok(errand) => {
                self.errands.push_back(errand);
                self.next_errand(now);
            }
        }
        Ok(())
    }

    /// Looks after our program as soon as the errand under way is done.
    pub(super) fn look_next(&mut self) {
        if !matches!(self.errands.front(), Some(Errand::Look)) {
            self.errands.push_front(Errand::Look);
        }
    }

    /// Outputs whose time is over.
    pub(super) fn switch_back(&mut self, now: Duration) {
        if !self.reads() {
            return;
        }
        let (due, later): (Vec<_>, Vec<_>) = self.switch_back.iter().partition(|output| output.at <= now);
        self.switch_back = later;
        self.errands.extend(due.into_iter().map(|SwitchBack { line, on, .. }| Errand::Output {
            number: None,
            line,
            on,
            lasts: None,
        }));
    }

    /// Begins what waits, when nothing is under way.
    pub(super) fn next_errand(&mut self, now: Duration) {
        while self.step == Step::Reading {
            match self.errands.pop_front() {
                None => return,
                Some(Errand::Look) => self.look(now),
                Some(Errand::Output { number, line, on, lasts }) => self.begin_output(number, line, on, lasts, now),
                Some(Errand::Work { number, work }) => self.begin_work(number, work, now),
            }
        }
    }

    fn begin_output(&mut self, number: Option<u32>, line: u16, on: bool, lasts: Option<Duration>, now: Duration) {
        self.switch_back.retain(|output| output.line != line);
        let outputs = self.fit.reader.outputs.unwrap_or(u16::MAX);
        if line == 0 || outputs < line {
            let reason = match outputs {
                0 => "the reader has no outputs".to_owned(),
                _ => format!("there is no output {line}; the reader has outputs 1 to {outputs}"),
            };
            return number.into_iter().for_each(|number| self.refuse(number, &reason));
        }
        self.ask(Step::Errand(Stage::Output { number, line, on, lasts }), program::output(line, on), now);
    }

    fn begin_work(&mut self, number: u32, work: Work, now: Duration) {
        if self.fit.reader.access_specs == Some(0) {
            return self.refuse(number, "the reader says that it cannot work on the memory of tags");
        }
        // Never 0, which means all.
        let id = self.last_id.max(1);
        let request = work.request(id);
        self.access = Some(Access { id, number, work, trouble: None });
        self.ask(Step::Errand(Stage::AddWork), request, now);
    }

    /// The answer to the request of an errand.
    pub(super) fn errand_answered(&mut self, stage: Stage, status: &Status, now: Duration) {
        let id = self.access.as_ref().map_or(0, |access| access.id);
        let about = |request| Parameter::new(request).set("AccessSpecID", id);
        match (stage, status.is_success()) {
            (Stage::Output { number, line, on, lasts }, true) => {
                let back = lasts.map(|lasts| SwitchBack { at: now + lasts, line, on: !on });
                self.switch_back.extend(back);
                number.into_iter().for_each(|number| self.answered(number, Answer::Done));
                self.reading(now);
            }
            (Stage::Output { number, line, .. }, false) => {
                let reason = format!("the reader refused to switch output {line}: {status}");
                match number {
                    Some(number) => self.refuse(number, &reason),
                    None => self.fault(reason),
                }
                self.reading(now);
            }
            (Stage::AddWork, true) => {
                self.ask(Step::Errand(Stage::EnableWork), about("ENABLE_ACCESSSPEC"), now);
            }
            (Stage::EnableWork, true) => {
                self.step = Step::Errand(Stage::Tag);
                self.deadline = Some(now + WORK_WAIT);
            }
            (Stage::AddWork | Stage::EnableWork, false) => {
                let reason = format!("the reader refused the work on the tag: {status}");
                self.end_work(Answer::Refused { reason }, now);
            }
            (Stage::Tag | Stage::DeleteWork, _) => self.reading(now),
        }
    }

    /// Results of the work under way, in a report that came.
    pub(super) fn look_for_result(&mut self, body: &[u8], now: Duration) {
        let Some(access) = &mut self.access else {
            return;
        };
        if !matches!(self.step, Step::Errand(Stage::EnableWork | Stage::Tag)) {
            return;
        }
        // Some readers do not say which AccessSpec a result belongs to; ours is the only one.
        let ours = |spec: u32, epc: &[u8]| spec == access.id || spec == 0 && epc == access.work.epc;
        let tags = TagReports::new(body, 0).map_while(Result::ok).filter(|tag| ours(tag.access_spec, tag.epc));
        let mut ended = None;
        for outcome in tags.filter_map(|tag| access.work.outcome(tag.result?)) {
            match outcome {
                Outcome::Ended(answer) => ended = ended.or(Some(answer)),
                Outcome::Again(trouble) => access.trouble = Some(trouble),
            }
        }
        if let Some(answer) = ended {
            self.end_work(answer, now);
        }
    }

    /// The tag did not take the work in time.
    pub(super) fn work_overdue(&mut self, now: Duration) {
        let why = self.access.as_ref().and_then(|access| access.trouble);
        let why = why.unwrap_or("no tag with this EPC was read");
        let seconds = WORK_WAIT.as_secs();
        let reason = format!("{why}, for {seconds} s; hold the tag still before an antenna and ask again");
        self.end_work(Answer::Refused { reason }, now);
    }

    /// Answers, and takes the AccessSpec away: one that stays would work on the next tag with this EPC.
    fn end_work(&mut self, answer: Answer, now: Duration) {
        let Some(Access { id, number, .. }) = self.access.take() else {
            return self.reading(now);
        };
        self.answered(number, answer);
        // An answer to ENABLE_ACCESSSPEC that is still to come is not waited for.
        self.asked = None;
        let request = Parameter::new("DELETE_ACCESSSPEC").set("AccessSpecID", id);
        self.ask(Step::Errand(Stage::DeleteWork), request, now);
        self.deadline = Some(now + ANSWER_WAIT);
    }

    /// Nothing that waits will be done.
    pub(super) fn drop_errands(&mut self, why: &str) {
        match self.step {
            Step::Errand(Stage::Output { number: Some(number), .. }) => self.refuse(number, why),
            Step::Errand(Stage::Output { number: None, line, on, .. }) => self.switch_later(line, on),
            _ => (),
        }
        if let Some(Access { id, number, .. }) = self.access.take() {
            self.send(Parameter::new("DELETE_ACCESSSPEC").set("AccessSpecID", id));
            self.refuse(number, why);
        }
        for errand in std::mem::take(&mut self.errands) {
            match errand {
                Errand::Look => (),
                Errand::Output { number: None, line, on, .. } => self.switch_later(line, on),
                Errand::Output { number: Some(number), .. } | Errand::Work { number, .. } => self.refuse(number, why),
            }
        }
    }

    /// The output is switched when the reader is back.
    fn switch_later(&mut self, line: u16, on: bool) {
        self.switch_back.retain(|output| output.line != line);
        self.switch_back.push(SwitchBack { at: Duration::ZERO, line, on });
    }

    fn refuse(&mut self, number: u32, reason: &str) {
        self.answered(number, Answer::Refused { reason: reason.to_owned() });
    }
}
