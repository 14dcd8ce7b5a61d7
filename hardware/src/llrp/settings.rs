//! How a door wants its LLRP reader to read.

use std::time::Duration;

/// Longest EPC memory that a Gen2 tag can have, in octets: 31 words.
pub(super) const EPC_MAX: usize = 62;

/// How a reader shall read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Numbers of the antennas that read, from 1; empty = all.
    pub antennas: Vec<u16>,
    /// Transmit power in dBm; the reader's next lower step is taken. `None` = as the reader is set.
    pub power_dbm: Option<i16>,
    /// The power of each of `antennas` in its order, in place of `power_dbm`; 0 = as set, empty = one for all.
    pub antenna_power_dbm: Vec<i16>,
    /// Decibels by which the receiver hears less than it could; the reader's next lower step is taken. 0 = as the
    /// reader is set.
    pub less_sensitive_db: i16,
    /// The one frequency to send on, where the region has fixed channels; `None` = the first.
    pub channel_khz: Option<u32>,
    pub mode: Mode,
    /// How long a tag that has answered stays quiet.
    pub session: InventorySession,
    pub search: Search,
    /// Tags expected in the field at once; the reader's anti-collision starts from it.
    pub tag_population: u16,
    /// Only tags whose EPC begins with one of these; empty = every tag.
    pub only: Vec<Vec<u8>>,
    /// When the reader reads.
    pub portal: Portal,
    pub inputs: Inputs,
    /// The outputs that say how an act ended.
    pub lamps: Lamps,
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

/// Which of its radio modes the reader uses; each trades speed for reach among noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Own,
    /// The one with the highest data rate from tag to reader.
    Fastest,
    /// The one with the lowest.
    Steadiest,
    /// The ModeIdentifier in the reader's own table.
    Number(u16),
}

/// How an Impinj reader goes about tags that have answered. Others have no such choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    Own,
    /// Each tag once, until its session lets it speak again.
    Single,
    /// Again and again.
    Dual,
    /// As single, and the tags are kept quiet for as long as they hear the reader.
    Suppressed,
}

/// When the reader reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Portal {
    Always,
    /// From when a photo-eye at input `start` is interrupted; until that at `stop` is, and at most for `lasts`.
    Eyes {
        start: u16,
        stop: Option<u16>,
        lasts: Duration,
    },
}

/// What the inputs of the reader mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inputs {
    /// They are not looked at, and their edges are not reported.
    Ignored,
    /// A high level is a closed contact.
    ClosedIsHigh,
    ClosedIsLow,
}

/// The outputs that say how an act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lamps {
    pub good: Option<u16>,
    pub bad: Option<u16>,
    pub lasts: Duration,
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
    pub(super) fn of(settings: &crate::settings::Settings) -> Result<Settings, String> {
        let power_dbm: i16 = settings.whole("power_dbm");
        let channel_khz: u32 = settings.whole("channel_khz");
        let line = |name| Some(settings.whole::<u16>(name)).filter(|line| *line != 0);
        let found = Settings {
            antennas: settings.wholes("antennas"),
            power_dbm: (power_dbm != 0).then_some(power_dbm),
            antenna_power_dbm: settings.wholes("antenna_power_dbm"),
            less_sensitive_db: settings.whole("less_sensitive_db"),
            channel_khz: (channel_khz != 0).then_some(channel_khz),
            mode: mode(&settings.text("reader_mode"))?,
            session: match settings.whole::<u8>("session") {
                0 => InventorySession::S0,
                1 => InventorySession::S1,
                2 => InventorySession::S2,
                _ => InventorySession::S3,
            },
            search: match settings.text("search").as_str() {
                "single" => Search::Single,
                "dual" => Search::Dual,
                "suppressed" => Search::Suppressed,
                _ => Search::Own,
            },
            tag_population: settings.whole("population"),
            only: settings.texts("only_epc_prefixes").iter().map(|text| prefix(text)).collect::<Result<_, _>>()?,
            portal: match (line("start_input"), line("stop_input")) {
                (None, None) => Portal::Always,
                (None, Some(_)) => return Err("`stop_input` is set without `start_input`: set both or none".into()),
                (Some(start), stop) => {
                    Portal::Eyes { start, stop, lasts: Duration::from_secs(settings.whole("read_at_most_s")) }
                }
            },
            inputs: match settings.text("inputs").as_str() {
                "closed_is_low" => Inputs::ClosedIsLow,
                "ignored" => Inputs::Ignored,
                _ => Inputs::ClosedIsHigh,
            },
            lamps: Lamps {
                good: line("good_output"),
                bad: line("bad_output"),
                lasts: Duration::from_millis(settings.whole("signal_ms")),
            },
            keepalive: Duration::from_secs(settings.whole("keepalive_s")),
            report_every: settings.whole("report_every"),
            hold: if settings.flag("hold") { Hold::UntilReconnect } else { Hold::No },
            version: if settings.text("version") == "1.1" { Version::TryTwo } else { Version::One },
        };
        let powers = found.antenna_power_dbm.len();
        if powers != 0 && powers != found.antennas.len() {
            let antennas = found.antennas.len();
            return Err(format!(
                "`antenna_power_dbm` names {powers} powers for {antennas} `antennas`: write one for each"
            ));
        }
        if found.portal != Portal::Always && found.inputs == Inputs::Ignored {
            return Err("`start_input` needs the inputs: set `inputs` to how a closed contact looks".into());
        }
        Ok(found)
    }

    /// The keepalive period in use: what is configured, but no shorter than a reader can be asked for.
    pub fn keepalive_period(&self) -> Duration {
        self.keepalive.max(Duration::from_secs(1))
    }

    /// The power wanted at the antenna with this number; 0 = all antennas.
    pub(super) fn power_at(&self, antenna: u16) -> Option<i16> {
        let place = self.antennas.iter().position(|other| *other == antenna);
        let own = place.and_then(|place| self.antenna_power_dbm.get(place));
        own.map_or(self.power_dbm, |power| Some(*power).filter(|power| *power != 0))
    }

    /// Whether tags with this EPC are wanted.
    pub(super) fn wants(&self, epc: &[u8]) -> bool {
        self.only.is_empty() || self.only.iter().any(|prefix| epc.starts_with(prefix))
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            antennas: Vec::new(),
            power_dbm: None,
            antenna_power_dbm: Vec::new(),
            less_sensitive_db: 0,
            channel_khz: None,
            mode: Mode::Own,
            session: InventorySession::S1,
            search: Search::Own,
            tag_population: 32,
            only: Vec::new(),
            portal: Portal::Always,
            inputs: Inputs::ClosedIsHigh,
            lamps: Lamps { good: None, bad: None, lasts: Duration::from_secs(1) },
            keepalive: Duration::from_secs(5),
            report_every: 1,
            hold: Hold::UntilReconnect,
            version: Version::One,
        }
    }
}

fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "" => Ok(Mode::Own),
        "fastest" => Ok(Mode::Fastest),
        "steadiest" => Ok(Mode::Steadiest),
        number => number.parse().map(Mode::Number).map_err(|_| {
            format!("`reader_mode` is \"{number}\": write \"fastest\", \"steadiest\", a mode's number or \"\"")
        }),
    }
}

fn prefix(text: &str) -> Result<Vec<u8>, String> {
    let wrong =
        || format!("`only_epc_prefixes` holds \"{text}\": write an even number of hex digits, at most {}", 2 * EPC_MAX);
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let digits: Vec<u8> = text.bytes().map(digit).collect::<Option<_>>().ok_or_else(wrong)?;
    let octets: Vec<u8> = digits.chunks(2).filter_map(|pair| Some(pair.first()? << 4 | pair.get(1)?)).collect();
    match octets.len() * 2 == digits.len() && (1..=EPC_MAX).contains(&octets.len()) {
        true => Ok(octets),
        false => Err(wrong()),
    }
}
