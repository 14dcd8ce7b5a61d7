//! North American coupon codes in AI (8110) and positive offer files in AI (8112): a chain of fields, most of them with
//! their own length in front.
//!
//! Source: North American Coupon Application Guideline Using GS1 DataBar Expanded Symbols; GS1 Barcode Syntax
//! Dictionary, linters `couponcode` and `couponposoffer`.

use crate::gs1::fault::{Fault, Wrong};
use crate::gs1::lint;

/// What of a coupon is still to be read.
struct Fields<'a> {
    digits: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    fn new(value: &'a [u8]) -> Result<Fields<'a>, Wrong> {
        lint::digits(value)?;
        Ok(Fields { digits: value, at: 0 })
    }

    fn rest(&self) -> &'a [u8] {
        self.digits.get(self.at..).unwrap_or_default()
    }

    /// A field of a fixed number of digits.
    fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], Wrong> {
        let field = self.rest().get(..len).ok_or(Wrong { at: self.at, fault: Fault::Coupon { what } })?;
        self.at += len;
        Ok(field)
    }

    /// A digit that is one of `allowed`; its value.
    fn one(&mut self, allowed: &[u8], what: &'static str) -> Result<usize, Wrong> {
        match self.rest().first() {
            Some(digit) if allowed.contains(digit) => {
                self.at += 1;
                Ok(usize::from(digit - b'0'))
            }
            _ => Err(Wrong { at: self.at, fault: Fault::Coupon { what } }),
        }
    }

    /// A length digit and the field of that many digits and `more`.
    fn counted(&mut self, allowed: &[u8], more: usize, what: &'static str) -> Result<(), Wrong> {
        let len = self.one(allowed, what)?;
        self.take(len + more, what).map(drop)
    }

    /// Whether the optional field of this number follows; its number is stepped over.
    fn begins(&mut self, number: u8) -> bool {
        let begins = self.rest().first() == Some(&number);
        self.at += usize::from(begins);
        begins
    }

    /// A further purchase: requirement, its code, the family and the company that is meant (9: the one of the first).
    fn purchase(&mut self, what: &'static str) -> Result<(), Wrong> {
        self.counted(b"12345", 0, what)?;
        self.one(b"012349", what)?;
        self.take(3, what)?;
        match self.one(b"01234569", what)? {
            9 => Ok(()),
            len => self.take(len + 6, what).map(drop),
        }
    }

    fn date(&mut self, what: &'static str) -> Result<&'a [u8], Wrong> {
        let at = self.at;
        let date = self.take(6, what)?;
        lint::date(date, lint::Day::Given).map_err(|_| Wrong { at, fault: Fault::Coupon { what } })?;
        Ok(date)
    }

    fn end(&self) -> Result<(), Wrong> {
        match self.rest() {
            [] => Ok(()),
            _ => Err(Wrong { at: self.at, fault: Fault::Coupon { what: "end" } }),
        }
    }
}

/// Any digit.
const ANY: &[u8] = b"0123456789";

/// Checks the value of AI (8110).
pub(super) fn code(value: &[u8]) -> Result<(), Wrong> {
    let mut fields = Fields::new(value)?;
    fields.counted(b"0123456", 6, "company prefix")?;
    fields.take(6, "offer code")?;
    fields.counted(b"12345", 0, "save value")?;
    fields.counted(b"12345", 0, "first purchase")?;
    fields.one(b"012349", "first purchase")?;
    fields.take(3, "first purchase family")?;
    if fields.begins(b'1') {
        fields.one(b"0123", "additional purchase rules")?;
        fields.purchase("second purchase")?;
    }
    if fields.begins(b'2') {
        fields.purchase("third purchase")?;
    }
    let expires = match fields.begins(b'3') {
        true => Some(fields.date("expiration date")?),
        false => None,
    };
    if fields.begins(b'4') {
        let at = fields.at;
        let starts = fields.date("start date")?;
        if expires.is_some_and(|expires| expires < starts) {
            return Err(Wrong { at, fault: Fault::Coupon { what: "start date" } });
        }
    }
    if fields.begins(b'5') {
        fields.counted(ANY, 6, "serial number")?;
    }
    if fields.begins(b'6') {
        fields.counted(b"1234567", 6, "retailer")?;
    }
    if fields.begins(b'9') {
        fields.one(b"01256", "save value code")?;
        fields.one(b"012", "item that the save value applies to")?;
        fields.one(ANY, "store coupon flag")?;
        fields.one(b"01", "flag against multiplying")?;
    }
    fields.end()
}

/// Checks the value of AI (8112).
pub(super) fn positive_offer(value: &[u8]) -> Result<(), Wrong> {
    let mut fields = Fields::new(value)?;
    fields.one(b"01", "format code")?;
    fields.counted(b"0123456", 6, "funder")?;
    fields.take(6, "offer code")?;
    fields.counted(ANY, 6, "serial number")?;
    fields.end()
}
