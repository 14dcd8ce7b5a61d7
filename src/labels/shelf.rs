//! The templates and fonts that a program was given, read once.

use std::path::{Path, PathBuf};

use crate::labels::{Fonts, Template, TemplateError};

pub struct Shelf {
    pub templates: Vec<Template>,
    pub fonts: Fonts,
}

/// Why templates or fonts cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShelfError {
    #[error("{0}")]
    Template(#[from] TemplateError),
    #[error("{0}")]
    Font(String),
}

impl Shelf {
    /// The house's templates with those of `folder` over and beside them, and the built-in font with `fonts` behind it.
    ///
    /// # Errors
    /// The first file that cannot be used.
    pub fn open(folder: Option<&Path>, fonts: &[PathBuf]) -> Result<Shelf, ShelfError> {
        let templates = match folder {
            Some(folder) => Template::with_folder(folder)?,
            None => Template::all()?,
        };
        Ok(Shelf { templates, fonts: Fonts::with(fonts).map_err(ShelfError::Font)? })
    }

    pub fn template(&self, name: &str) -> Option<&Template> {
        self.templates.iter().find(|template| template.name == name)
    }
}
