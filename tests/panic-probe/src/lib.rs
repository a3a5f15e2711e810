//! One exported function for each public function of the `no_std` crates, for `scripts/check-panic-free`.
//!
//! The script generates them from rustdoc's JSON. Arguments are parameters of an exported function, so the optimiser has
//! to assume any value of their type. Results are hidden from it.
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
        /// Not defined anywhere: if a panic is reachable, linking fails.
        fn PANIC_IS_REACHABLE(info: &core::panic::PanicInfo<'_>) -> !;
    }
    // SAFETY: this never runs, since no program with this call can be linked.
    unsafe { PANIC_IS_REACHABLE(info) }
}

/// Panics for an empty slice: the check must detect it.
#[no_mangle]
pub fn control_index(bytes: &[u8]) -> u8 {
    bytes[0]
}

/// Panics only with overflow checks.
#[no_mangle]
pub fn control_overflow(number: u32) -> u32 {
    number + 1
}
