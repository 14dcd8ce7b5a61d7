//! Reference data on their way to the terminal: pages of signed records, stored by the server's cursor.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use crate::ledger::book::StoredRecord;
use crate::quantity::Moment;
use crate::sync::client::{Outage, Shared};
use crate::sync::link::Way;
use crate::sync::records::Record;
use crate::sync::transport::Failure;
use crate::sync::wire::{self, SignedRecord};

/// An empty page that comes sooner than this was not held back; asking on at once would be a storm.
const TOO_SOON: Duration = Duration::from_secs(1);

pub(super) struct Down {
    shared: Arc<Shared>,
    outage: Outage,
    /// The last page left nothing out. Until then the server is not asked to wait for something new: how old the data
    /// are must be known at once, also when it has no record at all.
    current: bool,
}

impl Down {
    pub fn new(shared: Arc<Shared>) -> Down {
        Down { shared, outage: Outage::default(), current: false }
    }

    pub async fn run(mut self) {
        let mut settled = self.shared.settled.subscribe();
        loop {
            // Before the first hello, and while a restored server is given back what it lost, there is nothing to ask.
            if settled.wait_for(Option::is_some).await.is_err() {
                return;
            }
            let began = Instant::now();
            match self.page().await {
                Ok(true) => self.succeeded(),
                Ok(false) => {
                    self.succeeded();
                    tokio::time::sleep_until(began + TOO_SOON).await;
                }
                Err(failure) => {
                    self.current = false;
                    let wait = self.outage.failed(&failure);
                    self.shared.board.trouble(Way::Down, failure.key(), failure.to_string());
                    // A server that was not heard may be back as soon as the up way hears it.
                    let lost = matches!(failure, Failure::NoAnswer(_));
                    tokio::select! {
                        () = tokio::time::sleep(wait) => (),
                        () = self.shared.up_heard.notified(), if lost => (),
                    }
                }
            }
        }
    }

    fn succeeded(&mut self) {
        self.outage.over();
        self.shared.board.well(Way::Down);
        self.shared.down_heard.notify_waiters();
    }

    /// Asks for one page and stores it; false when there was nothing in it.
    async fn page(&mut self) -> Result<bool, Failure> {
        let cursor = self.shared.book.state().cursor;
        let wait_s = if self.current { wire::DOWN_WAIT_MAX_S } else { 0 };
        let path = wire::down_path(cursor, wait_s);
        let page: wire::Down = self.shared.transport.get(&path, Duration::from_secs(wait_s)).await?;
        let _gate = self.shared.records.lock().await;
        if *self.shared.settled.borrow() != Some(page.server_epoch) || self.shared.book.state().cursor != cursor {
            // The server is another one than at the last hello; the next hello, at most a heartbeat away, sorts it out.
            return Ok(false);
        }
        let news = cursor < page.cursor;
        let in_order = page.records.iter().all(|record| cursor < record.cursor && record.cursor <= page.cursor);
        if page.cursor < cursor || !in_order || page.more && !news {
            return Err(Failure::Garbage(format!("its page of records does not follow cursor {cursor}")));
        }
        let records = page.records.iter().map(|record| self.stored(record)).collect::<Result<Vec<_>, _>>()?;
        if news {
            let stored = self.shared.book.store_records(records, page.cursor).await;
            stored.map_err(|error| Failure::Book(format!("{error}; {}", error.help())))?;
        }
        self.shared.board.answered(Moment::now());
        self.current = !page.more;
        if self.current {
            self.shared.board.data_are_current(Moment::now());
        }
        Ok(news)
    }

    fn stored(&self, record: &SignedRecord) -> Result<StoredRecord, Failure> {
        if !record.holds(&self.shared.server_key) {
            return Err(Failure::Garbage(format!(
                "record {} is not signed with the key from the enrolment",
                record.cursor
            )));
        }
        let (kind, key, version) = name_of(record)
            .ok_or_else(|| Failure::Garbage(format!("record {} has no kind and version", record.cursor)))?;
        Ok(StoredRecord {
            kind,
            key,
            version,
            cursor: record.cursor,
            body: record.body.0.clone(),
            signature: record.signature,
        })
    }
}

/// What every record has, whatever its version.
#[derive(Deserialize)]
struct Title {
    kind: String,
    version: u64,
}

/// Kind, key and version under which the record is stored. One that only a later version of this program understands is
/// kept under its cursor, so that it is there after the update.
fn name_of(record: &SignedRecord) -> Option<(String, String, u64)> {
    match serde_json::from_slice::<Record>(&record.body.0) {
        Ok(read) => Some((read.content.kind().to_owned(), read.content.key(), read.version)),
        Err(_) => {
            let title: Title = serde_json::from_slice(&record.body.0).ok()?;
            tracing::warn!(kind = %title.kind, "record {} is of a later version; it is kept for after the update", record.cursor);
            Some((title.kind, format!("?{}", record.cursor), title.version))
        }
    }
}
