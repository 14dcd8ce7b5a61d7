//! Toledo 8217 (9600 7E1): one letter asks, without an end of line.
//!
//! `STX 00.000 [N] CR` is a weight at rest, N net; while it moves, or when something is wrong, `STX ? status CR` comes
//! instead. The unit is not on the wire.
//! Source: odoo hw_drivers serial_scale_driver.py; Mettler-Toledo DIVA service manual (status bits).

use crate::device::Cut;
use crate::event::Steady;
use crate::scale::exact::Amount;
use crate::scale::message::{Message, Shown, Status, Unit};

pub const WEIGH: &[u8] = b"W";
pub const ZERO: &[u8] = b"Z";
pub const TARE: &[u8] = b"T";
/// Begins to echo; what follows it comes back.
pub const ECHO_ON: &[u8] = b"E";
pub const ECHO_OFF: &[u8] = b"F";

const STX: u8 = 0x02;
const CR: u8 = 0x0D;

/// Longest value accepted, in bytes.
const VALUE_MAX: usize = 8;
/// A weight of fewer bytes has lost some.
const VALUE_MIN: usize = 4;
/// Bytes of the word that a host sends to be echoed, by custom `hello`.
const ECHO: usize = 5;

pub(super) fn cut(bytes: &[u8]) -> Cut {
    match bytes {
        [] => return Cut::Incomplete,
        [STX, b'E', CR, rest @ ..] if rest.len() < ECHO && rest.iter().all(u8::is_ascii_graphic) => {
            return Cut::Incomplete;
        }
        [STX, b'E', CR, rest @ ..] if rest.len() < ECHO => return Cut::Noise(1),
        [STX, b'E', CR, ..] => return whole(bytes, 3 + ECHO),
        [STX, b'F', CR, ..] => return Cut::Message(3),
        [STX, ..] => (),
        _ => return Cut::Noise(1),
    }
    let near = bytes.get(..VALUE_MAX + 4).unwrap_or(bytes);
    match near.iter().position(|&byte| byte == CR) {
        Some(end) => whole(bytes, end + 1),
        None if near.len() < bytes.len() => Cut::Noise(1),
        // A second beginning: the first broke off.
        None if near.iter().skip(1).any(|&byte| byte == STX) => Cut::Noise(1),
        None => Cut::Incomplete,
    }
}

fn whole(bytes: &[u8], len: usize) -> Cut {
    match bytes.get(..len).map(parse) {
        Some(Ok(_)) => Cut::Message(len),
        _ => Cut::Noise(1),
    }
}

/// One message.
///
/// # Errors
/// What is wrong with it.
pub fn parse(message: &[u8]) -> Result<Message, String> {
    match message {
        [STX, b'E', CR, text @ ..] if text.len() == ECHO && text.iter().all(u8::is_ascii_graphic) => {
            Ok(Message::Echo { text: String::from_utf8_lossy(text).into_owned() })
        }
        [STX, b'F', CR] => Ok(Message::Accepted { command: "F".into() }),
        // Bit 6 is always set; bit 7 was the parity.
        [STX, b'?', status, CR] if status & 0x40 != 0 => Ok(Message::Status(Status(*status))),
        [STX, b'?', rest @ .., CR] => Err(format!("a status is one byte with bit 6 set, here are {rest:02X?}")),
        [STX, value @ .., b'N', CR] => weight(value, true),
        [STX, value @ .., CR] => weight(value, false),
        _ => Err("a message begins with STX (02) and ends with CR (0D)".into()),
    }
}

fn weight(value: &[u8], net: bool) -> Result<Message, String> {
    let sound = (VALUE_MIN..=VALUE_MAX).contains(&value.len());
    let amount = Amount::parse(value).filter(|_| sound);
    let amount = amount.ok_or_else(|| format!("no weight in \"{}\"", value.escape_ascii()))?;
    Ok(Message::Shown(Shown { amount, unit: Unit::Unsaid, steady: Steady::Yes, net }))
}
