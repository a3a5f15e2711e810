//! One binary for all of it.

mod archive;
mod backup;
mod conformance;
mod connection;
mod evidence;
mod export;
mod hardship;
mod http;
mod list;
mod login;
mod network;
mod server;
mod tls;
mod token;
mod upload;
