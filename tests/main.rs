//! One test binary: a module per story.

mod house;
