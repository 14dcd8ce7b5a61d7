//! Records: the versions of items, units, bindings, places, people, passes, tasks, holds and certificates.
use crate::identity::hex::Hex;
use crate::quantity::Moment;
use crate::server::book::{DecideError, Decided, ServerKey};
use crate::server::database::{DatabaseError, Tx};
use crate::sync::records::{Content, Record};
/// Decides a new version of a record: its version is one above the present one.
#[allow(clippy::too_many_arguments)]
pub fn put(_tx: &mut Tx, _server: &ServerKey, _command: Hex<16>, _person: Option<u32>, _content: Content, _withdrawn: bool, _since: Moment, _at: Moment) -> Result<Decided, DecideError> { todo!() }
/// The latest version of a record, withdrawn or not. `kind`: Content::kind word.
pub fn record(_tx: &mut Tx, _kind: &str, _key: &str) -> Result<Option<Record>, DatabaseError> { todo!() }
/// Latest versions of a kind by key; `after` is the key of the last one seen.
pub fn records(_tx: &mut Tx, _kind: &str, _after: Option<&str>, _limit: usize) -> Result<Vec<Record>, DatabaseError> { todo!() }
