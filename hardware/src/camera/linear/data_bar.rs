//! GS1 DataBar, all its kinds: our lines, rxing's readers, which gather the parts of a stacked symbol over lines.

use rxing::common::BitArray;
use rxing::oned::OneDReader;
use rxing::oned::rss::RSS14Reader;
use rxing::oned::rss::expanded::RSSExpandedReader;
use rxing::{DecodeHints, RXingResult};

use super::Reading;
use super::edges::Edges;
use crate::camera::Format;

/// Bits for a pixel of the line: rxing counts whole ones, and our edges are finer than a pixel.
const BITS: f32 = 3.0;

const WORD: usize = usize::BITS as usize;

/// The smallest DataBar has 46 elements, half of one in a stack still this many.
const EDGES_MIN: usize = 24;

/// Lengths of AIs that need no separator behind them (GS1 General Specifications, section 7.8.5): the first two digits
/// of the AI.
const PREDEFINED: [&str; 20] = [
    "00", "01", "02", "03", "04", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "31", "32", "33", "34",
    "35",
];

/// What was seen in the lines before, for symbols in several rows.
#[derive(Default)]
pub(super) struct Stack {
    omni: RSS14Reader,
    expanded: RSSExpandedReader,
    row: u32,
}

impl Stack {
    /// The symbols that end in this line of `length` pixels. Panics of rxing are the caller's to catch.
    pub(super) fn read(&mut self, edges: &Edges, length: usize) -> Vec<Reading> {
        let (Some(&first), Some(&last)) = (edges.at.first(), edges.at.last()) else { return vec![] };
        if edges.at.len() < EDGES_MIN {
            return vec![];
        }
        let row = bits(edges, length);
        self.row += 1;
        let hints = DecodeHints::default();
        let omni = self.omni.decode_row(self.row, &row, &hints).ok().and_then(|found| {
            let bytes = format!("01{}", found.getText()).into_bytes();
            let text = format!("(01){}", found.getText());
            (found.getText().len() == 14).then(|| reading(Format::DataBar, bytes, text, &found, (first, last)))
        });
        let expanded = self.expanded.decode_row(self.row, &row, &hints).ok().and_then(|found| {
            let bytes = element_string(found.getText())?;
            Some(reading(Format::DataBarExpanded, bytes, found.getText().to_owned(), &found, (first, last)))
        });
        omni.into_iter().chain(expanded).collect()
    }
}

fn bits(edges: &Edges, length: usize) -> BitArray {
    let size = (length as f32 * BITS) as usize;
    let mut dark = vec![0_usize; size.div_ceil(WORD)];
    let inner = edges.at.chunks_exact(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?)));
    let outer = [edges.begins_dark.map(|to| (0.0, to)), edges.ends_dark.map(|from| (from, length as f32))];
    for (from, to) in inner.chain(outer.into_iter().flatten()) {
        let [from, to] = [from, to].map(|at| ((at * BITS).round().max(0.0) as usize).min(size));
        for bit in from..to {
            dark[bit / WORD] |= 1 << (bit % WORD);
        }
    }
    let mut row = BitArray::with_size(size);
    // Not rxing's own `setRange`, whose masks overflow at the end of a word.
    dark.iter().enumerate().for_each(|(word, bits)| row.setBulk(word * WORD, *bits));
    row
}

fn reading(format: Format, bytes: Vec<u8>, text: String, found: &RXingResult, whole: (f32, f32)) -> Reading {
    let along: Vec<f32> = found.getPoints().iter().map(|point| point.x / BITS).collect();
    let low = along.iter().copied().fold(f32::MAX, f32::min);
    let high = along.iter().copied().fold(f32::MIN, f32::max);
    let span = if low < high { (low, high) } else { whole };
    Reading { format, bytes, text: Some(text), modifier: b'0', span, lines: 2 }
}

/// `(01)…(10)…` as the element string that a scanner sends: GS behind an element whose length is open.
fn element_string(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut elements = text.split('(').filter(|part| !part.is_empty()).peekable();
    while let Some(element) = elements.next() {
        let Some((ai, data)) = element.split_once(')') else { return Some(text.as_bytes().to_vec()) };
        if !(2..=4).contains(&ai.len()) || !ai.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        bytes.extend(ai.bytes().chain(data.bytes()));
        let fixed = ai.get(..2).is_some_and(|start| PREDEFINED.contains(&start) || matches!(start, "36" | "41"));
        if !fixed && elements.peek().is_some() {
            bytes.push(0x1D);
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}
