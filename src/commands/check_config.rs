//! `gatebook check-config FILE...`: what is wrong with a configuration, before the daemon says it at night.

use std::path::PathBuf;

use clap::Args;

use super::{Stop, tell};
use crate::config;

#[derive(Args)]
pub struct Options {
    /// Files of terminals or servers
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

pub fn run(options: &Options) -> Result<(), Stop> {
    let mut wrong = 0;
    for file in &options.files {
        match config::check(file) {
            Ok(kind) => tell(format_args!("{}: a sound {kind} configuration", file.display()))?,
            Err(problems) => {
                wrong += problems.len();
                for problem in problems {
                    tell(problem)?;
                }
            }
        }
    }
    match wrong {
        0 => Ok(()),
        1 => Err(Stop::Refused("1 problem".into())),
        _ => Err(Stop::Refused(format!("{wrong} problems"))),
    }
}
