//! One signed request and its answer, and what can become of it.

use std::error::Error;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::hex::Hex;
use crate::quantity::Moment;
use crate::sync::trust::{self, NotTheServer, Untrusted};
use crate::sync::wire::{self, Refusal};

/// The server and how to reach it.
#[derive(Clone, Debug)]
pub struct Server {
    pub url: String,
    /// SHA-256 of the certificate of its CA.
    pub pin: Option<Hex<32>>,
    pub allow_plain_http: bool,
    /// A request without an answer for so long is given up.
    pub timeout: Duration,
}

/// What became of a request that brought no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("the server does not answer: {0}")]
    NoAnswer(String),
    #[error("{0}")]
    NotTheServer(NotTheServer),
    /// 429 or 503: not now.
    #[error("the server is busy")]
    Busy { wait: Option<Duration> },
    /// 413.
    #[error("the server, or a proxy before it, finds the message too large")]
    TooLarge,
    /// 409: the server stands elsewhere.
    #[error("the server stands elsewhere in this book: {}", .0.detail)]
    Elsewhere(Box<Refusal>),
    /// 401 or 403.
    #[error("the server does not accept this terminal: {}", said(.0))]
    NotAccepted(Box<Refusal>),
    /// 426, or an answer in a version that was not offered.
    #[error("terminal and server have no protocol version in common: {0}")]
    Version(String),
    /// Any other 4xx.
    #[error("the server refuses the message with {status}: {}", said(.refusal))]
    Refused { status: u16, refusal: Box<Refusal> },
    /// 5xx.
    #[error("the server failed with {status}; its log says why")]
    Fault { status: u16 },
    /// 200 with something that is not of this protocol.
    #[error("what answers is not a Gatebook server of this version: {0}")]
    Garbage(String),
    /// This terminal's own book could not be read or written.
    #[error("{0}")]
    Book(String),
}

fn said(refusal: &Refusal) -> String {
    match &refusal.help {
        Some(help) => format!("{}; {help}", refusal.detail),
        None => refusal.detail.clone(),
    }
}

impl Failure {
    /// Key of the message in other languages.
    pub fn key(&self) -> &'static str {
        match self {
            Failure::NoAnswer(_) => "no_answer",
            Failure::NotTheServer(NotTheServer::ClockUnset | NotTheServer::NotYet | NotTheServer::Expired) => "clock",
            Failure::NotTheServer(_) => "not_the_server",
            Failure::Busy { .. } => "busy",
            Failure::TooLarge => "too_large",
            Failure::Elsewhere(_) => "elsewhere",
            Failure::NotAccepted(_) => "not_accepted",
            Failure::Version(_) => "version",
            Failure::Refused { .. } => "refused",
            Failure::Fault { .. } => "fault",
            Failure::Garbage(_) => "garbage",
            Failure::Book(_) => "book",
        }
    }

    /// Whether the server itself was heard.
    pub fn was_answered(&self) -> bool {
        !matches!(self, Failure::NoAnswer(_) | Failure::NotTheServer(_) | Failure::Garbage(_) | Failure::Book(_))
    }
}

/// Signs, sends and reads. Cheap to clone.
#[derive(Clone)]
pub struct Transport {
    http: reqwest::Client,
    url: String,
    key: SigningKey,
    /// 0 before the terminal is enrolled.
    terminal: u32,
    timeout: Duration,
}

impl Transport {
    /// # Errors
    /// [`Untrusted`] when the address allows no connection that could be trusted.
    pub fn new(server: &Server, key: SigningKey, terminal: u32) -> Result<Transport, Untrusted> {
        let url = server.url.trim_end_matches('/').to_owned();
        let http = trust::client(&url, server.pin, server.allow_plain_http, server.timeout)?;
        Ok(Transport { http, url, key, terminal, timeout: server.timeout })
    }

    /// Sends `body` in postcard.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn post<A: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<A, Failure> {
        let body = postcard::to_stdvec(body).expect("plain structs in memory always encode");
        self.call(Method::POST, path, body, false, self.timeout).await
    }

    /// Sends a body that [`wire::compress`] has packed.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn post_packed<A: DeserializeOwned>(&self, path: &str, body: Vec<u8>) -> Result<A, Failure> {
        self.call(Method::POST, path, body, true, self.timeout).await
    }

    /// Asks, and gives the server `patience` beyond the usual time.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn get<A: DeserializeOwned>(&self, path: &str, patience: Duration) -> Result<A, Failure> {
        self.call(Method::GET, path, Vec::new(), false, self.timeout + patience).await
    }

    async fn call<A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        packed: bool,
        timeout: Duration,
    ) -> Result<A, Failure> {
        let time = Moment::now();
        let hash = wire::body_hash(&body);
        let signature = wire::sign(&self.key, method.as_str(), path, time, hash);
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.url))
            .timeout(timeout)
            .header(wire::HEADER_TERMINAL, self.terminal)
            .header(wire::HEADER_TIME, time.0)
            .header(wire::HEADER_BODY, hash.to_string())
            .header(wire::HEADER_SIGNATURE, signature.to_string())
            .header(ACCEPT, wire::POSTCARD)
            .header(ACCEPT_ENCODING, "zstd");
        if method == Method::POST {
            request = request.header(CONTENT_TYPE, wire::POSTCARD).body(body);
        }
        if packed {
            request = request.header(CONTENT_ENCODING, "zstd");
        }
        let response = request.send().await.map_err(|error| lost(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = read(response).await?;
        if status == StatusCode::OK { answer(&headers, &bytes) } else { Err(refusal(status, &headers, &bytes)) }
    }
}

/// Reads the answer as far as an answer may reach.
async fn read(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error))? {
        bytes.extend_from_slice(&chunk);
        if wire::BATCH_UNPACKED_MAX < bytes.len() {
            return Err(Failure::Garbage(format!("the answer is longer than {} bytes", wire::BATCH_UNPACKED_MAX)));
        }
    }
    Ok(bytes)
}

fn answer<A: DeserializeOwned>(headers: &HeaderMap, bytes: &[u8]) -> Result<A, Failure> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = header(CONTENT_TYPE).unwrap_or("no content type");
    if kind != wire::POSTCARD {
        return Err(Failure::Garbage(format!("it answers in {kind}")));
    }
    let unpacked;
    let bytes = match header(CONTENT_ENCODING) {
        None => bytes,
        Some("zstd") => {
            unpacked = wire::decompress(bytes, wire::BATCH_UNPACKED_MAX)
                .map_err(|error| Failure::Garbage(error.to_string()))?;
            &unpacked
        }
        Some(other) => return Err(Failure::Garbage(format!("it packs in {other}"))),
    };
    match postcard::take_from_bytes(bytes) {
        Ok((answer, [])) => Ok(answer),
        Ok((_, rest)) => Err(Failure::Garbage(format!("{} bytes of the answer are left over", rest.len()))),
        Err(error) => Err(Failure::Garbage(format!("the answer cannot be read: {error}"))),
    }
}

fn refusal(status: StatusCode, headers: &HeaderMap, bytes: &[u8]) -> Failure {
    let refusal = || match serde_json::from_slice::<Refusal>(bytes) {
        Ok(refusal) => Box::new(refusal),
        // A proxy answers in its own words; they are cut so that a page of HTML does not fill the screen.
        Err(_) => Box::new(Refusal {
            title: status.to_string(),
            detail: String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).take(120).collect(),
            help: None,
            next: None,
            head: None,
        }),
    };
    match status.as_u16() {
        429 | 503 => {
            let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
            Failure::Busy { wait: seconds.map(Duration::from_secs) }
        }
        413 => Failure::TooLarge,
        409 => Failure::Elsewhere(refusal()),
        401 | 403 => Failure::NotAccepted(refusal()),
        426 => Failure::Version(said(&refusal())),
        500..=599 => Failure::Fault { status: status.as_u16() },
        status => Failure::Refused { status, refusal: refusal() },
    }
}

/// What cut the connection, as the innermost error says it.
fn lost(error: &reqwest::Error) -> Failure {
    if let Some(reason) = trust::reason(error) {
        return Failure::NotTheServer(reason);
    }
    if error.is_timeout() {
        return Failure::NoAnswer("no answer in time; check the network and whether the server runs".to_owned());
    }
    let mut innermost: &dyn Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    // Hyper's own words: its error has no kind that could be asked. A server that expects TLS answers like this.
    if text.starts_with("invalid HTTP") {
        return Failure::Garbage(format!("{text}; where the server has TLS, write https:// in url and give its pin"));
    }
    Failure::NoAnswer(format!("{text}; check the network and whether the server runs"))
}
