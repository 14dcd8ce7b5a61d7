//! A handheld or a bench: what a person does with things, one scan after the other. Inputs in; a line, an answer and the
//! next state out.
//!
//! [`Handheld::plan`] decides and changes nothing. The shell writes the planned line or marks and only then calls
//! [`Handheld::carry_out`]: what is shown is in the book.

mod registering;

use serde::{Deserialize, Serialize};

pub use self::registering::Draft;
use crate::event::{
    Act, Attempt, Body, Correction, Handling, LineRef, Movement, Piece, Reason, Registration, Relabelling,
};
use crate::identity::{Doubt, Identifier};
use crate::numbers::{self, Reading};
use crate::quantity::{Moment, Quantity};
use crate::sync::records::Tracking;
use crate::terminal::answer::{Answer, Outcome, Say};
use crate::terminal::reference::{Command, Meaning, Reference};
use crate::terminal::remembered::{Mark, Use};
use crate::terminal::rules::{Ruling, World};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub station: String,
    /// Code of the place where the station stands: receipts and returns go there unless a place is scanned.
    pub read_point: String,
    /// The act that stands when nobody chose another.
    pub default_act: Option<Act>,
}

/// What a person did at the station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    Scan {
        identifier: Identifier,
        device: String,
        doubt: Option<Doubt>,
    },
    Start(Act),
    End,
    Undo,
    /// The next lot or item stands for this amount.
    Amount(Quantity),
    /// New pieces are of the item with this code.
    Item(String),
    /// Carry out what was prepared.
    Confirm,
}

/// The paper of an act: it says which units are due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paper {
    pub number: String,
    pub kind: PaperKind,
    /// Whether a person opened it. A pass that was only found for the first piece does not bind the next.
    pub chosen: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaperKind {
    Pass,
    Task,
}

/// One piece of the act, in the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    pub code: String,
    pub unit: Option<String>,
    pub quantity: Quantity,
    pub at: Moment,
    pub line: Option<LineRef>,
    pub pass: Option<String>,
    pub exceptions: Vec<Reason>,
    /// Where the line put it.
    pub place: Option<String>,
    /// Where this terminal had the unit before, for the undo.
    was_at: Option<String>,
    /// Marks that the undo takes away.
    forget: Vec<Mark>,
}

/// The act that the station is in the middle of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Going {
    pub act: Act,
    pub place: Option<String>,
    pub paper: Option<Paper>,
    /// Who takes the pieces of a check-out, when it is not the operator.
    pub taker: Option<u32>,
    pub pieces: Vec<Done>,
    /// What is prepared of the next registration or relabelling.
    pub draft: Draft,
    pub began: Moment,
    /// Lines of this act have numbers above this one.
    pub after_seq: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Who works here: the last badge.
    pub operator: Option<u32>,
    pub going: Option<Going>,
    pub amount: Option<Quantity>,
}

/// What of an act is kept as a mark. Its pieces are in the book already.
#[derive(Serialize, Deserialize)]
struct Kept {
    act: Act,
    place: Option<String>,
    paper: Option<Paper>,
    taker: Option<u32>,
    operator: Option<u32>,
    amount: Option<Quantity>,
    began_us: Moment,
    after_seq: u64,
    /// Marks of earlier versions lack it.
    #[serde(default)]
    draft: Draft,
}

/// What to write and answer for one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub body: Option<Body>,
    /// To be written with the line, or alone where there is none.
    pub marks: Vec<Mark>,
    pub answer: Answer,
    next: State,
}

/// What is due next, for the foot of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub unit: String,
    pub place: Option<String>,
    pub done: bool,
}

#[derive(Debug)]
pub struct Handheld {
    settings: Settings,
    state: State,
}

impl Handheld {
    pub fn new(settings: Settings) -> Handheld {
        Handheld { settings, state: State::default() }
    }

    /// Takes up the act that a restart interrupted: `kept` is the mark, `lines` are the book's lines in their order.
    /// `None` when the mark cannot be read or its act is over.
    pub fn resume<'a>(
        settings: Settings,
        kept: &str,
        lines: impl IntoIterator<Item = (LineRef, Moment, &'a Body)>,
    ) -> Option<Handheld> {
        let kept: Kept = serde_json::from_str(kept).ok()?;
        let mut pieces: Vec<Done> = Vec::new();
        for (line, at, body) in lines {
            match body {
                Body::Movement(movement) if movement.handling.station == settings.station => {
                    let pass = movement.handling.document.clone().filter(|_| movement.act == Act::CheckOut);
                    pieces.extend(movement.what.iter().map(|piece| Done {
                        code: piece.code.clone(),
                        unit: None,
                        quantity: piece.quantity,
                        at,
                        line: Some(line),
                        pass: pass.clone(),
                        exceptions: movement.exceptions.clone(),
                        place: movement.to.clone(),
                        was_at: None,
                        forget: Vec::new(),
                    }));
                }
                Body::Registration(Registration { what, handling, exceptions, to, .. })
                    if handling.station == settings.station =>
                {
                    pieces.push(resumed(body, what, (line, at), exceptions, to.clone()));
                }
                Body::Relabelling(Relabelling { what, handling, exceptions, .. })
                    if handling.station == settings.station =>
                {
                    pieces.push(resumed(body, what, (line, at), exceptions, None));
                }
                Body::Correction(correction) => pieces.retain(|done| done.line != Some(correction.corrects)),
                Body::Movement(_)
                | Body::Attempt(_)
                | Body::Passage(_)
                | Body::Decision(_)
                | Body::System(_)
                | Body::Registration(_)
                | Body::Relabelling(_) => (),
            }
        }
        let going = Going {
            act: kept.act,
            place: kept.place,
            paper: kept.paper,
            taker: kept.taker,
            pieces,
            draft: kept.draft,
            began: kept.began_us,
            after_seq: kept.after_seq,
        };
        let state = State { operator: kept.operator, going: Some(going), amount: kept.amount };
        Some(Handheld { settings, state })
    }

    /// After which line a kept act began, so that the shell reads no more of the book than it must.
    pub fn resumes_after(kept: &str) -> Option<u64> {
        serde_json::from_str::<Kept>(kept).ok().map(|kept| kept.after_seq)
    }

    /// Names the units of resumed pieces, which the book has by their codes only.
    pub fn name_units(&mut self, reference: &Reference) {
        for done in self.state.going.iter_mut().flat_map(|going| &mut going.pieces) {
            done.unit = done.unit.take().or_else(|| unit_of(&done.code, reference));
        }
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    /// Decides about `input`. `last_seq` is the last line of the book.
    pub fn plan(&self, input: &Input, world: World<'_>, last_seq: u64) -> Plan {
        let state = &self.state;
        match input {
            Input::Scan { identifier, device, doubt } => {
                let mut plan = self.scan(identifier, device, world, last_seq);
                let answer = &mut plan.answer;
                match &mut answer.say {
                    Say::Unknown { doubt: told, .. } => told.clone_from(doubt),
                    // What is bound now stands for the piece for good: a code that is cut or misread is worth a look.
                    Say::Prepared { doubt: told, .. } if doubt.is_some() => {
                        told.clone_from(doubt);
                        answer.outcome = Outcome::Look;
                    }
                    _ => (),
                }
                plan
            }
            Input::Start(act) => self.start(*act, world.now.at, last_seq),
            Input::End => match &state.going {
                Some(going) => {
                    let answer = Say::Ended { act: going.act, pieces: going.pieces.len() };
                    self.turn(State { going: None, amount: None, ..state.clone() }, Outcome::Note, answer)
                }
                None => self.turn(state.clone(), Outcome::Note, Say::ChooseAct),
            },
            Input::Undo => self.undo(),
            Input::Amount(quantity) => {
                let next = State { amount: Some(*quantity), ..state.clone() };
                self.turn(next, Outcome::Note, Say::Amount { quantity: *quantity })
            }
            Input::Item(item) => self.choose_item(item, world, last_seq),
            Input::Confirm => self.confirm("screen", world, last_seq),
        }
    }

    /// What `plan` wants written is durable.
    pub fn carry_out(&mut self, plan: Plan, line: Option<LineRef>) {
        self.state = plan.next;
        // A planned piece has no line yet; an undo and an attempt add none.
        if let Some(done) = self.state.going.as_mut().and_then(|going| going.pieces.last_mut())
            && done.line.is_none()
        {
            done.line = line;
        }
    }

    fn scan(&self, identifier: &Identifier, device: &str, world: World<'_>, last_seq: u64) -> Plan {
        let readers = world.reference.numbering().readers();
        let identifier = &identifier.clone().in_house(readers);
        let meaning = world.reference.look_up(identifier);
        // What a person mistyped is no fact about a thing; what a scanner read is.
        if let (Meaning::Unknown, Identifier::Own { code }, "screen") = (&meaning, identifier, device)
            && let Reading::Wrong(wrong) = numbers::read(code, readers)
        {
            let plan = self.turn(self.state.clone(), Outcome::Ask, Say::WrongNumber { wrong });
            return Plan { answer: Answer { code: Some(identifier.to_string()), ..plan.answer }, ..plan };
        }
        let state = &self.state;
        let mut plan = match &meaning {
            Meaning::Command(Command::Confirm) => return self.confirm(device, world, last_seq),
            Meaning::Command(Command::Start(act)) => self.start(*act, world.now.at, last_seq),
            Meaning::Command(Command::Undo) => self.undo(),
            Meaning::Person(person) => self.person(*person),
            Meaning::Place(place) => {
                let mut next = state.clone();
                let going = next.going.get_or_insert_with(|| self.fresh(Act::PutAway, world.now.at, last_seq));
                going.place = Some(place.clone());
                self.turn(next, Outcome::Note, Say::Place { place: place.clone() })
            }
            Meaning::Pass(number) => self.open(number, PaperKind::Pass, Act::CheckOut, world, last_seq),
            Meaning::Task(number) => {
                let act = world.reference.task(number).map_or(Act::PutAway, |task| task.act);
                self.open(number, PaperKind::Task, act, world, last_seq)
            }
            Meaning::Unit(_) | Meaning::Item(_) | Meaning::Unknown => match self.acting() {
                Some(Act::Register) => self.register_scan(identifier, &meaning, world, last_seq),
                Some(Act::Relabel) => {
                    let plan = self.relabel_scan(identifier, &meaning, device, world, last_seq);
                    if plan.body.is_some() {
                        return plan;
                    }
                    plan
                }
                Some(_) | None => self.piece(identifier, &meaning, device, world, last_seq),
            },
        };
        plan.answer.code = Some(identifier.to_string());
        if let Meaning::Unit(number) = meaning {
            plan.answer.unit = Some(number);
        }
        plan
    }

    /// A change of state without a line. What of the act it changes is kept all the same: whoever chose a place and then
    /// lost the power goes on at that place.
    fn turn(&self, next: State, outcome: Outcome, say: Say) -> Plan {
        let kept = self.keep(&next);
        let marks = if kept == self.keep(&self.state) { Vec::new() } else { vec![kept] };
        Plan { body: None, marks, answer: Answer::bare(outcome, say), next }
    }

    fn keep(&self, state: &State) -> Mark {
        let act = state.going.as_ref().map(|going| {
            let kept = Kept {
                act: going.act,
                place: going.place.clone(),
                paper: going.paper.clone(),
                taker: going.taker,
                operator: state.operator,
                amount: state.amount,
                began_us: going.began,
                after_seq: going.after_seq,
                draft: going.draft.clone(),
            };
            serde_json::to_string(&kept).expect("plain structs with text keys always become JSON")
        });
        Mark::Act { station: self.settings.station.clone(), act }
    }

    fn fresh(&self, act: Act, began: Moment, after_seq: u64) -> Going {
        let (pieces, draft) = (Vec::new(), Draft::default());
        Going { act, place: None, paper: None, taker: None, pieces, draft, began, after_seq }
    }

    fn start(&self, act: Act, at: Moment, last_seq: u64) -> Plan {
        let next = State { going: Some(self.fresh(act, at, last_seq)), amount: None, ..self.state.clone() };
        self.turn(next, Outcome::Note, Say::Started { act })
    }

    /// In a check-out a badge names who takes the pieces, everywhere else who works here.
    fn person(&self, person: u32) -> Plan {
        let mut next = self.state.clone();
        let takes = match &mut next.going {
            Some(going) if going.act == Act::CheckOut => {
                going.taker = Some(person);
                next.operator.get_or_insert(person);
                true
            }
            _ => {
                next.operator = Some(person);
                false
            }
        };
        self.turn(next, Outcome::Note, Say::Person { person, takes })
    }

    fn open(&self, number: &str, kind: PaperKind, act: Act, world: World<'_>, last_seq: u64) -> Plan {
        let paper = Paper { number: number.to_owned(), kind, chosen: true };
        let mut next = self.state.clone();
        let pieces = due_units(&paper, world.reference).len();
        match &mut next.going {
            // A slip scanned after the first pieces of the same act binds the rest of it.
            Some(going) if going.act == act && going.paper.as_ref().is_none_or(|known| known.number == number) => {
                going.paper = Some(paper);
            }
            Some(going) if going.act != act && !going.pieces.is_empty() && kind == PaperKind::Pass => {
                return self.turn(next, Outcome::Ask, Say::PaperNotForAct);
            }
            _ => next.going = Some(Going { paper: Some(paper), ..self.fresh(act, world.now.at, last_seq) }),
        }
        self.turn(next, Outcome::Note, Say::Paper { number: number.to_owned(), pieces })
    }

    fn piece(&self, identifier: &Identifier, meaning: &Meaning, device: &str, world: World<'_>, last_seq: u64) -> Plan {
        let mut next = self.state.clone();
        if next.going.is_none() {
            next.going = self.settings.default_act.map(|act| self.fresh(act, world.now.at, last_seq));
        }
        let Some(going) = &mut next.going else {
            return match meaning {
                Meaning::Unknown => self.turn(next, Outcome::Ask, Say::Unknown { recorded: false, doubt: None }),
                _ => self.turn(next, Outcome::Note, Say::ChooseAct),
            };
        };
        let unit = match meaning {
            Meaning::Unit(number) => Some(number.clone()),
            _ => None,
        };
        let code = identifier.to_string();
        let single = world.reference.tracking(meaning) == Tracking::Serial;
        // What was put somewhere may be put elsewhere in the same act; only the same place twice is a duplicate.
        let placed = matches!(going.act, Act::PutAway | Act::Move | Act::Count);
        let same = |done: &&Done| {
            (done.code == code || unit.is_some() && done.unit == unit) && (!placed || done.place == going.place)
        };
        if single && let Some(done) = going.pieces.iter().rev().find(same) {
            let say = Say::Already { at: done.at };
            return self.turn(next, Outcome::Again, say);
        }
        if matches!(going.act, Act::PutAway | Act::Move | Act::Count) && going.place.is_none() {
            return self.turn(next, Outcome::Ask, Say::PlaceFirst);
        }
        let quantity = if single { Quantity::ONE_PIECE } else { next.amount.take().unwrap_or(Quantity::ONE_PIECE) };
        let what = vec![Piece { code: code.clone(), quantity }];
        let person = match going.act {
            Act::CheckOut => going.taker.or(next.operator),
            Act::Receive | Act::PutAway | Act::Return | Act::Move | Act::Count | Act::Register | Act::Relabel => {
                next.operator
            }
        };
        let due = going.paper.as_ref().map(|paper| due_units(paper, world.reference)).unwrap_or_default();
        let on_paper = unit.as_ref().is_some_and(|unit| due.contains(unit));
        let chosen = going.paper.as_ref().is_some_and(|paper| paper.chosen);
        let mut handling = Handling {
            station: self.settings.station.clone(),
            read_point: self.settings.read_point.clone(),
            device: device.to_owned(),
            person: next.operator,
            document: going.paper.as_ref().map(|paper| document(paper, world.reference)),
        };
        let mut exceptions: Vec<Reason> = world.now.clock_exceptions().collect();
        if unit.is_some() && world.reference.codes().is_replaced(&code) {
            exceptions.push(Reason::CodeReplaced);
        }
        let mut pass = None;
        if going.act == Act::CheckOut {
            let refusal = match (&unit, person) {
                (None, _) if *meaning == Meaning::Unknown => Some(vec![Reason::UnknownCode]),
                (_, None) => Some(vec![Reason::NoPerson]),
                (None, Some(_)) => Some(vec![Reason::NoPass]),
                (Some(_), Some(_)) if chosen && !on_paper => Some(vec![Reason::NoPass]),
                (Some(unit), Some(person)) => match world.may_leave(unit, Some(person), Use::CheckOut) {
                    Ruling::Refused { reasons } => Some(reasons),
                    Ruling::Released { pass: found, remarks } => {
                        exceptions.extend(remarks);
                        pass = Some(found.number.clone());
                        None
                    }
                },
            };
            if let Some(reasons) = refusal {
                let wrong = chosen && unit.is_some() && !on_paper && person.is_some();
                let reason = reasons.first().copied().unwrap_or(Reason::NoPass);
                let (outcome, say) = match reason {
                    Reason::UnknownCode => (Outcome::Ask, Say::Unknown { recorded: true, doubt: None }),
                    _ if wrong => {
                        let wanted = self::due(going, world.reference, |_| None).into_iter().find(|due| !due.done);
                        (Outcome::Stop, Say::Wrong { wanted: wanted.map(|due| due.unit) })
                    }
                    _ => (Outcome::Stop, Say::Refused { reasons }),
                };
                let body = Body::Attempt(Attempt { act: going.act, what, handling, reason });
                let marks = vec![self.keep(&next)];
                return Plan { body: Some(body), marks, answer: Answer::bare(outcome, say), next };
            }
        } else {
            if *meaning == Meaning::Unknown {
                exceptions.push(Reason::UnknownCode);
            }
            if person.is_some_and(|person| world.lacks_certificate(person, going.act)) {
                exceptions.push(Reason::NoCertificate);
            }
            if person.is_none() && world.policy.certificate_for.contains(&going.act) {
                exceptions.push(Reason::NoPerson);
            }
        }
        if let Some(pass) = &pass {
            handling.document = Some(pass.clone());
            if !chosen {
                going.paper = Some(Paper { number: pass.clone(), kind: PaperKind::Pass, chosen: false });
            }
        }
        let to = match going.act {
            Act::Receive | Act::Return | Act::Register | Act::Relabel => {
                Some(going.place.clone().unwrap_or_else(|| self.settings.read_point.clone()))
            }
            Act::PutAway | Act::Move | Act::Count => going.place.clone(),
            Act::CheckOut => None,
        };
        let mut marks = Vec::new();
        if let (Some(unit), Some(pass)) = (&unit, &pass) {
            marks.push(Mark::Used { way: Use::CheckOut, pass: pass.clone(), unit: unit.clone(), used: true });
        }
        if let (Some(unit), Some(place)) = (&unit, &to) {
            marks.push(Mark::At { unit: unit.clone(), place: Some(place.clone()) });
        }
        going.pieces.push(Done {
            code,
            unit: unit.clone(),
            quantity,
            at: world.now.at,
            line: None,
            pass,
            exceptions: exceptions.clone(),
            place: to.clone(),
            was_at: unit.as_deref().and_then(|unit| world.remembered.place_of(unit)).map(str::to_owned),
            forget: Vec::new(),
        });
        let body = Body::Movement(Movement {
            act: going.act,
            what,
            from: going.place.clone().filter(|_| going.act == Act::CheckOut),
            to,
            to_person: person.filter(|_| going.act == Act::CheckOut),
            handling,
            exceptions: exceptions.clone(),
        });
        let (outcome, say) = verdict(going, unit.as_deref(), exceptions, world.reference);
        marks.push(self.keep(&next));
        Plan { body: Some(body), marks, answer: Answer::bare(outcome, say), next }
    }

    /// Takes back the last line of this act with a line of its own.
    fn undo(&self) -> Plan {
        let mut next = self.state.clone();
        let taken = next.going.as_mut().and_then(|going| going.pieces.pop());
        let Some((done, line)) = taken.and_then(|done| done.line.map(|line| (done, line))) else {
            return self.turn(self.state.clone(), Outcome::Note, Say::NothingToTakeBack);
        };
        let left = next.going.as_ref().map_or(0, |going| going.pieces.len());
        let mut marks = vec![self.keep(&next)];
        marks.extend(done.forget);
        if let Some(unit) = &done.unit {
            if let Some(pass) = &done.pass {
                let (pass, unit) = (pass.clone(), unit.clone());
                marks.push(Mark::Used { way: Use::CheckOut, pass, unit, used: false });
            } else {
                marks.push(Mark::At { unit: unit.clone(), place: done.was_at.clone() });
            }
        }
        let handling = Handling {
            station: self.settings.station.clone(),
            read_point: self.settings.read_point.clone(),
            device: "screen".to_owned(),
            person: next.operator,
            document: done.pass.clone(),
        };
        let body = Body::Correction(Correction { corrects: line, handling, note: String::new() });
        let answer =
            Answer { outcome: Outcome::Ok, say: Say::TakenBack { left }, code: Some(done.code), unit: done.unit };
        Plan { body: Some(body), marks, answer, next }
    }
}

/// The units of the paper of `going`, in its order, each with the place where `last_seen` or its home says it is.
pub fn due(going: &Going, reference: &Reference, last_seen: impl Fn(&str) -> Option<String>) -> Vec<Due> {
    let units = going.paper.as_ref().map(|paper| due_units(paper, reference)).unwrap_or_default();
    let home = |unit: &str| reference.unit(unit).and_then(|unit| unit.home.clone());
    let done = |unit: &String| going.pieces.iter().any(|done| done.unit.as_ref() == Some(unit));
    units
        .into_iter()
        .map(|unit| Due { place: last_seen(&unit).or_else(|| home(&unit)), done: done(&unit), unit })
        .collect()
}

/// How a recorded piece is answered. `going` holds it already.
fn verdict(going: &Going, unit: Option<&str>, exceptions: Vec<Reason>, reference: &Reference) -> (Outcome, Say) {
    let due = going.paper.as_ref().map(|paper| due_units(paper, reference)).unwrap_or_default();
    let done = |number: &String| going.pieces.iter().any(|done| done.unit.as_ref() == Some(number));
    let of = (!due.is_empty()).then_some(due.len());
    let on_paper = unit.is_some_and(|unit| due.iter().any(|number| number == unit));
    let nth = if of.is_some() { due.iter().filter(|number| done(number)).count() } else { going.pieces.len() };
    if exceptions.contains(&Reason::UnknownCode) {
        return (Outcome::Ask, Say::Unknown { recorded: true, doubt: None });
    }
    if !exceptions.is_empty() {
        return (Outcome::Look, Say::Recorded { nth, of, exceptions });
    }
    if of.is_some() && !on_paper {
        return (Outcome::Look, Say::NotOnPaper);
    }
    let item = |number: &str| reference.unit(number).map(|unit| unit.item.clone());
    let line: Vec<&String> = match unit.and_then(item) {
        Some(of_unit) => due.iter().filter(|number| item(number).as_ref() == Some(&of_unit)).collect(),
        None => Vec::new(),
    };
    let outcome = if of == Some(nth) {
        Outcome::PaperDone
    } else if 1 < line.len() && line.iter().all(|number| done(number)) {
        Outcome::LineFull
    } else {
        Outcome::Ok
    };
    (outcome, Say::Recorded { nth, of, exceptions })
}

/// The units that a paper names, by their numbers as their own records write them.
fn due_units(paper: &Paper, reference: &Reference) -> Vec<String> {
    let units = match paper.kind {
        PaperKind::Pass => reference.pass(&paper.number).map(|pass| &pass.units),
        PaperKind::Task => reference.task(&paper.number).map(|task| &task.units),
    };
    let own = |number: &String| reference.unit(number).map_or_else(|| number.clone(), |unit| unit.number.clone());
    units.into_iter().flatten().map(own).collect()
}

/// What the line names: a task's own paper where it has one.
fn document(paper: &Paper, reference: &Reference) -> String {
    let task = match paper.kind {
        PaperKind::Task => reference.task(&paper.number),
        PaperKind::Pass => None,
    };
    task.and_then(|task| task.document.clone()).unwrap_or_else(|| paper.number.clone())
}

/// A piece that was registered or relabelled before the restart.
fn resumed(
    body: &Body,
    what: &Piece,
    (line, at): (LineRef, Moment),
    exceptions: &[Reason],
    place: Option<String>,
) -> Done {
    Done {
        code: what.code.clone(),
        unit: None,
        quantity: what.quantity,
        at,
        line: Some(line),
        pass: None,
        exceptions: exceptions.to_vec(),
        place,
        was_at: None,
        forget: registering::to_forget(body),
    }
}

fn unit_of(code: &str, reference: &Reference) -> Option<String> {
    match reference.look_up(&Identifier::parse(code)?) {
        Meaning::Unit(number) => Some(number),
        _ => None,
    }
}
