//! Keys to characters: what is held, what locks, what a key stands for.

use crate::wedge::layout::{CODE_PAGE_437, Layout, Level, Stroke, composed};
use crate::wedge::record::{PRESSED, RELEASED};

/// Codes of keys (linux/input-event-codes.h).
pub mod key {
    pub const TAB: u16 = 15;
    pub const ENTER: u16 = 28;
    pub const LEFT_CTRL: u16 = 29;
    pub const LEFT_SHIFT: u16 = 42;
    pub const RIGHT_SHIFT: u16 = 54;
    pub const LEFT_ALT: u16 = 56;
    pub const CAPS_LOCK: u16 = 58;
    pub const F1: u16 = 59;
    pub const NUM_LOCK: u16 = 69;
    pub const SCROLL_LOCK: u16 = 70;
    pub const F11: u16 = 87;
    pub const F12: u16 = 88;
    pub const KEYPAD_ENTER: u16 = 96;
    pub const RIGHT_CTRL: u16 = 97;
    pub const ALT_GR: u16 = 100;
    pub const LEFT_META: u16 = 125;
    pub const RIGHT_META: u16 = 126;

    /// The key of a function, F1 to F12.
    pub fn function(number: u16) -> Option<u16> {
        match number {
            1..=10 => Some(F1 + number - 1),
            11 => Some(F11),
            12 => Some(F12),
            _ => None,
        }
    }
}

/// What a stroke gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// Nothing yet: a key that is held, locks or waits.
    Nothing,
    Character(char),
    /// An accent that no letter took, and the character after it.
    Characters(char, char),
    Enter,
    Tab,
    /// A key that stands for nothing.
    Unknown(u16),
}

/// A keyboard: what is held and what is locked.
#[derive(Clone, Debug)]
pub struct Keyboard {
    layout: Layout,
    /// A key that stands for GS, beside Ctrl and `]`.
    gs_key: Option<u16>,
    shift: Held,
    ctrl: Held,
    alt: bool,
    alt_gr: bool,
    caps_lock: bool,
    accent: Option<char>,
    /// Digits typed on the keypad while Alt is held.
    number: Vec<u8>,
}

/// The left and the right of two keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Held {
    left: bool,
    right: bool,
}

impl Held {
    fn any(self) -> bool {
        self.left || self.right
    }
}

/// Digits of a number that are kept; the longest that is used has four.
const NUMBER_MAX: usize = 5;

impl Keyboard {
    pub fn new(layout: Layout, gs_key: Option<u16>) -> Self {
        Self {
            layout,
            gs_key,
            shift: Held::default(),
            ctrl: Held::default(),
            alt: false,
            alt_gr: false,
            caps_lock: false,
            accent: None,
            number: Vec::new(),
        }
    }

    /// Nothing is held any more, so far as anybody knows. What is locked stays.
    pub fn release_all(&mut self) {
        *self = Self { caps_lock: self.caps_lock, ..Self::new(self.layout, self.gs_key) };
    }

    pub fn set_caps_lock(&mut self, on: bool) {
        self.caps_lock = on;
    }

    /// Whether a key is held or locks, and stands for no character by itself.
    pub fn modifies(code: u16) -> bool {
        matches!(
            code,
            key::LEFT_SHIFT
                | key::RIGHT_SHIFT
                | key::LEFT_CTRL
                | key::RIGHT_CTRL
                | key::LEFT_ALT
                | key::ALT_GR
                | key::CAPS_LOCK
                | key::NUM_LOCK
                | key::SCROLL_LOCK
                | key::LEFT_META
                | key::RIGHT_META
        )
    }

    /// A key was pressed or released.
    pub fn key(&mut self, code: u16, value: i32) -> Typed {
        let pressed = value == PRESSED;
        match code {
            // Held down for long: the same as held.
            _ if value != PRESSED && value != RELEASED => (),
            key::LEFT_SHIFT => self.shift.left = pressed,
            key::RIGHT_SHIFT => self.shift.right = pressed,
            key::LEFT_CTRL => self.ctrl.left = pressed,
            key::RIGHT_CTRL => self.ctrl.right = pressed,
            key::ALT_GR => self.alt_gr = pressed,
            key::LEFT_ALT => {
                self.alt = pressed;
                if !pressed {
                    return self.numbered();
                }
            }
            key::CAPS_LOCK => self.caps_lock ^= pressed,
            _ if !pressed || Self::modifies(code) => (),
            code => return self.typed(code),
        }
        Typed::Nothing
    }

    fn typed(&mut self, code: u16) -> Typed {
        if Some(code) == self.gs_key {
            return Typed::Character('\x1D');
        }
        if let Some(digit) = keypad(code) {
            if self.alt && digit.is_ascii_digit() {
                if self.number.len() < NUMBER_MAX {
                    self.number.push(digit);
                }
                return Typed::Nothing;
            }
            return self.compose(char::from(digit));
        }
        match code {
            key::ENTER | key::KEYPAD_ENTER => return Typed::Enter,
            key::TAB => return Typed::Tab,
            _ => (),
        }
        // Ctrl and Alt together are AltGr where a keyboard has no such key.
        let third = self.alt_gr || (self.ctrl.any() && self.alt);
        let level = match (third, self.shift.any()) {
            (true, _) => Level::AltGr,
            (false, true) => Level::Shift,
            (false, false) => Level::Plain,
        };
        let stroke = Stroke { code, level };
        if self.ctrl.any() && !third {
            return self.control(stroke).map_or(Typed::Unknown(code), Typed::Character);
        }
        match self.layout.character(stroke) {
            Some(accent) if self.layout.dead(stroke) && self.accent.is_none() => {
                self.accent = Some(accent);
                Typed::Nothing
            }
            Some(_) if self.alt && !third => Typed::Unknown(code),
            Some(character) => {
                let character = if self.caps_lock { self.turned(stroke).unwrap_or(character) } else { character };
                self.compose(character)
            }
            None => Typed::Unknown(code),
        }
    }

    /// A control character: that of the key's own character, else that of the place, since a scanner sends GS as the
    /// `]` of a US keyboard whatever its country is.
    fn control(&self, stroke: Stroke) -> Option<char> {
        let control = |character: char| match character {
            'a'..='z' | '@'..='_' => Some(char::from(u8::try_from(character).ok()? & 0x1F)),
            _ => None,
        };
        let of = |layout: Layout| layout.character(stroke).and_then(control);
        of(self.layout).or_else(|| of(Layout::Us))
    }

    /// The other case of a letter's key, as CapsLock has it; `None` for all other keys.
    fn turned(&self, stroke: Stroke) -> Option<char> {
        let at = |level| self.layout.character(Stroke { code: stroke.code, level });
        let (small, large) = (at(Level::Plain)?, at(Level::Shift)?);
        let letter = small.is_lowercase() && small.to_uppercase().eq([large]);
        match stroke.level {
            Level::Plain if letter => Some(large),
            Level::Shift if letter => Some(small),
            Level::Plain | Level::Shift | Level::AltGr => None,
        }
    }

    /// Puts a waiting accent over `character`; over a blank it stands for itself.
    fn compose(&mut self, character: char) -> Typed {
        match self.accent.take() {
            None => Typed::Character(character),
            Some(accent) if character == ' ' => Typed::Character(accent),
            Some(accent) => match composed(accent, character) {
                Some(made) => Typed::Character(made),
                None => Typed::Characters(accent, character),
            },
        }
    }

    /// Alt was let go: the character with the number that was typed meanwhile.
    fn numbered(&mut self) -> Typed {
        let digits = std::mem::take(&mut self.number);
        if digits.is_empty() {
            return Typed::Nothing;
        }
        let number = digits.iter().fold(0u32, |number, digit| number * 10 + u32::from(digit - b'0'));
        let byte = number.to_le_bytes()[0];
        let page = digits.first() != Some(&b'0');
        let character = match byte.checked_sub(128).filter(|_| page) {
            Some(place) => CODE_PAGE_437.chars().nth(usize::from(place)),
            None => Some(char::from(byte)),
        };
        character.map_or(Typed::Nothing, |character| self.compose(character))
    }
}

/// A key of the keypad with NumLock on, whether or not it is: a scanner means the digit.
fn keypad(code: u16) -> Option<u8> {
    let keys = b"789-456+1230.";
    match code {
        71..=83 => keys.get(usize::from(code - 71)).copied(),
        55 => Some(b'*'),
        98 => Some(b'/'),
        _ => None,
    }
}

/// The key of a digit on the keypad.
pub fn keypad_key(digit: u8) -> Option<u16> {
    (71..=83).find(|&code| keypad(code) == Some(digit))
}
