//! Contacts on GPIO lines: what bounces is one change, and no change is lost because it was read late.

use gatebook_hardware::device::{Cut, Family, Session, by_name};
use gatebook_hardware::event::{Contact, Event as Told, Read};
use gatebook_hardware::gpio::{EVENT, Edge, Event};
use gatebook_hardware::settings::Value;
use gatebook_hardware::simulator::Simulator;
use gatebook_hardware::simulator::script::{Presentation, Random, Script, SentWhat};

use crate::pair::{Pair, ms, reads, settings, word};
use crate::vectors::unhex;

fn family() -> &'static Family {
    by_name("gpio").unwrap()
}

fn session(set: &[(&str, Value)]) -> Box<dyn Session> {
    (family().session)(&settings(family(), set)).unwrap()
}

fn pair(set: &[(&str, Value)]) -> Pair<dyn Simulator> {
    Pair::new(session(set), (family().simulator)(&settings(family(), set), Script::new(), 6))
}

fn contact(line: u16, closed: bool) -> Read {
    Read::Contact(Contact { line, closed })
}

fn event(at_ms: u64, edge: Edge, offset: u16, seqno: u32) -> Vec<u8> {
    Event { timestamp_ns: at_ms * 1_000_000, edge, offset, seqno, line_seqno: seqno }.encode()
}

fn told(session: &mut dyn Session) -> Vec<Told> {
    std::iter::from_fn(|| session.poll()).collect()
}

/// An event as a little-endian machine writes it: 17 fell at 1 234 567 890 123 456 789 ns, the third event, the second of its
/// line.
#[cfg(target_endian = "little")]
const WRITTEN: &str = "15 81 e9 7d f4 10 22 11 02 00 00 00 11 00 00 00 03 00 00 00 02 00 00 00 \
                       000000000000000000000000000000000000000000000000";

#[test]
#[cfg(target_endian = "little")]
fn an_event_is_what_the_kernel_writes() {
    let want =
        Event { timestamp_ns: 1_234_567_890_123_456_789, edge: Edge::Falling, offset: 17, seqno: 3, line_seqno: 2 };
    let bytes = unhex(WRITTEN);
    assert_eq!(bytes.len(), EVENT);
    assert_eq!(Event::parse(&bytes), Some(want));
    assert_eq!(want.encode(), bytes);
    let fields = (family().codec.decode)(&bytes, None).unwrap();
    assert_eq!((&fields["edge"], &fields["offset"], &fields["seqno"]), (&"falling".into(), &17.into(), &3.into()));
}

#[test]
fn what_no_kernel_writes_is_no_event() {
    let sound = event(5, Edge::Rising, 4, 1);
    let bent = |at: usize, byte: u8| {
        let mut bytes = sound.clone();
        bytes[at] = byte;
        bytes
    };
    assert!(Event::parse(&sound).is_some());
    for bytes in [bent(8, 3), bent(8, 0), bent(47, 1), bent(24, 1), bent(14, 1), sound[..47].to_vec()] {
        assert_eq!(Event::parse(&bytes), None, "{bytes:02x?}");
        assert!((family().codec.decode)(&bytes, None).unwrap_err().contains("no line event"));
    }
    assert_eq!((family().codec.cut)(&sound[..47], None), Cut::Incomplete);
    assert_eq!((family().codec.cut)(&bent(8, 3), None), Cut::Noise(1));
}

#[test]
fn the_first_report_says_how_the_contacts_stand() {
    let set = [("lines", Value::Wholes(vec![17, 4])), ("closed_is", word("high"))];
    let mut session = session(&set);
    session.opened(ms(0));
    session.receive(&[event(0, Edge::Rising, 17, 0), event(0, Edge::Falling, 4, 0)].concat(), ms(1));
    let ready = Told::Ready { model: String::new() };
    assert_eq!(told(session.as_mut()), [ready, Told::Read(contact(1, true)), Told::Read(contact(2, false))]);
    session.receive(&event(9, Edge::Rising, 5, 1), ms(9));
    session.receive(&event(10, Edge::Falling, 5, 2), ms(10));
    assert!(matches!(&told(session.as_mut())[..], [Told::Fault { text }] if text.contains("offset 5")));
}

/// Recorded of a door: it bounces for 9 ms, stands, and opens.
const DOOR: &[(u64, Edge)] = &[
    (1000, Edge::Falling),
    (1001, Edge::Rising),
    (1003, Edge::Falling),
    (1004, Edge::Rising),
    (1009, Edge::Falling),
    (4200, Edge::Rising),
    (4202, Edge::Falling),
    (4203, Edge::Rising),
];

/// The same reads whether the events come as they happen, byte by byte, or all at once long after.
#[test]
fn a_contact_that_bounces_changes_once() {
    let events: Vec<(u64, Vec<u8>)> =
        (1..).zip(DOOR).map(|(seqno, (at, edge))| (*at, event(*at, *edge, 0, seqno))).collect();
    let want = [contact(1, true), contact(1, false)];
    let mut live = session(&[]);
    live.opened(ms(0));
    let mut found = Vec::new();
    for now in 0..5000 {
        let due: Vec<u8> = events.iter().filter(|(at, _)| *at == now).flat_map(|(_, bytes)| bytes.clone()).collect();
        live.receive(&due, ms(now));
        live.tick(ms(now));
        if let Some(wake) = live.wake() {
            assert!(ms(now) < wake && wake <= ms(now + 50), "{now}: {wake:?}");
        }
        let here = reads(&told(live.as_mut()));
        assert!(here.is_empty() || now == 1029 || now == 4223, "{now}");
        found.extend(here);
    }
    assert_eq!(found, want);
    let stream: Vec<u8> = events.into_iter().flat_map(|(_, bytes)| bytes).collect();
    for split in 0..=stream.len() {
        let mut late = session(&[]);
        late.opened(ms(0));
        let (a, b) = stream.split_at(split);
        late.receive(a, ms(9000));
        late.receive(b, ms(9001));
        late.tick(ms(9100));
        assert_eq!(reads(&told(late.as_mut())), want, "{split}: read late");
    }
}

/// A pulse shorter than the debounce is no change; without debounce every edge is one.
#[test]
fn the_debounce_is_a_setting() {
    let pulse = [event(100, Edge::Falling, 0, 1), event(110, Edge::Rising, 0, 2)].concat();
    let first = event(0, Edge::Rising, 0, 0);
    for (debounce, want) in [
        (20, vec![contact(1, false)]),
        (0, vec![contact(1, false), contact(1, true), contact(1, false)]),
        (10, vec![contact(1, false), contact(1, true), contact(1, false)]),
    ] {
        let mut session = session(&[("debounce_ms", Value::Whole(debounce))]);
        session.opened(ms(0));
        session.receive(&first, ms(0));
        session.receive(&pulse, ms(120));
        session.tick(ms(500));
        assert_eq!(reads(&told(session.as_mut())), want, "{debounce}");
    }
}

#[test]
fn lost_edges_and_half_events_are_told() {
    let mut session = session(&[]);
    session.opened(ms(0));
    session.receive(&event(1, Edge::Falling, 0, 1), ms(1));
    session.receive(&event(900, Edge::Rising, 0, 8), ms(900));
    let events = told(session.as_mut());
    assert!(
        events.iter().any(|event| matches!(event, Told::Fault { text } if text.starts_with("6 changes"))),
        "{events:?}"
    );
    // Half an event, then a whole one: resynchronised byte by byte.
    session.receive(&[&event(950, Edge::Rising, 0, 9)[..20], &event(2000, Edge::Falling, 0, 9)].concat(), ms(2000));
    session.tick(ms(2100));
    let events = told(session.as_mut());
    assert!(events.contains(&Told::Noise { bytes: 20 }), "{events:?}");
    assert_eq!(reads(&events).last(), Some(&contact(1, true)));
    session.receive(&[0; 5], ms(3000));
    session.tick(ms(3050));
    assert_eq!(told(session.as_mut()), [Told::Noise { bytes: 5 }]);
}

#[test]
fn what_the_contacts_do_is_told() {
    let set = [("lines", Value::Wholes(vec![5, 6, 13])), ("closed_is", word("high"))];
    let mut pair = pair(&set);
    pair.run(ms(100));
    assert_eq!(reads(&pair.events), [1, 2, 3].map(|line| contact(line, false)));
    pair.events.clear();
    let mut random = Random::new(17);
    let mut want = Vec::new();
    let mut stands = [false; 3];
    for _ in 0..200 {
        let line = random.below(3) as usize;
        stands[line] = !stands[line];
        let contact = Contact { line: line as u16 + 1, closed: stands[line] };
        want.push(Read::Contact(contact));
        pair.show(Presentation::Contact(contact));
        pair.run(ms(40 + random.below(300)));
    }
    assert_eq!(reads(&pair.events), want);
    assert_eq!(pair.faults(), [""; 0]);
    // A line that was requested anew tells again how all stand.
    pair.events.clear();
    pair.show(Presentation::Disconnect);
    pair.run(ms(200));
    let again: Vec<Read> = (1..).zip(stands).map(|(line, closed)| contact(line, closed)).collect();
    assert_eq!(reads(&pair.events), again);
    let sent: Vec<_> = pair.device.log().iter().map(|sent| sent.what.clone()).collect();
    assert!(want.iter().all(|read| sent.contains(&SentWhat::Report(read.clone()))));
}

#[test]
fn settings_that_cannot_work_are_told() {
    for (lines, want) in [((0..65).collect::<Vec<i64>>(), "holds 64"), (vec![4, 5, 4], "offset 4 twice")] {
        let set = settings(family(), &[("lines", Value::Wholes(lines))]);
        let error = (family().session)(&set).unwrap_err();
        assert!(error.contains(want), "{error}");
    }
}
