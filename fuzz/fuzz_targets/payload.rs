//! Is the payload check's verdict that of the reference, for every partition?
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| exportitems_testkit::oracle::payload(input));
