//! For which unit a code stands, from what the server sent and what this terminal wrote and the server has not sent back
//! yet.

use std::collections::{HashMap, HashSet};

use crate::event::LineRef;
use crate::numbers::bindings::{Event, History, Said, fold};
use crate::quantity::Moment;
use crate::sync::records::Relabelled;

/// Who said something about a code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// A line that the server has.
    Line(LineRef),
    /// A line of this terminal that it has not, by the unit and the codes it names.
    Here(String),
    /// A person at the server.
    Decision,
}

/// What was said about every code.
#[derive(Debug, Default)]
pub struct Codes {
    said: HashMap<String, Vec<Event<By>>>,
    /// What each code points to now, and whether it was replaced there.
    now: HashMap<String, (String, bool)>,
    /// Codes that point to a unit, by the unit as it was written.
    of_unit: HashMap<String, HashSet<String>>,
}

impl Codes {
    /// A person decided for what `code` stands; `None` when for nothing. Replaces the decision before it.
    pub fn decide(&mut self, code: &str, unit: Option<String>, at: Moment) {
        self.forget(code, &By::Decision);
        self.say(code, Event { at, by: By::Decision, said: Said::Decided { unit } });
    }

    /// Takes in what a line said, or forgets it when it was `withdrawn`.
    pub fn relabel(&mut self, said: &Relabelled, at: Moment, withdrawn: bool) {
        self.change(&By::Line(said.line), &said.unit, (&said.bind, &said.release), at, withdrawn);
    }

    /// The same for a line of this terminal that the server has not yet.
    pub fn relabel_here(&mut self, unit: &str, bind: &[String], release: &[String], at: Moment, withdrawn: bool) {
        let by = By::Here(format!("{unit}\n{}\n{}", bind.join("\n"), release.join("\n")));
        self.change(&by, unit, (bind, release), at, withdrawn);
    }

    fn change(&mut self, by: &By, unit: &str, (bind, release): (&[String], &[String]), at: Moment, withdrawn: bool) {
        let replaced = !bind.is_empty();
        let bound = bind.iter().map(|code| (code, Said::Bound { unit: unit.to_owned() }));
        let released = release.iter().filter(|code| !bind.contains(code));
        let released = released.map(|code| (code, Said::Released { unit: unit.to_owned(), replaced }));
        for (code, said) in bound.chain(released).collect::<Vec<_>>() {
            self.forget(code, by);
            if !withdrawn {
                self.say(code, Event { at, by: by.clone(), said });
            }
        }
    }

    /// Whether a line that the server has said just this.
    pub fn has_line(&self, unit: &str, bind: &[String], release: &[String]) -> bool {
        let replaced = !bind.is_empty();
        let lines = |code: &String, said: &Said| -> HashSet<LineRef> {
            let events = self.said.get(code).into_iter().flatten().filter(|event| event.said == *said);
            events.filter_map(|event| if let By::Line(line) = &event.by { Some(*line) } else { None }).collect()
        };
        let bound = bind.iter().map(|code| lines(code, &Said::Bound { unit: unit.to_owned() }));
        let released = release.iter().filter(|code| !bind.contains(code));
        let released = released.map(|code| lines(code, &Said::Released { unit: unit.to_owned(), replaced }));
        let all = bound.chain(released).reduce(|one, other| &one & &other);
        all.is_some_and(|lines| !lines.is_empty())
    }

    fn say(&mut self, code: &str, event: Event<By>) {
        self.said.entry(code.to_owned()).or_default().push(event);
        self.settle(code);
    }

    fn forget(&mut self, code: &str, by: &By) {
        if let Some(events) = self.said.get_mut(code) {
            events.retain(|event| event.by != *by);
            self.settle(code);
        }
    }

    fn settle(&mut self, code: &str) {
        if let Some((unit, _)) = self.now.remove(code)
            && let Some(codes) = self.of_unit.get_mut(&unit)
        {
            codes.remove(code);
        }
        let history: History<By> = fold(self.said.get(code).cloned().unwrap_or_default());
        if let Some((unit, replaced)) = history.now() {
            self.now.insert(code.to_owned(), (unit.to_owned(), replaced));
            self.of_unit.entry(unit.to_owned()).or_default().insert(code.to_owned());
        }
    }

    /// The number of the unit that `code` points to.
    pub fn unit(&self, code: &str) -> Option<&str> {
        self.now.get(code).map(|(unit, _)| unit.as_str())
    }

    /// Whether another code took the place of this one on its unit.
    pub fn is_replaced(&self, code: &str) -> bool {
        self.now.get(code).is_some_and(|(_, replaced)| *replaced)
    }

    /// Codes that stand for `unit` and were not replaced, by code.
    pub fn of(&self, unit: &str) -> Vec<&str> {
        let codes = self.of_unit.get(unit).into_iter().flatten().map(String::as_str);
        let mut codes: Vec<&str> = codes.filter(|code| !self.is_replaced(code)).collect();
        codes.sort_unstable();
        codes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::Hex;

    #[test]
    fn what_the_server_sends_back_takes_the_place_of_what_was_written_here() {
        let mut codes = Codes::default();
        let text = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
        codes.decide("tag/aa", Some("R-1".into()), Moment(1));
        codes.relabel_here("R-1", &text(&["tag/bb"]), &text(&["tag/aa"]), Moment(5), false);
        assert_eq!((codes.unit("tag/aa"), codes.is_replaced("tag/aa")), (Some("R-1"), true));
        assert_eq!(codes.of("R-1"), ["tag/bb"]);
        let line = LineRef { terminal: 3, epoch: Hex([1; 16]), seq: 9 };
        let said = Relabelled { line, unit: "R-1".into(), bind: text(&["tag/bb"]), release: text(&["tag/aa"]) };
        codes.relabel(&said, Moment(6), false);
        codes.relabel_here("R-1", &said.bind, &said.release, Moment(0), true);
        assert_eq!((codes.of("R-1"), codes.is_replaced("tag/aa")), (vec!["tag/bb"], true));
        codes.relabel(&said, Moment(6), true);
        assert_eq!((codes.of("R-1"), codes.unit("tag/bb")), (vec!["tag/aa"], None));
        codes.decide("tag/aa", None, Moment(8));
        assert_eq!(codes.unit("tag/aa"), None);
    }
}
