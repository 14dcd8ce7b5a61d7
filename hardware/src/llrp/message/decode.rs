//! Bytes to trees. Total: every input gives a tree or a flaw with its place.

use super::{DEPTH_MAX, Flaw, Malformed, Message, PARAMETERS_MAX, Parameter, Value};
use crate::llrp::fields::{self, Field, Layout};
use crate::llrp::frame::Frame;

impl Message {
    /// The tree of a frame.
    ///
    /// # Errors
    /// [`Malformed`] with the place; nothing of the message is kept.
    pub fn decode(frame: &Frame<'_>) -> Result<Message, Malformed> {
        let unknown = Malformed { at: 0, flaw: Flaw::UnknownMessage(frame.number) };
        let mut layout = fields::message_layout(frame.number).ok_or(unknown)?;
        let mut wire = Wire { bytes: frame.body, at: 0, origin: 0, held: 0, left: 0 };
        if let (1023, &[v0, v1, v2, v3, subtype, ref rest @ ..]) = (frame.number, frame.body)
            && let Some(known) = fields::vendor_message_layout(u32::from_be_bytes([v0, v1, v2, v3]), subtype)
        {
            layout = known;
            wire = Wire { bytes: rest, at: 0, origin: 5, held: 0, left: 0 };
        }
        let body = wire.parameter(layout, 0, &mut 0)?;
        Ok(Message { version: frame.version, id: frame.id, body })
    }
}

/// What is left of a parent while it is read.
struct Wire<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where `bytes` starts in the message body.
    origin: usize,
    /// The octet whose bits are being read, and how many of them are left.
    held: u8,
    left: u8,
}

impl<'a> Wire<'a> {
    fn flaw(&self, flaw: Flaw) -> Malformed {
        Malformed { at: self.origin + self.at, flaw }
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..)?.get(..count)?;
        self.at += count;
        Some(taken)
    }

    fn unsigned(&mut self, octets: usize) -> Option<u64> {
        Some(self.take(octets)?.iter().fold(0, |number, octet| number << 8 | u64::from(*octet)))
    }

    fn bits(&mut self, count: u8) -> Option<u64> {
        let mut number = 0;
        for _ in 0..count {
            if self.left == 0 {
                self.held = *self.take(1)?.first()?;
                self.left = 8;
            }
            self.left -= 1;
            number = number << 1 | u64::from(self.held >> self.left & 1);
        }
        Some(number)
    }

    /// The fields of `layout` and the parameters behind them, up to the end of `bytes`.
    fn parameter(&mut self, layout: &'static Layout, depth: usize, count: &mut usize) -> Result<Parameter, Malformed> {
        if DEPTH_MAX < depth {
            return Err(self.flaw(Flaw::TooDeep));
        }
        let values = self.values(layout)?;
        let mut parameters = Vec::new();
        while self.at < self.bytes.len() {
            *count += 1;
            if PARAMETERS_MAX < *count {
                return Err(self.flaw(Flaw::TooMany));
            }
            parameters.push(self.inner(depth, count)?);
        }
        Ok(Parameter { layout, values, parameters })
    }

    fn values(&mut self, layout: &'static Layout) -> Result<Vec<Value>, Malformed> {
        let mut values = Vec::with_capacity(layout.fields.len());
        for field in layout.fields {
            if let Field::Reserved(bits) = field {
                let cut = Flaw::FieldCut { layout: layout.name, field: "reserved bits" };
                self.bits(*bits).ok_or_else(|| self.flaw(cut))?;
                continue;
            }
            let cut = Flaw::FieldCut { layout: layout.name, field: field.name().unwrap_or_default() };
            values.push(self.value(*field).ok_or_else(|| self.flaw(cut))?);
        }
        Ok(values)
    }

    fn value(&mut self, field: Field) -> Option<Value> {
        Some(match field {
            Field::U1(_) => Value::Unsigned(self.bits(1)?),
            Field::U2(_) => Value::Unsigned(self.bits(2)?),
            Field::U8(_) => Value::Unsigned(self.unsigned(1)?),
            Field::U16(_) => Value::Unsigned(self.unsigned(2)?),
            Field::U32(_) => Value::Unsigned(self.unsigned(4)?),
            Field::U64(_) => Value::Unsigned(self.unsigned(8)?),
            Field::S8(_) => Value::Signed(i64::from(self.unsigned(1)? as i8)),
            Field::S16(_) => Value::Signed(i64::from(self.unsigned(2)? as i16)),
            Field::U96(_) => Value::Octets(self.take(12)?.to_vec()),
            Field::BitString(_) => {
                let bits = self.unsigned(2)? as u16;
                Value::Bits { bits, octets: self.take(usize::from(bits).div_ceil(8))?.to_vec() }
            }
            Field::Octets(_) => {
                let count = self.unsigned(2)? as usize;
                Value::Octets(self.take(count)?.to_vec())
            }
            Field::Words(_) => {
                let count = self.unsigned(2)? as usize;
                let words = self.take(count * 2)?.chunks_exact(2);
                Value::Numbers(words.map(|word| word.iter().fold(0, |n, octet| n << 8 | u32::from(*octet))).collect())
            }
            Field::DoubleWords(_) => {
                let count = self.unsigned(2)? as usize;
                let words = self.take(count * 4)?.chunks_exact(4);
                Value::Numbers(words.map(|word| word.iter().fold(0, |n, octet| n << 8 | u32::from(*octet))).collect())
            }
            Field::Text(_) => {
                let count = self.unsigned(2)? as usize;
                Value::Text(String::from_utf8_lossy(self.take(count)?).into_owned())
            }
            Field::Rest(_) => Value::Octets(self.take(self.bytes.len() - self.at)?.to_vec()),
            Field::Reserved(_) => return None,
        })
    }

    /// The parameter at the front of what is left; something is left.
    fn inner(&mut self, depth: usize, count: &mut usize) -> Result<Parameter, Malformed> {
        let start = self.at;
        let left = self.bytes.get(start..).unwrap_or_default();
        if let Some(first @ 0x80..) = left.first() {
            let number = first & 0x7F;
            self.at += 1;
            let Some(layout) = fields::tv_layout(number) else {
                let data = self.take(self.bytes.len() - self.at).unwrap_or_default();
                let values = vec![Value::Unsigned(u64::from(number)), Value::Octets(data.to_vec())];
                return Ok(Parameter { layout: &fields::UNKNOWN_TV, values, parameters: Vec::new() });
            };
            return Ok(Parameter { layout, values: self.values(layout)?, parameters: Vec::new() });
        }
        let &[t0, t1, l0, l1, ..] = left else {
            return Err(self.flaw(Flaw::Stray));
        };
        let number = u16::from_be_bytes([t0, t1]) & 0x03FF;
        let length = u16::from_be_bytes([l0, l1]);
        if length < 4 {
            return Err(self.flaw(Flaw::TooShort { number, length }));
        }
        let Some(whole) = self.take(usize::from(length)) else {
            return Err(self.flaw(Flaw::Overrun { number }));
        };
        let content = whole.get(4..).unwrap_or_default();
        let mut wire = Wire { bytes: content, at: 0, origin: self.origin + start + 4, held: 0, left: 0 };
        if let (1023, &[v0, v1, v2, v3, s0, s1, s2, s3, ref rest @ ..]) = (number, content) {
            let subtype = u32::from_be_bytes([s0, s1, s2, s3]);
            if let Some(layout) = fields::vendor_layout(u32::from_be_bytes([v0, v1, v2, v3]), subtype) {
                let mut inside = Wire { bytes: rest, origin: wire.origin + 8, ..wire };
                // A vendor may have changed its own parameter: what does not fit is kept raw, not refused.
                if let Ok(parameter) = inside.parameter(layout, depth + 1, count) {
                    return Ok(parameter);
                }
            }
        }
        match fields::tlv_layout(number) {
            Some(layout) => wire.parameter(layout, depth + 1, count),
            None => {
                let values = vec![Value::Unsigned(u64::from(number)), Value::Octets(content.to_vec())];
                Ok(Parameter { layout: &fields::UNKNOWN_TLV, values, parameters: Vec::new() })
            }
        }
    }
}
