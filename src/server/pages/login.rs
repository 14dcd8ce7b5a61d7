//! Coming in and going out.

use axum::Extension;
use axum::extract::{ConnectInfo, Form, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use std::net::SocketAddr;
use std::time::Duration;

use crate::face::signs::Sign;
use crate::quantity::Moment;
use crate::server::Server;
use crate::server::access::{logins, password};
use crate::server::pages::shell::Ask;
use crate::server::problem::Problem;
use crate::server::request::{self, client_address};

/// Where to go on after the login.
#[derive(Debug, Default, Deserialize)]
pub struct Onward {
    next: Option<String>,
}

/// The login form, sent.
#[derive(Deserialize)]
pub struct Credentials {
    name: String,
    password: String,
    #[serde(default)]
    next: Option<String>,
}

pub async fn form(ask: Ask, uri: Uri) -> Response {
    if ask.visitor.is_some() {
        return Redirect::to("/").into_response();
    }
    let onward = axum::extract::Query::<Onward>::try_from_uri(&uri).map(|query| query.0).unwrap_or_default();
    show(&ask, StatusCode::OK, "", onward.next.as_deref(), None)
}

/// Checks name and password. The answer and its time are the same for an unknown name and a wrong password.
pub async fn enter(
    State(server): State<Server>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    ask: Ask,
    Form(sent): Form<Credentials>,
) -> Result<Response, Problem> {
    let at = Moment::now();
    let peer = peer.map(|Extension(ConnectInfo(peer))| peer);
    let address = client_address(&server, peer.as_ref(), &headers);
    let lang = ask.lang();
    let next = sent.next.as_deref();
    // Held from here on: of many tries sent at once, each hears of those before it.
    let place = server.password_checks.acquire().await;
    if let Some(wait) = server.throttle.wait(&sent.name, &address, at) {
        let span = ask.reader.span(wait.as_secs().max(60));
        let text = lang.tell("login-wait", &[("span", (&span).into())]);
        let mut response = show(&ask, StatusCode::TOO_MANY_REQUESTS, &sent.name, next, Some(&text));
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        return Ok(response);
    }
    let name = sent.name.clone();
    let stored = server.database.read(move |tx| logins::stored_password(tx, &name)).await?;
    let typed = sent.password.clone();
    let fits = typed.len() <= password::LONGEST;
    let checked = tokio::task::spawn_blocking(move || fits && password::holds(stored.as_deref(), &typed)).await;
    if !checked.unwrap_or(false) {
        server.throttle.failed(&sent.name, &address, at);
        return Ok(show(&ask, StatusCode::FORBIDDEN, &sent.name, next, Some(&lang.say("login-wrong"))));
    }
    drop(place);
    server.throttle.succeeded(&sent.name, &address);
    let life = Duration::from_secs(u64::from(server.config.session.hours) * 3_600);
    let name = sent.name;
    let token = server.database.write(move |tx| logins::open_session(tx, &name, at, life)).await?;
    Ok(moved(next_page(sent.next.as_deref()), &request::session_cookie(&server, Some(&token))))
}

/// Ends the session of this browser.
pub async fn leave(State(server): State<Server>, headers: HeaderMap) -> Result<Response, Problem> {
    if let Some(token) = request::session_token(&server, &headers) {
        server.database.write(move |tx| logins::close_session(tx, &token)).await?;
    }
    Ok(moved("/login", &request::session_cookie(&server, None)))
}

fn moved(to: &str, cookie: &str) -> Response {
    let mut response = Redirect::to(to).into_response();
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// Only a page of our own: a path that starts with one slash.
fn next_page(wanted: Option<&str>) -> &str {
    match wanted {
        Some(path) if path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n']) => path,
        _ => "/",
    }
}

fn show(ask: &Ask, status: StatusCode, name: &str, next: Option<&str>, wrong: Option<&str>) -> Response {
    let lang = ask.lang();
    let title = lang.say("log-in");
    let body = html! {
        div.desk { div.card {
            div.brand { (Sign::Brand.sized(36)) span { (ask.server.config.name) } }
            h1.hide { (title) }
            form.form method="post" action="/login" {
                @if let Some(next) = next { input type="hidden" name="next" value=(next); }
                (wrong.map_or_else(|| html! {}, note))
                div.field {
                    label for="name" { (lang.say("login-name")) }
                    input #name name="name" value=(name) autocomplete="username" autocapitalize="none" spellcheck="false"
                        maxlength="64" required autofocus[name.is_empty()];
                }
                div.field {
                    label for="password" { (lang.say("login-password")) }
                    input #password name="password" type="password" autocomplete="current-password" maxlength="256" required
                        autofocus[!name.is_empty()];
                }
                button.btn data-kind="primary" type="submit" { (title) }
            }
            div.end { span { (lang.say("login-help")) } (ask.language_switch()) }
        } }
    };
    let title = if wrong.is_some() { format!("{} · {title}", lang.say("error")) } else { title };
    ask.bare(status, &title, &body)
}

fn note(text: &str) -> Markup {
    html! { div.note role="alert" data-tone="stop" { (Sign::Cross.small()) p { (text) } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_login_a_person_stays_in_the_house() {
        for (wanted, page) in [
            (None, "/"),
            (Some("/doors?x=1"), "/doors?x=1"),
            (Some("https://evil.example"), "/"),
            (Some("//evil.example"), "/"),
            (Some("/\\evil.example"), "/"),
            (Some("/a\r\nset-cookie: x"), "/"),
        ] {
            assert_eq!(next_page(wanted), page, "{wanted:?}");
        }
    }
}
