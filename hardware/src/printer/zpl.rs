//! ZPL II, the language of Zebra's label printers and of many others: what a printer says, and the pieces of a label.
//!
//! `~HS` answers three strings `STX .. ETX CR LF` of fields with commas between them, `~HI` one. `^HV` returns what was read from a
//! tag, as a line. A printer that is out of paper or ribbon or whose head is open may leave `~HS` unanswered.
//! Source: Zebra ZPL II programming guide (~HS, ~HI, ^HV, ^BX, ^BQ) and RFID programming guide (^RS, ^RF).

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::device::Cut;
use crate::event::Printer;
use crate::hex;
use crate::printer::{Heard, Status};

/// Asks how the printer is, and what it is.
pub const STATUS: &[u8] = b"~HS";
pub const IDENTITY: &[u8] = b"~HI";
/// Pauses and goes on.
pub const PAUSE: &[u8] = b"~PP";
pub const GO_ON: &[u8] = b"~PS";
/// Throws away what waits in the printer, a half label too.
pub const CANCEL_ALL: &[u8] = b"~JA";

const STX: u8 = 0x02;
const ETX: u8 = 0x03;

/// Longest of the strings that a printer answers, in bytes with their ends.
const STRING_MAX: usize = 128;

/// Longest line of a tag that was read back: 256 bytes of hex and a head.
const LINE_MAX: usize = 600;

/// What `~HS` tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostStatus {
    pub paper_out: bool,
    pub paused: bool,
    pub label_length_dots: u32,
    /// Formats that were received and not printed.
    pub formats_in_buffer: u32,
    pub buffer_full: bool,
    pub diagnostic_mode: bool,
    /// A format was begun whose end did not come.
    pub partial_format: bool,
    pub corrupt_ram: bool,
    pub under_temperature: bool,
    pub over_temperature: bool,
    pub head_up: bool,
    pub ribbon_out: bool,
    pub thermal_transfer: bool,
    pub print_mode: u8,
    pub label_waiting: bool,
    pub labels_remaining: u32,
    pub graphics_in_memory: u32,
}

impl HostStatus {
    /// Whether it prints what it is sent.
    pub fn ready(&self) -> bool {
        let hot = self.under_temperature || self.over_temperature;
        !(self.paper_out
            || self.paused
            || self.buffer_full
            || self.corrupt_ram
            || hot
            || self.head_up
            || self.ribbon_out)
    }

    fn print_mode(&self) -> &'static str {
        match self.print_mode {
            0 => "rewind",
            1 => "peel_off",
            2 => "tear_off",
            3 => "cutter",
            4 => "applicator",
            _ => "other",
        }
    }

    /// The answer to `~HS`, as a printer sends it.
    pub fn encode(&self) -> Vec<u8> {
        let flag = u8::from;
        format!(
            "\x02030,{},{},{:04},{:03},{},{},{},000,{},{},{}\x03\r\n\x02000,0,{},{},{},{},6,{},{:08},1,{:03}\x03\r\n\x021234,0\x03\r\n",
            flag(self.paper_out),
            flag(self.paused),
            self.label_length_dots,
            self.formats_in_buffer,
            flag(self.buffer_full),
            flag(self.diagnostic_mode),
            flag(self.partial_format),
            flag(self.corrupt_ram),
            flag(self.under_temperature),
            flag(self.over_temperature),
            flag(self.head_up),
            flag(self.ribbon_out),
            flag(self.thermal_transfer),
            self.print_mode,
            flag(self.label_waiting),
            self.labels_remaining,
            self.graphics_in_memory,
        )
        .into_bytes()
    }
}

/// A message of a printer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Status(HostStatus),
    /// `~HI`: model, firmware and more, as it names them.
    Identity(Vec<String>),
    /// `^HV`: what was read from a tag, and the word in front of it.
    ReadBack {
        head: String,
        data: Vec<u8>,
    },
}

/// What stands at the front of a printer's words.
pub fn cut(bytes: &[u8]) -> Cut {
    let found = match bytes {
        [] => return Cut::Incomplete,
        [STX, ..] => strings(bytes),
        [first, ..] if first.is_ascii_graphic() => line(bytes),
        _ => Err(Cut::Noise(1)),
    };
    match found {
        Ok(len) if bytes.get(..len).is_some_and(|message| parse(message).is_ok()) => Cut::Message(len),
        Ok(_) => Cut::Noise(1),
        Err(cut) => cut,
    }
}

/// The length of the answer to `~HS` or `~HI` at the front.
fn strings(bytes: &[u8]) -> Result<usize, Cut> {
    let mut len = string(bytes)?;
    if status_begins(bytes) {
        for _ in 0..2 {
            let rest = bytes.get(len..).unwrap_or_default();
            len += string(rest)?;
        }
    }
    Ok(len)
}

/// Whether it is the answer to `~HS`: three digits come first.
fn status_begins(bytes: &[u8]) -> bool {
    matches!(bytes, [STX, a, b, c, b',', ..] if [a, b, c].into_iter().all(u8::is_ascii_digit))
}

/// The length of one string at the front with its end.
fn string(bytes: &[u8]) -> Result<usize, Cut> {
    let near = bytes.get(..STRING_MAX).unwrap_or(bytes);
    match near {
        [] => return Err(Cut::Incomplete),
        [STX, ..] => (),
        _ => return Err(Cut::Noise(1)),
    }
    let ends = |byte: &u8| !(byte.is_ascii_graphic() || *byte == b' ');
    let end = match near.iter().skip(1).position(ends) {
        Some(end) => end + 1,
        None if near.len() < STRING_MAX => return Err(Cut::Incomplete),
        None => return Err(Cut::Noise(1)),
    };
    match near.get(end..) {
        Some([ETX, b'\r', b'\n', ..]) => Ok(end + 3),
        Some([ETX] | [ETX, b'\r']) => Err(Cut::Incomplete),
        _ => Err(Cut::Noise(1)),
    }
}

/// The length of one line at the front with its end.
fn line(bytes: &[u8]) -> Result<usize, Cut> {
    let near = bytes.get(..LINE_MAX).unwrap_or(bytes);
    let ends = |byte: &u8| !(byte.is_ascii_graphic() || *byte == b' ');
    match near.iter().position(ends) {
        None if near.len() < LINE_MAX => Err(Cut::Incomplete),
        None => Err(Cut::Noise(1)),
        Some(end) => match near.get(end..) {
            Some([b'\r', b'\n', ..]) => Ok(end + 2),
            Some([b'\r']) => Err(Cut::Incomplete),
            // The next string begins: these bytes belong to nothing.
            _ => Err(Cut::Noise(end)),
        },
    }
}

/// One whole message.
///
/// # Errors
/// What is wrong with it.
pub fn parse(bytes: &[u8]) -> Result<Message, String> {
    if bytes.first() != Some(&STX) {
        return read_back(bytes);
    }
    let inner = bytes.strip_suffix(b"\x03\r\n").ok_or("an answer ends with ETX CR LF (03 0D 0A)")?;
    let text = String::from_utf8_lossy(inner.strip_prefix(&[STX]).unwrap_or(inner)).into_owned();
    let strings: Vec<&str> = text.split("\u{3}\r\n\u{2}").collect();
    match strings.as_slice() {
        [first, second, third] => status(first, second, third).map(Message::Status),
        [one] if !status_begins(bytes) => {
            Ok(Message::Identity(one.split(',').map(|part| part.trim().to_owned()).collect()))
        }
        _ => Err(format!("an answer to ~HS has three strings, here are {}", strings.len())),
    }
}

fn status(first: &str, second: &str, third: &str) -> Result<HostStatus, String> {
    let (first, second): (Vec<&str>, Vec<&str>) = (first.split(',').collect(), second.split(',').collect());
    let [_, b, c, d, e, f, g, h, _, j, k, l] = first.as_slice() else {
        return Err(format!(
            "the first string of ~HS has twelve fields, here are {}: too few fields or too many",
            first.len()
        ));
    };
    let [_, _, o, p, q, r, _, t, u, _, w] = second.as_slice() else {
        return Err(format!(
            "the second string of ~HS has eleven fields, here are {}: too few fields or too many",
            second.len()
        ));
    };
    if third.split(',').count() != 2 {
        return Err("the third string of ~HS has two fields".into());
    }
    let flag = |text: &str| match text {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(format!("\"{}\" is no flag: a flag of ~HS is 0 or 1", text.escape_default())),
    };
    let number = |text: &str| {
        text.parse::<u32>().map_err(|_| format!("\"{}\" is no number, where ~HS has one", text.escape_default()))
    };
    Ok(HostStatus {
        paper_out: flag(b)?,
        paused: flag(c)?,
        label_length_dots: number(d)?,
        formats_in_buffer: number(e)?,
        buffer_full: flag(f)?,
        diagnostic_mode: flag(g)?,
        partial_format: flag(h)?,
        corrupt_ram: flag(j)?,
        under_temperature: flag(k)?,
        over_temperature: flag(l)?,
        head_up: flag(o)?,
        ribbon_out: flag(p)?,
        thermal_transfer: flag(q)?,
        // A letter on printers with more modes.
        print_mode: r.parse().unwrap_or(u8::MAX),
        label_waiting: flag(t)?,
        labels_remaining: number(u)?,
        graphics_in_memory: number(w)?,
    })
}

/// A line of a tag: `EPC[3034..]`, `TAGNO = 3034..` or the bare digits.
fn read_back(bytes: &[u8]) -> Result<Message, String> {
    let text = bytes.strip_suffix(b"\r\n").unwrap_or(bytes);
    let (head, digits) = match text.iter().position(|&byte| byte == b'[') {
        Some(at) => {
            let (head, rest) = text.split_at(at);
            (head, rest.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")).ok_or("the bracket is not closed")?)
        }
        None => match text.iter().rposition(|&byte| matches!(byte, b'=' | b':' | b' ')) {
            Some(at) => text.split_at(at + 1),
            None => (&b""[..], text),
        },
    };
    let digit = |&byte: &u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    let data: Option<Vec<u8>> = pairs.collect();
    let data = data.ok_or_else(|| format!("\"{}\" are not the hex digits of a tag", digits.escape_ascii()))?;
    if !head.is_ascii() || head.is_empty() && data.is_empty() {
        return Err("an empty line".into());
    }
    let head = String::from_utf8_lossy(head).trim_end_matches(['=', ':', ' ']).to_owned();
    Ok(Message::ReadBack { head, data })
}

impl Message {
    pub(super) fn fields(&self) -> Value {
        match self {
            Message::Status(status) => json!({
                "kind": "host_status", "paper_out": status.paper_out, "paused": status.paused,
                "label_length_dots": status.label_length_dots, "formats_in_buffer": status.formats_in_buffer,
                "buffer_full": status.buffer_full, "diagnostic_mode": status.diagnostic_mode,
                "partial_format": status.partial_format, "corrupt_ram": status.corrupt_ram,
                "under_temperature": status.under_temperature, "over_temperature": status.over_temperature,
                "head_up": status.head_up, "ribbon_out": status.ribbon_out, "thermal_transfer": status.thermal_transfer,
                "print_mode": status.print_mode(), "label_waiting": status.label_waiting,
                "labels_remaining": status.labels_remaining, "graphics_in_memory": status.graphics_in_memory,
                "ready": status.ready(),
            }),
            Message::Identity(parts) => json!({
                "kind": "identity", "model": parts.first(), "firmware": parts.get(1), "dots_per_mm": parts.get(2),
                "memory": parts.get(3),
            }),
            Message::ReadBack { head, data } => json!({"kind": "read_back", "head": head, "data": hex::encode(data)}),
        }
    }

    pub(super) fn heard(self) -> Heard {
        match self {
            Message::Identity(parts) => Heard::Model(parts.into_iter().take(2).collect::<Vec<_>>().join(" ")),
            Message::ReadBack { data, .. } => Heard::ReadBack(data),
            Message::Status(status) => Heard::Status(Status {
                printer: Printer {
                    paper_out: status.paper_out,
                    ribbon_out: status.ribbon_out,
                    head_open: status.head_up,
                    paused: status.paused,
                    fault: status.corrupt_ram || status.under_temperature || status.over_temperature,
                    waiting: Some(status.labels_remaining),
                },
                busy: status.formats_in_buffer != 0 || status.labels_remaining != 0 || status.partial_format,
                half: status.partial_format,
            }),
        }
    }
}

/// Whether a label leaves the printer where it can be asked again: every format that it begins, it ends.
///
/// # Errors
/// What is wrong with the label.
pub fn check(label: &[u8]) -> Result<(), String> {
    let last = |mark: &[u8]| label.windows(mark.len()).rposition(|window| window.eq_ignore_ascii_case(mark));
    match (last(b"^XA"), last(b"^XZ")) {
        (None, None) if label.contains(&b'~') => Ok(()),
        (None, _) => Err("the label is no ZPL: it has no ^XA".into()),
        (Some(begins), Some(ends)) if begins < ends => Ok(()),
        (Some(_), _) => {
            Err("the label does not end its last format with ^XZ, and the printer would wait for it".into())
        }
    }
}

/// How many tags a label lets the printer read back.
pub fn read_backs(label: &[u8]) -> usize {
    label.windows(3).filter(|window| window.eq_ignore_ascii_case(b"^HV")).count()
}

/// A text as a field: `^`, `~`, `_` and all that is not printable ASCII escaped. The label must say `^CI28` (UTF-8) before it.
pub fn field_text(text: &str) -> String {
    format!("^FH_^FD{}^FS", escaped(text))
}

fn escaped(text: &str) -> String {
    let mut field = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'^' | b'~' | b'_' | ..0x20 | 0x7F.. => {
                // Writing to a String cannot fail.
                let _ = write!(field, "_{byte:02X}");
            }
            _ => field.push(char::from(byte)),
        }
    }
    field
}

/// A Data Matrix of a GS1 element string, whose GS (1D) separate its elements; `module` is the size of a module in dots. The
/// escape character is always named: manuals differ on what it is otherwise.
pub fn gs1_datamatrix(element_string: &str, module: u8) -> String {
    let data = element_string.replace('_', "__").replace('\u{1d}', "_1");
    format!("^BXN,{module},200,,,,_^FD_1{data}^FS")
}

/// A QR code with error level `level` (L, M, Q or H); `magnification` is the size of a module in dots, 1 to 10.
pub fn qr(text: &str, level: char, magnification: u8) -> String {
    format!("^BQN,2,{magnification}^FH_^FD{level}A,{}^FS", escaped(text))
}

/// Writes an EPC (Gen2, bank 1 from word 2) and tries three times.
pub fn write_epc(epc: &[u8]) -> String {
    format!("^RS8,,,3^RFW,H,2,{},1^FD{}^FS", epc.len(), hex::encode(epc).to_ascii_uppercase())
}

/// Reads the EPC of the label back and returns it as a line `EPC[..]`. `field` is a number that no other field of the label
/// has; one line comes for a format, also where tags were void.
pub fn read_epc_back(field: u16, bytes: u8) -> String {
    let digits = 2 * u16::from(bytes);
    format!("^FN{field}^RFR,H,2,{bytes},1^FS^FH_^HV{field},{digits},EPC[,]_0D_0A,F^FS")
}
