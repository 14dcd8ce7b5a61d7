//! Doors: which door needs me.

use std::collections::BTreeMap;

use axum::response::Response;
use maud::{Markup, html};

use crate::event::{Body, Passage};
use crate::face::signs::Sign;
use crate::face::tones::{State, Tone};
use crate::face::values::{MISSING, Reader};
use crate::quantity::Moment;
use crate::server::api::fleet::Presence;
use crate::server::api::lines::{self, Order, Select};
use crate::server::api::names::Names;
use crate::server::catalog::terminals;
use crate::server::pages::shell::{Ask, Frame, Room};
use crate::server::pages::{telling, terminals as fleet};
use crate::server::problem::Problem;

/// Passages looked at, newest first: those of several days at a busy house.
const PASSAGES: usize = 1_000;
/// Passages in the list.
const LISTED: usize = 20;

/// One passage as the page shows it.
struct Passed {
    at: Moment,
    terminal: u32,
    passage: Passage,
    units: Vec<String>,
    exceptions: Vec<String>,
}

struct DoorView {
    code: String,
    name: String,
    presence: Option<Presence>,
    passages: Vec<usize>,
}

pub async fn page(ask: Ask) -> Result<Response, Problem> {
    let silent_s = ask.server.config.sync.terminal_silent_s;
    let (frame, (doors, passed, names)) = ask
        .read(move |tx, reader| {
            let passage = Select { kind: lines::kind("passage"), ..Select::default() };
            let told = lines::told(tx, &passage, Order::NewestBefore(u64::MAX), PASSAGES)?;
            let passed: Vec<Passed> = told
                .into_iter()
                .filter_map(|told| match told.body {
                    Ok(Body::Passage(passage)) => Some(Passed {
                        at: told.stored.corrected,
                        terminal: told.stored.book.terminal,
                        passage,
                        units: told.units,
                        exceptions: told.exceptions,
                    }),
                    _ => None,
                })
                .collect();
            let mut by_door: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            for row in
                tx.query("SELECT code FROM place WHERE kind = 'door' AND withdrawn = 0 ORDER BY code LIMIT 200", &[])?
            {
                by_door.insert(row.text(0)?.to_owned(), Vec::new());
            }
            for (index, passed) in passed.iter().enumerate() {
                by_door.entry(passed.passage.handling.read_point.clone()).or_default().push(index);
            }
            let fleet = terminals::terminals(tx)?;
            let mut names = Names::default();
            names.add_terminals(tx)?;
            names.add_places(tx, by_door.keys().map(String::as_str))?;
            names.add_units(tx, passed.iter().take(LISTED).flat_map(|passed| &passed.units).map(String::as_str))?;
            let zones = passed
                .iter()
                .take(LISTED)
                .flat_map(|passed| [passed.passage.inside.as_str(), passed.passage.outside.as_str()]);
            names.add_places(tx, zones)?;
            let doors: Vec<DoorView> = by_door
                .into_iter()
                .map(|(code, passages)| {
                    let terminal = passages.first().and_then(|&index| passed.get(index)).map(|passed| passed.terminal);
                    let of = fleet.iter().find(|other| Some(other.number) == terminal);
                    DoorView {
                        name: names.place(&code, reader.lang).to_owned(),
                        presence: of.map(|terminal| Presence::of(terminal, silent_s, reader.now)),
                        code,
                        passages,
                    }
                })
                .collect();
            Ok((doors, passed, names))
        })
        .await?;
    let lang = ask.lang();
    let title = Room::Doors.name(lang);
    let body = html! {
        div.head { h1 { (title) } span.faint { (lang.tell("doors-count", &[("n", (doors.len() as u64).into())])) } }
        div.grid data-cols="2" {
            section #doors .card data-live {
                header { h2 { (lang.say("doors-state")) } }
                @if doors.is_empty() { (telling::empty(Sign::Door, &lang.say("empty-doors"))) }
                ul.rows { @for door in &doors { (door_row(&ask.reader, door, &passed, &names, rings(&frame, &door.code))) } }
            }
            section #passages .card data-live {
                header { h2 { (lang.say("passages")) } a href="/movements?kind=passage" { (lang.say("all")) } }
                @if passed.is_empty() { (telling::empty(Sign::Timeline, &lang.say("empty-passages"))) }
                ol.rows { @for passed in passed.iter().take(LISTED) { (passage_row(&ask.reader, passed, &names)) } }
            }
        }
    };
    Ok(ask.page(Some(Room::Doors), &title, &frame, &body))
}

/// Something left through this door that nobody has settled yet.
fn rings(frame: &Frame, door: &str) -> bool {
    let read_point = |row| frame.subjects.of(row).map(|about| about.read_point.as_str());
    frame.alarms.iter().any(|row| read_point(row) == Some(door))
}

fn door_row(reader: &Reader, door: &DoorView, passed: &[Passed], names: &Names, rings: bool) -> Markup {
    let lang = reader.lang;
    let own: Vec<&Passed> = door.passages.iter().filter_map(|&index| passed.get(index)).collect();
    let state = match door.presence {
        _ if rings => Some(State::Alarm),
        Some(Presence::Well) => Some(State::Watching),
        Some(other) => Some(fleet::state(other)),
        None => None,
    };
    html! {
        li {
            div.main {
                div.line {
                    @if !door.name.is_empty() { b { (door.name) } }
                    span.code { (door.code) }
                    @match state { Some(state) => (state.chip(lang)), None => (State::NeverSeen.chip(lang)) }
                    span.push .faint {
                        @match own.first() {
                            Some(last) => {
                                (telling::word(lang, last.passage.direction.word())) " · "
                                (lang.tell("pieces", &[("n", (last.passage.what.len() as u64).into())])) " · "
                                (reader.time_as(last.at, &reader.age(last.at)))
                            },
                            None => (MISSING),
                        }
                    }
                }
                (strip(reader, &own))
                @if let Some(last) = own.first() { p { (lang.tell("door-of", &[("terminal", (&names.terminal(last.terminal, lang)).into())])) } }
            }
        }
    }
}

/// The passages of today as marks from midnight to midnight.
fn strip(reader: &Reader, own: &[&Passed]) -> Markup {
    let midnight = reader.midnight().0;
    let day = 24 * 3_600_000_000_i64;
    let today: Vec<&&Passed> =
        own.iter().filter(|passed| midnight <= passed.at.0 && passed.at.0 < midnight + day).collect();
    let pieces: u64 = today.iter().map(|passed| passed.passage.what.len() as u64).sum();
    let text = reader.lang.tell("passages-today", &[("n", (today.len() as u64).into()), ("pieces", pieces.into())]);
    html! {
        svg.strip viewBox="0 0 960 22" preserveAspectRatio="none" role="img" aria-label=(text) {
            title { (text) }
            rect.ground x="0" y="8" width="960" height="6" rx="3" {}
            @for passed in today {
                @let (_, tone) = telling::gravest(passed.passage.direction.word(), &passed.exceptions);
                @let height = if tone == Tone::Stop { 22 } else { 14 };
                g data-tone=(tone.word()) {
                    rect x=((passed.at.0 - midnight) * 956 / day) y=((22 - height) / 2) width="4" height=(height) rx="1" {}
                }
            }
        }
    }
}

fn passage_row(reader: &Reader, passed: &Passed, names: &Names) -> Markup {
    let lang = reader.lang;
    let direction = passed.passage.direction.word();
    let (sign, tone) = telling::gravest(direction, &passed.exceptions);
    html! {
        li {
            span.when { (reader.time_as(passed.at, &reader.brief(passed.at))) }
            (telling::mark(sign, tone))
            div.main {
                div {
                    b { @match passed.exceptions.first() {
                        Some(reason) if tone == Tone::Stop => (lang.word("reason", reason)),
                        _ => (telling::word(lang, direction)),
                    } }
                    " · " (telling::place(names, &passed.passage.handling.read_point, lang))
                }
                @for unit in passed.units.iter().take(3) {
                    p {
                        a.code href=(format!("/units/{}", crate::server::request::encoded(unit))) { (crate::server::pages::shell::shown_code(unit)) }
                        " " (names.unit(unit, lang))
                    }
                }
                @if 3 < passed.units.len() { p { (lang.tell("and-more", &[("n", (passed.units.len() as u64 - 3).into())])) } }
                @if !passed.exceptions.is_empty() { div.line { (telling::exception_chips(direction, &passed.exceptions, lang)) } }
            }
            span.end { (lang.tell("pieces", &[("n", (passed.passage.what.len() as u64).into())])) }
        }
    }
}
