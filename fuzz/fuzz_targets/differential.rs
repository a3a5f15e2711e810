//! Is anything committed that a naive reader of the same bytes does not find, or the other way round?
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| exportitems_testkit::oracle::differential(input));
