//! One order of labels, and the states it goes through.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hex::HexBytes;
use crate::quantity::Moment;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// For its printer.
    Waiting,
    /// The printer has one of its labels.
    Sending,
    /// All of its labels are out.
    Printed,
    /// The printer, or what was read back, said no.
    Failed,
    /// A label may be out or not: a person has to look.
    Unsure,
    /// Given up by a person.
    Cancelled,
}

impl State {
    pub const ALL: [State; 6] =
        [State::Waiting, State::Sending, State::Printed, State::Failed, State::Unsure, State::Cancelled];

    pub fn word(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Sending => "sending",
            State::Printed => "printed",
            State::Failed => "failed",
            State::Unsure => "unsure",
            State::Cancelled => "cancelled",
        }
    }

    pub fn from_word(word: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Nothing comes of it by itself or by a person any more.
    pub fn is_over(self) -> bool {
        match self {
            State::Printed | State::Cancelled => true,
            State::Waiting | State::Sending | State::Failed | State::Unsure => false,
        }
    }
}

/// Why a job waits again, failed or is unsure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Cause {
    #[default]
    None,
    /// The terminal ended while the printer had the label.
    Restarted,
    /// The printer, or the link to it, says so, in English.
    Printer { text: String },
    /// The label cannot be drawn any more: its template was changed.
    Label { text: String },
    /// The tag was read back and says something else.
    ReadBack { wrote: HexBytes, read: HexBytes },
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Order {
    pub printer: String,
    pub template: String,
    pub values: BTreeMap<String, String>,
    /// Tag of the label's language.
    pub language: String,
    /// Canonical text of what the label's code says.
    pub code: String,
    /// The number of the unit that the code stands for.
    pub unit: Option<String>,
    /// To be written into its tag.
    pub epc: Option<HexBytes>,
    pub copies: u32,
    pub person: Option<u32>,
}

/// An order in the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Job {
    pub number: u32,
    #[serde(flatten)]
    pub order: Order,
    #[serde(rename = "asked_us")]
    pub asked: Moment,
    pub state: State,
    /// Labels of it that are out.
    pub printed: u32,
    /// Labels of it that the printer was given.
    pub attempts: u32,
    pub why: Cause,
}

/// What a person does with a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Will {
    /// Print a failed or unsure label again.
    Again,
    /// The unsure label came out.
    CameOut,
    Cancel,
    /// Make a label anew that was printed.
    Reprint,
}
