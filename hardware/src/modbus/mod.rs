//! Devices on a Modbus: sensors of a room's air, boards of relays and inputs.
//!
//! A device entry is one unit of a bus. Several units on one RS-485 line need one port each (a gateway that speaks Modbus
//! TCP gives them that), because a line has one master.

pub mod bus;
pub mod climate;
pub mod frame;
pub mod light;
pub mod relay;

use serde_json::{Value, json};

use crate::device::{Codec, Cut, Dialect, Family, Link, Reads, Serial};
use crate::modbus::frame::{Front, Reply, Request, Side};
use crate::settings::{Form, Setting};
use crate::simulator;

// CH340, FTDI and CP210x: RS-485 adapters.
const USB_IDS: &[(u16, u16)] = &[(0x1A86, 0x7523), (0x0403, 0x6001), (0x10C4, 0xEA60)];

pub static CLIMATE_FAMILY: Family = Family {
    name: "modbus_climate",
    reads: &[Reads::Climate],
    link: Link::Serial(Serial::of(9600)),
    usb_ids: USB_IDS,
    description: "sensor of temperature and humidity on a Modbus (SHT20, XY-MD01, XY-MD02)",
    settings: CLIMATE_SETTINGS,
    session: |settings| Ok(Box::new(climate::Sensor::new(climate::Settings::of(settings)?))),
    simulator: |settings, script, seed| Box::new(simulator::modbus::Sensor::set(settings, script, seed)),
    codec: Codec { dialects: DIALECTS, cut, decode: |bytes, dialect| decode(bytes, dialect).map(with_climate) },
};

pub static RELAY_FAMILY: Family = Family {
    name: "modbus_relay",
    reads: &[Reads::Contacts],
    link: Link::Serial(Serial::of(9600)),
    usb_ids: USB_IDS,
    description: "board of relays and inputs on a Modbus, with a stack light where one is wired to it",
    settings: RELAY_SETTINGS,
    session: |settings| Ok(Box::new(relay::Board::new(relay::Settings::of(settings)?))),
    simulator: |settings, script, seed| Box::new(simulator::modbus::Board::set(settings, script, seed)),
    codec: Codec { dialects: DIALECTS, cut, decode },
};

const DIALECTS: &[&str] = &["rtu", "tcp"];

const TRANSPORT: Setting = Setting {
    name: "transport",
    form: Form::Word(&["rtu", "tcp"]),
    says: "\"rtu\" on a serial line, also when that is reached over TCP; \"tcp\" for a device or gateway that speaks Modbus TCP \
           (port 502).",
};

const UNIT: Setting = Setting {
    name: "unit",
    form: Form::Whole { default: 1, from: 1, to: 247 },
    says: "The device's number on the bus.",
};

const TIMEOUT_MS: Setting = Setting {
    name: "timeout_ms",
    form: Form::Whole { default: 400, from: 50, to: 5000 },
    says: "How long a reply may take, in milliseconds; after three requests without one the device is lost.",
};

const SILENCE_MS: Setting = Setting {
    name: "silence_ms",
    form: Form::Whole { default: 5, from: 2, to: 100 },
    says: "Silence between two frames in milliseconds: 3.5 characters, so 5 for 9600 baud and faster, 20 for 2400.",
};

const CLIMATE_SETTINGS: &[Setting] = &[
    TRANSPORT,
    UNIT,
    Setting {
        name: "every_ms",
        form: Form::Whole { default: 2000, from: 200, to: 3_600_000 },
        says: "Pause between two looks in milliseconds. A change is told at once, an unchanged climate once a minute.",
    },
    Setting { name: "registers", form: Form::Word(&["input", "holding"]), says: "Which registers hold the values." },
    Setting {
        name: "temperature_register",
        form: Form::Whole { default: 1, from: 0, to: 65_535 },
        says: "Address of the temperature, as on the wire (from 0).",
    },
    Setting {
        name: "humidity_register",
        form: Form::Whole { default: 2, from: -1, to: 65_535 },
        says: "Address of the humidity, as on the wire (from 0); -1 for a sensor without one.",
    },
    Setting {
        name: "scale",
        form: Form::Word(&["10", "100"]),
        says: "\"10\" when a value counts tenths of a degree and of a percent, \"100\" for hundredths.",
    },
    TIMEOUT_MS,
    SILENCE_MS,
];

/// The relay of a lamp: 0 for none.
const LAMP: Form = Form::Whole { default: 0, from: 0, to: 32 };

const RELAY_SETTINGS: &[Setting] = &[
    TRANSPORT,
    UNIT,
    Setting {
        name: "board",
        form: Form::Word(&["coils", "registers"]),
        says: "How relays are switched: \"coils\" (function 05, Waveshare and most), \"registers\" (function 06 with 0100 for \
               on and 0200 for off).",
    },
    Setting {
        name: "outputs",
        form: Form::Whole { default: 8, from: 1, to: 32 },
        says: "How many relays the board has.",
    },
    Setting {
        name: "inputs",
        form: Form::Whole { default: 8, from: 0, to: 32 },
        says: "How many inputs the board has; 0 for none.",
    },
    Setting {
        name: "poll_ms",
        form: Form::Whole { default: 100, from: 20, to: 10_000 },
        says: "Pause between two looks at the inputs in milliseconds. A contact that closes for a shorter time is missed.",
    },
    Setting { name: "green", form: LAMP, says: "Relay of the green lamp of a stack light; 0 for none." },
    Setting {
        name: "amber",
        form: LAMP,
        says: "Relay of the amber lamp, which burns while the station stands ready and neither green nor red does; 0 for none.",
    },
    Setting { name: "red", form: LAMP, says: "Relay of the red lamp of a stack light; 0 for none." },
    Setting { name: "buzzer", form: LAMP, says: "Relay of the buzzer of a stack light; 0 for none." },
    Setting {
        name: "good_ms",
        form: Form::Whole { default: 1500, from: 100, to: 60_000 },
        says: "How long green burns after a good scan, in milliseconds.",
    },
    Setting {
        name: "bad_ms",
        form: Form::Whole { default: 5000, from: 100, to: 60_000 },
        says: "How long red burns after a scan that a person must look at, in milliseconds.",
    },
    Setting {
        name: "buzzer_ms",
        form: Form::Whole { default: 800, from: 0, to: light::BUZZER_MAX_MS },
        says: "How long the buzzer sounds then, in milliseconds.",
    },
    TIMEOUT_MS,
    SILENCE_MS,
];

/// Why a device is lost that does not answer.
fn unanswered(unit: u8) -> String {
    format!(
        "unit {unit} does not answer on the bus; check its power, the two wires (A and B may be swapped), its number and that \
         speed and parity are as set in it"
    )
}

fn front<'a>(bytes: &'a [u8], dialect: Dialect) -> Front<'a> {
    match dialect {
        Some("tcp") => frame::front_tcp(bytes),
        Some(_) | None => frame::front_rtu(bytes, Side::Both),
    }
}

/// RTU unless another dialect is named.
fn cut(bytes: &[u8], dialect: Dialect) -> Cut {
    match front(bytes, dialect) {
        Front::Frame { len, .. } => Cut::Message(len),
        Front::Noise => Cut::Noise(1),
        Front::Incomplete => Cut::Incomplete,
    }
}

fn decode(bytes: &[u8], dialect: Dialect) -> Result<Value, String> {
    let (transaction, unit, pdu) = match front(bytes, dialect) {
        Front::Frame { transaction, unit, pdu, len } if len == bytes.len() => (transaction, unit, pdu),
        Front::Frame { len, .. } => return Err(format!("{} bytes follow the frame", bytes.len() - len)),
        Front::Incomplete => return Err(format!("the frame is cut short after {} bytes", bytes.len())),
        Front::Noise => return Err("no frame begins here: the checksum fits no length that it can have".into()),
    };
    let mut fields = match (Reply::parse(pdu), Request::parse(pdu)) {
        (Some((function, Reply::Exception(exception))), _) => json!({
            "fc": function, "exception": exception.0, "name": exception.name(), "meaning": exception.to_string(),
        }),
        (Some((function, Reply::Bits(bits))), _) => {
            json!({"fc": function, "bits": bits.into_iter().map(u8::from).collect::<Vec<_>>()})
        }
        (Some((function, Reply::Registers(values))), _) => json!({"fc": function, "registers": values}),
        (Some((function, Reply::Written { address, value })), _) => {
            json!({"fc": function, "addr": address, "value": value})
        }
        (None, Some(Request::Read { table, address, count })) => {
            json!({"fc": table.function(), "addr": address, "count": count})
        }
        (None, Some(Request::WriteCoils { address, on })) => {
            json!({"fc": 15, "addr": address, "bits": on.into_iter().map(u8::from).collect::<Vec<_>>()})
        }
        (None, Some(Request::WriteRegisters { address, values })) => {
            json!({"fc": 16, "addr": address, "values": values})
        }
        // These look like their replies.
        (None, Some(Request::WriteCoil { address, value })) => json!({"fc": 5, "addr": address, "value": value}),
        (None, Some(Request::WriteRegister { address, value })) => json!({"fc": 6, "addr": address, "value": value}),
        (None, None) => return Err("the frame is sound, and its length fits neither a request nor a reply".into()),
    };
    if let Some(fields) = fields.as_object_mut() {
        fields.insert("unit".into(), unit.into());
        if dialect == Some("tcp") {
            fields.insert("transaction".into(), transaction.into());
        }
    }
    Ok(fields)
}

/// Two input registers as the sensors send them that count tenths.
fn with_climate(mut fields: Value) -> Value {
    let tenths = |value: &Value| value.as_u64().and_then(|value| u16::try_from(value).ok());
    let values = match fields["registers"].as_array().map(Vec::as_slice) {
        Some([temperature, humidity]) if fields["fc"] == 4 => tenths(temperature).zip(tenths(humidity)),
        Some(_) | None => None,
    };
    if let (Some((temperature, humidity)), Some(fields)) = (values, fields.as_object_mut()) {
        fields.insert("temperature_c".into(), (f64::from(temperature.cast_signed()) / 10.0).into());
        fields.insert("humidity_pct".into(), (f64::from(humidity) / 10.0).into());
    }
    fields
}
