//! The messages of the sync endpoint, version 1. docs/sync.md describes them for others.
//!
//! Every message has two encodings of the same structs, told apart by `Content-Type`: [`POSTCARD`] between our own
//! programs and `application/json` for everybody else. A body may be compressed (`Content-Encoding: zstd`). Every
//! request of a terminal is signed with its Ed25519 key, see [`signed_text`].

use std::io::Read;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::identity::hex::{Hex, HexBytes};
use crate::ledger::chain::{BookId, Line, Seal};
use crate::quantity::Moment;

/// Versions of this protocol that this program speaks, oldest and newest.
pub const VERSIONS: (u16, u16) = (1, 1);

pub const POSTCARD: &str = "application/x-gatebook-postcard";
pub const JSON: &str = "application/json";

pub const ENROL: &str = "/api/v1/sync/enrol";
pub const HELLO: &str = "/api/v1/sync/hello";
pub const BATCH: &str = "/api/v1/sync/batch";
pub const DOWN: &str = "/api/v1/sync/down";
pub const RETURN: &str = "/api/v1/sync/return";

/// Headers of a signed request.
pub const HEADER_TERMINAL: &str = "gatebook-terminal";
pub const HEADER_TIME: &str = "gatebook-time-us";
pub const HEADER_SIGNATURE: &str = "gatebook-signature";

/// Most lines in one batch.
pub const BATCH_LINES_MAX: usize = 1_000;
/// Most bytes of a batch as sent (compressed), and as unpacked: a bound against zstd bombs.
pub const BATCH_BYTES_MAX: usize = 1024 * 1024;
pub const BATCH_UNPACKED_MAX: usize = 16 * 1024 * 1024;

/// Most records in one page of the downlink and in one [`Return`].
pub const RECORDS_MAX: usize = 500;

/// Longest that the server holds back an empty page of the downlink, in seconds: shorter than what proxies cut off.
pub const DOWN_WAIT_MAX_S: u64 = 25;

/// Path and query of one page of the downlink: records above `cursor`, or an empty page after `wait_s` seconds.
pub fn down_path(cursor: u64, wait_s: u64) -> String {
    format!("{DOWN}?cursor={cursor}&wait_s={wait_s}")
}

/// A body as it is sent with `Content-Encoding: zstd`. Level 1: on our lines level 9 gains nothing and is ten times slower.
pub fn compress(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("compressing from memory into memory does not fail")
}

/// Why a compressed body was not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum Packed {
    #[error("the body unpacks to more than {max} bytes")]
    TooLarge { max: usize },
    #[error("the body is no sound zstd: {0}")]
    Damaged(std::io::Error),
}

/// Unpacks a body, never beyond `max` bytes.
///
/// # Errors
/// [`Packed`] when it is damaged or larger.
pub fn decompress(bytes: &[u8], max: usize) -> Result<Vec<u8>, Packed> {
    let decoder = zstd::Decoder::new(bytes).map_err(Packed::Damaged)?;
    let mut unpacked = Vec::new();
    let bound = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(bound).read_to_end(&mut unpacked).map_err(Packed::Damaged)?;
    if max < unpacked.len() {
        return Err(Packed::TooLarge { max });
    }
    Ok(unpacked)
}

/// What a terminal signs in every request: method, path with query, its own time, and the BLAKE3 hash of the body as sent.
pub fn signed_text(method: &str, path_and_query: &str, time: Moment, body: &[u8]) -> String {
    format!("gatebook request v1\n{method}\n{path_and_query}\n{}\n{}", time.0, blake3::hash(body).to_hex())
}

/// The value of [`HEADER_SIGNATURE`].
pub fn sign(key: &SigningKey, method: &str, path_and_query: &str, time: Moment, body: &[u8]) -> Hex<64> {
    Hex(key.sign(signed_text(method, path_and_query, time, body).as_bytes()).to_bytes())
}

/// Whether `key` signed this request.
pub fn signature_holds(
    key: &VerifyingKey,
    signature: Hex<64>,
    method: &str,
    path_and_query: &str,
    time: Moment,
    body: &[u8],
) -> bool {
    let text = signed_text(method, path_and_query, time, body);
    key.verify_strict(text.as_bytes(), &Signature::from_bytes(&signature.0)).is_ok()
}

/// A new terminal shows its one-time code and its public key. Signed with that key, terminal number 0 in the header.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrol {
    /// The one-time code, as shown by the server; blanks and hyphens do not count.
    pub code: String,
    pub name: String,
    pub key: Hex<32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrolled {
    pub terminal: u32,
    /// Public key with which the server signs records and receipts.
    pub server_key: Hex<32>,
}

/// First request of a connection, and whenever the terminal lost its place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// Oldest and newest protocol version that the terminal speaks.
    pub versions: (u16, u16),
    pub program: String,
    pub book: BookId,
    /// First line still kept, last line, and its hash; `first_kept > last` in an empty book.
    pub first_kept: u64,
    pub last: u64,
    pub head: Hex<32>,
    /// Terminal's clock when the request was made.
    #[serde(rename = "at_us")]
    pub at: Moment,
    /// Highest record cursor that the terminal holds.
    pub down_cursor: u64,
    /// Lines not yet acknowledged.
    pub waiting: u64,
    /// What does not work, in words; empty when all is well.
    pub troubles: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HelloReply {
    /// Version to speak from here on.
    pub version: u16,
    /// Changes when the server was restored from a backup: cursors may have gone back.
    pub server_epoch: Hex<16>,
    /// The line that the server wants next, and the hash of the one before it.
    pub next: u64,
    pub head: Hex<32>,
    /// Seal that the server wants next.
    pub next_seal: u64,
    /// Highest record cursor at the server.
    pub down_cursor: u64,
    pub batch_lines_max: u32,
    pub batch_bytes_max: u32,
    /// Server's clock at receipt and at answer, for the offset.
    #[serde(rename = "received_us")]
    pub received: Moment,
    #[serde(rename = "answered_us")]
    pub answered: Moment,
}

/// A contiguous range of lines from the server's cursor, with the seals made since the last one it has.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Batch {
    pub book: BookId,
    /// Hash before the first line.
    pub previous: Hex<32>,
    pub lines: Vec<Line>,
    pub seals: Vec<Seal>,
    #[serde(rename = "at_us")]
    pub at: Moment,
    /// Lines behind this batch.
    pub waiting: u64,
}

/// The server's cursor after the batch (200), or where the server stands (409).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BatchReply {
    pub next: u64,
    pub head: Hex<32>,
    pub next_seal: u64,
    /// Counter-signature of (book, next - 1, head) by the server: proof that it stored the chain up to here.
    pub receipt: Receipt,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub last: u64,
    pub head: Hex<32>,
    pub signature: Hex<64>,
}

impl Receipt {
    fn text(book: BookId, last: u64, head: Hex<32>) -> String {
        format!("gatebook receipt v1\n{}\n{}\n{last}\n{head}", book.terminal, book.epoch)
    }

    pub fn sign(book: BookId, last: u64, head: Hex<32>, key: &SigningKey) -> Receipt {
        Receipt { last, head, signature: Hex(key.sign(Receipt::text(book, last, head).as_bytes()).to_bytes()) }
    }

    pub fn holds(&self, book: BookId, key: &VerifyingKey) -> bool {
        let text = Receipt::text(book, self.last, self.head);
        key.verify_strict(text.as_bytes(), &Signature::from_bytes(&self.signature.0)).is_ok()
    }
}

/// One page of the downlink: records with a cursor above the one asked for, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Down {
    pub server_epoch: Hex<16>,
    pub records: Vec<SignedRecord>,
    /// Ask again from here.
    pub cursor: u64,
    /// Whether more is waiting right now.
    pub more: bool,
}

/// A version of a record as the server signed it. The body is JSON of [`crate::sync::records::Record`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedRecord {
    /// Line of the server's own book that holds this version.
    pub cursor: u64,
    pub body: HexBytes,
    pub signature: Hex<64>,
}

impl SignedRecord {
    fn text(cursor: u64, body: &[u8]) -> String {
        format!("gatebook record v1\n{cursor}\n{}", blake3::hash(body).to_hex())
    }

    pub fn sign(cursor: u64, body: Vec<u8>, key: &SigningKey) -> SignedRecord {
        let signature = Hex(key.sign(SignedRecord::text(cursor, &body).as_bytes()).to_bytes());
        SignedRecord { cursor, body: HexBytes(body), signature }
    }

    pub fn holds(&self, key: &VerifyingKey) -> bool {
        let text = SignedRecord::text(self.cursor, &self.body.0);
        key.verify_strict(text.as_bytes(), &Signature::from_bytes(&self.signature.0)).is_ok()
    }
}

/// Records that a terminal holds and a restored server has lost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Return {
    pub records: Vec<SignedRecord>,
}

/// Answer to [`Return`]: how many were newer than what the server had and were taken in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Returned {
    pub taken: u32,
}

/// Every refusal, with its HTTP status: what is so, and what to do (RFC 9457 members, always JSON).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refusal {
    pub title: String,
    pub detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// With 409: where the server stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Hex<32>>,
}
