//! A simulated serial scanner: prefix, AIM identifier, text, suffix.

use std::time::Duration;

use crate::scanner::host::{Host, cipherlab, datalogic, honeywell};
use crate::simulator::Played;
use crate::simulator::outbox::Outbox;
use crate::simulator::script::{Act, Presentation, Script, SentWhat, Stage};

/// How the simulated scanner is set.
#[derive(Clone, Debug)]
pub struct Settings {
    pub prefix: Vec<u8>,
    pub suffix: Vec<u8>,
    /// Sends the AIM identifier of the symbols that have one.
    pub aim: bool,
    /// Hands a message over in parts, split at seeded places.
    pub split: bool,
    /// Pause between two symbols, as a scanner needs to find the next one; a burst then takes its time.
    pub pause: Duration,
    /// Whose commands it understands.
    pub host: Option<Host>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { prefix: Vec::new(), suffix: b"\r".to_vec(), aim: true, split: false, pause: Duration::ZERO, host: None }
    }
}

/// A simulated scanner.
#[derive(Clone, Debug)]
pub struct Scanner {
    settings: Settings,
    stage: Stage,
    outbox: Outbox,
    /// When the scanner is ready for the next symbol.
    ready: Duration,
    /// The beginning of a command, at most [`WORD_MAX`] bytes.
    heard: Vec<u8>,
    /// Every command that was understood.
    obeyed: Vec<Vec<u8>>,
    /// Whether it was told to read nothing.
    disabled: bool,
}

/// Longest command: a menu command with several parts.
const WORD_MAX: usize = 256;

/// Commands that are remembered.
const OBEYED_MAX: usize = 1000;

impl Scanner {
    /// What it was told and understood, oldest first.
    pub fn obeyed(&self) -> &[Vec<u8>] {
        &self.obeyed
    }

    pub fn new(settings: Settings, script: Script, seed: u64) -> Self {
        Self {
            settings,
            stage: Stage::new(script, seed),
            outbox: Outbox::default(),
            ready: Duration::ZERO,
            heard: Vec::new(),
            obeyed: Vec::new(),
            disabled: false,
        }
    }

    /// A scanner that a session with these settings understands.
    pub fn set(settings: &crate::settings::Settings, script: Script, seed: u64) -> Self {
        let own = Settings {
            prefix: settings.text("prefix").into_bytes(),
            suffix: settings.texts("terminators").into_iter().next().unwrap_or_default().into_bytes(),
            aim: settings.text("aim") != "absent",
            host: Host::of(&settings.text("commands")),
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

    /// Somebody opened the port.
    fn opened(&mut self, now: Duration) {
        self.outbox.clear();
        self.heard.clear();
        (self.ready, self.disabled) = (now, false);
        self.stage.opened(now);
        self.tick(now);
    }

    /// Obeys the commands of its vendor; without one it understands nothing it is sent.
    fn receive(&mut self, bytes: &[u8], now: Duration) {
        if let Some(host) = self.settings.host.filter(|_| !self.stage.silent(now)) {
            for &byte in bytes {
                self.heard.push(byte);
                self.obey(host, now);
                if WORD_MAX < self.heard.len() {
                    self.heard.clear();
                }
            }
        }
        self.tick(now);
    }

    /// Presents what is due.
    fn tick(&mut self, now: Duration) {
        while self.ready <= now && !self.disabled {
            let Some(act) = self.stage.next(now) else {
                return;
            };
            match act {
                Act::Symbol { aim: symbol, bytes } => {
                    let aim = symbol.filter(|_| self.settings.aim).map(|aim| [b']', aim.code, aim.modifier]);
                    let aim = aim.as_ref().map_or(&[][..], |aim| aim);
                    let message = [&self.settings.prefix, aim, &bytes, &self.settings.suffix].concat();
                    if self.stage.take_truncation() {
                        // A scanner breaks off in a code only when its cable is pulled. The person scans again.
                        self.break_off(&message, now);
                        self.stage.show(Presentation::Symbol { aim: symbol, bytes }, now);
                        return;
                    }
                    self.say(&message, bytes, now);
                    self.ready = now.saturating_add(self.settings.pause);
                }
                Act::Card { .. } | Act::Weight(_) | Act::Climate(_) | Act::Contact(_) => (),
                Act::Garbage { bytes } => self.noise(bytes, now),
                Act::Disconnect => self.outbox.cut(now),
            }
        }
    }

    /// When to call `tick` if nothing arrives.
    fn wake(&self) -> Option<Duration> {
        self.stage.wake().map(|wake| wake.max(self.ready))
    }
}

impl Scanner {
    /// Acts on what was heard once it is a whole command.
    fn obey(&mut self, host: Host, now: Duration) {
        let word = self.heard.clone();
        let reply = match (host, word.as_slice()) {
            (Host::Honeywell, honeywell::TRIGGER_ON | honeywell::TRIGGER_OFF | honeywell::BEEP) => Vec::new(),
            (Host::Honeywell, [0x16, b'M', b'\r', menu @ .., b'.' | b'!']) => self.menu(menu),
            (Host::Datalogic, datalogic::IDENTIFY) => b"\x01\x02QuickScan QD2430 610038910\x03\x04".to_vec(),
            (Host::Datalogic, datalogic::HEALTH | datalogic::STATISTICS) => b"\x01\x02OK\x03\x04".to_vec(),
            (Host::Datalogic, datalogic::ENABLE | datalogic::RESET) | (Host::CipherLab, cipherlab::ENABLE) => {
                self.disabled = false;
                Vec::new()
            }
            (Host::Datalogic, datalogic::DISABLE | datalogic::NOT_ON_FILE) | (Host::CipherLab, cipherlab::DISABLE) => {
                self.disabled = true;
                Vec::new()
            }
            (Host::Datalogic, &[_]) | (Host::CipherLab, cipherlab::BEEP) => Vec::new(),
            (Host::Honeywell, [0x16, ..]) | (Host::CipherLab, [b'#', ..]) => return,
            _ => {
                self.heard.clear();
                return;
            }
        };
        self.heard.clear();
        if self.obeyed.len() == OBEYED_MAX {
            self.obeyed.clear();
        }
        self.obeyed.push(word);
        self.ready = self.ready.max(now);
        if !reply.is_empty() {
            self.outbox.say(reply);
        }
    }

    /// The reply to a menu command: what a Voyager 1602g says of itself, or that it knows no such command.
    fn menu(&mut self, command: &[u8]) -> Vec<u8> {
        let about: &[u8] = b"Product Name: Voyager 1602g\r\nBoot Revision: : 8992\r\n\
            Software Part Number: CW00082BBA\r\nSerial Number: 15232B1F0C\r\nSupported IF: Bluetooth\r\n";
        match command {
            b"REVINF" => [about, command, b"\x06."].concat(),
            _ => [command, b"\x05."].concat(),
        }
    }

    fn break_off(&mut self, message: &[u8], now: Duration) {
        let half = message.get(..message.len() / 2).unwrap_or(message).to_vec();
        let n = half.len();
        self.outbox.say_logged(half, now, SentWhat::Garbage { n });
        self.outbox.cut(now);
        self.stage.cut();
    }

    fn say(&mut self, message: &[u8], text: Vec<u8>, now: Duration) {
        let mut rest = message;
        while self.settings.split && 1 < rest.len() {
            let most = u64::try_from(rest.len()).unwrap_or(u64::MAX);
            let Ok(length) = usize::try_from(1 + self.stage.random.below(most)) else {
                break;
            };
            let Some((part, behind)) = rest.split_at_checked(length).filter(|(_, behind)| !behind.is_empty()) else {
                break;
            };
            self.outbox.say(part.to_vec());
            rest = behind;
        }
        self.outbox.say_logged(rest.to_vec(), now, SentWhat::Symbol { bytes: text });
    }

    /// Noise as a line makes it: it has no true end, yet an end is sent behind it, for otherwise it would stick to
    /// the next code and no reader on earth could part them.
    fn noise(&mut self, bytes: Vec<u8>, now: Duration) {
        let framing = [self.settings.prefix.as_slice(), &self.settings.suffix].concat();
        let foreign = bytes.into_iter().map(|byte| match framing.contains(&byte) || matches!(byte, b'\r' | b'\n') {
            true => 0x1A,
            false => byte,
        });
        let mut noise: Vec<u8> = foreign.collect();
        // One byte that no label holds, as a wrong speed gives in plenty.
        noise.push(0x1A);
        let n = noise.len();
        if self.settings.prefix.is_empty() {
            noise.extend_from_slice(&self.settings.suffix);
        }
        self.outbox.say_logged(noise, now, SentWhat::Garbage { n });
    }
}
