//! Tests `exportitems decode` with responses that a server, a proxy or a connection has damaged.
//!
//! Each case must have the exit status and the JSON that README.md documents.
//!
//! A row of a table contains a document and the expected result: `STATUS RESPONSE [ITEM …][; ERROR]`, where an item is its
//! `integrity` if it is ok, else its `error`, and ERROR is the summary's.

#[path = "../common/mod.rs"]
mod common;
mod expect;

mod documents;
mod files;
