//! An allocator that counts. It does not reuse memory, since the program ends after one certificate.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const SIZE: usize = 384 * 1024;

static mut MEMORY: [u64; SIZE / 8] = [0; SIZE / 8];
/// The bytes of `MEMORY` that were given away.
static GIVEN: AtomicUsize = AtomicUsize::new(0);
/// The bytes that are in use, and the most there were at a time.
static USED: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

struct Heap;

#[global_allocator]
static HEAP: Heap = Heap;

// SAFETY: the program has one thread, and no memory is given away twice.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = GIVEN.load(Relaxed).next_multiple_of(layout.align());
        let end = start + layout.size();
        if end > SIZE || layout.align() > 8 {
            return ptr::null_mut();
        }
        GIVEN.store(end, Relaxed);
        let used = USED.load(Relaxed) + layout.size();
        USED.store(used, Relaxed);
        MOST.store(MOST.load(Relaxed).max(used), Relaxed);
        // SAFETY: the sum is within the static.
        unsafe { (&raw mut MEMORY).cast::<u8>().add(start) }
    }

    unsafe fn dealloc(&self, _: *mut u8, layout: Layout) {
        USED.store(USED.load(Relaxed) - layout.size(), Relaxed);
    }
}

/// Returns the most bytes that were in use at a time.
pub fn most() -> usize {
    MOST.load(Relaxed)
}
