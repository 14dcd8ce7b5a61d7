//! LLRP 1.0.1 and 1.1: how fixed UHF readers speak over TCP port 5084.
//!
//! [`frame`] cuts the stream, [`fields`] is the table of layouts, [`message`] turns any message into a tree and back,
//! [`report`] reads tag reports at full speed, [`session`] is the client.

pub mod fields;
pub mod frame;
mod json;
pub mod message;
mod program;
pub mod report;
pub mod session;
pub mod settings;
pub mod status;
