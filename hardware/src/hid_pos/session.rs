//! A session with one USB scanner: reports in, symbols out; a few words to a scanner of Honeywell.

use std::collections::VecDeque;
use std::time::Duration;

use crate::aim::{self, AimMode};
use crate::command::{Command, Unable};
use crate::device::Session;
use crate::event::Event;
use crate::hid_pos::layout;
use crate::hid_pos::report::{self, CHUNK_MAX, Layout, ReportError};
use crate::scanner::host::{self, Host, honeywell};

/// Pause in the middle of a report after which the rest will not come: hidraw hands reports over whole, so only a pipe
/// splits them.
pub const GAP: Duration = Duration::from_millis(100);

/// How long the next report of a symbol may take; a scanner sends one every millisecond or two.
const MORE: Duration = Duration::from_secs(1);

/// Longest symbol: the largest QR code holds 7089 characters.
const TEXT_MAX: usize = 8192;

/// What waits to be sent at most.
const WAITING_MAX: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `None`: chunks of a length and text.
    pub layout: Option<Layout>,
    pub idle: Duration,
    pub aim: AimMode,
    /// Understands the commands of Honeywell.
    pub commands: bool,
}

impl Settings {
    pub(super) fn of(settings: &crate::settings::Settings) -> Result<Settings, String> {
        Ok(Settings {
            layout: layout(settings)?,
            idle: Duration::from_millis(settings.whole("idle_ms")),
            aim: AimMode::of(&settings.text("aim")),
            commands: settings.text("commands") == "honeywell",
        })
    }
}

/// A session with one scanner. Holds one report, one symbol of at most [`TEXT_MAX`] bytes and a report, and the events
/// not yet polled.
#[derive(Clone, Debug)]
pub struct HidPos {
    settings: Settings,
    closed: bool,
    received: Vec<u8>,
    /// When the last byte came.
    heard: Duration,
    symbol: Option<Begun>,
    /// Until when the answer to who it is may come.
    asked: Option<Duration>,
    model: String,
    /// What is sent, and when.
    out: VecDeque<(Duration, Vec<u8>)>,
    now: Duration,
    noise: usize,
    events: VecDeque<Event>,
}

/// A symbol of which more reports are awaited.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Begun {
    aim: Option<[u8; 3]>,
    text: Vec<u8>,
    /// When it ends, and how.
    until: Duration,
    ends: Ends,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// A pause completes it; the last part was full, so that more may come.
    Full,
    /// A pause completes it; the last part was not full, so that nothing is missing.
    Whole,
    /// The scanner said that more comes.
    Broken,
}

impl HidPos {
    /// # Errors
    /// A sentence when the commands do not go with the layout.
    pub fn new(settings: Settings) -> Result<Self, String> {
        if settings.commands && settings.layout.is_none() {
            return Err("the commands of Honeywell do not go with chunks: set commands = \"none\"".into());
        }
        Ok(Self {
            settings,
            closed: true,
            received: Vec::new(),
            heard: Duration::ZERO,
            symbol: None,
            asked: None,
            model: String::new(),
            out: VecDeque::new(),
            now: Duration::ZERO,
            noise: 0,
            events: VecDeque::new(),
        })
    }
}

impl Session for HidPos {
    /// The link was just opened. A scanner that cannot be asked who it is is ready at once, its model unknown.
    fn opened(&mut self, now: Duration) {
        self.forget();
        (self.closed, self.now, self.heard) = (false, now, now);
        self.model.clear();
        match self.settings.commands {
            true => {
                self.out.push_back((now, report::output(&honeywell::menu(honeywell::REVISION))));
                self.asked = Some(now.saturating_add(host::ANSWER));
            }
            false => self.ready(),
        }
    }

    /// Takes what the link just delivered, in any split.
    fn receive(&mut self, bytes: &[u8], now: Duration) {
        if self.closed || bytes.is_empty() {
            return;
        }
        // A busy terminal may read late what came in time: only what is surely whole ends by the clock here.
        self.now = now;
        let whole = |begun: &mut Begun| begun.ends == Ends::Whole && begun.until <= now;
        if let Some(begun) = self.symbol.take_if(whole) {
            self.read(&begun);
        }
        if self.settings.layout.is_none() && self.rest_lost().is_some_and(|lost| lost <= now) {
            self.take_reports(Rest::Lost, now);
        }
        self.heard = now;
        self.received.extend_from_slice(bytes);
        self.take_reports(Rest::Comes, now);
        self.report_noise();
    }

    /// Ends a symbol when the pause behind it is over.
    fn tick(&mut self, now: Duration) {
        self.now = now;
        if self.closed {
            return;
        }
        if self.rest_lost().is_some_and(|lost| lost <= now) {
            self.take_reports(Rest::Lost, now);
        }
        if let Some(begun) = self.symbol.take_if(|begun| begun.until <= now) {
            match begun.ends {
                Ends::Full | Ends::Whole => self.read(&begun),
                Ends::Broken => self.broken(&begun),
            }
        }
        if self.asked.is_some_and(|until| until <= now) {
            self.ready();
        }
        self.report_noise();
    }

    /// What is to be sent next; call until `None` after each of the calls above.
    fn transmit(&mut self) -> Option<Vec<u8>> {
        self.out.front().filter(|(at, _)| *at <= self.now)?;
        self.out.pop_front().map(|(_, bytes)| bytes)
    }

    /// The next event; call until `None` after each of the calls above.
    fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call `tick` if nothing arrives.
    fn wake(&self) -> Option<Duration> {
        let symbol = self.symbol.as_ref().map(|begun| begun.until);
        let send = self.out.front().map(|(at, _)| *at);
        [self.rest_lost(), symbol, self.asked, send].into_iter().flatten().min()
    }

    /// A scanner has nothing to end: what is pending is noise and the session is over at once.
    fn close(&mut self, _now: Duration) {
        self.forget();
        self.closed = true;
    }

    fn closed(&self) -> bool {
        self.closed
    }

    /// Tells the scanner; it gives no answer.
    fn command(&mut self, _number: u32, command: &Command, now: Duration) -> Result<(), Unable> {
        if self.closed || !self.settings.commands {
            return Err(Unable);
        }
        let words = Host::Honeywell.words(command, true)?;
        self.now = now;
        let begins = self.out.back().map_or(now, |(at, _)| now.max(*at));
        if self.out.len() + words.len() <= WAITING_MAX {
            let timed = |(wait, word): (Duration, &[u8])| (begins.saturating_add(wait), report::output(word));
            self.out.extend(words.into_iter().map(timed));
        }
        Ok(())
    }
}

impl HidPos {
    fn take_reports(&mut self, rest: Rest, now: Duration) {
        let received = std::mem::take(&mut self.received);
        let mut left = received.as_slice();
        while !left.is_empty() {
            let used = match self.settings.layout {
                Some(layout) => match layout.parse(left) {
                    Ok(report) => {
                        let text = report.data.to_vec();
                        let full = layout.more_at.is_none() && text.len() == layout.data_bytes;
                        let ends = if full { Some(Ends::Full) } else { report.more.then_some(Ends::Broken) };
                        self.part(report.aim, &text, ends, now);
                        layout.bytes
                    }
                    Err(ReportError::Incomplete { .. }) if rest == Rest::Comes => break,
                    // One byte and no more: the next true report may begin right behind it.
                    Err(_) => {
                        self.noise += 1;
                        1
                    }
                },
                None => match report::chunk(left) {
                    Ok(data) => {
                        let data = data.to_vec();
                        let ends = if data.len() < CHUNK_MAX { Ends::Whole } else { Ends::Full };
                        self.part(None, &data, Some(ends), now);
                        1 + data.len()
                    }
                    Err(true) if rest == Rest::Comes => break,
                    // Nothing marks a chunk: the digits in a broken one would pass for lengths.
                    Err(true) => {
                        self.noise += left.len();
                        if let Some(begun) = self.symbol.take() {
                            self.broken(&begun);
                        }
                        left.len()
                    }
                    Err(false) => {
                        // Zeros fill a report up.
                        self.noise += usize::from(left.first() != Some(&0));
                        1
                    }
                },
            };
            left = left.get(used..).unwrap_or_default();
        }
        self.received = left.to_vec();
    }

    /// A part of a symbol came; `more` says how it ends if no other part comes, `None` that it is the last.
    fn part(&mut self, aim: Option<[u8; 3]>, text: &[u8], more: Option<Ends>, now: Duration) {
        let mut begun = match self.symbol.take() {
            Some(begun) if begun.aim == aim => begun,
            other => {
                if let Some(cut) = other {
                    self.broken(&cut);
                }
                Begun { aim, text: Vec::new(), until: now, ends: Ends::Whole }
            }
        };
        begun.text.extend_from_slice(text);
        if TEXT_MAX < begun.text.len() {
            self.noise += begun.text.len();
            let text =
                format!("a code of more than {TEXT_MAX} bytes was dropped; no label holds so many, check the layout");
            self.report_noise();
            return self.events.push_back(Event::Fault { text });
        }
        match more {
            None => self.read(&begun),
            Some(ends) => {
                let wait = if ends == Ends::Broken { MORE } else { self.settings.idle };
                (begun.until, begun.ends) = (now.saturating_add(wait), ends);
                self.symbol = Some(begun);
            }
        }
    }

    fn read(&mut self, begun: &Begun) {
        let text = match self.settings.layout {
            Some(_) => begun.text.as_slice(),
            // Without fields a suffix stands behind the text, as on a serial line.
            None => {
                let text = begun.text.strip_suffix(b"\n").unwrap_or(&begun.text);
                text.strip_suffix(b"\r").unwrap_or(text)
            }
        };
        self.report_noise();
        let event = match begun.aim {
            // What the scanner says of itself, and how it took a command: no goods.
            Some([b']', b'X', b'0']) => return self.introduced(text),
            Some([b']', b'Z', b'6']) => return self.replied(text),
            Some(_) if self.settings.aim == AimMode::Absent => self.settings.aim.symbol(None, text),
            Some(sent) => {
                let aim = aim::split(&sent).map(|(aim, _)| aim);
                self.settings.aim.symbol(aim, text)
            }
            None => self.settings.aim.report(text),
        };
        self.events.push_back(event);
    }

    fn introduced(&mut self, text: &[u8]) {
        let line = |line: &[u8]| match host::introduction(line) {
            Some(("Product Name", model)) => Some(model.to_owned()),
            Some(_) | None => None,
        };
        let model = text.split(|byte| matches!(byte, b'\r' | b'\n')).find_map(line);
        self.model = model.unwrap_or_default();
    }

    fn replied(&mut self, text: &[u8]) {
        if self.asked.is_some() && host::replies(text).is_some() {
            self.ready();
        }
    }

    fn broken(&mut self, begun: &Begun) {
        self.noise += begun.text.len();
        self.report_noise();
        let text = "a code of several reports broke off and was not taken; scan it again".to_owned();
        self.events.push_back(Event::Fault { text });
    }

    fn ready(&mut self) {
        self.asked = None;
        self.report_noise();
        self.events.push_back(Event::Ready { model: self.model.clone() });
    }

    fn rest_lost(&self) -> Option<Duration> {
        (!self.received.is_empty()).then(|| self.heard.saturating_add(GAP))
    }

    /// Forgets what is pending and says so. A symbol of which nothing is missing was read.
    fn forget(&mut self) {
        self.noise += self.received.len();
        match self.symbol.take() {
            Some(begun) if begun.ends == Ends::Whole && self.received.is_empty() => self.read(&begun),
            Some(begun) => self.noise += begun.text.len(),
            None => (),
        }
        self.received.clear();
        self.out.clear();
        self.asked = None;
        self.report_noise();
    }

    fn report_noise(&mut self) {
        let bytes = std::mem::take(&mut self.noise);
        if 0 < bytes {
            self.events.push_back(Event::Noise { bytes });
        }
    }
}

/// Whether an incomplete report at the end can still be completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Comes,
    Lost,
}
