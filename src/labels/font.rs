//! Letters: the outlines of the house's font, and the dots that they become.
//!
//! Label printers rarely have Chinese letters, and each firm's Latin ones differ, so texts are drawn here. Positions are whole dots:
//! equal letters then get equal dots.

use std::path::Path;
use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, FontVec, Glyph, GlyphId, OutlineCurve, OutlinedGlyph, PxScale, PxScaleFactor, point};

use crate::labels::bits::Bits;

/// Noto Sans CJK SC Regular, subset to the 8,105 characters of the national table and all of GB 2312; `font/README.md` says how.
static HOUSE: &[u8] = include_bytes!("font/NotoSansCJKsc-Regular-subset.otf");

static HOUSE_FONTS: LazyLock<Fonts> = LazyLock::new(|| Fonts {
    house: FontRef::try_from_slice(HOUSE).expect("the compiled-in font is read by tests"),
    more: Vec::new(),
});

/// Shares of a dot that may have to be covered to print it. For each letter the one is taken with which it gets as many dots as its
/// outline covers: thin strokes between two rows of dots do not vanish then, and dense letters do not run together.
const COVERED: [f32; 8] = [0.36, 0.4, 0.44, 0.48, 0.52, 0.56, 0.6, 0.64];

/// Half of what bold adds to a stroke, in em.
const BOLD_EM: f32 = 0.022;

/// Baseline under the top of a line and height of a line, in em: the em box of Chinese letters and room for Latin descenders.
pub const ASCENT_EM: f32 = 0.88;
pub const LINE_EM: f32 = 1.12;

/// Largest font file taken, in bytes.
const FILE_MAX: u64 = 64 * 1024 * 1024;

/// The house's font and those that an administrator added for rare characters.
pub struct Fonts {
    house: FontRef<'static>,
    more: Vec<FontVec>,
}

/// A letter at its place, in dots from the upper left corner of what it stands in.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    outline: Vec<Curve>,
    /// What is added to each side of a stroke, in dots.
    pub bold: f32,
}

/// One piece of an outline, in dots.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Curve {
    Line([(f32, f32); 2]),
    Quadratic([(f32, f32); 3]),
    Cubic([(f32, f32); 4]),
}

/// A line of text measured: advances in dots, and which characters no font has.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    pub width: u32,
    pub missing: Vec<char>,
}

impl Fonts {
    /// The compiled-in font alone.
    pub fn house() -> &'static Fonts {
        &HOUSE_FONTS
    }

    /// The compiled-in font, then those in `files` (TTF, OTF or the first face of a TTC) for characters that it lacks.
    ///
    /// # Errors
    /// The file that cannot be read or is no font.
    pub fn with(files: &[impl AsRef<Path>]) -> Result<Fonts, String> {
        let mut more = Vec::new();
        for file in files {
            let path = file.as_ref().display();
            let size = std::fs::metadata(file).map_err(|error| format!("{path}: {error}"))?.len();
            if FILE_MAX < size {
                return Err(format!("{path}: a font of {size} bytes is too large; {FILE_MAX} are allowed"));
            }
            let bytes = std::fs::read(file).map_err(|error| format!("{path}: {error}"))?;
            more.push(FontVec::try_from_vec(bytes).map_err(|_| format!("{path} is no TrueType or OpenType font"))?);
        }
        Ok(Fonts { house: HOUSE_FONTS.house.clone(), more })
    }

    /// The first font that has the character, with units per em.
    fn face(&self, letter: char) -> Option<(&dyn AnyFont, GlyphId, f32)> {
        let faces =
            std::iter::once(&self.house as &dyn AnyFont).chain(self.more.iter().map(|font| font as &dyn AnyFont));
        faces.into_iter().find_map(|face| {
            let id = face.id(letter);
            (id.0 != 0).then(|| face.units().map(|units| (face, id, units))).flatten()
        })
    }

    /// Dots from one letter to the next.
    fn advance(&self, letter: char, em: u32) -> u32 {
        let em_dots = em as f32;
        match self.face(letter) {
            Some((face, id, units)) => (face.advance(id) / units * em_dots).round().max(0.0) as u32,
            None => em,
        }
    }

    /// How wide a text is.
    pub fn measure(&self, text: &str, em: u32) -> Measured {
        let mut measured = Measured::default();
        for letter in text.chars() {
            measured.width = measured.width.saturating_add(self.advance(letter, em));
            if self.face(letter).is_none() && !measured.missing.contains(&letter) {
                measured.missing.push(letter);
            }
        }
        measured
    }

    /// Lays a line of text down: `left` and `baseline` in dots.
    pub fn set(&self, text: &str, em: u32, bold: bool, left: u32, baseline: u32) -> Vec<Letter> {
        let mut x = left;
        let mut letters = Vec::new();
        for letter in text.chars() {
            letters.push(self.letter(letter, em, bold, x, baseline));
            x = x.saturating_add(self.advance(letter, em));
        }
        letters
    }

    /// Lays each character down in the middle of a cell, as a printer's font of fixed width does.
    pub fn set_in_cells(&self, text: &str, em: u32, cell: u32, left: u32, baseline: u32) -> Vec<Letter> {
        let place = |at: u32, letter| left + at * cell + cell.saturating_sub(self.advance(letter, em)) / 2;
        (0..)
            .zip(text.chars())
            .map(|(at, letter)| self.letter(letter, em, false, place(at, letter), baseline))
            .collect()
    }

    fn letter(&self, letter: char, em: u32, bold: bool, x: u32, baseline: u32) -> Letter {
        let (x, baseline, em) = (x as f32, baseline as f32, em as f32);
        let bold = if bold { BOLD_EM * em } else { 0.0 };
        let Some((face, id, units)) = self.face(letter) else {
            return Letter { outline: hollow_box(x, baseline, em), bold: 0.0 };
        };
        let scale = em / units;
        let at = |p: ab_glyph::Point| (x + p.x * scale, baseline - p.y * scale);
        let curves = face.curves(id).into_iter().map(|curve| match curve {
            OutlineCurve::Line(a, b) => Curve::Line([at(a), at(b)]),
            OutlineCurve::Quad(a, b, c) => Curve::Quadratic([at(a), at(b), at(c)]),
            OutlineCurve::Cubic(a, b, c, d) => Curve::Cubic([at(a), at(b), at(c), at(d)]),
        });
        Letter { outline: curves.collect(), bold }
    }
}

/// What is drawn for a character that no font has.
fn hollow_box(x: f32, baseline: f32, em: f32) -> Vec<Curve> {
    let ring = |inset: f32, backwards: bool| {
        let (left, right) = (x + 0.08 * em + inset, x + 0.92 * em - inset);
        let (top, bottom) = (baseline - 0.8 * em + inset, baseline + 0.04 * em - inset);
        let mut corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
        if backwards {
            corners.reverse();
        }
        let [a, b, c, d] = corners;
        [[a, b], [b, c], [c, d], [d, a]].map(Curve::Line)
    };
    let edge = (0.08 * em).max(1.0);
    [ring(0.0, false), ring(edge, true)].concat()
}

impl Letter {
    pub fn outline(&self) -> &[Curve] {
        &self.outline
    }

    /// Blackens the dots that the letter covers.
    pub fn draw(&self, onto: &mut Bits) {
        if self.outline.is_empty() {
            return;
        }
        // A bold letter is the letter drawn a little to each side, which is what a wider pen does.
        let moves: &[(f32, f32)] = match self.bold {
            0.0 => &[(0.0, 0.0)],
            _ => &[(-1.0, 0.0), (1.0, 0.0), (0.0, -0.6), (0.0, 0.6)],
        };
        for (across, down) in moves {
            self.draw_moved(onto, across * self.bold, down * self.bold);
        }
    }

    fn draw_moved(&self, onto: &mut Bits, across: f32, down: f32) {
        // The package rasterises outlines of a font, which look up; here the outline is already in dots and looks down.
        let at = |(x, y): (f32, f32)| point(x + across, -(y + down));
        let curves = self.outline.iter().map(|curve| match *curve {
            Curve::Line([a, b]) => OutlineCurve::Line(at(a), at(b)),
            Curve::Quadratic([a, b, c]) => OutlineCurve::Quad(at(a), at(b), at(c)),
            Curve::Cubic([a, b, c, d]) => OutlineCurve::Cubic(at(a), at(b), at(c), at(d)),
        });
        let curves: Vec<OutlineCurve> = curves.collect();
        let points = || {
            curves.iter().flat_map(|curve| match *curve {
                OutlineCurve::Line(a, b) => vec![a, b],
                OutlineCurve::Quad(a, b, c) => vec![a, b, c],
                OutlineCurve::Cubic(a, b, c, d) => vec![a, b, c, d],
            })
        };
        let bounds = points().fold(
            ab_glyph::Rect { min: point(f32::MAX, f32::MIN), max: point(f32::MIN, f32::MAX) },
            |bounds, p| ab_glyph::Rect {
                // The package wants the upper edge in `min`, where y grows upwards.
                min: point(bounds.min.x.min(p.x), bounds.min.y.max(p.y)),
                max: point(bounds.max.x.max(p.x), bounds.max.y.min(p.y)),
            },
        );
        let outline = ab_glyph::Outline { bounds, curves };
        let glyph = Glyph { id: GlyphId(0), scale: PxScale::from(1.0), position: point(0.0, 0.0) };
        let drawn = OutlinedGlyph::new(glyph, outline, PxScaleFactor { horizontal: 1.0, vertical: 1.0 });
        let corner = drawn.px_bounds().min;
        let mut shares: Vec<(f32, f32, f32)> = Vec::new();
        drawn.draw(|x, y, covered| shares.push((corner.x + x as f32, corner.y + y as f32, covered)));
        let ink: f32 = shares.iter().map(|(.., covered)| covered).sum();
        let off = |share: &f32| (shares.iter().filter(|(.., covered)| share <= covered).count() as f32 - ink).abs();
        let share = COVERED.into_iter().min_by(|one, other| off(one).total_cmp(&off(other))).unwrap_or(0.5);
        for (x, y, covered) in shares {
            if share <= covered && 0.0 <= x && 0.0 <= y {
                onto.set(x as u32, y as u32);
            }
        }
    }
}

/// The two shapes of a font of the package as one.
trait AnyFont {
    fn id(&self, letter: char) -> GlyphId;
    fn units(&self) -> Option<f32>;
    fn advance(&self, id: GlyphId) -> f32;
    fn curves(&self, id: GlyphId) -> Vec<OutlineCurve>;
}

impl<F: Font> AnyFont for F {
    fn id(&self, letter: char) -> GlyphId {
        self.glyph_id(letter)
    }

    fn units(&self) -> Option<f32> {
        self.units_per_em().filter(|units| 0.0 < *units)
    }

    fn advance(&self, id: GlyphId) -> f32 {
        self.h_advance_unscaled(id)
    }

    fn curves(&self, id: GlyphId) -> Vec<OutlineCurve> {
        self.outline(id).map(|outline| outline.curves).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_has_what_chinese_labels_need() {
        let fonts = Fonts::house();
        let wanted = "红宝石戒指铂钯镶嵌毛重净重批号数量库位扣留龘㑇0123456789AZaz，。：；（）《》￥¥€·—…×Ø℃№①ⅡμΩ½²";
        assert_eq!(fonts.measure(wanted, 20).missing, ['龘'], "only a character outside both tables is missing");
        // GB 2312, level 1 and 2.
        assert!(fonts.measure("啊齄鳌匚", 20).missing.is_empty());
    }

    #[test]
    fn equal_letters_get_equal_dots() {
        let fonts = Fonts::house();
        let mut dots = Bits::new(100, 30);
        let letters = fonts.set("红红", 16, false, 3, 20);
        letters.iter().for_each(|letter| letter.draw(&mut dots));
        let letter =
            |left: u32| (0..30).map(|y| (0..16).map(|x| dots.get(left + x, y)).collect()).collect::<Vec<Vec<_>>>();
        assert_eq!(letter(3), letter(19));
        assert!(letter(3).concat().iter().filter(|dot| **dot).count() > 50);
    }

    #[test]
    fn what_no_font_has_is_a_box() {
        let mut dots = Bits::new(20, 20);
        Fonts::house().set("\u{1F48E}", 20, false, 0, 17)[0].draw(&mut dots);
        assert!(dots.get(10, 1) && dots.get(2, 10) && dots.get(17, 10) && dots.get(10, 17) && !dots.get(10, 10));
        assert!(Fonts::with(&["/nowhere.otf"]).is_err_and(|error| error.starts_with("/nowhere.otf: ")));
    }
}
