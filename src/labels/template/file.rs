//! The shape of a template file, and how it becomes a [`Template`].

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::labels::pattern::Pattern;
use crate::labels::symbols;
use crate::labels::template::{
    Align, Choice, Code, Data, Element, Field, Frame, Rule, Template, Text, Typeface, Upright, Words,
};
use crate::labels::values;

/// Longest text of a field when the template says nothing.
const MAX_CHARACTERS: usize = 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Label {
    title: InWords,
    size_mm: [f64; 2],
    #[serde(default)]
    gap_mm: f64,
    blank: Option<[f64; 4]>,
    #[serde(default)]
    field: Vec<FieldEntry>,
    #[serde(default)]
    rule: Vec<RuleEntry>,
    #[serde(default)]
    text: Vec<TextEntry>,
    #[serde(default)]
    code: Vec<CodeEntry>,
}

/// One text for both languages, or one for each.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a text, or { zh-CN = \"…\", en = \"…\" } with an optional both = \"…\"")]
enum InWords {
    Same(String),
    Each(Each),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Each {
    #[serde(rename = "zh-CN")]
    chinese: String,
    en: String,
    both: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldEntry {
    name: String,
    #[serde(default)]
    kind: values::Kind,
    #[serde(default)]
    required: bool,
    max: Option<usize>,
    default: Option<String>,
    #[serde(default)]
    choices: BTreeMap<String, ChoiceEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChoiceEntry {
    #[serde(rename = "zh-CN")]
    chinese: String,
    en: String,
    code: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleEntry {
    at: [f64; 4],
    edge: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextEntry {
    at: [f64; 4],
    text: InWords,
    size: f64,
    least: Option<f64>,
    #[serde(default)]
    align: Align,
    upright: Option<Upright>,
    #[serde(default)]
    bold: bool,
    #[serde(default)]
    inverse: bool,
    lines: Option<usize>,
    #[serde(default)]
    whole: bool,
    #[serde(default)]
    font: Typeface,
    when: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeEntry {
    at: [f64; 4],
    kind: symbols::Kind,
    data: Vec<DataEntry>,
    #[serde(default)]
    align: Align,
    module: Option<[f64; 2]>,
    digits: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum DataEntry {
    Elements(String),
    Link(String),
    Plain(String),
}

impl Label {
    pub(super) fn template(self, name: &str) -> Result<Template, String> {
        let [width_mm, height_mm] = self.size_mm;
        let rules = self.rule.into_iter().map(|entry| Ok(Element::Rule(entry.rule())));
        let texts = self.text.into_iter().map(|entry| entry.text().map(Element::Text));
        let codes = self.code.into_iter().map(|entry| entry.code().map(Element::Code));
        Ok(Template {
            name: name.to_owned(),
            title: self.title.words(),
            width_mm,
            height_mm,
            gap_mm: self.gap_mm,
            blank: self.blank.map(frame),
            fields: self.field.into_iter().map(FieldEntry::field).collect(),
            elements: rules.chain(codes).chain(texts).collect::<Result<_, String>>()?,
        })
    }
}

fn frame([x, y, width, height]: [f64; 4]) -> Frame {
    Frame { x, y, width, height }
}

fn pattern(text: &str) -> Result<Pattern, String> {
    Pattern::parse(text)
        .ok_or_else(|| format!("`{text}`: a field is written {{name}}, and a brace of its own is written twice"))
}

impl InWords {
    fn words(self) -> Words<String> {
        match self {
            InWords::Same(text) => Words { chinese: text.clone(), english: text.clone(), both: Some(text) },
            InWords::Each(each) => Words { chinese: each.chinese, english: each.en, both: each.both },
        }
    }
}

impl FieldEntry {
    fn field(self) -> Field {
        let choices = self.choices.into_iter().map(|(value, entry)| {
            let words = Words { chinese: entry.chinese, english: entry.en, both: None };
            (value, Choice { words, code: entry.code })
        });
        Field {
            name: self.name,
            kind: self.kind,
            required: self.required,
            max: self.max.unwrap_or(MAX_CHARACTERS),
            default: self.default,
            choices: choices.collect(),
        }
    }
}

impl RuleEntry {
    fn rule(self) -> Rule {
        Rule { frame: frame(self.at), edge_mm: self.edge }
    }
}

impl TextEntry {
    fn text(self) -> Result<Text, String> {
        let words = self.text.words();
        Ok(Text {
            frame: frame(self.at),
            words: Words {
                chinese: pattern(&words.chinese)?,
                english: pattern(&words.english)?,
                both: words.both.as_deref().map(pattern).transpose()?,
            },
            size_mm: self.size,
            least_mm: self.least.unwrap_or(self.size),
            align: self.align,
            // One line stands in the middle of its frame, several begin beside what stands at their left.
            upright: self.upright.unwrap_or(if 1 < self.lines.unwrap_or(1) { Upright::Top } else { Upright::Middle }),
            bold: self.bold,
            inverse: self.inverse,
            lines: self.lines.unwrap_or(1),
            whole: self.whole,
            typeface: self.font,
            when: self.when,
        })
    }
}

impl CodeEntry {
    fn code(self) -> Result<Code, String> {
        Ok(Code {
            frame: frame(self.at),
            kind: self.kind,
            data: self.data.into_iter().map(DataEntry::data).collect::<Result<_, String>>()?,
            align: self.align,
            module_mm: self.module.map_or(self.kind.usual_module_mm(), |[narrowest, widest]| (narrowest, widest)),
            digits_mm: self.digits,
        })
    }
}

impl DataEntry {
    fn data(self) -> Result<Data, String> {
        match self {
            DataEntry::Elements(text) => elements(&text).map(Data::Elements),
            DataEntry::Link(text) => pattern(&text).map(Data::Link),
            DataEntry::Plain(text) => pattern(&text).map(Data::Plain),
        }
    }
}

/// `(01){gtin}(21){serial}` as identifiers and patterns. The values come later, so a bracket in one of them is no identifier.
fn elements(text: &str) -> Result<Vec<(String, Pattern)>, String> {
    let wrong = || format!("`{text}`: elements are written (01){{gtin}}(21){{serial}}");
    let body = text.strip_prefix('(').ok_or_else(wrong)?;
    body.split('(')
        .map(|element| {
            let (ai, value) = element.split_once(')').ok_or_else(wrong)?;
            Ok((ai.to_owned(), pattern(value)?))
        })
        .collect()
}
