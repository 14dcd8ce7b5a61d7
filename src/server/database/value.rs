//! What goes into and comes out of a statement: integers, texts and bytes, nothing else.

use std::sync::Arc;

use crate::hex::Hex;
use crate::quantity::Moment;
use crate::server::database::DatabaseError;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl Value {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Int(_) => "an integer",
            Value::Text(_) => "a text",
            Value::Blob(_) => "bytes",
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Int(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Value {
        Value::Int(i64::from(number))
    }
}

/// Numbers above `i64::MAX` are never handed out by this program and are refused where they come in; here they saturate.
impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Value {
        Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Value {
        Value::Int(i64::from(yes))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Value {
        Value::Text(text.clone())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Value {
        Value::Blob(bytes)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Value {
        Value::Blob(bytes.to_vec())
    }
}

impl<const N: usize> From<Hex<N>> for Value {
    fn from(hex: Hex<N>) -> Value {
        Value::Blob(hex.0.to_vec())
    }
}

impl From<Moment> for Value {
    fn from(at: Moment) -> Value {
        Value::Int(at.0)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

/// One row of a result.
#[derive(Clone, Debug)]
pub struct Row {
    names: Arc<[String]>,
    values: Vec<Value>,
}

impl Row {
    pub(super) fn new(names: Arc<[String]>, values: Vec<Value>) -> Row {
        Row { names, values }
    }

    pub fn values(&self) -> &[Value] {
        &self.values
    }

    fn wrong(&self, index: usize, wanted: &'static str) -> DatabaseError {
        let name = self.names.get(index).cloned().unwrap_or_else(|| "there is none".into());
        let found = self.values.get(index).map_or("no column", Value::word);
        DatabaseError::Column { index, name, wanted, found }
    }

    /// # Errors
    /// The column holds something else, or there is no such column. The same for all readers below.
    pub fn int(&self, index: usize) -> Result<i64, DatabaseError> {
        match self.values.get(index) {
            Some(Value::Int(number)) => Ok(*number),
            _ => Err(self.wrong(index, "an integer")),
        }
    }

    /// # Errors
    /// As [`Row::int`].
    pub fn opt_int(&self, index: usize) -> Result<Option<i64>, DatabaseError> {
        match self.values.get(index) {
            Some(Value::Null) => Ok(None),
            _ => self.int(index).map(Some),
        }
    }

    /// A number that is never negative.
    ///
    /// # Errors
    /// As [`Row::int`], or the number is negative.
    pub fn count(&self, index: usize) -> Result<u64, DatabaseError> {
        u64::try_from(self.int(index)?).map_err(|_| self.wrong(index, "a number from zero"))
    }

    /// The number of a person or a terminal.
    ///
    /// # Errors
    /// As [`Row::int`], or the number does not fit.
    pub fn number(&self, index: usize) -> Result<u32, DatabaseError> {
        u32::try_from(self.int(index)?).map_err(|_| self.wrong(index, "a number of 32 bits"))
    }

    /// # Errors
    /// As [`Row::number`].
    pub fn opt_number(&self, index: usize) -> Result<Option<u32>, DatabaseError> {
        match self.values.get(index) {
            Some(Value::Null) => Ok(None),
            _ => self.number(index).map(Some),
        }
    }

    /// # Errors
    /// As [`Row::int`].
    pub fn flag(&self, index: usize) -> Result<bool, DatabaseError> {
        Ok(self.int(index)? != 0)
    }

    /// # Errors
    /// As [`Row::int`].
    pub fn moment(&self, index: usize) -> Result<Moment, DatabaseError> {
        self.int(index).map(Moment)
    }

    /// # Errors
    /// As [`Row::int`].
    pub fn opt_moment(&self, index: usize) -> Result<Option<Moment>, DatabaseError> {
        Ok(self.opt_int(index)?.map(Moment))
    }

    /// # Errors
    /// As [`Row::int`].
    pub fn text(&self, index: usize) -> Result<&str, DatabaseError> {
        match self.values.get(index) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(self.wrong(index, "a text")),
        }
    }

    /// # Errors
    /// As [`Row::int`].
    pub fn opt_text(&self, index: usize) -> Result<Option<&str>, DatabaseError> {
        match self.values.get(index) {
            Some(Value::Null) => Ok(None),
            _ => self.text(index).map(Some),
        }
    }

    /// # Errors
    /// As [`Row::int`].
    pub fn blob(&self, index: usize) -> Result<&[u8], DatabaseError> {
        match self.values.get(index) {
            Some(Value::Blob(bytes)) => Ok(bytes),
            _ => Err(self.wrong(index, "bytes")),
        }
    }

    /// # Errors
    /// As [`Row::int`], or the length is not `N`.
    pub fn hex<const N: usize>(&self, index: usize) -> Result<Hex<N>, DatabaseError> {
        Ok(Hex(self.blob(index)?.try_into().map_err(|_| self.wrong(index, "bytes of the right length"))?))
    }

    /// # Errors
    /// As [`Row::hex`].
    pub fn opt_hex<const N: usize>(&self, index: usize) -> Result<Option<Hex<N>>, DatabaseError> {
        match self.values.get(index) {
            Some(Value::Null) => Ok(None),
            _ => self.hex(index).map(Some),
        }
    }
}
