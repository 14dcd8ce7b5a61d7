//! Codes in pictures: encoded PNG or JPEG bytes or the grey pixels of a camera in, codes of all usual symbologies out.
//!
//! The one-dimensional codes, the finder of Data Matrix and the judgement of what is believed are our own ([`linear`],
//! [`data_matrix`]); QR, Aztec and PDF417 are read by rxing and rqrr, which panic on some pictures and therefore run
//! where a panic cannot spread. Nothing here reads a clock: who has a deadline brings it along ([`Search::late`]).

mod aztec;
mod binary;
mod data_matrix;
mod format;
mod geometry;
mod ladder;
mod linear;
mod matrix;
mod outline;
mod picture;
mod text;
#[cfg(feature = "zxing-cpp")]
pub mod zxing_cpp;

pub use self::format::Format;
pub use self::picture::{CameraError, FILE_MAX, PIXELS_MAX, SIDE_MAX, SIDE_MIN, open};
pub use image::GrayImage;

use crate::event::Aim;

/// Most codes reported from one picture.
const CODES_MAX: usize = 64;

/// A code found in a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    pub format: Format,
    /// The payload byte for byte as a scanner would send it behind the AIM identifier: 13 digits for UPC, GS (1D) for
    /// FNC1 as separator, none for FNC1 in front.
    pub bytes: Vec<u8>,
    /// What a person would read: the bytes in their character set, the digits printed beneath a UPC.
    pub text: String,
    pub aim: Aim,
    /// The corners in pixels of the picture, x and y: top left, top right, bottom right, bottom left of the code.
    pub position: [[i32; 2]; 4],
}

/// A part of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    pub left: u32,
    pub top: u32,
    pub width: u32,
    pub height: u32,
}

impl Region {
    /// Where the code of one frame will be in the next: its bounding box and 35 % of its longer side all round.
    pub fn around(position: &[[i32; 2]; 4]) -> Self {
        let along = |axis: usize| {
            let values = position.iter().map(move |corner| corner[axis].max(0).unsigned_abs());
            (values.clone().min().unwrap_or(0), values.max().unwrap_or(0))
        };
        let ((left, right), (top, bottom)) = (along(0), along(1));
        let margin = (right - left).max(bottom - top) * 35 / 100 + 8;
        let (left, top) = (left.saturating_sub(margin), top.saturating_sub(margin));
        Self { left, top, width: right + margin - left, height: bottom + margin - top }
    }
}

/// What to look for, where, and for how long.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    pub formats: &'a [Format],
    /// Looked at first; the whole picture only when there is nothing in it. For video: the last hit.
    pub region: Option<Region>,
    /// Asked between the stages of a search; once it says yes, the search ends with what it has.
    pub late: &'a dyn Fn() -> bool,
    /// Whether zxing-cpp looks at what the readers here find nothing in.
    #[cfg(feature = "zxing-cpp")]
    pub zxing_cpp: bool,
}

impl Default for Search<'_> {
    fn default() -> Self {
        Self {
            formats: &Format::ALL,
            region: None,
            late: &|| false,
            #[cfg(feature = "zxing-cpp")]
            zxing_cpp: true,
        }
    }
}

/// The codes in an encoded picture; none is an empty list, not an error.
///
/// # Errors
/// A [`CameraError`] when the bytes are no picture that can be searched.
pub fn decode(bytes: &[u8]) -> Result<Vec<Code>, CameraError> {
    decode_with(bytes, &Search::default())
}

/// The codes in an encoded picture that `search` asks for.
///
/// # Errors
/// A [`CameraError`] when the bytes are no picture that can be searched.
pub fn decode_with(bytes: &[u8], search: &Search) -> Result<Vec<Code>, CameraError> {
    Ok(read(&open(bytes)?, search))
}

/// The codes in a picture that is open already. One too small for a code has none.
pub fn read(grey: &GrayImage, search: &Search) -> Vec<Code> {
    ladder::codes(grey, search)
}

/// The codes in a frame of `width` x `height` grey pixels, one byte each, rows without gaps between them.
///
/// # Errors
/// A [`CameraError`] when the pixels are too few, too many or not as many as said.
pub fn frame(width: u32, height: u32, pixels: &[u8], search: &Search) -> Result<Vec<Code>, CameraError> {
    picture::judge(width, height)?;
    let missing = || CameraError::Damaged { reason: format!("{} pixels for {width} x {height}", pixels.len()) };
    let grey = GrayImage::from_raw(width, height, pixels.to_vec()).ok_or_else(missing)?;
    Ok(read(&grey, search))
}
