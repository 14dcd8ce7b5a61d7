//! The bytes and events of one link.

use std::collections::VecDeque;
use std::time::Duration;

use crate::event::{Event, Read, Tag};

/// A fault that goes on is told again after this time.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// Different faults that are remembered as told.
const TOLD_MAX: usize = 16;

/// The bytes and events of one link. Holds at most one message that is not complete, and what was not yet taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    pub(super) received: Vec<u8>,
    /// When the last byte came.
    pub(super) heard: Duration,
    pub(super) noise: usize,
    pub(super) out: VecDeque<Vec<u8>>,
    pub(super) events: VecDeque<Event>,
    pub(super) told: VecDeque<(String, Duration)>,
}

impl Line {
    pub(crate) fn read(&mut self, tag: Tag) {
        self.report_noise();
        self.events.push_back(Event::Read(Read::Tag(tag)));
    }

    /// Tells a fault, unless it was told within the last minute.
    pub(crate) fn fault(&mut self, text: String, now: Duration) {
        self.told.retain(|(_, at)| now < at.saturating_add(TELL_AGAIN));
        if self.told.iter().any(|(told, _)| *told == text) {
            return;
        }
        if self.told.len() == TOLD_MAX {
            self.told.pop_front();
        }
        self.told.push_back((text.clone(), now));
        self.report_noise();
        self.events.push_back(Event::Fault { text });
    }

    pub(super) fn report_noise(&mut self) {
        let bytes = std::mem::take(&mut self.noise);
        if 0 < bytes {
            self.events.push_back(Event::Noise { bytes });
        }
    }
}
