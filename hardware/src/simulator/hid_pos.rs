//! A simulated USB scanner in HID point-of-sale mode.

use std::time::Duration;

use crate::event::Aim;
use crate::hid_pos::report::{self, CHUNK_MAX, HONEYWELL, Layout};
use crate::scanner::host::honeywell;
use crate::simulator::Played;
use crate::simulator::outbox::Outbox;
use crate::simulator::script::{Act, Presentation, Script, SentWhat, Stage};

/// How the simulated scanner is set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `None`: chunks of a length and text.
    pub layout: Option<Layout>,
    /// Behind each text in chunks.
    pub suffix: Vec<u8>,
    /// Answers and obeys the commands of Honeywell.
    pub commands: bool,
    /// Hands reports over glued and split at seeded places, as no hidraw does.
    pub split: bool,
    /// Pause between two symbols; in chunks only a pause ends one.
    pub pause: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            layout: Some(HONEYWELL),
            suffix: Vec::new(),
            commands: false,
            split: false,
            pause: Duration::from_millis(150),
        }
    }
}

/// A simulated scanner.
#[derive(Clone, Debug)]
pub struct Scanner {
    settings: Settings,
    stage: Stage,
    outbox: Outbox,
    ready: Duration,
    obeyed: Vec<Vec<u8>>,
}

/// Commands that are remembered.
const OBEYED_MAX: usize = 1000;

impl Scanner {
    pub fn new(settings: Settings, script: Script, seed: u64) -> Self {
        let stage = Stage::new(script, seed);
        Self { settings, stage, outbox: Outbox::default(), ready: Duration::ZERO, obeyed: Vec::new() }
    }

    /// A scanner that a session with these settings understands.
    pub fn set(settings: &crate::settings::Settings, script: Script, seed: u64) -> Self {
        let idle = Duration::from_millis(settings.whole("idle_ms"));
        let own = Settings {
            // A layout that cannot be gives no session either; then it does not matter what is sent.
            layout: crate::hid_pos::layout(settings).unwrap_or(Some(HONEYWELL)),
            commands: settings.text("commands") == "honeywell",
            pause: idle + Duration::from_millis(50),
            ..Settings::default()
        };
        Self::new(own, script, seed)
    }

    /// The output reports that it understood, oldest first.
    pub fn obeyed(&self) -> &[Vec<u8>] {
        &self.obeyed
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
        self.outbox.clear();
        self.ready = now;
        self.stage.opened(now);
        self.tick(now);
    }

    /// Takes one output report a call, as hidraw does.
    fn receive(&mut self, bytes: &[u8], now: Duration) {
        let word = bytes.get(2..).unwrap_or_default();
        if self.settings.commands && !self.stage.silent(now) && bytes == report::output(word) {
            if self.obeyed.len() == OBEYED_MAX {
                self.obeyed.clear();
            }
            self.obeyed.push(bytes.to_vec());
            if word == honeywell::menu(honeywell::REVISION) {
                let about = b"Product Name: Voyager 1602g\r\nBoot Revision: : 8992\r\n\
                    Software Part Number: CW00082BBA\r\nSerial Number: 15232B1F0C\r\n";
                let reports =
                    [self.packets(Some(*b"]X0"), about, b'?'), self.packets(Some(*b"]Z6"), b"REVINF\x06.", b'6')];
                reports.concat().into_iter().for_each(|report| self.outbox.say(report));
            }
        }
        self.tick(now);
    }

    fn tick(&mut self, now: Duration) {
        while self.ready <= now {
            let Some(act) = self.stage.next(now) else { return };
            match act {
                Act::Symbol { aim, bytes } => {
                    if self.stage.take_truncation() {
                        self.break_off(aim, bytes, now);
                        return;
                    }
                    self.say(aim, bytes, now);
                    self.ready = now.saturating_add(self.settings.pause);
                }
                Act::Garbage { bytes } => {
                    // Where a length may begin a chunk noise cannot be told from text: only bytes that are none.
                    let foreign = |byte| if self.settings.layout.is_none() { byte | 0x80 } else { byte };
                    let bytes: Vec<u8> = bytes.into_iter().map(foreign).collect();
                    let n = bytes.len();
                    self.outbox.say_logged(bytes, now, SentWhat::Garbage { n });
                }
                Act::Disconnect => self.outbox.cut(now),
                Act::Card { .. } | Act::Weight(_) | Act::Climate(_) | Act::Contact(_) => (),
            }
        }
    }

    fn wake(&self) -> Option<Duration> {
        self.stage.wake().map(|wake| wake.max(self.ready))
    }
}

impl Scanner {
    /// The reports of one text.
    fn packets(&self, aim: Option<[u8; 3]>, text: &[u8], code_id: u8) -> Vec<Vec<u8>> {
        let Some(layout) = self.settings.layout else {
            let aim = aim.as_ref().map_or(&[][..], |aim| aim);
            let text = [aim, text, &self.settings.suffix].concat();
            let packet = |chunk: &[u8]| {
                let mut report = vec![u8::try_from(chunk.len()).unwrap_or(0)];
                report.extend_from_slice(chunk);
                report.resize(1 + CHUNK_MAX, 0);
                report
            };
            return text.chunks(CHUNK_MAX).map(packet).collect();
        };
        // Without a field of its own the identifier stands before the text.
        let text = match (layout.aim_at, aim) {
            (None, Some(aim)) => [&aim, text].concat(),
            (_, _) => text.to_vec(),
        };
        let count = text.len().div_ceil(layout.data_bytes);
        let packet = |(number, part): (usize, &[u8])| layout.encode(aim, part, number + 1 < count, code_id);
        text.chunks(layout.data_bytes).enumerate().map(packet).collect()
    }

    fn symbol(&self, aim: Option<Aim>, text: &[u8]) -> Vec<Vec<u8>> {
        self.packets(aim.map(|aim| [b']', aim.code, aim.modifier]), text, b'j')
    }

    fn say(&mut self, aim: Option<Aim>, bytes: Vec<u8>, now: Duration) {
        let mut reports = self.symbol(aim, &bytes);
        if self.settings.split {
            let whole = reports.concat();
            reports = Vec::new();
            let mut rest = whole.as_slice();
            while !rest.is_empty() {
                let most = u64::try_from(rest.len()).unwrap_or(u64::MAX);
                let length = 1 + usize::try_from(self.stage.random.below(most)).unwrap_or(0);
                let (part, behind) = rest.split_at(length.min(rest.len()));
                reports.push(part.to_vec());
                rest = behind;
            }
        }
        let Some(last) = reports.pop() else { return };
        reports.into_iter().for_each(|report| self.outbox.say(report));
        self.outbox.say_logged(last, now, SentWhat::Symbol { bytes });
    }

    /// A scanner breaks off in a code only when it is unplugged. The person scans again.
    fn break_off(&mut self, aim: Option<Aim>, bytes: Vec<u8>, now: Duration) {
        let whole = self.symbol(aim, &bytes).concat();
        // Half of the text, not of the zeros behind it.
        let most = if self.settings.layout.is_some() { whole.len() } else { whole.len().min(1 + bytes.len()) };
        // Nor behind a full chunk: without a word that more comes, what was sent by then is a whole code.
        let most = (most / 2).saturating_sub(usize::from((most / 2).is_multiple_of(1 + CHUNK_MAX)));
        let half = whole.get(..most).unwrap_or_default().to_vec();
        let n = half.len();
        self.outbox.say_logged(half, now, SentWhat::Garbage { n });
        self.outbox.cut(now);
        self.stage.cut();
        self.stage.show(Presentation::Symbol { aim, bytes }, now);
    }
}
