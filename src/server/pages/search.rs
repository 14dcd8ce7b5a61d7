//! Search anywhere: an exact number or code opens its page at once, otherwise a few of each kind.

use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use serde::Deserialize;

use crate::face::signs::Sign;
use crate::hex;
use crate::identity::Identifier;
use crate::numbers::{self, Reading};
use crate::quantity::Moment;
use crate::server::api::Asked;
use crate::server::catalog::store;
use crate::server::database::{DatabaseError, Tx};
use crate::server::kernel::queries;
use crate::server::pages::shell::{Ask, Room};
use crate::server::pages::telling;
use crate::server::problem::Problem;
use crate::server::request::encoded;

/// Results of each kind.
const EACH: usize = 8;
/// Longest text that is looked for, in characters: an element string with several keys.
const LONGEST: usize = 200;

/// What was typed or scanned.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    q: String,
}

struct Hit {
    address: String,
    code: String,
    name: String,
}

enum Found {
    /// The page of exactly this.
    Page(String),
    Lists {
        units: Vec<Hit>,
        people: Vec<Hit>,
        terminals: Vec<Hit>,
        /// What is wrong with a number of the house.
        wrong: Option<String>,
    },
}

pub async fn page(ask: Ask, Asked(wanted): Asked<Wanted>) -> Result<Response, Problem> {
    let text: String = wanted.q.trim().chars().take(LONGEST).collect();
    if text.is_empty() {
        return Ok(Redirect::to("/").into_response());
    }
    let asked = text.clone();
    let (frame, found) = ask.read(move |tx, reader| Ok(find(tx, &asked, reader.now, reader.lang)?)).await?;
    let (units, people, terminals, wrong) = match found {
        Found::Page(address) => return Ok(Redirect::to(&address).into_response()),
        Found::Lists { units, people, terminals, wrong } => (units, people, terminals, wrong),
    };
    let lang = ask.lang();
    let body = html! {
        div.head { h1 { (lang.say("search")) } span.code { (text) } }
        @if let Some(wrong) = wrong { div.note data-tone="ask" { (Sign::Question.small()) p { (wrong) } } }
        @if units.is_empty() && people.is_empty() && terminals.is_empty() {
            section.card { (telling::empty(Sign::Search, &lang.tell("found-nothing", &[("text", (&text).into())]))) }
        }
        div.stack {
            @for (title, hits) in [
                (lang.word("record", "unit"), units), (lang.word("record", "person"), people), (Room::Terminals.name(lang), terminals),
            ] {
                @if !hits.is_empty() {
                    section.card {
                        header { h2 { (title) } }
                        ul.rows { @for hit in hits { li { div.main { a.code href=(hit.address) { (hit.code) } " " span.faint { (hit.name) } } } } }
                    }
                }
            }
        }
    };
    Ok(ask.page(None, &lang.say("search"), &frame, &body))
}

fn find(tx: &mut Tx, text: &str, now: Moment, lang: crate::face::words::Lang) -> Result<Found, DatabaseError> {
    for candidate in candidates(text) {
        if let Some(unit) = queries::unit(tx, &candidate, now)? {
            let number = unit.record.map_or(unit.key, |record| record.number);
            return Ok(Found::Page(format!("/units/{}", encoded(&number))));
        }
    }
    let series: Vec<_> = store::series(tx)?.into_iter().map(|series| series.numbers).collect();
    let wrong = match numbers::read(text, &series) {
        Reading::Wrong(wrong) => Some(lang.wrong_number(&wrong)),
        Reading::Right(_) | Reading::NotOurs => None,
    };
    // `%` and `_` are what a person typed, not wildcards.
    let plain = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let like = format!("%{}%", plain.to_lowercase());
    let mut hits = |sql: &str, folder: &str| -> Result<Vec<Hit>, DatabaseError> {
        let rows = tx.query(sql, &[(&like).into(), EACH.into()])?;
        rows.iter()
            .map(|row| {
                let code = row.text(0)?.to_owned();
                let name = lang.of(row.text(1)?, row.text(2)?).to_owned();
                Ok(Hit { address: format!("{folder}{}", encoded(&code)), code, name })
            })
            .collect()
    };
    let units = hits(
        "SELECT number, name_zh, name_en FROM unit WHERE withdrawn = 0 AND (lower(number) LIKE ?1 ESCAPE '\\' \
         OR lower(name_zh) LIKE ?1 ESCAPE '\\' OR lower(name_en) LIKE ?1 ESCAPE '\\') ORDER BY number LIMIT ?2",
        "/units/",
    )?;
    let people = hits(
        "SELECT CAST(number AS TEXT), name_zh, name_en FROM person WHERE withdrawn = 0 AND (lower(name_zh) LIKE ?1 ESCAPE '\\' \
         OR lower(name_en) LIKE ?1 ESCAPE '\\') ORDER BY name_en LIMIT ?2",
        "/people/",
    )?;
    let terminals = hits(
        "SELECT CAST(number AS TEXT), name, name FROM terminal WHERE lower(name) LIKE ?1 ESCAPE '\\' ORDER BY name LIMIT ?2",
        "/movements?terminal=",
    )?;
    Ok(Found::Lists { units, people, terminals, wrong })
}

/// What a typed or scanned text may mean: as it is, as a symbol, as the memory of a tag in hex.
fn candidates(text: &str) -> Vec<String> {
    let mut candidates = vec![text.to_owned(), Identifier::of_symbol(None, text.as_bytes()).to_string()];
    // What is shorter than four bytes is a number that a person meant.
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if let Some(epc) = hex::decode(&plain.to_lowercase()).filter(|epc| 4 <= epc.len()) {
        candidates.push(Identifier::of_tag(&epc).to_string());
    }
    candidates
}
