//! Master data and permissions as versioned records: decided at the server, signed, sent down to every terminal.
//!
//! A record is JSON, so that fields may be added: an older terminal ignores what it does not know, a newer one reads
//! what an older server left out by its default.

use serde::{Deserialize, Serialize};

use crate::event::{Act, LineRef};
use crate::hex::Hex;
use crate::numbers;
use crate::quantity::{Moment, Quantity};

/// One version of one record. Higher versions replace lower ones, whatever order they arrive in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub version: u64,
    /// The record is no longer in force; its key stays taken.
    #[serde(default)]
    pub withdrawn: bool,
    /// From when on it says so, for bindings and histories.
    #[serde(rename = "since_us")]
    pub since: Moment,
    #[serde(flatten)]
    pub content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    Item(Item),
    Unit(Unit),
    Binding(Binding),
    Place(Place),
    Person(Person),
    Pass(Pass),
    Task(Task),
    Hold(Hold),
    Certificate(Certificate),
    Series(Series),
    Lease(Lease),
    Relabelled(Relabelled),
}

impl Content {
    /// The word of the kind: together with [`Content::key`] it names the record.
    pub fn kind(&self) -> &'static str {
        match self {
            Content::Item(_) => "item",
            Content::Unit(_) => "unit",
            Content::Binding(_) => "binding",
            Content::Place(_) => "place",
            Content::Person(_) => "person",
            Content::Pass(_) => "pass",
            Content::Task(_) => "task",
            Content::Hold(_) => "hold",
            Content::Certificate(_) => "certificate",
            Content::Series(_) => "series",
            Content::Lease(_) => "lease",
            Content::Relabelled(_) => "relabelled",
        }
    }

    pub fn key(&self) -> String {
        match self {
            Content::Item(item) => item.code.clone(),
            Content::Unit(unit) => unit.number.clone(),
            Content::Binding(binding) => binding.code.clone(),
            Content::Place(place) => place.code.clone(),
            Content::Person(person) => person.number.to_string(),
            Content::Pass(pass) => pass.number.clone(),
            Content::Task(task) => task.number.clone(),
            Content::Hold(hold) => hold.number.clone(),
            Content::Certificate(certificate) => certificate.number.clone(),
            Content::Series(series) => series.numbers.code.clone(),
            Content::Lease(lease) => format!("{}/{}", lease.series, lease.first),
            Content::Relabelled(Relabelled { line, .. }) => format!("{}.{}.{}", line.terminal, line.epoch, line.seq),
        }
    }
}

/// A text in both languages of the house.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    pub zh: String,
    pub en: String,
}

/// How an item is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tracking {
    /// Every piece is its own unit.
    Serial,
    /// Pieces of one lot are alike.
    Lot,
}

impl Tracking {
    pub fn word(self) -> &'static str {
        match self {
            Tracking::Serial => "serial",
            Tracking::Lot => "lot",
        }
    }
}

/// A kind of thing: a model of ring, a material.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    pub code: String,
    pub name: Name,
    #[serde(default)]
    pub gtin: Option<String>,
    pub tracking: Tracking,
}

/// One serialised thing, or one lot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// The house's number of it: `18K-0042-7`.
    pub number: String,
    /// Code of its item.
    pub item: String,
    pub tracking: Tracking,
    pub name: Name,
    /// Place code of its home, where it is put away.
    #[serde(default)]
    pub home: Option<String>,
    /// Registered weight or amount.
    #[serde(default)]
    pub quantity: Option<Quantity>,
}

/// A code stands for a unit, from [`Record::since`] until a later version says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Canonical text of the identifier on the label or tag.
    pub code: String,
    /// Number of the unit.
    pub unit: String,
}

/// What a place is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceKind {
    Site,
    Vault,
    Storage,
    Zone,
    Door,
    Bench,
}

impl PlaceKind {
    pub fn word(self) -> &'static str {
        match self {
            PlaceKind::Site => "site",
            PlaceKind::Vault => "vault",
            PlaceKind::Storage => "storage",
            PlaceKind::Zone => "zone",
            PlaceKind::Door => "door",
            PlaceKind::Bench => "bench",
        }
    }
}

/// A place whose code, scanned as an own number, names it: `V2-03-14`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub code: String,
    #[serde(default)]
    pub parent: Option<String>,
    /// `kind` is taken in the JSON: it says that the record is a place.
    #[serde(rename = "place_kind")]
    pub kind: PlaceKind,
    pub name: Name,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub number: u32,
    pub name: Name,
    #[serde(default)]
    pub department: Name,
    /// Canonical text of the identifier on the badge.
    #[serde(default)]
    pub badge: Option<String>,
}

/// The approved permission for units to leave a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// Number of the slip: `DB-2611-0187`.
    pub number: String,
    /// Numbers of the units that may leave.
    pub units: Vec<String>,
    /// Who may take them.
    pub person: u32,
    pub purpose: Name,
    /// Valid from here, and until but not at the end.
    #[serde(rename = "from_us")]
    pub from: Moment,
    #[serde(rename = "until_us")]
    pub until: Moment,
    /// When the things are due back.
    #[serde(rename = "due_us")]
    pub due: Moment,
    pub approved_by: u32,
}

/// Work that a station shows: an act with a paper and its units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub number: String,
    pub act: Act,
    pub title: Name,
    pub units: Vec<String>,
    #[serde(default)]
    pub document: Option<String>,
}

/// Nothing of this may be issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub number: String,
    /// Number of the unit held.
    pub unit: String,
    pub reason: Name,
}

/// A person may do an act until a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    pub number: String,
    pub person: u32,
    pub act: Act,
    #[serde(rename = "until_us")]
    pub until: Moment,
}

/// A series of the house's numbers, as the server's configuration has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    #[serde(flatten)]
    pub numbers: numbers::Series,
    pub name: Name,
    /// Counters that a terminal gets at a time; 0 when the server alone gives these numbers.
    #[serde(default)]
    pub block: u32,
}

/// Counters of a series that one book, and no other, may give. What is left of them when the book ends is never given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    pub series: String,
    /// The book that may give them: terminal and epoch; terminal 0 is the server itself.
    pub terminal: u32,
    pub epoch: Hex<16>,
    pub first: u64,
    pub last: u64,
    /// Epoch of the server's own book when it leased them.
    pub by: Hex<16>,
}

/// What a line of a terminal said about the codes of a unit, at [`Record::since`]. Withdrawn when the line was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relabelled {
    pub line: LineRef,
    /// Number of the unit.
    pub unit: String,
    /// Canonical texts that stand for it from then on, and those that no longer do.
    pub bind: Vec<String>,
    pub release: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_record_is_read_as_it_was_written() {
        let name = || Name { zh: "金库".into(), en: "Vault".into() };
        let moment = Moment(1_795_000_000_000_000);
        for content in [
            Content::Item(Item { code: "RING".into(), name: name(), gtin: None, tracking: Tracking::Serial }),
            Content::Unit(Unit {
                number: "18K-0042-7".into(),
                item: "RING".into(),
                tracking: Tracking::Serial,
                name: name(),
                home: Some("V1-03".into()),
                quantity: Some(Quantity { amount: 3_420_000, unit: crate::quantity::Unit::Mass }),
            }),
            Content::Binding(Binding { code: "tag/e280".into(), unit: "18K-0042-7".into() }),
            Content::Place(Place { code: "V1".into(), parent: None, kind: PlaceKind::Vault, name: name() }),
            Content::Person(Person { number: 7, name: name(), department: name(), badge: Some("own/B7".into()) }),
            Content::Pass(Pass {
                number: "DB-2611-0187".into(),
                units: vec!["18K-0042-7".into()],
                person: 7,
                purpose: name(),
                from: moment,
                until: moment,
                due: moment,
                approved_by: 1,
            }),
            Content::Task(Task {
                number: "T-1".into(),
                act: Act::Receive,
                title: name(),
                units: vec![],
                document: None,
            }),
            Content::Hold(Hold { number: "H-1".into(), unit: "18K-0042-7".into(), reason: name() }),
            Content::Certificate(Certificate { number: "C-1".into(), person: 7, act: Act::Receive, until: moment }),
            Content::Series(Series {
                numbers: numbers::Series {
                    code: "sample".into(),
                    prefix: "S".into(),
                    width: 7,
                    purpose: numbers::Purpose::Sample,
                },
                name: name(),
                block: 200,
            }),
            Content::Lease(Lease {
                series: "sample".into(),
                terminal: 7,
                epoch: Hex([7; 16]),
                first: 1,
                last: 200,
                by: Hex([9; 16]),
            }),
            Content::Relabelled(Relabelled {
                line: LineRef { terminal: 7, epoch: Hex([7; 16]), seq: 3 },
                unit: "S-1".into(),
                bind: vec!["tag/e280".into()],
                release: vec![],
            }),
        ] {
            let record = Record { version: 3, withdrawn: false, since: moment, content };
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<Record>(&text).ok(), Some(record), "{text}");
        }
    }
}
