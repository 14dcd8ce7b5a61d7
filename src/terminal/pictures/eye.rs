//! Looks at the newest frame on a thread of its own, so that whoever receives frames never waits for a search.
//!
//! A frame that comes while one is searched replaces the one that waits: what a camera sees now counts, not what it saw.
//! A search that hangs is left behind with its thread, and another thread goes on.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hardware::camera::{CameraError, Format, Region};
use hardware::event::{Read, Symbol};
use tokio::sync::mpsc;

use crate::config::camera::Live as Settings;
use crate::terminal::pictures::frame::{Frame, Looked};
use crate::terminal::pictures::live::Live;
use crate::terminal::port::{Keeper, Report};

/// A search that takes longer than this beyond its deadline hangs.
const HANGS: Duration = Duration::from_secs(5);
/// Most searches left behind; with so many the camera is down until one of them ends.
const LEFT_MAX: usize = 3;

/// Over how many frames the rate is measured.
const RATE_FRAMES: usize = 32;
/// How often the model's line is said anew.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// Searches one frame.
pub(super) type Look =
    Box<dyn Fn(&Frame, &[Format], Option<Region>, Duration) -> Result<Looked, CameraError> + Send + Sync>;

/// A running search of frames. Dropping it ends the thread after the frame at hand.
pub(super) struct Eye(Arc<Shared>);

struct Shared {
    keeper: Arc<Keeper>,
    settings: Settings,
    station: mpsc::Sender<Report>,
    look: Look,
    origin: Instant,
    slot: Mutex<Slot>,
    news: Condvar,
    live: Mutex<Live>,
}

#[derive(Default)]
struct Slot {
    waiting: Option<Frame>,
    /// Since when the frame at hand is searched.
    busy: Option<Instant>,
    /// The number of the thread that searches; another is left behind.
    worker: usize,
    left: usize,
    /// Counts the visits to the camera: a frame of an earlier one does not make it up.
    visit: u32,
    closed: bool,
    /// When the last frames came.
    came: VecDeque<Instant>,
}

impl Drop for Eye {
    fn drop(&mut self) {
        self.0.slot().closed = true;
        self.0.news.notify_all();
    }
}

impl Eye {
    pub(super) fn open(keeper: Arc<Keeper>, settings: Settings, station: mpsc::Sender<Report>, look: Look) -> Eye {
        let eye = Eye(Arc::new(Shared {
            keeper,
            live: Mutex::new(Live::new(settings.away)),
            settings,
            station,
            look,
            origin: Instant::now(),
            slot: Mutex::default(),
            news: Condvar::new(),
        }));
        eye.0.clone().search(0);
        eye
    }

    /// Shows the newest frame.
    pub(super) fn show(&self, frame: Frame) {
        let mut slot = self.0.slot();
        slot.came.push_back(Instant::now());
        if RATE_FRAMES < slot.came.len() {
            slot.came.pop_front();
        }
        slot.waiting = Some(frame);
        drop(slot);
        self.0.news.notify_one();
        self.mind();
    }

    /// Looks whether the search hangs. Whoever receives frames calls it now and then.
    pub(super) fn mind(&self) {
        let mut slot = self.0.slot();
        let hangs = slot.busy.is_some_and(|since| self.0.settings.deadline + HANGS <= since.elapsed());
        if !hangs || LEFT_MAX <= slot.left {
            return;
        }
        slot.left += 1;
        slot.worker += 1;
        (slot.busy, slot.waiting) = (None, None);
        let (worker, left) = (slot.worker, slot.left);
        drop(slot);
        match left < LEFT_MAX {
            true => {
                self.0.keeper.fault("the search of a picture hangs and is left behind; the next pictures are searched");
                self.0.clone().search(worker);
            }
            false => self.0.keeper.down(
                "the search of several pictures hangs; keep the picture that the camera shows and start the terminal anew",
            ),
        }
    }

    /// Forgets what waits: the camera was lost.
    pub(super) fn forget(&self) {
        let mut slot = self.0.slot();
        slot.visit += 1;
        slot.waiting = None;
        slot.came.clear();
    }

    /// Whether nobody takes reads any longer.
    pub(super) fn closed(&self) -> bool {
        self.0.slot().closed
    }
}

impl Shared {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn search(self: Arc<Shared>, worker: usize) {
        let keeper = self.keeper.clone();
        let name = format!("eye {}", keeper.device);
        let started = thread::Builder::new().name(name).spawn(move || self.work(worker));
        if let Err(error) = started {
            keeper.down(&format!("the system gives no thread to search pictures: {error}"));
        }
    }

    fn work(&self, mut worker: usize) {
        let mut last = None;
        let mut good = Instant::now();
        let mut said: Option<Instant> = None;
        while let Some((frame, visit)) = self.next(worker) {
            let same = fingerprint(&frame);
            if same.is_some() && last == Some((same, visit)) {
                self.live().again(self.origin.elapsed());
                self.done(&mut worker);
                continue;
            }
            let region = self.live().region();
            let looked = (self.look)(&frame, &self.settings.formats, region, self.settings.deadline);
            if !self.done(&mut worker) {
                return;
            }
            match looked {
                Ok(looked) => {
                    last = Some((same, visit));
                    good = Instant::now();
                    let due = said.is_none_or(|said| SAY_EVERY <= said.elapsed()) || !self.keeper.is_up();
                    if due && self.slot().visit == visit {
                        said = Some(good);
                        self.keeper.up(&self.model(&looked));
                    }
                    let symbols = self.live().take(looked.codes, self.origin.elapsed());
                    if !symbols.into_iter().all(|symbol| self.tell(symbol)) {
                        self.slot().closed = true;
                        return;
                    }
                }
                Err(error) => {
                    self.keeper.count_noise(frame.len());
                    let due = said.is_none_or(|said| SAY_EVERY <= said.elapsed()) || self.keeper.is_up();
                    if due && self.settings.silence <= good.elapsed() {
                        said = Some(Instant::now());
                        self.keeper.down(&error.to_string());
                    }
                }
            }
        }
    }

    /// Waits for a frame. `None` when it is over, or another thread has taken this one's place.
    fn next(&self, worker: usize) -> Option<(Frame, u32)> {
        let mut slot = self.slot();
        loop {
            if slot.closed || slot.worker != worker {
                return None;
            }
            if let Some(frame) = slot.waiting.take() {
                slot.busy = Some(Instant::now());
                return Some((frame, slot.visit));
            }
            slot = self.news.wait(slot).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The search ended. Whether this thread goes on: one that was left behind does only when no other took its place.
    fn done(&self, worker: &mut usize) -> bool {
        let mut slot = self.slot();
        let was_left = slot.worker != *worker;
        if was_left {
            let nobody = LEFT_MAX <= slot.left;
            slot.left = slot.left.saturating_sub(1);
            if !nobody {
                return false;
            }
            *worker = slot.worker;
        }
        slot.busy = None;
        true
    }

    fn tell(&self, symbol: Symbol) -> bool {
        self.keeper.count_read();
        let report = Report { device: self.keeper.device.clone(), read: Read::Symbol(symbol), done: None };
        self.station.blocking_send(report).is_ok()
    }

    /// What is known of the camera: its resolution, and its rate once it gave some frames.
    fn model(&self, looked: &Looked) -> String {
        let slot = self.slot();
        let span =
            slot.came.front().zip(slot.came.back()).map(|(first, last)| last.duration_since(*first).as_secs_f64());
        let size = format!("{} x {}", looked.width, looked.height);
        match span {
            Some(span) if 0.0 < span => {
                format!("{size}, {:.1} pictures a second", slot.came.len().saturating_sub(1) as f64 / span)
            }
            Some(_) | None => size,
        }
    }
}

/// What tells two frames apart. Pixels of a sensor are never twice the same.
fn fingerprint(frame: &Frame) -> Option<blake3::Hash> {
    match frame {
        Frame::Encoded(bytes) => Some(blake3::hash(bytes)),
        #[cfg(any(test, feature = "v4l2"))]
        Frame::Grey { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::mpsc as std_mpsc;

    use hardware::camera::Code;
    use hardware::event::Aim;
    use hardware::settings::Settings as Set;

    use super::*;
    use crate::config::camera::SETTINGS;
    use crate::terminal::port::{Health, Port};

    const PATIENCE: Duration = Duration::from_secs(30);

    fn settings() -> Settings {
        Settings::of(&Set::of(SETTINGS)).unwrap()
    }

    fn frame(text: &str) -> Frame {
        Frame::Encoded(text.as_bytes().to_vec())
    }

    /// As if the picture showed a code with its own bytes as text.
    fn seen(frame: &Frame) -> Looked {
        let Frame::Encoded(bytes) = frame else { panic!("{frame:?}") };
        let code = Code {
            format: Format::QrCode,
            bytes: bytes.clone(),
            text: String::new(),
            aim: Aim { code: b'Q', modifier: b'1' },
            position: [[10, 10], [20, 10], [20, 20], [10, 20]],
        };
        Looked { width: 640, height: 480, codes: vec![code] }
    }

    /// A port whose thread hands frames to an eye as they are shown here.
    fn eye(settings: Settings, look: Look) -> (Port, std_mpsc::Sender<Frame>, mpsc::Receiver<Report>) {
        let (frames, shown) = std_mpsc::channel();
        let (station, reported) = mpsc::channel(64);
        let port = Port::spawn("camera", move |keeper| {
            let keeper = Arc::new(keeper);
            let eye = Eye::open(keeper.clone(), settings, station, look);
            while !keeper.stopped() {
                match shown.recv_timeout(Duration::from_millis(5)) {
                    Ok(frame) => eye.show(frame),
                    Err(_) => eye.mind(),
                }
            }
        });
        (port.unwrap(), frames, reported)
    }

    fn next(reported: &mut mpsc::Receiver<Report>) -> String {
        let began = Instant::now();
        loop {
            match reported.try_recv() {
                Ok(Report { read: Read::Symbol(symbol), .. }) => return String::from_utf8(symbol.bytes).unwrap(),
                Ok(report) => panic!("{report:?}"),
                Err(_) => assert!(began.elapsed() < PATIENCE, "nothing was read"),
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn until(port: &Port, what: impl Fn(&Health) -> bool) {
        let began = Instant::now();
        while !what(&port.health.borrow()) {
            assert!(began.elapsed() < PATIENCE, "{:?}", port.health.borrow());
            thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn a_slow_search_is_given_the_newest_picture_and_holds_up_nobody() {
        let gate = Arc::new((Mutex::new(false), Condvar::new()));
        let held = gate.clone();
        let looks = Arc::new(AtomicU32::new(0));
        let counted = looks.clone();
        let (port, frames, mut reported) = eye(
            settings(),
            Box::new(move |frame, _, _, _| {
                if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                    let (open, news) = &*held;
                    drop(news.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
                }
                Ok(seen(frame))
            }),
        );
        frames.send(frame("first")).unwrap();
        while looks.load(Ordering::SeqCst) == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        for number in 0..100 {
            frames.send(frame(&format!("between {number}"))).unwrap();
        }
        frames.send(frame("newest")).unwrap();
        // Frames are taken while the search is under way; the sender would know if nobody received.
        thread::sleep(Duration::from_millis(300));
        *gate.0.lock().unwrap() = true;
        gate.1.notify_all();
        assert_eq!(next(&mut reported), "first");
        assert_eq!(next(&mut reported), "newest");
        assert_eq!(looks.load(Ordering::SeqCst), 2);
        assert!(port.health.borrow().model.starts_with("640 x 480"));
        port.join(Instant::now() + PATIENCE);
    }

    #[test]
    fn a_search_that_hangs_is_left_behind_and_told() {
        let (port, frames, mut reported) = eye(
            Settings { deadline: Duration::ZERO, ..settings() },
            Box::new(|frame, _, _, _| match frame {
                Frame::Encoded(bytes) if bytes.starts_with(b"hang") => loop {
                    thread::sleep(Duration::from_secs(3600));
                },
                frame => Ok(seen(frame)),
            }),
        );
        frames.send(frame("hang")).unwrap();
        until(&port, |health| health.why.contains("hangs and is left behind"));
        frames.send(frame("next")).unwrap();
        assert_eq!(next(&mut reported), "next");
        port.join(Instant::now() + PATIENCE);
    }

    #[test]
    fn what_is_no_picture_is_counted_and_in_the_end_told() {
        let settings = Settings { silence: Duration::from_millis(200), ..settings() };
        let (port, frames, mut reported) = eye(settings, Box::new(|_, _, _, _| Err(CameraError::Format)));
        for number in 0..100 {
            frames.send(frame(&number.to_string())).unwrap();
            thread::sleep(Duration::from_millis(5));
        }
        until(&port, |health| !health.up && 0 < health.noise_bytes && health.why.contains("neither PNG nor JPEG"));
        assert!(reported.try_recv().is_err());
        port.join(Instant::now() + PATIENCE);
    }
}
