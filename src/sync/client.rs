//! The terminal's side of the sync: it keeps telling the server what it has until the server has it.
//!
//! Two ways run beside each other. Up: hello, then batches from the server's cursor, then a hello as a sign of life at
//! every heartbeat. Down: a long poll for reference data ([`crate::sync::down`]). A success of one wakes the other out
//! of its back-off.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ed25519_dalek::{SigningKey, VerifyingKey};
use jiff::tz::TimeZone;
use tokio::sync::{Mutex, Notify, watch};

use crate::hex::Hex;
use crate::ledger::book::Book;
use crate::quantity::Moment;
use crate::sync::down::Down;
use crate::sync::link::{Board, Link};
use crate::sync::plan;
use crate::sync::transport::{Failure, Server, Transport};
use crate::sync::trust::Untrusted;
use crate::sync::up::Up;
use crate::sync::wire::{self, Enrol, Enrolled};

#[derive(Clone, Debug)]
pub struct Settings {
    pub server: Server,
    /// Public key with which the server signs receipts and records, from [`enrol`].
    pub server_key: Hex<32>,
    /// A sign of life is given this often.
    pub heartbeat: Duration,
    /// What the terminal says that it is: `gatebook 0.1.0`.
    pub program: String,
    /// Zone of the site, for the local offset of the lines about the clock.
    pub zone: TimeZone,
    /// File that remembers the age of the reference data over a restart.
    pub note: PathBuf,
}

/// Why the sync cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotStart {
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    #[error("the server's key is no Ed25519 key; enrol the terminal anew")]
    ServerKey,
}

/// Shows the one-time code and the terminal's public key to the server. The same code with the same key gets the same
/// answer again, so an answer that got lost costs nothing.
///
/// # Errors
/// [`Failure`] as the server says it, [`CannotStart`] when the address cannot be trusted.
pub async fn enrol(server: &Server, code: &str, name: &str, key: &SigningKey) -> Result<Enrolled, EnrolError> {
    let transport = Transport::new(server, key.clone(), 0)?;
    let public = Hex(key.verifying_key().to_bytes());
    let enrolled: Enrolled =
        transport.post(wire::ENROL, &Enrol { code: code.to_owned(), name: name.to_owned(), key: public }).await?;
    if enrolled.terminal == 0 || VerifyingKey::from_bytes(&enrolled.server_key.0).is_err() {
        return Err(Failure::Garbage("its answer to the code names no terminal and key".to_owned()).into());
    }
    Ok(enrolled)
}

/// Why the terminal was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl EnrolError {
    /// What to do.
    pub fn help(&self) -> &'static str {
        match self {
            EnrolError::Untrusted(_) => "Mend url and pin in [server], then start again.",
            EnrolError::Failure(failure) => match failure {
                Failure::NoAnswer(_) | Failure::Busy { .. } | Failure::Fault { .. } => {
                    "The first start needs the server, later ones do not. Check url in [server] and start again; the code \
                     stays good for 15 minutes."
                }
                Failure::NotTheServer(_) => {
                    "Compare url and pin in [server] with what the server shows beside the one-time code."
                }
                Failure::NotAccepted(_) => {
                    "A code is good once and for 15 minutes: write the new one as enrolment_code in [server] and start again."
                }
                Failure::TooLarge
                | Failure::Elsewhere(_)
                | Failure::Version(_)
                | Failure::Refused { .. }
                | Failure::Garbage(_)
                | Failure::Book(_) => "Check url in [server], and that both programs are of the same version.",
            },
        }
    }
}

/// What both ways share.
pub(super) struct Shared {
    pub book: Book,
    pub transport: Transport,
    pub server_key: VerifyingKey,
    pub board: Board,
    /// Epoch of the server after a hello, and after it got back what it had lost; the downlink waits for it.
    pub settled: watch::Sender<Option<Hex<16>>>,
    /// Held while records or their cursor change.
    pub records: Mutex<()>,
    /// The up way heard the server.
    pub up_heard: Notify,
    /// The down way heard the server.
    pub down_heard: Notify,
}

/// The terminal's link to its server.
pub struct Uplink {
    shared: Arc<Shared>,
    settings: Settings,
    troubles: watch::Receiver<Vec<String>>,
}

impl Uplink {
    /// `troubles` is what does not work at the terminal, in words; the server shows it. The receiver is for the screens.
    ///
    /// # Errors
    /// [`CannotStart`] when the address allows no connection that could be trusted.
    pub fn new(
        book: Book,
        key: SigningKey,
        settings: Settings,
        troubles: watch::Receiver<Vec<String>>,
    ) -> Result<(Uplink, watch::Receiver<Link>), CannotStart> {
        let transport = Transport::new(&settings.server, key, book.id().terminal)?;
        let server_key = VerifyingKey::from_bytes(&settings.server_key.0).map_err(|_| CannotStart::ServerKey)?;
        let (board, link) = Board::new(settings.note.clone(), Moment::now());
        let shared = Shared {
            book,
            transport,
            server_key,
            board,
            settled: watch::Sender::new(None),
            records: Mutex::new(()),
            up_heard: Notify::new(),
            down_heard: Notify::new(),
        };
        Ok((Uplink { shared: Arc::new(shared), settings, troubles }, link))
    }

    /// Runs until `stop` becomes true or its sender is gone. May be dropped at any moment: what was not confirmed is sent
    /// again.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let up = Up::new(self.shared.clone(), self.settings, self.troubles);
        let down = Down::new(self.shared);
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => (),
            () = up.run() => (),
            () = down.run() => (),
        }
    }
}

/// Tries in a row that failed.
#[derive(Default)]
pub(super) struct Outage {
    failures: u32,
    began: Option<Instant>,
}

impl Outage {
    pub fn failed(&mut self, failure: &Failure) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let began = *self.began.get_or_insert_with(Instant::now);
        let asked = match failure {
            Failure::Busy { wait } => *wait,
            _ => None,
        };
        plan::wait(self.failures, began.elapsed(), asked, chance())
    }

    pub fn over(&mut self) {
        *self = Outage::default();
    }

    pub fn failures(&self) -> u32 {
        self.failures
    }
}

/// From 0 to 1.
fn chance() -> f64 {
    // Without randomness the middle: the wait is then the same for all, but still a wait.
    let drawn = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(drawn) / f64::from(u32::MAX)
}
