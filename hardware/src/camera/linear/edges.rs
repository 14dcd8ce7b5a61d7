//! From a line of grey values to the places where dark begins and ends, finer than a pixel.
//!
//! Two ways, because blur spoils each differently. One cuts the line nowhere: a bar that a blurred lens left at half its
//! depth is still a valley between two hills, and an edge lies where the line crosses the middle between a hill and the
//! valley beside it. The other cuts it at the middle of the contrast around, which is right once the line is sharpened.

/// Smallest step between a hill and a valley, in grey values: less is noise of the sensor.
const STEP_MIN: f32 = 6.0;

/// A step smaller than this share of the contrast around it is noise or texture.
const STEP_SHARE: f32 = 0.12;

/// Width of the pieces whose contrast is looked at, in pixels.
const PIECE: usize = 32;

/// Edges along a line: at even places dark begins, at odd places it ends. Always an even number of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Edges {
    pub(super) at: Vec<f32>,
    /// Where the dark ends in which the line begins, and begins in which it ends. Of symbols with quiet zones neither is
    /// a part.
    pub(super) begins_dark: Option<f32>,
    pub(super) ends_dark: Option<f32>,
    steps: Vec<f32>,
}

impl Edges {
    /// Turns the line round; it has `length` pixels.
    pub(super) fn reverse(&mut self, length: usize) {
        self.at.reverse();
        for at in &mut self.at {
            *at = length as f32 - *at;
        }
        let turned = |at: f32| length as f32 - at;
        (self.begins_dark, self.ends_dark) = (self.ends_dark.map(turned), self.begins_dark.map(turned));
    }

    /// Finds the edges of `line`; what was found before is forgotten.
    pub(super) fn find(&mut self, line: &[f32]) {
        self.at.clear();
        (self.begins_dark, self.ends_dark) = (None, None);
        self.judge_contrast(line);
        let Some(&first) = line.first() else { return };
        let mut before: Option<usize> = None;
        let (mut falling, mut extreme, mut place) = (false, first, 0);
        for (piece, values) in line.chunks(PIECE).enumerate() {
            let step = self.steps.get(piece).copied().unwrap_or(STEP_MIN);
            for (x, &value) in (piece * PIECE..).zip(values) {
                let ahead = if falling { extreme - value } else { value - extreme };
                if 0.0 <= ahead {
                    (extreme, place) = (value, x);
                } else if step < -ahead {
                    match before {
                        Some(from) => self.at.push(crossing(line, from, place)),
                        None if first + step < extreme => self.begins_dark = Some(crossing(line, 0, place)),
                        None => (),
                    }
                    before = Some(place);
                    (falling, extreme, place) = (!falling, value, x);
                }
            }
        }
        if let Some(from) = before {
            self.at.push(crossing(line, from, place));
        }
        if self.at.len() % 2 == 1 {
            self.ends_dark = self.at.pop();
        }
    }

    /// Finds the edges of `line` where it crosses the middle of the darkest and the lightest around. Narrow elements that
    /// stay on one side of it are lost, but those that reach it are not moved by what their neighbours are like.
    pub(super) fn find_by_level(&mut self, line: &[f32]) {
        self.at.clear();
        (self.begins_dark, self.ends_dark) = (None, None);
        self.steps.clear();
        for piece in 0..line.len().div_ceil(PIECE) {
            let around = line.get((piece * PIECE).saturating_sub(PIECE)..((piece + 2) * PIECE).min(line.len()));
            let (low, high) = extremes(around.unwrap_or_default());
            self.steps.push((low + high) / 2.0);
        }
        let level = |x: usize| {
            let place = (x as f32 / PIECE as f32 - 0.5).max(0.0);
            let (left, share) = (place as usize, place.fract());
            let at = |piece: usize| self.steps.get(piece).or(self.steps.last()).copied().unwrap_or(0.0);
            at(left) * (1.0 - share) + at(left + 1) * share
        };
        let mut before: Option<f32> = None;
        for (x, value) in line.iter().enumerate() {
            let off = value - level(x);
            if let Some(before) = before
                && (before < 0.0) != (off < 0.0)
            {
                // A line that begins dark has no first dark edge.
                if off < 0.0 || !self.at.is_empty() {
                    self.at.push(x as f32 - 0.5 + before / (before - off));
                }
            }
            before = Some(off);
        }
        if self.at.len() % 2 == 1 {
            self.at.pop();
        }
    }

    /// The step that counts as an edge, for each piece of the line: by the contrast of it and its neighbours.
    fn judge_contrast(&mut self, line: &[f32]) {
        let contrast = |values: &[f32]| {
            let (low, high) = extremes(values);
            high - low
        };
        self.steps.clear();
        self.steps.extend(line.chunks(PIECE).map(contrast));
        let mut left = 0.0_f32;
        for piece in 0..self.steps.len() {
            let own = self.steps[piece];
            let right = self.steps.get(piece + 1).copied().unwrap_or(0.0);
            self.steps[piece] = (own.max(left).max(right) * STEP_SHARE).max(STEP_MIN);
            left = own;
        }
    }
}

fn extremes(values: &[f32]) -> (f32, f32) {
    values.iter().fold((f32::MAX, f32::MIN), |(low, high), &value| (low.min(value), high.max(value)))
}

/// Where `line` crosses the middle between its values at `from` and `to`.
fn crossing(line: &[f32], from: usize, to: usize) -> f32 {
    let piece = line.get(from..=to).unwrap_or_default();
    let (Some(&first), Some(&last)) = (piece.first(), piece.last()) else { return from as f32 };
    let middle = (first + last) / 2.0;
    let place = piece.windows(2).enumerate().find_map(|(x, pair)| {
        let &[one, two] = pair else { return None };
        let crossed = if first < last { one <= middle && middle < two } else { middle < one && two <= middle };
        crossed.then(|| x as f32 + (middle - one) / (two - one))
    });
    // A pixel's value stands for its middle.
    from as f32 + place.unwrap_or(0.0) + 0.5
}
