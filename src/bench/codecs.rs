//! What one core decodes in a second, through the same code that the daemon runs.

use std::hint::black_box;
use std::time::{Duration, Instant};

use hardware::device::{Cut, FAMILIES, Family, Session};
use hardware::event::{Card, CardKind, Climate, Contact, Steady, Weight, WeightUnit};
use hardware::llrp::{frame, report};
use hardware::scanner::framing::Framing;
use hardware::scanner::session::Scanner;
use hardware::simulator::script::{Presentation, Script};

use super::Figure;
use crate::hex;

/// How long each figure is taken.
const LASTS: Duration = Duration::from_millis(400);

const MINUTE: Duration = Duration::from_secs(60);

/// An RO_ACCESS_REPORT of 50 tags: EPC-96, antenna, signal, channel, two stamps, count, PC and CRC each.
const REPORT_OF_50: &str = include_str!("../../hardware/tests/data/llrp-ro50.hex");

/// Calls `decode` (which says how many it decoded) for a while; per second.
pub(super) fn rate(mut decode: impl FnMut() -> usize) -> f64 {
    let began = Instant::now();
    let mut decoded = 0;
    while began.elapsed() < LASTS {
        decoded += black_box(decode());
    }
    decoded as f64 / began.elapsed().as_secs_f64()
}

pub fn measure() -> Vec<Figure> {
    let codes: Vec<u8> =
        (0..100).flat_map(|number| format!("]d2010952123454321321{number:08}\r").into_bytes()).collect();
    let mut scanner = Scanner::new(Framing::default()).expect("the default framing is sound");
    scanner.opened(Duration::ZERO);
    let scans = rate(|| {
        scanner.receive(&codes, Duration::ZERO);
        std::iter::from_fn(|| scanner.poll()).count()
    });
    let compact: String = REPORT_OF_50.split_whitespace().collect();
    let message = hex::decode(&compact).unwrap_or_default();
    let reports = rate(|| match frame::cut(&message) {
        Ok(Some(frame)) => {
            let reports = report::TagReports::new(frame.body, 0);
            let newest = reports.newest();
            // To what the daemon takes from the session: an EPC of its own, an age.
            reports.flatten().inspect(|report| drop(black_box(report.tag(newest, Duration::ZERO)))).count()
        }
        _ => 0,
    });
    let mut figures = vec![
        Figure::new("scanner codes decoded", scans, "codes/s"),
        Figure::new("LLRP tag reports decoded", reports, "reports/s"),
    ];
    figures.extend(FAMILIES.iter().filter_map(|family| cutting(family)));
    figures
}

/// Bytes per second that the codec of a family cuts into messages, their checksums held: what its simulated device sends in
/// a busy minute, again and again. `None` for a device that sends nothing.
fn cutting(family: &'static Family) -> Option<Figure> {
    let settings = hardware::settings::Settings::of(family.settings);
    let mut session = (family.session)(&settings).ok()?;
    let mut device = (family.simulator)(&settings, busy_minute(), 7);
    let (mut sent, mut now) = (Vec::new(), Duration::ZERO);
    device.opened(now);
    session.opened(now);
    while now < MINUTE {
        while let Some(bytes) = session.transmit() {
            device.receive(&bytes, now);
        }
        while let Some(bytes) = device.transmit() {
            session.receive(&bytes, now);
            sent.extend_from_slice(&bytes);
        }
        while session.poll().is_some() {}
        now += Duration::from_millis(5);
        device.tick(now);
        session.tick(now);
    }
    if sent.is_empty() {
        return None;
    }
    let bytes = sent.repeat((64 * 1024_usize).div_ceil(sent.len()));
    let rate = rate(|| {
        let mut left = bytes.as_slice();
        while let Cut::Message(len) | Cut::Noise(len) | Cut::Blank(len) = (family.codec.cut)(left, None) {
            black_box(left.get(..len));
            left = left.get(len..).unwrap_or_default();
        }
        bytes.len() - left.len()
    });
    Some(Figure::new(format!("{} cut into messages", family.name), rate / 1e6, "MB/s"))
}

/// Of everything something, all the time.
fn busy_minute() -> Script {
    let mut script = Script::new();
    for second in 0..60_u8 {
        let at = Duration::from_secs(second.into());
        let epc = vec![0x30, 0x34, 0x25, 0x7b, 0xf7, 0x19, 0x4e, 0x40, 0, 0, 0x1a, second];
        let weight = Weight {
            digits: i64::from(second) * 17,
            places: 2,
            unit: WeightUnit::Gram,
            steady: Steady::Yes,
            net: false,
            text: Vec::new(),
        };
        let warmth = 20_000 + 100 * i32::from(second);
        let climate = Climate { temperature_millicelsius: Some(warmth), humidity_millipercent: Some(45_000) };
        let card = Card { kind: CardKind::Iso14443a, number: vec![4, 0xa2, 0x2b, second] };
        for what in [
            Presentation::Symbol { aim: None, bytes: format!("010952123454321321{second:08}").into_bytes() },
            Presentation::Tag { epc, antenna: 1, peak_dbm: -45, stays: Duration::from_secs(3) },
            Presentation::Card { card, stays: Duration::from_millis(400) },
            Presentation::Weight(weight),
            Presentation::Climate(climate),
            Presentation::Contact(Contact { line: 1, closed: second % 2 == 0 }),
        ] {
            script = script.then(at, what);
        }
    }
    script
}
