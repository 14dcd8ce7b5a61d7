//! `gatebook server`: the central server, and what an administrator does to its book from the command line.

use std::io::{IsTerminal, Read};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use tracing::info;

use super::{Stop, asked_to_stop, runtime, start_log, watchdog};
use crate::config;
use crate::config::load::environment;
use crate::config::server::ServerConfig;
use crate::quantity::Moment;
use crate::server::access::{AccessError, Role, logins};
use crate::server::book::down_cursor;
use crate::server::database::Database;
use crate::server::enrolment;
use crate::server::kernel::digest;
use crate::server::{rebuild, start, verify};

#[derive(Args)]
pub struct Options {
    /// The server's configuration; without it the defaults hold
    #[arg(long, value_name = "FILE", env = "GATEBOOK_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    tool: Option<Tool>,
}

#[derive(Subcommand)]
enum Tool {
    /// Give a person a login; the password is read from stdin
    AddLogin {
        #[arg(long)]
        name: String,
        /// administrator, approver, keeper, planner or auditor; can be given more than once
        #[arg(long = "role", required = true, value_parser = role)]
        roles: Vec<Role>,
        /// Number of the person in the master data
        #[arg(long)]
        person: Option<u32>,
    },
    /// Give a program a token; it is shown this once
    AddToken {
        #[arg(long)]
        name: String,
        #[arg(long = "role", required = true, value_parser = role)]
        roles: Vec<Role>,
    },
    /// Print a one-time code that takes a terminal into the house within 15 minutes
    EnrolmentCode,
    /// Print the digest of everything that is derived from the book
    Digest,
    /// Derive everything anew from the book and print the digest
    Rebuild,
    /// Check every line and seal of every book that the server holds
    Verify,
}

fn role(word: &str) -> Result<Role, String> {
    Role::from_word(word).ok_or_else(|| {
        let words: Vec<&str> = Role::ALL.into_iter().map(Role::word).collect();
        format!("there is no such role; write one of {}", words.join(", "))
    })
}

pub fn run(options: Options) -> Result<(), Stop> {
    let config = config::load_server(options.config.as_deref(), &environment()).map_err(Stop::fault)?;
    match options.tool {
        None => serve(config),
        Some(tool) => {
            start_log("warn");
            runtime()?.block_on(work(&config, tool))
        }
    }
}

fn serve(config: ServerConfig) -> Result<(), Stop> {
    start_log("info");
    runtime()?.block_on(async {
        let running = start::start(config).await.map_err(Stop::fault)?;
        let database = running.server.database.clone();
        watchdog(move || {
            let database = database.clone();
            // Through the writer's queue and back.
            async move { drop(database.write(down_cursor).await) }
        });
        asked_to_stop().await;
        info!("stopping");
        running.stop().await;
        Ok(())
    })
}

async fn work(config: &ServerConfig, tool: Tool) -> Result<(), Stop> {
    start::folder(config).map_err(Stop::fault)?;
    let address = start::address_of(config).map_err(Stop::fault)?;
    let database = Database::open(&address).await.map_err(Stop::fault)?;
    match tool {
        Tool::AddLogin { name, roles, person } => {
            let password = password()?;
            let shown = name.clone();
            let made = database
                .write(move |tx| logins::create_login(tx, &name, &password, &roles, person, Moment::now()))
                .await;
            made.map_err(refused)?;
            println!("{shown} can log in");
        }
        Tool::AddToken { name, roles } => {
            let made = database.write(move |tx| logins::create_token(tx, &name, &roles, "command line", Moment::now()));
            println!("{}", made.await.map_err(refused)?);
        }
        Tool::EnrolmentCode => {
            let made = database.write(|tx| enrolment::make_enrolment_code(tx, None, Moment::now())).await;
            println!("{}", made.map_err(Stop::fault)?);
        }
        Tool::Digest => println!("{}", database.read(digest::digest).await.map_err(Stop::fault)?),
        Tool::Rebuild => println!("{}", database.write(rebuild::rebuild).await.map_err(Stop::fault)?),
        Tool::Verify => {
            return report(&database.read(verify::verify).await.map_err(Stop::fault)?);
        }
    }
    Ok(())
}

fn refused(error: AccessError) -> Stop {
    Stop::Refused(error.to_string())
}

fn password() -> Result<String, Stop> {
    let stdin = std::io::stdin();
    let fault = |error: std::io::Error| Stop::fault(format!("stdin: {error}"));
    let mut password = String::new();
    if stdin.is_terminal() {
        eprint!("password (it is not shown): ");
        let as_it_was = tcgetattr(&stdin).map_err(|error| fault(error.into()))?;
        let mut hidden = as_it_was.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Flush, &hidden).map_err(|error| fault(error.into()))?;
        let read = stdin.read_line(&mut password);
        let restored = tcsetattr(&stdin, OptionalActions::Flush, &as_it_was);
        eprintln!();
        read.and_then(|_| restored.map_err(Into::into)).map_err(fault)?;
    } else {
        stdin.lock().read_to_string(&mut password).map_err(fault)?;
    }
    Ok(password.trim_end_matches(['\r', '\n']).to_owned())
}

fn report(report: &verify::Report) -> Result<(), Stop> {
    println!(
        "{} books, {} lines, {} seals, {} lines not sealed yet",
        report.books, report.lines, report.seals, report.unsealed
    );
    for fault in &report.faults {
        println!("{fault}");
    }
    match report.faults.len() {
        0 => Ok(()),
        count => Err(Stop::Refused(format!("{count} findings"))),
    }
}
