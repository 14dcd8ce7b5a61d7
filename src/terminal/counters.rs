//! The highest counters that were given, kept beside the book: a book that was put back from a copy has forgotten the
//! numbers given since, and they are on labels by now.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::terminal::remembered::Mark;

/// Name of the file in the terminal's folder.
pub const FILE: &str = "numbers.json";

/// The counters of this terminal, one mark for each series and origin.
#[derive(Debug)]
pub struct Counters {
    folder: PathBuf,
    marks: Vec<Mark>,
}

impl Counters {
    /// Reads the counters of the terminal whose folder is `data`; none when none was given yet.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn load(data: &Path) -> io::Result<Counters> {
        let marks = match fs::read(data.join(FILE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => {
                serde_json::from_slice(&read?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?
            }
        };
        Ok(Counters { folder: data.to_owned(), marks })
    }

    /// Begins anew where the file could not be read.
    pub fn none(data: &Path) -> Counters {
        Counters { folder: data.to_owned(), marks: Vec::new() }
    }

    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Keeps the counters among `marks`, on disk before it returns. Blocks. Nothing is written where none is among them.
    ///
    /// # Errors
    /// When the folder cannot be written; the number must not be given then.
    pub fn keep(&mut self, marks: &[Mark]) -> io::Result<()> {
        let given: Vec<&Mark> = marks.iter().filter(|mark| matches!(mark, Mark::Given { .. })).collect();
        if given.is_empty() {
            return Ok(());
        }
        let mut kept = self.marks.clone();
        for mark in given {
            kept.retain(|known| known.key() != mark.key());
            kept.push(mark.clone());
        }
        let draft = self.folder.join(format!("{FILE}.new"));
        let mut file = File::create(&draft)?;
        file.write_all(&serde_json::to_vec(&kept)?)?;
        file.sync_all()?;
        fs::rename(&draft, self.folder.join(FILE))?;
        File::open(&self.folder)?.sync_all()?;
        self.marks = kept;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_counters_outlive_the_book() {
        let folder = tempfile::tempdir().unwrap();
        let given = |own, counter| Mark::Given { series: "sample".into(), own, counter };
        let mut kept = Counters::load(folder.path()).unwrap();
        assert!(kept.marks().is_empty());
        kept.keep(&[Mark::At { unit: "R-1".into(), place: None }]).unwrap();
        assert!(!folder.path().join(FILE).exists(), "nothing was given");
        for marks in [[given(false, 7)], [given(true, 1)], [given(false, 9)]] {
            kept.keep(&marks).unwrap();
        }
        assert_eq!(Counters::load(folder.path()).unwrap().marks(), [given(true, 1), given(false, 9)]);
        fs::write(folder.path().join(FILE), "[").unwrap();
        assert!(Counters::load(folder.path()).is_err());
    }
}
