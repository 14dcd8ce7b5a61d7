//! How a door wants its LLRP reader to read.

use std::time::Duration;

/// How a reader shall read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Numbers of the antennas that read, from 1; empty = all.
    pub antennas: Vec<u16>,
    /// Transmit power in dBm; the reader's next lower step is taken. `None` = as the reader is set.
    pub power_dbm: Option<i16>,
    /// How long a tag that has answered stays quiet.
    pub session: InventorySession,
    /// Tags expected in the field at once; the reader's anti-collision starts from it.
    pub tag_population: u16,
    /// Time between signs of life of an idle reader, at least 1 s. After 2.5 times as long without a byte the session
    /// is lost.
    pub keepalive: Duration,
    /// Tags per report, at least 1; 1 is quickest. Above 1 what waits is fetched once a second.
    pub report_every: u16,
    /// Whether the reader keeps its reports while the link is down, where it can.
    pub hold: Hold,
    pub version: Version,
}

/// The inventory session of the Gen2 air protocol: after its answer a tag is quiet until the next round (S0), for
/// 0.5 to 5 s (S1), or for 2 s and more beyond the field (S2, S3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InventorySession {
    S0,
    S1,
    S2,
    S3,
}

/// What the reader does with reports while no client is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    UntilReconnect,
    No,
}

/// The protocol version to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// LLRP 1.0.1, which every reader speaks.
    One,
    /// LLRP 1.1 where the reader offers it, else 1.0.1.
    TryTwo,
}

impl Settings {
    pub(super) fn of(settings: &crate::settings::Settings) -> Settings {
        let power_dbm: i16 = settings.whole("power_dbm");
        Settings {
            antennas: settings.wholes("antennas"),
            power_dbm: (power_dbm != 0).then_some(power_dbm),
            session: match settings.whole::<u8>("session") {
                0 => InventorySession::S0,
                1 => InventorySession::S1,
                2 => InventorySession::S2,
                _ => InventorySession::S3,
            },
            tag_population: settings.whole("population"),
            keepalive: Duration::from_secs(settings.whole("keepalive_s")),
            ..Settings::default()
        }
    }

    /// The keepalive period in use: what is configured, but no shorter than a reader can be asked for.
    pub fn keepalive_period(&self) -> Duration {
        self.keepalive.max(Duration::from_secs(1))
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            antennas: Vec::new(),
            power_dbm: None,
            session: InventorySession::S1,
            tag_population: 32,
            keepalive: Duration::from_secs(5),
            report_every: 1,
            hold: Hold::UntilReconnect,
            version: Version::One,
        }
    }
}
