//! Gatebook: a read at the point of handling becomes a durable line in the terminal's own book before the operator hears
//! "ok"; every line reaches the central book exactly once; everything the business knows is derived from it.
//!
//! The floors, lowest first. A room uses its own floor's inside and what lies below, never a neighbour or above
//! (`tests/house.rs` holds this).

pub mod hex;
pub mod quantity;

pub mod gs1;
pub mod numbers;

pub mod epc;

pub mod identity;

pub mod event;
pub mod labels;

pub mod ledger;

pub mod config;
pub mod face;
pub mod sync;

pub mod server;
pub mod terminal;

pub mod demo;

pub mod bench;

pub mod commands;
