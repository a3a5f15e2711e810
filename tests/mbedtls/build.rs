//! Compiles `tls.c`, and links Mbed TLS.

fn main() {
    println!("cargo::rerun-if-changed=src/tls.c");
    cc::Build::new()
        .file("src/tls.c")
        .flag_if_supported("-Wpedantic")
        .compile("tls");
    for library in ["mbedtls", "mbedx509", "mbedcrypto"] {
        println!("cargo::rustc-link-lib={library}");
    }
}
