//! Sartorius SBI (often 1200 7O1, CR LF): lines of 16 characters, or of 22 with an identification in front.
//!
//! `+ 150.1177 g  `: sign, value right aligned, space, unit. The unit is blank while the weight moves. Commands are `ESC`
//! and a letter: P print, T tare and zero, U tare, V zero.
//! Source: Sartorius MC1, Master and Cubis MSE manuals, sections "data interface".

use crate::device::Cut;
use crate::event::Steady;
use crate::scale::exact::Amount;
use crate::scale::lines;
use crate::scale::message::{Message, Refusal, Shown, Unit};

/// Characters of a line without CR and LF.
const WIDTH: usize = 14;
const ID_WIDTH: usize = 6;
/// Where the unit begins.
const UNIT_AT: usize = 11;

/// `ESC P`: print what the display shows.
pub const PRINT: &[u8] = b"\x1bP\r\n";
/// `ESC V`: zero.
pub const ZERO: &[u8] = b"\x1bV\r\n";
/// `ESC U`: tare.
pub const TARE: &[u8] = b"\x1bU\r\n";

pub(super) fn cut(bytes: &[u8]) -> Cut {
    lines::cut_whole(bytes, parse)
}

/// One line, with or without its end.
///
/// # Errors
/// What is wrong with it.
pub fn parse(line: &[u8]) -> Result<Message, String> {
    let text = lines::bare(line);
    let (id, text) = match text.len().checked_sub(WIDTH) {
        Some(0) => (&b""[..], text),
        Some(ID_WIDTH) => text.split_at(ID_WIDTH),
        _ => {
            return Err(format!("the line {} has {} characters: SBI sends 14 or 20", lines::quoted(line), text.len()));
        }
    };
    if let Some(told) = special(id, text) {
        return Ok(told);
    }
    shown(id, text).map(Message::Shown).ok_or_else(|| format!("no weight in {}", lines::quoted(line)))
}

/// What stands in place of a weight.
fn special(id: &[u8], text: &[u8]) -> Option<Message> {
    let words = text.trim_ascii();
    let named = id.trim_ascii_end() == b"Stat";
    match words {
        b"H" | b"HH" | b"High" | b"HIGH" => Some(Message::Over),
        b"L" | b"LL" | b"Low" | b"LOW" => Some(Message::Under),
        [b'E' | b'e', b'R' | b'r', b'R' | b'r', ..] => {
            Some(Message::Refused(Refusal::Error(String::from_utf8_lossy(words).into_owned())))
        }
        // Adjusting, off, or nothing to show.
        b"" | b"C" | b"--" => Some(Message::NotNow { command: "P".into() }),
        _ if named => Some(Message::Refused(Refusal::Error(String::from_utf8_lossy(words).into_owned()))),
        _ => None,
    }
}

fn shown(id: &[u8], text: &[u8]) -> Option<Shown> {
    let (value, unit) = text.split_at_checked(UNIT_AT)?;
    if !matches!(value, [b'+' | b'-' | b' ', .., b' ']) {
        return None;
    }
    let unit = Unit::parse(unit);
    let steady = if unit == Unit::Unsaid { Steady::No } else { Steady::Yes };
    let net = id.trim_ascii_end() == b"N";
    Some(Shown { amount: Amount::parse(value)?, unit, steady, net })
}
