//! Labels: one template and its values become one layout in dots, and every renderer draws that layout.
//!
//! ```text
//! Template + Values ──lay──▶ Layout ──▶ zpl, tspl (printers) · svg, png (screens, paper, proof)
//! ```
//! A code is written so that the systems of others read it: GS1 elements with FNC1, Digital Links, or the plain number. What a
//! person reads and what the code says come from the same values.

mod bits;
mod error;
mod font;
mod layout;
mod pattern;
pub mod png;
pub mod qr;
mod shelf;
pub mod subject;
pub mod svg;
mod symbols;
mod template;
mod text;
pub mod tspl;
mod values;
pub mod zpl;

pub use bits::{Area, Bits};
pub use error::{LabelError, Warning};
pub use font::Fonts;
pub use layout::{CodeMark, Layout, Mark, TextMark, lay};
pub use shelf::{Shelf, ShelfError};
pub use symbols::{Kind as SymbolKind, Message};
pub use template::{Field, Template, TemplateError};
pub use values::{Kind as FieldKind, Values};

/// Most labels of one print job; a typing error should not empty the roll.
pub const COPIES_MAX: u32 = 1_000;

/// Dots per inch of a print head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dpi {
    D203,
    D300,
    D600,
}

impl Dpi {
    pub const ALL: [Dpi; 3] = [Dpi::D203, Dpi::D300, Dpi::D600];

    pub fn number(self) -> u32 {
        match self {
            Dpi::D203 => 203,
            Dpi::D300 => 300,
            Dpi::D600 => 600,
        }
    }

    pub fn from_number(number: u32) -> Option<Dpi> {
        Dpi::ALL.into_iter().find(|dpi| dpi.number() == number)
    }

    /// Heads called 203 dpi have exactly 8 dots a millimetre. The other two are called 12 and 24, but are 300 and 600 an inch.
    pub fn dots_per_mm(self) -> f64 {
        match self {
            Dpi::D203 => 8.0,
            Dpi::D300 => 300.0 / 25.4,
            Dpi::D600 => 600.0 / 25.4,
        }
    }
}

/// In which language a label is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Chinese,
    English,
    Both,
}

impl Language {
    pub const ALL: [Language; 3] = [Language::Chinese, Language::English, Language::Both];

    /// The tag in commands and files.
    pub fn tag(self) -> &'static str {
        match self {
            Language::Chinese => "zh-CN",
            Language::English => "en",
            Language::Both => "both",
        }
    }

    pub fn from_tag(tag: &str) -> Option<Language> {
        Language::ALL.into_iter().find(|language| language.tag() == tag)
    }
}
