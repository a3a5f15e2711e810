//! tokio as the executor and its `TcpStream` as the transport, with back-pressure: a slow reader slows the server down.
//!
//! Run it: `cargo run -p exportitems-embedded-io --example tokio`
//!
//! The server is the emulator, in this process.

use std::error::Error;

use embedded_io_adapters::tokio_1::FromTokio;
use exportitems::{Decoder, ExportItems, ItemId, Options, Outcome, ResponseItemId};
use exportitems_embedded_io::{AsyncSink, Client, Server};
use exportitems_emulator::{item_id, payload, Emulator, Scenario, DEFAULT_MAILBOX};
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

const SIZE: u64 = 200_000;

fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::start(Scenario::default(), "127.0.0.1:0".parse()?)?;
    let id = item_id(DEFAULT_MAILBOX, 7, SIZE);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    runtime.block_on(async {
        // A pipe of 1 KiB. While it is full, the sink waits, and so do the decoder, the socket and the server.
        let (writer, mut reader) = tokio::io::duplex(1024);
        let slow = tokio::spawn(async move {
            let (mut item, mut piece) = (Vec::new(), [0; 256]);
            while let Ok(len @ 1..) = reader.read(&mut piece).await {
                item.extend_from_slice(&piece[..len]);
                tokio::task::yield_now().await;
            }
            item
        });

        let stream = FromTokio::new(TcpStream::connect(emulator.address()).await?);
        let mut buffer = [0; 1024];
        let mut client = Client::new(stream, Server::new("localhost"), &mut buffer);
        let items = [ItemId::new(&id)];
        let mut decoder: Decoder = Decoder::new(Options::new().items(1));
        let mut sink = Pipe(writer);
        let summary = client
            .export_async(&ExportItems::new(&items), &mut decoder, &mut sink)
            .await?;

        drop(sink); // the end of the pipe
        let item = slow.await?;
        println!("{} item of {} bytes", summary.ok, item.len());
        assert!(summary.ok == 1 && item == payload(7, SIZE)?);
        Ok(())
    })
}

/// Writes the payload of one item to a stream. Bytes in a stream cannot be discarded, so the caller checks the summary.
struct Pipe<W>(W);

impl<W: AsyncWrite + Unpin> AsyncSink for Pipe<W> {
    type Error = std::io::Error;

    async fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        self.0.write_all(bytes).await
    }

    async fn commit(&mut self, _: &Outcome) -> Result<(), Self::Error> {
        self.0.flush().await
    }

    async fn abort(&mut self, _: &Outcome) {}

    async fn failed(&mut self, _: &Outcome) {}
}
