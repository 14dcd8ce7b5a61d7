//! One picture of a camera, and the search in it. A panic of a reader ends here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use hardware::camera::{self, CameraError, Code, Format, Region, Search};

use crate::terminal::pictures::tables::with_tables;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// JPEG or PNG.
    Encoded(Vec<u8>),
    /// Grey pixels, row by row.
    #[cfg(any(test, feature = "v4l2"))]
    Grey { width: u32, height: u32, pixels: Vec<u8> },
}

impl Frame {
    /// How many bytes it has.
    pub(super) fn len(&self) -> usize {
        match self {
            Frame::Encoded(bytes) => bytes.len(),
            #[cfg(any(test, feature = "v4l2"))]
            Frame::Grey { pixels, .. } => pixels.len(),
        }
    }

    /// The brightness of a frame in YUYV 4:2:2 (`Y0 U Y1 V`), whose rows are `stride` bytes long; with `step` 1 that of a
    /// grey one. `None` when there are fewer bytes than pixels.
    #[cfg(any(test, feature = "v4l2"))]
    pub(super) fn of_pixels(width: u32, height: u32, stride: u32, step: usize, bytes: &[u8]) -> Option<Frame> {
        let columns = usize::try_from(width).ok()?;
        let stride = usize::try_from(stride).ok()?.max(columns.checked_mul(step)?);
        let mut pixels = Vec::with_capacity(columns.checked_mul(usize::try_from(height).ok()?)?.min(bytes.len()));
        for row in 0..usize::try_from(height).ok()? {
            let start = row.checked_mul(stride)?;
            let row = bytes.get(start..start.checked_add(columns * step)?)?;
            pixels.extend(row.iter().step_by(step.max(1)));
        }
        Some(Frame::Grey { width, height, pixels })
    }
}

/// What a search gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Looked {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) codes: Vec<Code>,
}

/// Searches a picture, in `region` first. `deadline` begins when the picture is open: a large one takes its time.
///
/// # Errors
/// When the bytes are no picture.
pub(super) fn look(
    frame: &Frame,
    formats: &[Format],
    region: Option<Region>,
    deadline: Duration,
) -> Result<Looked, CameraError> {
    let searched = catch_unwind(AssertUnwindSafe(|| {
        let grey = match frame {
            Frame::Encoded(bytes) => camera::open(&with_tables(bytes))?,
            #[cfg(any(test, feature = "v4l2"))]
            Frame::Grey { width, height, pixels } => grey(*width, *height, pixels)?,
        };
        let began = Instant::now();
        let late = || deadline <= began.elapsed();
        let search = Search {
            formats,
            region,
            late: &late,
            #[cfg(feature = "zxing-cpp")]
            zxing_cpp: true,
        };
        let codes = camera::read(&grey, &search);
        Ok(Looked { width: grey.width(), height: grey.height(), codes })
    }));
    searched.unwrap_or_else(|_| Err(CameraError::Damaged { reason: "its search failed".to_owned() }))
}

#[cfg(any(test, feature = "v4l2"))]
fn grey(width: u32, height: u32, pixels: &[u8]) -> Result<camera::GrayImage, CameraError> {
    let missing = || CameraError::Damaged { reason: format!("{} pixels for {width} x {height}", pixels.len()) };
    camera::GrayImage::from_raw(width, height, pixels.to_vec()).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn picture(name: &str) -> Vec<u8> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("hardware/tests/data/camera");
        std::fs::read(folder.join(name)).unwrap()
    }

    fn texts(frame: &Frame) -> Vec<String> {
        look(frame, &Format::ALL, None, PATIENCE).unwrap().codes.into_iter().map(|code| code.text).collect()
    }

    /// A JPEG as a webcam sends it: without the tables that every decoder of MJPEG knows by heart.
    fn without_tables(jpeg: &[u8]) -> Vec<u8> {
        let mut kept = jpeg[..2].to_vec();
        let mut rest = &jpeg[2..];
        while let &[0xFF, mark, high, low, ..] = rest {
            let length = 2 + usize::from(u16::from_be_bytes([high, low]));
            if mark == 0xDA {
                break;
            }
            if mark != 0xC4 {
                kept.extend_from_slice(&rest[..length]);
            }
            rest = &rest[length..];
        }
        assert!(kept.len() + rest.len() < jpeg.len(), "there were tables");
        [&kept, rest].concat()
    }

    #[test]
    fn every_form_of_a_frame_shows_the_same_code() {
        let png = picture("photo.png");
        let wanted = texts(&Frame::Encoded(png.clone()));
        assert_eq!(wanted.len(), 1);
        let grey = camera::open(&png).unwrap();
        let (width, height) = grey.dimensions();
        let file = tempfile::Builder::new().suffix(".jpg").tempfile().unwrap();
        grey.save(file.path()).unwrap();
        let jpeg = std::fs::read(file.path()).unwrap();
        assert_eq!(texts(&Frame::Encoded(without_tables(&jpeg))), wanted, "JPEG without tables");
        assert_eq!(texts(&Frame::Encoded(jpeg)), wanted, "JPEG");
        // Rows of YUYV with 32 bytes between them, as some chips align them.
        let mut yuyv = Vec::new();
        for row in grey.rows() {
            row.for_each(|pixel| yuyv.extend([pixel.0[0], 128]));
            yuyv.extend([0; 32]);
        }
        let frame = Frame::of_pixels(width, height, width * 2 + 32, 2, &yuyv).unwrap();
        assert_eq!(frame, Frame::Grey { width, height, pixels: grey.as_raw().clone() });
        assert_eq!(texts(&frame), wanted, "YUYV");
        assert_eq!(Frame::of_pixels(width, height, width * 2 + 32, 2, &yuyv[..yuyv.len() - 40]), None, "half a frame");
        assert_eq!(Frame::of_pixels(u32::MAX, u32::MAX, u32::MAX, 2, &yuyv), None, "sizes that no camera has");
    }

    #[test]
    fn hostile_frames_are_errors() {
        let png = picture("photo.png");
        for (name, bytes) in [
            ("nothing", vec![]),
            ("text", b"<html>login</html>".to_vec()),
            ("cut", png[..png.len() / 2].to_vec()),
            ("a head alone", vec![0xFF, 0xD8, 0xFF, 0xE0]),
        ] {
            assert!(look(&Frame::Encoded(bytes), &Format::ALL, None, PATIENCE).is_err(), "{name}");
        }
        let grey = Frame::Grey { width: 640, height: 480, pixels: vec![0; 100] };
        assert!(look(&grey, &Format::ALL, None, PATIENCE).is_err());
    }
}
