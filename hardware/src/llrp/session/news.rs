//! What a reader says unasked (READER_EVENT_NOTIFICATION), in words.

use std::time::Duration;

use super::{Llrp, Step};
use crate::event::{Contact, Event, Read};
use crate::llrp::capabilities::INPUTS_MAX;
use crate::llrp::message::Parameter;
use crate::llrp::program::ROSPEC;
use crate::llrp::report::Stamps;
use crate::llrp::settings::{Inputs, Portal, Version};

impl Llrp {
    pub(super) fn reader_event(&mut self, body: &Parameter, now: Duration) {
        let Some(event) = body.find("ReaderEventNotificationData") else {
            return;
        };
        if let Some(attempt) = event.find("ConnectionAttemptEvent") {
            let status = attempt.number("Status").unwrap_or_default();
            match (self.step, status) {
                (Step::Greeting, 0) => {
                    let clock = |name| event.find(name).and_then(|stamp| stamp.number("Microseconds"));
                    self.greeted = Some((Stamps { utc: clock("UTCTimestamp"), uptime: clock("Uptime") }, now));
                    match self.settings.version {
                        Version::One => self.capabilities(now),
                        Version::TryTwo => self.probe(now),
                    }
                }
                (Step::Greeting, 1) => self.lose(
                    "the reader is held by a connection that it opened itself; switch that off on the reader, it is tried again"
                        .to_owned(),
                ),
                (Step::Greeting, 2) => self.lose(
                    "the reader is held by another client, or has not yet noticed that our last connection ended; it is tried again"
                        .to_owned(),
                ),
                (Step::Greeting, other) => {
                    self.lose(format!("the reader refused the connection (status {other}); restart the reader"));
                }
                (_, 4) => self.fault(
                    "another program tried to connect to this reader; a reader serves one, stop the other".to_owned(),
                ),
                _ => (),
            }
        }
        if self.step == Step::Greeting {
            return;
        }
        let number = |inner: &Parameter, field| inner.number(field).unwrap_or_default();
        for inner in &event.parameters {
            match inner.name() {
                "AntennaEvent" if inner.number("EventType") == Some(0) => {
                    let antenna = number(inner, "AntennaID");
                    self.fault(format!("antenna {antenna} is disconnected; check its cable"));
                }
                "ReportBufferLevelWarningEvent" => {
                    let full = number(inner, "ReportBufferPercentageFull");
                    self.fault(format!("the reader's report buffer is {full} % full; the network may be too slow"));
                }
                "ReportBufferOverflowErrorEvent" => self.fault(
                    "the reader's report buffer overflowed: tags were read and not reported; count again by hand"
                        .to_owned(),
                ),
                "ReaderExceptionEvent" => {
                    let text = inner.text("Message").escape_debug().to_string();
                    let at = inner.find("AntennaID").and_then(|antenna| antenna.number("AntennaID"));
                    let at = at.map(|antenna| format!(" at antenna {antenna}")).unwrap_or_default();
                    self.fault(format!("the reader reports a fault{at}: {text}"));
                }
                "GPIEvent" => self.input_moved(number(inner, "GPIPortNumber") as u16, number(inner, "GPIEvent") == 1),
                "ROSpecEvent" if self.reads() => self.program_event(inner, now),
                "ConnectionCloseEvent" if matches!(self.step, Step::Disable | Step::Delete | Step::Goodbye) => {
                    self.end()
                }
                "ConnectionCloseEvent" => self.lose("the reader closed the connection".to_owned()),
                _ => (),
            }
        }
    }

    /// Our program was ended (1) or pushed aside (2): have a look, and start it again where it stands still.
    fn program_event(&mut self, event: &Parameter, now: Duration) {
        let ours = |field| event.number(field) == Some(ROSPEC.into());
        match event.number("EventType") {
            // It ended as it was asked to.
            Some(1) if self.fit.portal(&self.settings) != Portal::Always => return,
            Some(1) if ours("ROSpecID") => {
                self.fault("the reader stopped reading by itself; it is started again".to_owned());
            }
            Some(2) if ours("ROSpecID") || ours("PreemptingROSpecID") => {
                self.fault("another program on the reader pushes ours aside; stop the other program".to_owned());
            }
            _ => return,
        }
        match self.step {
            Step::Reading => self.look(now),
            _ => self.look_next(),
        }
    }

    /// How the inputs stand, from GET_READER_CONFIG_RESPONSE.
    pub(super) fn take_inputs(&mut self, state: &Parameter) {
        for input in state.all("GPIPortCurrentState") {
            let line = input.number("GPIPortNum").and_then(|line| u16::try_from(line).ok());
            // 2 = unknown.
            if let (Some(line), Some(level @ 0..=1)) = (line, input.number("State")) {
                self.input_moved(line, level == 1);
            }
        }
    }

    fn input_moved(&mut self, line: u16, high: bool) {
        if !(1..=INPUTS_MAX).contains(&line) {
            return;
        }
        let closed = match self.settings.inputs {
            Inputs::Ignored => return,
            Inputs::ClosedIsHigh => high,
            Inputs::ClosedIsLow => !high,
        };
        match self.told_ready {
            true => self.tell(Event::Read(Read::Contact(Contact { line, closed }))),
            false => drop(self.contacts.insert(line, closed)),
        }
    }
}
