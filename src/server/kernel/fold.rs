//! What a line does to a unit. Pure: a state and the next piece in, the next state and its moves out.
//!
//! A fact stands whatever the book thought before. Where the two differ, the thing is moved from where the book had it to
//! where the fact puts it, and an exception says so; what nobody can explain comes out of `suspense`.

use std::collections::BTreeMap;
use std::slice;

use crate::event::{Act, Body, Direction, Handling, LineRef, Movement, Passage, Piece, Reason};
use crate::quantity::{Moment, Quantity, Unit as Measure};
use crate::sync::records::Tracking;

/// Places that are no place of the house. Their balances may be negative: that much came from there.
pub const SUPPLIER: &str = "supplier";
pub const CUSTOMER: &str = "customer";
pub const SCRAP: &str = "scrap";
pub const LOST: &str = "lost";
pub const COUNT_GAIN: &str = "count_gain";
pub const COUNT_LOSS: &str = "count_loss";
/// Where things come from that nobody can explain.
pub const SUSPENSE: &str = "suspense";
/// With somebody, but nobody knows with whom.
pub const HOLDER_UNKNOWN: &str = "holder_unknown";

const VIRTUAL: [&str; 8] = [SUPPLIER, CUSTOMER, SCRAP, LOST, COUNT_GAIN, COUNT_LOSS, SUSPENSE, HOLDER_UNKNOWN];

/// Largest amount of one piece, in the measure's smallest step: 1000 tonnes in micrograms. More is a damaged line.
pub const AMOUNT_MAX: i64 = 1_000_000_000_000_000;

/// The place that a person's hands are.
pub fn hands(person: u32) -> String {
    format!("person:{person}")
}

/// The person whose hands a place is.
pub fn holder(place: &str) -> Option<u32> {
    let person = place.strip_prefix("person:")?.parse().ok()?;
    (hands(person) == place).then_some(person)
}

/// Whether a thing there is in the house.
pub fn is_real(place: &str) -> bool {
    !VIRTUAL.contains(&place) && !place.starts_with("person:")
}

/// Where a piece stands in the history of its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order {
    /// Corrected time.
    pub at: Moment,
    pub line: LineRef,
    pub piece: u32,
}

/// What the catalog says of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    pub tracking: Tracking,
    /// Somebody registered it; a code that stands for nothing known is not.
    pub registered: bool,
}

/// Where a serialised unit is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Location {
    #[default]
    Nowhere,
    /// A place, real or virtual.
    At(String),
    With {
        person: u32,
        /// By a check-out; otherwise a door saw the person leave with it.
        checked_out: bool,
    },
}

impl Location {
    /// Where a place is: somebody's hands are no place to stand.
    pub fn of(place: &str, checked_out: bool) -> Location {
        match holder(place) {
            Some(person) => Location::With { person, checked_out },
            None => Location::At(place.to_owned()),
        }
    }

    /// The place in moves and balances.
    pub fn place(&self) -> Option<String> {
        match self {
            Location::Nowhere => None,
            Location::At(place) => Some(place.clone()),
            Location::With { person, .. } => Some(hands(*person)),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Custody {
    pub since: (LineRef, Moment),
    pub person: u32,
    pub document: Option<String>,
    pub until: Option<(LineRef, Moment)>,
}

/// A unit after all pieces up to `last`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub last: Option<Order>,
    pub location: Location,
    /// Read point of the last piece.
    pub seen: String,
    /// By place and measure; what is zero is not here.
    pub balances: BTreeMap<(String, i64), i64>,
    /// The one that is open.
    pub custody: Option<Custody>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    pub origin: Order,
    pub leg: u32,
    pub from: String,
    pub to: String,
    pub quantity: Quantity,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    pub origin: Order,
    pub reason: Reason,
    pub code: String,
}

/// What pieces did, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    pub moves: Vec<Move>,
    pub raised: Vec<Raised>,
    /// Custodies begun or ended, the older first; the last entry of one `since` counts.
    pub custodies: Vec<Custody>,
}

/// Exceptions and refusals that the line itself states. That a code is unknown, or stands for two things, is not taken
/// from a line that names it: the server knows better, and each time the catalog changes.
pub fn stated(body: &Body) -> Vec<Reason> {
    let mut reasons = match body {
        Body::Movement(movement) => movement.exceptions.clone(),
        Body::Passage(passage) => passage.exceptions.clone(),
        Body::Attempt(attempt) => vec![attempt.reason],
        Body::Registration(registration) => registration.exceptions.clone(),
        Body::Relabelling(relabelling) => relabelling.exceptions.clone(),
        Body::Correction(_) | Body::Decision(_) | Body::System(_) => Vec::new(),
    };
    if pieces(body).is_some_and(|(what, _)| !what.is_empty()) {
        reasons.retain(|reason| !matches!(reason, Reason::UnknownCode | Reason::BoundTwice));
    }
    reasons
}

/// The pieces of a line and how they were handled; `None` for a line that names no things.
pub fn pieces(body: &Body) -> Option<(&[Piece], &Handling)> {
    match body {
        Body::Movement(movement) => Some((&movement.what, &movement.handling)),
        Body::Passage(passage) => Some((&passage.what, &passage.handling)),
        Body::Attempt(attempt) => Some((&attempt.what, &attempt.handling)),
        Body::Registration(registration) => Some((slice::from_ref(&registration.what), &registration.handling)),
        Body::Relabelling(relabelling) => Some((slice::from_ref(&relabelling.what), &relabelling.handling)),
        Body::Correction(_) | Body::Decision(_) | Body::System(_) => None,
    }
}

/// Takes the next piece into the state. `order` must be above `state.last`.
pub fn apply(state: &mut State, profile: Profile, order: Order, body: &Body, effects: &mut Effects) {
    let Some((what, handling)) = pieces(body) else { return };
    let Some(piece) = what.get(order.piece as usize) else { return };
    let again = state.last.is_some_and(|last| last.line == order.line);
    let mut step = Step { state, order, code: &piece.code, legs: 0, effects };
    // With one piece the line's own reasons are about that piece; otherwise they are about the line.
    if what.len() == 1 {
        stated(body).into_iter().for_each(|reason| step.raise(reason));
    }
    if !profile.registered {
        step.raise(Reason::UnknownCode);
    }
    match (body, profile.tracking) {
        // The label and the tag of one thing in one line are one thing.
        (_, Tracking::Serial) if again => (),
        (Body::Movement(movement), Tracking::Serial) => step.serial_movement(movement),
        (Body::Passage(passage), Tracking::Serial) => step.serial_passage(passage),
        (Body::Movement(movement), Tracking::Lot) => step.lot_movement(movement, piece.quantity),
        (Body::Passage(passage), Tracking::Lot) => step.lot_passage(passage, piece.quantity),
        (Body::Registration(registration), Tracking::Serial) => {
            step.appear(registration.to.as_deref().unwrap_or(&handling.read_point), handling);
        }
        (Body::Registration(registration), Tracking::Lot) => {
            step.lot_appears(registration.to.as_deref().unwrap_or(&handling.read_point), piece.quantity);
        }
        // An intent that was not carried out moves nothing, and neither does another label.
        (Body::Relabelling(_) | Body::Attempt(_) | Body::Correction(_) | Body::Decision(_) | Body::System(_), _) => (),
    }
    state.last = Some(order);
    state.seen.clone_from(&handling.read_point);
}

/// One piece at work.
struct Step<'a> {
    state: &'a mut State,
    order: Order,
    code: &'a str,
    legs: u32,
    effects: &'a mut Effects,
}

impl Step<'_> {
    fn raise(&mut self, reason: Reason) {
        let raised = Raised { origin: self.order, reason, code: self.code.to_owned() };
        let known = |other: &Raised| {
            other.origin.line == raised.origin.line && other.reason == raised.reason && other.code == raised.code
        };
        if !self.effects.raised.iter().rev().take_while(|other| other.origin.line == raised.origin.line).any(known) {
            self.effects.raised.push(raised);
        }
    }

    fn serial_movement(&mut self, movement: &Movement) {
        let handling = &movement.handling;
        let here = movement.to.clone().unwrap_or_else(|| handling.read_point.clone());
        let now = self.state.location.clone();
        let out = matches!(now, Location::With { .. });
        if let (Some(stated), Some(known)) = (&movement.from, now.place())
            && *stated != known
        {
            self.raise(Reason::WrongPlace);
        }
        let to = match movement.to_person {
            Some(person) => Location::With { person, checked_out: true },
            None => Location::of(&here, true),
        };
        match movement.act {
            Act::Receive => {
                if out || now.place().is_some_and(|place| is_real(&place)) {
                    self.raise(Reason::AlreadyReceived);
                }
                self.go(to, SUPPLIER, handling);
            }
            Act::PutAway | Act::Move => self.go(to, SUSPENSE, handling),
            Act::CheckOut => {
                let to = match (movement.to_person.or(handling.person), &movement.to) {
                    (Some(person), _) => Location::With { person, checked_out: true },
                    (None, to) => {
                        self.raise(Reason::NoPerson);
                        Location::of(to.as_deref().unwrap_or(HOLDER_UNKNOWN), true)
                    }
                };
                // Who took it first has it: two doors can hand out one thing while neither hears of the other.
                if matches!(now, Location::With { checked_out: true, .. }) {
                    return self.raise(Reason::AlreadyOut);
                }
                self.go(to, SUSPENSE, handling);
            }
            Act::Return => {
                if !out && now != Location::At(HOLDER_UNKNOWN.to_owned()) {
                    self.raise(Reason::NotOut);
                }
                self.go(to, SUSPENSE, handling);
            }
            Act::Count => {
                if now.place().as_ref() != Some(&here) {
                    self.raise(Reason::CountVariance);
                }
                self.go(Location::of(&here, true), COUNT_GAIN, handling);
            }
            Act::Register => self.appear(&here, handling),
            Act::Relabel => (),
        }
    }

    /// A thing gets its number where it is: what was already booked somewhere by its label stays there.
    fn appear(&mut self, here: &str, handling: &Handling) {
        if self.state.location == Location::Nowhere {
            self.go(Location::of(here, true), SUPPLIER, handling);
        }
    }

    fn lot_appears(&mut self, here: &str, quantity: Quantity) {
        if quantity.amount < 1 || AMOUNT_MAX < quantity.amount {
            return self.raise(Reason::Unreadable);
        }
        if self.state.balances.is_empty() {
            self.carry(SUPPLIER.to_owned(), here, quantity, None);
        }
    }

    fn serial_passage(&mut self, passage: &Passage) {
        // Checked out, it goes in and out with its holder: seen, not moved.
        let carried = matches!(self.state.location, Location::With { checked_out: true, .. });
        let to = match (passage.direction, passage.handling.person) {
            (Direction::Unknown, _) => return self.raise(Reason::DirectionUnknown),
            _ if carried => return,
            (Direction::In, _) => Location::of(&passage.inside, false),
            (Direction::Out, Some(person)) => Location::With { person, checked_out: false },
            (Direction::Out, None) => Location::of(&passage.outside, false),
        };
        self.go(to, SUSPENSE, &passage.handling);
    }

    /// Moves the one thing to `to`; `origin` is where it came from when the book never had it.
    fn go(&mut self, to: Location, origin: &str, handling: &Handling) {
        let from = self.state.location.place().unwrap_or_else(|| origin.to_owned());
        let there = to.place().unwrap_or_else(|| SUSPENSE.to_owned());
        if from != there && self.shift(&from, &there, Quantity::ONE_PIECE) {
            let now = (self.order.line, self.order.at);
            if let Some(mut ended) = self.state.custody.take() {
                ended.until = Some(now);
                self.effects.custodies.push(ended);
            }
            if let Location::With { person, .. } = to {
                let begun = Custody { since: now, person, document: handling.document.clone(), until: None };
                self.effects.custodies.push(begun.clone());
                self.state.custody = Some(begun);
            }
        }
        self.state.location = to;
    }

    /// Books one leg; `false` when the figures would leave their range.
    fn shift(&mut self, from: &str, to: &str, quantity: Quantity) -> bool {
        let measure = quantity.unit.code();
        let sum = |place: &str, amount: i64| self.balance(place, quantity.unit).checked_add(amount);
        let (Some(left), Some(arrived)) = (sum(from, -quantity.amount), sum(to, quantity.amount)) else {
            self.raise(Reason::Unreadable);
            return false;
        };
        for (place, amount) in [(from, left), (to, arrived)] {
            match amount {
                0 => self.state.balances.remove(&(place.to_owned(), measure)),
                _ => self.state.balances.insert((place.to_owned(), measure), amount),
            };
        }
        let (from, to) = (from.to_owned(), to.to_owned());
        self.effects.moves.push(Move { origin: self.order, leg: self.legs, from, to, quantity });
        self.legs += 1;
        true
    }

    fn balance(&self, place: &str, measure: Measure) -> i64 {
        self.state.balances.get(&(place.to_owned(), measure.code())).copied().unwrap_or(0)
    }

    fn lot_movement(&mut self, movement: &Movement, quantity: Quantity) {
        let counted = movement.act == Act::Count;
        if quantity.amount < i64::from(!counted) || AMOUNT_MAX < quantity.amount {
            return self.raise(Reason::Unreadable);
        }
        let measure = quantity.unit;
        let here = movement.to.clone().unwrap_or_else(|| movement.handling.read_point.clone());
        let to = movement.to_person.map_or(here.clone(), hands);
        match movement.act {
            Act::Receive => self.carry(SUPPLIER.to_owned(), &to, quantity, None),
            Act::PutAway | Act::Move => {
                let from = movement.from.clone().or_else(|| self.fullest(measure, &to, is_real));
                self.carry(from.unwrap_or_else(|| SUSPENSE.to_owned()), &to, quantity, Some(Reason::Short));
            }
            Act::CheckOut => {
                let to = match movement.to_person.or(movement.handling.person) {
                    Some(person) => hands(person),
                    None => {
                        self.raise(Reason::NoPerson);
                        movement.to.clone().unwrap_or_else(|| HOLDER_UNKNOWN.to_owned())
                    }
                };
                let from = movement.from.clone().or_else(|| self.fullest(measure, &to, is_real));
                self.carry(from.unwrap_or_else(|| SUSPENSE.to_owned()), &to, quantity, Some(Reason::Short));
            }
            Act::Return => {
                let own = movement.handling.person.map(hands).filter(|place| 0 < self.balance(place, measure));
                let any = || self.fullest(measure, &to, |place| holder(place).is_some() || place == HOLDER_UNKNOWN);
                let from = own.or_else(any).unwrap_or_else(|| SUSPENSE.to_owned());
                self.carry(from, &to, quantity, Some(Reason::NotOut));
            }
            Act::Count => {
                // Relative to the book at this very line, so that what moved since stays moved.
                let more = quantity.amount.saturating_sub(self.balance(&here, measure));
                let variance = Quantity { amount: more.saturating_abs(), unit: measure };
                if more != 0 {
                    self.raise(Reason::CountVariance);
                    let (from, to) = if 0 < more { (COUNT_GAIN, &*here) } else { (&*here, COUNT_LOSS) };
                    self.shift(from, to, variance);
                }
            }
            Act::Register => self.lot_appears(&here, quantity),
            Act::Relabel => (),
        }
    }

    fn lot_passage(&mut self, passage: &Passage, quantity: Quantity) {
        if quantity.amount < 1 || AMOUNT_MAX < quantity.amount {
            return self.raise(Reason::Unreadable);
        }
        let measure = quantity.unit;
        if passage.direction == Direction::Unknown {
            return self.raise(Reason::DirectionUnknown);
        }
        // What somebody checked out goes in and out with its holder.
        let carried = self.state.balances.iter().any(|((place, of), amount)| {
            *of == measure.code() && holder(place).is_some() && quantity.amount <= *amount
        });
        if carried {
            return;
        }
        let (near, to) = match passage.direction {
            Direction::In => (&passage.outside, &passage.inside),
            Direction::Out | Direction::Unknown => (&passage.inside, &passage.outside),
        };
        let near = Some(near.clone()).filter(|place| 0 < self.balance(place, measure));
        let from = near.or_else(|| self.fullest(measure, to, is_real)).unwrap_or_else(|| SUSPENSE.to_owned());
        let short = (passage.direction == Direction::Out).then_some(Reason::Short);
        self.carry(from, to, quantity, short);
    }

    /// The place that has most of the measure, not counting `but`; the first by name when several do.
    fn fullest(&self, measure: Measure, but: &str, fits: impl Fn(&str) -> bool) -> Option<String> {
        let mut best: Option<(&str, i64)> = None;
        for ((place, of), &amount) in &self.state.balances {
            let candidate = *of == measure.code() && 0 < amount && place != but && fits(place);
            if candidate && best.is_none_or(|(_, most)| most < amount) {
                best = Some((place, amount));
            }
        }
        best.map(|(place, _)| place.to_owned())
    }

    /// Moves what `from` has; the rest comes out of suspense, for the reason `short`.
    fn carry(&mut self, from: String, to: &str, quantity: Quantity, short: Option<Reason>) {
        if from == to {
            return;
        }
        let bounded = is_real(&from) || holder(&from).is_some() || from == HOLDER_UNKNOWN;
        let there = match bounded {
            true => self.balance(&from, quantity.unit).clamp(0, quantity.amount),
            false if from == SUSPENSE => 0,
            false => quantity.amount,
        };
        let rest = quantity.amount - there;
        if 0 < rest
            && let Some(reason) = short
        {
            self.raise(reason);
        }
        if 0 < there {
            self.shift(&from, to, Quantity { amount: there, ..quantity });
        }
        if 0 < rest && to != SUSPENSE {
            self.shift(SUSPENSE, to, Quantity { amount: rest, ..quantity });
        }
    }
}
