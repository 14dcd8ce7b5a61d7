//! The C++ library zxing-cpp: one more look when the cargo feature `zxing-cpp` is on, and the peer that the bench measures
//! the readers here against.

use image::GrayImage;
use zxingcpp::{BarcodeFormat, BarcodeReader, ImageFormat, ImageView, PointI};

use super::matrix::Symbol;
use super::{Code, Format, ladder};

/// What zxing-cpp alone reads with its default settings: all directions, scales and inversions.
pub fn read(grey: &GrayImage) -> Vec<Code> {
    symbols(grey).into_iter().map(|symbol| ladder::code(symbol, 1.0)).collect()
}

pub(super) fn symbols(grey: &GrayImage) -> Vec<Symbol> {
    let view = ImageView::from_slice(grey.as_raw(), grey.width(), grey.height(), ImageFormat::Lum);
    let Ok(view) = view else { return vec![] };
    let wanted = [
        BarcodeFormat::QRCode,
        BarcodeFormat::MicroQRCode,
        BarcodeFormat::DataMatrix,
        BarcodeFormat::Aztec,
        BarcodeFormat::PDF417,
        BarcodeFormat::Code128,
        BarcodeFormat::Code39,
        BarcodeFormat::Code93,
        BarcodeFormat::EANUPC,
        BarcodeFormat::ITF,
        BarcodeFormat::Codabar,
        BarcodeFormat::DataBar,
    ];
    let found = BarcodeReader::new().formats(wanted).from(view).unwrap_or_default();
    found.iter().filter_map(symbol).collect()
}

fn symbol(found: &zxingcpp::Barcode) -> Option<Symbol> {
    let position = found.position();
    let corner = |point: PointI| [point.x as f32, point.y as f32];
    // `]` + code + modifier.
    let identifier = found.symbology_identifier();
    let mut bytes = found.bytes();
    let format = format(found.format())?;
    // Codabar comes with the letters that begin and end it, which scanners leave out.
    if let (Format::Codabar, [b'A'..=b'D', inner @ .., b'A'..=b'D']) = (format, bytes.as_slice()) {
        bytes = inner.to_vec();
    }
    let text = match format {
        Format::Codabar => None,
        _ => Some(String::from_utf8(bytes.clone()).unwrap_or_else(|_| found.text())),
    };
    Some(Symbol {
        format,
        text,
        bytes,
        modifier: identifier.as_bytes().get(2).copied()?,
        corners: [position.top_left, position.top_right, position.bottom_right, position.bottom_left].map(corner),
    })
}

fn format(found: BarcodeFormat) -> Option<Format> {
    Some(match found {
        BarcodeFormat::Aztec | BarcodeFormat::AztecCode | BarcodeFormat::AztecRune => Format::Aztec,
        BarcodeFormat::Codabar => Format::Codabar,
        BarcodeFormat::Code39 => Format::Code39,
        BarcodeFormat::Code93 => Format::Code93,
        BarcodeFormat::Code128 => Format::Code128,
        BarcodeFormat::DataBar
        | BarcodeFormat::DataBarOmni
        | BarcodeFormat::DataBarStk
        | BarcodeFormat::DataBarStkOmni
        | BarcodeFormat::DataBarLtd => Format::DataBar,
        BarcodeFormat::DataBarExp | BarcodeFormat::DataBarExpStk => Format::DataBarExpanded,
        BarcodeFormat::DataMatrix => Format::DataMatrix,
        BarcodeFormat::EAN8 => Format::Ean8,
        BarcodeFormat::EAN13 | BarcodeFormat::ISBN => Format::Ean13,
        BarcodeFormat::ITF => Format::Itf,
        BarcodeFormat::MicroQRCode => Format::MicroQrCode,
        BarcodeFormat::PDF417 | BarcodeFormat::CompactPDF417 => Format::Pdf417,
        BarcodeFormat::QRCode | BarcodeFormat::QRCodeModel1 | BarcodeFormat::QRCodeModel2 => Format::QrCode,
        BarcodeFormat::UPCA => Format::UpcA,
        BarcodeFormat::UPCE => Format::UpcE,
        _ => return None,
    })
}
