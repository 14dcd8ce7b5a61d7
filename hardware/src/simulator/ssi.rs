//! A simulated decoder with the Simple Serial Interface: sleeps, answers, and repeats what it read until it is
//! acknowledged. What was acknowledged was handed over.

use std::time::Duration;

use crate::event::Aim;
use crate::simulator::Played;
use crate::simulator::outbox::Outbox;
use crate::simulator::script::{Act, Script, SentWhat, Stage};
use crate::ssi::frame::{self, DATA_MAX, Frame, FrameError, nak, opcode, status};
use crate::ssi::symbology;

/// How long it waits for an acknowledgement before it repeats.
const RESPONSE: Duration = Duration::from_secs(2);

/// Idle time after which it sleeps, and how long it takes to wake.
const SLEEPS: Duration = Duration::from_millis(500);
const WAKES: Duration = Duration::from_millis(20);

/// How the simulated decoder is set.
#[derive(Clone, Debug)]
pub struct Settings {
    pub model: String,
    /// Sends decoded texts in frames already before it is told to, and AIM identifiers with them.
    pub configured: bool,
    /// Sends long texts in numbered segments, as cordless bases do.
    pub segments: bool,
    /// How many of 100 acknowledgements are lost on the line.
    pub lost_acks: u64,
    /// How many of 100 packets arrive with a bit changed.
    pub garbled: u64,
    /// Says that a message was sent before.
    pub marks: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: "PAABLS00-002-R02 SE4750".into(),
            configured: false,
            segments: false,
            lost_acks: 0,
            garbled: 0,
            marks: true,
        }
    }
}

/// A simulated decoder.
#[derive(Clone, Debug)]
pub struct Engine {
    settings: Settings,
    stage: Stage,
    outbox: Outbox,
    packeted: bool,
    aim: bool,
    host_trigger: bool,
    pulled: bool,
    disabled: bool,
    /// When it last spoke or heard something.
    busy: Duration,
    /// From when on it hears again after it slept.
    awake: Duration,
    heard: Vec<u8>,
    sending: Option<Sending>,
    obeyed: Vec<u8>,
}

/// A text under way.
#[derive(Clone, Debug)]
struct Sending {
    /// The packets that are not acknowledged yet, with opcode, source, status and data.
    packets: Vec<(u8, u8, u8, Vec<u8>)>,
    sent_before: bool,
    until: Duration,
    text: Vec<u8>,
}

/// Commands that are remembered.
const OBEYED_MAX: usize = 1000;

impl Engine {
    pub fn new(settings: Settings, script: Script, seed: u64) -> Self {
        let configured = settings.configured;
        Self {
            settings,
            stage: Stage::new(script, seed),
            outbox: Outbox::default(),
            packeted: configured,
            aim: configured,
            host_trigger: false,
            pulled: false,
            disabled: false,
            busy: Duration::ZERO,
            awake: Duration::ZERO,
            heard: Vec::new(),
            sending: None,
            obeyed: Vec::new(),
        }
    }

    /// A decoder that a session with these settings understands.
    pub fn set(settings: &crate::settings::Settings, script: Script, seed: u64) -> Self {
        let own = Settings { configured: !settings.flag("configure"), ..Settings::default() };
        Self::new(own, script, seed)
    }

    /// The opcodes of the commands that it carried out, oldest first.
    pub fn obeyed(&self) -> &[u8] {
        &self.obeyed
    }
}

impl Played for Engine {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn ends(&mut self) -> (&mut Stage, &mut Outbox) {
        (&mut self.stage, &mut self.outbox)
    }

    fn opened(&mut self, now: Duration) {
        self.outbox.clear();
        self.heard.clear();
        self.busy = now;
        self.stage.opened(now);
        if let Some(sending) = &mut self.sending {
            sending.until = now;
        }
        self.tick(now);
    }

    fn receive(&mut self, bytes: &[u8], now: Duration) {
        if self.stage.silent(now) {
            return;
        }
        // Whatever wakes it is lost.
        if self.busy + SLEEPS <= now {
            (self.busy, self.awake) = (now, now + WAKES);
            self.heard.clear();
        }
        if now < self.awake {
            return;
        }
        self.busy = now;
        self.heard.extend_from_slice(bytes);
        while let Some(length) = self.hear(now) {
            self.heard.drain(..length.min(self.heard.len()));
        }
        self.tick(now);
    }

    fn tick(&mut self, now: Duration) {
        if !self.stage.linked() && self.sending.is_none() {
            return;
        }
        loop {
            if self.stage.linked()
                && !self.stage.silent(now)
                && self.sending.as_ref().is_some_and(|text| text.until <= now)
            {
                self.send(now);
            }
            // While a text is under way only the line can do something.
            if self.sending.is_some() || self.disabled || (self.host_trigger && !self.pulled) {
                return;
            }
            let Some(act) = self.stage.next(now) else { return };
            match act {
                Act::Symbol { aim, bytes } => self.decoded(aim, bytes, now),
                Act::Garbage { bytes } => {
                    let n = bytes.len();
                    self.outbox.say_logged(bytes, now, SentWhat::Garbage { n });
                }
                Act::Disconnect => self.outbox.cut(now),
                Act::Card { .. } | Act::Weight(_) | Act::Climate(_) | Act::Contact(_) => (),
            }
        }
    }

    fn wake(&self) -> Option<Duration> {
        self.sending.as_ref().map(|text| text.until).into_iter().chain(self.stage.wake()).min()
    }

    fn finished(&self, now: Duration) -> bool {
        self.stage.finished(now) && self.sending.is_none()
    }
}

impl Engine {
    /// Acts on what stands at the front of what was heard, and says how long it is.
    fn hear(&mut self, now: Duration) -> Option<usize> {
        let heard = self.heard.clone();
        let (message, length) = match frame::parse(&heard) {
            Ok(parsed) => parsed,
            Err(FrameError::Incomplete { .. }) => return None,
            Err(FrameError::Checksum { .. }) => {
                self.say(opcode::CMD_NAK, &[nak::RESEND]);
                return Some(heard.len());
            }
            // A 00 wakes, and says nothing.
            Err(_) => return Some(1),
        };
        match message.opcode {
            opcode::CMD_ACK | opcode::HOST_ACK | opcode::MULTIPACKET_ACK => self.acknowledged(now),
            opcode::CMD_NAK => {
                if let Some(sending) = &mut self.sending {
                    sending.until = now;
                }
            }
            opcode::REQUEST_REVISION => {
                let model = self.settings.model.clone();
                self.say(opcode::REPLY_REVISION, model.as_bytes());
            }
            opcode::CAPABILITIES_REQUEST => {
                self.say(opcode::CAPABILITIES_REPLY, &[&[0x07, 0xFF, 0x3C, 0x07], KNOWN].concat());
            }
            known if KNOWN.contains(&known) => self.obey(known, message.data),
            _ => self.say(opcode::CMD_NAK, &[nak::CONTEXT]),
        }
        Some(length)
    }

    fn obey(&mut self, command: u8, data: &[u8]) {
        match command {
            opcode::PARAM_SEND => {
                for pair in data.get(1..).unwrap_or_default().chunks_exact(2) {
                    match *pair {
                        [0xEE, value] => self.packeted = value == 1,
                        [0x2D, value] => self.aim = value == 1,
                        [0x8A, value] => self.host_trigger = value == 8,
                        _ => (),
                    }
                }
            }
            opcode::SCAN_ENABLE => self.disabled = false,
            opcode::SCAN_DISABLE => self.disabled = true,
            opcode::START_SESSION => self.pulled = true,
            opcode::STOP_SESSION => self.pulled = false,
            _ => (),
        }
        if self.obeyed.len() == OBEYED_MAX {
            self.obeyed.clear();
        }
        self.obeyed.push(command);
        self.say(opcode::CMD_ACK, &[]);
    }

    fn say(&mut self, opcode: u8, data: &[u8]) {
        self.outbox.say(Frame { opcode, source: frame::DECODER, status: status::REPLY, data }.encode());
    }

    fn decoded(&mut self, aim: Option<Aim>, bytes: Vec<u8>, now: Duration) {
        self.pulled = false;
        if !self.packeted {
            // Raw: the text and nothing else.
            return self.outbox.say_logged(bytes.clone(), now, SentWhat::Symbol { bytes });
        }
        let code = symbology::of_aim(aim);
        let aim = aim.or_else(|| symbology::aim(code, &bytes)).filter(|_| self.aim);
        let aim = aim.map(|aim| vec![b']', aim.code, aim.modifier]).unwrap_or_default();
        let text = [aim.as_slice(), &bytes].concat();
        let packets = match self.settings.segments && DATA_MAX - 1 < text.len() {
            true => segments(code, &text),
            false => continued(code, &text),
        };
        self.sending = Some(Sending { packets, sent_before: false, until: now, text: bytes });
    }

    /// Sends the first packet that was not acknowledged.
    fn send(&mut self, now: Duration) {
        let truncated = self.stage.take_truncation();
        let Some(sending) = &mut self.sending else { return };
        let Some((opcode, source, marks, data)) = sending.packets.first() else { return };
        let again = if sending.sent_before && self.settings.marks { status::RETRANSMIT } else { 0 };
        let mut bytes = Frame { opcode: *opcode, source: *source, status: marks | again, data }.encode();
        sending.sent_before = true;
        sending.until = now + RESPONSE;
        self.busy = now;
        if truncated {
            bytes.truncate(bytes.len() / 2);
            let n = bytes.len();
            return self.outbox.say_logged(bytes, now, SentWhat::Garbage { n });
        }
        if self.stage.random.below(100) < self.settings.garbled {
            let at = usize::try_from(self.stage.random.below(bytes.len() as u64)).unwrap_or(0);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 0x10;
            }
        }
        self.outbox.say(bytes);
    }

    fn acknowledged(&mut self, now: Duration) {
        if self.stage.random.below(100) < self.settings.lost_acks {
            return;
        }
        // An acknowledgement before the first sending belongs to a repetition.
        let Some(sending) = self.sending.as_mut().filter(|sending| sending.sent_before) else { return };
        sending.packets.remove(0);
        (sending.sent_before, sending.until) = (false, now);
        if sending.packets.is_empty() {
            let bytes = std::mem::take(&mut sending.text);
            self.sending = None;
            self.stage.sent(now, SentWhat::Symbol { bytes });
        }
    }
}

/// The commands that it knows, as it tells them.
const KNOWN: &[u8] = &[
    opcode::REQUEST_REVISION,
    opcode::ILLUMINATION_OFF,
    opcode::ILLUMINATION_ON,
    opcode::AIM_OFF,
    opcode::AIM_ON,
    opcode::PARAM_SEND,
    opcode::PARAM_DEFAULTS,
    opcode::FLUSH_QUEUE,
    opcode::CAPABILITIES_REQUEST,
    opcode::START_SESSION,
    opcode::STOP_SESSION,
    opcode::BEEP,
    opcode::LED_ON,
    opcode::LED_OFF,
    opcode::SCAN_ENABLE,
    opcode::SCAN_DISABLE,
];

/// Packets of which all but the last say that more follow; each names the symbology.
fn continued(code: u8, text: &[u8]) -> Vec<(u8, u8, u8, Vec<u8>)> {
    let parts: Vec<&[u8]> = if text.is_empty() { vec![text] } else { text.chunks(DATA_MAX - 1).collect() };
    let last = parts.len() - 1;
    let packet = |(number, part): (usize, &&[u8])| {
        let marks = if number < last { status::CONTINUES } else { 0 };
        (opcode::DECODE_DATA, frame::DECODER, marks, [&[code], *part].concat())
    };
    parts.iter().enumerate().map(packet).collect()
}

/// Numbered segments, the first of which says how long the text is.
fn segments(code: u8, text: &[u8]) -> Vec<(u8, u8, u8, Vec<u8>)> {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes();
    let more = u16::try_from(text.len() + 3).unwrap_or(u16::MAX).to_be_bytes();
    let head = [0, opcode::DECODE_DATA, 0, 0, more[0], more[1], code, 1, length[0], length[1]];
    let (first, rest) = text.split_at(text.len().min(DATA_MAX - head.len()));
    let mut packets = vec![(opcode::MULTIPACKET_SEGMENT, frame::FIRST_SEGMENT, 0, [&head, first].concat())];
    for (number, part) in rest.chunks(DATA_MAX - 1).enumerate() {
        let number = u8::try_from(number + 1).unwrap_or(u8::MAX);
        packets.push((opcode::MULTIPACKET_SEGMENT, frame::DECODER, 0, [&[number], part].concat()));
    }
    packets
}
