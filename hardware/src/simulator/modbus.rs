//! Simulated devices on a Modbus: a sensor of the air, a board of relays and inputs.

use std::time::Duration;

use crate::event::{Climate, Contact, Read};
use crate::modbus::bus::{self, Transport};
use crate::modbus::frame::{self, Exception, Front, Reply, Request, Side, TCP_MAX, Table};
use crate::modbus::relay::Kind;
use crate::settings::Settings;
use crate::simulator::Played;
use crate::simulator::outbox::Outbox;
use crate::simulator::script::{Act, Script, SentWhat, Stage};

/// A unit of a bus: hears requests and hands over replies.
#[derive(Clone, Debug)]
struct Unit {
    bus: bus::Settings,
    stage: Stage,
    outbox: Outbox,
    received: Vec<u8>,
}

impl Unit {
    fn new(settings: &Settings, script: Script, seed: u64) -> Unit {
        Unit {
            bus: bus::Settings::of(settings),
            stage: Stage::new(script, seed),
            outbox: Outbox::default(),
            received: Vec::new(),
        }
    }

    fn opened(&mut self, now: Duration) {
        self.outbox.clear();
        self.received.clear();
        self.stage.opened(now);
    }

    fn disconnected(&mut self) {
        self.outbox.clear();
        self.stage.cut();
    }

    /// The requests to this unit in what came; a silent unit hears nothing.
    fn heard(&mut self, bytes: &[u8], now: Duration) -> Vec<(u16, Request)> {
        if self.stage.silent(now) {
            self.received.clear();
            return Vec::new();
        }
        let received = [std::mem::take(&mut self.received).as_slice(), bytes].concat();
        let mut left = received.as_slice();
        let mut requests = Vec::new();
        while !left.is_empty() {
            let front = match self.bus.transport {
                Transport::Rtu => frame::front_rtu(left, Side::Requests),
                Transport::Tcp => frame::front_tcp(left),
            };
            let used = match front {
                Front::Frame { transaction, unit, pdu, len } => {
                    let request = Request::parse(pdu).filter(|_| unit == self.bus.unit);
                    requests.extend(request.map(|request| (transaction, request)));
                    len
                }
                Front::Noise => 1,
                Front::Incomplete => break,
            };
            left = left.get(used..).unwrap_or_default();
        }
        self.received = left.get(..TCP_MAX).unwrap_or(left).to_vec();
        requests
    }

    /// Replies, and writes into the log what the reply reports.
    fn reply(&mut self, transaction: u16, function: u8, reply: &Reply, reports: Vec<Read>, now: Duration) {
        let pdu = reply.encode(function);
        let bytes = match self.bus.transport {
            Transport::Rtu => frame::rtu(self.bus.unit, &pdu),
            Transport::Tcp => frame::tcp(transaction, self.bus.unit, &pdu),
        };
        if self.stage.take_truncation() {
            let half = bytes.get(..bytes.len() / 2).unwrap_or(&bytes).to_vec();
            let n = half.len();
            return self.outbox.say_logged(half, now, SentWhat::Garbage { n });
        }
        let mut reports = reports.into_iter();
        match reports.next() {
            Some(first) => self.outbox.say_logged(bytes, now, SentWhat::Report(first)),
            None => self.outbox.say(bytes),
        }
        // The frame is over; the rest of what it reports is handed over with it.
        reports.for_each(|report| self.outbox.say_logged(Vec::new(), now, SentWhat::Report(report)));
    }

    /// What happens next that is more than a fault of the line.
    fn next(&mut self, now: Duration) -> Option<Act> {
        while let Some(act) = self.stage.next(now) {
            match act {
                Act::Garbage { bytes } => {
                    let n = bytes.len();
                    self.outbox.say_logged(bytes, now, SentWhat::Garbage { n });
                }
                Act::Disconnect => self.outbox.cut(now),
                other => return Some(other),
            }
        }
        None
    }
}

/// A simulated sensor.
#[derive(Clone, Debug)]
pub struct Sensor {
    unit: Unit,
    settings: Settings,
    climate: Climate,
}

impl Sensor {
    /// A sensor that a session with these settings understands.
    pub fn set(settings: &Settings, script: Script, seed: u64) -> Sensor {
        let climate = Climate { temperature_millicelsius: Some(20_300), humidity_millipercent: Some(51_200) };
        Sensor { unit: Unit::new(settings, script, seed), settings: settings.clone(), climate }
    }

    /// What a register holds, if there is one.
    fn register(&self, table: Table, address: u16) -> Option<u16> {
        let holding = self.settings.text("registers") == "holding";
        if table != if holding { Table::Holding } else { Table::InputRegisters } {
            return None;
        }
        let part = if self.settings.text("scale") == "100" { 10 } else { 100 };
        let counts = |value: Option<i32>| value.map_or(0x8000, |value| (value / part) as i16 as u16);
        let (temperature, humidity) =
            (counts(self.climate.temperature_millicelsius), counts(self.climate.humidity_millipercent));
        match i32::from(address) {
            at if at == self.settings.whole::<i32>("temperature_register") => Some(temperature),
            at if at == self.settings.whole::<i32>("humidity_register") => Some(humidity),
            // What lies between is there and empty.
            _ if self.between(address) => Some(0),
            _ => None,
        }
    }

    fn between(&self, address: u16) -> bool {
        let (a, b): (i32, i32) =
            (self.settings.whole("temperature_register"), self.settings.whole("humidity_register"));
        (a.min(b)..=a.max(b)).contains(&i32::from(address))
    }

    fn answer(&self, request: &Request) -> (Reply, Vec<Read>) {
        match *request {
            Request::Read { table: table @ (Table::Holding | Table::InputRegisters), address, count } => {
                let addresses = address..address.saturating_add(count.min(125));
                let values: Option<Vec<u16>> = addresses.map(|address| self.register(table, address)).collect();
                match values {
                    Some(values) => (Reply::Registers(values), vec![Read::Climate(self.climate)]),
                    None => (Reply::Exception(Exception(2)), Vec::new()),
                }
            }
            _ => (Reply::Exception(Exception(1)), Vec::new()),
        }
    }
}

impl Played for Sensor {
    fn stage(&self) -> &Stage {
        &self.unit.stage
    }

    fn ends(&mut self) -> (&mut Stage, &mut Outbox) {
        (&mut self.unit.stage, &mut self.unit.outbox)
    }

    fn opened(&mut self, now: Duration) {
        self.unit.opened(now);
        self.tick(now);
    }

    fn disconnected(&mut self, now: Duration) {
        self.tick(now);
        self.unit.disconnected();
    }

    fn receive(&mut self, bytes: &[u8], now: Duration) {
        self.tick(now);
        for (transaction, request) in self.unit.heard(bytes, now) {
            let (reply, reports) = self.answer(&request);
            self.unit.reply(transaction, request.function(), &reply, reports, now);
        }
    }

    fn tick(&mut self, now: Duration) {
        while let Some(act) = self.unit.next(now) {
            if let Act::Climate(climate) = act {
                self.climate = climate;
            }
        }
    }
}

/// A simulated board.
#[derive(Clone, Debug)]
pub struct Board {
    unit: Unit,
    kind: Kind,
    relays: Vec<bool>,
    inputs: Vec<bool>,
    /// How the inputs stood in the reply before.
    told: Vec<bool>,
    /// Every change of a relay: its number from 1, on or off, when.
    switched: Vec<(u16, bool, Duration)>,
}

/// Changes of relays that are kept; at the bound the older half is forgotten.
const SWITCHED_MAX: usize = 10_000;

impl Board {
    /// A board that a session with these settings understands.
    pub fn set(settings: &Settings, script: Script, seed: u64) -> Board {
        Board {
            unit: Unit::new(settings, script, seed),
            kind: if settings.text("board") == "registers" { Kind::Registers } else { Kind::Coils },
            relays: vec![false; settings.whole("outputs")],
            inputs: vec![false; settings.whole("inputs")],
            told: Vec::new(),
            switched: Vec::new(),
        }
    }

    /// How the relays stand, the first one first.
    pub fn relays(&self) -> &[bool] {
        &self.relays
    }

    /// Every change of a relay since the beginning: its number from 1, on or off, when.
    pub fn switched(&self) -> &[(u16, bool, Duration)] {
        &self.switched
    }

    fn switch(&mut self, line: u16, on: bool, now: Duration) -> Option<()> {
        let relay = self.relays.get_mut(usize::from(line.checked_sub(1)?))?;
        if std::mem::replace(relay, on) != on {
            if self.switched.len() == SWITCHED_MAX {
                self.switched.drain(..SWITCHED_MAX / 2);
            }
            self.switched.push((line, on, now));
        }
        Some(())
    }

    fn answer(&mut self, request: &Request, now: Duration) -> (Reply, Vec<Read>) {
        let part = |of: &[bool], address: u16, count: u16| {
            let address = usize::from(address);
            of.get(address..address + usize::from(count)).filter(|part| !part.is_empty()).map(<[bool]>::to_vec)
        };
        let wrong = (Reply::Exception(Exception(2)), Vec::new());
        match (self.kind, request) {
            (Kind::Coils, &Request::Read { table: Table::Coils, address, count }) => {
                part(&self.relays, address, count).map_or(wrong, |bits| (Reply::Bits(bits), Vec::new()))
            }
            (_, &Request::Read { table: Table::Inputs, address, count }) => match part(&self.inputs, address, count) {
                Some(bits) => (Reply::Bits(bits), self.news()),
                None => wrong,
            },
            (Kind::Coils, &Request::WriteCoil { address, value }) => {
                let on = match value {
                    0xFF00 => true,
                    0 => false,
                    0x5500 => !self.relays.get(usize::from(address)).copied().unwrap_or_default(),
                    _ => return (Reply::Exception(Exception(3)), Vec::new()),
                };
                let done = self.switch(address.saturating_add(1), on, now);
                done.map_or(wrong, |()| (Reply::Written { address, value }, Vec::new()))
            }
            (Kind::Registers, &Request::Read { table: Table::Holding, address, count }) => {
                match part(&self.relays, address.wrapping_sub(1), count) {
                    Some(bits) => (Reply::Registers(bits.into_iter().map(u16::from).collect()), Vec::new()),
                    None => wrong,
                }
            }
            (Kind::Registers, &Request::WriteRegister { address, value: value @ (0x0100 | 0x0200) }) => {
                let done = self.switch(address, value == 0x0100, now);
                done.map_or(wrong, |()| (Reply::Written { address, value }, Vec::new()))
            }
            _ => (Reply::Exception(Exception(1)), Vec::new()),
        }
    }

    /// What a look at the inputs tells that the one before did not.
    fn news(&mut self) -> Vec<Read> {
        let told = std::mem::replace(&mut self.told, self.inputs.clone());
        let changed = (1u16..).zip(self.inputs.iter().enumerate());
        let changed = changed.filter(|(_, (at, closed))| told.get(*at) != Some(closed));
        changed.map(|(line, (_, &closed))| Read::Contact(Contact { line, closed })).collect()
    }
}

impl Played for Board {
    fn stage(&self) -> &Stage {
        &self.unit.stage
    }

    fn ends(&mut self) -> (&mut Stage, &mut Outbox) {
        (&mut self.unit.stage, &mut self.unit.outbox)
    }

    fn opened(&mut self, now: Duration) {
        self.told.clear();
        self.unit.opened(now);
        self.tick(now);
    }

    fn disconnected(&mut self, now: Duration) {
        self.tick(now);
        self.unit.disconnected();
    }

    fn receive(&mut self, bytes: &[u8], now: Duration) {
        self.tick(now);
        for (transaction, request) in self.unit.heard(bytes, now) {
            let (reply, reports) = self.answer(&request, now);
            self.unit.reply(transaction, request.function(), &reply, reports, now);
        }
    }

    fn tick(&mut self, now: Duration) {
        while let Some(act) = self.unit.next(now) {
            if let Act::Contact(Contact { line, closed }) = act
                && let Some(input) = self.inputs.get_mut(usize::from(line).wrapping_sub(1))
            {
                *input = closed;
            }
        }
    }
}
