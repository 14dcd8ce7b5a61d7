//! The chain: every line's hash covers the line before it, and seals sign the chain's head.
//!
//! `hash(n) = BLAKE3(hash(n-1) || seq || at || zone || mono || kind || schema || length || body)`, all integers
//! little-endian; `hash(0)` comes from the book's identity, so that lines of one book never fit another.

use crate::hex::{Hex, HexBytes};
use crate::quantity::Moment;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

/// Identity of one book: the terminal's number and a random epoch drawn when the file was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BookId {
    /// 0 is the server itself.
    pub terminal: u32,
    pub epoch: Hex<16>,
}

/// One line as stored, hashed and sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// From 1, no gaps, never reused.
    pub seq: u64,
    /// What the terminal's clock said.
    #[serde(rename = "at_us")]
    pub at: Moment,
    /// Offset of the local time from UTC in minutes, as the site's zone had it then.
    pub zone_min: i16,
    /// Microseconds since boot, suspended time included: exact spans within one boot, whatever the clock did.
    pub mono_us: i64,
    pub kind: u8,
    pub schema: u16,
    pub body: HexBytes,
    pub hash: Hex<32>,
}

/// A signature over the chain up to `last`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// From 1, no gaps.
    pub number: u64,
    pub first: u64,
    pub last: u64,
    /// Hash of line `last`.
    pub head: Hex<32>,
    #[serde(rename = "at_us")]
    pub at: Moment,
    pub signature: Hex<64>,
}

/// The hash before line 1.
pub fn genesis(book: BookId) -> Hex<32> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"gatebook book v1");
    hasher.update(&book.terminal.to_le_bytes());
    hasher.update(&book.epoch.0);
    Hex(*hasher.finalize().as_bytes())
}

/// The hash of `line` after `previous`; the stored `line.hash` is not looked at.
pub fn link(previous: Hex<32>, line: &Line) -> Hex<32> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&previous.0);
    hasher.update(&line.seq.to_le_bytes());
    hasher.update(&line.at.0.to_le_bytes());
    hasher.update(&line.zone_min.to_le_bytes());
    hasher.update(&line.mono_us.to_le_bytes());
    hasher.update(&[line.kind]);
    hasher.update(&line.schema.to_le_bytes());
    hasher.update(&u32::try_from(line.body.0.len()).unwrap_or(u32::MAX).to_le_bytes());
    hasher.update(&line.body.0);
    Hex(*hasher.finalize().as_bytes())
}

/// What a seal signs: `"gatebook seal v1" || terminal || epoch || number || first || last || head || at || previous signature`.
/// The signature before the first seal is 64 zero bytes.
fn sealed_bytes(book: BookId, seal: &Seal, previous: Hex<64>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(208);
    bytes.extend_from_slice(b"gatebook seal v1");
    bytes.extend_from_slice(&book.terminal.to_le_bytes());
    bytes.extend_from_slice(&book.epoch.0);
    for number in [seal.number, seal.first, seal.last] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&seal.head.0);
    bytes.extend_from_slice(&seal.at.0.to_le_bytes());
    bytes.extend_from_slice(&previous.0);
    bytes
}

impl Seal {
    /// Signature before the first seal.
    pub const BEFORE_FIRST: Hex<64> = Hex([0; 64]);

    /// Signs `seal` (its `signature` is replaced) as the follower of the seal that carries `previous`.
    pub fn sign(mut self, book: BookId, previous: Hex<64>, key: &SigningKey) -> Seal {
        self.signature = Hex(key.sign(&sealed_bytes(book, &self, previous)).to_bytes());
        self
    }

    /// Whether `key` signed exactly this seal as the follower of `previous`.
    pub fn holds(&self, book: BookId, previous: Hex<64>, key: &VerifyingKey) -> bool {
        key.verify_strict(&sealed_bytes(book, self, previous), &Signature::from_bytes(&self.signature.0)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        Line {
            seq: 1,
            at: Moment(1_795_000_000_000_000),
            zone_min: 480,
            mono_us: 77,
            kind: 1,
            schema: 1,
            body: HexBytes(b"ring".to_vec()),
            hash: Hex([0; 32]),
        }
    }

    #[test]
    fn every_column_is_in_the_hash() {
        let book = BookId { terminal: 3, epoch: Hex([7; 16]) };
        let whole = link(genesis(book), &line());
        let changes: [fn(&mut Line); 7] = [
            |line| line.seq = 2,
            |line| line.at.0 += 1,
            |line| line.zone_min = 479,
            |line| line.mono_us = 78,
            |line| line.kind = 2,
            |line| line.schema = 2,
            |line| line.body.0[0] ^= 1,
        ];
        for (column, change) in changes.iter().enumerate() {
            let mut other = line();
            change(&mut other);
            assert_ne!(link(genesis(book), &other), whole, "column {column} is not covered");
        }
        for other in [BookId { terminal: 4, ..book }, BookId { epoch: Hex([8; 16]), ..book }] {
            assert_ne!(link(genesis(other), &line()), whole);
        }
    }

    #[test]
    fn a_seal_holds_for_its_book_its_place_and_its_key_only() {
        let book = BookId { terminal: 3, epoch: Hex([7; 16]) };
        let key = SigningKey::from_bytes(&[5; 32]);
        let blank =
            Seal { number: 1, first: 1, last: 9, head: Hex([1; 32]), at: Moment(5), signature: Seal::BEFORE_FIRST };
        let seal = blank.sign(book, Seal::BEFORE_FIRST, &key);
        let public = key.verifying_key();
        assert!(seal.holds(book, Seal::BEFORE_FIRST, &public));
        assert!(!seal.holds(book, Hex([1; 64]), &public));
        assert!(!seal.holds(BookId { terminal: 4, ..book }, Seal::BEFORE_FIRST, &public));
        assert!(!seal.holds(book, Seal::BEFORE_FIRST, &SigningKey::from_bytes(&[6; 32]).verifying_key()));
        assert!(!Seal { last: 8, ..seal }.holds(book, Seal::BEFORE_FIRST, &public));
    }
}
