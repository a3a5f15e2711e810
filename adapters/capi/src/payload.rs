//! The payload check, for bytes that did not come through the decoder.

use core::ffi::c_void;
use core::mem::{align_of, size_of};

use exportitems::PayloadCheck as Check;

use crate::codes::{BrokenReason, Verdict};
use crate::memory::{answer, impl_object, object, place, slice, vacate, write};
use crate::status::{Error, Failure, Status};

/// Memory that is enough for a payload check, in bytes, on every machine: for static memory.
pub const EXPORTITEMS_PAYLOAD_CHECK_SIZE: usize = 64;

const _: () = assert!(size_of::<PayloadCheck>() <= EXPORTITEMS_PAYLOAD_CHECK_SIZE);

/// Tells a whole payload from one that was cut: a file that was written long ago, or data from elsewhere.
///
/// The decoder checks what it decodes by itself.
#[derive(Debug)]
#[cfg_attr(all(), repr(C))] // for the mark to come first; in this form cbindgen keeps the type opaque
pub struct PayloadCheck {
    mark: u32,
    check: Check,
}

impl_object!(PayloadCheck, b"EIpc");

/// What a payload check finds.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct PayloadVerdict {
    /// The verdict.
    pub verdict: Verdict,
    /// What is broken, where it is.
    pub reason: BrokenReason,
    /// Where: the offset in the payload, in bytes.
    pub offset: u64,
    /// Whether the item came as far as its attachments: without it a payload that is whole by all rules
    /// probably lost its end. A hint, never an error.
    pub reached_attachments: bool,
}

/// Size of a payload check in bytes, at most `EXPORTITEMS_PAYLOAD_CHECK_SIZE`.
#[no_mangle]
pub extern "C" fn exportitems_payload_check_size() -> usize {
    size_of::<PayloadCheck>()
}

/// Alignment of a payload check in bytes, at most 8.
#[no_mangle]
pub extern "C" fn exportitems_payload_check_align() -> usize {
    align_of::<PayloadCheck>()
}

/// Makes a check at the start of a payload in `size` bytes of `memory`, and stores where it is in `check`.
///
/// # Safety
/// `memory` is valid for as long as the check is used, for nothing else; the other pointers are null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_payload_check_init(
    memory: *mut c_void,
    size: usize,
    check: *mut *mut PayloadCheck,
    error: *mut Error,
) -> Status {
    let init = || -> Result<Status, Failure> {
        // SAFETY: the caller's word.
        let memory = unsafe { vacate::<PayloadCheck>(memory, size) }?;
        let object = PayloadCheck {
            mark: <PayloadCheck as crate::memory::Object>::MARK,
            check: Check::new(),
        };
        // SAFETY: the caller's word.
        unsafe { place(memory, object, check) }
    };
    // SAFETY: the caller's word.
    unsafe { answer(init(), error) }
}

/// Takes the next bytes of the payload.
///
/// # Safety
/// `check` came from `exportitems_payload_check_init`; `bytes` is valid for `len` bytes; `error` is null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_payload_check_update(
    check: *mut PayloadCheck,
    bytes: *const u8,
    len: usize,
    error: *mut Error,
) -> Status {
    let update = || -> Result<Status, Failure> {
        // SAFETY: the caller's word.
        let check = unsafe { object(check) }?;
        // SAFETY: the caller's word.
        check.check.update(unsafe { slice(bytes, len) }?);
        Ok(Status::Ok)
    };
    // SAFETY: the caller's word.
    unsafe { answer(update(), error) }
}

/// Stores the verdict, as if the payload ended here.
///
/// # Safety
/// `check` came from `exportitems_payload_check_init`; the other pointers are null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_payload_check_verdict(
    check: *mut PayloadCheck,
    verdict: *mut PayloadVerdict,
    error: *mut Error,
) -> Status {
    let tell = || -> Result<Status, Failure> {
        // SAFETY: the caller's word.
        let check = unsafe { object(check) }?;
        let (kind, reason, offset) = Verdict::parts(Some(check.check.verdict()));
        let found = PayloadVerdict {
            verdict: kind,
            reason,
            offset,
            reached_attachments: check.check.reached_attachments(),
        };
        // SAFETY: the caller's word.
        unsafe { write(verdict, found) }?;
        Ok(Status::Ok)
    };
    // SAFETY: the caller's word.
    unsafe { answer(tell(), error) }
}
