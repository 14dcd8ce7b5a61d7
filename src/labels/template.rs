//! Templates: what a kind of label looks like, as a file that an administrator can read and change.
//!
//! Measures are millimetres from the upper left corner. The house's own templates stand in `config/labels` and are compiled in;
//! a folder of the administrator's own may replace them one by one.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;

use crate::gs1;
use crate::labels::pattern::Pattern;
use crate::labels::values::Kind;
use crate::labels::{Language, symbols};

/// Longest edge of a label in mm: the widest desktop printers print 216 mm, and a picture of dots stays under 9 MB at 600 dpi.
pub const EDGE_MAX_MM: f64 = 300.0;

/// Most elements of one template.
const ELEMENTS_MAX: usize = 100;

/// Longest template file in bytes.
const FILE_MAX: u64 = 64 * 1024;

/// The house's own templates: name and file.
const HOUSE: &[(&str, &str)] = &[
    ("sample-tail", include_str!("../../config/labels/sample-tail.toml")),
    ("sample", include_str!("../../config/labels/sample.toml")),
    ("lot", include_str!("../../config/labels/lot.toml")),
    ("place", include_str!("../../config/labels/place.toml")),
    ("tray", include_str!("../../config/labels/tray.toml")),
    ("badge", include_str!("../../config/labels/badge.toml")),
    ("command", include_str!("../../config/labels/command.toml")),
    ("issue-note", include_str!("../../config/labels/issue-note.toml")),
    ("hold", include_str!("../../config/labels/hold.toml")),
];

/// Why a template cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct TemplateError {
    /// The file or the name, with the line where it is known.
    pub place: String,
    pub what: String,
}

/// A text in the two languages; where one is missing the other stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words<T> {
    pub chinese: T,
    pub english: T,
    /// Where a label in both languages says something else than the two side by side.
    pub both: Option<T>,
}

/// What may be filled in.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub kind: Kind,
    pub required: bool,
    /// Most characters.
    pub max: usize,
    /// What it is when nobody says.
    pub default: Option<String>,
    /// The values it may have; empty when anything goes.
    pub choices: BTreeMap<String, Choice>,
}

/// One value that a field may have.
#[derive(Clone, Debug)]
pub struct Choice {
    pub words: Words<String>,
    /// What `{field.code}` stands for.
    pub code: Option<String>,
}

/// A rectangle in millimetres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Align {
    #[default]
    Left,
    Center,
    Right,
}

/// Where a text stands in a frame that is higher than it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Upright {
    Top,
    Middle,
}

/// Which letters a text is drawn with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Typeface {
    /// The house's font, drawn by us and sent as dots.
    #[default]
    House,
    /// Fixed cells of the printer's own font where the printer has them and the text is ASCII: short to send over a slow line.
    Printer,
}

/// A text in a frame. It shrinks to `least_mm`, then it is cut with an ellipsis, or refused when it must stand whole.
#[derive(Clone, Debug)]
pub struct Text {
    pub frame: Frame,
    pub words: Words<Pattern>,
    /// Height of a Chinese character in mm.
    pub size_mm: f64,
    pub least_mm: f64,
    pub align: Align,
    pub upright: Upright,
    pub bold: bool,
    /// White letters on black.
    pub inverse: bool,
    pub lines: usize,
    /// Never cut: what a person reads must be what the code says.
    pub whole: bool,
    pub typeface: Typeface,
    /// Drawn only when this field has a value.
    pub when: Option<String>,
}

/// A filled rectangle, or only its edges.
#[derive(Clone, Debug)]
pub struct Rule {
    pub frame: Frame,
    /// Thickness of the edges in mm; `None` fills.
    pub edge_mm: Option<f64>,
}

/// What a code says.
#[derive(Clone, Debug)]
pub enum Data {
    /// GS1 elements, with FNC1 in first position.
    Elements(Vec<(String, Pattern)>),
    /// A GS1 Digital Link: every field is percent-encoded.
    Link(Pattern),
    Plain(Pattern),
}

/// A machine-readable code in a frame, quiet zone included.
#[derive(Clone, Debug)]
pub struct Code {
    pub frame: Frame,
    pub kind: symbols::Kind,
    /// The first of them whose fields all have values is written.
    pub data: Vec<Data>,
    pub align: Align,
    /// Narrowest and widest module in mm.
    pub module_mm: (f64, f64),
    /// Size of the text under bars, in mm; `None` when there is none.
    pub digits_mm: Option<f64>,
}

#[derive(Clone, Debug)]
pub enum Element {
    Text(Text),
    Rule(Rule),
    Code(Code),
}

/// A kind of label.
#[derive(Clone, Debug)]
pub struct Template {
    pub name: String,
    pub title: Words<String>,
    pub width_mm: f64,
    pub height_mm: f64,
    pub gap_mm: f64,
    /// Where nothing may be printed: the tail of a jewellery tag.
    pub blank: Option<Frame>,
    pub fields: Vec<Field>,
    pub elements: Vec<Element>,
}

impl Template {
    /// The house's own templates.
    ///
    /// # Errors
    /// Never for the compiled-in files, which tests read; the type is that of [`Template::parse`].
    pub fn all() -> Result<Vec<Template>, TemplateError> {
        HOUSE.iter().map(|(name, text)| Template::parse(name, text)).collect()
    }

    /// The house's template of that name; `None` when there is none.
    pub fn named(name: &str) -> Option<Result<Template, TemplateError>> {
        HOUSE.iter().find(|(own, _)| *own == name).map(|(name, text)| Template::parse(name, text))
    }

    /// The house's templates with those of `folder` over and beside them, by name.
    ///
    /// # Errors
    /// A file that cannot be read or is no template.
    pub fn with_folder(folder: &Path) -> Result<Vec<Template>, TemplateError> {
        let fault = |path: &Path, what: String| TemplateError { place: path.display().to_string(), what };
        let mut templates = Template::all()?;
        let entries = std::fs::read_dir(folder).map_err(|error| fault(folder, error.to_string()))?;
        for entry in entries {
            let path = entry.map_err(|error| fault(folder, error.to_string()))?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".toml")) else { continue };
            let size = std::fs::metadata(&path).map_err(|error| fault(&path, error.to_string()))?.len();
            if FILE_MAX < size {
                return Err(fault(&path, format!("{size} bytes are too many for a template; {FILE_MAX} are allowed")));
            }
            let text = std::fs::read_to_string(&path).map_err(|error| fault(&path, error.to_string()))?;
            let template = Template::parse(name, &text)
                .map_err(|error| TemplateError { place: format!("{}, {}", folder.display(), error.place), ..error })?;
            templates.retain(|other| other.name != template.name);
            templates.push(template);
        }
        templates.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(templates)
    }

    /// Reads the text of a template file.
    ///
    /// # Errors
    /// What is wrong with it, with the line where it is known.
    pub fn parse(name: &str, text: &str) -> Result<Template, TemplateError> {
        let file: file::Label = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| 1 + text.bytes().take(span.start).filter(|&byte| byte == b'\n').count());
            let place = line.map_or_else(|| name.to_owned(), |line| format!("{name}, line {line}"));
            TemplateError { place, what: error.message().to_owned() }
        })?;
        let template = file.template(name).map_err(|what| TemplateError { place: name.to_owned(), what })?;
        template.check().map_err(|what| TemplateError { place: name.to_owned(), what })?;
        Ok(template)
    }

    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    fn check(&self) -> Result<(), String> {
        let edge = |mm: f64| 1.0 <= mm && mm <= EDGE_MAX_MM;
        if !edge(self.width_mm) || !edge(self.height_mm) || !(0.0..=EDGE_MAX_MM).contains(&self.gap_mm) {
            return Err(format!("size_mm must be two lengths from 1 to {EDGE_MAX_MM} and gap_mm one of them or 0"));
        }
        if ELEMENTS_MAX < self.elements.len() {
            return Err(format!("{} elements are too many; {ELEMENTS_MAX} are allowed", self.elements.len()));
        }
        if let Some(field) = self.fields.iter().find(|field| field.required && field.default.is_some()) {
            return Err(format!("the field `{}` is required and has a default; it can be only one", field.name));
        }
        let strange = |field: &&Field| {
            !field.choices.is_empty() && field.default.as_ref().is_some_and(|value| !field.choices.contains_key(value))
        };
        if let Some(field) = self.fields.iter().find(strange) {
            return Err(format!("the default of the field `{}` is none of its choices", field.name));
        }
        self.elements.iter().try_for_each(|element| self.check_element(element))
    }

    fn check_element(&self, element: &Element) -> Result<(), String> {
        let (frame, fields): (Frame, Vec<&str>) = match element {
            Element::Text(text) => {
                let words = &text.words;
                let patterns = [Some(&words.chinese), Some(&words.english), words.both.as_ref()];
                if !(0.5 <= text.least_mm && text.least_mm <= text.size_mm && 1 <= text.lines && text.lines <= 20) {
                    return Err(format!("the text at {} needs 0.5 <= least <= size and 1 to 20 lines", text.frame));
                }
                let named = patterns.into_iter().flatten().flat_map(Pattern::fields);
                (text.frame, named.chain(text.when.as_deref()).collect())
            }
            Element::Rule(rule) => (rule.frame, Vec::new()),
            Element::Code(code) => {
                if code.data.is_empty() || !(0.1 <= code.module_mm.0 && code.module_mm.0 <= code.module_mm.1) {
                    return Err(format!(
                        "the code at {} needs data, and 0.1 <= narrowest <= widest module",
                        code.frame
                    ));
                }
                for data in &code.data {
                    self.check_data(code, data)?;
                }
                (code.frame, code.data.iter().flat_map(Data::fields).collect())
            }
        };
        if frame.x < 0.0 || frame.y < 0.0 || frame.width <= 0.0 || frame.height <= 0.0 {
            return Err(format!("the element at {frame} has no place on the label"));
        }
        if self.width_mm < frame.x + frame.width || self.height_mm < frame.y + frame.height {
            return Err(format!(
                "the element at {frame} reaches over the edge of {} x {} mm",
                self.width_mm, self.height_mm
            ));
        }
        if self.blank.is_some_and(|blank| blank.meets(&frame)) {
            return Err(format!("the element at {frame} reaches into the part that stays blank"));
        }
        let known = |name: &str| match name.split_once('.') {
            None => self.field(name).is_some(),
            // The code of a choice, or a text in the other language.
            Some((field, "code")) => self.field(field).is_some_and(|field| {
                !field.choices.is_empty() && field.choices.values().all(|choice| choice.code.is_some())
            }),
            Some(_) => false,
        };
        match fields.into_iter().find(|name| !known(name)) {
            Some(name) => Err(format!("the element at {frame} names `{name}`, which is no field of this label")),
            None => Ok(()),
        }
    }

    fn check_data(&self, code: &Code, data: &Data) -> Result<(), String> {
        match data {
            Data::Elements(_) if code.kind == symbols::Kind::Ean => {
                Err("an EAN carries digits, no elements".to_owned())
            }
            Data::Elements(elements) => {
                match elements.iter().find(|(ai, _)| gs1::table::row(ai.as_bytes()).is_none()) {
                    Some((ai, _)) => Err(format!("({ai}) is no application identifier")),
                    None => Ok(()),
                }
            }
            Data::Link(_) if matches!(code.kind, symbols::Kind::Ean | symbols::Kind::Code128) => {
                Err("an address belongs into a QR code or Data Matrix".to_owned())
            }
            Data::Link(_) | Data::Plain(_) => Ok(()),
        }
    }
}

impl Data {
    pub fn fields(&self) -> Vec<&str> {
        match self {
            Data::Elements(elements) => elements.iter().flat_map(|(_, pattern)| pattern.fields()).collect(),
            Data::Link(pattern) | Data::Plain(pattern) => pattern.fields().collect(),
        }
    }
}

impl Frame {
    fn meets(&self, other: &Frame) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }
}

/// As it stands in the file.
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}, {}, {}]", self.x, self.y, self.width, self.height)
    }
}

impl<T> Words<T> {
    /// The text of one language; in both languages `None` when the two are to be put side by side.
    pub fn of(&self, language: Language) -> Option<&T> {
        match language {
            Language::Chinese => Some(&self.chinese),
            Language::English => Some(&self.english),
            Language::Both => self.both.as_ref(),
        }
    }
}
mod file;
