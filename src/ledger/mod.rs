//! Append-only books: lines, their chain and seals, and the terminal's own book in one SQLite file.

pub mod chain;
