//! What an exception is about: the act of its line, where it was read, and the pieces it names.

use std::collections::HashMap;

use maud::{Markup, html};

use crate::event::{Body, LineRef};
use crate::face::values::MISSING;
use crate::face::words::Lang;
use crate::server::api::names::Names;
use crate::server::book;
use crate::server::database::{DatabaseError, Tx, Value};
use crate::server::kernel::queries::ExceptionRow;
use crate::server::pages::shell::shown_code;
use crate::server::pages::telling;
use crate::server::stored::{line_id, line_ref};

/// Pieces that are named before the rest is counted.
const NAMED: usize = 3;

/// One line that broke a rule.
#[derive(Debug, Default)]
pub struct About {
    /// The line was refused: nothing moved.
    pub refused: bool,
    pub read_point: String,
    /// House number, where one is known, and canonical code.
    pub pieces: Vec<(Option<String>, String)>,
}

/// The lines of exceptions with the names of their pieces and places, read in one go.
#[derive(Debug, Default)]
pub struct Subjects {
    lines: HashMap<LineRef, About>,
    names: Names,
}

impl Subjects {
    /// # Errors
    /// What the store says.
    pub fn read(tx: &mut Tx, rows: &[ExceptionRow]) -> Result<Subjects, DatabaseError> {
        let mut keys: Vec<Value> = rows.iter().map(|row| line_id(row.line).into()).collect();
        keys.sort();
        keys.dedup();
        let sql = "SELECT t.line, t.act, t.read_point, u.number, t.code FROM touch t \
                   LEFT JOIN unit u ON u.unit = t.unit WHERE t.line = ?1";
        let mut lines: HashMap<LineRef, About> = HashMap::new();
        for row in tx.query_many(sql, &keys)? {
            let about = lines.entry(line_ref(row.blob(0)?)?).or_default();
            about.refused = row.text(1)? == "attempt";
            row.text(2)?.clone_into(&mut about.read_point);
            about.pieces.push((row.opt_text(3)?.map(str::to_owned), row.text(4)?.to_owned()));
        }
        for row in rows {
            let about = match lines.get_mut(&row.line) {
                Some(about) => about,
                // A line that touches no unit, such as a refused correction.
                None => {
                    let read_point = read_point(tx, row.line)?;
                    lines.entry(row.line).or_insert(About { read_point, ..About::default() })
                }
            };
            about.pieces.sort();
            about.pieces.dedup();
        }
        let mut names = Names::default();
        let about = || lines.values();
        names.add_places(tx, about().map(|about| about.read_point.as_str()))?;
        names.add_units(tx, about().flat_map(|about| &about.pieces).filter_map(|(number, _)| number.as_deref()))?;
        Ok(Subjects { lines, names })
    }

    pub fn of(&self, row: &ExceptionRow) -> Option<&About> {
        self.lines.get(&row.line)
    }

    /// The word of the reason, as it is for this line.
    pub fn reason(&self, row: &ExceptionRow, lang: Lang) -> String {
        telling::reason(lang, &row.reason, self.of(row).is_some_and(|about| about.refused))
    }

    /// The piece of the row, or all of its line where the exception is about the line as a whole.
    pub fn pieces(&self, row: &ExceptionRow) -> Vec<(Option<String>, String)> {
        if row.number.is_some() || !row.code.is_empty() {
            return vec![(row.number.clone(), row.code.clone())];
        }
        self.of(row).map(|about| about.pieces.clone()).unwrap_or_default()
    }

    /// Name and code of where it was read; empty when nothing says so.
    pub fn place(&self, row: &ExceptionRow, lang: Lang) -> String {
        let code = self.of(row).map_or("", |about| about.read_point.as_str());
        match self.names.place(code, lang) {
            name if name.contains(code) => name.to_owned(),
            name => format!("{name} {code}").trim().to_owned(),
        }
    }

    /// The name of the piece, where there is one piece and it has one.
    pub fn name(&self, row: &ExceptionRow, lang: Lang) -> &str {
        let number = match &row.number {
            Some(number) => Some(number),
            None => self.of(row).and_then(|about| match about.pieces.as_slice() {
                [(Some(number), _)] => Some(number),
                _ => None,
            }),
        };
        number.map_or("", |number| self.names.unit(number, lang))
    }

    /// The pieces with their names, each on a line of its own.
    pub fn listed(&self, row: &ExceptionRow, lang: Lang) -> Markup {
        let pieces = self.pieces(row);
        html! {
            @if pieces.is_empty() { (MISSING) }
            @for (number, code) in pieces.iter().take(NAMED) {
                div {
                    (telling::unit_link(number.as_deref(), code))
                    @if let Some(number) = number { p { (self.names.unit(number, lang)) } }
                }
            }
            @if NAMED < pieces.len() { p { (lang.tell("and-more", &[("n", (pieces.len() as u64 - NAMED as u64).into())])) } }
        }
    }

    /// The numbers alone, for one line of text: `18K-0420-1、18K-0423-3`.
    pub fn told(&self, row: &ExceptionRow, lang: Lang) -> String {
        let pieces = self.pieces(row);
        let named = pieces.iter().take(NAMED).map(|(number, code)| number.clone().unwrap_or_else(|| shown_code(code)));
        let mut text = named.collect::<Vec<_>>().join(&lang.say("comma"));
        if NAMED < pieces.len() {
            let more = lang.tell("and-more", &[("n", (pieces.len() as u64 - NAMED as u64).into())]);
            text = format!("{text} {more}");
        }
        text
    }
}

fn read_point(tx: &mut Tx, line: LineRef) -> Result<String, DatabaseError> {
    let Some(stored) = book::line(tx, line)? else { return Ok(String::new()) };
    let line = &stored.line;
    Ok(match Body::decode(line.kind, line.schema, &line.body.0) {
        Ok(Body::Movement(movement)) => movement.handling.read_point,
        Ok(Body::Attempt(attempt)) => attempt.handling.read_point,
        Ok(Body::Passage(passage)) => passage.handling.read_point,
        Ok(Body::Correction(correction)) => correction.handling.read_point,
        Ok(Body::Registration(registration)) => registration.handling.read_point,
        Ok(Body::Relabelling(relabelling)) => relabelling.handling.read_point,
        Ok(Body::Decision(_) | Body::System(_)) | Err(_) => String::new(),
    })
}
