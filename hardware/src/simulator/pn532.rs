//! A simulated PN532: asleep until it is woken, acknowledges, answers.

use std::time::Duration;

use crate::event::{Card, CardKind, Read};
use crate::pn532::code;
use crate::pn532::frame::{self, FRAME_MAX, Frame, FrameError, Side};
use crate::simulator::Played;
use crate::simulator::outbox::Outbox;
use crate::simulator::script::{Act, Script, SentWhat, Stage};

/// Time of one try to find a card.
const TRY: Duration = Duration::from_millis(30);

/// A simulated reader.
#[derive(Clone, Debug)]
pub struct Reader {
    stage: Stage,
    outbox: Outbox,
    received: Vec<u8>,
    awake: bool,
    /// Tries to find a card; `None`: for ever.
    tries: Option<u8>,
    held: Option<(Card, Duration)>,
    looking: Option<Looking>,
    /// The last answer, and the card in it, for a host that did not understand it.
    answered: (Vec<u8>, Option<Card>),
}

/// A look for a card that is under way.
#[derive(Clone, Copy, Debug)]
struct Looking {
    next: Duration,
    /// When it is given up.
    until: Option<Duration>,
}

impl Reader {
    pub fn new(script: Script, seed: u64) -> Reader {
        Reader {
            stage: Stage::new(script, seed),
            outbox: Outbox::default(),
            received: Vec::new(),
            awake: false,
            tries: None,
            held: None,
            looking: None,
            answered: (Vec::new(), None),
        }
    }

    fn sleep(&mut self) {
        (self.awake, self.tries, self.looking) = (false, None, None);
        self.received.clear();
    }

    fn obey(&mut self, frame: Frame, now: Duration) {
        match frame {
            // The host gives up what it asked.
            Frame::Ack => self.looking = None,
            Frame::Nack => {
                let (bytes, report) = self.answered.clone();
                self.hand_over(bytes, report, now);
            }
            Frame::Error | Frame::Data { from: Side::Chip, .. } => (),
            Frame::Data { from: Side::Host, code, data } => {
                self.outbox.say(frame::ACK.to_vec());
                self.looking = None;
                match (code, data) {
                    (code::SAM_CONFIGURATION, [1, ..]) => self.answer(code, &[], None, now),
                    (code::FIRMWARE, []) => self.answer(code, &[0x32, 1, 6, 7], None, now),
                    (code::RF_CONFIGURATION, [item, rest @ ..]) => {
                        if let (5, [_, _, tries]) = (item, rest) {
                            self.tries = Some(*tries).filter(|&tries| tries != 0xFF);
                        }
                        self.answer(code, &[], None, now);
                    }
                    (code::IN_LIST_PASSIVE_TARGET, [1 | 2, 0]) => {
                        let until = self.tries.map(|tries| now.saturating_add(TRY * (1 + u32::from(tries))));
                        self.looking = Some(Looking { next: now.saturating_add(TRY), until });
                    }
                    (code::IN_RELEASE, [_]) => self.answer(code, &[0], None, now),
                    _ => self.outbox.say(vec![0, 0, 0xFF, 1, 0xFF, 0x7F, 0x81, 0]),
                }
            }
        }
    }

    fn answer(&mut self, command: u8, data: &[u8], report: Option<Card>, now: Duration) {
        let bytes = frame::encode(Side::Chip, command.wrapping_add(1), data);
        self.answered = (bytes.clone(), report.clone());
        if self.stage.take_truncation() {
            let half = bytes.get(..bytes.len() / 2).unwrap_or(&bytes).to_vec();
            let n = half.len();
            return self.outbox.say_logged(half, now, SentWhat::Garbage { n });
        }
        self.hand_over(bytes, report, now);
    }

    fn hand_over(&mut self, bytes: Vec<u8>, report: Option<Card>, now: Duration) {
        match report {
            Some(card) => self.outbox.say_logged(bytes, now, SentWhat::Report(Read::Card(card))),
            None => self.outbox.say(bytes),
        }
    }

    fn look(&mut self, looking: Looking, now: Duration) {
        if let Some((card, _)) = &self.held {
            let card = card.clone();
            let (atqa, sak) = if card.number.len() == 4 { ([0, 4], 8) } else { ([0, 0x44], 0) };
            let length = u8::try_from(card.number.len()).unwrap_or(0);
            let data = [&[1, 1][..], &atqa, &[sak, length], &card.number].concat();
            self.looking = None;
            return self.answer(code::IN_LIST_PASSIVE_TARGET, &data, Some(card), now);
        }
        if looking.until.is_some_and(|until| until <= now) {
            self.looking = None;
            return self.answer(code::IN_LIST_PASSIVE_TARGET, &[0], None, now);
        }
        self.looking = Some(Looking { next: now.saturating_add(TRY), ..looking });
    }
}

impl Played for Reader {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn ends(&mut self) -> (&mut Stage, &mut Outbox) {
        (&mut self.stage, &mut self.outbox)
    }

    fn opened(&mut self, now: Duration) {
        self.outbox.clear();
        self.received.clear();
        self.stage.opened(now);
        self.tick(now);
    }

    /// Takes what the host sent. Asleep it notices only what wakes it, silent nothing.
    fn receive(&mut self, bytes: &[u8], now: Duration) {
        self.tick(now);
        if self.stage.silent(now) {
            self.received.clear();
            return;
        }
        self.awake |= bytes.contains(&0x55);
        if !self.awake {
            return;
        }
        let received = [std::mem::take(&mut self.received).as_slice(), bytes].concat();
        let mut left = received.as_slice();
        while !left.is_empty() {
            let used = match frame::parse(left) {
                Ok((frame, len)) => {
                    self.obey(frame, now);
                    len
                }
                Err(FrameError::Incomplete) => break,
                Err(_) => 1,
            };
            left = left.get(used..).unwrap_or_default();
        }
        self.received = left.get(..FRAME_MAX).unwrap_or(left).to_vec();
    }

    fn tick(&mut self, now: Duration) {
        while let Some(act) = self.stage.next(now) {
            match act {
                // It neither sees a badge of 125 kHz, nor is there a UID of another length.
                Act::Card { card, stays } => {
                    let seen = card.kind == CardKind::Iso14443a && matches!(card.number.len(), 4 | 7 | 10);
                    self.held = seen.then(|| (card, now.saturating_add(stays)));
                }
                Act::Symbol { .. } | Act::Weight(_) | Act::Climate(_) | Act::Contact(_) => (),
                Act::Garbage { bytes } => {
                    let n = bytes.len();
                    self.outbox.say_logged(bytes, now, SentWhat::Garbage { n });
                }
                Act::Disconnect => {
                    // The cable carries its power, too.
                    self.sleep();
                    self.outbox.cut(now);
                }
            }
        }
        self.held.take_if(|(_, until)| *until <= now);
        if let Some(looking) = self.looking.filter(|looking| looking.next <= now) {
            if self.stage.linked() && !self.stage.silent(now) {
                self.look(looking, now);
            } else {
                self.looking = None;
            }
        }
    }

    fn wake(&self) -> Option<Duration> {
        self.stage.wake().into_iter().chain(self.looking.map(|looking| looking.next)).min()
    }

    fn finished(&self, now: Duration) -> bool {
        self.held.is_none() && self.stage.finished(now)
    }
}
