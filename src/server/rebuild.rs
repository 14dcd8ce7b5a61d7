//! Drops every projection and folds it again from the book.
use crate::identity::hex::Hex;
use crate::server::database::{DatabaseError, Tx};
pub fn rebuild(_tx: &mut Tx) -> Result<Hex<32>, DatabaseError> { todo!() }
