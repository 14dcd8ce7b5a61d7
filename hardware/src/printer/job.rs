//! A label on its way: waiting, sent, out.

use std::collections::VecDeque;
use std::time::Duration;

use crate::command::Answer;
use crate::printer::Status;
use crate::printer::session::LOOK;

/// Looks in a row that must find nothing left to print.
const CLEAR: u8 = 2;

/// How long the line of a tag may come after its label.
const READS_BACK: Duration = Duration::from_secs(3);

/// A label that waits.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub number: u32,
    pub label: Vec<u8>,
}

/// The label that the printer has.
#[derive(Clone, Debug)]
pub(super) struct Current {
    pub number: u32,
    /// When its last piece was handed over; `None` before.
    pub sent: Option<Duration>,
    /// Looks in a row that found nothing left to print, and when the first of them was.
    clear: u8,
    clear_since: Duration,
    /// Tags that are to be read back, and those that were.
    to_read: usize,
    read: VecDeque<Vec<u8>>,
}

impl Current {
    pub fn new(number: u32, to_read: usize) -> Current {
        Current { number, sent: None, clear: 0, clear_since: Duration::ZERO, to_read, read: VecDeque::new() }
    }

    /// Takes what was read from a tag. A void tag gives a line of its own, so the last ones count.
    pub fn take(&mut self, data: Vec<u8>) {
        if self.to_read == 0 || data.is_empty() {
            return;
        }
        if self.read.len() == self.to_read {
            self.read.pop_front();
        }
        self.read.push_back(data);
    }

    /// The printer did not answer: what the looks before found counts no more.
    pub fn doubt(&mut self) {
        self.clear = 0;
    }

    /// How the label ended, once it did.
    pub fn judge(&mut self, status: Status, now: Duration) -> Option<Answer> {
        let sent = self.sent.filter(|&sent| sent < now)?;
        if status.busy || !status.ready() {
            self.clear = 0;
            return None;
        }
        if self.clear == 0 {
            self.clear_since = now;
        }
        self.clear = self.clear.saturating_add(1);
        if self.clear < CLEAR || now < sent.saturating_add(LOOK) {
            return None;
        }
        match (self.to_read, self.read.len()) {
            (0, _) => Some(Answer::Done),
            (all, read) if all <= read => Some(Answer::Memory { bytes: self.read.iter().flatten().copied().collect() }),
            (_, _) if now < self.clear_since.saturating_add(READS_BACK) => None,
            (all, read) => Some(Answer::Refused {
                reason: format!(
                    "the label was printed, and {read} of its {all} tags could be read back; throw it away and look at the \
                     roll of labels"
                ),
            }),
        }
    }
}
