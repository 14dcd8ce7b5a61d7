//! Terminals: how each one is, taking a new one in, locking one out.

use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, PreEscaped, html};
use serde::Deserialize;

use crate::face::signs::Sign;
use crate::face::tones::{self, State as Chip, Tone};
use crate::face::values::{MISSING, grouped};
use crate::hex::Hex;
use crate::labels::qr;
use crate::server::Server;
use crate::server::access::{Right, Visitor};
use crate::server::api::fleet::{Presence, enrolment_lines, lock_out, new_code};
use crate::server::api::records::new_command;
use crate::server::catalog::terminals::{self, Terminal};
use crate::server::intake::{self, Flag};
use crate::server::pages::movements::seconds;
use crate::server::pages::shell::{Ask, Room};
use crate::server::pages::telling;
use crate::server::problem::Problem;

/// A clock that is off by more than this is worth a look, in microseconds.
const CLOCK_US: u64 = 5_000_000;

/// The chip of a presence.
pub fn state(presence: Presence) -> Chip {
    match presence {
        Presence::Revoked => Chip::Revoked,
        Presence::NeverSeen => Chip::NeverSeen,
        Presence::Silent => Chip::Offline,
        Presence::Troubled => Chip::Trouble,
        Presence::Well => Chip::Online,
    }
}

pub async fn page(ask: Ask) -> Result<Response, Problem> {
    show(&ask, None).await
}

/// Makes a one-time code and shows it, this once.
pub async fn enrol(
    State(server): State<Server>,
    Extension(visitor): Extension<Visitor>,
    ask: Ask,
) -> Result<Response, Problem> {
    let code = new_code(&server, &visitor).await?;
    show(&ask.at("/terminals"), Some(code)).await
}

/// The form of the revocation: the number typed again, because it cannot be undone.
#[derive(Debug, Deserialize)]
pub struct Revocation {
    command: String,
    #[serde(default)]
    confirm: String,
}

pub async fn revoke(
    State(server): State<Server>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<u32>,
    Form(sent): Form<Revocation>,
) -> Result<Response, Problem> {
    if sent.confirm.trim() != number.to_string() {
        return Err(Problem::unreadable(format!("type the number {number} to revoke this terminal")));
    }
    let command = Hex::parse(&sent.command).ok_or_else(|| Problem::unreadable("the form has no command number"))?;
    lock_out(&server, &visitor, number, command).await?;
    Ok(Redirect::to("/terminals").into_response())
}

async fn show(ask: &Ask, code: Option<String>) -> Result<Response, Problem> {
    let (frame, (fleet, flags)) = ask.read(|tx, _| Ok((terminals::terminals(tx)?, intake::flags(tx)?))).await?;
    let lang = ask.lang();
    let title = Room::Terminals.name(lang);
    let body = html! {
        div.head {
            h1 { (title) }
            span.faint { (lang.tell("terminals-online", &[("n", frame.well.into()), ("all", frame.terminals.into())])) }
            @if ask.may(Right::RunTerminals) {
                form.push method="post" action="/terminals/enrol" { button.btn data-kind="primary" type="submit" { (lang.say("enrol")) } }
            }
        }
        div.stack {
            @if let Some(code) = &code { (one_time_code(ask, code)) }
            section #fleet .card data-flush data-live {
                @if fleet.is_empty() { (telling::empty(Sign::Terminal, &lang.say("empty-terminals"))) } @else { (table(ask, &fleet, &flags)) }
            }
        }
    };
    Ok(ask.page(Some(Room::Terminals), &title, &frame, &body))
}

fn one_time_code(ask: &Ask, code: &str) -> Markup {
    let lang = ask.lang();
    html! {
        section.card {
            header { h2 { (lang.say("code-title")) } (tones::chip(Tone::Warn, Sign::Clock, &lang.say("code-life"))) }
            p.big { (code) }
            dl.facts data-tall {
                dt { (lang.say("code-server")) } dd.raw { (ask.server.url) }
                dt { (lang.say("code-pin")) } dd.raw { (ask.server.pin_text().unwrap_or_else(|| MISSING.to_owned())) }
                dt { (lang.say("code-text")) } dd.raw { pre { (enrolment_lines(&ask.server, code)) } }
            }
            @if let Some(picture) = qr::svg(&enrolment_lines(&ask.server, code)) {
                figure.qr { (PreEscaped(picture)) figcaption.faint { (lang.say("code-scan")) } }
            }
            p.faint { (lang.say("code-help")) }
        }
    }
}

fn table(ask: &Ask, fleet: &[Terminal], flags: &[Flag]) -> Markup {
    let lang = ask.lang();
    html! {
        table.tbl {
            caption.hide { (Room::Terminals.name(lang)) }
            thead { tr {
                th scope="col" { (lang.say("column-terminal")) }
                th scope="col" { (lang.say("column-state")) }
                th scope="col" { (lang.say("last-seen")) }
                th.num scope="col" { (lang.say("column-queued")) }
                th.num scope="col" { (lang.say("column-clock")) }
                th scope="col" { (lang.say("column-chain")) }
                th scope="col" { (lang.say("column-program")) }
                @if ask.may(Right::RunTerminals) { th scope="col" { span.hide { (lang.say("revoke")) } } }
            } }
            tbody { @for terminal in fleet { (row(ask, terminal, flags)) } }
        }
    }
}

fn row(ask: &Ask, terminal: &Terminal, flags: &[Flag]) -> Markup {
    let (lang, reader) = (ask.lang(), &ask.reader);
    let presence = Presence::of(terminal, ask.server.config.sync.terminal_silent_s, reader.now);
    let wrong: Vec<&Flag> =
        flags.iter().filter(|flag| flag.line.terminal == terminal.number && !flag.settled).collect();
    html! {
        tr {
            td.lead { div { a href=(format!("/movements?terminal={}", terminal.number)) { b { (terminal.name) } } p { "#" (terminal.number) } } }
            td data-label=(lang.say("column-state")) {
                div {
                    (state(presence).chip(lang))
                    @if let Some(liveness) = &terminal.liveness { @for trouble in &liveness.troubles { p { (trouble) } } }
                }
            }
            td.when data-label=(lang.say("last-seen")) {
                @match &terminal.liveness { Some(liveness) => (reader.time_as(liveness.seen, &reader.age(liveness.seen))), None => (MISSING) }
            }
            td.num data-label=(lang.say("column-queued")) {
                @match &terminal.liveness { Some(liveness) => (grouped(i64::try_from(liveness.waiting).unwrap_or(i64::MAX))), None => (MISSING) }
            }
            td.num data-label=(lang.say("column-clock")) {
                @match &terminal.liveness {
                    Some(liveness) => {
                        @let error = liveness.clock.0.saturating_sub(liveness.seen.0);
                        @if CLOCK_US < error.unsigned_abs() { (tones::chip(Tone::Warn, Sign::Clock, &seconds(error))) } @else { (seconds(error)) }
                    },
                    None => (MISSING),
                }
            }
            td data-label=(lang.say("column-chain")) {
                div {
                    @if terminal.liveness.is_none() && wrong.is_empty() { (MISSING) }
                    @else if wrong.is_empty() { (tones::chip(Tone::Ok, Sign::Seal, &lang.say("chain-holds"))) }
                    @for flag in wrong {
                        (tones::chip(Tone::Stop, Sign::Octagon, &lang.word("flag", &flag.what)))
                        p { (flag.line.seq) " · " (reader.time(flag.since)) " · " span lang="en" { (flag.detail) } }
                    }
                }
            }
            td.when data-label=(lang.say("column-program")) {
                @match &terminal.liveness { Some(liveness) => (liveness.program), None => (MISSING) }
            }
            @if ask.may(Right::RunTerminals) { td { (revoke_form(ask, terminal)) } }
        }
    }
}

fn revoke_form(ask: &Ask, terminal: &Terminal) -> Markup {
    let lang = ask.lang();
    let number = terminal.number;
    html! {
        @if terminal.revoked.is_none() {
            details {
                summary { (lang.say("revoke")) }
                form.form method="post" action=(format!("/terminals/{number}/revoke")) {
                    input type="hidden" name="command" value=(new_command());
                    div.field {
                        label for=(format!("confirm-{number}")) { (lang.tell("revoke-ask", &[("name", (&terminal.name).into())])) }
                        span.hint { (lang.tell("revoke-type", &[("n", (&number.to_string()).into())])) }
                        input id=(format!("confirm-{number}")) name="confirm" inputmode="numeric" autocomplete="off" required;
                    }
                    button.btn data-kind="stop" type="submit" { (lang.say("revoke")) }
                }
            }
        }
    }
}
