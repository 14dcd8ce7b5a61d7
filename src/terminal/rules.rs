//! May this thing leave? Facts and a moment in, a ruling out; no clock, disk or network.

use std::time::Duration;

use crate::event::{Act, Reason};
use crate::quantity::{CLOCK_UNSET_BEFORE, Moment};
use crate::sync::records::Pass;
use crate::terminal::reference::Reference;
use crate::terminal::remembered::{Remembered, Use};

/// What the house asks for before a thing may leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Acts that need a running certificate of the person.
    pub certificate_for: Vec<Act>,
    /// Decisions made with older passes are carried out, and marked for a person to look at.
    pub pass_data_max_age: Duration,
}

/// The moment of a decision and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circumstances {
    pub at: Moment,
    /// How old the reference data are; `None` when the server was never heard.
    pub data_age: Option<Duration>,
    /// Whether the clock jumped since the last line.
    pub clock_jumped: bool,
}

impl Circumstances {
    /// What every fact recorded now has to name about its time.
    pub fn clock_exceptions(&self) -> impl Iterator<Item = Reason> + use<> {
        let unset = self.clock_unset().then_some(Reason::ClockUnset);
        unset.into_iter().chain(self.clock_jumped.then_some(Reason::ClockJumped))
    }

    /// A clock before the year of this program was never set.
    pub fn clock_unset(&self) -> bool {
        self.at < CLOCK_UNSET_BEFORE
    }

    pub fn data_stale(&self, policy: &Policy) -> bool {
        self.data_age.is_none_or(|age| policy.pass_data_max_age < age)
    }
}

/// What a decision stands on.
#[derive(Clone, Copy)]
pub struct World<'a> {
    pub reference: &'a Reference,
    pub remembered: &'a Remembered,
    pub policy: &'a Policy,
    pub now: Circumstances,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling<'a> {
    /// May leave on this pass; `remarks` are exceptions that the line names all the same.
    Released { pass: &'a Pass, remarks: Vec<Reason> },
    /// May not leave; the most telling reason first, never empty.
    Refused { reasons: Vec<Reason> },
}

impl World<'_> {
    /// Whether `unit` may leave with `person`. `None` for the person is a door that saw no badge: there a pass for
    /// anybody will do, since the check-out already asked who.
    pub fn may_leave(&self, unit: &str, person: Option<u32>, way: Use) -> Ruling<'_> {
        let mut reasons = Vec::new();
        if self.reference.hold(unit).is_some() {
            reasons.push(Reason::OnHold);
        }
        // The pass that came furthest tells most: used up > not now > for another > none.
        let judged = self.reference.passes_of(unit).map(|pass| (self.judge(pass, unit, person, way), pass));
        let best = judged.min_by_key(|(fault, _)| rank(*fault));
        let pass = match best {
            Some((None, pass)) => Some(pass),
            Some((Some(fault), _)) => {
                reasons.push(fault);
                None
            }
            None => {
                reasons.push(Reason::NoPass);
                None
            }
        };
        let taker = person.or(pass.map(|pass| pass.person));
        if taker.is_some_and(|taker| self.lacks_certificate(taker, Act::CheckOut)) {
            reasons.push(Reason::NoCertificate);
        }
        match pass {
            Some(pass) if reasons.is_empty() => {
                let stale = self.now.data_stale(self.policy);
                Ruling::Released { pass, remarks: if stale { vec![Reason::DataStale] } else { Vec::new() } }
            }
            _ => Ruling::Refused { reasons },
        }
    }

    /// What keeps `pass` from being valid here and now; `None` when it is.
    fn judge(&self, pass: &Pass, unit: &str, person: Option<u32>, way: Use) -> Option<Reason> {
        if person.is_some_and(|person| person != pass.person) {
            return Some(Reason::PassForAnother);
        }
        if self.now.clock_unset() {
            return Some(Reason::ClockUnset);
        }
        if self.now.at < pass.from || pass.until <= self.now.at {
            return Some(Reason::PassNotValidNow);
        }
        self.remembered.used(way, &pass.number, unit).then_some(Reason::PassUsedUp)
    }

    /// Whether `act` asks for a certificate that `person` has not, or not any more.
    pub fn lacks_certificate(&self, person: u32, act: Act) -> bool {
        self.policy.certificate_for.contains(&act)
            && (self.now.clock_unset()
                || !self.reference.certificates().any(|certificate| {
                    certificate.person == person && certificate.act == act && self.now.at < certificate.until
                }))
    }
}

fn rank(fault: Option<Reason>) -> u8 {
    match fault {
        None => 0,
        Some(Reason::PassUsedUp) => 1,
        Some(Reason::PassNotValidNow | Reason::ClockUnset) => 2,
        Some(_) => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::records::{Certificate, Content, Hold, Name, Record};
    use crate::terminal::remembered::Mark;

    const NOW: Moment = Moment(1_795_000_000_000_000);
    const HOUR: Duration = Duration::from_secs(3600);

    fn pass(number: &str, person: u32, from: Moment, until: Moment) -> Content {
        Content::Pass(Pass {
            number: number.into(),
            units: vec!["R-1".into()],
            person,
            purpose: Name::default(),
            from,
            until,
            due: until,
            approved_by: 1,
        })
    }

    fn valid(person: u32) -> Content {
        pass("P-1", person, NOW, NOW.plus(HOUR))
    }

    /// Who leaves with R-1 on these records: `released P-1` or the reasons.
    fn ruling(
        records: Vec<Content>,
        marks: Vec<Mark>,
        person: Option<u32>,
        change: fn(&mut Policy, &mut Circumstances),
    ) -> String {
        let record = |content| Record { version: 1, withdrawn: false, since: NOW, content };
        let reference = Reference::of(records.into_iter().map(record));
        let remembered = Remembered::of(marks);
        let mut policy = Policy { certificate_for: Vec::new(), pass_data_max_age: 24 * HOUR };
        let mut now = Circumstances { at: NOW, data_age: Some(HOUR), clock_jumped: false };
        change(&mut policy, &mut now);
        let world = World { reference: &reference, remembered: &remembered, policy: &policy, now };
        let words = |reasons: &[Reason]| reasons.iter().map(|reason| reason.word()).collect::<Vec<_>>().join(" ");
        match world.may_leave("r-1", person, Use::CheckOut) {
            Ruling::Released { pass, remarks } => format!("released {} {}", pass.number, words(&remarks)).trim().into(),
            Ruling::Refused { reasons } => words(&reasons),
        }
    }

    #[test]
    fn what_may_leave() {
        let used = |way| Mark::Used { way, pass: "P-1".into(), unit: "r-1".into(), used: true };
        let hold = || Content::Hold(Hold { number: "H".into(), unit: "R-1".into(), reason: Name::default() });
        let card =
            |until| Content::Certificate(Certificate { number: "C".into(), person: 7, act: Act::CheckOut, until });
        let as_is: fn(&mut Policy, &mut Circumstances) = |_, _| ();
        let certificate: fn(&mut Policy, &mut Circumstances) = |policy, _| policy.certificate_for = vec![Act::CheckOut];
        for (name, records, marks, person, change, want) in [
            ("a pass for this thing, person and time", vec![valid(7)], vec![], Some(7), as_is, "released P-1"),
            ("the door asks nobody", vec![valid(7)], vec![], None, as_is, "released P-1"),
            ("no pass", vec![], vec![], Some(7), as_is, "no_pass"),
            ("someone else's pass", vec![valid(8)], vec![], Some(7), as_is, "pass_for_another"),
            (
                "not yet",
                vec![pass("P-1", 7, NOW.plus(HOUR), NOW.plus(2 * HOUR))],
                vec![],
                Some(7),
                as_is,
                "pass_not_valid_now",
            ),
            (
                "the end is not inside the window",
                vec![pass("P-1", 7, NOW.minus(HOUR), NOW)],
                vec![],
                Some(7),
                as_is,
                "pass_not_valid_now",
            ),
            ("used up here", vec![valid(7)], vec![used(Use::CheckOut)], Some(7), as_is, "pass_used_up"),
            (
                "the walk through the door is another use",
                vec![valid(7)],
                vec![used(Use::Passage)],
                Some(7),
                as_is,
                "released P-1",
            ),
            (
                "a second pass helps",
                vec![pass("P-0", 8, NOW, NOW.plus(HOUR)), valid(7)],
                vec![],
                Some(7),
                as_is,
                "released P-1",
            ),
            ("held, whatever the pass says", vec![valid(7), hold()], vec![], Some(7), as_is, "on_hold"),
            ("held and no pass", vec![hold()], vec![], Some(7), as_is, "on_hold no_pass"),
            ("no certificate", vec![valid(7)], vec![], Some(7), certificate, "no_certificate"),
            (
                "the taker on the pass needs it at the door too",
                vec![valid(8)],
                vec![],
                None,
                certificate,
                "no_certificate",
            ),
            ("a lapsed certificate", vec![valid(7), card(NOW)], vec![], Some(7), certificate, "no_certificate"),
            (
                "a running certificate",
                vec![valid(7), card(NOW.plus(HOUR))],
                vec![],
                Some(7),
                certificate,
                "released P-1",
            ),
            (
                "clock never set",
                vec![pass("P-1", 7, Moment(0), NOW)],
                vec![],
                Some(7),
                |_, now| now.at = Moment(5),
                "clock_unset",
            ),
            (
                "old data",
                vec![valid(7)],
                vec![],
                Some(7),
                |_, now| now.data_age = Some(25 * HOUR),
                "released P-1 data_stale",
            ),
            (
                "the server was never heard",
                vec![valid(7)],
                vec![],
                Some(7),
                |_, now| now.data_age = None,
                "released P-1 data_stale",
            ),
        ] {
            assert_eq!(ruling(records, marks, person, change), want, "{name}");
        }
    }
}
