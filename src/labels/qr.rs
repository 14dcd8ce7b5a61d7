//! A QR code by itself, for a page: what stands beside it as text is scanned instead of typed.

use crate::labels::bits::Area;
use crate::labels::svg::modules;
use crate::labels::symbols::{self, Kind, Message};

/// The code with its quiet zone as an SVG of one unit a module; `None` when `text` is too long for a QR code.
pub fn svg(text: &str) -> Option<String> {
    let symbol = symbols::encode(Kind::Qr, Message { text: text.to_owned(), gs1: false }).ok()?;
    let quiet = symbol.quiet.left;
    let (width, height) = (symbol.modules.width(), symbol.modules.height());
    let area = Area { x: quiet, y: quiet, width, height };
    let (across, down) = (width + 2 * quiet, height + 2 * quiet);
    let drawn = modules(&symbol.modules, area, 1, 1);
    // White beneath, so that it is read on a dark page too.
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {across} {down}\" width=\"{}\" height=\"{}\" role=\"img\">\
         <rect width=\"{across}\" height=\"{down}\" fill=\"#fff\"/>{drawn}</svg>",
        4 * across,
        4 * down
    ))
}
