//! What the terminal does next, decided from what it has and what the server said. No network, clock or random number.

use std::time::Duration;

use crate::hex::Hex;
use crate::quantity::Moment;

/// A book of this terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    /// First line still kept; `last + 1` in an empty book.
    pub first: u64,
    pub last: u64,
    /// Last line with a receipt of the server.
    pub acknowledged: u64,
    /// Number of the last seal.
    pub seals: u64,
}

/// Where the server stands with that book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The line that it wants next.
    pub next: u64,
    /// Hash of the one before.
    pub head: Hex<32>,
    /// The seal that it wants next.
    pub next_seal: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send lines from here.
    Send {
        from: u64,
    },
    /// Send a batch without lines: seals are due, or the receipt for the last lines got lost.
    Confirm,
    /// The server has everything.
    Rest,
    Broken(Broken),
}

/// Why nothing can be sent. The lines are kept; a person must look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error(
        "line {at} of this terminal is not the line {at} that the server has: two terminals run with one identity, or a \
         book was altered; all lines are kept here, enrol this terminal anew and run `gatebook verify` on both sides"
    )]
    Forked { at: u64 },
    #[error(
        "the server has {server} lines of this book, the terminal only {own}: the book's file was put back from a copy; \
         move it aside and start the terminal, it begins a new book and the server keeps all lines"
    )]
    PutBack { server: u64, own: u64 },
    #[error(
        "the server wants line {wanted}, the oldest that is kept here is {first}: the server was restored from a backup \
         older than keep_days; restore a newer backup of the server, or accept the gap there"
    )]
    Gap { wanted: u64, first: u64 },
}

/// What to do, with `before_next` the own hash of the line before the one that the server wants, where it is still known.
pub fn step(own: &Own, before_next: Option<Hex<32>>, server: &Standing) -> Step {
    let stored = server.next.saturating_sub(1);
    if own.last < stored {
        return Step::Broken(Broken::PutBack { server: stored, own: own.last });
    }
    if before_next.is_some_and(|hash| hash != server.head) {
        return Step::Broken(Broken::Forked { at: stored });
    }
    if server.next < own.first && server.next <= own.last {
        return Step::Broken(Broken::Gap { wanted: server.next, first: own.first });
    }
    if server.next <= own.last {
        return Step::Send { from: server.next };
    }
    if server.next_seal <= own.seals || own.acknowledged < own.last {
        return Step::Confirm;
    }
    Step::Rest
}

/// How many lines go into a batch: more after each success, half after each failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    lines: usize,
    most: usize,
}

impl Pace {
    /// Where the pace begins and how fast it grows: small enough for a slow radio, 1,000 after ten good batches.
    const STEP: usize = 100;

    pub fn new(most: usize) -> Pace {
        Pace { lines: Pace::STEP.min(most.max(1)), most: most.max(1) }
    }

    pub fn lines(&self) -> usize {
        self.lines
    }

    /// The server takes at most so many.
    pub fn limit(&mut self, most: usize) {
        self.most = most.max(1);
        self.lines = self.lines.min(self.most);
    }

    pub fn succeeded(&mut self) {
        self.lines = (self.lines + Pace::STEP).min(self.most);
    }

    /// A batch of `lines` lines failed.
    pub fn failed_at(&mut self, lines: usize) {
        self.lines = (self.lines.min(lines) / 2).max(1);
    }
}

/// Longest wait between two tries.
pub const WAIT_MAX: Duration = Duration::from_secs(300);
/// In the first minute of an outage a try is never further away than this, so that a short cut heals quickly.
const WAIT_EARLY_MAX: Duration = Duration::from_secs(5);
const EARLY: Duration = Duration::from_secs(60);

/// How long to wait after `failures` tries in a row (from 1) in an outage of this length. `chance` is drawn from 0 to 1
/// (full jitter: a hundred doors must not come back in one moment). What the server asked for is the least.
pub fn wait(failures: u32, outage: Duration, asked: Option<Duration>, chance: f64) -> Duration {
    let doubled =
        Duration::from_secs(1).saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    let most = doubled.min(if outage < EARLY { WAIT_EARLY_MAX } else { WAIT_MAX });
    let drawn = most.mul_f64(chance.clamp(0.0, 1.0));
    match asked {
        Some(asked) => asked.min(WAIT_MAX) + drawn,
        None => drawn,
    }
}

/// Central time minus terminal time with its error bar, both in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    pub offset_us: i64,
    pub error_us: i64,
}

/// A change below this is not worth a line, in microseconds: clocks drift, and nobody is judged by half a second.
const OFFSET_STEP_US: i64 = 500_000;

impl Offset {
    /// From one exchange: sent at `sent` by the terminal's clock, answered after `took`, with the server's clock at receipt
    /// and answer. The midpoint is the best guess (RFC 5905, section 8); half of the time on the way is its error.
    pub fn measured(sent: Moment, took: Duration, received: Moment, answered: Moment) -> Offset {
        let back = sent.plus(took);
        let there = i128::from(received.0) - i128::from(sent.0);
        let home = i128::from(answered.0) - i128::from(back.0);
        let on_the_way = took.saturating_sub(answered.since(received)).as_micros() / 2;
        Offset {
            offset_us: i64::try_from((there + home) / 2).unwrap_or(if there < 0 { i64::MIN } else { i64::MAX }),
            error_us: i64::try_from(on_the_way).unwrap_or(i64::MAX),
        }
    }

    /// Whether this differs enough from what the book says.
    pub fn is_news(&self, known: Option<&Offset>) -> bool {
        let Some(known) = known else { return true };
        let change = self.offset_us.saturating_sub(known.offset_us).saturating_abs();
        OFFSET_STEP_US.max(self.error_us) < change
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hash(line: u64) -> Hex<32> {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&line.to_le_bytes());
        Hex(bytes)
    }

    #[test]
    fn the_server_says_where_to_go_on() {
        let own = Own { first: 11, last: 20, acknowledged: 20, seals: 2 };
        let at = |next, next_seal| Standing { next, head: hash(next - 1), next_seal };
        for (own, server, step_wanted) in [
            (own, at(21, 3), Step::Rest),
            (own, at(21, 2), Step::Confirm),
            (Own { acknowledged: 19, ..own }, at(21, 3), Step::Confirm),
            (own, at(15, 3), Step::Send { from: 15 }),
            (own, at(11, 3), Step::Send { from: 11 }),
            (own, at(10, 3), Step::Broken(Broken::Gap { wanted: 10, first: 11 })),
            (own, at(22, 3), Step::Broken(Broken::PutBack { server: 21, own: 20 })),
            (own, Standing { head: hash(99), ..at(15, 3) }, Step::Broken(Broken::Forked { at: 14 })),
            (Own { first: 1, last: 0, acknowledged: 0, seals: 0 }, at(1, 1), Step::Rest),
        ] {
            let known = (own.first..=own.last).contains(&(server.next - 1)).then(|| hash(server.next - 1));
            assert_eq!(step(&own, known, &server), step_wanted, "{own:?} {server:?}");
        }
    }

    /// What the network does to one request.
    #[derive(Clone, Copy, Debug)]
    enum Luck {
        Works,
        RequestLost,
        ReplyLost,
        TooLarge,
        NewLine,
        ServerRestored,
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

        /// Whatever is lost on the way, the server ends with every line once and in order, and the terminal knows it.
        #[test]
        fn every_line_arrives_once(lucks in prop::collection::vec(
            prop_oneof![
                4 => Just(Luck::Works), 1 => Just(Luck::RequestLost), 2 => Just(Luck::ReplyLost),
                1 => Just(Luck::TooLarge), 2 => Just(Luck::NewLine), 1 => Just(Luck::ServerRestored),
            ],
            0..60,
        ), lines in 0_u64..2_000) {
            let mut own = Own { first: 1, last: lines, acknowledged: 0, seals: 0 };
            let mut server: Vec<u64> = Vec::new();
            let mut pace = Pace::new(1_000);
            let standing = |server: &Vec<u64>| {
                let stored = server.len() as u64;
                Standing { next: stored + 1, head: hash(stored), next_seal: 1 }
            };
            let mut known = standing(&server);
            let mut lucks = lucks.into_iter();
            for round in 0.. {
                prop_assert!(round < 3_000, "it never rests");
                let luck = lucks.next().unwrap_or(Luck::Works);
                match luck {
                    Luck::NewLine => own.last += 1,
                    Luck::ServerRestored => {
                        server.truncate(server.len() / 2);
                        own.acknowledged = own.acknowledged.min(server.len() as u64);
                        known = standing(&server);
                    }
                    _ => (),
                }
                let (from, count) = match step(&own, Some(hash(known.next - 1)), &known) {
                    Step::Rest if lucks.len() == 0 => break,
                    Step::Rest => continue,
                    Step::Send { from } => (from, (pace.lines() as u64).min(own.last + 1 - from)),
                    Step::Confirm => (own.last + 1, 0),
                    Step::Broken(broken) => return Err(TestCaseError::fail(format!("{broken}"))),
                };
                if matches!(luck, Luck::TooLarge) {
                    pace.failed_at(pace.lines());
                    continue;
                }
                if matches!(luck, Luck::RequestLost) {
                    pace.failed_at(pace.lines());
                    known = standing(&server);
                    continue;
                }
                prop_assert_eq!(from, server.len() as u64 + 1, "a batch that the server would refuse");
                server.extend(from..from + count);
                if matches!(luck, Luck::ReplyLost) {
                    pace.failed_at(pace.lines());
                } else {
                    pace.succeeded();
                    own.acknowledged = server.len() as u64;
                }
                known = standing(&server);
            }
            prop_assert!(server.iter().copied().eq(1..=own.last));
            prop_assert_eq!(own.acknowledged, own.last);
        }

        #[test]
        fn no_wait_is_longer_than_said(failures in 1_u32.., outage_s in 0_u64..100_000, chance in 0.0..=1.0) {
            let wait = wait(failures, Duration::from_secs(outage_s), None, chance);
            let most = if outage_s < 60 { WAIT_EARLY_MAX } else { WAIT_MAX };
            prop_assert!(wait <= most);
        }

        /// The true offset lies within the error bar, whatever part of the way was slow.
        #[test]
        fn the_error_bar_holds_the_true_offset(
            offset in -1_000_000_000_i64..1_000_000_000, there in 0_u64..5_000_000, work in 0_u64..1_000_000, home in 0_u64..5_000_000,
        ) {
            let sent = Moment(1_800_000_000_000_000);
            let received = Moment(sent.0 + offset).plus(Duration::from_micros(there));
            let answered = received.plus(Duration::from_micros(work));
            let took = Duration::from_micros(there + work + home);
            let found = Offset::measured(sent, took, received, answered);
            prop_assert!((found.offset_us - offset).abs() <= found.error_us + 1);
        }
    }

    #[test]
    fn waits_grow_and_a_short_cut_heals_quickly() {
        let long = Duration::from_secs(3600);
        for (failures, outage, asked, seconds) in [
            (1, Duration::ZERO, None, 1),
            (2, Duration::ZERO, None, 2),
            (9, Duration::ZERO, None, 5),
            (9, long, None, 256),
            (u32::MAX, long, None, 300),
            (1, Duration::ZERO, Some(Duration::from_secs(30)), 31),
            (1, Duration::ZERO, Some(Duration::from_secs(86_400)), 301),
        ] {
            assert_eq!(wait(failures, outage, asked, 1.0).as_secs(), seconds, "{failures} {outage:?} {asked:?}");
        }
    }

    #[test]
    fn an_offset_becomes_a_line_when_it_changed() {
        let known = Offset { offset_us: 1_000_000, error_us: 10_000 };
        for (offset_us, error_us, news) in
            [(1_400_000, 0, false), (1_600_000, 0, true), (400_000, 0, true), (1_600_000, 2_000_000, false)]
        {
            assert_eq!(Offset { offset_us, error_us }.is_news(Some(&known)), news, "{offset_us}");
        }
        assert!(known.is_news(None));
    }
}
