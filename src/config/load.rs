//! Layers of settings and the reader over them: every value knows its line, every problem is collected.

use std::cell::RefCell;
use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use hardware::device::Family;
use hardware::settings::{Form, Settings, Value as Setting};
use jiff::tz::TimeZone;

use crate::config::tree::{Node, Place, Table, Value, forget_places, overlay, parse};
use crate::config::variables::{nearest, set_variable};
use crate::config::{ConfigError, Kind};

/// Largest configuration file, in bytes: far above any site, far below what would hurt.
const FILE_MAX: u64 = 1024 * 1024;

/// Variables that the command line reads itself; they are no settings.
pub const NOT_SETTINGS: [&str; 3] = ["GATEBOOK_CONFIG", "GATEBOOK_LOG", "GATEBOOK_LOG_FORMAT"];

/// Variables of the project's own tests, which may run the program.
const FOR_TESTS: &str = "GATEBOOK_TEST_";

/// What must not be shown. Comes from the environment or from a file that only the program may read.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "not set" } else { "set, not shown" })
    }
}

/// The `GATEBOOK_…` variables of this process.
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
        .filter(|(name, _)| name.starts_with("GATEBOOK_") && !name.starts_with(FOR_TESTS))
        .filter(|(name, _)| !NOT_SETTINGS.contains(&name.as_str()))
        .collect()
}

/// The name under which messages quote the file, and its text.
pub(crate) fn read_file(path: &Path) -> Result<(String, String), ConfigError> {
    let place = path.display().to_string();
    let problem =
        |what: String, help: &str| ConfigError { place: place.clone(), line: None, what, help: Some(help.to_owned()) };
    let size = std::fs::metadata(path)
        .map_err(|error| problem(format!("the file cannot be read: {error}"), "check the path and its permissions"))?
        .len();
    if FILE_MAX < size {
        return Err(problem(format!("the file has {size} bytes, at most {FILE_MAX} are read"), "check the path"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| {
        let help = match error.kind() {
            std::io::ErrorKind::InvalidData => "it must be text in UTF-8",
            std::io::ErrorKind::IsADirectory => "name the file in it",
            _ => "check the path and its permissions",
        };
        problem(format!("the file cannot be read: {error}"), help)
    })?;
    Ok((place, text))
}

type Problems = Rc<RefCell<Vec<ConfigError>>>;

/// The settings of one program: defaults, file and environment, one over the other.
pub struct Layers {
    table: Table,
    defaults: Table,
    problems: Problems,
}

impl Layers {
    /// Lays `file` (name and text) and `env` over the text of the commented defaults.
    ///
    /// # Errors
    /// What makes the file unreadable as TOML.
    pub(crate) fn open(
        defaults: &str,
        file: Option<(String, String)>,
        env: &[(String, String)],
    ) -> Result<Layers, Vec<ConfigError>> {
        let mut defaults = parse("the built-in defaults", defaults).map_err(|error| vec![error])?;
        forget_places(&mut defaults);
        let mut table = defaults.clone();
        // Devices and stations are what a site has; the commented ones are examples and never inherited.
        table.values_mut().for_each(|node| {
            if let Value::List(entries) = &mut node.value
                && entries.iter().any(|entry| matches!(entry.value, Value::Table(_)))
            {
                entries.clear();
            }
        });
        if let Some((place, text)) = file {
            overlay(&mut table, parse(&place, &text).map_err(|error| vec![error])?);
        }
        let mut problems = Vec::new();
        for (name, value) in env {
            if let Err(problem) = set_variable(&mut table, &defaults, name, value) {
                problems.push(problem);
            }
        }
        Ok(Layers { table, defaults, problems: Rc::new(RefCell::new(problems)) })
    }

    /// The keys at the top.
    pub(crate) fn top(&self) -> Section {
        Section {
            name: String::new(),
            table: self.table.clone(),
            set: None,
            known: Vec::new(),
            problems: self.problems.clone(),
        }
    }

    /// The entries of `[[key]]`. `like` names the key by which an entry finds the commented example whose values it
    /// takes where it has none of its own, except for those in `own`.
    pub(crate) fn entries(
        &self,
        top: &mut Section,
        key: &'static str,
        like: &'static str,
        own: &[&str],
    ) -> Vec<Section> {
        let entries = match top.take(key).map(|node| (node.value, node.set)) {
            Some((Value::List(entries), _)) => entries,
            Some((other, set)) => {
                top.wrong(key, &set, format!("`{key}` is {}", other.called()), format!("write [[{key}]] before it"));
                return Vec::new();
            }
            None => return Vec::new(),
        };
        let mut sections = Vec::new();
        for (number, entry) in entries.into_iter().enumerate() {
            let name = format!("{key} {}", number + 1);
            let Value::Table(set) = entry.value else {
                top.wrong(key, &entry.set, format!("{name} is {}", entry.value.called()), format!("write [[{key}]]"));
                continue;
            };
            let mut table = self.example(key, like, &set);
            own.iter().for_each(|key| drop(table.remove(*key)));
            overlay(&mut table, set);
            sections.push(Section { name, table, set: entry.set, known: Vec::new(), problems: self.problems.clone() });
        }
        sections
    }

    /// The commented entries of `[[key]]`, for a list that a site need not write.
    pub(crate) fn examples(&self, key: &'static str) -> Vec<Section> {
        let Some(Node { value: Value::List(examples), .. }) = self.defaults.get(key) else { return Vec::new() };
        let section = |(number, node): (usize, &Node)| match &node.value {
            Value::Table(table) => {
                let (name, table) = (format!("{key} {}", number + 1), table.clone());
                Some(Section { name, table, set: None, known: Vec::new(), problems: self.problems.clone() })
            }
            _ => None,
        };
        examples.iter().enumerate().filter_map(section).collect()
    }

    fn example(&self, key: &str, like: &str, entry: &Table) -> Table {
        let word = |table: &Table| match table.get(like).map(|node| &node.value) {
            Some(Value::Text(word)) => Some(word.clone()),
            _ => None,
        };
        let Some(Node { value: Value::List(examples), .. }) = self.defaults.get(key) else { return Table::new() };
        let tables = examples.iter().filter_map(|node| match &node.value {
            Value::Table(table) => Some(table),
            _ => None,
        });
        tables.clone().find(|table| word(table).is_some() && word(table) == word(entry)).cloned().unwrap_or_default()
    }

    pub(crate) fn close(self) -> Vec<ConfigError> {
        self.problems.take()
    }
}

/// One table of the configuration while it is read. Problems are noted, never returned: the reader goes on with an
/// empty value, and the whole is thrown away when any was noted.
pub(crate) struct Section {
    name: String,
    table: Table,
    set: Option<Place>,
    known: Vec<&'static str>,
    problems: Problems,
}

impl Section {
    pub(crate) fn section(&mut self, key: &'static str) -> Section {
        let name = if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) };
        let (table, set, problems) = match self.need(key) {
            Some(Node { value: Value::Table(table), set }) => (table, set, self.problems.clone()),
            Some(Node { value, set }) => {
                self.wrong(
                    key,
                    &set,
                    format!("`{key}` is {}", value.called()),
                    format!("write it as a section [{name}]"),
                );
                // What could not be read has no keys to miss.
                (Table::new(), set, Problems::default())
            }
            None => (Table::new(), None, Problems::default()),
        };
        Section { name, table, set, known: Vec::new(), problems }
    }

    pub(crate) fn text(&mut self, key: &'static str) -> String {
        match self.need(key) {
            Some(Node { value: Value::Text(text), .. }) => text,
            Some(node) => self.mistyped(key, &node, "a text in quotation marks"),
            None => String::new(),
        }
    }

    pub(crate) fn flag(&mut self, key: &'static str) -> bool {
        match self.need(key) {
            Some(Node { value: Value::Flag(flag), .. }) => flag,
            Some(node) => self.mistyped(key, &node, "true or false"),
            None => false,
        }
    }

    /// A whole number within `range`.
    pub(crate) fn whole<T: TryFrom<i64> + Default>(&mut self, key: &'static str, range: RangeInclusive<i64>) -> T {
        match self.need(key) {
            Some(node) => self.within(key, &node, &range),
            None => T::default(),
        }
    }

    /// A whole number within `range`, or `default` where none is given.
    pub(crate) fn whole_or<T: TryFrom<i64> + Default>(
        &mut self,
        key: &'static str,
        default: T,
        range: RangeInclusive<i64>,
    ) -> T {
        self.take(key).map_or(default, |node| self.within(key, &node, &range))
    }

    /// One of `words`, or `default` where none is given.
    pub(crate) fn word_or<T: Copy>(&mut self, key: &'static str, default: T, words: &[(&str, T)]) -> T {
        self.take(key).and_then(|node| self.one_of(key, &node, words)).unwrap_or(default)
    }

    /// What is set of a device of `family`, in the section of its name.
    pub(crate) fn settings(&mut self, family: &'static Family) -> Settings {
        self.settings_of(family.name, family.settings, |settings| (family.session)(settings).map(drop))
    }

    /// What stands in the section `name` for the settings of `table`; `sound` says whether they can work together.
    pub(crate) fn settings_of(
        &mut self,
        name: &'static str,
        table: &'static [hardware::settings::Setting],
        sound: impl Fn(&Settings) -> Result<(), String>,
    ) -> Settings {
        let mut settings = Settings::of(table);
        if !self.table.contains_key(name) {
            self.known.push(name);
            return settings;
        }
        let mut section = self.section(name);
        for setting in table {
            let Some(node) = section.take(setting.name) else { continue };
            if setting.form == Form::Secret {
                let secret = section.secret(setting.name);
                // A problem was noted already.
                let _ = settings.set(setting.name, Setting::Text(secret.0));
                continue;
            }
            let fits = match given(&node.value) {
                Some(value) => settings.set(setting.name, value),
                None => Err("see what `gatebook devices --family` says of it".to_owned()),
            };
            if let Err(help) = fits {
                let what = format!("`{}` is {}", setting.name, node.value.shown());
                section.wrong(setting.name, &node.set, what, help);
            }
        }
        if let Err(why) = sound(&settings) {
            section.wrong(name, &section.set, why, "change one of them".to_owned());
        }
        section.finish();
        settings
    }

    /// A list of whole numbers, each within `range`.
    pub(crate) fn wholes<T: TryFrom<i64> + Default>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i64>,
    ) -> Vec<T> {
        self.list(key).iter().map(|node| self.within(key, node, &range)).collect()
    }

    fn within<T: TryFrom<i64> + Default>(&self, key: &str, node: &Node, range: &RangeInclusive<i64>) -> T {
        let &Value::Whole(number) = &node.value else { return self.mistyped(key, node, "a whole number") };
        match T::try_from(number) {
            Ok(value) if range.contains(&number) => value,
            _ => {
                let what = format!("`{key}` is {number}");
                self.wrong(key, &node.set, what, format!("it goes from {} to {}", range.start(), range.end()));
                T::default()
            }
        }
    }

    /// One of `words`, with what it stands for.
    pub(crate) fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let node = self.need(key)?;
        self.one_of(key, &node, words)
    }

    pub(crate) fn words<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Vec<T> {
        self.list(key).iter().filter_map(|node| self.one_of(key, node, words)).collect()
    }

    fn one_of<T: Copy>(&self, key: &str, node: &Node, words: &[(&str, T)]) -> Option<T> {
        let Value::Text(text) = &node.value else { return self.mistyped(key, node, "a text in quotation marks") };
        if let Some(&(_, meaning)) = words.iter().find(|(word, _)| word == text) {
            return Some(meaning);
        }
        let names = || words.iter().map(|&(word, _)| word);
        let all: Vec<_> = names().map(|name| format!("\"{name}\"")).collect();
        let help = match nearest(text, names()) {
            Some(near) => format!("did you mean \"{near}\"? It knows {}", all.join(", ")),
            None => format!("write one of {}", all.join(", ")),
        };
        self.wrong(key, &node.set, format!("`{key}` is \"{text}\", which it does not know"), help);
        None
    }

    pub(crate) fn texts(&mut self, key: &'static str) -> Vec<String> {
        let nodes = self.list(key);
        let text = |node: &Node| match &node.value {
            Value::Text(text) => text.clone(),
            _ => self.mistyped(key, node, "a list of texts in quotation marks"),
        };
        nodes.iter().map(text).collect()
    }

    fn list(&mut self, key: &'static str) -> Vec<Node> {
        match self.need(key) {
            Some(Node { value: Value::List(list), .. }) => list,
            Some(node) => self.mistyped(key, &node, "a list in [ ]"),
            None => Vec::new(),
        }
    }

    /// A name for people and for the book: short, on one line.
    pub(crate) fn name(&mut self, key: &'static str) -> String {
        let name = self.text(key);
        let wrong =
            name.trim() != name || name.is_empty() || 64 < name.chars().count() || name.chars().any(char::is_control);
        if wrong && self.table.contains_key(key) {
            self.complain(key, format!("`{key}` is {name:?}"), "write 1 to 64 characters without blanks at the ends");
        }
        name
    }

    pub(crate) fn folder(&mut self, key: &'static str) -> PathBuf {
        let path = PathBuf::from(self.text(key));
        if !path.is_absolute() && self.table.contains_key(key) {
            self.complain(key, format!("`{key}` is \"{}\"", path.display()), "write the whole path, beginning with /");
        }
        path
    }

    pub(crate) fn zone(&mut self, key: &'static str) -> TimeZone {
        let name = self.text(key);
        TimeZone::get(&name).unwrap_or_else(|_| {
            self.complain(
                key,
                format!("`{key}` is \"{name}\", which is no time zone"),
                "write an IANA name such as \"Asia/Shanghai\"",
            );
            TimeZone::UTC
        })
    }

    pub(crate) fn address(&mut self, key: &'static str) -> SocketAddr {
        let text = self.text(key);
        text.parse().unwrap_or_else(|_| {
            let help = "write the address and port to listen on, such as \"127.0.0.1:7420\" or \"[::]:7400\"";
            self.complain(key, format!("`{key}` is \"{text}\""), help);
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    /// A secret: `"file:/path"` in the file, the plain text in the environment.
    pub(crate) fn secret(&mut self, key: &'static str) -> Secret {
        let text = self.text(key);
        if let Some(path) = text.strip_prefix("file:") {
            return self.secret_file(key, Path::new(path));
        }
        let in_a_file = self.place(key).is_some_and(|place| place.line.is_some());
        if in_a_file && !text.is_empty() {
            let help = format!("write {key} = \"file:/path\" to a file with mode 0600, or set {}", self.variable(key));
            self.complain(key, format!("`{key}` is a secret and does not belong in this file"), &help);
            return Secret::default();
        }
        Secret(text)
    }

    /// A code that is used up at its first use, so it may also stand in the file.
    pub(crate) fn one_time_code(&mut self, key: &'static str) -> Secret {
        let text = self.text(key);
        match text.strip_prefix("file:") {
            Some(path) => self.secret_file(key, Path::new(path)),
            None => Secret(text),
        }
    }

    fn secret_file(&self, key: &'static str, path: &Path) -> Secret {
        match read_file(path) {
            Ok((_, text)) if !text.trim().is_empty() => Secret(text.trim_end_matches(['\r', '\n']).to_owned()),
            Ok(_) => {
                self.complain(
                    key,
                    format!("the file {} of `{key}` is empty", path.display()),
                    "write the secret into it",
                );
                Secret::default()
            }
            Err(error) => {
                let what = format!("`{key}` stands in {}, and {}", path.display(), error.what);
                self.complain(key, what, "check the path and its permissions");
                Secret::default()
            }
        }
    }

    /// Notes a problem of the value of `key`.
    pub(crate) fn complain(&self, key: &str, what: String, help: &str) {
        self.wrong(key, &self.place(key), what, help.to_owned());
    }

    /// Notes the keys that nothing asked for. Call last.
    pub(crate) fn finish(self) {
        for (key, node) in &self.table {
            if self.known.contains(&key.as_str()) {
                continue;
            }
            let here = if self.name.is_empty() { "at the top".to_owned() } else { format!("in {}", self.name) };
            let help = match nearest(key, self.known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it knows {}", self.known.join(", ")),
            };
            self.wrong(key, &node.set, format!("`{key}` is no key {here}"), help);
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        self.table.get(key).cloned()
    }

    fn need(&mut self, key: &'static str) -> Option<Node> {
        let found = self.take(key);
        if found.is_none() {
            self.wrong(key, &self.set, format!("`{key}` is missing in {}", self.name), format!("write {key} = …"));
        }
        found
    }

    fn place(&self, key: &str) -> Option<Place> {
        self.table.get(key).and_then(|node| node.set.clone()).or_else(|| self.set.clone())
    }

    fn variable(&self, key: &str) -> String {
        let path = if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) };
        format!("GATEBOOK_{}", path.replace('.', "__").to_uppercase())
    }

    fn mistyped<T: Default>(&self, key: &str, node: &Node, wanted: &str) -> T {
        self.wrong(key, &node.set, format!("`{key}` is {}", node.value.called()), format!("it wants {wanted}"));
        T::default()
    }

    fn wrong(&self, key: &str, place: &Option<Place>, what: String, help: String) {
        // The name of the section tells two devices apart; the line tells the rest.
        let what = if self.name.is_empty() || what.contains(&self.name) || !what.contains(key) {
            what
        } else {
            format!("in {}, {what}", self.name)
        };
        let (name, line) = match place {
            Some(place) => (place.name.to_string(), place.line),
            None => ("the built-in defaults".to_owned(), None),
        };
        self.problems.borrow_mut().push(ConfigError { place: name, line, what, help: Some(help) });
    }
}

/// A value as a device takes it.
fn given(value: &Value) -> Option<Setting> {
    Some(match value {
        Value::Text(text) => Setting::Text(text.clone()),
        Value::Whole(number) => Setting::Whole(*number),
        Value::Flag(flag) => Setting::Flag(*flag),
        Value::List(list) if list.iter().all(|node| matches!(node.value, Value::Whole(_))) && !list.is_empty() => {
            let number = |node: &Node| if let Value::Whole(number) = node.value { Some(number) } else { None };
            Setting::Wholes(list.iter().filter_map(number).collect())
        }
        Value::List(list) => {
            let text = |node: &Node| if let Value::Text(text) = &node.value { Some(text.clone()) } else { None };
            Setting::Texts(list.iter().map(text).collect::<Option<_>>()?)
        }
        Value::Table(_) | Value::Other(_) => return None,
    })
}

/// Which program `text` is for, by the keys at its top.
pub(crate) fn kind_of(place: &str, text: &str) -> Result<Kind, ConfigError> {
    let table = parse(place, text)?;
    let keys_of =
        |defaults: &str| parse("the built-in defaults", defaults).map(|table| table.into_keys().collect::<Vec<_>>());
    let terminal = keys_of(crate::config::terminal::DEFAULTS)?;
    let server = keys_of(crate::config::server::DEFAULTS)?;
    let only = |ours: &[String], others: &[String]| {
        table.keys().filter(|key| ours.contains(key) && !others.contains(key)).count()
    };
    match only(&terminal, &server).cmp(&only(&server, &terminal)) {
        std::cmp::Ordering::Greater => Ok(Kind::Terminal),
        std::cmp::Ordering::Less => Ok(Kind::Server),
        std::cmp::Ordering::Equal => Err(ConfigError {
            place: place.to_owned(),
            line: None,
            what: "the keys do not tell whether this is for a terminal or for a server".to_owned(),
            help: Some(
                "a terminal has [server], [[device]] or [[station]]; a server has listen, database or [tls]".to_owned(),
            ),
        }),
    }
}
