//! Does the C interface answer any calls, right and wrong ones, as it is documented, and as the Rust API does?
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| exportitems_testkit::oracle::capi(input));
