//! `GET units`, `units/{number or code}`, `custody`, `balances`.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::quantity::Moment;
use crate::server::Server;
use crate::server::api::{Asked, Page, Paging, lines, records};
use crate::server::catalog::store;
use crate::server::kernel::labels;
use crate::server::kernel::queries::{self, Balance, Happened, Held, UnitView};
use crate::server::problem::Problem;
use crate::sync::records::Record;

/// Which units, and the page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Units {
    after: Option<String>,
    limit: Option<usize>,
    /// `1`: those of which no label was ever printed.
    unlabelled: Option<u8>,
}

/// Every registered unit by number.
pub async fn list(state: State<Server>, Asked(asked): Asked<Units>) -> Result<Json<Page<Record>>, Problem> {
    let Units { after, limit, unlabelled } = asked;
    let paging = Paging { after, limit };
    if unlabelled.is_none_or(|flag| flag == 0) {
        return records::records(state, Asked(paging), "unit").await;
    }
    let limit = paging.limit()?;
    let found = state.database.read(move |tx| {
        let page = labels::unlabelled(tx, paging.after(), limit)?;
        let mut records = Vec::with_capacity(page.rows.len());
        for unit in &page.rows {
            records.extend(store::record(tx, "unit", &unit.number)?);
        }
        Ok::<_, Problem>(Page { items: records, next: page.next })
    });
    Ok(Json(found.await?))
}

/// One unit by its number or by any code that stands for it, with a page of its history, newest first.
pub async fn one(
    State(server): State<Server>,
    Path(number): Path<String>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Value>, Problem> {
    let limit = paging.limit()?;
    let (unit, history) = server
        .database
        .read(move |tx| {
            let found = queries::unit(tx, &number, Moment::now())?;
            let unit = found.ok_or_else(|| Problem::missing("unit", &number))?;
            let history = queries::history(tx, &unit.key, paging.after.as_deref(), limit)?;
            Ok::<_, Problem>((unit, history))
        })
        .await?;
    let items: Vec<Value> = history.rows.iter().map(happened).collect();
    let mut answer = view(&unit);
    if let Value::Object(members) = &mut answer {
        members.insert("history".into(), json!({ "items": items, "next": history.next }));
    }
    Ok(Json(answer))
}

fn view(unit: &UnitView) -> Value {
    let codes: Vec<Value> = unit
        .codes
        .iter()
        .map(|bound| {
            json!({
                "code": bound.code,
                "since_us": bound.since,
                "until_us": bound.until,
                "in_force_us": bound.in_force,
                "clashed": bound.clashed,
                "replaced": bound.replaced,
                "line": lines::name_of(bound.line),
                "person": bound.person,
            })
        })
        .collect();
    json!({
        "key": unit.key,
        "unit": unit.record,
        "item": unit.item,
        "place": unit.place,
        "holder": unit.holder,
        "checked_out": unit.checked_out,
        "seen": unit.seen.as_ref().map(|(place, at)| json!({ "read_point": place, "at_us": at })),
        "balances": unit.balances.iter().map(balance).collect::<Vec<_>>(),
        "codes": codes,
        "holds": unit.holds,
        "open_exceptions": unit.open_exceptions,
    })
}

fn happened(happened: &Happened) -> Value {
    let moves: Vec<Value> = happened
        .moves
        .iter()
        .map(|moved| json!({ "from": moved.from, "to": moved.to, "quantity": moved.quantity }))
        .collect();
    json!({
        "at_us": happened.at,
        "line": lines::name_of(happened.line),
        "piece": happened.piece,
        "code": happened.code,
        "act": happened.act,
        "label": happened.label.as_ref().map(|label| {
            json!({ "template": label.template, "why": label.why.word(), "nth": label.nth })
        }),
        "moves": moves,
        "person": happened.person,
        "station": happened.station,
        "read_point": happened.read_point,
        "document": happened.document,
        "exceptions": happened.exceptions,
        "corrected_by": happened.corrected_by.map(lines::name_of),
    })
}

fn balance(balance: &Balance) -> Value {
    json!({
        "unit": balance.unit,
        "number": balance.number,
        "place": balance.place,
        "quantity": balance.quantity,
    })
}

fn held(held: &Held) -> Value {
    json!({
        "unit": held.unit,
        "number": held.number,
        "person": held.person,
        "since_us": held.since,
        "document": held.document,
    })
}

/// Whose hands, and the page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hands {
    after: Option<String>,
    limit: Option<usize>,
    person: Option<u32>,
}

/// Serialised units in somebody's hands.
pub async fn custody(State(server): State<Server>, Asked(hands): Asked<Hands>) -> Result<Json<Page<Value>>, Problem> {
    let limit = Paging { after: None, limit: hands.limit }.limit()?;
    let found = server
        .database
        .read(move |tx| Ok::<_, Problem>(queries::custody(tx, hands.person, hands.after.as_deref(), limit)?))
        .await?;
    Ok(Json(Page { items: found.rows.iter().map(held).collect(), next: found.next }))
}

/// Which place, and the page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Where {
    after: Option<String>,
    limit: Option<usize>,
    place: Option<String>,
}

/// What is where.
pub async fn balances(State(server): State<Server>, Asked(asked): Asked<Where>) -> Result<Json<Page<Value>>, Problem> {
    let limit = Paging { after: None, limit: asked.limit }.limit()?;
    let found = server
        .database
        .read(move |tx| Ok::<_, Problem>(queries::balances(tx, asked.place.as_deref(), asked.after.as_deref(), limit)?))
        .await?;
    Ok(Json(Page { items: found.rows.iter().map(balance).collect(), next: found.next }))
}
