//! The functions and statics that `scripts/footprint` links and measures.
//!
//! - Each `flash_` function uses exactly one component. The script links it alone and drops unused code: the remaining
//!   code and constants are the size of the component.
//! - Each `ram_` static has the size of a public type. In WebAssembly it is a function that returns the size.
//!
//! Arguments and results are part of the signatures, so that the optimiser can neither guess arguments nor drop results.
#![no_std]

mod flash;
#[cfg(feature = "network")]
mod network;
mod ram;
#[cfg(feature = "upload")]
mod upload;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
