//! UHF reader modules of the M100, YRM100 and R200 kind on a serial line (115200 8N1).
//!
//! Two dialects share all payloads: `BB .. 7E` (M100, YRM100) and `AA .. DD` (R200 boards).
//! Source: R200 user protocol V2.3.3, sections 1 to 3; the M100 command set as in anteploon/yrm100lib.

pub mod frame;
pub mod message;
pub mod session;
