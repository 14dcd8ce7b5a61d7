//! TSPL and TSPL2, the language of TSC's label printers and of many others: what a printer says, and a label.
//!
//! `ESC ! ?` answers one byte of flags, `ESC ! S` eight bytes: `STX message warning error1 error2 ETX CR LF`. Labels are lines that
//! end with CR LF; `PRINT sets,copies` prints.
//! Source: TSC TSPL/TSPL2 programming manual; TTP-244 Plus and TTP-345 manuals; Gprinter GP-2120T manual.

use serde_json::{Value, json};

use crate::device::{Cut, Dialect};
use crate::event::Printer;
use crate::printer::{Heard, Status};

/// Asks for a byte of flags.
pub const STATUS_BYTE: &[u8] = b"\x1b!?";
/// Asks for what it does and what is wrong; TSC's own printers know it.
pub const STATUS_LINE: &[u8] = b"\x1b!S";
/// Ends a half line and empties the picture of a label that broke off.
pub const AFRESH: &[u8] = b"\r\nCLS\r\n";

const STX: u8 = 0x02;

/// Bytes of the answer to `ESC ! S`.
const LINE: usize = 8;

/// The flags of `ESC ! ?`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    fn bit(self, bit: u8) -> bool {
        self.0 >> bit & 1 == 1
    }

    pub fn head_open(self) -> bool {
        self.bit(0)
    }

    pub fn paper_jam(self) -> bool {
        self.bit(1)
    }

    pub fn out_of_paper(self) -> bool {
        self.bit(2)
    }

    pub fn out_of_ribbon(self) -> bool {
        self.bit(3)
    }

    pub fn paused(self) -> bool {
        self.bit(4)
    }

    pub fn printing(self) -> bool {
        self.bit(5)
    }

    pub fn cover_open(self) -> bool {
        self.bit(6)
    }

    /// Too hot or too cold.
    pub fn temperature(self) -> bool {
        self.bit(7)
    }

    pub(super) fn heard(self) -> Heard {
        Heard::Status(Status {
            printer: Printer {
                paper_out: self.out_of_paper(),
                ribbon_out: self.out_of_ribbon(),
                head_open: self.head_open() || self.cover_open(),
                paused: self.paused(),
                fault: self.paper_jam() || self.temperature(),
                waiting: None,
            },
            busy: self.printing(),
            half: false,
        })
    }

    fn fields(self) -> Value {
        json!({
            "head_open": self.head_open(), "paper_jam": self.paper_jam(), "out_of_paper": self.out_of_paper(),
            "out_of_ribbon": self.out_of_ribbon(), "paused": self.paused(), "printing": self.printing(),
            "cover_open": self.cover_open(), "temperature": self.temperature(), "ready": self.0 == 0,
        })
    }
}

/// The answer to `ESC ! S`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it does, as a letter.
    pub message: u8,
    pub warning: u8,
    /// Bits 0 head hot, 1 motor hot, 3 cutter, 4 memory.
    pub error1: u8,
    /// Bits 0 no paper, 1 jam.
    pub error2: u8,
}

impl Line {
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Line, String> {
        let &[STX, message, warning, error1, error2, 0x03, b'\r', b'\n'] = bytes else {
            return Err("the answer to ESC ! S is STX, four letters, ETX CR LF".into());
        };
        let letters = [message, warning, error1, error2];
        if !letters.iter().all(|letter| (0x40..=0x7F).contains(letter)) {
            return Err(format!("{letters:02X?} are not four letters from 40 to 7F"));
        }
        Ok(Line { message, warning, error1, error2 })
    }

    pub fn encode(self) -> Vec<u8> {
        vec![STX, self.message, self.warning, self.error1, self.error2, 0x03, b'\r', b'\n']
    }

    fn bits(self) -> (u8, u8) {
        (self.error1 & 0x3F, self.error2 & 0x3F)
    }

    fn message(self) -> &'static str {
        match self.message {
            b'@' => "normal",
            b'`' => "paused",
            b'B' => "backing_label",
            b'C' => "cutting",
            b'E' => "printer_error",
            b'F' => "form_feed",
            b'K' => "wait_print_key",
            b'L' => "wait_take_label",
            b'P' => "printing_batch",
            b'W' => "imaging",
            _ => "other",
        }
    }

    pub(super) fn heard(self) -> Heard {
        let (error1, error2) = self.bits();
        let paper_out = error2 & 1 != 0;
        let other = error1 != 0 || error2 & !1 != 0 || self.message == b'E' && !paper_out;
        Heard::Status(Status {
            printer: Printer {
                paper_out,
                paused: matches!(self.message, b'`' | b'K'),
                fault: other,
                ..Printer::default()
            },
            busy: matches!(self.message, b'B' | b'C' | b'F' | b'P' | b'W'),
            half: false,
        })
    }

    fn fields(self) -> Value {
        let (error1, error2) = self.bits();
        json!({
            "message": self.message(), "head_overheat": error1 & 1 != 0, "motor_overheat": error1 & 2 != 0,
            "cutter_jam": error1 & 8 != 0, "out_of_memory": error1 & 16 != 0, "paper_empty": error2 & 1 != 0,
            "paper_jam": error2 & 2 != 0,
        })
    }
}

/// What stands at the front: a line where one stands or may stand, else a byte of flags.
pub(super) fn cut(bytes: &[u8], dialect: Dialect) -> Cut {
    let line = |bytes: &[u8]| match bytes.get(..LINE) {
        Some(whole) if Line::parse(whole).is_ok() => Cut::Message(LINE),
        Some(_) => Cut::Noise(1),
        None if begins_line(bytes) => Cut::Incomplete,
        None => Cut::Noise(1),
    };
    match (dialect, bytes) {
        (_, []) => Cut::Incomplete,
        (Some("byte"), _) => Cut::Message(1),
        (Some(_), _) => line(bytes),
        // A jam as a byte looks like the beginning of a line; what follows it tells.
        (None, [STX, _, ..]) if begins_line(bytes) => line(bytes),
        (None, _) => Cut::Message(1),
    }
}

fn begins_line(bytes: &[u8]) -> bool {
    let fits = |(at, &byte): (usize, &u8)| match at {
        0 => byte == STX,
        1..=4 => (0x40..=0x7F).contains(&byte),
        5 => byte == 0x03,
        6 => byte == b'\r',
        _ => byte == b'\n',
    };
    bytes.iter().take(LINE).enumerate().all(fits)
}

pub(super) fn decode(bytes: &[u8], dialect: Dialect) -> Result<Value, String> {
    match (dialect, bytes) {
        (Some("byte") | None, &[flags]) => Ok(Flags(flags).fields()),
        (Some("byte"), _) => Err(format!("the answer to ESC ! ? is one byte, here are {}", bytes.len())),
        (Some(_) | None, _) => Line::parse(bytes).map(Line::fields),
    }
}

/// Whether a label leaves the printer where it can be asked again.
///
/// # Errors
/// What is wrong with the label.
pub fn check(label: &[u8]) -> Result<(), String> {
    if !label.ends_with(b"\n") {
        return Err("the label does not end its last line with CR LF, and the printer would wait for it".into());
    }
    let prints = |line: &[u8]| line.trim_ascii().get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"PRINT"));
    if !label.split(|&byte| byte == b'\n').any(prints) {
        return Err("the label is no TSPL that prints: it has no line PRINT".into());
    }
    Ok(())
}

/// A simple label: a QR code on the left, a line of text beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label<'a> {
    pub width_mm: u16,
    pub height_mm: u16,
    pub gap_mm: u16,
    pub text: &'a str,
    pub qr: &'a str,
    pub copies: u16,
}

impl Label<'_> {
    pub fn encode(&self) -> String {
        let Label { width_mm, height_mm, gap_mm, copies, .. } = self;
        let (text, qr) = (quoted(self.text), quoted(self.qr));
        format!(
            "SIZE {width_mm} mm,{height_mm} mm\r\nGAP {gap_mm} mm,0 mm\r\nDIRECTION 1\r\nCLS\r\nQRCODE 16,16,M,4,A,0,{qr}\r\n\
             TEXT 180,24,\"3\",0,1,1,{text}\r\nPRINT 1,{copies}\r\n"
        )
    }
}

/// A text in quotation marks; a quotation mark inside is `\["]`. A line cannot hold its own end, which becomes a space.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace(['\r', '\n'], " ").replace('"', "\\[\"]"))
}
