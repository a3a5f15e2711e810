//! What `scripts/footprint` links and weighs.
//!
//! - Each `flash_` function reaches one component, all of it and nothing else: linked alone, with what it does not reach
//!   dropped, its code and constants are what the component costs.
//! - Each `ram_` static is as large as a public type; WebAssembly has a function that returns the size.
//!
//! Arguments and results pass through the signatures, so that the optimiser can neither guess the former nor drop the latter.
#![no_std]

mod flash;
mod ram;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
