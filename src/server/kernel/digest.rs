//! One number for the state of all projections.
use crate::identity::hex::Hex;
use crate::server::database::{DatabaseError, Tx};
pub fn digest(_tx: &mut Tx) -> Result<Hex<32>, DatabaseError> { todo!() }
