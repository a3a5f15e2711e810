//! Is framing the same in every split, and does what was framed come out as it was?
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| exportitems_testkit::oracle::http(input));
