//! Frames of a family of devices: one hex frame a line, or a captured byte stream.

use std::io::Read;
use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand};
use hardware::device::{Cut, Dialect, FAMILIES, Family, by_name};
use serde_json::{Value, json};

use super::{each_line, object, print};
use crate::commands::Stop;
use crate::hex;
use crate::identity::Identifier;

/// Bytes of a stream that are looked at together: more than any message of any family is long.
const WINDOW: usize = 16 << 20;

/// Frames of one family; each family is a subcommand of its own.
pub(super) struct Frames {
    family: &'static Family,
    options: Options,
}

#[derive(Args)]
struct Options {
    /// Take only frames of this dialect
    #[arg(long)]
    dialect: Option<String>,
    /// Read a captured byte stream instead of lines of hex digits: one line a message, noise included
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
}

impl Subcommand for Frames {
    fn augment_subcommands(command: Command) -> Command {
        let family = |family: &&'static Family| {
            let about = format!("Frames: {}", family.description);
            Options::augment_args(Command::new(family.name).about(about).aliases(family.also()))
        };
        command.subcommands(FAMILIES.iter().map(family))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Frames::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        FAMILIES.iter().any(|family| family.name == name || family.also().any(|also| also == name))
    }
}

impl FromArgMatches for Frames {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Frames, clap::Error> {
        let missing = || clap::Error::new(clap::error::ErrorKind::MissingSubcommand);
        let (name, given) = matches.subcommand().ok_or_else(missing)?;
        let family = by_name(name).ok_or_else(missing)?;
        Ok(Frames { family, options: Options::from_arg_matches(given)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Frames::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Frames {
    pub(super) fn run(&self, as_json: bool) -> Result<(), Stop> {
        let family = self.family;
        let dialect = self.options.dialect.as_deref().map(|name| dialect(family, name)).transpose()?;
        if let Some(file) = &self.options.raw {
            let open = std::fs::File::open(file);
            let bytes = open.map_err(|error| Stop::fault(format!("{}: {error}", file.display())))?;
            return stream(family, dialect, bytes, as_json);
        }
        each_line(|line| {
            let compact: String = String::from_utf8_lossy(line).chars().filter(|c| !c.is_whitespace()).collect();
            if compact.is_empty() {
                return Ok(());
            }
            let answer = match hex::decode(&compact) {
                Some(bytes) => decode(family, &bytes, dialect),
                None => Err("not a line of hex digit pairs".to_owned()),
            };
            print(&object(answer), as_json)
        })
    }
}

fn dialect(family: &Family, name: &str) -> Result<&'static str, Stop> {
    let known = family.codec.dialects;
    known.iter().copied().find(|dialect| *dialect == name).ok_or_else(|| {
        Stop::fault(match known {
            [] => format!("{} has no dialects", family.name),
            known => format!("`{name}` is no dialect of {}; write {}", family.name, known.join(" or ")),
        })
    })
}

/// The fields of a frame, and the identity that a terminal would see in it.
fn decode(family: &Family, bytes: &[u8], dialect: Dialect) -> Result<Value, String> {
    let mut value = (family.codec.decode)(bytes, dialect)?;
    let bytes_of = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).and_then(hex::decode);
    let identifier = match (bytes_of(&value, "epc"), bytes_of(&value, "payload_hex")) {
        (Some(epc), _) => Some(Identifier::of_tag(&epc)),
        (None, Some(payload)) => {
            let letter = |name: &str| value.get(name).and_then(Value::as_str)?.bytes().next();
            Some(Identifier::of_symbol(letter("code").zip(letter("modifier")), &payload))
        }
        (None, None) => None,
    };
    if let (Some(fields), Some(identifier)) = (value.as_object_mut(), identifier) {
        fields.insert("identifier".into(), identifier.to_string().into());
    }
    Ok(value)
}

/// One line a message, noise included.
fn stream(family: &Family, dialect: Dialect, mut file: impl Read, as_json: bool) -> Result<(), Stop> {
    let mut bytes = Vec::new();
    let mut at = 0;
    let mut noise: Vec<u8> = Vec::new();
    loop {
        let had = bytes.len();
        let more = file.by_ref().take(1 << 20).read_to_end(&mut bytes);
        more.map_err(|error| Stop::fault(format!("the stream: {error}")))?;
        let ended = bytes.len() == had;
        let mut front = 0;
        while let Some(rest) = bytes.get(front..).filter(|rest| !rest.is_empty()) {
            let used = match (family.codec.cut)(rest, dialect) {
                Cut::Message(len) => {
                    said_noise(&mut noise, at + front, as_json)?;
                    let frame = rest.get(..len).unwrap_or(rest);
                    let mut answer = object(decode(family, frame, dialect));
                    if let Some(fields) = answer.as_object_mut() {
                        fields.insert("at".into(), (at + front).into());
                        fields.insert("hex".into(), hex::encode(frame).into());
                    }
                    print(&answer, as_json)?;
                    len
                }
                Cut::Noise(len) => {
                    noise.extend_from_slice(rest.get(..len).unwrap_or(rest));
                    len
                }
                Cut::Blank(len) => len,
                // Nothing more will come, or nothing so long can be true.
                Cut::Incomplete if ended || WINDOW < rest.len() => {
                    noise.extend(rest.first());
                    1
                }
                Cut::Incomplete => break,
            };
            front += used.max(1);
        }
        at += front.min(bytes.len());
        bytes.drain(..front.min(bytes.len()));
        if ended {
            return said_noise(&mut noise, at, as_json);
        }
    }
}

/// Says what belonged to no message before byte `until`.
fn said_noise(noise: &mut Vec<u8>, until: usize, as_json: bool) -> Result<(), Stop> {
    if noise.is_empty() {
        return Ok(());
    }
    let bytes = std::mem::take(noise);
    let shown = bytes.get(..bytes.len().min(64)).unwrap_or(&bytes);
    let line = json!({"ok": false, "noise_bytes": bytes.len(), "at": until - bytes.len(), "hex": hex::encode(shown)});
    print(&line, as_json)
}
