//! What a session with such a module says: configure it, let it stream, and interrupt the stream for what is asked in
//! between. The module keeps no setting, so all of them are sent each time.

use std::time::Duration;

use crate::command::{Command, Unable};
use crate::device::Cut;
use crate::dialogue::line::Line;
use crate::dialogue::plan::{Outcome, Plan, Role, pc_and_epc};
use crate::dialogue::tongue::{Heard, Need, Reading, Tongue};
use crate::event::Tag;
use crate::mercury::message::{self, Message, Status};
use crate::mercury::request::{GEN2, Region, Request, TAG_MS};
use crate::mercury::{frame, heard};
use crate::settings::Settings;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_millis(500);

/// Its signs of life are a second apart; without one for so long it is greeted anew.
const SILENCE: Duration = Duration::from_secs(3);

/// Pins of the module that can be outputs.
const PINS: std::ops::RangeInclusive<u16> = 1..=4;

/// Bytes of the longest EPC whose length in bits fits a request.
const EPC_MAX: usize = 30;

/// Most words that fit one answer.
const WORDS_MAX: u8 = 120;

#[derive(Debug)]
pub(super) struct Mercury {
    region: Option<Region>,
    antennas: Vec<u8>,
    centi_dbm: Option<u16>,
    model: String,
    /// When the last sign of life came: the stamps of the records count from there.
    alive: Option<Duration>,
}

impl Mercury {
    pub(super) fn set(settings: &Settings) -> Mercury {
        let mut antennas: Vec<u8> = settings.wholes("antennas");
        antennas.sort_unstable();
        antennas.dedup();
        let power_dbm: u16 = settings.whole("power_dbm");
        Mercury {
            region: Region::by_name(&settings.text("region")),
            antennas,
            centi_dbm: (power_dbm != 0).then_some(100 * power_dbm),
            model: String::new(),
            alive: None,
        }
    }
}

impl Tongue for Mercury {
    type Request = Request;

    fn cut(&self, bytes: &[u8]) -> Cut {
        heard(bytes)
    }

    fn encode(&self, request: &Request) -> Vec<u8> {
        request.encode()
    }

    fn patience(&self, request: &Request) -> Duration {
        match request {
            Request::Read { .. } | Request::Write { .. } => ANSWER + Duration::from_millis(TAG_MS.into()),
            _ => ANSWER,
        }
    }

    /// It may still stream for a host that died; while it does it takes nothing but a stop.
    fn greeting(&mut self) -> Vec<(Need, Request)> {
        self.alive = None;
        let mut steps =
            vec![(Need::Try, Request::Stop), (Need::Must, Request::Version), (Need::Must, Request::Protocol(GEN2))];
        steps.extend(self.region.map(|region| (Need::Must, Request::Region(region))));
        steps.push(match self.antennas.as_slice() {
            [] => (Need::Must, Request::Antenna(1)),
            &[antenna] => (Need::Must, Request::Antenna(antenna)),
            several => (Need::Must, Request::Antennas(several.to_vec())),
        });
        if let Some(centi_dbm) = self.centi_dbm {
            steps.extend([(Need::May, Request::ReadPower(centi_dbm)), (Need::May, Request::WritePower(centi_dbm))]);
        }
        steps.push((Need::May, Request::NoFilter));
        steps
    }

    fn model(&self) -> String {
        self.model.clone()
    }

    fn reading(&self) -> Reading<Request> {
        // While it streams it could not answer a question.
        Reading::Stream { begin: Some(Request::Start), silence: SILENCE, probe: None }
    }

    fn hear(&mut self, bytes: &[u8], asked: Option<&Request>, now: Duration, line: &mut Line) -> Heard {
        let Ok((frame, _)) = frame::parse(bytes) else { return Heard::Noise };
        let asked = asked.filter(|asked| asked.code() == frame.opcode);
        match message::message(&frame) {
            // A tag whose own checksum is wrong was misheard, and one without EPC has no name.
            None => Heard::Noise,
            Some(Message::Tag(record)) if !record.crc_ok || record.epc.is_empty() => Heard::Noise,
            Some(Message::Tag(record)) => {
                let seen = self.alive.map(|alive| alive.saturating_add(Duration::from_millis(record.since.into())));
                line.read(Tag {
                    epc: record.epc.to_vec(),
                    antenna: record.antenna[0].into(),
                    rssi_dbm: Some(record.rssi_dbm.into()),
                    count: record.count.into(),
                    age: seen.map_or(Duration::ZERO, |seen| now.saturating_sub(seen)),
                });
                Heard::Aside
            }
            Some(Message::KeepAlive) => {
                self.alive = Some(now);
                Heard::Aside
            }
            Some(Message::Hot) => {
                line.fault(format!("the module: {}", Status::HOT), now);
                Heard::Aside
            }
            Some(Message::ReturnLoss) => {
                line.fault(format!("the module: {}", Status::RETURN_LOSS), now);
                Heard::Aside
            }
            Some(Message::Temperature(_)) => Heard::Aside,
            Some(Message::Answer { status, data }) => match (asked, status) {
                (None, Status::OK) => Heard::Aside,
                (None, fault) => {
                    line.fault(format!("the module: {fault}"), now);
                    Heard::Aside
                }
                (Some(Request::Version), Status::OK) => match model(data) {
                    Some(model) => {
                        self.model = model;
                        Heard::Answer(Outcome::Done)
                    }
                    None => Heard::Noise,
                },
                (Some(Request::Read { .. }), Status::OK) => match data {
                    // The option and the flags come back.
                    [_, _, _, words @ ..] => Heard::Answer(Outcome::Memory(words.to_vec())),
                    _ => Heard::Noise,
                },
                (Some(_), Status::OK) => Heard::Answer(Outcome::Done),
                (Some(_), fault) => Heard::Answer(Outcome::Refused(fault.to_string())),
            },
        }
    }

    fn plan(&self, command: &Command) -> Result<Plan<Request>, Unable> {
        let too_long =
            || Ok(Plan::Refused(format!("the module can only name tags with an EPC of at most {} words", EPC_MAX / 2)));
        let interrupted = |steps: Vec<(Role, Request)>| {
            let before = std::iter::once((Role::Prepare, Request::Stop));
            Ok(Plan::of(before.chain(steps).chain([(Role::Restore, Request::Start)])))
        };
        match command {
            &Command::Output { line, on, .. } if PINS.contains(&line) => {
                let pin = u8::try_from(line).map_err(|_| Unable)?;
                interrupted(vec![
                    (Role::Prepare, Request::OutputPin(pin)),
                    (Role::Prepare, Request::Output { pin, high: on }),
                ])
            }
            Command::ReadMemory { epc, .. } | Command::WriteEpc { epc, .. } if EPC_MAX < epc.len() => too_long(),
            Command::ReadMemory { epc, bank, from_word, words, password } => {
                if !(1..=WORDS_MAX).contains(words) {
                    let reason = format!("the module reads 1 to {WORDS_MAX} words at once; ask for less");
                    return Ok(Plan::Refused(reason));
                }
                let (epc, password) = (Some(epc.clone()), *password);
                let read = Request::Read { epc, bank: bank.number(), word: *from_word, words: *words, password };
                interrupted(vec![(Role::Fetch, read)])
            }
            Command::WriteEpc { to, .. } if EPC_MAX < to.len() => too_long(),
            Command::WriteEpc { epc, to, password } => match pc_and_epc(to) {
                Err(reason) => Ok(Plan::Refused(reason)),
                Ok(data) => {
                    let (bank, word, password) = (1, 1, *password);
                    let words = u8::try_from(data.len() / 2).unwrap_or(u8::MAX);
                    let write = Request::Write { epc: Some(epc.clone()), bank, word, data: data.clone(), password };
                    let read = Request::Read { epc: Some(to.clone()), bank, word, words, password };
                    interrupted(vec![(Role::Change, write), (Role::Check(data), read)])
                }
            },
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

    fn farewell(&self) -> Option<Request> {
        Some(Request::Stop)
    }
}

/// Boot loader, hardware, date and version of the firmware, four bytes each, and what it supports.
fn model(data: &[u8]) -> Option<String> {
    let (_, rest) = data.split_first_chunk::<4>()?;
    let (hardware, rest) = rest.split_first_chunk::<4>()?;
    let (_, rest) = rest.split_first_chunk::<4>()?;
    let ([a, b, c, d], _) = rest.split_first_chunk::<4>()?;
    let name = match hardware[0] {
        0x18 => "M6E".into(),
        0x19 => "M6E PRC".into(),
        0x20 => "M6E Micro".into(),
        0x30 => "M6E Nano".into(),
        other => format!("ThingMagic {other:02X}"),
    };
    Some(format!("{name} {a:X}.{b:X}.{c:X}.{d:X}"))
}
