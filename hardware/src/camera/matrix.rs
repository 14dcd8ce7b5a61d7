//! Matrix codes and PDF417: rxing's readers over the binary picture.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::GrayImage;
use rqrr::PreparedImage;
use rxing::common::cpp_essentials::{ConcentricPattern, DecoderResult};
use rxing::common::{BitArray, BitMatrix, DetectorRXingResult, LineOrientation};
use rxing::multi::MultipleBarcodeReader;
use rxing::pdf417::PDF417Reader;
use rxing::qrcode::cpp_port::{decoder as qr_decoder, detector as qr_detector};
use rxing::{Binarizer, BinaryBitmap, DecodeHints, Luma8LuminanceSource, Point, RXingResult};

use super::{Format, text};

/// Most finder patterns tried as Micro QR: a texture has very many.
const PATTERNS_MAX: usize = 40;

/// What a reader found; `corners` in pixels of the level it looked at.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Symbol {
    pub(super) format: Format,
    pub(super) bytes: Vec<u8>,
    /// Where it is not simply what the bytes say.
    pub(super) text: Option<String>,
    /// Of the AIM identifier.
    pub(super) modifier: u8,
    pub(super) corners: [[f32; 2]; 4],
}

pub(super) fn qr(bits: &BitMatrix, wide: bool) -> Vec<Symbol> {
    guarded(|| {
        let mut patterns = qr_detector::FindFinderPatterns(bits, wide, 0);
        let mut used: Vec<ConcentricPattern> = Vec::new();
        let mut found = Vec::new();
        for set in qr_detector::GenerateFinderPatternSets(&mut patterns) {
            if [&set.bl, &set.tl, &set.tr].into_iter().any(|pattern| used.contains(pattern)) {
                continue;
            }
            let Ok(detected) = qr_detector::SampleQR(bits, &set) else { continue };
            let Ok(decoded) = qr_decoder::Decode(detected.getBits()) else { continue };
            if !decoded.isValid() {
                continue;
            }
            used.extend([set.bl, set.tl, set.tr]);
            found.push(qr_symbol(Format::QrCode, &decoded, detected.getPoints()));
        }
        found
    })
}

/// QR codes that rqrr finds, whose own threshold and finder now and then see what the others miss. It answers with
/// bytes alone, so modifier 1, a QR code without ECI and FNC1, is said only of what it reads that way.
pub(super) fn qr_of_rqrr(grey: &GrayImage) -> Vec<Symbol> {
    guarded(|| {
        let (width, height) = (grey.width() as usize, grey.height() as usize);
        let pixel = |x, y| grey.as_raw().get(y * width + x).copied().unwrap_or(u8::MAX);
        let mut prepared = PreparedImage::prepare_from_greyscale(width, height, pixel);
        let mut found = Vec::new();
        for grid in prepared.detect_grids() {
            let mut bytes = Vec::new();
            // A grid that cannot be corrected is no code; what it wrote so far is worth nothing.
            if grid.decode_to(&mut bytes).is_ok() && !bytes.is_empty() {
                let corners = grid.bounds.map(|corner| [corner.x as f32, corner.y as f32]);
                found.push(Symbol { format: Format::QrCode, bytes, text: None, modifier: b'1', corners });
            }
        }
        found
    })
}

/// Micro QR: one finder pattern each, so any of them may be one.
pub(super) fn micro_qr(bits: &BitMatrix) -> Vec<Symbol> {
    guarded(|| {
        let patterns = qr_detector::FindFinderPatterns(bits, true, 0);
        let of = |pattern: &ConcentricPattern| {
            let detected = qr_detector::SampleMQR(bits, *pattern).ok()?;
            let decoded = qr_decoder::Decode(detected.getBits()).ok().filter(|decoded| decoded.isValid())?;
            Some(qr_symbol(Format::MicroQrCode, &decoded, detected.getPoints()))
        };
        patterns.iter().take(PATTERNS_MAX).filter_map(of).collect()
    })
}

fn qr_symbol(format: Format, decoded: &DecoderResult<bool>, points: &[Point]) -> Symbol {
    let content = decoded.content();
    let bytes = content.bytes().to_vec();
    // rxing knows the sets that a symbol can state; Kanji segments are Shift-JIS and Hanzi ones GB 2312, as we guess.
    let text = if content.has_eci { decoded.text() } else { text::text(&bytes) };
    let modifier = decoded.symbologyIdentifier().bytes().last().unwrap_or(b'1');
    // rxing gives the two upper corners, then the lower ones from left to right as well.
    let [top_left, top_right, bottom_left, bottom_right] = corners(points);
    let corners = [top_left, top_right, bottom_right, bottom_left];
    Symbol { format, bytes, text: Some(text), modifier, corners }
}

pub(super) fn pdf417(bits: BitMatrix) -> Vec<Symbol> {
    guarded(|| {
        let mut bitmap = BinaryBitmap::new(Ready::new(bits));
        let found = PDF417Reader::new().decode_multiple_with_hints(&mut bitmap, &DecodeHints::default());
        let symbol = |found: &RXingResult| {
            let points: Vec<Point> = found.getPoints().to_vec();
            let at = |place: usize| points.get(place).map_or([0.0; 2], |point| [point.x, point.y]);
            // Corners of the whole symbol come as top left, bottom left, top right, bottom right.
            with_text(Format::Pdf417, found.getText(), b'2', [at(0), at(2), at(3), at(1)])
        };
        found.unwrap_or_default().iter().map(symbol).filter(|symbol| !symbol.bytes.is_empty()).collect()
    })
}

/// A symbol of which only the text is known: its bytes are Latin-1, the default of these symbologies, where that holds.
fn with_text(format: Format, text: &str, modifier: u8, corners: [[f32; 2]; 4]) -> Symbol {
    let latin: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    let bytes = latin.unwrap_or_else(|| text.as_bytes().to_vec());
    Symbol { format, bytes, text: Some(text.to_owned()), modifier, corners }
}

pub(super) fn corners(points: &[Point]) -> [[f32; 2]; 4] {
    let mut corners = [[0.0; 2]; 4];
    corners.iter_mut().zip(points).for_each(|(corner, point)| *corner = [point.x, point.y]);
    corners
}

/// What `search` finds; nothing when it panics, as readers of damaged symbols sometimes do. The panic hook of the program
/// still prints it.
pub(super) fn guarded(search: impl FnOnce() -> Vec<Symbol>) -> Vec<Symbol> {
    catch_unwind(AssertUnwindSafe(search)).unwrap_or_default()
}

/// A picture that is binary already, for readers that want to make it so themselves.
struct Ready {
    bits: BitMatrix,
    source: Luma8LuminanceSource,
}

impl Ready {
    fn new(bits: BitMatrix) -> Self {
        let source = Luma8LuminanceSource::with_empty_image(bits.width() as usize, bits.height() as usize);
        Self { bits, source }
    }
}

impl Binarizer for Ready {
    type Source = Luma8LuminanceSource;

    fn get_luminance_source(&self) -> &Self::Source {
        &self.source
    }

    fn get_black_row(&self, y: usize) -> rxing::common::Result<Cow<'_, BitArray>> {
        Ok(Cow::Owned(self.bits.getRow(y as u32)))
    }

    fn get_black_row_from_matrix(&self, y: usize) -> rxing::common::Result<Cow<'_, BitArray>> {
        self.get_black_row(y)
    }

    fn get_black_matrix(&self) -> rxing::common::Result<&BitMatrix> {
        Ok(&self.bits)
    }

    fn get_black_line(&self, line: usize, along: LineOrientation) -> rxing::common::Result<Cow<'_, BitArray>> {
        Ok(Cow::Owned(match along {
            LineOrientation::Row => self.bits.getRow(line as u32),
            LineOrientation::Column => self.bits.getCol(line as u32),
        }))
    }

    fn create_binarizer(&self, source: Self::Source) -> Self {
        Self { bits: self.bits.clone(), source }
    }

    fn get_width(&self) -> usize {
        self.bits.width() as usize
    }

    fn get_height(&self) -> usize {
        self.bits.height() as usize
    }
}
