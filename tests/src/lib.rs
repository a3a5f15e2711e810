//! What the tests of `exportitems` share: references to compare with, and generators of input.
//!
//! The references know the whole input and may recurse and allocate; they are written for being
//! obviously right, and share no code with what they judge.

pub mod data;
pub mod payload_gen;
pub mod payload_reference;
