//! Work on the memory of one tag: the AccessSpec that does it, and what its result means.
//!
//! The tag is named by its whole EPC. The AccessSpec has no end of its own: a tag that moves answers now and then not,
//! and the reader tries it again at its next answer until the client deletes the AccessSpec. Sources: LLRP 1.0.1
//! sections 13.2 and 16.3.1, EPC Gen2 section 6.3.2.1 (layout of the EPC bank).

use super::message::Parameter;
use super::program::all_bits;
use super::report::OpResult;
use super::settings::EPC_MAX;
use crate::command::{Answer, Bank};

/// Where the EPC begins in its bank, in bits: behind CRC and PC.
const EPC_AT: u16 = 32;

/// What is to be done to a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Read { bank: Bank, from_word: u16, words: u8 },
    WriteEpc { to: Vec<u8> },
}

/// A deed and the tag that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Work {
    pub epc: Vec<u8>,
    pub password: u32,
    pub deed: Deed,
}

/// What one attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ended(Answer),
    /// The tag may take it at its next answer.
    Again(&'static str),
}

impl Work {
    pub(super) fn read(epc: &[u8], bank: Bank, from_word: u32, words: u8, password: u32) -> Result<Work, String> {
        let Ok(from_word) = u16::try_from(from_word) else {
            return Err(format!("word {from_word} is beyond any tag's memory; count words from 0"));
        };
        if words == 0 {
            return Err("no word was asked for; ask for one at least".to_owned());
        }
        Ok(Work { epc: named(epc)?, password, deed: Deed::Read { bank, from_word, words } })
    }

    pub(super) fn write(epc: &[u8], to: &[u8], password: u32) -> Result<Work, String> {
        if to.is_empty() || EPC_MAX < to.len() || !to.len().is_multiple_of(2) {
            let length = to.len();
            return Err(format!("a new EPC has 1 to {} whole words, not {length} bytes", EPC_MAX / 2));
        }
        Ok(Work { epc: named(epc)?, password, deed: Deed::WriteEpc { to: to.to_vec() } })
    }

    /// ADD_ACCESSSPEC, at every antenna and in every reading program.
    pub(super) fn request(&self, id: u32) -> Parameter {
        let target = Parameter::new("C1G2TargetTag")
            .set("MB", Bank::Epc.number())
            .set("Match", true)
            .set("Pointer", EPC_AT)
            .set("TagMask", all_bits(&vec![0xFF; self.epc.len()]))
            .set("TagData", all_bits(&self.epc));
        let deed = match &self.deed {
            Deed::Read { bank, from_word, words } => Parameter::new("C1G2Read")
                .set("OpSpecID", 1u16)
                .set("AccessPassword", self.password)
                .set("MB", bank.number())
                .set("WordPointer", *from_word)
                .set("WordCount", u16::from(*words)),
            // PC and EPC in one go: a length that does not fit the EPC behind it would hide the tag.
            Deed::WriteEpc { to } => Parameter::new("C1G2Write")
                .set("OpSpecID", 1u16)
                .set("AccessPassword", self.password)
                .set("MB", Bank::Epc.number())
                .set("WordPointer", 1u16)
                .set("WriteData", pc_and_epc(to).as_slice()),
        };
        let command = Parameter::new("AccessCommand").with(Parameter::new("C1G2TagSpec").with(target)).with(deed);
        let spec = Parameter::new("AccessSpec")
            .set("AccessSpecID", id)
            .set("ProtocolID", 1u8)
            .with(Parameter::new("AccessSpecStopTrigger"))
            .with(command)
            .with(Parameter::new("AccessReportSpec"));
        Parameter::new("ADD_ACCESSSPEC").with(spec)
    }

    /// What a result says of this work; `None` when it belongs to another.
    pub(super) fn outcome(&self, result: OpResult<'_>) -> Option<Outcome> {
        match (&self.deed, result) {
            (Deed::Read { words, .. }, OpResult { number: 349, code: 0, rest: &[_, _, ref memory @ ..] }) => {
                let wanted = usize::from(*words) * 2;
                Some(match memory.get(..wanted) {
                    Some(memory) => Outcome::Ended(Answer::Memory { bytes: memory.to_vec() }),
                    None => Outcome::Again("the tag gave fewer words than asked for"),
                })
            }
            (Deed::WriteEpc { to }, OpResult { number: 350, code: 0, rest: &[w0, w1, ..] }) => {
                let all = usize::from(u16::from_be_bytes([w0, w1])) == 1 + to.len() / 2;
                Some(if all { Outcome::Ended(Answer::Done) } else { Outcome::Again("only some words were written") })
            }
            (Deed::Read { .. }, OpResult { number: 349, code, .. }) => Some(read_refused(code)),
            (Deed::WriteEpc { .. }, OpResult { number: 350, code, .. }) => Some(write_refused(code)),
            (Deed::Read { .. } | Deed::WriteEpc { .. }, _) => None,
        }
    }
}

fn named(epc: &[u8]) -> Result<Vec<u8>, String> {
    match epc.len() {
        1..=EPC_MAX => Ok(epc.to_vec()),
        length => Err(format!("the tag is named by its EPC of 1 to {EPC_MAX} bytes, not {length}")),
    }
}

/// PC and EPC as words. The PC tells the number of words and that a GS1 EPC follows (its other bits are 0).
fn pc_and_epc(epc: &[u8]) -> Vec<u16> {
    let pc = (epc.len() as u16 / 2) << 11;
    let words = epc.chunks_exact(2).map(|word| word.iter().fold(0, |number, octet| number << 8 | u16::from(*octet)));
    std::iter::once(pc).chain(words).collect()
}

const OVERRUN: &str = "the tag has no such words in this memory bank; ask for fewer";
const LOCKED: &str = "this memory of the tag is locked; give its access password or use another tag";
const PASSWORD: &str = "the access password is wrong for this tag; check it";
const WEAK: &str = "the tag gets too little power to write; hold it closer to the antenna or raise the power";
const UNCLEAR: &str = "the tag refused without a reason";
const DUMB: &str = "the tag did not answer the operation";
const READER: &str = "the reader failed at the operation";

/// C1G2ReadResultType.
fn read_refused(code: u8) -> Outcome {
    match code {
        1 => Outcome::Again(UNCLEAR),
        2 => Outcome::Again(DUMB),
        3 => Outcome::Again(READER),
        4 => refused(OVERRUN),
        5 => refused(LOCKED),
        6 => refused(PASSWORD),
        _ => Outcome::Again("the reader gave an unknown result"),
    }
}

/// C1G2WriteResultType; its numbers are others than those of a read.
fn write_refused(code: u8) -> Outcome {
    match code {
        1 => refused(OVERRUN),
        2 => refused(LOCKED),
        3 => Outcome::Again(WEAK),
        4 => Outcome::Again(UNCLEAR),
        5 => Outcome::Again(DUMB),
        6 => Outcome::Again(READER),
        7 => refused(PASSWORD),
        _ => Outcome::Again("the reader gave an unknown result"),
    }
}

fn refused(reason: &str) -> Outcome {
    Outcome::Ended(Answer::Refused { reason: reason.to_owned() })
}
