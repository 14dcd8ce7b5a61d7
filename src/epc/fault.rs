//! Why bits are no EPC, why a value is no key, why a key cannot be written: in words, with the place.

use super::scheme::Scheme;

/// Why the bits of a tag are kept raw. Bits count from 0, the first bit of the header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the tag gave no bits of an EPC")]
    Nothing,
    #[error("{bits} bits are more than the 496 that an EPC can have")]
    TooLong { bits: usize },
    #[error("the PC word states {stated} bits of EPC, the reader gave {given}")]
    Cut { stated: usize, given: usize },
    #[error("the PC word says that the tag is no EPC but follows ISO, with application family {afi:02X}")]
    Iso { afi: u8 },
    #[error("header 00: the tag is not programmed")]
    Unprogrammed,
    #[error("header E2 is that of a chip's own number (TID), not of an EPC")]
    Tid,
    #[error("header {header:02X} belongs to no EPC scheme")]
    Header { header: u8 },
    #[error("header {header:02X}: {name} carries a host name and is kept as it is")]
    HostName { header: u8, name: &'static str },
    #[error("{bits} bits are too short for {}{}", .scheme.name(), needs(*.scheme))]
    TooShort { scheme: Scheme, bits: usize },
    #[error("partition 7 at bit {at} does not exist")]
    Partition { at: usize },
    #[error("the {what} at bit {at} is {value}, which has more than {digits} digits")]
    Number { what: &'static str, at: usize, value: u64, digits: usize },
    #[error("the {what} at bit {at} is {value}, which does not begin with the 1 that marks its digits")]
    Unmarked { what: &'static str, at: usize, value: u64 },
    #[error("the {what} has at bit {at} the code {code}, which is no character of it")]
    Character { what: &'static str, at: usize, code: u8 },
    #[error("the {what} at bit {at} is empty")]
    Empty { what: &'static str, at: usize },
    #[error("the {what} at bit {at} has more than {most} characters")]
    TooMany { what: &'static str, at: usize, most: usize },
    #[error("bit {at} is 1 where the {what} has ended")]
    NotZero { what: &'static str, at: usize },
    #[error("the value of ({ai}) at bit {at} cannot be read: {why}")]
    Value { ai: String, at: usize, why: BadValue },
    #[error("at bit {at} stands ({ai}), which is no application identifier")]
    Ai { ai: String, at: usize },
    #[error("the values at bit {at} name no key: {why}")]
    Key { at: usize, why: NotAKey },
}

/// How long an EPC of the scheme is, where that does not depend on its value.
fn needs(scheme: Scheme) -> String {
    scheme.bits().map_or(", which goes on behind them".to_owned(), |bits| format!(", which has {bits}"))
}

impl Fault {
    /// The bit at which the trouble begins, where it has one.
    pub fn at(&self) -> Option<usize> {
        match *self {
            Fault::Nothing | Fault::TooLong { .. } | Fault::Cut { .. } | Fault::Iso { .. } => None,
            Fault::Unprogrammed | Fault::Tid | Fault::Header { .. } | Fault::HostName { .. } => Some(0),
            Fault::TooShort { bits, .. } => Some(bits),
            Fault::Partition { at }
            | Fault::Number { at, .. }
            | Fault::Unmarked { at, .. }
            | Fault::Character { at, .. }
            | Fault::Empty { at, .. }
            | Fault::TooMany { at, .. }
            | Fault::NotZero { at, .. }
            | Fault::Value { at, .. }
            | Fault::Ai { at, .. }
            | Fault::Key { at, .. } => Some(at),
        }
    }
}

/// Why the bits or the text of one application identifier's value are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadValue {
    #[error("the bits end before it")]
    Cut,
    #[error("it has {len} characters, {most} are the most")]
    Length { len: usize, most: usize },
    #[error("it is empty")]
    Empty,
    #[error("it has {digits} digits and the number needs more")]
    Overflow { digits: usize },
    #[error("`{0}` is no digit")]
    Digit(char),
    #[error("`{0}` is no character of it")]
    Character(char),
    #[error("{0} is no code of a character")]
    Code(u32),
    #[error("{0} is no way to write text")]
    Indicator(u8),
    #[error("it must have {0} characters")]
    Exactly(usize),
    #[error("it is no date or time")]
    Date,
}

/// Why values of application identifiers name no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAKey {
    #[error("there is no value of a key")]
    NoKey,
    #[error("({ai}) needs ({wanted}) beside it")]
    Missing { ai: &'static str, wanted: &'static str },
    #[error("({ai}) must have {wanted}, not {len} characters")]
    Length { ai: &'static str, wanted: &'static str, len: usize },
    #[error("({ai}) must have digits at that place, not `{value}`")]
    Digits { ai: &'static str, value: String },
    #[error("({ai}) may not have the character `{character}`")]
    Character { ai: &'static str, character: char },
    #[error("({ai}) {value} has a wrong check digit")]
    CheckDigit { ai: &'static str, value: String },
    #[error("({ai}) must begin with 0")]
    Zero { ai: &'static str },
}

/// Why a scheme cannot write an EPC.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("{} does not write a {key}", .scheme.name())]
    OtherKey { scheme: Scheme, key: &'static str },
    #[error("{} needs the length of the company prefix, which the key does not tell", .scheme.name())]
    PrefixUnknown { scheme: Scheme },
    #[error("a company prefix has 6 to 12 digits, not {len}")]
    PrefixLength { len: usize },
    #[error("the key does not begin with a company prefix of {len} digits")]
    Prefix { len: usize },
    #[error("{} has filter values up to {}, not {filter}", .scheme.name(), .scheme.filter_max())]
    Filter { scheme: Scheme, filter: u8 },
    #[error("{}: the {what} `{value}` is no number without leading zeros", .scheme.name())]
    NotANumber { scheme: Scheme, what: &'static str, value: String },
    #[error("{}: the {what} {value} is too large", .scheme.name())]
    TooLarge { scheme: Scheme, what: &'static str, value: String },
    #[error("{}: the {what} `{value}` has not 1 to {most} characters", .scheme.name())]
    Length { scheme: Scheme, what: &'static str, value: String, most: usize },
    #[error("{}: the {what} `{value}` has a character that cannot be written", .scheme.name())]
    Character { scheme: Scheme, what: &'static str, value: String },
    #[error("{} carries a key and nothing beside it", .scheme.name())]
    NoData { scheme: Scheme },
    #[error("DSGTIN+ carries a date of (11), (13), (15), (16), (17), (7006) or (7007) first")]
    NoDate,
    #[error("{}: the value of ({ai}) cannot be written: {why}", .scheme.name())]
    Value { scheme: Scheme, ai: String, why: BadValue },
    #[error("({ai}) is no application identifier")]
    Ai { ai: String },
    #[error("{} needs {bits} bits in whole words, the tag has {most}", .scheme.name())]
    Memory { scheme: Scheme, bits: usize, most: usize },
    #[error("{} would not give the same value back", .scheme.name())]
    Inexact { scheme: Scheme },
}

/// Why no scheme writes a key: each with its reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no scheme carries it: {}", .reasons.iter().map(Unfit::to_string).collect::<Vec<_>>().join("; "))]
pub struct NoScheme {
    pub reasons: Vec<Unfit>,
}

/// Why a text is no EPC and no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWritten {
    #[error("it is neither hex digits, an EPC URI, a GS1 Digital Link nor elements with their AIs in brackets")]
    Unknown,
    #[error("it has {len} characters, {most} are the most")]
    TooLong { len: usize, most: usize },
    #[error("`{name}` is no EPC scheme with such URIs")]
    Scheme { name: String },
    #[error("a {} has {wanted} values between dots, not {found}", .name)]
    Values { name: &'static str, wanted: usize, found: usize },
    #[error("the {what} `{value}` is none")]
    Value { what: &'static str, value: String },
    #[error("`{0}` is a character that a URI writes with a percent sign, or a percent sign without two hex digits")]
    Escape(String),
    #[error("the brackets do not hold an AI of 2 to 4 digits and its value: `{0}`")]
    Brackets(String),
    #[error(transparent)]
    Key(#[from] NotAKey),
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error(transparent)]
    Fault(#[from] Fault),
}
