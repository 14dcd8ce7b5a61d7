//! What a decoder is told: its settings when the link opens, and what a station asks.

use std::time::Duration;

use crate::aim::AimMode;
use crate::command::{Command, Signal, Unable};
use crate::ssi::frame::opcode;

/// Beeps, by their number: two short high ones, and a slow warble.
const BEEP_GOOD: u8 = 0x01;
const BEEP_BAD: u8 = 0x15;

/// Parameters, by their number.
mod parameter {
    /// No beep when a parameter changes.
    pub const SILENT: u8 = 0xFF;
    pub const PACKETED: u8 = 0xEE;
    pub const CODE_ID: u8 = 0x2D;
    pub const TRIGGER: u8 = 0x8A;
    pub const ON: u8 = 0x01;
    pub const AIM: u8 = 0x01;
    pub const TRIGGER_HOST: u8 = 0x08;
}

/// How a decoder is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub aim: AimMode,
    /// The terminal pulls the trigger, not a hand.
    pub host_trigger: bool,
    /// Whether the decoder is told its settings.
    pub configure: bool,
    /// The same unmarked message within this time is a repetition.
    pub repeat: Duration,
}

impl Settings {
    pub(super) fn of(settings: &crate::settings::Settings) -> Settings {
        Settings {
            aim: AimMode::of(&settings.text("aim")),
            host_trigger: settings.text("trigger") == "host",
            configure: settings.flag("configure"),
            repeat: Duration::from_millis(settings.whole("repeat_ms")),
        }
    }

    /// What the decoder is told, without outlasting its power.
    pub(super) fn parameters(&self) -> Vec<u8> {
        let mut data = vec![parameter::SILENT, parameter::PACKETED, parameter::ON];
        if self.aim != AimMode::Absent {
            data.extend([parameter::CODE_ID, parameter::AIM]);
        }
        // How a hand triggers, by pulling or by presenting, the scanner knows itself.
        if self.host_trigger {
            data.extend([parameter::TRIGGER, parameter::TRIGGER_HOST]);
        }
        data
    }
}

/// The message that carries out `command`, and its byte of data where it has one.
///
/// # Errors
/// [`Unable`] for what no scanner does.
pub(super) fn order(command: &Command) -> Result<(u8, Option<u8>), Unable> {
    Ok(match command {
        Command::Trigger { pulled: true } => (opcode::START_SESSION, None),
        Command::Trigger { pulled: false } => (opcode::STOP_SESSION, None),
        Command::Signal(Signal::Good) => (opcode::BEEP, Some(BEEP_GOOD)),
        Command::Signal(Signal::Bad) => (opcode::BEEP, Some(BEEP_BAD)),
        Command::AimLight { on: true } => (opcode::AIM_ON, None),
        Command::AimLight { on: false } => (opcode::AIM_OFF, None),
        Command::Reading { on: true } => (opcode::SCAN_ENABLE, None),
        Command::Reading { on: false } => (opcode::SCAN_DISABLE, None),
        // The lamps of a scanner: a bit for each.
        Command::Output { line: line @ 1..=8, on, .. } => {
            let lamp = 1u8 << (line - 1);
            (if *on { opcode::LED_ON } else { opcode::LED_OFF }, Some(lamp))
        }
        Command::Output { .. }
        | Command::Zero
        | Command::Tare
        | Command::ReadMemory { .. }
        | Command::WriteEpc { .. }
        | Command::Print { .. } => return Err(Unable),
    })
}
