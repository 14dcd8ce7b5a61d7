//! Any LLRP message as a tree of named fields, and back to the same bytes.
//!
//! This is the general road: requests, answers, events, and what `decode` shows a person. Tag reports at full speed
//! take [`super::report`] instead. What the table lacks is kept as octets under `Unknown` or `UnknownTV`.

use std::fmt;

use super::fields::{self, Field, Layout, Place};
use super::frame::{Frame, HEADER};

/// Deepest nesting accepted. A ROSpec with a tag filter needs 7; only ParameterError could nest without end.
const DEPTH_MAX: usize = 16;

/// Most parameters accepted in one message: twice those of the largest known report (1.4 MB), about 50 MB of tree.
const PARAMETERS_MAX: usize = 500_000;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// 1 = LLRP 1.0.1, 2 = LLRP 1.1.
    pub version: u8,
    /// A response repeats the id of its request.
    pub id: u32,
    /// The fields and parameters of the message.
    pub body: Parameter,
}

/// A message body or a parameter: its fields and the parameters inside it, in wire order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    layout: &'static Layout,
    /// One per named field of the layout.
    values: Vec<Value>,
    /// The parameters inside this one.
    pub parameters: Vec<Parameter>,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Unsigned(u64),
    Signed(i64),
    /// As many bits, left-aligned in the octets.
    Bits {
        bits: u16,
        octets: Vec<u8>,
    },
    Octets(Vec<u8>),
    Numbers(Vec<u32>),
    Text(String),
}

/// A message that breaks the layout. The stream goes on: its framing is sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Octets from the start of the message body.
    pub at: usize,
    pub flaw: Flaw,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A message type that the table lacks.
    UnknownMessage(u16),
    /// A parameter claims fewer octets than its own header has.
    TooShort {
        number: u16,
        length: u16,
    },
    /// A parameter runs past the end of its parent.
    Overrun {
        number: u16,
    },
    /// Fewer octets left than a parameter header has.
    Stray,
    /// The parent ends inside this field.
    FieldCut {
        layout: &'static str,
        field: &'static str,
    },
    TooDeep,
    TooMany,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.flaw {
            Flaw::UnknownMessage(number) => return write!(f, "message type {number} is not in LLRP 1.1"),
            Flaw::TooShort { number, length } => {
                write!(f, "parameter {} claims {length} bytes, less than its own header", parameter_name(number))
            }
            Flaw::Overrun { number } => {
                write!(f, "parameter {} runs past the end of its parent", parameter_name(number))
            }
            Flaw::Stray => write!(f, "bytes are left over that are too few for a parameter"),
            Flaw::FieldCut { layout, field } => write!(f, "{layout} ends inside its field {field}"),
            Flaw::TooDeep => write!(f, "parameters are nested more than {DEPTH_MAX} deep"),
            Flaw::TooMany => write!(f, "the message holds more than {PARAMETERS_MAX} parameters"),
        }?;
        write!(f, " (byte {} of the message)", self.at + HEADER)
    }
}

impl std::error::Error for Malformed {}

/// A tree that the wire cannot carry: a parameter over 65,535 octets or a message over 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    pub layout: &'static str,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is longer than LLRP can carry", self.layout)
    }
}

impl std::error::Error for TooLong {}

/// The name of a parameter type, or its number where the table lacks it.
pub fn parameter_name(number: u16) -> String {
    let layout = match u8::try_from(number) {
        Ok(tv) if tv < 128 => fields::tv_layout(tv),
        _ => fields::tlv_layout(number),
    };
    layout.map_or_else(|| number.to_string(), |layout| layout.name.to_owned())
}

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

    /// The message as it goes over the wire.
    ///
    /// # Errors
    /// [`TooLong`] when a length does not fit its field.
    pub fn encode(&self) -> Result<Vec<u8>, TooLong> {
        let mut out = vec![0; HEADER];
        self.body.write(&mut out)?;
        let number = self.number();
        let length = u32::try_from(out.len()).map_err(|_| TooLong { layout: self.body.layout.name })?;
        let head = u16::from(self.version & 0x07) << 10 | number & 0x03FF;
        out[..2].copy_from_slice(&head.to_be_bytes());
        out[2..6].copy_from_slice(&length.to_be_bytes());
        out[6..HEADER].copy_from_slice(&self.id.to_be_bytes());
        Ok(out)
    }

    /// The message type.
    pub fn number(&self) -> u16 {
        match self.body.layout.place {
            Place::Message(number) => number,
            _ => 1023,
        }
    }
}

impl Parameter {
    /// A message body or parameter with every field 0 or empty.
    ///
    /// # Panics
    /// When the table has no such name: a slip in this crate, found by the first test that builds it.
    pub(crate) fn new(name: &str) -> Parameter {
        let layout = fields::layout_named(name).unwrap_or_else(|| panic!("no LLRP message or parameter {name}"));
        let values = layout.fields.iter().filter_map(|field| empty(*field)).collect();
        Parameter { layout, values, parameters: Vec::new() }
    }

    /// Sets a field.
    ///
    /// # Panics
    /// When the layout has no such field: a slip in this crate, found by the first test that builds it.
    pub(crate) fn set(mut self, field: &str, value: impl Into<Value>) -> Parameter {
        let place = self.place_of(field).unwrap_or_else(|| panic!("{} has no field {field}", self.layout.name));
        self.values[place] = value.into();
        self
    }

    /// Adds a parameter behind those that are there.
    pub(crate) fn with(mut self, inner: Parameter) -> Parameter {
        self.parameters.push(inner);
        self
    }

    /// Adds parameters behind those that are there.
    pub(crate) fn with_all(mut self, inner: impl IntoIterator<Item = Parameter>) -> Parameter {
        self.parameters.extend(inner);
        self
    }

    /// The name in the table.
    pub fn name(&self) -> &'static str {
        self.layout.name
    }

    /// Vendor and subtype of a vendor's own message or parameter.
    pub fn vendor(&self) -> Option<(u32, u32)> {
        match self.layout.place {
            Place::Vendor { vendor, subtype } => Some((vendor, subtype)),
            Place::VendorMessage { vendor, subtype } => Some((vendor, u32::from(subtype))),
            _ => None,
        }
    }

    /// Names and values of the fields, in wire order.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.layout.fields.iter().filter_map(|field| field.name()).zip(&self.values)
    }

    /// The value of a field.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.values.get(self.place_of(field)?)
    }

    /// An unsigned field; `None` when there is no such field or it holds something else.
    pub fn number(&self, field: &str) -> Option<u64> {
        match self.get(field)? {
            Value::Unsigned(number) => Some(*number),
            _ => None,
        }
    }

    /// A text field; empty when there is none.
    pub fn text(&self, field: &str) -> &str {
        match self.get(field) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// The first parameter with this name directly inside this one.
    pub fn find(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|inner| inner.layout.name == name)
    }

    /// Every parameter with this name directly inside this one.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Parameter> {
        self.parameters.iter().filter(move |inner| inner.layout.name == name)
    }

    fn place_of(&self, field: &str) -> Option<usize> {
        self.layout.fields.iter().filter_map(|field| field.name()).position(|name| name == field)
    }

    /// Appends header, fields and inner parameters; a message body has no header of its own.
    fn write(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        let start = out.len();
        let mut has_length = true;
        match self.layout.place {
            Place::Message(_) => has_length = false,
            Place::VendorMessage { vendor, subtype } => {
                has_length = false;
                out.extend(vendor.to_be_bytes());
                out.push(subtype);
            }
            Place::Tv(number) => {
                has_length = false;
                out.push(0x80 | number);
            }
            Place::Tlv(number) => {
                out.extend(number.to_be_bytes());
                out.extend([0, 0]);
            }
            Place::Vendor { vendor, subtype } => {
                out.extend(1023u16.to_be_bytes());
                out.extend([0, 0]);
                out.extend(vendor.to_be_bytes());
                out.extend(subtype.to_be_bytes());
            }
            // Type and Data are the fields; the length stands between them.
            Place::UnknownTlv => {
                let [Value::Unsigned(number), Value::Octets(data)] = self.values.as_slice() else { return Ok(()) };
                out.extend((*number as u16).to_be_bytes());
                out.extend([0, 0]);
                out.extend(data);
            }
            Place::UnknownTv => {
                let [Value::Unsigned(number), Value::Octets(data)] = self.values.as_slice() else { return Ok(()) };
                out.push(0x80 | *number as u8);
                out.extend(data);
                return Ok(());
            }
        }
        if self.layout.place != Place::UnknownTlv {
            self.write_fields(out)?;
        }
        for inner in &self.parameters {
            inner.write(out)?;
        }
        if has_length {
            let length = u16::try_from(out.len() - start).map_err(|_| TooLong { layout: self.layout.name })?;
            out[start + 2..start + 4].copy_from_slice(&length.to_be_bytes());
        }
        Ok(())
    }

    fn write_fields(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        let (mut held, mut used) = (0u8, 0u8);
        let mut values = self.values.iter();
        for field in self.layout.fields {
            let value = if let Field::Reserved(_) = field { None } else { values.next() };
            let number = match value {
                Some(Value::Unsigned(number)) => *number,
                Some(Value::Signed(number)) => *number as u64,
                _ => 0,
            };
            match field {
                Field::U1(_) | Field::U2(_) | Field::Reserved(_) => {
                    let width = match field {
                        Field::U1(_) => 1,
                        Field::U2(_) => 2,
                        Field::Reserved(bits) => *bits,
                        _ => 0,
                    };
                    for bit in (0..width).rev() {
                        held = held << 1 | (number >> bit.min(63) & 1) as u8;
                        used += 1;
                        if used == 8 {
                            out.push(held);
                            (held, used) = (0, 0);
                        }
                    }
                }
                Field::U8(_) | Field::S8(_) => out.push(number as u8),
                Field::U16(_) | Field::S16(_) => out.extend((number as u16).to_be_bytes()),
                Field::U32(_) => out.extend((number as u32).to_be_bytes()),
                Field::U64(_) => out.extend(number.to_be_bytes()),
                Field::U96(_) => {
                    let octets: &[u8] = if let Some(Value::Octets(octets)) = value { octets } else { &[] };
                    out.extend((0..12).map(|place| octets.get(place).copied().unwrap_or(0)));
                }
                Field::BitString(_) => {
                    let Some(Value::Bits { bits, octets }) = value else { return Ok(out.extend([0, 0])) };
                    out.extend(bits.to_be_bytes());
                    let wanted = usize::from(*bits).div_ceil(8);
                    out.extend((0..wanted).map(|place| octets.get(place).copied().unwrap_or(0)));
                }
                Field::Octets(_) => {
                    let octets: &[u8] = if let Some(Value::Octets(octets)) = value { octets } else { &[] };
                    self.write_count(octets.len(), out)?;
                    out.extend(octets);
                }
                Field::Words(_) | Field::DoubleWords(_) => {
                    let numbers: &[u32] = if let Some(Value::Numbers(numbers)) = value { numbers } else { &[] };
                    self.write_count(numbers.len(), out)?;
                    for number in numbers {
                        match field {
                            Field::Words(_) => out.extend((*number as u16).to_be_bytes()),
                            _ => out.extend(number.to_be_bytes()),
                        }
                    }
                }
                Field::Text(_) => {
                    let text: &str = if let Some(Value::Text(text)) = value { text } else { "" };
                    self.write_count(text.len(), out)?;
                    out.extend(text.as_bytes());
                }
                Field::Rest(_) => {
                    if let Some(Value::Octets(octets)) = value {
                        out.extend(octets);
                    }
                }
            }
        }
        Ok(())
    }

    fn write_count(&self, count: usize, out: &mut Vec<u8>) -> Result<(), TooLong> {
        let count = u16::try_from(count).map_err(|_| TooLong { layout: self.layout.name })?;
        out.extend(count.to_be_bytes());
        Ok(())
    }
}

fn empty(field: Field) -> Option<Value> {
    Some(match field {
        Field::Reserved(_) => return None,
        Field::S8(_) | Field::S16(_) => Value::Signed(0),
        Field::U96(_) | Field::Octets(_) | Field::Rest(_) => Value::Octets(Vec::new()),
        Field::BitString(_) => Value::Bits { bits: 0, octets: Vec::new() },
        Field::Words(_) | Field::DoubleWords(_) => Value::Numbers(Vec::new()),
        Field::Text(_) => Value::Text(String::new()),
        _ => Value::Unsigned(0),
    })
}

macro_rules! unsigned {
    ($($number:ty),*) => {$(
        impl From<$number> for Value {
            fn from(number: $number) -> Value {
                Value::Unsigned(u64::from(number))
            }
        }
    )*};
}

unsigned!(bool, u8, u16, u32, u64);

impl From<i16> for Value {
    fn from(number: i16) -> Value {
        Value::Signed(i64::from(number))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<&[u8]> for Value {
    fn from(octets: &[u8]) -> Value {
        Value::Octets(octets.to_vec())
    }
}

impl From<&[u32]> for Value {
    fn from(words: &[u32]) -> Value {
        Value::Numbers(words.to_vec())
    }
}

impl From<&[u16]> for Value {
    fn from(words: &[u16]) -> Value {
        Value::Numbers(words.iter().map(|word| u32::from(*word)).collect())
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
        let &[t0, t1, l0, l1, ..] = left else { return Err(self.flaw(Flaw::Stray)) };
        let number = u16::from_be_bytes([t0, t1]) & 0x03FF;
        let length = u16::from_be_bytes([l0, l1]);
        if length < 4 {
            return Err(self.flaw(Flaw::TooShort { number, length }));
        }
        let Some(whole) = self.take(usize::from(length)) else { return Err(self.flaw(Flaw::Overrun { number })) };
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
