//! Inputs and outputs of the simulated reader.

use std::time::Duration;

use super::rospec::State;
use super::{Level, Link, LlrpReader, Make, Refusal};
use crate::event::{Contact, Read};
use crate::llrp::message::Parameter;
use crate::simulator::script::SentWhat;

/// Entries of the record of outputs; at the bound the older half is forgotten.
const SWITCHED_MAX: usize = 10_000;

/// An input of the reader.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input {
    line: u16,
    high: bool,
    /// Whether a client wants to hear of it.
    enabled: bool,
}

/// An output was switched by the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switched {
    pub at: Duration,
    /// Number of the output, from 1.
    pub line: u16,
    pub on: bool,
}

impl Input {
    /// All inputs of a reader, their contacts open.
    pub(super) fn all(make: Make) -> Vec<Input> {
        (1..=make.inputs).map(|line| Input { line, high: make.closed == Level::Low, enabled: false }).collect()
    }

    fn contact(self, closed: Level) -> Contact {
        Contact { line: self.line, closed: self.high == (closed == Level::High) }
    }
}

impl LlrpReader {
    /// What clients did with the outputs, oldest first.
    pub fn switched(&self) -> &[Switched] {
        &self.switched
    }

    /// A contact moves: it starts and ends readings, and the client is told.
    pub(super) fn contact(&mut self, contact: Contact) {
        let high = contact.closed == (self.make.closed == Level::High);
        let Some(input) = self.inputs.iter_mut().find(|input| input.line == contact.line && input.high != high) else {
            return;
        };
        input.high = high;
        if input.enabled && self.input_events && self.link == Link::Open && !self.holding {
            let event = Parameter::new("GPIEvent").set("GPIPortNumber", contact.line).set("GPIEvent", high);
            self.event_of(event, vec![SentWhat::Report(Read::Contact(contact))]);
        }
        let edge = Some((contact.line, high));
        for place in 0..self.rospecs.len() {
            match self.rospecs.get(place).map(|spec| (spec.state, spec.start_by, spec.stop_by)) {
                Some((State::Inactive, start, _)) if start == edge => self.start(place),
                Some((State::Active, _, stop)) if stop == edge => self.stop(place),
                _ => (),
            }
        }
    }

    /// Whether a SET_READER_CONFIG asks for ports that are there.
    pub(super) fn check_ports(&self, request: &Parameter) -> Result<(), Refusal> {
        let inputs = request.all("GPIPortCurrentState").filter_map(|input| input.number("GPIPortNum"));
        let outputs = request.all("GPOWriteData").filter_map(|output| output.number("GPOPortNumber"));
        if self.make.refuses.inputs && request.find("GPIPortCurrentState").is_some() {
            return Err(Refusal { code: 101, text: "inputs are fixed" });
        }
        let beyond = |mut lines: Box<dyn Iterator<Item = u64> + '_>, count: u16| {
            lines.any(|line| line == 0 || u64::from(count) < line)
        };
        match beyond(Box::new(inputs), self.make.inputs) || beyond(Box::new(outputs), self.make.outputs) {
            true => Err(Refusal { code: 301, text: "the reader has no such port" }),
            false => Ok(()),
        }
    }

    /// Carries out what [`LlrpReader::check_ports`] found right.
    pub(super) fn set_ports(&mut self, request: &Parameter) {
        for wanted in request.all("GPIPortCurrentState") {
            let line = wanted.number("GPIPortNum");
            let named = self.inputs.iter_mut().filter(|input| line == Some(input.line.into()));
            named.for_each(|input| input.enabled = wanted.number("Config") == Some(1));
        }
        for wanted in request.all("GPOWriteData") {
            if self.switched.len() == SWITCHED_MAX {
                self.switched.drain(..SWITCHED_MAX / 2);
            }
            let line = wanted.number("GPOPortNumber").unwrap_or_default() as u16;
            self.switched.push(Switched { at: self.now, line, on: wanted.number("GPOData") == Some(1) });
        }
    }

    /// Ports as GET_READER_CONFIG tells them.
    pub(super) fn told_ports(&self) -> Vec<(u64, Parameter)> {
        let inputs = self.inputs.iter().map(|input| {
            let told = Parameter::new("GPIPortCurrentState").set("GPIPortNum", input.line);
            (9, told.set("Config", input.enabled).set("State", input.high))
        });
        let outputs = (1..=self.make.outputs).map(|line| {
            let last = self.switched.iter().rfind(|switched| switched.line == line);
            let on = last.is_some_and(|switched| switched.on);
            (10, Parameter::new("GPOWriteData").set("GPOPortNumber", line).set("GPOData", on))
        });
        inputs.chain(outputs).collect()
    }

    /// The contacts that an answer with the ports reports.
    pub(super) fn told_contacts(&self) -> Vec<SentWhat> {
        let closed = self.make.closed;
        let enabled = self.inputs.iter().filter(|input| input.enabled);
        enabled.map(|input| SentWhat::Report(Read::Contact(input.contact(closed)))).collect()
    }

    /// An answer that the log names.
    pub(super) fn answer_logged(&mut self, id: u32, answer: Parameter, sent: Vec<SentWhat>) {
        self.answer_in(self.version, id, answer);
        if let Some(answer) = self.out.back_mut() {
            answer.sent = sent;
        }
    }
}
