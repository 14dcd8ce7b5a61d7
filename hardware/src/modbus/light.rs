//! A stack light on relays: which lamps burn when.

use std::time::Duration;

use crate::command::Signal;

/// Longest time that a buzzer sounds: people stop hearing one that sounds longer.
pub const BUZZER_MAX_MS: i64 = 2000;

/// Which relay is which lamp, from 1; `None`: there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub green: Option<u16>,
    /// Burns while the board is connected and neither green nor red does.
    pub amber: Option<u16>,
    pub red: Option<u16>,
    pub buzzer: Option<u16>,
    pub good_lasts: Duration,
    pub bad_lasts: Duration,
    pub buzzer_lasts: Duration,
}

impl Settings {
    pub(super) fn of(settings: &crate::settings::Settings) -> Settings {
        let line = |name| Some(settings.whole::<u16>(name)).filter(|&line| line != 0);
        let time = |name| Duration::from_millis(settings.whole(name));
        Settings {
            green: line("green"),
            amber: line("amber"),
            red: line("red"),
            buzzer: line("buzzer"),
            good_lasts: time("good_ms"),
            bad_lasts: time("bad_ms"),
            buzzer_lasts: time("buzzer_ms"),
        }
    }

    pub fn lines(&self) -> impl Iterator<Item = u16> {
        [self.green, self.amber, self.red, self.buzzer].into_iter().flatten()
    }
}

/// What the light shows.
#[derive(Clone, Debug)]
pub struct Light {
    settings: Settings,
    /// The signal that is shown, and until when.
    signal: Option<(Signal, Duration)>,
    buzzes_until: Option<Duration>,
}

impl Light {
    pub fn new(settings: Settings) -> Light {
        Light { settings, signal: None, buzzes_until: None }
    }

    /// Whether there is a lamp or a buzzer at all.
    pub fn exists(&self) -> bool {
        self.settings.lines().next().is_some()
    }

    pub fn show(&mut self, signal: Signal, now: Duration) {
        let Settings { good_lasts, bad_lasts, buzzer_lasts, .. } = self.settings;
        (self.signal, self.buzzes_until) = match signal {
            Signal::Good => (Some((signal, now.saturating_add(good_lasts))), None),
            Signal::Bad => (Some((signal, now.saturating_add(bad_lasts))), Some(now.saturating_add(buzzer_lasts))),
        };
    }

    /// Goes dark, amber too.
    pub fn lines_off(&self) -> impl Iterator<Item = (u16, bool)> {
        self.settings.lines().map(|line| (line, false))
    }

    /// How each line of the light is to stand at `now`. What goes off comes first, so that green and red never burn
    /// together.
    pub fn lines(&mut self, now: Duration) -> Vec<(u16, bool)> {
        self.signal = self.signal.filter(|&(_, until)| now < until);
        self.buzzes_until = self.buzzes_until.filter(|&until| now < until);
        let Settings { green, amber, red, buzzer, .. } = self.settings;
        let signal = self.signal.map(|(signal, _)| signal);
        let buzzes = self.buzzes_until.is_some();
        let wanted = [
            (green, signal == Some(Signal::Good)),
            (amber, signal.is_none()),
            (red, signal == Some(Signal::Bad)),
            (buzzer, buzzes),
        ];
        let mut lines: Vec<_> = wanted.into_iter().filter_map(|(line, on)| Some((line?, on))).collect();
        lines.sort_by_key(|&(_, on)| on);
        lines
    }

    /// When the lines change next.
    pub fn wake(&self) -> Option<Duration> {
        self.signal.map(|(_, until)| until).into_iter().chain(self.buzzes_until).min()
    }
}
