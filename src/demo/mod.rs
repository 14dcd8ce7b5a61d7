//! A jewellery vault in a box: one server, three terminals and their simulated devices play a day by themselves, through
//! real ptys, real TCP and real files. The only room that sees both sides.

pub mod account;
pub mod day;
pub mod network;
pub mod office;
pub mod pushed;
pub mod stage;
pub mod vault;
pub mod wire;

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::demo::account::Account;
use crate::demo::stage::{Opened, Stage};

/// Time that the last scene, the last passage and the last batch get at the end of a demo that ends by itself.
const CLOSING: Duration = Duration::from_secs(9);

/// How long closing may take before what is still missing counts as lost.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
pub struct Options {
    /// Port of the server's pages; 0 for any free one.
    pub port: u16,
    /// Folder that is kept; without one a temporary folder is used and removed.
    pub keep: Option<PathBuf>,
    /// Ends by itself after this time.
    pub lasts: Option<Duration>,
    /// The day is drawn from this number.
    pub seed: u64,
}

/// Why the demo could not be played.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("the folder {folder} cannot be used: {why}")]
    Folder { folder: PathBuf, why: std::io::Error },
    #[error("{folder} holds something already; name an empty folder")]
    FolderUsed { folder: PathBuf },
    #[error("port {port} is taken by another program")]
    PortTaken { port: u16 },
    #[error("the server does not start: {0}")]
    Server(String),
    #[error("terminal {name} does not start: {why}")]
    Terminal { name: &'static str, why: String },
    #[error("a simulated device does not start: {0}")]
    Device(std::io::Error),
    #[error("the server's REST interface answers {0}")]
    Rest(String),
    #[error("{0} did not happen in time")]
    Late(String),
}

/// Plays until `stop`, or until the time is over; then accounts for every read.
///
/// # Errors
/// [`DemoError`] when something did not start or the server did not answer.
pub async fn run(
    options: &Options,
    announce: impl FnOnce(&Opened),
    stop: impl Future<Output = ()>,
) -> Result<Account, DemoError> {
    let began = Instant::now();
    let (stage, opened) = Stage::open(options).await?;
    announce(&opened);
    let ends = options.lasts.map(|lasts| began + lasts.saturating_sub(CLOSING));
    let played = tokio::select! {
        played = day::play(&stage, options.seed, ends) => played,
        () = stop => Ok(()),
    };
    // Whatever happened, what was recorded is accounted for and nothing is left behind.
    stage.network.cut(false);
    let settled = timeout_at(Instant::now() + PATIENCE, stage.settle()).await;
    let account = settled.unwrap_or_else(|_| Err(DemoError::Late("the account of the day".into())));
    stage.close().await;
    played?;
    account
}
