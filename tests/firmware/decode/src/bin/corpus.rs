//! Decodes documents of the host, 100 bytes at a time, and prints the result of each.
//!
//! The file `documents`, read by semihosting, contains one document after the other: its length in bytes, a line feed,
//! its bytes. The sum of the payload bytes is printed too, so that a wrong byte is noticed.
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
        let mut totals = Totals::default();
        let result = decode(&mut file, len, &mut decoder, &mut totals);
        let Some(summary) = totals.summary else {
            process::exit(1)
        };
        let offset = result.map_or_else(|error| error.offset, |()| 0);
        println!(
            "{} {} {} {} {} {offset}",
            summary.response, summary.ok, summary.failed, totals.bytes, totals.sum
        );
    }
    process::exit(0)
}

#[derive(Default)]
struct Totals {
    bytes: u64,
    sum: u64,
    summary: Option<Summary>,
}

impl Totals {
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
    totals: &mut Totals,
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
                Ok(Some(event)) => totals.event(event),
                Ok(None) => break,
                Err(error) => result = Err(error),
            }
        }
    }
    result?;
    while let Some(event) = decoder.finish()? {
        totals.event(event);
    }
    Ok(())
}

/// Reads a decimal number and a line feed. Returns `None` at the end of the file.
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
