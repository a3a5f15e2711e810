//! Copies the file of probes that `scripts/check-panic-free` has generated. Without such a file there are no probes.

use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-env-changed=PANIC_PROBES");
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let probes = env::var("PANIC_PROBES").map_or_else(
        |_| String::new(),
        |file| {
            println!("cargo::rerun-if-changed={file}");
            fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"))
        },
    );
    fs::write(Path::new(&out).join("probes.rs"), probes).expect("OUT_DIR can be written");
}
