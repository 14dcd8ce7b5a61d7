//! What a station answers: one outcome with its colour, sign, sound and vibration, and what it says.
//!
//! The table is the one that people are trained on: each of the five channels alone tells the answer.

use std::time::Duration;

use crate::event::{Act, Reason};
use crate::identity::Doubt;
use crate::numbers::Wrong;
use crate::quantity::{Moment, Quantity};

/// How a scan ended: each has its own colour, sign, word, sound and vibration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Matched and on disk.
    Ok,
    /// On disk, and the last piece of a line of the paper.
    LineFull,
    /// On disk, and the last piece of the paper.
    PaperDone,
    /// Wrong piece, no pass, on hold.
    Stop,
    /// Nobody knows what this is: a person must say.
    Ask,
    /// Carried out, but look at it.
    Look,
    /// A duplicate: nothing changed.
    Again,
    /// Nothing was recorded and nothing is wrong: a badge, a place, a chosen act.
    Note,
}

/// One note: frequency in Hz, how long it sounds and the silence after it, in ms.
pub type Tick = (u16, u16, u16);

impl Outcome {
    pub const ALL: [Outcome; 8] = [
        Outcome::Ok,
        Outcome::LineFull,
        Outcome::PaperDone,
        Outcome::Stop,
        Outcome::Ask,
        Outcome::Look,
        Outcome::Again,
        Outcome::Note,
    ];

    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::LineFull => "line_full",
            Outcome::PaperDone => "paper_done",
            Outcome::Stop => "stop",
            Outcome::Ask => "ask",
            Outcome::Look => "look",
            Outcome::Again => "again",
            Outcome::Note => "note",
        }
    }

    /// The colour token.
    pub fn token(self) -> &'static str {
        match self {
            Outcome::Ok | Outcome::LineFull | Outcome::PaperDone => "ok",
            Outcome::Stop => "stop",
            Outcome::Ask => "ask",
            Outcome::Look => "warn",
            Outcome::Again => "mute",
            Outcome::Note => "note",
        }
    }

    /// Whether small speakers get the harmonics of a square wave, or a sine.
    pub fn square(self) -> bool {
        matches!(self, Outcome::Stop | Outcome::Ask | Outcome::Look)
    }

    pub fn sound(self) -> &'static [Tick] {
        match self {
            Outcome::Ok => &[(2093, 70, 0)],
            Outcome::LineFull => &[(2093, 60, 0), (2637, 90, 0)],
            Outcome::PaperDone => &[(1047, 80, 0), (1319, 80, 0), (1568, 80, 0)],
            Outcome::Stop => &[(330, 350, 100), (330, 350, 0)],
            Outcome::Ask => &[(523, 160, 0), (392, 160, 0)],
            Outcome::Look => &[(740, 90, 60), (740, 90, 60), (740, 90, 0)],
            Outcome::Again => &[(988, 40, 40), (988, 40, 0)],
            Outcome::Note => &[],
        }
    }

    /// On and off in turn, in ms.
    pub fn vibration(self) -> &'static [u16] {
        match self {
            Outcome::Ok | Outcome::LineFull => &[40],
            Outcome::PaperDone => &[40, 40, 80],
            Outcome::Stop => &[300, 100, 300],
            Outcome::Ask => &[120, 80, 120],
            Outcome::Look => &[80, 60, 80, 60, 80],
            Outcome::Again => &[25, 50, 25],
            Outcome::Note => &[],
        }
    }
}

/// What a station says, with what the sentence needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Say {
    /// Recorded: piece `nth` of this act, of `of` on the paper; the exceptions that the line names.
    Recorded {
        nth: usize,
        of: Option<usize>,
        exceptions: Vec<Reason>,
    },
    /// Recorded, but it is not on the paper of this act.
    NotOnPaper,
    /// Not on the paper of this check-out, so it stays here; `wanted` is the unit due next.
    Wrong {
        wanted: Option<String>,
    },
    /// May not leave.
    Refused {
        reasons: Vec<Reason>,
    },
    /// Nobody knows this code.
    Unknown {
        recorded: bool,
        /// What speaks against the code itself.
        doubt: Option<Doubt>,
    },
    /// Already scanned in this act, at this moment.
    Already {
        at: Moment,
    },
    /// The last line of this act was taken back.
    TakenBack {
        left: usize,
    },
    NothingToTakeBack,
    /// An act must be chosen before this means anything.
    ChooseAct,
    /// The act wants its place before its pieces.
    PlaceFirst,
    /// An act was chosen.
    Started {
        act: Act,
    },
    /// The act was ended, with so many pieces.
    Ended {
        act: Act,
        pieces: usize,
    },
    /// This person works from now on, or takes the pieces of this check-out.
    Person {
        person: u32,
        takes: bool,
    },
    /// The pieces that follow go to, or are counted at, this place.
    Place {
        place: String,
    },
    /// A pass or task was opened with so many pieces.
    Paper {
        number: String,
        pieces: usize,
    },
    /// The paper's number means nothing for this act.
    PaperNotForAct,
    /// The next lot or item stands for this amount.
    Amount {
        quantity: Quantity,
    },
    /// The act went on after a restart, begun at this moment.
    GoingOn {
        since: Moment,
    },
    /// No code was found in a picture.
    Unreadable,
    /// Nothing can be written: stop working here.
    CannotRecord {
        why: String,
    },
    /// A new piece is prepared: its label or tag, and what it is.
    Prepared {
        code: Option<String>,
        item: Option<String>,
        /// What is wrong with the code that was scanned just now, where something is.
        doubt: Option<Doubt>,
    },
    /// A new piece is in the book under this number; what stands for it beside the number.
    Registered {
        number: String,
        code: Option<String>,
        exceptions: Vec<Reason>,
    },
    /// What was scanned as the label of a new piece is the number of this one.
    RegisteredBefore {
        unit: String,
    },
    /// The code stands for this unit already; confirmed, it is claimed twice.
    CodeTaken {
        unit: String,
    },
    /// The item must be chosen before a piece is registered.
    ItemFirst,
    /// No series of numbers has come down from the server yet.
    NoSeries,
    /// This piece gets a new label.
    Relabel {
        unit: String,
    },
    /// The piece must be scanned before its new label.
    PieceFirst,
    /// The new label of the piece must be scanned, and not that of a kind of thing.
    LabelFirst,
    /// The piece has a new label, or has lost one.
    Relabelled {
        bind: Option<String>,
        release: Vec<String>,
        exceptions: Vec<Reason>,
    },
    /// There is nothing to confirm.
    NothingPrepared,
    /// A typed number of the house that is none.
    WrongNumber {
        wrong: Wrong,
    },
    /// A code was shown to a door: it counts as seen there.
    Seen,
    /// A door has no acts.
    NotAtADoor,
    /// A passage at a door was recorded.
    Passed {
        pieces: usize,
        direction: crate::event::Direction,
        exceptions: Vec<Reason>,
    },
}

impl Say {
    /// The word in JSON: what was answered, without the sentence around it.
    pub fn word(&self) -> &'static str {
        match self {
            Say::Recorded { .. } => "recorded",
            Say::NotOnPaper => "not_on_paper",
            Say::Wrong { .. } => "wrong_piece",
            Say::Refused { reasons } => reasons.first().map_or("refused", |reason| reason.word()),
            Say::Unknown { .. } => "unknown_code",
            Say::Already { .. } => "already_scanned",
            Say::TakenBack { .. } => "taken_back",
            Say::NothingToTakeBack => "nothing_to_take_back",
            Say::ChooseAct => "choose_act",
            Say::PlaceFirst => "place_first",
            Say::Started { .. } => "started",
            Say::Ended { .. } => "ended",
            Say::Person { .. } => "person",
            Say::Place { .. } => "place",
            Say::Paper { .. } => "paper",
            Say::PaperNotForAct => "paper_not_for_act",
            Say::Amount { .. } => "amount",
            Say::GoingOn { .. } => "going_on",
            Say::Unreadable => "unreadable",
            Say::CannotRecord { .. } => "cannot_record",
            Say::Prepared { .. } => "prepared",
            Say::Registered { .. } => "registered",
            Say::RegisteredBefore { .. } => "registered_before",
            Say::CodeTaken { .. } => "code_taken",
            Say::ItemFirst => "item_first",
            Say::NoSeries => "no_series",
            Say::Relabel { .. } => "relabel",
            Say::PieceFirst => "piece_first",
            Say::LabelFirst => "label_first",
            Say::Relabelled { .. } => "relabelled",
            Say::NothingPrepared => "nothing_prepared",
            Say::WrongNumber { .. } => "wrong_number",
            Say::Seen => "seen",
            Say::NotAtADoor => "not_at_a_door",
            Say::Passed { .. } => "passed",
        }
    }
}

/// One answer to one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub outcome: Outcome,
    pub say: Say,
    /// Canonical text of what was read, where something was.
    pub code: Option<String>,
    /// Number of the unit it stands for, where it is known.
    pub unit: Option<String>,
}

impl Answer {
    /// An answer to something that was not a read of a thing.
    pub fn bare(outcome: Outcome, say: Say) -> Answer {
        Answer { outcome, say, code: None, unit: None }
    }
}

/// How long a sound may last: the next scan comes a second later.
pub const SOUND_MAX: Duration = Duration::from_millis(900);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_short_and_its_own() {
        for outcome in Outcome::ALL {
            let ms: u64 = outcome.sound().iter().map(|&(_, on, off)| u64::from(on) + u64::from(off)).sum();
            assert!(Duration::from_millis(ms) < SOUND_MAX, "{}", outcome.word());
            let same = Outcome::ALL.iter().filter(|other| other.sound() == outcome.sound()).count();
            assert_eq!(same, 1, "{} sounds like another answer", outcome.word());
        }
    }
}
