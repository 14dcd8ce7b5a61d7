//! What carries the bytes of a device: a serial line, a TCP connection, a device file.
//!
//! A serial line is opened by its stable name, exclusively and raw. Modem lines are never touched, because a pty has none
//! and answers ENOTTY. A keyboard is taken for this program alone, so that a scan never reaches a console.

use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use hardware::device::{Parity, Serial};
use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::runtime::Handle;

use crate::config::terminal::Line;
use crate::terminal::carrier::Carrier;

const WRITE_WAIT: Duration = Duration::from_secs(2);
const CONNECT_WAIT: Duration = Duration::from_secs(3);

/// `O_NONBLOCK`, as the standard library wants it.
const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits() as i32;

/// What stands behind a name: which node, and since when. A replug changes it.
pub(super) fn node(path: &Path) -> Option<(u64, u64, i64)> {
    let found = fs::metadata(path).ok()?;
    Some((found.ino(), found.rdev(), found.ctime()))
}

/// What a person can do about `error` of a link that was open.
pub(super) fn said(error: &io::Error) -> String {
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

/// An open link.
pub(super) enum Link {
    Serial(Box<serialport::TTYPort>),
    Tcp(TcpStream),
    File(fs::File),
    /// A keyboard that is grabbed as long as this lives.
    Keys(Box<evdev::Device>),
    Carried(Carrier),
}

impl Link {
    /// # Errors
    /// Why it cannot be opened, and what to do.
    pub(super) fn open(line: &Line, device: &str, runtime: Option<&Handle>) -> Result<Link, String> {
        match line {
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
            Line::File { path } if path.starts_with("/dev/input") => {
                keys(path).map(Link::Keys).map_err(|error| unopened(path, &error))
            }
            Line::File { path } => file(path).map(Link::File).map_err(|error| unopened(path, &error)),
            Line::Push(push) => {
                let runtime = runtime.ok_or("a reader that pushes needs a running terminal")?;
                Carrier::open(push, device, runtime).map(Link::Carried)
            }
            Line::Tcp { address } => connect(address).map(Link::Tcp).map_err(|error| unconnected(address, &error)),
        }
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
            Link::File(file) => match ready(&*file, PollFlags::IN, wait)? {
                true => file.read(bytes),
                false => Err(ErrorKind::TimedOut.into()),
            },
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
            Link::File(file) => match ready(&*file, PollFlags::OUT, WRITE_WAIT)? {
                true => file.write_all(bytes),
                false => Err(ErrorKind::TimedOut.into()),
            },
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
