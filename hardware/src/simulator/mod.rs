//! Simulated devices: the other half of each conversation, byte for byte on the real protocol.
//!
//! A simulator has the face of a session (`opened`, `receive`, `tick`, `transmit`, `wake`) with the roles reversed:
//! `transmit` gives what the device says, `receive` takes what the door said. It never guesses what arrived: its
//! log names what it really handed over, so a test can compare that with what the door recorded.

use std::time::Duration;

use crate::simulator::script::{Presentation, Sent};

pub mod llrp;
mod outbox;
pub mod r200;
pub mod scanner;
pub mod script;

/// A simulated device of any family.
#[derive(Debug)]
pub enum Simulator {
    Scanner(scanner::Scanner),
    R200(r200::Module),
    Llrp(llrp::LlrpReader),
}

/// Calls the same method on whichever device it is.
macro_rules! each {
    ($simulator:expr, $device:ident => $call:expr) => {
        match $simulator {
            Simulator::Scanner($device) => $call,
            Simulator::R200($device) => $call,
            Simulator::Llrp($device) => $call,
        }
    };
}

impl Simulator {
    /// Somebody opened the link.
    pub fn opened(&mut self, now: Duration) {
        each!(self, device => device.opened(now))
    }

    /// The door closed the link.
    pub fn disconnected(&mut self, now: Duration) {
        each!(self, device => device.disconnected(now))
    }

    /// Takes what the door sent, in any split.
    pub fn receive(&mut self, bytes: &[u8], now: Duration) {
        each!(self, device => device.receive(bytes, now))
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Duration) {
        each!(self, device => device.tick(now))
    }

    /// What the device sends next; call until `None`, then ask [`Simulator::take_disconnect`].
    pub fn transmit(&mut self) -> Option<Vec<u8>> {
        each!(self, device => device.transmit())
    }

    /// Whether the link is to be closed now.
    pub fn take_disconnect(&mut self) -> bool {
        each!(self, device => device.take_disconnect())
    }

    /// When to call `tick` if nothing arrives.
    pub fn wake(&self) -> Option<Duration> {
        each!(self, device => device.wake())
    }

    /// Presents something beside the script.
    pub fn show(&mut self, what: Presentation, now: Duration) {
        each!(self, device => device.show(what, now))
    }

    /// Holds a symbol with the text `bytes` before the device; only a scanner sees it.
    pub fn scan(&mut self, bytes: &[u8], now: Duration) {
        self.show(Presentation::Symbol { aim: None, bytes: bytes.to_vec() }, now);
    }

    /// Brings a tag into the field of an antenna; it stays until [`Simulator::tag_leaves`]. Only a reader hears it.
    pub fn tag_enters(&mut self, epc: &[u8], antenna: u16, now: Duration) {
        self.show(Presentation::TagEnters { epc: epc.to_vec(), antenna, peak_dbm: -45 }, now);
    }

    /// Takes a tag out of the field.
    pub fn tag_leaves(&mut self, epc: &[u8], now: Duration) {
        self.show(Presentation::TagLeaves { epc: epc.to_vec() }, now);
    }

    /// What was handed over, oldest first.
    pub fn log(&self) -> &[Sent] {
        each!(self, device => device.log())
    }

    /// How many older entries the log no longer holds.
    pub fn forgotten(&self) -> u64 {
        each!(self, device => device.forgotten())
    }

    /// Whether the script is played out.
    pub fn finished(&self, now: Duration) -> bool {
        each!(self, device => device.finished(now))
    }
}
