//! ROSpecs of the simulated reader: what it accepts, and the report entries that come of reads.

use std::time::Duration;

use crate::llrp::message::{Parameter, Value};

use super::answers::POWER_STEPS;
use super::{Clock, Refusal};

/// One reading program that a client added.
#[derive(Clone, Debug)]
pub(super) struct RoSpec {
    pub id: u32,
    pub state: State,
    /// As it was added; GET_ROSPECS tells it back.
    pub parameter: Parameter,
    /// Whether it starts when it is enabled.
    pub immediate: bool,
    /// How long it runs once started.
    pub lasts: Option<Duration>,
    pub ends_at: Option<Duration>,
    /// Empty = all.
    antennas: Vec<u16>,
    pub report: ReportSpec,
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
    selector: Parameter,
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
    pub(super) fn accept(
        spec: &Parameter,
        fallback: &ReportSpec,
        antennas: u16,
    ) -> Result<RoSpec, Refusal> {
        let id = spec.number("ROSpecID").unwrap_or_default() as u32;
        if id == 0 {
            return Err(Refusal {
                code: 300,
                text: "ROSpecID 0 means all and cannot be added",
            });
        }
        if spec.number("CurrentState") != Some(0) {
            return Err(Refusal {
                code: 300,
                text: "a ROSpec is added disabled",
            });
        }
        let missing = Refusal {
            code: 103,
            text: "the ROSpec lacks a parameter",
        };
        let boundary = spec.find("ROBoundarySpec").ok_or(missing)?;
        let start = boundary.find("ROSpecStartTrigger").ok_or(missing)?;
        let immediate = match start.number("ROSpecStartTriggerType") {
            Some(0) => false,
            Some(1) => true,
            _ => {
                return Err(Refusal {
                    code: 209,
                    text: "start triggers other than none and immediate are not simulated",
                });
            }
        };
        let stop = boundary.find("ROSpecStopTrigger").ok_or(missing)?;
        let ro_lasts = stop_after(stop, "ROSpecStopTriggerType", "DurationTriggerValue")?;
        let mut inventories = spec.all("AISpec");
        let inventory = inventories.next().ok_or(missing)?;
        if inventories.next().is_some() {
            return Err(Refusal {
                code: 105,
                text: "the reader takes one AISpec",
            });
        }
        let stop = inventory.find("AISpecStopTrigger").ok_or(missing)?;
        let ai_lasts = stop_after(stop, "AISpecStopTriggerType", "DurationTrigger")?;
        let Some(Value::Numbers(wanted)) = inventory.get("AntennaIDs") else {
            return Err(missing);
        };
        if wanted.iter().any(|antenna| u32::from(antennas) < *antenna) {
            return Err(Refusal {
                code: 301,
                text: "the reader has no such antenna",
            });
        }
        let settings = inventory.find("InventoryParameterSpec").ok_or(missing)?;
        let power = settings
            .all("AntennaConfiguration")
            .filter_map(|setting| setting.find("RFTransmitter"));
        let indexes = power.filter_map(|transmitter| transmitter.number("TransmitPower"));
        for index in indexes {
            if index == 0 || u64::from(POWER_STEPS) < index {
                return Err(Refusal {
                    code: 301,
                    text: "the reader has no such transmit power index",
                });
            }
        }
        let report = match spec.find("ROReportSpec") {
            Some(report) => ReportSpec::accept(report)?,
            None => fallback.clone(),
        };
        let antennas = match wanted.contains(&0) {
            true => Vec::new(),
            false => wanted
                .iter()
                .filter_map(|antenna| u16::try_from(*antenna).ok())
                .collect(),
        };
        let lasts = ro_lasts.into_iter().chain(ai_lasts).min();
        let parameter = spec.clone();
        Ok(RoSpec {
            id,
            state: State::Disabled,
            parameter,
            immediate,
            lasts,
            ends_at: None,
            antennas,
            report,
        })
    }

    pub(super) fn reads_at(&self, antenna: u16) -> bool {
        self.antennas.is_empty() || self.antennas.contains(&antenna)
    }

    /// The ROSpec as GET_ROSPECS tells it.
    pub(super) fn told(&self) -> Parameter {
        self.parameter.clone().set("CurrentState", self.state as u8)
    }
}

/// A stop trigger: none or after a time.
fn stop_after(trigger: &Parameter, kind: &str, lasts: &str) -> Result<Option<Duration>, Refusal> {
    match trigger.number(kind) {
        Some(0) => Ok(None),
        Some(1) => Ok(trigger.number(lasts).map(Duration::from_millis)),
        _ => Err(Refusal {
            code: 209,
            text: "stop triggers other than none and duration are not simulated",
        }),
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
        ReportSpec {
            every: 1,
            fetched: false,
            selector,
        }
    }

    pub(super) fn accept(report: &Parameter) -> Result<ReportSpec, Refusal> {
        let Some(trigger @ 0..=2) = report.number("ROReportTrigger") else {
            return Err(Refusal {
                code: 209,
                text: "report triggers by time are not simulated",
            });
        };
        let selector = report.find("TagReportContentSelector");
        let selector = selector
            .ok_or(Refusal {
                code: 103,
                text: "the ROReportSpec lacks its selector",
            })?
            .clone();
        let every = report.number("N").unwrap_or_default() as u16;
        Ok(ReportSpec {
            every,
            fetched: trigger == 0,
            selector,
        })
    }

    /// As GET_READER_CONFIG tells it.
    pub(super) fn told(&self) -> Parameter {
        let trigger = if self.fetched { 0u8 } else { 2 };
        let report = Parameter::new("ROReportSpec")
            .set("ROReportTrigger", trigger)
            .set("N", self.every);
        report.with(self.selector.clone())
    }

    /// TagReportData with the parameters that the selector asks for, in the order of its definition.
    pub(super) fn tag_report_data(&self, entry: &Entry, rospec: u32, clock: Clock) -> Parameter {
        let on = |field| self.selector.number(field) == Some(1);
        let (first, last) = match clock {
            Clock::Utc { .. } => ("FirstSeenTimestampUTC", "LastSeenTimestampUTC"),
            Clock::UptimeOnly => ("FirstSeenTimestampUptime", "LastSeenTimestampUptime"),
        };
        let one = |name, field, value: Value| Parameter::new(name).set(field, value);
        let rssi = entry.rssi_dbm.clamp(-128, 127);
        let memory = self.selector.find("C1G2EPCMemorySelector");
        let memory = |field| memory.is_some_and(|selector| selector.number(field) == Some(1));
        let pc = (entry.epc.len().div_ceil(2).min(31) as u16) << 11;
        let parts = [
            on("EnableROSpecID").then(|| one("ROSpecID", "ROSpecID", rospec.into())),
            on("EnableSpecIndex").then(|| one("SpecIndex", "SpecIndex", 1u16.into())),
            on("EnableInventoryParameterSpecID").then(|| {
                one(
                    "InventoryParameterSpecID",
                    "InventoryParameterSpecID",
                    1u16.into(),
                )
            }),
            on("EnableAntennaID").then(|| one("AntennaID", "AntennaID", entry.antenna.into())),
            on("EnablePeakRSSI").then(|| one("PeakRSSI", "PeakRSSI", rssi.into())),
            on("EnableChannelIndex").then(|| one("ChannelIndex", "ChannelIndex", 1u16.into())),
            on("EnableFirstSeenTimestamp")
                .then(|| one(first, "Microseconds", clock.micros(entry.first).into())),
            on("EnableLastSeenTimestamp")
                .then(|| one(last, "Microseconds", clock.micros(entry.last).into())),
            on("EnableTagSeenCount").then(|| one("TagSeenCount", "TagCount", entry.count.into())),
            memory("EnablePCBits").then(|| one("C1G2_PC", "PC_Bits", pc.into())),
            memory("EnableCRC").then(|| one("C1G2_CRC", "CRC", crc16(pc, &entry.epc).into())),
        ];
        let epc = match entry.epc.len() {
            12 => one("EPC_96", "EPC", entry.epc.as_slice().into()),
            length => {
                let bits = u16::try_from(length * 8).unwrap_or(u16::MAX);
                one(
                    "EPCData",
                    "EPC",
                    Value::Bits {
                        bits,
                        octets: entry.epc.clone(),
                    },
                )
            }
        };
        Parameter::new("TagReportData")
            .with(epc)
            .with_all(parts.into_iter().flatten())
    }
}

/// The CRC that a Gen2 tag stores before its PC and EPC (EPC Gen2 annex F: polynomial 0x1021, preset and inverted).
fn crc16(pc: u16, epc: &[u8]) -> u16 {
    let octets = pc.to_be_bytes().into_iter().chain(epc.iter().copied());
    !octets.fold(0xFFFF, |crc, octet| {
        (0..8).fold(crc ^ u16::from(octet) << 8, |crc: u16, _| {
            if crc & 0x8000 == 0 {
                crc << 1
            } else {
                crc << 1 ^ 0x1021
            }
        })
    })
}
