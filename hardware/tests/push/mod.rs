//! Readers that push JSON. The objects are shaped as the vendors' interfaces describe them and public consumers read them.

use std::time::Duration;

use gatebook_hardware::device::{Session, by_name};
use gatebook_hardware::event::{Event, Read, Tag};

use gatebook_hardware::settings::{Settings, Value};
use gatebook_hardware::simulator::script::{Mix, Presentation, Script, SentWhat};

const IMPINJ: &str = r#"{"timestamp":"2026-03-15T10:00:00.000Z","hostname":"impinj-01-23-45","eventType":"tagInventory","tagInventoryEvent":{"epc":"MHQle/cZTkAAABqF","epcHex":"3074257BF7194E4000001A85","tidHex":"E28011052000","antennaPort":1,"antennaName":"Antenna 1","peakRssiCdbm":-5750,"frequency":927250,"transmitPowerCdbm":3000,"lastSeenTime":"2026-03-15T10:00:00.000Z","phaseAngle":69.0}}"#;
const IMPINJ_BASE64: &str =
    r#"{"timestamp":"2026-03-15T10:00:00Z","eventType":"tagInventory","tagInventoryEvent":{"epc":"MHQle/cZTkAAABqF"}}"#;
const ZEBRA: &str = r#"{"type":"SIMPLE","timestamp":"2026-03-15T10:00:00.000+0000","data":{"MAC":"C4:7D:CC:FF:FF:FF","antenna":2,"eventNum":1,"format":"epc","idHex":"3074257bf7194e4000001a85","peakRssi":-51,"reads":3}}"#;
const ZEBRA_BARE: &str = r#"{"type":"CUSTOM","timestamp":"2026-03-15T10:00:00.000+0000","data":{"eventNum":2,"idHex":"3074257bf7194e4000001a85"}}"#;
const SPEEDWAY: &str = r#"{"antennaPort":7,"epc":"3074257BF7194E4000001A85","firstSeenTimestamp":"2026-03-15T10:00:00.0Z","peakRssi":-51,"isHeartBeat":false}"#;
const HEARTBEAT: &str = r#"{"antennaPort":0,"epc":"","isHeartBeat":true}"#;

fn session() -> Box<dyn Session> {
    set(&[])
}

fn set(given: &[(&str, Value)]) -> Box<dyn Session> {
    let family = by_name("push").unwrap();
    let mut settings = Settings::of(family.settings);
    for (name, value) in given {
        settings.set(name, value.clone()).unwrap();
    }
    let mut session = (family.session)(&settings).unwrap();
    session.opened(Duration::ZERO);
    session
}

fn events(session: &mut dyn Session) -> Vec<Event> {
    std::iter::from_fn(|| session.poll()).filter(|event| !matches!(event, Event::Ready { .. })).collect()
}

fn tags(events: &[Event]) -> Vec<(u16, Option<i16>, u16)> {
    let tag = |event: &Event| match event {
        Event::Read(Read::Tag(Tag { epc, antenna, rssi_dbm, count, .. })) => {
            assert_eq!(epc, &[0x30, 0x74, 0x25, 0x7B, 0xF7, 0x19, 0x4E, 0x40, 0x00, 0x00, 0x1A, 0x85]);
            Some((*antenna, *rssi_dbm, *count))
        }
        _ => None,
    };
    events.iter().filter_map(tag).collect()
}

#[test]
fn every_shape_is_read_whole_glued_and_split_anywhere() {
    let whole = [IMPINJ, IMPINJ_BASE64, ZEBRA, ZEBRA_BARE, SPEEDWAY, HEARTBEAT];
    let want = [(1, Some(-58), 1), (0, None, 1), (2, Some(-51), 3), (0, None, 1), (7, Some(-51), 1)];
    for glue in ["", "\r\n", " , "] {
        let stream = whole.join(glue);
        let mut session = session();
        session.receive(stream.as_bytes(), Duration::ZERO);
        let found = events(session.as_mut());
        assert_eq!(tags(&found), want, "{glue:?}: {found:?}");
        assert_eq!(found.len(), want.len(), "{found:?}");
        for at in 0..stream.len() {
            let mut split = set(&[]);
            let (one, two) = stream.as_bytes().split_at(at);
            split.receive(one, Duration::ZERO);
            split.receive(two, Duration::from_millis(20));
            assert_eq!(events(split.as_mut()), found, "split at {at}");
        }
    }
}

#[test]
fn a_webhook_posts_an_array_and_its_ages_are_told() {
    let second = IMPINJ
        .replace("\"lastSeenTime\":\"2026-03-15T10:00:00.000Z\"", "\"lastSeenTime\":\"2026-03-15T10:00:01.500Z\"");
    let mut session = session();
    session.receive(format!("[{IMPINJ},{second}]").as_bytes(), Duration::ZERO);
    let ages: Vec<_> = events(session.as_mut())
        .into_iter()
        .map(|event| if let Event::Read(Read::Tag(tag)) = event { tag.age } else { panic!("{event:?}") })
        .collect();
    assert_eq!(ages, [Duration::from_millis(1500), Duration::ZERO]);
}

#[test]
fn what_was_lost_on_the_way_is_told() {
    let mut session = session();
    for number in [1, 2, 6, 7, 3, 4] {
        session.receive(ZEBRA.replace("\"eventNum\":1", &format!("\"eventNum\":{number}")).as_bytes(), Duration::ZERO);
    }
    let faults: Vec<_> =
        events(session.as_mut()).into_iter().filter(|event| matches!(event, Event::Fault { .. })).collect();
    assert!(matches!(faults.as_slice(), [Event::Fault { text }] if text.starts_with("3 reads")), "{faults:?}");
}

#[test]
fn what_is_no_read_is_told_and_stops_nothing() {
    let deep = "[".repeat(100_000);
    for (wrong, fault, noise) in [
        (r#"{"eventType":"tagInventory","tagInventoryEvent":{"antennaPort":1}}"#, true, false),
        (r#"{"epc":"31 2","antennaPort":1}"#, true, false),
        (r#"{"hello":"world"}"#, true, false),
        (r#"[1,2]"#, false, true),
        (&IMPINJ[..200], false, true),
        (&IMPINJ[..IMPINJ.len() - 2], false, true),
        (r#"{"eventType":"antennaConnected"}"#, false, false),
        ("HTTP/1.1 200 OK\r\n", false, true),
        (r#"{"a":[[{"b":1]]}"#, false, true),
        (r#"{"a":tru}"#, false, true),
        (deep.as_str(), false, false),
    ] {
        let mut session = session();
        session.receive(wrong.as_bytes(), Duration::ZERO);
        session.receive(b"\n", Duration::ZERO);
        session.receive(IMPINJ.as_bytes(), Duration::ZERO);
        let found = events(session.as_mut());
        let shown = &wrong[..wrong.len().min(60)];
        assert_eq!(tags(&found).len(), 1, "{shown}: {found:?}");
        assert_eq!(found.iter().any(|event| matches!(event, Event::Fault { .. })), fault, "{shown}: {found:?}");
        assert_eq!(found.iter().any(|event| matches!(event, Event::Noise { .. })), noise, "{shown}: {found:?}");
    }
}

#[test]
fn a_value_without_end_holds_no_memory() {
    let mut session = session();
    session.receive(b"{\"a\":\"", Duration::ZERO);
    let mut noise = 0;
    for _ in 0..64 {
        session.receive(&[b'x'; 64 * 1024], Duration::ZERO);
        for event in events(session.as_mut()) {
            let Event::Noise { bytes } = event else { panic!("{event:?}") };
            noise += bytes;
        }
    }
    assert!(3 * 1024 * 1024 < noise, "{noise}");
    session.receive(IMPINJ.as_bytes(), Duration::ZERO);
    assert_eq!(tags(&events(session.as_mut())).len(), 1);
}

#[test]
fn a_reader_that_must_show_life_and_does_not_is_lost() {
    let mut session = set(&[("silent_s", Value::Whole(30))]);
    session.receive(HEARTBEAT.as_bytes(), Duration::from_secs(20));
    session.tick(Duration::from_secs(49));
    assert!(events(session.as_mut()).is_empty() && !session.closed());
    assert_eq!(session.wake(), Some(Duration::from_secs(50)));
    session.tick(Duration::from_secs(50));
    assert!(matches!(events(session.as_mut()).as_slice(), [Event::Lost { .. }]));
    assert!(session.closed());
}

#[test]
fn what_a_simulated_reader_sent_is_what_is_read_through_every_fault() {
    for (seed, shape) in ["impinj", "zebra", "speedway"].iter().cycle().take(12).enumerate() {
        let family = by_name("push").unwrap();
        let mut settings = Settings::of(family.settings);
        settings.set("shape", Value::Text((*shape).into())).unwrap();
        let mix = Mix {
            lasts: Duration::from_secs(5),
            symbols: Vec::new(),
            tags: (0..20).map(|number| vec![number; 12]).collect(),
            antennas: 4,
            faults: 0,
        };
        let mut script = Script::random(seed as u64, &mix);
        for at in 1..5 {
            script = script.then(Duration::from_millis(at * 990), Presentation::Garbage { bytes: 40 });
        }
        let mut device = (family.simulator)(&settings, script, seed as u64);
        let mut session = set(&[]);
        let (mut now, mut read) = (Duration::ZERO, Vec::new());
        device.opened(now);
        while now < Duration::from_secs(9) {
            now += Duration::from_millis(10);
            device.tick(now);
            while let Some(bytes) = device.transmit() {
                bytes.chunks(7).for_each(|part| session.receive(part, now));
            }
            for event in events(session.as_mut()) {
                if let Event::Read(Read::Tag(tag)) = event {
                    read.push((tag.epc, tag.antenna, tag.rssi_dbm.unwrap()));
                }
            }
        }
        let sent: Vec<_> = device
            .log()
            .iter()
            .filter_map(|sent| match &sent.what {
                SentWhat::Tag { epc, antenna, rssi_dbm } => Some((epc.clone(), *antenna, *rssi_dbm)),
                _ => None,
            })
            .collect();
        assert!(200 < sent.len() && read == sent, "{shape}, seed {seed}: {} of {}", read.len(), sent.len());
    }
}
