//! Master data and terminals, as the decisions of the server's own book say.

mod bindings;
pub mod store;
pub mod terminals;
