//! Modbus: every printed frame, a bus with one request at a time, and what sensors and boards promise.

use std::time::Duration;

use gatebook_hardware::command::{Answer, Command, Signal};
use gatebook_hardware::device::{Family, by_name};
use gatebook_hardware::event::{Climate, Contact, Event, Read};
use gatebook_hardware::modbus::frame::{self, Front, Reply, Request, Side, Table};
use gatebook_hardware::settings::Value;
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::modbus::{Board, Sensor};
use gatebook_hardware::simulator::script::{Presentation, Random, Script, SentWhat};

use crate::pair::{self, Pair, ms, reads, settings, word};
use crate::vectors::{self, hex, unhex};

const VECTORS: &str = include_str!("../data/modbus_rtu.json");

fn climate_family() -> &'static Family {
    by_name("modbus_climate").unwrap()
}

fn relay_family() -> &'static Family {
    by_name("modbus_relay").unwrap()
}

fn sensor(set: &[(&str, Value)]) -> Pair<Sensor> {
    let settings = settings(climate_family(), set);
    let device = Box::new(Sensor::set(&settings, Script::new(), 5));
    Pair::new((climate_family().session)(&settings).unwrap(), device)
}

fn board(set: &[(&str, Value)]) -> Pair<Board> {
    let settings = settings(relay_family(), set);
    let device = Box::new(Board::set(&settings, Script::new(), 5));
    Pair::new((relay_family().session)(&settings).unwrap(), device)
}

fn air(millicelsius: i32, millipercent: i32) -> Climate {
    Climate { temperature_millicelsius: Some(millicelsius), humidity_millipercent: Some(millipercent) }
}

fn contact(line: u16, closed: bool) -> Contact {
    Contact { line, closed }
}

fn refused(answer: &Answer, with: &str) -> bool {
    matches!(answer, Answer::Refused { reason } if reason.contains(with))
}

#[test]
fn the_vectors_hold() {
    pair::pass(climate_family(), VECTORS);
}

#[test]
fn every_printed_request_is_encoded() {
    for vector in vectors::of(VECTORS, "encode") {
        let fields = &vector["fields"];
        let number = |name: &str| u16::try_from(fields[name].as_u64().unwrap_or_else(|| panic!("{name}"))).unwrap();
        let read = |table| Request::Read { table, address: number("addr"), count: number("count") };
        let on = || if fields["on"] == true { 0xFF00 } else { 0 };
        let request = match vector["command"].as_str().unwrap() {
            "read_registers" if number("fc") == 3 => read(Table::Holding),
            "read_registers" => read(Table::InputRegisters),
            "read_discrete" => read(Table::Inputs),
            "write_registers" => {
                let values = fields["values"].as_array().unwrap().iter().map(|value| value.as_u64().unwrap() as u16);
                Request::WriteRegisters { address: number("addr"), values: values.collect() }
            }
            "relay_set" => Request::WriteCoil { address: number("relay"), value: on() },
            "relay_toggle" => Request::WriteCoil { address: number("relay"), value: 0x5500 },
            "relay_all" => Request::WriteCoil { address: 0xFF, value: on() },
            "relay_flash_on" => Request::WriteCoil { address: 0x0200 | number("relay"), value: number("x100ms") },
            "relay_write_mask" => {
                let on = (0..number("count")).map(|bit| number("mask") >> bit & 1 == 1).collect();
                Request::WriteCoils { address: 0, on }
            }
            other => panic!("no command {other}"),
        };
        let bytes = frame::rtu(number("unit") as u8, &request.encode());
        assert_eq!(bytes, hex(&vector["expect_hex"]), "{}", vector["id"]);
        assert_eq!(Request::parse(&request.encode()), Some(request), "{}", vector["id"]);
    }
}

/// Requests and replies of all functions read back as they were written, on both transports, cut short nowhere a frame.
#[test]
fn frames_read_back_as_they_are_written() {
    let mut random = Random::new(77);
    for _ in 0..3000 {
        let word = |random: &mut Random| random.bits() as u16;
        let count = 1 + random.below(100) as usize;
        let bits =
            |random: &mut Random| (0..count.next_multiple_of(8)).map(|_| random.below(2) == 1).collect::<Vec<_>>();
        let words = |random: &mut Random| (0..count).map(|_| random.bits() as u16).collect::<Vec<_>>();
        let (address, value, unit) = (word(&mut random), word(&mut random), 1 + random.below(247) as u8);
        let (request, reply) = match random.below(6) {
            0 => (
                Request::Read { table: Table::Coils, address, count: count.next_multiple_of(8) as u16 },
                Reply::Bits(bits(&mut random)),
            ),
            1 => (
                Request::Read { table: Table::Holding, address, count: count as u16 },
                Reply::Registers(words(&mut random)),
            ),
            2 => (Request::WriteCoil { address, value }, Reply::Written { address, value }),
            3 => (Request::WriteRegister { address, value }, Reply::Written { address, value }),
            4 => {
                let on = bits(&mut random);
                let value = on.len() as u16;
                (Request::WriteCoils { address, on }, Reply::Written { address, value })
            }
            _ => {
                let values = words(&mut random);
                let value = values.len() as u16;
                (Request::WriteRegisters { address, values }, Reply::Written { address, value })
            }
        };
        assert_eq!(Request::parse(&request.encode()).as_ref(), Some(&request));
        let pdu = reply.encode(request.function());
        assert_eq!(Reply::parse(&pdu), Some((request.function(), reply.clone())));
        assert!(reply.fits(&request));
        let rtu = frame::rtu(unit, &pdu);
        let found = frame::front_rtu(&rtu, Side::Replies);
        assert_eq!(found, Front::Frame { transaction: 0, unit, pdu: &pdu, len: rtu.len() });
        let tcp = frame::tcp(value, unit, &pdu);
        assert_eq!(frame::front_tcp(&tcp), Front::Frame { transaction: value, unit, pdu: &pdu, len: tcp.len() });
        for end in 0..rtu.len() {
            assert_eq!(frame::front_rtu(&rtu[..end], Side::Replies), Front::Incomplete);
            assert_eq!(frame::front_tcp(&tcp[..end]), Front::Incomplete);
        }
        let mut bent = rtu.clone();
        let at = random.below(bent.len() as u64) as usize;
        bent[at] ^= 1 << random.below(8);
        assert!(!matches!(frame::front_rtu(&bent, Side::Replies), Front::Frame { len, .. } if len == bent.len()));
    }
}

/// The frame of the specification, section 5.6 of the messaging guide: unit, function and data behind seven bytes.
#[test]
fn modbus_tcp_has_its_own_head() {
    let decode = |hex: &str| (climate_family().codec.decode)(&unhex(hex), Some("tcp"));
    let fields = decode("1501 0000 0007 ff 04 04 00eb 01c7").unwrap();
    assert_eq!((&fields["transaction"], &fields["unit"]), (&0x1501.into(), &0xFF.into()));
    assert_eq!((&fields["temperature_c"], &fields["humidity_pct"]), (&23.5.into(), &45.5.into()));
    assert!(decode("1501 0001 0007 ff 04 04 00eb 01c7").unwrap_err().contains("no frame begins here"));
    assert!(decode("1501 0000 0007 ff 04 04 00eb 01").unwrap_err().contains("cut short"));
}

#[test]
fn the_climate_is_told_when_it_changes() {
    for set in [
        vec![],
        vec![("transport", word("tcp")), ("unit", Value::Whole(17))],
        vec![("scale", word("100")), ("registers", word("holding"))],
        vec![("temperature_register", Value::Whole(9)), ("humidity_register", Value::Whole(4))],
    ] {
        let mut pair = sensor(&set);
        pair.run(ms(5000));
        pair.show(Presentation::Climate(air(-12_300, 98_700)));
        pair.run(ms(5000));
        pair.show(Presentation::Climate(air(21_500, 45_000)));
        pair.run(ms(5000));
        let told: Vec<Read> =
            [air(20_300, 51_200), air(-12_300, 98_700), air(21_500, 45_000)].map(Read::Climate).into();
        assert_eq!(reads(&pair.events), told, "{set:?}");
        pair.run(ms(61_000));
        assert_eq!(reads(&pair.events).len(), 4, "an unchanged climate is told once a minute");
    }
    let mut pair = sensor(&[("humidity_register", Value::Whole(-1))]);
    pair.run(ms(1000));
    let alone = Climate { humidity_millipercent: None, ..air(20_300, 0) };
    assert_eq!(reads(&pair.events), [Read::Climate(alone)]);
}

#[test]
fn a_climate_that_no_room_has_is_a_fault() {
    for (climate, want) in [
        (air(1_000_000, 40_000), "1000 °C"),
        (air(20_000, 400_000), "400 %"),
        (Climate { temperature_millicelsius: None, humidity_millipercent: None }, "nothing to tell"),
    ] {
        let mut pair = sensor(&[]);
        pair.show(Presentation::Climate(climate));
        pair.run(ms(9000));
        assert!(matches!(&pair.faults()[..], [fault] if fault.contains(want)), "{:?}", pair.events);
        pair.show(Presentation::Climate(air(20_000, 40_000)));
        pair.run(ms(3000));
        assert_eq!(reads(&pair.events).last(), Some(&Read::Climate(air(20_000, 40_000))));
    }
}

#[test]
fn a_wrong_register_is_told_in_words() {
    let set = settings(climate_family(), &[("temperature_register", Value::Whole(7))]);
    let wrong = settings(climate_family(), &[]);
    let mut pair =
        Pair::new((climate_family().session)(&set).unwrap(), Box::new(Sensor::set(&wrong, Script::new(), 1)));
    let events = pair.until(ms(2000), |event| matches!(event, Event::Lost { .. }));
    assert!(matches!(events.last(), Some(Event::Lost { reason }) if reason.contains("no such address")), "{events:?}");
    let far = settings(climate_family(), &[("humidity_register", Value::Whole(100))]);
    assert!((climate_family().session)(&far).unwrap_err().contains("further apart"));
}

/// Three requests, each answered by nobody, and the device is lost; one answer in time and it is not.
#[test]
fn a_request_is_sent_three_times() {
    let mut pair = sensor(&[]);
    pair.run(ms(1000));
    pair.asked.clear();
    pair.events.clear();
    // It hears nothing at 2 s and 0.4 s later, and answers the third request.
    pair.show(Presentation::Silence { lasts: ms(1500) });
    pair.run(ms(2500));
    assert_eq!(pair.asked, unhex("01 04 0001 0002 200b").repeat(3));
    assert!(pair.events.is_empty(), "{:?}", pair.events);
    pair.show(Presentation::Silence { lasts: ms(20_000) });
    let events = pair.until(ms(6000), |event| matches!(event, Event::Lost { .. }));
    assert!(matches!(events.last(), Some(Event::Lost { reason }) if reason.contains("A and B may be swapped")));
}

/// Noise in front of a reply does not hold it back, whatever length it claims to have.
#[test]
fn noise_before_a_reply_is_passed_over() {
    for noise in ["01 03 fa 00", "00 ff 00", "01 04 fa", "ff", "02 04 04 00eb 01c7"] {
        let mut session = (climate_family().session)(&settings(climate_family(), &[])).unwrap();
        session.opened(ms(0));
        assert_eq!(session.transmit(), Some(unhex("01 04 0001 0002 200b")));
        session.receive(&unhex(noise), ms(10));
        session.receive(&unhex("01040400eb01c7cbb2"), ms(12));
        let events: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
        assert_eq!(reads(&events), [Read::Climate(air(23_500, 45_500))], "{noise}: {events:?}");
        let bytes = Event::Noise { bytes: unhex(noise).len() };
        assert!(events.contains(&bytes) || noise.len() > 8, "{noise}: {events:?}");
    }
}

/// What answers another request is no reply: another address, another value, another count, another transaction.
#[test]
fn a_reply_belongs_to_its_request() {
    let written = |address, value| Reply::Written { address, value };
    let coil = Request::WriteCoil { address: 3, value: 0xFF00 };
    assert!(written(3, 0xFF00).fits(&coil) && !written(4, 0xFF00).fits(&coil) && !written(3, 0).fits(&coil));
    let coils = Request::WriteCoils { address: 3, on: vec![true; 5] };
    assert!(written(3, 5).fits(&coils) && !written(3, 8).fits(&coils) && !Reply::Bits(vec![]).fits(&coils));
    let read = Request::Read { table: Table::Inputs, address: 0, count: 3 };
    assert!(Reply::Bits(vec![false; 8]).fits(&read) && !Reply::Bits(vec![false; 16]).fits(&read));
    assert!(!Reply::Registers(vec![0; 3]).fits(&read));

    let set = settings(climate_family(), &[("transport", word("tcp"))]);
    let mut session = (climate_family().session)(&set).unwrap();
    session.opened(ms(0));
    let asked = session.transmit().unwrap();
    assert_eq!(asked, unhex("0001 0000 0006 01 04 0001 0002"));
    session.receive(&unhex("0000 0000 0007 01 04 04 0101 0101"), ms(10));
    session.receive(&unhex("0001 0000 0007 01 04 04 00eb 01c7"), ms(12));
    let events: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
    assert_eq!(reads(&events), [Read::Climate(air(23_500, 45_500))], "{events:?}");
}

/// With faults of every kind on the line, each climate that is told was sent.
#[test]
fn no_climate_is_told_that_was_not_sent() {
    for transport in ["rtu", "tcp"] {
        let mut pair = sensor(&[("transport", word(transport)), ("every_ms", Value::Whole(200))]);
        let mut random = Random::new(12);
        for _ in 0..60 {
            match random.below(4) {
                0 => pair.show(Presentation::Garbage { bytes: 1 + random.below(60) as usize }),
                1 => pair.show(Presentation::Truncation),
                2 => pair.show(Presentation::Silence { lasts: ms(random.below(2500)) }),
                _ => pair.show(Presentation::Disconnect),
            }
            pair.show(Presentation::Climate(air(100 * random.below(400) as i32, 100 * random.below(1000) as i32)));
            pair.run(ms(random.below(3000)));
        }
        let sent: Vec<_> = pair.device.log().iter().map(|sent| sent.what.clone()).collect();
        let told = reads(&pair.events);
        assert!(told.iter().all(|read| sent.contains(&SentWhat::Report(read.clone()))));
        assert!(20 < told.len(), "{}", told.len());
        pair.show(Presentation::Climate(air(12_300, 45_600)));
        pair.run(ms(4000));
        assert_eq!(reads(&pair.events).last(), Some(&Read::Climate(air(12_300, 45_600))));
    }
}

#[test]
fn inputs_are_told_at_first_and_when_they_change() {
    let mut pair = board(&[("inputs", Value::Whole(3))]);
    pair.show(Presentation::Contact(contact(2, true)));
    pair.run(ms(500));
    let all = [contact(1, false), contact(2, true), contact(3, false)].map(Read::Contact);
    assert_eq!(reads(&pair.events), all);
    pair.show(Presentation::Contact(contact(3, true)));
    pair.run(ms(500));
    pair.show(Presentation::Contact(contact(2, false)));
    pair.run(ms(500));
    assert_eq!(reads(&pair.events)[3..], [contact(3, true), contact(2, false)].map(Read::Contact));
    pair.show(Presentation::Disconnect);
    pair.run(ms(500));
    let again = [contact(1, false), contact(2, false), contact(3, true)].map(Read::Contact);
    assert_eq!(reads(&pair.events)[5..], again, "anew after the line was cut");
}

#[test]
fn relays_are_switched_and_switched_back() {
    for kind in ["coils", "registers"] {
        let mut pair = board(&[("board", word(kind)), ("inputs", Value::Whole(0)), ("outputs", Value::Whole(4))]);
        pair.run(ms(300));
        let output = |line, on, lasts| Command::Output { line, on, lasts };
        assert_eq!(pair.told(1, &output(2, true, None)), Answer::Done);
        assert_eq!(pair.told(2, &output(4, true, Some(ms(700)))), Answer::Done);
        assert_eq!(pair.device.relays(), [false, true, false, true], "{kind}");
        pair.run(ms(600));
        assert_eq!(pair.device.relays(), [false, true, false, true], "{kind}");
        pair.run(ms(200));
        assert_eq!(pair.device.relays(), [false, true, false, false], "{kind}");
        assert_eq!(pair.told(3, &output(2, false, None)), Answer::Done);
        assert_eq!(pair.device.relays(), [false; 4], "{kind}");
        assert!(refused(&pair.told(4, &output(5, true, None)), "no relay 5"));
        assert!(refused(&pair.told(5, &output(0, true, None)), "no relay 0"));
        assert!(pair.session.command(6, &Command::Zero, pair.now).is_err());
        assert!(pair.session.command(7, &Command::Signal(Signal::Good), pair.now).is_err(), "there is no light");
    }
}

/// The newest order for a relay counts: one that is to stay on is not switched back by an older one.
#[test]
fn a_newer_order_takes_the_place_of_an_older_one() {
    let mut pair = board(&[]);
    pair.run(ms(300));
    let on = |lasts| Command::Output { line: 1, on: true, lasts };
    assert_eq!(pair.told(1, &on(Some(ms(500)))), Answer::Done);
    assert_eq!(pair.told(2, &on(None)), Answer::Done);
    pair.run(ms(2000));
    assert!(pair.device.relays()[0]);
    assert_eq!(pair.told(3, &on(Some(ms(500)))), Answer::Done);
    assert_eq!(pair.told(4, &on(Some(ms(1500)))), Answer::Done);
    pair.run(ms(1200));
    assert!(pair.device.relays()[0]);
    pair.run(ms(500));
    assert!(!pair.device.relays()[0]);
}

/// A door that is to be locked again is locked again, though the board was away at that time, or the session ended.
#[test]
fn what_was_to_be_switched_back_is_switched_back() {
    let open = |lasts| Command::Output { line: 1, on: true, lasts: Some(lasts) };
    let mut pair = board(&[]);
    pair.run(ms(300));
    assert_eq!(pair.told(1, &open(ms(2000))), Answer::Done);
    pair.show(Presentation::Silence { lasts: ms(6000) });
    pair.run(ms(5000));
    assert!(pair.events.iter().any(|event| matches!(event, Event::Lost { .. })));
    assert!(pair.device.relays()[0]);
    pair.run(ms(3000));
    assert!(!pair.device.relays()[0], "{:?}", pair.device.switched());
    assert_eq!(pair.told(2, &open(ms(60_000))), Answer::Done);
    pair.session.close(pair.now);
    let until = pair.now + ms(1000);
    while !pair.session.closed() && pair.now < until {
        while let Some(bytes) = pair.session.transmit() {
            pair.device.receive(&bytes, pair.now);
        }
        while let Some(bytes) = pair.device.transmit() {
            pair.session.receive(&bytes, pair.now);
        }
        pair.now += ms(5);
        pair.session.tick(pair.now);
    }
    assert!(pair.session.closed() && !pair.device.relays()[0]);
}

/// The relay was switched, and the reply that says so never came: the door is locked again all the same.
#[test]
fn a_reply_that_is_lost_leaves_no_door_open() {
    let mut pair = board(&[]);
    pair.run(ms(300));
    let lasts = Some(ms(3000));
    pair.session.command(1, &Command::Output { line: 3, on: true, lasts }, pair.now).unwrap();
    for _ in 0..400 {
        while let Some(bytes) = pair.session.transmit() {
            pair.device.receive(&bytes, pair.now);
        }
        while pair.device.transmit().is_some() {}
        pair.now += ms(5);
        pair.session.tick(pair.now);
    }
    assert!(pair.session.closed() && pair.device.relays()[2]);
    let events: Vec<_> = std::iter::from_fn(|| pair.session.poll()).collect();
    let unsure = |event: &Event| matches!(event, Event::Answer { number: 1, answer } if refused(answer, "see whether"));
    assert!(events.iter().any(unsure), "{events:?}");
    assert!(pair.session.command(2, &Command::Output { line: 3, on: true, lasts }, pair.now).is_ok());
    assert!(
        matches!(pair.session.poll(), Some(Event::Answer { number: 2, answer }) if refused(&answer, "not connected"))
    );
    pair.open();
    pair.run(ms(2500));
    assert!(!pair.device.relays()[2], "{:?}", pair.device.switched());
}

fn lamps() -> Vec<(&'static str, Value)> {
    vec![("green", Value::Whole(1)), ("amber", Value::Whole(2)), ("red", Value::Whole(3)), ("buzzer", Value::Whole(4))]
}

#[test]
fn a_stack_light_tells_good_from_bad() {
    let mut pair = board(&lamps());
    pair.run(ms(500));
    let (ready, good) = ([false, true, false, false], [true, false, false, false]);
    let (bad, still_bad) = ([false, false, true, true], [false, false, true, false]);
    let light = |pair: &Pair<Board>| <[bool; 4]>::try_from(&pair.device.relays()[..4]).unwrap();
    assert_eq!(light(&pair), ready);
    assert_eq!(pair.told(1, &Command::Signal(Signal::Good)), Answer::Done);
    assert_eq!(light(&pair), good);
    pair.run(ms(1700));
    assert_eq!(light(&pair), ready);
    assert_eq!(pair.told(2, &Command::Signal(Signal::Bad)), Answer::Done);
    assert_eq!(light(&pair), bad);
    pair.run(ms(1000));
    assert_eq!(light(&pair), still_bad);
    assert_eq!(pair.told(3, &Command::Signal(Signal::Good)), Answer::Done);
    assert_eq!(light(&pair), good, "the newest signal counts");
    pair.run(ms(3000));
    assert_eq!(light(&pair), ready);
    let buzz: Vec<Duration> =
        pair.device.switched().iter().filter(|(line, ..)| *line == 4).map(|(.., at)| *at).collect();
    assert!(buzz[1] - buzz[0] <= ms(2000) && buzz.len() == 2, "{buzz:?}");
}

/// Whatever signals come: green and red never burn together, and the buzzer never sounds longer than two seconds.
#[test]
fn green_and_red_never_burn_together() {
    let mut set = lamps();
    set.push(("buzzer_ms", Value::Whole(2000)));
    let mut pair = board(&set);
    let mut random = Random::new(31);
    for number in 0..200 {
        let signal = if random.below(2) == 0 { Signal::Good } else { Signal::Bad };
        pair.session.command(number, &Command::Signal(signal), pair.now).unwrap();
        pair.run(ms(random.below(400)));
    }
    pair.run(ms(10_000));
    let mut lit = [false; 4];
    for &(line, on, at) in pair.device.switched() {
        lit[usize::from(line) - 1] = on;
        assert!(!(lit[0] && lit[2]), "green and red at {at:?}");
    }
    assert_eq!(lit, [false, true, false, false]);
    let answered = pair.events.iter().filter(|event| matches!(event, Event::Answer { .. })).count();
    assert_eq!(answered, 200, "each signal is answered");
}

#[test]
fn settings_that_cannot_work_are_told() {
    for (set, want) in [
        (vec![("board", word("registers"))], "set `inputs = 0`"),
        (vec![("green", Value::Whole(9))], "relay 9"),
        (vec![("green", Value::Whole(1)), ("red", Value::Whole(1))], "two lamps are on one relay"),
    ] {
        let error = (relay_family().session)(&settings(relay_family(), &set)).unwrap_err();
        assert!(error.contains(want), "{error}");
    }
}
