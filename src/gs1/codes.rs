//! Code lists of other bodies that values are checked against, read from `codes.txt`.

use std::sync::LazyLock;

static LISTS: LazyLock<Lists> = LazyLock::new(|| Lists::read(include_str!("codes.txt")));

/// Sorted codes of each list.
struct Lists {
    country: Vec<&'static str>,
    country_letters: Vec<&'static str>,
    currency: Vec<&'static str>,
    media: Vec<&'static str>,
    package: Vec<&'static str>,
}

impl Lists {
    fn read(text: &'static str) -> Lists {
        let list = |name: &str| {
            let lines = text.lines().skip_while(|line| *line != name).skip(1).take_while(|line| line.starts_with(' '));
            let mut codes: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
            codes.sort_unstable();
            codes
        };
        Lists {
            country: list("country"),
            country_letters: list("country_letters"),
            currency: list("currency"),
            media: list("media"),
            package: list("package"),
        }
    }
}

fn has(list: &[&'static str], code: &[u8]) -> bool {
    list.binary_search_by(|known| known.as_bytes().cmp(code)).is_ok()
}

/// ISO 3166-1, three digits.
pub(super) fn is_country(code: &[u8]) -> bool {
    has(&LISTS.country, code)
}

/// ISO 3166-1, two letters.
pub(super) fn is_country_letters(code: &[u8]) -> bool {
    has(&LISTS.country_letters, code)
}

/// ISO 4217, three digits.
pub(super) fn is_currency(code: &[u8]) -> bool {
    has(&LISTS.currency, code)
}

pub(super) fn is_media_type(code: &[u8]) -> bool {
    has(&LISTS.media, code)
}

pub(super) fn is_package_type(code: &[u8]) -> bool {
    has(&LISTS.package, code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_is_there() {
        let lens =
            [&LISTS.country, &LISTS.country_letters, &LISTS.currency, &LISTS.media, &LISTS.package].map(Vec::len);
        assert_eq!(lens, [249, 249, 179, 30, 431]);
        assert!(is_country(b"156") && !is_country(b"999") && !is_country(b"15"));
        assert!(is_country_letters(b"CN") && is_currency(b"978") && is_media_type(b"80") && is_package_type(b"WRP"));
        assert!(!is_currency(b"123") && !is_media_type(b"11") && !is_package_type(b"") && !is_country_letters(b"cn"));
    }
}
