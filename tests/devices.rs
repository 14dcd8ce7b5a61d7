//! Every family of devices, from its true bytes on a pty or a socket to a line of the central book, and again after the
//! plug was pulled.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gatebook::demo::pushed::To;
use gatebook::demo::wire::Wire;
use gatebook::epc;
use hardware::device::{FAMILIES, Family, Link, Reads};
use hardware::event::{Card, CardKind, Climate, Contact, Steady, Weight, WeightUnit};
use hardware::settings::Settings;
use hardware::simulator::script::{Presentation, Script};
use serde_json::Value;

use crate::rig::{Engine, Server, Terminal, free_port, wait_for};

/// One device at the terminal, with a bench of its own.
struct Device {
    name: String,
    family: &'static Family,
    way: Way,
    wire: Option<Wire>,
}

/// Where the simulator stands.
#[derive(Clone)]
enum Way {
    Pty(PathBuf),
    Tcp(SocketAddr),
    Stream(SocketAddr),
    Push { listen: String, to: To },
}

impl Device {
    /// What the terminal is told of its port.
    fn port(&self) -> String {
        match &self.way {
            Way::Pty(path) => path.display().to_string(),
            Way::Tcp(address) => format!("tcp:{address}"),
            Way::Stream(address) => format!("http://{address}/data/stream"),
            Way::Push { listen, .. } => listen.clone(),
        }
    }

    fn plug_in(&mut self, seed: u64) {
        let device = (self.family.simulator)(&Settings::of(self.family.settings), Script::new(), seed);
        self.wire = Some(match &self.way {
            Way::Pty(path) => Wire::serial(device, path).unwrap(),
            Way::Tcp(address) => Wire::tcp(device, *address).unwrap(),
            Way::Stream(address) => Wire::stream(device, *address).unwrap(),
            Way::Push { to, .. } => Wire::push(device, to.clone()),
        });
    }

    fn unplug(&mut self) {
        self.wire = None;
    }

    fn configuration(&self) -> String {
        format!(
            "[[device]]\nname = \"{0}\"\ndriver = \"{1}\"\nport = {2:?}\n\
             [[station]]\nname = \"bench-{0}\"\nkind = \"bench\"\ndevices = [\"{0}\"]\nplace = \"P-01\"\ndefault_act = \"receive\"\n",
            self.name,
            self.family.name,
            self.port()
        )
    }
}

/// Every device that can be plugged in here: by a pty what has a serial line or a device file, by TCP what has a port, and a
/// reader that pushes in each of its ways. A printer reads nothing; its labels are another story.
fn devices(folder: &Path, broker: Option<u16>) -> Vec<Device> {
    let local = || SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut devices = Vec::new();
    for family in FAMILIES.iter().filter(|family| family.reads.iter().any(|reads| *reads != Reads::Prints)) {
        let ways = match family.link {
            Link::Serial(_) | Link::File | Link::Gpio | Link::Pcsc => vec![("", Way::Pty(folder.join(family.name)))],
            Link::Tcp { .. } => vec![("", Way::Tcp(local()))],
            Link::Push => {
                let hook = local();
                let webhook = To::Webhook { url: format!("http://{hook}/reads"), token: String::new() };
                let mqtt = broker.map(|port| Way::Push {
                    listen: format!("mqtt://127.0.0.1:{port}/readers/1"),
                    to: To::Broker { host: "127.0.0.1".into(), port, topic: "readers/1".into() },
                });
                let first = [
                    ("-stream", Way::Stream(local())),
                    ("-webhook", Way::Push { listen: format!("listen:{hook}"), to: webhook }),
                ];
                first.into_iter().chain(mqtt.map(|way| ("-mqtt", way))).collect()
            }
        };
        devices.extend(ways.into_iter().map(|(ending, way)| Device {
            name: format!("{}{ending}", family.name),
            family,
            way,
            wire: None,
        }));
    }
    devices
}

/// What is shown to a device of this kind in a round, and a text that its line then has.
fn shown(reads: Reads, number: u64, round: u64) -> Option<(Presentation, String)> {
    let serial = 1000 * round + number;
    Some(match reads {
        Reads::Symbols => {
            let text = format!("R-{serial}");
            (Presentation::Symbol { aim: None, bytes: text.clone().into_bytes() }, format!("own/{text}"))
        }
        Reads::Tags => {
            let epc = epc::sgtin_96(1, "09521234543213", 7, serial).unwrap().to_vec();
            let stays = Duration::from_secs(2);
            (Presentation::Tag { epc, antenna: 1, peak_dbm: -45, stays }, format!("/21/{serial}\""))
        }
        Reads::Cards => {
            // Seven bytes as such a card has them; a reader of 125 kHz badges sees the last five.
            let serial = u32::try_from(serial).unwrap().to_be_bytes();
            let number = [&[0x04, 0xA2, 0x2B][..], &serial].concat();
            let digits: String = serial.iter().map(|byte| format!("{byte:02x}")).collect();
            let card = Card { kind: CardKind::Iso14443a, number };
            (Presentation::Card { card, stays: Duration::from_secs(1) }, digits)
        }
        Reads::Weights => {
            let digits = [342, 513][usize::try_from(round).unwrap() % 2];
            let (unit, steady, text) = (WeightUnit::Gram, Steady::Yes, Vec::new());
            let weight = Weight { digits, places: 2, unit, steady, net: false, text };
            (Presentation::Weight(weight), format!("\"micrograms\":{digits}"))
        }
        Reads::Climate => {
            let warmth = 20_000 + 1_500 * i32::try_from(round).unwrap();
            let climate = Climate { temperature_millicelsius: Some(warmth), humidity_millipercent: Some(45_000) };
            (Presentation::Climate(climate), format!("\"temperature_millicelsius\":{warmth}"))
        }
        Reads::Contacts => {
            let contact = Contact { line: 1, closed: true };
            (Presentation::Contact(contact), "\"closed\":true".to_owned())
        }
        Reads::Prints => return None,
    })
}

/// A broker of another firm, where one is installed.
struct Broker {
    process: Child,
    port: u16,
}

impl Broker {
    fn start(folder: &Path) -> Option<Broker> {
        let port = free_port();
        let path = folder.join("mosquitto.conf");
        std::fs::write(&path, format!("listener {port} 127.0.0.1\nallow_anonymous true\n")).unwrap();
        let program = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/opt/homebrew/sbin/mosquitto"];
        let program = program.into_iter().find(|program| Path::new(program).exists())?;
        let started = Command::new(program).arg("-c").arg(&path).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let process = started.unwrap();
        wait_for("the broker listens", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        Some(Broker { process, port })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Lines of `device` that hold `text`.
fn lines_of(lines: &[String], device: &str, text: &str) -> usize {
    let device = format!("\"{device}\"");
    lines.iter().filter(|line| line.contains(&device) && line.contains(text)).count()
}

fn all_lines(server: &Server) -> Vec<String> {
    server.lines().iter().map(Value::to_string).collect()
}

#[test]
fn what_any_device_reads_becomes_a_line_also_after_its_plug_was_pulled() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Engine::Sqlite);
    let broker = Broker::start(folder.path());
    if broker.is_none() {
        eprintln!("mosquitto is not installed: readers that publish to a broker are left out");
    }
    let mut devices = devices(folder.path(), broker.as_ref().map(|broker| broker.port));
    assert!(24 < devices.len(), "{} devices", devices.len());
    devices.iter_mut().for_each(|device| device.plug_in(1));
    let parts: String = devices.iter().map(Device::configuration).collect();
    let terminal = Terminal::start(&server, server.address, "t1", &parts);
    for round in 1..=2 {
        wait_for("every device is up", || {
            let status = terminal.status()?;
            let down = |device: &&Device| status["devices"][device.name.as_str()]["up"] != true;
            match devices.iter().find(down) {
                None => Some(()),
                Some(device) => {
                    std::thread::sleep(Duration::from_millis(200));
                    eprintln!("waiting for {}: {}", device.name, status["devices"][device.name.as_str()]);
                    None
                }
            }
        });
        let before = all_lines(&server);
        let mut wanted = Vec::new();
        for (number, device) in (0..).zip(&devices) {
            for (what, text) in device.family.reads.iter().filter_map(|reads| shown(*reads, number, round)) {
                device.wire.as_ref().unwrap().show(what);
                let known = lines_of(&before, &device.name, &text);
                wanted.push((device.name.clone(), text, known));
            }
        }
        wait_for("every device has its line", || {
            let lines = all_lines(&server);
            wanted.retain(|(device, text, known)| lines_of(&lines, device, text) <= *known);
            if !wanted.is_empty() {
                eprintln!("round {round}: waiting for lines of {wanted:?}");
                std::thread::sleep(Duration::from_millis(300));
            }
            wanted.is_empty().then_some(())
        });
        if round == 1 {
            devices.iter_mut().for_each(Device::unplug);
            // A reader that posts or publishes is not missed: nothing tells that it is gone.
            let heard = |device: &&Device| !matches!(device.way, Way::Push { .. });
            wait_for("every loss is seen", || {
                let status = terminal.status()?;
                let lost = |device: &Device| status["devices"][device.name.as_str()]["up"] == false;
                devices.iter().filter(heard).all(lost).then_some(())
            });
            devices.iter_mut().for_each(|device| device.plug_in(2));
        }
    }
}

#[test]
fn a_reader_that_has_seen_enough_ends_a_command_without_a_word() {
    for args in [
        &["devices", "--families"][..],
        &["devices", "--family", "r200"],
        &["check-config", "config/terminal.toml"],
        &["decode", "gs1", "9521234543213"],
        &["decode", "epc", "3074257BF7194E4000001A85"],
        &["label", "--list"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_gatebook"))
            .args(args)
            .stdout(writer)
            .stderr(std::process::Stdio::piped())
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && words.is_empty(), "{args:?}: {words}");
    }
}

#[test]
fn a_port_that_cannot_be_reached_is_told_at_once() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_gatebook"))
        .args(["devices", "--probe", "--port", "tcp:127.0.0.1:1", "--port", "/dev/nowhere"])
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stdout);
    assert_eq!(words.matches("    it cannot be reached: ").count(), 2, "{words}");
}
