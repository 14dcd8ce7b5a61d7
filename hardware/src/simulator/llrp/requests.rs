//! What the simulated reader does when a client asks.

use std::time::Duration;

use super::report::ReportSpec;
use super::rospec::{RoSpec, State};
use super::tags::AccessSpec;
use super::{Link, LlrpReader, Refusal, Speaks, Vendor, answers};
use crate::llrp::fields;
use crate::llrp::frame::Frame;
use crate::llrp::message::{Message, Parameter};

impl LlrpReader {
    pub(super) fn request(&mut self, frame: &Frame<'_>) {
        if frame.version == 2 && self.make.speaks == Speaks::One {
            return self.error(frame.id, Refusal { code: 110, text: "LLRP 1.0.1 only" });
        }
        let Ok(Message { body: request, .. }) = Message::decode(frame) else {
            let code = if fields::message_layout(frame.number).is_some() { 100 } else { 109 };
            return self.error(frame.id, Refusal { code, text: "not understood" });
        };
        let before = self.out.len();
        let success = |name| Parameter::new(name).with(answers::status(0, ""));
        let answer = match request.name() {
            "GET_READER_CAPABILITIES" => {
                let requested = request.number("RequestedData").unwrap_or_default();
                answers::capabilities(requested, self.make)
            }
            "GET_READER_CONFIG" if self.make.refuses.state => {
                Parameter::new("GET_READER_CONFIG_RESPONSE").with(answers::status(101, "not in this firmware"))
            }
            "GET_READER_CONFIG" => {
                let requested = request.number("RequestedData").unwrap_or_default();
                let answer = answers::configuration(requested, self.make, &self.told_configuration());
                let told = if matches!(requested, 0 | 9) { self.told_contacts() } else { Vec::new() };
                return self.answer_logged(frame.id, answer, told);
            }
            "IMPINJ_ENABLE_EXTENSIONS" if self.make.vendor == Vendor::Impinj && !self.make.refuses.extensions => {
                self.extended = true;
                success("IMPINJ_ENABLE_EXTENSIONS_RESPONSE")
            }
            "SET_READER_CONFIG" => self.done("SET_READER_CONFIG_RESPONSE", Self::configure, &request),
            "ADD_ROSPEC" => self.done("ADD_ROSPEC_RESPONSE", Self::add, &request),
            "DELETE_ROSPEC" => self.done("DELETE_ROSPEC_RESPONSE", Self::delete, &request),
            "START_ROSPEC" => self.done("START_ROSPEC_RESPONSE", Self::start_request, &request),
            "STOP_ROSPEC" => self.done("STOP_ROSPEC_RESPONSE", Self::stop_request, &request),
            "ENABLE_ROSPEC" => self.done("ENABLE_ROSPEC_RESPONSE", Self::enable, &request),
            "DISABLE_ROSPEC" => self.done("DISABLE_ROSPEC_RESPONSE", Self::disable, &request),
            "GET_ROSPECS" => success("GET_ROSPECS_RESPONSE").with_all(self.rospecs.iter().map(RoSpec::told)),
            "ADD_ACCESSSPEC" => self.done("ADD_ACCESSSPEC_RESPONSE", Self::add_work, &request),
            "DELETE_ACCESSSPEC" => self.done("DELETE_ACCESSSPEC_RESPONSE", Self::delete_work, &request),
            "ENABLE_ACCESSSPEC" => self.done("ENABLE_ACCESSSPEC_RESPONSE", Self::enable_work, &request),
            "DISABLE_ACCESSSPEC" => self.done("DISABLE_ACCESSSPEC_RESPONSE", Self::disable_work, &request),
            "GET_ACCESSSPECS" => {
                success("GET_ACCESSSPECS_RESPONSE").with_all(self.access_specs.iter().map(AccessSpec::told))
            }
            "GET_SUPPORTED_VERSION" if self.make.speaks == Speaks::Two => {
                let answer = success("GET_SUPPORTED_VERSION_RESPONSE");
                self.answer_in(2, frame.id, answer.set("CurrentVersion", self.version).set("SupportedVersion", 2u8));
                return;
            }
            "SET_PROTOCOL_VERSION" if self.make.speaks == Speaks::Two => {
                if let Some(version @ 1..=2) = request.number("ProtocolVersion") {
                    self.version = version as u8;
                }
                self.answer_in(2, frame.id, success("SET_PROTOCOL_VERSION_RESPONSE"));
                return;
            }
            "CLOSE_CONNECTION" => {
                self.answer_in(self.version, frame.id, success("CLOSE_CONNECTION_RESPONSE"));
                self.link = Link::Closing;
                return;
            }
            "GET_REPORT" => return self.get_report(),
            "ENABLE_EVENTS_AND_REPORTS" => return self.release(),
            "KEEPALIVE_ACK" => {
                self.unacknowledged = 0;
                return;
            }
            _ => {
                return self.error(frame.id, Refusal { code: 109, text: "unsupported message" });
            }
        };
        // The answer goes ahead of the events and reports that carrying the request out has queued.
        self.answer_in(self.version, frame.id, answer);
        if let Some(answer) = self.out.pop_back() {
            self.out.insert(before.min(self.out.len()), answer);
        }
    }

    /// Carries a request out and builds its answer.
    fn done(
        &mut self,
        answer: &str,
        act: fn(&mut LlrpReader, &Parameter) -> Result<(), Refusal>,
        request: &Parameter,
    ) -> Parameter {
        let status = match act(self, request) {
            Ok(()) => answers::status(0, ""),
            Err(Refusal { code, text }) => answers::status(code, text),
        };
        Parameter::new(answer).with(status)
    }

    fn configure(&mut self, request: &Parameter) -> Result<(), Refusal> {
        self.check_customs(request)?;
        if self.make.refuses.events && request.find("ReaderEventNotificationSpec").is_some() {
            return Err(Refusal { code: 209, text: "events are fixed" });
        }
        self.check_ports(request)?;
        let report = request.find("ROReportSpec").map(ReportSpec::accept).transpose()?;
        if request.number("ResetToFactoryDefault") == Some(1) {
            self.rospecs.clear();
            self.pending.clear();
            self.default_report = ReportSpec::factory();
            self.access_specs.clear();
            (self.keepalive, self.hold, self.rospec_events, self.input_events) = (None, false, false, false);
        }
        if let Some(report) = report {
            self.default_report = report;
        }
        if let Some(spec) = request.find("KeepaliveSpec") {
            let period = spec.number("PeriodicTriggerValue").unwrap_or_default().max(1);
            self.keepalive = (spec.number("KeepaliveTriggerType") == Some(1)).then(|| Duration::from_millis(period));
            self.keepalive_at = self.now + Duration::from_millis(period);
            self.unacknowledged = 0;
        }
        if let Some(spec) = request.find("EventsAndReports") {
            self.hold = spec.number("HoldEventsAndReportsUponReconnect") == Some(1);
        }
        if let Some(spec) = request.find("ReaderEventNotificationSpec") {
            for state in spec.all("EventNotificationState") {
                let on = state.number("NotificationState") == Some(1);
                match state.number("EventType") {
                    Some(1) => self.input_events = on,
                    Some(2) => self.rospec_events = on,
                    _ => (),
                }
            }
        }
        self.set_ports(request);
        Ok(())
    }

    fn told_configuration(&self) -> Vec<(u64, Parameter)> {
        let period = self.keepalive.map_or(0, |period| period.as_millis() as u32);
        let keepalive = Parameter::new("KeepaliveSpec")
            .set("KeepaliveTriggerType", self.keepalive.is_some())
            .set("PeriodicTriggerValue", period);
        let events = [(1u16, self.input_events), (2, self.rospec_events)].map(|(kind, on)| {
            Parameter::new("EventNotificationState").set("EventType", kind).set("NotificationState", on)
        });
        let mut told = vec![
            (4, self.default_report.told()),
            (5, Parameter::new("ReaderEventNotificationSpec").with_all(events)),
            (7, Parameter::new("LLRPConfigurationStateValue")),
            (8, keepalive),
            (11, Parameter::new("EventsAndReports").set("HoldEventsAndReportsUponReconnect", self.hold)),
        ];
        told.extend(self.told_ports());
        told
    }

    /// A maker's own parameters must be switched on first, and nobody takes another maker's.
    fn check_customs(&self, request: &Parameter) -> Result<(), Refusal> {
        let unknown = Err(Refusal { code: 207, text: "unknown vendor parameter" });
        match custom_inside(request) {
            true if !self.extended || self.make.refuses.customs => unknown,
            _ => Ok(()),
        }
    }

    fn add(&mut self, request: &Parameter) -> Result<(), Refusal> {
        let spec = request.find("ROSpec").ok_or(Refusal { code: 103, text: "ADD_ROSPEC lacks its ROSpec" })?;
        self.check_customs(spec)?;
        let spec = RoSpec::accept(spec, &self.default_report, self.make)?;
        if self.rospecs.iter().any(|other| other.id == spec.id) {
            return Err(Refusal { code: 300, text: "a ROSpec with this id exists" });
        }
        if answers::ROSPECS_MAX <= self.rospecs.len() {
            return Err(Refusal { code: 105, text: "no room for another ROSpec" });
        }
        self.rospecs.push(spec);
        Ok(())
    }

    /// Places of the ROSpec that a request names; 0 names all.
    fn named(&self, request: &Parameter) -> Result<Vec<usize>, Refusal> {
        let id = request.number("ROSpecID").unwrap_or_default();
        let specs = self.rospecs.iter().enumerate();
        let places: Vec<_> =
            specs.filter(|(_, spec)| id == 0 || id == u64::from(spec.id)).map(|(place, _)| place).collect();
        match id != 0 && places.is_empty() {
            true => Err(Refusal { code: 300, text: "no ROSpec with this id" }),
            false => Ok(places),
        }
    }

    fn delete(&mut self, request: &Parameter) -> Result<(), Refusal> {
        for place in self.named(request)?.into_iter().rev() {
            self.stop(place);
            self.rospecs.remove(place);
        }
        Ok(())
    }

    fn enable(&mut self, request: &Parameter) -> Result<(), Refusal> {
        for place in self.named(request)? {
            let Some(spec) = self.rospecs.get_mut(place) else {
                continue;
            };
            if spec.state == State::Disabled {
                spec.state = State::Inactive;
                if spec.immediate {
                    self.start(place);
                }
            }
        }
        Ok(())
    }

    fn disable(&mut self, request: &Parameter) -> Result<(), Refusal> {
        for place in self.named(request)? {
            self.stop(place);
            if let Some(spec) = self.rospecs.get_mut(place) {
                spec.state = State::Disabled;
            }
        }
        Ok(())
    }

    fn start_request(&mut self, request: &Parameter) -> Result<(), Refusal> {
        for place in self.named(request)? {
            match self.rospecs.get(place).map(|spec| spec.state) {
                Some(State::Inactive) => self.start(place),
                Some(State::Disabled) => {
                    return Err(Refusal { code: 300, text: "the ROSpec is disabled" });
                }
                Some(State::Active) | None => (),
            }
        }
        Ok(())
    }

    fn stop_request(&mut self, request: &Parameter) -> Result<(), Refusal> {
        for place in self.named(request)? {
            self.stop(place);
        }
        Ok(())
    }

    fn add_work(&mut self, request: &Parameter) -> Result<(), Refusal> {
        let spec = request.find("AccessSpec").ok_or(Refusal { code: 103, text: "the AccessSpec is missing" })?;
        if self.make.refuses.access || answers::ACCESS_SPECS_MAX <= self.access_specs.len() {
            return Err(Refusal { code: 105, text: "no room for another AccessSpec" });
        }
        let spec = AccessSpec::accept(spec)?;
        if self.access_specs.iter().any(|other| other.id == spec.id) {
            return Err(Refusal { code: 300, text: "an AccessSpec with this id exists" });
        }
        self.access_specs.push(spec);
        Ok(())
    }

    fn delete_work(&mut self, request: &Parameter) -> Result<(), Refusal> {
        let id = self.named_work(request)?;
        self.access_specs.retain(|spec| id != 0 && spec.id != id);
        Ok(())
    }

    fn enable_work(&mut self, request: &Parameter) -> Result<(), Refusal> {
        self.switch_work(request, true)
    }

    fn disable_work(&mut self, request: &Parameter) -> Result<(), Refusal> {
        self.switch_work(request, false)
    }

    fn switch_work(&mut self, request: &Parameter, enabled: bool) -> Result<(), Refusal> {
        let id = self.named_work(request)?;
        let named = self.access_specs.iter_mut().filter(|spec| id == 0 || spec.id == id);
        named.for_each(|spec| spec.enabled = enabled);
        Ok(())
    }

    /// The id of the AccessSpec that a request names; 0 names all.
    fn named_work(&self, request: &Parameter) -> Result<u32, Refusal> {
        let id = request.number("AccessSpecID").unwrap_or_default() as u32;
        match id == 0 || self.access_specs.iter().any(|spec| spec.id == id) {
            true => Ok(id),
            false => Err(Refusal { code: 300, text: "no AccessSpec with this id" }),
        }
    }

    pub(super) fn start(&mut self, place: usize) {
        let now = self.now;
        let Some(spec) = self.rospecs.get_mut(place) else {
            return;
        };
        spec.state = State::Active;
        spec.ends.begin(now);
        spec.ends_at = spec.lasts.map(|lasts| now + lasts);
        self.rospec_event(0, place);
    }

    /// An active ROSpec ends: what is pending is reported, unless reports are fetched.
    pub(super) fn stop(&mut self, place: usize) {
        let Some(spec) = self.rospecs.get_mut(place) else {
            return;
        };
        if spec.state != State::Active {
            return;
        }
        (spec.state, spec.ends_at) = (State::Inactive, None);
        if !spec.report.fetched && !self.pending.is_empty() {
            self.report(place);
        }
        self.rospec_event(1, place);
    }

    fn rospec_event(&mut self, kind: u8, place: usize) {
        let Some(id) = self.rospecs.get(place).map(|spec| spec.id) else {
            return;
        };
        if self.rospec_events && self.link == Link::Open && !self.holding {
            self.event(Parameter::new("ROSpecEvent").set("EventType", kind).set("ROSpecID", id));
        }
    }

    /// GET_REPORT: what is pending now; nothing is said when nothing is.
    fn get_report(&mut self) {
        let place = self.rospecs.iter().position(|spec| spec.state == State::Active).unwrap_or_default();
        if !self.pending.is_empty() {
            self.report(place);
        }
    }

    /// ENABLE_EVENTS_AND_REPORTS: what was held goes out.
    fn release(&mut self) {
        self.holding = false;
        if !self.held.is_empty() {
            let held = std::mem::take(&mut self.held).into();
            self.say_report(held);
        }
        if std::mem::take(&mut self.overflowed) {
            self.event(Parameter::new("ReportBufferOverflowErrorEvent"));
        }
    }
}

/// Whether a maker's own parameter stands anywhere in a request.
fn custom_inside(request: &Parameter) -> bool {
    request.parameters.iter().any(|inner| inner.vendor().is_some() || inner.name() == "Custom" || custom_inside(inner))
}
