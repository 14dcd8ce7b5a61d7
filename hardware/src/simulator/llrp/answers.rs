//! What the simulated reader says of itself: capabilities and configuration.

use crate::llrp::message::Parameter;

use super::Clock;

/// Its maker's number; 0 belongs to nobody.
const MAKER: u32 = 0;

/// Steps of the transmit power table: index 1 to 81 for 10.00 to 30.00 dBm, without a gap.
pub(super) const POWER_STEPS: u16 = 81;

/// ROSpecs that it keeps at once.
pub(super) const ROSPECS_MAX: usize = 4;

/// An LLRPStatus.
pub(super) fn status(code: u16, text: &str) -> Parameter {
    Parameter::new("LLRPStatus").set("StatusCode", code).set("ErrorDescription", text)
}

/// GET_READER_CAPABILITIES_RESPONSE for the part asked for, 0 = all.
pub(super) fn capabilities(requested: u64, antennas: u16, clock: Clock) -> Parameter {
    let answer = Parameter::new("GET_READER_CAPABILITIES_RESPONSE").with(status(0, ""));
    let parts =
        [(1, general(antennas, clock)), (2, llrp()), (3, regulatory()), (4, Parameter::new("C1G2LLRPCapabilities"))];
    let asked = parts.into_iter().filter(|(part, _)| requested == 0 || requested == *part);
    answer.with_all(asked.map(|(_, parameter)| parameter))
}

fn general(antennas: u16, clock: Clock) -> Parameter {
    let sensitivity = [(1u16, 0i16), (2, 10)].map(|(index, value)| {
        Parameter::new("ReceiveSensitivityTableEntry").set("Index", index).set("ReceiveSensitivityValue", value)
    });
    let protocols = (1..=antennas).map(|antenna| {
        Parameter::new("PerAntennaAirProtocol").set("AntennaID", antenna).set("ProtocolID", [1u8].as_slice())
    });
    Parameter::new("GeneralDeviceCapabilities")
        .set("MaxNumberOfAntennaSupported", antennas)
        .set("HasUTCClockCapability", matches!(clock, Clock::Utc { .. }))
        .set("DeviceManufacturerName", MAKER)
        .set("ModelName", 1u32)
        .set("ReaderFirmwareVersion", "simulated 1")
        .with_all(sensitivity)
        .with(Parameter::new("GPIOCapabilities"))
        .with_all(protocols)
}

fn llrp() -> Parameter {
    Parameter::new("LLRPCapabilities")
        .set("SupportsEventAndReportHolding", true)
        .set("MaxNumPriorityLevelsSupported", 1u8)
        .set("MaxNumROSpecs", ROSPECS_MAX as u32)
        .set("MaxNumSpecsPerROSpec", 1u32)
        .set("MaxNumInventoryParameterSpecsPerAISpec", 1u32)
}

/// Germany, ETSI EN 302 208: four fixed channels.
fn regulatory() -> Parameter {
    let power = (1..=POWER_STEPS).map(|index| {
        let cdbm = 1000 + (index.cast_signed() - 1) * 25;
        Parameter::new("TransmitPowerLevelTableEntry").set("Index", index).set("TransmitPowerValue", cdbm)
    });
    let channels = [865_700u32, 866_300, 866_900, 867_500].as_slice();
    let frequencies =
        Parameter::new("FrequencyInformation").with(Parameter::new("FixedFrequencyTable").set("Frequency", channels));
    let mode = Parameter::new("C1G2UHFRFModeTableEntry")
        .set("ModeIdentifier", 1u32)
        .set("DRValue", 1u8)
        .set("MValue", 2u8)
        .set("SpectralMaskIndicator", 2u8)
        .set("BDRValue", 250_000u32)
        .set("PIEValue", 1500u32)
        .set("MinTariValue", 20_000u32)
        .set("MaxTariValue", 20_000u32);
    let band = Parameter::new("UHFBandCapabilities")
        .with_all(power)
        .with(frequencies)
        .with(Parameter::new("C1G2UHFRFModeTable").with(mode));
    Parameter::new("RegulatoryCapabilities").set("CountryCode", 276u16).set("CommunicationsStandard", 2u16).with(band)
}

/// GET_READER_CONFIG_RESPONSE for the part asked for, 0 = all; `live` holds the parts that clients can change.
pub(super) fn configuration(requested: u64, antennas: u16, live: &[(u64, Parameter)]) -> Parameter {
    let mut parts =
        vec![(1, Parameter::new("Identification").set("ReaderID", [2u8, 0, 0, 0xFF, 0xFE, 0, 0, 1].as_slice()))];
    for antenna in 1..=antennas {
        let properties = Parameter::new("AntennaProperties").set("AntennaConnected", true).set("AntennaID", antenna);
        parts.push((2, properties));
    }
    for antenna in 1..=antennas {
        let transmitter = Parameter::new("RFTransmitter").set("ChannelIndex", 1u16).set("TransmitPower", POWER_STEPS);
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
