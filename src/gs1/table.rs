//! The table of application identifiers, read once from the GS1 Barcode Syntax Dictionary that stands beside this file.
//!
//! A line is `AI[-AI] flags parts attributes # title`; the dictionary's own header describes every word of it.

use std::fmt;
use std::sync::LazyLock;

use crate::gs1::fault::{Fault, Wrong};
use crate::gs1::lint::{Charset, Linter};

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    Table::read(include_str!("gs1-syntax-dictionary.txt")).expect("tests::every_row_is_understood reads the same text")
});

/// One application identifier and what its value must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Two to four digits.
    pub ai: String,
    /// The data title, as GS1 writes it beside the bars; empty for the coupons, which have none.
    pub title: String,
    /// Its length is known beforehand, so no separator is needed behind it.
    pub predefined: bool,
    /// It may stand in the query of a Digital Link.
    pub attribute: bool,
    /// What the value is made of, in this order.
    pub parts: Vec<Part>,
    /// Never together with one of these on one thing.
    pub excludes: Vec<Pattern>,
    /// Of each rule, one group must be there as a whole.
    pub requires: Vec<Vec<Vec<Pattern>>>,
    /// Set when it is a primary key of Digital Links: the sequences of qualifiers that may follow it, in their order.
    pub qualifiers: Option<Vec<Vec<String>>>,
}

/// One component of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub charset: Charset,
    pub min: usize,
    pub max: usize,
    pub optional: bool,
    pub linters: Vec<Linter>,
}

/// An AI or several: `n` stands for any digit, as in `31nn`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    pub fn matches(&self, ai: &str) -> bool {
        let alike = |(pattern, digit): (u8, u8)| pattern == digit || pattern == b'n';
        self.0.len() == ai.len() && self.0.bytes().zip(ai.bytes()).all(alike)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Row {
    /// Fewest characters of a value.
    pub fn min(&self) -> usize {
        self.parts.iter().filter(|part| !part.optional).map(|part| part.min).sum()
    }

    /// Most characters of a value.
    pub fn max(&self) -> usize {
        self.parts.iter().map(|part| part.max).sum()
    }

    /// Reads a value from the front of `data` and gives its length; what is left over belongs to somebody else.
    ///
    /// # Errors
    /// The first fault and its place in `data`.
    pub fn take(&self, data: &[u8]) -> Result<usize, Wrong> {
        if data.is_empty() {
            return Err(Wrong { at: 0, fault: Fault::Missing });
        }
        let mut taken = 0;
        for part in &self.parts {
            let rest = data.get(taken..).unwrap_or_default();
            let own = rest.get(..part.max).unwrap_or(rest);
            if own.is_empty() && part.optional {
                continue;
            }
            if own.len() < part.min {
                return Err(Wrong { at: taken + own.len(), fault: Fault::Short });
            }
            let place = |wrong: Wrong| Wrong { at: taken + wrong.at, ..wrong };
            part.charset.check(own).map_err(place)?;
            for linter in &part.linters {
                linter.check(own).map_err(place)?;
            }
            taken += own.len();
        }
        Ok(taken)
    }

    /// Checks a whole value.
    ///
    /// # Errors
    /// The first fault and its place in `value`.
    pub fn check(&self, value: &[u8]) -> Result<(), Wrong> {
        match self.take(value)? {
            taken if taken < value.len() => Err(Wrong { at: taken, fault: Fault::Long }),
            _ => Ok(()),
        }
    }

    /// The characters of each part of a sound value; of an optional part that is absent, nothing.
    pub fn split<'a>(&'a self, value: &'a str) -> impl Iterator<Item = (&'a Part, &'a str)> {
        let mut rest = value;
        self.parts.iter().map(move |part| {
            let (own, after) = rest.split_at_checked(part.max).unwrap_or((rest, ""));
            rest = after;
            (part, own)
        })
    }
}

/// The row of exactly this AI.
pub fn row(ai: &[u8]) -> Option<&'static Row> {
    TABLE.row(ai)
}

/// The row whose AI stands at the front of `bytes`.
pub fn row_at_front(bytes: &[u8]) -> Option<&'static Row> {
    TABLE.row(bytes.get(..ai_len(bytes)?)?)
}

/// How many digits the AI at the front of `bytes` has; its first two tell. `None` when no AI begins with them.
pub fn ai_len(bytes: &[u8]) -> Option<usize> {
    let place = slot(bytes.get(..2)?)?;
    TABLE.ai_lens.get(place).copied().map(usize::from).filter(|len| *len != 0)
}

/// Every AI, in the order of the dictionary.
pub fn rows() -> &'static [Row] {
    &TABLE.rows
}

/// No row has this number.
const NONE: u16 = u16::MAX;

struct Table {
    rows: Vec<Row>,
    /// Place in `rows` by the digits of the AI: 100 of two digits, 1,000 of three, 10,000 of four.
    places: Vec<u16>,
    /// Digits of the AIs that begin with these two.
    ai_lens: [u8; 100],
}

/// Where the row of these digits is found in `places`.
fn slot(ai: &[u8]) -> Option<usize> {
    if !(2..=4).contains(&ai.len()) {
        return None;
    }
    let number = ai
        .iter()
        .try_fold(0_usize, |number, byte| byte.is_ascii_digit().then(|| number * 10 + usize::from(byte - b'0')));
    match ai.len() {
        2 => number,
        3 => Some(100 + number?),
        4 => Some(1_100 + number?),
        _ => None,
    }
}

/// What in the dictionary is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the syntax dictionary: `{what}` is not understood")]
struct NotUnderstood {
    line: usize,
    what: String,
}

impl Table {
    fn read(text: &str) -> Result<Table, NotUnderstood> {
        let mut table = Table { rows: Vec::new(), places: vec![NONE; 11_100], ai_lens: [0; 100] };
        for (index, line) in text.lines().enumerate() {
            let fault = |what: &str| NotUnderstood { line: index + 1, what: what.to_owned() };
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let (first, last, row) = read_line(line).map_err(fault)?;
            for number in first..=last {
                let ai = format!("{number:0len$}", len = row.ai.len());
                table.add(Row { ai, ..row.clone() }).ok_or_else(|| fault(line))?;
            }
        }
        Ok(table)
    }

    /// `None` when the AI is there already or one of another length begins alike.
    fn add(&mut self, row: Row) -> Option<()> {
        let place = self.places.get_mut(slot(row.ai.as_bytes())?)?;
        let ai_len = self.ai_lens.get_mut(slot(row.ai.as_bytes().get(..2)?)?)?;
        let len = u8::try_from(row.ai.len()).ok()?;
        if *place != NONE || (*ai_len != 0 && *ai_len != len) {
            return None;
        }
        (*place, *ai_len) = (u16::try_from(self.rows.len()).ok()?, len);
        self.rows.push(row);
        Some(())
    }

    fn row(&self, ai: &[u8]) -> Option<&Row> {
        let place = self.places.get(slot(ai)?)?;
        self.rows.get(usize::from(*place))
    }
}

/// First and last AI of a line and their row; the word that is not understood otherwise.
fn read_line(line: &str) -> Result<(u32, u32, Row), &str> {
    let (body, title) = line.split_once('#').unwrap_or((line, ""));
    let mut words = body.split_whitespace().peekable();
    let ais = words.next().ok_or(line)?;
    let (first, last) = ais.split_once('-').unwrap_or((ais, ais));
    let sound = first.len() == last.len() && slot(first.as_bytes()).is_some() && slot(last.as_bytes()).is_some();
    let (Ok(from), Ok(to), true) = (first.parse(), last.parse(), sound) else { return Err(ais) };
    let mut row = Row {
        ai: first.to_owned(),
        title: title.trim().to_owned(),
        predefined: false,
        attribute: false,
        parts: Vec::new(),
        excludes: Vec::new(),
        requires: Vec::new(),
        qualifiers: None,
    };
    if let Some(flags) = words.next_if(|word| !word.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')) {
        for flag in flags.chars() {
            match flag {
                '*' => row.predefined = true,
                '?' => row.attribute = true,
                _ => return Err(flags),
            }
        }
    }
    while let Some(word) = words.next_if(|word| word.starts_with(['N', 'X', 'Y', 'Z', '['])) {
        row.parts.push(read_part(word).ok_or(word)?);
    }
    for word in words {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "ex" => row.excludes.extend(patterns(value, ',').ok_or(word)?),
            "req" => {
                let groups = value.split(',').map(|group| patterns(group, '+')).collect::<Option<_>>();
                row.requires.push(groups.ok_or(word)?);
            }
            "dlpkey" => row.qualifiers.get_or_insert_default().extend(sequences(value).ok_or(word)?),
            _ => return Err(word),
        }
    }
    let mandatory_behind_optional =
        row.parts.windows(2).any(|pair| matches!(pair, [a, b] if a.optional && !b.optional));
    let variable_inside = row.parts.iter().rev().skip(1).any(|part| part.min != part.max);
    match row.parts.is_empty() || mandatory_behind_optional || variable_inside {
        true => Err(line),
        false => Ok((from, to, row)),
    }
}

/// `N14,csum`, `X..20`, `[N2],mi`.
fn read_part(word: &str) -> Option<Part> {
    let mut words = word.split(',');
    let kind = words.next()?;
    let inner = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']'));
    let (optional, kind) = (inner.is_some(), inner.unwrap_or(kind));
    let (letter, len) = kind.split_at_checked(1)?;
    let charset = match letter {
        "N" => Charset::Digits,
        "X" => Charset::Set82,
        "Y" => Charset::Set39,
        "Z" => Charset::Base64,
        _ => return None,
    };
    let (min, max) = match len.strip_prefix("..") {
        Some(most) => (1, most.parse().ok()?),
        None => (len.parse().ok()?, len.parse().ok()?),
    };
    let linters = words.map(Linter::named).collect::<Option<_>>()?;
    (0 < min && min <= max).then_some(Part { charset, min, max, optional, linters })
}

fn patterns(text: &str, separator: char) -> Option<Vec<Pattern>> {
    let sound =
        |word: &str| (2..=4).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'n');
    text.split(separator).map(|word| sound(word).then(|| Pattern(word.to_owned()))).collect()
}

/// `22,10,21|235`; nothing means that no qualifier may follow.
fn sequences(text: &str) -> Option<Vec<Vec<String>>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let sequence = |text: &str| -> Option<Vec<String>> {
        text.split(',').map(|ai| slot(ai.as_bytes()).map(|_| ai.to_owned())).collect()
    };
    text.split('|').map(sequence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The proof that the `expect` above rests on: no unknown word, linter or flag, and no row lost.
    #[test]
    fn every_row_is_understood() {
        let table = Table::read(include_str!("gs1-syntax-dictionary.txt")).unwrap_or_else(|fault| panic!("{fault}"));
        let text = include_str!("gs1-syntax-dictionary.txt");
        let listed: usize = text
            .lines()
            .filter_map(|line| line.split_whitespace().next().filter(|word| !word.starts_with('#')))
            .map(|ais| match ais.split_once('-') {
                Some((first, last)) => last.parse::<usize>().unwrap() - first.parse::<usize>().unwrap() + 1,
                None => 1,
            })
            .sum();
        assert_eq!(table.rows.len(), listed);
        for row in &table.rows {
            assert_eq!(table.row(row.ai.as_bytes()), Some(row));
            assert!(!row.predefined || row.min() == row.max(), "({}) has no one length", row.ai);
            let named = row.qualifiers.iter().flatten().flatten();
            assert!(named.into_iter().all(|ai| table.row(ai.as_bytes()).is_some()), "({}) names no AI", row.ai);
            let all = row.excludes.iter().chain(row.requires.iter().flatten().flatten());
            for pattern in all {
                assert!(table.rows.iter().any(|other| pattern.matches(&other.ai)), "({}): {pattern}", row.ai);
            }
        }
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (line, what) in [
            ("01 *! N14 # GTIN", "*!"),
            ("01 *? N14,csumm # GTIN", "N14,csumm"),
            ("01 *? W14 # GTIN", "W14"),
            ("01 *? N14 need=02 # GTIN", "need=02"),
            ("01 *? N14 req=0x # GTIN", "req=0x"),
            ("01 *? N14 dlpkey=x # GTIN", "dlpkey=x"),
            ("01 *? [N14] N2", "01 *? [N14] N2"),
            ("01 *? X..14 N2", "01 *? X..14 N2"),
            ("01 *? N..0", "N..0"),
            ("1 N2", "1"),
            ("01", "01"),
        ] {
            let fault = Table::read(line).map(drop).unwrap_err();
            assert_eq!(fault, NotUnderstood { line: 1, what: what.to_owned() }, "{line}");
        }
        assert!(Table::read("01 N2\n01 N2").is_err() && Table::read("01 N2\n011 N2").is_err());
    }

    #[test]
    fn rows_are_found_by_what_stands_in_front() {
        assert_eq!(row_at_front(b"3103000195").map(|row| row.title.as_str()), Some("NET WEIGHT (kg)"));
        assert_eq!(row_at_front(b"0109521234543213").map(Row::max), Some(14));
        assert_eq!((row(b"253").unwrap().min(), row(b"253").unwrap().max()), (13, 30));
        for none in [&b""[..], b"3", b"89", b"3106", b"310", b"31x3", b"0", b"99999", b"999999999999999999999999999"] {
            assert!(row(none).is_none(), "{none:?}");
        }
        assert_eq!((ai_len(b"3109"), ai_len(b"89"), ai_len(b"x1")), (Some(4), None, None));
    }
}
