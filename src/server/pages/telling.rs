//! How a fact is told: the same sign, tone and words in a list, a timeline and a table.

use maud::{Markup, html};

use crate::event::{Act, LabelWhy};
use crate::face::signs::Sign;
use crate::face::tones::{self, Tone};
use crate::face::values::{MISSING, Reader};
use crate::face::words::Lang;
use crate::labels::Template;
use crate::server::api::names::Names;
use crate::server::database::{DatabaseError, Tx};
use crate::server::kernel::labels::Printed;
use crate::server::kernel::queries::Happened;
use crate::server::pages::shell::{shown_code, tone_of};
use crate::server::request::encoded;

/// Places that are no shelf; their words are the kernel's.
const VIRTUAL: [&str; 8] =
    ["supplier", "customer", "scrap", "lost", "count_gain", "count_loss", "suspense", "holder_unknown"];

/// Sign and tone of what was done, by the kernel's word for it.
pub fn look(act: &str) -> (Sign, Tone) {
    match act {
        "receive" | "return" | "in" => (Sign::In, Tone::Ok),
        "put_away" => (Sign::PutAway, Tone::Ok),
        "check_out" | "out" => (Sign::Out, Tone::Accent),
        "move" => (Sign::Box, Tone::Mute),
        "count" => (Sign::Count, Tone::Mute),
        "register" => (Sign::Stamp, Tone::Ok),
        "relabel" => (Sign::Label, Tone::Mute),
        "label" => (Sign::Label, Tone::Mute),
        "attempt" => (Sign::Cross, Tone::Warn),
        _ => (Sign::Question, Tone::Ask),
    }
}

/// The word of what was done.
pub fn word(lang: Lang, act: &str) -> String {
    if let Some(act) = Act::from_word(act) {
        return lang.word("act", act.word());
    }
    match act {
        "attempt" => lang.word("kind", "attempt"),
        "label" => lang.say("label-printed"),
        "in" | "out" | "unknown" => lang.word("direction", act),
        other => other.to_owned(),
    }
}

/// Names for rows of what happened.
///
/// # Errors
/// What the store says.
pub fn names(tx: &mut Tx, rows: &[Happened]) -> Result<Names, DatabaseError> {
    let mut names = Names::default();
    names.add_units(tx, rows.iter().filter_map(|row| row.number.as_deref()))?;
    let holders = rows.iter().flat_map(|row| &row.moves).flat_map(|moved| [&moved.from, &moved.to]);
    let people: Vec<u32> =
        rows.iter().filter_map(|row| row.person).chain(holders.filter_map(|place| holder(place))).collect();
    names.add_people(tx, people)?;
    let places = rows.iter().flat_map(|row| &row.moves).flat_map(|moved| [moved.from.as_str(), moved.to.as_str()]);
    names.add_places(tx, places.chain(rows.iter().map(|row| row.read_point.as_str())))?;
    names.add_terminals(tx)?;
    Ok(names)
}

/// The person that a place stands for: `person:7`.
pub fn holder(place: &str) -> Option<u32> {
    place.strip_prefix("person:")?.parse().ok()
}

/// A place as a person reads it: a shelf by its code, a room or a door by its name, a holder's name, or a word for
/// nowhere. What is not shown stands in the title.
pub fn place(names: &Names, code: &str, lang: Lang) -> Markup {
    if let Some(person) = holder(code) {
        return person_link(names, person, lang);
    }
    if VIRTUAL.contains(&code) {
        return html! { (lang.word("somewhere", code)) };
    }
    if code.is_empty() {
        return html! { (MISSING) };
    }
    match names.place(code, lang) {
        "" => html! { span.code { (code) } },
        // The name of a shelf is its code with a word before it.
        name if name.contains(code) => html! { span.code title=(name) { (code) } },
        name => html! { span.place title=(code) { (name) } },
    }
}

/// A person, linked to what they hold.
pub fn person_link(names: &Names, person: u32, lang: Lang) -> Markup {
    html! { a href=(format!("/people/{person}")) { (names.person(person, lang)) } }
}

/// A unit's number, linked to its page; a code that nobody registered as it is read.
pub fn unit_link(number: Option<&str>, code: &str) -> Markup {
    let address = format!("/units/{}", encoded(number.unwrap_or(code)));
    match number {
        Some(number) => html! { a.code href=(address) { (number) } },
        None => html! { a.raw href=(address) { (shown_code(code)) } },
    }
}

/// The word of a broken rule. What was refused did not leave, so it is told by what was missing.
pub fn reason(lang: Lang, reason: &str, refused: bool) -> String {
    match (refused, reason) {
        (true, "no_pass") => lang.say("refused-no_pass"),
        (true, "on_hold") => lang.say("refused-on_hold"),
        _ => lang.word("reason", reason),
    }
}

/// The exceptions of a row as chips; `act` is the kernel's word for what was done.
pub fn exception_chips(act: &str, reasons: &[String], lang: Lang) -> Markup {
    html! {
        @for word in reasons {
            @let tone = tone_of(word);
            (tones::chip(tone, tones::sign_of(tone), &reason(lang, word, act == "attempt")))
            " "
        }
    }
}

/// The gravest of the exceptions, or the tone of the act itself.
pub fn gravest(act: &str, reasons: &[String]) -> (Sign, Tone) {
    let worst = reasons.iter().map(|reason| tone_of(reason)).max();
    match worst {
        Some(tone @ (Tone::Stop | Tone::Warn | Tone::Ask)) => (tones::sign_of(tone), tone),
        _ => look(act),
    }
}

/// The round mark in front of a row.
pub fn mark(sign: Sign, tone: Tone) -> Markup {
    html! { span.mark data-tone=(tone.word()) { (sign.small()) } }
}

/// Where to, or where from, in bold behind the word of the act.
pub fn towards(names: &Names, row: &Happened, lang: Lang) -> Markup {
    match (row.act.as_str(), row.moves.last()) {
        ("register" | "receive" | "put_away" | "move" | "check_out" | "return" | "in" | "out", Some(moved)) => {
            html! { " → " b { (place(names, &moved.to, lang)) } }
        }
        _ if !row.read_point.is_empty() => html! { " · " b { (place(names, &row.read_point, lang)) } },
        _ => html! {},
    }
}

/// One row of a feed: time, mark, what happened to which unit, where and by whom.
pub fn feed_row(reader: &Reader, names: &Names, row: &Happened) -> Markup {
    let lang = reader.lang;
    let taken_back = row.corrected_by.is_some();
    let (sign, tone) = if taken_back { (Sign::Undo, Tone::Mute) } else { gravest(&row.act, &row.exceptions) };
    html! {
        li data-state=[taken_back.then_some("corrected")] {
            span.when { (reader.time_as(row.at, &reader.brief(row.at))) }
            (mark(sign, tone))
            div.main {
                div { b { (word(lang, &row.act)) } " " (unit_link(row.number.as_deref(), &row.code)) (towards(names, row, lang)) }
                p {
                    @if let Some(number) = &row.number { (names.unit(number, lang)) " · " }
                    (detail(names, row, lang))
                }
            }
            @if !row.exceptions.is_empty() { div.chips { (exception_chips(&row.act, &row.exceptions, lang)) } }
        }
    }
}

/// Who, under which paper, at which station.
pub fn detail(names: &Names, row: &Happened, lang: Lang) -> Markup {
    html! {
        @if let Some(person) = row.person { (person_link(names, person, lang)) " · " }
        @if let Some(document) = &row.document { span.code { (document) } " · " }
        (row.station)
        @if let Some(label) = &row.label { " · " (label_told(label, lang)) }
    }
}

/// The title of a template of the house; a terminal's own is known here by its name alone.
pub fn template(name: &str, lang: Lang) -> Markup {
    match Template::named(name) {
        Some(Ok(own)) => html! { (lang.of(&own.title.chinese, &own.title.english)) },
        Some(Err(_)) | None => html! { span.code { (name) } },
    }
}

/// Which label it was: the first, a further one of the same order, or one in the place of another.
fn label_told(label: &Printed, lang: Lang) -> Markup {
    let nth = [("n", label.nth.into())];
    html! {
        (template(&label.template, lang))
        @match label.why {
            LabelWhy::First if label.nth < 2 => {},
            LabelWhy::First | LabelWhy::Copy => { " · " (lang.tell("label-nth", &nth)) },
            LabelWhy::Reprint => { " · " (tones::chip(Tone::Warn, Sign::Label, &lang.tell("label-reprint", &[("n", label.nth.saturating_sub(1).into())]))) }
        }
    }
}

/// An empty list: what will be here.
pub fn empty(sign: Sign, text: &str) -> Markup {
    html! { div.empty { (sign.sized(36)) p { (text) } } }
}
