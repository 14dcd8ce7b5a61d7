//! A&D standard format (2400 7E1, CR LF), and the comma lines of indicators of many makers that follow it.
//!
//! `ST,+00123.45  g`: header, the signed value in 9 characters (10 on finer balances), the unit right aligned in 3. Header: `ST` and `QT` steady
//! (weight, pieces), `US` moving, `OL` out of range. Indicators add a field: `ST,GS,  4.876kg`, GS gross and NT net.
//! Source: A&D EJ-120, EK-L and EK-AEP instruction manuals.

use crate::device::Cut;
use crate::event::Steady;
use crate::scale::exact::Amount;
use crate::scale::lines;
use crate::scale::message::{Message, Refusal, Shown, Unit};

/// Nine by the manuals; balances with a digit more send ten.
const VALUE_WIDTHS: [usize; 2] = [9, 10];
const UNIT_WIDTH: usize = 3;

/// Acknowledges a command where the scale is set so.
const ACK: u8 = 0x06;

pub(super) fn cut(bytes: &[u8]) -> Cut {
    match bytes {
        [ACK, ..] => Cut::Message(1),
        _ => lines::cut_headed(bytes, parse),
    }
}

/// One line, with or without its end.
///
/// # Errors
/// What is wrong with it.
pub fn parse(line: &[u8]) -> Result<Message, String> {
    if line == [ACK] {
        return Ok(Message::Accepted { command: String::new() });
    }
    let (header, rest) = match lines::bare(line) {
        [a, b, b',', rest @ ..] => ([*a, *b], rest),
        _ => return Err(format!("the line {} has no header: it begins with ST, US, QT or OL", lines::quoted(line))),
    };
    let steady = match &header {
        b"ST" | b"QT" => Steady::Yes,
        b"US" => Steady::No,
        b"OL" => return Ok(if rest.contains(&b'-') { Message::Under } else { Message::Over }),
        b"EC" => {
            let text = String::from_utf8_lossy(rest.trim_ascii()).into_owned();
            return Ok(Message::Refused(Refusal::Error(text)));
        }
        _ => return Err(format!("the line {} has a header that no scale sends", lines::quoted(line))),
    };
    shown(rest, steady).map(Message::Shown).ok_or_else(|| format!("no weight in {}", lines::quoted(line)))
}

fn shown(rest: &[u8], steady: Steady) -> Option<Shown> {
    let (net, value, unit) = match rest {
        [kind @ (b'G' | b'N' | b'T'), _, b',', rest @ ..] => {
            // The extra field comes from indicators, whose fields have no common width.
            let end = rest.iter().rposition(|byte| byte.is_ascii_digit())? + 1;
            let (value, unit) = rest.split_at_checked(end)?;
            (*kind == b'N', value, unit)
        }
        _ => {
            let width = rest.len().checked_sub(UNIT_WIDTH).filter(|width| VALUE_WIDTHS.contains(width))?;
            let (value, unit) = rest.split_at_checked(width)?;
            (false, value, unit)
        }
    };
    Some(Shown { amount: Amount::parse(value)?, unit: Unit::parse(unit), steady, net })
}
