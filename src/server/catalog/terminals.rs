//! Terminals of the house and how they are.

use crate::hex::Hex;
use crate::quantity::Moment;
use crate::server::database::{DatabaseError, Row, Tx};

/// A terminal that was enrolled.
#[derive(Clone, Debug)]
pub struct Terminal {
    pub number: u32,
    pub name: String,
    pub key: Hex<32>,
    pub enrolled: Moment,
    pub revoked: Option<Moment>,
    /// How it was when it last spoke; `None` when it never did.
    pub liveness: Option<Liveness>,
}

#[derive(Clone, Debug)]
pub struct Liveness {
    pub program: String,
    /// By the server's clock.
    pub seen: Moment,
    /// What its own clock said then.
    pub clock: Moment,
    /// Lines that wait to be sent.
    pub waiting: u64,
    pub down_cursor: u64,
    /// What does not work, in its own words.
    pub troubles: Vec<String>,
}

const COLUMNS: &str = "SELECT t.number, t.name, t.public_key, t.enrolled_us, t.revoked_us, l.program, l.seen_us, \
                       l.clock_us, l.waiting, l.down_cursor, l.troubles \
                       FROM terminal t LEFT JOIN liveness l ON l.terminal_no = t.number";

fn read(row: &Row) -> Result<Terminal, DatabaseError> {
    let liveness = match row.opt_text(5)? {
        None => None,
        Some(program) => Some(Liveness {
            program: program.to_owned(),
            seen: row.moment(6)?,
            clock: row.moment(7)?,
            waiting: row.count(8)?,
            down_cursor: row.count(9)?,
            troubles: serde_json::from_str(row.text(10)?)
                .map_err(|error| DatabaseError::Damaged { what: "a terminal's troubles", why: error.to_string() })?,
        }),
    };
    Ok(Terminal {
        number: row.number(0)?,
        name: row.text(1)?.to_owned(),
        key: row.hex(2)?,
        enrolled: row.moment(3)?,
        revoked: row.opt_moment(4)?,
        liveness,
    })
}

/// One terminal.
///
/// # Errors
/// What the database says.
pub fn terminal(tx: &mut Tx, number: u32) -> Result<Option<Terminal>, DatabaseError> {
    tx.query_opt(&format!("{COLUMNS} WHERE t.number = ?1"), &[number.into()])?.as_ref().map(read).transpose()
}

/// All terminals by number, revoked ones too.
///
/// # Errors
/// What the database says.
pub fn terminals(tx: &mut Tx) -> Result<Vec<Terminal>, DatabaseError> {
    tx.query(&format!("{COLUMNS} ORDER BY t.number"), &[])?.iter().map(read).collect()
}

pub(crate) fn enrolled(tx: &mut Tx, number: u32, name: &str, key: Hex<32>, at: Moment) -> Result<(), DatabaseError> {
    // A number is given once; a second decision for it, which cannot come from this program, changes nothing.
    tx.execute(
        "INSERT INTO terminal (number, name, public_key, enrolled_us) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (number) DO NOTHING",
        &[number.into(), name.into(), key.into(), at.into()],
    )
    .map(drop)
}

pub(crate) fn revoked(tx: &mut Tx, number: u32, at: Moment) -> Result<(), DatabaseError> {
    let sql = "UPDATE terminal SET revoked_us = ?2 WHERE number = ?1 AND revoked_us IS NULL";
    tx.execute(sql, &[number.into(), at.into()]).map(drop)
}
