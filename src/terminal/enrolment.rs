//! What the server gave this terminal when it was taken in: its number and the server's key. Kept beside the book.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::hex::Hex;

/// Name of the file in the terminal's folder.
pub const FILE: &str = "terminal.json";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// Number of this terminal, from 1.
    pub terminal: u32,
    /// Public key with which the server signs records and receipts.
    pub server_key: Hex<32>,
}

/// Reads the enrolment of the terminal whose folder is `data`; `None` when there is none yet.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn load(data: &Path) -> io::Result<Option<Enrolment>> {
    let text = match fs::read(data.join(FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Keeps the enrolment, on disk before it returns.
///
/// # Errors
/// When the folder cannot be written.
pub fn save(data: &Path, enrolment: &Enrolment) -> io::Result<()> {
    let draft = data.join(format!("{FILE}.new"));
    let mut file = File::create(&draft)?;
    file.write_all(&serde_json::to_vec_pretty(enrolment)?)?;
    file.sync_all()?;
    fs::rename(&draft, data.join(FILE))?;
    File::open(data)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enrolment_outlives_the_program() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(load(folder.path()).unwrap(), None);
        let enrolment = Enrolment { terminal: 3, server_key: Hex([7; 32]) };
        save(folder.path(), &enrolment).unwrap();
        assert_eq!(load(folder.path()).unwrap(), Some(enrolment));
        fs::write(folder.path().join(FILE), "{").unwrap();
        assert!(load(folder.path()).is_err());
    }
}
