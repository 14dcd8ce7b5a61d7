//! OHAUS print format (9600 8N1, CR LF).
//!
//! The value right aligned, the unit, `?` while it moves, and a legend: `     53.98 g      `, `12.34 g ?`, `1520.5 kg  N`.
//! The rest of a line looks like a line, so lines count as a whole only.
//! Source: int-brain-lab/iblrig scale.py; OHAUS Scout and Adventurer manuals.

use crate::device::Cut;
use crate::event::Steady;
use crate::scale::exact::Amount;
use crate::scale::lines;
use crate::scale::message::{Message, Refusal, Shown, Unit};

pub(super) fn cut(bytes: &[u8]) -> Cut {
    lines::cut_whole(bytes, parse)
}

/// One line, with or without its end.
///
/// # Errors
/// What is wrong with it.
pub fn parse(line: &[u8]) -> Result<Message, String> {
    let text = lines::bare(line).trim_ascii();
    match text {
        b"OK!" => return Ok(Message::Accepted { command: String::new() }),
        b"ES" => return Ok(Message::Refused(Refusal::Syntax)),
        b"OL" | b"Err8.3" | b"Err 8.3" | b"Over load" => return Ok(Message::Over),
        b"UL" | b"Err8.4" | b"Err 8.4" | b"Under load" => return Ok(Message::Under),
        [b'E', b'r', b'r', ..] => {
            return Ok(Message::Refused(Refusal::Error(String::from_utf8_lossy(text).into_owned())));
        }
        _ => (),
    }
    shown(text).map(Message::Shown).ok_or_else(|| format!("no weight in {}", lines::quoted(line)))
}

fn shown(text: &[u8]) -> Option<Shown> {
    let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let mut value = words.next()?.to_vec();
    let mut next = words.next();
    if matches!(value.as_slice(), b"-" | b"+") {
        value.extend_from_slice(next?);
        next = words.next();
    }
    let unit = match next {
        Some(b"?" | b"N" | b"G" | b"T" | b"NET") | None => Unit::Unsaid,
        Some(unit) => {
            next = words.next();
            Unit::parse(unit)
        }
    };
    let (mut steady, mut net) = (Steady::Yes, false);
    for word in next.into_iter().chain(words) {
        match word {
            b"?" => steady = Steady::No,
            b"N" | b"NET" => net = true,
            b"G" | b"T" | b"PT" => (),
            _ => return None,
        }
    }
    Some(Shown { amount: Amount::parse(&value)?, unit, steady, net })
}
