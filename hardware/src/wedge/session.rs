//! A session with one scanner that types: records in, symbols out. Times are those of the records, so that a busy
//! terminal takes nobody's typing for a scan.

use std::collections::VecDeque;
use std::time::Duration;

use crate::aim::AimMode;
use crate::device::Session;
use crate::event::Event;
use crate::wedge::keyboard::{Keyboard, Typed, key};
use crate::wedge::layout::Layout;
use crate::wedge::line::{Line, Pace, Terminator};
use crate::wedge::record::{
    LED_CAPSLOCK, PRESSED, RECORD, RELEASED, Record, RecordError, SYN_DROPPED, SYN_REPORT, kind,
};

/// Pause in the middle of a record after which the rest will not come: the kernel hands records over whole, so only a
/// pipe splits them.
pub const GAP: Duration = Duration::from_millis(100);

/// Longest text: the largest QR code holds 7089 characters.
const TEXT_MAX: usize = 8192;

/// What the scanner presses behind a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    Enter,
    Tab,
    EnterOrTab,
    /// Nothing: a pause ends it. An Enter does too.
    Pause,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub layout: Layout,
    pub ends: Ends,
    /// A key that stands for GS, beside Ctrl and `]`.
    pub gs_key: Option<u16>,
    pub pace: Pace,
    pub aim: AimMode,
}

impl Default for Settings {
    fn default() -> Self {
        let (layout, ends) = (Layout::Us, Ends::Enter);
        Self { layout, ends, gs_key: None, pace: Pace::default(), aim: AimMode::WhenSent }
    }
}

impl Settings {
    pub(crate) fn of(settings: &crate::settings::Settings) -> Settings {
        Settings {
            layout: Layout::of(&settings.text("layout")),
            ends: match settings.text("ends").as_str() {
                "tab" => Ends::Tab,
                "enter_or_tab" => Ends::EnterOrTab,
                "pause" => Ends::Pause,
                _ => Ends::Enter,
            },
            gs_key: settings.text("gs_key").strip_prefix('f').and_then(|number| key::function(number.parse().ok()?)),
            pace: Pace {
                min_len: settings.whole("min_len"),
                gap: Duration::from_millis(settings.whole("gap_ms")),
                idle: Duration::from_millis(settings.whole("idle_ms")),
            },
            aim: AimMode::of(&settings.text("aim")),
        }
    }
}

/// A session with one scanner. Holds part of a record, one line of at most [`TEXT_MAX`] bytes and a character, and the
/// events not yet polled.
#[derive(Clone, Debug)]
pub struct Wedge {
    settings: Settings,
    keyboard: Keyboard,
    closed: bool,
    received: Vec<u8>,
    /// When the last byte came.
    heard: Duration,
    line: Line,
    place: Place,
    /// Nothing was pressed since the link was opened.
    fresh: bool,
    noise: usize,
    events: VecDeque<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// What is typed is a line from its beginning.
    Line,
    /// The beginning of a line was missed: up to its end all is noise.
    Rest,
    /// The kernel's queue ran over: up to the next report nothing can be believed.
    Dropped,
}

impl Wedge {
    pub fn new(settings: Settings) -> Self {
        let keyboard = Keyboard::new(settings.layout, settings.gs_key);
        Self {
            settings,
            keyboard,
            closed: true,
            received: Vec::new(),
            heard: Duration::ZERO,
            line: Line::default(),
            place: Place::Line,
            fresh: true,
            noise: 0,
            events: VecDeque::new(),
        }
    }
}

impl Session for Wedge {
    /// The link was just opened. A keyboard cannot be asked, so it is ready at once and its model unknown.
    fn opened(&mut self, _now: Duration) {
        self.forget();
        self.keyboard = Keyboard::new(self.settings.layout, self.settings.gs_key);
        (self.closed, self.place, self.fresh) = (false, Place::Line, true);
        self.events.push_back(Event::Ready { model: String::new() });
    }

    /// Takes what the link just delivered, in any split.
    fn receive(&mut self, bytes: &[u8], now: Duration) {
        if self.closed || bytes.is_empty() {
            return;
        }
        if self.heard.saturating_add(GAP) <= now {
            self.drop_received();
        }
        self.heard = now;
        self.received.extend_from_slice(bytes);
        let received = std::mem::take(&mut self.received);
        let mut left = received.as_slice();
        while !left.is_empty() {
            let used = match Record::parse(left) {
                Ok(record) => {
                    self.heed(&record);
                    RECORD
                }
                Err(RecordError::Incomplete { .. }) => break,
                // One byte and no more: the next true record may begin right behind it.
                Err(_) => {
                    self.noise += 1;
                    1
                }
            };
            left = left.get(used..).unwrap_or_default();
        }
        self.received = left.to_vec();
        self.report_noise();
    }

    /// Ends what was typed when the pause behind it is over.
    fn tick(&mut self, now: Duration) {
        if self.closed {
            return;
        }
        if !self.received.is_empty() && self.heard.saturating_add(GAP) <= now {
            self.drop_received();
        }
        if self.pending() && self.heard.saturating_add(self.settings.pace.idle) <= now {
            self.pause();
        }
        self.report_noise();
    }

    /// A keyboard is sent nothing.
    fn transmit(&mut self) -> Option<Vec<u8>> {
        None
    }

    /// The next event; call until `None` after each of the calls above.
    fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call `tick` if nothing arrives.
    fn wake(&self) -> Option<Duration> {
        let rest = (!self.received.is_empty()).then(|| self.heard.saturating_add(GAP));
        let pause = self.pending().then(|| self.heard.saturating_add(self.settings.pace.idle));
        rest.into_iter().chain(pause).min()
    }

    /// A keyboard has nothing to end: what is pending is noise and the session is over at once.
    fn close(&mut self, _now: Duration) {
        self.forget();
        self.closed = true;
    }

    fn closed(&self) -> bool {
        self.closed
    }
}

impl Wedge {
    fn pending(&self) -> bool {
        0 < self.line.strokes || self.place == Place::Rest
    }

    fn heed(&mut self, record: &Record) {
        self.line.bytes += RECORD;
        match (record.kind, record.code) {
            (kind::SYN, SYN_DROPPED) => {
                self.drop_line();
                self.keyboard.release_all();
                self.place = Place::Dropped;
                let text = "keys were lost because the terminal was too busy; scan the last code again".to_owned();
                self.report_noise();
                self.events.push_back(Event::Fault { text });
            }
            (kind::SYN, SYN_REPORT) if self.place == Place::Dropped => self.miss(record.at),
            (kind::LED, LED_CAPSLOCK) => self.keyboard.set_caps_lock(record.value != 0),
            (kind::KEY, code) if self.place != Place::Dropped => self.key(code, record.value, record.at),
            _ => (),
        }
        if !self.pending() {
            self.line.bytes = 0;
        }
    }

    fn key(&mut self, code: u16, value: i32, at: Duration) {
        let beyond = |last: Duration| last.saturating_add(self.settings.pace.idle) < at;
        if self.pending() && beyond(self.line.last) {
            self.pause();
        }
        // The release of a key that nobody pressed: the link was opened in the middle of a code.
        let ends = matches!(code, key::ENTER | key::KEYPAD_ENTER | key::TAB) || Keyboard::modifies(code);
        if self.fresh && value == RELEASED && !ends {
            self.miss(at);
        }
        self.fresh &= value != PRESSED || Keyboard::modifies(code);
        match self.keyboard.key(code, value) {
            Typed::Nothing => (),
            Typed::Character(character) => self.typed(&[character], at),
            Typed::Characters(accent, character) => self.typed(&[accent, character], at),
            Typed::Unknown(code) => {
                self.line.stroke(at);
                self.line.unknown.get_or_insert(code);
            }
            Typed::Enter => match self.settings.ends {
                Ends::Enter | Ends::EnterOrTab | Ends::Pause => self.end(Terminator::Enter, at),
                Ends::Tab => self.typed(&['\r'], at),
            },
            Typed::Tab => match self.settings.ends {
                Ends::Tab | Ends::EnterOrTab => self.end(Terminator::Tab, at),
                Ends::Enter | Ends::Pause => self.typed(&['\t'], at),
            },
        }
    }

    fn typed(&mut self, characters: &[char], at: Duration) {
        self.line.stroke(at);
        match self.place {
            Place::Line => characters.iter().for_each(|&character| self.line.push(character)),
            Place::Rest | Place::Dropped => (),
        }
        if TEXT_MAX < self.line.text.len() {
            self.miss(at);
            let text =
                format!("more than {TEXT_MAX} characters were typed without an end; check the suffix of the scanner");
            self.report_noise();
            self.events.push_back(Event::Fault { text });
        }
    }

    fn end(&mut self, terminator: Terminator, at: Duration) {
        self.line.stroke(at);
        self.line.terminator = Some(terminator);
        self.finish();
    }

    /// Nothing came for a while.
    fn pause(&mut self) {
        match self.settings.ends {
            Ends::Pause => self.finish(),
            Ends::Enter | Ends::Tab | Ends::EnterOrTab => self.drop_line(),
        }
    }

    /// What was typed is over: a code, or noise.
    fn finish(&mut self) {
        let line = std::mem::take(&mut self.line);
        let whole = std::mem::replace(&mut self.place, Place::Line) == Place::Line;
        if !whole || !line.is_scan(&self.settings.pace) {
            // An Enter alone is the end of nothing.
            self.noise += if whole && line.characters == 0 { 0 } else { line.bytes };
            return;
        }
        self.report_noise();
        let event = match line.unknown {
            None => self.settings.aim.report(&line.text),
            Some(code) => {
                self.noise += line.bytes;
                let text = format!(
                    "a code was not taken: among its keys is number {code}, which stands for no character; set gs_key if the \
                     scanner means GS by it, or layout to the country of the scanner"
                );
                Event::Fault { text }
            }
        };
        self.events.push_back(event);
    }

    /// The beginning of a line was missed.
    fn miss(&mut self, at: Duration) {
        self.drop_line();
        self.place = Place::Rest;
        self.line.last = at;
    }

    fn drop_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        self.place = Place::Line;
        self.noise += line.bytes;
    }

    fn drop_received(&mut self) {
        self.noise += std::mem::take(&mut self.received).len();
    }

    /// Forgets what is pending and says so.
    fn forget(&mut self) {
        if self.pending() {
            self.drop_line();
        }
        self.line = Line::default();
        self.drop_received();
        self.report_noise();
    }

    fn report_noise(&mut self) {
        let bytes = std::mem::take(&mut self.noise);
        if 0 < bytes {
            self.events.push_back(Event::Noise { bytes });
        }
    }
}
