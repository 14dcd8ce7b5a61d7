//! The server: takes in the books of all terminals, derives from them what the business knows, and shows it.

pub mod access;
pub mod api;
pub mod book;
pub mod catalog;
pub mod database;
pub mod enrolment;
pub mod intake;
pub mod kernel;
mod lines;
pub mod live;
pub mod numbering;
pub mod pages;
pub mod problem;
mod projection;
pub mod rebuild;
pub mod request;
pub mod start;
pub mod stored;
pub mod sync;
pub mod tls;
pub mod verify;
pub mod web;

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, watch};

use crate::config::server::{ServerConfig, TlsMode};
use crate::hex::Hex;
use crate::labels::Shelf;
use crate::quantity::Moment;
use crate::server::access::throttle::Throttle;
use crate::server::book::ServerKey;
use crate::server::database::Database;

/// What every request needs; cheap to clone.
#[derive(Clone)]
pub struct Server(Arc<Parts>);

pub struct Parts {
    pub config: ServerConfig,
    pub database: Database,
    pub key: ServerKey,
    /// What labels are drawn with.
    pub shelf: Shelf,
    /// SHA-256 of the CA certificate that terminals pin; `None` behind a proxy.
    pub pin: Option<Hex<32>>,
    /// The address that terminals and people are given.
    pub url: String,
    pub throttle: Throttle,
    /// Password checks at a time: each takes 19 MiB.
    pub password_checks: Semaphore,
    /// Batches at a time.
    pub batches: Semaphore,
    /// When terminals spoke since it was last written to the store. One entry per enrolled terminal at most.
    pub seen: Mutex<HashMap<u32, Moment>>,
    /// Rises whenever a terminal falls silent, comes back or says something new of itself.
    pub fleet: watch::Sender<u64>,
    /// True once the server is told to stop: long answers end.
    pub stopping: watch::Receiver<bool>,
}

impl Deref for Server {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Server {
    pub fn new(parts: Parts) -> Server {
        Server(Arc::new(parts))
    }

    /// Whether browsers come by TLS, here or at the proxy in front.
    pub fn secure(&self) -> bool {
        self.config.tls.mode != TlsMode::Off || self.config.tls.behind_proxy
    }

    /// The pin as a terminal's configuration takes it; `None` behind a proxy.
    pub fn pin_text(&self) -> Option<String> {
        self.pin.map(|pin| format!("sha256:{pin}"))
    }

    /// A terminal gave a sign of life.
    pub fn seen(&self, terminal: u32, at: Moment) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(terminal, at);
    }

    /// Tells the pages that something about the terminals changed.
    pub fn fleet_changed(&self) {
        self.fleet.send_modify(|count| *count = count.wrapping_add(1));
    }
}
