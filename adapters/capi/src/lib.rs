//! C ABI and WebAssembly exports of [`exportitems`] and [`exportitems_http1`].
//!
//! `include/exportitems.h` is this interface for C, made from it by cbindgen; a test holds it to be current.
//!
//! - **Memory**: every object lives in memory that the caller supplies, of the size and alignment that
//!   `exportitems_…_size` and `exportitems_…_align` tell. Nothing is allocated, so nothing is freed.
//! - **Results**: a [`Status`], 0 and above for success; what failed in detail goes to an optional [`Error`].
//! - **No callbacks**, and no panic: neither machine has one, and if one had, `extern "C"` would abort.
//! - **Misuse** that can be seen is answered with a status: a null pointer, memory that is misaligned or too
//!   small, an object that was never initialised. An `init` that fails leaves no object where one was. What cannot be seen is the caller's duty, the same for every
//!   function:
//!   - memory is valid for reads and writes of the size that is given for it;
//!   - an object's memory, its scratch and what it borrows stay in place and untouched while the object is in
//!     use, do not overlap, and are used by one thread at a time;
//!   - memory that was never initialised holds no object: zero it, so that the check for one can tell.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![no_std]
#![deny(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]
#![deny(clippy::multiple_unsafe_ops_per_block)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice
)]

// With an operating system the panic handler is std's; nothing else of it is used.
#[cfg(not(any(target_os = "none", target_family = "wasm")))]
extern crate std;

mod codes;
mod decoder;
mod event;
mod exchange;
mod http;
mod memory;
mod payload;
mod policy;
mod request;
mod status;
mod text;

pub use codes::{
    BrokenReason, Disposition, EventKind, Framing, HttpEventKind, IdMatch, Integrity, ItemError,
    Relief, Response, ResponseClass, Verdict,
};
pub use decoder::*;
pub use event::{
    exportitems_summary_confirms, Attribute, Event, EventBody, Fault, ItemIds, MessageStart,
    MessageXml, Outcome, ServerVersion, Summary,
};
pub use exchange::*;
pub use http::*;
pub use payload::*;
pub use policy::{exportitems_policy_default, Limits, Policy, Schedule};
pub use request::*;
pub use status::{Error, Status, EXPORTITEMS_ERROR_TEXT_LEN};
pub use text::{Bytes, Text};

/// Version of this interface: a program that was compiled with another one must not use this library.
pub const EXPORTITEMS_ABI_VERSION: u32 = 2;

/// `EXPORTITEMS_ABI_VERSION` of the library that is linked.
#[no_mangle]
pub extern "C" fn exportitems_abi_version() -> u32 {
    EXPORTITEMS_ABI_VERSION
}

/// The library's release, such as `0.1.0`; ends with a NUL.
#[no_mangle]
pub extern "C" fn exportitems_version() -> *const core::ffi::c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Without an operating system there is no place to report a panic. `scripts/check-capi` shows that none is reachable.
#[cfg(any(target_os = "none", target_family = "wasm"))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
