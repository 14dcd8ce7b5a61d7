//! What the simulated reader reports of reads, and when.

use std::time::Duration;

use super::tags::pc_bits;
use super::{Clock, Refusal};
use crate::llrp::message::{Parameter, Value};

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
        let fine =
            self.fine.then(|| Parameter::new("ImpinjPeakRSSI").set("RSSI", entry.rssi_dbm.saturating_mul(100) + 25));
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
