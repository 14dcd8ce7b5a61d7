//! EAN-13 and EAN-8. Source: GS1 General Specifications, section 5.2.

use crate::gs1;
use crate::labels::bits::Bits;
use crate::labels::symbols::{Kind, Message, NotEncodable, Quiet, Symbol};

/// Number set A: seven modules, space first. Set C has the opposite colours, set B is set C read backwards.
const SET_A: [u8; 10] = [0x0d, 0x19, 0x13, 0x3d, 0x23, 0x31, 0x2f, 0x3b, 0x37, 0x0b];

/// Which of the six left digits of an EAN-13 take set B, by its first digit, which has no bars of its own.
const FIRST: [u8; 10] = [0x00, 0x0b, 0x0d, 0x0e, 0x13, 0x19, 0x1c, 0x15, 0x16, 0x1a];

pub(super) fn encode(message: Message) -> Result<Symbol, NotEncodable> {
    let wrong = || NotEncodable::NotAnEan { text: message.text.clone() };
    // A GTIN-14 of a trade item that is sold at a till begins with a nought.
    let text = match message.text.len() {
        14 => message.text.strip_prefix('0').ok_or_else(wrong)?,
        12 => &format!("0{}", message.text),
        _ => message.text.as_str(),
    };
    let digits: Vec<u8> =
        text.bytes().map(|byte| byte.is_ascii_digit().then(|| byte - b'0')).collect::<Option<_>>().ok_or_else(wrong)?;
    let (halves, sets) = match digits.as_slice() {
        &[first, ref rest @ ..] if rest.len() == 12 => (rest.split_at_checked(6), FIRST.get(usize::from(first))),
        all if all.len() == 8 => (all.split_at_checked(4), Some(&0)),
        _ => return Err(wrong()),
    };
    let (body, last) = text.split_at(text.len() - 1);
    if let Some(right) = gs1::check_digit(body).filter(|right| last != right.to_string()) {
        return Err(NotEncodable::CheckDigit { text: text.to_owned(), right });
    }
    let ((left, right), sets) = halves.zip(sets.copied()).ok_or_else(wrong)?;
    let set_a = |digit: u8| SET_A.get(usize::from(digit)).copied().unwrap_or_default();
    let mut bars = vec![true, false, true];
    let mut add = |pattern: u8| bars.extend((0..7).rev().map(|bit| pattern >> bit & 1 == 1));
    for (place, &digit) in left.iter().enumerate() {
        let set_b = sets >> (left.len() - 1 - place) & 1 == 1;
        add(if set_b { (!set_a(digit) & 0x7f).reverse_bits() >> 1 } else { set_a(digit) });
    }
    bars.extend([false, true, false, true, false]);
    let mut add = |pattern: u8| bars.extend((0..7).rev().map(|bit| pattern >> bit & 1 == 1));
    right.iter().for_each(|&digit| add(!set_a(digit) & 0x7f));
    bars.extend([true, false, true]);
    let quiet = if left.len() == 6 { Quiet::beside(11, 7) } else { Quiet::beside(7, 7) };
    let message = Message { text: text.to_owned(), gs1: false };
    Ok(Symbol { kind: Kind::Ean, message, modules: row(&bars), quiet, settled: true })
}

/// Bars as one row of modules.
pub(super) fn row(bars: &[bool]) -> Bits {
    let mut modules = Bits::new(u32::try_from(bars.len()).unwrap_or_default(), 1);
    (0..).zip(bars).filter(|(_, bar)| **bar).for_each(|(x, _)| modules.set(x, 0));
    modules
}
