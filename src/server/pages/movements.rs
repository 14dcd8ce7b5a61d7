//! The book: every line, newest first, by cursor.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use crate::event::{Act, Body, Handling, LabelWhy, Ruling, Sensed, System};
use crate::face::signs::Sign;
use crate::face::tones::{self, State as Chip, Tone};
use crate::face::values::{MISSING, Reader};
use crate::face::words::Lang;
use crate::quantity::{Quantity, Unit};
use crate::server::Server;
use crate::server::api::lines::{self, Filter, Order, Select, Told};
use crate::server::api::names::{Names, somebody};
use crate::server::api::{Asked, Paging, page as cut};
use crate::server::database::{DatabaseError, Tx};
use crate::server::pages::shell::{Ask, Room, shown_code};
use crate::server::pages::telling;
use crate::server::problem::Problem;
use crate::sync::records::Record;

/// Units of one line that a row names before it counts the rest.
const NAMED: usize = 3;

pub async fn page(State(_): State<Server>, ask: Ask, Asked(filter): Asked<WithLang>) -> Result<Response, Problem> {
    let filter = filter.filter();
    let limit = Paging { after: None, limit: filter.limit }.limit()?;
    let before = match &filter.after {
        None => u64::MAX,
        Some(text) => {
            text.parse().map_err(|_| Problem::unreadable(format!("after is `{text}`; use the buttons of the page")))?
        }
    };
    let asked = filter.clone();
    let (frame, (rows, names)) = ask
        .read(move |tx, _| {
            let select = Select::of(tx, &asked)?;
            let rows = lines::told(tx, &select, Order::NewestBefore(before), limit + 1)?;
            let names = names(tx, &rows)?;
            Ok((rows, names))
        })
        .await?;
    let rows = cut(rows, limit, |row| row.stored.position.to_string());
    let lang = ask.lang();
    let title = Room::Movements.name(lang);
    let first_page = filter.after.is_none();
    let body = html! {
        div.head { h1 { (title) } @if let Some(terminal) = filter.terminal { span.faint { (names.terminal(terminal, lang)) } } }
        nav.facets aria-label=(lang.say("filter")) {
            (facet(&ask, &filter, None))
            @for kind in KINDS { (facet(&ask, &filter, Some(kind))) }
            @if filter.terminal.is_some() || filter.unit.is_some() {
                a.facet href=(ask.here(&[("terminal", None), ("unit", None), ("after", None)])) aria-current="true" {
                    (filter.unit.clone().unwrap_or_else(|| names.terminal(filter.terminal.unwrap_or_default(), lang))) (Sign::Cross.small())
                }
            }
        }
        p.facets { a href="/unlabelled" { (Sign::Label.small()) " " (lang.say("unlabelled")) } }
        // Only the first page moves: rows do not slide away under whoever reads an older one.
        section #rows .card data-flush data-live[first_page] {
            @if rows.items.is_empty() {
                (telling::empty(Sign::Timeline, &lang.say(if filter.kind.is_some() { "nothing-matches" } else { "empty-movements" })))
            } @else {
                (table(&ask.reader, &names, &rows.items))
                @if !first_page || rows.next.is_some() { div.pages {
                    @if !first_page { a.btn href=(ask.here(&[("after", None)])) { (lang.say("newest")) } }
                    @if let Some(next) = &rows.next {
                        a.btn href=(ask.here(&[("after", Some(next))])) rel="next" { (lang.say("next-page")) (Sign::Next.small()) }
                    }
                } }
            }
        }
    };
    Ok(ask.page(Some(Room::Movements), &title, &frame, &body))
}

/// Kinds of lines to choose from, the most frequent first.
const KINDS: [&str; 8] =
    ["movement", "passage", "attempt", "registration", "relabelling", "correction", "decision", "system"];

/// The filter of the API, and the language that any page may carry.
#[derive(Debug, serde::Deserialize)]
pub struct WithLang {
    after: Option<String>,
    limit: Option<usize>,
    unit: Option<String>,
    terminal: Option<u32>,
    kind: Option<String>,
}

impl WithLang {
    fn filter(self) -> Filter {
        let WithLang { after, limit, unit, terminal, kind } = self;
        Filter { after, limit, since: None, unit, terminal, kind }
    }
}

fn facet(ask: &Ask, filter: &Filter, kind: Option<&str>) -> Markup {
    let chosen = filter.kind.as_deref() == kind;
    let text = kind.map_or_else(|| ask.lang().say("everything"), |kind| ask.lang().word("kind", kind));
    html! {
        a.facet href=(ask.here(&[("kind", kind), ("after", None)])) aria-current=[chosen.then_some("true")] { (text) }
    }
}

fn names(tx: &mut Tx, rows: &[Told]) -> Result<Names, DatabaseError> {
    let mut names = Names::default();
    names.add_terminals(tx)?;
    names.add_units(tx, rows.iter().flat_map(|row| &row.units).map(String::as_str))?;
    let mut people = Vec::new();
    let mut places = Vec::new();
    for row in rows {
        let Ok(body) = &row.body else { continue };
        if let Some(handling) = handling(body) {
            people.extend(handling.person);
            places.push(handling.read_point.as_str());
        }
        match body {
            Body::Movement(movement) => {
                people.extend(movement.to_person);
                places.extend(movement.from.as_deref());
                places.extend(movement.to.as_deref());
            }
            Body::Passage(passage) => places.extend([passage.inside.as_str(), passage.outside.as_str()]),
            Body::Decision(decision) => people.extend(decision.person),
            Body::Registration(registration) => places.extend(registration.to.as_deref()),
            Body::Attempt(_) | Body::Correction(_) | Body::System(_) | Body::Relabelling(_) => (),
        }
    }
    names.add_people(tx, people)?;
    names.add_places(tx, places)?;
    Ok(names)
}

fn handling(body: &Body) -> Option<&Handling> {
    match body {
        Body::Movement(movement) => Some(&movement.handling),
        Body::Attempt(attempt) => Some(&attempt.handling),
        Body::Passage(passage) => Some(&passage.handling),
        Body::Correction(correction) => Some(&correction.handling),
        Body::Registration(registration) => Some(&registration.handling),
        Body::Relabelling(relabelling) => Some(&relabelling.handling),
        Body::System(System::LabelPrinted(label)) => Some(&label.handling),
        Body::Decision(_) | Body::System(_) => None,
    }
}

fn table(reader: &Reader, names: &Names, rows: &[Told]) -> Markup {
    let lang = reader.lang;
    html! {
        table.tbl {
            caption.hide { (Room::Movements.name(lang)) }
            thead { tr {
                th scope="col" { (lang.say("column-time")) }
                th scope="col" { (lang.say("column-what")) }
                th scope="col" { (lang.say("column-units")) }
                th scope="col" { (lang.say("column-where")) }
                th scope="col" { (lang.say("column-who")) }
                th scope="col" { (lang.say("column-terminal")) }
            } }
            tbody {
                @for row in rows {
                    tr data-state=[row.corrected.then_some("corrected")] {
                        td.when data-label=(lang.say("column-time")) { (reader.time_as(row.stored.corrected, &reader.near(row.stored.corrected))) }
                        td data-label=(lang.say("column-what")) { (what(reader, row)) }
                        td data-label=(lang.say("column-units")) { (units(reader, names, row)) }
                        td data-label=(lang.say("column-where")) { div { (whereabouts(reader, names, row)) } }
                        td data-label=(lang.say("column-who")) { (who(reader, names, row)) }
                        td.when data-label=(lang.say("column-terminal")) {
                            span title=(format!("{} · {}", row.stored.line.seq, row.stored.line.hash)) { (names.terminal(row.stored.book.terminal, lang)) }
                        }
                    }
                }
            }
        }
    }
}

/// The kernel's word for what a line did, for its sign.
fn act(body: &Body) -> &'static str {
    match body {
        Body::Movement(movement) => movement.act.word(),
        Body::Attempt(_) => "attempt",
        Body::Passage(passage) => passage.direction.word(),
        Body::Registration(_) => Act::Register.word(),
        Body::Relabelling(_) => Act::Relabel.word(),
        Body::Correction(_) | Body::Decision(_) | Body::System(_) => "",
    }
}

fn what(reader: &Reader, row: &Told) -> Markup {
    let lang = reader.lang;
    let (sign, tone, text) = match &row.body {
        Err(_) => (Sign::Question, Tone::Ask, lang.word("kind", "unknown")),
        Ok(Body::Correction(_)) => (Sign::Undo, Tone::Mute, lang.word("kind", "correction")),
        Ok(Body::Decision(_)) => (Sign::Stamp, Tone::Mute, lang.word("kind", "decision")),
        Ok(Body::System(System::LabelPrinted(_))) => (Sign::Label, Tone::Mute, lang.say("label-printed")),
        Ok(Body::System(_)) => (Sign::Terminal, Tone::Mute, lang.word("kind", "system")),
        Ok(body) => {
            let (sign, tone) = telling::gravest(act(body), &row.exceptions);
            let text = match lines::act(body) {
                Some(done) => lang.word("act", done.word()),
                None => telling::word(lang, act(body)),
            };
            (sign, tone, text)
        }
    };
    html! {
        div {
            span.line { (telling::mark(sign, tone)) b { (text) } }
            @if let Ok(Body::Attempt(attempt)) = &row.body {
                p { (lang.word("kind", "attempt"))
                    @if !row.exceptions.iter().any(|reason| reason == attempt.reason.word()) { " · " (telling::reason(lang, attempt.reason.word(), true)) } }
            }
            @if !row.exceptions.is_empty() || row.corrected {
                div.line {
                    (telling::exception_chips(row.body.as_ref().map_or("", act), &row.exceptions, lang))
                    @if row.corrected { (Chip::Corrected.chip(lang)) }
                }
            }
        }
    }
}

fn units(reader: &Reader, names: &Names, row: &Told) -> Markup {
    let lang = reader.lang;
    html! {
        div {
            @match &row.body {
                Ok(Body::Decision(decision)) => (ruling(reader, &decision.ruling)),
                Ok(Body::System(system)) => {
                    @if let System::LabelPrinted(_) = system { @for unit in &row.units { div { (numbered(names, unit, lang)) } } }
                    (report(reader, system))
                },
                Err(why) => p lang="en" { (why) },
                Ok(_) if row.units.is_empty() => (MISSING),
                Ok(_) => {
                    @for unit in row.units.iter().take(NAMED) {
                        div { (numbered(names, unit, lang)) }
                    }
                    @if NAMED < row.units.len() { p { (lang.tell("and-more", &[("n", (row.units.len() as u64 - NAMED as u64).into())])) } }
                    @if let Ok(body) = &row.body { (codes(body)) }
                }
            }
        }
    }
}

/// What a line said about codes: those that went, and after the arrow those that came.
fn codes(body: &Body) -> Markup {
    let (release, bind) = match body {
        Body::Registration(registration) => (&[][..], registration.bind.as_slice()),
        Body::Relabelling(relabelling) => (&relabelling.release[..], &relabelling.bind[..]),
        Body::Movement(_)
        | Body::Attempt(_)
        | Body::Passage(_)
        | Body::Correction(_)
        | Body::Decision(_)
        | Body::System(_) => return html! {},
    };
    let listed = |codes: &[String]| match codes {
        [] => MISSING.to_owned(),
        codes => codes.iter().map(|code| shown_code(code)).collect::<Vec<_>>().join(", "),
    };
    match (release, bind) {
        ([], []) => html! {},
        ([], bind) => html! { p { "→ " span.code { (listed(bind)) } } },
        (release, bind) => html! { p { span.code { (listed(release)) } " → " span.code { (listed(bind)) } } },
    }
}

/// A unit by its number, with its name.
fn numbered(names: &Names, unit: &str, lang: Lang) -> Markup {
    let name = names.unit(unit, lang);
    html! {
        a.code href=(format!("/units/{}", crate::server::request::encoded(unit))) { (shown_code(unit)) }
        @if !name.is_empty() { span.faint { " " (name) } }
    }
}

fn ruling(reader: &Reader, ruling: &Ruling) -> Markup {
    let lang = reader.lang;
    match ruling {
        Ruling::Put { record } => match serde_json::from_slice::<Record>(&record.0) {
            Ok(record) => html! {
                (lang.word("record", record.content.kind())) " " span.code { (shown_code(&record.content.key())) }
                p { (lang.tell("version", &[("n", record.version.into())])) @if record.withdrawn { " · " (lang.say("withdrawn")) } }
            },
            Err(_) => html! { (lang.word("kind", "unknown")) },
        },
        Ruling::Settle { reason, note, .. } => html! {
            (lang.say("settled-exception")) " " b { (lang.word("reason", reason)) }
            @if !note.is_empty() { p { (note) } }
        },
        Ruling::Enrol { name, .. } => html! { (lang.say("enrolled-terminal")) " " b { (name) } },
        Ruling::Revoke { terminal } => html! { (lang.say("revoked-terminal")) " " b { (terminal) } },
    }
}

fn report(reader: &Reader, system: &System) -> Markup {
    let lang = reader.lang;
    match system {
        System::Started { version, .. } => html! { (lang.say("system-started")) " " span.faint { (version) } },
        System::Stopped => html! { (lang.say("system-stopped")) },
        System::ClockOffset { offset_us, .. } => html! { (lang.say("system-clock")) " " b { (seconds(*offset_us)) } },
        System::KeyChanged { .. } => html! { (lang.say("system-key")) },
        System::Health { subject, ok, text } => html! {
            b { (subject) } " " (lang.say(if *ok { "system-works" } else { "system-fails" }))
            @if !text.is_empty() { p lang="en" { (text) } }
        },
        System::LabelPrinted(label) => html! {
            span.faint { (telling::template(&label.template, lang)) }
            @if label.why == LabelWhy::Reprint { " " (tones::chip(Tone::Warn, Sign::Label, &lang.say("label-again"))) }
        },
        System::SelfCheck { shown, written } => html! {
            (lang.tell("system-check", &[("shown", (*shown).into()), ("written", (*written).into())]))
        },
        System::Sensed { read_point, device, sensed } => html! {
            (told_by_sensor(reader, sensed)) p { (shown_code(read_point)) " · " (device) }
        },
    }
}

fn told_by_sensor(reader: &Reader, sensed: &Sensed) -> Markup {
    let lang = reader.lang;
    match sensed {
        Sensed::Weight { micrograms, net, .. } => html! {
            (lang.say(if *net { "sensed-net-weight" } else { "sensed-weight" })) " "
            b { (reader.quantity(Quantity { amount: *micrograms, unit: Unit::Mass })) }
        },
        Sensed::Climate { temperature_millicelsius, humidity_millipercent } => html! {
            (lang.say("sensed-climate"))
            @if let Some(warmth) = temperature_millicelsius { " " b { (tenths(*warmth)) " °C" } }
            @if let Some(damp) = humidity_millipercent { " " b { (tenths(*damp)) " %" } }
        },
        Sensed::Contact { line, closed } => html! {
            (lang.tell(if *closed { "sensed-closed" } else { "sensed-open" }, &[("line", u64::from(*line).into())]))
        },
    }
}

/// Thousandths to one decimal.
fn tenths(thousandths: i32) -> String {
    let tenths = (thousandths.unsigned_abs() + 50) / 100;
    let sign = if thousandths < 0 && 0 < tenths { "\u{2212}" } else { "" };
    format!("{sign}{}.{}", tenths / 10, tenths % 10)
}

/// A clock error with its sign: `+0.4 s`.
pub fn seconds(us: i64) -> String {
    let tenths = us.unsigned_abs().div_ceil(50_000) / 2;
    let sign = match us.signum() {
        _ if tenths == 0 => "",
        -1 => "\u{2212}",
        _ => "+",
    };
    format!("{sign}{}.{} s", tenths / 10, tenths % 10)
}

fn whereabouts(reader: &Reader, names: &Names, row: &Told) -> Markup {
    let lang = reader.lang;
    let place = |code: &str| telling::place(names, code, lang);
    match &row.body {
        Ok(Body::Movement(movement)) => {
            let to = movement
                .to
                .as_deref()
                .map(place)
                .or_else(|| movement.to_person.map(|person| telling::person_link(names, person, lang)));
            html! {
                @if let Some(from) = &movement.from { (place(from)) }
                @if let Some(to) = to { " → " (to) } @else if movement.from.is_none() { (place(&movement.handling.read_point)) }
            }
        }
        Ok(Body::Passage(passage)) => match passage.direction {
            crate::event::Direction::In => html! { (place(&passage.outside)) " → " (place(&passage.inside)) },
            crate::event::Direction::Out => html! { (place(&passage.inside)) " → " (place(&passage.outside)) },
            crate::event::Direction::Unknown => place(&passage.handling.read_point),
        },
        Ok(body) => match handling(body) {
            Some(handling) => place(&handling.read_point),
            None => html! { (MISSING) },
        },
        Err(_) => html! { (MISSING) },
    }
}

fn who(reader: &Reader, names: &Names, row: &Told) -> Markup {
    let lang = reader.lang;
    let person = match &row.body {
        Ok(Body::Decision(decision)) => decision.person,
        Ok(body) => handling(body).and_then(|handling| handling.person),
        Err(_) => None,
    };
    html! {
        @match person {
            Some(person) => (telling::person_link(names, person, lang)),
            None => (somebody(names, None, lang)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_error_reads_in_tenths() {
        for (us, text) in [
            (0, "0.0 s"),
            (400_000, "+0.4 s"),
            (-1_260_000, "\u{2212}1.3 s"),
            (40_000, "0.0 s"),
            (59_960_000, "+60.0 s"),
        ] {
            assert_eq!(seconds(us), text, "{us}");
        }
    }
}
