//! Start and ordered stop of the server, and what runs beside the requests.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::TokioTimer;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info, warn};

use crate::config::server::{self, ServerConfig};
use crate::labels::{Shelf, ShelfError};
use crate::quantity::Moment;
use crate::server::Parts;
use crate::server::Server;
use crate::server::access::throttle::Throttle;
use crate::server::api::fleet::Presence;
use crate::server::book::{self, ServerKey};
use crate::server::catalog::terminals;
use crate::server::database::{Database, DatabaseError};
use crate::server::numbering::{self, SeriesError};
use crate::server::tls::{self, TlsError};
use crate::server::web;

/// Requests that run when the server is told to stop get this long.
const FINISH: Duration = Duration::from_secs(10);
/// A connection whose next request does not begin within this time is closed: a stranger who only holds the line would
/// take the places of those who speak. Terminals and pages that live speak far more often.
const HEADERS: Duration = Duration::from_secs(60);
/// How often the own book is looked at for a seal, and the terminals for silence.
const SEAL_EVERY: Duration = Duration::from_secs(2);
const WATCH_EVERY: Duration = Duration::from_secs(2);
/// How often the certificate is looked at.
const RENEW_EVERY: Duration = Duration::from_secs(6 * 3_600);

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "{address} is taken by another program; stop that one (`ss -ltnp` shows it) or set another port in `listen`"
    )]
    PortTaken { address: SocketAddr },
    #[error("cannot listen on {address}: {why}; set an address of this machine in `listen`")]
    Listen { address: SocketAddr, why: io::Error },
    #[error(
        "cannot use the data folder {path}: {why}; it must exist or be creatable and belong to the program's account"
    )]
    Folder { path: PathBuf, why: io::Error },
    #[error("`database` is no address")]
    DatabaseAddress,
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("{0}; give the new series a code and a prefix of its own in [[series]]")]
    Series(#[from] SeriesError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("labels cannot be drawn: {0}; correct [labels]")]
    Labels(#[from] ShelfError),
}

/// A server that runs.
pub struct Running {
    /// Where it listens; the port is the real one when 0 was asked for.
    pub address: SocketAddr,
    /// The address to open in a browser and to give to terminals.
    pub url: String,
    pub server: Server,
    stop: watch::Sender<bool>,
    handle: Handle<SocketAddr>,
    web: JoinHandle<io::Result<()>>,
    beside: Vec<JoinHandle<()>>,
}

/// Opens the store, listens, and serves until [`Running::stop`].
///
/// # Errors
/// [`StartError`]: what is in the way and what to do.
pub async fn start(config: ServerConfig) -> Result<Running, StartError> {
    folder(&config)?;
    let identity = tls::identity(&config.tls.mode, &config.name, config.listen, &config.data, tls::today())?;
    let database = Database::open(&address_of(&config)?).await?;
    let key = database.write(ServerKey::load).await?;
    let (signing, series) = (key.clone(), config.series.clone());
    database.write(move |tx| numbering::configure(tx, &signing, &series, Moment::now())).await?;
    let shelf = Shelf::open(config.labels.templates.as_deref(), &config.labels.fonts)?;
    let listener = listen(config.listen)?;
    let address = listener.local_addr().map_err(|why| StartError::Listen { address: config.listen, why })?;
    let url = url(&config, address);
    let (stop, stopping) = watch::channel(false);
    let server = Server::new(Parts {
        pin: identity.as_ref().map(|identity| identity.pin),
        url: url.clone(),
        throttle: Throttle::default(),
        password_checks: Semaphore::new(2),
        batches: Semaphore::new(config.sync.max_batches_in_flight),
        fleet: watch::channel(0).0,
        seen: Mutex::new(HashMap::new()),
        stopping,
        config,
        database,
        key,
        shelf,
    });
    let router = web::router(server.clone());
    let handle = Handle::new();
    let secured = identity.as_ref().map(|identity| RustlsConfig::from_config(identity.config.clone()));
    let web = serve(listener, router, handle.clone(), secured.clone(), server.config.listen)?;
    let mut beside = vec![tokio::spawn(keep_sealed(server.clone())), tokio::spawn(watch_terminals(server.clone()))];
    if let Some(secured) = secured {
        beside.push(tokio::spawn(renew(server.clone(), secured)));
    }
    match server.pin_text() {
        Some(pin) => info!(%address, "listening at {url}, terminals pin {pin}"),
        None => info!(%address, "listening at {url}"),
    }
    Ok(Running { address, url, server, stop, handle, web, beside })
}

impl Running {
    /// Stops in order: no new requests, running ones finish, the own book is sealed, the store is closed.
    pub async fn stop(self) {
        // Long answers (live pages, waiting terminals) end at once; others get their time.
        let _ = self.stop.send(true);
        self.handle.graceful_shutdown(Some(FINISH));
        match self.web.await {
            Ok(Ok(())) => (),
            Ok(Err(why)) => warn!("the listener ended with: {why}"),
            Err(why) => error!("the web task broke off: {why}"),
        }
        for task in self.beside {
            let _ = task.await;
        }
        let key = self.server.key.clone();
        if let Err(why) = self.server.database.write(move |tx| book::seal_rest(tx, &key, Moment::now())).await {
            error!("the own book was not sealed; it is at the next start: {why}");
        }
        info!("stopped");
    }
}

fn serve(
    listener: TcpListener,
    router: Router,
    handle: Handle<SocketAddr>,
    secured: Option<RustlsConfig>,
    address: SocketAddr,
) -> Result<JoinHandle<io::Result<()>>, StartError> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let failed = |why| StartError::Listen { address, why };
    Ok(match secured {
        Some(secured) => {
            let mut server = axum_server::from_tcp_rustls(listener, secured).map_err(failed)?;
            server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEADERS);
            tokio::spawn(server.handle(handle).serve(service))
        }
        None => {
            let mut server = axum_server::from_tcp(listener).map_err(failed)?;
            server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEADERS);
            tokio::spawn(server.handle(handle).serve(service))
        }
    })
}

/// Makes the data folder, for the server's account alone: the database in it holds the signing key.
///
/// # Errors
/// When it cannot be made.
pub fn folder(config: &ServerConfig) -> Result<(), StartError> {
    use std::os::unix::fs::DirBuilderExt;
    // Keys and the book of the house: for the program's account only.
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.data);
    made.map_err(|why| StartError::Folder { path: config.data.clone(), why })
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let open = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    open().map_err(|why: io::Error| match why.kind() {
        io::ErrorKind::AddrInUse => StartError::PortTaken { address },
        _ => StartError::Listen { address, why },
    })
}

/// The address of the store that the configuration names, with its password in place.
///
/// # Errors
/// The configured address is none.
pub fn address_of(config: &ServerConfig) -> Result<String, StartError> {
    match &config.database {
        server::Database::Sqlite { path } => Ok(format!("sqlite:{}", path.display())),
        server::Database::Postgres { url, password: None } => Ok(url.clone()),
        server::Database::Postgres { url, password: Some(password) } => {
            let mut url = reqwest::Url::parse(url).map_err(|_| StartError::DatabaseAddress)?;
            url.set_password(Some(&password.0)).map_err(|()| StartError::DatabaseAddress)?;
            Ok(url.into())
        }
    }
}

fn url(config: &ServerConfig, address: SocketAddr) -> String {
    let scheme = if config.tls.mode == server::TlsMode::Off { "http" } else { "https" };
    let ip = match address.ip() {
        ip if ip.is_unspecified() => tls::outward_address().unwrap_or(ip),
        ip => ip,
    };
    format!("{scheme}://{}", SocketAddr::new(ip, address.port()))
}

/// Seals the own book whenever a seal is due.
async fn keep_sealed(server: Server) {
    let mut stopping = server.stopping.clone();
    let mut ticks = interval(SEAL_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tokio::select! {
            _ = ticks.tick() => (),
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        let key = server.key.clone();
        let sealed = server.database.write(move |tx| book::seal_due(tx, &key, Moment::now())).await;
        match sealed {
            Ok(_) if failing => {
                failing = false;
                info!("the own book is sealed again");
            }
            Err(why) if !failing => {
                failing = true;
                error!("the own book cannot be sealed: {why}");
            }
            Ok(_) | Err(_) => (),
        }
    }
}

/// Writes down who spoke and tells the pages when a terminal falls silent or comes back.
async fn watch_terminals(server: Server) {
    let mut stopping = server.stopping.clone();
    let mut ticks = interval(WATCH_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known: Option<Vec<(u32, Presence)>> = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => (),
            _ = stopping.wait_for(|stop| *stop) => (),
        }
        match presences(&server).await {
            Ok(now) => {
                for (number, presence) in &now {
                    let before = known.iter().flatten().find(|(other, _)| other == number).map(|(_, before)| *before);
                    match (before, presence) {
                        (Some(Presence::Well | Presence::Troubled), Presence::Silent) => {
                            warn!(terminal = number, "terminal {number} is silent");
                        }
                        (Some(Presence::Silent), Presence::Well | Presence::Troubled) => {
                            info!(terminal = number, "terminal {number} is back");
                        }
                        _ => (),
                    }
                }
                if known.as_ref() != Some(&now) {
                    known = Some(now);
                    server.fleet_changed();
                }
            }
            // Said once where the store fails for everyone; here it would only repeat.
            Err(why) => tracing::debug!("the terminals cannot be looked at: {why}"),
        }
        if *stopping.borrow() {
            return;
        }
    }
}

async fn presences(server: &Server) -> Result<Vec<(u32, Presence)>, DatabaseError> {
    let spoke: Vec<(u32, Moment)> = server.seen.lock().unwrap_or_else(PoisonError::into_inner).drain().collect();
    if !spoke.is_empty() {
        server
            .database
            .write(move |tx| {
                let rows: Vec<_> = spoke.iter().map(|&(number, at)| vec![number.into(), at.into()]).collect();
                tx.execute_many("UPDATE liveness SET seen_us = ?2 WHERE terminal_no = ?1 AND seen_us < ?2", &rows)
            })
            .await?;
    }
    let silent_s = server.config.sync.terminal_silent_s;
    let terminals = server.database.read(terminals::terminals).await?;
    let at = Moment::now();
    Ok(terminals.iter().map(|terminal| (terminal.number, Presence::of(terminal, silent_s, at))).collect())
}

/// Makes the certificate anew before it ends; connections that are open keep the old one.
async fn renew(server: Server, secured: RustlsConfig) {
    let mut stopping = server.stopping.clone();
    let mut ticks = interval(RENEW_EVERY);
    ticks.tick().await;
    loop {
        tokio::select! {
            _ = ticks.tick() => (),
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        let config = &server.config;
        match tls::identity(&config.tls.mode, &config.name, config.listen, &config.data, tls::today()) {
            Ok(Some(identity)) => secured.reload_from_config(identity.config),
            Ok(None) => (),
            Err(why) => error!("the certificate cannot be renewed: {why}"),
        }
    }
}
