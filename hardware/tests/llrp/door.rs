//! A client, a simulated reader and the wire between them, in memory, on a clock that the test turns.

use std::time::Duration;

use gatebook_hardware::command::{Answer, Command};
use gatebook_hardware::device::Session;
use gatebook_hardware::event::{Contact, Event, Read, Tag};
use gatebook_hardware::llrp::frame;
use gatebook_hardware::llrp::message::Message;
use gatebook_hardware::llrp::session::Llrp;
use gatebook_hardware::llrp::settings::Settings;
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::llrp::{LlrpReader, Make};
use gatebook_hardware::simulator::script::Script;
use serde_json::Value;

pub const A: [u8; 12] = [0x30, 0x34, 0x25, 0x7B, 0xF7, 0x19, 0x4E, 0x40, 0, 0, 0x1A, 0x01];
pub const B: [u8; 16] = [0xE2, 0x80, 0x11, 0x60, 0x60, 0, 2, 4, 0x5A, 0x5B, 0x6C, 0x7D, 0x8E, 0x9F, 0xA0, 0xB1];

/// A client, a reader, and the wire between them.
pub struct Door {
    pub client: Llrp,
    pub reader: LlrpReader,
    pub now: Duration,
    pub wired: bool,
    pub events: Vec<(Duration, Event)>,
    /// Every message of the client, decoded.
    pub said: Vec<Value>,
}

impl Door {
    pub fn new(settings: Settings, make: Make) -> Door {
        let reader = LlrpReader::new(make, Script::new(), 7);
        Door {
            client: Llrp::new(settings),
            reader,
            now: Duration::ZERO,
            wired: false,
            events: Vec::new(),
            said: Vec::new(),
        }
    }

    pub fn connect(&mut self) {
        self.client.opened(self.now);
        self.reader.opened(self.now);
        self.wired = true;
        self.exchange();
    }

    /// The cable is pulled; the reader notices.
    pub fn pull(&mut self) {
        self.wired = false;
        self.reader.disconnected(self.now);
    }

    pub fn exchange(&mut self) {
        loop {
            let mut moved = false;
            while let (true, Some(bytes)) = (self.wired, self.client.transmit()) {
                let frame = frame::cut(&bytes).unwrap().unwrap();
                assert_eq!(frame.len(), bytes.len(), "one whole message per transmit");
                self.said.push(serde_json::from_str(&Message::decode(&frame).unwrap().json()).unwrap());
                self.reader.receive(&bytes, self.now);
                moved = true;
            }
            while let (true, Some(bytes)) = (self.wired, self.reader.transmit()) {
                self.client.receive(&bytes, self.now);
                moved = true;
            }
            while let Some(event) = self.client.poll() {
                self.events.push((self.now, event));
            }
            if self.reader.take_disconnect() {
                self.wired = false;
            }
            if !moved {
                return;
            }
        }
    }

    pub fn run(&mut self, lasts: Duration) {
        let until = self.now + lasts;
        self.exchange();
        while self.now < until {
            let wakes = [self.client.wake(), self.reader.wake()].into_iter().flatten().min();
            let next = wakes.unwrap_or(until).max(self.now + Duration::from_millis(1));
            self.now = next.min(until);
            self.reader.tick(self.now);
            self.client.tick(self.now);
            self.exchange();
        }
    }

    pub fn tags(&self) -> Vec<&Tag> {
        self.events
            .iter()
            .filter_map(|(_, event)| match event {
                Event::Read(Read::Tag(tag)) => Some(tag),
                _ => None,
            })
            .collect()
    }

    /// The contacts that were reported.
    pub fn contacts(&self) -> Vec<(u16, bool)> {
        let contact = |event: &Event| match event {
            Event::Read(Read::Contact(Contact { line, closed })) => Some((*line, *closed)),
            _ => None,
        };
        self.events.iter().filter_map(|(_, event)| contact(event)).collect()
    }

    /// Asks something of the reader.
    pub fn ask(&mut self, number: u32, command: &Command) {
        self.client.command(number, command, self.now).unwrap();
        self.exchange();
    }

    /// The answers to what was asked, oldest first.
    pub fn answers(&self) -> Vec<(u32, Answer)> {
        let answer = |event: &Event| match event {
            Event::Answer { number, answer } => Some((*number, answer.clone())),
            _ => None,
        };
        self.events.iter().filter_map(|(_, event)| answer(event)).collect()
    }

    /// Everything but reads, in words.
    pub fn words(&self) -> Vec<String> {
        let word = |event: &Event| match event {
            Event::Ready { model } => Some(format!("ready: {model}")),
            Event::Fault { text } => Some(format!("fault: {text}")),
            Event::Lost { reason } => Some(format!("lost: {reason}")),
            Event::Noise { bytes } => Some(format!("noise: {bytes}")),
            Event::Read(_) | Event::Answer { .. } | Event::Printer(_) => None,
        };
        self.events.iter().filter_map(|(_, event)| word(event)).collect()
    }

    /// The last ROSpec that the client added.
    pub fn program(&self) -> &Value {
        let added = self.said.iter().rfind(|message| message["message"] == "ADD_ROSPEC");
        &added.unwrap()["decoded"]["ROSpec"]
    }

    pub fn said(&self) -> Vec<&str> {
        self.said.iter().map(|message| message["message"].as_str().unwrap()).collect()
    }
}

pub const READY: &str = "ready: maker 0 1, firmware simulated 1; 4 antennas, 4 inputs, 4 outputs; ETSI 302 208, country 276, \
                     fixed channels 865.700, 866.300, 866.900, 867.500 MHz";

pub fn heard_tags(door: &Door) -> Vec<(Vec<u8>, u16, i16)> {
    door.tags().iter().map(|tag| (tag.epc.clone(), tag.antenna, tag.rssi_dbm.unwrap())).collect()
}

pub const SECOND: Duration = Duration::from_secs(1);
