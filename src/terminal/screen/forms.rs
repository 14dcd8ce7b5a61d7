//! What comes from a page: scans, touches, pictures.

use std::sync::Arc;

use axum::extract::{Form, Multipart, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use tokio::sync::oneshot;

use crate::event::Act;
use crate::quantity::Quantity;
use crate::terminal::capture;
use crate::terminal::handheld::Input;
use crate::terminal::house::Given;
use crate::terminal::pictures;
use crate::terminal::screen::{Here, not_found, path};
use crate::terminal::station::{Order, Station};

/// Longest code that a person or a wedge scanner sends, in characters.
const CODE_MAX: usize = 8192;

#[derive(Deserialize)]
pub(super) struct ScanForm {
    station: Option<String>,
    code: String,
}

pub(super) async fn scan(State(shared): Here, headers: HeaderMap, Form(form): Form<ScanForm>) -> Response {
    let Some(station) = shared.meant(form.station.as_deref()) else { return not_found() };
    let code = form.code.trim_matches(['\r', '\n', '\t']);
    if code.is_empty() || CODE_MAX < code.chars().count() {
        let text = format!("a code has 1 to {CODE_MAX} characters; scan again\n");
        return (StatusCode::UNPROCESSABLE_ENTITY, text).into_response();
    }
    let (identifier, doubt) = capture::typed(code);
    let input = Input::Scan { identifier, device: "screen".to_owned(), doubt };
    answered(&headers, station, shared.ask(station, input).await)
}

#[derive(Deserialize)]
pub(super) struct ActForm {
    station: Option<String>,
    act: String,
}

pub(super) async fn act(State(shared): Here, headers: HeaderMap, Form(form): Form<ActForm>) -> Response {
    let Some(station) = shared.meant(form.station.as_deref()) else { return not_found() };
    let input = match form.act.as_str() {
        "" => Input::End,
        word => match Act::from_word(word) {
            Some(act) => Input::Start(act),
            None => {
                let text = "there is no such act; write receive, put_away, check_out, return, move, count, register or relabel\n";
                return (StatusCode::UNPROCESSABLE_ENTITY, text).into_response();
            }
        },
    };
    answered(&headers, station, shared.ask(station, input).await)
}

#[derive(Deserialize)]
pub(super) struct StationForm {
    station: Option<String>,
}

pub(super) async fn undo(State(shared): Here, headers: HeaderMap, Form(form): Form<StationForm>) -> Response {
    let Some(station) = shared.meant(form.station.as_deref()) else { return not_found() };
    answered(&headers, station, shared.ask(station, Input::Undo).await)
}

pub(super) async fn confirm(State(shared): Here, headers: HeaderMap, Form(form): Form<StationForm>) -> Response {
    let Some(station) = shared.meant(form.station.as_deref()) else { return not_found() };
    answered(&headers, station, shared.ask(station, Input::Confirm).await)
}

#[derive(Deserialize)]
pub(super) struct ItemForm {
    station: Option<String>,
    item: String,
}

pub(super) async fn item(State(shared): Here, headers: HeaderMap, Form(form): Form<ItemForm>) -> Response {
    let Some(station) = shared.meant(form.station.as_deref()) else { return not_found() };
    answered(&headers, station, shared.ask(station, Input::Item(form.item)).await)
}

#[derive(Deserialize)]
pub(super) struct AmountForm {
    station: Option<String>,
    amount: String,
}

pub(super) async fn amount(State(shared): Here, headers: HeaderMap, Form(form): Form<AmountForm>) -> Response {
    let Some(station) = shared.meant(form.station.as_deref()) else { return not_found() };
    let quantity = form.amount.parse::<Quantity>().ok().filter(|quantity| 0 < quantity.amount);
    let Some(quantity) = quantity else {
        return Redirect::to(&format!("/s/{}/list?wrong=amount#amount", path(&station.name))).into_response();
    };
    answered(&headers, station, shared.ask(station, Input::Amount(quantity)).await)
}

/// A picture that a person took: every code in it is a scan, in order; the last answer is returned.
pub(super) async fn picture(State(shared): Here, headers: HeaderMap, mut form: Multipart) -> Response {
    let mut name = None;
    let mut bytes = None;
    loop {
        let refused = |why: String| {
            (StatusCode::BAD_REQUEST, format!("the picture did not arrive whole: {why}\n")).into_response()
        };
        match form.next_field().await {
            Ok(None) => break,
            Ok(Some(field)) => match field.name().unwrap_or_default() {
                "station" => match field.text().await {
                    Ok(text) => name = Some(text),
                    Err(error) => return refused(error.body_text()),
                },
                "picture" => match field.bytes().await {
                    Ok(sent) => bytes = Some(sent),
                    Err(error) => return refused(error.body_text()),
                },
                _ => (),
            },
            Err(error) => return refused(error.body_text()),
        }
    }
    let Some(station) = shared.meant(name.as_deref()) else { return not_found() };
    let read = tokio::task::spawn_blocking(move || pictures::reads(&bytes.unwrap_or_default())).await;
    let reads = match read {
        Ok(Ok(reads)) => reads,
        Ok(Err(error)) => return (StatusCode::UNPROCESSABLE_ENTITY, format!("{error}\n")).into_response(),
        Err(_) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, "the picture could not be read; take it anew\n")
                .into_response();
        }
    };
    let mut last = None;
    for read in &reads {
        let capture::Capture::Scan { identifier, doubt } = capture::capture(read) else { continue };
        last = shared.ask(station, Input::Scan { identifier, device: "camera".to_owned(), doubt }).await;
    }
    if reads.is_empty() {
        let (reply, answer) = oneshot::channel();
        if station.orders.send(Order::Unreadable { reply }).await.is_ok() {
            last = answer.await.ok();
        }
    }
    answered(&headers, station, last)
}

pub(super) async fn acknowledge(State(shared): Here, Form(form): Form<StationForm>) -> Response {
    let Some(station) = shared.meant(form.station.as_deref()) else { return not_found() };
    let (reply, answer) = oneshot::channel();
    if station.orders.send(Order::Acknowledge { reply }).await.is_err() || answer.await.is_err() {
        return stopping();
    }
    Redirect::to("/health").into_response()
}

pub(super) async fn check(State(shared): Here) -> Response {
    match shared.screen.watch.check().await {
        Ok(_) => Redirect::to("/health").into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

fn stopping() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "the terminal is stopping; scan again when it has started\n").into_response()
}

/// The answer as JSON for a script, or back to the page for a form.
fn answered(headers: &HeaderMap, station: &Station, given: Option<Arc<Given>>) -> Response {
    let Some(given) = given else { return stopping() };
    let wants_page = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    match wants_page {
        true => Redirect::to(&format!("/s/{}", path(&station.name))).into_response(),
        false => axum::Json(given.to_json()).into_response(),
    }
}
