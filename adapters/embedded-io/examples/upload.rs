//! Puts an item back from flash memory, whose bytes are read while the request is sent.
//!
//! Run it: `cargo run -p exportitems-embedded-io --example upload`
//!
//! The server is the emulator, in this process.

use std::convert::Infallible;
use std::error::Error;
use std::net::TcpStream;

use embedded_io_adapters::std::FromStd;
use exportitems::{
    Decoder, FolderId, ItemId, Options, Outcome, OwnedItemId, ResponseItemId, Sink, UploadItem,
    UploadItems,
};
use exportitems_embedded_io::{Client, Server};
use exportitems_emulator::{payload, Emulator, Scenario};

const MAILBOX: &str = "pat@example.test";

/// Flash memory on a bus, which is read in pages by commands.
struct Flash {
    memory: Vec<u8>,
    address: usize,
}

const PAGE: usize = 256;

impl embedded_io::ErrorType for Flash {
    type Error = Infallible;
}

impl embedded_io::Read for Flash {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let rest = &self.memory[self.address..];
        let len = buffer.len().min(rest.len()).min(PAGE);
        buffer[..len].copy_from_slice(&rest[..len]);
        self.address += len;
        Ok(len)
    }
}

/// Receives the id of the new item.
struct Stored {
    id: Option<OwnedItemId<192, 48>>,
    is_confirmed: bool,
}

impl Sink for Stored {
    type Error = Infallible;

    fn begin(&mut self, _: u32, ids: ResponseItemId<'_>) -> Result<(), Infallible> {
        let id = ids.id.value().map(ItemId::new);
        self.id = id.and_then(OwnedItemId::new);
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> Result<(), Infallible> {
        Ok(()) // the response to an upload has no data
    }

    fn commit(&mut self, _: &Outcome) -> Result<(), Infallible> {
        self.is_confirmed = true;
        Ok(())
    }

    fn abort(&mut self, outcome: &Outcome) {
        println!("not stored: {:?}", outcome.code);
    }

    fn failed(&mut self, outcome: &Outcome) {
        println!("not stored: {:?}", outcome.code);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::start(Scenario::default(), "127.0.0.1:0".parse()?)?;
    // A firmware is configured with the id of its folder.
    let folder = emulator.folder_id(MAILBOX, "Inbox").ok_or("no inbox")?;
    let memory = payload(1, 100_000)?;

    let mut flash = Flash { memory, address: 0 };
    let items = [UploadItem::new(
        FolderId::new(&folder),
        flash.memory.len() as u64,
    )];
    let mut buffer = [0; 1024];
    let stream = FromStd::new(TcpStream::connect(emulator.address())?);
    let mut client = Client::new(stream, Server::new("localhost"), &mut buffer);
    let mut decoder = Decoder::<[u8; 256], _>::for_operation(Options::new().items(1));
    let mut sink = Stored {
        id: None,
        is_confirmed: false,
    };
    client.upload(
        &UploadItems::new(&items),
        &mut flash,
        &mut decoder,
        &mut sink,
    )?;

    let id = sink.id.filter(|_| sink.is_confirmed).ok_or("not stored")?;
    let stored = emulator.stored_payload(MAILBOX, id.as_item_id().id);
    assert_eq!(stored.as_deref(), Some(&flash.memory[..]));
    println!("{} bytes stored", flash.memory.len());
    Ok(())
}
