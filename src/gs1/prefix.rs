//! GS1 company prefixes of the house and its partners. A key does not tell where its company prefix ends, and schemes
//! like EPC need to know.

/// Digits of a company prefix.
pub const LENGTHS: std::ops::RangeInclusive<usize> = 4..=12;

/// Known company prefixes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefixes {
    /// Longest first, so that the first one that fits is the longest.
    list: Vec<String>,
}

/// What is wrong with an entry of a list of company prefixes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    #[error("the company prefix `{entry}` (entry {number}) has a character that is no digit")]
    Digit { entry: String, number: usize },
    #[error("the company prefix `{entry}` (entry {number}) has {len} digits, there are none but of {} to {}", LENGTHS.start(), LENGTHS.end())]
    Length { entry: String, number: usize, len: usize },
    #[error("the company prefix `{entry}` (entry {number}) stands there twice")]
    Twice { entry: String, number: usize },
}

impl PrefixError {
    /// What to do.
    pub fn help(&self) -> &'static str {
        match self {
            PrefixError::Digit { .. } => "Write the digits alone, without blanks and hyphens.",
            PrefixError::Length { .. } => "Look it up on the licence of GS1; a GTIN is no company prefix.",
            PrefixError::Twice { .. } => "Delete one of the two entries.",
        }
    }
}

impl Prefixes {
    /// # Errors
    /// The first entry that is no company prefix; entries are counted from 1.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Prefixes, PrefixError> {
        let mut list: Vec<String> = Vec::new();
        for (index, entry) in entries.into_iter().enumerate() {
            let (text, number) = (entry.to_owned(), index + 1);
            if !entry.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(PrefixError::Digit { entry: text, number });
            }
            if !LENGTHS.contains(&entry.len()) {
                return Err(PrefixError::Length { entry: text, number, len: entry.len() });
            }
            if list.contains(&text) {
                return Err(PrefixError::Twice { entry: text, number });
            }
            list.push(text);
        }
        list.sort_by_key(|prefix| std::cmp::Reverse(prefix.len()));
        Ok(Prefixes { list })
    }

    /// How many digits the company prefix of a key has: those of the longest known one that `digits` begin with. Give the
    /// key without its indicator or extension digit ([`crate::gs1::key::Key::company_digits`]). `None` when no known one
    /// fits; then take a scheme that needs no length, rather than guess.
    pub fn length_for(&self, digits: &str) -> Option<usize> {
        self.list.iter().find(|prefix| digits.starts_with(prefix.as_str())).map(String::len)
    }

    /// Longest first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(String::as_str)
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_that_fits_decides() {
        let prefixes = Prefixes::of(["9521", "9521234", "06141411"]).unwrap();
        for (digits, len) in [
            ("952123454321", Some(7)),
            ("952199954321", Some(4)),
            ("061414112345", Some(8)),
            ("61414112345", None),
            ("952", None),
            ("", None),
        ] {
            assert_eq!(prefixes.length_for(digits), len, "{digits}");
        }
        assert_eq!(Prefixes::default().length_for("9521234"), None);
    }

    #[test]
    fn a_wrong_entry_is_named() {
        for (entries, error) in [
            (["9521234", "95 1"], "the company prefix `95 1` (entry 2) has a character that is no digit"),
            (["952", "9521"], "the company prefix `952` (entry 1) has 3 digits, there are none but of 4 to 12"),
            (["9521", "9521"], "the company prefix `9521` (entry 2) stands there twice"),
            (["", "9521"], "the company prefix `` (entry 1) has 0 digits, there are none but of 4 to 12"),
        ] {
            assert_eq!(Prefixes::of(entries).unwrap_err().to_string(), error);
        }
    }
}
