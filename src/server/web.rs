//! Every route of the server on one page, each with what a visitor needs for it. `guard` asks before any handler runs.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::uri::Uri;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, get, post};

use crate::face::assets;
use crate::quantity::Moment;
use crate::server::Server;
use crate::server::access::logins;
use crate::server::access::{Came, Right, Visitor};
use crate::server::api;
use crate::server::live;
use crate::server::pages;
use crate::server::problem::{Problem, Shown};
use crate::server::request::{encoded, session_token};
use crate::server::sync;
use crate::sync::wire;

/// Largest body of a page or API request, in bytes: a record with a pass for some thousand units.
const BODY_MAX: usize = 256 * 1024;

/// A stranger's request that is not done by then is given up: it waits for a body that trickles in.
const STRANGER: Duration = Duration::from_secs(30);

/// What a route asks of who comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: the login, the files of a page, the bare ok.
    Nothing,
    /// A request signed with an enrolled terminal's key, or the one-time code; the handler checks it.
    Signature,
    /// Anyone who is logged in.
    Login,
    /// A role that has this right.
    May(Right),
}

/// One address with its method.
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub need: Need,
    handler: MethodRouter<Server>,
}

/// The whole product.
pub fn routes() -> Vec<Route> {
    use Need::{Login, May, Nothing, Signature};
    use Right::{CheckBook, EditRecords, ManageAccess, ReadBook, RunTerminals, SettleExceptions};
    let route = |method, path, need, handler| Route { method, path, need, handler };
    let read = |path, need, handler| route(Method::GET, path, need, handler);
    let write = |path, need, handler| route(Method::POST, path, need, handler);
    vec![
        read("/health", Nothing, get(|| async { "ok\n" })),
        read("/assets/{file}", Nothing, get(asset)),
        read("/login", Nothing, get(pages::login::form)),
        write("/login", Nothing, post(pages::login::enter)),
        write("/logout", Login, post(pages::login::leave)),
        read("/", May(ReadBook), get(pages::home::page)),
        read("/live", May(ReadBook), get(live::stream_events)),
        read("/search", May(ReadBook), get(pages::search::page)),
        read("/doors", May(ReadBook), get(pages::doors::page)),
        read("/movements", May(ReadBook), get(pages::movements::page)),
        read("/units/{number}", May(ReadBook), get(pages::unit::page)),
        read("/unlabelled", May(ReadBook), get(pages::unlabelled::page)),
        read("/people/{number}", May(ReadBook), get(pages::person::page)),
        read("/exceptions", May(ReadBook), get(pages::exceptions::page)),
        write("/exceptions/{id}/settle", May(SettleExceptions), post(pages::exceptions::settle)),
        read("/terminals", May(ReadBook), get(pages::terminals::page)),
        write("/terminals/enrol", May(RunTerminals), post(pages::terminals::enrol)),
        write("/terminals/{number}/revoke", May(RunTerminals), post(pages::terminals::revoke)),
        read("/access", May(ManageAccess), get(pages::access::page)),
        write("/access/logins", May(ManageAccess), post(pages::access::add_login)),
        write("/access/logins/{name}", May(ManageAccess), post(pages::access::switch_login)),
        write("/access/tokens", May(ManageAccess), post(pages::access::add_token)),
        write("/access/tokens/{number}/revoke", May(ManageAccess), post(pages::access::revoke_token)),
        read("/api/v1/movements", May(ReadBook), get(api::lines::list)),
        read("/api/v1/units", May(ReadBook), get(api::units::list)),
        read("/api/v1/units/{number}", May(ReadBook), get(api::units::one)),
        read("/api/v1/units/{number}/label.svg", May(ReadBook), get(api::labels::as_svg)),
        read("/api/v1/units/{number}/label.png", May(ReadBook), get(api::labels::as_png)),
        read("/api/v1/items", May(ReadBook), get(api::records::items)),
        read("/api/v1/places", May(ReadBook), get(api::records::places)),
        read("/api/v1/people", May(ReadBook), get(api::records::people)),
        read("/api/v1/custody", May(ReadBook), get(api::units::custody)),
        read("/api/v1/balances", May(ReadBook), get(api::units::balances)),
        read("/api/v1/exceptions", May(ReadBook), get(api::exceptions::list)),
        write("/api/v1/exceptions/{id}/settle", May(SettleExceptions), post(api::exceptions::settle)),
        // What kind of record it is decides the right; the handler asks for it.
        write("/api/v1/records", Login, post(api::records::put)),
        read("/api/v1/numbers", May(ReadBook), get(api::numbers::list)),
        write("/api/v1/numbers", May(EditRecords), post(api::numbers::give)),
        read("/api/v1/terminals", May(ReadBook), get(api::fleet::list)),
        write("/api/v1/terminals/enrolment-code", May(RunTerminals), post(api::fleet::enrolment_code)),
        write("/api/v1/terminals/{number}/revoke", May(RunTerminals), post(api::fleet::revoke)),
        read("/api/v1/digest", May(CheckBook), get(api::records::digest)),
        write(wire::ENROL, Signature, post(sync::enrol)),
        write(wire::HELLO, Signature, post(sync::hello)),
        write(wire::BATCH, Signature, post(sync::batch)),
        read(wire::DOWN, Signature, get(sync::down)),
        write(wire::RETURN, Signature, post(sync::take_back)),
    ]
}

/// The router with a guard before each route.
pub fn router(server: Server) -> Router {
    let mut router = Router::new();
    for route in routes() {
        let limit = match route.need {
            Need::Signature => wire::BATCH_BYTES_MAX,
            Need::Nothing | Need::Login | Need::May(_) => BODY_MAX,
        };
        let guarded: MethodRouter<Server> = route
            .handler
            .layer::<_, Infallible>(middleware::from_fn_with_state((server.clone(), route.need), guard))
            .layer(DefaultBodyLimit::max(limit));
        router = router.route(route.path, guarded);
    }
    router.fallback(pages::shell::nowhere).layer(middleware::from_fn(seal_headers)).with_state(server)
}

/// Lets a request through to its handler when who asks may do this. The handler finds the [`Visitor`] as an extension.
async fn guard(State((server, need)): State<(Server, Need)>, mut request: Request, next: Next) -> Response {
    let program = request.uri().path().starts_with("/api/");
    if need == Need::Signature {
        return next.run(request).await;
    }
    // No text of the house holds a zero byte, and PostgreSQL takes none.
    if request.uri().to_string().contains("%00") {
        return Problem::unreadable("the address holds a zero byte").into_response();
    }
    let visitor = match visitor(&server, request.headers()).await {
        Ok(visitor) => visitor,
        Err(problem) => return problem.into_response(),
    };
    // A token is never sent by a browser on its own, so no other site can make one act with it.
    let by_token = visitor.as_ref().is_some_and(|visitor| visitor.came == Came::Token);
    if !request.method().is_safe() && !by_token && !from_our_own_page(request.headers()) {
        return Problem::new(StatusCode::FORBIDDEN, "refused", "this request was not made by a page of this server")
            .help("Open the page at the server's own address and try again there.")
            .into_response();
    }
    let allowed = match (need, &visitor) {
        (Need::Nothing, _) => true,
        (Need::Login, Some(_)) => true,
        (Need::May(right), Some(visitor)) => visitor.roles.may(right),
        (Need::Signature | Need::Login | Need::May(_), _) => false,
    };
    match visitor {
        visitor if allowed => {
            if let Some(visitor) = visitor {
                request.extensions_mut().insert(visitor);
            }
            let (parts, body) = request.into_parts();
            let ask = (!program).then(|| pages::shell::Ask::of(&server, &parts));
            let running = next.run(Request::from_parts(parts, body));
            let response = match need {
                Need::Nothing => tokio::time::timeout(STRANGER, running).await.unwrap_or_else(|_| too_slow()),
                Need::Signature | Need::Login | Need::May(_) => running.await,
            };
            match (ask, response.extensions().get::<Shown>()) {
                // A person gets a page in their language, a program gets problem+json.
                (Some(ask), Some(shown)) => ask.refusal(shown.status, &shown.refusal),
                _ => response,
            }
        }
        Some(visitor) => match (need, program) {
            (Need::May(right), false) => pages::shell::no_right(&server, request, visitor, right).await,
            (Need::May(right), true) => Problem::no_right(right).into_response(),
            _ => Problem::new(StatusCode::FORBIDDEN, "refused", "this is not for you").into_response(),
        },
        None if program || request.uri().path() == "/live" => {
            Problem::new(StatusCode::UNAUTHORIZED, "who are you", "this needs a login or a token")
                .help("Send `Authorization: Bearer` with a token that an administrator made.")
                .into_response()
        }
        None => to_login(request.method(), request.uri()),
    }
}

fn too_slow() -> Response {
    let detail = format!("the request did not arrive within {} s", STRANGER.as_secs());
    Problem::new(StatusCode::REQUEST_TIMEOUT, "too slow", detail).help("Send it again.").into_response()
}

/// After the login the person goes on where they wanted to go; a form that was sent is not sent again.
fn to_login(method: &Method, uri: &Uri) -> Response {
    let wanted = uri.path_and_query().map_or("/", |path| path.as_str());
    let address = match *method {
        Method::GET if wanted != "/" => format!("/login?next={}", encoded(wanted)),
        _ => "/login".to_owned(),
    };
    Redirect::to(&address).into_response()
}

async fn visitor(server: &Server, headers: &HeaderMap) -> Result<Option<Visitor>, Problem> {
    let at = Moment::now();
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if let Some(token) = bearer {
        let token = token.trim().to_owned();
        return server.database.read(move |tx| Ok(logins::of_token(tx, &token)?)).await;
    }
    match session_token(server, headers) {
        Some(token) => server.database.read(move |tx| Ok(logins::of_session(tx, &token, at)?)).await,
        None => Ok(None),
    }
}

/// Browsers say where a request comes from: `Sec-Fetch-Site`, or `Origin` in older ones. Whoever says neither is no
/// browser of a person, and programs use tokens.
fn from_our_own_page(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    let (Some(origin), Some(host)) = (text(header::ORIGIN), text(header::HOST)) else { return false };
    origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host))
}

async fn asset(uri: Uri, headers: HeaderMap) -> Response {
    assets::answer(uri.path(), &headers)
}

async fn seal_headers(request: Request, next: Next) -> Response<Body> {
    let mut response = next.run(request).await;
    assets::secure(response.headers_mut());
    response
}
