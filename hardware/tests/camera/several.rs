//! More than one code in a picture, regions of a picture, deadlines.

use std::cell::Cell;

use gatebook_hardware::camera::{self, CameraError, Code, Format, Region, Search};
use image::{GrayImage, Luma, imageops};

macro_rules! drawn {
    ($name:literal) => {
        image::load_from_memory(include_bytes!(concat!("../data/camera/gs1/", $name, ".png"))).unwrap().to_luma8()
    };
}

fn read(grey: &GrayImage) -> Vec<Code> {
    camera::frame(grey.width(), grey.height(), grey.as_raw(), &Search::default()).unwrap()
}

fn sheet(width: u32, height: u32, codes: &[(&GrayImage, i64, i64)]) -> GrayImage {
    let mut sheet = GrayImage::from_pixel(width, height, Luma([235]));
    for &(code, x, y) in codes {
        imageops::replace(&mut sheet, code, x, y);
    }
    sheet
}

#[test]
fn a_label_with_three_symbologies_gives_three_codes() {
    let (qr, data_matrix, ean) = (drawn!("qr-gs1"), drawn!("datamatrix-plain"), drawn!("ean13"));
    let label = sheet(700, 500, &[(&qr, 20, 20), (&data_matrix, 260, 40), (&ean, 200, 230)]);
    let codes = read(&label);
    let mut formats: Vec<Format> = codes.iter().map(|code| code.format).collect();
    formats.sort();
    assert_eq!(formats, [Format::DataMatrix, Format::Ean13, Format::QrCode], "{codes:?}");
}

#[test]
fn every_tag_of_a_tray_is_found_once_and_in_its_place() {
    let tags = [drawn!("datamatrix-plain"), drawn!("datamatrix-gs1")];
    let places = [(30, 40), (250, 60), (480, 30), (60, 280), (270, 300), (500, 260)];
    let laid: Vec<(&GrayImage, i64, i64)> =
        places.iter().enumerate().map(|(number, &(x, y))| (&tags[number % 2], x, y)).collect();
    let codes = read(&sheet(700, 460, &laid));
    assert_eq!(codes.len(), places.len(), "{codes:?}");
    for (x, y) in places {
        let here = |code: &&Code| {
            let [left, top] = [0, 1].map(|axis| code.position.iter().map(|corner| corner[axis]).min().unwrap());
            (x as i32..x as i32 + 60).contains(&left) && (y as i32..y as i32 + 60).contains(&top)
        };
        assert_eq!(codes.iter().filter(here).count(), 1, "at {x}, {y}: {codes:?}");
    }
}

#[test]
fn two_labels_with_the_same_text_are_two_codes() {
    let qr = drawn!("qr-plain");
    let codes = read(&sheet(700, 300, &[(&qr, 20, 60), (&qr, 420, 60)]));
    assert_eq!(codes.len(), 2, "{codes:?}");
    let ean = drawn!("ean13");
    let codes = read(&sheet(900, 300, &[(&ean, 20, 40), (&ean, 470, 40)]));
    assert_eq!(codes.len(), 2, "{codes:?}");
    // One above the other, and another text between them.
    let upc = drawn!("upca");
    let codes = read(&sheet(430, 700, &[(&ean, 20, 10), (&upc, 20, 240), (&ean, 20, 470)]));
    assert_eq!(codes.len(), 3, "{codes:?}");
}

#[test]
fn a_region_is_looked_at_first_and_the_rest_only_when_it_is_empty() {
    let (one, two) = (drawn!("qr-plain"), drawn!("code128-plain"));
    let frame = sheet(900, 600, &[(&one, 40, 60), (&two, 380, 350)]);
    let at = |region: Option<Region>| {
        let search = Search { region, ..Search::default() };
        camera::frame(frame.width(), frame.height(), frame.as_raw(), &search).unwrap()
    };
    let all = at(None);
    assert_eq!(all.len(), 2, "{all:?}");
    for code in &all {
        let again = at(Some(Region::around(&code.position)));
        assert_eq!(again.len(), 1, "{again:?}");
        assert_eq!(again[0].bytes, code.bytes);
        let corners = again[0].position.iter().flatten().zip(code.position.iter().flatten());
        assert!(corners.clone().all(|(one, two)| one.abs_diff(*two) <= 16), "{again:?} for {code:?}");
    }
    let elsewhere = Region { left: 500, top: 20, width: 200, height: 150 };
    assert_eq!(at(Some(elsewhere)).len(), 2, "nothing there: all of the frame");
    let outside = Region { left: 5_000, top: 5_000, width: 10, height: u32::MAX };
    assert_eq!(at(Some(outside)).len(), 2);
}

#[test]
fn a_search_ends_when_its_time_is_over() {
    // Nothing to be found, so every stage is taken while there is time.
    let empty = sheet(640, 480, &[]);
    let asked = Cell::new(0);
    let count = |limit: u32| {
        asked.set(0);
        let late = || {
            asked.set(asked.get() + 1);
            limit <= asked.get()
        };
        let search = Search { late: &late, ..Search::default() };
        assert_eq!(camera::frame(640, 480, empty.as_raw(), &search), Ok(vec![]));
        asked.get()
    };
    assert_eq!(count(1), 1, "late before it began: nothing is done");
    assert!(count(u32::MAX) > 15);
}

#[test]
fn pixels_that_are_no_frame_are_refused() {
    let search = Search::default();
    assert!(matches!(camera::frame(640, 480, &[0; 100], &search), Err(CameraError::Damaged { .. })));
    assert!(matches!(camera::frame(0, 0, &[], &search), Err(CameraError::TooSmall { .. })));
    assert!(matches!(camera::frame(u32::MAX, u32::MAX, &[], &search), Err(CameraError::TooLarge { .. })));
    assert!(matches!(camera::frame(1, 4_000, &[0; 4_000], &search), Err(CameraError::TooSmall { .. })));
}
