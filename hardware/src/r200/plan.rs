//! What a station may ask of a module, as requests: the polls are stopped, and the tag is selected before it is read or
//! written.

use crate::command::{Command, Unable};
use crate::dialogue::plan::{Plan, Role, pc_and_epc};
use crate::r200::command::Command as Request;

/// Pins that are outputs when a station switches them.
const PINS: std::ops::RangeInclusive<u16> = 1..=4;

/// Most words that fit one answer.
const WORDS_MAX: u8 = 32;

/// Longest EPC that can be selected: its length in bits is one byte.
const EPC_MAX: usize = 30;

/// The requests that carry out a command.
pub(super) fn plan(command: &Command) -> Result<Plan<Request>, Unable> {
    let select = |epc: &[u8]| (Role::Prepare, Request::SelectEpc { epc: epc.to_vec() });
    let too_long = |epc: &[u8]| {
        let reason = format!("the module can only select tags with an EPC of at most {} words", EPC_MAX / 2);
        (EPC_MAX < epc.len()).then_some(Plan::Refused(reason))
    };
    // The selection counts for all but the polls, and behind it for nothing.
    let begins = [(Role::Prepare, Request::Stop), (Role::Prepare, Request::SelectMode(2))];
    let ends = [(Role::Restore, Request::SelectMode(1))];
    match command {
        &Command::Output { line, on, .. } if PINS.contains(&line) => {
            let pin = u8::try_from(line).map_err(|_| Unable)?;
            Ok(Plan::of([
                (Role::Prepare, Request::Stop),
                (Role::Prepare, Request::OutputPin(pin)),
                (Role::Prepare, Request::Output { pin, high: on }),
            ]))
        }
        Command::ReadMemory { epc, bank, from_word, words, password } => {
            let word = u16::try_from(*from_word);
            let Some(word) = word.ok().filter(|_| (1..=WORDS_MAX).contains(words)) else {
                let reason = format!(
                    "the module reads 1 to {WORDS_MAX} words at once, of the first 65536 of a bank; ask for less"
                );
                return Ok(Plan::Refused(reason));
            };
            let (access, bank, words) = (password.to_be_bytes(), bank.number(), u16::from(*words));
            let read = (Role::Fetch, Request::Read { access, bank, word, words });
            Ok(too_long(epc).unwrap_or_else(|| Plan::of(begins.into_iter().chain([select(epc), read]).chain(ends))))
        }
        Command::WriteEpc { epc, to, password } => Ok(match pc_and_epc(to) {
            Err(reason) => Plan::Refused(reason),
            Ok(data) => {
                let access = password.to_be_bytes();
                let words = u16::try_from(data.len() / 2).unwrap_or(u16::MAX);
                let write = (Role::Change, Request::Write { access, bank: 1, word: 1, data: data.clone() });
                let read = (Role::Check(data), Request::Read { access, bank: 1, word: 1, words });
                let steps = begins.into_iter().chain([select(epc), write, select(to), read]).chain(ends);
                too_long(epc).or_else(|| too_long(to)).unwrap_or_else(|| Plan::of(steps))
            }
        }),
        Command::Signal(_)
        | Command::Trigger { .. }
        | Command::AimLight { .. }
        | Command::Reading { .. }
        | Command::Output { .. }
        | Command::Zero
        | Command::Tare
        | Command::Print { .. } => Err(Unable),
    }
}
