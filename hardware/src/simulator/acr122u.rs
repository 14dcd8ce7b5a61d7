//! A simulated reader behind PC/SC: the messages that a link to it carries.

use std::time::Duration;

use crate::acr122u::{Apdu, Kind, message};
use crate::event::{Card, CardKind, Read};
use crate::simulator::Played;
use crate::simulator::outbox::Outbox;
use crate::simulator::script::{Act, Script, SentWhat, Stage};

/// The answer to reset of a MIFARE Classic 1K behind PC/SC.
const RESET: &[u8] =
    &[0x3B, 0x8F, 0x80, 0x01, 0x80, 0x4F, 0x0C, 0xA0, 0, 0, 0x03, 0x06, 0x03, 0, 0x01, 0, 0, 0, 0, 0x6A];

/// Longest beginning of a command that is kept, in bytes.
const COMMAND_MAX: usize = 300;

/// A simulated reader.
#[derive(Clone, Debug)]
pub struct Reader {
    stage: Stage,
    outbox: Outbox,
    received: Vec<u8>,
    held: Option<(Card, Duration)>,
}

impl Reader {
    pub fn new(script: Script, seed: u64) -> Reader {
        Reader { stage: Stage::new(script, seed), outbox: Outbox::default(), received: Vec::new(), held: None }
    }

    fn obey(&mut self, apdu: &[u8], now: Duration) {
        let answer = match &self.held {
            Some((card, _)) if apdu == Apdu::Uid.encode() => {
                let report = SentWhat::Report(Read::Card(card.clone()));
                let bytes = message(Kind::Answer, &[card.number.as_slice(), &[0x90, 0]].concat());
                if self.stage.take_truncation() {
                    let half = bytes.get(..bytes.len() / 2).unwrap_or(&bytes).to_vec();
                    let n = half.len();
                    return self.outbox.say_logged(half, now, SentWhat::Garbage { n });
                }
                return self.outbox.say_logged(bytes, now, report);
            }
            _ if apdu == Apdu::Firmware.encode() => b"ACR122U215".to_vec(),
            // The function is not supported; nobody is there.
            Some(_) => vec![0x6A, 0x81],
            None => vec![0x63, 0],
        };
        self.outbox.say(message(Kind::Answer, &answer));
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
        self.outbox.say(message(Kind::Name, b"ACS ACR122U PICC Interface 00 00"));
        if self.held.is_some() {
            self.outbox.say(message(Kind::Card, RESET));
        }
        self.tick(now);
    }

    fn receive(&mut self, bytes: &[u8], now: Duration) {
        self.tick(now);
        if self.stage.silent(now) {
            self.received.clear();
            return;
        }
        self.received.extend_from_slice(bytes);
        while let [b'A', high, low, rest @ ..] = self.received.as_slice() {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let Some(apdu) = rest.get(..length).map(<[u8]>::to_vec) else { break };
            self.received.drain(..3 + length);
            self.obey(&apdu, now);
        }
        let strange = self.received.first().is_some_and(|&kind| kind != b'A');
        if strange || COMMAND_MAX < self.received.len() {
            self.received.clear();
        }
    }

    fn tick(&mut self, now: Duration) {
        while let Some(act) = self.stage.next(now) {
            match act {
                Act::Card { card, stays } => {
                    let seen = card.kind == CardKind::Iso14443a && matches!(card.number.len(), 4 | 7 | 10);
                    if seen {
                        self.held = Some((card, now.saturating_add(stays)));
                        self.outbox.say(message(Kind::Card, RESET));
                    }
                }
                Act::Symbol { .. } | Act::Weight(_) | Act::Climate(_) | Act::Contact(_) => (),
                Act::Garbage { bytes } => {
                    let n = bytes.len();
                    self.outbox.say_logged(bytes, now, SentWhat::Garbage { n });
                }
                Act::Disconnect => self.outbox.cut(now),
            }
        }
        if self.held.take_if(|(_, until)| *until <= now).is_some() && self.stage.linked() {
            self.outbox.say(message(Kind::Gone, &[]));
        }
    }

    fn wake(&self) -> Option<Duration> {
        self.stage.wake().into_iter().chain(self.held.as_ref().map(|(_, until)| *until)).min()
    }

    fn finished(&self, now: Duration) -> bool {
        self.held.is_none() && self.stage.finished(now)
    }
}
