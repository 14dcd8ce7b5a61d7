//! A simulated module of the M100 and R200 kind.

use std::time::Duration;

use crate::checksum;
use crate::device::Cut;
use crate::dialogue::plan::pc;
use crate::r200::command::code;
use crate::r200::frame;
use crate::r200::frame::{Dialect, FrameError, Kind};
use crate::r200::message::Fault;
use crate::simulator::memory::Refusal;
use crate::simulator::module;
use crate::simulator::module::{Desk, Manner};
use crate::simulator::script::{Heard, Script};

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
    /// Answers a stop under the number that the manual misprints.
    pub misprinted_stop: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dialect: Dialect::R200,
            model: "M100 26dBm V1.0".into(),
            round: Duration::from_millis(30),
            regions: vec![1, 2, 3, 4, 6],
            misprinted_stop: false,
        }
    }
}

/// A simulated module.
pub type Module = module::Module<Reader>;

/// What the module does.
#[derive(Clone, Debug)]
pub struct Reader {
    settings: Settings,
    polls: Option<Polls>,
    radio: Radio,
    multi_polls: u64,
}

/// What the module was told, until it loses its power.
#[derive(Clone, Debug)]
struct Radio {
    region: u8,
    channel: u8,
    power_centi_dbm: u16,
    query: [u8; 2],
    select: Vec<u8>,
    select_mode: u8,
    demodulator: [u8; 4],
    /// How pins 1 to 4 stand, of those that are outputs.
    pins: [Option<bool>; 4],
}

impl Default for Radio {
    fn default() -> Self {
        Self {
            region: 1,
            channel: 1,
            power_centi_dbm: 2600,
            query: [0x10, 0x20],
            select: vec![1, 0, 0, 0, 0x20, 0, 0],
            select_mode: 1,
            demodulator: [3, 6, 0x01, 0xB0],
            pins: [None; 4],
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
        Module::of(Reader { settings, polls: None, radio: Radio::default(), multi_polls: 0 }, script, seed)
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
        (self.manner.radio.region, self.manner.radio.power_centi_dbm)
    }

    /// How it asks the field, as in the query command.
    pub fn query(&self) -> [u8; 2] {
        self.manner.radio.query
    }

    /// How pins 1 to 4 stand, of those that are outputs.
    pub fn pins(&self) -> [Option<bool>; 4] {
        self.manner.radio.pins
    }

    /// Whether rounds are being made.
    pub fn polling(&self) -> bool {
        self.manner.polls.is_some()
    }

    /// How often it was told to poll.
    pub fn multi_polls(&self) -> u64 {
        self.manner.multi_polls
    }
}

impl Manner for Reader {
    fn cut(&self, bytes: &[u8]) -> Cut {
        match frame::parse(bytes, Some(self.settings.dialect)) {
            Ok((_, used)) => Cut::Message(used),
            Err(FrameError::Incomplete { .. }) => Cut::Incomplete,
            Err(_) => Cut::Noise(1),
        }
    }

    fn obey(&mut self, message: &[u8], desk: &mut Desk, now: Duration) {
        if let Ok((frame, _)) = frame::parse(message, Some(self.settings.dialect))
            && frame.kind == Kind::Command
        {
            self.carry_out(frame.command, frame.parameters, desk, now);
        }
    }

    fn due(&self) -> Option<Duration> {
        self.polls.map(|polls| polls.next)
    }

    fn act(&mut self, desk: &mut Desk, at: Duration) {
        let Some(Polls { left, .. }) = self.polls else { return };
        self.round(desk, at);
        let left = left.checked_sub(1).filter(|&left| 0 < left);
        self.polls = left.map(|left| Polls { left, next: at + self.settings.round.max(Duration::from_millis(1)) });
    }

    /// It forgets what it was told.
    fn power_lost(&mut self) {
        self.polls = None;
        self.radio = Radio::default();
    }
}

impl Reader {
    /// One inventory round: a notification for each tag, or the word that there was none.
    fn round(&mut self, desk: &mut Desk, at: Duration) {
        let counts = self.radio.select_mode == 0;
        let heard: Vec<Heard> = desk.tags(at).into_iter().filter(|tag| !counts || self.selects(&tag.epc)).collect();
        if heard.is_empty() {
            return self.fail(Fault::NO_TAG, desk);
        }
        for tag in heard {
            let rssi = i8::try_from(tag.rssi_dbm).unwrap_or(i8::MIN).to_be_bytes();
            let pc = pc(&tag.epc);
            let crc = checksum::tag_crc(pc, &tag.epc).to_be_bytes();
            let parameters = [rssi.as_slice(), &pc.to_be_bytes(), &tag.epc, &crc].concat();
            let bytes = frame::encode(self.settings.dialect, Kind::Notification, code::POLL, &parameters);
            desk.report(bytes, at, &[tag]);
        }
    }

    /// Whether the select parameter means this tag.
    fn selects(&self, epc: &[u8]) -> bool {
        let [_, _, _, _, 0x20, bits, _, mask @ ..] = self.radio.select.as_slice() else {
            return true;
        };
        epc.get(..usize::from(bits / 8)) == mask.get(..usize::from(bits / 8))
    }

    /// Reads, writes, locks or kills the tag that is selected, or whichever is there.
    fn access(&mut self, command: u8, parameters: &[u8], desk: &mut Desk, now: Duration) {
        let missing = if command == code::READ { Fault(0x09) } else { Fault(0x10) };
        let counts = matches!(self.radio.select_mode, 0 | 2);
        let Some(tag) = desk.tag(now, |tag| !counts || self.selects(&tag.epc)) else {
            return self.fail(missing, desk);
        };
        let refused = |refusal, kind: u8| match refusal {
            Refusal::NoSuchMemory => Fault(kind | 0x03),
            Refusal::Password => Fault(0x16),
        };
        let (answer, fault) = match *parameters {
            [_, _, _, _, bank, w1, w0, n1, n0] if command == code::READ => {
                let (word, words) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([n1, n0]));
                match desk.read(&tag, bank, word.into(), words.into()) {
                    Ok(words) => (words, None),
                    Err(refusal) => (Vec::new(), Some(refused(refusal, 0xA0))),
                }
            }
            [a, b, c, d, bank, w1, w0, n1, n0, ref data @ ..]
                if command == code::WRITE && data.len() == 2 * usize::from(u16::from_be_bytes([n1, n0])) =>
            {
                let word = u16::from_be_bytes([w1, w0]);
                match desk.write(&tag, bank, word.into(), data, &[a, b, c, d]) {
                    Ok(()) => (vec![0], None),
                    Err(refusal) => (Vec::new(), Some(refused(refusal, 0xB0))),
                }
            }
            [_, _, _, _, _, _, _] if command == code::LOCK => (vec![0], None),
            // A simulated tag has no kill password, and one without is not killed.
            [_, _, _, _] if command == code::KILL => (Vec::new(), Some(Fault(0x12))),
            _ => (Vec::new(), Some(Fault::COMMAND)),
        };
        if let Some(fault) = fault {
            return self.fail(fault, desk);
        }
        let length = u8::try_from(2 + tag.epc.len()).unwrap_or(u8::MAX);
        let parameters = [&[length], pc(&tag.epc).to_be_bytes().as_slice(), &tag.epc, &answer].concat();
        self.answer(command, &parameters, desk);
    }

    fn carry_out(&mut self, command: u8, parameters: &[u8], desk: &mut Desk, now: Duration) {
        match (command, parameters) {
            (code::MODULE_INFO, &[what @ 0..=2]) => {
                let text = match what {
                    0 => self.settings.model.clone(),
                    1 => "V2.3.5".into(),
                    _ => "simulated".into(),
                };
                self.answer(command, &[&[what], text.as_bytes()].concat(), desk);
            }
            (code::REGION, &[region]) if self.settings.regions.contains(&region) => {
                self.radio.region = region;
                self.answer(command, &[0], desk);
            }
            (code::REGION_ASKED, []) => self.answer(command, &[self.radio.region], desk),
            (code::CHANNEL, &[channel @ 0..=51]) => {
                self.radio.channel = channel;
                self.answer(command, &[0], desk);
            }
            (code::CHANNEL_ASKED, []) => self.answer(command, &[self.radio.channel], desk),
            (code::HOPPING | code::CARRIER, [0 | 0xFF]) => self.answer(command, &[0], desk),
            (code::POWER, &[high, low]) if u16::from_be_bytes([high, low]) <= POWER_MAX => {
                self.radio.power_centi_dbm = u16::from_be_bytes([high, low]);
                self.answer(command, &[0], desk);
            }
            (code::POWER_ASKED, []) => self.answer(command, &self.radio.power_centi_dbm.to_be_bytes(), desk),
            (code::QUERY, &[high, low]) => {
                self.radio.query = [high, low];
                self.answer(command, &[0], desk);
            }
            (code::QUERY_ASKED, []) => self.answer(command, &{ self.radio.query }, desk),
            (code::SELECT, &[_, _, _, _, _, bits, _, ref mask @ ..]) if usize::from(bits).div_ceil(8) == mask.len() => {
                self.radio.select = parameters.to_vec();
                self.answer(command, &[0], desk);
            }
            (code::SELECT_ASKED, []) => self.answer(command, &self.radio.select.clone(), desk),
            (code::SELECT_MODE, &[mode @ 0..=2]) => {
                self.radio.select_mode = mode;
                self.answer(command, &[0], desk);
            }
            (code::DEMODULATOR, &[mixer, amplifier, high, low]) => {
                self.radio.demodulator = [mixer, amplifier, high, low];
                self.answer(command, &[0], desk);
            }
            (code::DEMODULATOR_ASKED, []) => self.answer(command, &{ self.radio.demodulator }, desk),
            (code::STRENGTH | code::JAMMING, []) => {
                let strengths = [-70i8; 20].map(i8::cast_unsigned);
                self.answer(command, &[&[0, 19], strengths.as_slice()].concat(), desk);
            }
            (code::PIN, &[operation @ 0..=2, pin @ 1..=4, value]) => self.pin(operation, pin, value, desk),
            (code::SLEEP, []) | (code::IDLE_SLEEP, [0..=30]) | (code::IDLE, [0..=1, _, _]) => {
                self.answer(command, &[0], desk);
            }
            // It speaks with the new speed from now on, and what it says is not answered.
            (code::BAUD, [_, _]) => (),
            (code::POLL, []) => self.round(desk, now),
            (code::MULTI_POLL, &[0x22, high, low]) => {
                self.multi_polls += 1;
                let left = u16::from_be_bytes([high, low]);
                self.polls = (0 < left).then(|| Polls { left, next: now + self.settings.round });
            }
            (code::STOP, []) => {
                self.polls = None;
                let number = if self.settings.misprinted_stop { code::STOP_MISPRINTED } else { command };
                self.answer(number, &[0], desk);
            }
            (code::READ | code::WRITE | code::LOCK | code::KILL, _) => self.access(command, parameters, desk, now),
            _ => self.fail(Fault::COMMAND, desk),
        }
    }

    /// Operation 0 gives a pin its direction, 1 switches it, 2 reads it.
    fn pin(&mut self, operation: u8, pin: u8, value: u8, desk: &mut Desk) {
        let Some(place) = self.radio.pins.get_mut(usize::from(pin).wrapping_sub(1)) else { return };
        let result = match operation {
            0 => {
                *place = (value == 1).then_some(false);
                1
            }
            1 if place.is_some() => {
                *place = Some(value == 1);
                1
            }
            1 => 0,
            _ => u8::from(*place == Some(true)),
        };
        self.answer(code::PIN, &[operation, pin, result], desk);
    }

    fn answer(&self, command: u8, parameters: &[u8], desk: &mut Desk) {
        desk.say(frame::encode(self.settings.dialect, Kind::Response, command, parameters));
    }

    fn fail(&self, fault: Fault, desk: &mut Desk) {
        self.answer(code::FAILURE, &[fault.0], desk);
    }
}
