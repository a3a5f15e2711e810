//! Does what is told depend on how a document is cut into pieces?
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| exportitems_testkit::oracle::split(input));
