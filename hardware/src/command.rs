//! What a station may ask of a device beside reading.

use std::time::Duration;

/// One request. The answer, where there is one, comes as [`crate::event::Event::Answer`] with the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Lets the person with the device hear or see how the act ended.
    Signal(Signal),
    /// Pulls or releases the trigger of a scanner.
    Trigger { pulled: bool },
    /// Switches the aiming light of a scanner.
    AimLight { on: bool },
    /// Lets a scanner read, or not.
    Reading { on: bool },
    /// Switches an output: a relay, a GPO of a reader, a lamp. Lines count from 1; `lasts` switches it back.
    Output { line: u16, on: bool, lasts: Option<Duration> },
    /// Sets the scale to zero.
    Zero,
    /// Takes the weight on the scale as the weight of the container.
    Tare,
    /// Reads words of a tag's memory.
    ReadMemory { epc: Vec<u8>, bank: Bank, from_word: u32, words: u8, password: u32 },
    /// Gives the tag with `epc` the EPC `to` (whole words).
    WriteEpc { epc: Vec<u8>, to: Vec<u8>, password: u32 },
    /// Sends a label in the printer's own language.
    Print { label: Vec<u8> },
}

/// How an act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Recorded, all is well.
    Good,
    /// Recorded, and a person must look at it.
    Bad,
}

/// A memory bank of a Gen2 tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bank {
    Reserved,
    Epc,
    Tid,
    User,
}

impl Bank {
    /// The number in the air protocol.
    pub fn number(self) -> u8 {
        match self {
            Bank::Reserved => 0,
            Bank::Epc => 1,
            Bank::Tid => 2,
            Bank::User => 3,
        }
    }
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Done,
    /// The words that were asked for.
    Memory {
        bytes: Vec<u8>,
    },
    /// The device, or the tag, would not; why, and what to do.
    Refused {
        reason: String,
    },
    /// The device was not there, or was lost before it began: nothing happened, and it may be asked again.
    NotBegun {
        reason: String,
    },
    /// The device was lost while it was at work: it may have happened or not, and a person has to look.
    Unsure {
        reason: String,
    },
}

/// The device has no such ability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unable;
