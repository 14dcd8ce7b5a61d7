//! Registered units of which no label was ever printed.

use axum::response::Response;
use maud::html;

use crate::face::signs::Sign;
use crate::server::api::{Asked, Paging};
use crate::server::kernel::labels;
use crate::server::pages::shell::{Ask, Room};
use crate::server::pages::telling;
use crate::server::problem::Problem;

pub async fn page(ask: Ask, Asked(paging): Asked<Paging>) -> Result<Response, Problem> {
    let limit = paging.limit()?;
    let first_page = paging.after.is_none();
    let (frame, found) = ask.read(move |tx, _| Ok(labels::unlabelled(tx, paging.after(), limit)?)).await?;
    let lang = ask.lang();
    let title = lang.say("unlabelled");
    let body = html! {
        div.head { h1 { (title) } span.faint { (lang.say("unlabelled-say")) } }
        section #unlabelled .card data-live[first_page] {
            @if found.rows.is_empty() { (telling::empty(Sign::Label, &lang.say("unlabelled-none"))) }
            ul.rows {
                @for unit in &found.rows {
                    li { div.main { (telling::unit_link(Some(&unit.number), &unit.number)) " " span.faint { (lang.of(&unit.name_zh, &unit.name_en)) } } }
                }
            }
            @if !first_page || found.next.is_some() {
                div.pages {
                    @if !first_page { a.btn href=(ask.here(&[("after", None)])) { (lang.say("newest")) } }
                    @if let Some(next) = &found.next {
                        a.btn href=(ask.here(&[("after", Some(next))])) rel="next" { (lang.say("next-page")) (Sign::Next.small()) }
                    }
                }
            }
        }
    };
    Ok(ask.page(Some(Room::Movements), &title, &frame, &body))
}
