//! Records: the versions of items, units, bindings, places, people, passes, tasks, holds, certificates, series and leases.

use crate::event::LineRef;
use crate::server::catalog::bindings;
use crate::server::database::{DatabaseError, Tx, Value};
use crate::server::stored::{is_key, line_id, unit_key};
use crate::sync::records::{Content, Item, Lease, Record, Series};

/// Longest body of a record in bytes; a line's body holds it with a few bytes to spare.
pub const RECORD_MAX: usize = 48 * 1024;

/// What a version of a record changes outside the catalog.
pub(crate) enum Applied {
    Nothing,
    /// The record cannot be read by this version.
    Unreadable,
    /// This unit's profile changed.
    Unit(String),
    /// The code stands for something else; `twice` when it still stood for another unit.
    Binding {
        code: String,
        twice: bool,
    },
    /// A line of a terminal said something about these codes, or was taken back.
    Codes(Vec<String>),
}

/// The present version of a record, 0 when there is none.
pub(crate) fn version(tx: &mut Tx, kind: &str, key: &str) -> Result<u64, DatabaseError> {
    let sql = "SELECT max(version) FROM record WHERE kind = ?1 AND name = ?2";
    match tx.query_opt(sql, &[kind.into(), key.into()])? {
        Some(row) => Ok(u64::try_from(row.opt_int(0)?.unwrap_or(0)).unwrap_or(0)),
        None => Ok(0),
    }
}

/// Why a record cannot be taken.
pub(crate) fn flaw(record: &Record) -> Option<String> {
    let mut keys = vec![record.content.key()];
    match &record.content {
        Content::Item(item) => keys.extend(item.gtin.clone()),
        Content::Unit(unit) => keys.extend(unit.home.iter().chain([&unit.item]).cloned()),
        Content::Binding(binding) => keys.push(binding.unit.clone()),
        Content::Place(place) => keys.extend(place.parent.clone()),
        Content::Person(person) => keys.extend(person.badge.clone()),
        Content::Pass(pass) => keys.extend(pass.units.iter().cloned()),
        Content::Task(task) => keys.extend(task.units.iter().chain(&task.document).cloned()),
        Content::Hold(hold) => keys.push(hold.unit.clone()),
        Content::Series(series) => match series.numbers.flaw() {
            Some(why) => return Some(why),
            None => keys.push(series.numbers.prefix.clone()),
        },
        Content::Lease(lease) if lease.first == 0 || lease.last < lease.first || i64::try_from(lease.last).is_err() => {
            return Some(format!("the counters {} to {} are none", lease.first, lease.last));
        }
        Content::Lease(lease) => keys.push(lease.series.clone()),
        Content::Relabelled(said) => keys.extend(said.bind.iter().chain(&said.release).chain([&said.unit]).cloned()),
        Content::Certificate(_) => (),
    }
    if keys.iter().any(|key| !is_key(key)) {
        return Some("a number or code is longer than 200 bytes or holds a zero byte".into());
    }
    if record.content.key().is_empty() {
        return Some("its number is empty".into());
    }
    let json = serde_json::to_string(record).unwrap_or_default();
    if RECORD_MAX < json.len() {
        return Some(format!("it has {} bytes, {RECORD_MAX} are the most", json.len()));
    }
    if json.contains("\\u0000") {
        return Some("a text holds a zero byte".into());
    }
    i64::try_from(record.version).is_err().then(|| "its version is out of range".into())
}

/// The latest version of a record, withdrawn or not. `kind` is a word of [`Content::kind`].
///
/// # Errors
/// What the database says.
pub fn record(tx: &mut Tx, kind: &str, key: &str) -> Result<Option<Record>, DatabaseError> {
    let sql = "SELECT body FROM record WHERE kind = ?1 AND name = ?2 ORDER BY version DESC LIMIT 1";
    tx.query_opt(sql, &[kind.into(), key.into()])?.map(|row| parse(row.blob(0)?)).transpose()
}

/// The latest `limit` versions of one kind, by key; `after` is the key of the last one seen. People sort by their number
/// as text. Who asks bounds the limit.
///
/// # Errors
/// What the database says.
pub fn records(tx: &mut Tx, kind: &str, after: Option<&str>, limit: usize) -> Result<Vec<Record>, DatabaseError> {
    let sql = "SELECT r.body FROM record r WHERE r.kind = ?1 AND r.name > ?2 AND NOT EXISTS \
               (SELECT 1 FROM record n WHERE n.kind = r.kind AND n.name = r.name AND n.version > r.version) \
               ORDER BY r.name LIMIT ?3";
    let values = [kind.into(), after.unwrap_or_default().into(), limit.into()];
    tx.query(sql, &values)?.iter().map(|row| parse(row.blob(0)?)).collect()
}

pub(crate) fn parse(body: &[u8]) -> Result<Record, DatabaseError> {
    serde_json::from_slice(body).map_err(|error| DatabaseError::Damaged { what: "a record", why: error.to_string() })
}

/// Brings a decided version into the tables. `cursor` is its place in the downlink.
pub(crate) fn apply(tx: &mut Tx, line: LineRef, cursor: u64, body: &[u8]) -> Result<Applied, DatabaseError> {
    let Ok(record) = serde_json::from_slice::<Record>(body) else { return Ok(Applied::Unreadable) };
    if flaw(&record).is_some() {
        return Ok(Applied::Unreadable);
    }
    let kind = record.content.kind();
    let key = record.content.key();
    let present = version(tx, kind, &key)?;
    let written = tx.execute(
        "INSERT INTO record (kind, name, version, cursor, withdrawn, since_us, body, line) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
        &[
            kind.into(),
            key.into(),
            record.version.into(),
            cursor.into(),
            record.withdrawn.into(),
            record.since.into(),
            body.into(),
            line_id(line).into(),
        ],
    )?;
    // A version that stands already, under whatever line, says nothing new.
    if written == 0 {
        return Ok(Applied::Nothing);
    }
    if let Content::Binding(binding) = &record.content {
        let twice = bindings::decided(tx, &record, &binding.code)?;
        return Ok(Applied::Binding { code: binding.code.clone(), twice });
    }
    if record.version < present {
        return Ok(Applied::Nothing);
    }
    put_typed(tx, &record)?;
    match &record.content {
        Content::Unit(unit) => Ok(Applied::Unit(unit_key(&unit.number))),
        Content::Relabelled(said) => bindings::relabelled(tx, &record, said).map(Applied::Codes),
        Content::Item(_)
        | Content::Binding(_)
        | Content::Place(_)
        | Content::Person(_)
        | Content::Pass(_)
        | Content::Task(_)
        | Content::Hold(_)
        | Content::Certificate(_)
        | Content::Series(_)
        | Content::Lease(_) => Ok(Applied::Nothing),
    }
}

/// The tables by kind; a row is replaced as a whole.
fn put_typed(tx: &mut Tx, record: &Record) -> Result<(), DatabaseError> {
    let gone = Value::from(record.withdrawn);
    match &record.content {
        Content::Item(item) => replace(
            tx,
            "item",
            "code, name_zh, name_en, gtin, tracking, withdrawn",
            vec![
                (&item.code).into(),
                (&item.name.zh).into(),
                (&item.name.en).into(),
                item.gtin.clone().into(),
                item.tracking.word().into(),
                gone,
            ],
        ),
        Content::Unit(unit) => {
            let columns = "unit, number, item, tracking, name_zh, name_en, home, amount, measure, withdrawn";
            replace(
                tx,
                "unit",
                columns,
                vec![
                    unit_key(&unit.number).into(),
                    (&unit.number).into(),
                    (&unit.item).into(),
                    unit.tracking.word().into(),
                    (&unit.name.zh).into(),
                    (&unit.name.en).into(),
                    unit.home.clone().into(),
                    unit.quantity.map(|quantity| quantity.amount).into(),
                    unit.quantity.map(|quantity| quantity.unit.code()).into(),
                    gone,
                ],
            )
        }
        Content::Place(place) => replace(
            tx,
            "place",
            "code, parent, kind, name_zh, name_en, withdrawn",
            vec![
                (&place.code).into(),
                place.parent.clone().into(),
                place.kind.word().into(),
                (&place.name.zh).into(),
                (&place.name.en).into(),
                gone,
            ],
        ),
        Content::Person(person) => {
            let columns = "number, name_zh, name_en, department_zh, department_en, badge, withdrawn";
            replace(
                tx,
                "person",
                columns,
                vec![
                    person.number.into(),
                    (&person.name.zh).into(),
                    (&person.name.en).into(),
                    (&person.department.zh).into(),
                    (&person.department.en).into(),
                    person.badge.clone().into(),
                    gone,
                ],
            )
        }
        Content::Pass(pass) => {
            let columns =
                "number, person_no, purpose_zh, purpose_en, from_us, until_us, due_us, approved_by, withdrawn";
            replace(
                tx,
                "pass",
                columns,
                vec![
                    (&pass.number).into(),
                    pass.person.into(),
                    (&pass.purpose.zh).into(),
                    (&pass.purpose.en).into(),
                    pass.from.into(),
                    pass.until.into(),
                    pass.due.into(),
                    pass.approved_by.into(),
                    gone,
                ],
            )?;
            replace_units(tx, "pass", &pass.number, &pass.units)
        }
        Content::Task(task) => {
            replace(
                tx,
                "task",
                "number, act, title_zh, title_en, document, withdrawn",
                vec![
                    (&task.number).into(),
                    task.act.word().into(),
                    (&task.title.zh).into(),
                    (&task.title.en).into(),
                    task.document.clone().into(),
                    gone,
                ],
            )?;
            replace_units(tx, "task", &task.number, &task.units)
        }
        Content::Hold(hold) => replace(
            tx,
            "hold",
            "number, unit, reason_zh, reason_en, withdrawn",
            vec![
                (&hold.number).into(),
                unit_key(&hold.unit).into(),
                (&hold.reason.zh).into(),
                (&hold.reason.en).into(),
                gone,
            ],
        ),
        Content::Certificate(certificate) => replace(
            tx,
            "certificate",
            "number, person_no, act, until_us, withdrawn",
            vec![
                (&certificate.number).into(),
                certificate.person.into(),
                certificate.act.word().into(),
                certificate.until.into(),
                gone,
            ],
        ),
        Content::Lease(lease) => put_lease(tx, lease, gone),
        // A series is read from its record; codes have tables of their own.
        Content::Binding(_) | Content::Series(_) | Content::Relabelled(_) => Ok(()),
    }
}

/// Writes a row over the one with the same first column.
fn replace(tx: &mut Tx, table: &str, columns: &str, values: Vec<Value>) -> Result<(), DatabaseError> {
    let names: Vec<&str> = columns.split(", ").collect();
    let marks: Vec<String> = (1..=names.len()).map(|number| format!("?{number}")).collect();
    let sets: Vec<String> = names.iter().skip(1).map(|name| format!("{name} = excluded.{name}")).collect();
    let sql = format!(
        "INSERT INTO {table} ({columns}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}",
        marks.join(", "),
        names.first().copied().unwrap_or_default(),
        sets.join(", ")
    );
    tx.execute(&sql, &values).map(drop)
}

/// A lease is given once. Withdrawn, its counters stay taken.
fn put_lease(tx: &mut Tx, lease: &Lease, withdrawn: Value) -> Result<(), DatabaseError> {
    tx.execute(
        "INSERT INTO lease (series, first_no, last_no, terminal_no, epoch, leased_by, withdrawn) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (series, first_no) DO UPDATE SET withdrawn = excluded.withdrawn",
        &[
            (&lease.series).into(),
            lease.first.into(),
            lease.last.into(),
            lease.terminal.into(),
            lease.epoch.into(),
            lease.by.into(),
            withdrawn,
        ],
    )
    .map(drop)
}

fn replace_units(tx: &mut Tx, owner: &str, number: &str, units: &[String]) -> Result<(), DatabaseError> {
    tx.execute(&format!("DELETE FROM {owner}_unit WHERE {owner} = ?1"), &[number.into()])?;
    let rows: Vec<Vec<Value>> = units.iter().map(|unit| vec![number.into(), unit_key(unit).into()]).collect();
    let sql =
        format!("INSERT INTO {owner}_unit ({owner}, unit) VALUES (?1, ?2) ON CONFLICT ({owner}, unit) DO NOTHING");
    tx.execute_many(&sql, &rows)
}

/// Series that were ever configured and are still read.
const SERIES_MAX: usize = 500;

/// The series of the house's numbers in force, by code.
///
/// # Errors
/// What the database says.
pub fn series(tx: &mut Tx) -> Result<Vec<Series>, DatabaseError> {
    let series = |record: Record| match record {
        Record { withdrawn: false, content: Content::Series(series), .. } => Some(series),
        _ => None,
    };
    Ok(records(tx, "series", None, SERIES_MAX)?.into_iter().filter_map(series).collect())
}

/// The item that a unit is of.
pub(crate) fn item(tx: &mut Tx, code: &str) -> Result<Option<Item>, DatabaseError> {
    Ok(match record(tx, "item", code)? {
        Some(Record { withdrawn: false, content: Content::Item(item), .. }) => Some(item),
        Some(_) | None => None,
    })
}
