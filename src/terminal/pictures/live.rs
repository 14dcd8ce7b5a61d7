//! From the codes of one frame after the other to reads: each code once while it is in sight, doubtful ones only when
//! two frames say the same.

use std::time::Duration;

use hardware::camera::{Code, Format, Region};
use hardware::event::Symbol;

/// Every so many frames the whole picture is looked at, else a second code beside one that lies there is never found.
const WHOLE_EVERY: u32 = 8;

/// Most codes remembered. With more in sight the oldest is forgotten, and read again.
const SEEN_MAX: usize = 256;

/// What was seen of a camera's codes lately.
#[derive(Debug)]
pub(super) struct Live {
    away: Duration,
    seen: Vec<Seen>,
    frames: u32,
}

#[derive(Debug)]
struct Seen {
    format: Format,
    bytes: Vec<u8>,
    position: [[i32; 2]; 4],
    /// When it was seen last.
    last: Duration,
    /// The number of the last frame in which it was.
    frame: u32,
    told: bool,
}

impl Live {
    pub(super) fn new(away: Duration) -> Self {
        Self { away, seen: Vec::new(), frames: 0 }
    }

    /// Where to look first in the next frame.
    pub(super) fn region(&self) -> Option<Region> {
        if self.frames.is_multiple_of(WHOLE_EVERY) {
            return None;
        }
        let lately = self.seen.iter().filter(|seen| seen.frame == self.frames);
        lately.map(|seen| Region::around(&seen.position)).reduce(both)
    }

    /// Takes what a frame showed; what of it is to be told.
    pub(super) fn take(&mut self, codes: Vec<Code>, now: Duration) -> Vec<Symbol> {
        self.frames = self.frames.wrapping_add(1);
        self.seen.retain(|seen| now < seen.last.saturating_add(self.away));
        codes.into_iter().filter_map(|code| self.see(code, now)).collect()
    }

    /// The same picture came again, bit for bit: what it shows is still there, and nothing is confirmed by it.
    pub(super) fn again(&mut self, now: Duration) {
        let frame = self.frames;
        self.seen.iter_mut().filter(|seen| seen.frame == frame).for_each(|seen| seen.last = now);
    }

    fn see(&mut self, code: Code, now: Duration) -> Option<Symbol> {
        let frame = self.frames;
        let at = self.seen.iter().position(|seen| seen.format == code.format && seen.bytes == code.bytes);
        let seen = match at.and_then(|at| self.seen.get_mut(at)) {
            Some(seen) => {
                // Twice in one picture is not seen twice.
                let confirmed = seen.frame != frame;
                (seen.last, seen.frame, seen.position) = (now, frame, code.position);
                if seen.told || !confirmed {
                    return None;
                }
                seen.told = true;
                seen.bytes.clone()
            }
            None => {
                if SEEN_MAX <= self.seen.len() {
                    self.seen.remove(0);
                }
                let told = is_checked(code.format);
                self.seen.push(Seen {
                    format: code.format,
                    bytes: code.bytes.clone(),
                    position: code.position,
                    last: now,
                    frame,
                    told,
                });
                if !told {
                    return None;
                }
                code.bytes
            }
        };
        Some(Symbol { aim: Some(code.aim), bytes: seen })
    }
}

/// Whether a symbol of this kind carries what proves that it was read right. Without it one blurred frame can give
/// another text.
fn is_checked(format: Format) -> bool {
    match format {
        Format::Codabar | Format::Code39 | Format::Itf => false,
        Format::Aztec
        | Format::Code93
        | Format::Code128
        | Format::DataBar
        | Format::DataBarExpanded
        | Format::DataMatrix
        | Format::Ean8
        | Format::Ean13
        | Format::MicroQrCode
        | Format::Pdf417
        | Format::QrCode
        | Format::UpcA
        | Format::UpcE => true,
    }
}

/// The smallest region that holds both.
fn both(a: Region, b: Region) -> Region {
    let (left, top) = (a.left.min(b.left), a.top.min(b.top));
    let right = a.left.saturating_add(a.width).max(b.left.saturating_add(b.width));
    let bottom = a.top.saturating_add(a.height).max(b.top.saturating_add(b.height));
    Region { left, top, width: right - left, height: bottom - top }
}

#[cfg(test)]
mod tests {
    use hardware::event::Aim;

    use super::*;

    fn code(format: Format, text: &str, x: i32) -> Code {
        Code {
            format,
            bytes: text.as_bytes().to_vec(),
            text: text.to_owned(),
            aim: Aim { code: b'Q', modifier: b'1' },
            position: [[x, 100], [x + 50, 100], [x + 50, 150], [x, 150]],
        }
    }

    /// Frames as `second: codes`; what is told.
    fn told(frames: &[(f64, &[(Format, &str)])]) -> Vec<String> {
        let mut live = Live::new(Duration::from_millis(1500));
        let mut told = Vec::new();
        for (at, codes) in frames {
            let codes = codes.iter().map(|(format, text)| code(*format, text, 100)).collect();
            let symbols = live.take(codes, Duration::from_secs_f64(*at));
            told.extend(symbols.iter().map(|symbol| format!("{at}: {}", String::from_utf8_lossy(&symbol.bytes))));
        }
        told
    }

    #[test]
    fn a_code_is_told_once_while_it_is_in_sight() {
        const A: (Format, &str) = (Format::QrCode, "A");
        const B: (Format, &str) = (Format::DataMatrix, "B");
        for (name, frames, wanted) in [
            (
                "lies there",
                [(0.0, &[A][..]), (1.0, &[A]), (2.0, &[A]), (60.0, &[A])].as_slice(),
                ["0: A", "60: A"].as_slice(),
            ),
            ("a frame misses it", &[(0.0, &[A]), (0.5, &[]), (1.0, &[A])], &["0: A"]),
            ("comes back", &[(0.0, &[A]), (1.4, &[]), (1.5, &[]), (1.6, &[A])], &["0: A", "1.6: A"]),
            ("a second beside it", &[(0.0, &[A]), (0.2, &[A, B]), (0.4, &[B, A])], &["0: A", "0.2: B"]),
            ("another kind, the same text", &[(0.0, &[A]), (0.1, &[(Format::DataMatrix, "A")])], &["0: A", "0.1: A"]),
        ] {
            assert_eq!(told(frames), wanted, "{name}");
        }
    }

    #[test]
    fn without_a_check_in_the_symbol_two_frames_must_agree() {
        const A: (Format, &str) = (Format::Code39, "A");
        const WRONG: (Format, &str) = (Format::Code39, "4");
        for (name, frames, wanted) in [
            ("once is not told", [(0.0, &[A][..]), (0.1, &[])].as_slice(), [].as_slice()),
            ("twice in one picture is once", &[(0.0, &[A, A])], &[]),
            ("twice is told once", &[(0.0, &[A]), (0.1, &[A]), (0.2, &[A])], &["0.1: A"]),
            ("a wrong one between", &[(0.0, &[A]), (0.1, &[WRONG]), (0.2, &[A])], &["0.2: A"]),
            ("too late is not twice", &[(0.0, &[A]), (1.5, &[A])], &[]),
        ] {
            assert_eq!(told(frames), wanted, "{name}");
        }
    }

    #[test]
    fn the_same_picture_again_confirms_nothing_and_keeps_what_it_shows() {
        let mut live = Live::new(Duration::from_secs(1));
        let at = Duration::from_millis;
        assert!(live.take(vec![code(Format::Itf, "123456", 0), code(Format::QrCode, "A", 0)], at(0)).len() == 1);
        for ms in [500, 1000, 1500, 2000] {
            live.again(at(ms));
        }
        assert_eq!(live.take(vec![code(Format::QrCode, "A", 0)], at(2500)), []);
        assert_eq!(live.take(vec![code(Format::Itf, "123456", 0)], at(2600)).len(), 1);
    }

    #[test]
    fn the_next_look_begins_where_the_last_hits_were() {
        let mut live = Live::new(Duration::from_secs(1));
        assert_eq!(live.region(), None);
        live.take(vec![code(Format::QrCode, "A", 100), code(Format::QrCode, "B", 400)], Duration::ZERO);
        // 35 % of 50 pixels and 8 all round.
        assert_eq!(live.region(), Some(Region { left: 75, top: 75, width: 400, height: 100 }));
        live.take(vec![], Duration::ZERO);
        assert_eq!(live.region(), None, "a miss");
        let whole = (0..64).filter(|_| {
            live.take(vec![code(Format::QrCode, "A", 100)], Duration::ZERO);
            live.region().is_none()
        });
        assert_eq!(whole.count(), 8);
    }

    #[test]
    fn a_wall_of_codes_is_remembered_up_to_a_bound() {
        let mut live = Live::new(Duration::from_secs(1));
        for number in 0..10_000 {
            live.take(vec![code(Format::QrCode, &number.to_string(), number % 4000)], Duration::ZERO);
        }
        assert_eq!(live.seen.len(), SEEN_MAX);
    }
}
