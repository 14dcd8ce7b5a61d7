//! Badge readers: every printed frame, and a card that is held is one read.

use gatebook_hardware::acr122u::{self, Apdu, KeyKind, Kind};
use gatebook_hardware::device::{Cut, Family, by_name};
use gatebook_hardware::event::{Card, CardKind, Event, Read};
use gatebook_hardware::pn532::{self, code, frame};
use gatebook_hardware::rdm6300;
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::script::{Presentation, Random, Script, SentWhat};

use crate::pair::{self, Pair, ms, reads, settings};
use crate::vectors::{self, hex, unhex};

const RDM6300: &str = include_str!("../data/lf_rdm6300.json");
const PN532: &str = include_str!("../data/hf_pn532.json");
const ACR122U: &str = include_str!("../data/pcsc_acr122u.json");

const NAMES: [&str; 3] = ["rdm6300", "pn532", "acr122u"];

fn family(name: &str) -> &'static Family {
    by_name(name).unwrap()
}

fn pair(name: &str) -> Pair<dyn Simulator> {
    let settings = settings(family(name), &[]);
    Pair::new((family(name).session)(&settings).unwrap(), (family(name).simulator)(&settings, Script::new(), 3))
}

fn card(name: &str, last: u8) -> Card {
    match name {
        "rdm6300" => Card { kind: CardKind::Em4100, number: vec![0x4D, 0, 0x55, 0xAA, last] },
        _ => Card { kind: CardKind::Iso14443a, number: vec![0x04, 0xA2, 0x2B, last, 1, 2, 3] },
    }
}

fn cards(events: &[Event]) -> Vec<Vec<u8>> {
    let number = |read| if let Read::Card(card) = read { card.number } else { panic!("{read:?}") };
    reads(events).into_iter().map(number).collect()
}

#[test]
fn the_vectors_of_rdm6300_and_pn532_hold() {
    pair::pass(family("rdm6300"), RDM6300);
    pair::pass(family("pn532"), PN532);
    for vector in vectors::of(RDM6300, "decode") {
        let number = hex_digits(vector["expect"]["hex10"].as_str().unwrap());
        assert_eq!(rdm6300::encode(number), hex(&vector["input_hex"]), "{}", vector["id"]);
    }
}

fn hex_digits(digits: &str) -> [u8; 5] {
    unhex(digits).try_into().unwrap()
}

/// A digit that was misheard is another badge, or none: the checksum tells.
#[test]
fn a_misheard_digit_is_no_badge() {
    let sound = rdm6300::encode([0x4D, 0, 0x55, 0xAA, 0x33]);
    for at in 1..13 {
        for digit in b"0123456789ABCDEF" {
            let mut bent = sound.clone();
            bent[at] = *digit;
            assert_eq!(rdm6300::parse(&bent).is_ok(), bent == sound, "{at}");
        }
    }
    let wrong = rdm6300::parse(b"\x024D0055AA3380\x03").unwrap_err();
    assert_eq!(wrong, rdm6300::FrameError::Checksum { found: 0x80, right: 0x81 });
    assert_eq!(wrong.to_string(), "the checksum is 80, the number gives 81");
}

#[test]
fn every_printed_command_of_the_pn532_is_encoded() {
    for vector in vectors::of(PN532, "encode") {
        let fields = &vector["fields"];
        let byte = |name: &str| u8::try_from(fields[name].as_u64().unwrap_or_else(|| panic!("{name}"))).unwrap();
        let data = || hex(&fields["data"]);
        let (code, data) = match vector["command"].as_str().unwrap() {
            "SAMConfiguration" => (code::SAM_CONFIGURATION, vec![byte("mode"), byte("timeout"), byte("irq")]),
            "InListPassiveTarget" => {
                let modulation = if fields["brty"] == "106A" { 0 } else { 3 };
                (code::IN_LIST_PASSIVE_TARGET, vec![byte("max"), modulation])
            }
            "InDataExchange" => (code::IN_DATA_EXCHANGE, [vec![byte("target")], data()].concat()),
            "InRelease" => (code::IN_RELEASE, vec![byte("target")]),
            "RFConfiguration" => (code::RF_CONFIGURATION, [vec![byte("item")], data()].concat()),
            "SetSerialBaudRate" => (code::BAUD_RATE, vec![byte("br")]),
            "wakeup" => {
                assert_eq!(frame::WAKE.to_vec(), hex(&vector["expect_hex"]));
                continue;
            }
            other => panic!("no command {other}"),
        };
        let bytes = frame::encode(frame::Side::Host, code, &data);
        assert_eq!(bytes, hex(&vector["expect_hex"]), "{}", vector["id"]);
    }
}

#[test]
fn frames_of_the_pn532_read_back_as_they_are_written() {
    let mut random = Random::new(8);
    for len in 0..frame::DATA_MAX - 1 {
        let data = random.bytes(len);
        let bytes = frame::encode(frame::Side::Chip, 0x41, &data);
        let want = frame::Frame::Data { from: frame::Side::Chip, code: 0x41, data: &data };
        assert_eq!(frame::parse(&bytes), Ok((want, bytes.len())), "{len}");
        for end in 0..bytes.len() {
            assert_eq!(frame::parse(&bytes[..end]), Err(frame::FrameError::Incomplete), "{len}: {end}");
        }
        // A port that swallows the first zero.
        assert_eq!(frame::parse(&bytes[1..]), Ok((want, bytes.len() - 1)), "{len}");
    }
    let hostile = unhex("0000ffffffffff02");
    assert_eq!(frame::parse(&hostile), Err(frame::FrameError::Long { claimed: 0xFFFF }));
}

/// A UID has four, seven or ten bytes; a list that says otherwise was misheard.
#[test]
fn a_uid_of_another_length_is_none() {
    for length in 0..12u8 {
        let data = [&[1, 1, 0, 4, 8, length][..], &vec![0xAA; usize::from(length)]].concat();
        assert_eq!(pn532::targets(&data).is_some(), [4, 7, 10].contains(&length), "{length}");
    }
    // A card with protocol brings its ATS, and another card may follow.
    let two = unhex("02 01 0344 20 04 0a0b0c0d 06 7577810280 02 0004 08 04 01020304");
    let uids: Vec<_> = pn532::targets(&two).unwrap().into_iter().map(|target| target.uid).collect();
    assert_eq!(uids, [unhex("0a0b0c0d"), unhex("01020304")]);
    assert_eq!(pn532::targets(&two[..two.len() - 1]), None);
}

#[test]
fn the_vectors_of_pcsc_hold() {
    for vector in vectors::of(ACR122U, "encode") {
        let apdu = match vector["command"].as_str().unwrap() {
            "get_uid" => Apdu::Uid,
            "get_ats" => Apdu::Ats,
            "auth_block4_keyA" => Apdu::Authenticate { block: 4, key: KeyKind::A, place: 0 },
            "read_block4" => Apdu::ReadBlock { block: 4, bytes: 16 },
            "get_firmware" => Apdu::Firmware,
            other => panic!("no command {other}"),
        };
        assert_eq!(apdu.encode(), hex(&vector["expect_hex"]), "{}", vector["id"]);
    }
    for vector in vectors::of(ACR122U, "decode") {
        for dialect in [None, Some("apdu")] {
            let fields = (family("acr122u").codec.decode)(&hex(&vector["input_hex"]), dialect).unwrap();
            pair::assert_says(&fields, &vector["expect"], &vector["id"]);
        }
    }
    let key = Apdu::LoadKey { place: 1, key: [0xFF; 6] };
    assert_eq!(key.encode(), unhex("ff820001 06 ffffffffffff"));
    let decode = family("acr122u").codec.decode;
    let fields = decode(&unhex("04a1b2c39000"), None).unwrap();
    assert_eq!((&fields["data"], &fields["ok"]), (&"04a1b2c3".into(), &true.into()));
    assert!(decode(&unhex("90"), None).is_err());
    assert!(decode(&unhex("520003 9000"), Some("link")).unwrap_err().contains("no whole message"));
}

#[test]
fn a_card_that_is_held_is_one_read() {
    for name in NAMES {
        let mut pair = pair(name);
        pair.run(ms(1000));
        for (last, stays, wait) in [(1, 2000, 4000), (1, 200, 2000), (2, 1000, 1000), (3, 1000, 3000)] {
            pair.show(Presentation::Card { card: card(name, last), stays: ms(stays) });
            pair.run(ms(wait));
        }
        let want: Vec<Vec<u8>> = [1, 1, 2, 3].map(|last| card(name, last).number).into();
        assert_eq!(cards(&pair.events), want, "{name}");
        assert_eq!(pair.faults(), [""; 0], "{name}");
    }
}

/// Held at the rim of the field a card comes and goes: 200 ms away is not gone.
#[test]
fn a_card_that_flickers_is_one_read() {
    for name in NAMES {
        let mut pair = pair(name);
        pair.run(ms(1000));
        for _ in 0..10 {
            pair.show(Presentation::Card { card: card(name, 9), stays: ms(300) });
            pair.run(ms(500));
        }
        assert_eq!(cards(&pair.events), [card(name, 9).number], "{name}");
    }
}

#[test]
fn no_card_is_told_that_was_not_sent() {
    for name in NAMES {
        let mut pair = pair(name);
        let mut random = Random::new(21);
        for last in 0..80 {
            match random.below(4) {
                0 => pair.show(Presentation::Garbage { bytes: 1 + random.below(40) as usize }),
                1 => pair.show(Presentation::Truncation),
                2 => pair.show(Presentation::Silence { lasts: ms(random.below(2500)) }),
                _ => pair.show(Presentation::Disconnect),
            }
            pair.show(Presentation::Card { card: card(name, last), stays: ms(random.below(3000)) });
            pair.run(ms(random.below(3000)));
        }
        pair.run(ms(6000));
        pair.show(Presentation::Card { card: card(name, 200), stays: ms(1500) });
        pair.run(ms(4000));
        let sent: Vec<_> = pair.device.log().iter().map(|sent| sent.what.clone()).collect();
        let told = reads(&pair.events);
        assert!(told.iter().all(|read| sent.contains(&SentWhat::Report(read.clone()))), "{name}");
        assert!(20 < told.len(), "{name}: {}", told.len());
        assert_eq!(cards(&pair.events).last(), Some(&card(name, 200).number), "{name}: it came to itself again");
    }
}

/// A number that is another one each time names nobody.
#[test]
fn a_drawn_number_is_no_badge() {
    for name in ["pn532", "acr122u"] {
        let mut pair = pair(name);
        pair.run(ms(1000));
        let phone = Card { kind: CardKind::Iso14443a, number: vec![0x08, 1, 2, 3] };
        pair.show(Presentation::Card { card: phone, stays: ms(1000) });
        pair.run(ms(2000));
        assert!(cards(&pair.events).is_empty(), "{name}");
        assert!(matches!(&pair.faults()[..], [fault] if fault.contains("phones and passports")), "{name}");
    }
}

#[test]
fn a_pn532_says_who_it_is_and_is_lost_in_words() {
    let mut pair = pair("pn532");
    pair.run(ms(1000));
    assert!(pair.events.contains(&Event::Ready { model: "PN532 firmware 1.6".into() }), "{:?}", pair.events);
    pair.show(Presentation::Silence { lasts: ms(60_000) });
    let events = pair.until(ms(3000), |event| matches!(event, Event::Lost { .. }));
    assert!(matches!(events.last(), Some(Event::Lost { reason }) if reason.contains("fell silent")), "{events:?}");
    let mut session = (family("pn532").session)(&settings(family("pn532"), &[])).unwrap();
    session.opened(ms(0));
    (0..20).for_each(|n| session.tick(ms(n * 100)));
    assert!(matches!(session.poll(), Some(Event::Lost { reason }) if reason.contains("HSU")));
}

/// An answer that came garbled is asked for again, and the command is not repeated.
#[test]
fn a_garbled_answer_is_asked_for_again() {
    let mut session = (family("pn532").session)(&settings(family("pn532"), &[])).unwrap();
    session.opened(ms(0));
    let sent = |session: &mut dyn gatebook_hardware::device::Session| -> Vec<Vec<u8>> {
        std::iter::from_fn(|| session.transmit()).collect()
    };
    sent(session.as_mut());
    session.receive(&frame::ACK, ms(10));
    session.receive(&unhex("0000ff02fed515 ff 00"), ms(20));
    session.tick(ms(700));
    assert_eq!(sent(session.as_mut()), [frame::NACK.to_vec()]);
    session.receive(&unhex("0000ff02fed5151600"), ms(720));
    assert_eq!(sent(session.as_mut()), [unhex("0000ff02fed4022a00")], "the next command");
    // The chip did not understand it: sent anew.
    session.receive(&frame::NACK, ms(730));
    assert_eq!(sent(session.as_mut()), [unhex("0000ff02fed4022a00")]);
    // The chip knows no such command: it is another chip.
    session.receive(&unhex("0000ff01ff7f8100"), ms(740));
    let events: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
    assert!(matches!(events.last(), Some(Event::Lost { reason }) if reason.contains("no PN532")), "{events:?}");
}

#[test]
fn a_reader_behind_pcsc_that_is_not_there_is_told() {
    let mut session = (family("acr122u").session)(&settings(family("acr122u"), &[])).unwrap();
    session.opened(ms(0));
    session.tick(ms(3000));
    assert!(matches!(session.poll(), Some(Event::Lost { reason }) if reason.contains("pcscd")));
    // A card that refuses its number is asked three times, and told of.
    session.opened(ms(4000));
    session.receive(&acr122u::message(Kind::Name, b"ACS ACR122U"), ms(4000));
    session.receive(&acr122u::message(Kind::Card, &[0x3B]), ms(4001));
    for _ in 0..3 {
        assert_eq!(session.transmit(), Some(acr122u::message(Kind::Command, &unhex("ffca000000"))));
        session.receive(&acr122u::message(Kind::Answer, &unhex("6a81")), ms(4002));
    }
    assert_eq!(session.transmit(), None);
    let events: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
    assert!(matches!(events.last(), Some(Event::Fault { text }) if text.contains("hold it still")), "{events:?}");
}

/// The session cuts a message that the link split anywhere.
#[test]
fn messages_of_the_link_are_cut_at_every_place() {
    let stream = [
        acr122u::message(Kind::Name, b"ACS"),
        acr122u::message(Kind::Card, &[0x3B, 0x8F]),
        acr122u::message(Kind::Answer, &unhex("04a22b919000")),
        acr122u::message(Kind::Gone, &[]),
    ]
    .concat();
    for split in 0..=stream.len() {
        let mut session = (family("acr122u").session)(&settings(family("acr122u"), &[])).unwrap();
        session.opened(ms(0));
        let (a, b) = stream.split_at(split);
        session.receive(a, ms(1));
        session.receive(b, ms(2));
        let events: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
        assert_eq!(cards(&events), [unhex("04a22b91")], "{split}");
        assert!(!events.iter().any(|event| matches!(event, Event::Noise { .. })), "{split}: {events:?}");
    }
    assert_eq!((family("acr122u").codec.cut)(b"R\xFF\xFF", None), Cut::Noise(1), "a hostile length");
}
