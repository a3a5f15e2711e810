//! What the tests of `exportitems` share: references to compare with, generators of input, and oracles.
//!
//! The references know the whole input and may recurse and allocate; they are written for being
//! obviously right, and share no code with what they judge.
//!
//! ```text
//! seed or fuzzer ─► script ─► wire ─► chunks ─► run ─┬─► model      what the script says must come of it
//!                     └─► model                      ├─► reference  what a naive reader of the whole document finds
//!                                                    └─► oracles    what must hold for every document
//! ```

// The panic of an oracle is its answer.
#![allow(clippy::missing_panics_doc)]

pub mod base64_text;
pub mod chunks;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod data;
pub mod model;
pub mod oracle;
pub mod payload_gen;
pub mod payload_reference;
pub mod reference;
pub mod run;
pub mod script;
pub mod sink;
pub mod wire;

/// The example of the project's README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
