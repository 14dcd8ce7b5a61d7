//! What a user is promised, told as stories: one test binary, a module per story.

mod bindings;
mod browser;
mod central;
mod central_book;
mod checker;
mod database;
mod door_to_book;
mod epc;
mod faults;
mod foreign;
mod gs1;
mod house;
mod identity;
mod intake;
mod kernel;
mod kills;
mod labels;
mod ledger;
mod numbers;
mod printing;
mod replug;
mod rig;
mod strangers;
mod terminal;
mod web;
mod web_house;
