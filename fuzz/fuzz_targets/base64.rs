//! Is the content of a `Data` element decoded as the base64 crate does, and is the marker found?
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| exportitems_testkit::oracle::base64(input));
