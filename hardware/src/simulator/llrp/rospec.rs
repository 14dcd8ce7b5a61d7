//! ROSpecs of the simulated reader: what it accepts.

use std::time::Duration;

use crate::llrp::message::{Parameter, Value};

use super::make::{FILTERS_MAX, MODES, Region, SENSITIVITIES};
use super::report::ReportSpec;
use super::tags::{Mask, Memories};
use super::triggers::{InventoryEnd, Starts, Stops};
use super::{Make, Refusal};

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Disabled,
    Inactive,
    Active,
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
