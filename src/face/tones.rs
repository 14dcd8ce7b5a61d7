//! Which state has which tone, sign and word: one table for chips, strips, tiles and timelines alike.

use maud::{Markup, html};

use crate::event::Reason;
use crate::face::signs::Sign;
use crate::face::words::Lang;

/// A family of colours in `tokens.css`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tone {
    /// Nothing to do.
    Mute,
    /// In progress, out with a known person, can be pressed.
    Accent,
    /// Done and true.
    Ok,
    /// Look.
    Warn,
    /// A person must say what it is.
    Ask,
    /// A person must act now. Nothing else is red.
    Stop,
}

impl Tone {
    pub const ALL: [Tone; 6] = [Tone::Mute, Tone::Accent, Tone::Ok, Tone::Warn, Tone::Ask, Tone::Stop];

    /// The value of `data-tone`.
    pub fn word(self) -> &'static str {
        match self {
            Tone::Mute => "mute",
            Tone::Accent => "accent",
            Tone::Ok => "ok",
            Tone::Warn => "warn",
            Tone::Ask => "ask",
            Tone::Stop => "stop",
        }
    }
}

/// A state that a chip can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    Stored,
    Out,
    DueSoon,
    Overdue,
    UnauthorisedExit,
    OnHold,
    Unplaced,
    Unregistered,
    Online,
    Offline,
    NeverSeen,
    Revoked,
    Alarm,
    Open,
    Settled,
    Corrected,
    Unproven,
    Watching,
    Trouble,
}

impl State {
    pub const ALL: [State; 19] = [
        State::Stored,
        State::Out,
        State::DueSoon,
        State::Overdue,
        State::UnauthorisedExit,
        State::OnHold,
        State::Unplaced,
        State::Unregistered,
        State::Online,
        State::Offline,
        State::NeverSeen,
        State::Revoked,
        State::Alarm,
        State::Open,
        State::Settled,
        State::Corrected,
        State::Unproven,
        State::Watching,
        State::Trouble,
    ];

    /// The word in message keys.
    pub fn word(self) -> &'static str {
        match self {
            State::Stored => "stored",
            State::Out => "out",
            State::DueSoon => "due_soon",
            State::Overdue => "overdue",
            State::UnauthorisedExit => "unauthorised_exit",
            State::OnHold => "on_hold",
            State::Unplaced => "unplaced",
            State::Unregistered => "unregistered",
            State::Online => "online",
            State::Offline => "offline",
            State::NeverSeen => "never_seen",
            State::Revoked => "revoked",
            State::Alarm => "alarm",
            State::Open => "open",
            State::Settled => "settled",
            State::Corrected => "corrected",
            State::Unproven => "unproven",
            State::Watching => "watching",
            State::Trouble => "trouble",
        }
    }

    /// Being out is normal, being late is not: `Out` is blue, `Overdue` red.
    pub fn tone(self) -> Tone {
        match self {
            State::Stored | State::Online | State::Settled | State::Watching => Tone::Ok,
            State::Out => Tone::Accent,
            State::DueSoon | State::Offline | State::Trouble | State::Open => Tone::Warn,
            State::Overdue | State::UnauthorisedExit | State::Alarm => Tone::Stop,
            State::OnHold | State::Unregistered => Tone::Ask,
            State::Unplaced | State::NeverSeen | State::Revoked | State::Corrected | State::Unproven => Tone::Mute,
        }
    }

    pub fn sign(self) -> Sign {
        match self {
            State::Stored | State::Online | State::Settled | State::Watching => Sign::Tick,
            State::Out => Sign::Out,
            State::DueSoon | State::Overdue => Sign::Clock,
            State::UnauthorisedExit | State::Alarm => Sign::Octagon,
            State::OnHold => Sign::Lock,
            State::Unregistered => Sign::Question,
            State::Unplaced | State::NeverSeen => Sign::Ring,
            State::Offline => Sign::NoLink,
            State::Revoked | State::Corrected => Sign::Cross,
            State::Open | State::Trouble => Sign::Triangle,
            State::Unproven => Sign::Seal,
        }
    }

    /// The state as a chip: colour, sign and word, any one of which is enough.
    pub fn chip(self, lang: Lang) -> Markup {
        chip(self.tone(), self.sign(), &lang.word("state", self.word()))
    }
}

/// A chip with a text of its own.
pub fn chip(tone: Tone, sign: Sign, text: &str) -> Markup {
    html! { span.chip data-tone=(tone.word()) { (sign.small()) (text) } }
}

/// The broken rules that a person must see at once.
pub const STOPS: [Reason; 3] = [Reason::NoPass, Reason::PassForAnother, Reason::OnHold];

/// How grave a broken rule is. `Stop` ones stand in the alarm strip until a person settles them.
pub fn of_reason(reason: Reason) -> Tone {
    match reason {
        Reason::NoPass | Reason::PassForAnother | Reason::OnHold => Tone::Stop,
        Reason::PassNotValidNow
        | Reason::PassUsedUp
        | Reason::NoCertificate
        | Reason::ClockUnset
        | Reason::ClockJumped
        | Reason::DataStale
        | Reason::NoPerson
        | Reason::WrongPlace
        | Reason::Short
        | Reason::CountVariance
        | Reason::CodeReplaced
        | Reason::DirectionUnknown => Tone::Warn,
        Reason::UnknownCode
        | Reason::AlreadyOut
        | Reason::NotOut
        | Reason::AlreadyReceived
        | Reason::BoundTwice
        | Reason::Unreadable
        | Reason::NumberTwice
        | Reason::NotCorrectable => Tone::Ask,
    }
}

/// The sign that goes with a tone where nothing more exact is known.
pub fn sign_of(tone: Tone) -> Sign {
    match tone {
        Tone::Mute => Sign::Ring,
        Tone::Accent => Sign::Out,
        Tone::Ok => Sign::Tick,
        Tone::Warn => Sign::Triangle,
        Tone::Ask => Sign::Question,
        Tone::Stop => Sign::Octagon,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Each block of `tokens.css` as its custom properties; the first block is the light theme, later ones override it.
    fn themes() -> (HashMap<String, String>, HashMap<String, String>) {
        let css = include_str!("tokens.css");
        let block = |start: &str| {
            let (_, rest) = css.split_once(start).unwrap();
            let body = rest.split_once('}').unwrap().0.to_owned();
            body.split(';')
                .filter_map(|part| part.rsplit_once("--")?.1.split_once(':'))
                .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
                .collect::<HashMap<_, _>>()
        };
        let light = block(":root {");
        let mut dark = light.clone();
        dark.extend(block(":root[data-theme=\"dark\"] {"));
        let mut system = light.clone();
        system.extend(block(":root:not([data-theme=\"light\"]) {"));
        assert_eq!(dark, system, "the two dark blocks differ");
        (light, dark)
    }

    /// Relative luminance of WCAG 2.2.
    fn luminance(hex: &str) -> f64 {
        let number = u32::from_str_radix(hex.strip_prefix('#').unwrap(), 16).unwrap();
        let channel = |shift: u32| {
            let value = f64::from((number >> shift) & 255) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn everything_can_be_read_in_both_themes() {
        let (light, dark) = themes();
        let mut pairs: Vec<(String, String, f64)> = Vec::new();
        let mut pair = |ink: &str, ground: &str, limit: f64| pairs.push((ink.into(), ground.into(), limit));
        for ground in ["bg", "surface", "surface-2"] {
            for ink in ["text", "text-2", "text-3"] {
                pair(ink, ground, 4.5);
            }
        }
        for ground in ["surface", "accent-soft", "bg"] {
            pair("accent-text", ground, 4.5);
        }
        pair("on-accent", "accent", 4.5);
        pair("on-accent", "accent-strong", 4.5);
        pair("line-strong", "surface", 3.0);
        pair("focus", "surface", 3.0);
        pair("focus", "bg", 3.0);
        for tone in ["ok", "stop", "warn", "ask", "mute"] {
            pair(&format!("on-{tone}"), tone, 4.5);
            pair(&format!("{tone}-text"), &format!("{tone}-soft"), 4.5);
            pair(&format!("{tone}-text"), "surface", 4.5);
            pair(&format!("{tone}-mark"), "surface", 3.0);
        }
        for series in 1..=6 {
            pair(&format!("chart-{series}"), "surface", 3.0);
        }
        for (theme, tokens) in [("light", light), ("dark", dark)] {
            for (ink, ground, limit) in &pairs {
                let measured = contrast(&tokens[ink], &tokens[ground]);
                assert!(*limit <= measured, "{theme}: {ink} on {ground} is {measured:.2}, needs {limit}");
            }
        }
    }

    #[test]
    fn no_sheet_but_the_tokens_holds_a_colour() {
        let css = include_str!("face.css");
        for (number, line) in css.lines().enumerate() {
            for colour in ["#", "rgb", "hsl"] {
                assert!(!line.contains(colour), "face.css line {}: {line}", number + 1);
            }
        }
        let tokens = include_str!("tokens.css");
        for used in css.split("var(--").skip(1) {
            let name = used.split([')', ',']).next().unwrap();
            // `--tone-…` are set by `data-tone` in the sheet itself, from tokens.
            if name.starts_with("tone-") {
                continue;
            }
            assert!(tokens.contains(&format!("--{name}:")), "face.css uses --{name}, which tokens.css lacks");
        }
    }

    #[test]
    fn every_stop_is_an_alarm() {
        let book = include_str!("../event/mod.rs");
        let arms = book.lines().filter_map(|line| line.trim().strip_prefix("Reason::")?.split_once("=> \""));
        let stops: Vec<String> = arms
            .filter_map(|(_, rest)| rest.split('"').next())
            .filter(|word| {
                let reason: Reason = serde_json::from_str(&format!("\"{word}\"")).unwrap();
                of_reason(reason) == Tone::Stop
            })
            .map(str::to_owned)
            .collect();
        assert_eq!(stops, STOPS.map(Reason::word));
    }

    #[test]
    fn every_state_and_tone_has_its_look() {
        let css = include_str!("face.css");
        for tone in Tone::ALL {
            assert!(css.contains(&format!("[data-tone=\"{}\"]", tone.word())), "{tone:?}");
        }
        for state in State::ALL {
            let chip = state.chip(Lang::En).into_string();
            assert!(chip.contains("<svg") && chip.contains(state.tone().word()), "{state:?}: {chip}");
        }
    }
}
