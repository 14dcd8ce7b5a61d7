//! USB scanners in the HID point-of-sale mode (usage page 8C), read through hidraw: one report a read.
//!
//! Sources: captures of a Honeywell Voyager 1602g in HenkVanAsselt/python_hon_usbhid; HID Usage Tables, Bar Code Scanner
//! page; captures of a Symbol DS6708 in HID COM emulation by J. Carretero (exmakhina/xm_tesmes).

pub mod report;
pub mod session;

use serde_json::{Value, json};

use crate::aim::AimMode;
use crate::device::{Codec, Cut, Dialect, Family, Link, Reads};
use crate::hid_pos::report::{HONEYWELL, Layout, REPORT_MAX, ReportError};
use crate::hid_pos::session::HidPos;
use crate::settings::{Form, Setting, Settings};
use crate::{hex, simulator};

pub static FAMILY: Family = Family {
    name: "hid_pos",
    reads: &[Reads::Symbols],
    link: Link::File,
    // Zebra HID COM and HID-POS.
    usb_ids: &[(0x05E0, 0x0600), (0x05E0, 0x1300)],
    description: "USB bar code scanner in HID point-of-sale mode (hidraw)",
    settings: SETTINGS,
    session: |settings| HidPos::new(session::Settings::of(settings)?).map(|session| Box::new(session) as Box<_>),
    simulator: |settings, script, seed| Box::new(simulator::hid_pos::Scanner::set(settings, script, seed)),
    codec: Codec { dialects: &["honeywell", "chunks"], cut, decode },
};

const SETTINGS: &[Setting] = &[
    Setting {
        name: "layout",
        form: Form::Word(&["honeywell", "offsets", "chunks"]),
        says: "How its reports are built: as Honeywell's, which most follow; with the offsets below, taken from its report \
               descriptor; or as chunks of a length and text without more (Symbol and Zebra, HID COM emulation).",
    },
    Setting {
        name: "report_bytes",
        form: Form::Whole { default: 64, from: 2, to: 1024 },
        says: "Bytes of a report with its number; used with layout = \"offsets\", as are the six below.",
    },
    Setting {
        name: "report_id",
        form: Form::Whole { default: 2, from: 0, to: 255 },
        says: "The number that each report begins with; 0 where reports have none.",
    },
    Setting {
        name: "length_at",
        form: Form::Whole { default: 1, from: 0, to: 1023 },
        says: "Byte of the report that holds the length of the data; the first is 0.",
    },
    Setting {
        name: "aim_at",
        form: Form::Whole { default: 2, from: 0, to: 1021 },
        says: "First byte of the AIM identifier; 0 where there is none.",
    },
    Setting {
        name: "data_at",
        form: Form::Whole { default: 5, from: 1, to: 1023 },
        says: "First byte of the data in a report.",
    },
    Setting {
        name: "data_bytes",
        form: Form::Whole { default: 56, from: 1, to: 255 },
        says: "How many bytes of data a report holds.",
    },
    Setting {
        name: "more_at",
        form: Form::Whole { default: 63, from: 0, to: 1023 },
        says: "Byte that is 1 when the next report goes on; 0 where there is none: a report that is not full then ends a \
               code, and a pause does.",
    },
    Setting {
        name: "idle_ms",
        form: Form::Whole { default: 100, from: 20, to: 5000 },
        says: "A pause of so many milliseconds ends a code where no byte does.",
    },
    Setting {
        name: "aim",
        form: Form::Word(AimMode::WORDS),
        says: "AIM identifier of the code (]d2 and such): taken when sent, not looked at, or required.",
    },
    Setting {
        name: "commands",
        form: Form::Word(&["none", "honeywell"]),
        says: "Whose commands the scanner understands, so that it can be told to beep and asked who it is; \"none\" sends it \
               nothing.",
    },
];

/// The layout that was set; `None` for chunks.
pub(crate) fn layout(settings: &Settings) -> Result<Option<Layout>, String> {
    let place = |at: usize| (at != 0).then_some(at);
    let layout = match settings.text("layout").as_str() {
        "chunks" => return Ok(None),
        "offsets" => Layout {
            bytes: settings.whole("report_bytes"),
            id: Some(settings.whole("report_id")).filter(|id| *id != 0),
            length_at: settings.whole("length_at"),
            aim_at: place(settings.whole("aim_at")),
            data_at: settings.whole("data_at"),
            data_bytes: settings.whole("data_bytes"),
            more_at: place(settings.whole("more_at")),
            code_at: None,
        },
        _ => HONEYWELL,
    };
    debug_assert!(layout.bytes <= REPORT_MAX, "the range of the setting says so");
    layout.check()?;
    Ok(Some(layout))
}

fn cut(bytes: &[u8], named: Dialect) -> Cut {
    if named == Some("chunks") {
        return match report::chunk(bytes) {
            Ok(data) => Cut::Message(1 + data.len()),
            Err(true) => Cut::Incomplete,
            Err(false) => Cut::Noise(1),
        };
    }
    match HONEYWELL.parse(bytes) {
        Ok(_) => Cut::Message(HONEYWELL.bytes),
        Err(ReportError::Incomplete { .. }) => Cut::Incomplete,
        Err(_) => Cut::Noise(1),
    }
}

fn decode(bytes: &[u8], named: Dialect) -> Result<Value, String> {
    if named == Some("chunks") {
        let data = report::chunk(bytes).map_err(|_| "the length in byte 0 does not fit what follows".to_owned())?;
        return Ok(json!({"payload_hex": hex::encode(data)}));
    }
    let report = HONEYWELL.parse(bytes).map_err(|error| error.to_string())?;
    if HONEYWELL.bytes < bytes.len() {
        return Err(format!("{} bytes follow the report", bytes.len() - HONEYWELL.bytes));
    }
    Ok(json!({
        "report_id": report.id,
        "aim": report.aim.filter(|aim| *aim != [0; 3]).map(|aim| aim.escape_ascii().to_string()),
        "payload_hex": hex::encode(report.data),
        "more": report.more,
        "code_id": report.code_id.filter(|code| *code != 0).map(|code| char::from(code).to_string()),
    }))
}
