//! When a ROSpec of the simulated reader starts and ends, and when its inventory does.

use std::time::Duration;

use super::{Make, Refusal};
use crate::llrp::message::Parameter;

/// The longest that one inventory round takes.
const ROUND_MAX: Duration = Duration::from_millis(40);

/// How a ROSpec starts.
pub(super) struct Starts {
    pub immediate: bool,
    pub by: Option<(u16, bool)>,
}

impl Starts {
    pub(super) fn accept(start: &Parameter, make: Make) -> Result<Starts, Refusal> {
        match start.number("ROSpecStartTriggerType") {
            Some(0) => Ok(Starts { immediate: false, by: None }),
            Some(1) => Ok(Starts { immediate: true, by: None }),
            Some(3) if !make.refuses.start_by_input => {
                Ok(Starts { immediate: false, by: Some(input_of(start, make)?) })
            }
            _ => Err(Refusal { code: 209, text: "unsupported StartTrigger" }),
        }
    }
}

/// How a ROSpec ends.
pub(super) struct Stops {
    pub after: Option<Duration>,
    pub by: Option<(u16, bool)>,
}

impl Stops {
    pub(super) fn accept(stop: &Parameter, make: Make) -> Result<Stops, Refusal> {
        let millis = |count: Option<u64>| count.filter(|count| *count != 0).map(Duration::from_millis);
        match stop.number("ROSpecStopTriggerType") {
            Some(0) => Ok(Stops { after: None, by: None }),
            Some(1) if !make.refuses.stop_by_time => {
                Ok(Stops { after: millis(stop.number("DurationTriggerValue")), by: None })
            }
            Some(2) if !make.refuses.stop_by_input => {
                let timeout = stop.find("GPITriggerValue").and_then(|input| input.number("Timeout"));
                Ok(Stops { after: millis(timeout), by: Some(input_of(stop, make)?) })
            }
            _ => Err(Refusal { code: 209, text: "unsupported StopTrigger" }),
        }
    }
}

/// Input and level of a trigger.
fn input_of(trigger: &Parameter, make: Make) -> Result<(u16, bool), Refusal> {
    let missing = Refusal { code: 103, text: "the trigger lacks its GPITriggerValue" };
    let input = trigger.find("GPITriggerValue").ok_or(missing)?;
    let line = input.number("GPIPortNum").unwrap_or_default() as u16;
    match (1..=make.inputs).contains(&line) {
        true => Ok((line, input.number("GPIEvent") == Some(1))),
        false => Err(Refusal { code: 301, text: "the reader has no such input" }),
    }
}

/// When an AISpec ends.
#[derive(Clone, Debug)]
pub(super) struct InventoryEnd {
    after: Option<Duration>,
    reads: Option<u64>,
    began: Duration,
    seen: u64,
}

impl InventoryEnd {
    pub(super) fn accept(stop: &Parameter) -> Result<InventoryEnd, Refusal> {
        let never = InventoryEnd { after: None, reads: None, began: Duration::ZERO, seen: 0 };
        let observation = stop.find("TagObservationTrigger");
        match (stop.number("AISpecStopTriggerType"), observation) {
            (Some(0), _) => Ok(never),
            (Some(1), _) => {
                Ok(InventoryEnd { after: stop.number("DurationTrigger").map(Duration::from_millis), ..never })
            }
            (Some(3), Some(trigger)) if trigger.number("TriggerType") == Some(0) => {
                let timeout = trigger.number("Timeout").filter(|timeout| *timeout != 0);
                Ok(InventoryEnd {
                    after: timeout.map(Duration::from_millis),
                    reads: trigger.number("NumberOfTags").filter(|tags| *tags != 0),
                    ..never
                })
            }
            // So many attempts to see all tags: so many rounds, as far as there is time.
            (Some(3), Some(trigger)) if trigger.number("TriggerType") == Some(2) => {
                let attempts = trigger.number("NumberOfAttempts").unwrap_or_default() as u32;
                let timeout = trigger.number("Timeout").filter(|timeout| *timeout != 0).map(Duration::from_millis);
                let after = timeout.map_or(ROUND_MAX * attempts, |timeout| timeout.min(ROUND_MAX * attempts));
                Ok(InventoryEnd { after: Some(after), ..never })
            }
            _ => Err(Refusal { code: 209, text: "an AISpec stops by duration, attempts or a number of tags" }),
        }
    }

    /// A new inventory begins.
    pub(super) fn begin(&mut self, now: Duration) {
        (self.began, self.seen) = (now, 0);
    }

    /// Counts one more read.
    pub(super) fn count(&mut self) {
        self.seen += 1;
    }

    pub(super) fn reached(&self, now: Duration) -> bool {
        self.after.is_some_and(|after| self.began + after <= now) || self.reads.is_some_and(|reads| reads <= self.seen)
    }
}
