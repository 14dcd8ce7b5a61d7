//! Why a link cannot be opened or broke, in words: which device, which group, which other program.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::io::Errno;

/// Devices by what a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Serial,
    /// A keyboard or a scanner that types (evdev).
    Keyboard,
    /// A USB device that speaks in reports (hidraw).
    Hid,
    /// A printer on USB (usblp).
    Printer,
    Camera,
    Gpio,
}

impl Kind {
    /// What stands behind `path`; the name may be a link of udev.
    pub fn of(path: &Path) -> Kind {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let real = real.to_string_lossy();
        let named = |starts: &[&str]| starts.iter().any(|start| real.starts_with(start));
        match () {
            () if named(&["/dev/input/"]) => Kind::Keyboard,
            () if named(&["/dev/hidraw"]) => Kind::Hid,
            () if named(&["/dev/usb/lp", "/dev/lp"]) => Kind::Printer,
            () if named(&["/dev/video", "/dev/v4l/"]) => Kind::Camera,
            () if named(&["/dev/gpiochip"]) => Kind::Gpio,
            () => Kind::Serial,
        }
    }

    /// The group that opens such a node once the rules of `config/udev` are installed; most systems have it so without.
    pub fn group(self) -> &'static str {
        match self {
            Kind::Serial => "dialout",
            Kind::Keyboard | Kind::Hid => "input",
            Kind::Printer => "lp",
            Kind::Camera => "video",
            Kind::Gpio => "gpio",
        }
    }

    /// As the subject of a sentence.
    pub fn noun(self) -> &'static str {
        match self {
            Kind::Serial => "serial line",
            Kind::Keyboard => "keyboard",
            Kind::Hid => "HID device",
            Kind::Printer => "USB printer",
            Kind::Camera => "camera",
            Kind::Gpio => "GPIO chip",
        }
    }
}

/// The group whose members may read and write `path`; `None` when only root may, or the file is not there.
pub fn group_of(path: &Path) -> Option<String> {
    let found = fs::metadata(path).ok()?;
    // Read and write for the group.
    let opens = found.mode() & 0o060 == 0o060 && found.gid() != 0;
    opens.then(|| group_named(found.gid())).flatten()
}

fn group_named(gid: u32) -> Option<String> {
    let groups = fs::read_to_string("/etc/group").ok()?;
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, number) = (fields.next()?, fields.next()?, fields.next()?);
        (number.parse() == Ok(gid)).then(|| name.to_owned())
    })
}

/// Why the device `path` cannot be opened.
pub(in crate::terminal) fn unopened(path: &Path, error: &io::Error) -> String {
    let (shown, kind) = (path.display(), Kind::of(path));
    match error.kind() {
        ErrorKind::NotFound => {
            format!("not plugged in: {shown} is not there; check the plug, `gatebook devices` lists what is")
        }
        ErrorKind::PermissionDenied => refused(path, kind, group_of(path)),
        ErrorKind::ResourceBusy => match kind {
            Kind::Keyboard => format!("another program has taken the keyboard {shown} for itself; stop it"),
            Kind::Printer => {
                format!("another program holds {shown}, mostly CUPS; remove the printer there, it serves one program")
            }
            Kind::Serial | Kind::Hid | Kind::Camera | Kind::Gpio => {
                format!("another program holds {shown}; stop it")
            }
        },
        _ if gone(error) => format!("not plugged in: {shown} is there but no device behind it; check the plug"),
        _ => format!(
            "{shown} is no {} that works ({error}); `gatebook devices` lists those of this machine",
            kind.noun()
        ),
    }
}

fn refused(path: &Path, kind: Kind, group: Option<String>) -> String {
    let shown = path.display();
    match group {
        Some(group) => format!("no permission to open {shown}; add the user of the terminal to the group {group}"),
        None => format!(
            "no permission to open {shown}, which root alone may open; install config/udev/99-gatebook.rules and add the \
             user of the terminal to the group {}",
            kind.group()
        ),
    }
}

/// What a person can do about `error` of a link that was open.
pub(in crate::terminal) fn said(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => "unplugged or switched off".to_owned(),
        _ if gone(error) => "unplugged or switched off".to_owned(),
        _ => error.to_string(),
    }
}

/// What the kernel says of a device that was there.
fn gone(error: &io::Error) -> bool {
    [Errno::NODEV, Errno::NXIO, Errno::IO].iter().any(|gone| error.raw_os_error() == Some(gone.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_opened_names_the_device_and_the_group() {
        for (path, error, wanted) in [
            ("/dev/input/event5", ErrorKind::PermissionDenied, "to the group input"),
            ("/dev/hidraw3", ErrorKind::PermissionDenied, "root alone may open; install config/udev/99-gatebook.rules"),
            ("/dev/hidraw3", ErrorKind::PermissionDenied, "to the group input"),
            ("/dev/usb/lp0", ErrorKind::PermissionDenied, "to the group lp"),
            ("/dev/video0", ErrorKind::PermissionDenied, "to the group video"),
            ("/dev/gpiochip0", ErrorKind::PermissionDenied, "to the group gpio"),
            ("/dev/serial/by-id/x", ErrorKind::PermissionDenied, "to the group dialout"),
            ("/dev/input/event5", ErrorKind::ResourceBusy, "has taken the keyboard /dev/input/event5 for itself"),
            ("/dev/usb/lp0", ErrorKind::ResourceBusy, "mostly CUPS"),
            ("/dev/ttyUSB9", ErrorKind::ResourceBusy, "another program holds /dev/ttyUSB9; stop it"),
            ("/dev/hidraw3", ErrorKind::NotFound, "not plugged in: /dev/hidraw3"),
            ("/dev/usb/lp0", ErrorKind::InvalidInput, "is no USB printer that works"),
            ("/dev/input/event5", ErrorKind::InvalidInput, "is no keyboard that works"),
        ] {
            let said = unopened(Path::new(path), &error.into());
            assert!(said.contains(wanted), "{path}: {said}");
        }
        assert_eq!(
            refused(Path::new("/dev/x"), Kind::Hid, Some("plugdev".into())),
            "no permission to open /dev/x; add the user of the terminal to the group plugdev"
        );
    }

    #[test]
    fn a_device_that_was_pulled_out_is_called_so() {
        for errno in [Errno::NODEV, Errno::NXIO, Errno::IO] {
            let error = io::Error::from_raw_os_error(errno.raw_os_error());
            assert_eq!(said(&error), "unplugged or switched off");
            assert!(unopened(Path::new("/dev/usb/lp0"), &error).starts_with("not plugged in"));
        }
    }

    #[test]
    fn the_group_of_a_node_is_the_one_that_may_write() {
        let file = tempfile::NamedTempFile::new().unwrap();
        // A file of root's own is for no group, whoever runs this.
        assert_eq!(group_of(file.path()), None);
        assert_eq!(group_named(0).as_deref(), Some("root"));
        assert_eq!(group_of(Path::new("/no/such/node")), None);
    }
}
