//! One unit: who has it, is it right, and everything that ever happened to it.

use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};

use crate::face::signs::Sign;
use crate::face::tones::{self, State, Tone};
use crate::face::values::{MISSING, Reader};
use crate::quantity::{Moment, Quantity};
use crate::server::api::names::Names;
use crate::server::api::{Asked, Paging, ROWS};
use crate::server::database::{DatabaseError, Tx};
use crate::server::kernel::labels;
use crate::server::kernel::queries::{self, Happened, UnitView};
use crate::server::pages::shell::{Ask, Room, initials, shown_code, tone_of};
use crate::server::pages::telling;
use crate::server::problem::Problem;
use crate::sync::records::Content;

/// A gap in a timeline that is worth a word.
const GAP_S: u64 = 30 * 86_400;
/// A due date this near is said in amber.
const SOON_S: u64 = 2 * 86_400;

struct Seen {
    unit: UnitView,
    rows: Vec<Happened>,
    next: Option<String>,
    names: Names,
    hold: Hold,
    /// The last thing that happened is that it left without leave.
    gone: bool,
    /// Labels that were printed for it.
    labels: u64,
}

/// Since when the holder has it, under which paper, and until when.
#[derive(Default)]
struct Hold {
    since: Option<Moment>,
    document: Option<String>,
    due: Option<Moment>,
}

pub async fn page(ask: Ask, Path(number): Path<String>, Asked(paging): Asked<Paging>) -> Result<Response, Problem> {
    let first_page = paging.after.is_none();
    let (frame, seen) = ask
        .read(move |tx, reader| {
            let found = queries::unit(tx, &number, reader.now)?;
            let unit = found.ok_or_else(|| Problem::missing("unit", &number))?;
            let history = queries::history(tx, &unit.key, paging.after.as_deref(), ROWS)?;
            let mut names = telling::names(tx, &history.rows)?;
            names.add_people(tx, unit.holder.into_iter().chain(unit.codes.iter().filter_map(|bound| bound.person)))?;
            names.add_places(
                tx,
                unit.balances.iter().map(|balance| balance.place.as_str()).chain(unit.place.as_deref()),
            )?;
            let home = unit.record.as_ref().and_then(|record| record.home.as_deref());
            names.add_places(tx, home.into_iter().chain(unit.seen.as_ref().map(|(place, _)| place.as_str())))?;
            let hold = custody(tx, &unit)?;
            let newest = match paging.after {
                None => history.rows.first().cloned(),
                Some(_) => queries::history(tx, &unit.key, None, 1)?.rows.into_iter().next(),
            };
            let gone = newest.is_some_and(|row| left_without_leave(&row));
            let labels = labels::count(tx, &unit.key)?;
            Ok(Seen { unit, rows: history.rows, next: history.next, names, hold, gone, labels })
        })
        .await?;
    let lang = ask.lang();
    let shown = title(&seen.unit);
    let body = html! {
        div.stack {
            div #unit .grid data-cols="main" data-live {
                (facts(&ask.reader, &seen, &shown))
                (custodian(&ask.reader, &seen))
            }
            (codes(&ask.reader, &seen))
            section #history .card data-live[first_page] {
                header { h2 { (lang.say("history")) } a href=(format!("/movements?unit={}", crate::server::request::encoded(&shown))) { (lang.say("in-the-book")) } }
                (timeline(&ask.reader, &seen.names, &seen.rows))
                @if !first_page || seen.next.is_some() {
                    div.pages {
                        @if !first_page { a.btn href=(ask.here(&[("after", None)])) { (lang.say("newest")) } }
                        @if let Some(next) = &seen.next {
                            a.btn href=(ask.here(&[("after", Some(next))])) rel="next" { (lang.say("older")) (Sign::Next.small()) }
                        }
                    }
                }
            }
        }
    };
    Ok(ask.page(Some(Room::Movements), &shown, &frame, &body))
}

fn title(unit: &UnitView) -> String {
    unit.record.as_ref().map_or_else(|| shown_code(&unit.key), |record| record.number.clone())
}

fn custody(tx: &mut Tx, unit: &UnitView) -> Result<Hold, DatabaseError> {
    let sql = "SELECT c.since_us, c.document, p.due_us FROM custody c LEFT JOIN pass p ON p.number = c.document \
               WHERE c.unit = ?1 AND c.until_line IS NULL";
    let Some(row) = tx.query_opt(sql, &[(&unit.key).into()])? else { return Ok(Hold::default()) };
    Ok(Hold { since: row.opt_moment(0)?, document: row.opt_text(1)?.map(str::to_owned), due: row.opt_moment(2)? })
}

fn left_without_leave(row: &Happened) -> bool {
    let graves = || row.exceptions.iter().any(|reason| tone_of(reason) == Tone::Stop);
    row.act == "out" && row.corrected_by.is_none() && graves()
}

/// The one state that the chip shows, gravest first.
fn state(seen: &Seen, now: Moment) -> State {
    let (unit, due) = (&seen.unit, seen.hold.due);
    if seen.gone {
        return State::UnauthorisedExit;
    }
    if !unit.holds.is_empty() {
        return State::OnHold;
    }
    match (unit.holder, unit.checked_out) {
        (Some(_), true) => match due {
            Some(due) if due <= now => State::Overdue,
            Some(due) if due.since(now).as_secs() < SOON_S => State::DueSoon,
            _ => State::Out,
        },
        (Some(_), false) => State::UnauthorisedExit,
        (None, _) if unit.record.is_none() => State::Unregistered,
        (None, _) => match unit.place.as_deref() {
            Some("holder_unknown") => State::UnauthorisedExit,
            Some("suspense" | "lost") => State::Unplaced,
            Some(_) => State::Stored,
            // A lot has no single place: it is stored wherever a balance is.
            None if !unit.balances.is_empty() => State::Stored,
            None => State::Unplaced,
        },
    }
}

fn facts(reader: &Reader, seen: &Seen, shown: &str) -> Markup {
    let (lang, unit, names) = (reader.lang, &seen.unit, &seen.names);
    let name = unit.record.as_ref().map_or("", |record| lang.of(&record.name.zh, &record.name.en));
    html! {
        section.card {
            header {
                h1.code { (shown) }
                (state(seen, reader.now).chip(lang))
                @if 0 < unit.open_exceptions {
                    a href="/exceptions" { (tones::chip(Tone::Warn, Sign::Triangle, &lang.tell("open-count", &[("n", unit.open_exceptions.into())]))) }
                }
            }
            @if !name.is_empty() { p.faint { (name) } }
            dl.facts {
                @if let Some(item) = &unit.item {
                    dt { (lang.word("record", Content::Item(item.clone()).kind())) }
                    dd { (item.code) " · " (lang.of(&item.name.zh, &item.name.en)) }
                }
                @if let Some(quantity) = unit.record.as_ref().and_then(|record| record.quantity) {
                    dt { (lang.say("registered-amount")) } dd { (reader.quantity(quantity)) }
                }
                @if let Some(home) = unit.record.as_ref().and_then(|record| record.home.as_deref()) {
                    dt { (lang.say("home-place")) } dd { (telling::place(names, home, lang)) }
                }
                @if let Some((place, at)) = &unit.seen {
                    dt { (lang.say("last-seen")) } dd { (telling::place(names, place, lang)) " · " (reader.time(*at)) }
                }
                @let here: Vec<_> = unit.balances.iter().filter(|balance| 0 < balance.quantity.amount && telling::holder(&balance.place).is_none()).collect();
                @if !here.is_empty() {
                    dt { (lang.say("where-it-is")) }
                    dd { @for balance in here { div { (telling::place(names, &balance.place, lang)) " · " (reader.quantity(balance.quantity)) } } }
                }
                @if unit.record.is_some() {
                    dt { (lang.say("labels-printed")) }
                    dd {
                        @match seen.labels { 0 => (tones::chip(Tone::Ask, Sign::Label, &lang.say("unlabelled-one"))), labels => { (labels) " ·" } }
                        " " a href=(format!("/api/v1/units/{}/label.svg", crate::server::request::encoded(shown))) { (lang.say("label-picture")) }
                    }
                }
                @if !unit.holds.is_empty() { dt { (lang.word("state", State::OnHold.word())) } dd { (unit.holds.join(", ")) } }
            }
        }
    }
}

/// Labels and tags with their history.
fn codes(reader: &Reader, seen: &Seen) -> Markup {
    let (lang, codes) = (reader.lang, &seen.unit.codes);
    if codes.is_empty() {
        return html! {};
    }
    html! {
        section #codes .card data-live {
            header { h2 { (lang.say("labels-and-tags")) } }
            table.tbl {
                caption.hide { (lang.say("labels-and-tags")) }
                thead { tr {
                    th scope="col" { (lang.say("column-code")) }
                    th scope="col" { (lang.say("column-from")) }
                    th scope="col" { (lang.say("column-until")) }
                    th scope="col" { (lang.say("column-who")) }
                } }
                tbody {
                    @for bound in codes.iter().rev() {
                        tr {
                            td.raw data-label=(lang.say("column-code")) { (shown_code(&bound.code)) }
                            td.when data-label=(lang.say("column-from")) { (reader.time(bound.since)) }
                            td.when data-label=(lang.say("column-until")) {
                                div {
                                    @match bound.until { Some(until) => (reader.time(until)), None => (MISSING) }
                                    @if bound.replaced { " " (tones::chip(Tone::Mute, Sign::Undo, &lang.say("code-replaced"))) }
                                    @if bound.clashed && bound.in_force.is_none() { " " (tones::chip(Tone::Ask, Sign::Question, &lang.word("reason", "bound_twice"))) }
                                }
                            }
                            td data-label=(lang.say("column-who")) {
                                @match bound.person { Some(person) => (telling::person_link(&seen.names, person, lang)), None => (MISSING) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn custodian(reader: &Reader, seen: &Seen) -> Markup {
    let (lang, unit, names) = (reader.lang, &seen.unit, &seen.names);
    html! {
        section.card {
            header { h2 { (lang.say("who-has-it")) } }
            @match unit.holder {
                Some(holder) => div.stack {
                    div.line {
                        span.face data-size="large" aria-hidden="true" { (initials(&names.person(holder, lang))) }
                        div { b { (telling::person_link(names, holder, lang)) } p.faint { (names.department(holder, lang).unwrap_or(MISSING)) } }
                    }
                    @if let Some(due) = seen.hold.due {
                        @let state = state(seen, reader.now);
                        div.note data-tone=(state.tone().word()) {
                            (Sign::Clock.small()) p { (reader.near(due)) " · " (reader.time_as(due, &reader.due(due))) }
                        }
                    } @else if !unit.checked_out {
                        div.note data-tone="stop" { (Sign::Octagon.small()) p { (lang.say("seen-leaving-only")) } }
                    }
                    p.faint {
                        @if let Some(since) = seen.hold.since { (lang.say("since")) " " (reader.time(since)) }
                        @if let Some(document) = &seen.hold.document { " · " span.code { (document) } }
                    }
                },
                None => div.stack {
                    @if seen.gone { div.note data-tone="stop" { (Sign::Octagon.small()) p { (lang.say("seen-leaving-only")) } } }
                    @match unit.place.as_deref() {
                        Some(place) => p { (lang.say("nobody-place")) " " b { (telling::place(names, place, lang)) } },
                        None => p.faint { (lang.say("nobody")) },
                    }
                }
            }
        }
    }
}

fn timeline(reader: &Reader, names: &Names, rows: &[Happened]) -> Markup {
    if rows.is_empty() {
        return telling::empty(Sign::Timeline, &reader.lang.say("empty-history"));
    }
    let mut before: Option<Moment> = None;
    html! {
        ol.tl {
            @for row in rows {
                @if let Some(later) = before.filter(|later| GAP_S < later.since(row.at).as_secs()) {
                    li data-gap { (reader.lang.tell("gap", &[("span", (&reader.span(later.since(row.at).as_secs())).into())])) }
                }
                @let _ = before.replace(row.at);
                (entry(reader, names, row))
            }
        }
    }
}

fn entry(reader: &Reader, names: &Names, row: &Happened) -> Markup {
    let lang = reader.lang;
    let (sign, tone) =
        if row.corrected_by.is_some() { (Sign::Undo, Tone::Mute) } else { telling::gravest(&row.act, &row.exceptions) };
    html! {
        li data-state=[row.corrected_by.is_some().then_some("corrected")] {
            span.when { (reader.time(row.at)) }
            (telling::mark(sign, tone))
            div.main {
                div { b { (telling::word(lang, &row.act)) } (telling::towards(names, row, lang)) }
                p {
                    @for moved in &row.moves {
                        (telling::place(names, &moved.from, lang)) " → " (telling::place(names, &moved.to, lang))
                        // One piece goes without saying.
                        @if moved.quantity != Quantity::pieces(1) { " · " (reader.quantity(moved.quantity)) }
                        " · "
                    }
                    (telling::detail(names, row, lang))
                }
                @if !row.exceptions.is_empty() || row.corrected_by.is_some() {
                    div.line {
                        (telling::exception_chips(&row.act, &row.exceptions, lang))
                        @if row.corrected_by.is_some() { (State::Corrected.chip(lang)) }
                    }
                }
            }
            @let terminal = names.terminal(row.line.terminal, lang);
            span.via { (terminal) @if row.read_point != terminal { " · " (telling::place(names, &row.read_point, lang)) } }
        }
    }
}
