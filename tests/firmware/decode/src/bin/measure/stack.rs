//! The stack's high-water mark, by painting what is free.

use core::arch::asm;
use core::ptr::addr_of;
use core::sync::atomic::{AtomicUsize, Ordering};

const PAINT: u32 = 0xCAFE_F00D;
/// Free bytes below the painter's own frame.
const GAP: usize = 64;

extern "C" {
    /// The linker's: where the stack may grow to.
    static __sheap: u32;
}

/// Where the paint begins, from above.
static PAINTED: AtomicUsize = AtomicUsize::new(0);

#[inline(always)]
fn stack_pointer() -> usize {
    let pointer: usize;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, sp", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    pointer
}

/// Paints everything below the caller's frame.
#[inline(always)]
pub fn paint() {
    let top = stack_pointer();
    PAINTED.store(top, Ordering::Relaxed);
    fill((top - GAP) & !3);
}

#[inline(never)]
fn fill(top: usize) {
    let mut word = addr_of!(__sheap) as usize;
    // Not the frame of this function.
    while word < top - GAP {
        // SAFETY: below the stack pointer, above the statics: nobody's.
        unsafe { (word as *mut u32).write_volatile(PAINT) };
        word += 4;
    }
}

/// Bytes from the caller's frame when it painted, down to the deepest that was written since.
#[inline(never)]
pub fn high_water() -> usize {
    let mut word = addr_of!(__sheap) as usize;
    let top = PAINTED.load(Ordering::Relaxed);
    // SAFETY: as in `fill`.
    while word < top && unsafe { (word as *const u32).read_volatile() } == PAINT {
        word += 4;
    }
    top - word
}
