//! Any LLRP message as a tree of named fields, and back to the same bytes.
//!
//! This is the general road: requests, answers, events, and what `decode` shows a person. Tag reports at full speed
//! take [`super::report`] instead. What the table lacks is kept as octets under `Unknown` or `UnknownTV`.

mod decode;
mod encode;

use std::fmt;

use super::fields::{self, Field, Layout, Place};
use super::frame::HEADER;

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
            Flaw::UnknownMessage(number) => {
                return write!(f, "message type {number} is not in LLRP 1.1");
            }
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
