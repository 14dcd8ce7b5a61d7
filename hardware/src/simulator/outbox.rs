//! What a simulator is about to hand over. An entry reaches the log when its last byte left the outbox, so bytes
//! that a cut threw away are not in the log.

use std::collections::VecDeque;
use std::time::Duration;

use crate::simulator::script::{Sent, SentWhat, Stage};

/// Messages that may wait when nobody takes them. A real device has no more memory: the oldest is lost.
const WAITING_MAX: usize = 10_000;

#[derive(Clone, Debug, Default)]
pub struct Outbox {
    waiting: VecDeque<Parcel>,
    cut: bool,
}

#[derive(Clone, Debug)]
enum Parcel {
    /// Bytes, and what is written into the log once they left.
    Bytes(Vec<u8>, Option<Sent>),
    /// The same of several things at once.
    Report(Vec<u8>, Duration, Vec<SentWhat>),
    Cut {
        at: Duration,
    },
}

impl Outbox {
    /// Bytes that the log does not name: answers to commands, and all but the last part of a message.
    pub fn say(&mut self, bytes: Vec<u8>) {
        self.push(Parcel::Bytes(bytes, None));
    }

    /// Bytes that complete `what`.
    pub fn say_logged(&mut self, bytes: Vec<u8>, at: Duration, what: SentWhat) {
        self.push(Parcel::Bytes(bytes, Some(Sent { at, what })));
    }

    /// Bytes that complete all of `what`, such as a report of several tags.
    pub fn say_all_logged(&mut self, bytes: Vec<u8>, at: Duration, what: Vec<SentWhat>) {
        self.push(Parcel::Report(bytes, at, what));
    }

    /// Cuts the link behind what waits.
    pub fn cut(&mut self, at: Duration) {
        self.push(Parcel::Cut { at });
    }

    /// The next bytes; `None` when nothing waits or the link is to be cut here.
    pub fn transmit(&mut self, stage: &mut Stage) -> Option<Vec<u8>> {
        match self.waiting.pop_front()? {
            Parcel::Bytes(bytes, sent) => {
                if let Some(sent) = sent {
                    stage.sent(sent.at, sent.what);
                }
                Some(bytes)
            }
            Parcel::Report(bytes, at, what) => {
                what.into_iter().for_each(|what| stage.sent(at, what));
                Some(bytes)
            }
            Parcel::Cut { at } => {
                self.cut = true;
                stage.sent(at, SentWhat::Disconnect);
                None
            }
        }
    }

    /// Whether the link is to be cut now; asking uses it up.
    pub fn take_cut(&mut self) -> bool {
        std::mem::take(&mut self.cut)
    }

    pub fn clear(&mut self) {
        self.waiting.clear();
        self.cut = false;
    }

    fn push(&mut self, parcel: Parcel) {
        if self.waiting.len() == WAITING_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back(parcel);
    }
}
