//! A new terminal comes into the house with a one-time code.

use std::time::Duration;

use ed25519_dalek::VerifyingKey;

use crate::event::Ruling;
use crate::hex::Hex;
use crate::quantity::Moment;
use crate::server::book::{self, DecideError, ServerKey};
use crate::server::database::{DatabaseError, Tx};
use crate::server::stored;
use crate::sync::wire::{Enrol, Enrolled};

/// Why a terminal was not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    #[error(transparent)]
    Decide(#[from] DecideError),
    #[error("the code is wrong, used or too old")]
    Code,
    #[error("the name or key of the terminal cannot be taken: {why}")]
    Terminal { why: &'static str },
}

impl From<DatabaseError> for EnrolError {
    fn from(error: DatabaseError) -> EnrolError {
        EnrolError::Decide(error.into())
    }
}

/// How long a code is good.
pub const CODE_VALID: Duration = Duration::from_secs(15 * 60);

/// Letters of a code: none that looks like another. 12 of 32 are 60 bits: nobody guesses one in 15 minutes.
const LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

impl EnrolError {
    /// What a person can do about it.
    pub fn help(&self) -> &'static str {
        match self {
            EnrolError::Decide(error) => error.help(),
            EnrolError::Code => "Make a new code on the server and use it within 15 minutes.",
            EnrolError::Terminal { .. } => "Correct the terminal's configuration and enrol it again.",
        }
    }
}

/// A code to copy or type, three groups of four letters and digits, good once within [`CODE_VALID`]. Only its hash is kept.
///
/// # Errors
/// What the database says.
pub fn make_enrolment_code(tx: &mut Tx, by: Option<u32>, now: Moment) -> Result<String, DatabaseError> {
    // A used code answers its terminal again for a day, in case the first answer was lost.
    let gone = now.minus(Duration::from_secs(24 * 3600));
    tx.execute("DELETE FROM enrolment_code WHERE until_us < ?1", &[gone.into()])?;
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte & 31)]);
    let letters: String = stored::random::<12>()?.iter().map(letter).collect();
    tx.execute(
        "INSERT INTO enrolment_code (hash, made_by, until_us) VALUES (?1, ?2, ?3)",
        &[hash(&letters).into(), by.into(), now.plus(CODE_VALID).into()],
    )?;
    let (first, rest) = letters.split_at(4);
    let (second, third) = rest.split_at(4);
    Ok(format!("{first}-{second}-{third}"))
}

/// Blanks, hyphens and the size of letters do not count.
fn hash(code: &str) -> Hex<32> {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    Hex(*blake3::hash(plain.to_ascii_uppercase().as_bytes()).as_bytes())
}

/// Takes a terminal into the house under the next free number. The same terminal with the same code gets the same answer.
///
/// # Errors
/// [`EnrolError`]; nothing is stored then.
pub fn enrol(tx: &mut Tx, server: &ServerKey, enrol: &Enrol, now: Moment) -> Result<Enrolled, EnrolError> {
    let server_key = Hex(server.public().to_bytes());
    let hash = hash(&enrol.code);
    let sql = "SELECT until_us, used_key, terminal_no, made_by FROM enrolment_code WHERE hash = ?1";
    let row = tx.query_opt(sql, &[hash.into()])?.ok_or(EnrolError::Code)?;
    if let (Some(used), Some(terminal)) = (row.opt_hex::<32>(1)?, row.opt_number(2)?) {
        return if used == enrol.key { Ok(Enrolled { terminal, server_key }) } else { Err(EnrolError::Code) };
    }
    if row.moment(0)? <= now {
        return Err(EnrolError::Code);
    }
    let name = enrol.name.trim();
    if name.is_empty() || 100 < name.chars().count() || name.chars().any(char::is_control) {
        return Err(EnrolError::Terminal { why: "the name is empty, longer than 100 characters or not plain text" });
    }
    if VerifyingKey::from_bytes(&enrol.key.0).is_err() {
        return Err(EnrolError::Terminal { why: "the key is no Ed25519 public key" });
    }
    let by = row.opt_number(3)?;
    let terminal = match tx.query_opt("SELECT max(number) FROM terminal", &[])? {
        Some(row) => row.opt_number(0)?.unwrap_or(0) + 1,
        None => 1,
    };
    let ruling = Ruling::Enrol { terminal, name: name.to_owned(), key: enrol.key };
    let command = Hex(stored::random::<16>()?);
    book::decide(tx, server, command, by, ruling, now)?;
    tx.execute(
        "UPDATE enrolment_code SET used_key = ?2, terminal_no = ?3 WHERE hash = ?1",
        &[hash.into(), enrol.key.into(), terminal.into()],
    )?;
    Ok(Enrolled { terminal, server_key })
}
