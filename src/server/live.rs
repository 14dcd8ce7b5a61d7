//! Liveness: pages hear that the book moved or that a terminal fell silent, and ask for themselves again.
//!
//! An event carries no content: what a person may see is decided when the page is asked for. Its id is the position of
//! the book, so a page that was cut off learns at once whether it missed anything.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures_util::stream;

use crate::server::Server;

/// At most one event in this span, however fast the book grows.
const CALM: Duration = Duration::from_secs(1);
/// A sign of life, so that a page knows within moments that its line is cut.
const BEAT: Duration = Duration::from_secs(5);

/// `GET /live`: `moved` with the state as data whenever it changes, `beat` in between.
pub async fn stream_events(State(server): State<Server>, headers: HeaderMap) -> impl IntoResponse {
    let known = headers.get("last-event-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let events = stream::unfold((server, known), |(server, known)| async move {
        let mut book = server.database.subscribe();
        let mut fleet = server.fleet.subscribe();
        let mut stopping = server.stopping.clone();
        loop {
            if *stopping.borrow_and_update() {
                return None;
            }
            let state = format!("{}.{}", book.borrow_and_update().position, *fleet.borrow_and_update());
            if state != known {
                tokio::time::sleep(if known.is_empty() { Duration::ZERO } else { CALM }).await;
                let event = Event::default().event("moved").id(&state).data(&state);
                return Some((Ok::<_, Infallible>(event), (server, state)));
            }
            tokio::select! {
                _ = book.changed() => (),
                _ = fleet.changed() => (),
                _ = stopping.changed() => (),
                () = tokio::time::sleep(BEAT) => {
                    return Some((Ok(Event::default().event("beat").data("")), (server, known)));
                }
            }
        }
    });
    Sse::new(events)
}
