//! Items in flash: pages of 256 bytes that are erased before they are written, and a commit record.
//!
//! Run it: `cargo run -p exportitems-embedded-io --example flash`
//!
//! An item takes one page for its record, and the following pages for its payload. The record is written last, at the
//! commit. If power fails before that, the record stays erased, and the next item overwrites the payload.
//! The flash is simulated. It panics if a page is written twice. The server is the emulator, in this process.

use std::error::Error;
use std::fmt;
use std::net::TcpStream;

use embedded_io_adapters::std::FromStd;
use exportitems::{Decoder, ExportItems, ItemId, Options, Outcome, ResponseItemId, Sink};
use exportitems_embedded_io::{Client, Server};
use exportitems_emulator::{item_id, payload, Emulator, Scenario, DEFAULT_MAILBOX};

const PAGE: usize = 256;
const ERASED: u8 = 0xFF;

fn main() -> Result<(), Box<dyn Error>> {
    // The second item is truncated, and the last one does not fit.
    let scenario = "item = [{ index = 1, answer = { marker = { place = 'in-data' } } }]";
    let emulator = Emulator::start(Scenario::from_toml(scenario)?, "127.0.0.1:0".parse()?)?;
    let sizes = [1_000, 9_000, 5_000, 50_000];
    let ids = sizes.map(|size| item_id(DEFAULT_MAILBOX, size, size));
    let items = ids.each_ref().map(|id| ItemId::new(id));

    let stream = FromStd::new(TcpStream::connect(emulator.address())?);
    let mut buffer = [0; 1024];
    let mut client = Client::new(stream, Server::new("localhost"), &mut buffer);
    let mut decoder: Decoder = Decoder::new(Options::new().items(4));
    let mut sink = FlashSink::new(Flash::new(64));
    let summary = client.export(&ExportItems::new(&items), &mut decoder, &mut sink)?;
    assert_eq!((summary.ok, summary.failed), (2, 2));

    // After a restart, the items can be read from the flash alone.
    let kept = sink.flash.items();
    for (index, bytes) in &kept {
        println!("item {index}: {} bytes", bytes.len());
    }
    let expected = [(0, payload(1_000, 1_000)?), (2, payload(5_000, 5_000)?)];
    assert_eq!(kept, expected);
    Ok(())
}

/// Writes items to the flash, one after the other.
struct FlashSink {
    flash: Flash,
    /// Page of the record of the current item, or of the next one.
    record: usize,
    /// Bytes of payload that have been written to pages.
    bytes: usize,
    page: [u8; PAGE],
    /// How many bytes of `page` are filled.
    filled: usize,
}

impl FlashSink {
    fn new(flash: Flash) -> Self {
        Self {
            flash,
            record: 0,
            bytes: 0,
            page: [ERASED; PAGE],
            filled: 0,
        }
    }

    /// Writes the current page, which is full or the last one of an item.
    fn write_page(&mut self) -> Result<(), FlashFull> {
        let number = self.record + 1 + self.bytes / PAGE;
        self.flash.erase(number)?;
        self.flash.write(number, &self.page);
        self.bytes += self.filled;
        (self.page, self.filled) = ([ERASED; PAGE], 0);
        Ok(())
    }
}

impl Sink for FlashSink {
    type Error = FlashFull;

    fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), FlashFull> {
        (self.page, self.filled, self.bytes) = ([ERASED; PAGE], 0, 0);
        // Erase an old record first: its payload is about to be overwritten.
        self.flash.erase(self.record)
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), FlashFull> {
        while !bytes.is_empty() {
            let len = bytes.len().min(PAGE - self.filled);
            let (now, later) = bytes.split_at(len);
            self.page[self.filled..][..len].copy_from_slice(now);
            self.filled += len;
            bytes = later;
            if self.filled == PAGE {
                self.write_page()?;
            }
        }
        Ok(())
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), FlashFull> {
        if self.filled > 0 {
            self.write_page()?;
        }
        // A reader stops at an erased record, so erase the next one before this one is written.
        let next = self.record + 1 + self.bytes.div_ceil(PAGE);
        self.flash.erase(next)?;
        self.flash
            .write(self.record, &record(outcome.index, outcome.bytes));
        self.record = next;
        Ok(())
    }

    fn abort(&mut self, _: &Outcome) {}

    fn failed(&mut self, _: &Outcome) {}
}

/// The page before a payload: index and length, and their complement, which detects a power failure during the write.
fn record(index: u32, bytes: u64) -> [u8; PAGE] {
    let mut page = [ERASED; PAGE];
    let (fields, complement) = page.split_at_mut(12);
    fields[..4].copy_from_slice(&index.to_le_bytes());
    fields[4..].copy_from_slice(&bytes.to_le_bytes());
    for (slot, byte) in complement.iter_mut().zip(fields) {
        *slot = !*byte;
    }
    page
}

fn read_record(page: &[u8; PAGE]) -> Option<(u32, usize)> {
    let (fields, complement) = page.split_at(12);
    if !fields.iter().zip(complement).all(|(a, b)| *a == !*b) {
        return None;
    }
    let index = u32::from_le_bytes(fields[..4].try_into().ok()?);
    let bytes = u64::from_le_bytes(fields[4..].try_into().ok()?);
    Some((index, bytes.try_into().ok()?))
}

/// A simulated flash.
struct Flash(Vec<[u8; PAGE]>);

impl Flash {
    fn new(pages: usize) -> Self {
        Self(vec![[0x5A; PAGE]; pages]) // not erased
    }

    fn erase(&mut self, page: usize) -> Result<(), FlashFull> {
        *self.0.get_mut(page).ok_or(FlashFull)? = [ERASED; PAGE];
        Ok(())
    }

    fn write(&mut self, page: usize, bytes: &[u8; PAGE]) {
        assert_eq!(self.0[page], [ERASED; PAGE], "a page that is not erased");
        self.0[page] = *bytes;
    }

    /// Returns the index and the payload of every committed item.
    fn items(&self) -> Vec<(u32, Vec<u8>)> {
        let (mut items, mut page) = (Vec::new(), 0);
        while let Some((index, len)) = self.0.get(page).and_then(read_record) {
            let pages = len.div_ceil(PAGE);
            let mut bytes = self.0[page + 1..][..pages].concat();
            bytes.truncate(len);
            items.push((index, bytes));
            page += 1 + pages;
        }
        items
    }
}

/// The item does not fit into the remaining pages.
#[derive(Debug)]
struct FlashFull;

impl fmt::Display for FlashFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the flash is full")
    }
}

impl Error for FlashFull {}
