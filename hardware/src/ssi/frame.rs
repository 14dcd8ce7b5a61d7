//! The frame around every message: `length | opcode | source | status | data | checksum`.
//!
//! The length counts all but the checksum, which is 0x10000 less the sum of the rest, high byte first.

use crate::checksum::neg_sum16;

/// Longest frame, with its checksum.
pub const FRAME_MAX: usize = 257;

/// A frame without data.
pub const EMPTY: usize = 6;

/// Bytes of data in the longest frame.
pub const DATA_MAX: usize = 251;

/// Numbers of the messages (`H` from the host, `D` from the decoder).
pub mod opcode {
    pub const CUSTOM_DEFAULTS: u8 = 0x12;
    pub const MULTIPACKET_SEGMENT: u8 = 0x73;
    pub const MULTIPACKET_ACK: u8 = 0x74;
    pub const MANAGEMENT: u8 = 0x80;
    pub const SCANNER_INIT: u8 = 0x90;
    pub const SCANNER_INIT_REPLY: u8 = 0x91;
    pub const HOST_ACK: u8 = 0x96;
    pub const REQUEST_REVISION: u8 = 0xA3;
    pub const REPLY_REVISION: u8 = 0xA4;
    pub const ILLUMINATION_OFF: u8 = 0xC0;
    pub const ILLUMINATION_ON: u8 = 0xC1;
    pub const AIM_OFF: u8 = 0xC4;
    pub const AIM_ON: u8 = 0xC5;
    pub const PARAM_SEND: u8 = 0xC6;
    pub const PARAM_REQUEST: u8 = 0xC7;
    pub const PARAM_DEFAULTS: u8 = 0xC8;
    pub const CMD_ACK: u8 = 0xD0;
    pub const CMD_NAK: u8 = 0xD1;
    pub const FLUSH_QUEUE: u8 = 0xD2;
    pub const CAPABILITIES_REQUEST: u8 = 0xD3;
    pub const CAPABILITIES_REPLY: u8 = 0xD4;
    pub const BATCH_REQUEST: u8 = 0xD5;
    pub const BATCH_DATA: u8 = 0xD6;
    pub const START_SESSION: u8 = 0xE4;
    pub const STOP_SESSION: u8 = 0xE5;
    pub const BEEP: u8 = 0xE6;
    pub const LED_ON: u8 = 0xE7;
    pub const LED_OFF: u8 = 0xE8;
    pub const SCAN_ENABLE: u8 = 0xE9;
    pub const SCAN_DISABLE: u8 = 0xEA;
    pub const SLEEP: u8 = 0xEB;
    pub const DECODE_DATA: u8 = 0xF3;
    pub const EVENT: u8 = 0xF6;
    pub const IMAGER_MODE: u8 = 0xF7;

    /// Two messages of cordless bases that want an acknowledgement and whose names are not public.
    pub const UNNAMED: [u8; 2] = [0xB1, 0xB4];

    const NAMES: &[(u8, &str)] = &[
        (CUSTOM_DEFAULTS, "CUSTOM_DEFAULTS"),
        (MULTIPACKET_SEGMENT, "MULTIPACKET_SEGMENT"),
        (MULTIPACKET_ACK, "MULTIPACKET_ACK"),
        (MANAGEMENT, "SSI_MGMT_COMMAND"),
        (SCANNER_INIT, "SCANNER_INIT_COMMAND"),
        (SCANNER_INIT_REPLY, "SCANNER_INIT_RESPONSE"),
        (HOST_ACK, "HOST_ACK"),
        (REQUEST_REVISION, "REQUEST_REVISION"),
        (REPLY_REVISION, "REPLY_REVISION"),
        (ILLUMINATION_OFF, "ILLUMINATION_OFF"),
        (ILLUMINATION_ON, "ILLUMINATION_ON"),
        (AIM_OFF, "AIM_OFF"),
        (AIM_ON, "AIM_ON"),
        (PARAM_SEND, "PARAM_SEND"),
        (PARAM_REQUEST, "PARAM_REQUEST"),
        (PARAM_DEFAULTS, "PARAM_DEFAULTS"),
        (CMD_ACK, "CMD_ACK"),
        (CMD_NAK, "CMD_NAK"),
        (FLUSH_QUEUE, "FLUSH_QUEUE"),
        (CAPABILITIES_REQUEST, "CAPABILITIES_REQUEST"),
        (CAPABILITIES_REPLY, "CAPABILITIES_REPLY"),
        (BATCH_REQUEST, "BATCH_REQUEST"),
        (BATCH_DATA, "BATCH_DATA"),
        (START_SESSION, "START_SESSION"),
        (STOP_SESSION, "STOP_SESSION"),
        (BEEP, "BEEP"),
        (LED_ON, "LED_ON"),
        (LED_OFF, "LED_OFF"),
        (SCAN_ENABLE, "SCAN_ENABLE"),
        (SCAN_DISABLE, "SCAN_DISABLE"),
        (SLEEP, "SLEEP"),
        (DECODE_DATA, "DECODE_DATA"),
        (EVENT, "EVENT"),
        (IMAGER_MODE, "IMAGER_MODE"),
        (UNNAMED[0], "B1"),
        (UNNAMED[1], "B4"),
    ];

    /// The name of a message, `None` for a number that none has.
    pub fn name(opcode: u8) -> Option<&'static str> {
        NAMES.iter().find(|(number, _)| *number == opcode).map(|(_, name)| *name)
    }

    /// The number of a message.
    pub fn number(name: &str) -> Option<u8> {
        NAMES.iter().find(|(_, other)| *other == name).map(|(number, _)| *number)
    }

    /// Whether the decoder repeats such a message until the host acknowledges it.
    pub fn must_ack(opcode: u8) -> bool {
        matches!(opcode, DECODE_DATA | EVENT | BATCH_DATA | PARAM_SEND | MANAGEMENT | 0xB1 | 0xB4)
    }
}

/// Bits of the status byte.
pub mod status {
    /// The message was sent before.
    pub const RETRANSMIT: u8 = 0x01;
    /// More packets of the same message follow.
    pub const CONTINUES: u8 = 0x02;
    /// A parameter is to outlast the power.
    pub const PERMANENT: u8 = 0x08;
    /// Cordless bases set it in answers.
    pub const REPLY: u8 = 0x80;
}

/// Why a message was not taken.
pub mod nak {
    pub const RESEND: u8 = 0x01;
    pub const CONTEXT: u8 = 0x02;
    pub const DENIED: u8 = 0x06;
}

/// Where a frame comes from. A first segment of a long message has a byte of its own there.
pub const DECODER: u8 = 0x00;
pub const HOST: u8 = 0x04;
pub const FIRST_SEGMENT: u8 = 0x02;

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    pub opcode: u8,
    pub source: u8,
    pub status: u8,
    pub data: &'a [u8],
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// More bytes are needed; `missing` is how many at least.
    Incomplete {
        missing: usize,
    },
    /// The length counts less than a head.
    Length {
        length: u8,
    },
    /// No message has this number.
    Opcode {
        opcode: u8,
    },
    /// The source byte is none that such a message has.
    Source {
        source: u8,
    },
    Checksum {
        found: u16,
        counted: u16,
    },
}

impl std::fmt::Display for FrameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Incomplete { missing } => write!(f, "incomplete: {missing} bytes or more are missing at the end"),
            Self::Length { length } => write!(f, "the length in byte 0 is {length}; a frame has at least 4"),
            Self::Opcode { opcode } => write!(f, "no message has the opcode {opcode:02X} in byte 1"),
            Self::Source { source } => write!(f, "the source {source:02X} in byte 2 is neither decoder nor host"),
            Self::Checksum { found, counted } => {
                write!(f, "the checksum is {found:04X}, counted was {counted:04X}; bytes were changed on the line")
            }
        }
    }
}

/// The frame at the front of `bytes` and its length.
///
/// # Errors
/// [`FrameError::Incomplete`] while it may still become one.
pub fn parse(bytes: &[u8]) -> Result<(Frame<'_>, usize), FrameError> {
    let length = match bytes {
        [] => return Err(FrameError::Incomplete { missing: 6 }),
        &[length, ..] if length < 4 => return Err(FrameError::Length { length }),
        &[_, opcode, ..] if opcode::name(opcode).is_none() => return Err(FrameError::Opcode { opcode }),
        &[_, opcode, source, ..] if !sound_source(opcode, source) => return Err(FrameError::Source { source }),
        &[length, ..] => usize::from(length),
    };
    let missing = FrameError::Incomplete { missing: (length + 2).saturating_sub(bytes.len()) };
    let (Some(counted), Some((&[opcode, source, status], _))) =
        (bytes.get(..length), bytes.get(1..).unwrap_or_default().split_first_chunk())
    else {
        return Err(missing);
    };
    let (Some(data), Some(&[high, low])) = (bytes.get(4..length), bytes.get(length..length + 2)) else {
        return Err(missing);
    };
    let (found, counted) = (u16::from_be_bytes([high, low]), neg_sum16(counted));
    if found != counted {
        return Err(FrameError::Checksum { found, counted });
    }
    Ok((Frame { opcode, source, status, data }, length + 2))
}

fn sound_source(opcode: u8, source: u8) -> bool {
    matches!(source, DECODER | HOST) || (opcode == opcode::MULTIPACKET_SEGMENT && source == FIRST_SEGMENT)
}

impl Frame<'_> {
    /// The bytes on the line. Data past [`DATA_MAX`] does not fit and is left off: whoever has more splits it.
    pub fn encode(&self) -> Vec<u8> {
        let data = self.data.get(..self.data.len().min(DATA_MAX)).unwrap_or_default();
        let length = u8::try_from(4 + data.len()).unwrap_or(u8::MAX);
        let mut bytes = vec![length, self.opcode, self.source, self.status];
        bytes.extend_from_slice(data);
        bytes.extend_from_slice(&neg_sum16(&bytes).to_be_bytes());
        bytes
    }
}

/// A frame of the host.
pub fn host(opcode: u8, data: &[u8]) -> Vec<u8> {
    Frame { opcode, source: HOST, status: 0, data }.encode()
}

/// The first packet of a long message of the cordless kind, `73`: what it says of the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstSegment<'a> {
    pub symbology: u8,
    /// Bytes of the whole text.
    pub length: usize,
    pub text: &'a [u8],
}

/// Reads the data of the first packet: `00 | F3 00 00 | length+3, 2 bytes | symbology | 01 | length, 2 bytes | text`.
pub fn first_segment(data: &[u8]) -> Option<FirstSegment<'_>> {
    let &[0, opcode::DECODE_DATA, _, _, _, _, symbology, _, high, low, ref text @ ..] = data else { return None };
    Some(FirstSegment { symbology, length: usize::from(u16::from_be_bytes([high, low])), text })
}
