//! Aztec (ISO/IEC 24778): found by one ring of its bull's eye, which is a square hole or a square shape whatever is
//! printed around it.

mod layers;
mod payload;

use image::GrayImage;

use self::payload::Payload;
use super::geometry::{Map, Point, value};
use super::matrix::{Symbol, guarded};
use super::{Format, text};

/// The rings must be as clear as this, 1 being black and white.
const CLEAR: f32 = 0.55;

/// Light must be so much lighter than dark, in grey values.
const CONTRAST_MIN: f32 = 16.0;

/// A bull's eye laid over the picture: the map takes modules counted from its middle to pixels.
struct Eye {
    map: Map,
    /// Grey value between dark and light, and half of what is between them.
    middle: f32,
    half: f32,
    compact: bool,
}

/// The symbols of whose bull's eye some of `squares` in the binary picture is a ring; their modules are read from the
/// grey one.
pub(super) fn read(squares: &[[Point; 4]], grey: &GrayImage, late: &dyn Fn() -> bool) -> Vec<Symbol> {
    guarded(|| {
        let mut found: Vec<Symbol> = Vec::new();
        for &square in squares {
            if late() {
                break;
            }
            // The outermost light ring is a hole with a side of 7 modules in a compact symbol and of 11 in a full one;
            // the dark ring within is a shape of 5 and 9.
            for (side, compact) in [(7.0, true), (11.0, false), (5.0, true), (9.0, false), (5.0, false)] {
                let symbol = Eye::at(grey, square, side, compact).and_then(|eye| eye.symbol(grey));
                if let Some(symbol) = symbol {
                    if found.iter().all(|known| known.bytes != symbol.bytes) {
                        found.push(symbol);
                    }
                    break;
                }
            }
        }
        found
    })
}

impl Eye {
    /// The bull's eye of which `square` is the ring with this side in modules.
    fn at(grey: &GrayImage, square: [Point; 4], side: f32, compact: bool) -> Option<Self> {
        let far = side / 2.0;
        let ring = [[-far, -far], [far, -far], [far, far], [-far, far]];
        let map = Map::between(ring, square)?;
        let mut eye = Self { map, middle: 0.0, half: 0.0, compact };
        let (dark, light) = eye.rings(grey);
        (eye.middle, eye.half) = ((dark + light) / 2.0, (light - dark) / 2.0);
        if eye.half < CONTRAST_MIN / 2.0 || eye.clear(grey) < CLEAR {
            return None;
        }
        eye.settle(grey, square, ring);
        Some(eye)
    }

    /// Rings round the middle module; the last is dark.
    fn radius(&self) -> i32 {
        if self.compact { 4 } else { 6 }
    }

    fn off(&self, grey: &GrayImage, x: i32, y: i32) -> f32 {
        ((value(grey, self.map.at(x as f32, y as f32)) - self.middle) / self.half).clamp(-1.0, 1.0)
    }

    /// Mean grey value of the dark and of the light rings.
    fn rings(&self, grey: &GrayImage) -> (f32, f32) {
        let mut sums = [(0.0, 0.0); 2];
        let radius = self.radius();
        for y in -radius..=radius {
            for x in -radius..=radius {
                let sum = &mut sums[(x.abs().max(y.abs()) % 2) as usize];
                *sum = (sum.0 + value(grey, self.map.at(x as f32, y as f32)), sum.1 + 1.0);
            }
        }
        let [dark, light] = sums.map(|(sum, count)| sum / count);
        (dark, light)
    }

    /// How well the rings are dark and light in turn, from -1 to 1: the worst of them.
    fn clear(&self, grey: &GrayImage) -> f32 {
        let radius = self.radius();
        (0..=radius)
            .map(|ring| {
                let (mut sum, mut count) = (0.0, 0.0);
                for step in -ring..=ring {
                    for (x, y) in [(step, -ring), (step, ring), (-ring, step), (ring, step)] {
                        let sign = if ring % 2 == 0 { -1.0 } else { 1.0 };
                        (sum, count) = (sum + sign * self.off(grey, x, y), count + 1.0);
                    }
                }
                sum / count
            })
            .fold(f32::MAX, f32::min)
    }

    /// Moves the corners by parts of a pixel to where the rings are clearest: what is off by little here is off by much
    /// at the rim of a large symbol.
    fn settle(&mut self, grey: &GrayImage, mut square: [Point; 4], ring: [Point; 4]) {
        let focus = |map: Map| {
            let eye = Self { map, ..*self };
            let radius = eye.radius();
            let all = (-radius..=radius).flat_map(|y| (-radius..=radius).map(move |x| (x, y)));
            all.map(|(x, y)| if x.abs().max(y.abs()) % 2 == 0 { -1.0 } else { 1.0 } * eye.off(grey, x, y)).sum::<f32>()
        };
        let mut best = focus(self.map);
        for step in [0.5, 0.25] {
            for corner in 0..4 {
                for (dx, dy) in [(step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step)] {
                    let mut moved = square;
                    moved[corner] = [moved[corner][0] + dx, moved[corner][1] + dy];
                    let Some(map) = Map::between(ring, moved) else { continue };
                    let found = focus(map);
                    if best < found {
                        (best, square) = (found, moved);
                    }
                }
            }
        }
        if let Some(map) = Map::between(ring, square) {
            self.map = map;
        }
    }

    fn symbol(&self, grey: &GrayImage) -> Option<Symbol> {
        let dark = |x: i32, y: i32| self.off(grey, x, y) < 0.0;
        let (corners, payload) = [false, true].into_iter().find_map(|mirrored| {
            let sides = self.turned(&dark, mirrored)?;
            let mode = layers::mode(self.compact, |place| sides.mode(&dark, place))?;
            let far = layers::dimension(self.compact, mode.layers) as i32 / 2;
            let bits = layers::bits(self.compact, &mode, |x, y| {
                let [x, y] = sides.place(x, y);
                dark(x, y)
            })?;
            let rim = far as f32 + 0.5;
            let corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(|[x, y]| {
                let [x, y] = sides.place(x, y);
                self.map.at(x as f32 * rim, y as f32 * rim)
            });
            Some((corners, payload::payload(&bits)?))
        })?;
        let Payload { bytes, modifier, text } = payload;
        let text = text.unwrap_or_else(|| text::text(&bytes));
        (!bytes.is_empty()).then_some(Symbol { format: Format::Aztec, bytes, text: Some(text), modifier, corners })
    }

    /// Which way the symbol is turned, by the marks at the corners of the mode message: three, two, one and no dark
    /// modules, clockwise from the top left.
    fn turned(&self, dark: &impl Fn(i32, i32) -> bool, mirrored: bool) -> Option<Turned> {
        let far = self.radius() + 1;
        (0..4).map(|quarters| Turned { quarters, mirrored, far }).find(|turned| {
            let marks = [
                (-far, -far, true),
                (-far + 1, -far, true),
                (-far, -far + 1, true),
                (far, -far, true),
                (far, -far + 1, true),
                (far - 1, -far, false),
                (far, far - 1, true),
                (far, far, false),
                (far - 1, far, false),
                (-far, far, false),
                (-far + 1, far, false),
                (-far, far - 1, false),
            ];
            let wrong = marks.iter().filter(|&&(x, y, mark)| {
                let [x, y] = turned.place(x, y);
                dark(x, y) != mark
            });
            wrong.count() <= 2
        })
    }
}

/// A symbol turned by quarters of a circle, and perhaps seen from behind.
#[derive(Clone, Copy)]
struct Turned {
    quarters: usize,
    mirrored: bool,
    far: i32,
}

impl Turned {
    /// Where a module of the upright symbol lies in the turned one.
    fn place(&self, x: i32, y: i32) -> [i32; 2] {
        let (x, y) = if self.mirrored { (y, x) } else { (x, y) };
        match self.quarters {
            0 => [x, y],
            1 => [-y, x],
            2 => [-x, -y],
            _ => [y, -x],
        }
    }

    /// The modules of the mode message, clockwise from the top left; `place` counts those of all four sides.
    fn mode(&self, dark: &impl Fn(i32, i32) -> bool, place: usize) -> bool {
        // Compact sides have 7 modules between the marks; full ones 10 and the reference grid in their middle.
        let long = if self.far == 5 { 7 } else { 10 };
        let (side, number) = (place / long, (place % long) as i32);
        let along = -self.far + 2 + number + i32::from(long == 10 && 5 <= number);
        let [x, y] = match side {
            0 => self.place(along, -self.far),
            1 => self.place(self.far, along),
            2 => self.place(-along, self.far),
            _ => self.place(-self.far, -along),
        };
        dark(x, y)
    }
}
