//! What the simulated reader says of itself: capabilities and configuration.

use super::make::{Clock, FILTERS_MAX, MODES, Make, Region, SENSITIVITIES, Vendor};
use super::tags::OPERATIONS_MAX;
use crate::llrp::fields::{IMPINJ, ZEBRA};
use crate::llrp::message::Parameter;

/// ROSpecs that it keeps at once.
pub(super) const ROSPECS_MAX: usize = 4;

/// AccessSpecs that it keeps at once.
pub(super) const ACCESS_SPECS_MAX: usize = 8;

/// An LLRPStatus.
pub(super) fn status(code: u16, text: &str) -> Parameter {
    Parameter::new("LLRPStatus").set("StatusCode", code).set("ErrorDescription", text)
}

/// GET_READER_CAPABILITIES_RESPONSE for the part asked for, 0 = all.
pub(super) fn capabilities(requested: u64, make: Make) -> Parameter {
    let answer = Parameter::new("GET_READER_CAPABILITIES_RESPONSE").with(status(0, ""));
    let gen2 = Parameter::new("C1G2LLRPCapabilities").set("MaxNumSelectFiltersPerQuery", FILTERS_MAX as u32);
    let parts = [(1, general(make)), (2, llrp()), (3, regulatory(make)), (4, gen2)];
    let asked = parts.into_iter().filter(|(part, _)| requested == 0 || requested == *part);
    answer.with_all(asked.map(|(_, parameter)| parameter)).with_all(unasked(make.vendor))
}

/// A maker's parameter that nobody asked for.
pub(super) fn unasked(vendor: Vendor) -> Option<Parameter> {
    let custom = |vendor: u32, subtype: u32, data: &[u8]| {
        let custom = Parameter::new("Custom").set("VendorIdentifier", vendor).set("ParameterSubtype", subtype);
        Some(custom.set("Data", data))
    };
    match vendor {
        Vendor::Plain | Vendor::Impinj => None,
        Vendor::UnknownParameters => custom(99_999, 7, &[0xDE, 0xAD, 0xBE, 0xEF]),
        Vendor::Zebra => custom(ZEBRA, 1, &[0, 0, 0, 2, 0xC0]),
    }
}

fn general(make: Make) -> Parameter {
    // 0 belongs to nobody.
    let (maker, model) = match make.vendor {
        Vendor::Plain | Vendor::UnknownParameters => (0, 1u32),
        Vendor::Impinj => (IMPINJ, 2_001_002),
        Vendor::Zebra => (ZEBRA, 96_008),
    };
    let sensitivity = SENSITIVITIES.map(|(index, value)| {
        Parameter::new("ReceiveSensitivityTableEntry").set("Index", index).set("ReceiveSensitivityValue", value)
    });
    let protocols = (1..=make.antennas).map(|antenna| {
        Parameter::new("PerAntennaAirProtocol").set("AntennaID", antenna).set("ProtocolID", [1u8].as_slice())
    });
    Parameter::new("GeneralDeviceCapabilities")
        .set("MaxNumberOfAntennaSupported", make.antennas)
        .set("HasUTCClockCapability", matches!(make.clock, Clock::Utc { .. }))
        .set("DeviceManufacturerName", maker)
        .set("ModelName", model)
        .set("ReaderFirmwareVersion", "simulated 1")
        .with_all(sensitivity)
        .with(Parameter::new("GPIOCapabilities").set("NumGPIs", make.inputs).set("NumGPOs", make.outputs))
        .with_all(protocols)
}

fn llrp() -> Parameter {
    Parameter::new("LLRPCapabilities")
        .set("SupportsEventAndReportHolding", true)
        .set("MaxNumPriorityLevelsSupported", 1u8)
        .set("MaxNumROSpecs", ROSPECS_MAX as u32)
        .set("MaxNumSpecsPerROSpec", 1u32)
        .set("MaxNumInventoryParameterSpecsPerAISpec", 1u32)
        .set("MaxNumAccessSpecs", ACCESS_SPECS_MAX as u32)
        .set("MaxNumOpSpecsPerAccessSpec", OPERATIONS_MAX as u32)
}

/// Germany under ETSI EN 302 208, or the United States under FCC part 15.
fn regulatory(make: Make) -> Parameter {
    let power = make.power_steps().into_iter().map(|(index, cdbm)| {
        Parameter::new("TransmitPowerLevelTableEntry").set("Index", index).set("TransmitPowerValue", cdbm)
    });
    let channels = make.channels();
    let frequencies = Parameter::new("FrequencyInformation");
    let (country, standard, frequencies) = match make.region {
        Region::Europe => {
            let table = Parameter::new("FixedFrequencyTable").set("Frequency", channels.as_slice());
            (276u16, 2u16, frequencies.with(table))
        }
        Region::America => {
            let table = Parameter::new("FrequencyHopTable").set("HopTableID", 1u8);
            let table = table.set("Frequency", channels.as_slice());
            (840, 1, frequencies.set("Hopping", true).with(table))
        }
    };
    let modes = MODES.map(|(mode, rate)| {
        Parameter::new("C1G2UHFRFModeTableEntry")
            .set("ModeIdentifier", mode)
            .set("DRValue", 1u8)
            .set("MValue", 2u8)
            .set("SpectralMaskIndicator", 2u8)
            .set("BDRValue", rate)
            .set("PIEValue", 1500u32)
            .set("MinTariValue", 20_000u32)
            .set("MaxTariValue", 20_000u32)
    });
    let band = Parameter::new("UHFBandCapabilities")
        .with_all(power)
        .with(frequencies)
        .with(Parameter::new("C1G2UHFRFModeTable").with_all(modes));
    Parameter::new("RegulatoryCapabilities")
        .set("CountryCode", country)
        .set("CommunicationsStandard", standard)
        .with(band)
}

/// GET_READER_CONFIG_RESPONSE for the part asked for, 0 = all; `live` holds the parts that clients can change.
pub(super) fn configuration(requested: u64, make: Make, live: &[(u64, Parameter)]) -> Parameter {
    let mut parts =
        vec![(1, Parameter::new("Identification").set("ReaderID", [2u8, 0, 0, 0xFF, 0xFE, 0, 0, 1].as_slice()))];
    for antenna in 1..=make.antennas {
        let properties = Parameter::new("AntennaProperties").set("AntennaConnected", antenna != make.unplugged);
        let properties = properties.set("AntennaID", antenna);
        parts.push((2, properties));
    }
    let power = make.power_steps().last().map_or(1, |(index, _)| *index);
    for antenna in 1..=make.antennas {
        let transmitter = Parameter::new("RFTransmitter").set("ChannelIndex", 1u16).set("TransmitPower", power);
        let receiver = Parameter::new("RFReceiver").set("ReceiverSensitivity", 1u16);
        let setting = Parameter::new("AntennaConfiguration").set("AntennaID", antenna);
        parts.push((3, setting.with(receiver).with(transmitter)));
    }
    let mut asked: Vec<_> = parts.iter().chain(live).filter(|(part, _)| requested == 0 || requested == *part).collect();
    // The order of the message's definition: 5 (events) stands before 4 (report).
    asked.sort_by_key(|(part, _)| match part {
        4 => 5,
        5 => 4,
        other => *other,
    });
    let answer = Parameter::new("GET_READER_CONFIG_RESPONSE").with(status(0, ""));
    answer.with_all(asked.into_iter().map(|(_, parameter)| parameter.clone()))
}
