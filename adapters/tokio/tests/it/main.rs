//! Tests of the public API.

mod cancel;
mod common;
mod conformance;
mod connection;
mod export;
mod login;
mod stream;
mod token;
