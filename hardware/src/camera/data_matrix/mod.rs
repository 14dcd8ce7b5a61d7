//! Data Matrix: rxing's tracer and error correction, our own reading of what the codewords say.

mod grid;
mod payload;

use image::GrayImage;
use rxing::common::{BitMatrix, DetectorRXingResult};
use rxing::datamatrix::decoder::Decoder;
use rxing::datamatrix::detector::zxing_cpp_detector;

use super::matrix::{Symbol, corners, guarded};
use super::outline::Corner;
use super::{Format, text};

/// Corners that are solid and free and yet no symbol cost most of the time: so many are given up on, and a few more for
/// each symbol that is found.
const CORNERS_FAILED: usize = 12;
const CORNERS_FAILED_MORE: usize = 4;

/// The symbols whose edges can be traced from the middle of the picture, or `wide` from anywhere in it.
pub(super) fn traced(bits: &BitMatrix, wide: bool) -> Vec<Symbol> {
    guarded(|| {
        let Ok(detected) = zxing_cpp_detector::detect(bits, wide, true) else { return vec![] };
        detected.iter().filter_map(|detected| decoded(detected.getBits(), corners(detected.getPoints()))).collect()
    })
}

/// The symbols that `corners` of the binary picture belong to; their modules are read from the grey one.
pub(super) fn cornered(corners: &[Corner], grey: &GrayImage, late: &dyn Fn() -> bool) -> Vec<Symbol> {
    guarded(|| {
        let mut found: Vec<Symbol> = Vec::new();
        let mut failed = 0;
        for corner in corners {
            if late() || CORNERS_FAILED + CORNERS_FAILED_MORE * found.len() < failed {
                break;
            }
            if found.iter().any(|symbol| inside(corner.corner, &symbol.corners)) {
                continue;
            }
            let Some(levels) = grid::Levels::of(grey, corner) else { continue };
            match grid::read(grey, corner, &levels, |grid| decoded(&grid.bits, grid.corners)) {
                Some(symbol) => found.push(symbol),
                None => failed += 1,
            }
        }
        found
    })
}

/// Whether a point lies in the box round `corners`.
fn inside([x, y]: [f32; 2], corners: &[[f32; 2]; 4]) -> bool {
    let within = |value: f32, axis: usize| {
        let along = || corners.iter().map(|corner| corner[axis]);
        along().fold(f32::MAX, f32::min) - 1.0 <= value && value <= along().fold(f32::MIN, f32::max) + 1.0
    };
    within(x, 0) && within(y, 1)
}

/// The symbol whose modules are `bits`, if they are one.
fn decoded(bits: &BitMatrix, corners: [[f32; 2]; 4]) -> Option<Symbol> {
    let decoded = Decoder::new().decode(bits).ok()?;
    let payload = payload::payload(decoded.getRawBytes())?;
    let written = match payload.eci {
        // rxing knows the sets that a symbol can state.
        Some(_) => decoded.getText().to_owned(),
        None => text::text(&payload.bytes),
    };
    (!payload.bytes.is_empty()).then_some(Symbol {
        format: Format::DataMatrix,
        bytes: payload.bytes,
        text: Some(written),
        modifier: payload.modifier,
        corners,
    })
}
