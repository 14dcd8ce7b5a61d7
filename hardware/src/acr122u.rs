//! ACR122U and other card readers behind PC/SC: commands to a card and their answers.
//!
//! PC/SC is a service of the system and no stream, so a link to it carries messages: `kind | length u16 BE | bytes`. Whoever opens
//! the reader says its name once (`N`), then `C` with the answer to reset when a card comes, `G` when it is gone, and `R`
//! with the answer to each `A`, a command that this session wants transmitted to the card.
//! Source: PC/SC part 3, supplemental document for contactless cards (pseudo APDUs); ACS ACR122U API V2.04.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};

use crate::device::{Codec, Cut, Dialect, Family, Link, Reads, Session};
use crate::event::{Card, CardKind, Event, Read};
use crate::pn532::session::{DRAWN, drawn};
use crate::settings::{Form, Setting};
use crate::{hex, simulator};

pub static FAMILY: Family = Family {
    name: "acr122u",
    reads: &[Reads::Cards],
    link: Link::Pcsc,
    usb_ids: &[(0x072F, 0x2200)],
    description: "card reader ACR122U, or another behind PC/SC",
    settings: &[Setting {
        name: "gone_ms",
        form: Form::Whole { default: 300, from: 0, to: 10_000 },
        says: "A card that is back within so many milliseconds was never gone: held at the rim of the field it comes and goes.",
    }],
    session: |settings| Ok(Box::new(Acr122u::new(Duration::from_millis(settings.whole("gone_ms"))))),
    simulator: |_, script, seed| Box::new(simulator::acr122u::Reader::new(script, seed)),
    codec: Codec { dialects: &["link", "apdu"], cut, decode },
};

/// Longest content of a message, in bytes: an answer has 256 of data and two of status, a name or reset answer less.
pub const CONTENT_MAX: usize = 300;

/// How long a card may take to answer.
pub const ANSWERS: Duration = Duration::from_millis(1000);

/// How long the reader may take to be there.
const NAMED: Duration = Duration::from_secs(3);

/// How often a card is asked for its number.
const TRIES: u8 = 3;

/// Pause in a message after which the rest will not come.
const GAP: Duration = Duration::from_millis(500);

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The reader's name.
    Name,
    /// A card came; its answer to reset.
    Card,
    /// The card is gone.
    Gone,
    /// A command for the card.
    Command,
    /// The card's answer: data and status.
    Answer,
}

impl Kind {
    const ALL: [Kind; 5] = [Kind::Name, Kind::Card, Kind::Gone, Kind::Command, Kind::Answer];

    fn byte(self) -> u8 {
        match self {
            Kind::Name => b'N',
            Kind::Card => b'C',
            Kind::Gone => b'G',
            Kind::Command => b'A',
            Kind::Answer => b'R',
        }
    }

    fn word(self) -> &'static str {
        match self {
            Kind::Name => "name",
            Kind::Card => "card",
            Kind::Gone => "gone",
            Kind::Command => "command",
            Kind::Answer => "answer",
        }
    }
}

/// A message of the link. Content that is too long is cut, which neither side sends.
pub fn message(kind: Kind, content: &[u8]) -> Vec<u8> {
    let content = content.get(..CONTENT_MAX).unwrap_or(content);
    let length = u16::try_from(content.len()).unwrap_or(0).to_be_bytes();
    [&[kind.byte()], length.as_slice(), content].concat()
}

/// The message at the front, its content and its length; what is wrong otherwise.
fn front(bytes: &[u8]) -> Result<(Kind, &[u8], usize), Cut> {
    let &[kind, ref rest @ ..] = bytes else { return Err(Cut::Incomplete) };
    let Some(kind) = Kind::ALL.into_iter().find(|known| known.byte() == kind) else { return Err(Cut::Noise(1)) };
    let &[high, low, ref rest @ ..] = rest else { return Err(Cut::Incomplete) };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if CONTENT_MAX < length {
        return Err(Cut::Noise(1));
    }
    rest.get(..length).map(|content| (kind, content, 3 + length)).ok_or(Cut::Incomplete)
}

/// A command to a card, or to the reader in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Apdu {
    /// The number of the card.
    Uid,
    /// What a card with protocol says of itself.
    Ats,
    /// Puts a key of MIFARE Classic into a place of the reader.
    LoadKey { place: u8, key: [u8; 6] },
    /// Opens a block of MIFARE Classic with the key in a place.
    Authenticate { block: u8, key: KeyKind, place: u8 },
    /// Reads bytes of a block or page.
    ReadBlock { block: u8, bytes: u8 },
    /// The firmware of an ACR122U.
    Firmware,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    A,
    B,
}

impl Apdu {
    pub fn encode(&self) -> Vec<u8> {
        match *self {
            Apdu::Uid => vec![0xFF, 0xCA, 0, 0, 0],
            Apdu::Ats => vec![0xFF, 0xCA, 1, 0, 0],
            Apdu::LoadKey { place, key } => [&[0xFF, 0x82, 0, place, 6], key.as_slice()].concat(),
            Apdu::Authenticate { block, key, place } => {
                let key = if key == KeyKind::A { 0x60 } else { 0x61 };
                vec![0xFF, 0x86, 0, 0, 5, 1, 0, block, key, place]
            }
            Apdu::ReadBlock { block, bytes } => vec![0xFF, 0xB0, 0, block, bytes],
            Apdu::Firmware => vec![0xFF, 0, 0x48, 0, 0],
        }
    }
}

/// The answer of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    pub data: &'a [u8],
    /// 9000 when all went well.
    pub status: u16,
}

impl Answer<'_> {
    pub const OK: u16 = 0x9000;

    pub fn parse(bytes: &[u8]) -> Option<Answer<'_>> {
        let (data, &status) = bytes.split_last_chunk::<2>()?;
        Some(Answer { data, status: u16::from_be_bytes(status) })
    }
}

fn cut(bytes: &[u8], dialect: Dialect) -> Cut {
    match dialect {
        // Nothing in an answer tells where it ends: PC/SC hands it over as a whole.
        Some("apdu") if bytes.len() < 2 => Cut::Incomplete,
        Some("apdu") => Cut::Message(bytes.len()),
        Some(_) | None => front(bytes).map_or_else(|cut| cut, |(_, _, len)| Cut::Message(len)),
    }
}

fn decode(bytes: &[u8], dialect: Dialect) -> Result<Value, String> {
    let whole = front(bytes).ok().filter(|(_, _, len)| *len == bytes.len() && dialect != Some("apdu"));
    match whole {
        Some((Kind::Answer, content, _)) => answer_fields(content),
        Some((Kind::Name, content, _)) => Ok(json!({"kind": "name", "text": String::from_utf8_lossy(content)})),
        Some((kind, content, _)) => Ok(json!({"kind": kind.word(), "data": hex::encode(content)})),
        None if dialect == Some("link") => {
            Err("no whole message: kind (N, C, G, A or R), length in two bytes, content".into())
        }
        None => answer_fields(bytes),
    }
}

fn answer_fields(bytes: &[u8]) -> Result<Value, String> {
    let answer = Answer::parse(bytes).ok_or("an answer has two bytes of status at least")?;
    let ok = answer.status == Answer::OK;
    Ok(json!({"kind": "answer", "data": hex::encode(answer.data), "sw": answer.status, "ok": ok}))
}

/// A session with one reader. Holds one message that is not complete, and the events not yet polled.
#[derive(Clone, Debug)]
pub struct Acr122u {
    gone: Duration,
    phase: Phase,
    received: Vec<u8>,
    heard: Duration,
    /// The card that was read last, and when it went; `None` while it is there.
    last: Option<(Vec<u8>, Option<Duration>)>,
    noise: usize,
    out: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Over,
    /// Until the reader says its name.
    Meeting {
        until: Duration,
    },
    Empty,
    /// A card was asked for its number.
    Asking {
        tries: u8,
        until: Duration,
    },
    /// A card is there that needs no more asking.
    Known,
}

impl Acr122u {
    /// A session in which a card that is back within `gone` was never gone.
    pub fn new(gone: Duration) -> Acr122u {
        Acr122u {
            gone,
            phase: Phase::Over,
            received: Vec::new(),
            heard: Duration::ZERO,
            last: None,
            noise: 0,
            out: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    fn ask(&mut self, tries: u8, now: Duration) {
        self.out.push_back(message(Kind::Command, &Apdu::Uid.encode()));
        self.phase = Phase::Asking { tries: tries + 1, until: now.saturating_add(ANSWERS) };
    }

    fn heed(&mut self, kind: Kind, content: &[u8], now: Duration) {
        match (kind, self.phase) {
            (Kind::Name, Phase::Meeting { .. }) => {
                let model = String::from_utf8_lossy(content).into_owned();
                self.events.push_back(Event::Ready { model });
                self.phase = Phase::Empty;
            }
            (Kind::Card, Phase::Empty | Phase::Known | Phase::Asking { .. }) => self.ask(0, now),
            (Kind::Gone, Phase::Known | Phase::Asking { .. }) => {
                if let Some((_, went @ None)) = &mut self.last {
                    *went = Some(now);
                }
                self.phase = Phase::Empty;
            }
            (Kind::Answer, Phase::Asking { tries, .. }) => match Answer::parse(content) {
                Some(Answer { data, status: Answer::OK }) if matches!(data.len(), 4 | 7 | 10) => self.see(data, now),
                _ if tries < TRIES => self.ask(tries, now),
                _ => self.no_number(),
            },
            // Late, or of the other side.
            _ => self.noise += 3 + content.len(),
        }
    }

    fn see(&mut self, uid: &[u8], now: Duration) {
        let gone = self.gone;
        let back = |(last, went): &(Vec<u8>, Option<Duration>)| {
            last == uid && went.is_none_or(|went| now < went.saturating_add(gone))
        };
        let held = self.last.as_ref().is_some_and(back);
        self.last = Some((uid.to_vec(), None));
        self.phase = Phase::Known;
        if held {
            return;
        }
        self.events.push_back(match drawn(uid) {
            true => Event::Fault { text: DRAWN.into() },
            false => Event::Read(Read::Card(Card { kind: CardKind::Iso14443a, number: uid.to_vec() })),
        });
    }

    fn no_number(&mut self) {
        self.phase = Phase::Known;
        let text = "the card does not tell its number; hold it still for a moment, or use another card".into();
        self.events.push_back(Event::Fault { text });
    }

    fn report_noise(&mut self) {
        let bytes = std::mem::take(&mut self.noise);
        if 0 < bytes {
            self.events.push_back(Event::Noise { bytes });
        }
    }
}

impl Session for Acr122u {
    fn opened(&mut self, now: Duration) {
        self.noise += self.received.len();
        self.report_noise();
        self.received.clear();
        self.out.clear();
        self.last = None;
        self.phase = Phase::Meeting { until: now.saturating_add(NAMED) };
    }

    fn receive(&mut self, bytes: &[u8], now: Duration) {
        if self.phase == Phase::Over || bytes.is_empty() {
            return;
        }
        self.tick(now);
        self.heard = now;
        let received = [std::mem::take(&mut self.received).as_slice(), bytes].concat();
        let mut left = received.as_slice();
        while !left.is_empty() {
            let used = match front(left) {
                Ok((kind, content, len)) => {
                    self.heed(kind, content, now);
                    len
                }
                Err(Cut::Incomplete) => break,
                Err(_) => {
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
        if !self.received.is_empty() && self.heard.saturating_add(GAP) <= now {
            self.noise += self.received.len();
            self.received.clear();
            self.report_noise();
        }
        match self.phase {
            Phase::Meeting { until } if until <= now => {
                self.phase = Phase::Over;
                let reason = "no reader is there; check its cable and that the service pcscd runs".into();
                self.events.push_back(Event::Lost { reason });
            }
            Phase::Asking { tries, until } if until <= now && tries < TRIES => self.ask(tries, now),
            Phase::Asking { until, .. } if until <= now => self.no_number(),
            Phase::Over | Phase::Meeting { .. } | Phase::Empty | Phase::Asking { .. } | Phase::Known => (),
        }
    }

    fn transmit(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn wake(&self) -> Option<Duration> {
        let half = (!self.received.is_empty()).then(|| self.heard.saturating_add(GAP));
        let phase = match self.phase {
            Phase::Over => return None,
            Phase::Meeting { until } | Phase::Asking { until, .. } => Some(until),
            Phase::Empty | Phase::Known => None,
        };
        half.into_iter().chain(phase).min()
    }

    fn close(&mut self, _now: Duration) {
        self.out.clear();
        self.phase = Phase::Over;
    }

    fn closed(&self) -> bool {
        self.phase == Phase::Over
    }
}
