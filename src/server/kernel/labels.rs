//! Labels that came out of printers: part of a unit's history, and which units have none.

use std::collections::BTreeSet;

use crate::event::{Body, LabelPrinted, LabelWhy, LineRef, System};
use crate::server::database::{DatabaseError, Tx, Value};
use crate::server::kernel::Entry;
use crate::server::kernel::queries::{PAGE_MAX, Page};
use crate::server::kernel::store::Bindings;
use crate::server::stored::{is_key, line_id, unit_key};

/// What the history calls it.
pub const ACT: &str = "label";

/// One printed label, as the history tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    pub template: String,
    pub why: LabelWhy,
    /// Which label with this code it is, of all that the house's terminals printed, from 1.
    pub nth: u64,
}

/// A unit without a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlabelled {
    pub number: String,
    pub name_zh: String,
    pub name_en: String,
}

pub(super) fn of(body: &Body) -> Option<&LabelPrinted> {
    match body {
        Body::System(System::LabelPrinted(label)) => Some(label),
        _ => None,
    }
}

/// What makes the line of a label unfit for tables.
pub(super) fn flaw(label: &LabelPrinted) -> Option<String> {
    let LabelPrinted { code, template, handling, .. } = label;
    if code.is_empty() || handling.read_point.is_empty() {
        return Some("a code or place is empty".into());
    }
    let named = [code, template, &handling.station, &handling.read_point, &handling.device];
    let bad = named.into_iter().chain(&handling.document).find(|text| !is_key(text))?;
    Some(format!("a text of {} bytes is too long or holds a zero byte", bad.len()))
}

/// Writes labels into the history of their units. They move nothing, so no unit folds anew.
pub(super) fn take(tx: &mut Tx, entries: &[Entry]) -> Result<(), DatabaseError> {
    let labels: Vec<_> = entries.iter().filter_map(|entry| Some((&entry.at, of(entry.body.as_ref().ok()?)?))).collect();
    if labels.is_empty() {
        return Ok(());
    }
    let bindings = Bindings::load(tx, &labels.iter().map(|(_, label)| label.code.clone()).collect::<BTreeSet<_>>())?;
    let mut rows = Vec::new();
    for (at, LabelPrinted { code, handling, .. }) in labels {
        rows.push(vec![
            bindings.unit(code, at.corrected).into(),
            at.corrected.into(),
            line_id(at.reference()).into(),
            0_u32.into(),
            code.into(),
            ACT.into(),
            handling.person.into(),
            (&handling.station).into(),
            (&handling.read_point).into(),
            handling.document.clone().into(),
        ]);
    }
    tx.execute_many(
        "INSERT INTO touch (unit, corrected_us, line, piece, code, act, person_no, station, read_point, document) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        &rows,
    )
    .map(drop)
}

/// The label that a line of the history tells of.
pub(super) fn printed(tx: &mut Tx, line: LineRef, code: &str) -> Result<Option<Printed>, DatabaseError> {
    let id = Value::from(line_id(line));
    let sql = "SELECT l.kind, l.schema_no, l.body FROM line l WHERE l.id = ?1";
    let Some(row) = tx.query_opt(sql, std::slice::from_ref(&id))? else { return Ok(None) };
    let number = |number: i64| u16::try_from(number).unwrap_or(u16::MAX);
    let body = Body::decode(u8::try_from(row.int(0)?).unwrap_or(u8::MAX), number(row.int(1)?), row.blob(2)?);
    let Some(LabelPrinted { template, why, .. }) = body.as_ref().ok().and_then(of) else { return Ok(None) };
    let sql = "SELECT count(*) FROM touch t, touch own WHERE own.line = ?1 AND own.piece = 0 AND t.code = ?2 AND t.act = ?3 \
               AND (t.corrected_us, t.line) <= (own.corrected_us, own.line)";
    let nth = tx.query_opt(sql, &[id, code.into(), ACT.into()])?.map(|row| row.count(0)).transpose()?.unwrap_or(1);
    Ok(Some(Printed { template: template.clone(), why: *why, nth }))
}

/// How many labels were printed for a unit.
///
/// # Errors
/// What the database says.
pub fn count(tx: &mut Tx, unit: &str) -> Result<u64, DatabaseError> {
    let sql = "SELECT count(*) FROM touch WHERE unit = ?1 AND act = ?2";
    tx.query_opt(sql, &[unit.into(), ACT.into()])?.map_or(Ok(0), |row| row.count(0))
}

/// Registered units of which no label was ever printed, by number.
///
/// # Errors
/// What the database says.
pub fn unlabelled(tx: &mut Tx, after: &str, limit: usize) -> Result<Page<Unlabelled>, DatabaseError> {
    let sql = "SELECT u.number, u.name_zh, u.name_en FROM unit u WHERE u.withdrawn = 0 AND u.unit > ?1 \
               AND NOT EXISTS (SELECT 1 FROM touch t WHERE t.unit = u.unit AND t.act = ?2) ORDER BY u.unit LIMIT ?3";
    let limit = limit.clamp(1, PAGE_MAX);
    let after = if after.is_empty() { String::new() } else { unit_key(after) };
    let mut rows = Vec::new();
    for row in tx.query(sql, &[after.into(), ACT.into(), (limit + 1).into()])? {
        rows.push(Unlabelled {
            number: row.text(0)?.to_owned(),
            name_zh: row.text(1)?.to_owned(),
            name_en: row.text(2)?.to_owned(),
        });
    }
    let more = limit < rows.len();
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|last| last.number.clone());
    Ok(Page { rows, next })
}
