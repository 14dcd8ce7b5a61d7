//! Cutting the byte stream of a reader into LLRP messages.
//!
//! Frame: `3 reserved bits, 3 version, 10 type | u32 length with this header | u32 message id | body`, big-endian.
//! Source: LLRP 1.0.1 section 15.1. The reserved bits are not looked at.

use std::fmt;

/// Octets before the body.
pub const HEADER: usize = 10;

/// Longest message accepted, in octets. The largest known real one is a report of 1.4 MB; a longer claim is refused
/// before a single octet is stored for it.
pub const FRAME_MAX: usize = 8 << 20;

/// One whole message, borrowed from the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// 1 = LLRP 1.0.1, 2 = LLRP 1.1.
    pub version: u8,
    /// The message type, 0 to 1023.
    pub number: u16,
    /// A response repeats the id of its request.
    pub id: u32,
    /// Fields and parameters, without the header.
    pub body: &'a [u8],
}

impl Frame<'_> {
    /// Octets on the wire, header included.
    #[expect(clippy::len_without_is_empty, reason = "a frame is never empty: it has a header")]
    pub fn len(&self) -> usize {
        HEADER + self.body.len()
    }
}

/// The length of a message cannot be true, so no later message can be found: close the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FramingLost {
    /// The length that the header claims, in octets.
    pub length: u32,
}

impl fmt::Display for FramingLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a message header claims {} bytes; LLRP messages have {HEADER} to {FRAME_MAX}", self.length)
    }
}

impl std::error::Error for FramingLost {}

/// The message at the front of `bytes`, or `None` until more bytes arrive.
///
/// # Errors
/// [`FramingLost`] when the header claims fewer than [`HEADER`] or more than [`FRAME_MAX`] octets.
pub fn cut(bytes: &[u8]) -> Result<Option<Frame<'_>>, FramingLost> {
    let &[t0, t1, l0, l1, l2, l3, ref after @ ..] = bytes else {
        return Ok(None);
    };
    let length = u32::from_be_bytes([l0, l1, l2, l3]);
    let octets = usize::try_from(length).unwrap_or(usize::MAX);
    if !(HEADER..=FRAME_MAX).contains(&octets) {
        return Err(FramingLost { length });
    }
    let &[i0, i1, i2, i3, ref rest @ ..] = after else {
        return Ok(None);
    };
    let Some(body) = rest.get(..octets - HEADER) else {
        return Ok(None);
    };
    let head = u16::from_be_bytes([t0, t1]);
    let version = t0 >> 2 & 0x07;
    Ok(Some(Frame { version, number: head & 0x03FF, id: u32::from_be_bytes([i0, i1, i2, i3]), body }))
}
