//! A file that some program writes anew with each picture.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use crate::config::camera::Live;
use crate::terminal::pictures::eye::Eye;
use crate::terminal::pictures::frame::Frame;
use crate::terminal::pictures::{End, FRAME_MAX};
use crate::terminal::port::Keeper;

pub(super) fn watch(keeper: &Keeper, eye: &Eye, path: &Path, live: &Live) -> End {
    let mut last: Option<(u64, SystemTime)> = None;
    let mut came = Instant::now();
    let shown = path.display();
    while !keeper.stopped() {
        match state(path) {
            Ok(now) if last != Some(now) => {
                if FRAME_MAX as u64 <= now.0 {
                    return End::Lost(format!("{shown} has {} bytes, more than a picture of a camera", now.0));
                }
                let Ok(bytes) = fs::read(path) else { continue };
                // A file that is being written is looked at again when it is whole: its time changes.
                (last, came) = (Some(now), Instant::now());
                eye.show(Frame::Encoded(bytes));
            }
            Ok(_) if live.silence <= came.elapsed() => return End::Lost(silent(live.silence, &shown.to_string())),
            Ok(_) => (),
            // Many programs put each picture in the place of the last by renaming: for a moment none may be there.
            Err(error) if live.silence <= came.elapsed() => {
                return End::Lost(format!("{shown} cannot be read: {error}; look at the program that writes it"));
            }
            Err(_) => (),
        }
        eye.mind();
        if eye.closed() {
            return End::Stopped;
        }
        keeper.sleep(live.interval);
    }
    End::Stopped
}

fn state(path: &Path) -> io::Result<(u64, SystemTime)> {
    let found = fs::metadata(path)?;
    Ok((found.len(), found.modified()?))
}

/// What is said of a camera that gives no picture.
pub(super) fn silent(span: Duration, place: &str) -> String {
    format!("no picture for {} s from {place}; check the camera's power and cable", span.as_secs())
}
