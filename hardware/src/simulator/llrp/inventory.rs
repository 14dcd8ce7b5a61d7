//! Inventory rounds of the simulated reader, and the reports that come of them.

use std::time::Duration;

use super::answers::unasked;
use super::report::Entry;
use super::rospec::{RoSpec, State};
use super::{BUFFER_MAX, FADE, Link, LlrpReader, RIM_DBM, Vendor};
use crate::llrp::message::Parameter;
use crate::simulator::script::{Heard, SentWhat};

/// How often a reader that does so sends a report without a tag.
const EMPTY_EVERY: Duration = Duration::from_secs(2);

impl LlrpReader {
    /// One inventory round: most tags in the field answer.
    pub(super) fn round(&mut self, at: Duration) {
        let mut heard = self.stage.tags(at);
        self.fading.retain(|tag| at < tag.since + FADE);
        if self.stage.silent(at) {
            return;
        }
        for place in 0..self.rospecs.len() {
            if self.rospecs.get(place).is_some_and(|spec| spec.ends_at.is_some_and(|ends| ends <= at)) {
                self.stop(place);
            }
        }
        heard.extend(self.fading.iter().map(|tag| {
            let left = 1.0 - at.saturating_sub(tag.since).as_secs_f64() / FADE.as_secs_f64();
            let above = f64::from(tag.heard.rssi_dbm - RIM_DBM) * left;
            Heard { rssi_dbm: RIM_DBM + above as i16, ..tag.heard.clone() }
        }));
        let mut specs = self.rospecs.iter();
        let Some(active) = specs.position(|spec| spec.state == State::Active) else {
            return;
        };
        for heard in heard {
            let answers = self.stage.random.below(100) < 85;
            let rssi_dbm = heard.rssi_dbm + self.stage.random.below(5) as i16 - 2;
            if let Some(spec) = self.rospecs.get_mut(active)
                && answers
                && spec.reads_at(heard.antenna)
                && spec.chooses(&self.memories, &heard.epc)
            {
                spec.ends.count();
                self.singulated(Heard { rssi_dbm, ..heard }, active, at);
            }
        }
        if self.make.vendor == Vendor::Zebra && self.empty_at <= at && self.link == Link::Open && !self.holding {
            self.empty_at = at + EMPTY_EVERY;
            self.say(Parameter::new("RO_ACCESS_REPORT"));
        }
        if let Some(spec) = self.rospecs.get_mut(active)
            && spec.ends.reached(at)
        {
            spec.ends.begin(at);
            if spec.report.each_inventory && !self.pending.is_empty() {
                self.report(active);
            }
        }
    }

    /// One tag answered: it is reported, and worked on first where a client wants that.
    fn singulated(&mut self, heard: Heard, active: usize, at: Duration) {
        let Heard { epc: origin, antenna, rssi_dbm } = heard;
        let read = Entry { epc: self.memories.epc(&origin), antenna, rssi_dbm, first: at, last: at, count: 1 };
        let rospec = self.rospecs.get(active).map_or(0, |spec| spec.id);
        let mut specs = self.access_specs.iter();
        let Some(place) = specs.position(|spec| spec.works_on(&self.memories, &origin, antenna, rospec)) else {
            return self.read(read, active);
        };
        let Some(access) = self.access_specs.get_mut(place) else {
            return;
        };
        let results = access.work(&mut self.memories, &origin, &mut self.stage.random);
        let (id, done) = (access.id, access.done());
        if done {
            self.access_specs.remove(place);
        }
        self.report_entry(read, active, Some((id, results)));
    }

    /// A read joins the entry of its tag and antenna, or makes a new one.
    fn read(&mut self, read: Entry, active: usize) {
        let same = |entry: &&mut Entry| entry.antenna == read.antenna && entry.epc == read.epc;
        match self.pending.iter_mut().find(same) {
            Some(entry) => {
                entry.last = read.last;
                entry.count = entry.count.saturating_add(1);
                entry.rssi_dbm = entry.rssi_dbm.max(read.rssi_dbm);
            }
            None => self.pending.push(read),
        }
        if BUFFER_MAX < self.pending.len() {
            self.pending.remove(0);
            self.overflowed = true;
        }
        let Some(RoSpec { report, .. }) = self.rospecs.get(active) else {
            return;
        };
        if !report.fetched && report.every != 0 && usize::from(report.every) <= self.pending.len() {
            self.report(active);
        }
    }

    /// Makes a report of all entries: sent, held for a client that will return, or lost with nobody to hear it.
    pub(super) fn report(&mut self, place: usize) {
        let entries = std::mem::take(&mut self.pending);
        let made = entries.into_iter().filter_map(|entry| self.made(entry, place, None)).collect();
        self.deliver(made);
    }

    /// Makes a report of one entry.
    fn report_entry(&mut self, entry: Entry, place: usize, worked: Option<(u32, Vec<Parameter>)>) {
        let made = self.made(entry, place, worked).into_iter().collect();
        self.deliver(made);
    }

    /// TagReportData of an entry, and what the log will say of it.
    fn made(&self, entry: Entry, place: usize, worked: Option<(u32, Vec<Parameter>)>) -> Option<(Parameter, SentWhat)> {
        let RoSpec { id, report, .. } = self.rospecs.get(place)?;
        let tag = report.tag_report_data(&entry, *id, self.make.clock, worked);
        let unknown = unasked(self.make.vendor).filter(|_| self.make.vendor == Vendor::UnknownParameters);
        let Entry { epc, antenna, rssi_dbm, .. } = entry;
        Some((tag.with_all(unknown), SentWhat::Tag { epc, antenna, rssi_dbm }))
    }

    fn deliver(&mut self, made: Vec<(Parameter, SentWhat)>) {
        match (self.link, self.holding || self.hold && self.link != Link::Open) {
            (_, true) => {
                self.held.extend(made);
                let excess = self.held.len().saturating_sub(BUFFER_MAX);
                self.overflowed |= 0 < excess;
                self.held.drain(..excess);
            }
            (Link::Open, false) => self.say_report(made),
            (Link::Down | Link::Closing | Link::Cut, false) => (),
        }
        if self.link == Link::Open && !self.holding && std::mem::take(&mut self.overflowed) {
            self.event(Parameter::new("ReportBufferOverflowErrorEvent"));
        }
    }

    pub(super) fn say_report(&mut self, made: Vec<(Parameter, SentWhat)>) {
        let (tags, sent): (Vec<_>, Vec<_>) = made.into_iter().unzip();
        self.queue(Parameter::new("RO_ACCESS_REPORT").with_all(tags), sent);
    }
}
