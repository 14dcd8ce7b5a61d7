//! `gatebook simulate`: a simulated device by hand.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use hardware::device::{Family, Link, Reads};
use hardware::settings::{Form, Settings, Value};
use hardware::simulator::script::{Mix, Script, Sent, SentWhat};

use super::{Stop, asked_to_stop, runtime};
use crate::demo::pushed::To;
use crate::demo::wire::Wire;
use crate::epc;
use crate::hex;

#[derive(Args)]
pub struct Options {
    /// The family of the device; `gatebook devices --families` lists them
    #[arg(value_parser = super::family)]
    family: &'static Family,
    /// Serial families: the name under which the port appears
    #[arg(long, value_name = "PATH", default_value = "/tmp/gatebook-simulated")]
    link: PathBuf,
    /// Network families: where the device listens; by default on 127.0.0.1 and the port of the family
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Readers that push: http://… of a webhook or mqtt://HOST:PORT/TOPIC; otherwise they serve a stream
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Everything that happens is drawn from this number: the same seed, the same day
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many symbols or tags are presented
    #[arg(long, default_value_t = 100)]
    reads: usize,
    /// Over how many seconds they are spread
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    over: u64,
    /// How many faults happen on the way: garbage, broken messages, silence, disconnects
    #[arg(long, default_value_t = 0)]
    faults: usize,
    /// Settings of the device, as in a configuration: --set dialect=m100
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Texts or EPCs (hex) to present instead of invented ones
    codes: Vec<String>,
}

pub fn run(options: &Options) -> Result<(), Stop> {
    let wire = lay(options)?;
    eprintln!("a simulated {} on {}; Ctrl-C ends it", options.family.name, wire.port);
    runtime()?.block_on(async {
        let ends = Instant::now() + Duration::from_secs(options.over) + Duration::from_secs(3);
        let mut shown = 0;
        let stop = asked_to_stop();
        tokio::pin!(stop);
        loop {
            for sent in wire.log_from(shown) {
                shown += 1;
                println!("{}", line(&sent));
            }
            if ends <= Instant::now() {
                break;
            }
            tokio::select! {
                () = &mut stop => break,
                () = tokio::time::sleep(Duration::from_millis(100)) => (),
            }
        }
    });
    Ok(())
}

fn lay(options: &Options) -> Result<Wire, Stop> {
    let script = Script::random(options.seed, &mix(options)?);
    let device = (options.family.simulator)(&settings(options.family, &options.set)?, script, options.seed);
    let listen = |port: u16| options.listen.clone().unwrap_or_else(|| format!("127.0.0.1:{port}"));
    let (wire, place) = match (options.family.link, &options.to) {
        (Link::Tcp { port }, _) => (Wire::tcp(device, address(&listen(port))?), listen(port)),
        (Link::Push, None) => (Wire::stream(device, address(&listen(8080))?), listen(8080)),
        (Link::Push, Some(url)) => (Ok(Wire::push(device, pushed_to(url)?)), url.clone()),
        (Link::Serial(_) | Link::File, _) => (Wire::serial(device, &options.link), options.link.display().to_string()),
    };
    wire.map_err(|error| Stop::fault(format!("{place}: {error}; choose another place with --link or --listen")))
}

/// Where a reader pushes to; the token of a webhook stands as user in its address.
fn pushed_to(url: &str) -> Result<To, Stop> {
    let wrong = || Stop::fault(format!("--to {url}: write http://HOST:PORT/PATH or mqtt://HOST:PORT/TOPIC"));
    let parsed = reqwest::Url::parse(url).map_err(|_| wrong())?;
    let host = parsed.host_str().ok_or_else(wrong)?.to_owned();
    match parsed.scheme() {
        "http" => {
            let mut bare = parsed.clone();
            // An address with a host always takes these away.
            let _ = bare.set_username("");
            Ok(To::Webhook { url: bare.to_string(), token: parsed.username().to_owned() })
        }
        "mqtt" => {
            let topic = parsed.path().trim_start_matches('/').to_owned();
            Ok(To::Broker { host, port: parsed.port().unwrap_or(1883), topic })
        }
        _ => Err(wrong()),
    }
}

/// Settings as written on a command line: `NAME=VALUE`, the items of a list parted by commas.
pub(super) fn settings(family: &'static Family, given: &[String]) -> Result<Settings, Stop> {
    let mut settings = Settings::of(family.settings);
    for pair in given {
        let wrong = |why: String| Stop::fault(format!("--set {pair}: {why}"));
        let (name, text) = pair.split_once('=').ok_or_else(|| wrong("write NAME=VALUE".into()))?;
        let form = family.settings.iter().find(|setting| setting.name == name).map(|setting| setting.form);
        let value = match form {
            Some(Form::Flag(_)) => text.parse().map_or_else(|_| Value::Text(text.into()), Value::Flag),
            Some(Form::Whole { .. }) => text.parse().map_or_else(|_| Value::Text(text.into()), Value::Whole),
            Some(Form::Wholes { .. }) => {
                let numbers: Result<_, _> = text.split(',').map(str::parse).collect();
                numbers.map_or_else(|_| Value::Text(text.into()), Value::Wholes)
            }
            Some(Form::Texts(_)) => Value::Texts(text.split(',').map(str::to_owned).collect()),
            Some(Form::Word(_) | Form::Text(_) | Form::Secret) | None => Value::Text(text.into()),
        };
        settings.set(name, value).map_err(wrong)?;
    }
    Ok(settings)
}

/// The first address behind `HOST:PORT`.
fn address(listen: &str) -> Result<SocketAddr, Stop> {
    let found = listen.to_socket_addrs().map_err(|error| Stop::Fault(format!("--listen {listen}: {error}")))?.next();
    found.ok_or_else(|| Stop::Fault(format!("--listen {listen}: no such host")))
}

/// What is presented: the codes that were given, else invented ones.
fn mix(options: &Options) -> Result<Mix, Stop> {
    let mut mix = Mix {
        lasts: Duration::from_secs(options.over),
        symbols: Vec::new(),
        tags: Vec::new(),
        antennas: 4,
        faults: options.faults,
    };
    if options.family.reads.contains(&Reads::Symbols) {
        let invented = (1..=options.reads).map(|number| format!("SIM-{number:05}").into_bytes());
        mix.symbols = match options.codes.is_empty() {
            true => invented.collect(),
            false => options.codes.iter().map(|code| code.clone().into_bytes()).collect(),
        };
        return Ok(mix);
    }
    let given: Result<Vec<Vec<u8>>, Stop> = options
        .codes
        .iter()
        .map(|code| hex::decode(code).ok_or_else(|| Stop::fault(format!("`{code}` is no EPC; write it as hex digits"))))
        .collect();
    mix.tags = given?;
    if mix.tags.is_empty() {
        // A GTIN with a right check digit under the prefix that GS1 keeps for examples.
        let tag = |serial| epc::sgtin_96(1, "09521234543213", 7, serial).map(|epc| epc.to_vec());
        mix.tags = (1..=options.reads).filter_map(|number| tag(u64::try_from(number).ok()?)).collect();
    }
    Ok(mix)
}

/// One line of the transmit log as JSON.
fn line(sent: &Sent) -> serde_json::Value {
    let at_ms = u64::try_from(sent.at.as_millis()).unwrap_or(u64::MAX);
    match &sent.what {
        SentWhat::Symbol { bytes } => {
            serde_json::json!({"at_ms": at_ms, "sent": "symbol", "text": String::from_utf8_lossy(bytes)})
        }
        SentWhat::Tag { epc, antenna, rssi_dbm } => serde_json::json!({
            "at_ms": at_ms, "sent": "tag", "epc": hex::encode(epc), "antenna": antenna, "rssi_dbm": rssi_dbm
        }),
        SentWhat::Report(read) => serde_json::json!({"at_ms": at_ms, "sent": "report", "text": format!("{read:?}")}),
        SentWhat::Label { bytes, .. } => serde_json::json!({"at_ms": at_ms, "sent": "label", "bytes": bytes.len()}),
        SentWhat::Garbage { n } => serde_json::json!({"at_ms": at_ms, "sent": "garbage", "bytes": n}),
        SentWhat::Disconnect => serde_json::json!({"at_ms": at_ms, "sent": "disconnect"}),
    }
}
