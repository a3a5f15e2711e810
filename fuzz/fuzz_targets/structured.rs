//! Does what the model says come of a generated response, in every way to read it?
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| exportitems_testkit::oracle::structured_bytes(input));
