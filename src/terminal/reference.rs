//! The reference data in memory: what a code stands for and what a decision needs, without network or disk.
//!
//! Rebuilt from the book's records at start, then kept up with every record that comes down.

use std::collections::{BTreeSet, HashMap};

use crate::event::Act;
use crate::identity::Identifier;
use crate::ledger::chain::BookId;
use crate::sync::records::{Certificate, Content, Hold, Item, Name, Pass, Person, Place, Record, Task, Tracking, Unit};
use crate::terminal::codes::Codes;
use crate::terminal::numbering::Numbering;
use crate::terminal::remembered::Mark;

/// What a scanned code stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A command card.
    Command(Command),
    /// The badge of this person.
    Person(u32),
    /// The code of a place.
    Place(String),
    /// One thing or one lot, by its number.
    Unit(String),
    /// A kind of thing, by its code: the label says no more.
    Item(String),
    /// The number of a pass.
    Pass(String),
    /// The number of a task.
    Task(String),
    Unknown,
}

/// A printed card that does what a button does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Start(Act),
    Undo,
    /// Carries out what was prepared.
    Confirm,
}

/// The text on the command card that takes the last piece back.
pub const UNDO_CARD: &str = "GB-UNDO";
/// The text on the command card that registers the piece that was prepared.
pub const CONFIRM_CARD: &str = "GB-CONFIRM";

/// The text on the command card of an act: `GB-ACT-CHECK-OUT`.
pub fn card(act: Act) -> String {
    format!("GB-ACT-{}", act.word().replace('_', "-").to_uppercase())
}

/// The command on a card; `None` when `code` is none.
pub fn command(code: &str) -> Option<Command> {
    match code {
        UNDO_CARD => return Some(Command::Undo),
        CONFIRM_CARD => return Some(Command::Confirm),
        _ => (),
    }
    Act::ALL.into_iter().find(|&act| card(act) == code.replace('_', "-")).map(Command::Start)
}

/// Everything the server sent, by the house's own numbers. Numbers are compared as scanners deliver them: in capitals.
#[derive(Debug, Default)]
pub struct Reference {
    /// Highest version seen of each record, withdrawn ones too.
    versions: HashMap<(&'static str, String), u64>,
    items: HashMap<String, Item>,
    item_by_gtin: HashMap<String, String>,
    units: HashMap<String, Unit>,
    /// Registered at this terminal, and not sent back by the server yet.
    registered_here: HashMap<String, Unit>,
    codes: Codes,
    /// What was said about codes at this terminal, and not sent back by the server yet.
    relabelled_here: HashMap<String, Mark>,
    numbering: Numbering,
    places: HashMap<String, Place>,
    people: HashMap<u32, Person>,
    badges: HashMap<String, u32>,
    passes: HashMap<String, Pass>,
    passes_of_unit: HashMap<String, BTreeSet<String>>,
    tasks: HashMap<String, Task>,
    holds: HashMap<String, Hold>,
    holds_of_unit: HashMap<String, BTreeSet<String>>,
    certificates: HashMap<String, Certificate>,
}

fn key(number: &str) -> String {
    number.trim().to_uppercase()
}

impl Reference {
    /// Everything in `records`, whatever their order.
    pub fn of(records: impl IntoIterator<Item = Record>) -> Reference {
        let mut reference = Reference::default();
        records.into_iter().for_each(|record| reference.take(record));
        reference
    }

    /// The same for the terminal that writes `book`: what was leased to it, it may give.
    pub fn for_book(book: BookId, records: impl IntoIterator<Item = Record>) -> Reference {
        let mut reference = Reference { numbering: Numbering::of(book), ..Reference::default() };
        records.into_iter().for_each(|record| reference.take(record));
        reference
    }

    /// Takes in what was registered and relabelled at this terminal; any other mark is not for here.
    pub fn take_mark(&mut self, mark: &Mark) {
        match mark {
            Mark::Registered { unit, kept: true } => {
                self.registered_here.insert(key(&unit.number), unit.clone());
            }
            Mark::Registered { unit, kept: false } => drop(self.registered_here.remove(&key(&unit.number))),
            Mark::Relabelled { unit, bind, release, at, kept } => {
                self.codes.relabel_here(unit, bind, release, *at, !kept);
                match kept {
                    true => drop(self.relabelled_here.insert(mark.key(), mark.clone())),
                    false => drop(self.relabelled_here.remove(&mark.key())),
                }
            }
            Mark::Used { .. } | Mark::At { .. } | Mark::Act { .. } | Mark::Alarm { .. } | Mark::Given { .. } => (),
        }
    }

    /// The marks to forget: what they say has come back from the server as a record.
    pub fn sent_back(&self) -> Vec<Mark> {
        let known = |unit: &&Unit| self.versions.contains_key(&("unit", unit.number.clone()));
        let registered = self.registered_here.values().filter(known);
        let registered = registered.map(|unit| Mark::Registered { unit: unit.clone(), kept: false });
        let relabelled = self.relabelled_here.values().filter_map(|mark| match mark {
            Mark::Relabelled { unit, bind, release, at, .. } if self.codes.has_line(unit, bind, release) => {
                let (unit, bind, release) = (unit.clone(), bind.clone(), release.clone());
                Some(Mark::Relabelled { unit, bind, release, at: *at, kept: false })
            }
            _ => None,
        });
        registered.chain(relabelled).collect()
    }

    /// Takes in one record; an older version than the one held changes nothing.
    pub fn take(&mut self, record: Record) {
        let name = (record.content.kind(), record.content.key());
        if self.versions.get(&name).is_some_and(|&held| record.version < held) {
            return;
        }
        self.remove(&record.content);
        self.versions.insert(name, record.version);
        // What is said of codes holds from a moment on, also that it holds no more.
        match &record.content {
            Content::Binding(binding) => {
                let unit = (!record.withdrawn).then(|| binding.unit.clone());
                self.codes.decide(&binding.code, unit, record.since);
            }
            Content::Relabelled(said) => self.codes.relabel(said, record.since, record.withdrawn),
            content if !record.withdrawn => self.insert(content.clone()),
            _ => (),
        }
    }

    fn insert(&mut self, content: Content) {
        match content {
            Content::Item(item) => {
                if let Some(gtin) = &item.gtin {
                    self.item_by_gtin.insert(format!("{gtin:0>14}"), key(&item.code));
                }
                self.items.insert(key(&item.code), item);
            }
            Content::Unit(unit) => drop(self.units.insert(key(&unit.number), unit)),
            Content::Place(place) => drop(self.places.insert(key(&place.code), place)),
            Content::Person(person) => {
                if let Some(badge) = &person.badge {
                    self.badges.insert(badge.clone(), person.number);
                }
                self.people.insert(person.number, person);
            }
            Content::Pass(pass) => {
                for unit in &pass.units {
                    self.passes_of_unit.entry(key(unit)).or_default().insert(key(&pass.number));
                }
                self.passes.insert(key(&pass.number), pass);
            }
            Content::Task(task) => drop(self.tasks.insert(key(&task.number), task)),
            Content::Hold(hold) => {
                self.holds_of_unit.entry(key(&hold.unit)).or_default().insert(key(&hold.number));
                self.holds.insert(key(&hold.number), hold);
            }
            Content::Certificate(certificate) => {
                self.certificates.insert(key(&certificate.number), certificate);
            }
            Content::Series(series) => self.numbering.put_series(series),
            Content::Lease(lease) => self.numbering.put_lease(&lease),
            Content::Binding(_) | Content::Relabelled(_) => (),
        }
    }

    /// Forgets the version held under the same name, with its index entries.
    fn remove(&mut self, content: &Content) {
        match content {
            Content::Item(item) => {
                let gone = self.items.remove(&key(&item.code));
                if let Some(gtin) = gone.and_then(|item| item.gtin) {
                    self.item_by_gtin.remove(&format!("{gtin:0>14}"));
                }
            }
            Content::Unit(unit) => drop(self.units.remove(&key(&unit.number))),
            Content::Place(place) => drop(self.places.remove(&key(&place.code))),
            Content::Person(person) => {
                let gone = self.people.remove(&person.number);
                if let Some(badge) = gone.and_then(|person| person.badge) {
                    self.badges.remove(&badge);
                }
            }
            Content::Pass(pass) => {
                for unit in self.passes.remove(&key(&pass.number)).map(|pass| pass.units).unwrap_or_default() {
                    if let Some(passes) = self.passes_of_unit.get_mut(&key(&unit)) {
                        passes.remove(&key(&pass.number));
                    }
                }
            }
            Content::Task(task) => drop(self.tasks.remove(&key(&task.number))),
            Content::Hold(hold) => {
                if let Some(gone) = self.holds.remove(&key(&hold.number))
                    && let Some(holds) = self.holds_of_unit.get_mut(&key(&gone.unit))
                {
                    holds.remove(&key(&hold.number));
                }
            }
            Content::Certificate(certificate) => drop(self.certificates.remove(&key(&certificate.number))),
            Content::Series(series) => self.numbering.remove_series(&series.numbers.code),
            Content::Lease(lease) => self.numbering.remove_lease(lease),
            Content::Binding(_) | Content::Relabelled(_) => (),
        }
    }

    /// What `identifier` stands for. A command card wins, then a badge, then what the code is bound to.
    pub fn look_up(&self, identifier: &Identifier) -> Meaning {
        let own = match identifier {
            Identifier::Own { code } => Some(key(code)),
            _ => None,
        };
        if let Some(command) = own.as_deref().and_then(command) {
            return Meaning::Command(command);
        }
        let text = identifier.to_string();
        if let Some(&person) = self.badges.get(&text) {
            return Meaning::Person(person);
        }
        if let Some(unit) = self.codes.unit(&text) {
            return Meaning::Unit(self.unit(unit).map_or_else(|| unit.to_owned(), |unit| unit.number.clone()));
        }
        if let Some(own) = own {
            if let Some(unit) = self.unit(&own) {
                return Meaning::Unit(unit.number.clone());
            }
            if let Some(place) = self.places.get(&own) {
                return Meaning::Place(place.code.clone());
            }
            if let Some(pass) = self.passes.get(&own) {
                return Meaning::Pass(pass.number.clone());
            }
            if let Some(task) = self.tasks.get(&own) {
                return Meaning::Task(task.number.clone());
            }
        }
        let gtin = match identifier {
            Identifier::Gtin { gtin } | Identifier::Lgtin { gtin, .. } => self.item_of(gtin),
            _ => None,
        };
        match gtin {
            Some(item) => Meaning::Item(item.code.clone()),
            None => Meaning::Unknown,
        }
    }

    pub fn unit(&self, number: &str) -> Option<&Unit> {
        self.units.get(&key(number)).or_else(|| self.registered_here.get(&key(number)))
    }

    /// For which unit a code stands.
    pub fn codes(&self) -> &Codes {
        &self.codes
    }

    /// The house's numbers, and which of them may be given here.
    pub fn numbering(&self) -> &Numbering {
        &self.numbering
    }

    /// The item of this GTIN.
    pub fn item_of(&self, gtin: &str) -> Option<&Item> {
        self.item_by_gtin.get(&format!("{gtin:0>14}")).and_then(|code| self.items.get(code))
    }

    /// Every item, by code.
    pub fn items(&self) -> Vec<&Item> {
        let mut items: Vec<&Item> = self.items.values().collect();
        items.sort_by(|a, b| a.code.cmp(&b.code));
        items
    }

    pub fn item(&self, code: &str) -> Option<&Item> {
        self.items.get(&key(code))
    }

    pub fn place(&self, code: &str) -> Option<&Place> {
        self.places.get(&key(code))
    }

    pub fn person(&self, number: u32) -> Option<&Person> {
        self.people.get(&number)
    }

    pub fn pass(&self, number: &str) -> Option<&Pass> {
        self.passes.get(&key(number))
    }

    pub fn task(&self, number: &str) -> Option<&Task> {
        self.tasks.get(&key(number))
    }

    /// Open tasks, by number.
    pub fn tasks(&self) -> Vec<&Task> {
        let mut tasks: Vec<&Task> = self.tasks.values().collect();
        tasks.sort_by(|a, b| a.number.cmp(&b.number));
        tasks
    }

    /// Passes that name `unit`, by number.
    pub fn passes_of(&self, unit: &str) -> impl Iterator<Item = &Pass> {
        self.passes_of_unit.get(&key(unit)).into_iter().flatten().filter_map(|number| self.passes.get(number))
    }

    /// Why `unit` is on hold, if it is.
    pub fn hold(&self, unit: &str) -> Option<&Hold> {
        let number = self.holds_of_unit.get(&key(unit))?.first()?;
        self.holds.get(number)
    }

    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.certificates.values()
    }

    /// How a unit or item is told apart; a thing that nobody knows counts as a single one.
    pub fn tracking(&self, meaning: &Meaning) -> Tracking {
        match meaning {
            Meaning::Unit(number) => self.unit(number).map(|unit| unit.tracking),
            Meaning::Item(_) => Some(Tracking::Lot),
            _ => None,
        }
        .unwrap_or(Tracking::Serial)
    }

    /// Whether `place` is `zone` or lies in it.
    pub fn lies_in(&self, place: &str, zone: &str) -> bool {
        let mut at = Some(place);
        // A chain of places is as deep as site, vault, cabinet, tray, slot; a longer one is a ring of parents.
        for _ in 0..16 {
            let Some(code) = at else { return false };
            if key(code) == key(zone) {
                return true;
            }
            at = self.place(code).and_then(|place| place.parent.as_deref());
        }
        false
    }

    /// Units whose number or name holds `text`, by number, at most `limit`.
    pub fn search(&self, text: &str, limit: usize) -> Vec<&Unit> {
        let wanted = text.trim().to_lowercase();
        if wanted.is_empty() {
            return Vec::new();
        }
        let holds = |name: &str| name.to_lowercase().contains(&wanted);
        let fits = |unit: &&Unit| holds(&unit.number) || holds(&unit.name.zh) || holds(&unit.name.en);
        let here = self.registered_here.iter().filter(|(number, _)| !self.units.contains_key(*number));
        let all = self.units.values().chain(here.map(|(_, unit)| unit));
        let mut found: Vec<&Unit> = all.filter(fits).collect();
        found.sort_by(|a, b| a.number.cmp(&b.number));
        found.truncate(limit);
        found
    }

    /// The name of what `meaning` names, for the screen.
    pub fn name_of(&self, meaning: &Meaning) -> Option<&Name> {
        match meaning {
            Meaning::Unit(number) => self.unit(number).map(|unit| &unit.name),
            Meaning::Item(code) => self.item(code).map(|item| &item.name),
            Meaning::Place(code) => self.place(code).map(|place| &place.name),
            Meaning::Person(number) => self.person(*number).map(|person| &person.name),
            Meaning::Pass(number) => self.pass(number).map(|pass| &pass.purpose),
            Meaning::Task(number) => self.task(number).map(|task| &task.title),
            Meaning::Command(_) | Meaning::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Moment;
    use crate::sync::records::{Binding, PlaceKind};

    fn record(version: u64, content: Content) -> Record {
        Record { version, withdrawn: false, since: Moment(0), content }
    }

    fn name(en: &str) -> Name {
        Name { zh: format!("{en}·中"), en: en.into() }
    }

    fn house() -> Reference {
        let place = |code: &str, parent: Option<&str>| {
            Content::Place(Place {
                code: code.into(),
                parent: parent.map(Into::into),
                kind: PlaceKind::Storage,
                name: name(code),
            })
        };
        Reference::of(
            [
                Content::Item(Item {
                    code: "RG".into(),
                    name: name("Ring"),
                    gtin: Some("9521234543213".into()),
                    tracking: Tracking::Lot,
                }),
                Content::Unit(Unit {
                    number: "18k-0042-7".into(),
                    item: "RG".into(),
                    tracking: Tracking::Serial,
                    name: name("Ruby ring"),
                    home: Some("V2-03".into()),
                    quantity: None,
                }),
                Content::Binding(Binding { code: "tag/e280".into(), unit: "18k-0042-7".into() }),
                place("V2", None),
                place("V2-03", Some("V2")),
                Content::Person(Person {
                    number: 7,
                    name: name("Li Ming"),
                    department: name("Sales"),
                    badge: Some("own/B-7".into()),
                }),
            ]
            .map(|content| record(2, content)),
        )
    }

    #[test]
    fn a_code_has_one_meaning() {
        let house = house();
        for (code, meaning) in [
            ("own/GB-ACT-CHECK-OUT", Meaning::Command(Command::Start(Act::CheckOut))),
            ("own/GB-UNDO", Meaning::Command(Command::Undo)),
            ("own/B-7", Meaning::Person(7)),
            ("own/18K-0042-7", Meaning::Unit("18k-0042-7".into())),
            ("tag/e280", Meaning::Unit("18k-0042-7".into())),
            ("own/V2-03", Meaning::Place("V2-03".into())),
            ("01/09521234543213", Meaning::Item("RG".into())),
            ("01/09521234543213/10/L7", Meaning::Item("RG".into())),
            ("01/09521234543213/21/1", Meaning::Unknown),
            ("own/NOTHING", Meaning::Unknown),
        ] {
            assert_eq!(house.look_up(&Identifier::parse(code).unwrap()), meaning, "{code}");
        }
        for act in Act::ALL {
            assert_eq!(command(&card(act)), Some(Command::Start(act)));
        }
        assert!(house.lies_in("V2-03", "V2") && !house.lies_in("V2", "V2-03"));
        assert_eq!(house.search("ruby", 5).len(), 1);
    }

    #[test]
    fn the_newest_version_holds_in_any_order() {
        let mut house = house();
        let badge = |version, badge: &str| {
            record(
                version,
                Content::Person(Person {
                    number: 7,
                    name: name("Li Ming"),
                    department: Name::default(),
                    badge: Some(badge.into()),
                }),
            )
        };
        house.take(badge(5, "own/NEW"));
        house.take(badge(3, "own/OLD"));
        let means = |code: &str| house.look_up(&Identifier::own(code));
        assert_eq!(
            (means("NEW"), means("OLD"), means("B-7")),
            (Meaning::Person(7), Meaning::Unknown, Meaning::Unknown)
        );
        house.take(Record { withdrawn: true, ..badge(6, "own/NEW") });
        assert_eq!(house.look_up(&Identifier::own("NEW")), Meaning::Unknown);
    }
}
