//! Where bars stand and which way they lean: the structure tensor of small tiles.
//!
//! In a tile full of bars nearly all gradients have one direction. Tiles beside each other that agree on it make a patch,
//! which is cut out upright, so that averaging along the bars takes the noise away and leaves the edges.

use std::f32::consts::PI;

use image::GrayImage;

/// Side of a tile, in pixels.
const TILE: usize = 16;

/// Least share of the gradient that has the tile's direction, and least mean square of it.
const COHERENCE_MIN: f32 = 0.55;
const ENERGY_MIN: f32 = 60.0;

/// Tiles belong together when their directions differ by less than this, in radians.
const TURN_MAX: f32 = 0.22;

/// Most patches looked at, strongest first.
const PATCHES_MAX: usize = 3;

/// Least length of a patch across its bars, in pixels.
const LENGTH_MIN: f32 = 40.0;

/// White wanted at both ends of a patch, as a share of its length.
const MARGIN: f32 = 0.16;

/// Longest side of a patch that is cut out, in pixels.
const SIDE_MAX: f32 = 1600.0;

/// Parts of a pixel when a patch is cut out, as a power of two.
const FIXED_POWER: u32 = 14;
const FIXED: i64 = 1 << FIXED_POWER;

/// A part of the picture with bars: `across` is the direction in which a line crosses them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Patch {
    middle: [f32; 2],
    across: [f32; 2],
    length: f32,
    height: f32,
}

struct Tile {
    direction: f32,
    energy: f32,
}

/// The patches of `grey` with the most bars.
pub(super) fn find(grey: &GrayImage) -> Vec<Patch> {
    let (width, height) = (grey.width() as usize, grey.height() as usize);
    let (across, down) = (width / TILE, height / TILE);
    let tiles: Vec<Option<Tile>> = (0..across * down)
        .map(|number| tile(grey.as_raw(), width, number % across * TILE, number / across * TILE))
        .collect();
    let mut taken = vec![false; tiles.len()];
    let mut found: Vec<(f32, Patch)> = Vec::new();
    for start in 0..tiles.len() {
        if taken[start] || tiles[start].is_none() {
            continue;
        }
        let mut members = vec![start];
        taken[start] = true;
        let mut next = 0;
        while let Some(&here) = members.get(next) {
            next += 1;
            let Some(own) = &tiles[here] else { continue };
            let (x, y) = (here % across, here / across);
            for (to_x, to_y) in around(x, y, across, down) {
                let there = to_y * across + to_x;
                let joins = tiles[there].as_ref().is_some_and(|tile| turn(tile.direction, own.direction) < TURN_MAX);
                if joins && !taken[there] {
                    taken[there] = true;
                    members.push(there);
                }
            }
        }
        if let Some(found_patch) = patch(&tiles, &members, across) {
            found.push(found_patch);
        }
    }
    found.sort_by(|one, two| two.0.total_cmp(&one.0));
    found.into_iter().take(PATCHES_MAX).map(|(_, patch)| patch).collect()
}

/// Neighbours of a tile, two tiles far: a wide bar or a reflex leaves a hole.
fn around(x: usize, y: usize, across: usize, down: usize) -> impl Iterator<Item = (usize, usize)> {
    let columns = x.saturating_sub(2)..(x + 3).min(across);
    (y.saturating_sub(2)..(y + 3).min(down)).flat_map(move |y| columns.clone().map(move |x| (x, y)))
}

fn tile(pixels: &[u8], width: usize, left: usize, top: usize) -> Option<Tile> {
    let (mut xx, mut yy, mut xy) = (0_i64, 0_i64, 0_i64);
    let rows = pixels.chunks_exact(width).skip(top).take(TILE + 1);
    let mut above: Option<&[u8]> = None;
    for row in rows {
        let row = row.get(left..(left + TILE + 1).min(width))?;
        if let Some(above) = above {
            for (pair, below) in above.windows(2).zip(row) {
                let &[here, right] = pair else { continue };
                let x = i64::from(right) - i64::from(here);
                let y = i64::from(*below) - i64::from(here);
                xx += x * x;
                yy += y * y;
                xy += x * y;
            }
        }
        above = Some(row);
    }
    let [xx, yy, xy] = [xx, yy, xy].map(|sum| sum as f32 / (TILE * TILE) as f32);
    let energy = xx + yy;
    let coherence = ((xx - yy).powi(2) + 4.0 * xy * xy).sqrt() / energy.max(1.0);
    (ENERGY_MIN <= energy && COHERENCE_MIN <= coherence)
        .then(|| Tile { direction: 0.5 * (2.0 * xy).atan2(xx - yy), energy })
}

/// The angle between two directions, which are the same when turned by half a circle.
fn turn(one: f32, two: f32) -> f32 {
    let apart = (one - two).rem_euclid(PI);
    apart.min(PI - apart)
}

/// The patch that tiles make, and how much there is of it.
fn patch(tiles: &[Option<Tile>], members: &[usize], across: usize) -> Option<(f32, Patch)> {
    let (mut cos, mut sin, mut energy) = (0.0, 0.0, 0.0);
    for tile in members.iter().filter_map(|&place| tiles[place].as_ref()) {
        cos += tile.energy * (2.0 * tile.direction).cos();
        sin += tile.energy * (2.0 * tile.direction).sin();
        energy += tile.energy;
    }
    let direction = 0.5 * sin.atan2(cos);
    let (sin, cos) = direction.sin_cos();
    let (mut low, mut high) = ([f32::MAX; 2], [f32::MIN; 2]);
    for &place in members {
        let middle = [place % across, place / across].map(|at| (at * TILE + TILE / 2) as f32);
        let along = [middle[0] * cos + middle[1] * sin, middle[1] * cos - middle[0] * sin];
        for axis in 0..2 {
            low[axis] = low[axis].min(along[axis]);
            high[axis] = high[axis].max(along[axis]);
        }
    }
    let tile = TILE as f32;
    let (length, height) = (high[0] - low[0] + tile, high[1] - low[1] + tile);
    let [u, v] = [(low[0] + high[0]) / 2.0, (low[1] + high[1]) / 2.0];
    let middle = [u * cos - v * sin, u * sin + v * cos];
    (LENGTH_MIN <= length).then_some((energy, Patch { middle, across: [cos, sin], length, height }))
}

impl Patch {
    /// How many times the patch is enlarged when it is cut out.
    pub(super) fn scale(&self) -> f32 {
        let wanted: f32 = if self.length < 900.0 { 2.0 } else { 1.0 };
        wanted.min(SIDE_MAX / self.length.max(self.height))
    }

    /// The patch upright: its bars stand along the columns.
    pub(super) fn cut(&self, grey: &GrayImage) -> GrayImage {
        let (width, height) = self.size();
        let step = 1.0 / self.scale();
        let fixed = |value: f32| (value * FIXED as f32) as i64;
        let [cos, sin] = self.across.map(|part| fixed(part * step));
        let [left, top] = self.back([0.5, 0.5]);
        let (left, top) = (fixed(left - 0.5), fixed(top - 0.5));
        let mut pixels = Vec::with_capacity((width * height) as usize);
        for row in 0..i64::from(height) {
            let (mut x, mut y) = (left - row * sin, top + row * cos);
            for _ in 0..width {
                pixels.push(sampled(grey, x, y));
                (x, y) = (x + cos, y + sin);
            }
        }
        GrayImage::from_raw(width, height, pixels).unwrap_or_default()
    }

    fn size(&self) -> (u32, u32) {
        let scale = self.scale();
        let length = self.length * (1.0 + 2.0 * MARGIN) + 24.0;
        ((length * scale) as u32, (self.height * scale) as u32)
    }

    /// Where a point of the cut patch lies in the picture.
    pub(super) fn back(&self, point: [f32; 2]) -> [f32; 2] {
        let (width, height) = self.size();
        let scale = self.scale();
        let (u, v) = ((point[0] - width as f32 / 2.0) / scale, (point[1] - height as f32 / 2.0) / scale);
        let [cos, sin] = self.across;
        [self.middle[0] + u * cos - v * sin, self.middle[1] + u * sin + v * cos]
    }
}

/// The grey value at a point between pixels, in parts of [`FIXED`]; outside the picture that of its border.
fn sampled(grey: &GrayImage, x: i64, y: i64) -> u8 {
    let width = i64::from(grey.width());
    let (right, below) = (x & (FIXED - 1), y & (FIXED - 1));
    let at = |x: i64, y: i64| {
        let (x, y) = (x.clamp(0, width - 1), y.clamp(0, i64::from(grey.height()) - 1));
        grey.as_raw().get((y * width + x) as usize).copied().map_or(0, i64::from)
    };
    let (left, top) = (x >> FIXED_POWER, y >> FIXED_POWER);
    let upper = at(left, top) * (FIXED - right) + at(left + 1, top) * right;
    let lower = at(left, top + 1) * (FIXED - right) + at(left + 1, top + 1) * right;
    ((upper * (FIXED - below) + lower * below) >> (2 * FIXED_POWER)) as u8
}
