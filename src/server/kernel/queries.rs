//! What pages and the REST interface ask: where is it, who has it, what happened, what needs an eye.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Body, LineRef};
use crate::hex;
use crate::identity::Identifier;
use crate::quantity::{Moment, Quantity, Unit as Measure};
use crate::server::catalog;
use crate::server::database::{DatabaseError, Row, Tx, Value};
use crate::server::kernel::fold::{self, Location};
use crate::server::kernel::labels::{self, Printed};
use crate::server::kernel::store::{self, Bindings};
use crate::server::stored::{line_id, line_ref};
use crate::sync::records::{Content, Item, Record, Unit};

/// Rows in one answer at most.
pub const PAGE_MAX: usize = 200;

/// One page of a list, newest or smallest first.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// Pass it as `after` for the page that follows; `None` on the last.
    pub next: Option<String>,
}

/// A unit as a person looks it up.
#[derive(Clone, Debug)]
pub struct UnitView {
    /// Its name in the kernel: the canonical text of its number or, for an unknown one, of its code.
    pub key: String,
    /// What the catalog says; `None` for a code that no one registered.
    pub record: Option<Unit>,
    pub item: Option<Item>,
    /// Place code, `person:7` or a virtual place; `None` for a lot and for what was never seen.
    pub place: Option<String>,
    /// The person who has it.
    pub holder: Option<u32>,
    /// The person has it by a check-out, and was not only seen leaving with it.
    pub checked_out: bool,
    /// Read point of the last line that named it, and when.
    pub seen: Option<(String, Moment)>,
    pub balances: Vec<Balance>,
    /// Codes that stand or stood for it.
    pub codes: Vec<Bound>,
    /// Numbers of holds in force.
    pub holds: Vec<String>,
    pub open_exceptions: u64,
}

/// A claim of a unit on a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    pub code: String,
    pub since: Moment,
    pub until: Option<Moment>,
    /// From when it was in force; `None` while, or because, another unit held the code.
    pub in_force: Option<Moment>,
    /// Another unit held the code when this claim was made.
    pub clashed: bool,
    /// Another code took its place on the unit.
    pub replaced: bool,
    /// The line that made the claim, and who did.
    pub line: LineRef,
    pub person: Option<u32>,
}

/// An amount of a unit at a place (virtual ones too, negative where it came from outside).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    pub unit: String,
    /// The house's number, where the unit is registered.
    pub number: Option<String>,
    pub place: String,
    pub quantity: Quantity,
}

/// One piece of one line: what happened to one unit.
#[derive(Clone, Debug)]
pub struct Happened {
    /// Corrected time.
    pub at: Moment,
    pub line: LineRef,
    pub piece: u32,
    pub unit: String,
    pub number: Option<String>,
    pub code: String,
    /// The word of an act, `attempt`, `in`, `out`, `unknown` or `label`.
    pub act: String,
    /// The label that was printed.
    pub label: Option<Printed>,
    pub moves: Vec<Moved>,
    pub person: Option<u32>,
    pub station: String,
    pub read_point: String,
    pub document: Option<String>,
    pub exceptions: Vec<String>,
    /// The line that took this one back.
    pub corrected_by: Option<LineRef>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    pub from: String,
    pub to: String,
    pub quantity: Quantity,
}

/// An exception: what a person settles with `Ruling::Settle { line, reason, code, .. }`.
#[derive(Clone, Debug)]
pub struct ExceptionRow {
    pub line: LineRef,
    pub reason: String,
    /// Empty when it is about the line as a whole.
    pub code: String,
    pub unit: Option<String>,
    pub number: Option<String>,
    pub at: Moment,
    pub settled: Option<Settled>,
}

#[derive(Clone, Debug)]
pub struct Settled {
    pub at: Moment,
    pub person: Option<u32>,
    pub note: String,
}

/// A serialised unit in somebody's hands.
#[derive(Clone, Debug)]
pub struct Held {
    pub unit: String,
    pub number: Option<String>,
    pub person: u32,
    pub since: Moment,
    pub document: Option<String>,
}

/// Which exceptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Open,
    All,
}

/// The unit that a code or number stands for at `at`: a canonical text, or a house number as a person types it. `None`
/// when nobody registered it and no line ever named it.
///
/// # Errors
/// What the database says.
pub fn unit(tx: &mut Tx, code: &str, at: Moment) -> Result<Option<UnitView>, DatabaseError> {
    let series: Vec<_> = catalog::store::series(tx)?.into_iter().map(|series| series.numbers).collect();
    let identifier = Identifier::parse(code).unwrap_or_else(|| Identifier::own(code));
    let code = identifier.in_house(&series).to_string();
    let bindings = Bindings::load(tx, &BTreeSet::from([code.clone()]))?;
    let key = match bindings.unit(&code, at) {
        key if key == code => last_holder(tx, &code)?.unwrap_or(key),
        key => key,
    };
    let name = [Value::from(&key)];
    let number = tx.query_opt("SELECT number FROM unit WHERE unit = ?1", &name)?;
    let record = match number {
        Some(row) => match catalog::store::record(tx, "unit", row.text(0)?)? {
            Some(Record { withdrawn: false, content: Content::Unit(unit), .. }) => Some(unit),
            Some(_) | None => None,
        },
        None => None,
    };
    let work = store::load(tx, &BTreeSet::from([key.clone()]))?.remove(&key);
    let state = work.map(|work| work.state).unwrap_or_default();
    if record.is_none()
        && state.last.is_none()
        && tx.query_opt("SELECT 1 FROM touch WHERE unit = ?1 LIMIT 1", &name)?.is_none()
    {
        return Ok(None);
    }
    let item = match &record {
        Some(unit) => catalog::store::item(tx, &unit.item)?,
        None => None,
    };
    let mut balances = Vec::new();
    for ((place, measure), amount) in &state.balances {
        let (unit, number) = (key.clone(), record.as_ref().map(|unit| unit.number.clone()));
        balances.push(Balance { unit, number, place: place.clone(), quantity: quantity(*amount, *measure)? });
    }
    let codes = codes(tx, &key)?;
    let mut holds = Vec::new();
    for row in tx.query("SELECT number FROM hold WHERE unit = ?1 AND withdrawn = 0 ORDER BY number", &name)? {
        holds.push(row.text(0)?.to_owned());
    }
    let open = "SELECT count(*) FROM exception e WHERE e.unit = ?1 AND NOT EXISTS \
                (SELECT 1 FROM settlement s WHERE s.line = e.line AND s.reason = e.reason AND s.code = e.code)";
    let open_exceptions = tx.query_opt(open, &name)?.map(|row| row.count(0)).transpose()?.unwrap_or(0);
    let (holder, checked_out) = match state.location {
        Location::With { person, checked_out } => (Some(person), checked_out),
        Location::Nowhere | Location::At(_) => (None, false),
    };
    Ok(Some(UnitView {
        place: state.location.place(),
        holder,
        checked_out,
        seen: state.last.map(|last| (state.seen, last.at)),
        key,
        record,
        item,
        balances,
        codes,
        holds,
        open_exceptions,
    }))
}

/// The unit that a code stood for last, when it is nothing by itself: an old label still leads to its file.
fn last_holder(tx: &mut Tx, code: &str) -> Result<Option<String>, DatabaseError> {
    let itself = "SELECT 1 FROM touch WHERE unit = ?1 UNION ALL SELECT 1 FROM unit WHERE unit = ?1 LIMIT 1";
    if tx.query_opt(itself, &[code.into()])?.is_some() {
        return Ok(None);
    }
    let sql = "SELECT unit FROM claim WHERE code = ?1 ORDER BY since_us DESC, line DESC LIMIT 1";
    tx.query_opt(sql, &[code.into()])?.map(|row| Ok(row.text(0)?.to_owned())).transpose()
}

/// Every claim of a unit, the oldest first.
fn codes(tx: &mut Tx, unit: &str) -> Result<Vec<Bound>, DatabaseError> {
    let sql = "SELECT c.code, c.since_us, c.until_us, c.in_force_us, c.clashed, c.replaced, c.line, l.kind, l.schema_no, \
               l.body FROM claim c JOIN line l ON l.id = c.line WHERE c.unit = ?1 ORDER BY c.since_us, c.code, c.line";
    let read = |row: &Row| {
        let (kind, schema) = (u8::try_from(row.int(7)?), u16::try_from(row.int(8)?));
        let body = match (kind, schema) {
            (Ok(kind), Ok(schema)) => Body::decode(kind, schema, row.blob(9)?).ok(),
            _ => None,
        };
        let person = match body {
            Some(Body::Decision(decision)) => decision.person,
            Some(body) => fold::pieces(&body).and_then(|(_, handling)| handling.person),
            None => None,
        };
        Ok(Bound {
            code: row.text(0)?.to_owned(),
            since: row.moment(1)?,
            until: row.opt_moment(2)?,
            in_force: row.opt_moment(3)?,
            clashed: row.flag(4)?,
            replaced: row.flag(5)?,
            line: line_ref(row.blob(6)?)?,
            person,
        })
    };
    tx.query(sql, &[unit.into()])?.iter().map(read).collect()
}

fn quantity(amount: i64, measure: i64) -> Result<Quantity, DatabaseError> {
    let unit = Measure::from_code(measure)
        .ok_or_else(|| DatabaseError::Damaged { what: "an amount", why: format!("there is no measure {measure}") })?;
    Ok(Quantity { amount, unit })
}

const HAPPENED: &str = "SELECT t.corrected_us, t.line, t.piece, t.unit, u.number, t.code, t.act, t.person_no, t.station, \
                        t.read_point, t.document, c.by_line FROM touch t LEFT JOIN unit u ON u.unit = t.unit \
                        LEFT JOIN correction c ON c.line = t.line";

/// What happened to a unit, newest first. `unit` is [`UnitView::key`].
///
/// # Errors
/// What the database says.
pub fn history(tx: &mut Tx, unit: &str, after: Option<&str>, limit: usize) -> Result<Page<Happened>, DatabaseError> {
    let (at, line, piece) = newest_first(after);
    let sql = format!(
        "{HAPPENED} WHERE t.unit = ?5 AND (t.corrected_us, t.line, t.piece) < (?1, ?2, ?3) \
         ORDER BY t.corrected_us DESC, t.line DESC, t.piece DESC LIMIT ?4"
    );
    let limit = limit.clamp(1, PAGE_MAX);
    let rows = tx.query(&sql, &[at, line, piece, (limit + 1).into(), unit.into()])?;
    happened(tx, rows, limit)
}

/// What happened in the whole house, newest first.
///
/// # Errors
/// What the database says.
pub fn recent(tx: &mut Tx, after: Option<&str>, limit: usize) -> Result<Page<Happened>, DatabaseError> {
    let (at, line, piece) = newest_first(after);
    let sql = format!(
        "{HAPPENED} WHERE (t.corrected_us, t.line, t.piece) < (?1, ?2, ?3) \
         ORDER BY t.corrected_us DESC, t.line DESC, t.piece DESC LIMIT ?4"
    );
    let limit = limit.clamp(1, PAGE_MAX);
    let rows = tx.query(&sql, &[at, line, piece, (limit + 1).into()])?;
    happened(tx, rows, limit)
}

/// The key that a page goes on from: time, line, piece. What is no key begins at the newest.
fn newest_first(after: Option<&str>) -> (Value, Value, Value) {
    let key = |after: &str| {
        let mut parts = after.split('.');
        let at: i64 = parts.next()?.parse().ok()?;
        let line = hex::decode(parts.next()?)?;
        let piece: i64 = parts.next()?.parse().ok()?;
        Some((at.into(), line.into(), piece.into()))
    };
    // 29 bytes: above every line id.
    after.and_then(key).unwrap_or_else(|| (i64::MAX.into(), vec![255; 29].into(), i64::MAX.into()))
}

fn happened(tx: &mut Tx, mut rows: Vec<Row>, limit: usize) -> Result<Page<Happened>, DatabaseError> {
    let more = limit < rows.len();
    rows.truncate(limit);
    let lines: BTreeSet<Value> = rows.iter().filter_map(|row| row.values().get(1).cloned()).collect();
    let lines: Vec<Value> = lines.into_iter().collect();
    let mut moves: BTreeMap<(LineRef, u32), Vec<(i64, Moved)>> = BTreeMap::new();
    let sql = "SELECT line, piece, leg, from_place, to_place, amount, measure FROM move WHERE line = ?1";
    for row in tx.query_many(sql, &lines)? {
        let moved = Moved {
            from: row.text(3)?.to_owned(),
            to: row.text(4)?.to_owned(),
            quantity: quantity(row.int(5)?, row.int(6)?)?,
        };
        moves.entry((line_ref(row.blob(0)?)?, row.number(1)?)).or_default().push((row.int(2)?, moved));
    }
    let mut raised: BTreeMap<LineRef, Vec<(String, String)>> = BTreeMap::new();
    for row in tx.query_many("SELECT line, code, reason FROM exception WHERE line = ?1", &lines)? {
        let about = (row.text(1)?.to_owned(), row.text(2)?.to_owned());
        raised.entry(line_ref(row.blob(0)?)?).or_default().push(about);
    }
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let line = line_ref(row.blob(1)?)?;
        let piece = row.number(2)?;
        let code = row.text(5)?.to_owned();
        let mut legs = moves.remove(&(line, piece)).unwrap_or_default();
        legs.sort_by_key(|(leg, _)| *leg);
        let about = raised.get(&line).map(Vec::as_slice).unwrap_or_default();
        let mut exceptions: Vec<String> =
            about.iter().filter(|(of, _)| of.is_empty() || *of == code).map(|(_, reason)| reason.clone()).collect();
        exceptions.sort();
        exceptions.dedup();
        let corrected_by = match row.values().get(11) {
            Some(Value::Blob(by)) => Some(line_ref(by)?),
            _ => None,
        };
        let label = if row.text(6)? == labels::ACT { labels::printed(tx, line, &code)? } else { None };
        found.push(Happened {
            at: row.moment(0)?,
            line,
            piece,
            unit: row.text(3)?.to_owned(),
            number: row.opt_text(4)?.map(str::to_owned),
            code,
            act: row.text(6)?.to_owned(),
            label,
            moves: legs.into_iter().map(|(_, moved)| moved).collect(),
            person: row.opt_number(7)?,
            station: row.text(8)?.to_owned(),
            read_point: row.text(9)?.to_owned(),
            document: row.opt_text(10)?.map(str::to_owned),
            exceptions,
            corrected_by,
        });
    }
    let next = match found.last() {
        Some(last) if more => Some(format!("{}.{}.{}", last.at.0, hex::encode(&line_id(last.line)), last.piece)),
        _ => None,
    };
    Ok(Page { rows: found, next })
}

/// Exceptions, newest first.
///
/// # Errors
/// What the database says.
pub fn exceptions(
    tx: &mut Tx,
    which: Which,
    after: Option<&str>,
    limit: usize,
) -> Result<Page<ExceptionRow>, DatabaseError> {
    let open = match which {
        Which::Open => "AND s.line IS NULL",
        Which::All => "",
    };
    let sql = format!(
        "SELECT e.corrected_us, e.line, e.reason, e.code, e.unit, u.number, s.settled_us, s.person_no, s.note \
         FROM exception e LEFT JOIN unit u ON u.unit = e.unit \
         LEFT JOIN settlement s ON s.line = e.line AND s.reason = e.reason AND s.code = e.code \
         WHERE (e.corrected_us, e.line, e.reason, e.code) < (?1, ?2, ?3, ?4) {open} \
         ORDER BY e.corrected_us DESC, e.line DESC, e.reason DESC, e.code DESC LIMIT ?5"
    );
    let key = |after: &str| {
        let mut parts = after.splitn(4, '.');
        let at: i64 = parts.next()?.parse().ok()?;
        let line = hex::decode(parts.next()?)?;
        Some([at.into(), line.into(), Value::from(parts.next()?), Value::from(parts.next()?)])
    };
    let start = || [i64::MAX.into(), vec![255; 29].into(), "".into(), "".into()];
    let limit = limit.clamp(1, PAGE_MAX);
    let mut values = Vec::from(after.and_then(key).unwrap_or_else(start));
    values.push((limit + 1).into());
    let mut rows = Vec::new();
    for row in tx.query(&sql, &values)? {
        let settled = match row.opt_moment(6)? {
            Some(at) => Some(Settled { at, person: row.opt_number(7)?, note: row.text(8)?.to_owned() }),
            None => None,
        };
        rows.push(ExceptionRow {
            at: row.moment(0)?,
            line: line_ref(row.blob(1)?)?,
            reason: row.text(2)?.to_owned(),
            code: row.text(3)?.to_owned(),
            unit: Some(row.text(4)?.to_owned()).filter(|unit| !unit.is_empty()),
            number: row.opt_text(5)?.map(str::to_owned),
            settled,
        });
    }
    Ok(page(rows, limit, |last| {
        format!("{}.{}.{}.{}", last.at.0, hex::encode(&line_id(last.line)), last.reason, last.code)
    }))
}

/// How many exceptions wait for a person.
///
/// # Errors
/// What the database says.
pub fn open_exceptions(tx: &mut Tx) -> Result<u64, DatabaseError> {
    let sql = "SELECT count(*) FROM exception e WHERE NOT EXISTS \
               (SELECT 1 FROM settlement s WHERE s.line = e.line AND s.reason = e.reason AND s.code = e.code)";
    tx.query_opt(sql, &[])?.map_or(Ok(0), |row| row.count(0))
}

/// Amounts by place, unit and measure; of one place when `place` says which.
///
/// # Errors
/// What the database says.
pub fn balances(
    tx: &mut Tx,
    place: Option<&str>,
    after: Option<&str>,
    limit: usize,
) -> Result<Page<Balance>, DatabaseError> {
    let only = if place.is_some() { "AND b.place = ?5" } else { "" };
    let sql = format!(
        "SELECT b.unit, u.number, b.place, b.amount, b.measure FROM balance b LEFT JOIN unit u ON u.unit = b.unit \
         WHERE (b.place, b.unit, b.measure) > (?1, ?2, ?3) {only} ORDER BY b.place, b.unit, b.measure LIMIT ?4"
    );
    let key = |after: &str| {
        let mut parts = after.split('\n');
        let place = Value::from(parts.next()?);
        Some([place, Value::from(parts.next()?), Value::Int(parts.next()?.parse().ok()?)])
    };
    let limit = limit.clamp(1, PAGE_MAX);
    let start = || ["".into(), "".into(), Value::Int(-1)];
    let mut values = Vec::from(after.and_then(key).unwrap_or_else(start));
    values.push((limit + 1).into());
    values.extend(place.map(Value::from));
    let mut rows = Vec::new();
    for row in tx.query(&sql, &values)? {
        rows.push(Balance {
            unit: row.text(0)?.to_owned(),
            number: row.opt_text(1)?.map(str::to_owned),
            place: row.text(2)?.to_owned(),
            quantity: quantity(row.int(3)?, row.int(4)?)?,
        });
    }
    Ok(page(rows, limit, |last| format!("{}\n{}\n{}", last.place, last.unit, last.quantity.unit.code())))
}

/// Serialised units in hands, by person and unit; of one person when `person` says which.
///
/// # Errors
/// What the database says.
pub fn custody(
    tx: &mut Tx,
    person: Option<u32>,
    after: Option<&str>,
    limit: usize,
) -> Result<Page<Held>, DatabaseError> {
    let only = if person.is_some() { "AND c.person_no = ?4" } else { "" };
    let sql = format!(
        "SELECT c.unit, u.number, c.person_no, c.since_us, c.document FROM custody c LEFT JOIN unit u ON u.unit = c.unit \
         WHERE c.until_line IS NULL AND (c.person_no, c.unit) > (?1, ?2) {only} ORDER BY c.person_no, c.unit LIMIT ?3"
    );
    let key = |after: &str| {
        let (person, unit) = after.split_once('\n')?;
        Some([Value::Int(person.parse().ok()?), Value::from(unit)])
    };
    let limit = limit.clamp(1, PAGE_MAX);
    let mut values = Vec::from(after.and_then(key).unwrap_or_else(|| [Value::Int(-1), "".into()]));
    values.push((limit + 1).into());
    values.extend(person.map(Value::from));
    let mut rows = Vec::new();
    for row in tx.query(&sql, &values)? {
        rows.push(Held {
            unit: row.text(0)?.to_owned(),
            number: row.opt_text(1)?.map(str::to_owned),
            person: row.number(2)?,
            since: row.moment(3)?,
            document: row.opt_text(4)?.map(str::to_owned),
        });
    }
    Ok(page(rows, limit, |last| format!("{}\n{}", last.person, last.unit)))
}

/// Cuts the row that was asked for beyond the page and names the last one kept.
fn page<T>(mut rows: Vec<T>, limit: usize, key: impl Fn(&T) -> String) -> Page<T> {
    let more = limit < rows.len();
    rows.truncate(limit);
    let next = if more { rows.last().map(key) } else { None };
    Page { rows, next }
}
