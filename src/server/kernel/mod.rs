//! Units, places, moves, custody and balances, folded from the book. Samples and stock both stand on it.

pub mod digest;
pub mod queries;
