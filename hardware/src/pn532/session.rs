//! A session with one PN532: wake it, set it up, look for a card again and again.
//!
//! The chip acknowledges each command and answers later. An answer that came garbled is asked for again by a NACK; one that
//! does not come is given up by an ACK, and the command sent anew. The chip is told to give up its own search after a few
//! tries, so that every look is answered, with a card or without: that is the sign of life.

use std::collections::VecDeque;
use std::time::Duration;

use crate::device::Session;
use crate::event::{Card, CardKind, Event, Read};
use crate::pn532::frame::{self, Frame, FrameError, Side};
use crate::pn532::{code, targets};

/// How long an acknowledgement may take. The chip needs 15 ms; USB adapters add up to 16 twice.
pub const ACKNOWLEDGES: Duration = Duration::from_millis(100);

/// How long an answer may take: a look at the field with three tries takes some 100 ms.
pub const ANSWERS: Duration = Duration::from_millis(500);

/// How often a command is sent before the chip is lost.
pub const TRIES: u8 = 3;

/// Tries of the chip to find a card before it says that there is none (MxRtyPassiveActivation).
const RETRIES: u8 = 0x02;

/// Pause in a frame after which the rest will not come.
pub const GAP: Duration = Duration::from_millis(60);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Pause between two looks.
    pub poll: Duration,
    /// A card that was not seen for so long is gone.
    pub gone: Duration,
}

impl Settings {
    pub(super) fn of(settings: &crate::settings::Settings) -> Settings {
        let time = |name| Duration::from_millis(settings.whole(name));
        Settings { poll: time("poll_ms"), gone: time("gone_ms") }
    }
}

/// A session with one chip. Holds one frame that is not complete, and the events not yet polled.
#[derive(Clone, Debug)]
pub struct Pn532 {
    settings: Settings,
    phase: Phase,
    /// What the chip is to be told before it looks for cards.
    setup: VecDeque<(u8, &'static [u8])>,
    model: String,
    ready: bool,
    received: Vec<u8>,
    heard: Duration,
    /// The card that is there, and when it was seen last.
    there: Option<(Vec<u8>, Duration)>,
    fault_told: bool,
    noise: usize,
    out: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Over,
    /// A command is out.
    Told {
        command: u8,
        data: &'static [u8],
        tries: u8,
        until: Duration,
        awaits: Awaits,
    },
    /// The next look is due.
    Resting {
        until: Duration,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaits {
    Acknowledgement,
    Answer,
    /// The answer was asked for again.
    AnswerAgain,
}

/// Normal mode, a time limit of 1 s that this mode does not use, the interrupt pin on.
const SAM_NORMAL: &[u8] = &[0x01, 0x14, 0x01];
/// Item 5, retries: of ATR and PSL as they are, of the search for a card as few as will do.
const FEW_RETRIES: &[u8] = &[0x05, 0xFF, 0x01, RETRIES];
/// One card at a time, 106 kbit/s type A.
const LOOK: &[u8] = &[0x01, 0x00];

impl Pn532 {
    pub fn new(settings: Settings) -> Pn532 {
        Pn532 {
            settings,
            phase: Phase::Over,
            setup: VecDeque::new(),
            model: String::new(),
            ready: false,
            received: Vec::new(),
            heard: Duration::ZERO,
            there: None,
            fault_told: false,
            noise: 0,
            out: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    fn tell(&mut self, command: u8, data: &'static [u8], tries: u8, now: Duration) {
        // Waking one that is awake does no harm, and the first command may have found it asleep.
        if command == code::SAM_CONFIGURATION {
            self.out.push_back(frame::WAKE.to_vec());
        }
        self.out.push_back(frame::encode(Side::Host, command, data));
        let (tries, until, awaits) = (tries + 1, now.saturating_add(ACKNOWLEDGES), Awaits::Acknowledgement);
        self.phase = Phase::Told { command, data, tries, until, awaits };
    }

    /// Tells the chip the next thing it must know, or looks for a card.
    fn go_on(&mut self, now: Duration) {
        match self.setup.pop_front() {
            Some((command, data)) => self.tell(command, data, 0, now),
            None => self.phase = Phase::Resting { until: now.saturating_add(self.settings.poll) },
        }
    }

    fn take_frames(&mut self, now: Duration) {
        let received = std::mem::take(&mut self.received);
        let mut left = received.as_slice();
        while !left.is_empty() && self.phase != Phase::Over {
            let used = match frame::parse(left) {
                Ok((frame, len)) => {
                    self.heed(frame, len, now);
                    len
                }
                Err(FrameError::Incomplete) => break,
                Err(_) => {
                    self.noise += 1;
                    1
                }
            };
            left = left.get(used..).unwrap_or_default();
        }
        if self.phase != Phase::Over {
            self.received = left.to_vec();
        }
        self.report_noise();
    }

    /// Acts on one frame of `len` bytes.
    fn heed(&mut self, frame: Frame, len: usize, now: Duration) {
        let Phase::Told { command, data, tries, awaits, .. } = self.phase else {
            // Late: what it answers was given up.
            return self.noise += len;
        };
        match (frame, awaits) {
            (Frame::Ack, Awaits::Acknowledgement) => {
                let until = now.saturating_add(ANSWERS);
                self.phase = Phase::Told { command, data, tries, until, awaits: Awaits::Answer };
            }
            (Frame::Nack, _) if tries < TRIES => self.tell(command, data, tries, now),
            (Frame::Error, _) => self.misunderstood(command, now),
            // The acknowledgement may have been lost on the way.
            (Frame::Data { from: Side::Chip, code, data }, _) if code == command.wrapping_add(1) => {
                self.answered(command, data, now);
            }
            _ => self.noise += len,
        }
    }

    fn answered(&mut self, command: u8, data: &[u8], now: Duration) {
        match (command, data) {
            (code::FIRMWARE, &[ic, version, revision, _]) => {
                self.model = format!("PN5{ic:02X} firmware {version}.{revision}");
            }
            (code::IN_LIST_PASSIVE_TARGET, data) => match targets(data) {
                Some(found) => {
                    self.fault_told = false;
                    found.into_iter().for_each(|target| self.see(target.uid, now));
                }
                None => self.noise += data.len(),
            },
            _ => (),
        }
        if self.setup.is_empty() && !std::mem::replace(&mut self.ready, true) {
            let model = self.model.clone();
            self.events.push_back(Event::Ready { model });
        }
        self.go_on(now);
    }

    fn see(&mut self, uid: Vec<u8>, now: Duration) {
        let known =
            |(there, seen): &(Vec<u8>, Duration)| *there == uid && now < seen.saturating_add(self.settings.gone);
        let held = self.there.as_ref().is_some_and(known);
        let random_there = |(there, seen): &(Vec<u8>, Duration)| {
            drawn(there) && drawn(&uid) && now < seen.saturating_add(self.settings.gone)
        };
        let still_random = self.there.as_ref().is_some_and(random_there);
        self.there = Some((uid.clone(), now));
        if held || still_random {
            return;
        }
        self.report_noise();
        self.events.push_back(match drawn(&uid) {
            true => Event::Fault { text: DRAWN.into() },
            false => Event::Read(Read::Card(Card { kind: CardKind::Iso14443a, number: uid })),
        });
    }

    fn misunderstood(&mut self, command: u8, now: Duration) {
        if self.ready {
            if !std::mem::replace(&mut self.fault_told, true) {
                let text = "the reader did not understand a command; if this repeats, its cable is bad".into();
                self.events.push_back(Event::Fault { text });
            }
            return self.phase = Phase::Resting { until: now.saturating_add(self.settings.poll) };
        }
        self.lost(&format!("the reader does not know the command {command:02X}; it is no PN532, or its cable is bad"));
    }

    fn lost(&mut self, reason: &str) {
        self.noise += self.received.len();
        self.received.clear();
        self.report_noise();
        self.out.clear();
        self.phase = Phase::Over;
        self.events.push_back(Event::Lost { reason: reason.into() });
    }

    fn report_noise(&mut self) {
        let bytes = std::mem::take(&mut self.noise);
        if 0 < bytes {
            self.events.push_back(Event::Noise { bytes });
        }
    }
}

/// Whether a UID was drawn at random: four bytes that begin with 08 (ISO/IEC 14443-3, 6.5.4). Phones and passports do that,
/// and a number that is another one each time names nobody.
pub(crate) fn drawn(uid: &[u8]) -> bool {
    matches!(uid, [0x08, _, _, _])
}

pub(crate) const DRAWN: &str =
    "the card draws another number each time, as phones and passports do, and cannot serve as a badge; use a card";

impl Session for Pn532 {
    /// The link was just opened: wakes the chip.
    fn opened(&mut self, now: Duration) {
        self.noise += self.received.len();
        self.report_noise();
        self.received.clear();
        self.out.clear();
        (self.ready, self.there, self.fault_told) = (false, None, false);
        self.model.clear();
        self.setup =
            [(code::SAM_CONFIGURATION, SAM_NORMAL), (code::FIRMWARE, &[][..]), (code::RF_CONFIGURATION, FEW_RETRIES)]
                .into();
        self.go_on(now);
    }

    fn receive(&mut self, bytes: &[u8], now: Duration) {
        if self.phase == Phase::Over || bytes.is_empty() {
            return;
        }
        self.received.extend_from_slice(bytes);
        self.heard = now;
        self.take_frames(now);
        self.tick(now);
    }

    fn tick(&mut self, now: Duration) {
        while !self.received.is_empty() && self.heard.saturating_add(GAP) <= now {
            // What holds the rest back is no frame: one byte and no more, the next true one may begin right behind it.
            self.noise += 1;
            self.received.remove(0);
            self.take_frames(now);
        }
        match self.phase {
            Phase::Told { until, .. } if now < until => (),
            Phase::Told { command, data, tries, awaits: Awaits::Answer, .. } => {
                self.out.push_back(frame::NACK.to_vec());
                let until = now.saturating_add(ANSWERS);
                self.phase = Phase::Told { command, data, tries, until, awaits: Awaits::AnswerAgain };
            }
            Phase::Told { tries, .. } if TRIES <= tries => self.lost(match self.ready {
                true => "the reader fell silent; check its cable and power",
                false => "the reader does not answer; check cable and power, and that its switches are set to HSU",
            }),
            Phase::Told { command, data, tries, .. } => {
                // Gives up what the chip may still be doing.
                self.out.push_back(frame::ACK.to_vec());
                self.tell(command, data, tries, now);
            }
            Phase::Resting { until } if until <= now => self.tell(code::IN_LIST_PASSIVE_TARGET, LOOK, 0, now),
            Phase::Resting { .. } | Phase::Over => (),
        }
    }

    fn transmit(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn wake(&self) -> Option<Duration> {
        let until = match self.phase {
            Phase::Over => return None,
            Phase::Told { until, .. } | Phase::Resting { until } => until,
        };
        let half = (!self.received.is_empty()).then(|| self.heard.saturating_add(GAP));
        half.into_iter().chain([until]).min()
    }

    /// Gives up the look that is under way.
    fn close(&mut self, _now: Duration) {
        if matches!(self.phase, Phase::Told { .. }) {
            self.out.push_back(frame::ACK.to_vec());
        }
        self.phase = Phase::Over;
    }

    fn closed(&self) -> bool {
        self.phase == Phase::Over
    }
}
