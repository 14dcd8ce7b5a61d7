//! How often a wrong password may be tried: few times for one name from one address, more for an address or a name alone.
//!
//! Kept in memory: a restart forgives, and each replica counts for itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::quantity::Moment;

/// Failures are forgotten after this long.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Most counters kept. When a flood of names fills them, the oldest goes first.
const COUNTERS_MAX: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Counter {
    Both { name: String, address: String },
    Address(String),
    Name(String),
}

impl Counter {
    /// A name alone has a high limit, or a stranger could lock a person out by trying.
    fn limit(&self) -> u32 {
        match self {
            Counter::Both { .. } => 5,
            Counter::Address(_) => 30,
            Counter::Name(_) => 60,
        }
    }
}

#[derive(Debug, Default)]
pub struct Throttle {
    failures: Mutex<HashMap<Counter, (u32, Moment)>>,
}

impl Throttle {
    /// How long to wait before the next try, `None` when it may be now.
    pub fn wait(&self, name: &str, address: &str, at: Moment) -> Option<Duration> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        counters(name, address)
            .into_iter()
            .filter_map(|counter| {
                let &(count, since) = failures.get(&counter)?;
                let over = since.plus(WINDOW);
                (counter.limit() <= count && at < over).then(|| over.since(at))
            })
            .max()
    }

    /// A wrong password, or a name that does not exist.
    pub fn failed(&self, name: &str, address: &str, at: Moment) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for counter in counters(name, address) {
            if COUNTERS_MAX <= failures.len() && !failures.contains_key(&counter) {
                failures.retain(|_, (_, since)| at < since.plus(WINDOW));
            }
            if COUNTERS_MAX <= failures.len() && !failures.contains_key(&counter) {
                let oldest = failures.iter().min_by_key(|(_, (_, since))| *since).map(|(counter, _)| counter.clone());
                oldest.and_then(|oldest| failures.remove(&oldest));
            }
            let (count, since) = failures.entry(counter).or_insert((0, at));
            if since.plus(WINDOW) <= at {
                (*count, *since) = (0, at);
            }
            *count = count.saturating_add(1);
        }
    }

    /// The right password: this name from this address starts afresh.
    pub fn succeeded(&self, name: &str, address: &str) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.remove(&Counter::Both { name: name.to_lowercase(), address: address.to_owned() });
    }
}

fn counters(name: &str, address: &str) -> [Counter; 3] {
    // The first 64 characters: a login has no longer name, and a counter no longer key.
    let name: String = name.to_lowercase().chars().take(64).collect();
    let address = address.to_owned();
    [Counter::Both { name: name.clone(), address: address.clone() }, Counter::Address(address), Counter::Name(name)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(1_795_000_000_000_000);

    #[test]
    fn guessing_is_slow_and_does_not_lock_others_out() {
        let throttle = Throttle::default();
        for _ in 0..5 {
            assert_eq!(throttle.wait("chen", "10.0.0.9", NOW), None);
            throttle.failed("chen", "10.0.0.9", NOW);
        }
        assert_eq!(throttle.wait("CHEN", "10.0.0.9", NOW), Some(WINDOW));
        assert_eq!(throttle.wait("chen", "10.0.0.10", NOW), None, "the person at another place may come in");
        assert_eq!(throttle.wait("chen", "10.0.0.9", NOW.plus(WINDOW)), None, "it passes");
        for guess in 0..30 {
            throttle.failed(&format!("name-{guess}"), "10.0.0.9", NOW);
        }
        assert!(throttle.wait("someone else", "10.0.0.9", NOW).is_some(), "an address that tries many names");
    }

    #[test]
    fn a_flood_of_names_stays_within_its_memory() {
        let throttle = Throttle::default();
        for guess in 0..2 * COUNTERS_MAX as i64 / 3 {
            throttle.failed(&format!("name-{guess}"), &format!("address-{guess}"), Moment(NOW.0 + guess));
        }
        assert_eq!(throttle.failures.lock().unwrap().len(), COUNTERS_MAX);
    }
}
