//! The "+" schemes: application identifiers one after the other, and further data behind them.
//!
//! Source: GS1 EPC Tag Data Standard 2.2, section 15 (layout, +AIDC data), 14.5.3 (prioritised date).

use super::bits::{Reader, Writer};
use super::coding::Coding;
use super::elements::Element;
use super::fault::{BadValue, Fault, Unfit};
use super::key::{Key, element};
use super::scheme::Scheme;
use super::table_f::{ai_len, codings};

/// AIs of the date of a DSGTIN+ by the number that stands for them.
const DATES: [&str; 7] = ["11", "13", "15", "16", "17", "7006", "7007"];

/// Fewer bits than an SSCC has are no value behind the AI 00, but the zeros at the end.
const SSCC_BITS: usize = 72;

/// What a "+" scheme carries beside its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct More {
    /// The date of a DSGTIN+ first.
    pub data: Vec<Element>,
    pub unread: Option<Unread>,
}

/// Data behind the key that could not be read. The key stands nevertheless: a new AI must not hide it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    pub why: Fault,
    bits: Writer,
}

/// Reads a "+" scheme; the reader stands behind the header.
pub(super) fn read(
    scheme: Scheme,
    dated: bool,
    ais: &[&str],
    bits: usize,
    reader: &mut Reader,
) -> Result<(u8, Key, More), Fault> {
    let short = Fault::TooShort { scheme, bits };
    let toggle = reader.take(1).ok_or(short.clone())?;
    let filter = reader.take(3).ok_or(short.clone())? as u8;
    let mut more = More::default();
    if dated {
        let at = reader.at();
        let kind = reader.take(4).ok_or(short)? as usize;
        let ai = DATES.get(kind).ok_or(Fault::Character { what: "kind of date", at, code: kind as u8 })?;
        more.data.push(value(reader, ai, Coding::Date, None)?);
    }
    let at = reader.at();
    let mut elements = Vec::with_capacity(2);
    for ai in ais {
        let (first, rest) = codings(ai).ok_or_else(|| Fault::Ai { ai: (*ai).to_owned(), at })?;
        elements.push(value(reader, ai, first, rest)?);
    }
    let (key, _) = Key::of_elements(&elements).map_err(|why| Fault::Key { at, why })?;
    if toggle == 1 {
        behind(reader, &mut more);
    }
    Ok((filter, key, more))
}

/// Reads data to the end, or to what cannot be read.
fn behind(reader: &mut Reader, more: &mut More) {
    // Long memories end in zeros, which would otherwise read as SSCCs of zeros.
    while reader.clone().first_one(reader.left()).is_some() {
        let start = reader.clone();
        match next(reader) {
            Ok(element) => more.data.push(element),
            Err(why) => {
                *reader = start;
                let mut bits = Writer::default();
                while let Some(bit) = reader.take(1) {
                    bits.push(u128::from(bit), 1);
                }
                more.unread = Some(Unread { why, bits });
                return;
            }
        }
    }
}

fn next(reader: &mut Reader) -> Result<Element, Fault> {
    let at = reader.at();
    let mut ai = String::new();
    let mut len = 2;
    while ai.len() < len {
        let unknown = |ai: &str| Fault::Ai { ai: ai.to_owned(), at };
        let digit = reader.take(4).and_then(|digit| char::from_digit(digit as u32, 10)).ok_or(unknown(&ai))?;
        ai.push(digit);
        if ai.len() == 2 {
            len = ai_len(&ai).ok_or(unknown(&ai))?;
        }
    }
    let known = codings(&ai).filter(|_| ai != "00" || SSCC_BITS <= reader.left());
    let (first, rest) = known.ok_or_else(|| Fault::Ai { ai: ai.clone(), at })?;
    value(reader, &ai, first, rest)
}

fn value(reader: &mut Reader, ai: &str, first: Coding, rest: Option<Coding>) -> Result<Element, Fault> {
    let at = reader.at();
    let mut value = String::new();
    let mut read = first.read(reader, &mut value);
    if read.is_ok() && value.is_empty() {
        read = Err(BadValue::Empty);
    }
    if let (Ok(()), Some(rest)) = (read, rest) {
        read = rest.read(reader, &mut value);
    }
    match read {
        Ok(()) => Ok(Element { ai: ai.to_owned(), value }),
        Err(why) => Err(Fault::Value { ai: ai.to_owned(), at, why }),
    }
}

/// Writes what stands behind the header.
pub(super) fn write(
    scheme: Scheme,
    dated: bool,
    ais: &[&str],
    filter: u8,
    key: &Key,
    more: &More,
    writer: &mut Writer,
) -> Result<(), Unfit> {
    if key.kind() != scheme.kind() {
        return Err(Unfit::OtherKey { scheme, key: key.kind().name() });
    }
    let mut data = more.data.as_slice();
    let mut date = None;
    if dated {
        let (first, rest) = data.split_first().ok_or(Unfit::NoDate)?;
        let kind = DATES.iter().position(|ai| *ai == first.ai).ok_or(Unfit::NoDate)?;
        (date, data) = (Some((kind, first)), rest);
    }
    writer.push(u128::from(!data.is_empty() || more.unread.is_some()), 1);
    writer.push(u128::from(filter), 3);
    if let Some((kind, first)) = date {
        writer.push(kind as u128, 4);
        push(scheme, first, Coding::Date, None, writer)?;
    }
    let mut elements = key.elements();
    if elements.len() < ais.len() {
        // A place without extension.
        elements.push(element("254", 0));
    }
    for element in &elements {
        let (first, rest) = codings(&element.ai).ok_or_else(|| Unfit::Ai { ai: element.ai.clone() })?;
        push(scheme, element, first, rest, writer)?;
    }
    for element in data {
        let (first, rest) = codings(&element.ai).ok_or_else(|| Unfit::Ai { ai: element.ai.clone() })?;
        for digit in element.ai.bytes() {
            writer.push(u128::from(digit & 15), 4);
        }
        push(scheme, element, first, rest, writer)?;
    }
    if let Some(unread) = &more.unread {
        writer.append(&unread.bits);
    }
    Ok(())
}

fn push(
    scheme: Scheme,
    element: &Element,
    first: Coding,
    rest: Option<Coding>,
    writer: &mut Writer,
) -> Result<(), Unfit> {
    let whole = element.value.as_str();
    let written = match (rest, first.characters()) {
        _ if whole.is_empty() => Err(BadValue::Empty),
        (Some(rest), Some(count)) => match whole.split_at_checked(count) {
            Some((start, end)) => first.write(writer, start).and_then(|()| rest.write(writer, end)),
            None => Err(BadValue::Exactly(count)),
        },
        _ => first.write(writer, whole),
    };
    written.map_err(|why| Unfit::Value { scheme, ai: element.ai.clone(), why })
}
