//! The command line: one function per command, `--json` for machines, and three exit codes:
//! 0 done, 1 refused or found wanting, 2 wrong use or fault.

mod bench;
mod check_config;
mod decode;
mod demo;
mod devices;
mod label;
mod server;
mod simulate;
mod status;
mod terminal;
mod verify;
mod watch;

use std::fmt;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "gatebook", version, about = "Records every sample and stock movement at the point of handling")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the daemon of one terminal: its devices, its stations, its book and its screen
    Terminal(terminal::Options),
    /// Run the central server, or look after its book
    Server(server::Options),
    /// A jewellery vault in a box: server, three terminals and simulated devices play a day by themselves
    Demo(demo::Options),
    /// Put a simulated device on a serial port or a TCP port
    Simulate(simulate::Options),
    /// List the ports of this machine and the device that is likely behind each
    Devices(devices::Options),
    /// Show what a device says, read by read
    Watch(watch::Options),
    /// Say what bytes or pictures mean, one answer a line
    Decode(decode::Options),
    /// Make a label: bytes for a ZPL or TSPL printer, or a picture
    Label(Box<label::Options>),
    /// Say how a terminal is doing
    Status(status::Options),
    /// Check every line and seal of a terminal's book
    Verify(Box<verify::Options>),
    /// Measure this machine: frames, durable lines, intake, start and memory, each beside a bare peer
    Bench(bench::Options),
    /// Read configuration files and say what is wrong with them
    CheckConfig(check_config::Options),
}

/// Why a command ended without doing its work.
pub(crate) enum Stop {
    /// It was done and the answer is no: a broken book, a bad line, a refused change.
    Refused(String),
    /// Wrong use, or something that is not there or not working.
    Fault(String),
    /// Who reads the answers has seen enough, which is no error.
    Unread,
}

impl Stop {
    fn fault(what: impl fmt::Display) -> Stop {
        Stop::Fault(what.to_string())
    }
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Terminal(options) => terminal::run(&options),
        Command::Server(options) => server::run(options),
        Command::Demo(options) => demo::run(&options),
        Command::Simulate(options) => simulate::run(&options),
        Command::Devices(options) => devices::run(&options),
        Command::Watch(options) => watch::run(&options),
        Command::Decode(options) => decode::run(&options),
        Command::Label(options) => label::run(&options),
        Command::Status(options) => status::run(&options),
        Command::Verify(options) => verify::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::CheckConfig(options) => check_config::run(&options),
    };
    let (code, words) = match done {
        Ok(()) | Err(Stop::Unread) => return ExitCode::SUCCESS,
        Err(Stop::Refused(words)) => (1, words),
        Err(Stop::Fault(words)) => (2, words),
    };
    if !words.is_empty() {
        eprintln!("error: {words}");
    }
    ExitCode::from(code)
}

/// Puts out an answer as it is.
fn put(bytes: &[u8]) -> Result<(), Stop> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => Stop::Unread,
        _ => Stop::fault(format!("stdout: {error}")),
    })
}

/// Puts out a line.
fn tell(line: impl fmt::Display) -> Result<(), Stop> {
    put(format!("{line}\n").as_bytes())
}

/// The runtime of every command that waits for something.
fn runtime() -> Result<tokio::runtime::Runtime, Stop> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Stop::fault(format!("no runtime: {error}")))
}

/// Log lines go to stderr, in colour where a person looks; `RUST_LOG` sets what is shown.
fn start_log(default: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| default.into());
    let colour = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    log.with_target(false).with_ansi(colour).init();
}

/// Tells a service manager that the daemon is up, and from then on that it is alive, as often as it asked for: as long
/// as `works` comes back, which goes through what a hang would stop. Its answer does not matter; a full disk is no hang.
fn watchdog<W: Future<Output = ()> + Send>(works: impl Fn() -> W + Send + 'static) {
    // Without a service manager there is nobody to tell.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    if let Some(within) = sd_notify::watchdog_enabled() {
        tokio::spawn(async move {
            loop {
                works().await;
                let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
                tokio::time::sleep((within / 3).max(Duration::from_millis(100))).await;
            }
        });
    }
}

/// Ends when the process is asked to stop: Ctrl-C, or SIGTERM from a service manager.
async fn asked_to_stop() {
    let mut terminated = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(signal) => signal,
        // Without the signal there is still Ctrl-C.
        Err(_) => return tokio::signal::ctrl_c().await.unwrap_or(()),
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => (),
        _ = terminated.recv() => (),
    }
}

/// A family of devices by its name, for the command line.
fn family(name: &str) -> Result<&'static hardware::device::Family, String> {
    hardware::device::by_name(name).ok_or_else(|| {
        let names: Vec<_> = hardware::device::FAMILIES.iter().map(|family| family.name).collect();
        format!("the families are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
