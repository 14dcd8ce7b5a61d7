//! Scales: every printed line is understood, a weight is exact, and one that moves is never told to be at rest.

use gatebook_hardware::command::{Answer, Command};
use gatebook_hardware::device::{Family, by_name};
use gatebook_hardware::event::{Event, Read, Steady, Weight, WeightUnit};
use gatebook_hardware::scale::exact::Amount;
use gatebook_hardware::scale::{self, toledo_8217, toledo_continuous};
use gatebook_hardware::settings::Value;
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::script::{Presentation, Random, Script, SentWhat};

use crate::pair::{Pair, ms, pass, reads, settings, word};
use crate::vectors::{self, hex};

const NAMES: [&str; 6] = ["mt_sics", "and", "ohaus", "sbi", "toledo_8217", "toledo_continuous"];

const FILES: [&str; 6] = [
    include_str!("../data/scale_mtsics.json"),
    include_str!("../data/scale_and.json"),
    include_str!("../data/scale_ohaus.json"),
    include_str!("../data/scale_sartorius_sbi.json"),
    include_str!("../data/scale_toledo8217.json"),
    include_str!("../data/scale_toledo_continuous.json"),
];

fn family(name: &str) -> &'static Family {
    by_name(name).unwrap()
}

fn pair(name: &str, set: &[(&str, Value)]) -> Pair<dyn Simulator> {
    let family = family(name);
    let settings = settings(family, set);
    Pair::new((family.session)(&settings).unwrap(), (family.simulator)(&settings, Script::new(), 3))
}

fn weight(digits: i64, places: u8, unit: WeightUnit, steady: Steady) -> Weight {
    Weight { digits, places, unit, steady, net: false, text: Vec::new() }
}

fn grams(digits: i64) -> Presentation {
    Presentation::Weight(weight(digits, 2, WeightUnit::Gram, Steady::Yes))
}

fn weights(events: &[Event]) -> Vec<Weight> {
    reads(events)
        .into_iter()
        .map(|read| if let Read::Weight(weight) = read { weight } else { panic!("{read:?}") })
        .collect()
}

/// What a weight is, without the line that it came in.
fn essence(weight: &Weight) -> (i64, u8, WeightUnit, Steady, bool) {
    (weight.digits, weight.places, weight.unit, weight.steady, weight.net)
}

#[test]
fn the_vectors_hold() {
    for (name, file) in NAMES.into_iter().zip(FILES) {
        pass(family(name), file);
    }
}

#[test]
fn every_printed_command_is_encoded() {
    for file in &FILES[..3] {
        for vector in vectors::of(file, "encode") {
            let letters = vector["command"].as_str().unwrap();
            assert_eq!(scale::command(letters), hex(&vector["expect_hex"]), "{}", vector["id"]);
        }
    }
    for vector in vectors::of(FILES[4], "encode") {
        let bytes = match vector["command"].as_str().unwrap() {
            "zero" => toledo_8217::ZERO,
            "tare" => toledo_8217::TARE,
            "echo_off" => toledo_8217::ECHO_OFF,
            other => panic!("no command {other}"),
        };
        assert_eq!(bytes, hex(&vector["expect_hex"]), "{}", vector["id"]);
    }
}

/// A stream of all printed weights of a protocol gives the same reads whole, byte by byte and in two parts.
#[test]
fn the_split_of_the_bytes_changes_no_weight() {
    for (name, file) in NAMES.into_iter().zip(FILES) {
        let stream: Vec<u8> = vectors::of(file, "decode").iter().flat_map(|vector| hex(&vector["input_hex"])).collect();
        let drive = |parts: Vec<&[u8]>| {
            let mut session = (family(name).session)(&settings(family(name), &[])).unwrap();
            session.opened(ms(0));
            parts.iter().enumerate().for_each(|(at, part)| session.receive(part, ms(300 + at as u64 / 10)));
            weights(&std::iter::from_fn(|| session.poll()).collect::<Vec<_>>())
        };
        let whole = drive(vec![&stream]);
        assert!(!whole.is_empty(), "{name}");
        assert_eq!(drive(stream.chunks(1).collect()), whole, "{name}");
        for split in 1..stream.len() {
            let (a, b) = stream.split_at(split);
            assert_eq!(drive(vec![a, b]), whole, "{name}: split at {split}");
        }
    }
}

/// Checksums, damage and lines that other makers send.
#[test]
fn lines_beyond_the_vectors() {
    let says = |name: &str, line: &[u8], want: &str| {
        let found = match (family(name).codec.decode)(line, None) {
            Ok(fields) => format!("{} {} {} {}", fields["kind"], fields["value"], fields["unit"], fields["stable"]),
            Err(_) => "noise".to_owned(),
        };
        assert_eq!(found.replace('"', ""), want, "{name}: {}", line.escape_ascii());
    };
    says("and", b"ST,GS,  4.876kg\r\n", "weight 4.876 kg true");
    says("and", b"US,NT, -0.010kg\r\n", "weight -0.010 kg false");
    says("and", b"OL,-9999999.  g\r\n", "underload null null null");
    says("and", b"QT,+00000042 PC\r\n", "count 42 pcs true");
    says("and", b"EC,E01\r\n", "error null null null");
    says("and", b"ST,+0123.456  g\r\n", "weight 123.456 g true");
    says("and", b"ST,+123.456  g\r\n", "noise");
    says("mt_sics", b"S S      100.00 g\r\n", "weight 100.00 g true");
    says("mt_sics", b"S S  100.00 g\r\n", "noise");
    says("mt_sics", b"S +\r\n", "overload null null null");
    says("mt_sics", b"Z I\r\n", "not_executable null null null");
    says("mt_sics", b"I2 A \"XS204 220 g\"\r\n", "info null null null");
    says("ohaus", b"    -1.25 g    N\r\n", "weight -1.25 g true");
    says("ohaus", b"1.25 1.26 g\r\n", "noise");
    says("ohaus", b"12.34\r\n", "weight 12.34 null true");
    says("sbi", b"N     +   12.345 g  \r\n", "weight 12.345 g true");
    says("sbi", b"+   12.345    \r\n", "weight 12.345 null false");
    says("sbi", b"      H       \r\n", "overload null null null");
    says("sbi", b"Stat         Low    \r\n", "underload null null null");
    says("sbi", b"+ 150.1177 g \r\n", "noise");
    says("toledo_8217", b"\x0200.125N\r", "weight 0.125 null true");
    says("toledo_8217", b"\x02?\x01\r", "noise");
    says("toledo_continuous", b"\x02\x2a\x30\x20 14620000000\r", "weight 14620 kg true");
    let mut frame = b"\x02\x2c\x30\x20001500000200\r".to_vec();
    frame.push(toledo_continuous::checksum(&frame));
    says("toledo_continuous", &frame, "weight 15.00 kg true");
    *frame.last_mut().unwrap() ^= 1;
    says("toledo_continuous", &frame, "noise");
}

#[test]
fn micrograms_are_exact_or_absent() {
    use WeightUnit::*;
    for (digits, places, unit, exact, rounded) in [
        (-4, 1, Gram, Some(-400_000), Some(-400_000)),
        (125, 3, Carat, Some(25_000), Some(25_000)),
        (1, 0, Pound, Some(453_592_370), Some(453_592_370)),
        (1, 0, TroyOunce, None, Some(31_103_477)),
        (10, 0, TroyOunce, Some(311_034_768), Some(311_034_768)),
        (1, 3, Ounce, None, Some(28_350)),
        (-1, 3, Ounce, None, Some(-28_350)),
        (1, 0, Pennyweight, None, Some(1_555_174)),
        (1, 0, Grain, None, Some(64_799)),
        (1, 0, Momme, Some(3_750_000), Some(3_750_000)),
        (123_457, 6, Milligram, None, Some(123)),
        (5, 4, Milligram, None, Some(1)),
        (-5, 4, Milligram, None, Some(-1)),
        (14_999, 3, Tonne, Some(14_999_000_000_000), Some(14_999_000_000_000)),
        (i64::MAX, 0, Tonne, None, None),
        (i64::MIN, 0, Milligram, None, None),
        (1, 255, Gram, None, None),
    ] {
        let weight = weight(digits, places, unit, Steady::Yes);
        assert_eq!((weight.micrograms(), weight.micrograms_rounded()), (exact, rounded), "{digits} {places} {unit:?}");
    }
}

#[test]
fn amounts_read_back_as_they_are_written() {
    let mut random = Random::new(5);
    for _ in 0..20_000 {
        let digits = i64::try_from(random.below(1_000_000_000)).unwrap() - 500_000_000;
        let amount = Amount { digits, places: u8::try_from(random.below(7)).unwrap() };
        assert_eq!(Amount::parse(amount.to_string().as_bytes()), Some(amount));
    }
    for text in ["", "-", ".", "1.", "1.2.3", "1 2", "--1", "0x1", "1234567890123456", "1e3"] {
        assert_eq!(Amount::parse(text.as_bytes()), None, "{text}");
    }
}

/// Whatever lies on the scale: what is told to be at rest is what lay there at rest, and each is told once.
#[test]
fn a_weight_is_told_when_it_comes_to_rest() {
    for name in NAMES {
        let mut pair = pair(name, &[]);
        pair.run(ms(2000));
        for digits in [1250, 99_950, 1250, 0] {
            pair.events.clear();
            pair.show(grams(digits));
            pair.run(ms(2500));
            let told = weights(&pair.events);
            let (last, before) = told.split_last().unwrap_or_else(|| panic!("{name}: nothing was told of {digits}"));
            assert_eq!(last.steady, Steady::Yes, "{name}");
            assert_eq!(last.micrograms(), Some(digits * 10_000), "{name}");
            assert!(before.iter().all(|weight| weight.steady == Steady::No), "{name}: {told:?}");
            assert!(told.windows(2).all(|two| essence(&two[0]) != essence(&two[1])), "{name}: told twice");
        }
        assert_eq!(pair.faults(), [""; 0], "{name}");
    }
}

/// A load that never rests is never a weight at rest.
#[test]
fn what_moves_is_never_at_rest() {
    for name in NAMES {
        let mut pair = pair(name, &[]);
        pair.run(ms(2000));
        pair.events.clear();
        for digits in [500, 501, 499, 20_000, 0] {
            pair.show(Presentation::Weight(weight(digits, 2, WeightUnit::Gram, Steady::No)));
            pair.run(ms(1500));
        }
        assert!(weights(&pair.events).iter().all(|weight| weight.steady == Steady::No), "{name}: {:?}", pair.events);
    }
}

/// Every weight that the session tells, the scale did send, byte for byte.
#[test]
fn nothing_is_told_that_was_not_sent() {
    for name in NAMES {
        let mut pair = pair(name, &[]);
        let mut random = Random::new(11);
        for _ in 0..40 {
            match random.below(4) {
                0 => pair.show(Presentation::Garbage { bytes: 1 + random.below(40) as usize }),
                1 => pair.show(Presentation::Truncation),
                2 => pair.show(Presentation::Silence { lasts: ms(random.below(1500)) }),
                _ => pair.show(Presentation::Disconnect),
            }
            pair.show(grams(i64::try_from(random.below(99_000)).unwrap()));
            pair.run(ms(random.below(2000)));
        }
        pair.run(ms(3000));
        pair.show(grams(4242));
        let sent: Vec<_> = {
            pair.run(ms(4000));
            let report = |sent: &SentWhat| match sent {
                SentWhat::Report(Read::Weight(weight)) => Some((essence(weight), weight.text.clone())),
                _ => None,
            };
            pair.device.log().iter().filter_map(|sent| report(&sent.what)).collect()
        };
        let told = weights(&pair.events);
        let at_rest = told.iter().filter(|weight| weight.steady == Steady::Yes);
        for weight in at_rest {
            assert!(sent.contains(&(essence(weight), weight.text.clone())), "{name}: {weight:?} was never sent");
        }
        assert_eq!(told.last().and_then(Weight::micrograms), Some(42_420_000), "{name}: it came to itself again");
    }
}

#[test]
fn too_much_and_too_little_are_told_once() {
    for name in NAMES {
        let mut pair = pair(name, &[("poll_ms", Value::Whole(50))][..usize::from(name != "toledo_continuous")]);
        pair.run(ms(1500));
        for (digits, want) in [(9_999_999_999, "more lies on the scale"), (-99_999_999, "less than nothing")] {
            pair.events.clear();
            pair.show(grams(digits));
            pair.run(ms(2000));
            let faults = pair.faults();
            assert_eq!(faults.len(), 1, "{name}: {faults:?}");
            assert!(faults[0].starts_with(want) || faults[0].contains(want), "{name}: {faults:?}");
            pair.events.clear();
            pair.show(grams(300));
            pair.run(ms(2000));
            assert_eq!(weights(&pair.events).last().unwrap().micrograms(), Some(3_000_000), "{name}");
        }
    }
}

#[test]
fn zero_and_tare_are_answered_when_the_scale_shows_them() {
    for name in NAMES {
        let mut pair = pair(name, &[]);
        pair.run(ms(1000));
        pair.show(grams(850));
        pair.run(ms(2000));
        assert_eq!(pair.told(7, &Command::Tare), Answer::Done, "{name}");
        pair.show(grams(1150));
        pair.run(ms(2000));
        assert_eq!(weights(&pair.events).last().unwrap().micrograms(), Some(3_000_000), "{name}: 11.50 g less 8.50 g");
        assert_eq!(pair.told(8, &Command::Zero), Answer::Done, "{name}");
        // One that swings cannot be zeroed.
        pair.show(Presentation::Weight(weight(5000, 2, WeightUnit::Gram, Steady::No)));
        assert!(
            matches!(pair.told(9, &Command::Zero), Answer::Refused { reason } if reason.contains("try again")),
            "{name}"
        );
        assert!(pair.session.command(10, &Command::Print { label: Vec::new() }, pair.now).is_err(), "{name}");
        pair.session.command(11, &Command::Tare, pair.now).unwrap();
        pair.session.close(pair.now);
        let events: Vec<_> = std::iter::from_fn(|| pair.session.poll()).collect();
        let refused = |event: &Event| matches!(event, Event::Answer { number: 11, answer: Answer::Refused { .. } });
        assert!(events.iter().any(refused), "{name}: {events:?}");
    }
}

#[test]
fn a_scale_that_falls_silent_is_lost_in_words() {
    for name in NAMES {
        let mut pair = pair(name, &[]);
        pair.run(ms(1000));
        pair.show(Presentation::Silence { lasts: ms(60_000) });
        let events = pair.until(ms(8000), |event| matches!(event, Event::Lost { .. }));
        assert!(
            matches!(events.last(), Some(Event::Lost { reason }) if reason.contains("check")),
            "{name}: {events:?}"
        );
    }
    let mut session = (family("mt_sics").session)(&settings(family("mt_sics"), &[])).unwrap();
    session.opened(ms(0));
    (0..40).for_each(|n| session.tick(ms(n * 100)));
    assert!(session.closed());
    assert!(matches!(session.poll(), Some(Event::Lost { reason }) if reason.contains("speed, parity and protocol")));
}

/// A scale that sends on a key press is ready at once, and is not lost while nobody presses it.
#[test]
fn a_scale_may_be_listened_to() {
    for name in &NAMES[..4] {
        let mut pair = pair(name, &[("mode", word("listen"))]);
        pair.run(ms(1000));
        pair.show(grams(1771));
        pair.run(ms(1500));
        assert!(matches!(pair.events[0], Event::Ready { .. }), "{name}");
        assert_eq!(weights(&pair.events).last().unwrap().digits, 1771, "{name}");
        assert!(pair.asked.is_empty(), "{name}");
        pair.show(Presentation::Silence { lasts: ms(600_000) });
        pair.run(ms(60_000));
        assert!(!pair.events.iter().any(|event| matches!(event, Event::Lost { .. })), "{name}");
    }
}

/// What arrives with the opening may be the end of a line: 53.98 g is not 3.98 g.
#[test]
fn the_end_of_a_line_is_not_a_weight() {
    for (first, behind) in [("3.98 g\r\n", ""), ("3.98", " g\r\n")] {
        let mut session = (family("ohaus").session)(&settings(family("ohaus"), &[("mode", word("listen"))])).unwrap();
        session.opened(ms(0));
        session.receive(first.as_bytes(), ms(5));
        session.receive(behind.as_bytes(), ms(150));
        session.receive(b"    53.98 g      \r\n", ms(200));
        let told = weights(&std::iter::from_fn(|| session.poll()).collect::<Vec<_>>());
        assert_eq!(told.iter().map(|weight| weight.digits).collect::<Vec<_>>(), [5398]);
    }
}

/// 1 of 100.00 g got lost on the way: such a balance sends lines of one length.
#[test]
fn a_line_that_lost_a_byte_is_no_weight() {
    let mut session = (family("mt_sics").session)(&settings(family("mt_sics"), &[])).unwrap();
    session.opened(ms(0));
    for line in
        [&b"S S     100.00 g\r\n"[..], b"S S     00.00 g\r\n", b"S S    1100.00 g\r\n", b"S S     200.00 mg\r\n"]
    {
        session.receive(line, ms(300));
    }
    let events: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
    assert_eq!(weights(&events).iter().map(|weight| weight.digits).collect::<Vec<_>>(), [10_000, 110_000, 20_000]);
    assert!(events.contains(&Event::Noise { bytes: 17 }), "{events:?}");
    // An indicator whose lines have many lengths sends the shorter one again.
    for line in [&b"S S    1300.00 g\r\n"[..], b"S S   1200.00 g\r\n", b"S S   1200.00 g\r\n"] {
        session.receive(line, ms(400));
    }
    let events: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
    assert_eq!(weights(&events).iter().map(|weight| weight.digits).collect::<Vec<_>>(), [130_000, 120_000]);
}

/// Noise in front of a line does not take the line with it, where the line has a head to know it by.
#[test]
fn noise_before_a_line_is_passed_over() {
    for (name, line) in [("mt_sics", &b"S S      12.34 g\r\n"[..]), ("and", b"ST,+00012.34  g\r\n")] {
        for noise in [&b"\xFF\x00"[..], b"S S    ", b"ST,+0001", b"garbage"] {
            let mut session = (family(name).session)(&settings(family(name), &[])).unwrap();
            session.opened(ms(0));
            session.receive(&[noise, line].concat(), ms(300));
            let events: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
            assert_eq!(weights(&events).len(), 1, "{name}: {events:?}");
            assert!(events.contains(&Event::Noise { bytes: noise.len() }), "{name}: {events:?}");
        }
    }
}

/// A unit that was on the wire once is not that of a line without one: the scale may have been switched.
#[test]
fn a_weight_at_rest_borrows_no_unit() {
    let mut session = (family("ohaus").session)(&settings(family("ohaus"), &[])).unwrap();
    session.opened(ms(0));
    session.receive(b"53.98 g\r\n12.34\r\n", ms(300));
    let events: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
    assert_eq!(weights(&events).len(), 1);
    assert!(
        events.iter().any(|event| matches!(event, Event::Fault { text } if text.contains("no unit"))),
        "{events:?}"
    );
}

#[test]
fn what_is_no_weight_is_told_in_words() {
    for (name, line, want) in [
        ("and", &b"ST,+000123.4  %\r\n"[..], "percent"),
        ("and", b"QT,+00000042 PC\r\n", "pieces"),
        ("and", b"ST,+000123.4 tl\r\n", "\"tl\""),
        ("and", b"ST,+000123.4   \r\n", "sends no unit"),
        ("and", b"EC,E02\r\n", "E02"),
        ("ohaus", b"12.34\r\n", "sends no unit"),
        ("mt_sics", b"ES\r\n", "set to this protocol"),
        ("mt_sics", b"ET\r\n", "parity"),
        ("toledo_8217", b"\x02?H\r", "zero"),
        ("toledo_continuous", b"\x02\x2a\x30\x26014620000000\r", "\"ton\""),
        ("toledo_continuous", b"\x02\x2a\x30\x30014620000000\r", "ten times finer"),
    ] {
        let mut session = (family(name).session)(&settings(family(name), &[])).unwrap();
        session.opened(ms(0));
        session.receive(line, ms(300));
        session.receive(line, ms(310));
        let events: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
        let faults: Vec<_> = events.iter().filter(|event| matches!(event, Event::Fault { .. })).collect();
        assert!(matches!(faults[..], [Event::Fault { text }] if text.contains(want)), "{name}: {events:?}");
        assert!(weights(&events).is_empty(), "{name}");
    }
}

#[test]
fn the_unit_may_be_named_in_the_settings() {
    let mut session = (family("ohaus").session)(&settings(family("ohaus"), &[("unit", word("ct"))])).unwrap();
    session.opened(ms(0));
    session.receive(b"12.34\r\n", ms(300));
    let told = weights(&std::iter::from_fn(|| session.poll()).collect::<Vec<_>>());
    assert_eq!(told[0].micrograms(), Some(2_468_000));
}

#[test]
fn a_checksum_may_be_asked_for() {
    let set = [("checksum", Value::Flag(true))];
    let mut pair = pair("toledo_continuous", &set);
    pair.show(grams(777));
    pair.run(ms(1000));
    assert_eq!(weights(&pair.events).last().unwrap().digits, 777);
    let noise = |event: &Event| matches!(event, Event::Noise { .. });
    assert!(!pair.events.iter().any(noise), "{:?}", pair.events);
    let mut session = (family("toledo_continuous").session)(&settings(family("toledo_continuous"), &set)).unwrap();
    session.opened(ms(0));
    session.receive(b"\x02\x2c\x30\x20001500000200\rX", ms(1));
    assert!(std::iter::from_fn(|| session.poll()).all(|event| noise(&event)), "a wrong checksum is no weight");
}
