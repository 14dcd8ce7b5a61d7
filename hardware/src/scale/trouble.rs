//! What stands in the way of a weight, in words.

use crate::scale::message::{Refusal, Unit};

/// What stands in the way of a weight; told when it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Over,
    Under,
    NoZero,
    NotNow,
    Unit(Unit),
    Refusal(Refusal),
}

impl Trouble {
    /// What is so, and what to do.
    pub fn sentence(&self) -> String {
        match self {
            Trouble::Over => "more lies on the scale than it can weigh; take it off".into(),
            Trouble::Under => {
                "the scale shows less than nothing; put its pan back and free it from what touches it".into()
            }
            Trouble::NoZero => {
                "the scale did not find its zero when it was switched on; take everything off and switch it off and on"
                    .into()
            }
            Trouble::NotNow => "the scale cannot weigh now; wait until nothing moves on it, or leave its menu".into(),
            Trouble::Unit(Unit::Percent) => "the scale shows percent and no weight; switch its unit".into(),
            Trouble::Unit(Unit::Pieces) => "the scale shows pieces and no weight; switch its unit".into(),
            Trouble::Unit(Unit::Other(name)) => {
                format!("the scale shows \"{}\", which is no weight known here; switch its unit", name.escape_default())
            }
            Trouble::Unit(Unit::Unsaid | Unit::Weight(_)) => {
                "the scale sends no unit; let it send one, or name it in the settings of the device".into()
            }
            Trouble::Refusal(Refusal::Syntax) => {
                "the scale does not know the command; check that it is set to this protocol".into()
            }
            Trouble::Refusal(Refusal::Transmission) => {
                "the scale was sent garbled bytes; check the speed, the parity and the cable".into()
            }
            Trouble::Refusal(Refusal::Logic) => "the scale cannot carry out the command as it is set".into(),
            Trouble::Refusal(Refusal::Error(text)) => {
                format!("the scale tells of an error: {}; look at its display and its manual", text.escape_default())
            }
        }
    }
}
