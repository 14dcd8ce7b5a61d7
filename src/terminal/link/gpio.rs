//! Lines of a GPIO chip as the stream of events that the family `gpio` has for them.

use hardware::gpio::{Edge, Event};

/// How the lines stood when they were requested, as events with the number 0: the kernel tells changes only.
pub(super) fn initial(lines: impl IntoIterator<Item = (u16, bool)>) -> Vec<u8> {
    let event = |(offset, high)| {
        let edge = if high { Edge::Rising } else { Edge::Falling };
        Event { timestamp_ns: 0, edge, offset, seqno: 0, line_seqno: 0 }.encode()
    };
    lines.into_iter().flat_map(event).collect()
}

#[cfg(feature = "gpio")]
pub(in crate::terminal) use self::system::Lines;

#[cfg(feature = "gpio")]
mod system {
    use std::fs;
    use std::io::{self, ErrorKind};
    use std::path::Path;
    use std::time::Duration;

    use gpiocdev::line::{Bias, EdgeDetection, Value, Values};
    use gpiocdev::{Request, request::Builder};
    use rustix::event::PollFlags;

    use super::initial;
    use crate::terminal::link::{ready, words};

    /// Requested lines. Nobody else has them as long as this lives.
    pub(in crate::terminal) struct Lines {
        request: Request,
        /// How they stood at first, as far as it was not read yet.
        first: Vec<u8>,
    }

    impl Lines {
        /// # Errors
        /// Why the lines cannot be had, and what to do.
        pub(in crate::terminal::link) fn open(chip: &Path, offsets: &[u16], pulls_down: bool) -> Result<Lines, String> {
            let wide: Vec<u32> = offsets.iter().copied().map(u32::from).collect();
            let bias = if pulls_down { Bias::PullUp } else { Bias::PullDown };
            // What keeps this program from the chip is asked of the chip, where it is said in the system's words.
            fs::OpenOptions::new().read(true).write(true).open(chip).map_err(|error| words::unopened(chip, &error))?;
            // A chip without such resistors refuses them; then they are on the board, or nowhere.
            let request = ask(chip, &wide, Some(bias)).or_else(|_| ask(chip, &wide, None));
            let request = request.map_err(|error| unrequested(chip, offsets, &error))?;
            let mut values = Values::from_offsets(&wide);
            request.values(&mut values).map_err(|error| unrequested(chip, offsets, &error))?;
            let high = |offset: u16| values.get(u32::from(offset)) == Some(Value::Active);
            let first = initial(offsets.iter().map(|&offset| (offset, high(offset))));
            Ok(Lines { request, first })
        }

        pub(in crate::terminal::link) fn read(&mut self, bytes: &mut [u8], wait: Duration) -> io::Result<usize> {
            if !self.first.is_empty() {
                let count = self.first.len().min(bytes.len());
                bytes.iter_mut().zip(self.first.drain(..count)).for_each(|(to, from)| *to = from);
                return Ok(count);
            }
            match ready(&self.request, PollFlags::IN, wait)? {
                true => Ok(rustix::io::read(&self.request, bytes)?),
                false => Err(ErrorKind::TimedOut.into()),
            }
        }
    }

    fn ask(chip: &Path, offsets: &[u32], bias: Option<Bias>) -> gpiocdev::Result<Request> {
        let mut builder: Builder = Request::builder();
        builder.on_chip(chip).with_consumer("gatebook").with_lines(offsets).as_input();
        builder.with_bias(bias).with_edge_detection(EdgeDetection::BothEdges);
        builder.request()
    }

    fn unrequested(chip: &Path, offsets: &[u16], error: &gpiocdev::Error) -> String {
        let shown = chip.display();
        format!(
            "the lines {offsets:?} of {shown} cannot be had: {error}; `gpioinfo` says which are in use, and by whom"
        )
    }
}
