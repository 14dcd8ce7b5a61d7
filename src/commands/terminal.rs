//! `gatebook terminal`: the daemon of one terminal.

use std::path::PathBuf;

use clap::Args;

use super::{Stop, asked_to_stop, runtime, start_log, watchdog};
use crate::config;
use crate::config::load::environment;
use crate::terminal;

#[derive(Args)]
pub struct Options {
    /// The terminal's configuration
    #[arg(long, value_name = "FILE", env = "GATEBOOK_CONFIG")]
    config: PathBuf,
}

pub fn run(options: &Options) -> Result<(), Stop> {
    let config = config::load_terminal(Some(&options.config), &environment()).map_err(Stop::fault)?;
    start_log("info");
    runtime()?.block_on(async {
        let running = terminal::start(config).await;
        let running = running.map_err(|error| Stop::Fault(format!("{error}\nhelp: {}", error.help())))?;
        let book = running.book.clone();
        watchdog(move || {
            let book = book.clone();
            // Through the writer's queue and back.
            async move { drop(book.append(Vec::new()).await) }
        });
        asked_to_stop().await;
        tracing::info!("stopping");
        running.stop().await;
        Ok(())
    })
}
