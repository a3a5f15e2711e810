//! One binary for all of it.

mod archive;
mod conformance;
mod export;
mod http;
mod server;
