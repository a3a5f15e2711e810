//! Measures the decoder and the NTLM client on a Cortex-M4: their stack by painting it, their instructions by `-icount`.
//!
//! The host provides two files: `document` is a response, and `base64` is the text of its `Data`, which the base64
//! crate decodes for comparison.
#![no_std]
#![no_main]

mod ntlm;
mod stack;
mod stream;

use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, PAD};
use base64::Engine;
use core::hint::black_box;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::SYST;
use cortex_m_rt::entry;
use exportitems::{Decoder, Discard, ExportItems, IntegrityPolicy, ItemId, Options, Summary};
use exportitems_embedded_io::{Client, Server};
use semihosting::fs::File;
use semihosting::io::Read;
use semihosting::{println, process};
use stream::Stream;

/// With `-icount shift=0` an instruction takes a nanosecond, and SysTick counts at 25 MHz.
const INSTRUCTIONS_A_TICK: u32 = 40;

static mut FILE: [u8; 200 * 1024] = [0; 200 * 1024];
static mut OUT: [u8; 128 * 1024] = [0; 128 * 1024];

#[entry]
fn main() -> ! {
    // SAFETY: `main` runs once, and nothing else refers to these statics.
    let (file, out) = unsafe { (&mut *(&raw mut FILE), &mut *(&raw mut OUT)) };
    let Some(mut systick) = cortex_m::Peripherals::take().map(|it| it.SYST) else {
        process::exit(1)
    };
    let mut decoder: Decoder = Decoder::new(Options::new());

    let document = read(c"document", file);
    stack::paint();
    let summary = decode(&mut decoder, document);
    let stack = stack::high_water();
    if summary.map(|it| it.ok) != Some(1) {
        process::exit(1);
    }
    println!("stack decode {stack}");

    decoder.reset(Options::new());
    let mut buffer = [0; 1024];
    stack::paint();
    let summary = export(&mut decoder, document, &mut buffer);
    let stack = stack::high_water();
    if summary.map(|it| it.ok) != Some(1) {
        process::exit(1);
    }
    println!("stack export {stack}");

    let mut header = [0; 768];
    stack::paint();
    let answered = ntlm::answer(&mut header);
    let stack = stack::high_water();
    if !answered {
        process::exit(1);
    }
    println!("stack ntlm {stack}");
    let instructions = count(&mut systick, || ntlm::answer(&mut header));
    println!("instructions ntlm {instructions}");

    for (name, integrity) in [
        ("checked", IntegrityPolicy::Accept),
        ("unchecked", IntegrityPolicy::Off),
    ] {
        decoder.reset(Options::new().integrity(integrity));
        let instructions = count(&mut systick, || decode(&mut decoder, black_box(document)));
        println!("instructions {name} {instructions}");
    }

    let text = read(c"base64", file);
    let engine = GeneralPurpose::new(&STANDARD, PAD);
    let mut decoded = None;
    let instructions = count(&mut systick, || {
        decoded = engine.decode_slice(black_box(text), out).ok()
    });
    println!("instructions base64 {instructions}");
    println!("bytes {}", decoded.unwrap_or(0));
    process::exit(0)
}

/// Decodes a document as a firmware does, with reads of 1 KiB.
#[inline(never)]
fn decode(decoder: &mut Decoder, document: &[u8]) -> Option<Summary> {
    for mut input in document.chunks(1024) {
        decoder.feed(&mut input, &mut Discard).ok()?;
    }
    decoder.finish_into(&mut Discard).ok()
}

/// Exports one item with the blocking client.
#[inline(never)]
fn export(decoder: &mut Decoder, document: &[u8], buffer: &mut [u8]) -> Option<Summary> {
    let mut client = Client::new(Stream::new(document), Server::new("localhost"), buffer);
    let items = [ItemId::new("AAMkAGYz+NAA=")];
    client
        .export(&ExportItems::new(&items), decoder, &mut Discard)
        .ok()
}

fn read<'a>(path: &core::ffi::CStr, buffer: &'a mut [u8]) -> &'a [u8] {
    let Ok(mut file) = File::open(path) else {
        process::exit(1)
    };
    let mut len = 0;
    while let Ok(n @ 1..) = file.read(&mut buffer[len..]) {
        len += n;
    }
    &buffer[..len]
}

fn count<R>(systick: &mut SYST, work: impl FnOnce() -> R) -> u32 {
    systick.set_clock_source(SystClkSource::Core);
    systick.set_reload(0x00FF_FFFF);
    systick.clear_current();
    systick.enable_counter();
    let before = SYST::get_current();
    black_box(work());
    let after = SYST::get_current();
    (before.wrapping_sub(after) & 0x00FF_FFFF) * INSTRUCTIONS_A_TICK
}
