//! The kernel's tables: states in, effects out, for many units at once.

use std::collections::{BTreeMap, BTreeSet};

use crate::quantity::Moment;
use crate::server::database::{DatabaseError, Row, Tx, Value};
use crate::server::kernel::fold::{Custody, Effects, Location, Order, Profile, State};
use crate::server::kernel::tracking_of;
use crate::server::stored::{line_id, line_ref};
use crate::sync::records::Tracking;

/// A unit under work: what it was, what it becomes, and what happened on the way.
pub(super) struct Work {
    pub profile: Profile,
    pub before: State,
    pub state: State,
    pub effects: Effects,
}

/// Names as parameters.
pub(super) fn keys<'a>(names: impl IntoIterator<Item = &'a String>) -> Vec<Value> {
    names.into_iter().map(Value::from).collect()
}

/// What the catalog says of these units.
pub(super) fn profiles(tx: &mut Tx, units: &[Value]) -> Result<BTreeMap<String, Profile>, DatabaseError> {
    let mut profiles = BTreeMap::new();
    for unit in units {
        if let Value::Text(unit) = unit {
            profiles.insert(unit.clone(), Profile { tracking: tracking_of(unit), registered: false });
        }
    }
    for row in tx.query_many("SELECT unit, tracking FROM unit WHERE unit = ?1", units)? {
        let tracking = if row.text(1)? == Tracking::Lot.word() { Tracking::Lot } else { Tracking::Serial };
        // A withdrawn unit is known all the same: what was done with it stays what it was.
        profiles.insert(row.text(0)?.to_owned(), Profile { tracking, registered: true });
    }
    Ok(profiles)
}

/// The units as they are.
pub(super) fn load(tx: &mut Tx, units: &BTreeSet<String>) -> Result<BTreeMap<String, Work>, DatabaseError> {
    let names = keys(units);
    let mut states: BTreeMap<String, State> = BTreeMap::new();
    let sql =
        "SELECT unit, place, checked_out, seen_place, last_us, last_line, last_piece FROM unit_state WHERE unit = ?1";
    for row in tx.query_many(sql, &names)? {
        let location = match row.text(1)? {
            "" => Location::Nowhere,
            place => Location::of(place, row.flag(2)?),
        };
        let last = Order { at: row.moment(4)?, line: line_ref(row.blob(5)?)?, piece: row.number(6)? };
        let state = State { last: Some(last), location, seen: row.text(3)?.to_owned(), ..State::default() };
        states.insert(row.text(0)?.to_owned(), state);
    }
    for row in tx.query_many("SELECT unit, place, measure, amount FROM balance WHERE unit = ?1", &names)? {
        let state = states.entry(row.text(0)?.to_owned()).or_default();
        state.balances.insert((row.text(1)?.to_owned(), row.int(2)?), row.int(3)?);
    }
    let sql =
        "SELECT unit, since_line, since_us, person_no, document FROM custody WHERE until_line IS NULL AND unit = ?1";
    for row in tx.query_many(sql, &names)? {
        let state = states.entry(row.text(0)?.to_owned()).or_default();
        state.custody = Some(Custody {
            since: (line_ref(row.blob(1)?)?, row.moment(2)?),
            person: row.number(3)?,
            document: row.opt_text(4)?.map(str::to_owned),
            until: None,
        });
    }
    let profiles = profiles(tx, &names)?;
    Ok(profiles
        .into_iter()
        .map(|(unit, profile)| {
            let before = states.remove(&unit).unwrap_or_default();
            (unit, Work { profile, state: before.clone(), before, effects: Effects::default() })
        })
        .collect())
}

/// Takes away all that was ever folded for these units; their touches stay.
pub(super) fn clear(tx: &mut Tx, units: &[Value]) -> Result<(), DatabaseError> {
    let rows: Vec<Vec<Value>> = units.iter().map(|unit| vec![unit.clone()]).collect();
    for sql in [
        "DELETE FROM move WHERE unit = ?1",
        "DELETE FROM exception WHERE unit = ?1",
        "DELETE FROM custody WHERE unit = ?1",
        "DELETE FROM balance WHERE unit = ?1",
        "DELETE FROM unit_state WHERE unit = ?1",
    ] {
        tx.execute_many(sql, &rows)?;
    }
    Ok(())
}

/// Writes what changed.
pub(super) fn save(tx: &mut Tx, work: &BTreeMap<String, Work>) -> Result<(), DatabaseError> {
    let mut moves = Vec::new();
    let mut raised = Vec::new();
    let mut custodies = Vec::new();
    let mut states = Vec::new();
    let mut balances = Vec::new();
    let mut emptied = Vec::new();
    for (unit, Work { before, state, effects, .. }) in work {
        for step in &effects.moves {
            moves.push(vec![
                line_id(step.origin.line).into(),
                step.origin.piece.into(),
                step.leg.into(),
                unit.into(),
                step.from.as_str().into(),
                step.to.as_str().into(),
                step.quantity.unit.code().into(),
                step.quantity.amount.into(),
            ]);
        }
        for exception in &effects.raised {
            raised.push(vec![
                line_id(exception.origin.line).into(),
                exception.reason.word().into(),
                exception.code.as_str().into(),
                unit.into(),
                exception.origin.at.into(),
            ]);
        }
        let last: BTreeMap<_, _> =
            effects.custodies.iter().enumerate().map(|(at, custody)| (custody.since.0, at)).collect();
        for (at, custody) in effects.custodies.iter().enumerate() {
            // Begun and ended in this work: only how it ended is written.
            if last.get(&custody.since.0) != Some(&at) {
                continue;
            }
            custodies.push(vec![
                unit.into(),
                line_id(custody.since.0).into(),
                custody.since.1.into(),
                custody.person.into(),
                custody.document.clone().into(),
                custody.until.map(|(line, _)| line_id(line)).into(),
                custody.until.map(|(_, at)| at).into(),
            ]);
        }
        if let Some(last) = state.last.filter(|_| state != before) {
            let checked_out = matches!(state.location, Location::With { checked_out: true, .. });
            states.push(vec![
                unit.into(),
                state.location.place().unwrap_or_default().into(),
                checked_out.into(),
                state.seen.as_str().into(),
                last.at.into(),
                line_id(last.line).into(),
                last.piece.into(),
            ]);
        }
        for ((place, measure), amount) in &state.balances {
            if before.balances.get(&(place.clone(), *measure)) != Some(amount) {
                balances.push(vec![unit.into(), place.into(), (*measure).into(), (*amount).into()]);
            }
        }
        for key in before.balances.keys().filter(|key| !state.balances.contains_key(*key)) {
            emptied.push(vec![unit.into(), key.0.as_str().into(), key.1.into()]);
        }
    }
    tx.execute_many("DELETE FROM balance WHERE unit = ?1 AND place = ?2 AND measure = ?3", &emptied)?;
    tx.execute_many(
        "INSERT INTO balance (unit, place, measure, amount) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (unit, place, measure) DO UPDATE SET amount = excluded.amount",
        &balances,
    )?;
    tx.execute_many(
        "INSERT INTO move (line, piece, leg, unit, from_place, to_place, measure, amount) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &moves,
    )?;
    tx.execute_many(
        "INSERT INTO unit_state (unit, place, checked_out, seen_place, last_us, last_line, last_piece) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (unit) DO UPDATE SET place = excluded.place, \
         checked_out = excluded.checked_out, seen_place = excluded.seen_place, last_us = excluded.last_us, \
         last_line = excluded.last_line, last_piece = excluded.last_piece",
        &states,
    )?;
    // The older of a unit come first: one ends before the next begins, and never two are open.
    tx.execute_many(
        "INSERT INTO custody (unit, since_line, since_us, person_no, document, until_line, until_us) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (unit, since_line) \
         DO UPDATE SET until_line = excluded.until_line, until_us = excluded.until_us",
        &custodies,
    )?;
    raise(tx, &raised)
}

/// Rows of line, reason, code, unit (empty for the line as a whole) and corrected time.
pub(super) fn raise(tx: &mut Tx, rows: &[Vec<Value>]) -> Result<(), DatabaseError> {
    tx.execute_many(
        "INSERT INTO exception (line, reason, code, unit, corrected_us) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (line, reason, code) DO NOTHING",
        rows,
    )
}

/// For which unit a code stands.
pub(super) struct Bindings(BTreeMap<String, Vec<(Moment, Option<Moment>, String)>>);

impl Bindings {
    pub(super) fn load(tx: &mut Tx, codes: &BTreeSet<String>) -> Result<Bindings, DatabaseError> {
        let mut bindings: BTreeMap<String, Vec<_>> = BTreeMap::new();
        let sql = "SELECT code, since_us, until_us, unit FROM binding WHERE code = ?1";
        for row in tx.query_many(sql, &keys(codes))? {
            let span = (row.moment(1)?, row.opt_moment(2)?, row.text(3)?.to_owned());
            bindings.entry(row.text(0)?.to_owned()).or_default().push(span);
        }
        Ok(Bindings(bindings))
    }

    /// The unit at that time: the one bound, otherwise the code stands for itself.
    pub(super) fn unit(&self, code: &str, at: Moment) -> String {
        let spans = self.0.get(code).map(Vec::as_slice).unwrap_or_default();
        let holds = |span: &&(Moment, Option<Moment>, String)| span.0 <= at && span.1.is_none_or(|until| at < until);
        spans.iter().find(holds).map_or_else(|| code.to_owned(), |span| span.2.clone())
    }
}

/// The line of a touch with what it says.
pub(super) struct TouchRow {
    pub unit: String,
    pub order: Order,
    pub kind: u8,
    pub schema: u16,
    pub body: Vec<u8>,
}

/// All pieces of these units that were not taken back.
pub(super) fn touches(tx: &mut Tx, units: &[Value]) -> Result<Vec<TouchRow>, DatabaseError> {
    let sql = "SELECT t.unit, t.corrected_us, t.line, t.piece, l.kind, l.schema_no, l.body FROM touch t \
               JOIN line l ON l.id = t.line LEFT JOIN correction c ON c.line = t.line \
               WHERE c.line IS NULL AND t.unit = ?1";
    let wrong = |_| DatabaseError::Damaged { what: "a line", why: "its kind or schema is out of range".into() };
    let read = |row: Row| {
        Ok(TouchRow {
            unit: row.text(0)?.to_owned(),
            order: Order { at: row.moment(1)?, line: line_ref(row.blob(2)?)?, piece: row.number(3)? },
            kind: row.int(4)?.try_into().map_err(wrong)?,
            schema: row.int(5)?.try_into().map_err(wrong)?,
            body: row.blob(6)?.to_vec(),
        })
    };
    tx.query_many(sql, units)?.into_iter().map(read).collect()
}
