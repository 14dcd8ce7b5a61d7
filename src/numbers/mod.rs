//! The house's own numbers: series, how a number is written, and what a typed or scanned text is among them.
//!
//! A number is `S-0004217-K`: the prefix of its series, a counter, and a check character over both. A terminal that has
//! run out of counters writes `S-T7-KMPRTX-0001-V`: its own number, six letters of its book, and a counter of its own.
//! Small letters, hyphens and blanks do not matter when a person types; what is stored and printed is the form above.
//!
//! Check character: ISO/IEC 7064, MOD 37-2. It finds every single wrong character and every swap of two neighbours. The
//! one value that it would write as `*` is not used: such a counter is passed over.

pub mod bindings;

use std::fmt;

use serde::{Deserialize, Serialize};

/// Fewest and most digits of a counter: below five a restored server would run out of the gap that it leaves.
pub const WIDTHS: std::ops::RangeInclusive<u8> = 5..=10;
/// Most letters of a prefix.
pub const PREFIX_MAX: usize = 4;
/// Longest text that is looked at, in characters: a number with a blank or hyphen after every character.
const TEXT_MAX: usize = 80;

/// Letters of a book's tag: none that looks like a digit. Letters only, so that the terminal's number ends where they begin.
const TAG_LETTERS: &[u8; 24] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
const TAG_LEN: usize = 6;
/// Digits of a terminal's own counter at least, and at most.
const OWN_WIDTH: usize = 4;
const OWN_WIDTH_MAX: usize = 10;

/// What the numbers of a series name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    Sample,
    Tray,
    Place,
    Person,
    Document,
}

impl Purpose {
    pub const ALL: [Purpose; 5] = [Purpose::Sample, Purpose::Tray, Purpose::Place, Purpose::Person, Purpose::Document];

    /// The word in configuration, records and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Purpose::Sample => "sample",
            Purpose::Tray => "tray",
            Purpose::Place => "place",
            Purpose::Person => "person",
            Purpose::Document => "document",
        }
    }
}

/// Numbers that count together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// Names the series: `sample`.
    pub code: String,
    /// Capital letters, 1 to [`PREFIX_MAX`].
    pub prefix: String,
    /// Digits of the counter, within [`WIDTHS`].
    pub width: u8,
    pub purpose: Purpose,
}

impl Series {
    /// What is wrong with the series itself.
    pub fn flaw(&self) -> Option<String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if self.code.is_empty() || 32 < self.code.len() || !self.code.chars().all(plain) {
            return Some(format!("the code {:?} is not 1 to 32 small letters, digits and _", self.code));
        }
        if self.prefix.is_empty()
            || PREFIX_MAX < self.prefix.len()
            || !self.prefix.chars().all(|c| c.is_ascii_uppercase())
        {
            return Some(format!("the prefix {:?} is not 1 to {PREFIX_MAX} capital letters", self.prefix));
        }
        let (least, most) = (WIDTHS.start(), WIDTHS.end());
        (!WIDTHS.contains(&self.width)).then(|| format!("the width {} is not {least} to {most}", self.width))
    }

    /// The last counter that its digits can write.
    pub fn last(&self) -> u64 {
        10_u64.saturating_pow(u32::from(self.width.min(*WIDTHS.end()))) - 1
    }

    /// The number with this counter; `None` where the counter is passed over or has no room.
    pub fn number(&self, counter: u64) -> Option<String> {
        if counter == 0 || self.last() < counter {
            return None;
        }
        written(&[&self.prefix, &format!("{counter:0width$}", width = usize::from(self.width))])
    }

    /// The number that a terminal gives by itself: no counter that was leased to anyone has its form.
    pub fn own_number(&self, terminal: u32, epoch: &[u8; 16], counter: u64) -> Option<String> {
        let digits = format!("{counter:0OWN_WIDTH$}");
        if counter == 0 || OWN_WIDTH_MAX < digits.len() {
            return None;
        }
        written(&[&self.prefix, &format!("T{terminal}"), &tag(epoch), &digits])
    }

    /// How a number of the series looks, for a person: `S-0000000-X`.
    pub fn shape(&self) -> String {
        format!("{}-{}-X", self.prefix, "0".repeat(usize::from(self.width)))
    }
}

/// Why these series cannot stand side by side.
pub fn flaw(series: &[Series]) -> Option<String> {
    if let Some((one, why)) = series.iter().find_map(|one| Some((one, one.flaw()?))) {
        return Some(format!("series {:?}: {why}", one.code));
    }
    for (at, one) in series.iter().enumerate() {
        for other in series.iter().take(at) {
            if one.code == other.code {
                return Some(format!("two series have the code {:?}", one.code));
            }
            if one.prefix == other.prefix {
                return Some(format!("the series {:?} and {:?} have one prefix", other.code, one.code));
            }
        }
    }
    None
}

/// The counter that was leased for `number`; `None` when a terminal counted by itself, or for any other text.
pub fn leased_counter(number: &str) -> Option<u64> {
    let mut groups = number.split('-');
    match (groups.next(), groups.next(), groups.next(), groups.next()) {
        (Some(_), Some(digits), Some(_), None) => digits.parse().ok(),
        _ => None,
    }
}

/// A number as it stands on its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number<'a> {
    pub series: &'a Series,
    /// With hyphens, in capitals.
    pub text: String,
}

/// A text with the form of a series that is none of its numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault} of {text}, whose form is {expected}: look again at the label")]
pub struct Wrong {
    /// What was typed or scanned, with the hyphens where they belong.
    pub text: String,
    /// [`Series::shape`].
    pub expected: String,
    pub fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The check character does not fit the rest.
    Check,
    /// Not a digit where one must be; counted from 1, hyphens left out.
    Letter { found: char, at: usize },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Check => f.write_str("the check character does not fit the rest"),
            Fault::Letter { found, at } => write!(f, "there is a {found} in place {at}, where a digit belongs,"),
        }
    }
}

/// What a text is among the house's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading<'a> {
    Right(Number<'a>),
    /// No number of these series: something else.
    NotOurs,
    Wrong(Wrong),
}

/// Reads what was typed or scanned.
pub fn read<'a>(text: &str, series: &'a [Series]) -> Reading<'a> {
    let Some(plain) = plain(text) else { return Reading::NotOurs };
    let mut wrong = None;
    for series in series {
        let Some(rest) = plain.strip_prefix(series.prefix.as_str()) else { continue };
        let Some(groups) = leased_form(rest, series).or_else(|| own_form(rest)) else { continue };
        let letter = match groups.as_slice() {
            [counter, _] => counter.chars().zip(1 + series.prefix.len()..).find(|(c, _)| !c.is_ascii_digit()),
            _ => None,
        };
        let fault = match letter {
            Some((found, at)) => Some(Fault::Letter { found, at }),
            None => (!checks(&plain)).then_some(Fault::Check),
        };
        let text = [&[series.prefix.as_str()][..], &groups].concat().join("-");
        match fault {
            None => return Reading::Right(Number { series, text }),
            Some(fault) => wrong = wrong.or(Some(Wrong { text, expected: series.shape(), fault })),
        }
    }
    wrong.map_or(Reading::NotOurs, Reading::Wrong)
}

/// Capitals and digits alone; `None` when anything else than blanks and hyphens is between them.
fn plain(text: &str) -> Option<String> {
    if TEXT_MAX < text.chars().count() {
        return None;
    }
    let mut plain = String::new();
    for c in text.chars() {
        match narrow(c) {
            c if c.is_ascii_alphanumeric() => plain.push(c.to_ascii_uppercase()),
            // Hyphen, minus and the dashes that editors make of them.
            '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' => (),
            c if c.is_whitespace() => (),
            _ => return None,
        }
    }
    Some(plain)
}

/// Chinese input methods type ASCII in full width.
fn narrow(c: char) -> char {
    match u32::from(c) {
        wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// Counter and check character, where `rest` is as long as they are; of the digits at most one may be none.
fn leased_form<'a>(rest: &'a str, series: &Series) -> Option<Vec<&'a str>> {
    let (counter, check) = rest.split_at_checked(usize::from(series.width))?;
    let odd = counter.chars().filter(|c| !c.is_ascii_digit()).count();
    (check.len() == 1 && odd <= 1).then(|| vec![counter, check])
}

/// `T7`, tag, counter and check character of a number that a terminal gave by itself.
fn own_form(rest: &str) -> Option<Vec<&str>> {
    let digits = rest.strip_prefix('T')?;
    let letters = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    let (terminal, letters) = rest.split_at_checked(rest.len() - letters.len())?;
    let (tag, tail) = letters.split_at_checked(TAG_LEN)?;
    let (counter, check) = tail.split_at_checked(tail.len().checked_sub(1)?)?;
    let canonical = |digits: &str, least: usize| digits.len() <= least || !digits.starts_with('0');
    let number = terminal.strip_prefix('T')?;
    let sound = number.parse::<u32>().is_ok()
        && canonical(number, 1)
        && tag.bytes().all(|letter| TAG_LETTERS.contains(&letter))
        && (OWN_WIDTH..=OWN_WIDTH_MAX).contains(&counter.len())
        && counter.bytes().all(|digit| digit.is_ascii_digit())
        && canonical(counter, OWN_WIDTH);
    sound.then(|| vec![terminal, tag, counter, check])
}

/// Six letters that tell a terminal's books apart: two of one terminal share them once in 191 million.
fn tag(epoch: &[u8; 16]) -> String {
    let mut value = u128::from_be_bytes(*epoch);
    let mut letters = String::with_capacity(TAG_LEN);
    for _ in 0..TAG_LEN {
        let at = usize::try_from(value % TAG_LETTERS.len() as u128).unwrap_or(0);
        letters.push(TAG_LETTERS.get(at).map_or('A', |&letter| char::from(letter)));
        value /= TAG_LETTERS.len() as u128;
    }
    letters
}

/// The groups with their check character; `None` where it would be `*`.
fn written(groups: &[&str]) -> Option<String> {
    let check = check_character(&groups.concat())?;
    Some(format!("{}-{check}", groups.join("-")))
}

/// The characters whose values are 0 to 35; 36 is `*`.
const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Sum of ISO/IEC 7064 pure systems after these characters: `P = (P + a) · 2 mod 37` for each.
fn sum(plain: &str) -> Option<u32> {
    plain.chars().try_fold(0, |sum, c| Some((sum + c.to_digit(36)?) * 2 % 37))
}

fn check_character(plain: &str) -> Option<char> {
    let value = (38 - sum(plain)?) % 37;
    ALPHABET.get(usize::try_from(value).ok()?).map(|&byte| char::from(byte))
}

/// Whether the last character is the check character of those before it.
fn checks(plain: &str) -> bool {
    let Some((last, _)) = plain.char_indices().next_back() else { return false };
    let (body, check) = plain.split_at(last);
    check_character(body).is_some_and(|due| check.chars().eq([due]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn series(code: &str, prefix: &str, width: u8) -> Series {
        Series { code: code.into(), prefix: prefix.into(), width, purpose: Purpose::Sample }
    }

    fn house() -> Vec<Series> {
        vec![series("sample", "S", 7), series("tray", "TR", 6), series("person", "P", 5), series("odd", "ST", 7)]
    }

    const EPOCH: [u8; 16] = [0xab, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 8, 7, 6];

    #[test]
    fn the_check_character_is_that_of_the_standard() {
        // ISO/IEC 7064 MOD 37-2 by hand: "S0004217": S=28.
        let mut p = 0;
        for value in [28, 0, 0, 0, 4, 2, 1, 7] {
            p = (p + value) * 2 % 37;
        }
        let due = ALPHABET[(38 - p) as usize % 37] as char;
        assert_eq!(check_character("S0004217"), Some(due));
        // The example of python-stdnum's iso7064.mod_37_2 (LGPL), a donation number of ISBT 128.
        assert_eq!(check_character("G123489654321"), Some('Y'));
        for text in ["A1", "S0004217", "ZZZZ999", "0"] {
            if let Some(check) = check_character(text) {
                let whole = (sum(text).unwrap() + check.to_digit(36).unwrap()) % 37;
                assert_eq!(whole, 1, "{text}{check}");
            }
        }
    }

    #[test]
    fn what_a_text_is() {
        let house = house();
        let number = house[0].number(4217).unwrap();
        assert!(number.starts_with("S-0004217-"), "{number}");
        let small = number.to_lowercase();
        let bare = number.replace('-', "");
        let spread = bare.chars().map(|c| format!("{c} ")).collect::<String>();
        let wide: String = bare.chars().filter_map(|c| char::from_u32(u32::from(c) + 0xfee0)).collect();
        let dashes = number.replace('-', "–");
        for typed in [&number, &small, &bare, &spread, &wide, &dashes] {
            let Reading::Right(read) = read(typed, &house) else { panic!("{typed}") };
            assert_eq!((read.text.as_str(), read.series.code.as_str()), (number.as_str(), "sample"), "{typed}");
        }
        let other = number.chars().next_back().map(|check| if check == 'A' { 'B' } else { 'A' }).unwrap();
        let typo = format!("s0004217{other}");
        let Reading::Wrong(wrong) = read(&typo, &house) else { panic!("{typo}") };
        assert_eq!((wrong.text, wrong.fault), (format!("S-0004217-{other}"), Fault::Check));
        assert_eq!(wrong.expected, "S-0000000-X");
        let Reading::Wrong(wrong) = read("S-00O4217-A", &house) else { panic!("a letter among the digits") };
        assert_eq!(wrong.fault, Fault::Letter { found: 'O', at: 4 });
        let said = "there is a O in place 4, where a digit belongs, of S-00O4217-A, whose form is S-0000000-X: look again \
                    at the label";
        assert_eq!(wrong.to_string(), said);
        for foreign in
            ["", "S", "R-1", "18K-0042-7", "S-0004217", "S/0004217/K", "09521234543213", "S0-12", "GB-UNDO", "红宝石"]
        {
            assert_eq!(read(foreign, &house), Reading::NotOurs, "{foreign}");
        }
        let own = house[0].own_number(7, &EPOCH, 1).or_else(|| house[0].own_number(7, &EPOCH, 2)).unwrap();
        let Reading::Right(found) = read(&own.to_lowercase().replace('-', ""), &house) else { panic!("{own}") };
        assert_eq!(found.text, own);
        assert_eq!((leased_counter(&own), leased_counter(&number)), (None, Some(4217)));
    }

    #[test]
    fn series_that_cannot_stand_side_by_side_are_named() {
        assert_eq!(flaw(&house()), None);
        for (odd, why) in [
            (series("x", "S", 7), "one prefix"),
            (series("sample", "X", 7), "two series"),
            (series("x", "S1", 7), "capital letters"),
            (series("x", "ABCDE", 7), "capital letters"),
            (series("X", "X", 7), "small letters"),
            (series("x", "X", 4), "width"),
        ] {
            let mut all = house();
            all.push(odd);
            let said = flaw(&all).unwrap();
            assert!(said.contains(why), "{said}");
        }
    }

    /// The numbers of a series, leased and own, as they are printed.
    fn any_number() -> impl Strategy<Value = String> {
        let leased =
            (0_usize..4, 1_u64..99_999).prop_filter_map("passed over", |(at, counter)| house()[at].number(counter));
        let own = (0_usize..4, 0_u32..500, any::<[u8; 16]>(), 1_u64..2_000_000)
            .prop_filter_map("passed over", |(at, terminal, epoch, n)| house()[at].own_number(terminal, &epoch, n));
        prop_oneof![leased, own]
    }

    proptest! {
        #[test]
        fn every_number_is_read_back(number in any_number()) {
            let house = house();
            let typed = number.replace('-', "").to_lowercase();
            match read(&typed, &house) {
                Reading::Right(found) => prop_assert_eq!(found.text, number),
                other => prop_assert!(false, "{} is {:?}", number, other),
            }
        }

        /// All single substitutions and all swaps of neighbours: none names anything.
        #[test]
        fn no_slip_names_another_thing(number in any_number()) {
            let house = house();
            let plain: Vec<char> = number.replace('-', "").chars().collect();
            for at in 0..plain.len() {
                for &other in ALPHABET.iter().filter(|&&other| char::from(other) != plain[at]) {
                    let mut slip = plain.clone();
                    slip[at] = char::from(other);
                    let slip: String = slip.into_iter().collect();
                    prop_assert!(!matches!(read(&slip, &house), Reading::Right(_)), "{} for {}", slip, number);
                }
                if at + 1 < plain.len() && plain[at] != plain[at + 1] {
                    let mut slip = plain.clone();
                    slip.swap(at, at + 1);
                    let slip: String = slip.into_iter().collect();
                    prop_assert!(!matches!(read(&slip, &house), Reading::Right(_)), "{} for {}", slip, number);
                }
            }
        }

        /// A slip in a leased number keeps its form, so it is told and not taken for a foreign code.
        #[test]
        fn a_slip_in_the_digits_is_told(counter in 1_u64..9_999_999, at in 1_usize..9, other in 0_usize..36) {
            let house = house();
            let Some(number) = house[0].number(counter) else { return Ok(()) };
            let mut plain: Vec<u8> = number.replace('-', "").into_bytes();
            prop_assume!(plain[at] != ALPHABET[other]);
            plain[at] = ALPHABET[other];
            let slip = String::from_utf8(plain).unwrap();
            prop_assert!(matches!(read(&slip, &house), Reading::Wrong(_)), "{}", slip);
        }

        #[test]
        fn any_text_is_read_without_harm(text in ".{0,100}") {
            if let Reading::Right(found) = read(&text, &house()) {
                let again = house();
                let same = read(&found.text, &again);
                prop_assert!(matches!(same, Reading::Right(_)));
            }
        }

        /// Numbers of different origin never are one, whatever hyphens are left out.
        #[test]
        fn two_numbers_are_two(one in any_number(), other in any_number()) {
            prop_assume!(one != other);
            prop_assert_ne!(one.replace('-', ""), other.replace('-', ""));
        }
    }
}
