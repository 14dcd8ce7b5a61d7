//! Nothing fails in silence: changes of devices, disk and clock become lines, log entries and troubles that the server
//! and the screen show.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{self, MissedTickBehavior};

use crate::event::System;
use crate::ledger::book::{Disk, ReadError};
use crate::terminal::house::{self, House, SelfCheck};
use crate::terminal::port::Health;
use crate::terminal::status::{self, Status};

/// How often the state of things is looked at; a trouble must be seen within 10 s.
const ROUND: Duration = Duration::from_secs(1);
/// The whole book is read this long after the start: first the door works.
const PROVE_AFTER: Duration = Duration::from_secs(10);
const DAY: Duration = Duration::from_secs(86_400);
/// Records that come down in quick pages are taken in together.
const SETTLE: Duration = Duration::from_millis(200);

/// Who looks after the health of this terminal.
pub struct Watch {
    house: Arc<House>,
    ports: Vec<(Arc<str>, watch::Receiver<Health>)>,
    /// Name of the station of each device.
    places: HashMap<String, String>,
    /// What was wrong with the book that the last run left; told until the next start.
    found: Option<String>,
    /// What the last reading of the whole book found.
    unsound: Mutex<Option<String>>,
    troubles: watch::Sender<Vec<String>>,
}

impl Watch {
    pub fn new(
        house: Arc<House>,
        ports: Vec<(Arc<str>, watch::Receiver<Health>)>,
        places: HashMap<String, String>,
        found: Option<String>,
        troubles: watch::Sender<Vec<String>>,
    ) -> Watch {
        Watch { house, ports, places, found, unsound: Mutex::new(None), troubles }
    }

    pub fn status(&self) -> Status {
        let devices = self.ports.iter().map(|(name, health)| (&**name, health.borrow().clone()));
        let mut status = status::of(&self.house, devices);
        status.troubles.extend(self.found.clone());
        status.troubles.extend(self.unsound.lock().unwrap_or_else(PoisonError::into_inner).clone());
        status
    }

    /// Devices of `station` that do not work, and why.
    pub fn faults(&self, station: &str) -> Vec<(String, Health)> {
        let of_station = |name: &Arc<str>| self.places.get(&**name).is_some_and(|place| place == station);
        let here = self.ports.iter().filter(|(name, _)| of_station(name));
        here.map(|(name, health)| (name.to_string(), health.borrow().clone()))
            .filter(|(_, health)| !health.up)
            .collect()
    }

    /// Counts what was shown against the book, writes the result as a line and returns it. Blocks.
    ///
    /// # Errors
    /// When the book cannot be read.
    pub async fn check(&self) -> Result<SelfCheck, ReadError> {
        let house = self.house.clone();
        let check = tokio::task::spawn_blocking(move || house.check()).await;
        let check = check.expect("the check itself does not panic, and nobody cancels it")?;
        self.house.say(System::SelfCheck { shown: check.shown, written: check.written }).await;
        if check.shown != check.written {
            let SelfCheck { shown, written, .. } = check;
            tracing::error!(shown, written, "{shown} answers were shown for {written} lines; run `gatebook verify`");
        }
        Ok(check)
    }

    /// Writes a line when a device goes down and when it comes back.
    pub async fn devices(self: Arc<Watch>, mut stop: watch::Receiver<bool>) {
        let mut tasks = tokio::task::JoinSet::new();
        for (name, health) in &self.ports {
            tasks.spawn(follow(self.house.clone(), name.clone(), health.clone()));
        }
        ended(&mut stop).await;
        tasks.shutdown().await;
    }

    /// Reads the whole book soon after the start and once a day: the start itself looks at its tail only. What is wrong is
    /// told; recording goes on, since every line behind the damage stands in the chain as before.
    pub async fn proofs(self: Arc<Watch>, mut stop: watch::Receiver<bool>) {
        let mut proofs = time::interval_at(time::Instant::now() + PROVE_AFTER, DAY);
        loop {
            tokio::select! {
                () = ended(&mut stop) => return,
                _ = proofs.tick() => (),
            }
            let book = self.house.book.clone();
            let (reply, answer) = oneshot::channel();
            // A thread of its own and not of the pool: the end of the program does not wait for it.
            let started = thread::Builder::new().name("proof".into()).spawn(move || drop(reply.send(book.verify())));
            if let Err(error) = started {
                tracing::warn!("the book is not verified today: {error}");
                continue;
            }
            let answer = tokio::select! {
                () = ended(&mut stop) => return,
                answer = answer => answer,
            };
            let wrong = match answer {
                Ok(Ok(report)) => report.findings.first().map(|first| match report.findings.len() {
                    1 => format!("the book does not stand as it was written: {first}; run `gatebook verify`"),
                    findings => format!(
                        "the book does not stand as it was written: {first}, and {} more; run `gatebook verify`",
                        findings - 1
                    ),
                }),
                Ok(Err(error)) => Some(format!("the book cannot be verified: {error}")),
                Err(_) => Some("the book cannot be verified: its reader ended in a panic".to_owned()),
            };
            let before = self.unsound.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(text) = wrong.clone().filter(|_| wrong != before) {
                tracing::error!("{text}");
                self.house.say(System::Health { subject: "book".to_owned(), ok: false, text }).await;
            }
            *self.unsound.lock().unwrap_or_else(PoisonError::into_inner) = wrong;
        }
    }

    /// Looks at clock and disk, tells the server what is wrong, and counts once a day.
    pub async fn rounds(self: Arc<Watch>, mut stop: watch::Receiver<bool>) {
        let mut rounds = time::interval(ROUND);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut checks = time::interval_at(time::Instant::now() + DAY, DAY);
        let mut disk_was_fine = true;
        loop {
            tokio::select! {
                () = ended(&mut stop) => return,
                _ = checks.tick() => {
                    if let Err(error) = self.check().await {
                        tracing::error!("the self-check could not read the book: {error}");
                    }
                }
                _ = rounds.tick() => {
                    if let Some(off) = self.house.look_at_clock() {
                        let text = format!("the clock jumped by {} s", off.as_secs());
                        tracing::warn!("{text}");
                        self.house.say(System::Health { subject: "clock".to_owned(), ok: false, text }).await;
                    }
                    let disk = self.house.book.state().disk;
                    let fine = disk == Disk::Fine;
                    if fine != disk_was_fine {
                        disk_was_fine = fine;
                        let text = match disk {
                            Disk::Fine => "there is room again".to_owned(),
                            Disk::Tight { free_bytes } => format!("the disk is nearly full: {free_bytes} bytes are left"),
                            Disk::CannotRecord { why } => format!("nothing can be recorded: {why}"),
                        };
                        tracing::warn!("{text}");
                        self.house.say(System::Health { subject: "disk".to_owned(), ok: fine, text }).await;
                    }
                    let troubles = self.status().troubles;
                    self.troubles.send_if_modified(|told| {
                        let news = *told != troubles;
                        *told = troubles;
                        news
                    });
                }
            }
        }
    }
}

/// Keeps to one device: a line at the start of an outage and one at its end.
async fn follow(house: Arc<House>, name: Arc<str>, mut health: watch::Receiver<Health>) {
    let mut was_up = true;
    let mut tries = 0;
    loop {
        let now = health.borrow_and_update().clone();
        if now.since.is_some() && now.up != was_up {
            was_up = now.up;
            let text = match now.up {
                true => format!("works again after {tries} tries; {} noise bytes so far", now.noise_bytes),
                false => format!("{}; {} reads and {} noise bytes so far", now.why, now.reads, now.noise_bytes),
            };
            match now.up {
                true => tracing::info!(device = %name, "{name}: {text}"),
                false => tracing::warn!(device = %name, "{name}: {text}; the terminal keeps trying"),
            }
            house.say(System::Health { subject: name.to_string(), ok: now.up, text }).await;
        }
        if !now.up {
            tries = now.tries;
        }
        if health.changed().await.is_err() {
            return;
        }
    }
}

/// Takes in the records of every page that comes down.
pub async fn follow_records(house: Arc<House>, mut stop: watch::Receiver<bool>) {
    let mut state = house.book.watch();
    let mut known = house.known_to;
    // What came back before the last end of the program.
    forget(&house).await;
    loop {
        if state.borrow_and_update().cursor == known {
            tokio::select! {
                () = ended(&mut stop) => return,
                changed = state.changed() => if changed.is_err() { return },
            }
            continue;
        }
        time::sleep(SETTLE).await;
        let cursor = state.borrow_and_update().cursor;
        let book = house.book.clone();
        let read = tokio::task::spawn_blocking(move || book.records()).await;
        match read.expect("reading does not panic, and nobody cancels it") {
            Ok(records) => {
                // After a restore of the server the cursor may go back: then everything is taken again.
                let from = if cursor < known { 0 } else { known };
                let new = records.into_iter().filter(|stored| from <= stored.cursor);
                house.take(new.filter_map(|stored| house::record(&stored.body)));
                forget(&house).await;
                known = cursor;
            }
            Err(error) => {
                tracing::error!("the records that came down cannot be read: {error}");
                tokio::select! {
                    () = ended(&mut stop) => return,
                    changed = state.changed() => if changed.is_err() { return },
                }
            }
        }
    }
}

async fn forget(house: &House) {
    if let Err(error) = house.forget_what_came_back().await {
        tracing::warn!("what came back from the server is not forgotten yet: {error}");
    }
}

/// Returns once `stop` is true, or nobody is left who could make it so.
pub async fn ended(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}
