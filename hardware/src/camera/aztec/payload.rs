//! From the data bits of an Aztec symbol to its payload (ISO/IEC 24778, section 7.2).

use encoding_rs::Encoding;

/// Payload and modifier of the AIM identifier: 0 plain, 1 GS1, 2 an industry's format, 3 to 5 the same with ECI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Payload {
    pub(super) bytes: Vec<u8>,
    pub(super) modifier: u8,
    /// What the bytes say in the character sets that the symbol states.
    pub(super) text: Option<String>,
}

const GS: u8 = 0x1D;

#[derive(Clone, Copy, PartialEq)]
enum Table {
    Upper,
    Lower,
    Mixed,
    Punct,
    Digit,
}

/// What a code of a table stands for.
enum Meaning {
    Bytes(&'static [u8]),
    Latch(Table),
    Shift(Table),
    Binary,
    Flag,
}

const MIXED: &[u8; 26] = b" \x01\x02\x03\x04\x05\x06\x07\x08\x09\x0A\x0B\x0C\x0D\x1B\x1C\x1D\x1E\x1F@\\^_`|~";
const PUNCT: &[u8; 25] = b"!\"#$%&'()*+,-./:;<=>?[]{}";
const UPPER: &[u8; 27] = b" ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LOWER: &[u8; 27] = b" abcdefghijklmnopqrstuvwxyz";
const DIGIT: &[u8; 13] = b" 0123456789,.";

fn meaning(table: Table, code: usize) -> Option<Meaning> {
    let one = |table: &'static [u8], place: Option<usize>| Some(Meaning::Bytes(table.get(place?..=place?)?));
    match (table, code) {
        (Table::Upper, 1..=27) => one(UPPER, code.checked_sub(1)),
        (Table::Lower, 1..=27) => one(LOWER, code.checked_sub(1)),
        (Table::Upper | Table::Lower | Table::Mixed | Table::Digit, 0) => Some(Meaning::Shift(Table::Punct)),
        (Table::Upper, 28) => Some(Meaning::Latch(Table::Lower)),
        (Table::Lower, 28) => Some(Meaning::Shift(Table::Upper)),
        (Table::Upper | Table::Lower, 29) => Some(Meaning::Latch(Table::Mixed)),
        (Table::Upper | Table::Lower, 30) => Some(Meaning::Latch(Table::Digit)),
        (Table::Upper | Table::Lower | Table::Mixed, 31) => Some(Meaning::Binary),
        (Table::Mixed, 1..=19) => one(MIXED, code.checked_sub(1)),
        (Table::Mixed, 20..=26) => one(MIXED, code.checked_sub(1)),
        (Table::Mixed, 27) => Some(Meaning::Bytes(b"\x7F")),
        (Table::Mixed, 28) => Some(Meaning::Latch(Table::Lower)),
        (Table::Mixed, 29) => Some(Meaning::Latch(Table::Upper)),
        (Table::Mixed, 30) => Some(Meaning::Latch(Table::Punct)),
        (Table::Punct, 0) => Some(Meaning::Flag),
        (Table::Punct, 1) => Some(Meaning::Bytes(b"\r")),
        (Table::Punct, 2) => Some(Meaning::Bytes(b"\r\n")),
        (Table::Punct, 3) => Some(Meaning::Bytes(b". ")),
        (Table::Punct, 4) => Some(Meaning::Bytes(b", ")),
        (Table::Punct, 5) => Some(Meaning::Bytes(b": ")),
        (Table::Punct, 6..=30) => one(PUNCT, code.checked_sub(6)),
        (Table::Punct, 31) => Some(Meaning::Latch(Table::Upper)),
        (Table::Digit, 1..=13) => one(DIGIT, code.checked_sub(1)),
        (Table::Digit, 14) => Some(Meaning::Latch(Table::Upper)),
        (Table::Digit, 15) => Some(Meaning::Shift(Table::Upper)),
        _ => None,
    }
}

struct Bits<'a> {
    bits: &'a [bool],
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<usize> {
        let (taken, rest) = self.bits.split_at_checked(count)?;
        self.bits = rest;
        Some(taken.iter().fold(0, |value, &bit| value << 1 | usize::from(bit)))
    }
}

/// The payload of the data bits; `None` when they break the rules of the symbology.
pub(super) fn payload(bits: &[bool]) -> Option<Payload> {
    let mut bits = Bits { bits };
    let mut bytes: Vec<u8> = Vec::new();
    let mut fnc1 = None;
    // Where which character set begins.
    let mut sets: Vec<(usize, u32)> = Vec::new();
    let (mut latched, mut table) = (Table::Upper, Table::Upper);
    // What is left when a code does not fit any more is padding.
    while let Some(code) = bits.take(if table == Table::Digit { 4 } else { 5 }) {
        let back = latched;
        match meaning(table, code)? {
            Meaning::Bytes(found) => bytes.extend(found),
            Meaning::Latch(to) => {
                (latched, table) = (to, to);
                continue;
            }
            Meaning::Shift(to) => {
                table = to;
                continue;
            }
            Meaning::Binary => {
                let Some(short) = bits.take(5) else { break };
                let length = if short == 0 {
                    let Some(long) = bits.take(11) else { break };
                    long + 31
                } else {
                    short
                };
                for _ in 0..length {
                    let Some(byte) = bits.take(8) else { break };
                    bytes.push(u8::try_from(byte).ok()?);
                }
            }
            Meaning::Flag => match bits.take(3)? {
                0 => match bytes.as_slice() {
                    [] if fnc1.is_none() => fnc1 = Some(1),
                    [letter] if fnc1.is_none() && letter.is_ascii_alphabetic() => fnc1 = Some(2),
                    [one, two] if fnc1.is_none() && one.is_ascii_digit() && two.is_ascii_digit() => fnc1 = Some(2),
                    _ => bytes.push(GS),
                },
                7 => return None,
                digits => {
                    let mut number = 0;
                    for _ in 0..digits {
                        let digit = bits.take(4)?.checked_sub(2).filter(|digit| *digit < 10)?;
                        number = number * 10 + u32::try_from(digit).ok()?;
                    }
                    sets.push((bytes.len(), number));
                }
            },
        }
        table = back;
    }
    let modifier = b'0' + fnc1.unwrap_or(0) + if sets.is_empty() { 0 } else { 3 };
    let text = (!sets.is_empty()).then(|| stated(&bytes, &sets));
    Some(Payload { bytes, modifier, text })
}

/// The text of bytes in the character sets that begin at these places; Latin-1 before the first.
fn stated(bytes: &[u8], sets: &[(usize, u32)]) -> String {
    let ends = sets.iter().skip(1).map(|set| set.0).chain([bytes.len()]);
    let first = sets.first().map_or(bytes.len(), |set| set.0);
    let mut text: String = bytes.iter().take(first).copied().map(char::from).collect();
    for (&(from, number), to) in sets.iter().zip(ends) {
        let part = bytes.get(from..to).unwrap_or_default();
        match encoding(number) {
            Some(encoding) => text.push_str(&encoding.decode_without_bom_handling(part).0),
            None => text.extend(part.iter().copied().map(char::from)),
        }
    }
    text
}

/// The character set of an ECI number (AIM ITS/04-023); `None` for Latin-1 and for what is no text.
fn encoding(number: u32) -> Option<&'static Encoding> {
    let label = match number {
        4 => "iso-8859-2",
        5 => "iso-8859-3",
        6 => "iso-8859-4",
        7 => "iso-8859-5",
        8 => "iso-8859-6",
        9 => "iso-8859-7",
        10 => "iso-8859-8",
        11 => "iso-8859-9",
        12 => "iso-8859-10",
        13 => "windows-874",
        15 => "iso-8859-13",
        16 => "iso-8859-14",
        17 => "iso-8859-15",
        18 => "iso-8859-16",
        20 => "shift_jis",
        21 => "windows-1250",
        22 => "windows-1251",
        23 => "windows-1252",
        24 => "windows-1256",
        25 => "utf-16be",
        26 => "utf-8",
        28 => "big5",
        29 | 31 | 32 => "gb18030",
        30 => "euc-kr",
        33 => "utf-16le",
        _ => return None,
    };
    Encoding::for_label(label.as_bytes())
}
