//! What a session with such a reader says: rounds on one antenna, or a fast switch over several.

use std::time::Duration;

use crate::command::{Command, Unable};
use crate::device::Cut;
use crate::dialogue::line::Line;
use crate::dialogue::plan::{Outcome, Plan, Role, pc_and_epc};
use crate::dialogue::tongue::{Heard, Need, Reading, Tongue};
use crate::event::Tag;
use crate::r2000::frame::{self, BROADCAST};
use crate::r2000::message::{self, Fault, Message, Ports};
use crate::r2000::request::{Region, Request};
use crate::r2000::{cut, request};
use crate::settings::Settings;

/// How long an answer may take. Storing a setting takes some 100 ms.
const ANSWER: Duration = Duration::from_millis(300);

/// How long a round may be silent, and how long reading or writing a tag may take: the reader tries again by itself.
const ROUND: Duration = Duration::from_millis(1500);

/// How often it is asked how warm it is.
const WARM: Duration = Duration::from_secs(60);

/// Above this it throttles itself or breaks.
const HOT_CELSIUS: i16 = 70;

/// Rest between the antennas of a fast switch.
const INTERVAL_MS: u8 = 0;

/// Output 1 and 2 are the pins 3 and 4 of the reader; 1 and 2 are inputs.
const FIRST_OUTPUT_PIN: u8 = 3;

#[derive(Debug)]
pub(super) struct R2000 {
    ports: Ports,
    antennas: Vec<u8>,
    region: Option<Region>,
    power_dbm: Option<u8>,
    session: u8,
    address: u8,
    model: String,
    /// What the reader has, since it was last greeted.
    has_region: Vec<u8>,
    has_power: Vec<u8>,
    /// The address that it answers with: whatever comes from another was noise with a checksum that is right by chance.
    answers_as: Option<u8>,
}

impl R2000 {
    pub(super) fn set(settings: &Settings) -> Result<R2000, String> {
        let ports = if settings.text("ports") == "8" { Ports::Eight } else { Ports::Four };
        let mut antennas: Vec<u8> = settings.wholes("antennas");
        antennas.sort_unstable();
        antennas.dedup();
        if let Some(antenna) = antennas.iter().find(|&&antenna| ports.count() < antenna) {
            return Err(format!("antenna {antenna} is set, and ports = \"{}\" has none of this number", ports.count()));
        }
        let power_dbm: u8 = settings.whole("power_dbm");
        Ok(R2000 {
            ports,
            antennas,
            region: Region::by_name(&settings.text("region")),
            power_dbm: (power_dbm != 0).then_some(power_dbm),
            session: settings.whole("session"),
            address: settings.whole("address"),
            model: String::new(),
            has_region: Vec::new(),
            has_power: Vec::new(),
            answers_as: None,
        })
    }

    /// The answer to the request that waits.
    fn answer(&mut self, asked: &Request, data: &[u8], now: Duration, line: &mut Line) -> Heard {
        match (asked, data) {
            (Request::Firmware, &[major, minor, ..]) => self.model = format!("R2000 {major}.{minor}"),
            (Request::RegionAsked, [_, _, ..]) => self.has_region = data.to_vec(),
            (Request::PowerAsked, [_, ..]) => self.has_power = data.to_vec(),
            (Request::Temperature, &[sign, degrees]) => {
                let celsius = if sign == 0 { -i16::from(degrees) } else { i16::from(degrees) };
                if HOT_CELSIUS <= celsius {
                    let text = format!("the reader is hot ({celsius} °C); give it air, or lower its power");
                    line.fault(text, now);
                }
            }
            (Request::Temperature | Request::RegionAsked, &[code]) => return refused(Fault(code)),
            (asked, &[code]) if request::sets(asked.code()) => {
                return match Fault(code) {
                    Fault::SUCCESS => Heard::Answer(Outcome::Done),
                    fault => refused(fault),
                };
            }
            // Such as our own words, when the line echoes.
            _ => return Heard::Noise,
        }
        Heard::Answer(Outcome::Done)
    }
}

fn refused(fault: Fault) -> Heard {
    Heard::Answer(Outcome::Refused(fault.to_string()))
}

impl Tongue for R2000 {
    type Request = Request;

    fn cut(&self, bytes: &[u8]) -> Cut {
        cut(bytes)
    }

    fn encode(&self, request: &Request) -> Vec<u8> {
        request.encode(self.address)
    }

    fn patience(&self, request: &Request) -> Duration {
        match request {
            Request::Session { .. }
            | Request::FastSwitch { .. }
            | Request::Read { .. }
            | Request::Write { .. }
            | Request::BlockWrite { .. } => ROUND,
            _ => ANSWER,
        }
    }

    fn greeting(&mut self) -> Vec<(Need, Request)> {
        self.has_region.clear();
        self.has_power.clear();
        self.answers_as = None;
        let mut steps = vec![(Need::Must, Request::Firmware)];
        if let Some(region) = self.region {
            steps.extend([(Need::Try, Request::RegionAsked), (Need::Must, Request::Region(region))]);
        }
        if let Some(dbm) = self.power_dbm {
            let each = vec![dbm; self.ports.count().into()];
            steps.extend([(Need::Try, Request::PowerAsked), (Need::May, Request::Power(each))]);
        }
        if let &[antenna] = self.antennas.as_slice() {
            steps.push((Need::Must, Request::Antenna(antenna)));
        }
        steps
    }

    fn needless(&self, request: &Request) -> bool {
        match request {
            Request::Region(region) => self.has_region == region.channels(),
            Request::Power(dbm) => !self.has_power.is_empty() && self.has_power.iter().all(|has| dbm.contains(has)),
            _ => false,
        }
    }

    fn model(&self) -> String {
        self.model.clone()
    }

    fn reading(&self) -> Reading<Request> {
        let round = match self.antennas.as_slice() {
            [] | [_] => Request::Session { session: self.session, target_b: false, repeat: 1 },
            several => {
                let mut slots: Vec<_> = several.iter().map(|&antenna| Some((antenna, 1))).collect();
                slots.resize(self.ports.count().into(), None);
                Request::FastSwitch { slots, interval_ms: INTERVAL_MS, repeat: 1 }
            }
        };
        Reading::Rounds { round }
    }

    fn hear(&mut self, bytes: &[u8], asked: Option<&Request>, now: Duration, line: &mut Line) -> Heard {
        let Ok((frame, _)) = frame::parse(bytes) else { return Heard::Noise };
        if self.address != BROADCAST && frame.address != self.address {
            // Another reader of the line answers another host.
            return Heard::Aside;
        }
        if self.answers_as.is_some_and(|address| address != frame.address) {
            return Heard::Chance;
        }
        let Some(message) = message::message(&frame, self.ports) else { return Heard::Chance };
        let asked = asked.filter(|asked| asked.code() == frame.command);
        match message {
            Message::Tag { epc: [], .. } => Heard::Chance,
            Message::Tag { air, epc, .. } => {
                line.read(tag(epc, air.antenna, Some(air.rssi_dbm), 1));
                asked.map_or(Heard::Aside, |_| Heard::More)
            }
            Message::Buffered { tag: named, .. } if !named.crc_ok || named.epc.is_empty() => Heard::Chance,
            Message::Buffered { tag: named, air, reads } => {
                line.read(tag(named.epc, air.antenna, Some(air.rssi_dbm), reads.max(1)));
                Heard::Aside
            }
            Message::Failed { fault, antenna: Some(antenna) } => {
                line.fault(format!("antenna {antenna}: {fault}"), now);
                asked.map_or(Heard::Aside, |_| Heard::More)
            }
            Message::Failed { fault, antenna: None } => match (asked, fault) {
                (None, _) => Heard::Aside,
                (Some(Request::Session { .. } | Request::FastSwitch { .. }), Fault::NO_TAG | Fault::TAG_INVENTORY) => {
                    Heard::Answer(Outcome::Done)
                }
                (Some(_), fault) => refused(fault),
            },
            Message::Round { .. } | Message::FastRound { .. } | Message::Kept { .. } => {
                asked.map_or(Heard::Aside, |_| Heard::Answer(Outcome::Done))
            }
            Message::Memory { tag, .. } | Message::Changed { tag, .. } if !tag.crc_ok => Heard::Chance,
            Message::Memory { tag, .. } => {
                asked.map_or(Heard::Aside, |_| Heard::Answer(Outcome::Memory(tag.data.to_vec())))
            }
            Message::Changed { result, .. } => match (asked, result) {
                (None, _) => Heard::Aside,
                (Some(_), Fault::SUCCESS) => Heard::Answer(Outcome::Done),
                (Some(_), fault) => refused(fault),
            },
            Message::Data(data) => match asked {
                Some(asked) => {
                    let heard = self.answer(asked, data, now, line);
                    if *asked == Request::Firmware && heard == Heard::Answer(Outcome::Done) {
                        self.answers_as = Some(frame.address);
                    }
                    heard
                }
                None => Heard::Aside,
            },
        }
    }

    fn plan(&self, command: &Command) -> Result<Plan<Request>, Unable> {
        match command {
            &Command::Output { line: line @ 1..=2, on, .. } => {
                let pin = FIRST_OUTPUT_PIN + u8::from(line == 2);
                Ok(Plan::of([(Role::Prepare, Request::Gpio { pin, high: on })]))
            }
            Command::ReadMemory { epc, bank, from_word, words, password } => {
                let Ok(word) = u8::try_from(*from_word) else {
                    return Ok(Plan::Refused("the reader reads only the first 256 words of a bank".into()));
                };
                let access = password.to_be_bytes();
                Ok(Plan::of([
                    (Role::Prepare, Request::Match(Some(epc.clone()))),
                    (Role::Fetch, Request::Read { bank: bank.number(), word, words: *words, access }),
                    (Role::Restore, Request::Match(None)),
                ]))
            }
            Command::WriteEpc { epc, to, password } => Ok(match pc_and_epc(to) {
                Err(reason) => Plan::Refused(reason),
                Ok(data) => {
                    let access = password.to_be_bytes();
                    let words = u8::try_from(data.len() / 2).unwrap_or(u8::MAX);
                    let read = Request::Read { bank: 1, word: 1, words, access };
                    Plan::of([
                        (Role::Prepare, Request::Match(Some(epc.clone()))),
                        (Role::Change, Request::Write { access, bank: 1, word: 1, data: data.clone() }),
                        (Role::Prepare, Request::Match(Some(to.clone()))),
                        (Role::Check(data), read),
                        (Role::Restore, Request::Match(None)),
                    ])
                }
            }),
            Command::Signal(_)
            | Command::Trigger { .. }
            | Command::AimLight { .. }
            | Command::Reading { .. }
            | Command::Output { .. }
            | Command::Zero
            | Command::Tare
            | Command::Print { .. } => Err(Unable),
        }
    }

    fn chore(&self) -> Option<(Duration, Request)> {
        Some((WARM, Request::Temperature))
    }

    /// Nothing: without a request it makes no further round.
    fn farewell(&self) -> Option<Request> {
        None
    }
}

fn tag(epc: &[u8], antenna: u8, rssi_dbm: Option<i16>, count: u8) -> Tag {
    Tag { epc: epc.to_vec(), antenna: antenna.into(), rssi_dbm, count: count.into(), age: Duration::ZERO }
}
