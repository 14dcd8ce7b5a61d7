//! What GS1 codes mean: element strings, bracketed text, Digital Links and bare GTINs in, elements with exact values out,
//! and back again.
//!
//! Everything follows from the GS1 Barcode Syntax Dictionary beside this file (`table.rs`). [`read`] takes what a scanner
//! sent or a person typed and holds it to every rule; [`read_lenient`] gets an identity out of what a shop in the street
//! prints, and says of each element whether it is to be believed.
//!
//! Source: GS1 General Specifications, sections 3 and 7; GS1 Digital Link Standard, URI Syntax; GS1 Barcode Syntax
//! Dictionary and Engine (the order of the checks).

pub mod bracketed;
mod carrier;
pub mod check;
mod codes;
mod coupon;
pub mod element_string;
mod error;
pub mod fault;
pub mod gtin;
pub mod key;
pub mod link;
pub mod lint;
pub mod meaning;
pub mod pairs;
pub mod prefix;
pub mod table;

use std::fmt;

pub use carrier::{Carrier, Form, Reading, read, read_lenient, scan};
pub use check::{digit as check_digit, holds as check_digit_holds};
pub use error::ReadError;

use crate::gs1::table::Row;

/// FNC1 as scanners transmit it between elements.
pub const GROUP_SEPARATOR: u8 = 0x1d;

/// Longest text that is read, in bytes: the largest Data Matrix and QR symbols hold less, and so does a web address that
/// anybody prints.
pub const TEXT_MAX: usize = 8_191;

/// Most elements of one text.
pub const ELEMENTS_MAX: usize = 64;

/// An application identifier as it was read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ai {
    /// The value holds to all rules of its row.
    Known(&'static Row),
    /// The value does not hold, or does not stand where it belongs; only lenient reading keeps it.
    Doubtful(&'static Row),
    /// The dictionary has no such AI; only lenient reading keeps it. Two to four digits.
    Unknown([u8; 4]),
}

impl Ai {
    /// Its digits.
    pub fn digits(&self) -> &str {
        match self {
            Ai::Known(row) | Ai::Doubtful(row) => &row.ai,
            Ai::Unknown(digits) => std::str::from_utf8(digits).unwrap_or_default().trim_end_matches('\0'),
        }
    }

    /// What the dictionary says of it, unless the value is in doubt.
    pub fn row(&self) -> Option<&'static Row> {
        match self {
            Ai::Known(row) => Some(row),
            Ai::Doubtful(_) | Ai::Unknown(_) => None,
        }
    }

    /// An AI that the dictionary does not have; more than four digits are cut off.
    fn unknown(digits: &[u8]) -> Ai {
        let mut kept = [0; 4];
        kept.iter_mut().zip(digits).for_each(|(kept, digit)| *kept = *digit);
        Ai::Unknown(kept)
    }
}

impl fmt::Debug for Ai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Ai::Known(_) => "Known",
            Ai::Doubtful(_) => "Doubtful",
            Ai::Unknown(_) => "Unknown",
        };
        write!(f, "{name}({})", self.digits())
    }
}

impl fmt::Display for Ai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digits())
    }
}

/// One application identifier with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    pub ai: Ai,
    /// Without separators, escapes and percent-encoding.
    pub value: String,
}

/// Elements in the order in which they were read. Two lists are equal when they have the same elements in the same order.
#[derive(Clone, Debug, Default)]
pub struct Elements {
    list: Vec<Element>,
    /// How many of the first ones stood in the path of a Digital Link; another link to the same thing begins with them.
    path: usize,
}

impl PartialEq for Elements {
    fn eq(&self, other: &Elements) -> bool {
        self.list == other.list
    }
}

impl Eq for Elements {}

impl Elements {
    /// Elements from AIs and values, all of them checked.
    ///
    /// # Errors
    /// The first AI or value that does not hold, with its place in that AI or value; or a pair that must not be.
    pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Elements, ReadError> {
        let mut elements = Elements::default();
        for (ai, value) in pairs {
            let row = table::row(ai.as_bytes()).ok_or_else(|| ReadError::unknown_ai(0, ai.as_bytes()))?;
            row.check(value.as_bytes()).map_err(|wrong| ReadError::value(&row.ai, 0, wrong))?;
            elements.push(Ai::Known(row), value.as_bytes(), 0)?;
        }
        pairs::check(&elements, |_| 0)?;
        Ok(elements)
    }

    /// The first value of that AI which is not in doubt.
    pub fn get(&self, ai: &str) -> Option<&str> {
        let known = |element: &&Element| element.ai.row().is_some_and(|row| row.ai == ai);
        self.list.iter().find(known).map(|element| element.value.as_str())
    }

    /// The first element that is a primary key: what the whole is about.
    pub fn key(&self) -> Option<&Element> {
        self.list.iter().find(|element| element.ai.row().is_some_and(|row| row.qualifiers.is_some()))
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Element> {
        self.list.iter()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// `at` is where the element begins in what is read.
    fn push(&mut self, ai: Ai, value: &[u8], at: usize) -> Result<(), ReadError> {
        if self.list.len() == ELEMENTS_MAX {
            return Err(ReadError::TooMany { at });
        }
        self.list.push(Element { ai, value: String::from_utf8_lossy(value).into_owned() });
        Ok(())
    }
}

impl<'a> IntoIterator for &'a Elements {
    type Item = &'a Element;
    type IntoIter = std::slice::Iter<'a, Element>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

/// How much is forgiven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Strict,
    Lenient,
}
