//! What a user is promised, told as stories.

mod central;
mod central_book;
mod database;
mod intake;
mod kernel;
mod ledger;
mod terminal;
mod web;
mod web_house;
