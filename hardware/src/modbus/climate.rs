//! A session with one sensor of temperature and humidity on a bus.

use std::collections::VecDeque;
use std::time::Duration;

use crate::device::Session;
use crate::event::{Climate, Event, Read};
use crate::modbus::bus::{Bus, Outcome};
use crate::modbus::frame::{Reply, Request, Table};
use crate::modbus::{bus, unanswered};

/// An unchanged climate is told again after this time, so that its record has no hole.
pub const REPEAT: Duration = Duration::from_secs(60);

/// Registers between the first and the last that are read at once.
const SPAN_MAX: u16 = 32;

/// What such a sensor gives where it has nothing to tell.
const NOTHING: [u16; 2] = [0x7FFF, 0x8000];

/// Where the values stand, and what they count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub bus: bus::Settings,
    pub table: Table,
    /// The register of the temperature, signed.
    pub temperature: u16,
    /// The register of the humidity; `None` for a sensor of temperature only.
    pub humidity: Option<u16>,
    /// Parts of a degree, and of a percent, in one count: 10 or 100.
    pub scale: i32,
    pub every: Duration,
}

impl Settings {
    pub(super) fn of(settings: &crate::settings::Settings) -> Result<Settings, String> {
        let humidity: i32 = settings.whole("humidity_register");
        let own = Settings {
            bus: bus::Settings::of(settings),
            table: if settings.text("registers") == "holding" { Table::Holding } else { Table::InputRegisters },
            temperature: settings.whole("temperature_register"),
            humidity: u16::try_from(humidity).ok(),
            scale: if settings.text("scale") == "100" { 100 } else { 10 },
            every: Duration::from_millis(settings.whole("every_ms")),
        };
        match own.humidity {
            Some(humidity) if SPAN_MAX <= humidity.abs_diff(own.temperature) => Err(format!(
                "the registers of temperature and humidity lie further apart than {SPAN_MAX}; look them up anew"
            )),
            _ => Ok(own),
        }
    }

    /// One request for both values.
    fn request(&self) -> Request {
        let humidity = self.humidity.unwrap_or(self.temperature);
        let (first, span) = (self.temperature.min(humidity), self.temperature.abs_diff(humidity));
        Request::Read { table: self.table, address: first, count: span + 1 }
    }
}

/// A session with one sensor.
#[derive(Clone, Debug)]
pub struct Sensor {
    settings: Settings,
    bus: Bus,
    phase: Phase,
    /// What was told last, and when.
    told: Option<(Climate, Duration)>,
    /// The fault that was told and holds on.
    fault: Option<String>,
    events: VecDeque<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Over,
    Meeting,
    /// The next question is due at this time.
    Reading {
        next: Duration,
    },
}

impl Sensor {
    pub fn new(settings: Settings) -> Sensor {
        let bus = Bus::new(settings.bus);
        Sensor { settings, bus, phase: Phase::Over, told: None, fault: None, events: VecDeque::new() }
    }

    fn ended(&mut self, outcome: Option<Outcome>, now: Duration) {
        match outcome {
            None => (),
            Some(Outcome::Unanswered(_)) => self.lost(unanswered(self.settings.bus.unit)),
            Some(Outcome::Replied(_, Reply::Exception(exception))) => {
                let text = format!("unit {} does not tell its climate: {exception}", self.settings.bus.unit);
                match self.phase {
                    Phase::Meeting => self.lost(text),
                    Phase::Over | Phase::Reading { .. } => self.fault(text),
                }
            }
            Some(Outcome::Replied(_, Reply::Registers(values))) => {
                if self.phase == Phase::Meeting {
                    self.events.push_back(Event::Ready { model: String::new() });
                    self.phase = Phase::Reading { next: now.saturating_add(self.settings.every) };
                }
                self.tell(&values, now);
            }
            // The bus lets no other reply pass.
            Some(Outcome::Replied(_, Reply::Bits(_) | Reply::Written { .. })) => (),
        }
    }

    fn tell(&mut self, values: &[u16], now: Duration) {
        let Settings { temperature, humidity, scale, .. } = self.settings;
        let first = temperature.min(humidity.unwrap_or(temperature));
        let value = |register: u16| {
            let value = values.get(usize::from(register - first)).copied();
            value.filter(|value| !NOTHING.contains(value))
        };
        let thousandths = 1000 / scale;
        let climate = Climate {
            temperature_millicelsius: value(temperature).map(|value| i32::from(value.cast_signed()) * thousandths),
            humidity_millipercent: humidity.and_then(value).map(|value| i32::from(value) * thousandths),
        };
        if let Some(why) = implausible(&climate) {
            return self.fault(why);
        }
        self.fault = None;
        let news = self.told.is_none_or(|(told, at)| told != climate || at.saturating_add(REPEAT) <= now);
        if news {
            self.told = Some((climate, now));
            self.events.push_back(Event::Read(Read::Climate(climate)));
        }
    }

    fn fault(&mut self, text: String) {
        if self.fault.as_ref() != Some(&text) {
            self.fault = Some(text.clone());
            self.events.push_back(Event::Fault { text });
        }
    }

    fn lost(&mut self, reason: String) {
        self.report_noise();
        self.phase = Phase::Over;
        self.events.push_back(Event::Lost { reason });
    }

    fn ask_if_due(&mut self, now: Duration) {
        let due = match self.phase {
            Phase::Over => false,
            Phase::Meeting => true,
            Phase::Reading { next } => next <= now,
        };
        if !due || !self.bus.is_free(now) {
            return;
        }
        if let Phase::Reading { next } = &mut self.phase {
            *next = now.saturating_add(self.settings.every);
        }
        let request = self.settings.request();
        self.bus.ask(request, now);
    }

    fn report_noise(&mut self) {
        let bytes = self.bus.take_noise();
        if 0 < bytes {
            self.events.push_back(Event::Noise { bytes });
        }
    }
}

/// Values that no room has: the sensor is broken, or counts in other parts.
fn implausible(climate: &Climate) -> Option<String> {
    let strange = |name: &str, value: i32, unit: &str| {
        Some(format!(
            "the sensor tells a {name} of {} {unit}, which no room has; check `scale` and the registers, or the sensor",
            value / 1000
        ))
    };
    match (climate.temperature_millicelsius, climate.humidity_millipercent) {
        (None, None) => Some("the sensor has nothing to tell; check its own cable".into()),
        (Some(value), _) if !(-100_000..=200_000).contains(&value) => strange("temperature", value, "°C"),
        (_, Some(value)) if !(0..=110_000).contains(&value) => strange("humidity", value, "%"),
        _ => None,
    }
}

impl Session for Sensor {
    fn opened(&mut self, now: Duration) {
        self.bus.reset(now);
        self.report_noise();
        (self.told, self.fault) = (None, None);
        self.phase = Phase::Meeting;
        self.ask_if_due(now);
    }

    fn receive(&mut self, bytes: &[u8], now: Duration) {
        if self.phase == Phase::Over {
            return;
        }
        let outcome = self.bus.receive(bytes, now);
        self.report_noise();
        self.ended(outcome, now);
        self.tick(now);
    }

    fn tick(&mut self, now: Duration) {
        if self.phase == Phase::Over {
            return;
        }
        let outcome = self.bus.tick(now);
        self.report_noise();
        self.ended(outcome, now);
        self.ask_if_due(now);
    }

    fn transmit(&mut self) -> Option<Vec<u8>> {
        if self.phase == Phase::Over { None } else { self.bus.transmit() }
    }

    fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn wake(&self) -> Option<Duration> {
        match self.phase {
            Phase::Over => None,
            Phase::Meeting => Some(self.bus.wake()),
            Phase::Reading { next } if self.bus.is_free(next) => Some(next),
            Phase::Reading { .. } => Some(self.bus.wake()),
        }
    }

    /// A sensor has nothing to end.
    fn close(&mut self, _now: Duration) {
        self.phase = Phase::Over;
    }

    fn closed(&self) -> bool {
        self.phase == Phase::Over
    }
}
