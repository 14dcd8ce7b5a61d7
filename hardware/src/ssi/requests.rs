//! What the decoder is asked: one thing after the other, each up to three times, and it is woken before.

use std::collections::VecDeque;
use std::time::Duration;

use crate::ssi::frame::{self, Frame, status};

/// How long an answer may take: less than the 2 s after which the decoder repeats.
pub(super) const ANSWER: Duration = Duration::from_secs(1);

/// Times that a message is sent: the protocol asks for two repetitions.
const TRIES: u8 = 3;

/// A decoder that sleeps loses the first byte; it is awake so long after a 00.
const WAKE: Duration = Duration::from_millis(50);

/// What waits to be asked at most; the settings of one opening are four.
const WAITING_MAX: usize = 32;

/// Something that the decoder is asked, and answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub why: Why,
    pub opcode: u8,
    pub data: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Revision,
    Capabilities,
    Parameters,
    Enable,
    /// Whether it is still there.
    Alive,
    /// A station wants it.
    Command {
        number: u32,
    },
    /// Nobody waits for the answer.
    Lamp,
}

/// What waits, and how far the first of it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests {
    waiting: VecDeque<Request>,
    asked: Asked,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    Not,
    /// A 00 was sent; the request follows.
    Waking {
        until: Duration,
        tries: u8,
    },
    Waiting {
        until: Duration,
        tries: u8,
    },
}

/// What the time asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Send(Vec<u8>),
    /// Three tries, and no answer.
    Unanswered(Request),
}

impl Requests {
    pub fn push(&mut self, why: Why, opcode: u8, data: &[u8]) {
        self.waiting.push_back(Request { why, opcode, data: data.to_vec() });
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether a station has to wait.
    pub fn is_full(&self) -> bool {
        WAITING_MAX <= self.waiting.len()
    }

    pub fn holds(&self, why: Why) -> bool {
        self.waiting.iter().any(|request| request.why == why)
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// When something is due; `None` while nothing is under way.
    pub fn wake(&self) -> Option<Duration> {
        match self.asked {
            Asked::Not => None,
            Asked::Waking { until, .. } | Asked::Waiting { until, .. } => Some(until),
        }
    }

    /// Goes on: `asleep` says whether the decoder may be.
    pub fn due(&mut self, asleep: bool, now: Duration) -> Due {
        match self.asked {
            Asked::Waking { until, tries } if until <= now => self.send(tries, now),
            Asked::Waiting { until, tries } if until <= now && tries < TRIES => self.rouse(tries, now),
            Asked::Waiting { until, .. } if until <= now => {
                self.asked = Asked::Not;
                self.waiting.pop_front().map_or(Due::Nothing, Due::Unanswered)
            }
            Asked::Waking { .. } | Asked::Waiting { .. } => Due::Nothing,
            Asked::Not if self.waiting.is_empty() => Due::Nothing,
            Asked::Not if asleep => self.rouse(0, now),
            Asked::Not => self.send(0, now),
        }
    }

    /// The decoder did not understand: sends it again, unless that was the last try.
    pub fn again(&mut self, now: Duration) -> Due {
        match self.asked {
            Asked::Waiting { tries, .. } if tries < TRIES => self.send(tries, now),
            Asked::Not | Asked::Waking { .. } | Asked::Waiting { .. } => Due::Nothing,
        }
    }

    /// The request under way, when it is one of `these`: it is answered.
    pub fn answered(&mut self, these: impl Fn(Why) -> bool) -> Option<Request> {
        let sent = matches!(self.asked, Asked::Waiting { .. });
        self.waiting.front().filter(|request| sent && these(request.why))?;
        self.asked = Asked::Not;
        self.waiting.pop_front()
    }

    fn rouse(&mut self, tries: u8, now: Duration) -> Due {
        self.asked = Asked::Waking { until: now.saturating_add(WAKE), tries };
        Due::Send(vec![0])
    }

    /// Sends the first, after it was sent `tries` times.
    fn send(&mut self, tries: u8, now: Duration) -> Due {
        let Some(request) = self.waiting.front() else {
            self.asked = Asked::Not;
            return Due::Nothing;
        };
        let status = if tries == 0 { 0 } else { status::RETRANSMIT };
        let frame = Frame { opcode: request.opcode, source: frame::HOST, status, data: &request.data };
        self.asked = Asked::Waiting { until: now.saturating_add(ANSWER), tries: tries + 1 };
        Due::Send(frame.encode())
    }
}
