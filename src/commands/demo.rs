//! `gatebook demo`: a vault in a box.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Stop, asked_to_stop, runtime, start_log};
use crate::demo::stage::Opened;
use crate::demo::{self, DemoError, Options as Demo};

#[derive(Args)]
pub struct Options {
    /// Port of the pages; 0 takes any free one
    #[arg(long, default_value_t = 7400)]
    port: u16,
    /// Keep the books and files in this folder, which must be empty
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// End by itself after this time: 30s, 5m
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    lasts: Option<Duration>,
    /// The day is drawn from this number
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// `30s`, `5m`, `1h`; a bare number counts seconds.
fn span(text: &str) -> Result<Duration, String> {
    let (figure, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err("write a time as 30s, 5m or 1h".into()),
    };
    let figure: u64 = figure.parse().map_err(|_| "write a time as 30s, 5m or 1h".to_owned())?;
    let lasts = Duration::from_secs(figure.saturating_mul(seconds));
    match lasts < Duration::from_secs(20) {
        true => Err("a day shorter than 20s shows nothing; write 20s or more".into()),
        false => Ok(lasts),
    }
}

pub fn run(options: &Options) -> Result<(), Stop> {
    start_log("error");
    let demo = Demo { port: options.port, keep: options.keep.clone(), lasts: options.lasts, seed: options.seed };
    let account = runtime()?.block_on(demo::run(&demo, announce, asked_to_stop()));
    let account = account.map_err(|error| match error {
        DemoError::PortTaken { port } => Stop::Fault(format!(
            "port {port} is taken by another program; choose another with --port, 0 takes any free one"
        )),
        error => Stop::fault(error),
    })?;
    println!("{}", serde_json::to_string(&account).map_err(Stop::fault)?);
    match (account.lost, account.duplicated) {
        (0, 0) => Ok(()),
        (lost, duplicated) => Err(Stop::Refused(format!("{lost} lost, {duplicated} duplicated"))),
    }
}

fn announce(opened: &Opened) {
    println!("open        {}", opened.url);
    println!("login       {}", opened.login);
    println!("password    {}", opened.password);
    for (name, url) in &opened.screens {
        println!("screen of   {name}: {url}");
    }
    println!("Ctrl-C ends the day and accounts for it");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, seconds) in [("30s", Some(30)), ("45", Some(45)), ("5m", Some(300)), ("1h", Some(3600))] {
            assert_eq!(span(text).ok().map(|span| span.as_secs()), seconds, "{text}");
        }
        for wrong in ["", "s", "5s", "half an hour", "30 s"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
