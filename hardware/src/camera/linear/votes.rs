//! Whom to believe: a code is reported when enough distinct lines agree on it and few of its neighbours object.

use super::upc::{self, Layout};
use super::{Reading, code128};
use crate::camera::Format;
use crate::camera::matrix::Symbol;

/// Most candidates kept of one scan: a texture can look like a great many codes.
const CANDIDATES_MAX: usize = 256;

/// A character must be this much cheaper than the next best one for a line to vote.
const MARGIN_MIN: f32 = 0.12;

/// The same for the mean of all lines, where few of them are clear.
const TOGETHER_MARGIN: f32 = 0.12;

/// A few clear lines among many unclear ones are believed when all together say the same by this margin.
const OVERRULE_MARGIN: f32 = 0.2;

/// So many lines may speak together.
const TOGETHER_LINES: usize = 5;

/// A text on which lines agree.
struct Candidate {
    reading: Reading,
    turned: bool,
    /// The rows that voted and where the code lay in them.
    lines: Vec<(u32, (f32, f32))>,
}

/// How sure a text is: what a character costs on average, and by how much the next best of one would be dearer, at worst.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Clarity {
    pub(super) cost: f32,
    pub(super) margin: f32,
}

/// The shape of a symbol in a line, with what each of its characters would cost.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Upc(upc::Costs),
    Code128(code128::Shape),
}

/// Lines that show the same shape in one place, with what the characters cost in all of them together.
struct Pile {
    turned: bool,
    lines: Vec<(u32, (f32, f32))>,
    sum: Shape,
}

#[derive(Default)]
pub(super) struct Votes {
    candidates: Vec<Candidate>,
    piles: Vec<Pile>,
}

impl Votes {
    /// A line at row `y` shows `reading`.
    pub(super) fn cast(&mut self, reading: Reading, y: u32, turned: bool) {
        let (line, width) = ((y, reading.span), reading.span.1 - reading.span.0);
        let full = CANDIDATES_MAX <= self.candidates.len();
        let known = self.candidates.iter_mut().find(|candidate| {
            candidate.turned == turned
                && candidate.reading.format == reading.format
                && candidate.reading.bytes == reading.bytes
                && near(&candidate.lines, line, 0.1 * width)
        });
        match known {
            Some(candidate) => candidate.lines.push(line),
            None if !full => {
                self.candidates.push(Candidate { reading, turned, lines: vec![line] });
            }
            None => (),
        }
    }

    /// A line at row `y` shows `shape`; it votes when its characters are clear.
    pub(super) fn weigh(&mut self, shape: Shape, y: u32, turned: bool) {
        let line = (y, shape.span());
        if let Some((reading, clarity)) = shape.cheapest()
            && clarity.cost < shape.cost_max()
            && MARGIN_MIN < clarity.margin
        {
            self.cast(reading, y, turned);
        }
        let full = CANDIDATES_MAX <= self.piles.len();
        let far = shape.tolerance();
        let known = self
            .piles
            .iter_mut()
            .find(|pile| pile.turned == turned && pile.sum.alike(&shape) && near(&pile.lines, line, far));
        match known {
            Some(pile) => {
                pile.sum.add(&shape);
                pile.lines.push(line);
            }
            None if !full => self.piles.push(Pile { turned, lines: vec![line], sum: shape }),
            None => (),
        }
    }

    /// What is believed, in a picture of this width.
    pub(super) fn believed(mut self, width: f32) -> Vec<Symbol> {
        let piles = std::mem::take(&mut self.piles);
        self.candidates.retain(|candidate| {
            candidate.reading.lines <= candidate.lines.len() && piles.iter().all(|pile| !pile.objects(candidate))
        });
        for pile in piles {
            self.take_together(pile);
        }
        self.candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.lines.len()));
        let mut symbols = Vec::new();
        for (place, candidate) in self.candidates.iter().enumerate() {
            let rival = |other: &Candidate| {
                candidate.lines.len() < 3 * other.lines.len() && candidate.overlaps(other) || candidate.lies_in(other)
            };
            let rivalled = self.candidates.iter().enumerate().any(|(other, found)| other != place && rival(found));
            if !rivalled {
                symbols.push(candidate.symbol(width));
            }
        }
        symbols
    }
}

/// Whether `line` continues one of `lines`: both ends within `far` of it, and more for rows further apart.
fn near(lines: &[(u32, (f32, f32))], line: (u32, (f32, f32)), far: f32) -> bool {
    lines.iter().rev().take(8).any(|&(y, span)| {
        let far = far + 0.7 * y.abs_diff(line.0) as f32;
        (span.0 - line.1.0).abs() < far && (span.1 - line.1.1).abs() < far
    })
}

impl Votes {
    /// Believes what many lines say together, though none or few of them are clear alone.
    fn take_together(&mut self, pile: Pile) {
        let Some((reading, clarity)) = pile.together() else { return };
        let clear = clarity.cost < pile.sum.together_max() && TOGETHER_MARGIN < clarity.margin;
        let known = self.candidates.iter().any(|known| {
            known.turned == pile.turned
                && known.reading.format == reading.format
                && known.reading.bytes == reading.bytes
        });
        if clear && !known && TOGETHER_LINES <= pile.lines.len() && self.candidates.len() < CANDIDATES_MAX {
            self.candidates.push(Candidate { reading, turned: pile.turned, lines: pile.lines });
        }
    }
}

impl Shape {
    fn span(&self) -> (f32, f32) {
        match self {
            Self::Upc(costs) => costs.span,
            Self::Code128(shape) => shape.span,
        }
    }

    /// How far the ends may move from line to line, in pixels: three modules.
    fn tolerance(&self) -> f32 {
        let (first, last) = self.span();
        let modules = match self {
            Self::Upc(costs) => costs.layout.modules(),
            Self::Code128(shape) => 24.0 + 11.0 * shape.costs.len() as f32,
        };
        3.0 * (last - first) / modules
    }

    /// A clear character costs less than this on average.
    fn cost_max(&self) -> f32 {
        match self {
            Self::Upc(_) => 0.5,
            Self::Code128(_) => 0.6,
        }
    }

    /// The same for what unclear lines say together. EAN and UPC have one check digit, which one text in ten passes.
    fn together_max(&self) -> f32 {
        match self {
            Self::Upc(_) => 0.35,
            Self::Code128(_) => 0.8,
        }
    }

    fn alike(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Upc(one), Self::Upc(two)) => one.layout == two.layout,
            (Self::Code128(one), Self::Code128(two)) => one.start == two.start && one.costs.len() == two.costs.len(),
            (Self::Upc(_), Self::Code128(_)) | (Self::Code128(_), Self::Upc(_)) => false,
        }
    }

    fn add(&mut self, other: &Self) {
        match (self, other) {
            (Self::Upc(sum), Self::Upc(costs)) => add(&mut sum.digits, &costs.digits),
            (Self::Code128(sum), Self::Code128(shape)) => add(&mut sum.costs, &shape.costs),
            (Self::Upc(_), Self::Code128(_)) | (Self::Code128(_), Self::Upc(_)) => (),
        }
    }

    fn cheapest(&self) -> Option<(Reading, Clarity)> {
        match self {
            Self::Upc(costs) => upc::cheapest(costs.layout, &costs.digits, costs.span),
            Self::Code128(shape) => code128::cheapest(shape.start, &shape.costs, shape.span),
        }
    }

    fn reads(&self, format: Format) -> bool {
        match self {
            Self::Upc(costs) => match costs.layout {
                Layout::Thirteen => matches!(format, Format::Ean13 | Format::UpcA),
                Layout::Eight => format == Format::Ean8,
                Layout::E => format == Format::UpcE,
            },
            Self::Code128(_) => format == Format::Code128,
        }
    }
}

fn add<const N: usize>(sum: &mut [[f32; N]], costs: &[[f32; N]]) {
    for (sum, cost) in sum.iter_mut().flatten().zip(costs.iter().flatten()) {
        *sum += cost;
    }
}

impl Pile {
    /// Whether this is the place of `candidate` and most lines here are unclear, while all of them together do not read
    /// as it does. A blurred digit looks like the same wrong one in the few lines that find it clear.
    fn objects(&self, candidate: &Candidate) -> bool {
        let here = self.turned == candidate.turned
            && self.sum.reads(candidate.reading.format)
            && candidate.lines.iter().any(|line| self.lines.contains(line));
        if !here || 3 * self.lines.len() <= 10 * candidate.lines.len() {
            return false;
        }
        let together = self.together().filter(|(_, clarity)| OVERRULE_MARGIN < clarity.margin);
        together.is_none_or(|(reading, _)| reading.bytes != candidate.reading.bytes)
    }

    /// What all lines together say.
    fn together(&self) -> Option<(Reading, Clarity)> {
        let (reading, clarity) = self.sum.cheapest()?;
        let lines = self.lines.len() as f32;
        Some((reading, Clarity { cost: clarity.cost / lines, margin: clarity.margin / lines }))
    }
}

impl Candidate {
    fn rows(&self) -> (u32, u32) {
        let rows = || self.lines.iter().map(|line| line.0);
        (rows().min().unwrap_or(0), rows().max().unwrap_or(0))
    }

    /// Mean span.
    fn span(&self) -> (f32, f32) {
        let count = self.lines.len().max(1) as f32;
        let sum = self.lines.iter().fold((0.0, 0.0), |sum, line| (sum.0 + line.1.0, sum.1 + line.1.1));
        (sum.0 / count, sum.1 / count)
    }

    /// How much of the line both claim in rows that both have, in pixels.
    fn shared(&self, other: &Self) -> f32 {
        let ((top, bottom), (above, below)) = (self.rows(), other.rows());
        if self.turned != other.turned || bottom < above || below < top {
            return 0.0;
        }
        let (one, two) = (self.span(), other.span());
        one.1.min(two.1) - one.0.max(two.0)
    }

    fn length(&self) -> f32 {
        let (first, last) = self.span();
        last - first
    }

    /// Whether both claim the same place.
    fn overlaps(&self, other: &Self) -> bool {
        0.3 * self.length().min(other.length()) < self.shared(other)
    }

    /// Whether this short code lies within a longer one, where parts of it look like this.
    fn lies_in(&self, other: &Self) -> bool {
        let short = matches!(self.reading.format, Format::UpcE | Format::Ean8);
        short && 1.2 * self.length() < other.length() && 0.9 * self.length() < self.shared(other)
    }

    fn symbol(&self, width: f32) -> Symbol {
        let (top, bottom) = self.rows();
        let at = |row: u32| self.lines.iter().find(|line| line.0 == row).map_or((0.0, 0.0), |line| line.1);
        let (above, below) = (at(top), at(bottom));
        let (top, bottom) = (top as f32, bottom as f32 + 1.0);
        let corners = match self.turned {
            false => [[above.0, top], [above.1, top], [below.1, bottom], [below.0, bottom]],
            // The code stands on its head: its top left is at the bottom right.
            true => {
                [[width - below.0, bottom], [width - below.1, bottom], [width - above.1, top], [width - above.0, top]]
            }
        };
        let Reading { format, bytes, text, modifier, .. } = self.reading.clone();
        Symbol { format, bytes, text, modifier, corners }
    }
}
