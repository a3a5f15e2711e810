//! Do the events depend on the partition of a document into pieces?
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| exportitems_testkit::oracle::split(input));
