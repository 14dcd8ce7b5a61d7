//! A server for the tests of the terminal's side: it keeps lines as the true one does and fails on request.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::hex::Hex;
use crate::ledger::chain::{self, BookId, Line, Seal};
use crate::quantity::Moment;
use crate::sync::wire::{self, *};

/// What becomes of the next batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Fails,
    TooLarge,
    Busy,
    /// 200 and a page of a proxy.
    Garbage,
    /// Sound postcard with a receipt that another key signed.
    OtherKey,
    /// No answer, and nothing stored.
    Hangs,
    /// Stored, and the connection cut within the answer.
    CutAfterCommit,
    /// Stored, and no answer.
    HangsAfterCommit,
    /// 409 though the place was right.
    Elsewhere,
}

/// One book as the server has it.
#[derive(Clone, Default)]
pub struct Kept {
    pub id: Option<BookId>,
    pub lines: Vec<Line>,
    pub seals: Vec<Seal>,
}

pub struct Inside {
    pub books: Vec<Kept>,
    pub epoch: Hex<16>,
    pub version: u16,
    /// The server's clock minus this machine's.
    pub ahead: Duration,
    pub records: Vec<SignedRecord>,
    pub returned: Vec<SignedRecord>,
    pub faults: VecDeque<Fault>,
    pub hellos: Vec<Hello>,
    /// How long each question for records wanted to be held, in seconds.
    pub waits_s: Vec<u64>,
    pub batches: usize,
    pub terminal_key: Option<VerifyingKey>,
}

#[derive(Clone)]
pub struct Fake {
    pub key: SigningKey,
    pub inside: Arc<Mutex<Inside>>,
}

impl Fake {
    pub fn new() -> Fake {
        let inside = Inside {
            books: Vec::new(),
            epoch: Hex([1; 16]),
            version: 1,
            ahead: Duration::ZERO,
            records: Vec::new(),
            returned: Vec::new(),
            faults: VecDeque::new(),
            hellos: Vec::new(),
            waits_s: Vec::new(),
            batches: 0,
            terminal_key: None,
        };
        Fake { key: SigningKey::from_bytes(&[9; 32]), inside: Arc::new(Mutex::new(inside)) }
    }

    pub fn with<T>(&self, look: impl FnOnce(&mut Inside) -> T) -> T {
        look(&mut self.inside.lock().unwrap())
    }

    pub async fn serve(&self, address: &str) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let bound = listener.local_addr().unwrap();
        let app = axum::Router::new()
            .route(ENROL, post(enrol))
            .route(HELLO, post(hello))
            .route(BATCH, post(batch))
            .route(RETURN, post(give_back))
            .route(DOWN, get(down))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        bound
    }

    /// The message, once the signature of the request holds.
    fn read<T: DeserializeOwned>(&self, method: &Method, uri: &Uri, headers: &HeaderMap, sent: &[u8]) -> T {
        self.check(method, uri, headers, sent);
        let unpacked = match headers.contains_key(header::CONTENT_ENCODING) {
            true => wire::decompress(sent, BATCH_UNPACKED_MAX).unwrap(),
            false => sent.to_vec(),
        };
        match in_json(headers) {
            true => serde_json::from_slice(&unpacked).unwrap(),
            false => postcard::from_bytes(&unpacked).unwrap(),
        }
    }

    fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap, sent: &[u8]) {
        let text = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
        let key = self.with(|inside| inside.terminal_key).expect("the terminal is enrolled");
        let time = Moment(text(HEADER_TIME).parse().unwrap());
        let signature = Hex::parse(&text(HEADER_SIGNATURE)).unwrap();
        let path = uri.path_and_query().unwrap().as_str();
        let hash = body_hash(sent);
        assert_eq!(Hex::parse(&text(HEADER_BODY)), Some(hash), "{method} {path} says another body");
        assert!(signature_holds(&key, signature, method.as_str(), path, time, hash), "{method} {path} is not signed");
    }
}

impl Inside {
    fn book(&mut self, id: BookId) -> &mut Kept {
        let place = self.books.iter().position(|kept| kept.id == Some(id)).unwrap_or_else(|| {
            self.books.push(Kept { id: Some(id), ..Kept::default() });
            self.books.len() - 1
        });
        &mut self.books[place]
    }
}

impl Kept {
    fn next(&self) -> u64 {
        self.lines.last().map_or(1, |line| line.seq + 1)
    }

    fn head(&self, id: BookId) -> Hex<32> {
        self.lines.last().map_or(chain::genesis(id), |line| line.hash)
    }
}

fn in_json(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).or(headers.get(header::CONTENT_TYPE)).is_some_and(|kind| kind == JSON)
}

fn packed(headers: &HeaderMap, reply: &impl Serialize) -> Response {
    match in_json(headers) {
        true => ([(header::CONTENT_TYPE, JSON)], serde_json::to_vec(reply).unwrap()).into_response(),
        false => ([(header::CONTENT_TYPE, POSTCARD)], postcard::to_stdvec(reply).unwrap()).into_response(),
    }
}

fn refused(status: StatusCode, next: Option<u64>, head: Option<Hex<32>>) -> Response {
    let refusal = Refusal { title: status.to_string(), detail: "as the test wants it".into(), help: None, next, head };
    (status, serde_json::to_string(&refusal).unwrap()).into_response()
}

async fn enrol(State(fake): State<Fake>, method: Method, uri: Uri, headers: HeaderMap, sent: Bytes) -> Response {
    let asked: Enrol = match in_json(&headers) {
        true => serde_json::from_slice(&sent).unwrap(),
        false => postcard::from_bytes(&sent).unwrap(),
    };
    if asked.code != "K7Q2" {
        return refused(StatusCode::FORBIDDEN, None, None);
    }
    fake.with(|inside| inside.terminal_key = VerifyingKey::from_bytes(&asked.key.0).ok());
    fake.check(&method, &uri, &headers, &sent);
    packed(&headers, &Enrolled { terminal: 7, server_key: Hex(fake.key.verifying_key().to_bytes()) })
}

async fn hello(State(fake): State<Fake>, method: Method, uri: Uri, headers: HeaderMap, sent: Bytes) -> Response {
    let asked: Hello = fake.read(&method, &uri, &headers, &sent);
    fake.with(|inside| {
        let now = Moment::now().plus(inside.ahead);
        let (epoch, version) = (inside.epoch, inside.version);
        let down_cursor = inside.records.last().map_or(0, |record| record.cursor);
        let kept = inside.book(asked.book);
        let reply = HelloReply {
            version,
            server_epoch: epoch,
            next: kept.next(),
            head: kept.head(asked.book),
            next_seal: kept.seals.len() as u64 + 1,
            down_cursor,
            batch_lines_max: 1000,
            batch_bytes_max: BATCH_BYTES_MAX as u32,
            received: now,
            answered: now,
        };
        inside.hellos.push(asked);
        packed(&headers, &reply)
    })
}

async fn batch(State(fake): State<Fake>, method: Method, uri: Uri, headers: HeaderMap, sent: Bytes) -> Response {
    let asked: Batch = fake.read(&method, &uri, &headers, &sent);
    let id = asked.book;
    let fault = fake.with(|inside| {
        inside.batches += 1;
        inside.faults.pop_front()
    });
    match fault {
        Some(Fault::Fails) => return refused(StatusCode::INTERNAL_SERVER_ERROR, None, None),
        Some(Fault::TooLarge) => return refused(StatusCode::PAYLOAD_TOO_LARGE, None, None),
        Some(Fault::Busy) => {
            return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")], "later").into_response();
        }
        Some(Fault::Garbage) => return ([(header::CONTENT_TYPE, "text/html")], "<h1>Log in</h1>").into_response(),
        Some(Fault::Hangs) => std::future::pending().await,
        Some(Fault::Elsewhere) => return refused(StatusCode::CONFLICT, None, None),
        Some(Fault::OtherKey | Fault::CutAfterCommit | Fault::HangsAfterCommit) | None => (),
    }
    let stored = fake.with(|inside| {
        let terminal_key = inside.terminal_key.unwrap();
        let kept = inside.book(id);
        let first = asked.lines.first().map_or(kept.next(), |line| line.seq);
        if first != kept.next() || asked.previous != kept.head(id) {
            return Err((kept.next(), kept.head(id)));
        }
        for line in asked.lines {
            assert_eq!(chain::link(kept.head(id), &line), line.hash, "line {} does not fit", line.seq);
            kept.lines.push(line);
        }
        for seal in asked.seals {
            assert_eq!(seal.number, kept.seals.len() as u64 + 1);
            let before = kept.seals.last().map_or(Seal::BEFORE_FIRST, |seal| seal.signature);
            assert!(seal.holds(id, before, &terminal_key), "seal {} does not hold", seal.number);
            assert!(seal.last < kept.next(), "seal {} came before its lines", seal.number);
            kept.seals.push(seal);
        }
        let (next, head) = (kept.next(), kept.head(id));
        Ok((next, head, kept.seals.len() as u64 + 1))
    });
    let (next, head, next_seal) = match stored {
        Ok(stored) => stored,
        Err((next, head)) => return refused(StatusCode::CONFLICT, Some(next), Some(head)),
    };
    let signer = if fault == Some(Fault::OtherKey) { SigningKey::from_bytes(&[1; 32]) } else { fake.key.clone() };
    let reply = BatchReply { next, head, next_seal, receipt: Receipt::sign(id, next - 1, head, &signer) };
    match fault {
        Some(Fault::HangsAfterCommit) => std::future::pending().await,
        Some(Fault::CutAfterCommit) => {
            let half = Bytes::from(postcard::to_stdvec(&reply).unwrap()).slice(..8);
            let parts = [Ok(half), Err(std::io::Error::other("cut"))];
            let body = Body::from_stream(futures_util::stream::iter(parts));
            ([(header::CONTENT_TYPE, POSTCARD)], body).into_response()
        }
        _ => packed(&headers, &reply),
    }
}

async fn give_back(State(fake): State<Fake>, method: Method, uri: Uri, headers: HeaderMap, sent: Bytes) -> Response {
    let asked: Return = fake.read(&method, &uri, &headers, &sent);
    let taken = asked.records.len() as u32;
    fake.with(|inside| inside.returned.extend(asked.records));
    packed(&headers, &Returned { taken })
}

async fn down(State(fake): State<Fake>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    fake.check(&method, &uri, &headers, &[]);
    let mut asked = uri.query().unwrap().split(['=', '&']).skip(1).step_by(2).map(|number| number.parse().unwrap());
    let (cursor, wait_s): (u64, u64) = (asked.next().unwrap(), asked.next().unwrap());
    fake.with(|inside| inside.waits_s.push(wait_s));
    // A second of the tests stands for the 25 of the protocol.
    for _ in 0..(20 * wait_s.min(1)).max(1) {
        let page = fake.with(|inside| {
            let records: Vec<_> =
                inside.records.iter().filter(|record| cursor < record.cursor).take(2).cloned().collect();
            let last = inside.records.last().map_or(0, |record| record.cursor);
            let cursor = records.last().map_or(cursor, |record| record.cursor);
            Down { server_epoch: inside.epoch, records, cursor, more: cursor < last }
        });
        if !page.records.is_empty() || wait_s == 0 {
            return packed(&headers, &page);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    fake.with(|inside| packed(&headers, &Down { server_epoch: inside.epoch, records: vec![], cursor, more: false }))
}
