//! For which thing a code stands, from everything that was ever said about it.
//!
//! Pure, and the same for every order in which the sayings become known: terminal and server fold the same events. What
//! was said first stands. A second claim while the first holds is kept beside it and never written over it: a person, or
//! the release of the first, decides. A code that was replaced by another on its thing goes on pointing to that thing
//! until it is bound anew; one that was only taken off points to nothing.

use crate::quantity::Moment;

/// What one line says about one code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Bound {
        unit: String,
    },
    Released {
        unit: String,
        /// The same line bound another code to the unit.
        replaced: bool,
    },
    /// A person's decision: it holds over everything said before its moment. `None` when the code stands for nothing.
    Decided {
        unit: Option<String>,
    },
}

/// A saying with its place in the history. `by` names the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<K> {
    pub at: Moment,
    pub by: K,
    pub said: Said,
}

/// One claim of a unit on the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim<K> {
    pub unit: String,
    pub since: Moment,
    pub by: K,
    pub until: Option<Moment>,
    /// From when it was in force; `None` while, or because, another held the code.
    pub in_force: Option<Moment>,
    /// When it was made the code stood for another unit.
    pub clashed: bool,
    /// Another code took its place.
    pub replaced: bool,
}

/// A time in which the code pointed to one unit; spans of one code never overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub unit: String,
    pub since: Moment,
    pub until: Option<Moment>,
}

/// The history of one code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History<K> {
    /// As they were made.
    pub claims: Vec<Claim<K>>,
    /// By time.
    pub spans: Vec<Span>,
}

impl<K> History<K> {
    /// What the code points to now, and whether it was replaced there by another.
    pub fn now(&self) -> Option<(&str, bool)> {
        let unit = self.spans.last().filter(|span| span.until.is_none()).map(|span| span.unit.as_str())?;
        let in_force = self.claims.iter().any(|claim| claim.in_force.is_some() && claim.until.is_none());
        Some((unit, !in_force))
    }
}

/// Folds everything that was said about one code, in any order.
pub fn fold<K: Ord + Clone>(mut events: Vec<Event<K>>) -> History<K> {
    // A decision is about what was said until its moment, so it comes after it.
    let decided = |said: &Said| matches!(said, Said::Decided { .. });
    events.sort_by(|a, b| (a.at, decided(&a.said), &a.by).cmp(&(b.at, decided(&b.said), &b.by)));
    let mut fold = Fold { claims: Vec::new(), spans: Vec::new(), holder: None };
    for event in events {
        fold.take(event);
    }
    History { claims: fold.claims, spans: fold.spans }
}

struct Fold<K> {
    claims: Vec<Claim<K>>,
    spans: Vec<Span>,
    /// The claim in force.
    holder: Option<usize>,
}

impl<K: Clone> Fold<K> {
    fn take(&mut self, event: Event<K>) {
        let Event { at, by, said } = event;
        match said {
            Said::Bound { unit } => self.bind(unit, at, by),
            Said::Released { unit, replaced } => self.release(&unit, at, replaced),
            Said::Decided { unit } => self.decide(unit, at, by),
        }
    }

    fn bind(&mut self, unit: String, at: Moment, by: K) {
        // Said once more, it is no news.
        if self.claims.iter().any(|claim| claim.until.is_none() && claim.unit == unit) {
            return;
        }
        let clashed = self.holder.is_some();
        let in_force = (!clashed).then_some(at);
        if !clashed {
            self.holder = Some(self.claims.len());
            self.point_to(Some(unit.clone()), at);
        }
        self.claims.push(Claim { unit, since: at, by, until: None, in_force, clashed, replaced: false });
    }

    fn release(&mut self, unit: &str, at: Moment, replaced: bool) {
        let open = |claim: &Claim<K>| claim.until.is_none() && claim.unit == unit;
        let Some(which) = self.claims.iter().position(open) else { return };
        if let Some(claim) = self.claims.get_mut(which) {
            (claim.until, claim.replaced) = (Some(at), replaced);
        }
        if self.holder != Some(which) {
            return;
        }
        self.holder = self.claims.iter().position(|claim| claim.until.is_none());
        match self.holder.and_then(|next| self.claims.get_mut(next)) {
            Some(next) => {
                next.in_force = Some(at);
                let unit = next.unit.clone();
                self.point_to(Some(unit), at);
            }
            None if replaced => (),
            None => self.point_to(None, at),
        }
    }

    fn decide(&mut self, unit: Option<String>, at: Moment, by: K) {
        let holds = self.holder.and_then(|holder| self.claims.get(holder)).map(|claim| claim.unit.clone());
        let stays = holds.is_some() && holds == unit;
        for (which, claim) in self.claims.iter_mut().enumerate() {
            if claim.until.is_none() && !(stays && self.holder == Some(which)) {
                claim.until = Some(at);
            }
        }
        if stays {
            return;
        }
        self.holder = None;
        self.point_to(unit.clone(), at);
        if let Some(unit) = unit {
            self.holder = Some(self.claims.len());
            let in_force = Some(at);
            self.claims.push(Claim { unit, since: at, by, until: None, in_force, clashed: false, replaced: false });
        }
    }

    fn point_to(&mut self, unit: Option<String>, at: Moment) {
        if let Some(last) = self.spans.last_mut()
            && last.until.is_none()
        {
            last.until = Some(at);
        }
        // What began and ended in one moment never was.
        if self.spans.last().is_some_and(|last| last.until == Some(last.since)) {
            self.spans.pop();
        }
        if let Some(unit) = unit {
            self.spans.push(Span { unit, since: at, until: None });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bound(at: i64, by: u32, unit: &str) -> Event<u32> {
        Event { at: Moment(at), by, said: Said::Bound { unit: unit.into() } }
    }

    fn released(at: i64, by: u32, unit: &str, replaced: bool) -> Event<u32> {
        Event { at: Moment(at), by, said: Said::Released { unit: unit.into(), replaced } }
    }

    fn decided(at: i64, by: u32, unit: Option<&str>) -> Event<u32> {
        Event { at: Moment(at), by, said: Said::Decided { unit: unit.map(str::to_owned) } }
    }

    /// Spans as `A 1-4`, claims that clashed as `!B 2`, and what the code points to now; `~` when it was replaced.
    fn told(events: Vec<Event<u32>>) -> String {
        let history = fold(events);
        let end = |until: Option<Moment>| until.map_or_else(String::new, |until| until.0.to_string());
        let mut words: Vec<String> =
            history.spans.iter().map(|span| format!("{} {}-{}", span.unit, span.since.0, end(span.until))).collect();
        let clashed = history.claims.iter().filter(|claim| claim.clashed);
        words.extend(clashed.map(|claim| format!("!{} {}-{}", claim.unit, claim.since.0, end(claim.until))));
        if let Some((unit, replaced)) = history.now() {
            words.push(format!("{}{unit}", if replaced { "~" } else { "=" }));
        }
        words.join(", ")
    }

    #[test]
    fn what_a_code_stands_for() {
        for (name, events, want) in [
            ("bound", vec![bound(1, 1, "A")], "A 1-, =A"),
            ("said twice", vec![bound(1, 1, "A"), bound(2, 2, "A")], "A 1-, =A"),
            ("taken off", vec![bound(1, 1, "A"), released(3, 2, "A", false)], "A 1-3"),
            ("replaced, it still points there", vec![bound(1, 1, "A"), released(3, 2, "A", true)], "A 1-, ~A"),
            (
                "replaced and bound anew",
                vec![bound(1, 1, "A"), released(3, 2, "A", true), bound(5, 3, "B")],
                "A 1-5, B 5-, =B",
            ),
            ("two claims: the earlier stands", vec![bound(2, 2, "B"), bound(1, 1, "A")], "A 1-, !B 2-, =A"),
            (
                "the second comes into force when the first lets go",
                vec![bound(1, 1, "A"), bound(2, 2, "B"), released(4, 3, "A", true)],
                "A 1-4, B 4-, !B 2-, =B",
            ),
            (
                "the second lets go",
                vec![bound(1, 1, "A"), bound(2, 2, "B"), released(4, 3, "B", false)],
                "A 1-, !B 2-4, =A",
            ),
            (
                "a person decides for the second",
                vec![bound(1, 1, "A"), bound(2, 2, "B"), decided(2, 9, Some("B"))],
                "A 1-2, B 2-, !B 2-2, =B",
            ),
            (
                "a person decides for the first",
                vec![bound(1, 1, "A"), bound(2, 2, "B"), decided(5, 9, Some("A"))],
                "A 1-, !B 2-5, =A",
            ),
            (
                "a person decides for neither",
                vec![bound(1, 1, "A"), bound(2, 2, "B"), decided(5, 9, None)],
                "A 1-5, !B 2-5",
            ),
            ("one moment", vec![bound(1, 1, "A"), released(1, 2, "A", false)], ""),
            ("nothing was bound", vec![released(1, 2, "A", false)], ""),
        ] {
            assert_eq!(told(events), want, "{name}");
        }
    }

    fn any_event() -> impl Strategy<Value = Event<u32>> {
        let unit = || prop_oneof![Just("A"), Just("B"), Just("C")];
        let said = prop_oneof![
            4 => unit().prop_map(|unit| Said::Bound { unit: unit.into() }),
            3 => (unit(), any::<bool>()).prop_map(|(unit, replaced)| Said::Released { unit: unit.into(), replaced }),
            1 => proptest::option::of(unit()).prop_map(|unit| Said::Decided { unit: unit.map(str::to_owned) }),
        ];
        (0_i64..12, said).prop_map(|(at, said)| Event { at: Moment(at), by: 0, said })
    }

    proptest! {
        #[test]
        fn any_order_gives_one_history(
            (events, shuffled) in proptest::collection::vec(any_event(), 0..20).prop_map(|mut events| {
                (1..).zip(&mut events).for_each(|(by, event)| event.by = by);
                events
            }).prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle()))
        ) {
            let history = fold(events);
            prop_assert_eq!(&history, &fold(shuffled));
            for pair in history.spans.windows(2) {
                prop_assert!(pair[0].until.is_some_and(|until| until <= pair[1].since), "{:?}", history.spans);
            }
            for span in &history.spans {
                prop_assert!(span.until.is_none_or(|until| span.since < until));
            }
            let in_force = history.claims.iter().filter(|claim| claim.in_force.is_some() && claim.until.is_none());
            prop_assert!(in_force.count() <= 1, "{:?}", history.claims);
        }
    }
}
