//! Mettler-Toledo MT-SICS, level 0 and 1 (9600 8N1, CR LF).
//!
//! `S S     100.00 g`: command, status, the value right aligned in 10 characters, the unit. One
//! balance keeps one width, so the session drops a line that came shorter than the ones before: it lost a byte. Status: `S` steady, `D`
//! moving, `I` not now, `+` and `-` over and under. `ES`, `ET` and `EL` answer what cannot be understood.
//! Source: Mettler-Toledo reference manual MT-SICS (AL-IC, AT); github.com/Atlantis-Software/mt-sics.

use crate::device::Cut;
use crate::event::Steady;
use crate::scale::exact::Amount;
use crate::scale::lines;
use crate::scale::message::{Message, Refusal, Shown, Unit};

/// Least width of a weight: the manuals say 10, some balances send 8.
const VALUE_WIDTH: usize = 8;

pub(super) fn cut(bytes: &[u8]) -> Cut {
    lines::cut_headed(bytes, parse)
}

/// One line, with or without its end.
///
/// # Errors
/// What is wrong with it.
pub fn parse(line: &[u8]) -> Result<Message, String> {
    let text = lines::bare(line);
    match text {
        b"ES" => return Ok(Message::Refused(Refusal::Syntax)),
        b"ET" => return Ok(Message::Refused(Refusal::Transmission)),
        b"EL" => return Ok(Message::Refused(Refusal::Logic)),
        _ => (),
    }
    let strange = || format!("the line {} is no answer of MT-SICS", lines::quoted(line));
    let space = text.iter().position(|&byte| byte == b' ').ok_or_else(strange)?;
    let (command, rest) = text.split_at(space);
    let known =
        (1..=4).contains(&command.len()) && command.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let &[b' ', status, ref rest @ ..] = rest else { return Err(strange()) };
    if !known || !(rest.is_empty() || rest.starts_with(b" ")) {
        return Err(strange());
    }
    let name = String::from_utf8_lossy(command).into_owned();
    let weighs = matches!(command, b"S" | b"SI" | b"SR" | b"SIR" | b"SNR");
    let shown = |rest: &[u8], width, steady| {
        shown(rest, width, steady).ok_or_else(|| format!("no weight in {}", lines::quoted(line)))
    };
    match (status, rest) {
        (b'S' | b'D', [b' ', value @ ..]) if weighs => Ok(Message::Shown(shown(value, VALUE_WIDTH, steady(status))?)),
        (b'S' | b'D' | b'A', [b' ', value @ ..]) if matches!(command, b"T" | b"TI" | b"TA") => {
            Ok(Message::Tared(shown(value, 1, Steady::Yes)?))
        }
        (b'+', []) if weighs => Ok(Message::Over),
        (b'-', []) if weighs => Ok(Message::Under),
        (b'I' | b'L' | b'+' | b'-', []) => Ok(Message::NotNow { command: name }),
        (b'A' | b'B', [b' ', b'"', text @ .., b'"']) => {
            Ok(Message::Info { command: name, text: String::from_utf8_lossy(text).trim().to_owned() })
        }
        (b'A' | b'S' | b'D', []) => Ok(Message::Accepted { command: name }),
        (b'A' | b'B', [b' ', text @ ..]) => {
            Ok(Message::Info { command: name, text: String::from_utf8_lossy(text).trim().to_owned() })
        }
        _ => Err(strange()),
    }
}

fn steady(status: u8) -> Steady {
    if status == b'S' { Steady::Yes } else { Steady::No }
}

/// Value, of at least this width, and unit.
fn shown(text: &[u8], width: usize, steady: Steady) -> Option<Shown> {
    let digit = text.iter().position(|byte| *byte != b' ')?;
    let end = digit + text.get(digit..)?.iter().position(|&byte| byte == b' ')?;
    if end < width {
        return None;
    }
    let (value, unit) = text.split_at_checked(end)?;
    let unit = Unit::parse(unit);
    Some(Shown { amount: Amount::parse(value)?, unit, steady, net: false }).filter(|shown| shown.unit != Unit::Unsaid)
}
