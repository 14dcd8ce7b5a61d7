//! Texts with places for fields: `Max {stack} high`; a brace of its own is written twice.

/// One part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// A field, or one fact of a field's choice (`act.code`).
    Field(String),
}

/// A text with places for fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

impl Pattern {
    /// Reads a pattern; `None` when a brace has no partner or stands around nothing.
    pub fn parse(text: &str) -> Option<Pattern> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text.chars().peekable();
        while let Some(letter) = rest.next() {
            match letter {
                '{' | '}' if rest.peek() == Some(&letter) => {
                    rest.next();
                    literal.push(letter);
                }
                '{' => {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                    let mut name = String::new();
                    loop {
                        match rest.next()? {
                            '}' => break,
                            letter => name.push(letter),
                        }
                    }
                    if name.is_empty() || name.contains('{') {
                        return None;
                    }
                    parts.push(Part::Field(name));
                }
                '}' => return None,
                letter => literal.push(letter),
            }
        }
        parts.push(Part::Literal(literal));
        parts.retain(|part| *part != Part::Literal(String::new()));
        Some(Pattern { parts })
    }

    /// The fields that the pattern names.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Field(name) => Some(name.as_str()),
        })
    }

    /// The text with each field replaced by what `value` says; `None` when a field has no value.
    pub fn fill(&self, value: impl Fn(&str) -> Option<String>) -> Option<String> {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Literal(text) => Some(text.clone()),
                Part::Field(name) => value(name),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_filled_and_braces_can_be_written() {
        let value = |name: &str| (name == "lot").then(|| "L7".to_owned());
        for (text, filled) in [
            ("", Some("")),
            ("批号 {lot}", Some("批号 L7")),
            ("{lot}{lot}", Some("L7L7")),
            ("{{{lot}}}", Some("{L7}")),
            ("{other}", None),
        ] {
            assert_eq!(Pattern::parse(text).unwrap().fill(value).as_deref(), filled, "{text}");
        }
        for wrong in ["{", "}", "{}", "{lot", "{a{b}", "lot}"] {
            assert_eq!(Pattern::parse(wrong), None, "{wrong}");
        }
    }
}
