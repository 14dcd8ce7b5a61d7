//! What a scanner on a serial line can be told, and what it replies. Most understand nothing; three vendors have a few
//! bytes each.
//!
//! Sources: Honeywell Xenon 1900 and Voyager 1602g (menu commands, `SYN T CR`), Hand Held Products 7000; Datalogic
//! PowerScan and Magellan 800i reference guides; CipherLab 1663/1664 manual.

use std::time::Duration;

use crate::command::{Command, Signal, Unable};

/// Longest reply that is waited for; Honeywell's longest, to `REVINF.`, has some 400 bytes.
pub const REPLY_MAX: usize = 1024;

/// How long a scanner may take to say who it is.
pub const ANSWER: Duration = Duration::from_secs(1);

/// Pause between the beeps of a bad end: shorter, and they run into one.
const BEEPS_APART: Duration = Duration::from_millis(250);

/// How long a Datalogic scanner that was told "not on file" reads nothing, so that the person looks up.
const NOT_ON_FILE: Duration = Duration::from_secs(1);

/// Whose commands a scanner understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    Honeywell,
    Datalogic,
    CipherLab,
}

/// The words of Honeywell, once Hand Held Products. The trigger is heard in manual serial mode (`TRGMOD0.`).
pub mod honeywell {
    pub const TRIGGER_ON: &[u8] = b"\x16T\r";
    pub const TRIGGER_OFF: &[u8] = b"\x16U\r";
    pub const BEEP: &[u8] = b"\x16\x07\r";
    /// The menu command that asks for the model.
    pub const REVISION: &str = "REVINF.";

    /// A menu command, such as `TRGMOD0!`: with `.` it is kept in flash, with `!` until the power goes.
    pub fn menu(command: &str) -> Vec<u8> {
        [b"\x16M\r", command.as_bytes()].concat()
    }
}

/// The words of Datalogic, single bytes.
pub mod datalogic {
    pub const ENABLE: &[u8] = b"E";
    pub const DISABLE: &[u8] = b"D";
    pub const RESET: &[u8] = b"R";
    pub const GOOD_READ_BEEP: &[u8] = b"B";
    /// Sounds also where the beeper is switched off.
    pub const FORCE_BEEP: &[u8] = b"\x01";
    /// A long tone; the scanner then reads nothing until it is enabled.
    pub const NOT_ON_FILE: &[u8] = b"F";
    pub const TRIGGER_PULL: &[u8] = b"T";
    pub const TRIGGER_RELEASE: &[u8] = b"X";
    pub const IDENTIFY: &[u8] = b"i";
    pub const HEALTH: &[u8] = b"h";
    pub const STATISTICS: &[u8] = b"s";
}

/// The words of CipherLab.
pub mod cipherlab {
    pub const ENABLE: &[u8] = b"E";
    pub const DISABLE: &[u8] = b"D";
    pub const BEEP: &[u8] = b"#@////\r";
}

impl Host {
    pub(super) const WORDS: &'static [&'static str] = &["none", "honeywell", "datalogic", "cipherlab"];

    pub(crate) fn of(word: &str) -> Option<Host> {
        match word {
            "honeywell" => Some(Host::Honeywell),
            "datalogic" => Some(Host::Datalogic),
            "cipherlab" => Some(Host::CipherLab),
            _ => None,
        }
    }

    /// The question who it is, where there is one.
    pub(super) fn question(self) -> Option<Vec<u8>> {
        match self {
            Host::Honeywell => Some(honeywell::menu(honeywell::REVISION)),
            Host::Datalogic => Some(datalogic::IDENTIFY.to_vec()),
            Host::CipherLab => None,
        }
    }

    /// The bytes of a command, each with the time to wait before it. `reads` says whether the scanner is to read
    /// afterwards.
    ///
    /// # Errors
    /// [`Unable`] where the vendor has no bytes for it.
    pub(crate) fn words(self, command: &Command, reads: bool) -> Result<Vec<(Duration, &'static [u8])>, Unable> {
        let now = Duration::ZERO;
        let three = |beep| vec![(now, beep), (BEEPS_APART, beep), (BEEPS_APART * 2, beep)];
        Ok(match (self, command) {
            (Host::Honeywell, Command::Trigger { pulled: true }) => vec![(now, honeywell::TRIGGER_ON)],
            (Host::Honeywell, Command::Trigger { pulled: false }) => vec![(now, honeywell::TRIGGER_OFF)],
            (Host::Honeywell, Command::Signal(Signal::Good)) => vec![(now, honeywell::BEEP)],
            (Host::Honeywell, Command::Signal(Signal::Bad)) => three(honeywell::BEEP),
            (Host::Datalogic, Command::Trigger { pulled: true }) => vec![(now, datalogic::TRIGGER_PULL)],
            (Host::Datalogic, Command::Trigger { pulled: false }) => vec![(now, datalogic::TRIGGER_RELEASE)],
            (Host::Datalogic, Command::Signal(Signal::Good)) => vec![(now, datalogic::GOOD_READ_BEEP)],
            (Host::Datalogic, Command::Signal(Signal::Bad)) if reads => {
                vec![(now, datalogic::NOT_ON_FILE), (NOT_ON_FILE, datalogic::ENABLE)]
            }
            (Host::Datalogic, Command::Signal(Signal::Bad)) => vec![(now, datalogic::NOT_ON_FILE)],
            (Host::Datalogic, Command::Reading { on: true }) => vec![(now, datalogic::ENABLE)],
            (Host::Datalogic, Command::Reading { on: false }) => vec![(now, datalogic::DISABLE)],
            (Host::CipherLab, Command::Signal(Signal::Good)) => vec![(now, cipherlab::BEEP)],
            (Host::CipherLab, Command::Signal(Signal::Bad)) => three(cipherlab::BEEP),
            (Host::CipherLab, Command::Reading { on: true }) => vec![(now, cipherlab::ENABLE)],
            (Host::CipherLab, Command::Reading { on: false }) => vec![(now, cipherlab::DISABLE)],
            (Host::Honeywell, Command::Reading { .. })
            | (Host::CipherLab, Command::Trigger { .. })
            | (
                _,
                Command::AimLight { .. }
                | Command::Output { .. }
                | Command::Zero
                | Command::Tare
                | Command::ReadMemory { .. }
                | Command::WriteEpc { .. }
                | Command::Print { .. },
            ) => return Err(Unable),
        })
    }
}

/// How a Honeywell scanner took one part of a menu command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done, or answered.
    Ack,
    /// The value is out of range.
    Nak,
    /// It knows no such command.
    Enq,
}

impl Status {
    fn of(byte: u8) -> Option<Status> {
        match byte {
            0x06 => Some(Status::Ack),
            0x15 => Some(Status::Nak),
            0x05 => Some(Status::Enq),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Status::Ack => "ack",
            Status::Nak => "nak",
            Status::Enq => "enq",
        }
    }
}

/// Whether `line` ends as the reply to a Honeywell menu command does: with a status byte before the punctuation. No
/// label holds these bytes.
pub fn ends_reply(line: &[u8]) -> bool {
    matches!(line, [.., before, status, b'.' | b'!'] if before.is_ascii_graphic() && Status::of(*status).is_some())
}

/// The parts of the reply to a Honeywell menu command: the command as it came back, and its status. `None` when `line`
/// is no such reply.
pub fn replies(line: &[u8]) -> Option<Vec<(String, Status)>> {
    if !ends_reply(line) {
        return None;
    }
    let mut parts = Vec::new();
    let mut command = String::new();
    let mut bytes = line.iter();
    while let Some(&byte) = bytes.next() {
        match Status::of(byte) {
            Some(status) if !command.is_empty() => {
                parts.push((std::mem::take(&mut command), status));
                if !matches!(bytes.next(), Some(b'.' | b'!' | b',' | b';')) {
                    return None;
                }
            }
            None if matches!(byte, b' '..=b'~') => command.push(char::from(byte)),
            // The parts of a long reply come on lines of their own, what a scanner says of itself too.
            None if matches!(byte, b'\r' | b'\n') => command.clear(),
            Some(_) | None => return None,
        }
    }
    Some(parts)
}

/// A line of the answer to `REVINF.`: words, a colon, a blank and what stands there.
pub fn introduction(line: &[u8]) -> Option<(&str, &str)> {
    let (name, value) = std::str::from_utf8(line).ok()?.lines().next()?.split_once(": ")?;
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b' ';
    let sound = name.starts_with(|first: char| first.is_ascii_uppercase()) && name.len() <= 40;
    (sound && name.bytes().all(word)).then_some((name, value.trim()))
}

/// A reply of a Datalogic scanner, `01 02 text 03 04`, at the front of `bytes`: its text. `None` when another byte than
/// the next of such a reply came; `Some(None)` while it is under way.
pub fn framed(bytes: &[u8]) -> Option<Option<&[u8]>> {
    match bytes {
        [] | [1] => Some(None),
        [1, 2, text @ .., 3, 4] => Some(Some(text)),
        [1, 2, rest @ ..] => (rest.len() < REPLY_MAX).then_some(None),
        _ => None,
    }
}
