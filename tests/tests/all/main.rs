//! The tests of the whole: `core` against the testkit's oracles.

mod scripts;
