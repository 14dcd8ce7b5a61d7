//! A simulated reader on the R2000 chip.

use std::time::Duration;

use crate::checksum;
use crate::device::Cut;
use crate::dialogue::plan::pc;
use crate::r2000;
use crate::r2000::frame::{self, BROADCAST, Frame};
use crate::r2000::message::{Fault, Ports};
use crate::r2000::request::code;
use crate::simulator::memory::Refusal;
use crate::simulator::module::{Desk, Manner, Module};
use crate::simulator::script::{Heard, Script};

/// Tags that the buffer of the reader holds.
const BUFFER_MAX: usize = 256;

/// Highest sending power in dBm.
const POWER_MAX: u8 = 33;

/// How the simulated reader is built.
#[derive(Clone, Debug)]
pub struct Settings {
    pub ports: Ports,
    pub address: u8,
    pub firmware: [u8; 2],
    /// Antennas with a cable, from 1.
    pub connected: Vec<u8>,
    pub celsius: i8,
    /// Time of one inventory round on one antenna.
    pub round: Duration,
    /// Reports the phase behind the signal strength, as some firmware does.
    pub phase: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ports: Ports::Four,
            address: 1,
            firmware: [8, 3],
            connected: (1..=8).collect(),
            celsius: 38,
            round: Duration::from_millis(30),
            phase: false,
        }
    }
}

/// A simulated reader; settings and powers of the antennas outlive a loss of power.
#[derive(Clone, Debug)]
pub struct Reader {
    settings: Settings,
    /// Number, first and last channel.
    pub region: Vec<u8>,
    pub power_dbm: Vec<u8>,
    /// How often a setting was stored.
    pub stored: u32,
    /// The antenna to work with, from 0.
    pub antenna: u8,
    /// How pins 3 and 4 stand.
    pub pins: [bool; 2],
    pub beeper: u8,
    only: Option<Vec<u8>>,
    buffer: Vec<(Heard, u8)>,
    round: Option<(Duration, Round)>,
}

/// A round that is being made.
#[derive(Clone, Debug)]
struct Round {
    command: u8,
    /// Antennas from 0.
    antennas: Vec<u8>,
    began: Duration,
}

/// A reader that a session with these settings understands.
pub fn set(settings: &crate::settings::Settings, script: Script, seed: u64) -> Module<Reader> {
    let ports = if settings.text("ports") == "8" { Ports::Eight } else { Ports::Four };
    let address = match settings.whole("address") {
        BROADCAST => Settings::default().address,
        own => own,
    };
    Module::of(Reader::new(Settings { ports, address, ..Settings::default() }), script, seed)
}

impl Reader {
    pub fn new(settings: Settings) -> Self {
        let power_dbm = vec![30; settings.ports.count().into()];
        Self {
            settings,
            region: vec![1, 7, 59],
            power_dbm,
            stored: 0,
            antenna: 0,
            pins: [false; 2],
            beeper: 0,
            only: None,
            buffer: Vec::new(),
            round: None,
        }
    }

    fn frame(&self, command: u8, data: &[u8]) -> Vec<u8> {
        frame::encode(self.settings.address, command, data)
    }

    fn result(&self, command: u8, fault: Fault, desk: &mut Desk) {
        desk.say(self.frame(command, &[fault.0]));
    }

    /// `freqAnt` and the signal strength of a tag on an antenna that counts from 0.
    fn air(&self, antenna: u8, rssi_dbm: i16) -> (u8, u8) {
        let channel = self.region.get(1).copied().unwrap_or_default();
        let rssi = u8::try_from((rssi_dbm + 129).clamp(0, 98)).unwrap_or(0);
        let high = match self.settings.ports {
            Ports::Four => 0,
            Ports::Eight => (antenna & 4) << 5,
        };
        ((channel << 2) | (antenna & 3), rssi | high)
    }

    fn hears(&self, antenna: u8) -> bool {
        self.settings.connected.contains(&(antenna + 1))
    }

    fn begin(&mut self, command: u8, antennas: Vec<u8>, now: Duration) {
        let lasts = self.settings.round * u32::try_from(antennas.len().max(1)).unwrap_or(1);
        self.round = Some((now + lasts, Round { command, antennas, began: now }));
    }

    fn end_round(&mut self, round: &Round, desk: &mut Desk, at: Duration) {
        let Round { command, antennas, began } = round;
        let mut reads = 0u32;
        for &antenna in antennas {
            if !self.hears(antenna) {
                let missing = Fault::ANTENNA_MISSING;
                if *command == code::FAST_SWITCH {
                    desk.say(self.frame(*command, &[antenna, missing.0]));
                    continue;
                }
                return self.result(*command, missing, desk);
            }
            let heard = desk.tags(at).into_iter().filter(|tag| tag.antenna == u16::from(antenna) + 1);
            for tag in heard.collect::<Vec<_>>() {
                reads += 1;
                if *command == code::INVENTORY {
                    self.keep(tag);
                    continue;
                }
                let (place, rssi) = self.air(antenna, tag.rssi_dbm);
                let mut data = vec![place];
                data.extend_from_slice(&pc(&tag.epc).to_be_bytes());
                data.extend_from_slice(&tag.epc);
                data.push(rssi);
                if self.settings.phase {
                    data.extend_from_slice(&[0, 90]);
                }
                desk.report(self.frame(*command, &data), at, &[tag]);
            }
        }
        let antenna = antennas.first().copied().unwrap_or_default();
        let total = reads.to_be_bytes();
        let data = match *command {
            code::FAST_SWITCH => {
                let lasted = u32::try_from((at - *began).as_millis()).unwrap_or(u32::MAX).to_be_bytes();
                [total.get(1..).unwrap_or_default(), &lasted].concat()
            }
            code::INVENTORY => {
                let kept = u16::try_from(self.buffer.len()).unwrap_or(u16::MAX).to_be_bytes();
                [&[antenna], kept.as_slice(), &[0, 100], &total].concat()
            }
            _ => [&[antenna, 0, 100], total.as_slice()].concat(),
        };
        desk.say(self.frame(*command, &data));
    }

    fn keep(&mut self, tag: Heard) {
        if let Some((_, reads)) = self.buffer.iter_mut().find(|(kept, _)| kept.epc == tag.epc) {
            *reads = reads.saturating_add(1);
        } else if self.buffer.len() < BUFFER_MAX {
            self.buffer.push((tag, 1));
        }
    }

    /// `count | length | PC | EPC | CRC | data | after` for one tag.
    fn about(&self, command: u8, tags: u16, tag: &Heard, data: &[u8], after: [u8; 3]) -> Vec<u8> {
        let pc = pc(&tag.epc);
        let crc = checksum::tag_crc(pc, &tag.epc).to_be_bytes();
        let name = [pc.to_be_bytes().as_slice(), &tag.epc, &crc, data].concat();
        let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
        self.frame(command, &[tags.to_be_bytes().as_slice(), &[length], &name, &after].concat())
    }

    fn say_buffer(&mut self, command: u8, desk: &mut Desk, now: Duration) {
        if self.buffer.is_empty() {
            return self.result(command, Fault::BUFFER_EMPTY, desk);
        }
        let tags = u16::try_from(self.buffer.len()).unwrap_or(u16::MAX);
        for (tag, reads) in &self.buffer {
            let antenna = u8::try_from(tag.antenna.saturating_sub(1)).unwrap_or(0);
            let (place, rssi) = self.air(antenna, tag.rssi_dbm);
            desk.report(self.about(command, tags, tag, &[], [rssi, place, *reads]), now, std::slice::from_ref(tag));
        }
        if command == code::BUFFER_RESET {
            self.buffer.clear();
        }
    }

    fn chosen(&self, desk: &mut Desk, now: Duration) -> Option<Heard> {
        desk.tag(now, |tag| self.only.as_ref().is_none_or(|only| *only == tag.epc))
    }

    fn access(&self, frame: &Frame<'_>, desk: &mut Desk, now: Duration) {
        let Frame { command, data, .. } = *frame;
        let Some(tag) = self.chosen(desk, now) else { return self.result(command, Fault::NO_TAG, desk) };
        let antenna = u8::try_from(tag.antenna.saturating_sub(1)).unwrap_or(0);
        let (place, _) = self.air(antenna, tag.rssi_dbm);
        let fault = |refusal| match refusal {
            Refusal::NoSuchMemory => Fault(0x32),
            Refusal::Password => Fault::PASSWORD,
        };
        match (command, data) {
            (code::READ, &[bank, word, words, _, _, _, _]) => match desk.read(&tag, bank, word.into(), words.into()) {
                Ok(read) => {
                    let size = u8::try_from(read.len()).unwrap_or(u8::MAX);
                    desk.say(self.about(command, 1, &tag, &read, [size, place, 1]));
                }
                Err(refusal) => self.result(command, fault(refusal), desk),
            },
            (code::WRITE | code::BLOCK_WRITE, &[a, b, c, d, bank, word, words, ref data @ ..])
                if data.len() == 2 * usize::from(words) =>
            {
                let result = match desk.write(&tag, bank, word.into(), data, &[a, b, c, d]) {
                    Ok(()) => Fault::SUCCESS,
                    Err(refusal) => fault(refusal),
                };
                desk.say(self.about(command, 1, &tag, &[], [result.0, place, 1]));
            }
            (code::LOCK, [_, _, _, _, 1..=5, 0..=3]) => {
                desk.say(self.about(command, 1, &tag, &[], [Fault::SUCCESS.0, place, 1]));
            }
            // A simulated tag has no kill password, and one without is not killed.
            (code::KILL, [_, _, _, _]) => self.result(command, Fault(0x35), desk),
            _ => self.result(command, Fault::PARAMETER, desk),
        }
    }

    fn store(&mut self, command: u8, desk: &mut Desk) {
        self.stored += 1;
        self.result(command, Fault::SUCCESS, desk);
    }
}

impl Manner for Reader {
    fn cut(&self, bytes: &[u8]) -> Cut {
        r2000::cut(bytes)
    }

    fn obey(&mut self, message: &[u8], desk: &mut Desk, now: Duration) {
        let Ok((frame, _)) = frame::parse(message) else { return };
        if frame.address != BROADCAST && frame.address != self.settings.address {
            return;
        }
        let command = frame.command;
        let ports = self.settings.ports.count();
        match (command, frame.data) {
            (code::FIRMWARE, []) => desk.say(self.frame(command, &{ self.settings.firmware })),
            (code::RESET, []) => self.power_lost(),
            (code::ANTENNA, &[antenna]) if antenna < ports => {
                self.antenna = antenna;
                self.result(command, Fault::SUCCESS, desk);
            }
            (code::ANTENNA, _) => self.result(command, Fault(0x47), desk),
            (code::ANTENNA_ASKED, []) => desk.say(self.frame(command, &[self.antenna])),
            (code::POWER, powers) if powers.iter().any(|&dbm| POWER_MAX < dbm) => {
                self.result(command, Fault(0x48), desk);
            }
            (code::POWER, &[dbm]) => {
                self.power_dbm = vec![dbm; ports.into()];
                self.store(command, desk);
            }
            (code::POWER, powers) if powers.len() == usize::from(ports) => {
                self.power_dbm = powers.to_vec();
                self.store(command, desk);
            }
            (code::POWER_ASKED, []) => {
                let alike = self.power_dbm.iter().all(|dbm| self.power_dbm.first() == Some(dbm));
                let said = if alike { self.power_dbm.get(..1) } else { self.power_dbm.get(..) };
                desk.say(self.frame(command, said.unwrap_or_default()));
            }
            (code::PASSING_POWER, &[20..=POWER_MAX]) => self.result(command, Fault::SUCCESS, desk),
            (code::REGION, &[1..=3, first, last]) if first <= last && last <= 59 => {
                self.region = frame.data.to_vec();
                self.store(command, desk);
            }
            (code::REGION, _) => self.result(command, Fault(0x49), desk),
            (code::REGION_ASKED, []) => desk.say(self.frame(command, &self.region)),
            (code::BEEPER, &[mode @ 0..=2]) => {
                self.beeper = mode;
                self.store(command, desk);
            }
            (code::TEMPERATURE, []) => {
                let celsius = self.settings.celsius;
                desk.say(self.frame(command, &[u8::from(0 <= celsius), celsius.unsigned_abs()]));
            }
            (code::RETURN_LOSS, &[0..=59]) if self.hears(self.antenna) => desk.say(self.frame(command, &[18])),
            (code::RETURN_LOSS, [_]) => self.result(command, Fault::RETURN_LOSS, desk),
            (code::DETECTOR, [_]) => self.store(command, desk),
            (code::DETECTOR_ASKED, []) => desk.say(self.frame(command, &[0])),
            (code::GPIO_READ, []) => desk.say(self.frame(command, &[0, 0])),
            (code::GPIO, &[pin @ 3..=4, level @ 0..=1]) => {
                let [third, fourth] = &mut self.pins;
                *(if pin == 3 { third } else { fourth }) = level == 1;
                self.result(command, Fault::SUCCESS, desk);
            }
            (code::MATCH, [1]) => {
                self.only = None;
                self.result(command, Fault::SUCCESS, desk);
            }
            (code::MATCH, &[0, length, ref epc @ ..]) if usize::from(length) == epc.len() => {
                self.only = Some(epc.to_vec());
                self.result(command, Fault::SUCCESS, desk);
            }
            (code::MATCH, _) => self.result(command, Fault(0x4D), desk),
            (code::MATCH_ASKED, []) => {
                let data = match &self.only {
                    Some(epc) => [&[0, u8::try_from(epc.len()).unwrap_or(u8::MAX)], epc.as_slice()].concat(),
                    None => vec![1],
                };
                desk.say(self.frame(command, &data));
            }
            (code::REAL_TIME | code::INVENTORY, [1..=255]) | (code::SESSION, [0..=3, 0..=1, 1..=255]) => {
                self.begin(command, vec![self.antenna], now);
            }
            (code::FAST_SWITCH, slots) if slots.len() == 2 * usize::from(ports) + 2 => {
                let used = slots.chunks_exact(2).take(ports.into());
                let antennas = used.filter_map(|slot| slot.first().copied().filter(|&antenna| antenna < ports));
                self.begin(command, antennas.collect(), now);
            }
            (code::BUFFER | code::BUFFER_RESET, []) => self.say_buffer(command, desk, now),
            (code::COUNT, []) => {
                let kept = u16::try_from(self.buffer.len()).unwrap_or(u16::MAX);
                desk.say(self.frame(command, &kept.to_be_bytes()));
            }
            (code::CLEAR, []) => {
                self.buffer.clear();
                self.result(command, Fault::SUCCESS, desk);
            }
            (code::READ | code::WRITE | code::BLOCK_WRITE | code::LOCK | code::KILL, _) => {
                self.access(&frame, desk, now);
            }
            (code::REAL_TIME..=code::SESSION, _) => self.result(command, Fault::PARAMETER, desk),
            _ => self.result(command, Fault::FAIL, desk),
        }
    }

    fn due(&self) -> Option<Duration> {
        self.round.as_ref().map(|(at, _)| *at)
    }

    fn act(&mut self, desk: &mut Desk, at: Duration) {
        if let Some((_, round)) = self.round.take() {
            self.end_round(&round, desk, at);
        }
    }

    fn power_lost(&mut self) {
        self.antenna = 0;
        self.pins = [false; 2];
        self.only = None;
        self.buffer.clear();
        self.round = None;
    }
}
