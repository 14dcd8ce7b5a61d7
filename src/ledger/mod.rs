//! Append-only books: lines, their chain and seals, and the terminal's own book in one SQLite file.
//!
//! [`book`] is the door to all of it. One writer thread owns the only connection that writes; everybody else reads.

pub mod book;
pub mod chain;
pub mod earlier;
mod file;
pub mod keys;
mod opening;
mod reading;
mod rescue;
mod retention;
mod store;
pub mod verify;
mod work;
mod writer;
