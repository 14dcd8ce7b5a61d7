//! New pieces and new labels: what is scanned is prepared first, and one line says all of it.
//!
//! To register: scan the label or tag, where there is one, scan or choose the item, confirm. The item stands for the pieces
//! that follow. To relabel: scan the piece, then its new label or tag; confirm without one takes the scanned one off.

use serde::{Deserialize, Serialize};

use crate::event::{Act, Body, Handling, Piece, Reason, Registration, Relabelling};
use crate::identity::Identifier;
use crate::numbers::Purpose;
use crate::quantity::Quantity;
use crate::sync::records::{Tracking, Unit};
use crate::terminal::answer::{Answer, Outcome, Say};
use crate::terminal::handheld::{Done, Going, Handheld, Plan, State};
use crate::terminal::numbering::Next;
use crate::terminal::reference::{Meaning, Reference};
use crate::terminal::remembered::Mark;
use crate::terminal::rules::World;

/// What is prepared and not in the book yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Canonical text of the label or tag that is to stand for the piece.
    pub bind: Option<String>,
    /// Code of the item that a new piece is of.
    pub item: Option<String>,
    /// Number of the piece that is relabelled, and the code on it that is to go.
    pub unit: Option<String>,
    pub release: Option<String>,
}

impl Draft {
    /// What the screen shows of it.
    fn said(&self) -> Say {
        Say::Prepared { code: self.bind.clone(), item: self.item.clone(), doubt: None }
    }
}

/// What a line like `body` left behind as marks, to be forgotten when it is taken back.
pub(super) fn to_forget(body: &Body) -> Vec<Mark> {
    let at = crate::quantity::Moment(0);
    match body {
        Body::Registration(registration) => {
            let Some(number) = number_of(&registration.what) else { return Vec::new() };
            let unit = unit(&number, &registration.item, registration.what.quantity, None);
            let bind: Vec<String> = registration.bind.iter().cloned().collect();
            let said = Mark::Relabelled { unit: number, bind, release: Vec::new(), at, kept: false };
            vec![Mark::Registered { unit, kept: false }, said]
        }
        Body::Relabelling(relabelling) => {
            let Some(unit) = number_of(&relabelling.what) else { return Vec::new() };
            let (bind, release) = (relabelling.bind.clone(), relabelling.release.clone());
            vec![Mark::Relabelled { unit, bind, release, at, kept: false }]
        }
        Body::Movement(_)
        | Body::Attempt(_)
        | Body::Passage(_)
        | Body::Correction(_)
        | Body::Decision(_)
        | Body::System(_) => Vec::new(),
    }
}

fn number_of(what: &Piece) -> Option<String> {
    match Identifier::parse(&what.code)? {
        Identifier::Own { code } => Some(code),
        _ => None,
    }
}

/// The unit as the server will make it.
fn unit(number: &str, item: &str, quantity: Quantity, reference: Option<&Reference>) -> Unit {
    let name = reference.and_then(|reference| reference.item(item)).map(|item| item.name.clone());
    Unit {
        number: number.to_owned(),
        item: item.to_owned(),
        tracking: Tracking::Serial,
        name: name.unwrap_or_default(),
        home: None,
        quantity: Some(quantity).filter(|quantity| *quantity != Quantity::ONE_PIECE),
    }
}

impl Handheld {
    /// Whether the next input may give a number.
    pub fn gives_numbers(&self) -> bool {
        self.acting() == Some(Act::Register)
    }

    /// The act that stands: the chosen one, or the station's own.
    pub(super) fn acting(&self) -> Option<Act> {
        self.state.going.as_ref().map(|going| going.act).or(self.settings.default_act)
    }

    /// The state with `act` going and its draft changed.
    fn drafted(&self, act: Act, world: World<'_>, last_seq: u64, change: impl FnOnce(&mut Draft)) -> State {
        let mut next = self.state.clone();
        let going = next.going.get_or_insert_with(|| self.fresh(act, world.now.at, last_seq));
        change(&mut going.draft);
        next
    }

    fn prepared(&self, next: State, outcome: Outcome) -> Plan {
        let say = next.going.as_ref().map(|going| going.draft.said());
        self.turn(next, outcome, say.unwrap_or(Say::ChooseAct))
    }

    /// A scan while pieces are registered.
    pub(super) fn register_scan(
        &self,
        identifier: &Identifier,
        meaning: &Meaning,
        world: World<'_>,
        last_seq: u64,
    ) -> Plan {
        let code = identifier.to_string();
        let item = match (identifier, meaning) {
            (_, Meaning::Item(item)) => Some(item.clone()),
            // The card or the typed code of an item.
            (Identifier::Own { code }, Meaning::Unknown) => world.reference.item(code).map(|item| item.code.clone()),
            _ => None,
        };
        if let Some(item) = item {
            return self.choose_item(&item, world, last_seq);
        }
        let drafted = |bind: String| {
            let of_label = match identifier {
                Identifier::Sgtin { gtin, .. } => world.reference.item_of(gtin).map(|item| item.code.clone()),
                _ => None,
            };
            self.drafted(Act::Register, world, last_seq, |draft| {
                draft.bind = Some(bind);
                draft.item = of_label.or(draft.item.take());
            })
        };
        if let Some(done) = self.just_bound(&code) {
            let say = Say::Already { at: done.at };
            return self.turn(self.state.clone(), Outcome::Again, say);
        }
        match meaning {
            // Its own number is on it already.
            Meaning::Unit(unit) if Identifier::own(unit) == *identifier => {
                let say = Say::RegisteredBefore { unit: unit.clone() };
                self.turn(self.state.clone(), Outcome::Again, say)
            }
            Meaning::Unit(unit) if !world.reference.codes().is_replaced(&code) => {
                let next = drafted(code);
                self.turn(next, Outcome::Look, Say::CodeTaken { unit: unit.clone() })
            }
            _ => self.prepared(drafted(code), Outcome::Note),
        }
    }

    /// The piece of this act that got `code`: a label is scanned twice, and a tag stays on the bench.
    fn just_bound(&self, code: &str) -> Option<&Done> {
        let binds =
            |mark: &Mark| matches!(mark, Mark::Relabelled { bind, .. } if bind.iter().any(|bound| bound == code));
        let pieces = &self.state.going.as_ref()?.pieces;
        pieces.iter().rev().find(|done| done.forget.iter().any(binds))
    }

    pub(super) fn choose_item(&self, item: &str, world: World<'_>, last_seq: u64) -> Plan {
        let Some(item) = world.reference.item(item) else {
            return self.turn(self.state.clone(), Outcome::Ask, Say::Unknown { recorded: false, doubt: None });
        };
        if self.acting() != Some(Act::Register) {
            return self.turn(self.state.clone(), Outcome::Note, Say::ChooseAct);
        }
        let next = self.drafted(Act::Register, world, last_seq, |draft| draft.item = Some(item.code.clone()));
        self.prepared(next, Outcome::Note)
    }

    /// Carries out what was prepared.
    pub(super) fn confirm(&self, device: &str, world: World<'_>, last_seq: u64) -> Plan {
        let draft = self.state.going.as_ref().map(|going| going.draft.clone()).unwrap_or_default();
        match self.acting() {
            Some(Act::Register) => self.register(&draft, device, world, last_seq),
            Some(Act::Relabel) => match (draft.unit, draft.bind, draft.release) {
                (Some(unit), Some(code), release) => {
                    let release = self.goes(&unit, &code, release, world.reference);
                    self.relabel(&unit, vec![code], release, device, world)
                }
                (Some(unit), None, Some(code)) => self.relabel(&unit, Vec::new(), vec![code], device, world),
                (Some(_), None, None) => self.turn(self.state.clone(), Outcome::Ask, Say::LabelFirst),
                (None, _, _) => self.turn(self.state.clone(), Outcome::Ask, Say::PieceFirst),
            },
            _ => self.turn(self.state.clone(), Outcome::Note, Say::NothingPrepared),
        }
    }

    fn register(&self, draft: &Draft, device: &str, world: World<'_>, last_seq: u64) -> Plan {
        let Some(item) = &draft.item else {
            return self.turn(self.state.clone(), Outcome::Ask, Say::ItemFirst);
        };
        let Some(given) = world.reference.numbering().next(Purpose::Sample, world.remembered) else {
            return self.turn(self.state.clone(), Outcome::Ask, Say::NoSeries);
        };
        let Next { series, number, mark } = given;
        // The label of the piece before is on that piece.
        let mut next = self.drafted(Act::Register, world, last_seq, |draft| draft.bind = None);
        let quantity = next.amount.take().unwrap_or(Quantity::ONE_PIECE);
        let exceptions = self.exceptions(Act::Register, draft.bind.as_slice(), None, world);
        let unit = unit(&number, item, quantity, Some(world.reference));
        let what = Piece { code: Identifier::own(&number).to_string(), quantity };
        let place = self.state.going.as_ref().and_then(|going| going.place.clone());
        let to = place.unwrap_or_else(|| self.settings.read_point.clone());
        let mut marks = vec![
            mark,
            Mark::Registered { unit, kept: true },
            Mark::At { unit: number.clone(), place: Some(to.clone()) },
        ];
        if let Some(code) = &draft.bind {
            let (unit, bind) = (number.clone(), vec![code.clone()]);
            marks.push(Mark::Relabelled { unit, bind, release: Vec::new(), at: world.now.at, kept: true });
        }
        let body = Body::Registration(Registration {
            series,
            what: what.clone(),
            item: item.clone(),
            bind: draft.bind.clone(),
            to: Some(to.clone()),
            handling: self.handling(device),
            exceptions: exceptions.clone(),
        });
        let outcome = if exceptions.is_empty() { Outcome::Ok } else { Outcome::Look };
        let say = Say::Registered { number: number.clone(), code: draft.bind.clone(), exceptions: exceptions.clone() };
        self.written(next, body, marks, (number, what, Some(to), exceptions), Answer::bare(outcome, say), world)
    }

    /// A scan while pieces are relabelled.
    pub(super) fn relabel_scan(
        &self,
        identifier: &Identifier,
        meaning: &Meaning,
        device: &str,
        world: World<'_>,
        last_seq: u64,
    ) -> Plan {
        let code = identifier.to_string();
        let draft = self.state.going.as_ref().map(|going| going.draft.clone()).unwrap_or_default();
        let Draft { bind: pending, unit: chosen, release, .. } = draft;
        if let (None, Some(done)) = (&chosen, self.just_bound(&code)) {
            let say = Say::Already { at: done.at };
            return self.turn(self.state.clone(), Outcome::Again, say);
        }
        // A code that another piece holds was scanned and not confirmed: what comes now is about another piece.
        let chosen = chosen.filter(|_| pending.is_none());
        let pick = |unit: &str| {
            let bound = Identifier::own(unit) != *identifier;
            let next = self.drafted(Act::Relabel, world, last_seq, |draft| {
                let release = bound.then(|| code.clone());
                *draft = Draft { unit: Some(unit.to_owned()), release, ..Draft::default() };
            });
            self.turn(next, Outcome::Note, Say::Relabel { unit: unit.to_owned() })
        };
        match (meaning, chosen) {
            (Meaning::Unit(unit), None) => pick(unit),
            (Meaning::Unit(unit), Some(chosen)) if *unit == chosen || Identifier::own(unit) == *identifier => {
                pick(unit)
            }
            // On another piece still, as far as anybody knows: it is bound only when the person says so.
            (Meaning::Unit(unit), Some(_)) if !world.reference.codes().is_replaced(&code) => {
                let next = self.drafted(Act::Relabel, world, last_seq, |draft| draft.bind = Some(code));
                self.turn(next, Outcome::Look, Say::CodeTaken { unit: unit.clone() })
            }
            (Meaning::Item(_), _) => self.turn(self.state.clone(), Outcome::Ask, Say::LabelFirst),
            (_, Some(unit)) => {
                let release = self.goes(&unit, &code, release, world.reference);
                self.relabel(&unit, vec![code], release, device, world)
            }
            (_, None) => self.turn(self.state.clone(), Outcome::Ask, Say::PieceFirst),
        }
    }

    /// The codes that `code` takes the place of: a tag replaces the tag, a label the label. The one that was scanned, where
    /// it is of that kind; otherwise, since a dead tag is found by the number of its piece, all of them.
    fn goes(&self, unit: &str, code: &str, scanned: Option<String>, reference: &Reference) -> Vec<String> {
        let is_tag = |code: &str| code.starts_with("tag/");
        let goes = |known: &str| is_tag(known) == is_tag(code) && known != code;
        match scanned {
            Some(scanned) if goes(&scanned) && !reference.codes().is_replaced(&scanned) => vec![scanned],
            Some(_) | None => {
                reference.codes().of(unit).into_iter().filter(|known| goes(known)).map(str::to_owned).collect()
            }
        }
    }

    fn relabel(&self, unit: &str, bind: Vec<String>, release: Vec<String>, device: &str, world: World<'_>) -> Plan {
        let mut next = self.state.clone();
        if let Some(going) = &mut next.going {
            going.draft = Draft::default();
        }
        let exceptions = self.exceptions(Act::Relabel, &bind, Some(unit), world);
        let what = Piece { code: Identifier::own(unit).to_string(), quantity: Quantity::ONE_PIECE };
        let said = Mark::Relabelled {
            unit: unit.to_owned(),
            bind: bind.clone(),
            release: release.clone(),
            at: world.now.at,
            kept: true,
        };
        let body = Body::Relabelling(Relabelling {
            what: what.clone(),
            bind: bind.clone(),
            release: release.clone(),
            handling: self.handling(device),
            exceptions: exceptions.clone(),
        });
        let outcome = if exceptions.is_empty() { Outcome::Ok } else { Outcome::Look };
        let say = Say::Relabelled { bind: bind.first().cloned(), release, exceptions: exceptions.clone() };
        self.written(
            next,
            body,
            vec![said],
            (unit.to_owned(), what, None, exceptions),
            Answer::bare(outcome, say),
            world,
        )
    }

    /// What a person should look at in such a line.
    fn exceptions(&self, act: Act, bind: &[String], unit: Option<&str>, world: World<'_>) -> Vec<Reason> {
        let mut exceptions: Vec<Reason> = world.now.clock_exceptions().collect();
        let codes = world.reference.codes();
        let taken =
            |code: &String| codes.unit(code).is_some_and(|holder| Some(holder) != unit && !codes.is_replaced(code));
        if bind.iter().any(taken) {
            exceptions.push(Reason::BoundTwice);
        }
        match self.state.operator {
            Some(person) if world.lacks_certificate(person, act) => exceptions.push(Reason::NoCertificate),
            None if world.policy.certificate_for.contains(&act) => exceptions.push(Reason::NoPerson),
            Some(_) | None => (),
        }
        exceptions
    }

    fn handling(&self, device: &str) -> Handling {
        Handling {
            station: self.settings.station.clone(),
            read_point: self.settings.read_point.clone(),
            device: device.to_owned(),
            person: self.state.operator,
            document: self.state.going.as_ref().and_then(|going| Some(going.paper.as_ref()?.number.clone())),
        }
    }

    /// The plan of a line about one piece.
    fn written(
        &self,
        mut next: State,
        body: Body,
        mut marks: Vec<Mark>,
        (unit, what, place, exceptions): (String, Piece, Option<String>, Vec<Reason>),
        answer: Answer,
        world: World<'_>,
    ) -> Plan {
        let was_at = world.remembered.place_of(&unit).map(str::to_owned);
        let forget = to_forget(&body);
        if let Some(Going { pieces, .. }) = &mut next.going {
            pieces.push(Done {
                code: what.code.clone(),
                unit: Some(unit.clone()),
                quantity: what.quantity,
                at: world.now.at,
                line: None,
                pass: None,
                exceptions,
                place,
                was_at,
                forget,
            });
        }
        marks.push(self.keep(&next));
        let answer = Answer { code: Some(what.code), unit: Some(unit), ..answer };
        Plan { body: Some(body), marks, answer, next }
    }
}
