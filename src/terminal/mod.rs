//! The terminal: devices in, lines in its own book, answers on its screen. Works alone for as long as it must.

pub mod answer;
pub mod capture;
pub mod devices;
pub mod door;
pub mod enrolment;
pub mod handheld;
pub mod house;
pub mod pictures;
pub mod port;
pub mod reference;
pub mod remembered;
pub mod rules;
pub mod station;
pub mod status;
