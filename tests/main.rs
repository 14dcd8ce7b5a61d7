//! What a user is promised, told as stories: one test binary, a module per story.

mod browser;
mod central;
mod central_book;
mod checker;
mod database;
mod door_to_book;
mod faults;
mod foreign;
mod house;
mod intake;
mod kernel;
mod kills;
mod ledger;
mod llrp_peers;
mod replug;
mod rig;
mod strangers;
mod terminal;
mod web;
mod web_house;
