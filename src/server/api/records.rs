//! Master data: `GET items`, `places`, `people`; `POST records` puts a new version of any record; `GET digest`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::event::{Body, Decision, Ruling};
use crate::hex::Hex;
use crate::quantity::Moment;
use crate::server::Server;
use crate::server::access::{Right, Visitor};
use crate::server::api::{Asked, Page, Paging, Sent, lines, page};
use crate::server::book::{self, DecideError, Decided};
use crate::server::catalog::store;
use crate::server::database::{DatabaseError, Tx};
use crate::server::kernel::digest as kernel_digest;
use crate::server::problem::Problem;
use crate::sync::records::{Content, Record};

/// A record to put: its content with its `kind`, as in [`crate::sync::records`].
#[derive(Debug, Deserialize)]
pub struct Put {
    #[serde(default)]
    withdrawn: bool,
    /// From when on it says so; now when absent.
    since_us: Option<Moment>,
    #[serde(flatten)]
    content: Content,
}

/// Which right a change of this kind of record needs; `None` for what the server alone decides.
pub fn right(content: &Content) -> Option<Right> {
    Some(match content {
        Content::Item(_) | Content::Unit(_) | Content::Binding(_) | Content::Place(_) | Content::Hold(_) => {
            Right::EditRecords
        }
        Content::Person(_) | Content::Certificate(_) => Right::EditPeople,
        Content::Pass(_) => Right::GrantPasses,
        Content::Task(_) => Right::PlanWork,
        // The configuration has the series; a lease that a person wrote could give a number twice.
        Content::Series(_) | Content::Lease(_) | Content::Relabelled(_) => return None,
    })
}

/// Puts a new version of a record. Needs an `Idempotency-Key` of 32 hex digits: sent twice, it is carried out once.
pub async fn put(
    State(server): State<Server>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    Sent(put): Sent<Put>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let needed = right(&put.content).ok_or_else(|| {
        let detail = format!("a record of the kind {} is made by the server itself", put.content.kind());
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", detail)
            .help("Series are in the server's configuration; codes are changed by a record of the kind binding.")
    })?;
    if !visitor.roles.may(needed) {
        return Err(Problem::no_right(needed));
    }
    let command = command_id(&headers)?;
    let (key, person, at) = (server.key.clone(), visitor.person, Moment::now());
    let done = server
        .database
        .write(move |tx| {
            // A retry that names no instant means the one that its first arrival was given.
            let since = match put.since_us {
                Some(since) => since,
                None => first_since(tx, command)?.unwrap_or(at),
            };
            crate::server::book::put(tx, &key, command, person, put.content, put.withdrawn, since, at)
        })
        .await?;
    let status = if done.repeated { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(decided(&done))))
}

/// From when on the record says so that this command put before.
fn first_since(tx: &mut Tx, command: Hex<16>) -> Result<Option<Moment>, DatabaseError> {
    let Some(row) = tx.query_opt("SELECT line FROM command WHERE command = ?1", &[command.into()])? else {
        return Ok(None);
    };
    let stored = book::line(tx, crate::server::stored::line_ref(row.blob(0)?)?)?;
    let body = stored.and_then(|stored| Body::decode(stored.line.kind, stored.line.schema, &stored.line.body.0).ok());
    let Some(Body::Decision(Decision { ruling: Ruling::Put { record }, .. })) = body else { return Ok(None) };
    Ok(serde_json::from_slice::<Record>(&record.0).ok().map(|record| record.since))
}

pub async fn items(state: State<Server>, paging: Asked<Paging>) -> Result<Json<Page<Record>>, Problem> {
    records(state, paging, "item").await
}

pub async fn places(state: State<Server>, paging: Asked<Paging>) -> Result<Json<Page<Record>>, Problem> {
    records(state, paging, "place").await
}

pub async fn people(state: State<Server>, paging: Asked<Paging>) -> Result<Json<Page<Record>>, Problem> {
    records(state, paging, "person").await
}

/// The latest version of every record of a kind, by key.
pub async fn records(
    State(server): State<Server>,
    Asked(paging): Asked<Paging>,
    kind: &'static str,
) -> Result<Json<Page<Record>>, Problem> {
    let limit = paging.limit()?;
    let found = server
        .database
        .read(move |tx| Ok::<_, Problem>(store::records(tx, kind, paging.after.as_deref(), limit + 1)?))
        .await?;
    Ok(Json(page(found, limit, |record| record.content.key())))
}

/// One number for the state of all projections: equal on two servers that hold the same book.
pub async fn digest(State(server): State<Server>) -> Result<Json<Value>, Problem> {
    let digest = server.database.read(|tx| Ok::<_, Problem>(kernel_digest::digest(tx)?)).await?;
    Ok(Json(json!({ "digest": digest })))
}

/// The command id of a request: `Idempotency-Key`, or a new one when it has none.
///
/// # Errors
/// The header is not 32 hex digits.
pub fn command_id(headers: &HeaderMap) -> Result<Hex<16>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(new_command()) };
    let text = value.to_str().unwrap_or_default().replace('-', "").to_lowercase();
    Hex::parse(&text).ok_or_else(|| {
        Problem::unreadable("Idempotency-Key is not 32 hex digits")
            .help("Draw a UUID or 16 random bytes for each new command and send it with every retry of that command.")
    })
}

/// A command id that nobody used.
pub fn new_command() -> Hex<16> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the kernel gives random bytes");
    Hex(bytes)
}

/// The reply to a command.
pub fn decided(done: &Decided) -> Value {
    json!({ "line": lines::name_of(done.line), "position": done.position, "repeated": done.repeated })
}

impl From<DecideError> for Problem {
    fn from(error: DecideError) -> Problem {
        let status = match &error {
            DecideError::Database(cause) => return Problem::ours(cause),
            DecideError::CommandReused { .. } | DecideError::Older { .. } | DecideError::TerminalTaken { .. } => {
                StatusCode::CONFLICT
            }
            DecideError::Record { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            DecideError::NothingToSettle { .. } | DecideError::UnknownTerminal { .. } => StatusCode::NOT_FOUND,
        };
        Problem::new(status, "refused", error.to_string()).help(error.help())
    }
}
