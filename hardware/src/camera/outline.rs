//! Outlines of dark shapes and of the holes in them: the corners where two long straight sides of one meet, as Data
//! Matrix has them, and those with four sides, as the rings of Aztec are.

use rxing::common::BitMatrix;

use super::geometry::{Point, distance};

/// Shortest side looked at, in pixels: ten modules of a pixel and a half.
const SIDE_MIN: f32 = 14.0;

/// The longer side may be so many times the shorter one: 144 modules to 8, and what perspective adds.
const RATIO_MAX: f32 = 20.0;

/// Most squares reported.
const SQUARES_MAX: usize = 400;

/// Shortest outline looked at, in pixels.
const SQUARE_MIN: usize = 16;

/// How far a side may stray from a straight line, in pixels.
const STRAY: f32 = 1.6;

/// How often the points of an outline may be looked at before it is taken as it is: that of a symbol is split evenly, but
/// a coast is not.
const WORK_MAX: usize = 24;

/// Longest outline followed, in steps: as far as round four symbols as large as the largest picture searched.
const STEPS_MAX: usize = 20_000;

/// Most corners reported: a page of text has very many.
const CORNERS_MAX: usize = 400;

/// A right-angled pair of sides of a dark shape: `bottom` and `left` lead to `corner` from their other ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Corner {
    pub(super) right_end: Point,
    pub(super) corner: Point,
    pub(super) top_end: Point,
}

/// What the outlines of a picture show.
#[derive(Debug, Default)]
pub(super) struct Outlines {
    /// Those with the longest sides first.
    pub(super) corners: Vec<Corner>,
    /// The corners, clockwise, of shapes and holes with four straight sides of about the same length.
    pub(super) squares: Vec<[Point; 4]>,
}

impl Outlines {
    pub(super) fn of(bits: &BitMatrix) -> Self {
        let (mut corners, mut squares) = (Vec::new(), Vec::new());
        Shapes::new(bits).outlines(|outline| {
            if outline.len() < SQUARE_MIN {
                return;
            }
            let places = simplified(outline);
            sides(outline, &places, &mut corners);
            if squares.len() < SQUARES_MAX {
                squares.extend(square(outline, &places));
            }
        });
        let size =
            |corner: &Corner| distance(corner.corner, corner.top_end) * distance(corner.corner, corner.right_end);
        corners.sort_by(|one, two| size(two).total_cmp(&size(one)));
        corners.truncate(CORNERS_MAX);
        Self { corners, squares }
    }
}

/// The dark pixels with a light frame round them, so that no step can leave the picture.
struct Shapes {
    dark: Vec<bool>,
    width: i32,
    height: i32,
}

impl Shapes {
    fn new(bits: &BitMatrix) -> Self {
        let (width, height) = (bits.width() as i32, bits.height() as i32);
        let mut dark = vec![false; ((width + 2) * (height + 2)) as usize];
        for y in 0..height {
            let row = bits.getRow(y as u32);
            let mut x = row.getNextSet(0);
            while (x as i32) < width {
                let end = row.getNextUnset(x);
                let from = ((y + 1) * (width + 2) + 1) as usize;
                dark[from + x..from + end.min(width as usize)].fill(true);
                x = row.getNextSet(end);
            }
        }
        Self { dark, width, height }
    }

    /// `x` and `y` from -1 up to width and height.
    fn place(&self, x: i32, y: i32) -> usize {
        ((y + 1) * (self.width + 2) + x + 1) as usize
    }

    fn at(&self, x: i32, y: i32) -> bool {
        self.dark.get(self.place(x, y)).copied().unwrap_or(false)
    }

    /// Hands over the outline of every shape, clockwise, and of every hole, the other way round.
    fn outlines(&self, mut each: impl FnMut(&[Point])) {
        let mut seen = vec![false; self.dark.len()];
        for y in 0..self.height {
            for x in 0..self.width {
                if self.at(x, y) && !self.at(x - 1, y) && !seen[self.place(x, y)] {
                    each(&self.outline(x, y, &mut seen));
                }
            }
        }
    }

    /// The corners of pixels round the shape whose left side is at `x`, `y`, with the dark at the right hand.
    fn outline(&self, x: i32, y: i32, seen: &mut [bool]) -> Vec<Point> {
        let start = ((x, y + 1), (0, -1));
        let ((mut x, mut y), (mut dx, mut dy)) = start;
        let (mut points, mut steps) = (Vec::new(), 0);
        loop {
            if dy == -1 {
                seen[self.place(x, y - 1)] = true;
            }
            (x, y) = (x + dx, y + dy);
            // A longer one is walked to its end all the same, so that it is not met again.
            steps += 1;
            if steps <= STEPS_MAX {
                points.push([x as f32, y as f32]);
            }
            // The pixels ahead at the right and at the left hand; (x, y) is the corner above and left of pixel (x, y).
            let pixel = |side: i32| {
                let (ahead, beside) = ((dx, dy), (-dy * side, dx * side));
                (x + (ahead.0 + beside.0 - 1) / 2, y + (ahead.1 + beside.1 - 1) / 2)
            };
            let (right, left) = (pixel(1), pixel(-1));
            if !self.at(right.0, right.1) {
                (dx, dy) = (-dy, dx);
            } else if self.at(left.0, left.1) {
                (dx, dy) = (dy, -dx);
            }
            if ((x, y), (dx, dy)) == start {
                return if steps <= STEPS_MAX { points } else { vec![] };
            }
        }
    }
}

/// Adds the corners of an outline between sides that are long and straight.
fn sides(outline: &[Point], places: &[usize], found: &mut Vec<Corner>) {
    if (outline.len() as f32) < 4.0 * SIDE_MIN {
        return;
    }
    let point = |number: usize| places.get(number % places.len()).and_then(|&place| outline.get(place)).copied();
    for number in 0..places.len() {
        let (Some(before), Some(here), Some(after)) = (point(number), point(number + 1), point(number + 2)) else {
            continue;
        };
        let (one, two) = (distance(before, here), distance(here, after));
        if one.min(two) < SIDE_MIN || RATIO_MAX * one.min(two) < one.max(two) {
            continue;
        }
        let ([ax, ay], [bx, by]) =
            ([here[0] - before[0], here[1] - before[1]], [after[0] - here[0], after[1] - here[1]]);
        // The dark is at the right hand, so a turn to the right is a corner that sticks out; 55 to 125 degrees.
        let (cross, dot) = (ax * by - ay * bx, ax * bx + ay * by);
        if 0.81 * one * two < cross && dot.abs() < 0.58 * one * two {
            let ends = [places[number], places[(number + 1) % places.len()], places[(number + 2) % places.len()]];
            found.extend(fitted(outline, ends));
        }
    }
}

/// The corners of an outline with four sides of about the same length.
fn square(outline: &[Point], places: &[usize]) -> Option<[Point; 4]> {
    let &[a, b, c, d] = places else { return None };
    let sides = [(a, b), (b, c), (c, d), (d, a)].map(|(from, to)| line(outline, from, to));
    let [Some(one), Some(two), Some(three), Some(four)] = sides else { return None };
    let mut corners = [four.meets(&one)?, one.meets(&two)?, two.meets(&three)?, three.meets(&four)?];
    let lengths = [0, 1, 2, 3].map(|place| distance(corners[place], corners[(place + 1) % 4]));
    let (short, long) = lengths.iter().fold((f32::MAX, 0.0_f32), |(low, high), &side| (low.min(side), high.max(side)));
    if short < 3.0 || 2.0 * short < long {
        return None;
    }
    let [[ax, ay], [bx, by], [cx, cy], ..] = corners;
    if (bx - ax) * (cy - by) - (by - ay) * (cx - bx) < 0.0 {
        corners.reverse();
    }
    Some(corners)
}

/// Places of the outline between which it is straight (Ramer, Douglas and Peucker).
fn simplified(outline: &[Point]) -> Vec<usize> {
    let first = outline[0];
    let far =
        (0..outline.len()).max_by(|&one, &two| distance(first, outline[one]).total_cmp(&distance(first, outline[two])));
    let far = far.unwrap_or(0);
    // From the farthest point of the outline, which is a corner of it, and that farthest from it.
    let opposite = (0..outline.len())
        .max_by(|&one, &two| distance(outline[far], outline[one]).total_cmp(&distance(outline[far], outline[two])))
        .unwrap_or(0);
    let (low, high) = (far.min(opposite), far.max(opposite));
    let mut places = vec![low, high];
    let length = outline.len();
    let mut open = vec![(low, high), (high, low + length)];
    let mut work = WORK_MAX * length;
    while let Some((from, to)) = open.pop() {
        let Some(left) = work.checked_sub(to - from) else { break };
        work = left;
        let (one, two) = (outline[from % length], outline[to % length]);
        let across = distance(one, two).max(1e-3);
        let off = |place: usize| {
            let [x, y] = outline[place % length];
            ((two[0] - one[0]) * (y - one[1]) - (two[1] - one[1]) * (x - one[0])).abs() / across
        };
        let worst = (from + 1..to).map(|place| (off(place), place)).max_by(|one, two| one.0.total_cmp(&two.0));
        if let Some((stray, place)) = worst
            && STRAY < stray
        {
            places.push(place % length);
            open.extend([(from, place), (place, to)]);
        }
    }
    places.sort_unstable();
    places.dedup();
    places
}

/// The corner between the sides that end at these places, by the lines that fit the sides best.
fn fitted(outline: &[Point], [before, here, after]: [usize; 3]) -> Option<Corner> {
    let bottom = line(outline, before, here)?;
    let left = line(outline, here, after)?;
    let corner = bottom.meets(&left)?;
    let at = |place: usize| outline.get(place % outline.len()).copied();
    Some(Corner { right_end: bottom.nearest(at(before)?), corner, top_end: left.nearest(at(after)?) })
}

#[derive(Clone, Copy)]
struct Line {
    through: Point,
    along: Point,
}

impl Line {
    fn nearest(&self, point: Point) -> Point {
        let far = (point[0] - self.through[0]) * self.along[0] + (point[1] - self.through[1]) * self.along[1];
        [self.through[0] + far * self.along[0], self.through[1] + far * self.along[1]]
    }

    fn meets(&self, other: &Self) -> Option<Point> {
        let cross = self.along[0] * other.along[1] - self.along[1] * other.along[0];
        let apart = [other.through[0] - self.through[0], other.through[1] - self.through[1]];
        let far = (apart[0] * other.along[1] - apart[1] * other.along[0]) / cross;
        far.is_finite().then(|| [self.through[0] + far * self.along[0], self.through[1] + far * self.along[1]])
    }
}

/// The line through the middle nine tenths of the outline between two places.
fn line(outline: &[Point], from: usize, to: usize) -> Option<Line> {
    let length = outline.len();
    let count = (to + length - from) % length;
    let margin = count / 20;
    let points = (from + margin..=from + count - margin).map(|place| outline[place % length]);
    let (mut sum, mut squares, mut mixed, mut n) = ([0.0_f64; 2], [0.0_f64; 2], 0.0_f64, 0.0_f64);
    for [x, y] in points {
        let (x, y) = (f64::from(x), f64::from(y));
        sum = [sum[0] + x, sum[1] + y];
        squares = [squares[0] + x * x, squares[1] + y * y];
        mixed += x * y;
        n += 1.0;
    }
    if n < 2.0 {
        return None;
    }
    let (x, y) = (sum[0] / n, sum[1] / n);
    let (xx, yy, xy) = (squares[0] / n - x * x, squares[1] / n - y * y, mixed / n - x * y);
    let angle = 0.5 * (2.0 * xy).atan2(xx - yy);
    Some(Line { through: [x as f32, y as f32], along: [angle.cos() as f32, angle.sin() as f32] })
}
