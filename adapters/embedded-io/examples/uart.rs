//! A UART without HTTP: the request is sent 16 bytes at a time, and the response is decoded as its bytes arrive.
//!
//! Run it: `cargo run -p exportitems-embedded-io --example uart`
//!
//! At the other end of the wire is a gateway that does HTTP and TLS and forwards only the bodies. The firmware needs
//! only the core. This example simulates the wire and the gateway with a thread and two channels of bytes.

use std::convert::Infallible;
use std::error::Error;
use std::sync::mpsc::{channel, Receiver, Sender};

use base64ct::{Base64, Encoding as _};
use embedded_io::{ErrorType, Read, Write};
use exportitems::{Decoder, ExportItems, FeedError, ItemId, Options, SliceSink, Summary};
use exportitems_emulator::payload;

/// Size of the UART's FIFO in bytes.
const FIFO: usize = 16;

fn main() -> Result<(), Box<dyn Error>> {
    let (mut uart, far_end) = Uart::wire();
    let gateway = std::thread::spawn(move || gateway(far_end));

    let items = [ItemId::new("AAMkAGYz+NAA=")];
    let mut room = [0; 4096];
    let mut sink = SliceSink::new(&mut room);
    // The smallest decoder. Its only disadvantage is that pieces of data are smaller.
    let mut decoder: Decoder<[u8; 64]> = Decoder::new(Options::new().items(1));
    let summary = export(
        &mut uart,
        &ExportItems::new(&items),
        &mut decoder,
        &mut sink,
    )?;

    println!("{} item of {} bytes", summary.ok, sink.committed().len());
    assert_eq!(sink.committed(), payload(1, 3_000)?);
    gateway
        .join()
        .map_err(|_| "the gateway panicked")
        .map_err(Into::into)
}

/// Sends the request and decodes the response. The response ends when the line becomes silent.
fn export<U, const N: usize>(
    uart: &mut U,
    request: &ExportItems<'_>,
    decoder: &mut Decoder<[u8; N]>,
    sink: &mut SliceSink<'_>,
) -> Result<Summary, Box<dyn Error>>
where
    U: Read + Write,
    U::Error: 'static,
{
    let mut fifo = [0; FIFO];
    let mut encoder = request.encoder()?;
    while !encoder.is_done() {
        let len = encoder.write(&mut fifo);
        uart.write_all(&fifo[..len])?;
    }
    uart.flush()?;
    loop {
        let len = uart.read(&mut fifo)?;
        if len == 0 {
            return Ok(decoder.finish_into(sink)?);
        }
        let mut received = &fifo[..len];
        while let Err(error) = decoder.feed(&mut received, sink) {
            match error {
                // The item does not fit into the slice. Its outcome reports that, and the next item may fit.
                FeedError::Sink(_) => {}
                FeedError::Response(error) => return Err(error.into()),
            }
        }
    }
}

/// One end of a wire.
struct Uart {
    receive: Receiver<u8>,
    send: Sender<u8>,
}

impl Uart {
    fn wire() -> (Self, Self) {
        let ((send, far_receive), (far_send, receive)) = (channel(), channel());
        let far = Self {
            receive: far_receive,
            send: far_send,
        };
        (Self { receive, send }, far)
    }
}

impl ErrorType for Uart {
    type Error = Infallible;
}

impl Read for Uart {
    /// Waits for a byte and returns it with all that have arrived after it. Returns 0 when the line is silent.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let first = self.receive.recv().into_iter();
        let mut len = 0;
        for (slot, byte) in buffer.iter_mut().zip(first.chain(self.receive.try_iter())) {
            *slot = byte;
            len += 1;
        }
        Ok(len)
    }
}

impl Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        for &byte in bytes {
            let _ = self.send.send(byte); // a wire does not fail when the other end is gone
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Receives a request and sends a response, as a gateway would.
fn gateway(mut uart: Uart) {
    let (mut request, mut byte) = (Vec::new(), [0]);
    while !request.ends_with(b":Envelope>") {
        assert_eq!(uart.read(&mut byte), Ok(1), "half a request");
        request.extend_from_slice(&byte);
    }
    let data = Base64::encode_string(&payload(1, 3_000).unwrap());
    let response = format!(
        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><m:ExportItemsResponse \
         xmlns:m='http://schemas.microsoft.com/exchange/services/2006/messages'><m:ResponseMessages>\
         <m:ExportItemsResponseMessage ResponseClass='Success'><m:ResponseCode>NoError</m:ResponseCode>\
         <m:Data>{data}</m:Data></m:ExportItemsResponseMessage></m:ResponseMessages>\
         </m:ExportItemsResponse></s:Body></s:Envelope>"
    );
    uart.write_all(response.as_bytes()).unwrap();
}
