//! What a device promises to say and to be told.

#[cfg(feature = "camera")]
mod camera;
mod families;
mod llrp;
mod push;
mod r200;
mod scanner;
mod stage;
mod vectors;
