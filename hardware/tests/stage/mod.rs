//! The stage of the simulators: the same seed plays the same play.

use std::time::Duration;

use gatebook_hardware::simulator::script::{Act, Mix, Presentation, Random, Script, SentWhat, Stage};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn mix() -> Mix {
    Mix {
        lasts: ms(5000),
        symbols: (0..20).map(|n| vec![b'A' + n]).collect(),
        tags: (0..20).map(|n| vec![n; 12]).collect(),
        antennas: 4,
        faults: 10,
    }
}

#[test]
fn a_seed_gives_the_same_script_and_another_seed_another() {
    assert_eq!(Script::random(1, &mix()), Script::random(1, &mix()));
    assert_ne!(Script::random(1, &mix()), Script::random(2, &mix()));
    let script = Script::random(3, &mix());
    assert_eq!(script.steps().len(), 50);
    assert!(script.steps().is_sorted_by_key(|step| step.at));
}

/// The first numbers from seed 1234567 in the reference implementation (Vigna, splitmix64.c).
#[test]
fn the_random_numbers_are_those_of_splitmix64() {
    let mut random = Random::new(1_234_567);
    assert_eq!(random.bits(), 6_457_827_717_110_365_317);
    assert_eq!(random.bits(), 3_203_168_211_198_807_973);
    assert_eq!(Random::new(1).below(0), 0);
}

#[test]
fn a_passing_tag_rises_and_falls() {
    let mut stage = Stage::new(Script::new().tag(ms(1000), ms(2000), &[1; 12], 2), 0);
    stage.opened(ms(500));
    assert_eq!(stage.tags(ms(1499)), [], "times count from the opening");
    let rssi: Vec<i16> = (1500..2500).step_by(50).map(|at| stage.tags(ms(at))[0].rssi_dbm).collect();
    assert!(rssi[..11].is_sorted() && rssi[10..].is_sorted_by(|a, b| b <= a), "{rssi:?}");
    assert_eq!((rssi[0], rssi[10]), (-74, -45));
    assert_eq!(stage.tags(ms(2500)), []);
    assert!(stage.finished(ms(2500)));
}

#[test]
fn a_tag_that_stays_is_heard_until_it_leaves() {
    let mut stage = Stage::new(Script::new(), 0);
    stage.opened(ms(0));
    let epc = vec![7; 12];
    stage.show(Presentation::TagEnters { epc: epc.clone(), antenna: 1, peak_dbm: -40 }, ms(10));
    assert_eq!(stage.tags(ms(60_000))[0].rssi_dbm, -40);
    stage.show(Presentation::TagLeaves { epc }, ms(60_001));
    assert_eq!(stage.tags(ms(60_001)), []);
}

#[test]
fn silence_holds_all_but_a_cut() {
    let script = Script::new()
        .then(ms(0), Presentation::Silence { lasts: ms(100) })
        .symbol(ms(10), b"A")
        .then(ms(20), Presentation::Disconnect)
        .then(ms(30), Presentation::Garbage { bytes: 5 });
    let mut stage = Stage::new(script, 0);
    stage.opened(ms(0));
    assert_eq!(stage.next(ms(10)), None);
    assert_eq!(stage.wake(), Some(ms(20)));
    assert_eq!(stage.next(ms(20)), Some(Act::Disconnect));
    assert_eq!(stage.next(ms(200)), None, "nothing while the link is cut");
    stage.opened(ms(210));
    assert_eq!(stage.next(ms(210)), Some(Act::Symbol { aim: None, bytes: b"A".to_vec() }));
    assert_eq!(stage.next(ms(210)), None, "garbage on a cut cable falls on nobody");
}

#[test]
fn the_log_is_bounded() {
    let mut stage = Stage::new(Script::new(), 0);
    for n in 0..600_000 {
        stage.sent(ms(n), SentWhat::Disconnect);
    }
    assert_eq!(stage.log().len() as u64 + stage.forgotten(), 600_000);
    assert!(stage.log().len() <= 500_000);
    assert_eq!(stage.log().last().map(|entry| entry.at), Some(ms(599_999)));
}
