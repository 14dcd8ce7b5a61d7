//! The field table of LLRP 1.0.1 and 1.1: every message and parameter with its fields in wire order.
//!
//! Source: the LLRP Toolkit definitions for 1.1 (`llrp-1x1-def.xml`, Apache-2.0), checked against the LLRP 1.1 standard
//! (tables 5 and 6), which corrects one number (LoopSpec is 355). Names are the toolkit's. Which parameter may stand
//! inside which is not repeated here: a receiver takes optional parameters in any order, a sender builds its own.

use self::Field::{
    BitString, DoubleWords, Octets, Reserved, Rest, S8, S16, Text, U1, U2, U8, U16, U32, U64, U96, Words,
};

/// One field of a layout and its name. Everything is big-endian; `U1`, `U2` and `Reserved` are packed from the top bit
/// of an octet, all others start on an octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    U1(&'static str),
    U2(&'static str),
    U8(&'static str),
    U16(&'static str),
    U32(&'static str),
    U64(&'static str),
    /// Twelve octets: an EPC.
    U96(&'static str),
    S8(&'static str),
    S16(&'static str),
    /// u16 number of bits, then the bits from the top of the first octet; the last octet is padded low.
    BitString(&'static str),
    /// u16 number of octets, then the octets.
    Octets(&'static str),
    /// u16 number of words, then u16 words.
    Words(&'static str),
    /// u16 number of words, then u32 words.
    DoubleWords(&'static str),
    /// u16 number of octets, then UTF-8.
    Text(&'static str),
    /// All octets up to the end of the parent.
    Rest(&'static str),
    /// So many bits that are sent as 0 and not looked at.
    Reserved(u8),
}

impl Field {
    /// The name of the field; reserved bits have none.
    pub fn name(self) -> Option<&'static str> {
        match self {
            U1(name) | U2(name) | U8(name) | U16(name) | U32(name) | U64(name) | U96(name) | S8(name) | S16(name)
            | BitString(name) | Octets(name) | Words(name) | DoubleWords(name) | Text(name) | Rest(name) => Some(name),
            Reserved(_) => None,
        }
    }
}

/// How a message or parameter announces itself on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Message(u16),
    /// Message 1023 of a vendor: u32 vendor and u8 subtype stand before the fields.
    VendorMessage {
        vendor: u32,
        subtype: u8,
    },
    /// Type and value: one octet, top bit set, then a value of known size.
    Tv(u8),
    /// Type, length, value: u16 type, u16 length with these four octets.
    Tlv(u16),
    /// Parameter 1023 of a vendor: u32 vendor and u32 subtype stand before the fields.
    Vendor {
        vendor: u32,
        subtype: u32,
    },
    /// A TLV parameter with a type that the table lacks, kept as octets.
    UnknownTlv,
    /// A TV parameter with a type that the table lacks: its size is unknown, so the rest of its parent is in it.
    UnknownTv,
}

/// One row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Layout {
    pub place: Place,
    pub name: &'static str,
    pub fields: &'static [Field],
}

/// Vendor number of Impinj.
pub const IMPINJ: u32 = 25882;

/// Vendor number of Zebra (Motorola).
pub const ZEBRA: u32 = 161;

/// The layout of a message type.
pub fn message_layout(number: u16) -> Option<&'static Layout> {
    find(MESSAGES, number, |place| if let Place::Message(number) = place { Some(number) } else { None })
}

/// The layout of a vendor's message.
pub fn vendor_message_layout(vendor: u32, subtype: u8) -> Option<&'static Layout> {
    VENDOR_MESSAGES.iter().find(|layout| layout.place == Place::VendorMessage { vendor, subtype })
}

/// The layout of a TV parameter.
pub fn tv_layout(number: u8) -> Option<&'static Layout> {
    find(TVS, number, |place| if let Place::Tv(number) = place { Some(number) } else { None })
}

/// The layout of a TLV parameter.
pub fn tlv_layout(number: u16) -> Option<&'static Layout> {
    find(TLVS, number, |place| if let Place::Tlv(number) = place { Some(number) } else { None })
}

/// The layout of a vendor's parameter.
pub fn vendor_layout(vendor: u32, subtype: u32) -> Option<&'static Layout> {
    VENDORS.iter().find(|layout| layout.place == Place::Vendor { vendor, subtype })
}

/// The layout with this name, message or parameter.
pub fn layout_named(name: &str) -> Option<&'static Layout> {
    [MESSAGES, VENDOR_MESSAGES, TVS, TLVS, VENDORS].into_iter().flatten().find(|layout| layout.name == name)
}

/// The tables are sorted by number.
fn find<N: Ord>(
    table: &'static [Layout],
    number: N,
    number_of: impl Fn(Place) -> Option<N>,
) -> Option<&'static Layout> {
    let row = table.binary_search_by_key(&Some(number), |layout| number_of(layout.place)).ok()?;
    table.get(row)
}

const fn message(number: u16, name: &'static str, fields: &'static [Field]) -> Layout {
    Layout { place: Place::Message(number), name, fields }
}

const fn impinj_message(subtype: u8, name: &'static str, fields: &'static [Field]) -> Layout {
    Layout { place: Place::VendorMessage { vendor: IMPINJ, subtype }, name, fields }
}

const fn tv(number: u8, name: &'static str, fields: &'static [Field]) -> Layout {
    Layout { place: Place::Tv(number), name, fields }
}

const fn tlv(number: u16, name: &'static str, fields: &'static [Field]) -> Layout {
    Layout { place: Place::Tlv(number), name, fields }
}

const fn impinj(subtype: u32, name: &'static str, fields: &'static [Field]) -> Layout {
    Layout { place: Place::Vendor { vendor: IMPINJ, subtype }, name, fields }
}

pub(super) static UNKNOWN_TLV: Layout =
    Layout { place: Place::UnknownTlv, name: "Unknown", fields: &[U16("Type"), Rest("Data")] };

pub(super) static UNKNOWN_TV: Layout =
    Layout { place: Place::UnknownTv, name: "UnknownTV", fields: &[U8("Type"), Rest("Data")] };

#[rustfmt::skip]
static MESSAGES: &[Layout] = &[
    message(1, "GET_READER_CAPABILITIES", &[U8("RequestedData")]),
    message(2, "GET_READER_CONFIG", &[U16("AntennaID"), U8("RequestedData"), U16("GPIPortNum"), U16("GPOPortNum")]),
    message(3, "SET_READER_CONFIG", &[U1("ResetToFactoryDefault"), Reserved(7)]),
    message(4, "CLOSE_CONNECTION_RESPONSE", &[]),
    message(11, "GET_READER_CAPABILITIES_RESPONSE", &[]),
    message(12, "GET_READER_CONFIG_RESPONSE", &[]),
    message(13, "SET_READER_CONFIG_RESPONSE", &[]),
    message(14, "CLOSE_CONNECTION", &[]),
    message(20, "ADD_ROSPEC", &[]),
    message(21, "DELETE_ROSPEC", &[U32("ROSpecID")]),
    message(22, "START_ROSPEC", &[U32("ROSpecID")]),
    message(23, "STOP_ROSPEC", &[U32("ROSpecID")]),
    message(24, "ENABLE_ROSPEC", &[U32("ROSpecID")]),
    message(25, "DISABLE_ROSPEC", &[U32("ROSpecID")]),
    message(26, "GET_ROSPECS", &[]),
    message(30, "ADD_ROSPEC_RESPONSE", &[]),
    message(31, "DELETE_ROSPEC_RESPONSE", &[]),
    message(32, "START_ROSPEC_RESPONSE", &[]),
    message(33, "STOP_ROSPEC_RESPONSE", &[]),
    message(34, "ENABLE_ROSPEC_RESPONSE", &[]),
    message(35, "DISABLE_ROSPEC_RESPONSE", &[]),
    message(36, "GET_ROSPECS_RESPONSE", &[]),
    message(40, "ADD_ACCESSSPEC", &[]),
    message(41, "DELETE_ACCESSSPEC", &[U32("AccessSpecID")]),
    message(42, "ENABLE_ACCESSSPEC", &[U32("AccessSpecID")]),
    message(43, "DISABLE_ACCESSSPEC", &[U32("AccessSpecID")]),
    message(44, "GET_ACCESSSPECS", &[]),
    message(46, "GET_SUPPORTED_VERSION", &[]),
    message(47, "SET_PROTOCOL_VERSION", &[U8("ProtocolVersion")]),
    message(50, "ADD_ACCESSSPEC_RESPONSE", &[]),
    message(51, "DELETE_ACCESSSPEC_RESPONSE", &[]),
    message(52, "ENABLE_ACCESSSPEC_RESPONSE", &[]),
    message(53, "DISABLE_ACCESSSPEC_RESPONSE", &[]),
    message(54, "GET_ACCESSSPECS_RESPONSE", &[]),
    message(56, "GET_SUPPORTED_VERSION_RESPONSE", &[U8("CurrentVersion"), U8("SupportedVersion")]),
    message(57, "SET_PROTOCOL_VERSION_RESPONSE", &[]),
    message(60, "GET_REPORT", &[]),
    message(61, "RO_ACCESS_REPORT", &[]),
    message(62, "KEEPALIVE", &[]),
    message(63, "READER_EVENT_NOTIFICATION", &[]),
    message(64, "ENABLE_EVENTS_AND_REPORTS", &[]),
    message(72, "KEEPALIVE_ACK", &[]),
    message(100, "ERROR_MESSAGE", &[]),
    message(1023, "CUSTOM_MESSAGE", &[U32("VendorIdentifier"), U8("MessageSubtype"), Rest("Data")]),
];

#[rustfmt::skip]
static VENDOR_MESSAGES: &[Layout] = &[
    impinj_message(21, "IMPINJ_ENABLE_EXTENSIONS", &[Reserved(32)]),
    impinj_message(22, "IMPINJ_ENABLE_EXTENSIONS_RESPONSE", &[]),
    impinj_message(23, "IMPINJ_SAVE_SETTINGS", &[U1("SaveConfiguration"), Reserved(7)]),
    impinj_message(24, "IMPINJ_SAVE_SETTINGS_RESPONSE", &[]),
];

#[rustfmt::skip]
static TVS: &[Layout] = &[
    tv(1, "AntennaID", &[U16("AntennaID")]),
    tv(2, "FirstSeenTimestampUTC", &[U64("Microseconds")]),
    tv(3, "FirstSeenTimestampUptime", &[U64("Microseconds")]),
    tv(4, "LastSeenTimestampUTC", &[U64("Microseconds")]),
    tv(5, "LastSeenTimestampUptime", &[U64("Microseconds")]),
    tv(6, "PeakRSSI", &[S8("PeakRSSI")]),
    tv(7, "ChannelIndex", &[U16("ChannelIndex")]),
    tv(8, "TagSeenCount", &[U16("TagCount")]),
    tv(9, "ROSpecID", &[U32("ROSpecID")]),
    tv(10, "InventoryParameterSpecID", &[U16("InventoryParameterSpecID")]),
    tv(11, "C1G2_CRC", &[U16("CRC")]),
    tv(12, "C1G2_PC", &[U16("PC_Bits")]),
    tv(13, "EPC_96", &[U96("EPC")]),
    tv(14, "SpecIndex", &[U16("SpecIndex")]),
    tv(16, "AccessSpecID", &[U32("AccessSpecID")]),
    tv(17, "OpSpecID", &[U16("OpSpecID")]),
    tv(18, "C1G2SingulationDetails", &[U16("NumCollisionSlots"), U16("NumEmptySlots")]),
    tv(19, "C1G2_XPCW1", &[U16("XPC_W1")]),
    tv(20, "C1G2_XPCW2", &[U16("XPC_W2")]),
];

#[rustfmt::skip]
static TLVS: &[Layout] = &[
    tlv(128, "UTCTimestamp", &[U64("Microseconds")]),
    tlv(129, "Uptime", &[U64("Microseconds")]),
    tlv(137, "GeneralDeviceCapabilities", &[U16("MaxNumberOfAntennaSupported"), U1("CanSetAntennaProperties"), U1("HasUTCClockCapability"), Reserved(14), U32("DeviceManufacturerName"), U32("ModelName"), Text("ReaderFirmwareVersion")]),
    tlv(139, "ReceiveSensitivityTableEntry", &[U16("Index"), S16("ReceiveSensitivityValue")]),
    tlv(140, "PerAntennaAirProtocol", &[U16("AntennaID"), Octets("ProtocolID")]),
    tlv(141, "GPIOCapabilities", &[U16("NumGPIs"), U16("NumGPOs")]),
    tlv(142, "LLRPCapabilities", &[U1("CanDoRFSurvey"), U1("CanReportBufferFillWarning"), U1("SupportsClientRequestOpSpec"), U1("CanDoTagInventoryStateAwareSingulation"), U1("SupportsEventAndReportHolding"), Reserved(3), U8("MaxNumPriorityLevelsSupported"), U16("ClientRequestOpSpecTimeout"), U32("MaxNumROSpecs"), U32("MaxNumSpecsPerROSpec"), U32("MaxNumInventoryParameterSpecsPerAISpec"), U32("MaxNumAccessSpecs"), U32("MaxNumOpSpecsPerAccessSpec")]),
    tlv(143, "RegulatoryCapabilities", &[U16("CountryCode"), U16("CommunicationsStandard")]),
    tlv(144, "UHFBandCapabilities", &[]),
    tlv(145, "TransmitPowerLevelTableEntry", &[U16("Index"), S16("TransmitPowerValue")]),
    tlv(146, "FrequencyInformation", &[U1("Hopping"), Reserved(7)]),
    tlv(147, "FrequencyHopTable", &[U8("HopTableID"), Reserved(8), DoubleWords("Frequency")]),
    tlv(148, "FixedFrequencyTable", &[DoubleWords("Frequency")]),
    tlv(149, "PerAntennaReceiveSensitivityRange", &[U16("AntennaID"), U16("ReceiveSensitivityIndexMin"), U16("ReceiveSensitivityIndexMax")]),
    tlv(177, "ROSpec", &[U32("ROSpecID"), U8("Priority"), U8("CurrentState")]),
    tlv(178, "ROBoundarySpec", &[]),
    tlv(179, "ROSpecStartTrigger", &[U8("ROSpecStartTriggerType")]),
    tlv(180, "PeriodicTriggerValue", &[U32("Offset"), U32("Period")]),
    tlv(181, "GPITriggerValue", &[U16("GPIPortNum"), U1("GPIEvent"), Reserved(7), U32("Timeout")]),
    tlv(182, "ROSpecStopTrigger", &[U8("ROSpecStopTriggerType"), U32("DurationTriggerValue")]),
    tlv(183, "AISpec", &[Words("AntennaIDs")]),
    tlv(184, "AISpecStopTrigger", &[U8("AISpecStopTriggerType"), U32("DurationTrigger")]),
    tlv(185, "TagObservationTrigger", &[U8("TriggerType"), Reserved(8), U16("NumberOfTags"), U16("NumberOfAttempts"), U16("T"), U32("Timeout")]),
    tlv(186, "InventoryParameterSpec", &[U16("InventoryParameterSpecID"), U8("ProtocolID")]),
    tlv(187, "RFSurveySpec", &[U16("AntennaID"), U32("StartFrequency"), U32("EndFrequency")]),
    tlv(188, "RFSurveySpecStopTrigger", &[U8("StopTriggerType"), U32("DurationPeriod"), U32("N")]),
    tlv(207, "AccessSpec", &[U32("AccessSpecID"), U16("AntennaID"), U8("ProtocolID"), U1("CurrentState"), Reserved(7), U32("ROSpecID")]),
    tlv(208, "AccessSpecStopTrigger", &[U8("AccessSpecStopTrigger"), U16("OperationCountValue")]),
    tlv(209, "AccessCommand", &[]),
    tlv(217, "LLRPConfigurationStateValue", &[U32("LLRPConfigurationStateValue")]),
    tlv(218, "Identification", &[U8("IDType"), Octets("ReaderID")]),
    tlv(219, "GPOWriteData", &[U16("GPOPortNumber"), U1("GPOData"), Reserved(7)]),
    tlv(220, "KeepaliveSpec", &[U8("KeepaliveTriggerType"), U32("PeriodicTriggerValue")]),
    tlv(221, "AntennaProperties", &[U1("AntennaConnected"), Reserved(7), U16("AntennaID"), S16("AntennaGain")]),
    tlv(222, "AntennaConfiguration", &[U16("AntennaID")]),
    tlv(223, "RFReceiver", &[U16("ReceiverSensitivity")]),
    tlv(224, "RFTransmitter", &[U16("HopTableID"), U16("ChannelIndex"), U16("TransmitPower")]),
    tlv(225, "GPIPortCurrentState", &[U16("GPIPortNum"), U1("Config"), Reserved(7), U8("State")]),
    tlv(226, "EventsAndReports", &[U1("HoldEventsAndReportsUponReconnect"), Reserved(7)]),
    tlv(237, "ROReportSpec", &[U8("ROReportTrigger"), U16("N")]),
    tlv(238, "TagReportContentSelector", &[U1("EnableROSpecID"), U1("EnableSpecIndex"), U1("EnableInventoryParameterSpecID"), U1("EnableAntennaID"), U1("EnableChannelIndex"), U1("EnablePeakRSSI"), U1("EnableFirstSeenTimestamp"), U1("EnableLastSeenTimestamp"), U1("EnableTagSeenCount"), U1("EnableAccessSpecID"), Reserved(6)]),
    tlv(239, "AccessReportSpec", &[U8("AccessReportTrigger")]),
    tlv(240, "TagReportData", &[]),
    tlv(241, "EPCData", &[BitString("EPC")]),
    tlv(242, "RFSurveyReportData", &[]),
    tlv(243, "FrequencyRSSILevelEntry", &[U32("Frequency"), U32("Bandwidth"), S8("AverageRSSI"), S8("PeakRSSI")]),
    tlv(244, "ReaderEventNotificationSpec", &[]),
    tlv(245, "EventNotificationState", &[U16("EventType"), U1("NotificationState"), Reserved(7)]),
    tlv(246, "ReaderEventNotificationData", &[]),
    tlv(247, "HoppingEvent", &[U16("HopTableID"), U16("NextChannelIndex")]),
    tlv(248, "GPIEvent", &[U16("GPIPortNumber"), U1("GPIEvent"), Reserved(7)]),
    tlv(249, "ROSpecEvent", &[U8("EventType"), U32("ROSpecID"), U32("PreemptingROSpecID")]),
    tlv(250, "ReportBufferLevelWarningEvent", &[U8("ReportBufferPercentageFull")]),
    tlv(251, "ReportBufferOverflowErrorEvent", &[]),
    tlv(252, "ReaderExceptionEvent", &[Text("Message")]),
    tlv(253, "RFSurveyEvent", &[U8("EventType"), U32("ROSpecID"), U16("SpecIndex")]),
    tlv(254, "AISpecEvent", &[U8("EventType"), U32("ROSpecID"), U16("SpecIndex")]),
    tlv(255, "AntennaEvent", &[U8("EventType"), U16("AntennaID")]),
    tlv(256, "ConnectionAttemptEvent", &[U16("Status")]),
    tlv(257, "ConnectionCloseEvent", &[]),
    tlv(287, "LLRPStatus", &[U16("StatusCode"), Text("ErrorDescription")]),
    tlv(288, "FieldError", &[U16("FieldNum"), U16("ErrorCode")]),
    tlv(289, "ParameterError", &[U16("ParameterType"), U16("ErrorCode")]),
    tlv(327, "C1G2LLRPCapabilities", &[U1("CanSupportBlockErase"), U1("CanSupportBlockWrite"), U1("CanSupportBlockPermalock"), U1("CanSupportTagRecommissioning"), U1("CanSupportUMIMethod2"), U1("CanSupportXPC"), Reserved(2), U16("MaxNumSelectFiltersPerQuery")]),
    tlv(328, "C1G2UHFRFModeTable", &[]),
    tlv(329, "C1G2UHFRFModeTableEntry", &[U32("ModeIdentifier"), U1("DRValue"), U1("EPCHAGTCConformance"), Reserved(6), U8("MValue"), U8("ForwardLinkModulation"), U8("SpectralMaskIndicator"), U32("BDRValue"), U32("PIEValue"), U32("MinTariValue"), U32("MaxTariValue"), U32("StepTariValue")]),
    tlv(330, "C1G2InventoryCommand", &[U1("TagInventoryStateAware"), Reserved(7)]),
    tlv(331, "C1G2Filter", &[U2("T"), Reserved(6)]),
    tlv(332, "C1G2TagInventoryMask", &[U2("MB"), Reserved(6), U16("Pointer"), BitString("TagMask")]),
    tlv(333, "C1G2TagInventoryStateAwareFilterAction", &[U8("Target"), U8("Action")]),
    tlv(334, "C1G2TagInventoryStateUnawareFilterAction", &[U8("Action")]),
    tlv(335, "C1G2RFControl", &[U16("ModeIndex"), U16("Tari")]),
    tlv(336, "C1G2SingulationControl", &[U2("Session"), Reserved(6), U16("TagPopulation"), U32("TagTransitTime")]),
    tlv(337, "C1G2TagInventoryStateAwareSingulationAction", &[U1("I"), U1("S"), Reserved(6)]),
    tlv(338, "C1G2TagSpec", &[]),
    tlv(339, "C1G2TargetTag", &[U2("MB"), U1("Match"), Reserved(5), U16("Pointer"), BitString("TagMask"), BitString("TagData")]),
    tlv(341, "C1G2Read", &[U16("OpSpecID"), U32("AccessPassword"), U2("MB"), Reserved(6), U16("WordPointer"), U16("WordCount")]),
    tlv(342, "C1G2Write", &[U16("OpSpecID"), U32("AccessPassword"), U2("MB"), Reserved(6), U16("WordPointer"), Words("WriteData")]),
    tlv(343, "C1G2Kill", &[U16("OpSpecID"), U32("KillPassword")]),
    tlv(344, "C1G2Lock", &[U16("OpSpecID"), U32("AccessPassword")]),
    tlv(345, "C1G2LockPayload", &[U8("Privilege"), U8("DataField")]),
    tlv(346, "C1G2BlockErase", &[U16("OpSpecID"), U32("AccessPassword"), U2("MB"), Reserved(6), U16("WordPointer"), U16("WordCount")]),
    tlv(347, "C1G2BlockWrite", &[U16("OpSpecID"), U32("AccessPassword"), U2("MB"), Reserved(6), U16("WordPointer"), Words("WriteData")]),
    tlv(348, "C1G2EPCMemorySelector", &[U1("EnableCRC"), U1("EnablePCBits"), Reserved(6)]),
    tlv(349, "C1G2ReadOpSpecResult", &[U8("Result"), U16("OpSpecID"), Words("ReadData")]),
    tlv(350, "C1G2WriteOpSpecResult", &[U8("Result"), U16("OpSpecID"), U16("NumWordsWritten")]),
    tlv(351, "C1G2KillOpSpecResult", &[U8("Result"), U16("OpSpecID")]),
    tlv(352, "C1G2LockOpSpecResult", &[U8("Result"), U16("OpSpecID")]),
    tlv(353, "C1G2BlockEraseOpSpecResult", &[U8("Result"), U16("OpSpecID")]),
    tlv(354, "C1G2BlockWriteOpSpecResult", &[U8("Result"), U16("OpSpecID"), U16("NumWordsWritten")]),
    tlv(355, "LoopSpec", &[U16("LoopCount")]),
    tlv(356, "SpecLoopEvent", &[U32("ROSpecID"), U32("LoopCount")]),
    tlv(357, "C1G2Recommission", &[U16("OpSpecID"), U32("KillPassword"), Reserved(5), U1("BIT_3SB"), U1("BIT_2SB"), U1("BIT_LSB")]),
    tlv(358, "C1G2BlockPermalock", &[U16("OpSpecID"), U32("AccessPassword"), U2("MB"), Reserved(6), U16("BlockPointer"), U16("BlockMaskWordCount"), Words("BlockMask")]),
    tlv(359, "C1G2GetBlockPermalockStatus", &[U16("OpSpecID"), U32("AccessPassword"), U2("MB"), Reserved(6), U16("BlockPointer"), U16("BlockRange")]),
    tlv(360, "C1G2RecommissionOpSpecResult", &[U8("Result"), U16("OpSpecID")]),
    tlv(361, "C1G2BlockPermalockOpSpecResult", &[U8("Result"), U16("OpSpecID")]),
    tlv(362, "C1G2GetBlockPermalockStatusOpSpecResult", &[U8("Result"), U16("OpSpecID"), Words("PermalockStatus")]),
    tlv(1023, "Custom", &[U32("VendorIdentifier"), U32("ParameterSubtype"), Rest("Data")]),
];

#[rustfmt::skip]
static VENDORS: &[Layout] = &[
    impinj(23, "ImpinjInventorySearchMode", &[U16("InventorySearchMode")]),
    impinj(26, "ImpinjFixedFrequencyList", &[U16("FixedFrequencyMode"), Reserved(16), Words("ChannelList")]),
    impinj(28, "ImpinjLowDutyCycle", &[U16("LowDutyCycleMode"), U16("EmptyFieldTimeout"), U16("FieldPingInterval")]),
    impinj(36, "ImpinjGPIDebounceConfiguration", &[U16("GPIPortNum"), U32("GPIDebounceTimerMSec")]),
    impinj(37, "ImpinjReaderTemperature", &[S16("Temperature")]),
    impinj(38, "ImpinjLinkMonitorConfiguration", &[U16("LinkMonitorMode"), U16("LinkDownThreshold")]),
    impinj(39, "ImpinjReportBufferConfiguration", &[U16("ReportBufferMode")]),
    impinj(50, "ImpinjTagReportContentSelector", &[]),
    impinj(51, "ImpinjEnableSerializedTID", &[U16("SerializedTIDMode")]),
    impinj(52, "ImpinjEnableRFPhaseAngle", &[U16("RFPhaseAngleMode")]),
    impinj(53, "ImpinjEnablePeakRSSI", &[U16("PeakRSSIMode")]),
    impinj(55, "ImpinjSerializedTID", &[Words("TID")]),
    impinj(56, "ImpinjRFPhaseAngle", &[U16("PhaseAngle")]),
    impinj(57, "ImpinjPeakRSSI", &[S16("RSSI")]),
    impinj(67, "ImpinjEnableRFDopplerFrequency", &[U16("RFDopplerFrequencyMode")]),
    impinj(68, "ImpinjRFDopplerFrequency", &[S16("DopplerFrequency")]),
    impinj(72, "ImpinjEnableTxPower", &[U16("TxPowerMode")]),
    impinj(73, "ImpinjTxPower", &[U16("TxPower")]),
];
