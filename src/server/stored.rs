//! What a stored line is, and what can be a key: the words that all rooms of the server share.

use crate::event::{Body, LineRef, System};
use crate::hex::Hex;
use crate::identity::{self, Identifier};
use crate::ledger::chain::{BookId, Line};
use crate::quantity::Moment;
use crate::server::database::DatabaseError;

/// Longest code, place or number that is used as a key, in bytes.
pub const KEY_MAX: usize = identity::CANONICAL_MAX;

/// Whether a text can be a key on every engine.
pub fn is_key(text: &str) -> bool {
    text.len() <= KEY_MAX && !text.contains('\0')
}

/// The kernel's name of a unit with this house number.
pub fn unit_key(number: &str) -> String {
    Identifier::own(number).to_string()
}

/// Bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], DatabaseError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| DatabaseError::Damaged { what: "the system's random numbers", why: error.to_string() })?;
    Ok(bytes)
}

/// The id of a line in tables: terminal (4 bytes, big-endian), epoch (16), seq (8, big-endian).
pub fn line_id(line: LineRef) -> Vec<u8> {
    let mut id = Vec::with_capacity(28);
    id.extend_from_slice(&line.terminal.to_be_bytes());
    id.extend_from_slice(&line.epoch.0);
    id.extend_from_slice(&line.seq.to_be_bytes());
    id
}

/// Reads an id back.
///
/// # Errors
/// The bytes are not 28.
pub fn line_ref(id: &[u8]) -> Result<LineRef, DatabaseError> {
    let damaged = || DatabaseError::Damaged { what: "a line id", why: format!("{} bytes where 28 are due", id.len()) };
    let (terminal, rest) = id.split_first_chunk::<4>().ok_or_else(damaged)?;
    let (epoch, rest) = rest.split_first_chunk::<16>().ok_or_else(damaged)?;
    let seq: &[u8; 8] = rest.try_into().map_err(|_| damaged())?;
    Ok(LineRef { terminal: u32::from_be_bytes(*terminal), epoch: Hex(*epoch), seq: u64::from_be_bytes(*seq) })
}

/// A line as it stands in the central book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Arrival, from 1.
    pub position: u64,
    pub book: BookId,
    pub line: Line,
    /// When it happened, by the server's clock as well as it can be told.
    pub corrected: Moment,
    pub received: Moment,
}

impl Stored {
    pub fn reference(&self) -> LineRef {
        LineRef { terminal: self.book.terminal, epoch: self.book.epoch, seq: self.line.seq }
    }
}

/// Where the server stands in one book.
#[derive(Clone, Debug)]
pub struct Cursor {
    pub book: BookId,
    pub next: u64,
    pub head: Hex<32>,
    pub next_seal: u64,
    /// Last line under a seal.
    pub sealed: u64,
    /// Signature of the last seal.
    pub seal_signature: Hex<64>,
    pub clock: Clock,
}

/// What a book's lines so far say about its terminal's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Corrected time of the last line.
    pub corrected: Moment,
    /// Central time minus the terminal's, in force after the last line.
    pub offset_us: i64,
}

impl Clock {
    /// Before the first line.
    pub(crate) const BEFORE_FIRST: Clock = Clock { corrected: Moment(i64::MIN), offset_us: 0 };

    /// Passes the next line and gives its corrected time.
    ///
    /// Within a book time never runs back, whatever its clock did: the order of its lines is the truth. And nothing
    /// happened after it was received, or one line of a clock that is years ahead would hold all later ones up there.
    pub(crate) fn pass(&mut self, line: &Line, body: Option<&Body>, received: Moment) -> Moment {
        if let Some(Body::System(System::ClockOffset { offset_us, .. })) = body {
            self.offset_us = *offset_us;
        }
        let told = Moment(line.at.0.saturating_add(self.offset_us));
        self.corrected = self.corrected.max(told.min(received));
        self.corrected
    }
}
