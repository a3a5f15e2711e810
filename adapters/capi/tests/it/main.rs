//! The interface, called as C calls it.
#![allow(missing_docs)]

mod codes;
mod confirms;
mod documents;
mod header;
#[cfg(unix)]
mod kinds;
mod misuse;
mod outcomes;
mod policy;
mod tools;
