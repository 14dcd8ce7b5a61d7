//! `GET /api/v1/movements`: every line of the central book in the order of arrival.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::event::{Act, Body, LineRef};
use crate::hex::Hex;
use crate::quantity::Moment;
use crate::server::Server;
use crate::server::api::{Asked, Page, Paging, page};
use crate::server::database::{DatabaseError, Row, Tx, Value};
use crate::server::kernel::queries;
use crate::server::lines;
use crate::server::problem::Problem;
use crate::server::stored::{Stored, line_id};

/// What to show.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    pub after: Option<String>,
    pub limit: Option<usize>,
    /// Only lines after this position: for a program that follows the book.
    pub since: Option<u64>,
    /// A number or code of a unit.
    pub unit: Option<String>,
    pub terminal: Option<u32>,
    /// `movement`, `attempt`, `passage`, `correction`, `decision`, `system`, `registration`, `relabelling`
    pub kind: Option<String>,
}

/// One line as programs see it.
#[derive(Clone, Debug, Serialize)]
pub struct LineView {
    /// Arrival, from 1.
    pub position: u64,
    pub terminal: u32,
    pub epoch: Hex<16>,
    pub seq: u64,
    pub hash: Hex<32>,
    pub kind: &'static str,
    /// What the terminal's clock said, and the offset of its zone.
    pub at_us: Moment,
    pub zone_min: i16,
    /// When it happened by the server's clock, and when it came.
    pub corrected_us: Moment,
    pub received_us: Moment,
    /// Numbers of the units that it names; the code itself where no unit is known.
    pub units: Vec<String>,
    /// Words of the rules that it breaks.
    pub exceptions: Vec<String>,
    /// What it says; absent when this version cannot read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

/// The kind of most lines.
const MOVEMENT: u8 = 1;

/// A line with what the kernel made of it.
#[derive(Clone, Debug)]
pub struct Told {
    pub stored: Stored,
    pub body: Result<Body, String>,
    pub units: Vec<String>,
    pub exceptions: Vec<String>,
    pub corrected: bool,
}

impl Told {
    pub fn view(&self) -> LineView {
        let line = &self.stored.line;
        LineView {
            position: self.stored.position,
            terminal: self.stored.book.terminal,
            epoch: self.stored.book.epoch,
            seq: line.seq,
            hash: line.hash,
            kind: Body::kind_word(line.kind),
            at_us: line.at,
            zone_min: line.zone_min,
            corrected_us: self.stored.corrected,
            received_us: self.stored.received,
            units: self.units.clone(),
            exceptions: self.exceptions.clone(),
            body: self.body.as_ref().ok().map(Body::to_json),
            unreadable: self.body.as_ref().err().cloned(),
        }
    }
}

/// Lines from the oldest, in the order of arrival, after `since`.
pub async fn list(State(server): State<Server>, Asked(filter): Asked<Filter>) -> Result<Json<Page<LineView>>, Problem> {
    let paging = Paging { after: filter.after.clone(), limit: filter.limit };
    let limit = paging.limit()?;
    let number = |text: &String| {
        text.parse::<u64>().map_err(|_| Problem::unreadable(format!("after is `{text}`; pass the `next` of a page")))
    };
    let after = filter.after.as_ref().map(number).transpose()?;
    let since = after.or(filter.since).unwrap_or(0);
    let told = server
        .database
        .read(move |tx| {
            let select = Select::of(tx, &filter)?;
            Ok::<_, Problem>(told(tx, &select, Order::OldestAfter(since), limit + 1)?)
        })
        .await?;
    let views = told.iter().map(Told::view).collect();
    Ok(Json(page(views, limit, |view: &LineView| view.position.to_string())))
}

/// In which direction the book is read.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    OldestAfter(u64),
    NewestBefore(u64),
}

/// A filter whose words are understood.
#[derive(Clone, Debug, Default)]
pub struct Select {
    pub unit: Option<String>,
    pub terminal: Option<u32>,
    pub kind: Option<u8>,
}

impl Select {
    /// # Errors
    /// An unknown kind, or a unit that no one knows.
    pub fn of(tx: &mut Tx, filter: &Filter) -> Result<Select, Problem> {
        let kind = match &filter.kind {
            None => None,
            Some(word) => Some(kind(word).ok_or_else(|| {
                Problem::unreadable(format!("kind is `{word}`")).help(
                    "Write movement, attempt, passage, correction, decision, system, registration or relabelling.",
                )
            })?),
        };
        let unit = match &filter.unit {
            None => None,
            Some(code) => {
                let found = queries::unit(tx, code, Moment::now())?;
                Some(found.ok_or_else(|| Problem::missing("unit", code))?.key)
            }
        };
        Ok(Select { unit, terminal: filter.terminal, kind })
    }
}

/// The number of a kind by its word.
pub fn kind(word: &str) -> Option<u8> {
    (1..=8).find(|&kind| Body::kind_word(kind) == word)
}

/// Lines with their units and exceptions.
///
/// # Errors
/// What the store says.
pub fn told(tx: &mut Tx, select: &Select, order: Order, limit: usize) -> Result<Vec<Told>, DatabaseError> {
    let mut sql = format!("SELECT {} FROM line WHERE ", lines::COLUMNS);
    let mut values: Vec<Value> = Vec::new();
    let name = |value: Value, values: &mut Vec<Value>| {
        values.push(value);
        format!("?{}", values.len())
    };
    match order {
        Order::OldestAfter(position) => sql += &format!("position > {}", name(position.into(), &mut values)),
        Order::NewestBefore(position) => sql += &format!("position < {}", name(position.into(), &mut values)),
    }
    if let Some(terminal) = select.terminal {
        let mut first = terminal.to_be_bytes().to_vec();
        let mut last = first.clone();
        first.resize(28, 0);
        last.resize(28, 0xff);
        sql += &format!(" AND id >= {}", name(first.into(), &mut values));
        sql += &format!(" AND id <= {}", name(last.into(), &mut values));
    }
    if let Some(kind) = select.kind {
        sql += &format!(" AND kind = {}", name(i64::from(kind).into(), &mut values));
        // Said aloud, or SQLite does not see that the index over the few kinds will do.
        if kind != MOVEMENT {
            sql += " AND kind <> 1";
        }
    }
    if let Some(unit) = &select.unit {
        sql += &format!(" AND id IN (SELECT line FROM touch WHERE unit = {})", name(unit.into(), &mut values));
    }
    sql += match order {
        Order::OldestAfter(_) => " ORDER BY position ",
        Order::NewestBefore(_) => " ORDER BY position DESC ",
    };
    sql += &format!("LIMIT {}", name(limit.into(), &mut values));
    let lines = tx.query(&sql, &values)?.iter().map(lines::read).collect::<Result<Vec<_>, _>>()?;
    let ids: Vec<Value> = lines.iter().map(|line| line_id(line.reference()).into()).collect();
    let mut units = grouped(tx.query_many(
        "SELECT t.line, coalesce(u.number, t.code) FROM touch t LEFT JOIN unit u ON u.unit = t.unit WHERE t.line = ?1",
        &ids,
    )?)?;
    let mut exceptions = grouped(tx.query_many("SELECT line, reason FROM exception WHERE line = ?1", &ids)?)?;
    let mut corrected = HashMap::new();
    for row in tx.query_many("SELECT line FROM correction WHERE line = ?1", &ids)? {
        corrected.insert(row.blob(0)?.to_vec(), ());
    }
    Ok(lines
        .into_iter()
        .map(|stored| {
            let id = line_id(stored.reference());
            let line = &stored.line;
            let body = Body::decode(line.kind, line.schema, &line.body.0).map_err(|error| error.to_string());
            Told {
                body,
                units: units.remove(&id).unwrap_or_default(),
                exceptions: exceptions.remove(&id).unwrap_or_default(),
                corrected: corrected.contains_key(&id),
                stored,
            }
        })
        .collect())
}

/// The second column by the first; each word once.
fn grouped(rows: Vec<Row>) -> Result<HashMap<Vec<u8>, Vec<String>>, DatabaseError> {
    let mut groups: HashMap<Vec<u8>, Vec<String>> = HashMap::new();
    for row in rows {
        let group = groups.entry(row.blob(0)?.to_vec()).or_default();
        let text = row.text(1)?.to_owned();
        if !group.contains(&text) {
            group.push(text);
        }
    }
    Ok(groups)
}

/// A line in an address: `terminal.epoch.seq`.
pub fn name_of(line: LineRef) -> String {
    format!("{}.{}.{}", line.terminal, line.epoch, line.seq)
}

/// Reads [`name_of`] back.
pub fn parse_name(text: &str) -> Option<LineRef> {
    let mut parts = text.split('.');
    let (terminal, epoch, seq) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    Some(LineRef { terminal: terminal.parse().ok()?, epoch: Hex::parse(epoch)?, seq: seq.parse().ok()? })
}

/// The act of a body, where it is one.
pub fn act(body: &Body) -> Option<Act> {
    match body {
        Body::Movement(movement) => Some(movement.act),
        Body::Attempt(attempt) => Some(attempt.act),
        Body::Registration(_) => Some(Act::Register),
        Body::Relabelling(_) => Some(Act::Relabel),
        Body::Passage(_) | Body::Correction(_) | Body::Decision(_) | Body::System(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_named_and_found_again() {
        let line = LineRef { terminal: 7, epoch: Hex([0xab; 16]), seq: 42 };
        assert_eq!(parse_name(&name_of(line)), Some(line));
        for wrong in ["", "7", "7.ab.42", "7..42", "x.abababababababababababababababab.1", "1.2.3.4"] {
            assert_eq!(parse_name(wrong), None, "{wrong}");
        }
    }
}
