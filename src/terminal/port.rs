//! The port loop, the same for every device: a thread that keeps a link open, drives the session and reports.
//!
//! A hang-up closes a link at once: the old node vanishes only when its last descriptor closes, and the device that is
//! plugged in again would get another number.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hardware::device::Session;
use hardware::event::{Event, Read};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use crate::config::terminal::Line;
use crate::quantity::Moment;
use crate::terminal::link::words::said;
use crate::terminal::link::{Link, node};

/// Longest wait for bytes: how late an order to stop is seen. Shorter than 5 ms would turn the loop into a busy one.
const READ_WAIT: Duration = Duration::from_millis(100);
const READ_WAIT_MIN: Duration = Duration::from_millis(5);

/// Waits between two tries: doubling to 2 s during the first minute, then 15 s.
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_EARLY_MAX: Duration = Duration::from_secs(2);
const RETRY_LATE: Duration = Duration::from_secs(15);
const EARLY: Duration = Duration::from_secs(60);
/// How often a serial line that is gone is looked for: plugging it in again ends the wait.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How long an orderly end may take.
const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// What a port says to its station.
#[derive(Debug)]
pub struct Report {
    /// Name of the device in the configuration.
    pub device: Arc<str>,
    pub read: Read,
    /// Told `true` once the read is in the book or answered, `false` when nothing could be recorded.
    pub done: Option<oneshot::Sender<bool>>,
}

/// How a device is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    pub up: bool,
    /// What the device said of itself.
    pub model: String,
    /// Since when it is up or down; `None` before the first try ended.
    pub since: Option<Moment>,
    /// Why it is down, or the last fault that it told of.
    pub why: String,
    pub reads: u64,
    /// Bytes that belonged to no message.
    pub noise_bytes: u64,
    /// How often the link was lost or could not be opened since it was up last.
    pub tries: u64,
    pub losses: u64,
}

/// A running port.
pub struct Port {
    pub device: Arc<str>,
    pub health: watch::Receiver<Health>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Port {
    /// Starts the loop for `session` on `line`; reads go to `station`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        device: &str,
        line: Line,
        session: Box<dyn Session>,
        station: mpsc::Sender<Report>,
    ) -> io::Result<Port> {
        Port::spawn(device, move |mut keeper| keeper.keep(&line, session, &station))
    }

    /// Starts a loop of another kind under the same rules.
    pub(super) fn spawn(device: &str, body: impl FnOnce(Keeper) + Send + 'static) -> io::Result<Port> {
        let device: Arc<str> = device.into();
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, health) = watch::channel(Health::default());
        let keeper = Keeper {
            device: device.clone(),
            health: sender,
            stop: stop.clone(),
            origin: Instant::now(),
            runtime: Handle::try_current().ok(),
        };
        let thread = thread::Builder::new().name(format!("port {device}")).spawn(move || body(keeper))?;
        Ok(Port { device, health, stop, thread })
    }

    /// Asks the device to end in order, and the loop to end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Waits for the end after [`Port::stop`], no longer than `until`: a loop that is looking for its device's address
    /// may hang in the system for as long as that likes. Blocks.
    pub fn join(self, until: Instant) {
        self.stop();
        while !self.thread.is_finished() {
            if until <= Instant::now() {
                return tracing::warn!(device = %self.device, "{} does not end in time and is left behind", self.device);
            }
            thread::sleep(Duration::from_millis(5));
        }
        if self.thread.join().is_err() {
            tracing::error!(device = %self.device, "the loop of {} ended in a panic", self.device);
        }
    }
}

/// The loop's own side of a port.
pub(super) struct Keeper {
    pub(super) device: Arc<str>,
    health: watch::Sender<Health>,
    stop: Arc<AtomicBool>,
    origin: Instant,
    /// Where the tasks of readers that push and of cameras run.
    pub(super) runtime: Option<Handle>,
}

/// Why a link ended.
enum End {
    Lost(String),
    Stopped,
}

impl Keeper {
    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Sleeps in slices, so that an order to stop is seen.
    pub(super) fn sleep(&self, span: Duration) {
        let until = Instant::now() + span;
        while !self.stopped() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(READ_WAIT));
        }
    }

    pub(super) fn up(&self, model: &str) {
        self.health.send_if_modified(|health| {
            let news = !health.up;
            if news {
                health.since = Some(Moment::now());
                health.tries = 0;
                health.why.clear();
            }
            health.up = true;
            model.clone_into(&mut health.model);
            true
        });
    }

    pub(super) fn down(&self, why: &str) {
        self.health.send_modify(|health| {
            if health.up || health.since.is_none() {
                health.since = Some(Moment::now());
            }
            if health.up {
                health.losses += 1;
            }
            health.up = false;
            health.tries += 1;
            why.clone_into(&mut health.why);
        });
    }

    pub(super) fn fault(&self, text: &str) {
        tracing::warn!(device = %self.device, "{}: {text}", self.device);
        self.health.send_modify(|health| text.clone_into(&mut health.why));
    }

    pub(super) fn count_read(&self) {
        self.health.send_modify(|health| health.reads += 1);
    }

    pub(super) fn is_up(&self) -> bool {
        self.health.borrow().up
    }

    pub(super) fn count_noise(&self, bytes: usize) {
        self.health.send_modify(|health| health.noise_bytes += bytes as u64);
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn keep(&mut self, line: &Line, mut session: Box<dyn Session>, station: &mpsc::Sender<Report>) {
        let mut down_since = Instant::now();
        let mut wait = RETRY_FIRST;
        while !self.stopped() {
            let why = match Link::open(line, &self.device, self.runtime.as_ref()) {
                Ok(mut link) => {
                    let end = self.drive(&mut link, session.as_mut(), station);
                    // Closed here, before any wait: see above.
                    drop(link);
                    if self.health.borrow().up {
                        (down_since, wait) = (Instant::now(), RETRY_FIRST);
                    }
                    match end {
                        End::Stopped => return,
                        End::Lost(why) => why,
                    }
                }
                Err(why) => why,
            };
            self.down(&why);
            let early = down_since.elapsed() < EARLY;
            let span = if early { wait } else { RETRY_LATE };
            wait = (wait * 2).min(RETRY_EARLY_MAX);
            self.wait_for(line, span);
        }
    }

    /// Waits, unless the node of the device appears meanwhile.
    fn wait_for(&self, line: &Line, span: Duration) {
        let path = match line {
            Line::Serial { path, .. } | Line::File { path } | Line::Gpio { chip: path, .. } => path,
            Line::Tcp { .. } | Line::Pcsc { .. } | Line::Push(_) => return self.sleep(span),
        };
        let before = node(path);
        let until = Instant::now() + span;
        while !self.stopped() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            self.sleep(left.min(LOOK_EVERY));
            let now = node(path);
            if now.is_some() && now != before {
                return;
            }
        }
    }

    fn drive(&self, link: &mut Link, session: &mut dyn Session, station: &mpsc::Sender<Report>) -> End {
        session.opened(self.now());
        let mut bytes = [0; 4096];
        let mut closing: Option<Instant> = None;
        loop {
            while let Some(out) = session.transmit() {
                if let Err(error) = link.write_all(&out) {
                    return End::Lost(said(&error));
                }
            }
            while let Some(event) = session.poll() {
                match event {
                    Event::Ready { model } => self.up(&model),
                    Event::Fault { text } => self.fault(&text),
                    Event::Lost { reason } => return End::Lost(reason),
                    Event::Noise { bytes } => self.count_noise(bytes),
                    // A station gives no commands yet, and a printer has its own loop.
                    Event::Answer { .. } | Event::Printer(_) => (),
                    Event::Read(read) => {
                        self.count_read();
                        let report = Report { device: self.device.clone(), read, done: None };
                        if station.blocking_send(report).is_err() {
                            return End::Stopped;
                        }
                    }
                }
            }
            match closing {
                Some(since) if session.closed() || CLOSE_WAIT <= since.elapsed() => return End::Stopped,
                Some(_) => (),
                None if self.stopped() => {
                    session.close(self.now());
                    closing = Some(Instant::now());
                    continue;
                }
                None => (),
            }
            let wake = session.wake().map_or(READ_WAIT, |wake| wake.saturating_sub(self.now()));
            match link.read(&mut bytes, wake.clamp(READ_WAIT_MIN, READ_WAIT)) {
                // A serial line or a connection that gives nothing at once is gone.
                Ok(0) => return End::Lost("the link was closed at the other end".to_owned()),
                Ok(count) => session.receive(bytes.get(..count).unwrap_or_default(), self.now()),
                Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
                    session.tick(self.now());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error) => return End::Lost(said(&error)),
            }
        }
    }
}
