//! A camera at this machine, by Video4Linux.
//!
//! Its frames are taken on a thread of their own, since the wait for one has no end when a camera falls silent.

use std::io;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use linux_video::types::{BufferType, ContentType, Format, FourCc, In, Mmap, PixFormat};
use linux_video::{Device, Stream};

use crate::config::camera::Live;
use crate::terminal::link::words::{said, unopened};
use crate::terminal::pictures::End;
use crate::terminal::pictures::eye::Eye;
use crate::terminal::pictures::file::silent;
use crate::terminal::pictures::frame::Frame;
use crate::terminal::port::Keeper;

/// How late an order to stop is seen.
const SLICE: Duration = Duration::from_millis(100);
/// Buffers that the kernel fills in turn.
const BUFFERS: usize = 4;

/// What is asked for, best first: compressed frames leave USB room for more of them.
const FORMATS: [FourCc; 3] = [FourCc::Mjpeg, FourCc::Yuyv, FourCc::Grey];

pub(super) fn watch(keeper: &Keeper, eye: &Eye, path: &Path, size: (u32, u32), live: &Live) -> End {
    let (sender, frames) = sync_channel(1);
    let taken = {
        let path = path.to_path_buf();
        thread::Builder::new().name(format!("camera {}", keeper.device)).spawn(move || {
            let end = take(&path, size, &sender);
            // Nobody listens when the port stopped.
            drop(sender.send(Err(end)));
        })
    };
    if let Err(error) = taken {
        return End::Lost(format!("the system gives no thread for the camera: {error}"));
    }
    let mut came = Instant::now();
    while !keeper.stopped() && !eye.closed() {
        match frames.recv_timeout(SLICE) {
            Ok(Ok(frame)) => {
                came = Instant::now();
                eye.show(frame);
            }
            Ok(Err(why)) => return End::Lost(why),
            Err(RecvTimeoutError::Timeout) if live.silence <= came.elapsed() => {
                return End::Lost(silent(live.silence, &path.display().to_string()));
            }
            Err(RecvTimeoutError::Timeout) => eye.mind(),
            Err(RecvTimeoutError::Disconnected) => return End::Lost("the camera's thread ended".to_owned()),
        }
    }
    End::Stopped
}

/// Takes frames until nobody wants them; why there are no more.
fn take(path: &Path, size: (u32, u32), sender: &SyncSender<Result<Frame, String>>) -> String {
    let (format, stream) = match begin(path, size) {
        Ok(begun) => begun,
        Err(error) => return unopened(path, &error),
    };
    loop {
        let frame = match stream.next() {
            Ok(buffer) => frame(&format, buffer.lock().as_ref()),
            Err(error) => return said(&error),
        };
        // A frame that cannot be taken in time gives way to a newer one.
        if let Some(frame) = frame
            && let Err(TrySendError::Disconnected(_)) = sender.try_send(Ok(frame))
        {
            return String::new();
        }
    }
}

/// How the pixels of a frame lie.
struct Pixels {
    code: FourCc,
    width: u32,
    height: u32,
    stride: u32,
}

fn begin(path: &Path, size: (u32, u32)) -> io::Result<(Pixels, Stream<In, Mmap>)> {
    let device = Device::open(path)?;
    let mut wrong = io::Error::new(io::ErrorKind::InvalidInput, "it gives neither MJPEG, YUYV nor grey pictures");
    for code in FORMATS {
        match set(&device, code, size) {
            Ok(Some(pixels)) => {
                let stream = device.stream::<In, Mmap>(ContentType::Video, BUFFERS)?;
                return Ok((pixels, stream));
            }
            Ok(None) => (),
            Err(error) => wrong = error,
        }
    }
    Err(wrong)
}

/// Asks for a format; `None` when the camera has another in mind.
fn set(device: &Device, code: FourCc, (width, height): (u32, u32)) -> io::Result<Option<Pixels>> {
    let mut format = Format::from(BufferType::VideoCapture);
    let none = || io::Error::other("no format of a picture");
    let wanted = format.try_mut::<PixFormat>().ok_or_else(none)?;
    wanted.set_pixel_format(code);
    wanted.set_width(width);
    wanted.set_height(height);
    device.set_format(&mut format)?;
    let given = format.try_ref::<PixFormat>().ok_or_else(none)?;
    let (width, height, stride) = (given.width(), given.height(), given.bytes_per_line());
    Ok((given.pixel_format() == code).then_some(Pixels { code, width, height, stride }))
}

/// The frame in a buffer; `None` when the camera gave less than a whole one.
fn frame(pixels: &Pixels, bytes: &[u8]) -> Option<Frame> {
    let &Pixels { code, width, height, stride } = pixels;
    match code {
        FourCc::Mjpeg => Some(Frame::Encoded(bytes.to_vec())).filter(|_| !bytes.is_empty()),
        FourCc::Yuyv => Frame::of_pixels(width, height, stride, 2, bytes),
        _ => Frame::of_pixels(width, height, stride, 1, bytes),
    }
}
