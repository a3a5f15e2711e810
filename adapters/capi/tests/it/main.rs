//! The interface, called as C calls it.
#![allow(missing_docs)]

mod header;
