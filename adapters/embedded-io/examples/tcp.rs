//! A `TcpStream` of std as the transport, through `embedded-io-adapters`: three items, one of which is refused.
//!
//! Run it: `cargo run -p exportitems-embedded-io --example tcp`
//!
//! The server is the emulator, in this process. For a real server, pass a TLS stream to the client.

use std::error::Error;
use std::net::TcpStream;

use embedded_io_adapters::std::FromStd;
use exportitems::{Decoder, Discard, ExportItems, ItemError, ItemId, Options, OutcomeTable, Tee};
use exportitems_embedded_io::{Authorization, Client, Server};
use exportitems_emulator::{item_id, Emulator, Scenario, DEFAULT_MAILBOX};

const SCENARIO: &str = "
    auth = { basic = { user = 'CONTOSO\\backup', password = 'correct horse' } }

    [[item]]
    index = 1
    answer = { error = { code = 'ErrorItemNotFound' } }
";

fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::start(Scenario::from_toml(SCENARIO)?, "127.0.0.1:0".parse()?)?;
    let ids = [1, 2, 3].map(|seed| item_id(DEFAULT_MAILBOX, seed, 10_000 * seed));
    let items = ids.each_ref().map(|id| ItemId::new(id));

    let mut secret = [0; 64];
    let authorization = Authorization::basic("CONTOSO\\backup", "correct horse", &mut secret)?;
    let server = Server::new("localhost").authorization(authorization);
    let stream = FromStd::new(TcpStream::connect(emulator.address())?);
    let mut buffer = [0; 1024];
    let mut client = Client::new(stream, server, &mut buffer);

    // Payloads are discarded here (the example `flash` stores them). A table keeps the outcome of each item.
    let mut sink = Tee::new(Discard, OutcomeTable::<3>::new());
    let mut decoder: Decoder = Decoder::new(Options::new().items(3));
    let summary = client.export(&ExportItems::new(&items), &mut decoder, &mut sink)?;

    for outcome in sink.observer.outcomes() {
        match outcome.error {
            None => println!("item {}: {} bytes, complete", outcome.index, outcome.bytes),
            Some(error) => println!("item {}: {error}, {:?}", outcome.index, outcome.code),
        }
    }
    assert_eq!((summary.ok, summary.failed), (2, 1));
    assert_eq!(sink.observer.outcomes()[1].error, Some(ItemError::Refused));
    Ok(())
}
