//! Points, perspectives and grey values between pixels.

use image::GrayImage;

/// x and y in pixels.
pub(super) type Point = [f32; 2];

/// Gauss and Jordan, with pivots.
pub(super) fn solved<const N: usize, const M: usize>(mut rows: [[f64; M]; N]) -> Option<[f64; N]> {
    for pivot in 0..N {
        let best = (pivot..N).max_by(|&one, &two| rows[one][pivot].abs().total_cmp(&rows[two][pivot].abs()))?;
        rows.swap(pivot, best);
        let lead = rows[pivot];
        if lead[pivot].abs() < 1e-9 {
            return None;
        }
        for (number, row) in rows.iter_mut().enumerate() {
            if number != pivot {
                let share = row[pivot] / lead[pivot];
                row.iter_mut().zip(lead).for_each(|(value, lead)| *value -= share * lead);
            }
        }
    }
    Some(std::array::from_fn(|row| rows[row][M - 1] / rows[row][row]))
}

/// The perspective that lays one quadrangle over another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Map([f32; 8]);

impl Map {
    /// `None` when three corners of either lie on a line.
    pub(super) fn between(from: [Point; 4], to: [Point; 4]) -> Option<Self> {
        let mut equations = [[0.0_f64; 9]; 8];
        for (number, ([u, v], [x, y])) in from.into_iter().zip(to).enumerate() {
            let [u, v, x, y] = [u, v, x, y].map(f64::from);
            equations[2 * number] = [u, v, 1.0, 0.0, 0.0, 0.0, -u * x, -v * x, x];
            equations[2 * number + 1] = [0.0, 0.0, 0.0, u, v, 1.0, -u * y, -v * y, y];
        }
        Some(Self(solved(equations)?.map(|value| value as f32)))
    }

    pub(super) fn at(&self, u: f32, v: f32) -> Point {
        let [a, b, c, d, e, f, g, h] = self.0;
        let w = g * u + h * v + 1.0;
        [(a * u + b * v + c) / w, (d * u + e * v + f) / w]
    }
}

/// The grey value at a point between the middles of pixels; that of the border outside.
pub(super) fn value(grey: &GrayImage, [x, y]: Point) -> f32 {
    let (x, y) = (x - 0.5, y - 0.5);
    let (left, top) = (x.floor(), y.floor());
    let (right, below) = (x - left, y - top);
    let (width, height) = (grey.width() as usize, grey.height() as usize);
    let at = |x: f32, y: f32| {
        let (x, y) = ((x.max(0.0) as usize).min(width - 1), (y.max(0.0) as usize).min(height - 1));
        grey.as_raw().get(y * width + x).copied().map_or(255.0, f32::from)
    };
    let upper = at(left, top) * (1.0 - right) + at(left + 1.0, top) * right;
    let lower = at(left, top + 1.0) * (1.0 - right) + at(left + 1.0, top + 1.0) * right;
    upper * (1.0 - below) + lower * below
}

/// The grey value of the pixel under a point; that of the border outside.
pub(super) fn nearest(grey: &GrayImage, [x, y]: Point) -> f32 {
    let (width, height) = (grey.width() as usize, grey.height() as usize);
    let (x, y) = ((x.max(0.0) as usize).min(width - 1), (y.max(0.0) as usize).min(height - 1));
    grey.as_raw().get(y * width + x).copied().map_or(255.0, f32::from)
}

pub(super) fn from(one: Point, two: Point) -> Point {
    [two[0] - one[0], two[1] - one[1]]
}

pub(super) fn plus(one: Point, two: Point) -> Point {
    [one[0] + two[0], one[1] + two[1]]
}

pub(super) fn scaled(one: Point, by: f32) -> Point {
    [one[0] * by, one[1] * by]
}

pub(super) fn distance(one: Point, two: Point) -> f32 {
    (two[0] - one[0]).hypot(two[1] - one[1])
}

pub(super) fn length(one: Point) -> f32 {
    distance([0.0; 2], one)
}
