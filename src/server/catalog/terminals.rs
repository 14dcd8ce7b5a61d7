//! Terminals of the house and how they are.
use crate::identity::hex::Hex;
use crate::quantity::Moment;
use crate::server::database::{DatabaseError, Tx};

/// A terminal that was enrolled.
#[derive(Clone, Debug)]
pub struct Terminal {
    pub number: u32,
    pub name: String,
    pub key: Hex<32>,
    pub enrolled: Moment,
    pub revoked: Option<Moment>,
    /// How it was when it last spoke; `None` when it never did.
    pub liveness: Option<Liveness>,
}

#[derive(Clone, Debug)]
pub struct Liveness {
    pub program: String,
    /// By the server's clock.
    pub seen: Moment,
    /// What its own clock said then.
    pub clock: Moment,
    /// Lines that wait to be sent.
    pub waiting: u64,
    pub down_cursor: u64,
    /// What does not work, in its own words.
    pub troubles: Vec<String>,
}
pub fn terminal(_tx: &mut Tx, _number: u32) -> Result<Option<Terminal>, DatabaseError> { todo!() }
pub fn terminals(_tx: &mut Tx) -> Result<Vec<Terminal>, DatabaseError> { todo!() }
