//! The whole protocol in 8 KiB of RAM, checked at compile time: decoder, buffer, credentials, the ids of a batch, the
//! outcomes, the client, and its stack.
//!
//! Run it: `cargo run -p exportitems-embedded-io --example small`
//!
//! On a 32-bit target it needs less; see FOOTPRINT.md. Twenty items are exported in batches of four over one connection.
//! The server is the emulator, in this process. Its memory is not counted.

use std::error::Error;
use std::mem::size_of;
use std::net::TcpStream;

use embedded_io_adapters::std::FromStd;
use exportitems::{Decoder, Discard, ExportItems, ItemId, Options, OutcomeTable, OwnedItemId, Tee};
use exportitems_embedded_io::{Authorization, Client, Server};
use exportitems_emulator::{item_id, Auth, Emulator, Scenario, DEFAULT_MAILBOX};

const ITEMS: usize = 20;
const BATCH: usize = 4;

/// Everything that is kept between calls. It can be a `static`.
struct Protocol {
    decoder: Decoder<[u8; 256]>,
    buffer: [u8; 1024],
    secret: [u8; 64],
    ids: [Option<OwnedItemId<192, 48>>; BATCH],
    sink: Tee<Discard, OutcomeTable<ITEMS>>,
}

impl Protocol {
    const fn new() -> Self {
        Self {
            decoder: Decoder::new(Options::new()),
            buffer: [0; 1024],
            secret: [0; 64],
            ids: [const { None }; BATCH],
            sink: Tee::new(Discard, OutcomeTable::new()),
        }
    }
}

type Stream = FromStd<TcpStream>;

/// The stack that an export may take; FOOTPRINT.md has the measured figures.
const STACK: usize = 2 * 1024;
const BUDGET: usize = 8 * 1024;
const _: () = assert!(size_of::<Protocol>() + size_of::<Client<'_, Stream>>() + STACK <= BUDGET);

fn main() -> Result<(), Box<dyn Error>> {
    let scenario = Scenario {
        auth: Auth::Basic {
            user: "firmware".to_owned(),
            password: "correct horse".to_owned(),
        },
        ..Scenario::default()
    };
    let emulator = Emulator::start(scenario, "127.0.0.1:0".parse()?)?;

    let mut protocol = Protocol::new();
    let Protocol {
        decoder,
        buffer,
        secret,
        ids,
        sink,
    } = &mut protocol;
    let authorization = Authorization::basic("firmware", "correct horse", secret)?;
    let server = Server::new("localhost").authorization(authorization);
    let stream = FromStd::new(TcpStream::connect(emulator.address())?);
    let mut client: Client<'_, Stream> = Client::new(stream, server, buffer);

    for batch in (0..ITEMS as u64).collect::<Vec<_>>().chunks(BATCH) {
        // A firmware reads its ids from a file, a radio, or the response to another request.
        for (slot, &number) in ids.iter_mut().zip(batch) {
            let id = item_id(DEFAULT_MAILBOX, number, 1_000 + 500 * number);
            *slot = OwnedItemId::new(ItemId::new(&id));
        }
        let items = ids.each_ref().map(|id| match id {
            Some(id) => id.as_item_id(),
            None => ItemId::new(""), // the id did not fit; the encoder refuses an empty one
        });
        decoder.reset(Options::new().items(items.len().try_into()?));
        client.export(&ExportItems::new(&items), decoder, sink)?;
    }

    let outcomes = sink.observer.outcomes();
    let complete = outcomes.iter().filter(|it| it.error.is_none()).count();
    println!(
        "{complete} items with {} + {} bytes of RAM and {STACK} of stack",
        size_of::<Protocol>(),
        size_of::<Client<'_, Stream>>()
    );
    assert_eq!(complete, ITEMS);
    Ok(())
}
