//! The pages: read, show, and nothing decided here. Each page is one file; what all share is `shell` and `telling`.

pub mod access;
pub mod doors;
pub mod exceptions;
pub mod home;
pub mod login;
pub mod movements;
pub mod person;
pub mod search;
pub mod shell;
pub mod subject;
pub mod telling;
pub mod terminals;
pub mod unit;
pub mod unlabelled;
