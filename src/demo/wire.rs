//! The other end of the wire: a simulated device behind a real pseudo-terminal or a real TCP port.
//!
//! The simulators themselves are pure (see `hardware::simulator`); this file lends them a thread, a clock and a link that
//! can be pulled out and put back while the daemon runs.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hardware::simulator::Simulator;
use hardware::simulator::script::{Presentation, Sent};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::ioctl_fionread;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use crate::demo::pushed::{self, To};

/// How long the loop sleeps in a read when nothing comes; the finest grain of a simulated moment.
const GRAIN: Duration = Duration::from_millis(4);

/// How long a pulled plug waits for the daemon to read what was sent: a pty throws away what is unread at hang-up.
const DRAIN: Duration = Duration::from_millis(500);

/// A simulated device at work on its wire. Dropping it pulls the plug and ends the thread.
pub struct Wire {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// What the daemon's configuration names: a path of a serial port or `tcp:HOST:PORT`.
    pub port: String,
}

struct Shared {
    device: Mutex<Box<dyn Simulator>>,
    started: Instant,
    stop: AtomicBool,
    plugged: AtomicBool,
}

impl Shared {
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn device(&self) -> MutexGuard<'_, Box<dyn Simulator>> {
        self.device.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn plugged(&self) -> bool {
        self.plugged.load(Ordering::Relaxed) && !self.stopped()
    }
}

impl Wire {
    /// Puts `device` behind a pty and names it by a link at `path`, as udev names a real one.
    ///
    /// # Errors
    /// When the folder of `path` cannot be written or no pty can be had.
    pub fn serial(device: Box<dyn Simulator>, path: &Path) -> std::io::Result<Wire> {
        // The first pair is opened here, so that a caller learns at once when there is none.
        let pair = plug_in(path)?;
        let path = path.to_path_buf();
        let port = path.display().to_string();
        Ok(Wire::start(device, port, move |shared| serve_serial(&shared, &path, pair)))
    }

    /// Puts `device` behind a TCP port on `address` (port 0 = any free one).
    ///
    /// # Errors
    /// When the address is taken.
    pub fn tcp(device: Box<dyn Simulator>, address: SocketAddr) -> std::io::Result<Wire> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let port = format!("tcp:{}", listener.local_addr()?);
        Ok(Wire::start(device, port, move |shared| serve_tcp(&shared, listener, |_| Ok(()))))
    }

    /// Lets `device` serve an HTTP stream on `address` (port 0 = any free one).
    ///
    /// # Errors
    /// When the address is taken.
    pub fn stream(device: Box<dyn Simulator>, address: SocketAddr) -> std::io::Result<Wire> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let port = format!("http://{}/data/stream", listener.local_addr()?);
        Ok(Wire::start(device, port, move |shared| serve_tcp(&shared, listener, pushed::greet)))
    }

    /// Lets `device` push to a webhook or a broker, again and again until it is there.
    pub fn push(device: Box<dyn Simulator>, to: To) -> Wire {
        let port = match &to {
            To::Webhook { url, .. } => url.clone(),
            To::Broker { host, port, topic } => format!("mqtt://{host}:{port}/{topic}"),
        };
        Wire::start(device, port, move |shared| serve_pushed(&shared, &to))
    }

    fn start(device: Box<dyn Simulator>, port: String, serve: impl FnOnce(Arc<Shared>) + Send + 'static) -> Wire {
        let shared = Arc::new(Shared {
            device: Mutex::new(device),
            started: Instant::now(),
            stop: AtomicBool::new(false),
            plugged: AtomicBool::new(true),
        });
        let served = shared.clone();
        let thread = std::thread::Builder::new()
            .name("simulator".into())
            .spawn(move || serve(served))
            .expect("a thread can be started");
        Wire { shared, thread: Some(thread), port }
    }

    /// Presents something to the device now.
    pub fn show(&self, what: Presentation) {
        let now = self.shared.now();
        self.shared.device().show(what, now);
    }

    /// Everything the device handed over, oldest first; times since the wire was laid.
    pub fn log(&self) -> Vec<Sent> {
        self.log_from(0)
    }

    /// The log without its first `from` entries.
    pub fn log_from(&self, from: usize) -> Vec<Sent> {
        self.shared.device().log().get(from..).unwrap_or_default().to_vec()
    }

    /// Pulls the plug, or puts it back.
    pub fn plug(&self, plugged: bool) {
        self.shared.plugged.store(plugged, Ordering::Relaxed);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of the simulator has been printed by its thread already.
            let _ = thread.join();
        }
    }
}

struct Pair {
    master: Master,
    /// Held open so that the master does not hang up before the daemon has opened the port. A plain file: a serial port
    /// would hold the lock that the daemon needs.
    slave: File,
}

fn plug_in(path: &Path) -> std::io::Result<Pair> {
    // Closed on exec: a program that is started meanwhile must not keep the cable plugged in.
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?;
    let target = Path::new(OsStr::from_bytes(name.as_bytes())).to_path_buf();
    let slave = File::options().read(true).write(true).custom_flags(OFlags::NOCTTY.bits() as i32).open(&target)?;
    let mut raw = tcgetattr(&slave)?;
    raw.make_raw();
    tcsetattr(&slave, OptionalActions::Now, &raw)?;
    fcntl_setfl(&master, OFlags::NONBLOCK)?;
    let master = Master(File::from(master));
    // A link that an earlier simulator left behind is replaced; anything else that stands there is somebody's.
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => std::fs::remove_file(path)?,
        Ok(_) => return Err(std::io::Error::new(ErrorKind::AlreadyExists, "something stands there already")),
        Err(_) => (),
    }
    symlink(target, path)?;
    Ok(Pair { master, slave })
}

/// The device's end of the pty: reads and writes give up after [`GRAIN`].
struct Master(File);

impl Master {
    fn wait(&self, wanted: PollFlags) -> std::io::Result<()> {
        let grain = Timespec { tv_sec: 0, tv_nsec: i64::from(GRAIN.subsec_nanos()) };
        poll(&mut [PollFd::new(&self.0, wanted)], Some(&grain))?;
        Ok(())
    }
}

impl Read for Master {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.wait(PollFlags::IN)?;
        self.0.read(buffer)
    }
}

impl Write for Master {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.wait(PollFlags::OUT)?;
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

fn serve_serial(shared: &Shared, path: &PathBuf, first: Pair) {
    let mut pair = Some(first);
    while !shared.stopped() {
        if !shared.plugged() {
            std::thread::sleep(GRAIN);
            continue;
        }
        let Some(mut plugged) = pair.take().or_else(|| plug_in(path).ok()) else {
            std::thread::sleep(Duration::from_millis(100));
            continue;
        };
        talk(shared, &mut plugged.master);
        let patience = Instant::now() + DRAIN;
        while ioctl_fionread(&plugged.slave).is_ok_and(|waiting| 0 < waiting) && Instant::now() < patience {
            std::thread::sleep(GRAIN);
        }
        let _ = std::fs::remove_file(path);
        // Whoever followed the name a moment ago must find this pty and not the next one of its number, which is another's.
        std::thread::sleep(Duration::from_millis(50));
        drop(plugged);
        // A cable is not put back within the blink of an eye.
        std::thread::sleep(Duration::from_millis(200));
    }
    let _ = std::fs::remove_file(path);
}

fn serve_pushed(shared: &Shared, to: &To) {
    while !shared.stopped() {
        if shared.plugged() {
            let met = match to {
                To::Webhook { url, token } => pushed::Posts::open(url, token).map(|mut posts| talk(shared, &mut posts)),
                To::Broker { host, port, topic } => {
                    pushed::Publishes::open(host, *port, topic).map(|mut publishes| talk(shared, &mut publishes))
                }
            };
            if let Err(error) = met {
                tracing::debug!("a simulated reader pushes to nobody: {error}");
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// `greet` is what stands between a connection and the device's own words.
fn serve_tcp(shared: &Shared, listener: TcpListener, greet: fn(&mut TcpStream) -> std::io::Result<()>) {
    let mut listener = Some(listener);
    let Some(address) = listener.as_ref().and_then(|listener| listener.local_addr().ok()) else { return };
    while !shared.stopped() {
        if !shared.plugged() {
            // A dead reader refuses connections, so the port is let go.
            listener = None;
            std::thread::sleep(GRAIN);
            continue;
        }
        if listener.is_none() {
            listener = TcpListener::bind(address).and_then(|fresh| fresh.set_nonblocking(true).map(|()| fresh)).ok();
        }
        match listener.as_ref().map(TcpListener::accept) {
            Some(Ok((mut stream, _))) => {
                let ready = stream.set_nonblocking(false).and_then(|()| stream.set_read_timeout(Some(GRAIN)));
                let ready =
                    ready.and_then(|()| stream.set_write_timeout(Some(GRAIN))).and_then(|()| stream.set_nodelay(true));
                if ready.and_then(|()| greet(&mut stream)).is_ok() {
                    talk(shared, &mut Guarded { stream: &mut stream, listener: listener.as_ref(), shared });
                }
            }
            _ => std::thread::sleep(GRAIN),
        }
    }
}

/// One client's connection, during which further clients are refused the way the device does it.
struct Guarded<'a> {
    stream: &'a mut TcpStream,
    listener: Option<&'a TcpListener>,
    shared: &'a Shared,
}

impl Read for Guarded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if let Some(Ok((mut second, _))) = self.listener.map(TcpListener::accept) {
            let now = self.shared.now();
            let refusal = self.shared.device().second_client(now);
            let _ = second.write_all(&refusal);
        }
        match self.stream.read(buffer) {
            Ok(0) => Err(ErrorKind::BrokenPipe.into()),
            other => other,
        }
    }
}

impl Write for Guarded<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

/// Drives the device over one open link until the link breaks, the plug is pulled or the device cuts it.
fn talk(shared: &Shared, link: &mut (impl Read + Write)) {
    shared.device().opened(shared.now());
    let mut waiting = Vec::new();
    let mut buffer = [0; 4096];
    let mut cut = false;
    loop {
        cut |= {
            let mut device = shared.device();
            device.tick(shared.now());
            while let Some(bytes) = device.transmit() {
                waiting.extend_from_slice(&bytes);
            }
            device.take_disconnect()
        };
        if !send(link, &mut waiting) || (cut && waiting.is_empty()) || !shared.plugged() {
            return shared.device().disconnected(shared.now());
        }
        match link.read(&mut buffer) {
            Ok(0) => std::thread::sleep(GRAIN),
            Ok(len) => shared.device().receive(buffer.get(..len).unwrap_or_default(), shared.now()),
            Err(error) if quiet(&error) => (),
            Err(_) => return shared.device().disconnected(shared.now()),
        }
    }
}

/// Writes what the link takes; what it does not take now stays in `waiting`. False when the link is broken.
fn send(link: &mut impl Write, waiting: &mut Vec<u8>) -> bool {
    while !waiting.is_empty() {
        match link.write(waiting) {
            Ok(0) => return true,
            Ok(len) => drop(waiting.drain(..len)),
            Err(error) if quiet(&error) => return true,
            Err(_) => return false,
        }
    }
    true
}

fn quiet(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
