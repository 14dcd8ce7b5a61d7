//! What a device promises to say and to be told.

#[cfg(feature = "camera")]
mod camera;
mod cards;
mod families;
mod gpio;
mod hid_pos;
mod llrp;
mod modbus;
mod pair;
mod printer;
mod push;
mod r200;
mod scale;
mod scanner;
mod ssi;
mod stage;
mod vectors;
mod wedge;
