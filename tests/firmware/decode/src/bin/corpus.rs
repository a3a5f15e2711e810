//! Decodes documents of the host, 100 bytes at a time, and prints what each comes to.
//!
//! `documents`, read by semihosting, is one after the other: its length in bytes, a line feed, its bytes.
//! Printed is the sum of the payload bytes as well, so that a byte that differs shows.
#![no_std]
#![no_main]

#[cfg(target_arch = "arm")]
use cortex_m as _; // its critical section
#[cfg(target_arch = "arm")]
use cortex_m_rt::entry;
use exportitems::{Decoder, Error, Event, Options, Summary};
#[cfg(target_arch = "riscv32")]
use riscv as _; // its critical section
#[cfg(target_arch = "riscv32")]
use riscv_rt::entry;
use semihosting::fs::File;
use semihosting::io::Read;
use semihosting::{println, process};

#[entry]
fn main() -> ! {
    let Ok(mut file) = File::open(c"documents") else {
        process::exit(1)
    };
    let mut decoder: Decoder = Decoder::new(Options::new());
    while let Some(len) = length(&mut file) {
        decoder.reset(Options::new());
        let mut reported = Reported::default();
        let result = decode(&mut file, len, &mut decoder, &mut reported);
        let Some(summary) = reported.summary else {
            process::exit(1)
        };
        let offset = result.map_or_else(|error| error.offset, |()| 0);
        println!(
            "{} {} {} {} {} {offset}",
            summary.response, summary.ok, summary.failed, reported.bytes, reported.sum
        );
    }
    process::exit(0)
}

#[derive(Default)]
struct Reported {
    bytes: u64,
    sum: u64,
    summary: Option<Summary>,
}

impl Reported {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Data(data) => {
                self.bytes += data.len() as u64;
                self.sum += data.iter().map(|&byte| u64::from(byte)).sum::<u64>();
            }
            Event::End(summary) => self.summary = Some(summary),
            _ => {}
        }
    }
}

fn decode(
    file: &mut File,
    mut left: usize,
    decoder: &mut Decoder,
    reported: &mut Reported,
) -> Result<(), Error> {
    let mut buffer = [0; 100];
    let mut result = Ok(());
    while left > 0 {
        let most = left.min(buffer.len());
        let len = file.read(&mut buffer[..most]).unwrap_or(0);
        if len == 0 {
            process::exit(1);
        }
        left -= len;
        let mut input = &buffer[..len];
        while result.is_ok() {
            match decoder.next_event(&mut input) {
                Ok(Some(event)) => reported.event(event),
                Ok(None) => break,
                Err(error) => result = Err(error),
            }
        }
    }
    result?;
    while let Some(event) = decoder.finish()? {
        reported.event(event);
    }
    Ok(())
}

/// A decimal number and a line feed; `None` at the end of the file.
fn length(file: &mut File) -> Option<usize> {
    let (mut length, mut byte) = (0, [0]);
    while let Ok(1) = file.read(&mut byte) {
        match byte {
            [b'\n'] => return Some(length),
            [digit] => length = length * 10 + usize::from(digit - b'0'),
        }
    }
    None
}
