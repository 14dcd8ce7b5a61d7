//! From the bytes of a file to grey pixels: sizes are judged by the header before a pixel is decoded.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat, ImageReader, Limits, Luma};

/// Largest file accepted, in bytes; a photo of 25 megapixels has some 12 MB.
pub const FILE_MAX: usize = 32 << 20;

/// Longest side accepted, in pixels.
pub const SIDE_MAX: u32 = 10_000;

/// Most pixels accepted: more than most cameras give, and 75 MB once decoded.
pub const PIXELS_MAX: u64 = 25_000_000;

/// Shortest side accepted, in pixels: the smallest matrix code has 10 modules, and a line of bars needs no height.
pub const SIDE_MIN: u32 = 10;

/// Most memory that a decoder may take, in bytes.
const MEMORY_MAX: u64 = 160 << 20;

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

/// The picture in grey, sizes checked before pixels are decoded.
///
/// # Errors
/// A [`CameraError`] when the bytes are no picture that can be searched.
pub fn open(bytes: &[u8]) -> Result<GrayImage, CameraError> {
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
    judge(width, height)?;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(MEMORY_MAX);
    reader.limits(limits);
    reader.decode().map(grey).map_err(damaged)
}

/// Whether a picture of this size is searched at all.
pub(super) fn judge(width: u32, height: u32) -> Result<(), CameraError> {
    if width < SIDE_MIN || height < SIDE_MIN {
        return Err(CameraError::TooSmall { width, height });
    }
    if SIDE_MAX < width.max(height) || PIXELS_MAX < u64::from(width) * u64::from(height) {
        return Err(CameraError::TooLarge { width, height });
    }
    Ok(())
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
