//! The configuration of a terminal: its devices, its stations, its book and its server.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use hardware::device::{FAMILIES, Family, Link, Parity, Serial, by_name};
use hardware::settings::Settings;
use jiff::tz::TimeZone;

use crate::config::camera::{self, Camera};
use crate::config::labels::{self, Labels, Tags};
use crate::config::load::{Layers, Secret, Section};
use crate::config::{LANGUAGES, given};
use crate::event::Act;
use crate::hex::Hex;
use crate::sync::transport::Server;
use crate::sync::trust;

/// The commented file that holds every key with its default.
pub const DEFAULTS: &str = include_str!("../../config/terminal.toml");

#[derive(Clone, Debug)]
pub struct TerminalConfig {
    pub name: String,
    /// Folder of the book, the key and the pictures.
    pub data: PathBuf,
    /// Zone in which the screens show times and lines note the local offset.
    pub zone: TimeZone,
    /// One of [`LANGUAGES`].
    pub language: String,
    pub server: Uplink,
    pub book: Book,
    pub screen: Screen,
    pub policy: Policy,
    pub labels: Labels,
    /// What is written into the tags of labels.
    pub tags: Tags,
    pub devices: Vec<Device>,
    pub stations: Vec<Station>,
}

/// The central server and how to reach it.
#[derive(Clone, Debug)]
pub struct Uplink {
    /// `None`: the terminal keeps its book alone for now. No slash at the end.
    pub url: Option<String>,
    /// SHA-256 of the server's CA certificate (DER).
    pub pin: Option<Hex<32>>,
    pub enrolment_code: Option<Secret>,
    pub heartbeat_s: u64,
    pub timeout_s: u64,
    pub allow_plain_http: bool,
}

impl Uplink {
    /// How to reach the server; `None` without a `url`.
    pub fn server(&self) -> Option<Server> {
        Some(Server {
            url: self.url.clone()?,
            pin: self.pin,
            allow_plain_http: self.allow_plain_http,
            timeout: Duration::from_secs(self.timeout_s),
        })
    }
}

#[derive(Clone, Debug)]
pub struct Book {
    pub limit_mb: u64,
    pub reserve_mb: u64,
    pub keep_days: u32,
    pub seal_every: u64,
    pub seal_quiet_s: u64,
    pub require_encrypted_storage: bool,
}

#[derive(Clone, Debug)]
pub struct Screen {
    pub listen: SocketAddr,
    /// Set whenever `listen` is not loopback.
    pub key: Option<Secret>,
}

#[derive(Clone, Debug)]
pub struct Policy {
    pub pass_data_max_age_h: u32,
    /// Acts for which the person needs a certificate.
    pub certificate_for: Vec<Act>,
}

#[derive(Clone, Debug)]
pub struct Device {
    pub name: String,
    pub port: Port,
    pub driver: Driver,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    Line(Line),
    /// Pictures, wherever they come from.
    Camera(Camera),
}

/// How a device is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    Serial {
        path: PathBuf,
        serial: Serial,
    },
    /// `HOST:PORT`.
    Tcp {
        address: String,
    },
    /// A device file that is read and written like a stream.
    File {
        path: PathBuf,
    },
    /// Lines of a GPIO chip, whose events are read as the kernel writes them.
    Gpio {
        chip: PathBuf,
        offsets: Vec<u16>,
        /// A contact pulls to ground, so the line wants a pull-up.
        pulls_down: bool,
    },
    /// A card reader behind PC/SC whose name contains this; empty for the first.
    Pcsc {
        reader: String,
    },
    Push(Push),
}

/// How a reader that pushes is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    pub way: Way,
    /// Empty for none.
    pub user: String,
    pub password: Secret,
    /// SHA-256 of the CA certificate of the reader or broker; needed where TLS is spoken.
    pub pin: Option<Hex<32>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// An answer of HTTP that does not end.
    Stream {
        url: String,
    },
    /// The reader posts to this terminal.
    Webhook {
        listen: SocketAddr,
    },
    Mqtt {
        host: String,
        port: u16,
        topic: String,
        tls: bool,
    },
}

impl Line {
    /// Reads where a device with such a link is; the settings of a serial line are those of `link`.
    ///
    /// # Errors
    /// How it is to be written.
    pub fn parse(written: &str, link: Link, settings: &Settings) -> Result<Line, String> {
        let path = || path(written);
        let (line, form) = match link {
            // A printer on USB is a family of serial lines without one.
            Link::Serial(_) if written.starts_with(USB_PRINTER) => {
                (path().map(|path| Line::File { path }), String::new())
            }
            Link::Serial(serial) => (
                tcp(written).or_else(|| path().map(|path| Line::Serial { path, serial })),
                "write \"/dev/serial/by-id/…\" or \"tcp:HOST:PORT\"".to_owned(),
            ),
            Link::Tcp { port } => {
                (tcp(written), format!("write \"tcp:HOST:PORT\"; such devices listen on port {port}"))
            }
            Link::Gpio if written.starts_with(GPIO_CHIP) => return gpio(written, settings),
            Link::Pcsc if written.starts_with(PCSC) => return pcsc(written),
            Link::Gpio => (
                path().map(|path| Line::File { path }),
                "write \"/dev/gpiochip0\", or the whole path of a file that gives the kernel's events".to_owned(),
            ),
            Link::Pcsc => (
                path().map(|path| Line::File { path }),
                "write \"pcsc:\" and a part of the reader's name, or the whole path of a file that gives its messages"
                    .to_owned(),
            ),
            Link::File => {
                (path().map(|path| Line::File { path }), "write the whole path of its device file".to_owned())
            }
            Link::Push => return pushed(written, settings).map(Line::Push),
        };
        line.ok_or(form)
    }
}

/// Ports that are no serial line, by how their names begin.
const USB_PRINTER: &str = "/dev/usb/lp";
const GPIO_CHIP: &str = "/dev/gpiochip";
const PCSC: &str = "pcsc:";

fn gpio(written: &str, settings: &Settings) -> Result<Line, String> {
    if !cfg!(feature = "gpio") {
        return Err(
            "this gatebook was built without the feature gpio, which GPIO lines need; build it with --features gpio"
                .to_owned(),
        );
    }
    let offsets: Vec<u16> = settings.wholes("lines");
    if offsets.is_empty() {
        return Err(
            "a chip has lines that are not for contacts: name the offsets in `lines`; `gpioinfo` lists them".to_owned()
        );
    }
    Ok(Line::Gpio { chip: written.into(), offsets, pulls_down: settings.text("closed_is") == "low" })
}

fn pcsc(written: &str) -> Result<Line, String> {
    if !cfg!(feature = "pcsc") {
        return Err(
            "this gatebook was built without the feature pcsc, which readers behind PC/SC need; build it with \
                    --features pcsc, which wants libpcsclite-dev"
                .to_owned(),
        );
    }
    Ok(Line::Pcsc { reader: written.strip_prefix(PCSC).unwrap_or_default().trim().to_owned() })
}

fn pushed(written: &str, settings: &Settings) -> Result<Push, String> {
    let form = "write \"http://READER/PATH\" for a stream, \"listen:HOST:PORT\" for a webhook, or \
                \"mqtt://HOST:PORT/TOPIC\"; with TLS https:// or mqtts://";
    let pin = settings.text("pin");
    let push = |way| Push {
        way,
        user: settings.text("user"),
        password: Secret(settings.text("password")),
        pin: pin.strip_prefix("sha256:").and_then(Hex::parse),
    };
    if !pin.is_empty() && push(Way::Stream { url: String::new() }).pin.is_none() {
        return Err("its `pin` must be sha256: and 64 hex digits".to_owned());
    }
    if let Some(address) = written.strip_prefix("listen:") {
        let listen: SocketAddr = address.parse().map_err(|_| form.to_owned())?;
        if !listen.ip().is_loopback() && settings.text("password").is_empty() {
            return Err("others on the network reach it, so it needs a `password` that the reader sends".to_owned());
        }
        return Ok(push(Way::Webhook { listen }));
    }
    let url = reqwest::Url::parse(written).map_err(|_| form.to_owned())?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let secure = matches!(url.scheme(), "https" | "mqtts");
    if secure && push(Way::Stream { url: String::new() }).pin.is_none() {
        return Err("with TLS it needs a `pin`: the SHA-256 of the CA certificate of the other side".to_owned());
    }
    let topic =
        url.path().trim_start_matches('/').to_owned() + &url.fragment().map_or(String::new(), |end| format!("#{end}"));
    match url.scheme() {
        "http" | "https" if !host.is_empty() => Ok(push(Way::Stream { url: written.to_owned() })),
        "mqtt" | "mqtts" if !host.is_empty() && !topic.is_empty() => {
            let port = url.port().unwrap_or(if secure { 8883 } else { 1883 });
            Ok(push(Way::Mqtt { host, port, topic, tls: secure }))
        }
        _ => Err(form.to_owned()),
    }
}

#[derive(Clone, Debug)]
pub enum Driver {
    /// A family of `hardware`, and what is set of its device.
    Family { family: &'static Family, settings: Settings },
    /// Pictures that are searched for codes.
    Camera,
}

#[derive(Clone, Debug)]
pub struct Station {
    pub name: String,
    /// Names of its devices.
    pub devices: Vec<String>,
    /// Code of the place where it stands (EPCIS read point).
    pub place: String,
    pub kind: StationKind,
}

#[derive(Clone, Debug)]
pub enum StationKind {
    Door(Door),
    Handheld(Desk),
    Bench(Desk),
}

#[derive(Clone, Debug)]
pub struct Door {
    /// Place codes of the zones on both sides.
    pub inside: String,
    pub outside: String,
    pub direction: DirectionBy,
    pub gone_after_ms: u64,
    /// Reads weaker than this do not count.
    pub weakest_rssi_dbm: i16,
}

/// What tells the direction of a passage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectionBy {
    /// The side on which a tag was seen first and last.
    Antennas { inside: Vec<u16>, outside: Vec<u16> },
    /// Where the book has the thing: what is inside goes out.
    Book { never_seen: NeverSeen },
}

/// How a door that goes by the book takes a thing that this terminal never saw anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeverSeen {
    /// As being at its home: one that belongs inside goes out, so a theft is never overlooked.
    Home,
    /// As coming in: a door through which goods arrive.
    In,
    /// As going nobody knows which way: a person looks at it.
    Ask,
}

#[derive(Clone, Debug)]
pub struct Desk {
    /// The act that stands when nobody scanned another.
    pub default_act: Option<Act>,
}

pub(crate) fn read(layers: &mut Layers) -> TerminalConfig {
    let mut top = layers.top();
    let (labels, tags) = labels(top.section("labels"));
    let config = TerminalConfig {
        name: top.name("name"),
        data: top.folder("data"),
        zone: top.zone("zone"),
        language: top.word("language", &LANGUAGES.map(|word| (word, word))).unwrap_or_default().to_owned(),
        server: server(top.section("server")),
        book: book(top.section("book")),
        screen: screen(top.section("screen")),
        policy: policy(top.section("policy")),
        labels,
        tags,
        devices: devices(layers, &mut top),
        stations: Vec::new(),
    };
    let stations = stations(layers, &mut top, &config.devices);
    top.finish();
    TerminalConfig { stations, ..config }
}

fn server(mut section: Section) -> Uplink {
    let url = section.text("url");
    let pin = section.text("pin");
    let uplink = Uplink {
        url: (!url.is_empty()).then(|| url.trim_end_matches('/').to_owned()),
        pin: pin.strip_prefix("sha256:").and_then(Hex::parse),
        enrolment_code: given(section.one_time_code("enrolment_code")),
        heartbeat_s: section.whole("heartbeat_s", 1..=5),
        timeout_s: section.whole("timeout_s", 5..=120),
        allow_plain_http: section.flag("allow_plain_http"),
    };
    if !pin.is_empty() && uplink.pin.is_none() {
        section.complain(
            "pin",
            format!("`pin` is \"{pin}\""),
            "write sha256: and 64 hex digits, as the server shows them at its start and beside the one-time code",
        );
    }
    if !url.is_empty() {
        check_url(&section, &url, &uplink);
    }
    section.finish();
    uplink
}

fn check_url(section: &Section, url: &str, uplink: &Uplink) {
    let wrong = |what: &str, help: &str| section.complain("url", format!("`url` is \"{url}\"{what}"), help);
    let Ok(parsed) = reqwest::Url::parse(url) else {
        return wrong("", "write it like \"https://gatebook.site.example:7400\"");
    };
    let loopback = parsed.host_str().is_some_and(trust::is_loopback);
    match parsed.scheme() {
        _ if parsed.path() != "/" || parsed.query().is_some() || !parsed.username().is_empty() => {
            wrong("", "write scheme, host and port only, such as \"https://gatebook.site.example:7400\"");
        }
        "https" if uplink.pin.is_none() => {
            wrong(" but there is no `pin`", "copy the pin that the server shows with the one-time code")
        }
        "http" if !loopback && !uplink.allow_plain_http => {
            wrong(
                ", which is not encrypted",
                "use https://, or set allow_plain_http = true on a network that is protected otherwise",
            );
        }
        "https" | "http" => (),
        _ => wrong("", "begin with https://"),
    }
}

fn book(mut section: Section) -> Book {
    let book = Book {
        limit_mb: section.whole("limit_mb", 64..=1_048_576),
        reserve_mb: section.whole("reserve_mb", 4..=1024),
        keep_days: section.whole("keep_days", 1..=3650),
        seal_every: section.whole("seal_every", 1..=100_000),
        seal_quiet_s: section.whole("seal_quiet_s", 1..=3600),
        require_encrypted_storage: section.flag("require_encrypted_storage"),
    };
    if book.limit_mb < 4 * book.reserve_mb {
        section.complain(
            "reserve_mb",
            format!("`reserve_mb` is {} of {} MB", book.reserve_mb, book.limit_mb),
            "keep it below a quarter of limit_mb",
        );
    }
    section.finish();
    book
}

fn screen(mut section: Section) -> Screen {
    let screen = Screen { listen: section.address("listen"), key: given(section.secret("key")) };
    if !screen.listen.ip().is_loopback() && screen.key.is_none() {
        let what = format!("`listen` is {}, which others on the network reach, and there is no `key`", screen.listen);
        section.complain("listen", what, "set key = \"file:/path\", or listen on 127.0.0.1");
    }
    section.finish();
    screen
}

fn labels(mut section: Section) -> (Labels, Tags) {
    let read = (labels::read(&mut section), labels::tags(&mut section));
    section.finish();
    read
}

fn policy(mut section: Section) -> Policy {
    let policy = Policy {
        pass_data_max_age_h: section.whole("pass_data_max_age_h", 1..=720),
        certificate_for: section.words("certificate_for", &acts()),
    };
    section.finish();
    policy
}

fn acts() -> [(&'static str, Act); 8] {
    Act::ALL.map(|act| (act.word(), act))
}

fn devices(layers: &Layers, top: &mut Section) -> Vec<Device> {
    let mut devices: Vec<Device> = Vec::new();
    let mut ports = HashMap::new();
    let words: Vec<_> = FAMILIES.iter().map(|family| (family.name, family.name)).chain(PICTURES).collect();
    for mut entry in layers.entries(top, "device", "driver", &["name", "port"]) {
        let name = entry.name("name");
        // Without its driver nothing is known of the other keys.
        let Some(word) = entry.word("driver", &words) else { continue };
        let written = entry.text("port");
        let (port, driver, form) = match by_name(word) {
            Some(family) => {
                let settings = entry.settings(family);
                let link = match family.link {
                    Link::Serial(line) => Link::Serial(serial(&mut entry, line)),
                    other => other,
                };
                let (port, form) = match Line::parse(&written, link, &settings) {
                    Ok(line) => (Some(Port::Line(line)), String::new()),
                    Err(form) => (None, form),
                };
                (port, Driver::Family { family, settings }, form)
            }
            None => {
                let camera = match word {
                    FOLDER => Camera::folder(&written),
                    _ => {
                        let sound = |settings: &Settings| camera::Live::of(settings).map(drop);
                        Camera::parse(&written, &entry.settings_of(camera::NAME, camera::SETTINGS, sound))
                    }
                };
                match camera {
                    Ok(camera) => (Some(Port::Camera(camera)), Driver::Camera, String::new()),
                    Err(form) => (None, Driver::Camera, form),
                }
            }
        };
        if devices.iter().any(|device| device.name == name) {
            entry.complain("name", format!("there is a second device \"{name}\""), "give each device its own name");
        }
        if let Some(first) = ports.insert(written.clone(), name.clone()) {
            let what = format!("`port` of \"{name}\" is \"{written}\", which \"{first}\" has already");
            entry.complain("port", what, "a port serves one device");
        }
        match port {
            Some(port) => devices.push(Device { name, port, driver }),
            None => entry.complain("port", format!("`port` of \"{name}\" is \"{written}\""), &form),
        }
        entry.finish();
    }
    devices
}

/// The driver of a folder of pictures; it has no device.
const FOLDER: &str = "folder";

/// Drivers that are no family: what they read is a picture.
const PICTURES: [(&str, &str); 2] = [(FOLDER, FOLDER), (camera::NAME, camera::NAME)];

/// The settings of a serial line: those of the family, unless others are given.
fn serial(entry: &mut Section, line: Serial) -> Serial {
    let parities = [("none", Parity::None), ("even", Parity::Even), ("odd", Parity::Odd)];
    Serial {
        baud: entry.whole_or("baud", line.baud, 300..=921_600),
        data_bits: entry.whole_or("data_bits", line.data_bits, 7..=8),
        parity: entry.word_or("parity", line.parity, &parities),
        stop_bits: entry.whole_or("stop_bits", line.stop_bits, 1..=2),
    }
}

fn path(written: &str) -> Option<PathBuf> {
    Some(PathBuf::from(written)).filter(|path| path.is_absolute())
}

fn tcp(written: &str) -> Option<Line> {
    let address = written.strip_prefix("tcp:")?;
    let (host, port) = address.rsplit_once(':')?;
    let sound = !host.is_empty() && port.parse().is_ok_and(|port: u16| port != 0);
    sound.then(|| Line::Tcp { address: address.to_owned() })
}

#[derive(Clone, Copy)]
enum KindWord {
    Door,
    Handheld,
    Bench,
}

fn stations(layers: &Layers, top: &mut Section, devices: &[Device]) -> Vec<Station> {
    let mut stations: Vec<Station> = Vec::new();
    for mut entry in layers.entries(top, "station", "kind", &["name", "devices", "place", "inside", "outside"]) {
        let name = entry.name("name");
        let kinds = [("door", KindWord::Door), ("handheld", KindWord::Handheld), ("bench", KindWord::Bench)];
        let Some(word) = entry.word("kind", &kinds) else { continue };
        let used = entry.texts("devices");
        let place = entry.name("place");
        let kind = match word {
            KindWord::Door => StationKind::Door(door(&mut entry)),
            KindWord::Handheld => StationKind::Handheld(desk(&mut entry)),
            KindWord::Bench => StationKind::Bench(desk(&mut entry)),
        };
        if stations.iter().any(|station| station.name == name) {
            entry.complain("name", format!("there is a second station \"{name}\""), "give each station its own name");
        }
        if matches!(kind, StationKind::Door(_)) && used.is_empty() {
            entry.complain(
                "devices",
                format!("`devices` of \"{name}\" is empty"),
                "a door without a reader sees nothing: name one",
            );
        }
        for (number, device) in used.iter().enumerate() {
            let wrong = |what: &str, help: &str| {
                entry.complain("devices", format!("`devices` of \"{name}\" names \"{device}\"{what}"), help)
            };
            let known: Vec<_> = devices.iter().map(|device| device.name.as_str()).collect();
            if !known.contains(&device.as_str()) {
                wrong(", which is no [[device]]", &format!("the devices are {}", known.join(", ")));
            } else if used.iter().take(number).any(|other| other == device) {
                wrong(" twice", "name it once");
            } else if let Some(other) = stations.iter().find(|station| station.devices.contains(device)) {
                wrong(&format!(", which \"{}\" has already", other.name), "a device belongs to one station");
            }
        }
        stations.push(Station { name, devices: used, place, kind });
        entry.finish();
    }
    stations
}

fn desk(entry: &mut Section) -> Desk {
    let words: Vec<_> = [("", None)].into_iter().chain(acts().map(|(word, act)| (word, Some(act)))).collect();
    Desk { default_act: entry.word("default_act", &words).flatten() }
}

fn door(entry: &mut Section) -> Door {
    let inside: Vec<u16> = entry.wholes("inside_antennas", 1..=255);
    let outside: Vec<u16> = entry.wholes("outside_antennas", 1..=255);
    let by_antennas = entry.word("direction", &[("antennas", true), ("book", false)]).unwrap_or(true);
    let ways = [("home", NeverSeen::Home), ("in", NeverSeen::In), ("ask", NeverSeen::Ask)];
    let never_seen = entry.word("never_seen", &ways).unwrap_or(NeverSeen::Home);
    if by_antennas && (inside.is_empty() || outside.is_empty()) {
        let what = "`direction` is \"antennas\" and one side has none".to_owned();
        entry.complain("direction", what, "name the antennas of both sides, or set direction = \"book\"");
    }
    if by_antennas && let Some(both) = inside.iter().find(|antenna| outside.contains(antenna)) {
        let what = format!("antenna {both} is in `inside_antennas` and in `outside_antennas`");
        entry.complain("outside_antennas", what, "an antenna looks at one side");
    }
    let door = Door {
        inside: entry.name("inside"),
        outside: entry.name("outside"),
        direction: match by_antennas {
            true => DirectionBy::Antennas { inside, outside },
            false => DirectionBy::Book { never_seen },
        },
        gone_after_ms: entry.whole("gone_after_ms", 200..=60_000),
        weakest_rssi_dbm: entry.whole("weakest_rssi_dbm", -120..=0),
    };
    if !door.inside.is_empty() && door.inside == door.outside {
        entry.complain(
            "outside",
            format!("`outside` is \"{}\", the same as `inside`", door.outside),
            "a door has two sides",
        );
    }
    door
}
