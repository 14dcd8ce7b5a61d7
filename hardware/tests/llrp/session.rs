//! The client with the simulated reader: from the greeting to reading, outages and goodbyes.

use std::time::Duration;

use gatebook_hardware::device::Session;
use gatebook_hardware::event::Event;
use gatebook_hardware::llrp::frame;
use gatebook_hardware::llrp::message::Message;
use gatebook_hardware::llrp::session::Llrp;
use gatebook_hardware::llrp::settings::{Hold, Settings, Version};
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::llrp::{Clock, Delivery, Make, Speaks, Vendor};
use gatebook_hardware::simulator::script::Presentation;
use serde_json::Value;

use super::door::{A, B, Door, READY, SECOND, heard_tags};
use super::{hex, sent_tags, vector};

#[test]
fn on_a_normal_day_every_reported_tag_arrives_once_and_in_order() {
    for delivery in [Delivery::Whole, Delivery::Split, Delivery::Glued, Delivery::Bytewise] {
        for vendor in [Vendor::Plain, Vendor::UnknownParameters] {
            let mut door = Door::new(Settings::default(), Make { delivery, vendor, ..Make::default() });
            door.connect();
            door.run(SECOND);
            door.reader.tag_enters(&A, 1, door.now);
            door.reader.tag_enters(&B, 3, door.now);
            door.run(2 * SECOND);
            door.reader.tag_leaves(&A, door.now);
            door.reader.tag_leaves(&B, door.now);
            door.run(60 * SECOND);
            assert_eq!(door.words(), [READY], "{delivery:?} {vendor:?}: an idle minute loses nothing");

            let sent = sent_tags(door.reader.log());
            assert!(100 < sent.len(), "{delivery:?} {vendor:?}: {} reports", sent.len());
            assert_eq!(heard_tags(&door), sent, "{delivery:?} {vendor:?}");
            let levels: Vec<i16> = sent.iter().filter(|tag| tag.0 == A).map(|tag| tag.2).collect();
            let peak = levels.iter().max().unwrap();
            assert!(levels[0] + 10 < *peak && levels[levels.len() - 1] + 10 < *peak, "it rises and falls: {levels:?}");

            door.client.close(door.now);
            door.run(SECOND);
            assert!(door.client.closed() && !door.wired);
            assert_eq!(door.words(), [READY], "a goodbye is not a loss");
            let said = door.said();
            assert_eq!(said[said.len() - 3..], ["DISABLE_ROSPEC", "DELETE_ROSPEC", "CLOSE_CONNECTION"]);
            let acks = said.iter().filter(|name| **name == "KEEPALIVE_ACK").count();
            assert!((11..=13).contains(&acks), "{acks} keepalives in a minute of 5 s each");
        }
    }
}

#[test]
fn the_client_says_nothing_before_the_greeting_and_then_everything_in_order() {
    let mut door = Door::new(Settings::default(), Make::default());
    door.client.opened(Duration::ZERO);
    assert_eq!(door.client.transmit(), None);
    door.connect();
    let want = [
        "GET_READER_CAPABILITIES",
        "ENABLE_EVENTS_AND_REPORTS",
        "SET_READER_CONFIG",
        "GET_READER_CONFIG",
        "DELETE_ACCESSSPEC",
        "DELETE_ROSPEC",
        "ADD_ROSPEC",
        "ENABLE_ROSPEC",
        "GET_ROSPECS",
        "ENABLE_EVENTS_AND_REPORTS",
    ];
    assert_eq!(door.said(), want);
    assert_eq!(door.said[4]["decoded"]["AccessSpecID"], 0);
    assert_eq!(door.said[5]["decoded"]["ROSpecID"], 0);
}

#[test]
fn power_is_the_readers_next_lower_step_and_antennas_are_those_it_has() {
    let settings = Settings { antennas: vec![2, 4, 7], power_dbm: Some(24), ..Settings::default() };
    let mut door = Door::new(settings, Make::default());
    door.connect();
    let fault = "fault: antenna 7 is configured, but the reader has antennas 1 to 4; it is left out";
    assert_eq!(door.words(), [fault, READY]);
    let inventory = &door.program()["AISpec"];
    assert_eq!(inventory["AntennaIDs"], serde_json::json!([2, 4]));
    // Index 57 of the table stands for 24.00 dBm.
    let settings = inventory["InventoryParameterSpec"]["AntennaConfiguration"].as_array().unwrap();
    let power = |setting: &Value| setting["RFTransmitter"]["TransmitPower"].as_u64().unwrap();
    assert_eq!(settings.iter().map(power).collect::<Vec<_>>(), [57, 57]);

    door.reader.tag_enters(&A, 1, door.now);
    door.reader.tag_enters(&B, 4, door.now);
    door.run(SECOND);
    assert!(!door.tags().is_empty() && door.tags().iter().all(|tag| tag.antenna == 4), "antenna 1 does not read");
}

#[test]
fn the_capabilities_of_a_real_impinj_reader_give_its_power_step_and_hop_table() {
    let settings = Settings { power_dbm: Some(25), ..Settings::default() };
    let mut client = Llrp::new(settings);
    client.opened(Duration::ZERO);
    client.receive(&vector("evt-conn-success"), Duration::ZERO);
    let mut asked = Vec::new();
    while let Some(bytes) = client.transmit() {
        let frame = frame::cut(&bytes).unwrap().unwrap();
        asked.push(serde_json::from_str::<Value>(&Message::decode(&frame).unwrap().json()).unwrap());
        let body = match frame.number {
            64 => continue,
            1023 => {
                let extended = answer(1023, frame.id, &format!("0000651a16{OK}"));
                client.receive(&extended, Duration::ZERO);
                continue;
            }
            1 => to_hex(&vector("edgex-getreadercapabilitiesresponse-000")[10..]),
            // Our ROSpec runs.
            26 => format!("{OK}00b1000a000000010002"),
            _ => OK.to_owned(),
        };
        client.receive(&answer(frame.number + 10, frame.id, &body), Duration::ZERO);
    }
    let model =
        "Impinj 2001002, firmware 5.14.0.240; 4 antennas, 4 inputs, 4 outputs; US FCC part 15, country 840, hops over \
                 50 channels from 902.750 MHz to 927.250 MHz"
            .to_owned();
    assert_eq!(drained(&mut client), [Event::Ready { model }]);
    let add = asked.iter().find(|message| message["message"] == "ADD_ROSPEC").unwrap();
    let setting = &add["decoded"]["ROSpec"]["AISpec"]["InventoryParameterSpec"]["AntennaConfiguration"];
    let table = power_index(&vector("edgex-getreadercapabilitiesresponse-000"), 2500);
    let want = serde_json::json!({"HopTableID": 1, "ChannelIndex": 1, "TransmitPower": table});
    assert_eq!(setting["RFTransmitter"], want);
}

/// The index that the reader's own table gives to a power in 1/100 dBm.
fn power_index(capabilities: &[u8], cdbm: i64) -> u64 {
    let frame = frame::cut(capabilities).unwrap().unwrap();
    let tree: Value = serde_json::from_str(&Message::decode(&frame).unwrap().json()).unwrap();
    let bands = &tree["decoded"]["RegulatoryCapabilities"]["UHFBandCapabilities"];
    let steps = bands["TransmitPowerLevelTableEntry"].as_array().unwrap();
    let step = steps.iter().find(|step| step["TransmitPowerValue"] == cdbm).unwrap();
    step["Index"].as_u64().unwrap()
}

#[test]
fn none_of_the_configured_antennas_ends_the_session_with_words() {
    let mut door = Door::new(Settings { antennas: vec![9], ..Settings::default() }, Make::default());
    door.connect();
    assert_eq!(door.words()[1], "lost: the reader has none of the configured antennas [9]; it has 1 to 4");
    assert!(door.client.closed());
}

#[test]
fn tags_that_pass_while_the_link_is_down_come_after_it_with_their_true_age() {
    let clocks = [
        Make::default().clock,
        // Five minutes slow, and no calendar at all.
        Clock::Utc { origin_micros: 1_773_568_500_000_000 },
        Clock::UptimeOnly,
    ];
    for clock in clocks {
        let mut door = Door::new(Settings::default(), Make { clock, ..Make::default() });
        door.connect();
        door.run(SECOND);
        door.pull();
        door.run(10 * SECOND);
        let passed = door.now;
        door.reader.tag_enters(&A, 2, door.now);
        door.run(SECOND);
        door.reader.tag_leaves(&A, door.now);
        door.run(30 * SECOND);
        let before = door.tags().len();
        assert_eq!(before, 0);

        door.connect();
        let seen: Vec<Duration> = door.tags().iter().map(|tag| door.now - tag.age).collect();
        assert!(20 < seen.len(), "{clock:?}: {} held", seen.len());
        let passage = passed..=passed + Duration::from_millis(1500);
        assert!(seen.iter().all(|at| passage.contains(at)), "{clock:?}: {seen:?} within {passage:?}");
        assert_eq!(heard_tags(&door), sent_tags(door.reader.log()), "{clock:?}");

        // And what is read now is young.
        door.reader.tag_enters(&B, 1, door.now);
        door.run(SECOND);
        let young = door.tags().into_iter().filter(|tag| tag.epc == B);
        assert!(young.into_iter().all(|tag| tag.age == Duration::ZERO), "{clock:?}");
    }
}

#[test]
fn without_holding_what_passes_while_the_link_is_down_was_never_said() {
    let mut door = Door::new(Settings { hold: Hold::No, ..Settings::default() }, Make::default());
    door.connect();
    door.pull();
    door.reader.tag_enters(&A, 1, door.now);
    door.run(10 * SECOND);
    door.reader.tag_leaves(&A, door.now);
    door.run(SECOND);
    door.connect();
    door.run(SECOND);
    assert_eq!((heard_tags(&door), sent_tags(door.reader.log())), (vec![], vec![]));
}

#[test]
fn a_cut_in_the_middle_costs_nothing_that_was_handed_over() {
    let mut door = Door::new(Settings::default(), Make { delivery: Delivery::Glued, ..Make::default() });
    door.connect();
    door.reader.tag_enters(&A, 1, door.now);
    for _ in 0..5 {
        door.run(Duration::from_millis(700));
        door.reader.show(Presentation::Disconnect, door.now);
        door.run(Duration::from_millis(100));
        assert!(!door.wired);
        door.run(SECOND);
        door.connect();
    }
    assert_eq!(heard_tags(&door), sent_tags(door.reader.log()));
    assert_eq!(door.words(), [READY; 6]);
}

#[test]
fn a_silent_reader_is_lost_after_two_and_a_half_keepalives() {
    let mut door = Door::new(Settings { keepalive: 4 * SECOND, ..Settings::default() }, Make::default());
    door.connect();
    door.run(20 * SECOND);
    let last = door.now;
    door.reader.show(Presentation::Silence { lasts: 60 * SECOND }, door.now);
    door.run(11 * SECOND);
    let (at, lost) = door.events.last().unwrap();
    let want = "no byte from the reader for 10000 ms; check its power and network, the connection is made anew";
    assert_eq!(*lost, Event::Lost { reason: want.to_owned() });
    assert_eq!(*at, last + 10 * SECOND);
    assert!(door.client.closed() && door.client.wake().is_none() && door.client.transmit().is_none());
}

#[test]
fn a_second_client_is_turned_away_and_the_first_is_told() {
    let mut door = Door::new(Settings::default(), Make::default());
    door.connect();
    let refusal = door.reader.second_client(door.now);
    let mut second = Llrp::new(Settings::default());
    second.opened(door.now);
    second.receive(&refusal, door.now);
    let Some(Event::Lost { reason }) = second.poll() else { panic!("the second client is not lost") };
    assert!(reason.starts_with("the reader is held by another client"), "{reason}");
    assert!(second.closed() && second.transmit().is_none());

    door.run(SECOND);
    let fault = "fault: another program tried to connect to this reader; a reader serves one, stop the other";
    assert_eq!(door.words(), [READY, fault]);

    // The reader has noticed the end of the old connection; the same session opens again.
    door.pull();
    door.connect();
    assert_eq!(door.words(), [READY, fault, READY]);
}

#[test]
fn version_1_1_is_spoken_where_offered_and_1_0_1_where_refused() {
    for (speaks, version) in [(Speaks::One, 1), (Speaks::Two, 2)] {
        let settings = Settings { version: Version::TryTwo, ..Settings::default() };
        let mut door = Door::new(settings, Make { speaks, ..Make::default() });
        door.connect();
        door.reader.tag_enters(&A, 1, door.now);
        door.run(SECOND);
        assert_eq!(door.words(), [READY], "{speaks:?}");
        assert_eq!(door.said[0]["message"], "GET_SUPPORTED_VERSION");
        assert_eq!(door.said[0]["version"], 2);
        assert_eq!(door.said.last().unwrap()["version"], version, "{speaks:?}");
        assert!(!door.tags().is_empty());
    }
}

#[test]
fn a_reader_that_says_nothing_about_its_version_is_spoken_to_in_1_0_1() {
    let mut client = Llrp::new(Settings { version: Version::TryTwo, ..Settings::default() });
    client.opened(Duration::ZERO);
    client.receive(&vector("evt-conn-success"), Duration::ZERO);
    assert!(client.transmit().is_some());
    assert_eq!(client.wake(), Some(3 * SECOND));
    client.tick(3 * SECOND);
    assert_eq!(client.transmit().unwrap()[..2], [0x04, 0x01], "GET_READER_CAPABILITIES, version 1");
}

#[test]
fn more_than_one_tag_per_report_leaves_none_waiting() {
    let mut door = Door::new(Settings { report_every: 50, ..Settings::default() }, Make::default());
    door.connect();
    door.reader.tag_enters(&A, 1, door.now);
    door.run(10 * SECOND);
    let tags = door.tags();
    assert!((8..=11).contains(&tags.len()), "one report a second, not {}", tags.len());
    assert!(tags.iter().all(|tag| 10 < tag.count), "each stands for its reads");
}

/// A client that stands before the answer to its `request`, and the id of that request.
fn before(request: u16, answers: &[(u16, &str)]) -> (Llrp, u32) {
    let mut client = Llrp::new(Settings::default());
    client.opened(Duration::ZERO);
    client.receive(&vector("evt-conn-success"), Duration::ZERO);
    for _ in 0..20 {
        while let Some(bytes) = client.transmit() {
            let frame = frame::cut(&bytes).unwrap().unwrap();
            if frame.number == request {
                return (client, frame.id);
            }
            let special = answers.iter().find(|(number, _)| *number == frame.number).map(|(_, body)| *body);
            match frame.number {
                64 => continue,
                number => client.receive(&answer(number + 10, frame.id, special.unwrap_or(OK)), Duration::ZERO),
            }
        }
    }
    panic!("the client never said {request}");
}

const OK: &str = "011f000800000000";

fn answer(number: u16, id: u32, body: &str) -> Vec<u8> {
    let body = hex(body);
    let length = 10 + body.len() as u32;
    [&(0x0400 | number).to_be_bytes()[..], &length.to_be_bytes(), &id.to_be_bytes(), &body].concat()
}

fn drained(client: &mut Llrp) -> Vec<Event> {
    std::iter::from_fn(|| client.poll()).collect()
}

#[test]
fn a_refused_program_is_tried_bare_and_then_given_up_with_the_readers_own_words() {
    let refused = vector("add-rospec-response-fielderror");
    let (mut client, id) = before(20, &[]);
    drained(&mut client);
    client.receive(&answer(30, id, &to_hex(&refused[10..])), Duration::ZERO);
    let words = "the reader refused ADD_ROSPEC: M_ParameterError (100) \"bad ROSpec\" in field 2 of ROSpec: A_OutOfRange; \
                 the reader does not take these settings: try fewer antennas, no transmit power, another session; \
                 it reads with its own power and session";
    assert_eq!(drained(&mut client), [Event::Fault { text: words.to_owned() }]);
    let bare = client.transmit().unwrap();
    assert!(bare.len() < 100, "no antenna configuration in {} bytes", bare.len());
    let id = frame::cut(&bare).unwrap().unwrap().id;
    client.receive(&answer(30, id, "011f000801910000"), Duration::ZERO);
    let words = "the reader refused ADD_ROSPEC: R_DeviceError (401); the reader reports a fault of its own: check antennas \
                 and power supply, restart it";
    assert_eq!(drained(&mut client), [Event::Lost { reason: words.to_owned() }]);
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_program_that_stands_still_is_started() {
    // GET_ROSPECS_RESPONSE with ROSpec 1 in state 1, inactive.
    let standing = "011f000800000000 00b1000a 00000001 00 01".replace(' ', "");
    let (mut client, id) = before(22, &[(26, &standing)]);
    assert_eq!(drained(&mut client).len(), 1, "the fault about holding");
    client.receive(&answer(32, id, OK), Duration::ZERO);
    assert!(matches!(drained(&mut client)[..], [Event::Ready { .. }]));
}

#[test]
fn an_answer_that_does_not_come_is_named() {
    let (mut client, _) = before(24, &[]);
    drained(&mut client);
    // Late and foreign answers are not taken for it.
    client.receive(&answer(34, 0x0099_9999, OK), SECOND);
    client.receive(&answer(30, 4, OK), SECOND);
    assert_eq!(client.wake(), Some(10 * SECOND));
    client.tick(10 * SECOND);
    let words = "the reader did not answer ENABLE_ROSPEC within 10 s (its last answer: M_Success to ADD_ROSPEC); the \
                 connection is made anew";
    assert_eq!(drained(&mut client), [Event::Lost { reason: words.to_owned() }]);
}

#[test]
fn an_acknowledgement_overtakes_what_is_queued() {
    let (mut client, id) = before(21, &[]);
    client.receive(&answer(31, id, OK), Duration::ZERO);
    client.receive(&vector("keepalive"), Duration::ZERO);
    let ack = client.transmit().unwrap();
    assert_eq!(ack, hex("04480000000a11223344"), "KEEPALIVE_ACK with the id of the keepalive");
    assert_eq!(client.transmit().unwrap()[..2], [0x04, 20], "then ADD_ROSPEC");
}

#[test]
fn what_the_reader_reports_of_itself_is_said_in_words() {
    let overflow = hex("043f0000001e0000000100f600140080000c00064d0d2a4f080000fb0004");
    for (bytes, want) in [
        (vector("evt-antenna-disconnected"), "fault: antenna 3 is disconnected; check its cable"),
        (vector("evt-buffer-warning"), "fault: the reader's report buffer is 90 % full; the network may be too slow"),
        (
            overflow,
            "fault: the reader's report buffer overflowed: tags were read and not reported; count again by hand",
        ),
        (vector("evt-exception"), "fault: the reader reports a fault at antenna 2: PA temperature high"),
        (vector("evt-conn-close"), "lost: the reader closed the connection"),
        (vector("edgex-readereventnotification-000"), "lost: the reader closed the connection"),
        (
            hex("04630000000a00000005"),
            "fault: message 99 from the reader is not understood: message type 99 is not in LLRP 1.1",
        ),
    ] {
        let mut door = Door::new(Settings::default(), Make::default());
        door.connect();
        door.client.receive(&bytes, door.now);
        door.exchange();
        assert_eq!(door.words(), [READY, want]);
    }
}

#[test]
fn bytes_that_are_no_llrp_end_the_session_and_say_where_to_look() {
    for (bytes, noise) in
        [(b"HTTP/1.1 400 Bad Request\r\n".as_slice(), 26), (b"\x00garbage", 8), (b"\x04\x3D\0\0\0\x03", 6)]
    {
        let mut client = Llrp::new(Settings::default());
        client.opened(Duration::ZERO);
        client.receive(bytes, Duration::ZERO);
        let events = drained(&mut client);
        let [Event::Noise { bytes }, Event::Lost { reason }] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(*bytes, noise);
        assert!(reason.ends_with("check that address and port belong to an LLRP reader"), "{reason}");
    }
}

#[test]
fn a_message_that_never_ends_is_not_waited_for() {
    let mut door = Door::new(Settings::default(), Make::default());
    door.connect();
    // Claims 1 MiB; the keepalives that follow drown in it.
    door.client.receive(&hex("043d00100000000000ff"), door.now);
    door.run(12 * SECOND);
    let want = "lost: a message from the reader did not end within 10 s; the connection is made anew";
    assert_eq!(door.words(), [READY, want]);
}

#[test]
fn a_malformed_report_keeps_the_tags_before_the_flaw() {
    let mut bytes = vector("ro-report-three-tags");
    // The third entry claims a length of 3.
    let third = bytes.len() - 34;
    bytes[third + 2..third + 4].copy_from_slice(&[0, 3]);
    let mut door = Door::new(Settings::default(), Make::default());
    door.connect();
    door.client.receive(&bytes, door.now);
    door.exchange();
    assert_eq!(door.tags().len(), 2);
    let want = "fault: the reader sent a malformed tag report: parameter TagReportData claims 3 bytes, less than its own \
                header (byte 78 of the message); the tags before it are kept";
    assert_eq!(door.words(), [READY, want]);
}

#[test]
fn reading_that_the_reader_ended_by_itself_is_looked_after() {
    let mut door = Door::new(Settings::default(), Make::default());
    door.connect();
    let said = door.said().len();
    // ROSpecEvent: end of ROSpec 1.
    let ended = "043f000000270000000100f6001d0080000c00064d0d2a4f080000f9000d010000000100000000";
    door.client.receive(&hex(ended), door.now);
    door.exchange();
    assert_eq!(door.said()[said..], ["GET_ROSPECS"], "it still runs, so it is not started twice");
    let fault = "fault: the reader stopped reading by itself; it is started again";
    assert_eq!(door.words(), [READY, fault]);
    assert!(!door.client.closed());
}

#[test]
fn a_session_that_was_never_opened_is_closed_and_does_nothing() {
    let mut client = Llrp::new(Settings::default());
    client.receive(&vector("evt-conn-success"), SECOND);
    client.tick(100 * SECOND);
    client.close(100 * SECOND);
    assert!(client.closed() && client.wake().is_none() && client.transmit().is_none() && client.poll().is_none());
}

#[test]
fn a_goodbye_to_a_dead_reader_takes_two_seconds() {
    let mut door = Door::new(Settings::default(), Make::default());
    door.connect();
    door.reader.show(Presentation::Silence { lasts: 60 * SECOND }, door.now);
    door.client.close(door.now);
    door.run(Duration::from_millis(1999));
    assert!(!door.client.closed());
    door.run(Duration::from_millis(1));
    assert!(door.client.closed());
    assert_eq!(door.words(), [READY]);
}

#[test]
fn capabilities_that_cannot_be_understood_do_not_keep_a_reader_from_reading() {
    let (mut client, id) = before(1, &[]);
    // GeneralDeviceCapabilities that runs past the end.
    client.receive(&answer(11, id, "011f000800000000 00890400 0004"), Duration::ZERO);
    let events = drained(&mut client);
    let Some(Event::Fault { text }) = events.first() else { panic!("{events:?}") };
    let want = "message 11 from the reader is not understood: parameter GeneralDeviceCapabilities runs past the end of its parent";
    assert!(text.starts_with(want), "{text}");
    assert_eq!(client.transmit().unwrap()[..2], [0x04, 3], "SET_READER_CONFIG follows");
}

#[test]
fn what_a_reader_does_not_say_of_its_ports_does_not_keep_it_from_reading() {
    let silent = "the reader did not answer GET_READER_CONFIG; it goes on without";
    let broken =
        "message 12 from the reader is not understood: parameter GPIPortCurrentState runs past the end of its parent";
    for want in [silent, broken] {
        let (mut client, id) = before(2, &[]);
        drained(&mut client);
        match want == silent {
            true => client.tick(10 * SECOND),
            false => client.receive(&answer(12, id, "011f000800000000 00e10400 0004"), SECOND),
        }
        let events = drained(&mut client);
        let [Event::Fault { text }] = events.as_slice() else { panic!("{events:?}") };
        assert!(text.starts_with(want), "{text}");
        assert_eq!(client.transmit().unwrap()[..2], [0x04, 41], "DELETE_ACCESSSPEC follows");
    }
}
