//! What a scale says, whichever protocol it speaks.

use serde_json::{Value, json};

use crate::event::{Steady, WeightUnit};
use crate::scale::exact::{Amount, milligrams};

/// One message of a scale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// What the display shows.
    Shown(Shown),
    /// The answer to a tare: the weight that was taken off.
    Tared(Shown),
    /// More lies on it than it can weigh.
    Over,
    /// Less than nothing: the pan is off, or something holds it up.
    Under,
    /// It understood and cannot do it now.
    NotNow {
        command: String,
    },
    Refused(Refusal),
    /// It did what it was told; `command` is empty where it does not repeat it.
    Accepted {
        command: String,
    },
    /// It says something of itself.
    Info {
        command: String,
        text: String,
    },
    /// Flags instead of a weight (Toledo 8217).
    Status(Status),
    /// It returns what it was sent (Toledo 8217).
    Echo {
        text: String,
    },
}

/// A number on a display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub amount: Amount,
    pub unit: Unit,
    pub steady: Steady,
    pub net: bool,
}

/// What the number counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unit {
    Weight(WeightUnit),
    Percent,
    Pieces,
    /// A unit that is no weight, or one that this crate does not know.
    Other(String),
    /// The line names none.
    Unsaid,
}

impl Unit {
    /// A unit as a scale writes it.
    pub fn parse(text: &[u8]) -> Unit {
        let text = String::from_utf8_lossy(text.trim_ascii()).into_owned();
        match text.as_str() {
            "" => Unit::Unsaid,
            "%" => Unit::Percent,
            "PC" | "pc" | "pcs" | "PCS" => Unit::Pieces,
            symbol => WeightUnit::of_symbol(symbol).map_or(Unit::Other(text), Unit::Weight),
        }
    }
}

/// Why a scale does not do what it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It does not know the command.
    Syntax,
    /// Bytes were garbled on the way.
    Transmission,
    /// The command cannot be carried out as it stands.
    Logic,
    /// An error with the scale's own number or name.
    Error(String),
}

/// The flags of the Toledo 8217 status byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u8);

impl Status {
    pub fn motion(self) -> bool {
        self.0 & 1 != 0
    }

    pub fn over_capacity(self) -> bool {
        self.0 & 2 != 0
    }

    pub fn under_zero(self) -> bool {
        self.0 & 4 != 0
    }

    /// The load at power-on was too large to be taken as zero.
    pub fn outside_zero_capture(self) -> bool {
        self.0 & 8 != 0
    }

    pub fn center_of_zero(self) -> bool {
        self.0 & 16 != 0
    }

    pub fn net(self) -> bool {
        self.0 & 32 != 0
    }
}

impl Message {
    /// The message for a person, with the names of the vector files.
    pub fn fields(&self) -> Value {
        match self {
            Message::Shown(shown) => shown.fields(None),
            Message::Tared(shown) => shown.fields(Some("tare")),
            Message::Over => json!({"kind": "overload", "sign": "+"}),
            Message::Under => json!({"kind": "underload", "sign": "-"}),
            Message::NotNow { command } => json!({"kind": "not_executable", "command": command}),
            Message::Refused(Refusal::Syntax) => json!({"kind": "syntax_error"}),
            Message::Refused(Refusal::Transmission) => json!({"kind": "transmission_error"}),
            Message::Refused(Refusal::Logic) => json!({"kind": "logical_error"}),
            Message::Refused(Refusal::Error(text)) => json!({"kind": "error", "text": text}),
            Message::Accepted { command } => json!({"kind": "ack", "command": command}),
            Message::Info { command, text } => json!({"kind": "info", "command": command, "text": text}),
            Message::Status(status) => json!({
                "kind": "status", "motion": status.motion(), "over_capacity": status.over_capacity(),
                "under_zero": status.under_zero(), "outside_zero_capture": status.outside_zero_capture(),
                "center_of_zero": status.center_of_zero(), "net": status.net(),
            }),
            Message::Echo { text } => json!({"kind": "echo", "text": text}),
        }
    }
}

impl Shown {
    fn fields(&self, kind: Option<&str>) -> Value {
        let stable = self.steady == Steady::Yes;
        let value = self.amount.to_string();
        let (name, unit, mg) = match &self.unit {
            Unit::Weight(unit) => ("weight", Some(unit.symbol()), Some(milligrams(self.amount, *unit))),
            Unit::Percent => ("percent", Some("%"), None),
            Unit::Pieces => ("count", Some("pcs"), None),
            Unit::Other(unit) => ("other", Some(unit.as_str()), None),
            Unit::Unsaid => ("weight", None, None),
        };
        json!({
            "kind": kind.unwrap_or(name), "stable": stable, "value": value, "unit": unit, "net": self.net, "milligrams": mg,
        })
    }
}
