//! The interface, called as C calls it.
#![allow(missing_docs)]

mod documents;
mod header;
mod outcomes;
mod tools;
