//! A serial bar code scanner: bytes in, symbols out.
//!
//! A scanner has no protocol to speak of: it sends the text of a symbol between a prefix and a suffix, and what
//! these are is a setting of the scanner. [`Framing`] is the same setting on this side.
//!
//! Nothing protects the text on the line, so the rules are strict where noise could pass for a code:
//! - Without a prefix a line that begins with NUL (a break on the wire) or holds a control byte which no printed
//!   label uses is noise. NUL, TAB, LF, CR, EOT, FS, GS, RS and US are used (ISO/IEC 15434, GS1). With a prefix the
//!   code is framed on both sides and may hold any byte; a scanner that reads binary symbols needs one.
//! - What was pending when the link was opened anew is noise: half a code is never a read.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};

use crate::device::{Codec, Cut, Dialect, Family, Link, Reads, Serial, Session};
use crate::event::{Aim, Event, Read, Symbol};
use crate::settings::{Form, Setting, Settings};
use crate::{aim, hex, simulator};

pub static FAMILY: Family = Family {
    name: "scanner",
    reads: &[Reads::Symbols],
    link: Link::Serial(Serial::of(9600)),
    // Zebra, Newland.
    usb_ids: &[(0x05E0, 0x1701), (0x1EAB, 0x0C06)],
    description: "bar code scanner on a serial line (USB-CDC or RS-232)",
    settings: SETTINGS,
    session: |settings| match Scanner::new(Framing::of(settings)) {
        Ok(scanner) => Ok(Box::new(scanner)),
        Err(error) => Err(error.to_string()),
    },
    simulator: |settings, script, seed| Box::new(simulator::scanner::Scanner::set(settings, script, seed)),
    codec: Codec { dialects: &[], cut, decode },
};

const SETTINGS: &[Setting] = &[
    Setting {
        name: "prefix",
        form: Form::Text(""),
        says: "What the scanner sends before each code; \"\" for nothing.",
    },
    Setting {
        name: "terminators",
        form: Form::Texts(&["\r", "\n"]),
        says: "What ends a code; the longest that fits counts. An LF behind a CR belongs to it.",
    },
    Setting {
        name: "idle_ms",
        form: Form::Whole { default: 0, from: 0, to: 5000 },
        says: "A pause of so many milliseconds ends a code too; 0 for never. For scanners without a suffix: 50 over USB, \
               more over 9600 baud.",
    },
    Setting {
        name: "max_len",
        form: Form::Whole { default: 8192, from: 1, to: 65_536 },
        says: "Longest code in bytes; a longer one is noise. The largest QR code holds 7089.",
    },
    Setting {
        name: "strip_parity",
        form: Form::Flag(false),
        says: "true for a scanner that sends 7 bits with parity over a line set to 8.",
    },
    Setting {
        name: "aim",
        form: Form::Word(&["when_sent", "absent", "required"]),
        says: "AIM identifier in front of the code (]d2 and such). Switch it on in the scanner: it tells a GS1 code from \
               a text that looks alike.",
    },
];

/// Longest code accepted when nothing else is set, in bytes: the largest QR symbol holds 7,089 digits.
pub const LENGTH_MAX: usize = 8192;

/// How a scanner marks the beginning and the end of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framing {
    /// Bytes before each code; empty for none. What comes before them is not part of a code.
    pub prefix: Vec<u8>,
    /// Byte strings of which each ends a code; the longest that fits counts.
    pub terminators: Vec<Vec<u8>>,
    /// A pause this long ends a code too.
    pub idle: Option<Duration>,
    /// Longest code accepted, in bytes. A longer line is dropped up to its end.
    pub max_len: usize,
    /// Clears the top bit of each byte: the scanner sends 7 bits with parity over a line set to 8 bits.
    pub strip_parity: bool,
    pub aim: AimMode,
}

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

impl Default for Framing {
    /// What most scanners are set to: CR, LF or both behind each code.
    fn default() -> Self {
        Self {
            prefix: Vec::new(),
            terminators: vec![vec![b'\r'], vec![b'\n']],
            idle: None,
            max_len: LENGTH_MAX,
            strip_parity: false,
            aim: AimMode::WhenSent,
        }
    }
}

/// Why a framing cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramingError {
    /// Neither a terminator nor a pause ends a code.
    Endless,
    /// A terminator without a byte.
    EmptyTerminator,
    /// The longest code would be no code at all, or larger than [`Framing::MAX_LEN`].
    Length { max_len: usize },
}

impl std::fmt::Display for FramingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Endless => write!(f, "nothing ends a code: name a terminator, or a pause of some 50 ms"),
            Self::EmptyTerminator => {
                write!(f, "a terminator is empty: remove it or name its bytes")
            }
            Self::Length { max_len } => {
                write!(f, "the longest code is {max_len} bytes: it must be from 1 to {}", Framing::MAX_LEN)
            }
        }
    }
}

impl std::error::Error for FramingError {}

impl Framing {
    /// Largest `max_len`: no symbol comes near it, and it bounds what a scanner can make the door hold.
    pub const MAX_LEN: usize = 65_536;

    fn of(settings: &Settings) -> Framing {
        let idle_ms: u64 = settings.whole("idle_ms");
        Framing {
            prefix: settings.text("prefix").into_bytes(),
            terminators: settings.texts("terminators").into_iter().map(String::into_bytes).collect(),
            idle: (0 < idle_ms).then(|| Duration::from_millis(idle_ms)),
            max_len: settings.whole("max_len"),
            strip_parity: settings.flag("strip_parity"),
            aim: match settings.text("aim").as_str() {
                "absent" => AimMode::Absent,
                "required" => AimMode::Required,
                _ => AimMode::WhenSent,
            },
        }
    }

    fn check(&self) -> Result<(), FramingError> {
        if self.terminators.is_empty() && self.idle.is_none() {
            return Err(FramingError::Endless);
        }
        if self.terminators.iter().any(Vec::is_empty) {
            return Err(FramingError::EmptyTerminator);
        }
        if !(1..=Self::MAX_LEN).contains(&self.max_len) {
            return Err(FramingError::Length { max_len: self.max_len });
        }
        Ok(())
    }

    /// Bytes of the longest terminator that `line` ends with.
    fn ending(&self, line: &[u8]) -> Option<usize> {
        self.terminators.iter().filter(|end| line.ends_with(end)).map(Vec::len).max()
    }

    fn terminator_max(&self) -> usize {
        self.terminators.iter().map(Vec::len).max().unwrap_or(0)
    }
}

/// A session with one scanner. Holds one line of at most `max_len` bytes and a terminator, and the events that
/// were not yet polled.
#[derive(Clone, Debug)]
pub struct Scanner {
    framing: Framing,
    place: Place,
    line: Vec<u8>,
    /// The byte before was a CR that ended a code: an LF belongs to it.
    after_cr: bool,
    heard: Option<Duration>,
    noise: usize,
    events: VecDeque<Event>,
    closed: bool,
}

/// Where in the stream the next byte falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before a prefix; `line` holds what may be its first bytes.
    Outside,
    Inside,
    /// In a line that grew too long, of which only the end is awaited; `line` holds what may be its terminator.
    Overlong,
}

impl Scanner {
    /// # Errors
    /// A [`FramingError`] when no code could ever end.
    pub fn new(framing: Framing) -> Result<Self, FramingError> {
        framing.check()?;
        let place = outside(&framing);
        Ok(Self {
            framing,
            place,
            line: Vec::new(),
            after_cr: false,
            heard: None,
            noise: 0,
            events: VecDeque::new(),
            closed: true,
        })
    }

    /// The bytes of a code that has begun and not ended.
    pub fn pending(&self) -> &[u8] {
        match self.place {
            Place::Inside => &self.line,
            Place::Outside | Place::Overlong => &[],
        }
    }
}

impl Session for Scanner {
    /// The link was just opened. A scanner cannot be asked, so it is ready at once and its model unknown.
    fn opened(&mut self, _now: Duration) {
        self.forget();
        self.closed = false;
        self.events.push_back(Event::Ready { model: String::new() });
    }

    /// Takes what the port just delivered, in any split.
    fn receive(&mut self, bytes: &[u8], now: Duration) {
        if self.closed || bytes.is_empty() {
            return;
        }
        self.tick(now);
        self.heard = Some(now);
        for &byte in bytes {
            let byte = if self.framing.strip_parity { byte & 0x7F } else { byte };
            let after_cr = std::mem::take(&mut self.after_cr);
            if after_cr && byte == b'\n' && self.line.is_empty() {
                continue;
            }
            match self.place {
                Place::Outside => self.outside(byte),
                Place::Inside => self.inside(byte),
                Place::Overlong => self.overlong(byte),
            }
        }
        self.report_noise();
    }

    /// Ends a code when the pause behind it is over.
    fn tick(&mut self, now: Duration) {
        if self.wake().is_none_or(|wake| now < wake) {
            return;
        }
        match self.place {
            Place::Outside => self.noise += self.line.len(),
            Place::Inside => self.end(self.line.len()),
            Place::Overlong => self.noise += self.line.len(),
        }
        self.restart();
        self.report_noise();
    }

    /// A scanner is sent nothing.
    fn transmit(&mut self) -> Option<Vec<u8>> {
        None
    }

    /// The next event; call until `None` after each of the calls above.
    fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When the pause behind the bytes received so far ends a code.
    fn wake(&self) -> Option<Duration> {
        let pending = !self.line.is_empty() || self.place == Place::Overlong;
        let (heard, idle) = (self.heard?, self.framing.idle?);
        pending.then(|| heard.saturating_add(idle))
    }

    /// A scanner has nothing to end: what is pending is noise and the session is over at once.
    fn close(&mut self, _now: Duration) {
        self.forget();
        self.closed = true;
    }

    fn closed(&self) -> bool {
        self.closed
    }
}

impl Scanner {
    /// Bytes before a prefix are noise, save a CR and LF that some scanners send behind their suffix.
    fn outside(&mut self, byte: u8) {
        self.line.push(byte);
        if self.line == self.framing.prefix {
            self.line.clear();
            self.place = Place::Inside;
        }
        while !self.line.is_empty() && !self.framing.prefix.starts_with(&self.line) {
            let stray = self.line.remove(0);
            self.noise += usize::from(!matches!(stray, b'\r' | b'\n'));
        }
    }

    fn inside(&mut self, byte: u8) {
        self.line.push(byte);
        let prefix = &self.framing.prefix;
        if let Some(ending) = self.framing.ending(&self.line) {
            let length = self.line.len() - ending;
            self.after_cr = byte == b'\r';
            self.end(length);
            self.restart();
        } else if !prefix.is_empty() && self.line.ends_with(prefix) {
            // A new beginning: the code before it was cut off.
            self.noise += self.line.len();
            self.line.clear();
        } else if self.framing.max_len + self.framing.terminator_max() < self.line.len() {
            self.fault_overlong();
            self.place = Place::Overlong;
            self.shorten();
        }
    }

    fn overlong(&mut self, byte: u8) {
        self.line.push(byte);
        let prefix = &self.framing.prefix;
        if self.framing.ending(&self.line).is_some() {
            self.after_cr = byte == b'\r';
            self.noise += self.line.len();
            self.restart();
        } else if !prefix.is_empty() && self.line.ends_with(prefix) {
            self.noise += self.line.len();
            self.restart();
            self.place = Place::Inside;
        } else {
            self.shorten();
        }
    }

    /// Keeps of an over-long line only what can be the beginning of its end.
    fn shorten(&mut self) {
        let keep = self.framing.terminator_max().max(self.framing.prefix.len()).saturating_sub(1);
        let drop = self.line.len().saturating_sub(keep);
        self.line.drain(..drop);
        self.noise += drop;
    }

    /// The first `length` bytes of the line are a code, or noise.
    fn end(&mut self, length: usize) {
        let Some(payload) = self.line.get(..length).filter(|payload| !payload.is_empty()) else {
            return;
        };
        if self.framing.max_len < length {
            self.noise += length;
            self.fault_overlong();
            return;
        }
        if self.framing.prefix.is_empty() && !printable(payload) {
            self.noise += length;
            return;
        }
        let found = match self.framing.aim {
            AimMode::Absent => None,
            AimMode::WhenSent | AimMode::Required => aim::split(payload),
        };
        let (aim, text) = match found {
            Some((aim, text)) => (Some(aim), text),
            None => (None, payload),
        };
        let event = if aim.is_none() && self.framing.aim == AimMode::Required {
            let start = payload.get(..payload.len().min(40)).unwrap_or(payload).escape_ascii();
            let text = format!(
                "a line without AIM identifier was not taken as a code: \"{start}\"; \
                 let the scanner send AIM identifiers, or do not require them"
            );
            Event::Fault { text }
        } else if text.is_empty() {
            Event::Fault { text: "a symbol without text was read; print the label anew".into() }
        } else {
            Event::Read(Read::Symbol(Symbol { aim, bytes: text.to_vec() }))
        };
        self.report_noise();
        self.events.push_back(event);
    }

    fn fault_overlong(&mut self) {
        let text = format!(
            "a line of more than {} bytes was dropped up to its end; check the suffix of the scanner, or allow longer codes",
            self.framing.max_len
        );
        self.report_noise();
        self.events.push_back(Event::Fault { text });
    }

    fn report_noise(&mut self) {
        let bytes = std::mem::take(&mut self.noise);
        if 0 < bytes {
            self.events.push_back(Event::Noise { bytes });
        }
    }

    fn restart(&mut self) {
        self.line.clear();
        self.place = outside(&self.framing);
    }

    /// Forgets what is pending and says so.
    fn forget(&mut self) {
        self.noise += self.line.len();
        self.restart();
        self.after_cr = false;
        self.heard = None;
        self.report_noise();
    }
}

/// Where a stream begins: without a prefix every byte may be the first of a code.
fn outside(framing: &Framing) -> Place {
    if framing.prefix.is_empty() { Place::Inside } else { Place::Outside }
}

/// Whether a line without prefix can be a code; see the head of this file.
fn printable(line: &[u8]) -> bool {
    let used = |&byte: &u8| matches!(byte, 0x20..=0x7E | 0x80..=0xFF | 0 | b'\t' | b'\n' | b'\r' | 0x04 | 0x1C..=0x1F);
    line.first() != Some(&0) && line.iter().all(used)
}

/// A line of a captured stream with its end.
fn cut(bytes: &[u8], _: Dialect) -> Cut {
    let ends = |byte: &u8| matches!(byte, b'\r' | b'\n');
    if let Some(&first) = bytes.first()
        && ends(&first)
    {
        return Cut::Noise(1);
    }
    match bytes.iter().position(ends) {
        Some(end) if bytes.get(end..end + 2) == Some(b"\r\n") => Cut::Message(end + 2),
        Some(end) => Cut::Message(end + 1),
        None if LENGTH_MAX < bytes.len() => Cut::Noise(bytes.len()),
        None => Cut::Incomplete,
    }
}

/// What a scanner sent: the AIM identifier apart.
fn decode(bytes: &[u8], _: Dialect) -> Result<Value, String> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let (found, payload) = match aim::split(bytes) {
        Some((found, payload)) => (Some(found), payload),
        None => (None, bytes),
    };
    Ok(json!({
        "present": found.is_some(),
        "code": found.map(|aim| char::from(aim.code).to_string()),
        "modifier": found.map(|aim| char::from(aim.modifier).to_string()),
        "symbology": found.and_then(Aim::symbology),
        "gs1": found.is_some_and(Aim::gs1),
        "payload_hex": hex::encode(payload),
    }))
}
