//! What a page hears without asking: the answers, and the parts of itself that changed.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::{broadcast, watch};
use tokio::time;

use crate::terminal::house::Given;
use crate::terminal::screen::{Here, Shared, not_found};
use crate::terminal::station::{Shown, Station};
use crate::terminal::watching::ended;

/// The clock and the link on a page are looked at this often.
pub(super) const BEAT: Duration = Duration::from_secs(1);
/// A page that hears nothing for longer than this knows that its terminal is gone.
const SIGN_OF_LIFE: u32 = 3;

/// One JSON object per answer and line, from now on.
pub(super) async fn answers(State(shared): Here) -> Response {
    let answers = shared.screen.house.answers();
    let stop = shared.stop.clone();
    let lines = stream::unfold((answers, stop), |(mut answers, mut stop)| async move {
        loop {
            let given = tokio::select! {
                () = ended(&mut stop) => return None,
                given = answers.recv() => given,
            };
            match given {
                Ok(given) => {
                    let line = format!("{}\n", given.to_json());
                    return Some((Ok::<_, Infallible>(Bytes::from(line)), (answers, stop)));
                }
                // The reader was too slow: it sees a gap in `number`.
                Err(broadcast::error::RecvError::Lagged(_)) => (),
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}

/// The events of one page: the parts that changed, each answer once, a sign of life.
pub(super) async fn events(State(shared): Here, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(station) = shared.station(&name).cloned() else { return not_found() };
    let feed = Feed {
        stop: shared.stop.clone(),
        answers: shared.screen.house.answers(),
        beat: time::interval(BEAT),
        beats: 0,
        sent: HashMap::new(),
        headers,
        station,
        shared,
    };
    let pages = stream::unfold(feed, |mut feed| async move {
        let text = feed.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(text)), feed))
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(pages)).into_response()
}

struct Feed {
    shared: Arc<Shared>,
    station: Station,
    headers: HeaderMap,
    stop: watch::Receiver<bool>,
    answers: broadcast::Receiver<Arc<Given>>,
    beat: time::Interval,
    beats: u32,
    sent: HashMap<&'static str, String>,
}

impl Feed {
    /// The next text for the page; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            let mut text = String::new();
            let mut answer = None;
            let changed = async {
                match &mut self.station.shown {
                    Shown::Desk(shown) => shown.changed().await.is_ok(),
                    Shown::Door(shown) => shown.changed().await.is_ok(),
                }
            };
            tokio::select! {
                biased;
                () = ended(&mut self.stop) => return None,
                given = self.answers.recv() => match given {
                    Ok(given) if given.station == self.station.name => answer = Some(given),
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => continue,
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
                going_on = changed => if !going_on { return None },
                _ = self.beat.tick() => self.beats += 1,
            }
            let reader = self.shared.reader(&self.headers);
            for part in self.shared.parts(&self.station, &reader) {
                if self.sent.get(part.id) != Some(&part.html) {
                    event(&mut text, part.id, &part.html);
                    self.sent.insert(part.id, part.html);
                }
            }
            if let Some(given) = answer {
                event(&mut text, "answered", &sounded(&given).to_string());
            }
            if SIGN_OF_LIFE <= self.beats {
                self.beats = 0;
                event(&mut text, "beat", "");
            }
            if !text.is_empty() {
                return Some(text);
            }
        }
    }
}

/// The answer with what a browser needs to sound and shake.
fn sounded(given: &Given) -> serde_json::Value {
    let outcome = given.answer.outcome;
    let mut object = given.to_json();
    object["square"] = outcome.square().into();
    object["sound"] = serde_json::json!(outcome.sound());
    object["vibration"] = serde_json::json!(outcome.vibration());
    object
}

/// One event of the stream. Line ends inside the data would end it.
pub(super) fn event(text: &mut String, name: &str, data: &str) {
    text.push_str("event: ");
    text.push_str(name);
    for line in data.split(['\n', '\r']) {
        text.push_str("\ndata: ");
        text.push_str(line);
    }
    text.push_str("\n\n");
}
