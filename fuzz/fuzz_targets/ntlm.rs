//! Is a challenge accepted as a naive reader does, and answered as a server expects?
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| exportitems_testkit::oracle::ntlm(input));
