//! From the solid corner of a Data Matrix symbol to its modules: the size and the far corner under which the dashed sides
//! show most clearly, then grey values at the middles of the modules.

use image::GrayImage;
use rxing::common::BitMatrix;

use super::super::geometry::{Map, Point, from, length, nearest, plus, scaled, solved, value};
use super::super::outline::Corner;

/// Rows and columns of all symbols (ISO/IEC 16022, table 7, and ISO/IEC 21471 for the long ones).
const SIZES: [(usize, usize); 48] = [
    (10, 10),
    (12, 12),
    (14, 14),
    (16, 16),
    (18, 18),
    (20, 20),
    (22, 22),
    (24, 24),
    (26, 26),
    (32, 32),
    (36, 36),
    (40, 40),
    (44, 44),
    (48, 48),
    (52, 52),
    (64, 64),
    (72, 72),
    (80, 80),
    (88, 88),
    (96, 96),
    (104, 104),
    (120, 120),
    (132, 132),
    (144, 144),
    (8, 18),
    (8, 32),
    (12, 26),
    (12, 36),
    (16, 36),
    (16, 48),
    (8, 48),
    (8, 64),
    (8, 80),
    (8, 96),
    (8, 120),
    (8, 144),
    (12, 64),
    (12, 88),
    (16, 64),
    (20, 36),
    (20, 44),
    (20, 64),
    (22, 48),
    (24, 48),
    (24, 64),
    (26, 40),
    (26, 48),
    (26, 64),
];

/// Smallest module, in pixels.
const MODULE_MIN: f32 = 1.5;

/// How far perspective may move the far corner, in modules and as a share of the sides.
const MOVED_MODULES: f32 = 5.0;
const MOVED_SHARE: f32 = 0.3;

/// The dashed sides must be as clear as this, 1 being black and white, for the modules to be read.
const CLEAR: f32 = 0.45;

/// Bent dashes are followed in steps of a part of a module, so many to each side, and a step costs this much.
const BEND_STEP: f32 = 0.2;
const BEND_STATES: usize = 8;
const BEND_COST: f32 = 0.05;

/// Light must be so much lighter than dark, in grey values.
const CONTRAST_MIN: f32 = 16.0;

/// The modules under a corner, and where they lie: top left, top right, bottom right, bottom left.
pub(super) struct Grid {
    pub(super) bits: BitMatrix,
    pub(super) corners: [Point; 4],
}

/// What `decoded` makes of the grids that `corner` may belong to, clearest first, straight ones before bent ones.
pub(super) fn read<T>(
    grey: &GrayImage,
    corner: &Corner,
    levels: &Levels,
    mut decoded: impl FnMut(&Grid) -> Option<T>,
) -> Option<T> {
    let sizes = likely(grey, corner, levels).into_iter();
    let mut placed: Vec<(f32, Placed)> = sizes.filter_map(|size| Placed::best(grey, corner, size, levels)).collect();
    placed.retain(|(clear, _)| CLEAR <= *clear);
    placed.sort_by(|one, two| two.0.total_cmp(&one.0));
    placed.truncate(2);
    for (_, placed) in &placed {
        let straight = placed.read(grey, &Bend::default());
        if let Some(found) = straight.iter().find_map(&mut decoded) {
            return Some(found);
        }
        let bent = placed.read(grey, &placed.bend(grey, levels));
        if let Some(found) = bent.iter().find_map(&mut decoded) {
            return Some(found);
        }
    }
    None
}

/// What is dark and what is light at a corner.
pub(super) struct Levels {
    middle: f32,
    half: f32,
}

impl Levels {
    /// By the grey values just inside and just outside of the solid sides; `None` when these are not solid.
    pub(super) fn of(grey: &GrayImage, corner: &Corner) -> Option<Self> {
        let (up, right) = (from(corner.corner, corner.top_end), from(corner.corner, corner.right_end));
        let inset = (0.015 * length(up).min(length(right))).clamp(1.0, 3.0);
        let (in_right, in_up) = (scaled(right, inset / length(right)), scaled(up, inset / length(up)));
        let along = |side: Point, inward: Point, sign: f32| -> Vec<f32> {
            (1..20)
                .map(|part| {
                    let at = plus(plus(corner.corner, scaled(side, part as f32 / 20.0)), scaled(inward, sign));
                    value(grey, at)
                })
                .collect()
        };
        let dark = [along(up, in_right, 1.0), along(right, in_up, 1.0)].concat();
        let light = [along(up, in_right, -1.5), along(right, in_up, -1.5)].concat();
        let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
        let (low, high) = (mean(&dark), mean(&light));
        let middle = (low + high) / 2.0;
        let solid = dark.iter().filter(|value| **value < middle).count();
        let free = light.iter().filter(|value| middle < **value).count();
        let sound = CONTRAST_MIN < high - low && 0.85 < solid as f32 / dark.len() as f32 && 26 <= free;
        sound.then_some(Self { middle, half: (high - low) / 2.0 })
    }
}

/// The sizes whose dashes could be those that lines along the open sides cross.
fn likely(grey: &GrayImage, corner: &Corner, levels: &Levels) -> Vec<(usize, usize)> {
    let (up, right) = (from(corner.corner, corner.top_end), from(corner.corner, corner.right_end));
    let crossed = |start: Point, side: Point, inward: Point| {
        (0..9).map(|inset| crossings(grey, plus(start, scaled(inward, 0.012 * inset as f32)), side, levels)).max()
    };
    let columns = crossed(corner.top_end, right, scaled(up, -1.0)).unwrap_or(0) + 1;
    let rows = crossed(corner.right_end, up, scaled(right, -1.0)).unwrap_or(0) + 1;
    let fits = |modules: usize, crossed: usize, side: f32| {
        crossed <= modules + 4 && modules <= 2 * crossed + 4 && MODULE_MIN * modules as f32 <= side
    };
    // A mirrored symbol lies on its side.
    let turned = SIZES.into_iter().filter(|(down, across)| down != across).map(|(down, across)| (across, down));
    SIZES
        .into_iter()
        .chain(turned)
        .filter(|&(down, across)| fits(across, columns, length(right)) && fits(down, rows, length(up)))
        .filter(|&(down, across)| {
            let shape = length(right) / length(up) * down as f32 / across as f32;
            (0.55..1.82).contains(&shape)
        })
        .collect()
}

/// How often a line from `start` along `side` changes between dark and light.
fn crossings(grey: &GrayImage, start: Point, side: Point, levels: &Levels) -> usize {
    let steps = (2.0 * length(side)) as usize;
    let mut dark: Option<bool> = None;
    let mut count = 0;
    for step in 0..steps {
        let off = value(grey, plus(start, scaled(side, step as f32 / steps as f32))) - levels.middle;
        // What is neither changes nothing.
        if off.abs() < 0.25 * levels.half {
            continue;
        }
        if dark.is_some_and(|dark| dark != (off < 0.0)) {
            count += 1;
        }
        dark = Some(off < 0.0);
    }
    count
}

/// A symbol of a size laid over the picture.
struct Placed {
    rows: usize,
    columns: usize,
    /// Top left, top right, bottom right, bottom left.
    corners: [Point; 4],
    map: Map,
}

impl Placed {
    fn new(corner: &Corner, (rows, columns): (usize, usize), far: Point) -> Option<Self> {
        let corners = [corner.top_end, far, corner.right_end, corner.corner];
        let (across, down) = (columns as f32, rows as f32);
        let rectangle = [[0.0, 0.0], [across, 0.0], [across, down], [0.0, down]];
        let map = Map::between(rectangle, corners)?;
        Some(Self { rows, columns, corners, map })
    }

    /// The far corner under which the dashes are clearest, and how clear they are.
    fn best(grey: &GrayImage, corner: &Corner, size: (usize, usize), levels: &Levels) -> Option<(f32, Self)> {
        let (up, right) = (from(corner.corner, corner.top_end), from(corner.corner, corner.right_end));
        let (step_up, step_right) = (scaled(up, 1.0 / size.0 as f32), scaled(right, 1.0 / size.1 as f32));
        let even = plus(corner.top_end, right);
        let at = |x: f32, y: f32| plus(even, plus(scaled(step_right, x), scaled(step_up, y)));
        let clear =
            |x: f32, y: f32| Self::new(corner, size, at(x, y)).map_or(-1.0, |placed| placed.clear(grey, levels));
        let reach = |modules: usize| MOVED_MODULES.min(MOVED_SHARE * modules as f32);
        let (reach_x, reach_y) = (reach(size.1), reach(size.0));
        let mut best = (clear(0.0, 0.0), 0.0, 0.0);
        let steps = |reach: f32| (-(reach / 0.7) as i32..=(reach / 0.7) as i32).map(|step| step as f32 * 0.7);
        for y in steps(reach_y) {
            for x in steps(reach_x) {
                let found = clear(x, y);
                if best.0 < found {
                    best = (found, x, y);
                }
            }
        }
        for step in [0.35, 0.2, 0.1] {
            let (_, x, y) = best;
            for (dx, dy) in
                [(-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0), (-1.0, -1.0), (1.0, 1.0), (-1.0, 1.0), (1.0, -1.0)]
            {
                let found = clear(x + dx * step, y + dy * step);
                if best.0 < found {
                    best = (found, x + dx * step, y + dy * step);
                }
            }
        }
        Some((best.0, Self::new(corner, size, at(best.1, best.2))?))
    }

    /// How well the open sides are dashes with light outside, from -1 to 1.
    fn clear(&self, grey: &GrayImage, levels: &Levels) -> f32 {
        let off = |column: f32, row: f32| {
            ((nearest(grey, self.map.at(column, row)) - levels.middle) / levels.half).clamp(-1.0, 1.0)
        };
        let (columns, rows) = (self.columns as f32, self.rows as f32);
        let light = |odd: bool| if odd { 1.0 } else { -1.0 };
        let top: f32 = (0..self.columns).map(|column| light(column % 2 == 1) * off(column as f32 + 0.5, 0.5)).sum();
        let side: f32 = (0..self.rows).map(|row| light(row % 2 == 0) * off(columns - 0.5, row as f32 + 0.5)).sum();
        let above: f32 = (0..self.columns).map(|column| off(column as f32 + 0.5, -0.5)).sum();
        let beside: f32 = (0..self.rows).map(|row| off(columns + 0.5, row as f32 + 0.5)).sum();
        // Both sides must be clear: what one lacks the other does not make up for.
        (top / columns).min(side / rows) * 0.8 + (above + beside) / (columns + rows) * 0.2
    }

    /// How the dashed lines, those between the regions of a large symbol too, lie beside where they should.
    fn bend(&self, grey: &GrayImage, levels: &Levels) -> Bend {
        let off = |column: f32, row: f32| {
            ((value(grey, self.map.at(column, row)) - levels.middle) / levels.half).clamp(-1.0, 1.0)
        };
        let (high, wide) = (self.rows / regions(self.rows), self.columns / regions(self.columns));
        let across = (0..regions(self.rows)).map(|region| {
            let row = region * high;
            let light = |column: usize, by: f32| {
                let sign = if column % 2 == 1 { 1.0 } else { -1.0 };
                sign * off(column as f32 + 0.5 + by, row as f32 + 0.5)
            };
            (row as f32 + 0.5, followed(self.columns, light))
        });
        let down = (0..regions(self.columns)).map(|region| {
            let column = (region + 1) * wide - 1;
            let light = |row: usize, by: f32| {
                let sign = if row % 2 == 1 { -1.0 } else { 1.0 };
                sign * off(column as f32 + 0.5, row as f32 + 0.5 + by)
            };
            (column as f32 + 0.5, followed(self.rows, light))
        });
        Bend { across: across.collect(), down: down.collect() }
    }

    /// The modules, read in several ways where that makes a difference.
    fn read(&self, grey: &GrayImage, bend: &Bend) -> Vec<Grid> {
        let mut values = vec![0.0; self.rows * self.columns];
        for row in 0..self.rows {
            for column in 0..self.columns {
                let [x, y] = bend.at(column, row);
                values[row * self.columns + column] = self.module(grey, x, y);
            }
        }
        let Some(light) = self.light(&values) else { return vec![] };
        let bits = |shift: f32| {
            let mut bits = BitMatrix::new(self.columns as u32, self.rows as u32).ok()?;
            for row in 0..self.rows {
                for column in 0..self.columns {
                    let dark = values[row * self.columns + column] < light.at(column, row) + shift * light.half;
                    bits.set_bool(column as u32, row as u32, dark);
                }
            }
            Some(Grid { bits, corners: self.corners })
        };
        [0.0, -0.25, 0.25].into_iter().filter_map(bits).collect()
    }

    /// The mean of five points round the middle of a module.
    fn module(&self, grey: &GrayImage, column: f32, row: f32) -> f32 {
        const OFF: f32 = 0.18;
        let points = [(0.0, 0.0), (OFF, OFF), (-OFF, OFF), (OFF, -OFF), (-OFF, -OFF)];
        points.iter().map(|(x, y)| value(grey, self.map.at(column + x, row + y))).sum::<f32>() / 5.0
    }

    /// The brightness between dark and light over the symbol, as a plane through the modules that are known.
    fn light(&self, values: &[f32]) -> Option<Light> {
        let mut equations = [[0.0_f64; 5]; 4];
        for row in 0..self.rows {
            for column in 0..self.columns {
                let sign = if column == 0 || row + 1 == self.rows {
                    -1.0
                } else if row == 0 {
                    if column % 2 == 1 { 1.0 } else { -1.0 }
                } else if column + 1 == self.columns {
                    if row % 2 == 0 { 1.0 } else { -1.0 }
                } else {
                    continue;
                };
                let terms = [1.0, column as f64, row as f64, sign, f64::from(values[row * self.columns + column])];
                for one in 0..4 {
                    for two in 0..5 {
                        equations[one][two] += terms[one] * terms[two];
                    }
                }
            }
        }
        let [base, across, down, half] = solved(equations)?;
        (CONTRAST_MIN / 2.0 < half as f32).then_some(Light { base, across, down, half: half as f32 })
    }
}

/// How many regions lie side by side in so many rows or columns.
fn regions(modules: usize) -> usize {
    match modules {
        ..=26 => 1,
        27..=52 => 2,
        53..=104 => 4,
        _ => 6,
    }
}

/// By how much each module along a line of `count` lies beside its place, so that `fit` of all is greatest and
/// neighbours differ little.
fn followed(count: usize, fit: impl Fn(usize, f32) -> f32) -> Vec<f32> {
    let by = |state: usize| (state as f32 - BEND_STATES as f32) * BEND_STEP;
    const STATES: usize = 2 * BEND_STATES + 1;
    let mut sums = [0.0_f32; STATES];
    let mut ways: Vec<[usize; STATES]> = Vec::with_capacity(count);
    for module in 0..count {
        let mut next = [0.0; STATES];
        let mut way = [0; STATES];
        for state in 0..STATES {
            let from = (state.saturating_sub(1)..(state + 2).min(STATES))
                .max_by(|&one, &two| {
                    let cost = |from: usize| sums[from] - if from == state { 0.0 } else { BEND_COST };
                    cost(one).total_cmp(&cost(two))
                })
                .unwrap_or(state);
            way[state] = from;
            next[state] = sums[from] - if from == state { 0.0 } else { BEND_COST } + fit(module, by(state));
        }
        (sums, _) = (next, ways.push(way));
    }
    let mut state = (0..STATES).max_by(|&one, &two| sums[one].total_cmp(&sums[two])).unwrap_or(BEND_STATES);
    let mut offsets = vec![0.0; count];
    for (offset, way) in offsets.iter_mut().zip(&ways).rev() {
        *offset = by(state);
        state = way[state];
    }
    offsets
}

/// Offsets of the columns along some rows, and of the rows along some columns, in modules.
#[derive(Default)]
struct Bend {
    across: Vec<(f32, Vec<f32>)>,
    down: Vec<(f32, Vec<f32>)>,
}

impl Bend {
    /// The middle of a module.
    fn at(&self, column: usize, row: usize) -> [f32; 2] {
        let (x, y) = (column as f32 + 0.5, row as f32 + 0.5);
        [x + between(&self.across, y, column), y + between(&self.down, x, row)]
    }
}

/// The offset of module `number` at `place` between the lines that are known.
fn between(lines: &[(f32, Vec<f32>)], place: f32, number: usize) -> f32 {
    let of = |line: &(f32, Vec<f32>)| line.1.get(number).copied().unwrap_or(0.0);
    let next = lines.iter().position(|line| place < line.0);
    match (next, lines) {
        (_, []) => 0.0,
        (Some(0), [first, ..]) => of(first),
        (None, [.., last]) => of(last),
        (Some(next), lines) => {
            let (one, two) = (&lines[next - 1], &lines[next]);
            let share = (place - one.0) / (two.0 - one.0);
            of(one) * (1.0 - share) + of(two) * share
        }
    }
}

struct Light {
    base: f64,
    across: f64,
    down: f64,
    half: f32,
}

impl Light {
    fn at(&self, column: usize, row: usize) -> f32 {
        (self.base + self.across * column as f64 + self.down * row as f64) as f32
    }
}
