//! The payload check, for bytes that do not come from the decoder.

use core::ffi::c_void;
use core::mem::{align_of, size_of};

use exportitems::PayloadCheck as Check;

use crate::codes::{BrokenReason, Verdict};
use crate::memory::{answer, impl_object, object, place, slice, vacate, write};
use crate::status::{Error, Failure, Status};

/// Bytes of memory that are enough for a payload check on every platform. Use it for static memory.
pub const EXPORTITEMS_PAYLOAD_CHECK_SIZE: usize = 64;

const _: () = assert!(size_of::<PayloadCheck>() <= EXPORTITEMS_PAYLOAD_CHECK_SIZE);

/// Checks whether a payload is whole, for example one in a file.
///
/// The decoder checks the payloads that it decodes by itself.
#[derive(Debug)]
#[cfg_attr(all(), repr(C))] // puts the mark first; in this form cbindgen keeps the type opaque
pub struct PayloadCheck {
    mark: u32,
    check: Check,
}

impl_object!(PayloadCheck, b"EIpc");

/// The result of a payload check.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct PayloadVerdict {
    /// The verdict.
    pub verdict: Verdict,
    /// Why the payload is broken, if it is.
    pub reason: BrokenReason,
    /// Offset in the payload, in bytes, where it is broken.
    pub offset: u64,
    /// Whether the payload reaches the list of attachments. A whole payload that does not reach it has probably lost its
    /// end. This is a hint, not an error.
    pub reached_attachments: bool,
}

/// Returns the size of a payload check in bytes, at most `EXPORTITEMS_PAYLOAD_CHECK_SIZE`.
#[no_mangle]
pub extern "C" fn exportitems_payload_check_size() -> usize {
    size_of::<PayloadCheck>()
}

/// Returns the alignment of a payload check in bytes, at most 8.
#[no_mangle]
pub extern "C" fn exportitems_payload_check_align() -> usize {
    align_of::<PayloadCheck>()
}

/// Makes a check at the start of a payload in `size` bytes of `memory`, and stores its address in `check`.
///
/// # Safety
/// `memory` is valid while the check is used, and used for nothing else; the other pointers are null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_payload_check_init(
    memory: *mut c_void,
    size: usize,
    check: *mut *mut PayloadCheck,
    error: *mut Error,
) -> Status {
    let init = || -> Result<Status, Failure> {
        // SAFETY: `memory` is null or writable for `size` bytes, which only this object uses.
        let memory = unsafe { vacate::<PayloadCheck>(memory, size) }?;
        let object = PayloadCheck {
            mark: <PayloadCheck as crate::memory::Object>::MARK,
            check: Check::new(),
        };
        // SAFETY: `memory` came from `vacate`, and `check` is null or writable.
        unsafe { place(memory, object, check) }
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(init(), error) }
}

/// Checks the next bytes of the payload.
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
        // SAFETY: `check` is null or came from its `init`, and no other call uses it now.
        let check = unsafe { object(check) }?;
        // SAFETY: `bytes` is readable for `len` elements.
        check.check.update(unsafe { slice(bytes, len) }?);
        Ok(Status::Ok)
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(update(), error) }
}

/// Stores the verdict on a payload that ends here. More bytes may follow.
///
/// # Safety
/// `check` came from `exportitems_payload_check_init`; the other pointers are null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_payload_check_verdict(
    check: *mut PayloadCheck,
    verdict: *mut PayloadVerdict,
    error: *mut Error,
) -> Status {
    let store = || -> Result<Status, Failure> {
        // SAFETY: `check` is null or came from its `init`, and no other call uses it now.
        let check = unsafe { object(check) }?;
        let (kind, reason, offset) = Verdict::parts(Some(check.check.verdict()));
        let found = PayloadVerdict {
            verdict: kind,
            reason,
            offset,
            reached_attachments: check.check.reached_attachments(),
        };
        // SAFETY: `verdict` is null or writable.
        unsafe { write(verdict, found) }?;
        Ok(Status::Ok)
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(store(), error) }
}
