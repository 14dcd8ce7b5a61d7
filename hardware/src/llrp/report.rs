//! Tag reports at full speed: RO_ACCESS_REPORT read straight from its bytes, without a tree.
//!
//! Only what a [`Tag`] needs is taken; everything else is stepped over by its length. Source: LLRP 1.0.1 section 14.2.3
//! (TagReportData) and the TV table of section 16.

use std::time::Duration;

use super::fields;
use super::message::{Flaw, Malformed};
use crate::event::Tag;

/// The message type of RO_ACCESS_REPORT.
pub const RO_ACCESS_REPORT: u16 = 61;

const TAG_REPORT_DATA: u16 = 240;
const EPC_DATA: u16 = 241;

/// The results of what an AccessSpec did, C1G2ReadOpSpecResult to C1G2BlockWriteOpSpecResult.
const RESULTS: std::ops::RangeInclusive<u16> = 349..=354;

/// ImpinjPeakRSSI: vendor 25882, subtype 57, as it stands in a parameter 1023.
const IMPINJ_PEAK_RSSI: [u8; 8] = [0, 0, 0x65, 0x1A, 0, 0, 0, 57];

/// What one TagReportData says of a tag, borrowed from the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TagReport<'a> {
    /// The EPC memory, most significant octet first; an odd number of bits is padded low.
    pub epc: &'a [u8],
    /// Number of the antenna, from 1; 0 where the reader did not say.
    pub antenna: u16,
    /// Strongest answer in dBm.
    pub rssi_dbm: Option<i8>,
    /// How many answers the entry stands for.
    pub count: u16,
    /// When it was last seen, by the reader's clock.
    pub last_seen: Stamps,
    /// The AccessSpec that worked on the tag, 0 for none.
    pub access_spec: u32,
    /// What the last operation of that AccessSpec came to.
    pub result: Option<OpResult<'a>>,
}

/// An operation's result, borrowed from the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpResult<'a> {
    /// The parameter type: 349 for a read, 350 for a write.
    pub number: u16,
    /// 0 = success; the other codes differ from parameter to parameter.
    pub code: u8,
    /// What follows OpSpecID: the words that were read, the number of those written.
    pub rest: &'a [u8],
}

/// The two clocks of a reader, in microseconds. Only differences between stamps of one clock mean anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamps {
    /// Since 1970, as far as the reader's clock is right.
    pub utc: Option<u64>,
    /// Since the reader started.
    pub uptime: Option<u64>,
}

impl Stamps {
    /// The later of two, clock by clock.
    pub fn latest(self, other: Stamps) -> Stamps {
        Stamps { utc: self.utc.max(other.utc), uptime: self.uptime.max(other.uptime) }
    }

    /// The time from `earlier` to `self`; `None` without a common clock. The uptime is trusted more: nobody sets it.
    pub fn since(self, earlier: Stamps) -> Option<Duration> {
        let pair = self.uptime.zip(earlier.uptime).or(self.utc.zip(earlier.utc));
        pair.map(|(late, early)| Duration::from_micros(late.saturating_sub(early)))
    }
}

impl TagReport<'_> {
    /// The tag as an event, `waited` = how long ago `newest` was.
    pub fn tag(&self, newest: Stamps, waited: Duration) -> Tag {
        Tag {
            epc: self.epc.to_vec(),
            antenna: self.antenna,
            rssi_dbm: self.rssi_dbm.map(i16::from),
            count: self.count.max(1),
            age: newest.since(self.last_seen).unwrap_or_default().saturating_add(waited),
        }
    }
}

/// The tags of one RO_ACCESS_REPORT body, in order.
///
/// A malformed entry is the last item: what came before it is good. Entries without an EPC (radio surveys, vendors'
/// own) are stepped over.
#[derive(Clone, Debug)]
pub struct TagReports<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> TagReports<'a> {
    /// The tags in a message body from octet `at` on; start at 0, resume at [`TagReports::at`].
    pub fn new(body: &'a [u8], at: usize) -> TagReports<'a> {
        TagReports { rest: body.get(at..).unwrap_or_default(), at }
    }

    /// Octets of the body read so far.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The latest stamp of the tags that are left.
    pub fn newest(&self) -> Stamps {
        self.clone().map_while(Result::ok).fold(Stamps::default(), |newest, tag| newest.latest(tag.last_seen))
    }

    fn broken<T>(&mut self, flaw: Flaw) -> Option<Result<T, Malformed>> {
        let at = self.at;
        self.at += self.rest.len();
        self.rest = &[];
        Some(Err(Malformed { at, flaw }))
    }
}

impl<'a> Iterator for TagReports<'a> {
    type Item = Result<TagReport<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let &[t0, t1, l0, l1, ..] = self.rest else {
                return if self.rest.is_empty() { None } else { self.broken(Flaw::Stray) };
            };
            if 0x80 <= t0 {
                // No TV parameter belongs here, and an unknown one cannot be stepped over.
                return self.broken(Flaw::Stray);
            }
            let number = u16::from_be_bytes([t0, t1]) & 0x03FF;
            let length = u16::from_be_bytes([l0, l1]);
            if length < 4 {
                return self.broken(Flaw::TooShort { number, length });
            }
            let Some((entry, rest)) = self.rest.split_at_checked(usize::from(length)) else {
                return self.broken(Flaw::Overrun { number });
            };
            let content = entry.get(4..).unwrap_or_default();
            if number == TAG_REPORT_DATA {
                match tag_report(content) {
                    Ok(None) => (),
                    Ok(Some(tag)) => {
                        self.at += entry.len();
                        self.rest = rest;
                        return Some(Ok(tag));
                    }
                    Err(Malformed { at, flaw }) => {
                        self.at += 4 + at;
                        self.rest = self.rest.get(4 + at..).unwrap_or_default();
                        return self.broken(flaw);
                    }
                }
            }
            self.at += entry.len();
            self.rest = rest;
        }
    }
}

/// One TagReportData; `None` without an EPC.
fn tag_report(content: &[u8]) -> Result<Option<TagReport<'_>>, Malformed> {
    let mut tag = TagReport { count: 1, ..TagReport::default() };
    let mut has_epc = false;
    let mut rest = content;
    while let Some(first) = rest.first() {
        let fail = |flaw| Malformed { at: content.len() - rest.len(), flaw };
        rest = match *rest {
            [0x8D, ref after @ ..] => {
                let (epc, after) = after.split_at_checked(12).ok_or_else(|| fail(Flaw::Overrun { number: 13 }))?;
                (tag.epc, has_epc) = (epc, true);
                after
            }
            [0x81, a0, a1, ref after @ ..] => {
                tag.antenna = u16::from_be_bytes([a0, a1]);
                after
            }
            [0x86, rssi, ref after @ ..] => {
                tag.rssi_dbm = Some(rssi.cast_signed());
                after
            }
            [0x88, c0, c1, ref after @ ..] => {
                tag.count = u16::from_be_bytes([c0, c1]);
                after
            }
            [clock @ (0x84 | 0x85), m0, m1, m2, m3, m4, m5, m6, m7, ref after @ ..] => {
                let stamp = Some(u64::from_be_bytes([m0, m1, m2, m3, m4, m5, m6, m7]));
                match clock {
                    0x84 => tag.last_seen.utc = stamp,
                    _ => tag.last_seen.uptime = stamp,
                }
                after
            }
            [0x90, a0, a1, a2, a3, ref after @ ..] => {
                tag.access_spec = u32::from_be_bytes([a0, a1, a2, a3]);
                after
            }
            [0x80..=0xFF, ..] => {
                let number = first & 0x7F;
                // The value's size is unknown: what came before is kept, the rest of this entry is not.
                let Some(size) = tv_size(number) else { break };
                rest.get(1 + size..).ok_or_else(|| fail(Flaw::Overrun { number: u16::from(number) }))?
            }
            [t0, t1, l0, l1, ref after @ ..] => {
                let number = u16::from_be_bytes([t0, t1]) & 0x03FF;
                let length = u16::from_be_bytes([l0, l1]);
                let size = usize::from(length).checked_sub(4).ok_or_else(|| fail(Flaw::TooShort { number, length }))?;
                let (value, after) = after.split_at_checked(size).ok_or_else(|| fail(Flaw::Overrun { number }))?;
                if RESULTS.contains(&number) {
                    let &[code, _, _, ref rest @ ..] = value else {
                        return Err(fail(Flaw::FieldCut { layout: "OpSpecResult", field: "OpSpecID" }));
                    };
                    tag.result = Some(OpResult { number, code, rest });
                }
                if let (1023, Some(&[r0, r1])) = (number, value.strip_prefix(&IMPINJ_PEAK_RSSI)) {
                    tag.rssi_dbm = Some(whole_dbm(i16::from_be_bytes([r0, r1])));
                }
                if number == EPC_DATA {
                    let cut = Flaw::FieldCut { layout: "EPCData", field: "EPC" };
                    let &[b0, b1, ref octets @ ..] = value else {
                        return Err(fail(cut));
                    };
                    let size = usize::from(u16::from_be_bytes([b0, b1])).div_ceil(8);
                    (tag.epc, has_epc) = (octets.get(..size).ok_or_else(|| fail(cut))?, true);
                }
                after
            }
            _ => return Err(fail(Flaw::Stray)),
        };
    }
    Ok(has_epc.then_some(tag))
}

/// 1/100 dBm as the nearest dBm.
fn whole_dbm(cdbm: i16) -> i8 {
    let half = if cdbm < 0 { -50 } else { 50 };
    let dbm = cdbm.saturating_add(half) / 100;
    dbm.clamp(i8::MIN.into(), i8::MAX.into()) as i8
}

/// Octets of a TV parameter's value; `None` for a type that LLRP 1.1 lacks.
fn tv_size(number: u8) -> Option<usize> {
    Some(match number {
        1 | 7 | 8 | 10 | 11 | 12 | 14 | 17 | 19 | 20 => 2,
        2..=5 => 8,
        6 => 1,
        9 | 16 | 18 => 4,
        13 => 12,
        _ => {
            debug_assert!(fields::tv_layout(number).is_none(), "the field table knows TV parameter {number}");
            return None;
        }
    })
}
