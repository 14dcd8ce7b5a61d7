//! The server: takes in the books of all terminals and derives from them what the business knows.

pub mod book;
pub mod catalog;
pub mod database;
pub mod intake;
pub mod kernel;
pub mod rebuild;
pub mod verify;
