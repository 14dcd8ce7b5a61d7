//! A simulated ThingMagic module.

use std::time::Duration;

use crate::checksum;
use crate::device::Cut;
use crate::dialogue::plan::pc;
use crate::mercury::frame::{self, Command, FrameError};
use crate::mercury::message::Status;
use crate::mercury::request::{GEN2, METADATA_ALL, Region, code};
use crate::simulator::memory::Refusal;
use crate::simulator::module::{Desk, Manner, Module};
use crate::simulator::script::{Heard, Script};

/// Time between two signs of life.
const ALIVE: Duration = Duration::from_secs(1);

/// Hardware of an M6E Nano.
const NANO: [u8; 4] = [0x30, 0, 0, 2];

/// How the simulated module is built.
#[derive(Clone, Debug)]
pub struct Settings {
    pub hardware: [u8; 4],
    /// Highest sending power in hundredths of a dBm.
    pub power_max: u16,
    pub antennas: u8,
    /// Time of one inventory round.
    pub round: Duration,
    /// Says with each sign of life that it is too hot, or that its antenna throws the power back.
    pub complaint: Option<Status>,
    /// The region that it has before it is told one.
    pub region: Option<Region>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hardware: NANO,
            power_max: 2700,
            antennas: 4,
            round: Duration::from_millis(40),
            complaint: None,
            region: Some(Region::China),
        }
    }
}

/// A simulated module; it forgets everything with its power.
#[derive(Clone, Debug)]
pub struct Reader {
    settings: Settings,
    pub region: Option<u8>,
    pub read_power: u16,
    pub write_power: u16,
    protocol: u8,
    antennas: Vec<u8>,
    /// How pins 1 to 4 stand, of those that are outputs.
    pub pins: [Option<bool>; 4],
    /// How often it was told to begin.
    pub begun: u32,
    stream: Option<Stream>,
}

#[derive(Clone, Copy, Debug)]
struct Stream {
    round: Duration,
    alive: Duration,
    /// When the last sign of life was given.
    since: Duration,
    turn: usize,
}

/// A module that a session with these settings understands.
pub fn set(_: &crate::settings::Settings, script: Script, seed: u64) -> Module<Reader> {
    Module::of(Reader::new(Settings::default()), script, seed)
}

impl Reader {
    pub fn new(settings: Settings) -> Self {
        Self {
            region: settings.region.map(Region::number),
            read_power: 500,
            write_power: 500,
            protocol: 0,
            antennas: vec![1],
            pins: [None; 4],
            begun: 0,
            stream: None,
            settings,
        }
    }

    /// Whether it reads.
    pub fn streaming(&self) -> bool {
        self.stream.is_some()
    }

    fn say(&self, opcode: u8, status: Status, data: &[u8], desk: &mut Desk) {
        desk.say(frame::encode_answer(opcode, status.0, data));
    }

    fn report(&self, tag: &Heard, since: Duration, at: Duration, desk: &mut Desk) {
        let pc = pc(&tag.epc);
        let antenna = u8::try_from(tag.antenna).unwrap_or(0) & 0x0F;
        let rssi = i8::try_from(tag.rssi_dbm).unwrap_or(i8::MIN).to_be_bytes();
        let stamp = u32::try_from((at - since).as_millis()).unwrap_or(u32::MAX).to_be_bytes();
        let bits = u16::try_from(8 * (tag.epc.len() + 4)).unwrap_or(u16::MAX).to_be_bytes();
        let mut record = vec![0x10, 0x00, 0x1B];
        record.extend_from_slice(&METADATA_ALL.to_be_bytes());
        record.extend_from_slice(&[0x01, 0x01]);
        record.extend_from_slice(&rssi);
        // 923.200 MHz.
        record.extend_from_slice(&[(antenna << 4) | antenna, 0x0E, 0x16, 0x40]);
        record.extend_from_slice(&stamp);
        record.extend_from_slice(&[0, 90, GEN2, 0, 0, 0x0F]);
        record.extend_from_slice(&bits);
        record.extend_from_slice(&pc.to_be_bytes());
        record.extend_from_slice(&tag.epc);
        record.extend_from_slice(&checksum::tag_crc(pc, &tag.epc).to_be_bytes());
        let bytes = frame::encode_answer(code::REPORT, 0, &record);
        desk.report(bytes, at, std::slice::from_ref(tag));
    }

    /// The tag that an operation names, its password, and what follows.
    fn chosen<'a>(
        &self,
        option: u8,
        rest: &'a [u8],
        desk: &mut Desk,
        now: Duration,
    ) -> Result<(Heard, [u8; 4], &'a [u8]), Status> {
        let (password, epc, rest) = match option & 0x0F {
            0 => ([0; 4], None, rest),
            5 => {
                let (password, rest) = rest.split_first_chunk().ok_or(Status(0x0100))?;
                (*password, None, rest)
            }
            1 => {
                let (password, rest) = rest.split_first_chunk().ok_or(Status(0x0100))?;
                let (&bits, rest) = rest.split_first().ok_or(Status(0x0100))?;
                let (epc, rest) = rest.split_at_checked(usize::from(bits) / 8).ok_or(Status(0x0100))?;
                (*password, Some(epc), rest)
            }
            _ => return Err(Status::VALUE),
        };
        let tag = desk.tag(now, |tag| epc.is_none_or(|epc| epc == tag.epc)).ok_or(Status::NO_TAGS)?;
        Ok((tag, password, rest))
    }

    fn access(&self, opcode: u8, data: &[u8], desk: &mut Desk, now: Duration) -> Result<Vec<u8>, Status> {
        let refused = |refusal| match refusal {
            Refusal::NoSuchMemory => Status(0x0423),
            Refusal::Password => Status(0x0420),
        };
        if self.region.is_none() {
            return Err(Status(0x0405));
        }
        match (opcode, data) {
            (code::READ, &[_, _, option, m1, m0, bank, w3, w2, w1, w0, words, ref rest @ ..]) if option & 0x10 != 0 => {
                let (tag, _, _) = self.chosen(option, rest, desk, now)?;
                let word = u32::from_be_bytes([w3, w2, w1, w0]);
                let word = usize::try_from(word).map_err(|_| Status::ADDRESS)?;
                if 0x1_0000 < word {
                    return Err(Status::ADDRESS);
                }
                let words = desk.read(&tag, bank, word, words.into()).map_err(refused)?;
                Ok([&[option & 0x10, m1, m0], words.as_slice()].concat())
            }
            (code::WRITE, &[_, _, option, w3, w2, w1, w0, bank, ref rest @ ..]) => {
                let (tag, password, data) = self.chosen(option, rest, desk, now)?;
                let word = usize::try_from(u32::from_be_bytes([w3, w2, w1, w0])).map_err(|_| Status::ADDRESS)?;
                if 0x1_0000 < word {
                    return Err(Status::ADDRESS);
                }
                desk.write(&tag, bank, word, data, &password).map_err(refused)?;
                Ok(Vec::new())
            }
            _ => Err(Status(0x0100)),
        }
    }

    fn version(&self) -> Vec<u8> {
        let (boot, date, firmware) = ([0x14, 0x12, 0x08, 0x00], [0x20, 0x21, 0x03, 0x12], [0x01, 0x0B, 0x00, 0x02]);
        [boot, self.settings.hardware, date, firmware, [0, 0, 0, 0x10]].concat()
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
        let Ok((Command { opcode, data }, _)) = frame::parse_command(message) else { return };
        if self.streaming() && (opcode, data) != (code::MULTI, &[0, 0, 2][..]) {
            return;
        }
        let status = match (opcode, data) {
            (code::VERSION, []) => return self.say(opcode, Status::OK, &self.version(), desk),
            (code::PROTOCOL, &[0, protocol @ GEN2]) => {
                self.protocol = protocol;
                Status::OK
            }
            (code::PROTOCOL, _) => Status(0x0402),
            (code::REGION, &[region]) if Region::ALL.iter().any(|known| known.number() == region) => {
                self.region = Some(region);
                Status::OK
            }
            (code::REGION, _) => Status::REGION,
            (code::ANTENNA, &[tx, rx]) if tx == rx && (1..=self.settings.antennas).contains(&tx) => {
                self.antennas = vec![tx];
                Status::OK
            }
            (code::ANTENNA, &[2, ref pairs @ ..]) if !pairs.is_empty() && pairs.len().is_multiple_of(2) => {
                let antennas: Vec<u8> = pairs.chunks_exact(2).filter_map(|pair| pair.first().copied()).collect();
                if antennas.iter().all(|antenna| (1..=self.settings.antennas).contains(antenna)) {
                    self.antennas = antennas;
                    Status::OK
                } else {
                    Status(0x0507)
                }
            }
            (code::ANTENNA, _) => Status(0x0507),
            (code::READ_POWER | code::WRITE_POWER, &[high, low]) => {
                let centi_dbm = u16::from_be_bytes([high, low]);
                if centi_dbm <= self.settings.power_max {
                    *(if opcode == code::READ_POWER { &mut self.read_power } else { &mut self.write_power }) =
                        centi_dbm;
                    Status::OK
                } else {
                    Status::POWER_HIGH
                }
            }
            (code::READ_POWER_ASKED, [0]) => {
                let [high, low] = self.read_power.to_be_bytes();
                return self.say(opcode, Status::OK, &[0, high, low], desk);
            }
            (code::OPTION, [1, _, _]) => Status::OK,
            (code::OUTPUT, &[1, pin, 1, state]) | (code::OUTPUT, &[pin, state]) => {
                match self.pins.get_mut(usize::from(pin).wrapping_sub(1)) {
                    Some(place) if data.len() == 4 || place.is_some() => {
                        *place = Some(state != 0);
                        Status::OK
                    }
                    Some(_) | None => Status::VALUE,
                }
            }
            (code::MULTI, [_, _, 2]) => {
                self.stream = None;
                Status::OK
            }
            (code::MULTI, [_, _, 1, code::REPORT, ..]) if self.protocol != GEN2 => Status::NO_PROTOCOL,
            (code::MULTI, [_, _, 1, code::REPORT, ..]) if self.region.is_none() => Status(0x0405),
            (code::MULTI, [_, _, 1, code::REPORT, ..]) => {
                self.begun += 1;
                let (round, alive) = (now + self.settings.round, now + ALIVE);
                self.stream = Some(Stream { round, alive, since: now, turn: 0 });
                Status::OK
            }
            (code::READ | code::WRITE, data) => match self.access(opcode, data, desk, now) {
                Ok(answer) => return self.say(opcode, Status::OK, &answer, desk),
                Err(status) => status,
            },
            (code::BAUD, [_, _, _, _]) => Status::OK,
            _ => Status::OPCODE,
        };
        self.say(opcode, status, &[], desk);
    }

    fn due(&self) -> Option<Duration> {
        self.stream.map(|stream| stream.round.min(stream.alive))
    }

    fn act(&mut self, desk: &mut Desk, at: Duration) {
        let Some(mut stream) = self.stream else { return };
        if stream.alive <= at {
            self.say(code::REPORT, Status::NO_TAGS, &[], desk);
            if let Some(complaint) = self.settings.complaint {
                self.say(code::REPORT, complaint, &[], desk);
            }
            (stream.alive, stream.since) = (at + ALIVE, at);
        }
        if stream.round <= at {
            let antenna = self.antennas.get(stream.turn % self.antennas.len().max(1)).copied().unwrap_or(1);
            for tag in desk.tags(at).into_iter().filter(|tag| tag.antenna == u16::from(antenna)) {
                self.report(&tag, stream.since, at, desk);
            }
            (stream.round, stream.turn) = (at + self.settings.round, stream.turn.wrapping_add(1));
        }
        self.stream = Some(stream);
    }

    fn power_lost(&mut self) {
        let begun = self.begun;
        *self = Self { begun, ..Self::new(self.settings.clone()) };
    }
}
