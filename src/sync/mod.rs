//! What crosses the network between a terminal and the server, and the terminal's side of it.

pub mod plan;
pub mod records;
pub mod trust;
pub mod wire;
