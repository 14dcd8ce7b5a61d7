//! What this terminal remembers of its own acts: how far passes are used up and where it last saw or put each thing.
//!
//! Each entry is a mark of the book, written in the transaction of the line that caused it.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::event::Reason;
use crate::quantity::Moment;
use crate::sync::records::Unit;

/// What the keys of these marks begin with.
pub const PREFIX: &str = "station/";

/// What a pass was used for: an act at a handheld and the walk through the door are two halves of one leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    CheckOut,
    Passage,
}

/// A thing that went out, or is about to, without leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// Canonical text of its code.
    pub code: String,
    pub unit: Option<String>,
    /// The most telling first.
    pub reasons: Vec<Reason>,
}

/// One thing to remember, or to forget again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// `unit` left on `pass`; `false` takes it back.
    Used { way: Use, pass: String, unit: String, used: bool },
    /// `unit` was last seen or put at `place`; `None` when this terminal knows nothing of it.
    At { unit: String, place: Option<String> },
    /// The act that a station is in the middle of, as JSON; `None` between acts.
    Act { station: String, act: Option<String> },
    /// The things for which the alarm of a door stands; none when it does not.
    Alarm { station: String, stopped: Vec<Stopped> },
    /// The highest counter of `series` that was given: of those leased, or of the terminal's own.
    Given { series: String, own: bool, counter: u64 },
    /// A unit that was registered here and that the server has not sent back yet; `false` once it has.
    Registered { unit: Unit, kept: bool },
    /// What a line of this terminal said about codes, until the server sends it back.
    Relabelled {
        unit: String,
        bind: Vec<String>,
        release: Vec<String>,
        #[serde(rename = "at_us")]
        at: Moment,
        kept: bool,
    },
}

impl Mark {
    /// Key in the book: a hash of what the mark is about, because numbers may be longer than a key.
    pub fn key(&self) -> String {
        let about = match self {
            Mark::Used { way, pass, unit, .. } => serde_json::to_string(&("used", way, pass, unit)),
            Mark::At { unit, .. } => serde_json::to_string(&("at", unit)),
            Mark::Act { station, .. } => serde_json::to_string(&("act", station)),
            Mark::Alarm { station, .. } => serde_json::to_string(&("alarm", station)),
            Mark::Given { series, own, .. } => serde_json::to_string(&("given", series, own)),
            Mark::Registered { unit, .. } => serde_json::to_string(&("registered", &unit.number)),
            Mark::Relabelled { unit, bind, release, .. } => serde_json::to_string(&("relabelled", unit, bind, release)),
        }
        .expect("a list of texts always becomes JSON");
        format!("{PREFIX}{}", blake3::hash(about.as_bytes()).to_hex())
    }

    /// Value in the book; `None` removes the key.
    pub fn value(&self) -> Option<Vec<u8>> {
        let kept = match self {
            Mark::Used { used, .. } => *used,
            Mark::At { place, .. } => place.is_some(),
            Mark::Act { act, .. } => act.is_some(),
            Mark::Alarm { stopped, .. } => !stopped.is_empty(),
            Mark::Given { .. } => true,
            Mark::Registered { kept, .. } | Mark::Relabelled { kept, .. } => *kept,
        };
        kept.then(|| serde_json::to_vec(self).expect("plain enums with text keys always become JSON"))
    }

    /// Reads the value of a mark back; `None` when a later version wrote it.
    pub fn parse(value: &[u8]) -> Option<Mark> {
        serde_json::from_slice(value).ok()
    }
}

/// The marks in memory.
#[derive(Clone, Debug, Default)]
pub struct Remembered {
    used: HashSet<(Use, String, String)>,
    at: HashMap<String, String>,
    acts: HashMap<String, String>,
    alarms: HashMap<String, Vec<Stopped>>,
    given: HashMap<(String, bool), u64>,
}

impl Remembered {
    pub fn of(marks: impl IntoIterator<Item = Mark>) -> Remembered {
        let mut remembered = Remembered::default();
        for mark in marks {
            remembered.take(mark);
        }
        remembered
    }

    pub fn take(&mut self, mark: Mark) {
        match mark {
            Mark::Used { way, pass, unit, used: true } => drop(self.used.insert((way, pass, unit))),
            Mark::Used { way, pass, unit, used: false } => drop(self.used.remove(&(way, pass, unit))),
            Mark::At { unit, place: Some(place) } => drop(self.at.insert(unit, place)),
            Mark::At { unit, place: None } => drop(self.at.remove(&unit)),
            Mark::Act { station, act: Some(act) } => drop(self.acts.insert(station, act)),
            Mark::Act { station, act: None } => drop(self.acts.remove(&station)),
            Mark::Alarm { station, stopped } => drop(self.alarms.insert(station, stopped)),
            Mark::Given { series, own, counter } => {
                let highest = self.given.entry((series, own)).or_default();
                *highest = counter.max(*highest);
            }
            // These stand among the reference data: a code means the same wherever it was bound.
            Mark::Registered { .. } | Mark::Relabelled { .. } => (),
        }
    }

    pub fn used(&self, way: Use, pass: &str, unit: &str) -> bool {
        self.used.contains(&(way, pass.to_owned(), unit.to_owned()))
    }

    /// Where this terminal last saw or put `unit`.
    pub fn place_of(&self, unit: &str) -> Option<&str> {
        self.at.get(unit).map(String::as_str)
    }

    /// The highest counter of `series` that was given: of those leased, or of the terminal's `own`; 0 for none.
    pub fn given(&self, series: &str, own: bool) -> u64 {
        self.given.get(&(series.to_owned(), own)).copied().unwrap_or(0)
    }

    /// The things for which the alarm of `station` stands.
    pub fn alarm_of(&self, station: &str) -> Vec<Stopped> {
        self.alarms.get(station).cloned().unwrap_or_default()
    }

    /// The interrupted act of `station`, as JSON.
    pub fn act_of(&self, station: &str) -> Option<&str> {
        self.acts.get(station).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_comes_back_from_the_book_as_it_was() {
        for mark in [
            Mark::Used { way: Use::Passage, pass: "DB/1".into(), unit: "a\"b".into(), used: true },
            Mark::At { unit: "18K-0042-7".into(), place: Some("V2-03-14".into()) },
            Mark::Act { station: "handheld".into(), act: Some("{}".into()) },
        ] {
            let value = mark.value().expect("each of these writes a value");
            assert_eq!(Mark::parse(&value), Some(mark.clone()));
            assert!(mark.key().len() < 100);
        }
        let used = |used| Mark::Used { way: Use::CheckOut, pass: "P".into(), unit: "U".into(), used };
        let mut remembered = Remembered::of([used(true)]);
        assert!(remembered.used(Use::CheckOut, "P", "U") && !remembered.used(Use::Passage, "P", "U"));
        remembered.take(used(false));
        assert!(!remembered.used(Use::CheckOut, "P", "U"));
    }
}
