//! A session with one label printer: one label after another, each answered when it is printed.
//!
//! A label is sent only to a printer that is ready, and is done when the printer, asked twice after it, has nothing left to
//! print. A printer in trouble keeps the label waiting until somebody mends it; only the end of the session, or of the
//! printer, gives it up. Some printers answer nothing while they are in trouble: silence is told at first, and is an
//! end only after long.

use std::collections::VecDeque;
use std::time::Duration;

use crate::command::{Answer, Command, Unable};
use crate::device::{Cut, Session};
use crate::event::{Event, Printer};
use crate::printer::job::{Current, Job};
use crate::printer::{Heard, Language, Status};

/// How long an answer may take. A printer that draws a label answers late.
pub const ANSWERS: Duration = Duration::from_secs(2);

/// Unanswered questions after which the silence is told, or a printer that never answered is lost.
pub const ASKS: u8 = 3;

/// Pause between two looks while a label is being printed.
pub const LOOK: Duration = Duration::from_millis(200);

/// Bytes of a label that are handed over at once.
pub const PIECE: usize = 4096;

/// Largest label, in bytes: a picture of 100 × 150 mm at 600 dpi in hex has 2 MiB.
pub const LABEL_MAX: usize = 4 << 20;

/// Labels, and their bytes, that may wait.
pub const LABELS_MAX: usize = 100;
pub const WAITING_MAX: usize = 16 << 20;

/// Longest beginning of an answer that is kept, in bytes.
const RECEIVED_MAX: usize = 1024;

/// Pause in an answer after which the rest will not come.
const GAP: Duration = Duration::from_millis(500);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Pause between two looks while there is nothing to do.
    pub look: Duration,
    /// Silence after which the printer is lost.
    pub silence: Duration,
}

impl Settings {
    pub(super) fn of(settings: &crate::settings::Settings) -> Settings {
        Settings {
            look: Duration::from_millis(settings.whole("status_ms")),
            silence: Duration::from_secs(settings.whole("silence_s")),
        }
    }
}

/// A session with one printer. Holds the labels that wait, one answer that is not complete, and the events not yet polled.
#[derive(Clone, Debug)]
pub struct Labels {
    language: Language,
    settings: Settings,
    phase: Phase,
    model: String,
    status: Option<Status>,
    /// When the last sound answer came.
    answered: Duration,
    question: Question,
    waiting: VecDeque<Job>,
    current: Option<Current>,
    /// A label broke off, here or on the way.
    torn: bool,
    trouble: Option<String>,
    received: Vec<u8>,
    heard: Duration,
    noise: usize,
    out: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Over,
    /// Until the printer answered for the first time.
    Meeting,
    Working,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    /// The next one is due.
    Due {
        at: Duration,
        unanswered: u8,
    },
    Asked {
        until: Duration,
        unanswered: u8,
    },
}

impl Labels {
    pub fn new(language: Language, settings: Settings) -> Labels {
        Labels {
            language,
            settings,
            phase: Phase::Over,
            model: String::new(),
            status: None,
            answered: Duration::ZERO,
            question: Question::Due { at: Duration::ZERO, unanswered: 0 },
            waiting: VecDeque::new(),
            current: None,
            torn: false,
            trouble: None,
            received: Vec::new(),
            heard: Duration::ZERO,
            noise: 0,
            out: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    fn ask(&mut self, unanswered: u8, now: Duration) {
        if self.phase == Phase::Meeting {
            self.out.extend(self.language.model_question().map(<[u8]>::to_vec));
        }
        self.out.push_back(self.language.status_question().to_vec());
        self.question = Question::Asked { until: now.saturating_add(ANSWERS), unanswered };
    }

    /// Whether bytes of a label wait to be handed over: nothing may come between them.
    fn sending(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.sent.is_none())
    }

    fn heed(&mut self, heard: Heard, now: Duration) {
        self.answered = now;
        match heard {
            Heard::Model(model) => self.model = model,
            Heard::ReadBack(data) => {
                if let Some(current) = &mut self.current {
                    current.take(data);
                }
            }
            Heard::Status(status) => self.looked(status, now),
        }
    }

    fn looked(&mut self, status: Status, now: Duration) {
        if self.phase == Phase::Meeting {
            self.events.push_back(Event::Ready { model: self.model.clone() });
            self.phase = Phase::Working;
        }
        if std::mem::take(&mut self.torn) {
            self.out.extend(self.language.afresh(status.half).map(<[u8]>::to_vec));
        }
        if self.status.map(|before| before.printer) != Some(status.printer) {
            self.events.push_back(Event::Printer(status.printer));
        }
        self.status = Some(status);
        let trouble = trouble(&status.printer).map(|what| match self.labels() {
            0 => what.to_owned(),
            1 => format!("{what}; one label waits"),
            count => format!("{what}; {count} labels wait"),
        });
        self.tell(trouble);
        // An answer that nobody waits for any more may be older than the label.
        if matches!(self.question, Question::Asked { .. }) {
            self.judge(status, now);
        }
        let pause = if self.current.is_some() { LOOK } else { self.settings.look };
        self.question = Question::Due { at: now.saturating_add(pause), unanswered: 0 };
    }

    fn labels(&self) -> usize {
        self.waiting.len() + usize::from(self.current.is_some())
    }

    /// Tells a trouble when it begins. The number of labels that wait is not a new trouble.
    fn tell(&mut self, trouble: Option<String>) {
        let what = |text: &String| text.split("; ").next().map(str::to_owned);
        if self.trouble.as_ref().and_then(what) != trouble.as_ref().and_then(what)
            && let Some(text) = trouble.clone()
        {
            self.events.push_back(Event::Fault { text });
        }
        self.trouble = trouble;
    }

    /// Whether the label that the printer has is printed.
    fn judge(&mut self, status: Status, now: Duration) {
        let Some(current) = &mut self.current else { return };
        if let Some(answer) = current.judge(status, now) {
            let number = current.number;
            self.current = None;
            self.events.push_back(Event::Answer { number, answer });
        }
    }

    /// Hands the next label to a printer that is ready, or asks it how it is.
    fn act(&mut self, now: Duration) {
        if self.phase == Phase::Over {
            return;
        }
        if let Some(current) = self.current.as_mut().filter(|current| current.sent.is_none()) {
            if !self.out.is_empty() {
                return;
            }
            current.sent = Some(now);
            self.question = Question::Due { at: now.saturating_add(LOOK), unanswered: 0 };
        }
        match self.question {
            Question::Asked { until, unanswered } if until <= now => self.unanswered(unanswered.saturating_add(1), now),
            Question::Asked { .. } => (),
            Question::Due { .. } if self.may_send() => self.send(),
            Question::Due { at, unanswered } if at <= now => self.ask(unanswered, now),
            Question::Due { .. } => (),
        }
    }

    fn may_send(&self) -> bool {
        let ready = self.status.is_some_and(|status| status.ready() && !status.half);
        self.phase == Phase::Working
            && ready
            && self.current.is_none()
            && !self.waiting.is_empty()
            && self.out.is_empty()
    }

    fn send(&mut self) {
        let Some(Job { number, label }) = self.waiting.pop_front() else { return };
        let to_read = self.language.read_backs(&label);
        self.out.extend(label.chunks(PIECE).map(<[u8]>::to_vec));
        self.current = Some(Current::new(number, to_read));
    }

    fn unanswered(&mut self, unanswered: u8, now: Duration) {
        if let Some(current) = &mut self.current {
            current.doubt();
        }
        if self.phase == Phase::Meeting && ASKS <= unanswered {
            return self.lost(
                "the printer does not answer; check that it is on, its cable and address, that it speaks this language, and that it \
                 has paper and its head is closed",
            );
        }
        if self.answered.saturating_add(self.settings.silence) <= now {
            return self.lost("the printer fell silent; check its cable and power");
        }
        if unanswered == ASKS {
            self.tell(Some(
                "the printer answers nothing; look whether it is on, has paper and ribbon and its head is closed"
                    .into(),
            ));
            let mut printer = self.status.map(|status| status.printer).unwrap_or_default();
            printer.fault = true;
            self.events.push_back(Event::Printer(printer));
            self.status = Some(Status { printer, busy: false, half: false });
        }
        self.ask(unanswered, now);
    }

    fn lost(&mut self, reason: &str) {
        self.noise += self.received.len();
        self.received.clear();
        self.report_noise();
        self.give_up("the printer was lost");
        self.phase = Phase::Over;
        self.events.push_back(Event::Lost { reason: reason.into() });
    }

    /// Gives up all labels.
    fn give_up(&mut self, why: &str) {
        let trouble = self.trouble.clone().map(|trouble| format!(" ({trouble})")).unwrap_or_default();
        let sending = self.sending();
        self.torn |= self.current.is_some();
        if let Some(current) = self.current.take() {
            let reason = match sending {
                true => format!("{why}{trouble} while the label was sent; it is printed not at all or in part"),
                false => format!(
                    "{why}{trouble} after the label was sent; look whether it came out before it is printed again"
                ),
            };
            self.events.push_back(Event::Answer { number: current.number, answer: Answer::Unsure { reason } });
        }
        for job in std::mem::take(&mut self.waiting) {
            let reason = format!("{why}{trouble} before the label was sent; print it again");
            self.events.push_back(Event::Answer { number: job.number, answer: Answer::NotBegun { reason } });
        }
        self.out.clear();
    }

    fn take_messages(&mut self, now: Duration) {
        let received = std::mem::take(&mut self.received);
        let mut left = received.as_slice();
        while !left.is_empty() && self.phase != Phase::Over {
            // One byte says nothing of what it is: it is the answer when it was asked for and came alone.
            let asked = matches!(self.question, Question::Asked { .. });
            let unasked = self.language == Language::TsplByte && (!asked || 1 < received.len());
            let used = match self.language.cut(left) {
                Cut::Message(len) if !unasked => {
                    match left.get(..len).and_then(|message| self.language.hear(message)) {
                        Some(heard) => self.heed(heard, now),
                        None => self.noise += len,
                    }
                    len
                }
                Cut::Message(len) | Cut::Noise(len) => {
                    self.noise += len;
                    len
                }
                Cut::Blank(len) => len,
                Cut::Incomplete => break,
            };
            left = left.get(used..).unwrap_or_default();
        }
        if self.phase != Phase::Over {
            let drop = left.len().saturating_sub(RECEIVED_MAX);
            self.noise += drop;
            self.received = left.get(drop..).unwrap_or_default().to_vec();
        }
        self.report_noise();
    }

    fn report_noise(&mut self) {
        let bytes = std::mem::take(&mut self.noise);
        if 0 < bytes {
            self.events.push_back(Event::Noise { bytes });
        }
    }
}

/// What a person has to mend, the first thing first.
fn trouble(printer: &Printer) -> Option<&'static str> {
    let troubles = [
        (printer.head_open, "the printer's head or cover is open, close it"),
        (printer.paper_out, "the printer has no paper, load a roll"),
        (printer.ribbon_out, "the printer has no ribbon, load one"),
        (printer.fault, "the printer tells of a jam or heat, look at its display"),
        (printer.paused, "the printer is paused, press its pause key"),
    ];
    troubles.into_iter().find(|(is, _)| *is).map(|(_, what)| what)
}

impl Session for Labels {
    fn opened(&mut self, now: Duration) {
        self.noise += self.received.len();
        self.report_noise();
        self.give_up("the printer was connected anew");
        self.received.clear();
        self.model.clear();
        (self.status, self.trouble) = (None, None);
        self.answered = now;
        self.phase = Phase::Meeting;
        self.ask(0, now);
    }

    fn receive(&mut self, bytes: &[u8], now: Duration) {
        if self.phase == Phase::Over || bytes.is_empty() {
            return;
        }
        self.received.extend_from_slice(bytes);
        self.heard = now;
        self.take_messages(now);
        self.act(now);
    }

    fn tick(&mut self, now: Duration) {
        if !self.received.is_empty() && self.heard.saturating_add(GAP) <= now {
            self.noise += self.received.len();
            self.received.clear();
            self.report_noise();
        }
        self.act(now);
    }

    fn transmit(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn wake(&self) -> Option<Duration> {
        if self.phase == Phase::Over {
            return None;
        }
        let half = (!self.received.is_empty()).then(|| self.heard.saturating_add(GAP));
        let question = match self.question {
            // The last piece is out, or the next label may go: at once.
            _ if self.sending() => Duration::ZERO,
            Question::Due { .. } if self.may_send() => Duration::ZERO,
            Question::Due { at, .. } => at,
            Question::Asked { until, .. } => until,
        };
        half.into_iter().chain([question]).min()
    }

    fn close(&mut self, _now: Duration) {
        self.give_up("the line to the printer was closed");
        self.phase = Phase::Over;
    }

    fn closed(&self) -> bool {
        self.phase == Phase::Over
    }

    fn command(&mut self, number: u32, command: &Command, now: Duration) -> Result<(), Unable> {
        let Command::Print { label } = command else { return Err(Unable) };
        let bytes: usize = self.waiting.iter().map(|job| job.label.len()).sum();
        let not_begun = |reason: &str| Some(Answer::NotBegun { reason: reason.to_owned() });
        let answer = match self.language.check(label) {
            _ if self.phase == Phase::Over => not_begun("the printer is not connected"),
            _ if LABEL_MAX < label.len() => {
                Some(Answer::Refused { reason: format!("the label has {} bytes, more than {LABEL_MAX}", label.len()) })
            }
            Err(reason) => Some(Answer::Refused { reason }),
            Ok(()) if LABELS_MAX <= self.waiting.len() || WAITING_MAX < bytes + label.len() => {
                not_begun("too many labels wait for the printer already; see that it prints, and try again")
            }
            Ok(()) => None,
        };
        match answer {
            Some(answer) => self.events.push_back(Event::Answer { number, answer }),
            None => {
                self.waiting.push_back(Job { number, label: label.clone() });
                self.act(now);
            }
        }
        Ok(())
    }
}
