//! Settings from the environment: `GATEBOOK_SERVER__URL` sets `url` in `[server]`, typed like its default.

use crate::config::ConfigError;
use crate::config::tree::{Node, Place, Table, Value};

/// Sets one variable in `table`, typed like the default of the same key.
pub(super) fn set_variable(table: &mut Table, defaults: &Table, name: &str, text: &str) -> Result<(), ConfigError> {
    let refuse =
        |what: String, help: String| ConfigError { place: name.to_owned(), line: None, what, help: Some(help) };
    let path: Vec<String> = name.strip_prefix("GATEBOOK_").unwrap_or(name).split("__").map(str::to_lowercase).collect();
    let mut names = Vec::new();
    variables(defaults, "GATEBOOK", "_", &mut names);
    if !names.iter().any(|known| known == name) {
        let of_a_list = matches!(path.first().map(String::as_str), Some("device" | "station"));
        let help = match nearest(name, names.iter().map(String::as_str)) {
            _ if of_a_list => "devices and stations are set in the file only".to_owned(),
            Some(near) => format!("did you mean {near}?"),
            None => "`gatebook check-config` and the commented files name the keys; two underscores stand for a dot"
                .to_owned(),
        };
        return Err(refuse("this variable sets no key".to_owned(), help));
    }
    let place = Place { name: name.into(), line: None };
    let node = |value: Value| Node { value, set: Some(place.clone()) };
    let mut defaults = defaults;
    let mut table = table;
    let (last, sections) = path.split_last().expect("a split has at least one part");
    for section in sections {
        let (Some(Node { value: Value::Table(below), .. }), Some(Node { value: Value::Table(under), .. })) =
            (table.get_mut(section), defaults.get(section))
        else {
            return Err(refuse(format!("the file has no section [{section}]"), "write it as a section".to_owned()));
        };
        (table, defaults) = (below, under);
    }
    let value =
        match defaults.get(last).map(|node| &node.value) {
            Some(Value::Whole(_)) => Value::Whole(
                text.trim()
                    .parse()
                    .map_err(|_| refuse(format!("\"{text}\" is no whole number"), "write digits only".to_owned()))?,
            ),
            Some(Value::Flag(_)) => Value::Flag(text.trim().parse().map_err(|_| {
                refuse(format!("\"{text}\" is neither true nor false"), "write true or false".to_owned())
            })?),
            Some(Value::List(_)) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Value::List(items.map(|item| node(Value::Text(item.to_owned()))).collect())
            }
            _ => Value::Text(text.to_owned()),
        };
    table.insert(last.clone(), node(value));
    Ok(())
}

/// The names of all variables that set a key.
fn variables(table: &Table, prefix: &str, joint: &str, names: &mut Vec<String>) {
    for (key, node) in table {
        let name = format!("{prefix}{joint}{}", key.to_uppercase());
        match &node.value {
            Value::Table(table) => variables(table, &name, "__", names),
            Value::List(entries) if entries.iter().any(|entry| matches!(entry.value, Value::Table(_))) => (),
            _ => names.push(name),
        }
    }
}

/// The name that was probably meant: at most a third of its letters differ.
pub(super) fn nearest<'a>(given: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|name| (strsim::damerau_levenshtein(given, name), name))
        .filter(|&(distance, name)| distance <= 1 + name.chars().count() / 3)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}
