//! Code 128 and GS1-128, code sets B and C, in the fewest symbol characters. Source: ISO/IEC 15417; GS1 General Specifications,
//! section 5.4.

use crate::gs1::GROUP_SEPARATOR;
use crate::labels::symbols::ean::row;
use crate::labels::symbols::{Kind, Message, NotEncodable, Quiet, Symbol};

/// Widths of bar and space of the 107 symbol characters, bars first.
const WIDTHS: [&[u8]; 107] = [
    b"212222", b"222122", b"222221", b"121223", b"121322", b"131222", b"122213", b"122312", b"132212", b"221213",
    b"221312", b"231212", b"112232", b"122132", b"122231", b"113222", b"123122", b"123221", b"223211", b"221132",
    b"221231", b"213212", b"223112", b"312131", b"311222", b"321122", b"321221", b"312212", b"322112", b"322211",
    b"212123", b"212321", b"232121", b"111323", b"131123", b"131321", b"112313", b"132113", b"132311", b"211313",
    b"231113", b"231311", b"112133", b"112331", b"132131", b"113123", b"113321", b"133121", b"313121", b"211331",
    b"231131", b"213113", b"213311", b"213131", b"311123", b"311321", b"331121", b"312113", b"312311", b"332111",
    b"314111", b"221411", b"431111", b"111224", b"111422", b"121124", b"121421", b"141122", b"141221", b"112214",
    b"112412", b"122114", b"122411", b"142112", b"142211", b"241211", b"221114", b"413111", b"241112", b"134111",
    b"111242", b"121142", b"121241", b"114212", b"124112", b"124211", b"411212", b"421112", b"421211", b"212141",
    b"214121", b"412121", b"111143", b"111341", b"131141", b"114113", b"114311", b"411113", b"411311", b"113141",
    b"114131", b"311141", b"411131", b"211412", b"211214", b"211232", b"2331112",
];

pub const CODE_C: u8 = 99;
pub const CODE_B: u8 = 100;
pub const FNC1: u8 = 102;
pub const START_B: u8 = 104;
pub const START_C: u8 = 105;
const STOP: u8 = 106;

/// Longest message: more does not fit any label at the narrowest module.
const MESSAGE_MAX: usize = 200;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    B,
    C,
}

pub(super) fn encode(message: Message) -> Result<Symbol, NotEncodable> {
    if MESSAGE_MAX < message.text.len() {
        return Err(NotEncodable::TooLong { kind: Kind::Code128, text: message.text });
    }
    let mut values = characters(&message).ok_or_else(|| NotEncodable::NotAscii { text: message.text.clone() })?;
    let sum = (0_u32..).zip(&values).map(|(place, &value)| place.max(1) * u32::from(value)).sum::<u32>();
    values.push(u8::try_from(sum % 103).unwrap_or_default());
    values.push(STOP);
    let mut bars: Vec<bool> = Vec::new();
    for &width in values.iter().filter_map(|&value| WIDTHS.get(usize::from(value))).copied().flatten() {
        // Each symbol character begins with a bar and ends with a space, the stop alone with a bar.
        let bar = !bars.last().copied().unwrap_or_default();
        bars.extend(std::iter::repeat_n(bar, usize::from(width - b'0')));
    }
    Ok(Symbol { kind: Kind::Code128, message, modules: row(&bars), quiet: Quiet::beside(10, 10), settled: true })
}

/// The symbol characters from the start to the last of the data; `None` when the sets B and C lack a character.
///
/// The fewest are found from the end: what the rest costs in each set is known before the character ahead of it is looked at.
pub fn characters(message: &Message) -> Option<Vec<u8>> {
    let mut items: Vec<u8> = if message.gs1 { vec![GROUP_SEPARATOR] } else { Vec::new() };
    items.extend_from_slice(message.text.as_bytes());
    let sound = |&byte: &u8| (b' '..=b'~').contains(&byte) || message.gs1 && byte == GROUP_SEPARATOR;
    if items.is_empty() || !items.iter().all(sound) {
        return None;
    }
    let step = |set: Set, rest: &[u8]| match (set, rest) {
        (_, [GROUP_SEPARATOR, ..]) => Some((FNC1, 1)),
        (Set::B, &[byte, ..]) => Some((byte - b' ', 1)),
        (Set::C, &[tens @ b'0'..=b'9', ones @ b'0'..=b'9', ..]) => Some((10 * (tens - b'0') + ones - b'0', 2)),
        (Set::C, _) | (Set::B, []) => None,
    };
    // Cost of the rest from each place, in set B and in set C; a change of set costs one character.
    let mut costs = vec![[0_usize; 2]; items.len() + 1];
    for place in (0..items.len()).rev() {
        let stay = [Set::B, Set::C].map(|set| {
            let taken = step(set, items.get(place..).unwrap_or_default());
            taken
                .and_then(|(_, used)| costs.get(place + used)?.get(set as usize))
                .map_or(usize::MAX / 2, |cost| 1 + cost)
        });
        if let Some(cost) = costs.get_mut(place) {
            *cost = [stay[0].min(1 + stay[1]), stay[1].min(1 + stay[0])];
        }
    }
    let cost = |place: usize, set: Set| costs.get(place).map_or(0, |cost| cost[set as usize]);
    let mut set = if cost(0, Set::C) <= cost(0, Set::B) { Set::C } else { Set::B };
    let mut values = vec![if set == Set::C { START_C } else { START_B }];
    let mut place = 0;
    while place < items.len() {
        match step(set, items.get(place..).unwrap_or_default()) {
            Some((value, used)) if cost(place, set) == 1 + cost(place + used, set) => {
                values.push(value);
                place += used;
            }
            _ => {
                set = if set == Set::B { Set::C } else { Set::B };
                values.push(if set == Set::C { CODE_C } else { CODE_B });
            }
        }
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_symbol_character_is_eleven_modules_and_another_one() {
        let mut seen = std::collections::BTreeSet::new();
        for (value, widths) in WIDTHS.iter().enumerate() {
            let modules: u32 = widths.iter().map(|width| u32::from(width - b'0')).sum();
            assert_eq!(modules, if value == usize::from(STOP) { 13 } else { 11 }, "{value}");
            assert!(seen.insert(widths), "{value} stands twice");
        }
    }

    #[test]
    fn digits_are_packed_in_pairs_where_that_is_shorter() {
        let of = |text: &str, gs1| characters(&Message { text: text.into(), gs1 });
        assert_eq!(of("AIM", false), Some(vec![START_B, 33, 41, 45]));
        assert_eq!(of("1234", false), Some(vec![START_C, 12, 34]));
        assert_eq!(of("12345", false), Some(vec![START_C, 12, 34, CODE_B, 21]));
        assert_eq!(of("A12B", false), Some(vec![START_B, 33, 17, 18, 34]));
        assert_eq!(of("10L\u{1d}3712", true), Some(vec![START_C, FNC1, 10, CODE_B, 44, FNC1, CODE_C, 37, 12]));
        assert_eq!(of("红", false), None);
        assert_eq!(of("a\u{1d}b", false), None, "a separator is no plain text");
        assert_eq!(of("", false), None);
    }
}
