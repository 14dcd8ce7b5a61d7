//! Data Matrix: rxing's tracer and error correction, our own reading of what the codewords say.

mod payload;

use rxing::common::{BitMatrix, DetectorRXingResult};
use rxing::datamatrix::decoder::Decoder;
use rxing::datamatrix::detector::zxing_cpp_detector;

use super::matrix::{Symbol, corners, guarded};
use super::{Format, text};

/// The symbols whose edges can be traced from the middle of the picture, or `wide` from anywhere in it.
pub(super) fn traced(bits: &BitMatrix, wide: bool) -> Vec<Symbol> {
    guarded(|| {
        let Ok(detected) = zxing_cpp_detector::detect(bits, wide, true) else { return vec![] };
        detected
            .iter()
            .filter_map(|detected| decoded(detected.getBits(), corners(detected.getPoints())))
            .collect()
    })
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
