//! The ports of this machine, for the one who writes a configuration: serial lines, and the nodes of devices that are none.

use std::fs;
use std::path::{Path, PathBuf};

use hardware::device::FAMILIES;

use crate::config::camera;
use crate::terminal::link::words::group_of;

pub use crate::terminal::link::words::Kind;

/// A port of this machine, for the list of an administrator.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PortInfo {
    /// `None` for a port that a person named.
    pub kind: Option<Kind>,
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
    /// The group that may open it; `None` when only root may.
    pub group: Option<String>,
}

impl PortInfo {
    /// A port that a person named, of which nothing else is known.
    pub fn named(name: &str) -> PortInfo {
        let path = PathBuf::from(name);
        PortInfo { kind: None, stable: None, group: group_of(&path), path, usb: None, product: None, driver: None }
    }
}

/// The ports of this machine: serial lines by their path, then the other nodes.
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
            let folders = [Path::new("/dev/serial/by-id"), Path::new("/dev/serial/by-path")];
            let stable = folders.iter().find_map(|folder| name_in(folder, &path));
            PortInfo {
                kind: Some(Kind::Serial),
                stable,
                group: group_of(&path),
                path,
                usb,
                product,
                driver: by_usb(usb),
            }
        })
        .collect();
    ports.sort_by(|a, b| a.path.cmp(&b.path));
    ports.extend(list_nodes(Path::new("/")));
    ports
}

fn by_usb(usb: Option<(u16, u16)>) -> Option<&'static str> {
    let usb = usb?;
    FAMILIES.iter().find(|family| family.usb_ids.contains(&usb)).map(|family| family.name)
}

/// A kind of node: where the kernel lists its devices, where the node of one is, and where its stable names are.
struct Class {
    kind: Kind,
    class: &'static str,
    starts: &'static str,
    nodes: &'static str,
    names: &'static [&'static str],
}

const CLASSES: &[Class] = &[
    Class {
        kind: Kind::Keyboard,
        class: "sys/class/input",
        starts: "event",
        nodes: "dev/input",
        names: &["dev/input/by-id", "dev/input/by-path"],
    },
    Class { kind: Kind::Hid, class: "sys/class/hidraw", starts: "hidraw", nodes: "dev", names: &["dev/gatebook"] },
    Class { kind: Kind::Printer, class: "sys/class/usbmisc", starts: "lp", nodes: "dev/usb", names: &["dev/gatebook"] },
    Class {
        kind: Kind::Camera,
        class: "sys/class/video4linux",
        starts: "video",
        nodes: "dev",
        names: &["dev/v4l/by-id", "dev/v4l/by-path"],
    },
    // Chips are no class but devices of a bus.
    Class { kind: Kind::Gpio, class: "sys/bus/gpio/devices", starts: "gpiochip", nodes: "dev", names: &[] },
];

/// The nodes beneath `root`, class by class.
fn list_nodes(root: &Path) -> Vec<PortInfo> {
    CLASSES.iter().flat_map(|class| nodes_of(class, root)).collect()
}

fn nodes_of(class: &Class, root: &Path) -> Vec<PortInfo> {
    let entries = fs::read_dir(root.join(class.class)).into_iter().flatten().flatten();
    let numbered = |name: &str| name.strip_prefix(class.starts).is_some_and(|rest| rest.parse::<u32>().is_ok());
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| numbered(name)).collect();
    names.sort_by_key(|name| (name.len(), name.clone()));
    let ports = names.iter().filter_map(|name| {
        let listed = root.join(class.class).join(name);
        if class.kind == Kind::Keyboard && !types(&listed) {
            return None;
        }
        let path = root.join(class.nodes).join(name);
        let usb = usb_device(&listed, root);
        let ids = usb.as_deref().and_then(ids);
        let product = usb.as_deref().and_then(|device| text(&device.join("product")));
        let product = product.or_else(|| text(&listed.join("device/name"))).or_else(|| text(&listed.join("name")));
        let driver = match class.kind {
            Kind::Serial | Kind::Keyboard | Kind::Hid => by_usb(ids),
            Kind::Printer => by_usb(ids).or_else(|| language(&listed, ids)),
            Kind::Camera => Some(camera::NAME),
            Kind::Gpio => Some("gpio"),
        };
        let stable = class.names.iter().find_map(|folder| name_in(&root.join(folder), &path));
        Some(PortInfo { kind: Some(class.kind), stable, group: group_of(&path), path, usb: ids, product, driver })
    });
    ports.collect()
}

/// Whether an input device has the keys of a code: digits, letters and Enter. A mouse and a power button do not.
fn types(listed: &Path) -> bool {
    let keys = text(&listed.join("device/capabilities/key")).unwrap_or_default();
    let lowest = keys.split_whitespace().next_back().and_then(|word| u64::from_str_radix(word, 16).ok());
    // KEY_1 to KEY_0 are 2 to 11, KEY_Q to KEY_P 16 to 25, KEY_ENTER 28 (input-event-codes.h).
    let wanted: u64 = (2..=11).chain(16..=25).chain([28]).map(|key| 1 << key).sum();
    lowest.is_some_and(|lowest| lowest & wanted == wanted)
}

/// The USB device to which a node belongs, however many layers lie between.
fn usb_device(listed: &Path, root: &Path) -> Option<PathBuf> {
    let device = fs::canonicalize(listed.join("device")).ok()?;
    let above = device.ancestors().take_while(|folder| *folder != root);
    above.map(Path::to_path_buf).find(|folder| folder.join("idVendor").exists())
}

fn ids(device: &Path) -> Option<(u16, u16)> {
    let number = |name: &str| u16::from_str_radix(&text(&device.join(name))?, 16).ok();
    Some((number("idVendor")?, number("idProduct")?))
}

/// What a printer says of itself (IEEE 1284 device id), else what its maker builds.
fn language(listed: &Path, usb: Option<(u16, u16)>) -> Option<&'static str> {
    let said = text(&listed.join("device/ieee1284_id")).unwrap_or_default().to_uppercase();
    let commands = said.split(';').find_map(|field| {
        let (name, value) = field.split_once(':')?;
        matches!(name.trim(), "CMD" | "COMMAND SET").then(|| value.to_owned())
    });
    let knows = |word: &str| commands.as_ref().is_some_and(|commands| commands.contains(word));
    match usb {
        _ if knows("ZPL") => Some("zpl"),
        _ if knows("TSPL") => Some("tspl"),
        Some((0x0A5F, _)) => Some("zpl"),
        Some((0x1203, _)) => Some("tspl"),
        Some(_) | None => None,
    }
}

/// A file of sysfs as one line; `None` when it is not there or empty.
fn text(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A tree as the kernel and udev make it.
    struct Tree(tempfile::TempDir);

    impl Tree {
        fn file(&self, path: &str, text: &str) {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn link(&self, path: &str, to: &str) {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            symlink(self.0.path().join(to), path).unwrap();
        }

        /// A device on USB and one of its nodes.
        fn usb(&self, port: &str, ids: (&str, &str), product: &str, class: &str, node: &str) {
            let device = format!("sys/devices/pci0/usb1/{port}");
            self.file(&format!("{device}/idVendor"), &format!("{}\n", ids.0));
            self.file(&format!("{device}/idProduct"), &format!("{}\n", ids.1));
            self.file(&format!("{device}/product"), &format!("{product}\n"));
            let layer = format!("{device}/{port}:1.0/layer");
            self.file(&format!("{layer}/{node}/dev"), "1:2\n");
            self.link(&format!("{layer}/{node}/device"), &layer);
            self.link(&format!("{class}/{node}"), &format!("{layer}/{node}"));
        }
    }

    /// Bits of a keyboard's keys, and of a mouse's.
    const KEYBOARD: &str = "10000 7 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe\n";
    const MOUSE: &str = "1f0000 0 0 0 0\n";

    #[test]
    fn every_node_is_listed_with_its_usb_numbers_and_its_likely_family() {
        let tree = Tree(tempfile::tempdir().unwrap());
        tree.usb("1-1", ("1eab", "8306"), "Newland HID KBW", "sys/class/input", "event12");
        tree.file("sys/devices/pci0/usb1/1-1/1-1:1.0/layer/capabilities/key", KEYBOARD);
        tree.file("dev/input/event12", "");
        tree.link("dev/input/by-id/usb-Newland-event-kbd", "dev/input/event12");
        tree.usb("1-2", ("046d", "c077"), "Optical Mouse", "sys/class/input", "event3");
        tree.file("sys/devices/pci0/usb1/1-2/1-2:1.0/layer/capabilities/key", MOUSE);
        tree.usb("1-3", ("05e0", "1300"), "Symbol Bar Code Scanner", "sys/class/hidraw", "hidraw0");
        tree.usb("1-4", ("0a5f", "0166"), "ZTC ZD421-203dpi ZPL", "sys/class/usbmisc", "lp0");
        tree.usb("1-5", ("0fe6", "811e"), "Label Printer", "sys/class/usbmisc", "lp1");
        tree.file(
            "sys/devices/pci0/usb1/1-5/1-5:1.0/layer/ieee1284_id",
            "MFG:Gprinter;CMD:TSPL,ESC/POS;MDL:GP-2120T;\n",
        );
        tree.usb("1-6", ("046d", "0825"), "Webcam C270", "sys/class/video4linux", "video0");
        tree.file("sys/bus/gpio/devices/gpiochip0/name", "");
        let listed: Vec<String> = list_nodes(tree.0.path())
            .into_iter()
            .map(|port| {
                let below = |path: &Path| path.strip_prefix(tree.0.path()).unwrap().display().to_string();
                let usb = port.usb.map_or("-".to_owned(), |(vendor, product)| format!("{vendor:04x}:{product:04x}"));
                let stable = port.stable.as_deref().map_or("-".to_owned(), below);
                let (kind, product) = (port.kind.unwrap(), port.product.unwrap_or_default());
                let driver = port.driver.unwrap_or("-");
                format!("{kind:?} {} {stable} {usb} {driver} {product}", below(&port.path))
            })
            .collect();
        assert_eq!(
            listed,
            [
                "Keyboard dev/input/event12 dev/input/by-id/usb-Newland-event-kbd 1eab:8306 wedge Newland HID KBW",
                "Hid dev/hidraw0 - 05e0:1300 hid_pos Symbol Bar Code Scanner",
                "Printer dev/usb/lp0 - 0a5f:0166 zpl ZTC ZD421-203dpi ZPL",
                "Printer dev/usb/lp1 - 0fe6:811e tspl Label Printer",
                "Camera dev/video0 - 046d:0825 camera Webcam C270",
                "Gpio dev/gpiochip0 - - gpio ",
            ]
        );
    }

    #[test]
    fn a_machine_without_such_devices_has_an_empty_list() {
        assert_eq!(list_nodes(tempfile::tempdir().unwrap().path()), []);
    }

    /// Whatever identifies a device by its USB numbers has a rule, and rules are for nothing else.
    #[test]
    fn every_usb_number_of_a_family_has_a_rule() {
        let rules = include_str!("../../config/udev/99-gatebook.rules");
        let rules: Vec<&str> = rules.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
        for family in FAMILIES {
            for (vendor, product) in family.usb_ids {
                let ids = format!("ATTRS{{idVendor}}==\"{vendor:04x}\", ATTRS{{idProduct}}==\"{product:04x}\"");
                assert!(rules.iter().any(|rule| rule.contains(&ids)), "{}: {ids}", family.name);
            }
        }
        for rule in rules {
            let sound = rule.split(", ").all(|part| {
                let keys = [
                    "SUBSYSTEM==",
                    "KERNEL==",
                    "ATTRS{",
                    "ENV{",
                    "GROUP=",
                    "MODE=",
                    "SYMLINK+=",
                    "ACTION==",
                    "GOTO=",
                    "LABEL=",
                ];
                keys.iter().any(|key| part.starts_with(key)) && part.ends_with('"')
            });
            assert!(sound, "{rule}");
        }
    }
}
