//! The port loop, the same for every device: a thread that keeps a link open, drives the session and reports.
//!
//! A serial line is opened by its stable name, exclusively and raw. A hang-up closes it at once: the old node vanishes
//! only when its last descriptor closes, and the device that is plugged in again would get another number. Modem lines
//! are never touched, because a pty has none and answers ENOTTY.

use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hardware::device::{Parity, Serial, Session};
use hardware::event::{Event, Read};
use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::sync::{mpsc, oneshot, watch};

use crate::config::terminal::Line;
use crate::quantity::Moment;

/// Longest wait for bytes: how late an order to stop is seen. Shorter than 5 ms would turn the loop into a busy one.
const READ_WAIT: Duration = Duration::from_millis(100);
const READ_WAIT_MIN: Duration = Duration::from_millis(5);
const WRITE_WAIT: Duration = Duration::from_secs(2);
const CONNECT_WAIT: Duration = Duration::from_secs(3);

/// Waits between two tries: doubling to 2 s during the first minute, then 15 s.
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_EARLY_MAX: Duration = Duration::from_secs(2);
const RETRY_LATE: Duration = Duration::from_secs(15);
const EARLY: Duration = Duration::from_secs(60);
/// How often a serial line that is gone is looked for: plugging it in again ends the wait.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// `O_NONBLOCK`, as the standard library wants it.
const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits() as i32;

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
        let keeper = Keeper { device: device.clone(), health: sender, stop: stop.clone(), origin: Instant::now() };
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

    fn count_noise(&self, bytes: usize) {
        self.health.send_modify(|health| health.noise_bytes += bytes as u64);
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn keep(&mut self, line: &Line, mut session: Box<dyn Session>, station: &mpsc::Sender<Report>) {
        let mut down_since = Instant::now();
        let mut wait = RETRY_FIRST;
        while !self.stopped() {
            let why = match open(line) {
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

    /// Waits, unless a serial line appears meanwhile.
    fn wait_for(&self, line: &Line, span: Duration) {
        let (Line::Serial { path, .. } | Line::File { path }) = line else { return self.sleep(span) };
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

/// What stands behind a name: which node, and since when. A replug changes it.
fn node(path: &Path) -> Option<(u64, u64, i64)> {
    let found = fs::metadata(path).ok()?;
    Some((found.ino(), found.rdev(), found.ctime()))
}

/// What a person can do about `error` of a link that was open.
fn said(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => "unplugged or switched off".to_owned(),
        _ => error.to_string(),
    }
}

/// Why the serial line `path` cannot be opened.
fn unopened(path: &Path, error: &io::Error) -> String {
    let shown = path.display();
    match error.kind() {
        ErrorKind::NotFound => {
            format!("not plugged in: {shown} is not there; check the plug, `gatebook devices` lists what is")
        }
        ErrorKind::PermissionDenied => {
            format!("no permission to open {shown}; add the user of the terminal to the group dialout")
        }
        ErrorKind::ResourceBusy => format!("another program holds {shown}; stop it"),
        _ => format!("{shown} is no serial line that works ({error}); `gatebook devices` lists those of this machine"),
    }
}

/// Why there is no connection to `address`.
fn unconnected(address: &str, error: &io::Error) -> String {
    let hint = "check the device's power, its cable and the address";
    match error.kind() {
        ErrorKind::ConnectionRefused => format!("nothing listens on {address}; {hint}"),
        ErrorKind::TimedOut | ErrorKind::WouldBlock => format!("{address} does not answer; {hint}"),
        _ => format!("no connection to {address}: {error}; {hint}"),
    }
}

enum Link {
    Serial(Box<serialport::TTYPort>),
    Tcp(TcpStream),
    File(fs::File),
}

impl Link {
    fn read(&mut self, bytes: &mut [u8], wait: Duration) -> io::Result<usize> {
        match self {
            Link::Serial(port) => {
                serialport::SerialPort::set_timeout(port.as_mut(), wait)?;
                port.read(bytes)
            }
            Link::Tcp(stream) => {
                stream.set_read_timeout(Some(wait))?;
                stream.read(bytes)
            }
            Link::File(file) => match ready(file, PollFlags::IN, wait)? {
                true => file.read(bytes),
                false => Err(ErrorKind::TimedOut.into()),
            },
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Link::Serial(port) => {
                serialport::SerialPort::set_timeout(port.as_mut(), WRITE_WAIT)?;
                port.write_all(bytes)
            }
            Link::Tcp(stream) => stream.write_all(bytes),
            Link::File(file) => match ready(file, PollFlags::OUT, WRITE_WAIT)? {
                true => file.write_all(bytes),
                false => Err(ErrorKind::TimedOut.into()),
            },
        }
    }
}

fn set(builder: serialport::SerialPortBuilder, serial: &Serial) -> serialport::SerialPortBuilder {
    builder
        .data_bits(if serial.data_bits == 7 { serialport::DataBits::Seven } else { serialport::DataBits::Eight })
        .parity(match serial.parity {
            Parity::None => serialport::Parity::None,
            Parity::Even => serialport::Parity::Even,
            Parity::Odd => serialport::Parity::Odd,
        })
        .stop_bits(if serial.stop_bits == 2 { serialport::StopBits::Two } else { serialport::StopBits::One })
}

fn open(line: &Line) -> Result<Link, String> {
    match line {
        Line::Serial { path, serial } => {
            if !path.exists() {
                return Err(unopened(path, &ErrorKind::NotFound.into()));
            }
            let builder = serialport::new(path.to_string_lossy(), serial.baud).timeout(READ_WAIT).exclusive(true);
            let port = set(builder, serial).open_native();
            port.map(|port| Link::Serial(Box::new(port))).map_err(|error| match error.kind() {
                serialport::ErrorKind::Io(kind) => unopened(path, &io::Error::new(kind, error.description)),
                serialport::ErrorKind::NoDevice => unopened(path, &ErrorKind::ResourceBusy.into()),
                serialport::ErrorKind::InvalidInput | serialport::ErrorKind::Unknown => {
                    unopened(path, &io::Error::other(error.description))
                }
            })
        }
        Line::File { path } => file(path).map(Link::File).map_err(|error| unopened(path, &error)),
        Line::Tcp { address } => connect(address).map(Link::Tcp).map_err(|error| unconnected(address, &error)),
    }
}

/// A device file that blocks nobody: every read and write waits in `poll`.
fn file(path: &Path) -> io::Result<fs::File> {
    let writable = fs::OpenOptions::new().read(true).write(true).custom_flags(NONBLOCK).open(path);
    match writable {
        // A keyboard is only read.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            fs::OpenOptions::new().read(true).custom_flags(NONBLOCK).open(path)
        }
        other => other,
    }
}

/// Whether `file` can do what `flags` say within `wait`. One that is gone can: the read then tells.
fn ready(file: &fs::File, flags: PollFlags, wait: Duration) -> io::Result<bool> {
    let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
    let mut waiting = [PollFd::new(file, flags)];
    Ok(0 < rustix::event::poll(&mut waiting, Some(&wait))?)
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(ErrorKind::NotFound, format!("nobody knows the address {address}"));
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_WAIT) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_write_timeout(Some(WRITE_WAIT))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A port of this machine, for the list of an administrator.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PortInfo {
    /// The name to write into a configuration: it stays when the plug moves or another device comes. `None` where the
    /// system gives no such name.
    pub stable: Option<PathBuf>,
    /// The name of the moment.
    pub path: PathBuf,
    /// USB vendor and product number.
    pub usb: Option<(u16, u16)>,
    pub product: Option<String>,
    /// The driver that such devices mostly want: a hint, many devices share an adapter.
    pub driver: Option<&'static str>,
}

/// The serial ports of this machine, by their path.
pub fn list_ports() -> Vec<PortInfo> {
    let mut ports: Vec<PortInfo> = serialport::available_ports()
        .unwrap_or_default()
        .into_iter()
        .map(|port| {
            let path = PathBuf::from(port.port_name);
            let (usb, product) = match port.port_type {
                serialport::SerialPortType::UsbPort(usb) => (Some((usb.vid, usb.pid)), usb.product),
                serialport::SerialPortType::PciPort
                | serialport::SerialPortType::BluetoothPort
                | serialport::SerialPortType::Unknown => (None, None),
            };
            let family =
                hardware::device::FAMILIES.iter().find(|family| usb.is_some_and(|usb| family.usb_ids.contains(&usb)));
            let stable = ["/dev/serial/by-id", "/dev/serial/by-path"]
                .iter()
                .find_map(|folder| name_in(Path::new(folder), &path));
            PortInfo { stable, path, usb, product, driver: family.map(|family| family.name) }
        })
        .collect();
    ports.sort_by(|a, b| a.path.cmp(&b.path));
    ports
}

/// The link in `folder` that leads to `path`.
fn name_in(folder: &Path, path: &Path) -> Option<PathBuf> {
    let wanted = fs::canonicalize(path).ok()?;
    let links = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let mut fitting: Vec<PathBuf> =
        links.filter(|link| fs::canonicalize(link).is_ok_and(|found| found == wanted)).collect();
    fitting.sort();
    fitting.into_iter().next()
}
