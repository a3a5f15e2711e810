//! Do any bytes make the decoder panic, or break a promise of its documentation?
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| exportitems_testkit::oracle::decode(input));
