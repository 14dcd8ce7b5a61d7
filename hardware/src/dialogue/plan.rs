//! What a station asks in between: a row of requests, and the answer that comes of it.

use std::collections::VecDeque;

use crate::command::Answer;
use crate::hex;

/// Words of an EPC that the length in its PC can name.
const WORDS_MAX: usize = 31;

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// The words that were read.
    Memory(Vec<u8>),
    /// Why not, as a clause.
    Refused(String),
}

/// What a request is to a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Prepares; refused, the plan ends.
    Prepare,
    /// Changes the tag. It is sent once: without an answer the look behind it tells whether it happened.
    Change,
    /// What it reads is the answer.
    Fetch,
    /// Reads PC and EPC back, which must be these.
    Check(Vec<u8>),
    /// Puts things back as they were; always done, whatever becomes of it.
    Restore,
}

/// The requests that carry out one command.
#[derive(Clone, Debug)]
pub(crate) enum Plan<R> {
    Steps(VecDeque<(Role, R)>),
    /// It cannot be done with these values; why, as a sentence.
    Refused(String),
}

impl<R> Plan<R> {
    pub(crate) fn of(steps: impl IntoIterator<Item = (Role, R)>) -> Plan<R> {
        Plan::Steps(steps.into_iter().collect())
    }
}

/// A plan on its way.
#[derive(Clone, Debug)]
pub(crate) struct Job<R> {
    /// The number of the command that asked for it; `None` for the end of a switched output.
    pub number: Option<u32>,
    steps: VecDeque<(Role, R)>,
    answer: Answer,
}

impl<R> Job<R> {
    pub(crate) fn new(number: Option<u32>, plan: Plan<R>) -> Job<R> {
        match plan {
            Plan::Steps(steps) => Job { number, steps, answer: Answer::Done },
            Plan::Refused(reason) => Job { number, steps: VecDeque::new(), answer: Answer::Refused { reason } },
        }
    }

    /// What is to be asked now; `None` when all is done.
    pub(crate) fn request(&self) -> Option<&R> {
        self.steps.front().map(|(_, request)| request)
    }

    /// Whether the request may be sent a second time.
    pub(crate) fn again(&self) -> bool {
        self.steps.front().is_none_or(|(role, _)| *role != Role::Change)
    }

    /// The request was answered: goes on to the next.
    pub(crate) fn answered(&mut self, outcome: Outcome) {
        let Some((role, _)) = self.steps.pop_front() else { return };
        match (role, outcome) {
            (Role::Restore, _) | (Role::Prepare | Role::Change, Outcome::Done | Outcome::Memory(_)) => (),
            (Role::Fetch, Outcome::Memory(bytes)) => self.answer = Answer::Memory { bytes },
            (Role::Check(want), Outcome::Memory(found)) if same(&found, &want) => (),
            (Role::Check(want), Outcome::Memory(found)) => self.fail(format!(
                "the tag still says {} instead of {}; hold it still before the antenna and write it again",
                hex::encode(found.get(2..).unwrap_or_default()),
                hex::encode(want.get(2..).unwrap_or_default())
            )),
            (Role::Fetch | Role::Check(_), Outcome::Done) => {
                self.fail("the reader sent no words; hold the tag still before the antenna and try again".into());
            }
            (Role::Check(_), Outcome::Refused(why)) => {
                self.fail(format!("what was written could not be read back: {why}; read the tag before it is used"));
            }
            (Role::Prepare | Role::Change | Role::Fetch, Outcome::Refused(why)) => self.fail(why),
        }
    }

    /// The request was not answered. Whether the job can go on.
    pub(crate) fn unanswered(&mut self) -> bool {
        match self.steps.pop_front() {
            Some((Role::Change, _)) => true,
            Some((Role::Restore, _)) => self.steps.is_empty(),
            Some((Role::Prepare | Role::Fetch | Role::Check(_), _)) => {
                self.fail("the reader did not answer; it is asked who it is, try again then".into());
                false
            }
            None => false,
        }
    }

    /// The session ended: nothing more can be asked.
    pub(crate) fn cut_off(&mut self) {
        let restores = |(role, _): &(Role, R)| *role == Role::Restore;
        if !self.steps.iter().all(restores) {
            self.fail("the reader was lost; try again when it is back".into());
        }
        self.steps.clear();
    }

    pub(crate) fn answer(self) -> Answer {
        self.answer
    }

    fn fail(&mut self, reason: String) {
        self.answer = Answer::Refused { reason };
        self.steps.retain(|(role, _)| *role == Role::Restore);
    }
}

/// Whether PC and EPC read back are those written. Of the PC only the length counts: a tag computes other bits itself.
fn same(found: &[u8], want: &[u8]) -> bool {
    match (found, want) {
        (&[length, _, ref epc @ ..], &[right, _, ref to @ ..]) => length >> 3 == right >> 3 && epc == to,
        _ => false,
    }
}

/// PC and EPC as they are written to a tag.
///
/// # Errors
/// A sentence when no tag can have this EPC.
pub(crate) fn pc_and_epc(epc: &[u8]) -> Result<Vec<u8>, String> {
    let words = epc.len() / 2;
    if !epc.len().is_multiple_of(2) || words == 0 || WORDS_MAX < words {
        return Err(format!("an EPC has 1 to {WORDS_MAX} whole words of 2 bytes, and this has {} bytes", epc.len()));
    }
    Ok([pc(epc).to_be_bytes().as_slice(), epc].concat())
}

/// The PC of a tag with this EPC and no more to say: the length in words in its top five bits.
pub(crate) fn pc(epc: &[u8]) -> u16 {
    u16::try_from((epc.len() / 2).min(WORDS_MAX)).unwrap_or(0) << 11
}
