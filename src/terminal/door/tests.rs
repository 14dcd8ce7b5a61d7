//! What a door promises, told with seeded walks and a small house.

use super::*;
use crate::sync::records::{Binding, Content, Hold, Name, Pass, Place, PlaceKind, Record, Tracking, Unit};
use crate::terminal::reference::Reference;
use crate::terminal::remembered::Remembered;
use crate::terminal::rules::{Circumstances, Policy};

const NOON: Moment = Moment(1_795_000_000_000_000);
const MS: Duration = Duration::from_millis(1);

/// A house with a vault V, a hall H, and `units` rings R-0.. with tags `tag/00NN`; those below `passes` have a pass
/// for person 7.
struct House {
    reference: Reference,
    remembered: Remembered,
    policy: Policy,
}

fn name() -> Name {
    Name::default()
}

fn house(units: u16, passes: u16) -> House {
    let place = |code: &str, parent: Option<&str>| {
        Content::Place(Place { code: code.into(), parent: parent.map(Into::into), kind: PlaceKind::Zone, name: name() })
    };
    let mut records = vec![place("V", None), place("V-1", Some("V")), place("H", None)];
    for n in 0..units {
        records.push(Content::Unit(Unit {
            number: format!("R-{n}"),
            item: "RG".into(),
            tracking: Tracking::Serial,
            name: name(),
            home: Some("V-1".into()),
            quantity: None,
        }));
        records.push(Content::Binding(Binding { code: format!("tag/{n:04x}"), unit: format!("R-{n}") }));
    }
    records.push(Content::Pass(Pass {
        number: "DB-1".into(),
        units: (0..passes).map(|n| format!("R-{n}")).collect(),
        person: 7,
        purpose: name(),
        from: NOON.minus(Duration::from_secs(3600)),
        until: NOON.plus(Duration::from_secs(36_000)),
        due: NOON,
        approved_by: 1,
    }));
    let record = |content| Record { version: 1, withdrawn: false, since: NOON, content };
    House {
        reference: Reference::of(records.into_iter().map(record)),
        remembered: Remembered::default(),
        policy: Policy { certificate_for: Vec::new(), pass_data_max_age: Duration::from_secs(3600) },
    }
}

impl House {
    fn world(&self, now: Tick) -> World<'_> {
        let now = Circumstances { at: now.at, data_age: Some(Duration::ZERO), clock_jumped: false };
        World { reference: &self.reference, remembered: &self.remembered, policy: &self.policy, now }
    }
}

fn door(telling: Telling) -> Door {
    Door::new(
        Settings {
            station: "vault-door".into(),
            read_point: "D-1".into(),
            inside: "V".into(),
            outside: "H".into(),
            telling,
            gone_after: 2000 * MS,
            stay_max: 60_000 * MS,
            badge_for: 30_000 * MS,
        },
        Vec::new(),
    )
}

fn rows() -> Telling {
    Telling::Rows { inner: vec![1], outer: vec![2], gap: 150 * MS }
}

fn tick(ms: u64) -> Tick {
    let mono = Duration::from_millis(ms);
    Tick { mono, at: NOON.plus(mono) }
}

fn sighting(n: u16, antenna: u16, rssi_dbm: i16) -> Sighting {
    Sighting {
        identifier: Identifier::Tag { epc: n.to_be_bytes().to_vec() },
        device: "portal".into(),
        antenna,
        rssi_dbm: Some(rssi_dbm),
        reads: 1,
        age: Duration::ZERO,
    }
}

/// Plays `reads` of (ms, ring, antenna, dBm) and ticks every 100 ms until `end_ms`; what was written is remembered.
fn play(door: &mut Door, house: &mut House, reads: &[(u64, u16, u16, i16)], end_ms: u64) -> Vec<Passage> {
    let mut reads: Vec<_> = reads.to_vec();
    reads.sort_by_key(|read| read.0);
    let mut reads = reads.into_iter().peekable();
    let mut passages = Vec::new();
    for ms in 0..=end_ms {
        let mut drafts = Vec::new();
        while let Some((_, n, antenna, rssi)) = reads.next_if(|read| read.0 <= ms) {
            drafts.extend(door.see(sighting(n, antenna, rssi), house.world(tick(ms)), tick(ms)));
        }
        if ms % 100 == 0 {
            drafts.extend(door.tick(house.world(tick(ms)), tick(ms)));
        }
        for draft in drafts {
            door.written(&draft, tick(ms));
            draft.marks.iter().for_each(|mark| house.remembered.take(mark.clone()));
            let Body::Passage(passage) = draft.body else { panic!("a door writes passages") };
            passages.push(passage);
        }
    }
    passages
}

fn told(passage: &Passage) -> String {
    let codes: Vec<&str> = passage.what.iter().map(|piece| piece.code.as_str()).collect();
    let reasons: Vec<&str> = passage.exceptions.iter().map(|reason| reason.word()).collect();
    let person = passage.handling.person.map_or(String::new(), |person| format!(" by {person}"));
    format!("{} {}{person} {}", passage.direction.word(), codes.join("+"), reasons.join("+")).trim().to_owned()
}

/// A tag carried past both rows in about a second, near row `a` first.
fn walk(n: u16, start: u64, a: u16, b: u16) -> Vec<(u64, u16, u16, i16)> {
    let near = |ms: u64, peak: u64| -40 - i16::try_from(ms.abs_diff(peak) / 20).unwrap();
    (0..10u64)
        .flat_map(|k| [(k * 100, a, near(k * 100, 250)), (k * 100 + 50, b, near(k * 100 + 50, 750))])
        .map(|(ms, antenna, dbm)| (start + ms, n, antenna, dbm))
        .collect()
}

#[test]
fn the_rows_of_antennas_tell_the_way() {
    let still: Vec<_> = (0..20).map(|k| (k * 50, 0, 1 + u16::try_from(k % 2).unwrap(), -50)).collect();
    let one_row: Vec<_> = (0..20).map(|k| (k * 50, 0, 1, -50)).collect();
    let once_each = vec![(0, 0, 1, -50), (900, 0, 2, -50)];
    for (name, reads, want) in [
        ("outwards with a pass", walk(0, 0, 1, 2), "out tag/0000"),
        ("outwards without", walk(1, 0, 1, 2), "out tag/0001 no_pass"),
        ("inwards nobody asks", walk(1, 0, 2, 1), "in tag/0001"),
        ("seen by both alike", still, "unknown tag/0000 direction_unknown"),
        ("seen by one row only", one_row, "unknown tag/0000 direction_unknown"),
        ("one read a row is too few", once_each, "unknown tag/0000 direction_unknown"),
        ("nobody knows this tag", walk(9, 0, 1, 2), "out tag/0009 unknown_code"),
    ] {
        let mut house = house(3, 1);
        let passages = play(&mut door(rows()), &mut house, &reads, 5_000);
        assert_eq!(passages.iter().map(told).collect::<Vec<_>>(), [want], "{name}");
    }
}

#[test]
fn pieces_carried_together_are_one_line_and_each_way_has_its_own() {
    let mut house = house(5, 3);
    let reads: Vec<_> = [walk(0, 0, 1, 2), walk(1, 400, 1, 2), walk(4, 600, 2, 1), walk(2, 9_000, 1, 2)].concat();
    let passages = play(&mut door(rows()), &mut house, &reads, 14_000);
    let told: Vec<String> = passages.iter().map(told).collect();
    assert_eq!(told, ["out tag/0000+tag/0001", "in tag/0004", "out tag/0002"]);
    assert_eq!(passages[0].handling.document.as_deref(), Some("DB-1"));
    let evidence = &passages[0].evidence[1];
    assert_eq!((evidence.first, evidence.reads, evidence.rssi_dbm), (NOON.plus(400 * MS), 20, Some(-40)));
}

#[test]
fn the_book_tells_the_way_at_a_door_with_one_antenna() {
    let mut house = house(2, 2);
    let mut door = door(Telling::Book(NeverSeen::Home));
    let reads: Vec<_> = [0, 10_000, 20_000].map(|ms| (ms, 0, 1, -50)).into();
    let passages = play(&mut door, &mut house, &reads, 25_000);
    let told: Vec<String> = passages.iter().map(told).collect();
    assert_eq!(told, ["out tag/0000", "in tag/0000", "out tag/0000 pass_used_up"]);
}

#[test]
fn what_a_door_never_saw_goes_the_way_that_was_configured() {
    for (never_seen, want) in [
        (NeverSeen::Home, "out tag/0000 no_pass"),
        (NeverSeen::In, "in tag/0000"),
        (NeverSeen::Ask, "unknown tag/0000 direction_unknown"),
    ] {
        let mut house = house(1, 0);
        let mut door = door(Telling::Book(never_seen));
        let passages = play(&mut door, &mut house, &[(0, 0, 1, -50)], 5_000);
        assert_eq!(passages.iter().map(told).collect::<Vec<_>>(), [want], "{never_seen:?}");
    }
}

#[test]
fn a_record_that_arrives_while_a_tag_is_in_the_field_does_not_split_its_presence() {
    // In the middle of the walk, and after the last read of it.
    for swap_at in [500, 3_000] {
        let (mut house, mut known) = (self::house(0, 0), self::house(1, 1));
        let mut door = door(rows());
        let mut swap = |house: &mut House, from: u64, to: u64| {
            if (from..to).contains(&swap_at) {
                std::mem::swap(&mut house.reference, &mut known.reference);
            }
        };
        let mut last = 0;
        for (ms, n, antenna, dbm) in walk(0, 0, 1, 2) {
            swap(&mut house, last, ms);
            last = ms;
            assert_eq!(door.see(sighting(n, antenna, dbm), house.world(tick(ms)), tick(ms)), []);
        }
        swap(&mut house, last, 5_000);
        let drafts = door.tick(house.world(tick(5_000)), tick(5_000));
        let passages: Vec<&Passage> = drafts
            .iter()
            .map(|draft| match &draft.body {
                Body::Passage(passage) => passage,
                _ => panic!("a door writes passages"),
            })
            .collect();
        // All twenty reads in one passage, judged by what is known at its end.
        let [passage] = passages.as_slice() else { panic!("{passages:?}") };
        assert_eq!((told(passage).as_str(), passage.evidence[0].reads), ("out tag/0000", 20), "{swap_at}");
        assert!(door.present.is_empty());
    }
}

#[test]
fn the_alarm_stands_before_the_line_and_until_the_thing_is_back() {
    let mut house = house(2, 0);
    let mut door = door(Telling::Book(NeverSeen::Home));
    door.see(sighting(0, 1, -50), house.world(tick(0)), tick(0));
    let stop = |door: &Door, house: &House, ms| match door.view(house.world(tick(ms)), tick(ms)) {
        View::Stop { pieces, .. } => pieces.len(),
        View::Idle | View::Reading { .. } | View::Released { .. } | View::Look { .. } => 0,
    };
    assert_eq!(stop(&door, &house, 1), 1, "at once");
    let passages = play(&mut door, &mut house, &[], 3_000);
    assert_eq!(passages.iter().map(told).collect::<Vec<_>>(), ["out tag/0000 no_pass"]);
    assert_eq!(stop(&door, &house, 60_000), 1, "no time ends an alarm");
    let back = play(&mut door, &mut house, &[(0, 0, 1, -50)], 3_000);
    assert_eq!(back.iter().map(told).collect::<Vec<_>>(), ["in tag/0000"]);
    assert_eq!(stop(&door, &house, 60_000), 0);
}

#[test]
fn a_badge_at_the_door_names_who_passes() {
    for (person, ms, want) in [(7, 0, "out tag/0000 by 7"), (8, 0, "out tag/0000 by 8 pass_for_another")] {
        let mut house = house(1, 1);
        let mut door = door(rows());
        door.badge(person, tick(ms));
        let passages = play(&mut door, &mut house, &walk(0, 0, 1, 2), 5_000);
        assert_eq!(passages.iter().map(told).collect::<Vec<_>>(), [want]);
    }
}

#[test]
fn a_parked_tag_is_reported_once_and_disturbs_nobody() {
    let mut house = house(3, 3);
    let mut door = door(rows());
    // R-2 lies beside the door for ten minutes and fades in and out of the field; R-0 is carried past it.
    let mut reads: Vec<_> = (0..600).filter(|s| s % 7 != 3).map(|s| (s * 1000, 2, 1, -68)).collect();
    reads.extend((0..600).filter(|s| s % 7 != 4).map(|s| (s * 1000 + 30, 2, 2, -68)));
    reads.extend(walk(0, 300_000, 1, 2));
    let passages = play(&mut door, &mut house, &reads, 640_000);
    let told: Vec<String> = passages.iter().map(told).collect();
    assert_eq!(told, ["unknown tag/0002 direction_unknown", "out tag/0000"]);
    // It is carried out at last: long after, and it counts again.
    let passages = play(&mut door, &mut house, &walk(2, 0, 1, 2), 5_000);
    assert_eq!(passages.len(), 1);
}

#[test]
fn a_stray_that_is_carried_out_is_seen() {
    let mut house = house(1, 0);
    let mut door = door(rows());
    let mut reads: Vec<_> = (0..900).map(|k| (k * 100, 0, 1, -60)).collect();
    reads.extend((0..900).map(|k| (k * 100 + 50, 0, 2, -60)));
    reads.extend(walk(0, 90_000, 1, 2));
    let passages = play(&mut door, &mut house, &reads, 100_000);
    let told: Vec<String> = passages.iter().map(told).collect();
    assert_eq!(told, ["unknown tag/0000 direction_unknown", "out tag/0000 no_pass"]);
}

#[test]
fn a_crowd_is_cut_into_lines_that_a_book_takes() {
    let mut house = house(0, 0);
    let mut door = door(Telling::Book(NeverSeen::Home));
    let reads: Vec<_> = (0..2_500).map(|n| (u64::from(n / 10), n, 1, -50)).collect();
    let passages = play(&mut door, &mut house, &reads, 30_000);
    assert!(passages.iter().all(|passage| passage.what.len() <= PIECES_MAX));
    assert!(passages.iter().all(|passage| passage.what.len() == passage.evidence.len()));
    assert_eq!(passages.iter().map(|passage| passage.what.len()).sum::<usize>(), 2_500);
    assert!(door.present.len() <= PRESENT_MAX);
}

#[test]
fn random_reads_make_one_passage_per_presence() {
    for seed in 1..=40u64 {
        let mut state = seed;
        let mut random = |below: u64| {
            // xorshift64
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let mut house = house(12, 12);
        let mut reads = Vec::new();
        let mut presences = vec![0_u32; 12];
        for n in 0..12 {
            let mut ms = random(20_000);
            for _ in 0..=random(3) {
                presences[usize::from(n)] += 1;
                // A presence: reads with pauses well under the 2 s, then a silence well over it.
                for _ in 0..=random(30) {
                    reads.push((
                        ms,
                        n,
                        1 + u16::try_from(random(2)).unwrap(),
                        -40 - i16::try_from(random(30)).unwrap(),
                    ));
                    ms += random(1_500);
                }
                // Longer than any overlap of others can keep the group open.
                ms += 4_000 + random(5_000);
            }
        }
        let mut door = door(rows());
        // Groups close when the whole crowd is gone: keep the crowd of this test from chaining for ever.
        door.settings.stay_max = 400_000 * MS;
        let total = reads.len();
        let passages = play(&mut door, &mut house, &reads, 300_000);
        let mut counted = vec![0_u32; 12];
        let mut seen = 0;
        for (piece, evidence) in passages.iter().flat_map(|passage| passage.what.iter().zip(&passage.evidence)) {
            counted[usize::from_str_radix(&piece.code[4..], 16).unwrap()] += 1;
            seen += evidence.reads as usize;
        }
        assert_eq!(seen, total, "seed {seed}: every read is in the evidence of exactly one passage");
        for n in 0..12 {
            // Two presences of one thing inside one crowd are one passage; never more passages than presences.
            assert!(0 < counted[n] && counted[n] <= presences[n], "seed {seed}: R-{n} {counted:?} {presences:?}");
        }
        assert!(door.present.is_empty(), "seed {seed}");
    }
}

#[test]
fn a_thing_on_hold_never_leaves_quietly() {
    let mut house = house(1, 1);
    let hold = Content::Hold(Hold { number: "H-1".into(), unit: "R-0".into(), reason: name() });
    house.reference.take(Record { version: 1, withdrawn: false, since: NOON, content: hold });
    let passages = play(&mut door(rows()), &mut house, &walk(0, 0, 1, 2), 5_000);
    assert_eq!(passages.iter().map(told).collect::<Vec<_>>(), ["out tag/0000 on_hold"]);
}
