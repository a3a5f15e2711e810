//! One exported function for each public entry point of default core, for `scripts/check-panic-free`.
//!
//! Arguments and results pass through the signatures, so that the optimiser can neither guess the former nor drop the latter.
#![no_std]

use exportitems::ResponseCode;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    extern "C" {
        /// Defined nowhere: where a panic is reachable the link fails.
        fn PANIC_IS_REACHABLE() -> !;
    }
    // SAFETY: never runs; no program with this call can be linked.
    unsafe { PANIC_IS_REACHABLE() }
}

/// Panics for an empty slice: the check must see it.
#[no_mangle]
pub fn control_index(bytes: &[u8]) -> u8 {
    bytes[0]
}

#[no_mangle]
pub fn probe_response_code_from_text(text: &str) -> ResponseCode {
    ResponseCode::from_text(text)
}

#[no_mangle]
pub fn probe_response_code_as_str(code: ResponseCode) -> Option<&'static str> {
    code.as_str()
}
