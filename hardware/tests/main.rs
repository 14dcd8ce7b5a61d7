//! What a device promises to say and to be told.

#[cfg(feature = "camera")]
mod camera;
mod checksum;
mod families;
mod llrp;
mod mercury;
mod r200;
mod r2000;
mod reader18;
mod scanner;
mod stage;
mod swct;
mod vectors;
mod wire;
