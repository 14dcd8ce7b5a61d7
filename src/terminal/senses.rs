//! Which of the things that sensors say become lines: a weight at rest and a contact always, the air when it changed or time
//! went by. A sensor of the air speaks every few seconds, and a book is no chart recorder.

use std::collections::HashMap;
use std::time::Duration;

use crate::event::Sensed;

/// Changes of the air that are worth a line: what the usual sensors are accurate to.
const TEMPERATURE_STEP: u32 = 500;
const HUMIDITY_STEP: u32 = 3_000;
/// The air is noted this often when it does not change, so that the book shows that the sensor lived.
const AIR_EVERY: Duration = Duration::from_secs(15 * 60);

/// What of the air was noted last, by device.
#[derive(Debug, Default)]
pub struct Senses {
    air: HashMap<String, (Duration, Option<i32>, Option<i32>)>,
}

impl Senses {
    /// Whether `sensed` of `device` is to be written; `now` is the terminal's monotonic time.
    pub fn worth_a_line(&mut self, device: &str, sensed: &Sensed, now: Duration) -> bool {
        let &Sensed::Climate { temperature_millicelsius: warmth, humidity_millipercent: damp } = sensed else {
            return true;
        };
        let near = |one: Option<i32>, other: Option<i32>, step: u32| match (one, other) {
            (Some(one), Some(other)) => one.abs_diff(other) < step,
            (one, other) => one == other,
        };
        let known = self.air.get(device).is_some_and(|(at, noted_warmth, noted_damp)| {
            now.saturating_sub(*at) < AIR_EVERY
                && near(*noted_warmth, warmth, TEMPERATURE_STEP)
                && near(*noted_damp, damp, HUMIDITY_STEP)
        });
        if !known {
            self.air.insert(device.to_owned(), (now, warmth, damp));
        }
        !known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_air_is_noted_when_it_changes_or_time_goes_by() {
        let mut senses = Senses::default();
        let air = |warmth, damp| Sensed::Climate {
            temperature_millicelsius: Some(warmth),
            humidity_millipercent: Some(damp),
        };
        let seconds = Duration::from_secs;
        for (at, device, sensed, noted) in [
            (0, "a", air(21_000, 45_000), true),
            (5, "a", air(21_400, 46_000), false),
            (10, "a", air(21_500, 46_000), true),
            (12, "b", air(21_500, 46_000), true),
            (15, "a", air(21_400, 49_000), true),
            (900, "a", air(21_400, 49_000), false),
            (915, "a", air(21_400, 49_000), true),
        ] {
            assert_eq!(senses.worth_a_line(device, &sensed, seconds(at)), noted, "{device} at {at} s");
        }
        let contact = Sensed::Contact { line: 1, closed: true };
        assert!(senses.worth_a_line("c", &contact, seconds(0)) && senses.worth_a_line("c", &contact, seconds(0)));
    }
}
