//! The server: takes in the books of all terminals and derives from them what the business knows.

pub mod book;
pub mod catalog;
pub mod database;
pub mod enrolment;
pub mod intake;
pub mod kernel;
mod lines;
mod projection;
pub mod rebuild;
pub mod stored;
pub mod verify;
