//! Every text of the interface, in Simplified Chinese and in English, by key (Fluent).
//!
//! The two files of a floor hold the same keys; a test fails on a key that one of them lacks or that nobody uses.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

use crate::face::values;
use crate::numbers::{Fault, Wrong};

/// The files of each language; a floor that adds texts adds its pair here.
const CHINESE: &[&str] = &[
    include_str!("words/zh-CN.ftl"),
    include_str!("../terminal/screen/words/zh-CN.ftl"),
    include_str!("../terminal/screen/words/labels.zh-CN.ftl"),
];
const ENGLISH: &[&str] = &[
    include_str!("words/en.ftl"),
    include_str!("../terminal/screen/words/en.ftl"),
    include_str!("../terminal/screen/words/labels.en.ftl"),
];

type Bundle = FluentBundle<FluentResource>;

static CHINESE_WORDS: LazyLock<Bundle> = LazyLock::new(|| bundle(Lang::Zh, CHINESE));
static ENGLISH_WORDS: LazyLock<Bundle> = LazyLock::new(|| bundle(Lang::En, ENGLISH));

/// A language of the house.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lang {
    #[default]
    Zh,
    En,
}

/// A fact that a sentence names. Counts choose the plural and are grouped by thousands; texts stand as they are.
#[derive(Clone, Copy, Debug)]
pub enum Fact<'a> {
    Text(&'a str),
    Count(u64),
}

impl<'a> From<&'a str> for Fact<'a> {
    fn from(text: &'a str) -> Fact<'a> {
        Fact::Text(text)
    }
}

impl<'a> From<&'a String> for Fact<'a> {
    fn from(text: &'a String) -> Fact<'a> {
        Fact::Text(text)
    }
}

impl From<u64> for Fact<'_> {
    fn from(count: u64) -> Self {
        Fact::Count(count)
    }
}

impl Lang {
    pub const ALL: [Lang; 2] = [Lang::Zh, Lang::En];

    /// The BCP 47 tag: `lang` attribute, cookie and address.
    pub fn tag(self) -> &'static str {
        match self {
            Lang::Zh => "zh-CN",
            Lang::En => "en",
        }
    }

    /// The other one, for the switch.
    pub fn other(self) -> Lang {
        match self {
            Lang::Zh => Lang::En,
            Lang::En => Lang::Zh,
        }
    }

    /// Reads one tag: `zh`, `zh-CN`, `zh-Hans`, `en`, `en-GB`; `None` for another language.
    pub fn from_tag(tag: &str) -> Option<Lang> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("zh") {
            return Some(Lang::Zh);
        }
        primary.eq_ignore_ascii_case("en").then_some(Lang::En)
    }

    /// The best of an `Accept-Language` header (RFC 9110, section 12.5.4); Chinese when it names neither.
    pub fn accepted(header: &str) -> Lang {
        let weighed = header.split(',').take(32).filter_map(|part| {
            let (tag, rest) = part.split_once(';').unwrap_or((part, ""));
            let weight = rest.trim().strip_prefix("q=").map_or(Some(1.0), |text| text.parse::<f32>().ok())?;
            Some((Lang::from_tag(tag)?, weight)).filter(|&(_, weight)| 0.0 < weight)
        });
        let best = weighed.fold(None, |best: Option<(Lang, f32)>, next| match best {
            Some(best) if next.1 <= best.1 => Some(best),
            _ => Some(next),
        });
        best.map_or(Lang::Zh, |(lang, _)| lang)
    }

    /// The text of `key`.
    pub fn say(self, key: &str) -> String {
        self.tell(key, &[])
    }

    /// The text of a key that belongs to a family: `word("reason", "no_pass")` is the text of `reason-no_pass`.
    pub fn word(self, family: &str, word: &str) -> String {
        self.say(&format!("{family}-{word}"))
    }

    /// The text of `key` with its facts. A key without text shows itself: ugly, but never a blank button.
    pub fn tell(self, key: &str, facts: &[(&str, Fact<'_>)]) -> String {
        let words = self.words();
        let Some(pattern) = words.get_message(key).and_then(|message| message.value()) else { return key.to_owned() };
        let mut args = FluentArgs::new();
        for &(name, fact) in facts {
            match fact {
                Fact::Text(text) => args.set(name, text),
                Fact::Count(count) => args.set(name, count),
            }
        }
        words.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned()
    }

    /// What is wrong with a text that looks like a number of the house.
    pub fn wrong_number(self, wrong: &Wrong) -> String {
        let Wrong { text, expected, fault } = wrong;
        let (text, expected) = (("text", text.into()), ("expected", expected.into()));
        match fault {
            Fault::Check => self.tell("number-check-wrong", &[text, expected]),
            Fault::Letter { found, at } => {
                let (found, at) = (found.to_string(), at.to_string());
                let facts = [text, expected, ("found", (&found).into()), ("at", (&at).into())];
                self.tell("number-letter-wrong", &facts)
            }
        }
    }

    /// The one of two names that is written in this language; the other when this one is blank.
    pub fn of<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        let (first, second) = match self {
            Lang::Zh => (zh, en),
            Lang::En => (en, zh),
        };
        if first.trim().is_empty() { second } else { first }
    }

    fn words(self) -> &'static Bundle {
        match self {
            Lang::Zh => &CHINESE_WORDS,
            Lang::En => &ENGLISH_WORDS,
        }
    }
}

fn bundle(lang: Lang, files: &[&str]) -> Bundle {
    let tag: LanguageIdentifier = lang.tag().parse().expect("both tags are well-formed");
    let mut bundle = Bundle::new_concurrent(vec![tag]);
    // Isolation marks would be copied along with every number that a person takes from a page.
    bundle.set_use_isolating(false);
    bundle.set_formatter(Some(|value, _| match value {
        FluentValue::Number(number) => Some(values::grouped(number.value as i64)),
        _ => None,
    }));
    for file in files {
        // A test reads every file without an error, so whatever is lost here was never released.
        let resource = FluentResource::try_new((*file).to_owned()).unwrap_or_else(|(resource, _)| resource);
        bundle.add_resource_overriding(resource);
    }
    bundle
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Families of keys whose last part is a word of the code. Each word is demanded by a test of its own below or in its room.
    const FAMILIES: [&str; 9] =
        ["reason-", "act-", "state-", "role-", "record-", "kind-", "direction-", "somewhere-", "flag-"];

    fn keys(files: &[&str]) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        for file in files {
            let resource = FluentResource::try_new((*file).to_owned())
                .unwrap_or_else(|(_, errors)| panic!("a file of words does not parse: {errors:?}"));
            assert!(0 < resource.entries().count());
            for line in file.lines() {
                let Some((key, _)) = line.split_once(" =") else { continue };
                if key.starts_with(|c: char| c.is_ascii_lowercase()) {
                    assert!(keys.insert(key.to_owned()), "{key} stands twice");
                }
            }
        }
        keys
    }

    fn sources(folder: &Path, into: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                into.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }

    /// The first string after each `call`, across a line break.
    fn named(code: &str, call: &str) -> BTreeSet<String> {
        let after = code.split(call).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
        after.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
    }

    #[test]
    fn every_text_is_there_in_both_languages_and_is_used() {
        let (zh, en) = (keys(CHINESE), keys(ENGLISH));
        assert_eq!(zh.difference(&en).collect::<Vec<_>>(), Vec::<&String>::new(), "missing in English");
        assert_eq!(en.difference(&zh).collect::<Vec<_>>(), Vec::<&String>::new(), "missing in Chinese");
        let mut code = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut code);
        let mut asked = named(&code, concat!(".say", "("));
        asked.append(&mut named(&code, concat!(".tell", "(")));
        let missing: Vec<_> = asked.iter().filter(|key| !en.contains(*key)).collect();
        assert!(missing.is_empty(), "asked for, but no text: {missing:?}");
        let family = |key: &str| FAMILIES.iter().any(|family| key.starts_with(family));
        let unused: Vec<_> = en.iter().filter(|key| !family(key) && !code.contains(&format!("\"{key}\""))).collect();
        assert!(unused.is_empty(), "no page says this: {unused:?}");
    }

    /// The words that the code gives out in an `impl`, read from the code itself so that a new variant cannot be forgotten.
    fn words_of(code: &str, of: &str) -> Vec<String> {
        let arms = code.lines().filter_map(|line| line.trim().strip_prefix(of)?.split_once("=> \""));
        arms.filter_map(|(_, rest)| Some(rest.split_once('"')?.0.to_owned())).collect()
    }

    #[test]
    fn every_word_of_the_book_has_a_text() {
        let book = include_str!("../event/mod.rs");
        let records = include_str!("../sync/records.rs");
        let tones = include_str!("tones.rs");
        let mut wanted = BTreeMap::new();
        for (family, code, of) in [
            ("reason", book, "Reason::"),
            ("act", book, "Act::"),
            ("direction", book, "Direction::"),
            ("record", records, "Content::"),
            ("state", tones, "State::"),
        ] {
            let words = words_of(code, of);
            assert!(3 <= words.len(), "{family}: the words were not found");
            wanted.insert(family, words);
        }
        wanted.insert("kind", (0..=7).map(|kind| crate::event::Body::kind_word(kind).to_owned()).collect());
        for lang in Lang::ALL {
            for (family, words) in &wanted {
                for word in words {
                    let text = lang.word(family, word);
                    assert!(!text.starts_with(family), "{}: no text for {family}-{word}", lang.tag());
                }
            }
        }
    }

    #[test]
    fn a_sentence_names_its_facts() {
        assert_eq!(Lang::En.tell("pieces", &[("n", 1.into())]), "1 pc");
        assert_eq!(Lang::En.tell("pieces", &[("n", 1240.into())]), "1,240 pcs");
        assert_eq!(Lang::Zh.tell("pieces", &[("n", 5.into())]), "5 件");
    }

    #[test]
    fn the_language_is_the_one_the_browser_likes_best() {
        for (header, want) in [
            ("", Lang::Zh),
            ("en", Lang::En),
            ("de-DE,de;q=0.9,en;q=0.8,zh;q=0.7", Lang::En),
            ("zh-CN,zh;q=0.9,en;q=0.8", Lang::Zh),
            ("en;q=0.1,zh-Hans;q=0.5", Lang::Zh),
            ("en;q=0,fr", Lang::Zh),
            ("en;q=many", Lang::Zh),
        ] {
            assert_eq!(Lang::accepted(header), want, "{header}");
        }
    }
}
