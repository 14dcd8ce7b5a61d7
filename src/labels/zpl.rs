//! ZPL II: what Zebra printers and most others of the trade read.
//!
//! Texts are sent as graphics, because printers lack Chinese letters and their Latin ones differ. Codes are sent as the printer's
//! own commands where any encoder must come to the size of the layout ([`Symbol::settled`]); the others as graphics, since a
//! printer that chose a larger symbol would print over its neighbours. Sources: ZPL II Programming Guide (^BC, ^BQ, ^BX,
//! ^FH, ^GB, ^GF, ^HV), RFID Programming Guide (^RS, ^RF).

use std::fmt::Write;

use crate::gs1::GROUP_SEPARATOR;
use crate::hex;
use crate::labels::bits::{Area, Bits};
use crate::labels::layout::{CodeMark, Layout, Mark};
use crate::labels::symbols::code128::{self, CODE_B, CODE_C, FNC1, START_C};
use crate::labels::symbols::{Kind, Symbol};
use crate::labels::{COPIES_MAX, LabelError};

/// Widest module that the codes of every firmware take, in dots.
const MODULE_MAX: u32 = 10;

/// Longest EPC in bytes: what the length of a tag's protocol control word can say.
const EPC_MAX: usize = 62;

/// The label as a format for the printer. With an EPC the printer writes it into the tag of the label, reads it back and sends
/// `EPC=` and its hex digits on the same connection; a tag that cannot be written is printed over with VOID and the next label
/// is taken, three at most.
///
/// # Errors
/// More copies than allowed, an EPC that no tag holds, or copies of one EPC.
pub fn render(layout: &Layout, copies: u32, epc: Option<&[u8]>) -> Result<Vec<u8>, LabelError> {
    if copies < 1 || COPIES_MAX < copies || epc.is_some() && copies != 1 {
        return Err(if epc.is_some() { LabelError::EpcCopies(copies) } else { LabelError::Copies(copies) });
    }
    let mut text = format!("^XA^CI28^LH0,0^PW{}^LL{}\n", layout.width, layout.height);
    if let Some(epc) = epc {
        text += &write_epc(epc)?;
        text += &read_back(epc);
    }
    for mark in &layout.marks {
        text += &match mark {
            Mark::Rule(area) => rule(*area),
            Mark::Text(mark) => graphic(&mark.dots, mark.dots_area.x, mark.dots_area.y),
            Mark::Code(mark) => code(mark),
        };
        text.push('\n');
    }
    let _ = writeln!(text, "^PQ{copies}^XZ");
    Ok(text.into_bytes())
}

/// Field data: `^`, `~`, `_` and everything but printable ASCII as `_` and two hex digits.
pub fn field(text: &str) -> String {
    let mut field = "^FH_^FD".to_owned();
    for byte in text.bytes() {
        match byte {
            b'^' | b'~' | b'_' => field += &format!("_{byte:02X}"),
            b' '..=b'~' => field.push(char::from(byte)),
            _ => field += &format!("_{byte:02X}"),
        }
    }
    field + "^FS"
}

/// Writes an EPC into the tag of the label: Gen2, three labels tried, from word 2 of the EPC bank. Another length than the 96 bits
/// that new tags have needs the protocol control word before it, whose upper five bits count the words.
///
/// # Errors
/// A length that no tag holds.
pub fn write_epc(epc: &[u8]) -> Result<String, LabelError> {
    let bytes = epc.len();
    let words = u8::try_from(bytes / 2).unwrap_or_default();
    if bytes == 0 || EPC_MAX < bytes || !bytes.is_multiple_of(2) {
        return Err(LabelError::Epc { bytes });
    }
    let digits = hex::encode(epc).to_uppercase();
    Ok(match bytes {
        12 => format!("^RS8,,,3^RFW,H,2,12,1^FD{digits}^FS\n"),
        _ => format!("^RS8,,,3^RFW,H,1,{},1^FD{:02X}00{digits}^FS\n", bytes + 2, words << 3),
    })
}

/// Reads the EPC back and sends it to whoever printed, once a label.
fn read_back(epc: &[u8]) -> String {
    format!("^FN1^RFR,H,2,{},1^FS^FH_^HV1,{},EPC=,_0D_0A,L^FS\n", epc.len(), 2 * epc.len())
}

fn rule(area: Area) -> String {
    let Area { x, y, width, height } = area;
    format!("^FO{x},{y}^GB{width},{height},{}^FS", width.min(height))
}

fn code(mark: &CodeMark) -> String {
    let Area { x, y, height, .. } = mark.area;
    let module = mark.module;
    match native(&mark.symbol, module, height) {
        // A QR code sinks by the height of the bars that were set last, so that height is set to one dot.
        Some(command) if mark.symbol.kind == Kind::Qr => format!("^BY2,3,1^FO{x},{}{command}", y.saturating_sub(1)),
        Some(command) if mark.symbol.is_bars() => format!("^BY{module},3,{height}^FO{x},{y}{command}"),
        Some(command) => format!("^FO{x},{y}{command}"),
        None => graphic(&mark.dots(), x, y),
    }
}

/// The printer's own command for a symbol; `None` when it cannot promise the same symbol.
fn native(symbol: &Symbol, module: u32, height: u32) -> Option<String> {
    if !symbol.settled || MODULE_MAX < module {
        return None;
    }
    let text = symbol.message.text.as_str();
    match symbol.kind {
        Kind::Qr => Some(qr(text, module)),
        Kind::DataMatrix => data_matrix(text, symbol.message.gs1, module),
        Kind::Code128 => Some(format!("^BCN,{height},N,N,N,N{}", field(&code128_data(symbol)?))),
        // Printers draw the guard bars of an EAN longer than the others, over our digits.
        Kind::Ean => None,
    }
}

/// A QR code of level M whose segments the printer chooses.
pub fn qr(text: &str, module: u32) -> String {
    format!("^BQN,2,{module}{}", field(&format!("MA,{text}")))
}

/// A Data Matrix ECC 200. The escape character is always named, since manuals differ on what it is otherwise; `_1` is FNC1.
/// `None` for `^` and `~`, which would need hex digits beside it, and for `_`, which not every printer takes doubled.
pub fn data_matrix(text: &str, gs1: bool, module: u32) -> Option<String> {
    if text.contains(['^', '~', '_']) {
        return None;
    }
    let data = text.replace(char::from(GROUP_SEPARATOR), "_1");
    Some(format!("^BXN,{module},200,,,,_^FD{}{data}^FS", if gs1 { "_1" } else { "" }))
}

/// Code 128 in the code set that the layout has; `None` when it has both, because not every printer changes at the same place.
fn code128_data(symbol: &Symbol) -> Option<String> {
    let mut values = code128::characters(&symbol.message)?.into_iter();
    let pairs = values.next()? == START_C;
    let mut data = if pairs { ">;" } else { ">:" }.to_owned();
    for value in values {
        match value {
            FNC1 => data += ">8",
            CODE_B | CODE_C => return None,
            value if pairs => data += &format!("{value:02}"),
            // `>` leads the codes of the command itself.
            value => match char::from(b' '.saturating_add(value)) {
                '>' => data += ">0",
                letter => data.push(letter),
            },
        }
    }
    Some(data)
}

/// Dots as a graphic field in the printer's own packing.
fn graphic(dots: &Bits, x: u32, y: u32) -> String {
    let row_bytes = dots.row_bytes();
    let total = row_bytes * dots.height() as usize;
    if total == 0 {
        return String::new();
    }
    format!("^FO{x},{y}^GFA,{total},{total},{row_bytes},{}^FS", packed(dots))
}

/// Hex digits with runs: `G` to `Y` repeat the next digit 1 to 19 times, `g` to `z` 20 to 400 times, a comma fills the row with
/// white, a colon repeats the row before. The sign `!`, which is said to fill a row with ones, is left out: some take that for the
/// hex digit 1.
fn packed(dots: &Bits) -> String {
    let mut text = String::new();
    let mut before: Option<&[u8]> = None;
    for row in dots.rows() {
        if before == Some(row) {
            text.push(':');
        } else {
            pack_row(row, &mut text);
        }
        before = Some(row);
    }
    text
}

fn pack_row(row: &[u8], text: &mut String) {
    let digits: Vec<char> = hex::encode(row).to_uppercase().chars().collect();
    for run in digits.chunk_by(|one, other| one == other) {
        let digit = run.first().copied().unwrap_or('0');
        let last = std::ptr::eq(run.as_ptr_range().end, digits.as_ptr_range().end);
        match digit {
            '0' if last => text.push(','),
            digit => {
                let mut left = run.len();
                while 20 <= left {
                    let twenties = left.min(400) / 20;
                    text.push(letter(b'g', twenties));
                    left -= 20 * twenties;
                }
                // A single digit needs no count, but one behind a count of twenties does not either.
                if 1 < left || left == 1 && 20 < run.len() {
                    text.push(letter(b'G', left));
                }
                text.push(digit);
            }
        }
    }
}

/// The letter that stands for a count: the first for one.
fn letter(first: u8, count: usize) -> char {
    char::from(first.saturating_add(u8::try_from(count.saturating_sub(1)).unwrap_or_default()))
}
