//! One piece of the writer's work inside a transaction, and what it changes in memory once that is committed.

use ed25519_dalek::SigningKey;
use rusqlite::Connection;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::oneshot;

use crate::event::{Body, System};
use crate::hex::{Hex, HexBytes};
use crate::ledger::book::{CannotRecord, Marks, StoredRecord, Written};
use crate::ledger::chain::{self, BookId, Line, Seal};
use crate::ledger::opening::{self, Tail};
use crate::ledger::store::{self, Receipted};
use crate::quantity::Moment;

/// Room that an acknowledgement needs, and that any other work needs beside its own bytes: some pages of log, and the
/// checkpoint that follows.
const NEED_SMALL: u64 = 64 << 10;
pub(super) const NEED: u64 = 192 << 10;
/// Columns, keys and page headers around a body, roughly.
const ROW_BYTES: u64 = 200;

/// An entry whose body is encoded, in the caller's thread.
pub(super) struct Draft {
    pub at: Moment,
    pub zone_min: i16,
    pub kind: u8,
    pub schema: u16,
    pub body: Vec<u8>,
    pub marks: Marks,
}

pub(super) enum Work {
    Append(Vec<Draft>),
    Marks(Marks),
    Acknowledge(Receipted),
    Records(Vec<StoredRecord>, u64),
    RotateKey(Box<SigningKey>),
}

pub(super) struct Command {
    pub work: Work,
    pub reply: oneshot::Sender<Result<Written, CannotRecord>>,
}

impl Work {
    pub fn entries(&self) -> usize {
        match self {
            Work::Append(drafts) => drafts.len(),
            Work::Acknowledge(_) | Work::RotateKey(_) => 1,
            Work::Marks(marks) => marks.len(),
            Work::Records(records, _) => records.len(),
        }
    }

    /// Bytes of disk that must be free for it: once in the log, once in the file.
    pub fn need(&self) -> u64 {
        let of = |bytes: usize| bytes as u64 + ROW_BYTES;
        let of_marks =
            |marks: &Marks| marks.iter().map(|(_, value)| of(value.as_ref().map_or(0, Vec::len))).sum::<u64>();
        let bytes: u64 = match self {
            Work::Acknowledge(_) => return NEED_SMALL,
            Work::Append(drafts) => drafts.iter().map(|draft| of(draft.body.len()) + of_marks(&draft.marks)).sum(),
            Work::Marks(marks) => of_marks(marks),
            Work::Records(records, _) => records.iter().map(|record| of(record.body.len())).sum(),
            Work::RotateKey(_) => ROW_BYTES,
        };
        NEED + 2 * bytes
    }
}

/// What a transaction changes in memory once it is committed.
#[derive(Clone)]
pub(super) struct Standing {
    pub tail: Tail,
    pub key: SigningKey,
}

impl Standing {
    /// The outer error fails the transaction, the inner one only this work.
    pub fn work(
        &mut self,
        tx: &Connection,
        id: BookId,
        work: &Work,
    ) -> rusqlite::Result<Result<Written, CannotRecord>> {
        let first = self.tail.last + 1;
        match work {
            Work::Append(drafts) => {
                for draft in drafts {
                    self.append(tx, draft)?;
                }
            }
            Work::Marks(marks) => put_marks(tx, marks)?,
            Work::Acknowledge(receipt) => {
                if !self.acknowledge(tx, id, receipt)? {
                    return Ok(Err(CannotRecord::OtherHead { last: receipt.last }));
                }
            }
            Work::Records(records, cursor) => {
                for record in records {
                    store::put_record(tx, record)?;
                }
                store::put_cursor(tx, *cursor)?;
                self.tail.cursor = *cursor;
            }
            Work::RotateKey(new) => {
                let body = Body::System(System::KeyChanged { key: Hex(new.verifying_key().to_bytes()) });
                let (kind, schema) = (body.kind(), body.schema());
                let (at, zone_min) = (Moment::now(), self.tail.zone_min);
                self.append(tx, &Draft { at, zone_min, kind, schema, body: body.encode(), marks: Vec::new() })?;
                self.seal(tx, id)?;
                self.key = new.as_ref().clone();
                store::put_key(tx, self.tail.seals + 1, &self.key.verifying_key())?;
            }
        }
        Ok(Ok(Written { first, last: self.tail.last, head: self.tail.head }))
    }

    fn append(&mut self, tx: &Connection, draft: &Draft) -> rusqlite::Result<()> {
        let mut line = Line {
            seq: self.tail.last + 1,
            at: draft.at,
            zone_min: draft.zone_min,
            mono_us: since_boot_us(),
            kind: draft.kind,
            schema: draft.schema,
            body: HexBytes(draft.body.clone()),
            hash: self.tail.head,
        };
        line.hash = chain::link(self.tail.head, &line);
        store::put_line(tx, &line)?;
        put_marks(tx, &draft.marks)?;
        self.tail.last = line.seq;
        self.tail.head = line.hash;
        self.tail.at = Some(line.at);
        self.tail.zone_min = line.zone_min;
        Ok(())
    }

    /// Whether the receipt names a line of this book.
    fn acknowledge(&mut self, tx: &Connection, id: BookId, receipt: &Receipted) -> rusqlite::Result<bool> {
        if self.tail.last < receipt.last {
            return Ok(false);
        }
        // A line before the cut cannot be compared any more; a restored server may stand there.
        let ours = opening::hash_at(tx, id, receipt.last)?;
        if ours.is_some_and(|ours| ours != receipt.head) {
            return Ok(false);
        }
        let same_server = self.tail.server_epoch == Some(receipt.server_epoch);
        if same_server && receipt.last <= self.tail.acknowledged {
            return Ok(true);
        }
        store::put_receipt(tx, receipt)?;
        self.tail.acknowledged = receipt.last;
        self.tail.server_epoch = Some(receipt.server_epoch);
        Ok(true)
    }

    /// Seals what is not sealed yet.
    pub fn seal(&mut self, tx: &Connection, id: BookId) -> rusqlite::Result<()> {
        let seal = Seal {
            number: self.tail.seals + 1,
            first: self.tail.sealed + 1,
            last: self.tail.last,
            head: self.tail.head,
            at: Moment::now(),
            signature: Seal::BEFORE_FIRST,
        };
        let seal = seal.sign(id, self.tail.seal_signature, &self.key);
        store::put_seal(tx, &seal)?;
        self.tail.seals = seal.number;
        self.tail.sealed = seal.last;
        self.tail.seal_signature = seal.signature;
        Ok(())
    }
}

fn put_marks(tx: &Connection, marks: &Marks) -> rusqlite::Result<()> {
    marks.iter().try_for_each(|(key, value)| store::put_mark(tx, key, value.as_deref()))
}

/// Microseconds since boot, suspended time included.
fn since_boot_us() -> i64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1_000)
}
