//! Toledo continuous output (9600 7E1 or 8N1), the custom of weighbridge indicators: some 20 frames a second, unasked.
//!
//! `STX SWA SWB SWC weight×6 tare×6 CR [checksum]`. SWA bits 0-2: the weight counts in 10^(2-x). SWB: bit 0 net, 1
//! negative, 2 out of range, 3 motion, 4 kilograms (else pounds). SWC bits 0-2: another unit; bit 3 the print key; bit 4
//! the display shows one digit more. Bit 5 of each is set. The checksum is the two's complement of the sum of all bytes
//! before it, its low 7 bits. Indicators that listen take the letters C, T, P and Z.
//! Source: dathlin/HslCommunication, ToledoStandardData; Mettler-Toledo IND manuals, "continuous output".

use serde_json::{Value, json};

use crate::device::Cut;
use crate::event::{Steady, WeightUnit};
use crate::scale::exact::{Amount, milligrams};
use crate::scale::message::{Message, Refusal, Shown, Unit};

pub const ZERO: &[u8] = b"Z";
pub const TARE: &[u8] = b"T";

const STX: u8 = 0x02;
const CR: u8 = 0x0D;

/// Bytes of a frame without checksum.
pub const FRAME: usize = 17;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub weight: Amount,
    pub tare: Amount,
    pub unit: Unit,
    pub net: bool,
    pub out_of_range: bool,
    pub motion: bool,
    pub print_request: bool,
    /// The display shows ten times finer than the frame says.
    pub expanded: bool,
}

/// The checksum behind a frame.
pub fn checksum(frame: &[u8]) -> u8 {
    frame.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte)).wrapping_neg() & 0x7F
}

/// Frames with or without checksum: where the byte behind a frame is its checksum, it belongs to it.
pub(super) fn cut(bytes: &[u8]) -> Cut {
    match front(bytes) {
        Ok(frame) => match bytes.get(FRAME) {
            Some(&behind) if behind != STX && behind == checksum(frame) => Cut::Message(FRAME + 1),
            _ => Cut::Message(FRAME),
        },
        Err(cut) => cut,
    }
}

/// Frames that each have their checksum; one with a wrong one is noise.
pub(super) fn cut_checked(bytes: &[u8]) -> Cut {
    match front(bytes) {
        Ok(frame) => match bytes.get(FRAME) {
            Some(&behind) if behind == checksum(frame) => Cut::Message(FRAME + 1),
            Some(_) => Cut::Noise(1),
            None => Cut::Incomplete,
        },
        Err(cut) => cut,
    }
}

fn front(bytes: &[u8]) -> Result<&[u8], Cut> {
    match bytes {
        [] => return Err(Cut::Incomplete),
        [STX, ..] => (),
        _ => return Err(Cut::Noise(1)),
    }
    let begins_well = bytes.iter().skip(1).take(3).all(|byte| byte & 0x20 != 0);
    match bytes.get(..FRAME) {
        _ if !begins_well => Err(Cut::Noise(1)),
        None => Err(Cut::Incomplete),
        Some(frame) if decode(frame).is_ok() => Ok(frame),
        Some(_) => Err(Cut::Noise(1)),
    }
}

/// One frame, with or without checksum.
///
/// # Errors
/// What is wrong with it.
pub fn decode(bytes: &[u8]) -> Result<Frame, String> {
    let (frame, behind) = bytes.split_at_checked(FRAME).ok_or_else(|| format!("a frame has {FRAME} bytes"))?;
    match behind {
        [] => (),
        [sum] if *sum == checksum(frame) => (),
        [sum] => return Err(format!("the checksum is {sum:02X}, the frame gives {:02X}", checksum(frame))),
        _ => return Err(format!("{} bytes follow the frame", behind.len() - 1)),
    }
    let &[STX, a, b, c, ref digits @ .., CR] = frame else {
        return Err("a frame begins with STX (02) and ends with CR (0D)".into());
    };
    if a & b & c & 0x20 == 0 {
        return Err("bit 5 of the three status bytes is always set".into());
    }
    let (weight, tare) = digits.split_at(6);
    let negative = b & 2 != 0;
    let weight = number(weight, a, negative).ok_or_else(|| format!("no weight in \"{}\"", weight.escape_ascii()))?;
    let tare = number(tare, a, false).ok_or_else(|| format!("no tare in \"{}\"", tare.escape_ascii()))?;
    Ok(Frame {
        weight,
        tare,
        unit: unit(b, c),
        net: b & 1 != 0,
        out_of_range: b & 4 != 0,
        motion: b & 8 != 0,
        print_request: c & 8 != 0,
        expanded: c & 16 != 0,
    })
}

/// Six digits, leading ones possibly blank, in the unit of SWA.
fn number(digits: &[u8], a: u8, negative: bool) -> Option<Amount> {
    if !digits.trim_ascii_start().iter().all(u8::is_ascii_digit) {
        return None;
    }
    let Amount { digits, .. } = Amount::parse(digits)?;
    let digits = if negative { -digits } else { digits };
    Some(match a & 7 {
        0 => Amount { digits: digits * 100, places: 0 },
        1 => Amount { digits: digits * 10, places: 0 },
        x => Amount { digits, places: x - 2 },
    })
}

fn unit(b: u8, c: u8) -> Unit {
    Unit::Weight(match c & 7 {
        0 if b & 16 != 0 => WeightUnit::Kilogram,
        0 => WeightUnit::Pound,
        1 => WeightUnit::Gram,
        2 => WeightUnit::Tonne,
        3 => WeightUnit::Ounce,
        4 => WeightUnit::TroyOunce,
        5 => WeightUnit::Pennyweight,
        // Short or long ton: the sources do not say, and a guess would be wrong by a tenth.
        6 => return Unit::Other("ton".into()),
        _ => return Unit::Other("N".into()),
    })
}

/// One frame as a message of a scale.
///
/// # Errors
/// What is wrong with it.
pub fn parse(bytes: &[u8]) -> Result<Message, String> {
    let frame = decode(bytes)?;
    if frame.out_of_range {
        return Ok(if frame.weight.digits < 0 { Message::Under } else { Message::Over });
    }
    if frame.expanded {
        return Ok(Message::Refused(Refusal::Error("it shows ten times finer than it sends".into())));
    }
    let steady = if frame.motion { Steady::No } else { Steady::Yes };
    Ok(Message::Shown(Shown { amount: frame.weight, unit: frame.unit, steady, net: frame.net }))
}

impl Frame {
    pub(super) fn fields(&self) -> Value {
        let (unit, mg) = match &self.unit {
            Unit::Weight(unit) => (unit.symbol(), Some(milligrams(self.weight, *unit))),
            Unit::Other(name) => (name.as_str(), None),
            Unit::Percent | Unit::Pieces | Unit::Unsaid => ("", None),
        };
        json!({
            "kind": "weight", "value": self.weight.to_string(), "tare": self.tare.to_string(), "unit": unit, "net": self.net,
            "out_of_range": self.out_of_range, "motion": self.motion, "stable": !self.motion,
            "print_request": self.print_request, "expanded": self.expanded, "milligrams": mg,
        })
    }
}
