//! Measures the stack by painting its free part.

use core::ptr::addr_of;

use semihosting::println;

const PAINT: u32 = 0xCAFE_F00D;
/// Bytes that stay unpainted for the frame of the painter.
const GAP: usize = 128;

extern "C" {
    /// Defined by the linker: the lowest address of the stack.
    static __sheap: u32;
}

/// Does `work`, and prints the bytes of stack that it took, and those that were left.
#[inline(never)]
pub fn of<R>(name: &str, work: impl FnOnce() -> R) -> R {
    let (here, bottom) = (
        cortex_m::register::msp::read() as usize,
        addr_of!(__sheap) as usize,
    );
    let mut word = bottom;
    while word < here - GAP {
        // SAFETY: memory below the stack pointer and above the statics is unused.
        unsafe { (word as *mut u32).write_volatile(PAINT) };
        word += 4;
    }
    let result = work();
    let mut word = bottom;
    // SAFETY: these words are part of the RAM, and were painted.
    while word < here && unsafe { (word as *const u32).read_volatile() } == PAINT {
        word += 4;
    }
    println!("stack {name} {} {}", here - word, word - bottom);
    result
}
