//! The order in which a picture is looked at: cheapest for its yield first, dear looks only while nothing is found.
//!
//! All looks share one pyramid of grey levels, each made and turned black and white once and only when somebody asks.

use std::cell::OnceCell;

use image::GrayImage;
use image::imageops::{self, FilterType};
use rxing::common::BitMatrix;

use super::linear::{self, Kinds, Lens};
use super::matrix::{self, Symbol};
use super::outline::Outlines;
#[cfg(feature = "zxing-cpp")]
use super::zxing_cpp;
use super::{CODES_MAX, Code, Format, Region, Search, aztec, binary, data_matrix, picture, text};
use crate::event::Aim;

/// Pictures are searched at no more than this many pixels: time grows with them and codes held before a camera
/// are large.
const SEARCHED_MAX: u64 = 4_000_000;

/// Pictures up to this many pixels are also searched enlarged, which finds codes with modules of 2 pixels.
const ENLARGED_MAX: u64 = 700_000;

/// Pictures from this many pixels on are also searched at half and at a quarter of the size.
const HALF_MIN: u64 = 120_000;
const QUARTER_MIN: u64 = 1_000_000;

/// rqrr takes seconds for large pictures of nothing but texture, and does not ask for the time.
const RQRR_MAX: u64 = 1_000_000;

/// The size at which a step looks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Size {
    Quarter,
    Half,
    Full,
    Double,
}

#[derive(Clone, Copy, Debug)]
enum Look {
    Qr {
        wide: bool,
    },
    QrOfRqrr,
    QrSharp,
    Inverted,
    MicroQr,
    DataMatrix {
        wide: bool,
    },
    DataMatrixCorners,
    Aztec,
    Pdf417,
    Linear(Lens),
    DataBar(Lens),
    Patches,
    #[cfg(feature = "zxing-cpp")]
    ZxingCpp,
}

/// Steps of round 1 are always taken, those of later rounds while nothing is found.
const STEPS: &[(u8, Size, Look)] = &[
    (1, Size::Quarter, Look::Qr { wide: false }),
    (1, Size::Half, Look::Qr { wide: false }),
    (1, Size::Full, Look::Qr { wide: false }),
    (1, Size::Half, Look::DataMatrix { wide: false }),
    (1, Size::Full, Look::DataMatrix { wide: false }),
    (1, Size::Full, Look::DataMatrixCorners),
    (1, Size::Full, Look::Aztec),
    (1, Size::Full, Look::Linear(Lens { lines: 32, reach: 1, sharpen: None, level: false })),
    (2, Size::Full, Look::Linear(Lens { lines: 128, reach: 1, sharpen: None, level: false })),
    (2, Size::Full, Look::Linear(Lens { lines: 64, reach: 1, sharpen: Some((2, 2.0)), level: false })),
    (2, Size::Full, Look::Patches),
    (2, Size::Full, Look::DataBar(Lens { lines: 48, reach: 0, sharpen: None, level: false })),
    (2, Size::Full, Look::Pdf417),
    (2, Size::Half, Look::DataMatrixCorners),
    (2, Size::Full, Look::MicroQr),
    (3, Size::Half, Look::Aztec),
    #[cfg(feature = "zxing-cpp")]
    (3, Size::Full, Look::ZxingCpp),
    (3, Size::Full, Look::Inverted),
    (3, Size::Half, Look::QrSharp),
    (3, Size::Full, Look::QrSharp),
    (3, Size::Full, Look::QrOfRqrr),
    (3, Size::Double, Look::Pdf417),
    (3, Size::Double, Look::Qr { wide: true }),
];

/// The codes of `grey` that `search` asks for.
pub(super) fn codes(grey: &GrayImage, search: &Search) -> Vec<Code> {
    if picture::judge(grey.width(), grey.height()).is_err() {
        return vec![];
    }
    if let Some(region) = search.region {
        let (part, left, top) = part(grey, region);
        let mut found = codes(&part, &Search { region: None, ..*search });
        if !found.is_empty() {
            let moved = |[x, y]: [i32; 2]| [x + left as i32, y + top as i32];
            found.iter_mut().for_each(|code| code.position = code.position.map(moved));
            return found;
        }
    }
    if pixels(grey) <= SEARCHED_MAX {
        return Pyramid::new(grey, 1.0).climb(search);
    }
    // Halving is many times faster than scaling, and four pixels make one less noisy.
    let half = halved(grey);
    if pixels(&half) <= SEARCHED_MAX {
        return Pyramid::new(&half, 0.5).climb(search);
    }
    let scale = (SEARCHED_MAX as f64 / pixels(&half) as f64).sqrt() as f32;
    Pyramid::new(&scaled(&half, scale), 0.5 * scale).climb(search)
}

/// The pixels of `region` that lie in the picture, and where they begin.
fn part(grey: &GrayImage, region: Region) -> (GrayImage, u32, u32) {
    let (left, top) = (region.left.min(grey.width() - 1), region.top.min(grey.height() - 1));
    let (width, height) = (region.width.min(grey.width() - left), region.height.min(grey.height() - top));
    (imageops::crop_imm(grey, left, top, width, height).to_image(), left, top)
}

/// One picture at several sizes.
struct Pyramid<'a> {
    full: &'a GrayImage,
    /// Pixels of `full` for one of the picture as it came.
    scale: f32,
    levels: [Level; 4],
    turned: OnceCell<GrayImage>,
}

#[derive(Default)]
struct Level {
    grey: OnceCell<GrayImage>,
    bits: OnceCell<Option<BitMatrix>>,
    outlines: OnceCell<Outlines>,
}

impl<'a> Pyramid<'a> {
    fn new(full: &'a GrayImage, scale: f32) -> Self {
        Self { full, scale, levels: std::array::from_fn(|_| Level::default()), turned: OnceCell::new() }
    }

    fn climb(&self, search: &Search) -> Vec<Code> {
        let mut found: Vec<Code> = Vec::new();
        for &(round, size, look) in STEPS {
            if (search.late)() || 1 < round && !found.is_empty() {
                break;
            }
            if !self.has(size) || !look.formats().iter().any(|format| search.formats.contains(format)) {
                continue;
            }
            for code in self.look(size, look, search) {
                if found.len() < CODES_MAX && search.formats.contains(&code.format) && !known(&found, &code) {
                    found.push(code);
                }
            }
        }
        found
    }

    fn has(&self, size: Size) -> bool {
        let pixels = pixels(self.full);
        match size {
            Size::Quarter => QUARTER_MIN <= pixels,
            Size::Half => HALF_MIN <= pixels,
            Size::Full => true,
            Size::Double => pixels <= ENLARGED_MAX,
        }
    }

    fn look(&self, size: Size, look: Look, search: &Search) -> Vec<Code> {
        let symbols = match look {
            Look::Qr { wide } => self.bits(size).map(|bits| matrix::qr(bits, wide)),
            Look::QrOfRqrr if RQRR_MAX < pixels(self.grey(size)) => None,
            Look::QrOfRqrr => Some(matrix::qr_of_rqrr(self.grey(size))),
            Look::QrSharp => binary::binary(&sharpened(self.grey(size))).map(|bits| matrix::qr(&bits, true)),
            Look::Inverted => {
                let mut grey = self.grey(size).clone();
                imageops::invert(&mut grey);
                binary::binary(&grey).map(|bits| {
                    let Outlines { corners, squares } = Outlines::of(&bits);
                    let data_matrix = data_matrix::cornered(&corners, &grey, search.late);
                    [matrix::qr(&bits, false), data_matrix, aztec::read(&squares, &grey, search.late)].concat()
                })
            }
            Look::MicroQr => self.bits(size).map(matrix::micro_qr),
            Look::DataMatrix { wide } => self.bits(size).map(|bits| data_matrix::traced(bits, wide)),
            Look::DataMatrixCorners => {
                Some(data_matrix::cornered(&self.outlines(size).corners, self.grey(size), search.late))
            }
            Look::Aztec => Some(aztec::read(&self.outlines(size).squares, self.grey(size), search.late)),
            Look::Pdf417 => self.bits(size).map(|bits| matrix::pdf417(bits.clone())),
            #[cfg(feature = "zxing-cpp")]
            Look::ZxingCpp if !search.zxing_cpp => None,
            #[cfg(feature = "zxing-cpp")]
            Look::ZxingCpp => Some(zxing_cpp::symbols(self.grey(size))),
            Look::Patches => Some(linear::scan_patches(self.grey(size), Kinds::Usual, search.late)),
            Look::Linear(lens) => Some(self.linear(size, lens, Kinds::Usual, search)),
            Look::DataBar(lens) => Some(matrix::guarded(|| self.linear(size, lens, Kinds::DataBar, search))),
        };
        let scale = self.scale * size.factor();
        symbols.unwrap_or_default().into_iter().map(|symbol| code(symbol, scale)).collect()
    }

    /// Lines along the rows, and along the columns of the picture.
    fn linear(&self, size: Size, lens: Lens, kinds: Kinds, search: &Search) -> Vec<Symbol> {
        let grey = self.grey(size);
        let mut symbols = linear::scan(grey, lens, kinds, search.late);
        if size == Size::Full {
            let turned = self.turned.get_or_init(|| imageops::rotate270(grey));
            let width = grey.width() as f32;
            // Turned to the left, what was at x, y is at y, width - x.
            let upright = |[x, y]: [f32; 2]| [width - y, x];
            let found = linear::scan(turned, lens, kinds, search.late).into_iter();
            symbols.extend(found.map(|symbol| Symbol { corners: symbol.corners.map(upright), ..symbol }));
        }
        symbols
    }

    fn grey(&self, size: Size) -> &GrayImage {
        let level = match size {
            Size::Full => return self.full,
            Size::Quarter | Size::Half | Size::Double => &self.levels[size as usize],
        };
        level.grey.get_or_init(|| match size {
            Size::Quarter => halved(self.grey(Size::Half)),
            Size::Half => halved(self.full),
            Size::Full | Size::Double => doubled(self.full),
        })
    }

    fn outlines(&self, size: Size) -> &Outlines {
        self.levels[size as usize].outlines.get_or_init(|| self.bits(size).map(Outlines::of).unwrap_or_default())
    }

    fn bits(&self, size: Size) -> Option<&BitMatrix> {
        self.levels[size as usize].bits.get_or_init(|| binary::binary(self.grey(size))).as_ref()
    }
}

impl Size {
    fn factor(self) -> f32 {
        match self {
            Self::Quarter => 0.25,
            Self::Half => 0.5,
            Self::Full => 1.0,
            Self::Double => 2.0,
        }
    }
}

impl Look {
    fn formats(self) -> &'static [Format] {
        match self {
            Self::Qr { .. } | Self::QrOfRqrr | Self::QrSharp => &[Format::QrCode],
            #[cfg(feature = "zxing-cpp")]
            Self::ZxingCpp => &Format::ALL,
            Self::Inverted => &[Format::QrCode, Format::DataMatrix, Format::Aztec],
            Self::MicroQr => &[Format::MicroQrCode],
            Self::DataMatrix { .. } | Self::DataMatrixCorners => &[Format::DataMatrix],
            Self::Aztec => &[Format::Aztec],
            Self::Pdf417 => &[Format::Pdf417],
            Self::DataBar(_) => &[Format::DataBar, Format::DataBarExpanded],
            Self::Linear(_) | Self::Patches => &Format::LINEAR,
        }
    }
}

pub(super) fn code(symbol: Symbol, scale: f32) -> Code {
    let Symbol { format, bytes, text, modifier, corners } = symbol;
    let text = text.unwrap_or_else(|| text::text(&bytes));
    let position = corners.map(|corner| corner.map(|at| (at / scale).round() as i32));
    Code { format, text, aim: Aim { code: format.aim_code(), modifier }, bytes, position }
}

/// Whether the same code was found in the same place before.
fn known(found: &[Code], code: &Code) -> bool {
    let middle = |code: &Code| [0, 1].map(|axis| code.position.iter().map(|corner| corner[axis]).sum::<i32>() / 4);
    let size = code.position.iter().map(|corner| corner[0]).max().unwrap_or(0)
        - code.position.iter().map(|corner| corner[0]).min().unwrap_or(0);
    let at = middle(code);
    found.iter().any(|other| {
        let apart = middle(other);
        let near = at[0].abs_diff(apart[0]).max(at[1].abs_diff(apart[1])) <= size.unsigned_abs().max(8) / 2;
        other.bytes == code.bytes && other.format == code.format && near
    })
}

/// Every second pixel in each direction, as the mean of four.
fn halved(grey: &GrayImage) -> GrayImage {
    let (width, height) = (grey.width() / 2, grey.height() / 2);
    let across = grey.width() as usize;
    let mut half = Vec::with_capacity((width * height) as usize);
    for rows in grey.as_raw().chunks_exact(2 * across) {
        let (above, below) = rows.split_at(across);
        half.extend(above.chunks_exact(2).zip(below.chunks_exact(2)).map(|(above, below)| {
            let sum: u16 = above.iter().chain(below).map(|&pixel| u16::from(pixel)).sum();
            (sum / 4) as u8
        }));
    }
    GrayImage::from_raw(width, height, half).unwrap_or_default()
}

/// Each pixel five times as bright less half the sum of its eight neighbours: edges stand out, even areas stay.
fn sharpened(grey: &GrayImage) -> GrayImage {
    let mut sharp = grey.clone();
    let across = grey.width() as usize;
    let rows: Vec<&[u8]> = grey.as_raw().chunks_exact(across).collect();
    for (three, out) in rows.windows(3).zip(sharp.chunks_exact_mut(across).skip(1)) {
        let &[above, here, below] = three else { continue };
        let columns = above.windows(3).zip(here.windows(3)).zip(below.windows(3));
        for (((above, here), below), out) in columns.zip(out.iter_mut().skip(1)) {
            let all: i32 = above.iter().chain(here).chain(below).map(|&pixel| i32::from(pixel)).sum();
            let own = here.get(1).map_or(0, |&pixel| i32::from(pixel));
            *out = (own + 4 * own - (all - own) / 2).clamp(0, 255) as u8;
        }
    }
    sharp
}

/// Four pixels for one, each a mean of its neighbours weighted 9, 3, 3 and 1.
fn doubled(grey: &GrayImage) -> GrayImage {
    let across = grey.width() as usize;
    let rows: Vec<&[u8]> = grey.as_raw().chunks_exact(across).collect();
    let mut double = Vec::with_capacity(4 * grey.as_raw().len());
    let mut mixed: Vec<u16> = Vec::with_capacity(across);
    for (y, &row) in rows.iter().enumerate() {
        for beside in [y.checked_sub(1), Some(y + 1)] {
            let beside = beside.and_then(|y| rows.get(y)).copied().unwrap_or(row);
            mixed.clear();
            mixed.extend(row.iter().zip(beside).map(|(&near, &far)| 3 * u16::from(near) + u16::from(far)));
            for (x, &here) in mixed.iter().enumerate() {
                let at = |x: Option<usize>| x.and_then(|x| mixed.get(x)).copied().unwrap_or(here);
                double.push(((3 * here + at(x.checked_sub(1)) + 8) >> 4) as u8);
                double.push(((3 * here + at(Some(x + 1)) + 8) >> 4) as u8);
            }
        }
    }
    GrayImage::from_raw(2 * grey.width(), 2 * grey.height(), double).unwrap_or_default()
}

fn scaled(grey: &GrayImage, by: f32) -> GrayImage {
    let side = |side: u32| ((side as f32 * by).round() as u32).max(1);
    imageops::resize(grey, side(grey.width()), side(grey.height()), FilterType::Triangle)
}

fn pixels(grey: &GrayImage) -> u64 {
    u64::from(grey.width()) * u64::from(grey.height())
}
