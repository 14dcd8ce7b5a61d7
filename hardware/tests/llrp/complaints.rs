//! What users of other LLRP software complain of, each with the promise that it does not happen here.

use std::time::Duration;

use gatebook_hardware::command::{Bank, Command};
use gatebook_hardware::device::Session;
use gatebook_hardware::event::Event;
use gatebook_hardware::llrp::session::Llrp;
use gatebook_hardware::llrp::settings::{Mode, Portal, Search, Settings};
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::llrp::{Make, Powers, Refuses, Region, Vendor};
use gatebook_hardware::simulator::script::Presentation;
use serde_json::json;

use super::door::{A, B, Door, SECOND, heard_tags};
use super::{sent_tags, vector};

/// Words of a day without trouble.
fn calm(door: &Door) {
    let words = door.words();
    assert!(words.len() == 1 && words[0].starts_with("ready: "), "{words:?}");
}

fn reads(door: &mut Door) {
    let before = door.tags().len();
    door.reader.tag_enters(&A, 1, door.now);
    door.run(2 * SECOND);
    assert!(before + 20 < door.tags().len(), "{:?}", door.words());
    assert_eq!(heard_tags(door), sent_tags(door.reader.log()));
}

/// "A client initiated connection already exists", long after that client is gone (sllurp 151).
#[test]
fn a_reader_that_still_holds_the_last_connection_is_tried_again_until_it_lets_go() {
    for refusal in ["evt-conn-failed-client-exists", "reader-initiated"] {
        let mut bytes = vector("evt-conn-failed-client-exists");
        if refusal == "reader-initiated" {
            *bytes.last_mut().unwrap() = 1;
        }
        let mut door = Door::new(Settings::default(), Make::default());
        for _ in 0..5 {
            door.client.opened(door.now);
            door.client.receive(&bytes, door.now);
            door.exchange();
            assert!(door.client.closed() && door.client.transmit().is_none(), "{refusal}");
            door.now += 2 * SECOND;
        }
        assert!(door.words().iter().all(|word| word.starts_with("lost: ") && word.ends_with("it is tried again")));
        assert_eq!(door.words().len(), 5);
        door.connect();
        reads(&mut door);
    }
}

/// After a restart of the network reading stops for good (sllurp 138, 209).
#[test]
fn after_an_outage_everything_is_set_anew_and_reading_goes_on() {
    let mut door = Door::new(Settings { power_dbm: Some(24), ..Settings::default() }, Make::default());
    for _ in 0..3 {
        door.connect();
        reads(&mut door);
        door.reader.show(Presentation::Silence { lasts: 30 * SECOND }, door.now);
        door.run(13 * SECOND);
        assert!(door.client.closed(), "silence is noticed");
        door.pull();
        door.run(18 * SECOND);
    }
    door.connect();
    reads(&mut door);
    let said = door.said();
    for request in ["SET_READER_CONFIG", "ADD_ROSPEC", "ENABLE_ROSPEC"] {
        assert_eq!(said.iter().filter(|name| **name == request).count(), 4, "{request}");
    }
}

/// Stopping and adding programs between rounds loses tags of moving trucks (sllurp 218).
#[test]
fn nothing_that_is_asked_meanwhile_stops_the_reading() {
    let mut door = Door::new(Settings::default(), Make::default());
    door.connect();
    let connected = door.said().len();
    door.reader.tag_enters(&A, 1, door.now);
    for number in 0..20 {
        door.ask(number, &Command::Output { line: 1, on: number % 2 == 0, lasts: None });
        let epc = A.to_vec();
        door.ask(100 + number, &Command::ReadMemory { epc, bank: Bank::Tid, from_word: 0, words: 2, password: 0 });
        door.run(2 * SECOND);
    }
    assert_eq!(door.answers().len(), 40);
    assert!(!door.said()[connected..].iter().any(|said| said.contains("ROSPEC")), "{:?}", door.said());
    let times: Vec<Duration> =
        door.events.iter().filter(|(_, event)| matches!(event, Event::Read(_))).map(|(at, _)| *at).collect();
    let gap = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(gap < Duration::from_millis(400), "{gap:?} without a read");
    calm(&door);
}

/// ADD_ROSPEC refused: HopTableID or power index are not the reader's (sllurp 80, 118).
#[test]
fn indexes_come_from_the_tables_of_the_reader() {
    for (powers, region, wanted, want) in [
        (Powers::Even, Region::Europe, 24, json!({"HopTableID": 0, "ChannelIndex": 1, "TransmitPower": 57})),
        (Powers::Gaps, Region::America, 24, json!({"HopTableID": 1, "ChannelIndex": 1, "TransmitPower": 20})),
        (Powers::Gaps, Region::Europe, 33, json!({"HopTableID": 0, "ChannelIndex": 1, "TransmitPower": 60})),
        (Powers::Gaps, Region::Europe, 10, json!({"HopTableID": 0, "ChannelIndex": 1, "TransmitPower": 3})),
    ] {
        let settings = Settings { power_dbm: Some(wanted), ..Settings::default() };
        let mut door = Door::new(settings, Make { powers, region, ..Make::default() });
        door.connect();
        reads(&mut door);
        calm(&door);
        let antenna = &door.program()["AISpec"]["InventoryParameterSpec"]["AntennaConfiguration"];
        assert_eq!(antenna["RFTransmitter"], want, "{powers:?} {region:?}");
    }
}

#[test]
fn every_antenna_has_its_own_power_and_the_radio_is_set_from_the_tables() {
    let settings = Settings {
        antennas: vec![1, 3, 4],
        antenna_power_dbm: vec![20, 0, 27],
        power_dbm: Some(30),
        less_sensitive_db: 15,
        channel_khz: Some(866_900),
        mode: Mode::Fastest,
        ..Settings::default()
    };
    let mut door = Door::new(settings, Make { powers: Powers::Gaps, ..Make::default() });
    door.connect();
    calm(&door);
    let antennas = &door.program()["AISpec"]["InventoryParameterSpec"]["AntennaConfiguration"];
    let power = |place: usize| antennas[place]["RFTransmitter"]["TransmitPower"].as_u64();
    assert_eq!([power(0), power(1), power(2)], [Some(20), None, Some(41)], "0 leaves antenna 3 as it is");
    assert_eq!(antennas[0]["RFTransmitter"]["ChannelIndex"], 3);
    for place in 0..3 {
        assert_eq!(antennas[place]["RFReceiver"], json!({"ReceiverSensitivity": 2}));
        assert_eq!(antennas[place]["C1G2InventoryCommand"]["C1G2RFControl"]["ModeIndex"], 4);
    }
    reads(&mut door);
}

#[test]
fn what_a_reader_lacks_is_said_in_words_and_reading_goes_first() {
    let settings = Settings {
        power_dbm: Some(5),
        less_sensitive_db: 3,
        channel_khz: Some(915_250),
        mode: Mode::Number(1000),
        search: Search::Dual,
        only: vec![vec![0x30], vec![0x31], vec![0xE2]],
        ..Settings::default()
    };
    let mut door = Door::new(settings.clone(), Make { unplugged: 3, ..Make::default() });
    door.connect();
    let want = [
        "5 dBm is configured, but the reader's lowest power is 10.00 dBm; it is taken",
        "the reader has no step of sensitivity up to 3 dB below its best; it hears all",
        "915.250 MHz is configured, but the reader may send on 865.700, 866.300, 866.900, 867.500 MHz; the first is taken",
        "the configured reader mode is not among those of the reader (1, 4); it keeps its own",
        "`search` is configured, but only Impinj readers have it; the reader keeps its own",
        "the reader chooses by 2 EPC prefixes at most; it reads all tags, and others are left out afterwards",
    ];
    let words = door.words();
    let faults: Vec<_> = words.iter().filter_map(|word| word.strip_prefix("fault: ")).collect();
    assert_eq!(faults, want);
    reads(&mut door);

    let america = Make { region: Region::America, ..Make::default() };
    let mut door = Door::new(Settings { channel_khz: Some(915_250), ..Settings::default() }, america);
    door.connect();
    let want = "fault: 915.250 MHz is configured, but the reader hops over all channels of its region, as the rules there want";
    assert_eq!(door.words()[0], want);
    let shown = "US FCC part 15, country 840, hops over 50 channels from 902.750 MHz to 927.250 MHz";
    assert!(door.words()[1].ends_with(shown), "{:?}", door.words());

    let unplugged = Make { antennas: 1, unplugged: 1, ..Make::default() };
    let mut door = Door::new(Settings::default(), unplugged);
    door.connect();
    let want = "fault: the reader finds no antenna at all; if no tag is read, check the cables";
    assert_eq!(door.words()[0], want);
}

#[test]
fn only_the_wanted_tags_are_reported_whether_or_not_the_reader_can_choose() {
    for (only, reader_chooses) in [
        (vec![A[..3].to_vec()], true),
        (vec![vec![0xAA], A[..5].to_vec()], true),
        (vec![vec![0xAA], vec![0xBB], A[..5].to_vec()], false),
    ] {
        let mut door = Door::new(Settings { only, ..Settings::default() }, Make::default());
        door.connect();
        door.reader.tag_enters(&A, 1, door.now);
        door.reader.tag_enters(&B, 2, door.now);
        door.run(2 * SECOND);
        assert!(20 < door.tags().len() && door.tags().iter().all(|tag| tag.epc == A));
        let sent = sent_tags(door.reader.log());
        assert_eq!(sent.iter().all(|tag| tag.0 == A), reader_chooses);
    }
}

/// "Unsupported StopTrigger" and other refusals (sllurp 57, 177): the program is asked for again with less.
#[test]
fn a_refused_program_is_asked_for_with_less_and_the_fault_names_what_was_left_out() {
    let portal = Portal::Eyes { start: 1, stop: Some(2), lasts: 5 * SECOND };
    let settings = Settings {
        power_dbm: Some(24),
        mode: Mode::Steadiest,
        only: vec![A[..2].to_vec()],
        portal,
        ..Settings::default()
    };
    let none = Refuses::default();
    for (refuses, want) in [
        (Refuses { channel: true, ..none }, &["hop table and channel"][..]),
        (Refuses { modes: true, ..none }, &["hop table and channel", "radio mode and sensitivity"]),
        (
            Refuses { stop_by_input: true, ..none },
            &["hop table and channel", "radio mode and sensitivity", "by time and not by an input"],
        ),
        (
            Refuses { stop_by_input: true, stop_by_time: true, ..none },
            &[
                "hop table and channel",
                "radio mode and sensitivity",
                "by time and not by an input",
                "read all the time",
            ],
        ),
        (
            Refuses { filters: true, ..none },
            &[
                "hop table and channel",
                "radio mode and sensitivity",
                "by time and not by an input",
                "read all the time",
                "without a choice by EPC",
            ],
        ),
        (
            Refuses { antennas: true, ..none },
            &[
                "hop table and channel",
                "radio mode and sensitivity",
                "by time and not by an input",
                "read all the time",
                "without a choice by EPC",
                "its own power and session",
            ],
        ),
    ] {
        let mut door = Door::new(settings.clone(), Make { refuses, ..Make::default() });
        door.connect();
        let words = door.words();
        assert_eq!(words.len(), want.len() + 1, "{refuses:?}: {words:?}");
        for (word, want) in words.iter().zip(want) {
            assert!(word.starts_with("fault: the reader refused ADD_ROSPEC: ") && word.contains(want), "{word}");
        }
        assert!(words.last().unwrap().starts_with("ready: "));
        door.reader.tag_enters(&A, 1, door.now);
        door.reader.tag_enters(&B, 2, door.now);
        let eye = gatebook_hardware::event::Contact { line: 1, closed: true };
        door.reader.show(Presentation::Contact(eye), door.now);
        door.run(2 * SECOND);
        assert!(20 < door.tags().len() && door.tags().iter().all(|tag| tag.epc == A), "{refuses:?}");
    }
}

#[test]
fn a_refused_configuration_is_asked_for_with_less_too() {
    let none = Refuses::default();
    for (refuses, want) in [
        (Refuses { inputs: true, ..none }, &["without its inputs; contacts are not reported"][..]),
        (Refuses { events: true, ..none }, &["without its inputs", "it is asked for signs of life only"]),
        (Refuses { state: true, ..none }, &["how its inputs stand is not known before one moves"]),
    ] {
        let mut door = Door::new(Settings::default(), Make { refuses, ..Make::default() });
        door.connect();
        let words = door.words();
        assert_eq!(words.len(), want.len() + 1, "{refuses:?}: {words:?}");
        assert!(words.iter().zip(want).all(|(word, want)| word.contains(want)), "{words:?}");
        door.run(30 * SECOND);
        assert!(!door.client.closed(), "it still shows signs of life");
        reads(&mut door);
    }
}

/// Enabling the extensions of one maker on a reader of another (sllurp 119).
#[test]
fn a_makers_extensions_are_asked_of_its_readers_only_and_a_refusal_is_lived_with() {
    for (vendor, refuses, asked, fine, faults) in [
        (Vendor::Plain, Refuses::default(), false, false, 1),
        (Vendor::Zebra, Refuses::default(), false, false, 1),
        (Vendor::Impinj, Refuses::default(), true, true, 0),
        (Vendor::Impinj, Refuses { extensions: true, ..Refuses::default() }, true, false, 1),
        (Vendor::Impinj, Refuses { customs: true, ..Refuses::default() }, true, false, 1),
    ] {
        let settings = Settings { search: Search::Dual, ..Settings::default() };
        let mut door = Door::new(settings, Make { vendor, refuses, ..Make::default() });
        door.connect();
        assert_eq!(door.said().contains(&"IMPINJ_ENABLE_EXTENSIONS"), asked, "{vendor:?}");
        assert_eq!(door.words().len(), faults + 1, "{vendor:?} {refuses:?}: {:?}", door.words());
        let program = door.program();
        let command = &program["AISpec"]["InventoryParameterSpec"]["AntennaConfiguration"]["C1G2InventoryCommand"];
        let search = &command["ImpinjInventorySearchMode"]["InventorySearchMode"];
        assert_eq!(search.as_u64(), fine.then_some(2), "{vendor:?} {refuses:?}");
        assert_eq!(!program["ROReportSpec"]["ImpinjTagReportContentSelector"].is_null(), fine);
        reads(&mut door);

        // They hold for one connection only, so they are asked for again.
        door.pull();
        let said = door.said.len();
        door.connect();
        let again = door.said()[said..].contains(&"IMPINJ_ENABLE_EXTENSIONS");
        assert_eq!(again, asked);
    }
}

/// Empty reports lost the connection (sllurp 115), and an unasked parameter of the maker lost the data (CrossMgr 29).
#[test]
fn empty_reports_and_a_makers_unasked_parameters_are_passed_over() {
    let mut door = Door::new(Settings::default(), Make { vendor: Vendor::Zebra, ..Make::default() });
    door.connect();
    door.run(30 * SECOND);
    reads(&mut door);
    calm(&door);
    assert!(door.words()[0].starts_with("ready: Zebra 96008, firmware simulated 1"));
}

/// Connects, but no EPC comes and nobody can see why (device-rfid-llrp-go 278).
#[test]
fn whoever_waits_for_reads_is_told_what_the_reader_said_last() {
    let mut door = Door::new(Settings::default(), Make { unplugged: 2, ..Make::default() });
    door.connect();
    calm(&door);
    let settings = Settings { antennas: vec![1, 2], ..Settings::default() };
    let mut door = Door::new(settings, Make { unplugged: 2, ..Make::default() });
    door.connect();
    assert_eq!(door.words()[0], "fault: the reader finds nothing at antenna 2; check its cable");

    // It greets and then says nothing more.
    let mut client = Llrp::new(Settings::default());
    client.opened(Duration::ZERO);
    client.receive(&vector("evt-conn-success"), Duration::ZERO);
    client.tick(10 * SECOND);
    let want = "the reader did not answer GET_READER_CAPABILITIES within 10 s (its last answer: none); the connection is made \
                anew";
    assert_eq!(client.poll(), Some(Event::Lost { reason: want.to_owned() }));
}
