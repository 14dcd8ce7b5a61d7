//! A simulated UHFReader18.

use std::time::Duration;

use crate::device::Cut;
use crate::reader18;
use crate::reader18::frame::{self, BROADCAST, DATA_MAX};
use crate::reader18::message::{Info, Status, code};
use crate::simulator::memory::Refusal;
use crate::simulator::module::{Desk, Manner, Module};
use crate::simulator::script::{Heard, Script};

/// Highest sending power in dBm.
const POWER_MAX: u8 = 30;

/// Most words of an EPC in a request.
const EPC_WORDS_MAX: u8 = 15;

/// How the simulated reader is built.
#[derive(Clone, Debug)]
pub struct Settings {
    pub address: u8,
    /// Time of one round, and between two reports of a reader that reports by itself.
    pub round: Duration,
    /// The heartbeat of a bridge, where it sits behind one.
    pub heartbeat: Option<Duration>,
    /// It pushes and obeys nothing.
    pub deaf: bool,
    /// It reports by itself when it leaves the factory.
    pub active: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { address: 0, round: Duration::from_millis(60), heartbeat: None, deaf: false, active: false }
    }
}

/// A simulated reader; all its settings outlive a loss of power.
#[derive(Clone, Debug)]
pub struct Reader {
    settings: Settings,
    pub info: Info,
    /// How often a setting was stored.
    pub stored: u32,
    /// Wiegand parameters, then the working mode, accuracy and offset.
    pub mode: [u8; 12],
    /// On, off and how often, as it was last told to beep.
    pub beeped: Vec<[u8; 3]>,
    round: Option<Duration>,
    report: Option<Duration>,
    beat: Option<Duration>,
}

/// Signals that are remembered.
const BEEPS_MAX: usize = 100;

/// A reader that a session with these settings understands.
pub fn set(settings: &crate::settings::Settings, script: Script, seed: u64) -> Module<Reader> {
    let address = match settings.whole("address") {
        BROADCAST => 0,
        own => own,
    };
    let active = settings.text("mode") == "active";
    let heartbeat = active.then_some(Duration::from_secs(30));
    Module::of(Reader::new(Settings { address, active, heartbeat, ..Settings::default() }), script, seed)
}

impl Reader {
    pub fn new(settings: Settings) -> Self {
        let active = u8::from(settings.active);
        Self {
            info: Info { version: [2, 36], kind: 9, protocols: 3, channels: [49, 0x80], power_dbm: 30, scan_time: 10 },
            stored: 0,
            mode: [0, 30, 10, 15, active, 2, 4, 0, 1, 0, 8, 0],
            beeped: Vec::new(),
            round: None,
            report: settings.active.then_some(Duration::ZERO),
            beat: settings.heartbeat,
            settings,
        }
    }

    fn frame(&self, command: u8, status: Status, data: &[u8]) -> Vec<u8> {
        frame::encode_answer(self.settings.address, command, status.0, data)
    }

    fn answer(&self, command: u8, status: Status, desk: &mut Desk) {
        desk.say(self.frame(command, status, &[]));
    }

    fn store(&mut self, command: u8, desk: &mut Desk) {
        self.stored += 1;
        self.answer(command, Status::OK, desk);
    }

    /// All tags of the field, as many in a frame as fit.
    fn end_round(&self, desk: &mut Desk, at: Duration) {
        let heard = desk.tags(at);
        if heard.is_empty() {
            return self.answer(code::INVENTORY, Status::NO_TAG, desk);
        }
        let mut rest = heard.as_slice();
        while !rest.is_empty() {
            let mut data = vec![0];
            let mut tags = 0;
            for tag in rest {
                let longer = data.len() + 1 + tag.epc.len();
                if 0 < tags && DATA_MAX < longer {
                    break;
                }
                data.push(u8::try_from(tag.epc.len()).unwrap_or(u8::MAX));
                data.extend_from_slice(&tag.epc);
                tags += 1;
            }
            let Some((now, later)) = rest.split_at_checked(tags) else { return };
            if let Some(count) = data.first_mut() {
                *count = u8::try_from(tags).unwrap_or(u8::MAX);
            }
            let status = if later.is_empty() { Status::FINISHED } else { Status::MORE };
            desk.report(self.frame(code::INVENTORY, status, &data), at, now);
            rest = later;
        }
    }

    /// The tag that a request names by `words EPC`; none named, whichever is there.
    fn chosen<'a>(&self, data: &'a [u8], desk: &mut Desk, now: Duration) -> Result<(Heard, &'a [u8]), Status> {
        let (&words, rest) = data.split_first().ok_or(Status::LENGTH)?;
        if EPC_WORDS_MAX < words {
            return Err(Status::PARAMETER);
        }
        let (epc, rest) = rest.split_at_checked(2 * usize::from(words)).ok_or(Status::LENGTH)?;
        let tag = desk.tag(now, |tag| epc.is_empty() || tag.epc == epc).ok_or(Status::NO_TAG)?;
        Ok((tag, rest))
    }

    fn access(&self, command: u8, data: &[u8], desk: &mut Desk, now: Duration) -> Result<Vec<u8>, Status> {
        let refused = |refusal| match refusal {
            Refusal::NoSuchMemory => Status::TAG_ERROR,
            Refusal::Password => Status::PASSWORD,
        };
        match command {
            code::READ => {
                let (tag, rest) = self.chosen(data, desk, now)?;
                let &[bank, word, words @ 1..=119, _, _, _, _] = rest else { return Err(Status::PARAMETER) };
                desk.read(&tag, bank, word.into(), words.into()).map_err(refused)
            }
            code::WRITE => {
                let (&words, rest) = data.split_first().ok_or(Status::LENGTH)?;
                let (tag, rest) = self.chosen(rest, desk, now)?;
                let &[bank, word, ref rest @ ..] = rest else { return Err(Status::LENGTH) };
                let (data, access) = rest.split_at_checked(2 * usize::from(words)).ok_or(Status::LENGTH)?;
                desk.write(&tag, bank, word.into(), data, access).map_err(refused)?;
                Ok(Vec::new())
            }
            // Kill, lock: a simulated tag has no kill password, and nothing of it is locked.
            code::KILL => Err(Status(0x0A)),
            _ => {
                self.chosen(data, desk, now)?;
                Ok(Vec::new())
            }
        }
    }
}

impl Manner for Reader {
    fn cut(&self, bytes: &[u8]) -> Cut {
        reader18::cut(bytes)
    }

    fn obey(&mut self, message: &[u8], desk: &mut Desk, now: Duration) {
        let &[_, address, command, ref rest @ ..] = message else { return };
        let data = rest.split_last_chunk::<2>().map_or(&[][..], |(data, _)| data);
        if self.settings.deaf || (address != BROADCAST && address != self.settings.address) {
            return;
        }
        match (command, data) {
            (code::INFO, []) => {
                let Info { version: [major, minor], kind, protocols, channels: [high, low], power_dbm, scan_time } =
                    self.info;
                let data = [major, minor, kind, protocols, high, low, power_dbm, scan_time];
                desk.say(self.frame(command, Status::OK, &data));
            }
            (code::REGION, &[high, low]) if high >> 6 == 0 && low & 0x3F <= high & 0x3F => {
                self.info.channels = [high, low];
                self.store(command, desk);
            }
            (code::SCAN_TIME, &[steps]) => {
                self.info.scan_time = if steps < 3 { 10 } else { steps };
                self.store(command, desk);
            }
            (code::POWER, &[dbm @ 0..=POWER_MAX]) => {
                self.info.power_dbm = dbm;
                self.store(command, desk);
            }
            (code::SIGNAL, &[on, off, times]) => {
                if self.beeped.len() < BEEPS_MAX {
                    self.beeped.push([on, off, times]);
                }
                self.answer(command, Status::OK, desk);
            }
            (code::MODE, &[mode @ 0..=3, state, what @ 0..=6, word, words, every]) => {
                let [w0, w1, w2, w3, .., accuracy, offset] = self.mode;
                self.mode = [w0, w1, w2, w3, mode, state, what, word, words, every, accuracy, offset];
                self.report = (mode == 1).then(|| now + self.settings.round);
                self.store(command, desk);
            }
            (code::MODE_ASKED, []) => desk.say(self.frame(command, Status::OK, &{ self.mode })),
            (code::REGION | code::POWER | code::MODE, _) => self.answer(command, Status::PARAMETER, desk),
            // A reader that reports by itself obeys only what is about itself.
            (code::INVENTORY..=0x10, _) if self.report.is_some() => (),
            (code::INVENTORY, []) => self.round = Some(now + self.settings.round),
            (code::READ..=code::LOCK, data) => {
                let answer = match self.access(command, data, desk, now) {
                    Ok(read) => self.frame(command, Status::OK, &read),
                    Err(Status::TAG_ERROR) => self.frame(command, Status::TAG_ERROR, &[0x03]),
                    Err(status) => self.frame(command, status, &[]),
                };
                desk.say(answer);
            }
            (code::INVENTORY | code::INFO | code::SCAN_TIME | code::SIGNAL | code::MODE_ASKED, _) => {
                self.answer(command, Status::LENGTH, desk);
            }
            _ => self.answer(code::UNKNOWN, Status::ILLEGAL, desk),
        }
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
            for tag in desk.tags(at) {
                desk.report(self.frame(code::REPORT, Status::OK, &tag.epc), at, &[tag]);
            }
        }
        if let (Some(every), Some(due)) = (self.settings.heartbeat, self.beat)
            && due <= at
        {
            self.beat = Some(at + every);
            desk.say(frame::HEARTBEAT.to_vec());
        }
    }

    fn power_lost(&mut self) {
        self.round = None;
    }
}
