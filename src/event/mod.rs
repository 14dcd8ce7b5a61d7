//! What a line of a book says: its body.
//!
//! A body is postcard of the plain structs below, frozen per (kind, schema version): a field is never added, removed or
//! moved in place. A change of shape is a new schema version with an up-caster in [`Body::decode`]. The order of enum
//! variants is part of the shape too: new variants go last.
//!
//! Every schema has a twin with [`JSON`] added to its number, whose body is the JSON text of the same struct: for
//! terminals of other firms, which have no postcard at hand. The ledger hashes whichever bytes the writer chose.

use serde::{Deserialize, Serialize};

use crate::hex::{Hex, HexBytes};
use crate::quantity::{Moment, Quantity};

/// Added to a schema number when the body is JSON text instead of postcard.
pub const JSON: u16 = 0x8000;

/// Longest body that any book takes, in bytes: a passage of some 500 pieces. A larger crowd is several lines.
pub const BODY_MAX: usize = 64 * 1024;

/// The body of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A fact that a person stated at a station.
    Movement(Movement),
    /// An intent that was not carried out, with its reason.
    Attempt(Attempt),
    /// A fact that a door saw.
    Passage(Passage),
    /// Takes back an earlier line of the same book.
    Correction(Correction),
    /// What a person decided at the server.
    Decision(Decision),
    /// What the terminal says of itself.
    System(System),
    /// A new unit under a number of the house.
    Registration(Registration),
    /// A unit got a new code, or lost one.
    Relabelling(Relabelling),
}

/// What is done with things at a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    Receive,
    PutAway,
    CheckOut,
    Return,
    Move,
    Count,
    /// Takes a new piece into the house under a number of its own.
    Register,
    /// Gives a piece another label or tag, or takes one off.
    Relabel,
}

impl Act {
    pub const ALL: [Act; 8] =
        [Act::Receive, Act::PutAway, Act::CheckOut, Act::Return, Act::Move, Act::Count, Act::Register, Act::Relabel];

    /// The word in addresses, configuration, command cards and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Act::Receive => "receive",
            Act::PutAway => "put_away",
            Act::CheckOut => "check_out",
            Act::Return => "return",
            Act::Move => "move",
            Act::Count => "count",
            Act::Register => "register",
            Act::Relabel => "relabel",
        }
    }

    pub fn from_word(word: &str) -> Option<Act> {
        Act::ALL.into_iter().find(|act| act.word() == word)
    }
}

/// Why a line needs a person's eye, or why an intent was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No approved pass lets this thing leave.
    NoPass,
    /// A pass exists but its window is over or has not begun.
    PassNotValidNow,
    /// A pass exists for another person.
    PassForAnother,
    /// The pass was used up by an earlier act at this terminal.
    PassUsedUp,
    /// No one knows what this code stands for.
    UnknownCode,
    /// The thing is on hold.
    OnHold,
    /// The person lacks a certificate that the act needs.
    NoCertificate,
    /// The terminal's clock was never set.
    ClockUnset,
    /// The clock jumped since the line before.
    ClockJumped,
    /// The reference data are older than the policy allows for this decision.
    DataStale,
    /// No person is known for the act.
    NoPerson,
    /// The thing is already out with someone.
    AlreadyOut,
    /// The thing was not out when it came back.
    NotOut,
    /// The thing is not where the book has it.
    WrongPlace,
    /// More was taken than the book has.
    Short,
    /// The thing was received a second time.
    AlreadyReceived,
    /// The door could not tell the direction.
    DirectionUnknown,
    /// The code was bound to a second thing while the first still holds it.
    BoundTwice,
    /// The line could not be read by this version.
    Unreadable,
    /// The count differs from the book.
    CountVariance,
    /// The line takes back one that cannot be taken back.
    NotCorrectable,
    /// The code was replaced by another on its thing.
    CodeReplaced,
    /// The number was given to another thing before.
    NumberTwice,
}

impl Reason {
    /// The word in tables, JSON and message keys.
    pub fn word(self) -> &'static str {
        match self {
            Reason::NoPass => "no_pass",
            Reason::PassNotValidNow => "pass_not_valid_now",
            Reason::PassForAnother => "pass_for_another",
            Reason::PassUsedUp => "pass_used_up",
            Reason::UnknownCode => "unknown_code",
            Reason::OnHold => "on_hold",
            Reason::NoCertificate => "no_certificate",
            Reason::ClockUnset => "clock_unset",
            Reason::ClockJumped => "clock_jumped",
            Reason::DataStale => "data_stale",
            Reason::NoPerson => "no_person",
            Reason::AlreadyOut => "already_out",
            Reason::NotOut => "not_out",
            Reason::WrongPlace => "wrong_place",
            Reason::Short => "short",
            Reason::AlreadyReceived => "already_received",
            Reason::DirectionUnknown => "direction_unknown",
            Reason::BoundTwice => "bound_twice",
            Reason::Unreadable => "unreadable",
            Reason::CountVariance => "count_variance",
            Reason::NotCorrectable => "not_correctable",
            Reason::CodeReplaced => "code_replaced",
            Reason::NumberTwice => "number_twice",
        }
    }
}

/// One thing, or one amount of a lot, as the station read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Canonical text of the [`crate::identity::Identifier`].
    pub code: String,
    pub quantity: Quantity,
}

/// Where and by whom a line came to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handling {
    /// Name of the station in the terminal's configuration.
    pub station: String,
    /// Code of the place where the read happened (EPCIS read point).
    pub read_point: String,
    /// Name of the device in the terminal's configuration; `screen` when a person touched the screen.
    pub device: String,
    /// Number of the person, never the name: people can be erased, lines cannot.
    pub person: Option<u32>,
    /// Number of the pass, slip or order that the act belongs to.
    pub document: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    pub act: Act,
    pub what: Vec<Piece>,
    /// Code of the place it left, where the person said so; otherwise where the book has it.
    pub from: Option<String>,
    /// Code of the place it went to. A check-out goes to `to_person` instead.
    pub to: Option<String>,
    /// Number of the person who holds it from now on.
    pub to_person: Option<u32>,
    pub handling: Handling,
    pub exceptions: Vec<Reason>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub act: Act,
    pub what: Vec<Piece>,
    pub handling: Handling,
    pub reason: Reason,
}

/// Which way through a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    In,
    Out,
    Unknown,
}

impl Direction {
    pub fn word(self) -> &'static str {
        match self {
            Direction::In => "in",
            Direction::Out => "out",
            Direction::Unknown => "unknown",
        }
    }
}

/// The reads behind one piece of a passage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub first: Moment,
    pub last: Moment,
    pub reads: u32,
    /// Strongest signal in dBm.
    pub rssi_dbm: Option<i16>,
}

/// What a door saw: one line per passage, not per read. `evidence` has one entry per piece of `what`, in its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    pub direction: Direction,
    pub what: Vec<Piece>,
    pub evidence: Vec<Evidence>,
    /// Place code of the zone inside the door.
    pub inside: String,
    /// Place code of the zone outside the door.
    pub outside: String,
    pub handling: Handling,
    pub exceptions: Vec<Reason>,
}

/// Names one line of one book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LineRef {
    pub terminal: u32,
    pub epoch: Hex<16>,
    pub seq: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    pub corrects: LineRef,
    pub handling: Handling,
    /// The person's own words, may be empty.
    pub note: String,
}

/// A new unit: its number, what it is, and the code that stands for it from now on (EPCIS: an object event `ADD` with the
/// business step commissioning).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Code of the series that the number is of.
    pub series: String,
    /// The number as an own code, and how much there is of it.
    pub what: Piece,
    /// Code of its item.
    pub item: String,
    /// Canonical text of the label or tag on it, where it has one beside its number.
    pub bind: Option<String>,
    /// Code of the place where it is; otherwise where it was registered.
    pub to: Option<String>,
    pub handling: Handling,
    pub exceptions: Vec<Reason>,
}

/// Codes of a unit change in one moment: what is bound and released in one line was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relabelling {
    /// The unit, by its number as an own code.
    pub what: Piece,
    /// Canonical texts that stand for it from now on.
    pub bind: Vec<String>,
    /// Canonical texts that no longer do.
    pub release: Vec<String>,
    pub handling: Handling,
    pub exceptions: Vec<Reason>,
}

/// What a person decided at the server, or the server by a rule (`person` is `None`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Made by the client; the same command is carried out once.
    pub command: Hex<16>,
    pub person: Option<u32>,
    pub ruling: Ruling,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ruling {
    /// A new version of a master-data record (see [`crate::sync::records`]).
    Put { record: HexBytes },
    /// An exception is settled: the line that raised it, the reason's word, the piece, and the words of the person.
    Settle { line: LineRef, reason: String, code: String, note: String },
    /// A terminal is taken into the house: its number, name, public key and the epoch-independent facts.
    Enrol { terminal: u32, name: String, key: Hex<32> },
    /// A terminal is no longer trusted.
    Revoke { terminal: u32 },
}

/// What a terminal says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum System {
    Started {
        version: String,
        boot: Hex<16>,
    },
    Stopped,
    /// Central time minus terminal time, with the error bar, both in microseconds. Holds for this line and those after it.
    ClockOffset {
        offset_us: i64,
        error_us: i64,
    },
    /// The ledger key from the next seal on.
    KeyChanged {
        key: Hex<32>,
    },
    /// A device or store changed its state of health.
    Health {
        subject: String,
        ok: bool,
        text: String,
    },
    /// Acts shown as ok and passages confirmed since the last check, beside the lines written for them.
    SelfCheck {
        shown: u64,
        written: u64,
    },
    /// What a scale, a sensor of the air or a contact said.
    Sensed {
        /// Code of the place where the station stands.
        read_point: String,
        /// Name of the device in the terminal's configuration.
        device: String,
        sensed: Sensed,
    },
    /// A label came out of a printer.
    LabelPrinted(LabelPrinted),
}

/// What was sensed, exactly as the device said it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensed {
    /// A weight that had come to rest.
    Weight {
        /// To the nearest microgram; `text` has the figure as it was shown.
        micrograms: i64,
        /// Whether the weight of a container was taken off.
        net: bool,
        text: String,
    },
    Climate {
        temperature_millicelsius: Option<i32>,
        /// Relative humidity.
        humidity_millipercent: Option<i32>,
    },
    /// An input opened or closed; inputs count from 1.
    Contact { line: u16, closed: bool },
}

/// One label that came out of a printer; several of one kind are several lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelPrinted {
    /// Canonical text of the [`crate::identity::Identifier`] that its code says.
    pub code: String,
    /// Name of its template.
    pub template: String,
    /// Which label with this code it is of those that this terminal printed, from 1.
    pub copy: u32,
    pub why: LabelWhy,
    /// Number of the job at this terminal.
    pub job: u64,
    /// What the printer wrote into the tag of the label.
    pub epc: Option<HexBytes>,
    /// `device` is the printer.
    pub handling: Handling,
}

/// Why a label was printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelWhy {
    /// There was none with this code.
    First,
    /// One of several that were asked for at once.
    Copy,
    /// There was one already: it was lost, damaged, or cannot be read.
    Reprint,
}

impl LabelWhy {
    pub fn word(self) -> &'static str {
        match self {
            LabelWhy::First => "first",
            LabelWhy::Copy => "copy",
            LabelWhy::Reprint => "reprint",
        }
    }
}

/// Why a body cannot be read. The line stands all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("kind {kind}, schema {schema} is not known to this version")]
    Unknown { kind: u8, schema: u16 },
    #[error("the body of kind {kind}, schema {schema} is damaged: {why}")]
    Damaged { kind: u8, schema: u16, why: String },
}

/// The one schema version of this program.
const V1: u16 = 1;

impl Body {
    /// Number of the kind in the book.
    pub fn kind(&self) -> u8 {
        match self {
            Body::Movement(_) => 1,
            Body::Attempt(_) => 2,
            Body::Passage(_) => 3,
            Body::Correction(_) => 4,
            Body::Decision(_) => 5,
            Body::System(_) => 6,
            Body::Registration(_) => 7,
            Body::Relabelling(_) => 8,
        }
    }

    /// Schema version that [`Body::encode`] writes.
    pub fn schema(&self) -> u16 {
        V1
    }

    /// Numbers of the kinds that state something about things.
    pub const FACTS: [u8; 5] = [1, 2, 3, 7, 8];

    /// The word of a kind in addresses and JSON; `unknown` for a kind of a later version.
    pub fn kind_word(kind: u8) -> &'static str {
        match kind {
            1 => "movement",
            2 => "attempt",
            3 => "passage",
            4 => "correction",
            5 => "decision",
            6 => "system",
            7 => "registration",
            8 => "relabelling",
            _ => "unknown",
        }
    }

    /// The bytes that the book stores and hashes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Body::Movement(body) => postcard::to_stdvec(body),
            Body::Attempt(body) => postcard::to_stdvec(body),
            Body::Passage(body) => postcard::to_stdvec(body),
            Body::Correction(body) => postcard::to_stdvec(body),
            Body::Decision(body) => postcard::to_stdvec(body),
            Body::System(body) => postcard::to_stdvec(body),
            Body::Registration(body) => postcard::to_stdvec(body),
            Body::Relabelling(body) => postcard::to_stdvec(body),
        }
        .expect("plain structs in memory always encode")
    }

    /// Reads a body of any schema this version knows.
    ///
    /// # Errors
    /// [`Unreadable`] when the kind or schema is of a later version or the bytes are damaged.
    pub fn decode(kind: u8, schema: u16, bytes: &[u8]) -> Result<Body, Unreadable> {
        if schema & !JSON != V1 {
            return Err(Unreadable::Unknown { kind, schema });
        }
        let json = schema & JSON != 0;
        match kind {
            1 => read(json, bytes).map(Body::Movement),
            2 => read(json, bytes).map(Body::Attempt),
            3 => read(json, bytes).map(Body::Passage),
            4 => read(json, bytes).map(Body::Correction),
            5 => read(json, bytes).map(Body::Decision),
            6 => read(json, bytes).map(Body::System),
            7 => read(json, bytes).map(Body::Registration),
            8 => read(json, bytes).map(Body::Relabelling),
            _ => return Err(Unreadable::Unknown { kind, schema }),
        }
        .map_err(|why| Unreadable::Damaged { kind, schema, why })
    }

    /// The body as JSON, for people and the REST interface.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Body::Movement(body) => serde_json::to_value(body),
            Body::Attempt(body) => serde_json::to_value(body),
            Body::Passage(body) => serde_json::to_value(body),
            Body::Correction(body) => serde_json::to_value(body),
            Body::Decision(body) => serde_json::to_value(body),
            Body::System(body) => serde_json::to_value(body),
            Body::Registration(body) => serde_json::to_value(body),
            Body::Relabelling(body) => serde_json::to_value(body),
        }
        .expect("plain structs with text keys always become JSON")
    }
}

fn read<T: serde::de::DeserializeOwned>(json: bool, bytes: &[u8]) -> Result<T, String> {
    if json {
        return serde_json::from_slice(bytes).map_err(|error| error.to_string());
    }
    match postcard::take_from_bytes(bytes) {
        Ok((body, [])) => Ok(body),
        Ok((_, rest)) => Err(format!("{} bytes are left over", rest.len())),
        Err(error) => Err(error.to_string()),
    }
}
