//! Tests of the public API.

mod cancel;
mod common;
mod conformance;
mod connection;
mod login;
mod stream;
mod token;
