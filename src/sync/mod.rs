//! What crosses the network between a terminal and the server, and the terminal's side of it.

mod batch;
pub mod client;
mod down;
pub mod link;
pub mod plan;
pub mod records;
pub mod transport;
pub mod trust;
mod up;
pub mod wire;

#[cfg(test)]
mod fake_server;
#[cfg(test)]
mod tests;
