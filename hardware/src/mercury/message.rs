//! What the module's frames say.

use crate::checksum;
use crate::mercury::frame::Frame;
use crate::mercury::request::code;

/// The status of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u16);

impl Status {
    pub const OK: Self = Self(0);
    pub const OPCODE: Self = Self(0x0101);
    pub const POWER_HIGH: Self = Self(0x0103);
    pub const VALUE: Self = Self(0x0105);
    pub const REGION: Self = Self(0x010B);
    /// In a continuous read this is the sign of life.
    pub const NO_TAGS: Self = Self(0x0400);
    pub const NO_PROTOCOL: Self = Self(0x0401);
    pub const ADDRESS: Self = Self(0x0409);
    pub const TAG: Self = Self(0x040A);
    pub const HOT: Self = Self(0x0504);
    pub const RETURN_LOSS: Self = Self(0x0505);
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = match self.0 {
            0x0000 => "done",
            0x0100 => "it does not take this command with so many bytes",
            0x0101 | 0x0102 => "it does not know this command",
            0x0103 => "it cannot send with so much power; lower the setting",
            0x0104 => "it cannot send on this frequency",
            0x0105 => "a value is out of its range",
            0x0106 => "it cannot send with so little power; raise the setting",
            0x0109 => "it cannot do this",
            0x010A => "it does not know this speed",
            0x010B => "it is not made for this region; use a module that is",
            0x0400 => "no such tag answered; hold it before the antenna",
            0x0401 | 0x0402 => "it has no such air protocol",
            0x0403 => "the tag was written and could not be locked",
            0x0404 => "the tag sent no words; hold it still and nearer",
            0x0405 => "its radio is off; set the region",
            0x0406 => "the tag could not be written; hold it still and nearer",
            0x0407 => "the air protocol has no such command",
            0x0408 => "these data cannot be written",
            0x0409 => "the tag has no such memory",
            0x040A => "the tag reported an error",
            0x040B => "these are too many words at once",
            0x040C => "the kill password of the tag is another one",
            0x040E => "the tag could not be killed",
            0x040F => "the answer of the tag was garbled; hold it still and nearer",
            0x0410 => "no tag can have this EPC",
            0x0411 => "the number of words does not fit",
            0x0420 => "the tag refused and gave no reason",
            0x0423 => "the tag has no such memory, or cannot have so long an EPC",
            0x0424 => "the memory of the tag is locked",
            0x042B => "the tag has too little power; bring it nearer",
            0x042F => "the tag refused and gave no reason",
            0x0500 => "it may not send on this frequency",
            0x0501 => "every channel is taken by others",
            0x0502 => "its transmitter is on already",
            0x0503 => "no antenna is connected; check its cable",
            0x0504 => "it is too hot and pauses; give it air, or lower its power",
            0x0505 => "the antenna throws its power back; check antenna and cable, or the module will break",
            0x0507 => "it has no such antenna; correct the setting",
            _ => "a fault that has no words here",
        };
        write!(f, "{words} (status {:04X})", self.0)
    }
}

/// What a sound frame means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    Tag(Record<'a>),
    /// It reads on.
    KeepAlive,
    /// It is too hot and pauses.
    Hot,
    /// The antenna throws the power back.
    ReturnLoss,
    /// How warm it is, in bytes that no public document explains.
    Temperature(&'a [u8]),
    /// The answer to a command.
    Answer {
        status: Status,
        data: &'a [u8],
    },
}

/// One tag of a continuous read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// How often it answered.
    pub count: u8,
    pub rssi_dbm: i8,
    /// The antenna that sent, and the one that heard, from 1.
    pub antenna: [u8; 2],
    pub frequency_khz: u32,
    /// Since the last sign of life.
    pub since: u32,
    pub phase_degrees: u16,
    pub protocol: u8,
    /// Words that were read along.
    pub data: &'a [u8],
    pub pc: u16,
    pub epc: &'a [u8],
    pub crc: u16,
    pub crc_ok: bool,
}

/// What a sound frame means; `None` when its data do not fit its opcode.
pub fn message<'a>(frame: &Frame<'a>) -> Option<Message<'a>> {
    let &Frame { opcode, status, data } = frame;
    if opcode != code::REPORT {
        return Some(Message::Answer { status: Status(status), data });
    }
    Some(match (data.len(), Status(status)) {
        (0, Status::NO_TAGS) => Message::KeepAlive,
        (0, Status::HOT) => Message::Hot,
        (0, Status::RETURN_LOSS) => Message::ReturnLoss,
        (0 | 8, status) => Message::Answer { status, data },
        (10, _) => Message::Temperature(data),
        _ => Message::Tag(record(data)?),
    })
}

/// `option | search flags | what is told | kind` and then what is told, in the order of its bits.
fn record(data: &[u8]) -> Option<Record<'_>> {
    let &[_, _, _, told_high, told_low, _, ref rest @ ..] = data else { return None };
    let told = u16::from_be_bytes([told_high, told_low]);
    if told >> 9 != 0 {
        return None;
    }
    let mut told = Told { told, rest };
    let count = told.one(0)?;
    let rssi_dbm = told.one(1)?.cast_signed();
    let both = told.one(2)?;
    let [f2, f1, f0] = told.some(3)?;
    let since = told.some(4)?;
    let phase = told.some(5)?;
    let protocol = told.one(6)?;
    let bits = told.some(7)?;
    let data = told.take(usize::from(u16::from_be_bytes(bits)).div_ceil(8))?;
    let _pins = told.one(8)?;
    let &[b1, b0, ref name @ ..] = told.rest else { return None };
    if 8 * name.len() != usize::from(u16::from_be_bytes([b1, b0])) {
        return None;
    }
    let &[p1, p0, ref epc @ .., c1, c0] = name else { return None };
    let (pc, crc) = (u16::from_be_bytes([p1, p0]), u16::from_be_bytes([c1, c0]));
    Some(Record {
        count: count.max(1),
        rssi_dbm,
        antenna: [both >> 4, both & 0x0F],
        frequency_khz: u32::from_be_bytes([0, f2, f1, f0]),
        since: u32::from_be_bytes(since),
        phase_degrees: u16::from_be_bytes(phase),
        protocol,
        data,
        pc,
        epc,
        crc,
        crc_ok: crc == checksum::tag_crc(pc, epc),
    })
}

/// The fields of a record that are there.
struct Told<'a> {
    told: u16,
    rest: &'a [u8],
}

impl<'a> Told<'a> {
    /// A field of `N` bytes; zeros where it is not told.
    fn some<const N: usize>(&mut self, bit: u16) -> Option<[u8; N]> {
        if (self.told >> bit) & 1 == 0 {
            return Some([0; N]);
        }
        let (field, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*field)
    }

    fn one(&mut self, bit: u16) -> Option<u8> {
        self.some(bit).map(|[byte]| byte)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }
}
