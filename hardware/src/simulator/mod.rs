//! Simulated devices: the other half of each conversation, byte for byte on the real protocol.
//!
//! A simulator has the face of a session with the roles reversed: `transmit` gives what the device says, `receive` takes
//! what the door said. It never guesses what arrived: its log names what it really handed over, so a test can compare
//! that with what the door recorded.

use std::fmt::Debug;
use std::time::Duration;

use crate::simulator::outbox::Outbox;
use crate::simulator::script::{Presentation, Sent, Stage};

pub mod acr122u;
pub mod gpio;
pub mod hid_pos;
pub mod llrp;
mod memory;
pub mod mercury;
pub mod modbus;
pub mod module;
mod outbox;
pub mod pn532;
pub mod printer;
pub mod push;
pub mod r200;
pub mod r2000;
pub mod rdm6300;
pub mod reader18;
pub mod scale;
pub mod scanner;
pub mod script;
pub mod ssi;
pub mod swct;
pub mod wedge;

/// A simulated device.
pub trait Simulator: Debug + Send {
    /// Somebody opened the link.
    fn opened(&mut self, now: Duration);

    /// The door closed the link.
    fn disconnected(&mut self, now: Duration);

    /// Takes what the door sent, in any split.
    fn receive(&mut self, bytes: &[u8], now: Duration);

    /// Does what is due.
    fn tick(&mut self, now: Duration);

    /// What the device sends next; call until `None`, then ask [`Simulator::take_disconnect`].
    fn transmit(&mut self) -> Option<Vec<u8>>;

    /// Whether the link is to be closed now; asking uses it up.
    fn take_disconnect(&mut self) -> bool;

    /// When to call `tick` if nothing arrives.
    fn wake(&self) -> Option<Duration>;

    /// Presents something beside the script.
    fn show(&mut self, what: Presentation, now: Duration);

    /// What was handed over, oldest first.
    fn log(&self) -> &[Sent];

    /// How many older entries the log no longer holds.
    fn forgotten(&self) -> u64;

    /// Whether the script is played out.
    fn finished(&self, now: Duration) -> bool;

    /// What a second client is told before its connection is closed, where the device tells it something.
    fn second_client(&mut self, now: Duration) -> Vec<u8> {
        let _ = now;
        Vec::new()
    }

    /// Holds a symbol with the text `bytes` before the device; only a scanner sees it.
    fn scan(&mut self, bytes: &[u8], now: Duration) {
        self.show(Presentation::Symbol { aim: None, bytes: bytes.to_vec() }, now);
    }

    /// Brings a tag into the field of an antenna; it stays until [`Simulator::tag_leaves`]. Only a reader hears it.
    fn tag_enters(&mut self, epc: &[u8], antenna: u16, now: Duration) {
        self.show(Presentation::TagEnters { epc: epc.to_vec(), antenna, peak_dbm: -45 }, now);
    }

    /// Takes a tag out of the field.
    fn tag_leaves(&mut self, epc: &[u8], now: Duration) {
        self.show(Presentation::TagLeaves { epc: epc.to_vec() }, now);
    }
}

/// A simulated device that stands on a stage and speaks through an outbox: what it has to do itself. The rest of a
/// [`Simulator`] follows from these two.
pub trait Played: Debug + Send {
    fn stage(&self) -> &Stage;

    /// The stage, and what is about to be handed over.
    fn ends(&mut self) -> (&mut Stage, &mut Outbox);

    fn opened(&mut self, now: Duration);

    fn receive(&mut self, bytes: &[u8], now: Duration);

    fn tick(&mut self, now: Duration);

    /// What waited for the door is lost; what is presented from now on waits for the next opening.
    fn disconnected(&mut self, now: Duration) {
        self.tick(now);
        let (stage, outbox) = self.ends();
        outbox.clear();
        stage.cut();
    }

    fn wake(&self) -> Option<Duration> {
        self.stage().wake()
    }

    fn finished(&self, now: Duration) -> bool {
        self.stage().finished(now)
    }
}

impl<T: Played> Simulator for T {
    fn opened(&mut self, now: Duration) {
        Played::opened(self, now);
    }

    fn disconnected(&mut self, now: Duration) {
        Played::disconnected(self, now);
    }

    fn receive(&mut self, bytes: &[u8], now: Duration) {
        Played::receive(self, bytes, now);
    }

    fn tick(&mut self, now: Duration) {
        Played::tick(self, now);
    }

    fn transmit(&mut self) -> Option<Vec<u8>> {
        let (stage, outbox) = self.ends();
        outbox.transmit(stage)
    }

    fn take_disconnect(&mut self) -> bool {
        self.ends().1.take_cut()
    }

    fn wake(&self) -> Option<Duration> {
        Played::wake(self)
    }

    fn show(&mut self, what: Presentation, now: Duration) {
        self.ends().0.show(what, now);
        Played::tick(self, now);
    }

    fn log(&self) -> &[Sent] {
        self.stage().log()
    }

    fn forgotten(&self) -> u64 {
        self.stage().forgotten()
    }

    fn finished(&self, now: Duration) -> bool {
        Played::finished(self, now)
    }
}
