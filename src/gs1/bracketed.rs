//! Elements as people read and type them: `(01)09521234543213(21)A`. A bracket inside a value is written `\(`.

use crate::gs1::table;
use crate::gs1::{Ai, Elements, ReadError, TEXT_MAX, pairs};

/// Reads bracketed text and holds it to every rule.
///
/// # Errors
/// The first rule that is broken, with the byte.
pub fn parse(text: &str) -> Result<Elements, ReadError> {
    if text.is_empty() {
        return Err(ReadError::Empty);
    }
    if TEXT_MAX < text.len() {
        return Err(ReadError::TooLong { len: text.len() });
    }
    let mut elements = Elements::default();
    let mut places = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let at = text.len() - rest.len();
        let inner = rest.strip_prefix('(').ok_or(ReadError::Bracket { at })?;
        let (ai, body) = inner.split_once(')').ok_or(ReadError::Bracket { at })?;
        let row = table::row(ai.as_bytes()).ok_or_else(|| ReadError::unknown_ai(at + 1, ai.as_bytes()))?;
        let start = at + ai.len() + 2;
        let raw = body.get(..end(body)).unwrap_or(body);
        let value = raw.replace(r"\(", "(");
        row.check(value.as_bytes()).map_err(|mut wrong| {
            // Each escape before the fault is a byte that the value does not have.
            let mut ahead = 0;
            for (escape, _) in raw.match_indices(r"\(") {
                ahead += usize::from(escape < wrong.at + ahead);
            }
            wrong.at += ahead;
            ReadError::value(&row.ai, start, wrong)
        })?;
        elements.push(Ai::Known(row), value.as_bytes(), at)?;
        places.push(at);
        rest = body.get(raw.len()..).unwrap_or_default();
    }
    pairs::check(&elements, |index| places.get(index).copied().unwrap_or_default())?;
    Ok(elements)
}

/// Where the value at the front of `body` ends: before the next bracket that is not escaped.
fn end(body: &str) -> usize {
    let opens = |(at, _): &(usize, &str)| !body.get(..*at).unwrap_or_default().ends_with('\\');
    body.match_indices('(').find(opens).map_or(body.len(), |(at, _)| at)
}

/// The elements as bracketed text, in their own order.
pub fn write(elements: &Elements) -> String {
    elements.iter().map(|element| format!("({}){}", element.ai, element.value.replace('(', r"\("))).collect()
}
