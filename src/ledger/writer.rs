//! The one thread that writes the book: group commit, seals, room, and what happens when the disk fails.

use std::fs::File;
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use rusqlite::Connection;
use tokio::sync::{mpsc, watch};

use crate::ledger::book::{CannotRecord, Disk, Settings, State, Written};
use crate::ledger::chain::BookId;
use crate::ledger::file::{self, Ailment};
use crate::ledger::opening::{self, Tail};
use crate::ledger::rescue;
use crate::ledger::retention::{self, Headroom, Room};
use crate::ledger::work::{Command, NEED, Standing};
use crate::quantity::Moment;

/// A group takes what waits, up to this many entries or this long; nobody waits for a group to fill.
const GROUP_ENTRIES: usize = 256;
const GROUP_TIME: Duration = Duration::from_millis(2);
/// How often a book that cannot record tries again.
const PROBE: Duration = Duration::from_secs(1);
/// How often the room on the disk is looked at while nothing happens.
const LOOK: Duration = Duration::from_secs(5);

pub(super) struct Writer {
    settings: Settings,
    id: BookId,
    /// `None` between a failure of the disk and the reopening.
    connection: Option<Connection>,
    standing: Standing,
    room: Room,
    disk: Disk,
    /// Free bytes that the last refused work needed; the book is not called ready before they are there.
    wanted: u64,
    /// The file is beyond mending while we run; the next start moves it aside.
    lost: bool,
    state: watch::Sender<State>,
    last_line: Instant,
    last_look: Instant,
    /// Held for its lock.
    _lock: File,
}

impl Writer {
    pub fn new(
        settings: Settings,
        id: BookId,
        connection: Connection,
        tail: Tail,
        lock: File,
        key: SigningKey,
        room: Room,
    ) -> Writer {
        let (state, _) = watch::channel(tail.state(id, Disk::Fine));
        let mut writer = Writer {
            settings,
            id,
            connection: Some(connection),
            standing: Standing { tail, key },
            room,
            disk: Disk::Fine,
            wanted: 0,
            lost: false,
            state,
            last_line: Instant::now(),
            last_look: Instant::now(),
            _lock: lock,
        };
        writer.look();
        writer
    }

    pub fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Works until the last sender of `queue` is gone.
    pub fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.expect("a runtime of this thread alone, with a timer and no I/O, needs memory only");
        loop {
            let wait = self.duties();
            match runtime.block_on(async { tokio::time::timeout(wait, queue.recv()).await }) {
                Ok(Some(first)) => {
                    let group = gather(first, &mut queue);
                    self.carry_out(group);
                }
                Ok(None) => break,
                Err(_) => {}
            }
        }
        self.finish();
    }

    /// Does what time asks for, and says how long it may wait until it is asked again.
    fn duties(&mut self) -> Duration {
        let stuck = matches!(self.disk, Disk::CannotRecord { .. });
        let pause = if stuck { PROBE } else { LOOK };
        if pause <= self.last_look.elapsed() {
            self.look();
        }
        let mut wait = pause.saturating_sub(self.last_look.elapsed());
        let tail = &self.standing.tail;
        if tail.sealed < tail.last && self.connection.is_some() && !stuck {
            let quiet = self.last_line.elapsed();
            if self.settings.seal_quiet <= quiet {
                self.seal_rest();
            } else {
                wait = wait.min(self.settings.seal_quiet - quiet);
            }
        }
        wait.max(Duration::from_millis(1))
    }

    /// Looks after the disk: reopens after a failure, frees room early, and tells everybody how it stands.
    fn look(&mut self) {
        self.last_look = Instant::now();
        if self.lost || (self.connection.is_none() && !self.reopen()) {
            return;
        }
        let Some(headroom) = self.headroom() else { return };
        if self.room.is_tight(headroom) {
            self.give_up_chunk();
        } else {
            self.room.restore_reserve(headroom);
        }
        if let Err(why) = self.make_room(NEED.max(self.wanted)) {
            self.set_disk(Disk::CannotRecord { why });
        }
    }

    fn headroom(&mut self) -> Option<Headroom> {
        match self.room.headroom() {
            Ok(headroom) => Some(headroom),
            Err(error) => {
                self.set_disk(Disk::CannotRecord { why: error.to_string() });
                None
            }
        }
    }

    /// Makes sure of `need` free bytes; frees in the stated order where they are not.
    fn make_room(&mut self, need: u64) -> Result<(), String> {
        let mut reserve = true;
        let mut emptied = false;
        loop {
            let headroom = self.room.headroom().map_err(|error| error.to_string())?;
            if need <= headroom.free() {
                if self.wanted <= need {
                    self.wanted = 0;
                    let tight = self.room.is_tight(headroom);
                    self.set_disk(if tight { Disk::Tight { free_bytes: headroom.free() } } else { Disk::Fine });
                }
                return Ok(());
            }
            if !emptied && let Some(connection) = &self.connection {
                emptied = true;
                if retention::empty_log(connection).is_ok() {
                    continue;
                }
            }
            if self.give_up_chunk() {
                continue;
            }
            if reserve && self.room.release_reserve() {
                reserve = false;
                continue;
            }
            return Err(self.room.why(headroom));
        }
    }

    /// Gives up one chunk of acknowledged lines past their time; whether any went.
    fn give_up_chunk(&mut self) -> bool {
        let Some(connection) = &mut self.connection else { return false };
        let horizon = Moment::now().minus(self.settings.keep);
        match retention::give_up(connection, &mut self.standing.tail, horizon) {
            Ok(0) => false,
            Ok(lines) => {
                tracing::info!(lines, "{lines} acknowledged lines were given up for room");
                self.publish();
                true
            }
            Err(error) => {
                tracing::warn!("old lines cannot be given up: {error}");
                false
            }
        }
    }

    fn carry_out(&mut self, group: Vec<Command>) {
        if self.connection.is_none() && !self.lost && PROBE <= self.last_look.elapsed() {
            self.look();
        }
        if self.connection.is_none() {
            let why = match &self.disk {
                Disk::CannotRecord { why } => why.clone(),
                Disk::Fine | Disk::Tight { .. } => "the file is being opened again".into(),
            };
            return refuse(group, &CannotRecord::Store { why });
        }
        let need = group.iter().map(|command| command.work.need()).max().unwrap_or(0)
            + group.iter().map(|command| command.work.need() - NEED.min(command.work.need())).sum::<u64>();
        if self.make_room(need).is_ok() {
            match self.commit(&group) {
                Ok(answers) => return reply(group, answers),
                Err(error) if file::ailment(&error) != Ailment::Full => return self.fail(group, &error),
                Err(_) => {}
            }
        }
        self.one_by_one(group);
    }

    /// The group has no room as a whole: small work, and acknowledgements that give room, may still go through.
    fn one_by_one(&mut self, group: Vec<Command>) {
        for command in group {
            let group = vec![command];
            let need = group.iter().map(|command| command.work.need()).sum();
            if self.connection.is_none() {
                refuse(group, &CannotRecord::Store { why: "the disk failed just now".into() });
                continue;
            }
            if let Err(why) = self.make_room(need) {
                self.wanted = self.wanted.max(need);
                self.set_disk(Disk::CannotRecord { why: why.clone() });
                refuse(group, &CannotRecord::NoRoom { why });
                continue;
            }
            match self.commit(&group) {
                Ok(answers) => reply(group, answers),
                Err(error) if file::ailment(&error) == Ailment::Full && self.room.release_reserve() => {
                    match self.commit(&group) {
                        Ok(answers) => reply(group, answers),
                        Err(error) => self.fail(group, &error),
                    }
                }
                Err(error) => self.fail(group, &error),
            }
        }
    }

    /// One transaction for the whole group; nothing in memory changes unless it is on disk.
    fn commit(&mut self, group: &[Command]) -> rusqlite::Result<Vec<Result<Written, CannotRecord>>> {
        let Some(connection) = &mut self.connection else { return Err(rusqlite::Error::InvalidQuery) };
        let mut next = self.standing.clone();
        let tx = connection.transaction()?;
        let mut answers = Vec::with_capacity(group.len());
        for command in group {
            answers.push(next.work(&tx, self.id, &command.work)?);
            if self.settings.seal_every <= next.tail.last - next.tail.sealed {
                next.seal(&tx, self.id)?;
            }
        }
        tx.commit()?;
        if self.standing.tail.last < next.tail.last {
            self.last_line = Instant::now();
        }
        self.standing = next;
        self.publish();
        Ok(answers)
    }

    fn seal_rest(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        let mut next = self.standing.clone();
        let sealed = connection.transaction().and_then(|tx| {
            next.seal(&tx, self.id)?;
            tx.commit()
        });
        match sealed {
            Ok(()) => {
                self.standing = next;
                self.publish();
            }
            Err(error) => {
                // Not at once again: a full disk would make this a busy loop.
                self.last_line = Instant::now();
                self.fail(Vec::new(), &error);
            }
        }
    }

    /// The transaction was rolled back. After a failure of the disk nothing that is cached can be believed: the file
    /// is closed, opened again, and its tail compared with what was confirmed.
    fn fail(&mut self, group: Vec<Command>, error: &rusqlite::Error) {
        let why = error.to_string();
        tracing::error!("the book cannot be written: {why}");
        match file::ailment(error) {
            Ailment::Full => {
                let why = "the disk is full".to_owned();
                self.set_disk(Disk::CannotRecord { why: why.clone() });
                refuse(group, &CannotRecord::NoRoom { why });
            }
            Ailment::Disk | Ailment::Damaged | Ailment::Other => {
                self.connection = None;
                self.set_disk(Disk::CannotRecord { why: why.clone() });
                refuse(group, &CannotRecord::Store { why });
                self.look();
            }
        }
    }

    /// Opens the file again; whether it stands where it stood. A tail longer than ours is a commit that reached the
    /// file although it was reported as failed: nobody was told ok, but a reader may have seen it, so it stays.
    fn reopen(&mut self) -> bool {
        let opened = file::connect(&self.settings.path, self.settings.limit_bytes)
            .map_err(opening::Unsound::from)
            // Rewrites what may be in the page cache only.
            .and_then(|connection| retention::empty_log(&connection).map(|()| connection).map_err(Into::into))
            .and_then(|connection| Ok((opening::tail(&connection, self.id)?, connection)));
        match opened {
            Ok((tail, connection)) => match opening::hash_at(&connection, self.id, self.standing.tail.last) {
                Ok(Some(hash)) if hash == self.standing.tail.head => {
                    self.connection = Some(connection);
                    self.standing.tail = tail;
                    self.publish();
                    tracing::info!("the book is open again at line {}", self.standing.tail.last);
                    true
                }
                Ok(_) => self
                    .lose(format!("the disk lost lines that it had confirmed, up to line {}", self.standing.tail.last)),
                Err(error) => self.not_open(error.to_string()),
            },
            Err(opening::Unsound::Broken(why)) => self.lose(why),
            Err(opening::Unsound::Sql(error)) if file::ailment(&error) == Ailment::Damaged => {
                self.lose(error.to_string())
            }
            Err(opening::Unsound::Sql(error)) => self.not_open(error.to_string()),
        }
    }

    fn not_open(&mut self, why: String) -> bool {
        self.set_disk(Disk::CannotRecord { why });
        false
    }

    fn lose(&mut self, why: String) -> bool {
        self.lost = true;
        rescue::condemn(&self.settings.path, &why);
        tracing::error!(
            "the book is damaged: {why}; restart the terminal, it moves the file aside and starts a new book"
        );
        self.set_disk(Disk::CannotRecord { why: format!("{why}; restart the terminal to start a new book") });
        false
    }

    fn set_disk(&mut self, disk: Disk) {
        if self.disk != disk {
            self.disk = disk;
            self.publish();
        }
    }

    fn publish(&self) {
        let state = self.standing.tail.state(self.id, self.disk.clone());
        self.state.send_if_modified(|old| {
            let changed = *old != state;
            *old = state;
            changed
        });
    }

    fn finish(mut self) {
        if self.standing.tail.sealed < self.standing.tail.last {
            self.seal_rest();
        }
        let Some(connection) = self.connection.take() else { return };
        if let Err(error) = retention::empty_log(&connection) {
            tracing::warn!("the log of the book could not be moved into its file: {error}; the next start does it");
        }
    }
}

fn gather(first: Command, queue: &mut mpsc::Receiver<Command>) -> Vec<Command> {
    let begun = Instant::now();
    let mut entries = first.work.entries();
    let mut group = vec![first];
    while entries < GROUP_ENTRIES && begun.elapsed() < GROUP_TIME {
        let Ok(command) = queue.try_recv() else { break };
        entries += command.work.entries();
        group.push(command);
    }
    group
}

/// A caller that went away meanwhile has no ears; what it asked for stands all the same.
fn reply(group: Vec<Command>, answers: Vec<Result<Written, CannotRecord>>) {
    for (command, answer) in group.into_iter().zip(answers) {
        let _ = command.reply.send(answer);
    }
}

fn refuse(group: Vec<Command>, why: &CannotRecord) {
    for command in group {
        let _ = command.reply.send(Err(why.clone()));
    }
}
