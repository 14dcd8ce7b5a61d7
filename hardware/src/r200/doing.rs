//! The steps of what a station asked, between the polls.

use std::time::Duration;

use crate::dialogue::plan::{Job, Outcome};
use crate::hex;
use crate::r200::command::Command;
use crate::r200::session::{ANSWER, Phase, R200, TRIES};

/// How long reading or writing a tag may take.
const ACCESS: Duration = Duration::from_millis(1500);

impl R200 {
    /// Sends the present step of a job, or polls on when it is done.
    pub(super) fn step(&mut self, tries: u8, now: Duration) {
        let Some(job) = self.jobs.job() else { return self.begin_polls(now) };
        let Some(command) = job.request().cloned() else {
            self.report_noise();
            self.events.extend(self.jobs.finish(now));
            return self.begin_polls(now);
        };
        let wait = match &command {
            Command::Read { .. } | Command::Write { .. } => ACCESS,
            _ => ANSWER,
        };
        if let Command::SelectEpc { epc } = &command {
            self.selected.clone_from(epc);
        }
        self.send(&[command]);
        self.phase = Phase::Doing { tries: tries + 1, until: now.saturating_add(wait) };
    }

    /// The module answered `command`: goes on, if that is the present step.
    pub(super) fn stepped(&mut self, command: u8, outcome: Outcome, now: Duration) {
        if !matches!(self.phase, Phase::Doing { .. }) {
            return;
        }
        let Some(job) = self.jobs.job() else { return };
        if job.request().is_some_and(|request| request.code() == command) {
            job.answered(outcome);
            self.step(0, now);
        }
    }

    /// The present step was not answered in its time.
    pub(super) fn not_done(&mut self, tries: u8, now: Duration) {
        let Some(job) = self.jobs.job() else { return self.begin_polls(now) };
        if tries < TRIES && job.again() {
            return self.step(tries, now);
        }
        if Job::unanswered(job) {
            return self.step(0, now);
        }
        self.jobs.given_up();
        self.report_noise();
        self.events.extend(self.jobs.finish(now));
        // It may have lost its power: the polls tell whether it is there, and its settings are sent again before.
        self.phase = Phase::Polling { sound: now, rearmed: false, asks: 0, asked: Duration::ZERO };
    }

    /// Whether a tag is being read or written.
    pub(super) fn accesses(&mut self) -> bool {
        let Phase::Doing { .. } = self.phase else { return false };
        let request = self.jobs.job().and_then(|job| job.request());
        request.is_some_and(|request| matches!(request, Command::Read { .. } | Command::Write { .. }))
    }
}

pub(super) fn taken(status: u8) -> Outcome {
    match status {
        0 => Outcome::Done,
        status => Outcome::Refused(format!("status {status:02X}")),
    }
}

pub(super) fn other_tag(epc: &[u8]) -> Outcome {
    Outcome::Refused(format!("another tag answered ({}); take it away from the antenna", hex::encode(epc)))
}
