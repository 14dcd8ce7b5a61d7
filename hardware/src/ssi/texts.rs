//! From packets to texts: which are repetitions, which belong together.
//!
//! The decoder repeats a message until it is acknowledged and marks the repetition. So a message that is marked and the
//! same as the last one that was taken is acknowledged again and not read again. One that is marked and different was
//! never heard before. When a message came with a wrong checksum and unmarked, its repetition is the first that was
//! heard, even where it is the same as the last.

use std::time::Duration;

use crate::ssi::frame::{self, Frame, status};

/// How long a repetition may take to go on with a long message: the decoder sends each packet three times, 2 s apart,
/// and the link may be cut meanwhile.
const PACKET: Duration = Duration::from_secs(30);

/// How soon the next packet comes when it comes at once. A decoder that gave a message up did so 2 s after its last
/// packet: what comes unmarked then begins another.
const FOLLOWS: Duration = Duration::from_millis(1500);

/// Longest text: the largest QR code holds 7089 characters.
pub(super) const TEXT_MAX: usize = 8192;

/// What was taken before, and the beginning of a text that is not complete: at most [`TEXT_MAX`] bytes and a packet.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    last: Option<Taken>,
    parts: Option<Parts>,
    /// Packets of a text were given up, and what is repeated now may be the rest of it.
    orphaned: bool,
    /// Bytes that belong to no text.
    noise: usize,
}

/// The last packet that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Taken {
    opcode: u8,
    data: Vec<u8>,
    at: Duration,
}

/// A text of which some packets came.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    symbology: u8,
    text: Vec<u8>,
    /// For messages of numbered segments: the next, and the length of the whole.
    segments: Option<(u8, usize)>,
    /// When its last packet came, or the last repetition of it.
    heard: Duration,
    /// The link was opened anew since: only a repetition goes on with it.
    resumed: bool,
}

/// What a packet gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Obtained {
    /// A repetition, or a part.
    Nothing,
    Text {
        symbology: u8,
        text: Vec<u8>,
    },
    /// The rest of a text whose beginning is gone.
    Broken,
    /// A text longer than any.
    Overlong,
}

/// What the decoder is told about a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// Send the next.
    Next,
    /// That was the last.
    Done,
}

impl Texts {
    /// The link was opened anew. What was taken last is remembered, and a text may go on: the decoder repeats.
    pub fn reopened(&mut self, now: Duration) {
        if let Some(parts) = &mut self.parts {
            (parts.resumed, parts.heard) = (true, now);
        }
    }

    /// The decoder lost its power, and what it had begun.
    pub fn rebooted(&mut self) {
        self.noise += self.parts.take().map_or(0, |parts| parts.text.len());
    }

    /// How many bytes belonged to no text; asking uses it up.
    pub fn take_noise(&mut self) -> usize {
        std::mem::take(&mut self.noise)
    }

    /// An unmarked message came with a wrong checksum: its repetition is no repetition to this side.
    pub fn garbled(&mut self) {
        self.last = None;
    }

    /// Whether `frame` repeats what was taken since `since`.
    pub fn just_taken(&self, frame: &Frame<'_>, since: Duration) -> bool {
        self.repeated(frame) && self.last.as_ref().is_some_and(|last| since < last.at)
    }

    /// When the rest of a text is late.
    pub fn wake(&self) -> Option<Duration> {
        self.parts.as_ref().map(|parts| parts.heard.saturating_add(PACKET))
    }

    /// Gives up a text of which the rest did not come.
    pub fn tick(&mut self, now: Duration) {
        if self.wake().is_some_and(|until| until <= now) {
            self.give_up();
        }
    }

    /// A text, or a part of one; the same unmarked text within `repeat` is a repetition too.
    pub fn packet(&mut self, frame: &Frame<'_>, repeat: Duration, now: Duration) -> Obtained {
        let marked = frame.status & status::RETRANSMIT != 0;
        let other = |parts: &Parts| parts.resumed || parts.heard.saturating_add(FOLLOWS) < now;
        if !marked && self.parts.as_ref().is_some_and(other) {
            self.give_up();
        }
        let whole = frame.status & status::CONTINUES == 0 && self.parts.is_none();
        let same = |last: &&Taken| last.opcode == frame.opcode && last.data == frame.data;
        let again = self.last.as_ref().filter(same);
        if again.is_some_and(|last| marked || (whole && now < last.at.saturating_add(repeat))) {
            if let Some(parts) = &mut self.parts {
                parts.heard = now;
            }
            return Obtained::Nothing;
        }
        self.remember(frame, now);
        if !marked {
            self.orphaned = false;
        } else if std::mem::take(&mut self.orphaned) && self.parts.is_none() {
            self.noise += frame.data.len();
            return Obtained::Broken;
        }
        let Some((&symbology, text)) = frame.data.split_first() else {
            self.noise += frame::EMPTY;
            return Obtained::Nothing;
        };
        if whole {
            return Obtained::Text { symbology, text: text.to_vec() };
        }
        let mut parts = match self.parts.take() {
            Some(parts) if parts.segments.is_none() => parts,
            Some(_) | None => Parts { symbology, text: Vec::new(), segments: None, heard: now, resumed: false },
        };
        // Each packet names the symbology; what does not is text.
        let text = if symbology == parts.symbology { text } else { frame.data };
        parts.text.extend_from_slice(text);
        (parts.heard, parts.resumed) = (now, false);
        match frame.status & status::CONTINUES {
            0 => Obtained::Text { symbology: parts.symbology, text: parts.text },
            _ => self.keep(parts),
        }
    }

    /// A numbered part of a text, as cordless bases send it.
    pub fn segment(&mut self, frame: &Frame<'_>, now: Duration) -> (Reply, Obtained) {
        let number = frame.data.first().copied().unwrap_or_default();
        let begun = self.parts.take().filter(|parts| parts.segments.is_some());
        let next = begun.as_ref().and_then(|parts| parts.segments).map_or(0, |(next, _)| next);
        if number < next || (begun.is_none() && self.repeated(frame)) {
            // It was taken before: its acknowledgement was lost.
            let reply = if begun.is_none() && number != 0 { Reply::Done } else { Reply::Next };
            self.parts = begun.map(|parts| Parts { heard: now, ..parts });
            return (reply, Obtained::Nothing);
        }
        let parts = match (begun, frame.data.split_first()) {
            (Some(mut parts), Some((_, text))) if number == next && number != 0 => {
                parts.text.extend_from_slice(text);
                parts.segments = parts.segments.map(|(next, length)| (next.wrapping_add(1), length));
                Some(Parts { heard: now, resumed: false, ..parts })
            }
            _ => frame::first_segment(frame.data).map(|first| Parts {
                symbology: first.symbology,
                text: first.text.to_vec(),
                segments: Some((1, first.length.min(TEXT_MAX))),
                heard: now,
                resumed: false,
            }),
        };
        self.remember(frame, now);
        let Some(mut parts) = parts else { return self.orphan(frame) };
        let length = parts.segments.map_or(0, |(_, length)| length);
        if length <= parts.text.len() {
            parts.text.truncate(length);
            return (Reply::Done, Obtained::Text { symbology: parts.symbology, text: parts.text });
        }
        (Reply::Next, self.keep(parts))
    }

    /// A segment of a text whose beginning is gone: the decoder is let go on to its end, which a segment that is not full
    /// marks.
    fn orphan(&mut self, frame: &Frame<'_>) -> (Reply, Obtained) {
        self.noise += frame.data.len();
        match frame.data.len() < frame::DATA_MAX {
            true => (Reply::Done, Obtained::Broken),
            false => (Reply::Next, Obtained::Nothing),
        }
    }

    /// Whether a packet is marked and the one that was taken last.
    fn repeated(&self, frame: &Frame<'_>) -> bool {
        let same = |last: &Taken| last.opcode == frame.opcode && last.data == frame.data;
        frame.status & status::RETRANSMIT != 0 && self.last.as_ref().is_some_and(same)
    }

    fn remember(&mut self, frame: &Frame<'_>, now: Duration) {
        self.last = Some(Taken { opcode: frame.opcode, data: frame.data.to_vec(), at: now });
    }

    /// The rest of a text did not come, or comes no more.
    fn give_up(&mut self) {
        self.orphaned = true;
        self.rebooted();
    }

    /// Waits for the rest of a text, unless it is longer than any.
    fn keep(&mut self, parts: Parts) -> Obtained {
        if TEXT_MAX < parts.text.len() {
            self.noise += parts.text.len();
            return Obtained::Overlong;
        }
        self.parts = Some(parts);
        Obtained::Nothing
    }
}
