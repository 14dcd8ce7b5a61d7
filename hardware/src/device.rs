//! The families of devices that a warehouse owns, and the face that a session with any of them has.

use std::fmt::Debug;
use std::time::Duration;

use serde_json::Value;

use crate::command::{Command, Unable};
use crate::event::Event;
use crate::settings::{Setting, Settings};
use crate::simulator::Simulator;
use crate::simulator::script::Script;
use crate::{
    acr122u, gpio, hid_pos, llrp, mercury, modbus, pn532, printer, push, r200, r2000, rdm6300, reader18, scale,
    scanner, ssi, swct, wedge,
};

/// Every family, in the order of a list.
pub const FAMILIES: &[&Family] = &[
    &scanner::FAMILY,
    &ssi::FAMILY,
    &hid_pos::FAMILY,
    &wedge::FAMILY,
    &r200::FAMILY,
    &r2000::FAMILY,
    &reader18::FAMILY,
    &mercury::FAMILY,
    &swct::FAMILY,
    &llrp::FAMILY,
    &push::FAMILY,
    &scale::MT_SICS_FAMILY,
    &scale::AND_FAMILY,
    &scale::OHAUS_FAMILY,
    &scale::SBI_FAMILY,
    &scale::TOLEDO_8217_FAMILY,
    &scale::TOLEDO_CONTINUOUS_FAMILY,
    &modbus::CLIMATE_FAMILY,
    &modbus::RELAY_FAMILY,
    &rdm6300::FAMILY,
    &pn532::FAMILY,
    &acr122u::FAMILY,
    &printer::ZPL_FAMILY,
    &printer::TSPL_FAMILY,
    &gpio::FAMILY,
];

/// Devices that speak alike.
#[derive(Debug)]
pub struct Family {
    /// The name in a configuration and on the command line.
    pub name: &'static str,
    pub reads: &'static [Reads],
    pub link: Link,
    /// Vendor and product numbers under which such devices, or the adapters they sit behind, appear on USB. A hint
    /// for a list of ports and no proof: many devices share an adapter.
    pub usb_ids: &'static [(u16, u16)],
    /// One sentence for a list.
    pub description: &'static str,
    pub settings: &'static [Setting],
    /// A session with a device that is set so. The error is a sentence about settings that cannot work together.
    pub session: fn(&Settings) -> Result<Box<dyn Session>, String>,
    /// A simulated device that works with these settings.
    pub simulator: fn(&Settings, Script, u64) -> Box<dyn Simulator>,
    pub codec: Codec,
}

/// What a family reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Printed symbols.
    Symbols,
    /// UHF tags.
    Tags,
    /// LF and HF cards, such as badges.
    Cards,
    Weights,
    /// Temperature and humidity.
    Climate,
    /// Contacts: doors, photo-eyes, buttons.
    Contacts,
    /// Labels come out of it.
    Prints,
}

/// How a family is connected, and with which settings unless others are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Serial(Serial),
    /// A TCP connection to this port.
    Tcp {
        port: u16,
    },
    /// A device file that is read and written like a stream: a keyboard, a HID report pipe, a USB printer.
    File,
    /// Lines of a GPIO chip, or a file that gives the same bytes as the kernel does for them.
    Gpio,
    /// The service PC/SC of the system, or a file that gives the messages which stand for it.
    Pcsc,
    /// The device, or a broker it speaks to, is met on the network by other protocols than its own.
    Push,
}

/// The settings of a serial line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serial {
    pub baud: u32,
    pub data_bits: u8,
    pub parity: Parity,
    pub stop_bits: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parity {
    None,
    Even,
    Odd,
}

impl Serial {
    /// 8 data bits, no parity, 1 stop bit.
    pub const fn of(baud: u32) -> Serial {
        Serial { baud, data_bits: 8, parity: Parity::None, stop_bits: 1 }
    }

    /// 7 data bits, even parity, 1 stop bit, as older scales have it.
    pub const fn seven_even(baud: u32) -> Serial {
        Serial { baud, data_bits: 7, parity: Parity::Even, stop_bits: 1 }
    }
}

/// What a family's bytes mean, for the tools of a person who looks at a captured stream. A session uses the same code
/// beneath.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    /// The dialects that can be named; empty when there is one.
    pub dialects: &'static [&'static str],
    /// What stands at the front of a stream.
    pub cut: fn(&[u8], Dialect) -> Cut,
    /// The fields of one whole message, with the names of the family's vector file. The error says what is wrong and at
    /// which byte.
    pub decode: fn(&[u8], Dialect) -> Result<Value, String>,
}

/// A dialect by its name; `None`: whichever fits.
pub type Dialect = Option<&'static str>;

/// What stands at the front of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// A whole message of so many bytes.
    Message(usize),
    /// So many bytes that belong to none.
    Noise(usize),
    /// So many bytes that may stand between two messages: blanks, heartbeats of a bridge.
    Blank(usize),
    /// More bytes are needed to tell.
    Incomplete,
}

/// Other names of families: those of the files of vectors that describe their protocols (`tests/data`).
pub const ALSO: &[(&str, &str)] = &[
    ("aim_symbology", "scanner"),
    ("scanner_commands", "scanner"),
    ("scanner_framing", "scanner"),
    ("ssi_zebra", "ssi"),
    ("evdev_wedge", "wedge"),
    ("uhf_m100_r200", "r200"),
    ("uhf_r2000_a0", "r2000"),
    ("uhf_reader18", "chafon"),
    ("uhf_mercury", "mercury"),
    ("uhf_swct", "swct"),
    ("scale_mtsics", "mt_sics"),
    ("scale_and", "and"),
    ("scale_ohaus", "ohaus"),
    ("scale_sartorius_sbi", "sbi"),
    ("scale_toledo8217", "toledo_8217"),
    ("scale_toledo_continuous", "toledo_continuous"),
    ("modbus_rtu", "modbus_climate"),
    ("lf_rdm6300", "rdm6300"),
    ("hf_pn532", "pn532"),
    ("pcsc_acr122u", "acr122u"),
    ("printer_zpl", "zpl"),
    ("printer_tspl", "tspl"),
];

impl Family {
    /// The other names of this family.
    pub fn also(&self) -> impl Iterator<Item = &'static str> + use<> {
        let name = self.name;
        ALSO.iter().filter(move |(_, of)| *of == name).map(|(also, _)| *also)
    }
}

/// The family with this name.
pub fn by_name(name: &str) -> Option<&'static Family> {
    FAMILIES.iter().copied().find(|family| family.name == name)
}

/// A session with one device. It owns no link and no clock: whoever drives it calls `opened`, then `receive` and `tick`,
/// and after each of these `transmit` and `poll` until they give `None`.
pub trait Session: Debug + Send {
    /// The link was just opened: forgets half messages and begins the handshake.
    fn opened(&mut self, now: Duration);

    /// Takes what the link just delivered, in any split.
    fn receive(&mut self, bytes: &[u8], now: Duration);

    /// Acts on the time.
    fn tick(&mut self, now: Duration);

    /// What is to be sent next.
    fn transmit(&mut self) -> Option<Vec<u8>>;

    /// The next event.
    fn poll(&mut self) -> Option<Event>;

    /// When to call `tick` if nothing arrives.
    fn wake(&self) -> Option<Duration>;

    /// Begins an orderly end; see [`Session::closed`].
    fn close(&mut self, now: Duration);

    /// Whether the session is over: it was never opened, was lost, or its orderly end is done.
    fn closed(&self) -> bool;

    /// Asks something of the device. `number` comes back with the answer, where the device gives one.
    ///
    /// # Errors
    /// [`Unable`] when such a device cannot do it.
    fn command(&mut self, number: u32, command: &Command, now: Duration) -> Result<(), Unable> {
        let _ = (number, command, now);
        Err(Unable)
    }
}
