//! The memory of simulated tags, and the work that an AccessSpec does on it.
//!
//! Every tag has its EPC bank, a TID that follows from its first EPC, and a user bank of zeros. Access password and kill
//! password are zero. Source of the layout: EPC Gen2 section 6.3.2.1.

use std::collections::BTreeMap;

use super::report::crc16;
use super::{Random, Refusal};
use crate::llrp::message::{Parameter, Value};

/// Octets of the user bank.
const USER: usize = 64;

/// Operations of one AccessSpec.
pub(super) const OPERATIONS_MAX: usize = 4;

/// Of 100 operations so many are lost in the noise; the tag is asked again at its next answer.
const LOST_OF_100: u64 = 20;

/// What was written to tags; all others are as they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Memories {
    /// The EPC that a tag has now, by the one that it came with.
    epcs: BTreeMap<Vec<u8>, Vec<u8>>,
    users: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Memories {
    /// The EPC that a tag has now.
    pub(super) fn epc(&self, origin: &[u8]) -> Vec<u8> {
        self.epcs.get(origin).map_or_else(|| origin.to_vec(), Vec::clone)
    }

    /// The EPC with which the tag came that has this one now.
    pub(super) fn origin(&self, epc: &[u8]) -> Vec<u8> {
        let renamed = self.epcs.iter().find(|(_, now)| now.as_slice() == epc);
        renamed.map_or_else(|| epc.to_vec(), |(origin, _)| origin.clone())
    }

    /// All octets of a bank.
    pub(super) fn bank(&self, origin: &[u8], bank: u64) -> Vec<u8> {
        match bank {
            0 => vec![0; 8],
            1 => {
                let mut epc = self.epc(origin);
                let pc = pc_bits(&epc);
                let crc = crc16(pc, &epc);
                epc.resize(epc.len().next_multiple_of(2), 0);
                [&crc.to_be_bytes()[..], &pc.to_be_bytes(), &epc].concat()
            }
            // Maker and model of a chip, then a serial number (FNV-1a of the first EPC).
            2 => {
                let serial = origin.iter().fold(0xCBF2_9CE4_8422_2325, |hash: u64, octet| {
                    (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01B3)
                });
                [&[0xE2, 0x80, 0x11, 0x60, 0x20, 0x00][..], serial.to_be_bytes().get(2..).unwrap_or_default()].concat()
            }
            _ => self.users.get(origin).map_or_else(|| vec![0; USER], Vec::clone),
        }
    }

    /// Writes whole words; what a tag has not, or not for writing, is a result code of C1G2WriteOpSpecResult.
    fn write(&mut self, origin: &[u8], bank: u64, at: usize, octets: &[u8]) -> Result<(), u8> {
        const OVERRUN: u8 = 1;
        const LOCKED: u8 = 2;
        let mut memory = self.bank(origin, bank);
        match bank {
            // Behind CRC and PC there is room for 16 words.
            1 => memory.resize(memory.len().max(4 + 32), 0),
            3 => (),
            _ => return Err(LOCKED),
        }
        memory.get_mut(at..at + octets.len()).ok_or(OVERRUN)?.copy_from_slice(octets);
        if bank == 3 {
            self.users.insert(origin.to_vec(), memory);
            return Ok(());
        }
        let &[_, _, pc, _, ref epc @ ..] = memory.as_slice() else {
            return Err(OVERRUN);
        };
        let length = usize::from(pc >> 3) * 2;
        self.epcs.insert(origin.to_vec(), epc.get(..length).ok_or(OVERRUN)?.to_vec());
        Ok(())
    }
}

/// The PC of a tag with a GS1 EPC: its number of words.
pub(super) fn pc_bits(epc: &[u8]) -> u16 {
    (epc.len().div_ceil(2).min(31) as u16) << 11
}

/// A comparison with the memory of a tag.
#[derive(Clone, Debug)]
pub(super) struct Mask {
    bank: u64,
    /// Bits from the start of the bank.
    pointer: usize,
    /// Which bits count; all when there are none.
    mask: Vec<u8>,
    data: Vec<u8>,
    bits: usize,
}

impl Mask {
    /// Of a C1G2TagInventoryMask: every bit counts.
    pub(super) fn of_filter(mask: &Parameter) -> Option<Mask> {
        let (bits, data) = bit_string(mask, "TagMask")?;
        Some(Mask { bank: mask.number("MB")?, pointer: mask.number("Pointer")? as usize, mask: Vec::new(), data, bits })
    }

    fn of_target(target: &Parameter) -> Option<Mask> {
        let ((bits, mask), (_, data)) = (bit_string(target, "TagMask")?, bit_string(target, "TagData")?);
        Some(Mask { bank: target.number("MB")?, pointer: target.number("Pointer")? as usize, mask, data, bits })
    }

    pub(super) fn fits(&self, memories: &Memories, origin: &[u8]) -> bool {
        let memory = memories.bank(origin, self.bank);
        (0..self.bits).all(|place| {
            let counts = self.mask.is_empty() || bit(&self.mask, place) == Some(true);
            !counts || bit(&memory, self.pointer + place) == Some(bit(&self.data, place).unwrap_or_default())
        })
    }
}

fn bit_string(parameter: &Parameter, field: &str) -> Option<(usize, Vec<u8>)> {
    match parameter.get(field)? {
        Value::Bits { bits, octets } => Some((usize::from(*bits), octets.clone())),
        _ => None,
    }
}

fn bit(octets: &[u8], place: usize) -> Option<bool> {
    octets.get(place / 8).map(|octet| octet >> (7 - place % 8) & 1 == 1)
}

/// One program of work that a client added.
#[derive(Clone, Debug)]
pub(super) struct AccessSpec {
    pub id: u32,
    pub enabled: bool,
    /// As it was added; GET_ACCESSSPECS tells it back.
    parameter: Parameter,
    /// 0 = in every ROSpec.
    rospec: u32,
    /// 0 = at every antenna.
    antenna: u16,
    /// How often it is still carried out; `None` = until it is deleted.
    left: Option<u16>,
    /// Mask, and whether the tag must fit it or must not.
    targets: Vec<(Mask, bool)>,
    operations: Vec<Operation>,
}

#[derive(Clone, Debug)]
struct Operation {
    id: u16,
    password: u32,
    bank: u64,
    at_word: usize,
    deed: Deed,
}

#[derive(Clone, Debug)]
enum Deed {
    /// So many words; 0 = to the end of the bank.
    Read(usize),
    Write(Vec<u8>),
}

impl AccessSpec {
    pub(super) fn accept(spec: &Parameter) -> Result<AccessSpec, Refusal> {
        let missing = Refusal { code: 103, text: "the AccessSpec lacks a parameter" };
        let number = |field| spec.number(field).unwrap_or_default();
        let id = number("AccessSpecID") as u32;
        if id == 0 || number("CurrentState") != 0 {
            return Err(Refusal { code: 300, text: "an AccessSpec is added disabled, with an id that is not 0" });
        }
        let stop = spec.find("AccessSpecStopTrigger").ok_or(missing)?;
        let count = stop.number("OperationCountValue").unwrap_or_default() as u16;
        let left = (stop.number("AccessSpecStopTrigger") == Some(1) && count != 0).then_some(count);
        let command = spec.find("AccessCommand").ok_or(missing)?;
        let targets = command.find("C1G2TagSpec").ok_or(missing)?;
        let target = |target: &Parameter| Some((Mask::of_target(target)?, target.number("Match") == Some(1)));
        let targets: Option<Vec<_>> = targets.all("C1G2TargetTag").map(target).collect();
        let operations = command.parameters.iter().filter(|inner| inner.name() != "C1G2TagSpec");
        let operations: Vec<Operation> = operations.map(Operation::accept).collect::<Result<_, _>>()?;
        if operations.is_empty() || OPERATIONS_MAX < operations.len() {
            return Err(Refusal { code: 105, text: "an AccessSpec has 1 to 4 operations" });
        }
        Ok(AccessSpec {
            id,
            enabled: false,
            parameter: spec.clone(),
            rospec: number("ROSpecID") as u32,
            antenna: number("AntennaID") as u16,
            left,
            targets: targets.ok_or(missing)?,
            operations,
        })
    }

    /// The AccessSpec as GET_ACCESSSPECS tells it.
    pub(super) fn told(&self) -> Parameter {
        self.parameter.clone().set("CurrentState", self.enabled)
    }

    pub(super) fn works_on(&self, memories: &Memories, origin: &[u8], antenna: u16, rospec: u32) -> bool {
        self.enabled
            && (self.rospec == 0 || self.rospec == rospec)
            && (self.antenna == 0 || self.antenna == antenna)
            && self.targets.iter().all(|(mask, wanted)| mask.fits(memories, origin) == *wanted)
    }

    /// Does its work on a tag; the results, as they stand in the report.
    pub(super) fn work(&mut self, memories: &mut Memories, origin: &[u8], random: &mut Random) -> Vec<Parameter> {
        self.left = self.left.map(|left| left.saturating_sub(1));
        self.operations.iter().map(|operation| operation.carry_out(memories, origin, random)).collect()
    }

    /// Whether it was carried out as often as its client wanted.
    pub(super) fn done(&self) -> bool {
        self.left == Some(0)
    }
}

impl Operation {
    fn accept(operation: &Parameter) -> Result<Operation, Refusal> {
        let number = |field| operation.number(field).unwrap_or_default();
        let deed = match (operation.name(), operation.get("WriteData")) {
            ("C1G2Read", _) => Deed::Read(number("WordCount") as usize),
            ("C1G2Write", Some(Value::Numbers(words))) => {
                Deed::Write(words.iter().flat_map(|word| (*word as u16).to_be_bytes()).collect())
            }
            _ => return Err(Refusal { code: 209, text: "this operation is not simulated" }),
        };
        Ok(Operation {
            id: number("OpSpecID") as u16,
            password: number("AccessPassword") as u32,
            bank: number("MB"),
            at_word: number("WordPointer") as usize,
            deed,
        })
    }

    fn carry_out(&self, memories: &mut Memories, origin: &[u8], random: &mut Random) -> Parameter {
        let lost = random.below(100) < LOST_OF_100;
        let at = self.at_word * 2;
        match &self.deed {
            Deed::Read(words) => {
                let memory = memories.bank(origin, self.bank);
                let end = if *words == 0 { memory.len() } else { at + words * 2 };
                let (code, read) = match memory.get(at..end) {
                    _ if lost => (2u8, &[][..]),
                    _ if self.password != 0 => (6, &[][..]),
                    None => (4, &[][..]),
                    Some(read) => (0, read),
                };
                let pair = |pair: &[u8]| pair.iter().fold(0, |word, octet| word << 8 | u16::from(*octet));
                let words: Vec<u16> = read.chunks(2).map(pair).collect();
                let result = Parameter::new("C1G2ReadOpSpecResult").set("Result", code).set("OpSpecID", self.id);
                result.set("ReadData", words.as_slice())
            }
            Deed::Write(octets) => {
                let code = match self.password {
                    _ if lost => 5u8,
                    0 => memories.write(origin, self.bank, at, octets).err().unwrap_or_default(),
                    _ => 7,
                };
                let words = if code == 0 { (octets.len() / 2) as u16 } else { 0 };
                let result = Parameter::new("C1G2WriteOpSpecResult").set("Result", code).set("OpSpecID", self.id);
                result.set("NumWordsWritten", words)
            }
        }
    }
}
