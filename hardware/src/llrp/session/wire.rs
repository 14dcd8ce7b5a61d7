//! Frames in and out: each message that came goes to the step that waits for it, each request gets its id.

use std::time::Duration;

use super::{Asked, Llrp, Queued, Step};
use crate::llrp::frame::Frame;
use crate::llrp::message::{Message, Parameter};
use crate::llrp::report::{RO_ACCESS_REPORT, TagReports};
use crate::llrp::status::Status;

/// Acknowledgements that wait at once. A reader asks once in seconds; more have no use.
const ACKS_MAX: usize = 5;

/// Longest message besides a tag report that is looked into, in octets. Real ones end near 2,000.
const CONTROL_MAX: usize = 256 << 10;

const KEEPALIVE: u16 = 62;
const READER_EVENT_NOTIFICATION: u16 = 63;
const ERROR_MESSAGE: u16 = 100;

impl Llrp {
    pub(super) fn frame(&mut self, frame: &Frame<'_>, now: Duration) {
        match frame.number {
            RO_ACCESS_REPORT => return self.report(frame.body, now),
            KEEPALIVE if self.step != Step::Greeting => return self.acknowledge(frame.id),
            _ => (),
        }
        let decoded = match frame.body.len() {
            0..=CONTROL_MAX => Message::decode(frame).map_err(|malformed| malformed.to_string()),
            length => Err(format!("it has {length} bytes, {CONTROL_MAX} are the bound")),
        };
        let message = match decoded {
            Ok(message) => message,
            Err(why) => {
                let number = frame.number;
                self.fault(format!("message {number} from the reader is not understood: {why}"));
                let awaited = |asked: Asked| asked.id == frame.id && asked.answer == number;
                // Reading does not hang on what a reader says of itself.
                match self.step {
                    Step::Capabilities | Step::State if self.asked.is_some_and(awaited) => self.go_on_without(now),
                    _ => (),
                }
                return;
            }
        };
        if frame.number == READER_EVENT_NOTIFICATION {
            return self.reader_event(&message.body, now);
        }
        let fits = |asked: &Asked| match frame.number {
            ERROR_MESSAGE => asked.id == frame.id || self.step == Step::SupportedVersion,
            number => asked.id == frame.id && asked.answer == number,
        };
        match self.asked {
            Some(asked) if fits(&asked) => {
                self.asked = None;
                self.deadline = None;
                self.answer(asked.request, &message.body, now);
            }
            // A late answer to a request that was given up is of no use.
            _ if frame.number != ERROR_MESSAGE => (),
            _ => self.fault(format!("the reader did not take a message: {}", Status::of(&message.body))),
        }
    }

    fn report(&mut self, body: &[u8], now: Duration) {
        if body.is_empty() {
            return;
        }
        let newest = TagReports::new(body, 0).newest();
        self.look_for_result(body, now);
        let mut waited = Duration::ZERO;
        if let (true, Some((stamps, greeted_at))) = (self.catching_up, self.greeted) {
            match stamps.since(newest) {
                // Seen before this connection, by the reader's own clock: it was held.
                Some(before) if before != Duration::ZERO => waited = before + now.saturating_sub(greeted_at),
                _ => self.catching_up = false,
            }
        }
        self.events.push_back(Queued::Report { body: body.to_vec(), at: 0, newest, waited });
    }

    /// Queues a message; its id and type, or `None` when the session is lost because the message cannot be built.
    pub(super) fn send(&mut self, body: Parameter) -> Option<(u32, u16)> {
        self.last_id = self.last_id.wrapping_add(1);
        let message = Message { version: self.version, id: self.last_id, body };
        match message.encode() {
            Ok(bytes) => {
                self.requests.push_back(bytes);
                Some((message.id, message.number()))
            }
            Err(too_long) => {
                self.lose(format!("{too_long}; configure fewer antennas"));
                None
            }
        }
    }

    /// KEEPALIVE_ACK with the id of its KEEPALIVE, ahead of all requests.
    pub(super) fn acknowledge(&mut self, id: u32) {
        let message = Message { version: self.version, id, body: Parameter::new("KEEPALIVE_ACK") };
        if let (Ok(bytes), true) = (message.encode(), self.acks.len() < ACKS_MAX) {
            self.acks.push_back(bytes);
        }
    }
}
