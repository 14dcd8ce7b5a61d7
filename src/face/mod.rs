//! What people see: words in both languages, signs, tones, forms of values, and the files a page loads.
//!
//! Shared by the terminal's screen and the server's pages; knows nothing of either. `tokens.css` holds every colour, size
//! and time; nothing else may.

pub mod assets;
pub mod signs;
pub mod tones;
pub mod values;
pub mod words;
