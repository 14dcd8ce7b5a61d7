//! A simulated scanner in keyboard mode: the events of its keys as the kernel reports them.

use std::collections::VecDeque;
use std::time::Duration;

use crate::event::Aim;
use crate::simulator::Played;
use crate::simulator::outbox::Outbox;
use crate::simulator::script::{Act, Presentation, Script, SentWhat, Stage};
use crate::wedge::keyboard::{key, keypad_key};
use crate::wedge::layout::{Layout, Level, Stroke};
use crate::wedge::record::{MSC_SCAN, PRESSED, RELEASED, Record, SYN_REPORT, kind};
use crate::wedge::session::Ends;

/// The kernel's clock when the link was opened for the first time: some day in 2026.
const EPOCH: Duration = Duration::from_secs(1_767_225_600);

/// Pause behind a code and behind what a hand typed: longer than the one that ends a line.
const PAUSE: Duration = Duration::from_millis(150);

/// How the simulated scanner is set.
#[derive(Clone, Debug)]
pub struct Settings {
    pub layout: Layout,
    pub ends: Ends,
    pub gs_key: Option<u16>,
    /// Types each character as Alt and its number on the keypad.
    pub numbers: bool,
    /// CapsLock is on, and the scanner types the other case.
    pub caps_lock: bool,
    /// Pause between two codes.
    pub pause: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            layout: Layout::Us,
            ends: Ends::Enter,
            gs_key: None,
            numbers: false,
            caps_lock: false,
            pause: Duration::from_millis(30),
        }
    }
}

/// A simulated scanner.
#[derive(Clone, Debug)]
pub struct Scanner {
    settings: Settings,
    stage: Stage,
    outbox: Outbox,
    /// Keys to come, and what their last completes.
    typing: VecDeque<(Duration, Vec<u8>, Option<SentWhat>)>,
    /// The link is cut behind the keys to come.
    cuts: bool,
    ready: Duration,
    locked: bool,
}

impl Scanner {
    pub fn new(settings: Settings, script: Script, seed: u64) -> Self {
        Self {
            settings,
            stage: Stage::new(script, seed),
            outbox: Outbox::default(),
            typing: VecDeque::new(),
            cuts: false,
            ready: Duration::ZERO,
            locked: false,
        }
    }

    /// A scanner that a session with these settings understands.
    pub fn set(settings: &crate::settings::Settings, script: Script, seed: u64) -> Self {
        let idle = Duration::from_millis(settings.whole("idle_ms"));
        let session = crate::wedge::session::Settings::of(settings);
        let own = Settings {
            layout: session.layout,
            ends: session.ends,
            gs_key: session.gs_key,
            pause: idle + Duration::from_millis(50),
            ..Settings::default()
        };
        Self::new(own, script, seed)
    }
}

impl Played for Scanner {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn ends(&mut self) -> (&mut Stage, &mut Outbox) {
        (&mut self.stage, &mut self.outbox)
    }

    fn opened(&mut self, now: Duration) {
        self.stop();
        (self.ready, self.locked) = (now, false);
        self.stage.opened(now);
        self.tick(now);
    }

    fn disconnected(&mut self, now: Duration) {
        self.tick(now);
        self.stop();
        self.stage.cut();
    }

    /// A keyboard hears nothing.
    fn receive(&mut self, _bytes: &[u8], now: Duration) {
        self.tick(now);
    }

    fn tick(&mut self, now: Duration) {
        loop {
            while self.typing.front().is_some_and(|(at, ..)| *at <= now) {
                let Some((at, bytes, what)) = self.typing.pop_front() else { break };
                match what {
                    Some(what) => self.outbox.say_logged(bytes, at, what),
                    None => self.outbox.say(bytes),
                }
            }
            if !self.typing.is_empty() {
                return;
            }
            if std::mem::take(&mut self.cuts) {
                self.outbox.cut(now);
                self.stage.cut();
                return;
            }
            if now < self.ready {
                return;
            }
            let Some(act) = self.stage.next(now) else { return };
            match act {
                Act::Symbol { aim, bytes } => self.scan(aim, bytes, now),
                Act::Garbage { bytes } => self.disturb(bytes, now),
                Act::Disconnect => self.outbox.cut(now),
                Act::Card { .. } | Act::Weight(_) | Act::Climate(_) | Act::Contact(_) => (),
            }
        }
    }

    fn wake(&self) -> Option<Duration> {
        let typing = self.typing.front().map(|(at, ..)| *at);
        let stage = self.stage.wake().map(|wake| wake.max(self.ready));
        typing.into_iter().chain(stage).min()
    }

    fn finished(&self, now: Duration) -> bool {
        self.stage.finished(now) && self.typing.is_empty()
    }
}

impl Scanner {
    fn stop(&mut self) {
        self.typing.clear();
        self.outbox.clear();
        self.cuts = false;
    }

    /// Types a code. One with a character that no key gives cannot be typed, and nothing is handed over.
    fn scan(&mut self, aim: Option<Aim>, bytes: Vec<u8>, now: Duration) {
        let head = aim.map(|aim| [']', char::from(aim.code), char::from(aim.modifier)]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut keys: Vec<Vec<u8>> = Vec::new();
        let mut at = now;
        if self.settings.caps_lock && !self.locked {
            self.locked = true;
            keys.push(press(at, &[], key::CAPS_LOCK));
        }
        for character in head.into_iter().flatten().chain(text.chars()) {
            at += Duration::from_millis(2 + self.stage.random.below(9));
            let Some(strokes) = self.strokes(character, at) else { return };
            keys.push(strokes);
        }
        at += Duration::from_millis(5);
        keys.push(match self.settings.ends {
            Ends::Enter | Ends::EnterOrTab => press(at, &[], key::ENTER),
            Ends::Tab => press(at, &[], key::TAB),
            Ends::Pause => Vec::new(),
        });
        if self.stage.take_truncation() {
            // A scanner breaks off in a code only when it is unplugged. The person scans again.
            keys.truncate(keys.len() / 2);
            self.cuts = true;
            let n = keys.iter().map(Vec::len).sum();
            self.queue(keys, now, SentWhat::Garbage { n });
            self.stage.show(Presentation::Symbol { aim, bytes }, now);
            return;
        }
        self.queue(keys, now, SentWhat::Symbol { bytes });
        let pause =
            if self.settings.ends == Ends::Pause { PAUSE.max(self.settings.pause) } else { self.settings.pause };
        self.ready = at + pause;
    }

    /// Each item leaves at the time of its records.
    fn queue(&mut self, keys: Vec<Vec<u8>>, now: Duration, what: SentWhat) {
        let count = keys.len();
        for (number, bytes) in keys.into_iter().enumerate() {
            let at = Record::parse(&bytes).map_or(now, |record| record.at.saturating_sub(EPOCH));
            let what = (number + 1 == count).then(|| what.clone());
            self.typing.push_back((at, bytes, what));
        }
    }

    /// What a scanner sends by accident: a hand on the keys, other kinds of events, and bytes that are no record.
    fn disturb(&mut self, bytes: Vec<u8>, now: Duration) {
        let mut keys: Vec<Vec<u8>> = Vec::new();
        let mut at = now;
        match self.stage.random.below(3) {
            0 => {
                for byte in bytes.iter().take(12) {
                    at += Duration::from_millis(80 + self.stage.random.below(120));
                    keys.push(press(at, &[], 30 + u16::from(byte % 9)));
                }
            }
            1 => {
                for byte in &bytes {
                    let (kind, value) = (2 + u16::from(byte % 2), i32::from(*byte));
                    keys.push(Record { at: EPOCH + at, kind, code: 1, value }.encode().to_vec());
                }
            }
            _ => keys.push(bytes),
        }
        let n = keys.iter().map(Vec::len).sum();
        self.queue(keys, now, SentWhat::Garbage { n });
        self.ready = at + PAUSE;
    }

    /// The keys of one character.
    fn strokes(&self, character: char, at: Duration) -> Option<Vec<u8>> {
        let layout = self.settings.layout;
        if character == '\x1D'
            && let Some(gs_key) = self.settings.gs_key
        {
            return Some(press(at, &[], gs_key));
        }
        if self.settings.numbers {
            return number(character, at);
        }
        if character < ' ' {
            // Ctrl and the key of the letter or bracket 64 places on; a US key where this country has none.
            let letter = char::from(u8::try_from(character).ok()? + 64).to_ascii_lowercase();
            let shown = if letter.is_ascii_lowercase() { layout.stroke(letter) } else { Layout::Us.stroke(letter) }?;
            return match shown.level {
                Level::Plain => Some(press(at, &[key::LEFT_CTRL], shown.code)),
                Level::Shift => Some(press(at, &[key::LEFT_CTRL, key::LEFT_SHIFT], shown.code)),
                Level::AltGr => None,
            };
        }
        let Some(mut stroke) = layout.stroke(character) else { return number(character, at) };
        if self.locked && character.is_alphabetic() {
            stroke = self.other_case(stroke, character);
        }
        let held: &[u16] = match stroke.level {
            Level::Plain => &[],
            Level::Shift => &[key::RIGHT_SHIFT],
            Level::AltGr => &[key::ALT_GR],
        };
        let mut records = press(at, held, stroke.code);
        if layout.dead(stroke) {
            records.extend(press(at, &[], 57));
        }
        Some(records)
    }

    /// With CapsLock on, the key with Shift gives the small letter.
    fn other_case(&self, stroke: Stroke, character: char) -> Stroke {
        let lower = character.is_lowercase();
        let level = match stroke.level {
            Level::Plain => Level::Shift,
            Level::Shift => Level::Plain,
            Level::AltGr => return stroke,
        };
        let other = Stroke { code: stroke.code, level };
        let turned = self.settings.layout.character(other).is_some_and(|other| {
            let mut upper = if lower { character.to_uppercase() } else { other.to_uppercase() };
            upper.next() == Some(if lower { other } else { character })
        });
        if turned { other } else { stroke }
    }
}

/// Alt and the number of a character on the keypad; `None` past 255.
fn number(character: char, at: Duration) -> Option<Vec<u8>> {
    let number = u8::try_from(u32::from(character)).ok()?;
    let mut records = key_event(at, key::LEFT_ALT, PRESSED);
    for digit in format!("0{number:03}").bytes() {
        records.extend(press(at, &[], keypad_key(digit)?));
    }
    records.extend(key_event(at, key::LEFT_ALT, RELEASED));
    Some(records)
}

/// A key pressed and released while others are held.
fn press(at: Duration, held: &[u16], code: u16) -> Vec<u8> {
    let mut records = Vec::new();
    for key in held {
        records.extend(key_event(at, *key, PRESSED));
    }
    records.extend(key_event(at, code, PRESSED));
    let after = at + Duration::from_millis(1);
    records.extend(key_event(after, code, RELEASED));
    for key in held.iter().rev() {
        records.extend(key_event(after, *key, RELEASED));
    }
    records
}

/// One key event as a driver reports it: the number of the HID usage, the key, and the end of the report.
fn key_event(at: Duration, code: u16, value: i32) -> Vec<u8> {
    let at = EPOCH + at;
    let usage = 0x0007_0000 + i32::from(code);
    let records = [
        Record { at, kind: kind::MSC, code: MSC_SCAN, value: usage },
        Record { at, kind: kind::KEY, code, value },
        Record { at, kind: kind::SYN, code: SYN_REPORT, value: 0 },
    ];
    records.iter().flat_map(Record::encode).collect()
}
