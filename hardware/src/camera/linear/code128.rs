//! Code 128 (ISO/IEC 15417) and Code 93: characters of six elements, judged by the distances of like edges.

use super::edges::Edges;
use super::votes::Clarity;
use super::{Reading, quiet};
use crate::camera::Format;

/// Elements of the characters 0 to 105 in modules, as digits; the stop character stands apart.
const CHARACTERS: [[u8; 6]; 106] = [
    *b"212222", *b"222122", *b"222221", *b"121223", *b"121322", *b"131222", *b"122213", *b"122312", *b"132212",
    *b"221213", *b"221312", *b"231212", *b"112232", *b"122132", *b"122231", *b"113222", *b"123122", *b"123221",
    *b"223211", *b"221132", *b"221231", *b"213212", *b"223112", *b"312131", *b"311222", *b"321122", *b"321221",
    *b"312212", *b"322112", *b"322211", *b"212123", *b"212321", *b"232121", *b"111323", *b"131123", *b"131321",
    *b"112313", *b"132113", *b"132311", *b"211313", *b"231113", *b"231311", *b"112133", *b"112331", *b"132131",
    *b"113123", *b"113321", *b"133121", *b"313121", *b"211331", *b"231131", *b"213113", *b"213311", *b"213131",
    *b"311123", *b"311321", *b"331121", *b"312113", *b"312311", *b"332111", *b"314111", *b"221411", *b"431111",
    *b"111224", *b"111422", *b"121124", *b"121421", *b"141122", *b"141221", *b"112214", *b"112412", *b"122114",
    *b"122411", *b"142112", *b"142211", *b"241211", *b"221114", *b"413111", *b"241112", *b"134111", *b"111242",
    *b"121142", *b"121241", *b"114212", *b"124112", *b"124211", *b"411212", *b"421112", *b"421211", *b"212141",
    *b"214121", *b"412121", *b"111143", *b"111341", *b"131141", *b"114113", *b"114311", *b"411113", *b"411311",
    *b"113141", *b"114131", *b"311141", *b"411131", *b"211412", *b"211214", *b"211232",
];

/// The stop character but for its last bar of two modules.
const STOP: [u8; 6] = *b"233111";

/// Modules of a character, and of the last bar.
const MODULES: f32 = 11.0;
const LAST_BAR: f32 = 2.0;

/// Quiet zone asked for, in modules; the standard prints 10.
const QUIET: f32 = 4.5;

/// Most characters of a symbol: 80 data characters are the most that anybody prints.
const CHARACTERS_MAX: usize = 100;

/// A start character may cost this much, and any other.
const START_COST: f32 = 1.0;
const COST_MAX: f32 = 2.0;

/// A dearer value is as good as impossible.
const DEAR: f32 = 3.0;

/// What each character behind the start character would cost as each of the values 0 to 105.
pub(super) type Costs = Vec<[f32; 106]>;

/// The shape of a symbol at `start`: start character, characters and stop, white around them, and what the characters
/// would cost.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) start: u8,
    pub(super) costs: Costs,
    pub(super) span: (f32, f32),
}

pub(super) fn shape(edges: &Edges, start: usize) -> Option<Shape> {
    let first = widths(edges, start)?;
    let (value, cost) = [103, 104, 105]
        .into_iter()
        .map(|value: u8| (value, judged(&first, &CHARACTERS[usize::from(value)], 0.0)))
        .min_by(|one, two| one.1.total_cmp(&two.1))?;
    let mut module = first.iter().sum::<f32>() / MODULES;
    if START_COST < cost || !quiet::before(edges, start, QUIET * module) {
        return None;
    }
    let growth = growth(&first, &CHARACTERS[usize::from(value)]);
    let mut costs = Costs::new();
    let mut place = start + 6;
    loop {
        let widths = widths(edges, place)?;
        let width = widths.iter().sum::<f32>() / MODULES;
        if !(0.75..1.34).contains(&(width / module)) {
            return None;
        }
        module = width;
        let stop = judged(&widths, &STOP, growth);
        let mut character = [0.0; 106];
        for (cost, pattern) in character.iter_mut().zip(&CHARACTERS) {
            *cost = judged(&widths, pattern, growth).min(DEAR);
        }
        let best = character.iter().copied().fold(f32::MAX, f32::min);
        if stop <= best && stop < COST_MAX {
            break;
        }
        costs.push(character);
        if COST_MAX < best || CHARACTERS_MAX < costs.len() {
            return None;
        }
        place += 6;
    }
    let last = (edges.at.get(place + 7)? - edges.at.get(place + 6)?) / module;
    let sound = (0.4 * LAST_BAR..1.7 * LAST_BAR).contains(&last) && quiet::behind(edges, place + 7, QUIET * module);
    let span = (*edges.at.get(start)?, *edges.at.get(place + 7)?);
    (sound && 2 <= costs.len()).then_some(Shape { start: value, costs, span })
}

/// What the cheapest characters say; `None` when their check character is wrong.
pub(super) fn cheapest(start: u8, costs: &Costs, span: (f32, f32)) -> Option<(Reading, Clarity)> {
    let mut values = vec![start];
    let mut clarity = Clarity { cost: 0.0, margin: f32::MAX };
    for character in costs {
        let (mut best, mut value, mut next) = (f32::MAX, 0, f32::MAX);
        for (&cost, number) in character.iter().zip(0..) {
            if cost < best {
                (best, value, next) = (cost, number, best);
            } else {
                next = next.min(cost);
            }
        }
        values.push(value);
        clarity.cost += best / costs.len() as f32;
        clarity.margin = clarity.margin.min(next - best);
    }
    let (&check, values) = values.split_last()?;
    if !check_holds(values, check) {
        return None;
    }
    let (bytes, modifier) = payload(values)?;
    // Code 128 writes Latin-1 and nothing else.
    let text = Some(bytes.iter().copied().map(char::from).collect());
    Some((Reading { format: Format::Code128, bytes, text, modifier, span, lines: 2 }, clarity))
}

fn widths(edges: &Edges, place: usize) -> Option<[f32; 6]> {
    let at = edges.at.get(place..place + 7)?;
    let mut widths = [0.0; 6];
    for (width, pair) in widths.iter_mut().zip(at.windows(2)) {
        let &[one, two] = pair else { return None };
        *width = two - one;
    }
    Some(widths)
}

/// By how many modules the bars are wider than those of `pattern`.
fn growth(widths: &[f32; 6], pattern: &[u8; 6]) -> f32 {
    let scale = MODULES / widths.iter().sum::<f32>();
    let bars = [0, 2, 4].map(|place| widths[place] * scale - f32::from(pattern[place] - b'0'));
    bars.iter().sum::<f32>() / 3.0
}

/// How badly `widths` fit a pattern of digits: distances of like edges first, widths of elements as a lesser voice.
fn judged(widths: &[f32; 6], pattern: &[u8; 6], growth: f32) -> f32 {
    let scale = MODULES / widths.iter().sum::<f32>();
    let off: [f32; 6] = std::array::from_fn(|place| widths[place] * scale - f32::from(pattern[place] - b'0'));
    let like: f32 = off.windows(2).map(|pair| pair.iter().sum::<f32>().powi(2)).sum();
    let own: f32 =
        off.iter().zip([-growth, growth].into_iter().cycle()).map(|(off, grown)| (off + grown).powi(2)).sum();
    like * 0.6 + own * 0.3
}

fn check_holds(values: &[u8], check: u8) -> bool {
    let sum: usize = values.iter().enumerate().map(|(place, &value)| place.max(1) * usize::from(value)).sum();
    2 <= values.len() && sum % 103 == usize::from(check)
}

#[derive(Clone, Copy, PartialEq)]
enum Set {
    A,
    B,
    C,
}

/// The bytes that `values`, start character first, stand for, and the modifier of the AIM identifier: FNC1 first makes
/// it GS1, FNC1 behind one letter or two digits an industry's own format; any later FNC1 is a separator.
fn payload(values: &[u8]) -> Option<(Vec<u8>, u8)> {
    let (&start, values) = values.split_first()?;
    let mut set = match start {
        103 => Set::A,
        104 => Set::B,
        _ => Set::C,
    };
    let (mut bytes, mut modifier) = (Vec::new(), b'0');
    // FNC4 shifts one character into the upper half, two of them all that follow.
    let (mut upper, mut upper_once, mut shifted) = (false, false, false);
    for (place, &value) in values.iter().enumerate() {
        let active = match (shifted, set) {
            (true, Set::A) => Set::B,
            (true, Set::B) => Set::A,
            (_, set) => set,
        };
        shifted = false;
        match (active, value) {
            (Set::C, 0..=99) => bytes.extend([b'0' + value / 10, b'0' + value % 10]),
            (Set::A, 0..=95) | (Set::B, 0..=95) => {
                let byte = match (active, value) {
                    (Set::A, 64..) => value - 64,
                    (_, value) => value + 32,
                };
                bytes.push(if upper != upper_once { byte | 0x80 } else { byte });
                upper_once = false;
            }
            (_, 102) => match place {
                0 => modifier = b'1',
                1 if modifier == b'0' => modifier = b'2',
                _ => bytes.push(0x1D),
            },
            (Set::A | Set::B, 98) => shifted = true,
            (Set::A | Set::B, 99) => set = Set::C,
            (Set::A, 101) | (Set::B, 100) => {
                if upper_once {
                    upper = !upper;
                }
                upper_once = !upper_once;
            }
            (Set::A | Set::C, 100) => set = Set::B,
            (Set::B | Set::C, 101) => set = Set::A,
            // FNC2 (append to the next symbol) and FNC3 (settings of a scanner) say nothing of the payload.
            (Set::A | Set::B, 96 | 97) => (),
            _ => return None,
        }
    }
    (!bytes.is_empty()).then_some((bytes, modifier))
}
