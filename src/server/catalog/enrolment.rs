//! A new terminal comes into the house with a one-time code.
use crate::quantity::Moment;
use crate::server::book::{DecideError, ServerKey};
use crate::server::database::{DatabaseError, Tx};
use crate::sync::wire::{Enrol, Enrolled};

/// Why a terminal was not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    #[error(transparent)]
    Decide(#[from] DecideError),
    #[error("the code is wrong, used or too old")]
    Code,
    #[error("the name or key of the terminal cannot be taken: {why}")]
    Terminal { why: &'static str },
}
impl From<DatabaseError> for EnrolError {
    fn from(error: DatabaseError) -> EnrolError {
        EnrolError::Decide(error.into())
    }
}
/// A code to type or scan, `XXXX-XXXX-XXXX`, good once within 15 minutes.
pub fn make_enrolment_code(_tx: &mut Tx, _by: Option<u32>, _now: Moment) -> Result<String, DatabaseError> { todo!() }
pub fn enrol(_tx: &mut Tx, _server: &ServerKey, _enrol: &Enrol, _now: Moment) -> Result<Enrolled, EnrolError> { todo!() }
