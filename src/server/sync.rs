//! The terminals' side of HTTP: [`crate::sync::wire`] over POST and GET. Signature and bounds are checked here; what a
//! batch means is decided in `intake`.
//!
//! The time in a signed request is not compared with ours: terminals with a wrong clock must be heard. A request that is
//! recorded and sent again does no harm: a batch is taken once, and answers go to whoever holds the TLS connection.

use std::time::Duration;

use axum::RequestExt;
use axum::body::{self, Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ed25519_dalek::VerifyingKey;
use futures_util::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::hex::Hex;
use crate::quantity::Moment;
use crate::server::Server;
use crate::server::api::Asked;
use crate::server::book;
use crate::server::catalog::terminals;
use crate::server::enrolment::{self, EnrolError};
use crate::server::intake::{self, Intake, Refused};
use crate::server::problem::Problem;
use crate::server::request;
use crate::sync::wire::{self, Batch, Down, Enrol, Hello, Packed, Return, Returned};

/// Records in one answer of the downlink.
const RECORDS: usize = 200;
/// Largest body of a message that carries no lines and no records, in bytes: a hello with a list of troubles.
const WORD_MAX: usize = 64 * 1024;
/// A body that takes longer than this to arrive is given up: it holds a place that others wait for.
const ARRIVAL: Duration = Duration::from_secs(30);
/// Longest wait that a terminal may ask for, in seconds.
const WAIT_MAX: u64 = 25;

/// The two encodings of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Postcard,
    Json,
}

impl Encoding {
    fn of(kind: &str) -> Option<Encoding> {
        match kind.split(';').next().unwrap_or_default().trim() {
            wire::POSTCARD => Some(Encoding::Postcard),
            wire::JSON => Some(Encoding::Json),
            _ => None,
        }
    }
}

/// A request whose signature holds.
struct Signed {
    terminal: u32,
    answer: Encoding,
    body: Bytes,
    kind: Option<Encoding>,
    packed: bool,
}

/// `POST enrol`: a one-time code for a number and the server's key. Signed with the key that it brings.
pub async fn enrol(State(server): State<Server>, request: Request) -> Result<Response, Problem> {
    let peer = request.extensions().get::<ConnectInfo<std::net::SocketAddr>>().map(|ConnectInfo(peer)| *peer);
    let address = request::client_address(&server, peer.as_ref(), request.headers());
    let at = Moment::now();
    // A code has no name, so the address stands for it: with one name for all, a stranger's tries would keep everyone out.
    if let Some(wait) = server.throttle.wait(&address, &address, at) {
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many tries", "too many wrong codes from here")
            .help("Wait, then ask the administrator for a new code.")
            .retry_after(wait.as_secs().max(1)));
    }
    number(request.headers())?;
    let (parts, body) = request.into_parts();
    // The key that signed comes in the body.
    let bytes = arrived(&parts, body).await?;
    let signed = unchecked(&parts.headers, bytes);
    let sent: Enrol = read(&signed)?;
    is_the_signed_one(check(&parts, &sent.key)?, &signed.body)?;
    let key = server.key.clone();
    let enrolled = server.database.write(move |tx| enrolment::enrol(tx, &key, &sent, at)).await;
    match enrolled {
        Ok(enrolled) => {
            server.fleet_changed();
            Ok(answer(signed.answer, StatusCode::OK, &enrolled))
        }
        Err(error @ EnrolError::Code) => {
            server.throttle.failed(&address, &address, at);
            Err(Problem::new(StatusCode::FORBIDDEN, "refused", error.to_string()).help(error.help()))
        }
        Err(error @ EnrolError::Terminal { .. }) => {
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", error.to_string()).help(error.help()))
        }
        Err(EnrolError::Decide(error)) => Err(error.into()),
    }
}

/// `POST hello`: where the server stands in this terminal's book.
pub async fn hello(State(server): State<Server>, request: Request) -> Result<Response, Problem> {
    let signed = signed(&server, request).await?;
    let hello: Hello = read(&signed)?;
    let (oldest, newest) = wire::VERSIONS;
    let (theirs_oldest, theirs_newest) = hello.versions;
    if theirs_newest < oldest || newest < theirs_oldest {
        let detail = format!(
            "the terminal speaks versions {theirs_oldest} to {theirs_newest} of the protocol, the server {oldest} to {newest}"
        );
        let help = if theirs_newest < oldest { "Update the terminal." } else { "Update the server first." };
        return Err(Problem::new(StatusCode::UPGRADE_REQUIRED, "versions do not meet", detail).help(help));
    }
    own_book(signed.terminal, hello.book.terminal)?;
    let (terminal, at, key) = (signed.terminal, Moment::now(), server.key.clone());
    let mut reply = server
        .database
        .write(move |tx| Ok::<_, Problem>(intake::hello(tx, &key, terminal, &hello, at)?))
        .await?
        .map_err(refused)?;
    server.fleet_changed();
    reply.answered = Moment::now();
    Ok(answer(signed.answer, StatusCode::OK, &reply))
}

/// `POST batch`: lines from the server's cursor on.
pub async fn batch(State(server): State<Server>, request: Request) -> Result<Response, Problem> {
    let vouched = vouched(&server, request).await?;
    // Taken before the body is read, since waiting batches would fill the memory; and after the signature was judged, so
    // that no stranger holds a place.
    let Ok(_place) = server.batches.try_acquire() else {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "too many batches are being taken in")
            .help("Send the same batch again in a moment.")
            .retry_after(1));
    };
    let signed = received(vouched).await?;
    let batch: Batch = read(&signed)?;
    own_book(signed.terminal, batch.book.terminal)?;
    if wire::BATCH_LINES_MAX < batch.lines.len() {
        let detail = format!("the batch has {} lines, the limit is {}", batch.lines.len(), wire::BATCH_LINES_MAX);
        return Err(
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too large", detail).help("Send fewer lines at a time.")
        );
    }
    let (key, at) = (server.key.clone(), Moment::now());
    let taken = server.database.write(move |tx| Ok::<_, Problem>(intake::take_in(tx, &key, &batch, at)?)).await?;
    server.seen(signed.terminal, at);
    match taken {
        Intake::Taken(reply) => Ok(answer(signed.answer, StatusCode::OK, &reply)),
        Intake::Refused(why) => Err(refused(why)),
    }
}

/// The query of [`down`].
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct From {
    cursor: u64,
    /// Seconds to wait when there is nothing.
    #[serde(default)]
    wait_s: u64,
}

/// `GET down`: records above a cursor. Waits for one, but answers often enough that a terminal which only listens still
/// shows that it lives.
pub async fn down(State(server): State<Server>, mut request: Request) -> Result<Response, Problem> {
    let query = request.extract_parts::<Asked<From>>().await;
    let signed = signed(&server, request).await?;
    let Asked(from) = query?;
    if WAIT_MAX < from.wait_s {
        return Err(Problem::unreadable(format!("wait_s is {}; write 0 to {WAIT_MAX} seconds", from.wait_s)));
    }
    server.seen(signed.terminal, Moment::now());
    let hold = from.wait_s.min((server.config.sync.terminal_silent_s / 2).max(1));
    let until = Instant::now() + Duration::from_secs(hold);
    let mut changes = server.database.subscribe();
    let mut stopping = server.stopping.clone();
    loop {
        changes.borrow_and_update();
        let key = server.key.clone();
        let cursor = from.cursor;
        let (epoch, records) = server
            .database
            .read(move |tx| {
                Ok::<_, Problem>((book::server_epoch(tx)?, book::records_after(tx, &key, cursor, RECORDS)?))
            })
            .await?;
        let over = until <= Instant::now() || *stopping.borrow_and_update();
        if over || !records.is_empty() {
            let cursor = records.last().map_or(from.cursor, |record| record.cursor);
            let more = records.len() == RECORDS;
            let page = Down { server_epoch: epoch, records, cursor, more };
            return Ok(answer(signed.answer, StatusCode::OK, &page));
        }
        tokio::select! {
            _ = changes.changed() => (),
            _ = stopping.changed() => (),
            () = tokio::time::sleep_until(until) => (),
        }
    }
}

/// `POST return`: records that a restored server has lost.
pub async fn take_back(State(server): State<Server>, request: Request) -> Result<Response, Problem> {
    let signed = signed(&server, request).await?;
    let returned: Return = read(&signed)?;
    let (key, at) = (server.key.clone(), Moment::now());
    let taken = server.database.write(move |tx| book::take_back(tx, &key, &returned.records, at)).await?;
    server.seen(signed.terminal, at);
    Ok(answer(signed.answer, StatusCode::OK, &Returned { taken }))
}

/// The head of a request that an enrolled terminal signed. Nothing of its body was read yet.
struct Vouched {
    terminal: u32,
    parts: Parts,
    body: Body,
    /// Hash of the body that was signed.
    hash: Hex<32>,
}

/// Judges the signature of a request by its head.
async fn vouched(server: &Server, request: Request) -> Result<Vouched, Problem> {
    let number = number(request.headers())?;
    let known = server.database.read(move |tx| Ok::<_, Problem>(terminals::terminal(tx, number)?)).await?;
    let Some(terminal) = known else {
        return Err(unknown(format!("terminal {number} is not known here")));
    };
    // Its lines are put aside, not lost: a revoked terminal may still send batches, which intake keeps in quarantine.
    if terminal.revoked.is_some() && request.uri().path() != wire::BATCH {
        return Err(Problem::new(StatusCode::FORBIDDEN, "refused", format!("terminal {number} is no longer trusted"))
            .help("Ask the administrator whether this terminal should be trusted again."));
    }
    let (parts, body) = request.into_parts();
    let hash = check(&parts, &terminal.key)?;
    Ok(Vouched { terminal: number, parts, body, hash })
}

/// Reads the body that was signed.
async fn received(vouched: Vouched) -> Result<Signed, Problem> {
    let Vouched { terminal, parts, body, hash } = vouched;
    let bytes = arrived(&parts, body).await?;
    is_the_signed_one(hash, &bytes)?;
    Ok(Signed { terminal, ..unchecked(&parts.headers, bytes) })
}

/// A whole request of an enrolled terminal whose signature holds.
async fn signed(server: &Server, request: Request) -> Result<Signed, Problem> {
    received(vouched(server, request).await?).await
}

async fn arrived(parts: &Parts, body: Body) -> Result<Bytes, Problem> {
    let max = match parts.uri.path() {
        wire::BATCH | wire::RETURN => wire::BATCH_BYTES_MAX,
        _ => WORD_MAX,
    };
    let too_large = || {
        let detail = format!("the body has more than {max} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too large", detail)
            .help("Send fewer lines at a time, or compress with zstd.")
    };
    let told = parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if told.is_some_and(|length| max < length) {
        step_over(body, 2 * max).await;
        return Err(too_large());
    }
    match tokio::time::timeout(ARRIVAL, body::to_bytes(body, max)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => match std::error::Error::source(&error) {
            Some(cause) if cause.to_string().contains("length limit") => Err(too_large()),
            _ => Err(Problem::unreadable("the body broke off").help("Send it again.")),
        },
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "too slow",
            format!("the body did not arrive within {} s", ARRIVAL.as_secs()),
        )
        .help("Send fewer lines at a time.")),
    }
}

/// Takes in and forgets what a terminal is still sending, up to `most` bytes: a connection that is closed in the middle of its
/// body would break before the terminal hears why.
async fn step_over(body: Body, most: usize) {
    let mut arriving = body.into_data_stream();
    let all = async {
        let mut left = most;
        while let Some(Ok(chunk)) = arriving.next().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                return;
            }
        }
    };
    // Whoever takes longer will not hear it.
    let _ = tokio::time::timeout(ARRIVAL, all).await;
}

/// Whether `key` signed a request with this head; gives the hash of the body that belongs to it.
fn check(parts: &Parts, key: &Hex<32>) -> Result<Hex<32>, Problem> {
    let wrong = || unknown("the signature does not hold".to_owned());
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let time = text(wire::HEADER_TIME).and_then(|time| time.parse().ok().map(Moment)).ok_or_else(|| {
        Problem::unreadable(format!("the header {} is missing or not a number of microseconds", wire::HEADER_TIME))
    })?;
    let signature = text(wire::HEADER_SIGNATURE).and_then(Hex::parse).ok_or_else(|| {
        Problem::unreadable(format!("the header {} is missing or not 128 hex digits", wire::HEADER_SIGNATURE))
    })?;
    let hash = text(wire::HEADER_BODY).and_then(Hex::parse).ok_or_else(|| {
        Problem::unreadable(format!("the header {} is missing or not 64 hex digits", wire::HEADER_BODY))
    })?;
    let key = VerifyingKey::from_bytes(&key.0).map_err(|_| wrong())?;
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    match wire::signature_holds(&key, signature, parts.method.as_str(), path, time, hash) {
        true => Ok(hash),
        false => Err(wrong()),
    }
}

fn is_the_signed_one(hash: Hex<32>, body: &[u8]) -> Result<(), Problem> {
    match wire::body_hash(body) == hash {
        true => Ok(()),
        false => Err(unknown("the body is not the one that was signed".to_owned())),
    }
}

fn unknown(detail: String) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "who are you", detail)
        .help("Enrol the terminal with a new code from the server's page Terminals.")
}

fn number(headers: &HeaderMap) -> Result<u32, Problem> {
    let text = headers.get(wire::HEADER_TERMINAL).and_then(|value| value.to_str().ok());
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| unknown(format!("the header {} is missing or not a number", wire::HEADER_TERMINAL)))
}

fn unchecked(headers: &HeaderMap, body: Bytes) -> Signed {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let kind = Encoding::of(text(header::CONTENT_TYPE));
    let accepted = text(header::ACCEPT).split(',').find_map(Encoding::of);
    let packed = text(header::CONTENT_ENCODING).trim().eq_ignore_ascii_case("zstd");
    Signed { terminal: 0, answer: accepted.or(kind).unwrap_or(Encoding::Json), body, kind, packed }
}

/// Unpacks and reads the message.
fn read<T: DeserializeOwned>(signed: &Signed) -> Result<T, Problem> {
    let unpacked;
    let bytes: &[u8] = if signed.packed {
        unpacked = wire::decompress(&signed.body, wire::BATCH_UNPACKED_MAX).map_err(packed)?;
        &unpacked
    } else {
        &signed.body
    };
    let understood = match signed.kind {
        Some(Encoding::Postcard) => match postcard::take_from_bytes(bytes) {
            Ok((message, [])) => Ok(message),
            Ok((_, rest)) => Err(format!("{} bytes are left over after the message", rest.len())),
            Err(error) => Err(error.to_string()),
        },
        Some(Encoding::Json) => serde_json::from_slice(bytes).map_err(|error| error.to_string()),
        None => {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "encoding not known",
                "the Content-Type is neither of the two that this endpoint reads",
            )
            .help(format!("Send {} or {}.", wire::POSTCARD, wire::JSON)));
        }
    };
    understood.map_err(|why| {
        Problem::unreadable(format!("the body is not the message of this address: {why}"))
            .help("Compare the sender with the description of the sync protocol.")
    })
}

fn packed(why: Packed) -> Problem {
    match why {
        Packed::Damaged(_) => Problem::unreadable(format!("the body is not whole zstd: {why}"))
            .help("Send it again, or without compression."),
        Packed::TooLarge { .. } => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too large", why.to_string())
            .help("Send fewer lines at a time."),
    }
}

fn own_book(signed: u32, book: u32) -> Result<(), Problem> {
    match signed == book {
        true => Ok(()),
        false => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "refused",
            format!("terminal {signed} signed for the book of terminal {book}"),
        )
        .help("A terminal sends its own book only.")),
    }
}

fn refused(why: Refused) -> Problem {
    let status = StatusCode::from_u16(why.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    let problem = Problem::new(status, "refused", why.to_string()).help(why.help());
    match why.cursor() {
        Some((next, head)) => problem.stands_at(next, head),
        None => problem,
    }
}

fn answer<T: Serialize>(encoding: Encoding, status: StatusCode, message: &T) -> Response {
    let (kind, bytes) = match encoding {
        Encoding::Postcard => (wire::POSTCARD, postcard::to_stdvec(message).ok()),
        Encoding::Json => (wire::JSON, serde_json::to_vec(message).ok()),
    };
    let bytes = bytes.expect("messages are plain structs in memory and always encode");
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static(kind))], bytes).into_response()
}
