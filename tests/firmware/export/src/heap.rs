//! The heap, which only RSA needs: 2 KiB for each of the few numbers of a signature's check.

use core::mem::MaybeUninit;
use core::ptr::addr_of_mut;

use embedded_alloc::LlffHeap;

#[global_allocator]
static HEAP: LlffHeap = LlffHeap::empty();

const SIZE: usize = 12 * 1024;

pub fn init() {
    static mut MEMORY: [MaybeUninit<u8>; SIZE] = [MaybeUninit::uninit(); SIZE];
    // SAFETY: called once, before the first allocation, and nothing else uses this memory.
    unsafe { HEAP.init(addr_of_mut!(MEMORY) as usize, SIZE) };
}

/// Returns the most bytes that can be in use.
pub const fn size() -> usize {
    SIZE
}
