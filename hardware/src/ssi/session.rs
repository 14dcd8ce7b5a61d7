//! A session with one decoder: wake it, learn who it is, set it, acknowledge what it read, notice when it is gone.
//!
//! What of its messages is read, and what is a repetition, [`Texts`] decides.

use std::collections::VecDeque;
use std::time::Duration;

use crate::aim::{self, AimMode};
use crate::command::{Answer, Command, Unable};
use crate::device::Session;
use crate::event::Event;
use crate::ssi::frame::{self, FRAME_MAX, Frame, FrameError, nak, opcode, status};
use crate::ssi::orders::{self, Settings};
use crate::ssi::requests::{Due, Request, Requests, Why};
use crate::ssi::symbology;
use crate::ssi::texts::{Obtained, Reply, TEXT_MAX, Texts};

/// Silence after which the decoder may sleep: it does so after half a second at the earliest.
const AWAKE: Duration = Duration::from_millis(400);

/// Silence after which the decoder is asked whether it is there; with three unanswered questions it is lost 13 s after
/// its last word.
pub const ASK: Duration = Duration::from_secs(10);

/// Pause in the middle of a frame after which the rest will not come: 100 characters at 9600 baud.
pub const GAP: Duration = Duration::from_millis(100);

/// A request to repeat, for what was noise, and the decoder's next message may cross on the line. Its repetition comes at
/// once and is not acknowledged a second time: nothing numbers messages, so the decoder would take that for the one
/// after. Where the first acknowledgement was lost, it repeats again after 2 s.
const CROSSED: Duration = Duration::from_millis(500);

/// Time between two requests to repeat: one for each message that was garbled, not for each byte of it.
const NAKS_APART: Duration = Duration::from_millis(250);

/// The event that a decoder reports after its power came.
const BOOTED: u8 = 0x03;

/// A session with one decoder. Holds one frame that is not complete, one text of at most [`TEXT_MAX`] bytes, and the
/// events not yet polled.
#[derive(Clone, Debug)]
pub struct Ssi {
    settings: Settings,
    open: bool,
    /// [`Event::Ready`] was reported since the link was opened.
    ready: bool,
    model: String,
    /// The messages that the decoder says it knows.
    known: Option<Vec<u8>>,
    /// It acknowledges in the way of cordless bases.
    cordless: bool,
    requests: Requests,
    received: Vec<u8>,
    /// When the last byte came.
    heard: Duration,
    /// When the last sound frame came.
    sound: Duration,
    nak_sent: Option<Duration>,
    texts: Texts,
    /// Lamps to be switched off, and when.
    lamps: Vec<(Duration, u8)>,
    noise: usize,
    out: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
}

impl Ssi {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            open: false,
            ready: false,
            model: String::new(),
            known: None,
            cordless: false,
            requests: Requests::default(),
            received: Vec::new(),
            heard: Duration::ZERO,
            sound: Duration::ZERO,
            nak_sent: None,
            texts: Texts::default(),
            lamps: Vec::new(),
            noise: 0,
            out: VecDeque::new(),
            events: VecDeque::new(),
        }
    }
}

impl Session for Ssi {
    /// The link was just opened: asks who is there. What was taken last is remembered: the decoder may repeat it.
    fn opened(&mut self, now: Duration) {
        self.forget();
        self.texts.reopened(now);
        (self.open, self.ready, self.cordless, self.known) = (true, false, false, None);
        (self.heard, self.sound, self.nak_sent) = (now, now, None);
        self.model.clear();
        self.requests.push(Why::Revision, opcode::REQUEST_REVISION, &[]);
        if let Due::Send(bytes) = self.requests.due(true, now) {
            self.out.push_back(bytes);
        }
    }

    /// Takes what the port just delivered, in any split.
    fn receive(&mut self, bytes: &[u8], now: Duration) {
        if !self.open || bytes.is_empty() {
            return;
        }
        if self.rest_lost().is_some_and(|lost| lost <= now) {
            self.take_frames(Rest::Lost, now);
        }
        self.heard = now;
        self.received.extend_from_slice(bytes);
        self.take_frames(Rest::Comes, now);
        self.tick(now);
    }

    /// Acts on the time: repeats, asks on, gives up.
    fn tick(&mut self, now: Duration) {
        if !self.open {
            return;
        }
        if self.rest_lost().is_some_and(|lost| lost <= now) {
            self.take_frames(Rest::Lost, now);
        }
        self.texts.tick(now);
        self.report_noise();
        while let Some(at) = self.lamps.iter().position(|(until, _)| *until <= now) {
            let (_, lamp) = self.lamps.remove(at);
            self.requests.push(Why::Lamp, opcode::LED_OFF, &[lamp]);
        }
        self.report_noise();
        if self.requests.is_empty() && self.sound.saturating_add(ASK) <= now {
            self.requests.push(Why::Alive, opcode::REQUEST_REVISION, &[]);
        }
        match self.requests.due(self.sound.saturating_add(AWAKE) <= now, now) {
            Due::Nothing => (),
            Due::Send(bytes) => self.out.push_back(bytes),
            Due::Unanswered(request) => self.unanswered(&request, now),
        }
    }

    /// What is to be sent next; call until `None` after each of the calls above.
    fn transmit(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    /// The next event; call until `None` after each of the calls above.
    fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call `tick` if nothing arrives.
    fn wake(&self) -> Option<Duration> {
        if !self.open {
            return None;
        }
        let idle = if self.requests.is_empty() { self.sound.saturating_add(ASK) } else { self.heard };
        let asked = self.requests.wake().unwrap_or(idle);
        let parts = self.texts.wake();
        let lamp = self.lamps.iter().map(|(until, _)| *until).min();
        [Some(asked), self.rest_lost(), parts, lamp].into_iter().flatten().min()
    }

    /// A decoder has nothing to end: what is pending is noise and the session is over at once.
    fn close(&mut self, _now: Duration) {
        self.forget();
        self.open = false;
    }

    fn closed(&self) -> bool {
        !self.open
    }

    fn command(&mut self, number: u32, command: &Command, now: Duration) -> Result<(), Unable> {
        let (opcode, data) = orders::order(command)?;
        if !self.open || self.known.as_ref().is_some_and(|known| !known.contains(&opcode)) {
            return Err(Unable);
        }
        if self.requests.is_full() {
            let reason = "the scanner is asked faster than it answers; wait a moment".to_owned();
            self.events.push_back(Event::Answer { number, answer: Answer::Refused { reason } });
            return Ok(());
        }
        if let (Command::Output { on: true, lasts: Some(lasts), .. }, Some(lamp)) = (command, data) {
            self.lamps.retain(|(_, other)| *other != lamp);
            self.lamps.push((now.saturating_add(*lasts), lamp));
        }
        self.requests.push(Why::Command { number }, opcode, data.as_slice());
        self.tick(now);
        Ok(())
    }
}

impl Ssi {
    fn take_frames(&mut self, rest: Rest, now: Duration) {
        let received = std::mem::take(&mut self.received);
        let mut left = received.as_slice();
        let mut garbled = false;
        while !left.is_empty() && self.open {
            let used = match frame::parse(left) {
                // The host's own words came back: the line echoes.
                Ok((frame, length)) if frame.source == frame::HOST => {
                    self.noise += length;
                    length
                }
                Ok((frame, length)) => {
                    self.sound = now;
                    // A sound message is answered itself; two answers would be one too many.
                    garbled = false;
                    self.heed(&frame, now);
                    length
                }
                Err(FrameError::Incomplete { .. }) if rest == Rest::Comes => break,
                Err(error) => {
                    if let (FrameError::Checksum { .. }, [_, opcode, _, marks, ..]) = (error, left) {
                        // Only what the decoder waits for an answer to: it repeats the rest by itself, and a request to
                        // repeat that meets its next message would have that one counted twice.
                        garbled |= opcode::must_ack(*opcode);
                        if *opcode == opcode::DECODE_DATA && marks & status::RETRANSMIT == 0 {
                            self.texts.garbled();
                        }
                    }
                    // One byte and no more: the next true frame may begin right behind it.
                    self.noise += 1;
                    1
                }
            };
            left = left.get(used..).unwrap_or_default();
        }
        debug_assert!(left.len() < FRAME_MAX, "an incomplete frame is shorter than the longest");
        if self.open {
            self.received = left.to_vec();
        }
        if garbled && self.nak_sent.is_none_or(|sent| sent.saturating_add(NAKS_APART) <= now) {
            self.nak_sent = Some(now);
            self.out.push_back(frame::host(opcode::CMD_NAK, &[nak::RESEND]));
        }
        self.report_noise();
    }

    /// Acts on one message of the decoder.
    fn heed(&mut self, frame: &Frame<'_>, now: Duration) {
        let asked = self.nak_sent.is_some_and(|sent| now < sent.saturating_add(CROSSED));
        if asked && self.texts.just_taken(frame, now.saturating_sub(CROSSED)) {
            return;
        }
        if opcode::must_ack(frame.opcode) {
            let ack = if self.cordless { opcode::HOST_ACK } else { opcode::CMD_ACK };
            self.out.push_back(frame::host(ack, &[]));
        }
        match frame.opcode {
            opcode::DECODE_DATA => {
                let obtained = self.texts.packet(frame, self.settings.repeat, now);
                self.obtained(obtained);
            }
            opcode::MULTIPACKET_SEGMENT => {
                let (reply, obtained) = self.texts.segment(frame, now);
                self.out.push_back(match reply {
                    Reply::Next => frame::host(opcode::MULTIPACKET_ACK, &[]),
                    Reply::Done => frame::host(opcode::CMD_ACK, &[]),
                });
                self.obtained(obtained);
            }
            opcode::CMD_ACK => self.acknowledged(now),
            opcode::CMD_NAK => self.refused(frame.data.first().copied(), now),
            opcode::REPLY_REVISION => self.introduced(frame.data, now),
            opcode::CAPABILITIES_REPLY => self.capable(frame.data, now),
            opcode::SCANNER_INIT_REPLY => self.cordless = true,
            opcode::EVENT if frame.data.first() == Some(&BOOTED) => {
                self.texts.rebooted();
                if self.ready {
                    self.set();
                }
            }
            _ => (),
        }
    }

    fn obtained(&mut self, obtained: Obtained) {
        match obtained {
            Obtained::Nothing => (),
            Obtained::Text { symbology, text } => self.read(symbology, &text),
            Obtained::Broken => {
                self.fault("a long code broke off on the line and was not taken; scan it again".to_owned());
            }
            Obtained::Overlong => self.fault(format!(
                "a code of more than {TEXT_MAX} bytes was dropped; no label holds so many, check the scanner"
            )),
        }
    }

    fn fault(&mut self, text: String) {
        self.report_noise();
        self.events.push_back(Event::Fault { text });
    }

    fn read(&mut self, symbology: u8, text: &[u8]) {
        let sent = match self.settings.aim {
            AimMode::Absent => None,
            AimMode::WhenSent | AimMode::Required => aim::split(text),
        };
        let fits = |code| symbology::aim_code(symbology).is_none_or(|own| own == code);
        let (aim, text) = match sent.filter(|(aim, _)| fits(aim.code)) {
            Some((aim, text)) => (Some(aim), text),
            None => (symbology::aim(symbology, text), text),
        };
        self.report_noise();
        self.events.push_back(self.settings.aim.symbol(aim, text));
    }

    fn acknowledged(&mut self, now: Duration) {
        let plain = |why| !matches!(why, Why::Revision | Why::Capabilities | Why::Alive);
        if let Some(request) = self.requests.answered(plain) {
            match request.why {
                Why::Command { number } => self.events.push_back(Event::Answer { number, answer: Answer::Done }),
                Why::Enable => self.be_ready(),
                Why::Revision | Why::Capabilities | Why::Alive | Why::Parameters | Why::Lamp => (),
            }
            self.tick(now);
        }
    }

    fn introduced(&mut self, text: &[u8], now: Duration) {
        let Some(request) = self.requests.answered(|why| matches!(why, Why::Revision | Why::Alive)) else { return };
        if request.why == Why::Revision {
            self.model =
                String::from_utf8_lossy(text).trim_matches(|c: char| c.is_whitespace() || c == '\0').to_owned();
            self.requests.push(Why::Capabilities, opcode::CAPABILITIES_REQUEST, &[]);
        }
        self.tick(now);
    }

    /// What the decoder can: two bytes of speeds, one of line settings, one of packets, then the messages it knows.
    fn capable(&mut self, data: &[u8], now: Duration) {
        if self.requests.answered(|why| why == Why::Capabilities).is_some() {
            self.known = data.get(4..).filter(|known| !known.is_empty()).map(<[u8]>::to_vec);
            self.set();
            self.tick(now);
        }
    }

    /// Tells the decoder its settings and lets it read.
    fn set(&mut self) {
        if self.requests.holds(Why::Enable) {
            return;
        }
        if self.settings.configure {
            let parameters = self.settings.parameters();
            self.requests.push(Why::Parameters, opcode::PARAM_SEND, &parameters);
        }
        self.requests.push(Why::Enable, opcode::SCAN_ENABLE, &[]);
    }

    fn be_ready(&mut self) {
        if !std::mem::replace(&mut self.ready, true) {
            let model = self.model.clone();
            self.events.push_back(Event::Ready { model });
        }
    }

    /// The decoder would not: it did not understand, or denied.
    fn refused(&mut self, why: Option<u8>, now: Duration) {
        if why == Some(nak::RESEND)
            && let Due::Send(bytes) = self.requests.again(now)
        {
            return self.out.push_back(bytes);
        }
        let Some(request) = self.requests.answered(|_| true) else { return };
        let reason = match why {
            Some(nak::RESEND) => "it did not understand it three times; check the cable".to_owned(),
            Some(nak::CONTEXT) => "it does not know it, or not now".to_owned(),
            Some(nak::DENIED) => "it denies it; its settings are locked".to_owned(),
            Some(code) => format!("it refused it with code {code:02X}"),
            None => "it refused it".to_owned(),
        };
        self.failed(&request, &reason, now);
    }

    /// Three tries, and no answer.
    fn unanswered(&mut self, request: &Request, now: Duration) {
        match request.why {
            Why::Revision => self.lost(
                "the scanner did not say who it is; check cable and power, that the speed is right, and that the scanner is \
                 set to SSI",
            ),
            Why::Alive => self.lost("the scanner fell silent; check its cable and power"),
            Why::Capabilities | Why::Parameters | Why::Enable | Why::Command { .. } | Why::Lamp => {
                self.failed(request, "it did not answer", now);
            }
        }
    }

    fn failed(&mut self, request: &Request, reason: &str, now: Duration) {
        match request.why {
            Why::Revision => self.requests.push(Why::Capabilities, opcode::CAPABILITIES_REQUEST, &[]),
            Why::Capabilities => self.set(),
            Why::Parameters => {
                let text = format!(
                    "the scanner did not take its settings and keeps its own: {reason}; set it to packeted decode data and \
                     AIM identifiers by its manual"
                );
                self.events.push_back(Event::Fault { text });
            }
            Why::Enable => self.be_ready(),
            Why::Command { number } => {
                let name = opcode::name(request.opcode).unwrap_or_default();
                let reason = format!("the scanner was sent {name}: {reason}");
                self.events.push_back(Event::Answer { number, answer: Answer::Refused { reason } });
            }
            Why::Alive | Why::Lamp => (),
        }
        self.tick(now);
    }

    fn lost(&mut self, reason: &str) {
        self.forget();
        self.open = false;
        self.events.push_back(Event::Lost { reason: reason.to_owned() });
    }

    /// Forgets what is pending on this side and says so. A text of which packets came stays: the decoder may go on.
    fn forget(&mut self) {
        self.noise += self.received.len();
        self.received.clear();
        self.report_noise();
        self.requests.clear();
        self.lamps.clear();
        self.out.clear();
    }

    fn rest_lost(&self) -> Option<Duration> {
        (!self.received.is_empty()).then(|| self.heard.saturating_add(GAP))
    }

    fn report_noise(&mut self) {
        let bytes = std::mem::take(&mut self.noise) + self.texts.take_noise();
        if 0 < bytes {
            self.events.push_back(Event::Noise { bytes });
        }
    }
}

/// Whether an incomplete frame at the end can still be completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Comes,
    Lost,
}
