//! Hostile bytes: seeded, mutated from real messages. Nothing panics, nothing grows without bound.

use std::collections::BTreeSet;
use std::time::Duration;

use gatebook_hardware::command::{Bank, Command};
use gatebook_hardware::device::Session;
use gatebook_hardware::event::Event;
use gatebook_hardware::llrp::frame;
use gatebook_hardware::llrp::message::Message;
use gatebook_hardware::llrp::report::TagReports;
use gatebook_hardware::llrp::session::Llrp;
use gatebook_hardware::llrp::settings::Settings;
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::llrp::{Delivery, LlrpReader, Make, Vendor};
use gatebook_hardware::simulator::script::{Mix, Random, Script};

use super::{hex, vectors};

fn real_messages() -> Vec<Vec<u8>> {
    let all = vectors();
    all["vectors"].as_array().unwrap().iter().map(|vector| hex(vector["hex"].as_str().unwrap())).collect()
}

/// Changes a few octets, cuts, doubles or lengthens; keeps the message length true in half the cases, so that the
/// damage reaches the parameters.
fn mutated(message: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = message.to_vec();
    for _ in 0..1 + random.below(6) {
        let place = random.below(bytes.len() as u64) as usize;
        match random.below(6) {
            0 => bytes[place] = random.bits() as u8,
            1 => bytes[place] ^= 1 << random.below(8),
            2 => bytes[place] = [0, 0xFF, 0x80, 0x7F, 4, 3][random.below(6) as usize],
            3 => bytes.truncate(place.max(1)),
            4 => bytes.insert(place, random.bits() as u8),
            _ => bytes.extend_from_within(place..),
        }
        bytes.truncate(4096);
    }
    if random.below(2) == 0 && 10 <= bytes.len() {
        let length = bytes.len() as u32;
        bytes[2..6].copy_from_slice(&length.to_be_bytes());
    }
    bytes
}

#[test]
fn mutated_messages_decode_or_are_refused_and_what_decodes_encodes_to_a_fixed_point() {
    const SEED: u64 = 20_260_315;
    let (mut random, messages) = (Random::new(SEED), real_messages());
    let (mut fed, mut sound) = (0, 0);
    while fed < 1_000_000 {
        let bytes = mutated(&messages[random.below(messages.len() as u64) as usize], &mut random);
        fed += bytes.len();
        let Ok(Some(frame)) = frame::cut(&bytes) else {
            continue;
        };
        let tags = TagReports::new(frame.body, 0).take_while(Result::is_ok).count();
        assert!(tags <= frame.body.len() / 4, "seed {SEED}");
        let Ok(message) = Message::decode(&frame) else {
            continue;
        };
        sound += 1;
        serde_json::from_str::<serde_json::Value>(&message.json())
            .unwrap_or_else(|error| panic!("seed {SEED}: {error}"));
        // Reserved bits, padding and broken UTF-8 are not kept; what was encoded once stays as it is.
        let Ok(once) = message.encode() else { continue };
        let again = frame::cut(&once).unwrap().unwrap();
        let again = Message::decode(&again).unwrap_or_else(|error| panic!("seed {SEED}: {error} in {once:02x?}"));
        assert_eq!(again.encode().unwrap(), once, "seed {SEED}");
    }
    assert!(1000 < sound, "seed {SEED}: only {sound} messages were sound");
}

#[test]
fn parameters_nested_without_end_are_refused() {
    // ParameterError (289) in ParameterError, 1,000 deep, in the LLRPStatus of an ERROR_MESSAGE.
    let mut inner = Vec::new();
    for _ in 0..1000 {
        let length = (8 + inner.len()) as u16;
        inner = [&[0x01, 0x21][..], &length.to_be_bytes(), &[0, 0, 0, 0], &inner].concat();
    }
    let body = [&[0x01, 0x1F][..], &(8 + inner.len() as u16).to_be_bytes(), &[0, 100, 0, 0], &inner].concat();
    let bytes = [&[0x04, 100][..], &(10 + body.len() as u32).to_be_bytes(), &[0, 0, 0, 1], &body].concat();
    let error = Message::decode(&frame::cut(&bytes).unwrap().unwrap()).unwrap_err();
    assert!(error.to_string().starts_with("parameters are nested more than 16 deep"), "{error}");
}

fn question(random: &mut Random) -> Command {
    let length = [0, 4, 12, 62, 70][random.below(5) as usize];
    let epc = random.bytes(length);
    match random.below(3) {
        0 => {
            let lasts = (random.below(2) == 0).then(|| Duration::from_millis(random.below(3000)));
            Command::Output { line: random.below(6) as u16, on: random.below(2) == 0, lasts }
        }
        1 => {
            let words = random.below(10) as u8;
            Command::ReadMemory { epc, bank: Bank::User, from_word: random.below(70_000) as u32, words, password: 0 }
        }
        _ => Command::WriteEpc { to: epc.clone(), epc, password: random.bits() as u32 },
    }
}

#[test]
fn a_session_survives_any_bytes_at_any_time() {
    let messages = real_messages();
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut client = Llrp::new(Settings::default());
        let vendor = [Vendor::Plain, Vendor::Impinj, Vendor::Zebra][seed as usize % 3];
        let make = Make { delivery: Delivery::Split, vendor, ..Make::default() };
        let mut reader = LlrpReader::new(make, Script::new(), seed);
        let (mut now, mut fed, mut answered) = (Duration::ZERO, 0, 0usize);
        let (mut asked, mut told) = (0, BTreeSet::new());
        client.opened(now);
        reader.opened(now);
        while fed < 20_000 {
            now += Duration::from_millis(random.below(400));
            // A true reader, disturbed now and then.
            while let Some(bytes) = client.transmit() {
                assert!(bytes.len() < 4096, "seed {seed}");
                answered += 1;
                reader.receive(&bytes, now);
            }
            while let Some(bytes) = reader.transmit() {
                fed += bytes.len();
                client.receive(&bytes, now);
            }
            let bytes = mutated(&messages[random.below(messages.len() as u64) as usize], &mut random);
            fed += bytes.len();
            client.receive(&bytes, now);
            reader.receive(&bytes, now);
            // Refused or taken, every question gets one answer at most, whatever stands on the wire.
            asked += 1;
            client.command(asked, &question(&mut random), now).unwrap();
            client.tick(now);
            reader.tick(now);
            let events: Vec<Event> = std::iter::from_fn(|| client.poll()).collect();
            assert!(events.len() <= 4096, "seed {seed}");
            for event in events {
                if let Event::Answer { number, .. } = event {
                    assert!(told.insert(number), "seed {seed}: question {number} is answered twice");
                }
            }
            if client.wake().is_some_and(|wake| wake <= now) {
                panic!("seed {seed}: the client wakes in the past");
            }
            if client.closed() {
                client.opened(now);
                reader.disconnected(now);
                reader.opened(now);
            }
            if reader.take_disconnect() {
                reader.opened(now);
                client.opened(now);
            }
        }
        assert!(0 < answered, "seed {seed}");
        client.close(now);
        let last = std::iter::from_fn(|| client.poll()).filter(|event| matches!(event, Event::Answer { .. })).count();
        assert_eq!(told.len() + last, asked as usize, "seed {seed}: every question has an answer");
    }
}

#[test]
fn random_days_with_faults_deliver_exactly_what_the_log_says_was_handed_over() {
    for seed in 0..20u8 {
        let tags = (0..30).map(|tag| vec![0x30, seed, 0, 0, 0, 0, 0, 0, 0, 0, 0, tag]).collect();
        let mix = Mix { lasts: Duration::from_secs(60), symbols: Vec::new(), tags, antennas: 4, faults: 12 };
        let script = Script::random(seed.into(), &mix);
        let delivery = [Delivery::Whole, Delivery::Split, Delivery::Glued, Delivery::Bytewise][usize::from(seed % 4)];
        let mut reader = LlrpReader::new(Make { delivery, ..Make::default() }, script, seed.into());
        let mut client = Llrp::new(Settings::default());
        let (mut heard, mut now, mut wired) = (Vec::new(), Duration::ZERO, false);
        let mut retry_at = now;
        while now < Duration::from_secs(120) {
            now += Duration::from_millis(10);
            reader.tick(now);
            client.tick(now);
            if !wired && retry_at <= now {
                client.opened(now);
                reader.opened(now);
                wired = true;
            }
            while wired && let Some(bytes) = client.transmit() {
                reader.receive(&bytes, now);
            }
            while wired && let Some(bytes) = reader.transmit() {
                client.receive(&bytes, now);
            }
            while let Some(event) = client.poll() {
                if let Event::Read(read) = event {
                    heard.push(read);
                }
            }
            let cut = reader.take_disconnect();
            if wired && (cut || client.closed()) {
                reader.disconnected(now);
                wired = false;
                retry_at = now + Duration::from_secs(1);
            }
        }
        let heard: Vec<_> = heard.iter().filter_map(super::tag_of).collect();
        let sent = super::sent_tags(reader.log());
        let lost = sent.len() - heard.len();
        // What was handed over behind garbage in the same moment cannot be told from garbage; never is a tag invented
        // or doubled.
        let mut sent_left = sent.iter();
        assert!(heard.iter().all(|tag| sent_left.any(|other| other == tag)), "seed {seed}: a tag that was not sent");
        assert!(lost * 20 <= sent.len(), "seed {seed}: {lost} of {} lost", sent.len());
        assert!(500 < heard.len(), "seed {seed}: {}", heard.len());
    }
}
