//! Is any payload converted without a panic, in the same way each time, and without a header that is not its own?
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| exportitems_testkit::oracle::convert(input));
