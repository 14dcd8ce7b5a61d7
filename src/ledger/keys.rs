//! The terminal's Ed25519 key: 64 hex digits in a file that only its owner may read.
//!
//! A new key lies in `<file>.next` before the book turns to it, so that a power cut at any moment leaves the key that
//! the book wants in one of the two files, see [`open_with`].

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;

use crate::hex::Hex;
use crate::ledger::book::{Book, OpenError, Opening, Settings};
use crate::ledger::file;

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("others may read the key file {path} (mode {mode:o})")]
    Open { path: String, mode: u32 },
    #[error("the key file {path} does not hold 64 hex digits")]
    NotAKey { path: String },
    #[error("the key file {path}: {cause}")]
    Io { path: String, cause: std::io::Error },
}

impl KeyError {
    /// What to do.
    pub fn help(&self) -> &'static str {
        match self {
            KeyError::Open { .. } => "Run `chmod 600` on it; if a stranger may have read it, enrol the terminal anew.",
            KeyError::NotAKey { .. } => {
                "Bring the key back from a backup, or move the file away and enrol the terminal anew."
            }
            KeyError::Io { .. } => "Check the path, its permissions and the disk.",
        }
    }
}

/// A fresh key from the system's random source.
///
/// # Errors
/// When the system has no randomness to give.
pub fn generate() -> std::io::Result<SigningKey> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(SigningKey::from_bytes(&secret))
}

/// Reads the key.
///
/// # Errors
/// [`KeyError`]; `Io` with `NotFound` when there is none.
pub fn load(path: &Path) -> Result<SigningKey, KeyError> {
    let name = || path.display().to_string();
    let io = |cause| KeyError::Io { path: name(), cause };
    let file = File::open(path).map_err(io)?;
    let found = file.metadata().map_err(io)?;
    if !found.is_file() {
        return Err(KeyError::NotAKey { path: name() });
    }
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Open { path: name(), mode });
    }
    let mut text = String::new();
    file.take(100).read_to_string(&mut text).map_err(io)?;
    let secret = Hex::<32>::parse(text.trim()).ok_or_else(|| KeyError::NotAKey { path: name() })?;
    Ok(SigningKey::from_bytes(&secret.0))
}

/// Reads the key, or makes one where there is none.
///
/// # Errors
/// [`KeyError`].
pub fn load_or_create(path: &Path) -> Result<SigningKey, KeyError> {
    match load(path) {
        Err(KeyError::Io { cause, .. }) if cause.kind() == std::io::ErrorKind::NotFound => (),
        answer => return answer,
    }
    let io = |cause| KeyError::Io { path: path.display().to_string(), cause };
    let key = generate().map_err(io)?;
    let draft = file::with_suffix(path, ".new");
    write(&draft, &key).map_err(io)?;
    // A link, not a rename: of two processes that make a key at once, the first one's stays.
    let linked = std::fs::hard_link(&draft, path);
    file::remove_if_there(&draft).map_err(io)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(io(error)),
        _ => file::sync_directory(path).map_err(io)?,
    }
    load(path)
}

/// Lays `key` beside the one in force. Call before [`Book::rotate_key`], then [`adopt`].
///
/// # Errors
/// [`KeyError::Io`].
pub fn prepare(path: &Path, key: &SigningKey) -> Result<(), KeyError> {
    let work = || {
        let draft = file::with_suffix(path, ".new");
        write(&draft, key)?;
        std::fs::rename(&draft, next(path))?;
        file::sync_directory(path)
    };
    work().map_err(|cause| KeyError::Io { path: path.display().to_string(), cause })
}

/// Puts the prepared key in force.
///
/// # Errors
/// [`KeyError::Io`].
pub fn adopt(path: &Path) -> Result<(), KeyError> {
    let work = || {
        std::fs::rename(next(path), path)?;
        file::sync_directory(path)
    };
    work().map_err(|cause| KeyError::Io { path: path.display().to_string(), cause })
}

/// Opens the book with the key in `key_path`, and ends a key change that was cut short.
///
/// # Errors
/// [`OpenError`] of the book, or the key file's trouble in its words.
pub fn open_with(settings: Settings, key_path: &Path) -> Result<(Book, Opening, SigningKey), OpenFailure> {
    let key = load_or_create(key_path)?;
    match Book::open(settings.clone(), key.clone()) {
        Ok((book, opening)) => Ok((book, opening, key)),
        Err(OpenError::OtherKey { path, public }) => match load(&next(key_path)) {
            Ok(next) if next.verifying_key().to_bytes() == public.0 => {
                adopt(key_path)?;
                let (book, opening) = Book::open(settings, next.clone())?;
                Ok((book, opening, next))
            }
            _ => Err(OpenError::OtherKey { path, public }.into()),
        },
        Err(error) => Err(error.into()),
    }
}

/// Why [`open_with`] failed.
#[derive(Debug, thiserror::Error)]
pub enum OpenFailure {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Book(#[from] OpenError),
}

impl OpenFailure {
    /// What to do.
    pub fn help(&self) -> &'static str {
        match self {
            OpenFailure::Key(error) => error.help(),
            OpenFailure::Book(error) => error.help(),
        }
    }
}

fn next(path: &Path) -> PathBuf {
    file::with_suffix(path, ".next")
}

fn write(path: &Path, key: &SigningKey) -> std::io::Result<()> {
    std::fs::create_dir_all(file::folder(path))?;
    file::remove_if_there(path)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{}", Hex(key.to_bytes()))?;
    file.sync_all()
}
