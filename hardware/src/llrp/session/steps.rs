//! The steps of a session, from the greeting to reading and to the goodbye: each answer leads to the next request.

use std::time::Duration;

use super::{ANSWER_WAIT, Asked, FETCH_EVERY, Llrp, Queued, Step, VERSION_WAIT};
use crate::event::Event;
use crate::llrp::message::Parameter;
use crate::llrp::program::{self, Capabilities, Extent, ROSPEC};
use crate::llrp::settings::Hold;
use crate::llrp::status::Status;

impl Llrp {
    /// The one place where a session moves on: an answer has come.
    pub(super) fn answer(&mut self, request: &'static str, answer: &Parameter, now: Duration) {
        let status = Status::of(answer);
        let refused = || format!("the reader refused {request}: {status}");
        match (self.step, status.is_success()) {
            (Step::SupportedVersion, true) if answer.number("CurrentVersion") == Some(2) => {
                self.version = 2;
                self.capabilities(now);
            }
            (Step::SupportedVersion, true) if Some(2) <= answer.number("SupportedVersion") => {
                let request = Parameter::new("SET_PROTOCOL_VERSION").set("ProtocolVersion", 2u8);
                self.version = 2;
                self.ask(Step::AgreeVersion, request, now);
            }
            (Step::AgreeVersion, true) => self.capabilities(now),
            (Step::SupportedVersion | Step::AgreeVersion, _) => {
                self.version = 1;
                self.capabilities(now);
            }
            (Step::Capabilities, success) => {
                if !success {
                    self.fault(refused());
                }
                self.reader = Capabilities::of(answer);
                for text in self.reader.shortcomings(&self.settings) {
                    self.fault(text);
                }
                if self.reader.holds && self.settings.hold == Hold::UntilReconnect {
                    // What was held comes now, before the program that it belongs to is deleted.
                    self.send(Parameter::new("ENABLE_EVENTS_AND_REPORTS"));
                }
                self.configure(Extent::Full, now);
            }
            (Step::Configure(_), true) => {
                self.guarded = true;
                self.delete_others(now);
            }
            (Step::Configure(Extent::Full), false) => {
                self.fault(refused());
                self.configure(Extent::Bare, now);
            }
            (Step::Configure(Extent::Bare), false) => {
                self.fault(format!("{}; a silent loss of the reader will be noticed late", refused()));
                self.delete_others(now);
            }
            // Some readers refuse to delete when there is nothing; ADD_ROSPEC tells whether it matters.
            (Step::DeleteOthers, _) => self.add(Extent::Full, now),
            (Step::Add(_), true) => self.ask(Step::Enable, program::about_rospec("ENABLE_ROSPEC"), now),
            (Step::Add(Extent::Full), false) => {
                self.fault(format!("{}; it reads with its own power and session", refused()));
                self.add(Extent::Bare, now);
            }
            (Step::Enable, true) => self.look(now),
            (Step::Add(Extent::Bare) | Step::Enable, false) => self.lose(refused()),
            (Step::Look, success) => {
                let ours = answer.all("ROSpec").find(|spec| spec.number("ROSpecID") == Some(ROSPEC.into()));
                match ours.and_then(|spec| spec.number("CurrentState")) {
                    // Disabled, or gone: somebody else works on this reader.
                    Some(0) => self.lose("another program disabled our ROSpec on the reader".to_owned()),
                    // At the start a reader that lists nothing is believed that it enabled our ROSpec.
                    None if success && self.told_ready => {
                        self.lose("another program deleted our ROSpec on the reader".to_owned())
                    }
                    Some(1) => self.ask(Step::Start, program::about_rospec("START_ROSPEC"), now),
                    _ => self.reading(now),
                }
            }
            (Step::Start, success) => {
                if !success {
                    self.fault(refused());
                }
                self.reading(now);
            }
            (Step::Disable, _) => self.ask(Step::Delete, program::about_rospec("DELETE_ROSPEC"), now),
            (Step::Delete, _) => self.ask(Step::Goodbye, Parameter::new("CLOSE_CONNECTION"), now),
            (Step::Goodbye, _) => self.end(),
            (Step::Unopened | Step::Greeting | Step::Reading | Step::Over, _) => (),
        }
    }

    pub(super) fn overdue(&mut self, now: Duration) {
        self.deadline = None;
        let asked = self.asked.take();
        match (self.step, asked) {
            (Step::SupportedVersion | Step::AgreeVersion, _) => {
                self.version = 1;
                self.capabilities(now);
            }
            (_, Some(Asked { request, .. })) => self.lose(format!(
                "the reader did not answer {request} within {} s; the connection is made anew",
                ANSWER_WAIT.as_secs()
            )),
            (_, None) => self.lose(format!(
                "the reader did not greet within {} s; check that address and port belong to an LLRP reader",
                ANSWER_WAIT.as_secs()
            )),
        }
    }

    pub(super) fn capabilities(&mut self, now: Duration) {
        self.ask(Step::Capabilities, Parameter::new("GET_READER_CAPABILITIES"), now);
    }

    fn configure(&mut self, extent: Extent, now: Duration) {
        let request = program::configuration(&self.settings, &self.reader, extent);
        self.ask(Step::Configure(extent), request, now);
    }

    fn delete_others(&mut self, now: Duration) {
        self.ask(Step::DeleteOthers, Parameter::new("DELETE_ROSPEC"), now);
    }

    fn add(&mut self, extent: Extent, now: Duration) {
        let Some(antennas) = self.reader.antennas(&self.settings) else {
            let count = self.reader.antennas.unwrap_or_default();
            return self.lose(format!(
                "the reader has none of the configured antennas {:?}; it has 1 to {count}",
                self.settings.antennas
            ));
        };
        let request = program::reading(&self.settings, &self.reader, &antennas, extent);
        self.ask(Step::Add(extent), request, now);
    }

    /// Whether our program runs is asked, not assumed: some readers wait for START_ROSPEC.
    pub(super) fn look(&mut self, now: Duration) {
        self.ask(Step::Look, Parameter::new("GET_ROSPECS"), now);
    }

    fn reading(&mut self, now: Duration) {
        self.step = Step::Reading;
        if 1 < self.settings.report_every {
            self.fetch_at = Some(now + FETCH_EVERY);
        }
        if !self.told_ready {
            self.told_ready = true;
            self.send(Parameter::new("ENABLE_EVENTS_AND_REPORTS"));
            self.events.push_back(Queued::Event(Event::Ready { model: self.reader.model.clone() }));
        }
    }

    /// GET_SUPPORTED_VERSION goes out as 1.1 whatever is spoken later (LLRP 1.1 section 10.1.1).
    pub(super) fn probe(&mut self, now: Duration) {
        self.version = 2;
        self.ask(Step::SupportedVersion, Parameter::new("GET_SUPPORTED_VERSION"), now);
        self.deadline = Some(now + VERSION_WAIT);
    }

    pub(super) fn ask(&mut self, step: Step, request: Parameter, now: Duration) {
        let name = request.name();
        let Some((id, number)) = self.send(request) else {
            return;
        };
        let answer = if number == 14 { 4 } else { number + 10 };
        self.asked = Some(Asked { id, answer, request: name });
        self.deadline = Some(now + ANSWER_WAIT);
        self.step = step;
    }
}
