//! Frames decoded per second, on one core, through the same sessions that the daemon runs.

use std::hint::black_box;
use std::time::{Duration, Instant};

use hardware::device::Session;
use hardware::llrp::{frame, report};
use hardware::r200::frame::{Dialect, Kind, encode, tag_crc};
use hardware::r200::session::{R200, Settings};
use hardware::scanner::framing::Framing;
use hardware::scanner::session::Scanner;

use super::Figure;

/// How long each figure is taken.
const LASTS: Duration = Duration::from_millis(700);

/// An RO_ACCESS_REPORT of 50 tags as readers send them: EPC-96, antenna, peak RSSI, first seen, last seen, count.
fn report_of_50() -> Vec<u8> {
    let mut body = Vec::new();
    for number in 0..50_u16 {
        let mut tag = vec![0x8d, 0x30, 0x34, 0x25, 0x7b, 0xf7, 0x19, 0x4e, 0x40, 0, 0];
        tag.extend_from_slice(&number.to_be_bytes());
        tag.extend_from_slice(&[0x81, 0, 1, 0x86, 0xd0]);
        for stamp in [0x82, 0x84] {
            tag.push(stamp);
            tag.extend_from_slice(&(1_795_000_000_000_000_u64 + u64::from(number)).to_be_bytes());
        }
        tag.extend_from_slice(&[0x88, 0, 1]);
        body.extend_from_slice(&240_u16.to_be_bytes());
        body.extend_from_slice(&u16::try_from(tag.len() + 4).unwrap_or(u16::MAX).to_be_bytes());
        body.extend_from_slice(&tag);
    }
    let mut message = vec![0x04, 61];
    message.extend_from_slice(&u32::try_from(body.len() + 10).unwrap_or(u32::MAX).to_be_bytes());
    message.extend_from_slice(&7_u32.to_be_bytes());
    message.extend_from_slice(&body);
    message
}

/// Notifications of 100 tags in a row.
fn notifications() -> Vec<u8> {
    (0..100_u8)
        .flat_map(|number| {
            let epc = [0x30, 0x34, 0x25, 0x7b, 0xf7, 0x19, 0x4e, 0x40, 0, 0, 0x1a, number];
            let mut parameters = vec![0xc9, 0x30, 0];
            parameters.extend_from_slice(&epc);
            parameters.extend_from_slice(&tag_crc(0x3000, &epc).to_be_bytes());
            encode(Dialect::R200, Kind::Notification, 0x22, &parameters)
        })
        .collect()
}

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
    let tags = notifications();
    let mut module = R200::new(Settings { dialect: Some(Dialect::R200), ..Settings::default() });
    module.opened(Duration::ZERO);
    let notified = rate(|| {
        module.receive(&tags, Duration::ZERO);
        std::iter::from_fn(|| module.poll()).count()
    });
    let message = report_of_50();
    let reports = rate(|| match frame::cut(&message) {
        Ok(Some(frame)) => {
            let reports = report::TagReports::new(frame.body, 0);
            let newest = reports.newest();
            // To what the daemon takes from the session: an EPC of its own, an age.
            reports.flatten().inspect(|report| drop(black_box(report.tag(newest, Duration::ZERO)))).count()
        }
        _ => 0,
    });
    vec![
        Figure::new("scanner codes decoded", scans, "codes/s"),
        Figure::new("R200 tag notifications decoded", notified, "frames/s"),
        Figure::new("LLRP tag reports decoded", reports, "reports/s"),
    ]
}
