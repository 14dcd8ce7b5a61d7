//! What the frames say: the reader's answers.

use crate::checksum;
use crate::r2000::frame::Frame;
use crate::r2000::request::code;

/// How many antennas the firmware counts; it changes what stands in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    Four,
    /// The top bit of the signal strength is that of the antenna.
    Eight,
}

impl Ports {
    pub fn count(self) -> u8 {
        match self {
            Self::Four => 4,
            Self::Eight => 8,
        }
    }
}

/// Where and how a tag was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Air {
    /// Number of the antenna, from 1.
    pub antenna: u8,
    /// Which channel of the table.
    pub channel: u8,
    pub rssi_dbm: i16,
}

impl Air {
    fn of(ports: Ports, channel_and_antenna: u8, rssi: u8) -> Air {
        let low = (channel_and_antenna & 3) + 1;
        let (antenna, rssi) = match ports {
            Ports::Four => (low, rssi),
            Ports::Eight => (low + 4 * (rssi >> 7), rssi & 0x7F),
        };
        Air { antenna, channel: channel_and_antenna >> 2, rssi_dbm: i16::from(rssi) - 129 }
    }

    /// The frequency of a channel in kHz: 865 to 868 MHz, then 902 to 928 MHz, in steps of 500 kHz.
    pub fn frequency_khz(self) -> u32 {
        match u32::from(self.channel) {
            low @ 0..=6 => 865_000 + 500 * low,
            high => 902_000 + 500 * (high - 7),
        }
    }
}

/// A tag by its name, in what the reader kept or did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named<'a> {
    /// How many tags the whole answer is about, one frame for each.
    pub tags: u16,
    pub pc: u16,
    pub epc: &'a [u8],
    pub crc: u16,
    pub crc_ok: bool,
    /// Words read; empty for what was written, locked or kept.
    pub data: &'a [u8],
}

/// What a sound frame means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A tag answered an inventory.
    Tag { air: Air, pc: u16, epc: &'a [u8] },
    /// A round on one antenna is over.
    Round { antenna: u8, tags_per_second: u16, reads: u32 },
    /// A round over all antennas is over.
    FastRound { reads: u32, duration_ms: u32 },
    /// A round that was kept in the buffer is over.
    Kept { antenna: u8, tags: u16, tags_per_second: u16, reads: u32 },
    /// A tag from the buffer.
    Buffered { tag: Named<'a>, air: Air, reads: u8 },
    /// Words of a tag.
    Memory { tag: Named<'a>, air: Air, reads: u8 },
    /// A tag was written, locked or killed, or was not.
    Changed { tag: Named<'a>, result: Fault, air: Air, times: u8 },
    /// An inventory or a request about a tag failed; on this antenna, where it is one of several.
    Failed { fault: Fault, antenna: Option<u8> },
    /// Anything else.
    Data(&'a [u8]),
}

/// The result of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault(pub u8);

impl Fault {
    pub const SUCCESS: Self = Self(0x10);
    pub const FAIL: Self = Self(0x11);
    pub const ANTENNA_MISSING: Self = Self(0x22);
    pub const TAG_INVENTORY: Self = Self(0x31);
    pub const NO_TAG: Self = Self(0x36);
    pub const BUFFER_EMPTY: Self = Self(0x38);
    pub const PASSWORD: Self = Self(0x40);
    pub const PARAMETER: Self = Self(0x41);
    pub const RETURN_LOSS: Self = Self(0xEE);

    /// A name for programs, and words.
    fn says(self) -> (&'static str, &'static str) {
        match self.0 {
            0x10 => ("success", "done"),
            0x11 => ("fail", "it failed; the reader does not say why, or does not know the command"),
            0x20 => ("mcu_reset", "the reader could not restart"),
            0x21 => ("cw_on", "its carrier could not be switched on"),
            0x22 => ("antenna_missing", "no antenna is connected; check its cable"),
            0x23 => ("write_flash", "it could not store its settings"),
            0x24 => ("read_flash", "it could not read its settings"),
            0x25 => ("set_output_power", "its power could not be set"),
            0x31 => ("tag_inventory", "the tags disturbed one another"),
            0x32 => ("tag_read", "the tag could not be read; hold it still and nearer"),
            0x33 => ("tag_write", "the tag could not be written; hold it still and nearer"),
            0x34 => ("tag_lock", "the tag could not be locked"),
            0x35 => ("tag_kill", "the tag could not be killed"),
            0x36 => ("no_tag", "no such tag answered; hold it before the antenna"),
            0x37 => ("access_fail", "the tag was found and then not reached; hold it still and nearer"),
            0x38 => ("buffer_empty", "its buffer is empty"),
            0x3C => ("nxp_command_fail", "the tag does not know the maker's command"),
            0x40 => {
                ("access_or_password", "the tag refused; its access password is another one, or its memory is locked")
            }
            0x41 => ("parameter_invalid", "a value is out of its range"),
            0x42 => ("parameter_word_count", "too many words were asked for at once"),
            0x43 => ("parameter_memory_bank", "a tag has no such memory bank"),
            0x44 => ("parameter_lock_region", "a tag has no such region to lock"),
            0x45 => ("parameter_lock_action", "there is no such lock"),
            0x46 => ("parameter_address", "a reader cannot have this address"),
            0x47 => ("parameter_antenna", "the reader has no such antenna; correct the setting"),
            0x48 => ("parameter_power", "the reader cannot send with this power; correct the setting"),
            0x49 => ("parameter_region", "the reader is not made for this region; use one that is"),
            0x4A => ("parameter_baud", "the reader does not know this speed"),
            0x4B => ("parameter_beeper", "the beeper has no such mode"),
            0x4C => ("parameter_match_too_long", "the EPC to match is too long"),
            0x4D => ("parameter_match_length", "the EPC to match is shorter than it claims"),
            0x4E => ("parameter_match_mode", "there is no such way to match"),
            0x4F => ("parameter_frequency_range", "the frequencies are not those of the region"),
            0x50 => ("rn16", "the tag did not answer a second time; hold it still and nearer"),
            0x51 => ("parameter_drm", "there is no such dense reader mode"),
            0x52 => ("pll_lock", "its radio did not lock; if it stays so, the reader is broken"),
            0x53 => ("rf_chip", "its radio chip does not answer; if it stays so, the reader is broken"),
            0x54 => ("output_power_not_reached", "its power was not reached; check its supply and the antenna"),
            0x55 => ("copyright", "its radio chip is not the one that its firmware wants"),
            0x56 => (
                "spectrum_regulation",
                "it may not send here; another transmitter holds the channel, or the region is wrong",
            ),
            0x57 => ("output_power_low", "its power is too low"),
            0xEE => ("return_loss", "the return loss of the antenna could not be measured; check antenna and cable"),
            _ => ("unknown", "a fault that the protocol does not name"),
        }
    }

    pub fn name(self) -> &'static str {
        self.says().0
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (code {:02X})", self.says().1, self.0)
    }
}

/// What a sound frame of a reader means; `None` when its data do not fit its command.
pub fn message<'a>(frame: &Frame<'a>, ports: Ports) -> Option<Message<'a>> {
    let &Frame { command, data, .. } = frame;
    match (command, data) {
        (code::REAL_TIME | code::SESSION | code::FAST_SWITCH, &[fault]) => failed(fault, None),
        (code::FAST_SWITCH, &[antenna, fault]) => failed(fault, Some((antenna & 7) + 1)),
        (code::REAL_TIME | code::SESSION, &[antenna, r1, r0, t3, t2, t1, t0]) => Some(Message::Round {
            antenna: (antenna & 7) + 1,
            tags_per_second: u16::from_be_bytes([r1, r0]),
            reads: u32::from_be_bytes([t3, t2, t1, t0]),
        }),
        (code::FAST_SWITCH, &[t2, t1, t0, d3, d2, d1, d0]) => Some(Message::FastRound {
            reads: u32::from_be_bytes([0, t2, t1, t0]),
            duration_ms: u32::from_be_bytes([d3, d2, d1, d0]),
        }),
        (code::REAL_TIME | code::SESSION | code::FAST_SWITCH, &[at, high, low, ref rest @ ..]) => {
            let pc = u16::from_be_bytes([high, low]);
            let (epc, behind) = rest.split_at_checked(usize::from(pc >> 11) * 2)?;
            // Some firmware reports the phase behind the strength.
            let (&[rssi] | &[rssi, _, _]) = behind else { return None };
            Some(Message::Tag { air: Air::of(ports, at, rssi), pc, epc })
        }
        (code::INVENTORY, &[antenna, c1, c0, r1, r0, t3, t2, t1, t0]) => Some(Message::Kept {
            antenna: (antenna & 7) + 1,
            tags: u16::from_be_bytes([c1, c0]),
            tags_per_second: u16::from_be_bytes([r1, r0]),
            reads: u32::from_be_bytes([t3, t2, t1, t0]),
        }),
        (code::INVENTORY | code::BUFFER | code::BUFFER_RESET, &[fault]) => failed(fault, None),
        (code::BUFFER | code::BUFFER_RESET, &[c1, c0, length, ref rest @ ..]) => {
            let (name, &[rssi, at, reads]) = rest.split_at_checked(length.into())? else { return None };
            let (tag, []) = named(u16::from_be_bytes([c1, c0]), name, 0)? else { return None };
            Some(Message::Buffered { tag, air: Air::of(ports, at, rssi), reads })
        }
        (code::READ | code::WRITE | code::BLOCK_WRITE | code::LOCK | code::KILL, &[fault]) => failed(fault, None),
        (code::READ, &[c1, c0, length, ref rest @ ..]) => {
            let (name, &[size, at, reads]) = rest.split_at_checked(length.into())? else { return None };
            let (tag, []) = named(u16::from_be_bytes([c1, c0]), name, size.into())? else { return None };
            Some(Message::Memory { tag, air: Air::of(ports, at, 0), reads })
        }
        (code::WRITE | code::BLOCK_WRITE | code::LOCK | code::KILL, &[c1, c0, length, ref rest @ ..]) => {
            let (name, &[result, at, times]) = rest.split_at_checked(length.into())? else { return None };
            let (tag, []) = named(u16::from_be_bytes([c1, c0]), name, 0)? else { return None };
            Some(Message::Changed { tag, result: Fault(result), air: Air::of(ports, at, 0), times })
        }
        _ => Some(Message::Data(data)),
    }
}

fn failed<'a>(fault: u8, antenna: Option<u8>) -> Option<Message<'a>> {
    Some(Message::Failed { fault: Fault(fault), antenna })
}

/// `PC | EPC | CRC | data` with `size` bytes of data, and what follows.
fn named(tags: u16, bytes: &[u8], size: usize) -> Option<(Named<'_>, &[u8])> {
    let &[high, low, ref rest @ ..] = bytes else { return None };
    let pc = u16::from_be_bytes([high, low]);
    let (epc, rest) = rest.split_at_checked(usize::from(pc >> 11) * 2)?;
    let &[c1, c0, ref rest @ ..] = rest else { return None };
    let (data, rest) = rest.split_at_checked(size)?;
    let crc = u16::from_be_bytes([c1, c0]);
    Some((Named { tags, pc, epc, crc, crc_ok: crc == checksum::tag_crc(pc, epc), data }, rest))
}
