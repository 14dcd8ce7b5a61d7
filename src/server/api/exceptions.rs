//! `GET /api/v1/exceptions` and `POST /api/v1/exceptions/{id}/settle`.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::event::{LineRef, Ruling};
use crate::hex::{self, Hex};
use crate::quantity::Moment;
use crate::server::Server;
use crate::server::access::Visitor;
use crate::server::api::records::{command_id, decided};
use crate::server::api::{Asked, Page, Paging, Sent, lines};
use crate::server::book;
use crate::server::kernel::queries::{self, ExceptionRow, Which};
use crate::server::problem::Problem;

/// Longest note of a settlement, in characters.
pub const NOTE_MAX: usize = 1_000;

/// Which exceptions, and the page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    after: Option<String>,
    limit: Option<usize>,
    /// `true` for the settled ones too.
    #[serde(default)]
    all: bool,
}

/// `{"note": "..."}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    pub note: String,
}

/// What names one exception: the line, the reason and the code. Its address is `terminal.epoch.seq.reason.code`, the code
/// in hex because it may hold slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub line: LineRef,
    pub reason: String,
    pub code: String,
}

impl Named {
    pub fn of(row: &ExceptionRow) -> Named {
        Named { line: row.line, reason: row.reason.clone(), code: row.code.clone() }
    }

    pub fn id(&self) -> String {
        format!("{}.{}.{}", lines::name_of(self.line), self.reason, hex::encode(self.code.as_bytes()))
    }

    pub fn parse(id: &str) -> Option<Named> {
        let (rest, code) = id.rsplit_once('.')?;
        let (line, reason) = rest.rsplit_once('.')?;
        let code = String::from_utf8(hex::decode(code)?).ok()?;
        Some(Named { line: lines::parse_name(line)?, reason: reason.to_owned(), code })
    }
}

#[derive(Debug, Serialize)]
pub struct ExceptionView {
    id: String,
    terminal: u32,
    epoch: Hex<16>,
    seq: u64,
    reason: String,
    code: String,
    unit: Option<String>,
    at_us: Moment,
    settled: Option<Value>,
}

impl ExceptionView {
    pub fn of(row: &ExceptionRow) -> ExceptionView {
        ExceptionView {
            id: Named::of(row).id(),
            terminal: row.line.terminal,
            epoch: row.line.epoch,
            seq: row.line.seq,
            reason: row.reason.clone(),
            code: row.code.clone(),
            unit: row.number.clone(),
            at_us: row.at,
            settled: row
                .settled
                .as_ref()
                .map(|settled| json!({ "at_us": settled.at.0, "person": settled.person, "note": settled.note })),
        }
    }
}

pub async fn list(
    State(server): State<Server>,
    Asked(filter): Asked<Filter>,
) -> Result<Json<Page<ExceptionView>>, Problem> {
    let limit = Paging { after: None, limit: filter.limit }.limit()?;
    let which = if filter.all { Which::All } else { Which::Open };
    let found = server
        .database
        .read(move |tx| Ok::<_, Problem>(queries::exceptions(tx, which, filter.after.as_deref(), limit)?))
        .await?;
    Ok(Json(Page { items: found.rows.iter().map(ExceptionView::of).collect(), next: found.next }))
}

/// Settles one exception. With an `Idempotency-Key` the same request sent twice is carried out once.
pub async fn settle(
    State(server): State<Server>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Sent(settlement): Sent<Settlement>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let command = command_id(&headers)?;
    let named = Named::parse(&id).ok_or_else(|| Problem::missing("exception", &id))?;
    let done = carry_out(&server, &visitor, named, settlement.note, command).await?;
    Ok((StatusCode::OK, Json(decided(&done))))
}

/// The decision behind page and API alike.
///
/// # Errors
/// A [`Problem`] when it is settled already or the note is too long.
pub async fn carry_out(
    server: &Server,
    visitor: &Visitor,
    named: Named,
    note: String,
    command: Hex<16>,
) -> Result<book::Decided, Problem> {
    if NOTE_MAX < note.chars().count() {
        return Err(Problem::unreadable(format!("the note is longer than {NOTE_MAX} characters")).help("Shorten it."));
    }
    let (key, person, at) = (server.key.clone(), visitor.person, Moment::now());
    let ruling = Ruling::Settle { line: named.line, reason: named.reason, code: named.code, note };
    let done = server.database.write(move |tx| book::decide(tx, &key, command, person, ruling, at)).await?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_is_named_and_found_again() {
        for code in ["", "own/18K-0042-7", "01/09521234543213/21/a.b"] {
            let line = LineRef { terminal: 3, epoch: Hex([1; 16]), seq: 9 };
            let named = Named { line, reason: "no_pass".into(), code: code.into() };
            assert_eq!(Named::parse(&named.id()), Some(named), "{code}");
        }
        assert_eq!(Named::parse("no_pass"), None);
    }
}
