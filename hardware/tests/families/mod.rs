//! What every family promises, whatever it speaks.

use std::time::Duration;

use gatebook_hardware::device::{ALSO, Cut, FAMILIES, Family, Reads, Session, by_name};
use gatebook_hardware::event::{Card, CardKind, Climate, Contact, Event, Read, Steady, Weight, WeightUnit};
use gatebook_hardware::settings::{Form, Settings};
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::script::{Presentation, Random, Script, SentWhat};

/// Bytes of noise for each family; GATEBOOK_TEST_FUZZ_BYTES asks for more.
fn fuzz_bytes() -> usize {
    std::env::var("GATEBOOK_TEST_FUZZ_BYTES").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000_000)
}

const STEP: Duration = Duration::from_millis(5);

/// A session and a simulated device of one family on a wire that loses nothing.
struct Wire {
    session: Box<dyn Session>,
    device: Box<dyn Simulator>,
    now: Duration,
    events: Vec<Event>,
    /// What the device sent.
    sent: Vec<u8>,
}

impl Wire {
    fn new(family: &'static Family) -> Wire {
        let settings = Settings::of(family.settings);
        let session = (family.session)(&settings).unwrap();
        let device = (family.simulator)(&settings, Script::new(), 7);
        let mut wire = Wire { session, device, now: Duration::ZERO, events: Vec::new(), sent: Vec::new() };
        wire.device.opened(wire.now);
        wire.session.opened(wire.now);
        wire
    }

    fn run(&mut self, span: Duration) {
        let until = self.now + span;
        while self.now < until {
            while let Some(bytes) = self.session.transmit() {
                self.device.receive(&bytes, self.now);
            }
            while let Some(bytes) = self.device.transmit() {
                self.session.receive(&bytes, self.now);
                self.sent.extend_from_slice(&bytes);
            }
            self.events.extend(std::iter::from_fn(|| self.session.poll()));
            self.now += STEP;
            self.device.tick(self.now);
            self.session.tick(self.now);
        }
    }

    fn reads(&self) -> impl Iterator<Item = &Read> {
        self.events.iter().filter_map(|event| if let Event::Read(read) = event { Some(read) } else { None })
    }
}

/// Tells whether a read is the one that was shown.
type IsIt = fn(&Read) -> bool;

/// Something that a family of this kind sees, and how to tell that it was read.
fn shown(reads: Reads) -> Option<(Presentation, IsIt)> {
    let epc = || vec![0x30, 0x74, 0x25, 0x7B, 0xF7, 0x19, 0x4E, 0x40, 0, 0, 0x1A, 0x85];
    Some(match reads {
        Reads::Symbols => (
            Presentation::Symbol { aim: None, bytes: b"R-0017".to_vec() },
            |read| matches!(read, Read::Symbol(symbol) if symbol.bytes == b"R-0017"),
        ),
        Reads::Tags => (
            Presentation::TagEnters { epc: epc(), antenna: 1, peak_dbm: -45 },
            |read| matches!(read, Read::Tag(tag) if tag.epc.starts_with(&[0x30, 0x74]) && tag.epc.len() == 12),
        ),
        Reads::Cards => {
            let card = Card { kind: CardKind::Iso14443a, number: vec![0x04, 0xA2, 0x2B, 0x91] };
            (Presentation::Card { card, stays: Duration::from_secs(1) }, |read| matches!(read, Read::Card(_)))
        }
        Reads::Weights => {
            let text = Vec::new();
            let (unit, steady) = (WeightUnit::Gram, Steady::Yes);
            let weight = Weight { digits: 342, places: 2, unit, steady, net: false, text };
            (
                Presentation::Weight(weight),
                |read| matches!(read, Read::Weight(weight) if weight.steady == Steady::Yes && weight.digits % 342 == 0),
            )
        }
        Reads::Climate => {
            let climate = Climate { temperature_millicelsius: Some(21_500), humidity_millipercent: Some(45_000) };
            (
                Presentation::Climate(climate),
                |read| matches!(read, Read::Climate(air) if air.temperature_millicelsius == Some(21_500)),
            )
        }
        Reads::Contacts => {
            let contact = Contact { line: 1, closed: true };
            (Presentation::Contact(contact), |read| matches!(read, Read::Contact(contact) if contact.closed))
        }
        Reads::Prints => return None,
    })
}

#[test]
fn other_names_lead_to_one_family() {
    for (number, (also, name)) in ALSO.iter().enumerate() {
        assert!(by_name(name).is_some() && by_name(also).is_none(), "{also} of {name}");
        assert!(!ALSO[..number].iter().any(|(other, _)| other == also), "{also} stands twice");
    }
}

#[test]
fn the_list_is_sound() {
    for family in FAMILIES {
        assert_eq!(FAMILIES.iter().filter(|other| other.name == family.name).count(), 1, "{}", family.name);
        assert!(!family.description.is_empty() && !family.reads.is_empty(), "{}", family.name);
        for setting in family.settings {
            assert!(setting.says.ends_with('.') && 20 < setting.says.len(), "{}.{}", family.name, setting.name);
            let mut settings = Settings::of(family.settings);
            settings.set(setting.name, setting.form.default()).unwrap();
            if let Form::Whole { to, .. } = setting.form {
                let over = gatebook_hardware::settings::Value::Whole(to + 1);
                assert!(settings.set(setting.name, over).unwrap_err().contains("it goes from"));
            }
        }
    }
}

/// With its defaults on both sides, what is shown to the device is read.
#[test]
fn what_is_shown_is_read() {
    for family in FAMILIES {
        for (what, is_it) in family.reads.iter().filter_map(|reads| shown(*reads)) {
            let mut wire = Wire::new(family);
            wire.run(Duration::from_secs(3));
            assert!(
                wire.events.iter().any(|event| matches!(event, Event::Ready { .. })),
                "{}: {:?}",
                family.name,
                wire.events
            );
            wire.device.show(what.clone(), wire.now);
            wire.run(Duration::from_secs(3));
            assert!(wire.reads().any(is_it), "{}: {what:?} gave {:?}", family.name, wire.events.last());
            let told = wire.device.log().iter().any(|sent| !matches!(sent.what, SentWhat::Garbage { .. }));
            assert!(told, "{}: the log of the device names nothing", family.name);
        }
    }
}

/// What a device sends is cut into messages that are understood, with no noise between them.
#[test]
fn a_captured_stream_is_cut_into_messages() {
    for family in FAMILIES {
        let mut wire = Wire::new(family);
        wire.run(Duration::from_secs(2));
        for (what, _) in family.reads.iter().filter_map(|reads| shown(*reads)) {
            wire.device.show(what, wire.now);
        }
        wire.run(Duration::from_secs(2));
        let (mut at, mut messages) = (0, 0);
        while let Some(rest) = wire.sent.get(at..).filter(|rest| !rest.is_empty()) {
            match (family.codec.cut)(rest, None) {
                Cut::Message(len) => {
                    let message = &rest[..len];
                    let fields = (family.codec.decode)(message, None);
                    assert!(fields.is_ok(), "{}: {message:02x?}: {fields:?}", family.name);
                    messages += 1;
                    at += len;
                }
                Cut::Blank(len) => at += len,
                Cut::Noise(len) => panic!("{}: {len} bytes of noise at {at}: {rest:02x?}", family.name),
                Cut::Incomplete => break,
            }
        }
        assert!(0 < messages || wire.sent.is_empty(), "{}: no message in {} bytes", family.name, wire.sent.len());
    }
}

/// Ten million hostile bytes: no panic, nothing that grows, and the family is itself again afterwards.
#[test]
fn noise_harms_nothing() {
    for family in FAMILIES {
        let mut wire = Wire::new(family);
        wire.run(Duration::from_secs(2));
        for (what, _) in family.reads.iter().filter_map(|reads| shown(*reads)) {
            wire.device.show(what, wire.now);
        }
        wire.run(Duration::from_secs(1));
        let sample = if wire.sent.is_empty() { b"\x02\x03".to_vec() } else { wire.sent.clone() };
        let settings = Settings::of(family.settings);
        let mut session = (family.session)(&settings).unwrap();
        let mut random = Random::new(99);
        let (mut fed, mut now) = (0, Duration::ZERO);
        session.opened(now);
        while fed < fuzz_bytes() {
            let bytes = hostile(&mut random, &sample);
            fed += bytes.len();
            now += Duration::from_micros(random.below(20_000));
            session.receive(&bytes, now);
            session.tick(now);
            let events = std::iter::from_fn(|| session.poll()).take(100_000).count();
            assert!(events < 100_000, "{}: it never stops telling", family.name);
            let sent = std::iter::from_fn(|| session.transmit()).take(10_000).count();
            assert!(sent < 10_000, "{}: it never stops talking", family.name);
            if session.closed() {
                session.opened(now);
            }
            if fed % 8 == 0 {
                walk(family, &bytes);
            }
        }
    }
}

/// Cuts and decodes all of `bytes`, as the tools do.
fn walk(family: &Family, bytes: &[u8]) {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        at += match (family.codec.cut)(rest, None) {
            Cut::Message(len) => {
                assert!(0 < len && len <= rest.len(), "{}", family.name);
                let _ = (family.codec.decode)(&rest[..len], None);
                len
            }
            Cut::Noise(len) | Cut::Blank(len) => {
                assert!(0 < len && len <= rest.len(), "{}", family.name);
                len
            }
            Cut::Incomplete => break,
        };
    }
    let _ = (family.codec.decode)(bytes, None);
}

/// Noise of the kinds that lines make: pure, and true messages with bits flipped, parts cut out, doubled or glued.
fn hostile(random: &mut Random, sample: &[u8]) -> Vec<u8> {
    let below = |random: &mut Random, bound: usize| random.below(bound as u64) as usize;
    let from = below(random, sample.len());
    let mut bytes: Vec<u8> = sample[from..].iter().copied().take(1 + below(random, 512)).collect();
    match random.below(5) {
        0 => random.bytes(1 + from % 400),
        1 => {
            for _ in 0..1 + random.below(4) {
                let at = below(random, bytes.len());
                bytes[at] ^= 1 << random.below(8);
            }
            bytes
        }
        2 => {
            let cut = below(random, bytes.len());
            bytes.drain(..cut);
            bytes
        }
        3 => {
            let at = below(random, bytes.len());
            bytes[at] = [0, 0xFF, 0x7F, 0x80][below(random, 4)];
            bytes
        }
        _ => bytes.repeat(2),
    }
}
