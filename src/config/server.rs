//! The configuration of the central server.

use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::tz::TimeZone;

use crate::config::labels::{self, Labels};
use crate::config::load::{Layers, Secret, Section};
use crate::config::{LANGUAGES, given};
use crate::numbers::{self, Purpose, WIDTHS};
use crate::sync::records::{Name, Series};

/// Series of one house at most.
pub const SERIES_MAX: usize = 50;

/// The commented file that holds every key with its default.
pub const DEFAULTS: &str = include_str!("../../config/server.toml");

#[derive(Clone, Debug)]
pub struct ServerConfig {
    pub name: String,
    /// Folder of the database, the keys, the certificates and the attachments.
    pub data: PathBuf,
    pub zone: TimeZone,
    /// Each one of [`LANGUAGES`]; the first is what a browser without a wish gets.
    pub languages: Vec<String>,
    pub listen: SocketAddr,
    pub database: Database,
    pub tls: Tls,
    pub sync: Sync,
    pub session: Session,
    pub labels: Labels,
    /// The house's numbers; never empty.
    pub series: Vec<Series>,
}

#[derive(Clone, Debug)]
pub enum Database {
    /// `gatebook.db` in the data folder.
    Sqlite { path: PathBuf },
    /// A `postgres://` address without its password.
    Postgres { url: String, password: Option<Secret> },
}

#[derive(Clone, Debug)]
pub struct Tls {
    pub mode: TlsMode,
    /// A proxy in front ends TLS and tells the client's address in `X-Forwarded-For`.
    pub behind_proxy: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// The server is its own CA; the certificate is for these names and addresses.
    Own {
        names: Vec<String>,
    },
    /// PEM files of the user: the certificate with its chain up to the pinned CA, and its key.
    Files {
        cert: PathBuf,
        key: PathBuf,
    },
    Off,
}

#[derive(Clone, Debug)]
pub struct Sync {
    pub max_batches_in_flight: usize,
    pub terminal_silent_s: u64,
}

#[derive(Clone, Debug)]
pub struct Session {
    pub hours: u32,
}

pub(crate) fn read(layers: &mut Layers) -> ServerConfig {
    let mut top = layers.top();
    let data = top.folder("data");
    let config = ServerConfig {
        name: top.name("name"),
        zone: top.zone("zone"),
        languages: top.words("languages", &LANGUAGES.map(|word| (word, word))).into_iter().map(str::to_owned).collect(),
        listen: top.address("listen"),
        database: database(&mut top, &data),
        tls: tls(top.section("tls")),
        sync: sync(top.section("sync")),
        session: session(top.section("session")),
        labels: labels(top.section("labels")),
        series: all_series(layers, &mut top),
        data,
    };
    if config.languages.is_empty() {
        top.complain("languages", "`languages` is empty".to_owned(), "name at least one");
    }
    if config.tls.mode == TlsMode::Off && !config.tls.behind_proxy && !config.listen.ip().is_loopback() {
        let what =
            format!("`listen` is {}, which others on the network reach, and [tls] mode is \"off\"", config.listen);
        top.complain("listen", what, "set mode = \"own\", or behind_proxy = true when a proxy ends TLS in front");
    }
    top.finish();
    config
}

fn database(top: &mut Section, data: &std::path::Path) -> Database {
    let url = top.text("database");
    let password = given(top.secret("database_password"));
    if url == "sqlite" {
        if password.is_some() {
            top.complain(
                "database_password",
                "`database_password` is set, but SQLite has none".to_owned(),
                "leave it empty",
            );
        }
        return Database::Sqlite { path: data.join("gatebook.db") };
    }
    let parsed = reqwest::Url::parse(&url).ok();
    match parsed.as_ref().map(|url| (url.scheme(), url.password())) {
        Some(("postgres" | "postgresql", None)) => (),
        Some(("postgres" | "postgresql", Some(_))) => {
            // The address is not repeated: it holds the password.
            let what = "`database` has a password in its address".to_owned();
            top.complain("database", what, "move it to database_password = \"file:/path\"");
        }
        _ => {
            let help = "write \"sqlite\" or \"postgres://USER@HOST:5432/DATABASE\"";
            top.complain("database", "`database` is no store that it knows".to_owned(), help);
        }
    }
    Database::Postgres { url, password }
}

#[derive(Clone, Copy)]
enum ModeWord {
    Own,
    Files,
    Off,
}

fn tls(mut section: Section) -> Tls {
    let words = [("own", ModeWord::Own), ("files", ModeWord::Files), ("off", ModeWord::Off)];
    let word = section.word("mode", &words);
    let (cert, key) = (section.text("cert"), section.text("key"));
    let names = section.texts("names");
    let behind_proxy = section.flag("behind_proxy");
    let mode = match word {
        Some(ModeWord::Files) => {
            for (name, path) in [("cert", &cert), ("key", &key)] {
                if !PathBuf::from(path).is_absolute() {
                    section.complain(
                        name,
                        format!("`{name}` is \"{path}\""),
                        "with mode = \"files\" write the whole path of the PEM file",
                    );
                }
            }
            TlsMode::Files { cert: cert.into(), key: key.into() }
        }
        Some(ModeWord::Own | ModeWord::Off) | None => {
            for (name, path) in [("cert", &cert), ("key", &key)] {
                if !path.is_empty() {
                    section.complain(
                        name,
                        format!("`{name}` is set, but only mode = \"files\" reads it"),
                        "set mode = \"files\" or leave it empty",
                    );
                }
            }
            if matches!(word, Some(ModeWord::Off)) { TlsMode::Off } else { TlsMode::Own { names } }
        }
    };
    section.finish();
    Tls { mode, behind_proxy }
}

fn sync(mut section: Section) -> Sync {
    let sync = Sync {
        max_batches_in_flight: section.whole("max_batches_in_flight", 1..=1024),
        terminal_silent_s: section.whole("terminal_silent_s", 2..=3600),
    };
    section.finish();
    sync
}

/// Those of the file, or the commented ones where it names none.
fn all_series(layers: &Layers, top: &mut Section) -> Vec<Series> {
    let mut entries = layers.entries(top, "series", "code", &[]);
    if entries.is_empty() {
        entries = layers.examples("series");
    }
    let all: Vec<Series> = entries.into_iter().map(series).collect();
    let numbers: Vec<_> = all.iter().map(|series| series.numbers.clone()).collect();
    if SERIES_MAX < all.len() {
        top.complain("series", format!("there are {} series", all.len()), "fifty are the most");
    }
    if let Some(why) = numbers::flaw(&numbers) {
        top.complain("series", why, "see the commented entries of [[series]]");
    }
    all
}

fn series(mut section: Section) -> Series {
    let purposes = Purpose::ALL.map(|purpose| (purpose.word(), purpose));
    let series = Series {
        numbers: numbers::Series {
            code: section.text("code"),
            prefix: section.text("prefix"),
            width: section.whole("width", i64::from(*WIDTHS.start())..=i64::from(*WIDTHS.end())),
            purpose: section.word("purpose", &purposes).unwrap_or(Purpose::Sample),
        },
        name: Name { zh: section.name("name_zh"), en: section.name("name_en") },
        block: section.whole("block", 0..=100_000),
    };
    section.finish();
    series
}

fn labels(mut section: Section) -> Labels {
    let labels = labels::read(&mut section);
    section.finish();
    labels
}

fn session(mut section: Section) -> Session {
    let session = Session { hours: section.whole("hours", 1..=720) };
    section.finish();
    session
}
