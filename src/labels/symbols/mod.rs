//! Symbols: a message becomes modules, one encoder per symbology.

pub mod code128;
mod ean;
mod matrix;

use serde::Deserialize;

use crate::labels::bits::Bits;

/// A symbology.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Qr,
    DataMatrix,
    Code128,
    /// EAN-13 or EAN-8, by the number of digits.
    Ean,
}

impl Kind {
    /// As the trade calls it, for sentences.
    pub fn shown(self) -> &'static str {
        match self {
            Kind::Qr => "QR code",
            Kind::DataMatrix => "Data Matrix",
            Kind::Code128 => "Code 128",
            Kind::Ean => "EAN",
        }
    }

    /// Narrowest and widest module in mm where a template says nothing. Narrower is not read from the hand; wider helps nobody.
    /// Source of the narrowest: General Specifications, section 5.12.3 (EAN 80 %; 0.25 mm is the least of the others).
    pub fn usual_module_mm(self) -> (f64, f64) {
        match self {
            Kind::Qr | Kind::DataMatrix => (0.25, 1.0),
            Kind::Code128 => (0.25, 0.5),
            Kind::Ean => (0.264, 0.66),
        }
    }
}

/// What a symbol says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// As a scanner transmits it: 1D for a FNC1 between elements, without AIM identifier.
    pub text: String,
    /// An element string: FNC1 stands in first position.
    pub gs1: bool,
}

/// White that must surround a symbol, in modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    pub left: u32,
    pub right: u32,
    pub above: u32,
    pub below: u32,
}

impl Quiet {
    pub const fn around(modules: u32) -> Quiet {
        Quiet { left: modules, right: modules, above: modules, below: modules }
    }

    pub const fn beside(left: u32, right: u32) -> Quiet {
        Quiet { left, right, above: 0, below: 0 }
    }
}

/// An encoded message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    pub kind: Kind,
    pub message: Message,
    /// The modules without quiet zone; those of bars are one row.
    pub modules: Bits,
    pub quiet: Quiet,
    /// Whether every encoder that keeps to the standard makes a symbol of this size of the message, so that a printer's own
    /// encoder may be trusted to keep the layout.
    pub settled: bool,
}

impl Symbol {
    pub fn is_bars(&self) -> bool {
        match self.kind {
            Kind::Code128 | Kind::Ean => true,
            Kind::Qr | Kind::DataMatrix => false,
        }
    }
}

/// Why a message is no symbol of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotEncodable {
    #[error("`{text}` is too long for a {}", .kind.shown())]
    TooLong { kind: Kind, text: String },
    #[error("Code 128 carries letters, digits and signs of ASCII, and `{text}` has others")]
    NotAscii { text: String },
    #[error("an EAN has 8 or 13 digits, and `{text}` is none")]
    NotAnEan { text: String },
    #[error("the check digit of the EAN {text} must be {right}")]
    CheckDigit { text: String, right: u8 },
}

/// Encodes `message`.
///
/// # Errors
/// What the symbology cannot carry.
pub fn encode(kind: Kind, message: Message) -> Result<Symbol, NotEncodable> {
    match kind {
        Kind::Qr => matrix::qr(message),
        Kind::DataMatrix => matrix::data_matrix(message),
        Kind::Code128 => code128::encode(message),
        Kind::Ean => ean::encode(message),
    }
}
