//! A session with one scale: ask it or listen to it, and tell of a weight when it changes or comes to rest.
//!
//! A weight is told once, however often the scale repeats it. It is told again after anything that stood between: an
//! overload, a movement without a number, a fault. What a scale is told to do is judged by what it shows afterwards, for
//! half of the protocols acknowledge nothing.

use std::collections::VecDeque;
use std::time::Duration;

use crate::command::{Answer, Command, Unable};
use crate::device::{Cut, Session};
use crate::event::{Event, Read, Steady, Weight, WeightUnit};
use crate::scale::message::{Message, Refusal, Shown, Unit};
use crate::scale::trouble::Trouble;
use crate::scale::{Protocol, lines};

/// How long an answer may take: a scale answers at once, at 1200 baud a line takes 130 ms.
pub const ANSWER: Duration = Duration::from_secs(1);

/// Unanswered questions after which the scale is lost.
pub const ASKS: u8 = 3;

/// Pause in the middle of a message after which the rest will not come. At 1200 baud a byte takes 9 ms.
pub const GAP: Duration = Duration::from_millis(500);

/// How long a scale may take to come to zero, while it waits for rest itself.
pub const OBEYS: Duration = Duration::from_secs(5);

/// Commands that may wait.
const COMMANDS_MAX: usize = 8;

/// "Not now" so often in a row is told.
const NOT_NOWS: u8 = 10;

/// How the scale is asked and understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Pause between an answer and the next question; `None`: the scale speaks by itself.
    pub poll: Option<Duration>,
    /// Silence after which a scale that speaks by itself is lost.
    pub silence: Option<Duration>,
    /// The unit of weights that come without one.
    pub unit: Option<WeightUnit>,
}

/// A session with one scale. Holds one message that is not complete, eight commands and the events not yet polled.
#[derive(Clone, Debug)]
pub struct Scale {
    protocol: &'static Protocol,
    settings: Settings,
    phase: Phase,
    received: Vec<u8>,
    /// When the last byte came.
    heard: Duration,
    /// What arrives before this may be the end of a line whose beginning nobody heard.
    doubt_until: Duration,
    /// Such an end is being dropped.
    doubting: bool,
    noise: usize,
    /// What was told last.
    told: Option<Weight>,
    /// The unit that was last on the wire.
    unit: Option<WeightUnit>,
    /// The longest line of that unit, in bytes.
    longest: usize,
    /// A line that was shorter and is believed when it comes again: it lost a byte, or the scale's lines have many lengths.
    doubted: Option<Vec<u8>>,
    trouble: Option<Trouble>,
    not_nows: u8,
    orders: VecDeque<(u32, Order)>,
    given: Option<Given>,
    out: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Before `opened`, after `close`, and after the scale was lost.
    Over,
    /// Asking who is there.
    Meeting { tries: u8, until: Duration },
    /// The next question is due.
    Resting { until: Duration },
    /// A question is out.
    Asking { tries: u8, until: Duration },
    /// The scale speaks by itself; `ready` once it did.
    Listening { ready: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Zero,
    Tare,
}

/// An order that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Given {
    number: u32,
    order: Order,
    until: Duration,
}

impl Scale {
    pub(super) fn new(protocol: &'static Protocol, settings: Settings) -> Self {
        Self {
            protocol,
            settings,
            phase: Phase::Over,
            received: Vec::new(),
            heard: Duration::ZERO,
            doubt_until: Duration::ZERO,
            doubting: false,
            noise: 0,
            told: None,
            unit: None,
            longest: 0,
            doubted: None,
            trouble: None,
            not_nows: 0,
            orders: VecDeque::new(),
            given: None,
            out: VecDeque::new(),
            events: VecDeque::new(),
        }
    }
}

impl Session for Scale {
    fn opened(&mut self, now: Duration) {
        self.noise += self.received.len();
        self.report_noise();
        self.give_up_orders("the scale was connected anew");
        self.received.clear();
        self.out.clear();
        (self.told, self.unit, self.trouble, self.not_nows) = (None, None, None, 0);
        self.heard = now;
        (self.doubt_until, self.doubting) = (Duration::ZERO, false);
        match self.settings.poll {
            Some(_) => self.meet(0, now),
            // A scale that sends on a key press cannot be asked and is ready at once; one that should stream proves it.
            None => {
                self.doubt_until = now.saturating_add(self.protocol.line_time);
                let ready = self.settings.silence.is_none();
                if ready {
                    self.events.push_back(Event::Ready { model: String::new() });
                }
                self.phase = Phase::Listening { ready };
            }
        }
    }

    fn receive(&mut self, bytes: &[u8], now: Duration) {
        if self.phase == Phase::Over || bytes.is_empty() {
            return;
        }
        self.drop_half_message(now);
        self.doubting |= now < std::mem::take(&mut self.doubt_until);
        let believed = if self.doubting { self.behind_the_line(bytes) } else { bytes };
        self.received.extend_from_slice(believed);
        self.heard = now;
        self.take_messages(now);
        self.tick(now);
    }

    fn tick(&mut self, now: Duration) {
        self.drop_half_message(now);
        if let Some(given) = self.given.filter(|given| given.until <= now) {
            self.given = None;
            let reason = "the scale did not come to zero in 5 s; wait until nothing moves on it and try again".into();
            self.events.push_back(Event::Answer { number: given.number, answer: Answer::Refused { reason } });
        }
        match self.phase {
            Phase::Meeting { tries, until } if until <= now && ASKS <= tries => self.lost(
                "the scale does not answer; check that it is on, its cable, and that speed, parity and protocol are as set in it",
            ),
            Phase::Meeting { tries, until } if until <= now => self.meet(tries, now),
            Phase::Asking { tries, until } if until <= now && ASKS <= tries => {
                self.lost("the scale fell silent; check its cable and power");
            }
            Phase::Asking { tries, until } if until <= now => self.ask(tries, now),
            Phase::Resting { until } if until <= now => {
                if !self.give_next_order(now) {
                    self.ask(0, now);
                }
            }
            Phase::Listening { .. } => {
                let silent = self.settings.silence.is_some_and(|silence| self.heard.saturating_add(silence) <= now);
                if silent {
                    return self.lost(
                        "the scale sends nothing; check that it is on, its cable, and that it is set to send without being asked",
                    );
                }
                self.give_next_order(now);
            }
            Phase::Over | Phase::Meeting { .. } | Phase::Asking { .. } | Phase::Resting { .. } => (),
        }
    }

    fn transmit(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn wake(&self) -> Option<Duration> {
        let phase = match self.phase {
            Phase::Over => return None,
            Phase::Meeting { until, .. } | Phase::Asking { until, .. } | Phase::Resting { until } => Some(until),
            Phase::Listening { .. } => self.settings.silence.map(|silence| self.heard.saturating_add(silence)),
        };
        let half = (!self.received.is_empty()).then(|| self.heard.saturating_add(GAP));
        let given = self.given.map(|given| given.until);
        phase.into_iter().chain(half).chain(given).min()
    }

    /// A scale has nothing to end.
    fn close(&mut self, _now: Duration) {
        self.give_up_orders("the line to the scale was closed");
        self.out.clear();
        self.phase = Phase::Over;
    }

    fn closed(&self) -> bool {
        self.phase == Phase::Over
    }

    fn command(&mut self, number: u32, command: &Command, now: Duration) -> Result<(), Unable> {
        let order = match command {
            Command::Zero if !self.protocol.zero.is_empty() => Order::Zero,
            Command::Tare if !self.protocol.tare.is_empty() => Order::Tare,
            _ => return Err(Unable),
        };
        let refusal = match self.phase {
            Phase::Over => Some("the scale is not connected"),
            _ if COMMANDS_MAX <= self.orders.len() => {
                Some("the scale has too many commands to do already; wait a moment")
            }
            _ => None,
        };
        match refusal {
            Some(reason) => {
                let answer = Answer::Refused { reason: reason.into() };
                self.events.push_back(Event::Answer { number, answer });
            }
            None => {
                self.orders.push_back((number, order));
                self.tick(now);
            }
        }
        Ok(())
    }
}

impl Scale {
    /// Asks who is there: the model where the protocol can, else the weight.
    fn meet(&mut self, tries: u8, now: Duration) {
        let question = if self.protocol.model.is_empty() { self.protocol.weigh } else { self.protocol.model };
        self.out.push_back(question.to_vec());
        self.phase = Phase::Meeting { tries: tries + 1, until: now.saturating_add(ANSWER) };
    }

    fn ask(&mut self, tries: u8, now: Duration) {
        self.out.push_back(self.protocol.weigh.to_vec());
        self.phase = Phase::Asking { tries: tries + 1, until: now.saturating_add(ANSWER) };
    }

    /// Sends the next order if none is being carried out. The answer to it is waited for like one to a question.
    fn give_next_order(&mut self, now: Duration) -> bool {
        if self.given.is_some() {
            return false;
        }
        let Some((number, order)) = self.orders.pop_front() else { return false };
        let bytes = match order {
            Order::Zero => self.protocol.zero,
            Order::Tare => self.protocol.tare,
        };
        self.out.push_back(bytes.to_vec());
        self.given = Some(Given { number, order, until: now.saturating_add(OBEYS) });
        if let Some(poll) = self.settings.poll {
            self.phase = Phase::Resting { until: now.saturating_add(poll) };
        }
        true
    }

    /// What follows the first end of a line; what comes before it is noise.
    fn behind_the_line<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let end = bytes.iter().position(|&byte| byte == b'\n');
        self.doubting = end.is_none();
        let behind = end.and_then(|end| bytes.get(end + 1..)).unwrap_or_default();
        self.noise += bytes.len() - behind.len();
        behind
    }

    /// Drops the beginning of a message whose end does not come.
    fn drop_half_message(&mut self, now: Duration) {
        if !self.received.is_empty() && self.heard.saturating_add(GAP) <= now {
            self.noise += self.received.len();
            self.received.clear();
            self.report_noise();
        }
    }

    fn take_messages(&mut self, now: Duration) {
        let received = std::mem::take(&mut self.received);
        let mut left = received.as_slice();
        while !left.is_empty() && self.phase != Phase::Over {
            let used = match (self.protocol.cut)(left) {
                Cut::Message(len) => {
                    let message = left.get(..len).unwrap_or(left);
                    match (self.protocol.parse)(message) {
                        Ok(said) => self.heed(said, message, now),
                        Err(_) => self.noise += len,
                    }
                    len
                }
                Cut::Noise(len) => {
                    self.noise += len;
                    len
                }
                Cut::Blank(len) => len,
                Cut::Incomplete => break,
            };
            left = left.get(used..).unwrap_or_default();
        }
        if self.phase != Phase::Over {
            self.received = left.to_vec();
        }
        self.report_noise();
    }

    /// Acts on one message, which came as `line`.
    fn heed(&mut self, said: Message, line: &[u8], now: Duration) {
        self.report_noise();
        self.answered(&said, now);
        if !matches!(said, Message::NotNow { .. }) {
            self.not_nows = 0;
        }
        match said {
            Message::Shown(shown) => self.show(shown, line),
            Message::Tared(_) => self.obeyed(Order::Tare),
            Message::Accepted { command } => match command.as_str() {
                "Z" | "ZI" => self.obeyed(Order::Zero),
                "T" | "TI" | "TAC" => self.obeyed(Order::Tare),
                _ => (),
            },
            Message::Over => self.trouble(Trouble::Over),
            Message::Under => self.trouble(Trouble::Under),
            Message::NotNow { command } => self.not_now(&command),
            Message::Refused(refusal) => self.refused(refusal),
            Message::Status(status) => {
                // It moves, or is out of range: the next weight is news, even if it is the old one.
                self.told = None;
                if status.over_capacity() {
                    self.trouble(Trouble::Over);
                } else if status.under_zero() {
                    self.trouble(Trouble::Under);
                } else if status.outside_zero_capture() {
                    self.trouble(Trouble::NoZero);
                }
            }
            Message::Info { .. } | Message::Echo { .. } => (),
        }
    }

    /// A sound message came: the scale is there.
    fn answered(&mut self, said: &Message, now: Duration) {
        let rest = now.saturating_add(self.settings.poll.unwrap_or_default());
        match self.phase {
            Phase::Meeting { .. } => {
                let model = match said {
                    Message::Info { text, .. } => text.clone(),
                    _ => String::new(),
                };
                self.events.push_back(Event::Ready { model });
                self.phase = Phase::Resting { until: now };
            }
            Phase::Asking { .. } => self.phase = Phase::Resting { until: rest },
            Phase::Listening { ready: false } => {
                self.events.push_back(Event::Ready { model: String::new() });
                self.phase = Phase::Listening { ready: true };
            }
            Phase::Over | Phase::Resting { .. } | Phase::Listening { ready: true } => (),
        }
    }

    fn show(&mut self, shown: Shown, line: &[u8]) {
        let Shown { amount, unit, steady, net } = shown;
        let unit = match (unit, steady) {
            (Unit::Weight(unit), _) => unit,
            // Some send the unit only with a weight at rest.
            (Unit::Unsaid, Steady::No) => match self.settings.unit.or(self.unit) {
                Some(unit) => unit,
                None => return self.told = None,
            },
            (Unit::Unsaid, Steady::Yes) => match self.settings.unit {
                Some(unit) => unit,
                None => return self.trouble(Trouble::Unit(Unit::Unsaid)),
            },
            (other, _) => return self.trouble(Trouble::Unit(other)),
        };
        let text = lines::text(line).to_vec();
        let longest = if self.unit == Some(unit) { self.longest } else { 0 };
        let short = self.protocol.one_length && text.len() < longest;
        if short && self.doubted.replace(text.clone()).as_ref() != Some(&text) {
            self.noise += line.len();
            return self.report_noise();
        }
        self.doubted = None;
        (self.unit, self.longest) = (Some(unit), text.len());
        self.trouble = None;
        let weight = Weight { digits: amount.digits, places: amount.places, unit, steady, net, text };
        let same = |told: &Weight| {
            (told.digits, told.places, told.unit, told.steady, told.net)
                == (weight.digits, weight.places, weight.unit, weight.steady, weight.net)
        };
        if !self.told.as_ref().is_some_and(same) {
            self.events.push_back(Event::Read(Read::Weight(weight.clone())));
        }
        let at_zero = weight.digits == 0 && steady == Steady::Yes;
        self.told = Some(weight);
        if let Some(given) = self.given.filter(|_| at_zero) {
            self.obeyed(given.order);
        }
    }

    fn trouble(&mut self, trouble: Trouble) {
        self.told = None;
        if self.trouble.as_ref() != Some(&trouble) {
            self.events.push_back(Event::Fault { text: trouble.sentence() });
            self.trouble = Some(trouble);
        }
    }

    /// The order that is being carried out was of this kind and is done.
    fn obeyed(&mut self, order: Order) {
        if let Some(given) = self.given.take_if(|given| given.order == order) {
            self.events.push_back(Event::Answer { number: given.number, answer: Answer::Done });
        }
    }

    fn not_now(&mut self, command: &str) {
        let of_order = matches!(command, "Z" | "ZI" | "T" | "TI");
        if let Some(given) = self.given.take_if(|_| of_order) {
            let reason =
                "the scale cannot do that now; wait until nothing moves on it, take off what is too much and try again";
            let answer = Answer::Refused { reason: reason.into() };
            return self.events.push_back(Event::Answer { number: given.number, answer });
        }
        self.told = None;
        self.not_nows = self.not_nows.saturating_add(1);
        if NOT_NOWS <= self.not_nows {
            self.trouble(Trouble::NotNow);
        }
    }

    fn refused(&mut self, refusal: Refusal) {
        match self.given.take() {
            Some(given) => {
                let reason = Trouble::Refusal(refusal).sentence();
                self.events.push_back(Event::Answer { number: given.number, answer: Answer::Refused { reason } });
            }
            None => self.trouble(Trouble::Refusal(refusal)),
        }
    }

    fn lost(&mut self, reason: &str) {
        self.noise += self.received.len();
        self.received.clear();
        self.report_noise();
        self.give_up_orders("the scale was lost");
        self.out.clear();
        self.phase = Phase::Over;
        self.events.push_back(Event::Lost { reason: reason.into() });
    }

    fn give_up_orders(&mut self, why: &str) {
        let given = self.given.take().map(|given| given.number);
        for number in given.into_iter().chain(self.orders.drain(..).map(|(number, _)| number)) {
            let reason = format!("{why} before the command was done; look at its display and try again");
            self.events.push_back(Event::Answer { number, answer: Answer::Refused { reason } });
        }
    }

    fn report_noise(&mut self) {
        let bytes = std::mem::take(&mut self.noise);
        if 0 < bytes {
            self.events.push_back(Event::Noise { bytes });
        }
    }
}
