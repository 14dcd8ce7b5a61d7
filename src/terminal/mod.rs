//! The terminal: devices in, lines in its own book, answers on its screen. Works alone for as long as it must.
//!
//! [`start`] puts it together: ports report to stations, stations decide and write, the screen shows what is written, the
//! uplink sends it. [`Running::stop`] takes it apart in the same order, so that what was read is still recorded.

pub mod answer;
pub mod capture;
mod carrier;
pub mod codes;
pub mod counters;
pub mod door;
pub mod enrolment;
pub mod handheld;
pub mod house;
mod link;
pub mod numbering;
pub mod pictures;
pub mod port;
pub mod ports;
pub mod printing;
pub mod reference;
pub mod remembered;
pub mod rules;
pub mod screen;
mod senses;
pub mod station;
pub mod status;
pub mod storage;
pub mod watching;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use hardware::device::Session;
use rustix::fs::Access;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::config::camera::{Camera, Source};
use crate::config::terminal::{DirectionBy, Driver, Port as ConfigPort, StationKind, TerminalConfig};
use crate::event::System;
use crate::hex::Hex;
use crate::ledger::book::{self, Book, ReadError};
use crate::ledger::keys::{self, KeyError, OpenFailure};
use crate::quantity::Moment;
use crate::sync::client::{self, CannotStart, EnrolError, Uplink};
use crate::sync::link::{Board, Link};
use crate::terminal::counters::Counters;
use crate::terminal::enrolment::Enrolment;
use crate::terminal::handheld::Settings as DeskSettings;
use crate::terminal::house::House;
use crate::terminal::port::Port;
use crate::terminal::printing::{CannotPrint, Printer, Printing};
use crate::terminal::rules::Policy;
use crate::terminal::screen::Screen;
use crate::terminal::station::{Desk, Gate, Shown, Station};
use crate::terminal::storage::Plain;
use crate::terminal::watching::Watch;

/// Between the mean times of two rows of antennas: less says nothing about the way.
const ROW_GAP: Duration = Duration::from_millis(150);
/// A thing in a door's field for longer than this lies there.
const STAY_MAX: Duration = Duration::from_secs(60);
/// A badge read at a door names who passes for this long.
const BADGE_FOR: Duration = Duration::from_secs(30);

/// How long the devices have for an orderly end: a second for their goodbye, two for a write that hangs.
const PORTS_END: Duration = Duration::from_secs(3);

/// Name of the book in the terminal's folder.
pub const BOOK: &str = "book.sqlite";
/// Name of the key in the same folder.
const KEY: &str = "terminal.key";

/// Why the terminal did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the folder {path} cannot be used: {cause}")]
    Folder { path: String, cause: io::Error },
    #[error("`require_encrypted_storage` is true, but the folder {path} is not safe: {why}")]
    Storage { path: String, why: Plain },
    #[error("{path} cannot be read: {cause}")]
    Enrolment { path: String, cause: io::Error },
    #[error("this terminal was never enrolled: {path} is not there and `server.enrolment_code` is empty")]
    NotEnrolled { path: String },
    #[error("this terminal was never enrolled, and `server.url` is empty")]
    NoServer,
    #[error("the server {url} did not take this terminal in: {cause}")]
    Enrol { url: String, cause: EnrolError },
    #[error("the key file {path} is gone, but the book that it seals is there")]
    KeyGone { path: String },
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Book(#[from] OpenFailure),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the link to the server cannot be made: {0}")]
    Uplink(#[from] CannotStart),
    #[error("the device {device} cannot be used: {why}")]
    Device { device: String, why: String },
    #[error("labels cannot be printed: {0}")]
    Printing(#[from] CannotPrint),
    #[error("the screen cannot listen on {listen}: {cause}")]
    Screen { listen: SocketAddr, cause: io::Error },
}

impl StartError {
    /// What to do.
    pub fn help(&self) -> &'static str {
        match self {
            StartError::Folder { .. } => "Make the folder and give it to the user that runs the terminal.",
            StartError::Storage { .. } => {
                "Put `data` on a LUKS volume, or set require_encrypted_storage = false in [book] for a terminal that nobody \
                 can carry away."
            }
            StartError::Enrolment { .. } => {
                "Bring the file back from a backup. Without one move the whole folder away and enrol the terminal anew; \
                 `gatebook verify` shows which lines of the old book the server may lack."
            }
            StartError::NotEnrolled { .. } | StartError::NoServer => {
                "On the server open Terminals, then Enrol, or run `gatebook server enrolment-code`; write its address, pin \
                 and one-time code into [server] and start again. Once enrolled the terminal starts without a network for \
                 ever."
            }
            StartError::Enrol { cause, .. } => cause.help(),
            StartError::KeyGone { .. } => {
                "Bring it back from a backup. Without one move the whole folder away and enrol the terminal anew; the \
                 server keeps what it has of the old book."
            }
            StartError::Key(error) => error.help(),
            StartError::Book(error) => error.help(),
            StartError::Read(_) => "Run `gatebook verify` on the book.",
            StartError::Uplink(_) => "Check [server] in the configuration.",
            StartError::Device { .. } => "Check the device in the configuration.",
            StartError::Printing(_) => {
                "Check [labels] in the configuration; a file of print jobs that cannot be used may be moved away."
            }
            StartError::Screen { .. } => "Give the screen another address, or stop the program that uses this one.",
        }
    }
}

/// A terminal at work.
pub struct Running {
    /// Where the screen listens.
    pub screen: SocketAddr,
    /// Address of the screen for a browser on this machine.
    pub url: String,
    pub book: Book,
    pub house: Arc<House>,
    pub stations: Vec<Station>,
    watch: Arc<Watch>,
    ports: Vec<Port>,
    work: Vec<JoinHandle<()>>,
    aside: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
}

impl Running {
    /// How the terminal is.
    pub fn status(&self) -> status::Status {
        self.watch.status()
    }

    /// Ends in order: devices first, then the stations with all that was read, then the link, the screen and the book.
    /// Takes a few seconds at most, whoever holds a connection open.
    pub async fn stop(self) {
        let ports = self.ports;
        let ended = tokio::task::spawn_blocking(move || {
            ports.iter().for_each(Port::stop);
            let until = Instant::now() + PORTS_END;
            ports.into_iter().for_each(|port| port.join(until));
        });
        if ended.await.is_err() {
            tracing::error!("the ports did not end in order");
        }
        let _ = self.stop.send(true);
        for task in self.work.into_iter().chain(self.aside) {
            drop(task.await);
        }
        self.house.say(System::Stopped).await;
        let book = self.book;
        drop(tokio::task::spawn_blocking(move || book.close()).await);
        tracing::info!("the terminal stopped");
    }
}

/// Puts the terminal together and starts it.
///
/// # Errors
/// [`StartError`]: nothing runs.
pub async fn start(config: TerminalConfig) -> Result<Running, StartError> {
    usable(&config.data).map_err(|cause| StartError::Folder { path: config.data.display().to_string(), cause })?;
    if config.book.require_encrypted_storage {
        let path = config.data.display().to_string();
        storage::require_encrypted(&config.data).map_err(|why| StartError::Storage { path, why })?;
    }
    let mut sessions = sessions(&config)?;
    let enrolment = enrolled(&config).await?;
    let (book, key, found) = open_book(&config, enrolment.terminal).await?;
    let (stop, stopped) = watch::channel(false);
    let (troubles, told) = watch::channel(Vec::new());
    let (uplink, link) = uplink(&config, enrolment, &book, key, told)?;
    let policy = Policy {
        certificate_for: config.policy.certificate_for.clone(),
        pass_data_max_age: Duration::from_secs(u64::from(config.policy.pass_data_max_age_h) * 3600),
    };
    let (name, zone, shelf) = (config.name.clone(), config.zone.clone(), book.clone());
    let counters = Counters::load(&config.data).unwrap_or_else(|error| {
        tracing::error!("{} cannot be read, the book alone says which numbers were given: {error}", counters::FILE);
        Counters::none(&config.data)
    });
    let house = blocking(move || House::open(name, zone, policy, shelf, link, counters)).await?;
    let house = Arc::new(house);
    let refused = |cause| StartError::Screen { listen: config.screen.listen, cause };
    let listener = tokio::net::TcpListener::bind(config.screen.listen).await.map_err(refused)?;
    let screen = listener.local_addr().map_err(refused)?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    house.say(System::Started { version, boot: boot_id() }).await;

    let mut work = Vec::new();
    let mut ports = Vec::new();
    let mut stations = Vec::new();
    let mut places = HashMap::new();
    let mut printers = Vec::new();
    for station in &config.stations {
        let (orders, ordered) = mpsc::channel(station::QUEUE);
        let (reports, reported) = mpsc::channel(station::QUEUE);
        let shown = match &station.kind {
            StationKind::Door(door) => {
                let settings = door_settings(&station.name, &station.place, door);
                let (gate, shown) = Gate::new(house.clone(), settings, door.weakest_rssi_dbm);
                work.push(tokio::spawn(gate.run(reported, ordered, stopped.clone())));
                Shown::Door(shown)
            }
            StationKind::Handheld(desk) | StationKind::Bench(desk) => {
                let settings = DeskSettings {
                    station: station.name.clone(),
                    read_point: station.place.clone(),
                    default_act: desk.default_act,
                };
                let shelf = house.clone();
                let (handheld, since) = blocking(move || station::resume(&shelf, settings)).await?;
                let (desk, shown) = Desk::new(house.clone(), handheld, since);
                work.push(tokio::spawn(desk.run(reported, ordered, stopped.clone())));
                Shown::Desk(shown)
            }
        };
        for device in config.devices.iter().filter(|device| station.devices.contains(&device.name)) {
            let refused = |why: String| StartError::Device { device: device.name.clone(), why };
            let port = match (&device.port, sessions.remove(&device.name)) {
                (ConfigPort::Line(line), Some(session)) => {
                    Port::start(&device.name, line.clone(), session, reports.clone())
                }
                (ConfigPort::Camera(camera), None) => pictures::start(&device.name, camera.clone(), reports.clone()),
                (ConfigPort::Camera(_), Some(_)) | (ConfigPort::Line(_), None) => {
                    return Err(refused("its driver and its port do not fit".to_owned()));
                }
            };
            let port = port.map_err(|error| refused(error.to_string()))?;
            if let Driver::Family { family, settings } = &device.driver
                && let Some((tongue, dpi)) = printing::prints(family, settings)
            {
                printers.push(Printer {
                    name: port.device.clone(),
                    station: station.name.as_str().into(),
                    place: station.place.clone(),
                    tongue,
                    dpi,
                    commands: port.commands.clone(),
                    health: port.health.clone(),
                    shown: shown.clone(),
                });
            }
            ports.push(port);
            places.insert(device.name.clone(), station.name.clone());
        }
        stations.push(Station { name: station.name.as_str().into(), place: station.place.clone(), orders, shown });
    }

    let (folder, labels, tags) = (config.data.clone(), config.labels.clone(), config.tags.clone());
    let (shelf, over) = (house.clone(), stopped.clone());
    let opened = blocking(move || Printing::open(&folder, shelf, &labels, tags, printers, over)).await?;
    let printing = Arc::new(opened);
    work.extend(printing.queues().into_iter().map(|queue| tokio::spawn(queue.run(stopped.clone()))));

    let health = ports.iter().map(|port| (port.device.clone(), port.health.clone())).collect();
    let watch = Arc::new(Watch::new(house.clone(), health, places, found, troubles));
    let mut aside = vec![
        tokio::spawn(watch.clone().devices(stopped.clone())),
        tokio::spawn(watch.clone().rounds(stopped.clone())),
        tokio::spawn(watch.clone().proofs(stopped.clone())),
        tokio::spawn(watching::follow_records(house.clone(), stopped.clone())),
    ];
    if let Some(uplink) = uplink {
        aside.push(tokio::spawn(uplink.run(stopped.clone())));
    }
    let served = Screen {
        house: house.clone(),
        watch: watch.clone(),
        stations: stations.clone(),
        printing,
        language: config.language.clone(),
        key: config.screen.key.as_ref().map(|key| key.0.clone()),
    };
    aside.push(tokio::spawn(screen::serve(listener, served, stopped)));
    let host = if screen.ip().is_unspecified() { "127.0.0.1".to_owned() } else { screen.ip().to_string() };
    let host = if screen.is_ipv6() && !screen.ip().is_unspecified() { format!("[{host}]") } else { host };
    let url = format!("http://{host}:{}/", screen.port());
    tracing::info!(%url, terminal = enrolment.terminal, "terminal {} records; its screen is {url}", config.name);
    Ok(Running { screen, url, book, house, stations, watch, ports, work, aside, stop })
}

/// Makes the folder, and sees that this user may write there: what fails here would fail at the first scan.
fn usable(folder: &Path) -> io::Result<()> {
    if folder.exists() && !folder.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "a file of that name is in its place"));
    }
    // The key and the book are for the terminal's account alone.
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    Ok(rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// A session for every device but those whose pictures are looked at; a folder is made where it is not there. Before anything runs, so that
/// a mistake in the configuration stops nothing half-way.
fn sessions(config: &TerminalConfig) -> Result<HashMap<String, Box<dyn Session>>, StartError> {
    let mut sessions = HashMap::new();
    for device in &config.devices {
        let refused = |why: String| StartError::Device { device: device.name.clone(), why };
        if let ConfigPort::Camera(Camera { source: Source::Folder { path }, .. }) = &device.port {
            std::fs::create_dir_all(path).map_err(|error| refused(error.to_string()))?;
        }
        if let Driver::Family { family, settings } = &device.driver {
            sessions.insert(device.name.clone(), (family.session)(settings).map_err(refused)?);
        }
    }
    Ok(sessions)
}

/// The terminal's number and the server's key: from the folder, or from the server with the one-time code.
async fn enrolled(config: &TerminalConfig) -> Result<Enrolment, StartError> {
    let (path, key_path) = (config.data.join(enrolment::FILE).display().to_string(), config.data.join(KEY));
    let known = enrolment::load(&config.data);
    if let Some(enrolment) = known.map_err(|cause| StartError::Enrolment { path: path.clone(), cause })? {
        // A new key would not open the old book.
        return match config.data.join(BOOK).exists() && !key_path.exists() {
            true => Err(StartError::KeyGone { path: key_path.display().to_string() }),
            false => Ok(enrolment),
        };
    }
    let server = config.server.server().ok_or(StartError::NoServer)?;
    let code = config.server.enrolment_code.as_ref().ok_or(StartError::NotEnrolled { path })?;
    let key = keys::load_or_create(&key_path)?;
    let enrolled = client::enrol(&server, &code.0, &config.name, &key).await;
    let enrolled = enrolled.map_err(|cause| StartError::Enrol { url: server.url.clone(), cause })?;
    let enrolment = Enrolment { terminal: enrolled.terminal, server_key: enrolled.server_key };
    enrolment::save(&config.data, &enrolment)
        .map_err(|cause| StartError::Folder { path: config.data.display().to_string(), cause })?;
    tracing::info!(terminal = enrolment.terminal, "this terminal was taken in as number {}", enrolment.terminal);
    Ok(enrolment)
}

/// The book, its key, and what was found wrong with the old one, in words.
async fn open_book(config: &TerminalConfig, terminal: u32) -> Result<(Book, SigningKey, Option<String>), StartError> {
    let settings = book::Settings {
        path: config.data.join(BOOK),
        terminal,
        limit_bytes: config.book.limit_mb << 20,
        reserve_bytes: config.book.reserve_mb << 20,
        keep: Duration::from_secs(u64::from(config.book.keep_days) * 86_400),
        seal_every: config.book.seal_every,
        seal_quiet: Duration::from_secs(config.book.seal_quiet_s),
    };
    let key_path = config.data.join(KEY);
    let (book, opening, key) = blocking(move || keys::open_with(settings, &key_path)).await?;
    let mut found = None;
    if let Some(rescue) = opening.rescued {
        let text = format!(
            "the old book was moved to {}: {}; {} of the {} lines that can be read go to the server, this is a new book",
            rescue.moved_to.display(),
            rescue.why,
            rescue.chained,
            rescue.lines
        );
        tracing::error!("{text}");
        found = Some(text.clone());
        let body = crate::event::Body::System(System::Health { subject: "book".to_owned(), ok: false, text });
        let entry = book::Entry { at: Moment::now(), zone_min: 0, body, marks: Vec::new() };
        if let Err(error) = book.append(vec![entry]).await {
            tracing::warn!("that could not be recorded: {error}");
        }
    }
    Ok((book, key, found))
}

type Linked = (Option<Uplink>, watch::Receiver<Link>);

fn uplink(
    config: &TerminalConfig,
    enrolment: Enrolment,
    book: &Book,
    key: SigningKey,
    troubles: watch::Receiver<Vec<String>>,
) -> Result<Linked, StartError> {
    let note = config.data.join("data-as-of");
    let Some(server) = config.server.server() else {
        return Ok((None, Board::new(note, Moment::now()).1));
    };
    let settings = client::Settings {
        server,
        server_key: enrolment.server_key,
        heartbeat: Duration::from_secs(config.server.heartbeat_s),
        program: concat!("gatebook ", env!("CARGO_PKG_VERSION")).to_owned(),
        zone: config.zone.clone(),
        note,
    };
    let (uplink, link) = Uplink::new(book.clone(), key, settings, troubles)?;
    Ok((Some(uplink), link))
}

fn door_settings(station: &str, place: &str, door: &crate::config::terminal::Door) -> door::Settings {
    door::Settings {
        station: station.to_owned(),
        read_point: place.to_owned(),
        inside: door.inside.clone(),
        outside: door.outside.clone(),
        telling: match &door.direction {
            DirectionBy::Antennas { inside, outside } => {
                door::Telling::Rows { inner: inside.clone(), outer: outside.clone(), gap: ROW_GAP }
            }
            DirectionBy::Book { never_seen } => door::Telling::Book(*never_seen),
        },
        gone_after: Duration::from_millis(door.gone_after_ms),
        stay_max: STAY_MAX.max(Duration::from_millis(door.gone_after_ms) * 2),
        badge_for: BADGE_FOR,
    }
}

/// The id that Linux draws at every boot; zeros where there is none.
fn boot_id() -> Hex<16> {
    let read = std::fs::read_to_string(Path::new("/proc/sys/kernel/random/boot_id")).unwrap_or_default();
    Hex::parse(&read.trim().replace('-', "")).unwrap_or(Hex([0; 16]))
}

/// Runs what blocks beside the async work.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("the work itself does not panic, and nobody cancels it")
}
