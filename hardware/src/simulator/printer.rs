//! A simulated label printer: takes labels apart as a printer does, prints one after another, encodes their tags.
//!
//! Its switches are contacts: line 1 is closed while there is paper, 2 while the head is, 3 while there is ribbon, 4 while the
//! labels have tags that work, 5 while it is not paused. What it printed is in its log.

use std::collections::VecDeque;
use std::time::Duration;

use crate::event::Contact;
use crate::printer::zpl::HostStatus;
use crate::printer::{Language, tspl};
use crate::simulator::Played;
use crate::simulator::outbox::Outbox;
use crate::simulator::script::{Act, Script, SentWhat, Stage};

/// Time to print one label.
const PRINTS: Duration = Duration::from_millis(150);

/// Bytes that it receives before it takes no more; a label that is longer breaks off.
const BUFFER_MAX: usize = 8 << 20;

/// A simulated printer.
#[derive(Clone, Debug)]
pub struct Printer {
    language: Language,
    stage: Stage,
    outbox: Outbox,
    received: Vec<u8>,
    switches: Switches,
    /// Whether it answers while it is in trouble; some do not.
    answers_in_trouble: bool,
    batches: VecDeque<Batch>,
    /// When the label that is being printed is out.
    next: Option<Duration>,
    asked_inside: u64,
}

#[derive(Clone, Copy, Debug)]
struct Switches {
    paper: bool,
    head: bool,
    ribbon: bool,
    tags: bool,
    running: bool,
}

impl Switches {
    fn ready(self) -> bool {
        self.paper && self.head && self.ribbon && self.running
    }
}

/// Labels of one format.
#[derive(Clone, Debug)]
struct Batch {
    bytes: Vec<u8>,
    left: u32,
    epc: Option<Vec<u8>>,
    /// What is returned when it is printed: head and tail around the digits, for each `^HV`.
    read_backs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Printer {
    pub fn new(language: Language, script: Script, seed: u64) -> Printer {
        Printer {
            language,
            stage: Stage::new(script, seed),
            outbox: Outbox::default(),
            received: Vec::new(),
            switches: Switches { paper: true, head: true, ribbon: true, tags: true, running: true },
            answers_in_trouble: true,
            batches: VecDeque::new(),
            next: None,
            asked_inside: 0,
        }
    }

    /// One that answers nothing while paper or ribbon is out or its head is open, as Zebra says of its own.
    pub fn mute_in_trouble(self) -> Printer {
        Printer { answers_in_trouble: false, ..self }
    }

    /// How often it was asked inside a label, which a host must not do.
    pub fn asked_inside(&self) -> u64 {
        self.asked_inside
    }

    /// Whether a label was begun whose end did not come.
    pub fn half(&self) -> bool {
        match self.language {
            Language::Zpl => self.received.starts_with(b"^XA"),
            Language::TsplByte | Language::TsplLine => !self.received.is_empty(),
        }
    }

    /// Takes one thing off the front of what was received; `false` when more must come.
    fn take(&mut self, now: Duration) -> bool {
        match self.language {
            Language::Zpl => self.take_zpl(now),
            Language::TsplByte | Language::TsplLine => self.take_tspl(now),
        }
    }

    fn take_zpl(&mut self, now: Duration) -> bool {
        if let Some(at) = find(&self.received, b"~HS") {
            // Acted on at once, wherever it stands.
            let before = self.received.get(..at).unwrap_or_default();
            let last = |mark: &[u8]| before.windows(mark.len()).rposition(|window| window == mark);
            self.asked_inside += u64::from(last(b"^XZ") < last(b"^XA"));
            self.received.drain(at..at + 3);
            self.answer(self.host_status().encode(), now);
            return true;
        }
        match self.received.as_slice() {
            [b'^', b'X', b'A', ..] => {
                let Some(end) = find(&self.received, b"^XZ") else {
                    if find(&self.received, b"~JA").is_some() {
                        self.received.clear();
                        self.batches.clear();
                    }
                    return false;
                };
                let bytes: Vec<u8> = self.received.drain(..end + 3).collect();
                self.batches.push_back(batch(bytes));
                true
            }
            [b'~', command @ ..] if command.len() < 2 => false,
            [b'~', b'H', b'I', ..] => {
                self.received.drain(..3);
                self.answer(b"\x02ZD621R-203dpi,V93.21.26Z,8,8192KB\x03\r\n".to_vec(), now);
                true
            }
            [b'~', b'J', b'A', ..] => {
                self.received.drain(..3);
                self.batches.clear();
                true
            }
            [b'~', b'P', pause @ (b'P' | b'S'), ..] => {
                self.switches.running = *pause == b'S';
                self.received.drain(..3);
                true
            }
            [b'^'] | [b'^', b'X'] | [] => false,
            _ => {
                self.received.remove(0);
                true
            }
        }
    }

    fn take_tspl(&mut self, now: Duration) -> bool {
        if let [0x1B, b'!', question @ (b'?' | b'S'), ..] = *self.received.as_slice() {
            self.received.drain(..3);
            let answer = if question == b'?' { vec![self.flags().0] } else { self.line().encode() };
            self.answer(answer, now);
            return true;
        }
        match label_end(&self.received) {
            Some((end, copies)) => {
                let bytes: Vec<u8> = self.received.drain(..end).collect();
                if 0 < copies {
                    self.batches.push_back(Batch { bytes, left: copies, epc: None, read_backs: Vec::new() });
                }
                true
            }
            None => {
                let inside = find(&self.received, b"\x1b!").filter(|at| 0 < *at);
                let Some(at) = inside.filter(|at| matches!(self.received.get(at + 2), Some(b'?' | b'S'))) else {
                    return false;
                };
                self.asked_inside += 1;
                let question: Vec<u8> = self.received.drain(at..at + 3).collect();
                self.received.splice(0..0, question);
                true
            }
        }
    }

    fn answer(&mut self, bytes: Vec<u8>, now: Duration) {
        let Switches { paper, head, ribbon, .. } = self.switches;
        let mute = !(self.answers_in_trouble || paper && head && ribbon);
        if mute {
            return;
        }
        if self.stage.take_truncation() {
            let half = bytes.get(..bytes.len() / 2).unwrap_or(&bytes).to_vec();
            let n = half.len();
            return self.outbox.say_logged(half, now, SentWhat::Garbage { n });
        }
        self.outbox.say(bytes);
    }

    fn host_status(&self) -> HostStatus {
        let batches = u32::try_from(self.batches.len()).unwrap_or(u32::MAX);
        HostStatus {
            paper_out: !self.switches.paper,
            paused: !self.switches.running,
            label_length_dots: 609,
            formats_in_buffer: batches.saturating_sub(1),
            partial_format: self.half(),
            head_up: !self.switches.head,
            ribbon_out: !self.switches.ribbon,
            thermal_transfer: true,
            print_mode: 2,
            labels_remaining: self.batches.front().map_or(0, |batch| batch.left),
            ..HostStatus::default()
        }
    }

    fn flags(&self) -> tspl::Flags {
        let Switches { paper, head, ribbon, running, .. } = self.switches;
        let printing = !self.batches.is_empty() && self.switches.ready();
        let bit = |on: bool, bit: u8| u8::from(on) << bit;
        tspl::Flags(bit(!head, 0) | bit(!paper, 2) | bit(!ribbon, 3) | bit(!running, 4) | bit(printing, 5))
    }

    fn line(&self) -> tspl::Line {
        let Switches { paper, head, ribbon, running, .. } = self.switches;
        let message = match (paper && head && ribbon, running, self.batches.is_empty()) {
            (false, ..) => b'E',
            (true, false, _) => b'`',
            (true, true, false) => b'P',
            (true, true, true) => b'@',
        };
        let error2 = 0x40 | u8::from(!paper);
        tspl::Line { message, warning: b'@', error1: b'@', error2 }
    }

    /// Lets the labels come out whose time has come.
    fn print(&mut self, now: Duration) {
        while self.switches.ready() {
            let Some(batch) = self.batches.front_mut() else { break };
            let out = *self.next.get_or_insert(now.saturating_add(PRINTS));
            if now < out {
                return;
            }
            batch.left = batch.left.saturating_sub(1);
            let epc = batch.epc.clone().filter(|_| self.switches.tags);
            self.stage.sent(out, SentWhat::Label { bytes: batch.bytes.clone(), epc: epc.clone() });
            self.next = Some(out.saturating_add(PRINTS));
            if batch.left == 0 {
                let digits = crate::hex::encode(&epc.unwrap_or_default()).to_ascii_uppercase();
                for (head, tail) in std::mem::take(&mut batch.read_backs) {
                    self.outbox.say([head.as_slice(), digits.as_bytes(), &tail].concat());
                }
                self.batches.pop_front();
            }
        }
        // What was half out when it stopped is printed anew.
        self.next = None;
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// What a format asks for: how many labels, what to write into their tags, what to return.
fn batch(bytes: Vec<u8>) -> Batch {
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let left = text.rsplit_once("^PQ").map_or(1, |(_, rest)| leading_number(rest).unwrap_or(1));
    let epc = text.split_once("^RFW,H").and_then(|(_, rest)| rest.split_once("^FD")).and_then(|(_, rest)| {
        let (digits, _) = rest.split_once("^FS")?;
        let pairs =
            digits.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        pairs.collect()
    });
    let read_backs = text.split("^HV").skip(1).map(|rest| {
        let parameters: Vec<&str> = rest.split("^FS").next().unwrap_or_default().split(',').collect();
        let at = |at: usize| parameters.get(at).copied().unwrap_or_default();
        (unescaped(at(2)), unescaped(at(3)))
    });
    Batch { left, epc, read_backs: read_backs.collect(), bytes }
}

/// A parameter of `^HV` in which `_0D` stands for a byte.
fn unescaped(text: &str) -> Vec<u8> {
    let mut parts = text.split('_');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.split_at_checked(2).map(|(digits, rest)| (u8::from_str_radix(digits, 16), rest)) {
            Some((Ok(byte), rest)) => {
                bytes.push(byte);
                bytes.extend_from_slice(rest.as_bytes());
            }
            Some((Err(_), _)) | None => bytes.extend_from_slice(part.as_bytes()),
        }
    }
    bytes
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

/// Where a TSPL label ends: behind its line PRINT, with the number of labels; or behind a line that begins none.
fn label_end(bytes: &[u8]) -> Option<(usize, u32)> {
    let mut at = 0;
    let mut lines = 0;
    loop {
        let rest = bytes.get(at..)?;
        if rest.starts_with(b"BITMAP ") {
            at += bitmap(rest)?;
            continue;
        }
        let end = rest.iter().position(|&byte| byte == b'\n')?;
        let line = String::from_utf8_lossy(rest.get(..end)?).trim().to_owned();
        at += end + 1;
        if let Some(numbers) = line.strip_prefix("PRINT ") {
            let copies = numbers.split(',').filter_map(|number| number.trim().parse::<u32>().ok()).product();
            return Some((at, copies));
        }
        if lines == 0 && matches!(line.as_str(), "" | "CLS") {
            return Some((at, 0));
        }
        lines += 1;
    }
}

/// The length of `BITMAP x,y,width,height,mode,` and the bytes that follow it, which may be anything.
fn bitmap(bytes: &[u8]) -> Option<usize> {
    let commas: Vec<usize> =
        bytes.iter().enumerate().filter(|(_, byte)| **byte == b',').map(|(at, _)| at).take(5).collect();
    let &[_, second, third, fourth, fifth] = commas.as_slice() else { return None };
    let number = |from: usize, to: usize| -> Option<usize> {
        std::str::from_utf8(bytes.get(from + 1..to)?).ok()?.trim().parse().ok()
    };
    let size = number(second, third)?.checked_mul(number(third, fourth)?)?;
    (fifth + 1 + size <= bytes.len()).then_some(fifth + 1 + size)
}

impl Played for Printer {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn ends(&mut self) -> (&mut Stage, &mut Outbox) {
        (&mut self.stage, &mut self.outbox)
    }

    fn opened(&mut self, now: Duration) {
        self.outbox.clear();
        self.stage.opened(now);
        self.tick(now);
    }

    fn receive(&mut self, bytes: &[u8], now: Duration) {
        self.tick(now);
        if self.stage.silent(now) {
            return;
        }
        let room = BUFFER_MAX.saturating_sub(self.received.len());
        self.received.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        while self.take(now) {}
        self.print(now);
    }

    fn tick(&mut self, now: Duration) {
        while let Some(act) = self.stage.next(now) {
            match act {
                Act::Contact(Contact { line, closed }) => match line {
                    1 => self.switches.paper = closed,
                    2 => self.switches.head = closed,
                    3 => self.switches.ribbon = closed,
                    4 => self.switches.tags = closed,
                    5 => self.switches.running = closed,
                    _ => (),
                },
                Act::Symbol { .. } | Act::Card { .. } | Act::Weight(_) | Act::Climate(_) => (),
                Act::Garbage { bytes } => {
                    let n = bytes.len();
                    self.outbox.say_logged(bytes, now, SentWhat::Garbage { n });
                }
                Act::Disconnect => self.outbox.cut(now),
            }
        }
        self.print(now);
    }

    fn wake(&self) -> Option<Duration> {
        self.stage.wake().into_iter().chain(self.next).min()
    }

    fn finished(&self, now: Duration) -> bool {
        self.batches.is_empty() && self.stage.finished(now)
    }
}
