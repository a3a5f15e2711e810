//! Is an upload, written in pieces of any size, the document that a program writes at once?
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| exportitems_testkit::oracle::upload(input));
