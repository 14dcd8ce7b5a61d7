//! The next number that this terminal may give, with or without a network.
//!
//! The counters come from leases of the server for this very book. When none is left the terminal counts by itself, in
//! numbers of another form. Whoever writes the line writes [`Next::mark`] with it, so that no number is given twice.

use std::collections::BTreeMap;

use crate::ledger::chain::BookId;
use crate::numbers::{self, Purpose};
use crate::sync::records::{Lease, Series};
use crate::terminal::remembered::{Mark, Remembered};

/// Counters that are passed over in a row; the check character never asks for more than two.
const PASSED_OVER_MAX: u64 = 8;

/// Series and leases of this terminal's book.
#[derive(Debug, Default)]
pub struct Numbering {
    book: Option<BookId>,
    series: BTreeMap<String, Series>,
    /// The same, as they read a text.
    readers: Vec<numbers::Series>,
    /// Last counter by series and first one.
    leases: BTreeMap<(String, u64), u64>,
}

/// A number that may be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    pub series: String,
    pub number: String,
    /// Says that it was given.
    pub mark: Mark,
}

impl Numbering {
    pub fn of(book: BookId) -> Numbering {
        Numbering { book: Some(book), ..Numbering::default() }
    }

    pub fn put_series(&mut self, series: Series) {
        self.series.insert(series.numbers.code.clone(), series);
        self.readers = self.series.values().map(|series| series.numbers.clone()).collect();
    }

    pub fn remove_series(&mut self, code: &str) {
        self.series.remove(code);
        self.readers = self.series.values().map(|series| series.numbers.clone()).collect();
    }

    pub fn put_lease(&mut self, lease: &Lease) {
        if self.book == Some(BookId { terminal: lease.terminal, epoch: lease.epoch }) {
            self.leases.insert((lease.series.clone(), lease.first), lease.last);
        }
    }

    pub fn remove_lease(&mut self, lease: &Lease) {
        self.leases.remove(&(lease.series.clone(), lease.first));
    }

    /// The series that texts are read by.
    pub fn readers(&self) -> &[numbers::Series] {
        &self.readers
    }

    /// Leased counters that were not given yet, by series; nothing of a series that only the server gives.
    pub fn left(&self, remembered: &Remembered) -> BTreeMap<String, u64> {
        let mut left = BTreeMap::new();
        for ((series, first), last) in &self.leases {
            let next = (*first).max(remembered.given(series, false) + 1);
            *left.entry(series.clone()).or_default() += (last + 1).saturating_sub(next);
        }
        left
    }

    /// The next number for this purpose; `None` while no series of it has come down.
    pub fn next(&self, purpose: Purpose, remembered: &Remembered) -> Option<Next> {
        let series = &self.series.values().find(|series| series.numbers.purpose == purpose)?.numbers;
        let given = remembered.given(&series.code, false);
        let leased = self
            .leases
            .range((series.code.clone(), 0)..)
            .take_while(|((code, _), _)| *code == series.code)
            .flat_map(|((_, first), last)| (*first).max(given + 1)..=*last)
            .find_map(|counter| Some((counter, series.number(counter)?)));
        let (counter, number, own) = match leased {
            Some((counter, number)) => (counter, number, false),
            None => {
                let book = self.book?;
                let after = remembered.given(&series.code, true) + 1;
                let number = |counter| Some((counter, series.own_number(book.terminal, &book.epoch.0, counter)?));
                let (counter, number) = (after..after + PASSED_OVER_MAX).find_map(number)?;
                (counter, number, true)
            }
        };
        let mark = Mark::Given { series: series.code.clone(), own, counter };
        Some(Next { series: series.code.clone(), number, mark })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::hex::Hex;
    use crate::sync::records::Name;

    fn series(code: &str) -> Series {
        let numbers = numbers::Series { code: code.into(), prefix: "S".into(), width: 7, purpose: Purpose::Sample };
        Series { numbers, name: Name::default(), block: 50 }
    }

    fn lease(book: BookId, first: u64, last: u64) -> Lease {
        let BookId { terminal, epoch } = book;
        Lease { series: "sample".into(), terminal, epoch, first, last, by: Hex([0; 16]) }
    }

    /// Gives `count` numbers, as the shell does: the mark first, then the next.
    fn give(numbering: &Numbering, remembered: &mut Remembered, count: usize) -> Vec<String> {
        let mut given = Vec::new();
        for _ in 0..count {
            let next = numbering.next(Purpose::Sample, remembered).expect("there is always a number");
            remembered.take(next.mark);
            given.push(next.number);
        }
        given
    }

    #[test]
    fn numbers_come_from_the_leases_and_then_from_the_terminal_itself() {
        let book = BookId { terminal: 7, epoch: Hex([0xab; 16]) };
        let mut numbering = Numbering::of(book);
        let mut remembered = Remembered::default();
        assert_eq!(numbering.next(Purpose::Sample, &remembered), None, "no series came down");
        numbering.put_series(series("sample"));
        assert_eq!(numbering.next(Purpose::Tray, &remembered), None);
        let alone = give(&numbering, &mut remembered, 60);
        assert!(alone.iter().all(|number| number.starts_with("S-T7-")), "{alone:?}");
        // Another book's counters are not ours.
        numbering.put_lease(&lease(BookId { terminal: 7, epoch: Hex([1; 16]) }, 1, 100));
        numbering.put_lease(&lease(book, 301, 400));
        numbering.put_lease(&lease(book, 101, 200));
        assert_eq!(numbering.left(&remembered), [("sample".to_owned(), 200)].into());
        let leased = give(&numbering, &mut remembered, 150);
        let counters: Vec<u64> = leased.iter().filter_map(|number| numbers::leased_counter(number)).collect();
        assert!(counters.is_sorted() && counters.len() == 150, "{counters:?}");
        assert!(counters.iter().all(|counter| (101..=200).contains(counter) || (301..=400).contains(counter)));
        let rest = give(&numbering, &mut remembered, 100);
        let all: BTreeSet<&String> = alone.iter().chain(&leased).chain(&rest).collect();
        assert_eq!(all.len(), 310, "a number was given twice");
        assert!(rest.last().is_some_and(|number| number.starts_with("S-T7-")));
    }
}
