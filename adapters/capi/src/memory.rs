//! The caller's memory: the one place where raw pointers become references and objects.

use core::ffi::c_void;
use core::mem::{align_of, size_of, MaybeUninit};
use core::slice;

use crate::status::{Error, Failure, Status};
use crate::text::{Bytes, Text};

/// Something that lives in the caller's memory, with a mark by which it is recognised.
///
/// INVARIANT: the mark is the first field of every kind. So an object of a smaller kind, which a caller passes by
/// mistake, is not read past its end before it is refused.
pub(crate) trait Object: Sized {
    /// No two kinds have the same, and none is 0.
    const MARK: u32;
}

/// Declares an object's mark, which is its first field, `mark`.
macro_rules! impl_object {
    ($object:ty, $mark:literal) => {
        impl $crate::memory::Object for $object {
            const MARK: u32 = u32::from_le_bytes(*$mark);
        }

        const _: () = assert!(core::mem::offset_of!($object, mark) == 0);
    };
}
pub(crate) use impl_object;

/// Checks that `memory` is fit for an object of type `T`.
pub(crate) fn check<T>(memory: *const T, size: usize, needed: usize) -> Result<(), Status> {
    if memory.is_null() {
        Err(Status::Null)
    } else if !memory.is_aligned() {
        Err(Status::Misaligned)
    } else if size < needed {
        Err(Status::MemoryTooSmall)
    } else {
        Ok(())
    }
}

/// The place for a new object. What was there is none any more, whether or not the new one comes to be: it may
/// borrow what the new one overwrites.
///
/// # Safety
/// `memory` is null or valid for writes of `size` bytes.
pub(crate) unsafe fn vacate<T: Object>(memory: *mut c_void, size: usize) -> Result<*mut T, Status> {
    let memory = memory.cast::<T>();
    check(memory, size, size_of::<T>())?;
    // SAFETY: not null, aligned and large enough, as checked; valid for writes by the caller's word.
    unsafe { memory.cast::<u32>().write(0) };
    Ok(memory)
}

/// Moves an object to its place, and stores where that is.
///
/// # Safety
/// `memory` came from [`vacate`]; `out` is null or valid for writes.
pub(crate) unsafe fn place<T: Object>(
    memory: *mut T,
    object: T,
    out: *mut *mut T,
) -> Result<Status, Failure> {
    check(out, usize::MAX, 0)?;
    // SAFETY: `vacate` has checked it.
    unsafe { memory.write(object) };
    // SAFETY: not null and aligned, as checked; valid by the caller's word.
    unsafe { out.write(memory) };
    Ok(Status::Ok)
}

/// The object at a place.
///
/// # Safety
/// `object` is null or valid for reads of an initialised mark, 4 bytes; where the mark is right, [`place`] has put a `T`
/// there, and nothing else uses it during `'a`.
pub(crate) unsafe fn object<'a, T: Object>(object: *mut T) -> Result<&'a mut T, Status> {
    check(object, usize::MAX, 0)?;
    // SAFETY: not null and aligned, as checked; valid and initialised by the caller's word.
    if unsafe { object.cast::<u32>().read() } != T::MARK {
        return Err(Status::NotInitialized);
    }
    // SAFETY: the mark says that `place` made it; exclusive by the caller's word.
    Ok(unsafe { &mut *object })
}

/// A slice of the caller's; its pointer may be null where it is empty.
///
/// # Safety
/// As for [`slice::from_raw_parts`], but that null, misaligned and too long are checked here.
pub(crate) unsafe fn slice<'a, T>(ptr: *const T, len: usize) -> Result<&'a [T], Status> {
    check_len::<T>(len)?;
    if len == 0 {
        return Ok(&[]);
    }
    check(ptr, usize::MAX, 0)?;
    // SAFETY: not null, aligned, not too long, as checked; valid by the caller's word.
    Ok(unsafe { slice::from_raw_parts(ptr, len) })
}

/// A slice of the caller's that is written.
///
/// # Safety
/// As for [`slice::from_raw_parts_mut`], but that null, misaligned and too long are checked here.
pub(crate) unsafe fn slice_mut<'a, T>(ptr: *mut T, len: usize) -> Result<&'a mut [T], Status> {
    check_len::<T>(len)?;
    if len == 0 {
        return Ok(&mut []);
    }
    check(ptr, usize::MAX, 0)?;
    // SAFETY: not null, aligned, not too long, as checked; valid and exclusive by the caller's word.
    Ok(unsafe { slice::from_raw_parts_mut(ptr, len) })
}

fn check_len<T>(len: usize) -> Result<(), Status> {
    let bytes = len.checked_mul(size_of::<T>()).ok_or(Status::TooLong)?;
    isize::try_from(bytes).map(drop).or(Err(Status::TooLong))
}

/// What a pointer of the caller's points at.
///
/// # Safety
/// `ptr` is null or valid for reads of an initialised `T`.
pub(crate) unsafe fn read<T: Copy>(ptr: *const T) -> Result<T, Status> {
    check(ptr, usize::MAX, 0)?;
    // SAFETY: not null and aligned, as checked; valid by the caller's word.
    Ok(unsafe { ptr.read() })
}

/// Stores something where the caller wants it.
///
/// # Safety
/// `ptr` is null or valid for writes.
pub(crate) unsafe fn write<T>(ptr: *mut T, value: T) -> Result<(), Status> {
    check(ptr, usize::MAX, 0)?;
    // SAFETY: not null and aligned, as checked; valid by the caller's word.
    unsafe { ptr.write(value) };
    Ok(())
}

/// A text of the caller's; `None` where its pointer is null.
///
/// # Safety
/// The text is valid for reads during `'a`.
pub(crate) unsafe fn text<'a>(text: Text) -> Result<Option<&'a str>, Status> {
    if text.ptr.is_null() && text.len == 0 {
        return Ok(None);
    }
    // SAFETY: by the caller's word.
    let bytes = unsafe { slice(text.ptr.cast::<u8>(), text.len) }?;
    core::str::from_utf8(bytes)
        .map(Some)
        .or(Err(Status::NotUtf8))
}

/// The input that a call moves forward.
///
/// # Safety
/// `input` is null or valid for reads, and what it describes is valid for reads during `'a`.
pub(crate) unsafe fn input<'a>(input: *const Bytes) -> Result<&'a [u8], Status> {
    // SAFETY: by the caller's word.
    let bytes = unsafe { read(input) }?;
    // SAFETY: by the caller's word.
    unsafe { slice(bytes.ptr, bytes.len) }
}

/// Moves the input forward, over what has been consumed of it.
///
/// # Safety
/// `input` is null or valid for reads and writes.
pub(crate) unsafe fn advance(input: *mut Bytes, left: &[u8]) -> Result<(), Status> {
    // SAFETY: by the caller's word.
    let bytes = unsafe { read(input) }?;
    let consumed = bytes.len.saturating_sub(left.len());
    // From the caller's own pointer: that of an empty slice may be any.
    let rest = Bytes {
        ptr: bytes.ptr.wrapping_add(consumed),
        len: left.len(),
    };
    // SAFETY: by the caller's word.
    unsafe { write(input, rest) }
}

/// Memory after an object, handed out front to back for what the object borrows.
pub(crate) struct Rest {
    free: *mut u8,
    left: usize,
}

impl Rest {
    /// What is after the place of an object, which came from [`vacate`] with this size.
    pub(crate) fn after<T>(memory: *mut T, size: usize) -> Self {
        Self {
            free: memory.wrapping_add(1).cast(),
            left: size.saturating_sub(size_of::<T>()),
        }
    }

    /// A slice with each of `from`, converted.
    ///
    /// # Safety
    /// The memory is valid for reads and writes during `'a`, used for nothing else, and aligned for a `U`.
    pub(crate) unsafe fn convert<'a, T: Copy, U>(
        &mut self,
        from: &[T],
        mut convert: impl FnMut(T) -> Result<U, Status>,
    ) -> Result<&'a [U], Status> {
        debug_assert_eq!(self.free.align_offset(align_of::<U>()), 0);
        let size = check_len::<U>(from.len()).map(|()| size_of::<U>() * from.len())?;
        let left = self.left.checked_sub(size).ok_or(Status::MemoryTooSmall)?;
        // SAFETY: inside of the memory, as just checked; the rest is the caller's word.
        let slots = unsafe { slice_mut::<MaybeUninit<U>>(self.free.cast(), from.len()) }?;
        for (slot, &value) in slots.iter_mut().zip(from) {
            slot.write(convert(value)?);
        }
        self.free = self.free.wrapping_add(size);
        self.left = left;
        // SAFETY: every slot of it was written.
        Ok(unsafe { slice::from_raw_parts(slots.as_ptr().cast(), slots.len()) })
    }
}

/// Answers the caller: the status, and the failure in detail where it is wanted.
///
/// # Safety
/// `error` is null or valid for writes.
pub(crate) unsafe fn answer(result: Result<Status, Failure>, error: *mut Error) -> Status {
    match result {
        Ok(status) => status,
        Err(failure) => {
            // SAFETY: by the caller's word. A pointer that is null or misaligned is not written to.
            let _ = unsafe { write(error, failure.to_error()) };
            failure.status()
        }
    }
}
