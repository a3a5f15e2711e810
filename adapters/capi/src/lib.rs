//! C ABI and WebAssembly exports of [`exportitems`] and [`exportitems_http1`], and for C of `exportitems-ntlm`.
//!
//! `include/exportitems.h` declares this interface for C. cbindgen generates it from this crate, and a test checks that it
//! is current.
//!
//! - **Memory**: every object is in memory that the caller supplies. `exportitems_…_size` and `exportitems_…_align` return
//!   its size and alignment. Nothing is allocated, so nothing is freed.
//! - **Results**: a [`Status`]; 0 and above mean success. Details of a failure are stored in an optional [`Error`].
//! - **No callbacks**, and no panics. If there were one, `extern "C"` would abort.
//! - **Misuse** that can be detected returns a status: a null pointer, memory that is misaligned or too small, an object
//!   that was never initialised. An `init` that fails also removes an object that was in this memory before.
//!   The caller has to ensure the rest, for every function:
//!   - Memory is valid for reads and writes of the size that is passed for it.
//!   - An object's memory, its scratch and what it borrows are not moved or changed while the object is used, do not
//!     overlap, and are used by one thread at a time.
//!   - Memory that was never initialised is zeroed, so that the check for an object fails.
//!
//! The `# Safety` section of each function repeats these rules for its arguments. The `SAFETY` comments name the rule that
//! each unsafe operation relies on.
//!
//! All enumerations are `#[non_exhaustive]`. All structures are exhaustive, since their layout is part of the ABI.
//!
//! This crate has no features.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![no_std]
#![deny(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]
#![deny(clippy::exhaustive_enums)]
#![deny(clippy::multiple_unsafe_ops_per_block)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice
)]

// On an operating system, the panic handler is that of std. Nothing else of std is used.
#[cfg(not(any(target_os = "none", target_family = "wasm")))]
extern crate std;

mod codes;
mod decoder;
mod event;
mod exchange;
mod http;
mod memory;
#[cfg(not(target_family = "wasm"))]
mod ntlm;
mod payload;
mod policy;
mod request;
mod status;
mod text;

pub use codes::{
    BrokenReason, Disposition, EventKind, Framing, HttpEventKind, IdMatch, Integrity, ItemError,
    NtlmScheme, Relief, Response, ResponseClass, Verdict,
};
pub use decoder::*;
pub use event::{
    exportitems_summary_confirms, Attribute, Event, EventBody, Fault, ItemIds, MessageStart,
    MessageXml, Outcome, ServerVersion, Summary,
};
pub use exchange::*;
pub use http::*;
#[cfg(not(target_family = "wasm"))]
pub use ntlm::*;
pub use payload::*;
pub use policy::{exportitems_policy_default, Limits, Policy, Schedule};
pub use request::*;
pub use status::{Error, Status, EXPORTITEMS_ERROR_TEXT_LEN};
pub use text::{Bytes, Text};

/// Version of this interface. A program that was compiled with another version must not use this library.
pub const EXPORTITEMS_ABI_VERSION: u32 = 2;

/// Returns `EXPORTITEMS_ABI_VERSION` of the linked library.
#[no_mangle]
pub extern "C" fn exportitems_abi_version() -> u32 {
    EXPORTITEMS_ABI_VERSION
}

/// Returns the version of the library, such as `0.1.0`, as a C string.
#[no_mangle]
pub extern "C" fn exportitems_version() -> *const core::ffi::c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Without an operating system a panic cannot be reported. `scripts/check-capi` shows that none is reachable.
#[cfg(any(target_os = "none", target_family = "wasm"))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
