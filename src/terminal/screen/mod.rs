//! The terminal's own screen: pages, the scans and touches that come from them, and the stream of answers.
//!
//! Pages are rendered here and kept true by events (SSE) that carry the parts that changed. Without script every form
//! still works. On this machine no key is asked; from elsewhere `screen.key` is, once, by a link with `?key=`.

mod desk;
mod forms;
mod gate;
mod health;
mod labels;
mod live;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use hardware::camera;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::time;

use crate::face::assets;
use crate::face::signs::Sign;
use crate::face::values::{MISSING, Reader};
use crate::face::words::Lang;
use crate::quantity::Moment;
use crate::terminal::answer::Say;
use crate::terminal::door::View;
use crate::terminal::handheld::Input;
use crate::terminal::house::{Given, House};
use crate::terminal::printing::Printing;
use crate::terminal::station::{DeskShown, Order, Shown, Station};
use crate::terminal::watching::{Watch, ended};

/// How long answers that are on their way may take when the terminal stops.
const GOODBYE: Duration = Duration::from_millis(500);
/// How long a cookie with the key lives: a shift and a night.
const COOKIE_S: u32 = 24 * 3600;

/// What the screen is made of.
#[derive(Clone)]
pub struct Screen {
    pub house: Arc<House>,
    pub watch: Arc<Watch>,
    pub stations: Vec<Station>,
    pub printing: Arc<Printing>,
    /// Language when the reader chose none.
    pub language: String,
    /// Key that browsers elsewhere must show.
    pub key: Option<String>,
}

/// A part of a page that changes: the id of its element and what is inside.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    id: &'static str,
    html: String,
}

impl Part {
    fn new(id: &'static str, inside: Markup) -> Part {
        Part { id, html: inside.into_string() }
    }
}

struct Shared {
    screen: Screen,
    /// What the cookie holds: a hash of the key, so that the key itself stays in the configuration.
    ticket: Option<String>,
    stop: watch::Receiver<bool>,
}

type Here = State<Arc<Shared>>;

/// Serves the screen until `stop` becomes true.
pub async fn serve(listener: TcpListener, screen: Screen, stop: watch::Receiver<bool>) {
    let ticket = screen.key.as_ref().map(|key| {
        let hash = blake3::derive_key("gatebook terminal screen v1", key.as_bytes());
        crate::hex::encode(&hash)
    });
    let shared = Arc::new(Shared { screen, ticket, stop: stop.clone() });
    let service = router(shared).into_make_service_with_connect_info::<SocketAddr>();
    let (mut told, mut stop) = (stop.clone(), stop);
    let serving = axum::serve(listener, service).with_graceful_shutdown(async move { ended(&mut told).await });
    // A browser that holds a connection open without asking anything would hold the end up for as long as it likes.
    let over = async {
        ended(&mut stop).await;
        time::sleep(GOODBYE).await;
    };
    tokio::select! {
        served = async { serving.await } => {
            if let Err(error) = served {
                tracing::error!("the screen stopped serving: {error}");
            }
        }
        () = over => (),
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/s/{station}", get(page))
        .route("/s/{station}/list", get(list))
        .route("/s/{station}/events", get(live::events))
        .route("/health", get(health_page))
        .route("/status.json", get(status_json))
        .route("/answers", get(live::answers))
        .route("/scan", post(forms::scan))
        .route("/act", post(forms::act))
        .route("/undo", post(forms::undo))
        .route("/amount", post(forms::amount))
        .route("/item", post(forms::item))
        .route("/confirm", post(forms::confirm))
        .route("/picture", post(forms::picture).layer(DefaultBodyLimit::max(camera::FILE_MAX + 4096)))
        .route("/acknowledge", post(forms::acknowledge))
        .route("/check", post(forms::check))
        .route("/labels", get(labels::page))
        .route("/labels/print", post(labels::print))
        .route("/labels/job", post(labels::will))
        .route("/labels/events", get(labels::events))
        .route("/labels.json", get(labels::list))
        .route("/lang", get(language))
        .layer(middleware::from_fn_with_state(shared.clone(), guard))
        .route("/assets/{file}", get(asset))
        .layer(middleware::map_response(secured))
        .with_state(shared)
}

async fn secured(mut response: Response) -> Response {
    assets::secure(response.headers_mut());
    response
}

async fn asset(request: Request) -> Response {
    assets::answer(request.uri().path(), request.headers()).into_response()
}

/// Lets in who sits at this machine or has shown the key, and refuses writes that a page of another site sends.
async fn guard(
    State(shared): Here,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    if request.method() != Method::GET && !same_origin(headers) {
        return (StatusCode::FORBIDDEN, "this request came from a page of another site\n").into_response();
    }
    let local = peer.ip().to_canonical().is_loopback();
    let Some(ticket) = &shared.ticket else {
        // Without a key the screen listens on loopback only; a foreign name in Host is a page that was rebound to it.
        return match local && host_is_local(headers) {
            true => next.run(request).await,
            false => (StatusCode::FORBIDDEN, "this screen is for the machine it runs on\n").into_response(),
        };
    };
    if local && host_is_local(headers) || cookie(headers, "gatebook_key").is_some_and(|shown| same(shown, ticket)) {
        return next.run(request).await;
    }
    let shown = Query::<Key>::try_from_uri(request.uri()).ok().and_then(|Query(shown)| shown.key);
    let right = shown.is_some_and(|shown| shared.screen.key.as_ref().is_some_and(|key| same(&shown, key)));
    if right {
        let cookie = format!("gatebook_key={ticket}; Path=/; Max-Age={COOKIE_S}; HttpOnly; SameSite=Strict");
        let mut response = Redirect::to(request.uri().path()).into_response();
        set_cookie(&mut response, &cookie);
        return response;
    }
    let lang = lang_of(headers, &shared.screen.language);
    let body = html! { main.list { h1 { (lang.say("t-key-title")) } p { (lang.say("t-key-say")) } } };
    // A second between guesses of one connection: the key is long, this only keeps the log short.
    time::sleep(Duration::from_secs(1)).await;
    (StatusCode::UNAUTHORIZED, document(lang, "Gatebook", "", "", false, body)).into_response()
}

#[derive(Deserialize)]
struct Key {
    key: Option<String>,
}

/// Compares without telling by its time how much was right.
fn same(one: &str, other: &str) -> bool {
    blake3::hash(one.as_bytes()) == blake3::hash(other.as_bytes())
}

fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match (text(header::ORIGIN), text(header::HOST)) {
        (None, _) => true,
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, named)| named == host),
        (Some(_), None) => false,
    }
}

fn host_is_local(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|value| value.to_str().ok()) else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let sent = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = sent.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

fn lang_of(headers: &HeaderMap, configured: &str) -> Lang {
    cookie(headers, "gatebook_lang").and_then(Lang::from_tag).or_else(|| Lang::from_tag(configured)).unwrap_or_default()
}

/// Hour, minute and second at the site.
fn clock(reader: &Reader, at: Moment) -> String {
    match Timestamp::from_microsecond(at.0) {
        Ok(stamp) => stamp.to_zoned(reader.zone.clone()).strftime("%H:%M:%S").to_string(),
        Err(_) => MISSING.to_owned(),
    }
}

/// A station's name as a part of an address.
fn path(station: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    station
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

impl Shared {
    fn reader(&self, headers: &HeaderMap) -> Reader {
        let house = &self.screen.house;
        let lang = lang_of(headers, &self.screen.language);
        Reader { lang, zone: house.zone.clone(), now: house.now().at }
    }

    fn station(&self, name: &str) -> Option<&Station> {
        self.screen.stations.iter().find(|station| &*station.name == name)
    }

    /// The station that a form names; without a name the only one, or the only one where acts are done.
    fn meant(&self, name: Option<&str>) -> Option<&Station> {
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            return self.station(name);
        }
        let mut desks = self.screen.stations.iter().filter(|station| matches!(station.shown, Shown::Desk(_)));
        match (self.screen.stations.as_slice(), desks.next(), desks.next()) {
            ([only], _, _) => Some(only),
            (_, Some(desk), None) => Some(desk),
            _ => None,
        }
    }

    fn parts(&self, station: &Station, reader: &Reader) -> Vec<Part> {
        let house = &self.screen.house;
        let status = self.screen.watch.status();
        match &station.shown {
            Shown::Desk(shown) => {
                let shown = shown.borrow().clone();
                let mut parts =
                    house.decide(house.now(), |world| desk::parts(&station.name, &shown, &status, reader, world));
                if let Some(answer) = parts.iter_mut().find(|part| part.id == "answer") {
                    answer.html += &self.offer(&shown, reader.lang).into_string();
                }
                parts
            }
            Shown::Door(shown) => {
                let shown = shown.borrow().clone();
                let faults = self.screen.watch.faults(&station.name);
                let seen = gate::Seen {
                    station: &station.name,
                    place: &station.place,
                    shown: &shown,
                    status: &status,
                    faults: &faults,
                };
                house.decide(house.now(), |world| gate::parts(&seen, reader, world))
            }
        }
    }

    /// The label of the piece that was scanned last, where there is a printer.
    fn offer(&self, shown: &DeskShown, lang: Lang) -> Markup {
        // A code that once stood for a piece and is prepared for another is no reason to print for the first.
        let last = shown.last.as_ref().map(|given| &given.answer);
        let last = last.filter(|answer| !matches!(answer.say, Say::Prepared { .. }));
        let unit = last.and_then(|answer| answer.unit.as_deref());
        let fresh = last.is_some_and(|answer| matches!(answer.say, Say::Registered { .. }));
        match unit.filter(|_| !self.screen.printing.printers.is_empty()) {
            Some(unit) => html! {
                a.btn.offer data-kind=[fresh.then_some("primary")] href=(format!("/labels?of={}", path(unit))) { (Sign::Label.small()) (lang.say("t-print-label")) }
            },
            None => html! {},
        }
    }

    /// Hands something to a station and waits for its answer.
    async fn ask(&self, station: &Station, input: Input) -> Option<Arc<Given>> {
        let (reply, answer) = oneshot::channel();
        station.orders.send(Order::Input { input, reply }).await.ok()?;
        answer.await.ok()
    }
}

fn document(lang: Lang, title: &str, station: &str, kind: &str, live: bool, body: Markup) -> Markup {
    let events = live.then(|| format!("/s/{}/events", path(station)));
    document_hearing(lang, title, station, kind, events, body)
}

/// A page that hears the events of the address `events`.
fn document_hearing(
    lang: Lang,
    title: &str,
    station: &str,
    kind: &str,
    events: Option<String>,
    body: Markup,
) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(lang.tag()) data-density="touch" data-theme=[(kind == "door").then_some("dark")] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover";
                title { (title) }
                link rel="icon" href=(assets::href("brand.svg")) type="image/svg+xml";
                link rel="stylesheet" href=(assets::href("face.css"));
                link rel="stylesheet" href=(assets::href("terminal.css"));
                script src=(assets::href("terminal.js")) defer {}
            }
            body data-kind=(kind) data-station=(station) data-events=[events]
                data-lost=(lang.say("t-screen-lost")) data-touch=(lang.say("t-touch-sound")) {
                (body)
                p.lost id="lost" role="alert" hidden {}
                p.stale id="unlock" hidden {}
                input.catch id="catch" inputmode="none" autocomplete="off" aria-hidden="true" tabindex="-1";
            }
        }
    }
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "there is no such station; / lists those of this terminal\n").into_response()
}

async fn home(State(shared): Here, headers: HeaderMap) -> Response {
    if let [only] = shared.screen.stations.as_slice() {
        return Redirect::to(&format!("/s/{}", path(&only.name))).into_response();
    }
    let lang = lang_of(&headers, &shared.screen.language);
    let body = html! {
        main.list {
            h1 { (shared.screen.house.name) }
            @for station in &shared.screen.stations { a.btn href=(format!("/s/{}", path(&station.name))) { (station.name) } }
            a.btn href="/labels" { (Sign::Label.small()) (lang.say("t-labels")) }
            a.btn data-kind="link" href="/health" { (lang.say("t-health")) }
        }
    };
    document(lang, &shared.screen.house.name, "", "home", false, body).into_response()
}

async fn page(State(shared): Here, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(station) = shared.station(&name) else { return not_found() };
    let reader = shared.reader(&headers);
    let kind = match station.shown {
        Shown::Desk(_) => "desk",
        Shown::Door(_) => "door",
    };
    let body = html! {
        @for part in shared.parts(station, &reader) { div.part id=(part.id) { (maud::PreEscaped(part.html)) } }
    };
    document(reader.lang, &name, &name, kind, true, body).into_response()
}

#[derive(Deserialize)]
struct ListQuery {
    wrong: Option<String>,
}

async fn list(
    State(shared): Here,
    Path(name): Path<String>,
    Query(query): Query<ListQuery>,
    headers: HeaderMap,
) -> Response {
    let Some(station) = shared.station(&name) else { return not_found() };
    let Shown::Desk(shown) = &station.shown else {
        return Redirect::to(&format!("/s/{}", path(&name))).into_response();
    };
    let reader = shared.reader(&headers);
    let shown = shown.borrow().clone();
    let house = &shared.screen.house;
    let wrong = query.wrong.is_some();
    let list = house.decide(house.now(), |world| desk::list(&name, &shown, wrong, &reader, world));
    let body = html! {
        (list)
        div.more { a.btn href="/labels" { (Sign::Label.small()) (reader.lang.say("t-labels")) } }
    };
    document(reader.lang, &name, &name, "list", false, body).into_response()
}

async fn health_page(State(shared): Here, headers: HeaderMap) -> Response {
    let reader = shared.reader(&headers);
    let alarms: Vec<&str> = shared
        .screen
        .stations
        .iter()
        .filter(|station| match &station.shown {
            Shown::Door(shown) => matches!(shown.borrow().view, View::Stop { .. }),
            Shown::Desk(_) => false,
        })
        .map(|station| &*station.name)
        .collect();
    let body = health::page(&shared.screen.watch.status(), &shared.screen.stations, &alarms, &reader);
    // A scan on this page is meant for the only station there is.
    let station = shared.meant(None).map_or("", |station| &*station.name);
    document(reader.lang, &shared.screen.house.name, station, "health", false, body).into_response()
}

async fn status_json(State(shared): Here) -> Response {
    axum::Json(shared.screen.watch.status()).into_response()
}

#[derive(Deserialize)]
struct LangQuery {
    to: String,
}

async fn language(headers: HeaderMap, Query(query): Query<LangQuery>) -> Response {
    let lang = Lang::from_tag(&query.to).unwrap_or_default();
    let from =
        headers.get(header::REFERER).and_then(|value| value.to_str().ok()).and_then(|from| from.split("://").nth(1));
    let back = from.and_then(|from| from.find('/').and_then(|at| from.get(at..))).unwrap_or("/");
    // Two slashes would lead to another host.
    let back = if back.starts_with("//") { "/" } else { back };
    let mut response = Redirect::to(back).into_response();
    set_cookie(&mut response, &format!("gatebook_lang={}; Path=/; Max-Age=31536000; SameSite=Strict", lang.tag()));
    response
}
