//! What pages and the REST interface ask: where is it, who has it, what happened, what needs an eye.

use crate::event::LineRef;
use crate::quantity::{Moment, Quantity};
use crate::server::database::{DatabaseError, Tx};
use crate::sync::records::{Item, Unit};

/// Rows in one answer at most.
pub const PAGE_MAX: usize = 200;

/// One page of a list, newest or smallest first.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// Pass it as `after` for the page that follows; `None` on the last.
    pub next: Option<String>,
}

/// A unit as a person looks it up.
#[derive(Clone, Debug)]
pub struct UnitView {
    /// Its name in the kernel: the canonical text of its number or, for an unknown one, of its code.
    pub key: String,
    /// What the catalog says; `None` for a code that no one registered.
    pub record: Option<Unit>,
    pub item: Option<Item>,
    /// Place code, `person:7` or a virtual place; `None` for a lot and for what was never seen.
    pub place: Option<String>,
    /// The person who has it.
    pub holder: Option<u32>,
    /// The person has it by a check-out, and was not only seen leaving with it.
    pub checked_out: bool,
    /// Read point of the last line that named it, and when.
    pub seen: Option<(String, Moment)>,
    pub balances: Vec<Balance>,
    /// Codes that stand or stood for it.
    pub codes: Vec<Bound>,
    /// Numbers of holds in force.
    pub holds: Vec<String>,
    pub open_exceptions: u64,
}

/// A code that stands for a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    pub code: String,
    pub since: Moment,
    pub until: Option<Moment>,
}

/// An amount of a unit at a place (virtual ones too, negative where it came from outside).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    pub unit: String,
    /// The house's number, where the unit is registered.
    pub number: Option<String>,
    pub place: String,
    pub quantity: Quantity,
}

/// One piece of one line: what happened to one unit.
#[derive(Clone, Debug)]
pub struct Happened {
    /// Corrected time.
    pub at: Moment,
    pub line: LineRef,
    pub piece: u32,
    pub unit: String,
    pub number: Option<String>,
    pub code: String,
    /// `receive`, `put_away`, `check_out`, `return`, `move`, `count`, `attempt`, `in`, `out`, `unknown`
    pub act: String,
    pub moves: Vec<Moved>,
    pub person: Option<u32>,
    pub station: String,
    pub read_point: String,
    pub document: Option<String>,
    pub exceptions: Vec<String>,
    /// The line that took this one back.
    pub corrected_by: Option<LineRef>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    pub from: String,
    pub to: String,
    pub quantity: Quantity,
}

/// An exception: what a person settles with `Ruling::Settle { line, reason, code, .. }`.
#[derive(Clone, Debug)]
pub struct ExceptionRow {
    pub line: LineRef,
    pub reason: String,
    /// Empty when it is about the line as a whole.
    pub code: String,
    pub unit: Option<String>,
    pub number: Option<String>,
    pub at: Moment,
    pub settled: Option<Settled>,
}

#[derive(Clone, Debug)]
pub struct Settled {
    pub at: Moment,
    pub person: Option<u32>,
    pub note: String,
}

/// A serialised unit in somebody's hands.
#[derive(Clone, Debug)]
pub struct Held {
    pub unit: String,
    pub number: Option<String>,
    pub person: u32,
    pub since: Moment,
    pub document: Option<String>,
}

/// Which exceptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Open,
    All,
}
/// The unit that any code or number stands for at `at`: a canonical text or a house number as typed.
pub fn unit(_tx: &mut Tx, _code: &str, _at: Moment) -> Result<Option<UnitView>, DatabaseError> { todo!() }
/// Newest first. `unit`: the kernel's key ([`UnitView::key`]).
pub fn history(_tx: &mut Tx, _unit: &str, _after: Option<&str>, _limit: usize) -> Result<Page<Happened>, DatabaseError> { todo!() }
/// What happened in the whole house, newest first.
pub fn recent(_tx: &mut Tx, _after: Option<&str>, _limit: usize) -> Result<Page<Happened>, DatabaseError> { todo!() }
pub fn exceptions(_tx: &mut Tx, _which: Which, _after: Option<&str>, _limit: usize) -> Result<Page<ExceptionRow>, DatabaseError> { todo!() }
pub fn open_exceptions(_tx: &mut Tx) -> Result<u64, DatabaseError> { todo!() }
/// By place and unit; of one place when `place` says which.
pub fn balances(_tx: &mut Tx, _place: Option<&str>, _after: Option<&str>, _limit: usize) -> Result<Page<Balance>, DatabaseError> { todo!() }
/// Serialised units in hands, by person and unit; of one person when `person` says which.
pub fn custody(_tx: &mut Tx, _person: Option<u32>, _after: Option<&str>, _limit: usize) -> Result<Page<Held>, DatabaseError> { todo!() }
