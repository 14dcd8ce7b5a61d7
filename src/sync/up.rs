//! Lines on their way to the server: one batch in flight, always from where the server stands.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::event::{Body, System};
use crate::hex::{Hex, HexBytes};
use crate::ledger::book::{CannotRecord, Entry, State};
use crate::ledger::chain::BookId;
use crate::ledger::earlier::Earlier;
use crate::quantity::Moment;
use crate::sync::batch::{self, Source, blocking};
use crate::sync::client::{Outage, Settings, Shared};
use crate::sync::link::Way;
use crate::sync::plan::{self, Broken, Offset, Own, Pace, Standing, Step};
use crate::sync::transport::Failure;
use crate::sync::wire::{self, BatchReply, Hello, HelloReply, Refusal, Return, Returned, SignedRecord, VERSIONS};

/// A batch as sent: what a slow radio carries in a few seconds.
const PACKED_MAX: usize = 256 * 1024;
/// Records of one [`Return`], in bytes of bodies.
const RETURN_MAX: usize = 512 * 1024;
/// In an outage a new line causes a try this long after the last one, not sooner.
const NEW_LINE_AFTER: Duration = Duration::from_secs(5);

pub(super) struct Up {
    shared: Arc<Shared>,
    settings: Settings,
    troubles: watch::Receiver<Vec<String>>,
    state: watch::Receiver<State>,
    standing: Option<Standing>,
    said_hello: Option<Instant>,
    pace: Pace,
    packed_max: usize,
    offset: Option<Offset>,
    /// Hellos that failed.
    outage: Outage,
    /// Batches that failed while the hellos may go through: signs of life go on meanwhile.
    hold: Hold,
    /// Acknowledged line and seal at the last [`Step::Confirm`]: a server that stays there is not asked at once again.
    confirmed: Option<(u64, u64)>,
    /// Files with lines of earlier epochs, the one that is being sent, and whether to wait with it.
    earlier: Vec<PathBuf>,
    sending: Option<Sending>,
    hold_earlier: Hold,
}

/// Nothing is sent until the moment that the last failure set.
#[derive(Default)]
struct Hold {
    outage: Outage,
    until: Option<Instant>,
}

impl Hold {
    fn failed(&mut self, failure: &Failure) {
        self.until = Some(Instant::now() + self.outage.failed(failure));
    }

    fn is_on(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }
}

/// An earlier book on its way.
struct Sending {
    earlier: Arc<Earlier>,
    own: Own,
    standing: Standing,
    /// The seals without lines were sent.
    confirmed: bool,
}

enum Rhythm {
    AtOnce,
    /// Until the heartbeat, a new line, a new seal or a new trouble.
    Rest,
}

impl Up {
    pub fn new(shared: Arc<Shared>, settings: Settings, troubles: watch::Receiver<Vec<String>>) -> Up {
        let state = shared.book.watch();
        let earlier = shared.book.earlier().unwrap_or_else(|error| {
            tracing::warn!(%error, "the folder of the book cannot be searched for earlier books");
            Vec::new()
        });
        Up {
            shared,
            settings,
            troubles,
            state,
            standing: None,
            said_hello: None,
            pace: Pace::new(wire::BATCH_LINES_MAX),
            packed_max: PACKED_MAX,
            offset: None,
            outage: Outage::default(),
            hold: Hold::default(),
            confirmed: None,
            earlier,
            sending: None,
            hold_earlier: Hold::default(),
        }
    }

    pub async fn run(mut self) {
        loop {
            match self.round().await {
                Ok(Rhythm::AtOnce) => (),
                Ok(Rhythm::Rest) => self.rest().await,
                Err(failure) => self.back_off(failure).await,
            }
        }
    }

    /// One hello when it is due, one batch when there is one. Fails only when the hello does.
    async fn round(&mut self) -> Result<Rhythm, Failure> {
        let due = self.said_hello.is_none_or(|said| self.settings.heartbeat <= said.elapsed());
        let new_trouble = self.troubles.has_changed().unwrap_or(false);
        let standing = match self.standing {
            Some(standing) if !due && !new_trouble => standing,
            _ => self.hello().await?,
        };
        self.outage.over();
        // Seen before the state is read: what comes after wakes the rest.
        let own = own(&self.state.borrow_and_update());
        if self.hold.is_on() {
            return Ok(Rhythm::Rest);
        }
        let source = Source::Own(self.shared.book.clone());
        let step = match step(&own, &source, &standing).await {
            Ok(step) => step,
            Err(failure) => {
                self.batch_failed(failure).await;
                return Ok(Rhythm::Rest);
            }
        };
        let from = match step {
            Step::Send { from } => Some(from),
            Step::Confirm if self.confirmed != Some((own.acknowledged, standing.next_seal)) => {
                self.confirmed = Some((own.acknowledged, standing.next_seal));
                None
            }
            Step::Confirm | Step::Rest => {
                self.shared.board.well(Way::Up);
                return Ok(self.send_earlier().await);
            }
            Step::Broken(broken) => {
                self.shared.board.trouble(Way::Up, key_of(broken), broken.to_string());
                return Ok(Rhythm::Rest);
            }
        };
        match self.deliver(&source, from, &standing).await {
            Ok(()) => {
                self.hold = Hold::default();
                self.shared.board.well(Way::Up);
            }
            Err(failure) => self.batch_failed(failure).await,
        }
        Ok(Rhythm::AtOnce)
    }

    async fn deliver(&mut self, source: &Source, from: Option<u64>, standing: &Standing) -> Result<(), Failure> {
        match self.send(source, from, standing).await? {
            Some(reply) => self.take_receipt(&reply).await,
            None => Ok(()),
        }
    }

    /// Says what is wrong, and where the next hello must find the place again.
    async fn batch_failed(&mut self, failure: Failure) {
        let first = self.hold.outage.failures() == 0;
        self.hold.failed(&failure);
        if !matches!(failure, Failure::Book(_)) {
            self.standing = None;
        }
        if let Failure::Elsewhere(refusal) = &failure {
            if let Some(broken) = self.break_at(refusal).await {
                self.shared.board.trouble(Way::Up, key_of(broken), broken.to_string());
                return;
            }
            if first {
                // The usual answer after a lost reply: the next hello finds the place.
                self.hold.until = None;
                return;
            }
        }
        self.shared.board.trouble(Way::Up, failure.key(), failure.to_string());
    }

    async fn hello(&mut self) -> Result<Standing, Failure> {
        let state = self.shared.book.state();
        let troubles = self.troubles.borrow_and_update().clone();
        let hello =
            self.greeting(state.id, (state.first, state.last, state.head), state.waiting, state.cursor, troubles);
        let (reply, took) = self.greet(&hello).await?;
        self.note_clock(Offset::measured(hello.at, took, reply.received, reply.answered)).await;
        self.settle(state.server_epoch, state.cursor, &reply).await?;
        self.pace.limit(usize::try_from(reply.batch_lines_max).unwrap_or(usize::MAX).min(wire::BATCH_LINES_MAX));
        self.packed_max = PACKED_MAX.min(usize::try_from(reply.batch_bytes_max).unwrap_or(usize::MAX));
        self.said_hello = Some(Instant::now());
        self.confirmed = None;
        self.shared.board.set(|link| link.server_version = Some(reply.version));
        let standing = Standing { next: reply.next, head: reply.head, next_seal: reply.next_seal };
        self.standing = Some(standing);
        Ok(standing)
    }

    fn greeting(
        &self,
        book: BookId,
        (first_kept, last, head): (u64, u64, Hex<32>),
        waiting: u64,
        down_cursor: u64,
        troubles: Vec<String>,
    ) -> Hello {
        let program = self.settings.program.clone();
        let at = Moment::now();
        Hello { versions: VERSIONS, program, book, first_kept, last, head, at, down_cursor, waiting, troubles }
    }

    /// The server's answer and how long it took.
    async fn greet(&mut self, hello: &Hello) -> Result<(HelloReply, Duration), Failure> {
        let began = Instant::now();
        let reply: HelloReply = self.shared.transport.post(wire::HELLO, hello).await?;
        let took = began.elapsed();
        let (oldest, newest) = VERSIONS;
        if !(oldest..=newest).contains(&reply.version) {
            return Err(Failure::Version(format!(
                "the server wants version {}, this terminal speaks {oldest} to {newest}; update the older of the two, \
                 recording goes on meanwhile",
                reply.version
            )));
        }
        if reply.next == 0 || reply.next_seal == 0 {
            return Err(Failure::Garbage("it wants line 0 next".to_owned()));
        }
        self.heard();
        Ok((reply, took))
    }

    fn heard(&self) {
        self.shared.board.answered(Moment::now());
        self.shared.up_heard.notify_waiters();
    }

    /// Writes the offset of the clock into the book when it is news. When that fails, the next hello tries again.
    async fn note_clock(&mut self, found: Offset) {
        self.shared.board.set(|link| link.offset_us = Some(found.offset_us));
        if !found.is_news(self.offset.as_ref()) {
            return;
        }
        let at = Moment::now();
        let local = jiff::Timestamp::from_microsecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let zone_min = i16::try_from(self.settings.zone.to_offset(local).seconds() / 60).unwrap_or(0);
        let Offset { offset_us, error_us } = found;
        let body = Body::System(System::ClockOffset { offset_us, error_us });
        match self.shared.book.append(vec![Entry { at, zone_min, body, marks: Vec::new() }]).await {
            Ok(_) => {
                tracing::info!(
                    offset_us,
                    error_us,
                    "the server's clock is {offset_us} µs ahead, give or take {error_us} µs"
                );
                self.offset = Some(found);
            }
            Err(error) => tracing::warn!(%error, "the offset of the clock was not recorded"),
        }
    }

    /// After a restore of the server: gives back the records that it lost, then lets the downlink begin from where the
    /// server is.
    async fn settle(&mut self, known: Option<Hex<16>>, cursor: u64, reply: &HelloReply) -> Result<(), Failure> {
        let settled = *self.shared.settled.borrow();
        if settled == Some(reply.server_epoch) {
            return Ok(());
        }
        let _gate = self.shared.records.lock().await;
        self.shared.settled.send_replace(None);
        if settled.or(known).is_some_and(|known| known != reply.server_epoch) {
            let taken = self.give_back(reply.down_cursor).await?;
            tracing::warn!(
                taken,
                "the server was restored from a backup; it took back {taken} records from this terminal"
            );
            if reply.down_cursor < cursor {
                self.shared.book.store_records(Vec::new(), reply.down_cursor).await.map_err(own_trouble)?;
            }
        }
        self.shared.settled.send_replace(Some(reply.server_epoch));
        Ok(())
    }

    /// Offers the records above `cursor`; gives how many the server took.
    async fn give_back(&self, cursor: u64) -> Result<u64, Failure> {
        let book = self.shared.book.clone();
        let mut records = blocking(move || book.records()).await?;
        records.retain(|record| cursor < record.cursor);
        records.sort_by_key(|record| record.cursor);
        let mut taken = 0;
        let mut page = Vec::new();
        let mut bytes = 0;
        let mut records = records.into_iter().peekable();
        while let Some(record) = records.next() {
            bytes += record.body.len();
            page.push(SignedRecord { cursor: record.cursor, body: HexBytes(record.body), signature: record.signature });
            if records.peek().is_none() || wire::RECORDS_MAX <= page.len() || RETURN_MAX <= bytes {
                let body = Return { records: std::mem::take(&mut page) };
                let returned: Returned = self.shared.transport.post(wire::RETURN, &body).await?;
                taken += u64::from(returned.taken);
                bytes = 0;
            }
        }
        Ok(taken)
    }

    /// Sends one batch; without `from` one that holds seals only. `None` when it was too large and is to be sent smaller.
    async fn send(
        &mut self,
        source: &Source,
        from: Option<u64>,
        standing: &Standing,
    ) -> Result<Option<BatchReply>, Failure> {
        let (batch, packed) = batch::pack(
            source.clone(),
            from,
            *standing,
            (self.pace.lines(), self.packed_max),
            self.shared.book.state().last,
        )
        .await?;
        let id = batch.book;
        match self.shared.transport.post_packed::<BatchReply>(wire::BATCH, packed).await {
            Ok(reply) => {
                let receipt = &reply.receipt;
                let sound = receipt.holds(id, &self.shared.server_key)
                    && receipt.last.checked_add(1) == Some(reply.next)
                    && receipt.head == reply.head
                    && reply.next_seal != 0;
                if !sound {
                    return Err(Failure::Garbage(
                        "its receipt is not signed with the key from the enrolment".to_owned(),
                    ));
                }
                self.pace.succeeded();
                self.heard();
                Ok(Some(reply))
            }
            Err(Failure::TooLarge) if 1 < batch.lines.len() => {
                self.pace.failed_at(batch.lines.len());
                Ok(None)
            }
            Err(failure) => {
                self.pace.failed_at(batch.lines.len());
                Err(failure)
            }
        }
    }

    /// Goes on from where the server is now, and keeps its receipt.
    async fn take_receipt(&mut self, reply: &BatchReply) -> Result<(), Failure> {
        self.standing = Some(Standing { next: reply.next, head: reply.head, next_seal: reply.next_seal });
        let epoch = *self.shared.settled.borrow();
        let (Some(epoch), 1..) = (epoch, reply.receipt.last) else { return Ok(()) };
        let receipt = &reply.receipt;
        self.shared.book.acknowledge(epoch, receipt.last, receipt.head, receipt.signature).await.map_err(own_trouble)
    }

    /// Once the own book rests: the next batch of a book of an earlier epoch.
    async fn send_earlier(&mut self) -> Rhythm {
        let Some(path) = self.earlier.first().cloned() else { return Rhythm::Rest };
        if self.hold_earlier.is_on() {
            return Rhythm::Rest;
        }
        let shown = path.display();
        match self.send_part(&path).await {
            Ok(true) => self.hold_earlier = Hold::default(),
            Ok(false) => {
                tracing::info!("all lines of the earlier book {shown} are at the server");
                self.earlier.remove(0);
            }
            Err(failure @ (Failure::Refused { .. } | Failure::NotAccepted(_) | Failure::Book(_))) => {
                tracing::error!("the earlier book {shown} stays here until the next start: {failure}");
                self.sending = None;
                self.earlier.remove(0);
            }
            Err(failure) => {
                tracing::warn!("the earlier book {shown} waits: {failure}");
                self.sending = None;
                self.hold_earlier.failed(&failure);
            }
        }
        Rhythm::AtOnce
    }

    /// Sends one batch of the earlier book in `path`; false when the server has all of it.
    async fn send_part(&mut self, path: &Path) -> Result<bool, Failure> {
        let mut sending = match self.sending.take() {
            Some(sending) => sending,
            None => self.open_earlier(path).await?,
        };
        let source = Source::Earlier(sending.earlier.clone());
        let from = match step(&sending.own, &source, &sending.standing).await? {
            Step::Send { from } => Some(from),
            Step::Confirm if !sending.confirmed => None,
            Step::Confirm | Step::Rest => {
                drop(source);
                let Some(earlier) = Arc::into_inner(sending.earlier) else { return Ok(false) };
                let renamed =
                    earlier.finish().map_err(|error| Failure::Book(format!("its file cannot be renamed: {error}")));
                return renamed.map(|_| false);
            }
            Step::Broken(broken) => return Err(Failure::Book(broken.to_string())),
        };
        sending.confirmed = from.is_none();
        if let Some(reply) = self.send(&source, from, &sending.standing).await? {
            sending.standing = Standing { next: reply.next, head: reply.head, next_seal: reply.next_seal };
        }
        self.sending = Some(sending);
        Ok(true)
    }

    async fn open_earlier(&mut self, path: &Path) -> Result<Sending, Failure> {
        let path = path.to_owned();
        let (earlier, seals) = blocking(move || {
            let earlier = Earlier::open(&path)?;
            let mut seals = 0;
            while let Some(last) = earlier.seals(seals + 1, wire::BATCH_LINES_MAX)?.last() {
                seals = last.number;
            }
            Ok((earlier, seals))
        })
        .await?;
        let ends = (earlier.first(), earlier.last(), earlier.head());
        let hello = self.greeting(earlier.id(), ends, 0, self.shared.book.state().cursor, Vec::new());
        let (reply, _) = self.greet(&hello).await?;
        Ok(Sending {
            earlier: Arc::new(earlier),
            // Its receipts are not kept: the file is done when the server has it all.
            own: Own { first: ends.0, last: ends.1, acknowledged: ends.1, seals },
            standing: Standing { next: reply.next, head: reply.head, next_seal: reply.next_seal },
            confirmed: false,
        })
    }

    /// Until something is to be said.
    async fn rest(&mut self) {
        let heartbeat = self.said_hello.map_or_else(Instant::now, |said| said + self.settings.heartbeat);
        let until =
            self.hold.until.filter(|&until| Instant::now() < until).map_or(heartbeat, |until| until.min(heartbeat));
        tokio::select! {
            () = tokio::time::sleep_until(until) => (),
            () = changed(&mut self.state) => (),
            () = changed(&mut self.troubles) => (),
        }
    }

    /// Says what is wrong and waits: for the time drawn, for the other way's success, or for a new line.
    async fn back_off(&mut self, failure: Failure) {
        let now = Moment::now();
        self.standing = None;
        let wait = self.outage.failed(&failure);
        let broken = match &failure {
            Failure::Elsewhere(refusal) => self.break_at(refusal).await,
            _ => None,
        };
        match broken {
            Some(broken) => self.shared.board.trouble(Way::Up, key_of(broken), broken.to_string()),
            None => self.shared.board.trouble(Way::Up, failure.key(), failure.to_string()),
        }
        if failure.was_answered() {
            self.shared.board.answered(now);
        } else if !matches!(failure, Failure::Book(_)) {
            self.shared.board.silent(now);
        }
        // A server that answers is not asked sooner for a new line; one that does not may be back.
        let lost = matches!(failure, Failure::NoAnswer(_));
        let began = Instant::now();
        let new_line = async {
            changed(&mut self.state).await;
            tokio::time::sleep_until(began + NEW_LINE_AFTER).await;
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => (),
            () = self.shared.down_heard.notified(), if lost => (),
            () = new_line, if lost => (),
        }
    }

    /// Whether the place that a refusal names is none of this book.
    async fn break_at(&self, refusal: &Refusal) -> Option<Broken> {
        let (Some(next @ 1..), Some(head)) = (refusal.next, refusal.head) else { return None };
        let own = own(&self.shared.book.state());
        let standing = Standing { next, head, next_seal: 1 };
        match step(&own, &Source::Own(self.shared.book.clone()), &standing).await {
            Ok(Step::Broken(broken)) => Some(broken),
            _ => None,
        }
    }
}

fn own(state: &State) -> Own {
    Own { first: state.first, last: state.last, acknowledged: state.acknowledged, seals: state.seals }
}

async fn step(own: &Own, source: &Source, standing: &Standing) -> Result<Step, Failure> {
    let (source, seq) = (source.clone(), standing.next - 1);
    let before_next = blocking(move || source.hash_at(seq)).await?;
    Ok(plan::step(own, before_next, standing))
}

fn key_of(broken: Broken) -> &'static str {
    match broken {
        Broken::Forked { .. } => "forked",
        Broken::PutBack { .. } => "put_back",
        Broken::Gap { .. } => "gap",
    }
}

fn own_trouble(error: CannotRecord) -> Failure {
    match error {
        CannotRecord::OtherHead { last } => Failure::Book(Broken::Forked { at: last }.to_string()),
        error => Failure::Book(format!("{error}; {}", error.help())),
    }
}

/// Pends for ever once the sender is gone.
async fn changed<T>(receiver: &mut watch::Receiver<T>) {
    if receiver.changed().await.is_err() {
        std::future::pending().await
    }
}
