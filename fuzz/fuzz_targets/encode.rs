//! Does a request come out as long as announced, the same in every size of output, and read back as it was put in?
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| exportitems_testkit::oracle::encode(input));
