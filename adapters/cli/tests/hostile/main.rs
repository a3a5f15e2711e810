//! Everything that a server, a proxy or a cable can make of a response, through `exportitems decode`: each case has the
//! exit status and the JSON that README.md documents.
//!
//! A row of a table is a document and what comes of it: `STATUS RESPONSE [ITEM …][; ERROR]`, where an item is its
//! `integrity` if it is ok, else its `error`, and ERROR is the summary's.

#[path = "../common/mod.rs"]
mod common;
mod expect;

mod documents;
mod files;
