//! RDM6300 and its kin: a reader of 125 kHz badges (EM4100) that repeats what it reads (9600 8N1).
//!
//! `02 | 10 hex digits | 2 hex digits | 03`: version byte and 32 bit number, then the xor of these five bytes. It comes
//! every 65 ms while the badge is there and cannot be asked for.
//! Source: github.com/arduino12/rdm6300.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};

use crate::device::{Codec, Cut, Dialect, Family, Link, Reads, Serial, Session};
use crate::event::{Card, CardKind, Event, Read};
use crate::settings::{Form, Setting};
use crate::{checksum, hex, simulator};

pub static FAMILY: Family = Family {
    name: "rdm6300",
    reads: &[Reads::Cards],
    link: Link::Serial(Serial::of(9600)),
    // CH340, CP210x and FTDI adapters.
    usb_ids: &[(0x1A86, 0x7523), (0x10C4, 0xEA60), (0x0403, 0x6001)],
    description: "reader RDM6300 of 125 kHz badges (EM4100)",
    settings: &[Setting {
        name: "gone_ms",
        form: Form::Whole { default: 300, from: 100, to: 10_000 },
        says: "A badge that was not seen for so many milliseconds is gone; held again it is read again.",
    }],
    session: |settings| Ok(Box::new(Rdm6300::new(Duration::from_millis(settings.whole("gone_ms"))))),
    simulator: |_, script, seed| Box::new(simulator::rdm6300::Reader::new(script, seed)),
    codec: Codec { dialects: &[], cut, decode },
};

/// Bytes of a frame.
pub const FRAME: usize = 14;

const STX: u8 = 0x02;
const ETX: u8 = 0x03;

/// Pause in a frame after which the rest will not come. At 9600 baud a byte takes 1 ms.
pub const GAP: Duration = Duration::from_millis(100);

/// Why no frame stands at the front of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    Incomplete {
        have: usize,
    },
    /// The byte at this place cannot stand there.
    Byte {
        at: usize,
        found: u8,
    },
    Checksum {
        found: u8,
        right: u8,
    },
}

impl std::fmt::Display for FrameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Incomplete { have } => write!(f, "the frame is cut short: {have} of {FRAME} bytes"),
            Self::Byte { at, found } => {
                write!(f, "byte {at} is {found:02X}: a frame is 02, twelve hex digits and 03")
            }
            Self::Checksum { found, right } => write!(f, "the checksum is {found:02X}, the number gives {right:02X}"),
        }
    }
}

impl std::error::Error for FrameError {}

/// The frame of a badge.
pub fn encode(number: [u8; 5]) -> Vec<u8> {
    let check = checksum::xor8(&number);
    let digits = hex::encode(&number) + &hex::encode(&[check]);
    [&[STX], digits.to_ascii_uppercase().as_bytes(), &[ETX]].concat()
}

/// The number in the frame at the front.
///
/// # Errors
/// [`FrameError::Incomplete`] when more bytes may complete it, any other when none will.
pub fn parse(bytes: &[u8]) -> Result<[u8; 5], FrameError> {
    let mut values = [0u8; 6];
    for at in 0..FRAME {
        let &found = bytes.get(at).ok_or(FrameError::Incomplete { have: bytes.len() })?;
        let digit = char::from(found).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (at, digit) {
            (0, _) if found == STX => (),
            (13, _) if found == ETX => (),
            (1..=12, Some(digit)) => {
                if let Some(value) = values.get_mut((at - 1) / 2) {
                    *value = *value << 4 | digit;
                }
            }
            _ => return Err(FrameError::Byte { at, found }),
        }
    }
    let [a, b, c, d, e, found] = values;
    let right = a ^ b ^ c ^ d ^ e;
    if found != right {
        return Err(FrameError::Checksum { found, right });
    }
    Ok([a, b, c, d, e])
}

fn cut(bytes: &[u8], _: Dialect) -> Cut {
    match parse(bytes) {
        Ok(_) => Cut::Message(FRAME),
        Err(FrameError::Incomplete { .. }) => Cut::Incomplete,
        Err(_) => Cut::Noise(1),
    }
}

fn decode(bytes: &[u8], _: Dialect) -> Result<Value, String> {
    let number = parse(bytes).map_err(|error| error.to_string())?;
    if FRAME < bytes.len() {
        return Err(format!("{} bytes follow the frame", bytes.len() - FRAME));
    }
    let [version, a, b, c, d] = number;
    let id = u32::from_be_bytes([a, b, c, d]);
    Ok(json!({
        "version": version, "tag_id": id, "hex10": hex::encode(&number).to_ascii_uppercase(),
        // The two forms that are printed on badges.
        "decimal10": format!("{id:010}"), "wiegand26": format!("{b:03},{:05}", u16::from_be_bytes([c, d])),
    }))
}

/// A session with one reader. Holds one frame that is not complete, and the events not yet polled.
#[derive(Clone, Debug)]
pub struct Rdm6300 {
    gone: Duration,
    received: Vec<u8>,
    heard: Duration,
    /// The badge that is there, and when it was seen last.
    there: Option<([u8; 5], Duration)>,
    noise: usize,
    events: VecDeque<Event>,
    closed: bool,
}

impl Rdm6300 {
    /// A session in which a badge is gone that was not seen for so long.
    pub fn new(gone: Duration) -> Rdm6300 {
        Rdm6300 {
            gone,
            received: Vec::new(),
            heard: Duration::ZERO,
            there: None,
            noise: 0,
            events: VecDeque::new(),
            closed: true,
        }
    }

    fn see(&mut self, number: [u8; 5], now: Duration) {
        let known = |&(there, seen): &([u8; 5], Duration)| there == number && now < seen.saturating_add(self.gone);
        let held = self.there.as_ref().is_some_and(known);
        self.there = Some((number, now));
        if !held {
            self.report_noise();
            let card = Card { kind: CardKind::Em4100, number: number.to_vec() };
            self.events.push_back(Event::Read(Read::Card(card)));
        }
    }

    fn drop_half_frame(&mut self, now: Duration) {
        if !self.received.is_empty() && self.heard.saturating_add(GAP) <= now {
            self.noise += self.received.len();
            self.received.clear();
            self.report_noise();
        }
    }

    fn report_noise(&mut self) {
        let bytes = std::mem::take(&mut self.noise);
        if 0 < bytes {
            self.events.push_back(Event::Noise { bytes });
        }
    }
}

impl Session for Rdm6300 {
    /// The reader cannot be asked, so it is ready at once and its model unknown.
    fn opened(&mut self, _now: Duration) {
        self.noise += self.received.len();
        self.report_noise();
        self.received.clear();
        self.there = None;
        self.closed = false;
        self.events.push_back(Event::Ready { model: String::new() });
    }

    fn receive(&mut self, bytes: &[u8], now: Duration) {
        if self.closed || bytes.is_empty() {
            return;
        }
        self.drop_half_frame(now);
        self.heard = now;
        let received = [std::mem::take(&mut self.received).as_slice(), bytes].concat();
        let mut left = received.as_slice();
        while !left.is_empty() {
            let used = match parse(left) {
                Ok(number) => {
                    self.see(number, now);
                    FRAME
                }
                Err(FrameError::Incomplete { .. }) => break,
                Err(FrameError::Byte { .. } | FrameError::Checksum { .. }) => {
                    self.noise += 1;
                    1
                }
            };
            left = left.get(used..).unwrap_or_default();
        }
        self.received = left.to_vec();
        self.report_noise();
    }

    fn tick(&mut self, now: Duration) {
        self.drop_half_frame(now);
    }

    /// The reader hears nothing.
    fn transmit(&mut self) -> Option<Vec<u8>> {
        None
    }

    fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn wake(&self) -> Option<Duration> {
        (!self.closed && !self.received.is_empty()).then(|| self.heard.saturating_add(GAP))
    }

    fn close(&mut self, _now: Duration) {
        self.closed = true;
    }

    fn closed(&self) -> bool {
        self.closed
    }
}
