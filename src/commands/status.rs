//! `gatebook status`: how a terminal is doing, asked of the daemon itself.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use reqwest::Response;
use serde_json::Value;

use super::{Stop, runtime};
use crate::config;
use crate::config::load::environment;
use crate::sync::trust;

/// A daemon that does not answer within this time hangs.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Args)]
pub struct Options {
    /// The terminal's configuration
    #[arg(long, value_name = "FILE", env = "GATEBOOK_CONFIG")]
    config: PathBuf,
    /// Answer with the whole status as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(options: &Options) -> Result<(), Stop> {
    let config = config::load_terminal(Some(&options.config), &environment()).map_err(Stop::fault)?;
    let mut address = config.screen.listen;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let key = config.screen.key.map(|key| key.0).unwrap_or_default();
    let status = runtime()?.block_on(ask(&format!("http://{address}/status.json"), &key));
    let status = status.map_err(|error| {
        Stop::Fault(format!("terminal {} does not answer on {address}: {error}; is it running?", config.name))
    })?;
    if options.json {
        println!("{status}");
    } else {
        print(&status);
    }
    let well = status["troubles"].as_array().is_none_or(Vec::is_empty) && status["link"]["trouble"].is_null();
    // The troubles are printed already.
    if well { Ok(()) } else { Err(Stop::Refused(String::new())) }
}

async fn ask(url: &str, key: &str) -> Result<Value, String> {
    // The screen is on this machine, or on an address of it: there is nobody in between.
    let client = trust::client(url, None, true, PATIENCE).map_err(|error| error.to_string())?;
    let answer = client.get(url).query(&[("key", key)]).send().await.and_then(Response::error_for_status);
    answer.map_err(|error| error.to_string())?.json().await.map_err(|error| error.to_string())
}

fn print(status: &Value) {
    let text = |pointer: &str| match status.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    println!("terminal {} ({}), version {}", text("/name"), text("/terminal"), text("/version"));
    println!(
        "book     lines {} to {}, {} waiting for the server, sealed to {}, disk {}",
        text("/book/first"),
        text("/book/last"),
        text("/book/waiting"),
        text("/book/sealed"),
        text("/book/disk/state"),
    );
    let online = if status.pointer("/link/online") == Some(&Value::Bool(true)) { "online" } else { "offline" };
    println!("link     {online}, data {} s old, clock offset {} us", text("/link/data_age_s"), text("/link/offset_us"));
    if let Some(trouble) = status.pointer("/link/trouble").and_then(Value::as_str) {
        println!("trouble  {trouble}");
    }
    for (series, left) in status["numbers_left"].as_object().into_iter().flatten() {
        println!("numbers  {series}: {left} left before the terminal counts by itself");
    }
    for (name, device) in status["devices"].as_object().into_iter().flatten() {
        let up = if device["up"] == true { "up" } else { "down" };
        println!("device   {name}: {up}, {} reads, {} bytes of noise", device["reads"], device["noise_bytes"]);
    }
    for trouble in status["troubles"].as_array().into_iter().flatten() {
        println!("trouble  {}", trouble.as_str().unwrap_or_default());
    }
}
