//! For which unit a code stands, worked out anew from every decision and every line about it.

use crate::numbers::bindings::{Event, History, Said, fold};
use crate::quantity::Moment;
use crate::server::catalog::store::parse;
use crate::server::database::{DatabaseError, Tx, Value};
use crate::server::stored::{line_id, unit_key};
use crate::sync::records::{Binding, Content, Record, Relabelled};

/// The person's decisions about one code as spans, each with the line that began it and the one that ended it.
struct Decided {
    unit: String,
    since: Moment,
    by: Vec<u8>,
    until: Option<(Moment, Vec<u8>)>,
}

/// Works out the history of a code whose binding was decided in `record`; whether the decision took the code from another
/// unit while that one still held it by a decision.
pub(super) fn decided(tx: &mut Tx, record: &Record, code: &str) -> Result<bool, DatabaseError> {
    let (spans, twice) = decisions(tx, code, Some(record.version))?;
    write(tx, code, spans)?;
    Ok(twice)
}

/// Takes in what a line said about codes, or forgets it; gives those codes.
pub(super) fn relabelled(tx: &mut Tx, record: &Record, said: &Relabelled) -> Result<Vec<String>, DatabaseError> {
    let line = line_id(said.line);
    let mut codes = Vec::new();
    for row in tx.query("SELECT code FROM relabelled WHERE line = ?1", &[line.clone().into()])? {
        codes.push(row.text(0)?.to_owned());
    }
    tx.execute("DELETE FROM relabelled WHERE line = ?1", &[line.clone().into()])?;
    if !record.withdrawn {
        let replaced = !said.bind.is_empty();
        let bound = said.bind.iter().map(|code| (code, true));
        let released = said.release.iter().filter(|code| !said.bind.contains(code)).map(|code| (code, false));
        let rows: Vec<Vec<Value>> = bound
            .chain(released)
            .map(|(code, bound)| {
                vec![
                    line.clone().into(),
                    code.into(),
                    unit_key(&said.unit).into(),
                    record.since.into(),
                    bound.into(),
                    (!bound && replaced).into(),
                ]
            })
            .collect();
        tx.execute_many(
            "INSERT INTO relabelled (line, code, unit, since_us, bound, replaced) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
             ON CONFLICT (code, line) DO NOTHING",
            &rows,
        )?;
        codes.extend(said.bind.iter().chain(&said.release).cloned());
    }
    codes.sort();
    codes.dedup();
    for code in &codes {
        let (spans, _) = decisions(tx, code, None)?;
        write(tx, code, spans)?;
    }
    Ok(codes)
}

/// Each version of the decision holds from its `since`, over all before it. Also whether `version` took the code from
/// another unit.
fn decisions(tx: &mut Tx, code: &str, version: Option<u64>) -> Result<(Vec<Decided>, bool), DatabaseError> {
    let sql = "SELECT body, line FROM record WHERE kind = 'binding' AND name = ?1 ORDER BY version";
    let mut spans: Vec<Decided> = Vec::new();
    let mut twice = false;
    for row in tx.query(sql, &[code.into()])? {
        let record = parse(row.blob(0)?)?;
        let Content::Binding(Binding { unit, .. }) = record.content else { continue };
        let (since, by, unit) = (record.since, row.blob(1)?.to_vec(), unit_key(&unit));
        spans.retain(|span| span.since < since);
        if let Some(last) = spans.last_mut()
            && last.until.as_ref().is_none_or(|(until, _)| since < *until)
        {
            if Some(record.version) == version {
                twice = !record.withdrawn && last.unit != unit;
            }
            last.until = Some((since, by.clone()));
        }
        if !record.withdrawn {
            spans.push(Decided { unit, since, by, until: None });
        }
    }
    Ok((spans, twice))
}

fn write(tx: &mut Tx, code: &str, decisions: Vec<Decided>) -> Result<(), DatabaseError> {
    let mut events = Vec::new();
    let begins: Vec<Moment> = decisions.iter().map(|span| span.since).collect();
    for Decided { unit, since, by, until } in decisions {
        events.push(Event { at: since, by, said: Said::Decided { unit: Some(unit) } });
        if let Some((at, by)) = until.filter(|(at, _)| !begins.contains(at)) {
            events.push(Event { at, by, said: Said::Decided { unit: None } });
        }
    }
    let sql = "SELECT line, unit, since_us, bound, replaced FROM relabelled WHERE code = ?1";
    for row in tx.query(sql, &[code.into()])? {
        let unit = row.text(1)?.to_owned();
        let said = match row.flag(3)? {
            true => Said::Bound { unit },
            false => Said::Released { unit, replaced: row.flag(4)? },
        };
        events.push(Event { at: row.moment(2)?, by: row.blob(0)?.to_vec(), said });
    }
    let History { claims, spans } = fold(events);
    tx.execute("DELETE FROM binding WHERE code = ?1", &[code.into()])?;
    let rows: Vec<Vec<Value>> = spans
        .into_iter()
        .map(|span| vec![code.into(), span.since.into(), span.until.into(), span.unit.into()])
        .collect();
    tx.execute_many("INSERT INTO binding (code, since_us, until_us, unit) VALUES (?1, ?2, ?3, ?4)", &rows)?;
    tx.execute("DELETE FROM claim WHERE code = ?1", &[code.into()])?;
    let rows: Vec<Vec<Value>> = claims
        .into_iter()
        .map(|claim| {
            vec![
                code.into(),
                claim.by.into(),
                claim.unit.into(),
                claim.since.into(),
                claim.until.into(),
                claim.in_force.into(),
                claim.clashed.into(),
                claim.replaced.into(),
            ]
        })
        .collect();
    tx.execute_many(
        "INSERT INTO claim (code, line, unit, since_us, until_us, in_force_us, clashed, replaced) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &rows,
    )
}
