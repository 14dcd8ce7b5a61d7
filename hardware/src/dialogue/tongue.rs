//! What a family says and understands, apart from all that has to do with time.

use std::fmt::{Debug, Display};
use std::time::Duration;

use crate::command::{Command, Unable};
use crate::device::Cut;
use crate::dialogue::line::Line;
use crate::dialogue::plan::{Outcome, Plan};

/// What a family says and understands.
pub(crate) trait Tongue: Debug + Send {
    type Request: Clone + Debug + Display + Send;

    /// What stands at the front of what was received.
    fn cut(&self, bytes: &[u8]) -> Cut;

    fn encode(&self, request: &Self::Request) -> Vec<u8>;

    /// How long the answer to a request may take; behind each part of an answer the time begins anew.
    fn patience(&self, request: &Self::Request) -> Duration;

    /// The requests that find out who is there and tell it its settings.
    fn greeting(&mut self) -> Vec<(Need, Self::Request)>;

    /// Whether a request of the greeting would only set what is set. Many readers keep their settings in a memory that
    /// wears with each writing.
    fn needless(&self, request: &Self::Request) -> bool {
        let _ = request;
        false
    }

    /// What the reader said of itself.
    fn model(&self) -> String;

    /// How it is made to read.
    fn reading(&self) -> Reading<Self::Request>;

    /// Understands one whole message; `asked` is the request that waits for its answer.
    fn hear(&mut self, message: &[u8], asked: Option<&Self::Request>, now: Duration, line: &mut Line) -> Heard;

    /// The requests that carry out a command.
    fn plan(&self, command: &Command) -> Result<Plan<Self::Request>, Unable>;

    /// What is asked from time to time beside the reading.
    fn chore(&self) -> Option<(Duration, Self::Request)> {
        None
    }

    /// What ends the reading.
    fn farewell(&self) -> Option<Self::Request>;
}

/// What becomes of a session when a request of its greeting fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// It is over: the reader must not or cannot read so.
    Must,
    /// A refusal is told, and the reader keeps its own setting.
    May,
    /// Nothing: sent once, and whatever comes of it is right.
    Try,
}

/// How a reader is made to read.
pub(crate) enum Reading<R> {
    /// It makes one round for each request.
    Rounds { round: R },
    /// It reports by itself, once told to begin. After so much silence it is asked whether it is there, or greeted anew
    /// where it could not answer.
    Stream { begin: Option<R>, silence: Duration, probe: Option<R> },
}

/// What a message was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The last part of the answer to the request that waits.
    Answer(Outcome),
    /// A part of it; more comes.
    More,
    /// The reader did not understand the request that waits, as after noise on the line.
    Again,
    /// Something else, and a sign of life.
    Aside,
    /// It makes no sense, and all of it is noise.
    Noise,
    /// It makes no sense, and its checksum of one byte may be right by chance: what follows its first byte is looked at
    /// again, for a true message may begin there.
    Chance,
}
