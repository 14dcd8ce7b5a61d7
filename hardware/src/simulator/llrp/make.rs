//! What kind of reader is simulated.

use std::time::Duration;

use crate::llrp::message::Parameter;
use crate::settings::Settings;

/// What kind of reader is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Make {
    /// Number of antennas, from 1.
    pub antennas: u16,
    /// Number of the antenna that nothing is plugged into; 0 for none.
    pub unplugged: u16,
    pub inputs: u16,
    pub outputs: u16,
    /// How a closed contact looks at an input.
    pub closed: Level,
    pub powers: Powers,
    pub region: Region,
    pub clock: Clock,
    pub speaks: Speaks,
    pub delivery: Delivery,
    pub vendor: Vendor,
    pub refuses: Refuses,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    High,
    Low,
}

/// The steps of its transmit power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Powers {
    /// Index 1 to 81 for 10.00 to 30.00 dBm.
    Even,
    /// A few, and their numbers leave gaps.
    Gaps,
}

/// Where it was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// Germany: four fixed channels.
    Europe,
    /// The United States: hops over fifty.
    America,
}

/// The reader's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Microseconds since 1970 at time zero of the caller's monotonic time; it may be wrong.
    Utc { origin_micros: u64 },
    /// The reader has no calendar: it counts from its start.
    UptimeOnly,
}

/// The highest version that the reader speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// LLRP 1.0.1: a 1.1 message gets M_UnsupportedVersion.
    One,
    /// LLRP 1.1.
    Two,
}

/// How the network cuts what the reader says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// One message at a time.
    Whole,
    /// Each message in seeded pieces.
    Split,
    /// Several messages in one piece.
    Glued,
    /// One byte at a time.
    Bytewise,
}

/// What the maker made of the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    Plain,
    /// Capabilities and each tag carry an unknown vendor's parameter.
    UnknownParameters,
    /// Extensions that a client must switch on for each connection, and signal strength in hundredths.
    Impinj,
    /// Capabilities carry a parameter that nobody asked for, reports may be empty.
    Zebra,
}

/// What it refuses although the standard has it, as real readers do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refuses {
    /// IMPINJ_ENABLE_EXTENSIONS.
    pub extensions: bool,
    /// Parameters of its own maker.
    pub customs: bool,
    /// A hop table or channel of the client's choice.
    pub channel: bool,
    /// Radio mode and receive sensitivity.
    pub modes: bool,
    pub filters: bool,
    pub start_by_input: bool,
    pub stop_by_input: bool,
    pub stop_by_time: bool,
    /// Any AntennaConfiguration.
    pub antennas: bool,
    /// GPIPortCurrentState.
    pub inputs: bool,
    /// ReaderEventNotificationSpec.
    pub events: bool,
    /// GET_READER_CONFIG.
    pub state: bool,
    /// ADD_ACCESSSPEC.
    pub access: bool,
}

impl Default for Make {
    /// Four antennas, inputs and outputs, a right clock at 2026-03-15T10:00:00Z, LLRP 1.0.1, whole messages.
    fn default() -> Make {
        Make {
            antennas: 4,
            unplugged: 0,
            inputs: 4,
            outputs: 4,
            closed: Level::High,
            powers: Powers::Even,
            region: Region::Europe,
            clock: Clock::Utc { origin_micros: 1_773_568_800_000_000 },
            speaks: Speaks::One,
            delivery: Delivery::Whole,
            vendor: Vendor::Plain,
            refuses: Refuses::default(),
        }
    }
}

impl Make {
    /// A reader that is wired as the settings of its client have it.
    pub fn of(settings: &Settings) -> Make {
        let closed = if settings.text("inputs") == "closed_is_low" { Level::Low } else { Level::High };
        Make { closed, ..Make::default() }
    }

    /// Index and 1/100 dBm of each step.
    pub(super) fn power_steps(self) -> Vec<(u16, i16)> {
        match self.powers {
            Powers::Even => (1u16..=81).map(|index| (index, 1000 + (index.cast_signed() - 1) * 25)).collect(),
            Powers::Gaps => vec![(3, 1000), (7, 1500), (20, 2000), (41, 2700), (60, 3000)],
        }
    }

    /// Frequencies in kHz.
    pub(super) fn channels(self) -> Vec<u32> {
        match self.region {
            Region::Europe => vec![865_700, 866_300, 866_900, 867_500],
            Region::America => (0..50).map(|channel| 902_750 + channel * 500).collect(),
        }
    }
}

/// Radio modes: identifier and bits per second.
pub(super) const MODES: [(u32, u32); 2] = [(1, 250_000), (4, 640_000)];

/// Steps of receive sensitivity: index and dB below the best.
pub(super) const SENSITIVITIES: [(u16, i16); 3] = [(1, 0), (2, 10), (5, 20)];

/// Choices by memory in one round.
pub(super) const FILTERS_MAX: usize = 2;

impl Clock {
    pub(super) fn micros(self, at: Duration) -> u64 {
        let since = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
        match self {
            Clock::Utc { origin_micros } => origin_micros.saturating_add(since),
            Clock::UptimeOnly => since,
        }
    }

    pub(super) fn stamp(self, at: Duration) -> Parameter {
        let name = match self {
            Clock::Utc { .. } => "UTCTimestamp",
            Clock::UptimeOnly => "Uptime",
        };
        Parameter::new(name).set("Microseconds", self.micros(at))
    }
}
