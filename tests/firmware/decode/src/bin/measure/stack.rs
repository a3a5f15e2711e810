//! Measures the highest use of the stack by painting the free part.

use core::arch::asm;
use core::ptr::addr_of;
use core::sync::atomic::{AtomicUsize, Ordering};

const PAINT: u32 = 0xCAFE_F00D;
/// Bytes between the frame of the painter and the paint.
const GAP: usize = 64;

extern "C" {
    /// Defined by the linker: the lowest address of the stack.
    static __sheap: u32;
}

/// The highest address that was painted.
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
        // SAFETY: memory below the stack pointer and above the statics is unused.
        unsafe { (word as *mut u32).write_volatile(PAINT) };
        word += 4;
    }
}

/// Returns the number of bytes from the frame that called `paint` to the lowest byte that was written since.
#[inline(never)]
pub fn high_water() -> usize {
    let mut word = addr_of!(__sheap) as usize;
    let top = PAINTED.load(Ordering::Relaxed);
    // SAFETY: these words are part of the RAM, and `fill` has written them.
    while word < top && unsafe { (word as *const u32).read_volatile() } == PAINT {
        word += 4;
    }
    top - word
}
