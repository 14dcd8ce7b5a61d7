//! What a user is promised, told as stories: one test binary, a module per story.

mod house;
mod ledger;
