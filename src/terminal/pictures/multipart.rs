//! A stream of pictures that does not end: `multipart/x-mixed-replace`, as cameras send MJPEG.
//!
//! `--BOUNDARY | headers | empty line | picture`, again and again (RFC 2046, section 5.1). Where a part says its length it is
//! cut by that, else by the next boundary. Cameras write the boundary with or without the two dashes in front, so the
//! dashes are left out of what is looked for.

use crate::terminal::pictures::FRAME_MAX;

/// Longest head of a part, in bytes.
const HEAD_MAX: usize = 8 * 1024;
/// Longest boundary; the standard says 70.
const BOUNDARY_MAX: usize = 200;

/// Holds at most one picture of [`FRAME_MAX`] bytes and what was received behind it.
#[derive(Debug)]
pub(super) struct Multipart {
    /// Two dashes and the boundary.
    mark: Vec<u8>,
    received: Vec<u8>,
    place: Place,
    /// Up to here nothing was found.
    searched: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before a boundary.
    Between,
    Head,
    Body {
        length: Option<usize>,
    },
}

/// What stood in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Picture(Vec<u8>),
    /// So many bytes belonged to no picture that could be one.
    Noise(usize),
}

impl Multipart {
    /// The reader of a stream with this content type; `None` when it is none.
    pub(super) fn of(content_type: &str) -> Option<Multipart> {
        let (kind, parameters) = content_type.split_once(';')?;
        if !kind.trim().get(..10)?.eq_ignore_ascii_case("multipart/") {
            return None;
        }
        let boundary = parameters.split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"').trim_start_matches('-'))
        })?;
        if boundary.is_empty() || BOUNDARY_MAX < boundary.len() {
            return None;
        }
        let mark = [b"--", boundary.as_bytes()].concat();
        Some(Multipart { mark, received: Vec::new(), place: Place::Between, searched: 0 })
    }

    /// Takes what came, in any split.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// The next part; call until `None` after each `receive`.
    pub(super) fn poll(&mut self) -> Option<Part> {
        loop {
            match self.place {
                Place::Between => {
                    let Some(at) = self.find_mark() else {
                        // The beginning of a boundary may stand at the end.
                        let useless = self.received.len().saturating_sub(self.mark.len());
                        self.drop_front(useless);
                        return None;
                    };
                    self.drop_front(at + self.mark.len());
                    self.place = Place::Head;
                }
                Place::Head => {
                    let Some((end, behind)) = self.find_head_end() else {
                        if HEAD_MAX < self.received.len() {
                            self.place = Place::Between;
                            return Some(Part::Noise(self.mark.len()));
                        }
                        return None;
                    };
                    let length = length(self.received.get(..end).unwrap_or_default());
                    self.drop_front(behind);
                    self.place = Place::Body { length };
                    if length.is_some_and(|length| FRAME_MAX < length) {
                        self.place = Place::Between;
                        return Some(Part::Noise(behind));
                    }
                }
                Place::Body { length: Some(length) } => {
                    let picture = self.received.get(..length)?.to_vec();
                    return Some(self.end(picture, length));
                }
                Place::Body { length: None } => {
                    let Some(at) = self.find_mark() else {
                        if FRAME_MAX < self.received.len() {
                            let noise = self.received.len();
                            self.drop_front(noise);
                            self.place = Place::Between;
                            return Some(Part::Noise(noise));
                        }
                        return None;
                    };
                    let picture = self.received.get(..at).unwrap_or_default();
                    let picture = picture.strip_suffix(b"\n").unwrap_or(picture);
                    let picture = picture.strip_suffix(b"\r").unwrap_or(picture).to_vec();
                    return Some(self.end(picture, at));
                }
            }
        }
    }

    fn end(&mut self, picture: Vec<u8>, used: usize) -> Part {
        self.drop_front(used);
        self.place = Place::Between;
        Part::Picture(picture)
    }

    fn drop_front(&mut self, count: usize) {
        self.received.drain(..count.min(self.received.len()));
        self.searched = 0;
    }

    /// Where the next boundary begins. What was looked through is not looked through again.
    fn find_mark(&mut self) -> Option<usize> {
        let rest = self.received.get(self.searched..)?;
        let found = rest.windows(self.mark.len()).position(|window| window == self.mark);
        let at = found.map(|at| self.searched + at);
        self.searched = self.received.len().saturating_sub(self.mark.len());
        at
    }

    /// Where the head ends and what is behind it begins. The rest of the boundary's line belongs to the head.
    fn find_head_end(&self) -> Option<(usize, usize)> {
        let head = self.received.get(..self.received.len().min(HEAD_MAX))?;
        let strict = head.windows(4).position(|window| window == b"\r\n\r\n").map(|at| (at, at + 4));
        let loose = head.windows(2).position(|window| window == b"\n\n").map(|at| (at, at + 2));
        [strict, loose].into_iter().flatten().min()
    }
}

fn length(head: &[u8]) -> Option<usize> {
    let head = String::from_utf8_lossy(head);
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drive<'a>(content_type: &str, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Part> {
        let mut stream = Multipart::of(content_type).unwrap();
        let mut parts = Vec::new();
        for piece in pieces {
            stream.receive(piece);
            parts.extend(std::iter::from_fn(|| stream.poll()));
        }
        parts
    }

    fn picture(text: &str) -> Part {
        Part::Picture(text.as_bytes().to_vec())
    }

    #[test]
    fn pictures_are_cut_by_length_or_boundary_at_every_split() {
        for (name, content_type, stream, wanted) in [
            (
                "by length",
                "multipart/x-mixed-replace; boundary=frame",
                "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 5\r\n\r\nA--fr\r\n--frame\r\ncontent-length:1\r\n\r\nB\r\n",
                vec![picture("A--fr"), picture("B")],
            ),
            (
                "by boundary",
                "multipart/x-mixed-replace;boundary=\"frame\"",
                "--frame\r\nContent-Type: image/jpeg\r\n\r\nA\r\n--frame\r\nX: y\r\n\r\nB\r\n--frame--",
                vec![picture("A"), picture("B")],
            ),
            (
                "dashes in the boundary",
                "Multipart/X-Mixed-Replace; charset=x; Boundary=--cam",
                "\r\n--cam\nA: b\n\n1\n--cam\nA: b\n\n2\n----cam\n",
                vec![picture("1"), picture("2\n--")],
            ),
            (
                "a length that cannot be",
                "multipart/x-mixed-replace; boundary=b",
                "--b\r\nContent-Length: 99999999\r\n\r\nxx--b\r\nContent-Length: 1\r\n\r\nC",
                vec![Part::Noise(30), picture("C")],
            ),
        ] {
            let whole = drive(content_type, [stream.as_bytes()]);
            assert_eq!(whole, wanted, "{name}");
            assert_eq!(drive(content_type, stream.as_bytes().chunks(1)), wanted, "{name}, byte by byte");
            for at in 0..stream.len() {
                let (left, right) = stream.as_bytes().split_at(at);
                assert_eq!(drive(content_type, [left, right]), wanted, "{name}, split at {at}");
            }
        }
    }

    #[test]
    fn what_is_no_stream_is_none() {
        for content_type in ["image/jpeg", "multipart/x-mixed-replace", "multipart/x-mixed-replace; boundary=", "", ";"]
        {
            assert!(Multipart::of(content_type).is_none(), "{content_type:?}");
        }
    }

    #[test]
    fn a_picture_without_end_does_not_grow_without_end() {
        let mut stream = Multipart::of("multipart/x-mixed-replace; boundary=b").unwrap();
        stream.receive(b"--b\r\n\r\n");
        let mut noise = 0;
        for _ in 0..3 * FRAME_MAX / (64 << 10) {
            stream.receive(&[7; 64 << 10]);
            while let Some(part) = stream.poll() {
                let Part::Noise(bytes) = part else { panic!("{part:?}") };
                noise += bytes;
            }
            assert!(stream.received.len() <= FRAME_MAX + (64 << 10));
        }
        assert!(0 < noise);
        stream.receive(b"--b\r\nContent-Length: 2\r\n\r\nok");
        assert_eq!(stream.poll(), Some(picture("ok")));
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_and_a_good_picture_behind_them_is_found(
            pieces in prop::collection::vec(prop::collection::vec(prop_oneof![Just(b'-'), Just(b'b'), Just(b'\r'), Just(b'\n'), any::<u8>()], 0..60), 0..20)
        ) {
            let mut stream = Multipart::of("multipart/x-mixed-replace; boundary=b").unwrap();
            for piece in &pieces {
                stream.receive(piece);
                while stream.poll().is_some() {}
            }
            // Whatever was begun ends at the second boundary at the latest.
            stream.receive(b"\r\n\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Length: 2\r\n\r\nok\r\n--b\r\nContent-Length: 2\r\n\r\nok");
            let parts: Vec<Part> = std::iter::from_fn(|| stream.poll()).collect();
            prop_assert_eq!(parts.last(), Some(&picture("ok")));
        }
    }
}
