//! A simulated module of the M100 and R200 kind.

use std::time::Duration;

use crate::checksum;
use crate::r200::frame;
use crate::r200::frame::{Dialect, FrameError, Kind};
use crate::r200::message::{Fault, code};
use crate::simulator::Simulator;
use crate::simulator::outbox::Outbox;
use crate::simulator::script::{Act, Heard, Presentation, Script, Sent, SentWhat, Stage};

/// Rounds that are made up for when nobody called `tick` for long; more would only flood the port.
const ROUNDS_LATE: u32 = 50;

/// Highest sending power that the module takes, in hundredths of a dBm.
const POWER_MAX: u16 = 3000;

/// How the simulated module is built.
#[derive(Clone, Debug)]
pub struct Settings {
    pub dialect: Dialect,
    /// What it says of its hardware.
    pub model: String,
    /// Time of one inventory round.
    pub round: Duration,
    /// Region numbers that it takes.
    pub regions: Vec<u8>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dialect: Dialect::R200,
            model: "M100 26dBm V1.0".into(),
            round: Duration::from_millis(30),
            regions: vec![1, 2, 3, 4, 6],
        }
    }
}

/// A simulated module.
#[derive(Clone, Debug)]
pub struct Module {
    settings: Settings,
    stage: Stage,
    outbox: Outbox,
    received: Vec<u8>,
    polls: Option<Polls>,
    radio: Radio,
    multi_polls: u64,
}

/// What the module was told, until it loses its power.
#[derive(Clone, Debug)]
struct Radio {
    region: u8,
    power_centi_dbm: u16,
    query: [u8; 2],
    select: Vec<u8>,
    select_mode: u8,
}

impl Default for Radio {
    fn default() -> Self {
        Self {
            region: 1,
            power_centi_dbm: 2600,
            query: [0x10, 0x20],
            select: vec![1, 0, 0, 0, 0x20, 0, 0],
            select_mode: 1,
        }
    }
}

/// Rounds that are still to be made, and when the next is.
#[derive(Clone, Copy, Debug)]
struct Polls {
    left: u16,
    next: Duration,
}

impl Module {
    pub fn new(settings: Settings, script: Script, seed: u64) -> Self {
        Self {
            settings,
            stage: Stage::new(script, seed),
            outbox: Outbox::default(),
            received: Vec::new(),
            polls: None,
            radio: Radio::default(),
            multi_polls: 0,
        }
    }

    /// A module that a session with these settings understands.
    pub fn set(settings: &crate::settings::Settings, script: Script, seed: u64) -> Self {
        let dialect = match settings.text("dialect").as_str() {
            "m100" => Dialect::M100,
            _ => Dialect::R200,
        };
        Self::new(Settings { dialect, ..Settings::default() }, script, seed)
    }

    /// The region number and the power in hundredths of a dBm that the module was set to.
    pub fn radio(&self) -> (u8, u16) {
        (self.radio.region, self.radio.power_centi_dbm)
    }

    /// Whether rounds are being made.
    pub fn polling(&self) -> bool {
        self.polls.is_some()
    }

    /// How often it was told to poll.
    pub fn multi_polls(&self) -> u64 {
        self.multi_polls
    }
}

impl Simulator for Module {
    /// Somebody opened the port. A module that was polling for a host that died polls on.
    fn opened(&mut self, now: Duration) {
        self.outbox.clear();
        self.received.clear();
        self.stage.opened(now);
        self.tick(now);
    }

    /// The host closed the port. What waited for it is lost; symbols presented from now on wait for the next opening.
    fn disconnected(&mut self, now: Duration) {
        self.tick(now);
        self.outbox.clear();
        self.stage.cut();
    }

    /// Takes what the host sent, in any split. What comes while the module is silent is not heard.
    fn receive(&mut self, bytes: &[u8], now: Duration) {
        self.tick(now);
        if self.stage.silent(now) {
            self.received.clear();
            return;
        }
        let received = [std::mem::take(&mut self.received).as_slice(), bytes].concat();
        let mut left = received.as_slice();
        while !left.is_empty() {
            let used = match frame::parse(left, Some(self.settings.dialect)) {
                Ok((frame, length)) => {
                    if frame.kind == Kind::Command {
                        self.obey(frame.command, frame.parameters, now);
                    }
                    length
                }
                Err(FrameError::Incomplete { .. }) => break,
                Err(_) => 1,
            };
            left = left.get(used..).unwrap_or_default();
        }
        self.received = left.to_vec();
    }

    /// Makes the rounds that are due.
    fn tick(&mut self, now: Duration) {
        while let Some(act) = self.stage.next(now) {
            match act {
                // A reader of tags sees and feels nothing else.
                Act::Symbol { .. } | Act::Card { .. } | Act::Weight(_) | Act::Climate(_) | Act::Contact(_) => (),
                Act::Garbage { bytes } => {
                    let n = bytes.len();
                    self.outbox.say_logged(bytes, now, SentWhat::Garbage { n });
                }
                Act::Disconnect => {
                    // The cable carries its power, too: it forgets what it was told.
                    self.polls = None;
                    self.radio = Radio::default();
                    self.outbox.cut(now);
                }
            }
        }
        let late = self.settings.round * ROUNDS_LATE;
        while let Some(Polls { left, next }) = self.polls.filter(|polls| polls.next <= now) {
            let next = next.max(now.saturating_sub(late));
            if self.stage.linked() && !self.stage.silent(next) {
                self.round(next);
            }
            self.polls = left
                .checked_sub(1)
                .filter(|&left| 0 < left)
                .map(|left| Polls { left, next: next + self.settings.round.max(Duration::from_millis(1)) });
        }
    }

    /// What the module sends next; call until `None`, then ask [`Module::take_disconnect`].
    fn transmit(&mut self) -> Option<Vec<u8>> {
        self.outbox.transmit(&mut self.stage)
    }

    /// Whether the port is to be closed now, because the script pulled the cable.
    fn take_disconnect(&mut self) -> bool {
        self.outbox.take_cut()
    }

    /// When to call `tick` if nothing arrives.
    fn wake(&self) -> Option<Duration> {
        let round = self.polls.map(|polls| polls.next);
        self.stage.wake().into_iter().chain(round).min()
    }

    /// Presents something beside the script.
    fn show(&mut self, what: Presentation, now: Duration) {
        self.stage.show(what, now);
        self.tick(now);
    }

    /// What was handed over, oldest first.
    fn log(&self) -> &[Sent] {
        self.stage.log()
    }

    /// How many older entries the log no longer holds.
    fn forgotten(&self) -> u64 {
        self.stage.forgotten()
    }

    /// Whether the script is played out.
    fn finished(&self, now: Duration) -> bool {
        self.stage.finished(now)
    }
}

impl Module {
    /// One inventory round: a notification for each tag, or the word that there was none.
    fn round(&mut self, at: Duration) {
        let heard: Vec<Heard> = self.stage.tags(at).into_iter().filter(|tag| self.selected(&tag.epc)).collect();
        if heard.is_empty() {
            return self.fail(Fault::NO_TAG);
        }
        for tag in heard {
            let Heard { epc, antenna, rssi_dbm } = tag;
            let rssi = i8::try_from(rssi_dbm).unwrap_or(i8::MIN).to_be_bytes();
            // The length of the EPC in words is in the top five bits.
            let pc = u16::try_from(epc.len() / 2).unwrap_or(0).min(31) << 11;
            let crc = checksum::tag_crc(pc, &epc).to_be_bytes();
            let parameters = [rssi.as_slice(), &pc.to_be_bytes(), &epc, &crc].concat();
            let bytes = frame::encode(self.settings.dialect, Kind::Notification, code::POLL, &parameters);
            if self.stage.take_truncation() {
                let half = bytes.get(..bytes.len() / 2).unwrap_or(&bytes).to_vec();
                let n = half.len();
                self.outbox.say_logged(half, at, SentWhat::Garbage { n });
            } else {
                self.outbox.say_logged(bytes, at, SentWhat::Tag { epc, antenna, rssi_dbm });
            }
        }
    }

    /// Whether the select parameter lets this tag answer; it counts only in mode 0.
    fn selected(&self, epc: &[u8]) -> bool {
        let [_, _, _, _, 0x20, bits, _, mask @ ..] = self.radio.select.as_slice() else {
            return true;
        };
        self.radio.select_mode != 0 || epc.get(..usize::from(bits / 8)) == mask.get(..usize::from(bits / 8))
    }

    fn obey(&mut self, command: u8, parameters: &[u8], now: Duration) {
        match (command, parameters) {
            (code::MODULE_INFO, &[what @ 0..=2]) => {
                let text = match what {
                    0 => self.settings.model.clone(),
                    1 => "V2.3.5".into(),
                    _ => "simulated".into(),
                };
                self.answer(command, &[&[what], text.as_bytes()].concat());
            }
            (code::REGION, &[region]) if self.settings.regions.contains(&region) => {
                self.radio.region = region;
                self.answer(command, &[0]);
            }
            (code::REGION_ASKED, []) => self.answer(command, &[self.radio.region]),
            (code::POWER, &[high, low]) if u16::from_be_bytes([high, low]) <= POWER_MAX => {
                self.radio.power_centi_dbm = u16::from_be_bytes([high, low]);
                self.answer(command, &[0]);
            }
            (code::POWER_ASKED, []) => self.answer(command, &self.radio.power_centi_dbm.to_be_bytes()),
            (code::QUERY, &[high, low]) => {
                self.radio.query = [high, low];
                self.answer(command, &[0]);
            }
            (code::QUERY_ASKED, []) => self.answer(command, &{ self.radio.query }),
            (code::SELECT, &[_, _, _, _, _, bits, _, ref mask @ ..]) if usize::from(bits).div_ceil(8) == mask.len() => {
                self.radio.select = parameters.to_vec();
                self.answer(command, &[0]);
            }
            (code::SELECT_ASKED, []) => self.answer(command, &self.radio.select.clone()),
            (code::SELECT_MODE, &[mode @ 0..=2]) => {
                self.radio.select_mode = mode;
                self.answer(command, &[0]);
            }
            (code::POLL, []) => self.round(now),
            (code::MULTI_POLL, &[0x22, high, low]) => {
                self.multi_polls += 1;
                let left = u16::from_be_bytes([high, low]);
                self.polls = (0 < left).then(|| Polls { left, next: now + self.settings.round });
            }
            (code::STOP, []) => {
                self.polls = None;
                self.answer(command, &[0]);
            }
            _ => self.fail(Fault::COMMAND),
        }
    }

    fn answer(&mut self, command: u8, parameters: &[u8]) {
        self.outbox.say(frame::encode(self.settings.dialect, Kind::Response, command, parameters));
    }

    fn fail(&mut self, fault: Fault) {
        self.answer(code::FAILURE, &[fault.0]);
    }
}
