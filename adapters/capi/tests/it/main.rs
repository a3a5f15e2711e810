//! The interface, called as C calls it.
#![allow(missing_docs)]

mod codes;
mod confirms;
#[path = "../../../../tests/src/data.rs"]
mod data;
mod documents;
mod header;
#[cfg(unix)]
mod kinds;
mod misuse;
mod ntlm;
mod outcomes;
mod policy;
mod tools;
