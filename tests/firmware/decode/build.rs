//! Passes the memory map of the emulated machine to the linker.

use std::path::PathBuf;

fn main() {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    let is_arm = std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("arm");
    let map = if is_arm { "mps2-an386.x" } else { "virt.x" };
    std::fs::copy(map, out.join("memory.x")).expect("a writable OUT_DIR");
    println!("cargo:rustc-link-search={}", out.display());
    if !is_arm {
        println!("cargo:rustc-link-arg-bins=-Tmemory.x"); // cortex-m-rt's link.x includes it by itself
    }
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    println!("cargo:rustc-link-arg-bins=--nmagic"); // segments are not page-aligned in flash
    println!("cargo:rerun-if-changed={map}");
}
