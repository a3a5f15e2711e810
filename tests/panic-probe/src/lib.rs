//! One exported function for each public function of the `no_std` crates, for `scripts/check-panic-free`.
//!
//! The script generates them from rustdoc's JSON. Arguments are parameters of an exported function, so they may have any
//! value of their type, and results are hidden from the optimiser.
#![no_std]

#[cfg(feature = "features")]
pub mod serializer;
pub mod stand_ins;

/// The generated functions.
#[allow(clippy::all, clippy::pedantic)]
mod probes {
    include!(concat!(env!("OUT_DIR"), "/probes.rs"));
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    extern "Rust" {
        /// Defined nowhere: where a panic is reachable the link fails.
        fn PANIC_IS_REACHABLE(info: &core::panic::PanicInfo<'_>) -> !;
    }
    // SAFETY: never runs; no program with this call can be linked.
    unsafe { PANIC_IS_REACHABLE(info) }
}

/// Panics for an empty slice: the check must see it.
#[no_mangle]
pub fn control_index(bytes: &[u8]) -> u8 {
    bytes[0]
}

/// Panics with overflow checks, and only then.
#[no_mangle]
pub fn control_overflow(number: u32) -> u32 {
    number + 1
}
