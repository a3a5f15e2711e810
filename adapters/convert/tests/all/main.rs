//! Items that tests build, converted; and what other readers make of the messages.

mod common;
mod eml;
mod msg;
mod python;
