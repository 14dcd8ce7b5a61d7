//! What a reader says of itself, and what of a door's settings it therefore cannot do.
//!
//! Numbers that a reader checks (antennas, power and mode indexes, hop table) come from its own tables, because readers
//! of other regions and makers refuse guesses. Source: LLRP 1.0.1 section 10.2.

use super::fields::{IMPINJ, ZEBRA};
use super::message::{Parameter, Value};
use super::settings::{Hold, Inputs, Mode, Portal, Search, Settings};

/// Inputs that are looked at, from 1. Readers have two to eight.
pub(super) const INPUTS_MAX: u16 = 32;

/// What the reader said of itself in GET_READER_CAPABILITIES_RESPONSE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Capabilities {
    /// Maker, model, firmware, ports and radio rules in words.
    pub model: String,
    pub impinj: bool,
    /// How many antennas it can have; `None` when it did not say.
    pub antennas: Option<u16>,
    pub inputs: Option<u16>,
    pub outputs: Option<u16>,
    /// Whether it can keep reports while no client is connected.
    pub holds: bool,
    /// Whether it can warn of a filling report buffer.
    pub warns: bool,
    /// Programs that it keeps at once: for reading, and for work on tags.
    pub rospecs: Option<u32>,
    pub access_specs: Option<u32>,
    /// How many choices by memory it can make in one round.
    filters: Option<u16>,
    /// Transmit power steps: index and 1/100 dBm.
    powers: Vec<(u16, i16)>,
    /// Receive sensitivity steps: index and dB below the best.
    sensitivities: Vec<(u16, i16)>,
    /// Radio modes: ModeIdentifier and bits per second from tag to reader.
    modes: Vec<(u16, u32)>,
    channels: Channels,
}

/// The frequencies that the reader may send on, in kHz.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Channels {
    #[default]
    Unknown,
    Fixed(Vec<u32>),
    /// It hops over them by the table with this number.
    Hopping {
        table: u16,
        over: Vec<u32>,
    },
}

impl Capabilities {
    pub(super) fn of(answer: &Parameter) -> Capabilities {
        let mut found = Capabilities { model: "LLRP reader".to_owned(), ..Capabilities::default() };
        let mut words = Vec::new();
        if let Some(general) = answer.find("GeneralDeviceCapabilities") {
            words.push(found.take_general(general));
        }
        if let Some(llrp) = answer.find("LLRPCapabilities") {
            let number = |field| llrp.number(field).map(|number| number as u32);
            found.holds = number("SupportsEventAndReportHolding") == Some(1);
            found.warns = number("CanReportBufferFillWarning") == Some(1);
            found.rospecs = number("MaxNumROSpecs");
            found.access_specs = number("MaxNumAccessSpecs");
        }
        let gen2 = answer.find("C1G2LLRPCapabilities").and_then(|gen2| gen2.number("MaxNumSelectFiltersPerQuery"));
        found.filters = gen2.map(|count| count as u16);
        if let Some(rules) = answer.find("RegulatoryCapabilities") {
            if let Some(bands) = rules.find("UHFBandCapabilities") {
                found.take_bands(bands);
            }
            words.push(found.rules_in_words(rules));
        }
        if !words.is_empty() {
            found.model = words.join("; ");
        }
        found
    }

    fn take_general(&mut self, general: &Parameter) -> String {
        let number = |field| general.number(field).unwrap_or_default();
        let maker = number("DeviceManufacturerName") as u32;
        self.impinj = maker == IMPINJ;
        self.antennas = Some(number("MaxNumberOfAntennaSupported") as u16);
        let ports = general.find("GPIOCapabilities");
        let ports_of = |field| ports.and_then(|ports| ports.number(field)).map(|count| count as u16);
        (self.inputs, self.outputs) = (ports_of("NumGPIs"), ports_of("NumGPOs"));
        let step = |entry: &Parameter| Some((index(entry, "Index")?, signed(entry, "ReceiveSensitivityValue")?));
        self.sensitivities = general.all("ReceiveSensitivityTableEntry").filter_map(step).collect();

        let maker = match maker {
            IMPINJ => "Impinj".to_owned(),
            ZEBRA => "Zebra".to_owned(),
            other => format!("maker {other}"),
        };
        let firmware = general.text("ReaderFirmwareVersion").escape_debug();
        let calendar = if number("HasUTCClockCapability") == 1 { "" } else { ", no calendar" };
        let [antennas, inputs, outputs] = [self.antennas, self.inputs, self.outputs].map(Option::unwrap_or_default);
        let model = number("ModelName");
        format!(
            "{maker} {model}, firmware {firmware}; {antennas} antennas, {inputs} inputs, {outputs} outputs{calendar}"
        )
    }

    fn take_bands(&mut self, bands: &Parameter) {
        let step = |entry: &Parameter| Some((index(entry, "Index")?, signed(entry, "TransmitPowerValue")?));
        self.powers = bands.all("TransmitPowerLevelTableEntry").filter_map(step).collect();
        // An identifier that does not fit C1G2RFControl cannot be asked for.
        let mode = |entry: &Parameter| Some((index(entry, "ModeIdentifier")?, entry.number("BDRValue")? as u32));
        let tables = bands.all("C1G2UHFRFModeTable").flat_map(|table| &table.parameters);
        self.modes = tables.filter_map(mode).collect();
        let Some(frequencies) = bands.find("FrequencyInformation") else {
            return;
        };
        let listed = |table: &Parameter| match table.get("Frequency") {
            Some(Value::Numbers(channels)) => channels.clone(),
            _ => Vec::new(),
        };
        let hops = frequencies.number("Hopping") == Some(1);
        self.channels = match (frequencies.find("FrequencyHopTable"), frequencies.find("FixedFrequencyTable")) {
            (Some(table), fixed) if hops || fixed.is_none() => {
                Channels::Hopping { table: index(table, "HopTableID").unwrap_or_default(), over: listed(table) }
            }
            (_, Some(fixed)) => Channels::Fixed(listed(fixed)),
            (_, None) => Channels::Unknown,
        };
    }

    fn rules_in_words(&self, rules: &Parameter) -> String {
        let number = |field| rules.number(field).unwrap_or_default();
        let standard = match number("CommunicationsStandard") {
            1 => "US FCC part 15",
            2 => "ETSI 302 208",
            3 => "ETSI 300 220",
            4 => "Australia LIPD 1 W",
            5 => "Australia LIPD 4 W",
            6 => "Japan ARIB STD T89",
            7 => "Hong Kong OFTA 1049",
            8 => "Taiwan DGT LP0002",
            9 => "Korea MIC article 5-2",
            _ => "radio rules not named",
        };
        let channels = match &self.channels {
            Channels::Unknown => String::new(),
            Channels::Fixed(channels) => format!(", fixed channels {}", megahertz(channels)),
            Channels::Hopping { over, .. } => {
                let ends = [over.iter().min(), over.iter().max()].map(|end| end.copied().unwrap_or_default());
                let [low, high] = ends.map(|end| megahertz(&[end]));
                format!(", hops over {} channels from {low} to {high}", over.len())
            }
        };
        format!("{standard}, country {}{channels}", number("CountryCode"))
    }

    /// Index and 1/100 dBm of the highest step that is not above `wanted_dbm`, or of the lowest step there is.
    pub(super) fn power(&self, wanted_dbm: i16) -> Option<(u16, i16)> {
        let wanted = i32::from(wanted_dbm) * 100;
        let below = self.powers.iter().filter(|(_, cdbm)| i32::from(*cdbm) <= wanted);
        let lowest = || self.powers.iter().min_by_key(|(_, cdbm)| *cdbm);
        below.max_by_key(|(_, cdbm)| *cdbm).or_else(lowest).copied()
    }

    /// Index and dB of the highest step that is not above `wanted_db`; `None` where that is none or the best.
    pub(super) fn sensitivity(&self, wanted_db: i16) -> Option<(u16, i16)> {
        let fits = self.sensitivities.iter().filter(|(_, db)| 0 < *db && *db <= wanted_db);
        fits.max_by_key(|(_, db)| *db).copied()
    }

    /// The identifier of a radio mode in the reader's own table.
    pub(super) fn mode(&self, wanted: Mode) -> Option<u16> {
        let modes = || self.modes.iter();
        let mode = match wanted {
            Mode::Own => None,
            Mode::Fastest => modes().max_by_key(|(_, rate)| *rate),
            Mode::Steadiest => modes().min_by_key(|(_, rate)| *rate),
            Mode::Number(number) => modes().find(|(mode, _)| *mode == number),
        };
        mode.map(|(mode, _)| *mode)
    }

    /// Hop table and channel index, as RFTransmitter wants them: a reader that hops takes its table, another the place
    /// of the channel in its list, from 1.
    pub(super) fn channel(&self, wanted_khz: Option<u32>) -> (u16, u16) {
        match (&self.channels, wanted_khz) {
            (Channels::Hopping { table, .. }, _) => (*table, 1),
            (Channels::Fixed(channels), Some(wanted)) => {
                let place = channels.iter().position(|channel| *channel == wanted);
                (0, place.and_then(|place| u16::try_from(place + 1).ok()).unwrap_or(1))
            }
            (Channels::Fixed(_) | Channels::Unknown, _) => (0, 1),
        }
    }

    /// Whether the reader chooses tags by EPC itself.
    pub(super) fn filters(&self, settings: &Settings) -> bool {
        let room = self.filters.map_or(usize::MAX, usize::from);
        (1..=room).contains(&settings.only.len())
    }

    /// When the reader reads, as far as it has the inputs for it.
    pub(super) fn portal(&self, settings: &Settings) -> Portal {
        let has = |line: u16| self.inputs.is_none_or(|count| line <= count);
        match settings.portal {
            Portal::Eyes { start, stop, lasts } if has(start) => {
                Portal::Eyes { start, stop: stop.filter(|stop| has(*stop)), lasts }
            }
            Portal::Eyes { .. } | Portal::Always => Portal::Always,
        }
    }

    /// How many inputs are asked for their edges.
    pub(super) fn inputs(&self, settings: &Settings) -> u16 {
        match settings.inputs {
            Inputs::Ignored => 0,
            Inputs::ClosedIsHigh | Inputs::ClosedIsLow => self.inputs.unwrap_or_default().min(INPUTS_MAX),
        }
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

    /// What of `settings` this reader cannot do, in words.
    pub(super) fn shortcomings(&self, settings: &Settings) -> Vec<String> {
        let mut found = Vec::new();
        if let Some(count) = self.antennas {
            let lacks = settings.antennas.iter().filter(|antenna| !self.has_antenna(**antenna));
            found.extend(lacks.map(|antenna| {
                format!("antenna {antenna} is configured, but the reader has antennas 1 to {count}; it is left out")
            }));
        }
        found.extend(self.radio_shortcomings(settings));
        found.extend(self.port_shortcomings(settings));
        if settings.hold == Hold::UntilReconnect && !self.holds {
            found.push(
                "the reader cannot keep reports while the link is down; tags that pass meanwhile are not seen"
                    .to_owned(),
            );
        }
        if self.rospecs == Some(0) {
            found.push("the reader says that it keeps no reading program (ROSpec); check its licence".to_owned());
        }
        found
    }

    fn radio_shortcomings(&self, settings: &Settings) -> Vec<String> {
        let mut found = Vec::new();
        let mut powers: Vec<i16> = match settings.antennas.is_empty() {
            true => settings.power_dbm.into_iter().collect(),
            false => settings.antennas.iter().filter_map(|antenna| settings.power_at(*antenna)).collect(),
        };
        powers.sort_unstable();
        powers.dedup();
        for wanted in powers {
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
        if settings.less_sensitive_db != 0 && self.sensitivity(settings.less_sensitive_db).is_none() {
            let wanted = settings.less_sensitive_db;
            found.push(format!("the reader has no step of sensitivity up to {wanted} dB below its best; it hears all"));
        }
        match (&self.channels, settings.channel_khz) {
            (Channels::Fixed(channels), Some(wanted)) if !channels.contains(&wanted) => found.push(format!(
                "{} is configured, but the reader may send on {}; the first is taken",
                megahertz(&[wanted]),
                megahertz(channels)
            )),
            (Channels::Hopping { .. }, Some(wanted)) => found.push(format!(
                "{} is configured, but the reader hops over all channels of its region, as the rules there want",
                megahertz(&[wanted])
            )),
            (Channels::Fixed(_) | Channels::Hopping { .. } | Channels::Unknown, _) => (),
        }
        if settings.mode != Mode::Own && self.mode(settings.mode).is_none() {
            let modes: Vec<String> = self.modes.iter().map(|(mode, _)| mode.to_string()).collect();
            let modes = if modes.is_empty() { "none".to_owned() } else { modes.join(", ") };
            found.push(format!(
                "the configured reader mode is not among those of the reader ({modes}); it keeps its own"
            ));
        }
        if settings.search != Search::Own && !self.impinj {
            found.push("`search` is configured, but only Impinj readers have it; the reader keeps its own".to_owned());
        }
        if !settings.only.is_empty() && !self.filters(settings) {
            let room = self.filters.unwrap_or_default();
            found.push(format!(
                "the reader chooses by {room} EPC prefixes at most; it reads all tags, and others are left out afterwards"
            ));
        }
        found
    }

    fn port_shortcomings(&self, settings: &Settings) -> Vec<String> {
        let mut found = Vec::new();
        if let (Portal::Eyes { start, stop, lasts }, Some(inputs)) = (settings.portal, self.inputs) {
            if inputs < start {
                found.push(format!(
                    "input {start} shall start the reading, but the reader has {inputs} inputs; it reads all the time"
                ));
            } else if let Some(stop) = stop.filter(|stop| inputs < *stop) {
                let lasts = lasts.as_secs();
                found.push(format!(
                    "input {stop} shall end the reading, but the reader has {inputs} inputs; it ends after {lasts} s"
                ));
            }
        }
        let lamps = [settings.lamps.good, settings.lamps.bad].into_iter().flatten();
        for line in lamps.filter(|line| self.outputs.is_some_and(|outputs| outputs < *line)) {
            let outputs = self.outputs.unwrap_or_default();
            found.push(format!("output {line} is configured for a signal, but the reader has {outputs} outputs"));
        }
        found
    }

    /// What the reader says of the antennas that are plugged in: those wanted that are missing, in words.
    pub(super) fn unplugged(state: &Parameter, settings: &Settings) -> Vec<String> {
        let plugged =
            |antenna: &Parameter| Some((index(antenna, "AntennaID")?, antenna.number("AntennaConnected")? == 1));
        let antennas: Vec<(u16, bool)> = state.all("AntennaProperties").filter_map(plugged).collect();
        let missing = settings.antennas.iter().filter(|antenna| antennas.contains(&(**antenna, false)));
        let mut found: Vec<String> =
            missing.map(|antenna| format!("the reader finds nothing at antenna {antenna}; check its cable")).collect();
        if !antennas.is_empty() && antennas.iter().all(|(_, plugged)| !plugged) {
            found = vec!["the reader finds no antenna at all; if no tag is read, check the cables".to_owned()];
        }
        found
    }
}

fn index(entry: &Parameter, field: &str) -> Option<u16> {
    u16::try_from(entry.number(field)?).ok()
}

fn signed(entry: &Parameter, field: &str) -> Option<i16> {
    match entry.get(field)? {
        Value::Signed(number) => i16::try_from(*number).ok(),
        _ => None,
    }
}

/// Frequencies in kHz as a person reads them.
fn megahertz(channels: &[u32]) -> String {
    let shown = |khz: &u32| format!("{}.{:03}", khz / 1000, khz % 1000);
    format!("{} MHz", channels.iter().map(shown).collect::<Vec<_>>().join(", "))
}
