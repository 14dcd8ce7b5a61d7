//! Stories that need more than one room.

mod central;
mod central_book;
mod database;
mod intake;
mod kernel;
mod web;
mod web_house;
