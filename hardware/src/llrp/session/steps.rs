//! The steps of a session, from the greeting to reading and to the goodbye: each answer leads to the next request.

use std::time::Duration;

use super::{ANSWER_WAIT, Asked, FETCH_EVERY, Llrp, Step, VERSION_WAIT};
use crate::event::{Contact, Event, Read};
use crate::llrp::capabilities::Capabilities;
use crate::llrp::message::Parameter;
use crate::llrp::program::{self, ROSPEC};
use crate::llrp::settings::{Hold, Portal};
use crate::llrp::status::Status;

impl Llrp {
    /// The one place where a session moves on: an answer has come.
    pub(super) fn answer(&mut self, request: &'static str, answer: &Parameter, now: Duration) {
        let status = Status::of(answer);
        let refused = || format!("the reader refused {request}: {status}");
        self.last_answer = Some(format!("{} to {request}", status.name()));
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
                self.fit.reader = Capabilities::of(answer);
                for text in self.fit.reader.shortcomings(&self.settings) {
                    self.fault(text);
                }
                if self.fit.reader.holds && self.settings.hold == Hold::UntilReconnect {
                    // What was held comes now, before the program that it belongs to is deleted.
                    self.send(Parameter::new("ENABLE_EVENTS_AND_REPORTS"));
                }
                match self.fit.reader.impinj {
                    true => self.ask(Step::Extend, Parameter::new("IMPINJ_ENABLE_EXTENSIONS"), now),
                    false => self.configure(now),
                }
            }
            (Step::Extend, success) => {
                self.fit.extended = success;
                if !success {
                    self.fault(format!("{}; it goes on without the maker's own settings", refused()));
                }
                self.configure(now);
            }
            (Step::Configure, true) => {
                self.guarded = true;
                self.ask(Step::State, Parameter::new("GET_READER_CONFIG"), now);
            }
            (Step::Configure, false) => match self.fit.next_of_configuration(&self.settings) {
                Some(part) => {
                    self.fault(format!("{}; {}", refused(), part.left_out()));
                    self.fit.left_out.push(part);
                    self.configure(now);
                }
                None => {
                    self.fault(format!("{}; a silent loss of the reader will be noticed late", refused()));
                    self.ask(Step::State, Parameter::new("GET_READER_CONFIG"), now);
                }
            },
            (Step::State, success) => {
                if !success {
                    self.fault(format!("{}; how its inputs stand is not known before one moves", refused()));
                }
                for text in Capabilities::unplugged(answer, &self.settings) {
                    self.fault(text);
                }
                self.take_inputs(answer);
                match self.fit.reader.access_specs {
                    Some(0) => self.delete_others(now),
                    _ => self.ask(Step::DeleteWork, Parameter::new("DELETE_ACCESSSPEC"), now),
                }
            }
            (Step::DeleteWork, _) => self.delete_others(now),
            // Some readers refuse to delete when there is nothing; ADD_ROSPEC tells whether it matters.
            (Step::DeleteOthers, _) => self.add(now),
            (Step::Add, true) => self.ask(Step::Enable, program::about_rospec("ENABLE_ROSPEC"), now),
            (Step::Add, false) => match self.fit.next_of_reading(&self.settings) {
                Some(part) => {
                    self.fault(format!("{}; {}", refused(), part.left_out()));
                    self.fit.left_out.push(part);
                    self.add(now);
                }
                None => self.lose(refused()),
            },
            (Step::Enable, true) => self.look(now),
            (Step::Enable, false) => self.lose(refused()),
            (Step::Look, success) => {
                let ours = answer.all("ROSpec").find(|spec| spec.number("ROSpecID") == Some(ROSPEC.into()));
                match ours.and_then(|spec| spec.number("CurrentState")) {
                    // Disabled, or gone: somebody else works on this reader.
                    Some(0) => self.lose("another program disabled our ROSpec on the reader".to_owned()),
                    // At the start a reader that lists nothing is believed that it enabled our ROSpec.
                    None if success && self.told_ready => {
                        self.lose("another program deleted our ROSpec on the reader".to_owned())
                    }
                    // A photo-eye starts it.
                    Some(1) if self.fit.portal(&self.settings) != Portal::Always => self.reading(now),
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
            (Step::Errand(stage), _) => self.errand_answered(stage, &status, now),
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
            (Step::Errand(_), None) => self.work_overdue(now),
            (Step::Extend | Step::State, Some(Asked { request, .. })) => {
                self.fault(format!("the reader did not answer {request}; it goes on without"));
                self.go_on_without(now);
            }
            (_, Some(Asked { request, .. })) => {
                let last = self.last_answer.as_deref().unwrap_or("none");
                self.lose(format!(
                    "the reader did not answer {request} within {} s (its last answer: {last}); the connection is made \
                     anew",
                    ANSWER_WAIT.as_secs()
                ));
            }
            (_, None) => self.lose(format!(
                "the reader did not greet within {} s; check that address and port belong to an LLRP reader",
                ANSWER_WAIT.as_secs()
            )),
        }
    }

    /// Goes on as if the reader had nothing to say to the request under way.
    pub(super) fn go_on_without(&mut self, now: Duration) {
        self.asked = None;
        match self.step {
            Step::Capabilities => {
                self.answer("GET_READER_CAPABILITIES", &Parameter::new("GET_READER_CAPABILITIES_RESPONSE"), now);
            }
            Step::Extend => self.configure(now),
            _ => self.answer("GET_READER_CONFIG", &Parameter::new("GET_READER_CONFIG_RESPONSE"), now),
        }
    }

    pub(super) fn capabilities(&mut self, now: Duration) {
        self.ask(Step::Capabilities, Parameter::new("GET_READER_CAPABILITIES"), now);
    }

    fn configure(&mut self, now: Duration) {
        let request = program::configuration(&self.settings, &self.fit);
        self.ask(Step::Configure, request, now);
    }

    fn delete_others(&mut self, now: Duration) {
        self.ask(Step::DeleteOthers, Parameter::new("DELETE_ROSPEC"), now);
    }

    fn add(&mut self, now: Duration) {
        let Some(antennas) = self.fit.reader.antennas(&self.settings) else {
            let count = self.fit.reader.antennas.unwrap_or_default();
            return self.lose(format!(
                "the reader has none of the configured antennas {:?}; it has 1 to {count}",
                self.settings.antennas
            ));
        };
        let request = program::reading(&self.settings, &self.fit, &antennas);
        self.ask(Step::Add, request, now);
    }

    /// Whether our program runs is asked, not assumed: some readers wait for START_ROSPEC.
    pub(super) fn look(&mut self, now: Duration) {
        self.ask(Step::Look, Parameter::new("GET_ROSPECS"), now);
    }

    pub(super) fn reading(&mut self, now: Duration) {
        self.step = Step::Reading;
        if 1 < self.settings.report_every && self.fetch_at.is_none() {
            self.fetch_at = Some(now + FETCH_EVERY);
        }
        if !self.told_ready {
            self.told_ready = true;
            self.send(Parameter::new("ENABLE_EVENTS_AND_REPORTS"));
            self.tell(Event::Ready { model: self.fit.reader.model.clone() });
            for (line, closed) in std::mem::take(&mut self.contacts) {
                self.tell(Event::Read(Read::Contact(Contact { line, closed })));
            }
        }
        self.switch_back(now);
        self.next_errand(now);
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
        let answer = match number {
            14 => 4,
            // A maker's own answer has the same type as its request.
            1023 => 1023,
            _ => number + 10,
        };
        self.asked = Some(Asked { id, answer, request: name });
        self.deadline = Some(now + ANSWER_WAIT);
        self.step = step;
    }
}
