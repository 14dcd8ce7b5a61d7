//! A session with one scanner: cuts what it sends into codes, and tells its replies apart from them.

use std::collections::VecDeque;
use std::time::Duration;

use crate::command::{Command, Unable};
use crate::device::Session;
use crate::event::Event;
use crate::scanner::framing::{Framing, FramingError};
use crate::scanner::host::{self, Host};

/// What waits to be sent at most: a person signals a few times a second, and three beeps are the longest word.
const WAITING_MAX: usize = 32;

/// A session with one scanner. Holds one line of at most `max_len` bytes and a terminator, one reply of at most
/// [`host::REPLY_MAX`] bytes, and the events that were not yet polled.
#[derive(Clone, Debug)]
pub struct Scanner {
    framing: Framing,
    place: Place,
    line: Vec<u8>,
    /// The byte before was a CR that ended a code: an LF belongs to it.
    after_cr: bool,
    heard: Option<Duration>,
    noise: usize,
    host: Option<Host>,
    /// What may be a reply and no code.
    aside: Vec<u8>,
    /// Until when the answer to who it is may come.
    asked: Option<Duration>,
    model: String,
    /// Whether the scanner was last told to read.
    reads: bool,
    /// What is sent, and when.
    out: VecDeque<(Duration, Vec<u8>)>,
    now: Duration,
    events: VecDeque<Event>,
    closed: bool,
}

/// Where in the stream the next byte falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before a prefix; `line` holds what may be its first bytes.
    Outside,
    Inside,
    /// In a line that grew too long, of which only the end is awaited; `line` holds what may be its terminator.
    Overlong,
}

impl Scanner {
    /// # Errors
    /// A [`FramingError`] when no code could ever end.
    pub fn new(framing: Framing) -> Result<Self, FramingError> {
        framing.check()?;
        let place = outside(&framing);
        Ok(Self {
            framing,
            place,
            line: Vec::new(),
            after_cr: false,
            heard: None,
            noise: 0,
            host: None,
            aside: Vec::new(),
            asked: None,
            model: String::new(),
            reads: true,
            out: VecDeque::new(),
            now: Duration::ZERO,
            events: VecDeque::new(),
            closed: true,
        })
    }

    /// A scanner that understands the commands of `host`.
    pub fn commanded(mut self, host: Option<Host>) -> Self {
        self.host = host;
        self
    }

    /// The bytes of a code that has begun and not ended.
    pub fn pending(&self) -> &[u8] {
        match self.place {
            Place::Inside => &self.line,
            Place::Outside | Place::Overlong => &[],
        }
    }
}

impl Session for Scanner {
    /// The link was just opened. A scanner that cannot be asked who it is is ready at once, its model unknown; one that
    /// can and does not answer is ready all the same.
    fn opened(&mut self, now: Duration) {
        self.forget();
        (self.closed, self.reads, self.now) = (false, true, now);
        self.model.clear();
        match self.host.and_then(Host::question) {
            Some(question) => {
                self.out.push_back((now, question));
                self.asked = Some(now.saturating_add(host::ANSWER));
            }
            None => self.ready(),
        }
    }

    /// Takes what the port just delivered, in any split.
    fn receive(&mut self, bytes: &[u8], now: Duration) {
        if self.closed || bytes.is_empty() {
            return;
        }
        self.tick(now);
        self.heard = Some(now);
        for &byte in bytes {
            let byte = if self.framing.strip_parity { byte & 0x7F } else { byte };
            if !self.framed_reply(byte) {
                self.take(byte);
            }
        }
        self.report_noise();
    }

    /// Ends a code when the pause behind it is over, and the wait for a reply.
    fn tick(&mut self, now: Duration) {
        self.now = now;
        if self.closed {
            return;
        }
        if self.reply_lost().is_some_and(|lost| lost <= now) {
            self.drop_aside();
        }
        if self.asked.is_some_and(|until| until <= now) {
            self.ready();
        }
        if self.pause_over().is_some_and(|over| over <= now) {
            match self.place {
                Place::Outside => self.noise += self.line.len(),
                Place::Inside => self.end(self.line.len()),
                Place::Overlong => self.noise += self.line.len(),
            }
            self.restart();
        }
        self.report_noise();
    }

    /// What is to be sent next; call until `None` after each of the calls above.
    fn transmit(&mut self) -> Option<Vec<u8>> {
        self.out.front().filter(|(at, _)| *at <= self.now)?;
        self.out.pop_front().map(|(_, bytes)| bytes)
    }

    /// The next event; call until `None` after each of the calls above.
    fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When the pause behind the bytes received so far ends a code, a reply is late or something is to be sent.
    fn wake(&self) -> Option<Duration> {
        let send = self.out.front().map(|(at, _)| *at);
        [self.pause_over(), self.reply_lost(), self.asked, send].into_iter().flatten().min()
    }

    /// A scanner has nothing to end: what is pending is noise and the session is over at once.
    fn close(&mut self, _now: Duration) {
        self.forget();
        self.closed = true;
    }

    fn closed(&self) -> bool {
        self.closed
    }

    /// Tells the scanner; it gives no answer.
    fn command(&mut self, _number: u32, command: &Command, now: Duration) -> Result<(), Unable> {
        let reads = match command {
            Command::Reading { on } => *on,
            _ => self.reads,
        };
        let words = self.host.ok_or(Unable)?.words(command, reads)?;
        if self.closed {
            return Err(Unable);
        }
        (self.now, self.reads) = (now, reads);
        // One word after the other: the scanner has one beeper.
        let begins = self.out.back().map_or(now, |(at, _)| now.max(*at));
        if self.out.len() + words.len() <= WAITING_MAX {
            self.out.extend(words.into_iter().map(|(wait, bytes)| (begins.saturating_add(wait), bytes.to_vec())));
        }
        Ok(())
    }
}

impl Scanner {
    fn pause_over(&self) -> Option<Duration> {
        let pending = !self.line.is_empty() || self.place == Place::Overlong;
        let (heard, idle) = (self.heard?, self.framing.idle?);
        pending.then(|| heard.saturating_add(idle))
    }

    /// When the rest of a reply that has begun will not come any more.
    fn reply_lost(&self) -> Option<Duration> {
        (!self.aside.is_empty()).then(|| self.heard.unwrap_or_default().saturating_add(host::ANSWER))
    }

    fn take(&mut self, byte: u8) {
        let after_cr = std::mem::take(&mut self.after_cr);
        if after_cr && byte == b'\n' && self.line.is_empty() {
            return;
        }
        match self.place {
            Place::Outside => self.outside(byte),
            Place::Inside => self.inside(byte),
            Place::Overlong => self.overlong(byte),
        }
    }

    /// Takes `byte` when it belongs to a reply of a Datalogic scanner, which comes between two codes.
    fn framed_reply(&mut self, byte: u8) -> bool {
        let between = self.line.is_empty() && self.place == outside(&self.framing);
        let begins = byte == 1 && between;
        if self.host != Some(Host::Datalogic) || (self.aside.is_empty() && !begins) {
            return false;
        }
        self.aside.push(byte);
        match host::framed(&self.aside) {
            Some(None) => (),
            Some(Some(text)) => {
                self.model = String::from_utf8_lossy(text).trim().to_owned();
                self.aside.clear();
                self.answered();
            }
            None => self.drop_aside(),
        }
        true
    }

    /// What was set aside is no reply: its head is noise, and the rest is looked at again.
    fn drop_aside(&mut self) {
        let aside = std::mem::take(&mut self.aside);
        match self.host {
            Some(Host::Datalogic) => {
                // The STX of the head may be the prefix of a code; where there is no prefix it begins nothing.
                let head = if self.framing.prefix.is_empty() && aside.get(1) == Some(&2) { 2 } else { 1 };
                self.noise += head;
                aside.into_iter().skip(head).for_each(|byte| self.take(byte));
            }
            Some(Host::Honeywell | Host::CipherLab) | None => self.noise += aside.len(),
        }
    }

    /// A line that is no code: part of what a Honeywell scanner says of itself, or noise.
    fn stray_line(&mut self, line: &[u8]) {
        match host::introduction(line).filter(|_| self.asked.is_some()) {
            Some(("Product Name", model)) => model.clone_into(&mut self.model),
            Some(_) => (),
            None => self.noise += line.len(),
        }
    }

    /// Whether `line` is the reply to a menu command; it is taken then.
    fn menu_reply(&mut self, line: &[u8]) -> bool {
        let replies = match self.host {
            Some(Host::Honeywell) => host::replies(line),
            Some(Host::Datalogic | Host::CipherLab) | None => None,
        };
        if replies.is_none() {
            return false;
        }
        // Where no line ends a code all of it is one.
        let ends = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let mut lines = line.split(ends).filter_map(host::introduction);
        if let Some((_, model)) = lines.find(|(name, _)| *name == "Product Name") {
            model.clone_into(&mut self.model);
        }
        self.answered();
        true
    }

    /// Bytes before a prefix are noise, save a CR and LF that some scanners send behind their suffix, and replies.
    fn outside(&mut self, byte: u8) {
        self.line.push(byte);
        if self.line == self.framing.prefix {
            self.line.clear();
            self.place = Place::Inside;
            let aside = std::mem::take(&mut self.aside);
            self.stray_line(&aside);
        }
        while !self.line.is_empty() && !self.framing.prefix.starts_with(&self.line) {
            let stray = self.line.remove(0);
            self.stray(stray);
        }
    }

    fn stray(&mut self, stray: u8) {
        if self.host != Some(Host::Honeywell) {
            self.noise += usize::from(!matches!(stray, b'\r' | b'\n'));
            return;
        }
        let mut aside = std::mem::take(&mut self.aside);
        if matches!(stray, b'\r' | b'\n') {
            return self.stray_line(&aside);
        }
        aside.push(stray);
        if host::ends_reply(&aside) && self.menu_reply(&aside) {
            return;
        }
        match aside.len() < host::REPLY_MAX {
            true => self.aside = aside,
            false => self.noise += aside.len(),
        }
    }

    /// The scanner said who it is, as far as it does.
    fn answered(&mut self) {
        if self.asked.is_some() {
            self.ready();
        }
    }

    fn ready(&mut self) {
        self.asked = None;
        self.report_noise();
        self.events.push_back(Event::Ready { model: self.model.clone() });
    }

    fn inside(&mut self, byte: u8) {
        self.line.push(byte);
        if self.framing.prefix.is_empty() && host::ends_reply(&self.line) {
            let line = std::mem::take(&mut self.line);
            if self.menu_reply(&line) {
                return self.restart();
            }
            self.line = line;
        }
        let prefix = &self.framing.prefix;
        if let Some(ending) = self.framing.ending(&self.line) {
            let length = self.line.len() - ending;
            self.after_cr = byte == b'\r';
            self.end(length);
            self.restart();
        } else if !prefix.is_empty() && self.line.ends_with(prefix) {
            // A new beginning: the code before it was cut off.
            self.noise += self.line.len();
            self.line.clear();
        } else if self.framing.max_len + self.framing.terminator_max() < self.line.len() {
            self.fault_overlong();
            self.place = Place::Overlong;
            self.shorten();
        }
    }

    fn overlong(&mut self, byte: u8) {
        self.line.push(byte);
        let prefix = &self.framing.prefix;
        if self.framing.ending(&self.line).is_some() {
            self.after_cr = byte == b'\r';
            self.noise += self.line.len();
            self.restart();
        } else if !prefix.is_empty() && self.line.ends_with(prefix) {
            self.noise += self.line.len();
            self.restart();
            self.place = Place::Inside;
        } else {
            self.shorten();
        }
    }

    /// Keeps of an over-long line only what can be the beginning of its end.
    fn shorten(&mut self) {
        let keep = self.framing.terminator_max().max(self.framing.prefix.len()).saturating_sub(1);
        let drop = self.line.len().saturating_sub(keep);
        self.line.drain(..drop);
        self.noise += drop;
    }

    /// The first `length` bytes of the line are a code, or noise.
    fn end(&mut self, length: usize) {
        let Some(payload) = self.line.get(..length).filter(|payload| !payload.is_empty()) else {
            return;
        };
        if self.framing.max_len < length {
            self.noise += length;
            self.fault_overlong();
            return;
        }
        if self.framing.prefix.is_empty() && !printable(payload) {
            self.noise += length;
            return;
        }
        if self.asked.is_some() && self.host == Some(Host::Honeywell) && host::introduction(payload).is_some() {
            let line = payload.to_vec();
            return self.stray_line(&line);
        }
        let event = self.framing.aim.report(payload);
        self.report_noise();
        self.events.push_back(event);
    }

    fn fault_overlong(&mut self) {
        let text = format!(
            "a line of more than {} bytes was dropped up to its end; check the suffix of the scanner, or allow longer codes",
            self.framing.max_len
        );
        self.report_noise();
        self.events.push_back(Event::Fault { text });
    }

    fn report_noise(&mut self) {
        let bytes = std::mem::take(&mut self.noise);
        if 0 < bytes {
            self.events.push_back(Event::Noise { bytes });
        }
    }

    fn restart(&mut self) {
        self.line.clear();
        self.place = outside(&self.framing);
    }

    /// Forgets what is pending and says so.
    fn forget(&mut self) {
        self.noise += self.line.len() + std::mem::take(&mut self.aside).len();
        self.restart();
        self.out.clear();
        self.asked = None;
        self.after_cr = false;
        self.heard = None;
        self.report_noise();
    }
}

/// Where a stream begins: without a prefix every byte may be the first of a code.
fn outside(framing: &Framing) -> Place {
    if framing.prefix.is_empty() { Place::Inside } else { Place::Outside }
}

/// Whether a line without prefix can be a code; see the head of this file.
fn printable(line: &[u8]) -> bool {
    let used = |&byte: &u8| matches!(byte, 0x20..=0x7E | 0x80..=0xFF | 0 | b'\t' | b'\n' | b'\r' | 0x04 | 0x1C..=0x1F);
    line.first() != Some(&0) && line.iter().all(used)
}
