//! What this terminal remembers of its own acts: how far passes are used up and where it last saw or put each thing.
//!
//! Each entry is a mark of the book, written in the transaction of the line that caused it.

use std::collections::{HashMap, HashSet};

/// What a pass was used for: an act at a handheld and the walk through the door are two halves of one leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Use {
    CheckOut,
    Passage,
}

impl Use {
    fn word(self) -> &'static str {
        match self {
            Use::CheckOut => "check_out",
            Use::Passage => "passage",
        }
    }
}

/// One thing to remember, or to forget again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// `unit` left on `pass`; `false` takes it back.
    Used { way: Use, pass: String, unit: String, used: bool },
    /// `unit` was last seen or put at `place`; `None` when this terminal knows nothing of it.
    At { unit: String, place: Option<String> },
    /// The act that a station is in the middle of, as JSON; `None` between acts.
    Act { station: String, act: Option<String> },
}

impl Mark {
    /// Key in the book: a JSON list, so that no number can be mistaken for two.
    pub fn key(&self) -> String {
        match self {
            Mark::Used { way, pass, unit, .. } => list(&["used", way.word(), pass, unit]),
            Mark::At { unit, .. } => list(&["at", unit]),
            Mark::Act { station, .. } => list(&["act", station]),
        }
    }

    /// Value in the book; `None` removes the key.
    pub fn value(&self) -> Option<String> {
        match self {
            Mark::Used { used, .. } => used.then(|| "1".to_owned()),
            Mark::At { place, .. } => place.clone(),
            Mark::Act { act, .. } => act.clone(),
        }
    }

    /// Reads a mark of the book back; `None` when the key is none of ours.
    pub fn parse(key: &str, value: &str) -> Option<Mark> {
        let words: Vec<String> = serde_json::from_str(key).ok()?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Some(match words.as_slice() {
            ["used", way, pass, unit] => Mark::Used {
                way: [Use::CheckOut, Use::Passage].into_iter().find(|known| known.word() == *way)?,
                pass: (*pass).to_owned(),
                unit: (*unit).to_owned(),
                used: true,
            },
            ["at", unit] => Mark::At { unit: (*unit).to_owned(), place: Some(value.to_owned()) },
            ["act", station] => Mark::Act { station: (*station).to_owned(), act: Some(value.to_owned()) },
            _ => return None,
        })
    }
}

fn list(words: &[&str]) -> String {
    serde_json::Value::from(words).to_string()
}

/// The marks in memory.
#[derive(Clone, Debug, Default)]
pub struct Remembered {
    used: HashSet<(Use, String, String)>,
    at: HashMap<String, String>,
    acts: HashMap<String, String>,
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
        }
    }

    pub fn used(&self, way: Use, pass: &str, unit: &str) -> bool {
        self.used.contains(&(way, pass.to_owned(), unit.to_owned()))
    }

    /// Where this terminal last saw or put `unit`.
    pub fn place_of(&self, unit: &str) -> Option<&str> {
        self.at.get(unit).map(String::as_str)
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
            assert_eq!(Mark::parse(&mark.key(), &value), Some(mark));
        }
        let used = |used| Mark::Used { way: Use::CheckOut, pass: "P".into(), unit: "U".into(), used };
        let mut remembered = Remembered::of([used(true)]);
        assert!(remembered.used(Use::CheckOut, "P", "U") && !remembered.used(Use::Passage, "P", "U"));
        remembered.take(used(false));
        assert!(!remembered.used(Use::CheckOut, "P", "U"));
    }
}
