//! Simulated scales: one pan, six protocols.
//!
//! What is put on the pan swings before it comes to rest, and a weight that is wider than the display is too much. The log
//! names every weight that was sent, moving or not.

use std::time::Duration;

use crate::event::{Read, Steady, Weight, WeightUnit};
use crate::scale::exact::Amount;
use crate::scale::{lines, toledo_continuous};
use crate::settings::Settings;
use crate::simulator::Played;
use crate::simulator::outbox::Outbox;
use crate::simulator::script::{Act, Script, SentWhat, Stage};

/// Time between two weights of a scale that streams.
const STREAM: Duration = Duration::from_millis(50);

/// How long a load swings.
const SETTLES: Duration = Duration::from_millis(400);

/// Longest command that is listened to, in bytes; what is longer is noise.
const COMMAND_MAX: usize = 32;

/// The protocols that the scale can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    MtSics,
    And,
    Ohaus,
    Sbi,
    /// With the unit that it is built for.
    Toledo8217(WeightUnit),
    ToledoContinuous {
        checksum: bool,
    },
}

/// A simulated scale.
#[derive(Clone, Debug)]
pub struct Scale {
    protocol: Protocol,
    stage: Stage,
    outbox: Outbox,
    received: Vec<u8>,
    load: Load,
    /// When the next weight of the stream is due.
    stream: Option<Duration>,
    /// Streams from the moment it is switched on.
    streams: bool,
    echoes: bool,
}

/// What lies on the pan.
#[derive(Clone, Debug)]
struct Load {
    weight: Weight,
    settled: Duration,
    /// Subtracted, in digits of the weight.
    zero: i64,
    tare: i64,
}

impl Load {
    fn of(weight: Weight, settled: Duration) -> Load {
        Load { weight, settled, zero: 0, tare: 0 }
    }
}

/// What the display shows.
enum Display {
    Over,
    Under,
    Weight(Weight),
}

/// A balance with MT-SICS that a session with these settings understands.
pub fn mt_sics(settings: &Settings, script: Script, seed: u64) -> Scale {
    Scale::new(Protocol::MtSics, listens(settings), script, seed)
}

/// A balance of A&D.
pub fn and(settings: &Settings, script: Script, seed: u64) -> Scale {
    Scale::new(Protocol::And, listens(settings), script, seed)
}

/// A balance of OHAUS.
pub fn ohaus(settings: &Settings, script: Script, seed: u64) -> Scale {
    Scale::new(Protocol::Ohaus, listens(settings), script, seed)
}

/// A balance of Sartorius.
pub fn sbi(settings: &Settings, script: Script, seed: u64) -> Scale {
    Scale::new(Protocol::Sbi, listens(settings), script, seed)
}

/// A counter scale of the unit that is set.
pub fn toledo_8217(settings: &Settings, script: Script, seed: u64) -> Scale {
    let unit = WeightUnit::of_symbol(&settings.text("unit")).unwrap_or(WeightUnit::Kilogram);
    Scale::new(Protocol::Toledo8217(unit), false, script, seed)
}

/// An indicator with continuous output.
pub fn toledo_continuous(settings: &Settings, script: Script, seed: u64) -> Scale {
    Scale::new(Protocol::ToledoContinuous { checksum: settings.flag("checksum") }, true, script, seed)
}

fn listens(settings: &Settings) -> bool {
    settings.text("mode") == "listen"
}

impl Scale {
    fn new(protocol: Protocol, streams: bool, script: Script, seed: u64) -> Self {
        let unit = if let Protocol::Toledo8217(unit) = protocol { unit } else { WeightUnit::Gram };
        let nothing = Weight { digits: 0, places: 2, unit, steady: Steady::Yes, net: false, text: Vec::new() };
        Self {
            protocol,
            stage: Stage::new(script, seed),
            outbox: Outbox::default(),
            received: Vec::new(),
            load: Load::of(nothing, Duration::ZERO),
            stream: None,
            streams,
            echoes: false,
        }
    }
}

impl Played for Scale {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn ends(&mut self) -> (&mut Stage, &mut Outbox) {
        (&mut self.stage, &mut self.outbox)
    }

    fn opened(&mut self, now: Duration) {
        self.outbox.clear();
        self.received.clear();
        self.stage.opened(now);
        self.stream = self.streams.then_some(now);
        self.tick(now);
    }

    /// Takes what the host sent. What comes while the scale is silent is not heard.
    fn receive(&mut self, bytes: &[u8], now: Duration) {
        self.tick(now);
        if self.stage.silent(now) {
            self.received.clear();
            return;
        }
        for &byte in bytes {
            match self.protocol {
                Protocol::Toledo8217(_) | Protocol::ToledoContinuous { .. } => self.obey(&[byte], now),
                Protocol::MtSics | Protocol::And | Protocol::Ohaus | Protocol::Sbi if byte == b'\n' => {
                    let line = std::mem::take(&mut self.received);
                    self.obey(line.strip_suffix(b"\r").unwrap_or(&line), now);
                }
                Protocol::MtSics | Protocol::And | Protocol::Ohaus | Protocol::Sbi => {
                    if COMMAND_MAX < self.received.len() {
                        self.received.clear();
                    }
                    self.received.push(byte);
                }
            }
        }
    }

    fn tick(&mut self, now: Duration) {
        while let Some(act) = self.stage.next(now) {
            match act {
                Act::Weight(weight) => {
                    let weight = self.as_shown(weight);
                    let same = (weight.unit, weight.places) == (self.load.weight.unit, self.load.weight.places);
                    let (zero, tare) = if same { (self.load.zero, self.load.tare) } else { (0, 0) };
                    self.load = Load { zero, tare, ..Load::of(weight, now.saturating_add(SETTLES)) };
                }
                // A scale feels weights only.
                Act::Symbol { .. } | Act::Card { .. } | Act::Climate(_) | Act::Contact(_) => (),
                Act::Garbage { bytes } => {
                    let n = bytes.len();
                    self.outbox.say_logged(bytes, now, SentWhat::Garbage { n });
                }
                Act::Disconnect => {
                    self.stream = None;
                    self.outbox.cut(now);
                }
            }
        }
        if self.stream.is_some_and(|due| due <= now) && self.stage.linked() {
            if !self.stage.silent(now) {
                self.weigh(now);
            }
            self.stream = Some(now.saturating_add(STREAM));
        }
    }

    fn wake(&self) -> Option<Duration> {
        self.stage.wake().into_iter().chain(self.stream).min()
    }
}

impl Scale {
    /// A weight in a unit that this scale can show, exactly where that has at most nine places.
    fn as_shown(&self, weight: Weight) -> Weight {
        use WeightUnit::{Gram, Kilogram, Ounce, Pennyweight, Pound, Tonne, TroyOunce};
        let unit = match (self.protocol, weight.unit) {
            (Protocol::Toledo8217(unit), _) => unit,
            (
                Protocol::ToledoContinuous { .. },
                unit @ (Gram | Kilogram | Tonne | Pound | Ounce | TroyOunce | Pennyweight),
            ) => unit,
            (Protocol::ToledoContinuous { .. }, _) => Gram,
            (_, unit) => unit,
        };
        if unit == weight.unit {
            return weight;
        }
        let nanograms = i128::from(weight.digits) * i128::from(weight.unit.nanograms());
        let in_places = |places: u8| {
            let (above, below) = (nanograms * 10i128.pow(places.into()), 10i128.pow(weight.places.min(18).into()));
            let divisor = i128::from(unit.nanograms()) * below;
            (above / divisor, above % divisor == 0)
        };
        let places = (0..=9).find(|&places| in_places(places).1).unwrap_or(9);
        Weight { digits: i64::try_from(in_places(places).0).unwrap_or(0), places, unit, ..weight }
    }

    /// The widest number on the display.
    fn capacity(&self) -> i64 {
        match self.protocol {
            Protocol::MtSics | Protocol::Ohaus => 99_999_999,
            Protocol::And | Protocol::Sbi => 9_999_999,
            Protocol::Toledo8217(_) | Protocol::ToledoContinuous { .. } => 999_999,
        }
    }

    fn display(&mut self, now: Duration) -> Display {
        let swings = now < self.load.settled;
        let swing = if swings { 1 + i64::try_from(self.stage.random.below(9)).unwrap_or(0) } else { 0 };
        let Load { weight, zero, tare, .. } = &self.load;
        let digits = weight.digits.saturating_sub(*zero).saturating_sub(*tare).saturating_sub(swing);
        if self.capacity() < digits {
            return Display::Over;
        }
        if digits < -self.capacity() / 10 {
            return Display::Under;
        }
        let steady = if swings { Steady::No } else { weight.steady };
        Display::Weight(Weight { digits, steady, net: weight.net || *tare != 0, ..weight.clone() })
    }

    fn weigh(&mut self, now: Duration) {
        let display = self.display(now);
        let bytes = match self.protocol {
            Protocol::MtSics => mt_sics_line("S", &display),
            Protocol::And => and_line(&display),
            Protocol::Ohaus => ohaus_line(&display),
            Protocol::Sbi => sbi_line(&display),
            Protocol::Toledo8217(_) => toledo_8217_answer(&display),
            Protocol::ToledoContinuous { checksum } => continuous_frame(&display, self.load.tare, checksum),
        };
        if self.stage.take_truncation() {
            let half = bytes.get(..bytes.len() / 2).unwrap_or(&bytes).to_vec();
            let n = half.len();
            return self.outbox.say_logged(half, now, SentWhat::Garbage { n });
        }
        match display {
            // The 8217 sends no number while it moves.
            Display::Weight(weight)
                if !(matches!(self.protocol, Protocol::Toledo8217(_)) && weight.steady == Steady::No) =>
            {
                let text = lines::text(&bytes).to_vec();
                // Without a unit on the wire, or a legend, nobody can know these.
                let net = weight.net && !matches!(self.protocol, Protocol::MtSics | Protocol::And | Protocol::Sbi);
                self.outbox.say_logged(bytes, now, SentWhat::Report(Read::Weight(Weight { text, net, ..weight })));
            }
            Display::Over | Display::Under | Display::Weight(_) => self.outbox.say(bytes),
        }
    }

    fn obey(&mut self, command: &[u8], now: Duration) {
        match (self.protocol, command) {
            (Protocol::MtSics, b"S" | b"SI") | (Protocol::And, b"Q" | b"SI") | (Protocol::Ohaus, b"IP") => {
                self.stream = None;
                self.weigh(now);
            }
            (Protocol::Sbi, b"\x1bP") | (Protocol::Toledo8217(_), b"W") => self.weigh(now),
            (Protocol::MtSics | Protocol::And, b"SIR") | (Protocol::Ohaus, b"CP") => self.stream = Some(now),
            (Protocol::And, b"C") | (Protocol::Ohaus, b"0P") => self.stream = None,
            (Protocol::MtSics, b"I2") => self.say(b"I2 A \"XS204 Excellence 220.0000 g\"\r\n"),
            (Protocol::MtSics, b"I4") => self.say(b"I4 A \"0123456789\"\r\n"),
            (Protocol::MtSics, b"Z" | b"ZI" | b"T" | b"TI") if now < self.load.settled => {
                let name = String::from_utf8_lossy(command).into_owned();
                self.say(format!("{name} I\r\n").as_bytes());
            }
            (Protocol::Sbi, b"\x1bV") => self.zero(),
            (Protocol::Sbi, b"\x1bU" | b"\x1bT") => self.tare(),
            (Protocol::MtSics, b"Z") => {
                self.zero();
                self.say(b"Z A\r\n");
            }
            (Protocol::MtSics, b"T") => {
                self.tare();
                let tare = Weight { digits: self.load.tare, ..self.load.weight.clone() };
                let line = mt_sics_line("T", &Display::Weight(Weight { steady: Steady::Yes, ..tare }));
                self.say(&line);
            }
            (Protocol::MtSics, _) => self.say(b"ES\r\n"),
            (Protocol::Toledo8217(_), b"E") => {
                self.echoes = true;
                self.say(b"\x02E\r");
            }
            (Protocol::Toledo8217(_), b"F") => {
                self.echoes = false;
                self.say(b"\x02F\r");
            }
            (Protocol::Toledo8217(_), echo) if self.echoes => self.say(echo),
            (Protocol::And | Protocol::Ohaus | Protocol::Toledo8217(_) | Protocol::ToledoContinuous { .. }, b"Z") => {
                self.zero();
            }
            (Protocol::And | Protocol::Ohaus | Protocol::Toledo8217(_) | Protocol::ToledoContinuous { .. }, b"T") => {
                self.tare();
            }
            (Protocol::Ohaus, _) => self.say(b"ES\r\n"),
            (Protocol::And | Protocol::Sbi | Protocol::Toledo8217(_) | Protocol::ToledoContinuous { .. }, _) => (),
        }
    }

    fn zero(&mut self) {
        (self.load.zero, self.load.tare) = (self.load.weight.digits, 0);
    }

    fn tare(&mut self) {
        self.load.tare = self.load.weight.digits.saturating_sub(self.load.zero);
    }

    fn say(&mut self, bytes: &[u8]) {
        self.outbox.say(bytes.to_vec());
    }
}

fn mt_sics_line(command: &str, display: &Display) -> Vec<u8> {
    match display {
        Display::Over => format!("{command} +\r\n"),
        Display::Under => format!("{command} -\r\n"),
        Display::Weight(weight) => {
            let status = if weight.steady == Steady::Yes { "S" } else { "D" };
            format!("{command} {status} {:>10} {}\r\n", weight.amount().to_string(), weight.unit.symbol())
        }
    }
    .into_bytes()
}

/// A number of `width` digits and point, zeros in front.
fn padded(amount: Amount, width: usize) -> String {
    let Amount { digits, places } = amount;
    format!("{:0>width$}", Amount { digits: digits.saturating_abs(), places }.to_string())
}

fn sign(digits: i64) -> char {
    if digits < 0 { '-' } else { '+' }
}

fn and_line(display: &Display) -> Vec<u8> {
    match display {
        Display::Over => "OL,+9999999.  g\r\n".to_owned(),
        Display::Under => "OL,-9999999.  g\r\n".to_owned(),
        Display::Weight(weight) => {
            let header = if weight.steady == Steady::Yes { "ST" } else { "US" };
            let (sign, unit) = (sign(weight.digits), weight.unit.symbol());
            format!("{header},{sign}{}{unit:>3}\r\n", padded(weight.amount(), 8))
        }
    }
    .into_bytes()
}

fn ohaus_line(display: &Display) -> Vec<u8> {
    match display {
        Display::Over => "Err 8.3\r\n".to_owned(),
        Display::Under => "Err 8.4\r\n".to_owned(),
        Display::Weight(weight) => {
            let moving = if weight.steady == Steady::Yes { ' ' } else { '?' };
            let legend = if weight.net { 'N' } else { ' ' };
            format!("{:>9} {:<5}{moving}{legend}\r\n", weight.amount().to_string(), weight.unit.symbol())
        }
    }
    .into_bytes()
}

fn sbi_line(display: &Display) -> Vec<u8> {
    match display {
        Display::Over => "      H       \r\n".to_owned(),
        Display::Under => "      L       \r\n".to_owned(),
        Display::Weight(weight) => {
            let unit = if weight.steady == Steady::Yes { weight.unit.symbol() } else { "" };
            let Amount { digits, places } = weight.amount();
            let value = Amount { digits: digits.saturating_abs(), places }.to_string();
            format!("{}{value:>9} {unit:<3}\r\n", sign(digits))
        }
    }
    .into_bytes()
}

fn toledo_8217_answer(display: &Display) -> Vec<u8> {
    match display {
        Display::Weight(weight) if weight.steady == Steady::Yes && 0 <= weight.digits => {
            let net = if weight.net { "N" } else { "" };
            format!("\x02{}{net}\r", padded(weight.amount(), 6)).into_bytes()
        }
        Display::Weight(weight) if weight.steady == Steady::No => b"\x02?A\r".to_vec(),
        Display::Over => b"\x02?B\r".to_vec(),
        Display::Under | Display::Weight(_) => b"\x02?D\r".to_vec(),
    }
}

fn continuous_frame(display: &Display, tare: i64, checksum: bool) -> Vec<u8> {
    let (places, net, steady, unit, digits, out) = match display {
        Display::Over => (0, false, Steady::Yes, WeightUnit::Gram, 999_999, 4),
        Display::Under => (0, false, Steady::Yes, WeightUnit::Gram, -999_999, 4),
        Display::Weight(weight) => (weight.places, weight.net, weight.steady, weight.unit, weight.digits, 0),
    };
    let motion = if steady == Steady::No { 8 } else { 0 };
    let kilogram = if unit == WeightUnit::Kilogram { 16 } else { 0 };
    let other = match unit {
        WeightUnit::Gram => 1,
        WeightUnit::Tonne => 2,
        WeightUnit::Ounce => 3,
        WeightUnit::TroyOunce => 4,
        WeightUnit::Pennyweight => 5,
        _ => 0,
    };
    let a = 0x28 | (places.min(5) + 2);
    let b = 0x20 | u8::from(net) | if digits < 0 { 2 } else { 0 } | out | motion | kilogram;
    let mut frame = vec![0x02, a, b, 0x20 | other];
    frame
        .extend_from_slice(format!("{:06}{:06}\r", digits.unsigned_abs(), tare.unsigned_abs().min(999_999)).as_bytes());
    if checksum {
        frame.push(toledo_continuous::checksum(&frame));
    }
    frame
}
