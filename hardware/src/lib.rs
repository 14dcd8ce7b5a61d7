//! What devices say: bytes to events and back.
//!
//! Nothing in this crate opens a port, reads a clock, starts a thread or knows a warehouse. A door, a recorded
//! transcript, a simulator, a fuzz test and a bench all drive the same code:
//!
//! ```text
//! opened(now) ─▶ receive(bytes, now) / tick(now) ─▶ transmit() until None ─▶ poll() until None
//! ```
//!
//! `now` is a monotonic time since any fixed origin. Every codec is total: no input makes it panic, and each states
//! the bound of what it holds.

pub mod acr122u;
pub mod aim;
#[cfg(feature = "camera")]
pub mod camera;
pub mod checksum;
pub mod command;
pub mod device;
mod dialogue;
pub mod event;
pub mod gpio;
mod hex;
pub mod hid_pos;
pub mod llrp;
pub mod mercury;
pub mod modbus;
pub mod pn532;
pub mod printer;
pub mod push;
pub mod r200;
pub mod r2000;
pub mod rdm6300;
pub mod reader18;
pub mod scale;
pub mod scanner;
pub mod settings;
pub mod simulator;
pub mod ssi;
pub mod swct;
pub mod wedge;
