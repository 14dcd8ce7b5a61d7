//! What a device promises to say and to be told.

#[cfg(feature = "camera")]
mod camera;
mod cards;
mod checksum;
mod families;
mod gpio;
mod hid_pos;
mod llrp;
mod mercury;
mod modbus;
mod pair;
mod printer;
mod push;
mod r200;
mod r2000;
mod reader18;
mod scale;
mod scanner;
mod ssi;
mod stage;
mod swct;
mod vectors;
mod wedge;
mod wire;
