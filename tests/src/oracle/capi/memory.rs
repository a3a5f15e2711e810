//! Memory as a C program has it: exactly as large as its size says, so that a sanitizer sees every byte beyond it.

use core::ffi::c_void;
use core::ptr::{null, null_mut};
use std::alloc::{alloc_zeroed, dealloc, handle_alloc_error, Layout};

use exportitems_capi::{
    exportitems_endpoint_init, exportitems_payload_check_init, Bytes, Endpoint, PayloadCheck,
    Status,
};

use super::Wrong;

/// Zeroed memory, aligned for every object.
#[derive(Debug)]
pub(super) struct Memory {
    at: *mut u8,
    layout: Layout,
}

impl Memory {
    pub(super) fn new(size: usize) -> Self {
        let layout = Layout::from_size_align(size.max(1), 8).expect("a size");
        // SAFETY: the size is not 0.
        let at = unsafe { alloc_zeroed(layout) };
        if at.is_null() {
            handle_alloc_error(layout);
        }
        Self { at, layout }
    }

    pub(super) fn at<T>(&self) -> *mut T {
        self.at.cast()
    }

    /// This memory and its size, for an initialisation, or wrong ones.
    pub(super) fn lend(&self, wrong: Wrong) -> (*mut c_void, usize) {
        let size = self.layout.size();
        match wrong {
            Wrong::NullObject => (null_mut(), size),
            Wrong::MisalignedObject => (self.at.wrapping_add(1).cast(), size - 1),
            Wrong::SmallMemory => (self.at(), size - 1),
            _ => (self.at(), size),
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout.
        unsafe { dealloc(self.at, self.layout) };
    }
}

/// The input of a call, or a wrong one.
pub(super) fn lend(piece: &[u8], wrong: Wrong) -> Bytes {
    match wrong {
        Wrong::NullInput => Bytes {
            ptr: null(),
            len: piece.len().max(1),
        },
        Wrong::LongInput => Bytes {
            ptr: piece.as_ptr(),
            len: isize::MAX.unsigned_abs() + 1,
        },
        _ => Bytes {
            ptr: piece.as_ptr(),
            len: piece.len(),
        },
    }
}

/// Objects that are not the ones that a call wants.
pub(super) struct Strange {
    blank: Memory,
    check: Memory,
    endpoint: Memory,
}

/// No object of the interface is larger.
const LARGEST: usize = 1024;

impl Strange {
    pub(super) fn new() -> Self {
        let strange = Self {
            blank: Memory::new(LARGEST),
            check: Memory::new(LARGEST),
            endpoint: Memory::new(LARGEST),
        };
        let mut check: *mut PayloadCheck = null_mut();
        let mut endpoint: *mut Endpoint = null_mut();
        // SAFETY: the memory is as large as its size says, and outlives its use.
        unsafe {
            let at = strange.check.at();
            let made = exportitems_payload_check_init(at, LARGEST, &raw mut check, null_mut());
            assert_eq!(made, Status::Ok);
            let at = strange.endpoint.at();
            let made = exportitems_endpoint_init(
                at,
                LARGEST,
                null(),
                null(),
                &raw mut endpoint,
                null_mut(),
            );
            assert_eq!(made, Status::Ok);
        }
        strange
    }

    /// The object of a call: the right one, zeroed memory where there is none, or a wrong one.
    pub(super) fn object<T>(&self, object: *mut T, wrong: Wrong) -> *mut T {
        match wrong {
            Wrong::NullObject => null_mut(),
            Wrong::MisalignedObject => self.blank.at::<u8>().wrapping_add(1).cast(),
            Wrong::ForeignObject if std::any::type_name::<T>().ends_with("PayloadCheck") => {
                self.endpoint.at()
            }
            Wrong::ForeignObject => self.check.at(),
            _ if object.is_null() => self.blank.at(),
            _ => object,
        }
    }
}
