//! Verifies a server's certificate against its authority, both with RSA keys, and prints the stack and the heap that it
//! takes. It runs on a Cortex-M4 with 512 KiB of RAM: the board of `tests/firmware/export` is too small.
//!
//! Files of the host, read by semihosting: `ca` and `certificate`, in DER.
#![no_std]
#![no_main]

mod heap;
#[path = "../../export/src/stack.rs"]
mod stack;

use cortex_m_rt::entry;
use embedded_tls::blocking::{CertificateEntryRef, CertificateRef, Sha256, TlsVerifier as _};
use exportitems_embedded_tls::Verifier;
use portable_atomic as _; // its critical section, for `spin`
use semihosting::fs::File;
use semihosting::io::Read as _;
use semihosting::{println, process};
use spin as _; // with the feature that it needs here

const HOST: &str = "localhost";

static mut FILES: [[u8; 2048]; 2] = [[0; 2048]; 2];

#[entry]
fn main() -> ! {
    // SAFETY: `main` runs once, and nothing else refers to this static.
    let [ca, certificate] = unsafe { &mut *(&raw mut FILES) };
    let ca = read(c"ca", ca);
    let certificate = read(c"certificate", certificate);
    let is_trusted = stack::of("rsa", || verify(ca, certificate));
    println!("heap rsa {}", heap::most());
    process::exit(if is_trusted { 0 } else { 1 })
}

#[inline(never)]
fn verify(ca: &[u8], certificate: &[u8]) -> bool {
    let Ok(mut verifier) = Verifier::<2048>::new(ca, None) else {
        return false;
    };
    let mut chain = CertificateRef::with_context(&[]);
    verifier.set_hostname_verification(HOST).is_ok()
        && chain.add(CertificateEntryRef::X509(certificate)).is_ok()
        && verifier
            .verify_certificate(&Sha256::default(), chain)
            .is_ok()
}

fn read<'b>(name: &core::ffi::CStr, buffer: &'b mut [u8]) -> &'b [u8] {
    let Ok(mut file) = File::open(name) else {
        process::exit(2)
    };
    let mut len = 0;
    while let Ok(n @ 1..) = file.read(&mut buffer[len..]) {
        len += n;
    }
    &buffer[..len]
}
