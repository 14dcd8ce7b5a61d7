//! How the terminal stands with its server, for the screens, and what the log says of it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::quantity::{CLOCK_UNSET_BEFORE, Moment};

/// A repeating trouble is logged again after so long.
const REMIND: Duration = Duration::from_secs(60);
/// The age of the data is noted on disk this often: it decides on hours, and flash wears out.
const NOTE: Duration = Duration::from_secs(60);

/// How the terminal stands with its server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub online: bool,
    /// When `online` last changed, or the program started.
    pub since: Moment,
    /// Last usable answer.
    pub last_ok: Option<Moment>,
    /// When the reference data were last known to be the server's newest, by the terminal's clock.
    pub data_as_of: Option<Moment>,
    /// What is wrong and what to do, in English; `None` when all is well.
    pub trouble: Option<String>,
    /// Key of the same message in other languages.
    pub trouble_key: Option<&'static str>,
    /// Version of the sync protocol that both speak.
    pub server_version: Option<u16>,
    /// Central time minus terminal time in microseconds.
    pub offset_us: Option<i64>,
}

impl Link {
    /// Age of the reference data; `None` when there never were any.
    pub fn data_age(&self, now: Moment) -> Option<Duration> {
        self.data_as_of.map(|moment| now.since(moment))
    }
}

/// Which way a trouble concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Up,
    Down,
}

/// What both ways tell of the link.
pub struct Board {
    link: watch::Sender<Link>,
    inner: Mutex<Inner>,
}

struct Inner {
    up: Option<Trouble>,
    down: Option<Trouble>,
    note: PathBuf,
    noted: Option<Instant>,
}

struct Trouble {
    key: &'static str,
    text: String,
    logged: Instant,
    times: u32,
}

impl Board {
    /// `note` is the file that remembers the age of the data over a restart.
    pub fn new(note: PathBuf, now: Moment) -> (Board, watch::Receiver<Link>) {
        let link = Link {
            online: false,
            since: now,
            last_ok: None,
            data_as_of: read_note(&note),
            trouble: None,
            trouble_key: None,
            server_version: None,
            offset_us: None,
        };
        let (link, screens) = watch::channel(link);
        let inner = Mutex::new(Inner { up: None, down: None, note, noted: None });
        (Board { link, inner }, screens)
    }

    pub fn set(&self, change: impl FnOnce(&mut Link)) {
        self.link.send_if_modified(|link| {
            let before = link.clone();
            change(link);
            *link != before
        });
    }

    /// The server gave a usable answer.
    pub fn answered(&self, now: Moment) {
        self.set(|link| {
            link.last_ok = Some(now);
            online(link, true, now);
        });
    }

    /// The server did not answer.
    pub fn silent(&self, now: Moment) {
        self.set(|link| online(link, false, now));
    }

    /// The reference data are the server's newest.
    pub fn data_are_current(&self, now: Moment) {
        self.set(|link| link.data_as_of = Some(now));
        let mut inner = self.inner();
        if now < CLOCK_UNSET_BEFORE || inner.noted.is_some_and(|noted| noted.elapsed() < NOTE) {
            return;
        }
        inner.noted = Some(Instant::now());
        if let Err(error) = write_note(&inner.note, now) {
            tracing::warn!(%error, "the age of the data could not be noted in {}; after a restart it counts as unknown", inner.note.display());
        }
    }

    pub fn trouble(&self, way: Way, key: &'static str, text: String) {
        let mut inner = self.inner();
        let slot = inner.slot(way);
        match slot {
            Some(trouble) if trouble.key == key => {
                trouble.times += 1;
                trouble.text = text;
                if REMIND <= trouble.logged.elapsed() {
                    tracing::warn!(times = trouble.times, "still: {}", trouble.text);
                    (trouble.logged, trouble.times) = (Instant::now(), 0);
                }
            }
            _ => {
                tracing::warn!("{text}");
                *slot = Some(Trouble { key, text, logged: Instant::now(), times: 0 });
            }
        }
        self.show(inner);
    }

    pub fn well(&self, way: Way) {
        let mut inner = self.inner();
        if let Some(trouble) = inner.slot(way).take() {
            tracing::info!("over: {}", trouble.text);
        }
        self.show(inner);
    }

    fn show(&self, inner: MutexGuard<Inner>) {
        let shown = inner.up.as_ref().or(inner.down.as_ref()).map(|trouble| (trouble.text.clone(), trouble.key));
        drop(inner);
        self.set(|link| (link.trouble, link.trouble_key) = shown.unzip());
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn slot(&mut self, way: Way) -> &mut Option<Trouble> {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }
}

fn online(link: &mut Link, online: bool, now: Moment) {
    if link.online != online {
        (link.online, link.since) = (online, now);
    }
}

fn read_note(path: &Path) -> Option<Moment> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok().map(Moment)
}

/// Not flushed: a lost note makes the data seem older than they are, never younger.
fn write_note(path: &Path, now: Moment) -> std::io::Result<()> {
    let draft = path.with_extension("new");
    std::fs::write(&draft, format!("{}\n", now.0))?;
    std::fs::rename(draft, path)
}
