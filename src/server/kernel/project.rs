//! Brings lines into the tables: what comes in order is folded on, what comes late makes its units fold anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::event::{Act, Body, Correction, LineRef, Passage, Reason};
use crate::server::database::{DatabaseError, Tx, Value};
use crate::server::kernel::fold::{self, Effects, Order, State};
use crate::server::kernel::store::{self, Bindings, Work};
use crate::server::kernel::{Entry, flaw, labels, registrations};
use crate::server::stored::{Stored, line_id, line_ref};

/// Units refolded together; their whole histories are in memory.
const REFOLD_UNITS: usize = 256;

/// Projects lines that stand in the book by now. Lines of one book come in its order; decisions are not for here.
///
/// # Errors
/// What the database says.
pub fn project(tx: &mut Tx, entries: &[Entry]) -> Result<(), DatabaseError> {
    let mut about_lines = Vec::new();
    let mut codes = BTreeSet::new();
    let mut corrections = Vec::new();
    for entry in entries {
        let mut raise = |reason: Reason| about_lines.push(about_line(&entry.at, reason));
        match &entry.body {
            Err(_) | Ok(Body::Decision(_)) => raise(Reason::Unreadable),
            Ok(Body::Correction(correction)) => corrections.push((entry, correction)),
            Ok(Body::System(_)) => (),
            Ok(
                body @ (Body::Movement(_)
                | Body::Passage(_)
                | Body::Attempt(_)
                | Body::Registration(_)
                | Body::Relabelling(_)),
            ) => {
                let what = fold::pieces(body).map(|(what, _)| what).unwrap_or_default();
                codes.extend(what.iter().map(|piece| piece.code.clone()));
                if what.len() != 1 {
                    BTreeSet::from_iter(fold::stated(body)).into_iter().for_each(&mut raise);
                }
            }
        }
    }
    let mut late = fold_on(tx, entries, &codes)?;
    let mut numbered = registrations::take(tx, entries)?;
    labels::take(tx, entries)?;
    // Before the corrections: one may take back a line that came with it, and what was raised about that line.
    store::raise(tx, &about_lines)?;
    let refused = correct(tx, &corrections, &mut late, &mut numbered)?;
    let refused: Vec<_> = refused.into_iter().map(|(entry, reason)| about_line(&entry.at, reason)).collect();
    store::raise(tx, &refused)?;
    registrations::raise_twice(tx, &numbered)?;
    refold(tx, &late)
}

/// Raises an exception about a line as a whole.
///
/// # Errors
/// What the database says.
pub fn raise(tx: &mut Tx, line: &Stored, reason: Reason) -> Result<(), DatabaseError> {
    store::raise(tx, &[about_line(line, reason)])
}

fn about_line(line: &Stored, reason: Reason) -> Vec<Value> {
    vec![line_id(line.reference()).into(), reason.word().into(), "".into(), "".into(), line.corrected.into()]
}

/// Folds the pieces that follow on what is known; gives back the units for which one came late.
fn fold_on(tx: &mut Tx, entries: &[Entry], codes: &BTreeSet<String>) -> Result<BTreeSet<String>, DatabaseError> {
    let bindings = Bindings::load(tx, codes)?;
    let mut pieces = Vec::new();
    let mut touches = Vec::new();
    for entry in entries {
        let Ok(body) = &entry.body else { continue };
        let Some((what, handling)) = fold::pieces(body) else { continue };
        for (number, piece) in (0_u32..).zip(what) {
            let unit = bindings.unit(&piece.code, entry.at.corrected);
            let order = Order { at: entry.at.corrected, line: entry.at.reference(), piece: number };
            touches.push(vec![
                unit.as_str().into(),
                order.at.into(),
                line_id(order.line).into(),
                number.into(),
                piece.code.as_str().into(),
                act_word(body).into(),
                handling.person.into(),
                handling.station.as_str().into(),
                handling.read_point.as_str().into(),
                handling.document.clone().into(),
            ]);
            pieces.push((unit, order, body));
        }
    }
    let units: BTreeSet<String> = pieces.iter().map(|(unit, ..)| unit.clone()).collect();
    let mut work = store::load(tx, &units)?;
    let mut late = BTreeSet::new();
    for (unit, order, body) in pieces {
        let Some(found) = work.get_mut(&unit) else { continue };
        if found.state.last.is_some_and(|last| order <= last) {
            work.remove(&unit);
            late.insert(unit);
        } else {
            fold::apply(&mut found.state, found.profile, order, body, &mut found.effects);
        }
    }
    tx.execute_many(
        "INSERT INTO touch (unit, corrected_us, line, piece, code, act, person_no, station, read_point, document) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        &touches,
    )?;
    store::save(tx, &work)?;
    Ok(late)
}

/// The word of what happened, as the history shows it.
fn act_word(body: &Body) -> &'static str {
    match body {
        Body::Movement(movement) => movement.act.word(),
        Body::Passage(Passage { direction, .. }) => direction.word(),
        Body::Attempt(_) => "attempt",
        Body::Registration(_) => Act::Register.word(),
        Body::Relabelling(_) => Act::Relabel.word(),
        Body::Correction(_) => "correction",
        Body::Decision(_) => "decision",
        Body::System(_) => "system",
    }
}

/// Marks lines as taken back and adds their units to those that fold anew. A line can take back an earlier fact of its
/// own book, once; what it cannot is given back as an exception.
fn correct<'a>(
    tx: &mut Tx,
    corrections: &[(&'a Entry, &Correction)],
    late: &mut BTreeSet<String>,
    numbered: &mut BTreeSet<String>,
) -> Result<Vec<(&'a Entry, Reason)>, DatabaseError> {
    if corrections.is_empty() {
        return Ok(Vec::new());
    }
    let targets: Vec<Value> = corrections.iter().map(|(_, correction)| line_id(correction.corrects).into()).collect();
    let mut kinds: HashMap<LineRef, i64> = HashMap::new();
    for row in tx.query_many("SELECT id, kind FROM line WHERE id = ?1", &targets)? {
        kinds.insert(line_ref(row.blob(0)?)?, row.int(1)?);
    }
    let mut taken = BTreeSet::new();
    for row in tx.query_many("SELECT line FROM correction WHERE line = ?1", &targets)? {
        taken.insert(line_ref(row.blob(0)?)?);
    }
    let mut refused = Vec::new();
    let mut rows = Vec::new();
    let mut lines = Vec::new();
    for (entry, correction) in corrections {
        let by = entry.at.reference();
        let target = correction.corrects;
        let own = target.terminal == by.terminal && target.epoch == by.epoch && target.seq < by.seq;
        let fact = kinds.get(&target).is_some_and(|kind| Body::FACTS.map(i64::from).contains(kind));
        if own && fact && taken.insert(target) {
            rows.push(vec![line_id(target).into(), line_id(by).into()]);
            lines.push(Value::from(line_id(target)));
        } else {
            refused.push((*entry, Reason::NotCorrectable));
        }
    }
    tx.execute_many("INSERT INTO correction (line, by_line) VALUES (?1, ?2)", &rows)?;
    let gone: Vec<Vec<Value>> = lines.iter().map(|line| vec![line.clone()]).collect();
    tx.execute_many("DELETE FROM exception WHERE unit = '' AND line = ?1", &gone)?;
    for row in tx.query_many("SELECT unit FROM touch WHERE line = ?1", &lines)? {
        late.insert(row.text(0)?.to_owned());
    }
    for row in tx.query_many("SELECT unit FROM registration WHERE line = ?1", &lines)? {
        numbered.insert(row.text(0)?.to_owned());
    }
    Ok(refused)
}

/// Folds these units from their first piece. Touches no row of any other unit.
///
/// # Errors
/// What the database says.
pub fn refold(tx: &mut Tx, units: &BTreeSet<String>) -> Result<(), DatabaseError> {
    let names = store::keys(units);
    for names in names.chunks(REFOLD_UNITS) {
        let mut rows = store::touches(tx, names)?;
        rows.sort_by_key(|row| row.order);
        let profiles = store::profiles(tx, names)?;
        store::clear(tx, names)?;
        let mut bodies: HashMap<LineRef, Option<Body>> = HashMap::new();
        let mut work: BTreeMap<String, Work> = BTreeMap::new();
        for row in rows {
            let body = bodies.entry(row.order.line).or_insert_with(|| {
                Body::decode(row.kind, row.schema, &row.body).ok().filter(|body| flaw(body).is_none())
            });
            let (Some(body), Some(&profile)) = (body, profiles.get(&row.unit)) else { continue };
            let found = work.entry(row.unit).or_insert_with(|| Work {
                profile,
                before: State::default(),
                state: State::default(),
                effects: Effects::default(),
            });
            fold::apply(&mut found.state, profile, row.order, body, &mut found.effects);
        }
        store::save(tx, &work)?;
    }
    Ok(())
}

/// The bindings of `code` changed: its pieces go to the units they belong to, and all units concerned fold anew.
///
/// # Errors
/// What the database says.
pub fn rebind(tx: &mut Tx, code: &str) -> Result<(), DatabaseError> {
    let bindings = Bindings::load(tx, &BTreeSet::from([code.to_owned()]))?;
    let mut concerned = BTreeSet::new();
    let mut moved = Vec::new();
    for row in tx.query("SELECT unit, corrected_us, line, piece FROM touch WHERE code = ?1", &[code.into()])? {
        let unit = bindings.unit(code, row.moment(1)?);
        if unit != row.text(0)? {
            let mut key = row.values().to_vec();
            key.push(unit.as_str().into());
            moved.push(key);
        }
        concerned.extend([row.text(0)?.to_owned(), unit]);
    }
    tx.execute_many(
        "UPDATE touch SET unit = ?5 WHERE unit = ?1 AND corrected_us = ?2 AND line = ?3 AND piece = ?4",
        &moved,
    )?;
    refold(tx, &concerned)
}
