//! Logins, sessions and tokens in the store. Secrets are stored as hashes only.

use std::time::Duration;

use crate::hex::{self, Hex};
use crate::quantity::Moment;
use crate::server::access::{AccessError, Came, Role, Roles, Visitor, password};
use crate::server::database::{DatabaseError, Tx, Value};

/// Most sessions of one person at a time; the oldest goes first.
const SESSIONS_MAX: usize = 16;

/// What a token of a program looks like: the word tells scanners of leaked secrets what it is.
const TOKEN_WORD: &str = "gatebook_";

/// A login as a page lists it.
#[derive(Clone, Debug)]
pub struct Login {
    pub name: String,
    pub roles: Roles,
    pub person: Option<u32>,
    pub active: bool,
    pub since: Moment,
}

/// A token as a page lists it: the secret itself is nowhere.
#[derive(Clone, Debug)]
pub struct Token {
    pub number: i64,
    pub label: String,
    pub roles: Roles,
    pub made_by: String,
    pub since: Moment,
    pub revoked: Option<Moment>,
}

/// Makes a login. Hashes the password, so it takes tens of milliseconds.
///
/// # Errors
/// [`AccessError`] when the name is taken or a rule is broken.
pub fn create_login(
    tx: &mut Tx,
    name: &str,
    password: &str,
    roles: &[Role],
    person: Option<u32>,
    at: Moment,
) -> Result<(), AccessError> {
    if name.is_empty() || name.trim() != name || 64 < name.chars().count() || name.chars().any(char::is_control) {
        return Err(AccessError::Name);
    }
    if roles.is_empty() {
        return Err(AccessError::NoRole);
    }
    password::check(name, password)?;
    if tx.query_opt("SELECT 1 FROM login WHERE name = ?1", &[name.into()])?.is_some() {
        return Err(AccessError::NameTaken(name.to_owned()));
    }
    tx.execute(
        "INSERT INTO login (name, password, roles, person, active, since_us) VALUES (?1, ?2, ?3, ?4, 1, ?5)",
        &[name.into(), password::hash(password).into(), Roles::of(roles).bits().into(), person.into(), at.into()],
    )?;
    Ok(())
}

/// Gives a login a new password and ends its sessions.
///
/// # Errors
/// [`AccessError`] when there is no such login or the password is unfit.
pub fn set_password(tx: &mut Tx, name: &str, password: &str) -> Result<(), AccessError> {
    password::check(name, password)?;
    let set = "UPDATE login SET password = ?2 WHERE name = ?1";
    if tx.execute(set, &[name.into(), password::hash(password).into()])? == 0 {
        return Err(AccessError::Unknown(name.to_owned()));
    }
    tx.execute("DELETE FROM login_session WHERE login = ?1", &[name.into()])?;
    Ok(())
}

/// Lets a login in again, or locks it out and ends its sessions.
///
/// # Errors
/// [`AccessError`] when there is no such login, or it is the last administrator.
pub fn set_active(tx: &mut Tx, name: &str, active: bool) -> Result<(), AccessError> {
    let mut administrators = logins(tx)?;
    administrators.retain(|login| login.active && login.roles.has(Role::Administrator));
    if !active && administrators.len() == 1 && administrators.iter().any(|login| login.name == name) {
        return Err(AccessError::LastAdministrator(name.to_owned()));
    }
    if tx.execute("UPDATE login SET active = ?2 WHERE name = ?1", &[name.into(), active.into()])? == 0 {
        return Err(AccessError::Unknown(name.to_owned()));
    }
    if !active {
        tx.execute("DELETE FROM login_session WHERE login = ?1", &[name.into()])?;
    }
    Ok(())
}

/// All logins by name.
///
/// # Errors
/// What the store says.
pub fn logins(tx: &mut Tx) -> Result<Vec<Login>, DatabaseError> {
    let rows = tx.query("SELECT name, roles, person, active, since_us FROM login ORDER BY name", &[])?;
    rows.iter()
        .map(|row| {
            Ok(Login {
                name: row.text(0)?.to_owned(),
                roles: Roles::from_bits(row.int(1)?),
                person: row.opt_number(2)?,
                active: row.flag(3)?,
                since: row.moment(4)?,
            })
        })
        .collect()
}

/// The stored password hash of an active login.
///
/// # Errors
/// What the store says.
pub fn stored_password(tx: &mut Tx, name: &str) -> Result<Option<String>, DatabaseError> {
    // No login has such a name, and PostgreSQL takes no zero byte.
    if name.contains('\0') {
        return Ok(None);
    }
    let row = tx.query_opt("SELECT password FROM login WHERE name = ?1 AND active = 1", &[name.into()])?;
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// Opens a session and gives the token for the cookie. Sessions that are over are cleared away.
///
/// # Errors
/// What the store says.
pub fn open_session(tx: &mut Tx, login: &str, at: Moment, life: Duration) -> Result<String, DatabaseError> {
    tx.execute("DELETE FROM login_session WHERE until_us <= ?1", &[at.into()])?;
    let open = tx.query(
        "SELECT token_hash FROM login_session WHERE login = ?1 ORDER BY since_us DESC, token_hash",
        &[login.into()],
    )?;
    for row in open.iter().skip(SESSIONS_MAX - 1) {
        tx.execute("DELETE FROM login_session WHERE token_hash = ?1", &[row.blob(0)?.into()])?;
    }
    let token = secret();
    tx.execute(
        "INSERT INTO login_session (token_hash, login, since_us, until_us) VALUES (?1, ?2, ?3, ?4)",
        &[hash(&token), login.into(), at.into(), at.plus(life).into()],
    )?;
    Ok(token)
}

/// Who has this session token at `at`.
///
/// # Errors
/// What the store says.
pub fn of_session(tx: &mut Tx, token: &str, at: Moment) -> Result<Option<Visitor>, DatabaseError> {
    let row = tx.query_opt(
        "SELECT l.name, l.roles, l.person FROM login_session s JOIN login l ON l.name = s.login \
         WHERE s.token_hash = ?1 AND s.until_us > ?2 AND l.active = 1",
        &[hash(token), at.into()],
    )?;
    row.map(|row| {
        Ok(Visitor {
            name: row.text(0)?.to_owned(),
            roles: Roles::from_bits(row.int(1)?),
            person: row.opt_number(2)?,
            came: Came::Session,
        })
    })
    .transpose()
}

/// Ends one session; an unknown token is no error.
///
/// # Errors
/// What the store says.
pub fn close_session(tx: &mut Tx, token: &str) -> Result<(), DatabaseError> {
    tx.execute("DELETE FROM login_session WHERE token_hash = ?1", &[hash(token)]).map(drop)
}

/// Makes a token for a program and gives it, this once.
///
/// # Errors
/// [`AccessError`] when it has no role or no fit label.
pub fn create_token(
    tx: &mut Tx,
    label: &str,
    roles: &[Role],
    made_by: &str,
    at: Moment,
) -> Result<String, AccessError> {
    if label.is_empty() || label.trim() != label || 64 < label.chars().count() || label.chars().any(char::is_control) {
        return Err(AccessError::Name);
    }
    if roles.is_empty() {
        return Err(AccessError::NoRole);
    }
    let token = format!("{TOKEN_WORD}{}", secret());
    let row = tx.query_opt("SELECT coalesce(max(number), 0) + 1 FROM access_token", &[])?;
    let number = row.map(|row| row.int(0)).transpose()?.unwrap_or(1);
    tx.execute(
        "INSERT INTO access_token (number, token_hash, label, roles, made_by, since_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &[number.into(), hash(&token), label.into(), Roles::of(roles).bits().into(), made_by.into(), at.into()],
    )?;
    Ok(token)
}

/// Who has this token.
///
/// # Errors
/// What the store says.
pub fn of_token(tx: &mut Tx, token: &str) -> Result<Option<Visitor>, DatabaseError> {
    let row = tx.query_opt(
        "SELECT label, roles FROM access_token WHERE token_hash = ?1 AND revoked_us IS NULL",
        &[hash(token)],
    )?;
    row.map(|row| {
        Ok(Visitor {
            name: row.text(0)?.to_owned(),
            roles: Roles::from_bits(row.int(1)?),
            person: None,
            came: Came::Token,
        })
    })
    .transpose()
}

/// Takes a token back; `false` when there is none with this number, or it is revoked already.
///
/// # Errors
/// What the store says.
pub fn revoke_token(tx: &mut Tx, number: i64, at: Moment) -> Result<bool, DatabaseError> {
    let revoke = "UPDATE access_token SET revoked_us = ?2 WHERE number = ?1 AND revoked_us IS NULL";
    Ok(tx.execute(revoke, &[number.into(), at.into()])? == 1)
}

/// All tokens, newest first.
///
/// # Errors
/// What the store says.
pub fn tokens(tx: &mut Tx) -> Result<Vec<Token>, DatabaseError> {
    let rows = tx.query(
        "SELECT number, label, roles, made_by, since_us, revoked_us FROM access_token ORDER BY number DESC LIMIT 200",
        &[],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Token {
                number: row.int(0)?,
                label: row.text(1)?.to_owned(),
                roles: Roles::from_bits(row.int(2)?),
                made_by: row.text(3)?.to_owned(),
                since: row.moment(4)?,
                revoked: row.opt_moment(5)?,
            })
        })
        .collect()
}

/// 256 random bits as hex.
fn secret() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the kernel gives random bytes");
    hex::encode(&bytes)
}

/// A random token needs no slow hash, and looking up the hash leaks nothing of the token by its timing.
fn hash(token: &str) -> Value {
    Hex(*blake3::hash(token.as_bytes()).as_bytes()).into()
}
