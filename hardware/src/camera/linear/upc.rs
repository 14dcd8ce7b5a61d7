//! EAN-13, UPC-A, EAN-8 and UPC-E in a line of edges: what each digit would cost as each of its patterns.
//!
//! Ink spreads and lenses blur, which makes bars and spaces unequal, but the distance from one edge to the next of the
//! same kind stays; ISO/IEC 15420 decodes by these. So do the costs here, with the widths of the bars as a lesser voice.

use super::Reading;
use super::edges::Edges;
use super::votes::Clarity;
use crate::camera::Format;

/// Widths in modules of the four elements of each digit, set A (odd parity, dark last). Set B is the same backwards,
/// set C the same with the colours exchanged.
const DIGITS: [[u8; 4]; 10] = [
    [3, 2, 1, 1],
    [2, 2, 2, 1],
    [2, 1, 2, 2],
    [1, 4, 1, 1],
    [1, 1, 3, 2],
    [1, 2, 3, 1],
    [1, 1, 1, 4],
    [1, 3, 1, 2],
    [1, 2, 1, 3],
    [3, 1, 1, 2],
];

/// Which of the first six digits are of set B, first digit in the highest bit; the place is the thirteenth digit.
const PARITY_13: [u8; 10] = [0x00, 0x0B, 0x0D, 0x0E, 0x13, 0x19, 0x1C, 0x15, 0x16, 0x1A];

/// The same for the six digits of UPC-E; the place is the check digit, number system 0. System 1 has the inverse.
const PARITY_E: [u8; 10] = [0x38, 0x34, 0x32, 0x31, 0x2C, 0x26, 0x23, 0x2A, 0x29, 0x25];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Layout {
    /// EAN-13 and UPC-A, which is EAN-13 with a leading zero.
    Thirteen,
    Eight,
    E,
}

impl Layout {
    /// Elements from the first guard bar to the last.
    fn elements(self) -> usize {
        match self {
            Self::Thirteen => 59,
            Self::Eight => 43,
            Self::E => 33,
        }
    }

    pub(super) fn modules(self) -> f32 {
        match self {
            Self::Thirteen => 95.0,
            Self::Eight => 67.0,
            Self::E => 51.0,
        }
    }

    /// Digits before and behind the middle guard.
    fn digits(self) -> (usize, usize) {
        match self {
            Self::Thirteen => (6, 6),
            Self::Eight => (4, 4),
            Self::E => (6, 0),
        }
    }

    /// Quiet zones in modules that are asked for, left and right; printed ones have 7 to 11.
    fn quiet(self) -> (f32, f32) {
        match self {
            Self::Thirteen => (4.5, 3.5),
            Self::Eight => (4.5, 4.5),
            Self::E => (5.0, 5.0),
        }
    }
}

/// What each digit of a symbol would cost as each pattern of sets A, B (0 to 19) and C (0 to 9).
#[derive(Clone, Debug)]
pub(super) struct Costs {
    pub(super) layout: Layout,
    /// First and last edge.
    pub(super) span: (f32, f32),
    pub(super) digits: Vec<[f32; 20]>,
}

/// A dearer pattern is as good as impossible; the bound keeps one torn row from outvoting the others.
pub(super) const DEAR: f32 = 2.0;

/// The symbols of `layout` that could begin at the dark edge `start`.
pub(super) fn costs(edges: &Edges, start: usize, layout: Layout) -> Option<Costs> {
    let elements = layout.elements();
    let at = edges.at.get(start..start + elements + 1)?;
    let (&first, &last) = (at.first()?, at.last()?);
    let module = (last - first) / layout.modules();
    let guard = |range: std::ops::Range<usize>| {
        at.get(range)
            .unwrap_or_default()
            .windows(2)
            .all(|pair| matches!(pair, &[one, two] if (0.25 * module..2.4 * module).contains(&(two - one))))
    };
    let (left, right) = layout.digits();
    let middle = 3 + 4 * left;
    let sound = match layout {
        Layout::E => guard(0..4) && guard(middle..middle + 7),
        Layout::Thirteen | Layout::Eight => {
            guard(0..4) && guard(middle..middle + 6) && guard(elements - 3..elements + 1)
        }
    };
    if !sound || !quiet(edges, start, elements, module, layout) {
        return None;
    }
    let growth = growth(at, middle, layout);
    let mut digits = Vec::with_capacity(left + right);
    let mut before: Option<f32> = None;
    for (number, place) in
        (0..left).map(|digit| 3 + 4 * digit).chain((0..right).map(|d| middle + 5 + 4 * d)).enumerate()
    {
        let &[a, b, c, d, e] = at.get(place..place + 5)? else { return None };
        let width = e - a;
        // Perspective and the curve of a bottle change the module along the code, but not by leaps.
        let leaps = before.is_some_and(|before| !(0.7..1.43).contains(&(width / before)));
        if leaps || !(0.5 * 7.0 * module..1.9 * 7.0 * module).contains(&width) {
            return None;
        }
        before = Some(width);
        let scale = 7.0 / width;
        let widths = [(b - a) * scale, (c - b) * scale, (d - c) * scale, (e - d) * scale];
        digits.push(digit_costs(widths, number < left, growth / module));
    }
    Some(Costs { layout, span: (first, last), digits })
}

fn quiet(edges: &Edges, start: usize, elements: usize, module: f32, layout: Layout) -> bool {
    let (left, right) = layout.quiet();
    let first = edges.at[start];
    let last = edges.at[start + elements];
    let before = start.checked_sub(1).and_then(|place| edges.at.get(place)).copied();
    let behind = edges.at.get(start + elements + 1).copied();
    before.is_none_or(|before| left * module <= first - before) && behind.is_none_or(|b| right * module <= b - last)
}

/// How much wider than printed a bar is, in pixels; the elements of the guards have one module each.
fn growth(at: &[f32], middle: usize, layout: Layout) -> f32 {
    let guards: &[(usize, usize)] = match layout {
        Layout::E => &[(0, 3), (middle, 6)],
        Layout::Thirteen | Layout::Eight => &[(0, 3), (middle, 5), (at.len() - 4, 3)],
    };
    let (mut dark, mut light, mut darks, mut lights) = (0.0, 0.0, 0.0, 0.0);
    for &(from, count) in guards {
        for place in from..from + count {
            let width = at[place + 1] - at[place];
            if place % 2 == 0 {
                (dark, darks) = (dark + width, darks + 1.0);
            } else {
                (light, lights) = (light + width, lights + 1.0);
            }
        }
    }
    (dark / darks - light / lights) / 2.0
}

/// `widths` in modules; `left` digits begin light and are of set A or B, right ones begin dark and are of set C.
fn digit_costs(widths: [f32; 4], left: bool, growth: f32) -> [f32; 20] {
    let [w0, w1, w2, w3] = widths;
    // What a light element lost a dark one gained.
    let grown = if left { growth } else { -growth };
    let mut costs = [DEAR; 20];
    for (place, cost) in costs.iter_mut().enumerate().take(if left { 20 } else { 10 }) {
        let pattern = pattern(place);
        let [p0, p1, p2, p3] = pattern.map(f32::from);
        let same = (w0 + w1 - p0 - p1).powi(2) + (w1 + w2 - p1 - p2).powi(2);
        let bars = [w0 + grown - p0, w1 - grown - p1, w2 + grown - p2, w3 - grown - p3];
        let widths: f32 = bars.iter().map(|off| off * off).sum();
        *cost = (same + 0.35 * widths).min(DEAR);
    }
    costs
}

/// Patterns 0 to 9 are set A (and C), 10 to 19 set B.
fn pattern(place: usize) -> [u8; 4] {
    let mut pattern = DIGITS[place % 10];
    if 10 <= place {
        pattern.reverse();
    }
    pattern
}

/// The cheapest digits under the rules of parity; `None` when their check digit is wrong.
pub(super) fn cheapest(layout: Layout, costs: &[[f32; 20]], span: (f32, f32)) -> Option<(Reading, Clarity)> {
    let (left, _) = layout.digits();
    let (heads, tails) = costs.split_at_checked(left)?;
    let mut digits = Vec::with_capacity(13);
    let (mut cost, mut margin) = (0.0_f32, f32::MAX);
    let parities: Vec<(u8, u8)> = match layout {
        Layout::Thirteen => PARITY_13.iter().zip(0..).map(|(&parity, digit)| (parity, digit)).collect(),
        Layout::Eight => vec![(0, 0)],
        Layout::E => {
            let zero = PARITY_E.iter().zip(0..).map(|(&parity, digit)| (parity, digit));
            zero.clone().chain(zero.map(|(parity, digit)| (!parity & 0x3F, digit + 10))).collect()
        }
    };
    // Cheapest and next digit of each set at each place.
    let best: Vec<[(f32, u8, f32); 2]> = heads.iter().map(|costs| [two(&costs[..10]), two(&costs[10..])]).collect();
    let of = |parity: u8| -> f32 {
        (0..left).map(|place| best[place][usize::from(parity >> (left - 1 - place) & 1)].0).sum()
    };
    let mut by_cost: Vec<(f32, u8, u8)> = parities.iter().map(|&(parity, digit)| (of(parity), parity, digit)).collect();
    by_cost.sort_by(|one, two| one.0.total_cmp(&two.0));
    let &(sum, parity, extra) = by_cost.first()?;
    cost += sum;
    if let Some(next) = by_cost.get(1) {
        margin = margin.min(next.0 - sum);
    }
    if layout == Layout::Thirteen {
        digits.push(extra);
    }
    if layout == Layout::E {
        digits.push(extra / 10);
    }
    for (place, best) in best.iter().enumerate() {
        let (_, digit, next) = best[usize::from(parity >> (left - 1 - place) & 1)];
        digits.push(digit);
        margin = margin.min(next);
    }
    for costs in tails {
        let (one, digit, next) = two(&costs[..10]);
        digits.push(digit);
        cost += one;
        margin = margin.min(next);
    }
    if layout == Layout::E {
        digits.push(extra % 10);
    }
    let cost = cost / costs.len() as f32;
    let sound = match layout {
        Layout::Thirteen | Layout::Eight => check_digit_holds(&digits),
        Layout::E => expanded(&digits).is_some_and(|digits| check_digit_holds(&digits)),
    };
    let reading = sound.then(|| reading(layout, &digits, span))??;
    Some((reading, Clarity { cost, margin }))
}

fn reading(layout: Layout, digits: &[u8], span: (f32, f32)) -> Option<Reading> {
    let ascii = |digits: &[u8]| -> Vec<u8> { digits.iter().map(|digit| b'0' + digit).collect() };
    let text = |digits: &[u8]| digits.iter().map(|&digit| char::from(b'0' + digit)).collect::<String>();
    let (format, bytes, text, modifier, lines) = match layout {
        Layout::Thirteen => match digits.strip_prefix(&[0]) {
            Some(twelve) => (Format::UpcA, ascii(digits), Some(text(twelve)), b'0', 2),
            None => (Format::Ean13, ascii(digits), None, b'0', 2),
        },
        Layout::Eight => (Format::Ean8, ascii(digits), None, b'4', 3),
        Layout::E => {
            let thirteen = [&[0][..], &expanded(digits)?].concat();
            (Format::UpcE, ascii(&thirteen), Some(text(digits)), b'0', 3)
        }
    };
    Some(Reading { format, bytes, text, modifier, span, lines })
}

/// The lowest cost, its digit, and by how much the second lowest is dearer.
fn two(costs: &[f32]) -> (f32, u8, f32) {
    let (mut one, mut digit, mut next) = (f32::MAX, 0, f32::MAX);
    for (&cost, place) in costs.iter().zip(0..) {
        if cost < one {
            (one, digit, next) = (cost, place, one);
        } else {
            next = next.min(cost);
        }
    }
    (one, digit, next - one)
}

/// Weights 3 and 1 from the right, the check digit with 1 (GS1 General Specifications, section 7.9).
fn check_digit_holds(digits: &[u8]) -> bool {
    let sum: u32 =
        digits.iter().rev().zip([1, 3].into_iter().cycle()).map(|(&digit, weight)| u32::from(digit) * weight).sum();
    sum.is_multiple_of(10)
}

/// The twelve digits of UPC-A for the eight of UPC-E (GS1 General Specifications, section 5.2.2.4.2).
fn expanded(digits: &[u8]) -> Option<Vec<u8>> {
    let &[system, a, b, c, d, e, f, check] = digits else { return None };
    let body = match f {
        0..=2 => [a, b, f, 0, 0, 0, 0, c, d, e],
        3 => [a, b, c, 0, 0, 0, 0, 0, d, e],
        4 => [a, b, c, d, 0, 0, 0, 0, 0, e],
        _ => [a, b, c, d, e, 0, 0, 0, 0, f],
    };
    Some([&[system][..], &body, &[check]].concat())
}
