//! One person: what they hold.

use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};

use crate::face::signs::Sign;
use crate::face::values::{MISSING, Reader};
use crate::quantity::Moment;
use crate::server::api::names::Names;
use crate::server::api::{Asked, Paging, ROWS};
use crate::server::database::Value;
use crate::server::kernel::queries::{self, Held};
use crate::server::pages::shell::{Ask, Room};
use crate::server::pages::telling;
use crate::server::problem::Problem;

pub async fn page(ask: Ask, Path(number): Path<u32>, Asked(paging): Asked<Paging>) -> Result<Response, Problem> {
    let (frame, (held, due, names)) = ask
        .read(move |tx, _| {
            let held = queries::custody(tx, Some(number), paging.after.as_deref(), ROWS)?;
            let mut names = Names::default();
            names.add_people(tx, [number])?;
            names.add_units(tx, held.rows.iter().filter_map(|held| held.number.as_deref()))?;
            let papers: Vec<Value> = held.rows.iter().filter_map(|held| Some(held.document.as_ref()?.into())).collect();
            let rows = tx.query_many("SELECT number, due_us FROM pass WHERE number = ?1", &papers)?;
            let due: Vec<(String, Moment)> =
                rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.moment(1)?))).collect::<Result<_, Problem>>()?;
            Ok((held, due, names))
        })
        .await?;
    let lang = ask.lang();
    let name = names.person(number, lang);
    let body = html! {
        div.head { h1 { (name) } span.faint { (names.department(number, lang).unwrap_or(MISSING)) } }
        section #held .card data-flush data-live {
            @if held.rows.is_empty() { (telling::empty(Sign::Person, &lang.say("holds-nothing"))) } @else {
                (table(&ask.reader, &names, &held.rows, &due))
                @if let Some(next) = &held.next {
                    div.pages { a.btn href=(ask.here(&[("after", Some(next))])) rel="next" { (lang.say("next-page")) (Sign::Next.small()) } }
                }
            }
        }
    };
    Ok(ask.page(Some(Room::Home), &name, &frame, &body))
}

fn table(reader: &Reader, names: &Names, rows: &[Held], due: &[(String, Moment)]) -> Markup {
    let lang = reader.lang;
    html! {
        table.tbl {
            caption.hide { (lang.say("who-has-it")) }
            thead { tr {
                th scope="col" { (lang.say("column-units")) }
                th scope="col" { (lang.say("since")) }
                th scope="col" { (lang.say("paper")) }
                th scope="col" { (lang.say("due")) }
            } }
            tbody {
                @for held in rows {
                    @let due = due.iter().find(|(paper, _)| Some(paper) == held.document.as_ref()).map(|(_, due)| *due);
                    tr {
                        td.lead { div { (telling::unit_link(held.number.as_deref(), &held.unit)) @if let Some(number) = &held.number { p { (names.unit(number, lang)) } } } }
                        td.when data-label=(lang.say("since")) { (reader.time(held.since)) }
                        td data-label=(lang.say("paper")) { (held.document.as_deref().unwrap_or(MISSING)) }
                        td data-label=(lang.say("due")) { @match due { Some(due) => div { (reader.near(due)) p { (reader.time_as(due, &reader.due(due))) } }, None => (MISSING) } }
                    }
                }
            }
        }
    }
}
