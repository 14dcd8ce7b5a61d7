//! What a device promises to say and to be told.

#[cfg(feature = "camera")]
mod camera;
mod families;
mod hid_pos;
mod llrp;
mod r200;
mod scanner;
mod ssi;
mod stage;
mod vectors;
mod wedge;
