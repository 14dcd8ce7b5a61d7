//! A card reader behind PC/SC as a stream of the messages that the family `acr122u` has for it.
//!
//! The service waits for cards and hands commands over; what is said of it, and when, is decided here and tested with a
//! service that is played.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::time::Duration;

use hardware::acr122u::{FAMILY, Kind, message};
use hardware::device::Cut;

/// What a reader without a better word says of a command that failed (ISO 7816-4: no precise diagnosis).
const FAILED: [u8; 2] = [0x6F, 0x00];

/// The service, as far as one reader needs it.
pub(in crate::terminal) trait Service {
    /// The reader's name.
    fn name(&self) -> String;

    /// What changed within `wait`.
    ///
    /// # Errors
    /// When the reader or the service is gone.
    fn look(&mut self, wait: Duration) -> io::Result<Option<Change>>;

    /// Hands a command to the card and gives its answer.
    ///
    /// # Errors
    /// When the card is gone or does not answer.
    fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>>;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::terminal) enum Change {
    /// A card came, with its answer to reset.
    Card(Vec<u8>),
    Gone,
}

/// A reader as a stream. Holds the part of a command that came, and the messages that were not read yet.
pub(in crate::terminal) struct Desk<S> {
    service: S,
    received: Vec<u8>,
    out: VecDeque<u8>,
}

impl<S: Service> Desk<S> {
    pub(super) fn new(service: S) -> Self {
        let out = message(Kind::Name, service.name().as_bytes()).into();
        Self { service, received: Vec::new(), out }
    }

    /// What the reader says within `wait`; nothing is an error of the kind `TimedOut`.
    pub(super) fn read(&mut self, bytes: &mut [u8], wait: Duration) -> io::Result<usize> {
        if self.out.is_empty() {
            let said = match self.service.look(wait)? {
                Some(Change::Card(reset)) => message(Kind::Card, &reset),
                Some(Change::Gone) => message(Kind::Gone, &[]),
                None => return Err(ErrorKind::TimedOut.into()),
            };
            self.out.extend(said);
        }
        let count = self.out.len().min(bytes.len());
        bytes.iter_mut().zip(self.out.drain(..count)).for_each(|(to, from)| *to = from);
        Ok(count)
    }

    /// Takes what the session sends, in any split.
    pub(super) fn write_all(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
        loop {
            let used = match (FAMILY.codec.cut)(&self.received, Some("link")) {
                Cut::Incomplete => return,
                Cut::Noise(bytes) | Cut::Blank(bytes) => bytes.max(1),
                Cut::Message(len) => {
                    let message = self.received.get(..len).unwrap_or_default();
                    if let &[b'A', _, _, ref command @ ..] = message {
                        let answer = self.service.transmit(command).unwrap_or(FAILED.to_vec());
                        let said = self::message(Kind::Answer, &answer);
                        self.out.extend(said);
                    }
                    len
                }
            };
            self.received.drain(..used.min(self.received.len()));
        }
    }
}

#[cfg(feature = "pcsc")]
pub(in crate::terminal) use self::system::{Reader, open};

#[cfg(feature = "pcsc")]
mod system {
    use std::ffi::CString;

    use pcsc::{Card, Context, Disposition, Error, Protocols, ReaderState, Scope, ShareMode, State};

    use super::*;

    /// A reader of this machine.
    pub(in crate::terminal) struct Reader {
        context: Context,
        state: Vec<ReaderState>,
        name: CString,
        card: Option<Card>,
        present: bool,
    }

    /// Opens the first reader whose name contains `named`.
    ///
    /// # Errors
    /// Why there is none, and what to do.
    pub(in crate::terminal) fn open(named: &str) -> Result<Desk<Reader>, String> {
        let context = Context::establish(Scope::User).map_err(|error| match error {
            Error::NoService | Error::ServiceStopped => {
                "the service PC/SC does not run; install pcscd and start it (systemctl enable --now pcscd)".to_owned()
            }
            error => format!("the service PC/SC refuses: {error}; look at `journalctl -u pcscd`"),
        })?;
        let names = match context.list_readers_owned() {
            Ok(names) => names,
            Err(Error::NoReadersAvailable) => Vec::new(),
            Err(error) => return Err(format!("PC/SC cannot list its readers: {error}")),
        };
        let fits = |name: &&CString| name.to_string_lossy().to_lowercase().contains(&named.to_lowercase());
        let Some(name) = names.iter().find(fits).cloned() else {
            let all: Vec<_> = names.iter().map(|name| format!("\"{}\"", name.to_string_lossy())).collect();
            return Err(match all.as_slice() {
                [] => {
                    "PC/SC has no card reader; check its plug, and that the kernel's module pn533_usb does not hold it \
                       (blacklist it)"
                        .to_owned()
                }
                all => format!("PC/SC has no reader with \"{named}\" in its name, but {}", all.join(", ")),
            });
        };
        let state = vec![ReaderState::new(name.clone(), State::UNAWARE)];
        Ok(Desk::new(Reader { context, state, name, card: None, present: false }))
    }

    fn failed(error: Error) -> io::Error {
        io::Error::other(match error {
            Error::UnknownReader | Error::ReaderUnavailable => "the card reader was unplugged".to_owned(),
            Error::NoService | Error::ServiceStopped => "the service PC/SC ended; start pcscd".to_owned(),
            error => format!("PC/SC: {error}"),
        })
    }

    impl Service for Reader {
        fn name(&self) -> String {
            self.name.to_string_lossy().into_owned()
        }

        fn look(&mut self, wait: Duration) -> io::Result<Option<Change>> {
            match self.context.get_status_change(wait, &mut self.state) {
                Ok(()) => (),
                Err(Error::Timeout) => return Ok(None),
                Err(error) => return Err(failed(error)),
            }
            let Some(state) = self.state.first_mut() else { return Ok(None) };
            let (now, reset) = (state.event_state(), state.atr().to_vec());
            state.sync_current_state();
            if now.intersects(State::UNKNOWN | State::UNAVAILABLE | State::IGNORE) {
                return Err(failed(Error::ReaderUnavailable));
            }
            let present = now.contains(State::PRESENT) && !now.contains(State::MUTE);
            let before = std::mem::replace(&mut self.present, present);
            if before && !present {
                self.card = None;
                return Ok(Some(Change::Gone));
            }
            Ok((present && !before).then_some(Change::Card(reset)))
        }

        fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
            if self.card.is_none() {
                let card = self.context.connect(&self.name, ShareMode::Shared, Protocols::ANY);
                self.card = Some(card.map_err(failed)?);
            }
            let Some(card) = &self.card else { return Err(ErrorKind::NotConnected.into()) };
            let mut answer = [0; pcsc::MAX_BUFFER_SIZE];
            match card.transmit(command, &mut answer) {
                Ok(answer) => Ok(answer.to_vec()),
                Err(error) => {
                    // The next command meets the card anew.
                    if let Some(card) = self.card.take() {
                        drop(card.disconnect(Disposition::ResetCard));
                    }
                    Err(failed(error))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hardware::event::{Event, Read};
    use hardware::settings::Settings;

    use super::*;

    /// A service that plays what a reader once did.
    struct Played {
        changes: VecDeque<Option<Change>>,
        answers: VecDeque<io::Result<Vec<u8>>>,
        commands: Vec<Vec<u8>>,
    }

    impl Service for Played {
        fn name(&self) -> String {
            "ACS ACR122U PICC Interface 00 00".to_owned()
        }

        fn look(&mut self, _wait: Duration) -> io::Result<Option<Change>> {
            self.changes.pop_front().ok_or_else(|| io::Error::other("the card reader was unplugged"))
        }

        fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
            self.commands.push(command.to_vec());
            self.answers.pop_front().unwrap_or_else(|| Err(ErrorKind::TimedOut.into()))
        }
    }

    /// Drives a session of the family by a reader; what it told, and how the link ended.
    fn drive(played: Played) -> (Vec<Event>, String) {
        let mut session = (FAMILY.session)(&Settings::of(FAMILY.settings)).unwrap();
        let mut desk = Desk::new(played);
        let (mut events, mut now) = (Vec::new(), Duration::ZERO);
        session.opened(now);
        loop {
            while let Some(out) = session.transmit() {
                out.chunks(2).for_each(|piece| desk.write_all(piece));
            }
            events.extend(std::iter::from_fn(|| session.poll()));
            now += Duration::from_millis(100);
            let mut bytes = [0; 7];
            match desk.read(&mut bytes, Duration::ZERO) {
                Ok(count) => session.receive(&bytes[..count], now),
                Err(error) if error.kind() == ErrorKind::TimedOut => session.tick(now),
                Err(error) => return (events, error.to_string()),
            }
        }
    }

    #[test]
    fn a_card_on_the_reader_is_read_once_by_its_number() {
        let reset = vec![0x3B, 0x8F, 0x80, 0x01, 0x80, 0x4F];
        let changes = [Some(Change::Card(reset)), None, None, Some(Change::Gone), None, None, None, None, None, None];
        // The first try fails, as one with a card that is still moving does.
        let answers = [Err(ErrorKind::TimedOut.into()), Ok(vec![0x04, 0xA1, 0xB2, 0xC3, 0x90, 0x00])];
        let played = Played { changes: changes.into(), answers: answers.into_iter().collect(), commands: Vec::new() };
        let (events, end) = drive(played);
        assert_eq!(end, "the card reader was unplugged");
        assert!(matches!(events.first(), Some(Event::Ready { model }) if model.contains("ACR122U")), "{events:?}");
        let cards: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::Read(Read::Card(card)) => Some(card.number.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(cards, [[0x04, 0xA1, 0xB2, 0xC3]], "{events:?}");
    }
}
