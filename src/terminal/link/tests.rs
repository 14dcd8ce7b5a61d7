//! Devices without their nodes: a FIFO or a pty stands in, and recorded events go through the whole port.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hardware::acr122u::{self, Kind as Says};
use hardware::device::{Family, by_name};
use hardware::event::{Contact, Read};
use hardware::gpio::{Edge, Event};
use hardware::settings::{Settings, Value};
use hardware::simulator::script::{Presentation, Script};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

use super::*;
use crate::terminal::port::{Port, Report};

const PATIENCE: Duration = Duration::from_secs(20);

fn family(name: &str) -> &'static Family {
    by_name(name).unwrap()
}

fn fifo(folder: &Path) -> PathBuf {
    let path = folder.join("node");
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    path
}

/// A pty that changes no byte: the device's side, and the name of the other.
fn pty() -> (OwnedFd, PathBuf) {
    let device = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&device).unwrap();
    unlockpt(&device).unwrap();
    let mut modes = tcgetattr(&device).unwrap();
    modes.make_raw();
    tcsetattr(&device, OptionalActions::Now, &modes).unwrap();
    let name = ptsname(&device, Vec::new()).unwrap();
    (device, PathBuf::from(std::ffi::OsStr::from_bytes(name.as_bytes())))
}

/// A port on `path` with the settings of a device.
fn start(family: &Family, path: &Path, set: &[(&str, Value)]) -> (Port, mpsc::Receiver<Report>) {
    let mut settings = Settings::of(family.settings);
    set.iter().for_each(|(name, value)| settings.set(name, value.clone()).unwrap());
    let line = Line::parse(path.to_str().unwrap(), family.link, &settings).unwrap();
    let (reports, reported) = mpsc::channel(64);
    (Port::start("device", line, (family.session)(&settings).unwrap(), reports).unwrap(), reported)
}

fn up(port: &Port) {
    let began = Instant::now();
    while !port.health.borrow().up {
        assert!(began.elapsed() < PATIENCE, "{:?}", port.health.borrow());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn reads(reported: &mut mpsc::Receiver<Report>, count: usize) -> Vec<Read> {
    let (began, mut reads) = (Instant::now(), Vec::new());
    while reads.len() < count {
        match reported.try_recv() {
            Ok(report) => reads.push(report.read),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
        assert!(began.elapsed() < PATIENCE, "{reads:?}");
    }
    reads
}

/// What a simulated device of the family sends when `shown` is presented to it.
fn recorded(family: &Family, shown: Presentation) -> Vec<u8> {
    let mut device = (family.simulator)(&Settings::of(family.settings), Script::new(), 7);
    let mut now = Duration::ZERO;
    device.opened(now);
    device.show(shown, now);
    let mut bytes = Vec::new();
    for _ in 0..200 {
        device.tick(now);
        while let Some(sent) = device.transmit() {
            bytes.extend(sent);
        }
        now += Duration::from_millis(20);
    }
    bytes
}

#[test]
fn a_scanner_that_types_and_one_in_reports_are_read_from_their_node() {
    for name in ["wedge", "hid_pos"] {
        let folder = tempfile::tempdir().unwrap();
        let path = fifo(folder.path());
        let (port, mut reported) = start(family(name), &path, &[]);
        up(&port);
        let events = recorded(family(name), Presentation::Symbol { aim: None, bytes: b"18K-0042-7".to_vec() });
        assert!(!events.is_empty(), "{name}");
        // The kernel hands over records of 24 bytes and reports of 64 whole; a pipe may split them anywhere.
        let mut node = OpenOptions::new().write(true).open(&path).unwrap();
        events.chunks(37).for_each(|piece| node.write_all(piece).unwrap());
        let Some(Read::Symbol(symbol)) = reads(&mut reported, 1).pop() else { panic!("{name}") };
        assert_eq!(symbol.bytes, b"18K-0042-7", "{name}");
        port.join(Instant::now() + PATIENCE);
    }
}

#[test]
fn contacts_are_read_from_the_events_of_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = fifo(folder.path());
    let lines = Value::Wholes(vec![17, 27]);
    let (port, mut reported) = start(family("gpio"), &path, &[("lines", lines), ("debounce_ms", Value::Whole(0))]);
    up(&port);
    let mut node = OpenOptions::new().write(true).open(&path).unwrap();
    // As the lines stand when they are requested, then as the kernel tells of changes.
    node.write_all(&gpio::initial([(17, true), (27, false)])).unwrap();
    let change = Event { timestamp_ns: 5_000_000_000, edge: Edge::Falling, offset: 17, seqno: 1, line_seqno: 1 };
    node.write_all(&change.encode()).unwrap();
    let told = reads(&mut reported, 3);
    let contact = |line, closed| Read::Contact(Contact { line, closed });
    assert_eq!(told, [contact(1, false), contact(2, true), contact(1, true)]);
    port.join(Instant::now() + PATIENCE);
}

#[test]
fn a_card_reader_is_asked_through_its_messages() {
    let (mut device, path) = {
        let (device, path) = pty();
        (std::fs::File::from(device), path)
    };
    let (port, mut reported) = start(family("acr122u"), &path, &[]);
    device.write_all(&acr122u::message(Says::Name, b"ACS ACR122U 00 00")).unwrap();
    up(&port);
    assert_eq!(port.health.borrow().model, "ACS ACR122U 00 00");
    device.write_all(&acr122u::message(Says::Card, &[0x3B, 0x8F])).unwrap();
    let mut asked = [0; 8];
    device.read_exact(&mut asked).unwrap();
    assert_eq!(asked, [b'A', 0, 5, 0xFF, 0xCA, 0, 0, 0]);
    device.write_all(&acr122u::message(Says::Answer, &[4, 1, 2, 3, 0x90, 0])).unwrap();
    let Some(Read::Card(card)) = reads(&mut reported, 1).pop() else { panic!("no card") };
    assert_eq!(card.number, [4, 1, 2, 3]);
    port.join(Instant::now() + PATIENCE);
}

/// What is written to a node comes out of it in the same pieces: a report of HID is one write.
#[test]
fn each_message_is_one_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = fifo(folder.path());
    let mut link = Link::file(&path).unwrap();
    let mut node = OpenOptions::new().read(true).open(&path).unwrap();
    for number in 1..=3 {
        link.write_all(&[number; 64]).unwrap();
        let mut report = [0; 200];
        assert_eq!(node.read(&mut report).unwrap(), 64);
        assert_eq!(report[..64], [number; 64]);
    }
}

/// A label is larger than what a printer takes at once.
#[test]
fn a_printer_that_takes_its_time_gets_the_whole_label() {
    let folder = tempfile::tempdir().unwrap();
    let path = fifo(folder.path());
    let mut link = Link::file(&path).unwrap();
    let label: Vec<u8> = (0..300_000u32).map(|number| number.to_le_bytes()[0]).collect();
    let mut node = OpenOptions::new().read(true).open(&path).unwrap();
    let size = label.len();
    let printer = std::thread::spawn(move || {
        let mut printed = Vec::new();
        let mut piece = [0; 4096];
        while printed.len() < size {
            std::thread::sleep(Duration::from_millis(1));
            let count = node.read(&mut piece).unwrap();
            printed.extend_from_slice(&piece[..count]);
        }
        printed
    });
    link.write_all(&label).unwrap();
    assert!(printer.join().unwrap() == label);
}

#[test]
fn a_family_of_serial_lines_takes_a_printer_on_usb_as_a_file() {
    let zpl = family("zpl");
    let settings = Settings::of(zpl.settings);
    let parse = |written: &str| Line::parse(written, zpl.link, &settings);
    assert_eq!(parse("/dev/usb/lp0"), Ok(Line::File { path: "/dev/usb/lp0".into() }));
    assert!(matches!(parse("/dev/ttyUSB0"), Ok(Line::Serial { .. })));
    // By any other name it is told by what it is; no serial line is opened to find out.
    let folder = tempfile::tempdir().unwrap();
    assert!(is_other(&fifo(folder.path())) && is_other(Path::new("/dev/null")));
    assert!(!is_other(&pty().1) && !is_other(Path::new("/no/such/node")));
    let (port, _reported) = start(zpl, &folder.path().join("node"), &[]);
    std::thread::sleep(Duration::from_millis(100));
    assert!(!port.health.borrow().why.contains("serial line"), "{:?}", port.health.borrow());
    port.join(Instant::now() + PATIENCE);
}

/// What stands in for a keyboard cannot be taken for this program alone, and is read all the same.
#[test]
fn only_a_true_keyboard_is_grabbed() {
    let error = keys(&pty().1).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::NOTTY.raw_os_error()));
}

#[test]
fn without_its_feature_a_device_is_refused_by_the_name_of_the_feature() {
    let parse = |name: &str, written: &str, set: &[(&str, Value)]| {
        let mut settings = Settings::of(family(name).settings);
        set.iter().for_each(|(name, value)| settings.set(name, value.clone()).unwrap());
        Line::parse(written, family(name).link, &settings)
    };
    let lines = [("lines", Value::Wholes(vec![17]))];
    match (cfg!(feature = "gpio"), parse("gpio", "/dev/gpiochip0", &lines)) {
        (false, Err(said)) => assert!(said.contains("--features gpio"), "{said}"),
        (true, Ok(Line::Gpio { offsets, pulls_down: true, .. })) => assert_eq!(offsets, [17]),
        (_, other) => panic!("{other:?}"),
    }
    if cfg!(feature = "gpio") {
        assert!(parse("gpio", "/dev/gpiochip0", &[]).unwrap_err().contains("name the offsets in `lines`"));
    }
    match (cfg!(feature = "pcsc"), parse("acr122u", "pcsc: ACR122", &[])) {
        (false, Err(said)) => assert!(said.contains("--features pcsc"), "{said}"),
        (true, Ok(Line::Pcsc { reader })) => assert_eq!(reader, "ACR122"),
        (_, other) => panic!("{other:?}"),
    }
    // A recording may stand in, with and without.
    assert!(matches!(parse("gpio", "/run/gatebook/gpio-0", &[]), Ok(Line::File { .. })));
    assert!(matches!(parse("acr122u", "/run/gatebook/pcsc-0", &[]), Ok(Line::File { .. })));
}
