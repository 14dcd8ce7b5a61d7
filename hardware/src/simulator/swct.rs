//! A simulated reader with the "CT" head.

use std::time::Duration;

use crate::device::Cut;
use crate::simulator::memory::Refusal;
use crate::simulator::module::{Desk, Manner, Module};
use crate::simulator::script::{Heard, Script};
use crate::swct::frame::{self, BROADCAST, Command, FrameError};
use crate::swct::message::{Region, code, parameter};

/// Bytes of the records of one report; the rest goes into the next.
const REPORT_MAX: usize = 900;

/// Highest sending power in dBm.
const POWER_MAX: u8 = 26;

/// How the simulated reader is built.
#[derive(Clone, Debug)]
pub struct Settings {
    pub address: u8,
    pub serial: [u8; 7],
    /// Time of one round, and between two reports of a reader that reports by itself.
    pub round: Duration,
    /// The heartbeat of a reader on a network.
    pub heartbeat: Option<Duration>,
    /// Sends the signal strength with its sign instead of without.
    pub signed: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: 0,
            serial: [0xC3, 0xDD, 0x93, 0x8E, 0x17, 0x01, 0x23],
            round: Duration::from_millis(50),
            heartbeat: None,
            signed: false,
        }
    }
}

/// A simulated reader; it leaves the factory reporting by itself, and its settings outlive a loss of power.
#[derive(Clone, Debug)]
pub struct Reader {
    settings: Settings,
    pub frequency: [u8; 2],
    /// Settings 1 to 7 by their number.
    pub parameters: [u8; 8],
    /// How often a setting was stored.
    pub stored: u32,
    pub relay: bool,
    round: Option<Duration>,
    report: Option<Duration>,
    beat: Option<Duration>,
}

/// A reader that a session with these settings understands.
pub fn set(settings: &crate::settings::Settings, script: Script, seed: u64) -> Module<Reader> {
    let address = match settings.whole("address") {
        BROADCAST => 0,
        own => own,
    };
    Module::of(Reader::new(Settings { address, ..Settings::default() }), script, seed)
}

impl Reader {
    pub fn new(settings: Settings) -> Self {
        Self {
            frequency: Region::Us.bytes(),
            parameters: [0, 1, 1, 0, 0, 20, 1, 4],
            stored: 0,
            relay: false,
            round: None,
            report: Some(settings.round),
            beat: settings.heartbeat,
            settings,
        }
    }

    /// Whether it reports by itself.
    pub fn reporting(&self) -> bool {
        self.report.is_some()
    }

    fn frame(&self, command: u8, status: u8, data: &[u8]) -> Vec<u8> {
        frame::encode_answer(self.settings.address, command, status, data)
    }

    fn record(&self, tag: &Heard) -> Vec<u8> {
        let antenna = u8::try_from(tag.antenna).unwrap_or(u8::MAX);
        let signed = i8::try_from(tag.rssi_dbm).unwrap_or(i8::MIN);
        let rssi = if self.settings.signed { signed.cast_unsigned() } else { signed.unsigned_abs() };
        let length = u8::try_from(tag.epc.len() + 3).unwrap_or(u8::MAX);
        [&[length, 1, antenna], tag.epc.as_slice(), &[rssi]].concat()
    }

    /// How many tags fit one report, and their records.
    fn records(&self, tags: &[Heard]) -> (usize, Vec<u8>) {
        let (mut count, mut records) = (0, Vec::new());
        for tag in tags.iter().take(u8::MAX.into()) {
            let record = self.record(tag);
            if REPORT_MAX < records.len() + record.len() {
                break;
            }
            records.extend_from_slice(&record);
            count += 1;
        }
        (count, records)
    }

    fn end_round(&self, desk: &mut Desk, at: Duration) {
        let heard = desk.tags(at);
        if heard.is_empty() {
            return desk.say(self.frame(code::INVENTORY, 0, &[]));
        }
        let (count, records) = self.records(&heard);
        let number = u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes();
        let bytes = self.frame(code::INVENTORY, 1, &[number.as_slice(), &records].concat());
        desk.report(bytes, at, heard.get(..count).unwrap_or_default());
    }

    fn report(&self, desk: &mut Desk, at: Duration) {
        let heard = desk.tags(at);
        let mut rest = heard.as_slice();
        while !rest.is_empty() {
            let (count, records) = self.records(rest);
            let Some((now, later)) = rest.split_at_checked(count).filter(|_| 0 < count) else { return };
            let head = [self.settings.serial.as_slice(), &[u8::try_from(count).unwrap_or(u8::MAX)]].concat();
            desk.report(self.frame(code::ACTIVE, 1, &[head, records].concat()), at, now);
            rest = later;
        }
    }

    /// Reads or writes whichever tag is there: this protocol names none.
    fn access(&self, command: u8, data: &[u8], desk: &mut Desk, now: Duration) -> Option<Vec<u8>> {
        let tag = desk.tag(now, |_| true)?;
        let done: Result<Vec<u8>, Refusal> = match (command, data) {
            (code::READ, &[bank, word, words, _, _, _, _]) => desk.read(&tag, bank, word.into(), words.into()),
            (code::WRITE, &[bank, word, words, a, b, c, d, ref data @ ..]) if data.len() == 2 * usize::from(words) => {
                desk.write(&tag, bank, word.into(), data, &[a, b, c, d]).map(|()| Vec::new())
            }
            _ => return None,
        };
        done.ok()
    }
}

impl Manner for Reader {
    fn cut(&self, bytes: &[u8]) -> Cut {
        match frame::parse_command(bytes) {
            Ok((_, used)) => Cut::Message(used),
            Err(FrameError::Incomplete { .. }) => Cut::Incomplete,
            Err(_) => Cut::Noise(1),
        }
    }

    fn obey(&mut self, message: &[u8], desk: &mut Desk, now: Duration) {
        let Ok((Command { address, command, data }, _)) = frame::parse_command(message) else { return };
        if address != BROADCAST && address != self.settings.address {
            return;
        }
        let answer = match (command, data) {
            (code::INVENTORY, []) => {
                self.round = Some(now + self.settings.round);
                return;
            }
            (code::READ | code::WRITE, data) => self.access(command, data, desk, now),
            (code::SYSTEM, []) => Some([&[0x14, 0x11], self.settings.serial.as_slice()].concat()),
            (code::GET, &[number @ 1..=7]) => {
                let value = self.parameters.get(usize::from(number)).copied().unwrap_or_default();
                Some(vec![number, value])
            }
            (code::SET, &[parameter::POWER, value]) if POWER_MAX < value => None,
            (code::SET, &[number @ 1..=7, value]) => {
                if let Some(place) = self.parameters.get_mut(usize::from(number)) {
                    *place = value;
                    self.stored += 1;
                }
                if number == parameter::MODE && value != 1 {
                    self.report = None;
                }
                Some(Vec::new())
            }
            (code::FREQUENCY_ASKED, []) => Some(self.frequency.to_vec()),
            (code::FREQUENCY, &[first, second]) => {
                self.frequency = [first, second];
                self.stored += 1;
                Some(Vec::new())
            }
            (code::STOP, []) => {
                self.report = None;
                Some(Vec::new())
            }
            (code::START, []) => {
                self.report = Some(now + self.settings.round);
                Some(Vec::new())
            }
            (code::ACTIVE, []) => return,
            (code::MODULE, []) => Some(Vec::new()),
            (code::ANTENNAS, []) => Some(vec![0x00, 0x0F]),
            (code::RELAY_ON, []) => {
                self.relay = true;
                Some(Vec::new())
            }
            (code::RELAY_OFF, []) => {
                self.relay = false;
                Some(Vec::new())
            }
            _ => None,
        };
        desk.say(match answer {
            Some(data) => self.frame(command, 1, &data),
            None => self.frame(command, 0, &[]),
        });
    }

    fn due(&self) -> Option<Duration> {
        [self.round, self.report, self.beat].into_iter().flatten().min()
    }

    fn act(&mut self, desk: &mut Desk, at: Duration) {
        if self.round.is_some_and(|due| due <= at) {
            self.round = None;
            self.end_round(desk, at);
        }
        if self.report.is_some_and(|due| due <= at) {
            self.report = Some(at + self.settings.round);
            self.report(desk, at);
        }
        if let (Some(every), Some(due)) = (self.settings.heartbeat, self.beat)
            && due <= at
        {
            self.beat = Some(at + every);
            desk.say(self.frame(code::HEARTBEAT, 1, &{ self.settings.serial }));
        }
    }

    fn power_lost(&mut self) {
        self.relay = false;
        self.round = None;
        let by_itself = self.parameters.get(usize::from(parameter::MODE)) == Some(&1);
        self.report = by_itself.then_some(self.report.unwrap_or_default());
    }
}
