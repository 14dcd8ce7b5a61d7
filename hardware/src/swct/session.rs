//! What a session with such a reader says: it asks for rounds, or lets the reader report by itself.

use std::time::Duration;

use crate::command::{Command, Unable};
use crate::device::Cut;
use crate::dialogue::line::Line;
use crate::dialogue::plan::{Outcome, Plan, Role};
use crate::dialogue::tongue::{Heard, Need, Reading, Tongue};
use crate::event::Tag;
use crate::hex;
use crate::settings::Settings;
use crate::swct::frame::{self, BROADCAST};
use crate::swct::heard;
use crate::swct::message::{self, Message, Records, Region, Request, parameter};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_millis(500);

/// How long a round may take.
const ROUND: Duration = Duration::from_millis(2000);

/// Silence of a reader that reports by itself, after which it is asked whether it is there.
const SILENCE: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Polled,
    Active,
}

#[derive(Debug)]
pub(super) struct Swct {
    mode: Mode,
    region: Option<Region>,
    power_dbm: Option<u8>,
    address: u8,
    model: String,
    /// What the reader has, since it was last greeted.
    has_region: Option<[u8; 2]>,
    has_power: Option<u8>,
    has_mode: Option<u8>,
}

impl Swct {
    pub(super) fn set(settings: &Settings) -> Swct {
        let power_dbm: u8 = settings.whole("power_dbm");
        Swct {
            mode: if settings.text("mode") == "active" { Mode::Active } else { Mode::Polled },
            region: Region::by_name(&settings.text("region")),
            power_dbm: (power_dbm != 0).then_some(power_dbm),
            address: settings.whole("address"),
            model: String::new(),
            has_region: None,
            has_power: None,
            has_mode: None,
        }
    }

    fn answer(&mut self, asked: &Request, status: u8, data: &[u8]) -> Heard {
        if status != 1 {
            let why = format!("it could not, or does not know the command (status {status:02X})");
            return Heard::Answer(Outcome::Refused(why));
        }
        match (asked, data) {
            (Request::System, [soft, hard, serial @ ..]) => {
                let (s, h) = ([soft >> 4, soft & 0x0F], [hard >> 4, hard & 0x0F]);
                let serial = hex::encode(serial);
                self.model = format!("firmware {}.{}, hardware {}.{}, serial {serial}", s[0], s[1], h[0], h[1]);
            }
            (Request::FrequencyAsked, &[first, second]) => self.has_region = Some([first, second]),
            (Request::Get(asked), &[answered, value]) if *asked == answered => match answered {
                parameter::POWER => self.has_power = Some(value),
                parameter::MODE => self.has_mode = Some(value),
                _ => (),
            },
            (Request::System | Request::FrequencyAsked | Request::Get(_), _) => return Heard::Noise,
            _ => (),
        }
        Heard::Answer(Outcome::Done)
    }
}

impl Tongue for Swct {
    type Request = Request;

    fn cut(&self, bytes: &[u8]) -> Cut {
        heard(bytes)
    }

    fn encode(&self, request: &Request) -> Vec<u8> {
        request.encode(self.address)
    }

    fn patience(&self, request: &Request) -> Duration {
        match request {
            Request::Inventory => ROUND,
            _ => ANSWER,
        }
    }

    /// One that reports by itself is stopped first: in the midst of its reports an answer may be late.
    fn greeting(&mut self) -> Vec<(Need, Request)> {
        (self.has_region, self.has_power, self.has_mode) = (None, None, None);
        let mut steps = vec![(Need::Try, Request::Stop), (Need::Must, Request::System)];
        if let Some(region) = self.region {
            steps.extend([(Need::Try, Request::FrequencyAsked), (Need::Must, Request::Frequency(region))]);
        }
        let mut set = |number, value| {
            let steps_of_it =
                [(Need::Try, Request::Get(number)), (Need::May, Request::Set { parameter: number, value })];
            steps.extend(steps_of_it);
        };
        if let Some(dbm) = self.power_dbm {
            set(parameter::POWER, dbm);
        }
        set(parameter::MODE, u8::from(self.mode == Mode::Active));
        steps
    }

    fn needless(&self, request: &Request) -> bool {
        match request {
            Request::Frequency(region) => self.has_region == Some(region.bytes()),
            Request::Set { parameter: parameter::POWER, value } => self.has_power == Some(*value),
            Request::Set { parameter: parameter::MODE, value } => self.has_mode == Some(*value),
            _ => false,
        }
    }

    fn model(&self) -> String {
        self.model.clone()
    }

    fn reading(&self) -> Reading<Request> {
        match self.mode {
            Mode::Polled => Reading::Rounds { round: Request::Inventory },
            Mode::Active => {
                let (begin, probe) = (Some(Request::Start), Some(Request::Get(parameter::MODE)));
                Reading::Stream { begin, silence: SILENCE, probe }
            }
        }
    }

    fn hear(&mut self, bytes: &[u8], asked: Option<&Request>, _: Duration, line: &mut Line) -> Heard {
        let Ok((frame, _)) = frame::parse(bytes) else { return Heard::Noise };
        let asked = asked.filter(|asked| asked.code() == frame.command);
        match message::message(&frame) {
            None => Heard::Chance,
            Some(Message::Round(tags)) => {
                read(tags, line);
                asked.map_or(Heard::Aside, |_| Heard::Answer(Outcome::Done))
            }
            Some(Message::Active { tags, .. }) => {
                read(tags, line);
                Heard::Aside
            }
            Some(Message::Heartbeat { .. }) => Heard::Aside,
            Some(Message::Answer { .. }) if self.address != BROADCAST && frame.address != self.address => Heard::Aside,
            Some(Message::Answer { status, data }) => match asked {
                Some(asked) => self.answer(asked, status, data),
                None => Heard::Aside,
            },
        }
    }

    fn plan(&self, command: &Command) -> Result<Plan<Request>, Unable> {
        match command {
            &Command::Output { line: 1, on, .. } => Ok(Plan::of([(Role::Prepare, Request::Relay { on })])),
            // It cannot be told which tag to read or write, and another than the one that is meant would be.
            Command::ReadMemory { .. }
            | Command::WriteEpc { .. }
            | Command::Output { .. }
            | Command::Signal(_)
            | Command::Trigger { .. }
            | Command::AimLight { .. }
            | Command::Reading { .. }
            | Command::Zero
            | Command::Tare
            | Command::Print { .. } => Err(Unable),
        }
    }

    fn farewell(&self) -> Option<Request> {
        match self.mode {
            Mode::Polled => None,
            Mode::Active => Some(Request::Stop),
        }
    }
}

fn read(tags: Records<'_>, line: &mut Line) {
    for tag in tags.filter(|tag| !tag.epc.is_empty()) {
        line.read(Tag {
            epc: tag.epc.to_vec(),
            antenna: tag.antenna.into(),
            rssi_dbm: Some(tag.rssi_dbm()),
            count: 1,
            age: Duration::ZERO,
        });
    }
}
