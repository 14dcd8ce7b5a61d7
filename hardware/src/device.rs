//! The families of devices a door can have, and a session with a device of any of them.

use std::time::Duration;

use crate::event::Event;
use crate::llrp::session::Llrp;
use crate::r200::session::R200;
use crate::scanner::Scanner;

/// Devices that speak alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// The name in a configuration.
    pub name: &'static str,
    pub reads: Reads,
    pub link: Link,
    /// Vendor and product numbers under which such devices, or the adapters they sit behind, appear on USB. A hint
    /// for a list of ports and no proof: many devices share an adapter.
    pub usb_ids: &'static [(u16, u16)],
    /// One sentence for a list.
    pub description: &'static str,
}

/// What a family reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    Symbols,
    Tags,
}

/// How a family is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// A serial line with 8 data bits, no parity and 1 stop bit; speed in baud unless it is set otherwise.
    Serial { baud: u32 },
    /// A TCP connection; the port unless it is set otherwise.
    Tcp { port: u16 },
}

/// Every family, in the order of a list.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "scanner",
        reads: Reads::Symbols,
        link: Link::Serial { baud: 9600 },
        // Zebra, Newland.
        usb_ids: &[(0x05E0, 0x1701), (0x1EAB, 0x0C06)],
        description: "bar code scanner on a serial line (USB-CDC or RS-232)",
    },
    Family {
        name: "r200",
        reads: Reads::Tags,
        link: Link::Serial { baud: 115_200 },
        // CH340, CH9102, CP210x.
        usb_ids: &[(0x1A86, 0x7523), (0x1A86, 0x55D4), (0x10C4, 0xEA60)],
        description: "UHF reader module R200, M100 or YRM100 on a serial line",
    },
    Family {
        name: "llrp",
        reads: Reads::Tags,
        link: Link::Tcp { port: 5084 },
        usb_ids: &[],
        description: "fixed UHF reader with LLRP 1.0.1 or 1.1 on the network (Impinj, Zebra and others)",
    },
];

/// The family with this name.
pub fn by_name(name: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.name == name)
}

/// A session with a device of any family.
#[derive(Debug)]
pub enum Device {
    Scanner(Scanner),
    R200(R200),
    Llrp(Llrp),
}

/// Calls the same method on whichever session it is.
macro_rules! each {
    ($device:expr, $session:ident => $call:expr) => {
        match $device {
            Device::Scanner($session) => $call,
            Device::R200($session) => $call,
            Device::Llrp($session) => $call,
        }
    };
}

impl Device {
    /// The link was just opened: forgets half messages and begins the handshake.
    pub fn opened(&mut self, now: Duration) {
        each!(self, session => session.opened(now))
    }

    /// Takes what the link just delivered, in any split.
    pub fn receive(&mut self, bytes: &[u8], now: Duration) {
        each!(self, session => session.receive(bytes, now))
    }

    /// Acts on the time.
    pub fn tick(&mut self, now: Duration) {
        each!(self, session => session.tick(now))
    }

    /// What is to be sent next; call until `None` after each of the calls above.
    pub fn transmit(&mut self) -> Option<Vec<u8>> {
        each!(self, session => session.transmit())
    }

    /// The next event; call until `None` after each of the calls above.
    pub fn poll(&mut self) -> Option<Event> {
        each!(self, session => session.poll())
    }

    /// When to call `tick` if nothing arrives.
    pub fn wake(&self) -> Option<Duration> {
        each!(self, session => session.wake())
    }

    /// Begins an orderly end; see [`Device::closed`].
    pub fn close(&mut self, now: Duration) {
        each!(self, session => session.close(now))
    }

    /// Whether the session is over: it was never opened, was lost, or its orderly end is done.
    pub fn closed(&self) -> bool {
        each!(self, session => session.closed())
    }
}
