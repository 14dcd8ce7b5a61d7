//! The account of a day: what the simulated devices sent, beside what stands in the terminals' books and what the REST
//! interface returns. Nothing here asks the daemon how it did.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use hardware::simulator::script::{Sent, SentWhat};
use rusqlite::{Connection, OpenFlags};
use serde::Serialize;
use serde_json::Value;

use crate::hex;
use crate::identity::Identifier;

/// The last line of the demo.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Symbols and tag reports that the devices handed over.
    pub reads: u64,
    /// Movements, passages, attempts and corrections that the REST interface returns.
    pub movements: u64,
    /// Lines of the terminals that the REST interface returns.
    pub synced: u64,
    /// Open exceptions.
    pub exceptions: u64,
    /// Lines in a terminal's book that the server lacks, and things shown to a device that no line speaks of.
    pub lost: u64,
    /// Lines that the server has twice, and things shown once that two lines speak of.
    pub duplicated: u64,
}

/// One line, as a terminal's book or the REST interface has it: enough to be told from every other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub terminal: u64,
    pub epoch: String,
    pub seq: u64,
    pub hash: String,
    pub kind: String,
    /// Canonical codes that the line speaks of; empty in an entry from a book, which is not decoded.
    pub codes: Vec<String>,
}

impl Entry {
    fn identity(&self) -> (u64, &str, u64, &str) {
        (self.terminal, &self.epoch, self.seq, &self.hash)
    }
}

/// Which lines one device's reads turn into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// A scanner: each symbol of a thing is one movement or attempt.
    Scans,
    /// A door: each stay of a tag in the field is one piece of one passage. A tag unseen for `gone_after` has left.
    Stays { gone_after: Duration },
}

/// A device's log with the terminal that it belongs to.
pub struct Sayings {
    pub terminal: u64,
    pub watch: Watch,
    pub log: Vec<Sent>,
}

/// Every line of the book at `path`, read with nothing but SQL.
///
/// # Errors
/// When the file is no book.
pub fn book(path: &Path) -> rusqlite::Result<Vec<Entry>> {
    let book = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let (terminal, epoch) = book.query_row("SELECT terminal, epoch FROM book", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
    })?;
    let mut lines = book.prepare("SELECT seq, hash FROM line ORDER BY seq")?;
    let lines = lines.query_map([], |row| {
        Ok(Entry {
            terminal: u64::try_from(terminal).unwrap_or_default(),
            epoch: hex::encode(&epoch),
            seq: u64::try_from(row.get::<_, i64>(0)?).unwrap_or_default(),
            hash: hex::encode(&row.get::<_, Vec<u8>>(1)?),
            kind: String::new(),
            codes: Vec::new(),
        })
    })?;
    lines.collect()
}

/// One line of the answer to `GET /api/v1/movements`; `None` when a member is missing.
pub fn entry(line: &Value) -> Option<Entry> {
    let text = |name: &str| line.get(name)?.as_str().map(str::to_owned);
    let pieces = line.pointer("/body/what").and_then(Value::as_array);
    let code = |piece: &Value| piece.get("code")?.as_str().map(str::to_owned);
    Some(Entry {
        terminal: line.get("terminal")?.as_u64()?,
        epoch: text("epoch")?,
        seq: line.get("seq")?.as_u64()?,
        hash: text("hash")?,
        kind: text("kind")?,
        codes: pieces.into_iter().flatten().filter_map(code).collect(),
    })
}

/// Compares. `things` are the canonical codes that stand for things; other symbols (badges, places, command cards)
/// make no line of their own.
pub fn settle(
    sayings: &[Sayings],
    books: &[Vec<Entry>],
    central: &[Entry],
    things: &BTreeSet<String>,
    exceptions: u64,
) -> Account {
    let handled = |entry: &&Entry| matches!(entry.kind.as_str(), "movement" | "passage" | "attempt" | "correction");
    let mut account = Account {
        reads: sayings.iter().map(|said| said.log.iter().filter(|sent| is_read(sent)).count()).sum::<usize>() as u64,
        movements: central.iter().filter(handled).count() as u64,
        synced: central.iter().filter(|entry| entry.terminal != 0).count() as u64,
        exceptions,
        ..Account::default()
    };
    let mut times: BTreeMap<_, u64> = BTreeMap::new();
    for entry in central {
        *times.entry(entry.identity()).or_default() += 1;
    }
    account.lost += books.iter().flatten().filter(|entry| !times.contains_key(&entry.identity())).count() as u64;
    account.duplicated += times.values().map(|count| count - 1).sum::<u64>();
    for said in sayings {
        let mut sent: BTreeMap<String, u64> = BTreeMap::new();
        for (code, count) in shown(said) {
            if things.contains(&code) {
                *sent.entry(code).or_default() += count;
            }
        }
        let mut written: BTreeMap<&str, u64> = BTreeMap::new();
        let counts = |entry: &&Entry| entry.terminal == said.terminal && speaks_of(said.watch, &entry.kind);
        let pieces = central.iter().filter(counts).flat_map(|entry| &entry.codes);
        for code in pieces.filter(|code| things.contains(*code)) {
            *written.entry(code).or_default() += 1;
        }
        for (code, count) in &sent {
            let lines = written.get(code.as_str()).copied().unwrap_or_default();
            account.lost += count.saturating_sub(lines);
            account.duplicated += lines.saturating_sub(*count);
        }
        let unsaid = written.iter().filter(|(code, _)| !sent.contains_key(**code));
        account.duplicated += unsaid.map(|(_, lines)| lines).sum::<u64>();
    }
    account
}

fn is_read(sent: &Sent) -> bool {
    matches!(sent.what, SentWhat::Symbol { .. } | SentWhat::Tag { .. })
}

fn speaks_of(watch: Watch, kind: &str) -> bool {
    match watch {
        Watch::Scans => matches!(kind, "movement" | "attempt"),
        Watch::Stays { .. } => kind == "passage",
    }
}

/// Canonical codes and how often each was shown.
fn shown(said: &Sayings) -> Vec<(String, u64)> {
    let mut last_seen: BTreeMap<&[u8], Duration> = BTreeMap::new();
    let mut shown = Vec::new();
    for sent in &said.log {
        match (&sent.what, said.watch) {
            (SentWhat::Symbol { bytes }, Watch::Scans) => {
                shown.push((Identifier::of_symbol(None, bytes).to_string(), 1));
            }
            (SentWhat::Tag { epc, .. }, Watch::Stays { gone_after }) => {
                let before = last_seen.insert(epc, sent.at);
                if before.is_none_or(|before| gone_after < sent.at.saturating_sub(before)) {
                    shown.push((Identifier::of_tag(epc).to_string(), 1));
                }
            }
            _ => (),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(ms: u64, text: &str) -> Sent {
        Sent { at: Duration::from_millis(ms), what: SentWhat::Symbol { bytes: text.into() } }
    }

    fn line(seq: u64, code: &str) -> Entry {
        Entry {
            terminal: 1,
            epoch: "e".into(),
            seq,
            hash: format!("h{seq}"),
            kind: "movement".into(),
            codes: vec![code.into()],
        }
    }

    #[test]
    fn what_is_missing_or_double_is_counted() {
        let things: BTreeSet<String> = ["own/A", "own/B"].map(String::from).into();
        let said = |log| [Sayings { terminal: 1, watch: Watch::Scans, log }];
        let both = vec![scan(1, "BADGE-1"), scan(2, "a"), scan(3, "b")];
        let whole = [line(1, "own/A"), line(2, "own/B")];
        let account = |log, book: &[Entry], central: &[Entry]| {
            let account = settle(&said(log), &[book.to_vec()], central, &things, 0);
            (account.lost, account.duplicated)
        };
        assert_eq!(account(both.clone(), &whole, &whole), (0, 0));
        assert_eq!(account(both.clone(), &whole, &whole[..1]), (2, 0), "the line is missing, and so is the scan");
        assert_eq!(account(both.clone(), &whole[..1], &whole[..1]), (1, 0), "scanned but never written");
        assert_eq!(account(both.clone(), &whole, &[whole.to_vec(), vec![line(2, "own/B")]].concat()), (0, 2));
        assert_eq!(account(vec![scan(1, "a")], &whole, &whole), (0, 1), "a line that nobody scanned");
        let mut other = whole.clone();
        other[1].hash = "x".into();
        assert_eq!(account(both, &whole, &other), (1, 0), "the same number with another content is not the line");
    }

    #[test]
    fn a_stay_counts_once_until_the_tag_was_gone() {
        let tag = |ms| Sent {
            at: Duration::from_millis(ms),
            what: SentWhat::Tag { epc: vec![0xe2, 1], antenna: 1, rssi_dbm: -50 },
        };
        let said = Sayings {
            terminal: 1,
            watch: Watch::Stays { gone_after: Duration::from_secs(1) },
            log: [0, 30, 500, 1400, 3000, 3030].map(tag).into(),
        };
        assert_eq!(shown(&said), [("tag/e201".into(), 1), ("tag/e201".into(), 1)]);
    }
}
