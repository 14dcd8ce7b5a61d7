//! `gatebook verify`: checks every line, seal and record of a terminal's book, also while the daemon writes it.

use std::path::PathBuf;

use clap::Args;
use ed25519_dalek::VerifyingKey;
use serde_json::json;

use super::Stop;
use crate::config;
use crate::config::load::environment;
use crate::hex::{Hex, HexBytes};
use crate::ledger::book::StoredRecord;
use crate::ledger::verify::{Report, Server, verify_with_server};
use crate::sync::wire::{Receipt, SignedRecord};
use crate::terminal::{self, enrolment};

#[derive(Args)]
#[command(override_usage = "gatebook verify <BOOK>\n       gatebook verify --config <FILE>")]
pub struct Options {
    /// A book; with --config it is the book of that terminal
    #[arg(required_unless_present = "config")]
    book: Option<PathBuf>,
    /// The terminal's configuration
    #[arg(long, value_name = "FILE", conflicts_with = "book")]
    config: Option<PathBuf>,
    /// The terminal's public key as the server knows it (hex); without it the file vouches for itself
    #[arg(long, value_name = "HEX", value_parser = key)]
    key: Option<VerifyingKey>,
    /// The server's public key (hex); without it the one kept beside the book is used
    #[arg(long, value_name = "HEX", value_parser = key)]
    server_key: Option<VerifyingKey>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

fn key(text: &str) -> Result<VerifyingKey, String> {
    let bytes = Hex::<32>::parse(text).ok_or("a key is 64 hex digits")?;
    VerifyingKey::from_bytes(&bytes.0).map_err(|error| error.to_string())
}

pub fn run(options: &Options) -> Result<(), Stop> {
    let book = match (&options.book, &options.config) {
        (Some(book), _) => book.clone(),
        (None, Some(file)) => {
            let config = config::load_terminal(Some(file), &environment()).map_err(Stop::fault)?;
            config.data.join(terminal::BOOK)
        }
        (None, None) => return Err(Stop::fault("name a book, or a terminal's configuration with --config")),
    };
    let beside = book.parent().and_then(|folder| enrolment::load(folder).ok().flatten());
    let kept = beside.and_then(|enrolment| VerifyingKey::from_bytes(&enrolment.server_key.0).ok());
    let server_key = options.server_key.or(kept);
    let receipt_holds =
        |id, last, head, signature| server_key.is_some_and(|key| Receipt { last, head, signature }.holds(id, &key));
    let record_holds = |record: &StoredRecord| {
        let body = HexBytes(record.body.clone());
        let signed = SignedRecord { cursor: record.cursor, body, signature: record.signature };
        server_key.is_some_and(|key| signed.holds(&key))
    };
    let server = Server { receipt_holds: &receipt_holds, record_holds: &record_holds };
    let server = server_key.is_some().then_some(&server);
    let report = verify_with_server(&book, options.key.as_ref(), server).map_err(|error| {
        Stop::Fault(format!("{error}; the book of a server is checked with `gatebook server verify`"))
    })?;
    print(&report, options.json);
    match report.is_sound() {
        true => Ok(()),
        false => Err(Stop::Refused(format!("{} does not stand as it was written", book.display()))),
    }
}

fn print(report: &Report, as_json: bool) {
    let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    if as_json {
        println!(
            "{}",
            json!({
                "sound": report.is_sound(), "terminal": report.id.terminal, "epoch": report.id.epoch,
                "first": report.first, "last": report.last, "lines": report.lines, "seals": report.seals,
                "unsealed": report.unsealed, "receipted": report.receipted, "key_given": report.key_given,
                "server_given": report.server_given, "findings": findings,
                "findings_left_out": report.findings_left_out,
            })
        );
        return;
    }
    println!(
        "terminal {}, epoch {}: lines {} to {}, {} seals, {} lines not sealed yet, confirmed by the server to {}",
        report.id.terminal,
        report.id.epoch,
        report.first,
        report.last,
        report.seals,
        report.unsealed,
        report.receipted.map_or("-".into(), |last| last.to_string()),
    );
    if !report.key_given {
        println!("checked against the key in the file itself: give --key to rule out a file that was made anew");
    }
    if !report.server_given {
        println!("the server's signatures were not checked: give --server-key");
    }
    for finding in findings {
        println!("{finding}");
    }
    if 0 < report.findings_left_out {
        println!("and {} more", report.findings_left_out);
    }
    if report.is_sound() {
        println!("every value stands as it was written");
    }
}
