//! Setting a text into its frame: it is broken into lines, made smaller, and at last cut, and it is told when it was.

use crate::labels::bits::Area;
use crate::labels::font::{ASCENT_EM, Fonts, LINE_EM, Letter};
use crate::labels::template::{Align, Upright};

/// Closing marks that never begin a line, and opening marks that never end one.
const NEVER_FIRST: &str = "，。、；：？！）》」』】〉…—·,.;:?!)]}%°℃";
const NEVER_LAST: &str = "（《「『【〈([{￥¥$€№";

const ELLIPSIS: char = '…';

/// How a text is to be set.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Heights of an em in dots, from the wanted to the least.
    pub largest: u32,
    pub least: u32,
    pub lines: usize,
    pub align: Align,
    pub upright: Upright,
    pub bold: bool,
    pub area: Area,
}

/// A text set.
#[derive(Clone, Debug)]
pub struct Set {
    pub lines: Vec<String>,
    pub letters: Vec<Letter>,
    pub missing: Vec<char>,
    /// Whether its end had to be cut.
    pub cut: bool,
}

/// Sets `text` as large as it fits, letters in dots from the corner of the area; at the least size it is cut with an ellipsis.
pub fn set(fonts: &Fonts, text: &str, setting: &Setting) -> Set {
    let fitting = (setting.least..=setting.largest).rev().find_map(|em| {
        let lines = broken(fonts, text, em, setting.area.width);
        (lines.len() <= lines_at(em, setting) && lines.iter().all(|line| fits(fonts, line, em, setting)))
            .then_some((em, lines))
    });
    let (em, lines, cut) = match fitting {
        Some((em, lines)) => (em, lines, false),
        None => {
            let em = setting.least;
            (em, shortened(fonts, text, em, setting), true)
        }
    };
    place(fonts, lines, em, cut, setting)
}

fn fits(fonts: &Fonts, line: &str, em: u32, setting: &Setting) -> bool {
    fonts.measure(line, em).width <= setting.area.width
}

fn line_height(em: u32) -> u32 {
    (LINE_EM * em as f32).ceil() as u32
}

/// How many lines of this size the area takes; never more than wanted.
fn lines_at(em: u32, setting: &Setting) -> usize {
    ((setting.area.height / line_height(em).max(1)) as usize).min(setting.lines)
}

/// The least size is cut: full lines, and an ellipsis at the end of the last.
fn shortened(fonts: &Fonts, text: &str, em: u32, setting: &Setting) -> Vec<String> {
    let mut lines = broken(fonts, text, em, setting.area.width);
    lines.truncate(lines_at(em, setting).max(1));
    let Some(last) = lines.last_mut() else { return lines };
    loop {
        let shown = format!("{}{ELLIPSIS}", last.trim_end());
        if fits(fonts, &shown, em, setting) || last.pop().is_none() {
            *last = shown;
            return lines;
        }
    }
}

/// The text in lines no wider than `width` where it can be broken: at its own line ends, at blanks, and between Chinese letters.
fn broken(fonts: &Fonts, text: &str, em: u32, width: u32) -> Vec<String> {
    text.split('\n').flat_map(|line| broken_line(fonts, line, em, width)).collect()
}

fn broken_line(fonts: &Fonts, text: &str, em: u32, width: u32) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for piece in pieces(text) {
        let longer = format!("{line}{piece}");
        if line.is_empty() || fonts.measure(longer.trim_end(), em).width <= width {
            line = longer;
        } else {
            lines.push(line.trim_end().to_owned());
            line = piece.trim_start().to_owned();
        }
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// What must stay on one line: a word with the blank behind it, or a Chinese letter with the marks that belong to it.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut last: Option<char> = None;
    for letter in text.chars() {
        let joined = last.is_some_and(|last| {
            NEVER_FIRST.contains(letter)
                || NEVER_LAST.contains(last)
                || letter == ' '
                || last != ' ' && !is_wide(last) && !is_wide(letter)
        });
        match pieces.last_mut() {
            Some(piece) if joined => piece.push(letter),
            _ => pieces.push(letter.to_string()),
        }
        last = Some(letter);
    }
    pieces
}

/// Chinese letters and full-width signs.
fn is_wide(letter: char) -> bool {
    matches!(letter, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}

fn place(fonts: &Fonts, lines: Vec<String>, em: u32, cut: bool, setting: &Setting) -> Set {
    let Area { width, height, .. } = setting.area;
    let count = u32::try_from(lines.len()).unwrap_or_default();
    let room = height.saturating_sub(count * line_height(em));
    let top = match setting.upright {
        Upright::Top => 0,
        // Under the em box of the last line there is room for descenders, which Chinese letters lack.
        Upright::Middle => room / 2 + ((LINE_EM - 1.0) / 2.0 * em as f32).min(room as f32 / 2.0) as u32,
    };
    let mut letters = Vec::new();
    let mut missing = Vec::new();
    for (at, line) in (0..).zip(&lines) {
        let measured = fonts.measure(line, em);
        let room = width.saturating_sub(measured.width);
        let left = match setting.align {
            Align::Left => 0,
            Align::Center => room / 2,
            Align::Right => room,
        };
        let baseline = top + at * line_height(em) + (ASCENT_EM * em as f32).round() as u32;
        letters.extend(fonts.set(line, em, setting.bold, left, baseline));
        missing.extend(measured.missing);
    }
    Set { lines, letters, missing, cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(width: u32, height: u32, largest: u32, least: u32, lines: usize) -> Setting {
        let area = Area { x: 0, y: 0, width, height };
        Setting { largest, least, lines, align: Align::Left, upright: Upright::Top, bold: false, area }
    }

    #[test]
    fn a_text_shrinks_then_breaks_then_is_cut() {
        let fonts = Fonts::house();
        let lines = |text: &str, setting: &Setting| {
            let set = set(fonts, text, setting);
            (set.lines, set.cut)
        };
        let one = |line: &str, cut| (vec![line.to_owned()], cut);
        assert_eq!(lines("红宝石戒指", &setting(100, 30, 20, 16, 1)), one("红宝石戒指", false));
        assert_eq!(lines("红宝石戒指", &setting(85, 30, 20, 16, 1)), one("红宝石戒指", false));
        assert_eq!(lines("红宝石戒指", &setting(70, 30, 20, 16, 1)), one("红宝石…", true));
        let (broken, cut) = lines("红宝石（大）戒指", &setting(64, 60, 16, 16, 3));
        assert_eq!((broken, cut), (vec!["红宝石".into(), "（大）戒".into(), "指".into()], false));
        let (broken, cut) = lines("Ruby ring, 18K gold", &setting(80, 60, 16, 16, 3));
        assert_eq!((broken, cut), (vec!["Ruby ring,".into(), "18K gold".into()], false));
        let (broken, cut) = lines("红宝石戒指\nRuby ring", &setting(100, 60, 16, 16, 2));
        assert_eq!((broken, cut), (vec!["红宝石戒指".into(), "Ruby ring".into()], false));
        assert_eq!(lines("", &setting(10, 30, 16, 16, 1)), one("", false));
        assert!(lines("宝", &setting(4, 30, 16, 16, 1)).1);
    }
}
