//! Exceptions: what needs a person's word. The fact stands; a person says what it means.

use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use crate::face::signs::Sign;
use crate::face::tones::{self, State as Chip};
use crate::face::values::{MISSING, Reader};
use crate::hex::Hex;
use crate::server::Server;
use crate::server::access::{Right, Visitor};
use crate::server::api::exceptions::{NOTE_MAX, Named, carry_out};
use crate::server::api::names::{Names, somebody};
use crate::server::api::records::new_command;
use crate::server::api::{Asked, ROWS};
use crate::server::kernel::queries::{self, ExceptionRow, Which};
use crate::server::pages::shell::{Ask, Room, tone_of};
use crate::server::pages::subject::Subjects;
use crate::server::pages::telling;
use crate::server::problem::Problem;

/// Which page of which list.
#[derive(Debug, Default, Deserialize)]
pub struct Shown {
    after: Option<String>,
    #[serde(default)]
    all: Option<String>,
}

pub async fn page(ask: Ask, Asked(shown): Asked<Shown>) -> Result<Response, Problem> {
    let all = shown.all.is_some();
    let first_page = shown.after.is_none();
    let (frame, (rows, subjects, names)) = ask
        .read(move |tx, _| {
            let which = if all { Which::All } else { Which::Open };
            let rows = queries::exceptions(tx, which, shown.after.as_deref(), ROWS)?;
            let mut names = Names::default();
            names.add_people(tx, rows.rows.iter().filter_map(|row| row.settled.as_ref()?.person))?;
            names.add_terminals(tx)?;
            let subjects = Subjects::read(tx, &rows.rows)?;
            Ok((rows, subjects, names))
        })
        .await?;
    // Alarms stand first, however many others came after them.
    let alarms: &[ExceptionRow] = if first_page && !all { &frame.alarms } else { &[] };
    let is_alarm = |row: &ExceptionRow| alarms.iter().any(|alarm| Named::of(alarm) == Named::of(row));
    let others = rows.rows.iter().filter(|row| !is_alarm(row)).map(|row| (row, &subjects));
    let shown: Vec<(&ExceptionRow, &Subjects)> =
        alarms.iter().map(|row| (row, &frame.subjects)).chain(others).collect();
    let lang = ask.lang();
    let title = Room::Exceptions.name(lang);
    let body = html! {
        div.head { h1 { (title) } span.faint { (lang.tell("open-count", &[("n", frame.open.into())])) } }
        nav.facets aria-label=(lang.say("filter")) {
            a.facet href="/exceptions" aria-current=[(!all).then_some("true")] { (lang.word("state", "open")) }
            a.facet href="/exceptions?all=1" aria-current=[all.then_some("true")] { (lang.say("everything")) }
        }
        section #list .card data-flush data-live[first_page] {
            @if shown.is_empty() { (telling::empty(Sign::Tick, &lang.say("empty-exceptions"))) } @else {
                (table(&ask, &names, &shown))
                @if !first_page || rows.next.is_some() { div.pages {
                    @if !first_page { a.btn href=(ask.here(&[("after", None)])) { (lang.say("newest")) } }
                    @if let Some(next) = &rows.next {
                        a.btn href=(ask.here(&[("after", Some(next))])) rel="next" { (lang.say("next-page")) (Sign::Next.small()) }
                    }
                } }
            }
        }
    };
    Ok(ask.page(Some(Room::Exceptions), &title, &frame, &body))
}

fn table(ask: &Ask, names: &Names, rows: &[(&ExceptionRow, &Subjects)]) -> Markup {
    let (lang, reader) = (ask.lang(), &ask.reader);
    html! {
        table.tbl {
            caption.hide { (Room::Exceptions.name(lang)) }
            thead { tr {
                th scope="col" { (lang.say("column-time")) }
                th scope="col" { (lang.say("column-exception")) }
                th scope="col" { (lang.say("column-units")) }
                th scope="col" { (lang.say("column-where")) }
                th scope="col" { (lang.say("column-settle")) }
            } }
            tbody { @for (row, subjects) in rows { (exception(ask, reader, names, row, subjects)) } }
        }
    }
}

fn exception(ask: &Ask, reader: &Reader, names: &Names, row: &ExceptionRow, subjects: &Subjects) -> Markup {
    let lang = reader.lang;
    let tone = tone_of(&row.reason);
    let id = Named::of(row).id();
    html! {
        tr id=(id) {
            td.when data-label=(lang.say("column-time")) { (reader.time_as(row.at, &reader.near(row.at))) }
            td data-label=(lang.say("column-exception")) { (tones::chip(tone, tones::sign_of(tone), &subjects.reason(row, lang))) }
            td data-label=(lang.say("column-units")) {
                div { (subjects.listed(row, lang)) }
            }
            td data-label=(lang.say("column-where")) {
                @let place = subjects.place(row, lang);
                div { (if place.is_empty() { MISSING } else { &place }) p { (names.terminal(row.line.terminal, lang)) } }
            }
            td {
                @match &row.settled {
                    Some(settled) => div {
                        (Chip::Settled.chip(lang))
                        p { (somebody(names, settled.person, lang)) " · " (reader.time(settled.at)) }
                        @if !settled.note.is_empty() { p { (settled.note) } }
                    },
                    None if ask.may(Right::SettleExceptions) => form.form data-row method="post" action=(format!("/exceptions/{id}/settle")) {
                        // Drawn with the form: pressed twice, it is carried out once.
                        input type="hidden" name="command" value=(new_command());
                        div.field {
                            label.hide for=(format!("note-{id}")) { (lang.say("note")) }
                            input id=(format!("note-{id}")) name="note" placeholder=(lang.say("note-hint")) maxlength=(NOTE_MAX) autocomplete="off";
                        }
                        button.btn type="submit" { (Sign::Tick.small()) (lang.say("settle")) }
                    },
                    None => (Chip::Open.chip(lang)),
                }
            }
        }
    }
}

/// The form of one exception, sent.
#[derive(Debug, Deserialize)]
pub struct Settlement {
    command: String,
    #[serde(default)]
    note: String,
}

pub async fn settle(
    State(server): State<Server>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    Form(sent): Form<Settlement>,
) -> Result<Response, Problem> {
    let named = Named::parse(&id).ok_or_else(|| Problem::missing("exception", &id))?;
    let command = Hex::parse(&sent.command).ok_or_else(|| Problem::unreadable("the form has no command number"))?;
    carry_out(&server, &visitor, named, sent.note.trim().to_owned(), command).await?;
    Ok(Redirect::to("/exceptions").into_response())
}
