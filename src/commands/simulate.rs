//! `gatebook simulate`: a simulated device by hand.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use hardware::device::{Family, Link, Reads};
use hardware::event::{Card, CardKind, Climate, Contact, Steady, Weight, WeightUnit};
use hardware::scale::exact::Amount;
use hardware::settings::{Form, Settings, Value};
use hardware::simulator::script::{Mix, Presentation, Random, Script, Sent, SentWhat};

use super::{Stop, asked_to_stop, runtime, tell};
use crate::demo::pushed::To;
use crate::demo::wire::Wire;
use crate::epc;
use crate::hex;

/// Most that is presented in one run: the script of a day at a busy door fits many times over.
const READS_MAX: i64 = 1_000_000;

/// Longest run, a week.
const OVER_MAX_S: u64 = 7 * 24 * 3600;

#[derive(Args)]
pub struct Options {
    /// The family of the device; `gatebook devices --families` lists them
    #[arg(value_parser = super::family)]
    family: &'static Family,
    /// Serial families: the name under which the port appears
    #[arg(long, value_name = "PATH", default_value = "/tmp/gatebook-simulated")]
    link: PathBuf,
    /// Network families: where the device listens; by default on 127.0.0.1 and the port of the family. A serial family
    /// listens there instead of at a port, as behind a serial device server
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Readers that push: http://… of a webhook or mqtt://HOST:PORT/TOPIC; otherwise they serve a stream
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Everything that happens is drawn from this number: the same seed, the same day
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many symbols, tags, cards, weights and so on are presented
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(..=READS_MAX))]
    reads: u32,
    /// Over how many seconds they are spread
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(..=OVER_MAX_S))]
    over: u64,
    /// How many faults happen on the way: garbage, broken messages, silence, disconnects
    #[arg(long, default_value_t = 0)]
    faults: u16,
    /// Settings of the device, as in a configuration: --set dialect=m100
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// What to present instead of what is invented: texts, EPCs and card numbers (hex), weights ("3.42 g"), the air
    /// ("21.5 45.0" in °C and %), contacts ("1 closed")
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
                tell(line(&sent))?;
            }
            if ends <= Instant::now() {
                return Ok(());
            }
            tokio::select! {
                () = &mut stop => return Ok(()),
                () = tokio::time::sleep(Duration::from_millis(100)) => (),
            }
        }
    })
}

fn lay(options: &Options) -> Result<Wire, Stop> {
    let mut script = Script::random(options.seed, &mix(options)?);
    let shown = shown(options)?;
    let every = Duration::from_secs(options.over) / u32::try_from(shown.len().max(1)).unwrap_or(u32::MAX);
    for (number, what) in (0..).zip(shown) {
        script = script.then(every * number, what);
    }
    let device = (options.family.simulator)(&settings(options.family, &options.set)?, script, options.seed);
    let listen = |port: u16| options.listen.clone().unwrap_or_else(|| format!("127.0.0.1:{port}"));
    let (wire, place) = match (options.family.link, &options.to) {
        (Link::Tcp { port }, _) => (Wire::tcp(device, address(&listen(port))?), listen(port)),
        (Link::Push, None) => (Wire::stream(device, address(&listen(8080))?), listen(8080)),
        (Link::Push, Some(url)) => (Ok(Wire::push(device, pushed_to(url)?)), url.clone()),
        // As behind a serial device server.
        (Link::Serial(_), _) if options.listen.is_some() => (Wire::tcp(device, address(&listen(4001))?), listen(4001)),
        (Link::Serial(_) | Link::File | Link::Gpio | Link::Pcsc, _) => {
            (Wire::serial(device, &options.link), options.link.display().to_string())
        }
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
        faults: options.faults.into(),
    };
    let given = !options.codes.is_empty();
    if options.family.reads.contains(&Reads::Symbols) {
        let invented = (1..=options.reads).map(|number| format!("SIM-{number:05}").into_bytes());
        mix.symbols = match given {
            false => invented.collect(),
            true => options.codes.iter().map(|code| code.clone().into_bytes()).collect(),
        };
    } else if options.family.reads.contains(&Reads::Tags) {
        // A GTIN with a right check digit under the prefix that GS1 keeps for examples.
        let tag = |serial| epc::sgtin_96(1, "09521234543213", 7, serial).map(|epc| epc.to_vec());
        mix.tags = match given {
            false => (1..=options.reads).filter_map(|number| tag(number.into())).collect(),
            true => {
                let codes = options.codes.iter().filter(|code| is_mixed(code, options.family.reads));
                codes.map(|code| bytes(code, "EPC")).collect::<Result<_, _>>()?
            }
        };
    }
    Ok(mix)
}

/// Whether a code goes into the mix of symbols and tags. A reader of tags that has inputs too is also given contacts, which
/// are two words.
fn is_mixed(code: &str, reads: &[Reads]) -> bool {
    let contact = reads.contains(&Reads::Contacts) && code.contains(char::is_whitespace);
    reads.contains(&Reads::Symbols) || reads.contains(&Reads::Tags) && !contact
}

fn bytes(code: &str, what: &str) -> Result<Vec<u8>, Stop> {
    hex::decode(code).ok_or_else(|| Stop::fault(format!("`{code}` is no {what}; write it as hex digits")))
}

/// What cards, scales, sensors and contacts are shown, one after the other: what was given, else something invented.
fn shown(options: &Options) -> Result<Vec<Presentation>, Stop> {
    let (reads, seed) = (options.family.reads, options.seed);
    let is = |kind: Reads| reads.contains(&kind);
    if is(Reads::Symbols) || is(Reads::Tags) || !options.codes.is_empty() {
        return options.codes.iter().filter_map(|code| shown_as(code, reads).transpose()).collect();
    }
    let mut random = Random::new(seed);
    let mut below = |bound: u64| i32::try_from(random.below(bound)).unwrap_or_default();
    let invented = (0..options.reads).map(|number| match () {
        () if is(Reads::Weights) => format!("{}.{:02} g", 1 + below(40), below(100)),
        () if is(Reads::Climate) => format!("{}.{} {}.0", 19 + below(5), below(10), 40 + below(15)),
        () if is(Reads::Contacts) => format!("1 {}", if number % 2 == 0 { "closed" } else { "open" }),
        () => format!("04a22b{:02x}", number % 256),
    });
    invented.filter_map(|code| shown_as(&code, reads).transpose()).collect()
}

/// `3.42 g`, `21.5 45.0` (°C and %), `1 closed`, or the number of a card in hex, as the family sees it; `None` for what
/// the script has already.
fn shown_as(code: &str, reads: &[Reads]) -> Result<Option<Presentation>, Stop> {
    if is_mixed(code, reads) {
        return Ok(None);
    }
    let wrong = |form: &str| Stop::fault(format!("`{code}`: write {form}"));
    let words: Vec<&str> = code.split_whitespace().collect();
    let thousandths = |text: &str| {
        Amount::parse(text.as_bytes())
            .and_then(|amount| amount.digits.checked_mul(10_i64.checked_pow(3_u32.checked_sub(amount.places.into())?)?))
            .and_then(|number| i32::try_from(number).ok())
    };
    let kind = reads.iter().find(|kind| !matches!(kind, Reads::Symbols | Reads::Tags | Reads::Prints));
    Ok(Some(match kind {
        None => return Ok(None),
        Some(Reads::Weights) => {
            let &[figure, unit] = words.as_slice() else { return Err(wrong("a weight like \"3.42 g\"")) };
            let amount =
                Amount::parse(figure.as_bytes()).ok_or_else(|| wrong("the figure with a point, such as 3.42"))?;
            let unit = WeightUnit::of_symbol(unit).ok_or_else(|| wrong("g, mg, kg, t, ct, oz or lb behind it"))?;
            let (digits, places) = (amount.digits, amount.places);
            Presentation::Weight(Weight { digits, places, unit, steady: Steady::Yes, net: false, text: Vec::new() })
        }
        Some(Reads::Climate) => {
            let &[warmth, damp] = words.as_slice() else { return Err(wrong("°C and %, such as \"21.5 45.0\"")) };
            Presentation::Climate(Climate {
                temperature_millicelsius: Some(thousandths(warmth).ok_or_else(|| wrong("°C such as 21.5"))?),
                humidity_millipercent: Some(thousandths(damp).ok_or_else(|| wrong("% such as 45.0"))?),
            })
        }
        Some(Reads::Contacts) => match words.as_slice() {
            [line, state @ ("open" | "closed")] => {
                let line = line.parse().map_err(|_| wrong("the number of the contact, from 1"))?;
                Presentation::Contact(Contact { line, closed: *state == "closed" })
            }
            _ => return Err(wrong("a contact like \"1 closed\" or \"1 open\"")),
        },
        Some(Reads::Cards | Reads::Symbols | Reads::Tags | Reads::Prints) => {
            let number = bytes(code, "card number")?;
            let kind = if number.len() == 5 { CardKind::Em4100 } else { CardKind::Iso14443a };
            Presentation::Card { card: Card { kind, number }, stays: Duration::from_secs(1) }
        }
    }))
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
        SentWhat::Report(read) => {
            let (kind, fields) = super::watch::fields(read);
            serde_json::json!({"at_ms": at_ms, "sent": kind, "what": fields})
        }
        SentWhat::Label { bytes, .. } => serde_json::json!({"at_ms": at_ms, "sent": "label", "bytes": bytes.len()}),
        SentWhat::Garbage { n } => serde_json::json!({"at_ms": at_ms, "sent": "garbage", "bytes": n}),
        SentWhat::Disconnect => serde_json::json!({"at_ms": at_ms, "sent": "disconnect"}),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn codes_go_where_the_family_reads_them() {
        let options = |args: &[&str]| Line::try_parse_from([&["simulate"], args].concat()).map(|line| line.options);
        for (args, mixed, shown_too) in [
            (&["llrp", "3034257bf7194e4000001a01"][..], 1, 0),
            (&["llrp", "1 closed", "3034257bf7194e4000001a01", "1 open"], 1, 2),
            (&["r200", "3034257bf7194e4000001a01"], 1, 0),
            (&["scanner", "1 closed", "S-7"], 2, 0),
            (&["gpio", "1 closed"], 0, 1),
            (&["pn532", "04a22b01"], 0, 1),
            (&["mt_sics", "3.42 g"], 0, 1),
        ] {
            let options = options(args).unwrap_or_else(|error| panic!("{args:?}: {error}"));
            let (Ok(mix), Ok(shown)) = (mix(&options), shown(&options)) else { panic!("{args:?} is refused") };
            assert_eq!((mix.symbols.len() + mix.tags.len(), shown.len()), (mixed, shown_too), "{args:?}");
        }
        for wrong in [&["r200", "1 closed"][..], &["llrp", "zz"], &["gpio", "1 ajar"], &["mt_sics", "3034"]] {
            let options = options(wrong).unwrap_or_else(|error| panic!("{wrong:?}: {error}"));
            assert!(mix(&options).is_err() || shown(&options).is_err(), "{wrong:?}");
        }
        for beyond in [["--reads", "99999999999999"], ["--over", "18446744073709551615"], ["--faults", "99999999"]] {
            assert!(options(&[&["scanner"], &beyond[..]].concat()).is_err(), "{beyond:?}");
        }
    }
}
