//! What a user is promised, told as stories.

mod ledger;
mod terminal;
