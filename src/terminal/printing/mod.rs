//! Labels printed from the terminal: a queue for each printer that outlives paper, plugs and power.
//!
//! A job is stored before it is called queued, its state before a label goes out, and the line of a label stands in the book
//! before the job is called printed. So after a restart a label is never silently printed twice or lost: where only the
//! printer knows whether it came out, a person is asked.

pub mod job;
mod queue;
pub mod store;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hardware::device::Family;
use hardware::settings::Settings;
use tokio::sync::watch;

use crate::config::labels::{Labels, Tags};
use crate::event::{Body, System};
use crate::hex::HexBytes;
use crate::identity::Identifier;
use crate::labels::{self, COPIES_MAX, Dpi, LabelError, Language, Layout, Shelf, ShelfError, Template, Values};
use crate::ledger::book::{Book, ReadError};
use crate::quantity::Moment;
use crate::terminal::house::House;
use crate::terminal::port::{Commander, Health};
use crate::terminal::printing::job::{Cause, Job, Order, State, Will};
use crate::terminal::printing::queue::Queue;
use crate::terminal::printing::store::{Stand, Store, StoreError};
use crate::terminal::reference::Meaning;
use crate::terminal::station::Shown;

/// Lines read from the book at a time.
const PAGE_LINES: usize = 1_000;
const PAGE_BYTES: usize = 4 << 20;

/// How long a queue waits before it asks a file that failed again.
const AGAIN: Duration = Duration::from_secs(1);

/// What a printer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tongue {
    Zpl,
    Tspl,
}

/// The settings of a device that prints; `None` for any other.
pub fn prints(family: &Family, settings: &Settings) -> Option<(Tongue, Dpi)> {
    let tongue = match family.name {
        "zpl" => Tongue::Zpl,
        "tspl" => Tongue::Tspl,
        _ => return None,
    };
    let dpi = settings.text("dpi").parse().ok().and_then(Dpi::from_number);
    Some((tongue, dpi.unwrap_or(Dpi::D203)))
}

/// A printer of this terminal.
#[derive(Clone, Debug)]
pub struct Printer {
    pub name: Arc<str>,
    /// Its station, and the code of the place where that stands.
    pub station: Arc<str>,
    pub place: String,
    pub tongue: Tongue,
    pub dpi: Dpi,
    pub commands: Commander,
    pub health: watch::Receiver<Health>,
    /// Who works at its station.
    pub shown: Shown,
}

/// Why a label is not queued.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Label(#[from] LabelError),
    #[error("there is no template `{0}`")]
    NoTemplate(String),
    #[error("there is no printer `{0}`")]
    NoPrinter(String),
    #[error("the tag cannot be written: {0}")]
    Tag(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The job is in another state by now: two people, or one touch twice.
    #[error("the job has gone on meanwhile")]
    GoneOn,
}

/// What cannot be read at the start.
#[derive(Debug, thiserror::Error)]
pub enum CannotPrint {
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    #[error("{path}: {cause}")]
    Store { path: String, cause: StoreError },
    #[error(transparent)]
    Book(#[from] ReadError),
}

/// Everything about labels at this terminal.
pub struct Printing {
    house: Arc<House>,
    pub language: Language,
    tags: Tags,
    shelf: Shelf,
    pub printers: Vec<Printer>,
    store: Arc<Store>,
    /// Counts changes of the queue.
    changes: watch::Sender<u64>,
    stop: watch::Receiver<bool>,
}

impl Printing {
    /// Reads templates and fonts, opens the queue and settles what the last run left. Blocks.
    ///
    /// # Errors
    /// [`CannotPrint`]
    pub fn open(
        folder: &Path,
        house: Arc<House>,
        settings: &Labels,
        tags: Tags,
        printers: Vec<Printer>,
        stop: watch::Receiver<bool>,
    ) -> Result<Printing, CannotPrint> {
        let shelf = Shelf::open(settings.templates.as_deref(), &settings.fonts)?;
        let path = folder.join(store::FILE);
        let stored = |cause| CannotPrint::Store { path: path.display().to_string(), cause };
        let store = Store::open(&path).map_err(stored)?;
        for (job, stand) in store.broken_off().map_err(stored)? {
            // The line of a label that was written before the end is behind the stand.
            let settled = match came_out(&house.book, job.number, stand)? {
                true => store.out(job.number),
                false => store.set(job.number, &[State::Sending], State::Unsure, &Cause::Restarted).map(drop),
            };
            settled.map_err(stored)?;
        }
        let (changes, _) = watch::channel(0);
        let language = settings.language;
        Ok(Printing { house, language, tags, shelf, printers, store: Arc::new(store), changes, stop })
    }

    /// A queue for each printer, to be run until the terminal stops.
    pub fn queues(self: &Arc<Printing>) -> Vec<Queue> {
        self.printers.iter().map(|printer| Queue::new(self.clone(), printer.clone())).collect()
    }

    pub fn template(&self, name: &str) -> Option<&Template> {
        self.shelf.template(name)
    }

    pub fn templates(&self) -> &[Template] {
        &self.shelf.templates
    }

    pub fn printer(&self, name: &str) -> Option<&Printer> {
        self.printers.iter().find(|printer| &*printer.name == name)
    }

    /// Told whenever a job changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn changed(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// What the records know for the fields of `template` of what a person typed or scanned: the unit's number, or any code
    /// that stands for it. `None` when nobody knows it.
    pub fn known(&self, template: &Template, language: Language, typed: &str) -> Option<Vec<(String, String)>> {
        self.house.decide(self.house.now(), |world| {
            let reference = world.reference;
            let identifier = Identifier::of_symbol(None, typed.trim().as_bytes());
            let identifier = identifier.in_house(reference.numbering().readers());
            let unit = match reference.look_up(&identifier) {
                Meaning::Unit(number) => reference.unit(&number)?,
                Meaning::Place(code) => {
                    let place = reference.place(&code)?;
                    let name = if language == Language::English { &place.name.en } else { &place.name.zh };
                    let known = [("code", &place.code), ("name", name)];
                    let fits = known.into_iter().filter(|(field, _)| template.field(field).is_some());
                    return Some(fits.map(|(field, value)| (field.to_owned(), value.clone())).collect());
                }
                _ => return None,
            };
            let codes: Vec<Identifier> =
                reference.codes().of(&unit.number).into_iter().filter_map(Identifier::parse).collect();
            let subject = labels::subject::Subject {
                number: &unit.number,
                name_zh: &unit.name.zh,
                name_en: &unit.name.en,
                quantity: unit.quantity,
                gtin: reference.item(&unit.item).and_then(|item| item.gtin.as_deref()),
                lot: unit.tracking == crate::sync::records::Tracking::Lot,
                codes: &codes,
                home: unit.home.as_deref(),
            };
            Some(subject.values(template, language))
        })
    }

    /// The label in the dots of a print head.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn lay(
        &self,
        template: &str,
        values: &BTreeMap<String, String>,
        language: Language,
        dpi: Dpi,
    ) -> Result<Layout, Refusal> {
        let found = self.template(template).ok_or_else(|| Refusal::NoTemplate(template.to_owned()))?;
        let values: Values = values.iter().collect();
        Ok(labels::lay(found, &values, dpi, language, &self.shelf.fonts)?)
    }

    /// Keeps an order in the queue; its number, once it is durable. The same `token` gives the same job.
    ///
    /// # Errors
    /// [`Refusal`]: nothing is queued.
    pub async fn order(
        &self,
        printer: &str,
        template: &str,
        values: BTreeMap<String, String>,
        language: Language,
        copies: u32,
        token: String,
    ) -> Result<u32, Refusal> {
        let found = self.printer(printer).ok_or_else(|| Refusal::NoPrinter(printer.to_owned()))?;
        if copies < 1 || COPIES_MAX < copies {
            return Err(LabelError::Copies(copies).into());
        }
        let layout = self.lay(template, &values, language, found.dpi)?;
        let identity = labels::subject::identity(&layout);
        let known = |identity: &Identifier| {
            self.house.decide(self.house.now(), |world| {
                let identity = identity.clone().in_house(world.reference.numbering().readers());
                let unit = match world.reference.look_up(&identity) {
                    Meaning::Unit(number) => Some(number),
                    _ => None,
                };
                (identity, unit)
            })
        };
        let (identity, unit) = match identity.as_ref().map(known) {
            Some((identity, unit)) => (identity, unit),
            // A label without a code is told by what it is.
            None => (Identifier::own(template), None),
        };
        let epc = match self.tags.encode && found.tongue == Tongue::Zpl {
            true => labels::subject::epc(&identity, &self.tags.company_prefixes).transpose().map_err(Refusal::Tag)?,
            false => None,
        };
        if epc.is_some() && copies != 1 {
            return Err(LabelError::EpcCopies(copies).into());
        }
        let person = match &found.shown {
            Shown::Desk(shown) => shown.borrow().state.operator,
            Shown::Door(_) => None,
        };
        let order = Order {
            printer: printer.to_owned(),
            template: template.to_owned(),
            values,
            language: language.tag().to_owned(),
            code: identity.to_string(),
            unit,
            epc: epc.map(HexBytes),
            copies,
            person,
        };
        self.keep(order, token).await
    }

    async fn keep(&self, order: Order, token: String) -> Result<u32, Refusal> {
        let number = self.stored(move |store| store.add(&order, &token, Moment::now())).await?;
        self.changed();
        Ok(number)
    }

    /// Does what a person wants with a job.
    ///
    /// # Errors
    /// [`Refusal`]: nothing changed.
    pub async fn will(&self, number: u32, will: Will, token: String) -> Result<(), Refusal> {
        let set =
            |from: &'static [State], to: State| self.stored(move |store| store.set(number, from, to, &Cause::None));
        let done = match will {
            Will::Again => set(&[State::Failed, State::Unsure], State::Waiting).await?,
            Will::Cancel => set(&[State::Waiting, State::Failed, State::Unsure], State::Cancelled).await?,
            Will::CameOut => {
                let stand = self.stand();
                match self.stored(move |store| store.begin(number, State::Unsure, stand)).await? {
                    true => {
                        let job = self.stored(move |store| store.job(number)).await?.ok_or(Refusal::GoneOn)?;
                        queue::write_down(self, &job).await
                    }
                    false => false,
                }
            }
            Will::Reprint => {
                let job = self.stored(move |store| store.job(number)).await?;
                let Some(job) = job.filter(|job| job.state == State::Printed) else { return Err(Refusal::GoneOn) };
                self.keep(Order { copies: 1, ..job.order }, token).await?;
                return Ok(());
            }
        };
        self.changed();
        if done { Ok(()) } else { Err(Refusal::GoneOn) }
    }

    /// Open jobs, oldest first, then the newest of those that are over.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn jobs(&self, over: usize) -> Result<Vec<Job>, StoreError> {
        self.stored(move |store| store.shown(over)).await
    }

    async fn stored<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.store.clone();
        let done = tokio::task::spawn_blocking(move || work(&store)).await;
        done.expect("the store does not panic, and nobody cancels it")
    }

    fn stand(&self) -> Stand {
        (self.house.book.id().epoch, self.house.book.state().last)
    }
}

/// Whether the book has the line of a label of this job behind `stand`. A book of another epoch cannot say.
fn came_out(book: &Book, job: u32, stand: Option<Stand>) -> Result<bool, ReadError> {
    let Some((_, after)) = stand.filter(|(epoch, _)| *epoch == book.id().epoch) else { return Ok(false) };
    let mut next = (after + 1).max(book.state().first);
    loop {
        let page = book.lines(next, PAGE_LINES, PAGE_BYTES)?;
        let Some(end) = page.last() else { return Ok(false) };
        next = end.seq + 1;
        let of_job =
            |body: Body| matches!(body, Body::System(System::LabelPrinted(label)) if label.job == u64::from(job));
        if page.iter().any(|line| Body::decode(line.kind, line.schema, &line.body.0).is_ok_and(of_job)) {
            return Ok(true);
        }
    }
}
