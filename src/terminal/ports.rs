//! The serial ports of this machine, for the one who writes a configuration.

use std::fs;
use std::path::{Path, PathBuf};

use hardware::device::FAMILIES;

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

impl PortInfo {
    /// A port that a person named, of which nothing else is known.
    pub fn named(name: &str) -> PortInfo {
        PortInfo { stable: None, path: name.into(), usb: None, product: None, driver: None }
    }
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
            let family = FAMILIES.iter().find(|family| usb.is_some_and(|usb| family.usb_ids.contains(&usb)));
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
