//! The section `[labels]` of both programs: what labels look like.

use std::path::PathBuf;

use crate::config::load::Section;
use crate::gs1::prefix::Prefixes;
use crate::labels::Language;

/// Font files at most; each is read whole.
const FONTS_MAX: usize = 20;

#[derive(Clone, Debug)]
pub struct Labels {
    pub language: Language,
    /// Font files for characters that the compiled-in font lacks.
    pub fonts: Vec<PathBuf>,
    /// Folder of templates that replace those of the house or stand beside them.
    pub templates: Option<PathBuf>,
}

/// What only who prints needs.
#[derive(Clone, Debug)]
pub struct Tags {
    pub company_prefixes: Prefixes,
    pub encode: bool,
}

/// Reads what both programs have.
pub(super) fn read(section: &mut Section) -> Labels {
    let languages = Language::ALL.map(|language| (language.tag(), language));
    let language = section.word("language", &languages).unwrap_or(Language::Chinese);
    let fonts: Vec<PathBuf> = section.texts("fonts").into_iter().map(PathBuf::from).collect();
    if FONTS_MAX < fonts.len() {
        section.complain("fonts", format!("`fonts` names {} files", fonts.len()), "twenty are the most");
    }
    if let Some(font) = fonts.iter().find(|font| !font.is_absolute()) {
        let what = format!("`fonts` names \"{}\"", font.display());
        section.complain("fonts", what, "write the whole path, beginning with /");
    }
    let folder = section.text("templates");
    let templates = Some(PathBuf::from(&folder)).filter(|_| !folder.is_empty());
    if templates.as_ref().is_some_and(|templates| !templates.is_absolute()) {
        section.complain("templates", format!("`templates` is \"{folder}\""), "write the whole path, beginning with /");
    }
    Labels { language, fonts, templates }
}

/// Reads what a terminal has beside.
pub(super) fn tags(section: &mut Section) -> Tags {
    let prefixes = section.texts("company_prefixes");
    let company_prefixes = Prefixes::of(prefixes.iter().map(String::as_str)).unwrap_or_else(|error| {
        section.complain("company_prefixes", error.to_string(), error.help());
        Prefixes::default()
    });
    Tags { company_prefixes, encode: section.flag("encode_rfid") }
}
