//! QR codes in a picture: encoded PNG or JPEG bytes in, codes out.
//!
//! The picture comes from outside, so its size is judged by its header before a pixel is decoded, and the finder
//! of codes, which panics on some pictures (rqrr 0.11, `geometry.rs`), runs where a panic cannot spread. The panic
//! hook of the program still prints it.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, ImageFormat, ImageReader, Limits, Luma};
use rqrr::PreparedImage;

/// Largest file accepted, in bytes; a photo of 25 megapixels has some 12 MB.
pub const FILE_MAX: usize = 32 << 20;

/// Longest side accepted, in pixels.
pub const SIDE_MAX: u32 = 10_000;

/// Most pixels accepted: more than most cameras give, and 75 MB once decoded.
pub const PIXELS_MAX: u64 = 25_000_000;

/// Shortest side accepted, in pixels. The smallest QR symbol is 21 modules wide.
pub const SIDE_MIN: u32 = 21;

/// Most memory that a decoder may take, in bytes.
const MEMORY_MAX: u64 = 160 << 20;

/// Pictures are searched at no more than this many pixels: time grows with them and codes held before a camera
/// are large.
const SEARCHED_MAX: u64 = 4_000_000;

/// Pictures up to this many pixels are also searched enlarged, which finds codes with modules of 2 or 3 pixels.
const ENLARGED_MAX: u64 = 700_000;

/// White around an enlarged picture, in pixels: a code cut out to its edge has no quiet zone.
const MARGIN: u32 = 20;

/// Most codes reported from one picture.
const CODES_MAX: usize = 64;

/// A code found in a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// The payload byte for byte, in whatever encoding it was printed.
    pub bytes: Vec<u8>,
    /// The name of the symbology.
    pub format: &'static str,
    /// The corners in pixels of the picture, x and y: top left, top right, bottom right, bottom left of the code.
    pub position: [[i32; 2]; 4],
}

/// Why a picture could not be searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CameraError {
    Empty,
    /// More bytes than [`FILE_MAX`].
    FileTooLarge {
        bytes: usize,
    },
    /// Neither PNG nor JPEG.
    Format,
    TooSmall {
        width: u32,
        height: u32,
    },
    TooLarge {
        width: u32,
        height: u32,
    },
    /// The file is damaged or cut short; in the words of its decoder.
    Damaged {
        reason: String,
    },
}

impl std::fmt::Display for CameraError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => write!(f, "the picture has no bytes; take it anew"),
            Self::FileTooLarge { bytes } => {
                write!(f, "the picture has {bytes} bytes, at most {FILE_MAX} are read; send a smaller one")
            }
            Self::Format => write!(f, "the picture is neither PNG nor JPEG; save it as one of these"),
            Self::TooSmall { width, height } => {
                write!(
                    f,
                    "the picture is {width} x {height} pixels, too small for a code of at least {SIDE_MIN} x {SIDE_MIN}"
                )
            }
            Self::TooLarge { width, height } => write!(
                f,
                "the picture is {width} x {height} pixels; at most {SIDE_MAX} on a side and {} million in all are read; send a smaller one",
                PIXELS_MAX / 1_000_000
            ),
            Self::Damaged { reason } => write!(f, "the picture is damaged or cut short ({reason}); take it anew"),
        }
    }
}

impl std::error::Error for CameraError {}

/// The QR codes in an encoded picture; none is an empty list, not an error.
///
/// # Errors
/// A [`CameraError`] when the bytes are no picture that can be searched.
pub fn decode(bytes: &[u8]) -> Result<Vec<Code>, CameraError> {
    let picture = searched(open(bytes)?);
    Ok(Step::ladder(&picture.grey)
        .into_iter()
        .map(|step| step.search(&picture))
        .find(|codes| !codes.is_empty())
        .unwrap_or_default())
}

/// The picture in grey, sizes checked before pixels are decoded.
fn open(bytes: &[u8]) -> Result<GrayImage, CameraError> {
    if bytes.is_empty() {
        return Err(CameraError::Empty);
    }
    if FILE_MAX < bytes.len() {
        return Err(CameraError::FileTooLarge { bytes: bytes.len() });
    }
    let format = image::guess_format(bytes).map_err(|_| CameraError::Format)?;
    if !matches!(format, ImageFormat::Png | ImageFormat::Jpeg) {
        return Err(CameraError::Format);
    }
    let damaged = |error: image::ImageError| CameraError::Damaged { reason: error.to_string() };
    let (width, height) = ImageReader::with_format(Cursor::new(bytes), format).into_dimensions().map_err(damaged)?;
    if width < SIDE_MIN || height < SIDE_MIN {
        return Err(CameraError::TooSmall { width, height });
    }
    if SIDE_MAX < width.max(height) || PIXELS_MAX < u64::from(width) * u64::from(height) {
        return Err(CameraError::TooLarge { width, height });
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(MEMORY_MAX);
    reader.limits(limits);
    reader.decode().map(grey).map_err(damaged)
}

/// Grey, with what is transparent taken as white paper.
fn grey(image: DynamicImage) -> GrayImage {
    if !image.color().has_alpha() {
        return image.into_luma8();
    }
    let image = image.into_luma_alpha8();
    GrayImage::from_fn(image.width(), image.height(), |x, y| {
        let [grey, alpha] = image.get_pixel(x, y).0;
        let (grey, alpha) = (u32::from(grey), u32::from(alpha));
        Luma([u8::try_from((grey * alpha + 255 * (255 - alpha)) / 255).unwrap_or(255)])
    })
}

/// A picture at the size at which it is searched, and how much smaller that is than it came.
struct Picture {
    grey: GrayImage,
    scale: f64,
}

fn searched(grey: GrayImage) -> Picture {
    let pixels = pixels(&grey);
    if pixels <= SEARCHED_MAX {
        return Picture { grey, scale: 1.0 };
    }
    let scale = (SEARCHED_MAX as f64 / pixels as f64).sqrt();
    Picture { grey: scaled(&grey, scale), scale }
}

/// One way of looking at a picture.
///
/// Measured on 153 photos of QR codes and 48 pictures of 1600 pixels (rqrr 0.11): as it is, 89 and 30 are read;
/// with all steps 128 and 33, and nothing in 51 pictures without a code. A quarter of the size, blurring and a
/// stretch of contrast added nothing to that.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    AsItIs,
    Scaled {
        by: f64,
        margin: u32,
    },
    Sharpened,
    /// White on black.
    Inverted,
}

impl Step {
    /// The steps for a picture, cheapest for their yield first; the first that finds a code ends the search.
    fn ladder(grey: &GrayImage) -> Vec<Self> {
        let enlarged = [Self::Scaled { by: 2.0, margin: 0 }, Self::Scaled { by: 1.5, margin: MARGIN }];
        let enlarged = enlarged.into_iter().filter(|_| pixels(grey) <= ENLARGED_MAX);
        let half = [Self::Scaled { by: 0.5, margin: 0 }, Self::Scaled { by: 2.0 / 3.0, margin: 0 }];
        [Self::AsItIs].into_iter().chain(enlarged).chain(half).chain([Self::Sharpened, Self::Inverted]).collect()
    }

    fn search(self, picture: &Picture) -> Vec<Code> {
        let grey = &picture.grey;
        let (view, scale, margin) = match self {
            Self::AsItIs => (grey.clone(), 1.0, 0),
            Self::Scaled { by, margin: 0 } => (scaled(grey, by), by, 0),
            Self::Scaled { by, margin } => (framed(&scaled(grey, by), margin), by, margin),
            Self::Sharpened => (imageops::filter3x3(grey, &[0.0, -1.0, 0.0, -1.0, 5.0, -1.0, 0.0, -1.0, 0.0]), 1.0, 0),
            Self::Inverted => {
                let mut view = grey.clone();
                imageops::invert(&mut view);
                (view, 1.0, 0)
            }
        };
        let original = |at: i32| ((f64::from(at) - f64::from(margin)) / (scale * picture.scale)).round() as i32;
        let mut codes = find(view);
        for corner in codes.iter_mut().flat_map(|code| &mut code.position) {
            *corner = corner.map(original);
        }
        codes
    }
}

/// The codes that rqrr finds, at the scale of `view`. A picture on which it panics has none.
fn find(view: GrayImage) -> Vec<Code> {
    let search = move || {
        let mut prepared = PreparedImage::prepare(view);
        let mut codes = Vec::new();
        for grid in prepared.detect_grids() {
            let mut bytes = Vec::new();
            // A grid that cannot be corrected is no code; what it wrote so far is worth nothing.
            if grid.decode_to(&mut bytes).is_ok() && !bytes.is_empty() && codes.len() < CODES_MAX {
                let position = grid.bounds.map(|corner| [corner.x, corner.y]);
                codes.push(Code { bytes, format: "QRCode", position });
            }
        }
        codes
    };
    catch_unwind(AssertUnwindSafe(search)).unwrap_or_default()
}

fn scaled(grey: &GrayImage, by: f64) -> GrayImage {
    let side = |side: u32| ((f64::from(side) * by).round() as u32).max(1);
    imageops::resize(grey, side(grey.width()), side(grey.height()), FilterType::Triangle)
}

fn framed(grey: &GrayImage, margin: u32) -> GrayImage {
    let mut frame = GrayImage::from_pixel(grey.width() + 2 * margin, grey.height() + 2 * margin, Luma([255]));
    imageops::replace(&mut frame, grey, margin.into(), margin.into());
    frame
}

fn pixels(grey: &GrayImage) -> u64 {
    u64::from(grey.width()) * u64::from(grey.height())
}
