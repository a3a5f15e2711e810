//! The caller's memory: the one place where raw pointers become references and objects.

use core::ffi::c_void;
use core::mem::{align_of, size_of, MaybeUninit};
use core::slice;

use crate::status::{Error, Failure, Status};
use crate::text::{Bytes, Text};

/// An object in the caller's memory. It starts with a mark that identifies its kind.
///
/// INVARIANT: the mark is the first field of every kind. If a caller passes an object of a smaller kind by mistake, it is
/// refused before memory after its end is read.
pub(crate) trait Object: Sized {
    /// The mark. It differs between kinds, and is never 0.
    const MARK: u32;
}

/// Declares the mark of an object, and checks that `mark` is its first field.
macro_rules! impl_object {
    ($object:ty, $mark:literal) => {
        impl $crate::memory::Object for $object {
            const MARK: u32 = u32::from_le_bytes(*$mark);
        }

        const _: () = assert!(core::mem::offset_of!($object, mark) == 0);
    };
}
pub(crate) use impl_object;

/// Checks that `memory` is not null, is aligned for a `T`, and that its size is at least `needed`.
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

/// Prepares memory for a new object, and removes an object that was there before.
///
/// The old object is removed even if the new one cannot be made, since it may borrow memory that is overwritten.
///
/// # Safety
/// `memory` is null or valid for writes of `size` bytes.
pub(crate) unsafe fn vacate<T: Object>(memory: *mut c_void, size: usize) -> Result<*mut T, Status> {
    let memory = memory.cast::<T>();
    check(memory, size, size_of::<T>())?;
    // SAFETY: checked to be not null, aligned and large enough; the caller guarantees that it is writable.
    unsafe { memory.cast::<u32>().write(0) };
    Ok(memory)
}

/// Moves an object into `memory`, and stores its address in `out`.
///
/// # Safety
/// `memory` came from [`vacate`]; `out` is null or valid for writes.
pub(crate) unsafe fn place<T: Object>(
    memory: *mut T,
    object: T,
    out: *mut *mut T,
) -> Result<Status, Failure> {
    check(out, usize::MAX, 0)?;
    // SAFETY: `vacate` checked that `memory` is not null, aligned and large enough, and wrote to it.
    unsafe { memory.write(object) };
    // SAFETY: `out` was checked to be not null and aligned; the caller guarantees that it is writable.
    unsafe { out.write(memory) };
    Ok(Status::Ok)
}

/// Returns the object that a pointer refers to, after checking its mark.
///
/// # Safety
/// `object` is null or valid for reads of an initialised mark, 4 bytes; where the mark is right, [`place`] has put a `T`
/// there, and nothing else uses it during `'a`.
pub(crate) unsafe fn object<'a, T: Object>(object: *mut T) -> Result<&'a mut T, Status> {
    check(object, usize::MAX, 0)?;
    // SAFETY: checked to be not null and aligned; the caller guarantees 4 initialised bytes.
    if unsafe { object.cast::<u32>().read() } != T::MARK {
        return Err(Status::NotInitialized);
    }
    // SAFETY: the mark shows that `place` has put a `T` there; the caller guarantees that nothing else uses it.
    Ok(unsafe { &mut *object })
}

/// Returns a slice of the caller's memory. The pointer of an empty slice may be null.
///
/// # Safety
/// As for [`slice::from_raw_parts`], except that null, misaligned and too long are checked here.
pub(crate) unsafe fn slice<'a, T>(ptr: *const T, len: usize) -> Result<&'a [T], Status> {
    check_len::<T>(len)?;
    if len == 0 {
        return Ok(&[]);
    }
    check(ptr, usize::MAX, 0)?;
    // SAFETY: checked to be not null, aligned and not too long; the caller guarantees `len` initialised elements.
    Ok(unsafe { slice::from_raw_parts(ptr, len) })
}

/// Returns a mutable slice of the caller's memory. The pointer of an empty slice may be null.
///
/// # Safety
/// As for [`slice::from_raw_parts_mut`], except that null, misaligned and too long are checked here.
pub(crate) unsafe fn slice_mut<'a, T>(ptr: *mut T, len: usize) -> Result<&'a mut [T], Status> {
    check_len::<T>(len)?;
    if len == 0 {
        return Ok(&mut []);
    }
    check(ptr, usize::MAX, 0)?;
    // SAFETY: checked to be not null, aligned and not too long; the caller guarantees `len` initialised elements that
    // nothing else uses.
    Ok(unsafe { slice::from_raw_parts_mut(ptr, len) })
}

fn check_len<T>(len: usize) -> Result<(), Status> {
    let bytes = len.checked_mul(size_of::<T>()).ok_or(Status::TooLong)?;
    isize::try_from(bytes).map(drop).or(Err(Status::TooLong))
}

/// Reads the value that a pointer of the caller refers to.
///
/// # Safety
/// `ptr` is null or valid for reads of an initialised `T`.
pub(crate) unsafe fn read<T: Copy>(ptr: *const T) -> Result<T, Status> {
    check(ptr, usize::MAX, 0)?;
    // SAFETY: checked to be not null and aligned; the caller guarantees an initialised value.
    Ok(unsafe { ptr.read() })
}

/// Stores a value at an address of the caller.
///
/// # Safety
/// `ptr` is null or valid for writes.
pub(crate) unsafe fn write<T>(ptr: *mut T, value: T) -> Result<(), Status> {
    check(ptr, usize::MAX, 0)?;
    // SAFETY: checked to be not null and aligned; the caller guarantees that it is writable.
    unsafe { ptr.write(value) };
    Ok(())
}

/// Returns a text of the caller, or `None` if its pointer is null.
///
/// # Safety
/// The text is valid for reads during `'a`.
pub(crate) unsafe fn text<'a>(text: Text) -> Result<Option<&'a str>, Status> {
    if text.ptr.is_null() && text.len == 0 {
        return Ok(None);
    }
    // SAFETY: the caller guarantees that the text is readable during `'a`.
    let bytes = unsafe { slice(text.ptr.cast::<u8>(), text.len) }?;
    core::str::from_utf8(bytes)
        .map(Some)
        .or(Err(Status::NotUtf8))
}

/// Returns the bytes of an input.
///
/// # Safety
/// `input` is null or valid for reads, and what it describes is valid for reads during `'a`.
pub(crate) unsafe fn input<'a>(input: *const Bytes) -> Result<&'a [u8], Status> {
    // SAFETY: the caller guarantees that `input` is null or readable.
    let bytes = unsafe { read(input) }?;
    // SAFETY: the caller guarantees that the bytes it describes are readable during `'a`.
    unsafe { slice(bytes.ptr, bytes.len) }
}

/// Moves the input forward over the bytes that have been consumed.
///
/// # Safety
/// `input` is null or valid for reads and writes.
pub(crate) unsafe fn advance(input: *mut Bytes, left: &[u8]) -> Result<(), Status> {
    // SAFETY: the caller guarantees that `input` is null or readable.
    let bytes = unsafe { read(input) }?;
    let consumed = bytes.len.saturating_sub(left.len());
    // From the caller's pointer, since the pointer of an empty slice is arbitrary.
    let rest = Bytes {
        ptr: bytes.ptr.wrapping_add(consumed),
        len: left.len(),
    };
    // SAFETY: the caller guarantees that `input` is null or writable.
    unsafe { write(input, rest) }
}

/// The memory after an object. It is used from front to back for lists that the object borrows.
pub(crate) struct Rest {
    free: *mut u8,
    left: usize,
}

impl Rest {
    /// Returns the memory after an object. `memory` came from [`vacate`] with this size.
    pub(crate) fn after<T>(memory: *mut T, size: usize) -> Self {
        Self {
            free: memory.wrapping_add(1).cast(),
            left: size.saturating_sub(size_of::<T>()),
        }
    }

    /// Converts each element of `from`, and returns the slice of the results.
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
        // SAFETY: the slots are inside of the memory, as checked above; the caller guarantees that it is writable, aligned
        // and otherwise unused.
        let slots = unsafe { slice_mut::<MaybeUninit<U>>(self.free.cast(), from.len()) }?;
        for (slot, &value) in slots.iter_mut().zip(from) {
            slot.write(convert(value)?);
        }
        self.free = self.free.wrapping_add(size);
        self.left = left;
        // SAFETY: every slot was written above.
        Ok(unsafe { slice::from_raw_parts(slots.as_ptr().cast(), slots.len()) })
    }
}

/// Returns the status of a call, and stores the details of a failure in `error`.
///
/// # Safety
/// `error` is null or valid for writes.
pub(crate) unsafe fn answer(result: Result<Status, Failure>, error: *mut Error) -> Status {
    match result {
        Ok(status) => status,
        Err(failure) => {
            // SAFETY: the caller guarantees that `error` is null or writable. If it is null or misaligned, nothing is
            // written.
            let _ = unsafe { write(error, failure.to_error()) };
            failure.status()
        }
    }
}
