//! Pictures: the codes in them, and a clear word where the bytes are no picture.
//!
//! The photos are real ones; their origin and licence is in `data/README.md`.

mod identifiers;
mod photos;
mod several;

use std::io::Cursor;

use gatebook_hardware::camera::{self, CameraError, Code, Format};
use image::{GrayImage, ImageFormat, Luma};

use crate::vectors::unhex;

macro_rules! picture {
    ($name:literal) => {
        (&include_bytes!(concat!("../data/camera/", $name, ".png"))[..], $name)
    };
}

const SEAN: &[u8] = b"MECARD:N:Sean Owen;TEL:+12125658770;EMAIL:srowen@google.com;;";
const OFFICE: &[u8] = b"UI office hours signup\r\nhttp://www.corp.google.com/sparrow/ui_office_hours/ \r\n";
const WIKIPEDIA: &[u8] = b"MEBKM:URL:http\\://en.wikipedia.org/wiki/Main_Page;;";
/// Half-width katakana in Shift-JIS: no UTF-8.
const SHIFT_JIS: &[u8] = b"*\xC3\xDE\xBB\xDE\xB2\xDDQR*     \r\nhttp://d-qr.net/ex/       ";

fn only(codes: Vec<Code>, name: &str) -> Code {
    assert_eq!(codes.len(), 1, "{name}: {codes:?}");
    codes.into_iter().next().unwrap()
}

#[test]
fn real_qr_photos_are_read_byte_for_byte() {
    for ((bytes, name), want) in [
        (picture!("large"), &b"http://bbc.co.uk/programmes"[..]),
        (picture!("small"), b"http://www.google.com/"),
        (picture!("photo"), SEAN),
        (picture!("shift-jis"), SHIFT_JIS),
        // Each of these is read at one step of the ladder and not as it is.
        (picture!("enlarged"), b"1234567890"),
        (picture!("no-margin"), OFFICE),
        (picture!("half"), b"http://code.google.com"),
        (picture!("sharpened"), b"MEBKM:TITLE:;URL:http://d.kaywa.com/2020400102;;"),
        (picture!("inverted"), WIKIPEDIA),
        // rqrr 0.11 panics on two views of this one; the others go on.
        (picture!("panics"), b"1234567890"),
    ] {
        let code = only(camera::decode(bytes).unwrap(), name);
        assert_eq!(code.bytes.escape_ascii().to_string(), want.escape_ascii().to_string(), "{name}");
        assert_eq!(code.format, Format::QrCode, "{name}");
    }
}

#[test]
fn the_corners_are_those_of_the_picture_at_every_scale() {
    // Read off the pictures: found as it is, enlarged twice, and enlarged with a margin.
    for ((bytes, name), want) in [
        (picture!("small"), [[12, 12], [90, 12], [90, 90], [12, 90]]),
        (picture!("enlarged"), [[240, 208], [296, 242], [261, 295], [206, 263]]),
        (picture!("no-margin"), [[73, 21], [207, 59], [178, 218], [39, 216]]),
    ] {
        let found = only(camera::decode(bytes).unwrap(), name).position;
        let near = found.iter().flatten().zip(want.iter().flatten()).all(|(found, want)| found.abs_diff(*want) <= 4);
        assert!(near, "{name}: {found:?}");
    }
}

#[test]
fn a_picture_without_a_code_gives_none() {
    for (bytes, name) in [picture!("neg-partial-48"), picture!("neg-partial-59"), picture!("neg-photo")] {
        assert_eq!(camera::decode(bytes), Ok(vec![]), "{name}");
    }
}

fn png(picture: &GrayImage) -> Vec<u8> {
    encoded(picture, ImageFormat::Png)
}

fn encoded(picture: &GrayImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[test]
fn a_jpeg_a_large_and_a_transparent_picture_are_read_too() {
    let (bytes, name) = picture!("small");
    let grey = image::load_from_memory(bytes).unwrap().to_luma8();
    let jpeg = encoded(&grey, ImageFormat::Jpeg);
    assert_eq!(only(camera::decode(&jpeg).unwrap(), name).bytes, b"http://www.google.com/");

    // 5.9 megapixels: searched at 4, the corners are still those of the picture.
    let mut large = GrayImage::from_pixel(2430, 2430, Luma([255]));
    let blown_up = image::imageops::resize(&grey, 990, 990, image::imageops::FilterType::Nearest);
    image::imageops::replace(&mut large, &blown_up, 700, 500);
    let code = only(camera::decode(&encoded(&large, ImageFormat::Png)).unwrap(), "large");
    let [[x, y], ..] = code.position;
    assert!(x.abs_diff(820) <= 12 && y.abs_diff(620) <= 12, "{:?}", code.position);

    // Black on nothing: what is transparent is white paper, though its pixels are black.
    let transparent = image::GrayAlphaImage::from_fn(grey.width(), grey.height(), |x, y| {
        image::LumaA([0, 255 - grey.get_pixel(x, y).0[0]])
    });
    let mut png = Cursor::new(Vec::new());
    transparent.write_to(&mut png, ImageFormat::Png).unwrap();
    assert_eq!(only(camera::decode(png.get_ref()).unwrap(), "transparent").bytes, b"http://www.google.com/");
}

#[test]
fn what_is_no_picture_says_what_is_wrong() {
    let (whole, _) = picture!("photo");
    // A header alone that claims 3.6 gigapixels.
    let bomb = unhex("89504e470d0a1a0a0000000d494844520000ea600000ea600800000000a5b92a9e000000004944415435af061e");
    // Sides that are allowed, and 64 megapixels between them.
    let wide = unhex("89504e470d0a1a0a0000000d4948445200001f4000001f400800000000239af228000000004944415435af061e");
    let gif = b"GIF89a\x01\0\x01\0\0\0\0;".to_vec();
    let blank = |width, height| encoded(&GrayImage::new(width, height), ImageFormat::Png);
    for (name, bytes, says) in [
        ("nothing", vec![], "has no bytes"),
        ("text", b"hello, world".to_vec(), "neither PNG nor JPEG"),
        ("another format", gif, "neither PNG nor JPEG"),
        ("cut in the header", whole[..20].to_vec(), "damaged or cut short"),
        ("cut in the pixels", whole[..whole.len() / 2].to_vec(), "damaged or cut short"),
        ("a decompression bomb", bomb, "60000 x 60000 pixels"),
        ("too many pixels", wide, "8000 x 8000 pixels"),
        ("one line", blank(100, 1), "100 x 1 pixels, too small"),
        ("one column", blank(8, 518), "8 x 518 pixels, too small"),
        ("too long", blank(10_001, 30), "at most 10000 on a side"),
        ("too many bytes", vec![0; camera::FILE_MAX + 1], "send a smaller one"),
    ] {
        let error = camera::decode(&bytes).unwrap_err().to_string();
        assert!(error.contains(says), "{name}: {error}");
    }
    let damaged = camera::decode(&whole[..whole.len() / 2]);
    assert!(matches!(damaged, Err(CameraError::Damaged { .. })));
}

#[test]
fn black_white_and_noise_give_nothing_and_no_panic() {
    let seed = 0xCA;
    let mut random = gatebook_hardware::simulator::script::Random::new(seed);
    for (width, height) in [(21, 21), (22, 400), (400, 22), (150, 150)] {
        let black = GrayImage::new(width, height);
        let white = GrayImage::from_pixel(width, height, Luma([255]));
        let noise = GrayImage::from_fn(width, height, |_, _| Luma([random.bytes(1)[0]]));
        for picture in [black, white, noise] {
            let found = camera::decode(&encoded(&picture, ImageFormat::Png));
            assert_eq!(found, Ok(vec![]), "seed {seed}: {width} x {height}");
        }
    }
}

#[test]
fn a_damaged_file_never_panics() {
    let seed = 0xDA;
    let mut random = gatebook_hardware::simulator::script::Random::new(seed);
    let grey = image::load_from_memory(picture!("small").0).unwrap().to_luma8();
    for whole in [encoded(&grey, ImageFormat::Jpeg), encoded(&grey, ImageFormat::Png)] {
        for _ in 0..60 {
            let mut bytes = whole.clone();
            for _ in 0..=random.below(4) {
                let place = random.below(bytes.len() as u64) as usize;
                bytes[place] ^= 1 << random.below(8);
            }
            let length = bytes.len() as u64;
            bytes.truncate((length - random.below(length / 4)) as usize);
            match camera::decode(&bytes) {
                Ok(codes) => assert!(codes.len() <= 1, "seed {seed}"),
                Err(error) => assert!(!error.to_string().is_empty(), "seed {seed}"),
            }
        }
    }
}
