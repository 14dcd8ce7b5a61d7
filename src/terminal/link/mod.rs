//! What carries the bytes of a device: a serial line, a TCP connection, a device file, and what is made to look like one.
//!
//! A serial line is opened by its stable name, exclusively and raw. Modem lines are never touched, because a pty has none
//! and answers ENOTTY. A keyboard is taken for this program alone, so that a scan never reaches a console. A recording or a
//! simulator may stand in for every node, so what only true nodes can do is tried and not required.

#[cfg(any(test, feature = "gpio"))]
mod gpio;
#[cfg(any(test, feature = "pcsc"))]
mod pcsc;
#[cfg(test)]
mod tests;
pub(super) mod words;

use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use hardware::device::{Parity, Serial};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use tokio::runtime::Handle;

use crate::config::terminal::Line;
use crate::terminal::carrier::Carrier;
use crate::terminal::link::words::{Kind, unopened};

const WRITE_WAIT: Duration = Duration::from_secs(2);
const CONNECT_WAIT: Duration = Duration::from_secs(3);
/// Pause after a USB printer had nothing to say: it is ready to be read at once again.
const SILENT: Duration = Duration::from_millis(20);

/// `O_NONBLOCK`, as the standard library wants it.
const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits() as i32;

/// What stands behind a name: which node, and since when. A replug changes it.
pub(super) fn node(path: &Path) -> Option<(u64, u64, i64)> {
    let found = fs::metadata(path).ok()?;
    Some((found.ino(), found.rdev(), found.ctime()))
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

/// An open link.
pub(super) enum Link {
    Serial(Box<serialport::TTYPort>),
    Tcp(TcpStream),
    File {
        file: fs::File,
        /// A USB printer may give nothing without being gone.
        printer: bool,
    },
    /// A keyboard that is grabbed as long as this lives.
    Keys(Box<evdev::Device>),
    #[cfg(feature = "gpio")]
    Lines(gpio::Lines),
    #[cfg(feature = "pcsc")]
    Cards(Box<pcsc::Desk<pcsc::Reader>>),
    Carried(Carrier),
}

impl Link {
    /// # Errors
    /// Why it cannot be opened, and what to do.
    pub(super) fn open(line: &Line, device: &str, runtime: Option<&Handle>) -> Result<Link, String> {
        match line {
            Line::Serial { path, .. } if is_other(path) => Link::file(path),
            Line::Serial { path, serial } => {
                if !path.exists() {
                    return Err(unopened(path, &ErrorKind::NotFound.into()));
                }
                let builder = serialport::new(path.to_string_lossy(), serial.baud).timeout(WRITE_WAIT).exclusive(true);
                let port = set(builder, serial).open_native();
                port.map(|port| Link::Serial(Box::new(port))).map_err(|error| match error.kind() {
                    serialport::ErrorKind::Io(kind) => unopened(path, &io::Error::new(kind, error.description)),
                    serialport::ErrorKind::NoDevice => unopened(path, &ErrorKind::ResourceBusy.into()),
                    serialport::ErrorKind::InvalidInput | serialport::ErrorKind::Unknown => {
                        unopened(path, &io::Error::other(error.description))
                    }
                })
            }
            Line::File { path } => Link::file(path),
            #[cfg(feature = "gpio")]
            Line::Gpio { chip, offsets, pulls_down } => gpio::Lines::open(chip, offsets, *pulls_down).map(Link::Lines),
            #[cfg(not(feature = "gpio"))]
            Line::Gpio { chip, .. } => {
                Err(format!("{} needs a gatebook that is built with the feature gpio", chip.display()))
            }
            #[cfg(feature = "pcsc")]
            Line::Pcsc { reader } => pcsc::open(reader).map(|desk| Link::Cards(Box::new(desk))),
            #[cfg(not(feature = "pcsc"))]
            Line::Pcsc { .. } => Err("PC/SC needs a gatebook that is built with the feature pcsc".to_owned()),
            Line::Push(push) => {
                let runtime = runtime.ok_or("a reader that pushes needs a running terminal")?;
                Carrier::open(push, device, runtime).map(Link::Carried)
            }
            Line::Tcp { address } => connect(address).map(Link::Tcp).map_err(|error| unconnected(address, &error)),
        }
    }

    fn file(path: &Path) -> Result<Link, String> {
        let kind = Kind::of(path);
        if kind == Kind::Keyboard {
            match keys(path) {
                Ok(keys) => return Ok(Link::Keys(keys)),
                // No input device after all: what stands in for one has nothing to be taken.
                Err(error) if error.raw_os_error() == Some(Errno::NOTTY.raw_os_error()) => (),
                Err(error) => return Err(unopened(path, &error)),
            }
        }
        let file = file(path).map_err(|error| unopened(path, &error))?;
        Ok(Link::File { file, printer: kind == Kind::Printer })
    }

    /// What arrived within `wait`; nothing is an error of the kind `TimedOut`.
    pub(super) fn read(&mut self, bytes: &mut [u8], wait: Duration) -> io::Result<usize> {
        match self {
            Link::Serial(port) => {
                serialport::SerialPort::set_timeout(port.as_mut(), wait)?;
                port.read(bytes)
            }
            Link::Tcp(stream) => {
                stream.set_read_timeout(Some(wait))?;
                stream.read(bytes)
            }
            Link::File { file, printer } => match ready(&*file, PollFlags::IN, wait)? {
                true => match file.read(bytes)? {
                    0 if *printer => {
                        std::thread::sleep(SILENT.min(wait));
                        Err(ErrorKind::TimedOut.into())
                    }
                    count => Ok(count),
                },
                false => Err(ErrorKind::TimedOut.into()),
            },
            #[cfg(feature = "gpio")]
            Link::Lines(lines) => lines.read(bytes, wait),
            #[cfg(feature = "pcsc")]
            Link::Cards(desk) => desk.read(bytes, wait),
            Link::Carried(carrier) => carrier.read(bytes, wait),
            Link::Keys(keys) => match ready(&**keys, PollFlags::IN, wait)? {
                true => Ok(rustix::io::read(&**keys, bytes)?),
                false => Err(ErrorKind::TimedOut.into()),
            },
        }
    }

    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Link::Serial(port) => {
                serialport::SerialPort::set_timeout(port.as_mut(), WRITE_WAIT)?;
                port.write_all(bytes)
            }
            Link::Tcp(stream) => stream.write_all(bytes),
            Link::File { file, .. } => write_all(file, bytes),
            #[cfg(feature = "pcsc")]
            Link::Cards(desk) => {
                desk.write_all(bytes);
                Ok(())
            }
            // Lines that were requested as inputs are only read.
            #[cfg(feature = "gpio")]
            Link::Lines(_) => Ok(()),
            // A keyboard and a reader that pushes have nothing to be told.
            Link::Keys(_) | Link::Carried(_) => Ok(()),
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

/// A device file that blocks nobody: every read and write waits in `poll`.
fn file(path: &Path) -> io::Result<fs::File> {
    let writable = fs::OpenOptions::new().read(true).write(true).custom_flags(NONBLOCK).open(path);
    match writable {
        // Some are only read.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            fs::OpenOptions::new().read(true).custom_flags(NONBLOCK).open(path)
        }
        other => other,
    }
}

/// Whether a node is a device but no serial line, so that a family of serial lines reads and writes it as a file: a printer
/// on USB by another name. Nothing is opened to see that, since opening a serial line moves its modem lines.
fn is_other(path: &Path) -> bool {
    let Ok(found) = fs::metadata(path) else { return false };
    if found.file_type().is_fifo() {
        return true;
    }
    let (major, minor) = (rustix::fs::major(found.rdev()), rustix::fs::minor(found.rdev()));
    let class = fs::read_link(format!("/sys/dev/char/{major}:{minor}/subsystem"));
    // What no class has is left to the one who opens it: a pty is none of the system's devices.
    found.file_type().is_char_device() && class.is_ok_and(|class| !class.ends_with("tty"))
}

/// Writes all of a message. A report of HID goes at once or not at all; a printer takes pieces, and waits between them.
fn write_all(file: &mut fs::File, bytes: &[u8]) -> io::Result<()> {
    let mut left = bytes;
    let mut moved = Instant::now();
    while !left.is_empty() {
        let wait = WRITE_WAIT.saturating_sub(moved.elapsed());
        if wait.is_zero() || !ready(&*file, PollFlags::OUT, wait)? {
            return Err(io::Error::new(ErrorKind::TimedOut, "it takes no more; is it switched on and ready?"));
        }
        match file.write(left) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => {
                left = left.get(count..).unwrap_or_default();
                moved = Instant::now();
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                std::thread::sleep(SILENT);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A keyboard, for this program alone.
fn keys(path: &Path) -> io::Result<Box<evdev::Device>> {
    let mut keys = evdev::Device::open(path)?;
    keys.grab()?;
    Ok(Box::new(keys))
}

/// Whether `file` can do what `flags` say within `wait`. One that is gone can: the read then tells.
fn ready(file: impl AsFd, flags: PollFlags, wait: Duration) -> io::Result<bool> {
    let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
    let mut waiting = [PollFd::new(&file, flags)];
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
