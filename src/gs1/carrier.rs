//! From what a scanner sends or a person types to elements: which notation it is, and then that notation's own reader.

use crate::gs1::fault::{Fault, Wrong};
use crate::gs1::{Elements, GROUP_SEPARATOR, ReadError, Rule, TEXT_MAX, bracketed, element_string, gtin, link, pairs};

/// What is known of where a text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// Nothing: its first characters tell. `]` begins a symbology identifier, `^` stands for FNC1, `(` begins bracketed
    /// text, then come web addresses and bare GTINs.
    Unknown,
    /// A symbol whose symbology identifier `]cm` the driver has parted off.
    Symbol { code: u8, modifier: u8 },
    /// A scanner that sends no identifiers and reads nothing but GS1 symbols.
    ElementString,
}

/// The notation in which a text says what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    ElementString,
    Bracketed,
    Link,
    /// An EAN, UPC or ITF-14 symbol: nothing but a GTIN, and elements only in a composite part beside it.
    Gtin,
    /// A symbol or address that could carry GS1 data in another mode and does not.
    Plain,
}

/// What a text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    pub form: Form,
    /// The GTIN of an EAN, UPC or ITF-14 symbol, with 14 digits.
    pub gtin: Option<String>,
    pub elements: Elements,
    /// What a symbol holds that says the same: the payload as it came, for typed text the element string in its order.
    pub payload: Option<Vec<u8>>,
}

impl Reading {
    /// All that was read, the GTIN of an EAN, UPC or ITF-14 symbol as (01) in front.
    pub fn into_elements(self) -> Elements {
        match self.gtin.and_then(|gtin| Elements::of([("01", gtin.as_str())]).ok()) {
            None => self.elements,
            Some(mut all) => {
                all.list.extend(self.elements.list);
                all
            }
        }
    }

    /// Companions that are not there; see [`pairs::missing`].
    pub fn missing(&self) -> Vec<pairs::Missing> {
        pairs::missing(&self.clone().into_elements())
    }
}

/// Reads a text and holds it to every rule, each part of a composite symbol for itself, as GS1's own engine does.
///
/// # Errors
/// What is wrong, with the byte.
pub fn scan(bytes: &[u8], carrier: Carrier) -> Result<Reading, ReadError> {
    recognise(bytes, carrier, Rule::Strict)
}

/// The elements of a text that holds to every rule; a bare GTIN is the element (01).
///
/// # Errors
/// What is wrong, with the byte; [`ReadError::NotGs1`] also for a sound symbol that carries no GS1 data.
pub fn read(bytes: &[u8], carrier: Carrier) -> Result<Elements, ReadError> {
    let reading = scan(bytes, carrier)?;
    let composite = reading.gtin.is_some() && !reading.elements.is_empty();
    let elements = elements(reading)?;
    if composite {
        // Both parts of a composite symbol are about one thing.
        let beside = composite_at(bytes).map_or(0, |at| at + COMPOSITE.len());
        pairs::check(&elements, |index| if index == 0 { 0 } else { beside })?;
    }
    Ok(elements)
}

/// The elements of a text that an identity can be taken from, whatever else is wrong with it.
///
/// # Errors
/// As [`read`], but see [`element_string::parse_lenient`] and [`link::parse_lenient`] for what is forgiven.
pub fn read_lenient(bytes: &[u8], carrier: Carrier) -> Result<Elements, ReadError> {
    elements(recognise(bytes, carrier, Rule::Lenient)?)
}

fn elements(reading: Reading) -> Result<Elements, ReadError> {
    match reading.into_elements() {
        elements if elements.is_empty() => Err(ReadError::NotGs1),
        elements => Ok(elements),
    }
}

fn recognise(bytes: &[u8], carrier: Carrier, rule: Rule) -> Result<Reading, ReadError> {
    if TEXT_MAX < bytes.len() {
        return Err(ReadError::TooLong { len: bytes.len() });
    }
    match (carrier, bytes) {
        (Carrier::Symbol { code, modifier }, _) => symbol(code, modifier, bytes, rule),
        // Without an identifier some scanners send the first FNC1 as GS too.
        (Carrier::ElementString, [GROUP_SEPARATOR, rest @ ..]) => of_string(rest, rule).map_err(|error| error.moved(1)),
        (Carrier::ElementString, _) => of_string(bytes, rule),
        (Carrier::Unknown, []) => Err(ReadError::Empty),
        (Carrier::Unknown, &[b']', code, modifier, ref payload @ ..]) => {
            symbol(code, modifier, payload, rule).map_err(|error| error.moved(3))
        }
        (Carrier::Unknown, [b'^', rest @ ..]) => {
            if let Some(at) = rest.iter().position(|byte| *byte == GROUP_SEPARATOR) {
                return Err(ReadError::Character { at: at + 1 });
            }
            let string: Vec<u8> = rest.iter().map(|byte| if *byte == b'^' { GROUP_SEPARATOR } else { *byte }).collect();
            of_string(&string, rule).map_err(|error| error.moved(1))
        }
        (Carrier::Unknown, _) => typed(text(bytes)?, rule),
    }
}

fn text(bytes: &[u8]) -> Result<&str, ReadError> {
    std::str::from_utf8(bytes).map_err(|error| ReadError::Character { at: error.valid_up_to() })
}

/// Text that begins neither with an identifier nor with FNC1.
fn typed(text: &str, rule: Rule) -> Result<Reading, ReadError> {
    if text.starts_with('(') {
        let elements = bracketed::parse(text)?;
        let payload = Some(element_string::write_in_order(&elements));
        return Ok(Reading { form: Form::Bracketed, gtin: None, elements, payload });
    }
    if text.contains("://") {
        return address(text, rule);
    }
    match matches!(text.len(), 8 | 12 | 13 | 14) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => bare(text),
        false => Err(ReadError::NotGs1),
    }
}

/// A web address is a Digital Link or wrong; one of another scheme says nothing.
fn address(text: &str, rule: Rule) -> Result<Reading, ReadError> {
    match rule == Rule::Lenient || link::is_web_address(text) {
        false => Ok(plain()),
        true => {
            let elements = link::parse_by(text, rule)?;
            Ok(Reading { form: Form::Link, gtin: None, elements, payload: None })
        }
    }
}

fn plain() -> Reading {
    Reading { form: Form::Plain, gtin: None, elements: Elements::default(), payload: None }
}

/// Digits alone: EAN-13, EAN-8, UPC-A, ITF-14, or else UPC-E.
fn bare(digits: &str) -> Result<Reading, ReadError> {
    let filled = gtin::fill(digits).or_else(|wrong| match gtin::expand_upc_e(digits) {
        Some(upc) => gtin::fill(&upc),
        None => Err(wrong),
    });
    of_gtin(filled)
}

fn of_gtin(filled: Result<String, Wrong>) -> Result<Reading, ReadError> {
    let gtin = filled.map_err(|wrong| ReadError::Gtin { at: wrong.at, fault: wrong.fault })?;
    Ok(Reading { form: Form::Gtin, gtin: Some(gtin), ..plain() })
}

fn of_string(bytes: &[u8], rule: Rule) -> Result<Reading, ReadError> {
    let elements = element_string::parse_by(bytes, rule)?;
    Ok(Reading { form: Form::ElementString, gtin: None, elements, payload: Some(bytes.to_vec()) })
}

/// A symbol by its symbology identifier. Source: ISO/IEC 15424; GS1 General Specifications, section 5.1.2.
fn symbol(code: u8, modifier: u8, payload: &[u8], rule: Rule) -> Result<Reading, ReadError> {
    match (code, modifier) {
        (b'C', b'1') | (b'e', b'0') | (b'd', b'2') | (b'Q', b'3') | (b'J', b'1') => of_string(payload, rule),
        (b'd', b'5') | (b'Q', b'4') | (b'J', b'4') => {
            let string = without_eci(payload);
            of_string(string, rule).map_err(|error| error.moved(payload.len() - string.len()))
        }
        (b'E', b'0') => retail(payload, 13, rule),
        (b'E', b'4') => retail(payload, 8, rule),
        // With an add-on of two or five digits, which says nothing about the thing.
        (b'E', b'3') => match payload.split_at_checked(13) {
            Some((main, [_, _] | [_, _, _, _, _])) => retail(main, 13, rule),
            _ => Err(ReadError::Gtin { at: payload.len(), fault: Fault::Short }),
        },
        (b'I', b'1') if payload.len() == 14 => retail(payload, 14, rule),
        // Nobody checked its digit, so fourteen digits with a wrong one are some other number.
        (b'I', b'0') if payload.len() == 14 => {
            retail(payload, 14, rule).map_err(|_| ReadError::Symbology { code, modifier })
        }
        (b'I', _) if rule == Rule::Lenient => retail(payload, 14, rule),
        (b'Q', b'0'..=b'2') | (b'd', b'0' | b'1' | b'4') | (b'J', b'0' | b'3') | (b'z' | b'L', _) => {
            let text = text(without_eci(payload)).unwrap_or_default();
            match link::is_web_address(text) || (rule == Rule::Lenient && text.contains("://")) {
                true => Ok(Reading { payload: Some(payload.to_vec()), ..address(text, rule)? }),
                false if matches!((code, modifier), (b'Q' | b'd', b'1') | (b'J', b'0')) => Ok(plain()),
                false => Err(ReadError::Symbology { code, modifier }),
            }
        }
        _ if rule == Rule::Lenient => match text(payload) {
            Ok(text) if text.contains("://") => address(text, rule),
            _ => Err(ReadError::Symbology { code, modifier }),
        },
        _ => Err(ReadError::Symbology { code, modifier }),
    }
}

/// A payload without the designator `\000026` of its character set that may stand in front of it.
fn without_eci(payload: &[u8]) -> &[u8] {
    match payload.split_at_checked(7) {
        Some(([b'\\', digits @ ..], rest)) if digits.iter().all(u8::is_ascii_digit) => rest,
        _ => payload,
    }
}

/// What stands between the linear and the 2D part of a composite symbol.
const COMPOSITE: &[u8] = b"|]e0";

fn composite_at(payload: &[u8]) -> Option<usize> {
    payload.windows(COMPOSITE.len()).position(|window| window == COMPOSITE)
}

/// The GTIN of a symbol for tills, and the elements of the composite part beside it. Lenient readers take every length:
/// some scanners leave out the zeros of UPC.
fn retail(payload: &[u8], len: usize, rule: Rule) -> Result<Reading, ReadError> {
    let split = composite_at(payload);
    let main = payload.get(..split.unwrap_or(payload.len())).unwrap_or_default();
    let fault = |fault| ReadError::Gtin { at: main.len().min(len), fault };
    match main.len() {
        found if rule == Rule::Lenient || found == len => {}
        0 => return Err(fault(Fault::Missing)),
        found if found < len => return Err(fault(Fault::Short)),
        _ => return Err(fault(Fault::Long)),
    }
    let mut reading = of_gtin(gtin::fill(text(main)?))?;
    let Some(start) = split.map(|split| split + COMPOSITE.len()) else { return Ok(reading) };
    let beside = payload.get(start..).unwrap_or_default();
    reading.elements = element_string::parse_by(beside, rule).map_err(|error| error.moved(start))?;
    reading.payload = Some(payload.to_vec());
    Ok(reading)
}
