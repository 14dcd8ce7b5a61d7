//! A file of settings as a tree in which every value knows its line, and the laying of one tree over another.

use std::collections::BTreeMap;
use std::rc::Rc;

use toml::de::{DeTable, DeValue};

use crate::config::ConfigError;

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    /// Where it was set; `None` for a default.
    pub(super) set: Option<Place>,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Whole(i64),
    Flag(bool),
    List(Vec<Node>),
    Table(Table),
    /// A float or a date: no key wants one.
    Other(&'static str),
}

impl Value {
    pub(super) fn called(&self) -> &'static str {
        match self {
            Value::Text(_) => "a text",
            Value::Whole(_) => "a whole number",
            Value::Flag(_) => "true or false",
            Value::List(_) => "a list",
            Value::Table(_) => "a section",
            Value::Other(what) => what,
        }
    }
}

impl Value {
    /// A short value as it was written, any other by what it is.
    pub(super) fn shown(&self) -> String {
        match self {
            Value::Text(text) => format!("{text:?}"),
            Value::Whole(number) => number.to_string(),
            Value::Flag(flag) => flag.to_string(),
            Value::List(_) | Value::Table(_) | Value::Other(_) => self.called().to_owned(),
        }
    }
}

pub(super) type Table = BTreeMap<String, Node>;

#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) name: Rc<str>,
    pub(super) line: Option<usize>,
}

pub(super) fn parse(place: &str, text: &str) -> Result<Table, ConfigError> {
    let name: Rc<str> = place.into();
    let line_at = |offset: usize| 1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count();
    match DeTable::parse(text) {
        Ok(table) => Ok(table_of(table.get_ref(), &name, &line_at)),
        Err(error) => Err(ConfigError {
            place: place.to_owned(),
            line: error.span().map(|span| line_at(span.start)),
            what: format!("this is not TOML: {}", error.message().replace('\n', ", ")),
            help: None,
        }),
    }
}

fn table_of(table: &DeTable, name: &Rc<str>, line_at: &dyn Fn(usize) -> usize) -> Table {
    let entry = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue>)| {
        let key: &toml::Spanned<std::borrow::Cow<str>> = key;
        let line = line_at(key.span().start);
        (key.get_ref().to_string(), node_of(value.get_ref(), line, name, line_at))
    };
    table.iter().map(entry).collect()
}

fn node_of(value: &DeValue, line: usize, name: &Rc<str>, line_at: &dyn Fn(usize) -> usize) -> Node {
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Whole(number),
            Err(_) => Value::Other("a number too large for any key"),
        },
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(array) => Value::List(
            array.iter().map(|item| node_of(item.get_ref(), line_at(item.span().start), name, line_at)).collect(),
        ),
        DeValue::Table(table) => Value::Table(table_of(table, name, line_at)),
    };
    Node { value, set: Some(Place { name: name.clone(), line: Some(line) }) }
}

pub(super) fn forget_places(table: &mut Table) {
    for node in table.values_mut() {
        forget_place(node);
    }
}

fn forget_place(node: &mut Node) {
    node.set = None;
    match &mut node.value {
        Value::Table(table) => forget_places(table),
        Value::List(list) => list.iter_mut().for_each(forget_place),
        Value::Text(_) | Value::Whole(_) | Value::Flag(_) | Value::Other(_) => (),
    }
}

pub(super) fn overlay(under: &mut Table, over: Table) {
    for (key, node) in over {
        match (under.get_mut(&key), node) {
            (Some(Node { value: Value::Table(under), set }), Node { value: Value::Table(over), set: place }) => {
                *set = place;
                overlay(under, over);
            }
            (_, node) => drop(under.insert(key, node)),
        }
    }
}
