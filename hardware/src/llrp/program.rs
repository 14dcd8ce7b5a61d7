//! What a reader is asked to do: the settings of a door, fitted to the capabilities of its reader.
//!
//! Numbers that a reader checks (antennas, power index, hop table) come from its own tables, because readers of other
//! regions and makers refuse guesses.

use super::fields::{IMPINJ, ZEBRA};
use super::message::{Parameter, Value};
use super::settings::{Hold, Settings};

/// The id of the one ROSpec that the client owns.
pub(super) const ROSPEC: u32 = 1;

/// How much of the settings a request carries. What a reader refuses in full it may take bare, and reading goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Full,
    Bare,
}

/// What the reader said of itself in GET_READER_CAPABILITIES_RESPONSE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Capabilities {
    /// Maker, model and firmware in words.
    pub model: String,
    /// How many antennas it can have; `None` when it did not say.
    pub antennas: Option<u16>,
    /// Whether it can keep reports while no client is connected.
    pub holds: bool,
    /// Whether it can warn of a filling report buffer.
    pub warns: bool,
    /// Transmit power steps: index and 1/100 dBm.
    powers: Vec<(u16, i16)>,
    /// The first frequency hop table where it hops, else 0.
    hop_table: u16,
}

impl Capabilities {
    pub(super) fn of(answer: &Parameter) -> Capabilities {
        let mut found = Capabilities { model: "LLRP reader".to_owned(), ..Capabilities::default() };
        if let Some(general) = answer.find("GeneralDeviceCapabilities") {
            let number = |field| general.number(field).unwrap_or_default();
            let maker = match number("DeviceManufacturerName") as u32 {
                IMPINJ => "Impinj".to_owned(),
                ZEBRA => "Zebra".to_owned(),
                other => format!("maker {other}"),
            };
            let firmware = general.text("ReaderFirmwareVersion").escape_debug();
            found.model = format!("{maker} {}, firmware {firmware}", number("ModelName"));
            found.antennas = Some(number("MaxNumberOfAntennaSupported") as u16);
        }
        if let Some(llrp) = answer.find("LLRPCapabilities") {
            found.holds = llrp.number("SupportsEventAndReportHolding") == Some(1);
            found.warns = llrp.number("CanReportBufferFillWarning") == Some(1);
        }
        let bands = answer.find("RegulatoryCapabilities").and_then(|inner| inner.find("UHFBandCapabilities"));
        if let Some(bands) = bands {
            found.powers = bands.all("TransmitPowerLevelTableEntry").filter_map(power_step).collect();
            let hop = bands.find("FrequencyInformation").and_then(|inner| inner.find("FrequencyHopTable"));
            found.hop_table = hop.and_then(|table| table.number("HopTableID")).unwrap_or_default() as u16;
        }
        found
    }

    /// Index and 1/100 dBm of the highest step that is not above `wanted_dbm`, or of the lowest step there is.
    fn power(&self, wanted_dbm: i16) -> Option<(u16, i16)> {
        let wanted = i32::from(wanted_dbm) * 100;
        let below = self.powers.iter().filter(|(_, cdbm)| i32::from(*cdbm) <= wanted);
        let lowest = || self.powers.iter().min_by_key(|(_, cdbm)| *cdbm);
        below.max_by_key(|(_, cdbm)| *cdbm).or_else(lowest).copied()
    }

    /// What of `settings` this reader cannot do, in words.
    pub(super) fn shortcomings(&self, settings: &Settings) -> Vec<String> {
        let mut found = Vec::new();
        if let Some(count) = self.antennas {
            for antenna in settings.antennas.iter().filter(|antenna| !self.has_antenna(**antenna)) {
                found.push(format!(
                    "antenna {antenna} is configured, but the reader has antennas 1 to {count}; it is left out"
                ));
            }
        }
        if let Some(wanted) = settings.power_dbm {
            match self.power(wanted) {
                None => {
                    found.push(format!("the reader names no power steps; it sends as it is set, not with {wanted} dBm"))
                }
                Some((_, cdbm)) if i32::from(wanted) * 100 < i32::from(cdbm) => {
                    let lowest = f32::from(cdbm) / 100.0;
                    found.push(format!(
                        "{wanted} dBm is configured, but the reader's lowest power is {lowest:.2} dBm; it is taken"
                    ));
                }
                Some(_) => (),
            }
        }
        if settings.hold == Hold::UntilReconnect && !self.holds {
            found.push(
                "the reader cannot keep reports while the link is down; tags that pass meanwhile are not seen"
                    .to_owned(),
            );
        }
        found
    }

    fn has_antenna(&self, antenna: u16) -> bool {
        0 < antenna && self.antennas.is_none_or(|count| antenna <= count)
    }

    /// The antennas to read with: `[0]` = all; `None` when the reader has none of those wanted.
    pub(super) fn antennas(&self, settings: &Settings) -> Option<Vec<u16>> {
        if settings.antennas.is_empty() {
            return Some(vec![0]);
        }
        let there: Vec<u16> = settings.antennas.iter().copied().filter(|antenna| self.has_antenna(*antenna)).collect();
        (!there.is_empty()).then_some(there)
    }
}

fn power_step(entry: &Parameter) -> Option<(u16, i16)> {
    let Some(Value::Signed(cdbm)) = entry.get("TransmitPowerValue") else {
        return None;
    };
    Some((entry.number("Index")? as u16, i16::try_from(*cdbm).ok()?))
}

/// SET_READER_CONFIG: signs of life, the events that the session acts on, reports kept during an outage.
pub(super) fn configuration(settings: &Settings, reader: &Capabilities, extent: Extent) -> Parameter {
    let keepalive = u32::try_from(settings.keepalive_period().as_millis()).unwrap_or(u32::MAX);
    let keepalive =
        Parameter::new("KeepaliveSpec").set("KeepaliveTriggerType", 1u8).set("PeriodicTriggerValue", keepalive);
    let request = Parameter::new("SET_READER_CONFIG");
    if extent == Extent::Bare {
        return request.with(keepalive);
    }
    // 2 ROSpec, 3 buffer filling, 4 reader exception, 8 antenna.
    let wanted = [(2u16, true), (3, reader.warns), (4, true), (8, true)];
    let events = wanted.into_iter().filter(|(_, can)| *can).map(|(kind, _)| {
        Parameter::new("EventNotificationState").set("EventType", kind).set("NotificationState", true)
    });
    let request = request.with(Parameter::new("ReaderEventNotificationSpec").with_all(events)).with(keepalive);
    if !reader.holds {
        return request;
    }
    let hold = settings.hold == Hold::UntilReconnect;
    request.with(Parameter::new("EventsAndReports").set("HoldEventsAndReportsUponReconnect", hold))
}

/// ADD_ROSPEC: read without end from the moment it is enabled, report every so many tags.
pub(super) fn reading(settings: &Settings, reader: &Capabilities, antennas: &[u16], extent: Extent) -> Parameter {
    let inventory =
        Parameter::new("InventoryParameterSpec").set("InventoryParameterSpecID", 1u16).set("ProtocolID", 1u8);
    let inventory = match extent {
        Extent::Full => inventory.with_all(antennas.iter().map(|antenna| antenna_setting(settings, reader, *antenna))),
        Extent::Bare => inventory,
    };
    let boundary = Parameter::new("ROBoundarySpec")
        .with(Parameter::new("ROSpecStartTrigger").set("ROSpecStartTriggerType", 1u8))
        .with(Parameter::new("ROSpecStopTrigger"));
    let antennas =
        Parameter::new("AISpec").set("AntennaIDs", antennas).with(Parameter::new("AISpecStopTrigger")).with(inventory);
    let content = Parameter::new("TagReportContentSelector")
        .set("EnableAntennaID", true)
        .set("EnablePeakRSSI", true)
        .set("EnableLastSeenTimestamp", true)
        .set("EnableTagSeenCount", true);
    let report =
        Parameter::new("ROReportSpec").set("ROReportTrigger", 2u8).set("N", settings.report_every.max(1)).with(content);
    let program = Parameter::new("ROSpec").set("ROSpecID", ROSPEC).with(boundary).with(antennas).with(report);
    Parameter::new("ADD_ROSPEC").with(program)
}

/// AntennaConfiguration: power and anti-collision; antenna 0 means all.
fn antenna_setting(settings: &Settings, reader: &Capabilities, antenna: u16) -> Parameter {
    let setting = Parameter::new("AntennaConfiguration").set("AntennaID", antenna);
    let power = settings.power_dbm.and_then(|wanted| reader.power(wanted));
    let setting = setting.with_all(power.map(|(index, _)| {
        Parameter::new("RFTransmitter")
            .set("HopTableID", reader.hop_table)
            .set("ChannelIndex", 1u16)
            .set("TransmitPower", index)
    }));
    let singulation = Parameter::new("C1G2SingulationControl")
        .set("Session", settings.session as u8)
        .set("TagPopulation", settings.tag_population);
    setting.with(Parameter::new("C1G2InventoryCommand").with(singulation))
}

/// A request about the client's own ROSpec.
pub(super) fn about_rospec(request: &str) -> Parameter {
    Parameter::new(request).set("ROSpecID", ROSPEC)
}
