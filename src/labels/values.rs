//! What is filled into a template, checked field by field before anything is drawn.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::gs1;
use crate::labels::template::{Choice, Field, Template};
use crate::labels::{LabelError, Language};

/// What a field holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    #[default]
    Text,
    /// GTIN of 8, 12, 13 or 14 digits; in elements and addresses always 14.
    Gtin,
    /// Serial shipping container code, 18 digits.
    Sscc,
    Digits,
    /// `2026-12-31`; in elements and addresses 261231.
    Date,
    /// The beginning of a web address, `https://id.gs1.org`: in an address it stands as it is.
    Address,
}

/// Texts by the name of their field. A text may have a twin for one language: `name.en`, `name.zh-CN`.
#[derive(Clone, Debug, Default)]
pub struct Values {
    texts: BTreeMap<String, String>,
}

impl Values {
    /// Sets a field; blanks around the text do not count, and an empty text is none.
    pub fn set(&mut self, field: &str, text: &str) {
        match text.trim() {
            "" => self.texts.remove(field),
            text => self.texts.insert(field.to_owned(), text.to_owned()),
        };
    }

    fn given(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }
}

impl<K: AsRef<str>, V: AsRef<str>> FromIterator<(K, V)> for Values {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Values {
        let mut values = Values::default();
        pairs.into_iter().for_each(|(field, text)| values.set(field.as_ref(), text.as_ref()));
        values
    }
}

/// Values that fit a template.
pub struct Filled<'a> {
    template: &'a Template,
    values: &'a Values,
    language: Language,
}

impl<'a> Filled<'a> {
    /// Checks every value against its field.
    ///
    /// # Errors
    /// The first value that is missing, unknown or not of the field's kind.
    pub fn of(template: &'a Template, values: &'a Values, language: Language) -> Result<Filled<'a>, LabelError> {
        for (name, text) in &values.texts {
            let (own, twin) = match name.split_once('.') {
                Some((own, "en" | "zh-CN")) => (own, true),
                _ => (name.as_str(), false),
            };
            let field =
                template.field(own).filter(|field| !twin || field.kind == Kind::Text && field.choices.is_empty());
            check(field.ok_or_else(|| LabelError::unknown_field(template, name))?, text)?;
        }
        match template.fields.iter().find(|field| field.required && values.given(&field.name).is_none()) {
            Some(field) => Err(LabelError::Missing { field: field.name.clone() }),
            None => Ok(Filled { template, values, language }),
        }
    }

    fn base(&self, field: &'a Field) -> Option<&'a str> {
        self.values.given(&field.name).or(field.default.as_deref())
    }

    fn twin(&self, field: &'a Field, language: &str) -> Option<&'a str> {
        self.values.given(&format!("{}.{language}", field.name)).or_else(|| self.base(field))
    }

    fn field(&self, name: &str) -> Option<(&'a Field, Option<&'a Choice>, bool)> {
        let (own, of_choice) = name.split_once('.').map_or((name, false), |(own, _)| (own, true));
        let field = self.template.field(own)?;
        let choice = self.base(field).and_then(|value| field.choices.get(value));
        Some((field, choice, of_choice))
    }

    /// Whether the field has a value.
    pub fn has(&self, name: &str) -> bool {
        self.field(name).is_some_and(|(field, ..)| self.base(field).is_some())
    }

    /// What a person reads in a place of this name; in both languages one on a line of its own under the
    /// other, where they differ.
    pub fn read(&self, name: &str) -> Option<String> {
        let (field, choice, of_choice) = self.field(name)?;
        let [chinese, english] = match choice {
            Some(choice) if of_choice => return choice.code.clone(),
            Some(choice) => [choice.words.chinese.as_str(), choice.words.english.as_str()],
            None => [self.twin(field, "zh-CN")?, self.twin(field, "en")?],
        };
        Some(match self.language {
            Language::Chinese => chinese.to_owned(),
            Language::English => english.to_owned(),
            Language::Both if chinese == english => chinese.to_owned(),
            Language::Both => format!("{chinese}\n{english}"),
        })
    }

    /// What a plain code says in a place of this name. Where a label in both languages reads two texts, the code has the first.
    pub fn coded(&self, name: &str) -> Option<String> {
        let (field, choice, of_choice) = self.field(name)?;
        match choice {
            Some(choice) if of_choice => choice.code.clone(),
            _ => match self.language {
                Language::Chinese | Language::Both => self.twin(field, "zh-CN"),
                Language::English => self.twin(field, "en"),
            }
            .map(str::to_owned),
        }
    }

    /// What an element string says in a place of this name: GTINs have 14 digits, dates six.
    pub fn element(&self, name: &str) -> Option<String> {
        let text = self.coded(name)?;
        Some(match self.field(name)?.0.kind {
            Kind::Gtin => format!("{text:0>14}"),
            Kind::Date => text.chars().filter(char::is_ascii_digit).skip(2).collect(),
            Kind::Text | Kind::Sscc | Kind::Digits | Kind::Address => text,
        })
    }

    /// The same as a part of a web address.
    pub fn in_address(&self, name: &str) -> Option<String> {
        let text = self.element(name)?;
        Some(match self.field(name)?.0.kind {
            Kind::Address => text,
            Kind::Text | Kind::Gtin | Kind::Sscc | Kind::Digits | Kind::Date => gs1::link::percent_encode(&text),
        })
    }
}

fn check(field: &Field, text: &str) -> Result<(), LabelError> {
    let name = || field.name.clone();
    let length = text.chars().count();
    if field.max < length {
        return Err(LabelError::TooLong { field: name(), length, max: field.max });
    }
    if text.chars().any(char::is_control) {
        return Err(LabelError::NotPrintable { field: name() });
    }
    if !field.choices.is_empty() && !field.choices.contains_key(text) {
        let choices = field.choices.keys().cloned().collect::<Vec<_>>().join(", ");
        return Err(LabelError::NotAChoice { field: name(), text: text.to_owned(), choices });
    }
    let wrong = |wanted: &'static str| LabelError::Form { field: name(), text: text.to_owned(), wanted };
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match field.kind {
        Kind::Text => Ok(()),
        Kind::Digits if digits => Ok(()),
        Kind::Digits => Err(wrong("digits only")),
        Kind::Gtin if digits && matches!(length, 8 | 12 | 13 | 14) => check_digit(field, text),
        Kind::Gtin => Err(wrong("a GTIN of 8, 12, 13 or 14 digits")),
        Kind::Sscc if digits && length == 18 => check_digit(field, text),
        Kind::Sscc => Err(wrong("an SSCC of 18 digits")),
        Kind::Date if text.parse::<jiff::civil::Date>().is_ok_and(|date| date.to_string() == text) => Ok(()),
        Kind::Date => Err(wrong("a date like 2026-12-31")),
        Kind::Address if is_address(text) => Ok(()),
        Kind::Address => Err(wrong("an address like https://id.gs1.org without a slash at its end")),
    }
}

/// Whether a Digital Link can begin with this.
fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:%".contains(&byte);
    !rest.is_empty() && !rest.ends_with('/') && rest.bytes().all(sound)
}

fn check_digit(field: &Field, text: &str) -> Result<(), LabelError> {
    let body = text.get(..text.len().saturating_sub(1)).unwrap_or_default();
    match gs1::check_digit(body) {
        Some(right) if !text.ends_with(char::from(b'0' + right)) => {
            Err(LabelError::CheckDigit { field: field.name.clone(), text: text.to_owned(), right })
        }
        _ => Ok(()),
    }
}
