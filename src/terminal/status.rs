//! How the terminal is, in one object: for `gatebook status`, the screen's health panel and whoever watches.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::hex::Hex;
use crate::ledger::book::Disk;
use crate::quantity::Moment;
use crate::terminal::house::{House, SelfCheck};
use crate::terminal::port::Health;

#[derive(Clone, Debug, Serialize)]
pub struct Status {
    pub terminal: u32,
    pub name: String,
    pub version: &'static str,
    pub at_us: Moment,
    pub clock_unset: bool,
    pub book: BookStatus,
    pub link: LinkStatus,
    pub devices: BTreeMap<String, DeviceStatus>,
    pub self_check: Option<SelfCheck>,
    /// Numbers of each series that may be given before the server is heard again; then the terminal counts by itself.
    pub numbers_left: BTreeMap<String, u64>,
    /// What does not work, in words; empty when all is well.
    pub troubles: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct BookStatus {
    pub epoch: Hex<16>,
    pub first: u64,
    pub last: u64,
    pub head: Hex<32>,
    pub acknowledged: u64,
    /// Lines that the server has not confirmed.
    pub waiting: u64,
    pub sealed: u64,
    pub disk: DiskStatus,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DiskStatus {
    Fine,
    Tight { free_bytes: u64 },
    CannotRecord { why: String },
}

#[derive(Clone, Debug, Serialize)]
pub struct LinkStatus {
    pub online: bool,
    pub since_us: Moment,
    pub last_ok_us: Option<Moment>,
    /// Age of the reference data in seconds; `null` when the server was never heard.
    pub data_age_s: Option<u64>,
    pub offset_us: Option<i64>,
    pub trouble: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct DeviceStatus {
    pub up: bool,
    pub model: String,
    pub since_us: Option<Moment>,
    pub why: String,
    pub reads: u64,
    pub noise_bytes: u64,
    pub losses: u64,
    pub tries: u64,
    /// Whether a printer prints what it is sent; absent for what is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prints: Option<bool>,
}

impl From<&Health> for DeviceStatus {
    fn from(health: &Health) -> DeviceStatus {
        DeviceStatus {
            up: health.up,
            model: health.model.clone(),
            since_us: health.since,
            why: health.why.clone(),
            reads: health.reads,
            noise_bytes: health.noise_bytes,
            losses: health.losses,
            tries: health.tries,
            prints: health.printer.map(|_| health.prints()),
        }
    }
}

/// The status of the terminal now.
pub fn of<'a>(house: &House, devices: impl IntoIterator<Item = (&'a str, Health)>) -> Status {
    let state = house.book.state();
    let link = house.link.borrow().clone();
    let now = house.now();
    let devices: BTreeMap<String, DeviceStatus> =
        devices.into_iter().map(|(name, health)| (name.to_owned(), DeviceStatus::from(&health))).collect();
    let disk = match &state.disk {
        Disk::Fine => DiskStatus::Fine,
        Disk::Tight { free_bytes } => DiskStatus::Tight { free_bytes: *free_bytes },
        Disk::CannotRecord { why } => DiskStatus::CannotRecord { why: why.clone() },
    };
    let clock_unset = now.at < crate::quantity::CLOCK_UNSET_BEFORE;
    let mut troubles: Vec<String> = devices
        .iter()
        .filter(|(_, device)| !device.up || device.prints == Some(false))
        .map(|(name, device)| match device.why.as_str() {
            "" => format!("{name}: not ready yet"),
            why => format!("{name}: {why}"),
        })
        .collect();
    match &disk {
        DiskStatus::Fine => (),
        DiskStatus::Tight { free_bytes } => {
            troubles.push(format!("the disk is nearly full: {free_bytes} bytes are left"))
        }
        DiskStatus::CannotRecord { why } => troubles.push(format!("nothing can be recorded: {why}")),
    }
    if clock_unset {
        troubles.push("the clock was never set, so no pass is valid; set the clock".to_owned());
    }
    let check = house.last_check();
    if let Some(check) = check.filter(|check| check.shown != check.written) {
        troubles.push(format!("{} answers were shown for {} lines; run `gatebook verify`", check.shown, check.written));
    }
    Status {
        terminal: state.id.terminal,
        name: house.name.clone(),
        version: env!("CARGO_PKG_VERSION"),
        at_us: now.at,
        clock_unset,
        book: BookStatus {
            epoch: state.id.epoch,
            first: state.first,
            last: state.last,
            head: state.head,
            acknowledged: state.acknowledged,
            waiting: state.waiting,
            sealed: state.sealed,
            disk,
        },
        link: LinkStatus {
            online: link.online,
            since_us: link.since,
            last_ok_us: link.last_ok,
            data_age_s: link.data_age(now.at).map(|age| age.as_secs()),
            offset_us: link.offset_us,
            trouble: link.trouble,
        },
        devices,
        self_check: check,
        numbers_left: house.decide(now, |world| world.reference.numbering().left(world.remembered)),
        troubles,
    }
}
