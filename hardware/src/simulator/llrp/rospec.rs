//! ROSpecs of the simulated reader: what it accepts, and the report entries that come of reads.

use std::time::Duration;

use crate::llrp::message::{Parameter, Value};

use super::make::{FILTERS_MAX, MODES, Region, SENSITIVITIES};
use super::tags::{Mask, Memories, pc_bits};
use super::{Clock, Make, Refusal};

/// One reading program that a client added.
#[derive(Clone, Debug)]
pub(super) struct RoSpec {
    pub id: u32,
    pub state: State,
    /// As it was added; GET_ROSPECS tells it back.
    pub parameter: Parameter,
    /// Whether it starts when it is enabled.
    pub immediate: bool,
    /// The input and level that start it.
    pub start_by: Option<(u16, bool)>,
    /// The input and level that end it.
    pub stop_by: Option<(u16, bool)>,
    /// How long it runs once started.
    pub lasts: Option<Duration>,
    pub ends_at: Option<Duration>,
    /// Empty = all.
    antennas: Vec<u16>,
    /// Mask and action; the actions are those of C1G2StateUnawareAction.
    filters: Vec<(Mask, u64)>,
    /// When its AISpec ends; it then begins anew, until the ROSpec is stopped.
    pub ends: InventoryEnd,
    pub report: ReportSpec,
}

/// When an AISpec ends.
#[derive(Clone, Debug)]
pub(super) struct InventoryEnd {
    after: Option<Duration>,
    reads: Option<u64>,
    began: Duration,
    seen: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Disabled,
    Inactive,
    Active,
}

/// When a report goes out and what it says.
#[derive(Clone, Debug)]
pub(super) struct ReportSpec {
    /// Entries per report; 0 = only at the end of the ROSpec.
    pub every: u16,
    /// Trigger 0: reports are fetched with GET_REPORT.
    pub fetched: bool,
    /// Trigger 1: what is pending goes out when the AISpec ends, too.
    pub each_inventory: bool,
    selector: Parameter,
    /// Whether signal strength goes out in hundredths of a dBm, by the maker's own parameter.
    fine: bool,
}

/// One entry of a report in the making: the reads of a tag at an antenna.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub epc: Vec<u8>,
    pub antenna: u16,
    pub rssi_dbm: i16,
    pub first: Duration,
    pub last: Duration,
    pub count: u16,
}

impl RoSpec {
    /// The program in an ADD_ROSPEC, or what the reader has against it.
    pub(super) fn accept(spec: &Parameter, fallback: &ReportSpec, make: Make) -> Result<RoSpec, Refusal> {
        let id = spec.number("ROSpecID").unwrap_or_default() as u32;
        if id == 0 {
            return Err(Refusal { code: 300, text: "ROSpecID 0 means all and cannot be added" });
        }
        if spec.number("CurrentState") != Some(0) {
            return Err(Refusal { code: 300, text: "a ROSpec is added disabled" });
        }
        let missing = Refusal { code: 103, text: "the ROSpec lacks a parameter" };
        let boundary = spec.find("ROBoundarySpec").ok_or(missing)?;
        let start = boundary.find("ROSpecStartTrigger").ok_or(missing)?;
        let stop = boundary.find("ROSpecStopTrigger").ok_or(missing)?;
        let starts = Starts::accept(start, make)?;
        let stops = Stops::accept(stop, make)?;
        let mut inventories = spec.all("AISpec");
        let inventory = inventories.next().ok_or(missing)?;
        if inventories.next().is_some() {
            return Err(Refusal { code: 105, text: "the reader takes one AISpec" });
        }
        let stop = inventory.find("AISpecStopTrigger").ok_or(missing)?;
        let ends = InventoryEnd::accept(stop)?;
        let Some(Value::Numbers(wanted)) = inventory.get("AntennaIDs") else {
            return Err(missing);
        };
        if wanted.iter().any(|antenna| u32::from(make.antennas) < *antenna) {
            return Err(Refusal { code: 301, text: "the reader has no such antenna" });
        }
        let settings = inventory.find("InventoryParameterSpec").ok_or(missing)?;
        if make.refuses.antennas && settings.find("AntennaConfiguration").is_some() {
            return Err(Refusal { code: 100, text: "no settings of antennas" });
        }
        let mut filters = Vec::new();
        for setting in settings.all("AntennaConfiguration") {
            check_radio(setting, make)?;
            filters = accept_filters(setting, make)?;
        }
        let report = match spec.find("ROReportSpec") {
            Some(report) => ReportSpec::accept(report)?,
            None => fallback.clone(),
        };
        let antennas = match wanted.contains(&0) {
            true => Vec::new(),
            false => wanted.iter().filter_map(|antenna| u16::try_from(*antenna).ok()).collect(),
        };
        let parameter = spec.clone();
        Ok(RoSpec {
            id,
            state: State::Disabled,
            parameter,
            immediate: starts.immediate,
            start_by: starts.by,
            stop_by: stops.by,
            lasts: stops.after,
            ends_at: None,
            antennas,
            filters,
            ends,
            report,
        })
    }

    pub(super) fn reads_at(&self, antenna: u16) -> bool {
        self.antennas.is_empty() || self.antennas.contains(&antenna)
    }

    /// Whether its filters choose a tag; without filters every tag is chosen.
    pub(super) fn chooses(&self, memories: &Memories, origin: &[u8]) -> bool {
        self.filters.iter().fold(self.filters.is_empty(), |chosen, (mask, action)| {
            match (mask.fits(memories, origin), action) {
                (true, 0 | 1) | (false, 4 | 5) => true,
                (true, 3 | 4) | (false, 0 | 2) => false,
                _ => chosen,
            }
        })
    }

    /// The ROSpec as GET_ROSPECS tells it.
    pub(super) fn told(&self) -> Parameter {
        self.parameter.clone().set("CurrentState", self.state as u8)
    }
}

/// How a ROSpec starts.
struct Starts {
    immediate: bool,
    by: Option<(u16, bool)>,
}

impl Starts {
    fn accept(start: &Parameter, make: Make) -> Result<Starts, Refusal> {
        match start.number("ROSpecStartTriggerType") {
            Some(0) => Ok(Starts { immediate: false, by: None }),
            Some(1) => Ok(Starts { immediate: true, by: None }),
            Some(3) if !make.refuses.start_by_input => Ok(Starts { immediate: false, by: Some(input_of(start, make)?) }),
            _ => Err(Refusal { code: 209, text: "unsupported StartTrigger" }),
        }
    }
}

/// How a ROSpec ends.
struct Stops {
    after: Option<Duration>,
    by: Option<(u16, bool)>,
}

impl Stops {
    fn accept(stop: &Parameter, make: Make) -> Result<Stops, Refusal> {
        let millis = |count: Option<u64>| count.filter(|count| *count != 0).map(Duration::from_millis);
        match stop.number("ROSpecStopTriggerType") {
            Some(0) => Ok(Stops { after: None, by: None }),
            Some(1) if !make.refuses.stop_by_time => {
                Ok(Stops { after: millis(stop.number("DurationTriggerValue")), by: None })
            }
            Some(2) if !make.refuses.stop_by_input => {
                let timeout = stop.find("GPITriggerValue").and_then(|input| input.number("Timeout"));
                Ok(Stops { after: millis(timeout), by: Some(input_of(stop, make)?) })
            }
            _ => Err(Refusal { code: 209, text: "unsupported StopTrigger" }),
        }
    }
}

/// Input and level of a trigger.
fn input_of(trigger: &Parameter, make: Make) -> Result<(u16, bool), Refusal> {
    let missing = Refusal { code: 103, text: "the trigger lacks its GPITriggerValue" };
    let input = trigger.find("GPITriggerValue").ok_or(missing)?;
    let line = input.number("GPIPortNum").unwrap_or_default() as u16;
    match (1..=make.inputs).contains(&line) {
        true => Ok((line, input.number("GPIEvent") == Some(1))),
        false => Err(Refusal { code: 301, text: "the reader has no such input" }),
    }
}

/// Indexes must be those of the reader's own tables.
fn check_radio(setting: &Parameter, make: Make) -> Result<(), Refusal> {
    let out_of_range = |text| Err(Refusal { code: 301, text });
    if let Some(transmitter) = setting.find("RFTransmitter") {
        let number = |field| transmitter.number(field).unwrap_or_default();
        if !make.power_steps().iter().any(|(index, _)| u64::from(*index) == number("TransmitPower")) {
            return out_of_range("the reader has no such transmit power index");
        }
        let chosen = number("HopTableID") != 0 || number("ChannelIndex") != 0;
        if make.refuses.channel && chosen {
            return out_of_range("hop table and channel are not the client's to choose");
        }
        if make.region == Region::America && !make.refuses.channel && number("HopTableID") != 1 {
            return out_of_range("the reader has no such hop table");
        }
        if (make.channels().len() as u64) < number("ChannelIndex") {
            return out_of_range("the reader has no such channel");
        }
    }
    let sensitivity = setting.find("RFReceiver").and_then(|receiver| receiver.number("ReceiverSensitivity"));
    let mut commands = setting.all("C1G2InventoryCommand").filter_map(|command| command.find("C1G2RFControl"));
    let mode = commands.next().and_then(|control| control.number("ModeIndex"));
    if make.refuses.modes && (sensitivity.is_some() || mode.is_some()) {
        return Err(Refusal { code: 209, text: "radio mode and sensitivity are fixed" });
    }
    if sensitivity.is_some_and(|wanted| SENSITIVITIES.iter().all(|(index, _)| u64::from(*index) != wanted)) {
        return out_of_range("the reader has no such sensitivity index");
    }
    if mode.is_some_and(|wanted| MODES.iter().all(|(mode, _)| u64::from(*mode) != wanted)) {
        return out_of_range("the reader has no such mode");
    }
    Ok(())
}

fn accept_filters(setting: &Parameter, make: Make) -> Result<Vec<(Mask, u64)>, Refusal> {
    let filters = setting.all("C1G2InventoryCommand").flat_map(|command| command.all("C1G2Filter"));
    let accept = |filter: &Parameter| {
        let action = filter.find("C1G2TagInventoryStateUnawareFilterAction")?.number("Action")?;
        Some((Mask::of_filter(filter.find("C1G2TagInventoryMask")?)?, action))
    };
    let filters: Option<Vec<_>> = filters.map(accept).collect();
    let filters = filters.ok_or(Refusal { code: 209, text: "a filter lacks its mask or state-unaware action" })?;
    match filters.len() {
        0 => Ok(filters),
        1..=FILTERS_MAX if !make.refuses.filters => Ok(filters),
        _ => Err(Refusal { code: 105, text: "too many filters" }),
    }
}

impl InventoryEnd {
    fn accept(stop: &Parameter) -> Result<InventoryEnd, Refusal> {
        let never = InventoryEnd { after: None, reads: None, began: Duration::ZERO, seen: 0 };
        let observation = stop.find("TagObservationTrigger");
        match (stop.number("AISpecStopTriggerType"), observation) {
            (Some(0), _) => Ok(never),
            (Some(1), _) => {
                Ok(InventoryEnd { after: stop.number("DurationTrigger").map(Duration::from_millis), ..never })
            }
            (Some(3), Some(trigger)) if trigger.number("TriggerType") == Some(0) => {
                let timeout = trigger.number("Timeout").filter(|timeout| *timeout != 0);
                Ok(InventoryEnd {
                    after: timeout.map(Duration::from_millis),
                    reads: trigger.number("NumberOfTags").filter(|tags| *tags != 0),
                    ..never
                })
            }
            _ => Err(Refusal { code: 209, text: "an AISpec stops by duration or by a number of tags" }),
        }
    }

    /// A new inventory begins.
    pub(super) fn begin(&mut self, now: Duration) {
        (self.began, self.seen) = (now, 0);
    }

    /// Counts one more read.
    pub(super) fn count(&mut self) {
        self.seen += 1;
    }

    pub(super) fn reached(&self, now: Duration) -> bool {
        self.after.is_some_and(|after| self.began + after <= now) || self.reads.is_some_and(|reads| reads <= self.seen)
    }
}

impl ReportSpec {
    /// What a reader does that nobody told otherwise: each tag at once, with everything.
    pub(super) fn factory() -> ReportSpec {
        let selector = Parameter::new("TagReportContentSelector")
            .set("EnableAntennaID", true)
            .set("EnablePeakRSSI", true)
            .set("EnableFirstSeenTimestamp", true)
            .set("EnableLastSeenTimestamp", true)
            .set("EnableTagSeenCount", true);
        ReportSpec { every: 1, fetched: false, each_inventory: false, selector, fine: false }
    }

    pub(super) fn accept(report: &Parameter) -> Result<ReportSpec, Refusal> {
        let Some(trigger @ 0..=2) = report.number("ROReportTrigger") else {
            return Err(Refusal { code: 209, text: "report triggers by time are not simulated" });
        };
        let selector = report.find("TagReportContentSelector");
        let selector = selector.ok_or(Refusal { code: 103, text: "the ROReportSpec lacks its selector" })?.clone();
        let every = report.number("N").unwrap_or_default() as u16;
        let fine = report.find("ImpinjTagReportContentSelector");
        let fine = fine.and_then(|selector| selector.find("ImpinjEnablePeakRSSI"));
        let fine = fine.is_some_and(|peak| peak.number("PeakRSSIMode") == Some(1));
        Ok(ReportSpec { every, fetched: trigger == 0, each_inventory: trigger == 1, selector, fine })
    }

    /// As GET_READER_CONFIG tells it.
    pub(super) fn told(&self) -> Parameter {
        let trigger = match (self.fetched, self.each_inventory) {
            (true, _) => 0u8,
            (false, true) => 1,
            (false, false) => 2,
        };
        let report = Parameter::new("ROReportSpec").set("ROReportTrigger", trigger).set("N", self.every);
        report.with(self.selector.clone())
    }

    /// TagReportData with the parameters that the selector asks for, in the order of its definition.
    pub(super) fn tag_report_data(
        &self,
        entry: &Entry,
        rospec: u32,
        clock: Clock,
        worked: Option<(u32, Vec<Parameter>)>,
    ) -> Parameter {
        let on = |field| self.selector.number(field) == Some(1);
        let (first, last) = match clock {
            Clock::Utc { .. } => ("FirstSeenTimestampUTC", "LastSeenTimestampUTC"),
            Clock::UptimeOnly => ("FirstSeenTimestampUptime", "LastSeenTimestampUptime"),
        };
        let one = |name, field, value: Value| Parameter::new(name).set(field, value);
        let rssi = entry.rssi_dbm.clamp(-128, 127);
        let memory = self.selector.find("C1G2EPCMemorySelector");
        let memory = |field| memory.is_some_and(|selector| selector.number(field) == Some(1));
        let pc = pc_bits(&entry.epc);
        let (access, results) = worked.unwrap_or_default();
        let parts = [
            on("EnableROSpecID").then(|| one("ROSpecID", "ROSpecID", rospec.into())),
            on("EnableSpecIndex").then(|| one("SpecIndex", "SpecIndex", 1u16.into())),
            on("EnableInventoryParameterSpecID")
                .then(|| one("InventoryParameterSpecID", "InventoryParameterSpecID", 1u16.into())),
            on("EnableAntennaID").then(|| one("AntennaID", "AntennaID", entry.antenna.into())),
            on("EnablePeakRSSI").then(|| one("PeakRSSI", "PeakRSSI", rssi.into())),
            on("EnableChannelIndex").then(|| one("ChannelIndex", "ChannelIndex", 1u16.into())),
            on("EnableFirstSeenTimestamp").then(|| one(first, "Microseconds", clock.micros(entry.first).into())),
            on("EnableLastSeenTimestamp").then(|| one(last, "Microseconds", clock.micros(entry.last).into())),
            on("EnableTagSeenCount").then(|| one("TagSeenCount", "TagCount", entry.count.into())),
            memory("EnablePCBits").then(|| one("C1G2_PC", "PC_Bits", pc.into())),
            memory("EnableCRC").then(|| one("C1G2_CRC", "CRC", crc16(pc, &entry.epc).into())),
            on("EnableAccessSpecID").then(|| one("AccessSpecID", "AccessSpecID", access.into())),
        ];
        let epc = match entry.epc.len() {
            12 => one("EPC_96", "EPC", entry.epc.as_slice().into()),
            length => {
                let bits = u16::try_from(length * 8).unwrap_or(u16::MAX);
                one("EPCData", "EPC", Value::Bits { bits, octets: entry.epc.clone() })
            }
        };
        // A little more than the whole dBm beside it, as a finer measurement is.
        let fine = self.fine.then(|| Parameter::new("ImpinjPeakRSSI").set("RSSI", entry.rssi_dbm.saturating_mul(100) + 25));
        Parameter::new("TagReportData").with(epc).with_all(parts.into_iter().flatten()).with_all(results).with_all(fine)
    }
}

/// The CRC that a Gen2 tag stores before its PC and EPC (EPC Gen2 annex F: polynomial 0x1021, preset and inverted).
pub(super) fn crc16(pc: u16, epc: &[u8]) -> u16 {
    let octets = pc.to_be_bytes().into_iter().chain(epc.iter().copied());
    !octets.fold(0xFFFF, |crc, octet| {
        (0..8).fold(
            crc ^ u16::from(octet) << 8,
            |crc: u16, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            },
        )
    })
}
