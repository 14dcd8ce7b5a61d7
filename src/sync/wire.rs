//! The messages of the sync endpoint, version 1. docs/sync.md describes them for others.
//!
//! Every message has two encodings of the same structs, told apart by `Content-Type`: [`POSTCARD`] between our own
//! programs and `application/json` for everybody else. A body may be compressed (`Content-Encoding: zstd`). Every
//! request of a terminal is signed with its Ed25519 key, see [`signed_text`].

use std::io::Read;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::hex::{Hex, HexBytes};
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
/// BLAKE3 of the body as sent, in hex: so a signature can be judged before the body is read.
pub const HEADER_BODY: &str = "gatebook-body";
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

/// The value of [`HEADER_BODY`].
pub fn body_hash(body: &[u8]) -> Hex<32> {
    Hex(*blake3::hash(body).as_bytes())
}

/// What a terminal signs in every request: method, path with query, its own time, and the [`body_hash`].
pub fn signed_text(method: &str, path_and_query: &str, time: Moment, body: Hex<32>) -> String {
    format!("gatebook request v1\n{method}\n{path_and_query}\n{}\n{body}", time.0)
}

/// The value of [`HEADER_SIGNATURE`].
pub fn sign(key: &SigningKey, method: &str, path_and_query: &str, time: Moment, body: Hex<32>) -> Hex<64> {
    Hex(key.sign(signed_text(method, path_and_query, time, body).as_bytes()).to_bytes())
}

/// Whether `key` signed this request.
pub fn signature_holds(
    key: &VerifyingKey,
    signature: Hex<64>,
    method: &str,
    path_and_query: &str,
    time: Moment,
    body: Hex<32>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Body;
    use crate::ledger::chain;

    /// Whoever builds a terminal by the description must find its figures right.
    #[test]
    fn the_worked_example_of_the_description_is_true() {
        let page = include_str!("../../docs/sync.md");
        let movement = page.lines().find(|line| line.starts_with("{\"act\"")).expect("the page shows a movement");
        assert!(matches!(Body::decode(1, 0x8001, movement.as_bytes()), Ok(Body::Movement(_))));
        let offset =
            page.split('`').find(|part| part.starts_with("{\"ClockOffset\"")).expect("the page shows an offset");
        assert!(matches!(Body::decode(6, 0x8001, offset.as_bytes()), Ok(Body::System(_))));

        let (_, handling) = movement.split_once("\"handling\":").expect("the movement was handled");
        let (handling, _) = handling.split_once('}').expect("its handling ends");
        for (kind, row) in [(7, "| 7 | `"), (8, "| 8 | `")] {
            let body = page.lines().find_map(|line| line.strip_prefix(row)?.strip_suffix("` |"));
            let body = body.expect("the page shows it").replace('…', &format!("{handling}}}"));
            assert!(Body::decode(kind, 0x8001, body.as_bytes()).is_ok(), "kind {kind}: {body}");
        }
        for start in [
            "`{\"version\":1,\"withdrawn\":false,\"since_us\":…,\"kind\":\"series\"",
            "`{\"version\":1,\"withdrawn\":false,\"since_us\":…,\"kind\":\"lease\"",
        ] {
            let shown = page.lines().find(|line| line.starts_with(start)).expect("the page shows the record");
            let shown = shown.trim_start_matches('`').split('`').next().unwrap_or_default();
            let name = r#"{"zh":"","en":""}"#;
            let record = shown.replace("{…}", name).replace("\"…\"", &format!("\"{}\"", "00".repeat(16)));
            let record = record.replace('…', "0");
            assert!(serde_json::from_str::<crate::sync::records::Record>(&record).is_ok(), "{record}");
        }

        let key = SigningKey::from_bytes(&[5; 32]);
        let server = SigningKey::from_bytes(&[9; 32]);
        let epoch = Hex::parse("000102030405060708090a0b0c0d0e0f").unwrap();
        let book = BookId { terminal: 7, epoch };
        let mut line = Line {
            seq: 1,
            at: Moment(1_795_000_000_000_000),
            zone_min: 480,
            mono_us: 77,
            kind: 1,
            schema: 0x8001,
            body: HexBytes(movement.as_bytes().to_vec()),
            hash: Hex([0; 32]),
        };
        line.hash = chain::link(chain::genesis(book), &line);
        let at = Moment(1_795_000_005_000_000);
        let seal = Seal { number: 1, first: 1, last: 1, head: line.hash, at, signature: Seal::BEFORE_FIRST };
        let seal = seal.sign(book, Seal::BEFORE_FIRST, &key);
        let request = sign(&key, "GET", &down_path(0, 25), Moment(1_795_000_006_000_000), body_hash(&[]));
        for (what, value) in [
            ("public key of the terminal", Hex(key.verifying_key().to_bytes()).to_string()),
            ("public key of the server", Hex(server.verifying_key().to_bytes()).to_string()),
            ("hash(0)", chain::genesis(book).to_string()),
            ("hash(1)", line.hash.to_string()),
            ("signature of the seal", seal.signature.to_string()),
            ("BLAKE3 of nothing", blake3::hash(&[]).to_hex().to_string()),
            ("signature of the request", request.to_string()),
            ("signature of the receipt", Receipt::sign(book, 1, line.hash, &server).signature.to_string()),
            (
                "signature of the record",
                SignedRecord::sign(4, b"{\"version\":4}".to_vec(), &server).signature.to_string(),
            ),
        ] {
            let row = format!("| {what} | `{value}` |");
            assert!(page.contains(&row), "docs/sync.md lacks the row {row}");
        }
    }

    /// The messages that the page shows are those that the program reads, once the places in <> and … are filled in.
    #[test]
    fn the_messages_of_the_description_can_be_read() {
        let page = include_str!("../../docs/sync.md");
        let filled = |part: &str| {
            let mut text = part.replace("7b22…", "7b22");
            for (shown, bytes) in [
                ("\"<64 bytes>\"", 64),
                ("\"signature\":\"…\"", 64),
                ("\"epoch\":\"…\"", 16),
                ("\"server_epoch\":\"…\"", 16),
                ("\"hash\":\"…\"", 32),
            ] {
                let value = format!("\"{}\"", "00".repeat(bytes));
                text = match shown.split_once(':') {
                    Some((name, _)) => text.replace(shown, &format!("{name}:{value}")),
                    None => text.replace(shown, &value),
                };
            }
            while let (Some(from), Some(to)) = (text.find('<'), text.find('>')) {
                text.replace_range(from..=to, &"00".repeat(32));
            }
            text
        };
        let messages: Vec<_> = page.lines().filter(|line| line.starts_with('{')).map(filled).collect();
        let [_, enrol, enrolled, hello, hello_reply, batch, batch_reply, down, back, returned] = messages.as_slice()
        else {
            panic!("the page shows {} messages", messages.len())
        };
        fn read<T: serde::de::DeserializeOwned>(text: &str) {
            if let Err(error) = serde_json::from_str::<T>(text) {
                panic!("{error}: {text}");
            }
        }
        read::<Enrol>(enrol);
        read::<Enrolled>(enrolled);
        read::<Hello>(hello);
        read::<HelloReply>(hello_reply);
        read::<Batch>(batch);
        read::<BatchReply>(batch_reply);
        read::<Down>(down);
        read::<Return>(back);
        read::<Returned>(returned);
    }

    #[test]
    fn a_small_body_that_unpacks_to_a_large_one_is_refused() {
        let bomb = compress(&vec![0; 1 << 20]);
        assert!(bomb.len() < 1000);
        assert!(matches!(decompress(&bomb, 1 << 19), Err(Packed::TooLarge { .. })));
        assert_eq!(decompress(&bomb, 1 << 20).unwrap().len(), 1 << 20);
        assert!(matches!(decompress(b"plain", 100), Err(Packed::Damaged(_))));
    }
}
