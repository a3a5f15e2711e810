//! One binary for all of it.

mod archive;
mod export;
mod http;
mod server;
