//! Terminals: `GET terminals`, `POST terminals/enrolment-code`, `POST terminals/{no}/revoke`.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::event::Ruling;
use crate::hex::Hex;
use crate::quantity::Moment;
use crate::server::Server;
use crate::server::access::Visitor;
use crate::server::api::records::{command_id, decided};
use crate::server::book::{self, Decided};
use crate::server::catalog::terminals::{self, Terminal};
use crate::server::enrolment;
use crate::server::problem::Problem;

/// How a terminal is at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Revoked,
    NeverSeen,
    Silent,
    Troubled,
    Well,
}

impl Presence {
    /// `silent_s`: seconds without a sign of life after which a terminal counts as silent.
    pub fn of(terminal: &Terminal, silent_s: u64, at: Moment) -> Presence {
        match &terminal.liveness {
            _ if terminal.revoked.is_some() => Presence::Revoked,
            None => Presence::NeverSeen,
            Some(liveness) if silent_s < at.since(liveness.seen).as_secs() => Presence::Silent,
            Some(liveness) if !liveness.troubles.is_empty() => Presence::Troubled,
            Some(_) => Presence::Well,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Presence::Revoked => "revoked",
            Presence::NeverSeen => "never_seen",
            Presence::Silent => "offline",
            Presence::Troubled => "trouble",
            Presence::Well => "online",
        }
    }
}

/// All terminals. There are hundreds at most, so this list has no pages.
pub async fn list(State(server): State<Server>) -> Result<Json<Value>, Problem> {
    let at = Moment::now();
    let silent_s = server.config.sync.terminal_silent_s;
    let terminals = server.database.read(|tx| Ok::<_, Problem>(terminals::terminals(tx)?)).await?;
    let items: Vec<Value> = terminals
        .iter()
        .map(|terminal| {
            let liveness = terminal.liveness.as_ref().map(|liveness| {
                json!({
                    "program": liveness.program,
                    "seen_us": liveness.seen,
                    "clock_error_us": liveness.clock.0.saturating_sub(liveness.seen.0),
                    "waiting": liveness.waiting,
                    "down_cursor": liveness.down_cursor,
                    "troubles": liveness.troubles,
                })
            });
            json!({
                "number": terminal.number,
                "name": terminal.name,
                "key": terminal.key,
                "enrolled_us": terminal.enrolled,
                "revoked_us": terminal.revoked,
                "state": Presence::of(terminal, silent_s, at).word(),
                "liveness": liveness,
            })
        })
        .collect();
    Ok(Json(json!({ "items": items })))
}

/// A one-time code for a new terminal, with the address and the pin that it needs.
pub async fn enrolment_code(
    State(server): State<Server>,
    Extension(visitor): Extension<Visitor>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let code = new_code(&server, &visitor).await?;
    let answer = json!({ "code": code, "server": server.url, "pin": server.pin_text(), "config": enrolment_lines(&server, &code) });
    Ok((StatusCode::CREATED, Json(answer)))
}

/// # Errors
/// What the store says.
pub async fn new_code(server: &Server, visitor: &Visitor) -> Result<String, Problem> {
    let (person, at) = (visitor.person, Moment::now());
    server.database.write(move |tx| Ok::<_, Problem>(enrolment::make_enrolment_code(tx, person, at)?)).await
}

/// What goes into a new terminal's configuration.
pub fn enrolment_lines(server: &Server, code: &str) -> String {
    let pin = server.pin_text().unwrap_or_default();
    format!("[server]\nurl = \"{}\"\npin = \"{pin}\"\nenrolment_code = \"{code}\"", server.url)
}

/// Locks a terminal out. What it sends from now on is put aside.
pub async fn revoke(
    State(server): State<Server>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<u32>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let command = command_id(&headers)?;
    Ok(Json(decided(&lock_out(&server, &visitor, number, command).await?)))
}

/// The decision behind page and API alike.
///
/// # Errors
/// A [`Problem`] when there is no such terminal.
pub async fn lock_out(server: &Server, visitor: &Visitor, terminal: u32, command: Hex<16>) -> Result<Decided, Problem> {
    let (key, person, at) = (server.key.clone(), visitor.person, Moment::now());
    let done = server
        .database
        .write(move |tx| book::decide(tx, &key, command, person, Ruling::Revoke { terminal }, at))
        .await?;
    server.fleet_changed();
    Ok(done)
}
