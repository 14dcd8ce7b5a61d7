//! Symbology identifiers `]cm` of ISO/IEC 15424: what kind of symbol the scanner read.
//!
//! They are the only reliable way to tell a GS1 element string from plain text, so every scanner should be set to
//! send them.

use crate::event::{Aim, Event, Read, Symbol};

/// What is done with the AIM identifier at the front of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AimMode {
    /// The scanner sends none; a `]` is text.
    Absent,
    /// Taken when there is one.
    WhenSent,
    /// The scanner always sends one; a line without it is cut or foreign and gives a fault, not a read.
    Required,
}

impl AimMode {
    /// The words of the setting `aim`.
    pub(crate) const WORDS: &'static [&'static str] = &["when_sent", "absent", "required"];

    pub(crate) fn of(word: &str) -> AimMode {
        match word {
            "absent" => AimMode::Absent,
            "required" => AimMode::Required,
            _ => AimMode::WhenSent,
        }
    }

    /// What a code reports whose text, with its identifier where there is one, is `payload`.
    pub(crate) fn report(self, payload: &[u8]) -> Event {
        let found = match self {
            AimMode::Absent => None,
            AimMode::WhenSent | AimMode::Required => split(payload),
        };
        let (aim, text) = match found {
            Some((aim, text)) => (Some(aim), text),
            None => (None, payload),
        };
        self.symbol(aim, text)
    }

    /// What a code reports that came apart from its identifier.
    pub(crate) fn symbol(self, aim: Option<Aim>, text: &[u8]) -> Event {
        if aim.is_none() && self == AimMode::Required {
            let start = text.get(..text.len().min(40)).unwrap_or(text).escape_ascii();
            let text = format!(
                "a line without AIM identifier was not taken as a code: \"{start}\"; \
                 let the scanner send AIM identifiers, or do not require them"
            );
            return Event::Fault { text };
        }
        if text.is_empty() {
            return Event::Fault { text: "a symbol without text was read; print the label anew".into() };
        }
        Event::Read(Read::Symbol(Symbol { aim, bytes: text.to_vec() }))
    }
}

/// Parts `]cm` from the payload behind it. `None` when `bytes` does not begin with an identifier: then all of it
/// is payload, also where it happens to begin with a bracket.
pub fn split(bytes: &[u8]) -> Option<(Aim, &[u8])> {
    let &[b']', code, modifier, ref payload @ ..] = bytes else {
        return None;
    };
    let aim = Aim { code, modifier };
    // Modifiers are hexadecimal digits; Aztec uses up to C.
    let sound = matches!(modifier, b'0'..=b'9' | b'A'..=b'F') && aim.symbology().is_some();
    sound.then_some((aim, payload))
}

impl Aim {
    /// The trade name of the symbology, `None` for a code character that the standard leaves open.
    pub fn symbology(self) -> Option<&'static str> {
        Some(match self.code {
            b'A' => "Code 39",
            b'B' => "Telepen",
            b'C' => "Code 128",
            b'D' => "Code One",
            b'E' => "EAN/UPC",
            b'F' => "Codabar",
            b'G' => "Code 93",
            b'H' => "Code 11",
            b'I' => "Interleaved 2 of 5",
            b'J' => "DotCode",
            b'K' => "Code 16K",
            b'L' => "PDF417",
            b'M' => "MSI",
            b'N' => "Anker",
            b'O' => "Codablock",
            b'P' => "Plessey",
            b'Q' => "QR Code",
            b'R' | b'S' => "2 of 5",
            b'T' => "Code 49",
            b'U' => "MaxiCode",
            b'X' => "Other",
            b'Y' => "System expansion",
            b'Z' => "Not a bar code",
            b'c' => "Channel Code",
            b'd' => "Data Matrix",
            b'e' => "GS1 DataBar",
            b'h' => "Han Xin",
            b'o' => "OCR",
            b'p' => "PosiCode",
            b's' => "SuperCode",
            b'z' => "Aztec",
            _ => return None,
        })
    }

    /// Whether the payload is a GS1 element string with GS (1D) as separator: `]C1 ]e0 ]d2 ]Q3 ]J1` and the twins
    /// with ECI `]d5 ]Q4 ]J4` (GS1 General Specifications, section 7.8). A bare GTIN (`]E0`, `]E4`) is not one.
    pub fn gs1(self) -> bool {
        matches!(
            (self.code, self.modifier),
            (b'C', b'1') | (b'e', b'0') | (b'd', b'2' | b'5') | (b'Q', b'3' | b'4') | (b'J', b'1' | b'4')
        )
    }
}

impl std::fmt::Display for Aim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "]{}{}", self.code.escape_ascii(), self.modifier.escape_ascii())
    }
}
