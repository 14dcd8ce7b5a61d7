//! The port loop, the same for every device: a thread that keeps a link open, drives the session and reports.
//!
//! A hang-up closes a link at once: the old node vanishes only when its last descriptor closes, and the device that is
//! plugged in again would get another number.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as line;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hardware::command::{Answer, Command, Unable};
use hardware::device::Session;
use hardware::event::{Event, Printer, Read};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use crate::config::terminal::Line;
use crate::quantity::Moment;
use crate::terminal::link::words::said;
use crate::terminal::link::{Link, node};

/// Longest wait for bytes: how late an order to stop is seen. Shorter than 5 ms would turn the loop into a busy one.
const READ_WAIT: Duration = Duration::from_millis(100);
const READ_WAIT_MIN: Duration = Duration::from_millis(5);

/// Waits between two tries: doubling to 2 s during the first minute, then 15 s.
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_EARLY_MAX: Duration = Duration::from_secs(2);
const RETRY_LATE: Duration = Duration::from_secs(15);
const EARLY: Duration = Duration::from_secs(60);
/// How often a serial line that is gone is looked for: plugging it in again ends the wait.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How long an orderly end may take.
const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// Commands that may wait for a port to take them, and commands whose answers may be due. Some devices never answer some
/// commands, so the oldest that is due is given up for a new one.
const COMMANDS_MAX: usize = 64;

/// What a port says to its station.
#[derive(Debug)]
pub struct Report {
    /// Name of the device in the configuration.
    pub device: Arc<str>,
    pub read: Read,
    /// Told `true` once the read is in the book or answered, `false` when nothing could be recorded.
    pub done: Option<oneshot::Sender<bool>>,
}

/// How a device is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    pub up: bool,
    /// What the device said of itself.
    pub model: String,
    /// Since when it is up or down; `None` before the first try ended.
    pub since: Option<Moment>,
    /// Why it is down, or the last fault that it told of.
    pub why: String,
    pub reads: u64,
    /// Bytes that belonged to no message.
    pub noise_bytes: u64,
    /// How often the link was lost or could not be opened since it was up last.
    pub tries: u64,
    pub losses: u64,
    /// How a printer is, since it said so.
    pub printer: Option<Printer>,
}

impl Health {
    /// Whether a printer prints what it is sent now.
    pub fn prints(&self) -> bool {
        let fine = |printer: Printer| {
            !(printer.paper_out || printer.ribbon_out || printer.head_open || printer.paused || printer.fault)
        };
        self.up && self.printer.is_some_and(fine)
    }
}

/// A command on its way to a device, and who waits for its answer.
type Asked = (Command, oneshot::Sender<Result<Answer, Unable>>);

/// The way to ask something of a device. Whoever has one may: a queue of labels, a station that beeps, a page.
#[derive(Clone, Debug)]
pub struct Commander {
    health: watch::Receiver<Health>,
    queue: line::SyncSender<Asked>,
}

impl Commander {
    /// Asks, and waits for the answer for as long as the device takes. A device that is not there, or goes before it has
    /// answered, is an answer too; one that answers nothing to such a command leaves the caller waiting.
    ///
    /// # Errors
    /// [`Unable`]: such a device cannot do it.
    pub async fn ask(&self, command: Command) -> Result<Answer, Unable> {
        let gone = || {
            let why = self.health.borrow().why.clone();
            Answer::NotBegun { reason: if why.is_empty() { NOT_THERE.to_owned() } else { why } }
        };
        if !self.health.borrow().up {
            return Ok(gone());
        }
        let (reply, answer) = oneshot::channel();
        if self.queue.try_send((command, reply)).is_err() {
            return Ok(Answer::NotBegun { reason: "too much was asked of the device at once; try again".to_owned() });
        }
        // The port answers whatever it took; it is silent when it ended before it took anything.
        answer.await.unwrap_or_else(|_| Ok(gone()))
    }
}

const NOT_THERE: &str = "the device is not connected";

/// A running port.
pub struct Port {
    pub device: Arc<str>,
    pub health: watch::Receiver<Health>,
    pub commands: Commander,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Port {
    /// Starts the loop for `session` on `line`; reads go to `station`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        device: &str,
        line: Line,
        session: Box<dyn Session>,
        station: mpsc::Sender<Report>,
    ) -> io::Result<Port> {
        Port::spawn(device, move |mut keeper| keeper.keep(&line, session, &station))
    }

    /// Starts a loop of another kind under the same rules.
    pub(super) fn spawn(device: &str, body: impl FnOnce(Keeper) + Send + 'static) -> io::Result<Port> {
        let device: Arc<str> = device.into();
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, health) = watch::channel(Health::default());
        let (queue, asked) = line::sync_channel(COMMANDS_MAX);
        let keeper = Keeper {
            device: device.clone(),
            health: sender,
            asked: Mutex::new(asked),
            stop: stop.clone(),
            origin: Instant::now(),
            runtime: Handle::try_current().ok(),
        };
        let thread = thread::Builder::new().name(format!("port {device}")).spawn(move || body(keeper))?;
        let commands = Commander { health: health.clone(), queue };
        Ok(Port { device, health, commands, stop, thread })
    }

    /// Asks the device to end in order, and the loop to end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Waits for the end after [`Port::stop`], no longer than `until`: a loop that is looking for its device's address
    /// may hang in the system for as long as that likes. Blocks.
    pub fn join(self, until: Instant) {
        self.stop();
        while !self.thread.is_finished() {
            if until <= Instant::now() {
                return tracing::warn!(device = %self.device, "{} does not end in time and is left behind", self.device);
            }
            thread::sleep(Duration::from_millis(5));
        }
        if self.thread.join().is_err() {
            tracing::error!(device = %self.device, "the loop of {} ended in a panic", self.device);
        }
    }
}

/// The loop's own side of a port.
pub(super) struct Keeper {
    pub(super) device: Arc<str>,
    health: watch::Sender<Health>,
    /// Behind a lock, because a keeper may be shared by the threads of a camera.
    asked: Mutex<line::Receiver<Asked>>,
    stop: Arc<AtomicBool>,
    origin: Instant,
    /// Where the tasks of readers that push and of cameras run.
    pub(super) runtime: Option<Handle>,
}

/// Why a link ended.
enum End {
    Lost(String),
    Stopped,
}

impl Keeper {
    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Sleeps in slices, so that an order to stop is seen.
    pub(super) fn sleep(&self, span: Duration) {
        let until = Instant::now() + span;
        while !self.stopped() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            self.refuse_all();
            thread::sleep(left.min(READ_WAIT));
        }
    }

    fn next_asked(&self) -> Option<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).try_recv().ok()
    }

    /// Answers what was asked of a device that is not there: it must not happen later, when nobody expects it any more.
    fn refuse_all(&self) {
        while let Some((_, reply)) = self.next_asked() {
            let reason = Some(self.health.borrow().why.clone()).filter(|why| !why.is_empty());
            let _ = reply.send(Ok(Answer::NotBegun { reason: reason.unwrap_or_else(|| NOT_THERE.to_owned()) }));
        }
    }

    pub(super) fn up(&self, model: &str) {
        self.health.send_if_modified(|health| {
            let news = !health.up;
            if news {
                health.since = Some(Moment::now());
                health.tries = 0;
                health.why.clear();
            }
            health.up = true;
            model.clone_into(&mut health.model);
            true
        });
    }

    pub(super) fn down(&self, why: &str) {
        self.health.send_modify(|health| {
            if health.up || health.since.is_none() {
                health.since = Some(Moment::now());
            }
            if health.up {
                health.losses += 1;
            }
            health.up = false;
            health.printer = None;
            health.tries += 1;
            why.clone_into(&mut health.why);
        });
    }

    pub(super) fn fault(&self, text: &str) {
        tracing::warn!(device = %self.device, "{}: {text}", self.device);
        self.health.send_modify(|health| text.clone_into(&mut health.why));
    }

    pub(super) fn count_read(&self) {
        self.health.send_modify(|health| health.reads += 1);
    }

    pub(super) fn is_up(&self) -> bool {
        self.health.borrow().up
    }

    pub(super) fn count_noise(&self, bytes: usize) {
        self.health.send_modify(|health| health.noise_bytes += bytes as u64);
    }

    fn printer(&self, printer: Printer) {
        self.health.send_modify(|health| health.printer = Some(printer));
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn keep(&mut self, line: &Line, mut session: Box<dyn Session>, station: &mpsc::Sender<Report>) {
        let mut down_since = Instant::now();
        let mut wait = RETRY_FIRST;
        while !self.stopped() {
            let why = match Link::open(line, &self.device, self.runtime.as_ref()) {
                Ok(mut link) => {
                    let mut due = Due::default();
                    let end = self.drive(&mut link, session.as_mut(), station, &mut due);
                    due.settle(session.as_mut(), self.now());
                    // Closed here, before any wait: see above.
                    drop(link);
                    if self.health.borrow().up {
                        (down_since, wait) = (Instant::now(), RETRY_FIRST);
                    }
                    match end {
                        End::Stopped => return,
                        End::Lost(why) => why,
                    }
                }
                Err(why) => why,
            };
            self.down(&why);
            let early = down_since.elapsed() < EARLY;
            let span = if early { wait } else { RETRY_LATE };
            wait = (wait * 2).min(RETRY_EARLY_MAX);
            self.wait_for(line, span);
        }
    }

    /// Waits, unless the node of the device appears meanwhile.
    fn wait_for(&self, line: &Line, span: Duration) {
        let path = match line {
            Line::Serial { path, .. } | Line::File { path } | Line::Gpio { chip: path, .. } => path,
            Line::Tcp { .. } | Line::Pcsc { .. } | Line::Push(_) => return self.sleep(span),
        };
        let before = node(path);
        let until = Instant::now() + span;
        while !self.stopped() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            self.sleep(left.min(LOOK_EVERY));
            let now = node(path);
            if now.is_some() && now != before {
                return;
            }
        }
    }

    fn drive(&self, link: &mut Link, session: &mut dyn Session, station: &mpsc::Sender<Report>, due: &mut Due) -> End {
        self.refuse_all();
        session.opened(self.now());
        let mut bytes = [0; 4096];
        let mut closing: Option<Instant> = None;
        loop {
            while let Some((command, reply)) = self.next_asked() {
                due.ask(session, &command, reply, self.now());
            }
            while let Some(out) = session.transmit() {
                if let Err(error) = link.write_all(&out) {
                    return End::Lost(said(&error));
                }
            }
            while let Some(event) = session.poll() {
                match event {
                    Event::Ready { model } => self.up(&model),
                    Event::Fault { text } => self.fault(&text),
                    Event::Lost { reason } => return End::Lost(reason),
                    Event::Noise { bytes } => self.count_noise(bytes),
                    Event::Answer { number, answer } => due.answer(number, answer),
                    Event::Printer(printer) => self.printer(printer),
                    Event::Read(read) => {
                        self.count_read();
                        let report = Report { device: self.device.clone(), read, done: None };
                        if station.blocking_send(report).is_err() {
                            return End::Stopped;
                        }
                    }
                }
            }
            match closing {
                Some(since) if session.closed() || CLOSE_WAIT <= since.elapsed() => return End::Stopped,
                Some(_) => (),
                None if self.stopped() => {
                    session.close(self.now());
                    closing = Some(Instant::now());
                    continue;
                }
                None => (),
            }
            let wake = session.wake().map_or(READ_WAIT, |wake| wake.saturating_sub(self.now()));
            match link.read(&mut bytes, wake.clamp(READ_WAIT_MIN, READ_WAIT)) {
                // A serial line or a connection that gives nothing at once is gone.
                Ok(0) => return End::Lost("the link was closed at the other end".to_owned()),
                Ok(count) => session.receive(bytes.get(..count).unwrap_or_default(), self.now()),
                Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
                    session.tick(self.now());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error) => return End::Lost(said(&error)),
            }
        }
    }
}

/// The commands of one link whose answers are due, oldest first.
#[derive(Default)]
struct Due {
    last: u32,
    waiting: VecDeque<(u32, oneshot::Sender<Result<Answer, Unable>>)>,
}

impl Due {
    fn ask(
        &mut self,
        session: &mut dyn Session,
        command: &Command,
        reply: oneshot::Sender<Result<Answer, Unable>>,
        now: Duration,
    ) {
        self.last = self.last.wrapping_add(1);
        if let Err(unable) = session.command(self.last, command, now) {
            let _ = reply.send(Err(unable));
            return;
        }
        if COMMANDS_MAX <= self.waiting.len()
            && let Some((_, oldest)) = self.waiting.pop_front()
        {
            let reason = "the device did not answer, and was asked too much since".to_owned();
            let _ = oldest.send(Ok(Answer::Unsure { reason }));
        }
        self.waiting.push_back((self.last, reply));
    }

    fn answer(&mut self, number: u32, answer: Answer) {
        let Some(at) = self.waiting.iter().position(|(asked, _)| *asked == number) else { return };
        if let Some((_, reply)) = self.waiting.remove(at) {
            // Whoever asked may have stopped waiting.
            let _ = reply.send(Ok(answer));
        }
    }

    /// The link is gone: the session says how far it had come with each, and nothing stays without an answer.
    fn settle(mut self, session: &mut dyn Session, now: Duration) {
        if self.waiting.is_empty() {
            return;
        }
        session.close(now);
        while let Some(event) = session.poll() {
            if let Event::Answer { number, answer } = event {
                self.answer(number, answer);
            }
        }
        for (_, reply) in self.waiting {
            let reason = "the device was lost before it answered".to_owned();
            let _ = reply.send(Ok(Answer::Unsure { reason }));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_asked_is_answered_whatever_becomes_of_the_device() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let family = hardware::device::by_name("scanner").unwrap();
        let session = (family.session)(&hardware::settings::Settings::of(family.settings)).unwrap();
        let (station, _reports) = mpsc::channel(1);
        let port = Port::start("gun", Line::Tcp { address }, session, station).unwrap();
        let (mut health, commands) = (port.health.clone(), port.commands.clone());
        let print = || commands.ask(Command::Print { label: b"^XA^XZ".to_vec() });
        health.wait_for(|health| health.up).await.unwrap();
        assert_eq!(print().await, Err(Unable), "a scanner prints nothing");
        let (stream, _) = listener.accept().unwrap();
        drop((stream, listener));
        health.wait_for(|health| !health.up && 1 < health.tries).await.unwrap();
        assert!(matches!(print().await, Ok(Answer::NotBegun { reason }) if reason.contains("nothing listens")));
        tokio::task::spawn_blocking(move || port.join(Instant::now() + Duration::from_secs(5))).await.unwrap();
        assert!(matches!(print().await, Ok(Answer::NotBegun { .. })), "nor when the port has ended");
    }
}
