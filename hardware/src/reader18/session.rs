//! What a session with such a reader says: it asks for rounds, or listens to a reader that reports by itself.

use std::time::Duration;

use crate::command::{Command, Signal, Unable};
use crate::device::Cut;
use crate::dialogue::line::Line;
use crate::dialogue::plan::{Outcome, Plan, Role, pc_and_epc};
use crate::dialogue::tongue::{Heard, Need, Reading, Tongue};
use crate::event::Tag;
use crate::reader18::cut;
use crate::reader18::frame::{self, BROADCAST, Found, Frame};
use crate::reader18::message::{self, Info, Region, Request, Status, code};
use crate::settings::Settings;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_millis(500);

/// How much longer than its scan time a round may take (the manual says 75 ms), with the way there and back.
const ROUND_SLACK: Duration = Duration::from_millis(400);

/// How long reading or writing a tag may take.
const ACCESS: Duration = Duration::from_millis(1500);

/// A bridge says every 30 s that it is there. A reader that only pushes says nothing else while it sees no tag.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Reports in a row that show that a reader is there and does not answer.
const REPORTS: u8 = 3;

/// Words of the longest EPC that a request can name.
const EPC_WORDS_MAX: usize = 15;

/// Most words that are read at once.
const WORDS_MAX: u8 = 119;

/// On request; over the serial line, all tags of the field.
const POLLED: [u8; 6] = [0, 2, 4, 0, 1, 0];

/// By itself; over the serial line, all tags of the field.
const ACTIVE: [u8; 6] = [1, 2, 4, 0, 1, 0];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Polled,
    Active,
}

#[derive(Debug)]
pub(super) struct Reader18 {
    mode: Mode,
    region: Option<Region>,
    power_dbm: Option<u8>,
    /// In steps of 100 ms.
    scan_time: u8,
    address: u8,
    model: String,
    /// What the reader has, since it was last greeted.
    info: Option<Info>,
    read_mode: Option<u8>,
    /// The address that it answers with: whatever comes from another was noise with a checksum that is right by chance.
    answers_as: Option<u8>,
    /// Reports that came while it was asked who it is.
    reports: u8,
}

impl Reader18 {
    pub(super) fn set(settings: &Settings) -> Reader18 {
        let power_dbm: u8 = settings.whole("power_dbm");
        let scan_time_ms: u16 = settings.whole("scan_time_ms");
        Reader18 {
            mode: if settings.text("mode") == "active" { Mode::Active } else { Mode::Polled },
            region: Region::by_name(&settings.text("region")),
            power_dbm: (power_dbm != 0).then_some(power_dbm),
            scan_time: u8::try_from(scan_time_ms / 100).unwrap_or(u8::MAX),
            address: settings.whole("address"),
            model: String::new(),
            info: None,
            read_mode: None,
            answers_as: None,
            reports: 0,
        }
    }

    fn answer(&mut self, asked: &Request, frame: &Frame<'_>, line: &mut Line) -> Heard {
        let &Frame { status, data, .. } = frame;
        match (asked, Status(status)) {
            (Request::Inventory, status) if status.brings_tags() => match message::epcs(data) {
                Some(epcs) => {
                    epcs.filter(|epc| !epc.is_empty()).for_each(|epc| line.read(tag(epc)));
                    if status == Status::MORE { Heard::More } else { Heard::Answer(Outcome::Done) }
                }
                None => Heard::Noise,
            },
            (Request::Inventory, Status::OK | Status::NO_TAG | Status::POOR_LINK) => Heard::Answer(Outcome::Done),
            (Request::Info, Status::OK) => match Info::of(data) {
                Some(info) => {
                    let [major, minor] = info.version;
                    let kind = if info.kind == 9 { "UHFReader18".into() } else { format!("type {:02X}", info.kind) };
                    self.model = format!("{kind} {major}.{minor}");
                    self.info = Some(info);
                    self.answers_as = Some(frame.address);
                    Heard::Answer(Outcome::Done)
                }
                None => Heard::Noise,
            },
            (Request::ModeAsked, Status::OK) => {
                self.read_mode = data.get(4).copied();
                Heard::Answer(Outcome::Done)
            }
            (Request::Read { .. }, Status::OK) => Heard::Answer(Outcome::Memory(data.to_vec())),
            (_, Status::OK) => Heard::Answer(Outcome::Done),
            (_, Status::TAG_ERROR) => {
                let code = data.first().copied().unwrap_or(0x0F);
                let why = format!("the tag refused: {} (code {code:02X})", message::tag_error(code));
                Heard::Answer(Outcome::Refused(why))
            }
            (_, status) => Heard::Answer(Outcome::Refused(status.to_string())),
        }
    }

    /// A reader that only pushes has shown that it is there: its heartbeat is an answer, and so are a few reports in a
    /// row. One report may just have crossed our question.
    fn aside(&mut self, asked: Option<&Request>, reports: u8) -> Heard {
        self.reports = self.reports.saturating_add(reports);
        match (self.mode, asked) {
            (Mode::Active, Some(Request::Info)) if REPORTS <= self.reports => Heard::Answer(Outcome::Done),
            _ => Heard::Aside,
        }
    }
}

impl Tongue for Reader18 {
    type Request = Request;

    fn cut(&self, bytes: &[u8]) -> Cut {
        cut(bytes)
    }

    fn encode(&self, request: &Request) -> Vec<u8> {
        request.encode(self.address)
    }

    fn patience(&self, request: &Request) -> Duration {
        match request {
            Request::Inventory => Duration::from_millis(100) * u32::from(self.scan_time) + ROUND_SLACK,
            Request::Read { .. } | Request::Write { .. } => ACCESS,
            // One heartbeat at least falls into three tries.
            Request::Info if self.mode == Mode::Active => HEARTBEAT / 2,
            _ => ANSWER,
        }
    }

    fn greeting(&mut self) -> Vec<(Need, Request)> {
        (self.info, self.read_mode, self.answers_as, self.reports) = (None, None, None, 0);
        let mut steps = vec![(Need::Must, Request::Info)];
        steps.extend(self.region.map(|region| (Need::Must, Request::Region(region))));
        steps.extend(self.power_dbm.map(|dbm| (Need::May, Request::Power(dbm))));
        steps.push((Need::May, Request::ScanTime(self.scan_time)));
        let mode = if self.mode == Mode::Active { ACTIVE } else { POLLED };
        steps.extend([(Need::Try, Request::ModeAsked), (Need::May, Request::Mode(mode))]);
        steps
    }

    fn needless(&self, request: &Request) -> bool {
        match (request, self.info) {
            // It pushes and does not answer: it is as whoever set it up wanted it.
            (Request::ModeAsked | Request::ScanTime(_) | Request::Power(_), None) => true,
            (Request::Region(region), Some(info)) => info.channels == region.channels(),
            (Request::Power(dbm), Some(info)) => info.power_dbm == *dbm,
            (Request::ScanTime(steps), Some(info)) => self.mode == Mode::Active || info.scan_time == *steps,
            (Request::Mode([mode, ..]), _) => self.read_mode.is_none_or(|has| has & 3 == *mode),
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
                let silence = HEARTBEAT * 2 + HEARTBEAT / 6;
                Reading::Stream { begin: None, silence, probe: Some(Request::Info) }
            }
        }
    }

    fn hear(&mut self, bytes: &[u8], asked: Option<&Request>, _: Duration, line: &mut Line) -> Heard {
        let frame = match frame::parse(bytes) {
            Ok((Found::Frame(frame), _)) => frame,
            Ok((Found::Heartbeat, _)) => return self.aside(asked, REPORTS),
            Ok((Found::Bare { .. }, _)) | Err(_) => return Heard::Noise,
        };
        if frame.address == BROADCAST {
            // Our own words, when the line echoes.
            return Heard::Noise;
        }
        if self.address != BROADCAST && frame.address != self.address {
            // Another reader of the line.
            return Heard::Aside;
        }
        if self.answers_as.is_some_and(|address| address != frame.address) {
            return Heard::Chance;
        }
        match (frame.command, asked) {
            (code::REPORT, _) => {
                if frame.status == Status::OK.0 && !frame.data.is_empty() {
                    line.read(tag(frame.data));
                }
                self.aside(asked, 1)
            }
            (code::UNKNOWN, Some(_)) => Heard::Again,
            (command, Some(asked)) if asked.code() == command => self.answer(asked, &frame, line),
            // A round that took too long for us; its tags were there all the same.
            (code::INVENTORY, _) if Status(frame.status).brings_tags() => match message::epcs(frame.data) {
                Some(epcs) => {
                    epcs.filter(|epc| !epc.is_empty()).for_each(|epc| line.read(tag(epc)));
                    Heard::Aside
                }
                None => Heard::Noise,
            },
            _ => Heard::Aside,
        }
    }

    fn plan(&self, command: &Command) -> Result<Plan<Request>, Unable> {
        let too_long = || {
            let reason = format!("the reader can only name tags with an EPC of at most {EPC_WORDS_MAX} words");
            Ok(Plan::Refused(reason))
        };
        match command {
            Command::Signal(signal) => {
                let signal = match signal {
                    Signal::Good => Request::Signal { on: 2, off: 1, times: 1 },
                    Signal::Bad => Request::Signal { on: 2, off: 2, times: 3 },
                };
                Ok(Plan::of([(Role::Prepare, signal)]))
            }
            Command::ReadMemory { epc, .. } | Command::WriteEpc { epc, .. } if 2 * EPC_WORDS_MAX < epc.len() => {
                too_long()
            }
            Command::ReadMemory { epc, bank, from_word, words, password } => {
                let word = u8::try_from(*from_word);
                let Some(word) = word.ok().filter(|_| (1..=WORDS_MAX).contains(words)) else {
                    let reason = format!(
                        "the reader reads 1 to {WORDS_MAX} words at once, of the first 256 of a bank; ask for less"
                    );
                    return Ok(Plan::Refused(reason));
                };
                let (epc, bank, password) = (epc.clone(), bank.number(), password.to_be_bytes());
                Ok(Plan::of([(Role::Fetch, Request::Read { epc, bank, word, words: *words, password })]))
            }
            Command::WriteEpc { to, .. } if 2 * EPC_WORDS_MAX < to.len() => too_long(),
            Command::WriteEpc { epc, to, password } => Ok(match pc_and_epc(to) {
                Err(reason) => Plan::Refused(reason),
                Ok(data) => {
                    let password = password.to_be_bytes();
                    let words = u8::try_from(data.len() / 2).unwrap_or(u8::MAX);
                    let write = Request::Write { epc: epc.clone(), bank: 1, word: 1, data: data.clone(), password };
                    let read = Request::Read { epc: to.clone(), bank: 1, word: 1, words, password };
                    Plan::of([(Role::Change, write), (Role::Check(data), read)])
                }
            }),
            Command::Trigger { .. }
            | Command::AimLight { .. }
            | Command::Reading { .. }
            | Command::Output { .. }
            | Command::Zero
            | Command::Tare
            | Command::Print { .. } => Err(Unable),
        }
    }

    /// Nothing: a polled reader makes no further round, and one that reports by itself is to go on.
    fn farewell(&self) -> Option<Request> {
        None
    }
}

/// These readers have one antenna and tell no strength.
fn tag(epc: &[u8]) -> Tag {
    Tag { epc: epc.to_vec(), antenna: 0, rssi_dbm: None, count: 1, age: Duration::ZERO }
}
