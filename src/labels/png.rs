//! PNG: the dots of the print head as a picture, which knows its true size.

use png::{BitDepth, ColorType, Encoder, PixelDimensions, Unit};

use crate::labels::LabelError;
use crate::labels::layout::Layout;

/// Most pixels a side for one dot: a preview is looked at, not printed as a poster.
pub const SCALE_MAX: u32 = 8;

/// Most pixels of a picture, 8 MB of dots; the largest label at 600 dpi has 50 million.
const PIXELS_MAX: u64 = 64_000_000;

/// The label with `scale` by `scale` pixels a dot.
///
/// # Errors
/// A scale outside 1 to [`SCALE_MAX`], or one that makes the picture too large.
pub fn render(layout: &Layout, scale: u32) -> Result<Vec<u8>, LabelError> {
    let pixels = |scale: u32| u64::from(layout.width) * u64::from(layout.height) * u64::from(scale).pow(2);
    let max = (1..=SCALE_MAX).rev().find(|scale| pixels(*scale) <= PIXELS_MAX).unwrap_or(1);
    if scale < 1 || max < scale {
        return Err(LabelError::Scale { scale, max });
    }
    let dots = layout.paint().enlarged(scale, scale).inverted();
    let pixels_per_metre = (layout.dpi.dots_per_mm() * 1000.0 * f64::from(scale)).round() as u32;
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, dots.width(), dots.height());
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    encoder.set_pixel_dims(Some(PixelDimensions { xppu: pixels_per_metre, yppu: pixels_per_metre, unit: Unit::Meter }));
    let rows: Vec<u8> = dots.rows().flatten().copied().collect();
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&rows))
        .expect("a picture with its own number of rows is written to memory");
    Ok(file)
}
