//! What a reader is asked to do: the settings of a door, fitted to the capabilities of its reader.

use super::capabilities::Capabilities;
use super::message::{Parameter, Value};
use super::settings::{Hold, Inputs, Portal, Search, Settings};

/// The id of the one ROSpec that the client owns.
pub(super) const ROSPEC: u32 = 1;

/// A part of a request that a reader may refuse. What it does not take whole it may take without, and reading goes
/// first: the parts are left out one by one, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The maker's own parameters.
    Customs,
    /// Hop table and channel.
    Channel,
    /// Radio mode and receive sensitivity.
    Mode,
    /// The end of a reading by an input.
    Stop,
    /// The start of a reading by an input.
    Start,
    /// The choice of tags by EPC.
    Filters,
    /// Every setting of an antenna.
    Antennas,
    /// The edges of inputs.
    Inputs,
    /// Events and the holding of reports.
    Events,
}

impl Part {
    /// What happens without it.
    pub(super) fn left_out(self) -> &'static str {
        match self {
            Part::Customs => "it is asked again without the maker's own settings (search, latency, fine RSSI)",
            Part::Channel => "it is asked again without hop table and channel",
            Part::Mode => "it is asked again without radio mode and sensitivity",
            Part::Stop => "it is asked again to end its reading by time and not by an input",
            Part::Start => "it is asked again to read all the time, without photo-eyes",
            Part::Filters => "it is asked again without a choice by EPC; other tags are left out afterwards",
            Part::Antennas => "it reads with its own power and session",
            Part::Inputs => "it is asked again without its inputs; contacts are not reported",
            Part::Events => "it is asked for signs of life only",
        }
    }
}

/// A reader, and what it does not take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fit {
    pub reader: Capabilities,
    /// Whether the maker's own parameters may be used on this connection.
    pub extended: bool,
    pub left_out: Vec<Part>,
}

impl Fit {
    fn takes(&self, part: Part) -> bool {
        !self.left_out.contains(&part)
    }

    /// When this reader reads.
    pub(super) fn portal(&self, settings: &Settings) -> Portal {
        match self.reader.portal(settings) {
            Portal::Eyes { start, stop, lasts } if self.takes(Part::Start) => {
                Portal::Eyes { start, stop: stop.filter(|_| self.takes(Part::Stop)), lasts }
            }
            Portal::Eyes { .. } | Portal::Always => Portal::Always,
        }
    }

    /// What SET_READER_CONFIG can go without next.
    pub(super) fn next_of_configuration(&self, settings: &Settings) -> Option<Part> {
        let inputs = self.reader.inputs(settings) != 0;
        let parts = [(Part::Customs, self.extended), (Part::Inputs, inputs), (Part::Events, true)];
        parts.into_iter().find(|(part, used)| *used && self.takes(*part)).map(|(part, _)| part)
    }

    /// What ADD_ROSPEC can go without next.
    pub(super) fn next_of_reading(&self, settings: &Settings) -> Option<Part> {
        let powered = settings.power_dbm.is_some() || !settings.antenna_power_dbm.is_empty();
        let portal = self.portal(settings);
        let parts = [
            (Part::Customs, self.extended),
            (Part::Channel, powered),
            (Part::Mode, self.mode(settings).is_some() || self.sensitivity(settings).is_some()),
            (Part::Stop, matches!(portal, Portal::Eyes { stop: Some(_), .. })),
            (Part::Start, portal != Portal::Always),
            (Part::Filters, self.reader.filters(settings)),
            (Part::Antennas, true),
        ];
        parts.into_iter().find(|(part, used)| *used && self.takes(*part)).map(|(part, _)| part)
    }

    fn mode(&self, settings: &Settings) -> Option<u16> {
        self.reader.mode(settings.mode).filter(|_| self.takes(Part::Mode))
    }

    fn sensitivity(&self, settings: &Settings) -> Option<u16> {
        let step = self.reader.sensitivity(settings.less_sensitive_db).filter(|_| self.takes(Part::Mode));
        step.map(|(index, _)| index)
    }

    /// Whether the maker's own parameters go with a request.
    fn customs(&self) -> bool {
        self.extended && self.takes(Part::Customs)
    }
}

/// SET_READER_CONFIG: signs of life, the events that the session acts on, reports kept during an outage.
pub(super) fn configuration(settings: &Settings, fit: &Fit) -> Parameter {
    let keepalive = u32::try_from(settings.keepalive_period().as_millis()).unwrap_or(u32::MAX);
    let keepalive =
        Parameter::new("KeepaliveSpec").set("KeepaliveTriggerType", 1u8).set("PeriodicTriggerValue", keepalive);
    let request = Parameter::new("SET_READER_CONFIG");
    if !fit.takes(Part::Events) {
        return request.with(keepalive);
    }
    let inputs = if fit.takes(Part::Inputs) { fit.reader.inputs(settings) } else { 0 };
    // 1 inputs, 2 ROSpec, 3 buffer filling, 4 reader exception, 8 antenna.
    let wanted = [(1u16, inputs != 0), (2, true), (3, fit.reader.warns), (4, true), (8, true)];
    let events = wanted.into_iter().filter(|(_, can)| *can).map(|(kind, _)| {
        Parameter::new("EventNotificationState").set("EventType", kind).set("NotificationState", true)
    });
    // The state of an input cannot be set: 2 = unknown.
    let inputs = (1..=inputs).map(|line| {
        Parameter::new("GPIPortCurrentState").set("GPIPortNum", line).set("Config", true).set("State", 2u8)
    });
    let hold = fit.reader.holds.then(|| {
        let hold = settings.hold == Hold::UntilReconnect;
        Parameter::new("EventsAndReports").set("HoldEventsAndReportsUponReconnect", hold)
    });
    let quick = fit.customs().then(|| Parameter::new("ImpinjReportBufferConfiguration").set("ReportBufferMode", 1u16));
    let request = request.with(Parameter::new("ReaderEventNotificationSpec").with_all(events)).with(keepalive);
    request.with_all(inputs).with_all(hold).with_all(quick)
}

/// ADD_ROSPEC: read from the moment it is enabled or a photo-eye says so, report every so many tags.
pub(super) fn reading(settings: &Settings, fit: &Fit, antennas: &[u16]) -> Parameter {
    let inventory =
        Parameter::new("InventoryParameterSpec").set("InventoryParameterSpecID", 1u16).set("ProtocolID", 1u8);
    let inventory = match fit.takes(Part::Antennas) {
        true => inventory.with_all(antennas.iter().map(|antenna| antenna_setting(settings, fit, *antenna))),
        false => inventory,
    };
    let antennas =
        Parameter::new("AISpec").set("AntennaIDs", antennas).with(Parameter::new("AISpecStopTrigger")).with(inventory);
    let content = Parameter::new("TagReportContentSelector")
        .set("EnableAntennaID", true)
        .set("EnablePeakRSSI", true)
        .set("EnableLastSeenTimestamp", true)
        .set("EnableTagSeenCount", true)
        .set("EnableAccessSpecID", true);
    let fine = fit.customs().then(|| {
        let rssi = Parameter::new("ImpinjEnablePeakRSSI").set("PeakRSSIMode", 1u16);
        Parameter::new("ImpinjTagReportContentSelector").with(rssi)
    });
    let report = Parameter::new("ROReportSpec")
        .set("ROReportTrigger", 2u8)
        .set("N", settings.report_every.max(1))
        .with(content)
        .with_all(fine);
    let boundary = boundary(fit.portal(settings), settings.inputs);
    let program = Parameter::new("ROSpec").set("ROSpecID", ROSPEC).with(boundary).with(antennas).with(report);
    Parameter::new("ADD_ROSPEC").with(program)
}

/// When reading starts and stops.
fn boundary(portal: Portal, inputs: Inputs) -> Parameter {
    let closed = inputs != Inputs::ClosedIsLow;
    let eye = |line: u16, timeout_ms: u32| {
        Parameter::new("GPITriggerValue").set("GPIPortNum", line).set("GPIEvent", closed).set("Timeout", timeout_ms)
    };
    let start = Parameter::new("ROSpecStartTrigger");
    let end = Parameter::new("ROSpecStopTrigger");
    let (start, end) = match portal {
        Portal::Always => (start.set("ROSpecStartTriggerType", 1u8), end),
        Portal::Eyes { start: line, stop, lasts } => {
            let lasts_ms = u32::try_from(lasts.as_millis()).unwrap_or(u32::MAX);
            let end = match stop {
                Some(stop) => end.set("ROSpecStopTriggerType", 2u8).with(eye(stop, lasts_ms)),
                None => end.set("ROSpecStopTriggerType", 1u8).set("DurationTriggerValue", lasts_ms),
            };
            (start.set("ROSpecStartTriggerType", 3u8).with(eye(line, 0)), end)
        }
    };
    Parameter::new("ROBoundarySpec").with(start).with(end)
}

/// AntennaConfiguration: sensitivity, power, choice of tags and anti-collision; antenna 0 means all.
fn antenna_setting(settings: &Settings, fit: &Fit, antenna: u16) -> Parameter {
    let receiver = fit.sensitivity(settings);
    let receiver = receiver.map(|index| Parameter::new("RFReceiver").set("ReceiverSensitivity", index));
    let power = settings.power_at(antenna).and_then(|wanted| fit.reader.power(wanted));
    let (hop_table, channel) = match fit.takes(Part::Channel) {
        true => fit.reader.channel(settings.channel_khz),
        false => (0, 0),
    };
    let transmitter = power.map(|(index, _)| {
        Parameter::new("RFTransmitter")
            .set("HopTableID", hop_table)
            .set("ChannelIndex", channel)
            .set("TransmitPower", index)
    });
    let filters = match fit.takes(Part::Filters) && fit.reader.filters(settings) {
        true => settings.only.as_slice(),
        false => &[],
    };
    let filters = filters.iter().enumerate().map(|(place, prefix)| filter(place == 0, prefix));
    let mode = fit.mode(settings).map(|mode| Parameter::new("C1G2RFControl").set("ModeIndex", mode));
    let singulation = Parameter::new("C1G2SingulationControl")
        .set("Session", settings.session as u8)
        .set("TagPopulation", settings.tag_population);
    let search = match settings.search {
        Search::Own => None,
        Search::Single => Some(1u16),
        Search::Dual => Some(2),
        Search::Suppressed => Some(3),
    };
    let search = search.filter(|_| fit.customs());
    let search = search.map(|mode| Parameter::new("ImpinjInventorySearchMode").set("InventorySearchMode", mode));
    let command = Parameter::new("C1G2InventoryCommand");
    let command = command.with_all(filters).with_all(mode).with(singulation).with_all(search);
    let setting = Parameter::new("AntennaConfiguration").set("AntennaID", antenna);
    setting.with_all(receiver).with_all(transmitter).with(command)
}

/// A choice by the first bits of the EPC, which stands behind CRC and PC. The first unselects all other tags, those
/// behind it add to what is selected.
fn filter(first: bool, prefix: &[u8]) -> Parameter {
    let mask =
        Parameter::new("C1G2TagInventoryMask").set("MB", 1u8).set("Pointer", 32u16).set("TagMask", all_bits(prefix));
    let action = Parameter::new("C1G2TagInventoryStateUnawareFilterAction").set("Action", u8::from(!first));
    // 1 = the tag answers with its whole EPC all the same.
    Parameter::new("C1G2Filter").set("T", 1u8).with(mask).with(action)
}

/// Whole octets as a bit string.
pub(super) fn all_bits(octets: &[u8]) -> Value {
    // A mask comes from settings or from an EPC, both far below 8,191 octets.
    Value::Bits { bits: u16::try_from(octets.len() * 8).unwrap_or_default(), octets: octets.to_vec() }
}

/// A request about the client's own ROSpec.
pub(super) fn about_rospec(request: &str) -> Parameter {
    Parameter::new(request).set("ROSpecID", ROSPEC)
}

/// SET_READER_CONFIG: one output.
pub(super) fn output(line: u16, on: bool) -> Parameter {
    let data = Parameter::new("GPOWriteData").set("GPOPortNumber", line).set("GPOData", on);
    Parameter::new("SET_READER_CONFIG").with(data)
}
