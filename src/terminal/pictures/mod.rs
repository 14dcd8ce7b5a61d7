//! Pictures whose codes are reads: of a camera that is watched, of a folder, of a person's phone.
//!
//! A camera's pictures come one after the other ([`web`], [`file`] and, where built in, a node of this machine) to an
//! [`eye`], which looks at the newest on a thread of its own. A folder's pictures are none the newest: each is looked at.

mod eye;
mod file;
mod folder;
mod frame;
mod live;
mod multipart;
#[cfg(feature = "v4l2")]
mod node;
mod tables;
mod web;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hardware::camera::{CameraError, Format};
use hardware::event::{Read, Symbol};
use tokio::sync::mpsc;

use crate::config::camera::{Camera, Live, Source};
use crate::terminal::pictures::eye::Eye;
use crate::terminal::pictures::frame::{Frame, look};
use crate::terminal::port::{Keeper, Port, Report};

/// How long a picture is searched that somebody took: it is the only one.
const STILL: Duration = Duration::from_secs(3);

/// Waits between two tries to reach a camera: doubling.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// Largest picture of a camera that is watched, in bytes: a JPEG of 25 megapixels in usual quality.
const FRAME_MAX: usize = 8 << 20;

/// The codes in a picture as reads.
///
/// # Errors
/// When the bytes are no picture.
pub fn reads(bytes: &[u8]) -> Result<Vec<Read>, CameraError> {
    let looked = look(&Frame::Encoded(bytes.to_vec()), &Format::ALL, None, STILL)?;
    Ok(looked.codes.into_iter().map(|code| Read::Symbol(Symbol { aim: Some(code.aim), bytes: code.bytes })).collect())
}

/// Watches `camera`; reads go to `station`.
///
/// # Errors
/// When the system gives no thread.
pub fn start(device: &str, camera: Camera, station: mpsc::Sender<Report>) -> io::Result<Port> {
    let Camera { source, live } = camera;
    Port::spawn(device, move |keeper| match source {
        Source::Folder { path } => folder::watch(&keeper, &path, &station),
        Source::File { path } => {
            keep(keeper, &live, station, |keeper, eye| file::watch(keeper, eye, &path, &live));
        }
        Source::Web(web) => {
            let client = web::client(&web);
            keep(keeper, &live, station, |keeper, eye| web::watch(keeper, eye, &web, client.as_ref(), &live));
        }
        #[cfg(feature = "v4l2")]
        Source::Node { path, width, height } => {
            keep(keeper, &live, station, |keeper, eye| node::watch(keeper, eye, &path, (width, height), &live));
        }
        #[cfg(not(feature = "v4l2"))]
        Source::Node { path, .. } => {
            keeper.down(&format!("{} needs a gatebook that is built with the feature v4l2", path.display()));
        }
    })
}

/// Why a camera is watched no longer.
enum End {
    Lost(String),
    Stopped,
}

/// Watches a camera again whenever it was lost.
fn keep(keeper: Keeper, live: &Live, station: mpsc::Sender<Report>, watch: impl Fn(&Keeper, &Eye) -> End) {
    let keeper = Arc::new(keeper);
    let eye = Eye::open(keeper.clone(), live.clone(), station, Box::new(look));
    let mut wait = RETRY_FIRST;
    while !keeper.stopped() && !eye.closed() {
        let began = Instant::now();
        let End::Lost(why) = watch(&keeper, &eye) else { return };
        // Frames that are still looked at must not say that it is up.
        eye.forget();
        keeper.down(&why);
        wait = if RETRY_MAX < began.elapsed() { RETRY_FIRST } else { (wait * 2).min(RETRY_MAX) };
        keeper.sleep(wait);
    }
}
