//! One side of a bus: one request at a time, silence between frames, a time limit, and two more tries.

use std::collections::VecDeque;
use std::time::Duration;

use crate::modbus::frame::{self, Exception, Front, Reply, Request, Side};

/// Tries for one request.
pub const TRIES: u8 = 3;

/// Pause before a busy device is asked again.
const BUSY: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Rtu,
    Tcp,
}

/// How the bus is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    pub transport: Transport,
    pub unit: u8,
    /// How long a reply may take.
    pub timeout: Duration,
    /// Silence between two frames: 3.5 characters.
    pub silence: Duration,
}

impl Settings {
    pub(crate) fn of(settings: &crate::settings::Settings) -> Settings {
        Settings {
            transport: if settings.text("transport") == "tcp" { Transport::Tcp } else { Transport::Rtu },
            unit: settings.whole("unit"),
            timeout: Duration::from_millis(settings.whole("timeout_ms")),
            silence: Duration::from_millis(settings.whole("silence_ms")),
        }
    }
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Replied(Request, Reply),
    /// Nobody answered, three times.
    Unanswered(Request),
}

/// A bus with one device. Holds one request, and one frame that is not complete.
#[derive(Clone, Debug)]
pub struct Bus {
    settings: Settings,
    turn: Turn,
    transaction: u16,
    received: Vec<u8>,
    noise: usize,
    out: VecDeque<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Turn {
    /// Nothing is asked; the bus is free from this time on.
    Free { from: Duration },
    /// To be sent at this time, for the `tries`th time.
    Sending { request: Request, tries: u8, at: Duration },
    /// Sent; the reply is due until this time.
    Waiting { request: Request, tries: u8, until: Duration },
}

impl Bus {
    pub fn new(settings: Settings) -> Bus {
        Bus {
            settings,
            turn: Turn::Free { from: Duration::ZERO },
            transaction: 0,
            received: Vec::new(),
            noise: 0,
            out: VecDeque::new(),
        }
    }

    /// The link was opened: forgets what was under way.
    pub fn reset(&mut self, now: Duration) {
        self.drop_received();
        self.out.clear();
        self.turn = Turn::Free { from: now };
    }

    /// Whether something may be asked.
    pub fn is_free(&self, now: Duration) -> bool {
        matches!(self.turn, Turn::Free { from } if from <= now)
    }

    /// Asks something; the bus must be free.
    pub fn ask(&mut self, request: Request, now: Duration) {
        self.turn = Turn::Sending { request, tries: 1, at: now };
        self.send(now);
    }

    /// Takes what came from the bus.
    pub fn receive(&mut self, bytes: &[u8], now: Duration) -> Option<Outcome> {
        self.received.extend_from_slice(bytes);
        let received = std::mem::take(&mut self.received);
        let mut left = received.as_slice();
        let mut outcome = None;
        while !left.is_empty() {
            let front = match self.settings.transport {
                Transport::Rtu if !self.can_begin_reply(left) => Front::Noise,
                Transport::Rtu => frame::front_rtu(left, Side::Replies),
                Transport::Tcp => frame::front_tcp(left),
            };
            let used = match front {
                Front::Frame { transaction, unit, pdu, len } => {
                    match self.heard(transaction, unit, pdu, now) {
                        Some(found) => outcome = Some(found),
                        // A foreign or late frame.
                        None if !matches!(self.turn, Turn::Sending { .. }) || outcome.is_some() => self.noise += len,
                        None => (),
                    }
                    len
                }
                Front::Noise => {
                    self.noise += 1;
                    1
                }
                Front::Incomplete => break,
            };
            left = left.get(used..).unwrap_or_default();
        }
        self.received = left.to_vec();
        outcome
    }

    /// Sends what is due, and gives up what is not answered.
    pub fn tick(&mut self, now: Duration) -> Option<Outcome> {
        self.send(now);
        match std::mem::replace(&mut self.turn, Turn::Free { from: now }) {
            Turn::Waiting { request, tries, until } if until <= now => {
                self.drop_received();
                let at = now.saturating_add(self.settings.silence);
                if TRIES <= tries {
                    self.turn = Turn::Free { from: at };
                    return Some(Outcome::Unanswered(request));
                }
                self.turn = Turn::Sending { request, tries: tries + 1, at };
            }
            other => self.turn = other,
        }
        None
    }

    pub fn transmit(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    /// Bytes that belonged to no frame since the last call.
    pub fn take_noise(&mut self) -> usize {
        std::mem::take(&mut self.noise)
    }

    /// When to call `tick`, or from when on the bus is free.
    pub fn wake(&self) -> Duration {
        match self.turn {
            Turn::Free { from } => from,
            Turn::Sending { at, .. } => at,
            Turn::Waiting { until, .. } => until,
        }
    }

    fn send(&mut self, now: Duration) {
        match std::mem::replace(&mut self.turn, Turn::Free { from: now }) {
            Turn::Sending { request, tries, at } if at <= now => {
                let pdu = request.encode();
                self.transaction = self.transaction.wrapping_add(1);
                self.out.push_back(match self.settings.transport {
                    Transport::Rtu => frame::rtu(self.settings.unit, &pdu),
                    Transport::Tcp => frame::tcp(self.transaction, self.settings.unit, &pdu),
                });
                self.turn = Turn::Waiting { request, tries, until: now.saturating_add(self.settings.timeout) };
            }
            other => self.turn = other,
        }
    }

    /// Whether these bytes can be the beginning of the reply that is waited for; no others count. Noise that claims to be a
    /// long frame would otherwise hold the reply back until the time is over.
    fn can_begin_reply(&self, bytes: &[u8]) -> bool {
        let Turn::Waiting { request, .. } = &self.turn else { return false };
        let unit = bytes.first().is_none_or(|&unit| unit == self.settings.unit);
        let function = bytes.get(1).copied().unwrap_or(request.function());
        let length = match request {
            Request::Read { table, count, .. } => Some(table.reply_bytes(*count)),
            Request::WriteCoil { .. }
            | Request::WriteRegister { .. }
            | Request::WriteCoils { .. }
            | Request::WriteRegisters { .. } => None,
        };
        let same_length = length.is_none() || bytes.get(2).is_none_or(|&len| Some(usize::from(len)) == length);
        let refuses = function == request.function() | 0x80;
        unit && (refuses || function == request.function() && same_length)
    }

    /// What a sound frame says to the request that is out; `None` if it is not its reply, or says to ask again.
    fn heard(&mut self, transaction: u16, unit: u8, pdu: &[u8], now: Duration) -> Option<Outcome> {
        let Turn::Waiting { request, tries, .. } = &self.turn else { return None };
        let of_ours = match self.settings.transport {
            Transport::Rtu => unit == self.settings.unit,
            // A gateway may answer with a unit number of its own.
            Transport::Tcp => transaction == self.transaction,
        };
        let (_, reply) = Reply::parse(pdu)
            .filter(|(function, reply)| of_ours && *function == request.function() && reply.fits(request))?;
        if reply == Reply::Exception(Exception::BUSY) && *tries < TRIES {
            let (request, tries, at) = (request.clone(), tries + 1, now.saturating_add(BUSY));
            self.turn = Turn::Sending { request, tries, at };
            return None;
        }
        let free = Turn::Free { from: now.saturating_add(self.settings.silence) };
        match std::mem::replace(&mut self.turn, free) {
            Turn::Waiting { request, .. } => Some(Outcome::Replied(request, reply)),
            Turn::Free { .. } | Turn::Sending { .. } => None,
        }
    }

    fn drop_received(&mut self) {
        self.noise += self.received.len();
        self.received.clear();
    }
}
