//! `GET numbers`: the series of the house; `POST numbers` takes the next numbers of one, for labels of trays, places,
//! badges and papers.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::quantity::Moment;
use crate::server::Server;
use crate::server::access::Visitor;
use crate::server::api::{Sent, records};
use crate::server::catalog::store;
use crate::server::numbering::leases::{self, GIVEN_MAX, GiveError};
use crate::server::problem::Problem;

/// The series in force.
pub async fn list(State(server): State<Server>) -> Result<Json<Value>, Problem> {
    let series = server.database.read(|tx| Ok::<_, Problem>(store::series(tx)?)).await?;
    Ok(Json(json!({ "items": series })))
}

/// Which numbers and how many.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    series: String,
    count: u32,
}

/// Gives the next numbers of a series, each once. With an `Idempotency-Key` the same request gets the same numbers again.
pub async fn give(
    State(server): State<Server>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    Sent(wanted): Sent<Wanted>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    if !(1..=GIVEN_MAX).contains(&wanted.count) {
        return Err(Problem::unreadable(format!("count is {}; write 1 to {GIVEN_MAX}", wanted.count)));
    }
    let command = records::command_id(&headers)?;
    let (key, person, at) = (server.key.clone(), visitor.person, Moment::now());
    let give = move |tx: &mut _| leases::give(tx, &key, command, person, &wanted.series, wanted.count, at);
    let numbers = server.database.write(give).await?;
    Ok((StatusCode::CREATED, Json(json!({ "items": numbers }))))
}

impl From<GiveError> for Problem {
    fn from(error: GiveError) -> Problem {
        let status = match error {
            GiveError::Decide(error) => return error.into(),
            GiveError::NoSeries { .. } => StatusCode::NOT_FOUND,
            GiveError::UsedUp { .. } => StatusCode::CONFLICT,
        };
        Problem::new(status, "refused", error.to_string()).help(error.help())
    }
}
