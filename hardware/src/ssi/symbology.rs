//! The symbology byte in front of a decoded text.

use crate::event::Aim;

/// The trade name of a symbology, `None` for a number that the protocol leaves open.
pub fn name(symbology: u8) -> Option<&'static str> {
    Some(match symbology {
        0x01 => "Code 39",
        0x02 => "Codabar",
        0x03 => "Code 128",
        0x04 => "Discrete 2 of 5",
        0x06 => "Interleaved 2 of 5",
        0x07 => "Code 93",
        0x08 => "UPC-A",
        0x09 => "UPC-E",
        0x0A => "EAN-8",
        0x0B => "EAN-13",
        0x0C => "Code 11",
        0x0E => "MSI",
        0x0F => "GS1-128",
        0x11 => "PDF417",
        0x13 => "Code 39 full ASCII",
        0x1B => "Data Matrix",
        0x1C => "QR Code",
        0x25 => "MaxiCode",
        0x2D => "Aztec",
        0x2E => "Aztec rune",
        0x30 => "GS1 DataBar",
        0x31 => "GS1 DataBar Limited",
        0x32 => "GS1 DataBar Expanded",
        _ => return None,
    })
}

/// The AIM identifier that says the same as the symbology byte of `text`. Only where there is one: the byte of a Data
/// Matrix or QR code does not tell GS1 from plain text, and that of Code 39 or ITF not what became of a check digit.
pub fn aim(symbology: u8, text: &[u8]) -> Option<Aim> {
    let (code, modifier) = match symbology {
        0x03 => (b'C', b'0'),
        0x0F => (b'C', b'1'),
        0x07 => (b'G', b'0'),
        0x0A => (b'E', b'4'),
        0x0B => (b'E', b'0'),
        0x2E => (b'z', b'C'),
        // Some engines send these without their application identifier: a bare GTIN is no element string.
        0x30 | 0x31 if text.starts_with(b"01") && text.len() == 16 => (b'e', b'0'),
        0x32 => (b'e', b'0'),
        _ => return None,
    };
    Some(Aim { code, modifier })
}

/// The code character that the AIM identifiers of a symbology have.
pub fn aim_code(symbology: u8) -> Option<u8> {
    Some(match symbology {
        0x01 | 0x13 => b'A',
        0x02 => b'F',
        0x03 | 0x0F => b'C',
        0x04 => b'S',
        0x06 => b'I',
        0x07 => b'G',
        0x08..=0x0B => b'E',
        0x0C => b'H',
        0x0E => b'M',
        0x11 => b'L',
        0x1B => b'd',
        0x1C => b'Q',
        0x25 => b'U',
        0x2D | 0x2E => b'z',
        0x30..=0x32 => b'e',
        _ => return None,
    })
}

/// The byte under which a decoder sends a symbol with this identifier; Code 128 for a symbol without.
pub fn of_aim(aim: Option<Aim>) -> u8 {
    match aim.map(|aim| (aim.code, aim.modifier)) {
        Some((b'C', b'1')) => 0x0F,
        Some((b'E', b'4')) => 0x0A,
        Some((b'E', _)) => 0x0B,
        Some((b'A', _)) => 0x01,
        Some((b'F', _)) => 0x02,
        Some((b'S', _)) => 0x04,
        Some((b'I', _)) => 0x06,
        Some((b'G', _)) => 0x07,
        Some((b'H', _)) => 0x0C,
        Some((b'M', _)) => 0x0E,
        Some((b'L', _)) => 0x11,
        Some((b'd', _)) => 0x1B,
        Some((b'Q', _)) => 0x1C,
        Some((b'U', _)) => 0x25,
        Some((b'z', b'C')) => 0x2E,
        Some((b'z', _)) => 0x2D,
        Some((b'e', _)) => 0x32,
        Some(_) | None => 0x03,
    }
}
