//! What a person can set of a device: each family lists its settings once, with default, range and words. The
//! configuration, its checks and the documents are read from these lists.

use std::collections::BTreeMap;
use std::fmt;

/// One setting of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The key in a configuration; a unit is its last word.
    pub name: &'static str,
    pub form: Form,
    /// What it does, in a sentence or two, for the one who sets it.
    pub says: &'static str,
}

/// What a setting takes, and its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Flag(bool),
    /// A whole number from `from` to `to`.
    Whole {
        default: i64,
        from: i64,
        to: i64,
    },
    /// One of `words`; the first is the default.
    Word(&'static [&'static str]),
    Text(&'static str),
    /// A text that must not be shown, nor stand in a configuration; empty by default.
    Secret,
    Texts(&'static [&'static str]),
    /// A list of whole numbers, each from `from` to `to`; empty by default.
    Wholes {
        from: i64,
        to: i64,
    },
}

/// What was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Flag(bool),
    Whole(i64),
    Text(String),
    Texts(Vec<String>),
    Wholes(Vec<i64>),
}

impl Form {
    pub fn default(self) -> Value {
        match self {
            Form::Flag(flag) => Value::Flag(flag),
            Form::Whole { default, .. } => Value::Whole(default),
            Form::Word(words) => Value::Text(words.first().copied().unwrap_or_default().to_owned()),
            Form::Text(text) => Value::Text(text.to_owned()),
            Form::Secret => Value::Text(String::new()),
            Form::Texts(texts) => Value::Texts(texts.iter().map(|&text| text.to_owned()).collect()),
            Form::Wholes { .. } => Value::Wholes(Vec::new()),
        }
    }

    /// Whether `value` is of this form; the error says what would be.
    fn check(self, value: &Value) -> Result<(), String> {
        let within = |number: &i64, from: i64, to: i64| match (from..=to).contains(number) {
            true => Ok(()),
            false => Err(format!("it goes from {from} to {to}")),
        };
        match (self, value) {
            (Form::Flag(_), Value::Flag(_))
            | (Form::Text(_) | Form::Secret, Value::Text(_))
            | (Form::Texts(_), Value::Texts(_)) => Ok(()),
            (Form::Whole { from, to, .. }, Value::Whole(number)) => within(number, from, to),
            (Form::Wholes { from, to }, Value::Wholes(numbers)) => {
                numbers.iter().try_for_each(|number| within(number, from, to))
            }
            (Form::Word(words), Value::Text(word)) if words.contains(&word.as_str()) => Ok(()),
            (Form::Word(words), _) => Err(format!("write one of \"{}\"", words.join("\", \""))),
            (Form::Flag(_), _) => Err("it wants true or false".into()),
            (Form::Whole { .. }, _) => Err("it wants a whole number".into()),
            (Form::Text(_) | Form::Secret, _) => Err("it wants a text in quotation marks".into()),
            (Form::Texts(_), _) => Err("it wants a list of texts in quotation marks".into()),
            (Form::Wholes { .. }, _) => Err("it wants a list of whole numbers".into()),
        }
    }
}

/// The settings of one device: what was set, and the defaults of its family for the rest.
#[derive(Clone)]
pub struct Settings {
    table: &'static [Setting],
    set: BTreeMap<&'static str, Value>,
}

/// Without the secrets.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = |name: &str| self.table.iter().any(|setting| setting.name == name && setting.form == Form::Secret);
        f.debug_map().entries(self.set.iter().filter(|(name, _)| !secret(name))).finish()
    }
}

impl Settings {
    /// All defaults of a family.
    pub fn of(table: &'static [Setting]) -> Settings {
        Settings { table, set: BTreeMap::new() }
    }

    /// Sets one of them.
    ///
    /// # Errors
    /// What would have been right, as a clause: a name that the family does not have, a wrong kind, out of range.
    pub fn set(&mut self, name: &str, value: Value) -> Result<(), String> {
        let Some(setting) = self.table.iter().find(|setting| setting.name == name) else {
            let names: Vec<_> = self.table.iter().map(|setting| setting.name).collect();
            return Err(format!("it knows {}", names.join(", ")));
        };
        let value = match (setting.form, value) {
            // An empty list is written alike for both.
            (Form::Wholes { .. }, Value::Texts(texts)) if texts.is_empty() => Value::Wholes(Vec::new()),
            (_, value) => value,
        };
        setting.form.check(&value)?;
        self.set.insert(setting.name, value);
        Ok(())
    }

    /// What was set, else the default.
    ///
    /// # Panics
    /// When the family has no such setting: a slip of its author, which opening each family once in a test finds.
    pub fn value(&self, name: &'static str) -> Value {
        let setting = self.table.iter().find(|setting| setting.name == name);
        let setting = setting.unwrap_or_else(|| panic!("this family has no setting `{name}`"));
        self.set.get(name).cloned().unwrap_or_else(|| setting.form.default())
    }

    pub fn flag(&self, name: &'static str) -> bool {
        self.value(name) == Value::Flag(true)
    }

    /// A whole number; it fits `T` because its range does.
    pub fn whole<T: TryFrom<i64> + Default>(&self, name: &'static str) -> T {
        match self.value(name) {
            Value::Whole(number) => T::try_from(number).unwrap_or_default(),
            Value::Flag(_) | Value::Text(_) | Value::Texts(_) | Value::Wholes(_) => T::default(),
        }
    }

    /// A text or a word.
    pub fn text(&self, name: &'static str) -> String {
        match self.value(name) {
            Value::Text(text) => text,
            Value::Flag(_) | Value::Whole(_) | Value::Texts(_) | Value::Wholes(_) => String::new(),
        }
    }

    pub fn texts(&self, name: &'static str) -> Vec<String> {
        match self.value(name) {
            Value::Texts(texts) => texts,
            Value::Flag(_) | Value::Whole(_) | Value::Text(_) | Value::Wholes(_) => Vec::new(),
        }
    }

    pub fn wholes<T: TryFrom<i64>>(&self, name: &'static str) -> Vec<T> {
        match self.value(name) {
            Value::Wholes(numbers) => numbers.into_iter().filter_map(|number| T::try_from(number).ok()).collect(),
            Value::Flag(_) | Value::Whole(_) | Value::Text(_) | Value::Texts(_) => Vec::new(),
        }
    }
}
