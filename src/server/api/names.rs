//! Names for the numbers and codes that a page shows.

use std::collections::HashMap;

use crate::face::values::MISSING;
use crate::face::words::Lang;
use crate::server::database::{DatabaseError, Row, Tx, Value};

/// The names of people, places, units and terminals, as far as they were asked for.
#[derive(Debug, Default)]
pub struct Names {
    people: HashMap<u32, (Both, Both)>,
    places: HashMap<String, Both>,
    units: HashMap<String, Both>,
    terminals: HashMap<u32, String>,
}

#[derive(Debug, Default, Clone)]
struct Both {
    zh: String,
    en: String,
}

impl Both {
    fn of(row: &Row, index: usize) -> Result<Both, DatabaseError> {
        Ok(Both { zh: row.text(index)?.to_owned(), en: row.text(index + 1)?.to_owned() })
    }

    fn shown(&self, lang: Lang) -> &str {
        lang.of(&self.zh, &self.en)
    }
}

impl Names {
    /// # Errors
    /// What the store says; the same for all below.
    pub fn add_people(&mut self, tx: &mut Tx, numbers: impl IntoIterator<Item = u32>) -> Result<(), DatabaseError> {
        let keys = once(numbers.into_iter().filter(|number| !self.people.contains_key(number)));
        let sql = "SELECT number, name_zh, name_en, department_zh, department_en FROM person WHERE number = ?1";
        for row in tx.query_many(sql, &keys)? {
            self.people.insert(row.number(0)?, (Both::of(&row, 1)?, Both::of(&row, 3)?));
        }
        Ok(())
    }

    /// # Errors
    /// As above.
    pub fn add_places<'a>(
        &mut self,
        tx: &mut Tx,
        codes: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), DatabaseError> {
        let keys = once(codes.into_iter().filter(|code| !self.places.contains_key(*code)));
        for row in tx.query_many("SELECT code, name_zh, name_en FROM place WHERE code = ?1", &keys)? {
            self.places.insert(row.text(0)?.to_owned(), Both::of(&row, 1)?);
        }
        Ok(())
    }

    /// # Errors
    /// As above.
    pub fn add_units<'a>(
        &mut self,
        tx: &mut Tx,
        numbers: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), DatabaseError> {
        let keys = once(numbers.into_iter().filter(|number| !self.units.contains_key(*number)));
        for row in tx.query_many("SELECT number, name_zh, name_en FROM unit WHERE number = ?1", &keys)? {
            self.units.insert(row.text(0)?.to_owned(), Both::of(&row, 1)?);
        }
        Ok(())
    }

    /// # Errors
    /// As above.
    pub fn add_terminals(&mut self, tx: &mut Tx) -> Result<(), DatabaseError> {
        for row in tx.query("SELECT number, name FROM terminal", &[])? {
            self.terminals.insert(row.number(0)?, row.text(1)?.to_owned());
        }
        Ok(())
    }

    /// `李明`, or the number where no name is known: people can be erased.
    pub fn person(&self, number: u32, lang: Lang) -> String {
        match self.people.get(&number) {
            Some((name, _)) if !name.shown(lang).is_empty() => name.shown(lang).to_owned(),
            _ => lang.tell("person-number", &[("n", (&number.to_string()).into())]),
        }
    }

    pub fn department(&self, number: u32, lang: Lang) -> Option<&str> {
        self.people.get(&number).map(|(_, department)| department.shown(lang)).filter(|text| !text.is_empty())
    }

    /// The name of a place; empty where it has none of its own.
    pub fn place(&self, code: &str, lang: Lang) -> &str {
        self.places.get(code).map_or("", |name| name.shown(lang))
    }

    pub fn unit(&self, number: &str, lang: Lang) -> &str {
        self.units.get(number).map_or("", |name| name.shown(lang))
    }

    /// The terminal's name; terminal 0 is the server itself.
    pub fn terminal(&self, number: u32, lang: Lang) -> String {
        match self.terminals.get(&number) {
            Some(name) => name.clone(),
            None if number == 0 => lang.say("the-server"),
            None => lang.tell("terminal-number", &[("n", (&number.to_string()).into())]),
        }
    }
}

/// A person who may not be named.
pub fn somebody(names: &Names, person: Option<u32>, lang: Lang) -> String {
    person.map_or_else(|| MISSING.to_owned(), |number| names.person(number, lang))
}

fn once<T: Into<Value>>(keys: impl Iterator<Item = T>) -> Vec<Value> {
    let mut keys: Vec<Value> = keys.map(Into::into).collect();
    keys.sort();
    keys.dedup();
    keys
}
