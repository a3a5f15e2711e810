//! The command `restore`, between two emulated mailboxes.

#[path = "../common/mod.rs"]
mod common;
mod setup;

mod choice;
mod cuts;
mod failures;
mod judges;
mod round_trip;
