//! What may and must stand together on one thing: exclusions and repeats are errors, a missing companion is a warning,
//! because it may stand in another symbol of the same label.

use std::fmt;

use crate::gs1::table::{Pattern, Row};
use crate::gs1::{Elements, ReadError};

/// Checks elements against each other; `place` gives the byte at which one was read.
pub(super) fn check(elements: &Elements, place: impl Fn(usize) -> usize) -> Result<(), ReadError> {
    let known = || elements.iter().enumerate().filter_map(|(index, element)| Some((index, element, element.ai.row()?)));
    for (index, element, row) in known() {
        let ai = || row.ai.clone();
        let same = elements.iter().take(index).find(|earlier| earlier.ai == element.ai);
        if same.is_some_and(|earlier| earlier.value != element.value) {
            return Err(ReadError::Unequal { ai: ai(), at: place(index) });
        }
        let excluded =
            |other: &Row| other.ai != row.ai && row.excludes.iter().any(|pattern| pattern.matches(&other.ai));
        if let Some((_, _, with)) = known().find(|(_, _, other)| excluded(other)) {
            return Err(ReadError::Excluded { ai: ai(), with: with.ai.clone(), at: place(index) });
        }
        // A signature signs one thing, so keys whose serial number is optional must have it.
        let signed = matches!(row.ai.as_str(), "253" | "255" | "8003") && elements.get("8030").is_some();
        if signed && element.value.len() == row.min() {
            return Err(ReadError::NoSerial { ai: ai(), at: place(index) });
        }
    }
    Ok(())
}

/// A companion that an element should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    pub ai: &'static str,
    /// One of these groups must be there as a whole.
    pub wanted: &'static [Vec<Pattern>],
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}) needs ", self.ai)?;
        for (index, group) in self.wanted.iter().enumerate() {
            if index != 0 {
                f.write_str(" or ")?;
            }
            group.iter().try_for_each(|pattern| write!(f, "({pattern})"))?;
        }
        f.write_str(" beside it")
    }
}

/// Companions that are not there. Over all symbols of a thing there should be none.
pub fn missing(elements: &Elements) -> Vec<Missing> {
    let there = |own: &Row, pattern: &Pattern| {
        let mut rows = elements.iter().filter_map(|element| element.ai.row());
        rows.any(|row| row.ai != own.ai && pattern.matches(&row.ai))
    };
    let mut found = Vec::new();
    for row in elements.iter().filter_map(|element| element.ai.row()) {
        for groups in &row.requires {
            let met = groups.iter().any(|group| group.iter().all(|pattern| there(row, pattern)));
            let missing = Missing { ai: &row.ai, wanted: groups };
            if !met && !found.contains(&missing) {
                found.push(missing);
            }
        }
    }
    found
}
