//! Why a label cannot be made, and what a person should look at on one that was.

use crate::gs1::ReadError;
use crate::labels::COPIES_MAX;
use crate::labels::symbols::NotEncodable;
use crate::labels::template::Template;

/// Why a label cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LabelError {
    #[error("the label {template} has no field `{field}`; its fields are {known}")]
    UnknownField { template: String, field: String, known: String },
    #[error("the field `{field}` is missing")]
    Missing { field: String },
    #[error("the field `{field}` has {length} characters; {max} are allowed")]
    TooLong { field: String, length: usize, max: usize },
    #[error("the field `{field}` has a character that cannot be printed, a line break or a tab")]
    NotPrintable { field: String },
    #[error("the field `{field}` is `{text}`, which is none of {choices}")]
    NotAChoice { field: String, text: String, choices: String },
    #[error("the field `{field}` is `{text}`; it must be {wanted}")]
    Form { field: String, text: String, wanted: &'static str },
    #[error("the check digit of the field `{field}` is wrong: {text} must end with {right}")]
    CheckDigit { field: String, text: String, right: u8 },
    #[error("the {kind} has nothing to say without {fields}")]
    NothingToEncode { kind: &'static str, fields: String },
    #[error("the GS1 code cannot be written: {0}")]
    Element(#[from] ReadError),
    #[error(transparent)]
    Symbol(#[from] NotEncodable),
    #[error("the {kind} of `{text}` needs {needs:.1} mm and has {has:.1} mm")]
    CodeDoesNotFit { kind: &'static str, text: String, needs: f64, has: f64 },
    #[error("`{text}` does not fit its place on the label even at {least_mm} mm")]
    TextDoesNotFit { text: String, least_mm: f64 },
    #[error("something is printed in the white that the {kind} of `{text}` needs around it")]
    QuietZone { kind: &'static str, text: String },
    #[error("{0} copies are not possible; 1 to {COPIES_MAX} are")]
    Copies(u32),
    #[error("{0} copies of one EPC are not possible: every tag has its own")]
    EpcCopies(u32),
    #[error("an EPC of {bytes} bytes cannot be written; it has 2 to 62 bytes, an even number")]
    Epc { bytes: usize },
    #[error("picture dots can be shown 1 to {max} times as large, not {scale} times")]
    Scale { scale: u32, max: u32 },
}

impl LabelError {
    pub(super) fn unknown_field(template: &Template, field: &str) -> LabelError {
        let known: Vec<&str> = template.fields.iter().map(|field| field.name.as_str()).collect();
        LabelError::UnknownField { template: template.name.clone(), field: field.to_owned(), known: known.join(", ") }
    }

    /// What to do about it, where the sentence itself does not say.
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            LabelError::Missing { .. } | LabelError::NothingToEncode { .. } => "Give it with --set FIELD=TEXT.",
            LabelError::TooLong { .. } => "Shorten it, or allow more in the template.",
            LabelError::CheckDigit { .. } => "Compare the number with its source; one of its digits is mistyped.",
            LabelError::CodeDoesNotFit { .. } => {
                "Shorten what the code says, take a larger label or a printer with more dots, or give the code more room in the template."
            }
            LabelError::TextDoesNotFit { .. } => {
                "Shorten it, or give it more room, lines or a smaller least size in the template."
            }
            LabelError::QuietZone { .. } => "Move the elements of the template apart.",
            LabelError::UnknownField { .. }
            | LabelError::NotPrintable { .. }
            | LabelError::NotAChoice { .. }
            | LabelError::Form { .. }
            | LabelError::Element(_)
            | LabelError::Symbol(_)
            | LabelError::Copies(_)
            | LabelError::EpcCopies(_)
            | LabelError::Epc { .. }
            | LabelError::Scale { .. } => return None,
        })
    }
}

/// What a person should look at on a label that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// No font has this character, so a box stands in its place.
    NoGlyph(char),
    /// A text was cut.
    Shortened { text: String, shown: String },
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Warning::NoGlyph(letter) => write!(
                f,
                "no font has the character {letter} (U+{:04X}), a box is drawn; add a font file that has it",
                u32::from(*letter)
            ),
            Warning::Shortened { text, shown } => write!(f, "`{text}` was cut to `{shown}`"),
        }
    }
}
