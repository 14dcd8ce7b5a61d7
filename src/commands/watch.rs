//! `gatebook watch`: what a device on a port says, read by read, as a terminal would see it.

use std::time::Instant;

use clap::Args;
use hardware::device::{Family, Link, Parity};
use hardware::event::{Read, Steady};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Stop, asked_to_stop, runtime, start_log, tell};
use crate::config::terminal::Line;
use crate::hex;
use crate::terminal::capture::{self, Capture};
use crate::terminal::port::{Health, Port};

#[derive(Args)]
pub struct Options {
    /// /dev/serial/by-id/…, another device file, or tcp:HOST:PORT
    port: String,
    /// The family of the device; `gatebook devices --families` lists them
    #[arg(long, value_parser = super::family)]
    driver: &'static Family,
    /// Speed of a serial line, unless the one of the family
    #[arg(long, value_parser = clap::value_parser!(u32).range(300..=921_600))]
    baud: Option<u32>,
    /// Data bits, parity and stop bits of a serial line, such as 7e1
    #[arg(long, value_name = "8N1")]
    frame: Option<String>,
    /// Settings of the device, as in a configuration: --set region=europe
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Answer as JSON, one object a line
    #[arg(long)]
    json: bool,
    /// End after so many reads
    #[arg(long, value_name = "COUNT")]
    reads: Option<usize>,
}

pub fn run(options: &Options) -> Result<(), Stop> {
    start_log("warn");
    let family = options.driver;
    let settings = super::simulate::settings(family, &options.set)?;
    let line = Line::parse(&options.port, link(options)?, &settings)
        .map_err(|form| Stop::fault(format!("a port \"{}\" of {}: {form}", options.port, family.name)))?;
    let session = (family.session)(&settings).map_err(Stop::fault)?;
    runtime()?.block_on(async {
        let (reports, mut reported) = mpsc::channel(256);
        let port =
            Port::start(&format!("watch-{}", std::process::id()), line, session, reports).map_err(Stop::fault)?;
        let (mut health, began) = (port.health.clone(), Instant::now());
        let (mut told, mut reads) = (Health::default(), 0);
        let stop = asked_to_stop();
        tokio::pin!(stop);
        let mut ended = Ok(());
        while ended.is_ok() && options.reads.is_none_or(|most| reads < most) {
            tokio::select! {
                () = &mut stop => break,
                Some(report) = reported.recv() => {
                    reads += 1;
                    ended = say(&report.read, began, options.json);
                }
                Ok(()) = health.changed() => {
                    let now = health.borrow_and_update().clone();
                    say_health(&now, &told);
                    told = now;
                }
            }
        }
        tokio::task::block_in_place(|| port.join(Instant::now() + std::time::Duration::from_secs(2)));
        ended
    })
}

fn link(options: &Options) -> Result<Link, Stop> {
    let Link::Serial(mut serial) = options.driver.link else {
        return match (options.baud, &options.frame) {
            (None, None) => Ok(options.driver.link),
            _ => Err(Stop::fault(format!("--baud and --frame are for serial lines; {} has none", options.driver.name))),
        };
    };
    serial.baud = options.baud.unwrap_or(serial.baud);
    if let Some(frame) = &options.frame {
        let wrong = || Stop::fault(format!("--frame {frame}: write data bits, parity and stop bits, such as 7e1"));
        let &[data, parity, stop] = frame.to_ascii_lowercase().into_bytes().as_slice() else { return Err(wrong()) };
        serial.data_bits = if matches!(data, b'7' | b'8') { data - b'0' } else { return Err(wrong()) };
        serial.stop_bits = if matches!(stop, b'1' | b'2') { stop - b'0' } else { return Err(wrong()) };
        serial.parity = match parity {
            b'n' => Parity::None,
            b'e' => Parity::Even,
            b'o' => Parity::Odd,
            _ => return Err(wrong()),
        };
    }
    Ok(Link::Serial(serial))
}

/// How the port is, on stderr, when that changed.
fn say_health(now: &Health, before: &Health) {
    if now.up && !before.up {
        eprintln!("ready{}", if now.model.is_empty() { String::new() } else { format!(": {}", now.model) });
    }
    if !now.up && (before.up || now.why != before.why) {
        eprintln!("down: {}", now.why);
    }
    if now.up && before.up && now.why != before.why && !now.why.is_empty() {
        eprintln!("fault: {}", now.why);
    }
    if before.noise_bytes < now.noise_bytes {
        eprintln!("noise: {} bytes so far belonged to no message; check the cable and the speed", now.noise_bytes);
    }
}

fn say(read: &Read, began: Instant, as_json: bool) -> Result<(), Stop> {
    let at_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (kind, mut fields) = fields(read);
    let identifier = match capture::capture(read) {
        Capture::Scan { identifier, doubt } | Capture::Sighting { identifier, doubt, .. } => Some((identifier, doubt)),
        Capture::Sensed(_) | Capture::Unsettled => None,
    };
    if let (Some(fields), Some((identifier, doubt))) = (fields.as_object_mut(), identifier) {
        fields.insert("identifier".into(), identifier.to_string().into());
        if let Some(doubt) = doubt {
            fields.insert("doubt".into(), doubt.to_string().into());
        }
    }
    if as_json {
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("at_ms".into(), at_ms.into());
            fields.insert("read".into(), kind.into());
        }
        return tell(fields);
    }
    let words = fields.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let words: Vec<_> = words.map(|(name, value)| format!("{name}={}", plain(value))).collect();
    tell(format_args!("{:>9.3} s  {kind:<8} {}", at_ms as f64 / 1000.0, words.join("  ")))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The kind of a read and its fields.
pub(super) fn fields(read: &Read) -> (&'static str, Value) {
    match read {
        Read::Symbol(symbol) => (
            "symbol",
            json!({
                "aim": symbol.aim.map(|aim| format!("]{}{}", char::from(aim.code), char::from(aim.modifier))),
                "text": String::from_utf8_lossy(&symbol.bytes).escape_debug().to_string(),
            }),
        ),
        Read::Tag(tag) => (
            "tag",
            json!({
                "epc": hex::encode(&tag.epc), "antenna": tag.antenna, "rssi_dbm": tag.rssi_dbm, "count": tag.count,
            }),
        ),
        Read::Card(card) => ("card", json!({"kind": format!("{:?}", card.kind), "number": hex::encode(&card.number)})),
        Read::Weight(weight) => (
            "weight",
            json!({
                "text": String::from_utf8_lossy(&weight.text).trim().to_owned(),
                "digits": weight.digits, "places": weight.places, "unit": format!("{:?}", weight.unit),
                "steady": weight.steady == Steady::Yes, "net": weight.net,
            }),
        ),
        Read::Climate(air) => (
            "climate",
            json!({
                "temperature_millicelsius": air.temperature_millicelsius,
                "humidity_millipercent": air.humidity_millipercent,
            }),
        ),
        Read::Contact(contact) => ("contact", json!({"line": contact.line, "closed": contact.closed})),
    }
}
