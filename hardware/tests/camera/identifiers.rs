//! Symbols drawn by another program: format, AIM identifier and payload as a scanner would send them.

use gatebook_hardware::camera::{self, Format};

macro_rules! drawn {
    ($name:literal) => {
        (&include_bytes!(concat!("../data/camera/gs1/", $name, ".png"))[..], $name)
    };
}

/// 01 GTIN, 10 lot with a separator behind it, 21 serial.
const ELEMENTS: &str = "010952123454321310AB-12\x1d21R7";
const LINK: &str = "https://id.gs1.org/01/09521234543213/21/R7";

#[test]
fn gs1_is_told_from_plain_text_as_a_scanner_tells_it() {
    for ((picture, name), format, identifier, payload, text) in [
        (drawn!("datamatrix-gs1"), Format::DataMatrix, "]d2", ELEMENTS, ELEMENTS),
        (drawn!("datamatrix-plain"), Format::DataMatrix, "]d1", "TRAY 12", "TRAY 12"),
        (drawn!("qr-gs1"), Format::QrCode, "]Q3", ELEMENTS, ELEMENTS),
        (drawn!("qr-plain"), Format::QrCode, "]Q1", LINK, LINK),
        (drawn!("aztec-gs1"), Format::Aztec, "]z1", ELEMENTS, ELEMENTS),
        (drawn!("aztec-plain"), Format::Aztec, "]z0", "VAULT 7", "VAULT 7"),
        (drawn!("code128-gs1"), Format::Code128, "]C1", ELEMENTS, ELEMENTS),
        (drawn!("code128-plain"), Format::Code128, "]C0", "GB-000123", "GB-000123"),
        (drawn!("databar"), Format::DataBar, "]e0", "0109521234543213", "(01)09521234543213"),
        (drawn!("databarexp"), Format::DataBarExpanded, "]e0", "0109521234543213214711", "(01)09521234543213(21)4711"),
        (drawn!("ean13"), Format::Ean13, "]E0", "9521234543213", "9521234543213"),
        // Behind ]E0 a scanner sends 13 digits; printed are 12 and 8.
        (drawn!("upca"), Format::UpcA, "]E0", "0012345678905", "012345678905"),
        (drawn!("upce"), Format::UpcE, "]E0", "0012345000065", "01234565"),
        (drawn!("ean8"), Format::Ean8, "]E4", "95200002", "95200002"),
        (drawn!("itf14"), Format::Itf, "]I0", "19521234543210", "19521234543210"),
        (drawn!("code39"), Format::Code39, "]A0", "RING-18K", "RING-18K"),
        (drawn!("code93"), Format::Code93, "]G0", "GOLD-750", "GOLD-750"),
        (drawn!("codabar"), Format::Codabar, "]F0", "40156", "40156"),
        (drawn!("pdf417"), Format::Pdf417, "]L2", "vault 7, tray 12, ring R7", "vault 7, tray 12, ring R7"),
        (drawn!("microqr"), Format::MicroQrCode, "]Q1", "R7-4711", "R7-4711"),
    ] {
        for (turns, turned) in turned(picture).iter().enumerate() {
            let codes = camera::decode(turned).unwrap();
            let [code] = codes.as_slice() else { panic!("{name}, turned {turns} times: {codes:?}") };
            assert_eq!(code.format, format, "{name}, turned {turns} times");
            assert_eq!(code.aim.to_string(), identifier, "{name}, turned {turns} times");
            assert_eq!(code.bytes.escape_ascii().to_string(), payload.as_bytes().escape_ascii().to_string(), "{name}");
            assert_eq!(code.text, text, "{name}");
        }
    }
}

#[test]
fn bytes_stay_as_printed_and_the_text_is_what_they_say_in_their_character_set() {
    let jewel = "样品 红宝石戒指 18K";
    for ((picture, name), text, utf8) in [
        (drawn!("qr-utf8"), jewel, true),
        (drawn!("qr-gb18030"), jewel, false),
        (drawn!("qr-sjis"), "指輪 ルビー 18K", false),
        (drawn!("qr-latin1"), "Bague émeraude, 18 carats", false),
    ] {
        let codes = camera::decode(picture).unwrap();
        let [code] = codes.as_slice() else { panic!("{name}: {codes:?}") };
        assert_eq!(code.text, text, "{name}");
        assert_eq!(code.bytes == text.as_bytes(), utf8, "{name}: {:?}", code.bytes);
    }
}

/// The picture, and turned by one, two and three quarters.
fn turned(picture: &[u8]) -> Vec<Vec<u8>> {
    let grey = image::load_from_memory(picture).unwrap().to_luma8();
    let quarter = image::imageops::rotate90(&grey);
    let half = image::imageops::rotate180(&grey);
    let three = image::imageops::rotate270(&grey);
    [grey, quarter, half, three].iter().map(super::png).collect()
}
