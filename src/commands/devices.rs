//! `gatebook devices`: the ports and devices of this machine by their stable names, what is likely behind them, and which families of
//! devices there are.

use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use clap::Args;
use hardware::device::{FAMILIES, Family, Link};
use hardware::settings::{Form, Setting, Settings, Value};
use serde_json::json;
use tokio::sync::mpsc;

use super::{Stop, put, tell};
use crate::config::camera;
use crate::config::terminal::Line;
use crate::terminal::port::Port;
use crate::terminal::ports::{Kind, PortInfo, list_ports};

/// How long a device may take to answer: the slowest handshake tries several dialects.
const PROBE: Duration = Duration::from_millis(2500);

const SILENT: &str = "nothing answered; a scanner, a keyboard or a scale that only speaks when it is used never does: try `gatebook \
                      watch`";

/// How a camera is reached, for a list.
const CAMERA_LINK: &str = "HTTP, device file or folder";

#[derive(Args)]
pub struct Options {
    /// Answer as JSON, one object a line
    #[arg(long)]
    json: bool,
    /// Ask each port who is there, family after family. No other program may hold the port
    #[arg(long)]
    probe: bool,
    /// Probe only these ports: /dev/… or tcp:HOST:PORT
    #[arg(long, value_name = "PORT", requires = "probe")]
    port: Vec<String>,
    /// List the families of devices instead
    #[arg(long, conflicts_with_all = ["probe", "family"])]
    families: bool,
    /// Show what can be set of one family, ready to be pasted into a configuration
    #[arg(long, value_name = "FAMILY", value_parser = named, conflicts_with = "probe")]
    family: Option<Named>,
}

/// What a configuration can name as a driver.
#[derive(Clone, Copy, Debug)]
enum Named {
    Family(&'static Family),
    Camera,
}

fn named(name: &str) -> Result<Named, String> {
    match name {
        camera::NAME => Ok(Named::Camera),
        name => super::family(name).map(Named::Family),
    }
}

pub fn run(options: &Options) -> Result<(), Stop> {
    if let Some(named) = options.family {
        return match named {
            Named::Family(family) => put(entry(family).as_bytes()),
            Named::Camera => {
                let head = head(camera::NAME, camera::DESCRIPTION, camera::PORT);
                put(format!("{head}{}", set_of(camera::NAME, camera::SETTINGS)).as_bytes())
            }
        };
    }
    if options.families {
        return families(options.json);
    }
    let ports: Vec<PortInfo> = match options.port.as_slice() {
        [] => list_ports(),
        named => named.iter().map(|name| PortInfo::named(name)).collect(),
    };
    if ports.is_empty() && !options.json {
        tell("no device was found; plug it in and look at `dmesg | tail`")?;
    }
    for port in ports {
        let found = (options.probe && is_asked(&port)).then(|| probe(&port));
        if options.json {
            let mut line = serde_json::to_value(&port).map_err(Stop::fault)?;
            match (line.as_object_mut(), found) {
                (Some(fields), Some(Ok((family, model)))) => {
                    fields.insert("answered".into(), json!({"driver": family.name, "model": model}));
                }
                (Some(fields), Some(Err(why))) => {
                    fields.insert("silent".into(), why.into());
                }
                (_, _) => (),
            }
            tell(line)?;
            continue;
        }
        let usb = port.usb.map_or("no USB ids".into(), |(vendor, product)| format!("{vendor:04x}:{product:04x}"));
        tell(port.stable.as_ref().unwrap_or(&port.path).display())?;
        tell(format_args!(
            "    {}{}, {usb}, {}, likely driver: {}",
            port.kind.map_or(String::new(), |kind| format!("{}, ", kind.noun())),
            port.path.display(),
            port.product.as_deref().unwrap_or("unnamed"),
            port.driver.unwrap_or("unknown"),
        ))?;
        if !port.path.to_string_lossy().starts_with("tcp:") {
            tell(format_args!("    {}", opened_by(&port)))?;
        }
        match found {
            Some(Ok((family, model))) => tell(format_args!("    answered as {}: {model}", family.name))?,
            Some(Err(why)) => tell(format_args!("    {why}"))?,
            None => (),
        }
    }
    Ok(())
}

/// Whether a port can be asked who is there. A keyboard and a camera only ever speak, a printer must not print the question,
/// and lines of a chip are somebody else's until they are named.
fn is_asked(port: &PortInfo) -> bool {
    match port.kind {
        None | Some(Kind::Serial) => true,
        Some(Kind::Keyboard | Kind::Hid | Kind::Printer | Kind::Camera | Kind::Gpio) => false,
    }
}

fn opened_by(port: &PortInfo) -> String {
    match (&port.group, port.kind) {
        (Some(group), _) => format!("opened by members of the group {group}"),
        (None, Some(kind)) => format!(
            "opened by root alone; config/udev/99-gatebook.rules gives such devices to the group {}",
            kind.group()
        ),
        (None, None) => "opened by root alone, if at all".to_owned(),
    }
}

fn families(as_json: bool) -> Result<(), Stop> {
    for family in FAMILIES {
        let link = match family.link {
            Link::Serial(serial) => format!("serial, {} baud", serial.baud),
            Link::Tcp { port } => format!("TCP, port {port}"),
            Link::File => "device file".to_owned(),
            Link::Gpio => "GPIO chip".to_owned(),
            Link::Pcsc => "PC/SC".to_owned(),
            Link::Push => "HTTP stream, webhook or MQTT".to_owned(),
        };
        if as_json {
            let usb: Vec<_> = family.usb_ids.iter().map(|(v, p)| format!("{v:04x}:{p:04x}")).collect();
            let settings: Vec<_> = family.settings.iter().map(|setting| setting.name).collect();
            tell(format_args!(
                "{}",
                json!({"name": family.name, "description": family.description, "link": link, "usb_ids": usb, "settings": settings})
            ))?;
        } else {
            tell(format_args!("{:<18} {} ({link})", family.name, family.description))?;
        }
    }
    if as_json {
        let settings: Vec<_> = camera::SETTINGS.iter().map(|setting| setting.name).collect();
        let (name, description) = (camera::NAME, camera::DESCRIPTION);
        tell(format_args!(
            "{}",
            json!({"name": name, "description": description, "link": CAMERA_LINK, "usb_ids": [], "settings": settings})
        ))?;
    } else {
        tell(format_args!("{:<18} {} ({CAMERA_LINK})", camera::NAME, camera::DESCRIPTION))?;
        tell("\n`gatebook devices --family NAME` shows what can be set of one.")?;
    }
    Ok(())
}

/// The entry of a configuration with every setting of a family at its default.
fn entry(family: &Family) -> String {
    let port = match family.link {
        Link::Serial(_) => "/dev/serial/by-id/…".to_owned(),
        Link::Tcp { port } => format!("tcp:192.168.1.50:{port}"),
        Link::File => "/dev/…".to_owned(),
        Link::Gpio => "/dev/gpiochip0".to_owned(),
        Link::Pcsc => "pcsc:ACR122".to_owned(),
        Link::Push => "mqtt://192.168.1.20:1883/readers/door-1".to_owned(),
    };
    let mut text = head(family.name, family.description, &port);
    if let Link::Serial(serial) = family.link {
        let parity = format!("{:?}", serial.parity).to_lowercase();
        text += &format!(
            "baud = {}\ndata_bits = {}\nparity = \"{parity}\"\nstop_bits = {}\n",
            serial.baud, serial.data_bits, serial.stop_bits
        );
    }
    text + &set_of(family.name, family.settings)
}

fn head(name: &str, description: &str, port: &str) -> String {
    format!("# {description}\n[[device]]\nname = \"{name}\"\ndriver = \"{name}\"\nport = \"{port}\"\n")
}

/// The section of a driver's settings.
fn set_of(name: &str, settings: &[Setting]) -> String {
    let mut text = if settings.is_empty() { String::new() } else { format!("[device.{name}]\n") };
    for setting in settings {
        let range = match setting.form {
            Form::Whole { from, to, .. } | Form::Wholes { from, to } => format!(" {from} to {to}."),
            Form::Word(words) => format!(" One of \"{}\".", words.join("\", \"")),
            Form::Flag(_) | Form::Text(_) | Form::Texts(_) => String::new(),
            Form::Secret => " \"file:/path\" to a file with mode 0600.".to_owned(),
        };
        text += &format!("# {}{range}\n{} = {}\n", setting.says, setting.name, written(&setting.form.default()));
    }
    text
}

/// A value as TOML has it; its basic strings escape as JSON's do.
fn written(value: &Value) -> String {
    match value {
        Value::Flag(flag) => flag.to_string(),
        Value::Whole(number) => number.to_string(),
        Value::Text(text) => json!(text).to_string(),
        Value::Texts(texts) => json!(texts).to_string(),
        Value::Wholes(numbers) => json!(numbers).to_string(),
    }
}

/// Who answers on a port: the likely family first, then every other that such a port can have; or why nobody does.
fn probe(port: &PortInfo) -> Result<(&'static Family, String), String> {
    let place = port.stable.as_ref().unwrap_or(&port.path).display().to_string();
    // Where nothing is, no family needs to be asked.
    there(&place)
        .map_err(|error| format!("it cannot be reached: {error}; check its power, its cable and its address"))?;
    let mut families: Vec<&'static Family> = FAMILIES.to_vec();
    families.sort_by_key(|family| port.driver != Some(family.name));
    for family in families {
        let settings = Settings::of(family.settings);
        let Ok(line) = Line::parse(&place, family.link, &settings) else { continue };
        let Ok(session) = (family.session)(&settings) else { continue };
        // What is read while nobody listens is of no matter here.
        let (reports, _reported) = mpsc::channel(64);
        let asked = Port::start("probe", line, session, reports).map_err(|error| error.to_string())?;
        let until = Instant::now() + PROBE;
        let mut model = None;
        while model.is_none() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(50));
            let health = asked.health.borrow().clone();
            // Only who says a name has answered.
            model = (health.up && !health.model.is_empty()).then_some(health.model);
        }
        asked.join(Instant::now() + PROBE);
        if let Some(model) = model {
            return Ok((family, model));
        }
    }
    Err(SILENT.to_owned())
}

/// Whether there is a device file of that name, or somebody who listens at that address.
fn there(place: &str) -> std::io::Result<()> {
    let Some(address) = place.strip_prefix("tcp:") else { return std::fs::metadata(place).map(|_| ()) };
    let mut last = std::io::Error::other("the address names no machine");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PROBE) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}
