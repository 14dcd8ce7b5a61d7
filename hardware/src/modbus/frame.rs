//! Modbus: requests and replies, framed for a serial bus (RTU) or for TCP (MBAP).
//!
//! RTU: `unit | function | .. | crc low | crc high`, at least 3.5 characters of silence between frames. MBAP: `transaction
//! u16 | 0000 | length u16 | unit | function | ..`. A reply repeats the function; one that sets its bit 7 is an exception.
//! Source: Modbus Application Protocol Specification V1.1b3; Modbus over Serial Line V1.02; Modbus Messaging on TCP/IP V1.0b.

use crate::checksum::crc16_modbus;

/// Longest frame on a serial bus, in bytes.
pub const RTU_MAX: usize = 256;

/// Longest frame over TCP, in bytes: seven of the head, 253 of function and data.
pub const TCP_MAX: usize = 260;

/// The four tables of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    Coils,
    /// Discrete inputs.
    Inputs,
    /// Holding registers.
    Holding,
    InputRegisters,
}

impl Table {
    /// The function that reads it.
    pub fn function(self) -> u8 {
        match self {
            Table::Coils => 1,
            Table::Inputs => 2,
            Table::Holding => 3,
            Table::InputRegisters => 4,
        }
    }

    fn of_function(function: u8) -> Option<Table> {
        [Table::Coils, Table::Inputs, Table::Holding, Table::InputRegisters]
            .into_iter()
            .find(|table| table.function() == function)
    }

    /// The bytes of values in a reply to a read of so many.
    pub fn reply_bytes(self, count: u16) -> usize {
        if self.bits() { usize::from(count).div_ceil(8) } else { 2 * usize::from(count) }
    }

    /// Whether it holds bits, not registers.
    fn bits(self) -> bool {
        matches!(self, Table::Coils | Table::Inputs)
    }
}

/// What is asked of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Read {
        table: Table,
        address: u16,
        count: u16,
    },
    /// FF00 on, 0000 off; relay boards know more, such as 5500 for the other of both.
    WriteCoil {
        address: u16,
        value: u16,
    },
    WriteRegister {
        address: u16,
        value: u16,
    },
    WriteCoils {
        address: u16,
        on: Vec<bool>,
    },
    WriteRegisters {
        address: u16,
        values: Vec<u16>,
    },
}

/// What a device answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The bits of whole bytes: a device fills up with zeros.
    Bits(Vec<bool>),
    Registers(Vec<u16>),
    /// What was written: address, and value or count.
    Written {
        address: u16,
        value: u16,
    },
    Exception(Exception),
}

/// Why a device does not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception(pub u8);

impl Exception {
    /// It works on something else; asking again helps.
    pub const BUSY: Exception = Exception(6);

    /// The name in the specification, in the words of the vector files.
    pub fn name(self) -> &'static str {
        match self.0 {
            1 => "illegal_function",
            2 => "illegal_data_address",
            3 => "illegal_data_value",
            4 => "server_failure",
            5 => "acknowledge",
            6 => "server_busy",
            8 => "memory_parity_error",
            10 => "gateway_path_unavailable",
            11 => "gateway_target_failed",
            _ => "unknown",
        }
    }
}

impl std::fmt::Display for Exception {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            1 => write!(f, "it does not know the function; check that the settings fit this device"),
            2 => {
                write!(f, "it has no such address; check the numbers of registers, inputs and outputs in the settings")
            }
            3 => write!(f, "it does not take such a value"),
            4 => write!(f, "it failed inside; switch it off and on"),
            5 | 6 => write!(f, "it is busy; try again"),
            10 | 11 => write!(f, "the gateway does not reach it; check the bus behind the gateway and the unit number"),
            code => write!(f, "exception {code}"),
        }
    }
}

impl Request {
    pub fn function(&self) -> u8 {
        match self {
            Request::Read { table, .. } => table.function(),
            Request::WriteCoil { .. } => 5,
            Request::WriteRegister { .. } => 6,
            Request::WriteCoils { .. } => 15,
            Request::WriteRegisters { .. } => 16,
        }
    }

    /// Function and data. A list longer than a frame is cut, which nothing in this crate asks for.
    pub fn encode(&self) -> Vec<u8> {
        let mut pdu = vec![self.function()];
        let mut words = |words: &[u16]| words.iter().for_each(|word| pdu.extend_from_slice(&word.to_be_bytes()));
        match self {
            Request::Read { address, count, .. } => words(&[*address, *count]),
            Request::WriteCoil { address, value } | Request::WriteRegister { address, value } => {
                words(&[*address, *value])
            }
            Request::WriteCoils { address, on } => {
                let on = on.get(..1968).unwrap_or(on);
                words(&[*address, u16::try_from(on.len()).unwrap_or(0)]);
                let bytes = packed(on);
                pdu.push(u8::try_from(bytes.len()).unwrap_or(0));
                pdu.extend_from_slice(&bytes);
            }
            Request::WriteRegisters { address, values } => {
                let values = values.get(..123).unwrap_or(values);
                words(&[*address, u16::try_from(values.len()).unwrap_or(0)]);
                pdu.push(u8::try_from(2 * values.len()).unwrap_or(0));
                values.iter().for_each(|word| pdu.extend_from_slice(&word.to_be_bytes()));
            }
        }
        pdu
    }

    /// The request with this function and data.
    pub fn parse(pdu: &[u8]) -> Option<Request> {
        let &[function, a, b, c, d, ref rest @ ..] = pdu else { return None };
        let (address, value) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        match (function, rest) {
            (1..=4, []) => Some(Request::Read { table: Table::of_function(function)?, address, count: value }),
            (5, []) => Some(Request::WriteCoil { address, value }),
            (6, []) => Some(Request::WriteRegister { address, value }),
            (15, [len, bytes @ ..]) if usize::from(*len) == bytes.len() => {
                let on: Vec<bool> = unpacked(bytes).take(value.into()).collect();
                (on.len() == usize::from(value)).then_some(Request::WriteCoils { address, on })
            }
            (16, [len, bytes @ ..]) if usize::from(*len) == bytes.len() && bytes.len() == 2 * usize::from(value) => {
                Some(Request::WriteRegisters { address, values: words(bytes) })
            }
            _ => None,
        }
    }
}

impl Reply {
    /// Function and data of the reply to a request with this function.
    pub fn encode(&self, function: u8) -> Vec<u8> {
        match self {
            Reply::Exception(Exception(code)) => vec![function | 0x80, *code],
            Reply::Written { address, value } => {
                [&[function][..], &address.to_be_bytes(), &value.to_be_bytes()].concat()
            }
            Reply::Bits(on) => counted(function, packed(on)),
            Reply::Registers(values) => counted(function, values.iter().flat_map(|word| word.to_be_bytes()).collect()),
        }
    }

    /// The reply with this function and data, and the function that it answers.
    pub fn parse(pdu: &[u8]) -> Option<(u8, Reply)> {
        match *pdu {
            [function @ 0x81..=0xFF, code] => Some((function & 0x7F, Reply::Exception(Exception(code)))),
            [function @ 1..=4, len, ref bytes @ ..] if usize::from(len) == bytes.len() && 0 < len => {
                let table = Table::of_function(function)?;
                if table.bits() {
                    return Some((function, Reply::Bits(unpacked(bytes).collect())));
                }
                (len % 2 == 0).then(|| (function, Reply::Registers(words(bytes))))
            }
            [function @ (5 | 6 | 15 | 16), a, b, c, d] => {
                let (address, value) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
                Some((function, Reply::Written { address, value }))
            }
            _ => None,
        }
    }

    /// Whether it can be the reply to `request`: as many values as were asked for, or the address that was written.
    pub fn fits(&self, request: &Request) -> bool {
        match (request, self) {
            (_, Reply::Exception(_)) => true,
            (Request::Read { table, count, .. }, Reply::Bits(bits)) => {
                table.bits() && bits.len().div_ceil(8) == usize::from(*count).div_ceil(8)
            }
            (Request::Read { table, count, .. }, Reply::Registers(values)) => {
                !table.bits() && values.len() == usize::from(*count)
            }
            (Request::Read { .. }, Reply::Written { .. }) => false,
            (Request::WriteCoil { address: at, value: of }, Reply::Written { address, value })
            | (Request::WriteRegister { address: at, value: of }, Reply::Written { address, value }) => {
                (at, of) == (address, value)
            }
            (Request::WriteCoils { address: at, on }, Reply::Written { address, value }) => {
                at == address && on.len() == usize::from(*value)
            }
            (Request::WriteRegisters { address: at, values }, Reply::Written { address, value }) => {
                at == address && values.len() == usize::from(*value)
            }
            (
                Request::WriteCoil { .. }
                | Request::WriteRegister { .. }
                | Request::WriteCoils { .. }
                | Request::WriteRegisters { .. },
                Reply::Bits(_) | Reply::Registers(_),
            ) => false,
        }
    }
}

fn counted(function: u8, bytes: Vec<u8>) -> Vec<u8> {
    let bytes = bytes.get(..250).unwrap_or(&bytes);
    [&[function, u8::try_from(bytes.len()).unwrap_or(0)][..], bytes].concat()
}

/// Eight bits a byte, the first one lowest.
fn packed(on: &[bool]) -> Vec<u8> {
    on.chunks(8).map(|eight| eight.iter().rev().fold(0, |byte, &on| byte << 1 | u8::from(on))).collect()
}

fn unpacked(bytes: &[u8]) -> impl Iterator<Item = bool> {
    bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1))
}

fn words(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| pair.iter().fold(0, |word, &byte| word << 8 | u16::from(byte))).collect()
}

/// A frame on a serial bus.
pub fn rtu(unit: u8, pdu: &[u8]) -> Vec<u8> {
    let frame = [&[unit], pdu].concat();
    let crc = crc16_modbus(&frame).to_le_bytes();
    [frame.as_slice(), &crc].concat()
}

/// A frame over TCP.
pub fn tcp(transaction: u16, unit: u8, pdu: &[u8]) -> Vec<u8> {
    let length = u16::try_from(1 + pdu.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&transaction.to_be_bytes()[..], &[0, 0], &length, &[unit], pdu].concat()
}

/// What stands at the front of bytes that come from a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front<'a> {
    /// A sound frame of so many bytes.
    Frame {
        transaction: u16,
        unit: u8,
        pdu: &'a [u8],
        len: usize,
    },
    /// The first byte begins none.
    Noise,
    Incomplete,
}

/// Who sent the frames that are looked for: on a serial bus both sides are heard, and nothing in a frame says whose it is
/// but its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Requests,
    Replies,
    Both,
}

/// The RTU frame at the front.
pub fn front_rtu(bytes: &[u8], side: Side) -> Front<'_> {
    let &[_, function, ref rest @ ..] = bytes else { return Front::Incomplete };
    let reply = match (function, rest) {
        (0x81..=0x90, _) => Some(5),
        (1..=4, [len, ..]) => Some(5 + usize::from(*len)),
        (5 | 6 | 15 | 16, _) => Some(8),
        _ => None,
    };
    let request = match (function, rest) {
        (1..=6, _) => Some(8),
        (15 | 16, [_, _, _, _, len, ..]) => Some(9 + usize::from(*len)),
        (15 | 16, _) => Some(9),
        _ => None,
    };
    let lengths = match side {
        Side::Requests => [request, None],
        Side::Replies if (1..=4).contains(&function) && rest.is_empty() => return Front::Incomplete,
        Side::Replies => [reply, None],
        Side::Both => [reply.min(request).or(reply).or(request), reply.max(request)],
    };
    let mut waits = false;
    for len in lengths.into_iter().flatten().filter(|len| *len <= RTU_MAX) {
        match bytes.get(..len).and_then(<[u8]>::split_last_chunk::<2>) {
            Some(([unit, pdu @ ..], crc))
                if crc16_modbus(bytes.get(..len - 2).unwrap_or_default()) == u16::from_le_bytes(*crc) =>
            {
                return Front::Frame { transaction: 0, unit: *unit, pdu, len };
            }
            Some(_) => (),
            None => waits = true,
        }
    }
    if waits { Front::Incomplete } else { Front::Noise }
}

/// The MBAP frame at the front.
pub fn front_tcp(bytes: &[u8]) -> Front<'_> {
    let &[t1, t2, p1, p2, l1, l2, ref rest @ ..] = bytes else {
        let strange = bytes.iter().skip(2).take(3).any(|&byte| byte != 0);
        return if strange { Front::Noise } else { Front::Incomplete };
    };
    let length = usize::from(u16::from_be_bytes([l1, l2]));
    if (p1, p2) != (0, 0) || !(2..=TCP_MAX - 6).contains(&length) {
        return Front::Noise;
    }
    match rest.get(..length) {
        Some([unit, pdu @ ..]) => {
            Front::Frame { transaction: u16::from_be_bytes([t1, t2]), unit: *unit, pdu, len: 6 + length }
        }
        Some([]) | None => Front::Incomplete,
    }
}
