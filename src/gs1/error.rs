//! Why a text is not what GS1 says it should be: where, what, and how to mend it.

use crate::gs1::fault::{Fault, Wrong};

/// Why a text could not be read. Every `at` is a byte offset in the text that was handed over, from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("there is nothing to read")]
    Empty,
    #[error("{len} bytes are too many, {} can be read", super::TEXT_MAX)]
    TooLong { len: usize },
    #[error("more than {} elements, from byte {at} on", super::ELEMENTS_MAX)]
    TooMany { at: usize },
    #[error("this is no GS1 code")]
    NotGs1,
    #[error("a symbol of the kind ]{}{} carries no GS1 code", .code.escape_ascii(), .modifier.escape_ascii())]
    Symbology { code: u8, modifier: u8 },
    #[error("`{found}` at byte {at} is no application identifier")]
    UnknownAi { at: usize, found: String },
    #[error("({ai}) at byte {at}: {fault}")]
    Value { ai: String, at: usize, fault: Fault },
    #[error("the GTIN at byte {at}: {fault}")]
    Gtin { at: usize, fault: Fault },
    #[error("an application identifier in brackets and its value are due at byte {at}")]
    Bracket { at: usize },
    #[error("({ai}) at byte {at} has another value than before")]
    Unequal { ai: String, at: usize },
    #[error("({ai}) at byte {at} must not stand together with ({with})")]
    Excluded { ai: String, with: String, at: usize },
    #[error("({ai}) at byte {at} needs its serial number, because a signature (8030) is there")]
    NoSerial { ai: String, at: usize },
    #[error("the character at byte {at} has no place here")]
    Character { at: usize },
    #[error("the web address begins neither with https:// nor with http://")]
    Scheme,
    #[error("the web address has no sound domain and path, at byte {at}")]
    Domain { at: usize },
    #[error("the path of the web address names no GS1 key")]
    NoKey,
    #[error("({ai}) at byte {at} does not stand in the right place of the path")]
    Order { ai: String, at: usize },
    #[error("({ai}) stands a second time, at byte {at}")]
    Twice { ai: String, at: usize },
    #[error("({ai}) at byte {at} must not stand behind the question mark of a web address")]
    NotAttribute { ai: String, at: usize },
    #[error("({ai}) at byte {at} stands behind the question mark and belongs into the path")]
    InPath { ai: String, at: usize },
}

impl ReadError {
    /// Where it is, as a byte offset from 0.
    pub fn at(&self) -> usize {
        self.clone().place().map_or(0, |at| *at)
    }

    /// What to do.
    pub fn help(&self) -> &'static str {
        match self {
            ReadError::Empty => "Scan or type a code.",
            ReadError::TooLong { .. } | ReadError::TooMany { .. } => "Read one symbol at a time.",
            ReadError::NotGs1 => {
                "Set the scanner to send symbology identifiers, or type the AIs in brackets: (01)09521234543213(21)7."
            }
            ReadError::Symbology { .. } => {
                "Look for another code on the label: GS1-128, DataBar, Data Matrix, QR, EAN or UPC."
            }
            ReadError::UnknownAi { .. } => {
                "If it follows a value that is too long or too short, or lacks its separator (FNC1), mend that value."
            }
            ReadError::Value { fault, .. } | ReadError::Gtin { fault, .. } => match fault {
                Fault::CheckDigit { .. } | Fault::CheckPair { .. } | Fault::IbanCheck => {
                    "Compare with the digits on the label; if they agree, the label was printed with a wrong number."
                }
                _ => "Compare with the label; if it agrees, whoever printed it has to mend the value.",
            },
            ReadError::Bracket { .. } => {
                r"Write every AI in brackets and its value behind it; a bracket inside a value is written \(."
            }
            ReadError::Unequal { .. } | ReadError::Twice { .. } => "State each application identifier once.",
            ReadError::Excluded { .. } => "Keep the one that is about the thing itself.",
            ReadError::NoSerial { .. } => "Sign single things only: add the serial number to the key.",
            ReadError::Character { .. } => {
                "In a web address write it percent-encoded, as %20; in other texts leave it out."
            }
            ReadError::Scheme | ReadError::Domain { .. } => "Write https://, a domain, and the path behind it.",
            ReadError::NoKey => {
                "A Digital Link names a key and its value in its path, as in https://id.gs1.org/01/09521234543213."
            }
            ReadError::Order { .. } => {
                "Behind a GTIN, /22/, /10/ and /21/ stand in this order; other keys take the qualifiers that GS1 names for them."
            }
            ReadError::NotAttribute { .. } => "Leave it out, or use an element string.",
            ReadError::InPath { .. } => "Write it as /AI/value behind the key.",
        }
    }

    pub(super) fn unknown_ai(at: usize, rest: &[u8]) -> ReadError {
        let found = rest.get(..4).unwrap_or(rest).escape_ascii().to_string();
        ReadError::UnknownAi { at, found }
    }

    /// `at` is where the value begins.
    pub(super) fn value(ai: &str, at: usize, wrong: Wrong) -> ReadError {
        ReadError::Value { ai: ai.to_owned(), at: at + wrong.at, fault: wrong.fault }
    }

    /// The same in a text that begins `by` bytes earlier.
    pub(super) fn moved(mut self, by: usize) -> ReadError {
        if let Some(at) = self.place() {
            *at += by;
        }
        self
    }

    /// `None` when it is about the text as a whole.
    fn place(&mut self) -> Option<&mut usize> {
        match self {
            ReadError::Empty
            | ReadError::TooLong { .. }
            | ReadError::NotGs1
            | ReadError::Symbology { .. }
            | ReadError::Scheme
            | ReadError::NoKey => None,
            ReadError::TooMany { at }
            | ReadError::UnknownAi { at, .. }
            | ReadError::Value { at, .. }
            | ReadError::Gtin { at, .. }
            | ReadError::Bracket { at }
            | ReadError::Unequal { at, .. }
            | ReadError::Excluded { at, .. }
            | ReadError::NoSerial { at, .. }
            | ReadError::Character { at }
            | ReadError::Domain { at }
            | ReadError::Order { at, .. }
            | ReadError::Twice { at, .. }
            | ReadError::NotAttribute { at, .. }
            | ReadError::InPath { at, .. } => Some(at),
        }
    }
}
