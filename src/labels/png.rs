//! PNG: the dots of the print head as a picture, which knows its true size.

use png::{BitDepth, ColorType, Encoder, PixelDimensions, Unit};

use crate::labels::LabelError;
use crate::labels::layout::Layout;

/// Most pixels a side for one dot: a preview is looked at, not printed as a poster.
pub const SCALE_MAX: u32 = 8;

/// The label with `scale` by `scale` pixels a dot.
///
/// # Errors
/// A scale outside 1 to [`SCALE_MAX`].
pub fn render(layout: &Layout, scale: u32) -> Result<Vec<u8>, LabelError> {
    if scale < 1 || SCALE_MAX < scale {
        return Err(LabelError::Scale { scale, max: SCALE_MAX });
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
