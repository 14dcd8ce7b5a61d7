//! Simulated devices: the other half of each conversation, byte for byte on the real protocol.
//!
//! A simulator has the face of a session (`opened`, `receive`, `tick`, `transmit`, `wake`) with the roles reversed:
//! `transmit` gives what the device says, `receive` takes what the door said. It never guesses what arrived: its
//! log names what it really handed over, so a test can compare that with what the door recorded.


pub mod llrp;
pub mod script;
